"""Django's handle on this room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from fenji.care.registry.models import Resident
    from fenji.ground.access.rules import Actor

_SHOWN = 20


def _stays(actor: Actor, resident: Resident) -> dict[str, Any]:
    from fenji.care.visits.queries import stays_of

    found = stays_of(resident.id, _SHOWN)
    open_here = any(s.discharged_at is None and s.org_id == actor.org_id for s in found)
    shown = {"stays": found[:_SHOWN], "more": len(found) > _SHOWN, "resident": resident}
    return {**shown, "may_write": actor.may("stay.write") and not open_here, "may_read": actor.may("stay.read")}


def _panel(actor: Actor, resident: Resident) -> dict[str, Any]:
    from fenji.care.visits.queries import visits_of

    found = visits_of(resident.id, _SHOWN)
    shown = {"visits": found[:_SHOWN], "more": len(found) > _SHOWN, "resident": resident}
    return {**shown, "may_write": actor.may("visit.write"), "may_read": actor.may("visit.read")}


class VisitsConfig(AppConfig):
    """Registers the policy, the task kinds, the texts and the list of this room, and puts the visits on a resident's page."""

    name = "fenji.care.visits"
    label = "visits"

    def ready(self) -> None:
        from fenji.care.registry.panels import Panel, register
        from fenji.care.visits import imports, texts
        from fenji.care.visits.rules import VisitsPolicy
        from fenji.ground.policy.queries import register as register_policy

        register_policy(VisitsPolicy, "visits")
        texts.register()
        imports.register()
        register("visits", Panel("visits/panel.html", _panel))
        register("stays", Panel("stays/panel.html", _stays))
