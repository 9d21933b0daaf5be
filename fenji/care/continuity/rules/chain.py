"""The chain of care: treatment, rehabilitation, long-term care (QZ-2-11j). Pure."""

from __future__ import annotations

from fenji.ground.common.refusal import Refused

TREATMENT, REHABILITATION, LONG_TERM_CARE = STAGES = ("treatment", "rehabilitation", "long_term_care")


class SkipsRehabilitation(Refused):
    """From treatment to long-term care without rehabilitation: the reason in words is missing."""

    code = "skips_rehabilitation"


class WrongStage(Refused):
    """The chain does not lead there from here: it is there already, or this is no stage."""

    code = "wrong_stage"


def next_stage(present: str, wanted: str, reason: str) -> str:
    """The stage a hand-over leads to. Forward one stage needs no reason; passing rehabilitation over does (QZ-2-11j), and so does
    going back, because the patient is worse. Raises WrongStage, SkipsRehabilitation."""
    if wanted not in STAGES or present not in STAGES or wanted == present:
        raise WrongStage
    ahead = STAGES.index(wanted) - STAGES.index(present)
    if ahead != 1 and not reason.strip():
        raise SkipsRehabilitation if ahead > 1 else WrongStage
    return wanted
