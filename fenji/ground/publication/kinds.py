"""The kinds of public copies, registered at start-up: what each is called, how it looks, what it may hold.

Another kind takes three things. In its room's `apps.py`: `register_kind("down", _("…"), "publication/kind_down.html", check)`.
A checker: `rules.disease_list` for a list of disease groups, else `rules.shaped({...})`. A template that gets the copy as `copy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of copy. `check(body)` is pure and raises BadBody."""

    code: str
    title: str | Promise
    template: str
    check: Callable[[object], None]


_KINDS: dict[str, Kind] = {}


def register_kind(code: str, title: str | Promise, template: str, check: Callable[[object], None]) -> None:
    """Declare a kind. The order of registration is the order on the institution's page."""
    _KINDS[code] = Kind(code, title, template, check)


def kind(code: str) -> Kind:
    """A registered kind. Raises KeyError for one no room declared."""
    return _KINDS[code]


def rank(code: str) -> int:
    """Where a kind stands on the page."""
    return list(_KINDS).index(code)
