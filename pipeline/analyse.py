"""Runs a study's analyses: each `Analysis` value becomes rows of results (and curves), unrounded.

METHODS maps a method's name to a function that takes the analysis' rows and gives numbers; a new
method is a function here and a kernel in `pipeline.stats`. What does not belong here: estimators,
rounding, words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipeline.study import DAYS_PER_MONTH, Analysis, CutOff, Frames, Study
from schemas.base import dtypes
from schemas.results import Curves, Results

Row = tuple[str, str, str, float | None]
"""GROUP, LEVEL, STATISTIC, VALUE."""


class AnalysisError(ValueError):
    """An analysis asks for a method or variable that is not there; the message names both."""


@dataclass(frozen=True)
class Data:
    """What a method works on.

    rows: the analysis' rows joined with ADSL; subjects: the population's rows of ADSL (denominators).
    """

    study: Study
    analysis: Analysis
    rows: pl.DataFrame
    subjects: pl.DataFrame

    @property
    def options(self) -> Mapping[str, Any]:
        return self.analysis.options

    def of_arm(self, number: int | None, frame: pl.DataFrame | None = None) -> pl.DataFrame:
        """The rows of one arm; all of them for None."""
        frame = self.rows if frame is None else frame
        return frame if number is None else frame.filter(pl.col("TRT01PN") == number)

    def groups(self, total: bool = False) -> Iterator[tuple[str, int | None]]:
        """GROUP label and TRT01PN of each arm, and of everybody."""
        yield from ((arm.code, arm.number) for arm in self.study.arms)
        if total:
            yield "TOTAL", None

    def times(self, number: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """AVAL in days and 1 for an event (CNSR = 0), else 0."""
        rows = self.of_arm(number)
        return rows["AVAL"].to_numpy(), (rows["CNSR"] == 0).cast(pl.Int64).to_numpy()

    def treated(self) -> np.ndarray:
        """1 for the first arm of the study, 0 for the second: hazard ratios are first to second."""
        return (self.rows["TRT01PN"] == self.study.arms[0].number).cast(pl.Int64).to_numpy()

    def strata(self) -> np.ndarray | None:
        """One label per row, from the variables the analysis names as strata."""
        names = self.options.get("strata")
        if not names:
            return None
        return self.rows.select(pl.concat_str(names, separator="|")).to_series().to_numpy()

    def causes(self) -> np.ndarray:
        """0 for a censored row, else 1, 2, ... in the order of the analysis' causes."""
        codes = {cnsr: i + 1 for i, cnsr in enumerate(self.options["causes"].values())}
        return self.rows["CNSR"].replace_strict(codes, default=0, return_dtype=pl.Int64).to_numpy()

    @property
    def contrast(self) -> str:
        """GROUP of a comparison, `LEN:PBO`."""
        return ":".join(arm.code for arm in self.study.arms)


Method = Callable[[Data], tuple[list[Row], list[dict[str, Any]]]]


