"""Organisations: founding, dated changes, closing, mergers and splits; departments, relations, named lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import connections, transaction

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import HOUSE_ACCOUNT, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import Refused, Stale, Unknown
from fenji.ground.network import rules
from fenji.ground.network.actions.regions import hand_rows, move_paths
from fenji.ground.network.models import (
    PARTICULARS,
    Department,
    Membership,
    Organisation,
    OrganisationVersion,
    Post,
    Practitioner,
    PractitionerRole,
    RegionName,
    Relation,
    Succession,
)

Heir = Callable[[int, int, str], None]
_HEIRS: list[Heir] = []


class OutOfReach(Refused):
    """The person administers another region or institution."""

    code = "out_of_reach"


class BadChange(Refused):
    """A change of an organisation that cannot be. detail: why."""

    code = "bad_change"


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """What is known of an organisation at its founding. `facts`: particulars by field name, with `region_id`."""

    kind: str
    facts: Mapping[str, Any]
    start: date
    agency_kind: str = ""
    force_kind: str = ""
    parent_id: int | None = None
    place: Mapping[str, Any] = field(default_factory=dict)
    """address, phone, hours, longitude, latitude, distance_km."""


def register_heir(inherit: Heir) -> None:
    """Have `inherit(predecessor_id, successor_id, using)` called when an institution goes into another. Called at start-up."""
    _HEIRS.append(inherit)


def require_reach(by: Actor, path: str) -> None:
    """Refuse when the acting person does not administer this place. The house itself may. Raises OutOfReach."""
    if by.account_id != HOUSE_ACCOUNT and not (by.reach and path.startswith(by.reach)):
        raise OutOfReach


def next_numbers(count: int, using: str) -> list[int]:
    """Permanent numbers nobody has had."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT nextval('network_number') FROM generate_series(1, %s)", [count])
        return [n for (n,) in cursor.fetchall()]


def enter(organisations: list[Organisation], start: date, using: str = "load") -> None:
    """Write organisations that are built already, each with its first dated row."""
    Organisation.objects.using(using).bulk_create(organisations, batch_size=2000)
    versions = [_version_of(o, o.start or start, "") for o in organisations]
    OrganisationVersion.objects.using(using).bulk_create(versions, batch_size=2000)


def _version_of(org: Organisation, start: date, reason: str) -> OrganisationVersion:
    facts = {f: getattr(org, f"{f}_id" if f == "region" else f) for f in PARTICULARS}
    facts["region_id"] = facts.pop("region")
    return OrganisationVersion(org_id=org.id, path=org.path, start=start, reason=reason, **facts)


@transaction.atomic
def found(new: NewOrganisation, *, by: Actor, at: datetime, using: str = "default") -> Organisation:
    """Enter an organisation. Raises OutOfReach, BadChange."""
    with transaction.atomic(using=using):
        code = _code_of(new.facts["region_id"], using)
        number = next_numbers(1, using)[0]
        path = rules.path_of(code, number)
        require_reach(by, path)
        org = Organisation(
            id=number,
            kind=new.kind,
            agency_kind=new.agency_kind,
            force_kind=new.force_kind,
            parent_id=new.parent_id,
            path=path,
            start=new.start,
            **new.facts,
            **new.place,
        )
        enter([org], new.start, using)
        audit(by=by, at=at, action="organisation.found", subject=f"org:{number}", after=new.kind, using=using)
    return org


def _code_of(region_id: int, using: str) -> str:
    row = RegionName.objects.using(using).filter(region_id=region_id, end=None).first()
    if row is None:
        raise BadChange(why="region")
    return row.code


def _locked(org_id: int, version: int, by: Actor, using: str) -> Organisation:
    org = Organisation.objects.using(using).select_for_update().filter(pk=org_id).first()
    if org is None:
        raise Unknown(what="organisation")
    require_reach(by, org.path)
    if org.version != version:
        raise Stale
    if org.end is not None:
        raise BadChange(why="ended")
    return org


