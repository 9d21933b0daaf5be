"""Stored files with their encrypted content, papers of institutions, import runs, and what was wrong with their rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from fenji.ground.access.rules import MANAGER, OFFICER, SYSTEM_ADMIN
from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.documents import rules
from fenji.ground.network.models import Alliance, Organisation

KINDS = ("xlsx", "xls", "csv", "pdf", "png", "jpeg", "json", "docx", "doc")


class StoredFile(Keyed):
    """A file: what it is, who may see it. Its content lies encrypted in parts beside it.

    `viewer_ids`: organisations; `only_id`: given, the one account of them that may see it; `shared`: everybody who is signed in may
    open it, for it is no secret (a charter, a picture of a notice board). `wiped_at`: its content is gone.
    """

    org_id = models.IntegerField()
    name = models.TextField()
    kind = CText()
    size = models.IntegerField()
    sha256 = CText()
    viewer_ids = org_array()
    only_id = models.UUIDField(null=True)
    shared = models.BooleanField(default=False)
    uploaded_by = models.UUIDField()
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)
    voided_by = models.UUIDField(null=True)
    voided_reason = CText(default="")
    wiped_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(
            ("id", "version", "org_id", "kind", "size", "sha256", "viewer_ids", "at", "wiped_at", "shared"), "internal"
        ),
        **dict.fromkeys(("name", "only_id", "uploaded_by", "voided_by"), "person"),
        **dict.fromkeys(("voided_at", "voided_reason"), "internal"),
    }
    shape: ClassVar = rls.viewers_or_one("documents_storedfile")
    readers: ClassVar = (rls.Reader("shared", "documents_storedfile.shared AND (SELECT access_scope_account()) IS NOT NULL"),)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="storedfile_kind"),
            models.CheckConstraint(condition=Q(wiped_at=None) | Q(voided_at__isnull=False), name="storedfile_voided_first"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["voided_at"], condition=Q(voided_at__isnull=False, wiped_at=None), name="storedfile_to_wipe"),
        ]


class Blob(House):
    """One part of a file's content, sealed with the house's keys and bound to its file and place."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    part = models.IntegerField()
    content = models.BinaryField()

    privacy: ClassVar = {"id": "internal", "file": "internal", "part": "internal", "content": "patient"}
    # who merely reads a file must not add parts to it
    shape: ClassVar = rls.through(
        "documents_blob", "documents_storedfile", "file_id", "parent.uploaded_by = (SELECT access_scope_account())"
    )

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "part"], name="blob_part")]


def _kept_papers(table: str) -> rls.Shape:
    """Everybody reads; an institution's own head hands in and takes back, and who governs the place where it lies."""
    own = f"{table}.org_id = ANY ((SELECT access_scope_orgs())::int[]) AND (SELECT access_scope_role()) = '{MANAGER}'"
    return rls.Shape("governed", f"({rls.within(table, (OFFICER, SYSTEM_ADMIN))}) OR ({own})", read="true")


class Paper(Keyed):
    """One version of a paper of an institution, or of the community that it leads (`alliance`). Never edited: the next ends it.

    `number`: of the version, from 1; `path`: the institution's place.
    """

    kind = CText()
    org = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = CText()
    alliance = models.ForeignKey(Alliance, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    number = models.IntegerField()
    title = models.TextField()
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    start = models.DateField()
    end = models.DateField(null=True)
    by_id = models.UUIDField()
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "kind", "org", "path", "alliance", "number", "title", "start", "end"), "public"),
        **dict.fromkeys(("file", "by_id", "at", "voided_at"), "internal"),
    }
    shape: ClassVar = _kept_papers("documents_paper")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=rules.PAPERS), name="paper_kind"),
            models.CheckConstraint(
                condition=Q(kind=rules.OPERATING_RULES, alliance__isnull=False)
                | (~Q(kind=rules.OPERATING_RULES) & Q(alliance__isnull=True)),
                name="paper_alliance",
            ),
            models.UniqueConstraint(fields=["org", "kind", "number"], condition=Q(alliance=None), name="paper_number"),
            models.UniqueConstraint(fields=["alliance", "number"], name="paper_alliance_number"),
            models.UniqueConstraint(
                fields=["org", "kind"], condition=Q(alliance=None, end=None, voided_at=None), name="paper_one_open"
            ),
            models.UniqueConstraint(fields=["alliance"], condition=Q(end=None, voided_at=None), name="paper_one_open_rules"),
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="paper_dates"),
        ]


class ImportRun(Keyed):
    """One list on its way in: sent by whom in which post, where it stands, and what was found.

    The post is kept as it was, because a worker writes in the sender's name. `done` of `total`: rows of the present step.
    `skipped`: what was passed over and must be said: unknown columns, blank rows, sample rows, other sheets. `round`: which judging
    the faults of the run are from: it is judged again before it is written.
    """

    listing = CText()
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    fault_file = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    handouts = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    handouts_until = models.DateTimeField(null=True)
    language = CText()
    org_id = models.IntegerField()
    org_name = models.TextField()
    account_id = models.UUIDField()
    account_name = models.TextField()
    role = CText()
    post_id = models.UUIDField(null=True)
    reach = CText(default="")
    state = CText(default=rules.UPLOADED)
    rows = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    same = models.IntegerField(default=0)
    faulty = models.IntegerField(default=0)
    round = models.IntegerField(default=0)
    noted = models.IntegerField(default=0)
    skipped = models.JSONField(default=dict)
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    error = CText(default="")
    error_detail = models.JSONField(default=dict)
    at = models.DateTimeField()
    judged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "listing", "file", "fault_file", "handouts", "handouts_until", "language"), "internal"),
        **dict.fromkeys(("org_id", "org_name", "role", "post_id", "reach", "state", "at", "judged_at", "ended_at"), "internal"),
        **dict.fromkeys(("rows", "new", "changed", "same", "faulty", "noted", "round", "skipped", "done", "total"), "internal"),
        **dict.fromkeys(("error", "error_detail"), "internal"),
        **dict.fromkeys(("account_id", "account_name"), "person"),
    }
    shape: ClassVar = rls.of_org_or_own("documents_importrun")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(state__in=rules.STATES), name="importrun_state")]
        indexes: ClassVar = [
            models.Index(fields=["org_id", "-at"], name="importrun_latest"),
            models.Index(fields=["handouts_until"], condition=Q(handouts_until__isnull=False), name="importrun_handouts"),
        ]


class ImportFault(House):
    """What is wrong with a row of a run, or with a cell of it (`column_key`). `note`: worth knowing, no reason to refuse.

    `detail` is sealed: it may quote what stood in the cell.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT)
    round = models.IntegerField()
    line = models.IntegerField()
    column_key = CText(default="")
    code = CText()
    detail = models.BinaryField()
    note = models.BooleanField(default=False)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "run", "round", "line", "column_key", "code", "note"), "internal"),
        "detail": "person",
    }
    shape: ClassVar = rls.through("documents_importfault", "documents_importrun", "run_id")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["run", "round", "note", "line"], name="importfault_line")]
