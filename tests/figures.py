"""Made-up results and curves for every figure: each value odd enough to be recognised where it is shown.

What does not belong here: a value of the trial, any expectation.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import polars as pl

from pipeline.outputs.figures import FigureValue
from pipeline.studies.calgb_100104.endpoints import ENDPOINTS
from pipeline.studies.calgb_100104.figures import FACTORS as FOREST
from pipeline.studies.calgb_100104.figures import FIGURES, LEVELS
from schemas import base
from schemas.results import Curves, Results

MONTH = 30.4375
MONTHS = range(0, 71, 10)
CUTOFF = dt.date(2013, 2, 7)
ANY_CUTOFF: tuple[FigureValue, ...] = tuple(replace(value, cut_off=None) for value in FIGURES)
"""The paper's figures, freed from the cut-off they belong to."""
BY_NAME = {value.name: value for value in ANY_CUTOFF}

# group: (n, events, median and limits in months, numbers at risk)
KM = {
    "LEN": (217, 83, (47, 41, None), [217, 203, 187, 121, 59, 26, 13, 3]),
    "PBO": (211, 127, (23, 19, 31), [211, 189, 143, 73, 29, 22, 11, 2]),
}
WITHOUT_CROSSOVER = [f"{endpoint}_RPSFT{suffix}" for endpoint in ("TTP", "OS") for suffix in ("", "_STRAT")]
CAUSES = {"SECOND CANCER": 0.05, "PROGRESSION": 0.3, "DEATH": 0.02}
RECRUITED = {
    "REGISTERED": {"2006-12": (13, 13), "2007-01": (0, 13), "2007-02": (518, 531)},
    "RANDOMISED": {"2006-12": (0, 0), "2007-01": (7, 7), "2007-02": (421, 428)},
}
"""In the month, and so far."""
Row = tuple[object, ...]

# ANALYSIS, LEVEL: counts of LEN, PBO and TOTAL
COUNTS = {
    ("REGISTERED", "REGISTERED"): (217, 211, 531),
    ("REGISTERED", "RANDOMISED"): (217, 211, 428),
    ("REGISTERED", "NOT RANDOMISED"): (0, 0, 103),
    ("NOT_RANDOMISED", "PROGRESSION"): (0, 0, 33),
    ("NOT_RANDOMISED", "WITHDRAWAL BY SUBJECT"): (0, 0, 70),
    ("RANDOMISED", ""): (217, 211, 428),
    ("TREATMENT", "STARTED"): (216, 208, 424),
    ("TREATMENT", "NEVER STARTED"): (1, 3, 4),
    ("TREATMENT", "ONGOING"): (99, 0, 99),
    ("TREATMENT", "DISCONTINUED"): (117, 208, 325),
    ("TREATMENT", "NO STATUS"): (1, 3, 4),
    ("DISCONTINUED_STARTED", "ADVERSE EVENT"): (37, 11, 48),
    ("DISCONTINUED_STARTED", "PROGRESSIVE DISEASE"): (80, 197, 277),
    ("CROSSOVER", "ELIGIBLE"): (0, 101, 101),
    ("CROSSOVER", "NOT CROSSED OVER"): (0, 17, 17),
    ("CROSSOVER", "CROSSED OVER"): (0, 84, 84),
    ("CROSSOVER", "ONGOING"): (0, 61, 61),
    ("CROSSOVER", "DISCONTINUED"): (0, 23, 23),
    ("CROSSOVER_DISCONTINUED", "DEATH"): (0, 23, 23),
}


def result(analysis: str, group: str, level: str, statistic: str, value: float | None) -> Row:
    return ("MADEUP", CUTOFF, analysis, None, "ITT", "TTP", group, level, statistic, value, "made up")


