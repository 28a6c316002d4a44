"""Competing risks: the cumulative incidence of each cause, and Gray's test between groups.

A cause is a positive whole number, 0 is censored. The estimator is Aalen and Johansen's, the test is
written from Gray, Annals of Statistics 1988; 16: 1141-54; where ties leave a choice it is the one that
agrees with R's cmprsk. What does not belong here: which clinical event is which cause, display.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.stats.inference import chi2_test
from pipeline.stats.risk_table import Floats, Ints, Labels, as_codes, as_levels, as_times, cells


@dataclass(frozen=True)
class CumulativeIncidence:
    """Cumulative incidence of J causes at each distinct time (m,), right-continuous.

    n_risk (m,) counts those at risk just before the time; survival (m,) is free of every cause;
    n_event, incidence and variance are (m, J), one column per entry of causes.
    """

    causes: tuple[int, ...]
    time: Floats
    n_risk: Ints
    n_event: Ints
    survival: Floats
    incidence: Floats
    variance: Floats

    def at(self, times: ArrayLike) -> CumulativeIncidenceAt:
        """The curves at any times; after the last time they stay level, with nobody at risk."""
        times = np.atleast_1d(np.asarray(times, dtype=float))
        step = np.searchsorted(self.time, times, side="right")
        none = np.zeros((1, len(self.causes)))
        return CumulativeIncidenceAt(
            causes=self.causes,
            time=times,
            n_risk=np.append(self.n_risk, 0)[np.searchsorted(self.time, times, side="left")],
            incidence=np.vstack([none, self.incidence])[step],
            variance=np.vstack([none, self.variance])[step],
        )


@dataclass(frozen=True)
class CumulativeIncidenceAt:
    """Cumulative incidences (k, J) read at chosen times (k,)."""

    causes: tuple[int, ...]
    time: Floats
    n_risk: Ints
    incidence: Floats
    variance: Floats


def cumulative_incidence(
    time: ArrayLike, cause: ArrayLike, *, causes: Sequence[int] | None = None
) -> CumulativeIncidence:
    """The Aalen–Johansen estimate of every cause, with the variance that R's cuminc gives.

    time: (n,) finite. cause: (n,) 0 censored, else the cause. causes: the columns wanted, so that a cause
    nobody had is a column of zeros; by default those that occur.
    """
    times = as_times(time)
    codes = as_codes(cause, "cause", times.size)
    occurring = (np.flatnonzero(np.bincount(codes)[1:]) + 1).tolist()
    columns = tuple(occurring if causes is None else (int(cause) for cause in causes))
    if not set(occurring) <= set(columns) or len(set(columns)) < len(columns) or min(columns, default=1) < 1:
        raise ValueError(f"causes {columns} must be positive, distinct, and include {occurring}")
    table = cells(times)
    column = np.zeros(max(columns, default=0) + 1, dtype=np.int64)
    column[list(columns)] = np.arange(1, len(columns) + 1)
    counts = table.tally(column[codes], len(columns) + 1)
    n_risk, died = table.at_risk(counts.sum(axis=0)), counts[1:]
    survival = np.cumprod(1 - died.sum(axis=0) / n_risk)
    variance, incidence = _variance(n_risk, died, survival)
    return CumulativeIncidence(
        columns, table.time.astype(float), n_risk, died.T, survival, incidence.T, variance.T
    )


def _variance(n_risk: Ints, died: Ints, survival: Floats) -> tuple[Floats, Floats]:
    """Variance and estimate (J, m) of the incidences.

    F(t) - E F(t) is a sum over death times u <= t of martingale increments: those of the cause itself
    weigh 1 - (F(t) - F(u)) / S(u), those of the other causes -(F(t) - F(u)) / S(u), each S(u-) / Y(u). An
    increment of d deaths among Y has the variance d (Y - d) / (Y - 1). The weights are linear in F(t), so
    the sum is carried from time to time by its value and two slopes.
    """
    jump = np.append(1.0, survival[:-1]) / n_risk
    step = died * jump
    own = _increment(died, n_risk) * jump**2
    other = _increment(died.sum(axis=0) - died, n_risk) * jump**2
    # once S is 0 no incidence moves, so the slopes that would divide by it are never used
    inverse = np.divide(1.0, survival, out=np.zeros_like(survival), where=survival > 0)
    curvature = _earlier_sum((own + other) * inverse**2)
    slope = _earlier_sum(step * curvature - own * inverse)
    return np.cumsum(2 * step * slope + step**2 * curvature + own, axis=1), np.cumsum(step, axis=1)


def _increment(died: Ints, at_risk: Ints | Floats) -> Floats:
    """d (Y - d) / (Y - 1), and 1 for the single death of the last patient at risk."""
    if died.max(initial=0) <= 1:
        return died.astype(float)
    return died * (1 - np.maximum(died - 1, 0) / np.maximum(at_risk - 1, 1))


def _earlier_sum(table: Floats) -> Floats:
    """The sum over earlier times, along the last axis."""
    out = np.zeros_like(table)
    np.cumsum(table[..., :-1], axis=-1, out=out[..., 1:])
    return out


@dataclass(frozen=True)
class GrayTest:
    """Gray's test: chi-square, degrees of freedom, P; per group the score, and its (K, K) variance.

    groups gives the order. The degrees of freedom are the rank of the variance: a group that is never at
    risk beside another at an event adds none; at rank 0 there is no test: chisq 0, df 0, p nan.
    """

    chisq: float
    df: int
    p: float
    groups: Labels
    score: Floats
    variance: Floats


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    of_interest: int,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Gray's K-sample test of equal cumulative incidence of one cause, weights [1 - F(t-)]^rho.

    time, cause, group, strata: (n,). With strata, score and variance are sums over strata.
    """
    times = as_times(time)
    codes = as_codes(cause, "cause", times.size)
    if of_interest < 1:
        raise ValueError(f"of_interest must be a positive cause, not {of_interest}")
    levels, group_of = as_levels(group, "group", times.size)
    k = levels.size
    if k < 2:
        raise ValueError("group needs at least two different values")
    table = cells(times, strata)
    what = np.where(codes == of_interest, 1, np.where(codes > 0, 2, 0))
    counts = table.tally(group_of + k * what, 3 * k)
    died, other = counts[k : 2 * k], counts[2 * k :]
    at_risk = table.at_risk(counts[:k] + died + other)
    # from the time that only one group is left nothing is compared
    hit = (counts[k:].sum(axis=0) > 0) & ((at_risk > 0).sum(axis=0) > 1)
    score, variance = np.zeros(k), np.zeros((k, k))
    for stratum in table.strata():
        rows = np.flatnonzero(hit[stratum]) + stratum.start
        if rows.size:
            here = at_risk.take(rows, axis=1), died.take(rows, axis=1), other.take(rows, axis=1)
            part = _gray_stratum(*here, rho)
            score, variance = score + part[0], variance + part[1]
    chisq, df, p = chi2_test(score, variance)
    return GrayTest(chisq, df, p, levels, score, variance)


