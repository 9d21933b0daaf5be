"""The only reads of this room offered to others, and those of its own pages.

Copies and what stands in them may be read with no scope open: the public pages do. The log and the announcements may not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet

from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.pinyin import syllables
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.text import half_width
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network.queries import (
    Place,
    care_counties,
    care_names,
    care_within,
    leads,
    led_members,
    organisations_within,
    place_of,
    places_of,
    region_names,
)
from fenji.ground.network.rules import PRIMARY, TIERS
from fenji.ground.policy.queries import resolve
from fenji.ground.publication import rules
from fenji.ground.publication.models import Announcement, AnnouncementReceipt, ChannelEvent, Published, PublishedItem

_URGENCY = ("short", "none", "pending", "met")


def _days(on: date, prefix: str = "") -> Q:
    return Q(**{f"{prefix}start__lte": on}) & (Q(**{f"{prefix}end": None}) | Q(**{f"{prefix}end__gt": on}))


# --- copies ------------------------------------------------------------------------------------------------------------------


def in_force(org_id: int, kind: str, on: date) -> list[Published]:
    """The copies of one kind that an organisation shows on a day, one for each key, by key."""
    return list(Published.objects.filter(_days(on), org_id=org_id, kind=kind).order_by("key"))


def history(org_id: int, kind: str, key: str = "") -> list[Published]:
    """All copies ever made of one thing, newest first; one that was replaced before it took effect has its end on its start."""
    return list(Published.objects.filter(org_id=org_id, kind=kind, key=key).order_by("-number"))


def shown(org_id: int, on: date) -> list[Published]:
    """What an organisation's page shows on a day: every copy in force."""
    return list(Published.objects.filter(_days(on), org_id=org_id).order_by("kind", "key"))


def planned(org_id: int, on: date) -> list[Published]:
    """Copies that take effect on a later day, soonest first."""
    later = Published.objects.filter(Q(end=None) | Q(end__gt=F("start")), org_id=org_id, start__gt=on)
    return list(later.order_by("start", "kind", "key"))


def ended(org_id: int, on: date) -> list[Published]:
    """Copies that were in force once and are not any more, latest first."""
    past = Published.objects.filter(org_id=org_id, end__lte=on, end__gt=F("start"))
    return list(past.defer("body").order_by("-end", "kind", "key"))


def copy_of(copy_id: UUID) -> Published:
    """A copy by id. Raises Unknown."""
    found = Published.objects.filter(pk=copy_id).first()
    if found is None:
        raise Unknown(what="copy")
    return found


def authorities(at: str, on: date) -> list[Place]:
    """The agencies of a county and of its city that show a list on a day, by place."""
    city = at[: REGION_PREFIXES["city"]]
    held = Published.objects.filter(_days(on), path__starts=city).values_list("org_id", flat=True).distinct()
    found = [p for p in places_of(held) if p.kind == "agency"]
    return [p for p in found if p.path[: REGION_PREFIXES["county"]] in (at, f"{city}00")]


def treatable_copy(org_id: int, on: date) -> Published | None:
    """The list of treatable diseases that an institution shows on a day."""
    found = in_force(org_id, rules.TREATABLE, on)
    return max(found, key=lambda c: (c.start, c.published_at), default=None)


# --- finding -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disease:
    """A disease group that somebody treats: code, names, how many institutions say so."""

    code: str
    zh: str
    en: str
    places: int


@dataclass(frozen=True, slots=True)
class Found:
    """An institution as the finder shows it. `near`: rules.nearness; `groups`: how many disease groups it has made public."""

    place: Place
    region: str
    near: int
    groups: int


def _items(on: date) -> QuerySet[PublishedItem]:
    return PublishedItem.objects.filter(_days(on, "published__"), published__kind=rules.TREATABLE)


def _diseases(items: QuerySet[PublishedItem]) -> QuerySet[PublishedItem, dict[str, Any]]:
    counted = items.values("code").annotate(name_zh=Min("zh"), name_en=Min("en"), places=Count("org_id", distinct=True))
    return counted.order_by("-places", "code")


def diseases(typed: str, on: date, limit: int) -> list[Disease]:
    """Disease groups that some institution treats, by code, part of the name, pinyin or initials; widest spread first."""
    said = half_width(typed)
    plain = said.lower().replace(" ", "")
    if not plain:
        return []
    fits = Q(zh__contains=said) | Q(en__icontains=said) | Q(code__iexact=plain)
    if plain.isascii():
        fits |= Q(initials__contains=plain) | Q(pinyin__contains=plain)
    return [Disease(d["code"], d["name_zh"], d["name_en"], d["places"]) for d in _diseases(_items(on).filter(fits))[:limit]]


