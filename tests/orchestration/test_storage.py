"""Our storage of Dagster's history: the files of Dagster's own, and few of them open at once."""

# No postponed annotations here: Dagster reads an asset's annotations as they stand.

from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log import SqliteEventLogStorage

from pipeline.orchestration import storage


def instance(folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    monkeypatch.setenv("DAGSTER_HOME", str(repository))
    monkeypatch.setenv("PIPELINE_DAGSTER_STORAGE", str(folder))
    return dg.DagsterInstance.get()


@dg.asset(check_specs=[dg.AssetCheckSpec("positive", asset="number")])
def number() -> dg.MaterializeResult:
    """An asset with a check."""
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def test_dagster_yaml_names_this_storage(repository: Path) -> None:
    settings = yaml.safe_load((repository / "dagster.yaml").read_text())
    custom = settings["storage"]["custom"]
    assert (custom["module"], custom["class"]) == (storage.__name__, "PooledSqliteStorage")


def test_dagsters_own_storage_reads_what_ours_wrote(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(tmp_path, repository, monkeypatch) as ours:
        runs = [dg.materialize([number], instance=ours).run_id for _ in range(storage._OPEN_FILES + 2)]
        log = ours.event_log_storage
        assert isinstance(log, storage.PooledEventLog)
        assert len(log._engines) <= storage._OPEN_FILES
        events = {run: len(ours.all_logs(run)) for run in runs}
    theirs = SqliteEventLogStorage(str(tmp_path / "history" / "runs"))
    assert {run: len(theirs.get_logs_for_run(run)) for run in runs} == events
    key = dg.AssetCheckKey(dg.AssetKey("number"), "positive")
    (latest,) = theirs.get_asset_check_execution_history(key, limit=1)
    assert latest.run_id == runs[-1]


def test_an_event_is_in_both_of_its_files_or_in_none(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    with instance(tmp_path, repository, monkeypatch) as ours:
        run = dg.materialize([number], instance=ours).run_id
        log = ours.event_log_storage
        before = ours.all_logs(run)
        made = [
            entry for entry in before if entry.dagster_event and entry.dagster_event.is_step_materialization
        ]
        with monkeypatch.context() as broken:
            broken.setattr(log, "_store_asset_event", full)
            with pytest.raises(OSError, match="no space left"):
                log.store_event_batch(made * 2)
        assert len(ours.all_logs(run)) == len(before)
        log.store_event_batch(made * 2)
        assert len(ours.all_logs(run)) == len(before) + 2
        assert len(ours.fetch_materializations(number.key, limit=9).records) == 3