def _gray_stratum(at_risk: Ints, died: Ints, other: Ints, rho: float) -> tuple[Floats, Floats]:
    """Score (K,) and variance (K, K) of one stratum; the inputs are (K, m) counts.

    Gray's notation: h = Y / S(t-); R = h (1 - F(t-)) of each group; F0 the common incidence under the
    hypothesis, dF0 = dN / sum of h. The score of group k is the integral of L (dN_k - R_k / R dN). Its
    error is linear in the martingales of each group r: weight a for the cause of interest, b for others.
    """
    k = len(at_risk)
    died, other, at_risk = died.astype(float), other.astype(float), at_risk.astype(float)
    d = died.sum(axis=0)
    y = np.maximum(at_risk, 1)  # nobody left: no deaths either, and h = 0 below
    survival = np.cumprod(1 - (died + other) / y, axis=1)
    before = np.hstack([np.ones((k, 1)), survival[:, :-1]])
    inverse_h = before / y
    h = np.divide(at_risk, before, out=np.zeros_like(y), where=at_risk > 0)
    h_all = h.sum(axis=0)
    common_step = d / h_all
    free = 1 - np.cumsum(common_step)
    free_before = np.append(1.0, free[:-1])

    risk = h * (1 - _earlier_sum(died * inverse_h))
    share = risk * (d / risk.sum(axis=0))
    weight = np.maximum(free_before, 0) ** rho
    score = ((died - share) * weight).sum(axis=1)

    variance_own = common_step * inverse_h
    if d.max() > 1:
        # With d tied deaths group r counts as if all were at risk with its survival: S_r(t-) times sum of h.
        tied = np.flatnonzero(d > 1)
        as_if = np.where(at_risk[:, tied] > 0, before[:, tied] * h_all[tied] - 1, np.inf)
        variance_own[:, tied] *= 1 - (d[tied] - 1) / as_if
    variance_other = _increment(other, y) * inverse_h**2
    ratio = np.divide(free, survival, out=np.zeros_like(y), where=survival > 0)
    # with few patients F0 can reach 1 while they last: R has no value then, here that step is left out
    jump = np.divide(weight * common_step, free_before, out=np.zeros_like(free), where=free_before != 0)
    h_share = h / h_all

    # the scores sum to 0, so the last row and column follow from the others
    a, b = [], []
    for i in range(k - 1):
        weights = -h[i] * h_share
        weights[i] += h[i]
        later = _earlier_sum((weights * jump)[:, ::-1])[:, ::-1]
        b.append(ratio * later)
        a.append(weights * weight + later - b[i])
    variance = np.empty((k, k))
    for i in range(k - 1):
        own, others = a[i] * variance_own, b[i] * variance_other
        for j in range(i + 1):
            variance[i, j] = variance[j, i] = (own * a[j] + others * b[j]).sum()
    variance[-1, :-1] = -variance[:-1, :-1].sum(axis=0)
    variance[:, -1] = -variance[:, :-1].sum(axis=1)
    return score, variance
