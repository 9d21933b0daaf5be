"""Organisations and regions as they were and as they are: dated changes, mergers, code changes, alliances, posts, staff."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from fenji.care.referral.models import Case
from fenji.care.registry.models import Resident
from fenji.ground.access.models import Account, ScopeHandle
from fenji.ground.access.rules import AUDIT_ADMIN, DOCTOR, SECURITY_ADMIN, SYSTEM_ADMIN, Actor, house
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import Stale
from fenji.ground.network import actions, queries, rules
from fenji.ground.network.models import (
    PARTICULARS,
    Membership,
    Organisation,
    OrganisationVersion,
    Post,
    Practitioner,
    Region,
    RegionName,
)
from fenji.ground.network.queries import history
from fenji.ground.tasks.models import WorkItem
from fenji.world import county
from tests.cast import NOT_IN_CATALOGUE, a_case, person, scope, token_for

HOUSE = house(0)
YEAR = local_day(now()).year - 1
MID_YEAR = date(YEAR, 7, 1)
OLD = date(YEAR, 1, 1)


@pytest.fixture
def rolled_back(house_file: object) -> Iterator[None]:
    """Everything the loader's connection does in a test is taken back."""
    with transaction.atomic(using="load"):
        yield
        transaction.set_rollback(True, using="load")


def region(code: str) -> int:
    return queries.region_id(code, "load")


def _facts(name: str, code: str = "350405101", **more: Any) -> dict[str, Any]:
    return {"name": name, "region_id": region(code), "care_tier": "township", "ownership": "government", **more}


def an_organisation(name: str, start: date = OLD, code: str = "350405101", **more: Any) -> Organisation:
    new = actions.NewOrganisation("care", _facts(name, code, **more), start)
    return actions.found(new, by=HOUSE, at=now(), using="load")


def as_then(org_id: int, on: date) -> history.Then | None:
    return history.as_then(org_id, on, "load")


# --- as then, as today --------------------------------------------------------------------------------------------------------


def test_a_rename_in_mid_year_is_read_as_then_and_as_today(rolled_back: None) -> None:
    org = an_organisation("高桥卫生院")
    actions.change(org.id, 1, {"name": "高桥中心卫生院"}, on=MID_YEAR, reason="升格", by=HOUSE, at=now(), using="load")
    before, after = as_then(org.id, date(YEAR, 6, 30)), as_then(org.id, MID_YEAR)
    assert before is not None
    assert after is not None
    assert (before.name, after.name) == ("高桥卫生院", "高桥中心卫生院")
    assert as_then(org.id, OLD - timedelta(days=1)) is None
    assert Organisation.objects.using("load").get(pk=org.id).name == "高桥中心卫生院"


def test_a_correction_on_the_first_day_leaves_one_dated_row(rolled_back: None) -> None:
    org = an_organisation("错名卫生院")
    actions.change(org.id, 1, {"name": "正名卫生院"}, on=OLD, reason="", by=HOUSE, at=now(), using="load")
    rows = OrganisationVersion.objects.using("load").filter(org_id=org.id)
    assert [(r.name, r.end) for r in rows] == [("正名卫生院", None)]


def test_a_merger_in_mid_year_keeps_the_past_and_counts_it_for_the_successor_today(rolled_back: None) -> None:
    first, second = an_organisation("甲卫生院"), an_organisation("乙卫生院")
    actions.merge(first.id, 1, second.id, on=MID_YEAR, document="〔2025〕1号", by=HOUSE, at=now())
    then = as_then(first.id, date(YEAR, 6, 30))
    assert then
    assert then.name == "甲卫生院"
    assert as_then(first.id, MID_YEAR) is None
    assert history.as_today([first.id, second.id], "load") == {first.id: second.id, second.id: second.id}
    assert history.predecessors(second.id, "load") == [first.id]


def test_mergers_in_a_row_lead_to_the_last(rolled_back: None) -> None:
    a, b, c = (an_organisation(n) for n in ("子院", "丑院", "寅院"))
    actions.merge(a.id, 1, b.id, on=date(YEAR, 3, 1), document="", by=HOUSE, at=now())
    actions.merge(b.id, 1, c.id, on=date(YEAR, 9, 1), document="", by=HOUSE, at=now())
    assert history.as_today([a.id], "load") == {a.id: c.id}
    assert sorted(history.predecessors(c.id, "load")) == sorted([a.id, b.id])


