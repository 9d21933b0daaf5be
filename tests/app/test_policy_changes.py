"""Changes of parameters: proposed by one person, decided by another, within reach, never for a day that has begun."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fenji.care.referral.queries import grounds
from fenji.care.referral.rules import ReferralPolicy
from fenji.config import checks
from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.access.rules import DOCTOR, OFFICER, PERMISSIONS, AccessPolicy, house
from fenji.ground.common.clock import Span, local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Post
from fenji.ground.network.queries import place_of
from fenji.ground.policy import actions, loader, queries
from fenji.ground.policy.actions import Ground, NewChange
from fenji.ground.policy.models import PolicyChange
from fenji.ground.policy.rules import Ambiguity
from fenji.world.county import COMMISSION, FIRST_TOWNSHIP, NAMESPACE, OPENED, Person
from tests.app.wsgi import call
from tests.cast import client_for, form, person, scope, token_for

COUNTY, CITY = "350405", "3504"
PATH = ("35", "350400", "350405")
GROUND = Ground("沙卫〔2026〕7号", "关于审核时限的通知", "a" * 64, "the pilot went well")
KEY = "referral.review_within"
THREADS = 16


def ahead(days: int) -> date:
    return local_day(now()) + timedelta(days=days)


def new(key: str = KEY, place: str = COUNTY, value: object = Span(60, "duty"), start: int = 5, **more: object) -> NewChange:
    fields = {"authority": "order", "end": None, **more}
    return NewChange(key, place, value, start=ahead(start), **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def officers(house_file: object) -> list[Person]:
    """Two more officers of the county commission."""
    more = [Person(f"officer.{n}", f"干部{n}", OFFICER, COMMISSION) for n in (2, 3)]
    for who in more:
        if not Account.objects.using("load").filter(pk=who.id).exists():
            with transaction.atomic(using="load"):
                Account.objects.using("load").create(id=who.id, username=who.username, name=who.name, password="!")
                made = {"using": "load", "post_id": uuid5(NAMESPACE, f"post {who.username}")}
                appoint(who.id, who.org_id, who.role, OPENED, by=house(who.org_id), at=OPENED, **made)
    assert Post.objects.using("load").filter(org_id=COMMISSION).count() >= 3
    return more


@pytest.fixture(autouse=True)
def cleared(house_file: object) -> Iterator[None]:
    """Each test begins and ends without changes."""
    yield
    for rows in (PolicyChange.objects.using("owner").exclude(ends=None), PolicyChange.objects.using("owner").all()):
        rows.delete()
    queries.forget_changes()


def propose(wanted: NewChange | None = None, who: str = "officer", at: datetime | None = None) -> PolicyChange:
    with transaction.atomic(), scope(person(who)) as by:
        return actions.propose(wanted or new(), GROUND, by=by, at=at or now())


def decide(change: PolicyChange, who: str = "security", *, approve: bool = True, version: int = 1) -> PolicyChange:
    with transaction.atomic(), scope(person(who)) as by:
        return actions.decide(change.pk, approve=approve, note="checked", version=version, by=by, at=now())


def approved(wanted: NewChange | None = None) -> PolicyChange:
    return decide(propose(wanted))


def bound(key: str = KEY, path: tuple[str, ...] = PATH, on: int = 5) -> object:
    return queries.binding_in(queries.book(), key, path, ahead(on)).parameter.value


def trail(change: PolicyChange) -> list[tuple[str, str, str]]:
    rows = AuditEvent.objects.using("job").filter(subject=str(change.pk)).order_by("id")
    return [(r.action, r.before, r.after) for r in rows]


# --- one change, from proposal to its end -------------------------------------------------------------------------------------


def test_an_approved_change_binds_from_its_day_on_and_its_clause_is_still_named(house_file: object) -> None:
    shipped = queries.pack_hash()
    assert shipped == loader.shipped().hash
    change = propose()
    assert queries.pack_hash() == shipped
    decide(change)
    assert [bound(on=4), bound(on=5)] == [Span(120, "duty"), Span(60, "duty")]
    assert bound(path=("35", "350400", "350406")) == Span(120, "duty")
    assert queries.resolve(ReferralPolicy, (*PATH, "org:101"), ahead(5)).review_within == Span(60, "duty")
    source = queries.sources(ReferralPolicy, PATH, ahead(5))["review_within"]
    assert (source.clause_id, source.change, source.document) == ("PF-referral-deadlines", str(change.pk), GROUND.number)
    assert queries.pack_hash() != shipped
    assert trail(change) == [("policy.propose", "", "proposed"), ("policy.approve", "proposed", "approved")]


def test_a_reason_names_the_change_beside_the_clause(house_file: object) -> None:
    change = approved(new("referral.review_catalogue", value=False))
    there = grounds(place_of(FIRST_TOWNSHIP), ahead(5)).reason("review_required", "review_catalogue")
    assert (there.clause_id, there.value, there.change) == ("SM-3-5c", "False", str(change.pk))
    assert there.as_row()["change"] == str(change.pk)
    before = grounds(place_of(FIRST_TOWNSHIP), ahead(4)).reason("review_required", "review_catalogue")
    assert "change" not in before.as_row()


def test_a_proposal_or_a_rejection_binds_nothing(house_file: object) -> None:
    change = decide(propose(), approve=False)
    assert (change.state, change.note) == ("rejected", "checked")
    assert bound() == Span(120, "duty")
    assert queries.pack_hash() == loader.shipped().hash


def test_a_change_with_an_end_gives_way_to_what_was_before(house_file: object) -> None:
    approved(new(end=ahead(8)))
    assert [bound(on=7), bound(on=8)] == [Span(60, "duty"), Span(120, "duty")]


def test_of_two_changes_the_nearer_place_binds(house_file: object) -> None:
    approved(new())
    approved(new(place="350405101000/00000101", value=Span(30, "duty")))
    assert bound(path=(*PATH, "org:101")) == Span(30, "duty")
    assert bound(path=(*PATH, "org:102")) == Span(60, "duty")


def test_a_change_is_ended_early_by_two_people_too(house_file: object) -> None:
    target = approved()
    with transaction.atomic(), scope(person("officer")) as by:
        ending = actions.propose_end(target.pk, ahead(9), GROUND, by=by, at=now())
    assert bound(on=9) == Span(60, "duty")
    with pytest.raises(actions.EndProposed), transaction.atomic(), scope(person("officer")) as by:
        actions.propose_end(target.pk, ahead(10), GROUND, by=by, at=now())
    with pytest.raises(actions.SecondPerson):
        decide(ending, "officer")
    decide(ending)
    assert [bound(on=8), bound(on=9)] == [Span(60, "duty"), Span(120, "duty")]
    row = PolicyChange.objects.using("load").get(pk=target.pk)
    assert (row.state, row.end) == ("ended", ahead(9))
    assert trail(target)[-1] == ("policy.end", "approved None", "ended")
    with pytest.raises(actions.Decided), transaction.atomic(), scope(person("officer")) as by:
        actions.propose_end(target.pk, ahead(8), GROUND, by=by, at=now())


def test_a_change_that_has_not_begun_can_be_taken_back_before_it_does(house_file: object) -> None:
    target = approved()
    with transaction.atomic(), scope(person("officer")) as by:
        ending = actions.propose_end(target.pk, ahead(5), GROUND, by=by, at=now())
    decide(ending)
    assert bound(on=5) == Span(120, "duty")
    approved(new())  # the same day is free again
    assert bound(on=5) == Span(60, "duty")


# --- who may -----------------------------------------------------------------------------------------------------------------


def test_a_second_person_decides(house_file: object) -> None:
    change = propose()
    with pytest.raises(actions.SecondPerson):
        decide(change, "officer")
    assert PolicyChange.objects.using("load").get(pk=change.pk).state == "proposed"


def test_only_the_proposer_withdraws_and_only_while_it_waits(house_file: object) -> None:
    change = propose()
    with pytest.raises(actions.NotYourProposal), transaction.atomic(), scope(person("security")) as by:
        actions.withdraw(change.pk, version=1, by=by, at=now())
    with transaction.atomic(), scope(person("officer")) as by:
        actions.withdraw(change.pk, version=1, by=by, at=now())
    with pytest.raises(actions.Decided):
        decide(change, version=2)
    with pytest.raises(Stale):
        decide(propose(), version=7)


@pytest.mark.parametrize("place", [CITY, "35", "350406", "350406101000/00000101", "3505"])
def test_a_place_outside_ones_area_is_refused_by_the_action_and_by_the_database(house_file: object, place: str) -> None:
    with pytest.raises(actions.OutOfReach):
        propose(new(place=place))
    forbidden = pytest.raises(DatabaseError, match="row-level security")
    with transaction.atomic(), scope(person("officer")), forbidden, transaction.atomic():
        _row(place=place).save(force_insert=True)


def _row(**fields: object) -> PolicyChange:
    first = {
        "key": KEY, "place": COUNTY, "value": {"minutes": 60, "counted": "duty"}, "unit": "min", "authority": "order",
        "clause_id": "PF-referral-deadlines", "start": ahead(5), "document_number": "x", "document_title": "x",
        "document_sha256": "x", "reason": "x", "proposed_by": person("officer").id, "proposed_org": 4, "proposed_at": now(),
    }  # fmt: skip
    return PolicyChange(**{**first, **fields})


DECIDED = {"decided_by": UUID(int=7), "decided_org": 4, "state": "approved"}


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({**DECIDED, "state": "maybe"}, "policy_change_state"),
        ({"authority": "law"}, "policy_change_authority"),
        ({"place": "350405101000"}, "policy_change_place"),
        ({"end": "start"}, "policy_change_dates"),
        ({**DECIDED, "decided_by": "proposer"}, "policy_change_two_people"),
        ({"state": "approved"}, "policy_change_decided"),
        ({**DECIDED, "start": 0}, "policy_change_later_day"),
    ],
)
def test_the_database_holds_the_rules_too(house_file: object, fields: dict, constraint: str) -> None:
    fields = dict(fields)
    if fields.get("end") == "start":
        fields["end"] = ahead(5)
    if fields.get("start") == 0:
        fields["start"] = ahead(0)
    if "decided_by" in fields:
        fields["decided_at"] = now()
    if fields.get("decided_by") == "proposer":
        fields["decided_by"] = person("officer").id
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(using="owner"):
        _row(**fields).save(using="owner", force_insert=True)


def test_the_database_holds_that_two_approved_changes_never_tie(house_file: object) -> None:
    first, second = (_row(**DECIDED, decided_at=now()) for _ in range(2))
    first.save(using="owner", force_insert=True)
    with pytest.raises(IntegrityError, match="policy_change_no_tie"), transaction.atomic(using="owner"):
        second.save(using="owner", force_insert=True)


@pytest.mark.parametrize("role", ["doctor", "reviewer", "desk", "head", "system", "audit"])
def test_other_roles_read_policy_and_change_nothing(house_file: object, role: str) -> None:
    change = propose()
    token = token_for(person(role))
    assert call("GET", "/policy/", token).status == 200
    page = call("GET", f"/policy/parameters/{KEY}/", token)
    assert page.status == 200
    assert "/propose/" not in page.body
    assert call("GET", f"/policy/changes/{change.pk}/", token).status == 200
    assert call("GET", "/policy/waiting/", token).status == 403
    for path in (
        f"parameters/{KEY}/propose",
        f"changes/{change.pk}/decide",
        f"changes/{change.pk}/withdraw",
        f"changes/{change.pk}/end",
    ):
        assert call("POST", f"/policy/{path}/", token, form(decision="approve", _version="1")).status == 403
    with transaction.atomic(), scope(person(role)) as by:
        for act in (
            lambda: actions.propose(new(), GROUND, by=by, at=now()),
            lambda: actions.decide(change.pk, approve=True, note="", version=1, by=by, at=now()),
            lambda: actions.withdraw(change.pk, version=1, by=by, at=now()),
        ):
            with pytest.raises(NotPermitted):
                act()
        with connections["default"].cursor() as cursor:
            cursor.execute("UPDATE policy_change SET state = 'approved'")
            assert cursor.rowcount == 0
    assert {r for r, p in PERMISSIONS.items() if "policy.decide" in p} == {"officer", "security_admin"}


def test_changes_are_read_before_signing_in_and_by_jobs(house_file: object) -> None:
    change = approved()
    for alias in ("default", "job", "door"):
        assert PolicyChange.objects.using(alias).filter(pk=change.pk).exists(), alias
    for alias in ("job", "door"):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(using=alias):
            PolicyChange.objects.using(alias).update(state="ended")


# --- what does not fit --------------------------------------------------------------------------------------------------------

TIGHT = "access.idle_minutes"


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        ({"start": 0}, ["too_early"]),
        ({"start": -400}, ["too_early"]),
        ({"start": -9000}, ["too_early"]),
        ({"end": -1}, ["end_first"]),
        ({"value": 60}, ["wrong_form"]),
        ({"value": Span(10_000_000, "natural")}, ["too_long"]),
        ({"key": TIGHT, "value": 31}, ["looser"]),
        ({"key": TIGHT, "value": 0}, ["out_of_bounds"]),
        ({"key": TIGHT, "value": True}, ["wrong_form"]),
        ({"key": "policy.settle_minutes", "value": 5}, ["never"]),
        ({"key": "tasks.duty_hours", "value": ("morning",)}, ["unusable"]),
        ({"key": "tasks.duty_hours", "value": ("14:00-18:00", "08:00-12:00")}, ["unusable"]),
    ],
)
def test_what_breaks_a_rule_is_refused_and_leaves_nothing(house_file: object, wanted: dict, codes: list[str]) -> None:
    if "end" in wanted:
        wanted = {**wanted, "end": ahead(wanted["end"])}
    with pytest.raises(actions.DoesNotFit) as refusal:
        propose(new(**wanted))
    assert [f.code for f in refusal.value.findings] == codes
    assert not PolicyChange.objects.using("load").exists()


def test_an_unknown_parameter_is_refused(house_file: object) -> None:
    with pytest.raises(Unknown):
        propose(new(key="referral.colour"))


def test_an_approval_near_midnight_counts_for_the_day_after(house_file: object) -> None:
    """At 23:55 no process has yet begun the next day, but some will have before the approval is committed."""
    late = datetime.fromisoformat(f"{ahead(1)}T23:55:00+08:00")
    with pytest.raises(actions.DoesNotFit):
        propose(new(start=2), at=late)
    assert propose(new(start=2), at=late - timedelta(minutes=10)).state == "proposed"
    assert propose(new(start=3), at=late).state == "proposed"


def test_what_fitted_when_proposed_is_judged_again_when_it_is_decided(house_file: object) -> None:
    change = propose(new(start=1))
    with (
        pytest.raises(actions.DoesNotFit) as refusal,
        transaction.atomic(),
        scope(person("security")) as by,
    ):
        actions.decide(change.pk, approve=True, note="", version=1, by=by, at=now() + timedelta(days=1))
    assert [f.code for f in refusal.value.findings] == ["too_early"]
    # rejecting what is too late is still possible
    assert decide(change, approve=False).state == "rejected"


def test_a_second_change_must_not_tie_with_an_approved_one(house_file: object) -> None:
    twin = propose()
    approved()
    with pytest.raises(actions.DoesNotFit) as refusal:
        decide(twin)
    assert [f.code for f in refusal.value.findings] == ["tie"]


def test_a_stricter_value_stays_the_bound_for_places_below(house_file: object) -> None:
    approved(new(key=TIGHT, value=20))
    with pytest.raises(actions.DoesNotFit) as refusal:
        propose(new(key=TIGHT, value=25, place="350405101000/00000101", start=9))
    assert [f.code for f in refusal.value.findings] == ["looser"]
    approved(new(key=TIGHT, value=10, place="350405101000/00000101", start=9))
    assert queries.resolve(AccessPolicy, (*PATH, "org:101"), ahead(9)).idle_minutes == 10


def test_start_up_names_a_change_that_the_packs_no_longer_allow(house_file: object) -> None:
    assert checks.changes_fit_the_packs(databases=["default"]) == []
    _row(**DECIDED, decided_at=now(), key="referral.gone").save(using="owner", force_insert=True)
    _row(**DECIDED, decided_at=now(), key=TIGHT, value=99).save(using="owner", force_insert=True)
    errors = checks.changes_fit_the_packs(databases=["default"])
    assert [e.id for e in errors] == ["fenji.E003"] * 2
    assert "referral.gone" in errors[0].msg
    assert "only be made stricter" in errors[1].msg


def test_the_packs_pass_the_start_up_check() -> None:
    assert checks.packs_are_sound() == []


# --- at the same time ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(house_file: object) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool
        barrier = threading.Barrier(THREADS)

        def end() -> None:
            barrier.wait()
            connections.close_all()

        for ending in [pool.submit(end) for _ in range(THREADS)]:
            ending.result()


def _all_at_once(crowd: ThreadPoolExecutor, work: list[Callable[[], object]]) -> Counter[str]:
    barrier = threading.Barrier(len(work))

    def one(act: Callable[[], object]) -> str:
        barrier.wait(timeout=60)
        try:
            act()
        except Refused as refusal:
            return refusal.code
        return "done"

    return Counter(crowd.map(one, work))


def _deciding(change: PolicyChange, token: str, approve: bool) -> Callable[[], object]:
    def act() -> object:
        who = person("officer")  # the token says who it really is
        with transaction.atomic(), scope(who, token) as by:
            return actions.decide(change.pk, approve=approve, note="n", version=1, by=by, at=now())

    return act


def test_of_many_who_decide_at_once_exactly_one_wins(crowd: ThreadPoolExecutor, officers: list[Person]) -> None:
    tokens = [token_for(person("security")), *(token_for(o) for o in officers)]
    for turn in range(8):
        change = propose(new(start=5 + turn))
        work = [_deciding(change, tokens[i % 3], approve=i % 2 == 0) for i in range(THREADS)]
        results = _all_at_once(crowd, work)
        row = PolicyChange.objects.using("load").get(pk=change.pk)
        assert results["done"] == 1
        assert set(results) <= {"done", "stale", "change_decided"}
        assert (row.version, row.state in ("approved", "rejected")) == (2, True)
        assert len(trail(change)) == 2


@pytest.mark.parametrize("round_", range(4))
def test_two_changes_that_exclude_each_other_are_never_both_approved(
    crowd: ThreadPoolExecutor, officers: list[Person], round_: int
) -> None:
    """Each fits alone. Approved at the same instant, both would bind: a tie, or a looser value below a stricter one."""
    below = "350405101000/00000101"
    pairs = [
        (new(), new()),
        (new(key=TIGHT, value=20), new(key=TIGHT, value=25, place=below)),
    ]
    token = token_for(person("security"))
    for first, second in pairs:
        changes = [propose(first), propose(second)]
        results = _all_at_once(crowd, [_deciding(c, token, True) for c in changes])
        assert results == {"done": 1, "change_does_not_fit": 1}


def test_without_the_lock_both_would_be_approved(
    crowd: ThreadPoolExecutor, officers: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with the lock taken out, and both made to look before either writes, the rule is broken."""
    look = threading.Barrier(2)
    real = queries.fresh_book
    changes = [propose(new(key=TIGHT, value=20)), propose(new(key=TIGHT, value=25, place="350405101000/00000101"))]

    def slow() -> queries.Book:
        found = real()
        look.wait(timeout=60)
        return found

    monkeypatch.setattr(actions, "_lock", lambda key: None)
    monkeypatch.setattr(queries, "fresh_book", slow)
    token = token_for(person("security"))
    assert _all_at_once(crowd, [_deciding(c, token, True) for c in changes]) == {"done": 2}


