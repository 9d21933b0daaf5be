"""Records of one person: proposed, compared, linked to the one that stands for both, told apart, and all of it undone again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from fenji.care.registry import queries
from fenji.care.registry.models import Duplicate, Resident
from fenji.care.registry.rules import match
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor, house
from fenji.ground.common.refusal import NotPermitted, Refused, Stale
from fenji.ground.common.whole import all_or_nothing

Linked = Callable[..., None]
_LINKED: list[Linked] = []
_BATCH = 500


class CannotLink(Refused):
    """These two records cannot be linked: linked already, or the one that would be covered is kept elsewhere."""

    code = "cannot_link"


def register_linked(hook: Linked) -> None:
    """Have a room above told, at start-up, when records are linked: `hook(residents, by=…, at=…)` in the same transaction, with the
    ids of all records that are one person from now on, the one that stands for them first."""
    _LINKED.append(hook)


def propose_for(residents: Sequence[Resident], *, at: datetime, using: str = "default") -> int:
    """Write proposals for records that were just entered or changed; returns how many were new.

    Candidates come through the indexes of name and birth date, within what the connection sees: for a person their scope, for the
    sweep (`load`) the records of the same institution or township.
    """
    wanted = [r for r in residents if r.entry != "unknown"]
    pairs: dict[tuple[UUID, UUID], tuple[str, Resident]] = {}
    for one, other in queries.candidates(wanted, using):
        reason = match(one.record, other.record)
        if reason and one.resident.canonical_id != other.resident.pk and other.resident.canonical_id != one.resident.pk:
            first, second = sorted((one.resident, other.resident), key=lambda r: r.pk)
            pairs[first.pk, second.pk] = (reason, one.resident)
    there = set(
        Duplicate.objects.using(using)
        .filter(second_id__in={second for _, second in pairs}, first_id__in={first for first, _ in pairs})
        .values_list("first_id", "second_id")
    )
    rows = [
        Duplicate(first_id=first, second_id=second, reason=reason, org_id=mine.home_org_id, path=mine.path, found_at=at)
        for (first, second), (reason, mine) in pairs.items()
        if (first, second) not in there
    ]
    Duplicate.objects.using(using).bulk_create(rows, ignore_conflicts=True)
    ids = [r.pk for r in residents]
    Resident.objects.using(using).filter(pk__in=ids, matched=False).update(matched=True)
    return len(rows)


def look_for_duplicates(*, at: datetime, limit: int = 20_000) -> int:
    """Compare the records that came in bulk and were not compared yet, over `load`; returns how many records were looked at."""
    looked = 0
    while looked < limit:
        with transaction.atomic(using="load"):
            fresh = list(Resident.objects.using("load").filter(matched=False).order_by("id")[:_BATCH])
            if not fresh:
                break
            made = propose_for(fresh, at=at, using="load")
            if made:
                by = house(fresh[0].home_org_id)
                audit(by=by, at=at, action="resident.propose", subject=str(fresh[0].pk), using="load", proposals=made)
        looked += len(fresh)
    return looked


@all_or_nothing
def compare(one_id: UUID, other_id: UUID, *, by: Actor, at: datetime) -> Duplicate:
    """The pair of two records, made when somebody chose to compare them. Raises NotPermitted, Unknown, CannotLink."""
    if not by.may("resident.link"):
        raise NotPermitted
    one, other = queries.resident(one_id), queries.resident(other_id)
    if one.pk == other.pk:
        raise CannotLink
    first, second = sorted((one, other), key=lambda r: r.pk)
    found = Duplicate.objects.filter(first=first, second=second).first()
    if found is None:
        mine = next((r for r in (one, other) if r.home_org_id in by.orgs), None)
        if mine is None:
            raise CannotLink
        found = Duplicate(first=first, second=second, reason="chosen", org_id=mine.home_org_id, path=mine.path, found_at=at)
        found.save(force_insert=True)
    return found


def _swap(found: Duplicate, version: int, **changes: Any) -> None:
    if not Duplicate.objects.filter(pk=found.pk, version=version).update(**changes, version=F("version") + 1):
        raise Stale
    found.refresh_from_db()


@all_or_nothing
def link(duplicate_id: UUID, kept_id: UUID, *, version: int, by: Actor, at: datetime) -> Duplicate:
    """Say that two records are one person, and which of them stands for both. Nothing is moved: it can be undone.

    Raises NotPermitted, Unknown, Stale, CannotLink.
    """
    if not by.may("resident.link"):
        raise NotPermitted
    found = queries.duplicate(duplicate_id)
    if kept_id not in (found.first_id, found.second_id) or found.state == "linked":
        raise CannotLink
    other_id = found.second_id if kept_id == found.first_id else found.first_id
    # in one order, whoever links what: two links at once must not close a ring
    locked = Resident.objects.select_for_update().filter(pk__in=(queries.canonical(kept_id), queries.canonical(other_id)))
    list(locked.order_by("pk"))
    kept, joined = queries.canonical(kept_id), queries.canonical(other_id)
    if kept == joined or set(queries.resident(joined).viewer_ids) & set(by.orgs):
        raise CannotLink  # one already, or a record that the actor only came to see through the door
    if not Resident.objects.filter(pk=joined, canonical=None).update(canonical_id=kept, version=F("version") + 1):
        raise CannotLink
    _swap(found, version, state="linked", kept_id=kept, joined_id=joined, decided_at=at, decided_by=by.name)
    audit(by=by, at=at, action="resident.link", subject=str(joined), after=str(kept), reason=found.reason)
    residents = queries.linked(kept)
    for hook in _LINKED:
        hook(residents, by=by, at=at)
    return found


@all_or_nothing
def unlink(duplicate_id: UUID, *, version: int, by: Actor, at: datetime) -> Duplicate:
    """Undo a link: each record stands for itself again, with all that was written on it. Raises NotPermitted, Unknown, Stale."""
    if not by.may("resident.link"):
        raise NotPermitted
    found = queries.duplicate(duplicate_id)
    if found.state != "linked":
        raise Stale
    before, joined = found.kept_id, found.joined_id
    _swap(found, version, state="proposed", kept_id=None, joined_id=None, decided_at=None, decided_by="")
    Resident.objects.filter(pk=joined, canonical_id=before).update(canonical_id=None, version=F("version") + 1)
    audit(by=by, at=at, action="resident.unlink", subject=str(joined), before=str(before))
    return found


@all_or_nothing
def tell_apart(duplicate_id: UUID, *, version: int, by: Actor, at: datetime) -> Duplicate:
    """Say that two records are two people; they are not proposed again. Raises NotPermitted, Unknown, Stale."""
    if not by.may("resident.link"):
        raise NotPermitted
    found = queries.duplicate(duplicate_id)
    if found.state != "proposed":
        raise Stale
    _swap(found, version, state="distinct", decided_at=at, decided_by=by.name)
    audit(by=by, at=at, action="resident.tell_apart", subject=str(found.pk))
    return found