def test_what_has_ended_cannot_be_merged_renamed_or_merged_into(rolled_back: None) -> None:
    a, b = an_organisation("卯院"), an_organisation("辰院")
    actions.merge(a.id, 1, b.id, on=MID_YEAR, document="", by=HOUSE, at=now())
    version = Organisation.objects.using("load").get(pk=a.id).version
    with pytest.raises(actions.BadChange):
        actions.change(a.id, version, {"name": "x"}, on=MID_YEAR, reason="", by=HOUSE, at=now(), using="load")
    with pytest.raises(rules.CannotMerge):
        actions.merge(b.id, 1, a.id, on=date(YEAR, 8, 1), document="", by=HOUSE, at=now())


def test_a_change_in_the_future_or_before_the_last_one_is_refused(rolled_back: None) -> None:
    org = an_organisation("巳院", start=MID_YEAR)
    for day in (local_day(now()) + timedelta(days=1), MID_YEAR - timedelta(days=1)):
        with pytest.raises(actions.BadChange):
            actions.change(org.id, 1, {"name": "x"}, on=day, reason="", by=HOUSE, at=now(), using="load")


def test_the_open_dated_row_always_equals_the_organisation(rolled_back: None) -> None:
    org = an_organisation("午院", grade="1A")
    for version, (day, facts) in enumerate(
        [(MID_YEAR, {"grade": "2B"}), (date(YEAR, 8, 1), {"name": "午中心院"}), (date(YEAR, 8, 1), {"grade": "2A"})], 1
    ):
        actions.change(org.id, version, facts, on=day, reason="", by=HOUSE, at=now(), using="load")
        own = Organisation.objects.using("load").get(pk=org.id)
        row = OrganisationVersion.objects.using("load").get(org_id=org.id, end=None)
        assert {f: getattr(own, f) for f in PARTICULARS} == {f: getattr(row, f) for f in PARTICULARS}


def test_dated_rows_of_one_organisation_never_overlap(rolled_back: None) -> None:
    org = an_organisation("未院")
    with pytest.raises(IntegrityError, match="organisationversion_apart"), transaction.atomic(using="load"):
        OrganisationVersion.objects.using("load").create(
            org_id=org.id, path=org.path, name="x", region_id=org.region_id, care_tier="township", start=MID_YEAR
        )


# --- the place of a hospital ---------------------------------------------------------------------------------------------------


def _living_at(org: Organisation) -> set[UUID]:
    return set(Resident.objects.using("load").filter(path=org.path).values_list("pk", flat=True))


def _with_a_resident(org: Organisation) -> UUID:
    resident = Resident.objects.using("load").order_by("pk").values_list("pk", flat=True)[0]
    Resident.objects.using("load").filter(pk=resident).update(path=org.path)
    return resident


def test_what_becomes_a_hospital_leaves_the_place_of_its_town_with_its_rows(rolled_back: None) -> None:
    org = an_organisation("升级卫生院")
    resident = _with_a_resident(org)
    assert org.path == f"350405101000/{org.id:08d}"
    up = actions.change(org.id, 1, {"care_tier": "county"}, on=MID_YEAR, reason="升格", by=HOUSE, at=now(), using="load")
    assert up.path == f"350405000000/{org.id:08d}"
    assert _living_at(up) == {resident}
    down = actions.change(org.id, up.version, {"care_tier": "township"}, on=MID_YEAR, reason="", by=HOUSE, at=now(), using="load")
    assert (down.path, _living_at(down)) == (org.path, {resident})