# --- the screen ---------------------------------------------------------------------------------------------------------------

GOOD = {
    "place": COUNTY, "minutes": "90", "counted": "duty", "authority": "order", "end": "", "document_number": "沙卫〔2026〕7号",
    "document_title": "通知", "document_sha256": "b" * 64, "reason": "a pilot",
}  # fmt: skip


def _form(**fields: object) -> dict[str, object]:
    return form(**{**GOOD, "start": ahead(3).isoformat(), **fields})


@pytest.fixture
def officer(house_file: object) -> Client:
    return client_for(person("officer"))


def _propose(client: Client, key: str = KEY, **fields: object) -> object:
    return client.post(f"/policy/parameters/{key}/propose/", _form(**fields))


def test_a_change_is_proposed_and_approved_on_the_screen(officer: Client) -> None:
    page = officer.get(f"/policy/parameters/{KEY}/")
    assert page.status_code == 200
    assert ahead(1).isoformat() in page.content.decode() or ahead(2).isoformat() in page.content.decode()
    answer = _propose(officer)
    assert answer.status_code == 303, answer.content.decode()
    place = answer["Location"]
    shown = officer.get(place).content.decode()
    for words in (
        "1 h 30 min in duty hours",
        "沙卫〔2026〕7号",
        "b" * 64,
        "a pilot",
        "waits for a decision",
        "(by you)",
        "Withdraw",
    ):
        assert words in shown
    assert "/decide/" not in shown
    security = client_for(person("security"))
    assert place in security.get("/policy/waiting/").content.decode()
    shown = security.get(place).content.decode()
    assert "Approve" in shown
    version = re.search(r'name="_version" value="(\d+)"', shown).group(1)
    decided = security.post(f"{place}decide/", form(_version=version, decision="approve", note=""))
    assert decided.status_code == 303
    assert "approved" in security.get(place).content.decode()
    assert place not in security.get("/policy/waiting/").content.decode()
    assert bound(on=3) == Span(90, "duty")
    listed = officer.get(f"/policy/?on={ahead(3)}").content.decode()
    assert "changed by 沙卫〔2026〕7号" in listed
    assert "1 h 30 min in duty hours" in listed
    today = officer.get("/policy/").content.decode()
    assert f"{ahead(3)}</span> 1 h 30 min" in today


