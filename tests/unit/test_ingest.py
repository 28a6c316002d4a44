"""Each fault a transfer, a file, a record or a cell can have: what is refused, what is told, what is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest import (
    WITHHELD,
    Ingested,
    IngestError,
    Transfer,
    ingest_form,
    ingest_restricted,
    iso_dates,
    read_manifests,
)
from schemas.base import Table, accepted, column, dtypes, failures, names
from schemas.crf.calgb_100104 import FORMS, Death, Labs, Registration, Sites, TreatmentCodes, Unblinding
from schemas.quality import Findings, Quarantine, Receipt, Transfers

STUDY = "CALGB-100104"
HEADER = (
    "study_id,patient_id,site_code,form_code,record_id,record_version,record_status,completed_dt,received_dt,"
    "visit,collection_dt,test,result,unit,lln,uln,fasting_or_comment"
)
SITES = "site_code,site_name,group\nMA034,North Hospital,CALGB\n"


def lab(number: int = 1, **changes: str) -> str:
    """A clean row of labs.csv, but for the changes."""
    row = {
        "study_id": STUDY,
        "patient_id": "104310",
        "site_code": "MA034",
        "form_code": "LAB",
        "record_id": f"LAB-{number:06d}",
        "record_version": "1",
        "record_status": "ORIGINAL",
        "completed_dt": "2007-05-14",
        "received_dt": "2007-06-20",
        "visit": "DAY100",
        "collection_dt": "2007-05-10",
        "test": "ANC",
        "result": "3.4",
        "unit": "10^9/L",
        "lln": "1.5",
        "uln": "8.0",
        "fasting_or_comment": "",
    }
    return ",".join((row | changes).values())


def text(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in (HEADER, *rows)).encode()


def write_transfer(raw: Path, date: str, files: dict[str, bytes]) -> Path:
    """A transfer folder with a right manifest."""
    folder = raw / date
    folder.mkdir(parents=True)
    entries = {}
    for name, data in files.items():
        (folder / name).write_bytes(data)
        rows = sum(1 for line in data.split(b"\n")[1:] if line)
        entries[name] = {"rows": rows, "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {"study": STUDY, "transfer": date, "files": entries}
    (folder / "transfer.json").write_text(json.dumps(manifest))
    return folder


def ingest(folder: Path, *files: bytes, stem: str = "labs", model: type[Table] = Labs) -> Ingested:
    """The files as one form, each in its own transfer, past the manifests."""
    transfers = []
    for number, data in enumerate(files, 1):
        date = dt.date(2009, 6, number)
        transfers.append(Transfer(date, folder / date.isoformat(), (stem,)))
        transfers[-1].folder.mkdir()
        (transfers[-1].folder / f"{stem}.csv").write_bytes(data)
    ingested = ingest_form(stem, model, transfers)
    assert (
        ingested.receipt["RECEIVED"] == ingested.receipt["ACCEPTED"] + ingested.receipt["QUARANTINED"]
    ).all()
    assert ingested.receipt["ACCEPTED"].sum() == ingested.accepted.height
    assert ingested.receipt["QUARANTINED"].sum() == ingested.quarantined.height
    for shape, frame in (
        (Findings, ingested.findings),
        (Quarantine, ingested.quarantined),
        (Receipt, ingested.receipt),
    ):
        assert failures(shape, frame).is_empty()
    return ingested


def told(ingested: Ingested) -> list[tuple[int, str | None, str]]:
    return ingested.findings.select("LINE", "COLUMN", "RULE").rows()


# Transfers ----------------------------------------------------------------------------------------------


def test_a_right_transfer_is_accepted(tmp_path: Path) -> None:
    write_transfer(tmp_path, "2009-12-17", {"labs.csv": text(lab(1), lab(2)), "sites.csv": SITES.encode()})
    write_transfer(tmp_path, "2009-06-30", {"labs.csv": text(lab(3))})
    (tmp_path / "restricted").mkdir()
    transfers, table = read_manifests(tmp_path, FORMS, STUDY)
    assert [(t.name, t.forms) for t in transfers] == [
        ("2009-06-30", ("labs",)),
        ("2009-12-17", ("labs", "sites")),
    ]
    assert table.rows() == [
        ("2009-06-30", dt.date(2009, 6, 30), "accepted", 1, 1, None),
        ("2009-12-17", dt.date(2009, 12, 17), "accepted", 2, 3, None),
    ]
    assert failures(Transfers, table).is_empty()


def _change_a_byte(folder: Path) -> None:
    path = folder / "labs.csv"
    path.write_bytes(path.read_bytes().replace(b"3.4", b"3.5"))


def _rewrite(folder: Path, **changes: object) -> None:
    path = folder / "transfer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _state_rows(folder: Path) -> None:
    path = folder / "transfer.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["labs.csv"]["rows"] = 7
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda f: (f / "labs.csv").unlink(), "labs.csv is missing"),
        (lambda f: (f / "death.csv").write_text("x\n"), "death.csv is not in its manifest"),
        (_change_a_byte, "labs.csv has another sha256 than its manifest states"),
        (_state_rows, "labs.csv has 2 data rows, its manifest states 7"),
        (lambda f: (f / "transfer.json").unlink(), "transfer.json is missing"),
        (lambda f: (f / "transfer.json").write_text("{"), "transfer.json is not JSON"),
        (
            lambda f: (f / "transfer.json").write_text("[]"),
            "transfer.json is not a manifest: it is not an object",
        ),
        (lambda f: _rewrite(f, files=[]), "transfer.json is not a manifest: it lists no files"),
        (
            lambda f: _rewrite(f, files={"labs.csv": 2}),
            "transfer.json is not a manifest: labs.csv: it is not",
        ),
        (
            lambda f: _rewrite(f, files={"labs.csv": {"rows": -1, "sha256": ""}}),
            "transfer.json is not a manifest: labs.csv: rows is not a count",
        ),
        (lambda f: _rewrite(f, study="ANOTHER"), "its manifest is of study 'ANOTHER', not 'CALGB-100104'"),
        (lambda f: _rewrite(f, transfer="2009-07-01"), "its manifest is of transfer '2009-07-01'"),
        (lambda f: f.rename(f.with_name("30 June")), "the folder's name is not a date (YYYY-MM-DD)"),
        (lambda f: f.rename(f.with_name("20090630")), "the folder's name is not a date (YYYY-MM-DD)"),
    ],
)
def test_a_wrong_transfer_is_refused_by_name_and_others_go_on(tmp_path: Path, fault, reason: str) -> None:
    write_transfer(tmp_path, "2009-12-17", {"labs.csv": text(lab(3))})
    fault(write_transfer(tmp_path, "2009-06-30", {"labs.csv": text(lab(1), lab(2))}))
    transfers, table = read_manifests(tmp_path, FORMS, STUDY)
    assert [t.name for t in transfers] == ["2009-12-17"]
    refused = table.row(by_predicate=pl.col("STATUS") == "refused", named=True)
    assert refused["REASON"].startswith(f"transfer {refused['FOLDER']} refused: ")
    assert reason in refused["REASON"]
    assert failures(Transfers, table).is_empty()


@pytest.mark.parametrize("name", ["diary.csv", "../labs.csv", "labs.xlsx", "labs"])
def test_a_file_that_is_no_form_refuses_its_transfer(tmp_path: Path, name: str) -> None:
    entry = {"rows": 0, "sha256": ""}
    _rewrite(write_transfer(tmp_path, "2009-06-30", {}), files={name: entry})
    transfers, table = read_manifests(tmp_path, FORMS, STUDY)
    assert transfers == []
    assert f"{name} is not a form of this study" in table["REASON"][0]


def test_every_reason_of_a_refusal_is_told(tmp_path: Path) -> None:
    folder = write_transfer(tmp_path, "2009-06-30", {"labs.csv": text(lab()), "sites.csv": SITES.encode()})
    _change_a_byte(folder)
    (folder / "sites.csv").unlink()
    reason = read_manifests(tmp_path, FORMS, STUDY)[1]["REASON"][0]
    assert "labs.csv" in reason
    assert "sites.csv" in reason


def test_no_raw_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="no folder of raw transfers"):
        read_manifests(tmp_path / "nowhere", FORMS, STUDY)


# Files --------------------------------------------------------------------------------------------------


def test_clean_rows_are_typed_and_know_where_they_come_from(tmp_path: Path) -> None:
    ingested = ingest(tmp_path, text(lab(1), lab(2, lln="")), text(lab(3, result="ND", unit="")))
    assert dict(ingested.accepted.schema) == dtypes(Labs) | {
        "TRANSFER": pl.Date,
        "FILE": pl.String,
        "LINE": pl.Int64,
    }
    assert ingested.accepted.select("record_id", "received_dt", "lln", "unit", "FILE", "LINE").rows() == [
        ("LAB-000001", dt.date(2007, 6, 20), 1.5, "10^9/L", "2009-06-01/labs.csv", 2),
        ("LAB-000002", dt.date(2007, 6, 20), None, "10^9/L", "2009-06-01/labs.csv", 3),
        ("LAB-000003", dt.date(2007, 6, 20), 1.5, None, "2009-06-02/labs.csv", 2),
    ]
    assert ingested.findings.is_empty()


def test_a_form_that_was_not_sent_is_an_empty_table(tmp_path: Path) -> None:
    ingested = ingest_form("death", Death, [Transfer(dt.date(2009, 6, 30), tmp_path, ("labs",))])
    assert list(ingested.accepted.columns[-3:]) == ["TRANSFER", "FILE", "LINE"]
    assert ingested.accepted.is_empty()
    assert ingested.receipt.is_empty()


@pytest.mark.parametrize(
    ("header", "column", "rule"),
    [
        (HEADER.replace("patient_id", "pateint_id"), "pateint_id", "column_unknown"),  # EC005
        (HEADER.replace("patient_id", "pateint_id"), "patient_id", "column_missing"),
        (HEADER + ",result", "result", "column_duplicated"),
        (HEADER.replace(",uln", ""), "uln", "column_missing"),
        (HEADER.replace(",", ";"), "patient_id", "column_missing"),
        ("", "patient_id", "column_missing"),
    ],
)
def test_a_wrong_header_keeps_every_row_as_text(tmp_path: Path, header: str, column: str, rule: str) -> None:
    ingested = ingest(tmp_path, text(lab(1), lab(2)).replace(HEADER.encode(), header.encode(), 1))
    assert ingested.accepted.is_empty()
    assert ingested.quarantined.select("LINE", "TEXT").rows() == [(2, lab(1)), (3, lab(2))]
    assert (1, column, rule) in told(ingested)
    assert {(2, None, "header"), (3, None, "header")} <= set(told(ingested))


def test_a_header_in_another_order_is_right(tmp_path: Path) -> None:
    data = SITES.replace("site_code,site_name,group", "group,site_code,site_name").replace(
        "MA034,North Hospital,CALGB", "CALGB,MA034,North Hospital"
    )
    ingested = ingest(tmp_path, data.encode(), stem="sites", model=Sites)
    assert ingested.accepted.row(0)[:3] == ("MA034", "North Hospital", "CALGB")


@pytest.mark.parametrize(
    ("data", "rule"), [(b"", "empty_file"), (b"\xef\xbb\xbf", "empty_file"), (text(), "no_rows")]
)
def test_a_file_without_rows_is_told(tmp_path: Path, data: bytes, rule: str) -> None:
    ingested = ingest(tmp_path, data)
    assert told(ingested) == [(1, None, rule)]
    assert ingested.receipt["RECEIVED"].to_list() == [0]
    assert ingested.findings["MESSAGE"][0].startswith("2009-06-01/labs.csv line 1: the file ")


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf" + text(lab(1)), text(lab(1)).replace(b"\n", b"\r\n"), text(lab(1), "", "")]
)
def test_byte_order_mark_line_ends_and_empty_lines_do_no_harm(tmp_path: Path, data: bytes) -> None:
    ingested = ingest(tmp_path, data)
    assert ingested.accepted.height == 1
    assert ingested.findings.is_empty()


def test_only_the_lines_that_are_not_utf8_are_kept_back(tmp_path: Path) -> None:
    data = text(lab(1), lab(2, fasting_or_comment="n\u00fcchtern"), lab(3)).decode().encode("latin-1")
    ingested = ingest(tmp_path, data)
    assert told(ingested) == [(3, None, "encoding")]
    assert ingested.accepted["LINE"].to_list() == [2, 4]


def test_a_file_in_utf16_is_kept_whole(tmp_path: Path) -> None:
    ingested = ingest(tmp_path, text(lab(1), lab(2)).decode().encode("utf-16"))
    assert told(ingested) == [(1, None, "encoding"), (2, None, "header"), (3, None, "header")]
    assert "UTF-16" in ingested.findings["MESSAGE"][0]
    assert ingested.quarantined["TEXT"].to_list() == [lab(1), lab(2)]


def test_a_last_line_without_end_may_be_cut_off(tmp_path: Path) -> None:
    ingested = ingest(tmp_path, text(lab(1), lab(2))[:-1])
    assert told(ingested) == [(3, None, "truncated")]
    assert ingested.quarantined["TEXT"].to_list() == [lab(2)]


@pytest.mark.parametrize(
    ("row", "rule", "words"),
    [
        (lab(2) + ",more", "fields", "has 18 fields, the header has 17"),
        ("LAB", "fields", "has 1 fields, the header has 17"),
        (lab(2, result="3\0"), "nul_byte", "holds a NUL byte"),
        (lab(2, fasting_or_comment='"never closed'), "quoting", "is not CSV"),
        (lab(2, visit='"DAY100"x'), "quoting", "is not CSV"),
    ],
)
def test_a_record_that_cannot_be_read_is_kept_and_its_neighbours_go_on(
    tmp_path: Path, row: str, rule: str, words: str
) -> None:
    ingested = ingest(tmp_path, text(lab(1), row, lab(3)))
    assert told(ingested) == [(3, None, rule)]
    assert words in ingested.findings["MESSAGE"][0]
    assert ingested.quarantined.select("LINE", "RECORD", "TEXT").rows() == [(3, None, row)]
    assert ingested.accepted["LINE"].to_list() == [2, 4]


def test_quoted_fields_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    comment = '"fasting, ""so he says""\nsecond line"'
    ingested = ingest(
        tmp_path,
        text(lab(1, fasting_or_comment=comment), lab(2), lab(3, test="x", fasting_or_comment=comment)),
    )
    assert ingested.accepted.select("LINE", "fasting_or_comment").rows() == [
        (2, 'fasting, "so he says"\nsecond line'),
        (4, None),
    ]
    assert ingested.quarantined.select("LINE", "TEXT").rows() == [
        (5, lab(3, test="x", fasting_or_comment=comment))
    ]


def test_a_quote_inside_a_field_is_a_character(tmp_path: Path) -> None:
    ingested = ingest(tmp_path, text(lab(1, fasting_or_comment='5" scar'), lab(2)))
    assert ingested.accepted["fasting_or_comment"].to_list() == ['5" scar', None]


# Cells --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "rule", "words"),
    [
        ("result", "12O", "result_str_matches", '"12O" is not a number'),
        ("lln", "low", "lln_not_a_number", '"low" is not a number'),
        ("lln", "nan", "lln_not_a_number", '"nan" is not a number'),
        ("lln", "-1", "lln_missing_code", '"-1" is a missing code that the column does not list'),  # EC009
        ("lln", "-2", "lln_greater_than_or_equal_to", '"-2" is below 0'),
        ("record_version", "1.5", "record_version_not_a_number", '"1.5" is not a whole number'),
        ("record_version", "", "record_version_not_null", "a value is required"),
        ("collection_dt", "02/30/2007", "collection_dt_not_a_date", '"02/30/2007" is not a date'),  # EC014
        ("collection_dt", "5/14/07", "collection_dt_not_a_date", '"5/14/07" is not a date'),
        ("collection_dt", "ND", "collection_dt_not_null", '"ND" is a missing code, a value is required'),
        ("received_dt", "2007-06", "received_dt_not_a_date", '"2007-06" is not a full date'),
        ("test", "ANK", "test_isin", '"ANK" is not one of B2M, CA, ALB'),  # EC007
        ("form_code", "AE", "form_code_isin", '"AE" is not one of LAB'),  # EC004
        ("patient_id", "10O431", "patient_id_str_matches", '"10O431" does not have the form'),  # EC001
        ("study_id", "CALGB-9", "study_id_isin", '"CALGB-9" is not one of CALGB-100104'),
    ],
)
def test_a_cell_that_is_wrong_is_named(
    tmp_path: Path, column: str, value: str, rule: str, words: str
) -> None:
    row = lab(2, **{column: value})
    ingested = ingest(tmp_path, text(lab(1), row))
    assert told(ingested) == [(3, column, rule)]
    finding = ingested.findings.row(0, named=True)
    assert finding["VALUE"] == (value or None)
    assert finding["MESSAGE"].startswith(f"2009-06-01/labs.csv line 3, column {column}: {words}")
    if column in ("result", "lln", "collection_dt") and rule != "lln_missing_code":
        # The row can be tabulated without this cell: it is accepted without it, and the site is asked.
        assert finding["OUTCOME"] == "kept"
        assert ingested.accepted.filter(LINE=3)[column].to_list() == [None]
        assert failures(accepted(Labs), ingested.accepted.select(names(Labs))).is_empty()
    else:
        assert finding["OUTCOME"] == "quarantined"
        assert ingested.quarantined["TEXT"].to_list() == [row]


def test_a_row_with_a_cell_too_wrong_is_turned_away_with_all_that_is_wrong(tmp_path: Path) -> None:
    row = lab(2, test="ANK", lln="low", patient_id="")
    ingested = ingest(tmp_path, text(row))
    assert ingested.accepted.is_empty()
    about = ("RULE", "VALUE", "OUTCOME", "RECORD", "VERSION", "PATIENT", "SITE")
    who = ("LAB-000002/1", 1, None, "MA034")
    assert sorted(ingested.findings.select(about).rows()) == [
        ("lln_not_a_number", "low", "quarantined", *who),
        ("patient_id_not_null", None, "quarantined", *who),
        ("test_isin", "ANK", "quarantined", *who),
    ]


# Words that nobody may see -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("rash on Revlimid arm", "no_treatment_words"),  # EC060's own example
        ("presumably placebo", "no_treatment_words"),
        ("kit says arm B", "no_treatment_words"),
        ("CC-5013 stopped", "no_treatment_words"),
        ("Mr Smith MRN 004512", "no_personal_data"),  # EC143's own example
        ("call 617-555-0133", "no_personal_data"),
        ("drawn by J.D.", "no_personal_data"),
        ("Dr. Jones agreed", "no_personal_data"),
    ],
)
def test_a_row_with_words_that_nobody_may_see_is_withheld(tmp_path: Path, words: str, rule: str) -> None:
    ingested = ingest(tmp_path, text(lab(1), lab(2, fasting_or_comment=words, lln="x"), lab(3)))
    assert sorted(told(ingested)) == [(3, "fasting_or_comment", rule), (3, "lln", "lln_not_a_number")]
    assert ingested.quarantined["TEXT"].to_list() == [WITHHELD]
    assert ingested.findings["VALUE"].to_list() == [WITHHELD, WITHHELD]
    assert ingested.findings.filter(RULE=rule)["PATIENT"].to_list() == ["104310"]
    shown = str([table.rows() for table in (ingested.accepted, ingested.findings, ingested.quarantined)])
    assert words not in shown


def test_also_where_the_words_stand_in_a_coded_cell_or_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    """The value that breaks a codelist is shown in its finding, and a ragged record is kept as it is."""
    ingested = ingest(tmp_path, text(lab(1, test="placebo"), lab(2) + ",on Revlimid"))
    assert sorted(told(ingested)) == [
        (2, "test", "no_treatment_words"),
        (2, "test", "test_isin"),
        (3, None, "fields"),
    ]
    assert ingested.quarantined["TEXT"].to_list() == [WITHHELD, WITHHELD]
    assert "placebo" not in str(ingested.findings.rows())


@pytest.mark.parametrize(
    "words", ["pain in the left arm", "stopped the active drug list", "mr confirmed", "2007-05-14 to 06-01"]
)
def test_words_that_only_look_alike_are_no_secret(tmp_path: Path, words: str) -> None:
    received = {"fasting_or_comment": words}
    if "active drug" in words:
        received |= {"received_dt": "2009-12-17"}  # the study was unblinded that day
    assert ingest(tmp_path, text(lab(1, **received))).findings.is_empty()


def test_a_column_that_tells_the_treatment_refuses_the_file_and_hides_it(tmp_path: Path) -> None:
    data = text(lab(1) + ",LEN").replace(HEADER.encode(), f"{HEADER},TRT01P".encode(), 1)  # EC061
    ingested = ingest(tmp_path, data)
    assert told(ingested) == [(1, "TRT01P", "column_treatment"), (2, None, "header")]
    assert "may tell who gets which treatment" in ingested.findings["MESSAGE"][0]
    assert ingested.quarantined["TEXT"].to_list() == [WITHHELD]


@pytest.mark.parametrize(
    ("column", "received", "read"),
    [
        ("test", " anc ", "ANC"),
        ("visit", "day100", "DAY100"),
        ("result", " < 0.5", "<0.5"),
        ("result", "nd", "ND"),
        ("result", '"1,200"', "1200"),
        ("uln", '"1,200.5"', 1200.5),
        ("collection_dt", "UN/MAY/2007", "2007-05"),
        ("received_dt", "06/20/2007", dt.date(2007, 6, 20)),
    ],
)
def test_the_same_value_in_other_writing_is_read(
    tmp_path: Path, column: str, received: str, read: object
) -> None:
    ingested = ingest(tmp_path, text(lab(1, **{column: received})))
    assert ingested.findings.is_empty()
    assert ingested.accepted[column].to_list() == [read]


def test_missing_codes_are_never_numbers(tmp_path: Path) -> None:
    header = list(dtypes(Registration))
    row = {
        "study_id": STUDY,
        "patient_id": "104310",
        "site_code": "MA034",
        "form_code": "REG",
        "record_id": "REG-000001",
        "record_version": "1",
        "record_status": "ORIGINAL",
        "completed_dt": "2006-03-01",
        "received_dt": "2006-03-09",
        "registration_dt": "2006-03-01",
        "consent_dt": "2006-02-27",
        "birth_dt": "1949",
        "sex": "F",
        "race": "-1",
        "ethnicity": "",
        "ecog_ps": "-1",
        "strat_b2m_reg": "LE2.5",
        "strat_thal_reg": "Y",
        "strat_len_reg": "N",
        "protocol_version": "3",
    }
    data = f"{','.join(header)}\n{','.join(row[name] for name in header)}\n"
    ingested = ingest(tmp_path, data.encode(), stem="registration", model=Registration)
    assert ingested.accepted.select("race", "ethnicity", "ecog_ps").rows() == [("-1", None, None)]


def test_a_study_wide_unblinding_names_no_patient(tmp_path: Path) -> None:
    header = ",".join(dtypes(Unblinding))
    row = f"{STUDY},,,UNBLIND,UNB-000001,1,ORIGINAL{',2009-12-17' * 3},STUDY,DSMB_RELEASE,STAT_CENTER"
    ingested = ingest(tmp_path, f"{header}\n{row}\n".encode(), stem="unblinding", model=Unblinding)
    assert ingested.accepted.height == 1


class Limits(Table):
    """A form with a rule on two columns"""

    test: str = column("Test")
    lln: float = column("Lower Limit")
    uln: float = column("Upper Limit")

    @pa.dataframe_check(error="the lower limit is below the upper one")
    def in_order(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("lln") < pl.col("uln"))

    class Config:
        unique = ["test"]


def test_a_rule_on_two_columns_names_the_row(tmp_path: Path) -> None:
    ingested = ingest(tmp_path, b"test,lln,uln\nANC,1,2\nPLT,3,2\n", stem="limits", model=Limits)
    assert {(line, rule) for line, _, rule in told(ingested)} == {(3, "in_order")}
    assert ingested.findings["MESSAGE"].to_list() == [
        "2009-06-01/limits.csv line 3: breaks the rule: the lower limit is below the upper one"
    ]
    assert ingested.quarantined["TEXT"].to_list() == ["PLT,3,2"]


# Keys ---------------------------------------------------------------------------------------------------


def test_the_first_of_a_repeated_key_stays(tmp_path: Path) -> None:
    first = text(lab(1), lab(2), lab(1, result="9"))
    second = text(lab(2, result="8"), lab(2, record_version="2", record_status="AMENDED"))
    ingested = ingest(tmp_path, first, second)
    assert ingested.accepted.select("record_id", "record_version", "result").rows() == [
        ("LAB-000001", 1, "3.4"),
        ("LAB-000002", 1, "3.4"),
        ("LAB-000002", 2, "3.4"),
    ]
    assert told(ingested) == [(4, None, "key"), (2, None, "key")]
    assert ingested.findings["MESSAGE"].to_list() == [
        '2009-06-01/labs.csv line 4: "LAB-000001/1" was received before, in 2009-06-01/labs.csv line 2',
        '2009-06-02/labs.csv line 2: "LAB-000002/1" was received before, in 2009-06-01/labs.csv line 3',
    ]
    assert ingested.quarantined["TEXT"].to_list() == [lab(1, result="9"), lab(2, result="8")]


def test_files_that_are_too_large_to_look_at_together_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        text(lab(1), lab(2, result="much"), lab(3, lln="low")),
        b"",
        text(lab(1), lab(4), "too,few"),
        text(lab(2), lab(5, site_code="")),
    ]
    (tmp_path / "together").mkdir()
    together = ingest(tmp_path / "together", *files)
    assert {"key", "fields", "empty_file", "lln_not_a_number"} <= set(together.findings["RULE"])
    monkeypatch.setattr("pipeline.ingest._ROWS_TOGETHER", 4)
    (tmp_path / "apart").mkdir()
    apart = ingest(tmp_path / "apart", *files)
    for name, frame in vars(together).items():
        assert frame.equals(getattr(apart, name)), name


def test_a_row_that_was_turned_away_holds_no_key(tmp_path: Path) -> None:
    ingested = ingest(tmp_path, text(lab(1, test="ANK")), text(lab(1, test="ANC")))
    assert ingested.accepted.select("FILE", "test").rows() == [("2009-06-02/labs.csv", "ANC")]
    assert told(ingested) == [(2, "test", "test_isin")]


# Dates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("collected", "iso"),
    [
        ("2007-05-14", "2007-05-14"),
        ("2007-05", "2007-05"),
        ("2007", "2007"),
        ("05/14/2007", "2007-05-14"),
        ("5/4/2007", "2007-05-04"),
        ("14/MAY/2007", "2007-05-14"),
        ("14-may-2007", "2007-05-14"),
        ("UN/MAY/2007", "2007-05"),
        ("UN/05/2007", "2007-05"),
        ("UN/UNK/2007", "2007"),
        ("05/UN/2007", "2007-05"),
        ("05/2007", "2007-05"),
        ("MAY/2007", "2007-05"),
        ("UNK/2007", "2007"),
        ("14/UNK/2007", "2007---14"),
        ("2007---14", "2007---14"),
        ("2007---32", None),
        ("2007--", None),
        ("2007---", None),
        ("UN/UNK/UNK", None),
        ("14MAY2007", None),
        ("14.05.2007", None),
        ("9", None),
        ("99", None),
        ("02/29/2008", "2008-02-29"),
        ("02/29/2007", None),
        ("13/14/2007", None),
        ("5/14/07", None),
        ("2007-13", None),
        ("2007-5-4", None),
        ("0000", None),
        ("45/UNK/2007", None),
        ("2007-05-14T10:00", None),
        ("UN", None),
        ("", None),
    ],
)
def test_the_date_grammar(collected: str, iso: str | None) -> None:
    assert iso_dates(pl.Series([collected])).to_list() == [iso]


@pytest.mark.parametrize(
    "code", ["ND", "na", "N/A", "UNK", "unknown", "-1", ".", "99/99/9999"]
)  # the reference's list of texts that mean that a date is missing
def test_a_missing_code_is_no_date_and_no_fault_of_its_own(tmp_path: Path, code: str) -> None:
    ingested = ingest(tmp_path, text(lab(1, completed_dt=code)))
    assert ingested.accepted["completed_dt"].to_list() == [None]
    assert told(ingested) == [(2, "completed_dt", "completed_dt_not_null")]  # here a date is required


MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
UNKNOWN = {"UN", "UNK", "UK", "00", "99", ""}


def plain_reading(collected: str) -> str | None:
    """The date grammar once more, one text at a time, as the trial's rules 2.6 put it."""
    if re.fullmatch(r"\d{4}---\d{2}", collected):
        return collected if collected[:4] != "0000" and 1 <= int(collected[7:]) <= 31 else None
    if re.fullmatch(r"\d{4}(-\d{2}){0,2}", collected):
        parts = collected.split("-")
    else:
        split = re.split("[/-]", collected.upper())
        if len(split) == 2:
            split = ["UN", *split]
        if len(split) != 3 or not re.fullmatch(r"\d{4}", split[2]):
            return None
        first, second, year = split
        day_first = second in MONTHS or second == "UNK" or first == "UN"
        day, month = (first, second) if day_first else (second, first)
        month = f"{MONTHS.index(month) + 1:02d}" if month in MONTHS else month
        day, month = ("" if part in UNKNOWN else part for part in (day, month))
        if not re.fullmatch(r"\d{0,2}", day) or not re.fullmatch(r"\d{0,2}", month):
            return None
        if day and not month:
            return f"{year}---{day:>02}" if 1 <= int(day) <= 31 and year != "0000" else None
        parts = [year, *(part.zfill(2) for part in (month, day) if part)]
    try:
        dt.date(*(int(part) for part in [*parts, "1", "1"][:3]))
    except ValueError:
        return None
    return "-".join(parts)


