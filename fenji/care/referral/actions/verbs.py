"""The verbs of those who hold a case; each is one row of the table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import group_of
from fenji.care.referral import queries, rules
from fenji.care.referral.actions.down import Down, offer_down, taken_over
from fenji.care.referral.actions.slots import NO_WISH, Wish, book_again
from fenji.care.referral.actions.step import carry_out
from fenji.care.referral.actions.writing import WrongReceiver, judged_again, receiver_above, receiver_columns
from fenji.care.referral.models import Case
from fenji.ground.access import rules as access
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import Place, health_authority, higher_care, place
from fenji.ground.network.queries.people import community_lead
from fenji.ground.tasks import actions as tasks


def accept(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The receiving desk takes the patient."""
    return carry_out(queries.case(number), "accept", version=version, by=by, at=at, note=note)


@all_or_nothing
def decline(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The receiving desk does not take the patient, and says why. When as many have declined as the policy says, or all there are,
    those whom it names are told."""
    case = queries.case(number)
    declined = sorted({*case.declined_ids, case.receiver_id})
    case = carry_out(case, "decline", version=version, by=by, at=at, note=note, changes={"declined_ids": declined})
    origin = place(case.origin)
    policy = queries.grounds(origin, local_day(at)).policy
    others = higher_care(origin) if case.direction == rules.UP else queries.below(origin, local_day(at))
    if len(declined) >= policy.declines_escalate or {o.id for o in others} <= set(declined):
        _raise_declined(case, origin, policy, at)
    return case


def _raise_declined(case: Case, origin: Place, policy: rules.ReferralPolicy, at: datetime) -> None:
    """Tell the lead of the alliance and the health authority. The lead may be no party of the case: they learn its number and whom
    to call, the officer sees its facts."""
    lead, authority = community_lead(origin.id, local_day(at)), health_authority(origin)
    named = {
        "alliance_lead": (lead, access.MANAGER, f"/institutions/{origin.id}/"),
        "health_authority": (authority, access.OFFICER, f"/facts/referrals/{case.number}/"),
    }
    for name in policy.declined_tells:
        org, role, url = named[name]
        if org is not None:
            tasks.send("referral.declined_by_all", org_id=org.id, role=role, subject=case.number, url=url, at=at)


@all_or_nothing
def redirect(number: str, receiver_id: int, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The receiving desk passes it to another institution above the origin. Raises WrongReceiver.

    The verdict is taken anew for the new way; the note, which is required, stands as the reason for a level that is skipped.
    """
    case = queries.case(number)
    origin = place(case.origin)
    receiver = receiver_above(receiver_id, origin)
    if receiver.id == case.receiver_id:
        raise WrongReceiver
    candidate, verdict = judged_again(case, origin, receiver, override=True, at=at)
    changes = {**receiver_columns(candidate), **verdict}
    return carry_out(case, "redirect", version=version, by=by, at=at, note=note, changes=changes)


@all_or_nothing
def arrive(number: str, *, version: int, by: Actor, at: datetime, note: str = "", door_at: datetime | None = None) -> Case:
    """The patient is there, an emergency also before anybody accepted it; the receiver is clinically responsible from now on.

    `door_at`: when they were at the door, where it is recorded later. Raises TooLate.
    """
    case = queries.case(number)
    if door_at is not None:
        rules.check_past(door_at, at, queries.grounds(place(case.receiver), local_day(at)).policy.late_within)
    changes = {"door_at": door_at} if door_at else {}
    case = carry_out(case, "arrive", version=version, by=by, at=at, note=note, changes=changes)
    if case.direction == rules.DOWN:
        taken_over(case, by=by, at=at)
    return case


def miss(number: str, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The patient did not come."""
    return carry_out(queries.case(number), "miss", version=version, by=by, at=at, note=note)


@dataclass(frozen=True, slots=True)
class Final:
    """The receiver's diagnosis. `concordance`: how it agrees with the sender's, "" as computed; another value needs the reason."""

    diagnosis: Diagnosis
    concordance: str = ""
    reason: str = ""


@all_or_nothing
def answer(number: str, findings: str, advice: str, final: Final | None, *, version: int, by: Actor, at: datetime) -> Case:
    """The receiving doctor tells the sender what was found. Raises NoteRequired when the findings are empty, FinalMissing without
    a diagnosis, CorrectionUnexplained."""
    case = queries.case(number)
    changes: dict[str, Any] = {"findings": findings, "advice": advice}
    if final is not None:
        group = group_of(final.diagnosis)
        computed = rules.concordance(case.diagnosis_code, case.disease_group, final.diagnosis.code, group)
        changes |= {
            "final_code": final.diagnosis.code,
            "final_name": final.diagnosis.name_zh,
            "final_group": group,
            "concordance": rules.settled(computed, final.concordance, final.reason),
            "concordance_reason": final.reason if final.concordance not in ("", computed) else "",
        }
    answered = carry_out(case, "answer", version=version, by=by, at=at, note=findings, changes=changes)
    if final is None:  # after the table has spoken: who may not answer at all is told that
        raise rules.FinalMissing
    return answered


def acknowledge(number: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The sender has read the answer; the case is closed."""
    return carry_out(queries.case(number), "acknowledge", version=version, by=by, at=at, note=note)


@all_or_nothing
def offer_again(
    number: str, receiver_id: int, *, version: int, by: Actor, at: datetime, note: str = "", wish: Wish = NO_WISH
) -> Case:
    """After a refusal or a missed appointment: to the same or another institution; an emergency that was not accepted in time: to
    another one, at once. The levels are judged anew. `wish`: `first` books the receiver's first free slot, `wait` asks it for one.

    On the way down: what `offer_down` does. Raises WrongReceiver, VerdictForbids, NoteRequired when something stands against the
    receiver and no reason was ever given.
    """
    case = queries.case(number)
    if case.direction == rules.DOWN:
        down = Down(receiver_id, case.summary, note or case.override_reason)
        return offer_down(case, down, version=version, by=by, at=at, note=note)
    origin = place(case.origin)
    receiver = receiver_above(receiver_id, origin)
    override = bool(case.override_reason or note)
    candidate, verdict = judged_again(case, origin, receiver, override=override, at=at)
    if candidate.blocked:
        raise rules.VerdictForbids
    if candidate.obstacles and not override:
        raise rules.NoteRequired
    if case.state not in (rules.DECLINED, rules.MISSED, rules.OFFERED):
        raise rules.NotPossible(state=case.state)
    if case.state == rules.OFFERED and receiver.id == case.receiver_id:
        raise WrongReceiver
    changes = {**receiver_columns(candidate), **verdict}
    offered = carry_out(case, "offer", version=version, by=by, at=at, note=note, changes=changes)
    book_again(offered, wish, by=by, at=at)
    return offered


def end(number: str, action: str, *, version: int, by: Actor, at: datetime, note: str = "") -> Case:
    """The endings a party may choose: withdraw, close, chose_elsewhere, died."""
    return carry_out(queries.case(number), action, version=version, by=by, at=at, note=note)
