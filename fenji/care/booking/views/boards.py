"""The bed board; a bed held for a patient, confirmed, used, given back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.booking import actions, queries, rules, texts
from fenji.care.booking.forms import BedHoldForm, BoardForm, GiveBackForm, NeedForm
from fenji.care.booking.models import BedHold, Ward
from fenji.care.visits.models import Stay
from fenji.care.visits.texts import PHASES
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.text import mask_name
from fenji.ground.common.units import SECONDS_PER_MINUTE
from fenji.ground.network.queries import place, place_of

Problem = tuple[str, str] | None


def _hospital(request: SignedRequest, asked: int | None) -> tuple[int, dict[int, str]]:
    """Whose wards are shown, the own institution's where it has some, and those to choose from."""
    known = queries.hospitals_with_wards(local_day(request.at))
    own = request.actor.org_id
    if asked in known:
        return asked, known
    return (own if own in known or not known else next(iter(known))), known


def _boards(request: SignedRequest) -> dict[str, Any]:
    form = BoardForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    org_id, hospitals = _hospital(request, asked.get("org"))
    kind = asked.get("kind") or None
    wards = queries.wards_of([org_id], local_day(request.at), kind)
    return {"org": org_id, "hospitals": hospitals, "kind": kind or "", "boards": queries.ward_boards(wards, request.at)}


def _of_ward(actor: Actor, row: Ward) -> bool:
    return actor.org_id in (row.org_id, row.partner_id)


@page("bed.read")
def board(request: SignedRequest) -> HttpResponse:
    """Ward by ward: beds by room, who lies there, who holds, what is free."""
    return _show(request)


def _show(request: SignedRequest, problem: Problem = None) -> HttpResponse:
    shown = _boards(request)
    wards = [_ward(request, found) for found in shown["boards"]]
    seen = sum(bool(r["stay"] or r["hold"]) for w in wards for r in w["rows"]) + sum(len(w["lost"]) for w in wards)
    request.reads.append(("bed.board", f"{seen} shown"))
    context = {
        **shown,
        "wards": wards,
        "kinds": texts.WARD_KINDS,
        "keeps": request.actor.may("bed.write") and request.actor.org_id == shown["org"],
        "own": request.actor.org_id == shown["org"],
        "waiting": _waiting(request),
        "holds": request.actor.may("bed.hold"),
        "reasons": texts.RELEASING,
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "beds/board.html", context, status=409 if problem else 200)


def _waiting(request: SignedRequest) -> int:
    """How many wait for a bed here, for those who answer them."""
    if not request.actor.may("bed.confirm"):
        return 0
    own = request.actor.org_id
    return len(queries.waiting_for_beds(own, queries.policy_at(place_of(own), local_day(request.at))))


def _ward(request: SignedRequest, found: queries.Board) -> dict[str, Any]:
    on = local_day(request.at)
    policy = queries.bed_policy_at(place(found.ward.org), on)
    facts = [b.facts for b in found.beds]

    def fitting(sex: str, isolation: bool) -> int:
        return sum(rules.fits_bed(f, rules.Need(sex, isolation), policy) for f in facts)

    names = {found.ward.org_id: found.ward.org.name}
    if found.ward.partner is not None:
        names[found.ward.partner.id] = found.ward.partner.name
    return {
        "ward": found.ward,
        "kind": texts.WARD_KINDS[found.ward.kind],
        "rows": [row for b in found.beds for row in _rows(request, found.ward, b)],
        "lost": [_person(s, on) for s in found.lost],
        "unplaced": found.unplaced,
        "men": fitting(rules.MALE, False),
        "women": fitting(rules.FEMALE, False),
        "isolation": sum(f.place.isolation for f in facts if f.place.open and f.place.known and not f.takings),
        "unknown": sum(f.place.open and not f.place.known and not f.takings for f in facts),
        "free": found.free,
        "beds": sum(f.place.open for f in facts),
        "days": [(name, found.days.get(org, 0)) for org, name in names.items()] if found.days else [],
        "total": sum(found.days.values()),
    }


def _person(stay: Stay, on: Any) -> dict[str, Any]:
    return {
        "stay": stay,
        "who": mask_name(stay.resident.name),
        "sex": stay.resident.sex,
        "age": age_on(stay.resident.birth_date, on),
        "phase": PHASES[stay.phase],
    }


def _rows(request: SignedRequest, ward: Ward, found: queries.BoardBed) -> Iterator[dict[str, Any]]:
    """One row for each who has the bed, and one for a bed that nobody has."""
    on, common = local_day(request.at), {"bed": found.bed, "for": texts.BED_SEXES[found.bed.sex], "stay": None, "hold": None}
    seen = [{**common, **_person(s, on), "state": rules.LIES, "text": _("taken")} for s in found.stays]
    yield from seen
    hidden = sum(t.how == rules.LIES for t in found.facts.takings) - len(seen)
    if hidden > 0:
        yield {**common, "state": rules.LIES, "text": _("taken")}
    for taking in found.facts.takings:
        if taking.how in rules.LIVE:
            yield {**common, **_held(request, ward, found.hold, taking, lain=bool(seen) or hidden > 0)}
    if not found.facts.takings:
        open_, closed = {"state": "free", "text": _("free")}, {"state": "off", "text": texts.BED_STATES[rules.CLOSED]}
        unknown = {"state": rules.UNKNOWN, "text": _("state unknown")}
        place = found.facts.place
        yield {**common, **(closed if not place.open else open_ if place.known else unknown)}


