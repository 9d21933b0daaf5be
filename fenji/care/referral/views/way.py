"""How a patient gets to the receiver: what it says itself, and a sketch of where it lies. For the own page and the slip."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from fenji.care.referral import texts
from fenji.ground.common import sketch
from fenji.ground.network.queries import Contact, contact_of, directions_of
from fenji.ground.network.rules import great_circle_km


def _point(contact: Contact) -> sketch.Point | None:
    if contact.longitude is None or contact.latitude is None:
        return None
    return float(contact.longitude), float(contact.latitude)


def way_to(origin_id: int, receiver_id: int) -> dict[str, Any]:
    """`directions` as the receiver keeps them; `picture`, `km` and `wind` when the coordinates of both are known, else None."""
    here, there = _point(contact_of(origin_id)), _point(contact_of(receiver_id))
    way: dict[str, Any] = {"directions": directions_of(receiver_id), "picture": None}
    if here is None or there is None:
        return way
    km, wind = great_circle_km(here, there), texts.WINDS[sketch.wind(here, there)]
    title = _("Sketch: in a straight line %(km)s km to the %(wind)s") % {"km": km, "wind": wind}
    words = sketch.Words(title, _("start"), _("goal"), _("N"), _("km"), _("m"))
    return {**way, "picture": sketch.picture(here, there, words), "km": km, "wind": wind}
