"""Readers of the warehouse see a whole release, old or new, also while it is replaced or a build is killed.

Every release here holds one table whose rows all carry the number of the release, so that a mixture or a
part of one shows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pipeline.warehouse import WarehouseTable, build_release, query
from schemas.base import Table, column

ROWS = 20_000
SEEN = f"SELECT min(RELEASE) AS low, max(RELEASE) AS high, count(*) = {ROWS} AS whole FROM adam.numbered"


class Numbered(Table):
    """Rows that all carry the number of their release"""

    ROW: int = column("Row")
    RELEASE: int = column("Number of the Release")

    class Config:
        unique = ["ROW"]


def publish(target: Path, release: int, rows: int = ROWS) -> None:
    staged = target.with_name(f"numbered-{release}.parquet")
    pl.DataFrame({"ROW": range(rows)}).with_columns(RELEASE=pl.lit(release, pl.Int64)).write_parquet(staged)
    table = WarehouseTable("adam", "numbered", Numbered, (staged,))
    build_release(target, [table], comment="Synthetic data")


def leftovers(target: Path) -> list[Path]:
    return sorted(target.parent.glob("*.building*"))


@contextmanager
def python(repository: Path, program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python process of our own, which is gone when the block ends."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(repository)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# Reads until its standard input closes; a line "ready" first, at the end how often it read which release.
READER = """
import sys, threading
from collections import Counter
from pathlib import Path
from pipeline.warehouse import query
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
seen, said = Counter(), False
while not stop.is_set():
    low, high, whole = query(Path(sys.argv[1]), sys.argv[2]).row(0)
    assert low == high and whole, (low, high, whole)
    seen[low] += 1
    if not said:
        print("ready", flush=True)
        said = True
print(*(f"{release}:{times}" for release, times in sorted(seen.items())))
"""

# Builds a release far larger than the others, so that there is time to kill it.
BUILDER = """
import sys
from pathlib import Path
from tests.orchestration.test_atomic_replace import publish
publish(Path(sys.argv[1]), release=2, rows=12_000_000)
"""


def test_readers_see_whole_releases_while_they_are_replaced(tmp_path: Path, repository: Path) -> None:
    target = tmp_path / "trial.duckdb"
    publish(target, 1)
    with python(repository, READER, target, SEEN) as one, python(repository, READER, target, SEEN) as two:
        for reader in (one, two):
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        for release in range(2, 14):
            publish(target, release)
        for reader in (one, two):
            told, _ = reader.communicate()
            assert reader.returncode == 0
            releases = [int(seen.split(":")[0]) for seen in told.split()]
            assert releases[0] == 1
            assert len(releases) > 1
    assert query(target, SEEN).row(0) == (13, 13, True)
    assert not leftovers(target)


@pytest.mark.parametrize("later", [0, 0.5], ids=["at once", "while rows are written"])
def test_a_killed_build_leaves_the_old_release(tmp_path: Path, repository: Path, later: float) -> None:
    target = tmp_path / "trial.duckdb"
    publish(target, 1)
    before = target.read_bytes()
    with python(repository, BUILDER, target) as builder:
        give_up = time.monotonic() + 60
        while not any(tmp_path.glob("*.building")):
            assert builder.poll() is None, "the build ended before it could be killed"
            assert time.monotonic() < give_up
            time.sleep(0.001)
        time.sleep(later)
        assert builder.poll() is None, "the build ended before it could be killed"
        builder.kill()
        builder.wait()
    assert builder.returncode == -signal.SIGKILL
    assert leftovers(target)
    assert target.read_bytes() == before
    assert query(target, SEEN).row(0) == (1, 1, True)

    publish(target, 3)
    assert not leftovers(target)
    assert query(target, SEEN).row(0) == (3, 3, True)


def test_leftovers_of_another_warehouse_are_not_touched(tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb.17.building"
    other.write_text("somebody else is at work")
    publish(tmp_path / "trial.duckdb", 1)
    assert leftovers(tmp_path / "trial.duckdb") == [other]


def test_two_builders_wait_for_each_other(tmp_path: Path, repository: Path) -> None:
    target = tmp_path / "trial.duckdb"
    with python(repository, BUILDER, target) as builder:
        while not leftovers(target):
            assert builder.poll() is None
            time.sleep(0.005)
        publish(target, 3)
        assert builder.wait(timeout=60) == 0
    assert query(target, SEEN).row(0) == (3, 3, True)
    assert not leftovers(target)
