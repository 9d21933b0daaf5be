"""What the refusals of this room say."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals


def register() -> None:
    """Called once at start-up."""
    register_refusals(
        {
            "incomplete_package": (
                _("The patient cannot be sent down yet: the summary of the stay or the plan is not complete."),
                _("Fill in what is marked: both go with the patient (SM-3-6c)."),
            ),
            "plan_item": (
                _("This line of the plan cannot be dated."),
                _("Let it end after it begins, at intervals of one day or more, with at most %(most)s dates."),
            ),
            "measurement": (_("This is not a value of this measure."), _("Write it like %(example)s.")),
            "not_plausible": (
                _("No patient has this value."),
                _("Look at the number again: from %(least)s to %(most)s %(unit)s."),
            ),
            "skips_rehabilitation": (
                _("Long-term care without rehabilitation before it needs a reason."),
                _("Write in a few words why rehabilitation is left out."),
            ),
            "wrong_stage": (
                _("The chain of care does not lead there from here."),
                _("Choose another stage; going back needs a reason in words."),
            ),
        }
    )
