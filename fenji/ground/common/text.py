"""Text as people type it, made comparable. Pure."""

from __future__ import annotations

import unicodedata

_SEPARATORS = dict.fromkeys(map(ord, " \t\r\n\u3000-–—_·.,，。／/"), None)


def half_width(text: str) -> str:
    """Full-width letters, digits and signs as their usual forms (NFKC), outer blanks removed."""
    return unicodedata.normalize("NFKC", text).strip()


def compact(text: str) -> str:
    """`half_width`, and every blank and separator removed: for identity numbers, phones and case numbers."""
    return half_width(text).translate(_SEPARATORS)


def has_control_characters(text: str) -> bool:
    """True for characters that no form may carry: NUL (PostgreSQL refuses it), other controls except line breaks and tabs."""
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\r\t" for c in text)


def has_hidden_characters(text: str) -> bool:
    """True for characters one cannot see that change how a name reads or is found: line breaks, marks of writing direction, blanks
    of no width. The joiners that some scripts need are no such characters."""
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\u200c\u200d" for c in text)


def mask_name(name: str) -> str:
    """A name for lists other people can see over one's shoulder: first character, the rest as ×. `陈小明` → `陈××`."""
    return name[:1] + "×" * max(len(name) - 1, 1)
