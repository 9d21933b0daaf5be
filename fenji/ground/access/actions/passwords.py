"""Proving who one is, by password or activation code, and setting passwords. All through the door."""

from __future__ import annotations

import csv
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from fenji.ground.access import rules
from fenji.ground.access.actions.trail import audit_at_door
from fenji.ground.access.models import Account, OldPassword
from fenji.ground.access.rules import HOUSE_ACCOUNT, AccessPolicy, PasswordPolicy
from fenji.ground.common.ids import BadCode, parse_secret_code
from fenji.ground.common.pinyin import name_readings
from fenji.ground.common.refusal import Refused

_COMMON = Path(__file__).parents[1] / "data" / "common_words.csv"


class WrongPassword(Refused):
    """No such login, or the password does not fit: the two are not told apart."""

    code = "wrong_password"


class AccountLocked(Refused):
    """Too many wrong passwords in a row. detail: until."""

    code = "account_locked"


class WrongCode(Refused):
    """No such login, or the activation code does not fit, was used, or is too old: they are not told apart."""

    code = "wrong_code"


class MistypedCode(Refused):
    """What was typed can be no activation code. Nothing was counted: it tells nobody anything."""

    code = "mistyped_code"


class WeakPassword(Refused):
    """A new password that will not do."""

    code = "weak_password"


class PasswordShort(WeakPassword):
    """Shorter than the policy asks. detail: length."""

    code = "password_short"


class PasswordPlain(WeakPassword):
    """Of fewer kinds of characters than the policy asks. detail: kinds."""

    code = "password_plain"


class PasswordGuessable(WeakPassword):
    """Made of the own name or of what everybody tries first."""

    code = "password_guessable"


class PasswordUsed(WeakPassword):
    """One of the last few of this account. detail: history."""

    code = "password_used"


@cache
def _decoy() -> str:
    return make_password(secrets.token_hex())


@cache
def _common_words() -> frozenset[str]:
    with _COMMON.open(encoding="utf-8") as handle:
        return frozenset(row["word"] for row in csv.DictReader(handle))


def code_hash(code: str) -> bytes:
    """What the database keeps of an activation code (as `parse_secret_code` returns it): it is random enough for a fast hash."""
    return hashlib.sha256(code.encode()).digest()


def authenticate(username: str, password: str, *, at: datetime, policy: AccessPolicy) -> Account:
    """Check a password, count failures, lock after too many. Unknown names cost the same time as known ones.

    Raises WrongPassword, AccountLocked.
    """

    def fits(account: Account | None) -> bool:
        return check_password(password, account.password if account else _decoy())

    return _proved({"username": rules.plain_username(username)}, fits, WrongPassword, "login", at=at, policy=policy)


def _proved(
    who: dict[str, object],
    fits: Callable[[Account | None], bool],
    wrong: type[Refused],
    action: str,
    *,
    at: datetime,
    policy: AccessPolicy,
    then: Callable[[Account], None] | None = None,
) -> Account:
    """Lock the account's row, try a proof, count failures. `then` runs in the same transaction once it fits; what it raises takes
    everything back. An account that does not exist costs the same work: one proof, one audit row."""
    refused: Refused | None = None
    with transaction.atomic(using="door"):
        account = Account.objects.using("door").select_for_update(no_key=True).filter(active=True, **who).first()
        if account is not None and account.locked_until is not None and account.locked_until > at:
            refused = AccountLocked(until=account.locked_until)
        elif not fits(account) or account is None:
            refused = _count_failure(account, wrong, at, policy) if account else wrong()
        else:
            if account.failures:
                Account.objects.using("door").filter(pk=account.pk).update(failures=0, locked_until=None)
            if then is not None:
                then(account)
        audit_at_door(account.pk if account else HOUSE_ACCOUNT, f"{action}.refused" if refused else action, at=at)
    if refused is not None:
        raise refused
    if account is None:  # pragma: no cover - refused above
        raise wrong
    return account


