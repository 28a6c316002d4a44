"""Two roads side by side: cells of datasets, which must be equal, and numbers, which must be near.

What does not belong here: how a road gets its cells and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.study import CutOff, Frames, Study
from schemas.base import dtypes, key
from schemas.qc import Comparison

KEY = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
ACCURACY: Mapping[str, float] = {
    "kaplan_meier": 1e-10,
    "logrank": 1e-10,
    "follow_up": 1e-10,
    "cumulative_incidence": 1e-10,
    "gray": 1e-10,
    "cox": 1e-8,
    "interaction": 1e-8,
    "subgroups": 1e-8,
    "worst_grade": 1e-12,
    "baseline_tests": 1e-10,
    "sample_size": 1e-7,
}
"""Methods asked of R, and how near the numbers must be: a relative share, and a thousandth of it absolute."""
ROOTS = 1e-10
"""Of odds ratios and their limits, which are roots that both sides search for."""
NOT_ASKED: Mapping[str, str] = {
    "count": "subjects counted in ADaM, whose cells the SQL road gives again",
    "by_month": "subjects counted in ADSL by the month of a date",
    "concordance": "subjects counted in ADRS by the distance of two dates",
    "summary": "means and quantiles of one variable",
    "parameters": "limits the protocol fixes, not computed",
    "information": "events counted and divided by the planned number, at looks where arms are blinded",
    "structural_failure_time": "asked of R in the tests only (tests/acceptance/crossover.R)",
    "censoring_weights": "asked of R in the tests only (tests/acceptance/crossover.R)",
}
"""Methods that are not asked of R, with the reason."""


def compare_datasets(study: Study, cut_off: CutOff, ours: Frames, theirs: Frames) -> pl.DataFrame:
    """Road sql of `Comparison`: each variable of our datasets, cell by cell.

    theirs: datasets by name; ours: at least those. A variable that the other road does not have differs in
    every cell; variables that only it has (treatments, at a blinded cut-off) are not looked at.
    """
    keys = {d.name: [c for c in key(d.model) if c != "CUTOFF"] for d in study.datasets}
    parts = [_compare_dataset(name, ours[name], frame, keys[name]) for name, frame in theirs.items()]
    return _finished(study, cut_off, "sql", pl.concat(parts))


def compare_figures(
    study: Study, cut_off: CutOff, results: pl.DataFrame, theirs: pl.DataFrame
) -> pl.DataFrame:
    """Road r of `Comparison`: the numbers of the methods in ACCURACY.

    results: of the analysis; theirs: KEY and VALUE. A number that only one of them has does not agree.
    """
    asked = results.filter(pl.col("METHOD").is_in(list(ACCURACY))).select(
        *KEY, "METHOD", OURS="VALUE", a=True
    )
    rows = asked.join(theirs.select(*KEY, THEIRS="VALUE", b=True), on=KEY, how="full", coalesce=True)
    root = pl.col("STATISTIC").str.starts_with("odds_ratio")
    accuracy = (
        pl.when(root).then(ROOTS).otherwise(pl.col("METHOD").replace_strict(ACCURACY, default=None))
    ).fill_null(0.0)
    distance = (pl.col("OURS") - pl.col("THEIRS")).abs()
    allowed = accuracy * (pl.col("THEIRS").abs() + 1e-3)
    on_both = (pl.col("a") & pl.col("b")).fill_null(False)
    none = pl.col("OURS").is_null() & pl.col("THEIRS").is_null()
    return _finished(
        study,
        cut_off,
        "r",
        rows.select(
            SOURCE="ANALYSIS",
            ITEM=pl.concat_str("GROUP", "LEVEL", "STATISTIC", separator="/"),
            CELL=pl.lit(""),
            CELLS=pl.lit(1),
            DIFFERING=(~(on_both & (none | (distance <= allowed).fill_null(False)))).cast(pl.Int64),
            OURS=_digits("OURS"),
            THEIRS=_digits("THEIRS"),
            DIFFERENCE=distance,
            TOLERANCE=allowed,
        ),
    )


def agreement(comparison: pl.DataFrame) -> pl.DataFrame:
    """What was compared by cut-off and road: cells, those that differ, the largest difference of a number.

    BY: a dataset and its cells, or a statistic and its numbers in all analyses.
    """
    statistic = pl.col("ITEM").str.split("/").list.last()
    return (
        comparison.filter(CELL="")
        .with_columns(BY=pl.when(ROAD="r").then(statistic).otherwise("SOURCE"))
        .group_by("CUTOFF", "ROAD", "BY")
        .agg(pl.col("CELLS", "DIFFERING").sum(), LARGEST=pl.col("DIFFERENCE").max())
        .sort("CUTOFF", "ROAD", "BY", descending=[False, True, False])
    )


def _compare_dataset(name: str, ours: pl.DataFrame, theirs: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    variables = [c for c in ours.columns if c not in keys]
    known = [
        pl.col(c).cast(ours.schema[c]) if c in theirs.columns else pl.lit(None, ours.schema[c]).alias(c)
        for c in (*keys, *variables)
    ]
    # A key that is not unique would make pairs of rows that are none.
    both = ours.join(theirs.select(known), on=keys, how="inner", suffix="_2", validate="1:1")
    alone = pl.concat(
        [
            ours.join(theirs, on=keys, how="anti").select(
                *keys, OURS=pl.lit("a row"), THEIRS=pl.lit(None, pl.String)
            ),
            theirs.select(known)
            .join(ours, on=keys, how="anti")
            .select(*keys, OURS=pl.lit(None, pl.String), THEIRS=pl.lit("a row")),
        ]
    )
    differing = {"ROWS": alone} | {
        c: both.filter(
            pl.col(c).ne_missing(pl.col(f"{c}_2")) if c in theirs.columns else pl.lit(True)
        ).select(*keys, OURS=pl.col(c).cast(pl.String), THEIRS=pl.col(f"{c}_2").cast(pl.String))
        for c in variables
    }
    total = {"ROWS": both.height + alone.height} | dict.fromkeys(variables, both.height)
    empty = pl.lit(None, pl.String)
    summary = pl.DataFrame(
        {
            "ITEM": list(total),
            "CELLS": list(total.values()),
            "DIFFERING": [differing[item].height for item in total],
        },
        schema_overrides={"CELLS": pl.Int64, "DIFFERING": pl.Int64},
    ).select("ITEM", "CELLS", "DIFFERING", CELL=pl.lit(""), OURS=empty, THEIRS=empty)
    cells = [
        rows.select(
            ITEM=pl.lit(item),
            CELLS=pl.lit(1, pl.Int64),
            DIFFERING=pl.lit(1, pl.Int64),
            CELL=pl.concat_str(keys, separator=" "),
            OURS="OURS",
            THEIRS="THEIRS",
        )
        for item, rows in differing.items()
        if rows.height
    ]
    nothing = pl.lit(None, pl.Float64)
    return pl.concat(
        [summary.filter(pl.col("CELLS") > 0), *(c.select(summary.columns) for c in cells)]
    ).select(pl.all(), SOURCE=pl.lit(name.upper()), DIFFERENCE=nothing, TOLERANCE=nothing)


def _digits(name: str) -> pl.Expr:
    """A number as the shortest text that gives it back."""
    return pl.col(name).cast(pl.String)


def _finished(study: Study, cut_off: CutOff, road: str, rows: pl.DataFrame) -> pl.DataFrame:
    shape = dtypes(Comparison)
    complete = rows.with_columns(
        STUDYID=pl.lit(study.id),
        CUTOFF=pl.lit(cut_off.date),
        ROAD=pl.lit(road),
        AGREES=pl.when(pl.col("DIFFERING") == 0).then(pl.lit("Y")).otherwise(pl.lit("N")),
    )
    return complete.select(pl.col(c).cast(dtype) for c, dtype in shape.items()).sort(key(Comparison))
