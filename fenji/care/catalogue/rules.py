"""Codes, disease groups, and the lists: what they must hold, how they come into force, how two versions differ. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import half_width
from fenji.ground.common.units import ICD10_CATEGORY_LENGTH
from fenji.ground.publication import rules as publication

V = TypeVar("V")
Key = tuple[str, ...]

# --- codes -------------------------------------------------------------------------------------------------------------------

_FORMS = {
    "diagnosis": re.compile(r"^[A-Z]\d{2}(?:\.[\dx]\d{0,2}(?:x\d{3})?)?[+†*]?(?:[A-Z]\d{2}(?:\.\d{1,3})?\*)?$", re.ASCII),
    "procedure": re.compile(r"^\d{2}\.[0-9x][0-9A-Zx]{1,4}(?:x\d{3,4})?$", re.ASCII),
}
CODE_KINDS = tuple(_FORMS)
GROUP_VERSION = "demo-1"
"""Version of the grouping, kept beside every stored group."""
_ITEM_CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.\-]{0,39}$")


def clean_code(text: str) -> str:
    """A code as the tables write it: half-width, first letter upper case, the filler x lower case."""
    code = half_width(text).replace(" ", "")
    return code[:1].upper() + code[1:].replace("X", "x")


def is_code(text: str, kind: str = "diagnosis") -> bool:
    """True for the form of a code of the national tables (DOMAIN 2); says nothing about whether the table has it."""
    return _FORMS[kind].match(text) is not None


def is_item_code(text: str) -> bool:
    """True for what may stand as the code of a service item or a technique: letters, digits, points and dashes."""
    return _ITEM_CODE.match(text) is not None


def code_fault(code: str, known: bool | None) -> str:
    """What is wrong with a diagnosis code; empty when nothing is. `known`: whether the code table has it; None: none is loaded.

    The form is always checked, existence only against a table that is loaded.
    """
    if not is_code(code):
        return "code_form"
    return "code_not_in_table" if known is False else ""


def disease_group(code: str, group: str) -> str:
    """The group a diagnosis counts in: the catalogue entry's own group, else the three-character ICD-10 category."""
    return group or code[:ICD10_CATEGORY_LENGTH]


@dataclass(frozen=True, slots=True)
class Seen:
    """A range of ICD-10 categories, both ends included, and the specialties that see it, best first."""

    first: str
    last: str
    specialties: tuple[str, ...]


def specialties_of(code: str, table: Iterable[Seen]) -> tuple[str, ...]:
    """The specialties that see a diagnosis, best first: those of a narrower range before those of the wider one around it."""
    category = code[:ICD10_CATEGORY_LENGTH]
    around = sorted((s for s in table if s.first <= category <= s.last), key=lambda s: s.last)
    inner_first = sorted(around, key=lambda s: s.first, reverse=True)
    return tuple(dict.fromkeys(name for s in inner_first for name in s.specialties))


# --- lists and who keeps them ------------------------------------------------------------------------------------------------

FIRST_CONTACT, TREATABLE, DOWN, DEVOLVED = "first_contact", "treatable", "down", "devolved"
TECHNIQUE, PROMOTED, GUIDE = "technique", "technique_promoted", "guide"
KINDS = (FIRST_CONTACT, TREATABLE, DOWN, DEVOLVED, TECHNIQUE, PROMOTED, GUIDE)
OF_COMMUNITY = (FIRST_CONTACT, DOWN, GUIDE)
"""Kept by the lead of a county community (SM-3-2a, 3-5d, 3-6a)."""
OF_INSTITUTION = (TREATABLE, TECHNIQUE)

LEVELS = ("village", "township", "county")
"""Where a disease can be treated, lowest first. An entry names the lowest."""
PHASES = ("acute_recovery", "surgical_recovery", "critical_stable")
"""In which phase of an illness patients come down (SM-1-2b)."""
DOCUMENTS = ("guide", "criteria", "rules")
"""Tiered-care guide, criteria of admission and discharge, rules of referral (SM-3-5d)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An organisation as a keeper of lists. `leads`: leads a county community; `insures`: is an agency of health insurance."""

    kind: str
    leads: bool
    insures: bool


def may_keep(kind: str, owner: Owner) -> bool:
    """True when such an organisation keeps such a list."""
    if kind in OF_COMMUNITY:
        return owner.leads
    if kind in OF_INSTITUTION:
        return owner.kind == "care"
    if kind == PROMOTED:
        return owner.leads or owner.kind == "agency"
    return owner.insures


# --- the way of a version ----------------------------------------------------------------------------------------------------

DRAFT, SUBMITTED, APPROVED, PUBLISHED, WITHDRAWN = "draft", "submitted", "approved", "published", "withdrawn"
STATES = (DRAFT, SUBMITTED, APPROVED, PUBLISHED, WITHDRAWN)
OPEN = (DRAFT, SUBMITTED, APPROVED)
"""Being worked on; an organisation has at most one such version of each list."""


