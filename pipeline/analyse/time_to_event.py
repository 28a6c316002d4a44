"""Methods for time-to-event data: curves, tests, hazard ratios, competing risks.

A method asks `pipeline.stats` and names the numbers it gets. What does not belong here: estimators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import polars as pl

from pipeline.analyse.data import AnalysisError, Data, Method, Output, Row, days


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


def kaplan_meier(data: Data) -> Output:
    """Counts, median, landmark rates and numbers at risk per arm; the curve of each arm."""
    rows: list[Row] = []
    steps = []
    for group, number in data.groups(total=True):
        time, event = data.times(number)
        if not len(time):
            continue
        of_group = curve(data, group, time, event)
        rows += of_group[0]
        steps += of_group[1] if number is not None else []
    return rows, steps


def curve(data: Data, group: str, time: np.ndarray, event: np.ndarray) -> Output:
    """The Kaplan–Meier estimate of one group, in days: its rows by the options, and its steps."""
    from pipeline.stats import survival

    fit = survival.kaplan_meier(time, event)
    n, events = len(event), int(event.sum())
    rows: list[Row] = [
        (group, "", "n", n),
        (group, "", "events", events),
        (group, "", "censored", n - events),
        (group, "", "event_proportion", events / n),
        (group, "", "event_free_proportion", (n - events) / n),
    ]
    for name, value in zip(("median", "median_lower", "median_upper"), fit.quantile(), strict=True):
        rows.append((group, "", name, value))
    at = fit.at([days(m) for m in data.options["landmarks"]])
    for i, month in enumerate(data.options["landmarks"]):
        rows += [
            (group, str(month), "rate", at.survival[i]),
            (group, str(month), "rate_lower", at.lower[i]),
            (group, str(month), "rate_upper", at.upper[i]),
        ]
    at_risk = fit.at([days(m) for m in data.options["at_risk"]]).n_risk
    rows += [(group, str(m), "n_risk", int(k)) for m, k in zip(data.options["at_risk"], at_risk, strict=True)]
    columns = {
        "TIME": fit.time.astype(np.int64),
        "NRISK": fit.n_risk,
        "NEVENT": fit.n_event,
        "NCENSOR": fit.n_censor,
        "ESTIMATE": fit.survival,
        "LOWER": fit.lower,
        "UPPER": fit.upper,
    }
    return rows, _steps(group, "", columns)


def between_arms(method: Method) -> Method:
    """A comparison, which has nothing to say where treatments are blinded or an arm has no rows."""

    @wraps(method)
    def compared(data: Data) -> Output:
        if len(data.study.arms) != 2:
            raise AnalysisError(
                f"analysis {data.analysis.id} compares two arms: its option `arms` names them"
            )
        apart = not data.blinded and all(len(data.of_arm(number)) for _, number in data.groups())
        return method(data) if apart else ([], [])

    return compared


@between_arms
def logrank(data: Data) -> Output:
    """Two-sided log-rank test between the arms, stratified where the analysis says so."""
    from pipeline.stats import survival

    time, event = data.times()
    test = survival.logrank(time, event, data.treated(), strata=data.strata())
    statistics = {"chisq": test.chisq, "df": test.df, "p": test.p}
    return [(data.contrast, "", name, value) for name, value in statistics.items()], []


@between_arms
def cox(data: Data) -> Output:
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


@between_arms
def interaction(data: Data) -> Output:
    """Treatment by factor: Wald P of the product term (likelihood-ratio P beside it), HR within levels."""
    from pipeline.stats import survival

    factor = data.options["factor"]
    if factor not in data.rows.columns:
        raise AnalysisError(f"analysis {data.analysis.id}: there is no variable {factor}")
    if data.rows[factor].n_unique() < 2:  # in small data; there is nothing to compare
        return [(data.contrast, "", "p", math.nan), (data.contrast, "", "p_lr", math.nan)], []
    time, event = data.times()
    fit = survival.interaction(time, event, data.treated(), data.rows[factor].to_numpy())
    p = math.nan if fit.model.monotone else fit.wald_p
    rows: list[Row] = [(data.contrast, "", "p", p), (data.contrast, "", "p_lr", fit.lr_p)]
    for level in fit.levels:
        name = f"{factor}={level.level}"
        rows += [
            (data.contrast, name, "hr", level.hr),
            (data.contrast, name, "hr_lower", level.lower),
            (data.contrast, name, "hr_upper", level.upper),
        ]
    return rows, []


@between_arms
def subgroups(data: Data) -> Output:
    """The hazard ratio within each level of each factor (a forest plot's rows), and the interaction P.

    Each level is a model of its own, so a level's ratio uses its own patients only.
    """
    from pipeline.stats import survival

    rows: list[Row] = []
    for name, factor in data.options["factors"].items():
        known = data.rows.filter(pl.col(factor).is_not_null())
        for value in known[factor].unique().sort():
            level = f"{name}={value}"
            within = replace(data, rows=known.filter(pl.col(factor) == value))
            time, event = within.times()
            for group, number in data.groups():
                own = within.times(number)[1]
                rows += [(group, level, "n", len(own)), (group, level, "events", int(own.sum()))]
            treated = within.treated()
            if event.any() and 0 < treated.sum() < len(treated):
                fit = survival.cox(time, event, treated)
                shown = math.nan if fit.monotone else 1.0
                rows += [
                    (data.contrast, level, "hr", shown * fit.hr[0]),
                    (data.contrast, level, "hr_lower", shown * fit.lower[0]),
                    (data.contrast, level, "hr_upper", shown * fit.upper[0]),
                    (data.contrast, level, "se", shown * fit.se[0]),
                ]
        time, event = replace(data, rows=known).times()
        if known[factor].n_unique() > 1:
            test = survival.interaction(
                time, event, replace(data, rows=known).treated(), known[factor].to_numpy()
            )
            p = math.nan if test.model.monotone else test.wald_p
            rows.append((data.contrast, name, "p_interaction", p))
    return rows, []


def information(data: Data) -> Output:
    """How many events of the endpoint there are, both arms together, and what share of those planned.

    The options are the sequential design's (`pipeline.stats.sequential.logrank_design`).
    """
    from pipeline.stats import sequential

    planned = sequential.logrank_design(**data.options).max_events
    events = int((data.rows["CNSR"] == 0).sum())
    statistics = {"events": events, "planned": planned, "fraction": events / planned}
    return [("TOTAL", "", name, value) for name, value in statistics.items()], []


def follow_up(data: Data) -> Output:
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


def cumulative_incidence(data: Data) -> Output:
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
        at = fit.at([days(m) for m in landmarks])
        n_risk = fit.at([days(m) for m in at_risk]).n_risk
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


@between_arms
def gray(data: Data) -> Output:
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
