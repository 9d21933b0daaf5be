"""`fenji account`: the first administrators of a house, and a password set by somebody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fenji.config.cli import cli
from fenji.ground.access.models import Account
from fenji.ground.network.models import Organisation, Post
from tests.app.sessions import browser
from tests.cast import person

CODE = re.compile(r"activation code ((?:[0-9A-Z]{4}-){6}[0-9A-Z]{4})")
GOOD = "mountain river seven 21"


def run(house_file: Path, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, ["account", *arguments, "--house", str(house_file)], input=typed)


def test_the_first_administrator_of_a_house_gets_in(house_file: Path) -> None:
    office = ("--office", "异市信息中心", "--region", "350700")
    made = run(house_file, "new", "First.Security", "--name", "首任", "--role", "security_admin", *office)
    assert made.exit_code == 0, made.output
    account = Account.objects.using("load").get(username="first.security")
    org = Organisation.objects.using("load").get(pk=account.org_id)
    assert (org.kind, org.path[:6], account.kind, account.path) == ("agency", "350700", "administrator", org.path)
    assert Post.objects.using("load").get(account=account).role == "security_admin"
    (code,) = CODE.findall(made.output)
    fields = {"username": "first.security", "code": code, "new": GOOD, "again": GOOD}
    assert browser().post("/activate/", fields).status_code == 303
    client = browser()
    assert client.post("/login/", {"username": "first.security", "password": GOOD})["Location"] == "/"
    assert "异市信息中心" in client.get("/accounts/administrators/").content.decode()
    second = run(house_file, "new", "first.system", "--name", "次任", "--role", "system_admin", "--org", str(org.id))
    assert second.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("doctor", "--role", "doctor", "--org", "3"), "The user name doctor is taken"),
        (("x", "--role", "doctor", "--org", "3"), "the username cannot be taken (form)"),
        (("new.one", "--role", "machine", "--org", "3"), "there is no role"),
        (("new.one", "--role", "king", "--org", "3"), "there is no role"),
        (("new.one", "--role", "doctor", "--org", "999999"), "There is no such record"),
        (("new.one", "--role", "doctor"), "name an institution with --org"),
        (("new.one", "--role", "doctor", "--office", "x", "--region", "999999"), "there is no region"),
    ],
)
def test_what_is_wrong_is_one_line_and_makes_nothing(house_file: Path, arguments: tuple[str, ...], says: str) -> None:
    from django.utils import translation

    before = (Account.objects.using("load").count(), Organisation.objects.using("load").count())
    with translation.override("en"):
        answer = run(house_file, "new", *arguments, "--name", "某人")
    assert answer.exit_code == 1
    assert says in answer.output
    assert (Account.objects.using("load").count(), Organisation.objects.using("load").count()) == before


def test_a_password_typed_by_somebody_else_is_to_be_changed(house_file: Path) -> None:
    who = person("citydesk")
    answer = run(house_file, "password", who.username.upper(), typed="temporary words\ntemporary words\n")
    assert answer.exit_code == 0, answer.output
    signed = browser().post("/login/", {"username": who.username, "password": "temporary words"})
    assert signed["Location"].startswith("/account/password/")
    assert run(house_file, "password", "nobody").exit_code == 1
    Account.objects.using("door").filter(pk=who.id).update(password="!", must_change=False)
