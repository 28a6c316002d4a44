"""Methods for crossover from control to the experimental treatment: what the trial would have shown without.

A method asks `pipeline.stats.switching` and names the numbers it gets. Where nobody has crossed over there
is nothing to adjust: the rows repeat the comparison as assigned. What does not belong here: estimators,
which covariates a trial knows, words.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from pipeline.analyse.data import Data, Output, Row
from pipeline.analyse.time_to_event import between_arms, curve

if TYPE_CHECKING:
    from pipeline.stats import switching


class Latest(NamedTuple):
    """A covariate read from a dataset: `value` of a subject's latest row that passes `where`, by `date`."""

    dataset: str
    where: pl.Expr
    date: str
    value: pl.Expr


CROSSED = (pl.col("XODT") <= pl.col("ADT")).fill_null(False)
"""Whoever crossed over before the endpoint's event or censoring."""


def could_cross_over(opens: dt.date, closes: str) -> pl.Expr:
    """Who was followed beyond the day on which crossover became possible, and it was not closed by then."""
    return pl.min_horizontal(_day(closes), "AVAL") > pl.max_horizontal(_day(pl.lit(opens)), 0)


def _day(date: str | pl.Expr) -> pl.Expr:
    """A date as a day of the endpoint, whose origin is day 1."""
    day = pl.col(date) if isinstance(date, str) else date
    return (day - pl.col("STARTDT")).dt.total_days() + 1


def _numbers(rows: pl.DataFrame, **values: pl.Expr) -> dict[str, np.ndarray]:
    return {name: column.to_numpy() for name, column in rows.select(**values).to_dict().items()}


@between_arms
def structural_failure_time(data: Data) -> Output:
    """The control arm as if nobody in it had been treated: a rank-preserving structural failure time model.

    Treatment counts from the first dose (of the assigned drug, or after crossover) to the end of time, or,
    with the option `until`, to that date of ADSL. Rows: psi and what it means, the hazard ratio of the first
    arm as observed to the second without crossover, and both arms' curves.
    """
    from pipeline.stats import switching
    from pipeline.stats.inference import normal_tails

    trial, strata = _course(data), data.strata()
    stretch = switching.g_estimate(trial, strata=strata)
    control = data.study.arms[1]
    crossed = data.of_arm(control.number).select(CROSSED.sum()).item()
    without = switching.without_switching(trial, stretch, strata=strata)
    ratios = {
        "hr": without.hr,
        "hr_lower": without.lower,
        "hr_upper": without.upper,
        "se": without.se,
        "p": float(normal_tails(np.array(stretch.z))),
        "psi": stretch.psi,
        "psi_lower": stretch.lower,
        "psi_upper": stretch.upper,
        "crossings": stretch.crossings,
        "time_ratio": math.exp(-stretch.psi),
        "time_ratio_lower": math.exp(-stretch.upper),
        "time_ratio_upper": math.exp(-stretch.lower),
    }
    rows: list[Row] = [(data.contrast, "", name, value) for name, value in ratios.items()]
    rows += [
        (control.code, "", "crossed", crossed),
        (control.code, "", "events_kept", int(without.event[trial.arm == 0].sum())),
        (control.code, "", "events_lost", without.events_lost),
    ]
    steps: list[dict[str, Any]] = []
    for group, number in data.groups():
        mine = trial.arm == (number == data.study.arms[0].number)
        of_group = curve(data, group, without.time[mine], without.event[mine])
        rows += of_group[0]
        steps += of_group[1]
    return rows, steps


def _course(data: Data) -> switching.Course:
    """The rows as a structural model takes them; nobody is treated before randomisation."""
    from pipeline.stats import switching

    assigned = pl.col("TRT01PN") == data.study.arms[0].number
    first = pl.when(assigned).then("TRTSDT").otherwise("XODT")
    first = pl.when(first.is_not_null()).then(pl.max_horizontal(first, "RANDDT"))
    last = pl.min_horizontal("ADT", data.options.get("until", "ADT"))
    before = _day("RANDDT") - 1
    values = _numbers(
        data.rows,
        on=((last - first).dt.total_days() + 1).clip(0).fill_null(0),
        followed=_day("CUTOFF"),
        before=before.clip(0),
    )
    time, event = data.times()
    return switching.course(time, event, data.treated(), values["on"], values["followed"], values["before"])


