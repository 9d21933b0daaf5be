"""What is printed and kept on paper: the slip of a referral, the register of a month."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fenji.care.booking.queries import bookings_of
from fenji.care.booking.rules import LIVE
from fenji.care.referral import actions, queries, rules, texts
from fenji.care.referral.queries.register import Entry
from fenji.care.referral.rules import register as book
from fenji.care.referral.views.way import way_to
from fenji.care.registry.queries import resident as resident_of
from fenji.care.registry.texts import proxy_text
from fenji.ground.common.clock import local_day, local_minute
from fenji.ground.common.edge import SignedRequest, absolute, fresh_key, page, posted_version
from fenji.ground.common.excel import Column, Sheet, workbook_of
from fenji.ground.common.identity import age_on
from fenji.ground.common.lists import EXPORT_LIMIT, too_many
from fenji.ground.common.qr import picture
from fenji.ground.common.templatetags.house import local_name, sex
from fenji.ground.network.queries import contact_of, names_of

_WAYS = {book.OUT: gettext_lazy("Referred out"), book.IN: gettext_lazy("Referred in")}


@page("referral.read")
def slip(request: SignedRequest, number: str) -> HttpResponse:
    """The referral on A4: a part the sender keeps, one for the receiver, and a sheet for the patient with the way there.
    The code holds an address and no more."""
    case = queries.case(number)
    request.reads.append(("referral.slip", case.number))
    ours = case.origin_id == request.actor.org_id
    own = queries.url_for(case)
    context = {
        "case": case,
        "age": age_on(case.patient_birth_date, local_day(request.at)),
        "phone": queries.phone_of(case),
        # the sender's record of the resident is closed to the receiver
        "address": resident_of(case.resident_id).address if ours else "",
        "origin": contact_of(case.origin_id),
        "receiver": contact_of(case.receiver_id),
        "sent": next((e.at for e in reversed(queries.timeline(case)) if e.after == rules.OFFERED), None),
        "reasons": [(r, texts.REASONS[r["code"]]) for r in case.reasons],
        "expired": case.valid_until is not None and case.valid_until < local_day(request.at),
        "state_text": texts.STATES[case.state],
        "bookings": [b for b in bookings_of(case.number, at=request.at) if b.state in LIVE],
        "qr": picture(absolute(request, f"/referrals/{case.number}/"), _("QR code of this referral")),
        "down": case.direction == rules.DOWN,
        "acting": [(p, proxy_text(p.relation, guardian=p.guardian)) for p in queries.acting(case)],
        "way": way_to(case.origin_id, case.receiver_id),
        "own": picture(absolute(request, own), _("QR code of the patient's own page")) if own else "",
        "today": request.at,
    }
    return render(request, "referral/slip.html", context)


@page("referral.write", ("GET", "POST"))
def filing(request: SignedRequest, number: str) -> HttpResponse:
    """Enter the number under which the insurer has filed the transfer."""
    case = queries.case(number)
    if request.method == "POST":
        typed = request.POST.get("filing_number", "")
        actions.file_number(number, typed, version=posted_version(request), by=request.actor, at=request.at)
        messages.success(request, _("Kept. The slip shows it."))
        return HttpResponseRedirect(f"/referrals/{number}/", status=303)
    request.reads.append(("referral.filing", case.number))
    return render(request, "referral/filing.html", {"case": case, "key": fresh_key()})


@page("referral.export")
def register(request: SignedRequest) -> HttpResponse:
    """A month's referrals of this institution, counted by the other institution and both ways."""
    first = book.first_day(request.GET.get("month", ""), local_day(request.at))
    found = queries.register(request.actor, first, EXPORT_LIMIT)
    request.reads.append(("referral.register", f"{first:%Y-%m}, {len(found)} rows"))
    if len(found) > EXPORT_LIMIT:
        return _too_many(request)
    tallies = book.tally(e.line for e in found)
    names = names_of(t.other_id for t in tallies)
    context = {
        "month": f"{first:%Y-%m}",
        "last_month": f"{local_day(request.at):%Y-%m}",
        "count": len(found),
        "parts": [
            (way, text, [(t, names[t.other_id]) for t in tallies if t.way == way], _total(found, way))
            for way, text in _WAYS.items()
        ],
    }
    return render(request, "referral/register.html", context)


