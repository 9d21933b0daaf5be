"""Lists in the house: what is published stays as it was, by raw SQL too, and with several people at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from fenji.care.catalogue import actions, rules
from fenji.care.catalogue.models import DiseaseEntry, ListVersion
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.tasks.kinds import notice_text
from fenji.ground.tasks.models import OutboxMessage
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.list_walk import JUNE, disease, into_force, present
from tests.cast import person, scope

# --- what is published stays as it was ---------------------------------------------------------------------------------------

_INSERT = (
    'INSERT INTO catalogue_diseaseentry (list_id, "group", code, name_zh, name_en, level, removed)'
    " VALUES (%(list)s, 'X99', 'X99.900', 'x', 'x', 'village', false)"
)
RAW = {
    "insert": _INSERT,
    "update": "UPDATE catalogue_diseaseentry SET level = 'village' WHERE list_id = %(list)s",
    "move": "UPDATE catalogue_diseaseentry SET list_id = %(draft)s WHERE list_id = %(list)s",
    "delete": "DELETE FROM catalogue_diseaseentry WHERE list_id = %(list)s",
    "back to draft": "UPDATE catalogue_listversion SET state = 'draft', start = NULL, \"end\" = NULL WHERE id = %(list)s",
    "another start": "UPDATE catalogue_listversion SET start = '2020-01-01' WHERE id = %(list)s",
    "other writers": "UPDATE catalogue_listversion SET writers = ARRAY[gen_random_uuid()] WHERE id = %(list)s",
    "another number": "UPDATE catalogue_listversion SET number = 9 WHERE id = %(list)s",
    "another owner": "UPDATE catalogue_listversion SET org_id = 1 WHERE id = %(list)s",
    "gone": "DELETE FROM catalogue_listversion WHERE id = %(list)s",
}


def _contents(v: ListVersion) -> tuple[Any, ...]:
    row = ListVersion.objects.filter(pk=v.pk).values().get()
    return row, sorted(DiseaseEntry.objects.filter(list_id=v.pk).values_list())


@pytest.mark.parametrize("what", RAW)
@pytest.mark.parametrize("login", ["editor", "director"])
def test_raw_sql_of_the_app_role_does_not_change_a_published_list(db: None, login: str, what: str) -> None:
    found = present(rules.FIRST_CONTACT)
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.FIRST_CONTACT, by=by, at=JUNE)
        DiseaseEntry.objects.filter(list=draft).update(removed=True)  # room for the entries that are to be moved
    before = _contents(found)
    with scope(person(login)), connections["default"].cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(RAW[what], {"list": found.id, "draft": draft.id})
                touched = cursor.rowcount
        except DatabaseError:
            touched = 0
    assert touched == 0
    assert _contents(found) == before


@pytest.mark.parametrize("alias", ["load", "owner"])
@pytest.mark.parametrize("what", [w for w in RAW if w not in ("gone", "move")])
def test_not_even_other_roles_change_what_is_published(house_file: object, alias: str, what: str) -> None:
    found = ListVersion.objects.using("load").get(kind=rules.FIRST_CONTACT, state=rules.PUBLISHED, number=1)
    refused = pytest.raises(DatabaseError, match=r"only drafts|published list|does not go|keeps its owner|permission denied")
    with refused, transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(RAW[what], {"list": found.id})


@pytest.mark.parametrize(
    ("state", "statement"),
    [
        ("submitted", _INSERT),
        ("approved", _INSERT),
        ("approved", "UPDATE catalogue_diseaseentry SET level = 'village' WHERE list_id = %(list)s AND level = 'county'"),
    ],
)
def test_what_waits_for_approval_cannot_be_changed_on_the_side(db: None, state: str, statement: str) -> None:
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.FIRST_CONTACT, by=by, at=JUNE)
        draft = actions.submit(draft.id, version=draft.version, by=by, at=JUNE)
    if state == "approved":
        with scope(person("director")) as by:
            draft = actions.approve(draft.id, version=draft.version, by=by, at=JUNE)
    before = _contents(draft)
    for login in ("editor", "director"):
        with scope(person(login)), connections["default"].cursor() as cursor:
            try:
                with transaction.atomic():
                    cursor.execute(statement, {"list": draft.id})
            except DatabaseError:
                pass
        with scope(person(login)) as by, pytest.raises((rules.ListState, NotPermitted)), transaction.atomic():
            actions.put_entry(draft.id, disease("A01.000", level="county"), version=draft.version, by=by, at=JUNE)
    assert _contents(draft) == before


def test_a_list_is_not_made_published_at_one_stroke(db: None) -> None:
    statement = (
        "INSERT INTO catalogue_listversion (kind, org_id, number, state, start, note, writers, version)"
        " VALUES ('treatable', %s, 99, 'published', '2030-01-01', '', '{}', 1)"
    )
    for login in ("editor", "director"):
        refused = pytest.raises(DatabaseError, match="begins as a draft")
        with scope(person(login)), connections["default"].cursor() as cursor, refused, transaction.atomic():
            cursor.execute(statement, [COUNTY_HOSPITAL])


@pytest.mark.parametrize("login", ["doctor", "desk", "system", "clerk", "insurer"])
def test_nobody_elses_people_touch_a_draft_even_with_raw_sql(db: None, login: str) -> None:
    with scope(person("editor")) as by:
        draft = actions.start_draft(rules.FIRST_CONTACT, by=by, at=JUNE)
    before = _contents(draft)
    statements = (
        *(RAW[w] for w in ("insert", "update", "delete")),
        "UPDATE catalogue_listversion SET state = 'submitted' WHERE id = %(list)s",
    )
    for statement in statements:
        with scope(person(login)), connections["default"].cursor() as cursor:
            try:
                with transaction.atomic():
                    cursor.execute(statement, {"list": draft.id})
            except DatabaseError:
                pass
    assert _contents(draft) == before


def test_two_published_versions_cannot_overlap_in_the_database(db: None) -> None:
    second = into_force(rules.GUIDE, date(2023, 7, 1))
    with scope(person("director")), pytest.raises(DatabaseError, match="listversion_one_in_force"), transaction.atomic():
        ListVersion.objects.filter(pk=second.based_on_id).update(end=date(2023, 7, 2))
    with scope(person("director")):
        ListVersion.objects.filter(pk=second.based_on_id).update(end=date(2023, 6, 30))  # a gap is allowed, an overlap is not


# --- several at once ---------------------------------------------------------------------------------------------------------


def _as(who: Person, work: Callable[[Any], object], barrier: threading.Barrier | None = None) -> str:
    """Do something in a transaction and on a connection of its own; the name of what refused it, else "done"."""
    try:
        with transaction.atomic(), scope(who) as by:
            if barrier:
                barrier.wait(timeout=60)
            work(by)
        return "done"
    except Refused as refusal:
        return refusal.code
    finally:
        connections.close_all()


@pytest.fixture
def own_list(house_file: object) -> Iterator[Callable[[str], ListVersion]]:
    """Makes versions of the demo township's own list of techniques that stay; takes them away afterwards."""

    def make(state: str) -> ListVersion:
        with transaction.atomic(), scope(person("clerk")) as by:
            draft = actions.start_draft(rules.TECHNIQUE, by=by, at=now())
            if state != rules.DRAFT:
                draft = actions.submit(draft.id, version=draft.version, by=by, at=now())
        if state == rules.APPROVED:
            with transaction.atomic(), scope(person("head")) as by:
                draft = actions.approve(draft.id, version=draft.version, by=by, at=now())
        return draft

    yield make
    org = person("clerk").org_id
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        mine = "SELECT id FROM catalogue_listversion WHERE org_id = %s AND kind = 'technique' AND number > 1"
        cursor.execute("ALTER TABLE catalogue_techniqueentry DISABLE TRIGGER catalogue_techniqueentry_keep")
        cursor.execute(f"DELETE FROM catalogue_techniqueentry WHERE list_id IN ({mine})", [org])
        cursor.execute("ALTER TABLE catalogue_techniqueentry ENABLE TRIGGER catalogue_techniqueentry_keep")
        cursor.execute(f"DELETE FROM catalogue_listversion WHERE id IN ({mine})", [org])
        cursor.execute("UPDATE catalogue_listversion SET \"end\" = NULL WHERE org_id = %s AND kind = 'technique'", [org])


