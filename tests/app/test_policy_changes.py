"""Changes of parameters: proposed by one person, decided by another, within reach, never for a day that has begun."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.test.utils import CaptureQueriesContext

from fenji.care.referral.queries import grounds
from fenji.care.referral.rules import ReferralPolicy
from fenji.config import checks
from fenji.ground.access.models import Account
from fenji.ground.access.rules import OFFICER, PERMISSIONS, AccessPolicy, house
from fenji.ground.common.clock import Span
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Post
from fenji.ground.network.queries import place_of
from fenji.ground.policy import actions, loader, queries
from fenji.ground.policy.models import PolicyChange
from fenji.world.county import COMMISSION, FIRST_TOWNSHIP, NAMESPACE, OPENED, Person
from tests.app.policy_walk import (
    CITY,
    COUNTY,
    GROUND,
    KEY,
    PATH,
    TIGHT,
    ahead,
    approved,
    bound,
    cleared,
    decide,
    new,
    propose,
    trail,
)
from tests.app.wsgi import call
from tests.cast import form, person, scope, token_for

__all__ = ["cleared"]

THREADS = 16


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


def test_resolving_asks_the_database_once_and_then_not_at_all(db: None) -> None:
    queries.forget_changes()
    with CaptureQueriesContext(connections["default"]) as asked:
        for _ in range(50):
            queries.resolve(ReferralPolicy, PATH, ahead(0))
            queries.sources(ReferralPolicy, PATH, ahead(0))
            queries.pack_hash()
    assert len(asked) == 1
