"""Dates that are known in part: what they may mean, and which day stands for them.

A partial date stays partial in --DTC; a day is chosen only here, by the rule the caller names. The rules
are those of the R package admiral (vignette "imputation"). What does not belong here: which rule a
variable follows (the module of its dataset).
"""

from __future__ import annotations

from typing import Literal, TypeVar

import polars as pl

How = Literal["first", "mid", "last"]
Highest = Literal["n", "D", "M", "Y"]
Rows = TypeVar("Rows", pl.DataFrame, pl.LazyFrame)

_PARTS: dict[Highest, tuple[str, ...]] = {"n": (), "D": ("D",), "M": ("D", "M"), "Y": ("D", "M", "Y")}


def imputation_flag(dtc: str) -> pl.Expr:
    """The highest part of an ISO 8601 date that is missing: D, M (also YYYY---DD) or Y; null if none is."""
    text = pl.col(dtc).fill_null("")
    length = text.str.len_chars()
    flag = pl.when(length == 0).then(pl.lit("Y")).when(length == 7).then(pl.lit("D"))
    return flag.when(length != 10).then(pl.lit("M"))


def first_possible_day(dtc: str) -> pl.Expr:
    """The first day an ISO 8601 date may mean: null when nothing of it is known."""
    text = pl.col(dtc)
    length = text.str.len_chars()
    day = (
        pl.when(length == 10)
        .then(text)
        .when(length == 7)
        .then(text + "-01")
        .otherwise(text.str.head(4) + "-01-01")
    )
    return day.str.to_date("%Y-%m-%d", strict=False)


def last_possible_day(dtc: str) -> pl.Expr:
    """The last day an ISO 8601 date may mean: null when nothing of it is known."""
    first = first_possible_day(dtc)
    flag = imputation_flag(dtc)
    return (
        pl.when(flag == "D")
        .then(first.dt.month_end())
        .when(flag == "M")
        .then(pl.date(first.dt.year(), 12, 31))
        .otherwise(first)
    )


def impute(
    rows: Rows,
    dtc: str,
    date: str,
    *,
    how: How = "first",
    highest: Highest = "M",
    lo: str | pl.Expr | None = None,
    hi: str | pl.Expr | None = None,
) -> Rows:
    """Add `date`, and `date` + F for the highest part imputed (D, M, Y; null for a complete date).

    how: the first, middle (15th, 30 June) or last day the known part allows. highest: the highest part
    that may be filled, `n` for none. lo, hi: dates that the choice moves to, only if they lie within what
    the known part allows; a date of which nothing is known takes lo (first) or hi (mid, last). A
    complete date is never moved.
    """
    flag, first, last = imputation_flag(dtc), first_possible_day(dtc), last_possible_day(dtc)
    middle = pl.when(flag == "D").then(first.dt.offset_by("14d")).otherwise(pl.date(first.dt.year(), 6, 30))
    chosen = {"first": first, "mid": middle, "last": last}[how]
    for bound, moved in ((lo, pl.max_horizontal), (hi, pl.min_horizontal)):
        if bound is not None:
            limit = _date(bound)
            chosen = pl.when(limit.is_between(first, last)).then(moved(chosen, limit)).otherwise(chosen)
    unknown = _date(lo if how == "first" else hi)
    day = (
        pl.when(flag.is_null())
        .then(first)
        .when(flag.is_in(_PARTS[highest]))
        .then(pl.when(flag == "Y").then(unknown).otherwise(chosen))
    )
    rows = rows.with_columns(day.alias(date))
    return rows.with_columns(pl.when(pl.col(date).is_not_null()).then(flag).alias(f"{date}F"))


def _date(bound: str | pl.Expr | None) -> pl.Expr:
    return pl.col(bound) if isinstance(bound, str) else pl.lit(None, pl.Date) if bound is None else bound
