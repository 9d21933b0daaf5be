"""Break-glass: one resident's records everywhere, for a time, for reading, with a reason, before the eyes of the security
administrator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions as referrals
from fenji.care.referral import queries, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Resident
from fenji.care.registry.rules import new_resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.access.actions import TooManyOpenings, close_glass, open_session, review_glass
from fenji.ground.access.models import AuditEvent, Glass, ReadLog
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import RECORDS, SECURITY_ADMIN, ReasonTooShort
from fenji.ground.common.edge import now
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.actions.regions import move_paths
from fenji.ground.network.models import Organisation, Post
from fenji.ground.network.queries import seat_of, watchers
from fenji.ground.tasks.actions import deliver_left_over
from fenji.world.county import CITY_HOSPITAL, Person
from tests.app.forms import LEAVING, new_card
from tests.app.sessions import appointed
from tests.app.test_door import a_foreigner, card_of
from tests.app.wsgi import call
from tests.cast import CONSENT, POLICY, form, other_doctor, person, scope, token_for

WHY = "unconscious, brought in by ambulance"
WORDS = "only institution B wrote this"
TURN = count(100)


@dataclass(frozen=True)
class There:
    """What institution B wrote about one of its residents."""

    resident: UUID
    visit: UUID
    case: str


def written_there() -> There:
    """A resident of township B with a visit and a referral to the city hospital, both of them B's alone."""
    doctor = other_doctor()
    found = a_foreigner(next(TURN))
    with transaction.atomic(), scope(doctor) as by:
        illness = diagnosis("I21.900")
        visit = visits.register(found, visits.NewVisit(illness, WORDS, False), by=by, at=now())
        plan = referrals.Plan(illness, CITY_HOSPITAL, None, False, WORDS, "", consent=CONSENT)
        case = referrals.draft(visit, plan, by=by, at=now())
        case = referrals.submit(case.number, version=case.version, by=by, at=now())
    return There(found.id, visit.id, case.number)


def through_the_door(who: Person, there: There) -> None:
    with transaction.atomic(), scope(who) as by:
        found = Resident.objects.using("owner").get(pk=there.resident)
        assert registry.find_by_identity(card_of(found), by=by) == there.resident


@pytest.fixture(autouse=True)
def closed_again(house_file: object) -> Iterator[None]:
    """No opening of these tests stays open for others."""
    yield
    Glass.objects.using("owner").filter(closed_at=None).update(closed_at=now())


@pytest.fixture
def there(house_file: object) -> Iterator[There]:
    """B's records of a resident whom `doctor` and `specialist` have before them, by the identity number."""
    made = written_there()
    for login in ("doctor", "specialist"):
        through_the_door(person(login), made)
    yield made
    with transaction.atomic(), scope(other_doctor()) as by:
        case = queries.case(made.case)
        if case.state not in rules.ENDS:
            referrals.end(made.case, "withdraw", version=case.version, by=by, at=now(), note="end of the test")


def seen(there: There) -> tuple[bool, bool, bool]:
    """Whether the open scope sees the visit, the case, and the case's events."""
    return (
        Visit.objects.filter(pk=there.visit).exists(),
        Case.objects.filter(number=there.case).exists(),
        CaseEvent.objects.filter(case__number=there.case).exists(),
    )


def broken(who: Person, there: There, token: str | None = None) -> None:
    with transaction.atomic(), scope(who, token) as by:
        assert registry.break_glass(there.resident, WHY, by=by, at=now())


def run(statement: str, *values: object) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def opening_of(there: There) -> Glass:
    return Glass.objects.using("owner").get(subject=str(there.resident))


# --- what it opens -----------------------------------------------------------------------------------------------------------


def test_it_opens_the_records_of_one_resident_everywhere_and_of_nobody_else(there: There) -> None:
    other, doctor = written_there(), person("doctor")
    through_the_door(doctor, other)
    with transaction.atomic(), scope(doctor) as by:
        assert seen(there) == seen(other) == (False, False, False)
        assert registry.break_glass(there.resident, WHY, by=by, at=now())
        assert seen(there) == (True, True, True)
        assert seen(other) == (False, False, False)
    with transaction.atomic(), scope(doctor):
        assert seen(there) == (True, True, True), "another session of the same post"
    for login in ("doctor2", "reviewer", "head", "specialist", "desk", "officer", "security"):
        with transaction.atomic(), scope(person(login)):
            assert seen(there) == (False, False, False), login


