"""Review cycles with what was drawn and read, outliers that have to be explained, and the bulletins as published."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from fenji.care.registry.models import Resident
from fenji.ground.access.rules import MANAGER, OFFICER, REVIEWER
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed
from fenji.ground.network.models import Organisation
from fenji.measure.referral_quality.rules import ANSWERS, DOCTOR, SIDES, STATES, VERDICTS, YES, alerts

GROUP = (REVIEWER, MANAGER)
"""Who reads sampled referrals, and explains what is unusual, at an institution."""

_GROUP = "(SELECT access_scope_role()) = ANY (ARRAY[{}])".format(", ".join(f"'{role}'" for role in GROUP))
_MINE = "{t} = ANY ((SELECT access_scope_orgs())::int[])"
_HEALTH = "(SELECT access_scope_health())"


def _own(column: str) -> str:
    return f"({_MINE.format(t=column)} AND {_GROUP})"


def _watched(table: str, also: str = "") -> str:
    """Who reads the outcome beside the group itself: the community's lead and, where `also` holds, the health authority."""
    own, lead = _own(f"{table}.org_id"), _own(f"{table}.lead_id")
    return f"{own} OR {lead} OR ({rls.within(table, {OFFICER})} AND {_HEALTH}{also})"


class ReviewCycle(Keyed):
    """One periodic review of one institution's review group (SM-3-5l): of the `total` referrals sent in [since, until)
    `size` were drawn under `seed`; read by `due_on`. `lead`: the lead of the county community, who sees the outcome.

    `found`: the score of each dimension, once closed. `overdue_at`: when it was found not reviewed in time.
    """

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    lead = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    since = models.DateField()
    until = models.DateField()
    due_on = models.DateField()
    seed = CText()
    total = models.IntegerField()
    size = models.IntegerField()
    opened_at = models.DateTimeField()
    overdue_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = CText(default="")
    found = models.JSONField(default=dict)

    privacy: ClassVar = {
        **dict.fromkeys(
            ("id", "version", "org", "lead", "path", "since", "until", "due_on", "seed", "total", "size", "opened_at"), "internal"
        ),
        **dict.fromkeys(("overdue_at", "closed_at", "found"), "internal"),
        "closed_by": "person",
    }
    shape: ClassVar = rls.Shape(
        "reviewed", _own("referral_quality_reviewcycle.org_id"), read=_watched("referral_quality_reviewcycle")
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["org", "since"], name="reviewcycle_once"),
            models.UniqueConstraint(fields=["org"], condition=Q(closed_at=None), name="reviewcycle_one_open"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="reviewcycle_dates"),
            models.CheckConstraint(condition=Q(size__gte=0, size__lte=F("total")), name="reviewcycle_size"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lead", "-until"], name="reviewcycle_lead"),
            models.Index(fields=["path"], name="reviewcycle_path"),
        ]


class SampledCase(Keyed):
    """A referral that a cycle drew, by its number: of the patient nothing is copied; whoever reads it opens the case itself.

    `standing`: what was decided when it was sent; `involved`: accounts that asked for it or decided it. `appropriate`, `compliant`,
    `advice`: what the cycle found, set when it is closed; `told_at`: since when the doctor who asked for it sees that.
    """

    cycle = models.ForeignKey(ReviewCycle, on_delete=models.PROTECT, db_index=False)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = CText()
    requester_id = models.UUIDField()
    requester_name = CText()
    involved = ArrayField(models.UUIDField(), default=list)
    standing = CText(default="")
    appropriate = CText(default="")
    compliant = CText(default="")
    advice = models.TextField(default="")
    told_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "cycle", "org", "origin", "number", "standing", "told_at"), "internal"),
        **dict.fromkeys(("requester_id", "requester_name", "involved", "appropriate", "compliant"), "person"),
        "advice": "patient",
    }
    shape: ClassVar = rls.Shape(
        "reviewed",
        _own("referral_quality_sampledcase.org_id"),
        read=f"{_own('referral_quality_sampledcase.org_id')} OR (referral_quality_sampledcase.told_at IS NOT NULL"
        " AND referral_quality_sampledcase.requester_id = (SELECT access_scope_account()))",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cycle", "number"], name="sampledcase_once"),
            models.CheckConstraint(
                condition=Q(standing__in=("", YES), appropriate__in=("", *ANSWERS), compliant__in=("", *ANSWERS)),
                name="sampledcase_answers",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["requester_id"], name="sampledcase_requester")]


