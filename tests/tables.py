"""Drawn tables: text that a statistician can read, as typed frames.

    USUBJID | RSTESTCD | RSSTRESC | RSDTC
    A       | OVRLRESP | PR       | 2007-05-14
    A       | PROGRESS | PD       | 2008-01

A blank cell is a missing value. What is not drawn is filled so that the frame has the shape of its
model: the cut-off, --SEQ as the order of the subject's rows, the first code of its codelist where a value
is required. What does not belong here: expected values, rules of any dataset.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from pipeline.study import CutOff, Frames, Seen
from pipeline.versions import current_records
from schemas.base import Table, columns, dtypes, failures
from schemas.crf.calgb_100104 import FORM_CODE, FORMS, RESTRICTED
from schemas.sdtm import DOMAINS


def cells(text: str) -> tuple[list[str], list[list[str | None]]]:
    """Header and rows of a drawn table; ValueError names a row whose cells do not fit the header."""
    lines = [line for line in text.splitlines() if line.strip() and not set(line.strip()) <= set("-|+ ")]
    table = [[cell.strip() or None for cell in line.split("|")] for line in lines]
    if not table:
        return [], []
    header, rows = table[0], table[1:]
    for line, row in zip(lines[1:], rows, strict=True):
        if len(row) != len(header):
            raise ValueError(f"{len(row)} cells under {len(header)} headings: {line!r}")
    return [str(name) for name in header], rows


def read(text: str, types: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """The drawn columns, each in its type; KeyError for a column that `types` does not have."""
    header, rows = cells(text)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    return frame.select(
        pl.col(name).str.to_date("%Y-%m-%d") if types[name] == pl.Date else pl.col(name).cast(types[name])
        for name in header
    )


def draw(model: type[Table], text: str, cut_off: CutOff) -> pl.DataFrame:
    """A drawn table as a frame with every column of the model."""
    rows = read(text, dtypes(model))
    if "USUBJID" not in rows.columns:
        rows = rows.with_columns(USUBJID=pl.lit(None, pl.String))
    for name, dtype in dtypes(model).items():
        if name not in rows.columns:
            rows = rows.with_columns(_filling(model, name, cut_off.date).cast(dtype).alias(name))
    return rows.select(list(dtypes(model)))


def _filling(model: type[Table], name: str, cut_off: dt.date) -> pl.Expr:
    column = next(c for c in columns(model) if c.name == name)
    if name == "CUTOFF":
        return pl.lit(cut_off)
    if name == "DOMAIN":
        return pl.lit(model.__name__)
    if name in ("ASEQ", f"{model.__name__[-2:]}SEQ"):
        return pl.int_range(1, pl.len() + 1).over("USUBJID")
    if not column.required:
        return pl.lit(None)
    if column.codelist:
        return pl.lit(column.codelist[0])
    return pl.lit("-") if column.dtype == pl.String else pl.lit(1)


def tabulation(cut_off: CutOff, **drawn: str) -> Frames:
    """Every tabulation domain, those not drawn without rows: `tabulation(cut_off, rs=..., ds=...)`."""
    return {name: draw(model, drawn.get(name, ""), cut_off) for name, model in DOMAINS.items()}


def forms_seen(date: dt.date, **drawn: str) -> Seen:
    """Forms as they stood on a day, those not drawn without rows: `forms_seen(date, labs=..., death=...)`.

    A row is a record (numbered from 1 within its form, 1 at site NC001, received on the day) unless drawn
    otherwise; whatever else is not drawn is blank.
    """
    models = FORMS | RESTRICTED
    versions = {form: _received(form, model, drawn.get(form, ""), date) for form, model in models.items()}
    current = {
        form: current_records(rows) if "record_version" in rows.collect_schema() else rows
        for form, rows in versions.items()
    }
    return Seen(date, current, versions)


def _received(form: str, model: type[Table], text: str, date: dt.date) -> pl.LazyFrame:
    number = pl.int_range(1, pl.len() + 1).cast(pl.String)
    header = {
        "study_id": pl.lit("CALGB-100104"),
        "site_code": pl.lit("NC001"),
        "form_code": pl.lit(FORM_CODE.get(form)),
        "record_id": FORM_CODE.get(form, "") + "-" + number.str.zfill(6),
        "record_version": pl.lit(1),
        "record_status": pl.lit("ORIGINAL"),
        "completed_dt": pl.lit(date.isoformat()),
        "received_dt": pl.lit(date),
    }
    rows = read(text, dtypes(model))
    if not rows.columns:
        rows = pl.DataFrame(schema=dtypes(model))
    blank = {name: header.get(name, pl.lit(None)) for name in dtypes(model) if name not in rows.columns}
    typed = [expression.cast(dtypes(model)[name]).alias(name) for name, expression in blank.items()]
    source = {
        "TRANSFER": pl.lit(date),
        "FILE": pl.lit(f"{date}/{form}.csv"),
        "LINE": pl.int_range(2, pl.len() + 2),
    }
    return rows.with_columns(typed).select(*dtypes(model)).with_columns(**source).lazy()


def assert_shows(found: pl.DataFrame, expected: str, model: type[Table]) -> None:
    """The derived dataset is valid and, in the drawn columns, is the drawn table, row by row."""
    faults = failures(model, found)
    assert faults.is_empty(), f"{model.__name__} is not valid: {faults.rows()}"
    wanted = read(expected, found.schema)
    shown = found.select(wanted.columns)
    assert shown.rows() == wanted.rows(), f"derived:\n{_text(shown)}\ndrawn:\n{_text(wanted)}"


def _text(frame: pl.DataFrame) -> str:
    lines = [frame.columns, *(["" if cell is None else str(cell) for cell in row] for row in frame.rows())]
    widths = [max(len(line[i]) for line in lines) for i in range(frame.width)]
    return "\n".join(" | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)
