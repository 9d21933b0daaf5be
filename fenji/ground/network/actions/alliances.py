"""Alliances: forming, joining, leaving."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Stale, Unknown
from fenji.ground.network import rules
from fenji.ground.network.actions.organisations import next_numbers
from fenji.ground.network.actions.reach import require_reach
from fenji.ground.network.models import Alliance, Membership, Organisation


def form(
    kind: str, name: str, lead_id: int, *, on: date, specialty: str = "", by: Actor, at: datetime, using: str = "default"
) -> Alliance:
    """Form an alliance with its lead. Raises NotAlliance, Unknown, OutOfReach."""
    with transaction.atomic(using=using):
        number = next_numbers(1, using)[0]
        alliance = Alliance(id=number, kind=kind, name=name, specialty=specialty, start=on)
        try:
            with transaction.atomic(using=using):
                alliance.save(using=using, force_insert=True)
        except IntegrityError as error:
            raise rules.NotAlliance(why="name_taken") from error
        join(alliance.id, lead_id, "lead", on=on, by=by, at=at, using=using)
        audit(by=by, at=at, action="alliance.form", subject=f"alliance:{number}", after=kind, using=using)
    return alliance


def _view(org: Organisation, role: str, start: date, end: date | None) -> rules.MemberView:
    return rules.MemberView(org.id, org.kind, org.care_tier, org.grade, org.ownership, role, start, end)


def join(
    alliance_id: int,
    org_id: int,
    role: str,
    *,
    on: date,
    document: str = "",
    by: Actor,
    at: datetime,
    using: str = "default",
) -> Membership:
    """Take an organisation into an alliance from a day on. Who administers the lead decides.

    Raises NotAlliance, Unknown, OutOfReach.
    """
    with transaction.atomic(using=using):
        alliance = Alliance.objects.using(using).select_for_update().filter(pk=alliance_id).first()
        org = Organisation.objects.using(using).filter(pk=org_id).first()
        if alliance is None or org is None:
            raise Unknown(what="alliance")
        rows = list(Membership.objects.using(using).filter(alliance=alliance).select_related("org"))
        present = [_view(m.org, m.role, m.start, m.end) for m in rows]
        leads = [m.org for m in rows if m.role == "lead" and m.end is None]
        require_reach(by, leads[0].path if leads else org.path)
        rules.check_member(alliance.kind, _view(org, role, on, None), present)
        row = Membership(alliance=alliance, org=org, kind=alliance.kind, role=role, start=on, document=document)
        try:
            with transaction.atomic(using=using):
                row.save(using=using, force_insert=True)
        except IntegrityError as error:
            raise rules.NotAlliance(why="twice") from error
        audit(by=by, at=at, action="alliance.join", subject=f"alliance:{alliance_id}", after=str(org_id), using=using)
    return row


def leave(alliance_id: int, org_id: int, *, on: date, by: Actor, at: datetime, using: str = "default") -> None:
    """End a membership on a day. Raises Unknown, OutOfReach, NotAlliance."""
    with transaction.atomic(using=using):
        rows = Membership.objects.using(using).select_for_update().filter(alliance_id=alliance_id, end=None)
        held = {m.org_id: m for m in rows.select_related("org")}
        lead = next((m.org for m in held.values() if m.role == "lead"), None)
        row = held.get(org_id)
        if row is None:
            raise Unknown(what="membership")
        require_reach(by, (lead or row.org).path)
        if on <= row.start:
            raise rules.NotAlliance(why="day")
        Membership.objects.using(using).filter(pk=row.pk).update(end=on)
        audit(by=by, at=at, action="alliance.leave", subject=f"alliance:{alliance_id}", before=str(org_id), using=using)


def unify(alliance_id: int, version: int, resources: list[str], *, by: Actor, at: datetime) -> Alliance:
    """Say which of people, money and goods a community runs as one. Raises Unknown, Stale, OutOfReach."""
    with transaction.atomic():
        alliance = Alliance.objects.select_for_update().filter(pk=alliance_id).first()
        if alliance is None:
            raise Unknown(what="alliance")
        if alliance.version != version:
            raise Stale
        lead = Membership.objects.filter(alliance=alliance, role="lead", end=None).select_related("org").first()
        require_reach(by, lead.org.path if lead else "")
        alliance.unified = [r for r in rules.RESOURCES if r in resources]
        alliance.version += 1
        alliance.save(update_fields=["unified", "version"])
        audit(by=by, at=at, action="alliance.unify", subject=f"alliance:{alliance_id}", after=",".join(alliance.unified))
    return alliance
