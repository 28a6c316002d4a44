"""What starts a run by itself: the night and a new transfer."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from pipeline.definitions import build_defs
from tests.orchestration.conftest import CUT_OFFS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def definitions(folder: Path, tmp_path: Path) -> dg.Definitions:
    return build_defs(raw=folder, warehouse=tmp_path / "warehouse")


def look(definitions: dg.Definitions, cursor: str | None = None) -> dg.SensorResult | object:
    """What the sensor says at one look."""
    sensor = definitions.resolve_sensor_def("new_transfer")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
        return sensor.evaluate_tick(context)


def receive(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "transfer.json").write_text("{}")


def test_a_new_transfer_starts_every_cut_off_once(definitions: dg.Definitions, folder: Path) -> None:
    receive(folder, "2009-06-30")
    first = look(definitions)
    assert [request.partition_key for request in first.run_requests] == CUT_OFFS
    again = look(definitions, first.cursor)
    assert again.run_requests == []
    assert again.skip_message == f"no new transfer in {folder}: the newest is 2009-06-30"
    receive(folder, "2009-12-17")
    later = look(definitions, first.cursor)
    assert len(later.run_requests) == len(CUT_OFFS)
    assert not {r.run_key for r in later.run_requests} & {r.run_key for r in first.run_requests}


def test_a_folder_without_its_manifest_is_not_yet_a_transfer(
    definitions: dg.Definitions, folder: Path
) -> None:
    (folder / "2009-06-30").mkdir(parents=True)
    assert look(definitions).skip_message == f"no new transfer in {folder}: there is none yet"


def test_a_missing_folder_is_told_in_words(definitions: dg.Definitions, folder: Path) -> None:
    assert look(definitions).skip_message == f"there is no folder {folder}"


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
