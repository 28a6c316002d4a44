"""Which datasets of a cut-off are exchanged, and in which shape; then their files.

A cut-off's datasets are those of the warehouse but for two things that SDTM asks for: a tabulation dataset
has no CUTOFF, and its supplemental variables stand in a SUPP-- dataset of their own
(docs/decisions/0005-supplemental-variables-inline.md). Results are no datasets of SDTM or ADaM and are not
exchanged. What does not belong here: the bytes of a format.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.folders import write
from pipeline.outputs import NOTE
from pipeline.outputs.exchange.columnar import VARIABLES, describe_variables, write_csv, write_parquet
from pipeline.outputs.exchange.dataset_json import write_dataset_json
from pipeline.outputs.exchange.variables import longest_texts
from pipeline.outputs.exchange.xpt import write_xpt
from pipeline.study import Frames, Study
from schemas import base, sdtm
from schemas.base import Table

Writer = Callable[..., Path]
FORMATS: dict[str, tuple[str, Writer]] = {
    "xpt": (".xpt", write_xpt),
    "dataset-json": (".json", write_dataset_json),
    "parquet": (".parquet", write_parquet),
    "csv": (".csv", write_csv),
}
"""The formats, each with its files' ending and its writer."""
README = "README.txt"


@dataclass(frozen=True)
class Dataset:
    """One dataset as it is exchanged; standard: `sdtm` or `adam`, its folder; name: as in the file."""

    standard: str
    name: str
    model: type[Table]
    frame: pl.DataFrame


def exchanged_datasets(study: Study, frames: Frames) -> list[Dataset]:
    """The datasets of one cut-off, those without rows too: tabulation, supplemental, then analysis datasets.

    frames: the rows of each domain and analysis dataset, by its name in the study.
    """
    shaped = [made for domain in study.domains for made in _tabulation(domain.model, frames[domain.name])]
    return [
        *sorted(shaped, key=is_supplemental),
        *(Dataset("adam", d.name.upper(), d.model, frames[d.name]) for d in study.datasets),
    ]


def shared_lengths(datasets: Iterable[Dataset]) -> dict[str, int]:
    """The bytes of each text variable: the longest value of any dataset, so that it is as long in all.

    Supplemental datasets stand apart: their QVAL holds everything (FDA, Study Data Technical Conformance
    Guide, 3.3.3).
    """
    lengths: dict[str, int] = {}
    for dataset in datasets:
        if not is_supplemental(dataset):
            for name, length in longest_texts(dataset.frame).items():
                lengths[name] = max(length, lengths.get(name, 0))
    return lengths


def lengths_of(dataset: Dataset, shared: Mapping[str, int]) -> Mapping[str, int]:
    """The lengths that a dataset's file declares."""
    return {} if is_supplemental(dataset) else shared


def write_exports(
    datasets: Sequence[Dataset], formats: Iterable[str], folder: Path, *, study: str, date: dt.date
) -> list[Path]:
    """Write each dataset that has rows in each format to `<folder>/<standard>/<name>.<ending>`.

    A README.txt lists the datasets; CSV gets a variables file in each folder. Raises NotExportable.
    """
    formats = list(formats)
    shared = shared_lengths(datasets)
    filled = [dataset for dataset in datasets if dataset.frame.height]
    paths = []
    for dataset in filled:
        for ending, writer in (FORMATS[form] for form in formats):
            paths.append(
                writer(
                    dataset.frame,
                    dataset.model,
                    folder / dataset.standard / f"{dataset.name.lower()}{ending}",
                    name=dataset.name,
                    date=date,
                    lengths=lengths_of(dataset, shared),
                )
            )
    if "csv" in formats:
        paths += [
            _write_variables(folder / standard / VARIABLES, filled, standard, shared)
            for standard in dict.fromkeys(dataset.standard for dataset in filled)
        ]
    readme = folder / README
    write(readme, "\n".join([*_readme(datasets, formats, study, date), ""]).encode())
    return [*paths, readme]


def is_supplemental(dataset: Dataset) -> bool:
    """Whether it is a SUPP-- dataset."""
    return issubclass(dataset.model, sdtm.Supplemental)


def _tabulation(model: type[Table], frame: pl.DataFrame) -> Iterator[Dataset]:
    """The domain, and what is supplemental to it."""
    moved = [c for c in base.columns(model) if c.kind == "supplemental" and c.name in frame.columns]
    name = model.__name__
    yield Dataset("sdtm", name, model, frame.drop("CUTOFF", *(column.name for column in moved)))
    if moved:
        yield Dataset("sdtm", f"SUPP{name}", sdtm.supplemental_to(model), _supplemental(model, frame, moved))


def _supplemental(model: type[Table], frame: pl.DataFrame, moved: Sequence[base.Column]) -> pl.DataFrame:
    """One row per value: STUDYID, RDOMAIN, USUBJID, IDVAR, IDVARVAL, QNAM, QLABEL, QVAL, QORIG, QEVAL."""
    sequence = f"{model.__name__}SEQ"
    within = sequence if sequence in frame.columns else None
    origins = sdtm.origins(model)
    number = pl.col(within).cast(pl.String) if within else pl.lit(None, pl.String)
    rows = [
        frame.filter(pl.col(column.name).is_not_null()).select(
            "STUDYID",
            "USUBJID",
            pl.col(within) if within else pl.lit(None, pl.Int64).alias("SEQ"),
            RDOMAIN=pl.lit(model.__name__),
            IDVAR=pl.lit(within, pl.String),
            IDVARVAL=number,
            QNAM=pl.lit(column.name),
            QLABEL=pl.lit(column.label),
            QVAL=_as_text(column),
            QORIG=pl.lit(origins[column.name]),
            QEVAL=pl.lit(None, pl.String),
        )
        for column in moved
    ]
    ordered = pl.concat(rows).sort("USUBJID", within or "SEQ", "QNAM")
    return ordered.select(base.names(sdtm.Supplemental))


def _as_text(column: base.Column) -> pl.Expr:
    """The values as text; a whole number is written as one, whatever type the variable has."""
    text = pl.col(column.name).cast(pl.String)
    return text.str.strip_suffix(".0") if column.dtype == pl.Float64 else text


def _write_variables(
    path: Path, datasets: Iterable[Dataset], standard: str, shared: Mapping[str, int]
) -> Path:
    described = [
        describe_variables(d.frame, d.model, name=d.name, lengths=lengths_of(d, shared))
        for d in datasets
        if d.standard == standard
    ]
    write(path, pl.concat(described).write_csv().encode())
    return path


def _readme(datasets: Iterable[Dataset], formats: Sequence[str], study: str, date: dt.date) -> Iterator[str]:
    yield NOTE
    yield f"{study}, data cut-off {date}. Formats: {', '.join(formats)}."
    yield ""
    for dataset in datasets:
        rows = f"rows: {dataset.frame.height}" if dataset.frame.height else "no rows, no file"
        yield f"{dataset.standard}/{dataset.name.lower():10} {base.label(dataset.model)} ({rows})"
