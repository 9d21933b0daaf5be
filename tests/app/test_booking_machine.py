"""Booking as a state machine: random people hold, extend, confirm, cancel and wait while time passes, against a plain reference.

Never over-booked; the quota kept; every hold ends; nobody who was booked is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from fenji.care.booking import actions, rules
from fenji.care.booking.models import Booking, ClinicSession, Slot, WaitEntry
from fenji.ground.access.models import AuditEvent
from fenji.ground.access.rules import Actor
from fenji.ground.common.edge import now
from fenji.ground.common.refusal import Refused
from tests.app.test_booking_races import unguarded
from tests.booking import a_session, a_subject, given, slots
from tests.cast import other_doctor, person, scope, token_for

START = now().replace(minute=0, second=0, microsecond=0) + timedelta(days=60)
PRIORITIES = st.sampled_from(rules.PRIORITIES)
MINUTES = st.sampled_from([1, 10, 20, 121, 1440, 2880])
ITEM = "MACHINE"


class Plain:
    """What must be, in plain words: slot → who has it, hold → until when."""

    def __init__(self) -> None:
        self.reserved: dict[UUID, bool] = {}
        self.taken: dict[UUID, str] = {}
        self.held: dict[str, datetime] = {}
        self.confirmed: set[str] = set()
        self.lost: set[str] = set()
        self.waiting: set[str] = set()
        self.origin: dict[str, str] = {}

    def drop(self, subject: str) -> None:
        """A subject has nothing any more."""
        self.taken = {slot: s for slot, s in self.taken.items() if s != subject}
        self.held.pop(subject, None)
        self.confirmed.discard(subject)
        self.lost.discard(subject)


class BookingMachine(RuleBasedStateMachine):
    @initialize(places=st.integers(2, 5), share=st.integers(0, 2))
    def begin(self, places: int, share: int) -> None:
        self.at, self.plain, self.kept = START, Plain(), {}
        with transaction.atomic(), scope(person("desk"), TOKENS["desk"]) as by:
            made = [
                a_session(by, START, days=d, places=places, reserved=share, kind=rules.EXAMINATION, item=ITEM, name="CT")
                for d in (3, 4)
            ]
            self.sessions = {s.id: s for s in made}
            self.open = set(self.sessions)
            self.of = {slot.id: s.id for s in made for slot in slots(s)}
            self.plain.reserved = {slot.id: slot.reserved for s in made for slot in slots(s)}
            self.starts = {slot.id: slot.start_at for s in made for slot in slots(s)}

    def acting(self, login: str) -> AbstractContextManager[Actor]:
        return scope(other_doctor() if login == "outsider" else person(login), TOKENS[login])

    def sweep(self) -> None:
        """What the house does every minute."""
        over = {s for s, until in self.plain.held.items() if until <= self.at}
        assert actions.end_holds(at=self.at) == len(over)
        for subject in over:
            self.plain.drop(subject)
        actions.propose(at=self.at)
        rows = Slot.objects.using("owner").filter(pk__in=self.of, kept_until__gt=self.at, taken=False)
        self.kept = {r.pk: (r.kept_for, r.kept_rank) for r in rows}
        assert len({k for k, _ in self.kept.values()}) == len(self.kept), "nobody has two slots kept"

    @rule(minutes=MINUTES)
    def time_passes(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)
        self.sweep()

    def may(self, slot: UUID, priority: str, mine: bool) -> bool:
        session = self.sessions[self.of[slot]]
        if self.of[slot] not in self.open or slot in self.plain.taken or self.starts[slot] <= self.at:
            return False
        if self.plain.reserved[slot] and priority == "public" and self.at < session.release_at:
            return False
        kept = self.kept.get(slot)
        return kept is None or mine or rules.PRIORITIES.index(priority) < kept[1]

    def tried(self, wanted: bool, login: str, work: Callable[[Actor], Booking]) -> Booking | None:
        """Do it; it must succeed exactly when the reference says so."""
        code, made = "", None
        try:
            with transaction.atomic(), self.acting(login) as by:
                made = work(by)
        except Refused as refusal:
            code = refusal.code
        assert (code == "") == wanted, code
        return made

    @rule(n=st.integers(0, 99), priority=PRIORITIES, login=st.sampled_from(["doctor", "outsider"]))
    def hold(self, n: int, priority: str, login: str) -> None:
        self._hold(a_subject(), sorted(self.of)[n % len(self.of)], priority, login)

    def _hold(self, subject: str, slot: UUID, priority: str, login: str) -> None:
        entry = WaitEntry.objects.using("owner").filter(subject=subject, state="waiting").first()
        mine = entry is not None and self.kept.get(slot, (None, 0))[0] == entry.id
        wanted = self.may(slot, priority, mine)
        made = self.tried(wanted, login, lambda by: actions.hold(slot, **given(subject, by, self.at, priority)))
        if made is None:
            return
        self.plain.drop(subject)
        self.plain.waiting.discard(subject)
        self.plain.taken[slot] = subject
        self.plain.held[subject] = made.held_until
        self.plain.origin[subject] = login

    def pick(self, among: Iterable[str], n: int) -> str:
        return sorted(among)[n % len(among)]

    @precondition(lambda self: self.plain.held or self.plain.confirmed or self.plain.lost)
    @rule(n=st.integers(0, 99), to=st.integers(0, 99), priority=PRIORITIES)
    def change_slot(self, n: int, to: int, priority: str) -> None:
        subject = self.pick({*self.plain.held, *self.plain.confirmed, *self.plain.lost}, n)
        self._hold(subject, sorted(self.of)[to % len(self.of)], priority, self.plain.origin[subject])

    @precondition(lambda self: self.plain.held)
    @rule(n=st.integers(0, 99))
    def extend(self, n: int) -> None:
        subject = self.pick(self.plain.held, n)
        with transaction.atomic(), self.acting(self.plain.origin[subject]) as by:
            (row,) = actions.extend(subject, by=by, at=self.at)
        assert self.at < row.held_until <= row.start_at
        self.plain.held[subject] = row.held_until

    @precondition(lambda self: self.plain.held)
    @rule(n=st.integers(0, 99))
    def confirm(self, n: int) -> None:
        subject = self.pick(self.plain.held, n)
        with transaction.atomic(), self.acting("desk") as by:
            actions.confirm(subject, by=by, at=self.at)
        del self.plain.held[subject]
        self.plain.confirmed.add(subject)

    @precondition(lambda self: self.plain.held or self.plain.confirmed or self.plain.lost or self.plain.waiting)
    @rule(n=st.integers(0, 99))
    def release(self, n: int) -> None:
        plain = self.plain
        subject = self.pick({*plain.held, *plain.confirmed, *plain.lost, *plain.waiting}, n)
        with transaction.atomic(), self.acting(plain.origin[subject]) as by:
            assert actions.release(subject, "cancelled", by=by, at=self.at) >= 1
        plain.drop(subject)
        plain.waiting.discard(subject)

    @rule(priority=PRIORITIES, login=st.sampled_from(["doctor", "outsider"]))
    def wait(self, priority: str, login: str) -> None:
        subject = a_subject()
        with transaction.atomic(), self.acting(login) as by:
            actions.wait(
                person("desk").org_id, kind=rules.EXAMINATION, item=ITEM, **given(subject, by, self.at, priority),
            )  # fmt: skip
        self.plain.waiting.add(subject)
        self.plain.origin[subject] = login

    @precondition(lambda self: self.plain.waiting)
    @rule(n=st.integers(0, 99), to=st.integers(0, 99))
    def the_desk_gives_a_slot(self, n: int, to: int) -> None:
        subject, slot = self.pick(self.plain.waiting, n), sorted(self.of)[to % len(self.of)]
        entry = WaitEntry.objects.using("owner").get(subject=subject, state="waiting")
        wanted = self.may(slot, entry.priority, True)
        work = partial(actions.place, entry.id, slot, version=entry.version, at=self.at)
        if self.tried(wanted, "desk", lambda by: work(by=by)) is None:
            return
        self.plain.waiting.discard(subject)
        self.plain.taken[slot] = subject
        self.plain.confirmed.add(subject)

    @precondition(lambda self: self.open)
    @rule(n=st.integers(0, 1))
    def cancel(self, n: int) -> None:
        session = sorted(self.open)[n % len(self.open)]
        lost = {s for slot, s in self.plain.taken.items() if self.of[slot] == session}
        with transaction.atomic(), self.acting("desk") as by:
            row = ClinicSession.objects.get(pk=session)
            assert actions.cancel(session, "x", version=row.version, by=by, at=self.at) == len(lost)
        self.open.discard(session)
        for subject in lost:
            self.plain.drop(subject)
            self.plain.lost.add(subject)

    @precondition(lambda self: self.plain.lost)
    @rule(n=st.integers(0, 99), to=st.integers(0, 99))
    def move(self, n: int, to: int) -> None:
        subject, slot = self.pick(self.plain.lost, n), sorted(self.of)[to % len(self.of)]
        row = Booking.objects.using("owner").get(subject=subject, state="to_move")
        wanted = self.may(slot, row.priority, True)
        work = partial(actions.move, row.id, slot, version=row.version, at=self.at)
        if self.tried(wanted, "desk", lambda by: work(by=by)) is None:
            return
        self.plain.drop(subject)
        self.plain.taken[slot] = subject
        self.plain.confirmed.add(subject)

    @invariant()
    def the_rows_say_what_the_reference_says(self) -> None:
        if not hasattr(self, "of"):
            return
        rows = list(Booking.objects.using("owner").filter(slot__in=self.of, state__in=(*rules.TAKING, rules.TO_MOVE)))
        taking = [r for r in rows if r.state != rules.TO_MOVE]
        assert len({r.slot_id for r in taking}) == len(taking), "over-booked"
        assert {r.slot_id: r.subject for r in taking} == self.plain.taken
        assert {r.subject: r.held_until for r in rows if r.state == "held"} == self.plain.held
        assert {r.subject for r in rows if r.state == "confirmed"} == self.plain.confirmed
        assert {r.subject for r in rows if r.state == "to_move"} == self.plain.lost
        assert set(Slot.objects.using("owner").filter(pk__in=self.of, taken=True).values_list("pk", flat=True)) == set(
            self.plain.taken
        )
        for row in taking:
            quota = self.plain.reserved[row.slot_id] and row.priority == "public"
            assert not quota or row.made_at >= self.sessions[self.of[row.slot_id]].release_at, "the quota was broken"

    def teardown(self) -> None:
        """Every hold ends: when all time is over, nothing is held any more."""
        if not hasattr(self, "of"):
            return
        self.at = max(self.starts.values())
        self.sweep()
        assert not self.plain.held
        for login in ("doctor", "outsider"):
            for subject in [s for s, who in self.plain.origin.items() if who == login]:
                with transaction.atomic(), self.acting(login) as by:
                    actions.release(subject, "end", by=by, at=self.at)
        ClinicSession.objects.using("owner").filter(pk__in=self.sessions).update(state="cancelled")


TOKENS: dict[str, str] = {}


@pytest.fixture
def tokens(house_file: object) -> None:
    TOKENS.update({name: token_for(person(name)) for name in ("doctor", "desk")}, outsider=token_for(other_doctor()))
    # the machine's own clock runs ahead: nothing of other tests may end in it
    Booking.objects.using("owner").filter(state__in=rules.UNSETTLED).update(state="released", held_until=None, ended_at=now())
    WaitEntry.objects.using("owner").filter(state="waiting").update(state="left", ended_at=now())


def machine(examples: int, steps: int) -> None:
    # no shrinking: an example costs a second, and the steps are printed anyway
    run_state_machine_as_test(
        BookingMachine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck), database=None,
            phases=[Phase.generate],
        ),
    )  # fmt: skip


def test_whatever_people_do_no_slot_is_given_twice_the_quota_holds_and_every_hold_ends(tokens: None) -> None:
    machine(12, 25)
    assert AuditEvent.objects.using("owner").filter(action="booking.held").exists()


@pytest.mark.long
def test_the_same_for_long(tokens: None) -> None:
    machine(300, 60)


def test_the_machine_sees_a_slot_given_twice(tokens: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without the database's guard and the rule's look."""
    monkeypatch.setattr(rules, "may_take", lambda *a, **k: None)
    connections["owner"].close()
    with unguarded(), pytest.raises(AssertionError):
        machine(12, 25)
    WaitEntry.objects.using("owner").filter(state="waiting").update(state="left", ended_at=now())
