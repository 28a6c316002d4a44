"""Dagster's records of old runs, pruned by one rule: of each cut-off the last KEPT finished runs stay.

So the newest records of every table stay, those of a look that was opened once, too. Without it the records
grow by about three megabytes with each run. What does not belong here: releases and the access log, which
are kept for ever.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import dagster as dg

KEPT = 30
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def prune(instance: dg.DagsterInstance, kept: int = KEPT) -> int:
    """Delete the records of finished runs but the last `kept` of each cut-off; how many were deleted.

    The last run of a cut-off that ended well always stays.
    """
    records = Path(instance.storage_directory()).parent
    seen: Counter[str | None] = Counter()
    good: set[str | None] = set()
    deleted = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=_FINISHED)):  # the newest first
        cut_off = run.tags.get("dagster/partition")
        seen[cut_off] += 1
        last_good = run.is_success and cut_off not in good
        if run.is_success:
            good.add(cut_off)
        if seen[cut_off] > kept and not last_good:
            instance.delete_run(run.run_id)
            _remove_files(records, run.run_id)
            deleted += 1
    return deleted


def _remove_files(records: Path, run_id: str) -> None:
    """What Dagster leaves of a deleted run: the file of its events, emptied, and its standard output."""
    for file in (records / "history" / "runs").glob(f"{run_id}.db*"):
        file.unlink(missing_ok=True)
    for folder in (records / run_id, records / "storage" / run_id):
        shutil.rmtree(folder, ignore_errors=True)
