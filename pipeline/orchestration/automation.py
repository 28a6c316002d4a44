"""What starts a run without anybody: the night, the looks that come due, a new transfer.

All are off until switched on in the UI, or from the start with PIPELINE_AUTOMATION=on. Where nothing is
started, they say why. What does not belong here: what a run does, who is told how it went
(`notifications.py`), when a transfer is whole (`pipeline.ingest.arrivals`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.folders import Folders, sha256
from pipeline.ingest.arrivals import Arrival, look_at
from pipeline.ingest.transfers import MANIFEST
from pipeline.orchestration.notifications import Hook, Settings
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


def shares(graph: dg.AssetGraph, cut_offs: Sequence[str]) -> Iterator[tuple[str, list[dg.AssetKey]]]:
    """What each run of a set makes: forms are read in the first, the release is made in the last."""
    keys = graph.materializable_asset_keys
    of_cut_off = {key for key in keys if graph.get(key).is_partitioned}
    release = {key for key in keys - of_cut_off if graph.get(key).parent_keys & of_cut_off}
    intake = keys - of_cut_off - release
    for cut_off in cut_offs:
        chosen = of_cut_off | (intake if cut_off == cut_offs[0] else set())
        chosen |= release if cut_off == cut_offs[-1] else set()
        yield cut_off, sorted(chosen)


def requests(graph: dg.AssetGraph, cut_offs: Sequence[str], key: str) -> Iterator[dg.RunRequest]:
    """One set of runs, a run per cut-off, each with its share of the graph.

    key: what the runs are for; a set of the same key is not run twice.
    """
    for cut_off, chosen in shares(graph, cut_offs):
        yield dg.RunRequest(run_key=f"{key} {cut_off}", partition_key=cut_off, asset_selection=chosen)


def nightly(study: Study, settings: Settings, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """All cut-offs at two o'clock in the morning."""

    def tick(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        night = context.scheduled_execution_time.date().isoformat()
        yield from requests(_graph(context), [cut_off.id for cut_off in study.cut_offs], night)

    return dg.ScheduleDefinition(
        name="nightly",
        job=job,
        cron_schedule="0 2 * * *",
        execution_fn=tick,
        description="The whole study, every cut-off, at 02:00",
        default_status=_schedule_status(settings),
    )


def reviews(
    study: Study, folders: Folders, settings: Settings, job: UnresolvedAssetJobDefinition
) -> dg.ScheduleDefinition:
    """Twice a year the looks that have come due: blinded, both arms together, with the open report.

    It says how much information there is; the closed report is `pipeline monitor`'s, under a grant, and is
    refused before the first information of the plan.
    """

    def tick(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        today = context.scheduled_execution_time.date()
        waiting = [look for look in study.looks if not folders.staged("manifest", look.id, "json").is_file()]
        due = [look for look in waiting if look.date <= today]
        came = max((path.parent.name for path in folders.raw.glob(f"*/{MANIFEST}")), default="")
        ready = [look.id for look in due if look.id <= came]
        if ready:
            yield from requests(_graph(context), ready, "review")
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
        execution_fn=tick,
        description="The looks that have come due, on the first of January and of July at 06:00",
        default_status=_schedule_status(settings),
    )


def new_transfer(
    study: Study, folders: Folders, settings: Settings, job: UnresolvedAssetJobDefinition
) -> dg.SensorDefinition:
    """Every cut-off, when a transfer has come whole that is not in the release.

    One that is still being copied is waited for, so that transfers that come together make one set of runs.
    One that is wrong is told once, until something in its folder changes.
    """
    hook = Hook(settings)

    @dg.sensor(
        name="new_transfer",
        job=job,
        minimum_interval_seconds=settings.every,
        description="Runs the study when a transfer has come whole: every file of its manifest, by hash",
        default_status=dg.DefaultSensorStatus.RUNNING if settings.on else dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not folders.raw.is_dir():
            yield dg.SkipReason(f"there is no folder {folders.raw}")
            return
        memory = json.loads(context.cursor) if context.cursor else {}
        before = {name: Arrival(**about) for name, about in memory.get("arrivals", {}).items()}
        asked = memory.get("asked", "")
        arrivals = look_at(folders.raw, study.forms, study.id, before)
        for name in _in_state(arrivals, "wrong"):
            if before.get(name) != arrivals[name]:
                undelivered = hook.tell(
                    event="transfer wrong", study=study.id, transfer=name, message=arrivals[name].faults
                )
                if undelivered:
                    context.log.error(undelivered)
        cut_offs = [cut_off.id for cut_off in study.cut_offs]
        released = _released(folders, cut_offs)
        new = [
            name for name in _in_state(arrivals, "whole") if (name, arrivals[name].manifest) not in released
        ]
        wanted = "+".join(f"{name}:{arrivals[name].manifest[:12]}" for name in new)
        if not new or _in_state(arrivals, "copied") or wanted == asked:
            yield dg.SkipReason(_why_nothing_runs(folders, arrivals, new))
        else:
            asked = wanted
            key = f"{'+'.join(new)} {sha256(wanted.encode())[:12]}"
            yield from requests(_graph(context), cut_offs, key)
        context.update_cursor(
            json.dumps({"arrivals": {n: asdict(a) for n, a in arrivals.items()}, "asked": asked})
        )

    return sensor


def _why_nothing_runs(folders: Folders, arrivals: Mapping[str, Arrival], new: Sequence[str]) -> str:
    copied, wrong = _in_state(arrivals, "copied"), _in_state(arrivals, "wrong")
    whole = _in_state(arrivals, "whole")
    told = [f"transfer {name} is still being copied: {arrivals[name].faults}" for name in copied]
    told += [f"transfer {name} is wrong, which was told: {arrivals[name].faults}" for name in wrong]
    if new and not copied:
        told.append(f"{', '.join(new)}: the runs were asked for, and are not asked for again by themselves")
    if not new:
        newest = f"the newest is {whole[-1]}" if whole else "there is none yet"
        told.append(f"no new transfer in {folders.raw}: {newest}")
    return "; ".join(told)


def _in_state(arrivals: Mapping[str, Arrival], state: str) -> list[str]:
    return [name for name, arrival in arrivals.items() if arrival.state == state]


def _released(folders: Folders, cut_offs: Sequence[str]) -> set[tuple[str, str]]:
    """The transfers, by name and hash of their manifest, that every released cut-off was made from."""
    known = []
    for cut_off in cut_offs:
        path = folders.releases / cut_off / "manifest.json"
        inputs = json.loads(path.read_bytes())["inputs"] if path.is_file() else {}
        known.append(
            {(name.split("/")[0], hash) for name, hash in inputs.items() if name.endswith(f"/{MANIFEST}")}
        )
    return set.intersection(*known)


def _graph(context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext) -> dg.AssetGraph:
    definitions = context.repository_def
    if definitions is None:
        raise dg.DagsterInvariantViolationError("Dagster gave no definitions to the tick")
    return definitions.asset_graph


def _schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if settings.on else dg.DefaultScheduleStatus.STOPPED
