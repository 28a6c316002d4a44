"""The verdict on a calibrated trial: each target recomputed by `pipeline.stats`, printed as in the report.

What does not belong here: the search (`pipeline.simulate.calibrate`), which judges by estimators of its own.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from pipeline import numbers
from pipeline.simulate.calibrate.trial import NOT_REACHED, Target, Trial
from pipeline.stats.competing import gray_test
from pipeline.stats.survival import cox, interaction, kaplan_meier, logrank, reverse_kaplan_meier
from pipeline.study import DAYS_PER_MONTH


def verdict(skeleton: pl.DataFrame, trial: Trial, targets: Sequence[Target]) -> pl.DataFrame:
    """Per target: FIGURE, TARGET (in words), PRINTED (wanted), SHOWN (of this trial), AS_PRINTED."""
    rows = []
    for target in targets:
        shown = _shown(_value(skeleton, trial, target), target)
        rows.append((target.figure, str(target), target.printed, shown, shown == target.printed))
    return pl.DataFrame(rows, schema=["FIGURE", "TARGET", "PRINTED", "SHOWN", "AS_PRINTED"], orient="row")


def figures_as_printed(rows: pl.DataFrame) -> tuple[int, int]:
    """How many figures (numbers printed together) are as printed, and of how many."""
    figures = rows.group_by("FIGURE").agg(pl.col("AS_PRINTED").all())
    return int(figures["AS_PRINTED"].sum()), len(figures)


def _shown(value: float, target: Target) -> str:
    if math.isnan(value):
        return NOT_REACHED
    if target.printed.startswith("<") and value < float(target.printed[1:]):
        return target.printed
    return numbers.format_number(value, len(target.printed.partition(".")[2]))


def _value(skeleton: pl.DataFrame, trial: Trial, target: Target) -> float:
    """A target's value in the printed unit; nan: not reached."""
    of_arm = skeleton.filter(pl.col("arm") == target.group) if target.group in trial.arms else skeleton
    match target.statistic:
        case "months_to_entry":
            days = (of_arm[f"{trial.entry}_dt"] - of_arm[f"{trial.origin}_dt"]).dt.total_days()
            return float(days.to_numpy().mean()) / DAYS_PER_MONTH
        case "crossed_over":
            return float(of_arm["crossover"].sum())
        case "marked" | "onset_median" | "onset_min" | "onset_max":
            return _onset(of_arm, trial, target)
    endpoint = next(one for one in trial.endpoints if one.name == target.endpoint)
    cut = [one.id for one in trial.cut_offs].index(target.cut_off) + 1
    time, event, cause = _observed(of_arm, trial, endpoint.events, endpoint.from_entry, cut)
    treated = (of_arm["arm"] == trial.arms[0]).to_numpy().astype(int)
    name, _, value = target.of.partition("=")
    match target.statistic:
        case "events":
            return float(event.sum())
        case "event_free":
            return float((event == 0).sum())
        case "median":
            return kaplan_meier(time, event).quantile()[0] / DAYS_PER_MONTH
        case "rate" | "rate_lower" | "rate_upper":
            at = kaplan_meier(time, event).at(int(target.of) * DAYS_PER_MONTH)
            side = {"rate": at.survival, "rate_lower": at.lower, "rate_upper": at.upper}[target.statistic]
            return 100 * float(side[0])
        case "reverse_km":
            return reverse_kaplan_meier(time, event).quantile()[0] / DAYS_PER_MONTH
        case "observed":
            return float(np.median(time)) / DAYS_PER_MONTH
        case "hr" | "hr_lower" | "hr_upper":
            fit = cox(time, event, treated)
            return float({"hr": fit.hr, "hr_lower": fit.lower, "hr_upper": fit.upper}[target.statistic][0])
        case "p":
            return logrank(time, event, treated).p
        case "p_interaction":
            return interaction(time, event, treated, (of_arm[name] == value).to_numpy()).wald_p
        case "p_gray":
            return gray_test(time, cause, treated, of_interest=endpoint.events.index(target.of) + 1).p
    raise AssertionError(target.statistic)


def _onset(of_arm: pl.DataFrame, trial: Trial, target: Target) -> float:
    event = next(one for one in trial.events if one.name == target.endpoint)
    days = pl.col(f"{event.name}_dt") - pl.col(f"{trial.entry}_dt")
    wanted = (
        pl.any_horizontal(pl.col(c) == target.of for c in event.mark_columns) if target.of else pl.lit(True)
    )
    found = of_arm.filter(pl.col(f"{event.name}_dt").is_not_null() & wanted).select(days.dt.total_days())
    months = found.to_series().to_numpy() / DAYS_PER_MONTH
    if target.statistic == "marked":
        return float(len(months))
    share = {"onset_median": 0.5, "onset_min": 0.0, "onset_max": 1.0}[target.statistic]
    return float(np.quantile(months, share)) if len(months) else math.nan


def _observed(
    patients: pl.DataFrame, trial: Trial, events: Sequence[str], from_entry: bool, cut: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, event (0, 1) and cause of each patient as known at a cut-off.

    Days as in ADTTE: the origin is day 1. Causes: 0 censored, 1, 2, ... in the endpoint's order.
    """
    seen = pl.col(f"last_contact_cut{cut}")
    start = pl.col(f"{trial.entry if from_entry or not trial.origin else trial.origin}_dt")
    never = pl.lit(dt.date(9999, 1, 1))
    first = pl.min_horizontal(f"{name}_dt" for name in events).fill_null(never)
    cause = pl.coalesce(
        pl.when(pl.col(f"{name}_dt") == first).then(k) for k, name in enumerate(events, start=1)
    )
    rows = patients.select(
        time=(pl.min_horizontal(first, seen) - start).dt.total_days() + 1,
        event=(first <= seen).cast(pl.Int64),
        cause=pl.when(first <= seen).then(cause).otherwise(0),
    )
    return rows["time"].to_numpy(), rows["event"].to_numpy(), rows["cause"].to_numpy()
