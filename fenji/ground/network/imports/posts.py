"""Posts of accounts that exist already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time

from django.utils.translation import gettext_lazy as _

from fenji.ground.access.models import Account
from fenji.ground.access.rules import CLINICAL, EDITOR, OFFICER, STAFF_KIND, Actor, conflicting_roles
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network import actions
from fenji.ground.network.imports.base import BATCH, Findings, by_code, governs, in_batches
from fenji.ground.network.models import Post

IMPORTABLE = tuple((r, ROLE_NAMES[r]) for r in ROLE_NAMES if r in CLINICAL | {EDITOR, OFFICER})
"""Roles an import may give, with their names: not those of administrators and machines."""


class Posts:
    """Who works where in which role, from when to when."""

    code = "posts"
    title = _("Posts")
    permission = "account.write"
    key = ("username", "org", "role")
    columns = (
        Column("username", _("User name"), required=True, longest=60, sample="zhangmm"),
        Column("org", _("Institution code"), required=True, longest=40, sample="PDY00001X350405"),
        Column("role", _("Role"), "choice", required=True, choices=IMPORTABLE, sample="doctor"),
        Column("since", _("First day"), "date", sample="2022-03-01"),
        Column("until", _("Until"), "date", note=_("The last day; empty: open.")),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs = by_code(r.values["org"] for r in rows)
        accounts = _accounts({r.values["username"] for r in rows}, by)
        held = _held([a.id for a in accounts.values()])
        for row in rows:
            v = row.values
            org, account = orgs.get(v["org"]), accounts.get(v["username"])
            if org is None:
                found.fault(row, "org", "no_org", given=v["org"])
            elif account is None:
                found.fault(row, "username", "no_account", name=v["username"])
            elif not governs(by, org.path):
                found.fault(row, "org", "not_yours")
            elif v["until"] and v["since"] and v["until"] < v["since"]:
                found.fault(row, "until", "dates")
            elif any(p.org_id == org.id and p.role == v["role"] for p in held.get(account.id, [])):
                found.outcomes[row.line] = "same"
            elif conflicting_roles([v["role"], *(p.role for p in held.get(account.id, []))]):
                found.fault(row, "role", "roles")
            else:
                found.outcomes[row.line] = "new"
        return found.done()

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing."""
        orgs = by_code(r.values["org"] for r in rows)
        accounts = _accounts({r.values["username"] for r in rows}, by)
        for batch in in_batches(rows, BATCH, progress):
            for row in batch:
                v = row.values
                start = datetime.combine(v["since"] or local_day(at), time.min, SHANGHAI)
                end = datetime.combine(v["until"], time.max, SHANGHAI) if v["until"] else None
                account = accounts[v["username"]]
                actions.appoint(account.id, orgs[v["org"]].id, v["role"], start, end, by=by, at=at, using="load")
        return []


def _accounts(names: set[str], by: Actor) -> dict[str, Account]:
    # accounts of elsewhere are as unknown as those that do not exist; the house itself reaches all
    found = Account.objects.using("load").filter(username__in=names, kind=STAFF_KIND, path__starts=by.reach)
    return {a.username: a for a in found}


def _held(accounts: list[object]) -> dict[object, list[Post]]:
    found: dict[object, list[Post]] = {}
    for post in Post.objects.using("load").filter(account_id__in=accounts, end=None):
        found.setdefault(post.account_id, []).append(post)
    return found
