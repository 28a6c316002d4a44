"""Contingency tables: Fisher's exact test and the conditional odds ratio.

What does not belong here: how adverse events are counted, grades, display.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.stats.risk_table import Floats, Ints

# R counts a table as no more probable than the observed one within this relative error.
_SAME_PROBABILITY = 1 + 1e-7
_MOST_PARTIAL_TABLES = 30_000_000


def _as_table(table: ArrayLike) -> Ints:
    values = np.asarray(table)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"table must have at least two rows and two columns, not {values.shape}")
    counts = values.astype(np.int64)
    if not np.array_equal(counts, values) or (counts < 0).any():
        raise ValueError("table must hold whole, non-negative counts")
    return counts


def fisher_exact(table: ArrayLike) -> float:
    """The two-sided exact P of an r x c table of counts, as R's fisher.test.

    P is the probability, given the margins, of all tables no more probable than the observed one.
    ValueError if an r x c table has too many possibilities to enumerate.
    """
    counts = _as_table(table)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 1.0
    return _fisher_2x2(counts) if counts.shape == (2, 2) else _fisher_rxc(counts)


def _fisher_2x2(counts: Ints) -> float:
    (a, b), (c, d) = counts.tolist()
    low, high = max(0, a - d), min(a + b, a + c)
    # the upper left cell's probabilities relative to its mode, by their exact ratios
    x = np.arange(low, high, dtype=float)
    ratio = (a + b - x) * (a + c - x) / ((x + 1) * (d - a + x + 1))
    mode = int(np.count_nonzero(ratio > 1))
    down = np.cumprod(1 / ratio[:mode][::-1])[::-1]
    relative = np.concatenate([down, [1.0], np.cumprod(ratio[mode:])])
    extreme = relative <= relative[a - low] * _SAME_PROBABILITY
    return min(1.0, float(relative[extreme].sum() / relative.sum()))


def _fisher_rxc(counts: Ints) -> float:
    """Meet in the middle: all fillings of the first lines of the table against all of the other lines.

    A filling of half the lines is known by its column totals and its probability; for each filling of one
    half, the fillings of the other with the complementary totals are sorted by probability and summed.
    """
    lines = counts if counts.shape[0] >= counts.shape[1] else counts.T
    lines = lines[np.argsort(lines.sum(axis=1))]
    totals = lines.sum(axis=0)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, counts.sum() + 1)))])
    half = -(-len(lines) // 2)  # the shorter lines come first, so theirs is the longer half
    totals_a, log_a = _fillings(lines[:half].sum(axis=1), totals, log_factorial)
    totals_b, log_b = _fillings(lines[half:].sum(axis=1), totals, log_factorial)
    base = np.concatenate([[1], np.cumprod(totals[:-1] + 1)])
    states, state_b = np.unique(totals_b @ base, return_inverse=True)
    state_a = np.searchsorted(states, (totals - totals_a) @ base)
    order_a, order_b = np.argsort(state_a), np.lexsort((log_b, state_b))
    log_a, log_b = log_a[order_a], log_b[order_b]
    edges = np.arange(states.size + 1)
    bounds_a = np.searchsorted(state_a[order_a], edges)
    bounds_b = np.searchsorted(state_b[order_b], edges)

    observed = np.log(_SAME_PROBABILITY) - log_factorial[lines].sum()
    weight, mass = np.exp(log_a - log_a.max()), np.exp(log_b - log_b.max())
    extreme = everything = 0.0
    for a, b in zip(map(slice, bounds_a, bounds_a[1:]), map(slice, bounds_b, bounds_b[1:]), strict=False):
        below = np.append(0.0, np.cumsum(mass[b]))
        reached = np.searchsorted(log_b[b], observed - log_a[a], side="right")
        extreme += weight[a] @ below[reached]
        everything += weight[a].sum() * below[-1]
    return min(1.0, float(extreme / everything))


def _fillings(line_totals: Ints, column_totals: Ints, log_factorial: Floats) -> tuple[Ints, Floats]:
    """Every way to fill lines with the given totals: its column totals (q, k) and -sum of log x! (q,)."""
    sums, logs = np.zeros((1, column_totals.size), dtype=np.int64), np.zeros(1)
    for total in line_totals:
        line = _compositions(int(total), column_totals)
        if len(sums) * len(line) > _MOST_PARTIAL_TABLES:
            raise ValueError("table has too many possibilities for an exact test by enumeration")
        sums = (sums[:, None, :] + line[None, :, :]).reshape(-1, column_totals.size)
        logs = (logs[:, None] - log_factorial[line].sum(axis=1)[None, :]).ravel()
        possible = (sums <= column_totals).all(axis=1)
        sums, logs = sums[possible], logs[possible]
    return sums, logs


def _compositions(total: int, most: Ints) -> Ints:
    """Every vector of whole numbers 0 <= x <= most that adds up to total."""
    rows = np.zeros((1, 0), dtype=np.int64)
    for cap in most[:-1]:
        left = total - rows.sum(axis=1)
        rows = np.column_stack([np.repeat(rows, cap + 1, axis=0), np.tile(np.arange(cap + 1), len(rows))])
        rows = rows[rows[:, -1] <= np.repeat(left, cap + 1)]
    last = total - rows.sum(axis=1)
    complete: Ints = np.column_stack([rows, last])[last <= most[-1]]
    return complete


def chi_square(table: ArrayLike) -> float:
    """P of Pearson's chi-square test of an r x c table, as R's chisq.test(correct = FALSE)."""
    from scipy.stats import chi2_contingency

    counts = _as_table(table)
    if (counts.sum(axis=0) == 0).any() or (counts.sum(axis=1) == 0).any():
        raise ValueError("table has an empty row or column")
    return float(chi2_contingency(counts, correction=False).pvalue)


def rank_sum(first: ArrayLike, second: ArrayLike) -> float:
    """Two-sided Wilcoxon rank-sum P with continuity correction, as R's wilcox.test(exact = FALSE)."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(first, second, method="asymptotic", use_continuity=True).pvalue)


@dataclass(frozen=True)
class OddsRatio:
    """An odds ratio with its exact interval; 0 or infinite where the observed cell is at its bound."""

    estimate: float
    lower: float
    upper: float


def odds_ratio(table: ArrayLike, *, level: float = 0.95) -> OddsRatio:
    """The conditional maximum likelihood odds ratio of a 2 x 2 table with its exact interval.

    With a zero margin the data say nothing: estimate 0, interval (0, inf), as R's fisher.test.
    """
    from scipy.stats.contingency import odds_ratio as conditional

    counts = _as_table(table)
    if counts.shape != (2, 2):
        raise ValueError(f"table must be 2 x 2, not {counts.shape}")
    if (counts.sum(axis=0) == 0).any() or (counts.sum(axis=1) == 0).any():
        return OddsRatio(0.0, 0.0, float("inf"))
    result = conditional(counts, kind="conditional")
    interval = result.confidence_interval(confidence_level=level)
    return OddsRatio(float(result.statistic), float(interval.low), float(interval.high))
