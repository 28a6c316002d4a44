"""What starts a run by itself, and who is told: the night, the looks, a new transfer, failures."""

from __future__ import annotations

import datetime as dt
import errno
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo

from pipeline.definitions import build_defs
from pipeline.folders import Folders, WarehouseInUse, sha256
from pipeline.orchestration.notifications import Hook, Settings, SettingsError, is_transient, message
from tests.orchestration.conftest import CUT_OFFS, STUDY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def definitions(folder: Path, tmp_path: Path) -> dg.Definitions:
    return build_defs(raw=folder, warehouse=tmp_path / "warehouse")


@pytest.fixture
def look(definitions: dg.Definitions) -> Callable[[], Any]:
    """What the sensor says at its next look: it remembers those before, as it does under the daemon."""
    sensor, last = definitions.resolve_sensor_def("new_transfer"), {"cursor": None}

    def tick() -> Any:
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(
                instance=instance, cursor=last["cursor"], definitions=definitions
            )
            said = sensor.evaluate_tick(context)
        last["cursor"] = said.cursor or last["cursor"]
        return said

    return tick


def receive(folder: Path, name: str, content: str = "patient_id\n", stated: str | None = None) -> None:
    """A transfer of one form without rows; stated: what its manifest has the hash of, if not that."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "death.csv").write_text(content)
    files = {"death.csv": {"rows": 0, "sha256": sha256((stated or content).encode())}}
    manifest = {"study": STUDY.id, "transfer": name, "files": files}
    (folder / name / "transfer.json").write_text(json.dumps(manifest))


def told(tmp_path: Path) -> list[dict[str, Any]]:
    """The notifications so far."""
    file = tmp_path / "warehouse" / "notifications.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_new_transfer_starts_every_cut_off_once(look: Callable[[], Any], folder: Path) -> None:
    receive(folder, "2009-06-30")
    first = look()
    assert [request.partition_key for request in first.run_requests] == CUT_OFFS
    again = look()
    assert again.run_requests == []
    assert again.skip_message.startswith("2009-06-30: the runs were asked for")
    receive(folder, "2009-12-17")
    later = look()
    assert len(later.run_requests) == len(CUT_OFFS)
    assert not {r.run_key for r in later.run_requests} & {r.run_key for r in first.run_requests}


def test_forms_are_read_in_the_first_run_and_released_in_the_last(
    look: Callable[[], Any], folder: Path, definitions: dg.Definitions
) -> None:
    receive(folder, "2009-06-30")
    chosen = [{key.to_user_string() for key in request.asset_selection} for request in look().run_requests]
    assert ["transfers" in assets for assets in chosen] == [True, False]
    assert ["release" in assets for assets in chosen] == [False, True]
    assert all("adam_adtte" in assets for assets in chosen)
    every = definitions.resolve_asset_graph().materializable_asset_keys
    assert set.union(*chosen) == {key.to_user_string() for key in every}


def test_two_transfers_at_once_are_one_set_of_runs(look: Callable[[], Any], folder: Path) -> None:
    receive(folder, "2009-06-30")
    receive(folder, "2009-12-17")
    requests = look().run_requests
    assert [request.partition_key for request in requests] == CUT_OFFS
    assert all("2009-06-30+2009-12-17" in request.run_key for request in requests)


def test_what_is_in_the_release_is_not_run_again(
    look: Callable[[], Any], folder: Path, tmp_path: Path
) -> None:
    receive(folder, "2009-06-30")
    manifest = sha256((folder / "2009-06-30" / "transfer.json").read_bytes())
    for cut_off in CUT_OFFS:
        made = tmp_path / "warehouse" / "releases" / cut_off / "manifest.json"
        made.parent.mkdir(parents=True)
        made.write_text(json.dumps({"inputs": {"2009-06-30/transfer.json": manifest}}))
    assert look().skip_message == f"no new transfer in {folder}: the newest is 2009-06-30"
    receive(folder, "2009-06-30", "patient_id\n\n")
    assert len(look().run_requests) == len(CUT_OFFS)


def test_a_transfer_that_is_still_being_copied_is_waited_for(
    look: Callable[[], Any], folder: Path, tmp_path: Path
) -> None:
    receive(folder, "2009-06-30")
    receive(folder, "2009-12-17")
    form, manifest = folder / "2009-12-17" / "death.csv", folder / "2009-12-17" / "transfer.json"
    data, listed = form.read_bytes(), manifest.read_bytes()
    form.unlink()
    manifest.unlink()
    reasons = {
        "transfer.json is missing": lambda: None,
        "death.csv is missing": lambda: manifest.write_bytes(listed),
        "death.csv has another sha256 than its manifest states": lambda: form.write_bytes(data[:4]),
    }
    for reason, copy in reasons.items():
        copy()
        waits = look()
        assert waits.run_requests == []
        assert waits.skip_message == f"transfer 2009-12-17 is still being copied: {reason}"
    form.write_bytes(data)
    requests = look().run_requests
    assert [request.partition_key for request in requests] == CUT_OFFS
    assert "2009-06-30+2009-12-17" in requests[0].run_key
    assert told(tmp_path) == []


def test_a_wrong_transfer_is_told_once_and_holds_up_no_other(
    look: Callable[[], Any], folder: Path, tmp_path: Path
) -> None:
    receive(folder, "2009-06-30", stated="something else")
    fault = "death.csv has another sha256 than its manifest states"
    assert "is still being copied" in look().skip_message
    for _ in range(3):
        assert look().skip_message.startswith(f"transfer 2009-06-30 is wrong, which was told: {fault}")
    (line,) = told(tmp_path)
    assert (line["event"], line["transfer"], line["message"]) == ("transfer wrong", "2009-06-30", fault)
    receive(folder, "2009-12-17")
    assert "2009-12-17" in look().run_requests[0].run_key
    receive(folder, "2009-06-30")
    mended = look()
    assert "2009-06-30+2009-12-17" in mended.run_requests[0].run_key
    assert len(told(tmp_path)) == 1


def test_a_missing_folder_is_told_in_words(look: Callable[[], Any], folder: Path) -> None:
    assert look().skip_message == f"there is no folder {folder}"


def test_every_night_all_cut_offs_run(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("nightly")
    assert schedule.cron_schedule == "0 2 * * *"
    with dg.DagsterInstance.ephemeral() as instance:
        night = dt.datetime(2012, 3, 1, 2, tzinfo=dt.UTC)
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=night,
            repository_def=definitions.get_repository_def(),
        )
        requests = schedule.evaluate_tick(context).run_requests
    assert [request.partition_key for request in requests] == CUT_OFFS
    assert len({request.run_key for request in requests}) == len(CUT_OFFS)


def reviews(definitions: dg.Definitions, day: dt.date) -> object:
    """What the schedule of the reviews says on a day."""
    schedule = definitions.resolve_schedule_def("reviews")
    assert schedule.cron_schedule == "0 6 1 1,7 *"
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=dt.datetime(day.year, day.month, day.day, 6, tzinfo=dt.UTC),
            repository_def=definitions.get_repository_def(),
        )
        return schedule.evaluate_tick(context)


def test_looks_that_are_due_are_opened_twice_a_year(
    definitions: dg.Definitions, folder: Path, tmp_path: Path
) -> None:
    assert reviews(definitions, dt.date(2009, 1, 1)).skip_message == "the next look is that of 2009-06-30"
    late = reviews(definitions, dt.date(2009, 7, 1))
    assert late.skip_message == "the look of 2009-06-30 waits for a transfer of that day or later"
    receive(folder, "2009-06-30")
    due = reviews(definitions, dt.date(2009, 7, 1)).run_requests
    assert [request.partition_key for request in due] == ["2009-06-30"]
    sealed = tmp_path / "warehouse" / "stage" / "manifest"
    sealed.mkdir(parents=True)
    (sealed / "2009-06-30.json").write_text("{}")
    receive(folder, "2009-12-17")
    due = reviews(definitions, dt.date(2010, 1, 1)).run_requests
    assert [request.partition_key for request in due] == ["2009-09-30", "2009-11-30"]
    for look in ("2009-09-30", "2009-11-30"):
        (sealed / f"{look}.json").write_text("{}")
    done = reviews(definitions, dt.date(2010, 7, 1))
    assert done.skip_message == "every look of the plan has been opened"


def test_the_release_is_expected_to_be_fresh(definitions: dg.Definitions) -> None:
    expected = definitions.resolve_asset_graph().get(dg.AssetKey("release")).freshness_policy
    assert expected == dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(hours=50), warn_window=dt.timedelta(hours=26)
    )


def settings(tmp_path: Path, **environment: str) -> Settings:
    folders = Folders(tmp_path / "raw", tmp_path / "restricted", tmp_path / "warehouse")
    return Settings.from_environment(environment, folders)


def test_sensors_are_off_unless_the_environment_says_on(tmp_path: Path) -> None:
    assert not settings(tmp_path).on
    assert settings(tmp_path, PIPELINE_AUTOMATION="on").on
    wrong = {
        "PIPELINE_AUTOMATION": "yes",
        "PIPELINE_SENSOR_SECONDS": "often",
        "PIPELINE_NOTIFY_URL": "file:///etc/passwd",
    }
    for variable, value in wrong.items():
        with pytest.raises(SettingsError, match=variable):
            settings(tmp_path, **{variable: value})


def test_a_webhook_gets_what_stands_in_the_file(tmp_path: Path) -> None:
    got: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/good" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        good = Hook(settings(tmp_path, PIPELINE_NOTIFY_URL=f"{address}/good")).tell(event="one")
        bad = Hook(settings(tmp_path, PIPELINE_NOTIFY_URL=f"{address}/bad?token=1")).tell(event="two")
        server.shutdown()
    gone = Hook(settings(tmp_path, PIPELINE_NOTIFY_URL=f"{address}/good")).tell(event="three")
    assert good is None
    assert bad == "the webhook did not take the notification (HTTPError); it stands in the file"
    assert gone is not None
    assert [json.loads(line) for line in got] == told(tmp_path)[:2]
    assert [line["event"] for line in told(tmp_path)] == ["one", "two", "three"]


def error(kind: str, text: str, cause: SerializableErrorInfo | None = None) -> SerializableErrorInfo:
    return SerializableErrorInfo(f"{kind}: {text}\n", [], kind, cause)


def test_only_faults_that_pass_are_transient() -> None:
    busy = error("DagsterResourceFunctionError", "init", error(WarehouseInUse.__name__, "another run"))
    assert is_transient([busy, busy.cause])
    for number, passes in (
        (errno.EIO, True),
        (errno.EAGAIN, True),
        (errno.ENOSPC, False),
        (errno.EROFS, False),
    ):
        assert is_transient([error("OSError", f"[Errno {number}] fault")]) is passes
    assert not is_transient([error("Failure", "a rule is broken [Errno 5]")])
    assert not is_transient([])


def test_only_the_first_line_of_our_own_words_leaves_the_machine() -> None:
    ours = error("dagster._core.definitions.events.Failure", "rules are broken:\nadsl: AGE=77")
    ours = ours._replace(cls_name="Failure")
    assert message([ours]) == "rules are broken"
    theirs = error("ComputeError", "conversion of 'patient 17 died' failed")
    assert message([error("DagsterExecutionStepExecutionError", "x", theirs), theirs]) == (
        "ComputeError, which was not foreseen: the run's own log has the text"
    )