class ListState(Refused):
    """The list is not in a state in which this can be done."""

    code = "list_state"


class SamePerson(Refused):
    """Whoever wrote on a list does not approve it: a second person does."""

    code = "list_same_person"


class ListNote(Refused):
    """The step needs a reason in words."""

    code = "list_note"


class StartPast(Refused):
    """A list cannot begin on a day that is over. detail: today."""

    code = "list_start_past"


class StartTaken(Refused):
    """Another version of the list begins on that day or later. detail: start."""

    code = "list_start_taken"


class AlreadyBegan(Refused):
    """A version that has begun is replaced by another one, not withdrawn."""

    code = "list_began"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way. `permission`: who may take it; `note`: a reason in words is needed."""

    state: str
    permission: str
    note: bool = False


WAY: dict[tuple[str, str], Step] = {
    (DRAFT, "submit"): Step(SUBMITTED, "catalogue.write"),
    (DRAFT, "discard"): Step(WITHDRAWN, "catalogue.write"),
    (SUBMITTED, "approve"): Step(APPROVED, "catalogue.approve"),
    (SUBMITTED, "return"): Step(DRAFT, "catalogue.approve", note=True),
    (APPROVED, "publish"): Step(PUBLISHED, "catalogue.approve"),
    (APPROVED, "return"): Step(DRAFT, "catalogue.approve", note=True),
    (PUBLISHED, "withdraw"): Step(WITHDRAWN, "catalogue.approve", note=True),
}
"""(state, action) → step. Nothing else leads from one state to another; a trigger in the database says the same."""


def step(state: str, action: str, note: str = "") -> Step:
    """The row of the table. Raises ListState, ListNote."""
    found = WAY.get((state, action))
    if found is None:
        raise ListState
    if found.note and not note:
        raise ListNote
    return found


def open_steps(state: str, start: date | None, today: date) -> tuple[str, ...]:
    """The actions a version is open to, whoever may take them. One that has begun is open to none."""
    begun = start is not None and start <= today
    return () if begun else tuple(action for s, action in WAY if s == state)


def check_start(start: date, today: date, latest: date | None) -> None:
    """May a version begin on `start`? `latest`: when the last published one begins. Raises StartPast, StartTaken."""
    if start < today:
        raise StartPast(today=today)
    if latest is not None and start <= latest:
        raise StartTaken(start=latest)


# --- what the policy asks of a list ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CataloguePolicy:
    """Minimum sizes (0: none is set here) and required parts of the lists.

    `focus_diseases`: ICD-10 categories or ranges of them, as `I10-I15`; the down-referral list must name a disease of each.
    """

    central_diseases: int
    other_diseases: int
    promoted_categories: int
    promoted_techniques: int
    own_categories: int
    own_techniques: int
    devolved_items: int
    focus_diseases: tuple[str, ...]
    down_documents: tuple[str, ...]
    guide_documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are, and how many the policy asks for. `field`: of the policy, which names the clause."""

    field: str
    value: int
    needed: int

    @property
    def met(self) -> bool:
        """True when there are enough; more is always welcome (SM-3-2f)."""
        return self.value >= self.needed


@dataclass(frozen=True, slots=True)
class Disease:
    """An entry of a disease list, as rules see it."""

    group: str
    code: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Down:
    """An entry of a down-referral list: `documents` maps criteria and guide to their texts."""

    group: str
    code: str
    documents: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """A devolved service item: the specialty that does it, and the disease groups it is for."""

    code: str
    specialty: str
    groups: tuple[str, ...]


def lowest_level(*, county: bool, township: bool, village: bool) -> str:
    """The lowest level that can treat a disease; empty when none is named or when the levels are not nested (SM-3-2a).

    What a village treats, a township can treat; what a township treats, the county can.
    """
    able = (village, township, county)
    lowest = able.index(True) if any(able) else len(able)
    return LEVELS[lowest] if lowest < len(able) and all(able[lowest:]) else ""


def count_diseases(groups: Iterable[str], *, central: bool, policy: CataloguePolicy) -> Count:
    """Diseases on an institution's list; a group counts once, however many codes it has (SM-3-2d, 3-2e)."""
    field = "central_diseases" if central else "other_diseases"
    return Count(field, len(set(groups)), getattr(policy, field))


def count_techniques(categories: Sequence[str], *, promoted: bool, policy: CataloguePolicy) -> tuple[Count, Count]:
    """Categories and items of a list of techniques, given the category of each item (SM-3-2h promoted, SM-3-2i own)."""
    kinds, items = ("promoted_categories", "promoted_techniques") if promoted else ("own_categories", "own_techniques")
    return Count(kinds, len(set(categories)), getattr(policy, kinds)), Count(items, len(categories), getattr(policy, items))


