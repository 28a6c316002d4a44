"""The treatment codes are read when a form says that the study was released, and not by the date alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from pipeline.folders import Folders
from pipeline.orchestration.runner import RunFailed
from tests.layers import rewrite_form
from tests.orchestration.conftest import CUT_OFFS, run


def test_without_the_record_of_the_release_no_code_is_read(
    raw: Path, repository: Path, tmp_path: Path
) -> None:
    shutil.copytree(raw, tmp_path / "raw")
    rewrite_form(tmp_path / "raw", "unblinding", lambda rows: rows.filter(pl.col("scope") != "STUDY"))
    folders = Folders(tmp_path / "raw", tmp_path / "raw/restricted", tmp_path / "warehouse")
    with pytest.raises(RunFailed, match="treatment_codes are not read: no unblinding record releases"):
        run(folders, repository, cut_offs=CUT_OFFS[:1])
    assert not folders.access_log.exists()
    assert not folders.staged("restricted_treatment_codes", CUT_OFFS[0]).exists()
