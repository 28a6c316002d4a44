"""Cells: the text of a form's fields as typed values.

A cell that cannot be typed becomes null AND a fault. A missing code that its column lists is null and no
fault; one that it does not list is never read as a number. What does not belong here: files, lines, and
whether a value is allowed (the form's schema says that).
"""

from __future__ import annotations

import polars as pl

from schemas.base import Column, Table, columns

DATE_MISSING = ("ND", "NA", "N/A", "UNK", "UNKNOWN", "-1", ".", "99/99/9999")
MISSING_NUMBER = -1
_UNKNOWN_PART = ("UN", "UNK", "UK", "--", "00", "99", "")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH = {name: f"{number:02d}" for number, name in enumerate(_MONTHS, 1)}
_THOUSANDS = r"^[<>]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?$"

FAULTS = {"ROW": pl.Int64, "COLUMN": pl.String, "RULE": pl.String}


def type_cells(model: type[Table], cells: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The cells in the model's types, and the cells that could not be typed: ROW (0-based), COLUMN, RULE.

    cells: one text column per column of the model, trimmed, null where blank.
    """
    typed, faults = [], [pl.DataFrame(schema=FAULTS)]
    for column in columns(model):
        text = _without_missing_codes(cells[column.name], column)
        values, fault = _typed(text, column)
        if fault:
            faults.append(_faults(column, fault, text.is_not_null() & values.is_null()))
        if is_measured(column):
            code = values == MISSING_NUMBER
            faults.append(_faults(column, "missing_code", code))
            values = values.set(code, None)
        typed.append(values.alias(column.name))
    return pl.DataFrame(typed), pl.concat(faults)


def is_measured(column: Column) -> bool:
    """Whether the column holds numbers without a list of those allowed, where a missing code would count."""
    return column.dtype in (pl.Int64, pl.Float64) and not column.codelist


def _faults(column: Column, fault: str, rows: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"ROW": rows.arg_true().cast(pl.Int64)}).with_columns(
        COLUMN=pl.lit(column.name), RULE=pl.lit(f"{column.name}_{fault}")
    )


def iso_dates(texts: pl.Series) -> pl.Series:
    """Collected dates as ISO 8601 text as far as they are known; null where the text is not a date.

    Read are ISO 8601 (also YYYY---DD, a known day of an unknown month), MM/DD/YYYY, DD/MON/YYYY, MM/YYYY
    and YYYY, with UN for an unknown day and UNK for an unknown month; numbers are in US order unless the
    first part is UN. Two-digit years and impossible days are refused. Trials repeat their dates, so each
    distinct text is read once.
    """
    distinct = pl.DataFrame({"text": texts.unique().drop_nulls().cast(pl.String)})
    upper = pl.col("text").str.strip_chars().str.to_uppercase()
    iso = upper.str.extract_groups(
        r"^(?<y>[0-9]{4})(?:-(?<m>[0-9]{2})(?:-(?<d>[0-9]{2}))?|---(?<only>[0-9]{2}))?$"
    ).struct
    parts = upper.str.extract_groups(r"^(?:(?<a>[^/-]*)[/-])?(?<b>[^/-]*)[/-](?<y>[0-9]{4})$")
    first, second = parts.struct.field("a").fill_null("UN"), parts.struct.field("b")
    day_first = second.is_in(_MONTHS) | (second == "UNK") | (first == "UN")
    month = pl.when(day_first).then(second).otherwise(first).replace(_MONTH)
    day = pl.when(day_first).then(first).otherwise(second)
    is_iso = iso.field("y").is_not_null()
    iso_day = pl.coalesce(iso.field("d"), iso.field("only"), pl.lit(""))
    read = distinct.select(
        "text",
        y=pl.coalesce(iso.field("y"), parts.struct.field("y")),
        m=pl.when(is_iso).then(iso.field("m").fill_null("")).otherwise(_part(month)),
        d=pl.when(is_iso).then(iso_day).otherwise(_part(day)),
    )
    m, d = pl.col("m"), pl.col("d")
    possible = (
        pl.concat_str("y", _or_first(m), _or_first(d), separator="-")
        .str.to_date("%Y-%m-%d", strict=False)
        .is_not_null()
        & (pl.col("y") != "0000")
        & m.str.contains("^([0-9]{2})?$")
        & d.str.contains("^([0-9]{2})?$")
    )
    text = (
        pl.when(m != "")
        .then(
            pl.concat_str(
                "y",
                pl.lit("-"),
                m,
                pl.when(d != "").then(pl.concat_str(pl.lit("-"), d)).otherwise(pl.lit("")),
            )
        )
        .when(d != "")
        .then(pl.concat_str("y", pl.lit("---"), d))
        .otherwise("y")
    )
    known = read.select("text", iso=pl.when(possible).then(text))
    return texts.cast(pl.String).replace_strict(
        known["text"], known["iso"], default=None, return_dtype=pl.String
    )


def _part(part: pl.Expr) -> pl.Expr:
    """A day or month in two digits, blank when unknown."""
    return pl.when(part.is_in(list(_UNKNOWN_PART))).then(pl.lit("")).otherwise(part.str.zfill(2))


def _or_first(part: pl.Expr) -> pl.Expr:
    return pl.when(part == "").then(pl.lit("01")).otherwise(part)


def _without_missing_codes(cells: pl.Series, column: Column) -> pl.Series:
    codes = column.missing
    if column.kind == "date_raw" or column.dtype == pl.Date:
        codes = (*codes, *DATE_MISSING)
    if not codes:
        return cells
    return cells.set(cells.str.to_uppercase().is_in(list(codes)), None)


def _typed(text: pl.Series, column: Column) -> tuple[pl.Series, str | None]:
    """The values of a column, null where a cell cannot be typed, and the name of that fault."""
    if column.kind == "date_raw":
        return iso_dates(text), "not_a_date"
    if column.dtype == pl.Date:
        return iso_dates(text).str.to_date("%Y-%m-%d", strict=False), "not_a_date"
    if column.dtype == pl.Int64:
        return _plain(text).cast(pl.Int64, strict=False), "not_a_number"
    if column.dtype == pl.Float64:
        numbers = _plain(text).cast(pl.Float64, strict=False)
        return numbers.set(~numbers.is_finite(), None), "not_a_number"  # "inf" and "nan" are no results
    if column.kind == "result":
        return _plain(text.str.replace_all(" ", "", literal=True).str.to_uppercase()), None
    if column.kind == "code":
        return text.str.to_uppercase(), None
    if column.codelist:
        spelled = {str(code).upper(): str(code) for code in column.codelist}
        return text.str.to_uppercase().replace_strict(spelled, default=text), None
    return text, None


def _plain(numbers: pl.Series) -> pl.Series:
    """Numbers without thousands separators; 12,5 is left as it is, for nobody knows what it means."""
    grouped = numbers.str.contains(_THOUSANDS)
    if not grouped.any():
        return numbers
    frame = pl.DataFrame({"text": numbers, "grouped": grouped})
    bare = pl.col("text").str.replace_all(",", "", literal=True)
    return frame.select(pl.when("grouped").then(bare).otherwise("text").alias("text")).to_series()
