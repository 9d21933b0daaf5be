"""The house file: kept by its owner alone, and checked whole before anything works with it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from fenji.config import house
from fenji.ground.common.rls import ROLES
from tests.app.houses import a_house

# --- the house file ----------------------------------------------------------------------------------------------------------


def test_a_house_file_is_for_its_owner_alone_and_read_back_as_written(tmp_path: Path) -> None:
    file = tmp_path / "house.json"
    made = house.fresh({r.removeprefix("fenji_"): "x" for r in ROLES}, demo=False)
    house.write(made, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert house.read(file) == made
    assert made.secret not in repr(made), "a house in a traceback must not show its secret"
    assert made.keys["database"]["1"] not in repr(made)


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"text"', "{}", '{"urls": 1, "secret": 1, "keys": 1, "suite": 1, "demo": 1}', "\udcff"],
    ids=["empty", "cut", "list", "null", "text", "nothing in it", "numbers", "bytes"],
)
def test_a_damaged_house_file_is_named_with_a_remedy(tmp_path: Path, body: str) -> None:
    file = tmp_path / "house.json"
    file.write_bytes(body.encode(errors="surrogateescape"))
    with pytest.raises(house.NoHouse, match=r"house\.json is damaged .*restore it from a backup"):
        house.read(file)


@pytest.mark.parametrize(
    "keys",
    [{}, {"database": {}, "index": {}}, {"database": {"1": "ab"}, "index": {"1": "ab"}}, {"database": {"1": "xyz"}, "index": 7}],
    ids=["none", "no ids", "too short", "not hex"],
)
def test_damaged_keys_are_found_before_anything_is_encrypted(tmp_path: Path, keys: object) -> None:
    with pytest.raises(house.NoHouse, match=r"damaged .*restore it from a backup"):
        house.read(a_house(tmp_path, keys=keys))


def test_an_unknown_suite_is_found_before_anything_is_encrypted(tmp_path: Path) -> None:
    with pytest.raises(house.NoHouse, match="damaged"):
        house.read(a_house(tmp_path, suite="rot13"))


def test_a_folder_in_place_of_the_house_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(house.NoHouse, match="cannot be read"):
        house.read(tmp_path)


def test_a_house_without_a_role_names_the_role_and_the_remedy(tmp_path: Path) -> None:
    file = a_house(tmp_path)
    raw = json.loads(file.read_text())
    del raw["urls"]["door"]
    file.write_text(json.dumps(raw))
    with pytest.raises(house.NoHouse, match="no address for fenji_door; run `fenji db init"):
        house.read(file)


@pytest.mark.parametrize("secret", ["", house.PLACEHOLDER, "short", "x" * 31])
def test_a_placeholder_secret_is_refused_outside_the_demo(tmp_path: Path, secret: str) -> None:
    with pytest.raises(house.NoHouse, match="secret is a placeholder; put in at least 32 random characters"):
        house.read(a_house(tmp_path, demo=False, secret=secret))
    assert house.read(a_house(tmp_path, demo=True, secret=secret)).demo


def test_without_a_house_in_the_environment_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(house.VARIABLE)
    with pytest.raises(house.NoHouse, match="FENJI_HOUSE is not set; start with the `fenji` command"):
        house.current()
