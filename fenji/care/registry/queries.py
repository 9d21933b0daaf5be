"""The only reads of this room offered to others: a resident, a search, the decrypted particulars for one page; which records are
one person, and which may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from fenji.care.registry import rules
from fenji.care.registry.models import Duplicate, Identity, Proxy, Resident
from fenji.ground.access.rules import Actor
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.common.text import compact

PAGE = 50


@dataclass(frozen=True, slots=True)
class Particulars:
    """What one page shows of a resident: identity number masked, phone in clear."""

    identity_masked: str
    phone: str
    age: int
    kind: str = ""


def resident(resident_id: UUID) -> Resident:
    """A resident that the open scope reaches. Raises Unknown, alike for none and for somebody else's."""
    found = one(Resident.objects.filter(pk=resident_id).select_related("home_org"))
    if found is None:
        raise Unknown(what="resident")
    return found


def search(text: str, limit: int = PAGE) -> list[Resident]:
    """Residents by part of the name, full pinyin or initials, by pinyin. One more than `limit` means: there are more."""
    typed = compact(text)
    if not typed:
        return []
    if typed.isascii():
        low = typed.lower()
        match = Q(pinyin__starts=low) | Q(initials__starts=low) | _other(low)
    else:
        match = Q()
        for part in {typed, rules.fold_name(text)}:  # the same but for names with a middle dot or inner blanks
            match |= Q(name__starts=part) | Q(name_2__starts=part) | Q(name_3__starts=part)
    found = list(Resident.objects.filter(match).order_by("pinyin", "id")[: limit + 1])
    return list({r.pk: r for r in map(_stands_for, found)}.values())


def _stands_for(found: Resident) -> Resident:
    """The record that stands for one, as far as the open scope sees it."""
    return found if found.canonical_id is None else Resident.objects.get(pk=canonical(found.pk))


def _other(low: str) -> Q:
    # the partial indexes are used only when the condition says the same
    return (Q(pinyin_other__starts=low) & ~Q(pinyin_other="")) | (Q(initials_other__starts=low) & ~Q(initials_other=""))


def phone_of(found: Resident) -> str:
    """The phone of a resident, decrypted."""
    return str(settings.DATABASE_KEYS.open(bytes(found.phone), f"resident.phone:{found.pk}"))


def particulars(found: Resident, today: date) -> Particulars:
    """Decrypt what the page of one resident shows."""
    kind, value = document_of(found.pk)
    return Particulars(rules.masked(value) if value else "", phone_of(found), age_on(found.birth_date, today), kind)


def document_of(resident_id: UUID) -> tuple[str, str]:
    """(kind, number) of a resident's document, decrypted; both empty when there is none."""
    identity = Identity.objects.filter(pk=resident_id).only("resident_id", "number", "kind").first()
    return (identity.kind, _number(identity)[1]) if identity else ("", "")


def _number(identity: Identity) -> tuple[str, str]:
    """(series, number): a number of GB 11643 is of one series, whatever card it is printed on."""
    ring = settings.DATABASE_KEYS
    return rules.parse_index_text(ring.open(bytes(identity.number), f"identity.number:{identity.resident_id}"))


# --- who acts for a resident -------------------------------------------------------------------------------------------------


def proxy_place(proxy_id: UUID) -> str:
    """What a sealed phone of a proxy is bound to."""
    return f"proxy.phone:{proxy_id}"


def proxy(proxy_id: UUID) -> Proxy:
    """Somebody who acts for a resident whom the open scope reaches. Raises Unknown."""
    found = one(Proxy.objects.filter(pk=proxy_id).select_related("resident"))
    if found is None:
        raise Unknown(what="proxy")
    return found


def proxies_of(resident_id: UUID) -> list[Proxy]:
    """All who act, acted or will act for a resident, under whichever record of this person: the latest first."""
    return list(Proxy.objects.filter(resident_id__in=linked(resident_id)).select_related("org").order_by("-start", "-id"))


def proxies_now(resident_id: UUID, today: date) -> list[tuple[Proxy, str]]:
    """Those who act for a resident today, each with the phone in clear."""
    held = [p for p in proxies_of(resident_id) if p.ended_at is None and p.term.covers(today)]
    return [(p, str(settings.DATABASE_KEYS.open(bytes(p.phone), proxy_place(p.pk)))) for p in held]


# --- records of one person ---------------------------------------------------------------------------------------------------

