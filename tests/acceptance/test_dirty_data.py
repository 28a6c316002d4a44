"""Forms as sites write them give the results that what they meant gives, to the last bit.

Faults, habits and their truth are made by the simulator; the clean trial is the same one without them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from pipeline.study import Study
from tests.layers import Run, run_layers

CUT_OFFS = ("2009-12-17", "2011-10-31")


@pytest.fixture(scope="module")
def clean(study: Study, clean_forms: dict[str, pl.DataFrame]) -> dict[str, Run]:
    """The runs on the trial without faults."""
    return {cut_off.id: run_layers(study, clean_forms, cut_off) for cut_off in study.cut_offs}


@pytest.mark.parametrize("cut_off", CUT_OFFS)
@pytest.mark.parametrize("table", ["results", "curves", "published"])
def test_results_do_not_move(runs: dict[str, Run], clean: dict[str, Run], cut_off: str, table: str) -> None:
    dirty, meant = getattr(runs[cut_off], table), getattr(clean[cut_off], table)
    assert meant.height > 50
    assert dirty.equals(meant)


@pytest.mark.parametrize("cut_off", CUT_OFFS)
def test_every_result_of_the_laboratory_is_read_as_meant(
    runs: dict[str, Run], clean: dict[str, Run], cut_off: str
) -> None:
    """Units of the site, words for nothing, thousands separators; four digits, to which nmol/L is rounded."""
    key = ["USUBJID", "LBCAT", "LBTESTCD", "LBSPEC", "LBDTC", "VISIT"]

    def values(run: Run) -> pl.DataFrame:
        known = run.sdtm["lb"].filter(pl.col("LBSTRESN").is_not_null())
        return known.select(*key, value=pl.col("LBSTRESN")).unique(key, keep="last", maintain_order=True)

    both = values(runs[cut_off]).join(values(clean[cut_off]), on=key, nulls_equal=True)
    assert both.height > 10_000
    off = both.filter((pl.col("value") - pl.col("value_right")).abs() > 0.001 * pl.col("value_right"))
    assert off.is_empty()


def test_the_truth_tells_what_the_files_hold(repository: Path, raw: Path) -> None:
    """Every cell in the truth stands in the file as the truth says, and nothing else stands there."""
    held: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for path in sorted(raw.glob("20*/*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if "record_version" in row and "record_id" in row:
                    held.setdefault((path.stem, row["record_id"], row["record_version"]), []).append(row)
    with (repository / "tests/acceptance/calgb_100104_faults.csv").open(encoding="utf-8", newline="") as file:
        truth = [row for row in csv.DictReader(file) if row["HOW"] != "habit"]
    assert len(truth) > 5000
    for row in truth:
        rows = held[row["FORM"], row["RECORD"], row["VERSION"]]
        if row["COLUMN"]:
            assert {r[row["COLUMN"]] for r in rows} == {row["WRITTEN"]}, row
        else:
            assert row["KIND"].startswith(("same record twice", "entered twice")), row
            assert len(rows) == (2 if row["CHECK"] == "EC010" else 1)
        if row["HOW"] in ("corrected", "extra"):
            (after,) = held[row["FORM"], row["RECORD"], str(int(row["VERSION"]) + 1)]
            assert after["received_dt"] == row["RIGHT_RECEIVED"]
            assert after["record_status"] == ("AMENDED" if row["HOW"] == "corrected" else "DELETED")


def test_what_is_wrong_is_never_current_at_a_cut_off(repository: Path) -> None:
    with (repository / "tests/acceptance/calgb_100104_faults.csv").open(encoding="utf-8", newline="") as file:
        mended = [row for row in csv.DictReader(file) if row["HOW"] in ("corrected", "extra", "late")]
    assert len(mended) > 100
    for row in mended:
        for cut_off in (*CUT_OFFS, "2012-02-29"):
            assert not row["WRONG_RECEIVED"] <= cut_off < row["RIGHT_RECEIVED"], row
