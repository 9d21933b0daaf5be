"""One's own account: the first password with a code, changing it, what forces a change, open sessions."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connections
from django.test import Client

from fenji.ground.access import actions, rules
from fenji.ground.access.actions import passwords
from fenji.ground.access.models import Account, AuditEvent, OldPassword
from fenji.ground.access.rules import DOCTOR, PasswordPolicy, house
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.ids import secret_code
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Post
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.sessions import browser, form_of, handle, move, quick_hashes
from tests.app.wsgi import call
from tests.cast import POLICY, form, person, token_for

POLICIES = PasswordPolicy(password_length=12, password_kinds=2, password_history=5, password_days=180, activation_days=14)
GOOD, BETTER = "mountain river seven 21", "four horses under 8 trees"
HOUSE = house(COUNTY_HOSPITAL)
PATH = "350405001000/00000003"


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_hashes():
        yield


@pytest.fixture
def account(house_file: object) -> Account:
    """A fresh account of the county hospital with a post and no password."""
    new = rules.new_account("陈晓明", f"chen.{uuid4().hex[:10]}", "staff", COUNTY_HOSPITAL, PATH)
    (made,) = actions.create_accounts([new], by=HOUSE, at=now(), using="load")
    appoint(made.pk, COUNTY_HOSPITAL, DOCTOR, now() - timedelta(hours=1), by=HOUSE, at=now(), using="load")
    return made


@pytest.fixture
def code(account: Account) -> str:
    return actions.new_activation([account.pk], by=HOUSE, at=now(), policy=POLICIES, using="load")[account.pk]


@pytest.fixture
def active(account: Account, code: str) -> Account:
    """The same with the password GOOD."""
    assert activate(account, code).status_code == 303
    return account


@pytest.fixture
def visitor(active: Account) -> Iterator[Client]:
    client = browser()
    assert sign_in(client, active, GOOD)["Location"] == "/"
    return client


def activate(account: Account | str, code: str, new: str = GOOD, again: str | None = None) -> object:
    name = account if isinstance(account, str) else account.username
    return browser().post("/activate/", {"username": name, "code": code, "new": new, "again": again or new})


def sign_in(client: Client, account: Account, word: str, **more: str) -> object:
    return client.post("/login/", {"username": account.username, "password": word, **more})


def change(client: Client, present: str, new: str, **more: str) -> object:
    return client.post("/account/password/", form(present=present, new=new, again=more.pop("again", new), **more))


def row(account: Account) -> Account:
    return Account.objects.using("owner").get(pk=account.pk)


# --- activation ---------------------------------------------------------------------------------------------------------------


def test_a_code_is_kept_as_a_hash_and_works_once(account: Account, code: str) -> None:
    kept = row(account)
    assert code.replace("-", "").encode() not in bytes(kept.activation_hash)
    assert timedelta(days=13) < kept.activation_until - now() <= timedelta(days=14)
    typed = code.lower().replace("-", " ").replace("0", "o")
    assert activate(account.username.upper(), typed).status_code == 303
    kept = row(account)
    assert (kept.activation_hash, kept.activation_until) == (None, None)
    assert kept.password.startswith("argon2$argon2id$")
    again = activate(account, code, BETTER)
    assert again.status_code == 422
    assert "was used or is too old" in again.content.decode()


def test_an_old_code_opens_nothing(account: Account, code: str) -> None:
    Account.objects.using("owner").filter(pk=account.pk).update(activation_until=now() - timedelta(seconds=1))
    assert "was used or is too old" in activate(account, code).content.decode()
    assert row(account).password == "!"


def test_a_newer_code_kills_the_older_one(account: Account, code: str) -> None:
    newer = actions.new_activation([account.pk], by=HOUSE, at=now(), policy=POLICIES, using="load")[account.pk]
    assert activate(account, code).status_code == 422
    assert activate(account, newer).status_code == 303


def test_a_mistyped_code_is_told_and_not_counted(account: Account, code: str) -> None:
    slipped = code[:-1] + ("A" if code[-1] != "A" else "B")
    for typed in (slipped, "", code[:-5], "x" * 300, "\u202e", "汉字"):
        answer = activate(account, typed)
        assert answer.status_code == 422
        assert "a character was mistyped" in answer.content.decode()
    assert row(account).failures == 0


def test_wrong_codes_are_counted_and_lock_like_passwords(account: Account, code: str) -> None:
    for turn in range(1, 5):
        activate(account, secret_code())
        assert row(account).failures == turn
    assert "This account is locked" in activate(account, secret_code()).content.decode()
    assert "This account is locked" in activate(account, code).content.decode()
    assert row(account).password == "!"
    events = AuditEvent.objects.using("owner").filter(actor_id=account.pk, action="account.activate.refused").count()
    assert events == 6


def test_unknown_names_and_wrong_codes_cost_the_same_work_and_read_the_same(
    account: Account, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(passwords, "make_password", lambda word: hashed.append(word) or make_password(word))
    pages, work = [], []
    for name in (account.username, "nobody.of.this.name"):
        hashed.clear()
        before = AuditEvent.objects.using("owner").count()
        answer = activate(name, secret_code())
        pages.append(answer.content.decode().replace(name, "•"))
        work.append((len(hashed), AuditEvent.objects.using("owner").count() - before, answer.status_code))
    assert work[0] == work[1] == (1, 1, 422)
    assert _plain(pages[0]) == _plain(pages[1])


def _plain(page: str) -> str:
    import re

    return re.sub(r'(name="(?:csrfmiddlewaretoken|code)" value|id="code" name="code" value)="[^"]*"', "", page)


def test_a_weak_password_leaves_the_code_unused(account: Account, code: str) -> None:
    for weak, says in (
        ("short 1", "too short"),
        ("abcdefghijklmn", "one kind of characters"),
        ("password12345678", "easy to guess"),
        (f"{account.username}-2026", "easy to guess"),
        ("ChenXiaoMing2026!", "easy to guess"),
        ("121212121212ab", "easy to guess"),
    ):
        assert says in activate(account, code, weak).content.decode(), weak
    assert "are not the same" in activate(account, code, GOOD, BETTER).content.decode()
    assert row(account).failures == 0
    assert activate(account, code).status_code == 303


def test_a_code_used_twice_at_once_works_once(account: Account, code: str) -> None:
    crowd = 8
    gate = threading.Barrier(crowd)

    def run(turn: int) -> int:
        try:
            gate.wait(timeout=60)
            word = f"{GOOD} number {turn}"
            return call("POST", "/activate/", "", {"username": account.username, "code": code, "new": word, "again": word}).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(crowd) as pool:
        assert Counter(pool.map(run, range(crowd))) == {303: 1, 422: crowd - 1}
    assert OldPassword.objects.using("owner").filter(account=account).count() == 1


def test_a_switched_off_account_is_not_activated(account: Account, code: str) -> None:
    Account.objects.using("owner").filter(pk=account.pk).update(active=False)
    assert "was used or is too old" in activate(account, code).content.decode()


# --- changing the password ----------------------------------------------------------------------------------------------------


def test_a_changed_password_ends_every_other_session_and_keeps_this_browser_signed_in(active: Account, visitor: Client) -> None:
    other = browser()
    sign_in(other, active, GOOD)
    old = visitor.cookies[settings.SESSION_COOKIE].value
    answer = change(visitor, GOOD, BETTER)
    assert (answer.status_code, answer["Location"]) == (303, "/account/")
    assert visitor.cookies[settings.SESSION_COOKIE].value != old
    assert "signed out everywhere else" in visitor.get("/account/").content.decode()
    assert other.get("/account/").status_code == 302
    assert call("GET", "/account/", old).status == 302
    assert sign_in(browser(), active, GOOD).status_code == 422
    assert sign_in(browser(), active, BETTER).status_code == 303


def test_a_wrong_present_password_counts_and_locks(active: Account, visitor: Client) -> None:
    for _ in range(4):
        assert "is not right" in change(visitor, "wrong", BETTER).content.decode()
    assert "This account is locked" in change(visitor, "wrong", BETTER).content.decode()
    assert "This account is locked" in change(visitor, GOOD, BETTER).content.decode()
    assert row(active).failures == 5
    assert visitor.get("/account/").status_code == 200


def test_the_last_five_passwords_are_not_taken_again(active: Account, visitor: Client) -> None:
    words = [GOOD, *(f"four horses under {n} trees" for n in range(20, 25))]
    for present, new in itertools.pairwise(words):
        assert change(visitor, present, new).status_code == 303
    for old in words[1:]:
        assert "used this password before" in change(visitor, words[-1], old).content.decode()
    assert change(visitor, words[-1], GOOD).status_code == 303


@pytest.mark.parametrize("fields", [{"new": ""}, {"again": "x"}, {"present": ""}, {"new": "é" * 300}])
def test_bad_forms_change_nothing(active: Account, visitor: Client, fields: dict[str, str]) -> None:
    given = {"present": GOOD, "new": BETTER, "again": BETTER, **fields}
    if "new" in fields:
        given["again"] = fields["new"]
    before = row(active).password
    assert visitor.post("/account/password/", form(**given)).status_code == 422
    assert row(active).password == before


# --- what forces a change -----------------------------------------------------------------------------------------------------


def test_an_expired_password_opens_only_the_page_that_changes_it(active: Account) -> None:
    Account.objects.using("owner").filter(pk=active.pk).update(password_set_at=now() - timedelta(days=181))
    client = browser()
    answer = sign_in(client, active, GOOD, next="/residents/")
    assert (answer.status_code, answer["Location"]) == (303, "/account/password/?next=%2Fresidents%2F")
    token = client.cookies[settings.SESSION_COOKIE].value
    kept = handle(token)
    assert (kept.purpose, kept.orgs, kept.path_lo, kept.path_hi, kept.reach) == ("password", [], "", "", "")
    for address in ("/", "/account/", "/residents/", "/posts/", "/accounts/"):
        there = client.get(address)
        assert (there.status_code, there["Location"]) == (303, "/account/password/"), address
    assert client.post("/account/sessions/", form(session="x"))["Location"] == "/account/password/"
    part = client.get("/diagnoses/suggest/?diagnosis=I1", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"]) == (204, "/account/password/")
    page = client.get("/account/password/?next=/residents/")
    assert "to be changed before you go on" in page.content.decode()
    fields = form_of(page, "/account/password/").fields
    sent = client.post("/account/password/", {**fields, "present": GOOD, "new": BETTER, "again": BETTER})
    assert (sent.status_code, sent["Location"]) == (303, "/residents/")
    assert client.get("/residents/").status_code == 200
    assert call("GET", "/", token).status == 302


def test_a_password_set_on_the_command_line_is_changed_first(active: Account) -> None:
    actions.set_password(row(active), "typed by somebody else 1", must_change=True)
    client = browser()
    assert sign_in(client, active, "typed by somebody else 1")["Location"].startswith("/account/password/")
    assert change(client, "typed by somebody else 1", BETTER)["Location"] == "/account/"
    assert not row(active).must_change
    assert sign_in(browser(), active, BETTER)["Location"] == "/"


def test_passwords_never_age_when_the_policy_says_so() -> None:
    forever = PasswordPolicy(12, 2, 5, 0, 14)
    assert not rules.password_is_due(False, now() - timedelta(days=9999), now(), forever)
    assert rules.password_is_due(True, now(), now(), forever)
    assert rules.password_is_due(False, now() - timedelta(days=180), now(), POLICIES)


def test_a_form_on_its_way_survives_a_forced_change(active: Account) -> None:
    import json

    parcel = json.dumps({"path": "/residents/new/", "who": str(active.pk), "fields": [["name", "李四"], ["_key", fresh_key()]]})
    pending = settings.DATABASE_KEYS.seal(parcel, "pending form").hex()
    Account.objects.using("owner").filter(pk=active.pk).update(must_change=True)
    client = browser()
    page = sign_in(client, active, GOOD, pending=pending)
    assert page.status_code == 200
    fields = form_of(page, "/account/password/").fields
    sent = client.post("/account/password/", {**fields, "present": GOOD, "new": BETTER, "again": BETTER})
    assert sent.status_code == 200
    assert "nothing of it has been saved yet" in sent.content.decode()
    assert "李四" in sent.content.decode()


# --- open sessions ------------------------------------------------------------------------------------------------------------


def test_one_sees_ones_sessions_and_ends_one(active: Account, visitor: Client) -> None:
    other = browser()
    sign_in(other, active, GOOD)
    page = visitor.get("/account/")
    text = page.content.decode()
    assert text.count("this session") == 1
    assert text.count('name="session"') == 2
    import re

    ids = re.findall(r'name="session" value="([0-9a-f]+)"', text)
    mine = re.search(r'this session.*?name="session" value="([0-9a-f]+)"', text, re.DOTALL).group(1)
    (theirs,) = set(ids) - {mine}
    assert visitor.post("/account/sessions/", form(session=theirs)).status_code == 303
    assert other.get("/account/").status_code == 302
    assert visitor.get("/account/").status_code == 200


@pytest.mark.parametrize("wanted", ["", "x", "0" * 16, "' OR 1=1"])
def test_nobody_elses_session_is_ended(visitor: Client, wanted: str) -> None:
    assert visitor.post("/account/sessions/", form(session=wanted)).status_code == 404
    assert visitor.get("/account/").status_code == 200


def test_a_session_of_somebody_else_is_unknown(visitor: Client) -> None:
    from fenji.ground.access.queries import session_id, token_hash

    token = token_for(person("doctor"))
    assert visitor.post("/account/sessions/", form(session=session_id(token_hash(token)))).status_code == 404
    assert call("GET", "/", token).status == 200


@pytest.mark.parametrize("address", ["/logout/", "/posts/", "/account/sessions/", "/account/password/"])
def test_a_session_seen_longer_ago_can_end_itself(active: Account, visitor: Client, address: str) -> None:
    """Noting that somebody is there must not hold the row of the session while the request closes it."""
    with connections["door"].cursor() as cursor:
        cursor.execute("SET lock_timeout = '4s'")
    try:
        token = visitor.cookies[settings.SESSION_COOKIE].value
        move(token, seen_at=now() - timedelta(minutes=5))
        from fenji.ground.access.queries import session_id, token_hash

        post = Post.objects.using("load").get(account_id=active.pk)
        fields = {
            "/posts/": {"post": str(post.pk)},
            "/account/sessions/": {"session": session_id(token_hash(token))},
            "/account/password/": {"present": GOOD, "new": BETTER, "again": BETTER},
        }
        assert visitor.post(address, form(**fields.get(address, {}))).status_code == 303
        assert call("GET", "/", token).status == 302
    finally:
        with connections["door"].cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")


def test_an_account_that_changed_since_it_proved_itself_opens_no_session(active: Account) -> None:
    """The password is reset between the check and the session: the session must not outlive it."""
    proved = actions.authenticate(active.username, GOOD, at=now(), policy=POLICY)
    actions.new_activation([active.pk], by=HOUSE, at=now(), policy=POLICIES, using="load")
    from fenji.ground.network.queries import posts_of, seat_of

    with pytest.raises(actions.WrongPassword):
        actions.open_session(proved, seat_of(posts_of(active.pk, now())[0]), at=now(), policy=POLICY)


def test_my_page_shows_no_other_account(visitor: Client) -> None:
    ids = {UUID(int=0), person("doctor").id}
    page = visitor.get("/account/").content.decode()
    assert not [i for i in ids if str(i) in page]