def _desk(login: str) -> str:
    return client_for(person(login)).get("/").content.decode()


def test_whoever_may_decide_sees_a_proposal_on_the_desk_until_it_is_decided(officer: Client) -> None:
    place = _propose(officer)["Location"]
    assert f'href="{place}"' not in _desk("officer"), "who proposed it does not decide"
    for login in ("doctor", "system", "audit", "head", "editor"):
        assert place not in _desk(login), login
    page = _desk("security")
    assert "Changes for you to decide" in page
    assert f'href="{place}"' in page
    assert "waiting for me <b>1</b>" in page
    badge = re.search(r'class="top-badge".*?<b[^>]*>(\d+)</b>', client_for(person("security")).get("/policy/").content.decode())
    assert badge.group(1) == "1"
    change = PolicyChange.objects.get(pk=place.split("/")[-2])
    with transaction.atomic(), scope(person("security")) as by:
        actions.decide(change.pk, approve=True, note="", version=change.version, by=by, at=now())
    assert place not in _desk("security")


@pytest.mark.parametrize(("approve", "word"), [(True, "approved"), (False, "rejected")])
def test_the_proposer_reads_the_outcome_on_the_desk_for_two_weeks(officer: Client, approve: bool, word: str) -> None:
    place = _propose(officer)["Location"]
    change = PolicyChange.objects.get(pk=place.split("/")[-2])
    with transaction.atomic(), scope(person("security")) as by:
        actions.decide(change.pk, approve=approve, note="see the <minutes>", version=change.version, by=by, at=now())
    page = _desk("officer")
    assert "What became of your proposals" in page
    assert f'href="{place}"' in page
    assert "see the &lt;minutes&gt;" in page
    assert word in page
    for login in ("security", "insurer", "doctor"):
        assert place not in _desk(login), login
    old = now() - timedelta(days=14)
    PolicyChange.objects.using("owner").filter(pk=change.pk).update(decided_at=old, proposed_at=old)
    assert place not in _desk("officer")


