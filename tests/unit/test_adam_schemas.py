"""What holds for every analysis dataset (ADaMIG 3.1.1; rule numbers of CDISC's open ADaM rules)."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from schemas.adam import ADSL, ADTTE, DATASETS, Treated
from schemas.base import Table, columns, dtypes, empty, failures, key, label, names, rules

MODELS = pytest.mark.parametrize("model", DATASETS.values(), ids=DATASETS)


@MODELS
def test_names_and_labels(model: type[Table]) -> None:
    """Names of at most 8 characters (rule 13), labels of the dataset and its variables of at most 40."""
    assert all(column.name.isascii() and len(column.name) <= 8 for column in columns(model))
    assert all(column.name.isupper() for column in columns(model))
    assert len(label(model)) <= 40
    labels = [column.label for column in columns(model)]
    assert len(set(labels)) == len(labels)


@MODELS
def test_identifiers_come_first(model: type[Table]) -> None:
    assert names(model)[:3] == ["STUDYID", "CUTOFF", "USUBJID"]
    assert key(model)[:2] == ["CUTOFF", "USUBJID"]


@MODELS
def test_a_variable_of_adsl_is_the_same_elsewhere(model: type[Table]) -> None:
    """Same type, label and codelist wherever a variable of ADSL appears."""
    of_adsl = {column.name: column for column in columns(ADSL)}
    for column in columns(model):
        if (known := of_adsl.get(column.name)) is not None:
            assert (column.dtype, column.label, column.codelist) == (
                known.dtype, known.label, known.codelist,
            )  # fmt: skip


@MODELS
def test_a_numeric_twin_has_its_partner_and_a_date_flag_its_date(model: type[Table]) -> None:
    """Rules 64, 70 and 39."""
    have = set(names(model))
    twins = {name[:-1] for name in have if name.endswith("N") and name[:-1] in ("TRT01P", "TRT01A", "ATOXGR")}
    assert twins <= have
    assert {name[:-1] for name in have if name.endswith("DTF")} <= have


@MODELS
def test_an_empty_dataset_is_valid(model: type[Table]) -> None:
    assert failures(model, empty(model)).is_empty()


def test_treatment_is_in_every_dataset() -> None:
    """At least one treatment variable, as in ADSL (C.3 of the ADaM rules)."""
    assert {"TRT01P", "TRT01PN"} <= set(names(ADSL))
    assert all(issubclass(model, Treated) for name, model in DATASETS.items() if name != "adsl")


def adtte(**cells: object) -> pl.DataFrame:
    """One valid row of ADTTE with the given cells changed."""
    row: dict[str, object] = {
        "STUDYID": "S", "CUTOFF": dt.date(2009, 12, 17), "USUBJID": "A", "TRT01P": None, "TRT01PN": None,
        "PARAM": "Overall Survival (Days)", "PARAMCD": "OS", "AVAL": 3.0, "STARTDT": dt.date(2007, 3, 1),
        "ADT": dt.date(2007, 3, 3), "ADTF": None, "CNSR": 0, "EVNTDESC": "DEATH", "CNSDTDSC": None,
        "SRCDOM": "DS", "SRCVAR": "DSSTDTC", "SRCSEQ": 1,
    }  # fmt: skip
    return pl.DataFrame([row | cells], schema=dtypes(ADTTE), orient="row")


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"AVAL": 2.0}, "value"),
        ({"ADT": dt.date(2007, 2, 28), "AVAL": 0.0}, "value"),
        ({"CNSDTDSC": "LAST CONTACT"}, "event"),
        ({"CNSR": -1}, "CNSR_greater_than_or_equal_to"),
        ({"PARAMCD": "2OS"}, "PARAMCD_str_matches"),
        ({"EVNTDESC": None}, "EVNTDESC_not_null"),
    ],
)
def test_adtte_refuses(cells: dict[str, object], rule: str) -> None:
    found = failures(ADTTE, adtte(**cells))
    assert rule in found.get_column("RULE").to_list()
    assert rule in {r.name for r in rules(ADTTE)}


def test_adtte_accepts_what_is_right() -> None:
    assert failures(ADTTE, adtte()).is_empty()
    twice = pl.concat([adtte(), adtte()])
    assert failures(ADTTE, twice).get_column("RULE").unique().to_list() == ["key"]
    other_text = pl.concat([adtte(), adtte(USUBJID="B", PARAM="Survival")])
    assert failures(ADTTE, other_text).get_column("RULE").unique().to_list() == ["twins"]
