"""Taking lists in: choose one, send a file, see what was found, have it written; papers; and opening stored files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from fenji.ground.common import excel
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.imports import Listing
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.documents import actions, queries, rules
from fenji.ground.documents.forms import PaperForm
from fenji.ground.documents.models import ImportRun
from fenji.ground.documents.texts import KINDS, PAPERS, STATES
from fenji.ground.network.actions import OutOfReach

_TYPES = {
    "xlsx": excel.TYPE,
    "xls": "application/vnd.ms-excel",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "doc": "application/msword",
    "csv": "text/csv",
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
}
_TONES = {rules.DONE: "green", rules.FAILED: "red", rules.STOPPED: "grey", rules.JUDGED: "amber"}


def _download(name: str, kind: str, content: bytes) -> HttpResponse:
    header = content_disposition_header(as_attachment=True, filename=name)
    return HttpResponse(content, content_type=_TYPES[kind], headers={"Content-Disposition": str(header)})


def _lines(runs: list[tuple[ImportRun, Listing]]) -> list[dict[str, Any]]:
    return [{"run": r, "title": one.title, "text": STATES[r.state], "tone": _TONES.get(r.state, "blue")} for r, one in runs]


@page("import.open")
def choose(request: SignedRequest) -> HttpResponse:
    """Which list is to come in, and what came in of late."""
    context = {"listings": queries.listings_for(request.actor), "runs": _lines(queries.runs_of(request.actor))}
    return render(request, "documents/imports.html", context)


@page("import.open", ("GET", "POST"), largest=queries.largest_body)
def listing(request: SignedRequest, listing: str) -> HttpResponse:
    """One list: its template, and where the filled-in file is sent."""
    found = queries.listing_for(listing, request.actor)
    status, problem = 200, None
    if request.method == "POST":
        status, sent = 422, request.FILES.get("file")
        try:
            if sent is not None:
                run = actions.upload(listing, sent.name or "", sent.read(), by=request.actor, at=request.at)
                return HttpResponseRedirect(f"/imports/runs/{run.pk}/", status=303)
            problem = (_("No file was chosen."), _("Choose the file that you filled in, then send it."))
        except Refused as refusal:
            problem = refusal_text(refusal)
    policy = queries.policy_of(request.actor.org_id, request.at)
    context = {
        "listing": found,
        "required": [c.head for c in found.columns if c.required],
        "megabytes": policy.largest_bytes >> 20,
        "largest": policy.largest_bytes,
        "rows": policy.import_rows,
        "runs": _lines(queries.runs_of(request.actor, listing)),
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "documents/listing.html", context, status=status)


@page("import.open")
def template(request: SignedRequest, listing: str) -> HttpResponse:
    """The workbook to fill in."""
    found = queries.listing_for(listing, request.actor)
    rows = queries.policy_of(request.actor.org_id, request.at).import_rows
    return _download(f"{found.title}.xlsx", "xlsx", excel.template(str(found.title), found.columns, rows))


@page("import.open")
def run(request: SignedRequest, run_id: UUID) -> HttpResponse:
    """Where an import stands; asked for again every two seconds while a worker is at it."""
    return _run(request, run_id)


def _run(request: SignedRequest, run_id: UUID, status: int = 200, problem: tuple[str, str] | None = None) -> HttpResponse:
    found, of = queries.run(run_id, request.actor)
    rows, notes = ([queries.told(of, queries.fault_of(f)) for f in queries.first_faults(found, notes=n)] for n in (False, True))
    under_way = found.state in rules.UNDER_WAY
    context = {
        "run": found,
        "listing": of,
        "text": STATES[found.state],
        "tone": _TONES.get(found.state, "blue"),
        "under_way": under_way,
        "mine": found.account_id == request.actor.account_id,
        "good": found.new + found.changed,
        "faults": rows,
        "notes": notes,
        "shown": queries.FAULTS_SHOWN,
        "why": queries.problem_of(found, of),
        "handouts": found.handouts_id and found.handouts_until and queries.is_there(found.handouts_id),
        "problem": problem,
        "key": fresh_key(),
    }
    polled = request.headers.get("HX-Request") == "true"
    return render(request, "documents/_run.html" if polled else "documents/run.html", context, status=status)


@page("import.open", ("POST",))
def write(request: SignedRequest, run_id: UUID) -> HttpResponse:
    """Have the good rows written."""
    return _act(request, run_id, actions.write)


@page("import.open", ("POST",))
def discard(request: SignedRequest, run_id: UUID) -> HttpResponse:
    """Leave it."""
    return _act(request, run_id, actions.discard)


def _act(request: SignedRequest, run_id: UUID, action: Any) -> HttpResponse:
    try:
        action(run_id, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        return _run(request, run_id, 409, refusal_text(refusal))
    return HttpResponseRedirect(f"/imports/runs/{run_id}/", status=303)


@page("import.open")
def fault_file(request: SignedRequest, run_id: UUID) -> HttpResponse:
    """The rows at fault with their reasons, to be mended and sent again."""
    found, of = queries.run(run_id, request.actor)
    if found.fault_file_id is None:
        raise Unknown(what="file")
    opened = actions.open_file(found.fault_file_id, by=request.actor, at=request.at)
    name = _("%(title)s to mend") % {"title": of.title}
    return _download(f"{name}.{opened.kind}", opened.kind, opened.content)


@page("import.open", ("GET", "POST"))
def handouts(request: SignedRequest, run_id: UUID) -> HttpResponse:
    """The slips of an import, to be printed; and, once they are, destroyed."""
    if request.method == "POST":
        actions.destroy_handouts(run_id, by=request.actor, at=request.at)
        return HttpResponseRedirect(f"/imports/runs/{run_id}/", status=303)
    found, of = queries.run(run_id, request.actor)
    rows = actions.open_handouts(run_id, by=request.actor, at=request.at)
    start = list_start(request.GET.get("from", ""), 6)
    shown = rows[start : start + queries.SLIPS_SHOWN]
    context = {
        "run": found,
        "listing": of,
        "slips": [list(row.items()) for row in shown],
        "total": len(rows),
        "first": start + 1,
        "last": start + len(shown),
        "before": max(start - queries.SLIPS_SHOWN, 0) if start else None,
        "more": start + queries.SLIPS_SHOWN if start + queries.SLIPS_SHOWN < len(rows) else None,
        "key": fresh_key(),
    }
    return render(request, "documents/handouts.html", context)


@page("desk.open")
def file(request: SignedRequest, file_id: UUID) -> HttpResponse:
    """A stored file, as a download."""
    opened = actions.open_file(file_id, by=request.actor, at=request.at)
    if opened.kind not in _TYPES:
        raise Unknown(what="file")
    return _download(opened.name, opened.kind, opened.content)


# ---- papers ----


@page("network.read")
def papers(request: SignedRequest, org_id: int) -> HttpResponse:
    """The papers of an institution: what is in force, what is to come, and the versions before."""
    return _papers(request, org_id)


def _papers(request: SignedRequest, org_id: int, problem: tuple[str, str] | None = None) -> HttpResponse:
    slots = queries.paper_slots(org_id, request.at)
    org = slots[0].org
    keeps = queries.keeps_papers(request.actor, org)
    context = {
        "org": org,
        "slots": [_slot(slot, request, keeps) for slot in slots],
        "keeps": keeps,
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "documents/papers.html", context, status=409 if problem else 200)


def _slot(slot: queries.Slot, request: SignedRequest, keeps: bool) -> dict[str, Any]:
    today = local_day(request.at)
    coming = [p for p in slot.versions if p.start > today]
    present = next((p for p in slot.versions if p.start <= today and (p.end is None or p.end > today)), None)
    latest = slot.versions[0] if slot.versions else None
    own = latest is not None and request.actor.org_id in (latest.org_id, latest.file.org_id)
    return {
        "kind": slot.kind,
        "title": PAPERS[slot.kind],
        "alliance": slot.alliance_name,
        "alliance_id": slot.alliance_id,
        "versions": [(p, KINDS[p.file.kind], p in coming, p == present) for p in slot.versions],
        "present": present,
        "coming": coming,
        "takes_back": latest if keeps and own else None,
    }


@page("paper.write", ("GET", "POST"), largest=queries.largest_body)
def paper_new(request: SignedRequest, org_id: int, kind: str) -> HttpResponse:
    """Hand in the next version of a paper."""
    slot = queries.paper_slot(org_id, kind, request.at)
    if not queries.keeps_papers(request.actor, slot.org):
        raise OutOfReach
    last = slot.versions[0] if slot.versions else None
    soonest = max(local_day(request.at), last.start + timedelta(days=1)) if last else local_day(request.at)
    first = {"title": last.title if last else "", "start": soonest}
    posted = request.method == "POST"
    form = PaperForm(request.POST, request.FILES) if posted else PaperForm(initial=first)
    problem, status = None, 422 if posted else 200
    if posted and form.is_valid():
        try:
            number = posted_version(request)
            actions.hand_in(org_id, form.paper(kind), number=number, by=request.actor, at=request.at)
            messages.success(request, _("Handed in: %(paper)s, version %(number)s.") % {"paper": PAPERS[kind], "number": number})
            return HttpResponseRedirect(f"/institutions/{org_id}/papers/", status=303)
        except Refused as refusal:
            problem, status = refusal_text(refusal), 409
            slot = queries.paper_slot(org_id, kind, request.at)
    largest = queries.largest_file(request)
    context = {
        "org": slot.org,
        "kind": kind,
        "title": PAPERS[kind],
        "alliance": slot.alliance_name,
        "last": slot.versions[0] if slot.versions else None,
        "number": slot.next_number,
        "form": form,
        "megabytes": largest >> 20,
        "largest": largest,
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "documents/paper_new.html", context, status=status)


@page("paper.write", ("POST",))
def paper_back(request: SignedRequest, paper_id: UUID) -> HttpResponse:
    """Take the latest version back."""
    found = queries.paper(paper_id)
    try:
        actions.take_back(paper_id, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        return _papers(request, found.org_id, refusal_text(refusal))
    taken = {"paper": PAPERS[found.kind], "number": found.number}
    messages.success(request, _("Taken back: %(paper)s, version %(number)s.") % taken)
    return HttpResponseRedirect(f"/institutions/{found.org_id}/papers/", status=303)
