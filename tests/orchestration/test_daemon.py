"""The real daemon with its code server: a transfer is copied in, runs follow, and people are told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipeline.warehouse import query
from tests.orchestration.conftest import CUT_OFFS, STUDY

GIVE_UP = 240
"""Seconds; a quiet machine needs about a minute."""

# The study with one figure, as the other tests of the graph have it.
LOCATION = """
from pipeline.definitions import build_defs
from tests.orchestration.conftest import STUDY
defs = build_defs(STUDY)
"""


@contextmanager
def daemon(repository: Path, home: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Dagster's daemon over the definitions in `home`, in a process group of its own that ends with it."""
    (home / "location.py").write_text(LOCATION)
    command = [sys.executable, "-m", "dagster._daemon", "run", "-f", str(home / "location.py")]
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*command, "-d", str(repository)],
            cwd=repository,
            env=os.environ | {"PYTHONPATH": str(repository)},
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(happened: Callable[[], Any], what: str, log: Path) -> Any:
    give_up = time.monotonic() + GIVE_UP
    while not (found := happened()):
        assert time.monotonic() < give_up, f"{what} did not happen:\n{log.read_text()[-4000:]}"
        time.sleep(0.5)
    return found


@pytest.mark.slow
@pytest.mark.server
def test_a_transfer_that_is_copied_in_is_run_and_told_of(
    raw: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received, warehouse, home = tmp_path / "raw", tmp_path / "warehouse", tmp_path / "home"
    for folder in (received, warehouse / "dagster", home):
        folder.mkdir(parents=True)
    shutil.copy(repository / "dagster.yaml", home)
    shutil.copytree(raw / "restricted", received / "restricted")
    shutil.copy(raw / "treatment_codes.json", received)
    for name, value in {
        "DAGSTER_HOME": home,
        "PIPELINE_DAGSTER_STORAGE": warehouse / "dagster",
        "PIPELINE_RAW": received,
        "PIPELINE_WAREHOUSE": warehouse,
        "PIPELINE_AUTOMATION": "on",
        "PIPELINE_SENSOR_SECONDS": "1",
    }.items():
        monkeypatch.setenv(name, str(value))
    log, notifications = tmp_path / "daemon.log", warehouse / "notifications.jsonl"

    with dg.DagsterInstance.get() as instance, daemon(repository, home, log):

        def ticks() -> list[Any]:
            states = [s for s in instance.all_instigator_state() if s.instigator_name == "new_transfer"]
            return (
                list(instance.get_ticks(states[0].instigator_origin_id, states[0].selector_id))
                if states
                else []
            )

        def last_reason() -> str:
            return next((tick.skip_reason for tick in ticks() if tick.skip_reason), "")

        wait_for(lambda: "there is none yet" in last_reason(), "a first look at the empty folder", log)
        transfers = sorted(path.parent for path in raw.glob("*/transfer.json"))
        for folder in transfers:
            (received / folder.name).mkdir()
        # The manifest first, then form by form: the daemon looks while this goes on.
        for folder in transfers:
            shutil.copy(folder / "transfer.json", received / folder.name)
        wait_for(lambda: "is still being copied" in last_reason(), "a look at transfers half copied", log)
        assert instance.get_runs_count() == 0
        for folder in transfers:
            for file in folder.glob("*.csv"):
                shutil.copy(file, received / folder.name)

        def finished() -> list[dg.DagsterRun]:
            runs = instance.get_runs()
            return runs if len(runs) >= len(CUT_OFFS) and all(run.is_finished for run in runs) else []

        runs = wait_for(finished, "a run of every cut-off", log)
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}, log.read_text()[-4000:]
        assert sorted(run.tags["dagster/partition"] for run in runs) == CUT_OFFS
        lines = wait_for(
            lambda: (
                (told := notifications.read_text().splitlines() if notifications.exists() else [])
                and len([line for line in told if '"checks failed"' in line]) >= len(CUT_OFFS)
                and told
            ),
            "notifications of failed checks",
            log,
        )
        wait_for(lambda: "no new transfer" in last_reason(), "a look that finds nothing new", log)

    told = [json.loads(line) for line in lines]
    failed = [line for line in told if line["event"] == "checks failed"]
    assert {line["cut_off"]: line["run"] for line in failed} == {
        run.tags["dagster/partition"]: run.run_id for run in runs
    }
    # The trial is made up and not the paper's: that is the only error.
    assert [[check["check"] for check in line["checks"]] for line in failed] == [["verdicts"]] * len(CUT_OFFS)
    assert all(line["study"] == STUDY.id and line["checks"][0]["rows"] > 0 for line in failed)
    released = query(warehouse / f"{STUDY.name}.duckdb", "SELECT CUTOFF FROM meta.releases ORDER BY CUTOFF")
    assert [str(cut_off) for cut_off in released["CUTOFF"]] == CUT_OFFS
