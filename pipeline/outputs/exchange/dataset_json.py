"""Dataset-JSON 1.1 (CDISC, final of 2024-12-05): one dataset, its columns' metadata and its rows as text.

The file's time of creation is the dataset's date, not the clock's, so that equal datasets give equal bytes.
What does not belong here: which datasets are written.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.folders import write
from pipeline.outputs.exchange.variables import (
    FORMATS,
    Fault,
    NotExportable,
    Variable,
    first_fault,
    variables,
)
from schemas import base
from schemas.base import Table

VERSION = "1.1.0"
DATA_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Int64: "integer",
    pl.Float64: "float",
    pl.Date: "date",
    pl.Time: "time",
}
ESCAPES = {character: json.dumps(character)[1:-1] for character in (*map(chr, range(32)), '"', "\\")}
"""What JSON writes otherwise within a text; all else stands as it is, in UTF-8."""


def write_dataset_json(
    frame: pl.DataFrame,
    model: type[Table],
    path: Path,
    *,
    name: str,
    date: dt.date,
    lengths: Mapping[str, int] | None = None,
) -> Path:
    """Write one dataset as Dataset-JSON 1.1; equal datasets give equal bytes.

    The variables are those of the class that the frame has, in the class's order. name: of the dataset.
    date: the time of creation, at midnight. lengths: of texts declared longer than their longest value.
    A null is null, an empty text "". Dates and times are ISO 8601 texts to be read as SAS numbers. A row
    stands on a line. Raises NotExportable for a column not declared, a type or a number that JSON lacks.
    """
    known = variables(frame, model, name=name, lengths=lengths)
    faults = [*_faults(name, frame, known)]
    if faults:
        raise NotExportable(faults)
    about = {
        "datasetJSONCreationDateTime": f"{date}T00:00:00",
        "datasetJSONVersion": VERSION,
        "itemGroupOID": f"IG.{name}",
        "records": frame.height,
        "name": name,
        "label": base.label(model),
    }
    head = ",\n".join(f"{_json(key)}: {_json(value)}" for key, value in about.items())
    columns = ",\n".join(_json(_describe(name, variable)) for variable in known)
    cells = [_cell(variable).fill_null("null") for variable in known]
    rows = frame.select("[" + pl.concat_str(cells, separator=",") + "]").to_series().str.join(",\n")
    write(path, f'{{\n{head},\n"columns": [\n{columns}\n],\n"rows": [\n{rows.item()}\n]\n}}\n'.encode())
    return path


def _describe(name: str, variable: Variable) -> dict[str, Any]:
    kind = variable.dtype.base_type()
    form = FORMATS.get(kind)
    about = {
        "itemOID": f"IT.{name}.{variable.name}",
        "name": variable.name,
        "label": variable.label,
        "dataType": DATA_TYPES[kind],
        "targetDataType": "integer" if form else None,
        "length": variable.length,
        "displayFormat": form,
        "keySequence": variable.key,
    }
    return {key: value for key, value in about.items() if value is not None}


def _faults(name: str, frame: pl.DataFrame, known: list[Variable]) -> Iterator[Fault]:
    if not known:
        yield Fault(name, "no variables")
    for variable in known:
        if variable.dtype.base_type() not in DATA_TYPES:
            yield Fault(f"{name}.{variable.name}", f"{variable.dtype} has no type in Dataset-JSON")
        elif variable.dtype == pl.Float64:
            lost = ~pl.col(variable.name).is_finite()
            if frame.select(lost.any()).item():
                yield first_fault(name, frame[variable.name], lost, "is not a number in JSON")


def _cell(variable: Variable) -> pl.Expr:
    """The values as JSON."""
    value = pl.col(variable.name)
    if variable.dtype == pl.String:
        return '"' + value.str.replace_many(ESCAPES) + '"'
    if variable.dtype in (pl.Date, pl.Time):
        return '"' + value.cast(pl.String) + '"'
    return value.cast(pl.String)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
