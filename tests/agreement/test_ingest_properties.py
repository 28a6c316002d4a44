"""Whatever happens to a form file, every record received is accepted or quarantined, and never lost.

Small files of valid rows are mutated at random (cells, rows, columns, bytes). What was received is counted
here once more, character by character, and must agree with what the vectorised reading says.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest import WITHHELD, Ingested, Transfer, ingest_form, read_manifests
from pipeline.simulate import simulate_calibrated
from schemas.base import Table, accepted, columns, failures, names
from schemas.crf.calgb_100104 import FORMS

STEMS = ["labs", "death", "sites"]
EXAMPLES = {
    "patient_id": ["104310", "204311"],
    "site_code": ["MA034", "NY012", "CA001"],
    "record_id": [f"X-{number:06d}" for number in range(20)],
    "record_version": ["1", "2"],
    "visit": ["BASELINE", "DAY100", "C12", "M3"],
    "result": ["3.4", "<0.1", "ND", "-1"],
    "site_name": ["North Hospital", 'the "old" clinic', "Ward 1, Boston", "two\nlines", "Hôpital"],
    "fasting_or_comment": ["", "fasting", "a, b", 'so "he" says', "two\nlines", 'both, "and"\nmore'],
    "cause_text": ["", "pneumonia, both lungs", "\n"],
}
BY_TYPE = {pl.Date: ["2007-05-14"], pl.Int64: ["1"], pl.Float64: ["", "1.5", "12"], pl.String: ["", "mg/L"]}
DATES = ["2007-05-14", "05/14/2007", "UN/MAY/2007", "2007"]
WRONG_CELLS = [
    "",
    " ",
    "-1",
    "ND",
    "12O",
    "1e400",
    "nan",
    "02/30/2007",
    "=1+1",
    "é",
    "x" * 300,
    '"',
    ",",
    "\n",
    "\r",
    "\0",
]
PIECES = [b'"', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3\xa9", b"x", b" ", b'""', b'"\n', b',"']


def cells(model: type[Table]) -> st.SearchStrategy[list[str]]:
    """A valid row."""
    return st.tuples(
        *(
            st.sampled_from(
                EXAMPLES.get(column.name)
                or [str(code) for code in column.codelist]
                or (DATES if column.kind == "date_raw" else BY_TYPE[column.dtype])
            )
            for column in columns(model)
        )
    ).map(list)


@st.composite
def form_file(draw: st.DrawFn, model: type[Table]) -> bytes:
    """A file of a few rows, mutated up to four times."""
    header, rows = names(model), draw(st.lists(cells(model), max_size=6))
    table = [header, *rows]
    for what in draw(st.lists(st.sampled_from(["cell", "cell", "cell", "row", "row", "column"]), max_size=2)):
        row = draw(st.integers(0, len(table) - 1))
        if what == "cell" and table[row]:
            column = draw(st.integers(0, len(table[row]) - 1))
            table[row][column] = draw(st.sampled_from(WRONG_CELLS))
        elif what == "row":
            changed = draw(st.sampled_from(["repeat", "drop", "shorten", "lengthen"]))
            other = {
                "repeat": [table[row]] * 2,
                "drop": [],
                "shorten": [table[row][:-1]],
                "lengthen": [[*table[row], ""]],
            }
            table[row : row + 1] = [list(cells) for cells in other[changed]]
        elif what == "column":
            column = draw(st.integers(0, len(header) - 1))
            changed = draw(st.sampled_from(["drop", "repeat"]))
            for cells_ in table:
                cells_[column : column + 1] = cells_[column : column + 1] * (2 if changed == "repeat" else 0)
        if not table:
            break
    written = io.StringIO()
    csv.writer(written, lineterminator=draw(st.sampled_from(["\n", "\n", "\r\n"]))).writerows(table)
    data = written.getvalue().encode()
    for piece in draw(st.lists(st.sampled_from(PIECES), max_size=2)):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + piece + data[at + draw(st.integers(0, 3)) :]
    return data[: len(data) - draw(st.sampled_from([0, 0, 0, 1, 7]))]


def records(data: bytes) -> dict[int, str]:
    """The text of each record below the header by its first line, found character by character."""
    text = data.decode("utf-8", "replace")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    found, line = {}, 0
    while line < len(lines):
        last = last_line(lines, line)
        if line > 0 and lines[line] != "":
            found[line + 1] = "\n".join(lines[line : last + 1])
        line = last + 1
    return found


def last_line(lines: list[str], first: int) -> int:
    """The last line of the record that starts on `first`: another one only if a quoted field ends there."""
    inside = closed = False
    starts = True
    for number in range(first, len(lines)):
        for at, character in enumerate(lines[number]):
            if inside:
                closed = character == '"'
                inside = not closed
            elif character == "\r":  # outside quotes it may only end the record
                return number if set(lines[number][at:]) == {"\r"} else first
            elif closed:
                inside, closed, starts = character == '"', False, character == ","
                if not (inside or starts):
                    return first
            else:
                inside = starts and character == '"'
                starts = character == ","
        if not inside:
            return number
    return first


FILES = st.sampled_from(STEMS).flatmap(
    lambda stem: st.tuples(st.just(stem), st.lists(form_file(FORMS[stem]), min_size=1, max_size=2))
)


def ingest(folder: Path, stem: str, contents: list[bytes]) -> Ingested:
    transfers = []
    for number, data in enumerate(contents, 1):
        date = dt.date(2009, 6, number)
        transfers.append(Transfer(date, folder / date.isoformat(), (stem,)))
        transfers[-1].folder.mkdir()
        (transfers[-1].folder / f"{stem}.csv").write_bytes(data)
    return ingest_form(stem, FORMS[stem], transfers)


@settings(deadline=None)
@given(FILES)
def test_every_record_is_accepted_or_quarantined(files: tuple[str, list[bytes]]) -> None:
    stem, contents = files
    with tempfile.TemporaryDirectory() as folder:
        ingested = ingest(Path(folder), stem, contents)
    received = {
        (f"2009-06-{number:02d}/{stem}.csv", line): text
        for number, data in enumerate(contents, 1)
        for line, text in records(data).items()
    }
    accepted_rows = ingested.accepted.select("FILE", "LINE").rows()
    quarantined = ingested.quarantined.select("FILE", "LINE").rows()
    assert sorted(accepted_rows + quarantined) == sorted(received)
    texts = ingested.quarantined["TEXT"].to_list()
    assert all(text in (received[place], WITHHELD) for text, place in zip(texts, quarantined, strict=True))
    for count, places in (("RECEIVED", received), ("ACCEPTED", accepted_rows), ("QUARANTINED", quarantined)):
        per_file = Counter(file for file, _ in places)
        assert ingested.receipt[count].to_list() == [per_file[file] for file in ingested.receipt["FILE"]]
    told = {
        outcome: set(ingested.findings.filter(OUTCOME=outcome).select("FILE", "LINE").rows())
        for outcome in ("quarantined", "kept")
    }
    assert set(quarantined) <= told["quarantined"]
    assert not told["quarantined"] & set(accepted_rows)
    assert told["kept"] <= set(accepted_rows)
    assert failures(accepted(FORMS[stem]), ingested.accepted.select(names(FORMS[stem]))).is_empty()


@settings(deadline=None, max_examples=10)
@given(FILES)
def test_the_same_files_give_the_same_tables(files: tuple[str, list[bytes]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        first, second = ingest(Path(one), *files), ingest(Path(other), *files)
    for table in ("accepted", "quarantined", "findings", "receipt"):
        assert getattr(first, table).equals(getattr(second, table))


def test_forms_without_faults_are_accepted_whole(tmp_path: Path) -> None:
    """The simulator and the schemas, written apart from the same specification, agree."""
    simulate_calibrated(tmp_path, clean=True)
    transfers, table = read_manifests(tmp_path, FORMS, "CALGB-100104")
    assert table["REASON"].drop_nulls().to_list() == []
    ingested = [ingest_form(stem, model, transfers) for stem, model in FORMS.items()]
    assert pl.concat(form.findings for form in ingested)["MESSAGE"].to_list() == []
    accepted = sum(form.accepted.height for form in ingested)
    assert accepted == table["ROWS"].sum() > 0
