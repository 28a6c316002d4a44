"""Group-sequential designs for a one-sided test, and how many events a log-rank test needs.

The statistic at a look is normal with mean drift * sqrt(fraction) and variance 1, and large values favour
the experimental group. A fraction is the information so far over the planned maximum: for a log-rank test,
the share of the planned events. Definitions follow Jennison and Turnbull (Group Sequential Methods, 2000)
and agree with R's rpact. A symmetric two-sided test is the one-sided test of half its alpha. What does not
belong here: any trial's numbers, calendar dates, the statistic itself, simulation, display.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from pipeline.stats.crossing import START, Going, exits
from pipeline.stats.inference import normal_quantile
from pipeline.stats.risk_table import Floats


@dataclass(frozen=True)
class WangTsiatis:
    """Critical values proportional to fraction ** (delta - 1/2), together of size alpha."""

    delta: float


@dataclass(frozen=True)
class HaybittlePeto:
    """One critical value for every interim look; the last look takes what is left of alpha."""

    interim: float = 3.0


OBRIEN_FLEMING, POCOCK = WangTsiatis(0.0), WangTsiatis(0.5)

# Error spending functions: Lan and DeMets' of O'Brien–Fleming type and of Pocock type; a number is the gamma
# of Hwang, Shih and DeCani (1990).
Spending = Literal["OF", "P"] | float
Boundary = Spending | WangTsiatis | HaybittlePeto
Formula = Literal["schoenfeld", "freedman"]

_FURTHEST = 40.0  # no statistic gets so far


@dataclass(frozen=True)
class Design:
    """A design of K looks.

    fractions, critical and alpha_spent (cumulative) are (K,); futility is (K - 1,): the trial stops where the
    statistic falls below it, -inf where it cannot. If futility is not binding, alpha is kept by a trial that
    goes on regardless. drift is the statistic's mean at fraction 1 for which the power is reached, inflation
    the information at fraction 1 over that of a design with one look. spending and futility_spending are
    what the bounds were made from.
    """

    alpha: float
    power: float
    fractions: Floats
    critical: Floats
    futility: Floats
    binding: bool
    alpha_spent: Floats
    drift: float
    inflation: float
    spending: Boundary
    futility_spending: Spending | None

    def ignoring_futility(self) -> Design:
        """The same critical values, in a trial that never stops for futility."""
        none = np.full_like(self.futility, -np.inf)
        return replace(self, futility=none, binding=False, futility_spending=None)

    def under_the_null(self) -> Design:
        """The design whose type I error is alpha: without its futility bounds unless they are binding."""
        return self if self.binding else self.ignoring_futility()


@dataclass(frozen=True)
class Operating:
    """What a design does for m drifts: probabilities by look, reject (m, K) and futility (m, K - 1).

    power (m,) is the chance to reject at any look, expected_fraction (m,) the mean fraction at the end.
    """

    drift: Floats
    reject: Floats
    futility: Floats
    power: Floats
    expected_fraction: Floats


@dataclass(frozen=True)
class StagewiseInference:
    """P against no effect, median-unbiased estimate and limits of the drift, by stage-wise ordering."""

    p: float
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class LogrankDesign:
    """Events of a log-rank test: fixed_events for one look, events (max_events, rounded up) at fraction 1.

    expected_events: the mean numbers at the end of the trial under the alternative, half its log hazard
    ratio, and no effect, if it stops for futility as designed.
    """

    design: Design
    fixed_events: float
    events: float
    max_events: int
    events_at_looks: tuple[int, ...]
    expected_events: tuple[float, float, float]


def schoenfeld_events(hazard_ratio: float, *, alpha: float, power: float, allocation: float = 1.0) -> float:
    """Events for a log-rank test of one look after Schoenfeld (1981), alpha one-sided.

    hazard_ratio: experimental to control; allocation: experimental patients per control patient.
    """
    _check_ratio(hazard_ratio, allocation)
    return (_fixed_drift(alpha, power) / logrank_drift(hazard_ratio, 1.0, allocation)) ** 2


def freedman_events(hazard_ratio: float, *, alpha: float, power: float, allocation: float = 1.0) -> float:
    """Events for a log-rank test of one look after Freedman (1982); arguments as `schoenfeld_events`."""
    _check_ratio(hazard_ratio, allocation)
    effect = (1 + allocation * hazard_ratio) / (1 - hazard_ratio)
    return (_fixed_drift(alpha, power) * effect) ** 2 / allocation


def logrank_drift(hazard_ratio: float, events: float, allocation: float = 1.0) -> float:
    """The log-rank statistic's mean size at so many events (Schoenfeld); the drift, at fraction 1."""
    _check_ratio(hazard_ratio, allocation)
    return abs(math.log(hazard_ratio)) * math.sqrt(events * allocation) / (1 + allocation)


