"""The matcher of residents against planted pairs and against a slow, plain reading of the same rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from fenji.care.registry.rules import BadDocument, Record, match, parse_document, same_old_number, slip, sounds_like
from fenji.ground.common.identity import identity_check
from fenji.ground.common.pinyin import name_readings
from fenji.world.duplicates import planted

TODAY = date(2026, 11, 22)
PEOPLE, PAIRS = 6000, 300


# --- figures -----------------------------------------------------------------------------------------------------------------


def blocked(records: list[Record]) -> set[tuple[int, int]]:
    """Candidates by name and by birth date, as the database finds them."""
    found: set[tuple[int, int]] = set()
    for key in (lambda r: r.name, lambda r: r.birth_date):
        blocks: dict[object, list[int]] = {}
        for i, record in enumerate(records):
            blocks.setdefault(key(record), []).append(i)
        found |= {pair for block in blocks.values() for pair in combinations(block, 2)}
    return found


def test_planted_pairs_are_found_and_nearly_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    """6,000 invented residents, 300 planted pairs of all kinds, and as many hard negatives: twins, fathers and sons of one name,
    siblings at one address."""
    county = planted(PEOPLE, PAIRS, seed=11)
    records = county.records
    truth = set(county.pairs)
    candidates = blocked(records)
    proposed = {pair for pair in candidates if match(records[pair[0]], records[pair[1]])}
    missed, false = truth - proposed, proposed - truth
    recall, wrong = 1 - len(missed) / len(truth), len(false) / len(proposed)
    kinds = Counter(county.pairs.values())
    with capsys.disabled():
        print(
            f"\nduplicates: {len(records)} records, {len(truth)} planted pairs {dict(kinds)},"
            f" {len(county.negatives)} hard negatives;"
            f" recall {recall:.1%}, false {wrong:.2%} of {len(proposed)} proposals,"
            f" {len(candidates)} candidates of {len(records) * (len(records) - 1) // 2} pairs"
        )
    assert len(records) >= PEOPLE
    assert len(truth) == PAIRS
    assert len(kinds) == 6
    assert min(kinds.values()) >= PAIRS // 10
    assert len(county.negatives) >= PAIRS
    assert recall >= 0.95, Counter(county.pairs[p] for p in missed)
    assert wrong <= 0.01
    assert len(candidates) < len(records) * 30


def test_the_blocks_lose_no_pair_that_all_with_all_would_find() -> None:
    county = planted(700, 120, seed=5)
    records = county.records
    everything = {(i, j) for i, j in combinations(range(len(records)), 2) if match(records[i], records[j])}
    assert everything <= blocked(records)
    assert len(everything) >= 100


# --- a slow, plain reading of the same rules ----------------------------------------------------------------------------------


def _valid(stem: str) -> str:
    return stem + identity_check(stem)


def plain_slip(one: str, other: str) -> str:
    """By making all slips of one number and looking whether the other is among them."""
    stem = one[:17]
    slips = {_valid(stem[:i] + d + stem[i + 1 :]) for i in range(17) for d in "0123456789" if d != stem[i]}
    swaps = {_valid(stem[:i] + stem[i + 1] + stem[i] + stem[i + 2 :]) for i in range(16) if stem[i] != stem[i + 1]}
    return "slip" if other in slips else "swap" if other in swaps else ""


def plain_match(one: Record, other: Record) -> str:
    kinds = sorted([one.kind, other.kind])
    both = bool(one.number and other.number)
    old = both and kinds == ["identity", "old_card"]
    if old:
        short, long = sorted([one.number, other.number], key=len)
        if long[:6] + long[8:17] == short and long[6:8] == "19":
            return "old_new"
    cards = both and kinds == ["identity", "identity"]
    why = plain_slip(one.number, other.number) if cards else ""
    if why and one.name == other.name:
        return why
    if (one.birth_date, one.sex) != (other.birth_date, other.sex):
        return ""
    if one.name == other.name and one.phone and one.phone == other.phone:
        return "phone"
    contradict = old or (both and one.kind == other.kind)
    if contradict or not one.address or one.address != other.address:
        return ""
    if one.name == other.name:
        return "address"
    return "sound" if sounds_like(one.pinyin) == sounds_like(other.pinyin) else ""


_STEMS = st.tuples(
    st.sampled_from(["350427", "350405", "350472"]),
    st.dates(date(1930, 1, 1), date(1999, 12, 31)).map(lambda d: f"{d:%Y%m%d}"),
    st.integers(0, 999).map(lambda n: f"{n:03d}"),
).map("".join)


@st.composite
def records(draw: Callable[..., object], base: str | None = None) -> Record:
    stem = base or str(draw(_STEMS))
    number = _valid(stem)
    kind = draw(st.sampled_from(["identity", "identity", "old_card", "passport", ""]))
    shown = {"identity": number, "old_card": stem[:6] + stem[8:17], "passport": "CHNE1234567", "": ""}[str(kind)]
    name = str(draw(st.sampled_from(["陈小明", "陈晓明", "程小敏", "林大伟"])))
    address = str(draw(st.sampled_from(["", "府前路1号", "府前路2号"])))
    phone = str(draw(st.sampled_from(["", "13900000001", "13900000002"])))
    born = date(int(stem[6:10]), int(stem[10:12]), int(stem[12:14]))
    sex = "1" if int(stem[16]) % 2 else "2"
    return Record(name, name_readings(name)[0][0], sex, born, phone, address, str(kind), shown)


@examples(max_examples=400, deadline=None)
@given(data=st.data())
def test_the_matcher_agrees_with_the_plain_reading(data: st.DataObject) -> None:
    stem = data.draw(_STEMS)
    other = data.draw(st.sampled_from([stem, *near(stem)]))
    one, two = data.draw(records(stem)), data.draw(records(other))
    assert match(one, two) == plain_match(one, two)
    assert match(two, one) == plain_match(one, two)


def near(stem: str) -> list[str]:
    """Stems one slip away whose birth date exists."""
    slips = [stem[:i] + d + stem[i + 1 :] for i in range(17) for d in "0123456789"]
    slips += [stem[:i] + stem[i + 1] + stem[i] + stem[i + 2 :] for i in range(16)]
    return [s for s in slips if _exists(s)]


def _exists(stem: str) -> bool:
    try:
        return date(1900, 1, 1) <= date(int(stem[6:10]), int(stem[10:12]), int(stem[12:14])) <= TODAY
    except ValueError:
        return False


# --- by example --------------------------------------------------------------------------------------------------------------

ONE = Record("陈小明", "chenxiaoming", "1", date(1980, 1, 2), "13900000001", "府前路1号", "identity", _valid("35042719800102003"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "old_card", "number": "350427800102003", "name": "陈晓明"}, "old_new"),
        ({"number": _valid("35042719800102005")}, "slip"),
        ({"number": _valid("35042719800120003"), "birth_date": date(1980, 1, 20)}, "swap"),
        ({"kind": "passport", "number": "CHNE12345678"}, "phone"),
        ({"number": "", "kind": "", "phone": ""}, "address"),
        ({"number": "", "kind": "", "phone": "", "name": "程晓民", "pinyin": "chengxiaomin"}, "sound"),
        # hard negatives: a twin, a son of the same name, a sister, a neighbour of the same name
        ({"name": "陈小亮", "pinyin": "chenxiaoliang", "number": _valid("35042719800102005")}, ""),
        ({"name": "陈晓敏", "pinyin": "chenxiaomin", "number": _valid("35042719800102005")}, ""),
        ({"birth_date": date(2005, 1, 2), "number": _valid("35042720050102003")}, ""),
        ({"sex": "2", "name": "陈小敏", "pinyin": "chenxiaomin", "number": ""}, ""),
        ({"phone": "", "address": "府前路2号", "number": _valid("35042719800102117")}, ""),
    ],
)
def test_examples(changes: dict[str, object], why: str) -> None:
    assert match(ONE, replace(ONE, **changes)) == why  # type: ignore[arg-type]


def test_the_first_generation_number_is_that_of_the_twentieth_century_only() -> None:
    assert same_old_number("350427800102003", "35042719800102003X")
    assert not same_old_number("350427800102003", "35042720800102003X")
    assert slip("350427800102003", _valid("35042719800102003")) == ""


# --- documents ---------------------------------------------------------------------------------------------------------------

GOOD = [
    ("identity", "350427 19800102 0036", None),
    ("hmt_residence", _valid("81000019800102003"), None),
    ("hk_macau", "h12345678", "H12345678"),
    ("hk_macau", "Ｍ１２３４５６７８０１", "M12345678"),
    ("taiwan", "12345678", "12345678"),
    ("taiwan", "1234567801", "12345678"),
    ("passport", "chn e1234-5678", "CHNE12345678"),
    ("residence", _valid("91135019800102003"), None),
    ("residence", "USA350012345678", "USA350012345678"),
    ("old_card", "350427800102003", "350427800102003"),
]


@pytest.mark.parametrize(("kind", "typed", "kept"), GOOD)
def test_documents_are_understood_however_they_are_typed(kind: str, typed: str, kept: str | None) -> None:
    if kind == "identity":
        typed = _valid("35042719800102003")
    found = parse_document(kind, typed, TODAY)
    assert found.value == (kept or typed)
    told = kind in ("identity", "hmt_residence", "old_card") or found.value.startswith("9")
    assert (found.birth_date, found.sex) == ((date(1980, 1, 2), "1") if told else (None, ""))


BAD = [
    ("identity", "H12345678", "form"),
    ("hmt_residence", _valid("35042719800102003"), "place"),
    ("hmt_residence", "810000198001020030", "check_digit"),
    ("hk_macau", "X12345678", "form"),
    ("hk_macau", "H123456789", "form"),
    ("hk_macau", "H1234567八", "form"),
    ("taiwan", "H1234567", "form"),
    ("taiwan", "١٢٣٤٥٦٧٨", "form"),
    ("passport", "E12345678", "form"),
    ("passport", "CHN1", "form"),
    ("residence", "USA3500", "form"),
    ("residence", _valid("91135020990102003"), "future"),
    ("old_card", "350427801302003", "date"),
    ("old_card", _valid("35042719800102003"), "form"),
    ("x", "1", "kind"),
]


@pytest.mark.parametrize(("kind", "typed", "code"), BAD)
def test_a_number_that_cannot_be_right_is_named(kind: str, typed: str, code: str) -> None:
    with pytest.raises(BadDocument) as refused:
        parse_document(kind, typed, TODAY)
    assert refused.value.code == code


def test_kinds_with_the_same_characters_are_two_documents_and_one_series_is_one() -> None:
    taiwan, hk = parse_document("taiwan", "12345678", TODAY), parse_document("hk_macau", "H12345678", TODAY)
    assert taiwan.index_text != hk.index_text
    number = _valid("81000019800102003")
    texts = {parse_document(kind, number, TODAY).index_text for kind in ("identity", "hmt_residence")}
    assert texts == {number}


@examples(max_examples=300, deadline=None)
@given(kind=st.sampled_from(["identity", "passport", "taiwan", "residence", "old_card", "x"]), text=st.text(max_size=24))
def test_no_text_breaks_the_reading_of_documents(kind: str, text: str) -> None:
    try:
        found = parse_document(kind, text, TODAY)
    except BadDocument:
        return
    assert found.value.isascii()


def test_what_is_shown_of_a_number_hides_most_of_it() -> None:
    assert parse_document("identity", _valid("35042719800102003"), TODAY).masked[3:14] == "*" * 11
    assert parse_document("hk_macau", "H12345678", TODAY).masked == "*****5678"
