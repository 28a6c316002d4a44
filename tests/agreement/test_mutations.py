"""A machine that damages the forms of a small trial at random and sends them through every layer.

Each example applies many mutations (cells, rows, columns, files, manifests) to all transfers at once.
Whatever they are: every row received is accepted or quarantined, the layers end or stop with a rule that
names the table, and the same files give the same tables. What does not belong here: what a single fault is
told to be (`tests/unit/test_ingest.py`, `tests/acceptance/test_hostile_input.py`).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.ingest import IngestError, ingest_form, read_manifests
from pipeline.ingest.records import read_records
from pipeline.simulate import simulate_trial
from pipeline.studies import STUDIES
from tests.layers import RuleBroken, accepted_forms, run_layers

STUDY = STUDIES["calgb_100104"]
PATIENTS, SEED = 30, 11
MUTATIONS, EXAMPLES = 200, 10
"""2,000 mutations: the least that the plan asks for."""

CELLS = (
    *("", " ", "-1", "9", "99", "ND", "UNK", "12O", "1e400", "nan", "-5", "1,5", "1,234", "0", "999999"),
    *("02/30/2007", "5/14/07", "2199-01-01", "0001-01-01", "1900", "UN/UNK/2007", "2007---14", "2009-12-17"),
    *("=1+1", "@SUM(A1)", "é", "\u202e", "x" * 300, '"', 'a "quote"', ",", "\n", "\r\n", "\t", "\0", "NULL"),
    *("100000", "AE-000001", "ZZ999", "DELETED", "AMENDED", "LENALIDOMIDE", "Mr Smith 555-123-4567"),
    *("4", "5", "Y", "N", "PD"),
)
ROW = ("drop row", "repeat row", "cut row", "move row")
COLUMN = ("drop", "repeat", "rename", "last")
FILE = ("drop", "empty", "bytes", "half", "other", "latin", "extra")
MANIFEST = ("rows", "hash", "study", "junk")
Mutation = tuple[Any, ...]


@st.composite
def mutations(draw: st.DrawFn) -> list[Mutation]:
    """What is done, in order: a kind, the file, and where and what in it.

    Places come from one generator, even over the whole trial; integers of Hypothesis crowd at the borders.
    """
    random = draw(st.randoms(use_true_random=True))

    def place() -> int:
        return random.randrange(10**6)

    def one() -> Mutation:
        # Cells and rows are what goes wrong most; a damaged file or manifest hides what else is wrong in it.
        kind = random.choices(
            ["cell", "copy cell", "row", "column", "file", "manifest"], [50, 20, 26, 1, 2, 1]
        )[0]
        if kind == "cell":
            return (kind, place(), place(), place(), random.choice(CELLS))
        if kind == "copy cell":
            return (kind, place(), place(), place(), place())
        if kind == "row":
            return (random.choice(ROW), place(), place(), place())
        return (
            kind,
            place(),
            place(),
            random.choice({"column": COLUMN, "file": FILE, "manifest": MANIFEST}[kind]),
        )

    return [one() for _ in range(MUTATIONS)]


Table = list[list[str]]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The forms of a small free trial as they are before anything is done to them."""
    folder = tmp_path_factory.mktemp("clean") / STUDY.name
    simulate_trial(PATIENTS, SEED, folder)
    return folder


def _change_cells(table: Table, mutation: Mutation) -> None:
    kind, row, column = mutation[0], mutation[2], mutation[3]
    at = 1 + row % (len(table) - 1)
    cells = table[at]
    if kind == "cell" and cells:
        cells[column % len(cells)] = mutation[4]
    elif kind == "copy cell" and cells:
        other = table[1 + mutation[4] % (len(table) - 1)]
        if other:
            cells[column % len(cells)] = other[column % len(other)]
    elif kind == "drop row":
        del table[at]
    elif kind == "repeat row":
        table.insert(at, list(cells))
    elif kind == "cut row":
        del cells[column % (len(cells) + 1) :]
    elif kind == "move row":
        table.append(table.pop(at))


def _change_column(table: Table, place: int, what: str) -> None:
    at = place % len(table[0])
    for cells in table:
        if at < len(cells):
            cell = cells.pop(at)
            if what == "repeat":
                cells[at:at] = [cell, cell]
            elif what == "rename":
                cells.insert(at, f"{cell}x" if cells is table[0] else cell)
            elif what == "last":
                cells.append(cell)


