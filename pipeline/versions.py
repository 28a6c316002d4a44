"""Which version of a record counts on a day: the newest that had come, unless that one deletes the record.

What does not belong here: which day counts for whom (`pipeline.cutoff`, `pipeline.edit_checks`).
"""

from __future__ import annotations

import polars as pl


def newest_version(in_time: pl.Expr) -> pl.Expr:
    """The highest version of the row's record among the rows that are in time; null where none is."""
    return pl.when(in_time).then("record_version").max().over("record_id")


def current_records(versions: pl.LazyFrame) -> pl.LazyFrame:
    """Of each record the newest version, if that is not its deletion."""
    newest = pl.col("record_version") == newest_version(pl.lit(True))
    return versions.filter(newest & (pl.col("record_status") != "DELETED"))


def latest_issue(issues: pl.LazyFrame) -> pl.LazyFrame:
    """Of a list that is delivered whole each time, the newest issue."""
    return issues.filter(pl.col("as_of") == pl.col("as_of").max())


def versioned(rows: pl.DataFrame | pl.LazyFrame) -> bool:
    """Whether the form has records in versions: lists and logs have none."""
    return "record_version" in rows.lazy().collect_schema()


def came_on(rows: pl.DataFrame | pl.LazyFrame) -> pl.Expr:
    """The day from which a row was there: delivered in a transfer, and received."""
    return pl.max_horizontal("TRANSFER", "received_dt") if versioned(rows) else pl.col("TRANSFER")
