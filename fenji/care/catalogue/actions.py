"""The only writes of this room: the dictionary and its code tables; drafts of lists and their way into force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from fenji.care.catalogue import queries, rules
from fenji.care.catalogue.models import ENTRIES, CodeEntry, CodeTable, Diagnosis, Entry, ListVersion, Reading
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import EDITOR, MANAGER, OFFICER, Actor
from fenji.ground.common import shipped
from fenji.ground.common.clock import local_day
from fenji.ground.common.pinyin import term_readings
from fenji.ground.common.refusal import NotPermitted, Refused, Stale, Unknown
from fenji.ground.common.rows import refused_as
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.publication import actions as publication
from fenji.ground.tasks import actions as tasks

_DATA = Path(__file__).parent / "data"
_BATCH = 2000


class DraftOpen(Refused):
    """A version of this list is being worked on already."""

    code = "list_draft_open"


class NotReady(Refused):
    """The list cannot be submitted or published as it stands. detail: what."""

    code = "list_not_ready"


class EntryThere(Refused):
    """The list has an entry for this already."""

    code = "list_entry_there"


class BadEntry(Refused):
    """An entry that this list cannot hold. detail: what."""

    code = "list_bad_entry"


# --- dictionary and code tables ----------------------------------------------------------------------------------------------


def demo_rows(name: str = "diagnoses") -> Iterator[dict[str, str]]:
    """A shipped demo file, row by row: diagnoses, techniques, service_items, guides, down_list."""
    return shipped.rows(_DATA / f"demo_{name}.csv")


@cache
def _terms() -> dict[str, str]:
    return {r["term"]: r["readings"] for r in shipped.rows(_DATA / "term_readings.csv")}


def readings_of(code: str, name: str, given: str = "") -> list[Reading]:
    """The readings of a diagnosis; `given`: initials for a name that no reading fits."""
    found = [*term_readings(name, _terms()), *([(given, given)] if given else [])]
    return [Reading(diagnosis_id=code, pinyin=pinyin, initials=initials) for pinyin, initials in found]


def _add_diagnoses(rows: Sequence[Diagnosis], given: Mapping[str, str], using: str) -> None:
    Diagnosis.objects.using(using).bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)
    readings = [r for d in rows for r in readings_of(d.code, d.name_zh, given.get(d.code, ""))]
    Reading.objects.using(using).bulk_create(readings, ignore_conflicts=True, batch_size=_BATCH)


def load_dictionary(using: str = "load") -> int:
    """Put the demo dictionary in; rows that are there already stay."""
    rows = list(demo_rows())
    found = [Diagnosis(code=r["code"], name_zh=r["name_zh"], name_en=r["name_en"], group=r["group"]) for r in rows]
    with transaction.atomic(using=using):
        _add_diagnoses(found, {r["code"]: r["pinyin"] for r in rows}, using)
    return len(found)


def load_code_table(
    codes: Mapping[str, str],
    *,
    kind: str,
    label: str,
    source: str,
    by: Actor,
    at: datetime,
    demo: bool = False,
    using: str = "load",
) -> CodeTable:
    """Load a new edition of a code table, in force from today; the former one ends. `codes`: code → name.

    Codes of a diagnosis table that the dictionary lacks are added to it, so that they can be found; none is taken out: cases and
    visits name them. Raises NotPermitted.
    """
    if not by.may("catalogue.approve"):
        raise NotPermitted
    today = local_day(at)
    digest = hashlib.sha256("\n".join(f"{c} {n}" for c, n in sorted(codes.items())).encode()).hexdigest()
    with transaction.atomic(using=using):
        CodeTable.objects.using(using).filter(kind=kind, end=None).update(end=today)
        table = CodeTable.objects.using(using).create(
            kind=kind, label=label, source=source, start=today, entries=len(codes), sha256=digest, demo=demo
        )
        rows = [CodeEntry(table=table, code=code, name=name) for code, name in codes.items()]
        CodeEntry.objects.using(using).bulk_create(rows, batch_size=_BATCH)
        if kind == "diagnosis":
            there = queries.known(codes, using)
            new = [Diagnosis(code=c, name_zh=n, name_en="", group="") for c, n in codes.items() if c not in there]
            _add_diagnoses(new, {}, using)
        audit(by=by, at=at, action="catalogue.table", subject=f"table:{table.id}", after=kind, using=using, sha256=digest)
    return table


# --- drafts ------------------------------------------------------------------------------------------------------------------


def _may(kind: str, permission: str, by: Actor, at: datetime) -> None:
    if not by.may(permission) or not rules.may_keep(kind, queries.owner_of(by.org_id, local_day(at))):
        raise NotPermitted


def start_draft(kind: str, *, by: Actor, at: datetime, using: str = "default") -> ListVersion:
    """Begin a new version of a list of the actor's own: a copy of the one published last. Raises NotPermitted, DraftOpen."""
    _may(kind, "catalogue.write", by, at)
    base = queries.latest_published(kind, by.org_id, using)
    with transaction.atomic(using=using):
        # of two who begin at once the second meets one of these, whichever is looked at first
        with refused_as({"listversion_one_open": DraftOpen, "diseaselist_version": DraftOpen}, within=using):
            draft = ListVersion.objects.using(using).create(
                kind=kind,
                org_id=by.org_id,
                number=queries.next_number(kind, by.org_id, using),
                based_on=base,
                writers=[by.account_id],
                drafted_by=by.account_id,
                drafted_at=at,
            )
        if base is not None:
            model = ENTRIES[kind]
            copies = [model(list=draft, **queries.values_of(e)) for e in queries.entries(base, using)]
            model.objects.using(using).bulk_create(copies, batch_size=_BATCH)
        _audit(draft, "start", by, at, using=using)
    return draft


