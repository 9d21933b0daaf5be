"""Accounts and their passwords, scope handles, idempotency keys, audit trail, seals, read log, openings and their review."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from fenji.ground.access.rules import (
    ADMINISTERED_WITH,
    ADMINISTERS,
    AUDIT_ADMIN,
    GLASS_KINDS,
    NO_PASSWORD,
    SECURITY_ADMIN,
    STAFF_KIND,
)
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed, org_array


def _audited(table: str) -> tuple[rls.Reader]:
    """Traces as audit administrators read them: of organisations within their reach; with the whole house in reach, all of them."""
    mine = f"(SELECT access_scope_whole()) OR {table}.org_id = ANY ((SELECT access_scope_governed())::int[])"
    return (rls.Reader("audit", f"(SELECT access_scope_role()) = '{AUDIT_ADMIN}' AND ({mine})"),)


class Account(Keyed):
    """A login of a person or a machine. What it may do follows from its posts, not from here.

    `org_id`, `path`: the institution at home, whose administrators look after it. `kind`: see rules.ADMINISTERED_WITH.
    `password_set_at`: empty while there is no password. `sessions_from`: sessions opened before are over.
    """

    username = CText()
    name = CText()
    kind = CText(default=STAFF_KIND)
    org_id = models.IntegerField(null=True)
    path = CText(default="")
    password = models.TextField(default=NO_PASSWORD)
    password_set_at = models.DateTimeField(null=True)
    must_change = models.BooleanField(default=False)
    activation_hash = models.BinaryField(null=True)
    activation_until = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    sessions_from = models.DateTimeField(null=True)
    active = models.BooleanField(default=True)
    deactivated_at = models.DateTimeField(null=True)
    deactivated_reason = models.TextField(default="")
    created_at = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)

    privacy: ClassVar = {
        "id": "internal",
        "version": "internal",
        "username": "person",
        "name": "person",
        "kind": "internal",
        "org_id": "internal",
        "path": "internal",
        "password": "secret",
        "password_set_at": "internal",
        "must_change": "internal",
        "activation_hash": "secret",
        "activation_until": "internal",
        "failures": "internal",
        "locked_until": "internal",
        "sessions_from": "internal",
        "active": "internal",
        "deactivated_at": "internal",
        "deactivated_reason": "person",
        "created_at": "internal",
        "created_by": "internal",
    }
    shape: ClassVar = rls.administered("access_account", ADMINISTERS)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["username"], name="account_username"),
            models.CheckConstraint(condition=models.Q(username__regex="^[a-z0-9][a-z0-9._-]{1,59}$"), name="account_username_form"),
            models.CheckConstraint(condition=models.Q(kind__in=list(ADMINISTERED_WITH)), name="account_kind"),
        ]
        indexes: ClassVar = [models.Index(fields=["path", "username"], name="account_path")]


class OldPassword(House):
    """The hash of a password an account has or had: the last few are not taken again. The app role sees nothing of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    password = models.TextField()
    at = models.DateTimeField()

    privacy: ClassVar = {"id": "internal", "account": "internal", "password": "secret", "at": "internal"}
    shape: ClassVar = rls.Shape("closed", "false")


class MachineMinute(House):
    """How many requests a machine account has made in its latest minute."""

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.PROTECT)
    minute = models.DateTimeField()
    requests = models.IntegerField()

    privacy: ClassVar = dict.fromkeys(("account", "minute", "requests"), "internal")


class ScopeHandle(House):
    """An open session: the hash of a 256-bit token, and what it reaches. The app role can neither read nor make one."""

    token_hash = models.BinaryField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    actor_name = models.TextField()
    role = CText()
    post_id = models.UUIDField()
    org_id = models.IntegerField()
    org_name = models.TextField()
    orgs = org_array()
    path_lo = CText()
    path_hi = CText()
    reach = CText(default="")
    purpose = CText()
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    until = models.DateTimeField()
    idle = models.DurationField()
    door_per_hour = models.IntegerField()
    glass_minutes = models.IntegerField(default=0)
    glass_per_hour = models.IntegerField(default=0)
    identify_per_hour = models.IntegerField(default=0)
    closed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        "token_hash": "secret",
        "account": "internal",
        "actor_name": "person",
        "role": "internal",
        "post_id": "internal",
        "org_id": "internal",
        "org_name": "internal",
        "orgs": "internal",
        "path_lo": "internal",
        "path_hi": "internal",
        "reach": "internal",
        "purpose": "internal",
        "opened_at": "internal",
        "seen_at": "internal",
        "until": "internal",
        "idle": "internal",
        "door_per_hour": "internal",
        "glass_minutes": "internal",
        "glass_per_hour": "internal",
        "identify_per_hour": "internal",
        "closed_at": "internal",
    }
    shape: ClassVar = rls.Shape("closed", "false")


class IdempotencyKey(House):
    """One posted form: the same form sent twice acts once, and the second sender is shown the first's result."""

    key = models.UUIDField(primary_key=True)
    account_id = models.UUIDField()
    fingerprint = models.BinaryField()
    location = models.TextField(default="")
    at = models.DateTimeField()

    privacy: ClassVar = {
        "key": "internal",
        "account_id": "internal",
        "fingerprint": "secret",
        "location": "internal",
        "at": "internal",
    }
    shape: ClassVar = rls.own_account("access_idempotencykey")


class AuditSeal(House):
    """One link of the chain: the digest of a batch of audit rows and of the link before."""

    number = models.BigIntegerField(primary_key=True)
    suite = CText()
    rows = models.IntegerField()
    previous = models.BinaryField()
    digest = models.BinaryField()
    at = models.DateTimeField()

    privacy: ClassVar = dict.fromkeys(("number", "suite", "rows", "previous", "digest", "at"), "internal")


