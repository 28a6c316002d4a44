"""The bytes of a form file as records: text, field by field, with the physical line each starts on.

Nothing is dropped and nothing raises, whatever the bytes: a record that cannot be taken apart is kept as
text with the reason. Lines without a quote are split in one go; only lines with one are read singly.
What does not belong here: what a column means.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Quoted:
    """The records that hold a quote: `fields` of each by its line, or the `fault` that keeps it together.

    inner: the lines that are the inside of a record that starts further up. text: the records that have
    such lines.
    """

    fields: dict[int, list[str]] = field(default_factory=dict)
    fault: dict[int, str] = field(default_factory=dict)
    inner: set[int] = field(default_factory=set)
    text: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Records:
    """A form file cut into records.

    header: the names on line 1 (empty: the file is empty). fault: what is wrong with all of the file.
    lines: LINE (physical line where the record starts) and TEXT (as received, without the line end) of the
    records below the header. damaged: some bytes are not UTF-8. cut_off: the last line has no end.
    """

    header: tuple[str, ...]
    fault: str | None
    lines: pl.DataFrame
    quoted: Quoted
    damaged: bool
    cut_off: bool


def read_records(data: bytes) -> Records:
    """The header and the records of a form file; an empty line is no record."""
    fault, damaged = None, False
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        fault, data = "is UTF-16 text, not UTF-8", data.decode("utf-16", "replace").encode()
    data = data.removeprefix(BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError:
        damaged, data = True, data.decode("utf-8", "replace").encode()
    lines = pl.read_lines(data, name="TEXT", row_index_name="LINE", row_index_offset=1).with_columns(
        pl.col("LINE").cast(pl.Int64)
    )
    quoted = _read_quoted(lines["TEXT"]) if b'"' in data else Quoted()
    if quoted.inner:
        whole = pl.col("LINE").replace_strict(quoted.text, default=pl.col("TEXT"), return_dtype=pl.String)
        lines = lines.filter(~pl.col("LINE").is_in(quoted.inner)).with_columns(TEXT=whole)
    header: tuple[str, ...] = ()
    if lines.height:
        header = tuple(name.strip() for name in quoted.fields.pop(1, lines["TEXT"][0].split(",")))
    lines = lines.slice(1).filter(pl.col("TEXT") != "")
    return Records(header, fault, lines, quoted, damaged, bool(data) and not data.endswith(b"\n"))


def read_fields(records: Records) -> pl.DataFrame:
    """The records as LINE, TEXT, RULE and REASON (why a record cannot be read, or null), "0", "1", ...

    The numbered columns are the fields as text, as many as the header has.
    """
    width, lines, quoted = len(records.header), records.lines, records.quoted
    names = [str(n) for n in range(width)]
    cells = pl.col("TEXT").str.split_exact(",", width - 1).struct.rename_fields(names)
    count = pl.col("TEXT").str.count_matches(",", literal=True).cast(pl.Int64) + 1
    taken = pl.col("LINE").is_in([*quoted.fields, *quoted.fault])
    plain = (lines.filter(~taken) if quoted.fields or quoted.fault else lines).with_columns(
        COUNT=count, CELLS=cells
    )
    rows = plain.unnest("CELLS")
    if plain.height < lines.height:
        fields = [quoted.fields.get(line, []) for line in lines.filter(taken)["LINE"]]
        columns = {name: [row[n] if n < len(row) else None for row in fields] for n, name in enumerate(names)}
        singly = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
        singly = lines.filter(taken).with_columns(
            pl.Series("COUNT", [len(row) for row in fields], dtype=pl.Int64), *singly
        )
        rows = pl.concat([rows, singly]).sort("LINE")
    faults = _faults(records, width)
    return rows.select(
        "LINE",
        "TEXT",
        pl.coalesce(pl.when(broken).then(pl.lit(rule)) for rule, broken, _ in faults).alias("RULE"),
        pl.coalesce(pl.when(broken).then(words) for _, broken, words in faults).alias("REASON"),
        *names,
    )


def _faults(records: Records, width: int) -> list[tuple[str, pl.Expr, pl.Expr]]:
    """The ways a record can be unreadable: its rule, which records, the reason in words. The first counts."""
    line, text, count = pl.col("LINE"), pl.col("TEXT"), pl.col("COUNT")
    last = records.lines["LINE"].max() if records.cut_off else None
    reason = line.replace_strict(records.quoted.fault, default=None, return_dtype=pl.String)
    return [
        ("nul_byte", text.str.contains("\0", literal=True), pl.lit("holds a NUL byte")),
        (
            "encoding",
            text.str.contains("\ufffd", literal=True) if records.damaged else pl.lit(False),
            pl.lit("is not UTF-8 text"),
        ),
        ("quoting", reason.is_not_null(), pl.format("is not CSV ({})", reason)),
        (
            "truncated",
            line == pl.lit(last, pl.Int64),
            pl.lit("is the last line and has no line end: the file may be cut off"),
        ),
        ("fields", count != width, pl.format("has {} fields, the header has {}", count, width)),
    ]


def _read_quoted(lines: pl.Series) -> Quoted:
    """The records with a quote in them. A quote opens a field only at the field's start.

    A record whose quote is never closed ends with its own line, so that one stray quote does not swallow
    the rest of the file.
    """
    quoted = Quoted()
    at = lines.str.contains('"', literal=True).arg_true()
    done = -1
    for start, text in zip(at.to_list(), lines.gather(at).to_list(), strict=True):
        if start <= done:
            continue
        done, line = start, start + 1
        try:
            quoted.fields[line] = next(csv.reader([text], strict=True))
            continue
        except csv.Error:
            reader = csv.reader((lines[n] + "\n" for n in range(start, len(lines))), strict=True)
        try:
            quoted.fields[line] = next(reader)
        except csv.Error as error:
            quoted.fault[line] = str(error)
            continue
        done = start + reader.line_num - 1
        quoted.inner.update(range(line + 1, done + 2))
        quoted.text[line] = "\n".join(lines[start : done + 1])
    return quoted
