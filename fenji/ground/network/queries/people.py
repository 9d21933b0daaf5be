"""What the pages of staff and duty read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.text import has_hidden_characters
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network import rules
from fenji.ground.network.models import DutyShift, ForceMember, Organisation, Post, Practitioner, PractitionerRole, TitleHeld
from fenji.ground.network.queries import Place, alliance_lead, in_force, place, place_of, staff_of, within_reach


def keeps_staff(by: Actor, org: Organisation) -> bool:
    """Whether somebody enters the staff and the duty of an institution: its own head, or who administers it."""
    return org.end is None and (by.org_id == org.id or within_reach(by, org.path))


def staff_listed(org_id: int, on: date, *, text: str = "", category: str = "") -> QuerySet[PractitionerRole]:
    """Who works at an institution on a day, by name. `text`: part of the name, or the staff number."""
    found = staff_of(org_id, on)
    if category:
        found = found.filter(practitioner__category=category)
    if has_hidden_characters(text):
        return found.none()
    return found.filter(Q(practitioner__name__contains=text) | Q(practitioner__number=text)) if text else found


def practitioner(practitioner_id: UUID) -> Practitioner:
    """One of the staff. Raises Unknown."""
    found = Practitioner.objects.filter(pk=practitioner_id).select_related("org").first()
    if found is None:
        raise Unknown(what="practitioner")
    return found


def titles_of(practitioner_id: UUID) -> list[TitleHeld]:
    """The professional titles somebody was given, latest first."""
    return list(TitleHeld.objects.filter(practitioner_id=practitioner_id).order_by("-start"))


def works_of(practitioner_id: UUID) -> list[PractitionerRole]:
    """Where somebody works and worked, present work first."""
    rows = PractitionerRole.objects.filter(practitioner_id=practitioner_id).select_related("org", "department")
    return sorted(rows, key=lambda r: (r.end is not None, -r.start.toordinal()))


def work(role_id: UUID) -> PractitionerRole:
    """One place of work. Raises Unknown."""
    found = PractitionerRole.objects.filter(pk=role_id).select_related("org").first()
    if found is None:
        raise Unknown(what="work")
    return found


def shifts_between(org_id: int, start: datetime, end: datetime) -> list[DutyShift]:
    """Duty shifts of an institution that begin in [start, end), by their beginning."""
    found = DutyShift.objects.filter(org_id=org_id, start__gte=start, start__lt=end, voided_at=None)
    return list(found.select_related("practitioner").order_by("start", "duty", "id"))


def shift(shift_id: UUID) -> DutyShift:
    """One duty shift. Raises Unknown."""
    found = DutyShift.objects.filter(pk=shift_id).select_related("org").first()
    if found is None:
        raise Unknown(what="shift")
    return found


def seats_of(org_id: int, on: date | None = None) -> list[ForceMember]:
    """Seats in a leading group, secretariat or task force on a day, the head first; without a day, those not ended."""
    order = {role: i for i, role in enumerate(rules.FORCE_ROLES)}
    rows = ForceMember.objects.filter(Q(end=None) if on is None else in_force(on), org_id=org_id)
    return sorted(rows, key=lambda m: (order[m.role], m.start, m.name))


def seat(member_id: UUID) -> ForceMember:
    """One seat. Raises Unknown."""
    found = ForceMember.objects.filter(pk=member_id).first()
    if found is None:
        raise Unknown(what="seat")
    return found


def posts_at(org_id: int, roles: Collection[str], at: datetime) -> list[Post]:
    """The posts in these roles that are held at an institution at an instant, with their accounts' ids."""
    held = Post.objects.filter(Q(end=None) | Q(end__gt=at), org_id=org_id, role__in=list(roles), start__lte=at)
    return list(held.order_by("role", "start", "id"))


def keeps_roster(org_id: int, duty: str, since: datetime, until: datetime) -> bool:
    """Whether an institution has any shift of a duty that touches [since, until)."""
    return DutyShift.objects.filter(org_id=org_id, duty=duty, start__lt=until, end__gt=since, voided_at=None).exists()


def centre_of(village: Place) -> Place | None:
    """The public township institution in whose town a village clinic lies; None for anybody else, and where there is none."""
    if village.tier != rules.TIERS[0]:
        return None
    lo, hi = rules.prefix_range(village.path[: REGION_PREFIXES["township"]])
    found = Organisation.objects.filter(kind="care", care_tier=rules.TIERS[1], path__gte=lo, path__lt=hi, end=None)
    centre = found.exclude(ownership="private").order_by("path").first()
    return place(centre) if centre else None


def community_lead(org_id: int, on: date) -> Organisation | None:
    """The lead of the county community that binds an institution on a day: its own membership's, or, for a village clinic without
    one, its centre's, of whose branch it is a part. None when there is neither."""
    lead = alliance_lead(org_id, on)
    if lead is not None:
        return lead
    centre = centre_of(place_of(org_id))
    return alliance_lead(centre.id, on) if centre is not None else None
