"""Writes of import runs: a file comes in, a worker judges it, its sender decides, a worker writes.

What the sender does runs in the sender's own scope; what the worker does runs over `load`, in the sender's name. A worker may die
anywhere: judging and writing are one transaction each, which also sets the state, so a run that was interrupted is simply run
again. Progress goes over `job`, outside that transaction, or nobody would see it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import F
from django.utils.translation import get_language, override
from procrastinate.contrib.django import app as queue

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common import sheets
from fenji.ground.common.excel import LINE_HEAD, REASON_HEAD, csv_back, rows_back
from fenji.ground.common.ids import uuid7
from fenji.ground.common.imports import Fault, Judgement, Listing, Row, known_faults, listings
from fenji.ground.common.refusal import Refused, Stale, Unknown
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.documents import queries, rules
from fenji.ground.documents.actions.files import open_file, store, too_large, void_file
from fenji.ground.documents.models import ImportFault, ImportRun, StoredFile

_JUDGE = "fenji.ground.documents.jobs.judge_import"
_WRITE = "fenji.ground.documents.jobs.write_import"
_LOCK = 0x1D0C
_TELL_EVERY = 0.5
_BATCH = 2000
_BROKE = "import_broke"
log = logging.getLogger(__name__)


class NotYours(Refused):
    """Who sent a list decides what becomes of it."""

    code = "import_not_yours"


class NotThere(Refused):
    """The run does not stand where this can be done with it."""

    code = "import_moved_on"


# ---- what the sender does ----


@all_or_nothing
def upload(listing_code: str, name: str, content: bytes, *, by: Actor, at: datetime) -> ImportRun:
    """Take a file in as a list; a worker judges it.

    Raises NotPermitted, Unknown, FileTooLarge, and the refusals of `sheets.check`.
    """
    listing = queries.listing_for(listing_code, by)
    policy = queries.policy_of(by.org_id, at)
    if len(content) > policy.largest_bytes:
        raise too_large(policy.largest_bytes)
    kind = sheets.kind_of(content)
    sheets.check(content, kind, queries.limits(policy))
    return _started(listing, store(name, content, by=by, at=at, only=by.account_id), by, at)


@all_or_nothing
def upload_rows(listing_code: str, rows: Sequence[Mapping[str, object]], *, by: Actor, at: datetime) -> ImportRun:
    """Take rows in that another system sends, by column key; a worker judges them. Raises NotPermitted, Unknown, FileEmpty."""
    listing = queries.listing_for(listing_code, by)
    if not rows:
        raise sheets.FileEmpty
    content = json.dumps(rows, ensure_ascii=False).encode()
    return _started(listing, store("rows.json", content, by=by, at=at, only=by.account_id, kinds=("json",), kind="json"), by, at)


def _started(listing: Listing, file: StoredFile, by: Actor, at: datetime) -> ImportRun:
    run = ImportRun.objects.create(
        listing=listing.code,
        file=file,
        language=get_language() or settings.LANGUAGE_CODE,
        org_id=by.org_id,
        org_name=by.org_name,
        account_id=by.account_id,
        account_name=by.name,
        role=by.role,
        post_id=by.post_id,
        reach=by.reach,
        at=at,
    )
    audit(by=by, at=at, action="import.upload", subject=str(run.pk), after=run.state, listing=listing.code, file=str(file.pk))
    queue.configure_task(_JUDGE).defer(run_id=str(run.pk))
    return run


def _own(run_id: UUID, by: Actor) -> ImportRun:
    """A run that the actor sent. Raises Unknown, NotYours."""
    run, _listing = queries.run(run_id, by)
    if run.account_id != by.account_id:
        raise NotYours
    return run


@all_or_nothing
def write(run_id: UUID, *, version: int, by: Actor, at: datetime) -> ImportRun:
    """Have the good rows written; a worker does it. Raises Unknown, NotYours, NotThere, Stale."""
    run = _own(run_id, by)
    if run.state == rules.JUDGED and not run.new + run.changed:
        raise NotThere
    _swap(run, version, rules.WRITING, by=by, at=at)
    queue.configure_task(_WRITE).defer(run_id=str(run.pk))
    return run


@all_or_nothing
def discard(run_id: UUID, *, version: int, by: Actor, at: datetime) -> ImportRun:
    """Leave it: nothing is written. Raises as `write`."""
    run = _own(run_id, by)
    _swap(run, version, rules.STOPPED, by=by, at=at)
    return run


def _swap(run: ImportRun, version: int, state: str, *, by: Actor, at: datetime) -> None:
    if run.state != rules.JUDGED:
        raise NotThere
    ended = at if state == rules.STOPPED else None
    mine = ImportRun.objects.filter(pk=run.pk, version=version, state=rules.JUDGED)
    if not mine.update(state=state, version=F("version") + 1, ended_at=ended):
        raise Stale
    audit(by=by, at=at, action=f"import.{state}", subject=str(run.pk), before=rules.JUDGED, after=state)
    run.state, run.version = state, version + 1


def open_handouts(run_id: UUID, *, by: Actor, at: datetime) -> list[dict[str, str]]:
    """The handouts of a run, for its sender alone; the look is logged. Raises Unknown, NotYours."""
    run = _own(run_id, by)
    if run.handouts_id is None:
        raise Unknown(what="handouts")
    found: list[dict[str, str]] = json.loads(open_file(run.handouts_id, by=by, at=at).content)
    return found


def destroy_handouts(run_id: UUID, *, by: Actor, at: datetime) -> None:
    """They are printed: wipe them. Raises Unknown, NotYours."""
    run = _own(run_id, by)
    if run.handouts_id is None:
        raise Unknown(what="handouts")
    void_file(run.handouts_id, "printed", by=by, at=at)


# ---- what the worker does ----


def judge(run_id: UUID, *, at: datetime) -> None:
    """The dry run: read the file, check every cell, ask the room, keep what was found. Changes nothing in the room."""
    run = ImportRun.objects.using("load").get(pk=run_id)
    if run.state not in (rules.UPLOADED, rules.JUDGING):
        return
    _tell(run, state=rules.JUDGING)

    def work(listing: Listing) -> None:
        _alone(f"run:{run.pk}")
        run.refresh_from_db(using="load")
        if run.state != rules.JUDGING:
            return
        found = _judged(run, listing, at)
        _keep(run, listing, found, at, state=rules.JUDGED, judged_at=at)

    _carefully(run, work, at)


def carry_out(run_id: UUID, *, at: datetime) -> None:
    """Write the good rows, in one transaction. Of two people at once the second waits here, and is judged anew before writing."""
    run = ImportRun.objects.using("load").get(pk=run_id)
    if run.state != rules.WRITING:
        return

    def work(listing: Listing) -> None:
        _alone(f"listing:{listing.code}")
        run.refresh_from_db(using="load")
        if run.state != rules.WRITING:
            return
        found = _judged(run, listing, at)
        keep = [row for row in found.checked.rows if found.judgement.outcomes.get(row.line) in rules.TO_WRITE]
        by = sender(run)
        _tell(run, done=0, total=len(keep))
        handouts = listing.write(keep, by=by, at=at, progress=_teller(run)) if keep else []
        changes: dict[str, object] = {"state": rules.DONE, "ended_at": at}
        if handouts:
            content = json.dumps(handouts, ensure_ascii=False).encode()
            file = store("handouts", content, by=by, at=at, only=by.account_id, kinds=("json",), kind="json", using="load")
            days = queries.policy_of(run.org_id, at, "load").handout_days
            changes |= {"handouts": file, "handouts_until": at + timedelta(days=days)}
        written = rules.counted(found.judgement.outcomes)
        moved = {"before": rules.WRITING, "after": rules.DONE}
        audit(by=by, at=at, action="import.write", subject=str(run.pk), using="load", **moved, **written)
        _keep(run, listing, found, at, **changes)

    _carefully(run, work, at)


def sender(run: ImportRun) -> Actor:
    """Who sent a list, in the post in which it was sent."""
    return Actor(run.account_id, run.account_name, run.role, run.post_id, run.org_id, run.org_name, (run.org_id,), run.reach)


def _carefully(run: ImportRun, work: Callable[[Listing], None], at: datetime) -> None:
    """One transaction over `load`; whatever goes wrong in it is said on the run's page and leaves nothing behind."""
    try:
        with transaction.atomic(using="load"), override(run.language):
            work(listings()[run.listing])
    except Refused as refusal:
        _tell(run, state=rules.FAILED, error=refusal.code, error_detail=refusal.detail, ended_at=at)
    except (OperationalError, InterfaceError):
        raise  # the database went away: the job is tried again
    except Exception:
        log.exception("import %s of %s broke", run.pk, run.listing)
        _tell(run, state=rules.FAILED, error=_BROKE, ended_at=at)


