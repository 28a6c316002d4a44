"""The drawn tables themselves: what all specifications rest on must be able to fail."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipeline.study import CutOff
from schemas.adam import ADTTE
from schemas.sdtm import RS
from tests.tables import assert_shows, draw

CUT_OFF = CutOff(dt.date(2009, 12, 17), "a cut-off")
ROWS = """
    USUBJID | TRT01PN | PARAMCD | AVAL | STARTDT    | ADT        | CNSR
    A       | 1       | OS      | 2    | 2007-03-01 | 2007-03-02 | 0
    B       |         | OS      | 1    | 2007-03-01 | 2007-03-01 | 1
"""


def test_drawn_cells_are_typed_and_the_rest_is_filled() -> None:
    rows = draw(RS, "USUBJID | RSSTRESC | RSDTC\nA | PR | 2007-05\nA | |\nB | PD | 2008", CUT_OFF)
    assert rows.schema["CUTOFF"] == pl.Date
    assert rows.select("CUTOFF", "USUBJID", "RSSEQ", "RSSTRESC", "RSDTC").rows() == [
        (CUT_OFF.date, "A", 1, "PR", "2007-05"),
        (CUT_OFF.date, "A", 2, None, None),
        (CUT_OFF.date, "B", 1, "PD", "2008"),
    ]


def test_a_row_must_fit_its_headings() -> None:
    with pytest.raises(ValueError, match="2 cells under 3 headings"):
        draw(RS, "USUBJID | RSSTRESC | RSDTC\nA | PR", CUT_OFF)


def test_the_same_table_shows() -> None:
    assert_shows(draw(ADTTE, ROWS, CUT_OFF), ROWS, ADTTE)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("| 2    |", "| 3    |"), ("2007-03-02", "2007-03-03"), ("| 1       |", "|         |"), ("B  ", "C  ")],
)
def test_another_cell_does_not_show(was: str, becomes: str) -> None:
    with pytest.raises(AssertionError, match="derived:"):
        assert_shows(draw(ADTTE, ROWS, CUT_OFF), ROWS.replace(was, becomes), ADTTE)


def test_a_missing_or_an_additional_row_does_not_show() -> None:
    fewer = ROWS[: ROWS.index("    B ")]
    for found, drawn in ((ROWS, fewer), (fewer, ROWS)):
        with pytest.raises(AssertionError, match="derived:"):
            assert_shows(draw(ADTTE, found, CUT_OFF), drawn, ADTTE)


def test_an_invalid_dataset_does_not_show() -> None:
    wrong = ROWS.replace("| 2    |", "| 5    |")
    with pytest.raises(AssertionError, match="ADTTE is not valid"):
        assert_shows(draw(ADTTE, wrong, CUT_OFF), wrong, ADTTE)
