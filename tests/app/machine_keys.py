"""Machine accounts for tests, with keys."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.db import transaction

from fenji.ground.access import actions, rules
from fenji.ground.access.models import Account
from fenji.ground.access.rules import MACHINE, Actor, MachinePolicy, Scope, house
from fenji.ground.common.edge import now
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Organisation, Post
from fenji.ground.network.queries import seat_of
from tests.cast import person, scope

POLICY = MachinePolicy(machine_per_minute=600, machine_key_days=366)


def a_machine(org_id: int, name: str = "HIS") -> Account:
    """A machine account of an institution."""
    org, by = Organisation.objects.using("load").get(pk=org_id), house(org_id)
    new = rules.new_account(name, actions.machine_username(), "machine", org.id, org.path)
    (account,) = actions.create_accounts([new], by=by, at=now(), using="load")
    appoint(account.pk, org.id, MACHINE, now() - timedelta(hours=1), by=by, at=now(), using="load")
    return account


def a_key(account: Account, by: Actor | None = None) -> str:
    """A fresh key of a machine account, good for a day."""
    post = Post.objects.using("load").select_related("org__region").get(account=account, end=None)
    from dataclasses import replace

    seat = replace(seat_of(post), scope=Scope((), "", "", post.org.path))
    if by is not None:
        return actions.issue_key(account, seat, until=now() + timedelta(days=1), policy=POLICY, by=by, at=now())
    with transaction.atomic(), scope(person("security")) as security:
        return actions.issue_key(account, seat, until=now() + timedelta(days=1), policy=POLICY, by=security, at=now())


def fresh() -> str:
    """An idempotency key."""
    return str(uuid4())