class AuditEvent(House):
    """Who did what, when. Written once with the change itself; only the sealer touches it again, to set `seal`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    actor_id = models.UUIDField()
    role = CText()
    org_id = models.IntegerField()
    action = CText()
    subject = CText()
    before = CText(default="")
    after = CText(default="")
    detail = models.JSONField(default=dict)
    seal = models.ForeignKey(AuditSeal, null=True, on_delete=models.PROTECT)

    privacy: ClassVar = {
        "id": "internal",
        "at": "internal",
        "actor_id": "person",
        "role": "internal",
        "org_id": "internal",
        "action": "internal",
        "subject": "internal",
        "before": "internal",
        "after": "internal",
        "detail": "internal",
        "seal": "internal",
    }
    # only the sealer may put a row into a link: else a writer could break the chain
    unsealed: ClassVar = "access_auditevent.seal_id IS NULL"
    shape: ClassVar = rls.written_by("access_auditevent", also=unsealed)
    readers: ClassVar = _audited("access_auditevent")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(seal__isnull=True)),
            models.Index(fields=["at", "id"], name="audit_latest"),
            models.Index(fields=["subject", "at"], name="audit_subject"),
            models.Index(fields=["actor_id", "at"], name="audit_actor"),
        ]


class ReadLog(House):
    """Who looked at whose record, and what for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    account_id = models.UUIDField()
    org_id = models.IntegerField()
    purpose = CText()
    subject = CText()

    privacy: ClassVar = {
        "id": "internal",
        "at": "internal",
        "account_id": "person",
        "org_id": "internal",
        "purpose": "internal",
        "subject": "internal",
    }
    shape: ClassVar = rls.written_by("access_readlog", "account_id")
    readers: ClassVar = _audited("access_readlog")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["account_id", "purpose", "at"], name="readlog_rate"),
            models.Index(fields=["at", "id"], name="readlog_latest"),
            models.Index(fields=["subject", "at"], name="readlog_subject"),
        ]


class ChainCheck(House):
    """One verification of the chain, asked for on the screen and carried out by a job. `done` of `links` while it runs; the result
    stands when `finished_at` does. `broken`: number of the first link that does not fit."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    account_id = models.UUIDField()
    actor_name = CText()
    done = models.BigIntegerField(default=0)
    links = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    unsealed = models.BigIntegerField(default=0)
    broken = models.BigIntegerField(null=True)
    head = CText(default="")
    finished_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "at", "done", "links", "rows", "unsealed", "broken", "head", "finished_at"), "internal"),
        **dict.fromkeys(("account_id", "actor_name"), "person"),
    }
    shape: ClassVar = rls.Shape(
        "audit",
        f"(SELECT access_scope_role()) = '{AUDIT_ADMIN}' AND access_chaincheck.account_id = (SELECT access_scope_account())",
        read=f"(SELECT access_scope_role()) = ANY (ARRAY['{AUDIT_ADMIN}', '{SECURITY_ADMIN}'])",
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at", "id"], name="chaincheck_latest")]


class Glass(House):
    """One opening beyond somebody's scope, with its reason: a resident's records everywhere, for a time (`records`), or the
    identity behind a referral, once (`identity`). Written by the DEFINER functions of the rooms that own what is opened.

    `subject`: the resident's id, or the case number. `path`: the place of the institution where it was opened.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = CText()
    subject = CText()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False)
    actor_name = CText()
    org_id = models.IntegerField()
    org_name = CText()
    path = CText()
    reason = models.TextField()
    at = models.DateTimeField()
    until = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        "id": "internal",
        "kind": "internal",
        "subject": "internal",
        "account": "person",
        "actor_name": "person",
        "org_id": "internal",
        "org_name": "internal",
        "path": "internal",
        "reason": "patient",
        "at": "internal",
        "until": "internal",
        "closed_at": "internal",
    }
    # one may close what one has opened, and nothing else; a closed opening stays closed
    _own: ClassVar = "access_glass.account_id = (SELECT access_scope_account())"
    shape: ClassVar = rls.Shape(
        "own_and_watched",
        f"{_own} AND access_glass.closed_at IS NULL",
        f"{_own} AND access_glass.closed_at IS NOT NULL",
        f"{_own} OR ({rls.within('access_glass', {SECURITY_ADMIN})})",
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=GLASS_KINDS), name="glass_kind"),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="glass_reason"),
            # whatever the policy says: an opening ends, and within a day
            models.CheckConstraint(condition=Q(until__gt=F("at")) & Q(until__lte=F("at") + timedelta(hours=24)), name="glass_ends"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "at"], name="glass_rate"),
            models.Index(fields=["account", "until"], condition=Q(closed_at=None), name="glass_open"),
            models.Index(fields=["at", "id"], name="glass_latest"),
        ]


class GlassReview(House):
    """A security administrator's second look at one opening. Written once."""

    glass = models.OneToOneField(Glass, primary_key=True, on_delete=models.PROTECT, related_name="review")
    account_id = models.UUIDField()
    actor_name = CText()
    at = models.DateTimeField()
    note = models.TextField()

    privacy: ClassVar = {"glass": "internal", "account_id": "person", "actor_name": "person", "at": "internal", "note": "patient"}
    _watcher: ClassVar = (
        f"(SELECT access_scope_role()) = '{SECURITY_ADMIN}'"
        " AND EXISTS (SELECT 1 FROM access_glass parent WHERE parent.id = access_glassreview.glass_id)"
    )
    shape: ClassVar = rls.Shape(
        "watched", f"access_glassreview.account_id = (SELECT access_scope_account()) AND {_watcher}", read=_watcher
    )
