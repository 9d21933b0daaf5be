"""What a public copy may hold and when it is in force; which channels an institution still owes; who a notice may go to. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fenji.ground.access.rules import EDITOR, MANAGER, OFFICER
from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import half_width, has_control_characters
from fenji.ground.common.units import REGION_PREFIXES
from fenji.ground.network.rules import TIERS

CHANNELS = ("web", "app", "board")
"""The three kinds of place that SM-3-2g names: website, mobile app, notice board."""
TREATABLE = "treatable"
"""The kind of copy that SM-3-2g is about: what an institution can treat."""
PUBLISHERS = frozenset({MANAGER, EDITOR, OFFICER})
"""Roles that make something public."""
AUDIENCES = ("own", "below", "alliance", "listed")
"""To whom an announcement goes: the own house, the institutions below, an alliance one leads, or named ones."""

Check = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class PublicationPolicy:
    """How many kinds of channels a list must be in (SM-3-2g), how soon, and for how long an entry of the log holds."""

    channels_needed: int
    log_within_days: int
    stale_after_days: int

    def __post_init__(self) -> None:
        """No more kinds than there are, and no days before the first."""
        if not 0 <= self.channels_needed <= len(CHANNELS) or self.log_within_days < 0 or self.stale_after_days < 0:
            raise ValueError(f"not a policy of publication: {self}")


class BadBody(Refused):
    """The contents are not of the shape that their kind asks for. detail: where, why."""

    code = "bad_body"


class PersonalData(Refused):
    """The contents hold what looks like somebody's identity number or mobile phone. detail: where."""

    code = "personal_data"


class StartsTooEarly(Refused):
    """The copy would rewrite days on which another was in force. detail: first (the earliest day it may start)."""

    code = "starts_too_early"


class BadDay(Refused):
    """A channel was logged for a day in the future, or for one before its copy was known. detail: first, last."""

    code = "bad_day"


class NobodyAddressed(Refused):
    """An announcement that would reach no institution."""

    code = "nobody_addressed"


# --- contents ----------------------------------------------------------------------------------------------------------------

# region, birth date and serial as on the card (18 characters, 15 before 1999); blanks and dashes between them are no disguise
_S = r"[ \t-]?"
_DAY = rf"(?:0{_S}[1-9]|1{_S}[0-2]){_S}(?:[0-2]{_S}[0-9]|3{_S}[01]){_S}"
_REGION = rf"(?<![0-9])[1-8]{_S}(?:[0-9]{_S}){{5}}"
_IDENTITY = re.compile(
    rf"{_REGION}(?:(?:1{_S}9|2{_S}0){_S}(?:[0-9]{_S}){{2}}{_DAY}(?:[0-9]{_S}){{3}}[0-9Xx]|(?:[0-9]{_S}){{2}}{_DAY}(?:[0-9]{_S}){{2}}[0-9])"
    r"(?![0-9])"
)
_MOBILE = re.compile(rf"(?<![0-9])(?:(?:\+|00)?86{_S})?1[3-9](?:{_S}[0-9]){{9}}(?![0-9])")
_CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")


def looks_personal(text: str) -> bool:
    """True when a text holds what looks like an identity number or a mobile phone of a person."""
    plain = half_width(text)
    return bool(_IDENTITY.search(plain) or _MOBILE.search(plain))


def refuse_personal(value: object, where: str = "body") -> None:
    """Look through all texts and numbers, keys too. Raises PersonalData."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            refuse_personal(str(key), f"{where}.{key}")
            refuse_personal(inner, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            refuse_personal(inner, f"{where}[{number}]")
    elif isinstance(value, (str, int)) and looks_personal(str(value)):
        raise PersonalData(where=where)


def canonical(body: object) -> bytes:
    """One writing of a body: keys sorted, no blanks, UTF-8. Bodies hold texts, whole numbers, lists and mappings only."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(body: object) -> str:
    """SHA-256 of the canonical body, in hex: whoever has a copy can see whether it is the one that was published."""
    return hashlib.sha256(canonical(body)).hexdigest()


def _wrong(where: str, why: str) -> BadBody:
    return BadBody(where=where, why=why)


def text(value: object, where: str = "") -> None:
    """A text of one or more visible characters."""
    if not isinstance(value, str) or not value.strip() or has_control_characters(value):
        raise _wrong(where, "text")


def number(value: object, where: str = "") -> None:
    """A whole number, not negative."""
    if type(value) is not int or value < 0:
        raise _wrong(where, "number")


def code(value: object, where: str = "") -> None:
    """A short code of letters, digits, dots and dashes: it stands in addresses."""
    if not isinstance(value, str) or not _CODE.match(value):
        raise _wrong(where, "code")


