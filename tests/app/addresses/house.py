"""Addresses of the house: accounts, desks, institutions, catalogues, policy, imports, notices."""

from __future__ import annotations

from collections.abc import Callable

from fenji.ground.access.queries import session_id, token_hash
from fenji.ground.common.ids import uuid7
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.addresses.shared import _GLASS_FORM, _VERSION_1, ID, NOT_OFFICER, _b, _q, _same
from tests.app.canary import ADMINISTRATOR, MACHINE, NAME, ROLES, STAFF, WORDS, Canary
from tests.app.cells import Factory, Try
from tests.cast import other_doctor, other_reviewer

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


def _run_post(canary: Canary, what: str) -> Try:
    form = {"_version": "3"}
    return Try("POST", f"/imports/runs/{canary.run}/{what}/", f"/imports/runs/{ID}/{what}/", form, form, positive="")


def _of_b(address: str) -> Callable[[Canary], list[Try]]:
    return lambda c: [_same(method, f"/institutions/{_b()}/{address}/") for method in ("GET", "POST")]


ACCOUNT_ACTIONS = ("reset", "unlock", "deactivate", "reactivate", "appoint", "cover", "end", "nothing")
NO_GUARD = tuple(r for r in ROLES if r != "security")
"""Everybody but the security administrator of the county, who is to see what was opened there."""
NO_AUDITOR = tuple(r for r in ROLES if r != "audit")
_LOG_FORM = {"copy": str(uuid7()), "channel": "board", "day": "2026-01-01", "place": "x"}
_BOARD = "/publication/board/?tier=all&size=100"
NOT_WATCHING = tuple(r for r in ROLES if r not in ("officer", "insurer"))
"""Who is outside where the officers of B's region are not, whatever their authority: what institutions make public is no secret."""
_DECISION = {"_version": "1", "decision": "reject", "note": "x"}
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
    "api/v1/visits/<uuidstr:visit_id>": lambda c: [Try("GET", f"/api/v1/visits/{c.visit}", f"/api/v1/visits/{ID}", positive="")],
    "api/v1/visits": lambda c: [
        Try("POST", "/api/v1/visits", "/api/v1/visits", {"x": "x"}, {"x": "x"}, positive="", roles=_others("machine"))
    ],
    "api/v1/stays/<str:source_id>": lambda c: [_same("PUT", "/api/v1/stays/CANARY.1")],
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
