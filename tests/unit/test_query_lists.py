"""The lists of queries: a file per institution, nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from pipeline.outputs.query_lists import COLUMNS, list_name, write_query_lists
from schemas.base import dtypes
from schemas.quality import Queries
from tests.tables import read


def queries(text: str) -> pl.DataFrame:
    """The drawn columns; all else is the same in every query."""
    rows = read(text, dtypes(Queries))
    rest = {
        name: pl.lit("open" if name == "STATE" else "-" if dtype == pl.String else None, dtype)
        for name, dtype in dtypes(Queries).items()
        if name not in rows.columns
    }
    return rows.with_columns(**rest).select(list(dtypes(Queries)))


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def test_each_institution_gets_its_open_queries_the_oldest_first(tmp_path: Path) -> None:
    files = write_query_lists(
        tmp_path / "lists",
        queries("""
        QUERY | SITE  | STATE    | FIRST_SEEN | AGE
        a     | MA034 | open     | 2010-12-31 | 10
        b     | NY012 | answered | 2009-06-30 | 20
        c     | MA034 | open     | 2009-06-30 | 30
        d     |       | open     | 2009-06-30 | 40
        """),
    )
    assert [file.name for file in files] == ["queries_MA034.csv", "queries_UNKNOWN.csv"]
    assert sorted(tmp_path.joinpath("lists").iterdir()) == files
    assert [row["QUERY"] for row in rows_of(files[0])] == ["c", "a"]
    assert list(rows_of(files[0])[0]) == list(COLUMNS)


def test_no_open_query_is_no_file(tmp_path: Path) -> None:
    assert write_query_lists(tmp_path, queries("QUERY | SITE")) == []


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a = b", "a = b"),
        ('two\nlines, "quoted"', 'two\nlines, "quoted"'),
        ("Hôpital", "Hôpital"),
    ],
)
def test_what_a_spreadsheet_would_run_is_text(tmp_path: Path, cell: str, written: str) -> None:
    asked = queries("QUERY | SITE | AGE\na | MA034 | 12").with_columns(FOUND=pl.lit(cell))
    (file,) = write_query_lists(tmp_path, asked)
    (row,) = rows_of(file)
    assert row["FOUND"] == written
    assert row["AGE"] == "12"


@pytest.mark.parametrize("site", ["../../etc/passwd", "MA/034", "", "a b", "MA034\n", "x" * 50])
def test_a_code_that_is_no_plain_word_names_no_file(tmp_path: Path, site: str) -> None:
    assert list_name(site) == "queries_UNKNOWN.csv"
    asked = queries("QUERY | SITE\na | MA034").with_columns(SITE=pl.lit(site))
    assert [file.name for file in write_query_lists(tmp_path, asked)] == ["queries_UNKNOWN.csv"]
