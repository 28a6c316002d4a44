"""Closed results are one encrypted file: never a clear byte on the disk, no answer without the key."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipeline import warehouse
from pipeline.access.closed import CLOSED_KEY
from pipeline.access.log import read_log, verify_log
from pipeline.cli import main
from pipeline.warehouse import WarehouseError, build_encrypted, query_encrypted
from schemas.base import Table, column

KEY = "it's a key; of 27 characters"
TOKEN = "XARMTOKENX"
LOOK = "2009-06-30"
BLOCK = 262_144  # of a DuckDB file, in bytes


class Arms(Table):
    """XARMTOKENX of each patient"""

    USUBJID: str = column("Unique Subject Identifier")
    ARM: str = column("XARMTOKENX", comment="XARMTOKENX")
    VALUE: float = column("Value", required=False)

    class Config:
        unique = ["USUBJID"]


ROWS = pl.DataFrame(
    {"USUBJID": [f"{n:06}" for n in range(5000)], "ARM": [f"{TOKEN}{n % 2}" for n in range(5000)]}
).with_columns(VALUE=pl.int_range(5000).cast(pl.Float64))


def build(folder: Path, key: str = KEY) -> Path:
    target = folder / "closed" / LOOK / "calgb_100104.duckdb"
    build_encrypted(target, {"closed.arms": (Arms, ROWS)}, key, f"Synthetic data {TOKEN}")
    return target


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build(tmp_path_factory.mktemp("built")).read_bytes()


@pytest.fixture
def closed(built: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "closed" / LOOK / "calgb_100104.duckdb"
    path.parent.mkdir(parents=True)
    path.write_bytes(built)
    return path


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_what_was_written_is_read_with_the_key(closed: Path) -> None:
    assert query_encrypted(closed, KEY, "FROM closed.arms").equals(ROWS)
    told = query_encrypted(closed, KEY, "SELECT schema_name, table_name, row_count FROM meta.tables")
    assert ("closed", "arms", 5000) in told.rows()
    (kind,) = query_encrypted(
        closed,
        KEY,
        "SELECT encrypted, cipher FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL",
    ).rows()
    assert kind == (True, "GCM")


def test_no_clear_byte_is_on_the_disk_while_the_file_is_built_or_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked for after every statement: in the file, its log of changes, rows that were spilled."""
    seen: set[str] = set()

    class Watched:
        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self.connection = connection

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *_: object) -> None:
            self.connection.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.connection, name)

        def execute(self, *arguments: Any) -> Any:
            answer = self.connection.execute(*arguments)
            self.look()
            return answer

        def commit(self) -> None:
            self.connection.commit()
            self.look()

        def look(self) -> None:
            for path in files(tmp_path):
                data = path.read_bytes()
                assert TOKEN.encode() not in data, path
                if data:
                    seen.add(path.suffix)
                    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0

    connect = duckdb.connect
    monkeypatch.setattr(warehouse.duckdb, "connect", lambda *a, **k: Watched(connect(*a, **k)))
    monkeypatch.chdir(tmp_path)  # where DuckDB would put rows that it spills
    target = build(tmp_path)
    assert seen >= {".duckdb", ".wal"}
    assert [path.name for path in files(tmp_path) if path.stat().st_size] == [target.name]
    assert TOKEN.encode() not in target.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_search_for_clear_bytes_finds_them_in_an_open_file(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "open.duckdb")) as connection:
        connection.register("incoming", ROWS)
        connection.execute("CREATE TABLE arms AS FROM incoming")
    assert TOKEN.encode() in (tmp_path / "open.duckdb").read_bytes()


@pytest.mark.parametrize("key", ["", "it's a key; of 27 character", "another key altogether"])
def test_without_the_right_key_there_is_no_answer(key: str, closed: Path) -> None:
    with pytest.raises(WarehouseError) as refused:
        query_encrypted(closed, key, "FROM closed.arms")
    says = "the key does not open it" if key else "is encrypted: it needs a key"
    assert says in str(refused.value)
    assert not key or key not in str(refused.value)


