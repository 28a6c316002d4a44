"""EC001 to EC024, EC060, EC061, EC141 to EC144: records that break a rule, and those just on its right side.

Each table shows the records; the list after it names what the check finds, as record (or patient) and
column. Source of every rule and severity: the data validation plan.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from fnmatch import fnmatchcase

import polars as pl
import pytest

from pipeline.cutoff import take_snapshot
from pipeline.edit_checks import reject_records, run_checks
from pipeline.ingest import FILE_RULES, TREATMENT_COLUMN_RULE, door_rules
from pipeline.studies.calgb_100104.edit_checks import EDIT_CHECKS
from pipeline.studies.calgb_100104.edit_checks.door import DOOR
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.base import failures
from schemas.crf.calgb_100104 import FORMS
from schemas.quality import SetAside
from tests.tables import forms_seen

CHECKS = {check.id: check for check in DOOR}
TODAY = dt.date(2009, 6, 30)
REGISTERED = """
patient_id | registration_dt
100001     | 2006-03-01
100002     | 2006-03-01
"""
SITES = """
site_code
NC001
"""


def found(check: str, date: dt.date = TODAY, **drawn: str) -> list[str]:
    """RECORD (else PATIENT) and COLUMN of what the check finds, in order."""
    rows = run_checks([CHECKS[check]], forms_seen(date, **drawn))
    where = pl.concat_str(
        pl.coalesce("RECORD", "PATIENT", pl.lit("-")), "COLUMN", separator=" ", ignore_nulls=True
    )
    return sorted(rows.select(where).to_series().to_list())


def words(check: str, date: dt.date = TODAY, **drawn: str) -> list[str]:
    """FOUND of what the check finds."""
    return run_checks([CHECKS[check]], forms_seen(date, **drawn))["FOUND"].to_list()


def test_there_is_a_check_for_every_rule_of_the_plan() -> None:
    expected = [*range(1, 25), 60, 61, *range(141, 145)]
    assert [check.id for check in DOOR] == [f"EC{n:03d}" for n in expected]
    assert Counter(check.id for check in EDIT_CHECKS).most_common(1)[0][1] == 1


def test_severities_are_those_of_the_plan() -> None:
    rejected = {1, 2, 4, 5, 9, 10, 21, 60, 61, 143}
    counted = {12, 17, 22, 23, 24, 142, 144}
    for check in DOOR:
        number = int(check.id[2:])
        expected = "reject" if number in rejected else "warn" if number in counted else "query"
        assert (check.id, check.severity) == (check.id, expected)
        assert check.ask.endswith(".")


# Rules at the door ---------------------------------------------------------------------------------------


def claims(form: str, rule: str) -> list[str]:
    """The checks that a finding of this rule on this form is."""
    names = (rule, f"{form}:{rule}")
    return [c.id for c in EDIT_CHECKS if any(fnmatchcase(name, p) for p in c.door for name in names)]


@pytest.mark.parametrize("form", FORMS)
def test_every_rule_of_the_door_is_one_check(form: str) -> None:
    rules = [*FILE_RULES, TREATMENT_COLUMN_RULE, *(rule.name for rule in door_rules(FORMS[form]))]
    assert {rule: len(claims(form, rule)) for rule in rules} == dict.fromkeys(rules, 1)


def test_no_check_names_a_rule_that_no_form_has() -> None:
    known = {f"{form}:{rule.name}" for form, model in FORMS.items() for rule in door_rules(model)}
    known |= {*FILE_RULES, TREATMENT_COLUMN_RULE}
    assert {pattern for check in EDIT_CHECKS for pattern in check.door} == known


@pytest.mark.parametrize(
    ("form", "rule", "check"),
    [
        ("labs", "patient_id_str_matches", "EC001"),
        ("labs", "form_code_isin", "EC004"),
        ("labs", "column_missing", "EC005"),
        ("registration", "ecog_ps_not_null", None),  # the item may be blank by its form
        ("registration", "sex_not_null", "EC006"),
        ("registration", "sex_isin", "EC007"),
        ("on_study", "ds_stage_str_matches", "EC007"),
        ("treatment_dose", "plt_nadir_not_a_number", "EC008"),
        ("labs", "result_str_matches", "EC008"),
        ("treatment_dose", "anc_nadir_missing_code", "EC009"),
        ("adverse_events", "key", "EC010"),
        ("labs", "record_version_not_a_number", "EC010"),
        ("labs", "collection_dt_not_a_date", "EC014"),
        ("labs", "site_code_str_matches", "EC021"),
        ("off_treatment", "no_treatment_words", "EC060"),
        ("treatment_dose", "column_treatment", "EC061"),
        ("treatment_dose", "capsule_dose_less_than_or_equal_to", "EC105"),
        ("deviations", "no_personal_data", "EC143"),
    ],
)
def test_which_rule_is_which_check(form: str, rule: str, check: str | None) -> None:
    assert claims(form, rule) == ([check] if check else [])


def test_a_rule_turns_the_row_away_if_its_check_rejects() -> None:
    """The row stays only for a query; it may be turned away for one too, where it cannot be tabulated."""
    severity = {check.id: check.severity for check in EDIT_CHECKS}
    for form, model in FORMS.items():
        for rule in door_rules(model):
            check = claims(form, rule.name)[0]
            if severity[check] == "reject":
                assert rule.severity in ("reject", "withhold"), (form, rule.name, check)


# Patients and sites --------------------------------------------------------------------------------------


def test_a_patient_is_registered() -> None:
    labs = """
    patient_id
    100001
    100003
    """
    assert found("EC001", registration=REGISTERED, labs=labs) == ["LAB-000002 patient_id"]


def test_a_patient_is_registered_once_and_the_first_to_come_counts() -> None:
    registration = """
    record_id  | record_version | received_dt | patient_id | birth_dt
    REG-000001 | 1              | 2006-03-09  | 100001     | 1949-03-02
    REG-000001 | 2              | 2008-01-10  | 100001     | 1949-03-02
    REG-000002 | 1              | 2007-05-01  | 100001     | 1951-08-11
    REG-000003 | 1              | 2006-03-09  | 100002     | 1950-01-01
    """
    # Amended after the second came, the first is still the first.
    assert found("EC002", registration=registration) == ["REG-000002 patient_id"]


def test_two_patients_who_look_like_one() -> None:
    drawn = {
        "registration": """
        patient_id | site_code | birth_dt   | sex | received_dt
        104310     | MA034     | 1949-03-02 | M   | 2006-03-01
        104377     | MA034     | 1949-03-02 | M   | 2006-04-01
        104378     | NY012     | 1949-03-02 | M   | 2006-04-01
        104379     | MA034     | 1949-03-02 | F   | 2006-04-01
        104380     | MA034     | 1949-03-02 | M   | 2006-04-01
        """,
        "on_study": """
        patient_id | diagnosis_dt
        104310     | 2005-08
        104377     | 2005-08
        104378     | 2005-08
        104379     | 2005-08
        104380     |
        """,
    }
    assert found("EC003", **drawn) == ["REG-000002 patient_id"]
    assert words("EC003", **drawn) == [
        "patients 104310 and 104377: same site, born 1949-03-02, sex M, diagnosed 2005-08"
    ]


def test_a_site_is_on_the_list_and_stays_the_same() -> None:
    registration = """
    patient_id | site_code
    100001     | NC001
    100002     | ZZ999
    """
    follow_up = """
    patient_id | site_code
    100001     | NC001
    100001     | NY012
    """
    drawn = {"registration": registration, "follow_up": follow_up, "sites": SITES}
    assert found("EC021", **drawn) == ["FU-000002 site_code", "REG-000002 site_code"]
    assert found("EC022", **drawn) == ["FU-000002 site_code"]


# Versions ------------------------------------------------------------------------------------------------

AMENDED = """
record_id | record_version | record_status
FU-000001 | 1              | ORIGINAL
FU-000001 | 3              | AMENDED
FU-000002 | 1              | ORIGINAL
FU-000002 | 2              | AMENDED
FU-000003 | 1              | AMENDED
FU-000004 | 2              | AMENDED
"""


def test_versions_run_from_one() -> None:
    assert found("EC011", follow_up=AMENDED) == [f"FU-00000{n} record_version" for n in (1, 3, 4)]
    assert "status AMENDED, versions sent: 1, 3" in words("EC011", follow_up=AMENDED)


def test_a_version_that_was_turned_away_leaves_no_gap() -> None:
    turned = pl.LazyFrame({"FORM": ["follow_up"], "RECORD": ["FU-000004"], "VERSION": [1]})
    seen = replace(forms_seen(TODAY, follow_up=AMENDED), turned_away=turned)
    assert "FU-000004" not in run_checks([CHECKS["EC011"]], seen)["RECORD"].to_list()


def test_one_version_is_current() -> None:
    seen = forms_seen(TODAY, follow_up=AMENDED)
    assert run_checks([CHECKS["EC012"]], seen).is_empty()
    both = replace(seen, forms={**seen.forms, "follow_up": seen.versions["follow_up"]})
    assert run_checks([CHECKS["EC012"]], both)["RECORD"].to_list() == ["FU-000001"] * 2 + ["FU-000002"] * 2


def test_the_same_content_twice() -> None:
    labs = """
    patient_id | test | result | collection_dt | received_dt
    100001     | HGB  | 11.2   | 2008-03-03    | 2008-04-01
    100001     | HGB  | 11.2   | 2008-03-03    | 2008-05-01
    100001     | HGB  | 11.3   | 2008-03-03    | 2008-05-01
    100002     | HGB  | 11.2   | 2008-03-03    | 2008-05-01
    """
    assert found("EC013", labs=labs) == ["LAB-000002"]
    assert words("EC013", labs=labs) == ["the same content as record LAB-000001"]


# Dates ---------------------------------------------------------------------------------------------------


def test_nothing_is_dated_after_its_receipt() -> None:
    follow_up = """
    contact_dt | progression_dt | completed_dt | received_dt
    2009-05-01 |                | 2009-05-01   | 2009-05-01
    2009-05-02 |                | 2009-05-02   | 2009-05-01
    2009-05    | 2009-06        | 2009-05      | 2009-05-01
    """
    assert found("EC015", follow_up=follow_up) == ["FU-000002 contact_dt", "FU-000003 progression_dt"]
    assert found("EC016", follow_up=follow_up) == ["FU-000002 completed_dt"]


def test_receipt_transfer_and_the_day_of_the_data() -> None:
    follow_up = """
    contact_dt | received_dt
    2009-06-30 | 2009-06-30
    2009-07-01 | 2009-06-30
    2009-06-01 | 2009-07-01
    """
    assert found("EC017", follow_up=follow_up) == ["FU-000003 received_dt"]
    assert found("EC018", follow_up=follow_up) == ["FU-000002 contact_dt"]


def test_nothing_before_birth_nor_long_before_the_study() -> None:
    drawn = {
        "registration": """
        patient_id | birth_dt | registration_dt
        100001     | 1949-03  | 2006-03-01
        """,
        "induction": """
        patient_id | start_dt
        100001     | 1907-06-11
        100001     | 1994-12-31
        100001     | 1995-01-01
        100001     | 1995
        """,
        "on_study": """
        patient_id | diagnosis_dt | prior_cancer_dt
        100001     | 1994-12-31   | 1949-02-28
        100001     | 1949-03-01   | 1949
        """,
    }
    assert found("EC019", **drawn) == [
        "INDUCT-000001 start_dt",
        "INDUCT-000002 start_dt",
        "ONSTUDY-000001 prior_cancer_dt",
    ]
    assert "start_dt 1907-06-11, born 1949-03" in words("EC019", **drawn)


def test_nothing_after_death_but_what_is_asked_of_survivors() -> None:
    drawn = {
        "death": """
        patient_id | death_dt
        100001     | 2010-01-15
        100002     | 2010-01
        """,
        "disease_assessment": """
        patient_id | spep_dt    | assess_dt
        100001     | 2010-03-02 | 2010-01-15
        100002     | 2010-01-31 | 2010-02
        """,
        "spm_questionnaire": """
        patient_id | questionnaire_dt
        100001     | 2010-12-01
        """,
    }
    assert found("EC020", dt.date(2010, 12, 31), **drawn) == [
        "DISASSESS-000001 spep_dt",
        "DISASSESS-000002 assess_dt",
    ]


# Logs and missing forms ----------------------------------------------------------------------------------


def test_forms_overdue_and_late() -> None:
    form_log = """
    as_of      | patient_id | site_code | form_code | visit | due_dt     | received_dt
    2009-06-30 | 100001     | NC001     | FU        | M18   | 2009-04-30 |
    2009-06-30 | 100002     | NC001     | FU        | M18   | 2009-05-01 |
    2009-06-30 | 100003     | NC001     | FU        | M12   | 2008-09-01 | 2009-02-28
    2009-06-30 | 100004     | NC001     | FU        | M12   | 2008-09-01 | 2009-03-01
    """
    assert found("EC023", form_log=form_log) == ["100001/FU/M18 received_dt"]
    assert found("EC024", form_log=form_log) == ["100004/FU/M12 received_dt"]


def test_queries_open_too_long_or_of_no_check() -> None:
    query_log = """
    as_of      | query_id | check_id | opened_dt  | closed_dt
    2009-06-30 | Q-00001  | EC144    | 2009-04-01 |
    2009-06-30 | Q-00002  | EC144    | 2009-03-31 |
    2009-06-30 | Q-00003  | EC144    | 2009-03-31 | 2009-06-01
    2009-06-30 | Q-00004  | EC145    | 2009-06-01 |
    """
    assert found("EC144", query_log=query_log) == ["Q-00002", "Q-00004"]


def test_forms_that_every_patient_has() -> None:
    registration = """
    patient_id | registration_dt
    100001     | 2008-01-01
    100002     | 2008-01-01
    100003     | 2009-01-02
    """
    randomization = """
    patient_id | randomization_dt
    100001     | 2008-06-30
    100002     | 2008-07-01
    """
    on_study = """
    patient_id
    100001
    """
    assessed = """
    patient_id | visit  | assess_dt  | response_site
    100001     | DAY100 | 2008-06-20 | PR
    100001     | M3     | 2008-09    | NE
    100002     | M3     | 2008-07-02 | PR
    """
    drawn = {
        "registration": registration,
        "on_study": on_study,
        "randomization": randomization,
        "transplant": on_study,
        "disease_assessment": assessed,
    }
    # 100003 was registered 179 days ago; a year has passed only since 100001 was randomised.
    rows = run_checks([CHECKS["EC141"]], forms_seen(TODAY, **drawn))
    assert sorted(rows.select("FORM", "PATIENT").rows()) == [
        ("disease_assessment", "100002"),
        ("follow_up", "100001"),
        ("on_study", "100002"),
        ("transplant", "100002"),
    ]
    assert found("EC142", **drawn) == ["100001"]


# What a cut-off rejects ----------------------------------------------------------------------------------


def test_a_cut_off_sets_aside_what_is_rejected_and_what_cannot_do_without_it() -> None:
    """100002 comes from an unknown site: no registration, therefore no form of the patient either."""
    drawn = {
        "sites": SITES,
        "registration": """
        patient_id | site_code
        100001     | NC001
        100002     | ZZ999
        """,
        "labs": """
        patient_id
        100001
        100002
        """,
    }
    accepted = {form: rows.collect() for form, rows in forms_seen(TODAY, **drawn).versions.items()}
    forms = {form: accepted[form] for form in STUDY.forms}
    cut_off = STUDY.cut_offs[0]
    current = {form: take_snapshot(STUDY, form, rows, cut_off).current for form, rows in forms.items()}
    kept, aside = reject_records(STUDY, current, forms, cut_off)
    assert kept["registration"]["patient_id"].to_list() == ["100001"]
    assert kept["labs"]["patient_id"].to_list() == ["100001"]
    assert kept["sites"].equals(forms["sites"])
    assert failures(SetAside, aside).is_empty()
    assert aside.select("FORM", "RECORD", "VERSION", "REASON", "DETAIL").rows() == [
        (
            "registration",
            "REG-000002",
            1,
            "rejected by an edit check",
            "EC021: institution ZZ999 is not among the sites",
        ),
        (
            "labs",
            "LAB-000002",
            1,
            "rejected by an edit check",
            "EC001: patient 100002 has no registration",
        ),
    ]
    clean = reject_records(STUDY, kept, {form: kept[form] for form in forms}, cut_off)
    assert clean[1].is_empty()
    assert all(rows.equals(kept[form]) for form, rows in clean[0].items())
