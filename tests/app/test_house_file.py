"""The house file: kept by its owner alone, and checked whole before anything works with it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from fenji.config import house
from fenji.ground.common.crypto import Keyring, Unreadable
from fenji.ground.common.edge import now
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


def test_copies_made_in_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    file, at = a_house(tmp_path), now()
    copies = {house.keep_copy(file, at) for _ in range(3)}
    assert len(copies) == 3
    assert {c.read_bytes() for c in copies} == {file.read_bytes()}


def test_a_file_that_is_written_anew_keeps_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as root, the command must not take the file away from the user who serves the house."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda descriptor, user, group: given.append((user, group)))
    file = a_house(tmp_path)
    given.clear()
    house.write(house.read(file), file)
    there = file.stat()
    assert given == [(there.st_uid, there.st_gid)]


def test_key_ids_are_given_in_an_order_that_never_goes_back(tmp_path: Path) -> None:
    present = house.read(a_house(tmp_path))
    ids = [max(present.keys["database"])]
    while len(ids) < len(house.KEY_IDS):
        present = house.with_new_keys(present, now())
        ids.append(max(present.keys["database"]))
        assert present.ring("database").current == ids[-1]
        if len(ids) % 7 == 0:
            present = house.without_old_keys(present)
    with pytest.raises(house.NoHouse, match="used up"):
        house.with_new_keys(present, now())
    assert ids == list(house.KEY_IDS) == sorted(house.KEY_IDS)
    assert len(ids) == 61


@pytest.mark.parametrize(
    "made", [[], "x", {"database": {"1": "yesterday"}}, {"database": []}], ids=["list", "text", "no day", "list in it"]
)
def test_a_damaged_day_of_a_key_is_a_damaged_file(tmp_path: Path, made: object) -> None:
    with pytest.raises(house.NoHouse, match="damaged"):
        house.read(a_house(tmp_path, made=made))


def test_a_file_from_before_days_were_kept_says_that_it_does_not_know(tmp_path: Path) -> None:
    file = a_house(tmp_path)
    raw = json.loads(file.read_text())
    del raw["made"]
    file.write_text(json.dumps(raw))
    assert house.read(file).key_made("database") is None


# --- rings -------------------------------------------------------------------------------------------------------------------


def test_a_ring_follows_its_file_and_survives_a_moment_without_it(tmp_path: Path) -> None:
    file = a_house(tmp_path)
    live = house.LiveRing(file, "database")
    first = live.seal("text", "row")
    house.write(house.with_new_keys(house.read(file), now()), file)
    second = live.seal("text", "row")
    assert (first[:2], second[:2]) == (b"i1", b"i2")
    assert [live.open(s, "row") for s in (first, second)] == ["text", "text"]
    kept = file.read_bytes()
    file.unlink()
    assert live.open(second, "row") == "text"
    file.write_text("{")
    assert live.seal("text", "row")[:2] == b"i2"
    file.write_bytes(kept)
    house.write(house.without_old_keys(house.read(file)), file)
    with pytest.raises(Unreadable, match="no key '1'"):
        live.open(first, "row")
    assert live.open(second, "row") == "text"


def test_an_index_is_offered_under_every_key_the_newest_first() -> None:
    keys = {key_id: bytes([n]) * 32 for n, key_id in enumerate(("1", "2", "A", "a"))}
    ring = Keyring("intl", "a", keys)
    offered = ring.indexes("350405", "identity.number")
    assert [i[:2] for i in offered] == [b"ia", b"iA", b"i2", b"i1"]
    assert offered[0] == ring.index("350405", "identity.number")
    assert offered[3] == Keyring("intl", "1", keys).index("350405", "identity.number")
    assert len(set(offered)) == 4
