"""Which datasets are exchanged and in which shape; Parquet with labels, CSV with its variables file."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet
import pyreadstat
import pytest

from pipeline.outputs import NOTE
from pipeline.outputs.exchange import FORMATS, Dataset, exchanged_datasets, shared_lengths, write_exports
from pipeline.studies import STUDIES
from schemas import base, sdtm
from schemas.adam import ADSL

CUT_OFF = dt.date(2011, 10, 31)
STUDY = STUDIES["calgb_100104"]
TWO = replace(
    STUDY,
    domains=tuple(d for d in STUDY.domains if d.name in ("dm", "pr")),
    datasets=tuple(d for d in STUDY.datasets if d.name == "adsl"),
)


def rows(model: type[base.Table], *given: dict[str, object]) -> pl.DataFrame:
    """Rows of a table of which only some columns matter."""
    common = {"STUDYID": "S", "CUTOFF": CUT_OFF, "USUBJID": "S-1"}
    return pl.DataFrame([common | one for one in given], schema=base.dtypes(model))


FRAMES = {
    "dm": rows(
        sdtm.DM,
        {"USUBJID": "S-2", "PROTVER": "2.0", "SEX": "F"},
        {"USUBJID": "S-1", "COOPGRP": "ECOG", "RANDNO": "R7", "SEX": "M"},
    ),
    "pr": rows(
        sdtm.PR,
        {"PRSEQ": 10, "NTRANS": 2, "PRTRT": "A LONGER NAME"},
        {"PRSEQ": 9, "NTRANS": 1, "CD34DOSE": 4.0, "PRTRT": "B"},
        {"PRSEQ": 11, "CD34DOSE": 4.25, "PRTRT": "C"},
    ),
    "adsl": rows(ADSL, {"SEX": "FEMALE", "AGE": 50}),
}


@pytest.fixture(scope="module")
def datasets() -> dict[str, Dataset]:
    return {dataset.name: dataset for dataset in exchanged_datasets(TWO, FRAMES)}


def test_supplemental_variables_stand_in_datasets_of_their_own(datasets: dict[str, Dataset]) -> None:
    """One row per value, the subject's rows in the order of --SEQ as a number, then of QNAM."""
    assert list(datasets) == ["DM", "PR", "SUPPDM", "SUPPPR", "ADSL"]
    assert {"CUTOFF", "COOPGRP", "PROTVER", "RANDNO"}.isdisjoint(datasets["DM"].frame.columns)
    assert datasets["SUPPDM"].frame.rows() == [
        ("S", "DM", "S-1", None, None, "COOPGRP", "Cooperative Group", "ECOG", "ASSIGNED", None),
        ("S", "DM", "S-1", None, None, "RANDNO", "Randomization Number", "R7", "CRF", None),
        ("S", "DM", "S-2", None, None, "PROTVER", "Protocol Version at Registration", "2.0", "CRF", None),
    ]
    about = ["IDVAR", "IDVARVAL", "QNAM", "QVAL"]
    assert datasets["SUPPPR"].frame.select(about).rows() == [
        ("PRSEQ", "9", "CD34DOSE", "4"),
        ("PRSEQ", "9", "NTRANS", "1"),
        ("PRSEQ", "10", "NTRANS", "2"),
        ("PRSEQ", "11", "CD34DOSE", "4.25"),
    ]
    key = ["STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM"]
    for name in ("SUPPDM", "SUPPPR"):
        assert base.key(datasets[name].model) == key
        assert not datasets[name].frame.select(key).is_duplicated().any()
        assert base.failures(datasets[name].model, datasets[name].frame).rows() == []


def test_an_analysis_dataset_is_exchanged_as_it_is(datasets: dict[str, Dataset]) -> None:
    assert datasets["ADSL"].frame.equals(FRAMES["adsl"])


def test_every_dataset_has_a_label_that_fits() -> None:
    everything = [*(d.model for d in STUDY.domains), *(d.model for d in STUDY.datasets)]
    assert [base.label(model) for model in everything if len(base.label(model)) > 40] == []
    assert base.label(sdtm.supplemental_to(sdtm.DM)) == "Supplemental Qualifiers for DM"


