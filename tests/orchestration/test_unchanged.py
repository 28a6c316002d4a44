"""A run of what has not changed does nothing; whatever counts is seen when it changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.folders import Folders
from pipeline.orchestration import unchanged
from pipeline.orchestration.runner import RunFailed
from pipeline.orchestration.unchanged import RECORD, changes, made_from, record_run
from tests.orchestration.conftest import CUT_OFFS, STUDY, Ran

CUT_OFF, OTHER = CUT_OFFS
FORM, LIST = f"{CUT_OFF}/labs.csv", "treatment_codes"
Change = Callable[[Folders], object]


def spoil(path: Path) -> None:
    """Change one byte of a file, and neither its size nor its time."""
    about, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """One form, one restricted list and what might be made of them, with the record of the run."""
    of = Folders(tmp_path / "raw", tmp_path / "raw" / "restricted", tmp_path / "warehouse")
    contents = {
        of.raw / FORM: "a,b\n1,2\n",
        of.raw / CUT_OFF / "transfer.json": "{}",
        of.raw / f"{LIST}.json": "{}",
        of.restricted / f"{LIST}.csv": "patient,arm\n1,A\n",
        of.staged("adam_adsl", CUT_OFF): "staged",
        of.releases / CUT_OFF / "manifest.json": "{}",
        of.releases / CUT_OFF / "tables" / "table_1.rtf": "released",
        of.warehouse / f"{STUDY.name}.duckdb": "tables",
    }
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    record_run(of, STUDY.name, [CUT_OFF], made_from(of, STUDY.name))
    return of


def changed(folders: Folders, cut_offs: tuple[str, ...] = (CUT_OFF,), study: str = STUDY.name) -> list[str]:
    return changes(folders, study, cut_offs, made_from(folders, study))


def test_what_is_as_it_was_is_not_run(folders: Folders) -> None:
    assert changed(folders) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: spoil(f.raw / FORM), f"raw/{FORM} was changed"),
        (lambda f: (f.raw / FORM).unlink(), f"raw/{FORM} is gone"),
        (lambda f: (f.raw / "2010-12-31").mkdir(), "raw/2010-12-31 is new"),
        (lambda f: spoil(f.raw / f"{LIST}.json"), f"raw/{LIST}.json was changed"),
        (lambda f: (f.restricted / f"{LIST}.csv").write_text("other"), f"restricted/{LIST}.csv was changed"),
        (lambda f: (f.restricted / f"{LIST}.csv").unlink(), f"restricted/{LIST}.csv is gone"),
        (lambda f: spoil(f.staged("adam_adsl", CUT_OFF)), f"stage/adam_adsl/{CUT_OFF}.parquet was changed"),
        (
            lambda f: spoil(f.releases / CUT_OFF / "manifest.json"),
            f"releases/{CUT_OFF}/manifest.json was changed",
        ),
        (
            lambda f: (f.releases / CUT_OFF / "tables" / "table_1.rtf").unlink(),
            f"releases/{CUT_OFF}/tables/table_1.rtf is gone",
        ),
        (lambda f: shutil.rmtree(f.stage), "stage/adam_adsl is gone"),
        (lambda f: spoil(f.warehouse / f"{STUDY.name}.duckdb"), f"warehouse/{STUDY.name}.duckdb was changed"),
        (lambda f: (f.warehouse / RECORD).unlink(), "no run was recorded here"),
        (lambda f: (f.warehouse / RECORD).write_text("[1"), "no run was recorded here"),
        (lambda f: (f.warehouse / RECORD).write_text("[]"), "no run was recorded here"),
    ],
)
def test_a_change_is_run(folders: Folders, change: Change, told: str) -> None:
    change(folders)
    assert told in changed(folders)


def test_another_cut_off_or_study_is_run(folders: Folders) -> None:
    assert changed(folders, (CUT_OFF, OTHER)) == [f"cut-off {OTHER} was not part of the last run"]
    assert "study was changed" in changed(folders, study="another")


def test_a_link_in_place_of_a_form_is_run(folders: Folders, tmp_path: Path) -> None:
    form = folders.raw / FORM
    form.rename(tmp_path / "elsewhere.csv")
    form.symlink_to(tmp_path / "elsewhere.csv")
    assert changed(folders) == [f"raw/{FORM} was changed"]


def test_a_pipe_in_place_of_a_form_is_not_waited_for(folders: Folders) -> None:
    (folders.raw / FORM).unlink()
    os.mkfifo(folders.raw / FORM)
    assert changed(folders) == [f"raw/{FORM} was changed"]


def test_other_code_and_other_packages_are_run(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "source_hash", lambda: "other")
    monkeypatch.setattr(
        unchanged, "distributions", lambda: [d for d in distributions() if d.name != "pillow"]
    )
    assert changed(folders) == ["code was changed", "package pillow is gone"]


def test_what_came_while_a_run_went_on_is_run(folders: Folders) -> None:
    sources = made_from(folders, STUDY.name)
    (folders.raw / "2010-12-31").mkdir()
    record_run(folders, STUDY.name, [CUT_OFF], sources)
    assert changed(folders) == ["raw/2010-12-31 is new"]


def test_no_treatment_code_is_read_to_decide(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(unchanged, "sha256_of", lambda path: read.append(path) or "hash")
    made_from(folders, STUDY.name)
    assert folders.raw / FORM in read
    assert not [path for path in read if folders.restricted in path.parents]


def test_the_command_does_nothing_and_says_so_without_loading_dagster(
    ran: Ran, repository: Path, tmp_path: Path
) -> None:
    warehouse = tmp_path / "warehouse"
    shutil.copytree(ran.folders.warehouse, warehouse)
    folders = Folders(ran.folders.raw, ran.folders.restricted, warehouse)
    record_run(folders, STUDY.name, CUT_OFFS, made_from(folders, STUDY.name))
    before = {path: path.stat().st_mtime_ns for path in warehouse.rglob("*")}
    given = ["run", "--raw", str(folders.raw), "--warehouse", str(warehouse)]
    program = (
        f"import sys\nfrom pipeline.cli import main\nmain({given!r}, standalone_mode=False)\n"
        "assert not {'dagster', 'matplotlib', 'lifelines'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ended = json.loads((warehouse / RECORD).read_bytes())["finished"]
    assert done.stdout.startswith(f"nothing has changed since the run that ended {ended}; nothing was done")
    assert {path: path.stat().st_mtime_ns for path in warehouse.rglob("*")} == before


def test_the_command_runs_all_the_same_if_asked_to(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_run(*_: object, **__: object) -> None:
        raise RunFailed("it would be run")

    monkeypatch.setattr("pipeline.orchestration.runner.run_study", no_run)
    given = ["run", "--cutoff", CUT_OFF, "--raw", str(folders.raw), "--warehouse", str(folders.warehouse)]
    assert "nothing was done" in CliRunner().invoke(main, given).output
    assert "it would be run" in CliRunner().invoke(main, [*given, "--again"]).output
    spoil(folders.raw / FORM)
    assert f"to be run: raw/{FORM} was changed\n" in CliRunner().invoke(main, given).output


@pytest.mark.slow
def test_a_run_is_recorded_and_a_changed_stage_is_made_again(raw: Path, tmp_path: Path) -> None:
    given = ["run", "--cutoff", CUT_OFF, "--raw", str(raw), "--warehouse", str(tmp_path)]
    table = Folders(raw, raw / "restricted", tmp_path).staged("adam_adsl", CUT_OFF)
    first = CliRunner().invoke(main, given)
    assert "to be run: no run was recorded here\n" in first.output
    made = table.read_bytes()
    assert "nothing was done" in CliRunner().invoke(main, given).output
    spoil(table)
    again = CliRunner().invoke(main, given)
    assert f"to be run: stage/adam_adsl/{CUT_OFF}.parquet was changed\n" in again.output
    assert table.read_bytes() == made
    assert "nothing was done" in CliRunner().invoke(main, given).output
