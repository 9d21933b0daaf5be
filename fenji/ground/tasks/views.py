"""Notices and who has read them; messages to residents that were not sent, for those who decide what becomes of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from fenji.ground.access.rules import MANAGER
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, fresh_key, list_start, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, too_many
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import compact
from fenji.ground.network.queries import names_of, place_of
from fenji.ground.policy.queries import resolve
from fenji.ground.tasks import actions, kinds, queries, rules, senders, texts
from fenji.ground.tasks.models import Notice, PersonMessage

SIZE = 20
_LONGEST = 40
SHOWN = ("unread", "all", "sent")
_STATES = {"dead": (rules.DEAD,), "to_send": (rules.TO_SEND,), "over": rules.OVER, "all": rules.MESSAGE_STATES}


def _part(found: QuerySet[Any], request: SignedRequest) -> dict[str, Any]:
    """The rows of one page of a list, and where the pages before and after it begin; `keep`: the filters, for the links to them."""
    start = list_start(request.GET.get("from", ""))
    rows = list(found[start : start + SIZE + 1])
    keep = urlencode([(k, v) for k in ("show", "q") if (v := request.GET.get(k, ""))])
    before = max(start - SIZE, 0) if start else None
    return {"rows": rows[:SIZE], "more": start + SIZE if len(rows) > SIZE else None, "before": before, "keep": keep}


# --- notices -----------------------------------------------------------------------------------------------------------------


def _shown(request: SignedRequest) -> str:
    asked = request.GET.get("show", "")
    return asked if asked in SHOWN else SHOWN[0]


def _wanted(request: SignedRequest) -> QuerySet[Notice]:
    """The notices that the address asks for: unread, all, or sent by my institution; `q`: about this subject alone."""
    found = {"unread": queries.unread, "all": queries.received, "sent": queries.sent}[_shown(request)](request.actor)
    typed = request.GET.get("q", "").strip().upper()
    return found.filter(subject=typed) if typed and len(typed) <= _LONGEST else found.none() if typed else found


def _names(rows: list[Any]) -> dict[int, str]:
    return names_of({r.org_id for r in rows})


@page("notice.read")
def notices(request: SignedRequest) -> HttpResponse:
    """Notices to my role here: first those I have not read. `?show=sent`: those my institution caused elsewhere, with receipts."""
    part = _part(_wanted(request), request)
    names = _names(part["rows"]) if _shown(request) == "sent" else {}
    days = resolve(rules.MessagePolicy, place_of(request.actor.org_id).policy_path, local_day(request.at)).unread_days
    context = {
        **part,
        "rows": [(n, kinds.notice_text(n.kind, n.subject), names.get(n.org_id, "")) for n in part["rows"]],
        "shown": _shown(request),
        "typed": request.GET.get("q", "").strip(),
        "days": days,
    }
    return render(request, "tasks/notices.html", context)


@page("notice.read")
def open_notice(request: SignedRequest, notice_id: UUID) -> HttpResponse:
    """Opening a notice is the receipt; on to what it is about."""
    return HttpResponseRedirect(actions.read(notice_id, by=request.actor, at=request.at).url)


@page("notice.read")
def notices_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    rows = list(_wanted(request)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/notices/", EXPORT_LIMIT)
    columns = [
        Column(_("Told"), lambda n: local_minute(n.at)),
        Column(_("Notices"), lambda n: kinds.notice_text(n.kind, n.subject)),
        Column(_("Subject"), lambda n: n.subject),
    ]
    if _shown(request) == "sent":
        names = _names(rows)
        columns += [
            Column(_("Institution"), lambda n: names.get(n.org_id, "")),
            Column(_("Role"), lambda n: str(ROLE_NAMES.get(n.role, ""))),
            Column(_("First read"), lambda n: local_minute(n.read_at)),
            Column(_("Read by"), lambda n: n.read_by or ""),
        ]
    else:
        columns.append(Column(_("Read"), lambda n: _("yes") if n.mine else ""))
    return workbook(_("Notices"), columns, rows)


# --- messages to residents ---------------------------------------------------------------------------------------------------


def _state(request: SignedRequest) -> str:
    asked = request.GET.get("show", "")
    return asked if asked in _STATES else "dead"


def _watched(request: SignedRequest) -> QuerySet[PersonMessage]:
    found = queries.messages().filter(state__in=_STATES[_state(request)])
    typed = compact(request.GET.get("q", ""))
    return found.filter(subject=request.GET["q"].strip().upper()) if typed else found


def _off(sender: senders.Sender) -> str:
    return str(texts.PROBLEMS[sender.problem]) if isinstance(sender, senders.Off) else ""


@page("message.watch")
def messages_to_people(request: SignedRequest) -> HttpResponse:
    """Messages to residents: those that could not be sent, with the reason and what can be done; those waiting, sent, given up."""
    return _list(request)


def _list(request: SignedRequest, *, problem: Any = None, typed: Any = None, status: int = 200) -> HttpResponse:
    part = _part(_watched(request), request)
    names = _names(part["rows"])
    context = {
        **part,
        "rows": [_line(m, names) for m in part["rows"]],
        "shown": _state(request),
        "asked": request.GET.get("q", "").strip(),
        "dead": queries.dead_count(),
        "off": _off(senders.present()),
        "links": request.actor.role == MANAGER,
        "problem": problem,
        "typed": typed or {},
        "key": fresh_key(),
    }
    return render(request, "tasks/messages.html", context, status=status)


def _line(message: PersonMessage, names: dict[int, str]) -> dict[str, Any]:
    return {
        "message": message,
        "text": kinds.template_text(message.kind),
        "org": names.get(message.org_id, ""),
        "state": texts.MESSAGE_STATES[message.state],
        "tone": texts.MESSAGE_TONES[message.state],
        "why": texts.PROBLEMS.get(message.problem, ""),
    }


@page("message.watch", ("POST",))
def again(request: SignedRequest, message_id: UUID) -> HttpResponse:
    """Have a message sent that could not be."""
    try:
        actions.send_again(message_id, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        return _list(request, problem=refusal_text(refusal), status=409)
    messages.success(request, _("It is tried again now."))
    return HttpResponseRedirect("/messages/", status=303)


@page("message.watch", ("POST",))
def give_up(request: SignedRequest, message_id: UUID) -> HttpResponse:
    """Do not send it any more, with a reason."""
    words = request.POST.get("reason", "")
    if len(words) > 500:
        too_long = (_("The reason is too long."), _("Shorten it to 500 characters and send again."))
        return _list(request, problem=too_long, typed={"id": message_id, "reason": words}, status=422)
    try:
        actions.give_up(message_id, words, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        return _list(request, problem=refusal_text(refusal), typed={"id": message_id, "reason": words}, status=409)
    messages.success(request, _("Given up: it is not sent any more."))
    return HttpResponseRedirect("/messages/", status=303)


@page("message.watch")
def messages_workbook(request: SignedRequest) -> HttpResponse:
    """The list as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    rows = list(_watched(request)[: EXPORT_LIMIT + 1])
    if len(rows) > EXPORT_LIMIT:
        return too_many(request, "/messages/", EXPORT_LIMIT)
    names = _names(rows)
    columns = [
        Column(_("Written"), lambda m: local_minute(m.at)),
        Column(_("Institution"), lambda m: names.get(m.org_id, "")),
        Column(_("Subject"), lambda m: m.subject),
        Column(_("Message"), lambda m: kinds.template_text(m.kind)),
        Column(_("State"), lambda m: str(texts.MESSAGE_STATES[m.state])),
        Column(_("Tries"), lambda m: m.tries),
        Column(_("Why not sent"), lambda m: str(texts.PROBLEMS.get(m.problem, ""))),
        Column(_("Sent"), lambda m: local_minute(m.sent_at)),
        Column(_("Reason"), lambda m: m.reason),
    ]
    return workbook(_("Messages to residents"), columns, rows)
