"""A bed for a case, up and down: found and held on its page, theirs on arrival, given back when the case goes elsewhere or ends."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import transaction

from fenji.care.booking import actions as booking
from fenji.care.booking import queries as bookings
from fenji.care.booking.models import Bed, BedHold, WaitEntry, Ward
from fenji.care.referral import actions, queries, rules
from fenji.care.referral.models import Case
from fenji.care.visits.models import Stay
from fenji.care.visits.queries import stay as stay_of
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Unknown
from fenji.ground.tasks.models import WorkItem
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL
from tests.app.test_beds import a_department, admitted
from tests.booking import a_bed, a_ward, nobody_has_a_bed
from tests.cast import NOT_IN_CATALOGUE, a_case, client_for, finish, form, other_doctor, person, scope
from tests.down import offered_down

_TURN = iter(range(232, 260))


@pytest.fixture
def clean(house_file: object) -> Iterator[None]:
    """Written for good; before and afterwards no bed is held or waited for."""
    nobody_has_a_bed()
    yield
    nobody_has_a_bed()


@pytest.fixture
def up(clean: None) -> Iterator[Case]:
    """An up-referral that is offered to the county hospital."""
    with transaction.atomic(), scope(person("doctor")) as by:
        case = a_case(by, person("doctor"), number=next(_TURN), code=NOT_IN_CATALOGUE)
    assert case.state == "offered"
    yield case
    finish(case.number)


@pytest.fixture
def down(clean: None) -> Case:
    """A down-referral that is offered to the doctor's township."""
    with transaction.atomic(), scope(person("specialist")) as by:
        return offered_down(by)


def act(case: Case, login: str, verb: str, *args: object, **more: object) -> Case:
    version = Case.objects.using("owner").get(pk=case.pk).version
    with transaction.atomic(), scope(person(login)) as by:
        return getattr(actions, verb)(case.number, *args, version=version, by=by, at=now(), **more)


def a_room(count: int = 1, **facts: object) -> tuple[Ward, list[Bed]]:
    with transaction.atomic(), scope(person("director")) as by:
        ward = a_ward(by, now())
        return ward, [a_bed(ward, by, now(), **facts) for _ in range(count)]


def a_room_below() -> tuple[Ward, Bed]:
    """A ward of the doctor's township with one bed."""
    with transaction.atomic():
        department = a_department(person("doctor"), now())
        with scope(person("head")) as by:
            ward = a_ward(by, now(), department=department)
            return ward, a_bed(ward, by, now())


def hold(case: Case, bed: Bed, login: str = "doctor", isolation: bool = False) -> BedHold:
    with transaction.atomic(), scope(person(login)) as by:
        return actions.hold_bed(case.number, bed.id, isolation, by=by, at=now())


def wait(case: Case, ward: Ward, login: str = "doctor") -> WaitEntry:
    with transaction.atomic(), scope(person(login)) as by:
        return actions.wait_for_bed(case.number, ward.id, False, by=by, at=now())


def state(held: BedHold) -> tuple[str, str]:
    row = BedHold.objects.using("owner").get(pk=held.pk)
    return row.state, row.end_reason


def steps(case: Case) -> set[str]:
    found = WorkItem.objects.using("owner").filter(subject__startswith=f"{case.number}/", closed_at=None)
    return set(found.values_list("kind", flat=True))


def test_a_bed_of_the_receiver_is_held_for_the_patient_of_the_case(up: Case) -> None:
    _ward, (bed,) = a_room()
    held = hold(up, bed)
    assert (held.subject, held.url, held.sex) == (up.number, f"/referrals/{up.number}/", up.patient_sex)
    assert held.who[1:] in ("×", "××")
    assert set(held.viewer_ids) == {up.origin_id, up.receiver_id}
    assert steps(up) == {"booking.bed_held"}
    with transaction.atomic(), scope(person("desk")) as by:
        assert queries.case(up.number).number == up.number, "the ward can open the case"
        booking.confirm_bed(held.id, version=1, by=by, at=now())


def test_on_its_page_the_case_leads_to_the_beds_and_one_click_holds_one(up: Case) -> None:
    _ward, (bed,) = a_room(sex=up.patient_sex)
    other, _none = a_room(0)
    doctor = client_for(person("doctor"))
    link = f"/referrals/{up.number}/bed/"
    assert link in doctor.get(f"/referrals/{up.number}/").content.decode()
    assert link not in client_for(person("desk")).get(f"/referrals/{up.number}/").content.decode()
    page = doctor.get(link).content.decode()
    assert f'value="{bed.id}"' in page
    assert f'value="{other.id}"' in page, "a ward without a bed that suits is waited for"
    assert f'value="{bed.id}"' not in doctor.get(f"{link}?isolation=on").content.decode()
    assert doctor.post(link, form()).status_code == 422
    refused = doctor.post(link, form(bed=bed.id, isolation="on"))
    assert refused.status_code == 409
    assert "this bed has none" in refused.content.decode()
    sent = doctor.post(link, form(bed=bed.id))
    assert (sent.status_code, sent["Location"]) == (303, f"/referrals/{up.number}/")
    for login in ("doctor", "desk"):
        shown = client_for(person(login)).get(f"/referrals/{up.number}/").content.decode()
        assert bed.name in shown, login
        assert "held until" in shown
    assert client_for(other_doctor()).get(link).status_code == 404
    assert client_for(person("desk")).get(link).status_code == 403
    assert client_for(person("specialist")).get(link)["Location"] == f"/referrals/{up.number}/", "the receiver looks at the case"


