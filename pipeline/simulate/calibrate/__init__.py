"""Calibration: an invented trial whose figures print as a published report has them, found by search.

`trial` reads what is wanted, `frame` draws who is randomised, `histories` what may happen to them, `measures`
tells a candidate's figures (with `estimators`), `search` changes histories until the figures print as wanted.
Here the parts meet and become a table. A printed number in the files read here is a target of the search;
nothing that computes, stores or shows a result reads these files.

What does not belong here: forms (`pipeline.simulate.calibrated` reads the table), and any verdict on what was
found. The search judges by estimators of its own, because the simulator may not import what it is used to
test; `pipeline.qc.calibration` recomputes each figure with `pipeline.stats`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.simulate.calibrate.frame import Frame, draw_frame
from pipeline.simulate.calibrate.histories import NEVER, Course, Histories
from pipeline.simulate.calibrate.measures import Measures
from pipeline.simulate.calibrate.search import search
from pipeline.simulate.calibrate.trial import CalibrationError, Target, Trial, read_targets, read_trial
from pipeline.simulate.patients import Rng, stream

__all__ = ["PLAN", "TARGETS", "Calibrated", "CalibrationError", "calibrate", "read_targets", "read_trial"]

PLAN = Path(__file__).parents[1] / "calgb_100104.toml"
TARGETS = Path(__file__).parents[1] / "calgb_100104_targets.csv"

ROUNDS = 2000
"""Rounds after which a search gives up."""

_FRAMES = 20


@dataclass(frozen=True)
class Calibrated:
    """A twin: one row per patient, its distance from the targets (0: all hold), the rounds it took."""

    skeleton: pl.DataFrame
    distance: float
    rounds: int


def calibrate(
    trial: Trial,
    targets: Sequence[Target],
    seed: int,
    rounds: int = ROUNDS,
    say: Callable[[str], None] = lambda line: None,
) -> Calibrated:
    """Find a trial with the targets' figures, or the nearest of so many rounds; a seed gives the same bytes.

    say: told about progress in plain lines. Raises CalibrationError for a plan that contradicts itself.
    """
    frame = _frame(trial, targets, stream(seed, "frame"))
    factors = {target.of.partition("=")[0] for target in targets if target.statistic == "p_interaction"}
    movable = [k for k, label in enumerate(trial.labels) if label.name in factors]
    course = Course(trial, frame, movable)
    found = search(course, Measures(trial, frame, targets), stream(seed, "search"), rounds, say)
    table = _table(trial, frame, found.histories, stream(seed, "crossover"))
    return Calibrated(table, found.distance, found.rounds)


def _frame(trial: Trial, targets: Sequence[Target], rng: Rng) -> Frame:
    """Of some frames the one that comes nearest to the follow-up wanted: entry decides it, and stays."""
    wanted = [target for target in targets if target.statistic in ("reverse_km", "observed")]
    frames = [draw_frame(trial, rng) for _ in range(_FRAMES if wanted else 1)]
    away = []
    for frame in frames if wanted else ():
        measures = Measures(trial, frame, wanted)
        away.append(measures.distance(measures(Course(trial, frame, ()).start(rng))).sum())
    return frames[int(np.argmin(away))] if wanted else frames[0]


def _table(trial: Trial, frame: Frame, found: Histories, rng: Rng) -> pl.DataFrame:
    """The skeleton: arms, strata and characteristics as text, dates as dates, null for what never happens."""
    n = len(frame.arm)
    dates, seen = found.dates[:, 0].astype(int), found.seen[:, 0].astype(int)
    end = dates[next(k for k, event in enumerate(trial.events) if event.ends)]

    def as_dates(days: np.ndarray) -> pl.Series:
        values = pl.Series(np.where(days < NEVER, frame.origin + days, 0), dtype=pl.Int32).cast(pl.Date)
        return values.to_frame("x").select(pl.when(pl.Series(days < NEVER)).then("x")).to_series()

    columns: dict[str, object] = {
        "usubjid": [f"{trial.id}-{k + 1:03d}" for k in range(n)],
        "arm": np.array(trial.arms)[frame.arm],
        "stratum": np.array([one.name for one in trial.strata])[frame.stratum],
        "block": frame.block,
        "rand_seq": np.arange(n) + 1,
        **frame.factors,
    }
    for k, (name, (_, values)) in enumerate(frame.labels.items()):
        columns[name] = np.array(values)[found.labels[k, 0]]
    if trial.origin:
        columns[f"{trial.origin}_dt"] = as_dates(np.zeros(n, int))
    columns[f"{trial.entry}_dt"] = as_dates(frame.entry_day)
    for k, event in enumerate(trial.events):
        columns[f"{event.name}_dt"] = as_dates(dates[k])
        for position, name in enumerate(event.mark_columns):
            words = [*(values[position] for values, _ in event.marks), None]  # mark -1 is the last
            columns[name] = [words[mark] for mark in found.marks[k, 0].tolist()]
    for c, at in enumerate(seen, start=1):
        columns[f"last_contact_cut{c}"] = as_dates(np.minimum(at, end))
    columns["ltfu"] = frame.lost.astype(int)
    columns["crossover"] = _crossover(trial, frame, dates.min(axis=0), seen[-1], rng).astype(int)
    return pl.DataFrame(columns)


def _crossover(trial: Trial, frame: Frame, first: np.ndarray, seen: np.ndarray, rng: Rng) -> np.ndarray:
    """Who changes treatment: of those who could, as many as the plan says, or all."""
    out = np.zeros(len(frame.arm), bool)
    if trial.crossover is not None:
        plan = trial.crossover
        cut = [one.id for one in trial.cut_offs].index(plan.cut_off)
        day = frame.until[cut] + plan.days
        could = np.flatnonzero((frame.arm == trial.arms.index(plan.arm)) & (first > day) & (seen > day))
        out[rng.permutation(could)[: plan.patients]] = True
    return out
