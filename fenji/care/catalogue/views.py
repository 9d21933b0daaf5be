"""Suggestions while a diagnosis is typed; the lists, their versions, and the writing of drafts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.care.catalogue import actions, queries, rules, texts
from fenji.care.catalogue.forms import FORMS, EntryForm, StepForm
from fenji.care.catalogue.models import ENTRIES, DiseaseEntry, DownEntry, Entry, GuideEntry, ListVersion, TechniqueEntry
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import half_width

SIZE = 50
EXPORT_LIMIT = 50_000


@page("catalogue.read")
def suggest(request: SignedRequest) -> HttpResponse:
    """Options for what has been typed: by code, name or pinyin."""
    return render(request, "catalogue/suggest.html", {"found": queries.suggest(request.GET.get("diagnosis", ""))})


# --- columns -----------------------------------------------------------------------------------------------------------------


def _name(e: Any) -> str:
    return texts.named(e.name_zh, e.name_en) or e.group


def _disease_columns() -> list[Column]:
    return [Column(_("Code"), lambda e: e.code), Column(_("Disease"), _name), Column(_("Disease group"), lambda e: e.group)]


def _columns(kind: str) -> list[Column]:
    """The columns of a kind of list, on pages and in workbooks: the same, so that what is exported is what was seen."""
    model = ENTRIES[kind]
    if model is DiseaseEntry:
        level = [Column(_("Lowest level that can treat it"), lambda e: str(texts.LEVELS.get(e.level, "")))]
        return [*_disease_columns(), *(level if kind == rules.FIRST_CONTACT else [])]
    if model is DownEntry:
        return [
            *_disease_columns()[:2],
            Column(_("Phase"), lambda e: str(texts.PHASES.get(e.phase, e.phase))),
            Column(_("Criteria"), lambda e: texts.named(e.criteria_zh, e.criteria_en)),
            Column(_("Operating guide"), lambda e: texts.named(e.guide_zh, e.guide_en)),
        ]
    if model is GuideEntry:
        return [
            *_disease_columns()[:2],
            Column(_("Document"), lambda e: str(texts.DOCUMENTS.get(e.document, e.document))),
            Column(_("Heading"), lambda e: texts.named(e.title_zh, e.title_en)),
            Column(_("Text"), lambda e: texts.named(e.text_zh, e.text_en)),
        ]
    if model is TechniqueEntry:
        category = Column(_("Category"), lambda e: texts.named(e.category_zh, e.category_en))
        return [Column(_("Code"), lambda e: e.code), Column(_("Technique"), _name), category]
    names = queries.specialty_names()
    return [
        Column(_("Code"), lambda e: e.code),
        Column(_("Service item"), _name),
        Column(_("Kind"), lambda e: str(texts.ITEM_KINDS.get(e.kind, e.kind))),
        Column(_("Specialty"), lambda e: texts.named(*names.get(e.specialty, (e.specialty, "")))),
        Column(_("Diseases"), lambda e: " ".join(e.groups)),
    ]


# --- all lists ---------------------------------------------------------------------------------------------------------------


@page("catalogue.read")
def lists(request: SignedRequest) -> HttpResponse:
    """The lists that concern this person's institution: what is in force, whether it is large enough, and what comes next."""
    today = local_day(request.at)
    found = queries.overview(request.actor, today)
    short = request.GET.get("show") == "short"
    members = [(org, list(lists)) for org, lists in groupby(found.members, key=lambda s: s.org)]
    shown = [(org, [_row(s) for s in lists]) for org, lists in members if not short or any(s.short for s in lists)]
    context = {
        "mine": [_row(s) for s in found.mine],
        "around": [_row(s) for s in found.around],
        "members": Paginator(shown, SIZE).get_page(request.GET.get("page")),
        "has_members": bool(members),
        "short": short,
        "tables": queries.code_tables(),
        "key": fresh_key(),
    }
    return render(request, "catalogue/lists.html", context)


def _row(s: queries.Standing) -> dict[str, Any]:
    """A standing with its words."""
    working = s.working
    return {
        "standing": s,
        "title": texts.KINDS[s.kind],
        "counts": _counts(s.counts, s.clauses),
        "state": working.state if working else "",
        "state_text": texts.STATES[working.state] if working else "",
        "next_step": texts.NEXT[working.state] if working else "",
    }


def _counts(counts: Sequence[rules.Count], clauses: Mapping[str, str]) -> list[tuple[Any, rules.Count, str]]:
    """Counts with what they count and the clause that asks for so many."""
    return [(texts.COUNTS[c.field], c, clauses[c.field]) for c in counts]


@page("catalogue.write", ("POST",))
def start(request: SignedRequest, kind: str) -> HttpResponse:
    """Begin a new version."""
    if kind not in rules.KINDS:
        raise Unknown(what="list")
    draft = actions.start_draft(kind, by=request.actor, at=request.at)
    messages.success(request, _("A new version was begun. Nothing of it is in force until it is published."))
    return HttpResponseRedirect(f"/catalogues/{draft.id}/", status=303)


# --- one version -------------------------------------------------------------------------------------------------------------