DAY = st.sampled_from(["UN", "UNK", "00", "99", "", "0", "32"]) | st.integers(1, 31).map(str)
MONTH = st.sampled_from([*MONTHS, "UN", "UNK", "99", "13", "may", ""]) | st.integers(1, 12).map(str)
YEAR = st.sampled_from(["2007", "2008", "1900", "0000", "07", "20071"])
ISO = st.tuples(YEAR, st.integers(0, 13), st.integers(0, 32)).map(lambda p: f"{p[0]}-{p[1]:02d}-{p[2]:02d}")
COLLECTED = st.one_of(
    st.tuples(DAY, MONTH, YEAR).map("/".join),
    st.tuples(MONTH, DAY, YEAR).map("/".join),
    st.tuples(DAY, MONTH, YEAR).map("-".join),
    st.tuples(MONTH, YEAR).map("/".join),
    ISO,
    ISO.map(lambda text: text[:7]),
    ISO.map(lambda text: f"{text[:-6]}---{text[-2:]}"),
    YEAR,
)


@given(st.lists(COLLECTED, max_size=30))
def test_all_dates_at_once_read_as_one_by_one(collected: list[str]) -> None:
    assert iso_dates(pl.Series(collected, dtype=pl.String)).to_list() == [
        plain_reading(one) for one in collected
    ]


