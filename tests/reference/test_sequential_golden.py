"""Group-sequential designs against R's rpact: committed values, and a wide grid where rpact is installed.

Accuracy asked for: 1e-7 for bounds, probabilities and inflation (relative for numbers of events).
"""

from __future__ import annotations

import csv
import itertools
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pipeline.stats.sequential import (
    OBRIEN_FLEMING,
    POCOCK,
    Boundary,
    Design,
    HaybittlePeto,
    Spending,
    WangTsiatis,
    conditional_power,
    group_sequential,
    logrank_design,
    logrank_drift,
    operating_characteristics,
    repeated_intervals,
    stagewise_inference,
)

GOLDEN = Path(__file__).parent / "golden"
# rpact writes no bound for futility as -6
NO_FUTILITY = -6.0
# rpact integrates over a grid of fixed size: with looks close together or many of them its own error shows
# (tests/unit/test_sequential.py has a second witness for one of these designs)
FINE = [(0.4, 0.5, 0.9, 1), tuple(k / 10 for k in range(1, 11))]
RPACT_ERROR = 3e-6


def golden_rows() -> list[dict[str, str]]:
    with (GOLDEN / "gsd_designs.csv").open() as file:
        return list(csv.DictReader(file))


def boundary(kind: str, parameter: float | None = None) -> Boundary:
    """rpact's typeOfDesign as ours."""
    if kind in ("asOF", "asP"):
        return "OF" if kind == "asOF" else "P"
    if kind in ("OF", "P"):
        return OBRIEN_FLEMING if kind == "OF" else POCOCK
    assert parameter is not None
    return {"asHSD": float, "HP": HaybittlePeto, "WT": WangTsiatis}[kind](parameter)


def beta_spending(kind: str, gamma: float | None = None) -> Spending:
    if kind == "bsHSD":
        assert gamma is not None
        return gamma
    return "OF" if kind == "bsOF" else "P"


def arguments(label: str, looks: int) -> dict[str, Any]:
    """A label of 20_gsd.R as arguments of `logrank_design`."""
    kind, *rest = label.split()
    found: dict[str, Any] = {"looks": looks}
    if kind == "HP":
        return found | {"spending": HaybittlePeto(float(rest[0].removeprefix("z=")))}
    if kind.startswith("asHSD"):
        return found | {"spending": boundary("asHSD", float(kind.removeprefix("asHSD")))}
    found["spending"] = boundary(kind)
    if rest and "," in rest[0]:
        found["looks"] = [int(events) / 309 for events in rest[0].split(",")]
    elif rest:
        gamma = float(rest[1]) if rest[0] == "bsHSD" else None
        found |= {"futility": beta_spending(rest[0], gamma), "binding": rest[-1] == "binding"}
    return found


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: f"{row['design']}, {row['kMax']} looks")
def test_design_agrees_with_rpact(row: dict[str, str]) -> None:
    trial = {"alpha": 0.05, "power": 0.9, "hazard_ratio": 1.4} | arguments(row["design"], int(row["kMax"]))
    ours = logrank_design(**trial)
    freedman = logrank_design(**trial, formula="freedman")
    design = ours.design

    def numbers(column: str) -> list[float]:
        return [float(number) for number in row[column].split(";")]

    assert_allclose(design.critical, numbers("crit"), rtol=0, atol=1e-7)
    assert_allclose(np.maximum(design.futility, NO_FUTILITY), numbers("fut"), rtol=0, atol=1e-7)
    assert_allclose(design.alpha_spent, numbers("alphaSpent"), rtol=0, atol=1e-7)
    assert_allclose(design.inflation, float(row["inflation"]), rtol=0, atol=1e-7)
    assert_allclose(ours.events, float(row["ev_schoenfeld"]), rtol=1e-7)
    assert_allclose(freedman.events, float(row["ev_freedman"]), rtol=1e-7)
    assert_allclose(ours.expected_events[0] / ours.fixed_events, float(row["asn1"]), rtol=0, atol=1e-7)


