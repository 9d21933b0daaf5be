"""The slot of a referral: chosen with the form, held, extended, confirmed, used or missed, given back when it is not needed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import transaction

from fenji.care.booking import actions as booking
from fenji.care.booking import rules as slots
from fenji.care.booking.models import Booking, Slot, WaitEntry
from fenji.care.referral import actions, queries
from fenji.care.referral.models import Case
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.wsgi import call
from tests.cast import NOT_IN_CATALOGUE, a_case, form, other_doctor, person, scope, token_for


def free(org: int = COUNTY_HOSPITAL, number: int = 0) -> Slot:
    """A free slot of the hospital's cardiology."""
    rows = Slot.objects.using("load").filter(
        org_id=org, taken=False, outside="", voided_at=None, start_at__gt=now() + timedelta(minutes=2)
    )
    return rows.filter(session__department_id=org * 100 + 1, session__state="open", session__kind="clinic").order_by(
        "start_at", "id"
    )[number]


def state(number: str) -> list[str]:
    return list(Booking.objects.using("load").filter(subject=number).order_by("made_at", "id").values_list("state", flat=True))


def waits(number: str) -> list[str]:
    return list(WaitEntry.objects.using("load").filter(subject=number).order_by("asked_at").values_list("state", flat=True))


_TURN = iter(range(170, 230))


@pytest.fixture
def case(house_file: object) -> Case:
    """A draft with a held slot at the county hospital."""
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        return a_case(by, doctor, number=next(_TURN), code=NOT_IN_CATALOGUE, send=False, slot=free().id)


def act(case: Case, login: str, verb: str, **more: object) -> Case:
    with transaction.atomic(), scope(person(login)) as by:
        version = Case.objects.get(number=case.number).version
        return getattr(actions, verb)(case.number, version=version, by=by, at=now(), **more)


def test_the_slot_goes_with_the_case_from_held_to_used(case: Case) -> None:
    assert state(case.number) == ["held"]
    first = Booking.objects.using("load").get(subject=case.number)
    act(case, "doctor", "submit")
    extended = Booking.objects.using("load").get(pk=first.pk)
    assert extended.held_until > first.held_until
    act(case, "desk", "accept")
    assert state(case.number) == ["confirmed"]
    act(case, "desk", "arrive")
    assert state(case.number) == ["used"]


ELSEWHERE = [("decline", {"note": "full"}), ("redirect", {"note": "device", "receiver_id": CITY_HOSPITAL})]


@pytest.mark.parametrize(("verb", "more"), ELSEWHERE)
def test_a_slot_is_given_back_when_the_patient_goes_elsewhere(case: Case, verb: str, more: dict[str, object]) -> None:
    slot = Booking.objects.using("load").get(subject=case.number).slot_id
    act(case, "doctor", "submit")
    act(case, "desk", verb, **more)
    assert state(case.number) == ["released"]
    assert not Slot.objects.using("load").get(pk=slot).taken


@pytest.mark.parametrize("ending", ["withdraw", "chose_elsewhere", "died"])
def test_a_slot_is_given_back_when_the_case_ends(case: Case, ending: str) -> None:
    act(case, "doctor", "submit")
    with transaction.atomic(), scope(person("doctor")) as by:
        version = Case.objects.get(number=case.number).version
        actions.end(case.number, ending, version=version, by=by, at=now(), note="end")
    assert state(case.number) == ["released"]


def test_a_patient_who_did_not_come_has_missed_the_slot(case: Case) -> None:
    act(case, "doctor", "submit")
    act(case, "desk", "accept")
    act(case, "desk", "miss", note="nobody came")
    assert state(case.number) == ["missed"]


def test_a_hold_that_ran_out_before_sending_is_said_and_nothing_is_sent(case: Case) -> None:
    Booking.objects.using("owner").filter(subject=case.number).update(held_until=now() - timedelta(minutes=1))
    with pytest.raises(slots.HoldEnded):
        act(case, "doctor", "submit")
    assert Case.objects.using("load").get(number=case.number).state == "draft"