def test_a_change_beyond_ones_reach_waits_on_no_desk(house_file: object) -> None:
    with transaction.atomic(), scope(person("insurer")) as by:
        place = f"/policy/changes/{actions.propose(new(place=CITY), GROUND, by=by, at=now()).pk}/"
    for login in ("officer", "security"):
        assert place not in _desk(login), "the county decides nothing for the city"
    assert f'href="{place}"' in _desk("insurer2")


def test_more_changes_than_the_desk_shows_are_counted_and_linked(officer: Client) -> None:
    for day in range(3, 10):
        assert _propose(officer, start=ahead(day).isoformat()).status_code == 303
    page = _desk("security")
    assert page.count("data-change=") == 5
    assert "2 more wait for a decision" in page
    assert "waiting for me <b>7</b>" in page


def test_of_a_chosen_file_only_the_hash_is_kept(officer: Client) -> None:
    content = "通知全文".encode() * 100_000
    answer = _propose(officer, document_sha256="", document_file=SimpleUploadedFile("doc.pdf", content))
    assert answer.status_code == 303
    row = PolicyChange.objects.using("load").get()
    assert row.document_sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"minutes": ""}, "This field is required"),
        ({"minutes": "ninety"}, "Enter a whole number"),
        ({"minutes": "-5"}, "greater than or equal to 0"),
        ({"minutes": "1" * 400}, "less than or equal to"),
        ({"minutes": "99999999"}, "less than or equal to"),
        ({"minutes": "200000"}, "at most 144000 minutes"),
        ({"counted": "moon"}, "Select a valid choice"),
        ({"place": CITY}, "Select a valid choice"),
        ({"place": "x"}, "Select a valid choice"),
        ({"authority": "law"}, "Select a valid choice"),
        ({"start": ""}, "This field is required"),
        ({"start": "soon"}, "Enter a valid date"),
        ({"start": "0999-01-01"}, "Check the year"),
        ({"start": "2222-01-01"}, "Check the year"),
        ({"start": "1999-12-31"}, "Check the year"),
        ({"start": "2001-02-03"}, "Choose a day after"),
        ({"end": "2001-02-03"}, "Choose a later one"),
        ({"document_number": ""}, "This field is required"),
        ({"document_number": "   "}, "This field is required"),
        ({"document_title": "a\x07b"}, "control characters"),
        ({"document_title": "长" * 201}, "at most 200 characters"),
        ({"reason": ""}, "This field is required"),
        ({"document_sha256": ""}, "Choose the file, or enter its SHA-256"),
        ({"document_sha256": "z" * 64}, "64 characters"),
        ({"document_sha256": "ab"}, "64 characters"),
        ({"document_file": SimpleUploadedFile("a.pdf", b"x")}, "another SHA-256"),
        ({"document_file": SimpleUploadedFile("a.pdf", b""), "document_sha256": ""}, "empty"),
    ],
    ids=str,
)
def test_bad_input_is_named_beside_its_field_and_nothing_is_written(officer: Client, fields: dict, says: str) -> None:
    answer = _propose(officer, **fields)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not PolicyChange.objects.using("load").exists()
    if "reason" not in fields:
        assert "a pilot" in answer.content.decode()  # what was typed is still there


