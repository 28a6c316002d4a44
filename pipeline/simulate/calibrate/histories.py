"""What happens to the patients: a first draw of their dates, and changes to them that a trial could have.

A candidate is a whole trial; those of one round differ from the current trial in one or two patients each.
What does not belong here: which change is an improvement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.simulate.calibrate.frame import Frame
from pipeline.simulate.calibrate.trial import Trial
from pipeline.simulate.patients import Rng
from pipeline.study import DAYS_PER_MONTH

NEVER = 16_000
"""The day of what does not happen; twice it still fits into 16 bits, which sort fastest."""

_APART = 14  # days from any other event to the one that ends a history
_SEEN = 7  # days after entry by which a patient was seen at least once

# how often a change is a new course, a moved event, all events of a patient moved, another day of being seen,
# an exchanged label, all events exchanged between two patients, or only what is marked
_KINDS = (0.22, 0.34, 0.1, 0.12, 0.06, 0.1, 0.06)


@dataclass(frozen=True)
class Histories:
    """Candidates: days since origin of each event, of being last seen before each cut-off; marks and labels.

    dates: (events, candidates, n). seen: (cut-offs, candidates, n). marks: as dates, -1 none.
    labels: (labels, candidates, n) codes.
    """

    dates: np.ndarray
    seen: np.ndarray
    marks: np.ndarray
    labels: np.ndarray

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """The arrays, one after another."""
        return self.dates, self.seen, self.marks, self.labels

    def take(self, which: Any) -> Histories:
        """Some of the candidates, copied."""
        return Histories(*(part[:, which].copy() for part in self.parts))


class Course:
    """A plan's rules about dates, and random draws that follow them."""

    def __init__(self, trial: Trial, frame: Frame, movable: Sequence[int]) -> None:
        """movable: positions of the labels that the search may exchange between patients of an arm."""
        self.trial, self.frame, self.movable = trial, frame, tuple(movable)
        self.n = len(frame.arm)
        self.end = next(k for k, event in enumerate(trial.events) if event.ends)
        self.marked = [k for k, event in enumerate(trial.events) if event.marks]
        self.timed = [k for k, event in enumerate(trial.events) if not event.marks]
        names = [event.name for event in trial.events]
        self.by = np.full((len(names), self.n), NEVER)  # the latest day of an event that a label implies
        self.held = np.zeros(self.n, bool)  # patients whose label implies an event
        for label in trial.labels:
            codes, values = frame.labels[label.name]
            for value, (event, days) in label.windows.items():
                here = codes == values.index(value)
                self.held |= here
                self.by[names.index(event)][here] = frame.entry_day[here] + days

    def start(self, rng: Rng) -> Histories:
        """A first trial (one candidate) by the plan's guesses."""
        every = np.arange(self.n)
        dates, seen = self._draw(rng, every)
        marks = np.full((len(self.trial.events), self.n), -1)
        for k in self.marked:
            for arm in (0, 1):
                kinds = np.repeat(
                    np.arange(len(self.trial.events[k].marks)),
                    [m[1][arm] for m in self.trial.events[k].marks],
                )
                room = (self.frame.arm == arm) & (dates[self.timed] == NEVER).all(axis=0) & ~self.frame.lost
                room &= (marks[self.marked] < 0).all(axis=0)
                longest = np.flatnonzero(room)[np.argsort(-seen[-1][room], kind="stable")]
                at = rng.permutation(longest[: max(len(longest) // 2, len(kinds))])[: len(kinds)]
                marks[k][at] = kinds
                low = self.frame.entry_day[at] + 30
                dates[k][at] = rng.integers(low, np.maximum(seen[-1][at], low + 1))
        labels = np.array([codes for codes, _ in self.frame.labels.values()]).reshape(-1, self.n)
        return Histories(
            dates.astype(np.int16)[:, None],
            seen.astype(np.int16)[:, None],
            marks.astype(np.int8)[:, None],
            labels.astype(np.int8)[:, None],
        )

    def _draw(self, rng: Rng, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Dates (events, k) and last seen (cut-offs, k) of patients, marked events left out."""
        trial, k = self.trial, len(at)
        arm, entry, until = self.frame.arm[at], self.frame.entry_day[at], self.frame.until[:, at]
        dates = np.full((len(trial.events), k), NEVER)

        def wait(months: np.ndarray | float) -> np.ndarray:
            return 1 + np.floor(rng.exponential(np.asarray(months) * DAYS_PER_MONTH / np.log(2), k)).astype(
                int
            )

        for e in self.timed:
            dates[e] = np.minimum(entry + wait(np.array(trial.events[e].months)[arm]), NEVER)
            forced = self.by[e][at] < NEVER
            dates[e][forced] = rng.integers(entry[forced] + 1, self.by[e][at][forced] + 1)
        end = dates[self.end]
        for e in self.timed:
            if e != self.end:
                late = dates[e] + _APART > end
                forced = self.by[e][at] < NEVER
                dates[e][late & ~forced] = NEVER
                months = trial.events[self.end].after.get(trial.events[e].name)
                if months is not None:
                    then = np.minimum(dates[e] + _APART + wait(months), NEVER)
                    end = np.where(dates[e] < NEVER, then, end)
        dates[self.end] = end

        least, most = np.array([cut.lag for cut in trial.cut_offs]).T
        seen = until - rng.integers(least[:, None], most[:, None] + 1, until.shape)
        lost = self.frame.lost[at]
        seen[-1] = np.where(lost, rng.integers(entry + 60, np.maximum(until[-1], entry + 61)), seen[-1])
        seen = np.maximum(seen, entry + _SEEN)
        for c in range(len(seen) - 2, -1, -1):
            seen[c] = np.minimum(seen[c], np.where(lost, np.minimum(seen[-1], until[c]), seen[c + 1]))
        dates[dates > seen[-1]] = NEVER
        for c in range(len(seen)):
            for e in self.timed:  # what happened before a cut-off was known at it
                hidden = (dates[e] <= until[c]) & (dates[e] > seen[c])
                seen[c] = np.where(hidden, dates[e], seen[c])
            if c:
                seen[c] = np.maximum(seen[c], seen[c - 1])
        return dates, seen

    def valid(self, h: Histories) -> np.ndarray:
        """Of each candidate, whether every patient's dates could be (candidates,)."""
        entry, until = self.frame.entry_day, self.frame.until
        end = h.dates[self.end]
        ok: np.ndarray = np.ones(end.shape, bool)
        for c, seen in enumerate(h.seen):
            ok &= (seen <= until[c]) & (seen >= entry + _SEEN)
            ok &= self.frame.lost | (until[c] - seen <= self.trial.cut_offs[c].longest_lag)
            if c:
                ok &= seen >= h.seen[c - 1]
        for e, dates in enumerate(h.dates):
            happens = dates < NEVER
            ok &= ~happens | ((dates > entry) & (dates <= h.seen[-1]))
            ok &= dates <= self.by[e]
            if e != self.end:
                ok &= ~happens | (end == NEVER) | (end - dates >= _APART)
            if e in self.timed:
                for c, seen in enumerate(h.seen):
                    ok &= (dates > until[c]) | (dates <= seen)
        return np.asarray(ok.all(axis=1))

    def propose(self, rng: Rng, now: Histories, count: int) -> tuple[Histories, np.ndarray]:
        """Valid changes of the current trial, at most `count`; and the two patients each touches (k, 2)."""
        new = now.take(np.zeros(count, int))
        touched = np.repeat(rng.integers(0, self.n, count)[:, None], 2, axis=1)
        kind = rng.choice(len(_KINDS), count, p=_KINDS)
        size = np.rint(rng.normal(size=count) * 10 ** rng.uniform(0.0, 2.4, count)).astype(int)
        rows = [np.flatnonzero(kind == k) for k in range(len(_KINDS))]
        self._redraw(rng, new, touched, rows[0])
        self._move(rng, now, new, touched, size, rows[1:4])
        self._exchange_labels(rng, now, new, touched, rows[4])
        carriers = np.flatnonzero((now.marks[:, 0] >= 0).any(axis=0))
        if len(carriers):
            touched[rows[6], 0] = carriers[rng.integers(0, len(carriers), len(rows[6]))]
        self._exchange_events(rng, now, new, touched, rows[5], range(len(now.dates)))
        self._exchange_events(rng, now, new, touched, rows[6], self.marked)

        i, j = touched.T
        fair = (self.frame.arm[i] == self.frame.arm[j]) & ((i == j) | ~(self.held[i] | self.held[j]))
        keep = np.flatnonzero(fair & self.valid(new))
        return new.take(keep), touched[keep]

    def _redraw(self, rng: Rng, new: Histories, touched: np.ndarray, at: np.ndarray) -> None:
        """A patient takes another course."""
        who = touched[at, 0]
        dates, seen = self._draw(rng, who)
        for e in self.timed:
            new.dates[e, at, who] = dates[e]
        new.seen[:, at, who] = seen

    def _move(
        self,
        rng: Rng,
        now: Histories,
        new: Histories,
        touched: np.ndarray,
        size: np.ndarray,
        rows: Sequence[np.ndarray],
    ) -> None:
        """One event, all events of a patient, or a day of being seen move by some days."""
        one, all_, sight = rows
        happened = np.argwhere(now.dates[:, 0] < NEVER)
        if len(happened):
            which = happened[rng.integers(0, len(happened), len(one))]
            touched[one] = which[:, 1:]
            new.dates[which[:, 0], one, which[:, 1]] += size[one].astype(np.int16)
            who = happened[rng.integers(0, len(happened), len(all_)), 1]
            touched[all_] = who[:, None]
            for e in range(len(now.dates)):
                here = now.dates[e, 0, who] < NEVER
                new.dates[e, all_[here], who[here]] += size[all_[here]].astype(np.int16)
        which_cut = rng.integers(0, len(now.seen), len(sight))
        new.seen[which_cut, sight, touched[sight, 0]] += size[sight].astype(np.int16)

    def _exchange_labels(
        self, rng: Rng, now: Histories, new: Histories, touched: np.ndarray, at: np.ndarray
    ) -> None:
        """Two patients exchange the value of a label."""
        if self.movable:
            label = rng.choice(self.movable, len(at))
            touched[at, 1] = rng.integers(0, self.n, len(at))
            i, j = touched[at].T
            new.labels[label, at, i], new.labels[label, at, j] = (
                now.labels[label, 0, j],
                now.labels[label, 0, i],
            )

    def _exchange_events(
        self,
        rng: Rng,
        now: Histories,
        new: Histories,
        touched: np.ndarray,
        at: np.ndarray,
        events: Sequence[int],
    ) -> None:
        """Two patients exchange events, at the same time from entry."""
        touched[at, 1] = rng.integers(0, self.n, len(at))
        i, j = touched[at].T
        delay = (self.frame.entry_day[j] - self.frame.entry_day[i]).astype(np.int16)
        for e in events:
            a, b = now.dates[e, 0, i], now.dates[e, 0, j]
            new.dates[e, at, i] = np.where(b == NEVER, b, b - delay)
            new.dates[e, at, j] = np.where(a == NEVER, a, a + delay)
            new.marks[e, at, i], new.marks[e, at, j] = now.marks[e, 0, j], now.marks[e, 0, i]
