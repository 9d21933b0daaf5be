"""What the receiver found against what the sender wrote: concordance of the diagnosis. Pure."""

from __future__ import annotations

from fenji.ground.common.refusal import Refused

SAME, PARTLY, DIFFERENT = CONCORDANCES = ("same", "partly", "different")


class FinalMissing(Refused):
    """An answer names the final diagnosis."""

    code = "final_missing"


class CorrectionUnexplained(Refused):
    """A concordance other than the computed one needs a reason in words."""

    code = "correction_unexplained"


def concordance(sent_code: str, sent_group: str, final_code: str, final_group: str) -> str:
    """The same diagnosis; another one of the same disease group; or another disease."""
    if sent_code == final_code:
        return SAME
    return PARTLY if sent_group == final_group else DIFFERENT


def settled(computed: str, chosen: str, reason: str) -> str:
    """The concordance that stands: the doctor's, which needs a reason where it differs; without a choice the computed one.

    Raises CorrectionUnexplained.
    """
    if chosen and chosen != computed and not reason:
        raise CorrectionUnexplained
    return chosen or computed
