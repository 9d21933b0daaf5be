"""The leak matrix, addresses: every one tried as every role for a canary of institution B.

A cell leaks when a page, a header, a file, an export, a search, a count or a suggestion shows the canary, or when the answer
differs from that for an id that does not exist. Every address also has a positive cell: the role that may see it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction
from django.urls import get_resolver

from fenji.ground.access.queries import session_id, token_hash
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.ids import parse_case_number, uuid7
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.canary import ADMINISTRATOR, ALLOWED, MACHINE, NAME, ROLES, STAFF, WORDS, Canary, _card, _other_card, planted
from tests.app.cells import Factory, Try, _cell, _readable, _request
from tests.app.forms import LEAVING
from tests.app.wsgi import call
from tests.architecture.test_code import _views
from tests.cast import other_doctor, other_reviewer, person, scope

_PATH = "/accounts/administrators/"


def _others(*allowed: str) -> tuple[str, ...]:
    return tuple(r for r in ROLES if r not in allowed)


def _administered(base: str, name: str, by: str, actions: tuple[str, ...]) -> dict[str, Factory]:
    """The pages about one kind of account, whose canary has this name; `by` is the role that may see it."""
    form = {"_version": "1", "reason": "x", "org": str(COUNTY_HOSPITAL), "role": "desk", "until": "2099-01-01", "session": "x"}
    one = f"{base}<uuid:account_id>/".removeprefix("/")

    def page(c: Canary, there: bool) -> str:
        return f"{base}{c.accounts[name] if there else ID}/"

    return {
        base.removeprefix("/"): lambda c: [
            Try("GET", f"{base}?size=100", f"{base}?size=100", shows=name, positive=by, roles=_others(by)),
            Try("GET", _q(base, q=name), _q(base, q="无此人"), shows=str(c.accounts[name]), positive=by, roles=_others(by)),
        ],
        f"{base}new/".removeprefix("/"): lambda c: [Try("GET", f"{base}new/", f"{base}new/", positive="")],
        f"{base}slip/".removeprefix("/"): lambda c: [Try("GET", f"{base}slip/", f"{base}slip/", positive="")],
        one: lambda c: [Try("GET", page(c, True), page(c, False), shows=name, positive=by, roles=_others(by))],
        f"{one}<slug:action>/": lambda c: [
            Try("POST", f"{page(c, True)}{a}/", f"{page(c, False)}{a}/", form, form, positive="", roles=_others(by))
            for a in actions
        ],
    }


def _exports(base: str, name: str, by: str) -> Factory:
    return lambda c: [Try("GET", f"{base}export.xlsx", f"{base}export.xlsx", shows=name, positive=by, roles=_others(by))]


def _q(path: str, **params: str) -> str:
    from urllib.parse import urlencode

    return f"{path}?{urlencode(params)}"


def _case_post(action: str) -> Callable[[Canary], Try]:
    form = {"_version": "5", "note": "x", "findings": "x", "receiver": str(CITY_HOSPITAL), "final": "I10.x00"}
    form |= {"disposition": "treated", **LEAVING}
    return lambda c: Try(
        "POST", f"/referrals/{c.case}/do/{action}/", f"/referrals/{c.missing_case}/do/{action}/", form, form, positive=""
    )


def _run_post(canary: Canary, what: str) -> Try:
    form = {"_version": "3"}
    return Try("POST", f"/imports/runs/{canary.run}/{what}/", f"/imports/runs/{ID}/{what}/", form, form, positive="")


def _same(method: str, path: str) -> Try:
    """A page of the directory, which everybody signed in may read: it must not show the canary. Posted forms are empty."""
    fields = {} if method == "POST" else None
    return Try(method, path, path, fields, fields, positive="")


def _b() -> int:
    """Institution B."""
    return other_doctor().org_id


def _of_b(address: str) -> Callable[[Canary], list[Try]]:
    return lambda c: [_same(method, f"/institutions/{_b()}/{address}/") for method in ("GET", "POST")]


def _quality() -> dict[str, Factory]:
    """Pages on the quality of referrals. The health officer over B is to see its cycles and that it refers unusually often."""
    posted = {"_version": "1", "appropriate": "yes", "compliant": "yes", "note": "x", "cause": "x", "correction": "x"}
    one = "quality/outliers/<uuid:outlier_id>/"

    def cycle(more: str, **tries: Any) -> Factory:
        return lambda c: [
            Try("GET", f"/quality/cycles/{c.sampled.cycle_id}/{more}", f"/quality/cycles/{ID}/{more}", roles=NOT_OFFICER, **tries)
        ]

    return {
        "quality/": lambda c: [_same("GET", f"/quality/?limits={x}") for x in ("plain", "adjusted")],
        "quality/export.xlsx": lambda c: [_same("GET", "/quality/export.xlsx?side=doctor")],
        "quality/cycles/": lambda c: [
            Try("GET", "/quality/cycles/", "/quality/cycles/", shows=str(c.sampled.cycle_id), positive="B reviewer")
        ],
        "quality/cycles/<uuid:cycle_id>/": cycle("", shows=WORDS, positive="B reviewer"),
        "quality/cycles/<uuid:cycle_id>/export.xlsx": cycle("export.xlsx", shows=WORDS, positive="B reviewer"),
        "quality/cycles/<uuid:cycle_id>/close/": lambda c: [
            Try("POST", f"/quality/cycles/{c.sampled.cycle_id}/close/", f"/quality/cycles/{ID}/close/", posted, posted, positive="")
        ],
        "quality/sampled/<uuid:sampled_id>/": lambda c: [
            Try("GET", f"/quality/sampled/{c.sampled.pk}/", f"/quality/sampled/{ID}/", shows=WORDS, positive="B reviewer"),
            Try("POST", f"/quality/sampled/{c.sampled.pk}/", f"/quality/sampled/{ID}/", posted, posted, positive=""),
        ],
        "quality/mine/": lambda c: [_same("GET", "/quality/mine/")],
        "quality/outliers/": lambda c: [
            Try("GET", "/quality/outliers/", "/quality/outliers/", shows=str(c.outlier), positive="B reviewer")
        ],
        "quality/outliers/export.xlsx": lambda c: [
            Try(
                "GET",
                "/quality/outliers/export.xlsx",
                "/quality/outliers/export.xlsx",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        one: lambda c: [
            Try(
                "GET",
                f"/quality/outliers/{c.outlier}/",
                f"/quality/outliers/{ID}/",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        f"{one}do/<slug:action>/": lambda c: [
            Try("POST", f"/quality/outliers/{c.outlier}/do/{a}/", f"/quality/outliers/{ID}/do/{a}/", posted, posted, positive="")
            for a in ("explain", "send_back", "confirm", "close")
        ],
        "quality/alerts/": lambda c: [
            Try("GET", "/quality/alerts/", "/quality/alerts/", shows=str(c.alert), positive="B reviewer")
        ],
        "quality/alerts/look/": lambda c: [_same("POST", "/quality/alerts/look/")],
        "quality/alerts/counts/": lambda c: [_same("GET", "/quality/alerts/counts/")],
        "quality/alerts/export.xlsx": lambda c: [
            Try(
                "GET",
                "/quality/alerts/export.xlsx",
                "/quality/alerts/export.xlsx",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        "quality/alerts/<uuid:alert_id>/": lambda c: [
            Try(
                "GET",
                f"/quality/alerts/{c.alert}/",
                f"/quality/alerts/{ID}/",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        "quality/alerts/<uuid:alert_id>/answer/": lambda c: [
            Try("POST", f"/quality/alerts/{c.alert}/answer/", f"/quality/alerts/{ID}/answer/", posted, posted, positive="")
        ],
        # who watches over the county judges what B answered
        "quality/alerts/<uuid:alert_id>/judge/<slug:action>/": lambda c: [
            Try(
                "POST",
                f"/quality/alerts/{c.alert}/judge/{a}/",
                f"/quality/alerts/{ID}/judge/{a}/",
                posted,
                posted,
                positive="",
                roles=NOT_OFFICER,
            )
            for a in ("justify", "correct")
        ],
        "quality/bulletins/": lambda c: [_same("GET", "/quality/bulletins/")],
        "quality/bulletins/export.xlsx": lambda c: [_same("GET", "/quality/bulletins/export.xlsx")],
    }


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
ACCOUNT_ACTIONS = ("reset", "unlock", "deactivate", "reactivate", "appoint", "cover", "end", "nothing")
_DOWN_FORM = {"receiver": "104", "consent_who": "patient", "consent_how": "oral"}
_STAY_FORM = {"diagnosis": "I10.x00", "doctor": "x", "phase": "chronic"}
_VISIT_FORM = {"diagnosis": "I10.x00", "complaint": "x", "ending": "treated"}
_REFERRAL_FORM = {
    "diagnosis": "I10.x00", "summary": "x", "receiver": "3", "override_reason": "x", "_version": "5", "consent_who": "patient",
}  # fmt: skip
_PROXY = {"name": "x", "relation": "child", "phone": "13900000000", "instead": "besides", "how": "oral", "start": "2099-01-01"}
_VERSION = {"_version": "1"}
_NEWBORN = "/residents/new/newborn/?mother="
_PAPERS = {"kind": "taiwan", "document": "87654321", "name": "x", "sex": "1", "birth_date": "1980-01-01", "_version": "1"}
_APART = {"decision": "apart", "_version": "1"}
_ACT = {"_version": "1", "reason": "x", "measures": "x", "note": "x"}
_GLASS_FORM = {"reason": "a reason in some words"}
NO_GUARD = tuple(r for r in ROLES if r != "security")
"""Everybody but the security administrator of the county, who is to see what was opened there."""
NO_AUDITOR = tuple(r for r in ROLES if r != "audit")
_LOG_FORM = {"copy": str(uuid7()), "channel": "board", "day": "2026-01-01", "place": "x"}
_VERSION_1 = {"_version": "1"}
_BOARD = "/publication/board/?tier=all&size=100"
NOT_WATCHING = tuple(r for r in ROLES if r not in ("officer", "insurer"))
"""Who is outside where the officers of B's region are not, whatever their authority: what institutions make public is no secret."""
NOT_OFFICER = tuple(r for r in ROLES if r != "officer")
"""Who is outside where the officer over B is not: they wrote the announcement, and are to see the facts. Of these
`test_officers_…` says what they do not see."""
_DECISION = {"_version": "1", "decision": "reject", "note": "x"}
ID = uuid7()
NO_LIST = 2_000_000_000
OUTSIDE = tuple(r for r in ROLES if r not in ("desk", "specialist"))
"""Roles of other institutions than the county hospital, whose draft of a list the canary is."""
_LIST_FORM = {"_version": "2", "note": "x", "start": "2090-01-01"}


