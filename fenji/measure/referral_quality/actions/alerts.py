"""Alerts: found and withdrawn by the house, answered by the institution asked, judged by the county."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from procrastinate.contrib.django import app as queue
from procrastinate.exceptions import AlreadyEnqueued

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import MANAGER, OFFICER, Actor, house
from fenji.ground.common.clock import local_day
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.rows import violated
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import Place, alliance_lead, health_authority, place_of
from fenji.ground.policy.queries import duty_calendar
from fenji.ground.tasks import actions as tasks
from fenji.measure.journeys.rules import Contact, Found, Referral
from fenji.measure.referral_quality import queries
from fenji.measure.referral_quality.models import Alert, AlertRow
from fenji.measure.referral_quality.rules import alerts as rules
from fenji.measure.referral_quality.rules.refusals import AlertStep

_ONCE = "alert_once"
_LOOK = "fenji.measure.referral_quality.jobs.look_again"  # by name: jobs stand above actions


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look for alerts came to, as numbers."""

    opened: int
    again: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """An institution that is asked, and who else is concerned. `office`: the health authority that judges with the lead."""

    place: Place
    lead_id: int | None
    office_id: int | None
    due_at: datetime

    @property
    def viewers(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(o for o in (self.place.id, self.lead_id, self.office_id) if o is not None))


@dataclass(slots=True)
class _Orgs:
    """Institutions that are asked, each looked up once."""

    at: datetime
    using: str
    known: dict[int, _Asked] = field(default_factory=dict)

    def of(self, org_id: int) -> _Asked:
        if org_id not in self.known:
            self.known[org_id] = _asked(org_id, self.at, self.using)
        return self.known[org_id]


def subject_of(row: Alert) -> str:
    """What an alert is called on desks and in traces."""
    return f"A-{row.id.hex[-12:]}"


def _asked(org_id: int, at: datetime, using: str) -> _Asked:
    place, day = place_of(org_id, using), local_day(at)
    lead, office = alliance_lead(org_id, day, using), health_authority(place)
    due = rules.answer_due(at, queries.policy_at(place, day), duty_calendar(place.policy_path, day))
    return _Asked(place, lead.id if lead else None, office.id if office else None, due)


def look_for_alerts(*, at: datetime, stem: str = "", using: str = "job") -> Looked:
    """Look for alerts in the cities whose code begins with `stem`, over as many days as their policy says. Runs as the job role.

    What is found again stays as it is; what is no longer found is withdrawn with the reason, unless it has been judged.
    """
    done = [_look(city, at, using) for city in queries.cities(using) if city.startswith(stem)]
    return Looked(sum(d.opened for d in done), sum(d.again for d in done), sum(d.withdrawn for d in done))


def _look(city: str, at: datetime, using: str) -> Looked:
    seen = queries.watched(city, at, using)
    found = {rules.key_of(f): (f, pack_hash) for f, pack_hash in rules.found(seen.way, seen.periods)}
    rows = Alert.objects.using(using).filter(path__starts=city, at__gte=seen.since)
    known = {row.key: row for row in rows}
    change = rules.changes(found, {key: row.state for key, row in known.items()})
    orgs = _Orgs(at, using)
    return Looked(
        sum(_open(*found[key], seen, orgs) for key in sorted(change.fresh)),
        sum(_open_again(known[key], found[key][0], orgs) for key in sorted(change.again)),
        sum(_withdraw(known[key], seen, at, using) for key in sorted(change.gone)),
    )


def _fact(row: Contact | Referral) -> dict[str, Any]:
    """A row as institutions and times, for whoever may not see it."""
    if isinstance(row, Referral):
        ends = {"org": int(row.origin.org), "to": int(row.receiver.org), "ending": ""}
        return {"kind": "case", **ends, "start": row.sent_at.isoformat(), "end": "", "emergency": row.emergency}
    end = row.end.isoformat() if row.end else ""
    return {
        "kind": row.kind, "org": int(row.place.org), "to": None, "ending": row.ending, "start": row.start.isoformat(), "end": end,
        "emergency": row.emergency,
    }  # fmt: skip


