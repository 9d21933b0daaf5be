"""Packs: what is refused, and which parameter binds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.ground.policy import loader
from fenji.ground.policy.rules import AUTHORITIES, PackError, Parameter, bind

PATH = ("35", "350400", "350405", "org:104")
GOOD = (loader.PACKS / "sm" / "pack.toml").read_text(encoding="utf-8")


def _pack(tmp_path: Path, text: str) -> Path:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "pack.toml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('authority = "order"', 'authority = "law"', "'law' is not one of platform, reply, order"),
        ("effective = 2022-03-01", 'effective = "2022-03-01"', "effective must be a date"),
        ('kind = "rule"', 'kind = "rule"\ncolour = "red"', "unknown key 'colour'"),
        ('section = "三(四)"\nkind', "kind", "'section' is missing"),
        ('basis = "text"', 'basis = "rumour"', "'rumour' is not one of text, platform, attested"),
        ('id = "SM-3-4b"', 'id = "SM-3-4a"', "stands in two places"),
        ("[document]", "[document", "mend the TOML"),
        ("unit =", "units =", "unknown key 'units'"),
    ],
)
def test_a_faulty_pack_is_refused_with_file_and_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    folder = _pack(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(PackError, match=r"pack\.toml") as problem:
        loader.load(folder)
    assert says in str(problem.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"no \*/pack.toml"):
        loader.load(tmp_path)


def test_the_hash_follows_every_byte(tmp_path: Path) -> None:
    first = loader.load(_pack(tmp_path, GOOD)).hash
    (tmp_path / "x" / "pack.toml").write_text(GOOD + "\n", encoding="utf-8")
    assert loader.load(tmp_path).hash != first


def _parameter(region: str, authority: str, start: int, end: int | None = None, clause: str = "c") -> Parameter:
    first = date.fromordinal(738000 + start)
    return Parameter("k", 1, "", clause, region, authority, first, date.fromordinal(738000 + end) if end else None, "free", "text")


def test_region_goes_before_authority_before_start() -> None:
    on = date.fromordinal(738100)
    rows = [
        _parameter("35", "platform", 0),
        _parameter("35", "order", 0),
        _parameter("350400", "platform", 0),
        _parameter("350400", "platform", 5),
    ]
    assert bind(rows, "k", PATH, on).parameter is rows[3]
    assert bind(rows[:3], "k", PATH, on).parameter is rows[2]
    assert bind(rows[:2], "k", PATH, on).parameter is rows[1]


def test_equal_rank_is_an_error_and_so_is_nothing() -> None:
    on = date.fromordinal(738100)
    with pytest.raises(PackError, match="bind equally"):
        bind([_parameter("35", "order", 0, clause="a"), _parameter("35", "order", 0, clause="b")], "k", PATH, on)
    with pytest.raises(PackError, match="no value in force"):
        bind([], "k", PATH, on)


_rows = st.lists(
    st.tuples(
        st.sampled_from([*PATH, "350500"]),
        st.sampled_from(AUTHORITIES),
        st.integers(0, 200),
        st.one_of(st.none(), st.integers(1, 200)),
    ),
    max_size=12,
)


@given(_rows, st.integers(0, 220))
def test_binding_equals_a_slow_reading_of_the_rule(rows: list, day: int) -> None:
    parameters = [_parameter(r, a, s, s + e if e else None, f"c{i}") for i, (r, a, s, e) in enumerate(rows)]
    on = date.fromordinal(738000 + day)
    live = [p for p in parameters if p.region in PATH and p.start <= on and (p.end is None or p.end > on)]
    for narrow in (
        lambda ps: [p for p in ps if PATH.index(p.region) == max(PATH.index(q.region) for q in ps)],
        lambda ps: [p for p in ps if AUTHORITIES.index(p.authority) == max(AUTHORITIES.index(q.authority) for q in ps)],
        lambda ps: [p for p in ps if p.start == max(q.start for q in ps)],
    ):
        live = narrow(live) if live else live
    if len(live) == 1:
        assert bind(parameters, "k", PATH, on).parameter == live[0]
    else:
        with pytest.raises(PackError):
            bind(parameters, "k", PATH, on)
