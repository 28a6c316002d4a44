"""Rules about time to event: censoring, origin, the days between.

What does not belong here: parameters in general (`parameters.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.conformance.datasets import TTE, Dataset, Datasets
from pipeline.conformance.rule import Found, Rule, absent, blank, both, several, where

OTHER_UNIT = r"(?i)\b(month|week|year)s?\b"
"""A parameter that names one of these is not in days."""


def _whole(name: str) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64)
    return number.is_null() | (number < 0) | (number != number.round())


def _in_days(d: Dataset) -> pl.Expr:
    told = [pl.col(name).fill_null("") for name in ("PARAM", "AVALU") if d.has(name)]
    return ~pl.concat_str(told, separator=" ").str.contains(OTHER_UNIT) if told else pl.lit(True)


def _days(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("AVAL", "ADT", "STARTDT"):
        days = (pl.col("ADT") - pl.col("STARTDT")).dt.total_days() + 1
        wrong = pl.col("AVAL").cast(pl.Float64).ne_missing(days.cast(pl.Float64)) & days.is_not_null()
        yield Found("AVAL", _in_days(d) & wrong, both("AVAL", "STARTDT", "ADT"))


def _without_event(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("CNSR", "PARAMCD"):
        counts = d.take("PARAMCD", "CNSR").group_by("PARAMCD").agg(events=(pl.col("CNSR") == 0).sum())
        without = counts.filter(pl.col("events") == 0).sort("PARAMCD").collect()["PARAMCD"]
        yield from (Found("CNSR", value=f"{paramcd}: no event") for paramcd in without)


RULES = (
    Rule("TE01", "error", (TTE,), "CNSR is there", "add CNSR", absent("CNSR"), ("ADaM 373",)),
    Rule("TE02", "error", (TTE,), "CNSR is a whole number from 0 in every row",
         "0 for an event; 1, 2, ... for each reason to be censored", where("CNSR", _whole), ("ADaM 169",)),
    Rule("TE03", "error", (TTE,), "AVAL is there", "add AVAL", absent("AVAL"), ("ADaM 374",)),
    Rule("TE04", "error", (TTE,), "AVAL has a value above 0 in every row", "derive the time again",
         where("AVAL", lambda n: pl.col(n).is_null() | (pl.col(n) <= 0))),
    Rule("TE05", "error", (TTE,), "AVAL is ADT - STARTDT + 1, where the parameter is in days",
         "derive the time again, or name the unit in PARAM", _days),
    Rule("TE06", "error", (TTE,), "STARTDT is not after ADT", "correct the origin, or censor at the origin",
         where("STARTDT", lambda n: pl.col(n) > pl.col("ADT"), "ADT", value=both("STARTDT", "ADT"))),
    Rule("TE07", "error", (TTE,), "STARTDT and ADT have a value in every row", "derive the date",
         blank("STARTDT", "ADT")),
    Rule("TE08", "warning", (TTE,), "EVNTDESC is there", "say what the event or the censoring is",
         absent("EVNTDESC")),
    Rule("TE09", "error", (TTE,), "EVNTDESC has a value in every row",
         "say what the event or the censoring is", blank("EVNTDESC")),
    Rule("TE10", "warning", (TTE,), "A description of a parameter goes with one value of CNSR",
         "use one code for one reason",
         where("CNSR", lambda n: several(n, ["PARAMCD", "EVNTDESC"]), "PARAMCD", "EVNTDESC",
               value=both("CNSR", "EVNTDESC"))),
    Rule("TE11", "error", (TTE,), "CNSDTDSC is empty for an event", "leave it empty",
         where("CNSDTDSC", lambda n: (pl.col("CNSR") == 0) & pl.col(n).is_not_null(), "CNSR")),
    Rule("TE12", "note", (TTE,), "CNSDTDSC is given where the row is censored",
         "say what the date of censoring is",
         where("CNSDTDSC", lambda n: (pl.col("CNSR") > 0) & pl.col(n).is_null(), "CNSR")),
    Rule("TE13", "error", (TTE,), "One row per subject and parameter", "keep one row",
         where("PARAMCD", lambda n: pl.struct("USUBJID", n).is_duplicated(), "USUBJID")),
    Rule("TE14", "note", (TTE,), "A parameter has at least one event", "leave it out, or say why",
         _without_event),
)  # fmt: skip
