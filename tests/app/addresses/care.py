"""Addresses of care: patients, visits, stays, referrals, clinics, beds, plans."""

from __future__ import annotations

from collections.abc import Callable

from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.ids import uuid7
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.addresses.shared import _GLASS_FORM, _VERSION_1, ID, _b, _q, _same
from tests.app.canary import ALLOWED, NAME, ROLES, WORDS, Canary, _card, _other_card
from tests.app.cells import Factory, Try
from tests.app.forms import LEAVING
from tests.cast import other_doctor


def _case_post(action: str) -> Callable[[Canary], Try]:
    form = {"_version": "5", "note": "x", "findings": "x", "receiver": str(CITY_HOSPITAL), "final": "I10.x00"}
    form |= {"disposition": "treated", **LEAVING}
    return lambda c: Try(
        "POST", f"/referrals/{c.case}/do/{action}/", f"/referrals/{c.missing_case}/do/{action}/", form, form, positive=""
    )


ACTIONS = (
    "approve",
    "complete",
    "treat_locally",
    "take",
    "treat_here",
    "ask_again",
    "accept",
    "decline",
    "redirect",
    "arrive",
    "miss",
    "answer",
    "acknowledge",
    "offer",
    "withdraw",
    "close",
    "chose_elsewhere",
    "died",
    "refuse",
    "leave",
)
_DOWN_FORM = {"receiver": "104", "consent_who": "patient", "consent_how": "oral"}
_STAY_FORM = {"diagnosis": "I10.x00", "doctor": "x", "phase": "chronic"}
VISIT_FORM = {"diagnosis": "I10.x00", "complaint": "x", "ending": "treated"}
_REFERRAL_FORM = {
    "diagnosis": "I10.x00", "summary": "x", "receiver": "3", "override_reason": "x", "_version": "5", "consent_who": "patient",
}  # fmt: skip
_PROXY = {"name": "x", "relation": "child", "phone": "13900000000", "instead": "besides", "how": "oral", "start": "2099-01-01"}
_VERSION = {"_version": "1"}
_NEWBORN = "/residents/new/newborn/?mother="
_PAPERS = {"kind": "taiwan", "document": "87654321", "name": "x", "sex": "1", "birth_date": "1980-01-01", "_version": "1"}
_APART = {"decision": "apart", "_version": "1"}
_ACT = {"_version": "1", "reason": "x", "measures": "x", "note": "x"}
_SLOT_FORM = {"_version": "1", "slot": str(uuid7()), "reason": "full"}


def _desk(what: str, of: str) -> Factory:
    """A form of the city hospital's desk about the canary."""
    return lambda c: [
        Try("POST", f"/booking/{what.format(getattr(c, of))}", f"/booking/{what.format(ID)}", _SLOT_FORM, _SLOT_FORM, positive="")
    ]


_RECORD = {"outcome": "died", "note": "x", "_version": "1"}
_PACKAGE_FORM = {
    "course": "x",
    "stage_from": "treatment",
    "stage": "rehabilitation",
    "_version": "1",
    "line-TOTAL_FORMS": "0",
    "line-INITIAL_FORMS": "0",
}
_GIVE_BACK = {"_version": "1", "reason": "needed"}


def _wanted(c: Canary) -> dict[str, str]:
    return {"ward": str(c.ward)}


def _bed_form(c: Canary, number: str) -> dict[str, str]:
    """Somebody else's case number and bed, typed into the form that holds one."""
    return {"bed": str(c.bed), "subject": number, "name": "x", "sex": "2", "age": "60", "topic": "x"}


