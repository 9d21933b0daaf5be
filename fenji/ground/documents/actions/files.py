"""Writes of stored files: putting one in, opening it, taking it out, wiping what was taken out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from procrastinate.contrib.django import app as queue

from fenji.ground.access.actions import audit, log_read
from fenji.ground.access.rules import Actor
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import Refused
from fenji.ground.common.sheets import kind_of
from fenji.ground.documents import queries
from fenji.ground.documents.models import Blob, ImportRun, StoredFile

FILES = ("xlsx", "xls", "csv", "pdf", "png", "jpeg")
_PART = 1 << 20
_WIPE = "fenji.ground.documents.jobs.wipe_file"


class FileTooLarge(Refused):
    """A file above the limit. detail: megabytes, the limit."""

    code = "file_too_large"


class TooLargeToKeep(FileTooLarge):
    """A paper or a picture above the limit; what helps is another than with a list. detail: megabytes."""

    code = "too_large_to_keep"


class FileKind(Refused):
    """A file whose content is not of a kind that may be kept here, whatever its name says. detail: kinds."""

    code = "file_kind"


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored file with its content."""

    id: UUID
    name: str
    kind: str
    content: bytes


def store(
    name: str,
    content: bytes,
    *,
    by: Actor,
    at: datetime,
    viewer_ids: Collection[int] = (),
    only: UUID | None = None,
    shared: bool = False,
    kinds: Collection[str] = FILES,
    kind: str = "",
    using: str = "default",
) -> StoredFile:
    """Keep a file, encrypted, for the actor's institution and `viewer_ids`; with `only` for one account of them alone, `shared` for
    everybody who is signed in.

    Its kind is read from its content; `kind` is for what the house itself has made. Raises FileTooLarge, FileKind.
    """
    largest = queries.policy_of(by.org_id, at, using).largest_bytes
    if not kind and len(content) > largest:
        raise too_large(largest)
    kind = kind or kind_of(content)
    if kind not in kinds:
        raise FileKind(kinds=", ".join(kinds))
    file = StoredFile(
        org_id=by.org_id,
        name=name[-200:],
        kind=kind,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        viewer_ids=sorted({by.org_id, *viewer_ids}),
        only_id=only,
        shared=shared,
        uploaded_by=by.account_id,
        at=at,
    )
    with transaction.atomic(using=using):
        file.save(using=using, force_insert=True)
        for part, begin in enumerate(range(0, len(content), _PART)):
            sealed = settings.DATABASE_KEYS.seal_bytes(content[begin : begin + _PART], queries.part_context(file.pk, part))
            Blob(id=uuid7(), file=file, part=part, content=sealed).save(using=using, force_insert=True)
        audit(by=by, at=at, action="file.store", subject=str(file.pk), using=using, kind=kind, size=file.size)
    return file


def check_size(content: bytes, *, by: Actor, at: datetime) -> None:
    """Refuse a paper or a picture above the limit. Raises TooLargeToKeep."""
    largest = queries.policy_of(by.org_id, at).largest_bytes
    if len(content) > largest:
        raise TooLargeToKeep(megabytes=largest >> 20)


def keep_picture(name: str, content: bytes, org_id: int, *, by: Actor, at: datetime) -> UUID:
    """See `common.pictures`. Raises TooLargeToKeep, FileKind."""
    check_size(content, by=by, at=at)
    return store(name, content, by=by, at=at, viewer_ids=(org_id,), kinds=("png", "jpeg"), shared=True).pk


def take_out_picture(picture_id: UUID, *, by: Actor, at: datetime) -> None:
    """See `common.pictures`. Raises Unknown."""
    void_file(picture_id, "taken_back", by=by, at=at)


def too_large(largest: int) -> FileTooLarge:
    """The refusal that names the limit in megabytes."""
    return FileTooLarge(megabytes=largest // (1 << 20))


def open_file(file_id: UUID, *, by: Actor, at: datetime) -> Opened:
    """A file that the open scope reaches, with its content; the look is logged. Raises Unknown."""
    file = queries.stored(file_id)
    content = queries.content_of(file)
    log_read(by=by, at=at, purpose="file.open", subject=str(file.pk))
    return Opened(file.pk, file.name, file.kind, content)


def show_file(file_id: UUID, org_id: int, *, by: Actor, at: datetime) -> None:
    """Let one more institution open a file, because it came to be a party of what the file belongs to. Raises Unknown."""
    file = queries.stored(file_id)
    if org_id in file.viewer_ids:
        return
    StoredFile.objects.filter(pk=file.pk).update(viewer_ids=[*file.viewer_ids, org_id], version=F("version") + 1)
    audit(by=by, at=at, action="file.show", subject=str(file.pk), org=org_id)


def void_file(file_id: UUID, reason: str, *, by: Actor, at: datetime) -> None:
    """Take a file out: nobody opens it again, and a job wipes its content. `reason`: a code. Raises Unknown."""
    with transaction.atomic():
        taken = StoredFile.objects.filter(pk=queries.stored(file_id).pk, voided_at=None).update(
            voided_at=at, voided_by=by.account_id, voided_reason=reason, version=F("version") + 1
        )
        if taken:
            audit(by=by, at=at, action="file.void", subject=str(file_id), reason=reason)
            queue.configure_task(_WIPE).defer(file_id=str(file_id))


def wipe(file_id: UUID, *, at: datetime, using: str = "job") -> bool:
    """Empty the content of a voided file; false when there was nothing to wipe."""
    with transaction.atomic(using=using):
        due = StoredFile.objects.using(using).filter(pk=file_id, voided_at__isnull=False, wiped_at=None)
        if not due.update(wiped_at=at):
            return False
        Blob.objects.using(using).filter(file_id=file_id).update(content=b"")
    return True


def wipe_due(*, at: datetime, using: str = "job") -> int:
    """Void the handouts whose days are over, and wipe whatever is void. Returns how many files were wiped."""
    over = ImportRun.objects.using(using).filter(handouts_until__lte=at).values_list("handouts_id", flat=True)
    StoredFile.objects.using(using).filter(pk__in=list(over), voided_at=None).update(voided_at=at, voided_reason="days_over")
    ImportRun.objects.using(using).filter(handouts_until__lte=at).update(handouts_until=None)
    due = list(StoredFile.objects.using(using).filter(voided_at__isnull=False, wiped_at=None).values_list("pk", flat=True))
    return sum(wipe(file_id, at=at, using=using) for file_id in due)
