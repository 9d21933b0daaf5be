"""Rotation of keys, on houses of their own: cut off and taken up again, while the house serves, and nothing lost on the way."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fenji.config import database, house, running
from fenji.config.walker import Walker, until
from fenji.ground.common.edge import now
from fenji.ground.common.rls import ROLES
from tests.plugin import url

RESIDENTS, CASES = 400, 60
PARTS, FAULTS = 5, 3
VALUES = 2 * RESIDENTS + CASES + PARTS + FAULTS
TEMPLATE = "fenji_keys"
TURN = count(1)
COLUMNS = {
    "registry_resident.phone": RESIDENTS,
    "registry_identity.number": RESIDENTS,
    "registry_identity.number_index": RESIDENTS,
    "referral_case.patient_phone": CASES,
    "documents_blob.content": PARTS,
    "documents_importfault.detail": FAULTS,
}
ROOT = str(Path(__file__).parents[2])
_BUILD = f"""
import sys
sys.path.insert(0, {ROOT!r})
from django.db import transaction
from fenji.ground.documents import actions as documents
from fenji.ground.common.edge import now
from fenji.world import county, history
from fenji.world.build import build
build(at=now(), residents={RESIDENTS}, cases=False)
history.write({CASES}, county.people(county.townships()), now(), share_at_county=0.6)
from tests.cast import person, scope
# a file of two parts, one for one person alone, one whose content was wiped; a list with three faults, and its file of faults
with transaction.atomic(), scope(person("system")) as by:
    documents.store("large", bytes(1 << 20) + b"end", by=by, at=now(), kind="csv")
    documents.store("slips", b"[1]", by=by, at=now(), only=by.account_id, kinds=("json",), kind="json")
    wiped = documents.store("wiped", b"gone", by=by, at=now(), kind="csv")
    documents.void_file(wiped.pk, "mistake", by=by, at=now())
    sent = b"day,working,name,basis\\n2041-13-01,no,x,y\\n2041-01-02,maybe,x,y\\n2041-01-03,no,,y\\n"
    listed = documents.upload("calendar", "days.csv", sent, by=by, at=now())
documents.wipe(wiped.pk, at=now())
documents.judge(listed.pk, at=now())
"""
# what the person who sent them sees of those files
_FILES = f"""
import sys
sys.path.insert(0, {ROOT!r})
from django.db import transaction
from fenji.ground.common.edge import now
from fenji.ground.documents import actions as documents
from fenji.ground.documents.models import StoredFile
from tests.cast import person, scope
with transaction.atomic(), scope(person("system")) as by:
    for file in StoredFile.objects.filter(voided_at=None).order_by("id"):
        opened = documents.open_file(file.pk, by=by, at=now())
        print(opened.name, len(opened.content), opened.content[-3:].hex())
"""
# everything that is encrypted, in clear, by row
_PLAIN = """
import json
from hashlib import sha256
from django.conf import settings
from fenji.care.referral.models import Case
from fenji.care.registry.models import Identity, Resident
from fenji.ground.documents.models import Blob, ImportFault
ring = settings.DATABASE_KEYS
plain = {f"phone {r.pk}": ring.open(bytes(r.phone), f"resident.phone:{r.pk}") for r in Resident.objects.using("load")}
plain |= {f"number {i.pk}": ring.open(bytes(i.number), f"identity.number:{i.pk}") for i in Identity.objects.using("load")}
plain |= {f"case {c.number}": ring.open(bytes(c.patient_phone), f"case.phone:{c.number}") for c in Case.objects.using("load")}
for b in Blob.objects.using("load").exclude(content=b""):
    part = ring.open_bytes(bytes(b.content), f"documents.blob:{b.file_id}:{b.part}")
    plain[f"part {b.pk}"] = sha256(part).hexdigest()
