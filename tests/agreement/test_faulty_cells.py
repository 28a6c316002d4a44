"""A faulty cell that its row can do without is left out and told, and all layers go on without it.

The rows are those of the trial; the columns are all that the forms' schemas call `query`.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest import Ingested, Transfer, ingest_form
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.base import Column, columns, names
from schemas.crf.calgb_100104 import FORMS
from tests.layers import accepted_forms, rewrite_form, run_layers

RAW = Path(__file__).parents[2] / "raw" / "calgb_100104"
SEED = 100104
SENT = [form for form in FORMS if any(RAW.glob(f"*/{form}.csv"))]


def received(form: str) -> pl.DataFrame:
    """Every row of a form as text, of all transfers."""
    files = sorted(RAW.glob(f"*/{form}.csv"))
    return pl.concat([pl.read_csv(file, infer_schema=False) for file in files], how="diagonal")


def query_columns(form: str) -> list[Column]:
    return [column for column in columns(FORMS[form]) if column.severity == "query"]


def garbled(column: Column) -> str | None:
    """A text that the column cannot hold; None for a column that holds any text."""
    if column.kind == "date_raw" or column.dtype == pl.Date:
        return "02/30/2007"
    if column.dtype in (pl.Int64, pl.Float64) or column.kind == "result":
        return "12O"
    return "?!" if column.codelist or column.kind == "code" or pattern(column) else None


def pattern(column: Column) -> bool:
    return any(
        check.name == "str_matches"
        for form in FORMS.values()
        for name, spec in form.to_schema().columns.items()
        if name == column.name
        for check in spec.checks
    )


def ingest_row(form: str, row: pl.DataFrame, folder: Path) -> Ingested:
    (folder / f"{form}.csv").write_text(row.write_csv())
    return ingest_form(form, FORMS[form], [Transfer(STUDY.cut_offs[0].date, folder, (form,))])


def sound_row(form: str, rows: pl.DataFrame, draw: random.Random, folder: Path) -> pl.DataFrame:
    """A row without a fault of its own."""
    while True:
        row = rows[draw.randrange(rows.height)]
        if ingest_row(form, row, folder).findings.is_empty():
            return row


@pytest.mark.parametrize("form", [form for form in SENT if query_columns(form)])
def test_a_faulty_cell_leaves_the_row_and_one_finding(form: str, tmp_path: Path) -> None:
    rows = received(form)
    draw = random.Random(f"{SEED} {form}")
    for column in query_columns(form):
        row = sound_row(form, rows, draw, tmp_path)
        for text in ("", garbled(column)):
            if text is None:
                continue
            cell = pl.lit(text or None, pl.String).alias(column.name)
            ingested = ingest_row(form, row.with_columns(cell), tmp_path)
            assert ingested.accepted[column.name].to_list() == [None], (column.name, text)
            told = ingested.findings.select("COLUMN", "VALUE", "OUTCOME").rows()
            expected = [(column.name, text or None, "kept")] if text or column.required else []
            assert told == expected, (column.name, text)


@pytest.fixture(scope="module")
def faulty_forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The accepted forms of a copy of the trial with every column garbled, or blank, for one patient each."""
    raw = tmp_path_factory.mktemp("faulty") / "raw"
    shutil.copytree(RAW, raw)
    draw = random.Random(SEED)
    changed: dict[str, int] = {}
    for form in SENT:
        rows = received(form).with_row_index("N")
        once = rows.filter(pl.len().over("record_id") == 1) if "record_id" in rows.columns else rows
        chosen = once.sort("N")["N"].sample(
            min(once.height, len(query_columns(form))), seed=draw.randrange(99)
        )
        cells = dict(zip(chosen.to_list(), query_columns(form), strict=False))
        changed[form] = len(cells)
        start = 0

        def garble(part: pl.DataFrame, cells: dict[int, Column] = cells) -> pl.DataFrame:
            nonlocal start
            for number, column in cells.items():
                if start <= number < start + part.height:
                    here = pl.int_range(pl.len()) == number - start
                    text = pl.lit(garbled(column), pl.String)
                    part = part.with_columns(
                        pl.when(here).then(text).otherwise(column.name).alias(column.name)
                    )
            start += part.height
            return part

        rewrite_form(raw, form, garble)
    accepted = accepted_forms(STUDY, raw)
    clean = accepted_forms(STUDY, RAW)
    for form, count in changed.items():
        assert accepted[form].height == clean[form].height
        cells = [
            n for n in names(FORMS[form]) if accepted[form][n].null_count() > clean[form][n].null_count()
        ]
        assert count == 0 or cells
    return accepted


@pytest.mark.parametrize("cut_off", STUDY.cut_offs, ids=lambda c: c.id)
def test_all_layers_run_without_the_faulty_cells(faulty_forms: dict[str, pl.DataFrame], cut_off) -> None:
    run = run_layers(STUDY, faulty_forms, cut_off)
    assert run.results.height > 0
