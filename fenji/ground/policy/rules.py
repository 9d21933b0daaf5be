"""Packs as frozen values; the order in which their parameters bind; what may overrule what; what a dated change must hold. Pure.

Order (POLICY): in force on the day, then the most specific region, then authority (order > reply > platform), then the later start.
Two parameters that none of these tells apart are a load error, not a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import combinations

from fenji.ground.common.clock import Span

AUTHORITIES = ("platform", "reply", "order")
OVERRIDES = ("free", "tighten", "never")
TIGHTER = ("lower", "higher", "off", "on")
BASES = ("text", "platform", "attested")
DECIDERS = ("province", "city", "county", "institution")
FORMS = ("switch", "number", "text", "span", "list", "numbers")
CLAUSE_KINDS = (
    *("obligation", "rule", "workflow", "indicator", "payment", "sanction", "programme", "report", "publication"),
    *("catalogue", "definition"),
)
CAPABILITIES = (
    *("registry", "catalogue", "referral", "booking", "continuity", "telehealth", "emergency", "dispatch", "roving", "workforce"),
    *("pay", "fund", "capacity", "supply", "indicators", "reporting", "oversight", "planning", "portal", "interop"),
)
"""What of the platform a clause is about: the capabilities of the register, one for each clause and more beside it."""
PERIODS = ("month", "quarter", "half_year", "year")
TARGET_UNITS = (
    *("%", "count", "kind", "item", "document", "institution", "hospital", "team", "person", "person_time", "session", "batch"),
    *("time", "step", "level", "tier", "grade", "scope", "yuan", "CNY_100m", "USD_100m", "h", "d", "month", "a", "km", "fold"),
    *("switch", "date", "mapping", "d/month", "%/a", "person/a", "time/a", "yuan/a", "yuan/person", "yuan/person/a", "yuan/time"),
    *("yuan/institution", "yuan/team", "bed/1000", "bed/10000", "person/1000", "person/10000", "nurse/physician"),
)
"""Units of targets. Money is in yuan, whatever the text counts in; a share is in percent of what the scope names."""
COMPARATORS = ("=", ">=", "<=", ">", "<", "~", "in", "up")
TARGET_NATURES = ("target", "approx", "aspirational", "cap", "parameter", "baseline")
EVIDENCE = ("provider", "room", "external", "attested")
ROOMS = (
    *("network", "tasks", "documents", "publication", "catalogue", "registry", "visits", "booking", "continuity", "referral"),
    *("telehealth", "encounters", "journeys", "referral_quality", "returns", "indicators", "dispatch", "outreach", "workforce"),
    *("capacity", "fund", "clauses", "oversight", "planning", "reporting", "portal", "fhir"),
)
"""Rooms of the house, built or to be built, that evidence may wait for."""
SOURCES = (
    *("front_pages", "settlements", "resources", "population", "causes_of_death", "surveys", "health_literacy", "screening"),
    *("record_grades", "health_records", "registers", "pathways", "disease_control", "government_platform", "staff_files"),
)
"""Files that others keep and a clause cannot be judged without, see texts."""
STATES = ("proposed", "approved", "rejected", "withdrawn", "ended")
PROPOSED, APPROVED, REJECTED, WITHDRAWN, ENDED = STATES
PROVINCE = "35"
HOUSE = "org:"

Value = bool | int | str | Span | tuple[str | int, ...]


class PackError(ValueError):
    """A pack that cannot be used: where (`file:line`), what is wrong, and what to change."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}; {remedy}")
        self.where, self.what, self.remedy = where, what, remedy


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A place where the text can be read in several ways. `ref`: its number in the register; `decided_by`: whose choice it is."""

    ref: str
    choices: tuple[Value, ...]
    decided_by: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number, switch, span or list of a clause, in force in one region from one day (to another).

    `override`: how far others may overrule it; `tighter`: which way is stricter, when it is `tighten`. `change`: id of the
    approved change it comes from, empty for a pack; `place`: path of the institution such a change is for. `where`: file:line.
    """

    key: str
    value: Value
    unit: str
    clause_id: str
    region: str
    authority: str
    start: date
    end: date | None
    override: str
    basis: str
    tighter: str = ""
    ambiguity: Ambiguity | None = None
    least: int | None = None
    most: int | None = None
    title_zh: str = ""
    title_en: str = ""
    where: str = ""
    place: str = ""
    change: str = ""
    document: str = ""

    def in_force(self, path: Sequence[str], on: date) -> bool:
        """True when this parameter binds at `path` on the day."""
        return self.region in path and self.start <= on and (self.end is None or on < self.end)

    def rank(self, path: Sequence[str]) -> tuple[int, int, date]:
        """Higher binds first."""
        return (list(path).index(self.region), AUTHORITIES.index(self.authority), self.start)

    @property
    def prefix(self) -> str:
        """How the paths of all institutions that it is for begin: 350400 → "3504"."""
        return self.place or prefix_of(self.region)


