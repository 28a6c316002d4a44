"""How a monitored trial runs, against R's rpact: expected events and times by formula, stops by simulation.

Chances to have failed by a time agree to 1e-9 of themselves, at our times of the looks too. rpact searches
for these times less closely: the last one to 2e-5 of itself. Simulated shares agree within four errors.
"""

from __future__ import annotations

import csv
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.stats.accrual import (
    Course,
    Steps,
    Timing,
    events_by,
    fit_accrual,
    hazard_of_share,
    timing,
)
from pipeline.stats.sequential import (
    LogrankDesign,
    logrank_design,
    logrank_drift,
    operating_characteristics,
)
from pipeline.stats.trials import simulate

GOLDEN = Path(__file__).parent / "golden"
SEARCHED = {"rtol": 2e-5, "atol": 0}
# rpact integrates across the steps of a hazard without stopping at them (tests/unit/test_accrual.py has an
# integral that does)
KINKS = {"rtol": 3e-5, "atol": 0}
BY = (3.0, 11.0, 24.5, 47.0, 90.0)
HAZARD = math.log(2) / 24
ITERATIONS = 2000
OUR_TRIALS = 20_000

COMMON: dict[str, Any] = {
    "fractions": (1 / 3, 2 / 3, 1),
    "futility": None,
    "formula": "Schoenfeld",
    "accrual_times": (0, 52),
    "intensities": (460 / 52,),
    "survival_times": (0,),
    "lambda2": (HAZARD,),
    "hazard_ratio": 1 / 1.4,
    "dropout1": 0,
    "dropout2": 0,
    "allocation": 1,
    "follow_up": None,
    "simulate": False,
    "lambda1": (),
    "events": (103, 206, 309),
    "iterations": ITERATIONS,
    "by": BY,
}
PIECES = {"survival_times": (0, 6, 18), "lambda2": (0.02, 0.05, 0.03)}
BY_FORMULA: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"dropout1": 0.05, "dropout2": 0.03},
    "two to one": {"allocation": 2, "dropout1": 0.02, "accrual_times": (0, 40), "intensities": (14,)},
    "Freedman": {"formula": "Freedman", "allocation": 2, "accrual_times": (0, 40), "intensities": (14,)},
    "hazard in pieces": PIECES,
    "accrual in pieces": {"accrual_times": (0, 6, 20, 50), "intensities": (3, 9, 12), "dropout2": 0.1},
    "futility": {"futility": "bsOF", "fractions": (0.4, 1), "dropout1": 0.05, "dropout2": 0.05},
    "all at once": PIECES
    | {"accrual_times": (0, 12, 45), "intensities": (6, 14), "dropout1": 0.08, "dropout2": 0.02}
    | {"futility": "bsP", "allocation": 0.5, "fractions": (0.3, 0.5, 0.8, 1), "hazard_ratio": 0.65},
    "follow-up given": {"accrual_times": (0,), "intensities": (8,), "follow_up": 18},
    "follow-up given in pieces": PIECES
    | {"accrual_times": (0, 10), "intensities": (5, 11), "follow_up": 9, "dropout1": 0.05},
}
BY_SIMULATION: dict[str, dict[str, Any]] = {
    "effect": {"lambda1": (HAZARD / 1.4,), "dropout1": 0.05, "dropout2": 0.03},
    "no effect": {"lambda1": (HAZARD,), "futility": "bsOF"},
    "delayed effect": {"survival_times": (0, 6), "lambda2": (HAZARD, HAZARD), "futility": "bsOF"}
    | {"lambda1": (HAZARD, HAZARD / 1.6), "accrual_times": (0, 12, 52), "intensities": (4, 10.3)},
}


def trials() -> dict[str, dict[str, Any]]:
    formula = {name: COMMON | {"id": name} | case for name, case in BY_FORMULA.items()}
    drawn = {
        f"simulated: {name}": COMMON | {"id": f"simulated: {name}", "simulate": True} | case
        for name, case in BY_SIMULATION.items()
    }
    return formula | drawn


def timing_of(case: dict[str, Any]) -> tuple[Course, LogrankDesign, Timing]:
    plan, course = design_of(case), course_of(case)
    if case["follow_up"]:
        course = fit_accrual(course, plan.events, case["follow_up"])
    return course, plan, timing(course, plan.design, plan.events, plan.design.drift)


def course_of(case: dict[str, Any]) -> Course:
    still_open = len(case["accrual_times"]) == len(case["intensities"])
    starts = tuple(map(float, case["survival_times"]))
    control = Steps(starts, case["lambda2"])
    ratio = case["hazard_ratio"]
    experimental = case["lambda1"] or tuple(rate * ratio for rate in case["lambda2"])
    return Course(
        Steps(
            tuple(map(float, case["accrual_times"])), (*case["intensities"], *([] if still_open else [0.0]))
        ),
        Steps(starts, experimental),
        control,
        hazard_of_share(case["dropout1"], 12),
        hazard_of_share(case["dropout2"], 12),
        case["allocation"],
    )


