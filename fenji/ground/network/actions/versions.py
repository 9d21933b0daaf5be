"""The dated rows of an organisation's particulars."""

from __future__ import annotations

from datetime import date

from fenji.ground.network.actions.reach import BadChange
from fenji.ground.network.models import PARTICULARS, Organisation, OrganisationVersion


def version_of(org: Organisation, start: date, reason: str) -> OrganisationVersion:
    """The particulars as they stand, as a row that begins on a day; not written yet."""
    facts = {f: getattr(org, f"{f}_id" if f == "region" else f) for f in PARTICULARS}
    facts["region_id"] = facts.pop("region")
    return OrganisationVersion(org_id=org.id, path=org.path, start=start, reason=reason, **facts)


def write_version(org: Organisation, on: date, reason: str, using: str) -> None:
    """Date the present particulars from a day on; those of the same day are corrected in place. Raises BadChange."""
    present = OrganisationVersion.objects.using(using).select_for_update().get(org_id=org.id, end=None)
    if on < present.start:
        raise BadChange(why="before")
    new = version_of(org, on, reason)
    if on == present.start:
        new.pk = present.pk
        new.save(using=using, force_update=True)
        return
    present.end = on
    present.save(using=using, update_fields=["end"])
    new.save(using=using, force_insert=True)
