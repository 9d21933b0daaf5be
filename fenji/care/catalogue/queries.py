"""The only reads of this room offered to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Q
from django.db.models.functions import Substr

from fenji.care.catalogue import rules
from fenji.care.catalogue.models import Diagnosis, ListEntry
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.text import half_width
from fenji.ground.common.units import ICD10_CATEGORY_LENGTH
from fenji.ground.network.queries import alliance_lead


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a disease group stands on a day: on the community's first-contact catalogue, and treatable at the institution."""

    in_catalogue: bool
    treatable_here: bool


def diagnosis(code: str) -> Diagnosis:
    """A row of the code table. Raises Unknown."""
    found = Diagnosis.objects.filter(pk=rules.clean_code(code)).first()
    if found is None:
        raise Unknown(what="diagnosis")
    return found


def group_of(row: Diagnosis) -> str:
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


def suggest(text: str, limit: int = 12) -> list[Diagnosis]:
    """Diagnoses whose code, name or pinyin initials begin with what was typed; those that only contain it come last."""
    typed = half_width(text)
    if not typed:
        return []
    starts = Q(code__starts=rules.clean_code(typed)) | Q(name_zh__starts=typed) | Q(initials__starts=typed.lower())
    first = list(Diagnosis.objects.filter(starts).order_by("code")[:limit])
    if len(first) < limit:
        contains = Q(name_zh__contains=typed) | Q(initials__contains=typed.lower()) | Q(name_en__icontains=typed)
        inside = Diagnosis.objects.filter(contains).exclude(starts)
        first += list(inside.order_by("code")[: limit - len(first)])
    return first


def only_one(text: str) -> Diagnosis | None:
    """The diagnosis that is meant when its whole name was typed, or something that no other is suggested for.

    `高血压` alone means none: it begins the name of one and stands inside that of another.
    """
    typed = half_width(text)
    named = list(Diagnosis.objects.filter(name_zh=typed)[:2])
    if not named and len(typed) >= ICD10_CATEGORY_LENGTH:
        named = suggest(typed, limit=2)
    return named[0] if len(named) == 1 else None


def _on_list(kind: str, org_id: int, group: str, on: date) -> bool:
    in_force = Q(list__start__lte=on) & (Q(list__end=None) | Q(list__end__gt=on))
    return ListEntry.objects.filter(in_force, list__kind=kind, list__org_id=org_id, group=group).exists()


def listing(group: str, org_id: int, on: date) -> Listing:
    """Look a disease group up for one institution on a day (SM-3-2b: judged by the version in force that day)."""
    lead = alliance_lead(org_id, on)
    return Listing(
        in_catalogue=lead is not None and _on_list("first_contact", lead.id, group, on),
        treatable_here=_on_list("treatable", org_id, group, on),
    )
