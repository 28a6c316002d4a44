"""Every seeded fault is found by the edit check that should find it, and no clean record is turned away.

Five invented trials and the shipped one. A fault counts as found if at the transfer that first holds it the
check names its record, or its patient where a check finds two forms at odds and may name either. The table of
what was seeded and found is printed (`pytest -s`). Faults are written from the trial's data validation plan
(`pipeline/simulate/faults`), by other hands than the checks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from pipeline.edit_checks import run_checks, seen_at
from pipeline.queries import check_transfers
from pipeline.simulate import simulate_calibrated, simulate_trial
from pipeline.study import Study
from tests.layers import Intake, Run, take_in

SEEDS = (1, 2, 3, 4, 5)
PATIENTS = 460
SHIPPED = "shipped"
NOT_SEEDED = {
    "EC005": "a header is no record's",
    "EC012": "the engine of versions keeps it",
    "EC017": "what a cut-off does",
    "EC023": "the log of forms tells it",
    "EC024": "the log of forms tells it",
    "EC059": "needs the arms",
    "EC061": "a header is no record's",
    "EC062": "the code list is not of a form",
    "EC063": "the code list is not of a form",
    "EC136": "complete only when the last round is over, after which no fault may be",
    "EC140": "needs the arms",
    "EC144": "the log of queries tells it",
}
SIGHT = ["CHECK_ID", "SEVERITY", "FORM", "RECORD", "PATIENT", "FIRST_SEEN", "LAST_SEEN"]


@dataclass(frozen=True)
class Trial:
    """seeds: a row per faulty record, with FOUND. strangers: sights of no seed. turned: quarantined rows."""

    seeds: pl.DataFrame
    strangers: pl.DataFrame
    turned: pl.DataFrame


def sights(study: Study, intake: Intake) -> pl.DataFrame:
    """What each check names, and from which transfer to which."""
    queries = check_transfers(study, intake.forms, intake.findings, intake.dates).queries
    warn = [c for c in study.edit_checks if c.severity == "warn" and not c.needs_arms]
    warned = [
        run_checks(warn, seen_at(study, intake.forms, date, intake.findings)).with_columns(
            SEVERITY=pl.lit("warn"), FIRST_SEEN=pl.lit(date), LAST_SEEN=pl.lit(date)
        )
        for date in intake.dates
    ]
    return pl.concat(part.select(SIGHT) for part in (queries, *warned)).with_row_index("SIGHT")


def judge(study: Study, raw: Path, truth: Path) -> Trial:
    intake = take_in(study, raw)
    told = sights(study, intake)
    cells = pl.read_csv(truth, infer_schema=False).filter(pl.col("CHECK").is_not_null())
    seeds = cells.unique(["CHECK", "KIND", "FORM", "RECORD", "VERSION"], maintain_order=True)
    when = pl.DataFrame({"TRANSFER": intake.dates}, schema={"TRANSFER": pl.Date})
    seeds = (
        seeds.with_columns(pl.col("WRONG_RECEIVED").str.to_date())
        .sort("WRONG_RECEIVED", maintain_order=True)
        .join_asof(when, left_on="WRONG_RECEIVED", right_on="TRANSFER", strategy="forward")
        .with_row_index("SEED")
    )
    in_time = pl.col("TRANSFER").is_between("FIRST_SEEN", "LAST_SEEN")
    matched = [
        seeds.join(told, left_on=["CHECK", *key], right_on=["CHECK_ID", *key])
        .filter(in_time)
        .select("SEED", "SIGHT")
        for key in (["FORM", "RECORD"], ["PATIENT"])
    ]
    found, known = (pl.concat(matched)[name].unique().implode() for name in ("SEED", "SIGHT"))
    faulty = pl.concat([cells["RECORD"], cells["RECORD"] + "/" + cells["VERSION"]])
    return Trial(
        seeds.with_columns(FOUND=pl.col("SEED").is_in(found)),
        told.filter(~pl.col("SIGHT").is_in(known)),
        intake.quarantined.with_columns(CLEAN=~pl.col("RECORD").is_in(faulty.implode())),
    )


@pytest.fixture(scope="module")
def trials(
    study: Study, raw: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Trial]:
    made = {SHIPPED: judge(study, raw, repository / "tests/acceptance/calgb_100104_faults.csv")}
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp(f"seed{seed}")
        simulate_trial(PATIENTS, seed, folder / "raw", truth=folder / "truth.csv")
        made[f"seed {seed}"] = judge(study, folder / "raw", folder / "truth.csv")
    return made


def test_every_check_that_a_record_can_break_is_seeded(study: Study, trials: dict[str, Trial]) -> None:
    checks = {check.id for check in study.edit_checks}
    assert len(checks) == 144
    assert checks - set(trials[SHIPPED].seeds["CHECK"]) == set(NOT_SEEDED)


def test_every_seeded_fault_is_found_by_its_check(study: Study, trials: dict[str, Trial]) -> None:
    seeds = pl.concat(trial.seeds.with_columns(TRIAL=pl.lit(name)) for name, trial in trials.items())
    others = pl.concat(trial.strangers for trial in trials.values())
    table = (
        pl.DataFrame({"CHECK": [check.id for check in study.edit_checks]})
        .join(
            seeds.group_by("CHECK").agg(SEEDED=pl.len(), FOUND=pl.col("FOUND").sum()), on="CHECK", how="left"
        )
        .join(others.group_by(CHECK="CHECK_ID").agg(NOT_SEEDED=pl.len()), on="CHECK", how="left")
        .fill_null(0)
        .with_columns(MISSED=pl.col("SEEDED") - pl.col("FOUND"))
        .sort("CHECK")
    )
    print(f"\nfaults of {len(trials)} trials, and what the checks found beside them\n{table.write_csv()}")
    print(seeds.group_by("TRIAL").agg(SEEDED=pl.len(), FOUND=pl.col("FOUND").sum()).sort("TRIAL"))
    missed = seeds.filter(~pl.col("FOUND")).select("TRIAL", "CHECK", "FORM", "RECORD", "PATIENT", "KIND")
    assert missed.rows() == []
    assert all(trial.seeds.height > 700 for trial in trials.values())


def test_no_clean_record_is_turned_away(trials: dict[str, Trial]) -> None:
    for name, trial in trials.items():
        assert trial.turned.height > 10, name
        assert trial.turned.filter("CLEAN").select("FILE", "LINE", "RECORD").rows() == []
        # What is wrong in one form may make another of the patient's be rejected while it lasts.
        rejected = trial.strangers.filter(SEVERITY="reject").join(trial.seeds, on="PATIENT", how="anti")
        assert rejected.select("CHECK_ID", "FORM", "RECORD", "PATIENT").rows() == [], name


def test_checks_are_quiet_where_nothing_is_wrong(study: Study, tmp_path: Path) -> None:
    """The same trial without faults: forms on their way, deviations and courses of disease remain."""
    simulate_calibrated(tmp_path, clean=True)
    intake = take_in(study, tmp_path)
    assert intake.quarantined.is_empty()
    assert intake.findings.is_empty()
    asked = sights(study, intake).filter(pl.col("SEVERITY") != "warn")
    assert asked.filter(SEVERITY="reject").is_empty()
    assert asked.height < 200
    assert asked["CHECK_ID"].value_counts()["count"].max() < 40


def test_no_cut_off_rejects_a_record(runs: dict[str, Run]) -> None:
    for run in runs.values():
        reasons = set(run.set_aside["REASON"])
        assert {"received after the cut-off", "superseded", "deleted"} <= reasons
        assert "rejected by an edit check" not in reasons


def test_wrong_text_of_a_withheld_record_is_nowhere(study: Study, raw: Path) -> None:
    """Treatment words and names of persons stay in the raw files (EC060, EC143)."""
    intake = take_in(study, raw)
    shown = pl.concat(
        [intake.quarantined["TEXT"], intake.findings["MESSAGE"], intake.findings["VALUE"].drop_nulls()]
    )
    words = r"(?i)revlimid|placebo|smith|jones|617-555"
    assert not shown.str.contains(words).any()
    kept = [rows.filter(pl.col("received_dt") < dt.date(2009, 12, 17)) for rows in _records(intake)]
    texts = pl.concat(rows.select(pl.col(pl.String)).unpivot()["value"].drop_nulls() for rows in kept)
    assert not texts.str.contains(r"(?i)placebo|smith|jones|617-555").any()


def _records(intake: Intake) -> list[pl.DataFrame]:
    return [rows for rows in intake.forms.values() if "record_version" in rows.columns]
