"""A critical patient leaves: checked, escorted, driven."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import carry_out
from fenji.care.referral.models import Case, Transfer
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place
from fenji.ground.policy.queries import resolve


@all_or_nothing
def leave(number: str, check: rules.Check, *, version: int, by: Actor, at: datetime) -> Case:
    """The patient leaves, checked and escorted; the receiver is told. A check made anew stands beside the earlier one.

    Raises ImplausibleCheck, TooLate, and NotPossible for a case that is not critical.
    """
    case = carry_out(queries.case(number), "leave", version=version, by=by, at=at)
    rules.accept_check(check, resolve(rules.TransferPolicy, place(case.origin).policy_path, local_day(at)), at)
    Transfer.objects.create(case=case, at=at, actor_name=by.name, **asdict(check))
    return case