_UP = """
WITH RECURSIVE up (id, canonical_id, depth) AS (
  SELECT id, canonical_id, 0 FROM registry_resident WHERE id = %s
  UNION SELECT r.id, r.canonical_id, up.depth + 1 FROM registry_resident r JOIN up ON r.id = up.canonical_id
) SELECT id FROM up ORDER BY depth DESC LIMIT 1
"""
_DOWN = """
WITH RECURSIVE down (id, depth) AS (
  SELECT %s::uuid, 0 UNION SELECT r.id, down.depth + 1 FROM registry_resident r JOIN down ON r.canonical_id = down.id
) SELECT id FROM down ORDER BY depth, id
"""


def canonical(resident_id: UUID) -> UUID:
    """The record that stands for a resident's, as far as the open scope sees it; itself when it is linked to none."""
    with connection.cursor() as cursor:
        cursor.execute(_UP, [resident_id])
        row = cursor.fetchone()
        return row[0] if row else resident_id


def linked(resident_id: UUID) -> tuple[UUID, ...]:
    """All records that are one person with this one and that the open scope sees, the one that stands for them first."""
    with connection.cursor() as cursor:
        cursor.execute(_DOWN, [canonical(resident_id)])
        return tuple(row[0] for row in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Compared:
    """A row, and what of it is compared."""

    resident: Resident
    record: rules.Record


def candidates(residents: Sequence[Resident], using: str = "default") -> Iterator[tuple[Compared, Compared]]:
    """Each of `residents` with the records that share a block with it: its name or its birth date.

    Over `load`, which sees all, only records of the same institution. Pairs that cannot match are left out
    before anything is decrypted.
    """
    near = Q(name__in={r.name for r in residents})
    born = Q(birth_date__in={r.birth_date for r in residents})
    here = Q(home_org_id__in={r.home_org_id for r in residents}) if using != "default" else Q()
    others: dict[UUID, Resident] = {}
    for block in (near, born):  # apart, so that each takes its index
        others |= {r.pk: r for r in Resident.objects.using(using).filter(block, here).exclude(entry="unknown")}
    ids = {*others, *(r.pk for r in residents)}
    papers = {i.resident_id: i for i in Identity.objects.using(using).filter(pk__in=ids).defer("number_index")}
    blocks: dict[tuple[str, str], list[Resident]] = {}
    for other in others.values():
        for block_key in (("name", other.name), ("born", other.birth_date.isoformat())):
            blocks.setdefault(block_key, []).append(other)
    opened: dict[UUID, Compared] = {}

    def compared(row: Resident) -> Compared:
        if row.pk not in opened:
            opened[row.pk] = Compared(row, record_of(row, papers.get(row.pk)))
        return opened[row.pk]

    for born in residents:
        met = {o.pk: o for key in (("name", born.name), ("born", born.birth_date.isoformat())) for o in blocks.get(key, [])}
        for other in met.values():
            if other.pk == born.pk or (using != "default" and other.home_org_id != born.home_org_id):
                continue
            old = "old_card" in {papers[r.pk].kind for r in (born, other) if r.pk in papers}
            if old or born.name == other.name or (born.address and born.address == other.address):
                yield compared(born), compared(other)


def record_of(row: Resident, identity: Identity | None) -> rules.Record:
    """What is compared of a resident, decrypted."""
    series, number = _number(identity) if identity else ("", "")
    return rules.Record(row.name, row.pinyin, row.sex, row.birth_date, phone_of(row), row.address, series, number)


def duplicate(duplicate_id: UUID) -> Duplicate:
    """A pair of records. Raises Unknown."""
    found = Duplicate.objects.filter(pk=duplicate_id).first()
    if found is None:
        raise Unknown(what="duplicate")
    return found


def duplicates(actor: Actor, state: str) -> QuerySet[Duplicate]:
    """The pairs of the actor's institution in a state, oldest proposal first."""
    return Duplicate.objects.filter(org_id__in=actor.orgs, state=state).order_by("id")


def residents_by_id(ids: Iterable[UUID]) -> dict[UUID, Resident]:
    """Those of `ids` that the open scope sees."""
    return {r.pk: r for r in Resident.objects.filter(pk__in=set(ids)).select_related("home_org")}


def children_of(resident_id: UUID) -> list[Resident]:
    """Newborns that were entered under a resident, youngest first."""
    return list(Resident.objects.filter(mother_id=resident_id).order_by("-birth_date", "id"))


def pairs_of(resident_id: UUID) -> list[Duplicate]:
    """Pairs of records of which one is this resident's, or linked with it: proposed and linked ones."""
    ids = linked(resident_id)
    found = Duplicate.objects.filter(Q(first_id__in=ids) | Q(second_id__in=ids)).exclude(state="distinct")
    return list(found.order_by("id"))