def _check_ratio(hazard_ratio: float, allocation: float) -> None:
    if not (0 < hazard_ratio < math.inf and hazard_ratio != 1 and 0 < allocation < math.inf):
        raise ValueError(
            f"hazard ratio {hazard_ratio} must be positive and not 1, allocation {allocation} positive"
        )


def _fixed_drift(alpha: float, power: float) -> float:
    from scipy.special import ndtri

    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha} and power {power} must satisfy 0 < alpha < power < 1")
    return float(ndtri(power) - ndtri(alpha))


def logrank_design(
    *,
    hazard_ratio: float,
    alpha: float,
    power: float,
    looks: int | Sequence[float],
    spending: Boundary = "OF",
    futility: Spending | None = None,
    binding: bool = False,
    allocation: float = 1.0,
    formula: Formula = "schoenfeld",
) -> LogrankDesign:
    """Events of a group-sequential log-rank test; the other arguments as `group_sequential`.

    looks: their number, if equally spaced, or their fractions. formula: for the events of a single look.
    """
    formulas = {"schoenfeld": schoenfeld_events, "freedman": freedman_events}
    if formula not in formulas:
        raise ValueError(f"formula must be one of {', '.join(formulas)}, not {formula!r}")
    fixed = formulas[formula](hazard_ratio, alpha=alpha, power=power, allocation=allocation)
    equally_spaced = isinstance(looks, (int, np.integer))
    design = group_sequential(
        np.arange(1, looks + 1) / looks if equally_spaced else looks,  # type: ignore[operator]
        alpha=alpha,
        power=power,
        spending=spending,
        futility=futility,
        binding=binding,
    )
    events = fixed * design.inflation
    mean = operating_characteristics(design, design.drift * np.array([1, 0.5, 0])).expected_fraction
    at_alternative, halfway, at_null = (mean * events).tolist()
    return LogrankDesign(
        design=design,
        fixed_events=fixed,
        events=events,
        max_events=math.ceil(events),
        events_at_looks=tuple(np.ceil(design.fractions * events).astype(int).tolist()),
        expected_events=(at_alternative, halfway, at_null),
    )


def spent(spending: Spending, total: float, fractions: ArrayLike) -> Floats:
    """The error spent by each fraction, cumulative; all of it from fraction 1 on."""
    from scipy.special import ndtr, ndtri

    time = np.minimum(np.asarray(fractions, dtype=float), 1.0)
    if spending == "OF":
        share = 2 * ndtr(ndtri(total / 2) / np.sqrt(time)) / total
    elif spending == "P":
        share = np.log1p((math.e - 1) * time)
    elif isinstance(spending, (int, float)) and math.isfinite(spending):
        share = np.expm1(-spending * time) / math.expm1(-spending) if spending else time
    else:
        raise ValueError(f"spending must be 'OF', 'P' or a finite gamma, not {spending!r}")
    out: Floats = total * np.where(time < 1, share, 1.0)
    return out


