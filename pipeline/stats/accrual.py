"""When events happen: patients enter over time, fail or drop out, at rates that are constant in pieces.

Expected numbers by a calendar time, in closed form, and from them the times of the looks, the length of the
trial or the number of patients. A patient's time to failure and to dropout are independent and counted from
entry, calendar time from the first entry; the unit is the caller's. What does not belong here: any trial's
numbers, how many events are needed (`sequential`), random numbers (`trials`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from pipeline.stats.risk_table import Floats
from pipeline.stats.sequential import Design, operating_characteristics

_DOUBLINGS = 40  # of a time, until enough has happened


@dataclass(frozen=True)
class Steps:
    """A rate per unit of time: rates[i] from starts[i] to the next, the first from 0, the last for ever.

    A hazard, or the patients entering. ValueError if starts do not increase or a rate is negative.
    """

    starts: tuple[float, ...]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        ends = (*self.starts[1:], math.inf)
        if len(self.starts) != len(self.rates) or self.starts[:1] != (0.0,):
            raise ValueError(f"every rate of {self.rates} needs a start, and the first of {self.starts} is 0")
        if not all(start < end for start, end in zip(self.starts, ends, strict=True)):
            raise ValueError(f"starts {self.starts} must increase")
        if not all(0 <= rate < math.inf for rate in self.rates):
            raise ValueError(f"rates {self.rates} must be at least 0, and finite")

    def total(self, time: ArrayLike) -> Floats:
        """What has gathered by these times (any shape): the integral of the rate from 0, 0 before it."""
        times = np.asarray(time, dtype=float)
        out = np.zeros(times.shape)
        for start, end, rate in self._pieces():
            if rate:
                out += rate * np.clip(times - start, 0.0, end - start)
        return out

    def reached(self, total: ArrayLike) -> Floats:
        """The times at which so much has gathered; inf where it never does."""
        totals = np.asarray(total, dtype=float)
        out, below = np.zeros(totals.shape), 0.0
        for start, end, rate in self._pieces():
            if rate:
                out += np.clip((totals - below) / rate, 0.0, end - start)
                below += rate * (end - start)
            else:
                out += np.where(totals > below, end - start, 0.0)
        return out

    def times(self, other: Steps) -> Steps:
        """The product of two: a hazard times a hazard ratio that changes."""
        starts = tuple(sorted({*self.starts, *other.starts}))
        return Steps(starts, tuple(self.at(start) * other.at(start) for start in starts))

    def at(self, time: float) -> float:
        """The rate from this time on."""
        return self.rates[int(np.searchsorted(self.starts, time, side="right")) - 1]

    def _pieces(self) -> list[tuple[float, float, float]]:
        return list(zip(self.starts, (*self.starts[1:], math.inf), self.rates, strict=True))


NEVER = Steps((0.0,), (0.0,))


def constant(rate: float) -> Steps:
    """The same rate for ever."""
    return Steps((0.0,), (rate,))


def even_accrual(patients: float, duration: float) -> Steps:
    """So many patients, entering evenly for so long."""
    return Steps((0.0, duration), (patients / duration, 0.0))


def hazard_of_median(median: float) -> Steps:
    """The constant hazard of which half have failed by the median."""
    return constant(math.log(2) / median)


def hazard_of_share(share: float, by: float) -> Steps:
    """The constant hazard by which a share (0 to below 1) is gone by a time, if nothing else removes any."""
    if not 0 <= share < 1:
        raise ValueError(f"the share {share} that drops out must be at least 0 and below 1")
    return constant(-math.log1p(-share) / by)


@dataclass(frozen=True)
class Course:
    """How a trial of two groups runs: patients entering (both groups), hazards of failure and of dropout.

    allocation: experimental patients per control patient. The trial may be planned only if its accrual ends,
    with a last rate of 0; `fit_accrual` finds the end.
    """

    accrual: Steps
    experimental: Steps
    control: Steps
    dropout_experimental: Steps = field(default=NEVER)
    dropout_control: Steps = field(default=NEVER)
    allocation: float = 1.0

    @property
    def patients(self) -> float:
        """How many enter in all; inf if accrual does not end."""
        return float(self.accrual.total(np.inf))

    def without_effect(self) -> Course:
        """The same trial with the control group's hazard in both groups."""
        return replace(self, experimental=self.control)