_SAMPLED = "parent.id = referral_quality_reading.sampled_id AND " + _own("parent.org_id")
_NOT_INVOLVED = (
    "parent.requester_id <> referral_quality_reading.reader_id AND NOT referral_quality_reading.reader_id = ANY (parent.involved)"
)


class Reading(House):
    """What one reader says of one sampled referral. Seen by the group alone; the database takes none of somebody who asked for the
    referral or decided it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sampled = models.ForeignKey(SampledCase, on_delete=models.PROTECT, db_index=False)
    reader_id = models.UUIDField()
    reader_name = CText()
    appropriate = CText()
    compliant = CText()
    note = models.TextField(default="")
    at = models.DateTimeField()

    privacy: ClassVar = {
        **dict.fromkeys(("id", "sampled", "at"), "internal"),
        **dict.fromkeys(("reader_id", "reader_name", "appropriate", "compliant"), "person"),
        "note": "patient",
    }
    shape: ClassVar = rls.Shape(
        "through",
        f"EXISTS (SELECT 1 FROM referral_quality_sampledcase parent WHERE {_SAMPLED} AND {_NOT_INVOLVED})"
        " AND referral_quality_reading.reader_id = (SELECT access_scope_account())",
        read=f"EXISTS (SELECT 1 FROM referral_quality_sampledcase parent WHERE {_SAMPLED})",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sampled", "reader_id"], name="sampledreading_once"),
            models.CheckConstraint(condition=Q(appropriate__in=ANSWERS, compliant__in=ANSWERS), name="sampledreading_answers"),
        ]


class OutlierCase(Keyed):
    """A branch, disease or doctor that refers unusually often (SM-3-5g), and what becomes of it. `org` explains; `lead` confirms.

    `unit`: the institution's id, the disease group or the doctor's account; `limits`: at the time, as numbers of referrals.
    """

    lead = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    kind = CText()
    unit = CText()
    unit_name = CText(default="")
    since = models.DateField()
    until = models.DateField()
    contacts = models.IntegerField()
    referred = models.IntegerField()
    expected = models.FloatField()
    limits = models.JSONField()
    verdict = CText()
    state = CText()
    cause = models.TextField(default="")
    correction = models.TextField(default="")
    correct_by = models.DateField(null=True)
    explained_by = models.UUIDField(null=True)
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "lead", "org", "path", "kind", "since", "until", "contacts", "referred"), "internal"),
        **dict.fromkeys(("expected", "limits", "verdict", "state", "correct_by", "due_at", "opened_at", "closed_at"), "internal"),
        **dict.fromkeys(("unit", "unit_name", "cause", "correction", "explained_by"), "person"),
    }
    shape: ClassVar = rls.Shape(
        "reviewed",
        f"{_own('referral_quality_outliercase.org_id')} OR {_own('referral_quality_outliercase.lead_id')}",
        read=_watched("referral_quality_outliercase", f" AND referral_quality_outliercase.kind <> '{DOCTOR}'"),
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lead", "kind", "unit"], condition=Q(closed_at=None), name="outliercase_one_open"),
            models.UniqueConstraint(fields=["lead", "kind", "unit", "until"], name="outliercase_once"),
            models.CheckConstraint(condition=Q(kind__in=SIDES, state__in=STATES, verdict__in=VERDICTS), name="outliercase_words"),
            models.CheckConstraint(
                condition=Q(closed_at=None) & ~Q(state="closed")
                | Q(closed_at__isnull=False, state="closed", correct_by__isnull=False) & ~Q(cause="") & ~Q(correction=""),
                name="outliercase_closed_with_a_cause",
            ),
            models.CheckConstraint(condition=Q(referred__gte=0, referred__lte=F("contacts")), name="outliercase_counts"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lead", "-opened_at"], name="outliercase_lead"),
            models.Index(fields=["org", "-opened_at"], name="outliercase_org"),
        ]


class OutlierEvent(House):
    """One line of what happened to an outlier: who did what, with what was said."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    outlier = models.ForeignKey(OutlierCase, on_delete=models.PROTECT)
    at = models.DateTimeField()
    actor_id = models.UUIDField()
    actor_name = CText()
    action = CText()
    note = models.TextField(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "outlier", "at", "action"), "internal"),
        **dict.fromkeys(("actor_id", "actor_name", "note"), "person"),
    }
    shape: ClassVar = rls.through(
        "referral_quality_outlierevent",
        "referral_quality_outliercase",
        "outlier_id",
        f"({_own('parent.org_id')} OR {_own('parent.lead_id')})",
    )


