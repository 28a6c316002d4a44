"""What `pipeline diff` tells of two cut-offs of a release, and of two releases of one cut-off."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.difference import Difference, Side, compare_number, compare_releases
from pipeline.warehouse import query
from tests.orchestration.conftest import CUT_OFFS, STUDY, Ran

FIRST, LAST = CUT_OFFS


def warehouse(ran: Ran) -> Path:
    return ran.folders.warehouse / f"{STUDY.name}.duckdb"


@pytest.fixture(scope="module")
def between(ran: Ran) -> Difference:
    ask = partial(query, warehouse(ran))
    return compare_releases(STUDY, Side(ask, FIRST), Side(ask, LAST))


def test_a_release_does_not_differ_from_itself(ran: Ran) -> None:
    side = Side(partial(query, warehouse(ran)), LAST)
    assert {
        name: frame.height for name, frame in vars(compare_releases(STUDY, side, side)).items()
    } == dict.fromkeys(("records", "values", "subjects", "events", "results"), 0)


def test_new_events_are_those_of_adtte_and_lead_to_a_form(ran: Ran, between: Difference) -> None:
    pairs = query(
        warehouse(ran),
        "SELECT PARAMCD, USUBJID FROM adam.adtte WHERE CNSR = 0 "
        f"GROUP BY ALL HAVING list(CUTOFF) = [DATE '{LAST}'] ORDER BY ALL",
    )
    new = between.events.filter(CHANGE="new event")
    assert new.height > 20
    assert new.select("PARAMCD", "USUBJID").rows() == pairs.rows()
    for usubjid, record, file, line in new.select("USUBJID", "RECORD", "FILE", "LINE").iter_rows():
        text = (ran.folders.raw / file).read_text().splitlines()[line - 1]
        assert record in text
        assert usubjid.removeprefix(f"{STUDY.id}-") in text


def test_every_number_that_differs_is_told(ran: Ran, between: Difference) -> None:
    sides = [
        query(
            warehouse(ran), f"SELECT * EXCLUDE CUTOFF FROM analysis.results WHERE CUTOFF = DATE '{cut_off}'"
        )
        for cut_off in CUT_OFFS
    ]
    key = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
    alike = sides[0].join(sides[1], on=[*key, "VALUE"], how="inner", nulls_equal=True)
    differing = sides[0].height + sides[1].height - 2 * alike.height
    told = between.results
    one_side = told.select(key).join(sides[0].select(key), on=key, how="anti").height
    other = told.select(key).join(sides[1].select(key), on=key, how="anti").height
    assert differing == 2 * (told.height - one_side - other) + one_side + other


def test_a_regraded_event_is_found_with_its_form(ran: Ran, tmp_path: Path) -> None:
    """One adverse event gets another grade by a new version of its record: that, and nothing else."""
    shutil.copy(warehouse(ran), tmp_path)
    changed = tmp_path / warehouse(ran).name
    here = f"CUTOFF = DATE '{LAST}'"
    with duckdb.connect(str(changed)) as connection:
        spid, usubjid = connection.execute(
            f"SELECT AESPID, USUBJID FROM sdtm.ae WHERE {here} AND AETOXGR = '3' ORDER BY ALL LIMIT 1"
        ).fetchall()[0]
        code, record, version = spid.split("-", 1)[0], spid.split("-", 1)[1].rsplit("-", 1)[0], spid[-1]
        assert code == "AE"
        connection.execute(
            f"UPDATE sdtm.ae SET AETOXGR = '2', AESPID = 'AE-{record}-9' WHERE {here} AND AESPID = '{spid}'"
        )
        connection.execute(
            "INSERT INTO raw.adverse_events "
            "SELECT * REPLACE (9 AS record_version, 'x/adverse_events.csv' AS FILE, 77 AS LINE) "
            f"FROM raw.adverse_events WHERE record_id = '{record}' AND record_version = {version}"
        )
    found = compare_releases(
        STUDY, Side(partial(query, warehouse(ran)), LAST), Side(partial(query, changed), LAST)
    )
    assert found.records.rows(named=True) == [
        {
            "FORM": "adverse_events",
            "RECORD": record,
            "USUBJID": usubjid,
            "CHANGE": "amended",
            "VERSION_BEFORE": int(version),
            "VERSION_AFTER": 9,
            "FILE": "x/adverse_events.csv",
            "LINE": 77,
        }
    ]
    assert found.values.select("DOMAIN", "VARIABLE", "BEFORE", "AFTER").rows() == [
        ("AE", "AETOXGR", "3", "2")
    ]
    assert found.events.is_empty()
    assert found.results.is_empty()


def test_every_count_of_an_analysis_moves_by_who_came_and_left(ran: Ran, between: Difference) -> None:
    ask = partial(query, warehouse(ran))
    moved = compare_number(STUDY, Side(ask, FIRST), Side(ask, LAST), between, "TTP_KM")
    counts = moved.numbers.filter(pl.col("STATISTIC").is_in(["n", "events", "censored", "n_risk"]))
    assert counts.height > 10
    change = pl.col("CHANGE").replace_strict({"came": 1, "left": -1}, return_dtype=pl.Float64).sum()
    by = ["GROUP", "LEVEL", "STATISTIC"]
    net = counts.join(moved.subjects.group_by(by).agg(NET=change), on=by, how="left")
    assert net.filter(pl.col("AFTER") - pl.col("BEFORE") != pl.col("NET")).rows() == []
    assert net["NET"].null_count() == 0


def test_a_number_leads_to_its_subjects(ran: Ran) -> None:
    def asked(*arguments: str) -> tuple[int, str]:
        told = CliRunner().invoke(
            main, ["subjects", *arguments, "--warehouse", str(ran.folders.warehouse), "--cutoff", LAST]
        )
        return told.exit_code, told.output

    events, randomised = (
        query(warehouse(ran), f"SELECT USUBJID FROM adam.{rows} AND CUTOFF = DATE '{LAST}' ORDER BY ALL")
        for rows in (
            f"adtte WHERE PARAMCD = 'TTP' AND CNSR = 0 AND TRT01P = '{STUDY.arms[0].name}'",
            "adsl WHERE ITTFL = 'Y'",
        )
    )
    who = events["USUBJID"].to_list()
    assert who
    code, output = asked("TTP_KM", "--group", "LEN", "--statistic", "events")
    lines = output.splitlines()
    assert code == 0, output
    assert lines[0] == f"{LAST}  TTP_KM  LEN  events: {len(who)}"
    assert [line.strip() for line in lines[-len(who) - 1 : -1]] == who
    assert lines[-1] == f"subjects: {len(who)}"
    code, output = asked("TTP_COX", "--group", "LEN:PBO", "--statistic", "hr")
    last = f"subjects from whose data it is computed: {randomised.height}"
    assert (code, output.splitlines()[-1]) == (0, last)
    code, output = asked("PROTOCOL", "--level", "AGE_MAX", "--statistic", "value")
    last = "planned or fixed by the protocol: no subject is behind it"
    assert (code, output.splitlines()[-1]) == (0, last)
    known = "there is no LEVEL 'NONE SUCH' here, but 'ANY', 'HEMATOLOGIC', 'SOLID'"
    assert asked("SPM", "--level", "NONE SUCH") == (1, f"Error: {known}\n")


def test_the_command_prints_and_writes_what_changed(ran: Ran, tmp_path: Path) -> None:
    where = str(ran.folders.warehouse)
    done = CliRunner().invoke(
        main, ["diff", FIRST, f"{where}@{LAST}", "--warehouse", where, "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert "new event" in done.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "records.csv", "values.csv", "subjects.csv", "events.csv", "results.csv"
    }  # fmt: skip
    assert pl.read_csv(tmp_path / "records.csv", infer_schema=False).height > 100
    unknown = CliRunner().invoke(main, ["diff", FIRST, "2010-01-01", "--warehouse", where])
    assert unknown.exit_code == 1
    number = CliRunner().invoke(main, ["diff", FIRST, LAST, "--warehouse", where, "--number", "TTP_KM:LEN:"])
    assert number.exit_code == 0, number.output
    assert "came" in number.output
    assert "follow_up" in number.output
    assert unknown.output == f"Error: {where} has released {FIRST}, {LAST}, and not 2010-01-01\n"