def _open(found: Found, pack_hash: str, seen: queries.Watched, orgs: _Orgs) -> bool:
    org_id = int(found.org)
    asked = orgs.of(seen.branches.get(org_id, org_id))
    row = Alert(
        kind=found.code, key=rules.key_of(found), org_id=asked.place.id, lead_id=asked.lead_id, path=asked.place.path,
        disease_group=found.group, at=found.at, facts=[_fact(r) for r in found.rows], reason=found.reason.as_row(),
        pack_hash=pack_hash, state=rules.first_state(found), opened_at=orgs.at, due_at=asked.due_at,
    )  # fmt: skip
    names = [rules.name_of(r) for r in found.rows]
    try:
        with transaction.atomic(using=orgs.using):
            row.save(force_insert=True, using=orgs.using)
            AlertRow.objects.using(orgs.using).bulk_create(
                AlertRow(alert=row, position=n, kind=kind, key=key, resident_id=seen.residents[kind, key])
                for n, (kind, key) in enumerate(names)
            )
            _ask(row, asked, orgs.at, orgs.using)
            _trace("open", row, "", row.state, orgs.at, orgs.using)
    except IntegrityError as refused:
        if violated(refused) != _ONCE:
            raise
        return False  # another worker was faster
    return True


def _open_again(row: Alert, found: Found, orgs: _Orgs) -> bool:
    state = rules.state_again(found, row.cause)
    asked = orgs.of(row.org_id)
    with transaction.atomic(using=orgs.using):
        same = Alert.objects.using(orgs.using).filter(pk=row.pk, version=row.version)
        changes = {"state": state, "due_at": asked.due_at, "withdrawn_at": None, "withdrawn_for": ""}
        if not same.update(**changes, version=F("version") + 1):
            return False
        row.state, row.due_at = state, asked.due_at
        _ask(row, asked, orgs.at, orgs.using)
        _trace("again", row, rules.WITHDRAWN, state, orgs.at, orgs.using)
    return True


def _withdraw(row: Alert, seen: queries.Watched, at: datetime, using: str) -> bool:
    why = _why_gone(row, seen, using)
    with transaction.atomic(using=using):
        same = Alert.objects.using(using).filter(pk=row.pk, version=row.version)
        if not same.update(state=rules.WITHDRAWN, withdrawn_at=at, withdrawn_for=why, version=F("version") + 1):
            return False
        tasks.close_step(subject_of(row), at=at, using=using)
        _trace("withdraw", row, row.state, rules.WITHDRAWN, at, using, why=why)
    return True


def _why_gone(row: Alert, seen: queries.Watched, using: str) -> str:
    keys = set(AlertRow.objects.using(using).filter(alert=row).values_list("key", flat=True))
    people = {c.person for c in seen.way.contacts if c.key in keys}
    covered = any(rules.withdrawal(p, row.disease_group, row.opened_at, seen.way.cases) == rules.COVERED for p in people)
    return rules.COVERED if covered else rules.CHANGED


def _trace(action: str, row: Alert, before: str, after: str, at: datetime, using: str, **detail: str) -> None:
    audit(
        by=house(row.org_id), at=at, action=f"alert.{action}", subject=subject_of(row), before=before, after=after, using=using,
        kind=row.kind, **detail,
    )  # fmt: skip


def _ask(row: Alert, asked: _Asked, at: datetime, using: str = "default") -> None:
    """Open the step that waits in the row's state: the institution answers; the lead judges or, of its own alerts and where there
    is no lead, the health authority."""
    whose = {rules.OPEN: (row.org_id, MANAGER), rules.ANSWERED: _judge_of(row, asked)}.get(row.state)
    if whose is None:
        return
    step = tasks.Step(
        kind=f"alert.{row.state}", subject=subject_of(row), url=f"/quality/alerts/{row.id}/", who="", sex="", age=0, topic="",
        org_id=whose[0], role=whose[1], viewer_ids=asked.viewers, due_at=asked.due_at,
    )  # fmt: skip
    tasks.open_step(step, at=at, using=using)


