"""Who acts for a resident: named with consent, and taken back at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import F

from fenji.care.registry import queries, rules
from fenji.care.registry.models import Proxy, Resident
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve


class Hooks(NamedTuple):
    """What a room above does in the same transaction when somebody begins to act, and when that is taken back:
    `begun(proxy, by=…, at=…)`, `ended(proxy_id)`."""

    begun: Callable[..., None]
    ended: Callable[[UUID], None]


_HOOKS: list[Hooks] = []


def register_proxies(hooks: Hooks) -> None:
    """Have a room above told of proxies, at start-up."""
    _HOOKS.append(hooks)


@all_or_nothing
def name_proxy(resident_id: UUID, typed: rules.NewProxy, *, by: Actor, at: datetime) -> Proxy:
    """Record that somebody acts for a resident, who has consented or is under guardianship.

    Raises NotPermitted, Unknown, BadField, TooManyProxies.
    """
    if not by.may("resident.proxy"):
        raise NotPermitted
    queries.resident(resident_id)
    today = local_day(at)
    policy = resolve(rules.ProxyPolicy, place_of(by.org_id).policy_path, today)
    # two desks naming at once wait for one another, or both would find room
    resident = Resident.objects.select_for_update(of=("self",)).get(pk=queries.canonical(resident_id))
    new = rules.new_proxy(typed, resident.birth_date, today, policy)
    rules.check_room(new.term, [p.term for p in queries.proxies_of(resident_id) if p.ended_at is None], policy)
    proxy_id = uuid7()
    proxy = Proxy(
        id=proxy_id,
        resident=resident,
        name=new.name,
        relation=new.relation,
        phone=settings.DATABASE_KEYS.seal(new.phone, queries.proxy_place(proxy_id)),
        guardian=new.guardian,
        document=new.document,
        instead=new.instead,
        how=new.how,
        start=new.term.start,
        end=new.term.end,
        org_id=by.org_id,
        recorded_at=at,
        recorded_by_id=by.account_id,
        recorded_by_name=by.name,
    )
    proxy.save(force_insert=True)
    audit(by=by, at=at, action="resident.proxy", subject=str(resident_id), proxy=str(proxy_id), how=new.how, guardian=new.guardian)
    for hooks in _HOOKS:
        hooks.begun(proxy, by=by, at=at)
    return proxy


@all_or_nothing
def end_proxy(proxy_id: UUID, *, version: int, by: Actor, at: datetime) -> Proxy:
    """Take it back, at once: from now on nothing of the resident reaches this person. Raises NotPermitted, Unknown, Stale."""
    if not by.may("resident.proxy"):
        raise NotPermitted
    found = queries.proxy(proxy_id)
    changed = Proxy.objects.filter(pk=proxy_id, version=version, ended_at=None)
    if not changed.update(ended_at=at, ended_by_name=by.name, version=F("version") + 1):
        raise Stale
    audit(by=by, at=at, action="resident.proxy_end", subject=str(found.resident_id), proxy=str(proxy_id))
    for hooks in _HOOKS:
        hooks.ended(proxy_id)
    found.refresh_from_db()
    return found
