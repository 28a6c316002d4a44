"""Bounds of many trials at once, each spending its errors at the information it has seen itself.

Lan and DeMets (1983): a look's bound follows from the looks held so far, so that neither their number nor
their times need be planned. `sequential` has one design to full accuracy; here thousands of trials are
followed side by side, by the same recursion on coarser nodes: to 1e-9 where looks are at least a hundredth of
the information apart. What does not belong here: simulating, deciding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.risk_table import Floats
from pipeline.stats.sequential import Design, HaybittlePeto, Spending, WangTsiatis, spent

# as in `crossing`, coarser: standard deviations to the end of a density, and those a panel of nodes spans
_TAIL, _PANEL, _MOST_PANELS = 7.0, 8.0, 16
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
# numbers in a transition between two looks that are worked on together
_BLOCK = 2_000_000
# an error below this is none: a statistic that far out is not seen in any number of trials
_NOTHING = 1e-14
_NEWTON_STEPS, _CLOSE = 30, 1e-9

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Front:
    """Trials going on after a look at `time` (r,): their mass (r, n) at scores (r, n), for no drift."""

    time: Floats
    score: Floats
    mass: Floats

    def of(self, rows: Bools) -> _Front:
        return _Front(self.time[rows], self.score[rows], self.mass[rows])

    def bound(self, sign: int, time: Floats, drift: float, target: Floats) -> Floats:
        """The statistic (r,) at `time` (r,) above (below) which a trial ends up with chance `target` (r,)."""
        from scipy.special import ndtr, ndtri

        step = time - self.time
        sd = np.sqrt(step)[:, None]
        mass = self.mass * np.exp(drift * self.score - drift**2 * self.time[:, None] / 2)
        mean = self.score + drift * step[:, None]
        impossible, certain = target < _NOTHING, target >= mass.sum(axis=1)
        wanted = ndtri(np.where(impossible | certain, 0.25, target))
        out = drift * time - sign * np.sqrt(time) * wanted
        live = np.flatnonzero(~(impossible | certain))
        for _ in range(_NEWTON_STEPS):
            if live.size == 0:
                break
            away = sign * (mean[live] - out[live, None]) / sd[live]
            chance = np.clip((mass[live] * ndtr(away)).sum(axis=1), 1e-300, 1 - 1e-16)
            slope = (mass[live] * np.exp(-(away**2) / 2)).sum(axis=1) / sd[live, 0]
            # on the normal scale the chance is nearly a straight line
            quantile = ndtri(chance)
            move = (quantile - wanted[live]) * np.exp(-(quantile**2) / 2) / np.maximum(slope, 1e-300)
            most = np.sqrt(time[live])
            out[live] += sign * np.clip(move, -most, most)
            live = live[np.abs(move) > _CLOSE]
        else:
            raise ArithmeticError(f"no bounds were found that spend {target[live]} at {time[live]}")
        z: Floats = out / np.sqrt(time)
        z[impossible], z[certain] = sign * np.inf, -sign * np.inf
        return z

    def next(self, low: Floats, high: Floats, time: Floats, ahead: Floats, drift: float) -> _Front:
        """Those between the bounds (statistics, (r,)) at `time`, on nodes for a look `ahead` later."""
        root, step = np.sqrt(time), time - self.time
        bottom = np.maximum(low * root, min(0.0, drift) * time - _TAIL * root)
        top = np.maximum(bottom, np.minimum(high * root, max(0.0, drift) * time + _TAIL * root))
        narrow = np.sqrt(np.minimum(step, ahead))
        panels = min(
            math.ceil(float(((top - bottom) / (_PANEL * narrow)).max(initial=0.0))) + 1, _MOST_PANELS
        )
        places = (np.arange(panels)[:, None] + (1 + _NODES) / 2).ravel() / panels
        width = (top - bottom)[:, None]
        score = bottom[:, None] + places * width
        density = np.empty_like(score)
        size = max(1, _BLOCK // (score.shape[1] * self.score.shape[1]))
        for first in range(0, time.size, size):
            some = slice(first, first + size)
            apart = score[some, :, None] - self.score[some, None, :]
            kernel = np.exp(-(apart**2) / (2 * step[some, None, None]))
            density[some] = (kernel @ self.mass[some, :, None])[:, :, 0]
        weight = np.tile(_WEIGHTS, panels) / (2 * panels)
        return _Front(time, score, density * weight * width / np.sqrt(2 * math.pi * step)[:, None])


class Bounds:
    """The bounds of r trials, look by look: `look` for those that go on, `go_on` for those that still do.

    design: what is spent, and the drift that futility refers to. ValueError if its critical values are no
    spending function's.
    """

    def __init__(self, design: Design, trials: int) -> None:
        if isinstance(design.spending, (WangTsiatis, HaybittlePeto)):
            raise ValueError(f"{design.spending} is no spending function: its looks must be as planned")
        self._design, self._alpha = design, design.spending
        # futility that is not binding does not lower the critical values: two recursions
        self._null = self._stopping = _Front(np.zeros(trials), np.zeros((trials, 1)), np.ones((trials, 1)))
        self._now = self._high = self._low = np.zeros(0)

    def look(self, fraction: Floats, is_last: Bools) -> tuple[Floats, Floats]:
        """Critical values and futility bounds (r,) at the information seen, -inf where there is none.

        The last look takes what is left of alpha, however little or much information it has.
        """
        design, before = self._design, self._null.time
        target = _errors(self._alpha, design.alpha, before, np.where(is_last, 1.0, fraction))
        high = self._null.bound(1, fraction, 0.0, target)
        low = np.full(fraction.size, -np.inf)
        if design.futility_spending is not None:
            target = _errors(design.futility_spending, 1 - design.power, before, fraction)
            low = np.minimum(self._stopping.bound(-1, fraction, design.drift, target), high)
            low[is_last] = -np.inf
        self._now, self._high, self._low = fraction, high, low
        return high, low

    def go_on(self, rows: Bools, ahead: Floats) -> None:
        """Keep the trials of these rows, whose next look comes with so much more information (kept,)."""
        now, high, low = self._now[rows], self._high[rows], self._low[rows]
        null, drift = self._null.of(rows), self._design.drift
        at_null = low if self._design.binding else np.full(low.size, -np.inf)
        self._null = null.next(at_null, high, now, ahead, 0.0)
        if self._design.futility_spending is not None:
            self._stopping = self._stopping.of(rows).next(low, high, now, ahead, drift)


def _errors(spending: Spending, total: float, before: Floats, now: Floats) -> Floats:
    """The error to spend (r,) between the information at the last look (0: none) and at this one."""
    earlier = np.where(before > 0, spent(spending, total, np.maximum(before, 1e-9)), 0.0)
    return spent(spending, total, now) - earlier
