"""`fenji policy check | explain | diff`, as tables and as JSON, with a house and without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fenji.config import house
from fenji.config.cli import cli
from fenji.ground.common.clock import Span
from fenji.ground.common.rls import ROLES
from fenji.ground.policy import loader
from tests.app.policy_walk import KEY, PATH, ahead, approved, cleared, new

__all__ = ["cleared"]
SANMING = "35/350400/350405"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["policy", *arguments])


def read(*arguments: str) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_shipped_packs_are_checked() -> None:
    before = os.environ.get(house.VARIABLE)
    found = read("check")
    assert found["errors"] == []
    assert found["hash"] == loader.shipped().hash
    assert found["documents"] == 6
    assert os.environ.get(house.VARIABLE) == before
    assert "0 errors" in run("check").stdout


def test_every_error_of_a_folder_is_listed_with_file_line_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "sm").mkdir()
    text = (loader.PACKS / "sm" / "pack.toml").read_text(encoding="utf-8")
    text = text.replace('"referral.levels_per_step"', '"referral.colour"').replace('"rule"', '"advice"', 1)
    (tmp_path / "sm" / "pack.toml").write_text(text, encoding="utf-8")
    result = run("check", str(tmp_path), "--json")
    assert result.exit_code == 1
    errors = json.loads(result.stdout)["errors"]
    lines = text.splitlines()
    assert ["advice" in e["problem"] or "no policy class" in e["problem"] for e in errors] == [True, True]
    for e in errors:
        assert e["file"] == f"{tmp_path}/sm/pack.toml"
        assert e["remedy"]
    assert "referral.colour" in lines[errors[1]["line"] - 1]
    table = run("check", str(tmp_path))
    assert table.exit_code == 1
    assert "2 errors" in table.stdout
    assert run("check", str(tmp_path / "nowhere")).exit_code == 2


def test_a_folder_without_packs_is_an_error(tmp_path: Path) -> None:
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    assert "no */pack.toml" in result.stdout


def test_explain_says_what_binds_and_what_it_overrules() -> None:
    found = read("explain", "referral.review_catalogue", "--path", SANMING, "--on", "2026-09-30", "--shipped")
    assert (found["binds"]["value"], found["binds"]["clause"]) == (True, "SM-3-5c")
    assert [p["clause"] for p in found["overruled"]] == ["PF-referral-review"]
    before = read("explain", "referral.review_catalogue", "--path", SANMING, "--on", "2021-01-01", "--shipped")
    assert (before["binds"]["value"], [p["clause"] for p in before["not in force"]]) == (False, ["SM-3-5c"])
    told = run("explain", "referral.review_catalogue", "--path", SANMING, "--on", "2026-09-30", "--shipped").stdout
    for words in ("binds", "overruled", "SM-3-5c", "sm/pack.toml:", "the shipped packs alone"):
        assert words in told


def test_explain_and_diff_count_the_approved_changes_of_the_house(house_file: Path) -> None:
    change = approved(new())
    found = read("explain", KEY, "--path", SANMING, "--on", str(ahead(5)), "--house", str(house_file))
    assert found["binds"]["change"] == str(change.pk)
    assert found["binds"]["value"] == {"minutes": 60, "counted": "duty"}
    assert found["hash"] != loader.shipped().hash
    assert "沙卫〔2026〕7号" in run("explain", KEY, "--path", SANMING, "--on", str(ahead(5)), "--house", str(house_file)).stdout
    found = read("diff", "--path", SANMING, "--on", str(ahead(4)), "--to-on", str(ahead(5)), "--house", str(house_file))
    assert [(d["key"], d["to"]["value"]["minutes"]) for d in found["differences"]] == [(KEY, 60)]
    assert change.place == PATH[-1]
    assert Span(**found["differences"][0]["from"]["value"]) == Span(120, "duty")


def test_diff_compares_two_places() -> None:
    found = read("diff", "--path", "35/350400", "--on", "2026-09-30", "--to-path", "35/350500", "--shipped")
    # other rooms' parameters differ too: of referrals it is these four
    assert {d["key"] for d in found["differences"] if d["key"].startswith("referral.")} == {
        *("referral.first_contact", "referral.county_counts_when_unable"),
        *("referral.level_by_level", "referral.review_catalogue"),
    }
    table = run("diff", "--path", "35/350400", "--on", "2026-09-30", "--to-path", "35/350500", "--shipped").stdout
    assert "true switch (SM-3-5c)" in table
    same = run("diff", "--path", "35/350400", "--on", "2026-09-30", "--to-on", "2026-10-01", "--shipped").stdout
    assert "0 of" in same


def test_diff_with_a_day_before_all_packs_shows_nothing_there() -> None:
    found = read("diff", "--path", "35", "--on", "2019-01-01", "--to-on", "2020-01-01", "--shipped")
    assert len(found["differences"]) > 20
    assert all(d["from"] is None for d in found["differences"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("explain", "referral.revue_within", "--path", SANMING, "--on", "2026-09-30"), 1, "referral.review_within"),
        (("explain", KEY, "--path", "350405", "--on", "2026-09-30"), 2, "is no path"),
        (("explain", KEY, "--path", "35/350400/350505", "--on", "2026-09-30"), 2, "is no path"),
        (("explain", KEY, "--path", "35/350400/350405/org:x", "--on", "2026-09-30"), 2, "is no path"),
        (("explain", KEY, "--path", "org:17", "--on", "2026-09-30"), 2, "is no path"),
        (("explain", KEY, "--path", SANMING, "--on", "tomorrow"), 2, "is no day"),
        (("explain", KEY, "--path", SANMING, "--on", "2019-01-01"), 1, "no value in force"),
        (("diff", "--path", SANMING, "--on", "2026-09-30"), 2, "nothing to compare with"),
    ],
)
def test_wrong_words_get_a_clear_line(arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(*arguments, "--shipped")
    assert result.exit_code == code
    assert says in result.output


def test_one_institution_can_be_asked_for() -> None:
    assert read("explain", KEY, "--path", f"{SANMING}/org:17", "--on", "2026-09-30", "--shipped")["binds"]["region"] == "35"


def test_a_house_that_does_not_answer_is_said_and_never_taken_for_one_without_changes(tmp_path: Path) -> None:
    file = tmp_path / "house.json"
    urls = {r.removeprefix("fenji_"): f"host={tmp_path} dbname=none user={r}" for r in ROLES}
    house.write(house.fresh(urls, demo=True), file)
    command = [
        sys.executable,
        "-m",
        "fenji",
        "policy",
        "explain",
        KEY,
        "--path",
        SANMING,
        "--on",
        "2026-09-30",
        "--house",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "--shipped" in done.stderr


def test_without_any_house_the_packs_alone_are_asked_and_it_says_so(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != house.VARIABLE} | {"FENJI_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "fenji", "policy", "explain", KEY, "--path", SANMING, "--on", "2026-09-30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "no house at" in done.stdout