def _total(found: list[Entry], way: str) -> book.Tally | None:
    """All of one way together: the median is of the referrals, not of the institutions' medians."""
    lines = [book.Line(way, 0, e.line.emergency, e.line.reached) for e in found if e.line.way == way]
    return next(iter(book.tally(lines)), None)


def _too_many(request: SignedRequest) -> HttpResponse:
    return too_many(request, "/referrals/register/", EXPORT_LIMIT)


@page("referral.export")
def register_workbook(request: SignedRequest) -> HttpResponse:
    """The register of a month as a workbook: what was sent, what was received, and the counts."""
    first = book.first_day(request.GET.get("month", ""), local_day(request.at))
    found = queries.register(request.actor, first, EXPORT_LIMIT)
    if len(found) > EXPORT_LIMIT:
        return _too_many(request)
    request.reads.append(("referral.register", f"{first:%Y-%m}, {len(found)} rows"))
    tallies = book.tally(e.line for e in found)
    names = names_of(t.other_id for t in tallies)
    sheets = [
        *(Sheet(str(text), _entry_columns(way), [e for e in found if e.line.way == way]) for way, text in _WAYS.items()),
        Sheet(_("By institution"), _tally_columns(names), tallies),
    ]
    return workbook_of(f"{_('Register of referrals')} {first:%Y-%m}", sheets)


def _entry_columns(way: str) -> list[Column]:
    def reached(state: str) -> Any:
        return lambda e: local_minute(e.line.reached.get(state))

    def age(e: Entry) -> int:
        return age_on(e.case.patient_birth_date, local_day(e.case.created_at))

    other = Column(_("To"), lambda e: e.case.receiver.name) if way == book.OUT else Column(_("From"), lambda e: e.case.origin.name)
    return [
        Column(_("Case number"), lambda e: e.case.number),
        Column(_("Direction"), lambda e: str(texts.DIRECTIONS[e.case.direction])),
        Column(_("Filing number"), lambda e: e.case.filing_number),
        Column(_("Patient"), lambda e: e.case.patient_name),
        Column(_("Sex"), lambda e: sex(e.case.patient_sex)),
        Column(_("Age"), age),
        Column(_("Diagnosis code"), lambda e: e.case.diagnosis_code),
        Column(_("Diagnosis"), lambda e: e.case.diagnosis_name),
        Column(_("Emergency"), lambda e: _("yes") if e.case.emergency else _("no")),
        other,
        Column(_("Department"), lambda e: local_name(e.case.department) if e.case.department else ""),
        Column(_("Written by"), lambda e: e.case.requester_name),
        Column(_("Offered"), reached(rules.OFFERED)),
        Column(_("Accepted"), reached(rules.ACCEPTED)),
        Column(_("Arrived"), reached(rules.ARRIVED)),
        Column(_("Answered"), reached(rules.ANSWERED)),
        Column(_("State"), lambda e: str(texts.STATES[e.case.state])),
    ]


def _tally_columns(names: dict[int, str]) -> list[Column]:
    return [
        Column(_("Way"), lambda t: str(_WAYS[t.way])),
        Column(_("Institution"), lambda t: names[t.other_id]),
        Column(_("Referrals"), lambda t: t.referrals),
        Column(_("Emergencies"), lambda t: t.emergencies),
        Column(_("Accepted"), lambda t: t.accepted),
        Column(_("Declined"), lambda t: t.declined),
        Column(_("Arrived"), lambda t: t.arrived),
        Column(_("Did not come"), lambda t: t.missed),
        Column(_("Answered"), lambda t: t.answered),
        Column(_("Median minutes to accept"), lambda t: t.to_accept),
    ]
