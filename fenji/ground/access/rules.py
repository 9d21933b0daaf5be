"""Roles, what they permit, which exclude each other; the acting person; accounts, passwords and lock-out. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fenji.ground.common.refusal import NotPermitted, Refused
from fenji.ground.common.text import compact, half_width, has_hidden_characters

DOCTOR = "doctor"
NURSE = "nurse"
REVIEWER = "reviewer"
DESK = "desk"
MANAGER = "manager"
EDITOR = "editor"
OFFICER = "officer"
SYSTEM_ADMIN = "system_admin"
SECURITY_ADMIN = "security_admin"
AUDIT_ADMIN = "audit_admin"
MACHINE = "machine"

_EVERYBODY = frozenset(
    {"desk.open", "account.own", "account.password", "network.read", "policy.read", "catalogue.read", "notice.read"}
)
_CASE_READERS = _EVERYBODY | {"referral.read", "referral.export", "booking.read", "booking.hold", "bed.read", "bulletin.read"}

PERMISSIONS: dict[str, frozenset[str]] = {
    DOCTOR: _CASE_READERS
    | {"resident.find", "resident.open", "resident.register", "resident.proxy", "resident.link", "glass.break"}
    | {"visit.read", "visit.write", "stay.read", "stay.write", "referral.draft", "referral.write", "referral.answer"}
    | {"package.write", "followup.read", "followup.write", "bed.hold", "bed.confirm", "quality.own"},
    NURSE: _CASE_READERS
    | {"resident.find", "resident.open", "resident.register", "resident.proxy", "referral.draft", "stay.read", "stay.write"}
    | {"followup.read", "followup.write", "bed.confirm"},
    REVIEWER: _CASE_READERS | {"referral.review", "quality.read", "quality.review", "alert.judge"},
    DESK: _CASE_READERS
    | {"referral.receive", "referral.review", "booking.write", "bed.confirm", "import.open", "directions.write"},
    MANAGER: _CASE_READERS
    | {"referral.review", "referral.receive", "catalogue.approve", "notice.write", "staff.write", "duty.write", "publication.log"}
    | {"message.watch", "paper.write", "visit.read", "visit.settle", "visit.feed", "stay.read", "booking.write", "import.open"}
    | {"followup.read", "bed.write", "quality.read", "quality.review", "alert.judge", "directions.write"},
    EDITOR: _EVERYBODY | {"catalogue.write", "import.open", "publication.log"},
    OFFICER: _EVERYBODY
    | {"policy.propose", "policy.decide", "facts.read", "facts.identify", "catalogue.write", "catalogue.approve", "notice.write"}
    | {"import.open", "publication.log", "network.gaps", "paper.write", "quality.read", "bulletin.read", "alert.judge"},
    SYSTEM_ADMIN: _EVERYBODY
    | {"network.write", "network.gaps", "account.write", "import.open", "notice.write", "staff.write", "duty.write"}
    | {"message.watch", "paper.write"},
    SECURITY_ADMIN: _EVERYBODY
    | {"policy.propose", "policy.decide", "post.administrators", "glass.watch", "machine.write", "keys.rotate"},
    AUDIT_ADMIN: _EVERYBODY | {"audit.read", "audit.verify"},
    MACHINE: frozenset({"api.use", "import.feed", "visit.feed", "booking.write"}),
}
"""Role → permissions. Pages and actions name one permission each; whatever is not named here is denied."""

OF_HEALTH = frozenset({"facts.read", "facts.identify"})
"""Permissions that a role has at a health authority alone: what they show comes from records of patients."""

ADMINISTRATORS = frozenset({SYSTEM_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN})
GOVERNING = ADMINISTRATORS | {OFFICER}
"""Roles that reach over an administrative region: what they govern there holds no rows about patients."""
CLINICAL = frozenset({DOCTOR, NURSE, REVIEWER, DESK, MANAGER})
"""Roles whose holders reach rows about patients."""

STAFF_KIND, ADMINISTRATOR_KIND, MACHINE_KIND = "staff", "administrator", "machine"
ADMINISTERED_WITH = {STAFF_KIND: "account.write", ADMINISTRATOR_KIND: "post.administrators", MACHINE_KIND: "machine.write"}
"""Kind of account → the permission that makes, resets and appoints it. An account keeps its kind, so that whoever hands out the
codes of doctors can never hold the code of an administrator."""
ADMINISTERS = {
    role: tuple(kind for kind, permission in ADMINISTERED_WITH.items() if permission in permitted)
    for role, permitted in PERMISSIONS.items()
    if permitted & set(ADMINISTERED_WITH.values())
}
"""Role → the kinds of account it makes and changes; the policy of the table says the same."""
ROLES_OF_KIND = {
    STAFF_KIND: (DOCTOR, NURSE, REVIEWER, DESK, MANAGER, EDITOR, OFFICER),
    ADMINISTRATOR_KIND: (SYSTEM_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN),
    MACHINE_KIND: (MACHINE,),
}
"""Kind of account → the roles its posts may have."""
APPOINTS = {role: tuple(r for kind in kinds for r in ROLES_OF_KIND[kind]) for role, kinds in ADMINISTERS.items()}
"""Role → the roles it gives to others."""

WORK, PASSWORD_ONLY, API = "work", "password", "api"
"""What a session is good for: pages; nothing but choosing a new password; requests of a machine."""
NO_PASSWORD = "!"  # noqa: S105
"""Stands where a password's hash would: no password fits it."""


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
class PasswordPolicy:
    """What a new password must be, and how long passwords and activation codes live.

    `password_kinds`: of how many kinds (small letters, capitals, other letters, digits, signs) it has characters;
    `password_history`: how many earlier ones it must not be; `password_days`: after how many it is to be changed, 0: never.
    """

    password_length: int
    password_kinds: int
    password_history: int
    password_days: int
    activation_days: int


