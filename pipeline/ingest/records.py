"""The bytes of a form file as records: text, field by field, with the physical line each starts on.

Nothing is dropped and nothing raises, whatever the bytes: a record that cannot be taken apart is kept as
text with the reason. Lines without a quote are split in one go; only lines with one are read singly.
What does not belong here: what a column means.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Records:
    """A form file taken apart.

    header: the names on line 1 (empty: the file is empty). fault: what is wrong with all of the file.
    rows: LINE (physical line where the record starts), TEXT (as received, without the line end), RULE and
    REASON (why the record cannot be read, or null), then its fields as text in columns "0", "1", ...
    """

    header: tuple[str, ...]
    fault: str | None
    rows: pl.DataFrame


def count_records(data: bytes) -> int:
    """The number of records after the header."""
    return max(_split(data)[0].height - 1, 0)


def read_records(data: bytes) -> Records:
    """A form file's header and records."""
    records, fault, damaged = _split(data)
    head, body = records.head(1), records.slice(1)
    header = tuple(name.strip() for name in _cells(head)) if head.height else ()
    width = max(len(header), 1)
    last = body["LINE"].max() if data and not data.endswith(b"\n") else None
    found = pl.coalesce(pl.col("CELLS").list.len().cast(pl.Int64), pl.col("TEXT").str.count_matches(",") + 1)
    faults = {
        "nul_byte": (pl.col("TEXT").str.contains("\0", literal=True), pl.lit("holds a NUL byte")),
        "encoding": (
            pl.col("TEXT").str.contains("\ufffd", literal=True) & damaged,
            pl.lit("is not UTF-8 text"),
        ),
        "quoting": (pl.col("REASON").is_not_null(), pl.col("REASON")),
        "truncated": (
            pl.col("LINE").eq(pl.lit(last, pl.Int64)).fill_null(False),
            pl.lit("is the last line and has no line end: the file may be cut off"),
        ),
        "fields": (found != width, pl.format("has {} fields, the header has {}", found, width)),
    }
    rule, reason = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for name, (broken, words) in reversed(faults.items()):
        rule = pl.when(broken).then(pl.lit(name)).otherwise(rule)
        reason = pl.when(broken).then(words).otherwise(reason)
    names = [str(n) for n in range(width)]
    plain = pl.col("TEXT").str.split_exact(",", width - 1).struct.rename_fields(names)
    rows = body.select(
        "LINE", "TEXT", "CELLS", rule.alias("RULE"), reason.alias("REASON"), plain.alias("PLAIN")
    )
    if body["CELLS"].null_count() < body.height:
        quoted = pl.struct(
            pl.col("CELLS").list.get(n, null_on_oob=True).alias(names[n]) for n in range(width)
        )
        rows = rows.with_columns(
            pl.when(pl.col("CELLS").is_null()).then("PLAIN").otherwise(quoted).alias("PLAIN")
        )
    return Records(header, fault, rows.drop("CELLS").unnest("PLAIN"))


def _split(data: bytes) -> tuple[pl.DataFrame, str | None, bool]:
    """All records, the header too, as LINE, TEXT, CELLS and REASON (the latter two where a quote occurs).

    Then what is wrong with all of the file, and whether bytes were replaced because they are not UTF-8.
    """
    text, fault = data, None
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text, fault = data.decode("utf-16", "replace").encode(), "is UTF-16 text, not UTF-8"
    text = text.removeprefix(BOM_UTF8)
    damaged = False
    try:
        text.decode()
    except UnicodeDecodeError:
        text, damaged = text.decode("utf-8", "replace").encode(), True
    lines = pl.read_lines(text, name="TEXT", row_index_name="LINE", row_index_offset=1).with_columns(
        pl.col("LINE").cast(pl.Int64), CELLS=pl.lit(None, pl.List(pl.String)), REASON=pl.lit(None, pl.String)
    )
    quoted = pl.DataFrame(
        list(_quoted(lines["TEXT"])),
        schema={
            "LINE": pl.Int64,
            "LAST": pl.Int64,
            "TEXT": pl.String,
            "CELLS": pl.List(pl.String),
            "REASON": pl.String,
        },
        orient="row",
    )
    taken = quoted.select(pl.int_ranges("LINE", pl.col("LAST") + 1).explode().alias("LINE"))
    # An empty line holds nothing; but line 1 is the header whatever it holds.
    plain = lines.filter((pl.col("TEXT") != "") | (pl.col("LINE") == 1)).join(taken, on="LINE", how="anti")
    records = pl.concat([plain, quoted.drop("LAST")]).sort("LINE") if quoted.height else plain
    return records, fault, damaged


def _quoted(lines: pl.Series) -> Iterator[tuple[int, int, str, list[str] | None, str | None]]:
    """First line, last line, text, fields and fault of every record with a quote in it.

    A quote opens a field only at its start. A record whose quote is never closed ends with its own line,
    so that one stray quote does not swallow the rest of the file.
    """
    at = lines.str.contains('"', literal=True).arg_true()
    done = -1
    for start, text in zip(at.to_list(), lines.gather(at).to_list(), strict=True):
        if start <= done:
            continue
        done = start
        try:
            cells = next(csv.reader([text], strict=True))
        except csv.Error:
            reader = csv.reader((lines[n] + "\n" for n in range(start, len(lines))), strict=True)
            try:
                cells = next(reader)
            except csv.Error as error:
                yield start + 1, start + 1, text, None, f"is not CSV ({error})"
                continue
            done = start + reader.line_num - 1
            text = "\n".join(lines[start : done + 1])
        yield start + 1, done + 1, text, cells, None


def _cells(record: pl.DataFrame) -> list[str]:
    cells = record["CELLS"][0]
    return record["TEXT"][0].split(",") if cells is None else cells.to_list()
