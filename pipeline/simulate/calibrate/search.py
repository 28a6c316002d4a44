"""The search: of many small changes tried alone, those are taken that together come nearest to the targets.

One change moves each measured value a little, and small moves nearly add up. So a round tries hundreds of
changes, adds up their effects on paper to choose a set of them, measures the sets that begin it and keeps
the best. After rounds with little progress the targets still missed weigh more, and others give way.
What does not belong here: dates, figures, files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.simulate.calibrate.histories import Course, Histories
from pipeline.simulate.calibrate.measures import Measures
from pipeline.simulate.patients import Rng

TRIED = 256
"""Changes tried in a round; a seed means a trial only together with this number."""

_SETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_PATIENCE, _PROGRESS, _HARDER = 4, 0.98, 1.6  # rounds without 2% progress until what is missed weighs more
_RETURN = 40  # rounds without a nearer trial until the search returns to the nearest, all weights even
_RETURNS = 2  # of them in a row before it starts anew from another draw
_LEAST = 1e-9

Away = Callable[[np.ndarray], np.ndarray]
"""The weighted distance of measured values (..., bounds) from the targets."""


@dataclass(frozen=True)
class Found:
    """The nearest trial of a search, its distance from the targets (0: all hold), and the rounds it took."""

    histories: Histories
    distance: float
    rounds: int


def search(
    course: Course, measures: Measures, rng: Rng, rounds: int, say: Callable[[str], None] = lambda line: None
) -> Found:
    """Move a first trial towards the targets until all hold or the rounds are over."""
    now = course.start(rng)
    values = measures(now)[0]
    weight = np.ones(len(values))

    def away(reached: np.ndarray) -> np.ndarray:
        return np.asarray(measures.distance(reached) @ weight)

    best = near = now, values
    nearest = nearer = float(measures.distance(values).sum())  # of all trials, and since the last new start
    idle = stale = returns = done = 0
    for done in range(1, rounds + 1):
        if nearest == 0:
            return Found(best[0], nearest, done - 1)
        tried, touched = course.propose(rng, now, TRIED)
        effect = measures(tried) - values
        effect[~np.isfinite(effect)] = 0.0

        idle, stale = idle + 1, stale + 1
        if chosen := _choose(away, values, effect, touched):
            sets = _merge(now, tried, touched, chosen)
            reached = measures(sets)
            totals, before = away(reached), float(away(values))
            k = int(np.argmin(totals))
            if totals[k] < before * _PROGRESS:
                idle = 0
            if totals[k] < before - _LEAST:
                now, values = sets.take([k]), reached[k]
        distance = float(measures.distance(values).sum())
        if distance < nearer * _PROGRESS:
            near, nearer, stale, returns = (now, values), distance, 0, 0
        if distance < nearest - _LEAST:
            best, nearest = (now, values), distance
        if stale >= _RETURN:
            stale, idle, returns = 0, 0, returns + 1
            weight[:] = 1
            now, values = near
            if returns > _RETURNS:
                now = course.start(rng)
                values = measures(now)[0]
                near, nearer, returns = (now, values), float(measures.distance(values).sum()), 0
        elif idle >= _PATIENCE:
            weight[measures.distance(values) > 0] *= _HARDER
            idle = 0
        if done % 25 == 0:
            missed = len(
                {b.target for b, d in zip(measures.bounds, measures.distance(values), strict=True) if d}
            )
            say(f"round {done}: {missed} targets missed now; nearest so far {nearest:.2f} steps away")
    return Found(best[0], nearest, done)


def _choose(away: Away, values: np.ndarray, effect: np.ndarray, touched: np.ndarray) -> list[int]:
    """Changes of different patients whose added effects come nearest to the targets, the best one first."""
    chosen: list[int] = []
    free = np.ones(len(effect), bool)
    reached = float(away(values))
    while len(chosen) < _SETS[-1]:
        totals = np.where(free, away(values + effect), np.inf)
        k = int(np.argmin(totals))
        best = [k]
        if not totals[k] < reached - _LEAST:
            best = [] if chosen else _pair(away, values, effect, touched, reached)
            if not best:
                break
        for k in best:
            values = values + effect[k]
            free &= ~np.isin(touched, touched[k]).any(axis=1)
        reached = float(away(values))
        chosen += best
    return chosen


def _pair(
    away: Away, values: np.ndarray, effect: np.ndarray, touched: np.ndarray, reached: float
) -> list[int]:
    """The two changes that together come nearest, where none does alone: an event here for one there."""
    totals = away(values + effect[:, None] + effect[None])
    same = (touched[:, None, :, None] == touched[None, :, None, :]).any(axis=(2, 3))
    totals[same] = np.inf
    i, j = np.unravel_index(int(np.argmin(totals)), totals.shape)
    return [int(i), int(j)] if totals[i, j] < reached - _LEAST else []


def _merge(now: Histories, tried: Histories, touched: np.ndarray, chosen: list[int]) -> Histories:
    """The current trial with the first 1, 2, 3, ... of the chosen changes, one candidate each."""
    sizes = [size for size in _SETS if size < len(chosen)] + [len(chosen)]
    sets = now.take(np.zeros(len(sizes), int))
    for position, k in enumerate(chosen):
        patients = np.unique(touched[k])
        rows = np.array([row for row, size in enumerate(sizes) if size > position])
        for new, old in zip(sets.parts, tried.parts, strict=True):
            new[:, rows[:, None], patients] = old[:, k, patients][:, None, :]
    return sets
