"""The security administrator's page: what is open, who is locked out, how old the keys are, whether the chain holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from fenji.care.registry.actions import break_glass
from fenji.config import house
from fenji.ground.access.actions import close_glass
from fenji.ground.access.models import Account, ChainCheck
from fenji.ground.access.queries import locked_accounts
from fenji.ground.access.rules import RECORDS
from fenji.ground.common.edge import now
from fenji.ground.network.models import Post
from tests.app.test_glass import WHY, an_administrator
from tests.app.wsgi import call
from tests.cast import a_resident, other_doctor, person, scope, token_for
from tests.plugin import HOUSE_FILE


@pytest.fixture
def locked(house_file: object) -> Iterator[None]:
    """A doctor of A and a doctor of B are locked, and nobody else; a reviewer was until a minute ago."""
    Account.objects.using("door").filter(locked_until__gt=now()).update(locked_until=None)
    until = {person("doctor2"): 10, other_doctor(): 12, person("reviewer2"): -1}
    for who, minutes in until.items():
        Account.objects.using("door").filter(pk=who.id).update(locked_until=now() + timedelta(minutes=minutes))
    yield
    Account.objects.using("door").filter(pk__in=[w.id for w in until]).update(locked_until=None)


def count_of(body: str, words: str) -> int:
    found = re.search(rf"{words} <b>(\d+)</b>", body)
    assert found, words
    return int(found.group(1))


def test_the_numbers_are_those_of_the_moment_and_lead_to_what_they_count(locked: None) -> None:
    token, doctor = token_for(person("security")), person("doctor")
    before = call("GET", "/security/", token).body
    with transaction.atomic(), scope(doctor) as by:
        resident = a_resident(doctor, 170).id
        break_glass(resident, WHY, by=by, at=now())
    body = call("GET", "/security/", token).body
    assert count_of(body, "open now") == count_of(before, "open now") + 1
    assert count_of(body, "emergency access not reviewed") == count_of(before, "emergency access not reviewed") + 1
    # other tests leave locked accounts behind
    near = Account.objects.using("door").filter(path__starts="350405", locked_until__gt=now(), active=True)
    assert count_of(body, "accounts locked") == near.count() >= 2
    for name in (person("doctor2").username, other_doctor().username):
        assert name in body
    assert person("reviewer2").username not in body
    for link in ("/glass/?show=unseen", "/glass/?show=open", "#locked-head"):
        assert f'href="{link}"' in body
    with transaction.atomic(), scope(doctor) as by:
        close_glass(RECORDS, str(resident), by=by, at=now())
    assert count_of(call("GET", "/security/", token).body, "open now") == count_of(before, "open now")


def test_locked_accounts_are_shown_within_reach_and_to_nobody_else(locked: None) -> None:
    near = an_administrator("security.c", person("doctor").org_id)
    with transaction.atomic(), scope(near):
        assert [a.username for a in locked_accounts()] == ["doctor2"]
    Post.objects.using("load").filter(account_id=near.id).update(end=now())
    for login in ("doctor", "head", "system", "audit", "officer"):
        assert call("GET", "/security/", token_for(person(login))).status == 403
        with (
            transaction.atomic(),
            scope(person(login)),
            pytest.raises(DatabaseError, match="closed to this scope"),
            transaction.atomic(),
        ):
            locked_accounts()


def test_the_age_of_the_keys_is_read_from_the_house_file(house_file: object) -> None:
    token, kept = token_for(person("security")), HOUSE_FILE.read_bytes()
    assert "not known" in call("GET", "/security/", token).body
    try:
        house.write(house.with_new_keys(house.read(HOUSE_FILE), now() - timedelta(days=33)), HOUSE_FILE)
        body = call("GET", "/security/", token).body
        assert body.count(">33</td>") == 2
        assert body.count("rotation not ended") == 2
        assert "2 · intl" in body
    finally:
        HOUSE_FILE.write_bytes(kept)


@pytest.mark.parametrize(("broken", "words"), [(None, "the chain holds"), (7, "broken at link 7")])
def test_the_last_verification_that_ended_is_shown(house_file: object, broken: int | None, words: str) -> None:
    base = {"account_id": person("audit").id, "actor_name": "x"}
    later = now() + timedelta(hours=1)
    done = ChainCheck.objects.using("owner").create(**base, at=later, finished_at=later, broken=broken, rows=12, links=3)
    running = ChainCheck.objects.using("owner").create(**base, at=later + timedelta(minutes=1))
    body = call("GET", "/security/", token_for(person("security"))).body
    assert words in body
    assert "12 rows in 3 links" in body
    ChainCheck.objects.using("owner").filter(pk__in=[done.pk, running.pk]).delete()
