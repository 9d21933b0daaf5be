"""The dictionary of diagnoses, its search, and the code tables behind it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from django.db.models import Q, QuerySet
from django.db.models.functions import Substr

from fenji.care.catalogue import rules
from fenji.care.catalogue.models import CodeEntry, CodeTable, Diagnosis, Reading
from fenji.ground.common import shipped
from fenji.ground.common.prepared import prepared
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.text import half_width
from fenji.ground.common.units import ICD10_CATEGORY_LENGTH

_SEEN = Path(__file__).parent.parent / "data" / "departments.csv"
_SEPARATORS = re.compile(r"[\s,;、，；]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A diagnosis somebody may mean. `hint`: the reading that fits what was typed; browsers drop options that show none of it."""

    code: str
    name_zh: str
    name_en: str
    group: str
    hint: str = ""


@prepared
def _coded(code: str) -> QuerySet[Diagnosis]:
    return Diagnosis.objects.filter(pk=code)


def diagnosis(code: str) -> Diagnosis:
    """A row of the dictionary. Raises Unknown."""
    for found in _coded(rules.clean_code(code)):
        return found
    raise Unknown(what="diagnosis")


def group_of(row: Diagnosis | Suggestion) -> str:
    """The disease group of a diagnosis."""
    return rules.disease_group(row.code, row.group)


def group_names(groups: Iterable[str], *, english: bool) -> dict[str, str]:
    """What disease groups are called: by the first diagnosis of each, for a group has no name of its own. Group → name."""
    wanted = set(groups)
    names: dict[str, str] = {}
    rows = Diagnosis.objects.annotate(category=Substr("code", 1, ICD10_CATEGORY_LENGTH))
    for row in rows.filter(Q(group__in=wanted) | Q(group="", category__in=wanted)).order_by("code"):
        names.setdefault(group_of(row), row.name_en if english else row.name_zh)
    return {group: names.get(group, group) for group in wanted}


@lru_cache(maxsize=1)
def seen_by() -> tuple[rules.Seen, ...]:
    """Which specialties see which ranges of diagnoses: a file that comes with the program."""
    return tuple(rules.Seen(r["first"], r["last"], tuple(r["specialties"].split())) for r in shipped.rows(_SEEN))


def specialties_of(code: str) -> tuple[str, ...]:
    """The specialties that see a diagnosis, best first; empty when none is known to."""
    return rules.specialties_of(code, seen_by())


def known(codes: Collection[str], using: str = "default") -> dict[str, Diagnosis]:
    """Those of `codes` that the dictionary has, by code."""
    return Diagnosis.objects.using(using).in_bulk(list(codes))


def groups_named(text: str, using: str = "default") -> list[str]:
    """The disease groups that codes or groups stand for, separated by blanks, commas or semicolons; each once, in their order."""
    named = [rules.clean_code(t) if rules.is_code(rules.clean_code(t)) else t for t in _SEPARATORS.split(half_width(text)) if t]
    there = known(named, using)
    return list(
        dict.fromkeys(group_of(there[t]) if t in there else rules.disease_group(t, "") if rules.is_code(t) else t for t in named)
    )


def _suggestion(row: Diagnosis, hint: str = "") -> Suggestion:
    return Suggestion(row.code, row.name_zh, row.name_en, row.group, hint)


def _read(field: str, matches: Q, limit: int) -> Iterator[Suggestion]:
    found = Reading.objects.filter(matches).select_related("diagnosis").order_by(field, "diagnosis_id")[:limit]
    return (_suggestion(r.diagnosis, getattr(r, field)) for r in found)


def _ranked(typed: str, limit: int) -> Iterator[Suggestion]:
    """Best first, each rank asked for only when the ones before were too few. All but the last ranks are prefixes of an index."""
    low = typed.lower().replace(" ", "")
    for matches in (Q(code__starts=rules.clean_code(typed)), Q(name_zh__starts=typed)):
        yield from map(_suggestion, Diagnosis.objects.filter(matches).order_by("code")[:limit])
    yield from _read("initials", Q(initials__starts=low), limit)
    yield from _read("pinyin", Q(pinyin__starts=low), limit)
    inside = Q(name_zh__contains=typed) | Q(name_en__icontains=typed)
    yield from map(_suggestion, Diagnosis.objects.filter(inside).order_by("code")[:limit])
    yield from _read("initials", Q(initials__contains=low), limit)
    yield from _read("pinyin", Q(pinyin__contains=low), limit)


def suggest(text: str, limit: int = 12) -> list[Suggestion]:
    """Diagnoses by code (the exact one first), beginning of the name, initials, full pinyin; last those that hold it inside."""
    typed = half_width(text)
    found: dict[str, Suggestion] = {}
    if typed:
        # the ranks overlap: each is asked for `limit` rows, of which some may stand already
        for row in _ranked(typed, 2 * limit):
            found.setdefault(row.code, row)
            if len(found) == limit:
                break
    return list(found.values())


def only_one(text: str) -> Diagnosis | None:
    """The diagnosis that is meant when its whole name was typed, or something that no other is suggested for.

    `高血压` alone means none: it begins the name of one and stands inside that of another.
    """
    typed = half_width(text)
    named = [d.code for d in Diagnosis.objects.filter(name_zh=typed)[:2]]
    if not named and len(typed) >= ICD10_CATEGORY_LENGTH:
        named = [s.code for s in suggest(typed, limit=2)]
    return diagnosis(named[0]) if len(named) == 1 else None


def code_table(kind: str, on: date, using: str = "default") -> CodeTable | None:
    """The edition of a code table in force on a day; None when none is loaded: then only the form of codes is checked."""
    in_force = Q(start__lte=on) & (Q(end=None) | Q(end__gt=on))
    return CodeTable.objects.using(using).filter(in_force, kind=kind).first()


def code_tables() -> list[CodeTable]:
    """All editions, newest first."""
    return list(CodeTable.objects.order_by("kind", "-start", "-id"))


def table_codes(table: CodeTable, using: str = "default") -> dict[str, str]:
    """Code → name of an edition."""
    return dict(CodeEntry.objects.using(using).filter(table=table).values_list("code", "name"))


def codes_known(codes: Collection[str], on: date, using: str = "default") -> frozenset[str] | None:
    """Those of `codes` that the diagnosis table in force has; None when none is loaded, so that nobody can say."""
    table = code_table("diagnosis", on, using)
    if table is None:
        return None
    return frozenset(CodeEntry.objects.using(using).filter(table=table, code__in=codes).values_list("code", flat=True))
