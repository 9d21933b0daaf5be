"""What a visit may become. Pure."""

from __future__ import annotations

TREATED = "treated"
OBSERVE = "observe"
REFERRED_UP = "referred_up"
OPEN = ""
DISPOSITIONS = (TREATED, OBSERVE, REFERRED_UP)
"""How a visit ends. An open visit has none yet; closing without one is not possible (SM-3-4c)."""


def may_close(present: str, wanted: str) -> bool:
    """An open visit may be closed with a disposition; a closed one stays as it is, except that observation may end otherwise."""
    return wanted in DISPOSITIONS and (present in (OPEN, OBSERVE))