def test_a_hospital_that_an_earlier_release_placed_in_its_town_is_moved_to_its_county(rolled_back: None) -> None:
    hospital, centre = an_organisation("旧医院", care_tier="county"), an_organisation("旧卫生院")
    assert hospital.path == f"350405000000/{hospital.id:08d}"
    Organisation.objects.using("load").filter(pk=hospital.pk).update(path=f"350405101000/{hospital.id:08d}")
    resident = _with_a_resident(Organisation.objects.using("load").get(pk=hospital.pk))
    with connections["load"].cursor() as cursor:
        cursor.execute(import_module("fenji.ground.network.migrations.0007_hospitals_places")._MOVE)
    assert _living_at(hospital) == {resident}
    assert Organisation.objects.using("load").get(pk=hospital.pk).path == hospital.path
    assert Organisation.objects.using("load").get(pk=centre.pk).path == centre.path


# --- regions ------------------------------------------------------------------------------------------------------------------


def test_a_county_code_that_changes_in_mid_year_moves_everything_below_and_keeps_the_old_codes(rolled_back: None) -> None:
    last = date(2023, 6, 30)
    on = last + timedelta(days=200)
    org = an_organisation("申院", start=last)
    sha = region("350405")
    residents = Resident.objects.using("load").filter(path__starts="350405").count()
    assert residents > 100
    actions.change_region(sha, on=on, code="350499", name="新沙区", by=HOUSE, at=now())
    assert Resident.objects.using("load").filter(path__starts="350405").count() == 0
    assert Resident.objects.using("load").filter(path__starts="350499").count() == residents
    before, after = as_then(org.id, on - timedelta(days=1)), as_then(org.id, on)
    assert before is not None
    assert after is not None
    assert (before.county_code, after.county_code) == ("350405", "350499")
    assert Organisation.objects.using("load").get(pk=org.id).path == f"350499101000/{org.id:08d}"
    assert queries.place_of(org.id, "load").policy_path == ("35", "350400", "350499", f"org:{org.id}")
    assert region("350499101") == org.region_id


def test_every_table_with_a_place_moves_and_none_is_forgotten(house_file: object) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name IN ('path', 'place')"
        )
        assert sorted(cursor.fetchall()) == actions.placed_columns()
        for table, column in actions.placed_columns():
            cursor.execute("SELECT has_column_privilege('fenji_load', %s, %s, 'UPDATE')", [table, column])
            assert cursor.fetchone()[0], f"grant fenji_load UPDATE ({column}) on {table}: its rows move with their region"


def test_two_counties_become_one_with_an_id_of_its_own(rolled_back: None) -> None:
    on = date(2024, 7, 1)
    first, second = region("350421"), region("350423")
    towns = set(Region.objects.using("load").filter(parent_id__in=[first, second]).values_list("pk", flat=True))
    merged = actions.merge_regions([first, second], code="350498", name="新县", on=on, by=HOUSE, at=now())
    assert set(Region.objects.using("load").filter(parent=merged).values_list("pk", flat=True)) == towns
    assert not RegionName.objects.using("load").filter(region_id__in=[first, second], end=None).exists()
    codes = RegionName.objects.using("load").filter(region_id__in=towns, end=None).values_list("code", flat=True)
    assert all(c.startswith("350498") for c in codes)
    assert len(set(codes)) == len(towns)


@pytest.mark.parametrize("code", ["3504", "35040x", "3504055"])
def test_a_code_of_another_form_is_refused(rolled_back: None, code: str) -> None:
    with pytest.raises(actions.BadRegionChange):
        actions.change_region(region("350405"), on=date(2024, 1, 1), code=code, by=HOUSE, at=now())


# --- alliances ----------------------------------------------------------------------------------------------------------------


def a_community(lead: Organisation, name: str = "某县医共体", kind: str = "county_community") -> int:
    return actions.form(kind, name, lead.id, on=OLD, by=HOUSE, at=now(), using="load").id


def join(alliance: int, org: Organisation, role: str = "branch", on: date = OLD) -> Membership:
    return actions.join(alliance, org.id, role, on=on, by=HOUSE, at=now(), using="load")


def test_an_institution_is_in_one_county_community_at_a_time_and_may_change_it(rolled_back: None) -> None:
    lead, other = an_organisation("一院", grade="2A"), an_organisation("二院", grade="2A")
    branch = an_organisation("分院")
    one, two = a_community(lead), a_community(other, "另一医共体")
    join(one, branch)
    with pytest.raises(rules.NotAlliance):
        join(two, branch, on=MID_YEAR)
    actions.leave(one, branch.id, on=MID_YEAR, by=HOUSE, at=now(), using="load")
    join(two, branch, on=MID_YEAR)
    assert queries.community_of(branch.id, date(YEAR, 6, 30), "load") == one
    assert queries.community_of(branch.id, MID_YEAR, "load") == two


