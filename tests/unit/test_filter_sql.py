"""A filter in SQL takes the rows that the filter takes: nulls, negation, quotes and dates included."""

from __future__ import annotations

import datetime as dt
from itertools import product

import duckdb
import polars as pl
import pytest

from pipeline.analyse.data import AnalysisError, levels_by
from pipeline.analyse.sql import filter_sql

DAYS = (None, dt.date(2009, 12, 16), dt.date(2009, 12, 17), dt.date(2010, 1, 2))
ROWS = pl.DataFrame(
    [
        {"T": t, "U": u, "N": n, "D": d, "E": e, "B": b}
        for t, u, n, d, e, b in product(
            (None, "Y", "it's"), (None, "Y", "X / Y"), (None, 0.0, 2.5, 3.0), DAYS, DAYS, (None, True, False)
        )
    ],
    schema={"T": pl.String, "U": pl.String, "N": pl.Float64, "D": pl.Date, "E": pl.Date, "B": pl.Boolean},
).with_row_index("ROW")  # fmt: skip
t, u, n, d, e, b = (pl.col(name) for name in "TUNDEB")
yes, low = t == "Y", n < 2.5
apart = (d - e).dt.total_days()
FILTERS = {
    "equal": yes,
    "a quote": t == "it's",
    "unequal": t != "Y",
    "not equal": ~yes,
    "unequal or missing": t.ne_missing("Y"),
    "equal or both missing": t.eq_missing(u),
    "and": yes & low,
    "or": yes | low,
    "or within and": b & (yes | low),
    "and within or": b | (yes & low),
    "not and": ~(yes & low),
    "not or": ~(yes | low),
    "not filled": ~yes.fill_null(False),
    "filled number": n.fill_null(0) < 2.5,
    "null": t.is_null(),
    "not null": t.is_not_null() & ~b,
    "not known": ~(yes | low).is_null(),
    "in": t.is_in(["Y", "it's"]),
    "not in": ~t.is_in(["Y"]),
    "in numbers": n.is_in([0.0, 3.0]),
    "in dates": d.is_in([dt.date(2009, 12, 17)]),
    "at least, whole": n >= 3,
    "decimal": n > 2.49999999999999,
    "date": d > dt.date(2009, 12, 16),
    "date first": pl.lit(dt.date(2009, 12, 17)) >= d,
    "dates": d <= e,
    "days apart": apart.abs().is_between(1, 16),
    "days later, counted from 1": apart + 1 > 1,
    "earlier of two": pl.min_horizontal(d, "E") <= dt.date(2009, 12, 16),
    "later of two": pl.max_horizontal(d, "E") > dt.date(2009, 12, 17),
    "month": d.dt.truncate("1mo") == dt.date(2009, 12, 1),
    "value of a variable": levels_by("T") == "Y",
    "values of variables": levels_by(["T", "U"]) == "Y / X / Y",
    "everybody": pl.lit(True),
    "nobody": pl.lit(False),
    "a truth": b,
    "compared truths": b == yes,
}


@pytest.mark.parametrize("filter", FILTERS.values(), ids=FILTERS)
def test_the_same_rows_are_taken(filter: pl.Expr) -> None:
    sql = filter_sql(filter, lambda name: f"r.{name}")
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        connection.register("given", ROWS)
        found = connection.execute(f"SELECT ROW FROM given AS r WHERE TRUE AND {sql} ORDER BY ROW").pl()
    assert found["ROW"].to_list() == ROWS.filter(filter)["ROW"].to_list()


@pytest.mark.parametrize(
    ("filter", "named"),
    [
        (t.str.contains("Y"), "Contains"),
        (n * 2 > 3, "Multiply"),
        (n.max() > 2, "Agg"),
        (n.cast(pl.String) == "1", "Cast"),
        (n.is_in([None, 1.0]), "the value None"),
        (d.dt.truncate("1w") == DAYS[1], "Truncate"),
        (n.is_between(1, 2, closed="left"), "IsBetween"),
        (t.is_in(["Y"], nulls_equal=True), "IsIn"),
        (pl.concat_str("T", "U", ignore_nulls=True) == "Y", "ConcatHorizontal"),
        (pl.lit(b"x") == t, "literal"),
    ],
)
def test_what_has_no_words_is_refused_with_its_text(filter: pl.Expr, named: str) -> None:
    with pytest.raises(AnalysisError) as refused:
        filter_sql(filter, str)
    assert named in str(refused.value)
    assert str(filter) in str(refused.value)
