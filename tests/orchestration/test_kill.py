"""A run killed at any moment leaves the old or the new release, and does not block the next run."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from pipeline.folders import exclusive
from pipeline.simulate import simulate_trial
from pipeline.warehouse import query
from tests.orchestration.conftest import CUT_OFFS, STUDY

CUT_OFF = CUT_OFFS[0]
OLD, NEW = 60, 75
"""Patients of the old and of the new trial: the number tells which release a warehouse holds."""


def start(repository: Path, raw: Path, warehouse: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.cli", "run", "--cutoff", CUT_OFF]
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


@pytest.mark.slow
def test_five_kills_leave_the_old_or_the_new_release(repository: Path, tmp_path: Path) -> None:
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
    for _ in range(5):
        process = start(repository, tmp_path / str(NEW), warehouse)
        time.sleep(moments.uniform(0.05, 1) * lasts)
        process.kill()
        process.communicate()
        assert released(warehouse) in (OLD, NEW)

    last = start(repository, tmp_path / str(NEW), warehouse)
    output, _ = last.communicate()
    assert last.returncode == 0, output
    assert released(warehouse) == NEW
    assert not list(warehouse.glob("*.building*"))


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