def _alone(what: str) -> None:
    """Wait until nobody else does this, until the end of the transaction."""
    with connections["load"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, what])


def _tell(run: ImportRun, **changes: object) -> None:
    """Show how far the work is. The run's own connection has not committed yet: this goes beside it."""
    if "state" in changes:
        changes["version"] = F("version") + 1
    ImportRun.objects.using("job").filter(pk=run.pk).update(**changes)


def _teller(run: ImportRun) -> Callable[[int], None]:
    """`progress` for a run: tells now and then, not for every row."""
    told = monotonic()

    def progress(done: int) -> None:
        nonlocal told
        if monotonic() - told >= _TELL_EVERY:
            told = monotonic()
            _tell(run, done=done)

    return progress


class _Found:
    """What judging found: the table, its checked rows, and the room's judgement of them."""

    def __init__(self, table: sheets.Table, checked: rules.Checked, judgement: Judgement) -> None:
        self.table, self.checked, self.judgement = table, checked, judgement
        self.faults: Sequence[Fault] = sorted([*checked.faults, *judgement.faults], key=lambda f: f.line)
        unknown = {f.code for f in (*self.faults, *judgement.notes)} - known_faults()
        if unknown:
            raise LookupError(f"faults without a text: {sorted(unknown)}")


def _judged(run: ImportRun, listing: Listing, at: datetime) -> _Found:
    layouts = queries.layouts(listing)
    limits = queries.limits(queries.policy_of(run.org_id, at, "load"))
    content = queries.content_of(run.file, "load")
    table = sheets.table(content, run.file.kind, layouts, limits, queries.ignored_heads())
    _tell(run, done=0, total=len(table.lines))
    checked = rules.check_rows(table, layouts, listing.key, queries.sample_words(), _teller(run))
    if not checked.rows and not checked.faults:
        raise sheets.FileEmpty
    judgement = listing.judge(checked.rows, by=sender(run), at=at)
    return _Found(table, checked, _without_faulty(judgement, checked.rows))


