"""Packages and follow-ups to look at: one not begun, one half written, one followed and overdue, one that is over."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from fenji.care.continuity import actions, rules
from fenji.care.continuity.models import FollowUp, Package
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from tests.cast import person, scope
from tests.continuity import MEDICINE, PLAN, PRESSURE, a_stay, handed_over


def _days(package: Package) -> list[FollowUp]:
    return list(FollowUp.objects.filter(package=package).order_by("planned_on"))


def plan_things() -> dict[str, str]:
    """Ids by what they are."""
    at = now()
    with transaction.atomic(), scope(person("specialist")) as by:
        lies, drafted = a_stay(by, at, "陈桂花"), a_stay(by, at, "吴水金")
        half = rules.Summary("突发言语不清三小时")
        draft = actions.write_package(f"stay-{drafted.pk}", drafted, half, "", PLAN, by=by, at=at)
        actions.attach(draft.subject, "CT-1.png", b"\x89PNG\r\n\x1a\n" + b"x" * 20, "头颅 CT 平扫", by=by, at=at)
    with transaction.atomic():
        late = handed_over(at, PLAN, local_day(at) - timedelta(days=6))
        today = handed_over(at, [MEDICINE], local_day(at) - timedelta(days=5))
        over = handed_over(at, [PRESSURE], local_day(at) - timedelta(days=1))
        with scope(person("doctor")) as by:
            first, second, *_more = _days(late)
            actions.record(first.pk, "done", {1: "152/94"}, "头晕，已嘱低盐", version=1, by=by, at=at)
            actions.record(second.pk, "unreachable", {}, "", version=1, by=by, at=at)
            measured = _days(late)[2]
            actions.delegate(_days(today)[0].pk, by.account_id, version=1, by=by, at=at)
            actions.record(_days(over)[0].pk, "moved", {}, "迁往福州女儿家", version=1, by=by, at=at)
            followup = _days(today)[0]
    return {
        "lies": str(lies.pk),
        "drafted": str(drafted.pk),
        "draft_plan": draft.subject,
        "plan": late.subject,
        "plan_over": over.subject,
        "followup": str(followup.pk),
        "measured": str(measured.pk),
    }