def test_it_ends_by_itself_also_for_a_session_that_goes_on(there: There) -> None:
    doctor = person("doctor")
    token = token_for(doctor)
    broken(doctor, there, token)
    until = opening_of(there).until
    assert timedelta(minutes=59) < until - now() <= timedelta(minutes=60)
    Glass.objects.using("owner").filter(subject=str(there.resident)).update(at=now() - timedelta(hours=2), until=now())
    with transaction.atomic(), scope(doctor, token):
        assert seen(there) == (False, False, False)
    assert WORDS not in call("GET", f"/residents/{there.resident}/", token).body


def test_after_closing_nothing_is_open(there: There) -> None:
    doctor = person("doctor")
    broken(doctor, there)
    with transaction.atomic(), scope(doctor) as by:
        assert close_glass(RECORDS, str(there.resident), by=by, at=now()) == 1
        assert seen(there) == (False, False, False)
        assert close_glass(RECORDS, str(there.resident), by=by, at=now()) == 0


def test_what_is_opened_in_one_post_is_not_open_in_another(there: There) -> None:
    """A doctor who also works elsewhere, or in another role, has opened it for the patient in front of them here."""
    doctor = person("doctor")
    broken(doctor, there)
    seat = seat_of(Post.objects.using("door").select_related("org__region").get(account_id=doctor.id))
    for other in (replace(seat, org_id=CITY_HOSPITAL), replace(seat, role="manager")):
        token = open_session(account_by_id(doctor.id), other, at=now(), policy=POLICY)
        with transaction.atomic(), scope(doctor, token):
            assert seen(there) == (False, False, False)


def test_the_lists_and_the_export_of_an_institution_do_not_grow(there: There) -> None:
    doctor = person("doctor")
    token = token_for(doctor)
    broken(doctor, there, token)
    assert there.case not in call("GET", "/referrals/?size=100", token).body
    with transaction.atomic(), scope(doctor, token) as by:
        assert not queries.cases_of_institution(by).filter(number=there.case).exists()


# --- for reading alone -------------------------------------------------------------------------------------------------------


def test_what_is_open_cannot_be_written_even_in_raw_sql(there: There) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        registry.break_glass(there.resident, WHY, by=by, at=now())
        assert seen(there) == (True, True, True)
        assert run("UPDATE visits_visit SET disposition = 'treated' WHERE id = %s", there.visit) == 0
        assert run("UPDATE referral_case SET summary = 'x' WHERE number = %s", there.case) == 0
        assert run("UPDATE referral_case SET viewer_ids = viewer_ids || %s WHERE number = %s", doctor.org_id, there.case) == 0
        event = (
            "INSERT INTO referral_caseevent (id, case_id, at, actor_id, actor_name, role, org_name, action, before, after, note)"
            " SELECT %s, id, now(), %s, 'x', 'doctor', 'x', 'accept', '', '', '' FROM referral_case WHERE number = %s"
        )
        with pytest.raises(DatabaseError, match="row-level security"):
            run(event, uuid4(), doctor.id, there.case)
        assert run("SELECT 1 FROM referral_case WHERE number = %s FOR UPDATE", there.case) == 0


def test_nobody_acts_on_a_case_because_they_may_read_it(there: There) -> None:
    specialist = person("specialist")
    broken(specialist, there)
    before = Case.objects.using("owner").get(number=there.case)
    for action in set(rules.ACTIONS) - {"expire", "lapse", "supersede", "escalate", "submit"}:  # the house's own, and the form's
        token = token_for(specialist)
        fields = form(
            _version=before.version, note="x", findings="x", advice="x", receiver=CITY_HOSPITAL, disposition="treated", **LEAVING
        )
        answer = call("POST", f"/referrals/{there.case}/do/{action}/", token, fields)
        assert answer.status == 409, (action, answer.status)
    edited = call("POST", f"/referrals/{there.case}/edit/", token_for(specialist), form(_version=before.version))
    closed = call("POST", f"/visits/{there.visit}/", token_for(specialist), form(_version=1, ending="treated"))
    begun = call("GET", f"/referrals/new/{there.visit}/", token_for(specialist))
    assert (edited.status, closed.status, begun.status) == (403, 403, 403)
    assert WORDS not in begun.body
    after = Case.objects.using("owner").get(number=there.case)
    assert (after.version, after.state, after.viewer_ids) == (before.version, before.state, before.viewer_ids)


