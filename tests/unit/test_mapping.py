"""The mapping of forms to domains: every code has a word, every domain is valid, every row has an origin.

What does not belong here: what a domain should say of a patient (`tests/spec/test_tabulate.py`).
"""

from __future__ import annotations

import datetime as dt
from functools import cache

import polars as pl
import pytest

from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.tabulate import tabulate
from schemas.base import Column, Table, columns, dtypes, failures
from schemas.sdtm import DOMAINS

UNBLINDING = STUDY.cut_off("2009-12-17")
ROWS = 40  # more than any codelist of a form has codes
TEXTS = {
    "patient_id": [str(100001 + i) for i in range(ROWS)],
    "site_code": ["NC001"],
    "birth_dt": ["1950-05-14", "1950-05", "1950"],
    "visit": ["DAY100", "M3", "UNSCHED"],
    "ds_stage": ["III", "IIIA", "3A", "UNK", "-1"],
    "pd_basis": ["SERUM", "SERUM;URINE", None],
    "randomization_no": [f"R{i:04d}" for i in range(ROWS)],
}
KINDS = {
    "date_raw": ["2007-05-14", "2007-05", "2007", "2007---14"],
    "result": ["1.5", "<0.1", "ND", "-1"],
}
OF_TYPE = {pl.Date: [dt.date(2007, 5, 14)], pl.Float64: [5.0], pl.Int64: [1, 2, 3], pl.String: ["TEXT"]}
CLINICAL = list(STUDY.form_codes)


def every_code(name: str, model: type[Table], *, blanks: bool) -> pl.DataFrame:
    """Rows in which each code of each codelist occurs; blanks: what need not be filled is blank."""

    def values(column: Column) -> list[object]:
        if blanks and not column.required and column.name not in ("patient_id", "site_code"):
            return [None]
        if column.name == "record_id":
            return [f"{STUDY.form_codes[name]}-{i:06d}" for i in range(ROWS)]
        given = column.codelist or TEXTS.get(column.name) or KINDS.get(column.kind or "")
        return list(given or OF_TYPE[column.dtype])

    cells = {c.name: [values(c)[i % len(values(c))] for i in range(ROWS)] for c in columns(model)}
    return pl.DataFrame(cells, schema=dtypes(model))


