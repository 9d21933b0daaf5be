"""Cases, their events, and the resident's own page of one."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from fenji.care.catalogue.models import ListVersion
from fenji.care.referral.rules import (
    ANSWERS,
    ASKS,
    CONCORDANCES,
    CONSENTERS,
    DECISIONS,
    DIRECTIONS,
    DOWN,
    DOWN_STATES,
    DRAFT,
    ENDS,
    GREEN_REASONS,
    GUARDIAN,
    IN_REVIEW,
    OFFICE,
    OPEN_STATES,
    OUTCOMES,
    ROUTES,
    STATES,
    UP,
    WAYS,
)
from fenji.care.registry.models import Proxy, Resident
from fenji.care.registry.rules import SEXES
from fenji.care.visits.models import Stay, Visit
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.network.models import Department, Organisation


class Case(Keyed):
    """One patient sent from one institution to a higher one, after a visit, or from a ward to a lower one, out of a stay. The
    patient's particulars are copied: the receiver has no access to the sender's registry.

    `review_org` reviews, or did so last; `review_upper` may take the review over; `review_route` says why it is reviewed there, as
    reasons of a decision. `review_no`: how often it was asked for; `review_due_at`: when that request was first to be decided.
    `green`: why it goes through the green channel. `happened_at`: when the patient was sent, of a case entered afterwards.
    `offered_at`: when it was first offered for this journey; `door_at`: when the patient was at the door; `accepted_at`: when they
    were taken. `lapsed_at`: an emergency was not accepted in time. `declined_ids`: institutions that declined. `entered_by`: the
    nurse who wrote it for the requester. `supersedes`: the case this emergency ended. `met`: the number of a case of the same
    person under another record. `final`: the receiver's diagnosis. `returns`: the down-referral after which
    the patient goes back up.
    """

    number = CText()
    direction = CText(default=UP)
    state = CText()
    origin = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    receiver = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, db_index=False)
    holder = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    duty = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    review_org = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    review_upper = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    review_route = models.JSONField(default=list, db_default=[])
    review_due_at = models.DateTimeField(null=True)
    review_no = models.SmallIntegerField(default=0, db_default=0)
    origin_level = models.SmallIntegerField()
    receiver_level = models.SmallIntegerField()
    viewer_ids = org_array()
    requester_id = models.UUIDField()
    requester_name = CText()
    resident = models.ForeignKey(Resident, on_delete=models.PROTECT)
    visit = models.ForeignKey(Visit, null=True, on_delete=models.PROTECT, db_index=False)
    stay = models.ForeignKey(Stay, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    patient_name = CText()
    patient_sex = CText()
    patient_birth_date = models.DateField()
    patient_phone = models.BinaryField()
    diagnosis_code = CText()
    diagnosis_name = CText()
    disease_group = CText()
    group_version = CText()
    emergency = models.BooleanField()
    summary = models.TextField()
    override_reason = models.TextField(default="")
    verdict = CText()
    reasons = models.JSONField()
    pack_hash = CText()
    catalogue_version = models.ForeignKey(ListVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    treatable_version = models.ForeignKey(ListVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    findings = models.TextField(default="")
    advice = models.TextField(default="")
    green = CText(default="", db_default="")
    critical = models.BooleanField(default=False, db_default=False)
    happened_at = models.DateTimeField(null=True)
    offered_at = models.DateTimeField(null=True)
    door_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    came_unaccepted = models.BooleanField(default=False, db_default=False)
    lapsed_at = models.DateTimeField(null=True)
    declined_ids = org_array(db_default=[])
    entered_by_id = models.UUIDField(null=True)
    entered_by_name = CText(default="", db_default="")
    supersedes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    returns = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    met = CText(default="", db_default="")
    final_code = CText(default="", db_default="")
    final_name = CText(default="", db_default="")
    final_group = CText(default="", db_default="")
    concordance = CText(default="", db_default="")
    concordance_reason = models.TextField(default="", db_default="")
    filing_number = CText(default="")
    valid_until = models.DateField(null=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(
            (
                "id",
                "version",
                "number",
                "direction",
                "state",
                "origin",
                "receiver",
                "department",
                "holder",
                "duty",
                "review_org",
                "review_upper",
                "review_route",
                "review_due_at",
                "review_no",
                "origin_level",
                "receiver_level",
                "viewer_ids",
                "group_version",
                "verdict",
                "reasons",
                "pack_hash",
                "catalogue_version",
                "treatable_version",
                "valid_until",
                "created_at",
                "due_at",
                "ended_at",
                "happened_at",
                "offered_at",
                "door_at",
                "accepted_at",
                "came_unaccepted",
                "lapsed_at",
                "declined_ids",
                "supersedes",
                "returns",
                "met",
            ),
            "internal",
        ),
        **dict.fromkeys(("requester_id", "requester_name", "entered_by_id", "entered_by_name"), "person"),
        **dict.fromkeys(
            (
                "resident",
                "visit",
                "stay",
                "patient_name",
                "patient_sex",
                "patient_birth_date",
                "patient_phone",
                "diagnosis_code",
                "diagnosis_name",
                "disease_group",
                "emergency",
                "summary",
                "override_reason",
                "findings",
                "advice",
                "green",
                "critical",
                "final_code",
                "final_name",
                "final_group",
                "concordance",
                "concordance_reason",
                "filing_number",
            ),
            "patient",
        ),
    }
    shape: ClassVar = rls.viewers("referral_case")
    readers: ClassVar = (rls.under_glass("referral_case"),)

    class Meta:
        constraints: ClassVar = [
            # a constraint, not unique=True: that would add a second index for LIKE, which row security cannot use
            models.UniqueConstraint(fields=["number"], name="case_number"),
            models.CheckConstraint(condition=Q(direction__in=DIRECTIONS), name="case_direction"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="case_state"),
            models.CheckConstraint(condition=Q(verdict__in=OUTCOMES), name="case_verdict"),
            models.CheckConstraint(condition=Q(patient_sex__in=SEXES), name="case_sex"),
            models.CheckConstraint(
                condition=Q(direction=UP, visit__isnull=False, stay=None, receiver_level__gt=F("origin_level"))
                | Q(direction=DOWN, visit=None, stay__isnull=False, returns=None, receiver_level__lt=F("origin_level")),
                name="case_goes_its_way",
            ),
            models.CheckConstraint(
                condition=Q(direction=UP) | Q(state__in=DOWN_STATES, emergency=False, critical=False), name="case_down_is_calm"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_STATES, holder__isnull=False, ended_at=None)
                | Q(state__in=ENDS, holder=None, ended_at__isnull=False),
                name="case_one_holder_until_ended",
            ),
            models.CheckConstraint(
                condition=Q(holder=None)
                | Q(holder=F("origin"))
                | Q(holder=F("receiver"))
                | Q(state=IN_REVIEW, holder=F("review_org")),
                name="case_holder_is_party",
            ),
            models.CheckConstraint(
                condition=~Q(state=IN_REVIEW) | Q(review_org__isnull=False, holder=F("review_org")), name="case_review_has_a_place"
            ),
            models.CheckConstraint(condition=Q(duty=F("origin")) | Q(duty=F("receiver")), name="case_duty_is_party"),
            # an emergency counts from the moment it is sent: then it ends the one that was open before
            models.UniqueConstraint(
                fields=["resident", "direction", "disease_group"],
                condition=Q(state__in=OPEN_STATES) & ~Q(state=DRAFT, emergency=True),
                name="case_one_open",
            ),
            models.CheckConstraint(
                condition=Q(emergency=False, green="", came_unaccepted=False, happened_at=None, lapsed_at=None)
                | Q(emergency=True, green__in=GREEN_REASONS),
                name="case_green_says_why",
            ),
            models.CheckConstraint(condition=Q(concordance__in=("", *CONCORDANCES)), name="case_concordance"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["viewer_ids"], name="case_viewers"),
            models.Index(fields=["state", "number"], name="case_state"),
            models.Index(fields=["created_at", "number"], name="case_written"),
            models.Index(fields=["review_org", "due_at"], condition=Q(state=IN_REVIEW), name="case_review_waits"),
            models.Index(fields=["stay"], condition=Q(stay__isnull=False), name="case_stay"),
        ]


class CaseEvent(House):
    """One line of the timeline. The facts of officers show its time, action, role and institution, nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT)
    at = models.DateTimeField()
    actor_id = models.UUIDField()
    actor_name = CText()
    role = CText()
    org_name = CText()
    action = CText()
    before = CText()
    after = CText()
    note = models.TextField(default="")

    privacy: ClassVar = {
        "id": "internal",
        "case": "internal",
        "at": "internal",
        "actor_id": "person",
        "actor_name": "person",
        "role": "internal",
        "org_name": "internal",
        "action": "internal",
        "before": "internal",
        "after": "internal",
        "note": "patient",
    }
    # who sees a case under glass reads its events and adds none
    shape: ClassVar = rls.through(
        "referral_caseevent", "referral_case", "case_id", writable="parent.viewer_ids && (SELECT access_scope_orgs())"
    )


