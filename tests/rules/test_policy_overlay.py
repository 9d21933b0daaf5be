"""Override modes, and dated changes over the packs, each against a plain reading of the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import product
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fenji.ground.common.clock import SHANGHAI, Span, local_day
from fenji.ground.policy import loader, queries, rules
from fenji.ground.policy.models import PolicyChange
from fenji.ground.policy.rules import AUTHORITIES, ChangePolicy, PackError, Parameter, clash_of

DAY0 = date(2024, 1, 1)
DAYS = 12
A, B = "350405101000/00000101", "350405101000/00000102"
PLACES = ("35", "3504", "3505", "350405", "350406", A, B)
PATHS = [rules.path_to(p) for p in PLACES]
LIMITS = ChangePolicy(settle_minutes=10, most_number=1000, most_natural_minutes=1000, most_duty_minutes=500)


def day(number: int) -> date:
    return DAY0 + timedelta(days=number)


def parameter(
    place: str = "35", authority: str = "platform", start: int = 0, end: int | None = None, value: rules.Value = 30, **more: object
) -> Parameter:
    last = None if end is None else day(end)
    inside = place if "/" in place else ""
    fields = {"unit": "min", "clause_id": "C", "override": "free", "basis": "text", "where": "f:1", "key": "room.field", **more}
    return Parameter(
        value=value, region=rules.region_of(place), authority=authority, start=day(start), end=last, place=inside, **fields
    )  # type: ignore[arg-type]


modes = st.sampled_from([("free", ""), ("tighten", "lower"), ("tighten", "higher"), ("never", "")])


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    start = draw(st.integers(0, DAYS - 1))
    end = draw(st.one_of(st.none(), st.integers(start + 1, DAYS)))
    override, tighter = draw(modes)
    return parameter(
        draw(st.sampled_from(PLACES)), draw(st.sampled_from(AUTHORITIES)), start, end, draw(st.integers(1, 3)),
        override=override, tighter=tighter,
    )  # fmt: skip


# --- override modes -----------------------------------------------------------------------------------------------------------


def _beats(a: Parameter, b: Parameter, path: tuple[str, ...]) -> bool:
    """The sentence of the policy, word by word: the most specific region, then authority, then the later start."""
    if path.index(a.region) != path.index(b.region):
        return path.index(a.region) > path.index(b.region)
    weight = {"order": 3, "reply": 2, "platform": 1}
    if a.authority != b.authority:
        return weight[a.authority] > weight[b.authority]
    return a.start > b.start


def _breaks(upper: Parameter, lower: Parameter) -> bool:
    if lower.override == "tighten":
        return upper.value > lower.value if lower.tighter == "lower" else upper.value < lower.value
    return lower.override == "never"


def _is_wrong(a: Parameter, b: Parameter) -> bool:
    """Look at every place and every day: do they tie, or does one overrule the other against its mode?"""
    for path, on in product(PATHS, (day(n) for n in range(DAYS + 1))):
        if a.in_force(path, on) and b.in_force(path, on):
            if not _beats(a, b, path) and not _beats(b, a, path):
                return True
            upper, lower = (a, b) if _beats(a, b, path) else (b, a)
            if _breaks(upper, lower):
                return True
    return False


@given(parameters(), parameters())
def test_two_parameters_clash_exactly_when_some_place_and_day_shows_it(a: Parameter, b: Parameter) -> None:
    assert (clash_of(a, b) is not None) == _is_wrong(a, b)
    assert (clash_of(b, a) is not None) == _is_wrong(a, b)


@given(st.lists(parameters(), max_size=6))
def test_packs_are_refused_exactly_when_two_of_their_parameters_clash(rows: list[Parameter]) -> None:
    wrong = any(_is_wrong(a, b) for i, a in enumerate(rows) for b in rows[i + 1 :])
    assert bool(rules.errors_among(rows)) == wrong


@pytest.mark.parametrize(
    ("lower", "upper", "kind"),
    [
        ({"override": "free"}, {"value": 90}, None),
        ({"override": "never"}, {"value": 30}, "never"),
        ({"override": "tighten", "tighter": "lower"}, {"value": 30}, None),
        ({"override": "tighten", "tighter": "lower"}, {"value": 29}, None),
        ({"override": "tighten", "tighter": "lower"}, {"value": 31}, "looser"),
        ({"override": "tighten", "tighter": "higher"}, {"value": 29}, "looser"),
        ({"override": "tighten", "tighter": "higher"}, {"value": 31}, None),
        ({"value": True, "override": "tighten", "tighter": "on"}, {"value": False}, "looser"),
        ({"value": True, "override": "tighten", "tighter": "on"}, {"value": True}, None),
        ({"value": False, "override": "tighten", "tighter": "on"}, {"value": True}, None),
        ({"value": False, "override": "tighten", "tighter": "off"}, {"value": True}, "looser"),
        ({"value": Span(60, "duty"), "override": "tighten", "tighter": "lower"}, {"value": Span(60, "duty")}, None),
        ({"value": Span(60, "duty"), "override": "tighten", "tighter": "lower"}, {"value": Span(61, "duty")}, "looser"),
        ({"value": Span(60, "duty"), "override": "tighten", "tighter": "lower"}, {"value": Span(5, "natural")}, "not_comparable"),
    ],
)
def test_what_a_city_may_overrule(lower: dict, upper: dict, kind: str | None) -> None:
    found = clash_of(parameter(**lower), parameter("3504", "order", **upper))
    assert (found.kind if found else None) == kind
    if found is not None:
        assert found.upper.region == "350400"
        assert "f:1" in str(rules.clash_error(found))


def test_what_ends_before_the_other_begins_does_not_clash() -> None:
    first = parameter(override="never", end=5)
    assert clash_of(first, parameter("3504", start=5)) is None
    assert clash_of(first, parameter("3504", start=4)) is not None


def test_one_key_has_one_unit_one_form_and_one_pair_of_bounds() -> None:
    first = parameter(least=10, most=60)
    for wrong, says in (({"unit": "h"}, "unit"), ({"value": True}, "a switch"), ({"value": 61}, "outside the bounds")):
        (error,) = rules.errors_among([first, parameter("3504", **wrong)])  # type: ignore[arg-type]
        assert says in str(error)
    assert rules.errors_among([first, parameter("3504", value=60)]) == []


# --- changes over packs -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """A change as the table holds it, drawn."""

    place: str
    authority: str
    start: int
    end: int | None
    value: int
    state: str


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    start = draw(st.integers(0, DAYS - 1))
    end = draw(st.one_of(st.none(), st.integers(start, DAYS)))
    state = "ended" if end == start else draw(st.sampled_from(rules.STATES))
    return Facts(draw(st.sampled_from(PLACES)), draw(st.sampled_from(AUTHORITIES)), start, end, draw(st.integers(1, 9)), state)


def row(number: int, f: Facts, clause: str = "C") -> PolicyChange:
    """An unsaved row of the table."""
    return PolicyChange(
        id=UUID(int=number + 1), key="room.field", place=f.place, value=f.value, unit="min", authority=f.authority,
        clause_id=clause, start=day(f.start), end=None if f.end is None else day(f.end), state=f.state,
        document_number=f"doc {number}",
    )  # fmt: skip


def packs(*rows: Parameter) -> loader.Packs:
    return loader.Packs(rows, {}, {}, "packs")


def _reference(pack_rows: list[Parameter], drawn: list[Facts], path: tuple[str, ...], on: date) -> set[object]:
    """Enumerate all candidates; keep what nothing beats; give their values and origins. More than one: a tie."""
    candidates = [(p.region, p.authority, p.start, p.end, (p.value, "")) for p in pack_rows]
    for number, f in enumerate(drawn):
        if f.state in ("approved", "ended"):
            last = None if f.end is None else day(f.end)
            origin = (f.value, str(UUID(int=number + 1)))
            candidates.append((rules.region_of(f.place), f.authority, day(f.start), last, origin))
    live = [c for c in candidates if c[0] in path and c[2] <= on and (c[3] is None or on < c[3])]
    weight = {"order": 3, "reply": 2, "platform": 1}

    def beaten(c: tuple) -> bool:
        return any((path.index(d[0]), weight[d[1]], d[2]) > (path.index(c[0]), weight[c[1]], c[2]) for d in live)

    return {c[4] for c in live if not beaten(c)} if len([c for c in live if not beaten(c)]) == 1 else set()


@given(st.lists(parameters(), max_size=4), st.lists(facts(), max_size=6), st.sampled_from(PATHS), st.integers(0, DAYS))
def test_what_binds_equals_the_enumeration_of_packs_and_approved_changes(
    rows: list[Parameter], drawn: list[Facts], path: tuple[str, ...], on: int
) -> None:
    rows = [parameter(), *rows]
    changes = [row(n, f) for n, f in enumerate(drawn) if f.state in ("approved", "ended")]
    assume(len(changes) < 5)
    numbered = [row(n, f) for n, f in enumerate(drawn)]
    book = queries.book_of(packs(*rows), [c for c in numbered if c.state in ("approved", "ended")])
    expected = _reference(rows, drawn, path, day(on))
    if not expected:
        with pytest.raises(PackError):
            queries.binding_in(book, "room.field", path, day(on))
    else:
        found = queries.binding_in(book, "room.field", path, day(on)).parameter
        assert {(found.value, found.change)} == expected


@given(st.lists(facts(), min_size=1, max_size=4))
def test_the_hash_changes_with_the_approved_changes_and_only_with_them(drawn: list[Facts]) -> None:
    base = packs(parameter())
    changes = [row(n, replace(f, state="approved")) for n, f in enumerate(drawn)]
    assert queries.book_of(base).hash == "packs"
    full = queries.book_of(base, changes).hash
    assert full == queries.book_of(base, changes).hash
    assert full != queries.book_of(base, changes[:-1]).hash
    changes[-1].value = changes[-1].value + 1
    assert full != queries.book_of(base, changes).hash


def test_a_change_takes_the_override_mode_of_the_clause_it_changes_and_keeps_its_own_name() -> None:
    base = parameter(override="tighten", tighter="lower", least=1, title_en="idle")
    book = queries.book_of(packs(base), [row(0, Facts("3504", "order", 1, None, 20, "approved"))])
    found = queries.binding_in(book, "room.field", ("35", "350400"), day(2)).parameter
    assert (found.override, found.tighter, found.clause_id, found.least, found.title_en) == ("tighten", "lower", "C", 1, "idle")
    assert (found.change, found.document, found.basis) == (str(UUID(int=1)), "doc 0", "attested")


def test_a_change_whose_key_a_release_has_lost_is_named_and_binds_nothing() -> None:
    lost = row(0, Facts("3504", "order", 1, None, 20, "approved"))
    lost.key = "room.gone"
    book = queries.book_of(packs(parameter()), [lost])
    assert book.orphans == (lost,)
    assert "room.gone" in str(queries.change_errors(book)[0])


def test_a_change_that_a_release_no_longer_allows_is_named() -> None:
    strict = parameter(key="access.idle_minutes", override="tighten", tighter="lower")
    loose = row(0, Facts("3504", "order", 1, None, 45, "approved"))
    loose.key = "access.idle_minutes"
    (error,) = queries.change_errors(queries.book_of(packs(strict), [loose]))
    assert "may only be made stricter" in str(error)
    loose.value = "45"
    book = queries.book_of(packs(parameter(key="access.idle_minutes")), [loose])
    assert [p.value for p in book.by_key["access.idle_minutes"]] == [30]
    (error,) = queries.change_errors(book)
    assert "another form" in str(error)


# --- what a change must hold --------------------------------------------------------------------------------------------------


def _judged(base: Parameter, *others: Parameter, settled: int = 3, **change: object) -> list[str]:
    wanted = {"value": 20, "prefix": "3504", "authority": "order", "start": day(5), "end": None, "change": "new", **change}
    found = rules.overlay(base, **wanted)  # type: ignore[arg-type]
    return [f.code for f in rules.judge_change(found, base, [base, *others], day(settled), LIMITS)]


_CHOICE = rules.Ambiguity("E2.15", (1, 2, 3, 7), "city")


@pytest.mark.parametrize(
    ("base", "change", "codes"),
    [
        ({}, {}, []),
        ({}, {"value": True}, ["wrong_form"]),
        ({}, {"value": Span(3, "duty")}, ["wrong_form"]),
        ({}, {"value": -1}, ["out_of_bounds"]),
        ({}, {"value": 1001}, ["out_of_bounds"]),
        ({"least": 25}, {}, ["out_of_bounds"]),
        ({"most": 19}, {}, ["out_of_bounds"]),
        ({"most": 5000}, {"value": 4000}, []),
        ({"ambiguity": _CHOICE, "value": 2}, {"value": 4}, ["not_a_choice"]),
        ({"ambiguity": _CHOICE, "value": 2}, {"value": 7}, []),
        ({"value": Span(5, "duty")}, {"value": Span(501, "duty")}, ["too_long"]),
        ({"value": Span(5, "duty")}, {"value": Span(501, "natural")}, []),
        ({"value": Span(5, "duty")}, {"value": Span(1001, "natural")}, ["too_long"]),
        ({}, {"start": day(3)}, ["too_early"]),
        ({}, {"start": day(4)}, []),
        ({}, {"end": day(5)}, ["end_first"]),
        ({}, {"start": day(2), "end": day(1), "value": "x"}, ["wrong_form", "too_early", "end_first"]),
        ({"override": "never"}, {}, ["never"]),
        ({"override": "tighten", "tighter": "lower"}, {"value": 31}, ["looser"]),
        ({"override": "tighten", "tighter": "lower"}, {"value": 30}, []),
        ({"value": Span(60, "duty"), "override": "tighten", "tighter": "lower"}, {"value": Span(9, "natural")}, ["not_comparable"]),
    ],
)
def test_what_stands_against_a_change(base: dict, change: dict, codes: list[str]) -> None:
    assert _judged(parameter(**base), **change) == codes


def test_a_change_must_not_tie_and_must_not_be_overruled_by_what_is_looser() -> None:
    base = parameter(override="tighten", tighter="lower")
    inherit = {"override": "tighten", "tighter": "lower"}
    assert _judged(base, parameter("3504", "order", 5, value=25, **inherit)) == ["tie"]
    assert _judged(base, parameter("350405", "order", 1, value=25, **inherit)) == ["looser_above"]
    assert _judged(base, parameter("350405", "order", 1, 5, value=25, **inherit)) == []
    assert _judged(base, parameter("350405", "order", 1, value=20, **inherit)) == []
    assert _judged(base, parameter("3505", "order", 1, value=25, **inherit)) == []


def test_a_change_that_would_never_bind_is_refused() -> None:
    stronger = parameter("3504", "order", 1, clause_id="SM-1")
    assert _judged(parameter(), stronger, authority="reply") == ["no_effect"]
    assert _judged(parameter(), stronger, authority="order") == []


@given(st.lists(parameters(), max_size=4), facts(), modes)
def test_an_accepted_change_leaves_no_clash_and_a_clash_is_never_accepted(rows: list[Parameter], f: Facts, mode: tuple) -> None:
    base = parameter(override=mode[0], tighter=mode[1], value=2)
    known = [base, *rows]
    assume(not rules.errors_among(known) and f.end != f.start)
    last = None if f.end is None else day(f.end)
    change = rules.overlay(base, value=f.value, prefix=f.place, authority=f.authority, start=day(f.start), end=last, change="new")
    findings = rules.judge_change(change, base, known, day(-1), LIMITS)
    clashes = bool(rules.errors_among([*known, change]))
    assert clashes == any(x.code != "no_effect" for x in findings)


@pytest.mark.parametrize(
    ("start", "end", "wanted", "settled", "codes"),
    [
        (5, None, 8, 6, []),
        (5, None, 6, 6, ["too_early"]),
        (5, 9, 9, 6, ["not_inside"]),
        (5, 9, 8, 6, []),
        (9, None, 9, 6, []),
        (9, None, 8, 6, ["not_inside"]),
    ],
)
def test_ending_a_change(start: int, end: int | None, wanted: int, settled: int, codes: list[str]) -> None:
    found = rules.judge_end(day(start), None if end is None else day(end), day(wanted), day(settled))
    assert [f.code for f in found] == codes


# --- the book of a process ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[queries._Shelf]:
    own = queries._Shelf()
    monkeypatch.setattr(queries, "_SHELF", own)
    return own


def _instant(minutes: float) -> datetime:
    return datetime(2024, 1, 1, tzinfo=SHANGHAI) + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Approval:
    """An approval given at a minute, committed some minutes later (at most the settling time), for a value that it brings."""

    given: int
    committed: int
    after: int
    value: int

    @property
    def start(self) -> int:
        settled = local_day(_instant(self.given + LIMITS.settle_minutes))
        return (settled - DAY0).days + 1 + self.after


_approvals = st.builds(
    lambda given, delay, after, value: Approval(given, given + delay, after, value),
    st.integers(0, 3 * 1440), st.integers(0, LIMITS.settle_minutes), st.integers(0, 2), st.integers(1, 99),
)  # fmt: skip


@given(st.lists(_approvals, max_size=4), st.lists(st.integers(0, 5 * 1440), min_size=1, max_size=12))
def test_no_process_decides_by_a_value_that_was_already_replaced(approvals: list[Approval], questions: list[int]) -> None:
    """Whenever a process asks, it gets what a process that reads every time would get: for that day, and for days past."""
    assume(len({a.start for a in approvals}) == len(approvals))
    own, now = queries._Shelf(), [0.0]

    def committed() -> list[PolicyChange]:
        made = [a for a in approvals if _instant(a.committed).timestamp() <= now[0]]
        return [row(n, Facts("3504", "order", a.start, None, a.value, "approved")) for n, a in enumerate(made)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "_SHELF", own)
        patch.setattr(queries, "_clock", lambda: now[0])
        patch.setattr(queries, "_read_changes", committed)
        patch.setattr(loader, "shipped", lambda: packs(parameter()))
        for minute in sorted(questions):
            now[0] = _instant(minute).timestamp()
            today = local_day(_instant(minute))
            truth = queries.book_of(packs(parameter()), committed())
            for on in (today, today - timedelta(days=1)):
                asked = (on, ("35", "350400"))
                if on >= DAY0:
                    mine = queries.binding_in(queries.book(), "room.field", asked[1], asked[0]).parameter.value
                    assert mine == queries.binding_in(truth, "room.field", asked[1], asked[0]).parameter.value


def test_the_book_is_read_once_a_minute_and_when_the_day_turns(shelf: queries._Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[float] = []
    now = [_instant(600).timestamp()]
    monkeypatch.setattr(queries, "_clock", lambda: now[0])
    monkeypatch.setattr(queries, "_read_changes", lambda: reads.append(now[0]) or [])
    steps = [(0, 1), (59, 1), (60, 2), (61, 2), (120, 3)]
    for seconds, count in steps:
        now[0] = _instant(600).timestamp() + seconds
        queries.book()
        assert len(reads) == count, seconds
    now[0] = _instant(1440).timestamp() - 1
    queries.book()
    now[0] += 1  # one second later it is another day
    queries.book()
    assert len(reads) == 5
    now[0] -= 3600  # a clock that was set back
    queries.book()
    assert len(reads) == 6


def test_an_equal_book_stays_with_all_that_was_worked_out_from_it(shelf: queries._Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    now, changes = [_instant(600).timestamp()], []
    monkeypatch.setattr(queries, "_clock", lambda: now[0])
    monkeypatch.setattr(queries, "_read_changes", lambda: list(changes))
    first = queries.book()
    now[0] += 100
    assert queries.book() is first
    queries.forget_changes()
    assert queries.book() is first
    changes.append(row(0, Facts("3504", "order", 1, None, 5, "approved")))
    queries.forget_changes()
    assert queries.book() is not first


def test_a_database_that_does_not_answer_is_an_error_and_never_the_packs_alone(
    shelf: queries._Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> list[PolicyChange]:
        raise ConnectionError

    monkeypatch.setattr(queries, "_read_changes", broken)
    with pytest.raises(ConnectionError):
        queries.pack_hash()


def _fold(periods: tuple[str, ...]) -> str:
    return reduce(lambda a, b: f"{a},{b}", periods, "")


@pytest.mark.parametrize(
    "periods",
    [
        (), ("08:00",), ("8:00-12:00",), ("12:00-08:00",), ("08:00-12:00", "11:00-13:00"), ("25:00-26:00",), ("08:00-08:30",),
        ("08:00+01-12:00+01",), ("08:00-12:00-13:00",),
    ],
    ids=_fold,
)  # fmt: skip
def test_duty_hours_that_make_no_calendar_are_refused(periods: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"period|hour"):
        queries.TasksPolicy(periods, 60)


def test_the_longest_duty_span_that_a_change_may_set_is_reached_in_the_shortest_duty_hours() -> None:
    from fenji.ground.common.clock import DutyCalendar, deadline

    most = next(p.value for p in loader.shipped().parameters if p.key == "policy.most_duty_minutes")
    assert isinstance(most, int)
    hours = queries.TasksPolicy(("08:00-09:00",), 0).duty_hours
    calendar = DutyCalendar(tuple(queries._period(h) for h in hours), {})
    assert deadline(_instant(0), Span(most, "duty"), calendar) > _instant(0)
