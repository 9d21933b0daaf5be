"""The leak matrix: every address and every protected table, tried as every role, for a canary of institution B.

A cell leaks when a page, a header, a file, an export, a search, a count, a suggestion or raw SQL as the app role (own or forged
scope) shows the canary, or when the answer differs from that for an id that does not exist. Every address and every table also
has a positive cell: the role that may see it does.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.urls import get_resolver
from openpyxl import Workbook

from fenji.care.catalogue import actions as lists
from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.registry import actions as registry
from fenji.care.registry.rules import new_resident
from fenji.care.visits import actions as visits
from fenji.ground.access.actions import audit, close_glass, create_accounts, log_read, review_glass
from fenji.ground.access.models import Account, ChainCheck, Glass, OldPassword
from fenji.ground.access.queries import session_id, token_hash
from fenji.ground.access.rules import RECORDS, SYSTEM_ADMIN, house, new_account
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.identity import identity_check
from fenji.ground.common.ids import case_number, parse_case_number, uuid7
from fenji.ground.common.models import House
from fenji.ground.documents import actions as documents
from fenji.ground.documents.models import ImportRun
from fenji.ground.network.models import Organisation
from fenji.ground.publication import actions as publishing
from fenji.ground.publication import queries as publication
from fenji.ground.publication.models import Announcement, ChannelEvent
from fenji.ground.tasks.actions import deliver_left_over
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, Person
from tests.app import elsewhere
from tests.app.machine_keys import a_key, a_machine
from tests.app.sessions import appointed
from tests.app.wsgi import Answer, ask, call
from tests.architecture.test_code import _views
from tests.cast import POLICY, a_case, everybody, other_doctor, other_reviewer, person, scope, token_for

NAME, PHONE, WORDS = "卡纳芮", "13912345678", "CANARYWORDS"
ROLES = (
    *("anonymous", "doctor", "reviewer", "head", "desk", "specialist", "officer", "system", "security", "audit"),
    *("other system", "other security", "machine"),
)
"""`system` and `security` administer the county that B lies in, the other two another; the machine is the county hospital's."""
ALLOWED = ("B doctor", "B reviewer", "B receiver")
STAFF, ADMINISTRATOR, MACHINE = "卡纳员工", "卡纳管理", "卡纳接口"
"""Accounts at home in B, one of each kind."""
_PATH = "/accounts/administrators/"


def _card() -> str:
    stem = "35042719500607" + "998"
    return stem + identity_check(stem)


def _other_card() -> str:
    """A number that nobody has."""
    stem = "35042719500607" + "996"
    return stem + identity_check(stem)


@dataclass(frozen=True)
class Canary:
    """What institution B has, and what must not be seen elsewhere."""

    resident: UUID
    visit: UUID
    case: str
    glass: UUID
    run: UUID
    file: UUID
    accounts: dict[str, UUID]
    draft: int
    entry: int
    delegation: UUID
    logged: ChannelEvent
    announced: Announcement
    tokens: dict[str, str] = field(repr=False)

    @property
    def missing_case(self) -> str:
        """A number of the same county and day that nobody has."""
        _, day, _, _ = self.case.split("-")
        return case_number("R", self.case[1:7], date(2000 + int(day[:2]), int(day[2:4]), int(day[4:])), 99_998)

    @property
    def patient(self) -> tuple[str, ...]:
        """Signs of the patient."""
        return (NAME, "kanarui", PHONE, WORDS, _card(), str(self.resident), str(self.visit), self.case)

    @property
    def signs(self) -> tuple[str, ...]:
        """Any of these in an answer is a leak, unless it is an id that was asked for."""
        return (*self.patient, *self.accounts, *map(str, self.accounts.values()), str(self.run), str(self.file))


def _accounts(org_id: int) -> dict[str, UUID]:
    """One account of each kind at B, and a password that one of B's doctors had."""
    by, path = house(org_id), Organisation.objects.using("load").get(pk=org_id).path
    names = ((STAFF, "canary.staff", "staff"), (ADMINISTRATOR, "canary.administrator", "administrator"))
    new = [new_account(name, username, kind, org_id, path) for name, username, kind in names]
    staff, administrator = create_accounts(new, by=by, at=now(), using="load")
    OldPassword.objects.using("door").create(account_id=other_doctor().id, password=WORDS, at=now())
    return {STAFF: staff.pk, ADMINISTRATOR: administrator.pk, MACHINE: a_machine(org_id, MACHINE).pk}


