"""Registering and identifying a resident, passing the door, and opening a resident's records in an emergency."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import F

from fenji.care.registry import queries
from fenji.care.registry.actions.duplicates import propose_for
from fenji.care.registry.models import Identity, Resident
from fenji.care.registry.rules import CARD, Document, NewResident
from fenji.ground.access.actions import audit, opening
from fenji.ground.access.rules import SECURITY_ADMIN, AccessPolicy, Actor, reason_given
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.pinyin import name_readings
from fenji.ground.common.refusal import NotPermitted, Refused, Stale
from fenji.ground.common.whole import all_or_nothing
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


class AlreadyIdentified(Refused):
    """This record has a document already; another one is another record, to be linked."""

    code = "already_identified"


def resident_rows(resident_id: UUID, new: NewResident, home_org_id: int, path: str) -> tuple[Resident, Identity | None]:
    """The rows of a new resident, not yet written; no second one for somebody without a document."""
    ring = settings.DATABASE_KEYS
    resident = Resident(
        id=resident_id,
        **_names(new.name),
        sex=new.sex,
        birth_date=new.birth_date,
        phone=ring.seal(new.phone, f"resident.phone:{resident_id}"),
        address=new.address,
        home_org_id=home_org_id,
        path=path,
        entry=new.entry,
        birth_estimated=new.birth_estimated,
        mother_id=new.mother,
    )
    return resident, identity_row(resident_id, new.document) if new.document else None


def _names(name: str) -> dict[str, str]:
    readings = name_readings(name)
    other = readings[1] if len(readings) > 1 else ("", "")
    first = {"name": name, "pinyin": readings[0][0], "initials": readings[0][1]}
    return {**first, "pinyin_other": other[0], "initials_other": other[1]}


def identity_row(resident_id: UUID, document: Document) -> Identity:
    """The row of a document, not yet written."""
    return Identity(
        resident_id=resident_id,
        number=settings.DATABASE_KEYS.seal(document.index_text, f"identity.number:{resident_id}"),
        number_index=settings.INDEX_KEYS.index(document.index_text, "identity.number"),
        last4=document.value[-4:],
        kind=document.kind,
    )


def _refuse_known(document: Document) -> None:
    """While keys are rotated, the unique index does not see those who stand under an older key. Raises AlreadyRegistered."""
    if older := settings.INDEX_KEYS.indexes(document.index_text, "identity.number")[1:]:
        known = _pass_door(older)
        if known is not None:
            raise AlreadyRegistered(resident=known)


def register(new: NewResident, *, by: Actor, at: datetime) -> Resident:
    """Write a new resident of the actor's institution, and propose records that may be the same person.

    Raises AlreadyRegistered, NotPermitted, TooManyLookups; Unknown when a newborn's mother is not seen.
    """
    if not by.may("resident.register"):
        raise NotPermitted
    if new.document:
        _refuse_known(new.document)
    if new.mother:
        queries.resident(new.mother)
    place = place_of(by.org_id)
    resident, identity = resident_rows(uuid7(), new, place.id, place.path)
    try:
        with transaction.atomic():
            resident.save(force_insert=True)
            if identity:
                identity.save(force_insert=True)
            audit(by=by, at=at, action="resident.register", subject=str(resident.id), after=new.entry)
            propose_for([resident], at=at)
    except IntegrityError:
        if new.document is None:
            raise
        raise AlreadyRegistered(resident=find_by_document(new.document, by=by)) from None
    return resident


@all_or_nothing
def identify(resident_id: UUID, new: NewResident, *, version: int, by: Actor, at: datetime) -> Resident:
    """Say who somebody is that was entered without a document: name, sex, birth date and document; all that was written stays.

    Raises NotPermitted, Unknown, Stale, AlreadyIdentified; AlreadyRegistered when somebody else's record has the document: the two
    are then compared and linked.
    """
    if not by.may("resident.register"):
        raise NotPermitted
    if new.document is None:
        raise ValueError("to identify takes a document")
    found = queries.resident(resident_id)
    if not found.entry or Identity.objects.filter(pk=found.pk).exists():
        raise AlreadyIdentified
    _refuse_known(new.document)
    facts = {**_names(new.name), "sex": new.sex, "birth_date": new.birth_date, "birth_estimated": False, "entry": ""}
    if new.phone:
        facts["phone"] = settings.DATABASE_KEYS.seal(new.phone, f"resident.phone:{found.pk}")
    if new.address:
        facts["address"] = new.address
    before = found.entry
    try:
        with transaction.atomic():
            identity_row(found.pk, new.document).save(force_insert=True)
    except IntegrityError:
        raise AlreadyRegistered(resident=find_by_document(new.document, by=by)) from None
    if not Resident.objects.filter(pk=found.pk, version=version).update(**facts, version=F("version") + 1):
        raise Stale
    audit(by=by, at=at, action="resident.identify", subject=str(found.pk), before=before)
    found.refresh_from_db()
    propose_for([found], at=at)
    return found


def find_by_document(document: Document, *, by: Actor) -> UUID | None:
    """Pass the one door with a document of any kind: exact match on the keyed index, logged, limited per hour; opens the record to
    the caller. Raises TooManyLookups, NotPermitted.
    """
    if not by.may("resident.find"):
        raise NotPermitted
    return _pass_door(settings.INDEX_KEYS.indexes(document.index_text, "identity.number"))


def find_by_identity(number: str, *, by: Actor) -> UUID | None:
    """`find_by_document` with a checked number of an identity card."""
    return find_by_document(Document(CARD, number), by=by)


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


@all_or_nothing
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