def change(
    org_id: int, version: int, facts: Mapping[str, Any], *, on: date, reason: str, by: Actor, at: datetime, using: str = "default"
) -> Organisation:
    """Change particulars from a day on, that day not after today; the former ones stay with their end.

    On the day the present ones began they are corrected in place. Raises Unknown, Stale, OutOfReach, BadChange.
    """
    with transaction.atomic(using=using):
        org = _locked(org_id, version, by, using)
        wanted = {k: v for k, v in facts.items() if getattr(org, k) != v}
        if not wanted:
            return org
        if on > local_day(at):
            raise BadChange(why="future")
        before = ",".join(sorted(wanted))
        for name, value in wanted.items():
            setattr(org, name, value)
        org.version += 1
        org.save(using=using, update_fields=[*wanted, "version"])
        _write_version(org, on, reason, using)
        audit(by=by, at=at, action="organisation.change", subject=f"org:{org_id}", after=before, using=using, on=str(on))
    return org


def _write_version(org: Organisation, on: date, reason: str, using: str) -> None:
    present = OrganisationVersion.objects.using(using).select_for_update().get(org_id=org.id, end=None)
    if on < present.start:
        raise BadChange(why="before")
    new = _version_of(org, on, reason)
    if on == present.start:
        new.pk = present.pk
        new.save(using=using, force_update=True)
        return
    present.end = on
    present.save(using=using, update_fields=["end"])
    new.save(using=using, force_insert=True)


def place_at(
    org_id: int, version: int, place: Mapping[str, Any], *, by: Actor, at: datetime, using: str = "default"
) -> Organisation:
    """Address, phone, hours and coordinates: kept as they are now. Raises as `change` does."""
    with transaction.atomic(using=using):
        org = _locked(org_id, version, by, using)
        for name, value in place.items():
            setattr(org, name, value)
        org.version += 1
        org.save(using=using, update_fields=[*place, "version"])
        audit(by=by, at=at, action="organisation.place", subject=f"org:{org_id}", after=",".join(sorted(place)), using=using)
    return org


def _end_everything(org: Organisation, on: date, at: datetime, using: str) -> None:
    org.end, org.version = on, org.version + 1
    org.save(using=using, update_fields=["end", "version"])
    for model in (OrganisationVersion, Membership, PractitionerRole, Department):
        model.objects.using(using).filter(org_id=org.id, end=None).exclude(start__gte=on).update(end=on)
    Relation.objects.using(using).filter(source_id=org.id, end=None, start__lt=on).update(end=on)
    Relation.objects.using(using).filter(target_id=org.id, end=None, start__lt=on).update(end=on)
    Post.objects.using(using).filter(org_id=org.id, end=None, start__lt=at).update(end=at, ended_because="organisation ended")


@transaction.atomic(using="load")
def close(org_id: int, version: int, *, on: date, reason: str, by: Actor, at: datetime) -> Organisation:
    """End an organisation with its memberships, departments and posts. Raises as `change` does."""
    org = _locked(org_id, version, by, "load")
    if on > local_day(at) or (org.start is not None and on <= org.start):
        raise BadChange(why="day")
    _end_everything(org, on, at, "load")
    audit(by=by, at=at, action="organisation.close", subject=f"org:{org_id}", after=reason, using="load", on=str(on))
    return org


@transaction.atomic(using="load")
def merge(org_id: int, version: int, into: int, *, on: date, document: str, by: Actor, at: datetime) -> Succession:
    """One organisation goes into another: it ends, its rows move to the successor's place, rooms above pass on what was its.

    Raises as `change` does, and CannotMerge.
    """
    org = _locked(org_id, version, by, "load")
    heir = Organisation.objects.using("load").select_for_update().filter(pk=into).first()
    if heir is None:
        raise Unknown(what="organisation")
    require_reach(by, heir.path)
    rules.check_merge((org.kind, org.end), (heir.kind, heir.end))
    if org.id == heir.id or on > local_day(at) or (org.start is not None and on <= org.start):
        raise BadChange(why="day" if org.id != heir.id else "same")
    _carry_people(org, heir, on, at)
    _end_everything(org, on, at, "load")
    hand_rows(org.path, heir.path)
    row = Succession.objects.using("load").create(predecessor=org, successor=heir, kind="merged", on=on, document=document)
    for inherit in _HEIRS:
        inherit(org.id, heir.id, "load")
    audit(by=by, at=at, action="organisation.merge", subject=f"org:{org_id}", after=str(into), using="load", on=str(on))
    return row


