"""How urgent a waiting step is. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

OVERDUE = "overdue"
SOON = "soon"
WAITING = "waiting"


def urgency(due_at: datetime, at: datetime, soon_minutes: int) -> str:
    """overdue · soon · waiting. A step is overdue from its deadline on."""
    if at >= due_at:
        return OVERDUE
    return SOON if due_at - at <= timedelta(minutes=soon_minutes) else WAITING