def _judge_of(row: Alert, asked: _Asked) -> tuple[int, str] | None:
    if asked.lead_id not in (None, row.org_id):
        return asked.lead_id, MANAGER
    return (asked.office_id, OFFICER) if asked.office_id is not None else None


# --- by people ----------------------------------------------------------------------------------------------------------------


def may_judge(row: Alert, by: Actor) -> bool:
    """Whether somebody judges an alert: the lead of the community, but not its own, and officers of the health authority."""
    if not by.may("alert.judge"):
        return False
    if by.role == OFFICER:
        return by.health
    return row.lead_id in by.orgs and row.lead_id != row.org_id


def may_answer(row: Alert, by: Actor) -> bool:
    """Whether somebody answers an alert: a reviewer or the head of the institution asked."""
    return by.may("quality.review") and row.org_id in by.orgs


@all_or_nothing
def ask_for_look(*, by: Actor, at: datetime) -> None:
    """Have a job look for alerts now, in the city of the lead or the region of the officer who asks; one at a time. Raises
    NotPermitted."""
    if not by.may("alert.judge"):
        raise NotPermitted
    stem = (by.reach or place_of(by.org_id).path)[: REGION_PREFIXES["city"]]
    audit(by=by, at=at, action="alert.look", subject=stem)
    with suppress(AlreadyEnqueued), transaction.atomic():
        queue.configure_task(_LOOK, queueing_lock=f"alerts {stem}").defer(stem=stem)


@all_or_nothing
def answer(alert_id: UUID, cause: str, *, version: int, by: Actor, at: datetime) -> Alert:
    """Say, for the institution asked, how it came to it. Raises NotPermitted, Unknown, AlertStep, Stale."""
    row = queries.alert(alert_id)
    if not may_answer(row, by):
        raise NotPermitted
    wanted = rules.Wanted(rules.ANSWER, by.account_id, at, cause.strip())
    said = {"cause": wanted.words, "answered_id": by.account_id, "answered_by": by.name, "answered_at": at}
    return _act(row, wanted, said, version, by)


@all_or_nothing
def judge(alert_id: UUID, action: str, note: str, *, version: int, by: Actor, at: datetime) -> Alert:
    """Judge an alert: justified, or to be corrected, with what. Raises NotPermitted, Unknown, AlertStep, Stale."""
    row = queries.alert(alert_id)
    if not may_judge(row, by) or action == rules.ANSWER:
        raise NotPermitted
    wanted = rules.Wanted(action, by.account_id, at, note.strip())
    changed = _act(row, wanted, {"note": wanted.words, "judged_by": by.name, "judged_at": at}, version, by)
    url = f"/quality/alerts/{row.id}/"
    tasks.send("alert.judged", org_id=row.org_id, role=MANAGER, subject=subject_of(row), url=url, at=at, sender_id=by.org_id)
    return changed


def _act(row: Alert, wanted: rules.Wanted, said: Mapping[str, Any], version: int, by: Actor) -> Alert:
    before = queries.alert_view(row)
    if why := rules.fault(before, wanted):
        raise AlertStep(why=why)
    after = rules.after(before, wanted)
    if not Alert.objects.filter(pk=row.pk, version=version).update(state=after.state, **said, version=F("version") + 1):
        raise Stale
    changed = queries.alert(row.pk)
    audit(by=by, at=wanted.at, action=f"alert.{wanted.action}", subject=subject_of(row), before=row.state, after=after.state)
    tasks.close_step(subject_of(row), at=wanted.at)
    _ask(changed, _asked(row.org_id, wanted.at, "default"), wanted.at)
    return changed
