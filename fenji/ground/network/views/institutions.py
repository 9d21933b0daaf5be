"""The directory of institutions, and the page of one: as it is, and as it was on any day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.common.edge import SignedRequest, page
from fenji.ground.common.excel import Column
from fenji.ground.common.units import COUNTY_CODE_LENGTH
from fenji.ground.network import queries, rules, texts
from fenji.ground.network.models import PARTICULARS, Organisation, OrganisationVersion, Succession
from fenji.ground.network.queries import directory, history, people
from fenji.ground.network.views.shared import Asked, day_asked, department_shown, listed, relation_shown, sheet, today_of, too_many

_PROVINCE, _CITY = 2, 4
_WIDTHS = (_PROVINCE, _CITY, COUNTY_CODE_LENGTH, 9, 12)
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """What the directory is narrowed by. `under`: the beginning of the places."""

    text: str
    kind: str
    tier: str
    under: str
    ended: bool

    def query(self) -> dict[str, str]:
        """As the address carries them."""
        ended = "1" if self.ended else ""
        return {"q": self.text, "kind": self.kind, "tier": self.tier, "county": self.under, "ended": ended}

    def found(self) -> Any:
        """The organisations, by place."""
        return directory.directory(self.under, text=self.text, kind=self.kind, tier=self.tier, ended=self.ended)


def _own_county(request: SignedRequest) -> str:
    code = queries.place_of(request.actor.org_id).path[:COUNTY_CODE_LENGTH]
    # somebody of the city or the province looks after all of it
    width = len(rules.significant(code, "province" if code.endswith("0000") else "city" if code.endswith("00") else "county"))
    return code[:width]


def _filters(request: SignedRequest) -> Filters:
    get = request.GET
    text = get.get("q", "").strip()[:_LONGEST]
    county = get.get("county", "")
    own = _own_county(request)
    if not (county.isascii() and county.isdigit() and len(county) in _WIDTHS):
        # a name that is searched for may lie anywhere
        county = own[:_PROVINCE] if text and not county else own
    kind = get.get("kind", "") if get.get("kind") in rules.ORGANISATION_KINDS else ""
    tier = get.get("tier", "") if get.get("tier") in rules.TIERS else ""
    return Filters(text, kind, tier, county, get.get("ended") == "1")


def _counties(under: str, own: str, on: date) -> list[tuple[str, str]]:
    """The province, its cities, the counties of the city that is looked at, and a narrower place when one is looked at."""
    province = under[:_PROVINCE]
    city = (under if len(under) >= _CITY else own)[:_CITY]
    whole = [(province, name) for _id, _code, name, _kind in queries.regions_below(province, ("province",))]
    cities = [(code[:_CITY], name) for _id, code, name, _kind in queries.regions_below(province, ("city",))]
    counties = [(code, name) for _id, code, name, _kind in queries.regions_below(city, ("county",))] if len(city) == _CITY else []
    narrower = [(under, directory.place_names([under], on)[under])] if len(under) > COUNTY_CODE_LENGTH else []
    return [*whole, *cities, *counties, *narrower]


@page("network.read")
def listing(request: SignedRequest) -> HttpResponse:
    """All organisations, by place."""
    filters = _filters(request)
    rows, pager = listed(request, filters.found(), **filters.query())
    places = directory.place_names((o.path for o in rows), today_of(request))
    actor = request.actor
    founds = actor.may("network.write") and directory.regions_of_reach(actor).exists()
    context = {
        "rows": [{"org": o, "kind": texts.kind_text(o), "place": places[o.path], "grade": _grade(o)} for o in rows],
        "pager": pager,
        "filters": filters,
        "kinds": texts.KINDS.items(),
        "tiers": texts.TIERS.items(),
        "counties": _counties(filters.under, _own_county(request), today_of(request)),
        "founds": founds,
        "governs_regions": founds and len(actor.reach) <= _CITY,
    }
    return render(request, "network/institutions.html", context)


def _grade(org: Organisation) -> str:
    return texts.value_text("grade", org.grade) if org.grade not in ("", "none") else ""


@page("network.read")
def listing_workbook(request: SignedRequest) -> HttpResponse:
    """The filtered directory as a spreadsheet."""
    filters = _filters(request)
    found = filters.found()
    refused = too_many(request, found, "/institutions/")
    if refused:
        return refused
    codes = directory.region_codes(found.values_list("region_id", flat=True))
    places = directory.place_names(codes.values(), today_of(request))

    def code(field: str) -> Column:
        return Column(str(texts.FIELDS[field]), lambda o: texts.value_text(field, getattr(o, field)))

    columns = [
        code("name"),
        code("code"),
        code("uscc"),
        Column(_("Kind"), texts.kind_text),
        Column(_("Where it lies"), lambda o: places[codes[o.region_id]]),
        Column(_("Region code"), lambda o: codes[o.region_id]),
        *(code(f) for f in ("grade", "ws218", "affiliation", "ownership", "development")),
        Column(str(texts.FIELDS["integrated"]), lambda o: str(texts.YES_NO[o.integrated]) if o.care_tier == rules.TIERS[0] else ""),
        Column(_("Street address"), lambda o: o.address),
        Column(_("Phone for the public"), lambda o: o.phone),
        Column(_("Opening hours"), lambda o: o.hours),
        Column(_("Longitude"), lambda o: float(o.longitude) if o.longitude is not None else None),
        Column(_("Latitude"), lambda o: float(o.latitude) if o.latitude is not None else None),
        Column(_("Established on"), lambda o: str(o.start or "")),
        Column(_("Ended"), lambda o: str(o.end or "")),
    ]
    return sheet(request, _("Institutions"), columns, found, "/institutions/")


@page("network.read")
def suggest(request: SignedRequest) -> HttpResponse:
    """Options for what has been typed of an institution's name or code, whatever the field is called."""
    found = directory.suggest_organisations(next(iter(request.GET.values()), "")[:_LONGEST])
    places = directory.place_names((o.path for o in found), today_of(request))
    return render(request, "network/suggest.html", {"found": [(o, places[o.path]) for o in found]})