def _held(request: SignedRequest, ward: Ward, hold: BedHold | None, taking: rules.Taking, *, lain: bool) -> dict[str, Any]:
    actor, at = request.actor, request.at
    ours = _of_ward(actor, ward) and actor.may("bed.confirm")
    lasts = taking.until is not None and taking.until > at
    return {
        "state": taking.how,
        "text": texts.HOLD_STATES[taking.how],
        "hold": hold,
        "minutes": _minutes(taking.until, at),
        "may_confirm": hold is not None and ours and lasts and taking.how == rules.HELD and not lain,
        "may_use": hold is not None and ours and lasts and lain,
        "may_release": hold is not None and lasts and (ours or (actor.may("bed.hold") and actor.org_id == hold.origin_id)),
    }


def _minutes(until: datetime | None, at: datetime) -> int:
    return max(int((until - at).total_seconds()), 0) // SECONDS_PER_MINUTE if until else 0


@page("bed.confirm", ("POST",))
def act(request: SignedRequest, hold_id: UUID, action: str) -> HttpResponse:
    """Confirm or use a held bed, or give it back. A refusal shows the board as it is now."""
    found = queries.hold(hold_id)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    form = GiveBackForm(request.POST)
    try:
        if action == "confirm":
            actions.confirm_bed(found.id, **common)
        elif action == "use":
            actions.use_bed(found.id, **common)
        elif action == "release" and form.is_valid():
            actions.release_bed(found.id, form.cleaned_data["reason"], **common)
        else:
            raise Unknown(what="action")
    except (NotPermitted, Unknown):
        raise
    except Refused as refusal:
        return _show(request, refusal_text(refusal))
    messages.success(request, _("Done."))
    return HttpResponseRedirect(f"/beds/?org={found.org_id}", status=303)


@page("bed.read")
def board_workbook(request: SignedRequest) -> HttpResponse:
    """The board as a spreadsheet, names masked."""
    shown = _boards(request)
    rows = [(found.ward, row) for found in shown["boards"] for b in found.beds for row in _rows(request, found.ward, b)]
    request.reads.append(("bed.export", f"{len(rows)} rows"))

    def who(row: dict[str, Any]) -> str:
        return str(row["who"]) if row["stay"] else str(row["hold"].who) if row["hold"] else ""

    columns = [
        Column(_("Ward"), lambda r: r[0].name),
        Column(_("Kind"), lambda r: str(texts.WARD_KINDS[r[0].kind])),
        Column(_("Sickroom"), lambda r: r[1]["bed"].room),
        Column(_("Bed"), lambda r: r[1]["bed"].name),
        Column(_("Bed for"), lambda r: str(r[1]["for"])),
        Column(_("Isolation bed"), lambda r: _("yes") if r[1]["bed"].isolation else ""),
        Column(_("State"), lambda r: str(r[1]["text"])),
        Column(_("Patient"), lambda r: who(r[1])),
        Column(_("Admitted"), lambda r: local_minute(r[1]["stay"].admitted_at) if r[1]["stay"] else ""),
        Column(_("Phase of the illness"), lambda r: str(r[1]["phase"]) if r[1]["stay"] else ""),
        Column(_("Held until"), lambda r: local_minute(r[1]["hold"].held_until) if r[1]["hold"] else ""),
    ]
    return workbook(_("Bed board"), columns, rows)


@page("bed.hold", ("GET", "POST"))
def hold(request: SignedRequest) -> HttpResponse:
    """Look for a bed that suits a patient, and hold it."""
    need = NeedForm(request.GET or {"sex": rules.FEMALE}, auto_id="need-%s")
    asked = need.cleaned_data if need.is_valid() else {"sex": rules.FEMALE}
    org_id, hospitals = _hospital(request, asked.get("org"))
    first = {"sex": asked["sex"], "isolation": asked.get("isolation", False), "subject": request.GET.get("subject", "")}
    form = BedHoldForm(request.POST if request.method == "POST" else None, initial=first)
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = _hold(request, form.cleaned_data)
                messages.success(request, _("The bed is held. The ward has been asked to confirm it."))
                return HttpResponseRedirect(f"/beds/?org={made.org_id}", status=303)
            except (NotPermitted, Unknown):
                raise
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    found = queries.free_beds(
        [org_id], kind=asked.get("kind") or None, sex=asked["sex"], isolation=asked.get("isolation", False), at=request.at
    )
    context = {
        "need": need,
        "org": org_id,
        "hospitals": hospitals,
        "found": [(w, texts.WARD_KINDS[w.ward.kind]) for w in found],
        "any": any(w.free for w in found),
        "form": form,
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "beds/hold.html", context, status=status)


def _hold(request: SignedRequest, data: dict[str, Any]) -> BedHold:
    own, number = request.actor.org_id, data["subject"]
    return actions.hold_bed(
        data["bed"],
        subject=number,
        url=f"/referrals/{number}/",
        who=actions.Who(mask_name(data["name"]), data["sex"], data["age"]),
        topic=data["topic"],
        isolation=data["isolation"],
        viewer_ids=[own],
        origin_id=own,
        by=request.actor,
        at=request.at,
    )
