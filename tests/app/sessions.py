"""What the tests of sessions share: somebody with a known password, and a browser to sign in with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from fenji.config.walker import Form, Page
from fenji.ground.access import queries
from fenji.ground.access.actions import passwords
from fenji.ground.access.models import Account, ScopeHandle
from fenji.ground.access.rules import house, kind_of
from fenji.ground.common.edge import now
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Organisation
from fenji.world.county import Person
from tests.cast import everybody, person

WORD = "a long word that nobody guesses"
MISSING = "R350405-260915-99998-7"
NO_ID = "00000000-0000-7000-8000-000000000000"
LOCKED = "This account is locked after too many wrong passwords"
WRONG = "The user name or the password is not right"


def last_of(role: str) -> Person:
    """Somebody of the county's last township, where no other test has business."""
    return person(max(name for name in everybody() if name.startswith(f"{role}.")))


def appointed(username: str, name: str, role: str, org_id: int) -> Person:
    """Somebody who is not in the cast, with a post; the same person each time."""
    who, since = Person(username, name, role, org_id), now() - timedelta(days=1)
    if not Account.objects.using("load").filter(pk=who.id).exists():
        with transaction.atomic(using="load"):
            path = Organisation.objects.using("load").get(pk=org_id).path
            Account.objects.using("load").create(
                id=who.id, username=username, name=name, kind=kind_of(role), org_id=org_id, path=path
            )
            appoint(who.id, org_id, role, since, by=house(org_id), at=since, using="load")
    return who


@cache
def hashed() -> str:
    return make_password(WORD)


def with_word(who: Person) -> Person:
    """Somebody whose password is WORD, with no failures; hashed once, for hashing is meant to be slow."""
    Account.objects.using("door").filter(pk=who.id).update(password=hashed(), failures=0, locked_until=None)
    return who


def browser(**headers: str) -> Client:
    client = Client(raise_request_exception=False, headers=headers)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def sign_in(who: Person | str, word: str = WORD, client: Client | None = None, **more: str) -> HttpResponse:
    name = who if isinstance(who, str) else who.username
    return (client or browser()).post("/login/", {"username": name, "password": word, **more})


def handle(token: str) -> ScopeHandle:
    return ScopeHandle.objects.using("door").get(token_hash=queries.token_hash(token))


def move(token: str, **fields: object) -> None:
    """Move a session's times."""
    assert ScopeHandle.objects.using("door").filter(token_hash=queries.token_hash(token)).update(**fields) == 1


def form_of(answer: HttpResponse, wanted: str) -> Form:
    """A form as the page really shows it."""
    return Page(answer.status_code, "", answer.content.decode(), {}).form(wanted)


@contextmanager
def quick_hashes() -> Iterator[None]:
    """Argon2 with small parameters, where a test makes many passwords and how they are kept is not its question."""
    names = {"time_cost": 1, "memory_cost": 1024, "parallelism": 1}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setattr(Argon2PasswordHasher, name, value)
        yield
    # what unknown names are compared with must cost what a real password costs again
    passwords._decoy.cache_clear()
