"""A run killed at any moment leaves the old or the new release, and does not block the next run.

Readers ask the warehouse all the while. `tests/soak.py` does the same two hundred times, with twenty readers.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from pipeline.folders import exclusive
from pipeline.simulate import simulate_trial
from pipeline.warehouse import query
from tests.orchestration.conftest import CUT_OFFS, STUDY
from tests.orchestration.test_atomic_replace import python

CUT_OFF = CUT_OFFS[0]
OLD, NEW = 60, 75
"""Patients of the old and of the new trial: the number tells which release a warehouse holds."""


def start(repository: Path, raw: Path, warehouse: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.cli", "run", "--again", "--cutoff", CUT_OFF]
    return subprocess.Popen(
        [*command, "--raw", str(raw), "--warehouse", str(warehouse)],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def released(warehouse: Path) -> int:
    """The patients in the release, after a look at whether all of it belongs together."""
    file = warehouse / f"{STUDY.name}.duckdb"
    manifest = query(file, "SELECT MANIFEST FROM meta.releases").item()
    rows = query(file, "SELECT count(*) FROM adam.adsl").item()
    sealed = pl.Series([manifest]).str.json_path_match("$.tables.adam_adsl.rows").cast(pl.Int64).item()
    registered = query(file, "SELECT count(DISTINCT patient_id) FROM raw.registration").item()
    counted = query(file, "SELECT row_count FROM meta.tables WHERE table_name = 'adsl'").item()
    assert rows == sealed == counted
    assert registered in (OLD, NEW)
    assert (registered == NEW) == (rows > OLD)
    return int(registered)


READS = """
SELECT (SELECT count(*) FROM adam.adsl) AS subjects,
       (SELECT row_count FROM meta.tables WHERE table_name = 'adsl') AS told,
       (SELECT count(DISTINCT patient_id) FROM raw.registration) AS registered
"""

# Asks until its standard input closes; at the end how often it read, the errors, and the half states.
READER = """
import json, sys, threading, time
from pathlib import Path
from pipeline.warehouse import WarehouseError, query
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
reads, errors, halves, whole = 0, [], [], json.loads(sys.argv[3])
while not stop.wait(float(sys.argv[4])):
    try:
        subjects, told, registered = query(Path(sys.argv[1]), sys.argv[2]).row(0)
    except WarehouseError as error:
        errors.append(str(error))
        continue
    reads += 1
    if subjects != told or registered not in whole:
        halves.append((subjects, told, registered))
print(json.dumps([reads, errors, halves]))
"""


@dataclass
class Read:
    """What readers saw: how often they read, what went wrong, and states that are of no release."""

    processes: int
    reads: int = 0
    errors: list[str] = field(default_factory=list)
    halves: list[list[int]] = field(default_factory=list)


@contextmanager
def readers(repository: Path, warehouse: Path, count: int, every: float) -> Iterator[Read]:
    """So many processes that read the release again and again, until the block ends."""
    seen = Read(count)
    told = [warehouse / f"{STUDY.name}.duckdb", READS, json.dumps([OLD, NEW]), every]
    with ExitStack() as open_ones:
        running = [open_ones.enter_context(python(repository, READER, *told)) for _ in range(count)]
        yield seen
        for process in running:
            output, _ = process.communicate()
            assert process.returncode == 0
            reads, errors, halves = json.loads(output)
            seen.reads += reads
            seen.errors += errors
            seen.halves += halves


def statuses(repository: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the runs of a warehouse ended, the newest first."""
    monkeypatch.setenv("DAGSTER_HOME", str(repository))
    monkeypatch.setenv("PIPELINE_DAGSTER_STORAGE", str(warehouse / "dagster"))
    with dg.DagsterInstance.get() as instance:
        return [run.status.value for run in instance.get_runs()]


@pytest.mark.slow
def test_kills_leave_the_old_or_the_new_release_to_every_reader(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "warehouse"
    for patients in (OLD, NEW):
        simulate_trial(patients, patients, tmp_path / str(patients), clean=True)  # patients are counted
    began = time.monotonic()
    first = start(repository, tmp_path / str(OLD), warehouse)
    output, _ = first.communicate()
    assert first.returncode == 0, output
    lasts = time.monotonic() - began
    assert released(warehouse) == OLD

    moments = random.Random(20091217)
    with readers(repository, warehouse, count=3, every=0.5) as seen:
        for _ in range(5):
            process = start(repository, tmp_path / str(NEW), warehouse)
            time.sleep(moments.uniform(0.05, 1) * lasts)
            process.kill()
            process.communicate()
            assert released(warehouse) in (OLD, NEW)

        asked_to_end = start(repository, tmp_path / str(NEW), warehouse)
        assert asked_to_end.stdout is not None
        while not (line := asked_to_end.stdout.readline()).startswith(CUT_OFF):
            assert line, "the run ended before it could be asked to"
        asked_to_end.terminate()
        output, _ = asked_to_end.communicate(timeout=60)
        assert asked_to_end.returncode == 1
        assert "Traceback" not in output
        assert statuses(repository, warehouse, monkeypatch)[0] in ("FAILURE", "CANCELED")
        with exclusive(warehouse):  # the lock is free
            assert released(warehouse) in (OLD, NEW)

        last = start(repository, tmp_path / str(NEW), warehouse)
        output, _ = last.communicate()
        assert last.returncode == 0, output
    assert released(warehouse) == NEW
    assert not list(warehouse.glob("*.building*"))
    ended = Counter(statuses(repository, warehouse, monkeypatch))
    assert set(ended) <= {"SUCCESS", "FAILURE", "CANCELED"}
    assert (seen.errors, seen.halves) == ([], [])
    assert seen.reads > 10 * seen.processes
    print(
        f"\n5 runs killed, 1 terminated; runs {dict(ended)}; {seen.processes} readers read "
        f"{seen.reads} times: 0 errors, 0 half states"
    )


def test_two_runs_of_one_warehouse_do_not_mix(repository: Path, tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", tmp_path / "warehouse"
    (raw / "2009-06-30").mkdir(parents=True)
    (raw / "2009-06-30" / "transfer.json").write_text("{}")
    with exclusive(warehouse):
        process = start(repository, raw, warehouse)
        output, _ = process.communicate()
    assert process.returncode == 1
    assert f"another run (process {os.getpid()}) writes to {warehouse}" in output
    assert "Traceback" not in output