def _phase(v: ListVersion, today: date) -> str:
    """The state of a version as people say it on a day."""
    if v.state != rules.PUBLISHED or v.start is None:
        return v.state
    return "coming" if v.start > today else "in_force" if v.end is None or v.end > today else "ended"


def _steps(v: ListVersion, actor: Actor, today: date) -> list[str]:
    """The steps this person may take now."""
    if v.org_id != actor.org_id:
        return []
    found = [a for a in rules.open_steps(v.state, v.start, today) if actor.may(rules.WAY[v.state, a].permission)]
    return [a for a in found if a != "approve" or actor.account_id not in v.writers]


def _writable(v: ListVersion, actor: Actor) -> bool:
    return v.state == rules.DRAFT and v.org_id == actor.org_id and actor.may("catalogue.write")


def _filtered(v: ListVersion, typed: str, columns: Sequence[Column]) -> list[tuple[Entry, list[Any]]]:
    """Entries with their cells; those in which any cell holds what was typed."""
    rows = [(e, [c.value(e) for c in columns]) for e in queries.entries(v)]
    low = half_width(typed).lower()
    return [(e, cells) for e, cells in rows if not low or any(low in str(cell).lower() for cell in cells)]


def _show(request: SignedRequest, v: ListVersion, problem: Any = None, typed: Any = None, status: int = 200) -> HttpResponse:
    today = local_day(request.at)
    columns = _columns(v.kind)
    rows = _filtered(v, request.GET.get("q", ""), columns)
    assessed = queries.assess(v, today)
    context = {
        "list": v,
        "title": texts.KINDS[v.kind],
        "phase": _phase(v, today),
        "phase_text": texts.STATES[_phase(v, today)],
        "next_step": texts.NEXT.get(v.state, ""),
        "waits_for_second": v.state == rules.SUBMITTED and request.actor.account_id in v.writers,
        "columns": columns,
        "size": queries.size(v),
        "rows": Paginator(rows, SIZE).get_page(request.GET.get("page")),
        "q": request.GET.get("q", ""),
        "page_query": urlencode({"q": request.GET["q"]}) + "&" if "q" in request.GET else "",
        "counts": _counts(assessed.counts, assessed.clauses),
        "findings": [(texts.FINDINGS[f.code], f, _subjects(f), assessed.clauses.get(f.field, "")) for f in assessed.findings],
        "moved": len(queries.moved_down(v)),
        "steps": _steps(v, request.actor, today),
        "writable": _writable(v, request.actor),
        "history": [
            (h, texts.STATES[_phase(h, today)], _phase(h, today)) for h in queries.history(v.kind, v.org_id) if h.id != v.id
        ],
        "problem": problem,
        "typed": typed or {},
        "today": today,
        "key": fresh_key(),
    }
    return render(request, "catalogue/version.html", context, status=status)


def _subjects(found: rules.Finding) -> list[str]:
    """What a finding is about, in words."""
    parts: Mapping[str, Any] = texts.DOWN_DOCUMENTS if found.code == "not_suggested" else texts.DOCUMENTS
    return [_subject(s, parts) for s in found.subjects]


def _subject(s: rules.Subject, parts: Mapping[str, Any]) -> str:
    name = str(texts.FOCUS.get(s.zh, texts.named(s.zh, s.en)))
    named = " / ".join(str(parts.get(p, p)) for p in s.parts)
    return _("%(name)s (%(parts)s)") % {"name": name, "parts": named} if named else name


@page("catalogue.read")
def version(request: SignedRequest, version_id: int) -> HttpResponse:
    """One version: what it holds, how it stands against the policy, and the next step."""
    return _show(request, queries.version(version_id, request.actor.org_id))