def group_sequential(
    fractions: ArrayLike,
    *,
    alpha: float,
    power: float,
    spending: Boundary = "OF",
    futility: Spending | None = None,
    binding: bool = False,
) -> Design:
    """The design with looks at the given fractions (K,): increasing, the last 1, or more if it overran.

    spending: how the type I error is spent, by a function or by a classical boundary. futility: the function
    that spends the type II error, at the drift for which the bounds meet at the last look (Pampallona,
    Tsiatis and Kim 2001). binding: the critical values count on stopping for futility; with spending
    functions only. ValueError if there is no such design.
    """
    t = np.atleast_1d(np.asarray(fractions, dtype=float))
    edges = np.concatenate([[0.0], t, [math.inf]])
    if t.ndim != 1 or not (edges[1:] > edges[:-1]).all() or np.count_nonzero(t >= 1) != 1:
        raise ValueError(f"fractions {t.tolist()} must increase from above 0, and only the last reach 1")
    if binding and (futility is None or isinstance(spending, (WangTsiatis, HaybittlePeto))):
        raise ValueError("binding futility needs a spending function for both errors")
    fixed = _fixed_drift(alpha, power)
    none = low = np.full(t.size - 1, -np.inf)
    most = 2 * fixed + 3  # more than four times the information of a single look
    if isinstance(spending, (WangTsiatis, HaybittlePeto)):
        critical, alpha_steps = _classical_critical(t, alpha, spending), None
    else:
        alpha_steps = np.diff(spent(spending, alpha, t), prepend=0.0)
        critical = _spend(t, None, alpha_steps).high
    if futility is None or t.size == 1:
        drift = _root(lambda d: float(exits(t, none, critical, d)[0].sum()) - power, 0.0, most)
    else:
        beta_steps = np.diff(spent(futility, 1 - power, t), prepend=0.0)
        fixed_high = None if binding else critical
        drift = _root(lambda d: _spend(t, fixed_high, alpha_steps, beta_steps, d).gap, 0.0, most)
        met = _spend(t, fixed_high, alpha_steps, beta_steps, drift)
        if abs(met.gap) > 1e-9:
            raise ValueError("the bounds for futility reach the critical values before the last look")
        critical, low = met.high, met.low[:-1]
    at_null = exits(t, low if binding else none, critical, 0.0)[0][0]
    return Design(
        alpha=alpha,
        power=power,
        fractions=t,
        critical=critical,
        futility=low,
        binding=binding,
        alpha_spent=np.cumsum(at_null),
        drift=drift,
        inflation=(drift / fixed) ** 2,
        spending=spending,
        futility_spending=futility,
    )


def operating_characteristics(design: Design, drift: ArrayLike) -> Operating:
    """What the design does for drifts (m,), stopping for futility as designed."""
    drifts = np.atleast_1d(np.asarray(drift, dtype=float))
    reject, below = exits(design.fractions, design.futility, design.critical, drifts)
    stops = reject[:, :-1] + below
    expected = stops @ design.fractions[:-1] + (1 - stops.sum(axis=1)) * design.fractions[-1]
    return Operating(drifts, reject, below, reject.sum(axis=1), expected)


def conditional_power(design: Design, look: int, z: float, drift: ArrayLike) -> Floats:
    """The chance (m,) to reject at a later look, given the statistic z at this one, for drifts (m,).

    look: 1 to K - 1. The drift may be the design's, or the trend so far, z / sqrt(fraction). Futility bounds
    of the looks to come are obeyed.
    """
    return _from_here(design, look, z, np.atleast_1d(np.asarray(drift, dtype=float)), 0.0)


def predictive_power(design: Design, look: int, z: float) -> float:
    """Conditional power averaged over the drift's posterior from a flat prior."""
    fraction = float(design.fractions[_interim(design, look)])
    return float(_from_here(design, look, z, np.array([z / math.sqrt(fraction)]), 1 / fraction)[0])


def _from_here(design: Design, look: int, z: float, drift: Floats, variance: float) -> Floats:
    k = _interim(design, look)
    t, done = design.fractions[k + 1 :], design.fractions[k]
    left, score = t - done, z * math.sqrt(done)

    def moved(bounds: Floats) -> Floats:
        out: Floats = (bounds * np.sqrt(t[: bounds.size]) - score) / np.sqrt(left[: bounds.size])
        return out

    low, high = moved(design.futility[k + 1 :]), moved(design.critical[k + 1 :])
    power: Floats = exits(left, low, high, drift, variance)[0].sum(axis=1)
    return power


def _interim(design: Design, look: int) -> int:
    if not 1 <= look < design.fractions.size:
        raise ValueError(f"look {look} is none of the interim looks 1 to {design.fractions.size - 1}")
    return look - 1


def stagewise_inference(design: Design, look: int, z: float, *, level: float) -> StagewiseInference:
    """Inference after a trial that stopped at this look (from 1) with statistic z.

    Earlier stops for efficacy count as more extreme than any later result (Tsiatis, Rosner and Mehta 1984);
    bounds for futility count only if they are binding. level is that of the two-sided interval.
    """
    if not 1 <= look <= design.fractions.size:
        raise ValueError(f"look {look} is none of the looks 1 to {design.fractions.size}")
    t = design.fractions[:look]
    high = np.append(design.critical[: look - 1], z)
    low = design.under_the_null().futility[: look - 1]

    def p(drift: float) -> float:
        return float(exits(t, low, high, drift)[0].sum())

    # beyond these drifts the trial would surely have stopped with less, or more
    reach = (normal_quantile(level) + 6) / math.sqrt(t[0])
    trends = (high / np.sqrt(t))[np.isfinite(high)]
    low_end, high_end = float(trends.min()) - reach, float(trends.max()) + reach
    half = (1 - level) / 2

    def drift_of(chance: float) -> float:
        return _root(lambda drift: p(drift) - chance, low_end, high_end)

    return StagewiseInference(p(0.0), drift_of(0.5), drift_of(half), drift_of(1 - half))


