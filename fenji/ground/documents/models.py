"""Stored files with their encrypted content, import runs, and what was wrong with their rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from fenji.ground.common import rls
from fenji.ground.common.ids import uuid7
from fenji.ground.common.models import CText, House, Keyed, org_array
from fenji.ground.documents import rules

KINDS = ("xlsx", "xls", "csv", "pdf", "png", "jpeg", "json")


class StoredFile(Keyed):
    """A file: what it is, who may see it. Its content lies encrypted in parts beside it.

    `viewer_ids`: organisations; `only_id`: given, the one account of them that may see it. `wiped_at`: its content is gone.
    """

    org_id = models.IntegerField()
    name = models.TextField()
    kind = CText()
    size = models.IntegerField()
    sha256 = CText()
    viewer_ids = org_array()
    only_id = models.UUIDField(null=True)
    uploaded_by = models.UUIDField()
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)
    voided_by = models.UUIDField(null=True)
    voided_reason = CText(default="")
    wiped_at = models.DateTimeField(null=True)

    privacy: ClassVar = {
        **dict.fromkeys(("id", "version", "org_id", "kind", "size", "sha256", "viewer_ids", "at", "wiped_at"), "internal"),
        **dict.fromkeys(("name", "only_id", "uploaded_by", "voided_by"), "person"),
        **dict.fromkeys(("voided_at", "voided_reason"), "internal"),
    }
    shape: ClassVar = rls.viewers_or_one("documents_storedfile")

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
    shape: ClassVar = rls.through("documents_blob", "documents_storedfile", "file_id")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "part"], name="blob_part")]


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