@pytest.fixture(scope="module")
def canary(house_file: object) -> Iterator[Canary]:
    doctor, reviewer = other_doctor(), other_reviewer()
    with transaction.atomic(), scope(doctor) as by:
        found = new_resident(NAME, _card(), PHONE, WORDS, now().date())
        resident = registry.register(found, by=by, at=now())
        illness = diagnosis("I10.x00")
        visit = visits.register(resident, visits.NewVisit(illness, WORDS, False), by=by, at=now())
        plan = actions.Plan(illness, CITY_HOSPITAL, None, False, WORDS, WORDS)
        case = actions.draft(visit, plan, by=by, at=now())
        case = actions.submit(case.number, version=case.version, by=by, at=now())
        log_read(by=by, at=now(), purpose=WORDS, subject=WORDS)
    with transaction.atomic(), scope(reviewer) as by:
        case = actions.approve(case.number, version=case.version, by=by, at=now(), note=WORDS)
        today = local_day(now())
        stands_in = actions.delegate(doctor.id, today, today, WORDS, by=by, at=now())
        audit(by=by, at=now(), action=WORDS, subject=WORDS)
    citydesk = person("citydesk")
    with transaction.atomic(), scope(citydesk) as by:
        case = actions.accept(case.number, version=case.version, by=by, at=now(), note=WORDS)
    with transaction.atomic(), scope(doctor) as by:
        registry.break_glass(resident.id, WORDS, by=by, at=now())
    glass = Glass.objects.using("owner").get(subject=str(resident.id)).id
    with transaction.atomic(), scope(person("security")) as by:
        review_glass(glass, WORDS, by=by, at=now(), policy=POLICY)
    ChainCheck.objects.using("owner").create(at=now(), account_id=doctor.id, actor_name=WORDS, finished_at=now())
    with transaction.atomic(), scope(person("editor")) as by:
        draft = lists.start_draft("guide", by=by, at=now())
        words = {"group": "A01", "code": "A01.000", "name_zh": WORDS, "name_en": WORDS, "document": "rules"}
        texts = dict.fromkeys(("title_zh", "title_en", "text_zh", "text_en"), WORDS)
        entry = lists.put_entry(draft.id, {**words, **texts}, version=draft.version, by=by, at=now())
    # the officer over B logs a channel for it, and writes to it alone
    with transaction.atomic(), scope(person("officer")) as by:
        listed = publication.treatable_copy(doctor.org_id, local_day(now()))
        assert listed is not None
        logged = publishing.log_channel(listed.id, publishing.NewEntry("board", local_day(now()), WORDS), by=by, at=now())
        words = publishing.NewAnnouncement("listed", WORDS, WORDS, local_day(now()), None, True, (doctor.org_id,))
        announced = publishing.announce(words, by=by, at=now())
    with transaction.atomic(), scope(doctor) as by:
        publishing.confirm(announced.id, by=by, at=now())
    deliver_left_over(at=now() + timedelta(hours=1), older_than=timedelta(0))
    accounts, run = _accounts(doctor.org_id), _an_import()
    people = {name: person(name) for name in ROLES if name in everybody()}
    people |= {"B doctor": doctor, "B reviewer": reviewer, "B receiver": citydesk, "B editor": person("editor")}
    people |= {"B system": _b_system()}
    people |= {f"other {name}": elsewhere.people()[name] for name in ("system", "security")}
    tokens = {"anonymous": "", **{name: token_for(who) for name, who in people.items()}}
    tokens["machine"] = a_key(a_machine(COUNTY_HOSPITAL))
    tokens["B machine"] = a_key(Account.objects.using("load").get(pk=accounts[MACHINE]))
    listed = (draft.id, entry.pk, stands_in.pk, logged, announced)
    yield Canary(resident.id, visit.id, case.number, glass, run.id, run.file_id, accounts, *listed, tokens)
    with transaction.atomic(), scope(person("editor")) as by:
        lists.discard(draft.id, version=draft.version + 1, by=by, at=now())
    with transaction.atomic(), scope(doctor) as by:
        actions.end(case.number, "withdraw", version=case.version, by=by, at=now(), note="end")
    with transaction.atomic(), scope(person("officer")) as by:
        publishing.void_channel(logged.id, version=1, by=by, at=now())
        publishing.withdraw(announced.id, version=1, by=by, at=now())


