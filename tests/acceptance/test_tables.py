"""The tables of the shipped data print what the paper prints, follow the results, and survive LibreOffice."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import polars as pl
import pytest

from pipeline.numbers import format_p
from pipeline.outputs import NOTE
from pipeline.outputs.rtf import write_rtf
from pipeline.outputs.tables import ResultKey, Table, TableCell, render_listing, render_table
from pipeline.published import read_published
from pipeline.studies.calgb_100104.displays import DISPLAYS, LISTINGS, TABLE_1
from pipeline.study import Study
from tests.layers import Run

TABLE_OF = {"t1": "table_1", "t2": "table_2", "t3": "table_3"}
FOLDED = str.maketrans({"\N{NO-BREAK SPACE}": " "})


def render_all(study: Study, run: Run, cut_off: str) -> dict[str, Table]:
    frames = {**run.sdtm, **run.adam}
    tables = [render_table(display, run.results) for display in DISPLAYS]
    tables += [render_listing(listing, frames, study.cut_off(cut_off).date) for listing in LISTINGS]
    return {table.name: table for table in tables}


@pytest.fixture(scope="module")
def tables(study: Study, runs: dict[str, Run]) -> dict[str, dict[str, Table]]:
    return {cut_off: render_all(study, run, cut_off) for cut_off, run in runs.items()}


def cells_of(table: Table, key: ResultKey) -> list[TableCell]:
    return [cell for cell in table.cells() if key in cell.keys]


def holds(text: str, number: str) -> bool:
    """The number stands in the text, not as a part of another."""
    return re.search(rf"(?<![\d.<]){re.escape(number)}(?![\d]|\.\d)", text) is not None


def test_every_printed_number_of_tables_1_to_3_stands_in_the_cell_of_its_result(
    study: Study, runs: dict[str, Run], tables: dict[str, dict[str, Table]]
) -> None:
    in_a_table = pl.col("ID").str.contains(r"^t[123](fn)?_")
    compared = 0
    for cut_off, run in runs.items():
        printed = run.published.filter(in_a_table)
        for row in printed.iter_rows(named=True):
            table = tables[cut_off][TABLE_OF[row["ID"][:2]]]
            found = cells_of(table, ResultKey(row["ANALYSIS"], row["GROUP"], row["LEVEL"], row["STATISTIC"]))
            assert found, row["ID"]
            # the paper prints a limit here, P<0.05; the table prints the smallest P itself
            limit = row["ID"] == "t1fn_baseline_p"
            shown = format_p(row["COMPUTED"]) if limit else row["SHOWN"]
            assert any(holds(cell.text, shown) for cell in found), (row["ID"], shown, found)
            compared += 1
    assert compared == len(read_published(study.published).filter(in_a_table)) > 400


def test_every_cell_is_a_result_or_words(tables: dict[str, dict[str, Table]]) -> None:
    """Digits in the body of a table come from results: no number is typed into a display."""
    for of_cut_off in tables.values():
        for display in DISPLAYS:
            for row in of_cut_off[display.name].rows:
                assert all(cell.keys for cell in row.cells if re.search(r"\d", cell.text)), row


def test_tables_follow_the_results(runs: dict[str, Run]) -> None:
    """Each number of Table 1 is replaced by another one: its cells change, and no others."""
    results = runs["2011-10-31"].results
    before = render_table(TABLE_1, results)
    for key in (
        ResultKey("T1_AGE", "PBO", "", "median"),
        ResultKey("T1_ISS", "TOTAL", "II", "n"),
        ResultKey("RANDOMISED", "LEN", "", "n"),
        ResultKey("PROTOCOL", "TOTAL", "B2M_NMOL_PER_MG", "value"),
    ):
        columns = ("ANALYSIS", "GROUP", "LEVEL", "STATISTIC")
        here = pl.all_horizontal(pl.col(c) == part for c, part in zip(columns, key, strict=True))
        made_up = results.with_columns(VALUE=pl.when(here).then(777).otherwise("VALUE"))
        after = render_table(TABLE_1, made_up)
        for old, new in zip(before.cells(), after.cells(), strict=True):
            assert (old.text != new.text) == (key in old.keys)
            assert ("777" in new.text) == (key in old.keys)


def test_every_table_says_what_it_rests_on(tables: dict[str, dict[str, Table]]) -> None:
    for cut_off, of_cut_off in tables.items():
        for table in of_cut_off.values():
            assert f"Data cut-off: {cut_off}. {NOTE}" in table.source
            assert len({len(row.cells) for row in table.rows if not row.heading}) == 1
            assert len(table.columns) == 1 + next(len(row.cells) for row in table.rows if not row.heading)
            assert sum(span.width for span in table.spans) in (0, len(table.columns))


def test_listings_are_of_the_randomised_and_of_everybody(
    runs: dict[str, Run], tables: dict[str, dict[str, Table]]
) -> None:
    run = runs["2011-10-31"]
    cancers = tables["2011-10-31"]["listing_second_cancers"]
    counted = [column.text for column in cancers.columns].index("Counted in Table 3") - 1
    assert sum(row.cells[counted].text == "Yes" for row in cancers.rows) == run.value(
        "SPM", "TOTAL", "n", "ANY"
    )
    assert len(tables["2011-10-31"]["listing_deviations"].rows) == len(run.sdtm["dv"])


@pytest.mark.office
def test_libreoffice_loses_no_text(tables: dict[str, dict[str, Table]], tmp_path: Path) -> None:
    """Every head, label, cell, footnote and source line stands in the PDF, in the table's order."""
    for name, table in tables["2011-10-31"].items():
        assert write_rtf(table, tmp_path / "rtf").stem == name
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    files = sorted((tmp_path / "rtf").iterdir())
    command = ["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", tmp_path, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    for name, table in tables["2011-10-31"].items():
        pdf = subprocess.run(
            ["pdftotext", "-raw", tmp_path / f"{name}.pdf", "-"], check=True, capture_output=True, text=True
        )
        page = squeezed(pdf.stdout)
        place = page.index(squeezed(f"Population: {table.population}."))
        for text in in_order(table):
            found = page.find(squeezed(text), place)
            assert found >= 0, (name, text)
            place = found + len(squeezed(text))
        assert squeezed(NOTE) in page
        assert "Page1of" in page


def squeezed(text: str) -> str:
    """Without any space: lines may break anywhere."""
    return "".join(text.translate(FOLDED).split())


def in_order(table: Table) -> list[str]:
    rows = [text for row in table.rows for text in (row.label, *(cell.text for cell in row.cells))]
    return [
        *(span.cell.text for span in table.spans),
        *(column.text for column in table.columns),
        *rows,
        *(note.text for note in table.footnotes),
        table.source,
    ]