def test_a_text_is_as_long_in_every_dataset(datasets: dict[str, Dataset], tmp_path: Path) -> None:
    """SEX is one letter in DM and six in ADSL; what a supplemental dataset holds does not count."""
    lengths = shared_lengths(datasets.values())
    assert (lengths["SEX"], lengths["STUDYID"], lengths["PRTRT"]) == (6, 1, 13)
    assert "QVAL" not in lengths
    write_exports([*datasets.values()], ["xpt"], tmp_path, study="S", date=CUT_OFF)
    widths = {
        name: pyreadstat.read_xport(tmp_path / file)[1].variable_storage_width
        for name, file in (("DM", "sdtm/dm.xpt"), ("SUPPDM", "sdtm/suppdm.xpt"), ("ADSL", "adam/adsl.xpt"))
    }
    assert (widths["DM"]["SEX"], widths["ADSL"]["SEX"], widths["SUPPDM"]["QVAL"]) == (6, 6, 4)


def test_a_dataset_without_rows_has_no_file_and_is_listed(tmp_path: Path) -> None:
    empty = exchanged_datasets(TWO, FRAMES | {"pr": base.empty(sdtm.PR)})
    files = write_exports(empty, FORMATS, tmp_path, study="S", date=CUT_OFF)
    assert sorted(str(path.relative_to(tmp_path)) for path in files) == sorted(
        [
            "README.txt",
            *(f"{name}.{end}" for name in ("sdtm/dm", "sdtm/suppdm", "adam/adsl")
              for end in ("xpt", "json", "parquet", "csv")),
            "sdtm/variables.csv",
            "adam/variables.csv",
        ]
    )  # fmt: skip
    text = (tmp_path / "README.txt").read_text()
    assert text.splitlines()[0] == NOTE
    assert "sdtm/pr         Procedures (no rows, no file)" in text
    assert "adam/adsl       Subject-Level Analysis Dataset (rows: 1)" in text


def test_parquet_says_what_it_is(datasets: dict[str, Dataset], tmp_path: Path) -> None:
    write_exports([datasets["PR"]], ["parquet"], tmp_path, study="S", date=CUT_OFF)
    path = tmp_path / "sdtm" / "pr.parquet"
    assert pl.read_parquet(path).equals(datasets["PR"].frame)
    about = pyarrow.parquet.read_metadata(path).metadata
    assert {key: about[key.encode()].decode() for key in ("dataset", "label", "date", "note")} == {
        "dataset": "PR",
        "label": "Procedures",
        "date": "2011-10-31",
        "note": NOTE,
    }
    labels = json.loads(about[b"labels"])
    assert list(labels) == datasets["PR"].frame.columns
    assert labels["PRTRT"] == "Reported Name of Procedure"


def test_csv_comes_back_with_its_variables_file(datasets: dict[str, Dataset], tmp_path: Path) -> None:
    write_exports([*datasets.values()], ["csv"], tmp_path, study="S", date=CUT_OFF)
    about = pl.read_csv(tmp_path / "sdtm" / "variables.csv")
    pr = about.filter(pl.col("DATASET") == "PR")
    assert pr["VARIABLE"].to_list() == datasets["PR"].frame.columns
    assert pr.row(2) == ("PR", "Procedures", "USUBJID", "Unique Subject Identifier", "text", 3, 2)
    assert pr.filter(pl.col("VARIABLE") == "PRSEQ").row(0)[4:] == ("integer", None, 3)
    types = {"text": pl.String, "integer": pl.Int64, "float": pl.Float64, "date": pl.Date}
    schema = {name: types[kind] for name, kind in pr.select("VARIABLE", "TYPE").iter_rows()}
    assert pl.read_csv(tmp_path / "sdtm" / "pr.csv", schema=schema).equals(datasets["PR"].frame)


@pytest.mark.parametrize("form", FORMATS)
def test_equal_datasets_give_equal_files(form: str, datasets: dict[str, Dataset], tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_exports([*datasets.values()], [form], tmp_path / folder, study="S", date=CUT_OFF)
    first, second = (
        {path.relative_to(tmp_path / folder): path.read_bytes()
         for path in (tmp_path / folder).rglob("*") if path.is_file()}
        for folder in ("a", "b")
    )  # fmt: skip
    assert len(first) >= 6
    assert first == second
