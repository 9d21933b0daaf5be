"""Machine accounts: made by the security administrator, keys shown once, limited per minute, dead at once when revoked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client

from fenji.care.referral.models import Case
from fenji.care.registry.models import Resident
from fenji.config import middleware
from fenji.ground.access import actions, queries
from fenji.ground.access.models import Account, AuditEvent, MachineMinute, ScopeHandle
from fenji.ground.access.rules import MachinePolicy
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.elsewhere import HOSPITAL, people
from tests.app.machine_keys import a_key, a_machine
from tests.app.wsgi import ask, call
from tests.cast import client_for, form, person, scope

KEY = re.compile(r"fj_[0-9a-f]{12}_[\w-]{43}")


@pytest.fixture(scope="module")
def security(house_file: object) -> Client:
    return client_for(person("security"))


@pytest.fixture(scope="module")
def elsewhere(house_file: object) -> dict[str, Person]:
    return people()


@pytest.fixture
def machine(house_file: object) -> Account:
    return a_machine(COUNTY_HOSPITAL)


@pytest.fixture
def key(machine: Account) -> str:
    return a_key(machine)


def day(days: int) -> str:
    return (local_day(now()) + timedelta(days=days)).isoformat()


def test_a_machine_is_made_and_gets_a_key_that_is_shown_once_and_works(security: Client) -> None:
    made = security.post("/machines/new/", form(name="县医院HIS", org=f"{COUNTY_HOSPITAL} x"))
    assert made.status_code == 303
    page = security.get(made["Location"]).content.decode()
    assert "No key is good at present" in page
    issued = security.post(f"{made['Location']}key/", form(until=day(30)))
    assert (issued.status_code, issued["Location"]) == (303, "/machines/slip/")
    (key,) = KEY.findall(security.get("/machines/slip/").content.decode())
    assert security.get("/machines/slip/").status_code == 409
    account = Account.objects.using("load").get(pk=made["Location"].split("/")[2])
    assert key.split("_")[1] == account.username.removeprefix("api.")
    assert (account.kind, account.password) == ("machine", "!")
    handle = ScopeHandle.objects.using("door").get(account=account)
    assert (handle.role, handle.purpose, handle.orgs, handle.path_lo, handle.path_hi) == ("machine", "api", [], "", "")
    assert handle.reach == account.path
    assert handle.idle == handle.until - handle.opened_at
    assert key not in str(vars(handle))
    assert ask("GET", "/api/v1/me", key).status == 200
    logged = AuditEvent.objects.using("owner").filter(subject=str(account.pk)).values_list("action", flat=True)
    assert set(logged) == {"account.create", "machine.key"}
    assert key not in str(list(AuditEvent.objects.using("owner").filter(subject=str(account.pk)).values()))


def test_a_revoked_key_is_dead_at_once_and_the_other_lives(security: Client, machine: Account) -> None:
    first, second = a_key(machine), a_key(machine)
    wanted = queries.session_id(queries.token_hash(first))
    assert security.post(f"/machines/{machine.pk}/revoke/", form(session=wanted)).status_code == 303
    assert (ask("GET", "/api/v1/me", first).status, ask("GET", "/api/v1/me", second).status) == (401, 200)
    assert security.post(f"/machines/{machine.pk}/revoke/", form(session=wanted)).status_code == 409
    assert security.post(f"/machines/{machine.pk}/revoke/", form(session="x")).status_code == 409


def test_a_switched_off_machine_asks_nothing_and_its_keys_stay_dead(security: Client, machine: Account, key: str) -> None:
    page = f"/machines/{machine.pk}/"
    version = Account.objects.using("load").get(pk=machine.pk).version
    assert security.post(f"{page}deactivate/", form(_version=version, reason="")).status_code == 422
    assert security.post(f"{page}deactivate/", form(_version=version, reason="停用")).status_code == 303
    assert ask("GET", "/api/v1/me", key).status == 401
    assert security.post(f"{page}key/", form(until=day(3))).status_code == 409
    assert security.post(f"{page}reactivate/", form(_version=version + 1)).status_code == 303
    assert ask("GET", "/api/v1/me", key).status == 401
    assert security.post(f"{page}key/", form(until=day(3))).status_code == 303


@pytest.mark.parametrize(
    ("until", "status"),
    [("", 422), ("x", 422), (day(-1), 409), (day(0), 303), (day(365), 303), (day(400), 409), ("9999-12-31", 422)],
)
def test_a_key_ends_within_the_longest_life(security: Client, machine: Account, until: str, status: int) -> None:
    answer = security.post(f"/machines/{machine.pk}/key/", form(until=until))
    assert answer.status_code == status
    assert ScopeHandle.objects.using("door").filter(account=machine).count() == (status == 303)


def test_an_ended_key_opens_nothing(machine: Account, key: str) -> None:
    ScopeHandle.objects.using("door").filter(account=machine).update(until=now())
    assert ask("GET", "/api/v1/me", key).status == 401


def test_a_key_ends_with_the_post(machine: Account, key: str) -> None:
    from fenji.ground.network.actions import end_post
    from fenji.ground.network.models import Post

    post = Post.objects.using("load").get(account=machine)
    with transaction.atomic(), scope(person("security")) as by:
        end_post(post.pk, post.version, "x", by=by, at=now())
    assert ask("GET", "/api/v1/me", key).status == 401


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"name": "x" * 61}, {"name": "a\u202eb"}, {"org": ""}, {"org": str(HOSPITAL)}, {"org": "nowhere"}],
    ids=str,
)
def test_bad_input_makes_no_machine(security: Client, elsewhere: dict[str, Person], fields: dict[str, str]) -> None:
    before = Account.objects.using("load").filter(kind="machine").count()
    answer = security.post("/machines/new/", form(**{"name": "HIS", "org": str(COUNTY_HOSPITAL), **fields}))
    assert answer.status_code == 422
    assert Account.objects.using("load").filter(kind="machine").count() == before


def test_only_the_security_administrator_of_the_place_handles_machines(elsewhere: dict[str, Person], machine: Account) -> None:
    other = client_for(elsewhere["security"])
    assert other.get(f"/machines/{machine.pk}/").status_code == 404
    for action in ("key", "revoke", "deactivate", "reactivate"):
        assert other.post(f"/machines/{machine.pk}/{action}/", form(until=day(1), reason="x")).status_code == 404
    assert machine.name not in other.get("/machines/").content.decode()
    for who in ("system", "audit", "doctor", "officer"):
        assert client_for(person(who)).get("/machines/").status_code == 403
    with transaction.atomic(), scope(person("system")) as by, pytest.raises(NotPermitted):
        a_key(machine, by)
    with transaction.atomic(), scope(person("system")) as by, pytest.raises(NotPermitted):
        actions.revoke_key(machine, "x", by=by, at=now())


def test_a_key_reaches_no_row_about_a_patient(machine: Account, key: str) -> None:
    with transaction.atomic():
        actor = queries.enter(key)
        assert actor is not None
        assert (actor.role, actor.orgs, actor.purpose) == ("machine", (), "api")
        assert not Resident.objects.exists()
        assert not Case.objects.exists()
        assert [a.pk for a in Account.objects.only("id")] == [machine.pk]


def test_a_key_opens_no_page_and_a_session_no_api(key: str) -> None:
    from tests.cast import token_for

    for address in ("/", "/account/", "/accounts/", "/machines/", "/residents/"):
        answer = call("GET", address, key)
        assert (answer.status, answer.location.split("?")[0]) == (302, "/login/"), address
        assert ask("GET", address, key).status == 302
    for who in ("doctor", "system", "security"):
        token = token_for(person(who))
        assert ask("GET", "/api/v1/me", token).status == 401
        assert call("GET", "/api/v1/me", token).status == 401
    assert call("GET", "/api/v1/me", key).status == 401


# --- requests per minute ------------------------------------------------------------------------------------------------------


@pytest.fixture
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The policy says three; the clock stands in the middle of a minute."""
    policy = MachinePolicy(machine_per_minute=3, machine_key_days=366)
    monkeypatch.setattr(middleware, "resolve", lambda *_: policy)
    middle = now().replace(second=20, microsecond=0)
    monkeypatch.setattr(middleware, "now", lambda: middle)
    return


