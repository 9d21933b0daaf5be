"""Consent to a transfer, kept beside the case; and the patient's refusal, which ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import carry_out
from fenji.care.referral.models import Case, Consent
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place


def keep_consent(case: Case, given: rules.ConsentGiven | None, *, at: datetime, answer: str = rules.GIVEN) -> None:
    """Write what was said down, in place of what was written before. Nothing given: what stands stays.

    Raises ConsentMissing, TooLate.
    """
    if given is None:
        return
    rules.check_consent(given, emergency=case.emergency, required=False)
    if given.at is not None:
        rules.check_past(given.at, at, queries.grounds(place(case.origin), local_day(at)).policy.late_within)
    said = Consent(
        case=case,
        answer=answer,
        who=given.who,
        guardian=given.guardian if given.who == rules.GUARDIAN else "",
        how=given.how,
        at=given.at or at,
        proposed_id=given.proposed_id if given.proposed_id != case.receiver_id else None,
    )
    changed = ["answer", "who", "guardian", "how", "at", "proposed"]
    Consent.objects.bulk_create([said], update_conflicts=True, unique_fields=["case"], update_fields=changed)


def consent_of(case: Case) -> rules.ConsentGiven | None:
    """What stands; None when nobody was asked, or refused."""
    found = queries.consent(case)
    if found is None or found.answer != rules.GIVEN:
        return None
    return rules.ConsentGiven(found.who, found.how, found.at, found.guardian, found.proposed_id)


@all_or_nothing
def refuse(number: str, said: rules.ConsentGiven, *, version: int, by: Actor, at: datetime, note: str) -> Case:
    """The patient, or the guardian, refuses to be transferred: the case ends, with who said so and why. Raises ConsentMissing."""
    if said.who not in (rules.PATIENT, rules.GUARDIAN):
        raise rules.ConsentMissing
    case = carry_out(queries.case(number), "refuse", version=version, by=by, at=at, note=note)
    before = queries.consent(case)
    keep_consent(case, replace(said, proposed_id=before.proposed_id if before else None), at=at, answer=rules.REFUSED)
    return case