def test_a_slot_is_kept_while_the_reviewer_and_the_doctor_have_it_and_given_back_when_the_patient_stays(case: Case) -> None:
    Case.objects.using("owner").filter(pk=case.pk).update(
        state="in_review", review_org_id=case.origin_id, review_no=1, review_due_at=now(), review_route=[{"code": "review_own"}]
    )
    act(case, "reviewer", "treat_locally", note="a trial of treatment first")
    assert state(case.number) == ["held"]
    # the hold has run out and no sweep has come by yet: the doctor, who cannot choose anew, still may ask again
    Booking.objects.using("owner").filter(subject=case.number).update(held_until=now() - timedelta(minutes=1))
    act(case, "doctor", "ask_again", note="it has become worse")
    later = now() + timedelta(minutes=1)
    Booking.objects.using("owner").filter(subject=case.number).update(held_until=later)
    act(case, "reviewer", "complete", note="the X-ray is missing")
    act(case, "doctor", "submit")
    assert Booking.objects.using("load").get(subject=case.number).held_until > later
    Case.objects.using("owner").filter(pk=case.pk).update(state="local", holder_id=case.origin_id)
    act(case, "doctor", "treat_here", disposition="observe")
    assert state(case.number) == ["released"]


def test_a_hold_that_ran_out_before_acceptance_becomes_a_place_on_the_wait_list(case: Case) -> None:
    act(case, "doctor", "submit")
    Booking.objects.using("owner").filter(subject=case.number).update(held_until=now() - timedelta(minutes=1))
    booking.end_holds(at=now())
    assert state(case.number) == ["released"]
    act(case, "desk", "accept")
    assert waits(case.number) == ["waiting"]


def test_a_forgotten_draft_gives_its_slot_back(case: Case) -> None:
    late = now() + timedelta(days=60)
    assert actions.expire_forgotten(at=late) >= 1
    assert state(case.number) == ["released"]


