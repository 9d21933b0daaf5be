"""What the paper needs: the insurer's number of a transfer."""

from __future__ import annotations

import re
from datetime import datetime

from fenji.care.referral import queries, rules
from fenji.care.referral.actions.step import record, swap
from fenji.care.referral.models import Case
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.common.text import half_width
from fenji.ground.common.whole import all_or_nothing

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9/._-]{3,39}")


class BadFilingNumber(Refused):
    """Not the form of a filing number: 4 to 40 letters, digits, slashes, points, dashes."""

    code = "bad_filing_number"


@all_or_nothing
def file_number(number: str, filing_number: str, *, version: int, by: Actor, at: datetime) -> Case:
    """Keep the number under which the insurer has filed the transfer; empty takes it away.

    Raises NotPermitted for anybody but the sender's doctors, NotPossible before it was sent and after it ended, BadFilingNumber,
    Stale.
    """
    case = queries.case(number)
    if case.origin_id != by.org_id or not by.may("referral.write"):
        raise NotPermitted
    if case.valid_until is None or case.state in rules.ENDS:
        raise rules.NotPossible(state=case.state)
    typed = half_width(filing_number).replace(" ", "")
    if typed and not _NUMBER.fullmatch(typed):
        raise BadFilingNumber
    swap(case, version, {"filing_number": typed})
    record(case, by, at, "file", case.state, case.state, "")
    return case
