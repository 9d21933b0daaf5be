"""Roles, what they permit, which exclude each other; the acting person; lock-out. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import compact

DOCTOR = "doctor"
REVIEWER = "reviewer"
DESK = "desk"
MANAGER = "manager"
EDITOR = "editor"
OFFICER = "officer"
SYSTEM_ADMIN = "system_admin"
SECURITY_ADMIN = "security_admin"
AUDIT_ADMIN = "audit_admin"
MACHINE = "machine"

_EVERYBODY = frozenset({"desk.open", "account.own", "network.read", "policy.read", "catalogue.read", "notice.read"})
_CASE_READERS = _EVERYBODY | {"referral.read", "referral.export"}

PERMISSIONS: dict[str, frozenset[str]] = {
    DOCTOR: _CASE_READERS
    | {"resident.find", "resident.open", "resident.register", "visit.write", "referral.write", "referral.answer", "glass.break"},
    REVIEWER: _CASE_READERS | {"referral.review"},
    DESK: _CASE_READERS | {"referral.receive"},
    MANAGER: _CASE_READERS | {"referral.review", "referral.receive", "catalogue.approve", "notice.write", "duty.write"},
    EDITOR: _EVERYBODY | {"catalogue.write", "import.open", "publication.log"},
    OFFICER: _EVERYBODY
    | {"policy.propose", "policy.decide", "facts.read", "facts.identify", "catalogue.write", "catalogue.approve", "notice.write"}
    | {"import.open", "publication.log"},
    SYSTEM_ADMIN: _EVERYBODY | {"network.write", "account.write", "import.open", "notice.write", "duty.write"},
    SECURITY_ADMIN: _EVERYBODY
    | {"policy.propose", "policy.decide", "post.administrators", "glass.watch", "machine.write", "keys.rotate"},
    AUDIT_ADMIN: _EVERYBODY | {"audit.read", "audit.verify"},
    MACHINE: frozenset({"api.use"}),
}
"""Role → permissions. Pages and actions name one permission each; whatever is not named here is denied."""

ADMINISTRATORS = frozenset({SYSTEM_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN})
GOVERNING = ADMINISTRATORS | {OFFICER}
"""Roles that reach over an administrative region: what they govern there holds no rows about patients."""
CLINICAL = frozenset({DOCTOR, REVIEWER, DESK, MANAGER})
"""Roles whose holders reach rows about patients."""


RECORDS, IDENTITY = "records", "identity"
GLASS_KINDS = (RECORDS, IDENTITY)
"""What may be opened beyond one's scope: a resident's records everywhere (doctors), the identity behind a referral (officers)."""


class ReasonTooShort(Refused):
    """What opens more than one's scope needs a reason in a few words. detail: least."""

    code = "reason_too_short"


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Parameters of signing in and of opening what lies beyond one's scope. Times in the unit of their names."""

    idle_minutes: int
    session_hours: int
    lock_after_failures: int
    lock_minutes: int
    door_per_hour: int
    glass_minutes: int
    glass_per_hour: int
    identify_per_hour: int
    reason_characters: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What one post reaches: organisations by id, and a half-open range of paths (empty when both ends are equal).

    `reach`: beginning of the paths that somebody in a governing role administers; empty for everybody else.
    """

    orgs: tuple[int, ...]
    path_lo: str
    path_hi: str
    reach: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person who acts, in one post. `post_id` is None for the house itself (sweeps)."""

    account_id: UUID
    name: str
    role: str
    post_id: UUID | None
    org_id: int
    org_name: str
    orgs: tuple[int, ...]
    reach: str = ""

    def may(self, permission: str) -> bool:
        """True when the role permits it."""
        return permission in PERMISSIONS.get(self.role, frozenset())


HOUSE_ACCOUNT = UUID(int=0)
"""The account id that stands for the house in audit rows of sweeps; no login has it."""


def house(org_id: int) -> Actor:
    """The house itself, acting on something of one organisation: sweeps, never people."""
    return Actor(HOUSE_ACCOUNT, "", "house", None, org_id, "", (org_id,))


def conflicting_roles(roles: Collection[str]) -> frozenset[str]:
    """The roles among `roles` that one person must not hold together.

    The three administrators exclude one another, and none of them holds a clinical role.
    """
    held = frozenset(roles)
    administrators = held & ADMINISTRATORS
    if len(administrators) > 1 or (administrators and held & CLINICAL):
        return administrators | (held & CLINICAL)
    return frozenset()


def locked_until(failures: int, at: datetime, policy: AccessPolicy) -> datetime | None:
    """Until when an account is locked after its `failures`-th wrong password in a row; None: not yet."""
    if failures < policy.lock_after_failures:
        return None
    return at + timedelta(minutes=policy.lock_minutes)


def reason_given(text: str, policy: AccessPolicy) -> str:
    """A reason as typed, outer blanks removed. Raises ReasonTooShort when it is shorter than the policy asks, blanks and signs not
    counted."""
    if len(compact(text)) < policy.reason_characters:
        raise ReasonTooShort(least=policy.reason_characters)
    return text.strip()
