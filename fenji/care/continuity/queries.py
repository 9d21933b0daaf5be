"""The only reads of this room offered to others: packages and what they lack, plans, follow-ups of a day, what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from fenji.care.continuity import rules
from fenji.care.continuity.models import Attachment, FollowUp, Package, PackageEvent, PlanItem
from fenji.ground.access.queries import names_of
from fenji.ground.access.rules import DOCTOR, NURSE, Actor
from fenji.ground.common import shipped
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.rows import one
from fenji.ground.network.models import Post
from fenji.ground.network.queries import Place
from fenji.ground.policy.queries import resolve

_MEASURES = Path(__file__).parent / "data" / "measures.csv"


@dataclass(frozen=True, slots=True)
class NamedMeasure:
    """A measure with what it is called."""

    measure: rules.Measure
    zh: str
    en: str


@cache
def measures() -> Mapping[str, NamedMeasure]:
    """What can be measured at home, by code, in the order of the shipped table."""
    found: dict[str, NamedMeasure] = {}
    for row in shipped.rows(_MEASURES):
        second = (Decimal(row["second_least"]), Decimal(row["second_most"])) if row["second_least"] else None
        least, most = Decimal(row["least"]), Decimal(row["most"])
        made = rules.Measure(row["code"], row["unit"], int(row["decimals"]), least, most, second)
        found[made.code] = NamedMeasure(made, row["zh"], row["en"])
    return found


def policy_at(where: Place, on: date) -> rules.ContinuityPolicy:
    """Days and numbers of follow-up at a place on a day (PF-continuity-followup)."""
    return resolve(rules.ContinuityPolicy, where.policy_path, on)


# --- packages ----------------------------------------------------------------------------------------------------------------


def package_of(subject: str) -> Package | None:
    """The package of a case that the open scope sees: the live one, else the last; None when nothing was written."""
    found = Package.objects.filter(subject=subject).select_related("origin", "receiver")
    return one(found.order_by("-written_at", "-id"))


def package(subject: str) -> Package:
    """The same, raising Unknown where there is none."""
    found = package_of(subject)
    if found is None:
        raise Unknown(what="package")
    return found


def package_of_stay(stay_id: UUID) -> Package | None:
    """The package that was last written for a stay, if the open scope sees one."""
    return one(Package.objects.filter(stay_id=stay_id).order_by("-written_at", "-id"))


CaseOf = Callable[[UUID], str]
_CASES: list[CaseOf] = []


def register_case_of(hook: CaseOf) -> None:
    """Let this room ask for the number of the open case that sends a stay down; "" for none. Called at start-up by a room above."""
    _CASES.append(hook)


def subject_of(stay_id: UUID) -> str:
    """What a package that is begun for a stay is about: the case that sends it down, or the stay while there is none."""
    return next((number for hook in _CASES if (number := hook(stay_id))), f"stay-{stay_id}")


def packages_written(actor: Actor) -> QuerySet[Package]:
    """What the actor's hospital has written, newest first."""
    return Package.objects.filter(origin_id=actor.org_id).select_related("receiver").order_by("-written_at", "-id")


def phone_of(found: Package) -> str:
    """The phone of the patient, decrypted; empty when none is known."""
    return str(settings.DATABASE_KEYS.open(bytes(found.patient_phone), f"package.phone:{found.pk}"))


def summary_of(found: Package) -> rules.Summary:
    """The words of a package."""
    return rules.Summary(found.admitted_for, found.course, found.condition, found.medicines, found.no_medicine)


def items_of(package_id: UUID) -> list[PlanItem]:
    """The lines of a plan, by number."""
    return list(PlanItem.objects.filter(package_id=package_id, ended_at=None).order_by("number"))


def as_item(row: PlanItem) -> rules.Item:
    """A line as a value."""
    return rules.Item(row.kind, row.service, row.what, row.first, row.last, row.every, row.low, row.high, row.measure)


