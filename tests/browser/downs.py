"""Down-referrals to look at: a candidate, a draft without its package, one offered, one declined, one arrived, one sent back up."""

from __future__ import annotations

from django.db import transaction

from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.visits import actions as visits
from fenji.ground.access.rules import Actor
from fenji.ground.common.edge import now
from tests.cast import CONSENT, person, scope
from tests.continuity import a_stay
from tests.down import a_down, offered_down


def _move(login: str, case: Case, verb: str, *args: object, **more: object) -> Case:
    version = Case.objects.using("owner").get(pk=case.pk).version
    with transaction.atomic(), scope(person(login)) as by:
        return getattr(actions, verb)(case.number, *args, version=version, by=by, at=now(), **more)


def _candidate(by: Actor, phase: str) -> str:
    stay = a_stay(by, now(), "吴恢复")
    return str(visits.judge(stay.pk, phase, version=stay.version, by=by, at=now()).pk)


def down_things() -> dict[str, str]:
    """Written for good; the ids by name."""
    with transaction.atomic(), scope(person("specialist")) as by:
        found = {"recovering": _candidate(by, "surgical_recovery"), "acute": _candidate(by, "acute")}
        draft = a_down(by, whole=False)
        offered, declined, arrived, back = (offered_down(by) for _ in range(4))
    _move("doctor", declined, "decline", note="康复床位已满，下周三后可接收")
    for case in (arrived, back):
        _move("doctor", case, "accept")
        _move("doctor", case, "arrive")
    up = _move("doctor", back, "return_up", CONSENT, note="体温 38.9 ℃ 两天，左侧肢体无力加重")
    cases = {"draft": draft, "offered": offered, "declined": declined, "arrived": arrived, "back": back, "up": up}
    return found | {f"down_{name}": case.number for name, case in cases.items()}