def grid() -> list[dict[str, Any]]:
    """Designs over alpha, power, looks, spending and futility, named by their place; the fine ones last."""
    sizes = itertools.cycle([(0.05, 0.9), (0.025, 0.8), (0.1, 0.9), (0.01, 0.95), (0.025, 0.9)])
    three, four = [(1 / 3, 2 / 3, 1), (0.2, 0.75, 1)], [(0.25, 0.5, 0.75, 1), (0.4, 0.6, 0.8, 1)]
    looks = itertools.cycle([(0.5, 1), (0.48, 0.75, 1), *three, (0.3, 0.45, 0.6, 0.8, 1), *four])
    kinds = [("OF", None), ("P", None), ("WT", 0.25), ("HP", 3.0), ("HP", 3.3), ("asOF", None), ("asP", None)]
    kinds += [("asHSD", -4.0), ("asHSD", -1.5), ("asHSD", 1.0)]
    efficacy = [(*kind, None, None, False) for kind in kinds for _ in range(3)]
    stopping = [("bsOF", None), ("bsP", None), ("bsHSD", -4.0), ("bsHSD", -1.0)]
    futile = [
        (*kind, *stop, binding)
        for kind in [("asOF", None), ("asP", None), ("asHSD", -4.0), ("asHSD", -1.5), ("asHSD", 1.0)]
        for stop in stopping
        for binding in (False, True)
    ]
    designs: list[dict[str, Any]] = []
    for place, ((kind, parameter, futility, gamma, binding), (alpha, power), fractions) in enumerate(
        zip(efficacy + futile, sizes, looks, strict=False)
    ):
        designs.append(
            {
                "id": place,
                "alpha": alpha,
                "power": power,
                "fractions": fractions,
                "type": kind,
                "parameter": parameter,
                "futility": futility,
                "gamma": gamma,
                "binding": binding,
                "events": 6000,
                "stop": min(len(fractions), 2 + place % 2),
                "intervals": place % 16 == 1,
            }
        )
    fine = [
        row | {"id": f"fine {place}", "fractions": FINE[place % 2], "intervals": False}
        for place, row in enumerate(designs[1:30:3])
    ]
    return designs + fine


def ours(row: dict[str, Any]) -> Design:
    return group_sequential(
        row["fractions"],
        alpha=row["alpha"],
        power=row["power"],
        spending=boundary(row["type"], row["parameter"]),
        futility=beta_spending(row["futility"], row["gamma"]) if row["futility"] else None,
        binding=row["binding"],
    )


@pytest.fixture(scope="module")
def rpact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """What rpact says of the grid: design, quantity, values by look."""
    folder = tmp_path_factory.mktemp("rpact")
    with (folder / "designs.csv").open("w", newline="") as file:
        rows = [row | {"fractions": ";".join(map(repr, row["fractions"]))} for row in grid()]
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    script = [str(GOLDEN / "sequential.R"), str(folder / "designs.csv"), str(folder / "out.csv")]
    done = subprocess.run(["Rscript", *script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, list[float]]] = {}
    with (folder / "out.csv").open() as file:
        for row in csv.DictReader(file):
            found.setdefault(row["design"], {}).setdefault(row["quantity"], []).append(float(row["value"]))
    return {name: {key: np.array(value) for key, value in one.items()} for name, one in found.items()}


@pytest.mark.r
@pytest.mark.slow
@pytest.mark.parametrize("row", grid(), ids=lambda row: str(row["id"]))
def test_grid_agrees_with_rpact(row: dict[str, Any], rpact: dict[str, dict[str, np.ndarray]]) -> None:
    theirs, design = rpact[str(row["id"])], ours(row)
    accuracy = {"rtol": 0, "atol": RPACT_ERROR if row["fractions"] in FINE else 1e-7}
    done = operating_characteristics(design, design.drift * np.array([1, 0.5, 0]))
    # rpact calls a bound infinite that is crossed with a chance below about 1e-15
    beyond = np.isinf(theirs["critical"])
    assert (design.critical[beyond] > 7.5).all()
    assert_allclose(design.critical[~beyond], theirs["critical"][~beyond], **accuracy)
    assert_allclose(np.maximum(design.futility, NO_FUTILITY), theirs["futility"], **accuracy)
    assert_allclose(design.alpha_spent, theirs["alpha_spent"], **accuracy)
    assert_allclose(design.inflation, theirs["inflation"][0], **accuracy)
    assert_allclose(done.reject[0], theirs["reject"], **accuracy)
    assert_allclose(done.futility[0], theirs["stop_futile"], **accuracy)
    assert_allclose(done.expected_fraction * design.inflation, theirs["expected"], **accuracy)

    drift = logrank_drift(1.4, row["events"])
    going = conditional_power(design, 1, theirs["z"][0], drift)
    assert_allclose(going, theirs["conditional"], **accuracy)
    stopped = stagewise_inference(design, row["stop"], theirs["z"][-1], level=1 - 2 * row["alpha"])
    assert_allclose(stopped.p, theirs["p"][0], **accuracy)
    if row["intervals"]:
        # rpact's scale is the mean of the statistic for one event
        final = np.array([stopped.estimate, stopped.lower, stopped.upper]) / math.sqrt(row["events"])
        assert_allclose(final, theirs["final"], **accuracy)
        se = 2 / np.sqrt(row["events"] * design.fractions[: row["stop"]])
        lower, upper = repeated_intervals(design, theirs["z"] * se, se)
        assert_allclose([lower, upper], theirs["repeated"].reshape(-1, 2).T, **accuracy)


def test_the_grid_is_wide() -> None:
    exact = [row for row in grid() if row["fractions"] not in FINE]
    assert len(exact) >= 60
    assert len({(row["type"], row["futility"], row["binding"]) for row in exact}) >= 24
    assert len({(row["alpha"], row["power"]) for row in exact}) == 5
    assert {len(row["fractions"]) for row in grid()} == {2, 3, 4, 5, 10}
    assert any(row["intervals"] for row in exact)
