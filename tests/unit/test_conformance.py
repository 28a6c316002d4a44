"""Every conformance rule fires on a study with one fault and is silent on its twin; waivers; the engine."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.conformance import ALL_RULES, LISTED, RULES, Outcome, Rule, run_rules
from pipeline.conformance.datasets import DATASETS, FOLDER, UnknownStructure, dataset
from pipeline.conformance.rule import SOURCES
from pipeline.conformance.waivers import BadWaivers, Waiver, read_waivers
from tests.unit import conformance_cases as cases

DAY = dt.date(2021, 1, 1)
HEADER = "rule,dataset,variable,reason,role,expires\n"


def outcome(study: cases.Study, **more: Any) -> Outcome:
    return run_rules([draft.made(name) for name, draft in study.items()], on=DAY, **more)


def broken(*changes: cases.Change, **more: Any) -> Outcome:
    study = cases.study()
    for change in changes:
        change(study)
    return outcome(study, **more)


def test_the_good_twin_holds_to_every_rule_and_every_rule_is_asked_of_it() -> None:
    found = outcome(cases.study())
    assert found.findings.select("RULE", "DATASET", "VARIABLE", "VALUE", "ROWKEY").rows() == []
    asked = found.rules.filter(pl.col("OUTCOME") == "holds")["RULE"].to_list()
    assert {rule.id for rule in RULES} <= set(asked)


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert list(cases.CASES) == [rule.id for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_fires_on_its_fault(rule: Rule) -> None:
    found = broken(cases.CASES[rule.id], rules=[rule])
    assert found.findings["RULE"].unique().to_list() == [rule.id]
    assert found.findings["SEVERITY"].unique().to_list() == [rule.severity]


def test_rules_are_told_apart_and_say_what_to_do() -> None:
    assert len(RULES) >= 80
    assert len({rule.id for rule in ALL_RULES}) == len(ALL_RULES)
    assert len({rule.says for rule in ALL_RULES}) == len(ALL_RULES)
    for rule in ALL_RULES:
        assert rule.fix, rule.id
        assert set(rule.applies) - {FOLDER} or rule.applies == (FOLDER,), rule.id
        for cited in rule.cites:
            document, number = cited.split()
            assert document in SOURCES, rule.id
            shape = {"ADaM": str.isdigit, "SDTM": lambda n: n[:2] == "CG" and n[2:].isdigit()}
            assert shape.get(document, lambda n: n.startswith("FDAB"))(number), cited


def test_a_finding_names_dataset_variable_row_key_and_value() -> None:
    found = broken(cases.cell("ADTTE", AVAL=175)).findings.filter(RULE="TE05").row(0, named=True)
    assert found["DATASET"] == "ADTTE"
    assert found["VARIABLE"] == "AVAL"
    assert found["ROW"] == 1
    assert found["ROWKEY"] == "USUBJID=X-1, PARAMCD=OS, ASEQ=1"
    assert found["VALUE"] == "AVAL 175.0, STARTDT 2020-01-08, ADT 2020-07-01"


def test_all_rows_are_counted_and_the_first_hundred_listed() -> None:
    rows = pl.DataFrame({"STUDYID": ["X"] * 250, "USUBJID": ["X-1"] * 250, "ITTFL": ["1"] * 250})
    found = run_rules([dataset("ADX", rows)], on=DAY, rules=[r for r in RULES if r.id == "FL01"])
    assert found.counts["FOUND"].to_list() == [250]
    assert found.findings["ROW"].to_list() == list(range(1, LISTED + 1))


def test_a_rule_that_cannot_be_asked_is_a_finding() -> None:
    found = broken(cases.column("ADTTE", CNSR="event"))
    told = found.findings.filter(RULE="RN01")
    assert "TE02" in " ".join(told["VALUE"])
    assert told["DATASET"].unique().to_list() == ["ADTTE"]
    assert found.errors


def test_rules_about_treatments_are_not_asked_while_treatments_are_blinded() -> None:
    hidden = [cases.without("ADSL", "TRT01P"), cases.without("DM", "ARM", "ARMCD")]
    assert broken(*hidden, rules=[r for r in RULES if r.needs_arms]).errors
    found = broken(*hidden, rules=[r for r in RULES if r.needs_arms], blind=True)
    assert not found.errors
    assert found.rules.filter(RULE="TR01")["OUTCOME"].to_list() == ["not asked"]


def waiver(rule: str, dataset: str, variable: str, expires: dt.date = DAY) -> Waiver:
    return Waiver(rule, dataset, variable, "because", "statistician", expires)


def test_a_waived_finding_is_no_error_and_keeps_its_reason() -> None:
    found = broken(cases.cell("ADTTE", AVAL=175), waivers=[waiver("TE05", "ADTTE", "AVAL")])
    assert found.errors == 0
    assert found.findings.select("RULE", "WAIVER").rows() == [("TE05", "because")]
    assert found.rules.filter(RULE="TE05").select("FOUND", "WAIVED", "OUTCOME").row(0) == (1, 1, "waived")


@pytest.mark.parametrize(
    "other",
    [waiver("TE06", "ADTTE", "AVAL"), waiver("TE05", "ADLB", "AVAL"), waiver("TE05", "ADTTE", "ADT")],
    ids=["another rule", "another dataset", "another variable"],
)
def test_a_waiver_is_for_its_rule_dataset_and_variable_and_is_reported_where_unused(other: Waiver) -> None:
    found = broken(cases.cell("ADTTE", AVAL=175), waivers=[other])
    assert found.errors == 1
    assert found.findings["RULE"].to_list() == ["TE05", "WV02"]
    assert "because" in found.findings["VALUE"][1]


def test_an_expired_waiver_waives_nothing_and_is_an_error() -> None:
    yesterday = waiver("TE05", "*", "*", DAY - dt.timedelta(days=1))
    found = broken(cases.cell("ADTTE", AVAL=175), waivers=[yesterday])
    assert found.findings.select("RULE", "SEVERITY").rows() == [("TE05", "error"), ("WV01", "error")]
    assert found.errors == 2


def test_a_waiver_of_a_whole_dataset_leaves_the_variable_blank() -> None:
    found = broken(cases.labelled("ADSL", "Subjects"), waivers=[waiver("NM10", "ADSL", "")])
    assert found.errors == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rule,dataset\n", "line 1: the header must be rule,dataset,variable,reason,role,expires"),
        (HEADER + "TE99,ADTTE,AVAL,why,statistician,2030-01-01\n", "line 2, rule: TE99 is not a rule"),
        (HEADER + "TE05,ADTTE,AVAL,,statistician,2030-01-01\n", "line 2, reason: blank"),
        (HEADER + "TE05,ADTTE,AVAL,why,,2030-01-01\n", "line 2, role: blank"),
        (HEADER + "TE05,ADTTE,AVAL,why,statistician,soon\n", "line 2, expires: soon is not a date"),
        (
            HEADER + "TE05,ADTTE,AVAL,why, really,statistician,2030-01-01\n",
            "line 2: 7 cells under 6 headings",
        ),
    ],
)
def test_a_file_of_waivers_that_cannot_be_used_is_refused_by_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "waivers.csv"
    path.write_text(text)
    with pytest.raises(BadWaivers, match=message):
        read_waivers(path, {rule.id for rule in ALL_RULES})


def test_the_class_of_a_dataset_is_told_from_its_name_and_variables() -> None:
    told = {name: draft.made(name).structure for name, draft in cases.study().items()}
    assert told == {
        "DM": "SPECIAL PURPOSE", "EX": "INTERVENTIONS", "AE": "EVENTS", "DS": "EVENTS", "SS": "FINDINGS",
        "DD": "FINDINGS", "MH": "EVENTS", "IE": "FINDINGS", "LB": "FINDINGS", "TU": "FINDINGS",
        "TR": "FINDINGS", "TA": "TRIAL DESIGN", "RELREC": "RELATIONSHIP", "SUPPAE": "RELATIONSHIP",
        "ADSL": "ADSL", "ADTTE": "BDS-TTE", "ADLB": "BDS", "ADAE": "OCCDS",
    }  # fmt: skip
    assert set(told.values()) <= set(DATASETS)
    with pytest.raises(UnknownStructure, match="NOTES: cannot tell what class of dataset this is"):
        dataset("notes", pl.DataFrame({"TEXT": ["a"]}))
