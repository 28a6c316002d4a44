"""Operating characteristics by simulating the monitored trial: entry, failure, dropout, looks, stops.

Thousands of trials at once as arrays (trials, patients): at each look one sort of every trial's follow-up
gives its log-rank statistic. Hazards may change over time, so that an effect may set in late, for which no
formula holds. Nothing here is any trial's data. What does not belong here: how a trial runs (`accrual`), its
bounds (`sequential`, `lan_demets`), display.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.accrual import Course, Steps
from pipeline.stats.lan_demets import Bounds
from pipeline.stats.risk_table import Floats, Ints
from pipeline.stats.sequential import Design

Bools = NDArray[np.bool_]

_BATCH = 400
"""Trials simulated side by side: few enough for the processor's cache. Part of what a seed means."""


@dataclass(frozen=True)
class Cohort:
    """The patients (r, n) of r simulated trials; the first `experimental` columns are that group.

    entry and ended are calendar times, of failure or dropout; followed is the time between them.
    """

    entry: Floats
    followed: Floats
    ended: Floats
    failed: Bools
    experimental: int

    def of(self, rows: Ints) -> Cohort:
        """Some of the trials."""
        return Cohort(
            self.entry[rows], self.followed[rows], self.ended[rows], self.failed[rows], self.experimental
        )

    def seen_by(self, time: Floats) -> tuple[Floats, Bools]:
        """Follow-up (r, n), 0 or less before entry, and who has failed, as known at calendar times (r,)."""
        follow_up = np.minimum(self.followed, time[:, None] - self.entry)
        return follow_up, self.failed & (self.ended <= time[:, None])


def draw_cohort(course: Course, trials: int, rng: np.random.Generator) -> Cohort:
    """The patients of so many trials. Groups are of fixed size, in random order; entries are random too."""
    patients = round(course.patients)
    experimental = round(patients * course.allocation / (1 + course.allocation))
    entry = course.accrual.reached(rng.random((trials, patients)) * course.patients)
    followed, failed = np.empty_like(entry), np.empty(entry.shape, dtype=bool)
    groups = (
        (slice(0, experimental), course.experimental, course.dropout_experimental),
        (slice(experimental, patients), course.control, course.dropout_control),
    )
    for columns, hazard, dropout in groups:
        failure, gone = _times(hazard, trials, columns, rng), _times(dropout, trials, columns, rng)
        followed[:, columns], failed[:, columns] = np.minimum(failure, gone), failure <= gone
    return Cohort(entry, followed, entry + followed, failed, experimental)


def _times(hazard: Steps, trials: int, columns: slice, rng: np.random.Generator) -> Floats:
    if not any(hazard.rates):
        return np.full((1, 1), np.inf)
    return hazard.reached(rng.standard_exponential((trials, columns.stop - columns.start)))


def logrank_z(cohort: Cohort, time: Floats) -> Floats:
    """The log-rank statistic (r,) at calendar times (r,), large where the experimental group fails less.

    Times are continuous: no two are equal. 0 where the groups were never at risk together at an event.
    """
    follow_up, failed = cohort.seen_by(time)
    # group and event in the two lowest bits of a time, so that one sort of numbers orders all three; those
    # not yet in come first, and so are at risk at no event
    key = np.maximum(follow_up, 0.0).view(np.int64) & ~np.int64(3)
    key[:, : cohort.experimental] |= 1
    key |= failed.astype(np.int64) << 1
    key.sort(axis=1)
    low = (key & 3).astype(np.int8)
    experimental, event = low & 1, low >> 1
    later = np.cumsum(experimental[:, ::-1], axis=1, dtype=np.int32)[:, ::-1]
    share = later / np.arange(low.shape[1], 0, -1)
    expected = share * event
    score = expected.sum(axis=1) - (low == 3).sum(axis=1)
    variance = (expected * (1 - share)).sum(axis=1)
    z: Floats = score / np.sqrt(np.where(variance > 0, variance, np.inf))
    return z


@dataclass(frozen=True)
class Calendar:
    """Looks at calendar times (K,) of a trial planned for so many events.

    A look is held if it brings new events and, but for the last, `least` of the planned information. Its
    bounds spend the errors at the information seen. The look that has all of it ends the trial, and so does
    the last time.
    """

    times: tuple[float, ...]
    events: int
    least: float = 0.0


@dataclass(frozen=True)
class Simulated:
    """Simulated trials (n,) of at most K looks: where each ended and how, and what it took.

    look: 1 to K, 0 where the next look's events never came. z, events, time: (n, K), nan, 0 and nan where no
    look was held. duration and patients (entered) are those at the end.
    """

    look: Ints
    rejected: Bools
    futile: Bools
    z: Floats
    events: Ints
    time: Floats
    duration: Floats
    patients: Ints

    @property
    def power(self) -> float:
        """The share of trials that reject."""
        return float(self.rejected.mean())

    @property
    def standard_error(self) -> float:
        """How far the power may be off by chance."""
        return float(np.sqrt(self.power * (1 - self.power) / self.look.size))

    @property
    def events_at_end(self) -> Ints:
        """The events of each trial's last look (n,)."""
        out: Ints = self.events.max(axis=1)
        return out

    def stopped(self, how: Bools) -> Floats:
        """The share (K,) of all trials that ended at each look in this way (`rejected`, `futile`)."""
        counts = np.bincount(self.look[how], minlength=self.z.shape[1] + 1)[1:]
        return counts / self.look.size