def parts_missing_of(subject: str) -> tuple[str, ...]:
    """What the package of a case lacks, as `rules.parts_missing` names it; () when the patient may be sent down (SM-3-6c)."""
    found = package_of(subject)
    if found is None or found.state == rules.OVER:
        return rules.parts_missing(None, (), "")
    return rules.parts_missing(summary_of(found), [as_item(i) for i in items_of(found.pk)], found.warning_signs)


def attachments_of(package_id: UUID) -> list[Attachment]:
    """The files that go with a package, oldest first."""
    found = Attachment.objects.filter(package_id=package_id, voided_at=None).select_related("file")
    return list(found.order_by("at", "id"))


def attachment(attachment_id: UUID) -> Attachment:
    """One of them. Raises Unknown."""
    found = one(Attachment.objects.filter(pk=attachment_id, voided_at=None).select_related("package"))
    if found is None:
        raise Unknown(what="attachment")
    return found


# --- plans -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """A package with the lines of its plan and its follow-ups, ascending by day."""

    package: Package
    items: tuple[PlanItem, ...]
    follow_ups: tuple[FollowUp, ...]

    @property
    def services_missing(self) -> tuple[str, ...]:
        """Which of the three services of the team no line names (SM-3-6d)."""
        return rules.services_missing(as_item(i) for i in self.items)


def plan_of(subject: str) -> Plan | None:
    """The plan of a case; None when nothing was written that the open scope sees."""
    found = package_of(subject)
    if found is None:
        return None
    days = FollowUp.objects.filter(package_id=found.pk).order_by("due_on", "planned_on", "id")
    return Plan(found, tuple(items_of(found.pk)), tuple(days))


def history_of(subject: str) -> list[PackageEvent]:
    """What happened to the packages of a case, oldest first."""
    found = PackageEvent.objects.filter(package__subject=subject)
    return list(found.order_by("at", "id"))


def chain_of(resident_ids: Iterable[UUID]) -> list[Package]:
    """The chain of care of somebody as far as the open scope sees it: packages handed over, with providers and dates, oldest first
    (QZ-2-11j). `resident_ids`: their records, all of them."""
    found = Package.objects.filter(resident_id__in=list(resident_ids), handed_over_at__isnull=False)
    return list(found.select_related("origin", "receiver").order_by("handed_over_at", "id"))


# --- follow-ups --------------------------------------------------------------------------------------------------------------


def follow_up(follow_up_id: UUID) -> FollowUp:
    """A follow-up that the open scope reaches. Raises Unknown."""
    found = one(FollowUp.objects.filter(pk=follow_up_id).select_related("package", "package__origin"))
    if found is None:
        raise Unknown(what="followup")
    return found


def followups_today(actor: Actor, on: date) -> QuerySet[FollowUp]:
    """What the actor's team has to follow up on a day: open ones that are due by then, the longest due first."""
    found = FollowUp.objects.filter(org_id=actor.org_id, state=rules.OPEN, due_on__lte=on)
    return found.select_related("package", "package__origin").order_by("due_on", "id")


def lines_of(found: FollowUp) -> list[PlanItem]:
    """The lines of the plan that are due with a follow-up, by number."""
    return [i for i in items_of(found.package_id) if i.number in found.items]


def lines_by_package(package_ids: Iterable[UUID]) -> dict[UUID, list[PlanItem]]:
    """The lines of several plans in one statement, by number."""
    found: dict[UUID, list[PlanItem]] = {key: [] for key in package_ids}
    for row in PlanItem.objects.filter(package_id__in=list(found), ended_at=None).order_by("number"):
        found[row.package_id].append(row)
    return found


def team_of(org_id: int, at: datetime) -> dict[UUID, str]:
    """Doctors and nurses of an institution at an instant: account → name, by name."""
    held = Post.objects.filter(Q(end=None) | Q(end__gt=at), org_id=org_id, role__in=(DOCTOR, NURSE), start__lte=at)
    return dict(sorted(names_of(held.values_list("account_id", flat=True)).items(), key=lambda pair: pair[1]))