# --- one institution ---------------------------------------------------------------------------------------------------------


def _facts(shown: Any, kind: str, place: str) -> list[tuple[str, str]]:
    """What is known of an organisation, in words. Empty values of institutions of care are shown, for they are gaps to fill."""
    names = ["code", "uscc"] if kind != "task_force" else ["code"]
    if kind == "care":
        names += ["grade", "ownership", "affiliation", "ws218"]
        names += ["integrated"] if shown.care_tier == rules.TIERS[0] else []
        names += ["development"] if shown.ownership == "private" else []
    elif kind == "agency":
        names.append("affiliation")
    return [(str(texts.FIELDS["region"]), place), *((str(texts.FIELDS[n]), texts.value_text(n, getattr(shown, n))) for n in names)]


@page("network.read")
def institution(request: SignedRequest, org_id: int) -> HttpResponse:
    """One organisation today, or `?on=` a day as it was then."""
    org = directory.organisation(org_id)
    asked = day_asked(request)
    if asked.then:
        return _as_then(request, org, asked)
    today = asked.day
    actor = request.actor
    place = directory.place_names([org.path], today)[org.path]
    context = {
        **_tied(org, today),
        "asked": asked,
        "name": org.name,
        "kind": texts.kind_text(org),
        "facts": _facts(org, org.kind, place),
        "parts": directory.parts_of(org.id),
        "on_duty": [(s, texts.DUTIES[s.duty]) for s in queries.on_duty(org.id, request.at)] if org.end is None else [],
        "administers": actor.may("network.write") and org.end is None and queries.within_reach(actor, org.path),
        "keeps_staff": actor.may("staff.write") and people.keeps_staff(actor, org),
        "way": queries.directions_of(org.id),
        "keeps_way": actor.may("directions.write") and actor.org_id == org.id,
        "keeps_duty": actor.may("duty.write") and people.keeps_staff(actor, org),
        "successor": directory.successor(org.id),
    }
    return render(request, "network/institution.html", context, status=422 if asked.wrong else 200)