def tier(value: object, where: str = "") -> None:
    """A care tier."""
    if value not in TIERS:
        raise _wrong(where, "tier")


def one_of(values: Collection[str]) -> Callable[..., None]:
    """One of some codes."""

    def check(value: object, where: str = "") -> None:
        if value not in values:
            raise _wrong(where, "choice")

    return check


def many(inner: Callable[..., None], least: int = 1) -> Callable[..., None]:
    """A list whose members all pass `inner`."""

    def check(value: object, where: str = "") -> None:
        if not isinstance(value, list) or len(value) < least:
            raise _wrong(where, "list")
        for place, member in enumerate(value):
            inner(member, f"{where}[{place}]")

    return check


def shaped(
    needed: Mapping[str, Callable[..., None]], optional: Mapping[str, Callable[..., None]] | None = None
) -> Callable[..., None]:
    """A mapping with exactly the `needed` keys, perhaps some `optional` ones, each value checked. Raises BadBody."""
    allowed = {**(optional or {}), **needed}

    def check(value: object, where: str = "") -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "mapping")
        for key in sorted(value.keys() - allowed.keys(), key=str):
            raise _wrong(f"{where}.{key}", "unknown")
        for key in sorted(needed.keys() - value.keys()):
            raise _wrong(f"{where}.{key}", "missing")
        for key, member in value.items():
            allowed[key](member, f"{where}.{key}")

    return check


group = shaped({"code": code, "zh": text, "en": text, "level": tier}, {"icd": code})
"""A disease group: code, names, the lowest tier that treats it; `icd`: its three-character ICD-10 category, for the headings."""


def listed(name: str, entry: Callable[..., None], *key: str) -> Check:
    """A list: under `name` its entries, each of which passes `entry` and is the only one with its `key`; version and clauses."""
    whole = shaped({name: many(entry), "version": number, "clauses": many(text, least=0)})

    def check(body: object) -> None:
        whole(body, "body")
        counts = Counter(".".join(one[k] for k in key) for one in body[name])  # type: ignore[index]
        for twice in sorted(k for k, n in counts.items() if n > 1):
            raise _wrong(f"body.{name}.{twice}", "twice")

    return check


disease_list = listed("groups", group, "code")
"""The body of a list of disease groups; each code once. Raises BadBody."""


PARTS = {
    "A": "infection", "B": "infection", "C": "tumour", "D": "blood", "E": "metabolism", "F": "mind", "G": "nerves", "H": "senses",
    "I": "heart", "J": "breath", "K": "belly", "L": "skin", "M": "bones", "N": "urinary", "O": "birth", "P": "newborn",
    "Q": "newborn", "R": "signs", "S": "injury", "T": "injury", "Z": "checkup",
}  # fmt: skip
"""First letter of an ICD-10 category → the part of the body or of life it is about, for headings that villagers understand."""
ORDER = (
    *("heart", "metabolism", "breath", "belly", "bones", "nerves", "skin", "senses", "urinary", "birth", "newborn", "mind"),
    *("infection", "blood", "tumour", "injury", "signs", "checkup", "other"),
)
_ICD = re.compile(r"^[A-Z][0-9]{2}")


def part_of(entry: Mapping[str, str]) -> str:
    """Under which heading a disease group stands; `other` when neither `icd` nor its code is one of ICD-10."""
    category = entry.get("icd") or entry["code"]
    return PARTS.get(category[0], "other") if _ICD.match(category) else "other"


# --- days --------------------------------------------------------------------------------------------------------------------

Days = tuple[date, date | None]
"""A half-open stretch of days [start, end)."""


def first_start(held: Iterable[Days], today: date) -> date | None:
    """The earliest day in the past on which a new copy may start beside those held; None: any.

    A list may take effect before the day it is published, but not wipe out one that was in force before it: the day after that one
    began is the first, and where nothing is in force now, the day the last one ended.
    """
    floors = []
    for start, end in held:
        if start <= today and (end is None or start < end):
            floors.append(end if end is not None and end <= today else start + timedelta(days=1))
    return max(floors, default=None)


def place_copy(held: Sequence[Days], start: date, today: date) -> list[date | None]:
    """The ends that the held copies get when a new one starts: what began later never comes into force (its end is its start).

    Raises StartsTooEarly, see `first_start`; today and any later day may always be the start.
    """
    first = first_start(held, today)
    if start < today and first is not None and start < first:
        raise StartsTooEarly(first=min(first, today))
    return [max(begun, start) if end is None or end > start else end for begun, end in held]


