"""What the tests of accounts share: making one, opening it, and acting on it."""

from __future__ import annotations

import re

from django.test import Client

from fenji.ground.access.models import Account
from fenji.ground.access.rules import DOCTOR
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.sessions import browser
from tests.cast import form

GOOD = "mountain river seven 21"
CODE = re.compile(r"<span>([0-9A-Z]{4})</span>")


def make(client: Client, base: str = "/accounts/", **fields: str) -> object:
    given = {"name": "张小明", "org": f"{COUNTY_HOSPITAL}", "role": DOCTOR, **fields}
    return client.post(f"{base}new/", form(**given))


def made(client: Client, base: str = "/accounts/", **fields: str) -> tuple[Account, str]:
    """A new account and the code on its slip."""
    answer = make(client, base, **fields)
    assert answer.status_code == 303, answer.content.decode()
    page = client.get(answer["Location"]).content.decode()
    code = "-".join(CODE.findall(page))
    username = re.search(r'slip-name">([^<]+)<', page).group(1)
    return Account.objects.using("load").get(username=username), code


def act(client: Client, account: Account, action: str, base: str = "/accounts/", **fields: object) -> object:
    version = Account.objects.using("load").get(pk=account.pk).version
    return client.post(f"{base}{account.pk}/{action}/", form(_version=version, **fields))


# --- looking after ------------------------------------------------------------------------------------------------------------


def activated(client: Client, **fields: str) -> Account:
    account, code = made(client, **fields)
    browser().post("/activate/", {"username": account.username, "code": code, "new": GOOD, "again": GOOD})
    return account
