"""Writes of papers: a version is handed in and ends the one before it; the latest can be taken back. None is ever edited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.documents import queries, rules
from fenji.ground.documents.actions.files import check_size, store, void_file
from fenji.ground.documents.models import Paper
from fenji.ground.network.actions import OutOfReach


@dataclass(frozen=True, slots=True)
class NewPaper:
    """A version as it was handed in. `start`: the first day on which it holds."""

    kind: str
    title: str
    start: date
    file_name: str
    content: bytes


def hand_in(org_id: int, new: NewPaper, *, number: int, by: Actor, at: datetime) -> Paper:
    """Keep the next version of a paper, for everybody in the house to read; the one before it ends where this one begins.

    `number`: which version the form said it would be. Operating rules are those of the county community that the institution leads
    today. Raises Unknown, NotPermitted, OutOfReach, Stale, StartsTooEarly, TooLargeToKeep, FileKind.
    """
    if not by.may("paper.write"):
        raise NotPermitted
    slot = queries.paper_slot(org_id, new.kind, at)
    if not queries.keeps_papers(by, slot.org):
        raise OutOfReach
    if number != slot.next_number:
        raise Stale
    last = slot.versions[0] if slot.versions else None
    rules.check_start(new.start, last.start if last else None)
    check_size(new.content, by=by, at=at)
    try:
        with transaction.atomic():
            file = store(new.file_name, new.content, by=by, at=at, viewer_ids=(org_id,), kinds=rules.PAPER_FILES, shared=True)
            if last is not None:
                Paper.objects.filter(pk=last.pk).update(end=new.start, version=F("version") + 1)
            paper = Paper(
                kind=new.kind,
                org=slot.org,
                path=slot.org.path,
                alliance_id=slot.alliance_id,
                number=number,
                title=new.title,
                file=file,
                start=new.start,
                by_id=by.account_id,
                at=at,
            )
            paper.save(force_insert=True)
            audit(
                by=by,
                at=at,
                action="paper.hand_in",
                subject=_subject(paper),
                before=str(last.number) if last else "",
                after=str(number),
                start=new.start.isoformat(),
                file=str(file.pk),
            )
    except IntegrityError as error:  # a colleague's version of the same number came in between
        raise Stale from error
    return paper


def take_back(paper_id: UUID, *, version: int, by: Actor, at: datetime) -> Paper:
    """Take the latest version back, because it was the wrong file: it and its content go, the one before it holds again.

    By the institution itself, or the organisation that handed it in. Raises Unknown, NotPermitted, OutOfReach, Stale.
    """
    if not by.may("paper.write"):
        raise NotPermitted
    with transaction.atomic():
        paper = queries.paper(paper_id)
        if not queries.keeps_papers(by, paper.org) or by.org_id not in (paper.org_id, paper.file.org_id):
            raise OutOfReach
        latest = Paper.objects.filter(pk=paper_id, version=version, voided_at=None, end=None)
        if not latest.update(voided_at=at, version=version + 1):
            raise Stale
        before = queries.versions_of(paper.org_id, paper.kind, paper.alliance_id).first()
        if before is not None:
            Paper.objects.filter(pk=before.pk).update(end=None, version=F("version") + 1)
        void_file(paper.file_id, "taken_back", by=by, at=at)
        audit(by=by, at=at, action="paper.take_back", subject=_subject(paper), before=str(paper.number))
    return paper


def _subject(paper: Paper) -> str:
    owner = f"alliance:{paper.alliance_id}" if paper.alliance_id else f"org:{paper.org_id}"
    return f"{owner}/{paper.kind}"