def test_two_who_publish_at_once_publish_once(own_list: Callable[[str], ListVersion]) -> None:
    ready = own_list(rules.APPROVED)
    crowd = 12
    barrier = threading.Barrier(crowd)
    days = [local_day(now()) + timedelta(days=1 + i % 3) for i in range(crowd)]

    def publish(i: int) -> str:
        def work(by: Any) -> None:
            actions.publish(ready.id, days[i], version=ready.version, by=by, at=now())

        return _as(person("head"), work, barrier)

    with ThreadPoolExecutor(crowd) as pool:
        results = Counter(pool.map(publish, range(crowd)))
    assert results == {"done": 1, "stale": crowd - 1}
    found = ListVersion.objects.using("load").get(pk=ready.pk)
    former = ListVersion.objects.using("load").get(pk=ready.based_on_id)
    assert (found.state, former.end) == (rules.PUBLISHED, found.start)


def test_two_who_begin_a_draft_at_once_begin_one(own_list: Callable[[str], ListVersion]) -> None:
    crowd = 8
    barrier = threading.Barrier(crowd)

    def begin(i: int) -> str:
        return _as(person("clerk"), lambda by: actions.start_draft(rules.TECHNIQUE, by=by, at=now()), barrier)

    with ThreadPoolExecutor(crowd) as pool:
        results = Counter(pool.map(begin, range(crowd)))
    assert results == {"done": 1, "list_draft_open": crowd - 1}