def _b_system() -> Person:
    """Somebody of institution B who may send lists."""
    return appointed("system.b", "卡管理", SYSTEM_ADMIN, other_doctor().org_id)


def _an_import() -> ImportRun:
    """A list that B has sent, judged, with a row at fault, and slips to print."""
    book = Workbook()
    for row in (
        ("Day", "Working day?", "Occasion", "Basis", WORDS),
        ("2040-01-01", "no", WORDS, WORDS),
        (WORDS, "no", WORDS, WORDS),
    ):
        book.worksheets[0].append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    with transaction.atomic(), scope(_b_system()) as by:
        run = documents.upload("calendar", f"{WORDS}.xlsx", buffer.getvalue(), by=by, at=now())
    documents.judge(run.id, at=now())
    slips = documents.store(
        "slips",
        f'[{{"code": "{WORDS}"}}]'.encode(),
        by=by,
        at=now(),
        only=by.account_id,
        kinds=("json",),
        kind="json",
        using="load",
    )
    ImportRun.objects.using("load").filter(pk=run.id).update(handouts=slips, handouts_until=now() + timedelta(days=1))
    return run


# --- addresses ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Try:
    """A request for the canary, the same request for something that does not exist, and who may see the canary by it."""

    method: str
    path: str
    missing: str
    fields: dict[str, str] | None = None
    missing_fields: dict[str, str] | None = None
    positive: str = "B doctor"
    shows: str = ""
    roles: tuple[str, ...] = ROLES


Factory = Callable[[Canary], list[Try]]


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
    form = {"_version": "4", "note": "x", "findings": "x", "receiver": str(CITY_HOSPITAL), "disposition": "treated"}
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
    "died",
)
ACCOUNT_ACTIONS = ("reset", "unlock", "deactivate", "reactivate", "appoint", "cover", "end", "nothing")
_VISIT_FORM = {"diagnosis": "I10.x00", "complaint": "x", "ending": "treated"}
_REFERRAL_FORM = {"diagnosis": "I10.x00", "summary": "x", "receiver": "3", "override_reason": "x", "_version": "4"}
_GLASS_FORM = {"reason": "a reason in some words"}
NO_GUARD = tuple(r for r in ROLES if r != "security")
"""Everybody but the security administrator of the county, who is to see what was opened there."""
NO_AUDITOR = tuple(r for r in ROLES if r != "audit")
_LOG_FORM = {"copy": str(uuid7()), "channel": "board", "day": "2026-01-01", "place": "x"}
_VERSION_1 = {"_version": "1"}
_BOARD = "/publication/board/?tier=all&size=100"
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


def _b() -> int:
    return other_doctor().org_id


