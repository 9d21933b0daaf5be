"""The only writes of this room: publishing and ending copies, the log of channels, announcements and their receipts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connections

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.pictures import album
from fenji.ground.common.pinyin import initials_of, syllables
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import Place
from fenji.ground.publication import kinds, queries, rules
from fenji.ground.publication.models import Announcement, AnnouncementReceipt, ChannelEvent, Published, PublishedItem


def _lock(kind: str, key: str, org_id: int) -> None:
    # versions of one thing are made one after the other, also the first, when there is no row to lock yet
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"publication:{org_id}:{kind}:{key}"])


def _place(org_id: int, by: Actor, at: datetime) -> Place:
    if by.role not in rules.PUBLISHERS:
        raise NotPermitted
    return queries.managed(org_id, by, local_day(at))


def page_of(org_id: int) -> str:
    """The address of an institution's public page, without the host."""
    return f"/p/{org_id}/"


@all_or_nothing
def publish(
    *,
    kind: str,
    key: str,
    org_id: int,
    title_zh: str,
    title_en: str,
    body: dict[str, Any],
    start: date,
    by: Actor,
    at: datetime,
    source: str = "",
) -> Published:
    """Make a public copy: version number by (kind, organisation, key), in force from `start`; the former copy ends there.

    `body` is checked by its kind and searched for personal data; `source`: the document or list it comes from. The platform's own
    page counts as the channel "web" and is logged. Raises BadBody, PersonalData, StartsTooEarly, NotPermitted (the role), Unknown
    (an organisation that is neither one's own, nor a member of the community one leads, nor in an officer's region).
    """
    kinds.kind(kind).check(body)
    rules.refuse_personal(body)
    rules.refuse_personal({"title_zh": title_zh, "title_en": title_en, "source": source}, "copy")
    place, today = _place(org_id, by, at), local_day(at)
    _lock(kind, key, org_id)
    former = list(Published.objects.filter(org_id=org_id, kind=kind, key=key).defer("body").order_by("number"))
    for row, end in zip(former, rules.place_copy([(c.start, c.end) for c in former], start, today), strict=True):
        if end != row.end:
            Published.objects.filter(pk=row.pk).update(end=end)
    copy = Published.objects.create(
        org_id=org_id,
        path=place.path,
        kind=kind,
        key=key,
        number=max((c.number for c in former), default=0) + 1,
        title_zh=title_zh,
        title_en=title_en,
        body=body,
        digest=rules.digest(body),
        source=source,
        start=start,
        published_at=at,
        checked_on=today,
    )
    PublishedItem.objects.bulk_create(_items(copy))
    _log_web(copy, by, at)
    audit(by=by, at=at, action="publication.publish", subject=_subject(copy), after=str(copy.number), digest=copy.digest)
    return copy


def _subject(copy: Published) -> str:
    return f"{copy.org_id}/{copy.kind}/{copy.key}"


def _items(copy: Published) -> Iterable[PublishedItem]:
    for entry in copy.body.get("groups", ()):
        read = "".join(syllables(entry["zh"]))
        yield PublishedItem(
            published=copy,
            org_id=copy.org_id,
            path=copy.path,
            code=entry["code"],
            zh=entry["zh"],
            en=entry["en"],
            pinyin=read,
            initials=initials_of(entry["zh"]),
        )


def _log_web(copy: Published, by: Actor, at: datetime) -> None:
    ChannelEvent.objects.create(
        org_id=copy.org_id,
        path=copy.path,
        published=copy,
        channel="web",
        day=local_day(at),
        place=page_of(copy.org_id),
        by_id=by.account_id,
        by_name=by.name,
        at=at,
    )


@all_or_nothing
def unpublish(*, kind: str, key: str, org_id: int, end: date, by: Actor, at: datetime) -> int:
    """Take what is in force, and what is planned, off the public page from `end` on (today or later); nothing follows it.

    Returns how many copies ended. Raises NotPermitted, Unknown, StartsTooEarly.
    """
    _place(org_id, by, at)
    if end < local_day(at):
        raise rules.StartsTooEarly(first=local_day(at))
    _lock(kind, key, org_id)
    ended = 0
    for row in queries.history(org_id, kind, key):
        last = max(row.start, end)
        if row.end is None or row.end > last:
            ended += Published.objects.filter(pk=row.pk).update(end=last)
    if ended:
        audit(by=by, at=at, action="publication.end", subject=f"{org_id}/{kind}/{key}", after=end.isoformat())
    return ended