def test_a_hospital_may_be_in_two_specialty_alliances_and_members_are_counted_by_day(rolled_back: None) -> None:
    lead = an_organisation("华榕医院", code="350102", care_tier="province", grade="3A")
    members = [an_organisation(f"成员{i}") for i in range(3)]
    neuro = actions.form("specialty", "神经外科联盟", lead.id, on=OLD, specialty="neurology", by=HOUSE, at=now(), using="load").id
    bones = actions.form("specialty", "骨科联盟", lead.id, on=OLD, specialty="orthopaedics", by=HOUSE, at=now(), using="load").id
    for org in members:
        join(neuro, org, "member")
        join(bones, org, "member")
    actions.leave(neuro, members[0].id, on=MID_YEAR, by=HOUSE, at=now(), using="load")
    assert len(queries.members(neuro, date(YEAR, 6, 30), "load")) == 4
    assert len(queries.members(neuro, MID_YEAR, "load")) == 3
    assert len(queries.members(bones, MID_YEAR, "load")) == 4


def test_a_second_lead_is_refused_by_the_rule_and_by_the_database(rolled_back: None) -> None:
    lead, other = an_organisation("三院", grade="2A"), an_organisation("四院", grade="2A")
    community = a_community(lead)
    with pytest.raises(rules.NotAlliance):
        join(community, other, "lead")
    with pytest.raises(IntegrityError), transaction.atomic(using="load"):
        Membership.objects.using("load").create(alliance_id=community, org=other, kind="county_community", role="lead", start=OLD)


def test_branch_specialties_are_those_of_people_who_work_there_that_day(rolled_back: None) -> None:
    lead, branch = an_organisation("五院", grade="2A"), an_organisation("六分院")
    community = a_community(lead)
    join(community, branch)
    facts = {"number": "001", "name": "某医生", "category": "physician", "title": "intermediate", "specialties": ["cardiology"]}
    doctor = actions.enter_practitioner(lead.id, facts, on=OLD, by=HOUSE, at=now(), using="load")
    assert queries.branch_specialties(community, MID_YEAR, "load") == frozenset()
    actions.assign(doctor.id, branch.id, "sent_down", start=MID_YEAR, end=date(YEAR, 12, 1), by=HOUSE, at=now(), using="load")
    assert queries.branch_specialties(community, date(YEAR, 6, 30), "load") == frozenset()
    assert queries.branch_specialties(community, MID_YEAR, "load") == {"cardiology"}
    assert queries.branch_specialties(community, date(YEAR, 12, 1), "load") == frozenset()


def test_a_title_counts_from_its_day(rolled_back: None) -> None:
    org = an_organisation("七院")
    facts = {"number": "7", "name": "某", "category": "physician", "title": "junior", "titled_on": OLD}
    doctor = actions.enter_practitioner(org.id, facts, on=OLD, by=HOUSE, at=now(), using="load")
    new = {"title": "intermediate", "titled_on": MID_YEAR}
    actions.change_practitioner(doctor.id, 1, new, on=MID_YEAR, by=HOUSE, at=now(), using="load")
    days = (OLD - timedelta(days=1), date(YEAR, 6, 30), MID_YEAR)
    assert [queries.title_on(doctor.id, d, "load") for d in days] == ["none", "junior", "intermediate"]
    with pytest.raises(Stale):
        actions.change_practitioner(doctor.id, 1, {"title": "senior"}, on=MID_YEAR, by=HOUSE, at=now(), using="load")


