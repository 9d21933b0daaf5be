"""The leak matrix, tables: every protected one read with raw SQL as every role (own or forged scope) for a canary of institution B.

Every table also has a positive cell: the role that may see a row does. What may be written is tried too.
"""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connections, transaction

from fenji.care.referral.models import Case
from fenji.care.registry import actions as registry
from fenji.ground.access.actions import close_glass
from fenji.ground.access.rules import RECORDS
from fenji.ground.common.edge import now
from fenji.ground.common.models import House
from fenji.world.county import CITY_HOSPITAL, Person
from tests.app.addresses.care import VISIT_FORM
from tests.app.addresses.shared import ID
from tests.app.canary import NAME, PHONE, ROLES, Canary, _b_system, _card, planted
from tests.app.wsgi import call
from tests.cast import a_case, other_doctor, other_reviewer, person, scope


@pytest.fixture(scope="module")
def canary(house_file: object) -> Canary:
    return planted()


_SHAPED = {m._meta.db_table: m for m in apps.get_models() if issubclass(m, House) and m.shape is not None}
# what every signed-in person may read: the network and who works in it; written by few, see below
DIRECTORY = {table: m for table, m in _SHAPED.items() if m.shape.name in ("governed", "staff")}
# lists are public; only their keeper's people write on drafts: see test_catalogue.py for what is published
LISTS = {table: m for table, m in _SHAPED.items() if m.shape.name in ("kept_by", "kept_through")}
# what everybody may read, and institutions themselves make public
PUBLIC = [table for table, m in _SHAPED.items() if m.shape.name == "published"]
# sessions and slots, of which everybody signed in reads which are free; the hospital's desk and its own system write
CLINICS = [table for table, m in _SHAPED.items() if m.shape.name == "desk"]
TABLES = {table: m for table, m in _SHAPED.items() if table not in (*DIRECTORY, *PUBLIC, *LISTS, *CLINICS)}
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
    "tasks_noticereceipt": "B doctor",
    "tasks_personmessage": "system",
    "publication_channelevent": "B doctor",
    "publication_announcement": "B doctor",
    "publication_announcementreceipt": "B doctor",
    "documents_storedfile": "B system",
    "documents_blob": "B system",
    "documents_importrun": "B system",
    "documents_importfault": "B system",
    "registry_resident": "B doctor",
    "registry_identity": "B doctor",
    "registry_proxy": "B doctor",
    "booking_booking": "B receiver",
    "booking_waitentry": "B doctor",
    "booking_bedhold": "B receiver",
    "registry_duplicate": "B doctor",
    "visits_visit": "B doctor",
    "visits_handover": "B doctor",
    "visits_infection": "B doctor",
    "visits_visitevent": "B doctor",
    "visits_stay": "B doctor",
    "visits_stayevent": "B doctor",
    "continuity_package": "B doctor",
    "continuity_planitem": "B doctor",
    "continuity_followup": "B doctor",
    "continuity_packageevent": "B doctor",
    "continuity_attachment": "B doctor",
    "referral_case": "B receiver",
    "referral_caseevent": "B reviewer",
    "referral_consent": "B receiver",
    "referral_transfer": "B receiver",
    "referral_caselink": "B doctor",
    "referral_reviewdecision": "B reviewer",
    "referral_reviewdelegation": "B doctor",
    **{f"referral_quality_{t}": "B reviewer" for t in ("reviewcycle", "sampledcase", "reading", "outliercase", "outlierevent")},
    **{f"referral_quality_{t}": "B reviewer" for t in ("alert", "alertrow")},
}
# roles of the matrix that are meant to see rows about B in a table, because they watch over the county
MEANT = {
    "access_glass": ("security",),
    "access_glassreview": ("security",),
    "access_auditevent": ("audit",),
    "tasks_personmessage": ("system",),
    "access_readlog": ("audit",),
    # one chain for the whole house
    "access_chaincheck": ("audit", "security", "other security"),
    # the health authority of the county
    **{f"referral_quality_{t}": ("officer",) for t in ("reviewcycle", "outliercase", "outlierevent", "alert")},
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
            if role == "insurer" and table == "publication_channelevent":
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
    for table in (*DIRECTORY, *PUBLIC, *CLINICS):
        with transaction.atomic(), scope(person("desk"), canary.tokens["desk"]):
            seen = "\n".join(_rows(table))
        assert not [sign for sign in canary.patient if sign in seen], table


KEEPERS = ("anonymous", "system", "security", "head", "other system", "other security")
ALSO_KEPT_BY = {"documents_paper": ("officer",), "network_directions": ("desk",)}


@pytest.mark.parametrize("table", DIRECTORY)
def test_the_directory_is_changed_only_by_those_who_administer_it(canary: Canary, table: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(_COLUMNS.replace("'SELECT'", "'UPDATE'"), [table])
        column = f'"{cursor.fetchone()[0]}"'
    for role in (r for r in ROLES if r not in (*KEEPERS, *ALSO_KEPT_BY.get(table, ()))):
        with transaction.atomic(), scope(person("doctor"), canary.tokens[role]), connections["default"].cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = {column}")
            assert cursor.rowcount == 0, role
            # policies are asked before any other constraint; of posts a trigger refuses even before
            with pytest.raises(DatabaseError, match=r"row-level security|another kind"), transaction.atomic():
                cursor.execute(f"INSERT INTO {table} DEFAULT VALUES")
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("table", CLINICS)
def test_sessions_and_slots_are_changed_only_by_their_hospitals_desk_head_and_own_system(canary: Canary, table: str) -> None:
    column = "heard_at" if table == "booking_feed" else "version"
    for role in (r for r in ROLES if r != "anonymous"):
        with transaction.atomic(), scope(person("doctor"), canary.tokens[role]), connections["default"].cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {column} = {column} WHERE org_id = %s", [CITY_HOSPITAL])
            assert cursor.rowcount == 0, role
            with pytest.raises(DatabaseError, match=r"row-level security|null value"), transaction.atomic():
                cursor.execute(f"INSERT INTO {table} DEFAULT VALUES")
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(f"DELETE FROM {table}")
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute("SELECT set_config('fenji.scope', 'forged', true)")
        assert not _rows(table)


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
    language = call("POST", f"/visits/new/{canary.resident}/", canary.tokens["B doctor"], {"_key": key, **VISIT_FORM})
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
        beside = {"referral_caseevent", "referral_consent", "referral_transfer", "referral_reviewdecision"}
        stays = {"visits_stay", "visits_stayevent"}
        opened = {"visits_visit", "visits_handover", "visits_visitevent", "referral_case", "access_glass", *stays, *beside}
        assert {t for t, rows in more.items() if rows} == opened
        case = str(Case.objects.values_list("id", flat=True).get(number=canary.case))
        for table, sign in (
            ("visits_visit", str(canary.resident)),
            *((table, str(canary.stay)) for table in sorted(stays)),
            ("referral_case", str(canary.resident)),
            *((table, case) for table in sorted(beside)),
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
        f"UPDATE booking_booking SET end_reason = 'x' WHERE subject = '{canary.case}'",
        f"UPDATE booking_waitentry SET end_reason = 'x' WHERE subject = '{canary.case}'",
        f"UPDATE booking_bedhold SET end_reason = 'x' WHERE subject = '{canary.case}'",
        f"UPDATE booking_slot SET outside = 'x' WHERE session_id = '{canary.session}'",
        f"UPDATE visits_visit SET version = 9 WHERE id = '{canary.visit}'",
        f"UPDATE continuity_package SET end_reason = 'x' WHERE stay_id = '{canary.stay}'",
        f"UPDATE continuity_followup SET note = 'x' WHERE id = '{canary.followup}'",
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