def _audit(
    found: ListVersion, action: str, by: Actor, at: datetime, *, using: str = "default", before: str = "", **more: Any
) -> None:
    subject = f"list:{found.id}"
    detail = {"kind": found.kind, "number": found.number, **more}
    audit(by=by, at=at, action=f"catalogue.{action}", subject=subject, before=before, after=found.state, using=using, **detail)


def _own(version_id: int, by: Actor, using: str = "default") -> ListVersion:
    """A version that the actor's organisation keeps. Raises Unknown."""
    found = ListVersion.objects.using(using).filter(pk=version_id, org_id=by.org_id).first()
    if found is None:
        raise Unknown(what="list")
    return found


def _swap(found: ListVersion, version: int, using: str = "default", **changes: Any) -> None:
    """Compare and swap: the row changes only if it is still at `version`. Raises Stale."""
    changed = ListVersion.objects.using(using).filter(pk=found.pk, version=version).update(**changes, version=version + 1)
    if not changed:
        raise Stale
    found.version = version + 1
    for name, value in changes.items():
        setattr(found, name, value)


def _write_on(version_id: int, *, version: int, by: Actor, at: datetime, using: str = "default") -> ListVersion:
    """Take a draft to write on; whoever writes does not approve. Raises Unknown, NotPermitted, ListState, Stale."""
    found = _own(version_id, by, using)
    _may(found.kind, "catalogue.write", by, at)
    if found.state != rules.DRAFT:
        raise rules.ListState
    writers = found.writers if by.account_id in found.writers else [*found.writers, by.account_id]
    _swap(found, version, using, writers=writers)
    return found


def _check_entry(kind: str, values: Mapping[str, Any]) -> None:
    """What no list may hold, whoever enters it. Raises BadEntry."""
    if "group" in values and rules.code_fault(values["code"], None):
        raise BadEntry(what="code_form")
    if "group" not in values and not rules.is_item_code(values["code"]):
        raise BadEntry(what="item_code_form")
    if kind == rules.FIRST_CONTACT and values["level"] not in rules.LEVELS:
        raise BadEntry(what="without_level")


