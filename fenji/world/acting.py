"""Being one of the invented people: a session of theirs, and one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from fenji.ground.access import queries as access
from fenji.ground.access.actions import close_session, open_session
from fenji.ground.access.queries import account_by_id
from fenji.ground.access.rules import AccessPolicy, Actor
from fenji.ground.common.clock import local_day
from fenji.ground.network.models import Post
from fenji.ground.network.queries import seat_of
from fenji.ground.policy.queries import resolve
from fenji.world.county import Person


@contextmanager
def acting(person: Person, at: datetime) -> Iterator[Actor]:
    """Act as a demo person, in a scope of their own and one transaction."""
    account = account_by_id(person.id)
    post = Post.objects.using("door").select_related("org").get(account_id=person.id, role=person.role)
    policy = resolve(AccessPolicy, ("35",), local_day(at))
    from fenji.ground.common.edge import now

    token = open_session(account, seat_of(post), at=now(), policy=policy, purpose="demo")
    with transaction.atomic():
        actor = access.enter(token)
        if actor is None:
            raise RuntimeError(f"no scope for {person.username}")
        yield actor
        access.leave()
    close_session(token, at=now())