_REVIEWS = ", ".join(f"'{role}'" for role in OFFICE)
_OF_MINE = "{t}.org_id = ANY ((SELECT access_scope_orgs())::int[])"


class ReviewDelegation(Keyed):
    """A colleague reviews from one day to another because somebody who reviews has asked them to. Ended early: `ended_at`."""

    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    from_id = models.UUIDField()
    from_name = CText()
    to_id = models.UUIDField()
    to_name = CText()
    start = models.DateField()
    end = models.DateField()
    reason = models.TextField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org", "created_at", "ended_at"), "internal"),
        **dict.fromkeys(("from_id", "from_name", "to_id", "to_name", "start", "end", "reason"), "person"),
    }
    # whoever is asked reads it; only those who review themselves add and end
    shape: ClassVar = rls.Shape(
        "delegated",
        f"{_OF_MINE.format(t='referral_reviewdelegation')} AND (SELECT access_scope_role()) = ANY (ARRAY[{_REVIEWS}])",
        read=_OF_MINE.format(t="referral_reviewdelegation"),
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="reviewdelegation_dates"),
            models.CheckConstraint(condition=~Q(from_id=F("to_id")), name="reviewdelegation_two"),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "to_id"], condition=Q(ended_at=None), name="reviewdelegation_now")]