def _outside(method: str, path: str, there: object, fields: dict[str, str]) -> Try:
    """The same for the canary's id and for one that nobody has, by all who are outside."""
    return Try(method, path.format(there), path.format(ID), fields, fields, positive="", roles=NOT_OFFICER)


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
            _q("/referrals/", before=c.case[:-7] + "99999-9", size="100"),
            _q("/referrals/", before=c.case[:-7] + "99999-9", size="100"),
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
            {"case": f"{c.case}:4"},
            {"case": f"{c.missing_case}:4"},
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
    "referrals/<case:number>/edit/": lambda c: [
        Try("GET", f"/referrals/{c.case}/edit/", f"/referrals/{c.missing_case}/edit/", shows=WORDS),
        Try(
            "POST", f"/referrals/{c.case}/edit/", f"/referrals/{c.missing_case}/edit/", _REFERRAL_FORM, _REFERRAL_FORM, positive=""
        ),
    ],
    "referrals/<case:number>/do/<slug:action>/": lambda c: [_case_post(a)(c) for a in ACTIONS],
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
    "api/v1/imports/<slug:listing>": lambda c: [Try("POST", "/api/v1/imports/calendar", "/api/v1/imports/calendar", positive="")],
    "api/v1/imports/runs/<uuidstr:run_id>": lambda c: [
        Try("GET", f"/api/v1/imports/runs/{c.run}", f"/api/v1/imports/runs/{ID}", positive="")
    ],
    "api/v1/imports/runs/<uuidstr:run_id>/faults": lambda c: [
        Try("GET", f"/api/v1/imports/runs/{c.run}/faults", f"/api/v1/imports/runs/{ID}/faults", positive="")
    ],
    "api/v1/imports/runs/<uuidstr:run_id>/write": lambda c: [
        Try("POST", f"/api/v1/imports/runs/{c.run}/write", f"/api/v1/imports/runs/{ID}/write", positive="")
    ],
    "api/v1/openapi.json": lambda c: [Try("GET", "/api/v1/openapi.json", "/api/v1/openapi.json", positive="")],
    "p/": lambda c: [Try("GET", _q("/p/", q=NAME), _q("/p/", q="无此人"), positive="")],
    "p/<int:org_id>/": lambda c: [Try("GET", f"/p/{_b()}/", f"/p/{_b()}/", positive="")],
    "p/<int:org_id>/notice/": lambda c: [Try("GET", f"/p/{_b()}/notice/", f"/p/{_b()}/notice/", positive="")],
    "p/disease/<str:code>/": lambda c: [Try("GET", "/p/disease/kanarui/", "/p/disease/nobody/", positive="")],
    "publication/": lambda c: [Try("GET", "/publication/", "/publication/", positive="")],
    "publication/board/": lambda c: [Try("GET", _BOARD, _BOARD, positive="")],
    "publication/board.xlsx": lambda c: [Try("GET", "/publication/board.xlsx", "/publication/board.xlsx", positive="")],
    "publication/<int:org_id>/": lambda c: [
        Try("GET", f"/publication/{_b()}/", "/publication/999999/", positive="officer", shows=WORDS, roles=NOT_OFFICER),
        Try("POST", f"/publication/{_b()}/", "/publication/999999/", _LOG_FORM, _LOG_FORM, positive="", roles=NOT_OFFICER),
    ],
    "publication/confirm/<uuid:copy_id>/": lambda c: [_outside("POST", "/publication/confirm/{}/", c.logged.published_id, {})],
    "publication/void/<uuid:event_id>/": lambda c: [_outside("POST", "/publication/void/{}/", c.logged.id, _VERSION_1)],
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
        f"institutions/<int:org_id>/{a}/": _of_b(a) for a in ("change", "place", "move", "end", "departments", "relations", "seats")
    },
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

_NOISE = re.compile(r'name="(?:_key|csrfmiddlewaretoken)" value="[^"]*"|value="[0-9a-f]{60,}"')


def _request(tries: Try, token: str, missing: bool) -> Answer:
    path, fields = (tries.missing, tries.missing_fields) if missing else (tries.path, tries.fields)
    if path.startswith("/api/"):
        return ask(tries.method, path, token)
    return call(tries.method, path, token, None if fields is None else {"_key": fresh_key(), **fields})


def _readable(answer: Answer) -> str:
    """Body as text; of a workbook the text of all its parts; and where a redirect leads."""
    if answer.raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.raw)) as book:
            return answer.headers + "".join(book.read(n).decode("utf-8", "replace") for n in book.namelist())
    return f"{answer.headers}\n{answer.location}\n{answer.body}"


def _plain(answer: Answer, asked: tuple[str, ...]) -> str:
    """What was answered, with what was asked for and all chance taken out. Of a workbook only that it is one: its dates change."""
    if answer.raw.startswith(b"PK"):
        return f"{answer.status} workbook"
    text = f"{answer.status} {answer.location}\n{_NOISE.sub('', answer.body)}"
    for given in asked:
        from urllib.parse import quote, quote_plus

        for form in (given, quote(given), quote(given, safe=""), quote_plus(given), given.replace("&", "&amp;")):
            text = text.replace(form, "•")
    return text


