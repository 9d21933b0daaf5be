"""The kinds of steps, notices and messages to residents, registered at start-up by the rooms that make them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Kind:
    """`waiting`: what the step waits for. `verb`: the word on its one button."""

    waiting: str | Promise
    verb: str | Promise


_KINDS: dict[str, Kind] = {}
_NOTICES: dict[str, str | Promise] = {}
_TEMPLATES: dict[str, str | Promise] = {}


def register(code: str, waiting: str | Promise, verb: str | Promise) -> None:
    """Declare a kind of step."""
    _KINDS[code] = Kind(waiting, verb)


def register_notice(code: str, text: str | Promise) -> None:
    """Declare a kind of notice; `%(subject)s` is the case number."""
    _NOTICES[code] = text


def register_template(code: str, text: str | Promise) -> None:
    """Declare a kind of message to residents. `%(link)s` is all that a text may name: no patient, no illness, no institution."""
    _TEMPLATES[code] = text


def kind(code: str) -> Kind:
    """A registered kind. Raises KeyError for one no room declared."""
    return _KINDS[code]


def notice_text(code: str, subject: str) -> str:
    """The text of a notice."""
    return str(_NOTICES[code]) % {"subject": subject}


def kind_codes() -> frozenset[str]:
    """All declared kinds."""
    return frozenset(_KINDS)


def notice_codes() -> frozenset[str]:
    """All declared notices."""
    return frozenset(_NOTICES)


def templates() -> dict[str, str | Promise]:
    """The declared kinds of messages to residents with their texts, as they are registered with the gateway."""
    return dict(_TEMPLATES)


def template_text(code: str) -> str:
    """What a message says, for the page about it; an ellipsis stands where the link is. Raises KeyError."""
    return str(_TEMPLATES[code]) % {"link": "…"}
