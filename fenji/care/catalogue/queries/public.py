"""What the public copies of the lists hold (SM-3-2g)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fenji.care.catalogue import rules
from fenji.care.catalogue.models import ListVersion
from fenji.care.catalogue.queries.lists import entries
from fenji.ground.common.units import ICD10_CATEGORY_LENGTH

PUBLIC_TITLES = {
    rules.FIRST_CONTACT: ("基层首诊病种目录", "Where to go first"),
    rules.TREATABLE: ("本机构可诊治病种目录", "Diseases treated here"),
    rules.DOWN: ("推荐下转病种目录", "Diseases that come back down to primary care"),
    rules.DEVOLVED: ("下放基层的医疗服务项目目录", "Service items that primary institutions may do"),
    rules.TECHNIQUE: ("本机构中医适宜技术目录", "TCM techniques offered here"),
    rules.PROMOTED: ("基层推广中医适宜技术目录", "TCM techniques promoted to primary care"),
    rules.GUIDE: ("分病种诊疗指南、入出院标准和转诊规范", "Guides, criteria and referral rules by disease"),
}
"""Kind of list → the titles of its public copies."""


def public_body(found: ListVersion) -> dict[str, Any]:
    """What the public copy of a list holds; `rules.PUBLIC_BODIES` and publication's own kinds check it."""
    name, body = _BODIES[found.kind]
    here = found.org.care_tier
    return {name: [_filled(body(e, here)) for e in entries(found)], "version": found.number, "clauses": []}


def _filled(entry: Mapping[str, str]) -> dict[str, str]:
    """Without the texts that nobody has written."""
    return {name: text for name, text in entry.items() if text.strip()}


def _named(e: Any, code: str) -> dict[str, str]:
    return {"code": code, "zh": e.name_zh or code, "en": e.name_en or e.name_zh or code}


def _of_disease(e: Any) -> dict[str, str]:
    return {**_named(e, e.group), "icd": e.code[:ICD10_CATEGORY_LENGTH]}


def _disease(e: Any, here: str) -> dict[str, str]:
    """A disease with the lowest tier that treats it."""
    return {**_of_disease(e), "level": e.level or here}


def _down(e: Any, here: str) -> dict[str, str]:
    texts = {name: getattr(e, name) for name in ("criteria_zh", "criteria_en", "guide_zh", "guide_en")}
    return {**_of_disease(e), "phase": e.phase, **texts}


def _item(e: Any, here: str) -> dict[str, str]:
    return {**_named(e, e.code), "kind": e.kind}


def _technique(e: Any, here: str) -> dict[str, str]:
    return {**_named(e, e.code), "category_zh": e.category_zh, "category_en": e.category_en or e.category_zh}


def _guide(e: Any, here: str) -> dict[str, str]:
    texts = {name: getattr(e, name) for name in ("title_zh", "title_en", "text_zh", "text_en")}
    return {**_of_disease(e), "document": e.document, **texts}


_BODIES: dict[str, tuple[str, Callable[[Any, str], dict[str, str]]]] = {
    rules.FIRST_CONTACT: ("groups", _disease),
    rules.TREATABLE: ("groups", _disease),
    rules.DOWN: ("diseases", _down),
    rules.DEVOLVED: ("items", _item),
    rules.TECHNIQUE: ("techniques", _technique),
    rules.PROMOTED: ("techniques", _technique),
    rules.GUIDE: ("documents", _guide),
}
