"""What officers see of referrals: facts of their region without persons; the person behind one, once, with a reason."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, connections, transaction
from openpyxl import load_workbook

from fenji.care.catalogue.queries import group_names
from fenji.care.referral import actions, queries
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.referral.queries import Wanted
from fenji.care.registry.models import Resident
from fenji.care.visits.models import Visit
from fenji.ground.access.actions import TooManyOpenings
from fenji.ground.access.models import AuditEvent, Glass, ReadLog
from fenji.ground.access.rules import IDENTITY, OFFICER, ReasonTooShort
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.models import Organisation
from fenji.world import county
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, Person
from tests.app.sessions import appointed
from tests.app.wsgi import Answer, call
from tests.cast import NOT_IN_CATALOGUE, a_case, finish, form, other_doctor, person, scope, token_for

WHY = "complaint 2026-17 names this case"
WORDS = "CANARYFACTS"
TOWN_OFFICE = 9101


@pytest.fixture(scope="module")
def town_officer(house_file: object) -> Person:
    """An officer of the town where township A lies, and of nothing else."""
    office = county._organisation(TOWN_OFFICE, "夏茂镇政府", county.DEMO_TOWNSHIP, "", None, "agency", agency_kind="health")
    office.save(using="owner", force_insert=True)
    return appointed("officer.town", "镇干部", OFFICER, TOWN_OFFICE)


@pytest.fixture(scope="module")
def numbers(house_file: object) -> Iterator[dict[str, str]]:
    """A case of township A and one of township B, both sent, and a draft of A."""
    doctor, other = person("doctor"), other_doctor()
    made = {}
    with transaction.atomic(), scope(doctor) as by:
        made["a"] = a_case(by, doctor, number=160, code=NOT_IN_CATALOGUE, text=WORDS, reason=WORDS).number
        made["draft"] = a_case(by, doctor, number=161, send=False, text=WORDS).number
    with transaction.atomic(), scope(person("desk")) as by:
        actions.accept(made["a"], version=2, by=by, at=now(), note=WORDS)
    with transaction.atomic(), scope(other) as by:
        made["b"] = a_case(by, other, number=30, code=NOT_IN_CATALOGUE, receiver=CITY_HOSPITAL, text=WORDS).number
    yield made
    for number in (made["a"], made["draft"]):
        finish(number)
    with transaction.atomic(), scope(other) as by:
        case = queries.case(made["b"])
        actions.end(made["b"], "withdraw", version=case.version, by=by, at=now(), note="end of the test")


def every() -> Wanted:
    return Wanted(now() - timedelta(days=900), now() + timedelta(days=1))


def signs(number: str) -> list[str]:
    """What would tell who is behind a case, or what somebody wrote about them."""
    case = Case.objects.using("owner").get(number=number)
    resident = Resident.objects.using("owner").get(pk=case.resident_id)
    phone = queries.phone_of(case)
    words = [
        case.patient_name,
        resident.pinyin,
        f"{case.patient_birth_date}",
        str(case.resident_id),
        str(case.visit_id),
        str(case.id),
    ]
    return [*words, *([phone] if phone else []), WORDS, case.requester_name, resident.address]


def cells_of(book: Answer) -> str:
    """All that stands in a workbook."""
    return "\n".join(str(row) for row in load_workbook(io.BytesIO(book.raw)).active.iter_rows(values_only=True))


def run(statement: str, *values: object) -> list[tuple]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


# --- rows --------------------------------------------------------------------------------------------------------------------


def test_an_officer_sees_the_referrals_of_the_region_without_a_sign_of_anybody(numbers: dict[str, str]) -> None:
    token = token_for(person("officer"))
    book = call("GET", "/facts/referrals/export.xlsx", token)
    cells = cells_of(book)
    pages = {
        p: call("GET", p, token).body for p in ("/facts/referrals/?size=100", *(f"/facts/referrals/{numbers[n]}/" for n in "ab"))
    }
    pages["export"] = cells
    for name in ("a", "b"):
        assert numbers[name] in cells
        for path, body in pages.items():
            found = [s for s in signs(numbers[name]) if s in body]
            assert not found, (path, found)


def test_drafts_are_nobodys_facts(numbers: dict[str, str]) -> None:
    token = token_for(person("officer"))
    assert numbers["draft"] not in cells_of(call("GET", "/facts/referrals/export.xlsx?since=2020-01-01", token))
    assert call("GET", f"/facts/referrals/{numbers['draft']}/", token).status == 404


def test_the_reach_ends_at_the_border(numbers: dict[str, str], town_officer: Person) -> None:
    with transaction.atomic(), scope(town_officer):
        seen = {f.number for f in queries.facts(every(), 10_000)}
        assert numbers["a"] in seen
        assert numbers["b"] not in seen
        for number in (numbers["b"], "R350405-260915-00042-7"):
            with pytest.raises(Unknown):
                queries.fact(number)
            with pytest.raises(Unknown):
                queries.fact_steps(number)
    assert call("GET", f"/facts/referrals/{numbers['b']}/", token_for(town_officer)).status == 404


FUNCTIONS = (
    "SELECT * FROM referral_facts('2020-01-01', '2030-01-01', '', '', '', '', now(), '', 9)",
    "SELECT * FROM referral_fact_steps('R350405-260915-00042-7')",
    "SELECT referral_identify('R350405-260915-00042-7', 'some words', gen_random_uuid(), gen_random_uuid(), gen_random_uuid())",
    "SELECT * FROM referral_identity(gen_random_uuid())",
)


@pytest.mark.parametrize("login", ["doctor", "reviewer", "desk", "head", "system", "security", "audit", "insurer"])
def test_other_roles_are_refused_by_the_database_too(numbers: dict[str, str], login: str) -> None:
    for statement in FUNCTIONS:
        with transaction.atomic(), scope(person(login)), pytest.raises(DatabaseError, match="facts are closed to this scope"):
            run(statement)
    for path in ("", "export.xlsx", f"{numbers['a']}/", f"{numbers['a']}/identity/"):
        assert call("GET", f"/facts/referrals/{path}", token_for(person(login))).status == 403


def test_an_insurer_reads_why_the_list_is_closed_and_has_no_link_to_it(numbers: dict[str, str]) -> None:
    token = token_for(person("insurer"))
    refused = call("GET", "/facts/referrals/", token)
    assert refused.status == 403
    assert "Ask the health authority of the region" in refused.body
    assert "/facts/" not in call("GET", "/", token).body
    assert "/facts/" in call("GET", "/", token_for(person("officer"))).body
    assert "Your role may not do this" in call("GET", "/facts/referrals/", token_for(person("doctor"))).body


@pytest.mark.parametrize(
    "changes",
    [{"agency_kind": "insurance"}, {"agency_kind": ""}, {"end": local_day(now()), "start": local_day(now()) - timedelta(9)}],
)
def test_an_authority_that_is_none_of_health_any_more_sees_no_facts_from_then_on(
    numbers: dict[str, str], town_officer: Person, changes: dict[str, object]
) -> None:
    token = token_for(town_officer)
    rows = Organisation.objects.using("owner").filter(pk=TOWN_OFFICE)
    before = rows.values(*changes).get()
    assert call("GET", f"/facts/referrals/{numbers['a']}/", token).status == 200
    rows.update(**changes)
    try:
        assert call("GET", f"/facts/referrals/{numbers['a']}/", token).status == 403
        for statement in FUNCTIONS:
            with transaction.atomic(), scope(town_officer, token), pytest.raises(DatabaseError, match="facts are closed"):
                run(statement)
    finally:
        rows.update(**before)
    assert call("GET", f"/facts/referrals/{numbers['a']}/", token).status == 200


def test_a_forged_or_missing_scope_sees_no_facts(db: None) -> None:
    for statement in FUNCTIONS:
        with pytest.raises(DatabaseError), transaction.atomic():
            run(statement)
        run("SELECT set_config('fenji.scope', 'forged', true)")
        with pytest.raises(DatabaseError, match="facts are closed to this scope"):
            run(statement)


def test_an_officer_selects_no_row_about_a_patient_in_raw_sql(numbers: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("officer")):
        for model in (Case, CaseEvent, Visit, Resident):
            assert not model.objects.exists(), model
        columns = [c for (c,) in run("SELECT unnest(proargnames) FROM pg_proc WHERE proname = 'referral_facts'")]
    assert not {"patient_name", "birth_date", "summary", "phone", "resident_id", "findings", "requester_name"} & set(columns)


def test_age_bands_sexes_and_step_times_are_those_of_the_case(numbers: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("officer")):
        found = {f.number: f for f in queries.facts(every(), 10_000)}
    assert len(found) >= 2
    for case in Case.objects.using("owner").filter(number__in=found):
        fact, age = found[case.number], age_on(case.patient_birth_date, local_day(case.created_at))
        assert fact.age_band == min(90, age // 5 * 5), (age, fact)
        assert (fact.sex, fact.state, fact.emergency, fact.verdict) == (
            case.patient_sex,
            case.state,
            case.emergency,
            case.verdict,
        )
        events = CaseEvent.objects.using("owner").filter(case=case).order_by("at")
        for name in ("offered", "accepted", "arrived", "answered"):
            first = next((e.at for e in events if e.after == name), None)
            assert getattr(fact, f"{name}_at") == first
    accepted = found[numbers["a"]]
    assert accepted.accepted_at is not None
    assert accepted.accepted_at > accepted.offered_at


@pytest.mark.parametrize(("years", "days", "band"), [(90, 0, 90), (90, 1, 85), (126, 0, 90), (0, 0, 0), (5, 0, 5), (5, 1, 0)])
def test_the_bands_end_at_ninety_and_change_on_the_birthday(numbers: dict[str, str], years: int, days: int, band: int) -> None:
    """Written on the first of the month at midnight in Fujian, which is still the day before in UTC."""
    first = local_day(now()).replace(day=1)
    born = first.replace(year=first.year - years) + timedelta(days=days)
    written = datetime.combine(first, time.min, SHANGHAI)
    case = Case.objects.using("owner").filter(number=numbers["a"])
    before = case.values("patient_birth_date", "created_at").get()
    case.update(patient_birth_date=born, created_at=written)
    try:
        with transaction.atomic(), scope(person("officer")):
            assert queries.fact(numbers["a"]).age_band == band
    finally:
        case.update(**before)


def test_paging_shows_each_row_once(numbers: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("officer")):
        rows = queries.facts(every(), 10_000)
        walked: list[str] = []
        before = None
        while page := queries.facts(Wanted(every().since, every().until, before=before), 3):
            walked += [f.number for f in page]
            before = (page[-1].written_at, page[-1].number)
        assert walked == [f.number for f in rows]
        assert len(walked) == len(set(walked)) >= 2


def test_the_pages_of_the_list_are_linked(numbers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenji.care.referral.views.facts.SIZES", (1, 2, 3))
    token = token_for(person("officer"))
    path, seen = "/facts/referrals/?since=2020-01-01", []
    while path:
        body = call("GET", path, token).body
        seen += re.findall(r'href="/facts/referrals/([RD][\d-]+)/"', body)
        links = [h.replace("&amp;", "&") for h in re.findall(r'href="([^"]*before=[^"]*)"', body)]
        path = links[0] if links else ""
    assert len(seen) == len(set(seen)) >= 2
    assert {numbers["a"], numbers["b"]} <= set(seen)


def test_conditions_narrow_the_list(numbers: dict[str, str]) -> None:
    token = token_for(person("officer"))
    mine = Organisation.objects.using("owner").get(pk=person("doctor").org_id).path
    hospital = Organisation.objects.using("owner").get(pk=COUNTY_HOSPITAL).path

    def shown(query: str) -> tuple[bool, bool]:
        assert call("GET", f"/facts/referrals/?since=2020-01-01&{query}", token).status == 200, query
        cells = cells_of(call("GET", f"/facts/referrals/export.xlsx?since=2020-01-01&{query}", token))
        return numbers["a"] in cells, numbers["b"] in cells

    assert shown("") == (True, True)
    assert shown("state=accepted") == (True, False)
    assert shown(f"institution={mine}") == (True, False)
    assert shown(f"institution={hospital}") == (True, False)
    assert shown("county=350405") == (True, True)
    assert shown(f"diagnosis={NOT_IN_CATALOGUE}") == (True, True)
    assert shown("diagnosis=J06.900") == (False, False)
    assert shown("until=2020-01-02") == (False, False)


@pytest.mark.parametrize(
    "query",
    ["since=x", "since=2026-02-30", "since=0001-01-01", "until=9999-12-31", "since=2026-02-01&until=2026-01-01", "state=none",
     "county=350102", "institution=350102", "diagnosis=nothing%20like%20it"],
)  # fmt: skip
def test_a_condition_that_cannot_be_is_named_and_not_dropped(numbers: dict[str, str], query: str) -> None:
    token = token_for(person("officer"))
    for path in ("/facts/referrals/", "/facts/referrals/export.xlsx"):
        answer = call("GET", f"{path}?{query}", token)
        assert answer.status == 422
        assert "invalid-feedback" in answer.body
        assert numbers["a"] not in answer.body


def test_a_row_opens_with_its_steps_and_the_clauses_of_its_verdict(numbers: dict[str, str]) -> None:
    body = call("GET", f"/facts/referrals/{numbers['a']}/", token_for(person("officer"))).body
    for words in ("Draft written", "Offered", "Accepted", "SM-3-4a", "沙县区总医院（模拟）"):
        assert words in body
    assert ReadLog.objects.using("owner").filter(purpose="facts.page", subject=numbers["a"]).exists()


def test_disease_groups_are_called_by_their_first_diagnosis_in_the_language_of_the_page(db: None) -> None:
    wanted = {"A09", "acute-coronary-syndrome", "Z99"}
    assert group_names(wanted, english=False) == {
        "A09": "感染性腹泻",
        "acute-coronary-syndrome": "不稳定型心绞痛",
        "Z99": "Z99",
    }
    assert group_names(wanted, english=True)["acute-coronary-syndrome"] == "Unstable angina"
    assert group_names([], english=True) == {}


# --- the person behind a row -------------------------------------------------------------------------------------------------


def asked(number: str, who: Person | None = None, token: str = "") -> UUID:
    with transaction.atomic(), scope(who or person("officer"), token or None) as by:
        return actions.identify(number, WHY, by=by, at=now())


def test_the_identity_is_shown_once_after_a_reason_and_leaves_its_traces(numbers: dict[str, str]) -> None:
    officer, number = person("officer"), numbers["a"]
    token = token_for(officer)
    case = Case.objects.using("owner").get(number=number)
    page = call("GET", f"/facts/referrals/{number}/", token)
    assert "Show the identity" in page.body
    sent = call("POST", f"/facts/referrals/{number}/identity/", token, form(reason=WHY))
    assert sent.status == 303
    row = Glass.objects.using("owner").get(kind=IDENTITY, subject=number, account_id=officer.id, closed_at=None)
    assert (row.reason, row.org_id) == (WHY, officer.org_id)
    shown = call("GET", sent.location, token)
    assert shown.status == 200
    for words in (case.patient_name, f"{case.patient_birth_date}", queries.phone_of(case) or "—"):
        assert words in shown.body
    again = call("GET", sent.location, token)
    assert (again.status, again.location) == (302, f"/facts/referrals/{number}/")
    assert case.patient_name not in again.body + call("GET", again.location, token).body
    reads = ReadLog.objects.using("owner").filter(account_id=officer.id, subject=number)
    assert reads.filter(purpose="identify").count() == 1
    assert reads.filter(purpose="identify.page").count() == 1
    event = AuditEvent.objects.using("owner").get(action="facts.identify", subject=number)
    assert event.detail == {"opening": str(row.id)}
    watch = call("GET", "/glass/?kind=identity", token_for(person("security"))).body
    assert number in watch
    assert WHY in watch


def test_a_link_previewed_by_head_uses_nothing_up(numbers: dict[str, str]) -> None:
    token = token_for(person("officer"))
    sent = call("POST", f"/facts/referrals/{numbers['a']}/identity/", token, form(reason=WHY))
    assert call("HEAD", sent.location, token).status == 302
    assert "shown this once" in call("GET", sent.location, token).body


@pytest.mark.parametrize("reason", ["", "x", "......", "a b c"])
def test_the_identity_needs_a_reason_in_words(numbers: dict[str, str], reason: str) -> None:
    officer = person("officer")
    with transaction.atomic(), scope(officer) as by, pytest.raises(ReasonTooShort):
        actions.identify(numbers["b"], reason, by=by, at=now())
    answer = call("POST", f"/facts/referrals/{numbers['b']}/identity/", token_for(officer), form(reason=reason))
    assert answer.status == 422
    assert not Glass.objects.using("owner").filter(subject=numbers["b"]).exists()


def test_an_opening_serves_its_officer_and_its_case_alone_and_not_for_long(numbers: dict[str, str], town_officer: Person) -> None:
    opened = asked(numbers["a"])
    with transaction.atomic(), scope(town_officer) as by:
        assert actions.handed_out(numbers["a"], opened, by=by) is None
    with transaction.atomic(), scope(person("officer")) as by:
        assert actions.handed_out(numbers["a"], uuid4(), by=by) is None
        assert actions.handed_out(numbers["a"], opened, by=by) is not None
        assert actions.handed_out(numbers["a"], opened, by=by) is None
    late = asked(numbers["a"])
    Glass.objects.using("owner").filter(pk=late).update(at=now() - timedelta(minutes=6), until=now() - timedelta(minutes=1))
    with transaction.atomic(), scope(person("officer")) as by:
        assert actions.handed_out(numbers["a"], late, by=by) is None
    other = asked(numbers["a"])
    with transaction.atomic(), scope(person("officer")) as by:
        assert actions.handed_out(numbers["b"], other, by=by) is None, "against another case it gives nothing"


def test_opened_twice_at_once_it_is_shown_to_one(numbers: dict[str, str]) -> None:
    opened = asked(numbers["a"])
    barrier, shown = threading.Barrier(8), []
    tokens = [token_for(person("officer")) for _ in range(8)]

    def look(token: str) -> None:
        barrier.wait()
        try:
            with transaction.atomic(), scope(person("officer"), token) as by:
                shown.append(actions.handed_out(numbers["a"], opened, by=by))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look, args=(t,)) for t in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shown) == 8
    assert len([s for s in shown if s is not None]) == 1


def test_beyond_the_border_nobody_is_identified(numbers: dict[str, str], town_officer: Person) -> None:
    with transaction.atomic(), scope(town_officer) as by, pytest.raises(DatabaseError, match="does not reach the referral"):
        actions.identify(numbers["b"], WHY, by=by, at=now())
    assert call("POST", f"/facts/referrals/{numbers['b']}/identity/", token_for(town_officer), form(reason=WHY)).status == 404


def test_identities_of_an_hour_are_counted(numbers: dict[str, str], town_officer: Person) -> None:
    made = Glass.objects.using("owner").filter(account_id=town_officer.id, kind=IDENTITY).count()
    token = token_for(town_officer, identify_per_hour=made + 2)
    for _ in range(2):
        asked(numbers["a"], town_officer, token)
    with transaction.atomic(), scope(town_officer, token) as by, pytest.raises(TooManyOpenings):
        actions.identify(numbers["a"], WHY, by=by, at=now())
    answer = call("POST", f"/facts/referrals/{numbers['a']}/identity/", token, form(reason=WHY))
    assert answer.status == 422
    assert "very many records beyond your own" in answer.body


def test_an_officer_cannot_write_an_opening_by_hand(numbers: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("officer")) as by, pytest.raises(DatabaseError, match="permission denied"):
        run(
            "INSERT INTO access_glass (id, kind, subject, account_id, actor_name, org_id, org_name, path, reason, at, until)"
            " VALUES (gen_random_uuid(), 'identity', %s, %s, '', 4, '', '350405', 'x', now(), now() + interval '1 hour')",
            numbers["a"], by.account_id,
        )  # fmt: skip


def test_drafts_have_no_identity_to_ask_for(numbers: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("officer")) as by, pytest.raises(DatabaseError, match="does not reach"):
        actions.identify(numbers["draft"], WHY, by=by, at=now())
