"""Packs: what is refused and where it says so, and which parameter binds."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenji.ground.common.clock import Span
from fenji.ground.network import rules as network
from fenji.ground.policy import loader, rules
from fenji.ground.policy.rules import AUTHORITIES, PackError, Parameter, bind

PATH = ("35", "350400", "350405", "org:104")
GOOD = (loader.PACKS / "sm" / "pack.toml").read_text(encoding="utf-8")
HEAD = """[document]
id = "X"
number = "x"
title = { zh = "文", en = "text" }
authority = "order"
region = "350400"
effective = 2022-03-01
effective_basis = "text"
"""
CLAUSE = """
[[clause]]
id = "X-1"
section = "1"
kind = "rule"
title = { zh = "条", en = "clause" }
"""
PARAMETER = """
[[clause.parameter]]
key = "room.field"
value = 30
unit = "min"
basis = "text"
override = "free"
"""
DOUBT = """[[clause.doubt]]
ref = "E2.1"
question = { zh = "是机构还是床位？", en = "Institutions or beds?" }
default = { zh = "照字面", en = "as written" }
decided_by = "city"
"""


def _pack(folder: Path, text: str, name: str = "x") -> Path:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "pack.toml").write_text(text, encoding="utf-8")
    return folder


def _errors(folder: Path, text: str) -> list[PackError]:
    return loader.check(_pack(folder, text))[1]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('authority = "order"', 'authority = "law"', "'law' is not one of platform, reply, order"),
        ("effective = 2022-03-01", 'effective = "2022-03-01"', "effective must be a date"),
        ("effective = 2022-03-01", "effective = 2022-03-01T00:00:00", "effective must be a date"),
        ("effective = 2022-03-01", "effective = 1022-03-01", "check the year"),
        ('region = "350400"', 'region = "110000"', "no region of the province"),
        ('region = "350400"', 'region = "350000"', "no region of the province"),
        ('region = "350400"', "region = 350400", "region must be a text"),
        ('kind = "rule"', 'kind = "rule"\ncolour = "red"', "unknown key 'colour'"),
        ('kind = "rule"', 'kind = "advice"', "'advice' is not one of obligation"),
        ('section = "三(四)"\nkind', "kind", "'section' is missing"),
        ('basis = "text"', 'basis = "rumour"', "'rumour' is not one of text, platform, attested"),
        ('id = "SM-3-4b"', 'id = "SM-3-4a"', "stands in two places"),
        ('id = "SM-3-4b"', 'id = "QZ-3-4b"', "does not begin with SM-"),
        ("[document]", "[document", "mend the TOML"),
        ("unit =", "units =", "unknown key 'units'"),
    ],
)
def test_a_faulty_pack_is_refused_with_file_line_and_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    folder = _pack(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(PackError, match=r"pack\.toml:\d+: .+; .+") as problem:
        loader.load(folder)
    assert says in str(problem.value)


@pytest.mark.parametrize(
    ("changed", "says", "line"),
    [
        (PARAMETER.replace("30", "3.5"), "3.5 is no value", 17),
        (PARAMETER.replace("30", "{ minutes = 5 }"), "is no value", 17),
        (PARAMETER.replace("30", '{ minutes = 5, counted = "moon" }'), "not a span", 17),
        (PARAMETER.replace("30", '["a", 1]'), "is no value", 17),
        (PARAMETER.replace("room.field", "field"), "not of the form room.field", 17),
        (PARAMETER.replace('key = "room.field"\n', ""), "'key' is missing", 16),
        (PARAMETER + "end = 2022-03-01\n", "ends on 2022-03-01, not after its start", 17),
        (PARAMETER + "start = 2022-02-28\n", "before its document", 17),
        (PARAMETER + 'tighter = "lower"\n', "tighter has no meaning with override = free", 17),
        (PARAMETER.replace('"free"', '"tighten"'), "say which way is stricter: tighter = lower or higher", 17),
        (PARAMETER.replace('"free"', '"tighten"\ntighter = "on"'), "'on' is not one of lower, higher", 17),
        (PARAMETER.replace('"free"', '"tighten"\ntighter = "on"').replace("30", "true"), "", 0),
        (PARAMETER.replace('"free"', '"tighten"\ntighter = "on"').replace("30", '"x"'), "a text cannot be made stricter", 17),
        (PARAMETER + "least = 31\n", "30 lies outside least and most", 17),
        (PARAMETER.replace("30", "true") + "least = 1\n", "least and most are for numbers", 17),
        (PARAMETER + 'ambiguity = { ref = "E1", choices = [15, 60], decided_by = "city" }\n', "is not one of the choices", 17),
        (PARAMETER + 'ambiguity = { ref = "E1", choices = [], decided_by = "city" }\n', "choices must be a list", 17),
        (PARAMETER + 'ambiguity = { ref = "E1", choices = [30, true], decided_by = "city" }\n', "is not one of the choices", 17),
        (PARAMETER + 'ambiguity = { ref = "E1", choices = [30, 60], decided_by = "mayor" }\n', "'mayor' is not one of", 17),
        (PARAMETER + 'ambiguity = { ref = "E1", choices = [30, 60] }\n', "'decided_by' is missing", 17),
        (PARAMETER + 'ambiguity = { ref = "E1", choices = [30, 60], decided_by = "city" }\n', "", 0),
        (PARAMETER + 'title = { zh = "名" }\n', "title must have both languages", 17),
        ('[[clause.cites]]\nnumber = "1"\n', "'name' is missing", 15),
        ('[[clause.cites]]\nname = "a"\nissue = 3\n', "unknown key 'issue'", 15),
        ('actor = { colour = "red" }\n', "unknown key 'colour'", 11),
        ("actor = { kind = 3 }\n", "a selector's values are texts", 11),
        ('actor = "everybody"\n', "actor must be a selector", 11),
        ("cites = 3\n", "cites must be a list of tables", 11),
        ('capability = "cooking"\n', "'cooking' is not one of", 11),
        ('also = ["pay", "pay"]\n', "different texts", 11),
        ('also = ["pay", "cooking"]\n', "'cooking' is not one of", 11),
        ("units = 3\n", "different texts", 11),
        ('period = "week"\n', "'week' is not one of", 11),
        ('capability = "pay"\nalso = ["fund"]\nunits = ["health"]\nperiod = "year"\n', "", 0),
        ("[clause.evidence]\n", "evidence must say one thing", 11),
        ('[clause.evidence]\nroom = "pay"\nprovider = "x"\n', "evidence must say one thing", 11),
        ('[clause.evidence]\nroom = "kitchen"\n', "'kitchen' is not one of", 11),
        ('[clause.evidence]\nroom = "referral"\nvalid = "year"\n', "unknown key 'valid'", 11),
        ('[clause.evidence]\nexternal = ["gossip"]\n', "'gossip' is not one of", 11),
        ('[clause.evidence]\nattested = { zh = "章程", en = "charter" }\n', "'signer' is missing", 11),
        ('[clause.evidence]\nattested = { zh = "章程", en = "charter" }\nsigner = "me"\n', "signer must be a selector", 11),
        ('[clause.evidence]\nattested = { zh = "章程", en = "charter" }\nsigner = { kind = "care" }\nvalid = "year"\n', "", 0),
        ('[clause.evidence]\nattested = { zh = "", en = "x" }\nsigner = { kind = "care" }\n', "attested is empty", 11),
        ('[clause.evidence]\nexternal = ["settlements", "population"]\n', "", 0),
        (DOUBT, "", 0),
        (DOUBT.replace("照字面", ""), "question or default is empty", 15),
        (DOUBT.replace('"city"', '"mayor"'), "'mayor' is not one of", 15),
    ],
)
def test_a_faulty_entry_is_refused_at_its_line(tmp_path: Path, changed: str, says: str, line: int) -> None:
    errors = _errors(tmp_path, HEAD + CLAUSE + changed)
    if not says:
        assert errors == []
        return
    (error,) = errors
    assert says in error.what + error.remedy
    assert error.where == f"{tmp_path}/x/pack.toml:{line}"


TARGET = """
[[clause.target]]
metric = { zh = "数", en = "number" }
comparator = ">="
value = 80
unit = "kind"
nature = "aspirational"
deadline = 2025-12-31
scope = { zh = "每家机构", en = "each institution" }
"""


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (TARGET, ""),
        (TARGET.replace("value = 80\n", ""), "a target has a value"),
        (TARGET.replace('">="', '"up"').replace("value = 80\n", ""), ""),
        (TARGET.replace('">="', '"up"'), "a target has a value"),
        (TARGET.replace('">="', '"in"').replace("80", "[3, 4]"), ""),
        (TARGET.replace('">="', '"in"'), "a range has two ends"),
        (TARGET.replace('">="', '"=>"'), "'=>' is not one of"),
        (TARGET.replace('"aspirational"', '"wish"'), "'wish' is not one of"),
        (TARGET.replace("2025-12-31", '"2025"'), "deadline must be a date"),
        (TARGET.replace('en = "number"', 'en = ""'), "metric is empty"),
        (TARGET.replace('"kind"', '"sort"'), "'sort' is not one of"),
        (TARGET.replace("80", "74.99"), ""),
        (TARGET.replace("80", '"80"'), "cannot be more or less"),
        (TARGET.replace("80", "true"), "cannot be more or less"),
        (TARGET.replace("80", "true").replace('">="', '"="'), ""),
    ],
)
def test_targets_are_checked(tmp_path: Path, changed: str, says: str) -> None:
    errors = _errors(tmp_path, HEAD + CLAUSE + changed)
    assert (says in str(errors[0]) and errors[0].where.endswith(":16")) if says else errors == []


def test_targets_cites_and_actor_are_read(tmp_path: Path) -> None:
    text = HEAD + CLAUSE + 'actor = { kind = "care", tier = ["village", "township"] }\n' + TARGET
    text += '[[clause.cites]]\nname = "通知"\nnumber = "闽〔2021〕1号"\nperiod = "2021-2025"\n'
    clause = loader.load(_pack(tmp_path, text)).clauses["X-1"]
    assert clause.actor == (("kind", "care"), ("tier", ("village", "township")))
    assert clause.cites == (rules.Cite("通知", "闽〔2021〕1号", "2021-2025"),)
    (target,) = clause.targets
    assert (target.value, target.comparator, target.nature, target.deadline) == (80, ">=", "aspirational", date(2025, 12, 31))


def test_a_pack_that_lacks_a_clause_of_its_document_is_refused(tmp_path: Path) -> None:
    head = HEAD + "clauses = 2\n"
    (error,) = _errors(tmp_path, head + CLAUSE)
    assert "the document has 2 clauses, the file 1" in str(error)
    assert _errors(tmp_path, head + CLAUSE + CLAUSE.replace("X-1", "X-2")) == []


def test_every_clause_of_the_five_documents_is_there_and_says_what_shows_it() -> None:
    found = Counter(c.document for c in loader.shipped().clauses.values())
    assert {d: n for d, n in found.items() if d != "PF"} == {"SM": 102, "QZ": 184, "XZ": 67, "F64": 68, "F61": 59}
    assert [c.id for c in loader.shipped().clauses.values() if c.document != "PF" and c.evidence is None] == []


def test_a_share_is_read_to_the_last_digit_and_a_doubt_with_what_holds_meanwhile(tmp_path: Path) -> None:
    clause = loader.load(_pack(tmp_path, HEAD + CLAUSE + TARGET.replace("80", "74.99") + DOUBT)).clauses["X-1"]
    assert clause.targets[0].value == Decimal("74.99")
    assert (clause.targets[0].scope_zh, clause.targets[0].scope_en) == ("每家机构", "each institution")
    assert clause.doubts == (rules.Doubt("E2.1", "是机构还是床位？", "Institutions or beds?", "照字面", "as written", "city"),)


def test_each_clause_of_a_document_says_whom_it_binds_and_what_it_is_about() -> None:
    kinds = {
        "kind": network.ORGANISATION_KINDS,
        # a government itself is no department of one
        "agency": ("government", "disease_control", *network.AGENCY_KINDS),
        "force": network.FORCE_KINDS,
        "tier": network.TIERS,
        "grade": network.GRADES,
        "ownership": ("any", *network.OWNERSHIPS),
        "role": network.MEMBER_ROLES,
        "alliance": network.ALLIANCE_KINDS,
    }
    for clause in loader.shipped().clauses.values():
        if clause.document == "PF":
            continue
        assert clause.actor, clause.id
        assert clause.capability, clause.id
        for name, value in clause.actor:
            values = value if isinstance(value, tuple) else (value,)
            assert name == "name" or set(values) <= set(kinds[name]), (clause.id, name, value)
        assert all(u in network.AGENCY_KINDS or re.search(r"[\u4e00-\u9fff]", u) for u in clause.units), clause.id


def test_all_errors_of_all_files_are_listed_not_only_the_first(tmp_path: Path) -> None:
    bad = PARAMETER.replace("30", "3.5")
    _pack(tmp_path, HEAD + CLAUSE + bad + bad.replace("free", "loose") + CLAUSE.replace("X-1", "X-2") + bad)
    _pack(tmp_path, HEAD.replace('"X"', '"Y"').replace('"order"', '"law"'), "y")
    _pack(tmp_path, "no toml", "z")
    errors = loader.check(tmp_path)[1]
    assert [e.where.removeprefix(f"{tmp_path}/") for e in errors] == [
        *("x/pack.toml:17", "x/pack.toml:24", "x/pack.toml:37"),
        *("y/pack.toml:1", "z/pack.toml:1"),
    ]


def test_one_document_or_clause_in_two_files_is_refused(tmp_path: Path) -> None:
    _pack(tmp_path, HEAD + CLAUSE)
    errors = _errors(_pack(tmp_path, HEAD + CLAUSE, "y"), HEAD + CLAUSE)
    assert [e.what.split()[0] for e in errors] == ["document", "clause"]


def test_a_file_that_is_no_utf8_is_refused_at_its_line(tmp_path: Path) -> None:
    _pack(tmp_path, "")
    (tmp_path / "x" / "pack.toml").write_bytes(b'[document]\nid = "\xff"\n')
    (error,) = loader.check(tmp_path)[1]
    assert (error.what, error.where[-2:]) == ("not UTF-8", ":2")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"no \*/pack.toml"):
        loader.load(tmp_path)


def test_the_hash_follows_every_byte(tmp_path: Path) -> None:
    first = loader.load(_pack(tmp_path, GOOD)).hash
    (tmp_path / "x" / "pack.toml").write_text(GOOD + "\n", encoding="utf-8")
    assert loader.load(tmp_path).hash != first


def _broken(text: str, data: st.DataObject) -> str:
    """One line of a pack changed somehow."""
    lines = text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    key, _, _ = lines[at].partition("=")
    values = ["", "3", "-1", "true", '"x"', '""', "[]", '["a"]', "{}", "2022-03-01", '{ zh = "a", en = 3 }', "[[1]]", "1e999"]
    new = data.draw(
        st.sampled_from([*(f"{key}= {v}" for v in values), "", "[clause]", "[[clause]]", "[[document]]", lines[at] * 2])
    )
    return "\n".join([*lines[:at], new, *lines[at + 1 :]])


@given(st.data())
def test_whatever_is_wrong_with_a_pack_the_answer_is_an_error_with_a_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("packs")
    text = HEAD + CLAUSE + 'actor = { kind = "care" }\n' + PARAMETER + TARGET + '[[clause.cites]]\nname = "a"\n'
    for _ in range(data.draw(st.integers(1, 3))):
        text = _broken(text, data)
    for error in loader.check(_pack(folder, text))[1]:
        where, line = error.where.rsplit(":", 1)
        assert where.endswith("x/pack.toml")
        assert 1 <= int(line) <= text.count("\n") + 1
        assert error.what
        assert error.remedy


def test_every_line_that_is_named_holds_what_is_named() -> None:
    packs = loader.load()
    assert len(packs.parameters) > 25
    for p in packs.parameters:
        file, line = p.where.rsplit(":", 1)
        assert f'"{p.key}"' in Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    for file in loader.PACKS.glob("*/pack.toml"):
        text = file.read_text(encoding="utf-8")
        lines = loader.Lines(text)
        for number, clause in enumerate(tomllib.loads(text).get("clause", [])):
            assert f'"{clause["id"]}"' in lines.lines[lines.clause(number) - 1]


def test_a_pack_of_ones_own_lies_beside_the_shipped_ones_and_takes_the_place_of_its_namesake(tmp_path: Path) -> None:
    _pack(tmp_path, HEAD + CLAUSE)
    packs, errors = loader.check(tmp_path, loader.PACKS)
    assert errors == []
    assert {"X", "PF", "SM", "QZ"} <= packs.documents.keys()
    _pack(tmp_path, HEAD + CLAUSE, "sm")
    (tmp_path / "x" / "pack.toml").unlink()
    packs, errors = loader.check(tmp_path, loader.PACKS)
    assert errors == []
    assert "SM" not in packs.documents


# --- the shipped packs --------------------------------------------------------------------------------------------------------


def test_the_shipped_packs_are_sound_and_name_their_documents() -> None:
    packs, errors = loader.check()
    assert errors == []
    heads = {d.id: (d.authority, d.region, d.start.isoformat()) for d in packs.documents.values()}
    assert heads == {
        "PF": ("platform", "35", "2020-01-01"),
        "SM": ("order", "350400", "2022-03-01"),
        "QZ": ("order", "350500", "2024-06-05"),
        "XZ": ("order", "35", "2023-06-29"),
        "F64": ("reply", "35", "2023-04-24"),
        "F61": ("reply", "35", "2023-04-23"),
    }


def test_as_many_documents_are_cited_as_the_clause_says() -> None:
    seen = 0
    for clause in loader.shipped().clauses.values():
        wanted = [t for t in clause.targets if t.unit == "document"]
        for target in wanted:
            seen += 1
            assert len(clause.cites) == target.value, clause.id
        assert bool(clause.cites) == bool(wanted), clause.id
    assert seen == 21


def test_titles_are_in_both_languages_and_never_the_same() -> None:
    for clause in loader.shipped().clauses.values():
        assert re.search(r"[\u4e00-\u9fff]", clause.title_zh), clause.id
        assert not re.search(r"[\u4e00-\u9fff]", clause.title_en), clause.id


def test_every_platform_parameter_has_a_name_of_its_own() -> None:
    named = [p.title_zh for p in loader.shipped().parameters if p.authority == "platform" and p.title_zh]
    assert len(named) == len(set(named))
    assert len(named) > 20


# --- what binds ---------------------------------------------------------------------------------------------------------------


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
    assert bind(rows, "k", PATH, on).overruled == (rows[2], rows[1], rows[0])
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


# --- places and values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("35", ("35",)),
        ("3504", ("35", "350400")),
        ("350405", ("35", "350400", "350405")),
        ("350405101000/00000104", PATH),
    ],
)
def test_a_place_has_one_path(prefix: str, path: tuple[str, ...]) -> None:
    assert rules.path_to(prefix) == path
    assert rules.region_of(prefix) == path[-1]
    if "/" not in prefix:
        assert rules.prefix_of(path[-1]) == prefix


def test_the_policy_path_of_a_place_is_the_one_its_institution_resolves_by() -> None:
    from fenji.ground.network.models import Organisation
    from fenji.ground.network.queries import place

    org = Organisation(id=104, name="x", kind="care", care_tier="township", path="350405101000/00000104")
    assert place(org).policy_path == rules.path_to(org.path)


@pytest.mark.parametrize(
    ("reach", "place", "allowed"),
    [
        ("", "350405", False),
        ("35", "350405", True),
        ("3504", "350405", True),
        ("3504", "3504", True),
        ("3504", "35", False),
        ("3504", "350500", False),
        ("350405", "350405101000/00000104", True),
        ("350405", "350406101000/00000104", False),
    ],
)
def test_reach_is_the_beginning_of_a_place(reach: str, place: str, allowed: bool) -> None:
    assert rules.governs(reach, place) is allowed


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (True, "switch"),
        (3, "number"),
        ("x", "text"),
        (Span(5, "duty"), "span"),
        (("a", "b"), "list"),
        ((1, 2), "numbers"),
        ((), "list"),
    ],
)
def test_values_survive_json(value: rules.Value, form: str) -> None:
    assert rules.value_of(rules.plain(value)) == value
    assert type(rules.value_of(rules.plain(value))) is type(value)
    assert rules.form_of(value) == form


@pytest.mark.parametrize(
    "raw", [None, 1.5, {"minutes": True, "counted": "duty"}, {"minutes": -1, "counted": "duty"}, [1, "a"], [[]]]
)
def test_what_is_no_value_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"no value|not a span"):
        rules.value_of(raw)