# --- channels ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copy:
    """A public copy as the rules see it: its number, when it takes effect, when it was made public."""

    number: int
    start: date
    published_on: date

    @property
    def begun(self) -> date:
        """The day from which its channels are counted."""
        return max(self.start, self.published_on)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: which channel, on which day, for the copy of which number."""

    channel: str
    day: date
    number: int


@dataclass(frozen=True, slots=True)
class Channel:
    """Where one channel stands. state: ok · due (there is time until `until`) · missing (never logged) · old (an earlier list
    hangs there) · stale (logged too long ago)."""

    kind: str
    state: str
    day: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an institution stands with SM-3-2g. outcome: met · pending (there is time) · short · none (no list is published)."""

    outcome: str
    needed: int
    channels: tuple[Channel, ...]

    @property
    def late(self) -> tuple[Channel, ...]:
        """The channels that are missing or stale."""
        return tuple(c for c in self.channels if c.state not in ("ok", "due"))


def is_stale(day: date, on: date, policy: PublicationPolicy) -> bool:
    """True when more days than allowed have passed since something was last looked at."""
    return (on - day).days > policy.stale_after_days


def _channel(kind: str, copy: Copy, entries: Iterable[Entry], on: date, policy: PublicationPolicy) -> Channel:
    mine = [e for e in entries if e.channel == kind and e.day <= on]
    present = max((e.day for e in mine if e.number == copy.number), default=None)
    until = copy.begun + timedelta(days=policy.log_within_days)
    if present is not None:
        return Channel(kind, "stale" if is_stale(present, on, policy) else "ok", present, None)
    former = max((e.day for e in mine), default=None)
    if on <= until:
        return Channel(kind, "due", former, until)
    return Channel(kind, "missing" if former is None else "old", former, until)


def standing(copy: Copy | None, entries: Collection[Entry], on: date, policy: PublicationPolicy) -> Standing:
    """Which of the three channels (SM-3-2g) are missing or stale on a day, and whether enough of them hold."""
    if copy is None:
        return Standing("none", policy.channels_needed, tuple(Channel(k, "missing", None, None) for k in CHANNELS))
    channels = tuple(_channel(k, copy, entries, on, policy) for k in CHANNELS)
    held = sum(c.state == "ok" for c in channels)
    hoped = held + sum(c.state == "due" for c in channels)
    outcome = "met" if held >= policy.channels_needed else "pending" if hoped >= policy.channels_needed else "short"
    return Standing(outcome, policy.channels_needed, channels)


def check_day(day: date, copy: Copy, today: date) -> None:
    """A channel is logged for a day that has come, not before its copy was known. Raises BadDay."""
    first = min(copy.start, copy.published_on)
    if not first <= day <= today:
        raise BadDay(first=first, last=today)


# --- places ------------------------------------------------------------------------------------------------------------------

NEARNESS = ("township", "county", "city", "province")


def nearness(at: str, path: str) -> int:
    """How near the institution at `path` is to the region `at` (a code of county or township): 0 the same township, 1 the same
    county, 2 the same city, further 3 (SM-3-2l: the nearest that treats it comes first)."""
    for rank, kind in enumerate(NEARNESS):
        width = REGION_PREFIXES[kind]
        if len(at) >= width and at[:width] == path[:width]:
            return rank
    return len(NEARNESS)


def region_in(value: str) -> str:
    """A region code as an address may carry it: of a county or a township unit; empty for anything else."""
    fits = value.isascii() and value.isdigit() and len(value) in (REGION_PREFIXES["county"], REGION_PREFIXES["township"])
    return value if fits else ""


def below(kind: str, care_tier: str, path: str, reach: str) -> str:
    """The beginning of the paths of those an organisation may write to as "below": an agency's region, a centre's township.

    Empty: there is nobody below (a hospital writes to the alliance it leads).
    """
    if kind == "agency":
        return reach
    return path[: REGION_PREFIXES["township"]] if care_tier == "township" else ""


def named(lines: str, names: Mapping[int, str]) -> tuple[tuple[int, ...], list[tuple[str, tuple[str, ...]]]]:
    """The organisations that a text names, one on each line: by number, by name, or by a part of the name that only one has.

    Returns their ids, and for each line that is not clear (line, names it might mean; none when it fits nobody).
    """
    found: dict[int, None] = {}
    unclear: list[tuple[str, tuple[str, ...]]] = []
    for line in filter(None, map(half_width, lines.splitlines())):
        exact = [i for i, name in names.items() if line in (str(i), half_width(name))]
        fits = exact or [i for i, name in names.items() if line in half_width(name)]
        if len(fits) == 1:
            found[fits[0]] = None
        else:
            unclear.append((line, tuple(names[i] for i in fits)))
    return tuple(found), unclear
