"""What a SAS transport file holds, byte by byte, and what is refused before it is written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from pipeline.outputs.exchange import NotExportable, write_xpt
from schemas.base import Table, column

DATE = dt.date(2011, 10, 31)
RECORD = 80


class Made(Table):
    """A Dataset of Our Own"""

    STUDYID: str = column("Study Identifier")
    AVALC: str = column("Analysis Value (C)", required=False)
    SEQ: int = column("Sequence Number", required=False)
    AVAL: float = column("Analysis Value", required=False)
    ADT: dt.date = column("Analysis Date", required=False)
    ATM: dt.time = column("Analysis Time", required=False)

    class Config:
        unique = ["STUDYID", "SEQ"]


FRAME = pl.DataFrame(
    {
        "STUDYID": ["S1", "S1"],
        "AVALC": ["YES", None],
        "SEQ": [1, None],
        "AVAL": [-118.625, None],
        "ADT": [dt.date(1960, 1, 2), None],
        "ATM": [dt.time(0, 1, 0), None],
    }
)


def write(frame: pl.DataFrame, folder: Path, model: type[Table] = Made, name: str = "ADMADE") -> Path:
    return write_xpt(frame, model, folder / "made.xpt", name=name, date=DATE)


def refused(frame: pl.DataFrame, folder: Path, model: type[Table] = Made, name: str = "ADMADE") -> str:
    with pytest.raises(NotExportable) as error:
        write(frame, folder, model, name)
    assert list(folder.iterdir()) == []
    return str(error.value)


def made(variables: dict[str, tuple[type, object]]) -> type[Table]:
    """A class of these variables."""
    members: dict[str, object] = {name: spec for name, (_, spec) in variables.items()}
    members["__annotations__"] = {name: kind for name, (kind, _) in variables.items()}
    return type("Other", (Table,), {**members, "__doc__": "Another Dataset"})


def test_the_header_says_what_ts_140_asks_for_and_no_clock(tmp_path: Path) -> None:
    """The records of SAS Technical Support document TS-140, 80 bytes each."""
    data = write(FRAME, tmp_path).read_bytes()
    records = [data[at : at + RECORD].decode("latin-1") for at in range(0, 8 * RECORD, RECORD)]
    stamp = "31OCT11:00:00:00"
    assert len(data) % RECORD == 0
    assert records[0] == "HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + "0" * 30 + "  "
    assert records[1] == f"{'SAS     SAS     SASLIB  6.06    bsd4.2':64}{stamp}"
    assert records[2] == f"{stamp:80}"
    assert records[3].startswith("HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!")
    assert records[4].startswith("HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!")
    assert records[5] == f"{'SAS     ADMADE  SASDATA 6.06    bsd4.2':64}{stamp}"
    assert records[6] == f"{stamp:32}{'A Dataset of Our Own':48}"
    assert records[7].startswith("HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!0000000006")


def test_numbers_are_ibm_floats_and_missing_is_a_point(tmp_path: Path) -> None:
    """-118.625 is C276A000 in IBM's floating point, its well-known example; SAS marks missing by a point."""
    data = write(FRAME, tmp_path).read_bytes()
    rows = data[data.index(b"HEADER RECORD*******OBS") + RECORD :]
    point = b"." + bytes(7)
    one = bytes.fromhex("4110000000000000")
    sixty = bytes.fromhex("423c000000000000")
    first = b"S1YES" + one + bytes.fromhex("c276a00000000000") + one + sixty
    assert rows[: 2 * len(first)] == first + b"S1   " + point * 4


def test_another_reader_sees_names_labels_formats_and_values(tmp_path: Path) -> None:
    frame, about = pyreadstat.read_xport(write(FRAME, tmp_path), output_format="polars")
    assert about.table_name == "ADMADE"
    assert about.file_label == "A Dataset of Our Own"
    assert about.column_names_to_labels == {
        "STUDYID": "Study Identifier",
        "AVALC": "Analysis Value (C)",
        "SEQ": "Sequence Number",
        "AVAL": "Analysis Value",
        "ADT": "Analysis Date",
        "ATM": "Analysis Time",
    }
    assert about.original_variable_types["ADT"] == "DATE9"
    assert about.original_variable_types["ATM"] == "TIME8"
    assert frame["ADT"].to_list() == [dt.date(1960, 1, 2), None]
    assert frame["ATM"].to_list() == [dt.time(0, 1), None]
    assert frame["AVALC"].to_list() == ["YES", ""]