def make_results(p: float = 0.0231, gray: float = 0.0064) -> pl.DataFrame:
    """Results for every figure."""
    rows = [result("PROTOCOL", "TOTAL", "FOREST_RADIUS_EXPONENT", "value", -2)]
    endpoints = [endpoint.paramcd for endpoint in ENDPOINTS if endpoint.paramcd != "TTSPM"]
    for analysis in (*(f"{endpoint}_KM" for endpoint in endpoints), *WITHOUT_CROSSOVER, "CIF", *_by_level()):
        rows += _km(analysis)
    for endpoint, stratified in itertools.product(endpoints, ("", "_STRAT")):
        rows += _ratio(f"{endpoint}_COX{stratified}", "", (0.415, 0.295, 0.585, 0.175))
        rows.append(result(f"{endpoint}_LOGRANK{stratified}", "LEN:PBO", "", "p", p))
    for analysis in WITHOUT_CROSSOVER:
        rows += _ratio(analysis, "", (0.415, 0.295, 0.585, 0.175))
        rows.append(result(analysis, "LEN:PBO", "", "p", p))
    for place, cause in enumerate(CAUSES):
        rows.append(result("CIF_GRAY", "LEN:PBO", cause, "p", gray))
        rows += [result("CIF", group, cause, "events", 41 + place) for group in KM]
    for endpoint, factor in itertools.product(("TTP", "OS"), FOREST):
        rows += _forest(f"{endpoint}_FOREST", factor.code, [code for code, _ in factor.levels])
    for (analysis, level), counts in COUNTS.items():
        rows += [
            result(analysis, group, level, "n", n)
            for group, n in zip(("LEN", "PBO", "TOTAL"), counts, strict=True)
        ]
    rows += [
        result("RECRUITMENT", "TOTAL", f"{line} {month}", statistic, n)
        for line, months in RECRUITED.items()
        for month, counts in months.items()
        for statistic, n in zip(("n", "cumulative"), counts, strict=True)
    ]
    frame = pl.DataFrame(rows, schema=base.dtypes(Results), orient="row", strict=False)
    assert base.failures(Results, frame).is_empty()
    return frame


def make_curves() -> pl.DataFrame:
    """Curves for every figure."""
    rows: list[Row] = []

    def step(analysis: str, group: str, cause: str, month: float, estimate: float, half: float) -> None:
        limits = (max(0.0, estimate - half), min(1.0, estimate + half))
        head = ("MADEUP", CUTOFF, analysis, "TTP", group, cause, round(month * MONTH))
        rows.append((*head, 200, 1, int(month % 3 == 0), estimate, *limits))

    for month in range(1, 72):
        for group, monthly in (("LEN", 0.012), ("PBO", 0.024)):
            for analysis in ("TTP_KM", "EFS_KM", "TTP_RPSFT", "OS_RPSFT", *_by_level()):
                step(analysis, group, "", month, (1 - monthly) ** month, 0.002 * month)
            step("OS_KM", group, "", month, (1 - monthly / 4) ** month, 0.001 * month)
            for cause, end in CAUSES.items():
                step("CIF", group, cause, month, end * monthly / 0.012 * month / 71, 0.0005 * month)
    frame = pl.DataFrame(rows, schema=base.dtypes(Curves), orient="row")
    assert base.failures(Curves, frame).is_empty()
    return frame


def changed(results: pl.DataFrame, value: float | None, **where: str) -> pl.DataFrame:
    """The results with another value in the rows given by their columns; at least one must be there."""
    here = pl.all_horizontal(*(pl.col(column) == text for column, text in where.items()))
    assert results.filter(here).height > 0
    return results.with_columns(VALUE=pl.when(here).then(pl.lit(value, pl.Float64)).otherwise("VALUE"))


def _by_level() -> list[str]:
    """The curves of the levels: TTP_KM_B2M_LE2.5 and so on."""
    levels = [f"{factor}_{code}" for factor, levels in LEVELS.items() for code, _ in levels]
    return [f"{endpoint}_KM_{level}" for endpoint in ("TTP", "OS") for level in levels]


def _km(analysis: str) -> list[Row]:
    rows = []
    for group, (n, events, median, at_risk) in KM.items():
        counts = {"n": n, "events": events, "censored": n - events}
        rows += [result(analysis, group, "", name, value) for name, value in counts.items()]
        for statistic, months in zip(("median", "median_lower", "median_upper"), median, strict=True):
            reached = months is not None and not analysis.startswith("OS_KM")
            rows.append(result(analysis, group, "", statistic, months * MONTH if reached else None))
        for month, count in zip(MONTHS, at_risk, strict=True):
            rows.append(result(analysis, group, str(month), "n_risk", count))
    return rows


def _ratio(analysis: str, level: str, values: tuple[float, ...]) -> list[Row]:
    names = ("hr", "hr_lower", "hr_upper", "se")
    return [result(analysis, "LEN:PBO", level, n, v) for n, v in zip(names, values, strict=True)]


def _forest(analysis: str, factor: str, levels: list[str]) -> list[Row]:
    rows = [result(analysis, "LEN:PBO", factor, "p_interaction", 0.0377)]
    for place, code in enumerate(levels):
        level = f"{factor}={code}"
        rows += _ratio(analysis, level, (0.335 + place, 0.155 + place, 0.725 + place, 0.21 + 0.13 * place))
        for group in KM:
            rows += [
                result(analysis, group, level, name, n) for name, n in (("n", 109), ("events", 39 + place))
            ]
    return rows