def _traces(path: str, shows: str) -> list[Try]:
    return [Try("GET", f"{path}?subject={WORDS}", f"{path}?subject={WORDS}", shows=shows, positive="audit", roles=NO_AUDITOR)]


def _drafted(path: str, fields: dict[str, str] | None = None) -> Factory:
    """An address of the county hospital's draft, `path` being what comes after its number."""
    return lambda c: [
        Try(
            "GET" if fields is None else "POST",
            f"/catalogues/{c.draft}/{path.format(entry=c.entry)}",
            f"/catalogues/{NO_LIST}/{path.format(entry=c.entry)}",
            fields,
            fields,
            positive="B editor" if fields is None else "",
            shows=WORDS if fields is None else "",
            roles=OUTSIDE,
        )
    ]


def _outside(method: str, path: str, there: object, fields: dict[str, str], roles: tuple[str, ...] = NOT_OFFICER) -> Try:
    """The same for the canary's id and for one that nobody has, by all who are outside."""
    return Try(method, path.format(there), path.format(ID), fields, fields, positive="", roles=roles)


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
    "": lambda c: [Try("GET", "/", "/", shows=c.case, positive="B receiver")],
    "desk.xlsx": lambda c: [Try("GET", "/desk.xlsx", "/desk.xlsx", shows=c.case, positive="B receiver")],
    "search/": lambda c: [
        Try("GET", _q("/search/", q=c.case), _q("/search/", q=c.missing_case), shows=f"/referrals/{c.case}/"),
        Try("GET", _q("/search/", q=NAME), _q("/search/", q="无此人"), positive=""),
    ],
    "login/": lambda c: [
        Try("GET", _q("/login/", next=f"/referrals/{c.case}/"), _q("/login/", next=f"/referrals/{c.missing_case}/"), positive=""),
    ],
    "login/forget/": lambda c: [
        Try("POST", "/login/forget/", "/login/forget/", {"username": c.case}, {"username": c.missing_case}, positive=""),
    ],
    "switch/": lambda c: [Try("POST", "/switch/", "/switch/", {}, {}, positive="", roles=("anonymous",))],
    "logout/": lambda c: [Try("POST", "/logout/", "/logout/", {}, {}, positive="", roles=("anonymous",))],
    "posts/": lambda c: [Try("GET", "/posts/", "/posts/", positive="")],
    "language/": lambda c: [Try("POST", "/language/", "/language/", {"language": "en"}, {"language": "en"}, positive="")],
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
        Try("POST", f"/visits/{c.visit}/edit/", f"/visits/{ID}/edit/", _VISIT_FORM, _VISIT_FORM, positive=""),
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
    "api/v1/visits/<uuidstr:visit_id>": lambda c: [Try("GET", f"/api/v1/visits/{c.visit}", f"/api/v1/visits/{ID}", positive="")],
    "api/v1/visits": lambda c: [
        Try("POST", "/api/v1/visits", "/api/v1/visits", {"x": "x"}, {"x": "x"}, positive="", roles=_others("machine"))
    ],
    "api/v1/stays/<str:source_id>": lambda c: [_same("PUT", "/api/v1/stays/CANARY.1")],
    "residents/<uuid:resident_id>/glass/": lambda c: [
        Try("POST", f"/residents/{c.resident}/glass/", f"/residents/{ID}/glass/", _GLASS_FORM, _GLASS_FORM, positive="")
    ],
    "residents/<uuid:resident_id>/glass/close/": lambda c: [
        Try("POST", f"/residents/{c.resident}/glass/close/", f"/residents/{ID}/glass/close/", {}, {}, positive="")
    ],
    "glass/": lambda c: [
        Try(
            "GET",
            _q("/glass/", show=s, size="100"),
            _q("/glass/", show=s, size="100"),
            shows=WORDS,
            positive="security",
            roles=NO_GUARD,
        )
        for s in ("open", "all")
    ],
    "glass/export.xlsx": lambda c: [
        Try("GET", "/glass/export.xlsx?show=all", "/glass/export.xlsx?show=all", shows=WORDS, positive="security", roles=NO_GUARD)
    ],
    "glass/<uuid:glass_id>/review/": lambda c: [
        Try(
            "POST",
            f"/glass/{c.glass}/review/",
            f"/glass/{ID}/review/",
            {"note": WORDS},
            {"note": WORDS},
            positive="",
            roles=NO_GUARD,
        )
    ],
    "facts/referrals/": lambda c: [
        Try("GET", "/facts/referrals/", "/facts/referrals/", shows=c.case, positive="officer", roles=NOT_OFFICER),
        Try("GET", "/facts/referrals/?diagnosis=I10.x00", "/facts/referrals/?diagnosis=I10.x00", positive="", roles=NOT_OFFICER),
    ],
    "facts/referrals/export.xlsx": lambda c: [
        Try(
            "GET",
            "/facts/referrals/export.xlsx",
            "/facts/referrals/export.xlsx",
            shows=c.case,
            positive="officer",
            roles=NOT_OFFICER,
        )
    ],
    "facts/referrals/<case:number>/": lambda c: [
        Try(
            "GET",
            f"/facts/referrals/{c.case}/",
            f"/facts/referrals/{c.missing_case}/",
            shows="SM-3-5c",
            positive="officer",
            roles=NOT_OFFICER,
        )
    ],
    "facts/referrals/<case:number>/identity/": lambda c: [
        Try(
            "GET",
            f"/facts/referrals/{c.case}/identity/",
            f"/facts/referrals/{c.missing_case}/identity/",
            positive="",
            roles=NOT_OFFICER,
        ),
        Try(
            "POST",
            f"/facts/referrals/{c.case}/identity/",
            f"/facts/referrals/{c.missing_case}/identity/",
            _GLASS_FORM,
            _GLASS_FORM,
            positive="",
            roles=NOT_OFFICER,
        ),
    ],
    "security/": lambda c: [Try("GET", "/security/", "/security/", positive="")],
    "audit/": lambda c: _traces("/audit/", other_reviewer().name),
    "audit/export.xlsx": lambda c: _traces("/audit/export.xlsx", other_reviewer().name),
    "audit/reads/": lambda c: _traces("/audit/reads/", other_doctor().name),
    "audit/reads/export.xlsx": lambda c: _traces("/audit/reads/export.xlsx", other_doctor().name),
    "audit/chain/": lambda c: [
        Try("GET", "/audit/chain/", "/audit/chain/", shows=WORDS, positive="audit", roles=NO_AUDITOR),
        Try("POST", "/audit/chain/", "/audit/chain/", {}, {}, positive="", roles=NO_AUDITOR),
    ],
    "visits/new/<uuid:resident_id>/": lambda c: [
        Try("GET", f"/visits/new/{c.resident}/", f"/visits/new/{ID}/", shows=NAME),
        Try("POST", f"/visits/new/{c.resident}/", f"/visits/new/{ID}/", _VISIT_FORM, _VISIT_FORM, positive=""),
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
    "notices/": lambda c: [
        Try("GET", "/notices/?show=all", "/notices/?show=all", shows=c.case),
        Try("GET", "/notices/?show=sent", "/notices/?show=sent", shows=c.case, positive="B receiver"),
        Try("GET", _q("/notices/", show="all", q=c.case), _q("/notices/", show="all", q=c.missing_case), shows=str(c.notice)),
    ],
    "notices/export.xlsx": lambda c: [Try("GET", "/notices/export.xlsx?show=all", "/notices/export.xlsx?show=all", shows=c.case)],
    "notices/<uuid:notice_id>/": lambda c: [Try("GET", f"/notices/{c.notice}/", f"/notices/{ID}/", shows=c.case)],
    # the system administrator over B is to see which message of B is stuck, and of which case
    "messages/": lambda c: [Try("GET", "/messages/", "/messages/", shows=c.case, positive="system", roles=_others("system"))],
    "messages/export.xlsx": lambda c: [
        Try("GET", "/messages/export.xlsx", "/messages/export.xlsx", shows=c.case, positive="system", roles=_others("system"))
    ],
    **{
        f"messages/<uuid:message_id>/{what}/": lambda c, what=what: [
            Try(
                "POST",
                f"/messages/{c.message}/{what}/",
                f"/messages/{ID}/{what}/",
                {"_version": "1", "reason": "x"},
                {"_version": "1", "reason": "x"},
                positive="",
                roles=_others("system"),
            )
        ]
        for what in ("again", "give-up")
    },
    "imports/": lambda c: [Try("GET", "/imports/", "/imports/", shows=str(c.run), positive="B system")],
    "imports/<slug:listing>/": lambda c: [
        Try("GET", "/imports/calendar/", "/imports/calendar/", shows=str(c.run), positive="B system"),
        Try("POST", "/imports/calendar/", "/imports/calendar/", {}, {}, positive=""),
    ],
    "imports/<slug:listing>/template.xlsx": lambda c: [
        Try("GET", "/imports/calendar/template.xlsx", "/imports/calendar/template.xlsx", positive="")
    ],
    "imports/runs/<uuid:run_id>/": lambda c: [
        Try("GET", f"/imports/runs/{c.run}/", f"/imports/runs/{ID}/", shows=WORDS, positive="B system")
    ],
    "imports/runs/<uuid:run_id>/write/": lambda c: [_run_post(c, "write")],
    "imports/runs/<uuid:run_id>/discard/": lambda c: [_run_post(c, "discard")],
    "imports/runs/<uuid:run_id>/faults/": lambda c: [
        Try("GET", f"/imports/runs/{c.run}/faults/", f"/imports/runs/{ID}/faults/", shows=WORDS, positive="B system")
    ],
    "imports/runs/<uuid:run_id>/handouts/": lambda c: [
        Try(
            "GET",
            f"/imports/runs/{c.run}/handouts/",
            f"/imports/runs/{ID}/handouts/",
            shows="Slips 1 to 1 of 1",
            positive="B system",
        ),
        _run_post(c, "handouts"),
    ],
    "files/<uuid:file_id>/": lambda c: [Try("GET", f"/files/{c.file}/", f"/files/{ID}/", shows=WORDS, positive="B system")],
    "activate/": lambda c: [
        Try("GET", "/activate/", "/activate/", positive=""),
    ],
    "account/": lambda c: [Try("GET", "/account/", "/account/", positive="")],
    "account/password/": lambda c: [Try("GET", "/account/password/", "/account/password/", positive="")],
    "account/sessions/": lambda c: [
        Try(
            "POST",
            "/account/sessions/",
            "/account/sessions/",
            {"session": session_id(token_hash(c.tokens["B doctor"]))},
            {"session": "x"},
            positive="",
        )
    ],
    **_administered("/accounts/", STAFF, "system", ACCOUNT_ACTIONS),
    **_administered(_PATH, ADMINISTRATOR, "security", ACCOUNT_ACTIONS),
    **_administered("/machines/", MACHINE, "security", ("key", "revoke", "deactivate", "reactivate", "nothing")),
    **{
        f"{base}export.xlsx".removeprefix("/"): _exports(base, name, by)
        for base, name, by in (("/accounts/", STAFF, "system"), (_PATH, ADMINISTRATOR, "security"))
    },
    "accounts/institutions/": lambda c: [
        Try("GET", _q("/accounts/institutions/", org=NAME), _q("/accounts/institutions/", org="无此人"), positive="")
    ],
    "accounts/people/": lambda c: [
        Try(
            "GET",
            _q("/accounts/people/", stand_in="canary.s"),
            _q("/accounts/people/", stand_in="nobody.s"),
            shows=STAFF,
            positive="system",
            roles=_others("system"),
        )
    ],
    "api/v1/me": lambda c: [Try("GET", "/api/v1/me", "/api/v1/me", shows=MACHINE, positive="B machine")],
    "api/v1/imports/<slug:listing>": lambda c: [
        Try("POST", f"/api/v1/imports/{code}", f"/api/v1/imports/{code}", positive="") for code in ("calendar", "staff", "duty")
    ],
    "api/v1/imports/runs/<uuidstr:run_id>": lambda c: [
        Try("GET", f"/api/v1/imports/runs/{c.run}", f"/api/v1/imports/runs/{ID}", positive="")
    ],
    "api/v1/imports/runs/<uuidstr:run_id>/faults": lambda c: [
        Try("GET", f"/api/v1/imports/runs/{c.run}/faults", f"/api/v1/imports/runs/{ID}/faults", positive="")
    ],
    "api/v1/imports/runs/<uuidstr:run_id>/write": lambda c: [
        Try("POST", f"/api/v1/imports/runs/{c.run}/write", f"/api/v1/imports/runs/{ID}/write", positive="")
    ],
    "api/v1/booking/heartbeat": lambda c: [Try("PUT", "/api/v1/booking/heartbeat", "/api/v1/booking/heartbeat", positive="")],
    "api/v1/booking/wards/<str:source_id>": lambda c: [_same("PUT", "/api/v1/booking/wards/CANARY.1")],
    "api/v1/booking/beds/<str:source_id>": lambda c: [
        Try(m, "/api/v1/booking/beds/CANARY.1", "/api/v1/booking/beds/NOBODY.1", positive="") for m in ("GET", "PUT")
    ],
    "api/v1/booking/sessions/<str:source_id>": lambda c: [
        Try(m, "/api/v1/booking/sessions/CANARY.1", "/api/v1/booking/sessions/NOBODY.1", positive="") for m in ("GET", "PUT")
    ],
    "api/v1/booking/sessions/<str:source_id>/slots/<int:position>": lambda c: [
        Try("PUT", "/api/v1/booking/sessions/CANARY.1/slots/1", "/api/v1/booking/sessions/NOBODY.1/slots/1", positive="")
    ],
    "api/v1/openapi.json": lambda c: [Try("GET", "/api/v1/openapi.json", "/api/v1/openapi.json", positive="")],
    "p/": lambda c: [Try("GET", _q("/p/", q=NAME), _q("/p/", q="无此人"), positive="")],
    "p/<int:org_id>/": lambda c: [Try("GET", f"/p/{_b()}/", f"/p/{_b()}/", positive="")],
    "p/<int:org_id>/notice/": lambda c: [Try("GET", f"/p/{_b()}/notice/", f"/p/{_b()}/notice/", positive="")],
    "p/<int:org_id>/<slug:kind>/": lambda c: [
        Try("GET", f"/p/{_b()}/technique/", f"/p/{_b()}/technique/", positive=""),
        # what is published stays a draft to everybody until it is: the county hospital's guides are being worked on
        Try("GET", f"/p/{COUNTY_HOSPITAL}/guide/", f"/p/{COUNTY_HOSPITAL}/guide/", positive=""),
    ],
    "p/disease/<str:code>/": lambda c: [Try("GET", "/p/disease/kanarui/", "/p/disease/nobody/", positive="")],
    "publication/": lambda c: [Try("GET", "/publication/", "/publication/", positive="")],
    "publication/board/": lambda c: [Try("GET", _BOARD, _BOARD, positive="")],
    "publication/board.xlsx": lambda c: [Try("GET", "/publication/board.xlsx", "/publication/board.xlsx", positive="")],
    "publication/<int:org_id>/": lambda c: [
        Try("GET", f"/publication/{_b()}/", "/publication/999999/", positive="officer", shows=WORDS, roles=NOT_WATCHING),
        Try("POST", f"/publication/{_b()}/", "/publication/999999/", _LOG_FORM, _LOG_FORM, positive="", roles=NOT_WATCHING),
    ],
    "publication/confirm/<uuid:copy_id>/": lambda c: [
        _outside("POST", "/publication/confirm/{}/", c.logged.published_id, {}, NOT_WATCHING)
    ],
    "publication/void/<uuid:event_id>/": lambda c: [
        _outside("POST", "/publication/void/{}/", c.logged.id, _VERSION_1, NOT_WATCHING)
    ],
    "announcements/": lambda c: [
        Try("GET", "/announcements/", "/announcements/", shows=WORDS),
        Try("GET", "/announcements/?sent=1", "/announcements/?sent=1", shows=WORDS, positive="officer", roles=NOT_OFFICER),
    ],
    "announcements/new/": lambda c: [Try("GET", "/announcements/new/", "/announcements/new/", positive="")],
    "announcements/<uuid:announcement_id>/": lambda c: [
        Try("GET", f"/announcements/{c.announced.id}/", f"/announcements/{ID}/", shows=WORDS, roles=NOT_OFFICER)
    ],
    "announcements/<uuid:announcement_id>/confirm/": lambda c: [_outside("POST", "/announcements/{}/confirm/", c.announced.id, {})],
    "announcements/<uuid:announcement_id>/withdraw/": lambda c: [
        _outside("POST", "/announcements/{}/withdraw/", c.announced.id, _VERSION_1)
    ],
    "announcements/<uuid:announcement_id>/receipts.xlsx": lambda c: [
        Try(
            "GET",
            f"/announcements/{c.announced.id}/receipts.xlsx",
            f"/announcements/{ID}/receipts.xlsx",
            shows=other_doctor().name,
            positive="officer",
            roles=NOT_OFFICER,
        )
    ],
    "policy/": lambda c: [Try("GET", _q("/policy/", q=NAME), _q("/policy/", q="无此人"), positive="")],
    "policy/export.xlsx": lambda c: [Try("GET", "/policy/export.xlsx", "/policy/export.xlsx", positive="")],
    "policy/waiting/": lambda c: [Try("GET", "/policy/waiting/", "/policy/waiting/", positive="")],
    "policy/parameters/<str:name>/": lambda c: [
        Try("GET", f"/policy/parameters/{c.case}/", f"/policy/parameters/{c.missing_case}/", positive="")
    ],
    "policy/parameters/<str:name>/propose/": lambda c: [
        Try("POST", f"/policy/parameters/{c.case}/propose/", f"/policy/parameters/{c.missing_case}/propose/", {}, {}, positive="")
    ],
    "policy/changes/<uuid:change_id>/": lambda c: [
        Try("GET", f"/policy/changes/{c.visit}/", f"/policy/changes/{ID}/", positive="")
    ],
    **{
        f"policy/changes/<uuid:change_id>/{verb}/": lambda c, verb=verb: [
            Try("POST", f"/policy/changes/{c.visit}/{verb}/", f"/policy/changes/{ID}/{verb}/", _DECISION, _DECISION, positive="")
        ]
        for verb in ("decide", "withdraw", "end")
    },
    "catalogues/": lambda c: [Try("GET", "/catalogues/", "/catalogues/", shows=f"/catalogues/{c.draft}/", positive="B editor")],
    "catalogues/start/<slug:kind>/": lambda c: [
        Try("POST", "/catalogues/start/guide/", "/catalogues/start/guide/", {}, {}, positive="", roles=OUTSIDE)
    ],
    "catalogues/<int:version_id>/": _drafted("?q=" + WORDS),
    "catalogues/<int:version_id>/export.xlsx": _drafted("export.xlsx"),
    "catalogues/<int:version_id>/changes/": _drafted("changes/"),
    "catalogues/<int:version_id>/do/<slug:action>/": lambda c: [
        tries for a in ("submit", "discard", "approve", "return", "publish") for tries in _drafted(f"do/{a}/", _LIST_FORM)(c)
    ],
    "catalogues/<int:version_id>/entries/new/": lambda c: [
        Try(
            "POST",
            f"/catalogues/{c.draft}/entries/new/",
            f"/catalogues/{NO_LIST}/entries/new/",
            _LIST_FORM,
            _LIST_FORM,
            positive="",
            roles=OUTSIDE,
        )
    ],
    "catalogues/<int:version_id>/entries/<int:entry_id>/": lambda c: [
        *_drafted("entries/{entry}/")(c),
        *_drafted("entries/{entry}/", {**_LIST_FORM, "remove": "1"})(c),
    ],
    **_quality(),
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
    "diagnoses/suggest/": lambda c: [
        Try("GET", _q("/diagnoses/suggest/", diagnosis=NAME), _q("/diagnoses/suggest/", diagnosis="无此人"), positive="")
    ],
    "institutions/": lambda c: [
        Try("GET", _q("/institutions/", q=q), _q("/institutions/", q="无此人"), positive="") for q in (NAME, WORDS)
    ],
    "institutions/export.xlsx": lambda c: [_same("GET", "/institutions/export.xlsx?q=" + WORDS)],
    "institutions/gaps/": lambda c: [_same("GET", "/institutions/gaps/?clause=" + WORDS)],
    "institutions/gaps/export.xlsx": lambda c: [_same("GET", "/institutions/gaps/export.xlsx")],
    "institutions/suggest/": lambda c: [_same("GET", _q("/institutions/suggest/", into=NAME))],
    "institutions/new/": lambda c: [_same("GET", "/institutions/new/"), _same("POST", "/institutions/new/")],
    "institutions/<int:org_id>/": lambda c: [_same("GET", f"/institutions/{_b()}/")],
    **{
        f"institutions/<int:org_id>/{a}/": _of_b(a)
        for a in ("change", "place", "directions", "move", "split", "end", "departments", "relations", "seats")
    },
    "institutions/lists/": lambda c: [_same("GET", "/institutions/lists/")],
    "institutions/lists/export.xlsx": lambda c: [_same("GET", "/institutions/lists/export.xlsx")],
    "institutions/lists/entries/": lambda c: [_same("GET", _q("/institutions/lists/entries/", list=WORDS))],
    "institutions/lists/entries/export.xlsx": lambda c: [_same("GET", _q("/institutions/lists/entries/export.xlsx", list=WORDS))],
    "institutions/<int:org_id>/papers/": lambda c: [_same("GET", f"/institutions/{_b()}/papers/")],
    "institutions/<int:org_id>/papers/<slug:kind>/new/": lambda c: [
        _same(m, f"/institutions/{_b()}/papers/charter/new/") for m in ("GET", "POST")
    ],
    "institutions/papers/<uuid:paper_id>/back/": lambda c: [_same("POST", f"/institutions/papers/{i}/back/") for i in (c.file, ID)],
    "institutions/departments/<int:department_id>/": lambda c: [
        _same(m, f"/institutions/departments/{CITY_HOSPITAL * 100 + 1}/") for m in ("GET", "POST")
    ],
    "institutions/departments/<int:department_id>/end/": lambda c: [_same("POST", "/institutions/departments/1/end/")],
    "institutions/<int:org_id>/relations/<int:relation_id>/end/": lambda c: [
        _same("POST", f"/institutions/{_b()}/relations/1/end/")
    ],
    "institutions/seats/<uuid:member_id>/end/": lambda c: [_same("POST", f"/institutions/seats/{ID}/end/")],
    "institutions/<int:org_id>/staff/": lambda c: [_same("GET", _q(f"/institutions/{_b()}/staff/", q=NAME))],
    "institutions/<int:org_id>/staff/export.xlsx": lambda c: [_same("GET", f"/institutions/{_b()}/staff/export.xlsx")],
    "institutions/<int:org_id>/staff/new/": lambda c: [_same(m, f"/institutions/{_b()}/staff/new/") for m in ("GET", "POST")],
    "staff/<uuid:practitioner_id>/": lambda c: [_same("GET", f"/staff/{i}/") for i in (c.resident, ID)],
    "staff/<uuid:practitioner_id>/change/": lambda c: [_same(m, f"/staff/{c.resident}/change/") for m in ("GET", "POST")],
    "staff/<uuid:practitioner_id>/work/": lambda c: [_same("POST", f"/staff/{c.resident}/work/")],
    "staff/work/<uuid:work_id>/end/": lambda c: [_same("POST", f"/staff/work/{ID}/end/")],
    "institutions/<int:org_id>/duty/": lambda c: [_same("GET", f"/institutions/{_b()}/duty/")],
    "institutions/<int:org_id>/duty/add/": lambda c: [_same("POST", f"/institutions/{_b()}/duty/add/")],
    "institutions/duty/<uuid:shift_id>/off/": lambda c: [_same("POST", f"/institutions/duty/{ID}/off/")],
    "alliances/": lambda c: [_same("GET", "/alliances/")],
    "alliances/export.xlsx": lambda c: [_same("GET", "/alliances/export.xlsx")],
    "alliances/new/": lambda c: [_same(m, "/alliances/new/") for m in ("GET", "POST")],
    "alliances/<int:alliance_id>/": lambda c: [_same("GET", "/alliances/1/")],
    "alliances/<int:alliance_id>/members.xlsx": lambda c: [_same("GET", "/alliances/1/members.xlsx")],
    "alliances/<int:alliance_id>/join/": lambda c: [_same("POST", "/alliances/1/join/")],
    "alliances/<int:alliance_id>/leave/<int:org_id>/": lambda c: [_same("POST", f"/alliances/1/leave/{_b()}/")],
    "alliances/<int:alliance_id>/unify/": lambda c: [_same("POST", "/alliances/1/unify/")],
    "regions/": lambda c: [_same("GET", "/regions/")],
    "regions/suggest/": lambda c: [_same("GET", _q("/regions/suggest/", region=NAME))],
    "regions/<int:region_id>/": lambda c: [_same("GET", "/regions/3/")],
    "regions/<int:region_id>/change/": lambda c: [_same(m, "/regions/3/change/") for m in ("GET", "POST")],
    "regions/<int:region_id>/merge/": lambda c: [_same(m, "/regions/2/merge/") for m in ("GET", "POST")],
}
"""Address → how to try it. An address without an entry is red. The door is meant to answer doctors; what they may
ask it and how often is tested with the registry."""