def design_of(case: dict[str, Any]) -> LogrankDesign:
    return logrank_design(
        hazard_ratio=case["hazard_ratio"],
        alpha=0.05,
        power=0.9,
        looks=case["fractions"],
        futility={"bsOF": "OF", "bsP": "P", None: None}[case["futility"]],  # type: ignore[arg-type]
        allocation=case["allocation"],
        formula=case["formula"].lower(),
    )


@pytest.fixture(scope="module")
def rpact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """What rpact says: trial, quantity, values."""
    folder = tmp_path_factory.mktemp("rpact")
    with (folder / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=["id", *COMMON])
        writer.writeheader()
        for case in trials().values():
            if not case["simulate"]:
                case |= {"by": BY + tuple(timing_of(case)[2].times.tolist())}
            texts = {k: ";".join(map(repr, v)) if isinstance(v, tuple) else v for k, v in case.items()}
            writer.writerow(texts)
    script = [str(GOLDEN / "trials.R"), str(folder / "trials.csv"), str(folder / "out.csv")]
    done = subprocess.run(["Rscript", *script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, list[float]]] = {}
    with (folder / "out.csv").open() as file:
        for row in csv.DictReader(file):
            found.setdefault(row["trial"], {}).setdefault(row["quantity"], []).append(float(row["value"]))
    return {name: {key: np.array(value) for key, value in one.items()} for name, one in found.items()}


@pytest.mark.r
@pytest.mark.slow
@pytest.mark.parametrize("name", BY_FORMULA)
def test_expected_events_and_times_agree_with_rpact(
    name: str, rpact: dict[str, dict[str, np.ndarray]]
) -> None:
    theirs, case = rpact[name], trials()[name]
    course, plan, ours = timing_of(case)
    assert_allclose(ours.times, theirs["times"], **SEARCHED)
    assert_allclose(ours.patients, theirs["patients"], **SEARCHED)
    assert_allclose(ours.duration, theirs["duration"][0], **SEARCHED)
    assert_allclose(ours.patients_expected, theirs["expected_patients"][0], **SEARCHED)
    assert_allclose(ours.events.sum(axis=1), theirs["events"], rtol=1e-8)
    assert_allclose(plan.expected_events, theirs["expected_events"], rtol=1e-7)
    if case["follow_up"]:
        return
    patients = course.patients * np.array([case["allocation"], 1]) / (1 + case["allocation"])
    chances = np.column_stack([theirs["chance1"], theirs["chance2"]])
    exact = KINKS if len(case["survival_times"]) > 1 else {"rtol": 1e-9, "atol": 0}
    assert_allclose(events_by(course, BY) / patients, chances[: len(BY)], **exact)
    # rpact's own chances at our times of the looks give the events that the looks need
    assert_allclose(chances[len(BY) :] @ patients, plan.events * plan.design.fractions, **exact)
    assert_allclose(theirs["chance"] * course.patients, chances @ patients, rtol=1e-9)
    drift = logrank_drift(case["hazard_ratio"], 250, case["allocation"])
    powered = timing(course, plan.design, 250, drift)
    rejects = operating_characteristics(plan.design, drift).reject[0]
    assert_allclose(rejects, theirs["power"], rtol=0, atol=1e-7)
    assert_allclose(powered.times, theirs["power_times"], **SEARCHED)
    assert_allclose(powered.duration, theirs["power_duration"][0], **SEARCHED)
    assert_allclose(powered.patients_expected, theirs["power_patients"][0], **SEARCHED)


@pytest.mark.r
@pytest.mark.slow
@pytest.mark.parametrize("name", BY_SIMULATION)
def test_simulated_trials_agree_with_rpact(name: str, rpact: dict[str, dict[str, np.ndarray]]) -> None:
    case = trials()[f"simulated: {name}"]
    theirs, course = rpact[case["id"]], course_of(case)
    found = simulate(course, design_of(case).design, case["events"], trials=OUR_TRIALS, seed=20091217)

    def assert_share(ours: np.ndarray, rpacts: np.ndarray) -> None:
        error = np.sqrt(rpacts * (1 - rpacts) * (1 / ITERATIONS + 1 / OUR_TRIALS))
        assert (np.abs(ours - rpacts) < 4 * error + 1e-3).all()

    def assert_mean(values: np.ndarray, rpacts: float, more: float = 0.0) -> None:
        error = np.nanstd(values) * math.sqrt(1 / ITERATIONS + 1 / OUR_TRIALS)
        assert abs(np.nanmean(values) - rpacts) < 4 * error + more

    assert_share(found.stopped(found.rejected), theirs["reject"])
    if case["futility"]:
        assert_share(found.stopped(found.futile)[:2], theirs["futile"])
    # in rpact patients enter at even steps, the first after one step: half a step later on the average
    step = 1 / min(case["intensities"]) / 2
    for look in range(3):
        assert_mean(found.time[:, look], theirs["times"][look], step)
    assert_mean(found.duration, theirs["duration"][0], step)
    assert_mean(found.events_at_end, theirs["expected_events"][0])
    assert_mean(found.patients, theirs["expected_patients"][0], 1)
