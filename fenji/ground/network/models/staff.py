"""Staff with titles and specialties, where they work, who is on duty; and the posts of accounts."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from fenji.ground.access.models import Account
from fenji.ground.access.rules import APPOINTS, MANAGER, SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed
from fenji.ground.network import rules
from fenji.ground.network.models.organisations import Department, Organisation, dates

_WITHIN = "(SELECT access_scope_reach()) <> '' AND {t}.path ^@ (SELECT access_scope_reach())"
_OWN = "{t}.org_id = ANY ((SELECT access_scope_orgs())::int[])"


def staff_rows(table: str) -> rls.Shape:
    """Rows about staff: everybody signed in reads them; the region's system administrator and the own head change them."""
    administers = f"(SELECT access_scope_role()) = '{SYSTEM_ADMIN}' AND {_WITHIN.format(t=table)}"
    heads = f"(SELECT access_scope_role()) = '{MANAGER}' AND {_OWN.format(t=table)}"
    return rls.Shape("staff", f"({administers}) OR ({heads})", read="(SELECT access_scope_account()) IS NOT NULL")


class Practitioner(Keyed):
    """Somebody who works in care. `org`, `path`: the employer. `number`: the employer's number for them."""

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    path = CText()
    number = CText()
    name = CText()
    category = CText()
    title = CText()
    titled_on = models.DateField(null=True)
    specialties = ArrayField(CText(), default=list)
    licence_until = models.DateField(null=True)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, db_index=False)
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path", "account"), "internal"),
        **dict.fromkeys(
            ("number", "name", "category", "title", "titled_on", "specialties", "licence_until", "start", "end"), "person"
        ),
    }
    shape: ClassVar = staff_rows("network_practitioner")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "number"], name="practitioner_number"),
            models.UniqueConstraint(fields=["account"], condition=Q(end=None), name="practitioner_account"),
            models.CheckConstraint(condition=Q(category__in=rules.CATEGORIES), name="practitioner_category"),
            models.CheckConstraint(condition=Q(title__in=rules.TITLES), name="practitioner_title"),
            dates("practitioner_dates"),
        ]


class TitleHeld(Keyed):
    """A professional title from the day it was given: what somebody was on any day."""

    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    title = CText()
    start = models.DateField()

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path"), "internal"),
        **dict.fromkeys(("practitioner", "title", "start"), "person"),
    }
    shape: ClassVar = staff_rows("network_titleheld")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["practitioner", "start"], name="titleheld_once"),
            models.CheckConstraint(condition=Q(title__in=rules.TITLES), name="titleheld_title"),
        ]


class PractitionerRole(Keyed):
    """Where somebody works, as what, from when to when: at the employer, sent down to a branch, or practising at several sites."""

    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    path = CText()
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT)
    kind = CText()
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path"), "internal"),
        **dict.fromkeys(("practitioner", "department", "kind", "start", "end"), "person"),
    }
    shape: ClassVar = staff_rows("network_practitionerrole")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["practitioner", "org", "kind"], condition=Q(end=None), name="practitionerrole_once"),
            models.CheckConstraint(condition=Q(kind__in=rules.ROLE_KINDS), name="practitionerrole_kind"),
            dates("practitionerrole_dates"),
        ]


class DutyShift(Keyed):
    """Who is on duty at an institution, for what, from when to when."""

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, db_index=False)
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT)
    duty = CText()
    start = models.DateTimeField()
    end = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path", "department"), "internal"),
        **dict.fromkeys(("practitioner", "duty", "start", "end", "voided_at"), "person"),
    }
    shape: ClassVar = staff_rows("network_dutyshift")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(duty__in=rules.DUTIES), name="dutyshift_duty"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="dutyshift_times"),
            models.UniqueConstraint(fields=["practitioner", "duty", "start"], condition=Q(voided_at=None), name="dutyshift_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "end"], name="dutyshift_now")]


class ForceMember(Keyed):
    """Somebody in a leading group, secretariat, task force or committee (SM-0-4, F64-1-1a, XZ-4-1a)."""

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    path = CText()
    name = CText()
    position = models.TextField(default="")
    role = CText()
    start = models.DateField()
    end = models.DateField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "path"), "internal"),
        **dict.fromkeys(("name", "position", "role", "start", "end"), "person"),
    }
    shape: ClassVar = staff_rows("network_forcemember")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=rules.FORCE_ROLES), name="forcemember_role"),
            models.UniqueConstraint(fields=["org"], condition=Q(end=None, role="head"), name="forcemember_one_head"),
            models.UniqueConstraint(fields=["org"], condition=Q(end=None, role="sanyi_leader"), name="forcemember_one_sanyi"),
            models.UniqueConstraint(fields=["org", "name", "role"], condition=Q(end=None), name="forcemember_once"),
            dates("forcemember_dates"),
        ]


class Post(House):
    """The one place where an account meets an organisation: in which role, from when to when.

    `covers`: the post of a colleague on leave that this one stands in for.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    path = CText(default="")
    role = CText()
    start = models.DateTimeField()
    end = models.DateTimeField(null=True)
    covers = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    ended_because = models.TextField(default="")
    version = models.IntegerField(default=1)

    privacy: ClassVar = dict.fromkeys(
        ("id", "account", "org", "path", "role", "start", "end", "covers", "ended_because", "version"), "internal"
    )
    shape: ClassVar = rls.appointed("network_post", APPOINTS)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "org", "role"], condition=Q(end=None), name="post_once"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="post_dates"),
            models.CheckConstraint(condition=Q(covers=None) | Q(end__isnull=False), name="post_cover_ends"),
        ]
