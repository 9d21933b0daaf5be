"""The only writes of this room: packages written and handed over, follow-ups recorded and given to somebody, plans that end."""

from fenji.care.continuity.actions.attachments import attach, detach
from fenji.care.continuity.actions.follow_ups import delegate, record
from fenji.care.continuity.actions.packages import check, hand_over, let_see, put_under, write_package
from fenji.care.continuity.actions.shared import end_plan, inherit

__all__ = [
    "attach",
    "check",
    "delegate",
    "detach",
    "end_plan",
    "hand_over",
    "inherit",
    "let_see",
    "put_under",
    "record",
    "write_package",
]
