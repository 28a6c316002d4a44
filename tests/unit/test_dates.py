"""Imputation of partial dates.

The expected values are those of the trial's clinical rules, section 2.6, and its runnable reference
(`impute` and `dtf`), each copied from its assertion.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.derive.dates import How, first_possible_day, imputation_flag, impute, last_possible_day


def day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def imputed(text: str | None, lo: str | None = None, hi: str | None = None, **rule: str) -> tuple[str, str]:
    row = pl.DataFrame(
        {"DTC": [text], "LO": [day(lo)], "HI": [day(hi)]},
        schema={"DTC": pl.String, "LO": pl.Date, "HI": pl.Date},
    )
    done = impute(row, "DTC", "ADT", lo="LO", hi="HI", **rule)  # type: ignore[arg-type]
    date, flag = done.select("ADT", "ADTF").row(0)
    return date.isoformat() if date else None, flag


# The reference's assertions on `impute`, in its order.
REFERENCE = [
    ("2007-02", {"how": "last"}, ("2007-02-28", "D")),
    ("2007", {"how": "mid"}, ("2007-06-30", "M")),
    ("2007-05", {"how": "mid"}, ("2007-05-15", "D")),
    ("2007-05", {"how": "first", "lo": "2007-05-09"}, ("2007-05-09", "D")),
    ("2007-05", {"how": "first", "lo": "2007-04-09"}, ("2007-05-01", "D")),
    ("2007", {"how": "first", "highest": "D"}, (None, None)),
    ("2007-12", {"how": "last", "hi": "2007-12-17"}, ("2007-12-17", "D")),
]


@pytest.mark.parametrize(("text", "rule", "expected"), REFERENCE)
def test_reference(text: str, rule: dict[str, str], expected: tuple[str, str]) -> None:
    assert imputed(text, **rule) == expected


# Sentences of section 2.6: "first = 01 / 01-01, mid = 15 / 06-30, last = month end / 12-31"; bounds "act only
# if they lie inside the range allowed by the known part; a fully missing date needs min (first) or max
# (last)"; "Flag = highest part filled: D (day), M (month and day, also YYYY---DD), Y".
RULES = [
    ("2007-05-14", {}, ("2007-05-14", None)),
    ("2007-05-14", {"lo": "2007-05-20"}, ("2007-05-14", None)),
    ("2007-05-14", {"highest": "n"}, ("2007-05-14", None)),
    ("2007-05", {}, ("2007-05-01", "D")),
    ("2008-02", {"how": "last"}, ("2008-02-29", "D")),
    ("2007", {}, ("2007-01-01", "M")),
    ("2007", {"how": "last"}, ("2007-12-31", "M")),
    ("2007---14", {}, ("2007-01-01", "M")),
    ("2007---14", {"highest": "D"}, (None, None)),
    ("2007-05", {"highest": "n"}, (None, None)),
    ("2007", {"lo": "2007-07-09"}, ("2007-07-09", "M")),
    ("2007", {"lo": "2008-01-01"}, ("2007-01-01", "M")),
    ("2007-12", {"how": "last", "hi": "2008-01-17"}, ("2007-12-31", "D")),
    ("2007-05", {"lo": "2007-05-20", "hi": "2007-05-10"}, ("2007-05-10", "D")),
    ("", {"lo": "2007-05-09"}, (None, None)),
    ("", {"highest": "Y", "lo": "2007-05-09"}, ("2007-05-09", "Y")),
    ("", {"highest": "Y", "how": "last", "hi": "2007-05-19"}, ("2007-05-19", "Y")),
    (None, {"highest": "Y", "lo": "2007-05-09"}, ("2007-05-09", "Y")),
    (None, {"highest": "Y"}, (None, None)),
]


@pytest.mark.parametrize(("text", "rule", "expected"), RULES)
def test_rules(text: str | None, rule: dict[str, str], expected: tuple[str, str]) -> None:
    assert imputed(text, **rule) == expected


def test_flag() -> None:
    """The reference's assertion on `dtf`."""
    texts = pl.DataFrame({"DTC": ["2007-05-14", "2007-05", "2007", "2007---14", ""]})
    flags = texts.select(imputation_flag("DTC")).to_series().to_list()
    assert flags == [None, "D", "M", "M", "Y"]


def test_range_of_what_is_known() -> None:
    texts = pl.DataFrame({"DTC": ["2007-05-14", "2007-02", "2007", "2007---14", "", None]})
    span = texts.select(first=first_possible_day("DTC"), last=last_possible_day("DTC"))
    assert span.rows() == [
        (day("2007-05-14"), day("2007-05-14")),
        (day("2007-02-01"), day("2007-02-28")),
        (day("2007-01-01"), day("2007-12-31")),
        (day("2007-01-01"), day("2007-12-31")),
        (None, None),
        (None, None),
    ]


DATES = st.dates(dt.date(2006, 1, 1), dt.date(2009, 12, 31))
TEXTS = st.builds(lambda day, length: day.isoformat()[:length], DATES, st.sampled_from([4, 7, 10]))


@given(
    texts=st.lists(TEXTS, min_size=1, max_size=50),
    how=st.sampled_from(["first", "mid", "last"]),
    lo=st.none() | DATES,
    hi=st.none() | DATES,
)
def test_a_day_is_chosen_within_what_is_known(
    texts: list[str], how: How, lo: dt.date | None, hi: dt.date | None
) -> None:
    """Bounds may move the choice, never out of the range that the known part allows."""
    rows = pl.DataFrame({"DTC": texts})
    done = impute(rows, "DTC", "ADT", how=how, lo=pl.lit(lo, pl.Date), hi=pl.lit(hi, pl.Date))
    first, last = first_possible_day("DTC"), last_possible_day("DTC")
    assert done.select(pl.col("ADT").is_between(first, last).all()).item()
    assert done.get_column("DTC").to_list() == texts
    known = done.filter(pl.col("DTC").str.len_chars() == 10)
    assert known.get_column("ADT").to_list() == [day(text) for text in texts if len(text) == 10]