class ReviewDecision(House):
    """One decision of a reviewer on one request: who, from when to when, and why there. Kept for the review of referrals later."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT)
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, db_index=False)
    request = models.SmallIntegerField()
    route = CText()
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    at = models.DateTimeField()
    decision = CText()
    reviewer_id = models.UUIDField()
    reviewer_name = CText()
    role = CText()
    delegation = models.ForeignKey(ReviewDelegation, null=True, on_delete=models.PROTECT, db_index=False)

    privacy: ClassVar = {
        **dict.fromkeys(
            ("id", "case", "org", "request", "route", "asked_at", "due_at", "at", "decision", "role", "delegation"), "internal"
        ),
        **dict.fromkeys(("reviewer_id", "reviewer_name"), "person"),
    }
    shape: ClassVar = rls.through(
        "referral_reviewdecision", "referral_case", "case_id", writable="parent.viewer_ids && (SELECT access_scope_orgs())"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(decision__in=DECISIONS), name="reviewdecision_decision"),
            models.CheckConstraint(condition=Q(route__in=tuple(ROUTES)), name="reviewdecision_route"),
            models.CheckConstraint(condition=Q(at__gte=F("asked_at")), name="reviewdecision_times"),
        ]
        indexes: ClassVar = [models.Index(fields=["org", "at"], name="reviewdecision_cycle")]


_WRITABLE = "parent.viewer_ids && (SELECT access_scope_orgs())"


class Consent(House):
    """Who consented to a transfer or refused it, how and when; and the institution that had been proposed when the patient chose
    another one."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.PROTECT)
    answer = CText()
    who = CText()
    guardian = CText(default="")
    how = CText()
    at = models.DateTimeField()
    proposed = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    privacy: ClassVar = {
        "case": "internal",
        "proposed": "internal",
        **dict.fromkeys(("answer", "who", "guardian", "how", "at"), "patient"),
    }
    shape: ClassVar = rls.through("referral_consent", "referral_case", "case_id", writable=_WRITABLE)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(answer__in=ANSWERS, who__in=CONSENTERS, how__in=WAYS) & (~Q(who=GUARDIAN) | ~Q(guardian="")),
                name="consent_says_who",
            ),
        ]


