"""The only writes of this room: registering a resident, passing the door, and opening a resident's records in an emergency."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connections, transaction

from fenji.care.registry.models import Identity, Resident
from fenji.care.registry.rules import NewResident
from fenji.ground.access.actions import audit, opening
from fenji.ground.access.rules import SECURITY_ADMIN, AccessPolicy, Actor, reason_given
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.pinyin import name_readings
from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.network.queries import place_of, watchers
from fenji.ground.policy.queries import resolve
from fenji.ground.tasks import actions as tasks

_TOO_MANY = "FJ001"


class TooManyLookups(Refused):
    """One person looked up more identity numbers in an hour than the policy allows."""

    code = "too_many_lookups"


class AlreadyRegistered(Refused):
    """A resident with this identity number is on file; their record has been opened through the door. detail: resident."""

    code = "already_registered"


def resident_rows(resident_id: UUID, new: NewResident, home_org_id: int, path: str) -> tuple[Resident, Identity]:
    """The two rows of a new resident, not yet written."""
    readings = name_readings(new.name)
    other = readings[1] if len(readings) > 1 else ("", "")
    ring = settings.DATABASE_KEYS
    resident = Resident(
        id=resident_id,
        name=new.name,
        pinyin=readings[0][0],
        initials=readings[0][1],
        pinyin_other=other[0],
        initials_other=other[1],
        sex=new.identity.sex,
        birth_date=new.identity.birth_date,
        phone=ring.seal(new.phone, f"resident.phone:{resident_id}"),
        address=new.address,
        home_org_id=home_org_id,
        path=path,
    )
    identity = Identity(
        resident=resident,
        number=ring.seal(new.identity.value, f"identity.number:{resident_id}"),
        number_index=settings.INDEX_KEYS.index(new.identity.value, "identity.number"),
        last4=new.identity.value[-4:],
    )
    return resident, identity


def register(new: NewResident, *, by: Actor, at: datetime) -> Resident:
    """Write a new resident of the actor's institution. Raises AlreadyRegistered, NotPermitted, TooManyLookups."""
    if not by.may("resident.register"):
        raise NotPermitted
    if older := settings.INDEX_KEYS.indexes(new.identity.value, "identity.number")[1:]:
        # while keys are rotated, the unique index does not see those who stand under an older key
        known = _pass_door(older)
        if known is not None:
            raise AlreadyRegistered(resident=known)
    place = place_of(by.org_id)
    resident, identity = resident_rows(uuid7(), new, place.id, place.path)
    try:
        with transaction.atomic():
            resident.save(force_insert=True)
            identity.save(force_insert=True)
            audit(by=by, at=at, action="resident.register", subject=str(resident.id))
    except IntegrityError:
        raise AlreadyRegistered(resident=find_by_identity(new.identity.value, by=by)) from None
    return resident


def find_by_identity(number: str, *, by: Actor) -> UUID | None:
    """Pass the one door: exact match on the keyed index, logged, limited per hour; opens the record to the caller.

    `number`: a checked number. Raises TooManyLookups, NotPermitted.
    """
    if not by.may("resident.find"):
        raise NotPermitted
    return _pass_door(settings.INDEX_KEYS.indexes(number, "identity.number"))


def _pass_door(indexes: list[bytes]) -> UUID | None:
    try:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SELECT registry_door(%s::bytea[], %s)", [indexes, uuid7()])
            found: UUID | None = cursor.fetchone()[0]
            return found
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == _TOO_MANY:
            raise TooManyLookups from None
        raise


@transaction.atomic
def break_glass(resident_id: UUID, reason: str, *, by: Actor, at: datetime) -> bool:
    """Open a resident's records at other institutions for a time, and tell the security administrators; false when they are open
    already. For reading only. `resident_id`: a resident whose record the actor sees.

    Raises NotPermitted, ReasonTooShort, TooManyOpenings.
    """
    if not by.may("glass.break"):
        raise NotPermitted
    place = place_of(by.org_id)
    words = reason_given(reason, resolve(AccessPolicy, place.policy_path, local_day(at)))
    with opening() as cursor:
        cursor.execute("SELECT registry_glass(%s, %s, %s, %s, %s)", [resident_id, words, uuid7(), uuid7(), uuid7()])
        opened: bool = cursor.fetchone()[0]
    if opened:
        for org_id in watchers(place.path, at):
            tasks.send("glass.break", org_id=org_id, role=SECURITY_ADMIN, subject=place.name, url="/glass/", at=at)
    return opened


def inherit(predecessor: int, successor: int, using: str) -> None:
    """The records an institution kept are kept by its successor from now on."""
    Resident.objects.using(using).filter(home_org_id=predecessor).update(home_org_id=successor)
