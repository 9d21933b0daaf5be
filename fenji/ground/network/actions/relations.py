"""Dated ties between two organisations: trusteeship, agreements, partnerships."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.refusal import Unknown
from fenji.ground.network.actions.reach import BadChange, require_reach
from fenji.ground.network.models import Organisation, Relation


def open_relation(kind: str, source_id: int, target_id: int, *, on: date, document: str = "", by: Actor, at: datetime) -> Relation:
    """Tie two organisations from a day on; of a trusteeship `target` is the one entrusted. Who administers the target decides.

    Raises Unknown, OutOfReach, BadChange.
    """
    with transaction.atomic():
        both = {o.id: o for o in Organisation.objects.filter(pk__in=(source_id, target_id), end=None)}
        target = both.get(target_id)
        if target is None or source_id not in both:
            raise Unknown(what="organisation")
        require_reach(by, target.path)
        if source_id == target_id:
            raise BadChange(why="same")
        if Relation.objects.filter(kind=kind, source_id=source_id, target_id=target_id, end=None).exists():
            raise BadChange(why="twice")
        row = Relation(kind=kind, source_id=source_id, target_id=target_id, start=on, document=document)
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise BadChange(why="trustee") from error
        audit(by=by, at=at, action="relation.open", subject=f"org:{target_id}", after=kind, org=source_id)
    return row


def end_relation(relation_id: int, *, on: date, by: Actor, at: datetime) -> Relation:
    """End a tie on a day. Raises Unknown, OutOfReach, BadChange."""
    with transaction.atomic():
        row = Relation.objects.select_for_update(of=("self",)).filter(pk=relation_id).select_related("target").first()
        if row is None:
            raise Unknown(what="relation")
        require_reach(by, row.target.path)
        if row.end is not None:
            raise BadChange(why="ended")
        if on <= row.start:
            raise BadChange(why="day")
        row.end = on
        row.save(update_fields=["end"])
        audit(by=by, at=at, action="relation.end", subject=f"org:{row.target_id}", before=row.kind, org=row.source_id)
    return row
