"""What a trial would have shown without crossover: structural failure times and censoring weights.

A rank-preserving structural failure time model (Robins and Tsiatis 1991, White et al. 1999) asks by what
factor treatment stretches time; inverse-probability-of-censoring weights (Robins and Finkelstein 2000) let
those who did not cross over stand for those who did. Neither is the trial's answer: randomisation supports
the comparison as assigned. What does not belong here: which patients may cross over and when, which
covariates are known, whether an estimate is worth showing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.stats.cox import cox
from pipeline.stats.inference import normal_quantile, normal_tails
from pipeline.stats.risk_table import Floats, Ints, as_codes, as_events, as_levels, as_times

# psi is looked for up to a twentyfold stretch or shrinkage of time, and then between neighbours of the grid.
_GRID = np.linspace(-3, 3, 301)
_HALVINGS = 16
_CONVERGED, _ITERATIONS = 1e-10, 20
# Arrays of patients by times hold no more numbers than this.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Course:
    """The trial as a structural model sees it: arrays (n,), times in one unit from each patient's origin.

    arm: 1 for the experimental arm, 0 for control. on: time on the experimental treatment, before `time`.
    followed: when follow-up ends for whoever has no event, known for everybody (administrative censoring).
    before: from the origin to randomisation, when nobody could be treated. Make it with `course`.
    """

    time: Floats
    event: Ints
    arm: Ints
    on: Floats
    followed: Floats
    before: Floats


def course(
    time: ArrayLike,
    event: ArrayLike,
    arm: ArrayLike,
    on: ArrayLike,
    followed: ArrayLike,
    before: ArrayLike | None = None,
) -> Course:
    """A `Course` of checked arrays; ValueError says which of them contradict each other.

    Time on treatment lies between `before` and `time`, and `time` is not beyond `followed`.
    """
    times = as_times(time).astype(float)
    n = times.size
    treated, follow_up = (np.asarray(a, dtype=float) for a in (on, followed))
    begin = np.zeros(n) if before is None else np.asarray(before, dtype=float)
    for name, values in (("on", treated), ("followed", follow_up), ("before", begin)):
        if values.shape != (n,) or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(f"{name} must hold {n} finite values, none negative")
    if (treated > np.maximum(times - begin, 0)).any():
        raise ValueError("on is longer than the time after randomisation")
    if (times > follow_up).any():
        raise ValueError("time lies beyond followed")
    codes = as_codes(arm, "arm", n)
    if codes.min() != 0 or codes.max() != 1:
        raise ValueError("arm must hold both 0 and 1 and nothing else")
    return Course(times, as_events(event, n), codes, treated, follow_up, begin)


def untreated(trial: Course, psi: ArrayLike) -> tuple[Floats, Ints]:
    """Times and events without treatment if it uses up life at exp(psi) times the pace: (psi, n) each.

    Censored again at the earliest time at which any course of treatment could have ended follow-up,
    whichever the patient had: else censoring, and with it the arms' comparison, would depend on treatment.
    """
    pace = np.exp(np.atleast_1d(np.asarray(psi, dtype=float)))[:, None]
    time = trial.time - trial.on + pace * trial.on
    later = np.maximum(trial.followed - trial.before, 0)
    limit = trial.followed - later + np.minimum(pace, 1) * later
    return np.minimum(time, limit), np.where(time <= limit, trial.event, 0)


@dataclass(frozen=True)
class Stretch:
    """The g-estimate: treated time runs at exp(psi) times the pace of untreated time, so below 0 is benefit.

    psi makes the log-rank statistic of untreated times 0; lower and upper bound what the test does not
    reject (nan: not within the range searched). crossings: how often the statistic changes its sign on the
    grid; with more than one, psi is the middle of the first and the last. z: the statistic at psi = 0, which
    is the test as randomised.
    """

    psi: float
    lower: float
    upper: float
    crossings: int
    z: float


def g_estimate(trial: Course, *, strata: ArrayLike | None = None, level: float = 0.95) -> Stretch:
    """Find psi by the log-rank test, stratified where strata (n,) are given, on untreated times."""
    n = trial.time.size
    stratum = np.zeros(n, dtype=np.int64) if strata is None else as_levels(strata, "strata", n)[1]
    members = [np.flatnonzero(stratum == s) for s in range(stratum.max() + 1)]

    def z(psi: Floats) -> Floats:
        return np.concatenate([z_of(some) for some in _blocks(psi, n)])

    def z_of(psi: Floats) -> Floats:
        time, event = untreated(trial, psi)
        parts = [_logrank(time[:, own], event[:, own], trial.arm[own]) for own in members]
        score, variance = (sum(part) for part in zip(*parts, strict=True))
        statistic: Floats = score / np.sqrt(np.where(variance > 0, variance, np.inf))
        return statistic

    on_grid, bound = z(_GRID), normal_quantile(level)
    # a limit exists only where the test rejects whatever lies beyond it
    cell = np.array(
        [
            _change(on_grid > bound, first=True) if on_grid[0] > bound else -1,
            _change(on_grid > 0, first=True),
            _change(on_grid > 0, first=False),
            _change(on_grid < -bound, first=False) if on_grid[-1] < -bound else -1,
        ]
    )
    target = np.array([bound, 0.0, 0.0, -bound])
    low, high = _GRID[cell], _GRID[np.minimum(cell + 1, _GRID.size - 1)]
    above = on_grid[cell] > target
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        same = (z(middle) > target) == above
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    lower, first, last, upper = np.where(cell < 0, np.nan, (low + high) / 2).tolist()
    crossings = int(np.count_nonzero(np.diff(on_grid > 0)))
    return Stretch((first + last) / 2, lower, upper, crossings, float(z(np.zeros(1))[0]))


def _blocks(rows: Floats, n: int) -> list[Floats]:
    """Rows of which each needs arrays of n, in blocks that fit into memory."""
    return np.array_split(rows, max(1, -(-rows.size * n // _AT_ONCE)))


def _change(flags: NDArray[np.bool_], first: bool) -> int:
    """The place before the first or the last change of a flag; -1 without any."""
    places = np.flatnonzero(np.diff(flags))
    return int(places[0 if first else -1]) if places.size else -1


def _logrank(time: Floats, event: Ints, arm: Ints) -> tuple[Floats, Floats]:
    """Observed minus expected events of arm 1, and its variance, of each row of (rows, n)."""
    n = time.shape[1]
    order = np.argsort(time, axis=1, kind="stable")
    t, died, x = np.take_along_axis(time, order, 1), np.take_along_axis(event, order, 1), arm[order]
    later = t[:, 1:] > t[:, :-1]
    edge = np.ones((len(t), 1), dtype=bool)
    place = np.arange(n)
    # the first and the last place of those tied with each
    first = np.maximum.accumulate(np.where(np.hstack([edge, later]), place, 0), axis=1)
    last = np.minimum.accumulate(np.where(np.hstack([later, edge]), place, n)[:, ::-1], axis=1)[:, ::-1]
    at_risk = n - first
    share = np.take_along_axis(np.cumsum(x[:, ::-1], axis=1)[:, ::-1], first, 1) / at_risk
    deaths = np.cumsum(died, axis=1)
    tied = np.take_along_axis(deaths, last, 1) - np.take_along_axis(deaths - died, first, 1)
    spread = share * (1 - share) * (at_risk - tied) / np.maximum(at_risk - 1, 1)
    return (died * (x - share)).sum(axis=1), (died * spread).sum(axis=1)


@dataclass(frozen=True)
class WithoutSwitching:
    """The experimental arm as observed against the control arm as if untreated.

    time, event: (n,). events_lost: events of the control arm that recensoring turned into censorings. se: of
    the log hazard ratio, so that it keeps the P value of the test as randomised, for the model adds no
    evidence (White et al. 1999); where nobody in the control arm was treated it is the Cox model's.
    """

    time: Floats
    event: Ints
    events_lost: int
    hr: float
    se: float
    lower: float
    upper: float


def without_switching(
    trial: Course, stretch: Stretch, *, strata: ArrayLike | None = None, level: float = 0.95
) -> WithoutSwitching:
    """The comparison at the estimated psi, by Cox regression with Efron's handling of ties.

    Untreated times are rounded up to whole units. A control arm in which nobody was treated stays as
    observed: its censoring does not depend on treatment. Where somebody was and psi was not found, nothing is
    known of it beyond randomisation, where it is censored, and there is no hazard ratio (nan).
    """
    control = trial.arm == 0
    switched = bool(trial.on[control].any())
    time, event = trial.time.copy(), trial.event.copy()
    unknown = switched and bool(np.isnan(stretch.psi))
    if switched:
        # as psi falls without end, recensoring leaves the time before randomisation
        alone, kept = (rows[0] for rows in untreated(trial, -np.inf if unknown else stretch.psi))
        time[control], event[control] = np.ceil(alone[control]), kept[control]
    lost = int(trial.event[control].sum() - event[control].sum())
    fit = cox(time, event, trial.arm, strata=strata)
    coef, se = (np.nan, np.nan) if fit.monotone or unknown else (float(fit.coef[0]), float(fit.se[0]))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        se = float(np.abs(coef / np.float64(stretch.z))) if switched else se
        width = normal_quantile(level) * se
        hr, lower, upper = np.exp([coef, coef - width, coef + width]).tolist()
    return WithoutSwitching(time, event, lost, hr, se, lower, upper)


@dataclass(frozen=True)
class Weights:
    """Stabilised weights, and the model of crossover behind them.

    coef, se: (p,) log hazard ratios of crossover. last: (n,) each patient's weight when last at risk, before
    stabilising: 1 over the probability of not having crossed over by then. Where nobody crossed over all
    weights are 1, and there is no model (nan).
    """

    coef: Floats
    se: Floats
    last: Floats
    _control: NDArray[np.bool_]
    _may: NDArray[np.bool_]
    _opens: Floats
    _closes: Floats
    _days: Floats
    _hazard: Floats
    _risk: Floats
    _study_days: Floats
    _study_hazard: Floats

    def at(self, times: ArrayLike) -> Floats:
        """The weights (k, n) at some times on study; those of patients no longer at risk mean nothing."""
        moments = np.asarray(times, dtype=float)[:, None]
        # a crossover on the day of an event comes after it, so only earlier days count
        steps = np.searchsorted(self._days, moments - self._opens, side="left")
        whole = np.searchsorted(self._days, self._closes - self._opens, side="right")
        steps = np.where(moments > self._closes, whole, steps)
        marginal = self._study_hazard[np.searchsorted(self._study_days, moments, side="left")]
        weight = np.where(self._control, np.exp(-marginal), 1.0)
        weight[:, self._may] *= np.exp(self._hazard[steps] * self._risk)
        return weight

    def spread(self, times: ArrayLike, until: ArrayLike) -> tuple[float, float, float]:
        """Mean, least and largest weight of the control arm over the times, while at risk (`until`, (n,))."""
        size, total, low, high = 0, 0.0, np.inf, -np.inf
        last = np.asarray(until, dtype=float)
        for some in _blocks(np.asarray(times, dtype=float), last.size):
            seen = self.at(some)[(last >= some[:, None]) & self._control]
            size, total = size + seen.size, total + float(seen.sum())
            low, high = seen.min(initial=low), seen.max(initial=high)
        return total / size if size else np.nan, float(low), float(high)


def censoring_weights(
    time: ArrayLike,
    crossed: ArrayLike,
    control: ArrayLike,
    opens: ArrayLike,
    closes: ArrayLike,
    x: ArrayLike,
) -> Weights:
    """How much each patient counts after whoever crossed over was censored there.

    time: (n,) to event, censoring or crossover (`crossed`, 0 or 1). control: (n,) 0 or 1; the other arm's
    weights are 1. Crossover is possible in (opens, closes], on the patient's own clock; x: (n, p) covariates
    known when it opens. The hazard of crossover is a Cox model in the time since it opened, with Breslow's
    baseline; the stabiliser is the hazard of crossover at that time on study in the whole control arm.
    """
    times, begin = np.asarray(time, dtype=float), np.asarray(opens, dtype=float)
    end = np.minimum(np.asarray(closes, dtype=float), times)
    switched, in_control = np.asarray(crossed) == 1, np.asarray(control) == 1
    covariates = np.asarray(x, dtype=float)
    may = in_control & (end > begin)
    if (switched & ~may).any():
        raise ValueError("somebody crossed over who could not")
    coef = se = np.full(covariates.shape[1], np.nan)
    waited = (end - begin)[may]
    if switched.any():
        model = cox(waited, switched[may], covariates[may], ties="breslow")
        coef, se = model.coef, model.se
    centred = covariates[may] - covariates[may].mean(axis=0) if may.any() else covariates[may]
    risk = np.exp(centred @ np.nan_to_num(coef))
    days, hazard = _hazard(waited, switched[may], risk)
    study_days, study_hazard = _hazard(times[in_control], switched[in_control], np.ones(in_control.sum()))
    last = np.ones(times.size)
    last[may] = np.exp(hazard[np.searchsorted(days, waited, side="left")] * risk)
    windows = (begin[may], end[may])
    return Weights(coef, se, last, in_control, may, *windows, days, hazard, risk, study_days, study_hazard)


def _hazard(time: Floats, event: NDArray[np.bool_], risk: Floats) -> tuple[Floats, Floats]:
    """Breslow's cumulative hazard: the times with an event, and its value before and after each of them."""
    days, events = np.unique(time[event], return_counts=True)
    order = np.argsort(time)
    at_risk = np.append(np.cumsum(risk[order][::-1])[::-1], 0)[np.searchsorted(time[order], days)]
    return days, np.append(0.0, np.cumsum(events / at_risk))


