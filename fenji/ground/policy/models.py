"""The working-day calendar, and the dated changes of parameters that lie over the packs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import DateField, F, Func, Q

from fenji.ground.access.rules import OFFICER, SECURITY_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.models import CText, House, Keyed
from fenji.ground.policy.rules import APPROVED, AUTHORITIES, ENDED, PROPOSED, STATES, WITHDRAWN


class CalendarDay(House):
    """A day that is not as its weekday says: a holiday, or a weekend worked in exchange."""

    day = models.DateField(primary_key=True)
    working = models.BooleanField()
    name = CText()
    basis = CText()
    provisional = models.BooleanField(default=False)

    privacy: ClassVar = dict.fromkeys(("day", "working", "name", "basis", "provisional"), "public")


# the arguments stand in the order of the alphabet, as a migration writes them: Django tells two orders apart
_LOCAL_DAY = Func(
    F("decided_at"), function="", output_field=DateField(), template="(timezone('Asia/Shanghai', %(expressions)s))::date"
)


class PolicyChange(Keyed):
    """A value that binds instead of a pack's at one place from one day (to another), once a second person has approved it.

    `place`: how the paths of all institutions begin that it is for, or one institution's path. `clause_id`: the clause whose
    parameter it changes. `ends`: this row only asks for the earlier end of that change, on the day `end`.
    """

    key = CText()
    place = CText()
    value = models.JSONField()
    unit = CText()
    authority = CText()
    clause_id = CText()
    start = models.DateField()
    end = models.DateField(null=True)
    document_number = CText()
    document_title = models.TextField()
    document_sha256 = CText()
    reason = models.TextField()
    state = CText(default=PROPOSED)
    ends = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    proposed_by = models.UUIDField()
    proposed_org = models.IntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.UUIDField(null=True)
    decided_org = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("key", "place", "value", "unit", "authority", "clause_id", "start", "end", "state", "ends"), "public"),
        **dict.fromkeys(("document_number", "document_title", "document_sha256", "reason", "note"), "internal"),
        **dict.fromkeys(("id", "version", "proposed_by", "proposed_org", "proposed_at"), "internal"),
        **dict.fromkeys(("decided_by", "decided_org", "decided_at"), "internal"),
    }
    shape: ClassVar = rls.governed("policy_change", (OFFICER, SECURITY_ADMIN), "place")

    class Meta:
        db_table = "policy_change"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="policy_change_state"),
            models.CheckConstraint(condition=Q(authority__in=AUTHORITIES), name="policy_change_authority"),
            models.CheckConstraint(
                condition=Q(place__regex=r"^35([0-9]{2}([0-9]{2})?|[0-9]{10}/[0-9]{8})?$"), name="policy_change_place"
            ),
            models.CheckConstraint(
                condition=Q(end=None) | Q(end__gt=F("start")) | Q(ends__isnull=False) | Q(state=ENDED, end=F("start")),
                name="policy_change_dates",
            ),
            models.CheckConstraint(
                condition=Q(state__in=(PROPOSED, WITHDRAWN), decided_by=None)
                | Q(decided_by__isnull=False, decided_org__isnull=False, decided_at__isnull=False),
                name="policy_change_decided",
            ),
            models.CheckConstraint(condition=Q(decided_by=None) | ~Q(decided_by=F("proposed_by")), name="policy_change_two_people"),
            # what binds today was decided before today: see ADR 0010
            models.CheckConstraint(
                condition=~Q(state__in=(APPROVED, ENDED)) | Q(ends__isnull=False) | Q(start__gt=_LOCAL_DAY),
                name="policy_change_later_day",
            ),
            models.UniqueConstraint(
                fields=["key", "place", "authority", "start"],
                condition=Q(ends=None) & (Q(state=APPROVED) | Q(state=ENDED, end__gt=F("start"))),
                name="policy_change_no_tie",
            ),
            models.UniqueConstraint(fields=["ends"], condition=Q(state=PROPOSED), name="policy_change_one_end"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "key"], name="policy_change_state_key")]
