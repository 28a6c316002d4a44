"""Dataset-JSON 1.1 against the standard's tables and against another reading of the standard, odmlib's."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from odmlib.dataset_json_1_1.model import DatasetJSON

from pipeline.outputs.exchange import NotExportable, write_dataset_json
from schemas.base import Table, column, dtypes

DATE = dt.date(2011, 10, 31)
SCHEMA = Path(__file__).parents[1] / "reference" / "dataset_json" / "schema.json"
JSON_TYPES = {"string": str, "integer": int, "float": float, "date": str, "time": str}


class Made(Table):
    """A Dataset of Our Own"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    USUBJID: str = column("Unique Subject Identifier")
    SEQ: int = column("Sequence Number", required=False)
    AVALC: str = column("Analysis Value (C)", required=False)
    AVAL: float = column("Analysis Value", required=False)
    ATM: dt.time = column("Analysis Time", required=False)

    class Config:
        unique = ["CUTOFF", "USUBJID", "SEQ"]


ROWS = [
    ("S1", DATE, "1", 1, 'a "b" \\ c\n\x01 µg/dL', 0.1, dt.time(7, 5)),
    ("S1", DATE, "2", None, None, None, None),
    ("S1", DATE, "3", -2, "", 1e300, None),
]
FRAME = pl.DataFrame(ROWS, schema=dtypes(Made), orient="row")


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def write(frame: pl.DataFrame, folder: Path, model: type[Table] = Made) -> dict[str, Any]:
    path = write_dataset_json(frame, model, folder / "made.json", name="ADMADE", date=DATE)
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


def test_the_file_says_what_the_standard_asks_for(tmp_path: Path, validator: Draft202012Validator) -> None:
    made = write(FRAME, tmp_path)
    validator.validate(made)
    rows = made.pop("rows")
    columns = made.pop("columns")
    assert made == {
        "datasetJSONCreationDateTime": "2011-10-31T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.ADMADE",
        "records": 3,
        "name": "ADMADE",
        "label": "A Dataset of Our Own",
    }
    assert columns[0] == {
        "itemOID": "IT.ADMADE.STUDYID",
        "name": "STUDYID",
        "label": "Study Identifier",
        "dataType": "string",
        "length": 2,
        "keySequence": 1,
    }
    assert columns[1] == {
        "itemOID": "IT.ADMADE.CUTOFF",
        "name": "CUTOFF",
        "label": "Data Cut-off",
        "dataType": "date",
        "targetDataType": "integer",
        "displayFormat": "DATE9.",
    }
    assert [(c["name"], c["dataType"], c.get("keySequence")) for c in columns[2:]] == [
        ("USUBJID", "string", 2),
        ("SEQ", "integer", 3),
        ("AVALC", "string", None),
        ("AVAL", "float", None),
        ("ATM", "time", None),
    ]
    assert rows == [
        ["S1", "2011-10-31", "1", 1, 'a "b" \\ c\n\x01 µg/dL', 0.1, "07:05:00"],
        ["S1", "2011-10-31", "2", None, None, None, None],
        ["S1", "2011-10-31", "3", -2, "", 1e300, None],
    ]


def test_another_reading_of_the_standard_takes_the_file(tmp_path: Path) -> None:
    path = write_dataset_json(FRAME, Made, tmp_path / "made.json", name="ADMADE", date=DATE)
    read = DatasetJSON.read_json(str(path))
    assert read.column_names == FRAME.columns
    assert read.records == len(read.rows) == 3


def test_the_attributes_stand_in_the_standards_order_and_a_row_on_a_line(tmp_path: Path) -> None:
    path = write_dataset_json(FRAME, Made, tmp_path / "made.json", name="ADMADE", date=DATE)
    lines = path.read_text().splitlines()
    assert [line.split('"')[1] for line in lines if line[:1] == '"'] == [
        "datasetJSONCreationDateTime", "datasetJSONVersion", "itemGroupOID", "records", "name", "label",
        "columns", "rows",
    ]  # fmt: skip
    assert sum(line.startswith("[") for line in lines) == 3


def test_equal_datasets_give_equal_bytes(tmp_path: Path) -> None:
    files = [
        write_dataset_json(FRAME, Made, tmp_path / name, name="ADMADE", date=DATE) for name in ("a", "b")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.dates(),
        ),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_every_value_comes_back(
    tmp_path_factory: pytest.TempPathFactory, validator: Draft202012Validator, values: list[tuple[Any, ...]]
) -> None:
    frame = pl.DataFrame(
        [("S1", day or DATE, text or "", whole, text, number, None) for text, whole, number, day in values],
        schema=dtypes(Made),
        orient="row",
    )
    made = write(frame, tmp_path_factory.mktemp("json"))
    validator.validate(made)
    assert made["rows"] == [
        [value.isoformat() if isinstance(value, dt.date) else value for value in row] for row in frame.rows()
    ]
    for number, about in enumerate(made["columns"]):
        cells = [row[number] for row in made["rows"] if row[number] is not None]
        assert all(type(cell) is JSON_TYPES[about["dataType"]] for cell in cells)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(value: float, tmp_path: Path) -> None:
    frame = FRAME.with_columns(AVAL=pl.Series([0.5, value, None]))
    with pytest.raises(NotExportable, match=rf"^ADMADE.AVAL, row 2: {value} is not a number in JSON$"):
        write(frame, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_type_that_the_standard_lacks_is_refused(tmp_path: Path) -> None:
    spec = {"__annotations__": {"OK": pl.Duration}, "OK": column("How Long"), "__doc__": "A Dataset"}
    made = type("Long", (Table,), spec)
    with pytest.raises(NotExportable, match=r"^ADMADE.OK: Duration.* has no type in Dataset-JSON$"):
        write(pl.DataFrame({"OK": [dt.timedelta(1)]}), tmp_path, made)
    with pytest.raises(NotExportable, match=r"^ADMADE: no variables$"):
        write(FRAME.select([]), tmp_path)


@pytest.mark.parametrize(
    "fault",
    [
        {"records": -1},
        {"label": None},
        {"creationDateTime": "2011-10-31T00:00:00"},
        {"datasetJSONCreationDateTime": "2011-10-31"},
        {"datasetJSONVersion": "1.0.0"},
        {"rows": [[{}]]},
        {"columns": [{"itemOID": "IT.A.B", "name": "B", "label": "B", "dataType": "text"}]},
        {"columns": [{"itemOID": "IT.A.B", "name": "B", "label": "B", "dataType": "string",
                      "targetDataType": "integer"}]},
        {"columns": [{"itemOID": "IT.A.B", "name": "B", "label": "B", "dataType": "decimal"}]},
    ],
)  # fmt: skip
def test_the_schema_sees_what_is_wrong(
    fault: dict[str, Any], tmp_path: Path, validator: Draft202012Validator
) -> None:
    """Otherwise no file would ever be found wrong."""
    with pytest.raises(ValidationError):
        validator.validate(write(FRAME, tmp_path) | fault)
