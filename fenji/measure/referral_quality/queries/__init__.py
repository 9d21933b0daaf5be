"""The only reads of this room offered to others: cycles and what was drawn, rates and outliers, bulletins."""

from __future__ import annotations

from fenji.measure.referral_quality.queries.counted import (
    Counts,
    Rates,
    Sent,
    community,
    counted,
    counted_here,
    day_start,
    first_sent,
    policy_at,
    rates,
    sent_by,
    unit_names,
)
from fenji.measure.referral_quality.queries.cycles import (
    cycle,
    cycles,
    judged_of,
    readings_of,
    sampled,
    sampled_of,
    to_read,
    views_of,
)
from fenji.measure.referral_quality.queries.outliers import (
    bulletin,
    bulletin_counties,
    bulletins,
    events_of,
    outlier,
    outliers,
    view_of,
)

__all__ = [
    "Counts",
    "Rates",
    "Sent",
    "bulletin",
    "bulletin_counties",
    "bulletins",
    "community",
    "counted",
    "counted_here",
    "cycle",
    "cycles",
    "day_start",
    "events_of",
    "first_sent",
    "judged_of",
    "outlier",
    "outliers",
    "policy_at",
    "rates",
    "readings_of",
    "sampled",
    "sampled_of",
    "sent_by",
    "to_read",
    "unit_names",
    "view_of",
    "views_of",
]
