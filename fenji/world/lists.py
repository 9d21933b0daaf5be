"""The lists of the invented county, published, from the shipped demo files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from functools import cache
from itertools import chain
from typing import Any

from django.db import transaction

from fenji.care.catalogue import rules
from fenji.care.catalogue.actions import demo_rows
from fenji.care.catalogue.models import ENTRIES, Entry, ListVersion
from fenji.ground.common.clock import SHANGHAI
from fenji.ground.network.models import Organisation

_BATCH = 2000
_TECHNIQUES_OWN = {True: 20, False: 12}
"""How many of the promoted techniques a central centre and another one offer: one of each category first."""

Filler = Callable[[Organisation], Iterable[dict[str, Any]]]


@cache
def _diseases() -> dict[str, dict[str, str]]:
    """Disease group → the row of the dictionary that stands for it: the one that goes farthest down, the first of these."""
    found: dict[str, dict[str, str]] = {}
    for row in demo_rows():
        group = rules.disease_group(row["code"], row["group"])
        if group not in found or _depth(row) > _depth(found[group]):
            found[group] = row
    return found


def _depth(row: dict[str, str]) -> int:
    return sum(row[flag] == "1" for flag in ("primary", "township", "ordinary", "village"))


def _named(group: str) -> dict[str, str]:
    row = _diseases()[group]
    return {"group": group, "code": row["code"], "name_zh": row["name_zh"], "name_en": row["name_en"]}


def _first_contact(org: Organisation) -> Iterable[dict[str, Any]]:
    for group, row in _diseases().items():
        level = "village" if row["village"] == "1" else "township" if row["township"] == "1" else "county"
        if row["primary"] == "1":
            yield {**_named(group), "level": level}


def _is_central(org: Organisation) -> bool:
    return org.ws218 == "C210"


def _treatable(org: Organisation) -> Iterable[dict[str, Any]]:
    flag = "village" if org.care_tier == "village" else "township" if _is_central(org) else "ordinary"
    return (_named(group) for group, row in _diseases().items() if row[flag] == "1")


def _down(org: Organisation) -> Iterable[dict[str, Any]]:
    texts = ("phase", "criteria_zh", "criteria_en", "guide_zh", "guide_en")
    return ({**_named(row["group"]), **{name: row[name] for name in texts}} for row in demo_rows("down_list"))


def _guides(org: Organisation) -> Iterable[dict[str, Any]]:
    texts = ("title_zh", "title_en", "text_zh", "text_en")
    return ({**_named(row["group"]), "document": row["kind"], **{name: row[name] for name in texts}} for row in demo_rows("guides"))


def _promoted(org: Organisation) -> Iterable[dict[str, Any]]:
    names = ("code", "category_zh", "category_en", "name_zh", "name_en")
    return ({name: row[name] for name in names} for row in demo_rows("techniques"))


def _techniques(org: Organisation) -> Iterable[dict[str, Any]]:
    rows = sorted(_promoted(org), key=lambda r: (r["code"].partition("-")[2], r["code"]))
    return rows[: _TECHNIQUES_OWN[_is_central(org)]]


def _devolved(org: Organisation) -> Iterable[dict[str, Any]]:
    for row in demo_rows("service_items"):
        groups = row["disease_groups"].split(";") if row["disease_groups"] else []
        yield {**{name: row[name] for name in ("code", "name_zh", "name_en", "kind", "specialty")}, "groups": groups}


_FILLERS: dict[str, Filler] = {
    rules.FIRST_CONTACT: _first_contact,
    rules.TREATABLE: _treatable,
    rules.DOWN: _down,
    rules.DEVOLVED: _devolved,
    rules.TECHNIQUE: _techniques,
    rules.PROMOTED: _promoted,
    rules.GUIDE: _guides,
}


def _publish(kind: str, keepers: Sequence[Organisation], start: date) -> None:
    """Written the way everything is: a draft with its entries first, then step by step into force."""
    at = datetime.combine(start, time(9), SHANGHAI)
    drafts = ListVersion.objects.using("load").bulk_create(
        [ListVersion(kind=kind, org=org, number=1, drafted_at=at) for org in keepers], batch_size=_BATCH
    )
    model: type[Entry] = ENTRIES[kind]
    entries = chain.from_iterable((model(list=v, **values) for values in _FILLERS[kind](v.org)) for v in drafts)
    model.objects.using("load").bulk_create(entries, batch_size=_BATCH)
    found = ListVersion.objects.using("load").filter(kind=kind, org__in=keepers)
    found.update(state=rules.SUBMITTED, submitted_at=at)
    found.update(state=rules.APPROVED, approved_at=at)
    found.update(state=rules.PUBLISHED, start=start, published_at=at)


def write(lead: Organisation, primary: Sequence[Organisation], insurer: Organisation, start: date) -> None:
    """Publish a first version of every list: of the community, of its insurer, and of each primary institution."""
    centres = [o for o in primary if o.care_tier == "township"]
    with transaction.atomic(using="load"):
        for kind in (*rules.OF_COMMUNITY, rules.PROMOTED):
            _publish(kind, [lead], start)
        _publish(rules.DEVOLVED, [insurer], start)
        _publish(rules.TREATABLE, primary, start)
        _publish(rules.TECHNIQUE, centres, start)
