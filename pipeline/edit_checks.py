"""Edit checks: the records that break a rule between cells, records or forms.

A check is a value (`pipeline.study.EditCheck`); here are the small words checks are written in and the
engine that runs them. No check changes a value. What does not belong here: rules of one cell (the form's
schema says those), any check of one trial (`pipeline/studies/*/edit_checks/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from pipeline.study import EditCheck, Seen

FOUND = {
    "FORM": pl.String,
    "RECORD": pl.String,
    "VERSION": pl.Int64,
    "PATIENT": pl.String,
    "SITE": pl.String,
    "COLUMN": pl.String,
    "FOUND": pl.String,
}
"""One row per record that breaks a rule. RECORD and VERSION are null where a record is missing, COLUMN where
no single column is at fault; FOUND says in words and values what was found."""

Find = Callable[[Seen], pl.LazyFrame]


def broken(rows: pl.LazyFrame, form: str, column: str | None, found: pl.Expr) -> pl.LazyFrame:
    """Records of `form` (all of `rows`, which carry its header columns) in the shape FOUND."""
    return rows.select(
        FORM=pl.lit(form),
        RECORD="record_id",
        VERSION=pl.col("record_version").cast(pl.Int64),
        PATIENT="patient_id",
        SITE="site_code",
        COLUMN=pl.lit(column, pl.String),
        FOUND=found,
    )


def where(form: str, breaks: pl.Expr, column: str | None, found: pl.Expr) -> Find:
    """A check within one record: the current records of `form` for which `breaks` is true."""
    return lambda seen: broken(seen.forms[form].filter(breaks), form, column, found)


def told(words: str, *columns: str) -> pl.Expr:
    """FOUND in words: `{}` stands for a column's value, a blank one is said to be blank."""
    return pl.format(words, *(pl.col(name).cast(pl.String).fill_null("blank") for name in columns))


def run_checks(checks: Iterable[EditCheck], seen: Seen) -> pl.DataFrame:
    """What every check with a `find` finds in the forms as they stood: CHECK_ID and the columns of FOUND."""
    asked = [check for check in checks if check.find is not None]
    schema = {"CHECK_ID": pl.String, **FOUND}
    if not asked:
        return pl.DataFrame(schema=schema)
    answers = pl.collect_all([check.find(seen).unique(maintain_order=True) for check in asked if check.find])
    return pl.concat(
        [
            pl.DataFrame(schema=schema),
            *(
                answer.select(pl.lit(check.id).alias("CHECK_ID"), *FOUND)
                for check, answer in zip(asked, answers, strict=True)
            ),
        ]
    )