def test_where_nothing_suits_the_patient_waits_and_the_case_says_so(up: Case) -> None:
    ward, _none = a_room(0)
    doctor = client_for(person("doctor"))
    assert doctor.post(f"/referrals/{up.number}/bed/", form(ward=ward.id)).status_code == 303
    assert "Waits for a bed" in doctor.get(f"/referrals/{up.number}/").content.decode()
    assert doctor.post(f"/referrals/{up.number}/bed/", form(ward=ward.id)).status_code == 409
    assert up.number in client_for(person("desk")).get("/beds/waiting/").content.decode()
    entry = WaitEntry.objects.using("owner").get(subject=up.number, kind="bed")
    assert (entry.priority, entry.state) == ("up_referred", "waiting")
    with transaction.atomic(), scope(person("director")) as by:
        a_bed(ward, by, now())
    assert booking.offer_beds(at=now()) == 1
    assert BedHold.objects.using("owner").get(subject=up.number).state == "held"


def test_only_the_sender_looks_for_a_bed_only_at_the_receiver_and_only_while_the_patient_is_awaited(up: Case) -> None:
    ward, (bed,) = a_room()
    with transaction.atomic(), scope(person("specialist")) as by, pytest.raises(rules.NotYourMove):
        actions.hold_bed(up.number, bed.id, False, by=by, at=now())
    with transaction.atomic(), scope(person("nurse")) as by, pytest.raises((rules.NotYourMove, NotPermitted)):
        actions.hold_bed(up.number, bed.id, False, by=by, at=now())
    with transaction.atomic(), scope(other_doctor()) as by, pytest.raises(Unknown):
        actions.hold_bed(up.number, bed.id, False, by=by, at=now())
    _below, below = a_room_below()
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(Unknown):
        actions.hold_bed(up.number, below.id, False, by=by, at=now())
    act(up, "doctor", "end", "withdraw", note="x")
    with transaction.atomic(), scope(person("doctor")) as by:
        with pytest.raises(rules.NotPossible):
            actions.hold_bed(up.number, bed.id, False, by=by, at=now())
        with pytest.raises(rules.NotPossible):
            actions.wait_for_bed(up.number, ward.id, False, by=by, at=now())


ELSEWHERE = [
    ("doctor", "end", ("withdraw",), {"note": "x"}),
    ("desk", "decline", (), {"note": "full"}),
    ("desk", "redirect", (CITY_HOSPITAL,), {"note": "device"}),
    ("doctor", "end", ("chose_elsewhere",), {"note": "x"}),
]


@pytest.mark.parametrize(("login", "verb", "args", "more"), ELSEWHERE, ids=["withdraw", "decline", "redirect", "chose_elsewhere"])
def test_the_bed_is_given_back_in_the_same_change_when_the_patient_goes_elsewhere(
    up: Case, login: str, verb: str, args: tuple[object, ...], more: dict[str, object]
) -> None:
    ward, (bed,) = a_room()
    waiting, held = wait(up, ward), hold(up, bed)
    act(up, login, verb, *args, **more)
    assert state(held)[0] == "released"
    assert WaitEntry.objects.using("owner").get(pk=waiting.pk).state == "left"
    assert steps(up) == set()


def test_who_does_not_come_needs_no_bed(up: Case) -> None:
    _ward, (bed,) = a_room()
    act(up, "desk", "accept")
    held = hold(up, bed)
    act(up, "desk", "miss", note="x")
    assert state(held) == ("released", "missed")


def test_an_emergency_that_ends_the_case_gives_its_bed_back(up: Case) -> None:
    ward, (bed,) = a_room()
    held, waiting = hold(up, bed), wait(up, ward)
    number = _place_in_the_list(up)
    with transaction.atomic(), scope(person("doctor")) as by:
        green = a_case(by, person("doctor"), number=number, code=NOT_IN_CATALOGUE, emergency=True)
    assert Case.objects.using("owner").get(pk=up.pk).state == "superseded"
    assert state(held) == ("released", "superseded")
    assert WaitEntry.objects.using("owner").get(pk=waiting.pk).state == "left"
    assert steps(up) == set()
    finish(green.number)


