"""The fixed cast: who acts in the tests, and how a test becomes one of them.

Township A is where `doctor`, `doctor2`, `reviewer`, `reviewer2` and `head` work; township B is another one of the county.
`desk` and `specialist` work at the county hospital, `citydesk` at the city hospital.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.test import Client

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case
from fenji.care.registry.models import Resident
from fenji.care.visits import actions as visits
from fenji.ground.access import queries as access
from fenji.ground.access.actions import open_session
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import AccessPolicy, Actor
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.network.models import Post
from fenji.ground.network.queries import seat_of
from fenji.world import county
from fenji.world.county import Person

POLICY = AccessPolicy(
    idle_minutes=30, session_hours=12, lock_after_failures=5, lock_minutes=15, door_per_hour=120,
    glass_minutes=60, glass_per_hour=120, identify_per_hour=120, reason_characters=6,
)  # fmt: skip
IN_CATALOGUE_TREATABLE = "I10.x00"
CONSENT = rules.ConsentGiven("patient")
NOT_IN_CATALOGUE = "I21.900"


@cache
def everybody() -> dict[str, Person]:
    return {p.username: p for p in county.people(county.townships())}


def person(username: str) -> Person:
    return everybody()[username]


def other_doctor() -> Person:
    """A doctor of township B."""
    return next(p for name, p in everybody().items() if name.startswith("doctor."))


def other_reviewer() -> Person:
    return person(other_doctor().username.replace("doctor", "reviewer"))


def token_for(who: Person, **policy: int) -> str:
    # the post they are known for: other tests may have given them more, or had them stand in for somebody
    held = Post.objects.using("door").select_related("org__region").filter(account_id=who.id, role=who.role, org_id=who.org_id)
    post = held.get(end=None)
    rules = AccessPolicy(**{**{f: getattr(POLICY, f) for f in POLICY.__slots__}, **policy})
    return open_session(account_by_id(who.id), seat_of(post), at=now(), policy=rules)


@contextmanager
def scope(who: Person, token: str | None = None) -> Iterator[Actor]:
    """Be somebody inside the running transaction."""
    actor = access.enter(token or token_for(who))
    assert actor is not None
    yield actor
    access.leave()


def client_for(who: Person, **policy: int) -> Client:
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE] = token_for(who, **policy)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def form(**fields: object) -> dict[str, object]:
    """A posted form with a fresh key."""
    return {"_key": fresh_key(), **fields}


def a_resident(who: Person, number: int = 0) -> Resident:
    """A resident of somebody's institution; call inside their scope."""
    return Resident.objects.filter(home_org_id=who.org_id).order_by("id")[number]


def a_case(
    by: Actor,
    who: Person,
    *,
    code: str = IN_CATALOGUE_TREATABLE,
    number: int = 0,
    receiver: int = county.COUNTY_HOSPITAL,
    emergency: bool = False,
    reason: str = "two drugs did not bring it down",
    at: datetime | None = None,
    send: bool = True,
    text: str = "summary",
    slot: UUID | None = None,
    **more: Any,
) -> Case:
    """A referral of somebody's resident, sent unless told otherwise; call inside their scope. `more`: of the plan."""
    at = at or now()
    found = diagnosis(code)
    visit = visits.register(a_resident(who, number), visits.NewVisit(found, text, emergency), by=by, at=at)
    first = {"green": "chest_pain" if emergency else "", "consent": CONSENT, "wish": actions.Wish(slot)}
    plan = actions.Plan(found, receiver, None, emergency, text, reason, **{**first, **more})
    case = actions.draft(visit, plan, by=by, at=at)
    return actions.submit(case.number, version=case.version, by=by, at=at) if send else case


def finish(number: str) -> None:
    """End a case, wherever it stands, so that its resident can be referred again by another test."""
    row = Case.objects.using("owner").get(number=number)
    if row.ended_at is not None:
        return
    if row.state == "local":
        with transaction.atomic(), scope(person("doctor")) as by:
            actions.treat_here(number, "treated", version=row.version, by=by, at=now())
        return
    who, action = _ENDINGS.get(row.state, ("doctor", "withdraw"))
    with transaction.atomic(), scope(person(who)) as by:
        actions.end(number, action, version=row.version, by=by, at=now(), note="end of the test")


_ENDINGS = {
    "declined": ("doctor", "close"),
    "missed": ("doctor", "close"),
    "arrived": ("specialist", "died"),
    "answered": ("doctor", "acknowledge"),
}