@dataclass(frozen=True)
class WeightedCox:
    """One log hazard ratio with its robust standard error, and what follows from them."""

    coef: float
    se: float
    hr: float
    lower: float
    upper: float
    p: float


def weighted_cox(
    time: ArrayLike,
    event: ArrayLike,
    arm: ArrayLike,
    weight: Callable[[Floats], Floats],
    *,
    level: float = 0.95,
) -> WeightedCox:
    """Cox regression on the arm (n,), 0 or 1, with weights that change over time, ties after Efron.

    weight: gives the patients' weights (k, n) at any k times, such as `Weights.at`. The variance is the
    sandwich over patients (R: `coxph` with `weights` and `cluster`); it takes the weights as known. All nan
    where there is no finite estimate.
    """
    times = as_times(time).astype(float)
    died, one = as_events(event, times.size) == 1, as_codes(arm, "arm", times.size) == 1
    moments, ties = np.unique(times[died], return_counts=True)
    groups = np.array([~one, one], dtype=float).T

    # weight of those at risk, and of those with an event, by time and arm
    at_risk, tied = np.empty((moments.size, 2)), np.empty((moments.size, 2))
    filled = 0
    for some in _blocks(moments, times.size):
        rows = slice(filled, filled := filled + some.size)
        seen = np.where(times >= some[:, None], weight(some), 0)
        at_risk[rows] = seen @ groups
        tied[rows] = np.where(died & (times == some[:, None]), seen, 0) @ groups

    # Efron: the k-th of d tied events, a row each, sees the tied patients with 1 - k/d of their weight
    row = np.repeat(np.arange(moments.size), ties)
    part = (np.arange(row.size) - np.repeat(np.cumsum(ties) - ties, ties)) / ties[row]
    left = at_risk[row] - part[:, None] * tied[row]
    share = (tied.sum(axis=1) / ties)[row]
    coef, step, information = 0.0, np.inf, np.inf
    for _ in range(_ITERATIONS):
        risk = left * np.exp([0.0, coef])
        total = risk.sum(axis=1)
        mean = risk[:, 1] / total
        information = float((share * mean * (1 - mean)).sum())
        if abs(step) <= _CONVERGED or not information > 0:
            break
        step = float((tied[:, 1].sum() - (share * mean).sum()) / information)
        coef += step
    if not abs(step) <= _CONVERGED:  # no events, or all of them in one arm
        return WeightedCox(*[float("nan")] * 6)

    # each patient's share of the score: what his event adds, less what was expected of him while at risk
    away = np.array([0.0, 1.0]) - mean[:, None]
    expected = away * np.exp([0.0, coef]) * (share / total)[:, None]
    begins = np.cumsum(ties) - ties
    while_at_risk, spared, own = (
        np.add.reduceat(terms, begins) for terms in (expected, part[:, None] * expected, away)
    )
    residual, filled = np.zeros(times.size), 0
    for some in _blocks(moments, times.size):
        rows = slice(filled, filled := filled + some.size)
        seen = np.where(times >= some[:, None], weight(some), 0)
        residual -= np.einsum("tn,tn->n", seen, while_at_risk[rows] @ groups.T)
        on_event = np.where(died & (times == some[:, None]), seen, 0)
        gain = spared[rows] + own[rows] / ties[rows][:, None]
        residual += np.einsum("tn,tn->n", on_event, gain @ groups.T)
    se = float(np.sqrt((residual**2).sum()) / information)
    z = normal_quantile(level)
    hr, lower, upper = np.exp([coef, coef - z * se, coef + z * se]).tolist()
    return WeightedCox(coef, se, hr, lower, upper, float(normal_tails(np.array(coef / se))))