# --- who, why, how often -----------------------------------------------------------------------------------------------------

CALL = "SELECT registry_glass(%s, %s, %s, %s, %s)"


def ids() -> tuple[UUID, UUID, UUID]:
    return uuid7(), uuid7(), uuid7()


@pytest.mark.parametrize("login", ["desk", "reviewer", "head", "officer", "system", "security", "audit"])
def test_only_doctors_break_it_also_in_raw_sql(there: There, login: str) -> None:
    with transaction.atomic(), scope(person(login)), pytest.raises(DatabaseError, match="closed to this scope"):
        run(CALL, there.resident, WHY, *ids())
    answer = call("POST", f"/residents/{there.resident}/glass/", token_for(person(login)), form(reason=WHY))
    assert answer.status == 403


def test_it_needs_the_residents_record_before_one(house_file: object) -> None:
    made = written_there()
    with transaction.atomic(), scope(person("doctor")), pytest.raises(DatabaseError, match="does not see the resident"):
        run(CALL, made.resident, WHY, *ids())
    answer = call("POST", f"/residents/{made.resident}/glass/", token_for(person("doctor")), form(reason=WHY))
    assert answer.status == 404


@pytest.mark.parametrize("reason", ["", "   ", "急救", "a . b .. c", "。" * 40])
def test_a_reason_of_a_few_words_is_needed(there: There, reason: str) -> None:
    doctor = person("doctor")
    token = token_for(doctor)
    with transaction.atomic(), scope(doctor, token) as by, pytest.raises(ReasonTooShort):
        registry.break_glass(there.resident, reason, by=by, at=now())
    answer = call("POST", f"/residents/{there.resident}/glass/", token, form(reason=reason))
    assert answer.status == 422
    assert WORDS not in answer.body
    assert not Glass.objects.using("owner").filter(subject=str(there.resident)).exists()


def test_what_was_typed_stays_in_a_refused_form(there: There) -> None:
    answer = call("POST", f"/residents/{there.resident}/glass/", token_for(person("doctor")), form(reason="急救中"))
    assert "急救中" in answer.body
    assert "at least 6 characters" in answer.body


