"""The only reads of this room offered to others: the policy of files, what can come in, runs, faults, stored files, papers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext, override

from fenji.ground.access.rules import Actor
from fenji.ground.common.cells import Layout, fold
from fenji.ground.common.clock import local_day
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.edge import SignedRequest, refusal_text
from fenji.ground.common.excel import LINE_HEAD, REASON_HEAD, SAMPLE_HEAD, SAMPLE_WORDS
from fenji.ground.common.imports import Column, Fault, Listing, fault_text, listings, may_send
from fenji.ground.common.refusal import NotPermitted, Refused, Unknown
from fenji.ground.common.sheets import Limits
from fenji.ground.documents import rules
from fenji.ground.documents.models import Blob, ImportFault, ImportRun, Paper, StoredFile
from fenji.ground.documents.rules import DocumentsPolicy
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import alliances_of, in_force, place_of
from fenji.ground.network.queries.directory import organisation
from fenji.ground.network.queries.people import keeps_staff
from fenji.ground.network.rules import Gap, Register
from fenji.ground.policy.queries import resolve

FAULTS_SHOWN = 200
FAULTS_A_PAGE = 500
RUNS_SHOWN = 20
SLIPS_SHOWN = 500
_FIELDS = 64 * 1024  # what a form adds to the file it carries


def policy_of(org_id: int, at: datetime, using: str = "default") -> DocumentsPolicy:
    """What binds files of an institution at an instant."""
    return resolve(DocumentsPolicy, place_of(org_id, using).policy_path, local_day(at))


def largest_file(request: SignedRequest) -> int:
    """How many bytes a file of this person may have."""
    return policy_of(request.actor.org_id, request.at).largest_bytes


def largest_body(request: SignedRequest) -> int:
    """How many bytes a request with a file may have; for `page(largest=…)`."""
    return largest_file(request) + _FIELDS


def limits(policy: DocumentsPolicy) -> Limits:
    """The part of the policy that reading a list obeys."""
    return Limits(policy.import_rows, policy.expanded_bytes, policy.expansion_ratio, policy.archive_entries)


# ---- what can come in ----


def listings_for(actor: Actor) -> list[Listing]:
    """The lists that somebody's role may send, in the order in which the rooms offer them."""
    return [listing for listing in listings().values() if may_send(listing, actor)]


def listing_for(code: str, actor: Actor) -> Listing:
    """One of them. Raises Unknown, NotPermitted."""
    listing = listings().get(code)
    if listing is None:
        raise Unknown(what="listing")
    if not may_send(listing, actor):
        raise NotPermitted
    return listing


def _in_all_languages(*words: object) -> frozenset[str]:
    found = set()
    for language, _name in settings.LANGUAGES:
        with override(language):
            found |= {fold(str(word)) for word in words}
    return frozenset(found - {""})


def layouts(listing: Listing) -> tuple[Layout, ...]:
    """The columns of a list as reading needs them: headings and choices in every language, and by code. Choices may change."""
    return tuple(_layout(column) for column in listing.columns)


def _layout(column: Column) -> Layout:
    choices = {word: code for code, words in column.choices for word in (*_in_all_languages(words), fold(code))}
    names = _in_all_languages(column.head) | {fold(column.key)}
    return Layout(column.key, names, column.form, column.required, column.longest, choices, column.sample)


@cache
def ignored_heads() -> frozenset[str]:
    """Folded headings that our own files carry beside the columns of a list."""
    return _in_all_languages(LINE_HEAD, REASON_HEAD, SAMPLE_HEAD)


@cache
def sample_words() -> frozenset[str]:
    """Folded marks of the sample row of a template."""
    return _in_all_languages(SAMPLE_WORDS)


# ---- runs ----


def run(run_id: UUID, actor: Actor) -> tuple[ImportRun, Listing]:
    """A run of the actor's institution, and its list. Raises Unknown, alike for none, somebody else's, and a list not permitted."""
    found = ImportRun.objects.filter(pk=run_id).first()
    listing = listings().get(found.listing) if found is not None else None
    if found is None or listing is None or not may_send(listing, actor):
        raise Unknown(what="import")
    return found, listing


