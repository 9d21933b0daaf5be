"""Organisations: what they are now, what they were on any day, what became of them; departments, relations, named lists."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from fenji.ground.access.rules import DESK, EDITOR, MANAGER, SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House
from fenji.ground.network import rules
from fenji.ground.network.models.regions import Region, public

PARTICULARS = (
    *("name", "code", "uscc", "region", "care_tier", "grade", "ws218", "affiliation", "ownership", "integrated", "development"),
)
"""What may change in the life of an organisation, and is therefore kept dated."""


def apart(name: str, *columns: str, condition: Q | None = None) -> ExclusionConstraint:
    """No two rows with the same integer columns whose days [start, end) overlap. Ranges of one number each need no extension."""
    same = [(Func(F(c), F(c), Value("[]"), function="int4range"), RangeOperators.OVERLAPS) for c in columns]
    days = (Func(F("start"), F("end"), function="daterange"), RangeOperators.OVERLAPS)
    return ExclusionConstraint(name=name, expressions=[*same, days], condition=condition)


def dates(name: str) -> models.CheckConstraint:
    """An end, if any, lies after the start."""
    return models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name=name)


class Particulars(House):
    """Abstract: what an organisation is called and counted as. Codes: rules of this room."""

    name = CText()
    code = CText(default="")
    uscc = CText(default="")
    region = models.ForeignKey(Region, on_delete=models.PROTECT)
    care_tier = CText(default="")
    grade = CText(default="")
    ws218 = CText(default="")
    affiliation = CText(default="")
    ownership = CText(default="")
    integrated = models.BooleanField(default=False)
    development = CText(default="")

    class Meta:
        abstract = True


class Organisation(Particulars):
    """An institution of care, an agency of government, or a task force. `path`: its place, see rules.path_of.

    `parent`: the main hospital of a campus, the agency or institution a task force belongs to.
    """

    id = models.IntegerField(primary_key=True)
    kind = CText()
    agency_kind = CText(default="")
    force_kind = CText(default="")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    path = CText()
    distance_km = models.DecimalField(max_digits=6, decimal_places=1, null=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    latitude = models.DecimalField(max_digits=8, decimal_places=6, null=True)
    address = models.TextField(default="")
    phone = models.TextField(default="")
    hours = models.TextField(default="")
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    simulated = models.BooleanField(default=False)
    version = models.IntegerField(default=1)

    privacy: ClassVar = public(
        *("id", "kind", "agency_kind", "force_kind", "parent", "path", "distance_km", "longitude", "latitude", "address"),
        *("phone", "hours", "start", "end", "simulated", "version", *PARTICULARS),
    )
    shape: ClassVar = rls.governed("network_organisation", {SYSTEM_ADMIN})

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["path"], name="organisation_path"),
            models.UniqueConstraint(fields=["code"], condition=~Q(code="") & Q(end=None), name="organisation_code"),
            models.CheckConstraint(condition=Q(kind__in=rules.ORGANISATION_KINDS), name="organisation_kind"),
            models.CheckConstraint(
                condition=Q(kind="care", care_tier__in=rules.TIERS) | (~Q(kind="care") & Q(care_tier="")), name="organisation_tier"
            ),
            models.CheckConstraint(condition=Q(grade__in=("", *rules.GRADES)), name="organisation_grade"),
            models.CheckConstraint(condition=Q(affiliation__in=("", *rules.AFFILIATIONS)), name="organisation_affiliation"),
            models.CheckConstraint(condition=Q(ownership__in=("", *rules.OWNERSHIPS)), name="organisation_ownership"),
            models.CheckConstraint(condition=Q(development__in=("", *rules.DEVELOPMENTS)), name="organisation_development"),
            models.CheckConstraint(condition=Q(integrated=False) | Q(care_tier="village"), name="organisation_integrated"),
            models.CheckConstraint(condition=Q(development="") | Q(ownership="private"), name="organisation_private_development"),
            models.CheckConstraint(
                condition=Q(agency_kind="") | Q(kind="agency", agency_kind__in=rules.AGENCY_KINDS), name="organisation_agency"
            ),
            models.CheckConstraint(
                condition=Q(force_kind="") | Q(kind="task_force", force_kind__in=rules.FORCE_KINDS), name="organisation_force"
            ),
            models.CheckConstraint(
                condition=Q(longitude=None, latitude=None) | Q(longitude__range=(73, 136), latitude__range=(3, 54)),
                name="organisation_coordinates",
            ),
            dates("organisation_dates"),
        ]
        indexes: ClassVar = [models.Index(fields=["name"], name="organisation_name")]


class OrganisationVersion(Particulars):
    """The particulars of an organisation from one day (to another): "as then". The open one equals the organisation's own row."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    start = models.DateField()
    end = models.DateField(null=True)
    reason = models.TextField(default="")

    privacy: ClassVar = public("id", "org", "path", "start", "end", "reason", *PARTICULARS)
    shape: ClassVar = rls.governed("network_organisationversion", {SYSTEM_ADMIN})

    class Meta:
        constraints: ClassVar = [apart("organisationversion_apart", "org"), dates("organisationversion_dates")]


