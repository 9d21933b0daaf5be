"""Staff by the institution's number for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fenji.ground.access.actions import audit_all
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network import actions, texts
from fenji.ground.network.imports.base import BATCH, Findings, by_code, differs, governs, in_batches
from fenji.ground.network.imports.organisations import specialties
from fenji.ground.network.models import Department, Organisation, Practitioner, PractitionerRole, TitleHeld

_SEPARATORS = re.compile(r"[,，;；、/\s]+")


class Staff:
    """People who work in care, with title and specialties; each begins to work at the employer."""

    code = "staff"
    title = _("Staff")
    permission = "network.write"
    key = ("org", "number")
    columns = (
        Column("org", _("Institution code"), required=True, longest=40, sample="PDY00001X350405"),
        Column("number", _("Staff number"), required=True, longest=30, sample="0001"),
        Column("name", _("Name"), required=True, longest=60, sample="张某某"),
        Column("category", _("Category"), "choice", required=True, choices=tuple(texts.CATEGORIES.items()), sample="physician"),
        Column("title", _("Title"), "choice", required=True, choices=tuple(texts.TITLES.items()), sample="intermediate"),
        Column("titled_on", _("Title since"), "date", sample="2019-12-01"),
        Column(
            "specialties",
            _("Specialties"),
            longest=200,
            sample="cardiology, internal",
            note=_("Codes or names, separated by commas."),
        ),
        Column("department", _("Department"), longest=60, note=_("As it is called in the list of departments.")),
        Column("licence_until", _("Licence valid until"), "date"),
        Column("since", _("First day"), "date", sample="2022-03-01"),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs, known = by_code(r.values["org"] for r in rows), specialties()
        present = _present(orgs)
        for row in rows:
            org = orgs.get(row.values["org"])
            if org is None:
                found.fault(row, "org", "no_org", given=row.values["org"])
                continue
            if not governs(by, org.path):
                found.fault(row, "org", "not_yours")
            unknown = [s for s in _named(row) if s not in known]
            if unknown:
                found.fault(row, "specialties", "no_specialty", given=unknown[0])
                continue
            old = present.get((org.id, row.values["number"]))
            found.outcomes[row.line] = "new" if old is None else "changed" if differs(old, _facts(row, known)) else "same"
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        orgs, known = by_code(r.values["org"] for r in rows), specialties()
        present = _present(orgs)
        rooms = {
            (d.org_id, d.name_zh): d.id
            for d in Department.objects.using("load").filter(org__in=[o.id for o in orgs.values()], end=None)
        }
        today = local_day(at)
        for batch in in_batches(rows, BATCH, progress):
            fresh: list[Practitioner] = []
            places: dict[Any, int | None] = {}
            for row in batch:
                org = orgs[row.values["org"]]
                old = present.get((org.id, row.values["number"]))
                facts = _facts(row, known)
                if old is not None:
                    actions.change_practitioner(old.id, old.version, facts, on=today, by=by, at=at, using="load")
                    continue
                person = Practitioner(
                    org=org, path=org.path, number=row.values["number"], start=row.values["since"] or today, **facts
                )
                places[person.id] = rooms.get((org.id, row.values["department"] or ""))
                fresh.append(person)
            _enter(fresh, places, by, at)
        return []


def _enter(fresh: list[Practitioner], places: Mapping[Any, int | None], by: Actor, at: datetime) -> None:
    Practitioner.objects.using("load").bulk_create(fresh)
    titles = [TitleHeld(practitioner=p, org_id=p.org_id, path=p.path, title=p.title, start=p.titled_on or p.start) for p in fresh]
    TitleHeld.objects.using("load").bulk_create(titles)
    PractitionerRole.objects.using("load").bulk_create(
        PractitionerRole(practitioner=p, org_id=p.org_id, path=p.path, department_id=places[p.id], kind="employed", start=p.start)
        for p in fresh
    )
    audit_all([f"practitioner:{p.id}" for p in fresh], by=by, at=at, action="staff.enter", using="load")


def _named(row: Row) -> list[str]:
    return [s for s in _SEPARATORS.split(row.values["specialties"] or "") if s]


def _facts(row: Row, known: Mapping[str, str]) -> dict[str, Any]:
    """What a row says of somebody: what a file has no column for stays as it stands."""
    v = row.values
    said: dict[str, Any] = {f: v[f] for f in ("name", "category", "title", "titled_on", "licence_until") if f in v}
    return {**said, "specialties": [known[s] for s in _named(row)]} if "specialties" in v else said


def _present(orgs: Mapping[str, Organisation]) -> dict[tuple[int, str], Practitioner]:
    rows = Practitioner.objects.using("load").filter(Q(end=None), org__in=[o.id for o in orgs.values()])
    return {(p.org_id, p.number): p for p in rows}