@page("catalogue.read")
def version_workbook(request: SignedRequest, version_id: int) -> HttpResponse:
    """A version as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    v = queries.version(version_id, request.actor.org_id)
    columns = _columns(v.kind)
    rows = [e for e, _cells in _filtered(v, request.GET.get("q", ""), columns)]
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, f"/catalogues/{v.id}/", EXPORT_LIMIT)
    return workbook(str(texts.KINDS[v.kind]), columns, rows)


@page("catalogue.read")
def changes(request: SignedRequest, version_id: int) -> HttpResponse:
    """What a version changes of the one before."""
    v = queries.version(version_id, request.actor.org_id)
    columns, found = _columns(v.kind), queries.changes(v)
    model = ENTRIES[v.kind]
    moved = set(queries.moved_down(v))
    context = {
        "list": v,
        "title": texts.KINDS[v.kind],
        "columns": columns,
        "added": [[c.value(model(**values)) for c in columns] for values in found.added.values()],
        "removed": [[c.value(model(**values)) for c in columns] for values in found.removed.values()],
        "changed": [
            (_name(model(**after)), _differences(model(**before), model(**after), columns), key[0] in moved)
            for key, (before, after) in found.changed.items()
        ],
        "moved": len(moved),
    }
    return render(request, "catalogue/changes.html", context)


def _differences(before: Entry, after: Entry, columns: Sequence[Column]) -> list[tuple[str, Any, Any]]:
    return [(c.head, c.value(before), c.value(after)) for c in columns if c.value(before) != c.value(after)]


Doer = Callable[[int, dict[str, Any], dict[str, Any]], ListVersion]
_DOERS: dict[str, Doer] = {
    "submit": lambda v, d, k: actions.submit(v, **k),
    "discard": lambda v, d, k: actions.discard(v, **k),
    "approve": lambda v, d, k: actions.approve(v, **k),
    "return": lambda v, d, k: actions.send_back(v, note=d["note"], **k),
    "publish": lambda v, d, k: actions.publish(v, d["start"], **k),
    "withdraw": lambda v, d, k: actions.withdraw(v, note=d["note"], **k),
}


@page("catalogue.read", ("POST",))
def act(request: SignedRequest, version_id: int, action: str) -> HttpResponse:
    """Take a step. A refusal shows the present state with what was typed still in the field."""
    doer = _DOERS.get(action)
    v = queries.version(version_id, request.actor.org_id)
    if doer is None:
        raise Unknown(what="action")
    form = StepForm(request.POST)
    if not form.is_valid() or (action == "publish" and form.cleaned_data["start"] is None):
        unclear = (
            _("The day or the note cannot be read."),
            _("Write the day as 2026-12-31, the note in at most 2,000 characters."),
        )
        return _show(request, v, unclear, request.POST, 422)
    common = {"version": posted_version(request), "by": request.actor, "at": request.at}
    try:
        with transaction.atomic():
            doer(version_id, form.cleaned_data, common)
    except Unknown:
        raise
    except Refused as refusal:
        return _show(request, queries.version(version_id, request.actor.org_id), refusal_text(refusal), request.POST, 409)
    messages.success(request, _("Done: %(action)s.") % {"action": texts.ACTIONS[action]})
    return HttpResponseRedirect("/catalogues/" if action == "discard" else f"/catalogues/{version_id}/", status=303)


# --- entries of a draft ------------------------------------------------------------------------------------------------------


def _form(v: ListVersion, data: Any = None, entry: Entry | None = None) -> EntryForm:
    specialties = (
        {code: texts.named(*names) for code, names in queries.specialty_names().items()} if v.kind == rules.DEVOLVED else {}
    )
    return FORMS[v.kind](data, choices={**texts.CHOICES, "specialty": specialties}, entry=entry)


def _show_entry(
    request: SignedRequest, v: ListVersion, form: EntryForm, entry: Entry | None, problem: Any = None, status: int = 200
) -> HttpResponse:
    columns = _columns(v.kind)
    context = {
        "list": v,
        "title": texts.KINDS[v.kind],
        "entry": entry,
        "name": _name(entry) if entry else "",
        "cells": [(c.head, c.value(entry)) for c in columns] if entry else [],
        "form": form,
        "writable": _writable(v, request.actor),
        "problem": problem,
        "key": fresh_key(),
    }
    return render(request, "catalogue/entry.html", context, status=status)


@page("catalogue.write", ("GET", "POST"))
def add_entry(request: SignedRequest, version_id: int) -> HttpResponse:
    """Add an entry to a draft; the form comes back empty for the next one."""
    v = queries.version(version_id, request.actor.org_id)
    if request.method == "GET":
        if not _writable(v, request.actor):
            raise Unknown(what="list")
        return _show_entry(request, v, _form(v), None)
    return _put(request, v, None)


@page("catalogue.read", ("GET", "POST"))
def entry(request: SignedRequest, version_id: int, entry_id: int) -> HttpResponse:
    """One entry with all it says; in a draft it can be changed or taken out."""
    v = queries.version(version_id, request.actor.org_id)
    one = queries.entry(v, entry_id)
    if request.method == "GET":
        return _show_entry(request, v, _form(v, entry=one), one)
    if "remove" in request.POST:
        return _drop(request, v, one)
    return _put(request, v, one)


def _put(request: SignedRequest, v: ListVersion, one: Entry | None) -> HttpResponse:
    form = _form(v, request.POST, one)
    if not form.is_valid():
        return _show_entry(request, v, form, one, status=422)
    try:
        with transaction.atomic():
            actions.put_entry(
                v.id,
                form.values(),
                version=posted_version(request),
                by=request.actor,
                at=request.at,
                entry_id=one.pk if one else None,
            )
    except Unknown:
        raise
    except Refused as refusal:
        return _show_entry(request, queries.version(v.id, v.org_id), form, one, refusal_text(refusal), 409)
    messages.success(request, _("Kept in the draft."))
    return HttpResponseRedirect(f"/catalogues/{v.id}/" if one else f"/catalogues/{v.id}/entries/new/", status=303)


def _drop(request: SignedRequest, v: ListVersion, one: Entry) -> HttpResponse:
    try:
        with transaction.atomic():
            actions.drop_entry(v.id, one.pk, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        fresh = queries.version(v.id, v.org_id)
        return _show_entry(request, fresh, _form(fresh, entry=one), one, refusal_text(refusal), 409)
    messages.success(request, _("Taken out of the draft."))
    return HttpResponseRedirect(f"/catalogues/{v.id}/", status=303)