def _count_failure(account: Account, wrong: type[Refused], at: datetime, policy: AccessPolicy) -> Refused:
    # a lock that has run out starts a new count, or one slip would lock the account again at once
    failures = 1 if account.locked_until is not None else account.failures + 1
    until = rules.locked_until(failures, at, policy)
    Account.objects.using("door").filter(pk=account.pk).update(failures=failures, locked_until=until)
    return AccountLocked(until=until) if until is not None else wrong()


def activate(
    username: str,
    code: str,
    password: str,
    *,
    at: datetime,
    policy: AccessPolicy,
    passwords: Callable[[Account], PasswordPolicy],
) -> Account:
    """Give an account its first password, with the code its administrator handed out. The code is used up by it.

    `passwords`: what binds for the account; asked only when the code fits. Wrong codes count and lock like wrong passwords.
    Raises MistypedCode, WrongCode, AccountLocked, WeakPassword.
    """
    try:
        digest = code_hash(parse_secret_code(code))
    except BadCode:
        raise MistypedCode from None
    hashed = make_password(password)  # before anything is known of the account, so that all answers cost the same

    def fits(account: Account | None) -> bool:
        kept = bytes(account.activation_hash or b"") if account else b""
        alive = account is not None and account.activation_until is not None and account.activation_until > at
        return hmac.compare_digest(kept, digest) and alive

    def then(account: Account) -> None:
        _refuse_weak(account, password, passwords(account))
        _store(account, hashed, at=at)

    return _proved(
        {"username": rules.plain_username(username)}, fits, WrongCode, "account.activate", at=at, policy=policy, then=then
    )


def change_password(
    account_id: UUID, present: str, new: str, *, at: datetime, policy: AccessPolicy, passwords: PasswordPolicy
) -> Account:
    """Change one's own password; all sessions of the account end, the caller opens a new one.

    A wrong present password counts like one at the door. Raises WrongPassword, AccountLocked, WeakPassword.
    """

    def fits(account: Account | None) -> bool:
        return account is not None and check_password(present, account.password)

    def then(account: Account) -> None:
        _refuse_weak(account, new, passwords)
        _store(account, make_password(new), at=at)

    _proved({"pk": account_id}, fits, WrongPassword, "account.password", at=at, policy=policy, then=then)
    return Account.objects.using("door").get(pk=account_id)


def set_password(account: Account, password: str, *, at: datetime | None = None, must_change: bool = False) -> None:
    """Give an account a password without asking the policy (command line, demo); lift a lock and end its open sessions.

    `must_change`: it is good for choosing another one only.
    """
    hashed = make_password(password)
    with transaction.atomic(using="door"):
        _store(account, hashed, at=at or Now(), must_change=must_change)


def _store(account: Account, hashed: str, *, at: datetime | Now, must_change: bool = False) -> None:
    Account.objects.using("door").filter(pk=account.pk).update(
        password=hashed,
        password_set_at=at,
        must_change=must_change,
        activation_hash=None,
        activation_until=None,
        failures=0,
        locked_until=None,
        sessions_from=at,
        version=F("version") + 1,
    )
    OldPassword.objects.using("door").create(account=account, password=hashed, at=at)


def _refuse_weak(account: Account, word: str, policy: PasswordPolicy) -> None:
    own = [account.username, *(reading for reading, _ in name_readings(account.name))]
    fault = rules.password_fault(word, own, _common_words(), policy)
    if fault == "short":
        raise PasswordShort(length=policy.password_length)
    if fault == "plain":
        raise PasswordPlain(kinds=policy.password_kinds)
    if fault == "guessable":
        raise PasswordGuessable
    earlier = OldPassword.objects.using("door").filter(account=account).order_by("-at", "-id")
    kept = [account.password, *earlier.values_list("password", flat=True)[: policy.password_history]]
    if any(check_password(word, hashed) for hashed in dict.fromkeys(kept)):
        raise PasswordUsed(history=policy.password_history)