def events_by(course: Course, time: ArrayLike) -> Floats:
    """Expected events (m, 2) by calendar times (m,): of the experimental and of the control group."""
    times = np.atleast_1d(np.asarray(time, dtype=float))
    groups = (
        (course.experimental, course.dropout_experimental, course.allocation / (1 + course.allocation)),
        (course.control, course.dropout_control, 1 / (1 + course.allocation)),
    )
    out = np.zeros((times.size, 2))
    starts, rates = course.accrual.starts, course.accrual.rates
    for group, (hazard, dropout, share) in enumerate(groups):
        # those who entered from a time on have, by now, the events of an accrual that began then
        since = _events_of_even_accrual(times - np.array([*starts, math.inf])[:, None], hazard, dropout)
        out[:, group] = share * (np.array(rates) @ (since[:-1] - since[1:]))
    return out


def _events_of_even_accrual(elapsed: Floats, hazard: Steps, dropout: Steps) -> Floats:
    """The integral from 0 to `elapsed` of the chance to have failed by a time; 0 before 0.

    With all rates constant from x on, the chance is F(x) + h/m S(x) (1 - exp(-m d)), where m is the hazard of
    failure or dropout, h that of failure, S(x) the share still there.
    """
    starts = sorted({*hazard.starts, *dropout.starts})
    out = np.zeros(elapsed.shape)
    failed, there = 0.0, 1.0
    for start, end in zip(starts, [*starts[1:], math.inf], strict=True):
        h, length = hazard.at(start), end - start
        m = h + dropout.at(start)
        d = np.clip(elapsed - start, 0.0, length)
        out += failed * d
        if h:
            out += h / m * there * (d + np.expm1(-m * d) / m)
            failed += h / m * there * -math.expm1(-m * length)
        there *= math.exp(-m * length) if m else 1.0
    return out


def time_of(course: Course, events: ArrayLike) -> Floats:
    """The calendar times (k,) by which so many events (k,) are expected in both groups together.

    ValueError if so many never happen, however long one waits.
    """
    wanted = np.atleast_1d(np.asarray(events, dtype=float))
    latest = _when(course, float(wanted.max()))  # the first to say that there are not so many
    return np.array([latest if one == wanted.max() else _when(course, float(one)) for one in wanted])


def _when(course: Course, wanted: float) -> float:
    found = _root(lambda time: float(events_by(course, time).sum()) - wanted, course.accrual.starts[-1])
    if found is None:
        all_events = float(events_by(course, 1e12).sum())
        raise ValueError(
            f"{wanted:.6g} events never happen: of {course.patients:.6g} patients no more than "
            f"{all_events:.6g} ever fail"
        )
    return found


def fit_accrual(course: Course, events: float, follow_up: float) -> Course:
    """The course with its accrual ended so that the events are expected `follow_up` after the last entry.

    The accrual given goes on for ever: its last rate is above 0. ValueError if the events never happen.
    """
    accrual = course.accrual
    if accrual.rates[-1] == 0:
        raise ValueError("to find the end of accrual, its last rate must be above 0")

    def ended(end: float) -> Course:
        kept = [(s, r) for s, r in zip(accrual.starts, accrual.rates, strict=True) if s < end]
        return replace(course, accrual=Steps((*(s for s, _ in kept), end), (*(r for _, r in kept), 0.0)))

    def missing(end: float) -> float:
        return (float(events_by(ended(end), end + follow_up).sum()) if end else 0.0) - events

    end = _root(missing, accrual.starts[-1])
    if end is None:
        raise ValueError(f"{events:.6g} events never happen, however many patients enter")
    return ended(end)


def _root(rising: Callable[[float], float], late: float) -> float | None:
    """Where a function of time that rises from below 0 meets 0; None if it never does."""
    from scipy.optimize import brentq

    late = max(1.0, late)
    for _ in range(_DOUBLINGS):
        if rising(late) >= 0:
            return float(brentq(rising, 0.0, late, xtol=1e-12, rtol=1e-14))
        late *= 2
    return None


@dataclass(frozen=True)
class Timing:
    """When a design's looks come: calendar times (K,), patients (K,) by then, events (K, 2) by group.

    duration and patients_expected: the means at the end of the trial, which may be early, for the drift the
    course stands for.
    """

    times: Floats
    patients: Floats
    events: Floats
    duration: float
    patients_expected: float


def timing(course: Course, design: Design, events: float, drift: float) -> Timing:
    """The looks of a design with so many events at fraction 1, in a trial that runs this course.

    drift: the statistic's mean at fraction 1 (0 for `Course.without_effect`); it gives the chances to stop.
    The looks are at the times by which their events are expected.
    """
    times = time_of(course, design.fractions * events)
    patients = course.accrual.total(times)
    done = operating_characteristics(design, drift)
    stops = done.reject[0].copy()
    stops[:-1] += done.futility[0]
    stops[-1] = 1 - stops[:-1].sum()
    return Timing(times, patients, events_by(course, times), float(stops @ times), float(stops @ patients))