def test_an_emergency_holds_no_slot_whatever_the_form_says(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        found = a_case(by, doctor, number=next(_TURN), code=NOT_IN_CATALOGUE, emergency=True, slot=free().id)
    assert state(found.number) == []


def test_a_slot_of_another_hospital_is_refused_and_nothing_is_written(house_file: object) -> None:
    doctor = person("doctor")
    before = Case.objects.using("load").count()
    with pytest.raises(actions.WrongReceiver), transaction.atomic(), scope(doctor) as by:
        a_case(by, doctor, number=next(_TURN), code=NOT_IN_CATALOGUE, slot=free(CITY_HOSPITAL).id)
    assert Case.objects.using("load").count() == before


@pytest.mark.parametrize("wish", [actions.Wish(first=True), actions.Wish(wait=True), actions.NO_WISH])
def test_who_did_not_come_is_booked_anew_with_the_next_offer(case: Case, wish: actions.Wish) -> None:
    act(case, "doctor", "submit")
    act(case, "desk", "accept")
    act(case, "desk", "miss", note="nobody came")
    act(case, "doctor", "offer_again", receiver_id=COUNTY_HOSPITAL, wish=wish)
    assert state(case.number) == ["missed", *(["held"] if wish.first else [])]
    assert waits(case.number) == (["waiting"] if wish.wait else [])


def test_the_form_after_a_refusal_books_the_first_free_slot_there(case: Case) -> None:
    act(case, "doctor", "submit")
    act(case, "desk", "decline", note="full")
    version = Case.objects.using("load").get(number=case.number).version
    fields = form(_version=version, receiver=COUNTY_HOSPITAL, note="again", booking="first")
    assert call("POST", f"/referrals/{case.number}/do/offer/", token_for(person("doctor")), fields).status == 303
    assert state(case.number) == ["released", "held"]


# --- the form ----------------------------------------------------------------------------------------------------------------


def _visit(number: int) -> str:
    from tests.app.forms import a_visit

    return a_visit(number)


FIELDS = {
    "diagnosis": "I21.900",
    "summary": "chest pain",
    "receiver": str(COUNTY_HOSPITAL),
    "override_reason": "",
    "consent_who": "patient",
}


def test_the_form_offers_slots_with_the_earliest_ticked_and_books_what_is_chosen(house_file: object) -> None:
    visit = _visit(next(_TURN))
    token = token_for(person("doctor"))
    page = call("GET", f"/referrals/verdict/{visit}/?diagnosis=I21.900&receiver={COUNTY_HOSPITAL}", token).body
    (chosen,) = re.findall(r'name="slot" value="([^"]+)" checked', page)
    slot = Slot.objects.using("load").select_related("session").get(pk=chosen)
    same = Slot.objects.using("load").filter(org_id=COUNTY_HOSPITAL, session__department_id=slot.session.department_id)
    earlier = same.filter(taken=False, outside="", voided_at=None, session__state="open", session__kind="clinic")
    assert not earlier.filter(start_at__lt=slot.start_at, start_at__gt=now()).exists()
    answer = call("POST", f"/referrals/new/{visit}/", token, form(**FIELDS, slot=chosen))
    assert answer.status == 303
    number = Case.objects.using("load").order_by("-created_at")[0].number
    assert state(number) == ["held"]
    assert Case.objects.using("load").get(number=number).department_id == slot.session.department_id


def test_a_slot_that_somebody_else_took_meanwhile_keeps_the_form_and_shows_what_is_free(house_file: object) -> None:
    visit = _visit(next(_TURN))
    slot = free()
    with transaction.atomic(), scope(other_doctor()) as by:
        a_case(by, other_doctor(), number=180, code=NOT_IN_CATALOGUE, slot=slot.id)
    before = Case.objects.using("load").count()
    answer = call("POST", f"/referrals/new/{visit}/", token_for(person("doctor")), form(**FIELDS, slot=str(slot.id)))
    assert answer.status == 409
    assert "Somebody else has this slot" in answer.body
    assert "chest pain" in answer.body
    assert str(slot.id) not in answer.body
    assert Case.objects.using("load").count() == before


def test_where_none_fits_the_hospital_is_asked_to_arrange_one(house_file: object) -> None:
    visit = _visit(next(_TURN))
    answer = call("POST", f"/referrals/new/{visit}/", token_for(person("doctor")), form(**FIELDS, slot="wait"))
    assert answer.status == 303
    number = Case.objects.using("load").order_by("-created_at")[0].number
    assert (state(number), waits(number)) == ([], ["waiting"])
    page = call("GET", f"/referrals/{number}/", token_for(person("doctor"))).body
    assert "the hospital arranges one by" in page


@pytest.mark.parametrize("typed", ["nonsense", "0" * 36, "' OR 1=1", "without", ""])
def test_what_is_no_slot_books_nothing(house_file: object, typed: str) -> None:
    visit = _visit(next(_TURN))
    answer = call("POST", f"/referrals/new/{visit}/", token_for(person("doctor")), form(**FIELDS, slot=typed))
    assert answer.status in (303, 404, 422, 409)
    if answer.status == 303:
        number = Case.objects.using("load").order_by("-created_at")[0].number
        assert state(number) == []


def test_the_earliest_slot_orders_the_receivers_of_one_alliance(house_file: object) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor):
        origin = Organisation.objects.get(pk=doctor.org_id)
        subject = queries.Subject("I21.900", "I21", "1", now().date() - timedelta(days=20000), emergency=False, override=False)
        found = queries.candidates(origin, subject, now())
    assert found[0].earliest.state == "free"
    assert found[0].earliest.slot.start_at == free(found[0].place.id).start_at