@between_arms
def censoring_weights(data: Data) -> Output:
    """Hazard ratio with control patients censored at crossover, and those who stayed weighted for them.

    Options: `opens` (the date from which crossover is possible), `closes` (a date of ADSL that ends it),
    `covariates` and `latest` (by name; numbers known on the day `opens`; a `Latest` is read up to that day,
    where there is none it is 0), `least_events`: with fewer events among those who stayed, no ratio is given.
    Who crossed over and could not, by arm or date, is a contradiction of the forms and counts as assigned.
    """
    from pipeline.stats import switching

    opens: dt.date = data.options["opens"]
    rows = data.rows
    for name, source in data.options["latest"].items():
        rows = rows.join(_latest(data, name, source, opens), on="USUBJID", how="left", maintain_order="left")
    known = list(data.options["covariates"]) + list(data.options["latest"])
    rows = rows.with_columns(**data.options["covariates"]).with_columns(
        pl.col(name).cast(pl.Float64).fill_null(0) for name in known
    )
    in_time = pl.min_horizontal(_day(data.options["closes"]), "AVAL", _day("XODT")) > _day(
        pl.lit(opens)
    ).clip(0)
    left = CROSSED & (pl.col("TRT01PN") != data.study.arms[0].number) & in_time.fill_null(False)
    values = _numbers(
        rows,
        time=pl.when(left).then(_day("XODT")).otherwise("AVAL"),
        event=((pl.col("CNSR") == 0) & ~left).cast(pl.Int64),
        crossed=left.cast(pl.Int64),
        opens=_day(pl.lit(opens)).clip(0),
        closes=pl.min_horizontal(_day(data.options["closes"]), "AVAL"),
        eligible=could_cross_over(opens, data.options["closes"]),
    )
    time, event, crossed = values["time"], values["event"], values["crossed"]
    control = data.treated() == 0
    weights = switching.censoring_weights(
        time, crossed, control, values["opens"], values["closes"], rows.select(known).to_numpy()
    )
    stayed = control & (crossed == 0) & values["eligible"]
    last = weights.last[stayed]
    rests_on = int(event[stayed].sum())
    fit = switching.weighted_cox(time, event, data.treated(), weights.at)
    mean, low, high = weights.spread(np.unique(time[event == 1]), time)
    enough = not crossed.any() or rests_on >= data.options["least_events"]
    comparison = {"hr": fit.hr, "hr_lower": fit.lower, "hr_upper": fit.upper, "p": fit.p, "se": fit.se}
    diagnostics = {
        "crossed": int(crossed.sum()),
        "stayed": int(stayed.sum()),
        "stayed_events": rests_on,
        "effective": last.sum() ** 2 / (last**2).sum() if last.size else 0.0,
        "weight_mean": mean,
        "weight_min": low,
        "weight_max": high,
    }
    found: list[Row] = [
        (data.contrast, "", name, value if enough else math.nan) for name, value in comparison.items()
    ]
    found += [(data.study.arms[1].code, "", name, value) for name, value in diagnostics.items()]
    for name, coef, se in zip(known, weights.coef, weights.se, strict=True):
        found += [
            (data.study.arms[1].code, name, "hr_crossover", math.exp(coef)),
            (data.study.arms[1].code, name, "coef", coef),
            (data.study.arms[1].code, name, "se", se),
        ]
    return found, []


def _latest(data: Data, name: str, source: Latest, by: dt.date) -> pl.DataFrame:
    """USUBJID and the covariate as it was known on the day."""
    rows = data.frames[source.dataset].filter(source.where, pl.col(source.date) <= by)
    return (
        rows.sort(source.date, maintain_order=True).group_by("USUBJID").agg(source.value.last().alias(name))
    )
