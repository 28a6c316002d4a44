"""Tells people: a run that failed, a check that failed with an error, a transfer that is wrong.

Every notification is a line of JSON in one file, and where a webhook is configured the same goes there. It
holds study, cut-off, run, asset, check, counts and a sentence; never a row, a key of a row, or an arm. What
does not belong here: what is checked, what starts a run (`automation.py`).
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster_shared.error import SerializableErrorInfo

from pipeline.folders import Folders
from pipeline.study import Study

RETRIES = 2
RETRY_TAG = "pipeline/retry"
TRANSIENT = {errno.EAGAIN, errno.EINTR, errno.EIO, errno.EBUSY, errno.ETIMEDOUT, errno.ESTALE}
"""Faults of a disk or a network that may be over in a minute. A full or read-only disk is not one."""
_OS_ERRORS = {"OSError", "BlockingIOError", "InterruptedError", "TimeoutError"}


class SettingsError(ValueError):
    """An environment variable that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What the environment says about automation.

    on: sensors and schedules are on from the start (PIPELINE_AUTOMATION). every: seconds between two looks
    of a sensor (PIPELINE_SENSOR_SECONDS). file, url: where notifications go (PIPELINE_NOTIFY_FILE,
    `notifications.jsonl` in the warehouse; PIPELINE_NOTIFY_URL, none).
    """

    on: bool
    every: int
    file: Path
    url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], folders: Folders) -> Settings:
        """Raises SettingsError."""
        switch = environment.get("PIPELINE_AUTOMATION") or "off"
        if switch not in ("on", "off"):
            raise SettingsError(f"PIPELINE_AUTOMATION is {switch!r}: on or off")
        every = environment.get("PIPELINE_SENSOR_SECONDS") or "60"
        if not every.isdecimal() or not int(every):
            raise SettingsError(f"PIPELINE_SENSOR_SECONDS is {every!r}: a whole number of seconds")
        url = environment.get("PIPELINE_NOTIFY_URL") or ""
        if url and urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise SettingsError("PIPELINE_NOTIFY_URL is not an address that begins with http:// or https://")
        file = environment.get("PIPELINE_NOTIFY_FILE") or folders.warehouse / "notifications.jsonl"
        return cls(switch == "on", int(every), Path(file), url)


class Hook:
    """The one place through which the pipeline tells people something."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def tell(self, **about: Any) -> str | None:
        """Append the notification to the file, then send it; why it could not be sent, or None."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        line = (json.dumps({"at": now, **about}, ensure_ascii=False) + "\n").encode()
        self._settings.file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._settings.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        return _send(self._settings.url, line) if self._settings.url else None


def _send(url: str, line: bytes) -> str | None:
    request = urllib.request.Request(url, line, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10):
            return None
    except (OSError, ValueError) as error:
        # The address may hold a token of the receiver: only the kind of fault is told.
        return f"the webhook did not take the notification ({type(error).__name__}); it stands in the file"


def build_notifications(
    study: Study, settings: Settings, job: UnresolvedAssetJobDefinition
) -> list[dg.SensorDefinition]:
    """The sensors that tell of failed runs (and try again what was transient) and of failed checks."""
    hook = Hook(settings)
    status = dg.DefaultSensorStatus.RUNNING if settings.on else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="failed_runs",
        description="Tells of a run that failed; what was transient is run again, at most twice",
        monitored_jobs=[job],
        request_job=job,
        minimum_interval_seconds=settings.every,
        default_status=status,
    )
    def failed_runs(context: dg.RunFailureSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        run, errors = context.dagster_run, list(_errors(context))
        attempt = int(run.tags.get(RETRY_TAG, "0"))
        again = is_transient(errors) and attempt < RETRIES
        cut_off = run.tags.get("dagster/partition")
        undelivered = hook.tell(
            event="run failed",
            study=study.id,
            cut_off=cut_off,
            run=run.run_id,
            step=_step(context),
            message=message(errors) or "the run ended before its first step failed, or its process is gone",
            checks=failed_checks(context.instance, run.run_id),
            next=f"it is run again ({attempt + 1} of {RETRIES})"
            if again
            else "it is not run again by itself",
        )
        if undelivered:
            context.log.error(undelivered)
        if again:
            yield dg.RunRequest(
                run_key=f"{run.root_run_id or run.run_id} again {attempt + 1}",
                partition_key=cut_off,
                tags={RETRY_TAG: str(attempt + 1)},
                asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
            )
        else:
            yield dg.SkipReason(f"run {run.run_id} is not run again: its fault is not a transient one")

    @dg.run_status_sensor(
        name="failed_checks",
        description="Tells of checks that failed with an error in a run that otherwise went on",
        monitored_jobs=[job],
        run_status=dg.DagsterRunStatus.SUCCESS,
        minimum_interval_seconds=settings.every,
        default_status=status,
    )
    def checks(context: dg.RunStatusSensorContext) -> dg.SkipReason:
        run = context.dagster_run
        found = failed_checks(context.instance, run.run_id)
        if not found:
            return dg.SkipReason(f"run {run.run_id}: no check failed with an error")
        undelivered = hook.tell(
            event="checks failed",
            study=study.id,
            cut_off=run.tags.get("dagster/partition"),
            run=run.run_id,
            message=f"{len(found)} check{'s' if len(found) > 1 else ''} failed; the run went on",
            checks=found,
        )
        if undelivered:
            context.log.error(undelivered)
        return dg.SkipReason(f"run {run.run_id}: told of {len(found)} failed checks")

    return [failed_runs, checks]


def failed_checks(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, Any]]:
    """The checks of a run that failed with an error: asset, check, how many rows; no key of a row."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = (entry.get_dagster_event().asset_check_evaluation_data for entry in events)
    return [
        {
            "asset": found.asset_key.to_user_string(),
            "check": found.check_name,
            "rows": rows.value if (rows := found.metadata.get("failing_rows")) else None,
        }
        for found in evaluations
        if not found.passed and found.severity == dg.AssetCheckSeverity.ERROR
    ]


def is_transient(errors: Iterable[SerializableErrorInfo]) -> bool:
    """Whether another run had the warehouse, or a disk or network failed for the moment; never data."""
    for error in errors:
        if error.cls_name == "WarehouseInUse":
            return True
        number = re.search(r"\[Errno (\d+)\]", error.message)
        if error.cls_name in _OS_ERRORS and number and int(number[1]) in TRANSIENT:
            return True
    return False


def message(errors: Iterable[SerializableErrorInfo]) -> str:
    """The sentence of the fault that we raised ourselves; of any other only its kind, empty without one.

    The text of an exception nobody foresaw may hold a patient's value. Of ours the first line is told: the
    lines after it may name the keys of rows.
    """
    told = list(errors)
    for error in told:
        text = error.message.strip().partition(": ")[2].splitlines()
        if error.cls_name in ("Failure", "WarehouseInUse", *_OS_ERRORS) and text:
            return text[0].rstrip(":")
    if not told:
        return ""
    return f"{told[-1].cls_name or 'an exception'}, which was not foreseen: the run's own log has the text"


def _errors(context: dg.RunFailureSensorContext) -> Iterator[SerializableErrorInfo]:
    """The exceptions behind a failure, outermost first: those of its first step that failed, or its own."""
    steps = [event.step_failure_data.error for event in context.get_step_failure_events()]
    error = steps[0] if steps else context.failure_event.job_failure_data.error
    while error:
        yield error
        error = error.cause


def _step(context: dg.RunFailureSensorContext) -> str | None:
    steps = context.get_step_failure_events()
    return steps[0].step_key if steps else None
