"""`pipeline conform`: the same findings from every format, plain words for bad input, the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.outputs.exchange.datasets import FORMATS, Dataset, write_exports
from pipeline.studies import STUDIES
from schemas import adam, sdtm
from schemas.base import Table
from tests.tables import draw

CUT_OFF = STUDIES["calgb_100104"].cut_offs[-1]


def drawn(standard: str, name: str, model: type[Table], text: str) -> Dataset:
    rows = draw(model, text, CUT_OFF).with_columns(STUDYID=pl.lit("X"))
    return Dataset(standard, name, model, rows if standard == "adam" else rows.drop("CUTOFF"))


DATASETS = [
    drawn("sdtm", "DM", sdtm.DM, "USUBJID | RFSTDTC    | AGE | RACE\nX-1 | 2020-01-10 | 61 | WHITE"),
    drawn("sdtm", "SS", sdtm.SS, "USUBJID | SSSTRESC | SSDTC      | SSDY\nX-1 | ALIVE | 2020-07-01 | 174"),
    drawn(
        "adam",
        "ADTTE",
        adam.ADTTE,
        """
        USUBJID | PARAM     | PARAMCD | AVAL | STARTDT    | ADT        | CNSR | SRCDOM | SRCVAR | SRCSEQ
        X-1     | OS (Days) | OS      | 175  | 2020-01-08 | 2020-07-01 | 1    | SS     | SSDTC  | 1
        """,
    ),
]
"""AVAL should be 176."""


def conform(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["conform", *map(str, arguments)])
    return done.exit_code, done.output


def found(path: Path) -> list[tuple[object, ...]]:
    read = pl.read_csv(path, infer_schema=False)
    return read.filter(RULE="TE05").select("DATASET", "VARIABLE", "ROW", "VALUE").rows()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_and_an_error_is_exit_code_1(tmp_path: Path, form: str) -> None:
    write_exports(DATASETS, [form], tmp_path / "data", study="X", date=CUT_OFF.date)
    code, said = conform(tmp_path / "data", "--out", tmp_path / "found.csv")
    assert code == 1, said
    value = "AVAL 175.0, STARTDT 2020-01-08, ADT 2020-07-01"
    assert found(tmp_path / "found.csv") == [("ADTTE", "AVAL", "1", value)]
    assert "RN01" not in said
    assert "AVAL is ADT - STARTDT + 1" in said


def test_waivers_make_errors_good_and_hold_on_a_day(tmp_path: Path) -> None:
    write_exports(DATASETS, ["xpt"], tmp_path / "data", study="X", date=CUT_OFF.date)
    listed = tmp_path / "first.csv"
    conform(tmp_path / "data", "--out", listed)
    errors = pl.read_csv(listed, infer_schema=False).filter(SEVERITY="error")
    rows = [
        f"{rule},{dataset},{variable or ''},known,statistician,2030-01-01\n"
        for rule, dataset, variable in errors.select("RULE", "DATASET", "VARIABLE").unique().iter_rows()
    ]
    waivers = tmp_path / "waivers.csv"
    waivers.write_text("rule,dataset,variable,reason,role,expires\n" + "".join(rows))
    code, said = conform(tmp_path / "data", "--waivers", waivers, "--on", "2029-12-31")
    assert (code, said.splitlines()[-1].split("; ")[-1]) == (0, "0 errors are not waived"), said
    code, said = conform(tmp_path / "data", "--waivers", waivers, "--on", "2030-01-02")
    assert code == 1
    assert "WV01" in said


def test_the_page_holds_every_rule_with_its_outcome(tmp_path: Path) -> None:
    write_exports(DATASETS, ["parquet"], tmp_path / "data", study="X", date=CUT_OFF.date)
    conform(tmp_path / "data", "--out", tmp_path / "found.html")
    page = (tmp_path / "found.html").read_text()
    assert "Conformance of data" in page
    assert "SDTM CG0028" in page
    assert "AVAL 175.0, STARTDT 2020-01-08" in page


def a_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("README.txt", "", "holds no dataset (.xpt, .json, .parquet, .csv)"),
        ("adsl.xpt", "no transport file", "adsl.xpt cannot be read as xpt"),
        ("adsl.parquet", "no parquet", "adsl.parquet cannot be read as parquet"),
        ("adsl.json", "{}", "is not Dataset-JSON: it names no datasetJSONVersion"),
        ("adsl.json", "{", "adsl.json cannot be read as json"),
        ("adsl.json", json.dumps({"datasetJSONVersion": "1.0.0"}), "is Dataset-JSON 1.0.0; 1.1 can be read"),
        ("adsl.csv", "USUBJID\nX-1\n", "there is no variables.csv beside it"),
    ],
)
def test_what_cannot_be_read_is_said_in_plain_words(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    code, said = conform(a_file(tmp_path / "data", name, text))
    assert code == 1
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ("DATASET,VARIABLE\n", "has no column LABEL, TYPE"),
        ("DATASET,VARIABLE,LABEL,TYPE\nADSL,AGE,Age,integer\n", "does not describe USUBJID of adsl.csv"),
        (
            "DATASET,VARIABLE,LABEL,TYPE\nADSL,AGE,Age,number\n",
            "AGE number is none of the types text, integer",
        ),
    ],
)
def test_a_variables_file_that_does_not_fit_is_said_in_plain_words(
    tmp_path: Path, variables: str, message: str
) -> None:
    folder = a_file(tmp_path, "adsl.csv", "USUBJID,AGE\nX-1,61\n")
    code, said = conform(a_file(folder, "variables.csv", variables))
    assert code == 1
    assert message in said


def test_bad_arguments_are_said_in_plain_words(tmp_path: Path) -> None:
    assert "nowhere is not a folder" in conform(tmp_path / "nowhere")[1]
    assert "must end in .csv or .html" in conform(tmp_path, "--out", tmp_path / "found.pdf")[1]
    rows = pl.DataFrame({"STUDYID": ["X"], "WORDS": ["a"]})
    rows.write_parquet(tmp_path / "notes.parquet")
    assert "NOTES: cannot tell what class of dataset this is" in conform(tmp_path)[1]
    (tmp_path / "more").mkdir()
    rows.write_parquet(tmp_path / "more" / "notes.parquet")
    assert "are the same dataset: give one folder of a study" in conform(tmp_path)[1]
