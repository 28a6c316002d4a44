"""What a damaged file, a clock that jumps back or the loss of everything made does to the results: nothing.

Kills, readers and two runs at once are in test_kill.py; a full and a read-only disk in the acceptance tests.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipeline.access import log
from pipeline.folders import Folders
from pipeline.integrity import verify
from pipeline.orchestration import release
from pipeline.orchestration.history import KEPT, prune
from pipeline.warehouse import query
from tests.orchestration.conftest import CUT_OFFS, STUDY, Ran, bytes_of, execute, failure, run

WAREHOUSE = f"{STUDY.name}.duckdb"
OF_THE_RUN = ("started", "finished", "access_log", "warehouse", "code")
"""What a manifest holds of a run and not of the data; the warehouse file holds it in turn."""
NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)


@pytest.fixture
def copy(ran: Ran, tmp_path: Path) -> Folders:
    """The finished run in folders of a test's own."""
    shutil.copytree(ran.folders.raw, tmp_path / "raw")
    for name in ("stage", "releases"):
        shutil.copytree(ran.folders.warehouse / name, tmp_path / "warehouse" / name)
    for name in (WAREHOUSE, "access_log.jsonl"):
        shutil.copy2(ran.folders.warehouse / name, tmp_path / "warehouse")
    return Folders(tmp_path / "raw", tmp_path / "raw/restricted", tmp_path / "warehouse")


def made(folders: Folders) -> dict[str, Any]:
    """Everything that a run made, by path: bytes, and of manifests all but OF_THE_RUN."""
    files: dict[str, Any] = bytes_of(folders.warehouse, "stage/**/*.*")
    files |= bytes_of(folders.warehouse, "releases/**/*.*")
    del files["stage/releases/all.parquet"]  # it tells when a cut-off was made
    for path, data in files.items():
        if path.startswith("stage/manifest/") or path.endswith("/manifest.json"):
            files[path] = {name: part for name, part in json.loads(data).items() if name not in OF_THE_RUN}
    return files


def unlike(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))


@pytest.mark.parametrize("damage", ["cut short", "missing"])
def test_a_damaged_table_of_the_stage_is_named_and_made_anew(copy: Folders, damage: str) -> None:
    path = copy.staged("sdtm_ae", CUT_OFFS[-1])
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2])

    told = failure(execute(copy, ["adam_adae"], cut_off=CUT_OFFS[-1]))
    assert (
        f"stage/sdtm_ae/{CUT_OFFS[-1]}.parquet is {'missing' if damage == 'missing' else 'damaged'}" in told
    )
    assert "run the study again, which makes it anew from the raw forms" in told
    found = verify(copy, STUDY.name, now=NOW).findings
    assert any(f"stage/sdtm_ae/{CUT_OFFS[-1]}.parquet" in finding for finding in found)

    assert execute(copy, ["sdtm_ae"], cut_off=CUT_OFFS[-1]).success
    assert path.read_bytes() == whole


def test_a_clock_that_jumps_back_changes_no_output(
    copy: Folders, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Earlier(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime(1999, 12, 31, tzinfo=tz)

    before = made(copy)
    for module in (release, log):
        monkeypatch.setattr(module.dt, "datetime", Earlier)
    assert execute(copy, ["sdtm_ae", "adam_adae", "manifest", "release"], cut_off=CUT_OFFS[-1]).success
    monkeypatch.undo()

    manifest = json.loads((copy.releases / CUT_OFFS[-1] / "manifest.json").read_bytes())
    assert manifest["finished"].startswith("1999-12-31")
    assert unlike(made(copy), before) == []
    assert verify(copy, STUDY.name, now=NOW).findings == []
    rows = "SELECT count(*) FROM adam.adae"
    assert query(copy.warehouse / WAREHOUSE, rows).equals(query(ran.folders.warehouse / WAREHOUSE, rows))


@pytest.mark.slow
def test_everything_made_comes_back_from_the_raw_folder_alone(
    ran: Ran, repository: Path, tmp_path: Path
) -> None:
    shutil.copytree(ran.folders.raw, tmp_path / "raw")
    folders = Folders(tmp_path / "raw", tmp_path / "raw/restricted", tmp_path / "warehouse")
    run(folders, repository)
    expected, found = made(ran.folders), made(folders)
    assert unlike(found, expected) == []
    assert len(found) > 300
    tables = query(folders.warehouse / WAREHOUSE, "FROM meta.tables")
    assert tables.equals(query(ran.folders.warehouse / WAREHOUSE, "FROM meta.tables"))
    print(f"\n{len(found)} files made again from raw/ alone, 0 of them different")


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def number() -> int:
    """An asset of two partitions."""
    return 1


def test_old_run_histories_are_pruned_by_the_stated_rule(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last runs of each partition stay; b was run before all runs of a, and its only run stays, too."""
    monkeypatch.setenv("DAGSTER_HOME", str(repository))
    monkeypatch.setenv("PIPELINE_DAGSTER_STORAGE", str(tmp_path))
    assert KEPT >= 10
    with dg.DagsterInstance.get() as instance:
        stage = {"io_manager": dg.mem_io_manager}
        runs = [
            dg.materialize([number], partition_key=key, instance=instance, resources=stage).run_id
            for key in "baaaaa"
        ]
        assert prune(instance, kept=3) == 2
        assert {record.run_id for record in instance.get_runs()} == {runs[0], *runs[3:]}
        latest = instance.get_latest_materialization_event(dg.AssetKey("number"))
        assert latest is not None
        assert latest.run_id == runs[-1]
        assert instance.get_materialized_partitions(dg.AssetKey("number")) == {"a", "b"}
        assert prune(instance, kept=3) == 0
    left = {path.name for path in tmp_path.rglob("*") if any(run in path.name for run in runs[1:3])}
    assert left == set()