@contextmanager
def _keeping_focus(found: ListVersion, at: datetime) -> Iterator[None]:
    """A focus disease that a down-referral list names stays named (SM-3-6a). Raises NotReady, after which nothing is kept."""
    before = queries.missing_focus(found, local_day(at)) if found.kind == rules.DOWN else ()
    yield
    if found.kind == rules.DOWN and set(queries.missing_focus(found, local_day(at))) - set(before):
        raise NotReady(what="focus_missing")


@all_or_nothing
def put_entry(
    version_id: int, values: Mapping[str, Any], *, version: int, by: Actor, at: datetime, entry_id: int | None = None
) -> Entry:
    """Add an entry to a draft, or put one in the place of another. `values`: all fields of the kind's table but id and list.

    Raises Unknown, NotPermitted, ListState, Stale, BadEntry, EntryThere, NotReady.
    """
    found = _write_on(version_id, version=version, by=by, at=at)
    _check_entry(found.kind, values)
    with _keeping_focus(found, at):
        one = queries.entry(found, entry_id) if entry_id is not None else ENTRIES[found.kind](list=found)
        for name, value in values.items():
            setattr(one, name, value)
        with refused_as({one.once: EntryThere}, within="default"):
            one.save()
    _audit(found, "entry", by, at, key=list(queries.key_of(one)))
    return one


@all_or_nothing
def drop_entry(version_id: int, entry_id: int, *, version: int, by: Actor, at: datetime) -> None:
    """Take an entry out of a draft. Raises Unknown, NotPermitted, ListState, Stale, NotReady."""
    found = _write_on(version_id, version=version, by=by, at=at)
    one = queries.entry(found, entry_id)
    key = list(queries.key_of(one))
    with _keeping_focus(found, at):
        ENTRIES[found.kind].objects.filter(pk=one.pk).update(removed=True)
    _audit(found, "entry_out", by, at, key=key)


def put_many(
    kind: str, rows: Sequence[Mapping[str, Any]], *, by: Actor, at: datetime, progress: Callable[[int], None], using: str = "load"
) -> ListVersion:
    """Put many entries into the actor's draft at once: new ones, and changes of those with the same key. Entries and fields
    that the rows do not name stay. Begins a draft when none is open. Raises NotPermitted, ListState, BadEntry.
    """
    model = ENTRIES[kind]
    with transaction.atomic(using=using):
        found = queries.open_version(kind, by.org_id, using) or start_draft(kind, by=by, at=at, using=using)
        found = _write_on(found.id, version=found.version, by=by, at=at, using=using)
        there = {queries.key_of(e): e for e in queries.entries(found, using)}
        for done, values in enumerate(rows, 1):
            former = there.get(tuple(values[name] for name in model.key))
            one = model(list=found, pk=getattr(former, "pk", None), **{**(queries.values_of(former) if former else {}), **values})
            _check_entry(kind, queries.values_of(one))
            one.save(using=using)
            progress(done)
        _audit(found, "entries", by, at, using=using, rows=len(rows))
    return found


# --- the way into force ------------------------------------------------------------------------------------------------------


def _step(version_id: int, action: str, *, version: int, by: Actor, at: datetime, note: str = "") -> tuple[ListVersion, str]:
    """A version that may take a step, locked, and the state it leads to. Raises what `rules.step` raises, Unknown, NotPermitted,
    Stale."""
    found = ListVersion.objects.select_for_update().filter(pk=version_id, org_id=by.org_id).first()
    if found is None:
        raise Unknown(what="list")
    if found.version != version:
        raise Stale
    step = rules.step(found.state, action, note)
    _may(found.kind, step.permission, by, at)
    return found, step.state


def _moved(found: ListVersion, action: str, by: Actor, at: datetime, **changes: Any) -> ListVersion:
    before = found.state
    _swap(found, found.version, **changes)
    _audit(found, action, by, at, before=before)
    if action in _TELLS:
        tells = OFFICER if found.org.kind == "agency" else _TELLS[action]
        url = f"/catalogues/{found.id}/"
        tasks.send(f"catalogue.{action}.{found.kind}", org_id=found.org_id, role=tells, subject=str(found.number), url=url, at=at)
    return found


_TELLS = {"submit": MANAGER, "return": EDITOR, "publish": EDITOR, "withdraw": EDITOR}
"""Who is told of a step, in an institution; in an agency always the officers."""