def _change_file(data: bytes, place: int, what: str) -> bytes:
    at = place % (len(data) + 1)
    return {
        "empty": b"",
        "bytes": data[:at] + b'\xff\0"\r' + data[at:],
        "half": data[: at or 1],
        "latin": data.replace(b"e", "\u00e9".encode("latin-1")),
    }.get(what, data)


def damage(raw: Path, mutations: list[Mutation]) -> None:
    """Do all mutations to the transfers under `raw`; manifests fit again but where one is the victim."""
    files = sorted(raw.glob("20*/*.csv"))
    tables: dict[Path, Table] = {}
    spoilt: list[Mutation] = []
    for mutation in mutations:
        path = files[mutation[1] % len(files)]
        if mutation[0] in ("file", "manifest"):
            spoilt.append(mutation)
            continue
        if path not in tables:
            tables[path] = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        if mutation[0] == "column":
            _change_column(tables[path], mutation[2], mutation[3])
        elif len(tables[path]) > 1:
            _change_cells(tables[path], mutation)
    for path, table in tables.items():
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(table)
        path.write_bytes(text.getvalue().encode())
    for _, which, place, what in (m for m in spoilt if m[0] == "file"):
        path = files[which % len(files)]
        if what == "drop":
            path.unlink(missing_ok=True)
        elif what == "other":
            path.write_bytes(
                files[place % len(files)].read_bytes() if files[place % len(files)].exists() else b"x"
            )
        elif what == "extra":
            (path.parent / "extra.csv").write_bytes(b"a,b\n1,2\n")
        elif path.exists():
            path.write_bytes(_change_file(path.read_bytes(), place, what))
    for folder in sorted(raw.glob("20*")):
        entries = {}
        for path in sorted(folder.glob("*.csv")):
            data = path.read_bytes()
            entries[path.name] = {
                "rows": read_records(data).lines.height,
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        manifest = {"study": STUDY.id, "transfer": folder.name, "files": entries}
        at_it = [m for m in spoilt if m[0] == "manifest" and files[m[1] % len(files)].parent == folder]
        for _, _, _, what in at_it:
            _spoil_manifest(manifest, what)
        text = json.dumps(manifest)
        (folder / "transfer.json").write_text(text[:-1] if any(m[3] == "junk" for m in at_it) else text)


def _spoil_manifest(manifest: dict[str, Any], what: str) -> None:
    for entry in list(manifest["files"].values())[:1]:
        entry["rows"] += what == "rows"
        if what == "hash":
            entry["sha256"] = "0" * 64
    if what == "study":
        manifest["study"] = "another"


ended: Counter[str] = Counter()


@settings(
    deadline=None,
    max_examples=EXAMPLES,
    derandomize=True,
    phases=[Phase.generate],  # an example takes seconds: to shrink one would take an hour
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(done=mutations())
def test_whatever_is_done_to_the_forms_nothing_is_lost_and_nothing_crashes(
    clean: Path, done: list[Mutation]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / STUDY.name
        shutil.copytree(clean, raw)
        damage(raw, done)
        transfers, told = read_manifests(raw, STUDY.forms, STUDY.id)
        assert told["REASON"].is_null().sum() == len(transfers)
        for form, model in STUDY.forms.items():
            found, again = (ingest_form(form, model, transfers) for _ in range(2))
            received = sum(
                read_records((transfer.folder / f"{form}.csv").read_bytes()).lines.height
                for transfer in transfers
                if form in transfer.forms
            )
            assert found.accepted.height + found.quarantined.height == received
            for table in ("accepted", "quarantined", "findings", "receipt"):
                assert getattr(found, table).equals(getattr(again, table))
        ended["mutations"] += len(done)
        if not transfers:
            return
        try:
            forms = accepted_forms(STUDY, raw)
            for cut_off in STUDY.cut_offs:
                run_layers(STUDY, forms, cut_off)
        except (RuleBroken, IngestError):
            ended["stopped by a rule"] += 1
        else:
            ended["ran to the end"] += 1


def test_enough_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers of the machine, so that a filter that leaves nothing to do would show."""
    with capsys.disabled():
        print(f"\n{dict(ended)}")
    assert ended["mutations"] >= MUTATIONS * EXAMPLES
    assert ended["ran to the end"] > 0
