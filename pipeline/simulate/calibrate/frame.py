"""Who is randomised when and to what: the part of a twin that the search leaves alone.

Patients enter on working days along the plan's course of accrual; each stratum is filled in permuted blocks
with exactly its patients per arm. What does not belong here: what happens to a patient after entry.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from pipeline.simulate.calibrate.trial import CalibrationError, Trial
from pipeline.simulate.patients import Rng, weekday

EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Frame:
    """The randomised, in order of entry; arrays of length n, dates in days since 1970-01-01.

    arm: 0 experimental, 1 control. until: days from origin to each cut-off, (cut-offs, n). factors: values as
    text. labels: per label the patients' codes and the values they stand for.
    """

    arm: np.ndarray
    stratum: np.ndarray
    block: np.ndarray
    entry: np.ndarray
    origin: np.ndarray
    until: np.ndarray
    lost: np.ndarray
    factors: dict[str, np.ndarray]
    labels: dict[str, tuple[np.ndarray, tuple[str, ...]]]

    @property
    def entry_day(self) -> np.ndarray:
        """Days from origin to entry."""
        days: np.ndarray = self.entry - self.origin
        return days


def draw_frame(trial: Trial, rng: Rng) -> Frame:
    """The patients of a plan; CalibrationError where a label's counts are not those of its patients."""
    n = trial.patients
    first, last = ((date - EPOCH).days for date in (trial.first, trial.last))
    entry = np.sort(weekday(first + np.floor((last - first + 1) * rng.beta(*trial.shape, n)).astype(int)))
    entry = np.clip(entry, *weekday(np.array([first, last])))
    entry[[0, -1]] = weekday(np.array([first, last]))
    stratum = rng.permutation(
        np.repeat(np.arange(len(trial.strata)), [sum(s.patients) for s in trial.strata])
    )
    arm, block = np.empty(n, int), np.empty(n, int)
    for k, one in enumerate(trial.strata):
        at = np.flatnonzero(stratum == k)
        arm[at] = _blocks(rng, one.patients, trial.block)
        block[at] = np.arange(len(at)) // trial.block + 1
    least, most = trial.origin_days
    extra = rng.geometric(1 / (1 + trial.origin_mean - least), n) - 1 if trial.origin else np.zeros(n, int)
    origin = entry - np.minimum(least + extra, most)
    factors = {
        name: np.array([one.factors[name] for one in trial.strata])[stratum]
        for name in trial.strata[0].factors
    }
    columns = {"arm": np.array(trial.arms)[arm], **factors}
    labels: dict[str, tuple[np.ndarray, tuple[str, ...]]] = {}
    for label in trial.labels:
        column = np.full(n, "", object)
        for deal in label.deals:
            at = np.flatnonzero(
                np.logical_and.reduce([columns[k] == v for k, v in deal.where.items()] or [np.ones(n, bool)])
            )
            values = np.repeat(np.array(list(deal.counts), object), list(deal.counts.values()))
            if len(values) != len(at):
                raise CalibrationError(
                    f"label {label.name}, {dict(deal.where)}: {len(values)} values for {len(at)} patients"
                )
            column[at] = rng.permutation(values)
        known, codes = np.unique(column.astype(str), return_inverse=True)
        if "" in known:
            raise CalibrationError(f"label {label.name}: its deals leave patients without a value")
        columns[label.name] = column.astype(str)
        labels[label.name] = codes, tuple(known.tolist())
    cuts = np.array([(cut.date - EPOCH).days for cut in trial.cut_offs])
    return Frame(
        arm,
        stratum,
        block,
        entry,
        origin,
        cuts[:, None] - origin,
        rng.random(n) < trial.lost,
        factors,
        labels,
    )


def _blocks(rng: Rng, patients: tuple[int, ...], size: int) -> np.ndarray:
    """Arms of a stratum in order: full blocks half and half, then a last one with who is left."""
    full = sum(patients) // size
    sequence = [rng.permutation(np.repeat([0, 1], size // 2)) for _ in range(full)]
    left = [k - full * (size // 2) for k in patients]
    return np.concatenate([*sequence, rng.permutation(np.repeat([0, 1], left))])
