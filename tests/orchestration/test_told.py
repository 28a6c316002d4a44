"""What leaves a failed run: log and notification name rules, counts and keys, never a patient's value."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from pipeline.definitions import build_defs
from pipeline.folders import Folders, sha256, write
from pipeline.orchestration.automation import JOB
from pipeline.orchestration.notifications import RETRY_TAG
from pipeline.study import Frames, Study
from tests.orchestration.conftest import CUT_OFFS, STUDY
from tests.orchestration.test_atomic_replace import python

IN_A_FORM, IN_A_TABLE = "canary-in-a-form", "canary-in-a-table"
"""Values of patients: each stands in a row that is turned away."""


@dataclass(frozen=True)
class Ran:
    """A run: its log and what it printed, and if it failed, what the sensor then asked for and wrote."""

    result: dg.ExecuteInProcessResult
    log: str
    printed: str
    asked: list[dg.RunRequest]
    notifications: list[dict[str, Any]]


def run(study: Study, folders: Folders, *, upstream: bool = False, tags: dict[str, str] | None = None) -> Ran:
    """Make SDTM.AE, or all it stands on, with the console's log on; then tick the sensor of failed runs."""
    definitions = build_defs(study, folders.raw, folders.restricted, folders.warehouse)
    graph = definitions.resolve_asset_graph()
    made = {dg.AssetKey("sdtm_ae")}
    if upstream:
        above = dg.AssetSelection.assets("sdtm_ae").upstream(include_self=False).resolve(graph)
        made = {key for one in above for key in graph.get(one).execution_set_asset_keys}
    notifications = folders.warehouse / "notifications.jsonl"
    notifications.unlink(missing_ok=True)
    asked: list[dg.RunRequest] = []
    with dg.DagsterInstance.ephemeral() as instance, io.StringIO() as printed:
        with redirect_stdout(printed), redirect_stderr(printed):
            result = definitions.resolve_job_def(JOB).execute_in_process(
                instance=instance,
                partition_key=CUT_OFFS[0],
                asset_selection=sorted(made),
                tags=tags,
                raise_on_error=False,
            )
        log = "\n".join(dg.serialize_value(entry) for entry in instance.all_logs(result.run_id))
        for event in result.all_events:
            if event.event_type == dg.DagsterEventType.RUN_FAILURE:
                context = dg.build_run_status_sensor_context(
                    sensor_name="failed_runs",
                    dagster_event=event,
                    dagster_instance=instance,
                    dagster_run=result.dagster_run,
                    partition_key=CUT_OFFS[0],
                )
                said = definitions.resolve_sensor_def("failed_runs")(context)
                asked = [one for one in said if isinstance(one, dg.RunRequest)]
        lines = notifications.read_text().splitlines() if notifications.exists() else []
        return Ran(result, log, printed.getvalue(), asked, [json.loads(line) for line in lines])


