"""Reading a folder of datasets: SAS transport files, Dataset-JSON 1.1, Parquet, CSV with a variables file.

An empty text is a missing value, whatever the format. What does not belong here: writing
(`pipeline.outputs.exchange`, whose variables file and Parquet metadata are read here), any rule.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.conformance.datasets import Dataset, UnknownStructure, Variable, dataset

VARIABLES = "variables.csv"
SAS_EPOCH = dt.date(1960, 1, 1)
DATE_FORMATS = ("DATE", "YYMMDD", "E8601DA", "B8601DA", "IS8601DA", "MMDDYY", "DDMMYY")
DATETIME_FORMATS = ("DATETIME", "E8601DT", "B8601DT", "IS8601DT")
TYPES: Mapping[str, type[pl.DataType]] = {
    "text": pl.String,
    "integer": pl.Int64,
    "float": pl.Float64,
    "date": pl.Date,
    "time": pl.Time,
}
"""The types of the variables file."""
NUMBERS = {"integer": pl.Int64, "float": pl.Float64, "double": pl.Float64, "decimal": pl.Float64}
"""The numeric types of Dataset-JSON."""


class UnreadableData(ValueError):
    """A folder or file cannot be read as datasets; the message says which, and what is wrong."""


def read_folder(folder: Path) -> list[Dataset]:
    """The datasets of a folder and the folders in it, by name.

    Of a dataset in several formats the first of READERS is read. Raises UnreadableData.
    """
    if not folder.is_dir():
        raise UnreadableData(f"{folder} is not a folder")
    files: dict[str, Path] = {}
    for ending in READERS:
        found: dict[str, Path] = {}
        for path in sorted(folder.rglob(f"[!._]*{ending}")):
            name = path.stem.upper()
            if path.name == VARIABLES or name in files:
                continue
            if name in found:
                raise UnreadableData(
                    f"{path} and {found[name]} are the same dataset: give one folder of a study"
                )
            found[name] = path
        files |= found
    if not files:
        raise UnreadableData(f"{folder} holds no dataset ({', '.join(READERS)})")
    return [_read(path) for _, path in sorted(files.items())]


def _read(path: Path) -> Dataset:
    try:
        return READERS[path.suffix](path)
    except UnknownStructure as error:
        raise UnreadableData(f"{path}: {error}") from None
    except UnreadableData:
        raise
    # Each library has its own errors for a file that is not what its name says.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableData(f"{path} cannot be read as {path.suffix[1:]}: {reason}") from None


def _read_xpt(path: Path) -> Dataset:
    import pyreadstat

    columns, meta = pyreadstat.read_xport(path, output_format="dict", disable_datetime_conversion=True)
    if meta.number_columns and not columns:
        raise UnreadableData(f"{path} holds no variables")
    formats = meta.original_variable_types
    kinds = meta.readstat_variable_types
    rows = pl.DataFrame(
        {name: _sas_values(values, kinds[name], formats[name] or "") for name, values in columns.items()}
    )
    labels = meta.column_names_to_labels
    return dataset(
        meta.table_name or path.stem,
        _without_empty_texts(rows),
        label=meta.file_label or "",
        variables=[Variable(n, labels.get(n) or "", _format(formats[n] or "")) for n in rows.columns],
    )


def _sas_values(values: Iterable[Any], kind: str, shown: str) -> pl.Series:
    """Texts as they are, numbers with NaN as null, dates and datetimes by their format."""
    if kind == "string":
        return pl.Series(values=list(values), dtype=pl.String)
    series = pl.Series(values=list(values), dtype=pl.Float64).fill_nan(None)
    form = shown.upper()
    if form.startswith(DATETIME_FORMATS):
        start = dt.datetime.combine(SAS_EPOCH, dt.time())
        return pl.select(pl.lit(start) + pl.duration(seconds=pl.lit(series))).to_series()
    if form.startswith(DATE_FORMATS):
        return pl.select(pl.lit(SAS_EPOCH) + pl.duration(days=pl.lit(series))).to_series()
    return series


def _format(shown: str) -> str:
    return "" if shown.upper() in ("NULL", "BEST", "BEST12", "$") else shown


def _read_dataset_json(path: Path) -> Dataset:
    held = json.loads(path.read_bytes())
    if not isinstance(held, dict) or "datasetJSONVersion" not in held:
        raise UnreadableData(f"{path} is not Dataset-JSON: it names no datasetJSONVersion")
    if not str(held["datasetJSONVersion"]).startswith("1.1"):
        raise UnreadableData(f"{path} is Dataset-JSON {held['datasetJSONVersion']}; 1.1 can be read")
    columns = held["columns"]
    names = [column["name"] for column in columns]
    raw = {name: list(cells) for name, cells in zip(names, zip(*held["rows"], strict=True), strict=False)}
    rows = pl.DataFrame(
        [_json_values(column, raw.get(column["name"], [])) for column in columns],
    )
    keys = sorted((c["keySequence"], c["name"]) for c in columns if "keySequence" in c)
    return dataset(
        held["name"],
        _without_empty_texts(rows),
        label=held.get("label", ""),
        variables=[Variable(c["name"], c.get("label", ""), c.get("displayFormat", "")) for c in columns],
        key=[name for _, name in keys],
    )


def _json_values(column: Mapping[str, Any], cells: list[Any]) -> pl.Series:
    """A column in its type: a date is a date only where it is to be read as a number, else it is a text."""
    name, kind, target = column["name"], column["dataType"], column.get("targetDataType")
    if kind in NUMBERS:
        return pl.Series(name, [None if c in (None, "") else float(c) for c in cells], pl.Float64).cast(
            NUMBERS[kind]
        )
    texts = pl.Series(name, [None if cell is None else str(cell) for cell in cells], pl.String)
    if target == "integer" and kind == "date":
        return texts.str.to_date("%Y-%m-%d")
    if target == "integer" and kind == "datetime":
        return texts.str.to_datetime()
    return texts


def _read_parquet(path: Path) -> Dataset:
    about = pl.read_parquet_metadata(path)
    labels = json.loads(about.get("labels", "{}"))
    rows = pl.read_parquet(path, glob=False)
    return dataset(
        about.get("dataset", path.stem),
        _without_empty_texts(rows),
        label=about.get("label", ""),
        variables=[Variable(n, labels.get(n, ""), _shown(dtype)) for n, dtype in rows.schema.items()],
    )


def _read_csv(path: Path) -> Dataset:
    told = path.with_name(VARIABLES)
    if not told.is_file():
        raise UnreadableData(f"{path}: there is no {VARIABLES} beside it, which says what its variables are")
    described = pl.read_csv(told, infer_schema=False)
    needed = ("DATASET", "VARIABLE", "LABEL", "TYPE")
    if missing := [name for name in needed if name not in described.columns]:
        raise UnreadableData(f"{told} has no column {', '.join(missing)}")
    mine = described.filter(pl.col("DATASET").str.to_uppercase() == path.stem.upper())
    types = dict(mine.select("VARIABLE", "TYPE").iter_rows())
    if unknown := [f"{name} {kind}" for name, kind in types.items() if kind not in TYPES]:
        raise UnreadableData(f"{told}: {', '.join(unknown)} is none of the types {', '.join(TYPES)}")
    rows = pl.read_csv(path, infer_schema=False)
    if undescribed := [name for name in rows.columns if name not in types]:
        raise UnreadableData(f"{told} does not describe {', '.join(undescribed)} of {path.name}")
    typed = rows.select(_csv_values(name, TYPES[types[name]]) for name in rows.columns)
    labels = dict(mine.select("VARIABLE", "LABEL").iter_rows())
    keyed = mine.filter(pl.col("KEY").is_not_null()) if "KEY" in mine.columns else mine.clear()
    keys = sorted((int(row["KEY"]), row["VARIABLE"]) for row in keyed.iter_rows(named=True))
    label = str(mine["DATASET_LABEL"].first() or "") if "DATASET_LABEL" in mine.columns else ""
    return dataset(
        path.stem,
        _without_empty_texts(typed),
        label=label,
        variables=[Variable(n, labels[n] or "", _shown(dtype)) for n, dtype in typed.schema.items()],
        key=[name for _, name in keys],
    )


def _csv_values(name: str, dtype: type[pl.DataType]) -> pl.Expr:
    text = pl.col(name)
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d")
    return text.str.to_time() if dtype == pl.Time else text.cast(dtype)


def _shown(dtype: pl.DataType) -> str:
    """The format of a type that has one."""
    return "DATE9." if dtype == pl.Date else ""


def _without_empty_texts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)).name.keep())


READERS: Mapping[str, Callable[[Path], Dataset]] = {
    ".xpt": _read_xpt,
    ".json": _read_dataset_json,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
}
"""How a file of each ending is read, the format of regulators first."""
