"""Files that go with a package: attached and taken out while it is a draft, shown to whom the package is shown."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import F

from fenji.care.continuity import queries, rules
from fenji.care.continuity.actions.shared import note_down
from fenji.care.continuity.models import Attachment, Package
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.documents import actions as documents

KINDS = ("pdf", "png", "jpeg")


def _draft(found: Package, by: Actor) -> None:
    if not by.may("package.write") or by.org_id != found.origin_id:
        raise NotPermitted
    if found.state != rules.DRAFT:
        raise Stale


@all_or_nothing
def attach(subject: str, name: str, content: bytes, what: str, *, by: Actor, at: datetime) -> Attachment:
    """Keep a file with a draft: a PDF or a picture, by its content. `what`: what it shows.

    Raises Unknown, NotPermitted, Stale, TooLargeToKeep, FileKind.
    """
    found = queries.package(subject)
    _draft(found, by)
    documents.check_size(content, by=by, at=at)
    file = documents.store(name, content, by=by, at=at, viewer_ids=found.viewer_ids, kinds=KINDS)
    made = Attachment(package=found, file=file, what=what.strip(), at=at, by_name=by.name)
    made.save(force_insert=True)
    note_down(found, "attach", by=by, at=at, note=made.what)
    return made


@all_or_nothing
def detach(attachment_id: UUID, *, by: Actor, at: datetime) -> None:
    """Take a file out of a draft; its content is wiped. Raises Unknown, NotPermitted, Stale."""
    found = queries.attachment(attachment_id)
    _draft(found.package, by)
    Attachment.objects.filter(pk=found.pk, voided_at=None).update(voided_at=at, version=F("version") + 1)
    documents.void_file(found.file_id, "detached", by=by, at=at)
    note_down(found.package, "detach", by=by, at=at, note=found.what)


def show_files(package: Package, org_id: int, *, by: Actor, at: datetime) -> None:
    """Let an institution that sees a package open its files too."""
    for found in queries.attachments_of(package.pk):
        documents.show_file(found.file_id, org_id, by=by, at=at)