class Alert(Keyed):
    """Something on the way of a patient that has to be looked into (SM-3-5k, SM-3-4a, SM-3-5h, SM-3-4c), and what became of it.

    Names no patient: officers read it. `org` is asked (of a village clinic the centre that it belongs to), `lead` leads its
    community. `key`: see `rules.alerts.key_of`. `facts`: the rows it rests on, in order of time, as institutions and times.
    `reason`, `pack_hash`: the clause and the policy that it was found under. `due_at`: until when it is to be answered.
    `withdrawn_for`: why it was taken back.
    """

    kind = CText()
    key = CText()
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    lead = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    disease_group = CText()
    at = models.DateTimeField()
    facts = models.JSONField()
    reason = models.JSONField()
    pack_hash = CText()
    state = CText()
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    cause = models.TextField(default="")
    answered_id = models.UUIDField(null=True)
    answered_by = CText(default="")
    answered_at = models.DateTimeField(null=True)
    note = models.TextField(default="")
    judged_by = CText(default="")
    judged_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_for = CText(default="")

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "kind", "key", "org", "lead", "path", "disease_group", "at", "facts"), "internal"),
        **dict.fromkeys(("reason", "pack_hash", "state", "opened_at", "due_at", "answered_at", "judged_at"), "internal"),
        **dict.fromkeys(("withdrawn_at", "withdrawn_for"), "internal"),
        **dict.fromkeys(("cause", "answered_id", "answered_by", "note", "judged_by"), "person"),
    }
    shape: ClassVar = rls.Shape("reviewed", _watched("referral_quality_alert"))

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key"], name="alert_once"),
            models.CheckConstraint(condition=Q(kind__in=alerts.KINDS, state__in=alerts.STATES), name="alert_words"),
            models.CheckConstraint(
                condition=~Q(state__in=(alerts.ANSWERED, alerts.JUSTIFIED)) | ~Q(cause="") & Q(answered_at__isnull=False),
                name="alert_answered_with_a_cause",
            ),
            models.CheckConstraint(
                condition=Q(state__in=alerts.JUDGED, judged_at__isnull=False) | ~Q(state__in=alerts.JUDGED) & Q(judged_at=None),
                name="alert_judged",
            ),
            models.CheckConstraint(
                condition=Q(state=alerts.WITHDRAWN, withdrawn_at__isnull=False, withdrawn_for__in=alerts.WITHDRAWALS)
                | ~Q(state=alerts.WITHDRAWN) & Q(withdrawn_at=None, withdrawn_for=""),
                name="alert_withdrawn_with_a_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "-at"], name="alert_org"),
            models.Index(fields=["lead", "-at"], name="alert_lead"),
            models.Index(fields=["path", "-at"], name="alert_path"),
        ]


_ITS_ALERT = "SELECT 1 FROM referral_quality_alert parent WHERE parent.id = referral_quality_alertrow.alert_id"


class AlertRow(House):
    """A row that an alert rests on: a visit or a stay by its id, a case by its number, and whose. Read by the institution asked
    alone, which finds its own patients by it. `position`: as of `Alert.facts`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, db_index=False, related_name="rows")
    position = models.SmallIntegerField()
    kind = CText()
    key = CText()
    resident = models.ForeignKey(Resident, on_delete=models.PROTECT, related_name="+", db_index=False)

    privacy: ClassVar = {**dict.fromkeys(("id", "alert", "position", "kind"), "internal"), "key": "patient", "resident": "patient"}
    shape: ClassVar = rls.Shape("through", "false", read=f"EXISTS ({_ITS_ALERT} AND {_own('parent.org_id')})")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["alert", "position"], name="alertrow_once")]


class Bulletin(House):
    """The bulletin of one county and month as it was published: refusals and late steps of its institutions, ranked, with what they
    were counted against. Never changed. `month`: its first day; `lines`: of each table, as `rules.Line`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    county = CText()
    month = models.DateField()
    lines = models.JSONField()
    at = models.DateTimeField()

    privacy: ClassVar = dict.fromkeys(("id", "county", "month", "lines", "at"), "internal")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["county", "month"], name="bulletin_once")]