def simulate(
    course: Course,
    design: Design,
    looks: Sequence[int] | Calendar,
    *,
    trials: int,
    seed: int,
    stop_for_futility: bool = True,
) -> Simulated:
    """Simulate the monitored trial so often; the same seed gives the same trials.

    looks: numbers of events (K,) for the looks of the design, with its bounds; or calendar times. ValueError
    if the patients cannot have so many events, or the looks are not the design's.
    """
    wanted = looks.events if isinstance(looks, Calendar) else looks[-1]
    if not wanted <= course.patients < np.inf:
        raise ValueError(f"{wanted} events cannot come of {course.patients:.6g} patients")
    if not isinstance(looks, Calendar) and len(looks) != design.critical.size:
        raise ValueError(f"{len(looks)} numbers of events are not the {design.critical.size} looks")
    if isinstance(looks, Calendar) and not all(np.diff(looks.times, prepend=0.0) > 0):
        raise ValueError(f"the times {looks.times} of the looks must increase from above 0")
    if trials < 1:
        raise ValueError(f"the number of trials must be at least 1, not {trials}")
    rng = np.random.default_rng(seed)
    batches = []
    for done in range(0, trials, _BATCH):
        cohort = draw_cohort(course, min(_BATCH, trials - done), rng)
        batches.append(_monitor(cohort, design, looks, stop_for_futility))
    parts = {field.name: [getattr(one, field.name) for one in batches] for field in fields(Simulated)}
    return Simulated(**{name: np.concatenate(values) for name, values in parts.items()})


@dataclass(frozen=True)
class _Agenda:
    """The looks of r trials (r, K), those that are held to the left: time (inf: none), events, information,
    place among the planned looks, whether it is the last; and when a trial ends that has no look left (r,).
    """

    time: Floats
    events: Ints
    fraction: Floats
    place: Ints
    is_last: Bools
    end: Floats


def _at_events(cohort: Cohort, looks: Sequence[int]) -> _Agenda:
    """Looks when so many have failed."""
    failed = np.where(cohort.failed, cohort.ended, np.inf)
    failed.sort(axis=1)
    events = np.broadcast_to(np.array(looks), (len(failed), len(looks)))
    place = np.broadcast_to(np.arange(len(looks)), events.shape)
    end = cohort.ended.max(axis=1, where=np.isfinite(cohort.ended), initial=0.0)
    time = failed[:, events[0] - 1]
    return _Agenda(time, events, events / looks[-1], place, place == len(looks) - 1, end)


def _at_times(cohort: Cohort, looks: Calendar) -> _Agenda:
    """Looks at calendar times, up to the first that has all events."""
    failed = np.where(cohort.failed, cohort.ended, np.inf)
    events = np.column_stack([(failed <= time).sum(axis=1) for time in looks.times])
    before = np.column_stack([np.zeros_like(events[:, 0]), events[:, :-1]])
    is_last = events >= looks.events
    is_last[:, -1] = True
    enough = (events >= looks.least * looks.events) | is_last
    held = (events > before) & (before < looks.events) & enough
    place = np.argsort(~held, axis=1, kind="stable")
    time = np.where(np.take_along_axis(held, place, axis=1), np.array(looks.times)[place], np.inf)
    events, is_last = np.take_along_axis(events, place, axis=1), np.take_along_axis(is_last, place, axis=1)
    end = np.full(len(time), looks.times[-1])
    return _Agenda(time, events, events / looks.events, place, is_last, end)


def _monitor(
    cohort: Cohort, design: Design, looks: Sequence[int] | Calendar, stop_for_futility: bool
) -> Simulated:
    """Hold the looks of some trials, one after the other, on those that still go on."""
    agenda = _at_times(cohort, looks) if isinstance(looks, Calendar) else _at_events(cohort, looks)
    shape = agenda.time.shape
    z, events, time = np.full(shape, np.nan), np.zeros(shape, np.int64), np.full(shape, np.nan)
    look, duration = np.zeros(shape[0], np.int64), agenda.end.copy()
    rejected, futile = np.zeros(shape[0], bool), np.zeros(shape[0], bool)
    going = np.flatnonzero(np.isfinite(agenda.time[:, 0]))
    bounds = Bounds(design, going.size) if isinstance(looks, Calendar) else None
    low_of = np.append(design.futility, -np.inf)
    for k in range(shape[1]):
        if going.size == 0:
            break
        now, is_last, place = agenda.time[going, k], agenda.is_last[going, k], agenda.place[going, k]
        found = logrank_z(cohort.of(going), now)
        high: Floats | float
        low: Floats | float
        if bounds is None:
            high, low = design.critical[k], low_of[k]
        else:
            high, low = bounds.look(agenda.fraction[going, k], is_last)
        z[going, place], events[going, place], time[going, place] = found, agenda.events[going, k], now
        rejected[going] = found >= high
        futile[going] = (found < low) & (found < high) & stop_for_futility
        stops = rejected[going] | futile[going] | is_last
        look[going[stops]], duration[going[stops]] = place[stops] + 1, now[stops]
        if k + 1 == shape[1]:
            break
        on = ~stops & np.isfinite(agenda.time[going, k + 1])
        going = going[on]
        if bounds is not None:
            bounds.go_on(on, agenda.fraction[going, k + 1] - agenda.fraction[going, k])
    patients = (cohort.entry <= duration[:, None]).sum(axis=1)
    return Simulated(look, rejected, futile, z, events, time, duration, patients)