def test_typed_hashes_and_full_width_dates_are_read_kindly(officer: Client) -> None:
    day = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in ahead(3).isoformat())
    assert _propose(officer, document_sha256=" ".join(["AB CD" * 16]), start=day).status_code == 303
    assert PolicyChange.objects.using("load").get().document_sha256 == "abcd" * 16


@pytest.mark.parametrize(
    ("key", "fields", "value"),
    [
        ("referral.first_contact", {"value": "off"}, False),
        ("tasks.due_soon_minutes", {"value": "45"}, 45),
        ("tasks.duty_hours", {"value": "08:30-12:00\r\n\r\n14:00－17:30".replace("－", "-")}, ["08:30-12:00", "14:00-17:30"]),
        (KEY, {"minutes": "600", "counted": "natural"}, {"minutes": 600, "counted": "natural"}),
    ],
)
def test_each_kind_of_value_has_its_own_input(officer: Client, key: str, fields: dict, value: object) -> None:
    assert _propose(officer, key, **fields).status_code == 303
    assert PolicyChange.objects.using("load").get().value == value


def test_a_value_that_breaks_the_mode_is_named_beside_the_field(officer: Client) -> None:
    answer = _propose(officer, TIGHT, value="45")
    assert answer.status_code == 422
    assert "may only be made stricter" in answer.content.decode()
    assert "is fixed by its clause" in officer.get("/policy/parameters/policy.settle_minutes/").content.decode()
    assert _propose(officer, "policy.settle_minutes", value="3").status_code == 409


