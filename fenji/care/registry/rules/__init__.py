"""Residents as typed, the documents they show, and whether two records may be one person. Pure."""

from __future__ import annotations

from fenji.care.registry.rules.documents import (
    KINDS,
    BadDocument,
    Document,
    masked,
    parse_document,
    parse_index_text,
)
from fenji.care.registry.rules.matching import REASONS, Record, match, same_old_number, slip, sounds_like
from fenji.care.registry.rules.residents import (
    CARD,
    ENTRIES,
    NEWBORN,
    SEXES,
    UNKNOWN,
    BadField,
    NewResident,
    born_about,
    clean_name,
    clean_phone,
    fold_name,
    new_resident,
    newborn,
    unknown_person,
    with_document,
)

__all__ = [
    "CARD",
    "ENTRIES",
    "KINDS",
    "NEWBORN",
    "REASONS",
    "SEXES",
    "UNKNOWN",
    "BadDocument",
    "BadField",
    "Document",
    "NewResident",
    "Record",
    "born_about",
    "clean_name",
    "clean_phone",
    "fold_name",
    "masked",
    "match",
    "new_resident",
    "newborn",
    "parse_document",
    "parse_index_text",
    "same_old_number",
    "slip",
    "sounds_like",
    "unknown_person",
    "with_document",
]
