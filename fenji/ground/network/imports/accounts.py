"""Accounts of people, each with its first post. They come without a password: the activation codes are handed out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fenji.ground.access.actions import audit_all, create_accounts, new_activation
from fenji.ground.access.models import Account
from fenji.ground.access.rules import STAFF_KIND, Actor, BadField, NewAccount, PasswordPolicy, new_account, plain_username
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.imports import Column, Judgement, Row
from fenji.ground.network.imports.base import BATCH, Findings, by_code, governs, in_batches
from fenji.ground.network.imports.posts import IMPORTABLE
from fenji.ground.network.models import Organisation, Post
from fenji.ground.network.queries import place
from fenji.ground.policy.queries import resolve


class Accounts:
    """People who will sign in, each at home in one institution."""

    code = "accounts"
    title = _("Accounts")
    permission = "account.write"
    key = ("username",)
    columns = (
        Column(
            "username", _("User name"), required=True, longest=60, sample="zhangmm", note=_("Small letters, digits, dot and dash.")
        ),
        Column("name", _("Name"), required=True, longest=60, sample="张某某"),
        Column("org", _("Institution code"), required=True, longest=40, sample="PDY00001X350405"),
        Column("role", _("Role"), "choice", True, IMPORTABLE, "doctor"),
        Column("since", _("First day"), "date", sample="2022-03-01"),
    )

    def judge(self, rows: Sequence[Row], *, by: Actor, at: datetime) -> Judgement:
        """See Listing."""
        found = Findings()
        orgs = by_code(r.values["org"] for r in rows)
        present = _present(rows)
        for row in rows:
            org = orgs.get(row.values["org"])
            if org is None:
                found.fault(row, "org", "no_org", given=row.values["org"])
            elif not governs(by, org.path):
                found.fault(row, "org", "not_yours")
            elif _new(row, org, found) is not None:
                self._compare(row, org, present.get(plain_username(row.values["username"])), found)
        return found.done()

    def _compare(self, row: Row, org: Organisation, old: Account | None, found: Findings) -> None:
        if old is None:
            found.outcomes[row.line] = "new"
        elif old.org_id == org.id and old.name == row.values["name"]:
            found.outcomes[row.line] = "same"
        else:
            # another person may have this name: nothing of theirs is told
            found.fault(row, "username", "username_taken")

    def write(self, rows: Sequence[Row], *, by: Actor, at: datetime, progress: Callable[[int], None]) -> list[dict[str, str]]:
        """See Listing. Handouts: one slip for each account."""
        orgs = by_code(r.values["org"] for r in rows)
        slips: list[dict[str, str]] = []
        for batch in in_batches(rows, BATCH, progress):
            new = [_new(r, orgs[r.values["org"]], None) for r in batch]
            accounts = create_accounts([n for n in new if n is not None], by=by, at=at, using="load")
            posts = [_post(a, r, orgs[r.values["org"]], at) for a, r in zip(accounts, batch, strict=True)]
            Post.objects.using("load").bulk_create(posts)
            audit_all([f"post:{p.id}" for p in posts], by=by, at=at, action="post.appoint", using="load")
            codes = _codes(accounts, orgs, by, at)
            for account, row in zip(accounts, batch, strict=True):
                slips.append(_slip(account, row, orgs[row.values["org"]], codes[account.id]))
        return slips


def _present(rows: Sequence[Row]) -> dict[str, Account]:
    names = {plain_username(r.values["username"]) for r in rows}
    return {a.username: a for a in Account.objects.using("load").filter(username__in=names)}


def _new(row: Row, org: Organisation, found: Findings | None) -> NewAccount | None:
    try:
        return new_account(row.values["name"], row.values["username"], STAFF_KIND, org.id, org.path)
    except BadField as problem:
        if found is not None:
            found.fault(row, problem.field, "bad_name" if problem.field == "name" else "bad_username")
        return None


def _post(account: Account, row: Row, org: Organisation, at: datetime) -> Post:
    start = datetime.combine(row.values["since"], time.min, SHANGHAI) if row.values["since"] else at
    return Post(account=account, org=org, path=org.path, role=row.values["role"], start=start)


def _codes(accounts: Sequence[Account], orgs: dict[str, Organisation], by: Actor, at: datetime) -> dict[UUID, str]:
    first = next(iter(orgs.values()))
    policy = resolve(PasswordPolicy, place(first).policy_path, local_day(at))
    return new_activation([a.id for a in accounts], by=by, at=at, policy=policy, using="load")


def _slip(account: Account, row: Row, org: Organisation, code: str) -> dict[str, str]:
    return {
        gettext("Institution"): org.name,
        gettext("Name"): account.name,
        gettext("User name"): account.username,
        gettext("Role"): str(ROLE_NAMES[row.values["role"]]),
        gettext("Activation code"): code,
    }
