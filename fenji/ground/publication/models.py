"""Public copies and what stands in them; the log of channels; announcements inside the house and who has read them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from fenji.ground.access.rules import MANAGER, OFFICER, SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.network.models import Organisation
from fenji.ground.publication.rules import CHANNELS, PUBLISHERS

_TODAY = "(now() AT TIME ZONE 'Asia/Shanghai')::date"


def _held(name: str) -> str:
    return f'{name}.start <= {_TODAY} AND ({name}."end" IS NULL OR {name}."end" > {_TODAY})'


def _kept(table: str) -> str:
    """SQL: the institution's own people; and of those who publish the lead of its county community, and an officer over it."""
    orgs = "((SELECT access_scope_orgs())::int[])"
    led = (
        "SELECT m.org_id FROM network_membership m JOIN network_membership l ON l.alliance_id = m.alliance_id"
        " JOIN network_alliance a ON a.id = m.alliance_id WHERE a.kind = 'county_community'"
        f" AND l.role = 'lead' AND l.org_id = ANY {orgs} AND {_held('m')} AND {_held('l')}"
    )
    governed = (
        f"(SELECT access_scope_role()) = '{OFFICER}' AND (SELECT access_scope_reach()) <> ''"
        f" AND {table}.path ^@ (SELECT access_scope_reach())"
    )
    return f"({table}.org_id = ANY {orgs} OR ({_PUBLISHES} AND (({governed}) OR {table}.org_id IN ({led}))))"


def _one_of(names: frozenset[str]) -> str:
    return "(SELECT access_scope_role()) = ANY (ARRAY[" + ", ".join(f"'{n}'" for n in sorted(names)) + "])"


_PUBLISHES = _one_of(PUBLISHERS)


def _published_by(table: str) -> str:
    return f"{_PUBLISHES} AND {_kept(table)}"


class Published(House):
    """A public copy: what everybody may read, from one day (to another). Its contents are never edited; the next copy ends it.

    `digest`: SHA-256 of the canonical body. `checked_on`: the day the institution last said that it is still right.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    kind = CText()
    key = CText(default="")
    number = models.IntegerField()
    title_zh = models.TextField()
    title_en = models.TextField()
    body = models.JSONField()
    digest = CText()
    source = models.TextField(default="")
    start = models.DateField()
    end = models.DateField(null=True)
    published_at = models.DateTimeField()
    checked_on = models.DateField()

    privacy: ClassVar = dict.fromkeys(
        [
            *("id", "org", "path", "kind", "key", "number", "title_zh", "title_en", "body", "digest", "source", "start", "end"),
            *("published_at", "checked_on"),
        ],
        "public",
    )
    shape: ClassVar = rls.Shape("published", _published_by("publication_published"), read="true")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "kind", "key", "number"], name="published_number"),
            models.UniqueConstraint(fields=["org", "kind", "key"], condition=Q(end=None), name="published_one_open"),
            # a copy that was replaced before it took effect has no day at all
            models.CheckConstraint(condition=Q(end=None) | Q(end__gte=F("start")), name="published_dates"),
        ]


class PublishedItem(House):
    """A disease group of a public copy, so that people find where it is treated. Written with its copy, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    published = models.ForeignKey(Published, on_delete=models.PROTECT, related_name="items", db_index=False)
    org_id = models.IntegerField()
    path = CText()
    code = CText()
    zh = CText()
    en = CText()
    pinyin = CText()
    initials = CText()

    privacy: ClassVar = dict.fromkeys(("id", "published", "org_id", "path", "code", "zh", "en", "pinyin", "initials"), "public")
    shape: ClassVar = rls.Shape("published", _published_by("publication_publisheditem"), read="true")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["published", "code"], name="publisheditem_once")]
        indexes: ClassVar = [models.Index(fields=["code", "path"], name="publisheditem_code")]


class ChannelEvent(Keyed):
    """An institution's log: that a copy was made public through one kind of channel on a day. `place`: which page, app or board;
    `photo_id`: a stored picture of it."""

    org_id = models.IntegerField()
    path = CText()
    published = models.ForeignKey(Published, on_delete=models.PROTECT, related_name="+", db_index=False)
    channel = CText()
    day = models.DateField()
    place = models.TextField()
    photo_id = models.UUIDField(null=True)
    by_id = models.UUIDField()
    by_name = models.TextField()
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org_id", "path", "published", "channel", "day", "place", "by_id", "at"), "internal"),
        "by_name": "person",
        **dict.fromkeys(("voided_at", "photo_id"), "internal"),
    }
    shape: ClassVar = rls.Shape("kept", _kept("publication_channelevent"), _published_by("publication_channelevent"))

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(channel__in=CHANNELS), name="channelevent_channel")]
        indexes: ClassVar = [models.Index(fields=["org_id", "-day"], condition=Q(voided_at=None), name="channelevent_org")]


class Announcement(Keyed):
    """A notice from an organisation to others of the house. `viewer_ids`: the sender and those addressed, as they were when it was
    sent; `to_own`: the sender's own house is among those addressed."""

    org_id = models.IntegerField()
    org_name = models.TextField()
    viewer_ids = org_array()
    to_own = models.BooleanField()
    audience = CText()
    title = models.TextField()
    text = models.TextField()
    start = models.DateField()
    until = models.DateField(null=True)
    must_confirm = models.BooleanField()
    by_id = models.UUIDField()
    by_name = models.TextField()
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org_id", "org_name", "viewer_ids", "to_own", "audience", "title", "text"), "internal"),
        **dict.fromkeys(("start", "until", "must_confirm", "by_id", "at", "withdrawn_at"), "internal"),
        "by_name": "person",
    }
    shape: ClassVar = rls.Shape(
        "viewers",
        rls.viewers("publication_announcement").using,
        f"{_one_of(frozenset({MANAGER, OFFICER, SYSTEM_ADMIN}))}"
        " AND publication_announcement.org_id = ANY ((SELECT access_scope_orgs())::int[])",
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until=None) | Q(until__gt=F("start")), name="announcement_dates"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["viewer_ids"], name="announcement_viewers", condition=Q(withdrawn_at=None)),
            models.Index(fields=["org_id", "-at"], name="announcement_sent"),
        ]


class AnnouncementReceipt(House):
    """That one person, in one organisation, has seen an announcement, and has confirmed it if that was asked."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    announcement = models.ForeignKey(Announcement, on_delete=models.PROTECT, related_name="receipts", db_index=False)
    sender_id = models.IntegerField()
    account_id = models.UUIDField()
    name = models.TextField()
    org_id = models.IntegerField()
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "announcement", "sender_id", "account_id", "org_id", "seen_at", "confirmed_at"), "internal"),
        "name": "person",
    }
    shape: ClassVar = rls.Shape(
        "receipt",
        "publication_announcementreceipt.account_id = (SELECT access_scope_account())"
        " OR publication_announcementreceipt.sender_id = ANY ((SELECT access_scope_orgs())::int[])",
        "publication_announcementreceipt.account_id = (SELECT access_scope_account())"
        " AND publication_announcementreceipt.org_id = ANY ((SELECT access_scope_orgs())::int[])"
        " AND EXISTS (SELECT 1 FROM publication_announcement parent"
        " WHERE parent.id = publication_announcementreceipt.announcement_id"
        " AND parent.org_id = publication_announcementreceipt.sender_id)",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["announcement", "account_id", "org_id"], name="announcementreceipt_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["sender_id"], name="announcementreceipt_sender")]