@cache
def all_codes(blanks: bool, released: bool) -> dict[str, pl.DataFrame]:
    """Forms that hold every code; released: with the treatment code list."""
    forms = {name: every_code(name, STUDY.forms[name], blanks=blanks) for name in CLINICAL}
    forms["sites"] = pl.DataFrame({"site_code": ["NC001"], "site_name": ["Site"], "group": ["CALGB"]})
    if released:
        arms = ["LENALIDOMIDE", "PLACEBO"] * (ROWS // 2)
        codes = pl.DataFrame({"randomization_no": TEXTS["randomization_no"], "arm": arms})
        forms["treatment_codes"] = codes
    return forms


@cache
def simulated() -> dict[str, pl.DataFrame]:
    """The newest versions of a small made-up trial's forms, typed, without the deleted records."""
    from pipeline.simulate import free_forms

    typed = {}
    for name, text in free_forms(80, seed=20091217).items():
        model = STUDY.forms.get(name, STUDY.restricted.get(name))
        if model is None:
            continue
        rows = text.select(
            pl.col(c.name).str.to_date("%Y-%m-%d")
            if c.dtype == pl.Date
            else pl.when(~pl.col(c.name).is_in(c.missing)).then(c.name).cast(c.dtype)
            for c in columns(model)
        )
        if "record_version" in rows.columns:
            newest = pl.col("record_version") == pl.col("record_version").max().over("record_id")
            rows = rows.filter(newest, pl.col("record_status") != "DELETED")
        typed[name] = rows
    return typed


def sdtm(forms: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    built: dict[str, pl.DataFrame] = {}
    for domain in STUDY.domains:
        built[domain.name] = tabulate(STUDY, domain, forms, UNBLINDING, built.get("dm"))
    return built


def test_more_rows_than_codes() -> None:
    """What `every_code` promises."""
    assert max(len(c.codelist) for name in CLINICAL for c in columns(STUDY.forms[name])) <= ROWS


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("blanks", [False, True])
def test_every_domain_is_valid_whatever_code_a_form_holds(blanks: bool, released: bool) -> None:
    for name, frame in sdtm(all_codes(blanks, released)).items():
        faults = failures(DOMAINS[name], frame)
        assert faults.is_empty(), f"{name}: {faults.rows()}"


def test_every_domain_of_a_simulated_trial_is_valid() -> None:
    for name, frame in sdtm(simulated()).items():
        assert len(frame), f"{name} has no rows, so this test shows nothing about it"
        faults = failures(DOMAINS[name], frame)
        assert faults.is_empty(), f"{name}: {faults.rows()}"


# Codes that deliberately have no word: unknown ones, and what SDTM leaves blank.
UNKNOWN = {"UNK", "-1", "NA", "ND"}


@pytest.mark.parametrize(
    ("form", "code", "domain", "variable"),
    [
        ("off_treatment", "off_reason", "ds", "DSDECOD"),
        ("off_treatment", "off_phase", "ds", "EPOCH"),
        ("treatment_dose", "treatment_phase", "ex", "EPOCH"),
        ("adverse_events", "serious", "ae", "AESER"),
        ("adverse_events", "action", "ae", "AEACN"),
        ("adverse_events", "attribution", "ae", "AEREL"),
        ("adverse_events", "outcome", "ae", "AEOUT"),
        ("disease_assessment", "response_site", "rs", "RSSTRESC"),
        ("disease_assessment", "criteria_used", "rs", "RSCAT"),
        ("disease_assessment", "bone_lesions", "rs", "RSSTRESC"),
        ("disease_assessment", "plasmacytoma", "rs", "RSSTRESC"),
        ("disease_assessment", "ca_other_cause", "lb", "CAOTHER"),
        ("on_study", "iss_stage", "rs", "RSSTRESC"),
        ("on_study", "ds_stage", "rs", "RSSTRESC"),
        ("on_study", "mm_type", "mh", "MPROTTYP"),
        ("labs", "test", "lb", "LBTESTCD"),
        ("new_primary_cancer", "histology_confirmed", "ce", "HISTCONF"),
        ("new_primary_cancer", "invasive", "ce", "INVASIVE"),
        ("new_primary_cancer", "same_primary_before", "ce", "RECURQ"),
        ("new_primary_cancer", "on_study_drug_at_dx", "ce", "ONDRUG"),
        ("new_primary_cancer", "drug_restarted", "ce", "RESTART"),
        ("spm_questionnaire", "any_new_cancer", "fa", "FASTRESC"),
        ("spm_questionnaire", "round", "fa", "FACAT"),
        ("eligibility", "criterion_code", "ie", "IETEST"),
        ("follow_up", "vital_status", "ss", "SSSTRESC"),
        ("death", "cause", "dd", "DDSTRESC"),
    ],
)
def test_every_code_of_the_form_has_a_word(form: str, code: str, domain: str, variable: str) -> None:
    """The tabulated row of each record has a value wherever the form's code says something."""
    raw = all_codes(False, True)[form].select(code, SPID=spid())
    tests = {
        "iss_stage": "ISS",
        "ds_stage": "DURSALM",
        "response_site": "OVRLRESP",
        "criteria_used": "OVRLRESP",
        "bone_lesions": "BONELES",
        "plasmacytoma": "PLASMA",
        "ca_other_cause": "CA",
    }
    rows = sdtm(all_codes(False, True))[domain].rename({f"{domain.upper()}SPID": "SPID"})
    if code in tests:
        rows = rows.filter(pl.col(f"{domain.upper()}TESTCD") == tests[code])
    if domain == "mh":
        rows = rows.filter(pl.col("MHCAT") == "DIAGNOSIS")
    said = rows.join(raw, on="SPID").filter(~pl.col(code).cast(pl.String).is_in(UNKNOWN))
    assert not said.is_empty()
    assert said.filter(pl.col(variable).is_null()).get_column(code).unique().to_list() == []


def spid() -> pl.Expr:
    return pl.concat_str("form_code", "record_id", "record_version", separator="-")


@pytest.mark.parametrize("forms", [all_codes(False, True), all_codes(True, False), simulated()])
def test_every_row_leads_back_to_one_raw_record(forms: dict[str, pl.DataFrame]) -> None:
    records = pl.concat(
        forms[name].select(SPID=spid(), USUBJID=pl.concat_str("study_id", "patient_id", separator="-"))
        for name in CLINICAL
    )
    assert records.get_column("SPID").is_unique().all()
    for name, frame in sdtm(forms).items():
        if name == "dm":
            continue  # one row per subject, gathered from several forms
        origin = frame.select("USUBJID", SPID=f"{name.upper()}SPID")
        lost = origin.join(records, on=["USUBJID", "SPID"], how="anti")
        assert lost.is_empty(), f"{name}: {lost.rows()[:3]}"


def test_sequence_numbers_run_from_one_without_gaps() -> None:
    for name, frame in sdtm(simulated()).items():
        if name != "dm":
            expected = pl.int_range(1, pl.len() + 1).over("USUBJID")
            assert frame.select((pl.col(f"{name.upper()}SEQ") == expected).all()).item(), name


def test_the_order_of_the_forms_rows_does_not_matter() -> None:
    """Transfers may arrive in any order: the same records give the same domains."""
    shuffled = {name: rows.sample(fraction=1.0, shuffle=True, seed=7) for name, rows in simulated().items()}
    original, again = sdtm(simulated()), sdtm(shuffled)
    for name in original:
        ordered = original[name] if name != "dm" else original[name].sort("USUBJID")
        assert ordered.equals(again[name].sort("USUBJID", maintain_order=True)), name