def runs_of(actor: Actor, listing: str = "") -> list[tuple[ImportRun, Listing]]:
    """The newest runs of the actor's institution that the role may see; of one list, if one is named."""
    mine = {code: one for code, one in listings().items() if may_send(one, actor) and listing in ("", code)}
    found = ImportRun.objects.filter(org_id=actor.org_id, listing__in=mine).order_by("-at")[:RUNS_SHOWN]
    return [(r, mine[r.listing]) for r in found]


@dataclass(frozen=True, slots=True)
class Told:
    """A fault in words: where, and what is wrong and what to do."""

    line: int
    head: str
    text: str


def faults(of: ImportRun, *, notes: bool = False, using: str = "default") -> QuerySet[ImportFault]:
    """What is wrong with the rows of a run, or what is only worth knowing, by line."""
    return ImportFault.objects.using(using).filter(run=of, round=of.round, note=notes).order_by("line", "column_key", "id")


def first_faults(of: ImportRun, *, notes: bool) -> list[ImportFault]:
    """The first of them, as many as a page shows: the file of the rows at fault has all."""
    return list(faults(of, notes=notes)[:FAULTS_SHOWN])


def faults_after(of: ImportRun, after: str) -> tuple[list[ImportFault], str | None]:
    """A page of faults and notes, by line, after the mark of the page before; and the mark for the next one, if there is one."""
    found = ImportFault.objects.filter(run=of, round=of.round).order_by("line", "id")
    line, _sep, last = after.partition(".")
    try:
        if after:
            found = found.filter(Q(line__gt=int(line)) | Q(line=int(line), id__gt=UUID(last)))
    except ValueError:
        raise Unknown(what="page") from None
    rows = list(found[: FAULTS_A_PAGE + 1])
    more = len(rows) > FAULTS_A_PAGE
    rows = rows[:FAULTS_A_PAGE]
    return rows, f"{rows[-1].line}.{rows[-1].pk}" if more else None


def fault_of(row: ImportFault) -> Fault:
    """A row as the value it was made from."""
    detail = json.loads(settings.DATABASE_KEYS.open(bytes(row.detail), f"importfault.detail:{row.pk}"))
    return Fault(row.line, row.column_key, row.code, detail)


def told(listing: Listing, fault: Fault) -> Told:
    """A fault in the reader's language."""
    column = next((c for c in listing.columns if c.key == fault.column), None)
    more = {} if column is None else {"longest": str(column.longest), "choices": gettext(", ").join(choice_words(column))}
    full = Fault(fault.line, fault.column, fault.code, {**more, **fault.detail})
    return Told(fault.line, str(column.head) if column else "", fault_text(full))


_CHOICES_NAMED = 12


def choice_words(column: Column) -> list[str]:
    """The words of a column's choices, the first dozen: the template has them all."""
    words = [str(words) for _, words in column.choices]
    return [*words[:_CHOICES_NAMED], "…"] if len(words) > _CHOICES_NAMED else words


def problem_of(of: ImportRun, listing: Listing) -> tuple[str, str] | None:
    """Why a run failed, and what to do; None for one that did not."""
    if not of.error:
        return None
    refused = Refused(**of.error_detail)
    refused.code = of.error
    if "columns" in of.error_detail:
        heads = [str(c.head) for c in listing.columns if c.key in of.error_detail["columns"]]
        refused.detail["columns"] = gettext(", ").join(heads)
    return refusal_text(refused)


# ---- stored files ----


def stored(file_id: UUID, using: str = "default") -> StoredFile:
    """A file that the open scope reaches and that is not voided. Raises Unknown."""
    found = StoredFile.objects.using(using).filter(pk=file_id, voided_at=None).first()
    if found is None:
        raise Unknown(what="file")
    return found


def is_there(file_id: UUID) -> bool:
    """True for a file that the open scope reaches and that is not voided."""
    return StoredFile.objects.filter(pk=file_id, voided_at=None).exists()


