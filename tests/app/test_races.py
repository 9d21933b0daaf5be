"""Fifty people act on one case at once, on fifty real connections: one succeeds, the others are told so by name."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.db import connections, transaction

from fenji.care.referral import actions, rules
from fenji.care.referral.actions import step
from fenji.care.referral.models import Case, CaseEvent
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.tasks.models import WorkItem
from fenji.world.county import Person
from tests.app.wsgi import Answer, call
from tests.cast import a_case, finish, person, scope, token_for

CROWD = 50
ROUNDS = 30
LONG_ROUNDS = 200
_VERSION = re.compile(r'name="_version" value="(\d+)"')
_REFUSALS = ("Somebody else acted", "not waiting for you", "can&#x27;t be done with this referral any more")


@dataclass(frozen=True)
class Contest:
    """Who may act on a case in `state`, and with what."""

    name: str
    state: str
    entries: tuple[tuple[str, str, dict[str, str]], ...]
    outcomes: frozenset[str]
    emergency: bool = False


CONTESTS = (
    Contest(
        "review", rules.IN_REVIEW,
        (("reviewer", "approve", {}), ("reviewer2", "treat_locally", {"note": "treat here"}), ("head", "approve", {})),
        frozenset({rules.OFFERED, rules.LOCAL}),
    ),
    Contest(
        "accept or decline", rules.OFFERED,
        (("desk", "accept", {}), ("desk", "decline", {"note": "no bed"})),
        frozenset({rules.ACCEPTED, rules.DECLINED}),
    ),
    Contest(
        "accept or cancel", rules.OFFERED,
        (
            ("desk", "accept", {}),
            ("doctor", "withdraw", {"note": "patient is better"}),
            ("doctor2", "chose_elsewhere", {"note": "went home"}),
        ),
        frozenset({rules.ACCEPTED, rules.WITHDRAWN, rules.CHOSE_ELSEWHERE}),
    ),
    Contest(
        "arrive unaccepted or decline", rules.OFFERED,
        (("desk", "arrive", {}), ("desk", "decline", {"note": "no bed"}), ("doctor", "refuse", {"note": "no"})),
        frozenset({rules.ARRIVED, rules.DECLINED, rules.REFUSED_TRANSFER}), emergency=True,
    ),
)  # fmt: skip


def _close() -> None:
    connections.close_all()


@pytest.fixture(scope="module")
def crowd(house_file: object) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD) as pool:
        yield pool
        barrier = threading.Barrier(CROWD)

        def end() -> None:
            barrier.wait()
            _close()

        for ending in [pool.submit(end) for _ in range(CROWD)]:
            ending.result()


@pytest.fixture(scope="module")
def tokens(house_file: object) -> dict[str, str]:
    return {name: token_for(person(name)) for name in ("doctor", "doctor2", "reviewer", "reviewer2", "head", "desk")}


def _fresh_case(state: str, turn: int, *, emergency: bool = False) -> str:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor) as by:
        case = a_case(by, doctor, number=turn % 80, code="I10.x00", emergency=emergency)
    if state != case.state:
        with transaction.atomic(), scope(person("reviewer")) as by:
            case = actions.approve(case.number, version=case.version, by=by, at=now())
    return case.number


def _entrant(number: str, entry: tuple[str, str, dict[str, str]], token: str, barrier: threading.Barrier) -> Answer:
    _, action, fields = entry
    page = call("GET", f"/referrals/{number}/", token)
    version = _VERSION.search(page.body)
    barrier.wait(timeout=120)
    form = {"_key": fresh_key(), "_version": version.group(1) if version else "0", **fields}
    return call("POST", f"/referrals/{number}/do/{action}/", token, form)


def run_round(crowd: ThreadPoolExecutor, contest: Contest, tokens: dict[str, str], turn: int) -> None:
    number = _fresh_case(contest.state, turn, emergency=contest.emergency)
    before = _witness(number)
    barrier = threading.Barrier(CROWD)
    entries = [contest.entries[i % len(contest.entries)] for i in range(CROWD)]
    answers = list(crowd.map(lambda e: _entrant(number, e, tokens[e[0]], barrier), entries))
    after = _witness(number)
    kinds = Counter("success" if a.status == 303 else "refused" if a.status == 409 else f"other {a.status}" for a in answers)
    finish(number)
    assert kinds == {"success": 1, "refused": CROWD - 1}, kinds
    assert all(any(text in a.body for text in _REFUSALS) for a in answers if a.status == 409)
    assert after["state"] in contest.outcomes
    assert after["version"] == before["version"] + 1
    assert after["events"] == before["events"] + 1
    assert after["open steps"] == (0 if after["state"] in rules.ENDS else 1)


def _witness(number: str) -> dict[str, object]:
    case = Case.objects.using("load").get(number=number)
    return {
        "state": case.state,
        "version": case.version,
        "events": CaseEvent.objects.using("load").filter(case=case).count(),
        "open steps": WorkItem.objects.using("load").filter(subject=number, closed_at=None).count(),
    }


def _deadlocks() -> int:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def _rounds(crowd: ThreadPoolExecutor, contest: Contest, tokens: dict[str, str], count: int) -> None:
    before = _deadlocks()
    for turn in range(count):
        run_round(crowd, contest, tokens, turn)
    assert _deadlocks() == before


@pytest.mark.parametrize("contest", CONTESTS, ids=lambda c: c.name)
def test_one_of_fifty_succeeds(crowd: ThreadPoolExecutor, tokens: dict[str, str], contest: Contest) -> None:
    _rounds(crowd, contest, tokens, ROUNDS)


@pytest.mark.long
@pytest.mark.parametrize("contest", CONTESTS, ids=lambda c: c.name)
def test_one_of_fifty_succeeds_200_times(crowd: ThreadPoolExecutor, tokens: dict[str, str], contest: Contest) -> None:
    _rounds(crowd, contest, tokens, LONG_ROUNDS)


def _unguarded(case: Case, version: int, changes: dict[str, object]) -> None:
    Case.objects.filter(pk=case.pk).update(**changes, version=version + 1)
    case.version = version + 1
    for name, value in changes.items():
        setattr(case, name, value)


def test_without_the_guard_the_race_is_lost(
    crowd: ThreadPoolExecutor, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if this passed with the guard removed, the tests above would prove nothing."""
    monkeypatch.setattr(step, "swap", _unguarded)

    def lost() -> bool:
        for turn in range(20):
            try:
                run_round(crowd, CONTESTS[1], tokens, turn)
            except AssertionError:
                return True
        return False

    assert lost()


