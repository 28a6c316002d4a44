"""What a design comes to: events, looks and their times, and what the trial would do if it were run so often.

Tables of numbers out of a test and the course that a trial is expected to take. Nothing here is any trial's
data: simulated patients are drawn from the course. Times are in months. What does not belong here: a formula
(`pipeline.stats`), a study's own values (`PlannedCourse`), words and layout (`pipeline.outputs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from pipeline.stats.accrual import Course
    from pipeline.stats.sequential import LogrankDesign
    from pipeline.stats.trials import Calendar

FORMULAS = ("schoenfeld", "freedman")
MEANS = ("REJECTED", "EVENTS", "MONTHS", "PATIENTS")
"""What a simulation gives and, where hazards are proportional and looks at events, a formula too."""


@dataclass(frozen=True)
class TrialPlan:
    """A test, its design, and the course of the trial if the effect is as designed.

    test: the arguments of `logrank_design`, of which `design` was made; its hazard ratio is that of the
    experimental group to the control group. late: the months after which, in one scenario, the effect sets
    in. calendar: looks at these times and not at numbers of events.
    """

    test: Mapping[str, Any]
    design: LogrankDesign
    course: Course
    late: float
    calendar: Calendar | None = None


def needed_events(plan: TrialPlan) -> pl.DataFrame:
    """Events by each formula, for one look and the plan's: FORMULA, LOOKS, EVENTS, MAX_EVENTS, PLANNED."""
    from pipeline.stats.sequential import logrank_design

    fixed = {name: plan.test[name] for name in ("hazard_ratio", "alpha", "power", "allocation")}
    rows = []
    for formula in FORMULAS:
        for test in ({**fixed, "looks": 1}, plan.test):
            design = logrank_design(**{**test, "formula": formula})
            planned = test is plan.test and formula == plan.test["formula"]
            rows.append((formula, design.design.fractions.size, design.events, design.max_events, planned))
    found = pl.DataFrame(rows, ["FORMULA", "LOOKS", "EVENTS", "MAX_EVENTS", "PLANNED"], orient="row")
    return found.unique(["FORMULA", "LOOKS"], keep="last", maintain_order=True)


def planned_looks(plan: TrialPlan) -> pl.DataFrame:
    """The looks of the design, one a row, with what is expected if the effect is as designed.

    LOOK, EVENTS, FRACTION; CRITICAL, P (one-sided) and HAZARD_RATIO at the efficacy bound; FUTILITY (null:
    none) and its HAZARD_RATIO_FUTILITY; ALPHA_SPENT; MONTH and PATIENTS when the events are expected;
    EFFICACY and FUTILE, the chances to stop there, and EFFICACY_NULL and FUTILE_NULL, those without effect.
    """
    from pipeline.stats.accrual import timing
    from pipeline.stats.inference import normal_tails
    from pipeline.stats.sequential import logrank_drift, operating_characteristics

    trial, design = plan.design, plan.design.design
    events = np.array(trial.events_at_looks)
    # how far the log hazard ratio must be from 0 for one unit of the statistic
    scale = 1 / np.array([logrank_drift(np.e, n, plan.course.allocation) for n in events])
    low = np.append(design.futility, -np.inf)
    done = operating_characteristics(design, [_drift(plan), 0.0])
    when = timing(plan.course, design, trial.max_events, _drift(plan))
    futile = np.column_stack([done.futility, np.zeros(2)])
    return pl.DataFrame(
        {
            "LOOK": np.arange(1, events.size + 1),
            "EVENTS": events,
            "FRACTION": design.fractions,
            "CRITICAL": design.critical,
            "P": normal_tails(design.critical) / 2,
            "HAZARD_RATIO": np.exp(-design.critical * scale),
            "FUTILITY": low,
            "HAZARD_RATIO_FUTILITY": np.exp(-np.where(np.isfinite(low), low, np.nan) * scale),
            "ALPHA_SPENT": design.alpha_spent,
            "MONTH": when.times,
            "PATIENTS": when.patients,
            "EFFICACY": done.reject[0],
            "FUTILE": futile[0],
            "EFFICACY_NULL": done.reject[1],
            "FUTILE_NULL": futile[1],
        }
    ).with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)
        for name in ("FUTILITY", "HAZARD_RATIO_FUTILITY")
    )


