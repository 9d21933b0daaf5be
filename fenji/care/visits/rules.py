"""What a visit may become. Pure."""

from __future__ import annotations

TREATED = "treated"
OBSERVE = "observe"
REFERRED_UP = "referred_up"
OPEN = ""
DISPOSITIONS = (TREATED, OBSERVE, REFERRED_UP)
"""How a visit ends. An open visit has none yet; closing without one is not possible (SM-3-4c)."""

KEPT_HERE = (TREATED, OBSERVE)
"""How a visit may end after all when what was referred up came back: treated where the patient is."""


def may_close(present: str, wanted: str) -> bool:
    """An open visit may be closed with a disposition; a closed one stays as it is, except that observation may end otherwise."""
    return wanted in DISPOSITIONS and (present in (OPEN, OBSERVE))
