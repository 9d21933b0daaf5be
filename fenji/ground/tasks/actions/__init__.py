"""The only writes of this room: opening and closing steps, sending, delivering and reading messages, escalating; and messages to
residents, from the outbox to the gateway or to a person who decides."""

from __future__ import annotations

from fenji.ground.tasks.actions.people import give_up, send_again, send_due, send_to_person, tell_person
from fenji.ground.tasks.actions.work import (
    Step,
    close_step,
    deliver,
    deliver_left_over,
    escalate_overdue,
    inherit,
    notify,
    open_step,
    read,
    saw,
    send,
    show_step,
)

__all__ = [
    "Step",
    "close_step",
    "deliver",
    "deliver_left_over",
    "escalate_overdue",
    "give_up",
    "inherit",
    "notify",
    "open_step",
    "read",
    "saw",
    "send",
    "send_again",
    "send_due",
    "send_to_person",
    "show_step",
    "tell_person",
]