@pytest.fixture(scope="module")
def canary(house_file: object) -> Canary:
    return planted()


def test_every_address_has_an_object_factory() -> None:
    assert {address for address, _ in _views(get_resolver().url_patterns)} == set(FACTORIES)


def test_no_address_shows_the_canary_to_anybody_outside(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    leaks: list[str] = []
    cells = 0
    for factory in FACTORIES.values():
        for tries in factory(canary):
            for role in tries.roles:
                cells += 1
                leaks += _cell(canary, tries, role)
    with capsys.disabled():
        print(f"\nleak matrix, addresses: {cells} cells, {len(leaks)} leaks")
    assert cells > 350
    assert not leaks, "\n".join(leaks[:40])


def test_every_address_shows_it_to_those_who_may(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    dark = []
    cells = 0
    for factory in FACTORIES.values():
        for tries in factory(canary):
            if tries.positive and tries.shows:
                cells += 1
                answer = _request(tries, canary.tokens[tries.positive], False)
                if tries.shows not in _readable(answer):
                    dark.append(f"{tries.positive} {tries.path}: {answer.status} without {tries.shows!r}")
    with capsys.disabled():
        print(f"\nleak matrix, positive addresses: {cells} cells, {len(dark)} dark")
    assert not dark, dark


def test_officers_see_that_the_canary_was_referred_and_no_sign_of_who_it_is(canary: Canary) -> None:
    """Pages, files, and all that the functions hand out to raw SQL."""
    token = canary.tokens["officer"]
    paths = ("/facts/referrals/", "/facts/referrals/export.xlsx", f"/facts/referrals/{canary.case}/")
    shown = {path: _readable(call("GET", path, token)) for path in paths}
    functions = (
        "referral_facts(now() - interval '1 day', now() + interval '1 day', '', '', '', '', now(), '', 1000)",
        f"referral_fact_steps('{canary.case}')",
    )
    with transaction.atomic(), scope(person("officer"), token), connections["default"].cursor() as cursor:
        for function in functions:
            cursor.execute(f"SELECT * FROM {function}")
            shown[function] = str(cursor.fetchall())
    who = [s for s in canary.signs if s != canary.case]
    leaks = [f"{where}: {sign!r}" for where, text in shown.items() for sign in (*who, "1950-06-07", "1950, 6, 7") if sign in text]
    assert not leaks, leaks
    assert all(canary.case in text for where, text in shown.items() if "steps" not in where)


def test_the_matrix_can_fail(canary: Canary) -> None:
    """The control: for a role that may see the canary, the same cells must report it."""
    tries = FACTORIES["referrals/<case:number>/"](canary)[0]
    assert _cell(canary, tries, "B doctor")
    assert parse_case_number(canary.missing_case) == canary.missing_case