def _carry_people(org: Organisation, heir: Organisation, on: date, at: datetime) -> None:
    """Staff and posts go along: they begin anew at the successor on the day the old ones end."""
    roles = list(PractitionerRole.objects.using("load").filter(org=org, end=None, start__lt=on))
    there = set(PractitionerRole.objects.using("load").filter(org=heir, end=None).values_list("practitioner_id", "kind"))
    PractitionerRole.objects.using("load").bulk_create(
        PractitionerRole(practitioner_id=r.practitioner_id, org=heir, path=heir.path, kind=r.kind, start=on)
        for r in roles
        if (r.practitioner_id, r.kind) not in there
    )
    Practitioner.objects.using("load").filter(org=org, end=None).update(org=heir)
    held = set(Post.objects.using("load").filter(org=heir, end=None).values_list("account_id", "role"))
    posts = list(Post.objects.using("load").filter(org=org, end=None, start__lt=at))
    Post.objects.using("load").filter(pk__in=[p.pk for p in posts]).update(end=at, ended_because="organisation merged")
    for post in posts:
        if (post.account_id, post.role) not in held:
            Post.objects.using("load").create(account_id=post.account_id, org=heir, path=heir.path, role=post.role, start=at)


def split(org_id: int, version: int, new: NewOrganisation, *, document: str, by: Actor, at: datetime) -> Organisation:
    """Found an organisation out of another, which goes on. Raises as `change` does."""
    with transaction.atomic():
        org = _locked(org_id, version, by, "default")
        child = found(new, by=by, at=at)
        Succession.objects.create(predecessor=org, successor=child, kind="split", on=new.start, document=document)
        audit(by=by, at=at, action="organisation.split", subject=f"org:{org_id}", after=str(child.id))
    return child


def move(org_id: int, version: int, region_id: int, *, on: date, reason: str, by: Actor, at: datetime) -> Organisation:
    """An organisation moves to another region: its rows go with it. Raises as `change` does."""
    with transaction.atomic(using="load"):
        org = _locked(org_id, version, by, "load")
        code = _code_of(region_id, "load")
        new = rules.path_of(code, org.id)
        require_reach(by, new)
        old = org.path
        change(org_id, version, {"region_id": region_id}, on=on, reason=reason, by=by, at=at, using="load")
        move_paths(old, new)
        return Organisation.objects.using("load").get(pk=org_id)


def set_departments(
    org_id: int, wanted: Iterable[tuple[str, str, str]], *, on: date, by: Actor, at: datetime, using: str = "default"
) -> None:
    """Make (name_zh, name_en, specialty) the departments of an institution: missing ones begin, others end on the day."""
    with transaction.atomic(using=using):
        org = Organisation.objects.using(using).select_for_update().filter(pk=org_id).first()
        if org is None:
            raise Unknown(what="organisation")
        if by.org_id != org_id:
            require_reach(by, org.path)
        present = {d.name_zh: d for d in Department.objects.using(using).filter(org_id=org_id, end=None)}
        named = {zh: (en, specialty) for zh, en, specialty in wanted}
        for zh in present.keys() - named.keys():
            Department.objects.using(using).filter(pk=present[zh].pk).update(end=on)
        for zh, (en, specialty) in named.items():
            if zh in present:
                Department.objects.using(using).filter(pk=present[zh].pk).update(name_en=en, specialty=specialty)
            else:
                number = next_numbers(1, using)[0]
                new = Department(id=number, org_id=org_id, name_zh=zh, name_en=en, specialty=specialty, start=on)
                new.save(using=using, force_insert=True)
        audit(by=by, at=at, action="departments.set", subject=f"org:{org_id}", after=str(len(named)), using=using)