def test_refusals_of_a_decision_are_shown_on_the_page_of_the_change(officer: Client) -> None:
    place = _propose(officer)["Location"]
    security = client_for(person("security"))
    own = officer.post(f"{place}decide/", form(_version=1, decision="approve"))
    assert own.status_code == 409
    assert "Another person who may decide" in own.content.decode()
    bare = security.post(f"{place}decide/", form(_version=1, decision="reject", note=" "))
    assert bare.status_code == 422
    assert "Say why it is rejected" in bare.content.decode()
    assert security.post(f"{place}decide/", form(_version=1, decision="perhaps")).status_code == 422
    assert security.post(f"{place}decide/", form(_version=9, decision="approve")).status_code == 409
    assert security.post(f"{place}withdraw/", form(_version=1)).status_code == 409
    assert officer.post(f"{place}withdraw/", form(_version=1)).status_code == 303
    late = security.post(f"{place}decide/", form(_version=2, decision="approve"))
    assert late.status_code == 409
    assert "no longer open" in late.content.decode()
    early = officer.post(f"{place}end/", _form(end=ahead(9).isoformat()))
    assert early.status_code == 409


def test_an_early_end_is_proposed_on_the_screen(officer: Client) -> None:
    target = approved()
    place = f"/policy/changes/{target.pk}/"
    assert "End it before its time" in officer.get(place).content.decode()
    wrong = officer.post(f"{place}end/", _form(end=ahead(-3).isoformat()))
    assert wrong.status_code == 422
    assert "Choose a day after" in wrong.content.decode()
    made = officer.post(f"{place}end/", _form(end=ahead(9).isoformat()))
    assert made.status_code == 303
    assert "Earlier end:" in officer.get(made["Location"]).content.decode()
    security = client_for(person("security"))
    assert security.post(f"{made['Location']}decide/", form(_version=1, decision="approve")).status_code == 303
    assert "ended early" in officer.get(place).content.decode()


