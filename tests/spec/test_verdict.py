"""The verdict on an up-referral, as a drawn table an officer can read and correct.

Sanming: the switches of SM-3-4a, 3-4b, 3-5b and 3-5c are on. Elsewhere the platform's defaults leave them off.
"""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from fenji.care.referral import rules
from fenji.ground.network.rules import TIERS
from fenji.ground.policy import loader, queries

SANMING = ("35", "350400", "350405", "org:104")
QUANZHOU = ("35", "350500", "350582", "org:9")
DAY = date(2026, 9, 15)


def grounds(path: tuple[str, ...] = SANMING, on: date = DAY) -> rules.Grounds:
    policy = queries.resolve(rules.ReferralPolicy, path, on)
    clauses = {n: p.clause_id for n, p in queries.sources(rules.ReferralPolicy, path, on).items()}
    return rules.Grounds(policy, clauses, queries.pack_hash())


def judge(row: str, path: tuple[str, ...] = SANMING, on: date = DAY) -> tuple[str, list[tuple[str, str]]]:
    """`township→county catalogue treatable emergency override` in words."""
    route, *words = row.split()
    origin, receiver = route.split("→")
    facts = rules.Facts(
        emergency="emergency" in words,
        in_catalogue="catalogue" in words,
        treatable_here="treatable" in words,
        origin_is_primary=origin in ("village", "township"),
        origin_level=TIERS.index(origin),
        receiver_level=TIERS.index(receiver),
        override="reason" in words,
    )
    decision = rules.judge(facts, grounds(path, on))
    return decision.outcome, [(r.code, r.clause_id) for r in decision.reasons]


# fmt: off
SANMING_TABLE = [
    # route            disease / circumstances          outcome         clauses cited
    ("township→county", "",                             "allowed",      ["SM-3-4a"]),
    ("township→city",   "",                             "allowed",      ["SM-3-4a"]),
    ("township→county", "catalogue",                    "needs_review", ["SM-3-4a", "SM-3-4b", "SM-3-5b", "SM-3-5c"]),
    ("township→county", "catalogue treatable",          "needs_review", ["SM-3-4a", "SM-3-5b", "SM-3-5c"]),
    ("township→city",   "catalogue",                    "not_allowed",  ["SM-3-4a", "SM-3-4b", "SM-3-5b", "SM-3-5c"]),
    ("township→city",   "catalogue reason",             "needs_review", ["SM-3-4a", "SM-3-4b", "SM-3-5b", "SM-3-5c"]),
    ("township→city",   "catalogue emergency",          "allowed",      ["PF-referral-emergency"]),
    ("village→township", "catalogue",                   "needs_review", ["SM-3-4a", "SM-3-4b", "SM-3-5b", "SM-3-5c"]),
    ("village→county",  "catalogue",                    "not_allowed",  ["SM-3-4a", "SM-3-4b", "SM-3-5b", "SM-3-5c"]),
    ("county→city",     "catalogue",                    "needs_review", ["SM-3-4a", "SM-3-5b", "SM-3-5c"]),
    ("county→township", "catalogue",                    "not_allowed",  ["SM-3-5b"]),
    ("county→county",   "",                             "not_allowed",  ["SM-3-5b"]),
]
# fmt: on


@pytest.mark.parametrize(("route", "words", "outcome", "clauses"), SANMING_TABLE)
def test_sanming(route: str, words: str, outcome: str, clauses: list[str]) -> None:
    found, reasons = judge(f"{route} {words}")
    assert found == outcome
    assert [clause for _, clause in reasons] == clauses


@pytest.mark.parametrize("words", ["", "catalogue", "catalogue treatable"])
def test_elsewhere_nothing_is_gated(words: str) -> None:
    outcome, reasons = judge(f"township→city {words}", QUANZHOU)
    assert outcome == "allowed"
    assert all(clause.startswith("PF-") for _, clause in reasons)


def test_before_the_document_was_in_force_nothing_is_gated() -> None:
    assert judge("township→city catalogue", SANMING, date(2022, 2, 28))[0] == "allowed"
    assert judge("township→city catalogue", SANMING, date(2022, 3, 1))[0] == "not_allowed"


def test_a_treatable_disease_and_a_skipped_level_ask_for_a_reason_in_words() -> None:
    asked = {
        row: rules.reason_asked(r.code for r in rules.judge(_facts(row), grounds()).reasons)
        for row in ("catalogue treatable", "catalogue", "", "catalogue emergency")
    }
    assert asked == {"catalogue treatable": True, "catalogue": False, "": False, "catalogue emergency": False}


def _facts(words: str) -> rules.Facts:
    return rules.Facts("emergency" in words, "catalogue" in words, "treatable" in words, True, 1, 2, False)


def _plain(emergency: bool, listed: bool, gap: int, override: bool) -> str:
    """The same verdict in the shortest words of the document, for Sanming."""
    if gap < 1:
        return "not_allowed"
    if emergency or not listed:
        return "allowed"
    return "not_allowed" if gap > 1 and not override else "needs_review"


@pytest.mark.parametrize(("emergency", "listed", "treatable", "primary", "override"), list(product((False, True), repeat=5)))
def test_all_combinations_agree_with_the_plain_reading(
    emergency: bool, listed: bool, treatable: bool, primary: bool, override: bool
) -> None:
    for origin, receiver in product(range(5), repeat=2):
        facts = rules.Facts(emergency, listed, treatable, primary, origin, receiver, override)
        decision = rules.judge(facts, grounds())
        assert decision.outcome == _plain(emergency, listed, receiver - origin, override)
        assert decision.reasons
        assert decision.pack_hash == loader.shipped().hash


@pytest.mark.parametrize(("emergency", "listed", "treatable", "override"), list(product((False, True), repeat=4)))
def test_every_cited_clause_exists_and_is_in_force_there_and_then(
    emergency: bool, listed: bool, treatable: bool, override: bool
) -> None:
    for path, on in ((SANMING, DAY), (QUANZHOU, DAY), (SANMING, date(2021, 1, 1))):
        decision = rules.judge(rules.Facts(emergency, listed, treatable, True, 1, 3, override), grounds(path, on))
        for reason in decision.reasons:
            clause = queries.clause(reason.clause_id)
            assert clause is not None
            assert clause.start <= on
            assert clause.region in path
            assert any(p.key == reason.key and p.clause_id == reason.clause_id for p in loader.shipped().parameters)
