"""Runs a study's graph in this process and tells how it goes.

What does not belong here: the graph, what is printed where.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.events.log import EventLogEntry

from pipeline.folders import Folders, exclusive
from pipeline.orchestration.automation import JOB, shares

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class FailedCheck:
    """A check that did not pass: of which asset, at which cut-off, on how many rows; error or warning."""

    asset: str
    name: str
    cut_off: str | None
    rows: int
    error: bool


class RunFailed(Exception):
    """A step failed; the message says which and why, and the last release is as it was."""


def run_study(
    definitions: dg.Definitions,
    folders: Folders,
    cut_offs: Sequence[str],
    home: Path,
    report: Callable[[str, str], None],
    config: Mapping[str, Any] | None = None,
    finished: Callable[[], None] | None = None,
) -> list[FailedCheck]:
    """Run the study's job once per cut-off; gives the checks that did not pass.

    The forms are read in the first run and the release is made in the last. home: the folder of
    dagster.yaml. report: told the cut-off and the group of assets each time a group has its first table.
    config: of the run, as the Dagster launchpad takes it. finished: called when all is released, while the
    warehouse is still held. Raises RunFailed and WarehouseInUse.
    """
    with (
        _disk_faults_told(folders),
        _rare_collections(),
        exclusive(folders.warehouse),
        _instance(home, folders.warehouse) as instance,
    ):
        job, graph = definitions.resolve_job_def(JOB), definitions.resolve_asset_graph()
        failed = []
        for cut_off, chosen in shares(graph, cut_offs):
            run_id = str(uuid4())
            instance.add_event_listener(run_id, _reporter(graph, partial(report, cut_off)))
            result = job.execute_in_process(
                instance=instance,
                partition_key=cut_off,
                asset_selection=chosen,
                run_id=run_id,
                raise_on_error=False,
                run_config={**QUIET, **(config or {})},
            )
            if not result.success:
                raise RunFailed(f"cut-off {cut_off}: {_reason(result)}")
            failed += [_failed(found) for found in result.get_asset_check_evaluations() if not found.passed]
        if finished:
            finished()
        return failed


@contextmanager
def _disk_faults_told(folders: Folders) -> Iterator[None]:
    """A disk that is full or read-only ends a run in a sentence; Dagster's own records stand on it too.

    Dagster writes lines of its own about that to standard error; they are shown where anything else ends
    the run.
    """
    from sqlalchemy.exc import DatabaseError

    held = io.StringIO()
    try:
        with redirect_stderr(held):
            yield
    except OSError as error:
        raise RunFailed(f"{folders.warehouse} cannot be written: {error.strerror or error}") from None
    except DatabaseError as error:
        raise RunFailed(f"{folders.warehouse} cannot be written: Dagster's records: {error.orig}") from None
    except BaseException:
        sys.stderr.write(held.getvalue())
        raise
    else:
        sys.stderr.write(held.getvalue())


@contextmanager
def _rare_collections() -> Iterator[None]:
    """The garbage collector leaves alone what is loaded by now, and looks less often at what a run makes."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@contextmanager
def _instance(home: Path, warehouse: Path) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of this warehouse; that of the repository's own is what `make ui` shows."""
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["PIPELINE_DAGSTER_STORAGE"] = str(warehouse / "dagster")
    # What a run plans, more than a thousand events, is written in batches.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")
    with dg.DagsterInstance.get() as instance:
        # We hold the warehouse: what still counts as running here was killed.
        for left in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
            instance.report_run_failed(left, "its process is gone")
        yield instance


def _reporter(graph: dg.AssetGraph, report: Callable[[str], None]) -> Callable[[EventLogEntry], None]:
    """A listener that tells each group of assets once, when its first table is there."""
    told: set[str] = set()

    def listen(event: EventLogEntry) -> None:
        made = event.dagster_event
        if made is None or not made.is_step_materialization or made.asset_key is None:
            return
        group = graph.get(made.asset_key).group_name
        if group not in told:
            told.add(group)
            report(group)

    return listen


def _failed(found: dg.AssetCheckEvaluation) -> FailedCheck:
    about = {name: value.value for name, value in found.metadata.items()}
    return FailedCheck(
        found.asset_key.to_user_string(),
        found.check_name,
        str(about["cut_off"]) if "cut_off" in about else None,
        int(str(about.get("failing_rows", 0))),
        found.severity == dg.AssetCheckSeverity.ERROR,
    )


def _reason(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, in the words of the step that did, without the stack."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data:
                return f"{event.step_key}: {data.user_failure_data.description}"
            error = data.error
            while error and error.cause:
                error = error.cause
            told = error.message.strip().splitlines()[0] if error else "failed"
            return f"{event.step_key}: {told} (the Dagster UI has the rest, run {result.run_id})"
    return "the run failed before its first step"
