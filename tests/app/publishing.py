"""What the tests of publication share: bodies, copies, people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.test import Client

from fenji.ground.access.models import Account
from fenji.ground.access.rules import MANAGER, Actor, house
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.network.actions import appoint
from fenji.ground.publication import actions
from fenji.ground.publication.models import Published
from fenji.world import county
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.wsgi import Answer, call

KEY = "test"
"""Copies of these tests have a key of their own, beside what the invented county has published."""


def body(*names: str, version: int = 1) -> dict[str, Any]:
    """A list whose codes are X00, X01, …"""
    groups = [{"code": f"X{i:02d}", "zh": name, "en": f"E {name}", "level": "township"} for i, name in enumerate(names)]
    return {"groups": groups, "version": version, "clauses": ["SM-3-2g"]}


def publish(by: Actor, start: date, *, at: datetime | None = None, org_id: int = 0, **changes: Any) -> Published:
    fields: dict[str, Any] = {
        "kind": "treatable", "key": KEY, "org_id": org_id or by.org_id, "title_zh": "病种", "title_en": "List",
        "body": body("甲病"), "start": start, "by": by, "at": at or now(),
    }  # fmt: skip
    return actions.publish(**{**fields, **changes})


def today() -> date:
    return local_day(now())


def everybody() -> Client:
    """Somebody without a session."""
    return Client(raise_request_exception=False)


def post(token: str, path: str, **fields: object) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


def a_hospital_head() -> county.Person:
    """A head of the county hospital, which leads the county community; nobody in the cast is one."""
    who = county.Person("hospitalhead", "院长", MANAGER, COUNTY_HOSPITAL)
    if not Account.objects.using("load").filter(pk=who.id).exists():
        Account.objects.using("load").create(id=who.id, username=who.username, name=who.name, password="!")
        appoint(who.id, who.org_id, who.role, county.OPENED, by=house(who.org_id), at=county.OPENED, using="load")
    return who
