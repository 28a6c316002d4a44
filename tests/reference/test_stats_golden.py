"""Every reference value from R that applies to `pipeline.stats`, for R of 2011 and R 4.2.2.

Where the values come from, the R calls and the versions: golden/ORIGIN.md. A test takes all rows of one
data set and one statistic; a row no function here computes fails the test unless NOT_CHECKED says why.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.stats.competing import cumulative_incidence, gray_test
from pipeline.stats.counts import fisher_exact, odds_ratio
from pipeline.stats.survival import Cox, LogRank, cox, interaction, kaplan_meier, logrank

GOLDEN = Path(__file__).parent / "golden"
Data = dict[str, NDArray[np.float64]]
Values = dict[str, float]

# (data set, statistic, beginning of the key): why its rows are not compared
SEPARATED = "x2 separates the failures: coefficients diverge, R's values are where its iteration stopped"
NOT_CHECKED = {
    ("half10", "cox_multi", ""): SEPARATED,
    ("half10", "cox_inter", ""): SEPARATED,
    ("half10", "cox_inter_main", "x2|"): SEPARATED,
    ("veteran", "cox_exact_small", ""): "exact ties in tied data: not a method of this package",
}
ACCURACY = {"km": 1e-10, "logrank": 1e-10, "cuminc": 1e-10, "cox": 1e-8, "fisher": 1e-12}


@cache
def rows(version: str) -> dict[tuple[str, str], Values]:
    """The reference values of one version of R by (data set, statistic) and key; NA is nan."""
    out: dict[tuple[str, str], Values] = {}
    with (GOLDEN / version / "golden_stats.csv").open() as file:
        for row in csv.DictReader(file):
            value = float("nan") if row["value"] in ("NA", "NaN") else float(row["value"])
            out.setdefault((row["dataset"], row["stat"]), {})[row["key"]] = value
    return out


@cache
def data(name: str) -> Data:
    """A data set, its numbers read to the last bit."""
    with (GOLDEN / "data" / f"{name}.csv").open() as file:
        records = list(csv.DictReader(file))
    return {column: np.array([float(record[column]) for record in records]) for column in records[0]}


def landmarks(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """R's quantile(time, c(.1, .3, .5, .7), type = 1)."""
    ordered = np.sort(time)
    return ordered[[math.ceil(round(time.size * tenths / 10, 9)) - 1 for tenths in (1, 3, 5, 7)]]


def by_group(d: Data, by: str) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    if by == "all":
        yield "all", np.ones(d["time"].size, dtype=bool)
    else:
        for group in np.unique(d["group"]):
            yield f"{group:.0f}", d["group"] == group


def km(d: Data, stat: str) -> Values:
    what, interval, by = stat.split()
    out = {}
    for name, rows_ in by_group(d, by):
        curve = kaplan_meier(d["time"][rows_], d["status"][rows_], interval=interval)  # type: ignore[arg-type]
        if what == "km":
            out |= _named(name, ("median", "0.95LCL", "0.95UCL"), curve.quantile(0.5))
        elif what == "kmq":
            for percent in (25, 50, 75):
                names = ("quantile", "lower", "upper")
                out |= _named(f"{name}|{percent}", names, curve.quantile(percent / 100))
        else:
            at = curve.at(landmarks(d["time"]))
            for i, time in enumerate(at.time):
                names = ("surv", "std.err", "lower", "upper", "n.risk")
                columns = (at.survival, at.std_err, at.lower, at.upper, at.n_risk)
                out |= _named(f"{name}|{time:.15g}", names, [column[i] for column in columns])
    return out


def _named(prefix: str, names: tuple[str, ...], values: object) -> Values:
    return {f"{prefix}|{name}": float(value) for name, value in zip(names, values, strict=True)}  # type: ignore[call-overload]


def log_rank(d: Data, stat: str) -> Values:
    strata = d["strat"] if stat == "logrank_strat" else None
    rho = 1.0 if stat == "logrank_rho1" else 0.0
    return log_rank_values(logrank(d["time"], d["status"], d["group"], strata=strata, rho=rho))


def log_rank_values(test: LogRank) -> Values:
    out = {"chisq": test.chisq, "df": test.df, "p": test.p, "var11": test.variance[0, 0]}
    for i, (observed, expected) in enumerate(zip(test.observed, test.expected, strict=True), 1):
        out |= {f"obs{i}": observed, f"exp{i}": expected}
    return out


def cox_model(d: Data, stat: str) -> Values:
    groups = np.unique(d["group"])
    if groups.size > 2 and not (stat == "cox_exact_small" and d["time"].size >= 150):
        columns = {f"factor(group){g:.0f}": d["group"] == g for g in groups[1:]}
    else:
        columns = {"group": d["group"]}
    last_group = d["group"] == groups[-1]
    if stat == "cox_multi":
        columns |= {"x1": d["x1"], "x2": d["x2"]}
    elif stat.startswith("cox_inter"):
        columns = {"g2": last_group, "x2": d["x2"]}
        if stat == "cox_inter":
            columns["g2:x2"] = last_group * d["x2"]
    strata = d["strat"] if stat == "cox_strat" else None
    ties = "breslow" if stat == "cox_breslow" else "efron"
    model = cox(d["time"], d["status"], np.column_stack(list(columns.values())), strata=strata, ties=ties)  # type: ignore[arg-type]
    out = cox_values(model, list(columns))
    if stat == "cox_inter":
        main = cox(d["time"], d["status"], np.column_stack([last_group, d["x2"]]))
        out["LRT_chisq"] = 2 * (model.loglik - main.loglik)
        out["LRT_p"] = math.erfc(math.sqrt(max(out["LRT_chisq"], 0) / 2))
        if np.unique(d["x2"]).size == 2:
            test = interaction(d["time"], d["status"], last_group, d["x2"])
            assert test.wald_p == pytest.approx(out["g2:x2|p"], rel=1e-9, nan_ok=True)
            assert test.lr_p == pytest.approx(out["LRT_p"], rel=1e-8)
    return out