class Scenario(NamedTuple):
    """One way the trial may go. kind: null, null_ignoring_futility, effect or late_effect."""

    kind: str
    course: Course
    obeys_futility: bool
    has_formula: bool


def scenarios(plan: TrialPlan) -> list[Scenario]:
    """No effect, again where futility may be ignored; the designed effect, and the same setting in late."""
    from pipeline.stats.accrual import Steps

    ratio = float(plan.test["hazard_ratio"])
    null = plan.course.without_effect()
    at_events = plan.calendar is None
    found = [Scenario("null", null, True, at_events)]
    if plan.design.design.futility_spending is not None and not plan.design.design.binding:
        found.append(Scenario("null_ignoring_futility", null, False, at_events))
    found.append(Scenario("effect", plan.course, True, at_events))
    if plan.late:
        late = null.control.times(Steps((0.0, plan.late), (1.0, ratio)))
        found.append(Scenario("late_effect", replace(plan.course, experimental=late), True, False))
    return found


def characteristics(plan: TrialPlan, *, trials: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The monitored trial simulated so often in each scenario: one row a scenario, and one a look.

    First: SCENARIO, TRIALS; REJECTED, the share that find an effect, with its standard error SE; the means
    EVENTS, MONTHS and PATIENTS at the end of the trial; the same four BY_FORMULA (null where there is none);
    UNFINISHED, the share whose next look's events never came. Second: SCENARIO, LOOK; HELD, a share of
    all trials, and those that end there: EFFICACY, FUTILE, NEITHER; MONTH and EVENTS, means of the looks held
    (null: none was). ValueError if the course cannot be simulated.
    """
    from pipeline.stats.trials import simulate

    wholes, looks = [], []
    for kind, course, obeys, has_formula in scenarios(plan):
        done = simulate(
            course,
            plan.design.design,
            plan.calendar or plan.design.events_at_looks,
            trials=trials,
            seed=seed,
            stop_for_futility=obeys,
        )
        formula = _by_formula(plan, kind, course, obeys) if has_formula else {}
        wholes.append(
            {
                "SCENARIO": kind,
                "TRIALS": trials,
                "REJECTED": done.power,
                "SE": done.standard_error,
                "EVENTS": float(done.events_at_end.mean()),
                "MONTHS": float(done.duration.mean()),
                "PATIENTS": float(done.patients.mean()),
                "UNFINISHED": float((done.look == 0).mean()),
                **{f"{name}_BY_FORMULA": formula.get(name) for name in MEANS},
            }
        )
        held = done.events > 0
        times = held.sum(axis=0)
        some = np.maximum(times, 1)
        looks.append(
            pl.DataFrame(
                {
                    "SCENARIO": [kind] * times.size,
                    "LOOK": np.arange(1, times.size + 1),
                    "HELD": times / trials,
                    "EFFICACY": done.stopped(done.rejected),
                    "FUTILE": done.stopped(done.futile),
                    "NEITHER": done.stopped(~(done.rejected | done.futile)),
                    "MONTH": np.where(held, done.time, 0.0).sum(axis=0) / some,
                    "EVENTS": done.events.sum(axis=0) / some,
                }
            ).with_columns(pl.when(pl.col("HELD") > 0).then(pl.col("MONTH", "EVENTS")))
        )
    floats = {f"{name}_BY_FORMULA": pl.Float64 for name in MEANS}
    return pl.DataFrame(wholes, schema_overrides=floats), pl.concat(looks)


def _by_formula(plan: TrialPlan, kind: str, course: Course, obeys_futility: bool) -> dict[str, float]:
    from pipeline.stats.accrual import timing
    from pipeline.stats.sequential import operating_characteristics

    design, events = plan.design.design, plan.design.max_events
    design = design if obeys_futility else design.ignoring_futility()
    drift = _drift(plan) if kind == "effect" else 0.0
    done, when = operating_characteristics(design, drift), timing(course, design, events, drift)
    expected = float(done.expected_fraction[0]) * events
    return dict(
        zip(MEANS, (float(done.power[0]), expected, when.duration, when.patients_expected), strict=True)
    )


def _drift(plan: TrialPlan) -> float:
    from pipeline.stats.sequential import logrank_drift

    return logrank_drift(plan.test["hazard_ratio"], plan.design.max_events, plan.course.allocation)