class Transfer(House):
    """The check of a critical patient on leaving, with escort and vehicle. The latest of a case is the one that holds."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT)
    at = models.DateTimeField()
    actor_name = CText()
    pulse = models.SmallIntegerField()
    breaths = models.SmallIntegerField()
    systolic = models.SmallIntegerField()
    diastolic = models.SmallIntegerField()
    saturation = models.SmallIntegerField()
    temperature = models.DecimalField(max_digits=4, decimal_places=1)
    consciousness = CText()
    airway = CText()
    oxygen = CText()
    lines = models.TextField()
    escort = CText()
    escort_name = CText()
    vehicle = CText()
    plate = CText()
    left_at = models.DateTimeField()
    eta_at = models.DateTimeField()

    privacy: ClassVar = {
        **dict.fromkeys(("id", "case", "at"), "internal"),
        **dict.fromkeys(("actor_name", "escort_name"), "person"),
        **dict.fromkeys(
            ("pulse", "breaths", "systolic", "diastolic", "saturation", "temperature", "consciousness", "airway", "oxygen"),
            "patient",
        ),
        **dict.fromkeys(("lines", "escort", "vehicle", "plate", "left_at", "eta_at"), "patient"),
    }
    shape: ClassVar = rls.through("referral_transfer", "referral_case", "case_id", writable=_WRITABLE)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(eta_at__gt=F("left_at")), name="transfer_comes_after_it_left"),
        ]


_OWN_CASE = "parent.id = referral_caselink.case_id AND parent.viewer_ids && (SELECT access_scope_orgs())"


class CaseLink(House):
    """The address of the resident's own page of a case: one that is not revoked at a time, and one for each `proxy` who acts for
    the resident, which opens while they act. The database knows its token by hash; `token` is sealed, so that the slip can be
    printed again. `asks` and `digest`: what the page asks for, and the right answer bound to the token. `tries`: wrong answers
    since the last right one; at `most_tries` the page is closed.

    `opened_at`: when it was first seen.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, db_index=False)
    proxy = models.ForeignKey(Proxy, null=True, on_delete=models.PROTECT, related_name="+")
    token_hash = models.BinaryField()
    token = models.BinaryField()
    asks = CText()
    digest = models.BinaryField()
    tries = models.SmallIntegerField(default=0)
    most_tries = models.SmallIntegerField()
    days_after = models.SmallIntegerField()
    made_at = models.DateTimeField()
    made_by = models.UUIDField()
    revoked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(
            ("id", "case", "proxy", "asks", "tries", "most_tries", "days_after", "made_at", "revoked_at", "opened_at"), "internal"
        ),
        **dict.fromkeys(("token_hash", "token", "digest"), "secret"),
        "made_by": "person",
    }
    # not under glass: who reads a case in an emergency has no business with the resident's own page
    shape: ClassVar = rls.Shape("through", f"EXISTS (SELECT 1 FROM referral_case parent WHERE {_OWN_CASE})")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(asks__in=ASKS), name="caselink_asks"),
            models.UniqueConstraint(fields=["token_hash"], name="caselink_token"),
            models.UniqueConstraint(fields=["case"], condition=Q(revoked_at=None, proxy=None), name="caselink_one"),
            models.UniqueConstraint(fields=["case", "proxy"], condition=Q(revoked_at=None), name="caselink_one_proxy"),
        ]
        indexes: ClassVar = [models.Index(fields=["case"], name="caselink_case")]