def _place_in_the_list(case: Case) -> int:
    """Where the case's resident stands among those of the institution, as the cast counts them."""
    from fenji.care.registry.models import Resident

    ids = list(Resident.objects.using("owner").filter(home_org_id=case.origin_id).order_by("id").values_list("id", flat=True))
    return ids.index(case.resident_id)


def test_the_bed_is_the_patients_when_they_arrive(up: Case) -> None:
    _ward, (bed,) = a_room()
    held = hold(up, bed)
    act(up, "desk", "accept")
    act(up, "desk", "arrive")
    row = BedHold.objects.using("owner").get(pk=held.pk)
    assert (row.state, row.ended_at) == ("confirmed", None), "kept from now on until the ward has put them into it"
    assert steps(up) == set()
    with transaction.atomic():
        admitted(person("specialist"), bed.name, now())
    with transaction.atomic(), scope(person("desk")) as by:
        booking.use_bed(held.id, version=row.version, by=by, at=now())
    assert state(held) == ("used", "")


def test_a_bed_in_which_somebody_lies_on_arrival_is_used(up: Case) -> None:
    _ward, (bed,) = a_room()
    held = hold(up, bed)
    act(up, "desk", "accept")
    with transaction.atomic():
        admitted(person("specialist"), bed.name, now())
    act(up, "desk", "arrive")
    assert state(held) == ("used", "")


# --- the way down ------------------------------------------------------------------------------------------------------------


def test_on_the_way_down_the_hold_becomes_a_stay_when_a_doctor_of_the_branch_receives_the_patient(down: Case) -> None:
    ward, bed = a_room_below()
    held = hold(down, bed, "specialist")
    assert {w.role for w in WorkItem.objects.using("owner").filter(subject=f"{down.number}/bed")} == {"doctor"}, "no desk there"
    with transaction.atomic(), scope(person("doctor")) as by:
        booking.confirm_bed(held.id, version=1, by=by, at=now())
    act(down, "doctor", "accept")
    act(down, "doctor", "arrive")
    assert state(held) == ("used", "")
    stay = Stay.objects.using("owner").get(resident_id=down.resident_id, org_id=down.receiver_id, discharged_at=None)
    assert (stay.bed, stay.department_id, stay.doctor_id) == (bed.name, ward.department_id, person("doctor").id)
    with transaction.atomic(), scope(person("doctor")):
        assert [t.how for t in bookings.bed_facts(bookings.bed(bed.id), now()).takings] == ["lies"]


def test_received_by_the_head_the_bed_is_kept_until_somebody_admits_the_patient(down: Case) -> None:
    _ward, bed = a_room_below()
    held = hold(down, bed, "specialist")
    act(down, "head", "accept")
    act(down, "head", "arrive")
    assert state(held) == ("confirmed", "")
    assert not Stay.objects.using("owner").filter(resident_id=down.resident_id, org_id=down.receiver_id).exists()


def test_who_is_declined_below_gives_the_bed_back_and_who_waits_there_comes_after_those_who_go_up(down: Case) -> None:
    ward, bed = a_room_below()
    entry = wait(down, ward, "specialist")
    assert entry.priority == "returning"
    held = hold(down, bed, "specialist")
    act(down, "doctor", "decline", note="x")
    assert state(held) == ("released", "declined")


def test_without_a_bed_the_patient_arrives_all_the_same(down: Case) -> None:
    act(down, "doctor", "accept")
    assert act(down, "doctor", "arrive").state == "closed"


def test_the_branches_show_what_is_free_and_what_is_held(clean: None) -> None:
    _ward, bed = a_room_below()
    branch = person("doctor").org_id
    with transaction.atomic(), scope(person("specialist")) as by:
        case = offered_down(by)
        stay = stay_of(case.stay_id)
        before = next(b for b in queries.branches(stay, now()) if b.place.id == branch).beds
        assert before is not None
        others = [b.beds for b in queries.branches(stay, now()) if b.place.id not in (branch, COUNTY_HOSPITAL)]
        assert None in others, "most keep no wards"
    hold(case, bed, "specialist")
    with transaction.atomic(), scope(person("specialist")):
        after = next(b for b in queries.branches(stay_of(case.stay_id), now()) if b.place.id == branch).beds
        assert after is not None
        assert (after.free, after.held) == (before.free - 1, before.held + 1)
    page = client_for(person("specialist")).get(f"/referrals/down/{_another_stay()}/").content.decode()
    assert f"{after.held} held" in page
    assert "no wards kept here" in page


def _another_stay() -> UUID:
    from fenji.care.visits import actions as visits
    from tests.continuity import a_stay

    with transaction.atomic(), scope(person("specialist")) as by:
        stay = a_stay(by, now())
        return visits.judge(stay.pk, "acute_recovery", version=stay.version, by=by, at=now()).pk
