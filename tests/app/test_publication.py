"""Public copies and the log of channels: what is in force when, who may publish, what the officer sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connections, transaction

from fenji.config.walker import Page
from fenji.ground.access.rules import Actor
from fenji.ground.common.edge import now
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.documents import queries as documents
from fenji.ground.documents.actions import TooLargeToKeep
from fenji.ground.publication import actions, kinds, queries, rules
from fenji.ground.publication.models import ChannelEvent, Published, PublishedItem
from fenji.world import county
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.publishing import KEY, a_hospital_head, body, post, publish, today
from tests.app.wsgi import call
from tests.cast import client_for, other_doctor, person, scope, token_for


@pytest.fixture
def head(db: None) -> Iterator[Actor]:
    with scope(person("head")) as by:
        yield by


@pytest.fixture
def hospital_head(house_file: object) -> county.Person:
    return a_hospital_head()


@pytest.fixture(scope="module")
def tokens(house_file: object) -> dict[str, str]:
    return {name: token_for(person(name)) for name in ("doctor", "doctor2", "head", "officer", "desk", "system")}


# --- copies ------------------------------------------------------------------------------------------------------------------


def _as_of(by: Actor, on: date) -> list[int]:
    return [c.number for c in queries.in_force(by.org_id, "treatable", on) if c.key == KEY]


def test_a_copy_is_in_force_from_its_start_until_the_next_one_starts(head: Actor) -> None:
    first = publish(head, today())
    second = publish(head, today() + timedelta(days=10), body=body("乙病", version=2))
    assert (first.number, second.number) == (1, 2)
    assert _as_of(head, today() - timedelta(days=1)) == []
    assert _as_of(head, today()) == [1]
    assert _as_of(head, today() + timedelta(days=9)) == [1]
    assert _as_of(head, today() + timedelta(days=10)) == [2]
    assert [c.number for c in queries.planned(head.org_id, today()) if c.key == KEY] == [2]
    kept = Published.objects.get(pk=first.pk)
    assert kept.end == today() + timedelta(days=10)
    assert (kept.body, kept.digest) == (first.body, first.digest)
    assert [c.number for c in queries.history(head.org_id, "treatable", KEY)] == [2, 1]


def test_a_planned_copy_that_is_overtaken_is_never_shown(head: Actor) -> None:
    publish(head, today())
    planned = publish(head, today() + timedelta(days=30))
    publish(head, today() + timedelta(days=5))
    assert Published.objects.get(pk=planned.pk).end == planned.start
    assert [_as_of(head, today() + timedelta(days=n)) for n in (0, 4, 5, 30, 99)] == [[1], [1], [3], [3], [3]]
    assert [c.number for c in queries.planned(head.org_id, today()) if c.key == KEY] == [3]


def test_a_correction_on_the_same_day_replaces_the_copy_and_both_stay_on_record(head: Actor) -> None:
    publish(head, today(), body=body("错字"))
    publish(head, today(), body=body("甲病"))
    assert _as_of(head, today()) == [2]
    assert [c.body["groups"][0]["zh"] for c in queries.history(head.org_id, "treatable", KEY)] == ["甲病", "错字"]


def test_a_copy_that_was_in_force_is_not_wiped_out(head: Actor) -> None:
    publish(head, today() - timedelta(days=20))
    with pytest.raises(rules.StartsTooEarly) as caught:
        publish(head, today() - timedelta(days=20))
    assert caught.value.detail["first"] == today() - timedelta(days=19)
    assert _as_of(head, today()) == [1]


def test_keys_and_kinds_and_organisations_are_counted_apart(head: Actor) -> None:
    assert [publish(head, today()).number, publish(head, today(), key="other").number] == [1, 1]
    assert publish(head, today(), kind="first_contact").number == 1
    assert publish(head, today()).number == 2


def test_the_digest_is_that_of_what_the_database_gives_back(head: Actor) -> None:
    copy = publish(head, today(), body=body("乙病", "甲病"))
    again = Published.objects.get(pk=copy.pk)
    assert rules.digest(again.body) == again.digest
    assert again.digest != publish(head, today(), body=body("甲病", "乙病")).digest


def test_what_is_published_can_be_taken_off_the_page(head: Actor) -> None:
    publish(head, today())
    publish(head, today() + timedelta(days=9))
    with pytest.raises(rules.StartsTooEarly):
        actions.unpublish(kind="treatable", key=KEY, org_id=head.org_id, end=today() - timedelta(days=1), by=head, at=now())
    end = today() + timedelta(days=1)
    assert actions.unpublish(kind="treatable", key=KEY, org_id=head.org_id, end=end, by=head, at=now()) == 2
    assert [_as_of(head, today() + timedelta(days=n)) for n in (0, 1, 9, 50)] == [[1], [], [], []]
    assert actions.unpublish(kind="treatable", key=KEY, org_id=head.org_id, end=end, by=head, at=now()) == 0
    assert publish(head, today() + timedelta(days=2)).number == 3


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"body": {"groups": []}}, rules.BadBody),
        ({"body": body("高血压 13912345678")}, rules.PersonalData),
        ({"title_zh": "联系人 13912345678"}, rules.PersonalData),
        ({"source": "11010519491231002X"}, rules.PersonalData),
    ],
)
def test_a_bad_body_or_a_persons_number_is_never_published(head: Actor, changes: dict[str, Any], refusal: type) -> None:
    with pytest.raises(refusal):
        publish(head, today(), **changes)
    assert _as_of(head, today()) == []


def test_an_unregistered_kind_is_an_error_of_the_program(head: Actor) -> None:
    with pytest.raises(KeyError):
        publish(head, today(), kind="nothing")


def test_another_kind_takes_a_checker_and_a_template(head: Actor) -> None:
    kinds.register_kind("test_kind", "Tests", "publication/kind_treatable.html", rules.shaped({"words": rules.text}))
    try:
        assert publish(head, today(), kind="test_kind", body={"words": "x"}).number == 1
        with pytest.raises(rules.BadBody):
            publish(head, today(), kind="test_kind", body=body("甲病"))
    finally:
        del kinds._KINDS["test_kind"]


def _village_of(org_id: int) -> int:
    from fenji.ground.network.models import Organisation

    path = Organisation.objects.get(pk=org_id).path
    return Organisation.objects.filter(care_tier="village", path__starts=path[:9]).order_by("id")[0].id


@pytest.mark.parametrize("who", ["doctor", "desk", "system", "audit"])
def test_only_those_who_publish_do(db: None, who: str) -> None:
    with scope(person(who)) as by, pytest.raises(NotPermitted):
        publish(by, today())


def test_a_head_publishes_for_the_own_institution_alone(head: Actor) -> None:
    for org_id in (other_doctor().org_id, COUNTY_HOSPITAL, _village_of(head.org_id), 999_999):
        with pytest.raises(Unknown):
            publish(head, today(), org_id=org_id)


def test_an_officer_publishes_for_the_region_and_not_beyond(db: None) -> None:
    with scope(person("officer")) as by:
        assert publish(by, today(), org_id=other_doctor().org_id).number == 1
        with pytest.raises(Unknown):
            publish(by, today(), org_id=county.CITY_HOSPITAL)


def test_the_lead_of_the_community_publishes_for_its_members(db: None, hospital_head: county.Person) -> None:
    with scope(hospital_head) as by:
        copy = publish(by, today(), org_id=other_doctor().org_id)
        assert ChannelEvent.objects.filter(published=copy, channel="web").count() == 1
        with pytest.raises(Unknown):
            publish(by, today(), org_id=county.PROVINCE_HOSPITAL)


def test_the_database_itself_refuses_what_the_action_does(head: Actor) -> None:
    copy = publish(head, today())
    other = other_doctor().org_id
    planted = (
        "INSERT INTO publication_published (id, org_id, path, kind, key, number, title_zh, title_en, body, digest, source, start,"
        f" published_at, checked_on) VALUES ('{uuid7()}', {other}, '350405001000/00000101', 'treatable', 'z', 1, '', '', '{{}}',"
        " '', '', now(), now(), now())"
    )
    for statement, error in (
        (planted, "row-level security"),
        (f"UPDATE publication_published SET body = '{{}}' WHERE id = '{copy.id}'", "permission denied"),
        (f"DELETE FROM publication_published WHERE id = '{copy.id}'", "permission denied"),
        ("UPDATE publication_publisheditem SET zh = 'x'", "permission denied"),
    ):
        with pytest.raises(DatabaseError, match=error), transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute(statement)
    with connections["default"].cursor() as cursor:
        cursor.execute('UPDATE publication_published SET "end" = start WHERE org_id = %s', [other])
        assert cursor.rowcount == 0


def test_two_who_publish_at_once_get_two_numbers(house_file: object) -> None:
    key = f"race-{uuid4()}"
    tokens = [token_for(person("head")) for _ in range(8)]

    def one(token: str) -> int:
        try:
            with transaction.atomic(), scope(person("head"), token) as by:
                return publish(by, today(), key=key, kind="first_contact").number
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, tokens)) == list(range(1, 9))
    rows = Published.objects.using("load").filter(key=key)
    assert rows.filter(end=None).count() == 1
    rows.update(end=today())


def test_items_are_written_with_their_copy_and_read_by_code(head: Actor) -> None:
    copy = publish(head, today(), body=body("甲病", "乙病"))
    assert list(PublishedItem.objects.filter(published=copy).order_by("code").values_list("code", "initials")) == [
        ("X00", "jb"),
        ("X01", "yb"),
    ]


# --- the log of channels -----------------------------------------------------------------------------------------------------


def _standing(by: Actor) -> rules.Standing:
    from fenji.ground.network.queries import place_of

    return queries.stale(by.org_id, today(), queries.policy_at(place_of(by.org_id), today()))


def _only_ours(by: Actor) -> Published:
    """The township's list as these tests publish it, in the place of the county's."""
    return publish(by, today(), key="")


def test_publishing_logs_the_platforms_own_page(head: Actor) -> None:
    copy = _only_ours(head)
    found = _standing(head)
    assert next((c.kind, c.state) for c in found.channels) == ("web", "ok")
    assert found.needed == 3
    event = ChannelEvent.objects.get(published=copy)
    assert (event.channel, event.day, event.place, event.by_name) == ("web", today(), f"/p/{head.org_id}/", "张守田")


def test_a_new_list_asks_for_all_channels_anew(head: Actor) -> None:
    copy = _only_ours(head)
    for channel in ("app", "board"):
        actions.log_channel(copy.id, actions.NewEntry(channel, today(), "大厅"), by=head, at=now())
    assert _standing(head).outcome == "met"
    _only_ours(head)
    assert {c.kind: c.state for c in _standing(head).channels} == {"web": "ok", "app": "due", "board": "due"}
    assert _standing(head).outcome == "pending"


def test_a_line_of_the_log_is_taken_back_once_and_stays_on_record(head: Actor) -> None:
    copy = _only_ours(head)
    event = actions.log_channel(copy.id, actions.NewEntry("board", today(), "大厅"), by=head, at=now())
    with pytest.raises(Stale):
        actions.void_channel(event.id, version=event.version + 1, by=head, at=now())
    actions.void_channel(event.id, version=event.version, by=head, at=now())
    assert {c.kind: c.state for c in _standing(head).channels}["board"] == "due"
    with pytest.raises(Unknown):
        actions.void_channel(event.id, version=event.version + 1, by=head, at=now())
    assert ChannelEvent.objects.filter(pk=event.pk, voided_at__isnull=False).exists()


def test_no_channel_is_logged_for_a_day_to_come_or_before_the_list(head: Actor) -> None:
    copy = _only_ours(head)
    for day in (today() + timedelta(days=1), today() - timedelta(days=1)):
        with pytest.raises(rules.BadDay):
            actions.log_channel(copy.id, actions.NewEntry("board", day, "大厅"), by=head, at=now())


def test_the_log_is_kept_by_the_institution_and_seen_by_the_officer_over_it_only(head: Actor) -> None:
    copy = _only_ours(head)
    with scope(person("officer")) as officer:
        assert actions.log_channel(copy.id, actions.NewEntry("app", today(), "公众号"), by=officer, at=now())
        assert len(queries.log_of(head.org_id)) >= 2
    with scope(person("doctor")):
        assert queries.log_of(head.org_id)
    for other in (other_doctor(), person("citydesk"), person("system"), person("audit")):
        with scope(other) as by:
            assert queries.log_of(head.org_id) == []
            with pytest.raises(NotPermitted):
                actions.log_channel(copy.id, actions.NewEntry("app", today(), "x"), by=by, at=now())


def test_saying_that_a_copy_is_still_right_renews_the_page_and_nothing_else(head: Actor) -> None:
    copy = _only_ours(head)
    Published.objects.filter(pk=copy.pk).update(checked_on=today() - timedelta(days=400))
    actions.confirm_copy(copy.id, by=head, at=now())
    again = Published.objects.get(pk=copy.pk)
    assert (again.checked_on, again.digest, again.number) == (today(), copy.digest, copy.number)
    planned = publish(head, today() + timedelta(days=3), key="")
    for wrong in (planned.id, uuid7()):
        with pytest.raises(Unknown):
            actions.confirm_copy(wrong, by=head, at=now())


# --- pages of those who publish ----------------------------------------------------------------------------------------------


def test_a_head_logs_a_channel_on_the_page_and_takes_it_back(tokens: dict[str, str]) -> None:
    org = person("head").org_id
    assert call("GET", "/publication/", tokens["head"]).location == f"/publication/{org}/"
    page = call("GET", f"/publication/{org}/", tokens["head"])
    assert page.status == 200
    assert "SM-3-2g" in page.body
    copy = re.search(r'name="copy" value="([0-9a-f-]{36})"', page.body)
    assert copy
    form = {"copy": copy.group(1), "channel": "app", "day": f"{today():%Y-%m-%d}", "place": "<i>公众号</i>"}
    assert post(tokens["head"], f"/publication/{org}/", **form).status == 303
    logged = call("GET", f"/publication/{org}/", tokens["head"]).body
    assert "&lt;i&gt;公众号" in logged
    event = ChannelEvent.objects.using("load").get(place="<i>公众号</i>", voided_at=None)
    assert post(tokens["head"], f"/publication/void/{event.id}/", _version=1).status == 303
    assert "&lt;i&gt;公众号" not in call("GET", f"/publication/{org}/", tokens["head"]).body
    assert post(tokens["head"], f"/publication/void/{event.id}/", _version=1).status == 404


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"day": "yesterday"}, 422, "year-month-day"),
        ({"day": "2999-01-01"}, 409, "could not have been made public on that day"),
        ({"day": "2001-01-01"}, 409, "could not have been made public on that day"),
        ({"channel": "radio"}, 422, ""),
        ({"place": ""}, 422, ""),
        ({"place": "x" * 201}, 422, ""),
        ({"place": "a\x07b"}, 422, "control characters"),
        ({"copy": "7"}, 422, ""),
        ({"copy": str(uuid4())}, 409, ""),
    ],
)
def test_a_bad_line_for_the_log_is_refused_with_what_to_do(
    tokens: dict[str, str], changes: dict[str, str], status: int, words: str
) -> None:
    org = person("head").org_id
    found = re.search(r'name="copy" value="([0-9a-f-]{36})"', call("GET", f"/publication/{org}/", tokens["head"]).body)
    assert found
    form = {"copy": found.group(1), "channel": "board", "day": f"{today():%Y-%m-%d}", "place": "大厅"}
    before = ChannelEvent.objects.using("load").count()
    answer = post(tokens["head"], f"/publication/{org}/", **{**form, **changes})
    assert answer.status == status
    assert words in answer.body
    assert ChannelEvent.objects.using("load").count() == before


PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def _sent(who: str, content: bytes, **changes: str) -> tuple[Any, Any]:
    """The page of the own institution, and the answer to a line of its log with a photo."""
    client, path = client_for(person(who)), f"/publication/{person(who).org_id}/"
    form = Page(200, path, client.get(path).content.decode(), {}).form(path)
    fields = {**form.fields, "channel": "board", "place": "门诊大厅公示栏", **changes}
    return client, client.post(path, {**fields, "photo": SimpleUploadedFile("board.png", content)})


def test_a_photo_stands_beside_its_line_and_goes_when_the_line_is_taken_back(db: None) -> None:
    client, answer = _sent("head", PICTURE)
    assert answer.status_code == 303, answer.content.decode()
    page = client.get(answer["Location"]).content.decode()
    found = re.search(r'<img src="(/files/[0-9a-f-]{36}/)" loading="lazy" alt="Photo of', page)
    assert found, page
    seen = client_for(other_doctor()).get(found[1])
    assert (seen.status_code, seen["Content-Type"], seen.content) == (200, "image/png", PICTURE)
    back = re.search(r'action="(/publication/void/[0-9a-f-]{36}/)"', page)
    assert back
    assert client.post(back[1], {"_key": str(uuid4()), "_version": "1"}).status_code == 303
    assert client.get(found[1]).status_code == 404
    assert found[1] not in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"%PDF-1.7", 409, "it must be one of: png, jpeg"),
        (b"<svg onload=alert(1)>", 409, "it must be one of: png, jpeg"),
        (b"", 422, "This file is empty"),
    ],
)
def test_a_photo_is_a_picture_by_its_content(db: None, content: bytes, status: int, says: str) -> None:
    with scope(person("head")) as by:
        before = len(queries.log_of(by.org_id))
    _client, answer = _sent("head", content)
    body = answer.content.decode()
    assert (answer.status_code, says in body, "门诊大厅公示栏" in body) == (status, True, True), body
    with scope(person("head")) as by:
        assert len(queries.log_of(by.org_id)) == before


def test_a_photo_above_the_limit_is_refused(head: Actor) -> None:
    copy = publish(head, today())
    content = PICTURE + b"x" * documents.policy_of(head.org_id, now()).largest_bytes
    entry = actions.NewEntry("board", today(), "大厅", ("a.png", content))
    with pytest.raises(TooLargeToKeep):
        actions.log_channel(copy.id, entry, by=head, at=now())


def test_a_log_of_somebody_else_is_unknown(tokens: dict[str, str]) -> None:
    other = other_doctor().org_id
    assert call("GET", f"/publication/{other}/", tokens["head"]).status == 404
    assert call("GET", f"/publication/{other}/", tokens["officer"]).status == 200
    assert call("GET", "/publication/2/", tokens["officer"]).status == 404
    assert call("GET", f"/publication/{other}/", tokens["doctor"]).status == 403


def test_the_officer_sees_the_region_worst_first_as_page_and_as_workbook(tokens: dict[str, str]) -> None:
    assert call("GET", "/publication/", tokens["officer"]).location == "/publication/board/"
    page = call("GET", "/publication/board/?size=50", tokens["officer"])
    assert page.status == 200
    states = re.findall(r'<span class="pill tone-(\w+)">', page.body)
    assert len(states) == 12
    assert states == sorted(states, key=["red", "blue", "green"].index)
    assert {"red", "green"} <= set(states)
    for query in ("?tier=village&outcome=none", "?tier=all&outcome=short", "?tier=x&outcome=x&from=x&size=x", "?from=99999"):
        assert call("GET", f"/publication/board/{query}", tokens["officer"]).status == 200
    book = call("GET", "/publication/board.xlsx?tier=township", tokens["officer"])
    assert book.raw.startswith(b"PK")
    assert call("GET", "/publication/board/", tokens["doctor"]).status == 403