def test_two_who_write_on_the_same_draft_are_told_apart(own_list: Callable[[str], ListVersion]) -> None:
    draft = own_list(rules.DRAFT)
    crowd = 8
    barrier = threading.Barrier(crowd)

    def write(i: int) -> str:
        values = {"code": f"Z-{i}", "category_zh": "其他类", "category_en": "", "name_zh": f"技术{i}", "name_en": ""}
        return _as(person("clerk"), lambda by: actions.put_entry(draft.id, values, version=draft.version, by=by, at=now()), barrier)

    with ThreadPoolExecutor(crowd) as pool:
        results = Counter(pool.map(write, range(crowd)))
    assert results == {"done": 1, "stale": crowd - 1}


def test_an_entry_does_not_slip_into_a_list_that_is_just_being_submitted(own_list: Callable[[str], ListVersion]) -> None:
    """Raw SQL beside the action: it waits for the submission to end, and is refused then."""
    draft = own_list(rules.DRAFT)
    columns = "list_id, code, category_zh, category_en, name_zh, name_en, removed"
    statement = f"INSERT INTO catalogue_techniqueentry ({columns}) VALUES (%s, 'Z', 'z', '', 'z', '', false)"
    outcome: list[str] = []

    def slip() -> None:
        try:
            with transaction.atomic(), scope(person("clerk")), connections["default"].cursor() as cursor:
                cursor.execute(statement, [draft.id])
            outcome.append("slipped in")
        except DatabaseError as error:
            outcome.append(str(error))
        finally:
            connections.close_all()

    other = threading.Thread(target=slip)
    with transaction.atomic(), scope(person("clerk")) as by:
        actions.submit(draft.id, version=draft.version, by=by, at=now())
        other.start()
        while not _somebody_waits():
            assert other.is_alive()
            time.sleep(0.01)
    other.join(timeout=30)
    assert "only drafts" in outcome[0]


def _somebody_waits() -> bool:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def test_each_step_is_audited_and_told(own_list: Callable[[str], ListVersion]) -> None:
    found = own_list(rules.APPROVED)
    with transaction.atomic(), scope(person("head")) as by:
        actions.publish(found.id, local_day(now()) + timedelta(days=1), version=found.version, by=by, at=now())
    trail = list(AuditEvent.objects.using("job").filter(subject=f"list:{found.id}").order_by("at", "id"))
    assert [(e.action, e.before, e.after) for e in trail] == [
        ("catalogue.start", "", "draft"),
        ("catalogue.submit", "draft", "submitted"),
        ("catalogue.approve", "submitted", "approved"),
        ("catalogue.publish", "approved", "published"),
    ]
    assert [e.actor_id for e in trail] == [person(name).id for name in ("clerk", "clerk", "head", "head")]
    told = OutboxMessage.objects.using("job").filter(url=f"/catalogues/{found.id}/").order_by("at", "id")
    assert [(m.kind, m.role) for m in told] == [
        ("catalogue.submit.technique", "manager"),
        ("catalogue.publish.technique", "editor"),
    ]
    assert all(notice_text(m.kind, m.subject) for m in told)
