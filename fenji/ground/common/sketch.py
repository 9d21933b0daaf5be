"""A sketch of where one place lies from another, as an inline picture: drawn here, without a map and without asking anybody."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from fenji.ground.common.units import EARTH_RADIUS_KM

Point = tuple[float, float]
"""Longitude and latitude in degrees."""

_WIDTH, _HEIGHT = 600, 380
_ACROSS, _DOWN = 380, 190
"""The part of the picture in which both places lie."""
_MIDDLE = (300.0, 158.0)
_MOST_PER_KM = 4000
_LONGEST_BAR = 180
_WINDS = 8
_METRES = 1000
_DASHED = SafeString('stroke="#000" stroke-width="3" stroke-dasharray="10 8"')


@dataclass(frozen=True, slots=True)
class Words:
    """What stands in the picture, in the page's language. `title`: read aloud in its place."""

    title: str
    here: str
    there: str
    north: str
    km: str
    m: str


def _flat(here: Point, there: Point) -> tuple[float, float]:
    """How far `there` lies to the east and to the north of `here`, in km, on a plane."""
    degree = math.radians(1) * EARTH_RADIUS_KM
    narrow = math.cos(math.radians((here[1] + there[1]) / 2))
    return (there[0] - here[0]) * narrow * degree, (there[1] - here[1]) * degree


def wind(here: Point, there: Point) -> int:
    """In which of eight directions `there` lies: 0 north, 1 north-east, and so on clockwise."""
    east, north = _flat(here, there)
    return round(math.atan2(east, north) / (2 * math.pi / _WINDS)) % _WINDS


def bar_of(per_km: float) -> float:
    """The length of a scale bar in km: 1, 2 or 5 times a power of ten, the longest that fits. `per_km`: units of the picture."""
    most = _LONGEST_BAR / per_km
    tens = 10.0 ** math.floor(math.log10(most))
    return max(step * tens for step in (1, 2, 5) if step * tens <= most)


def picture(here: Point, there: Point, words: Words) -> SafeString:
    """Both places with a north arrow and a scale bar, north up, black on white, as SVG without a size of its own."""
    east, north = _flat(here, there)
    fits = [room / abs(way) for room, way in ((_ACROSS, east), (_DOWN, north)) if way]
    per_km = min([_MOST_PER_KM, *fits])
    half = (east * per_km / 2, -north * per_km / 2)
    start, goal = ((_MIDDLE[0] + sign * half[0], _MIDDLE[1] + sign * half[1]) for sign in (-1, 1))
    bar = bar_of(per_km)
    length = f"{bar:g} {words.km}" if bar >= 1 else f"{bar * _METRES:g} {words.m}"
    drawn = (
        format_html('<line x1="{}" y1="{}" x2="{}" y2="{}" {}/>', *_at(start), *_at(goal), _DASHED),
        format_html('<circle cx="{}" cy="{}" r="13" fill="#fff" stroke="#000" stroke-width="5"/>', *_at(start)),
        format_html('<rect x="{}" y="{}" width="28" height="28" fill="#000"/>', *_at((goal[0] - 14, goal[1] - 14))),
        _label(start, words.here, above=start[1] < goal[1]),
        _label(goal, words.there, above=start[1] >= goal[1]),
        SafeString('<path d="M560 24 l14 40 l-14 -9 l-14 9 z" fill="#000"/>'),
        format_html('<text x="560" y="92" font-size="26" text-anchor="middle">{}</text>', words.north),
        format_html('<path d="M24 345 v14 h{} v-14" fill="none" stroke="#000" stroke-width="3"/>', f"{bar * per_km:.1f}"),
        format_html('<text x="24" y="335" font-size="24">{}</text>', length),
    )
    return format_html(
        '<svg class="sketch" viewBox="0 0 {} {}" role="img" xmlns="http://www.w3.org/2000/svg"><title>{}</title>'
        '<rect x="1" y="1" width="{}" height="{}" fill="#fff" stroke="#000" stroke-width="2"/>{}</svg>',
        *(_WIDTH, _HEIGHT, words.title, _WIDTH - 2, _HEIGHT - 2),
        SafeString("".join(drawn)),
    )


def _at(point: tuple[float, float]) -> tuple[str, str]:
    return f"{point[0]:.1f}", f"{point[1]:.1f}"


def _label(point: tuple[float, float], text: str, *, above: bool) -> SafeString:
    up = -28 if above else 46
    return format_html('<text x="{}" y="{}" font-size="28" text-anchor="middle">{}</text>', *_at((point[0], point[1] + up)), text)
