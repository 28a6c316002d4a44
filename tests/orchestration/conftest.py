"""One small made-up trial, run once through the whole graph, for the tests of the graph."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import pytest

from pipeline.definitions import build_defs
from pipeline.folders import Folders
from pipeline.orchestration.automation import JOB
from pipeline.orchestration.runner import QUIET, FailedCheck, run_study
from pipeline.simulate import simulate_trial
from pipeline.studies import STUDIES
from pipeline.study import Study

STUDY = replace(STUDIES["calgb_100104"], figures=STUDIES["calgb_100104"].figures[:1])
"""The study with one of its figures: drawing is most of a small run's time."""
CUT_OFFS = [cut_off.id for cut_off in STUDY.cut_offs]
PATIENTS, SEED = 90, 7


@dataclass(frozen=True)
class Ran:
    """A finished run: where it wrote and which checks did not pass."""

    folders: Folders
    failed: list[FailedCheck]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """A run names its instance in the environment; the next test starts without it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The transfers of a free trial, with its restricted folder."""
    folder = tmp_path_factory.mktemp("raw") / STUDY.name
    simulate_trial(PATIENTS, SEED, folder)
    return folder


@pytest.fixture(scope="session")
def ran(raw: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The trial run at both cut-offs; tests only read from its folders."""
    return run(Folders(raw, raw / "restricted", tmp_path_factory.mktemp("warehouse")), repository)


def run(folders: Folders, home: Path, study: Study = STUDY, cut_offs: Sequence[str] = CUT_OFFS) -> Ran:
    """Run the cut-offs, as `pipeline run` does."""
    definitions = build_defs(study, folders.raw, folders.restricted, folders.warehouse)
    return Ran(folders, run_study(definitions, folders, cut_offs, home, lambda *_: None))


def execute(
    folders: Folders, assets: list[str], study: Study = STUDY, cut_off: str = CUT_OFFS[0]
) -> dg.ExecuteInProcessResult:
    """Run some assets only, on an instance that is forgotten."""
    definitions = build_defs(study, folders.raw, folders.restricted, folders.warehouse)
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def(JOB).execute_in_process(
            instance=instance,
            partition_key=cut_off,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            raise_on_error=False,
            run_config=QUIET,
        )


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step said."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return f"{event.step_key}: {data.description}"


def bytes_of(folder: Path, pattern: str) -> dict[str, bytes]:
    """The content of the matching files, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob(pattern))}
