"""Making and looking after accounts. In the app's own transaction: the policy of the table says whose.

Nobody changes their own account here, and nobody an account of a kind that their role does not administer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, connections, transaction
from django.db.models import F, Q

from fenji.ground.access.actions.passwords import code_hash
from fenji.ground.access.actions.trail import audit, audit_all
from fenji.ground.access.models import Account
from fenji.ground.access.rules import (
    ADMINISTERED_WITH,
    HOUSE_ACCOUNT,
    MACHINE_KIND,
    NO_PASSWORD,
    Actor,
    NewAccount,
    PasswordPolicy,
    administers,
)
from fenji.ground.common.ids import secret_code
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing


class UsernameTaken(Refused):
    """Another account, here or elsewhere, has one of these user names. detail: username."""

    code = "username_taken"


def create_accounts(new: Sequence[NewAccount], *, by: Actor, at: datetime, using: str = "default") -> list[Account]:
    """Make accounts without a password, in the order given. Raises NotPermitted, UsernameTaken."""
    if not all(administers(by, n.kind, n.path) for n in new):
        raise NotPermitted
    made = [
        Account(
            username=n.username, name=n.name, kind=n.kind, org_id=n.org_id, path=n.path, created_at=at, created_by=by.account_id
        )
        for n in new
    ]
    try:
        with transaction.atomic(using=using):
            Account.objects.using(using).bulk_create(made, batch_size=2000)
            audit_all([str(a.pk) for a in made], by=by, at=at, action="account.create", using=using)
    except IntegrityError as error:
        if "account_username" not in str(error):
            raise
        raise UsernameTaken(username=_first_taken(new)) from None
    return made


def _first_taken(new: Sequence[NewAccount]) -> str:
    names = [n.username for n in new]
    taken = set(Account.objects.using("door").filter(username__in=names).values_list("username", flat=True))
    return next((name for i, name in enumerate(names) if name in taken or name in names[:i]), "")


def new_activation(
    account_ids: Collection[UUID], *, by: Actor, at: datetime, policy: PasswordPolicy, using: str = "default"
) -> dict[UUID, str]:
    """Give people's accounts a fresh activation code each; what opened them before (password, code, session) is dead.

    Returns the codes, which nobody can read again: the database keeps hashes. Raises Unknown when one of the accounts is not
    the actor's to administer, and then changes none.
    """
    house = by.account_id == HOUSE_ACCOUNT
    kinds = [k for k, permission in ADMINISTERED_WITH.items() if k != MACHINE_KIND and (house or by.may(permission))]
    if not (house or by.reach):
        raise Unknown(what="account")
    codes = {account_id: secret_code() for account_id in account_ids}
    hashes = [code_hash(code.replace("-", "")) for code in codes.values()]
    until = at + timedelta(days=policy.activation_days)
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute(
                "UPDATE access_account a SET activation_hash = c.hash, activation_until = %s, password = %s,"
                " password_set_at = NULL, must_change = false, failures = 0, locked_until = NULL, sessions_from = %s,"
                " version = a.version + 1 FROM unnest(%s::uuid[], %s::bytea[]) AS c (id, hash)"
                " WHERE a.id = c.id AND a.active AND a.kind = ANY (%s) AND a.id <> %s AND a.path ^@ %s",
                [until, NO_PASSWORD, at, list(codes), hashes, kinds, by.account_id, by.reach],
            )
            changed = cursor.rowcount
        if changed != len(codes):
            raise Unknown(what="account")
        audit_all([str(i) for i in codes], by=by, at=at, action="account.activation", using=using)
    return codes


@all_or_nothing
def reset(account_id: UUID, version: int, *, by: Actor, at: datetime, policy: PasswordPolicy) -> str:
    """Give one account a new activation code, as its page showed it. Raises Unknown, Stale."""
    _one(account_id, version, by)
    return new_activation([account_id], by=by, at=at, policy=policy)[account_id]


def unlock(account_id: UUID, version: int, *, by: Actor, at: datetime) -> None:
    """Lift a lock after too many wrong passwords. Raises Unknown, Stale."""
    _change(account_id, version, by, at, "account.unlock", failures=0, locked_until=None)


def deactivate(account_id: UUID, version: int, reason: str, *, by: Actor, at: datetime) -> None:
    """Switch an account off: nothing opens it, and its sessions end. Raises Unknown, Stale."""
    _change(account_id, version, by, at, "account.deactivate", active=False, deactivated_at=at, deactivated_reason=reason)


def reactivate(account_id: UUID, version: int, *, by: Actor, at: datetime) -> None:
    """Switch an account on again; sessions that were open before stay ended. Raises Unknown, Stale."""
    fields = {"active": True, "deactivated_at": None, "deactivated_reason": "", "sessions_from": at}
    _change(account_id, version, by, at, "account.reactivate", **fields)


def _one(account_id: UUID, version: int, by: Actor) -> Account:
    found = Account.objects.filter(pk=account_id).exclude(pk=by.account_id).only("version", "kind", "path").first()
    if found is None or not administers(by, found.kind, found.path):
        raise Unknown(what="account")
    if found.version != version:
        raise Stale
    return found


@all_or_nothing
def _change(account_id: UUID, version: int, by: Actor, at: datetime, action: str, **fields: object) -> None:
    found = _one(account_id, version, by)
    changed = Account.objects.filter(Q(pk=found.pk), version=version).update(version=F("version") + 1, **fields)
    if not changed:
        raise Stale
    audit(by=by, at=at, action=action, subject=str(found.pk))


def inherit(predecessor: int, successor: int, using: str) -> None:
    """Accounts at home in an institution that went into another are at home there from now on."""
    Account.objects.using(using).filter(org_id=predecessor).update(org_id=successor)
