"""Runs a study's analyses: each `Analysis` value becomes rows of results (and curves), unrounded.

METHODS maps a method's name to a function that takes the analysis' rows and gives numbers; a new
method is a function in this package and a kernel in `pipeline.stats`. What does not belong in the
package: estimators, rounding, words.
"""

from __future__ import annotations

import math
from dataclasses import replace

import polars as pl

from pipeline.analyse import crossover, frequencies, time_to_event
from pipeline.analyse.data import AnalysisError, Data, Method
from pipeline.study import Analysis, CutOff, Frames, Study
from schemas.base import dtypes
from schemas.results import Curves, Results

METHODS: dict[str, Method] = {
    method.__name__: method
    for method in (
        time_to_event.kaplan_meier,
        time_to_event.logrank,
        time_to_event.cox,
        time_to_event.interaction,
        time_to_event.subgroups,
        time_to_event.information,
        time_to_event.follow_up,
        time_to_event.cumulative_incidence,
        time_to_event.gray,
        crossover.structural_failure_time,
        crossover.censoring_weights,
        frequencies.count,
        frequencies.concordance,
        frequencies.baseline_tests,
        frequencies.worst_grade,
        frequencies.by_month,
        frequencies.summary,
        frequencies.parameters,
        frequencies.sample_size,
    )
}


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
    if "arms" in analysis.options and "TRT01PN" in adsl.columns:
        arms = study.arms_of(analysis)
        of_these = pl.col("TRT01PN").is_in([arm.number for arm in arms])
        study, rows, subjects = replace(study, arms=arms), rows.filter(of_these), subjects.filter(of_these)
    return Data(study, analysis, rows, subjects, adam)
