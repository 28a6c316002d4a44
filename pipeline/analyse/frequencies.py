"""Methods for characteristics and events: counts, worst grades, summaries, protocol parameters.

What does not belong here: estimators (`pipeline.stats`), how a table looks.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from pipeline.analyse.data import Data, Output, Row


def count(data: Data) -> Output:
    """How many differ in `unit` (subjects) per level, and what proportion of the denominator they are.

    The denominator is the analysis' own rows where these are subjects (ADSL), else the population.
    """
    rows: list[Row] = []
    unit = data.options.get("unit", "USUBJID")
    base = data.rows if data.analysis.dataset == "adsl" else data.subjects
    for group, number in data.groups(total=True):
        denominator = data.of_arm(number, base)[unit].n_unique() if len(base) else 0
        for level, where in data.levels().items():
            n = data.of_arm(number).filter(where)[unit].n_unique()
            rows += [(group, level, "n", n), (group, level, "denominator", denominator)]
            if denominator:
                rows.append((group, level, "proportion", n / denominator))
    return rows, []


def concordance(data: Data) -> Output:
    """How many subjects have an event of theirs dated alike by two parameters, `first` and `second`.

    Levels: the same date, within `days` days, further apart, by one of the two only, by neither; and, of
    those with another date, whether the first is earlier or later. The denominator is the population. Level
    DAYS APART: by how many days the first is later than the second, where there are both.
    """
    first, second, days = (data.options[name] for name in ("first", "second", "days"))
    dates = data.subjects
    for parameter in (first, second):
        found = data.rows.filter(PARAMCD=parameter).select("USUBJID", pl.col("ADT").alias(parameter))
        dates = dates.join(found, on="USUBJID", how="left", validate="1:1")
    levels = agreement(first, second, days)
    rows: list[Row] = []
    for group, number in data.groups(total=True):
        own = data.of_arm(number, dates)
        for level, where in levels.items():
            n = own.filter(where).height
            rows += [(group, level, "n", n), (group, level, "denominator", len(own))]
            if len(own):
                rows.append((group, level, "proportion", n / len(own)))
        distances = own.select(_days_later(first, second)).to_series().drop_nulls().cast(pl.Float64)
        rows.append((group, "DAYS APART", "n", len(distances)))
        rows += [(group, "DAYS APART", name, getattr(distances, name)()) for name in ("median", "min", "max")]
    return rows, []


def agreement(first: str, second: str, days: int) -> dict[str, pl.Expr]:
    """The levels of `concordance`, as filters on one date column for each parameter."""
    later = _days_later(first, second)
    apart = later.abs()
    has_first, has_second = pl.col(first).is_not_null(), pl.col(second).is_not_null()
    return {
        "SAME DATE": apart == 0,
        f"WITHIN {days} DAYS": apart.is_between(1, days),
        f"MORE THAN {days} DAYS": apart > days,
        f"{first} EARLIER": later < 0,
        f"{first} LATER": later > 0,
        f"{first} ONLY": has_first & ~has_second,
        f"{second} ONLY": has_second & ~has_first,
        "NEITHER": ~has_first & ~has_second,
    }


def _days_later(first: str, second: str) -> pl.Expr:
    return (pl.col(first) - pl.col(second)).dt.total_days()


def baseline_tests(data: Data) -> Output:
    """P that each baseline characteristic differs between the arms, and the smallest of them.

    Categories by Pearson's chi-square (missing values left out), quantities by the Wilcoxon rank-sum
    test: the paper says that none is significant, not which tests it used.
    """
    from pipeline.stats import counts

    arms = [data.of_arm(number) for _, number in data.groups()]
    p_values: dict[str, float] = {}
    for name, levels in data.options["categories"].items():
        table = np.array([[len(arm.filter(where)) for where in levels.values()] for arm in arms])
        table = table[:, table.sum(axis=0) > 0]
        comparable = table.shape[1] > 1 and table.sum(axis=1).all()
        p_values[name] = counts.chi_square(table) if comparable else math.nan
    for variable in data.options["quantities"]:
        samples = [arm[variable].drop_nulls().to_numpy() for arm in arms]
        p_values[variable] = counts.rank_sum(*samples) if all(map(len, samples)) else math.nan
    rows: list[Row] = [(data.contrast, name, "p", p) for name, p in p_values.items()]
    known = [p for p in p_values.values() if not math.isnan(p)]
    return [*rows, (data.contrast, "", "smallest_p", min(known, default=math.nan))], []


def worst_grade(data: Data) -> Output:
    """Subjects by the worst grade of a term or a pooled set of grades; per set Fisher's P and the odds ratio.

    A subject counts once per level, with the highest grade. P is two-sided; the odds ratio is the
    conditional maximum-likelihood estimate with its exact interval.
    """
    from pipeline.stats import counts

    rows: list[Row] = []
    pools = {str(grade): (grade,) for grade in data.options["grades"]} | data.options["pooled"]
    for level, where in data.levels().items():
        worst = (
            data.rows.filter(where)
            .group_by("USUBJID")
            .agg(pl.col("^TRT01PN$").first(), grade=pl.col("ATOXGRN").max())
        )
        sizes, hits = [], []
        for group, number in data.groups(total=True):
            denominator = len(data.of_arm(number, data.subjects))
            grades = data.of_arm(number, worst)["grade"]
            hit = {name: int(grades.is_in(pool).sum()) for name, pool in pools.items()}
            rows.append((group, level, "denominator", denominator))
            for name, n in hit.items():
                rows += [
                    (group, f"{level} {name}", "n", n),
                    (group, f"{level} {name}", "proportion", n / denominator if denominator else math.nan),
                ]
            if number is not None:
                sizes.append(denominator)
                hits.append(hit)
        for name in data.options["pooled"] if hits else ():
            table = [[hit[name], size - hit[name]] for hit, size in zip(hits, sizes, strict=True)]
            odds = counts.odds_ratio(table)
            rows += [
                (data.contrast, f"{level} {name}", "p", counts.fisher_exact(table)),
                (data.contrast, f"{level} {name}", "odds_ratio", odds.estimate),
                (data.contrast, f"{level} {name}", "odds_ratio_lower", odds.lower),
                (data.contrast, f"{level} {name}", "odds_ratio_upper", odds.upper),
            ]
    return rows, []


def by_month(data: Data) -> Output:
    """Subjects per calendar month of each date in `dates` (label: variable), and how many so far; pooled.

    Every month from the first to the last of all dates has a level: "RANDOMISED 2005-07".
    """
    dates = data.options["dates"]
    months = data.rows.select(pl.col(v).dt.truncate("1mo").alias(name) for name, v in dates.items())
    known = pl.concat([months[name] for name in dates]).drop_nulls()
    if known.is_empty():
        return [], []
    span = pl.select(pl.date_range(known.min(), known.max(), "1mo")).to_series()
    rows: list[Row] = []
    for name in dates:
        found = dict(months[name].drop_nulls().value_counts().iter_rows())
        so_far = 0
        for month in span:
            so_far += found.get(month, 0)
            level = f"{name} {month:%Y-%m}"
            rows += [("TOTAL", level, "n", found.get(month, 0)), ("TOTAL", level, "cumulative", so_far)]
    return rows, []


def summary(data: Data) -> Output:
    """n, mean, standard deviation, median, quartiles and range of a variable, per level.

    Dates are days since 1970-01-01.
    """
    rows: list[Row] = []
    variable = data.options["variable"]
    for group, number in data.groups(total=True):
        for level, where in data.levels().items():
            values = data.of_arm(number).filter(where)[variable].drop_nulls().to_physical().cast(pl.Float64)
            rows.append((group, level, "n", len(values)))
            names = ("mean", "std", "median", "min", "max")
            rows += [(group, level, name, getattr(values, name)()) for name in names]
            quartiles = {"q1": 0.25, "q3": 0.75}
            rows += [(group, level, n, values.quantile(q, "linear")) for n, q in quartiles.items()]
    return rows, []


def parameters(data: Data) -> Output:
    """What the protocol fixes rather than the data give: each named value as it stands in the study."""
    return [("TOTAL", name, "value", value) for name, value in data.options["values"].items()], []


def sample_size(data: Data) -> Output:
    """Events the protocol's log-rank test needs: with one look, and with the sequential design's looks."""
    from pipeline.stats import sequential

    design = sequential.logrank_design(**data.options)
    statistics = {
        "power": data.options["power"],
        "events_fixed": design.fixed_events,
        "events_sequential": design.events,
        "events": design.max_events,
        "inflation": design.design.inflation,
    }
    return [("TOTAL", "", name, value) for name, value in statistics.items()], []