def disease(code: str, on: date) -> Disease:
    """A disease group that somebody treats on a day. Raises Unknown."""
    found = _diseases(_items(on).filter(code=code)).first()
    if found is None:
        raise Unknown(what="disease")
    return Disease(code, found["name_zh"], found["name_en"], found["places"])


def _described(places: Sequence[Place], at: str, groups: dict[int, int]) -> list[Found]:
    names = region_names({region_of(p) for p in places})
    found = [Found(p, names.get(region_of(p), ""), rules.nearness(at, p.path), groups.get(p.id, 0)) for p in places]
    return sorted(found, key=lambda f: (f.near, f.place.level, f.place.path))


def region_of(place: Place) -> str:
    """The code of the smallest region that says where an institution is: its township, of a hospital its county."""
    width = REGION_PREFIXES["township"] if place.tier in PRIMARY else REGION_PREFIXES["county"]
    return place.path[:width]


def _group_counts(org_ids: Collection[int], on: date) -> dict[int, int]:
    counted = _items(on).filter(org_id__in=org_ids).values("org_id").annotate(n=Count("code", distinct=True))
    return {row["org_id"]: row["n"] for row in counted}


def treating(code: str, at: str, on: date) -> list[Found]:
    """Institutions whose list in force has the disease group, nearest to `at` first (SM-3-2l), lower tiers before higher."""
    near = _items(on).filter(code=code, path__starts=at[: REGION_PREFIXES["city"]])
    held = set(near.values_list("org_id", flat=True))
    return _described(places_of(held), at, _group_counts(held, on))


def counties_treating(code: str, on: date) -> list[tuple[str, str, int]]:
    """(county code, name, how many institutions there) for a disease group, most first."""
    counts: dict[str, set[int]] = {}
    for org_id, path in _items(on).filter(code=code).values_list("org_id", "path"):
        counts.setdefault(path[: REGION_PREFIXES["county"]], set()).add(org_id)
    names = region_names(counts)
    return sorted(((c, names.get(c, c), len(ids)) for c, ids in counts.items()), key=lambda row: (-row[2], row[0]))


def institutions_in(at: str, on: date) -> list[Found]:
    """All institutions of care of a county or township unit, lower tiers last within a township: the centre stands first."""
    places = care_within(at)
    found = _described(places, at, _group_counts([p.id for p in places], on))
    return sorted(found, key=lambda f: (-f.place.level, f.place.path))


@lru_cache(maxsize=32768)
def _reading(name: str) -> tuple[str, str]:
    read = syllables(name)
    return "".join(read), "".join(s[0] for s in read)


def institutions(typed: str, at: str, on: date, limit: int) -> tuple[list[Found], bool]:
    """Institutions by part of the name, full pinyin or initials, nearest to `at` first; and whether there are more than `limit`."""
    said = half_width(typed)
    plain = said.lower().replace(" ", "")
    if not plain:
        return [], False
    fits = [row for row in care_names() if said in row[1] or (plain.isascii() and _sounds(plain, row[1]))]
    fits.sort(key=lambda row: (rules.nearness(at, row[3]), -TIERS.index(row[2]), row[3]))
    near = [row[0] for row in fits[:limit]]
    found = {f.place.id: f for f in _described(places_of(near), at, _group_counts(near, on))}
    return [found[i] for i in near], len(fits) > limit


def _sounds(plain: str, name: str) -> bool:
    full, initials = _reading(name)
    return plain in full or plain in initials


def counties() -> dict[str, list[tuple[str, str]]]:
    """City name → (code, name) of its counties in which there is an institution of care."""
    codes = care_counties()
    names = region_names([*codes, *(f"{c[: REGION_PREFIXES['city']]}00" for c in codes)])
    found: dict[str, list[tuple[str, str]]] = {}
    for code in codes:
        found.setdefault(names.get(f"{code[: REGION_PREFIXES['city']]}00", ""), []).append((code, names.get(code, code)))
    return found


def where_is(at: str) -> list[tuple[str, str]]:
    """(code, name) of a region and what it lies in, widest first: city, county, township. Raises Unknown for no region."""
    if not at:
        return []
    codes = [f"{at[: REGION_PREFIXES['city']]}00", at[: REGION_PREFIXES["county"]], at]
    names = region_names(codes)
    if at not in names:
        raise Unknown(what="region")
    return [(c, names[c]) for c in dict.fromkeys(codes) if c in names]


