"""Accounts: how passwords are kept, what ends open sessions, which roles exclude each other."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client

from fenji.ground.access.actions import set_password
from fenji.ground.access.models import Account, AuditEvent
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import AUDIT_ADMIN, DOCTOR, REVIEWER, SECURITY_ADMIN, SYSTEM_ADMIN, conflicting_roles, house
from fenji.ground.common.edge import now
from fenji.ground.network.actions import RolesExclude, appoint
from fenji.world.county import Person
from tests.app.wsgi import call
from tests.cast import other_reviewer, person, token_for

WORD = "a-long-pass-word-1"
SEALED = re.compile(r'name="pending" value="([0-9a-f]+)"')


def client() -> Client:
    browser = Client(raise_request_exception=False)
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return browser


def sign_in(browser: Client, who: Person, word: str = WORD, **more: str) -> object:
    return browser.post("/login/", {"username": who.username, "password": word, **more})


@pytest.fixture
def reviewer(house_file: object) -> Person:
    """A reviewer of township B with a known password and no failures."""
    who = other_reviewer()
    set_password(account_by_id(who.id), WORD)
    return who


def test_passwords_are_argon2id_and_sign_ins_are_in_the_audit_trail(reviewer: Person) -> None:
    assert account_by_id(reviewer.id).password.startswith("argon2$argon2id$")
    before = AuditEvent.objects.using("owner").filter(actor_id=reviewer.id, action="login").count()
    sign_in(client(), reviewer)
    assert AuditEvent.objects.using("owner").filter(actor_id=reviewer.id, action="login").count() == before + 1


def test_a_new_password_and_a_switched_off_account_end_open_sessions(reviewer: Person) -> None:
    token = token_for(reviewer)
    assert call("GET", "/", token).status == 200
    set_password(account_by_id(reviewer.id), WORD)
    assert call("GET", "/", token).status == 302
    token = token_for(reviewer)
    Account.objects.using("owner").filter(pk=reviewer.id).update(active=False)
    try:
        assert call("GET", "/", token).status == 302
        assert sign_in(client(), reviewer).status_code == 422
    finally:
        Account.objects.using("owner").filter(pk=reviewer.id).update(active=True)


def test_the_three_administrators_exclude_each_other_and_clinical_roles(house_file: object) -> None:
    assert conflicting_roles([SYSTEM_ADMIN, SECURITY_ADMIN]) == {SYSTEM_ADMIN, SECURITY_ADMIN}
    assert conflicting_roles([AUDIT_ADMIN, DOCTOR]) == {AUDIT_ADMIN, DOCTOR}
    assert conflicting_roles([DOCTOR, REVIEWER]) == frozenset()
    system = person("system")
    with pytest.raises(RolesExclude):
        appoint(system.id, system.org_id, AUDIT_ADMIN, now(), by=house(system.org_id), at=now(), using="load")
