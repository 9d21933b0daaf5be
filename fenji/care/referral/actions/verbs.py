"""The verbs of those who hold a case; each is one row of the table."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import carry_out
from fenji.care.referral.actions.writing import WrongReceiver, judged_again, receiver_above
from fenji.care.referral.models import Case
from fenji.ground.access.rules import Actor
from fenji.ground.network.queries import place_of


def accept(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The receiving desk takes the patient."""
    return carry_out(queries.case(number), "accept", version=version, by=by, at=at, note=note)


def decline(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The receiving desk does not take the patient, and says why."""
    return carry_out(queries.case(number), "decline", version=version, by=by, at=at, note=note)


@transaction.atomic
def redirect(number: str, receiver_id: int, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The receiving desk passes it to another institution above the origin. Raises WrongReceiver.

    The verdict is taken anew for the new way; the note, which is required, stands as the reason for a level that is skipped.
    """
    case = queries.case(number)
    origin = place_of(case.origin_id)
    receiver = receiver_above(receiver_id, origin)
    if receiver.id == case.receiver_id:
        raise WrongReceiver
    verdict = judged_again(case, origin, receiver, override=True, at=at)
    changes = {"receiver_id": receiver.id, "receiver_level": receiver.level, "department_id": None, **verdict}
    return carry_out(case, "redirect", version=version, by=by, at=at, note=note, changes=changes)


def arrive(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The patient is there; the receiver is clinically responsible from now on."""
    return carry_out(queries.case(number), "arrive", version=version, by=by, at=at, note=note)


def miss(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The patient did not come."""
    return carry_out(queries.case(number), "miss", version=version, by=by, at=at, note=note)


def answer(number: str, findings: str, advice: str, *, version: int, by: Actor, at: datetime) -> Case:
    """The receiving doctor tells the sender what was found. Raises NoteRequired when the findings are empty."""
    changes = {"findings": findings, "advice": advice}
    return carry_out(queries.case(number), "answer", version=version, by=by, at=at, note=findings, changes=changes)


def acknowledge(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The sender has read the answer; the case is closed."""
    return carry_out(queries.case(number), "acknowledge", version=version, by=by, at=at, note=note)


@transaction.atomic
def offer_again(number: str, receiver_id: int, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """After a refusal or a missed appointment: to the same or another institution. The levels are judged anew.

    Raises WrongReceiver, VerdictForbids.
    """
    case = queries.case(number)
    origin = place_of(case.origin_id)
    receiver = receiver_above(receiver_id, origin)
    verdict = judged_again(case, origin, receiver, override=bool(case.override_reason or note), at=at)
    if verdict["verdict"] == rules.NOT_ALLOWED:
        raise rules.VerdictForbids
    if case.state not in (rules.DECLINED, rules.MISSED):
        raise rules.NotPossible(state=case.state)
    changes = {"receiver_id": receiver.id, "receiver_level": receiver.level, **verdict}
    return carry_out(case, "offer", version=version, by=by, at=at, note=note, changes=changes)


def end(number: str, action: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The endings a party may choose: withdraw, close, chose_elsewhere, died."""
    return carry_out(queries.case(number), action, version=version, by=by, at=at, note=note)
