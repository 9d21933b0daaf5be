"""The only writes of this room: loading the demo dictionary."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from fenji.care.catalogue.models import Diagnosis
from fenji.ground.common.pinyin import initials_of

_DEMO = Path(__file__).parent / "data" / "demo_diagnoses.csv"


def demo_rows(file: Path = _DEMO) -> Iterator[dict[str, str]]:
    """The shipped dictionary, row by row: code, name_zh, name_en, group, primary, township."""
    with file.open(encoding="utf-8") as handle:
        yield from csv.DictReader(line for line in handle if not line.startswith("#"))


def load_dictionary(using: str = "load") -> int:
    """Put the demo dictionary in; rows that are there already stay."""
    rows = [
        Diagnosis(code=r["code"], name_zh=r["name_zh"], name_en=r["name_en"], initials=initials_of(r["name_zh"]), group=r["group"])
        for r in demo_rows()
    ]
    with transaction.atomic(using=using):
        Diagnosis.objects.using(using).bulk_create(rows, ignore_conflicts=True)
    return len(rows)
