"""A package: written by the hospital, seen by whom the case is offered to, handed over when the patient has arrived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db.models import F

from fenji.care.continuity import queries, rules
from fenji.care.continuity.actions.attachments import show_files
from fenji.care.continuity.actions.shared import note_down, open_next, swap
from fenji.care.continuity.models import FollowUp, Package, PlanItem
from fenji.care.registry.queries import phone_of
from fenji.care.visits.models import Stay
from fenji.ground.access.rules import HOUSE_ACCOUNT, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of

_ONE_LIVE = {"package_one_live": Stale}
"""The database allows a case one live package: who comes second at the same moment is told that theirs is stale."""


@all_or_nothing
def write_package(
    subject: str,
    stay: Stay,
    summary: rules.Summary,
    warning_signs: str,
    items: Sequence[rules.Item],
    *,
    stage: str = rules.REHABILITATION,
    stage_from: str = rules.TREATMENT,
    stage_reason: str = "",
    version: int | None = None,
    by: Actor,
    at: datetime,
) -> Package:
    """Write the draft of a package, or write it anew; it may still lack parts. `stay`: of the actor's hospital. `stage_from`,
    `stage`: the link of the chain that ends and the one that begins. `version`: of the draft that is replaced, None for the first.

    Raises NotPermitted, Unknown (a measure), BadItem, SkipsRehabilitation, WrongStage, Stale.
    """
    if not by.may("package.write") or by.org_id != stay.org_id:
        raise NotPermitted
    rules.next_stage(stage_from, stage, stage_reason)
    _check_items(items, by, at)
    words = {
        "admitted_for": summary.admitted_for.strip(),
        "course": summary.course.strip(),
        "condition": summary.condition.strip(),
        "medicines": summary.medicines.strip(),
        "no_medicine": summary.no_medicine,
        "warning_signs": warning_signs.strip(),
        "stage_from": stage_from,
        "stage": stage,
        "stage_reason": stage_reason.strip(),
        "written_by_id": by.account_id,
        "written_by_name": by.name,
        "written_at": at,
    }
    row = queries.package_of(subject)
    if row is None or row.state == rules.OVER:
        if version is not None:
            raise Stale
        row = _begun(subject, stay, words)
    else:
        if version is None or row.state != rules.DRAFT or row.stay_id != stay.pk:
            raise Stale
        swap(row, version, **words)
        PlanItem.objects.filter(package=row, ended_at=None).update(ended_at=at, version=F("version") + 1)
    PlanItem.objects.bulk_create([_line(row, number, item) for number, item in enumerate(items)])
    note_down(row, "write", by=by, at=at)
    return row


def _check_items(items: Sequence[rules.Item], by: Actor, at: datetime) -> None:
    """Each line can be dated and measured; otherwise it would be found out when the patient has arrived."""
    today = local_day(at)
    policy = queries.policy_at(place_of(by.org_id), today)
    for item in items:
        rules.due_days(item, today, policy)
        if (item.kind == rules.MEASUREMENT) != (item.measure in queries.measures()):
            raise Unknown(what="measure")


def _begun(subject: str, stay: Stay, words: dict[str, object]) -> Package:
    key, resident = uuid7(), stay.resident
    row = Package(
        id=key,
        subject=subject,
        stay_id=stay.pk,
        resident_id=resident.pk,
        patient_name=resident.name,
        patient_sex=resident.sex,
        patient_birth_date=resident.birth_date,
        patient_phone=settings.DATABASE_KEYS.seal(phone_of(resident), f"package.phone:{key}"),
        diagnosis_code=stay.diagnosis_code,
        diagnosis_name=stay.diagnosis_name,
        origin_id=stay.org_id,
        viewer_ids=[stay.org_id],
        **words,
    )
    with refused_as(_ONE_LIVE):
        row.save(force_insert=True)
    return row


def _line(package: Package, number: int, item: rules.Item) -> PlanItem:
    return PlanItem(
        package=package,
        number=number,
        kind=item.kind,
        service=item.service,
        what=item.what.strip(),
        measure=item.measure,
        first=item.first,
        last=item.last,
        every=item.every,
        low=item.low,
        high=item.high,
    )


@all_or_nothing
def put_under(stay_id: UUID, subject: str, *, by: Actor, at: datetime) -> Package | None:
    """A draft that was written for a stay before there was a case is the case's from now on; None when there is no such draft.
    A branch that was shown it with an earlier case, which came to nothing, sees it no more.

    Raises NotPermitted, Stale.
    """
    found = queries.package_of_stay(stay_id)
    if found is None or found.state != rules.DRAFT:
        return None
    if not by.may("package.write") or by.org_id != found.origin_id:
        raise NotPermitted
    if found.subject != subject:
        with refused_as(_ONE_LIVE):
            swap(found, found.version, subject=subject, viewer_ids=[found.origin_id])
        note_down(found, "number", by=by, at=at)
    return found


def check(subject: str) -> None:
    """Whether the patient may be sent down: summary and plan are there (SM-3-6c). Raises IncompletePackage."""
    if missing := queries.parts_missing_of(subject):
        raise rules.IncompletePackage(parts=missing)


@all_or_nothing
def let_see(subject: str, org_id: int, *, by: Actor, at: datetime) -> None:
    """The case is offered to an institution: it may read the package. Raises Unknown, NotPermitted, Stale."""
    found = queries.package(subject)
    if by.org_id not in found.viewer_ids:
        raise NotPermitted
    if org_id not in found.viewer_ids:
        swap(found, found.version, viewer_ids=[*found.viewer_ids, org_id])
        show_files(found, org_id, by=by, at=at)
        note_down(found, "show", by=by, at=at)


@all_or_nothing
def hand_over(subject: str, receiver_id: int, start: date, *, by: Actor, at: datetime) -> Package:
    """The patient has arrived: the plan becomes dated follow-ups of the receiver's team (SM-3-6d, QZ-2-11d). `start`: the day of
    discharge, from which the plan counts.

    Raises Unknown, NotPermitted, Stale, IncompletePackage, BadItem.
    """
    found = queries.package(subject)
    if by.account_id != HOUSE_ACCOUNT and by.org_id not in (receiver_id, found.origin_id):
        raise NotPermitted
    if found.state != rules.DRAFT:
        raise Stale
    check(subject)
    items = [queries.as_item(i) for i in queries.items_of(found.pk)]
    policy = queries.policy_at(place_of(receiver_id), local_day(at))
    viewers = sorted({*found.viewer_ids, receiver_id})
    moved = {"state": rules.HANDED_OVER, "receiver_id": receiver_id, "discharged_on": start, "handed_over_at": at}
    swap(found, found.version, viewer_ids=viewers, **moved)
    show_files(found, receiver_id, by=by, at=at)
    FollowUp.objects.bulk_create(
        FollowUp(package=found, org_id=receiver_id, viewer_ids=viewers, planned_on=day, due_on=day, items=list(numbers))
        for day, numbers in rules.schedule(items, start, policy)
    )
    note_down(found, "hand_over", by=by, at=at)
    open_next(found, by=by, at=at)
    return found
