"""Right-censored survival: Kaplan–Meier and log-rank here; Cox and interaction, kept in `cox`, with them.

Definitions follow R's survival package (2.36-10 of 2011 and 3.5-3 agree on all of them); times are
compared exactly as given, as R does with `timefix = FALSE`. What does not belong here: competing risks
(`competing`), group-sequential bounds, display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from pipeline.stats.cox import Cox, Interaction, LevelHazard, Ties, cox, interaction
from pipeline.stats.inference import chi2_test, normal_quantile
from pipeline.stats.risk_table import Cells, Floats, Ints, Labels, as_events, as_levels, as_times, cells

__all__ = [
    "Cox",
    "Interaction",
    "KaplanMeier",
    "KaplanMeierAt",
    "LevelHazard",
    "LogRank",
    "Ties",
    "cox",
    "interaction",
    "kaplan_meier",
    "logrank",
    "reverse_kaplan_meier",
]

Interval = Literal["log", "log-log", "plain"]

# Two survival probabilities closer than this are one (R's sqrt(.Machine$double.eps)).
_SAME_SURVIVAL = 1.5e-8


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve: its value at each distinct time (m,), right-continuous, as in R's survfit.

    n_risk counts those at risk just before the time. std_err is Greenwood's, of S(t) itself. Limits are
    (1, 1) while S = 1 and missing (nan), like std_err, where S = 0.
    """

    time: Floats
    n_risk: Ints
    n_event: Ints
    n_censor: Ints
    survival: Floats
    std_err: Floats
    lower: Floats
    upper: Floats

    def at(self, times: ArrayLike) -> KaplanMeierAt:
        """The curve at any times: S(t) with its limits, and the number with time >= t."""
        times = np.atleast_1d(np.asarray(times, dtype=float))
        step = np.searchsorted(self.time, times, side="right")
        at_risk = np.append(self.n_risk, 0)[np.searchsorted(self.time, times, side="left")]
        return KaplanMeierAt(
            time=times,
            n_risk=at_risk,
            survival=np.append(1.0, self.survival)[step],
            std_err=np.append(0.0, self.std_err)[step],
            lower=np.append(1.0, self.lower)[step],
            upper=np.append(1.0, self.upper)[step],
        )

    def quantile(self, p: float = 0.5) -> tuple[float, float, float]:
        """The time by which a share p has failed, with Brookmeyer–Crowley limits; nan where not reached.

        R's rule for the median (`print.survfit`): the first time S <= 1 - p, or the middle of the flat
        stretch on which S = 1 - p if the curve falls below it later; the limits by the same rule.
        """
        if not 0 < p < 1:
            raise ValueError(f"p must lie between 0 and 1, not {p}")
        return tuple(
            _first_below(self.time, curve, 1 - p) for curve in (self.survival, self.lower, self.upper)
        )  # type: ignore[return-value]


@dataclass(frozen=True)
class KaplanMeierAt:
    """A survival curve read at chosen times (k,)."""

    time: Floats
    n_risk: Ints
    survival: Floats
    std_err: Floats
    lower: Floats
    upper: Floats


def _first_below(time: Floats, curve: Floats, level: float) -> float:
    reached = np.flatnonzero(curve < level + _SAME_SURVIVAL)  # false where the curve is nan
    if reached.size == 0:
        return float("nan")
    first = reached[0]
    if abs(curve[first] - level) < _SAME_SURVIVAL:
        later = reached[curve[reached] < curve[first]]
        if later.size:
            return float((time[first] + time[later[0]]) / 2)
    return float(time[first])


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, level: float = 0.95, interval: Interval = "log"
) -> KaplanMeier:
    """The Kaplan–Meier estimate with Greenwood's variance; limits on the log scale, as R's default.

    time: (n,) finite, any unit. event: (n,) 1 event, 0 censored. ValueError names the argument at fault.
    """
    times = as_times(time)
    events = as_events(event, times.size)
    z = normal_quantile(level)
    table = cells(times)
    n_censor, n_event = table.tally(events, 2)
    n_risk = table.at_risk(n_censor + n_event)
    survival = np.cumprod((n_risk - n_event) / n_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.sqrt(np.cumsum(n_event / (n_risk * (n_risk - n_event.astype(float)))))
        std_err = survival * greenwood
        if interval == "log":
            lower = np.exp(np.log(survival) - z * greenwood)
            upper = np.minimum(np.exp(np.log(survival) + z * greenwood), 1.0)
        elif interval == "log-log":
            log_survival = np.log(survival)
            width = z * greenwood / log_survival
            lower = np.exp(log_survival * np.exp(-width))
            upper = np.exp(log_survival * np.exp(width))
        elif interval == "plain":
            lower = np.maximum(survival - z * std_err, 0.0)
            upper = np.minimum(survival + z * std_err, 1.0)
        else:
            raise ValueError(f"interval must be log, log-log or plain, not {interval!r}")
    whole, gone = survival == 1, survival == 0
    lower[whole] = upper[whole] = 1.0
    lower[gone] = upper[gone] = np.nan
    return KaplanMeier(table.time.astype(float), n_risk, n_event, n_censor, survival, std_err, lower, upper)


def reverse_kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, level: float = 0.95, interval: Interval = "log"
) -> KaplanMeier:
    """Potential follow-up: the Kaplan–Meier estimate with censoring as the event (Schemper, Smith 1996)."""
    times = as_times(time)
    return kaplan_meier(times, 1 - as_events(event, times.size), level=level, interval=interval)


@dataclass(frozen=True)
class LogRank:
    """A K-group test: chi-square, degrees of freedom, P; per group observed and expected; (K, K) variance.

    groups gives the order. The degrees of freedom are the rank of the variance: a group that is never at
    risk beside another at an event adds none; at rank 0 there is no test: chisq 0, df 0, p nan.
    """

    chisq: float
    df: int
    p: float
    groups: Labels
    observed: Floats
    expected: Floats
    variance: Floats


def logrank(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, *, strata: ArrayLike | None = None, rho: float = 0.0
) -> LogRank:
    """The two-sided log-rank test of K groups, or the G-rho test with weights S(t-)^rho, as R's survdiff.

    time, event, group, strata: (n,). With strata, observed, expected and variance are sums over strata.
    """
    times = as_times(time)
    events = as_events(event, times.size)
    levels, group_of = as_levels(group, "group", times.size)
    k = levels.size
    if k < 2:
        raise ValueError("group needs at least two different values")
    table = cells(times, strata)
    counts = table.tally(group_of + k * events, 2 * k)
    died = counts[k:]
    at_risk = table.at_risk(counts[:k] + died)
    n, d = at_risk.sum(axis=0).astype(float), died.sum(axis=0)
    weight = _survival_before(table, n, d) ** rho if rho else np.ones(n.size)
    hit = np.flatnonzero(d > 0)
    n, d, weight, died = n[hit], d[hit], weight[hit], died.take(hit, axis=1)
    share = at_risk.take(hit, axis=1) / n
    observed, expected = (died * weight).sum(axis=1), (share * (weight * d)).sum(axis=1)
    # with one patient left at risk (n = 1, so d = 1) the hypergeometric variance is 0
    spread = weight**2 * d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    chisq, df, p = chi2_test(observed - expected, variance)
    return LogRank(chisq, df, p, levels, observed, expected, variance)


def _survival_before(table: Cells, n: Floats, d: Ints) -> Floats:
    """S(t-) of each cell, from all groups of its stratum together."""
    step = 1 - d / n
    out = np.ones_like(step)
    for stratum in table.strata():
        out[stratum][1:] = np.cumprod(step[stratum][:-1])
    return out