@dataclass(frozen=True, slots=True)
class Document:
    """The head of a pack."""

    id: str
    number: str
    title_zh: str
    title_en: str
    authority: str
    region: str
    start: date
    effective_basis: str


@dataclass(frozen=True, slots=True)
class Cite:
    """A document that a clause names as its basis or its instrument; number and period only if the text gives them."""

    name: str
    number: str
    period: str


@dataclass(frozen=True, slots=True)
class Target:
    """A number that a clause wants reached. `deadline`: last day, a bare year ends on 31 December."""

    metric_zh: str
    metric_en: str
    value: object
    unit: str
    comparator: str
    nature: str
    deadline: date | None
    scope_zh: str
    scope_en: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows whether a clause is kept. `by`: one of EVIDENCE; `name`: of the provider, or of the room it waits for.

    Of files from outside `sources` says which; of an attestation, the document, who signs it (a selector of organisations), and for
    how long it holds (one of PERIODS, "" until it is replaced).
    """

    by: str
    name: str = ""
    sources: tuple[str, ...] = ()
    document_zh: str = ""
    document_en: str = ""
    signer: tuple[tuple[str, object], ...] = ()
    valid: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the text leaves open, and how we read it until it is decided. `ref`: its number in the register; `decided_by`: whose
    choice it is."""

    ref: str
    question_zh: str
    question_en: str
    default_zh: str
    default_en: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a document, in our own words. `actor`: whom it binds, as a selector of organisations; `units`: the departments
    that answer for it, the leading one first, as kinds of agency or names of institutions."""

    id: str
    section: str
    kind: str
    title_zh: str
    title_en: str
    document: str
    region: str
    start: date
    modelled_on: str = ""
    actor: tuple[tuple[str, object], ...] = ()
    cites: tuple[Cite, ...] = ()
    targets: tuple[Target, ...] = ()
    capability: str = ""
    also: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    period: str = ""
    doubts: tuple[Doubt, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """The parameter that binds, and those in force there that it overrules, strongest first."""

    parameter: Parameter
    overruled: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """Bounds of changes made on the screen: they keep a slip from stopping the house.

    settle_minutes: an approval counts from this long after it was given, so that no process knows a day before it knows a change.
    """

    settle_minutes: int
    most_number: int
    most_natural_minutes: int
    most_duty_minutes: int


def value_of(raw: object) -> Value:
    """A value as TOML or JSON holds it → as rules read it. Raises ValueError."""
    if isinstance(raw, bool | int | str):
        return raw
    if isinstance(raw, list) and (all(isinstance(r, str) for r in raw) or all(type(r) is int for r in raw)):
        return tuple(raw)
    if isinstance(raw, dict) and raw.keys() == {"minutes", "counted"} and type(raw["minutes"]) is int:
        return Span(raw["minutes"], raw["counted"])
    raise ValueError(f"{raw if isinstance(raw, Decimal) else repr(raw)} is no value")


def plain(value: Value) -> object:
    """The opposite of `value_of`: what JSON can keep."""
    if isinstance(value, Span):
        return {"minutes": value.minutes, "counted": value.counted}
    return list(value) if isinstance(value, tuple) else value


def form_of(value: Value) -> str:
    """What a value is: switch, number, text, span, list (of texts) or numbers."""
    if isinstance(value, bool):
        return "switch"
    if isinstance(value, int):
        return "number"
    if isinstance(value, tuple):
        return "numbers" if value and all(isinstance(v, int) for v in value) else "list"
    return "text" if isinstance(value, str) else "span"


def may_tighten(form: str) -> tuple[str, ...]:
    """In which ways a value of this form can be made stricter; nothing for texts and lists, which have no order."""
    return {"number": TIGHTER[:2], "span": TIGHTER[:2], "switch": TIGHTER[2:]}.get(form, ())


def prefix_of(region: str) -> str:
    """350400 → "3504": how the paths of all institutions of a region begin."""
    return region.removesuffix("00") if region != PROVINCE else region


def region_of(prefix: str) -> str:
    """The opposite: "3504" → "350400", and an institution's path → "org:17"."""
    if "/" in prefix:
        return f"{HOUSE}{int(prefix.split('/')[1])}"
    return prefix + "00" if len(prefix) == len(PROVINCE) * 2 else prefix


