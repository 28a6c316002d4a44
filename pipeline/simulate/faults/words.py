"""The small words that faults are written in: dates as text.

What does not belong here: any fault.
"""

from __future__ import annotations

import polars as pl


def day(column: str | pl.Expr) -> pl.Expr:
    """A complete date; null where it is not."""
    text = pl.col(column) if isinstance(column, str) else column
    return text.str.to_date("%Y-%m-%d", strict=False)


def written(date: pl.Expr) -> pl.Expr:
    """A date as clean text."""
    return date.dt.to_string("%Y-%m-%d")


def moved(column: str, by: str) -> pl.Expr:
    """Text of the column's date so much later (`3d`), earlier where negative."""
    return written(day(column).dt.offset_by(by))