def _without_faulty(judgement: Judgement, rows: Sequence[Row]) -> Judgement:
    """The room's judgement held to its word: each row has an outcome or a fault, not both and not neither."""
    faulty = {f.line for f in judgement.faults}
    outcomes = {line: outcome for line, outcome in judgement.outcomes.items() if line not in faulty}
    if {row.line for row in rows} != outcomes.keys() | faulty:
        raise LookupError("a row was neither judged nor found at fault")
    return Judgement(outcomes, judgement.faults, judgement.notes)


def _keep(run: ImportRun, listing: Listing, found: _Found, at: datetime, **changes: object) -> None:
    """Keep what was found with the run, in the running transaction: counts, faults, and the file of the rows at fault."""
    rows = [_fault_row(run, fault, note=False) for fault in found.faults]
    rows += [_fault_row(run, note, note=True) for note in found.judgement.notes]
    before = {(f.line, f.column_key, f.code, f.note) for f in ImportFault.objects.using("load").filter(run=run, round=run.round)}
    if {(r.line, r.column_key, r.code, r.note) for r in rows} != before:
        changes["round"] = run.round = run.round + 1
        for row in rows:
            row.round = run.round
        ImportFault.objects.using("load").bulk_create(rows, batch_size=_BATCH)
        changes["fault_file"] = _fault_file(run, listing, found, at) if found.faults else None
    table = found.table
    skipped = {
        "unknown": list(table.unknown),
        "blank": table.blank,
        "samples": found.checked.samples,
        "sheets": list(table.others),
        "sheet": table.sheet,
    }
    ImportRun.objects.using("load").filter(pk=run.pk).update(
        **rules.counted(found.judgement.outcomes),
        **changes,
        rows=len(table.lines) - found.checked.samples,
        faulty=len({f.line for f in found.faults}),
        noted=len({f.line for f in found.judgement.notes}),
        skipped=skipped,
        version=F("version") + 1,
    )


def _fault_file(run: ImportRun, listing: Listing, found: _Found, at: datetime) -> StoredFile:
    content, kind = _rows_at_fault(run, listing, found)
    by = sender(run)
    return store(f"{listing.title}.{kind}", content, by=by, at=at, only=by.account_id, kind=kind, using="load")


def _fault_row(run: ImportRun, fault: Fault, *, note: bool) -> ImportFault:
    key = uuid7()
    detail = settings.DATABASE_KEYS.seal(json.dumps(dict(fault.detail)), f"importfault.detail:{key}")
    return ImportFault(id=key, run=run, line=fault.line, column_key=fault.column, code=fault.code, detail=detail, note=note)


def _rows_at_fault(run: ImportRun, listing: Listing, found: _Found) -> tuple[bytes, str]:
    """The rows at fault under the headings of the file, with their line and the reasons, in the sender's language."""
    reasons: dict[int, list[str]] = {}
    for fault in found.faults:
        told = queries.told(listing, fault)
        reasons.setdefault(fault.line, []).append(f"{told.head}: {told.text}" if told.head else told.text)
    table = found.table
    places = [i for i in range(len(table.heads)) if i not in table.ignored]
    heads = [*(table.heads[i] for i in places), str(LINE_HEAD), str(REASON_HEAD)]
    rows = ([*(cells[i] for i in places), line, " ".join(reasons[line])] for line, cells in table.lines if line in reasons)
    if run.file.kind == "csv":
        return csv_back(heads, rows), "csv"
    return rows_back(str(listing.title), heads, rows), "xlsx"