def path_to(prefix: str) -> tuple[str, ...]:
    """The policy path that ends at a place: "3504" → ("35", "350400")."""
    width = len(PROVINCE)
    codes = [prefix[:n] for n in (width, width * 2, width + width * 2) if n <= len(prefix)]
    return tuple(dict.fromkeys([*map(region_of, codes), region_of(prefix)]))


def governs(reach: str, prefix: str) -> bool:
    """True when somebody with this reach administers the place."""
    return bool(reach) and prefix.startswith(reach)


def bind(parameters: Iterable[Parameter], key: str, path: Sequence[str], on: date) -> Binding:
    """The parameter `key` that binds at `path` on the day. Raises PackError when there is none or two of equal rank."""
    same = [p for p in parameters if p.key == key]
    found = sorted((p for p in same if p.in_force(path, on)), key=lambda p: p.rank(path), reverse=True)
    where = "/".join(path)
    if not found:
        nearest = same[0].where if same else "platform/pack.toml:1"
        raise PackError(nearest, f"{key}: no value in force at {where} on {on}", "give the platform pack a default")
    if len(found) > 1 and found[0].rank(path) == found[1].rank(path):
        a, b = found[0], found[1]
        raise PackError(
            b.where, f"{key}: {a.clause_id} and {b.clause_id} bind equally at {where} on {on}", f"end one of them, see {a.where}"
        )
    return Binding(found[0], tuple(found[1:]))


# --- what may overrule what ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clash:
    """Why two parameters of one key may not both be in force. kind: tie, never, looser, not_comparable."""

    kind: str
    upper: Parameter
    lower: Parameter


def _overlap(a: Parameter, b: Parameter) -> bool:
    return (a.end is None or b.start < a.end) and (b.end is None or a.start < b.end)


def _weight(p: Parameter) -> tuple[int, int, date]:
    # of two places of which one lies in the other, the longer prefix is the more specific
    return (len(p.prefix), AUTHORITIES.index(p.authority), p.start)


def as_tight(value: Value, than: Value, tighter: str) -> bool | None:
    """Whether a value is at least as strict as another; None when the two cannot be compared (minutes counted differently)."""
    if isinstance(value, Span) and isinstance(than, Span):
        if value.counted != than.counted:
            return None
        value, than = value.minutes, than.minutes
    if not isinstance(value, int) or not isinstance(than, int):
        return None
    return value <= than if tighter in ("lower", "off") else value >= than


def clash_of(a: Parameter, b: Parameter) -> Clash | None:
    """What stands against two parameters of one key being in force together somewhere; None when nothing does."""
    nested = a.prefix.startswith(b.prefix) or b.prefix.startswith(a.prefix)
    if a.key != b.key or not nested or not _overlap(a, b):
        return None
    upper, lower = (a, b) if _weight(a) >= _weight(b) else (b, a)
    if _weight(a) == _weight(b):
        return Clash("tie", upper, lower)
    if lower.override == "never":
        return Clash("never", upper, lower)
    if lower.override == "tighten":
        tight = as_tight(upper.value, lower.value, lower.tighter)
        if not tight:
            return Clash("not_comparable" if tight is None else "looser", upper, lower)
    return None


_CLASHES = {
    "tie": ("it ties with {lower}: same region, authority and start", "end one of them before the other begins"),
    "never": ("it overrules {lower}, which says override = never", "take it out"),
    "looser": ("it overrules {lower}, which may only be made stricter ({tighter})", "choose a value at least as strict"),
    "not_comparable": ("it overrules {lower} and cannot be compared with it", "count the minutes in the same way"),
}


def clash_error(clash: Clash) -> PackError:
    """A clash in words, at the line of the parameter that overrules."""
    what, remedy = _CLASHES[clash.kind]
    lower = f"{clash.lower.clause_id} ({clash.lower.where})"
    told = what.format(lower=lower, tighter=f"tighter = {clash.lower.tighter}")
    return PackError(clash.upper.where, f"{clash.upper.clause_id} {clash.upper.key}: {told}", remedy)


def within_bounds(value: Value, bounds: Parameter) -> bool:
    """True unless a number lies outside what a parameter of its key allows."""
    if form_of(value) != "number" or not isinstance(value, int):
        return True
    return (bounds.least is None or value >= bounds.least) and (bounds.most is None or value <= bounds.most)


