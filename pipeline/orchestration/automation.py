"""What starts a run without anybody: the night and a new transfer. Both are off until switched on in the UI.

What does not belong here: what a run does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.folders import Folders
from pipeline.ingest.transfers import MANIFEST
from pipeline.study import Study

JOB = "study_job"


def study_job(study: Study) -> UnresolvedAssetJobDefinition:
    """Everything, for the cut-off that a run names: raw forms to release."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.all(),
        description=f"{study.title}: from raw forms to a release",
        tags={"study": study.name},
    )


def nightly(study: Study, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """All cut-offs at two o'clock in the morning."""

    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        night = context.scheduled_execution_time.date().isoformat()
        for cut_off in study.cut_offs:
            yield dg.RunRequest(run_key=f"{night} {cut_off.id}", partition_key=cut_off.id)

    return dg.ScheduleDefinition(
        name="nightly",
        job=job,
        cron_schedule="0 2 * * *",
        execution_fn=requests,
        description="The whole study, every cut-off, at 02:00",
    )


def reviews(study: Study, folders: Folders, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Twice a year the looks that have come due: blinded, both arms together, with the open report.

    It says how much information there is; the closed report is `pipeline monitor`'s, under a grant, and is
    refused before the first information of the plan.
    """

    def requests(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        today = context.scheduled_execution_time.date()
        waiting = [look for look in study.looks if not folders.staged("manifest", look.id, "json").is_file()]
        due = [look for look in waiting if look.date <= today]
        came = max((path.parent.name for path in folders.raw.glob(f"*/{MANIFEST}")), default="")
        ready = [look for look in due if look.id <= came]
        if ready:
            for look in ready:
                yield dg.RunRequest(run_key=f"review {look.id}", partition_key=look.id)
        elif due:
            yield dg.SkipReason(f"the look of {due[0].id} waits for a transfer of that day or later")
        elif waiting:
            yield dg.SkipReason(f"the next look is that of {waiting[0].id}")
        else:
            yield dg.SkipReason("every look of the plan has been opened")

    return dg.ScheduleDefinition(
        name="reviews",
        job=job,
        cron_schedule="0 6 1 1,7 *",
        execution_fn=requests,
        description="The looks that have come due, on the first of January and of July at 06:00",
    )


def new_transfer(study: Study, folders: Folders, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Every cut-off when a transfer has come that was not there at the last look."""

    @dg.sensor(
        name="new_transfer",
        job=job,
        minimum_interval_seconds=60,
        description="Runs the study when a folder with a transfer.json has come",
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not folders.raw.is_dir():
            yield dg.SkipReason(f"there is no folder {folders.raw}")
            return
        seen = json.loads(context.cursor) if context.cursor else []
        there = sorted(path.parent.name for path in folders.raw.glob(f"*/{MANIFEST}"))
        new = [name for name in there if name not in seen]
        if not new:
            newest = f"the newest is {there[-1]}" if there else "there is none yet"
            yield dg.SkipReason(f"no new transfer in {folders.raw}: {newest}")
            return
        for cut_off in study.cut_offs:
            yield dg.RunRequest(run_key=f"{'+'.join(new)} {cut_off.id}", partition_key=cut_off.id)
        context.update_cursor(json.dumps(there))

    return sensor
