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
    occurring = np.flatnonzero(np.bincount(codes)[1:]) + 1
    columns = occurring if causes is None else np.asarray(causes, dtype=np.int64)
    if (
        not np.isin(occurring, columns).all()
        or np.unique(columns).size != columns.size
        or (columns < 1).any()
    ):
        raise ValueError(
            f"causes {columns.tolist()} must be positive, distinct, and hold {occurring.tolist()}"
        )
    table = cells(times)
    column = np.zeros(max(codes.max(), columns.max(initial=0)) + 1, dtype=np.int64)
    column[columns] = np.arange(1, columns.size + 1)
    counts = table.tally(column[codes], columns.size + 1)
    n_risk = table.at_risk(counts.sum(axis=1))
    died = counts[:, 1:]
    survival = np.cumprod(1 - died.sum(axis=1) / n_risk)
    variance, incidence = _variance(n_risk, died, survival)
    return CumulativeIncidence(
        tuple(columns.tolist()), table.time.astype(float), n_risk, died, survival, incidence, variance
    )


def _variance(n_risk: Ints, died: Ints, survival: Floats) -> tuple[Floats, Floats]:
    """Variance and estimate (m, J) of the incidences.

    F(t) - E F(t) is a sum over death times u <= t of martingale increments: those of the cause itself
    weigh 1 - (F(t) - F(u)) / S(u), those of the other causes -(F(t) - F(u)) / S(u), each S(u-) / Y(u). An
    increment of d deaths among Y has the variance d (Y - d) / (Y - 1). The weights are linear in F(t), so
    the sum is carried from time to time by its value and two slopes.
    """
    before = np.append(1.0, survival[:-1])[:, None]
    at_risk = n_risk[:, None].astype(float)
    step = died * before / at_risk
    own = _increment(died, at_risk) * (before / at_risk) ** 2
    other = _increment(died.sum(axis=1, keepdims=True) - died, at_risk) * (before / at_risk) ** 2
    # once S is 0 no incidence moves, so the slopes that would divide by it are never used
    inverse = np.divide(1.0, survival, out=np.zeros_like(survival), where=survival > 0)[:, None]
    curvature = _lagged_sum((own + other) * inverse**2)
    slope = _lagged_sum(step * curvature - own * inverse)
    return np.cumsum(2 * step * slope + step**2 * curvature + own, axis=0), np.cumsum(step, axis=0)


def _increment(died: Ints, at_risk: Floats) -> Floats:
    """d (Y - d) / (Y - 1), and 1 for the single death of the last patient at risk."""
    return died * (1 - np.maximum(died - 1, 0) / np.maximum(at_risk - 1, 1))


def _lagged_sum(table: Floats) -> Floats:
    """The sum over earlier rows."""
    out = np.zeros_like(table)
    np.cumsum(table[:-1], axis=0, out=out[1:])
    return out


@dataclass(frozen=True)
class GrayTest:
    """Gray's test: chi-square, degrees of freedom, P; per group the score, and its (K, K) variance.

    groups gives the order. A group that is never at risk at an event of interest counts no degree of
    freedom; with fewer than two left there is no test: chisq 0, df 0, p nan.
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
    counts = table.tally(group_of + k * what, 3 * k).reshape(-1, 3, k)
    at_risk = table.at_risk(counts.sum(axis=1))
    score, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    for start, stop in zip(table.bounds[:-1], table.bounds[1:], strict=True):
        died = counts[start:stop, 1:]
        hit = died.any(axis=(1, 2))
        if not hit.any():
            continue
        part = _gray_stratum(at_risk[start:stop][hit], died[hit, 0], died[hit, 1], rho)
        score, expected, variance = score + part[0], expected + part[1], variance + part[2]
    used = np.flatnonzero(expected > 0)
    df = max(used.size - 1, 0)
    chisq, p = 0.0, float("nan")
    if df:
        from scipy.special import chdtrc

        tested = used[:-1]
        chisq = float(score[tested] @ np.linalg.solve(variance[np.ix_(tested, tested)], score[tested]))
        p = float(chdtrc(df, chisq))
    return GrayTest(chisq, df, p, levels, score, variance)


def _gray_stratum(at_risk: Ints, died: Ints, other: Ints, rho: float) -> tuple[Floats, Floats, Floats]:
    """Score (K,), expected (K,) and variance (K, K) of one stratum; the inputs are (m, K) counts.

    Gray's notation: h = Y / S(t-); R = h (1 - F(t-)) of each group; F0 the common incidence under the
    hypothesis, dF0 = dN / sum of h. The score of group k is the integral of L (dN_k - R_k / R dN). Its
    error is linear in the martingales of each group r: weight a for the cause of interest, b for others.
    """
    k = at_risk.shape[1]
    y, d = at_risk.astype(float), died.sum(axis=1)
    present = at_risk > 0
    hazard = np.divide(died + other, y, out=np.zeros_like(y), where=present)
    survival = np.cumprod(1 - hazard, axis=0)
    before = np.vstack([np.ones((1, k)), survival[:-1]])
    h = np.divide(y, before, out=np.zeros_like(y), where=present)
    inverse_h = np.divide(before, y, out=np.zeros_like(y), where=present)
    h_all = h.sum(axis=1)
    common_step = d / h_all
    common = np.cumsum(common_step)
    free_before = 1 - np.append(0.0, common[:-1])
    weight = free_before**rho

    risk = h * (1 - _lagged_sum(died * inverse_h))
    share = risk * (d / risk.sum(axis=1))[:, None]
    score, expected = weight @ (died - share), weight @ share

    # With d tied deaths group r counts as if all were at risk with its survival: n = S_r(t-) times sum of h.
    as_if = before * h_all[:, None] - 1
    tied = (d > 1)[:, None] & present
    correction = 1 - np.divide((d - 1)[:, None], as_if, out=np.zeros_like(y), where=tied)
    variance_own = common_step[:, None] * inverse_h * correction
    variance_other = _increment(other, y) * inverse_h**2
    ratio = np.divide((1 - common)[:, None], survival, out=np.zeros_like(y), where=survival > 0)
    jump = (weight * common_step / free_before)[:, None]
    h_share = h / h_all[:, None]

    # the scores sum to 0, so the last row and column follow from the others
    first = [h[:, [i]] * ((np.arange(k) == i) - h_share) for i in range(k - 1)]
    later = [_later_sum(term * jump) for term in first]
    a = [term * weight[:, None] + (1 - ratio) * rest for term, rest in zip(first, later, strict=True)]
    b = [ratio * rest for rest in later]
    variance = np.empty((k, k))
    for i in range(k - 1):
        for j in range(i + 1):
            own = np.vdot(a[i] * variance_own, a[j])
            variance[i, j] = variance[j, i] = own + np.vdot(b[i] * variance_other, b[j])
    variance[-1, :-1] = -variance[:-1, :-1].sum(axis=0)
    variance[:, -1] = -variance[:, :-1].sum(axis=1)
    return score, expected, variance


def _later_sum(table: Floats) -> Floats:
    """The sum over later rows."""
    return _lagged_sum(table[::-1])[::-1]
