"""From tabulation datasets to analysis datasets: pure functions, one module per dataset.

Here stands what the datasets share: subject variables, study days, flags, and how a finished dataset
looks (`conform`). What does not belong in this package: anything read from or written to disk, any
statistic.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.study import AnyFrames, CutOff, Study
from schemas.base import Table, dtypes, key


def whole(datasets: AnyFrames, name: str) -> pl.DataFrame:
    """A dataset with all its rows and columns; one on the disk is read for this use only."""
    return datasets[name].lazy().collect()


def conform(rows: pl.DataFrame, model: type[Table]) -> pl.DataFrame:
    """Exactly the model's columns, in its order and types, sorted by its key."""
    return rows.select(pl.col(name).cast(dtype) for name, dtype in dtypes(model).items()).sort(key(model))


def with_subject(rows: pl.DataFrame, adsl: pl.DataFrame, *more: str) -> pl.DataFrame:
    """The rows with their subject's treatment and the named variables of ADSL; keeps the order of rows."""
    return rows.join(
        adsl.select("USUBJID", "^TRT01PN?$", *more),  # a pattern: while blinded there is no treatment
        on="USUBJID",
        how="left",
        maintain_order="left",
        validate="m:1",
    )


def last_date(study: Study, domain: str, cut_off: CutOff) -> dt.date:
    """The last date an event of this domain may have: the latest cut date among the forms it reads."""
    forms = next(d.forms for d in study.domains if d.name == domain)
    return max(cut_off.by_form.get(form, cut_off.date) for form in forms)


def study_day(date: pl.Expr, reference: str = "TRTSDT") -> pl.Expr:
    """Days from the reference date, which is day 1; there is no day 0."""
    days = (date - pl.col(reference)).dt.total_days()
    return days + (days >= 0).cast(pl.Int64)


def flag_where(condition: pl.Expr) -> pl.Expr:
    """Y where the condition holds, null elsewhere and where it cannot be told."""
    return pl.when(condition).then(pl.lit("Y"))


def flag_first(condition: pl.Expr, *within: str) -> pl.Expr:
    """Y at the first row, in the order the rows have, where the condition holds within these variables."""
    holds = condition.fill_null(False)
    return flag_where(holds & (holds.cum_sum().over(within) == 1))


def yes_no(condition: pl.Expr) -> pl.Expr:
    """Y where the condition holds, N elsewhere and where it cannot be told."""
    return pl.when(condition).then(pl.lit("Y")).otherwise(pl.lit("N"))
