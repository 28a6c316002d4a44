"""The shipped raw data and the trial without faults, ingested once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipeline.simulate import simulate_calibrated
from pipeline.studies import STUDIES
from pipeline.study import Study
from tests.layers import Run, accepted_forms, run_layers


@pytest.fixture(scope="session")
def study() -> Study:
    return STUDIES["calgb_100104"]


@pytest.fixture(scope="session")
def raw(repository: Path, study: Study) -> Path:
    return repository / "raw" / study.name


@pytest.fixture(scope="session")
def forms(study: Study, raw: Path) -> dict[str, pl.DataFrame]:
    return accepted_forms(study, raw)


@pytest.fixture(scope="session")
def clean_forms(study: Study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The same trial without faults: what the sites meant."""
    folder = tmp_path_factory.mktemp("clean")
    simulate_calibrated(folder, clean=True)
    return accepted_forms(study, folder)


@pytest.fixture(scope="session")
def runs(study: Study, forms: dict[str, pl.DataFrame]) -> dict[str, Run]:
    """Every cut-off of the study, by its date."""
    return {cut_off.id: run_layers(study, forms, cut_off) for cut_off in study.cut_offs}