def test_openings_of_an_hour_are_counted_also_when_they_come_at_once(there: There) -> None:
    """Ten residents at once, three allowed."""
    doctor = other_doctor()
    with transaction.atomic(), scope(doctor):
        residents = list(Resident.objects.filter(home_org_id=doctor.org_id).order_by("id").values_list("id", flat=True)[60:70])
    made = Glass.objects.using("owner").filter(account_id=doctor.id, at__gt=now() - timedelta(hours=1)).count()
    barrier, outcomes = threading.Barrier(len(residents)), []

    def work(resident: UUID, token: str) -> None:
        try:
            barrier.wait()
            with transaction.atomic(), scope(doctor, token) as by:
                outcomes.append(registry.break_glass(resident, WHY, by=by, at=now()))
        except TooManyOpenings:
            outcomes.append("too many")
        finally:
            connections.close_all()

    tokens = [token_for(doctor, glass_per_hour=made + 3) for _ in residents]
    threads = [threading.Thread(target=work, args=pair) for pair in zip(residents, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["True"] * 3 + ["too many"] * 7


def test_opening_what_is_open_writes_nothing_new(there: There) -> None:
    doctor = person("doctor")
    broken(doctor, there)
    with transaction.atomic(), scope(doctor) as by:
        assert registry.break_glass(there.resident, WHY, by=by, at=now()) is False
    assert Glass.objects.using("owner").filter(subject=str(there.resident)).count() == 1


def test_no_opening_lasts_longer_than_a_day_whatever_the_policy_says(there: There) -> None:
    broken(person("doctor"), there, token_for(person("doctor"), glass_minutes=100_000))
    row = opening_of(there)
    assert row.until - row.at == timedelta(hours=24)
    with pytest.raises(IntegrityError, match="glass_ends"), transaction.atomic(using="owner"):
        Glass.objects.using("owner").filter(pk=row.pk).update(until=row.at + timedelta(hours=24, seconds=1))


def test_the_doctor_can_neither_lengthen_reopen_nor_hide_an_opening(there: There) -> None:
    doctor = person("doctor")
    broken(doctor, there)
    statements = ("SET until = now() + interval '20 hours'", "SET reason = 'other words'", "SET at = now() - interval '9 days'")
    with transaction.atomic(), scope(doctor) as by:
        for change in statements:
            with pytest.raises(DatabaseError, match="permission denied"):
                run(f"UPDATE access_glass {change}")
        with pytest.raises(DatabaseError, match="permission denied"):
            run("DELETE FROM access_glass")
        with pytest.raises(DatabaseError, match="permission denied"):
            run("INSERT INTO access_glass SELECT * FROM access_glass")
        close_glass(RECORDS, str(there.resident), by=by, at=now())
        assert run("UPDATE access_glass SET closed_at = NULL WHERE subject = %s", str(there.resident)) == 0
    with transaction.atomic(), scope(person("doctor2")):
        assert run("UPDATE access_glass SET closed_at = now()") == 0, "and nobody closes another's"


# --- traces ------------------------------------------------------------------------------------------------------------------


def reads(subject: object) -> int:
    return ReadLog.objects.using("owner").filter(purpose="glass", subject=str(subject), account_id=person("doctor").id).count()


def test_the_opening_and_every_page_shown_under_it_are_logged(there: There) -> None:
    token = token_for(person("doctor"))
    closed = call("GET", f"/residents/{there.resident}/", token)
    assert WORDS not in closed.body
    assert "Open in an emergency" in closed.body
    assert reads(there.resident) == 0
    answer = call("POST", f"/residents/{there.resident}/glass/", token, form(reason=WHY))
    assert (answer.status, answer.location) == (303, f"/residents/{there.resident}/")
    assert reads(there.resident) == 1, "the opening itself"
    event = AuditEvent.objects.using("owner").get(action="glass.break", subject=str(there.resident))
    assert (event.actor_id, event.org_id, event.detail["minutes"]) == (person("doctor").id, person("doctor").org_id, 60)
    assert WHY not in str(event.detail)
    for path, subject in (
        (f"/residents/{there.resident}/", there.resident),
        (f"/visits/{there.visit}/", there.visit),
        (f"/referrals/{there.case}/", there.case),
    ):
        before = reads(subject)
        page = call("GET", path, token)
        assert page.status == 200
        assert "Emergency access until" in page.body
        assert "Close now" in page.body
        assert reads(subject) == before + 1, path
    assert WORDS in call("GET", f"/visits/{there.visit}/", token).body
    assert WORDS in call("GET", f"/referrals/{there.case}/", token).body


def test_the_band_closes_it_at_once(there: There) -> None:
    token = token_for(person("doctor"))
    call("POST", f"/residents/{there.resident}/glass/", token, form(reason=WHY))
    answer = call("POST", f"/residents/{there.resident}/glass/close/", token, form())
    assert (answer.status, answer.location) == (303, f"/residents/{there.resident}/")
    page = call("GET", f"/residents/{there.resident}/", token)
    assert "Emergency access until" not in page.body
    assert there.case not in page.body
    assert call("GET", f"/visits/{there.visit}/", token).status == 404
    assert call("GET", f"/referrals/{there.case}/", token).status == 404
    assert AuditEvent.objects.using("owner").filter(action="glass.close", subject=str(there.resident)).count() == 1


def test_a_refused_opening_leaves_no_trace_of_one(there: There) -> None:
    with pytest.raises(IntegrityError, match="glass_reason"), transaction.atomic(), scope(person("doctor")):
        run(CALL, there.resident, " ", *ids())
    assert not AuditEvent.objects.using("owner").filter(action="glass.break", subject=str(there.resident)).exists()


# --- the security administrator ----------------------------------------------------------------------------------------------


def test_an_opening_goes_along_when_its_place_gets_another_code(there: There) -> None:
    """Else the administrators of the place would lose sight of it."""
    broken(person("doctor"), there)
    before = Glass.objects.using("owner").filter(path__startswith="350405").count()
    with transaction.atomic(using="load"):
        move_paths("350405", "350499")
        assert before > 0
        assert Glass.objects.using("load").filter(path__starts="350499").values("path").count() == before
        transaction.set_rollback(True, using="load")


def an_administrator(name: str, org_id: int) -> Person:
    """A security administrator of an institution of one's own."""
    return appointed(name, name, SECURITY_ADMIN, org_id)


def test_the_administrators_in_charge_are_told_at_once_and_see_it_unseen(there: There) -> None:
    security = person("security")
    token = token_for(security)
    broken(person("doctor"), there)
    deliver_left_over(at=now() + timedelta(hours=1), older_than=timedelta(0))
    name = Organisation.objects.using("owner").get(pk=person("doctor").org_id).name
    assert f"Emergency access was opened: {name}" in call("GET", "/", token).body
    with transaction.atomic(), scope(security, token):
        unseen = Glass.objects.filter(review=None).count()
    page = call("GET", "/glass/", token)
    assert f">{unseen}<span" in page.body, "the number in the menu"
    for shown in (WHY, person("doctor").name, str(there.resident)):
        assert shown in page.body
    assert there.case not in page.body
    assert ReadLog.objects.using("owner").filter(purpose="glass.list", account_id=security.id).exists()


def test_the_second_look_takes_it_off_the_list_and_is_kept_with_its_note(there: There) -> None:
    token = token_for(person("security"))
    broken(person("doctor"), there)
    row = opening_of(there)
    short = call("POST", f"/glass/{row.id}/review/", token, form(note="ok"))
    assert short.status == 409
    note = "called the ward; the patient was there"
    assert call("POST", f"/glass/{row.id}/review/", token, form(note=note)).status == 303
    again = call("POST", f"/glass/{row.id}/review/", token, form(note="a second opinion on it"))
    assert again.status == 409
    assert "Somebody else acted on this" in again.body
    assert str(there.resident) not in call("GET", "/glass/?size=100", token).body
    assert note in call("GET", "/glass/?show=all", token).body
    assert AuditEvent.objects.using("owner").filter(action="glass.review", subject=str(row.id)).count() == 1
    book = call("GET", "/glass/export.xlsx?show=all", token)
    assert book.raw.startswith(b"PK")


def test_an_administrator_sees_only_what_was_opened_within_their_reach(there: There) -> None:
    broken(person("doctor"), there)
    row = opening_of(there)
    near, far = an_administrator("security.a", person("doctor").org_id), an_administrator("security.b", other_doctor().org_id)
    with transaction.atomic(), scope(near):
        assert Glass.objects.filter(pk=row.pk).exists()
    with transaction.atomic(), scope(far) as by:
        assert not Glass.objects.filter(pk=row.pk).exists()
        with pytest.raises(Unknown):
            review_glass(row.pk, "nothing to see here", by=by, at=now(), policy=POLICY)
        with pytest.raises(DatabaseError, match="row-level security"):
            run("INSERT INTO access_glassreview VALUES (%s, %s, 'x', now(), 'x')", row.pk, by.account_id)
    with transaction.atomic():
        assert watchers(Organisation.objects.get(pk=near.org_id).path, now()) == [near.org_id], "the nearest is told"
    Post.objects.using("load").filter(account_id__in=[near.id, far.id]).update(end=now())


def test_nobody_but_a_security_administrator_reviews(there: There) -> None:
    doctor = person("doctor")
    broken(doctor, there)
    row = opening_of(there)
    for login in ("doctor", "system", "audit", "officer"):
        assert call("POST", f"/glass/{row.id}/review/", token_for(person(login)), form(note=WHY)).status == 403
        with transaction.atomic(), scope(person(login)) as by, pytest.raises(DatabaseError, match="row-level security"):
            run("INSERT INTO access_glassreview VALUES (%s, %s, 'x', now(), 'x')", row.pk, by.account_id)
    with transaction.atomic(), scope(person("security")), pytest.raises(DatabaseError, match="row-level security"):
        run("INSERT INTO access_glassreview VALUES (%s, %s, 'x', now(), 'x')", row.pk, doctor.id)


def test_an_unreadable_cursor_shows_the_first_page(house_file: object) -> None:
    token = token_for(person("security"))
    for before in ("x", "2026-01-01_x", "2026-01-01T00:00:00_00000000-0000-7000-8000-000000000000", "9" * 400):
        assert call("GET", f"/glass/?show=all&before={before}", token).status == 200


def test_a_registered_stranger_can_be_opened_at_home_too(house_file: object) -> None:
    """One's own resident: what others wrote is opened all the same."""
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        made = registry.register(new_resident("林救急", new_card(), "", "", now().date()), by=by, at=now())
        assert registry.break_glass(made.id, WHY, by=by, at=now())
