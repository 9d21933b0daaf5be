"""Panels on a resident's page, registered at start-up by the rooms above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fenji.care.registry.models import Resident
from fenji.ground.access.rules import Actor


@dataclass(frozen=True, slots=True)
class Panel:
    """A template and what fills it."""

    template: str
    context: Callable[[Actor, Resident], dict[str, Any]]


_PANELS: dict[str, Panel] = {}


def register(name: str, panel: Panel) -> None:
    """Declare a panel; the order of registration is the order on the page."""
    _PANELS[name] = panel


def filled(actor: Actor, resident: Resident) -> list[dict[str, Any]]:
    """All panels for one resident."""
    return [{"template": p.template, **p.context(actor, resident)} for p in _PANELS.values()]
