"""Tables show the results they are given, and say what they lack. Every value here is made up."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipeline.outputs import NOTE
from pipeline.outputs.rtf import render_rtf, write_rtf
from pipeline.outputs.tables import (
    COUNT,
    COUNT_PERCENT,
    P_VALUE,
    RATE,
    Ask,
    Column,
    Display,
    DisplayError,
    Heading,
    LevelRows,
    Listing,
    ListingColumn,
    ResultKey,
    Row,
    Sentence,
    Show,
    Table,
    TableCell,
    TableRow,
    count_and_percent,
    median_and_range,
    median_months,
    number,
    range_of,
    ratio,
    render_listing,
    render_preview,
    render_table,
)
from schemas import base
from schemas.results import Results

CUT_OFF = dt.date(2013, 2, 7)
ARMS = (Column("Treated", "T"), Column("Control", "C"))


def results(*rows: tuple[str, str, str, str, float | None], cut_off: dt.date = CUT_OFF) -> pl.DataFrame:
    """ANALYSIS, GROUP, LEVEL, STATISTIC, VALUE."""
    about = ("MADEUP", cut_off)
    records = [(*about, a, None, "ITT", "X", g, level, s, value, "made up") for a, g, level, s, value in rows]
    frame = pl.DataFrame(records, schema=base.dtypes(Results), orient="row", strict=False)
    assert base.failures(Results, frame).is_empty()
    return frame


def counted(analysis: str, **counts: tuple[int, int]) -> list[tuple[str, str, str, str, float]]:
    """`n` and `proportion` (of 400) of both arms and their total for each level."""
    return [
        row
        for level, (treated, control) in counts.items()
        for group, n in (("T", treated), ("C", control), ("TOTAL", treated + control))
        for row in ((analysis, group, level, "n", n), (analysis, group, level, "proportion", n / 400))
    ]


def display(*rows: Heading | Row | LevelRows, **changes: object) -> Display:
    base = Display("made_up", "A Made-up Table", "Nobody", ARMS, rows, stub="Characteristic")
    return replace(base, **changes)  # type: ignore[arg-type]


def texts(table: Table) -> list[list[str]]:
    return [[row.label, *(cell.text for cell in row.cells)] for row in table.rows]


@pytest.mark.parametrize(
    ("n", "proportion", "text"),
    [
        (0, 0.0, "0"),  # bare, as in the journal
        (1, 1 / 231, "1 (<1)"),  # Table 1, IgM lambda
        (2, 2 / 231, "2 (1)"),
        (23, 0.115, "23 (12)"),  # half up, though the nearest double lies below
        (5, 0.125, "5 (13)"),  # half up, not half to even
        (460, 1.0, "460 (100)"),
    ],
)
def test_percentages_follow_the_journal(n: int, proportion: float, text: str) -> None:
    assert count_and_percent(n, proportion) == text


def test_a_cell_is_the_number_it_was_given_and_keeps_its_keys() -> None:
    rows = (Heading("Sex"), Row("Male", "SEX", "MALE", indent=1), Row("Female", "SEX", "FEMALE", COUNT))
    table = render_table(display(*rows), results(*counted("SEX", MALE=(217, 3), FEMALE=(0, 41))))
    assert texts(table) == [["Sex"], ["Male", "217 (54)", "3 (1)"], ["Female", "0", "41"]]
    assert [(row.heading, row.indent) for row in table.rows] == [(True, 0), (False, 1), (False, 0)]
    assert table.rows[1].cells[0].keys == (
        ResultKey("SEX", "T", "MALE", "n"),
        ResultKey("SEX", "T", "MALE", "proportion"),
    )
    assert table.rows[2].cells[1].keys == (ResultKey("SEX", "C", "FEMALE", "n"),)
    assert table.source == f"Source: analysis.results, analysis SEX. Data cut-off: 2013-02-07. {NOTE}"


def test_a_result_that_is_missing_is_named() -> None:
    asking = display(Row("Male", "SEX", "MALE"))
    rows = counted("SEX", MALE=(217, 3))
    without = [row for row in rows if row[1:4] != ("C", "MALE", "proportion")]
    with pytest.raises(
        DisplayError, match="made_up, row 'Male': results hold no SEX / C / MALE / proportion"
    ):
        render_table(asking, results(*without))
    note = Sentence("{age}", {"age": Ask("AGE", "T", "", number("median"))})
    with pytest.raises(DisplayError, match=r"the footnotes: results hold no AGE / T / \(empty\) / median"):
        render_table(replace(asking, footnotes=(note,)), results(*rows))


def test_results_of_two_cut_offs_are_no_table() -> None:
    rows = counted("SEX", MALE=(217, 3))
    both = pl.concat([results(*rows), results(*rows, cut_off=dt.date(2014, 1, 1))])
    with pytest.raises(ValueError, match="one study at one cut-off, results hold 2"):
        render_table(display(Row("Male", "SEX", "MALE")), both)


def test_heads_and_footnotes_hold_numbers() -> None:
    arm = Sentence("Treated (N = {n})", {"n": Ask("ALL", "T", "X", COUNT)})
    columns = (
        Column("Grade 3", "T", level="{level} 3", span=arm),
        Column("Grade 4", "T", level="{level} 4", span=arm),
        Column("P Value", "T:C", analysis="{analysis}_TEST", show=P_VALUE),
    )
    asking = display(Row("Anemia", "AE", "ANEMIA"), columns=columns)
    found = results(
        *counted("ALL", X=(217, 3)),
        *counted("AE", **{"ANEMIA 3": (13, 1), "ANEMIA 4": (0, 1)}),
        ("AE_TEST", "T:C", "ANEMIA", "p", 0.0004),
    )
    table = render_table(asking, found)
    assert [(span.cell.text, span.width) for span in table.spans] == [
        ("", 1),
        ("Treated (N = 217)", 2),
        ("", 1),
    ]
    assert table.spans[1].cell.keys == (ResultKey("ALL", "T", "X", "n"),)
    assert texts(table) == [["Anemia", "13 (3)", "0", "<0.001"]]
    assert "analyses ALL, AE, AE_TEST" in table.source


def test_rows_are_the_levels_that_the_data_have_the_most_frequent_first() -> None:
    found = results(*counted("WHY", OTHER=(1, 2), DEATH=(1, 5), CHOICE=(3, 0)))
    rows = (LevelRows("WHY", "WHY", "TOTAL"),)
    assert [row.label for row in render_table(display(*rows), found).rows] == ["Death", "Choice", "Other"]
    nobody = (LevelRows("WHY", "WHO", "TOTAL"),)
    assert texts(render_table(display(*nobody), found)) == [["None", "", ""]]


def test_rows_within_rows() -> None:
    found = results(
        *counted("CLASS", SKIN=(5, 1), HEART=(2, 2)),
        *counted("TERM", **{"SKIN / RASH": (1, 1), "SKIN / ITCH": (4, 0), "HEART / ARREST": (2, 2)}),
    )
    rows = LevelRows("CLASS", "CLASS", "TOTAL", COUNT, within=LevelRows("TERM", "TERM", "TOTAL", COUNT, 1))
    table = render_table(display(rows), found)
    assert texts(table) == [
        ["Skin", "5", "1"],
        ["Itch", "4", "0"],
        ["Rash", "1", "1"],
        ["Heart", "2", "2"],
        ["Arrest", "2", "2"],
    ]
    assert [row.indent for row in table.rows] == [0, 1, 1, 0, 1]


def test_a_row_may_differ_between_groups() -> None:
    columns = (*ARMS, Column("Total", "TOTAL"))
    rows = (
        Row("Only the total in percent", "SEX", "MALE", COUNT, instead={"TOTAL": COUNT_PERCENT}),
        Row("Only the treated", "SEX", "MALE", COUNT, groups=("T",)),
    )
    table = render_table(display(*rows, columns=columns), results(*counted("SEX", MALE=(217, 3))))
    assert [row[1:] for row in texts(table)] == [["217", "3", "220 (55)"], ["217", "", ""]]


@pytest.mark.parametrize(
    ("show", "values", "text"),
    [
        (range_of(1), (3.14, 10.85), "3.1–10.9"),
        (median_and_range(), (None, None, None), "not estimable"),
        (median_and_range(1), (9.05, 7.2, 12.8), "9.1 (7.2–12.8)"),
        (median_months("median"), (None, None, None), "not reached"),
        (median_months("median"), (None, 1430.6, None), "not reached (47–NR)"),
        (median_months("median"), (1400.1, 1247.9, None), "46 (41–NR)"),
        (ratio("hr"), (0.4751, 0.355, 0.634), "0.48 (0.36–0.63)"),
        (ratio("odds_ratio"), (11.5, 1.25, None), "11.50 (1.25–∞)"),  # an interval without an end
        (ratio("hr"), (None, None, None), "not estimable"),
        (RATE, (0.391, 0.326, 0.479), "39 (33–48)"),
    ],
)
def test_ways_to_show_numbers(show: Show, values: tuple[float | None, ...], text: str) -> None:
    assert show.text(*values) == text


ADSL = pl.DataFrame({"USUBJID": ["A", "B", "C"], "TRT01P": ["T", None, "C"], "ITTFL": ["Y", None, "Y"]})
EVENTS = pl.DataFrame({"USUBJID": ["C", "A", "B", "A"], "SEQ": [1, 2, 1, 1], "DAY": [7, None, 9, 4]})
EVENTS_LISTING = Listing(
    "listing",
    "A Listing",
    "Nobody",
    schema="adam",
    dataset="events",
    columns=(
        ListingColumn("USUBJID", "Subject"),
        ListingColumn("TRT01P", "Arm"),
        ListingColumn("DAY", "Day", "day {}".format),
    ),
    sort=("TRT01P", "USUBJID", "SEQ"),
    where=pl.col("ITTFL") == "Y",
    footnotes=("A note.",),
)


def test_a_listing_shows_the_rows_as_they_stand() -> None:
    table = render_listing(EVENTS_LISTING, {"adsl": ADSL, "events": EVENTS}, CUT_OFF)
    assert [column.text for column in table.columns] == ["Subject", "Arm", "Day"]
    assert texts(table) == [["C", "C", "day 7"], ["A", "T", "day 4"], ["A", "T", ""]]
    assert table.source == f"Source: adam.events. Data cut-off: 2013-02-07. {NOTE}"


def test_a_listing_names_the_variable_it_lacks() -> None:
    with pytest.raises(DisplayError, match="listing: events has no variable DAY"):
        render_listing(EVENTS_LISTING, {"adsl": ADSL, "events": EVENTS.drop("DAY")}, CUT_OFF)


# --- previews ---


def test_a_preview_shows_what_the_table_shows() -> None:
    columns = (Column("Any", "T", span="Drug | *new*"), Column("Any", "C", span="Control"))
    rows = (Heading("Sex"), Row("Male", "SEX", "MALE", indent=1))
    table = render_table(display(*rows, columns=columns), results(*counted("SEX", MALE=(217, 1))))
    assert render_preview(table).splitlines() == [
        "| Characteristic | Drug \\| \\*new\\*: Any | Control: Any |",
        "| --- | --- | --- |",
        "| Sex |  |  |",
        f"| {4 * chr(0xA0)}Male | 217 (54) | 1 (\\<1) |",
    ]


def test_a_preview_of_a_long_table_says_how_many_rows_there_are() -> None:
    lines = render_preview(made_up(rows=21)).splitlines()
    assert lines[-3:] == ["| Row 19 | 217 (54) | 217 (54) |", "", "20 of 21 rows."]
    assert render_preview(made_up(rows=20)).splitlines()[-1] == "| Row 19 | 217 (54) | 217 (54) |"


def test_a_preview_of_a_listing_shows_no_patient() -> None:
    table = render_listing(EVENTS_LISTING, {"adsl": ADSL, "events": EVENTS}, CUT_OFF)
    assert texts(table)[0] == ["C", "C", "day 7"]
    assert render_preview(table).splitlines() == [
        "| Subject | Arm | Day |",
        "| --- | --- | --- |",
        "",
        "0 of 3 rows.",
    ]


# --- RTF ---


def plain(rtf: str) -> str:
    """The text of a document whose Unicode is escaped."""
    for character in "–—†≤β∞":
        rtf = rtf.replace(f"\\uc1\\u{ord(character)}*", character)
    return rtf


def made_up(rows: int = 1, columns: int = 2) -> Table:
    cell = TableCell("217 (54)", (ResultKey("SEX", "T", "MALE", "n"),))
    return Table(
        name="made_up",
        title="A Made-up Table† {of \\ braces}",
        population="Nobody ≤ 70",
        listing=False,
        columns=tuple(TableCell(f"Head {place}") for place in range(columns + 1)),
        spans=(),
        rows=tuple(TableRow(f"Row {place}", 0, (cell,) * columns) for place in range(rows)),
        footnotes=(TableCell("† A note — of β."), TableCell("Another.")),
        source="Source: somewhere.",
    )


def test_rtf_holds_every_text_and_the_page_s_furniture() -> None:
    rtf = render_rtf(made_up())
    assert rtf.isascii()
    for text in ("217 (54)", "Head 1", "Row 0", "† A note — of β.", "Another.", "Source: somewhere.", NOTE):
        assert text in plain(rtf), text
    assert "Population: Nobody ≤ 70." in plain(rtf)
    assert "A Made-up Table† \\{of \\\\ braces\\}" in plain(rtf)
    assert "\\chpgn" in rtf
    assert "NUMPAGES" in rtf
    assert rtf.count("{") - rtf.count("\\{") == rtf.count("}") - rtf.count("\\}")


def test_rtf_shows_another_value_when_the_result_is_another() -> None:
    asking = display(Row("Male", "SEX", "MALE"))
    for n, text in ((217, "217 (54)"), (211, "211 (53)")):
        assert text in render_rtf(render_table(asking, results(*counted("SEX", MALE=(n, 3)))))


def test_a_long_table_has_its_heads_on_every_page_and_a_wide_one_lies_across() -> None:
    assert render_rtf(made_up()).count("Head 1") == 1
    long = render_rtf(made_up(rows=200))
    assert long.count("Head 1") == 1 + long.count("\\page{") > 3
    assert long.count("217 (54)") == 400
    assert "\\landscape" not in long
    assert "\\landscape" in render_rtf(made_up(columns=12))


def test_an_empty_listing_is_still_a_document() -> None:
    listing = replace(EVENTS_LISTING, where=pl.lit(False))
    table = render_listing(listing, {"adsl": ADSL, "events": EVENTS}, CUT_OFF)
    assert not table.rows
    assert "Subject" in render_rtf(table)


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_rtf(made_up(rows=90), tmp_path / name) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["made_up.rtf"]


def test_a_character_that_rtf_cannot_write_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        render_rtf(replace(made_up(), source="\N{GRINNING FACE}"))