def test_equal_datasets_give_equal_bytes_whatever_the_clock_says(tmp_path: Path) -> None:
    files = [write_xpt(FRAME, Made, tmp_path / name, name="ADMADE", date=DATE) for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_the_order_is_the_declared_one_and_a_blinded_frame_lacks_what_tells_the_arm(tmp_path: Path) -> None:
    frame, _ = pyreadstat.read_xport(write(FRAME.select("SEQ", "STUDYID"), tmp_path))
    assert list(frame.columns) == ["STUDYID", "SEQ"]


def test_a_text_is_as_long_as_its_longest_value_or_as_declared(tmp_path: Path) -> None:
    widths = []
    for lengths in ({}, {"STUDYID": 12, "AVALC": 1}):
        path = write_xpt(FRAME, Made, tmp_path / "x", name="ADMADE", date=DATE, lengths=lengths)
        widths.append(pyreadstat.read_xport(path)[1].variable_storage_width)
    assert [(w["STUDYID"], w["AVALC"], w["AVAL"]) for w in widths] == [(2, 3, 8), (12, 3, 8)]


def test_a_text_that_is_missing_throughout_has_one_byte(tmp_path: Path) -> None:
    frame = FRAME.with_columns(AVALC=pl.lit(None, pl.String))
    _, about = pyreadstat.read_xport(write(frame, tmp_path))
    assert about.variable_storage_width["AVALC"] == 1


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AVALC", "x" * 201, f"'{'x' * 201}' has more than 200 bytes"),
        ("AVALC", "5 µg", "'5 µg' is not printable ASCII"),
        ("AVALC", "a\tb", "'a\\tb' is not printable ASCII"),
        ("AVALC", "a ", "'a ' ends with a blank, which would be lost"),
        ("AVALC", "", "'' is an empty text, which would come back as missing: a missing value is null"),
        ("SEQ", 2**53 + 1, "9007199254740993 is a whole number that 53 bits cannot hold"),
        ("SEQ", -(2**63), "-9223372036854775808 is a whole number that 53 bits cannot hold"),
        ("AVAL", 1e75, "1e+75 is out of a SAS number's range (5.4e-79 to 4.5e+74)"),
        ("AVAL", float("-inf"), "-inf is out of a SAS number's range (5.4e-79 to 4.5e+74)"),
        ("AVAL", 5e-324, "5e-324 is out of a SAS number's range (5.4e-79 to 4.5e+74)"),
        ("AVAL", float("nan"), "nan is not a number: a missing value is null"),
        ("ADT", dt.date(1581, 12, 31), "1581-12-31 is before 1582, where SAS dates begin"),
        ("ATM", dt.time(0, 0, 0, 5), "00:00:00.000005 has a part of a second, which would be lost"),
    ],
)
def test_what_would_not_come_back_is_refused(
    variable: str, value: object, message: str, tmp_path: Path
) -> None:
    frame = FRAME.with_columns(pl.lit(value).alias(variable))
    assert refused(frame, tmp_path) == f"ADMADE.{variable}, row 1: {message} (2 such rows)"


def test_a_column_that_the_class_does_not_have_so_is_refused(tmp_path: Path) -> None:
    assert refused(FRAME.with_columns(EXTRA=1.0), tmp_path) == "ADMADE.EXTRA: not declared in Made"
    assert refused(FRAME.cast({"SEQ": pl.String}), tmp_path) == (
        "ADMADE.SEQ: String, and is declared as Int64"
    )


def test_the_first_row_is_named_and_every_fault_is_told(tmp_path: Path) -> None:
    frame = FRAME.with_columns(AVALC=pl.Series(["ok", "ä"]), AVAL=pl.Series([None, 1e99]))
    assert refused(frame, tmp_path).splitlines() == [
        "ADMADE.AVALC, row 2: 'ä' is not printable ASCII",
        "ADMADE.AVAL, row 2: 1e+99 is out of a SAS number's range (5.4e-79 to 4.5e+74)",
    ]


def test_a_dataset_without_rows_or_variables_is_refused(tmp_path: Path) -> None:
    assert refused(FRAME.clear(), tmp_path) == "ADMADE: no rows: leave the dataset out"
    assert refused(FRAME.select([]), tmp_path) == "ADMADE: no variables"


def test_a_last_row_of_blanks_is_refused(tmp_path: Path) -> None:
    """Blanks up to the end of the last record are what a reader takes for the end of the data."""
    assert refused(FRAME.select("AVALC"), tmp_path) == (
        "ADMADE, row 2: the last row is all blanks, so a reader would lose it"
    )
    assert write(FRAME.select("AVALC").reverse(), tmp_path).is_file()


@pytest.mark.parametrize("name", ["admade", "ADMADEXYZ", "1ADMADE", "AD-MADE", "", "ADÄ"])
def test_a_name_that_sas_does_not_take_is_refused(name: str, tmp_path: Path) -> None:
    rule = "a name has 1 to 8 upper-case letters, digits and underscores, and no digit first"
    assert refused(FRAME, tmp_path, name=name) == f"{name}: {rule}"
    frame = FRAME.select(pl.lit(1.0).alias(name))
    assert refused(frame, tmp_path, made({name: (float, column("A Number"))})) == f"ADMADE.{name}: {rule}"


def test_a_label_that_is_too_long_or_not_ascii_is_refused(tmp_path: Path) -> None:
    label = "A label of a dataset that nobody has cut to forty"
    long = type("Long", (Made,), {"__doc__": label})
    assert refused(FRAME, tmp_path, long) == (
        f"ADMADE: the label '{label}' has 49 characters; 40 are allowed"
    )
    accented = type("Accented", (Made,), {"__doc__": "Étude"})
    assert refused(FRAME, tmp_path, accented) == "ADMADE: the label 'Étude' is not printable ASCII"
    micro = made({"B2M": (float, column("Level (µg)"))})
    assert refused(pl.DataFrame({"B2M": [1.0]}), tmp_path, micro) == (
        "ADMADE.B2M: the label 'Level (µg)' is not printable ASCII"
    )


def test_a_type_that_sas_does_not_have_is_refused(tmp_path: Path) -> None:
    flags = made({"OK": (bool, column("Whether It Is"))})
    assert refused(pl.DataFrame({"OK": [True]}), tmp_path, flags) == (
        "ADMADE.OK: Boolean has no type in a SAS transport file"
    )
