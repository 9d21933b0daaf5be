"""Posts and leave cover: given for days, ended with a reason, and refused where they do not fit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connections, transaction
from django.test import Client

from fenji.ground.access.rules import AUDIT_ADMIN, DESK, DOCTOR, OFFICER, REVIEWER, SYSTEM_ADMIN
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.network.actions import BadCover, RolesExclude, appoint
from fenji.ground.network.models import Post
from fenji.world.county import COUNTY_HOSPITAL, HOUSE_OFFICE, Person
from tests.app.account_walk import GOOD, act, activated, made
from tests.app.elsewhere import HOSPITAL, people
from tests.app.sessions import browser, form_of, quick_hashes
from tests.app.wsgi import call
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


# --- posts and leave cover ----------------------------------------------------------------------------------------------------


def posts(account_id: UUID) -> list[Post]:
    return list(Post.objects.using("load").filter(account_id=account_id).order_by("start"))


def day(days: int) -> str:
    return (local_day(now()) + timedelta(days=days)).isoformat()


def instant(days: int) -> datetime:
    return datetime.combine(local_day(now()) + timedelta(days=days), datetime.min.time(), SHANGHAI)


def test_a_post_is_given_for_days_and_ended_with_a_reason(system: Client) -> None:
    account = activated(system, name="兼职者")
    answer = act(system, account, "appoint", org=str(COUNTY_HOSPITAL), role=DESK, start=day(1), end=day(3))
    assert answer.status_code == 303
    first, second = posts(account.pk)
    assert (second.role, second.start, second.end) == (DESK, instant(1), instant(4))
    page = system.get(f"/accounts/{account.pk}/")
    fields = form_of(page, f"/accounts/{account.pk}/end/").fields
    assert fields["post"] == str(first.pk)
    visitor = browser()
    visitor.post("/login/", {"username": account.username, "password": GOOD})
    assert visitor.get("/").status_code == 200
    for bad in ({"reason": ""}, {"reason": "x", "end": day(-1)}, {"reason": "x", "end": "31.02.2026"}, {"reason": "a\nb"}):
        refused = system.post(f"/accounts/{account.pk}/end/", form(**{**fields, "_version": first.version, **bad}))
        assert refused.status_code == 422, bad
    ended = system.post(f"/accounts/{account.pk}/end/", {**fields, "reason": "调离"})
    assert ended.status_code == 303
    assert posts(account.pk)[0].end is not None
    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"role": "audit_admin"}, 422),
        ({"org": str(HOSPITAL)}, 422),
        ({"start": day(-1)}, 422),
        ({"start": day(5), "end": day(4)}, 422),
        ({"end": "9999-12-31"}, 422),
        ({"start": "0001-01-01"}, 422),
        ({"start": "yesterday"}, 422),
        ({"role": REVIEWER, "start": "２０９９／０１／０２"}, 303),
        ({"role": OFFICER, "end": day(0)}, 303),
        ({"role": DOCTOR}, 409),
    ],
    ids=str,
)
def test_what_does_not_fit_a_post_is_named(system: Client, fields: dict[str, str], status: int) -> None:
    account, _ = made(system, name="任职者")
    given = {"org": str(COUNTY_HOSPITAL), "role": DESK, **fields}
    before = len(posts(account.pk))
    assert act(system, account, "appoint", **given).status_code == status
    assert len(posts(account.pk)) == before + (status == 303)


def test_a_stand_in_gets_the_role_for_the_days_and_both_see_it(system: Client) -> None:
    away, stand_in = activated(system, name="请假者", role=REVIEWER), activated(system, name="替班者", role=DOCTOR)
    (post,) = posts(away.pk)
    typed = f"{stand_in.username} {stand_in.name}"
    assert system.get("/accounts/people/", {"stand_in": "替班"}).content.decode().strip().startswith(f'<option value="{typed}"')
    answer = act(system, away, "cover", post=str(post.pk), stand_in=typed, start=day(0), end=day(2))
    assert answer.status_code == 303
    _own, cover = posts(stand_in.pk)
    assert (cover.role, cover.org_id, cover.covers_id, cover.end) == (REVIEWER, post.org_id, post.pk, instant(3))
    for who, sees in ((stand_in, "stands in for 请假者"), (away, "替班者 stands in")):
        visitor = browser()
        visitor.post("/login/", {"username": who.username, "password": GOOD})
        assert sees in visitor.get("/account/").content.decode()
        assert sees in system.get(f"/accounts/{who.pk}/").content.decode()
    # the stand-in can switch to it now, and not after the last day
    from fenji.ground.network.queries import posts_of

    assert cover.pk in [p.pk for p in posts_of(stand_in.pk, now())]
    assert cover.pk not in [p.pk for p in posts_of(stand_in.pk, instant(3))]


def test_a_stand_in_must_fit(system: Client, elsewhere: dict[str, Person]) -> None:
    away, stand_in = made(system, name="休假者", role=DESK)[0], made(system, name="顶班者", role=DOCTOR)[0]
    (post,) = posts(away.pk)
    given = {"post": str(post.pk), "stand_in": stand_in.username, "start": day(0), "end": day(2)}
    for bad, status in (
        ({"stand_in": elsewhere["doctor"].username}, 422),
        ({"stand_in": "nobody"}, 422),
        ({"stand_in": "audit"}, 422),
        ({"stand_in": "\u200b"}, 422),
        ({"end": ""}, 422),
        ({"start": day(3)}, 422),
        ({"post": "x"}, 422),
        ({"post": str(posts(stand_in.pk)[0].pk)}, 409),
        ({"stand_in": away.username}, 409),
    ):
        assert act(system, away, "cover", **{**given, **bad}).status_code == status, bad
    assert len(posts(stand_in.pk)) == 1
    with transaction.atomic(), scope(person("system")) as by, pytest.raises(BadCover):
        appoint(stand_in.pk, COUNTY_HOSPITAL, REVIEWER, now(), instant(2), post.pk, by=by, at=now())


def test_of_two_administrators_who_appoint_at_once_one_succeeds(security: Client) -> None:
    """Two requests, two connections: the check in the action passes in both, the database lets one stand."""
    tokens = [token_for(person("security")) for _ in range(2)]
    for turn in range(10):
        account, _ = made(security, "/accounts/administrators/", name=f"竞争者{turn}", org=str(HOUSE_OFFICE), role=AUDIT_ADMIN)
        Post.objects.using("load").filter(account_id=account.pk).update(end=now())
        gate = threading.Barrier(2)
        statuses: list[int] = []

        def run(token: str, role: str, pk: UUID = account.pk, gate: threading.Barrier = gate, into: list[int] = statuses) -> None:
            try:
                gate.wait(timeout=60)
                fields = {"_key": fresh_key(), "org": str(HOUSE_OFFICE), "role": role}
                into.append(call("POST", f"/accounts/administrators/{pk}/appoint/", token, fields).status)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run, args=pair) for pair in zip(tokens, (SYSTEM_ADMIN, AUDIT_ADMIN), strict=True)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert sorted(statuses) == [303, 409]


def test_roles_that_exclude_each_other_are_refused_for_the_same_days_only(security: Client) -> None:
    account, _ = made(security, "/accounts/administrators/", name="轮换者", org=str(HOUSE_OFFICE), role=AUDIT_ADMIN)
    (post,) = posts(account.pk)
    fields = {"post": str(post.pk), "end": day(10), "reason": "轮岗"}
    base = "/accounts/administrators/"
    answer = security.post(f"{base}{account.pk}/end/", form(_version=post.version, **fields))
    assert answer.status_code == 303
    assert act(security, account, "appoint", base, org=str(HOUSE_OFFICE), role=SYSTEM_ADMIN, start=day(10)).status_code == 409
    assert act(security, account, "appoint", base, org=str(HOUSE_OFFICE), role=SYSTEM_ADMIN, start=day(11)).status_code == 303
    assert RolesExclude.code == "roles_exclude"
