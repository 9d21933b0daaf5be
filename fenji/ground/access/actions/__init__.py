"""The only writes of this room: signing in and out, passwords, accounts, machine keys, audit and read log rows, idempotency keys,
openings beyond one's scope.

Sealing has a file of its own beside this package.
"""

from __future__ import annotations

from fenji.ground.access.actions.accounts import (
    UsernameTaken,
    create_accounts,
    deactivate,
    inherit,
    new_activation,
    reactivate,
    reset,
    unlock,
)
from fenji.ground.access.actions.glass import (
    CheckRunning,
    TooManyOpenings,
    ask_for_check,
    close_glass,
    opening,
    review_glass,
)
from fenji.ground.access.actions.keys import claim_key, keep_result
from fenji.ground.access.actions.passwords import (
    AccountLocked,
    MistypedCode,
    WeakPassword,
    WrongCode,
    WrongPassword,
    activate,
    authenticate,
    change_password,
    set_password,
)
from fenji.ground.access.actions.sessions import (
    KeyTooLong,
    Seat,
    close_session,
    count_request,
    end_session,
    end_sessions_of,
    issue_key,
    machine_username,
    open_session,
    revoke_key,
    sign_out,
)
from fenji.ground.access.actions.trail import audit, audit_all, audit_at_door, log_read

__all__ = [
    "AccountLocked",
    "CheckRunning",
    "KeyTooLong",
    "MistypedCode",
    "Seat",
    "TooManyOpenings",
    "UsernameTaken",
    "WeakPassword",
    "WrongCode",
    "WrongPassword",
    "activate",
    "ask_for_check",
    "audit",
    "audit_all",
    "audit_at_door",
    "authenticate",
    "change_password",
    "claim_key",
    "close_glass",
    "close_session",
    "count_request",
    "create_accounts",
    "deactivate",
    "end_session",
    "end_sessions_of",
    "inherit",
    "issue_key",
    "keep_result",
    "log_read",
    "machine_username",
    "new_activation",
    "open_session",
    "opening",
    "reactivate",
    "reset",
    "review_glass",
    "revoke_key",
    "set_password",
    "sign_out",
    "unlock",
]