def _two_at_once(crowd: ThreadPoolExecutor, work: Callable[[int], Answer], count: int = CROWD) -> Counter[int]:
    barrier = threading.Barrier(count)

    def entrant(i: int) -> Answer:
        barrier.wait(timeout=120)
        return work(i)

    return Counter(a.status for a in crowd.map(entrant, range(count)))


def test_the_same_form_sent_fifty_times_acts_once(crowd: ThreadPoolExecutor, tokens: dict[str, str]) -> None:
    number = _fresh_case(rules.OFFERED, 81)
    version = _witness(number)["version"]
    form = {"_key": fresh_key(), "_version": version, "note": ""}
    statuses = _two_at_once(crowd, lambda i: call("POST", f"/referrals/{number}/do/accept/", tokens["desk"], form))
    # every copy is led to the one result, as if it had been the first
    assert statuses == {303: CROWD}
    assert _witness(number)["version"] == version + 1
    finish(number)


def test_one_resident_gets_one_open_referral_for_one_disease(crowd: ThreadPoolExecutor, house_file: object) -> None:
    doctors = [person("doctor"), person("doctor2")]
    barrier = threading.Barrier(CROWD)
    made: list[str] = []

    def write(who: Person) -> str:
        try:
            with transaction.atomic(), scope(who) as by:
                barrier.wait(timeout=120)
                number = a_case(by, who, number=82, code="I10.x00").number
            made.append(number)
            return "made"
        except actions.DuplicateOpen:
            return "refused"

    results = Counter(crowd.map(write, [doctors[i % 2] for i in range(CROWD)]))
    assert results == {"made": 1, "refused": CROWD - 1}
    (number,) = made
    finish(number)


def test_of_many_emergencies_one_takes_the_place_of_the_open_case(crowd: ThreadPoolExecutor, house_file: object) -> None:
    doctors, deadlocks = [person("doctor"), person("doctor2")], _deadlocks()
    with transaction.atomic(), scope(doctors[0]) as by:
        old = a_case(by, doctors[0], number=83, code="I10.x00")
    barrier = threading.Barrier(CROWD)
    made: list[str] = []

    def write(who: Person) -> str:
        try:
            with transaction.atomic(), scope(who) as by:
                barrier.wait(timeout=120)
                made.append(a_case(by, who, number=83, code="I10.x00", emergency=True).number)
            return "made"
        except actions.DuplicateOpen:
            return "refused"

    results = Counter(crowd.map(write, [doctors[i % 2] for i in range(CROWD)]))
    assert results == {"made": 1, "refused": CROWD - 1}
    (number,) = made
    after = Case.objects.using("load").get(number=old.number)
    assert (after.state, after.version) == (rules.SUPERSEDED, old.version + 1)
    assert Case.objects.using("load").get(number=number).supersedes_id == old.pk
    assert CaseEvent.objects.using("load").filter(case=old, action="supersede").count() == 1
    assert _deadlocks() == deadlocks
    finish(number)