@pytest.fixture(scope="module")
def folders(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The trial, with a patient's value in a cell of a form where it does not belong."""
    folder = tmp_path_factory.mktemp("told")
    shutil.copytree(raw, folder / "raw")
    transfer = sorted(path.parent for path in (folder / "raw").glob("*/transfer.json"))[0]
    form = transfer / "death.csv"
    header, first, *rest = form.read_text().splitlines(keepends=True)
    form.write_text(header + first.replace(STUDY.id, IN_A_FORM, 1) + "".join(rest))
    manifest = json.loads((transfer / "transfer.json").read_text())
    manifest["files"]["death.csv"]["sha256"] = sha256(form.read_bytes())
    write(transfer / "transfer.json", json.dumps(manifest).encode())
    return Folders(folder / "raw", folder / "raw" / "restricted", folder / "warehouse")


@pytest.fixture(scope="module")
def before(folders: Folders) -> Ran:
    """The run of all that SDTM.AE stands on, which is in the stage afterwards."""
    return run(STUDY, folders, upstream=True)


def spoiled(spoil: Callable[[pl.DataFrame], pl.DataFrame]) -> Study:
    """The study with adverse events that come out wrong."""

    def wrong(build: Callable[[Frames], pl.DataFrame]) -> Callable[[Frames], pl.DataFrame]:
        return lambda forms: spoil(build(forms))

    domains = [dataclasses.replace(d, build=wrong(d.build)) if d.name == "ae" else d for d in STUDY.domains]
    return dataclasses.replace(STUDY, domains=tuple(domains))


def test_values_of_a_failing_row_reach_neither_log_nor_notification(folders: Folders, before: Ran) -> None:
    assert before.result.success
    quarantined = pl.read_parquet(folders.staged("quality_quarantine"))
    assert quarantined["TEXT"].str.contains(IN_A_FORM).sum() == 1
    assert "study_id_isin" in before.printed  # the console was on
    assert "study_id_isin" in before.log

    study = spoiled(lambda rows: rows.with_columns(AETERM=pl.lit(IN_A_TABLE), AETOXGR=pl.lit("9")))
    failed = run(study, folders)
    assert not failed.result.success
    assert "AETOXGR_isin" in failed.printed
    assert "AETOXGR_isin" in failed.log
    texts = [before.log, before.printed, failed.log, failed.printed, json.dumps(failed.notifications)]
    assert [text.count(IN_A_FORM) + text.count(IN_A_TABLE) for text in texts] == [0] * len(texts)
    print(f"\n2 values of patients: 0 times in {sum(map(len, texts)):,} characters of logs and notifications")

    (told,) = failed.notifications
    assert (told["event"], told["study"], told["cut_off"]) == ("run failed", STUDY.id, CUT_OFFS[0])
    assert (told["run"], told["step"]) == (failed.result.run_id, "sdtm_ae")
    assert told["message"] == "nothing was written, because rules are broken"
    assert [(check["asset"], check["check"]) for check in told["checks"]] == [("sdtm_ae", "AETOXGR_isin")]
    assert told["checks"][0]["rows"] > 0
    assert "USUBJID" not in json.dumps(told)
    assert failed.asked == []
    assert told["next"] == "it is not run again by itself"


def test_what_nobody_foresaw_is_told_by_its_kind_alone(folders: Folders, before: Ran) -> None:
    def fault(rows: pl.DataFrame) -> pl.DataFrame:
        raise ZeroDivisionError(IN_A_TABLE)

    failed = run(spoiled(fault), folders)
    (told,) = failed.notifications
    assert told["message"].startswith("ZeroDivisionError, which was not foreseen")
    assert IN_A_TABLE not in json.dumps(told)
    assert failed.asked == []


def test_a_transient_fault_is_run_again_twice_and_no_more(folders: Folders, before: Ran) -> None:
    def fault(rows: pl.DataFrame) -> pl.DataFrame:
        raise OSError(5, "Input/output error")

    first = run(spoiled(fault), folders)
    (again,) = first.asked
    assert (again.partition_key, again.tags) == (CUT_OFFS[0], {RETRY_TAG: "1"})
    assert set(again.asset_selection) == set(first.result.dagster_run.asset_selection)
    assert first.notifications[-1]["next"] == "it is run again (1 of 2)"
    last = run(spoiled(fault), folders, tags={RETRY_TAG: "2"})
    assert last.asked == []
    assert last.notifications[-1]["next"] == "it is not run again by itself"


def test_a_warehouse_in_use_is_waited_for(folders: Folders, before: Ran, repository: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from pipeline.folders import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with python(repository, hold, folders.warehouse) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        failed = run(STUDY, folders)
    assert f"another run (process {holder.pid}) writes to" in failed.notifications[-1]["message"]
    assert [one.partition_key for one in failed.asked] == [CUT_OFFS[0]]
    assert run(STUDY, folders).result.success