FACTORIES: dict[str, Factory] = {
    "residents/": lambda c: [
        Try("GET", _q("/residents/", q=q), _q("/residents/", q="无此人" if not q.isascii() else "zzzq"), shows=NAME)
        for q in (NAME, NAME[1:], NAME[2:], "kanarui", "knr", "kana")
    ],
    "residents/door/": lambda c: [
        Try(
            "POST",
            "/residents/door/",
            "/residents/door/",
            {"identity": _card()},
            {"identity": _other_card()},
            shows=str(c.resident),
            roles=tuple(r for r in ROLES if r not in ("doctor", "specialist")),
        )
    ],
    "residents/new/": lambda c: [Try("GET", "/residents/new/", "/residents/new/", positive="")],
    "residents/<uuid:resident_id>/": lambda c: [Try("GET", f"/residents/{c.resident}/", f"/residents/{ID}/", shows=WORDS)],
    "residents/new/<slug:kind>/": lambda c: [
        _same("GET", "/residents/new/unknown/"),
        Try("GET", f"{_NEWBORN}{c.resident}", f"{_NEWBORN}{ID}", shows=NAME),
        Try("POST", f"{_NEWBORN}{c.resident}", f"{_NEWBORN}{ID}", _PAPERS, _PAPERS, positive=""),
    ],
    "residents/<uuid:resident_id>/identify/": lambda c: [
        Try("GET", f"/residents/{c.resident}/identify/", f"/residents/{ID}/identify/", positive=""),
        Try("POST", f"/residents/{c.resident}/identify/", f"/residents/{ID}/identify/", _PAPERS, _PAPERS, positive=""),
    ],
    "residents/<uuid:resident_id>/proxies/": lambda c: [
        Try("GET", f"/residents/{c.resident}/proxies/", f"/residents/{ID}/proxies/", shows=WORDS),
        Try("POST", f"/residents/{c.resident}/proxies/", f"/residents/{ID}/proxies/", _PROXY, _PROXY, positive=""),
    ],
    "residents/proxies/<uuid:proxy_id>/end/": lambda c: [
        Try("POST", f"/residents/proxies/{c.proxy}/end/", f"/residents/proxies/{ID}/end/", _VERSION, _VERSION, positive=""),
    ],
    "residents/duplicates/": lambda c: [
        Try("GET", "/residents/duplicates/?state=proposed", "/residents/duplicates/?state=proposed", shows=NAME)
    ],
    "residents/duplicates/export.xlsx": lambda c: [
        Try("GET", "/residents/duplicates/export.xlsx", "/residents/duplicates/export.xlsx", shows=NAME[0] + "××")
    ],
    "residents/duplicates/<uuid:duplicate_id>/": lambda c: [
        Try("GET", f"/residents/duplicates/{c.pair}/", f"/residents/duplicates/{ID}/", shows=NAME),
        Try("POST", f"/residents/duplicates/{c.pair}/", f"/residents/duplicates/{ID}/", _APART, _APART, positive=""),
    ],
    "visits/": lambda c: [Try("GET", "/visits/", "/visits/", shows=str(c.visit))],
    "visits/export.xlsx": lambda c: [Try("GET", "/visits/export.xlsx", "/visits/export.xlsx", shows="I10.x00")],
    "visits/infections/": lambda c: [Try("GET", "/visits/infections/", "/visits/infections/", shows=str(c.infected))],
    "visits/infections/export.xlsx": lambda c: [
        Try("GET", "/visits/infections/export.xlsx", "/visits/infections/export.xlsx", shows=NAME)
    ],
    "visits/<uuid:visit_id>/edit/": lambda c: [
        Try("GET", f"/visits/{c.visit}/edit/", f"/visits/{ID}/edit/", shows=WORDS),
        Try("POST", f"/visits/{c.visit}/edit/", f"/visits/{ID}/edit/", VISIT_FORM, VISIT_FORM, positive=""),
    ],
    "visits/<uuid:visit_id>/do/<slug:action>/": lambda c: [
        Try("POST", f"/visits/{c.infected}/do/{a}/", f"/visits/{ID}/do/{a}/", _ACT, _ACT, positive="")
        for a in ("hand-over", "accept", "decline", "withdraw", "infection", "settle", "nothing")
    ],
    "referrals/down/": lambda c: [Try("GET", "/referrals/down/", "/referrals/down/", shows=str(c.stay))],
    "referrals/down/<uuid:stay_id>/": lambda c: [
        Try("GET", f"/referrals/down/{c.stay}/", f"/referrals/down/{ID}/", shows=NAME),
        Try("POST", f"/referrals/down/{c.stay}/", f"/referrals/down/{ID}/", _DOWN_FORM, _DOWN_FORM, positive=""),
    ],
    "stays/": lambda c: [Try("GET", "/stays/", "/stays/", shows=str(c.stay))],
    "stays/export.xlsx": lambda c: [Try("GET", "/stays/export.xlsx", "/stays/export.xlsx", shows=WORDS)],
    "stays/new/<uuid:resident_id>/": lambda c: [
        Try("GET", f"/stays/new/{c.resident}/", f"/stays/new/{ID}/", shows=NAME),
        Try("POST", f"/stays/new/{c.resident}/", f"/stays/new/{ID}/", _STAY_FORM, _STAY_FORM, positive=""),
    ],
    "stays/<uuid:stay_id>/": lambda c: [Try("GET", f"/stays/{c.stay}/", f"/stays/{ID}/", shows=WORDS)],
    "stays/<uuid:stay_id>/do/<slug:action>/": lambda c: [
        Try("POST", f"/stays/{c.stay}/do/{a}/", f"/stays/{ID}/do/{a}/", _ACT, _ACT, positive="")
        for a in ("judge", "place", "discharge", "nothing")
    ],
    "packages/new/<uuid:stay_id>/": lambda c: [
        Try("GET", f"/packages/new/{c.drafted}/", f"/packages/new/{ID}/", shows=WORDS),
        Try("POST", f"/packages/new/{c.drafted}/", f"/packages/new/{ID}/", _PACKAGE_FORM, _PACKAGE_FORM, positive=""),
    ],
    "plans/<str:subject>/": lambda c: [Try("GET", f"/plans/stay-{c.stay}/", f"/plans/stay-{ID}/", shows=WORDS)],
    "plans/<str:subject>/attach/": lambda c: [
        Try("POST", f"/plans/stay-{c.drafted}/attach/", f"/plans/stay-{ID}/attach/", {"what": "x"}, {"what": "x"}, positive="")
    ],
    "plans/attachments/<uuid:attachment_id>/remove/": lambda c: [
        Try("POST", f"/plans/attachments/{c.attached}/remove/", f"/plans/attachments/{ID}/remove/", {}, {}, positive="")
    ],
    "followups/": lambda c: [Try("GET", "/followups/", "/followups/", shows=str(c.followup))],
    "followups/export.xlsx": lambda c: [Try("GET", "/followups/export.xlsx", "/followups/export.xlsx", shows=WORDS)],
    "followups/size/": lambda c: [Try("POST", "/followups/size/", "/followups/size/", {}, {}, positive="")],
    "followups/<uuid:followup_id>/": lambda c: [
        Try("GET", f"/followups/{c.followup}/", f"/followups/{ID}/", shows=WORDS),
        Try("POST", f"/followups/{c.followup}/", f"/followups/{ID}/", _RECORD, _RECORD, positive=""),
    ],
    "followups/<uuid:followup_id>/delegate/": lambda c: [
        Try("POST", f"/followups/{c.followup}/delegate/", f"/followups/{ID}/delegate/", _ACT, _ACT, positive="")
    ],
    "residents/<uuid:resident_id>/glass/": lambda c: [
        Try("POST", f"/residents/{c.resident}/glass/", f"/residents/{ID}/glass/", _GLASS_FORM, _GLASS_FORM, positive="")
    ],
    "residents/<uuid:resident_id>/glass/close/": lambda c: [
        Try("POST", f"/residents/{c.resident}/glass/close/", f"/residents/{ID}/glass/close/", {}, {}, positive="")
    ],
    "visits/new/<uuid:resident_id>/": lambda c: [
        Try("GET", f"/visits/new/{c.resident}/", f"/visits/new/{ID}/", shows=NAME),
        Try("POST", f"/visits/new/{c.resident}/", f"/visits/new/{ID}/", VISIT_FORM, VISIT_FORM, positive=""),
    ],
    "visits/<uuid:visit_id>/": lambda c: [
        Try("GET", f"/visits/{c.visit}/", f"/visits/{ID}/", shows=WORDS),
        Try("POST", f"/visits/{c.visit}/", f"/visits/{ID}/", {"ending": "treated"}, {"ending": "treated"}, positive=""),
    ],
    "referrals/": lambda c: [
        Try("GET", "/referrals/", "/referrals/", shows=c.case),
        Try(
            "GET",
            _q("/referrals/", before="2100-01-01T00:00:00+00:00_R", size="100"),
            _q("/referrals/", before="2100-01-01T00:00:00+00:00_R", size="100"),
            shows=c.case,
        ),
        Try(
            "GET",
            _q("/referrals/", month=f"{local_day(now()):%Y-%m}", size="100"),
            _q("/referrals/", month=f"{local_day(now()):%Y-%m}", size="100"),
            shows=c.case,
        ),
        Try("GET", _q("/referrals/", state="accepted"), _q("/referrals/", state="accepted"), shows=c.case, positive="B receiver"),
    ],
    "referrals/export.xlsx": lambda c: [Try("GET", "/referrals/export.xlsx", "/referrals/export.xlsx", shows=c.case)],
    # the canary was reviewed: what a unit above sees while it reviews is in tests/spec/test_review.py
    "referrals/review/": lambda c: [Try("GET", "/referrals/review/", "/referrals/review/", positive="")],
    "referrals/review/export.xlsx": lambda c: [
        Try("GET", "/referrals/review/export.xlsx", "/referrals/review/export.xlsx", positive="")
    ],
    "referrals/review/approve/": lambda c: [
        Try(
            "POST",
            # the address names what is ticked, so that the answer may
            _q("/referrals/review/approve/", ticked=c.case),
            _q("/referrals/review/approve/", ticked=c.missing_case),
            {"case": f"{c.case}:5"},
            {"case": f"{c.missing_case}:5"},
            positive="",
        )
    ],
    "referrals/review/delegations/": lambda c: [
        Try("GET", "/referrals/review/delegations/", "/referrals/review/delegations/", shows=WORDS, positive="B reviewer"),
        Try(
            "POST",
            _q("/referrals/review/delegations/", asked=str(other_doctor().id)),
            _q("/referrals/review/delegations/", asked=str(ID)),
            {"to": str(other_doctor().id), "start": "2090-01-01", "until": "2090-01-02", "reason": "x"},
            {"to": str(ID), "start": "2090-01-01", "until": "2090-01-02", "reason": "x"},
            positive="",
        ),
    ],
    "referrals/review/delegations/<uuid:delegation_id>/end/": lambda c: [
        Try(
            "POST",
            f"/referrals/review/delegations/{c.delegation}/end/",
            f"/referrals/review/delegations/{ID}/end/",
            _VERSION_1,
            _VERSION_1,
            positive="",
        )
    ],
    "referrals/new/<uuid:visit_id>/": lambda c: [
        Try("GET", f"/referrals/new/{c.visit}/", f"/referrals/new/{ID}/", shows=WORDS),
        Try("POST", f"/referrals/new/{c.visit}/", f"/referrals/new/{ID}/", _REFERRAL_FORM, _REFERRAL_FORM, positive=""),
    ],
    "referrals/verdict/<uuid:visit_id>/": lambda c: [
        Try("GET", f"/referrals/verdict/{c.visit}/", f"/referrals/verdict/{ID}/", shows="SM-3-5c"),
    ],
    "referrals/<case:number>/": lambda c: [
        Try("GET", f"/referrals/{c.case}/", f"/referrals/{c.missing_case}/", shows=WORDS, positive=p) for p in ALLOWED
    ],
    "referrals/<case:number>/slip/": lambda c: [
        Try("GET", f"/referrals/{c.case}/slip/", f"/referrals/{c.missing_case}/slip/", shows=WORDS, positive=p) for p in ALLOWED
    ],
    "referrals/<case:number>/filing/": lambda c: [
        Try("GET", f"/referrals/{c.case}/filing/", f"/referrals/{c.missing_case}/filing/", shows=c.case),
        Try("POST", f"/referrals/{c.case}/filing/", f"/referrals/{c.missing_case}/filing/", {}, {}, positive=""),
    ],
    "referrals/register/": lambda c: [Try("GET", "/referrals/register/", "/referrals/register/", shows=WORDS, positive="")],
    "referrals/register.xlsx": lambda c: [Try("GET", "/referrals/register.xlsx", "/referrals/register.xlsx", shows=c.case)],
    "referrals/<case:number>/edit/": lambda c: [
        Try("GET", f"/referrals/{c.case}/edit/", f"/referrals/{c.missing_case}/edit/", shows=WORDS),
        Try(
            "POST", f"/referrals/{c.case}/edit/", f"/referrals/{c.missing_case}/edit/", _REFERRAL_FORM, _REFERRAL_FORM, positive=""
        ),
    ],
    "referrals/<case:number>/bed/": lambda c: [
        Try("GET", f"/referrals/{c.case}/bed/", f"/referrals/{c.missing_case}/bed/", shows=NAME),
        Try("POST", f"/referrals/{c.case}/bed/", f"/referrals/{c.missing_case}/bed/", _wanted(c), _wanted(c), positive=""),
    ],
    "referrals/<case:number>/do/<slug:action>/": lambda c: [_case_post(a)(c) for a in ACTIONS],
    "referrals/<case:number>/link/<slug:action>/": lambda c: [
        Try(
            "POST",
            f"/referrals/{c.case}/link/{what}/",
            f"/referrals/{c.missing_case}/link/{what}/",
            {"link": str(ID)},
            {"link": str(ID)},
            positive="",
        )
        for what in ("renew", "revoke")
    ],
    "r/<slug:token>": lambda c: [
        Try("GET", c.link, f"/r/{'A' * 22}", positive=""),
        Try("GET", f"{c.link}?no", f"/r/{'A' * 22}?no", positive=""),
        Try("POST", c.link, f"/r/{'A' * 22}", {"four": "0000"}, {"four": "0000"}, positive="", roles=("anonymous", "doctor")),
    ],
    "p/": lambda c: [Try("GET", _q("/p/", q=NAME), _q("/p/", q="无此人"), positive="")],
    "p/<int:org_id>/": lambda c: [Try("GET", f"/p/{_b()}/", f"/p/{_b()}/", positive="")],
    "p/<int:org_id>/notice/": lambda c: [Try("GET", f"/p/{_b()}/notice/", f"/p/{_b()}/notice/", positive="")],
    "p/<int:org_id>/<slug:kind>/": lambda c: [
        Try("GET", f"/p/{_b()}/technique/", f"/p/{_b()}/technique/", positive=""),
        # what is published stays a draft to everybody until it is: the county hospital's guides are being worked on
        Try("GET", f"/p/{COUNTY_HOSPITAL}/guide/", f"/p/{COUNTY_HOSPITAL}/guide/", positive=""),
    ],
    "p/disease/<str:code>/": lambda c: [Try("GET", "/p/disease/kanarui/", "/p/disease/nobody/", positive="")],
    "booking/": lambda c: [_same("GET", f"/booking/?org={CITY_HOSPITAL}")],
    "booking/export.xlsx": lambda c: [_same("GET", f"/booking/export.xlsx?org={CITY_HOSPITAL}")],
    "booking/new/": lambda c: [_same(m, "/booking/new/") for m in ("GET", "POST")],
    "booking/away/": lambda c: [_same(m, "/booking/away/") for m in ("GET", "POST")],
    "booking/sessions/<uuid:session_id>/": lambda c: [
        Try("GET", f"/booking/sessions/{c.session}/", f"/booking/sessions/{c.session}/", shows=WORDS),
        Try("GET", f"/booking/sessions/{ID}/", f"/booking/sessions/{ID}/", positive=""),
    ],
    "booking/sessions/<uuid:session_id>/cancel/": lambda c: [_same("POST", f"/booking/sessions/{c.session}/cancel/")],
    "booking/waiting/": lambda c: [
        Try("GET", "/booking/waiting/", "/booking/waiting/", shows=c.case, positive="B receiver"),
    ],
    "booking/waiting/export.xlsx": lambda c: [
        Try("GET", "/booking/waiting/export.xlsx", "/booking/waiting/export.xlsx", shows=c.case, positive="B receiver"),
    ],
    "booking/to-move/": lambda c: [Try("GET", "/booking/to-move/", "/booking/to-move/", shows=c.case, positive="B receiver")],
    "booking/waiting/<uuid:entry_id>/place/": _desk("waiting/{}/place/", "waits"),
    "booking/waiting/<uuid:entry_id>/leave/": _desk("waiting/{}/leave/", "waits"),
    "booking/to-move/<uuid:booking_id>/move/": _desk("to-move/{}/move/", "booked"),
    "beds/": lambda c: [
        Try("GET", f"/beds/?org={CITY_HOSPITAL}", f"/beds/?org={CITY_HOSPITAL}", shows=c.case, positive="B receiver"),
    ],
    "beds/export.xlsx": lambda c: [
        Try(
            "GET",
            f"/beds/export.xlsx?org={CITY_HOSPITAL}",
            f"/beds/export.xlsx?org={CITY_HOSPITAL}",
            shows=NAME[0] + "××",
            positive="B receiver",
        )
    ],
    "beds/hold/": lambda c: [
        Try("GET", _q("/beds/hold/", subject=c.case, sex="2"), _q("/beds/hold/", subject=c.missing_case, sex="2"), positive=""),
        Try("POST", "/beds/hold/", "/beds/hold/", _bed_form(c, c.case), _bed_form(c, c.missing_case), positive=""),
    ],
    "beds/holds/<uuid:hold_id>/<slug:action>/": lambda c: [
        Try("POST", f"/beds/holds/{c.bed_hold}/{a}/", f"/beds/holds/{ID}/{a}/", _GIVE_BACK, _GIVE_BACK, positive="")
        for a in ("confirm", "use", "release", "nothing")
    ],
    "beds/waiting/": lambda c: [Try("GET", "/beds/waiting/", "/beds/waiting/", shows=c.case, positive="B receiver")],
    "beds/waiting/<uuid:entry_id>/leave/": lambda c: [
        Try("POST", f"/beds/waiting/{there}/leave/", f"/beds/waiting/{ID}/leave/", _SLOT_FORM, _SLOT_FORM, positive="")
        for there in (c.bed_waits, c.waits)
    ],
    "beds/wards/new/": lambda c: [_same(m, "/beds/wards/new/") for m in ("GET", "POST")],
    "beds/wards/<uuid:ward_id>/": lambda c: [_same(m, f"/beds/wards/{c.ward}/") for m in ("GET", "POST")],
    "beds/wards/<uuid:ward_id>/close/": lambda c: [_same("POST", f"/beds/wards/{c.ward}/close/")],
    "beds/wards/<uuid:ward_id>/add/": lambda c: [_same("POST", f"/beds/wards/{c.ward}/add/")],
    "beds/one/<uuid:bed_id>/": lambda c: [_same(m, f"/beds/one/{c.bed}/") for m in ("GET", "POST")],
}
