"""The only writes of this room: cycles drawn, read and closed; outliers opened and explained; alerts found, answered and judged;
bulletins published."""

from __future__ import annotations

from fenji.measure.referral_quality.actions.alerts import (
    Looked,
    answer,
    ask_for_look,
    judge,
    look_for_alerts,
    may_answer,
    may_judge,
)
from fenji.measure.referral_quality.actions.bulletins import publish_bulletins
from fenji.measure.referral_quality.actions.cycles import close_cycle, mark_overdue, open_cycle, open_cycles, read, subject_of
from fenji.measure.referral_quality.actions.outliers import act, judge_outliers

__all__ = [
    "Looked",
    "act",
    "answer",
    "ask_for_look",
    "close_cycle",
    "judge",
    "judge_outliers",
    "look_for_alerts",
    "mark_overdue",
    "may_answer",
    "may_judge",
    "open_cycle",
    "open_cycles",
    "publish_bulletins",
    "read",
    "subject_of",
]