def repeated_intervals(design: Design, estimate: ArrayLike, se: ArrayLike) -> tuple[Floats, Floats]:
    """Limits (j,) that hold at all looks together, from estimates and standard errors of the first j.

    Each limit alone has level 1 - alpha, both together at least 1 - 2 alpha (Jennison and Turnbull 1989). If
    futility is binding this holds for the lower limit only, which then respects the futility bounds passed.
    """
    values, errors = np.broadcast_arrays(*np.atleast_1d(estimate, se))
    j = values.size
    if values.ndim != 1 or j > design.critical.size:
        raise ValueError(f"{values.shape} estimates do not belong to {design.critical.size} looks")
    lower = values - design.critical[:j] * errors
    if design.binding:
        # an effect below which an earlier look was futile has been accepted, whatever came later
        futile = values[:-1] - design.futility[: j - 1] * errors[:-1]
        lower[1:] = np.minimum(lower[1:], np.minimum.accumulate(futile))
    return lower, values + design.critical[:j] * errors


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-13))


def _classical_critical(fractions: Floats, alpha: float, boundary: WangTsiatis | HaybittlePeto) -> Floats:
    """Critical values (K,) of a classical boundary for a trial that does not stop for futility."""

    def high(last: float) -> Floats:
        if isinstance(boundary, HaybittlePeto):
            return np.append(np.full(fractions.size - 1, boundary.interim), last)
        out: Floats = last * (fractions / fractions[-1]) ** (boundary.delta - 0.5)
        return out

    none = np.full(fractions.size - 1, -np.inf)

    def excess(last: float) -> float:
        return float(exits(fractions, none, high(last), 0.0)[0].sum()) - alpha

    if excess(_FURTHEST) >= 0:
        raise ValueError(f"{boundary} spends all of alpha {alpha} before the last look")
    return high(_root(excess, -_FURTHEST, _FURTHEST))


@dataclass(frozen=True)
class _Bounds:
    """Critical values and futility bounds (K,); gap: futility above critical at the end."""

    high: Floats
    low: Floats
    gap: float


def _spend(
    fractions: Floats,
    high: Floats | None,
    alpha: Floats | None,
    beta: Floats | None = None,
    drift: float = 0.0,
) -> _Bounds:
    """Bounds that spend alpha (K,) under no drift, unless high is given, and beta (K,) under the drift."""
    tops, bottoms = np.full(fractions.size, np.inf), np.full(fractions.size, -np.inf)
    going, null, hull = START, np.zeros(1), np.array([0.0, drift])
    for k, time in enumerate(fractions):
        if high is not None:
            tops[k] = high[k]
        elif alpha is not None:
            tops[k] = _bound(going, 1, time, null, alpha[k])
        if beta is not None:
            bottoms[k] = _bound(going, -1, time, hull[1:], beta[k])
        last = k == fractions.size - 1
        if np.isneginf(tops[k]) or (bottoms[k] >= tops[k] and not last):
            break  # the errors cannot be spent at so large a drift
        if last:
            return _Bounds(tops, bottoms, float(np.clip(bottoms[k] - tops[k], -_FURTHEST, _FURTHEST)))
        root = math.sqrt(time)
        going = going.next(bottoms[k] * root, tops[k] * root, time, fractions[k + 1], hull)
    return _Bounds(tops, bottoms, _FURTHEST)


def _bound(going: Going, sign: int, time: float, drift: Floats, target: float) -> float:
    """The statistic above (below) which the trials going on end up with this chance, for one drift."""
    if target <= 0:
        return sign * math.inf

    def excess(z: float) -> float:
        return float(going.beyond(sign, z * math.sqrt(time), time, drift)[0]) - target

    if excess(-sign * _FURTHEST) <= 0:
        return -sign * math.inf
    return _root(excess, -_FURTHEST, _FURTHEST)