plain |= {f"fault {f.pk}": ring.open(bytes(f.detail), f"importfault.detail:{f.pk}") for f in ImportFault.objects.using("load")}
print(json.dumps(plain))
"""


def run(file: Path, code: str) -> str:
    """Python inside a house, in a process of its own; what it printed."""
    begin = f"from pathlib import Path\nfrom fenji.config import database\ndatabase.configure(Path({str(file)!r}))\n"
    done = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fenji(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fenji", *words, "--house", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def urls(name: str) -> dict[str, str]:
    return {r.removeprefix("fenji_"): url(r, name) for r in ROLES}


def admin(name: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(url("postgres", name), autocommit=True)


@pytest.fixture(scope="module")
def template(house_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small built house; tests work on copies of it."""
    file = tmp_path_factory.mktemp("template") / "house.json"
    house.write(house.fresh(urls(TEMPLATE), demo=True, at=now() - timedelta(days=400)), file)
    database.make_database(url("postgres", "postgres"), TEMPLATE)
    made = fenji(file, "db", "migrate")
    assert made.returncode == 0, made.stderr
    run(file, _BUILD)
    yield file
    with admin() as root:
        root.execute(f"DROP DATABASE {TEMPLATE} WITH (FORCE)")


@pytest.fixture
def small(template: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the small house: database and file."""
    name = f"{TEMPLATE}_{next(TURN)}"
    with admin() as root:
        root.execute(f"CREATE DATABASE {name} OWNER fenji_owner TEMPLATE {TEMPLATE}")
    database.make_database(url("postgres", "postgres"), name)
    file = tmp_path / "house.json"
    file.write_text(json.dumps({**json.loads(template.read_text()), "urls": urls(name)}))
    file.chmod(0o600)
    yield file
    with admin() as root:
        root.execute(f"DROP DATABASE {name} WITH (FORCE)")


def owner(file: Path) -> psycopg.Connection:
    """Past all policies, into the database of a small house."""
    name = house.read(file).urls["owner"]
    return psycopg.connect(make_conninfo(name, user="postgres"), autocommit=True)


def marks(file: Path) -> dict[str, dict[str, int]]:
    """Column → mark → how many values, read without the program."""
    found = {}
    with owner(file) as root:
        for column in COLUMNS:
            table, name = column.split(".")
            mark = f"convert_from(substr({name}, 1, 2), 'UTF8')"
            rows = root.execute(f"SELECT {mark}, count(*) FROM {table} WHERE {name} <> '' GROUP BY 1").fetchall()
            found[column] = dict(rows)
    return found


def all_under(mark: str) -> dict[str, dict[str, int]]:
    return {column: {mark: number} for column, number in COLUMNS.items()}


def plain(file: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(run(file, _PLAIN))
    assert len(found) == VALUES
    return found


def aged(file: Path) -> None:
    """The keys of a house as if they had been made a day ago."""
    raw = json.loads(file.read_text())
    raw["made"] = {p: dict.fromkeys(raw["keys"][p], (now() - timedelta(days=1)).isoformat()) for p in raw["keys"]}
    file.write_text(json.dumps(raw))


_DOOR = """
import json, sys
sys.path.insert(0, {root!r})
from django.db import transaction
from fenji.care.registry import actions
from fenji.care.registry.rules import new_resident
from fenji.ground.common.edge import now
from fenji.ground.common.identity import parse_identity
from tests.cast import other_doctor, scope
wanted = json.loads({wanted!r})
found = {{}}
with transaction.atomic(), scope(other_doctor()) as by:
    for number in wanted:
        found[number] = str(actions.find_by_identity(number, by=by))
        try:
            actions.register(new_resident("林重复", number, "", "", now().date()), by=by, at=now())
        except actions.AlreadyRegistered as refusal:
            assert str(refusal.detail["resident"]) == found[number]
        else:
            raise SystemExit(f"{{number}} was registered twice")
print(json.dumps(found))
"""


def door(file: Path, numbers: dict[str, str]) -> None:
    """Each of these numbers is found at the door under its own resident, and cannot be registered a second time."""
    code = _DOOR.format(root=ROOT, wanted=json.dumps(list(numbers.values())))
    found = json.loads(run(file, code))
    assert found == {number: resident for resident, number in numbers.items()}


def some_numbers(file: Path, mark: str, text: dict[str, str], most: int = 20) -> dict[str, str]:
    """Residents whose index stands under a mark, with their identity numbers."""
    query = "SELECT resident_id::text FROM registry_identity WHERE convert_from(substr(number_index, 1, 2), 'UTF8') = %s LIMIT %s"
    with owner(file) as root:
        return {r: text[f"number {r}"] for (r,) in root.execute(query, [mark, most]).fetchall()}


# --- rotating ----------------------------------------------------------------------------------------------------------------


def test_everything_comes_under_the_new_keys_opens_as_before_and_the_old_ones_can_go(small: Path) -> None:
    before, files, first = plain(small), run(small, _FILES), house.read(small)
    assert "large 1048579 656e64" in files
    assert marks(small) == all_under("i1")
    added = fenji(small, "keys", "new")
    assert added.returncode == 0, added.stderr
    assert "Next: fenji keys rotate" in added.stdout
    assert marks(small) == all_under("i1"), "a new key alone changes no value"
    rotated = fenji(small, "keys", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    assert f"{VALUES} rows brought under the newest keys" in rotated.stdout
    assert marks(small) == all_under("i2")
    assert plain(small) == before
    door(small, some_numbers(small, "i2", before))
    aged(small)
    retired = fenji(small, "keys", "retire")
    assert retired.returncode == 0, retired.stderr
    assert "Taken out: database 1, index 1" in retired.stdout
    last = house.read(small)
    assert {p: list(k) for p, k in last.keys.items()} == {"database": ["2"], "index": ["2"]}
    assert (last.secret, last.urls, last.suite) == (first.secret, first.urls, first.suite)
    assert plain(small) == before
    door(small, some_numbers(small, "i2", before))
    assert run(small, _FILES) == files
    with owner(small) as root:
        assert root.execute("SELECT count(*) FROM documents_blob WHERE content = ''").fetchone() == (1,), "what was wiped stays so"
    again = fenji(small, "keys", "rotate")
    assert "0 rows brought" in again.stdout


def test_killed_in_the_middle_it_goes_on_where_it_was_and_meanwhile_everything_is_found(small: Path) -> None:
    before = plain(small)
    assert fenji(small, "keys", "new").returncode == 0
    command = [sys.executable, "-m", "fenji", "keys", "rotate", "--batch", "1", "--house", str(small)]
    begun = "SELECT count(*) > 20 FROM registry_identity WHERE substr(number_index, 1, 2) = 'i2'"
    with owner(small) as root:
        worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert until(lambda: root.execute(begun).fetchone() == (True,), 60)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    halfway = marks(small)["registry_identity.number_index"]
    assert set(halfway) == {"i1", "i2"}, "it was killed too late to be in the middle"
    assert sum(halfway.values()) == RESIDENTS
    assert plain(small) == before
    for mark in ("i1", "i2"):
        numbers = some_numbers(small, mark, before)
        assert numbers
        door(small, numbers)
    left = sum(number for of in marks(small).values() for mark, number in of.items() if mark == "i1")
    resumed = fenji(small, "keys", "rotate")
    assert resumed.returncode == 0, resumed.stderr
    assert int(resumed.stdout.split()[0]) < VALUES, "what was done is not done again"
    assert int(resumed.stdout.split()[0]) <= left
    assert marks(small) == all_under("i2")
    assert plain(small) == before


def test_values_written_under_the_old_key_behind_its_back_are_found_in_another_pass(small: Path) -> None:
    """A request that began before the new key, and committed after the rotation had passed its row."""
    before = plain(small)
    with owner(small) as root:
        resident, old = root.execute("SELECT id, phone FROM registry_resident ORDER BY id LIMIT 1").fetchone()
    assert fenji(small, "keys", "new").returncode == 0
    code = f"""
import psycopg
from fenji.config.keys import rotate
root = psycopg.connect({make_conninfo(house.read(small).urls["owner"], user="postgres")!r}, autocommit=True)
late = []
def tell(column, done, there):
    if column == "registry_resident.phone" and not late and done == there:
        back = [bytes.fromhex({bytes(old).hex()!r}), {str(resident)!r}]
        late.append(root.execute("UPDATE registry_resident SET phone = %s WHERE id = %s", back).rowcount)
print(rotate(batch=100, progress=tell), len(late))
"""
    assert run(small, code).split() == [str(VALUES + 1), "1"]
    assert marks(small) == all_under("i2")
    assert plain(small) == before


def test_a_house_that_serves_answers_all_the_while_without_a_restart(small: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {ROOT!r})
from django.db import transaction
from fenji.care.registry.queries import phone_of
from tests.cast import a_resident, person, scope, token_for
with transaction.atomic(), scope(person("doctor")):
    found = next(r for n in range(20) if (r := a_resident(person("doctor"), n)) and phone_of(r))
    print(found.id, phone_of(found), token_for(person("doctor")))
"""
    resident, phone, token = run(small, code).split()
    port = running.free_port()
    web = running.web(small, port, workers=1)
    over, seen = threading.Event(), []
    try:
        running.wait_ready(f"http://127.0.0.1:{port}", web)
        walker = Walker(f"http://127.0.0.1:{port}")
        walker.cookies |= {"fenji_session": token}

        def look() -> None:
            while not over.is_set():
                page = walker.get(f"/residents/{resident}/")
                seen.append((page.status, phone in page.body))

        reader = threading.Thread(target=look)
        reader.start()
        for words in (("keys", "new"), ("keys", "rotate", "--batch", "20")):
            assert fenji(small, *words).returncode == 0
        aged(small)
        assert fenji(small, "keys", "retire").returncode == 0
        after = len(seen)
        assert until(lambda: len(seen) > after + 3, 30)
        over.set()
        reader.join()
        walker.connection.close()
    finally:
        over.set()
        running.stop_all([web])
    assert len(seen) > 10
    assert set(seen) == {(200, True)}


def test_a_rotation_brings_values_from_several_older_keys(small: Path) -> None:
    before = plain(small)
    with owner(small) as root:
        kept = root.execute("SELECT phone, id FROM registry_resident ORDER BY id LIMIT 100").fetchall()
    for words in (("keys", "new"), ("keys", "rotate"), ("keys", "new")):
        assert fenji(small, *words).returncode == 0
    with owner(small) as root:
        root.cursor().executemany("UPDATE registry_resident SET phone = %s WHERE id = %s", kept)
    assert marks(small)["registry_resident.phone"] == {"i1": 100, "i2": RESIDENTS - 100}
    assert plain(small) == before
    assert fenji(small, "keys", "rotate").returncode == 0
    assert marks(small) == all_under("i3")
    assert plain(small) == before


def test_another_suite_is_taken_over_by_a_rotation_too(small: Path) -> None:
    before = plain(small)
    raw = json.loads(small.read_text())
    small.write_text(json.dumps({**raw, "suite": "gm"}))
    assert fenji(small, "keys", "rotate").returncode == 0
    assert marks(small) == all_under("g1")
    assert plain(small) == before
    door(small, some_numbers(small, "g1", before))


# --- refusing ----------------------------------------------------------------------------------------------------------------


def test_retiring_is_refused_while_a_value_needs_the_old_key(small: Path) -> None:
    fenji(small, "keys", "new")
    aged(small)
    before = small.read_bytes()
    refused = fenji(small, "keys", "retire")
    assert refused.returncode == 1
    assert f"{RESIDENTS} in registry_identity.number_index" in refused.stderr
    assert "run `fenji keys rotate` first" in refused.stderr
    assert small.read_bytes() == before
    fenji(small, "keys", "rotate")
    with owner(small) as root:
        one = "(SELECT min(id::text)::uuid FROM referral_case)"
        root.execute(f"UPDATE referral_case SET patient_phone = 'i1' || substr(patient_phone, 3) WHERE id = {one}")
    last = fenji(small, "keys", "retire")
    assert last.returncode == 1
    assert "1 in referral_case.patient_phone" in last.stderr


def test_retiring_waits_for_what_was_begun_before_the_new_key(small: Path) -> None:
    fenji(small, "keys", "new")
    fenji(small, "keys", "rotate")
    refused = fenji(small, "keys", "retire")
    assert refused.returncode == 1
    assert "is younger than 10 minutes" in refused.stderr
    assert list(house.read(small).keys["database"]) == ["1", "2"]


def test_with_one_key_there_is_nothing_to_retire(small: Path) -> None:
    refused = fenji(small, "keys", "retire")
    assert refused.returncode == 1
    assert "nothing to retire" in refused.stderr


def test_a_wrong_key_is_named_and_nothing_is_changed(small: Path) -> None:
    fenji(small, "keys", "new")
    raw = json.loads(small.read_text())
    raw["keys"]["database"]["1"] = "ab" * 32
    small.write_text(json.dumps(raw))
    refused = fenji(small, "keys", "rotate")
    assert refused.returncode == 1
    assert "is not opened by any key of this house file" in refused.stderr
    assert "stands under key '1': put the house file back" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert marks(small) == all_under("i1")


def test_a_missing_key_is_named_by_rotation_and_by_status(small: Path) -> None:
    fenji(small, "keys", "new")
    raw = json.loads(small.read_text())
    del raw["keys"]["database"]["1"]
    small.write_text(json.dumps(raw))
    refused = fenji(small, "keys", "rotate")
    assert refused.returncode == 1
    assert "no key '1'" in refused.stderr
    shown = fenji(small, "keys", "status")
    assert shown.returncode == 1
    assert "NOT IN THE HOUSE FILE" in shown.stdout
    assert "put the file back that has it" in shown.stderr


def test_two_changes_of_keys_do_not_run_at_once(small: Path) -> None:
    from fenji.config.keys import _LOCK

    with owner(small) as root:
        root.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        for words in (("keys", "new"), ("keys", "rotate"), ("keys", "retire")):
            refused = fenji(small, *words)
            assert refused.returncode == 1
            assert "another `fenji keys` is at work" in refused.stderr


def test_status_counts_the_values_under_each_key(small: Path) -> None:
    fenji(small, "keys", "new")
    shown = fenji(small, "keys", "status")
    assert shown.returncode == 0, shown.stderr
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"registry_resident.phone {RESIDENTS} key 1 (intl)" in lines
    assert f"registry_identity.number_index {RESIDENTS} key 1 (intl)" in lines
    assert [line.split()[-1] for line in lines[:4]].count("seals") == 2


def test_a_new_key_leaves_a_copy_of_the_file_as_it_was_for_its_owner_alone(small: Path) -> None:
    before = small.read_bytes()
    fenji(small, "keys", "new")
    copies = [f for f in small.parent.iterdir() if f != small]
    assert [c.read_bytes() for c in copies] == [before]
    assert [stat.S_IMODE(f.stat().st_mode) for f in (small, *copies)] == [0o600, 0o600]
    old, new = json.loads(before), json.loads(small.read_text())
    assert {k: v for k, v in new.items() if k not in ("keys", "made")} == {
        k: v for k, v in old.items() if k not in ("keys", "made")
    }
    for purpose in house.PURPOSES:
        assert new["keys"][purpose]["1"] == old["keys"][purpose]["1"]
        assert len(bytes.fromhex(new["keys"][purpose]["2"])) == 32
    assert new["keys"]["database"]["2"] != new["keys"]["index"]["2"]
    assert house.read(small).key_made("database") > now() - timedelta(minutes=5)