def _asked(tries: Try) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the two requests name: their paths, and the values of their queries."""
    from urllib.parse import parse_qsl, urlsplit

    def parts(path: str) -> tuple[str, ...]:
        split = urlsplit(path)
        values = [v for _, v in parse_qsl(split.query)]
        ids = [s for s in split.path.split("/") if len(s) > 15]
        return (path, split.path, *values, *ids)

    return parts(tries.path), parts(tries.missing)


def _cell(canary: Canary, tries: Try, role: str) -> list[str]:
    """What is wrong with one cell."""
    token = canary.tokens[role]
    there, nowhere = _request(tries, token, False), _request(tries, token, True)
    asked, missing = _asked(tries)
    shown = _readable(there)
    for given in sorted(asked, key=len, reverse=True):
        from urllib.parse import quote

        shown = shown.replace(given, "•").replace(quote(given), "•").replace(quote(given, safe=""), "•")
    wrong = [f"{role} {tries.method} {tries.path}: shows {sign!r}" for sign in canary.signs if sign in shown]
    if _plain(there, asked) != _plain(nowhere, missing):
        wrong.append(
            f"{role} {tries.method} {tries.path}: {there.status}, but {nowhere.status} or another page for what does not exist"
        )
    if there.status >= 500:
        wrong.append(f"{role} {tries.method} {tries.path}: {there.status}")
    return wrong


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


# --- tables ------------------------------------------------------------------------------------------------------------------

_SHAPED = {m._meta.db_table: m for m in apps.get_models() if issubclass(m, House) and m.shape is not None}
# what every signed-in person may read: the network and who works in it; written by few, see below
DIRECTORY = {table: m for table, m in _SHAPED.items() if m.shape.name in ("governed", "staff")}
# lists are public; only their keeper's people write on drafts: see test_catalogue.py for what is published
LISTS = {table: m for table, m in _SHAPED.items() if m.shape.name in ("kept_by", "kept_through")}
# what everybody may read, and institutions themselves make public
PUBLIC = [table for table, m in _SHAPED.items() if m.shape.name == "published"]
TABLES = {table: m for table, m in _SHAPED.items() if table not in (*DIRECTORY, *PUBLIC, *LISTS)}
# the officer over B, who wrote to it, sees these rows of it
SEEN_BY_OFFICER = frozenset({"publication_channelevent", "publication_announcement", "publication_announcementreceipt"})
# who sees a canary row in a table with raw SQL: a role of the app with its own scope, or another database role
POSITIVE = {
    "access_account": "B doctor",
    "access_oldpassword": "door",
    "access_scopehandle": "door",
    "access_idempotencykey": "B doctor",
    "access_auditevent": "audit",
    "access_readlog": "audit",
    "access_chaincheck": "audit",
    "access_glass": "B doctor",
    "access_glassreview": "security",
    "tasks_workitem": "B receiver",
    "tasks_outboxmessage": "job",
    "tasks_notice": "B doctor",
    "publication_channelevent": "B doctor",
    "publication_announcement": "B doctor",
    "publication_announcementreceipt": "B doctor",
    "documents_storedfile": "B system",
    "documents_blob": "B system",
    "documents_importrun": "B system",
    "documents_importfault": "B system",
    "registry_resident": "B doctor",
    "registry_identity": "B doctor",
    "visits_visit": "B doctor",
    "referral_case": "B receiver",
    "referral_caseevent": "B reviewer",
    "referral_reviewdecision": "B reviewer",
    "referral_reviewdelegation": "B doctor",
}
# roles of the matrix that are meant to see rows about B in a table, because they watch over the county
MEANT = {
    "access_glass": ("security",),
    "access_glassreview": ("security",),
    "access_auditevent": ("audit",),
    "access_readlog": ("audit",),
    # one chain for the whole house
    "access_chaincheck": ("audit", "security", "other security"),
}
_COLUMNS = """
SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
"""


def _rows(table: str, alias: str = "default") -> list[str]:
    """Every row the connection can read of a table, every column it may read, as text. Bytes as hex."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_COLUMNS, [table])
        columns = [c for (c,) in cursor.fetchall()]
        if not columns:
            return []
        names = ", ".join(f'"{c}"' for c in columns)
        cursor.execute(f"SELECT {names} FROM {table}")
        return [str([bytes(v).hex() if isinstance(v, memoryview | bytes) else v for v in row]) for row in cursor.fetchall()]


ADMINISTERED = {("system", "access_account"), ("security", "access_account")}
"""The administrators of B's own county see its accounts, without passwords."""


def _b_signs(canary: Canary) -> tuple[str, ...]:
    """Signs of institution B in raw rows: the canary, and the people and sessions of B."""
    people = [str(p.id) for p in (other_doctor(), other_reviewer())]
    return (*canary.signs, *people, settings.INDEX_KEYS.index(_card(), "identity.number").hex())