def _against(first: Parameter, p: Parameter) -> PackError | None:
    told = f"{p.clause_id} {p.key}"
    if p.unit != first.unit:
        return PackError(p.where, f"{told}: unit {p.unit!r}, but {first.unit!r} at {first.where}", "give one key one unit")
    if form_of(p.value) != form_of(first.value):
        return PackError(p.where, f"{told}: a {form_of(p.value)}, but a {form_of(first.value)} at {first.where}", "use one form")
    if not within_bounds(p.value, first):
        return PackError(p.where, f"{told}: {p.value} is outside the bounds of {first.where}", "stay between least and most")
    return None


def errors_among(parameters: Iterable[Parameter]) -> list[PackError]:
    """What is wrong between parameters: units, forms and bounds of one key, ties, and what overrules what it must not."""
    by_key: dict[str, list[Parameter]] = {}
    for p in sorted(parameters, key=lambda p: AUTHORITIES.index(p.authority)):
        by_key.setdefault(p.key, []).append(p)
    errors: list[PackError] = []
    for first, *others in by_key.values():
        unlike = [e for e in (_against(first, p) for p in others) if e is not None]
        errors += unlike
        if not unlike:
            errors += [clash_error(c) for a, b in combinations([first, *others], 2) if (c := clash_of(a, b)) is not None]
    return errors


# --- dated changes made on the screen -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands against a change: the field it belongs to, a code, and particulars for its text."""

    field: str
    code: str
    detail: tuple[tuple[str, str], ...] = ()


def overlay(
    base: Parameter, *, value: Value, prefix: str, authority: str, start: date, end: date | None, change: str, document: str = ""
) -> Parameter:
    """A change as a parameter: what may be overruled, and how far, it takes from the parameter it changes."""
    return replace(
        base, value=value, region=region_of(prefix), authority=authority, start=start, end=end, basis="attested",
        where=f"change {change}", place=prefix if "/" in prefix else "", change=change, document=document,
    )  # fmt: skip


def _value_findings(change: Parameter, base: Parameter, limits: ChangePolicy) -> list[Finding]:
    value = change.value
    if form_of(value) != form_of(base.value):
        return [Finding("value", "wrong_form")]
    if base.ambiguity is not None and value not in base.ambiguity.choices:
        return [Finding("value", "not_a_choice")]
    if isinstance(value, Span):
        most = limits.most_natural_minutes if value.counted == "natural" else limits.most_duty_minutes
        return [Finding("value", "too_long", (("most", str(most)),))] if value.minutes > most else []
    if form_of(value) == "number" and isinstance(value, int):
        least, most = base.least or 0, limits.most_number if base.most is None else base.most
        if not least <= value <= most:
            return [Finding("value", "out_of_bounds", (("least", str(least)), ("most", str(most))))]
    return []


def _clash_finding(clash: Clash, change: Parameter) -> Finding:
    other = clash.lower if clash.upper is change else clash.upper
    kind = clash.kind if clash.upper is change or clash.kind == "tie" else f"{clash.kind}_above"
    return Finding("start" if clash.kind == "tie" else "value", kind, (("clause", other.clause_id), ("region", other.region)))


def judge_change(
    change: Parameter, base: Parameter, others: Iterable[Parameter], settled: date, limits: ChangePolicy
) -> list[Finding]:
    """What stands against a change. `base`: the parameter it changes; `others`: all that hold for its key, `base` too.

    `settled`: the local day on which an approval given now counts; the change must begin later, so that no running process can
    have decided by a value that was already replaced.
    """
    findings = _value_findings(change, base, limits)
    if change.start <= settled:
        findings.append(Finding("start", "too_early", (("day", settled.isoformat()),)))
    if change.end is not None and change.end <= change.start:
        findings.append(Finding("end", "end_first"))
    if not findings:
        known = list(others)
        clashes = (clash_of(change, other) for other in known)
        findings = [_clash_finding(clash, change) for clash in clashes if clash is not None]
        findings = findings or _without_effect(change, known)
    return findings


def _without_effect(change: Parameter, others: list[Parameter]) -> list[Finding]:
    binding = bind([*others, change], change.key, path_to(change.prefix), change.start).parameter
    return [] if binding is change else [Finding("authority", "no_effect", (("clause", binding.clause_id),))]


def judge_end(start: date, end: date | None, wanted: date, settled: date) -> list[Finding]:
    """What stands against ending a change on `wanted`. On its first day means: it never comes into force."""
    if wanted <= settled:
        return [Finding("end", "too_early", (("day", settled.isoformat()),))]
    if wanted < start or (end is not None and wanted >= end):
        return [Finding("end", "not_inside")]
    return []
