"""Links that keep language and place, names in the reader's language, headings for villagers, days as people say them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.utils.translation import get_language

from fenji.ground.network.rules import TIERS
from fenji.ground.publication import rules, texts

register = template.Library()


def _english() -> bool:
    return (get_language() or "").startswith("en")


@register.simple_tag
def public(path: str, **params: Any) -> str:
    """An address of the public pages: `{% public "/p/" at=at %}`. The language stands in it, so that caches keep it apart."""
    asked = {k: v for k, v in params.items() if v} | ({"lang": "en"} if _english() else {})
    return f"{path}?{urlencode(asked)}" if asked else path


@register.simple_tag
def other_language(request: HttpRequest) -> str:
    """The address of this page in the other language."""
    asked = {k: v for k, v in request.GET.items() if k != "lang"} | ({} if _english() else {"lang": "en"})
    return f"{request.path}?{urlencode(asked)}" if asked else request.path


@register.filter
def named(thing: Any) -> str:
    """The name of a disease group in the reader's language: of a body's entry, or of a found disease."""
    key = "en" if _english() else "zh"
    return str(thing[key] if isinstance(thing, Mapping) else getattr(thing, key))


@register.filter
def worded(entry: Mapping[str, str], name: str) -> str:
    """A text of an entry in the reader's language; the Chinese one where there is no other, empty where there is none."""
    return str((_english() and entry.get(f"{name}_en")) or entry.get(f"{name}_zh", ""))


@register.filter
def titled(copy: Any) -> str:
    """The title of a copy in the reader's language."""
    return str(copy.title_en if _english() else copy.title_zh)


@register.filter
def by_part(groups: Iterable[Mapping[str, str]]) -> list[tuple[str, list[Mapping[str, str]]]]:
    """Disease groups under headings of parts of the body: [(heading, groups)], the common ones first."""
    placed = sorted(groups, key=lambda g: rules.ORDER.index(rules.part_of(g)))
    return [(str(texts.PARTS[part]), list(found)) for part, found in groupby(placed, key=rules.part_of)]


@register.filter
def by_level(groups: Iterable[Mapping[str, str]]) -> list[tuple[str, list[Mapping[str, str]]]]:
    """Disease groups by the lowest tier that treats them: [(tier, groups)], lowest tier first."""
    placed = sorted(groups, key=lambda g: TIERS.index(g["level"]))
    return [(tier, list(found)) for tier, found in groupby(placed, key=lambda g: g["level"])]


@register.filter
def last_day(end: date | None) -> date | None:
    """The last day of a half-open stretch."""
    return end - timedelta(days=1) if end else None


@register.filter
def channel_text(code: str) -> str:
    """What a channel is called."""
    return str(texts.CHANNELS[code])


@register.filter
def channel_state(code: str) -> str:
    """What the state of a channel is called."""
    return str(texts.CHANNEL_STATES[code])


@register.filter
def channel_tone(code: str) -> str:
    """The colour of a channel's state."""
    return texts.CHANNEL_TONES[code]


@register.filter
def standing_text(code: str) -> str:
    """What an outcome is called."""
    return str(texts.OUTCOMES[code])


@register.filter
def standing_tone(code: str) -> str:
    """The colour of an outcome."""
    return texts.OUTCOME_TONES[code]


@register.filter
def audience_text(code: str) -> str:
    """What an audience is called."""
    return str(texts.AUDIENCES[code])