def test_every_protected_table_is_in_the_matrix() -> None:
    assert set(TABLES) == set(POSITIVE)


def test_no_table_shows_the_canary_to_raw_sql_outside(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    leaks: list[str] = []
    cells = 0
    call("POST", "/visits/new/" + str(ID) + "/", canary.tokens["B doctor"], {"_key": str(uuid4())})
    for table in TABLES:
        for role in (r for r in ROLES if r != "anonymous" and r not in MEANT.get(table, ())):
            cells += 1
            with transaction.atomic(), scope(person("doctor"), canary.tokens[role]):
                seen = "\n".join(_rows(table))
            found = [sign for sign in _b_signs(canary) if sign in seen]
            if (role, table) in ADMINISTERED:
                continue
            if role == "officer" and table in SEEN_BY_OFFICER:
                leaks += [] if found else [f"officer sees nothing of B in {table}"]
            else:
                leaks += [f"{role} {table}: {sign}" for sign in found]
        for forged in ("forged", canary.tokens["B doctor"][:-1] + "x"):
            cells += 1
            with transaction.atomic(), connections["default"].cursor() as cursor:
                cursor.execute("SELECT set_config('fenji.scope', %s, true)", [forged])
                leaks += [f"forged scope reads {table}"] if _rows(table) else []
        cells += 1
        leaks += _unscoped(table)
        cells += 1
        seen = "\n".join(_rows(table, "job"))
        leaks += [f"job {table}: {sign}" for sign in (NAME, PHONE, "kanarui", _card()) if sign in seen]
    with capsys.disabled():
        print(f"\nleak matrix, tables: {cells} cells, {len(leaks)} leaks")
    assert cells >= 12 * len(TABLES)
    assert not leaks, "\n".join(leaks[:40])


def test_the_directory_and_what_is_public_show_nothing_of_patients(canary: Canary) -> None:
    assert len(PUBLIC) == 2
    for table in (*DIRECTORY, *PUBLIC):
        with transaction.atomic(), scope(person("desk"), canary.tokens["desk"]):
            seen = "\n".join(_rows(table))
        assert not [sign for sign in canary.patient if sign in seen], table


@pytest.mark.parametrize("table", DIRECTORY)
def test_the_directory_is_changed_only_by_those_who_administer_it(canary: Canary, table: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(_COLUMNS.replace("'SELECT'", "'UPDATE'"), [table])
        column = f'"{cursor.fetchone()[0]}"'
    for role in (r for r in ROLES if r not in ("anonymous", "system", "security", "head", "other system", "other security")):
        with transaction.atomic(), scope(person("doctor"), canary.tokens[role]), connections["default"].cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = {column}")
            assert cursor.rowcount == 0, role
            # policies are asked before any other constraint; of posts a trigger refuses even before
            with pytest.raises(DatabaseError, match=r"row-level security|another kind"), transaction.atomic():
                cursor.execute(f"INSERT INTO {table} DEFAULT VALUES")
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("table", LISTS)
def test_a_list_is_written_only_by_its_keepers_people(canary: Canary, table: str) -> None:
    through = LISTS[table].shape.name == "kept_through"
    key, value = ("list_id", "list_id") if through else ("id", "version")
    columns = f"(list_id) VALUES ({canary.draft})" if through else "DEFAULT VALUES"
    refused = r"row-level security|only drafts|begins as a draft"
    for role in (r for r in ROLES if r != "anonymous"):
        with transaction.atomic(), scope(person("doctor"), canary.tokens[role]), connections["default"].cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {value} = {value} WHERE {key} = %s", [canary.draft])
            assert cursor.rowcount == 0, role
            with pytest.raises(DatabaseError, match=refused), transaction.atomic():
                cursor.execute(f"INSERT INTO {table} {columns}")
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(f"DELETE FROM {table}")


def _unscoped(table: str) -> list[str]:
    try:
        with transaction.atomic():
            return [f"an unscoped read of {table} showed rows"] if _rows(table) else []
    except DatabaseError:
        return []


def test_every_table_shows_a_row_of_b_to_those_who_may(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    key = str(uuid4())
    language = call("POST", f"/visits/new/{canary.resident}/", canary.tokens["B doctor"], {"_key": key, **_VISIT_FORM})
    assert language.status == 303
    dark = []
    for table, who in POSITIVE.items():
        if who in canary.tokens:
            with transaction.atomic(), scope(_who(who), canary.tokens[who]):
                seen = "\n".join(_rows(table))
        else:
            seen = "\n".join(_rows(table, who))
        if not any(sign in seen for sign in (*_b_signs(canary), key)):
            dark.append(f"{who} sees nothing of B in {table}")
    with capsys.disabled():
        print(f"\nleak matrix, positive tables: {len(POSITIVE)} cells, {len(dark)} dark")
    assert not dark, dark


def _who(name: str) -> Person:
    people = {
        "B doctor": other_doctor,
        "B reviewer": other_reviewer,
        "B receiver": lambda: person("citydesk"),
        "B system": _b_system,
    }
    return people[name]() if name in people else person(name)


def test_an_emergency_opens_the_canarys_records_to_raw_sql_and_nothing_else(canary: Canary, db: None) -> None:
    """Every row of every protected table that a doctor of A sees, before, while and after the canary is open to them."""
    with scope(person("doctor"), canary.tokens["doctor"]) as by:
        assert registry.find_by_identity(_card(), by=by) == canary.resident
        before = {table: set(_rows(table)) for table in TABLES}
        assert registry.break_glass(canary.resident, "a reason in some words", by=by, at=now())
        more = {table: set(_rows(table)) - before[table] for table in TABLES}
        assert {t for t, rows in more.items() if rows} == {
            *("visits_visit", "referral_case", "referral_caseevent", "referral_reviewdecision", "access_glass"),
        }
        case = str(Case.objects.values_list("id", flat=True).get(number=canary.case))
        for table, sign in (
            ("visits_visit", str(canary.resident)),
            ("referral_case", str(canary.resident)),
            ("referral_caseevent", case),
            ("referral_reviewdecision", case),
        ):
            assert all(sign in row for row in more[table]), table
        close_glass(RECORDS, str(canary.resident), by=by, at=now())
        after = {table: set(_rows(table)) - before[table] for table in TABLES}
        assert {t for t, rows in after.items() if rows} == {"access_glass"}


def test_writing_into_rows_of_b_changes_nothing(canary: Canary) -> None:
    statements = (
        "UPDATE registry_resident SET address = 'x' WHERE name = '卡纳芮'",
        f"UPDATE referral_case SET summary = 'x' WHERE number = '{canary.case}'",
        f"UPDATE tasks_workitem SET closed_at = now() WHERE subject = '{canary.case}'",
        f"UPDATE visits_visit SET version = 9 WHERE id = '{canary.visit}'",
    )
    for statement in statements:
        with transaction.atomic(), scope(person("doctor"), canary.tokens["doctor"]), connections["default"].cursor() as cursor:
            cursor.execute(statement)
            assert cursor.rowcount == 0, statement


def test_rows_cannot_be_planted_or_given_away(canary: Canary) -> None:
    """A doctor cannot write a visit for B, nor move an own case out of sight into B's hands alone."""
    forged_audit = (
        "INSERT INTO access_auditevent (id, at, actor_id, role, org_id, action, subject, before, after, detail)"
        f" VALUES (gen_random_uuid(), now(), '{other_doctor().id}', 'doctor', 1, 'x', 'x', '', '', '{{}}')"
    )
    planted_visit = (
        "INSERT INTO visits_visit (id, version, resident_id, org_id, path, doctor_id, doctor_name, diagnosis_code, diagnosis_name,"
        " disease_group, group_version, complaint, emergency, disposition, opened_at) SELECT gen_random_uuid(), 1, resident_id,"
        f" {other_doctor().org_id}, '350405001000/00000101', doctor_id, '', '', '', '', '', '', false, '', now() FROM visits_visit"
        " LIMIT 1"
    )
    given_away = f"UPDATE referral_case SET viewer_ids = '{{{other_doctor().org_id}}}'"
    for statement in (forged_audit, planted_visit, given_away):
        with pytest.raises(DatabaseError, match="row-level security"):
            _as_doctor_with_a_case(canary.tokens["doctor"], statement)


def _as_doctor_with_a_case(token: str, statement: str) -> None:
    with transaction.atomic(), scope(person("doctor"), token) as by:
        a_case(by, person("doctor"), number=95)
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute(statement)