def test_a_group_has_one_head_and_one_leader_of_the_three_sectors(rolled_back: None) -> None:
    new = actions.NewOrganisation(
        "task_force", {"name": "医改领导小组", "region_id": region("350405")}, OLD, force_kind="leading_group"
    )
    force = actions.found(new, by=HOUSE, at=now(), using="load")
    for role in ("head", "sanyi_leader"):
        actions.seat_in_force(force.id, "某县长", role, on=OLD, by=HOUSE, at=now(), using="load")
        with pytest.raises(actions.SecondHead):
            actions.seat_in_force(force.id, "另一人", role, on=OLD, by=HOUSE, at=now(), using="load")
    actions.seat_in_force(force.id, "某甲", "member", on=OLD, by=HOUSE, at=now(), using="load")
    actions.seat_in_force(force.id, "某乙", "member", on=OLD, by=HOUSE, at=now(), using="load")


# --- what a merger hands on ---------------------------------------------------------------------------------------------------


def test_a_merger_hands_on_residents_open_cases_waiting_steps_staff_and_posts(house_file: object) -> None:
    """Two centres of the county, as the app role sees them before and after; everything is put back at the end."""
    doctor = person(max(n for n in county_names() if n.startswith("doctor.")))
    centre, heir = doctor.org_id, person("doctor").org_id
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=33, code=NOT_IN_CATALOGUE)
        patient = case.resident_id
    heir_token = token_for(person("doctor"))
    with transaction.atomic(), scope(person("doctor"), heir_token):
        assert not Resident.objects.filter(pk=patient).exists()
    with transaction.atomic(using="load"):
        version = Organisation.objects.using("load").get(pk=centre).version
        actions.merge(centre, version, heir, on=local_day(now()), document="", by=HOUSE, at=now())
        row = Case.objects.using("load").get(pk=case.pk)
        resident = Resident.objects.using("load").get(pk=patient)
        path = Organisation.objects.using("load").get(pk=heir).path
        assert (row.origin_id, row.holder_id) == (heir, case.holder_id)
        assert heir in row.viewer_ids
        assert centre in row.viewer_ids
        assert (resident.home_org_id, resident.path) == (heir, path)
        assert not WorkItem.objects.using("load").filter(org_id=centre, closed_at=None).exists()
        posts = Post.objects.using("load").filter(account_id=doctor.id, org_id__in=(centre, heir))
        assert {(p.org_id, p.role, p.end is None) for p in posts} == {(centre, DOCTOR, False), (heir, DOCTOR, True)}
        transaction.set_rollback(True, using="load")


def county_names() -> list[str]:
    return [p.username for p in county.people(county.townships())]


# --- posts --------------------------------------------------------------------------------------------------------------------


def an_account(kind: str = "staff") -> UUID:
    number = uuid4()
    Account.objects.using("load").create(id=number, username=f"u{number}", name="临时", kind=kind)
    return number


def appoint(account: UUID, role: str, start: datetime, end: datetime | None = None, **more: Any) -> Post:
    org = person("system").org_id
    return actions.appoint(account, org, role, start, end, by=HOUSE, at=now(), using="load", **more)


def test_roles_that_exclude_each_other_may_follow_each_other(rolled_back: None) -> None:
    account, start = an_account("administrator"), now()
    appoint(account, SYSTEM_ADMIN, start, start + timedelta(days=10))
    appoint(account, AUDIT_ADMIN, start + timedelta(days=10))
    with pytest.raises(actions.RolesExclude):
        appoint(account, SECURITY_ADMIN, start + timedelta(days=9), start + timedelta(days=11))


def test_a_stand_in_needs_an_end_and_a_post_ends_after_it_starts(rolled_back: None) -> None:
    account, start = an_account(), now()
    post = appoint(account, DOCTOR, start)
    with pytest.raises(actions.PostDates):
        appoint(an_account(), DOCTOR, start, covers=post.id)
    with pytest.raises(actions.PostDates):
        appoint(an_account(), DOCTOR, start, start)
    with pytest.raises(actions.PostTaken):
        appoint(account, DOCTOR, start)


