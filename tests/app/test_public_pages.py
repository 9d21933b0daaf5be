"""The pages for everybody: open, cacheable, without cookie and script, and the nearest first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext, override_settings

from fenji.ground.publication.models import Published
from fenji.world import county
from fenji.world.county import COUNTY_HOSPITAL, INSURER
from tests.app.publishing import body, everybody, publish, today
from tests.cast import client_for, other_doctor, person, scope

# --- pages for everybody -----------------------------------------------------------------------------------------------------


PAGE = "page"
"""The key of what these tests publish: it stays in the database."""


@pytest.fixture(scope="module")
def site(house_file: object) -> Iterator[dict[str, int]]:
    """The centre of township A, with a copy of today and one of next week that carries markup in its words."""
    who = person("head")
    with transaction.atomic(), scope(who) as by:
        publish(
            by, today(), key=PAGE, body=body("甲痛症", "<script>alert(1)</script>"), title_zh="<b>病种</b>", title_en="<b>List</b>"
        )
        publish(by, today() + timedelta(days=7), key=PAGE, body=body("乙痛症"), title_zh="下周", title_en="Next week")
    yield {"org": who.org_id}
    Published.objects.using("load").filter(org_id=who.org_id, key=PAGE).update(end=F("start"))


PUBLIC = [
    "/p/",
    "/p/?q=甲",
    "/p/?at=350405",
    "/p/?at=350405101",
    "/p/{org}/",
    "/p/{org}/?lang=en",
    "/p/{org}/notice/",
    "/p/{org}/technique/",
    "/p/3/down/",
    "/p/3/guide/?lang=en",
    "/p/3/technique_promoted/",
    "/p/6/",
    "/p/6/devolved/",
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
        public = {"publication_published", "publication_publisheditem", "policy_change"}
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
    [
        *("/p/999999/", "/p/99999999999999999999999/", "/p/4/", "/p/0/notice/", "/p/disease/NOPE/", "/p/?at=999999"),
        *("/p/?at=350499", "/p/3/nothing/", "/p/3/treatable/", "/p/3/technique/", "/p/4/devolved/", "/p/999999/guide/"),
    ],
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
        publish(by, today(), key=PAGE, org_id=other_doctor().org_id, body=body("甲痛症"))
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
        Published.objects.using("load").filter(org_id=other_doctor().org_id, key=PAGE).update(end=today())


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
    rows = Published.objects.using("load").filter(org_id=site["org"], key=PAGE, number=1)
    try:
        rows.update(checked_on=today() - timedelta(days=365))
        assert "Nobody has checked" not in everybody().get(path).content.decode()
        rows.update(checked_on=today() - timedelta(days=366))
        assert "Nobody has checked" in everybody().get(path).content.decode()
    finally:
        rows.update(checked_on=today())


def test_what_is_on_record_of_an_institution_is_shown_and_what_is_not_is_said(site: dict[str, int]) -> None:
    from fenji.ground.network.models import Organisation

    path = f"/p/{site['org']}/?lang=en"
    bare = everybody().get(path).content.decode()
    assert bare.count("not on record yet") == 3
    rows = Organisation.objects.using("load").filter(pk=site["org"])
    facts = {
        "phone": "0598-5822222",
        "hours": "8:00–17:30",
        "address": "<i>1 号</i>",
        "longitude": "117.789012",
        "latitude": "26.396812",
    }
    try:
        rows.update(**facts)
        full = everybody().get(path).content.decode()
        assert "not on record yet" not in full
        assert 'href="tel:0598-5822222"' in full
        assert 'href="geo:26.396812,117.789012"' in full
        assert "&lt;i&gt;1 号" in full
    finally:
        rows.update(phone="", hours="", address="", longitude=None, latitude=None)


def test_an_institution_that_is_no_more_says_so_and_leads_to_its_successor(site: dict[str, int]) -> None:
    from fenji.ground.network.models import Organisation, Succession

    path = f"/p/{site['org']}/?lang=en"
    rows = Organisation.objects.using("load").filter(pk=site["org"])
    heir = other_doctor().org_id
    merger = Succession.objects.using("load").create(predecessor_id=site["org"], successor_id=heir, kind="merged", on=today())
    try:
        rows.update(end=today())
        text = everybody().get(path).content.decode()
        assert "is no more since" in text
        assert heir in _found(text)
        assert site["org"] not in _found(everybody().get("/p/?at=350405101").content.decode())
        rows.update(end=today() + timedelta(days=1))
        assert "is no more since" not in everybody().get(path).content.decode()
    finally:
        rows.update(end=None)
        Succession.objects.using("owner").filter(pk=merger.pk).delete()


# --- lists with a page of their own -------------------------------------------------------------------------------------------

LISTS = [
    (COUNTY_HOSPITAL, "down", "When to come back", "Recovering from an operation"),
    (COUNTY_HOSPITAL, "technique_promoted", "T05-01", "Moxibustion"),
    (COUNTY_HOSPITAL, "guide", "Tiered-care guideline: hypertension (demo)", "The village clinic screens"),
    (INSURER, "devolved", "D-0001", "Laboratory"),
]


@pytest.mark.parametrize(("org", "kind", "first", "second"), LISTS)
def test_a_long_list_has_a_page_of_its_own_to_which_its_keepers_page_leads(
    house_file: object, org: int, kind: str, first: str, second: str
) -> None:
    path = f"/p/{org}/{kind}/?lang=en"
    assert f'href="{path}"' in everybody().get(f"/p/{org}/?lang=en").content.decode()
    text = everybody().get(path).content.decode()
    assert first in text
    assert second in text
    assert "In force since 2022-03-01" in text


def test_the_page_of_a_list_holds_every_entry_once_under_a_heading(house_file: object) -> None:
    text = everybody().get(f"/p/{INSURER}/devolved/").content.decode()
    codes = re.findall(r">(D-[0-9]{4})<", text)
    assert len(codes) == len(set(codes)) == 520
    counted = [int(n) for n in re.findall(r'<h3>[^<]+<span class="num">(\d+)</span>', text)]
    assert sum(counted) == 520
    assert len(counted) > 1


def test_the_insurer_is_found_where_its_list_counts_and_nowhere_else(house_file: object) -> None:
    link = f'href="/p/{INSURER}/?at='
    assert link in everybody().get("/p/?at=350405").content.decode()
    assert link not in everybody().get("/p/?at=350102").content.decode()


def test_the_page_of_a_list_says_when_nobody_has_looked_at_it_and_what_comes_next(house_file: object) -> None:
    path, rows = f"/p/{INSURER}/devolved/?lang=en", Published.objects.using("load").filter(org_id=INSURER, kind="devolved")
    before, item = rows.get(), {"code": "D-9999", "zh": "<i>新项目</i>", "en": "<i>New item</i>"}
    with transaction.atomic(), scope(person("insurer")) as by:
        listed = {"items": [item], "version": 2, "clauses": []}
        publish(by, today() + timedelta(days=9), kind="devolved", key=before.key, body=listed, title_en="Next items")
    try:
        text = everybody().get(path).content.decode()
        assert "Nobody has checked" not in text
        assert text.index("D-0001") < text.index("Next items") < text.index("&lt;i&gt;New item")
        rows.filter(pk=before.pk).update(checked_on=today() - timedelta(days=366))
        assert "Nobody has checked" in everybody().get(path).content.decode()
        rows.filter(pk=before.pk).update(end=today())
        coming = everybody().get(path).content.decode()
        assert "D-0001" not in coming
        assert "Next items" in coming
    finally:
        rows.exclude(pk=before.pk).update(end=F("start"))
        rows.filter(pk=before.pk).update(end=None, checked_on=before.checked_on)
