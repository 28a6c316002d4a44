"""The second study through the whole graph, by its own command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.studies import STUDIES
from pipeline.warehouse import query

STUDY = STUDIES["cdisc_pilot"]
(CUT_OFF,) = STUDY.cut_offs


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pilot")


@pytest.fixture(scope="module")
def ran(warehouse: Path) -> Result:
    return CliRunner().invoke(main, ["pilot", "--warehouse", str(warehouse)])


@pytest.mark.slow
def test_the_command_runs_the_study_and_compares_it(ran: Result) -> None:
    assert ran.exit_code == 0, ran.output
    print(ran.output)
    lines = [" ".join(line.split()) for line in ran.output.splitlines()]
    for variable in ("CNSR", "ADT", "AVAL"):
        assert f"adtte {variable} 254 of 254 0 0" in lines
    for variable in ("TRTEMFL", "AOCCFL", "AOCCSFL", "AOCCPFL", "AOCC01FL"):
        assert f"adae {variable} 1191 of 1191 0 0" in lines
    assert "0 rows in quarantine" in lines
    assert not [line for line in lines if line.startswith(("check failed", "to look at"))]


@pytest.mark.slow
def test_the_warehouse_holds_its_own_datasets_and_no_others(ran: Result, warehouse: Path) -> None:
    file = warehouse / f"{STUDY.name}.duckdb"
    tables = query(file, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'adam'")
    assert set(tables["table_name"]) == {"adsl", "adae", "adtte"}
    sources = query(file, "SELECT DISTINCT SRCDOM, SRCVAR FROM adam.adtte ORDER BY ALL").rows()
    assert sources == [("ADSL", "RFENDT"), ("AE", "AESTDTC")]
    compared = query(
        file, "SELECT DISTINCT \"GROUP\" FROM analysis.results WHERE METHOD = 'cox' ORDER BY ALL"
    )
    assert compared["GROUP"].to_list() == ["HIGH:PBO", "LOW:PBO"]


@pytest.mark.slow
def test_every_number_of_subjects_is_how_many_its_statement_finds(ran: Result, warehouse: Path) -> None:
    """In a study of three arms, of which a comparison is about two."""
    file = warehouse / f"{STUDY.name}.duckdb"
    key = 'STUDYID, CUTOFF, ANALYSIS, "GROUP", LEVEL, STATISTIC'
    numbers = query(file, f"SELECT * FROM analysis.results JOIN analysis.subjects USING ({key})")
    counted = numbers.filter("COUNTED").select("VALUE", "SQL").rows()
    each = (f"SELECT {place} AS AT, count(*) AS N FROM ({sql})" for place, (_, sql) in enumerate(counted))
    sizes = query(file, " UNION ALL ".join(each))
    assert sizes.sort("AT")["N"].to_list() == [value for value, _ in counted]
    assert len(counted) > 40
    (of_two,) = numbers.filter(METHOD="cox", GROUP="HIGH:PBO")["SQL"].unique()
    arms = query(file, f"SELECT DISTINCT TRT01P FROM adam.adsl WHERE USUBJID IN ({of_two}) ORDER BY ALL")
    assert arms["TRT01P"].to_list() == ["Placebo", "Xanomeline High Dose"]


@pytest.mark.slow
def test_a_release_says_whose_data_they_are(ran: Result, warehouse: Path) -> None:
    folder = warehouse / "releases" / CUT_OFF.id
    assert "CDISC" in json.loads((folder / "manifest.json").read_text())["note"]
    for page in sorted(folder.glob("*.html")):
        assert "SDTM/ADaM Pilot Project" in page.read_text(), page.name


def test_a_study_without_a_paper_or_blocks_has_no_check_of_them() -> None:
    from pipeline.orchestration.checks import cross_checks

    assert "permuted_blocks" not in {check.name for check in cross_checks(STUDY)}
    assert "permuted_blocks" in {check.name for check in cross_checks(STUDIES["calgb_100104"])}


@pytest.mark.slow
def test_a_row_leads_back_to_the_line_of_the_file_received(ran: Result, warehouse: Path) -> None:
    asked = ["trace", "01-701-1015", "TTDE", "--study", STUDY.name, "--warehouse", str(warehouse)]
    told = CliRunner().invoke(main, [*asked, "--raw", str(warehouse / "raw")])
    assert told.exit_code == 0, told.output
    *_, place, line = told.output.splitlines()
    assert place.split() == ["raw.ae", f"{CUT_OFF.id}/ae.csv", "line", "2"]
    assert line.split(",")[:3] == ["    CDISCPILOT01", "01-701-1015", "1"]
    assert line.split(",")[-2] == "2014-01-03"