class Succession(House):
    """An organisation that went into another, or came out of one, on a day."""

    id = models.BigAutoField(primary_key=True)
    predecessor = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    successor = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    kind = CText()
    on = models.DateField()
    document = models.TextField(default="")

    privacy: ClassVar = public("id", "predecessor", "successor", "kind", "on", "document")
    shape: ClassVar = rls.governed("network_succession", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["predecessor", "successor"], name="succession_once"),
            models.CheckConstraint(condition=Q(kind__in=rules.SUCCESSIONS), name="succession_kind"),
            models.CheckConstraint(condition=~Q(predecessor=F("successor")), name="succession_two"),
        ]


class Department(House):
    """A department of an institution, dated. `specialty`: what patients are sent there for; empty for offices."""

    id = models.IntegerField(primary_key=True)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    name_zh = CText()
    name_en = CText()
    specialty = CText(default="")
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    version = models.IntegerField(default=1)

    privacy: ClassVar = public("id", "org", "name_zh", "name_en", "specialty", "start", "end", "version")
    shape: ClassVar = rls.Shape(
        "governed",
        f"(SELECT access_scope_role()) = '{SYSTEM_ADMIN}' OR ((SELECT access_scope_role()) = '{MANAGER}'"
        " AND network_department.org_id = ANY ((SELECT access_scope_orgs())::int[]))",
        read="true",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "name_zh"], condition=Q(end=None), name="department_name_once"),
            dates("department_dates"),
        ]


class Directions(House):
    """How patients get to an institution and find its referral desk, as the institution itself keeps it. As of today only, like
    address and hours. `phone`: of the referral desk."""

    org = models.OneToOneField(Organisation, primary_key=True, on_delete=models.PROTECT, related_name="directions")
    entrance = models.TextField(default="")
    desk = models.TextField(default="")
    buses = models.TextField(default="")
    phone = models.TextField(default="")
    version = models.IntegerField(default=1)

    privacy: ClassVar = public("org", "entrance", "desk", "buses", "phone", "version")
    shape: ClassVar = rls.Shape("governed", rls.kept_by("network_directions", {MANAGER, DESK}).using, read="true")


class Relation(House):
    """A dated tie between two organisations: trusteeship (托管, the legal person stays), collaboration agreement, partnership."""

    id = models.BigAutoField(primary_key=True)
    kind = CText()
    source = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    start = models.DateField()
    end = models.DateField(null=True)
    document = models.TextField(default="")

    privacy: ClassVar = public("id", "kind", "source", "target", "start", "end", "document")
    shape: ClassVar = rls.governed("network_relation", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.RELATIONS), name="relation_kind"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="relation_two"),
            apart("relation_one_trustee", "target", condition=Q(kind="trusteeship")),
            dates("relation_dates"),
        ]


class NamedList(House):
    """A list of organisations or regions that a clause counts on and the texts don't name: imported, dated."""

    code = CText(primary_key=True)
    name_zh = CText()
    name_en = CText()
    clause_id = CText()
    expected = models.IntegerField(null=True)

    privacy: ClassVar = public("code", "name_zh", "name_en", "clause_id", "expected")
    shape: ClassVar = rls.governed("network_namedlist", {SYSTEM_ADMIN}, path="")


class NamedListEntry(House):
    """One organisation or region on a named list, dated."""

    id = models.BigAutoField(primary_key=True)
    list = models.ForeignKey(NamedList, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT)
    region = models.ForeignKey(Region, null=True, on_delete=models.PROTECT)
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = public("id", "list", "org", "region", "start", "end")
    shape: ClassVar = rls.governed("network_namedlistentry", {SYSTEM_ADMIN}, path="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(org=None, region__isnull=False) | Q(org__isnull=False, region=None), name="namedlistentry_one"
            ),
            models.UniqueConstraint(fields=["list", "org"], condition=Q(end=None), name="namedlistentry_org_once"),
            models.UniqueConstraint(fields=["list", "region"], condition=Q(end=None), name="namedlistentry_region_once"),
            dates("namedlistentry_dates"),
        ]


class Specialty(House):
    """A clinical specialty, as departments, doctors and service items name it."""

    code = CText(primary_key=True)
    name_zh = CText()
    name_en = CText()

    privacy: ClassVar = public("code", "name_zh", "name_en")
    shape: ClassVar = rls.governed("network_specialty", {SYSTEM_ADMIN, EDITOR}, path="")
