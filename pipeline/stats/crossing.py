"""The chances of a Brownian motion with drift to leave, look by look, through an upper or a lower bound.

The recursion of Armitage, McPherson and Rowe (1969), integrated by Gauss–Legendre panels to about 1e-15
and written for many drifts at once. Time is the information fraction; the score at a time is normal with
mean drift * time and variance time, and the statistic is score / sqrt(time). What does not belong here:
where the bounds come from, what leaving means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pipeline.stats.risk_table import Floats

# Beyond this many standard deviations a normal density is nothing; a panel of nodes spans at most so many
# standard deviations of the narrowest density that it meets.
_TAIL, _PANEL = 10.0, 4.0
# Likelihood ratios of drifts further apart than this would leave the range of floating point numbers.
_SPREAD = 40.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class Going:
    """Trials that go on after a look at `time`: their mass (n,) at scores (n,), for no drift.

    A drift, or one with a normal prior, only reweighs the mass at a score by a likelihood ratio.
    """

    time: float
    score: Floats
    mass: Floats

    def beyond(self, sign: int, bound: float, time: float, drift: Floats, variance: float = 0.0) -> Floats:
        """The chance (m,) that a trial goes on and has, at the next look, a score above (below) the bound."""
        from scipy.special import ndtr

        step, weight = time - self.time, 1 + variance * self.time
        d = drift[:, None]
        log_ratio = (2 * d * self.score + variance * self.score**2 - d**2 * self.time) / (2 * weight)
        mean = self.score + step * (d + variance * self.score) / weight
        sd = math.sqrt(step + step**2 * variance / weight)
        chance: Floats = (np.exp(log_ratio) * ndtr(sign * (mean - bound) / sd)) @ self.mass
        return chance / math.sqrt(weight)

    def next(
        self, low: float, high: float, time: float, later: float, drift: Floats, variance: float = 0.0
    ) -> Going:
        """Those with a score between the bounds at `time`, on nodes fine enough for the look at `later`."""
        reach = _TAIL * math.sqrt(time + variance * time**2)
        low = max(low, float(drift.min()) * time - reach)
        high = max(low, min(high, float(drift.max()) * time + reach))
        step = time - self.time
        panels = math.ceil((high - low) / (_PANEL * math.sqrt(min(step, later - time)))) + 1
        edges = np.linspace(low, high, panels + 1)
        half = (high - low) / panels / 2
        score = (edges[:-1, None] + half * (1 + _NODES)).ravel()
        density = np.exp(-((score[:, None] - self.score) ** 2) / (2 * step)) @ self.mass
        return Going(time, score, density * np.tile(_WEIGHTS, panels) * half / math.sqrt(2 * math.pi * step))


START = Going(0.0, np.zeros(1), np.ones(1))


def exits(
    fractions: Floats, low: Floats, high: Floats, drift: ArrayLike, variance: float = 0.0
) -> tuple[Floats, Floats]:
    """The chances (m, K) to leave above high (K,) and (m, K - 1) below low (K - 1,), look by look.

    drift: (m,), with a normal prior of this variance.
    """
    drifts = np.atleast_1d(np.asarray(drift, dtype=float))
    if drifts.size > 1 and np.ptp(drifts) > _SPREAD:
        parts = [exits(fractions, low, high, one, variance) for one in drifts]
        return np.vstack([above for above, _ in parts]), np.vstack([below for _, below in parts])
    # scores are taken relative to the middle drift, which keeps likelihood ratios near 1
    middle = (drifts.min() + drifts.max()) / 2
    drifts = drifts - middle
    top = high * np.sqrt(fractions) - middle * fractions
    bottom = low * np.sqrt(fractions[:-1]) - middle * fractions[:-1]
    going, above, below = START, [], []
    for k, time in enumerate(fractions):
        above.append(going.beyond(1, top[k], time, drifts, variance))
        if k < low.size:
            below.append(going.beyond(-1, bottom[k], time, drifts, variance))
            going = going.next(bottom[k], top[k], time, fractions[k + 1], drifts, variance)
    return np.column_stack(above), np.array(below).reshape(low.size, drifts.size).T
