"""The hospital writes the package: summary and plan in one form. Lines are added and taken out without any script."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.forms import formset_factory
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from fenji.care.continuity import actions, queries, rules
from fenji.care.continuity.forms import LINES, ItemForm, PackageForm, form_of
from fenji.care.continuity.models import Package
from fenji.care.visits.models import Stay
from fenji.care.visits.queries import stay as stay_of
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import NotPermitted, Refused

_PREFIX = "line"
_BLANK: dict[str, Any] = {"kind": "visit", "service": "follow_up", "every": 1}
_Lines = formset_factory(ItemForm, extra=0, max_num=LINES, absolute_max=LINES, validate_max=True)


@page("package.write", ("GET", "POST"))
def write(request: SignedRequest, stay_id: UUID) -> HttpResponse:
    """Write the package of somebody who lies here, or go on with its draft."""
    stay = stay_of(stay_id)
    if stay.org_id != request.actor.org_id:
        raise NotPermitted
    draft = queries.package_of_stay(stay_id)
    if draft is not None and draft.state == rules.OVER:
        draft = None
    if draft is not None and draft.state == rules.HANDED_OVER and request.method != "POST":
        return HttpResponseRedirect(f"/plans/{draft.subject}/", status=303)
    if request.method != "POST":
        return _show(request, stay, draft, PackageForm(initial=_first(draft)), _Lines(initial=_lines(draft), prefix=_PREFIX))
    if "add" in request.POST or "remove" in request.POST:
        rows = _typed(request)
        drop = request.POST.get("remove", "")
        kept = [row for n, row in enumerate(rows) if str(n) != drop]
        rows = [*kept, _BLANK][:LINES] if "add" in request.POST or not kept else kept
        return _show(request, stay, draft, PackageForm(initial=_words(request)), _Lines(initial=rows, prefix=_PREFIX))
    form, lines = PackageForm(request.POST), _Lines(request.POST, prefix=_PREFIX)
    if not (form.is_valid() & lines.is_valid()):
        return _show(request, stay, draft, form, lines, status=422)
    subject = draft.subject if draft else queries.subject_of(stay.pk)
    data = form.cleaned_data
    stage = {name: data[name] for name in ("stage", "stage_from", "stage_reason")}
    said = {"version": posted_version(request) or None, "by": request.actor, "at": request.at}
    items = [line.item() for line in lines if not line.is_blank]
    try:
        with transaction.atomic():
            written = actions.write_package(subject, stay, form.summary(), data["warning_signs"], items, **stage, **said)
    except Refused as refusal:
        return _show(request, stay, draft, form, lines, problem=refusal_text(refusal), status=409)
    return HttpResponseRedirect(f"/plans/{written.subject}/", status=303)


def _typed(request: SignedRequest) -> list[dict[str, str]]:
    """The lines as they were typed, whatever they are."""
    names = list(ItemForm.base_fields)
    count = 0
    while count < LINES and f"{_PREFIX}-{count}-kind" in request.POST:
        count += 1
    return [{name: request.POST.get(f"{_PREFIX}-{n}-{name}", "") for name in names} for n in range(count)]


def _words(request: SignedRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in PackageForm.base_fields}


def _first(draft: Package | None) -> dict[str, Any]:
    if draft is None:
        return {"stage_from": rules.TREATMENT, "stage": rules.REHABILITATION}
    return {name: getattr(draft, name) for name in PackageForm.base_fields}


def _lines(draft: Package | None) -> list[dict[str, Any]]:
    found = queries.items_of(draft.pk) if draft else []
    return [form_of(item) for item in found] or [_BLANK]


def _show(
    request: SignedRequest,
    stay: Stay,
    draft: Package | None,
    form: PackageForm,
    lines: Any,
    *,
    problem: Any = None,
    status: int = 200,
) -> HttpResponse:
    request.reads.append(("package.form", str(stay.pk)))
    age = age_on(stay.resident.birth_date, local_day(request.at))
    context = {"stay": stay, "draft": draft, "age": age, "form": form, "lines": lines, "problem": problem, "key": fresh_key()}
    return render(request, "continuity/write.html", {**context, "more": len(lines.forms) < LINES}, status=status)
