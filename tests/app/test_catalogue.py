"""Lists in the house: from a draft through a second person into force, and judged by the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from fenji.care.catalogue import actions, queries, rules
from fenji.care.catalogue.models import DiseaseEntry, DownEntry, ListVersion
from fenji.care.referral import actions as referrals
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Unknown
from fenji.ground.network.queries import place_of
from fenji.ground.publication import queries as publication
from fenji.ground.publication.rules import PersonalData
from fenji.world.county import COUNTY_HOSPITAL, INSURER
from tests.app.list_walk import FIRST, JUNE, disease, fresh, into_force, present
from tests.cast import a_case, other_doctor, person, scope

# --- the demo stands on published lists --------------------------------------------------------------------------------------


def test_the_demo_has_every_list_in_force_and_the_numbers_of_the_document(db: None) -> None:
    today = local_day(now())
    with scope(person("editor")) as by:
        found = queries.overview(by, today)
    sizes = {s.kind: s for s in [*found.mine, *found.around]}
    assert {kind for kind, s in sizes.items() if s.present} == set(rules.KINDS) - set(rules.OF_INSTITUTION)
    assert not any(s.short for s in sizes.values())
    assert sizes[rules.DEVOLVED].counts[0].value >= 500
    by_field = {}
    for s in found.members:
        for count in s.counts:
            by_field.setdefault(count.field, []).append(count.value)
    assert len(by_field["central_diseases"]) == 2
    assert min(by_field["central_diseases"]) >= 80
    assert len(by_field["other_diseases"]) >= 8
    assert min(by_field["other_diseases"]) >= 50
    assert max(by_field["other_diseases"]) < 80


def test_a_page_and_its_overview_count_alike(db: None) -> None:
    """Two ways to the same numbers: entry by entry, and grouped in the database."""
    today = local_day(now())
    with scope(person("editor")) as by:
        found = queries.overview(by, today)
    for s in [*found.mine, *found.around, *found.members]:
        if s.present:
            assert queries.assess(s.present, today).counts == s.counts
            assert len(queries.entries(s.present)) == s.size


# --- into force --------------------------------------------------------------------------------------------------------------


def test_a_visit_is_judged_by_the_version_in_force_that_day(db: None) -> None:
    """SM-3-2b: version 2 from 2023-07-01; 30 June is judged by version 1."""
    township = other_doctor().org_id
    last_day, first_day = date(2023, 6, 30), date(2023, 7, 1)
    added, removed = disease("A01.000", level="county"), "I10.x00"

    def change(draft: ListVersion, common: dict[str, Any]) -> None:
        actions.put_entry(draft.id, added, version=draft.version, **common)
        there = DiseaseEntry.objects.get(list=draft, group="hypertension")
        actions.drop_entry(draft.id, there.id, version=draft.version + 1, **common)

    assert not queries.listing(added["group"], township, first_day).in_catalogue
    second = into_force(rules.FIRST_CONTACT, first_day, change)
    group = disease(removed)["group"]
    before, after = queries.listing(group, township, last_day), queries.listing(group, township, first_day)
    assert (before.in_catalogue, after.in_catalogue) == (True, False)
    assert not queries.listing(added["group"], township, last_day).in_catalogue
    there = queries.listing(added["group"], township, first_day)
    assert (there.in_catalogue, there.level, there.catalogue_id) == (True, "county", second.id)
    assert before.catalogue_id == second.based_on_id
    assert queries.in_force(rules.FIRST_CONTACT, COUNTY_HOSPITAL, last_day).number == 1
    assert queries.in_force(rules.FIRST_CONTACT, COUNTY_HOSPITAL, first_day).number == 2
    assert queries.in_force(rules.FIRST_CONTACT, COUNTY_HOSPITAL, FIRST - timedelta(days=1)) is None
    # history stays: the first version holds what it held
    assert DiseaseEntry.objects.filter(list=second.based_on, group=group).exists()


def test_a_referral_keeps_the_versions_it_was_judged_by(db: None) -> None:
    today = local_day(now())
    doctor = person("doctor")
    with scope(doctor) as by:
        case = a_case(by, doctor, number=300, send=False)
        assert case.catalogue_version_id == present(rules.FIRST_CONTACT).id
        assert case.treatable_version_id == present(rules.TREATABLE, doctor.org_id).id
    second = into_force(rules.FIRST_CONTACT, today, at=now())
    with scope(doctor) as by:
        assert _refreshed(case).catalogue_version_id == second.based_on_id  # nobody touched the case
        sent = referrals.submit(case.number, version=case.version, by=by, at=now())
        assert _refreshed(sent).catalogue_version_id == second.id  # judged anew when it was sent


def _refreshed(case: Any) -> Any:
    case.refresh_from_db()
    return case


def test_the_former_version_ends_the_day_the_new_one_begins_and_goes_on_when_it_is_withdrawn(db: None) -> None:
    start = date(2023, 7, 1)
    second = into_force(rules.DOWN, start)
    first = fresh(second.based_on)
    assert (first.end, second.end) == (start, None)
    with scope(person("director")) as by:
        with pytest.raises(rules.ListNote), transaction.atomic():
            actions.withdraw(second.id, version=second.version, by=by, at=JUNE, note="")
        on_its_day = datetime(2023, 6, 30, 16, tzinfo=UTC)  # midnight in Fujian
        with pytest.raises(rules.AlreadyBegan), transaction.atomic():
            actions.withdraw(second.id, version=second.version, by=by, at=on_its_day, note="too late")
        actions.withdraw(second.id, version=second.version, by=by, at=JUNE, note="a code was wrong")
    assert fresh(first).end is None
    assert fresh(second).state == rules.WITHDRAWN
    assert queries.in_force(rules.DOWN, COUNTY_HOSPITAL, start) == first


def test_a_withdrawn_version_between_two_leaves_no_day_uncovered(db: None) -> None:
    second = into_force(rules.DOWN, date(2023, 7, 1))
    third = into_force(rules.DOWN, date(2023, 8, 1))
    with scope(person("director")) as by:
        second = fresh(second)
        actions.withdraw(second.id, version=second.version, by=by, at=JUNE, note="not needed")
    first = fresh(second.based_on)
    assert (first.end, fresh(third).start) == (date(2023, 8, 1), date(2023, 8, 1))


def test_a_version_cannot_begin_in_the_past_nor_overtake_another(db: None) -> None:
    with pytest.raises(rules.StartPast), transaction.atomic():
        into_force(rules.DOWN, date(2023, 5, 31))
    into_force(rules.DOWN, date(2023, 7, 1))
    for start in (date(2023, 6, 15), date(2023, 7, 1)):
        with pytest.raises(rules.StartTaken), transaction.atomic():
            into_force(rules.DOWN, start)


def test_a_published_list_gets_its_public_copy_on_its_day_and_loses_it_when_it_is_withdrawn(db: None) -> None:
    """SM-3-2g: the page shows the list in force; a list that never begins is never shown."""
    today = local_day(now())
    tomorrow = today + timedelta(days=1)
    org = person("clerk").org_id

    def add(draft: ListVersion, common: dict[str, Any]) -> None:
        actions.put_entry(draft.id, disease("A01.000", level=""), version=draft.version, **common)

    def shown(on: date) -> tuple[set[str], int]:
        (copy,) = publication.in_force(org, "treatable", on)
        return {g["code"] for g in copy.body["groups"]}, copy.body["version"]

    before = shown(today)
    assert before[0] == {e.group for e in queries.entries(present(rules.TREATABLE, org))}
    second = into_force(rules.TREATABLE, tomorrow, add, people=("clerk", "head"), at=now())
    assert shown(today) == before
    assert shown(tomorrow) == (before[0] | {"A01"}, 2)
    with scope(person("head")) as by:
        actions.withdraw(second.id, version=second.version, by=by, at=now(), note="not yet")
    assert shown(today) == shown(tomorrow) == before


@pytest.mark.parametrize(("kind", "people"), [
    (rules.DOWN, ("editor", "director")), (rules.GUIDE, ("editor", "director")), (rules.PROMOTED, ("editor", "director")),
    (rules.DEVOLVED, ("insurer", "insurer2")), (rules.TECHNIQUE, ("clerk", "head")),
])  # fmt: skip
def test_every_kind_of_list_is_made_public_whole_with_its_publication(db: None, kind: str, people: tuple[str, str]) -> None:
    org, tomorrow = person(people[0]).org_id, local_day(now()) + timedelta(days=1)
    (before,) = publication.in_force(org, kind, local_day(now()))
    version = into_force(kind, tomorrow, people=people, at=now())
    (copy,) = publication.in_force(org, kind, tomorrow)
    (entries,) = (found for found in copy.body.values() if isinstance(found, list) and found)
    assert len(entries) == queries.size(version)
    assert (copy.source, copy.body["version"]) == (f"list:{version.id}", version.number)
    assert {e["code"] for e in entries} == {getattr(e, "group", e.__dict__.get("code")) for e in queries.entries(version)}
    assert publication.in_force(org, kind, local_day(now())) == [before]
    with scope(person(people[1])) as by:
        actions.withdraw(version.id, version=version.version, by=by, at=now(), note="not yet")
    (again,) = publication.in_force(org, kind, tomorrow)
    assert again.body == before.body


def test_a_list_with_somebodys_number_in_it_is_not_published(db: None) -> None:
    def add(draft: ListVersion, common: dict[str, Any]) -> None:
        texts = dict.fromkeys(("title_zh", "title_en", "text_en"), "x")
        values = {**disease("A01.000"), "document": "rules", **texts, "text_zh": "有疑问请打 13912345678"}
        actions.put_entry(draft.id, values, version=draft.version, **common)

    with pytest.raises(PersonalData), transaction.atomic():
        into_force(rules.GUIDE, local_day(now()) + timedelta(days=1), add, at=now())


def test_a_first_list_that_is_withdrawn_leaves_no_public_copy(db: None) -> None:
    tomorrow = local_day(now()) + timedelta(days=1)

    def add(draft: ListVersion, common: dict[str, Any]) -> None:
        actions.put_entry(draft.id, disease("A01.000", level=""), version=draft.version, **common)

    first = into_force(rules.TREATABLE, tomorrow, add, at=now())  # the county hospital had no list of its own
    assert first.based_on is None
    (copy,) = publication.in_force(COUNTY_HOSPITAL, "treatable", tomorrow)
    assert [g["level"] for g in copy.body["groups"]] == ["county"]
    with scope(person("director")) as by:
        actions.withdraw(first.id, version=first.version, by=by, at=now(), note="not yet")
    assert publication.in_force(COUNTY_HOSPITAL, "treatable", tomorrow) == []


# --- the second person -------------------------------------------------------------------------------------------------------


def test_whoever_wrote_on_a_list_does_not_approve_it(db: None) -> None:
    """Two officers of the insurance bureau: each has both rights, and still it takes the two."""
    first, second = person("insurer"), person("insurer2")
    with scope(first) as by:
        draft = actions.start_draft(rules.DEVOLVED, by=by, at=JUNE)
    values = {"code": "D-9999", "name_zh": "新项目", "name_en": "", "kind": "", "specialty": "", "groups": []}
    with scope(second) as by:
        actions.put_entry(draft.id, values, version=draft.version, by=by, at=JUNE)
        draft = fresh(draft)
        draft = actions.submit(draft.id, version=draft.version, by=by, at=JUNE)
    for who in (first, second):  # both wrote on it: neither may approve
        with scope(who) as by, pytest.raises(rules.SamePerson), transaction.atomic():
            actions.approve(draft.id, version=draft.version, by=by, at=JUNE)


def test_the_database_refuses_one_person_for_both_steps_too(db: None) -> None:
    with scope(person("insurer")) as by:
        draft = actions.start_draft(rules.DEVOLVED, by=by, at=JUNE)
        draft = actions.submit(draft.id, version=draft.version, by=by, at=JUNE)
        with pytest.raises(DatabaseError, match="listversion_two_persons"), transaction.atomic():
            ListVersion.objects.filter(pk=draft.pk).update(state=rules.APPROVED, approved_by=by.account_id)


# fmt: off
WHO = [
    # login      kind                  may begin a draft
    ("editor",   rules.FIRST_CONTACT,  True),
    ("editor",   rules.TECHNIQUE,      True),
    ("editor",   rules.DEVOLVED,       False),
    ("clerk",    rules.TREATABLE,      True),
    ("clerk",    rules.FIRST_CONTACT,  False),
    ("clerk",    rules.PROMOTED,       False),
    ("head",     rules.TREATABLE,      False),
    ("director", rules.FIRST_CONTACT,  False),
    ("doctor",   rules.TREATABLE,      False),
    ("insurer",  rules.DEVOLVED,       True),
    ("insurer",  rules.TREATABLE,      False),
    ("officer",  rules.DEVOLVED,       False),
    ("officer",  rules.PROMOTED,       True),
    ("system",   rules.DEVOLVED,       False),
]


# fmt: on


@pytest.mark.parametrize(("login", "kind", "may"), WHO)
def test_who_may_begin_a_draft(db: None, login: str, kind: str, may: bool) -> None:
    with scope(person(login)) as by:
        if may:
            assert actions.start_draft(kind, by=by, at=JUNE).org_id == person(login).org_id
        else:
            with pytest.raises(NotPermitted):
                actions.start_draft(kind, by=by, at=JUNE)


def test_a_second_draft_is_refused_and_a_discarded_one_makes_room(db: None) -> None:
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.DOWN, by=by, at=JUNE)
        with pytest.raises(actions.DraftOpen), transaction.atomic():
            actions.start_draft(rules.DOWN, by=by, at=JUNE)
        actions.discard(draft.id, version=draft.version, by=by, at=JUNE)
        assert actions.start_draft(rules.DOWN, by=by, at=JUNE).number == draft.number + 1


def test_a_draft_is_a_copy_of_the_version_before(db: None) -> None:
    for login, kind in (("editor", k) for k in (rules.FIRST_CONTACT, rules.DOWN, rules.PROMOTED, rules.GUIDE)):
        with scope(person(login)) as by:
            draft = actions.start_draft(kind, by=by, at=JUNE)
        assert not queries.changes(draft)
        assert queries.contents(queries.entries(draft)) == queries.contents(queries.entries(draft.based_on))
        assert len(queries.entries(draft)) > 10


def test_somebody_elses_draft_is_not_there(db: None) -> None:
    with scope(person("clerk")) as by:
        draft = actions.start_draft(rules.TREATABLE, by=by, at=JUNE)
    with scope(person("editor")) as by:
        with pytest.raises(Unknown):
            queries.version(draft.id, by.org_id)
        for step in (
            lambda k: actions.put_entry(draft.id, disease("A01.000", level=""), **k),
            lambda k: actions.drop_entry(draft.id, 1, **k),
            lambda k: actions.submit(draft.id, **k),
            lambda k: actions.discard(draft.id, **k),
        ):
            with pytest.raises(Unknown), transaction.atomic():
                step({"version": draft.version, "by": by, "at": JUNE})


def test_a_returned_list_comes_back_with_its_note_and_can_be_sent_again(db: None) -> None:
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.GUIDE, by=by, at=JUNE)
        draft = actions.submit(draft.id, version=draft.version, by=by, at=JUNE)
    with scope(person("director")) as by:
        back = actions.send_back(draft.id, version=draft.version, by=by, at=JUNE, note="the guide on asthma is missing")
        assert (back.state, back.note, back.submitted_by) == (rules.DRAFT, "the guide on asthma is missing", None)
    with scope(person("editor")) as by:
        again = actions.submit(back.id, version=back.version, by=by, at=JUNE)
    assert (again.state, again.note) == (rules.SUBMITTED, "")


# --- what a list must hold ---------------------------------------------------------------------------------------------------


def test_a_focus_disease_cannot_be_taken_off_the_down_list(db: None) -> None:
    """SM-3-6a: removing one of the five is refused; any other may go."""
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.DOWN, by=by, at=JUNE)
        copd = DownEntry.objects.get(list=draft, group="copd")
        with pytest.raises(actions.NotReady) as refused, transaction.atomic():
            actions.drop_entry(draft.id, copd.id, version=draft.version, by=by, at=JUNE)
        assert refused.value.detail == {"what": "focus_missing"}
        other = next(e for e in DownEntry.objects.filter(list=draft) if not e.code.startswith(("I", "E", "J44")))
        actions.drop_entry(draft.id, other.id, version=draft.version, by=by, at=JUNE)
        assert queries.missing_focus(draft, local_day(JUNE)) == ()


def test_a_down_list_without_a_focus_disease_is_not_submitted(db: None) -> None:
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.DOWN, by=by, at=JUNE)
        DownEntry.objects.filter(list=draft, group="copd").update(removed=True)
        with pytest.raises(actions.NotReady):
            actions.submit(draft.id, version=draft.version, by=by, at=JUNE)


def test_a_disease_without_a_guide_is_not_suggested_for_down_referral(db: None) -> None:
    """SM-3-6b."""
    today = local_day(now())
    township = person("doctor").org_id
    found = present(rules.DOWN)
    lacking = DownEntry.objects.filter(list=found, guide_zh="").first()
    complete = DownEntry.objects.filter(list=found).exclude(guide_zh="").exclude(criteria_zh="").first()
    assert complete is not None
    assert lacking is not None
    downward = queries.suggested_down([complete.group, lacking.group], township, today)
    assert {group: [e.id for e in entries] for group, entries in downward.items()} == {complete.group: [complete.id]}
    (finding,) = queries.assess(found, today).findings
    assert (finding.code, finding.refuses) == ("not_suggested", False)
    assert {s.parts for s in finding.subjects} == {("guide",)}


def test_a_catalogue_entry_needs_a_level_and_a_code(db: None) -> None:
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.FIRST_CONTACT, by=by, at=JUNE)
        common = {"version": draft.version, "by": by, "at": JUNE}
        for values, what in (
            (disease("A01.000", level=""), "without_level"),
            (disease("A01.000", level="province"), "without_level"),
            ({**disease("A01.000", level="county"), "code": "typhoid"}, "code_form"),
        ):
            with pytest.raises(actions.BadEntry) as refused, transaction.atomic():
                actions.put_entry(draft.id, values, **common)
            assert refused.value.detail == {"what": what}
        with pytest.raises(actions.EntryThere), transaction.atomic():
            actions.put_entry(draft.id, disease("I10.x00", level="village"), **common)
        with pytest.raises(actions.EntryThere), transaction.atomic():  # another code of the same disease group
            actions.put_entry(draft.id, disease("I11.900", level="village"), **common)


def test_an_empty_list_is_not_submitted(db: None) -> None:
    with scope(person("officer")) as by:
        draft = actions.start_draft(rules.PROMOTED, by=by, at=JUNE)
        with pytest.raises(actions.NotReady):
            actions.submit(draft.id, version=draft.version, by=by, at=JUNE)


def test_a_disease_moved_down_is_counted_and_stands_in_the_changes(db: None) -> None:
    """SM-3-2c."""

    def lower(draft: ListVersion, common: dict[str, Any]) -> None:
        there = DiseaseEntry.objects.filter(list=draft, level="county").order_by("id")[:2]
        for turn, e in enumerate(there):
            values = {**queries.values_of(e), "level": "township"}
            actions.put_entry(draft.id, values, version=draft.version + turn, entry_id=e.id, **common)

    second = into_force(rules.FIRST_CONTACT, date(2023, 7, 1), lower)
    assert len(queries.moved_down(second)) == 2
    found = queries.changes(second)
    assert (len(found.added), len(found.removed), len(found.changed)) == (0, 0, 2)


def test_items_without_a_link_are_on_the_review_list_and_others_may_be_charged(db: None) -> None:
    """SM-3-3a, 3-3b."""
    today = local_day(now())
    path = "350405101000/00000104"
    found = present(rules.DEVOLVED, INSURER)
    (finding,) = queries.assess(found, today).findings
    review = {s.zh for s in finding.subjects}
    unlinked = {e.name_zh for e in queries.entries(found) if not e.groups and not e.specialty}
    assert unlinked <= review
    assert len(review) < 60
    assert queries.is_devolved("D-0001", path, today)
    assert not queries.is_devolved("D-9999", path, today)
    assert not queries.is_devolved("D-0001", path, FIRST - timedelta(days=1))
    assert not queries.is_devolved("D-0001", "350582101000/00000009", today)  # another city


def test_a_catalogue_disease_without_all_its_documents_is_named(db: None) -> None:
    """SM-3-5d: the demo has documents of a few diseases, and of one of them only two of the three."""
    (finding,) = queries.assess(present(rules.GUIDE), local_day(now())).findings
    written: dict[str, set[str]] = {}
    for e in queries.entries(present(rules.GUIDE)):
        written.setdefault(e.group, set()).add(e.document)
    catalogue = queries.entries(present(rules.FIRST_CONTACT))
    wanted = {e.name_zh: {*rules.DOCUMENTS} - written.get(e.group, set()) for e in catalogue}
    assert finding.code == "documents_missing"
    assert {s.zh: set(s.parts) for s in finding.subjects} == {name: lacking for name, lacking in wanted.items() if lacking}
    assert sorted(len(s.parts) for s in finding.subjects)[0] == 1


def test_a_disease_treated_nearby_does_not_count_as_first_contact_in_the_county(db: None) -> None:
    """SM-3-4b: absent from the own list; whether another public institution of the township has it on its list."""
    today = local_day(now())
    doctor = person("doctor")
    with connections["load"].cursor() as cursor:
        cursor.execute("SELECT id FROM network_organisation WHERE care_tier = 'village' AND path ^@ %s LIMIT 1", ["350405101"])
        village = cursor.fetchone()[0]
    own = set(DiseaseEntry.objects.filter(list=present(rules.TREATABLE, village)).values_list("group", flat=True))
    centre = set(DiseaseEntry.objects.filter(list=present(rules.TREATABLE, doctor.org_id)).values_list("group", flat=True))
    catalogue = queries.levels_of(present(rules.FIRST_CONTACT))
    at_centre_only, nowhere = min((centre & set(catalogue)) - own), min(set(catalogue) - centre)
    assert queries.treated_nearby(at_centre_only, place_of(village), today)
    assert not queries.treated_nearby(nowhere, place_of(village), today)
    assert not queries.treated_nearby(at_centre_only, place_of(doctor.org_id), today)  # here is not nearby
    here = queries.listing(at_centre_only, doctor.org_id, today)
    assert (here.treatable_here, here.treatable_nearby) == (True, False)
