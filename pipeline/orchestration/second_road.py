"""The headline survival figures again, by lifelines: a road that shares nothing with `pipeline.stats`.

lifelines' median is not compared, because it differs from R's where S(t) is 0.5 exactly; the curve that
holds the median is, at every one of its times. What does not belong here: anything a result is made from.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.study import DAYS_PER_MONTH, Analysis, Frames, Study

TOLERANCE = 1e-6
"""Relative; lifelines' Cox agrees with R to 3e-10 at the precision asked for here."""

_Row = tuple[str, str, str, str, float | None, float]
_COLUMNS = {
    "ANALYSIS": pl.String,
    "GROUP": pl.String,
    "LEVEL": pl.String,
    "STATISTIC": pl.String,
    "VALUE": pl.Float64,
    "SECOND": pl.Float64,
}


def compare_second_road(
    study: Study, adam: Frames, results: pl.DataFrame, curves: pl.DataFrame
) -> pl.DataFrame:
    """Results beside what lifelines makes of the same ADTTE: _COLUMNS and AGREES.

    Kaplan–Meier rates at the landmarks and at each time of the curves, unstratified log-rank statistics and
    hazard ratios, but not where the likelihood is monotone: there is no ratio then. A number that only one
    side has does not agree.
    """
    rows = [
        row
        for analysis in study.analyses
        for row in _compare(study, analysis, adam, results, curves)
        if analysis.dataset == "adtte" and analysis.where is None and not analysis.options.get("strata")
    ]
    compared = pl.DataFrame(rows, schema=_COLUMNS, orient="row")
    near = (pl.col("VALUE") - pl.col("SECOND")).abs() <= TOLERANCE * pl.col("SECOND").abs() + 1e-12
    return compared.with_columns(AGREES=near.fill_null(False))


def _compare(
    study: Study, analysis: Analysis, adam: Frames, results: pl.DataFrame, curves: pl.DataFrame
) -> Iterator[_Row]:
    if analysis.method not in ("kaplan_meier", "logrank", "cox"):
        return
    rows, arms = _rows(analysis, adam), study.arms_of(analysis)
    groups = [rows.filter(pl.col("TRT01PN") == arm.number) for arm in arms]
    if any(group.is_empty() for group in groups):
        return
    mine = results.filter(pl.col("ANALYSIS") == analysis.id)
    value = {
        (g, level, s): v for g, level, s, v in mine.select("GROUP", "LEVEL", "STATISTIC", "VALUE").iter_rows()
    }
    contrast = ":".join(arm.code for arm in arms)
    match analysis.method:
        case "kaplan_meier":
            for arm, group in zip(arms, groups, strict=True):
                steps = curves.filter(ANALYSIS=analysis.id, GROUP=arm.code, CAUSE="")
                asked = [(t, str(t), "estimate", s) for t, s in steps.select("TIME", "ESTIMATE").iter_rows()]
                for month in analysis.options["landmarks"]:
                    rate = value.get((arm.code, str(month), "rate"))
                    asked.append((month * DAYS_PER_MONTH, str(month), "rate", rate))
                theirs = _rates(group, [time for time, *_ in asked])
                for (_, level, statistic, ours), again in zip(asked, theirs, strict=True):
                    yield analysis.id, arm.code, level, statistic, ours, again
        case "logrank":
            chisq = _logrank(*groups)
            yield analysis.id, contrast, "", "chisq", value.get((contrast, "", "chisq")), chisq
        case "cox" if not value.get((contrast, "", "monotone")):
            first, second = groups
            hr = _hazard_ratio(pl.concat([first.with_columns(x=pl.lit(1)), second.with_columns(x=pl.lit(0))]))
            yield analysis.id, contrast, "", "hr", value.get((contrast, "", "hr")), hr


def _rows(analysis: Analysis, adam: Frames) -> pl.DataFrame:
    """The randomised subjects' times of the endpoint; `where` may use any variable of ADSL."""
    adsl = adam["adsl"].filter(pl.col("ITTFL") == "Y")
    adtte = adam["adtte"].filter(pl.col("PARAMCD") == analysis.endpoint)
    more = [name for name in adsl.columns if name not in adtte.columns]
    rows = adtte.join(adsl.select("USUBJID", *more), on="USUBJID")
    rows = rows if analysis.where is None else rows.filter(analysis.where)
    return rows.select("TRT01PN", "AVAL", EVENT=(pl.col("CNSR") == 0).cast(pl.Int64))


def _rates(rows: pl.DataFrame, times: list[float]) -> list[float]:
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(rows["AVAL"].to_numpy(), rows["EVENT"].to_numpy())
    return [float(rate) for rate in fitted.survival_function_at_times(times)]


def _logrank(first: pl.DataFrame, second: pl.DataFrame) -> float:
    from lifelines.statistics import logrank_test

    columns = [frame[name].to_numpy() for name in ("AVAL", "EVENT") for frame in (first, second)]
    return float(logrank_test(*columns).test_statistic)


def _hazard_ratio(rows: pl.DataFrame) -> float:
    import pandas as pd  # type: ignore[import-untyped]
    from lifelines import CoxPHFitter

    frame = pd.DataFrame({name: rows[name].to_numpy() for name in ("AVAL", "EVENT", "x")})
    fitted = CoxPHFitter().fit(frame, "AVAL", "EVENT", fit_options={"precision": 1e-12})
    return float(fitted.hazard_ratios_["x"])