def run_analyses(study: Study, adam: Frames, cut_off: CutOff) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All analyses of the study on one cut-off's analysis datasets: (results, curves).

    adam: datasets by name (`adsl`, `adtte`, ...). Values are unrounded, times in days; not reached and
    not estimable are null.
    """
    results, curves = [], []
    for analysis in study.analyses:
        if analysis.method not in METHODS:
            raise AnalysisError(f"analysis {analysis.id}: there is no method {analysis.method!r}")
        rows, steps = METHODS[analysis.method](_data(study, analysis, adam))
        about = (study.id, cut_off.date, analysis.id)
        for group, level, statistic, value in rows:
            finite = None if value is None or not math.isfinite(value) else float(value)
            shown = (analysis.output, analysis.population, analysis.endpoint)
            results.append((*about, *shown, group, level, statistic, finite, analysis.method))
        curves += [
            {"STUDYID": study.id, "CUTOFF": cut_off.date, "ANALYSIS": analysis.id, **step}
            | {"ENDPOINT": analysis.endpoint}
            for step in steps
        ]
    return (
        pl.DataFrame(results, schema=dtypes(Results), orient="row"),
        pl.DataFrame(curves, schema=dtypes(Curves)),
    )


def _data(study: Study, analysis: Analysis, adam: Frames) -> Data:
    adsl = adam["adsl"]
    subjects = adsl.filter(pl.col("ITTFL") == "Y")
    rows = adam[analysis.dataset]
    if analysis.dataset == "adtte":
        rows = rows.filter(pl.col("PARAMCD") == analysis.endpoint)
    if analysis.dataset != "adsl":
        own = [c for c in adsl.columns if c not in rows.columns]
        rows = rows.join(subjects.select("USUBJID", *own), on="USUBJID", how="inner", maintain_order="left")
    if analysis.where is not None:
        rows = rows.filter(analysis.where)
    return Data(study, analysis, rows, subjects)


def _months(months: int) -> float:
    return months * DAYS_PER_MONTH


def _steps(group: str, cause: str, columns: Mapping[str, np.ndarray | None]) -> list[dict[str, Any]]:
    """Rows of curves from arrays of one length; nan and absent arrays become null."""
    present = {name: values.tolist() for name, values in columns.items() if values is not None}
    return [
        {"GROUP": group, "CAUSE": cause}
        | {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in zip(present, step, strict=True)
        }
        for step in zip(*present.values(), strict=True)
    ]


def kaplan_meier(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Counts, median, landmark rates and numbers at risk per arm; the curve of each arm."""
    from pipeline.stats import survival

    rows: list[Row] = []
    steps = []
    for group, number in data.groups(total=True):
        time, event = data.times(number)
        if not len(time):
            continue
        fit = survival.kaplan_meier(time, event)
        n, events = len(event), int(event.sum())
        rows += [
            (group, "", "n", n),
            (group, "", "events", events),
            (group, "", "censored", n - events),
            (group, "", "event_proportion", events / n),
            (group, "", "event_free_proportion", (n - events) / n),
        ]
        for name, value in zip(("median", "median_lower", "median_upper"), fit.quantile(), strict=True):
            rows.append((group, "", name, value))
        at = fit.at([_months(m) for m in data.options["landmarks"]])
        for i, month in enumerate(data.options["landmarks"]):
            rows += [
                (group, str(month), "rate", at.survival[i]),
                (group, str(month), "rate_lower", at.lower[i]),
                (group, str(month), "rate_upper", at.upper[i]),
            ]
        at_risk = fit.at([_months(m) for m in data.options["at_risk"]]).n_risk
        rows += [
            (group, str(m), "n_risk", int(k)) for m, k in zip(data.options["at_risk"], at_risk, strict=True)
        ]
        if number is not None:
            steps += _steps(
                group,
                "",
                {
                    "TIME": fit.time.astype(np.int64),
                    "NRISK": fit.n_risk,
                    "NEVENT": fit.n_event,
                    "NCENSOR": fit.n_censor,
                    "ESTIMATE": fit.survival,
                    "LOWER": fit.lower,
                    "UPPER": fit.upper,
                },
            )
    return rows, steps