# --- channels ----------------------------------------------------------------------------------------------------------------


def policy_at(place: Place, on: date) -> rules.PublicationPolicy:
    """The parameters that bind at a place."""
    return resolve(rules.PublicationPolicy, place.policy_path, on)


def _rule_copy(copy: Published) -> rules.Copy:
    return rules.Copy(copy.number, copy.start, local_day(copy.published_at))


def stale(org_id: int, on: date, policy: rules.PublicationPolicy) -> rules.Standing:
    """Which channels of an institution's list are missing or stale on a day (SM-3-2g). Needs a scope that reaches its log."""
    return standings([org_id], on, {org_id: policy})[org_id]


def standings(org_ids: Collection[int], on: date, policies: dict[int, rules.PublicationPolicy]) -> dict[int, rules.Standing]:
    """`stale` for many institutions, in two reads."""
    copies: dict[int, Published] = {}
    found = Published.objects.filter(_days(on), org_id__in=org_ids, kind=rules.TREATABLE)
    for copy in found.defer("body").order_by("start", "published_at"):
        copies[copy.org_id] = copy
    entries: dict[tuple[int, str], list[rules.Entry]] = {}
    logged = ChannelEvent.objects.filter(org_id__in=org_ids, voided_at=None, published__kind=rules.TREATABLE)
    for org_id, key, channel, day, number in logged.values_list("org_id", "published__key", "channel", "day", "published__number"):
        entries.setdefault((org_id, key), []).append(rules.Entry(channel, day, number))
    held: dict[int, rules.Standing] = {}
    for org_id in org_ids:
        present = copies.get(org_id)
        lines = entries.get((org_id, present.key), []) if present else []
        held[org_id] = rules.standing(_rule_copy(present) if present else None, lines, on, policies[org_id])
    return held


@dataclass(frozen=True, slots=True)
class BoardRow:
    """An institution on the officers' list."""

    place: Place
    standing: rules.Standing


def watched(by: Actor, on: date) -> list[Place]:
    """The primary institutions whose channels somebody watches over: an officer's region, the members of an alliance one leads."""
    places = care_within(by.reach) if by.reach else led_members(by.org_id, on)
    return [p for p in places if p.tier in PRIMARY]


def board(by: Actor, tier: str, outcome: str, on: date) -> list[BoardRow]:
    """The watched institutions with where they stand, those not met first. Empty `tier` or `outcome`: all."""
    places = [p for p in watched(by, on) if tier in ("", p.tier)]
    held = standings([p.id for p in places], on, {p.id: policy_at(p, on) for p in places})
    rows = [BoardRow(p, held[p.id]) for p in places if outcome in ("", held[p.id].outcome)]
    return sorted(rows, key=lambda r: (_URGENCY.index(r.standing.outcome), -TIERS.index(r.place.tier), r.place.path))


def log_of(org_id: int) -> list[ChannelEvent]:
    """What an institution has logged, newest first; what was taken back is left out."""
    found = ChannelEvent.objects.filter(org_id=org_id, voided_at=None).select_related("published")
    return list(found.defer("published__body").order_by("-day", "-at"))


def managed(org_id: int, by: Actor, on: date) -> Place:
    """An organisation whose public copies somebody may keep: its own people, the lead's, an officer over it. Raises Unknown."""
    place = place_of(org_id)
    if place.id in by.orgs or (by.reach and place.path.startswith(by.reach)) or leads(by.org_id, place.id, on):
        return place
    raise Unknown(what="organisation")


# --- announcements -----------------------------------------------------------------------------------------------------------


def audience(code: str, by: Actor, on: date) -> list[Place]:
    """The organisations that an audience stands for, as seen from the actor's post; for `listed` those that may be named."""
    if code == "own":
        return [place_of(by.org_id)]
    if code == "alliance":
        return led_members(by.org_id, on)
    mine = place_of(by.org_id)
    prefix = rules.below(mine.kind, mine.tier, mine.path, by.reach)
    under = places_of(organisations_within(prefix).exclude(pk=by.org_id).values_list("id", flat=True))
    if mine.kind == "care":  # in a centre's township lie hospitals and offices too, which are not below it
        under = [p for p in under if p.kind == "care" and p.level < mine.level]
    if code == "below":
        return under
    named = {p.id: p for p in (*under, *led_members(by.org_id, on))}
    return list(named.values())


