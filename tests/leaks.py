"""Looks through everything a warehouse shows to everybody for what would tell treatments.

It knows the truth, the treatment code list, and searches for words (in every byte, and in every text of every
table), for columns that tell the arm, and for orders of rows or of identifiers that do. What does not belong
here: a run, an expectation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

CLOSED = "closed"
ARM_WORDS = re.compile(rb"PLACEBO|\bPBO\b|\bLEN\b", re.IGNORECASE)
"""Words for an arm; of the drug's name see DRUG."""
LONG_WORD = re.compile(rb"PLACEBO", re.IGNORECASE)
"""What is searched for in compressed bytes, in which words of three letters stand by chance."""
BINARY = {".parquet", ".duckdb", ".db", ".png", ".xpt"}
DRUG = re.compile(r"LENALIDOMIDE|REVLIMID|CC-?5013", re.IGNORECASE)
DRUG_COLUMNS = {"agent", "regimen_name", "CMTRT", "CMDECOD", "REGIMEN", "INDGR1", "QVAL"}
"""Where patients' earlier and later therapies stand: a third of them had the drug before the trial."""
EARLIER = re.compile(r"induction agents|Prior Lenalidomide", re.IGNORECASE)
"""Sentences about the stratification by earlier therapy."""
MOST_RUNS = 5.0
"""Standard deviations of the number of runs of one arm in an order: a chance of 6 in 10 million beyond."""
TELLING = 0.85
"""A column that tells so many patients' arms; how well a drug works tells far fewer."""
FEWEST = 40
"""Patients below which a column or an order shows nothing."""


@dataclass(frozen=True)
class Leak:
    """Something that tells treatments: in which file, and what."""

    file: str
    what: str


def find_leaks(warehouse: Path, arms: Mapping[str, str]) -> list[Leak]:
    """Every leak of a warehouse; arms: the arm of each randomised patient, by patient_id."""
    return [leak for path in _open_files(warehouse) for leak in _of_file(path, warehouse, arms)]


def _open_files(warehouse: Path) -> Iterator[Path]:
    for path in sorted(warehouse.rglob("*")):
        if path.is_file() and CLOSED not in path.relative_to(warehouse).parts:
            yield path


def _of_file(path: Path, warehouse: Path, arms: Mapping[str, str]) -> Iterator[Leak]:
    name = str(path.relative_to(warehouse))
    data = path.read_bytes()
    words = LONG_WORD if path.suffix in BINARY else ARM_WORDS
    yield from (
        Leak(name, f"the word {word!r}") for word in sorted({m.group() for m in words.finditer(data)})
    )
    if path.suffix == ".parquet":
        yield from of_frame(name, pl.read_parquet(path), arms)
    elif path.suffix == ".duckdb":
        for table, frame in _tables(path):
            yield from of_frame(f"{name} {table}", frame, arms)


def of_frame(name: str, frame: pl.DataFrame, arms: Mapping[str, str]) -> Iterator[Leak]:
    """The leaks of one table: words, columns that tell the arm, orders that do."""
    texts = frame.select(pl.col(pl.String))
    for column in texts.columns:
        joined = "\n".join(texts[column].unique().drop_nulls())
        if found := ARM_WORDS.search(joined.encode()):
            yield Leak(name, f"{column}: the word {found.group()!r}")
    key = next((c for c in ("USUBJID", "patient_id", "SUBJID", "PATIENT") if c in frame.columns), None)
    if key is None:
        return
    yield from _drug(name, frame)
    patient = pl.col(key).str.split("-").list.last()
    known = frame.with_columns(_arm=patient.replace_strict(dict(arms), default=None, return_dtype=pl.String))
    known = known.filter(pl.col("_arm").is_not_null())
    first = known.unique(key, keep="first", maintain_order=True)
    if first.height < FEWEST:
        return
    yield from _order(name, "the order of rows", first["_arm"])
    for column in (c for c in frame.columns if c != key):
        per_patient = first.select("_arm", key, value=pl.col(column).cast(pl.String)).drop_nulls()
        if per_patient.height < FEWEST:
            continue
        yield from _column(name, column, per_patient)
        yield from _order(name, f"the order of {column}", per_patient.sort("value", key)["_arm"])


def _drug(name: str, frame: pl.DataFrame) -> Iterator[Leak]:
    for column in frame.select(pl.col(pl.String)).columns:
        if column in DRUG_COLUMNS:
            continue
        for value in frame[column].unique().drop_nulls():
            if DRUG.search(value) and not EARLIER.search(value):
                yield Leak(name, f"{column}: the drug: {value[:80]}")
                break


def _order(name: str, what: str, arms: pl.Series) -> Iterator[Leak]:
    """An order in which the arms are grouped or alternate more than chance makes them (runs test)."""
    codes = (arms == arms[0]).to_numpy()
    n, a = len(codes), int(codes.sum())
    b = n - a
    if min(a, b) < FEWEST / 4:
        return
    runs = 1 + int((codes[1:] != codes[:-1]).sum())
    mean = 1 + 2 * a * b / n
    sd = float(np.sqrt((mean - 1) * (mean - 2) / (n - 1)))
    if abs(runs - mean) > MOST_RUNS * sd:
        yield Leak(name, f"{what} tells the arms: {runs} runs where {mean:.0f} are expected")


def _column(name: str, column: str, rows: pl.DataFrame) -> Iterator[Leak]:
    """A column whose values go with one arm each, where a value is shared by some patients."""
    cells = (
        rows.group_by("value", "_arm")
        .len()
        .group_by("value")
        .agg(pl.col("len").sum(), best=pl.col("len").max())
    )
    shared = cells.filter(pl.col("len") >= 4)
    patients, told = int(shared["len"].sum()), int(shared["best"].sum())
    if patients >= FEWEST and shared.height > 1 and told / patients > TELLING:
        yield Leak(name, f"{column} tells the arm of {told} of {patients} patients")


def _tables(path: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    from pipeline.warehouse import query

    listed = query(path, "SELECT schema_name, table_name FROM meta.tables")
    for schema, table in listed.iter_rows():
        yield f"{schema}.{table}", query(path, f'FROM "{schema}"."{table}"')
    yield "ddl", query(path, "SELECT sql, comment FROM duckdb_tables() WHERE NOT internal")