def part_context(file_id: UUID, part: int) -> str:
    """What binds a part to its place: moved to another, it does not open."""
    return f"documents.blob:{file_id}:{part}"


def content_of(file: StoredFile, using: str = "default") -> bytes:
    """The content of a file, decrypted and compared with its hash. Raises Unreadable for one that was altered."""
    content = b"".join(_parts(file, using))
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise Unreadable(f"the parts of {file.pk} do not make up the file that was stored")
    return content


def _parts(file: StoredFile, using: str) -> Iterator[bytes]:
    rows = Blob.objects.using(using).filter(file=file).order_by("part")
    for part, sealed in rows.values_list("part", "content").iterator(chunk_size=1):
        yield settings.DATABASE_KEYS.open_bytes(bytes(sealed), part_context(file.pk, part))


# ---- papers ----


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the versions of one paper lie: of an institution, or of the community it leads.

    `versions`: those not taken back, latest first; `next_number`: of the next one; what was taken back keeps its number.
    """

    kind: str
    org: Organisation
    alliance_id: int | None
    alliance_name: str
    versions: tuple[Paper, ...]
    next_number: int


def keeps_papers(by: Actor, org: Organisation) -> bool:
    """Whether somebody hands in and takes back the papers of an institution: its own head, or who governs the place it lies in."""
    return by.may("paper.write") and keeps_staff(by, org)


def versions_of(org_id: int, kind: str, alliance_id: int | None) -> QuerySet[Paper]:
    """The versions of a paper not taken back, latest first; with `alliance_id` those of that community, whoever led it."""
    return _all_versions(org_id, kind, alliance_id).filter(voided_at=None)


def _all_versions(org_id: int, kind: str, alliance_id: int | None) -> QuerySet[Paper]:
    owner = {"alliance_id": alliance_id} if alliance_id else {"alliance_id": None, "org_id": org_id}
    return Paper.objects.filter(kind=kind, **owner).select_related("file", "org").order_by("-number")


def paper_slots(org_id: int, at: datetime) -> list[Slot]:
    """The papers that an institution of care may have, handed in or not: its own, and the rules of the community it leads today.

    Raises Unknown: no such institution.
    """
    org = organisation(org_id)
    if org.kind != "care":
        raise Unknown(what="paper")
    led = [m.alliance for m in alliances_of(org_id, local_day(at)) if m.kind == "county_community" and m.role == "lead"]
    wanted = [(kind, None, "") for kind in rules.OF_AN_INSTITUTION]
    wanted += [(rules.OPERATING_RULES, alliance.id, alliance.name) for alliance in led]
    return [_slot(kind, org, alliance, name) for kind, alliance, name in wanted]


def _slot(kind: str, org: Organisation, alliance_id: int | None, name: str) -> Slot:
    every = list(_all_versions(org.id, kind, alliance_id))
    kept = tuple(p for p in every if p.voided_at is None)
    return Slot(kind, org, alliance_id, name, kept, every[0].number + 1 if every else 1)


def paper_slot(org_id: int, kind: str, at: datetime) -> Slot:
    """One of them. Raises Unknown."""
    found = next((slot for slot in paper_slots(org_id, at) if slot.kind == kind), None)
    if found is None:
        raise Unknown(what="paper")
    return found


def paper(paper_id: UUID) -> Paper:
    """A version that was not taken back. Raises Unknown."""
    found = Paper.objects.filter(pk=paper_id, voided_at=None).select_related("file", "org").first()
    if found is None:
        raise Unknown(what="paper")
    return found


def missing_papers(register: Register, on: date) -> list[Gap]:
    """What the clauses want of papers and do not find on a day: for the page of gaps."""
    held = Paper.objects.filter(in_force(on), voided_at=None)
    of_orgs = frozenset(held.filter(alliance=None, org_id__in=[o.id for o in register.orgs]).values_list("kind", "org_id"))
    ruled = frozenset(held.filter(alliance_id__in=[a.id for a in register.alliances]).values_list("alliance_id", flat=True))
    return rules.paper_gaps(register, rules.Held(of_orgs, ruled))