@dataclass(frozen=True, slots=True)
class MachinePolicy:
    """Requests a machine account may make in one minute, and the longest life of its keys."""

    machine_per_minute: int
    machine_key_days: int


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
    """The person or machine that acts, in one post. `post_id` is None for the house itself (sweeps). `purpose`: of the session;
    `health`: the post is at a health authority, as of today."""

    account_id: UUID
    name: str
    role: str
    post_id: UUID | None
    org_id: int
    org_name: str
    orgs: tuple[int, ...]
    reach: str = ""
    purpose: str = WORK
    health: bool = False

    def may(self, permission: str) -> bool:
        """True when the role permits it at this kind of organisation, and the session is one for work."""
        if self.purpose == PASSWORD_ONLY:
            return permission == "account.password"
        if permission in OF_HEALTH and not self.health:
            return False
        return permission in PERMISSIONS.get(self.role, frozenset())


class HealthOnly(NotPermitted):
    """The role permits it, but at a health authority alone."""

    code = "health_only"


def lacking(by: Actor, permission: str) -> NotPermitted:
    """How to refuse somebody a permission that they have not."""
    role_has_it = permission in PERMISSIONS.get(by.role, frozenset())
    return HealthOnly() if role_has_it and permission in OF_HEALTH and not by.health else NotPermitted()


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


# --- accounts ----------------------------------------------------------------------------------------------------------------

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
_LONGEST_NAME = re.compile(r".{1,60}")


class BadField(ValueError):
    """A field that cannot be taken. `field`: its name; `code`: required, characters, form or role."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(field, code)
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A checked account to be made, at home in one institution. Made by `new_account`."""

    name: str
    username: str
    kind: str
    org_id: int
    path: str


def plain_username(typed: str) -> str:
    """A user name as it is kept and looked up: full-width and capital letters as plain small ones, outer blanks gone."""
    return half_width(typed).lower()


def new_account(name: str, username: str, kind: str, org_id: int, path: str) -> NewAccount:
    """Check what was typed. Raises BadField."""
    name, username = half_width(name), plain_username(username)
    if not name:
        raise BadField("name", "required")
    if has_hidden_characters(name) or not _LONGEST_NAME.fullmatch(name):
        raise BadField("name", "characters")
    if not _USERNAME.fullmatch(username):
        raise BadField("username", "form")
    if kind not in ROLES_OF_KIND:
        raise BadField("kind", "form")
    return NewAccount(name, username, kind, org_id, path)


def username_stem(readings: Iterable[str]) -> str:
    """What a user name is proposed from: the first reading that can be one; `user` when none can."""
    return next((r for r in readings if _USERNAME.fullmatch(r)), "user")


def administers(by: Actor, kind: str, path: str) -> bool:
    """True when somebody makes, resets and appoints accounts of this kind at this place. The house itself does everything."""
    return by.account_id == HOUSE_ACCOUNT or (by.may(ADMINISTERED_WITH[kind]) and bool(by.reach) and path.startswith(by.reach))


def kind_of(role: str) -> str:
    """The kind of account that may hold a role. Raises KeyError."""
    return {role: kind for kind, roles in ROLES_OF_KIND.items() for role in roles}[role]


DEACTIVATED, LOCKED, INVITED, CODE_EXPIRED, PASSWORD_EXPIRED, ACTIVE = ACCOUNT_STATES = (
    "deactivated",
    "locked",
    "invited",
    "code_expired",
    "password_expired",
    "active",
)
"""States of an account; the first that fits is the one it has."""


def password_dead_since(at: datetime, policy: PasswordPolicy) -> datetime | None:
    """A password set at this instant or earlier is to be changed; None: passwords do not age."""
    return at - timedelta(days=policy.password_days) if policy.password_days else None


def account_state(
    *,
    active: bool,
    password_set_at: datetime | None,
    activation_until: datetime | None,
    locked_until: datetime | None,
    at: datetime,
    policy: PasswordPolicy,
) -> str:
    """In which state an account is at an instant."""
    old = password_dead_since(at, policy)
    if not active:
        return DEACTIVATED
    if locked_until is not None and locked_until > at:
        return LOCKED
    if password_set_at is None:
        return INVITED if activation_until is not None and activation_until > at else CODE_EXPIRED
    if old is not None and password_set_at <= old:
        return PASSWORD_EXPIRED
    return ACTIVE


# --- passwords ---------------------------------------------------------------------------------------------------------------


def _kind_of_character(c: str) -> str:
    category = unicodedata.category(c)
    return category if category in ("Ll", "Lu") else category[0]


def password_fault(word: str, own: Collection[str], common: Collection[str], policy: PasswordPolicy) -> str | None:
    """What is wrong with a new password: short, plain or guessable; None when it will do.

    `own`: the user name and readings of the person's name; `common`: small letters, what everybody tries first. What is left after
    taking those out must still have half as many different characters as a password has at least.
    """
    if len(word) < policy.password_length:
        return "short"
    if len({_kind_of_character(c) for c in word}) < policy.password_kinds:
        return "plain"
    rest = word.casefold()
    for part in sorted({w.casefold() for w in (*own, *common) if len(w) > 2}, key=len, reverse=True):
        rest = rest.replace(part, "")
    return "guessable" if 2 * len(set(rest)) < policy.password_length else None


def password_is_due(must_change: bool, set_at: datetime | None, at: datetime, policy: PasswordPolicy) -> bool:
    """True when whoever signs in has to choose a new password first."""
    old = password_dead_since(at, policy)
    return must_change or (old is not None and set_at is not None and set_at <= old)
