"""Units against what their own mix of patients lets expect, and with the spread that units have anyway. Pure.

After D. J. Spiegelhalter, "Funnel plots for comparing institutional performance", Statistics in Medicine 24 (2005) 1185-1202,
with the moment estimate of R. DerSimonian and N. Laird, "Meta-analysis in clinical trials", Controlled Clinical Trials 7 (1986)
177-188.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import erfc, exp, fsum, lgamma, log, sqrt
from statistics import NormalDist

from fenji.ground.common.units import PERCENT
from fenji.measure.referral_quality.rules.funnel import TOO_FEW, Cell, Judged, Limits, verdict_of
from fenji.measure.referral_quality.rules.policy import ADDITIVE, ALARM, MULTIPLICATIVE, WARNING, QualityPolicy

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Expected:
    """A unit with what the rates of all let expect of its mix. `variance`: of the number referred, if the unit were like all."""

    unit: str
    contacts: int
    observed: int
    expected: float
    variance: float

    @property
    def z(self) -> float:
        """How many standard deviations above what is expected."""
        return (self.observed - self.expected) / sqrt(self.variance)


def expectations(counted: Iterable[Cell]) -> list[Expected]:
    """Indirect standardisation: the rate of each stratum over all units, times the unit's contacts in it. In order of the units.

    The variance is the binomial one, n·p·(1 - p) summed over the strata, since a referral is no rare event. The unit's own share in
    the rates is not taken out; with the numbers of units this is for it makes no difference that shows.
    """
    rows = list(counted)
    sums: dict[tuple[str, ...], tuple[int, int]] = {}
    for c in rows:
        contacts, referred = sums.get(c.stratum, (0, 0))
        sums[c.stratum] = contacts + c.contacts, referred + c.referred
    rates = {stratum: referred / contacts if contacts else 0.0 for stratum, (contacts, referred) in sums.items()}
    by_unit: dict[str, list[Cell]] = {}
    for c in rows:
        by_unit.setdefault(c.unit, []).append(c)
    return [
        Expected(
            unit,
            sum(c.contacts for c in own),
            sum(c.referred for c in own),
            fsum(c.contacts * rates[c.stratum] for c in own),
            fsum(c.contacts * rates[c.stratum] * (1 - rates[c.stratum]) for c in own),
        )
        for unit, own in sorted(by_unit.items())
    ]


def winsorised(values: Sequence[float], percent: int) -> tuple[list[float], float]:
    """The values with that share of each end drawn in to the next one, and the share drawn in.

    Rounded up to whole values, else the one outlier among a dozen branches would widen its own limits; one value or two in the
    middle always stay.
    """
    if not values:
        return [], 0.0
    drawn = min(-(-len(values) * percent // PERCENT), (len(values) - 1) // 2)
    ordered = sorted(values)
    low, high = ordered[drawn], ordered[-1 - drawn]
    return [min(max(v, low), high) for v in values], drawn / len(values)


def _kept(share: float) -> float:
    """The variance that is left to a standard normal value when that share of each end is drawn in; 1 for none."""
    if not share:
        return 1.0
    edge = _NORMAL.inv_cdf(1 - share)
    return (1 - 2 * share) - 2 * edge * _NORMAL.pdf(edge) + 2 * share * edge * edge


def chi_square_tail(x: float, degrees: int) -> float:
    """P(χ² ≥ x): the finite sum for whole degrees of freedom, from its largest power down."""
    if x <= 0:
        return 1.0
    half, power = x / 2, degrees / 2 - 1
    term = exp(power * log(half) - half - lgamma(power + 1)) if power > -1 else 0.0
    found = [erfc(sqrt(half))] if degrees % 2 else []
    while power >= 0 if not degrees % 2 else power > 0:
        found.append(term)
        term *= power / half
        power -= 1
    return min(1.0, fsum(found))


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How much units differ beyond chance. `phi`: the factor on the variance, 1 for chance alone; `tau2`: the variance of the
    ratios between units, 0 for chance alone; `q`, `p`: the sum of squares, nothing drawn in, and how likely chance brings as
    much."""

    units: int
    phi: float
    tau2: float
    q: float
    p: float


def dispersion(units: Sequence[Expected], policy: QualityPolicy) -> Dispersion:
    """Over-dispersion of units that can be judged, measured with the ends drawn in, so that outliers do not widen the limits that
    are to find them.

    Drawing in takes variance away from what is no outlier, too. It is given back by the factor that a normal spread loses;
    without that the limits are too narrow where units do differ: at 10 % drawn in, 11 % instead of 5 % lie
    outside when the true factor is 2. Below two units nothing can be measured.
    """
    if len(units) <= 1:
        return Dispersion(len(units), 1.0, 0.0, 0.0, 1.0)
    drawn, share = winsorised([u.z for u in units], policy.winsor_percent)
    phi = fsum(z * z for z in drawn) / len(units) / _kept(share)
    weights = [u.expected * u.expected / u.variance for u in units]
    spread = fsum(weights) - fsum(w * w for w in weights) / fsum(weights)
    tau2 = max(0.0, (len(units) * phi - (len(units) - 1)) / spread)
    q = fsum(u.z**2 for u in units)
    return Dispersion(len(units), phi, tau2, q, chi_square_tail(q, len(units) - 1))


def _deviation(unit: Expected, found: Dispersion, policy: QualityPolicy) -> float:
    """The standard deviation of the number referred, with what units differ by anyway."""
    if policy.dispersion == ADDITIVE:
        return sqrt(unit.variance + found.tau2 * unit.expected * unit.expected)
    return sqrt(unit.variance * max(1.0, found.phi)) if policy.dispersion == MULTIPLICATIVE else sqrt(unit.variance)


def _judged(unit: Expected, found: Dispersion, policy: QualityPolicy) -> Judged:
    deviation = _deviation(unit, found, policy)
    adjusted = (unit.observed - unit.expected) / deviation
    far = {level: _NORMAL.inv_cdf(1 - float(policy.outside(level))) * deviation for level in (WARNING, ALARM)}

    def at(distance: float) -> float:
        return min(max(unit.expected + distance, 0.0), float(unit.contacts))

    limits = Limits(at(-far[ALARM]), at(-far[WARNING]), at(far[WARNING]), at(far[ALARM]))
    ratio = unit.observed / unit.expected
    return Judged(
        unit.unit, unit.contacts, unit.observed, unit.expected, ratio, unit.z, adjusted, limits, verdict_of(unit.observed, limits)
    )


def _too_few(unit: Expected) -> Judged:
    ratio = unit.observed / unit.expected if unit.expected else None
    return Judged(unit.unit, unit.contacts, unit.observed, unit.expected, ratio, None, None, None, TOO_FEW)


def adjusted(counted: Iterable[Cell], policy: QualityPolicy) -> tuple[list[Judged], Dispersion]:
    """Each unit against its own mix of strata, and the spread between units. In order of the units.

    Units with fewer contacts than `least_contacts`, or in whose strata nobody or everybody is referred anywhere, are too few to
    judge: they count in the rates of the strata and not in the spread.
    """
    every = expectations(counted)
    able = {u.unit for u in every if u.contacts >= policy.least_contacts and u.variance > 0}
    found = dispersion([u for u in every if u.unit in able], policy)
    return [_judged(u, found, policy) if u.unit in able else _too_few(u) for u in every], found
