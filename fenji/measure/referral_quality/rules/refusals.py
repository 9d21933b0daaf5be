"""What this room refuses by name. Pure."""

from __future__ import annotations

from fenji.ground.common.refusal import Refused


class NotYourReading(Refused):
    """This person may not read this referral. detail: why (own_referral, same_reader, enough_read)."""

    code = "not_your_reading"


class ReadingNote(Refused):
    """Who answers no, or cannot say, writes why."""

    code = "reading_note"


class CycleNotDone(Refused):
    """A referral of the sample still waits for a reader. detail: left."""

    code = "cycle_not_done"


class OutlierStep(Refused):
    """This step cannot be taken with an outlier now. detail: why (a code of `rules.outliers`)."""

    code = "outlier_step"


class AlertStep(Refused):
    """This step cannot be taken with an alert now. detail: why (a code of `rules.alerts`)."""

    code = "alert_step"