def test_the_list_shows_another_day_another_place_and_part_of_it(officer: Client) -> None:
    body = officer.get("/policy/").content.decode()
    for words in ("Signing in", "Referrals", "SM-3-5c", "platform default", "Review within", "2 h in duty hours"):
        assert words in body
    some = officer.get("/policy/?q=SM-3-5c").content.decode()
    assert "Up-referrals of catalogue diseases are reviewed first" in some
    assert "Review within" not in some
    before = officer.get("/policy/?on=2022-02-28").content.decode()
    assert "SM-3-5c" not in before
    province = officer.get("/policy/?place=35").content.decode()
    assert "福建省" in province
    assert "SM-3-5c" not in province
    found = officer.get("/policy/?org=卫生院").content.decode()
    assert "/policy/?place=org:1" in found
    assert "No institution that your post administers" in officer.get("/policy/?org=zzz").content.decode()
    other = officer.get("/policy/parameters/referral.review_within/?place=org:105").content.decode()
    assert 'value="350405' in other


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/policy/?on=tomorrow", 422, "is no day"),
        ("/policy/?on=2026-02-30", 422, "is no day"),
        ("/policy/?on=2019-12-31", 200, "Choose a later one"),
        ("/policy/?on=9999-12-31", 200, "Referrals"),
        ("/policy/?q=nothing+like+it", 200, "Nothing fits"),
        ("/policy/?place=350499", 404, "There is no such record"),
        ("/policy/?place=org:99999999", 404, "There is no such record"),
        ("/policy/?place=org:1e3", 404, "There is no such record"),
        ("/policy/?place=%3Cscript%3E", 404, "There is no such record"),
        ("/policy/export.xlsx?on=x", 422, "is no day"),
        ("/policy/parameters/referral.colour/", 404, "There is no such record"),
        ("/policy/parameters/referral.review_within/?on=x", 422, "is no day"),
        ("/policy/parameters/referral.review_within/?on=2019-01-01", 404, "There is no such record"),
        ("/policy/changes/00000000-0000-7000-8000-000000000000/", 404, "There is no such record"),
    ],
)
def test_odd_addresses_get_a_clear_answer(officer: Client, path: str, status: int, says: str) -> None:
    answer = officer.get(path)
    assert answer.status_code == status
    assert says in answer.content.decode()