def count_items(codes: Iterable[str], policy: CataloguePolicy) -> Count:
    """Service items on a devolved list, each code once (SM-3-3a)."""
    return Count("devolved_items", len(set(codes)), policy.devolved_items)


def missing_focus(codes: Iterable[str], policy: CataloguePolicy) -> tuple[str, ...]:
    """The ranges of the focus diseases none of `codes` lies in (SM-3-6a)."""
    categories = {code[:ICD10_CATEGORY_LENGTH] for code in codes}
    return tuple(f for f in policy.focus_diseases if not any(_within(c, f) for c in categories))


def _within(category: str, span: str) -> bool:
    first, _, last = span.partition("-")
    return first <= category <= (last or first)


def blocked_from_suggestion(entry: Down, policy: CataloguePolicy) -> tuple[str, ...]:
    """The documents an entry lacks. While one is missing, its disease is not suggested by itself (SM-3-6b)."""
    return tuple(d for d in policy.down_documents if not entry.documents.get(d))


def missing_documents(
    groups: Iterable[str], written: Collection[tuple[str, str]], policy: CataloguePolicy
) -> dict[str, tuple[str, ...]]:
    """Disease group → kinds of documents it still lacks; complete ones are left out (SM-3-5d). `written`: (group, kind)."""
    lacking = {g: tuple(d for d in policy.guide_documents if (g, d) not in written) for g in groups}
    return {g: missing for g, missing in lacking.items() if missing}


def unlinked(items: Iterable[Item], groups: Collection[str], specialties: Collection[str]) -> tuple[str, ...]:
    """Codes of the items that serve no disease of the catalogue and no specialty posted to a branch: to be reviewed (SM-3-3b)."""
    return tuple(i.code for i in items if not any(g in groups for g in i.groups) and i.specialty not in specialties)


def beyond_catalogue(own: Iterable[str], catalogue: Collection[str]) -> tuple[str, ...]:
    """Groups on an institution's own list that the community's catalogue does not name: a note, no fault (SM-3-2f)."""
    return tuple(g for g in own if g not in catalogue)


def moved_down(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Groups that a lower level treats in the new version than in the old one (SM-3-2c). Maps: group → lowest level."""
    return tuple(g for g, level in new.items() if g in old and LEVELS.index(level) < LEVELS.index(old[g]))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about, by its names; `parts`: of it, as the documents a disease lacks."""

    zh: str
    en: str = ""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about a version. `refuses`: it cannot be submitted so. `field`: of the policy, where a clause asks it."""

    code: str
    refuses: bool
    subjects: tuple[Subject, ...] = ()
    field: str = ""


# --- two versions side by side -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Diff(Generic[V]):
    """What changed from one version to another, by the entries' keys. `changed`: key → (before, after)."""

    added: Mapping[Key, V]
    removed: Mapping[Key, V]
    changed: Mapping[Key, tuple[V, V]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def diff(old: Mapping[Key, V], new: Mapping[Key, V]) -> Diff[V]:
    """What is to be done to `old` to make it `new`."""
    return Diff(
        added={k: v for k, v in new.items() if k not in old},
        removed={k: v for k, v in old.items() if k not in new},
        changed={k: (old[k], v) for k, v in new.items() if k in old and old[k] != v},
    )


# --- what is made public -----------------------------------------------------------------------------------------------------

_DISEASE = {"code": publication.code, "zh": publication.text, "en": publication.text}
_ICD = {"icd": publication.code}
_TEXT = publication.text
PUBLIC_BODIES: dict[str, publication.Check] = {
    DOWN: publication.listed(
        "diseases",
        publication.shaped(
            {**_DISEASE, "phase": publication.one_of(PHASES)},
            {**_ICD, "criteria_zh": _TEXT, "criteria_en": _TEXT, "guide_zh": _TEXT, "guide_en": _TEXT},
        ),
        *("code", "phase"),
    ),
    DEVOLVED: publication.listed("items", publication.shaped(_DISEASE, {"kind": publication.code}), "code"),
    **{
        kind: publication.listed("techniques", publication.shaped({**_DISEASE, "category_zh": _TEXT, "category_en": _TEXT}), "code")
        for kind in (TECHNIQUE, PROMOTED)
    },
    GUIDE: publication.listed(
        "documents",
        publication.shaped(
            {**_DISEASE, "document": publication.one_of(DOCUMENTS), "title_zh": _TEXT, "text_zh": _TEXT},
            {**_ICD, "title_en": _TEXT, "text_en": _TEXT},
        ),
        *("code", "document"),
    ),
}
"""Kind of list → what its public copy may hold; the two lists of diseases alone are publication's own kind."""
