"""Before the release nothing that everybody can read tells a treatment: the three looks, and a closed review.

The looks are run as on the day, without the folder of treatment codes: what is made without the codes cannot
hold them. What could still tell them stands in the forms themselves; `tests/leaks.py` searches for that with
the codes in hand, and each kind of leak is planted to see that it is found.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipeline.access.grants import issue_grant, make_authority
from pipeline.cli import main
from pipeline.definitions import build_defs
from pipeline.folders import Folders
from pipeline.ingest import ingest_restricted
from pipeline.orchestration.runner import run_study
from pipeline.study import Study
from pipeline.warehouse import WarehouseError, query, query_encrypted
from tests.layers import run_layers
from tests.leaks import find_leaks, of_frame

pytestmark = pytest.mark.slow
BEFORE = ("2009-06-30", "2009-12-17")
"""The transfers that had come by the last look, and the one after it."""
KEY = "a key of enough characters"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def arms(study: Study, raw: Path) -> dict[str, str]:
    """The truth: the arm of each patient."""
    codes = ingest_restricted(
        raw / "restricted" / "treatment_codes.csv",
        raw / "treatment_codes.json",
        study.restricted["treatment_codes"],
    ).accepted
    forms = pl.concat(pl.read_csv(path, infer_schema=False) for path in raw.glob("*/randomization.csv"))
    rows = forms.unique("patient_id").join(codes, on="randomization_no")
    return dict(rows.select("patient_id", "arm").iter_rows())


@pytest.fixture(scope="module")
def open_folders(
    study: Study, raw: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Folders:
    """The three looks, run without the treatment codes."""
    folder = tmp_path_factory.mktemp("open")
    for name in BEFORE:
        shutil.copytree(raw / name, folder / "raw" / name)
    shutil.copy(raw / "treatment_codes.json", folder / "raw")
    folders = Folders(folder / "raw", folder / "nowhere", folder / "warehouse")
    before = dict(os.environ)
    definitions = build_defs(study, folders.raw, folders.restricted, folders.warehouse)
    run_study(definitions, folders, [look.id for look in study.looks], repository, lambda *_: None)
    os.environ.clear()
    os.environ.update(before)
    return folders


def test_no_open_file_tells_a_treatment(open_folders: Folders, arms: dict[str, str]) -> None:
    assert len(arms) == 460
    assert find_leaks(open_folders.warehouse, arms) == []


def test_blinded_tables_say_so_and_lack_what_tells(open_folders: Folders, study: Study) -> None:
    warehouse = open_folders.warehouse / f"{study.name}.duckdb"
    arm = query(warehouse, "SELECT DISTINCT ARM, ARMCD, ACTARM, ACTARMCD FROM sdtm.dm ORDER BY ALL")
    assert arm.rows() == [("BLINDED",) * 4, ("NOT ASSIGNED", "NOTASSGN") * 2]
    assert query(warehouse, "SELECT DISTINCT EXTRT FROM sdtm.ex").rows() == [("BLINDED",)]
    told = "'TRT01P', 'TRT01PN', 'TRT01A', 'TRT02A', 'BLOCKNO', 'block_no', 'kit_no'"
    assert query(warehouse, f"FROM meta.columns WHERE column_name IN ({told})").is_empty()
    groups = query(warehouse, 'SELECT DISTINCT "GROUP" FROM analysis.results')["GROUP"].to_list()
    assert groups == ["TOTAL"]
    efficacy = "('kaplan_meier', 'logrank', 'cox', 'subgroups', 'cumulative_incidence', 'gray')"
    assert query(warehouse, f"FROM analysis.results WHERE METHOD IN {efficacy}").is_empty()
    assert query(warehouse, "FROM analysis.curves").is_empty()
    assert query(warehouse, "FROM analysis.published").is_empty()


# --- each kind of leak, planted ---


@pytest.fixture
def leaky(open_folders: Folders, tmp_path: Path) -> Path:
    """A small part of the open warehouse, to plant a leak in."""
    for name in ("stage/adam_adsl/2009-11-30.parquet", "stage/snapshot_randomization/2009-11-30.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(open_folders.warehouse / name, tmp_path / name)
    return tmp_path


def _of(arms: dict[str, str]) -> pl.Expr:
    return pl.col("SUBJID").replace_strict(arms, default=None, return_dtype=pl.String)


def test_a_planted_line_in_a_log_is_found(leaky: Path, arms: dict[str, str]) -> None:
    assert find_leaks(leaky, arms) == []
    (leaky / "dagster").mkdir()
    (leaky / "dagster" / "compute.log").write_text("patient 104312 joined to placebo\n")
    assert [leak.file for leak in find_leaks(leaky, arms)] == ["dagster/compute.log"]


def test_a_planted_column_is_found(leaky: Path, arms: dict[str, str]) -> None:
    path = leaky / "stage/adam_adsl/2009-11-30.parquet"
    adsl = pl.read_parquet(path)
    number = (
        pl.when(_of(arms) == "PLACEBO").then(pl.lit("17")).when(_of(arms).is_not_null()).then(pl.lit("23"))
    )
    adsl.with_columns(GRP=number).write_parquet(path)
    found = [leak.what for leak in find_leaks(leaky, arms)]
    assert any(what.startswith("GRP tells the arm of 460 of 460") for what in found)


def test_a_planted_order_of_rows_is_found(leaky: Path, arms: dict[str, str]) -> None:
    path = leaky / "stage/adam_adsl/2009-11-30.parquet"
    pl.read_parquet(path).sort(_of(arms)).write_parquet(path)
    assert ["the order of rows" in leak.what for leak in find_leaks(leaky, arms)] == [True]


def test_an_order_that_takes_turns_is_found(arms: dict[str, str]) -> None:
    turns = pl.DataFrame({"patient_id": list(arms), "arm": list(arms.values())}).with_columns(
        place=pl.int_range(pl.len()).over("arm")
    )
    frame = turns.sort("place", "arm").select("patient_id")
    assert [leak.what[:17] for leak in of_frame("x", frame, arms)] == ["the order of rows"]


@pytest.mark.parametrize("column", ["kit_no", "block_no"])
def test_planted_kits_and_blocks_are_found(leaky: Path, arms: dict[str, str], column: str) -> None:
    path = leaky / "stage/snapshot_randomization/2009-11-30.parquet"
    rows = pl.read_parquet(path)
    arm = pl.col("patient_id").replace_strict(arms, default="", return_dtype=pl.String)
    ranges = {"kit_no": arm.rank("ordinal").cast(pl.String), "block_no": (arm == "PLACEBO").cast(pl.Int64)}
    rows.with_columns(ranges[column].alias(column)).write_parquet(path)
    assert any(column in leak.what for leak in find_leaks(leaky, arms))


# --- the closed review ---


@pytest.fixture
def board(open_folders: Folders, raw: Path, tmp_path: Path) -> Folders:
    """A copy of the looks with the treatment codes and an authority beside them."""
    shutil.copytree(open_folders.warehouse, tmp_path / "warehouse")
    shutil.copytree(open_folders.raw, tmp_path / "raw")
    (tmp_path / "restricted").mkdir()
    shutil.copy(raw / "restricted" / "treatment_codes.csv", tmp_path / "restricted")
    make_authority(tmp_path / "authority.key", tmp_path / "restricted" / "grant_authority.pub")
    return Folders(tmp_path / "raw", tmp_path / "restricted", tmp_path / "warehouse")


def _grant(board: Folders, look: str) -> Path:
    path = board.warehouse.parent / f"grant_{look}.json"
    today = datetime.now(UTC).date()
    issue_grant(
        path,
        board.warehouse.parent / "authority.key",
        study="CALGB-100104",
        cutoff=look,
        role="DSMB_STAT",
        name="A. Statistician",
        purpose="second review",
        granted_on=today,
        expires=today + timedelta(days=7),
    )
    return path


def _monitor(board: Folders, look: str, grant: Path | None, key: str | None = KEY) -> Result:
    arguments = ["monitor", "--cutoff", look, "--raw", str(board.raw), "--restricted", str(board.restricted)]
    arguments += ["--warehouse", str(board.warehouse), *(["--grant", str(grant)] if grant else [])]
    return CliRunner().invoke(main, arguments, env={"PIPELINE_CLOSED_KEY": key})


def _last_line(board: Folders) -> dict[str, object]:
    line: dict[str, object] = json.loads(board.access_log.read_text().splitlines()[-1])
    return line


def test_a_review_is_by_code_and_nothing_open_changes(
    board: Folders, study: Study, arms: dict[str, str], open_folders: Folders
) -> None:
    look = study.looks[1].id
    grant = _grant(board, look)
    done = _monitor(board, look, grant)
    assert done.exit_code == 0, done.output
    closed = board.closed / look
    names = {path.name for path in closed.iterdir()}
    assert {"index.html", "efficacy.html", "report.rtf", "boundaries.svg", "manifest.json"} <= names
    assert all(path.stat().st_mode & 0o077 == 0 for path in closed.rglob("*") if path.suffix != ".lock")
    assert find_leaks(board.warehouse, arms) == []
    changed = [
        path.relative_to(board.warehouse)
        for path in board.warehouse.rglob("*")
        if path.is_file()
        and "closed" not in path.parts
        and path != board.access_log
        and path.read_bytes() != (open_folders.warehouse / path.relative_to(board.warehouse)).read_bytes()
    ]
    assert changed == []
    # who is in which group is encrypted, under codes; the pages name neither arm nor patient
    file = closed / f"{study.name}.duckdb"
    for text in (b"PLACEBO", b"CALGB-100104-104312", b"104312", b"adsl"):
        assert text not in file.read_bytes()
    for page in closed.glob("*.html"):
        assert "CALGB-100104-1" not in page.read_text()
        assert "Placebo (" not in page.read_text()
    adsl = query_encrypted(file, KEY, "SELECT SUBJID, TRT01P, TRT01PN FROM adam.adsl WHERE ITTFL = 'Y'")
    told = {patient: (code, number) for patient, code, number in adsl.iter_rows()}
    pairs = {(arms[patient], *coded) for patient, coded in told.items()}
    assert pairs == {("LENALIDOMIDE", "B", 1), ("PLACEBO", "A", 2)}
    with pytest.raises(WarehouseError, match="key"):
        query_encrypted(file, "another key of enough characters", "SELECT 1")
    again = _monitor(board, look, grant, key="another key of enough characters")
    assert again.exit_code == 1
    assert "the key does not open it" in again.output
    assert _last_line(board)["action"] == "refused"


def test_without_a_grant_nothing_is_written(board: Folders, study: Study) -> None:
    look = study.looks[1].id
    refused = _monitor(board, look, None)
    assert refused.exit_code == 1
    assert (
        refused.output
        == "Error: refused: results by arm need a grant before the unblinding, and none was given\n"
    )
    assert not board.closed.exists()
    assert _last_line(board)["action"] == "refused"


def test_a_forged_grant_is_refused(board: Folders, study: Study) -> None:
    first, look = study.looks[0].id, study.looks[1].id
    forged = _grant(board, first)
    forged.write_text(forged.read_text().replace(first, look))
    refused = _monitor(board, look, forged)
    assert refused.exit_code == 1
    assert "signature" in refused.output
    assert not board.closed.exists()
    assert "signature" in str(_last_line(board)["reason"])


@pytest.mark.parametrize(("key", "words"), [(None, "put their key into"), ("short", "too short")])
def test_without_a_usable_key_nothing_is_written(
    board: Folders, study: Study, key: str | None, words: str
) -> None:
    look = study.looks[0].id
    refused = _monitor(board, look, _grant(board, look), key)
    assert refused.exit_code == 1
    assert words in refused.output
    assert not board.closed.exists()
    assert _last_line(board)["action"] == "refused"


# --- what is blinded before the release is the same trial ---


def test_a_review_gives_the_numbers_of_the_release(study: Study, forms: dict[str, pl.DataFrame]) -> None:
    """The cut-off of the unblinding, taken as a look: by code the same numbers as by name."""
    from pipeline.monitoring import hold_review

    assert study.monitoring is not None
    cut_off = study.cut_offs[0]
    plan = replace(study.monitoring, looks=(cut_off,))
    blinded = replace(study, unblinding=cut_off.date + timedelta(days=1), monitoring=plan)
    allocation = plan.allocation({"treatment_codes": forms["treatment_codes"]})
    adam = run_layers(blinded, forms, cut_off).adam
    assert "TRT01P" not in adam["adsl"].columns
    review = hold_review(blinded, cut_off, {cut_off.id: adam}, allocation)
    codes = {"LEN": "B", "PBO": "A", "LEN:PBO": "B:A", "TOTAL": "TOTAL"}
    keys = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
    released = run_layers(study, forms, cut_off).results.with_columns(pl.col("GROUP").replace_strict(codes))
    both = review.results.join(released, on=keys, suffix="_RELEASED")
    assert both.height > 2000
    differing = both.filter(pl.col("VALUE").ne_missing(pl.col("VALUE_RELEASED")))
    assert differing.select(keys).rows() == []
    only = set(review.results["ANALYSIS"]) - set(both["ANALYSIS"])
    assert only == {"REVIEW", "INFORMATION", "DEATHS", "DEATH_CAUSE", "SITES"}
    assert cut_off.date == date(2009, 12, 17)