def test_of_two_appointments_at_once_that_exclude_each_other_one_stands(house_file: object) -> None:
    account = an_account("administrator")
    gate = threading.Barrier(2)
    results: list[str] = []

    def run(role: str) -> None:
        try:
            gate.wait()
            appoint(account, role, now())
            results.append("ok")
        except actions.RolesExclude as refusal:
            results.append(refusal.code)
        finally:
            connections.close_all()

    for _ in range(20):
        results.clear()
        threads = [threading.Thread(target=run, args=(r,)) for r in (SYSTEM_ADMIN, AUDIT_ADMIN)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert sorted(results) == ["ok", "roles_exclude"]
        account = an_account("administrator")


def test_ending_a_post_ends_its_sessions(house_file: object) -> None:
    account = an_account()
    post = appoint(account, "reviewer", now() - timedelta(hours=1))
    from fenji.ground.access.actions import open_session
    from fenji.ground.access.queries import account_by_id, enter
    from tests.cast import POLICY

    full = Post.objects.using("door").select_related("org__region").get(pk=post.pk)
    token = open_session(account_by_id(account), queries.seat_of(full), at=now(), policy=POLICY)
    with transaction.atomic():
        assert enter(token) is not None
    with transaction.atomic(), scope(person("system")) as by:
        actions.end_post(post.id, post.version, "moved away", by=by, at=now())
    with transaction.atomic():
        assert enter(token) is None
    assert ScopeHandle.objects.using("door").get(post_id=post.pk).until <= now()


# --- who may change what ------------------------------------------------------------------------------------------------------


def actor_of(reach: str) -> Actor:
    return Actor(uuid4(), "x", SYSTEM_ADMIN, uuid4(), 0, "", (0,), reach)


@pytest.mark.parametrize(
    ("reach", "allowed"), [("3504", True), ("350405", True), ("35040510", True), ("350406", False), ("", False)]
)
def test_an_administrator_changes_what_lies_within_their_reach(rolled_back: None, reach: str, allowed: bool) -> None:
    org = an_organisation("八院")
    by = actor_of(reach)
    if allowed:
        actions.change(org.id, 1, {"name": "x"}, on=MID_YEAR, reason="", by=by, at=now(), using="load")
    else:
        with pytest.raises(actions.OutOfReach):
            actions.change(org.id, 1, {"name": "x"}, on=MID_YEAR, reason="", by=by, at=now(), using="load")


def test_the_database_lets_an_administrator_write_within_the_reach_alone(db: None) -> None:
    with scope(person("system")):
        assert Organisation.objects.filter(path__starts="350405").update(phone="1") > 100
        assert Organisation.objects.exclude(path__starts="350405").update(phone="1") == 0
    with scope(person("doctor")):
        assert Organisation.objects.update(phone="2") == 0


def test_who_is_on_duty_is_known_by_the_minute(db: None) -> None:
    with scope(person("system")) as by:
        org = person("doctor").org_id
        facts = {"number": "D1", "name": "值班员", "category": "physician", "title": "intermediate"}
        start = datetime.combine(local_day(now()), datetime.min.time(), SHANGHAI) + timedelta(hours=8)
        doctor = actions.enter_practitioner(org, facts, on=local_day(start), by=by, at=now())
        shift = actions.put_on_duty(doctor.id, org, "referral_review", start, start + timedelta(hours=4), by=by, at=now())
        with pytest.raises(actions.BadShift):
            actions.put_on_duty(
                doctor.id, person("desk").org_id + 0, "referral_desk", start, start + timedelta(hours=1), by=by, at=now()
            )
        minute = timedelta(minutes=1)
        seen = [
            len(queries.on_duty(org, t, "referral_review"))
            for t in (start - minute, start, start + timedelta(hours=4) - minute, start + timedelta(hours=4))
        ]
        assert seen == [0, 1, 1, 0]
        actions.take_off_duty(shift.id, 1, by=by, at=now())
        assert queries.on_duty(org, start) == []


def test_staff_are_seen_by_everybody_signed_in_and_by_nobody_else(db: None) -> None:
    with scope(person("system")) as by:
        facts = {"number": "S1", "name": "名录员", "category": "nurse", "title": "junior"}
        found = actions.enter_practitioner(person("doctor").org_id, facts, on=OLD, by=by, at=now())
    with scope(person("citydesk")):
        assert Practitioner.objects.filter(pk=found.pk).exists()
        assert Practitioner.objects.filter(pk=found.pk).update(name="y") == 0
