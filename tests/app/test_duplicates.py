"""Records of one person in the house: proposed, linked, seen together, undone; and people entered without a card."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connections, transaction

from fenji.care.catalogue.queries import diagnosis
from fenji.care.registry import actions, queries
from fenji.care.registry.actions import duplicates as module
from fenji.care.registry.models import Duplicate, Resident
from fenji.care.registry.rules import new_resident, newborn, unknown_person, with_document
from fenji.care.visits import actions as visits
from fenji.care.visits.queries import visits_of
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.world.county import Person
from tests.app.forms import card_of, post
from tests.app.wsgi import call
from tests.cast import a_resident, other_doctor, person, scope, token_for

TODAY = local_day(now())


def somebody(by: Actor, stem: str, name: str = "陈双份", phone: str = "", address: str = "") -> Resident:
    return actions.register(new_resident(name, card_of(stem), phone, address, TODAY), by=by, at=now())


def abroad(by: Actor, name: str, born: date, phone: str = "", address: str = "", number: str = "") -> Resident:
    number = number or f"CHNE{uuid4().int % 10**8:08d}"
    new = with_document(name, "passport", number, "1", born, phone, address, TODAY)
    return actions.register(new, by=by, at=now())


def pair_of(one: Resident, other: Resident) -> Duplicate | None:
    first, second = sorted((one.pk, other.pk))
    return Duplicate.objects.filter(first_id=first, second_id=second).first()


# --- proposed ----------------------------------------------------------------------------------------------------------------


def test_a_number_with_a_slip_under_the_same_name_is_proposed_at_once(db: None) -> None:
    with scope(person("doctor")) as by:
        one = somebody(by, "35018119610203001")
        other = somebody(by, "35018119610203021")
        stranger = somebody(by, "35018119610203005", "陈另人")
        found = pair_of(one, other)
        assert found is not None
        assert (found.reason, found.state, found.org_id) == ("slip", "proposed", by.org_id)
        assert pair_of(one, stranger) is None


@pytest.mark.parametrize(
    ("phone", "address", "reason"),
    [("13900000077", "", "phone"), ("", "测试路77号", "address"), ("", "", None)],
)
def test_name_birth_and_sex_need_a_phone_or_an_address_in_common(db: None, phone: str, address: str, reason: str | None) -> None:
    with scope(person("doctor")) as by:
        one = somebody(by, "35018119620203001", phone=phone, address=address)
        other = abroad(by, "陈双份", date(1962, 2, 3), phone, address)
        found = pair_of(one, other)
        assert (found.reason if found else None) == reason


def test_records_of_other_institutions_are_not_compared(db: None) -> None:
    with scope(other_doctor()) as by:
        one = somebody(by, "35018119630203001", phone="13900000078")
    with scope(person("doctor")) as by:
        other = abroad(by, "陈双份", date(1963, 2, 3), "13900000078")
        assert pair_of(one, other) is None
        # who was opened through the door is seen, and compared
        assert actions.find_by_identity(card_of("35018119630203001"), by=by) == one.pk
        third = abroad(by, "陈双份", date(1963, 2, 3), "13900000078")
        assert pair_of(one, third) is not None


def test_the_sweep_compares_what_came_in_bulk(house_file: object) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        one = somebody(by, "35018119640203001", "陈夜扫")
        other = somebody(by, "35018119640203003", "陈夜扫")
    Duplicate.objects.using("load").filter(second=max(one.pk, other.pk)).update(state="proposed")
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM registry_duplicate WHERE first_id = ANY (%s)", [[one.pk, other.pk]])
    Resident.objects.using("load").filter(pk=other.pk).update(matched=False)
    assert actions.look_for_duplicates(at=now()) >= 1
    found = Duplicate.objects.using("load").get(second=max(one.pk, other.pk))
    assert (found.reason, found.state) == ("slip", "proposed")
    assert not Resident.objects.using("load").filter(matched=False).exists()
    assert actions.look_for_duplicates(at=now()) == 0


def test_a_million_pairs_are_not_looked_at(house_file: object) -> None:
    """One new record among six thousand is compared with a handful."""
    with transaction.atomic(), scope(person("doctor")):
        one = a_resident(person("doctor"), 7)
        assert len(list(queries.candidates([one]))) < 50


def test_candidates_come_through_indexes_under_row_level_security(db: None) -> None:
    with scope(person("doctor")):
        one = a_resident(person("doctor"), 8)
        assert "resident_name" in Resident.objects.filter(name__in={one.name}).explain()
        assert "resident_born" in Resident.objects.filter(birth_date__in={one.birth_date}).explain()


# --- linked ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(db: None) -> tuple[Resident, Resident, Duplicate]:
    with scope(person("doctor")) as by:
        one = somebody(by, "35018119650203001", "陈连接")
        other = somebody(by, "35018119650203003", "陈连接")
        found = pair_of(one, other)
        assert found is not None
        for r, text in ((one, "first"), (other, "second")):
            visits.register(r, visits.NewVisit(diagnosis("I10.x00"), text, False), by=by, at=now())
        return one, other, found


def test_a_link_shows_both_as_one_and_can_be_undone(two: tuple[Resident, Resident, Duplicate]) -> None:
    one, other, found = two
    with scope(person("doctor")) as by:
        linked = actions.link(found.pk, one.pk, version=1, by=by, at=now())
        assert queries.canonical(other.pk) == queries.canonical(one.pk) == one.pk
        assert queries.linked(other.pk) == (one.pk, other.pk)
        assert [r.pk for r in queries.search("陈连接")] == [one.pk]
        assert {v.complaint for v in visits_of(one.pk, 10)} == {v.complaint for v in visits_of(other.pk, 10)} == {"first", "second"}
        actions.unlink(found.pk, version=linked.version, by=by, at=now())
        assert queries.canonical(other.pk) == other.pk
        assert {r.pk for r in queries.search("陈连接")} == {one.pk, other.pk}
        assert [v.complaint for v in visits_of(one.pk, 10)] == ["first"]
    trail = AuditEvent.objects.using("default")
    with scope(person("audit")):
        assert [a.action for a in trail.filter(subject=str(other.pk)).order_by("at", "id")][-2:] == [
            "resident.link",
            "resident.unlink",
        ]


def test_links_form_no_ring_and_a_chain_has_one_head(db: None) -> None:
    with scope(person("doctor")) as by:
        a, b, c = (somebody(by, f"3501811966020300{n}", "陈成环") for n in (1, 3, 5))
        pairs = {frozenset((x.pk, y.pk)): pair_of(x, y) for x, y in ((a, b), (b, c), (a, c))}
        assert all(pairs.values())

        def link(x: Resident, y: Resident) -> None:
            found = pair_of(x, y)
            assert found is not None
            actions.link(found.pk, x.pk, version=found.version, by=by, at=now())

        link(b, c)
        link(a, b)
        assert queries.linked(c.pk) == (a.pk, b.pk, c.pk)
        with pytest.raises(actions.CannotLink):
            link(c, a)
        middle = pair_of(b, c)
        assert middle is not None
        actions.unlink(middle.pk, version=middle.version, by=by, at=now())
        assert queries.linked(a.pk) == (a.pk, b.pk)
        assert queries.linked(c.pk) == (c.pk,)


def test_who_was_told_apart_is_not_proposed_again(two: tuple[Resident, Resident, Duplicate]) -> None:
    one, other, found = two
    with scope(person("doctor")) as by:
        actions.tell_apart(found.pk, version=1, by=by, at=now())
        actions.propose_for([one, other], at=now())
        again = pair_of(one, other)
        assert again is not None
        assert (again.pk, again.state) == (found.pk, "distinct")
        with pytest.raises(Stale):
            actions.tell_apart(found.pk, version=1, by=by, at=now())


def test_a_room_above_is_told_in_the_same_transaction(
    two: tuple[Resident, Resident, Duplicate], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, found = two
    told: list[tuple[UUID, ...]] = []
    monkeypatch.setattr(module, "_LINKED", [])
    actions.register_linked(lambda residents, by, at: told.append(residents))
    with scope(person("doctor")) as by:
        actions.link(found.pk, other.pk, version=1, by=by, at=now())
        assert told == [(other.pk, one.pk)]
        again = pair_of(one, other)
        assert again is not None
        actions.unlink(again.pk, version=again.version, by=by, at=now())

        def breaks(residents: object, by: object, at: object) -> None:
            raise Stale

        actions.register_linked(breaks)
        with pytest.raises(Stale), transaction.atomic():
            actions.link(found.pk, other.pk, version=3, by=by, at=now())
        assert queries.canonical(one.pk) == one.pk


def test_a_record_that_was_only_opened_through_the_door_is_not_covered(db: None) -> None:
    with scope(other_doctor()) as by:
        there = somebody(by, "35018119670203001", phone="13900000079")
    with scope(person("doctor")) as by:
        actions.find_by_identity(card_of("35018119670203001"), by=by)
        here = abroad(by, "陈双份", date(1967, 2, 3), "13900000079")
        found = pair_of(there, here)
        assert found is not None
        with pytest.raises(actions.CannotLink):
            actions.link(found.pk, here.pk, version=1, by=by, at=now())
        actions.link(found.pk, there.pk, version=1, by=by, at=now())
        assert queries.canonical(here.pk) == there.pk
    with scope(other_doctor()):
        # the other institution does not come to see what it did not see before
        assert queries.linked(there.pk) == (there.pk,)
        with pytest.raises(Unknown):
            queries.duplicate(found.pk)


@pytest.mark.parametrize("login", ["reviewer", "desk", "head", "officer", "system", "audit"])
def test_other_roles_link_nothing(two: tuple[Resident, Resident, Duplicate], login: str) -> None:
    with scope(person(login)) as by:
        for act in (
            lambda: actions.link(two[2].pk, two[0].pk, version=1, by=by, at=now()),
            lambda: actions.unlink(two[2].pk, version=1, by=by, at=now()),
            lambda: actions.tell_apart(two[2].pk, version=1, by=by, at=now()),
            lambda: actions.compare(two[0].pk, two[1].pk, by=by, at=now()),
        ):
            with pytest.raises(NotPermitted):
                act()


def test_two_who_link_two_records_either_way_at_once_make_one_link(house_file: object) -> None:
    people = [person("doctor"), person("doctor2")]
    tokens = [token_for(p) for p in people]
    seen = Counter[str]()
    for turn in range(4):
        with transaction.atomic(), scope(people[0], tokens[0]) as by:
            one, other = (abroad(by, "陈同时", date(1968, 2, 1 + turn), address=f"{n} 号") for n in (1, 2))
            found = actions.compare(one.pk, other.pk, by=by, at=now())
        with ThreadPoolExecutor(2) as pool:
            link = partial(_linked, found, people, tokens, threading.Barrier(2))
            seen.update(pool.map(link, range(2)))
        rows = Resident.objects.using("load").filter(pk__in=(one.pk, other.pk), canonical__isnull=False)
        assert rows.count() == 1
    assert seen == {"linked": 4, "refused": 4}


def _linked(found: Duplicate, people: list[Person], tokens: list[str], barrier: threading.Barrier, i: int) -> str:
    try:
        with transaction.atomic(), scope(people[i], tokens[i]) as by:
            barrier.wait(timeout=60)
            kept = (found.first_id, found.second_id)[i]
            actions.link(found.pk, kept, version=found.version, by=by, at=now())
        return "linked"
    except (Stale, actions.CannotLink):
        return "refused"
    finally:
        connections.close_all()


# --- without a card ----------------------------------------------------------------------------------------------------------


def test_an_unknown_person_is_entered_and_identified_later_with_everything_kept(db: None) -> None:
    with scope(person("doctor")) as by:
        found = actions.register(unknown_person("无名氏1122-0915", "1", 60, "车站广场 左臂纹身", TODAY), by=by, at=now())
        assert (found.entry, found.birth_estimated, found.birth_date.month) == ("unknown", True, 1)
        visits.register(found, visits.NewVisit(diagnosis("I21.900"), "found unconscious", True), by=by, at=now())
        new = with_document("陈认出", "identity", card_of("35018119690203001"), "", None, "", "", TODAY)
        known = actions.identify(found.pk, new, version=1, by=by, at=now())
        assert (known.pk, known.name, known.entry, known.birth_date) == (found.pk, "陈认出", "", date(1969, 2, 3))
        assert known.address == "车站广场 左臂纹身"
        assert actions.find_by_identity(card_of("35018119690203001"), by=by) == found.pk
        assert len(visits_of(found.pk, 5)) == 1
        with pytest.raises(actions.AlreadyIdentified):
            actions.identify(found.pk, new, version=2, by=by, at=now())


def test_an_unknown_person_who_is_on_file_is_led_to_a_comparison(house_file: object) -> None:
    doctor = token_for(person("doctor"))
    with transaction.atomic(), scope(person("doctor")) as by:
        on_file = somebody(by, "35018119690304001", "陈原有")
        found = actions.register(unknown_person("无名氏2", "1", 57, "路边", TODAY), by=by, at=now())
    fields = {"kind": "identity", "document": card_of("35018119690304001"), "name": "陈原有", "_version": 1}
    answer = post(doctor, f"/residents/{found.pk}/identify/", **fields)
    assert answer.status == 303
    assert answer.location.startswith("/residents/duplicates/")
    page = call("GET", answer.location, doctor).body
    assert "陈原有" in page
    assert "无名氏2" in page
    linked = post(doctor, answer.location, decision="link", kept=str(on_file.pk), _version=1)
    assert linked.status == 303
    assert call("GET", f"/residents/{found.pk}/", doctor).location == f"/residents/{on_file.pk}/"
    assert post(doctor, answer.location, decision="undo", _version=2).status == 303
    assert call("GET", f"/residents/{found.pk}/", doctor).status == 200


def test_a_newborn_is_entered_under_its_mother_and_gets_its_number_later(db: None) -> None:
    with scope(person("doctor")) as by:
        mother = somebody(by, "35018119950203002", "陈母亲", "13900000081", "府前路1号")
        child = actions.register(newborn("陈母亲之子", "1", TODAY, mother.pk, "", "府前路1号", TODAY), by=by, at=now())
        assert queries.children_of(mother.pk) == [child]
        new = with_document("陈新生", "identity", card_of(f"350405{TODAY:%Y%m%d}001"), "", None, "", "", TODAY)
        assert actions.identify(child.pk, new, version=1, by=by, at=now()).mother_id == mother.pk
        with pytest.raises(Unknown):
            actions.register(newborn("陈无母", "1", TODAY, uuid4(), "", "", TODAY), by=by, at=now())


DOCUMENTS = [
    ("passport", "USA512345678", "SMITH JOHN"),
    ("hk_macau", "H98765432", "黄大仙"),
    ("taiwan", "98765432", "林台生"),
    ("residence", "USA350098765432", "SMITH JANE"),
    ("hmt_residence", card_of("81000019800102003"), "陈港生"),
    ("old_card", "350181500102003", "陈老证"),
]


@pytest.mark.parametrize(("kind", "number", "name"), DOCUMENTS)
def test_the_door_works_for_every_kind_of_document(house_file: object, kind: str, number: str, name: str) -> None:
    there = token_for(other_doctor())
    fields = {"kind": kind, "document": number, "name": name, "sex": "1", "birth_date": "1980-01-02"}
    made = post(there, f"/residents/new/{kind}/", **fields)
    assert made.status == 303, made.body
    here = token_for(person("doctor"))
    assert call("GET", made.location, here).status == 404
    assert post(here, "/residents/door/", kind=kind, identity=f" {number[:3]} {number[3:].lower()}").location == made.location
    assert call("GET", made.location, here).status == 200
    again = post(here, f"/residents/new/{kind}/", **fields)
    assert (again.status, again.location) == (303, made.location)


def test_the_door_tells_kinds_apart_and_carries_a_missed_number_to_the_right_form(doctor: str) -> None:
    missed = post(doctor, "/residents/door/", kind="taiwan", identity="11112222")
    assert missed.location.startswith("/residents/new/taiwan/?card=")
    assert 'value="11112222"' in call("GET", missed.location, doctor).body
    wrong = post(doctor, "/residents/door/", kind="hk_macau", identity="11112222")
    assert wrong.status == 422
    assert "H or M and 8 digits" in wrong.body
    assert post(doctor, "/residents/door/", kind="x", identity="11112222").status == 422


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("passport", {"document": "CHNE12345678", "name": "陈", "birth_date": "1980-01-01"}, "Choose the sex"),
        ("passport", {"document": "CHNE12345678", "name": "陈", "sex": "1"}, "Enter the birth date"),
        ("passport", {"document": "CHNE12345678", "name": "陈", "sex": "1", "birth_date": "1899-01-01"}, "born before 1900"),
        ("passport", {"document": "CHNE12345678", "name": "陈", "sex": "1", "birth_date": "2190-01-01"}, "lies in the future"),
        ("passport", {"document": "x", "name": "陈", "sex": "1", "birth_date": "1980-01-01"}, "three letters of the issuing state"),
        ("unknown", {"sex": "", "years": "40", "address": "x"}, "required"),
        ("unknown", {"sex": "1", "years": "400", "address": "x"}, "less than or equal to 120"),
        ("unknown", {"sex": "1", "years": "", "address": "x"}, "required"),
    ],
)
def test_a_form_without_a_card_names_what_is_missing(doctor: str, kind: str, fields: dict[str, str], says: str) -> None:
    before = Resident.objects.using("load").count()
    answer = post(doctor, f"/residents/new/{kind}/", kind=kind, **fields)
    assert answer.status == 422
    assert says in answer.body
    assert Resident.objects.using("load").count() == before


def test_an_unknown_kind_or_mother_is_no_page(doctor: str) -> None:
    for path in ("/residents/new/nothing/", "/residents/new/newborn/", f"/residents/new/newborn/?mother={uuid4()}"):
        assert call("GET", path, doctor).status == 404


def test_the_pair_of_others_cannot_be_planted_or_read_by_raw_sql(db: None) -> None:
    with scope(other_doctor()) as by:
        one, other = somebody(by, "35018119700203001", "陈别处"), somebody(by, "35018119700203003", "陈别处")
        found = pair_of(one, other)
        assert found is not None
    with scope(person("doctor")), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_duplicate WHERE id = %s", [found.pk])
        assert cursor.fetchone() == (0,)
        cursor.execute("UPDATE registry_resident SET canonical_id = %s WHERE id = %s", [one.pk, other.pk])
        assert cursor.rowcount == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            cursor.execute(
                "INSERT INTO registry_duplicate (id, version, org_id, path, first_id, second_id, reason, state, found_at,"
                " decided_by)"
                " VALUES (gen_random_uuid(), 1, %s, %s, %s, %s, 'chosen', 'proposed', now(), '')",
                [one.home_org_id, one.path, other.pk, one.pk],
            )


def test_the_worklist_and_its_spreadsheet(house_file: object) -> None:
    who: Person = person("doctor")
    with transaction.atomic(), scope(who) as by:
        one = somebody(by, "35018119710203001", "陈列表")
        somebody(by, "35018119710203003", "陈列表")
    token = token_for(who)
    assert "陈列表" in call("GET", "/residents/duplicates/", token).body
    assert call("GET", "/residents/duplicates/export.xlsx", token).status == 200
    assert "陈列表" not in call("GET", "/residents/duplicates/?state=linked", token).body
    page = call("GET", f"/residents/{one.pk}/", token).body
    assert "Another record may be the same person" in page
    assert call("GET", "/residents/duplicates/", token_for(person("desk"))).status == 403
