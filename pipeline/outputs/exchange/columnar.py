"""Parquet with the variables' labels, and CSV with a file beside it that tells what the columns are.

What does not belong here: the formats of regulators (`xpt.py`, `dataset_json.py`).
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pipeline.folders import write
from pipeline.outputs import NOTE
from pipeline.outputs.exchange.variables import variables
from schemas import base
from schemas.base import Table

VARIABLES = "variables.csv"


def write_parquet(
    frame: pl.DataFrame,
    model: type[Table],
    path: Path,
    *,
    name: str,
    date: dt.date,
    lengths: Mapping[str, int] | None = None,
) -> Path:
    """Write one dataset as Parquet; the file's metadata hold its name, label and date and the labels as JSON.

    Keys of the metadata: `dataset`, `label`, `date`, `note`, and `labels`, an object of label by variable.
    Raises NotExportable for a column not declared.
    """
    known = variables(frame, model, name=name, lengths=lengths)
    buffer = io.BytesIO()
    frame.select(variable.name for variable in known).rechunk().write_parquet(
        buffer,
        compression="zstd",
        metadata={
            "dataset": name,
            "label": base.label(model),
            "date": date.isoformat(),
            "note": NOTE,
            "labels": json.dumps({variable.name: variable.label for variable in known}, ensure_ascii=False),
        },
    )
    write(path, buffer.getvalue())
    return path


def write_csv(
    frame: pl.DataFrame,
    model: type[Table],
    path: Path,
    *,
    name: str,
    date: dt.date,
    lengths: Mapping[str, int] | None = None,
) -> Path:
    """Write one dataset as CSV: UTF-8, a header, null as an empty cell, an empty text as two quotes.

    Raises NotExportable for a column not declared.
    """
    known = variables(frame, model, name=name, lengths=lengths)
    write(path, frame.select(variable.name for variable in known).write_csv().encode())
    return path


def describe_variables(
    frame: pl.DataFrame, model: type[Table], *, name: str, lengths: Mapping[str, int] | None = None
) -> pl.DataFrame:
    """The rows of the variables file for one dataset.

    DATASET, DATASET_LABEL, VARIABLE, LABEL, TYPE (text, integer, float, date, time), LENGTH (bytes of a
    text), KEY (place in the key, from 1).
    """
    label = base.label(model)
    rows = [
        (name, label, v.name, v.label, TYPES[v.dtype.base_type()], v.length, v.key)
        for v in variables(frame, model, name=name, lengths=lengths)
    ]
    return pl.DataFrame(rows, schema=VARIABLES_FILE, orient="row")


TYPES: dict[type[pl.DataType], str] = {
    pl.String: "text",
    pl.Int64: "integer",
    pl.Float64: "float",
    pl.Date: "date",
    pl.Time: "time",
}
VARIABLES_FILE = {
    "DATASET": pl.String,
    "DATASET_LABEL": pl.String,
    "VARIABLE": pl.String,
    "LABEL": pl.String,
    "TYPE": pl.String,
    "LENGTH": pl.Int64,
    "KEY": pl.Int64,
}