def test_an_open_file_in_its_place_is_not_taken_for_closed_results(closed: Path) -> None:
    closed.unlink()
    duckdb.connect(str(closed)).close()
    with pytest.raises(WarehouseError, match="is not encrypted"):
        query_encrypted(closed, KEY, "SELECT 1")
    closed.write_bytes(b"nothing of the kind")
    with pytest.raises(WarehouseError, match="cannot be opened"):
        query_encrypted(closed, KEY, "SELECT 1")


def test_a_changed_byte_is_an_error_and_never_another_number(closed: Path) -> None:
    """The cipher authenticates each block as it is read; one that holds no row of the answer is not read."""
    good = closed.read_bytes()
    answers = []
    for at in range(100, len(good), BLOCK):
        closed.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        try:
            answers.append(query_encrypted(closed, KEY, "FROM closed.arms").equals(ROWS))
        except WarehouseError as error:
            answers.append(str(error))
    assert False not in answers
    assert any("tag differs" in str(answer) for answer in answers)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO closed.arms VALUES ('x', 'y', 1)",
        "COPY closed.arms TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/out.duckdb'",
        "FROM read_csv('/etc/passwd')",
        "SET temp_directory = '{folder}'",
        "SELECT 1; SELECT 2",
        "FROM ROWS",
    ],
)
def test_a_query_can_do_nothing_but_read_this_file(statement: str, closed: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in files(tmp_path)}
    with pytest.raises(WarehouseError):
        query_encrypted(closed, KEY, statement.format(folder=tmp_path))
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


def test_a_build_that_fails_leaves_the_old_file_and_nothing_else(closed: Path, tmp_path: Path) -> None:
    before = closed.read_bytes()
    twice = pl.concat([ROWS, ROWS])
    with pytest.raises(WarehouseError, match=r"closed\.arms"):
        build_encrypted(closed, {"closed.arms": (Arms, twice)}, KEY, "Synthetic data")
    with pytest.raises(WarehouseError, match="VALUE DOUBLE but is missing"):
        build_encrypted(closed, {"closed.arms": (Arms, ROWS.drop("VALUE"))}, KEY, "Synthetic data")
    with pytest.raises(WarehouseError, match="needs a key"):
        build_encrypted(closed, {"closed.arms": (Arms, ROWS)}, "", "Synthetic data")
    assert closed.read_bytes() == before
    assert {path.name for path in closed.parent.iterdir()} == {closed.name, f".{closed.name}.lock"}


# `pipeline sql --closed`


def ask(folder: Path, statement: str, key: str | None, look: str = LOOK) -> Result:
    arguments = ["sql", "--warehouse", str(folder), "--closed", look, statement]
    return CliRunner(env={CLOSED_KEY: key}).invoke(main, arguments)


def test_closed_results_answer_to_the_key_and_the_question_is_logged(closed: Path, tmp_path: Path) -> None:
    told = ask(tmp_path, f"SELECT count(*) AS n FROM closed.arms WHERE ARM = '{TOKEN}1'", KEY)
    assert told.output.split() == ["n", "2500"]
    log = tmp_path / "access_log.jsonl"
    (line,) = read_log(log)
    assert (line["action"], line["cut_off"]) == ("closed results asked", LOOK)
    assert TOKEN not in log.read_text()
    assert verify_log(log) == []


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "put their key into PIPELINE_CLOSED_KEY"),
        ("fifteen letters", "too short: it needs at least 16 characters"),
        ("k" * 20, "calgb_100104.duckdb: the key does not open it"),
    ],
)
def test_a_missing_short_or_wrong_key_is_refused_and_logged(
    key: str | None, says: str, closed: Path, tmp_path: Path
) -> None:
    told = ask(tmp_path, "FROM closed.arms", key)
    assert told.exit_code == 1
    assert says in told.output
    assert TOKEN not in told.output
    (line,) = read_log(tmp_path / "access_log.jsonl")
    assert line["action"] == "refused"
    assert says in line["reason"]
    assert key is None or key not in (tmp_path / "access_log.jsonl").read_text()


def test_a_review_without_closed_results_and_a_wrong_statement_are_told(closed: Path, tmp_path: Path) -> None:
    assert "no closed results of 2008-12-31" in ask(tmp_path, "SELECT 1", KEY, "2008-12-31").output
    assert "does not exist" in ask(tmp_path, "FROM closed.nothing", KEY).output
