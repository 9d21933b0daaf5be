"""When a bed is looked for, for a case. Pure."""

from __future__ import annotations

from fenji.care.referral.rules.table import ACCEPTED, OFFERED, ORIGIN, CaseView, NotPossible, NotYourMove

BED_WANTED = (OFFERED, ACCEPTED)
"""The ward that is asked can open the case from the offer on; before, it would be asked for somebody it may not know of."""


def may_want_bed(case: CaseView, party: str | None) -> None:
    """The sender looks for a bed at the receiver, up and down alike, until the patient is there.

    Raises NotYourMove, NotPossible.
    """
    if case.state not in BED_WANTED:
        raise NotPossible(state=case.state)
    if party != ORIGIN:
        raise NotYourMove(state=case.state)