# The treatment code list --------------------------------------------------------------------------------

CODES = (
    "randomization_no,kit_no,arm_code,arm,released_to\n"
    "R0001,K00001,A,LENALIDOMIDE,STATISTICIAN\n"
    "R0002,K00002,B,PLACEBO,STATISTICIAN\n"
)


def write_codes(folder: Path, data: bytes, **changes: object) -> tuple[Path, Path]:
    (folder / "restricted").mkdir()
    path, manifest = folder / "restricted" / "treatment_codes.csv", folder / "treatment_codes.json"
    path.write_bytes(data)
    contents = {
        "file": f"restricted/{path.name}",
        "rows": 2,
        "sha256": hashlib.sha256(data).hexdigest(),
    } | changes
    manifest.write_text(json.dumps(contents))
    return path, manifest


def test_the_code_list_is_read_when_it_is_the_sealed_one(tmp_path: Path) -> None:
    ingested = ingest_restricted(*write_codes(tmp_path, CODES.encode()), TreatmentCodes)
    assert ingested.accepted.select("randomization_no", "arm", "FILE", "LINE").rows() == [
        ("R0001", "LENALIDOMIDE", "restricted/treatment_codes.csv", 2),
        ("R0002", "PLACEBO", "restricted/treatment_codes.csv", 3),
    ]


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (CODES, {"sha256": "0" * 64}, "treatment_codes.csv has another sha256"),  # EC063
        (CODES, {"rows": 3}, "treatment_codes.csv has 2 data rows, its manifest states 3"),  # EC062
        (CODES, {"rows": None}, "rows is not a count"),
        (CODES, {"file": "codes.csv"}, "is the manifest of 'codes.csv'"),
        (CODES.replace("R0002", "R0001"), {}, r"line 3 \(key\)"),
        (CODES.replace("K00002", "K00001"), {}, r"\(kit_no_unique\)"),
        (CODES.replace("PLACEBO", "PLACEBOO"), {}, r"line 3 \(arm_isin\)"),
        (CODES.replace("arm,", "arms,"), {}, r"line 1 \(column_missing\)"),
    ],
)
def test_the_code_list_is_taken_whole_or_not_at_all(
    tmp_path: Path, data: str, changes: dict[str, object], message: str
) -> None:
    path, manifest = write_codes(tmp_path, data.encode(), **changes)
    with pytest.raises(IngestError, match=message) as error:
        ingest_restricted(path, manifest, TreatmentCodes)
    assert "PLACEBO" not in str(error.value)
    assert "LENALIDOMIDE" not in str(error.value)


def test_a_missing_code_list_or_manifest_is_an_error(tmp_path: Path) -> None:
    path, manifest = write_codes(tmp_path, CODES.encode())
    path.unlink()
    with pytest.raises(IngestError, match=r"treatment_codes\.csv cannot be read"):
        ingest_restricted(path, manifest, TreatmentCodes)
    manifest.unlink()
    with pytest.raises(IngestError, match=r"treatment_codes\.json is missing"):
        ingest_restricted(path, manifest, TreatmentCodes)
