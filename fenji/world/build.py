"""Build the whole invented county, with progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import islice

from fenji.care.referral.models import Case
from fenji.care.registry.models import Resident
from fenji.world import clinics, county, down, past, people, publicity, story, wards

Progress = Callable[[str, int, int], None]


def residents_written() -> int:
    """How many residents there are (exact, counted as the loader)."""
    return Resident.objects.using("load").count()


def build(*, at: datetime, residents: int | None = None, cases: bool = True, progress: Progress | None = None) -> dict[str, int]:
    """Bring the county to its full size; what stands already stays. Progress: (what, done, of)."""
    say = progress or (lambda what, done, of: None)
    wanted = residents or county.rates()["county"]["residents"]
    say("county", 0, 1)
    townships = county.townships() if county.is_built() else county.build()
    staff = county.people(townships)
    county.welcome(staff)
    known = {p.username: p for p in staff}
    publicity.tell(known["officer"], known["insurer"], townships, at)
    clinics.open_clinics(at)
    say("county", 1, 1)
    have = residents_written()
    if have < wanted:
        # the people come in the same order each time: an interrupted start goes on where it stopped
        rest = islice(people.invent(wanted, townships), have, None)
        people.write(rest, lambda n: say("residents", have + n, wanted))
    if cases and not Case.objects.using("load").exists():
        count = county.rates()["story"]["cases"]
        story.tell(staff, at, lambda n: say("cases", n, count))
        say("cases", count, count)
        say("wards", 0, 1)
        there = wards.Wards(known, at)
        there.open()
        down.tell(known, there, at)
        say("wards", 1, 1)
        past.tell(known, at, lambda n: say("past", n, len(townships)))
    return {"townships": len(townships), "residents": residents_written()}
