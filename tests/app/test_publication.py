"""Public copies, their pages for everybody, the log of channels, announcements and receipts: the whole house."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.publication import actions, kinds, queries, rules
from fenji.ground.publication.models import Announcement, AnnouncementReceipt, ChannelEvent, Published, PublishedItem
from fenji.world import county
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.wsgi import Answer, call
from tests.cast import client_for, other_doctor, person, scope, token_for

KEY = "test"
"""Copies of these tests have a key of their own, beside what the invented county has published."""


def body(*names: str, version: int = 1) -> dict[str, Any]:
    """A list whose codes are X00, X01, …"""
    groups = [{"code": f"X{i:02d}", "zh": name, "en": f"E {name}", "level": "township"} for i, name in enumerate(names)]
    return {"groups": groups, "version": version, "clauses": ["SM-3-2g"]}


def publish(by: Actor, start: date, *, at: datetime | None = None, org_id: int = 0, **changes: Any) -> Published:
    fields: dict[str, Any] = {
        "kind": "treatable", "key": KEY, "org_id": org_id or by.org_id, "title_zh": "病种", "title_en": "List",
        "body": body("甲病"), "start": start, "by": by, "at": at or now(),
    }  # fmt: skip
    return actions.publish(**{**fields, **changes})


def today() -> date:
    return local_day(now())


def everybody() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def head(db: None) -> Iterator[Actor]:
    with scope(person("head")) as by:
        yield by


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
        with pytest.raises(NotPermitted):
            publish(head, today(), org_id=org_id)


def test_an_officer_publishes_for_the_region_and_not_beyond(db: None) -> None:
    with scope(person("officer")) as by:
        assert publish(by, today(), org_id=other_doctor().org_id).number == 1
        with pytest.raises(NotPermitted):
            publish(by, today(), org_id=county.CITY_HOSPITAL)


@pytest.fixture
def hospital_head(house_file: object) -> Iterator[county.Person]:
    """A head of the county hospital, which leads the county community."""
    from fenji.ground.access.models import Account
    from fenji.ground.network.actions import appoint
    from fenji.ground.network.models import Post

    who = county.Person("hospitalhead", "院长", "manager", COUNTY_HOSPITAL)
    if not Account.objects.using("load").filter(pk=who.id).exists():
        Account.objects.using("load").create(id=who.id, username=who.username, name=who.name, password="!")
        appoint(Post(account_id=who.id, org_id=who.org_id, role=who.role), at=county.OPENED)
    return who


def test_the_lead_of_the_community_publishes_for_its_members(db: None, hospital_head: county.Person) -> None:
    with scope(hospital_head) as by:
        copy = publish(by, today(), org_id=other_doctor().org_id)
        assert ChannelEvent.objects.filter(published=copy, channel="web").count() == 1
        with pytest.raises(NotPermitted):
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


# --- pages for everybody -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(house_file: object) -> Iterator[dict[str, int]]:
    """The centre of township A, with a copy of today and one of next week that carries markup in its words."""
    who = person("head")
    with transaction.atomic(), scope(who) as by:
        publish(by, today(), body=body("甲痛症", "<script>alert(1)</script>"), title_zh="<b>病种</b>", title_en="<b>List</b>")
        publish(by, today() + timedelta(days=7), body=body("乙痛症"), title_zh="下周", title_en="Next week")
    yield {"org": who.org_id}
    Published.objects.using("load").filter(org_id=who.org_id, key=KEY).update(end=F("start"))


PUBLIC = [
    "/p/",
    "/p/?q=甲",
    "/p/?at=350405",
    "/p/?at=350405101",
    "/p/{org}/",
    "/p/{org}/?lang=en",
    "/p/{org}/notice/",
    "/p/disease/X00/",
]


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_need_nobody_set_no_cookie_and_may_be_kept(site: dict[str, int], path: str) -> None:
    answer = everybody().get(path.format(**site))
    assert answer.status_code == 200, answer.content.decode()[:400]
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    text = answer.content.decode()
    assert "csrfmiddlewaretoken" not in text
    assert "<script" not in text


@pytest.mark.parametrize("path", PUBLIC)
def test_a_page_that_has_not_changed_is_not_sent_again(site: dict[str, int], path: str) -> None:
    first = everybody().get(path.format(**site))
    again = everybody().get(path.format(**site), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "public, max-age=300"
    other = everybody().get(path.format(**site), headers={"If-None-Match": '"something else"'})
    assert other.status_code == 200


def test_the_tag_changes_with_the_page(site: dict[str, int]) -> None:
    path = f"/p/{site['org']}/"
    first = everybody().get(path).headers["ETag"]
    with transaction.atomic(), scope(person("head")) as by:
        publish(by, today(), key="tag", body=body("丙痛症"))
    try:
        assert everybody().get(path).headers["ETag"] != first
    finally:
        Published.objects.using("load").filter(org_id=site["org"], key="tag").update(end=today())
    assert everybody().get(path).headers["ETag"] == first


def test_a_signed_in_person_sees_the_same_page_as_everybody(site: dict[str, int]) -> None:
    path = f"/p/{site['org']}/"
    mine = client_for(person("doctor"))
    assert mine.get(path).content == everybody().get(path).content


def test_the_language_stands_in_the_address_and_not_in_the_browser(site: dict[str, int]) -> None:
    path = f"/p/{site['org']}/"
    client = everybody()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    chinese = client.get(path, headers={"Accept-Language": "en"})
    assert chinese.headers["Content-Language"] == "zh-hans"
    assert 'lang="zh-hans"' in chinese.content.decode()
    english = everybody().get(path, {"lang": "en"})
    assert english.headers["Content-Language"] == "en"
    assert "In force since" in english.content.decode()
    assert f'href="/p/{site["org"]}/notice/?lang=en"' in english.content.decode()


def test_public_pages_ask_the_database_for_public_tables_alone(site: dict[str, int]) -> None:
    for path in PUBLIC:
        with CaptureQueriesContext(connections["default"]) as asked:
            everybody().get(path.format(**site))
        tables = set(re.findall(r'(?:FROM|JOIN) "(\w+)"', " ".join(q["sql"] for q in asked)))
        public = {"publication_published", "publication_publisheditem"}
        assert tables
        assert all(t in public or t.startswith("network_") for t in tables), tables
        assert len(asked) <= 16, [q["sql"][:120] for q in asked]


def test_words_of_a_list_are_shown_as_words(site: dict[str, int]) -> None:
    for path in (
        f"/p/{site['org']}/",
        f"/p/{site['org']}/notice/",
        "/p/?q=script",
        "/p/disease/X01/",
        "/p/?q=<script>alert(1)</script>",
    ):
        text = everybody().get(path).content.decode()
        assert "<script" not in text
        assert "<b>病种" not in text
        assert "&lt;script&gt;" in text


def test_the_page_shows_today_and_announces_the_next(site: dict[str, int]) -> None:
    text = everybody().get(f"/p/{site['org']}/").content.decode()
    assert "甲痛症" in text
    assert text.index("甲痛症") < text.index("乙痛症")
    assert f"{today() + timedelta(days=7):%Y-%m-%d}" in text
    assert "乙痛症" not in everybody().get(f"/p/{site['org']}/notice/").content.decode()
    # what is only planned is not found yet
    assert (
        "乙痛症"
        not in everybody().get("/p/?q=乙痛").content.decode().replace('value="乙痛', "").split("<main")[1].split("<section")[-1]
    )


@pytest.mark.parametrize(
    "path",
    ["/p/999999/", "/p/99999999999999999999999/", "/p/4/", "/p/0/notice/", "/p/disease/NOPE/", "/p/?at=999999", "/p/?at=350499"],
)
def test_what_does_not_exist_is_said_so_in_the_frame_of_the_public_pages(house_file: object, path: str) -> None:
    answer = everybody().get(path)
    assert answer.status_code == 404
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "no-store"
    assert "/login/" not in answer.content.decode()
    assert 'action="/p/"' in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["q=" + "长" * 41, "q=%27%22%3E", "at=35040x&q=gxy", "q=%25", "q=_", "q=\\", "at=&q=", "lang=fr", "q=+"]
)
def test_odd_questions_get_a_page(house_file: object, query: str) -> None:
    assert everybody().get(f"/p/?{query}").status_code == 200


def test_nothing_but_reading_is_answered(site: dict[str, int]) -> None:
    assert everybody().post(f"/p/{site['org']}/").status_code in (403, 405)
    assert everybody().head(f"/p/{site['org']}/").status_code == 200


def test_the_code_of_the_notice_leads_to_the_page(site: dict[str, int]) -> None:
    path = f"/p/{site['org']}/notice/"
    with override_settings(PUBLIC_URL="https://fenji.example"):
        elsewhere = everybody().get(path).content.decode()
    here = everybody().get(path).content.decode()
    assert f"https://fenji.example/p/{site['org']}/" in elsewhere
    assert f"http://testserver/p/{site['org']}/" in here
    drawn = [re.search(r"<svg[^>]*class=.qr.*?</svg>", t, re.DOTALL) for t in (elsewhere, here)]
    assert all(drawn)
    assert drawn[0].group() != drawn[1].group()  # type: ignore[union-attr]


def _found(text: str) -> list[int]:
    return [int(i) for i in re.findall(r'href="/p/(\d+)/', text.split("<main")[1])]


def test_a_disease_is_found_by_name_pinyin_and_initials_and_leads_to_who_treats_it_nearest_first(site: dict[str, int]) -> None:
    """SM-3-2l: from village V the nearest institution whose list has it comes first; a nearer one without it does not."""
    for typed in ("甲痛", "jtz", "jiatong", "JIA TONG", "X00"):
        assert "/p/disease/X00/" in everybody().get("/p/", {"q": typed}).content.decode(), typed
    with transaction.atomic(), scope(person("officer")) as by:
        publish(by, today(), org_id=other_doctor().org_id, body=body("甲痛症"))
    try:
        home, away = site["org"], other_doctor().org_id
        here, there = county.DEMO_TOWNSHIP, "350405001"
        assert _found(everybody().get("/p/disease/X00/", {"at": here}).content.decode()) == [home, away]
        assert _found(everybody().get("/p/disease/X00/", {"at": there}).content.decode()) == [away, home]
        # in a third township nobody has it: both are elsewhere in the county, and its own centre is not shown
        assert set(_found(everybody().get("/p/disease/X00/", {"at": "350405102"}).content.decode())) == {home, away}
        assert _found(everybody().get("/p/disease/X00/", {"at": "350102"}).content.decode()) == []
        assert "350405" in everybody().get("/p/disease/X00/", {"at": "350102"}).content.decode()
    finally:
        Published.objects.using("load").filter(org_id=other_doctor().org_id, key=KEY).update(end=today())


def test_an_institution_is_found_by_name_and_by_sound(site: dict[str, int]) -> None:
    for typed in ("夏茂镇", "xiamao", "xmz"):
        assert site["org"] in _found(everybody().get("/p/", {"q": typed}).content.decode()), typed


def test_a_search_with_very_many_hits_says_so(site: dict[str, int]) -> None:
    text = everybody().get("/p/", {"q": "卫生", "lang": "en"}).content.decode()
    assert len(_found(text)) == 30
    assert "There are more than are shown" in text


def test_a_page_that_nobody_has_checked_for_long_says_so(site: dict[str, int]) -> None:
    path = f"/p/{site['org']}/?lang=en"
    assert "Nobody has checked" not in everybody().get(path).content.decode()
    rows = Published.objects.using("load").filter(org_id=site["org"], key=KEY, number=1)
    try:
        rows.update(checked_on=today() - timedelta(days=365))
        assert "Nobody has checked" not in everybody().get(path).content.decode()
        rows.update(checked_on=today() - timedelta(days=366))
        assert "Nobody has checked" in everybody().get(path).content.decode()
    finally:
        rows.update(checked_on=today())


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
    for other in (other_doctor(), person("citydesk"), person("audit")):
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


@pytest.fixture(scope="module")
def tokens(house_file: object) -> dict[str, str]:
    return {name: token_for(person(name)) for name in ("doctor", "doctor2", "head", "officer", "desk", "system")}


def post(token: str, path: str, **fields: object) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


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


# --- announcements -----------------------------------------------------------------------------------------------------------


def announce(by: Actor, audience: str = "own", **changes: Any) -> Announcement:
    fields: dict[str, Any] = {
        "audience": audience, "title": "通知", "text": "内容", "start": today(), "until": None, "must_confirm": True, "listed": (),
    }  # fmt: skip
    return actions.announce(actions.NewAnnouncement(**{**fields, **changes}), by=by, at=now())


def _seen_by(who: county.Person, row: Announcement, at: datetime | None = None) -> bool:
    with scope(who) as by:
        return queries.received(by, at or now()).filter(pk=row.pk).exists()


def test_an_announcement_reaches_its_addressees_and_nobody_else(db: None) -> None:
    with scope(person("head")) as by:
        own = announce(by)
    assert _seen_by(person("doctor"), own)
    assert not any(_seen_by(p, own) for p in (other_doctor(), person("desk"), person("officer"), person("audit")))
    with scope(person("officer")) as by:
        below = announce(by, "below")
        listed = announce(by, "listed", listed=(other_doctor().org_id,))
    assert _seen_by(person("doctor"), below)
    assert _seen_by(person("desk"), below)
    assert not _seen_by(person("citydesk"), below)
    assert not _seen_by(person("officer"), below)  # the sender is not among those addressed
    assert _seen_by(other_doctor(), listed)
    assert not _seen_by(person("doctor"), listed)
    with scope(person("doctor")), pytest.raises(Unknown):
        queries.announcement(listed.id, by, now())


def test_the_lead_writes_to_its_alliance(db: None, hospital_head: county.Person) -> None:
    with scope(hospital_head) as by:
        row = announce(by, "alliance")
        with pytest.raises(rules.NobodyAddressed):
            announce(by, "below")
    assert _seen_by(person("doctor"), row)
    assert _seen_by(other_doctor(), row)
    assert not _seen_by(person("citydesk"), row)


def test_who_may_write_may_not_write_to_everybody(db: None) -> None:
    with scope(person("head")) as by:
        below = announce(by, "below")
        assert queries.addressees(below) == sorted(p.id for p in queries.audience("below", by, today()))
        assert all(i >= county.FIRST_VILLAGE for i in queries.addressees(below))
        with pytest.raises(rules.NobodyAddressed):
            announce(by, "alliance")
        for foreign in (COUNTY_HOSPITAL, other_doctor().org_id, 999_999):
            with pytest.raises(NotPermitted):
                announce(by, "listed", listed=(foreign,))
    for who in ("doctor", "reviewer", "desk", "security", "audit"):
        with scope(person(who)) as by, pytest.raises(NotPermitted):
            announce(by)


def test_an_announcement_is_seen_from_its_first_day_and_asks_until_its_last(db: None) -> None:
    with scope(person("head")) as by:
        later = announce(by, start=today() + timedelta(days=1))
        over = announce(by, start=today() - timedelta(days=9), until=today())
    assert not _seen_by(person("doctor"), later)
    assert _seen_by(person("doctor"), later, now() + timedelta(days=1))
    with scope(person("doctor")) as by:
        with pytest.raises(Unknown):
            queries.announcement(later.id, by, now())
        before = queries.unread(by, now())
        assert queries.announcement(over.id, by, now()) == over  # it can be read later, but is not asked for any more
        assert queries.unread(by, now() + timedelta(days=1)) == before + 1


def test_unread_counts_what_waits_for_me_in_one_query(db: None) -> None:
    with scope(person("head")) as by:
        told, asked = announce(by, must_confirm=False), announce(by)
    with scope(person("doctor")) as by:
        with CaptureQueriesContext(connections["default"]) as queried:
            before = queries.unread(by, now())
        assert len(queried) == 1
        actions.mark_seen(told, by=by, at=now())
        assert queries.unread(by, now()) == before - 1
        actions.mark_seen(asked, by=by, at=now())
        assert queries.unread(by, now()) == before - 1  # seen is not confirmed
        actions.confirm(asked.id, by=by, at=now())
        assert queries.unread(by, now()) == before - 2
    with scope(person("doctor2")) as by:
        assert queries.unread(by, now()) >= 2  # what a colleague has read, I have not


def test_the_sender_sees_who_has_read_and_who_has_not(db: None) -> None:
    with scope(person("officer")) as by:
        row = announce(by, "listed", listed=(person("doctor").org_id, other_doctor().org_id))
    with scope(person("doctor")) as by:
        actions.mark_seen(row, by=by, at=now())
        actions.mark_seen(row, by=by, at=now() + timedelta(hours=1))
        actions.confirm(row.id, by=by, at=now())
        assert AnnouncementReceipt.objects.filter(announcement=row).count() == 1
    with scope(person("doctor2")) as by:
        actions.mark_seen(row, by=by, at=now())
        assert [r.name for r in AnnouncementReceipt.objects.filter(announcement=row)] == ["谢长青"]  # the own one alone
    with scope(person("officer")):
        outstanding, done = queries.readings(row, {})
        assert (outstanding.org_id, outstanding.readers, outstanding.done(True)) == (other_doctor().org_id, 0, False)
        assert (done.org_id, done.readers, done.confirmed_by, done.done(True)) == (person("doctor").org_id, 2, "罗文清", True)


def test_a_withdrawn_announcement_is_gone_for_those_addressed_and_not_for_the_sender(db: None) -> None:
    with scope(person("head")) as by:
        row = announce(by)
    with scope(person("doctor")) as by, pytest.raises(NotPermitted):
        actions.withdraw(row.id, version=row.version, by=by, at=now())
    with scope(person("head")) as by:
        with pytest.raises(Stale):
            actions.withdraw(row.id, version=row.version + 1, by=by, at=now())
        actions.withdraw(row.id, version=row.version, by=by, at=now())
        assert queries.sent(by).filter(pk=row.pk).exists()
    assert not _seen_by(person("doctor"), row)


def test_receipts_in_anothers_name_and_announcements_in_anothers_are_refused_by_the_database(db: None) -> None:
    with scope(person("head")) as by:
        row = announce(by)
    stranger = f"'{uuid7()}', '{row.id}', {row.org_id}, '{person('doctor').id}', 'x', {row.org_id}, now()"
    columns = "(id, announcement_id, sender_id, account_id, name, org_id, seen_at)"
    forged_sender = f"'{uuid7()}', '{row.id}', 1, '{person('doctor2').id}', 'x', {row.org_id}, now()"
    sent_as_other = (
        "INSERT INTO publication_announcement (id, version, org_id, org_name, viewer_ids, to_own, audience, title, text, start,"
        f" must_confirm, by_id, by_name, at) VALUES ('{uuid7()}', 1, 4, 'x', '{{4,{row.org_id}}}', false, 'own', 'x', 'x', now(), false,"
        f" '{uuid7()}', 'x', now())"
    )
    with scope(person("doctor2")):
        for statement in (
            f"INSERT INTO publication_announcementreceipt {columns} VALUES ({stranger})",
            f"INSERT INTO publication_announcementreceipt {columns} VALUES ({forged_sender})",
            sent_as_other,
        ):
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                connections["default"].cursor().execute(statement)


def test_pages_of_an_announcement_from_writing_to_receipts(tokens: dict[str, str]) -> None:
    form = {
        "audience": "listed", "listed": "夏茂镇卫生院\n高砂镇卫生院", "title": "<b>通知</b>", "text": "第一行\n<script>x</script>",
        "start": f"{today():%Y-%m-%d}", "last": "", "must_confirm": "on",
    }  # fmt: skip
    assert "Institutions I name" in call("GET", "/announcements/new/", tokens["officer"]).body
    sent = post(tokens["officer"], "/announcements/new/", **form)
    assert sent.status == 303, sent.body
    page = sent.location
    unread = call("GET", "/announcements/", tokens["doctor"]).body
    assert "&lt;b&gt;通知" in unread
    assert "to be confirmed" in unread
    assert 'class="side-count"' in unread
    opened = call("GET", page, tokens["doctor"]).body
    assert "I have read this" in opened
    assert "<script>x" not in opened
    assert "Receipts" not in opened
    assert post(tokens["doctor"], f"{page}confirm/").status == 303
    assert "You confirmed on" in call("GET", page, tokens["doctor"]).body
    seen = call("GET", page, tokens["officer"]).body
    assert "1 institutions done, 1 outstanding" in seen
    assert call("GET", f"{page}receipts.xlsx", tokens["officer"]).raw.startswith(b"PK")
    assert call("GET", f"{page}receipts.xlsx", tokens["head"]).status == 403
    for other in ("desk", "system"):
        assert call("GET", page, tokens[other]).status == 404
        assert post(tokens[other], f"{page}confirm/").status == 404
    assert post(tokens["officer"], f"{page}withdraw/", _version=2).status == 409
    assert post(tokens["officer"], f"{page}withdraw/", _version=1).status == 303
    assert call("GET", page, tokens["doctor"]).status == 404
    assert "Withdrawn on" in call("GET", page, tokens["officer"]).body


def test_looking_without_opening_is_no_receipt(tokens: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("head")) as by:
        row = announce(by, must_confirm=False)
    call("HEAD", f"/announcements/{row.id}/", tokens["doctor"])
    call("GET", "/announcements/", tokens["doctor"])
    receipts = AnnouncementReceipt.objects.using("load").filter(announcement=row)
    assert not receipts.exists()
    call("GET", f"/announcements/{row.id}/", tokens["doctor"])
    assert receipts.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audience": "alliance"}, ""),
        ({"audience": "listed", "listed": ""}, "Name at least one institution"),
        ({"audience": "listed", "listed": "沙县区总医院"}, "none of the institutions you may write to"),
        ({"audience": "listed", "listed": "卫生所"}, "fits several"),
        ({"title": ""}, ""),
        ({"title": "x" * 101}, ""),
        ({"text": "x" * 5001}, ""),
        ({"text": "a\x07b"}, "control characters"),
        ({"start": "tomorrow"}, "year-month-day"),
        ({"last": "2001-01-01"}, "before the first"),
    ],
)
def test_a_bad_announcement_is_refused_with_what_to_do(tokens: dict[str, str], changes: dict[str, str], words: str) -> None:
    form = {"audience": "own", "title": "通知", "text": "内容", "start": f"{today():%Y-%m-%d}"}
    before = Announcement.objects.using("load").count()
    answer = post(tokens["head"], "/announcements/new/", **{**form, **changes})
    assert answer.status == 422
    assert words in answer.body
    assert Announcement.objects.using("load").count() == before


def test_the_list_of_those_who_owe_a_channel_becomes_the_addressees_of_a_reminder(tokens: dict[str, str]) -> None:
    page = call("GET", "/announcements/new/?outcome=short&tier=township", tokens["officer"]).body
    area = re.search(r"<textarea name=\"listed\".*?>(.*?)</textarea>", page, re.DOTALL)
    assert area
    assert len(area.group(1).strip().splitlines()) >= 2
    assert "Please make your list" in page


def test_a_double_click_and_two_tabs_leave_one_receipt(tokens: dict[str, str]) -> None:
    with transaction.atomic(), scope(person("head")) as by:
        row = announce(by)

    def click(i: int) -> int:
        try:
            if i % 2:
                return call("GET", f"/announcements/{row.id}/", tokens["doctor"]).status
            return post(tokens["doctor"], f"/announcements/{row.id}/confirm/").status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        statuses = set(pool.map(click, range(24)))
    assert statuses == {200, 303}
    (receipt,) = AnnouncementReceipt.objects.using("load").filter(announcement=row)
    assert receipt.confirmed_at is not None


def test_items_are_written_with_their_copy_and_read_by_code(head: Actor) -> None:
    copy = publish(head, today(), body=body("甲病", "乙病"))
    assert list(PublishedItem.objects.filter(published=copy).order_by("code").values_list("code", "initials")) == [
        ("X00", "jb"),
        ("X01", "yb"),
    ]