@all_or_nothing
def confirm_copy(copy_id: UUID, *, by: Actor, at: datetime) -> Published:
    """Say that a copy in force is still right today: its page counts as looked at, and the channel "web" is logged anew.

    Raises Unknown, NotPermitted.
    """
    copy = queries.copy_of(copy_id)
    _place(copy.org_id, by, at)
    today = local_day(at)
    if copy.start > today or (copy.end is not None and copy.end <= today):
        raise Unknown(what="copy")
    Published.objects.filter(pk=copy.pk).update(checked_on=today)
    _log_web(copy, by, at)
    audit(by=by, at=at, action="publication.confirm", subject=_subject(copy), after=str(copy.number))
    return copy


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A line for the log: which channel, on which day, and where exactly; `photo`: name and content of a picture of it."""

    channel: str
    day: date
    place: str
    photo: tuple[str, bytes] | None = None


@all_or_nothing
def log_channel(copy_id: UUID, entry: NewEntry, *, by: Actor, at: datetime) -> ChannelEvent:
    """Log that a copy was made public through a channel (SM-3-2g).

    Raises Unknown, NotPermitted, BadDay, and for a photo what keeping it refuses (its kind, its size).
    """
    copy = queries.copy_of(copy_id)
    if not by.may("publication.log"):
        raise NotPermitted
    _place(copy.org_id, by, at)
    rules.check_day(entry.day, rules.Copy(copy.number, copy.start, local_day(copy.published_at)), local_day(at))
    event = ChannelEvent.objects.create(
        org_id=copy.org_id,
        path=copy.path,
        published=copy,
        channel=entry.channel,
        day=entry.day,
        place=entry.place,
        photo_id=album().keep(*entry.photo, copy.org_id, by=by, at=at) if entry.photo else None,
        by_id=by.account_id,
        by_name=by.name,
        at=at,
    )
    audit(by=by, at=at, action=f"publication.log.{entry.channel}", subject=_subject(copy), after=entry.day.isoformat())
    return event


@all_or_nothing
def void_channel(event_id: UUID, *, version: int, by: Actor, at: datetime) -> ChannelEvent:
    """Take a line of the log back. It stays in the database; its picture goes when the institution or who sent it takes it back.

    Raises Unknown, NotPermitted, Stale.
    """
    event = ChannelEvent.objects.filter(pk=event_id, voided_at=None).select_related("published").first()
    if event is None:
        raise Unknown(what="entry")
    if not by.may("publication.log"):
        raise NotPermitted
    _place(event.org_id, by, at)
    if not ChannelEvent.objects.filter(pk=event_id, version=version, voided_at=None).update(voided_at=at, version=version + 1):
        raise Stale
    if event.photo_id is not None:
        album().take_out(event.photo_id, by=by, at=at)
    audit(by=by, at=at, action="publication.unlog", subject=_subject(event.published), before=event.day.isoformat())
    return event


# --- announcements -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewAnnouncement:
    """An announcement as written. `listed`: organisations by id, for the audience of that name."""

    audience: str
    title: str
    text: str
    start: date
    until: date | None
    must_confirm: bool
    listed: tuple[int, ...] = ()


@all_or_nothing
def announce(new: NewAnnouncement, *, by: Actor, at: datetime) -> Announcement:
    """Send an announcement. Addressed are those who fit on this day: who joins later does not see it.

    Raises NotPermitted (also for naming an organisation that is neither below nor in an alliance one leads), NobodyAddressed.
    """
    if not by.may("notice.write"):
        raise NotPermitted
    reached = {p.id for p in queries.audience(new.audience, by, local_day(at))}
    if new.audience == "listed":
        if not set(new.listed) <= reached:
            raise NotPermitted
        reached = set(new.listed)
    if not reached:
        raise rules.NobodyAddressed
    row = Announcement.objects.create(
        org_id=by.org_id,
        org_name=by.org_name,
        viewer_ids=sorted(reached | {by.org_id}),
        to_own=by.org_id in reached,
        audience=new.audience,
        title=new.title,
        text=new.text,
        start=new.start,
        until=new.until,
        must_confirm=new.must_confirm,
        by_id=by.account_id,
        by_name=by.name,
        at=at,
    )
    audit(by=by, at=at, action="announcement.send", subject=str(row.id), after=new.audience, addressed=len(reached))
    return row


@all_or_nothing
def withdraw(announcement_id: UUID, *, version: int, by: Actor, at: datetime) -> Announcement:
    """Take an announcement back: those addressed see it no more, the sender does. Raises Unknown, NotPermitted, Stale."""
    row = queries.announcement(announcement_id, by, at)
    if not by.may("notice.write") or row.org_id != by.org_id:
        raise NotPermitted
    open_ = Announcement.objects.filter(pk=row.pk, version=version, withdrawn_at=None)
    if not open_.update(withdrawn_at=at, version=version + 1):
        raise Stale
    audit(by=by, at=at, action="announcement.withdraw", subject=str(row.id))
    return row


@all_or_nothing
def mark_seen(row: Announcement, *, by: Actor, at: datetime) -> None:
    """Note that this person has opened an announcement addressed to their organisation; only the first time counts."""
    if by.org_id not in queries.addressees(row):
        return
    receipt = AnnouncementReceipt(
        announcement=row, sender_id=row.org_id, account_id=by.account_id, name=by.name, org_id=by.org_id, seen_at=at
    )
    AnnouncementReceipt.objects.bulk_create([receipt], ignore_conflicts=True)


@all_or_nothing
def confirm(announcement_id: UUID, *, by: Actor, at: datetime) -> Announcement:
    """Confirm having read an announcement that asks for it; a second time changes nothing. Raises Unknown."""
    row = queries.announcement(announcement_id, by, at)
    if not row.must_confirm or by.org_id not in queries.addressees(row):
        raise Unknown(what="announcement")
    mark_seen(row, by=by, at=at)
    mine = AnnouncementReceipt.objects.filter(announcement=row, account_id=by.account_id, org_id=by.org_id, confirmed_at=None)
    if mine.update(confirmed_at=at):
        audit(by=by, at=at, action="announcement.confirm", subject=str(row.id))
    return row