def cox_values(model: Cox, names: list[str]) -> Values:
    out = {"loglik0": model.loglik_null, "loglik1": model.loglik}
    out |= {"score": model.score, "wald": model.wald, "lr": model.lr}
    for i, name in enumerate(names):
        columns = {
            "coef": model.coef,
            "se": model.se,
            "p": model.p,
            "lower": model.lower,
            "upper": model.upper,
        }
        out |= {f"{name}|{key}": float(column[i]) for key, column in columns.items()}
        if model.aliased[i]:  # R keeps a standard error of 0 beside a missing coefficient
            out[f"{name}|se"] = 0.0
    return out


def cuminc(d: Data, stat: str) -> Values:
    by = {"cuminc_all": None, "cuminc_k": "strat"}.get(stat, "group")
    group = np.ones(d["time"].size) if by is None else d[by]
    strata = d["strat"] if stat == "cuminc_strat" else None
    out = incidence_values(d["time"], d["event"], group, landmarks(d["time"]))
    if by is not None:
        out |= gray_values(d["time"], d["event"], group, strata, 1.0 if stat == "cuminc_rho1" else 0.0)
    return out


def incidence_values(time: object, event: object, group: NDArray[np.float64], times: object) -> Values:
    out = {}
    causes = [int(cause) for cause in np.unique(event) if cause > 0]  # type: ignore[call-overload]
    for g in np.unique(group):
        inside = group == g
        curves = cumulative_incidence(time[inside], event[inside], causes=causes)  # type: ignore[index]
        at = curves.at(times)  # type: ignore[arg-type]
        for i, t in enumerate(at.time):
            for j, cause in enumerate(causes):
                key = f"{g:.0f} {cause}|{t:.15g}"
                # timepoints() of cmprsk has no value after the group's last time
                known = t <= curves.time[-1]
                out[f"{key}|est"] = at.incidence[i, j] if known else float("nan")
                out[f"{key}|var"] = at.variance[i, j] if known else float("nan")
    return out


def gray_values(time: object, event: object, group: object, strata: object, rho: float) -> Values:
    out = {}
    for cause in np.unique(event):  # type: ignore[call-overload]
        if cause > 0:
            test = gray_test(time, event, group, of_interest=int(cause), strata=strata, rho=rho)  # type: ignore[arg-type]
            out |= _named(f"gray|{cause:.0f}", ("stat", "p", "df"), (test.chisq, test.p, test.df))
    return out


def fisher(name: str, stat: str, keys: Values) -> Values:
    if stat == "fisher_rxc":
        lines = int(keys["dims"])
        cells = next(key for key in keys if "_" in key)
        counts = np.array([int(cell) for cell in cells.split("_")]).reshape(-1, lines).T
        return {"p": fisher_exact(counts), "dims": lines, cells: float("nan")}
    counts = np.array([int(cell) for cell in name.split("_")]).reshape(2, 2)
    ratio = odds_ratio(counts, level=0.9 if stat == "fisher_ci90" else 0.95)
    out = {"or": ratio.estimate, "lower": ratio.lower, "upper": ratio.upper}
    return out if stat == "fisher_ci90" else out | {"p": fisher_exact(counts)}


FAMILIES: dict[str, Callable[[Data, str], Values]] = {
    "km": km,
    "kmq": km,
    "kml": km,
    "logrank": log_rank,
    "cox": cox_model,
    "cuminc": cuminc,
}
ONE_SIDED = {"fisher_less", "fisher_greater"}


def cases(version: str) -> list[tuple[str, str, str]]:
    return [(version, name, stat) for name, stat in rows(version) if stat not in ONE_SIDED]


def agrees(got: float, wanted: float, accuracy: float) -> bool:
    if math.isnan(wanted) or math.isinf(wanted):
        return got == wanted or (math.isnan(got) and math.isnan(wanted))
    return math.isclose(got, wanted, rel_tol=accuracy, abs_tol=accuracy * 1e-3)


@pytest.mark.parametrize(("version", "name", "stat"), cases("r2141src") + cases("r422"))
def test_agrees_with_r(version: str, name: str, stat: str) -> None:
    golden = rows(version)[name, stat]
    left_out = [key for ds, st, key in NOT_CHECKED if (ds, st) == (name, stat)]
    checked = {key: value for key, value in golden.items() if not any(key.startswith(k) for k in left_out)}
    family = stat.replace(" ", "_").split("_")[0]
    if not checked:
        pytest.skip(NOT_CHECKED[name, stat, ""])
    ours = fisher(name, stat, golden) if family == "fisher" else FAMILIES[family](data(name), stat)
    assert set(golden) <= set(ours)
    accuracy = ACCURACY["km" if family.startswith("km") else family]
    wrong = {}
    for key, wanted in checked.items():
        # R searches odds ratio and limits (as 1/limit above 1) with uniroot to 1.2e-4; only P is exact there
        searched = family == "fisher" and key in ("or", "lower", "upper")
        if not agrees(ours[key], wanted, accuracy) and not (
            searched and agrees_as_searched(ours[key], wanted)
        ):
            wrong[key] = (ours[key], wanted)
    assert not wrong


def agrees_as_searched(got: float, wanted: float, tolerance: float = np.finfo(float).eps ** 0.25) -> bool:
    """fisher.test solves for the odds ratio in (0, 1), or its reciprocal, by uniroot with this tolerance."""
    if max(got, wanted) > 1:
        got, wanted = 1 / got, 1 / wanted
    return abs(got - wanted) <= tolerance
