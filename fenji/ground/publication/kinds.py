"""The kinds of public copies, registered at start-up: what each is called, how it looks, what it may hold.

Another kind takes three things. In its room's `apps.py`: `register_kind("down", _("…"), "publication/kind_down.html", check)`.
A checker: `rules.disease_list` for a list of disease groups, else `rules.listed(…)` or `rules.shaped({...})`. A template that gets
the copy as `copy`. A long list takes `parts` besides, and gets a page of its own: the institution's page names and counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

Parts = list[tuple[str, list[Mapping[str, str]]]]
"""Entries under headings, as a page shows them in the reader's language."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of copy. `check(body)` is pure and raises BadBody; `parts(body)`, of a kind with a page of its own:
    entries under headings."""

    code: str
    title: str | Promise
    template: str
    check: Callable[[object], None]
    parts: Callable[[Mapping[str, Any]], Parts] | None = None


_KINDS: dict[str, Kind] = {}


def register_kind(
    code: str,
    title: str | Promise,
    template: str,
    check: Callable[[object], None],
    parts: Callable[[Mapping[str, Any]], Parts] | None = None,
) -> None:
    """Declare a kind. The order of registration is the order on the institution's page."""
    _KINDS[code] = Kind(code, title, template, check, parts)


def kind(code: str) -> Kind:
    """A registered kind. Raises KeyError for one no room declared."""
    return _KINDS[code]


def has_page(code: str) -> bool:
    """True for a kind whose copies have a page of their own."""
    return code in _KINDS and _KINDS[code].parts is not None


def rank(code: str) -> int:
    """Where a kind stands on the page."""
    return list(_KINDS).index(code)