def _check_ready(found: ListVersion, at: datetime) -> None:
    refusing = queries.assess(found, local_day(at)).refusing
    if refusing:
        raise NotReady(what=refusing[0].code)


@all_or_nothing
def submit(version_id: int, *, version: int, by: Actor, at: datetime) -> ListVersion:
    """The draft goes to the second person. Raises NotReady, and what every step raises: Unknown, NotPermitted, ListState, Stale."""
    found, state = _step(version_id, "submit", version=version, by=by, at=at)
    _check_ready(found, at)
    writers = found.writers if by.account_id in found.writers else [*found.writers, by.account_id]
    return _moved(found, "submit", by, at, state=state, writers=writers, note="", submitted_by=by.account_id, submitted_at=at)


@all_or_nothing
def discard(version_id: int, *, version: int, by: Actor, at: datetime) -> ListVersion:
    """Give a draft up: it was never more than a draft, and another can be begun."""
    found, state = _step(version_id, "discard", version=version, by=by, at=at)
    return _moved(found, "discard", by, at, state=state)


@all_or_nothing
def approve(version_id: int, *, version: int, by: Actor, at: datetime) -> ListVersion:
    """The second person agrees. Raises SamePerson for anybody who wrote on it."""
    found, state = _step(version_id, "approve", version=version, by=by, at=at)
    if by.account_id in found.writers:
        raise rules.SamePerson
    return _moved(found, "approve", by, at, state=state, approved_by=by.account_id, approved_at=at)


@all_or_nothing
def send_back(version_id: int, *, version: int, by: Actor, at: datetime, note: str) -> ListVersion:
    """Back to its writers, with a reason. Raises ListNote without one."""
    found, state = _step(version_id, "return", version=version, by=by, at=at, note=note)
    cleared = dict.fromkeys(("submitted_by", "submitted_at", "approved_by", "approved_at"))
    return _moved(found, "return", by, at, state=state, note=note, **cleared)


@all_or_nothing
def publish(version_id: int, start: date, *, version: int, by: Actor, at: datetime) -> ListVersion:
    """Publish an approved version, in force from `start`; the former one ends that day. Raises StartPast, StartTaken, NotReady."""
    found, state = _step(version_id, "publish", version=version, by=by, at=at)
    _check_ready(found, at)
    former = queries.latest_published(found.kind, found.org_id)
    rules.check_start(start, local_day(at), former.start if former else None)
    if former is not None:
        # the former ends first: the two must not overlap for a moment
        _swap(former, former.version, end=start)
    moved = _moved(found, "publish", by, at, state=state, start=start, published_by=by.account_id, published_at=at)
    _make_public(moved, start, by, at)
    return moved


def _make_public(found: ListVersion, start: date, by: Actor, at: datetime) -> None:
    """A public copy of a list, shown from `start` on."""
    zh, en = queries.PUBLIC_TITLES[found.kind]
    common = {"key": "", "org_id": found.org_id, "start": start, "source": f"list:{found.id}", "by": by, "at": at}
    publication.publish(kind=found.kind, title_zh=zh, title_en=en, body=queries.public_body(found), **common)


@all_or_nothing
def withdraw(version_id: int, *, version: int, by: Actor, at: datetime, note: str) -> ListVersion:
    """Take a published version back before it begins; the former one goes on. Raises AlreadyBegan, ListNote."""
    found, state = _step(version_id, "withdraw", version=version, by=by, at=at, note=note)
    if found.start is None or found.start <= local_day(at):
        raise rules.AlreadyBegan
    former = ListVersion.objects.filter(kind=found.kind, org_id=found.org_id, state=rules.PUBLISHED, end=found.start).first()
    moved = _moved(found, "withdraw", by, at, state=state, note=note)
    if former is not None:
        _swap(former, former.version, end=found.end)
        _make_public(former, found.start, by, at)
    else:
        publication.unpublish(kind=found.kind, key="", org_id=found.org_id, end=found.start, by=by, at=at)
    return moved
