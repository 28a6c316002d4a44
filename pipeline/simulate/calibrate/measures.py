"""Targets as intervals of measured values: what a candidate has, and how far it is from printing as wanted.

A median prints as wanted where the curve is above one half just before the interval and not above it at its
end; so two survival probabilities hold it, which one patient changes a little. P values are held as z for the
same reason. Days are held so that a figure prints alike whether the origin is day 0 or, as in ADTTE, day 1.
What does not belong here: which change is tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np

from pipeline.simulate.calibrate import estimators
from pipeline.simulate.calibrate.frame import Frame
from pipeline.simulate.calibrate.histories import NEVER, Histories
from pipeline.simulate.calibrate.trial import STATISTICS, Endpoint, Target, Trial
from pipeline.study import DAYS_PER_MONTH

_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)
_MARGIN = 0.05  # of an interval's width, kept from both of its ends while searching

Key = tuple[str | int, ...]
"""What is measured: the statistic and what it is of."""


@dataclass(frozen=True)
class Bound:
    """A measured value and where it must lie; scale: one step away. target: position among the targets."""

    target: int
    key: Key
    low: float
    high: float
    scale: float


def bounds(position: int, target: Target, arms: tuple[str, str]) -> list[Bound]:
    """What must hold for a target to print as wanted."""
    low, high = target.interval
    statistic = target.statistic
    arm = arms.index(target.group) if target.group in arms else -1

    def inside(key: Key, low: float, high: float) -> list[Bound]:
        margin = _MARGIN * (high - low) if math.isfinite(high - low) else 0.0
        return [Bound(position, key, low + margin, high - margin, high - low if margin else 0.1)]

    def around_half(name: str) -> list[Bound]:
        before, at = (math.ceil(month * DAYS_PER_MONTH) - 1 for month in (low, high))
        tail = [] if math.isinf(high) else [Bound(position, (name, arm, at - 1), -math.inf, 0.4995, 0.01)]
        return [Bound(position, (name, arm, before), 0.5005, math.inf, 0.01), *tail]

    if statistic == "median" and math.isinf(low):
        return [Bound(position, ("rate", arm, NEVER), 0.5005, math.inf, 0.01)]
    if statistic in ("median", "reverse_km", "observed"):
        return around_half({"median": "rate"}.get(statistic, statistic))
    if statistic.startswith("rate"):
        day = math.floor(int(target.of) * DAYS_PER_MONTH)
        ends = low / 100, high / 100
        return inside((statistic, arm, day), *ends) + inside((statistic, arm, day - 1), *ends)
    if statistic.startswith("hr"):
        return inside((statistic,), low, high)
    if statistic.startswith("p"):
        z = -_NORMAL.inv_cdf(high / 2), (-_NORMAL.inv_cdf(low / 2) if low > 0 else math.inf)
        return inside((statistic, target.of), *z)
    return inside((statistic, arm, target.of), low, high)


class Measures:
    """The targets that a search moves, as bounds, and the values of candidates to hold against them."""

    def __init__(self, trial: Trial, frame: Frame, targets: Sequence[Target]) -> None:
        self.trial, self.frame, self.targets = trial, frame, targets
        self.of_view: dict[tuple[str, str], list[Bound]] = {}
        for k, target in enumerate(targets):
            if STATISTICS[target.statistic] != "plan":
                here = self.of_view.setdefault((target.endpoint, target.cut_off), [])
                here += bounds(k, target, trial.arms)
        self.bounds = [bound for here in self.of_view.values() for bound in here]
        self.low, self.high, self.scale = (
            np.array([(b.low, b.high, b.scale) for b in self.bounds]).reshape(-1, 3).T
        )

    def __call__(self, h: Histories) -> np.ndarray:
        """The measured values of each candidate (candidates, bounds)."""
        columns = []
        events = {event.name: k for k, event in enumerate(self.trial.events)}
        for (name, cut_off), here in self.of_view.items():
            if name in events:
                columns += [self._onset(h, events[name], bound.key) for bound in here]
            else:
                endpoint = next(one for one in self.trial.endpoints if one.name == name)
                cut = [one.id for one in self.trial.cut_offs].index(cut_off)
                view = _View(self.trial, self.frame, endpoint, cut, h)
                columns += [view.value(bound.key) for bound in here]
        return np.stack(columns, axis=1)

    def distance(self, values: np.ndarray) -> np.ndarray:
        """Steps of each value from where it must lie (..., bounds): 0 inside, 99 at most."""
        outside = np.maximum(np.maximum(self.low - values, values - self.high), 0.0)
        return np.asarray(np.minimum(np.nan_to_num(outside / self.scale, nan=99.0), 99.0))

    def _onset(self, h: Histories, event: int, key: Key) -> np.ndarray:
        statistic, arm, of = key
        wanted = np.array([of in ("", *values) for values, _ in self.trial.events[event].marks] + [False])
        has = wanted[h.marks[event]] & (self.frame.arm == arm)  # mark -1 is the last entry
        count = has.sum(axis=1)
        if statistic == "marked":
            return np.asarray(count.astype(float))
        months = np.sort(
            np.where(has, (h.dates[event] - self.frame.entry_day) / DAYS_PER_MONTH, np.inf), axis=1
        )
        line = np.arange(len(count))
        if statistic == "onset_median":
            return np.asarray((months[line, (count - 1) // 2] + months[line, count // 2]) / 2)
        return np.asarray(months[line, 0 if statistic == "onset_min" else count - 1])


class _View:
    """An endpoint of each candidate as known at a cut-off."""

    def __init__(self, trial: Trial, frame: Frame, endpoint: Endpoint, cut: int, h: Histories) -> None:
        names = [event.name for event in trial.events]
        self.dates = {name: h.dates[names.index(name)] for name in endpoint.events}
        self.first = np.minimum.reduce(list(self.dates.values()))
        self.event = self.first <= h.seen[cut]
        self.time = np.minimum(self.first, h.seen[cut])
        if endpoint.from_entry:
            self.time = self.time - frame.entry_day.astype(np.int16)
        self.trial, self.frame, self.h = trial, frame, h
        self.treated = np.broadcast_to(1 - frame.arm, self.time.shape)

    @cached_property
    def table(self) -> estimators.RiskTable:
        return estimators.risk_table(self.time, self.event, self.treated, 2)

    @cached_property
    def follow_up(self) -> estimators.RiskTable:
        return estimators.risk_table(self.time, ~self.event, np.zeros_like(self.treated), 1)

    @cached_property
    def hazard(self) -> tuple[np.ndarray, np.ndarray]:
        coef, covariance = estimators.cox(self.table)
        return coef[:, 0], np.sqrt(covariance[:, 0, 0])

    def value(self, key: Key) -> np.ndarray:
        """A measured value of each candidate (candidates,)."""
        match key:
            case ("events", arm, _):
                return np.asarray((self.event & (self.frame.arm == arm)).sum(axis=1), float)
            case ("event_free", arm, _):
                return np.asarray((~self.event & (self.frame.arm == arm)).sum(axis=1), float)
            case ("rate" | "rate_lower" | "rate_upper", int(arm), int(day)):
                rate, error = estimators.survival(self.table, 1 - arm, day)
                side = {"rate": 0, "rate_lower": -_Z, "rate_upper": _Z}[str(key[0])]
                spread = np.exp(side * np.where(rate > 0, error, np.nan)) if side else 1.0
                return np.minimum(rate * spread, 1.0)
            case ("reverse_km", _, int(day)):
                return estimators.survival(self.follow_up, 0, day)[0]
            case ("observed", _, int(day)):
                return np.asarray((self.time > day).mean(axis=1))
            case ("hr" | "hr_lower" | "hr_upper",):
                side = {"hr": 0, "hr_lower": -_Z, "hr_upper": _Z}[str(key[0])]
                return np.asarray(np.exp(self.hazard[0] + side * self.hazard[1]))
            case ("p", _):
                return np.sqrt(estimators.logrank(self.table))
            case ("p_gray", str(cause)):
                return np.sqrt(estimators.gray(self.table, self._is_first(cause)))
            case ("p_interaction", str(of)):
                table = estimators.risk_table(self.time, self.event, 2 * self.treated + self._has(of), 4)
                return np.abs(estimators.interaction(table))
        raise AssertionError(key)

    def _is_first(self, cause: str) -> np.ndarray:
        """Whether a patient's event is of this cause; the endpoint's order decides on a shared day."""
        mine = np.asarray(self.event & (self.dates[cause] == self.first))
        for name, dates in self.dates.items():
            if name == cause:
                break
            mine &= dates != self.first
        return mine

    def _has(self, of: str) -> np.ndarray:
        name, _, value = of.partition("=")
        if name in self.frame.factors:
            return np.asarray(self.frame.factors[name] == value).astype(int)
        position = list(self.frame.labels).index(name)
        values = self.frame.labels[name][1]
        return np.asarray(self.h.labels[position] == values.index(value)).astype(int)
