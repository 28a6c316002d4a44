"""Reference values of golden/extra.R: Gray's test in depth, aliased columns, nearly tied times.

The committed values are compared on every machine; where R is installed the script runs again and must
give the committed file.
"""

from __future__ import annotations

import csv
import math
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.stats.competing import cumulative_incidence, gray_test
from pipeline.stats.survival import Ties, cox, kaplan_meier, logrank, reverse_kaplan_meier

GOLDEN = Path(__file__).parent / "golden"
EXTRA = GOLDEN / "extra"
SETS = ["mgus2", "continuous", "heavy", "sparse", "neartie"]
Data = dict[str, NDArray[np.float64]]
Values = dict[str, float]


@cache
def golden() -> dict[tuple[str, str], Values]:
    return read_values(EXTRA / "golden_extra.csv")


def read_values(path: Path) -> dict[tuple[str, str], Values]:
    out: dict[tuple[str, str], Values] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            value = float("nan") if row["value"] in ("NA", "NaN") else float(row["value"])
            out.setdefault((row["dataset"], row["stat"]), {})[row["key"]] = value
    return out


@cache
def data(name: str) -> Data:
    with (EXTRA / f"{name}.csv").open() as file:
        records = list(csv.DictReader(file))
    return {column: np.array([float(record[column]) for record in records]) for column in records[0]}


def agree(ours: Values, wanted: Values, accuracy: float) -> None:
    assert set(ours) == set(wanted)
    wrong = {
        key: (ours[key], value)
        for key, value in wanted.items()
        if not (math.isnan(value) and math.isnan(ours[key]))
        and not math.isclose(ours[key], value, rel_tol=accuracy, abs_tol=accuracy * 1e-3)
    }
    assert not wrong


CUMINC = ["cuminc", "cuminc_rho", "cuminc_all", "cuminc_strat", "cuminc_strat_rho", "cuminc_k"]
RHO = {"cuminc_rho": 1.5, "cuminc_strat_rho": 1.0}


@pytest.mark.parametrize(
    ("name", "stat"), [(name, stat) for name in SETS for stat in CUMINC if (name, stat) in golden()]
)
def test_competing_risks(name: str, stat: str) -> None:
    """cuminc(time, event, group, strata, rho) of cmprsk 2.2-11."""
    d = data(name)
    group = {"cuminc_all": np.ones(d["time"].size), "cuminc_k": d["strat"]}.get(stat, d["group"])
    strata = d["strat"] if "strat" in stat else None
    # unique(quantile(time, 1:10 / 10, type = 1))
    deciles = np.unique(np.sort(d["time"])[[math.ceil(d["time"].size * k / 10) - 1 for k in range(1, 11)]])
    causes = [int(cause) for cause in np.unique(d["event"]) if cause]
    ours: Values = {}
    for g in np.unique(group):
        inside = group == g
        curves = cumulative_incidence(d["time"][inside], d["event"][inside], causes=causes)
        at = curves.at(deciles)
        for column, cause in enumerate(causes):
            for j, time in enumerate(deciles):
                known = time <= curves.time[-1]  # timepoints() has no value after a group's last time
                ours[f"{g:.0f} {cause}|{j + 1}|est"] = at.incidence[j, column] if known else math.nan
                ours[f"{g:.0f} {cause}|{j + 1}|var"] = at.variance[j, column] if known else math.nan
    for cause in causes if stat != "cuminc_all" else []:
        test = gray_test(
            d["time"], d["event"], group, of_interest=cause, strata=strata, rho=RHO.get(stat, 0.0)
        )
        ours |= {f"gray|{cause}|stat": test.chisq, f"gray|{cause}|p": test.p, f"gray|{cause}|df": test.df}
    agree(ours, golden()[name, stat], 1e-10)


@pytest.mark.parametrize("name", SETS)
def test_kaplan_meier_takes_times_as_given(name: str) -> None:
    """survfit(Surv(time, status) ~ 1, timefix = FALSE), and with censoring as the event."""
    d = data(name)
    curve = kaplan_meier(d["time"], d["status"])
    middle = curve.time.size // 2 - 1
    ours = {"times": curve.time.size, "surv": curve.survival[middle], "std.err": curve.std_err[middle]}
    ours |= {"lower": curve.lower[middle], "upper": curve.upper[middle]}
    agree(ours, golden()[name, "km"], 1e-10)
    follow_up = reverse_kaplan_meier(d["time"], d["status"]).quantile(0.5)
    agree(
        dict(zip(("median", "0.95LCL", "0.95UCL"), follow_up, strict=True)), golden()[name, "reverse"], 1e-10
    )


@pytest.mark.parametrize("rho", [0, 1])
@pytest.mark.parametrize("name", SETS)
def test_stratified_log_rank_with_its_whole_variance(name: str, rho: int) -> None:
    """survdiff(Surv(time, status) ~ group + strata(strat), rho = rho), on the order of the times."""
    d = data(name)
    test = logrank(d["time"], d["status"], d["group"], strata=d["strat"], rho=rho)
    k = test.groups.size
    ours = {f"var{i + 1}{j + 1}": test.variance[i, j] for i in range(k) for j in range(k)}
    agree(ours | {"chisq": test.chisq}, golden()[name, f"logrank_strat_rho{rho}"], 1e-10)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("name", SETS)
def test_cox_leaves_out_the_later_of_two_collinear_columns(name: str, ties: Ties) -> None:
    """coxph(Surv(time, status) ~ x1 + copy + g2 + strata(strat)), copy = 2 x1 + 1, timefix = FALSE."""
    d = data(name)
    x = np.column_stack([d["x1"], 2 * d["x1"] + 1, d["group"] == 2])
    model = cox(d["time"], d["status"], x, strata=d["strat"], ties=ties)
    assert model.aliased.tolist() == [False, True, False]
    ours = {f"coef{i + 1}": model.coef[i] for i in range(3)} | {f"se{i + 1}": model.se[i] for i in range(3)}
    assert math.isnan(ours["se2"])
    ours["se2"] = 0.0  # R keeps a standard error of 0 beside the missing coefficient
    ours |= {"score": model.score, "wald.test": model.wald, "loglik": model.loglik}
    agree(ours, golden()[name, f"cox_{ties}"], 1e-8)


@pytest.mark.r
def test_r_still_gives_these_values(tmp_path: Path) -> None:
    subprocess.run(["Rscript", str(GOLDEN / "extra.R"), str(tmp_path)], check=True, capture_output=True)
    for name in SETS:
        assert (tmp_path / f"{name}.csv").read_text() == (EXTRA / f"{name}.csv").read_text()
    live = read_values(tmp_path / "golden_extra.csv")
    assert set(live) == set(golden())
    for key, values in golden().items():
        agree(live[key], values, 1e-11)
