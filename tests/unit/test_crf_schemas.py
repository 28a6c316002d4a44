"""The form schemas hold together: names, labels, keys and header block of every form."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from schemas.base import columns, empty, failures, key, label, names
from schemas.crf.calgb_100104 import FORM_CODE, FORMS, RESTRICTED, Labs, Registration, Unblinding
from schemas.quality import Findings, Quarantine, Receipt, Transfers

HEADER = [
    "study_id",
    "patient_id",
    "site_code",
    "form_code",
    "record_id",
    "record_version",
    "record_status",
    "completed_dt",
    "received_dt",
]
TYPES = {pl.String, pl.Int64, pl.Float64, pl.Date}
REGISTERED = {
    "study_id": "CALGB-100104",
    "patient_id": "104310",
    "site_code": "MA034",
    "form_code": "REG",
    "record_id": "REG-000001",
    "record_version": 1,
    "record_status": "ORIGINAL",
    "completed_dt": "2006-03-01",
    "received_dt": dt.date(2006, 3, 9),
    "registration_dt": dt.date(2006, 3, 1),
    "consent_dt": "2006-02-27",
    "birth_dt": "1949-03",
    "sex": "F",
    "race": None,
    "ethnicity": None,
    "ecog_ps": None,
    "strat_b2m_reg": "LE2.5",
    "strat_thal_reg": "Y",
    "strat_len_reg": "N",
    "protocol_version": "3",
}


@pytest.mark.parametrize("stem", FORM_CODE)
def test_a_form_starts_with_the_header_block(stem: str) -> None:
    assert names(FORMS[stem])[: len(HEADER)] == HEADER
    assert key(FORMS[stem]) == ["record_id", "record_version"]
    assert next(c.codelist for c in columns(FORMS[stem]) if c.name == "form_code") == (FORM_CODE[stem],)


def test_every_form_but_the_lists_has_a_code() -> None:
    assert set(FORMS) - set(FORM_CODE) == {"sites", "form_log", "query_log"}


def test_there_are_the_24_forms_of_the_specification() -> None:
    """The form specification has 24 files, one of them the restricted treatment codes."""
    assert len(FORMS) + len(RESTRICTED) == 24
    assert len(FORM_CODE) == 20  # the codes that its header block lists


@pytest.mark.parametrize(
    ("stem", "rest"), [("form_log", ["patient_id", "form_code", "visit"]), ("query_log", ["query_id"])]
)
def test_a_log_is_keyed_by_its_date(stem: str, rest: list[str]) -> None:
    """Each transfer brings the whole log anew, so the same line comes again under another date."""
    assert key(FORMS[stem]) == ["as_of", *rest]


@pytest.mark.parametrize(
    "model", [*FORMS.values(), *RESTRICTED.values(), Transfers, Findings, Quarantine, Receipt]
)
def test_a_table_is_typed_labelled_and_valid_when_empty(model: type) -> None:
    assert {c.dtype for c in columns(model)} <= TYPES
    assert all(0 < len(c.label) <= 40 for c in columns(model))
    assert 0 < len(label(model)) <= 80
    assert failures(model, empty(model)).is_empty()


def registered(**changes: object) -> pl.DataFrame:
    return empty(Registration).vstack(pl.DataFrame([REGISTERED | changes], schema=empty(Registration).schema))


def test_a_complete_registration_is_valid() -> None:
    assert failures(Registration, registered()).is_empty()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"patient_id": "10O431"}, "patient_id_str_matches"),  # EC001: the letter O
        ({"patient_id": None}, "patient_id_not_null"),
        ({"form_code": "AE"}, "form_code_isin"),  # EC004
        ({"sex": "Male"}, "sex_isin"),  # EC007
        ({"birth_dt": "03/1949"}, "birth_dt_str_matches"),  # not ISO 8601
        ({"record_version": 0}, "record_version_greater_than_or_equal_to"),
        ({"ecog_ps": -1}, "ecog_ps_isin"),  # EC009: -1 is a missing code, not a number
    ],
)
def test_a_fault_is_named(change: dict[str, object], rule: str) -> None:
    assert failures(Registration, registered(**change))["RULE"].to_list() == [rule]


@pytest.mark.parametrize("outside", [dt.date(2004, 11, 30), dt.date(2009, 8, 1)])
def test_a_range_that_is_only_a_query_does_not_reject(outside: dt.date) -> None:
    assert failures(Registration, registered(registration_dt=outside)).is_empty()  # EC026 is a query


def test_a_study_wide_unblinding_has_no_patient() -> None:
    required = {c.name for c in columns(Unblinding) if c.required}
    assert not required & {"patient_id", "site_code"}
    assert {"scope", "unblind_dt", "authorised_by"} <= required


@pytest.mark.parametrize(
    ("text", "valid"),
    [("120", True), ("<0.1", True), (">2000", True), ("ND", True), ("-1", True), ("12O", False), ("", False)],
)
def test_forms_of_a_laboratory_result(text: str, valid: bool) -> None:
    pattern = next(c for c in Labs.to_schema().columns["result"].checks if c.name == "str_matches")
    frame = pl.DataFrame({"result": [text]})
    assert bool(frame["result"].str.contains(pattern.statistics["pattern"])[0]) is valid
