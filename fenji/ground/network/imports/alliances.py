"""Members of alliances; an alliance that is not there yet is formed by its lead's row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network import actions, rules, texts
from fenji.ground.network.imports.base import BATCH, Findings, by_code, governs, in_batches
from fenji.ground.network.models import Alliance, Membership, Organisation


class Members:
    """Who belongs to which alliance, as what, since when. Leads come before their members."""

    code = "members"
    title = _("Members of alliances")
    permission = "network.write"
    key = ("alliance", "org")
    columns = (
        Column("alliance", _("Alliance"), required=True, longest=100, sample="某县总医院医共体"),
        Column(
            "kind",
            _("Kind of alliance"),
            "choice",
            required=True,
            choices=tuple(texts.ALLIANCE_KINDS.items()),
            sample="county_community",
        ),
        Column("org", _("Institution code"), required=True, longest=40, sample="PDY00001X350405"),
        Column("role", _("Role"), "choice", required=True, choices=tuple(texts.MEMBER_ROLES.items()), sample="branch"),
        Column("specialty", _("Specialty"), longest=40, note=_("For specialty alliances.")),
        Column("since", _("First day"), "date", sample="2022-03-01"),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs = by_code(r.values["org"] for r in rows)
        alliances = _alliances({r.values["alliance"] for r in rows})
        seats = _seats([a.id for a in alliances.values()])
        leads = {r.values["alliance"]: orgs.get(r.values["org"]) for r in rows if r.values["role"] == "lead"}
        for row in rows:
            v = row.values
            org, alliance = orgs.get(v["org"]), alliances.get(v["alliance"])
            lead = _lead(alliance, seats) or leads.get(v["alliance"])
            if org is None:
                found.fault(row, "org", "no_org", given=v["org"])
            elif alliance is not None and alliance.kind != v["kind"]:
                found.fault(row, "kind", "other_kind")
            elif lead is None:
                found.fault(row, "alliance", "no_lead")
            elif not governs(by, lead.path):
                found.fault(row, "alliance", "not_yours")
            else:
                self._seat(row, org, alliance, seats, found, at)
        return found.done()

    def _seat(
        self, row: Row, org: Organisation, alliance: Alliance | None, seats: list[Membership], found: Findings, at: datetime
    ) -> None:
        v = row.values
        mine = [m for m in seats if alliance is not None and m.alliance_id == alliance.id]
        if any(m.org_id == org.id and m.role == v["role"] and m.end is None for m in mine):
            found.outcomes[row.line] = "same"
            return
        start = v["since"] or local_day(at)
        try:
            rules.check_member(v["kind"], _view(org, v["role"], start), [_member(m) for m in mine])
        except rules.NotAlliance as refused:
            found.fault(row, "org", "alliance", why=str(texts.WORDS[str(refused.detail["why"])]))
            return
        if any(m.org_id == org.id and m.end is None for m in mine):
            found.fault(row, "org", "alliance", why=str(texts.WORDS["twice"]))
        found.outcomes[row.line] = "new"

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        orgs = by_code(r.values["org"] for r in rows)
        alliances = {name: a.id for name, a in _alliances({r.values["alliance"] for r in rows}).items()}
        ordered = sorted(rows, key=lambda r: r.values["role"] != "lead")
        for batch in in_batches(ordered, BATCH, progress):
            for row in batch:
                v = row.values
                org, start = orgs[v["org"]], v["since"] or local_day(at)
                if v["role"] == "lead" and v["alliance"] not in alliances:
                    special = v["specialty"] or ""
                    made = actions.form(v["kind"], v["alliance"], org.id, on=start, specialty=special, by=by, at=at, using="load")
                    alliances[v["alliance"]] = made.id
                else:
                    actions.join(alliances[v["alliance"]], org.id, v["role"], on=start, by=by, at=at, using="load")
        return []


def _alliances(names: set[str]) -> dict[str, Alliance]:
    return {a.name: a for a in Alliance.objects.using("load").filter(name__in=names, end=None)}


def _seats(alliances: list[int]) -> list[Membership]:
    return list(Membership.objects.using("load").filter(alliance_id__in=alliances).select_related("org"))


def _lead(alliance: Alliance | None, seats: list[Membership]) -> Organisation | None:
    if alliance is None:
        return None
    return next((m.org for m in seats if m.alliance_id == alliance.id and m.role == "lead" and m.end is None), None)


def _view(org: Organisation, role: str, start: object) -> rules.MemberView:
    return rules.MemberView(org.id, org.kind, org.care_tier, org.grade, org.ownership, role, start, None)  # type: ignore[arg-type]


def _member(row: Membership) -> rules.MemberView:
    org = row.org
    return rules.MemberView(org.id, org.kind, org.care_tier, org.grade, org.ownership, row.role, row.start, row.end)