def test_the_list_goes_to_excel(officer: Client) -> None:
    answer = officer.get("/policy/export.xlsx?q=referral.")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        text = "".join(book.read(n).decode("utf-8", "replace") for n in book.namelist())
    for words in ("referral.review_catalogue", "SM-3-5c", "明医改组〔2022〕4号", "PF-referral-review off"):
        assert words in text
    assert "access.idle_minutes" not in text


def test_pages_speak_chinese_too(officer: Client) -> None:
    officer.cookies["fenji_language"] = "zh-hans"
    body = officer.get("/policy/").content.decode()
    assert "目录内病种上转须先审核" in body
    assert officer.get(f"/policy/parameters/{KEY}/").status_code == 200


def test_the_menu_has_policy_for_those_who_may_change_it(officer: Client) -> None:
    assert 'href="/policy/"' in officer.get("/").content.decode()
    assert 'href="/policy/"' not in client_for(person("doctor")).get("/").content.decode()


@pytest.fixture
def ambiguous(house_file: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the text of one parameter could be read in three ways."""
    shipped = loader.shipped()
    readings = Ambiguity("E2.15", (15, 60, 120), "city")
    rows = tuple(replace(p, ambiguity=readings) if p.key == "tasks.due_soon_minutes" else p for p in shipped.parameters)
    monkeypatch.setattr(loader, "shipped", lambda: replace(shipped, parameters=rows))
    queries.forget_changes()
    monkeypatch.setattr(queries._SHELF, "book", None)


def test_of_a_text_that_can_be_read_in_several_ways_one_reading_is_chosen(ambiguous: None, officer: Client) -> None:
    page = officer.get("/policy/parameters/tasks.due_soon_minutes/").content.decode()
    for words in ("can be read in several ways (E2.15)", "15 minutes · 60 minutes · 120 minutes", "the city decides"):
        assert words in page
    assert '<option value="1" selected>60 minutes</option>' in page
    assert "can be read in several ways" in officer.get("/policy/").content.decode()
    assert _propose(officer, "tasks.due_soon_minutes", value="7").status_code == 422
    assert _propose(officer, "tasks.due_soon_minutes", value="2").status_code == 303
    assert PolicyChange.objects.using("load").get().value == 120
    with pytest.raises(actions.DoesNotFit) as refusal:
        propose(new("tasks.due_soon_minutes", value=90))
    assert [f.code for f in refusal.value.findings] == ["not_a_choice"]


def test_resolving_asks_the_database_once_and_then_not_at_all(db: None) -> None:
    queries.forget_changes()
    with CaptureQueriesContext(connections["default"]) as asked:
        for _ in range(50):
            queries.resolve(ReferralPolicy, PATH, ahead(0))
            queries.sources(ReferralPolicy, PATH, ahead(0))
            queries.pack_hash()
    assert len(asked) == 1


def test_the_same_proposal_sent_twice_is_one_change(officer: Client) -> None:
    sent = _form(_key=fresh_key())
    first = officer.post(f"/policy/parameters/{KEY}/propose/", sent)
    second = officer.post(f"/policy/parameters/{KEY}/propose/", sent)
    assert first["Location"] == second["Location"]
    assert PolicyChange.objects.using("load").count() == 1


def test_everybody_who_is_cast_here_is_what_they_are_cast_as() -> None:
    assert person("officer").org_id == COMMISSION
    assert person("doctor").role == DOCTOR
