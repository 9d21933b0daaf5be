"""The traces: what was done, who looked at whom, and whether the chain holds. Reading them leaves a trace too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fenji.front.watch.forms import TraceForm
from fenji.front.watch.paging import paged
from fenji.front.watch.texts import action_name, purpose_name
from fenji.ground.access import queries
from fenji.ground.access.actions import ask_for_check
from fenji.ground.access.queries import Name, Trace
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, too_many
from fenji.ground.common.refusal import Refused
from fenji.ground.network.queries import names_of

CHECKS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Book:
    """One of the two books of traces: how it is read, and what its rows and pages are called."""

    name: str
    address: str
    title: str | Promise
    begins: str | Promise
    found: Callable[[Trace], QuerySet[Any]]
    row: Callable[[Any], dict[str, Any]]


def _done(event: Any) -> dict[str, Any]:
    change = f"{event.before} → {event.after}" if event.before or event.after else ""
    detail = "; ".join(f"{k}: {v}" for k, v in sorted(event.detail.items()))
    return {"who": event.actor_id, "code": event.action, "text": action_name(event.action), "role": event.role, "change": change,
            "detail": detail, "sealed": event.seal_id}  # fmt: skip


def _looked(read: Any) -> dict[str, Any]:
    return {"who": read.account_id, "code": read.purpose, "text": purpose_name(read.purpose)}


AUDIT = _Book("audit", "/audit/", gettext_lazy("Audit trail"), gettext_lazy("Action begins with"), queries.audit_trail, _done)
READS = _Book("reads", "/audit/reads/", gettext_lazy("Read log"), gettext_lazy("Purpose begins with"), queries.read_log, _looked)


def _form(request: SignedRequest, book: _Book) -> TraceForm:
    return TraceForm(request.GET.dict(), today=local_day(request.at), begins=book.begins)


def _rows(book: _Book, found: list[Any]) -> list[dict[str, Any]]:
    rows = [{"at": r.at, "subject": r.subject, "org_id": r.org_id, **book.row(r)} for r in found]
    people = queries.people_behind(r["who"] for r in rows)
    places = names_of(r["org_id"] for r in rows)
    nobody = Name("", "")
    return [{**r, "person": people.get(r["who"], nobody), "org": places.get(r["org_id"], "")} for r in rows]


def _asked(form: TraceForm) -> str:
    """What was searched for, for the read log: the conditions, not what was found."""
    return "; ".join(f"{k}={v}" for k, v in form.data.items() if k in form.fields)[:300]


def _list(request: SignedRequest, book: _Book) -> HttpResponse:
    form = _form(request, book)
    request.reads.append((f"{book.name}.list", _asked(form)))
    context = {"form": form, "book": book, "page": None, "rows": []}
    if form.is_valid():
        shown = paged(book.found(form.trace()), request.GET.dict())
        context |= {"page": shown, "rows": _rows(book, shown.rows)}
    return render(request, f"watch/{book.name}.html", context, status=200 if form.is_valid() else 422)


def _export(request: SignedRequest, book: _Book, columns: list[Column]) -> HttpResponse:
    form = _form(request, book)
    if not form.is_valid():
        return _list(request, book)
    found = list(book.found(form.trace())[: EXPORT_LIMIT + 1])
    if len(found) > EXPORT_LIMIT:
        hint = _("A cut list would look complete. Choose a shorter period or more conditions, then export again.")
        return too_many(request, book.address, EXPORT_LIMIT, hint)
    request.reads.append((f"{book.name}.export", f"{len(found)} rows; {_asked(form)}"))
    return workbook(str(book.title), columns, _rows(book, found))


def _local(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


@page("audit.read")
def trail(request: SignedRequest) -> HttpResponse:
    """Who did what, when: within this administrator's reach."""
    return _list(request, AUDIT)


@page("audit.read")
def trail_workbook(request: SignedRequest) -> HttpResponse:
    """The same as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    columns = [
        Column(_("When"), lambda r: _local(r["at"])),
        Column(_("Login"), lambda r: r["person"].username),
        Column(_("Person"), lambda r: r["person"].name),
        Column(_("Role"), lambda r: str(ROLE_NAMES.get(r["role"], r["role"]))),
        Column(_("Institution"), lambda r: r["org"]),
        Column(_("Action"), lambda r: r["text"]),
        Column(_("Code"), lambda r: r["code"]),
        Column(_("Subject"), lambda r: r["subject"]),
        Column(_("Change"), lambda r: r["change"]),
        Column(_("Detail"), lambda r: r["detail"]),
        Column(_("Link"), lambda r: r["sealed"]),
    ]
    return _export(request, AUDIT, columns)


@page("audit.read")
def reads(request: SignedRequest) -> HttpResponse:
    """Who looked at whose record, and what for."""
    return _list(request, READS)


@page("audit.read")
def reads_workbook(request: SignedRequest) -> HttpResponse:
    """The same as a spreadsheet."""
    columns = [
        Column(_("When"), lambda r: _local(r["at"])),
        Column(_("Login"), lambda r: r["person"].username),
        Column(_("Person"), lambda r: r["person"].name),
        Column(_("Institution"), lambda r: r["org"]),
        Column(_("Purpose"), lambda r: r["text"]),
        Column(_("Code"), lambda r: r["code"]),
        Column(_("Subject"), lambda r: r["subject"]),
    ]
    return _export(request, READS, columns)


@page("audit.verify", ("GET", "POST"))
def chain(request: SignedRequest) -> HttpResponse:
    """Whether the chain holds: the last verifications, how far one is that runs, what is not chained yet; and verifying now."""
    problem = None
    if request.method == "POST":
        try:
            ask_for_check(by=request.actor, at=request.at)
            messages.info(request, _("The verification has begun. You may leave this page; the result is kept."))
            return HttpResponseRedirect("/audit/chain/", status=303)
        except Refused as refusal:
            problem = refusal_text(refusal)
    checks = list(queries.chain_checks()[: CHECKS_SHOWN + 1])
    context = {
        "checks": checks[:CHECKS_SHOWN],
        "more": len(checks) > CHECKS_SHOWN,
        "running": checks[0] if checks and checks[0].finished_at is None else None,
        "tail": queries.unsealed_tail(),
        "problem": problem,
        "key": fresh_key(),
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "watch/_checks.html" if part else "watch/chain.html", context, status=409 if problem else 200)
