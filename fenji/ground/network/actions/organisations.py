"""Organisations: founding, dated changes, closing, mergers and splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import connections, transaction

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.network import rules
from fenji.ground.network.actions.reach import BadChange, require_reach
from fenji.ground.network.actions.regions import hand_rows, move_paths, posts_below, sign_out
from fenji.ground.network.actions.versions import version_of, write_version
from fenji.ground.network.models import (
    Department,
    ForceMember,
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


_CODE_TAKEN = {"organisation_code": partial(BadChange, why="code_taken")}
"""A code that another present organisation has is a refusal, not a broken page."""


def next_numbers(count: int, using: str) -> list[int]:
    """Permanent numbers nobody has had."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT nextval('network_number') FROM generate_series(1, %s)", [count])
        return [n for (n,) in cursor.fetchall()]


def enter(organisations: list[Organisation], start: date, using: str = "load") -> None:
    """Write organisations that are built already, each with its first dated row."""
    Organisation.objects.using(using).bulk_create(organisations, batch_size=2000)
    versions = [version_of(o, o.start or start, "") for o in organisations]
    OrganisationVersion.objects.using(using).bulk_create(versions, batch_size=2000)


def found(new: NewOrganisation, *, by: Actor, at: datetime, using: str = "default") -> Organisation:
    """Enter an organisation. Raises OutOfReach, BadChange."""
    with transaction.atomic(using=using):
        code = _code_of(new.facts["region_id"], using)
        number = next_numbers(1, using)[0]
        path = rules.path_of(code, number, new.facts.get("care_tier", ""))
        require_reach(by, path)
        if new.start > local_day(at):
            raise BadChange(why="future")
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
        with refused_as(_CODE_TAKEN, within=using):
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

    On the day the present ones began they are corrected in place. What becomes a hospital, or is one no more, gets another place,
    and its rows with it. Raises Unknown, Stale, OutOfReach, BadChange.
    """
    tiers = Organisation.objects.using(using).filter(pk=org_id).values_list("care_tier", flat=True)
    if all(rules.is_hospital(facts.get("care_tier", tier)) == rules.is_hospital(tier) for tier in tiers):
        return _changed(org_id, version, facts, on, reason, by, at, using)
    with transaction.atomic(using="load"):
        org = _changed(org_id, version, facts, on, reason, by, at, "load")
        moved = rules.path_of(_code_of(org.region_id, "load"), org.id, org.care_tier)
        move_paths(org.path, moved)
        sign_out(posts_below(moved), at)
        return Organisation.objects.using("load").get(pk=org_id)


def _changed(
    org_id: int, version: int, facts: Mapping[str, Any], on: date, reason: str, by: Actor, at: datetime, using: str
) -> Organisation:
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
        with refused_as(_CODE_TAKEN, within=using):
            org.save(using=using, update_fields=[*wanted, "version"])
        write_version(org, on, reason, using)
        audit(by=by, at=at, action="organisation.change", subject=f"org:{org_id}", after=before, using=using, on=str(on))
    return org


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
    for model in (OrganisationVersion, Membership, PractitionerRole, Department, ForceMember):
        model.objects.using(using).filter(org_id=org.id, end=None).exclude(start__gte=on).update(end=on)
    Relation.objects.using(using).filter(source_id=org.id, end=None, start__lt=on).update(end=on)
    Relation.objects.using(using).filter(target_id=org.id, end=None, start__lt=on).update(end=on)
    _end_posts(org, "organisation ended", at, using)


def _end_posts(org: Organisation, reason: str, at: datetime, using: str) -> list[Post]:
    """End the posts at an organisation and their open sessions; returns them."""
    posts = list(Post.objects.using(using).filter(org_id=org.id, end=None, start__lt=at))
    Post.objects.using(using).filter(pk__in=[p.pk for p in posts]).update(end=at, ended_because=reason)
    sign_out([p.pk for p in posts], at)
    return posts


def _not_ones_own(org: Organisation, by: Actor) -> None:
    # the session that acts is one of this post: it would end itself half-way
    if by.org_id == org.id and by.post_id is not None:
        raise BadChange(why="own_post")


def _check_last_day(org: Organisation, on: date, at: datetime) -> None:
    """It must have existed before the day, the day must have come, and nothing may be dated after it."""
    if on > local_day(at) or (org.start is not None and on <= org.start):
        raise BadChange(why="day")
    if OrganisationVersion.objects.using("load").filter(org_id=org.id, end=None, start__gte=on).exists():
        raise BadChange(why="before")


@transaction.atomic(using="load")
def close(org_id: int, version: int, *, on: date, reason: str, by: Actor, at: datetime) -> Organisation:
    """End an organisation with its memberships, departments and posts. Raises as `change` does."""
    org = _locked(org_id, version, by, "load")
    _not_ones_own(org, by)
    _check_last_day(org, on, at)
    _end_everything(org, on, at, "load")
    audit(by=by, at=at, action="organisation.close", subject=f"org:{org_id}", after=reason, using="load", on=str(on))
    return org


@transaction.atomic(using="load")
def merge(org_id: int, version: int, into: int, *, on: date, document: str, by: Actor, at: datetime) -> Succession:
    """One organisation goes into another: it ends, its rows move to the successor's place, rooms above pass on what was its.

    Raises as `change` does, and CannotMerge.
    """
    org = _locked(org_id, version, by, "load")
    _not_ones_own(org, by)
    heir = Organisation.objects.using("load").select_for_update().filter(pk=into).first()
    if heir is None:
        raise Unknown(what="organisation")
    require_reach(by, heir.path)
    rules.check_merge((org.kind, org.end), (heir.kind, heir.end))
    if org.id == heir.id:
        raise BadChange(why="same")
    _check_last_day(org, on, at)
    if heir.start is not None and on < heir.start:
        raise BadChange(why="day")
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
    for post in _end_posts(org, "organisation merged", at, "load"):
        if (post.account_id, post.role) not in held:
            Post.objects.using("load").create(account_id=post.account_id, org=heir, path=heir.path, role=post.role, start=at)


def split(org_id: int, version: int, new: NewOrganisation, *, document: str, by: Actor, at: datetime) -> Organisation:
    """Found an organisation out of another of its kind, which goes on. Raises as `change` does, and CannotMerge."""
    with transaction.atomic():
        org = _locked(org_id, version, by, "default")
        if org.kind != new.kind:
            raise rules.CannotMerge(why="kinds")
        if org.start is not None and new.start < org.start:
            raise BadChange(why="day")
        child = found(new, by=by, at=at)
        Succession.objects.create(predecessor=org, successor=child, kind="split", on=new.start, document=document)
        audit(by=by, at=at, action="organisation.split", subject=f"org:{org_id}", after=str(child.id))
    return child


def move(org_id: int, version: int, region_id: int, *, on: date, reason: str, by: Actor, at: datetime) -> Organisation:
    """An organisation moves to another region: its rows go with it. Raises as `change` does."""
    with transaction.atomic(using="load"):
        org = _locked(org_id, version, by, "load")
        _not_ones_own(org, by)
        code = _code_of(region_id, "load")
        new = rules.path_of(code, org.id, org.care_tier)
        require_reach(by, new)
        old = org.path
        change(org_id, version, {"region_id": region_id}, on=on, reason=reason, by=by, at=at, using="load")
        move_paths(old, new)
        sign_out(posts_below(new), at)
        return Organisation.objects.using("load").get(pk=org_id)