def logrank(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Two-sided log-rank test between the arms, stratified where the analysis says so."""
    from pipeline.stats import survival

    time, event = data.times()
    test = survival.logrank(time, event, data.treated(), strata=data.strata())
    statistics = {"chisq": test.chisq, "df": test.df, "p": test.p}
    return [(data.contrast, "", name, value) for name, value in statistics.items()], []


def cox(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Hazard ratio of the first arm to the second with Wald interval, and the risk reduction it means."""
    from pipeline.stats import survival

    time, event = data.times()
    fit = survival.cox(time, event, data.treated(), strata=data.strata())
    hr = math.nan if fit.monotone else fit.hr[0]
    statistics = {
        "coef": fit.coef[0],
        "se": fit.se[0],
        "hr": hr,
        "hr_lower": math.nan if fit.monotone else fit.lower[0],
        "hr_upper": math.nan if fit.monotone else fit.upper[0],
        "p": fit.p[0],
        "risk_reduction": 1 - hr,
        "monotone": float(fit.monotone),
    }
    return [(data.contrast, "", name, value) for name, value in statistics.items()], []


def interaction(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Treatment by factor: Wald P of the product term (likelihood-ratio P beside it), HR within levels."""
    from pipeline.stats import survival

    factor = data.options["factor"]
    if factor not in data.rows.columns:
        raise AnalysisError(f"analysis {data.analysis.id}: there is no variable {factor}")
    time, event = data.times()
    fit = survival.interaction(time, event, data.treated(), data.rows[factor].to_numpy())
    rows: list[Row] = [(data.contrast, "", "p", fit.wald_p), (data.contrast, "", "p_lr", fit.lr_p)]
    for level in fit.levels:
        name = f"{factor}={level.level}"
        rows += [
            (data.contrast, name, "hr", level.hr),
            (data.contrast, name, "hr_lower", level.lower),
            (data.contrast, name, "hr_upper", level.upper),
        ]
    return rows, []


def follow_up(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Median follow-up, by reverse Kaplan–Meier and as observed (the paper does not say which it used)."""
    from pipeline.stats import survival

    rows: list[Row] = []
    for group, number in data.groups(total=True):
        time, event = data.times(number)
        if not len(time):
            continue
        reverse = survival.reverse_kaplan_meier(time, event)
        names = ("reverse_km", "reverse_km_lower", "reverse_km_upper")
        rows += [(group, "", name, value) for name, value in zip(names, reverse.quantile(), strict=True)]
        rows.append((group, "", "observed", float(np.median(time))))
    return rows, []


def cumulative_incidence(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Aalen–Johansen per arm and cause: events, rates at the landmarks, numbers at risk, curves."""
    from pipeline.stats import competing

    rows: list[Row] = []
    steps = []
    names = list(data.options["causes"])
    causes = data.causes()
    time = data.rows["AVAL"].to_numpy()
    arm = data.rows["TRT01PN"].to_numpy()
    landmarks, at_risk = data.options["landmarks"], data.options["at_risk"]
    for group, number in data.groups():
        mine = arm == number
        if not mine.any():
            continue
        fit = competing.cumulative_incidence(time[mine], causes[mine], causes=range(1, len(names) + 1))
        at = fit.at([_months(m) for m in landmarks])
        n_risk = fit.at([_months(m) for m in at_risk]).n_risk
        rows += [(group, str(m), "n_risk", int(k)) for m, k in zip(at_risk, n_risk, strict=True)]
        leaving = -np.diff(fit.n_risk, append=0)
        for i, cause in enumerate(names):
            rows.append((group, cause, "events", int(fit.n_event[:, i].sum())))
            for j, month in enumerate(landmarks):
                rows += [
                    (group, f"{cause} {month}", "rate", at.incidence[j, i]),
                    (group, f"{cause} {month}", "variance", at.variance[j, i]),
                ]
            steps += _steps(
                group,
                cause,
                {
                    "TIME": fit.time.astype(np.int64),
                    "NRISK": fit.n_risk,
                    "NEVENT": fit.n_event[:, i],
                    "NCENSOR": leaving - fit.n_event.sum(axis=1),
                    "ESTIMATE": fit.incidence[:, i],
                },
            )
    return rows, steps


def gray(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Gray's test between the arms for each cause."""
    from pipeline.stats import competing

    rows: list[Row] = []
    causes, time = data.causes(), data.rows["AVAL"].to_numpy()
    for i, cause in enumerate(data.options["causes"]):
        test = competing.gray_test(time, causes, data.treated(), of_interest=i + 1)
        rows += [
            (data.contrast, cause, n, v) for n, v in (("chisq", test.chisq), ("df", test.df), ("p", test.p))
        ]
    return rows, []


def count(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Subjects per level (a polars filter each), and their proportion of the population's subjects."""
    rows: list[Row] = []
    for group, number in data.groups(total=True):
        denominator = len(data.of_arm(number, data.subjects))
        for level, where in data.options["levels"].items():
            n = data.of_arm(number).filter(where)["USUBJID"].n_unique()
            rows += [(group, level, "n", n), (group, level, "denominator", denominator)]
            if denominator:
                rows.append((group, level, "proportion", n / denominator))
    if data.options.get("test"):
        rows.append((data.contrast, "", "p", _partition_p(data)))
    return rows, []


def _partition_p(data: Data) -> float:
    """Pearson's chi-square P that the levels differ between the arms; subjects in no level are left out."""
    from pipeline.stats import counts

    table = []
    for _, number in data.groups():
        arm = data.of_arm(number)
        known = {name: where for name, where in data.options["levels"].items() if name != "MISSING"}
        table.append([len(arm.filter(where)) for where in known.values()])
    filled = np.array(table)
    filled = filled[:, filled.sum(axis=0) > 0]
    return counts.chi_square(filled) if filled.shape[1] > 1 and filled.sum(axis=1).all() else math.nan


def worst_grade(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """Subjects by the worst grade of a term, and per pooled set of grades Fisher's P and the odds ratio.

    A subject counts once per level, with the highest grade. P is two-sided; the odds ratio is the
    conditional maximum-likelihood estimate with its exact interval.
    """
    from pipeline.stats import counts

    rows: list[Row] = []
    for level, where in data.options["levels"].items():
        worst = data.rows.filter(where).group_by("USUBJID", "TRT01PN").agg(grade=pl.col("ATOXGRN").max())
        sizes, hits = [], []
        for group, number in data.groups(total=True):
            denominator = len(data.of_arm(number, data.subjects))
            grades = data.of_arm(number, worst)["grade"]
            rows.append((group, level, "denominator", denominator))
            for grade in data.options["grades"]:
                n = int((grades == grade).sum())
                rows += [
                    (group, f"{level} {grade}", "n", n),
                    (group, f"{level} {grade}", "proportion", n / denominator if denominator else math.nan),
                ]
            if number is not None:
                sizes.append(denominator)
                hits.append(
                    {name: int(grades.is_in(pool).sum()) for name, pool in data.options["pooled"].items()}
                )
        for name in data.options["pooled"]:
            table = [[hit[name], size - hit[name]] for hit, size in zip(hits, sizes, strict=True)]
            odds = counts.odds_ratio(table)
            rows += [
                (data.contrast, f"{level} {name}", "p", counts.fisher_exact(table)),
                (data.contrast, f"{level} {name}", "odds_ratio", odds.estimate),
                (data.contrast, f"{level} {name}", "odds_ratio_lower", odds.lower),
                (data.contrast, f"{level} {name}", "odds_ratio_upper", odds.upper),
            ]
    return rows, []


def summary(data: Data) -> tuple[list[Row], list[dict[str, Any]]]:
    """n, mean, standard deviation, median, minimum and maximum of a variable, per level."""
    rows: list[Row] = []
    variable = data.options["variable"]
    for group, number in data.groups(total=True):
        for level, where in data.options.get("levels", {"": pl.lit(True)}).items():
            values = data.of_arm(number).filter(where)[variable].drop_nulls().cast(pl.Float64)
            rows.append((group, level, "n", len(values)))
            names = ("mean", "std", "median", "min", "max")
            rows += [(group, level, name, getattr(values, name)()) for name in names]
    return rows, []


METHODS: dict[str, Method] = {
    method.__name__: method
    for method in (
        kaplan_meier,
        logrank,
        cox,
        interaction,
        follow_up,
        cumulative_incidence,
        gray,
        count,
        worst_grade,
        summary,
    )
}