def test_more_requests_than_the_policy_allows_are_told_to_wait(three_a_minute: None, machine: Account, key: str) -> None:
    answers = [ask("GET", "/api/v1/me", key) for _ in range(5)]
    assert [a.status for a in answers] == [200, 200, 200, 429, 429]
    assert "Retry-After: 40" in answers[-1].headers
    assert '"code": "too_many_requests"' in answers[-1].body
    assert MachineMinute.objects.using("door").get(account=machine).requests == 5


def test_refused_requests_count_too(three_a_minute: None, key: str) -> None:
    assert [ask("GET", "/api/v1/nothing", key).status for _ in range(4)] == [404, 404, 404, 429]


def test_the_next_minute_begins_anew_and_an_older_clock_does_not_reset_it(machine: Account) -> None:
    minute = now().replace(second=0, microsecond=0)
    for second in range(3):
        assert actions.count_request(machine.pk, 3, at=minute + timedelta(seconds=second)) == 0
    assert actions.count_request(machine.pk, 3, at=minute + timedelta(seconds=59, milliseconds=500)) == 1
    later = minute + timedelta(minutes=1)
    assert actions.count_request(machine.pk, 3, at=later) == 0
    assert actions.count_request(machine.pk, 3, at=minute + timedelta(seconds=59)) == 0
    row = MachineMinute.objects.using("door").get(account=machine)
    assert (row.minute, row.requests) == (later, 2)


def test_many_at_once_are_counted_exactly(machine: Account) -> None:
    at = now().replace(second=20, microsecond=0)

    def one(_: int) -> int:
        try:
            return actions.count_request(machine.pk, 25, at=at)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        waits = Counter(w > 0 for w in pool.map(one, range(60)))
    assert waits == {False: 25, True: 35}
