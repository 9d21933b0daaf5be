"""Regions with dated codes and names, organisations, alliances, departments, posts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from fenji.ground.access.models import Account
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House
from fenji.ground.network.rules import ORGANISATION_KINDS, REGION_KINDS, TIERS


def _public(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "public")


class Region(House):
    """An administrative or functional region. The id is permanent; code and name are dated."""

    id = models.IntegerField(primary_key=True)
    kind = CText()
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT)

    privacy: ClassVar = _public("id", "kind", "parent")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(kind__in=REGION_KINDS), name="region_kind")]


class RegionName(House):
    """Code and name of a region from one day (to another)."""

    id = models.BigAutoField(primary_key=True)
    region = models.ForeignKey(Region, on_delete=models.PROTECT)
    code = CText()
    name = CText()
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = _public("id", "region", "code", "name", "start", "end")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["region"], condition=Q(end=None), name="region_one_present_name"),
            models.UniqueConstraint(fields=["code"], condition=Q(end=None), name="region_one_present_code"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="region_name_dates"),
        ]
        indexes: ClassVar = [models.Index(fields=["code"], name="region_code")]


class Organisation(House):
    """An institution of care, an agency of government, or a task force. `path`: its place, see rules.path_of."""

    id = models.IntegerField(primary_key=True)
    kind = CText()
    name = CText()
    region = models.ForeignKey(Region, on_delete=models.PROTECT)
    care_tier = CText(default="")
    path = CText()
    distance_km = models.DecimalField(max_digits=6, decimal_places=1, null=True)
    simulated = models.BooleanField(default=False)
    version = models.IntegerField(default=1)

    privacy: ClassVar = _public("id", "kind", "name", "region", "care_tier", "path", "distance_km", "simulated", "version")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["path"], name="organisation_path"),
            models.CheckConstraint(condition=Q(kind__in=ORGANISATION_KINDS), name="organisation_kind"),
            models.CheckConstraint(
                condition=Q(kind="care", care_tier__in=TIERS) | (~Q(kind="care") & Q(care_tier="")), name="organisation_tier"
            ),
        ]


class Department(House):
    """A department that patients are sent to."""

    id = models.IntegerField(primary_key=True)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    name_zh = CText()
    name_en = CText()

    privacy: ClassVar = _public("id", "org", "name_zh", "name_en")


class Alliance(House):
    """A county community, city group, specialty alliance or tele-network."""

    id = models.IntegerField(primary_key=True)
    kind = CText()
    name = CText()

    privacy: ClassVar = _public("id", "kind", "name")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=("county_community", "city_group", "specialty", "tele_network")), name="alliance_kind"
            )
        ]


class Membership(House):
    """An organisation in an alliance, dated; several at once are usual."""

    id = models.BigAutoField(primary_key=True)
    alliance = models.ForeignKey(Alliance, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    role = CText()
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = _public("id", "alliance", "org", "role", "start", "end")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=("lead", "central_branch", "branch", "member")), name="membership_role"),
            models.UniqueConstraint(fields=["alliance", "org"], condition=Q(end=None), name="membership_once"),
            models.UniqueConstraint(fields=["alliance"], condition=Q(end=None, role="lead"), name="membership_one_lead"),
        ]


class Post(House):
    """The one place where an account meets an organisation: in which role, from when to when."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    role = CText()
    start = models.DateTimeField()
    end = models.DateTimeField(null=True)

    privacy: ClassVar = dict.fromkeys(("id", "account", "org", "role", "start", "end"), "internal")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "org", "role"], condition=Q(end=None), name="post_once"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="post_dates"),
        ]
