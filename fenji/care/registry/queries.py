"""The only reads of this room offered to others: a resident, a search, the decrypted particulars for one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from fenji.care.registry import rules
from fenji.care.registry.models import Identity, Resident
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Unknown
from fenji.ground.common.text import compact

PAGE = 50


@dataclass(frozen=True, slots=True)
class Particulars:
    """What one page shows of a resident: identity number masked, phone in clear."""

    identity_masked: str
    phone: str
    age: int


def resident(resident_id: UUID) -> Resident:
    """A resident that the open scope reaches. Raises Unknown, alike for none and for somebody else's."""
    found = Resident.objects.filter(pk=resident_id).select_related("home_org").first()
    if found is None:
        raise Unknown(what="resident")
    return found


def search(text: str, limit: int = PAGE) -> list[Resident]:
    """Residents by part of the name, full pinyin or initials, by pinyin. One more than `limit` means: there are more."""
    typed = compact(text)
    if not typed:
        return []
    if typed.isascii():
        low = typed.lower()
        match = Q(pinyin__starts=low) | Q(initials__starts=low) | _other(low)
    else:
        match = Q()
        for part in {typed, rules.fold_name(text)}:  # the same but for names with a middle dot or inner blanks
            match |= Q(name__starts=part) | Q(name_2__starts=part) | Q(name_3__starts=part)
    return list(Resident.objects.filter(match).order_by("pinyin", "id")[: limit + 1])


def _other(low: str) -> Q:
    # the partial indexes are used only when the condition says the same
    return (Q(pinyin_other__starts=low) & ~Q(pinyin_other="")) | (Q(initials_other__starts=low) & ~Q(initials_other=""))


def phone_of(found: Resident) -> str:
    """The phone of a resident, decrypted."""
    return str(settings.DATABASE_KEYS.open(bytes(found.phone), f"resident.phone:{found.pk}"))


def particulars(found: Resident, today: date) -> Particulars:
    """Decrypt what the page of one resident shows."""
    ring = settings.DATABASE_KEYS
    identity = Identity.objects.only("resident_id", "number", "last4").filter(pk=found.pk).first()
    masked = ""
    if identity is not None:
        number = ring.open(bytes(identity.number), f"identity.number:{found.pk}")
        masked = f"{number[:3]}***********{number[-4:]}"
    return Particulars(masked, phone_of(found), age_on(found.birth_date, today))