def _received(by: Actor, on: date) -> QuerySet[Announcement]:
    """Announcements addressed to the actor's organisation that have begun; those of its own only when it addressed itself."""
    mine = Announcement.objects.filter(viewer_ids__overlap=[by.org_id], start__lte=on, withdrawn_at=None)
    return mine.filter(~Q(org_id=by.org_id) | Q(to_own=True))


def _receipt(by: Actor) -> QuerySet[AnnouncementReceipt]:
    return AnnouncementReceipt.objects.filter(announcement=OuterRef("pk"), account_id=by.account_id, org_id=by.org_id)


_UNREAD = """
SELECT count(*) FROM publication_announcement a
 WHERE a.start <= %(on)s AND (a.until IS NULL OR a.until > %(on)s) AND a.withdrawn_at IS NULL
   AND a.viewer_ids && ARRAY[%(org)s]::int[] AND (a.org_id <> %(org)s OR a.to_own)
   AND NOT EXISTS (SELECT 1 FROM publication_announcementreceipt r
                    WHERE r.announcement_id = a.id AND r.account_id = %(account)s AND r.org_id = %(org)s
                      AND (r.confirmed_at IS NOT NULL OR NOT a.must_confirm))
"""


def unread(by: Actor, at: datetime) -> int:
    """How many announcements in force wait to be read, or to be confirmed where that is asked, by this person.

    In SQL, unlike all other reads of this room: every page of the house asks.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNREAD, {"on": local_day(at), "org": by.org_id, "account": by.account_id})
        return int(cursor.fetchone()[0])


def received(by: Actor, at: datetime) -> QuerySet[Announcement]:
    """Announcements to the actor's organisation, newest first, each with `seen` and `confirmed`: has this person?"""
    confirmed = _receipt(by).filter(confirmed_at__isnull=False)
    marked = _received(by, local_day(at)).annotate(seen=Exists(_receipt(by)), confirmed=Exists(confirmed))
    return marked.order_by("-at", "-id")


def sent(by: Actor) -> QuerySet[Announcement]:
    """Announcements of the actor's organisation, newest first, withdrawn ones too."""
    return Announcement.objects.filter(org_id=by.org_id).order_by("-at", "-id")


def announcement(announcement_id: UUID, by: Actor, at: datetime) -> Announcement:
    """One that was sent to the actor's organisation, has begun and was not withdrawn; or, for those who write announcements, one
    that it sent. Raises Unknown."""
    mine = sent(by) if by.may("notice.write") else Announcement.objects.none()
    for visible in (mine, _received(by, local_day(at))):
        found = visible.filter(pk=announcement_id).first()
        if found is not None:
            return found
    raise Unknown(what="announcement")


def addressees(row: Announcement) -> list[int]:
    """The organisations an announcement was sent to."""
    return [i for i in row.viewer_ids if i != row.org_id or row.to_own]


@dataclass(frozen=True, slots=True)
class Reading:
    """How one institution has taken an announcement: how many people saw it, since when, and who confirmed it first."""

    place: Place
    readers: int
    first_seen: datetime | None
    confirmed_at: datetime | None
    confirmed_by: str

    def done(self, must_confirm: bool) -> bool:
        """True when nothing is outstanding there."""
        return bool(self.confirmed_at if must_confirm else self.first_seen)


def readings(row: Announcement) -> list[Reading]:
    """One line for each institution addressed, outstanding ones first, then higher tiers. Only the sender's organisation sees
    all receipts."""
    receipts: dict[int, list[AnnouncementReceipt]] = {}
    for receipt in AnnouncementReceipt.objects.filter(announcement=row):
        receipts.setdefault(receipt.org_id, []).append(receipt)
    lines = [_reading_of(p, receipts.get(p.id, [])) for p in places_of(addressees(row))]
    return sorted(lines, key=lambda r: (r.done(row.must_confirm), -r.place.level, r.place.path))


def _reading_of(place: Place, held: Sequence[AnnouncementReceipt]) -> Reading:
    confirmed = min((r for r in held if r.confirmed_at), key=lambda r: r.confirmed_at or r.seen_at, default=None)
    return Reading(
        place,
        len(held),
        min((r.seen_at for r in held), default=None),
        confirmed.confirmed_at if confirmed else None,
        confirmed.name if confirmed else "",
    )


def my_receipt(row: Announcement, by: Actor) -> AnnouncementReceipt | None:
    """What this person has acknowledged of an announcement so far."""
    return AnnouncementReceipt.objects.filter(announcement=row, account_id=by.account_id, org_id=by.org_id).first()
