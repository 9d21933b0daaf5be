"""Administrators look after the accounts within their reach, of the kinds their role has, and of nobody else."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.test import Client

from fenji.ground.access import actions, queries, rules
from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.access.rules import AUDIT_ADMIN, DESK, DOCTOR, SECURITY_ADMIN, SYSTEM_ADMIN
from fenji.ground.common.edge import now
from fenji.ground.common.ids import parse_secret_code
from fenji.ground.common.refusal import NotPermitted, Unknown
from fenji.ground.network.actions import WrongKind, appoint
from fenji.world.county import COUNTY_HOSPITAL, HOUSE_OFFICE, Person
from tests.app.account_walk import CODE, GOOD, act, activated, made, make
from tests.app.elsewhere import HOSPITAL, people
from tests.app.sessions import browser, quick_hashes
from tests.cast import client_for, form, person, scope, token_for


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_hashes():
        yield


@pytest.fixture(scope="module")
def system(house_file: object) -> Client:
    return client_for(person("system"))


@pytest.fixture(scope="module")
def security(house_file: object) -> Client:
    return client_for(person("security"))


@pytest.fixture(scope="module")
def elsewhere(house_file: object) -> dict[str, Person]:
    return people()


def state(account: Account) -> str:
    from fenji.front.desk.views.session import password_policy

    return queries.state_of(Account.objects.using("load").get(pk=account.pk), now(), password_policy(None, now()))


# --- making -------------------------------------------------------------------------------------------------------------------


def test_a_new_account_is_invited_by_a_slip_shown_once_and_opens_with_its_code(system: Client) -> None:
    account, code = made(system)
    assert account.username.startswith("zhangxiaoming")
    assert (account.org_id, account.kind, account.created_by) == (COUNTY_HOSPITAL, "staff", person("system").id)
    assert state(account) == rules.INVITED
    gone = system.get("/accounts/slip/")
    assert gone.status_code == 409
    assert "shown only once" in gone.content.decode()
    activated = browser().post("/activate/", {"username": account.username, "code": code, "new": GOOD, "again": GOOD})
    assert (activated.status_code, activated["Location"]) == (303, "/login/")
    assert state(account) == rules.ACTIVE
    signed = browser().post("/login/", {"username": account.username, "password": GOOD})
    assert (signed.status_code, signed["Location"]) == (303, "/")
    actions_logged = AuditEvent.objects.using("owner").filter(subject=str(account.pk)).values_list("action", flat=True)
    assert set(actions_logged) == {"account.create", "account.activation"}


def test_user_names_are_proposed_from_the_pinyin_and_never_twice(system: Client) -> None:
    first, _ = made(system, name="欧阳修竹")
    second, _ = made(system, name="欧阳修竹")
    assert (first.username, second.username) == ("ouyangxiuzhu", "ouyangxiuzhu2")


@pytest.mark.parametrize("typed", ["Wang.Er", "ＷＡＮＧ．ＥＲ", " wang.er ", "wang.er"])
def test_a_user_name_in_other_letters_is_the_same_one(system: Client, typed: str) -> None:
    if not Account.objects.using("load").filter(username="wang.er").exists():
        made(system, username="wang.er")
    answer = make(system, username=typed)
    assert answer.status_code == 422
    assert "wang.er is taken" in answer.content.decode()


BAD = [
    ({"username": "a"}, "A user name has 2 to 60"),
    ({"username": "x" * 61}, "A user name has 2 to 60"),
    ({"username": "x" * 300}, "at most 200 characters"),
    ({"username": "张三"}, "A user name has 2 to 60"),
    ({"username": "a b"}, "A user name has 2 to 60"),
    ({"username": "-ab"}, "A user name has 2 to 60"),
    ({"username": "ab\u202e"}, "A user name has 2 to 60"),
    ({"username": "ab'; --"}, "A user name has 2 to 60"),
    ({"name": ""}, "This field is required"),
    ({"name": "\u3000"}, "This field is required"),
    ({"name": "张\u200b三"}, "none that cannot be seen"),
    ({"name": "张\n三"}, "none that cannot be seen"),
    ({"name": "张" * 61}, "at most 60 characters"),
    ({"org": ""}, "This field is required"),
    ({"org": "999999999"}, "Choose an institution of yours"),
    ({"org": "99999999999999999999"}, "Choose an institution of yours"),
    ({"org": "-1"}, "Choose an institution of yours"),
    ({"org": "院"}, "Choose an institution of yours"),
    ({"org": "\u00b4"}, "Choose an institution of yours"),
    ({"role": ""}, "This field is required"),
    ({"role": "security_admin"}, "is not one of the available choices"),
    ({"role": "machine"}, "is not one of the available choices"),
]


@pytest.mark.parametrize(("fields", "says"), BAD, ids=[str(f)[:30] for f, _ in BAD])
def test_bad_input_is_named_kept_and_makes_nothing(system: Client, fields: dict[str, str], says: str) -> None:
    before = Account.objects.using("load").count()
    answer = make(system, **fields)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    assert "张小明" in page or "name" in fields
    assert Account.objects.using("load").count() == before


def test_a_name_only_one_institution_has_will_do(system: Client) -> None:
    account, _ = made(system, org="沙县区总医院")
    assert account.org_id == COUNTY_HOSPITAL


def test_the_same_form_sent_twice_makes_one_account(system: Client) -> None:
    fields = form(name="重复者", org=str(COUNTY_HOSPITAL), role=DOCTOR)
    answers = [system.post("/accounts/new/", fields) for _ in range(2)]
    assert [a.status_code for a in answers] == [303, 303]
    assert Account.objects.using("load").filter(name="重复者").count() == 1


def test_a_reset_kills_the_old_password_and_ends_open_sessions_at_once(system: Client) -> None:
    account = activated(system, name="重置者")
    visitor = browser()
    visitor.post("/login/", {"username": account.username, "password": GOOD})
    assert visitor.get("/account/").status_code == 200
    answer = act(system, account, "reset")
    assert (answer.status_code, answer["Location"]) == (303, "/accounts/slip/")
    assert visitor.get("/account/").status_code == 302
    assert browser().post("/login/", {"username": account.username, "password": GOOD}).status_code == 422
    assert Account.objects.using("owner").get(pk=account.pk).password == "!"
    code = "-".join(CODE.findall(system.get("/accounts/slip/").content.decode()))
    again = browser().post("/activate/", {"username": account.username, "code": code, "new": GOOD, "again": GOOD})
    assert "used this password before" in again.content.decode()
    other = "another river nine 42"
    again = browser().post("/activate/", {"username": account.username, "code": code, "new": other, "again": other})
    assert again.status_code == 303


def test_a_reset_with_an_old_page_is_stale_and_changes_nothing(system: Client) -> None:
    account = activated(system, name="旧页者")
    version = Account.objects.using("load").get(pk=account.pk).version
    answer = system.post(f"/accounts/{account.pk}/reset/", form(_version=version - 1))
    assert answer.status_code == 409
    assert "Somebody else acted" in answer.content.decode()
    assert state(account) == rules.ACTIVE


def test_a_locked_account_is_unlocked(system: Client) -> None:
    account = activated(system, name="锁定者")
    for _ in range(5):
        browser().post("/login/", {"username": account.username, "password": "wrong"})
    assert state(account) == rules.LOCKED
    assert "locked" in system.get(f"/accounts/{account.pk}/").content.decode()
    assert act(system, account, "unlock").status_code == 303
    assert state(account) == rules.ACTIVE
    assert browser().post("/login/", {"username": account.username, "password": GOOD}).status_code == 303


def test_switching_off_ends_sessions_needs_a_reason_and_switching_on_brings_none_back(system: Client) -> None:
    account = activated(system, name="停用者")
    visitor = browser()
    visitor.post("/login/", {"username": account.username, "password": GOOD})
    for bad in ("", " ", "a\u202eb", "x" * 201):
        assert act(system, account, "deactivate", reason=bad).status_code == 422
    assert act(system, account, "deactivate", reason="离职").status_code == 303
    assert state(account) == rules.DEACTIVATED
    assert "离职" in system.get(f"/accounts/{account.pk}/").content.decode()
    assert visitor.get("/account/").status_code == 302
    assert browser().post("/login/", {"username": account.username, "password": GOOD}).status_code == 422
    assert act(system, account, "reset").status_code == 409
    assert act(system, account, "reactivate").status_code == 303
    assert state(account) == rules.ACTIVE
    assert visitor.get("/account/").status_code == 302
    assert browser().post("/login/", {"username": account.username, "password": GOOD}).status_code == 303


def test_the_list_filters_pages_and_goes_to_excel(system: Client) -> None:
    import openpyxl

    account, _ = made(system, name="筛选者")
    page = system.get("/accounts/", {"q": "筛选"}).content.decode()
    assert account.username in page
    assert system.get("/accounts/", {"q": account.username[:5].upper()}).content.decode().count(account.username) == 1
    for asked, there in (
        ({"state": "invited"}, True),
        ({"state": "active"}, False),
        ({"role": DOCTOR}, True),
        ({"role": DESK}, False),
        ({"org": f"{COUNTY_HOSPITAL} 沙县区总医院"}, True),
        ({"org": "总医院"}, True),
        ({"org": "1"}, False),
        ({"q": "\x07"}, False),
        ({"q": "x" * 300}, False),
    ):
        found = system.get("/accounts/", {"q": "筛选", **asked})
        assert found.status_code == 200
        assert (account.username in found.content.decode()) == there, asked
    seen: list[str] = []
    address = "/accounts/?size=20"
    while address:
        page = system.get(address).content.decode()
        seen += re.findall(r'<td class="code"[^>]*>([^<]+)</td>', page)
        more = re.search(r'href="([^"]+)">Further', page)
        address = more.group(1).replace("&amp;", "&") if more else ""
    mine = Account.objects.using("load").filter(kind="staff", path__startswith="350405").values_list("username", flat=True)
    assert sorted(seen) == sorted(mine)
    book = openpyxl.load_workbook(io.BytesIO(system.get("/accounts/export.xlsx", {"q": "筛选"}).content))
    assert [[c.value for c in row] for row in book.worksheets[0].iter_rows(min_row=2)] == [
        ["筛选者", account.username, "沙县区总医院（模拟）", "Doctor", "invited"]
    ]


# --- whose they are -----------------------------------------------------------------------------------------------------------


def test_another_countys_accounts_are_unknown_in_every_way(system: Client, security: Client, elsewhere: dict[str, Person]) -> None:
    doctor = elsewhere["doctor"]
    assert doctor.username not in system.get("/accounts/?size=100").content.decode()
    assert doctor.name not in system.get("/accounts/", {"q": doctor.username}).content.decode()
    assert system.get(f"/accounts/{doctor.id}/").status_code == 404
    for action in ("reset", "unlock", "deactivate", "reactivate", "appoint", "cover", "end"):
        assert system.post(f"/accounts/{doctor.id}/{action}/", form(_version=1, reason="x")).status_code == 404
    assert security.get(f"/accounts/administrators/{elsewhere['security'].id}/").status_code == 404
    assert system.get("/accounts/people/", {"stand_in": doctor.username}).content.strip() == b""
    assert system.get("/accounts/institutions/", {"org": "异县"}).content.strip() == b""
    assert make(system, org=str(HOSPITAL)).status_code == 422


def test_each_administrator_sees_the_kinds_of_their_role_only(system: Client, security: Client) -> None:
    audit, doctor = person("audit"), person("doctor")
    assert system.get(f"/accounts/{audit.id}/").status_code == 404
    assert system.post(f"/accounts/{audit.id}/reset/", form(_version=1)).status_code == 404
    assert security.get(f"/accounts/administrators/{audit.id}/").status_code == 200
    assert security.get(f"/accounts/administrators/{doctor.id}/").status_code == 404
    assert security.get("/accounts/").status_code == 403
    assert system.get("/accounts/administrators/").status_code == 403
    assert system.get("/machines/").status_code == 403


def test_a_security_administrator_makes_an_audit_administrator(security: Client) -> None:
    account, _code = made(security, "/accounts/administrators/", name="审计员", org=str(HOUSE_OFFICE), role=AUDIT_ADMIN)
    assert account.kind == "administrator"
    answer = act(security, account, "appoint", "/accounts/administrators/", org=str(HOUSE_OFFICE), role=SYSTEM_ADMIN)
    assert answer.status_code == 409
    assert "must not hold these roles together" in answer.content.decode()


def test_nobody_administers_themselves(security: Client, system: Client) -> None:
    me = person("security")
    page = security.get(f"/accounts/administrators/{me.id}/").content.decode()
    assert "/deactivate/" not in page
    for action in ("reset", "appoint", "end", "deactivate"):
        answer = security.post(f"/accounts/administrators/{me.id}/{action}/", form(_version=1, reason="x"))
        assert answer.status_code == 404
    with transaction.atomic(), scope(me) as by, pytest.raises(NotPermitted):
        appoint(me.id, me.org_id, AUDIT_ADMIN, now(), by=by, at=now())


def test_the_actions_hold_the_same_without_the_pages(elsewhere: dict[str, Person]) -> None:
    doctor, audit, mine = elsewhere["doctor"], person("audit"), person("doctor")
    policy = rules.PasswordPolicy(12, 2, 5, 180, 14)
    with transaction.atomic(), scope(person("system")) as by:
        for victim in (doctor.id, audit.id, by.account_id):
            with pytest.raises(Unknown):
                actions.new_activation([mine.id, victim], by=by, at=now(), policy=policy)
        with pytest.raises(Unknown):
            appoint(doctor.id, COUNTY_HOSPITAL, DOCTOR, now(), by=by, at=now())
        with pytest.raises(NotPermitted):
            appoint(audit.id, HOUSE_OFFICE, SECURITY_ADMIN, now(), by=by, at=now())
        with pytest.raises(NotPermitted):
            actions.create_accounts(
                [rules.new_account("某人", "mou.ren", "administrator", HOUSE_OFFICE, "350405")], by=by, at=now()
            )
        with pytest.raises(NotPermitted):
            actions.create_accounts([rules.new_account("某人", "mou.ren", "staff", HOSPITAL, "350424")], by=by, at=now())
        # over the loader's connection, where no policy helps
        with pytest.raises(Unknown):
            actions.new_activation([doctor.id], by=by, at=now(), policy=policy, using="load")
    with transaction.atomic(), scope(person("security")) as by, pytest.raises(WrongKind):
        appoint(person("audit").id, HOUSE_OFFICE, rules.MACHINE, now(), by=by, at=now())
    assert Account.objects.using("load").get(pk=mine.id).activation_hash is None


RAW = [
    ("system", "UPDATE access_account SET active = false WHERE id = '{elsewhere}'", 0),
    ("system", "UPDATE access_account SET active = false WHERE id = '{audit}'", 0),
    ("system", "UPDATE access_account SET active = false WHERE id = '{system}'", 0),
    ("security", "UPDATE access_account SET active = false WHERE id = '{doctor}'", 0),
    ("doctor", "UPDATE access_account SET failures = 0", 0),
    ("system", "UPDATE access_account SET active = true WHERE id = '{doctor}'", 1),
]


@pytest.mark.parametrize(("who", "statement", "rows"), RAW, ids=[f"{w} {s[-14:]}" for w, s, _ in RAW])
def test_raw_sql_reaches_no_other_account(elsewhere: dict[str, Person], who: str, statement: str, rows: int) -> None:
    ids = {name: person(name).id for name in ("system", "audit", "doctor")} | {"elsewhere": elsewhere["doctor"].id}
    with transaction.atomic():
        with scope(person(who)), connections["default"].cursor() as cursor:
            cursor.execute(statement.format(**ids))
            assert cursor.rowcount == rows
        transaction.set_rollback(True)


FORBIDDEN = [
    ("system", "SELECT password FROM access_account", "permission denied"),
    ("system", "SELECT activation_hash FROM access_account", "permission denied"),
    ("system", "SELECT * FROM access_oldpassword", "permission denied"),
    ("system", "UPDATE access_account SET password = 'argon2$x' WHERE id = '{doctor}'", "gives none"),
    ("system", "UPDATE access_account SET path = '350424' WHERE id = '{doctor}'", "permission denied"),
    ("system", "UPDATE access_account SET kind = 'administrator' WHERE id = '{doctor}'", "permission denied"),
    ("system", "{insert} 'staff', '350424', '!', {rest}", "row-level security"),
    ("system", "{insert} 'administrator', '350405', '!', {rest}", "row-level security"),
    ("system", "{insert} 'staff', '350405', 'argon2$x', {rest}", "gives none"),
    ("doctor", "{insert} 'staff', '350405', '!', {rest}", "row-level security"),
    ("system", "{post} '{doctor}', 'security_admin')", "row-level security|another kind"),
    ("system", "{post} '{audit}', 'doctor')", "another kind"),
    ("system", "{post} '{elsewhere}', 'doctor')", "another kind"),
    ("security", "{post} '{doctor}', 'doctor')", "row-level security"),
]
_INSERT = (
    "INSERT INTO access_account (id, version, username, name, kind, path, password, failures, active, must_change,"
    " deactivated_reason) SELECT gen_random_uuid(), 1, 'raw.sql', 'x',"
)
_POST = (
    "INSERT INTO network_post (id, org_id, path, start, version, ended_because, account_id, role) VALUES (gen_random_uuid(), 5,"
    " '350405000000/00000005', now(), 1, '',"
)


@pytest.mark.parametrize(("who", "statement", "says"), FORBIDDEN, ids=[f"{w} {s[:40]}" for w, s, _ in FORBIDDEN])
def test_raw_sql_gives_no_password_and_no_role(elsewhere: dict[str, Person], who: str, statement: str, says: str) -> None:
    ids = {name: str(person(name).id) for name in ("audit", "doctor")} | {"elsewhere": str(elsewhere["doctor"].id)}
    sql = statement.format(insert=_INSERT, rest="0, true, false, ''", post=_POST, **ids)
    with pytest.raises(DatabaseError, match=says), transaction.atomic(), scope(person(who)):
        connections["default"].cursor().execute(sql)


# --- many at once -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rolled_back(house_file: object) -> Iterator[None]:
    with transaction.atomic(using="load"):
        yield
        transaction.set_rollback(True, using="load")


def test_twenty_thousand_accounts_get_their_codes_in_bulk(rolled_back: None) -> None:
    import time

    policy = rules.PasswordPolicy(12, 2, 5, 180, 14)
    new = [rules.new_account(f"批量{i}", f"bulk.{i}", "staff", COUNTY_HOSPITAL, "350405001000/00000003") for i in range(20_000)]
    with transaction.atomic(), scope(person("system")) as by:
        found = actions.create_accounts(new, by=by, at=now(), using="load")
        began = time.monotonic()
        codes = actions.new_activation([a.pk for a in found], by=by, at=now(), policy=policy, using="load")
        spent = time.monotonic() - began
    assert len(set(codes.values())) == 20_000
    row = Account.objects.using("load").get(pk=found[7].pk)
    assert bytes(row.activation_hash) == actions.passwords.code_hash(parse_secret_code(codes[row.pk]))
    assert spent < 5, f"{spent:.1f} s"
    print(f"\n20,000 codes in {spent:.2f} s")


def test_sessions_of_the_pages_are_named_by_nothing_that_opens_them(system: Client) -> None:
    page = client_for(person("doctor")).get("/account/").content.decode()
    token = token_for(person("doctor"))
    assert queries.token_hash(token).hex() not in page
    assert settings.SESSION_COOKIE not in page
