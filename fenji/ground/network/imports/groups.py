"""Seats in groups and task forces; lists that the clauses count on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network import actions, texts
from fenji.ground.network.imports.base import BATCH, Findings, by_code, governs, in_batches
from fenji.ground.network.imports.organisations import regions_by_code
from fenji.ground.network.models import ForceMember, NamedList, NamedListEntry, Organisation, RegionName

_ALONE = ("head", "sanyi_leader")


class Seats:
    """Who sits in which leading group, secretariat, task force or committee."""

    code = "seats"
    title = _("Members of groups and task forces")
    permission = "network.write"
    key = ("org", "name", "role")
    columns = (
        Column("org", _("Institution code"), required=True, longest=40, sample="LDXZ-350405"),
        Column("name", _("Name"), required=True, longest=60, sample="张某某"),
        Column("position", _("Office held"), longest=100),
        Column("role", _("Role"), "choice", True, tuple(texts.FORCE_ROLES.items()), "member"),
        Column("since", _("First day"), "date", sample="2022-03-01"),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs = by_code(r.values["org"] for r in rows)
        seats = _seats(orgs)
        for row in rows:
            v = row.values
            org = orgs.get(v["org"])
            if org is None:
                found.fault(row, "org", "no_org", given=v["org"])
            elif org.kind != "task_force":
                found.fault(row, "org", "not_force")
            elif not governs(by, org.path):
                found.fault(row, "org", "not_yours")
            elif (org.id, v["name"], v["role"]) in seats:
                found.outcomes[row.line] = "same"
            elif v["role"] in _ALONE and any(o == org.id and r == v["role"] for o, _n, r in seats):
                found.fault(row, "role", "seat_taken")
            else:
                seats.add((org.id, v["name"], v["role"]))
                found.outcomes[row.line] = "new"
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        orgs = by_code(r.values["org"] for r in rows)
        for batch in in_batches(rows, BATCH, progress):
            for row in batch:
                v = row.values
                actions.seat_in_force(
                    *(orgs[v["org"]].id, v["name"], v["role"]),
                    position=v["position"] or "",
                    on=v["since"] or local_day(at),
                    by=by,
                    at=at,
                    using="load",
                )
        return []


def _seats(orgs: Mapping[str, Organisation]) -> set[tuple[int, str, str]]:
    rows = ForceMember.objects.using("load").filter(org__in=[o.id for o in orgs.values()], end=None)
    return set(rows.values_list("org_id", "name", "role"))


class Lists:
    """Institutions and regions on the lists that clauses count on: pilots, weak counties, supporting hospitals …"""

    code = "lists"
    title = _("Named lists")
    permission = "network.write"
    key = ("list", "org", "region")
    columns = (
        Column("list", _("List"), required=True, longest=40, sample="weak-counties"),
        Column("name", _("Name of the list"), required=True, longest=100, sample="薄弱县（市）综合医院"),
        Column("clause", _("Clause"), required=True, longest=20, sample="XZ-2-2a"),
        Column("expected", _("Number named by the clause"), "whole", sample="25"),
        Column("org", _("Institution code"), longest=40, sample="PDY00001X350405"),
        Column("region", _("Region code"), longest=12),
        Column("since", _("First day"), "date", sample="2022-03-01"),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs, regions = by_code(r.values["org"] for r in rows), _regions(rows)
        held = _held({r.values["list"] for r in rows})
        for row in rows:
            v = row.values
            org, region = orgs.get(v["org"] or ""), regions.get(v["region"] or "")
            if bool(v["org"]) == bool(v["region"]):
                found.fault(row, "org", "org_or_region")
            elif v["org"] and org is None:
                found.fault(row, "org", "no_org", given=v["org"])
            elif v["region"] and region is None:
                found.fault(row, "region", "no_region", given=v["region"])
            elif not governs(by, org.path if org is not None else str(v["region"])):
                found.fault(row, "org" if org else "region", "not_yours")
            else:
                mine = (v["list"], org.id if org else None, region.region_id if region else None)
                found.outcomes[row.line] = "same" if mine in held else "new"
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        orgs, regions = by_code(r.values["org"] for r in rows), _regions(rows)
        for batch in in_batches(rows, BATCH, progress):
            for row in batch:
                v = row.values
                facts = {"name_zh": v["name"], "name_en": v["name"], "clause_id": v["clause"], "expected": v["expected"]}
                NamedList.objects.using("load").update_or_create(code=v["list"], defaults=facts)
                org, region = orgs.get(v["org"] or ""), regions.get(v["region"] or "")
                NamedListEntry.objects.using("load").create(
                    list_id=v["list"], org=org, region_id=region.region_id if region else None, start=v["since"] or local_day(at)
                )
                audit(by=by, at=at, action="list.add", subject=f"list:{v['list']}", using="load")
        return []


def _regions(rows: Sequence[Row]) -> dict[str, RegionName]:
    return regions_by_code({str(r.values["region"]) for r in rows if r.values["region"]})


def _held(lists: set[str]) -> set[tuple[str, int | None, int | None]]:
    rows = NamedListEntry.objects.using("load").filter(list_id__in=lists, end=None)
    return set(rows.values_list("list_id", "org_id", "region_id"))