def _as_then(request: SignedRequest, org: Organisation, asked: Asked) -> HttpResponse:
    then = history.as_then(org.id, asked.day)
    if then is None:
        first = org.start is None or asked.day < org.start
        return render(request, "network/not_then.html", {"org": org, "asked": asked, "before": first}, status=404)
    place = directory.place_names([then.region_code], asked.day)[then.region_code]
    kind = str(texts.TIERS[then.care_tier]) if then.care_tier else texts.kind_text(org)
    context = {
        **_tied(org, asked.day),
        "asked": asked,
        "then": then,
        "name": then.name,
        "kind": kind,
        "facts": _facts(then, org.kind, place),
    }
    return render(request, "network/institution.html", context)


def _tied(org: Organisation, on: date) -> dict[str, Any]:
    """What belongs to an organisation on a day, and its whole history."""
    memberships = queries.alliances_of(org.id, on)
    leads = directory.leads((m.alliance_id for m in memberships), on)
    specialties = directory.specialty_names()
    return {
        "org": org,
        "is_care": org.kind == "care",
        "history": _history(org),
        "alliances": [
            {"row": m, "kind": texts.ALLIANCE_KINDS[m.kind], "role": texts.MEMBER_ROLES[m.role], "lead": leads.get(m.alliance_id)}
            for m in memberships
        ],
        "departments": [department_shown(d, specialties) for d in queries.departments_of(org.id, on)],
        "relations": [relation_shown(r, org.id) for r in directory.relations_of(org.id, on)],
        "seats": [(m, texts.FORCE_ROLES[m.role]) for m in people.seats_of(org.id, on)],
        "staff": queries.staff_of(org.id, on).count(),
    }


@dataclass(frozen=True, slots=True)
class Event:
    """A line of an organisation's history. `changes`: (particular, before, after)."""

    on: date
    text: str
    changes: Sequence[tuple[str, str, str]] = ()
    reason: str = ""
    other: Organisation | None = None


def _history(org: Organisation) -> list[Event]:
    versions = directory.history(org.id)
    names = {v.region_id: v.start for v in versions}
    regions = {r: directory.region_names([r], on).get(r, "") for r, on in names.items()}
    events = [_version_event(v, versions[i - 1] if i else None, regions) for i, v in enumerate(versions)]
    successions = directory.successions(org.id)
    events += [_succession_event(s, org) for s in successions]
    if org.end is not None and not any(s.kind == "merged" and s.predecessor_id == org.id for s in successions):
        events.append(Event(org.end, _("Ended")))
    return sorted(events, key=lambda e: e.on)


def _version_event(new: OrganisationVersion, old: OrganisationVersion | None, regions: dict[int, str]) -> Event:
    def value(version: OrganisationVersion, name: str) -> str:
        return regions[version.region_id] if name == "region" else texts.value_text(name, getattr(version, name))

    if old is None:
        return Event(new.start, _("Entered as “%(name)s”") % {"name": new.name}, reason=new.reason)
    changes = [
        (str(texts.FIELDS[name]), value(old, name), value(new, name))
        for name in PARTICULARS
        if getattr(old, f"{name}_id" if name == "region" else name) != getattr(new, f"{name}_id" if name == "region" else name)
    ]
    return Event(new.start, _("Changed"), changes, new.reason)


def _succession_event(row: Succession, org: Organisation) -> Event:
    mine = row.predecessor_id == org.id
    words = texts.SUCCESSIONS_OF_IT if mine else texts.SUCCESSIONS_OF_OTHER
    return Event(row.on, str(words[row.kind]), reason=row.document, other=row.successor if mine else row.predecessor)
