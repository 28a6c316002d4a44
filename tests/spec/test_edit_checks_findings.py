"""EC065 to EC091 in drawn records: those that break a rule, and those just on the right side of it.

Each table shows the records of a form; the list after it names what the check finds, as the record's number
in its table and the column. Limits: the data validation plan, clinical rules 2.1 to 2.7.
"""

from __future__ import annotations

import datetime as dt

from pipeline.edit_checks import run_checks
from pipeline.studies.calgb_100104.edit_checks.findings import FINDINGS
from tests.tables import forms_seen

CHECKS = {check.id: check for check in FINDINGS}
TODAY = dt.date(2011, 10, 31)


def found(check: str, **drawn: str) -> list[str]:
    """Number of the record in its table, and column, of what the check finds, in order."""
    rows = run_checks([CHECKS[check]], forms_seen(TODAY, **drawn)).sort("RECORD", "COLUMN")
    pairs = rows.select("RECORD", "COLUMN").iter_rows()
    return [
        " ".join([str(int(record.split("-")[1])), *([column] if column else [])]) for record, column in pairs
    ]


def words(check: str, **drawn: str) -> list[str]:
    """FOUND of what the check finds."""
    rows = run_checks([CHECKS[check]], forms_seen(TODAY, **drawn))
    return rows.sort("RECORD", "COLUMN")["FOUND"].to_list()


def test_there_is_a_check_for_every_rule_of_the_plan() -> None:
    assert [check.id for check in FINDINGS] == [f"EC{n:03d}" for n in range(65, 92)]
    for check in FINDINGS:
        assert check.severity == ("warn" if check.id in ("EC075", "EC079") else "query"), check.id
        assert check.ask.endswith((".", "?")), check.id


def test_component_dates_within_28_days() -> None:
    forms = """
    patient_id | assess_dt  | spep_dt    | bm_dt
    100001     | 2007-05-29 | 2007-05-01 | 2007-06-26
    100002     | 2007-05-29 | 2007-04-30 | 2007-06-27
    100003     | 2007-05    | 2007-04-03 |
    100004     | 2007-05    | 2007-04-02 |
    100005     | 2007-05-28 | 2007-04    | 2007-07
    100006     | 2007-05-29 | 2007-03    |
    """
    # 28 days are within, 29 are not; a partial date may mean the day that fits.
    assert found("EC065", disease_assessment=forms) == [
        *("2 bm_dt", "2 spep_dt", "3 assess_dt", "4 assess_dt", "4 spep_dt", "5 bm_dt", "6 spep_dt"),
    ]
    assert words("EC065", disease_assessment=forms)[-1] == "spep_dt 2007-03, date of assessment 2007-05-29"


def test_unit_of_serum_m_protein() -> None:
    forms = """
    patient_id | spep_result | spep_unit
    100001     | 12          | g/dL
    100002     | 12.1        | g/dL
    100003     | 120         | g/L
    100004     | 121         | g/L
    100005     | 28          | g/dL
    100006     | <14         | g/dL
    100007     | ND          |
    """
    assert found("EC066", disease_assessment=forms) == ["2 spep_unit", "4 spep_unit", "5 spep_unit"]
    assert words("EC066", disease_assessment=forms)[2] == "28 g/dL"


def test_spot_urine_is_not_usable() -> None:
    forms = """
    patient_id | upep_result | upep_unit
    100001     | 30          | mg/dL
    100002     | ND          | mg/dL
    100003     | -1          | mg/dL
    100004     | 30          | mg/24h
    """
    assert found("EC067", disease_assessment=forms) == ["1 upep_unit"]


def test_magnitude_of_urine_m_protein() -> None:
    forms = """
    patient_id | upep_result | upep_unit
    100001     | 1.2         | mg/24h
    100002     | 4.9         | mg/24h
    100003     | 5           | mg/24h
    100004     | 1.2         | g/24h
    100005     | 0           | mg/24h
    100006     | <4          | mg/24h
    100007     | NEG         | mg/24h
    """
    assert found("EC068", disease_assessment=forms) == ["1 upep_unit", "2 upep_unit"]


def test_free_light_chains_keep_their_unit() -> None:
    forms = """
    patient_id | assess_dt  | flc_kappa | flc_lambda | flc_unit | response_site
    100001     | 2007-01-01 | 1.9       | 1.0        | mg/dL    | SD
    100001     | 2007-04-01 | 19.4      | 1.1        | mg/dL    | SD
    100001     | 2007-07-01 | 2.0       | 1.0        | mg/dL    | SD
    100002     | 2007-01-01 | 1.0       | 1.0        | mg/dL    | SD
    100002     | 2007-04-01 | 7.9       | 1.0        | mg/dL    | SD
    100002     | 2007-07-01 | 80        | 10         | mg/L     | SD
    100003     | 2007-01-01 | 2.0       | 1.0        | mg/dL    | SD
    100003     | 2007-04-01 | 16        | 1.0        | mg/dL    | SD
    100004     | 2007-01-01 | 2.0       | 1.0        | mg/dL    | SD
    100004     | 2007-04-01 | 16        | 1.0        | mg/dL    | PD
    100005     | 2007-01-01 | 1.9       | 1.0        |          | SD
    100006     | 2007-01-01 | ND        | ND         |          | SD
    100007     | 2007-01-01 | 1.6       | 1.0        | mg/dL    | SD
    100007     | 2007-04-01 | 1.6       | 1.0        | mg/L     | SD
    100007     | 2007-07-01 | 1.6       | 1.0        | mg/dL    | SD
    """
    # Both chains of the last patient are a tenth under the wrong unit: one question.
    assert found("EC069", disease_assessment=forms) == [
        *("2 flc_unit", "8 flc_unit", "11 flc_unit", "14 flc_unit"),
    ]


def test_negative_immunofixation_and_measured_m_protein() -> None:
    forms = """
    patient_id | sife  | spep_result | spep_unit
    100001     | NEG   | 0.9         | g/dL
    100002     | NEG   | 0.1         | g/dL
    100003     | NEG   | 1           | g/L
    100004     | NEG   | 1.1         | g/L
    100005     | NEG   | <0.2        | g/dL
    100006     | POS   | 0.9         | g/dL
    100007     | OLIGO | 0.9         | g/dL
    """
    assert found("EC070", disease_assessment=forms) == ["1 sife", "4 sife"]


def test_complete_remission_needs_negative_findings() -> None:
    forms = """
    patient_id | response_site | sife  | uife | bm_pc_pct | plasmacytoma
    100001     | CR            | NEG   | NEG  | 4.9       | NONE
    100002     | CR            | POS   | NEG  | 4         | NONE
    100003     | CR            | NEG   | POS  | 4         | NONE
    100004     | sCR           | NEG   | NEG  | 5         | NONE
    100005     | CR            | NEG   | NEG  | <5        | NONE
    100006     | CR            | NEG   | NEG  | ND        | STABLE
    100007     | CR            | ND    | NEG  |           | NONE
    100008     | CR            | OLIGO | ND   |           | ND
    100009     | VGPR          | POS   | POS  | 9         | STABLE
    100010     | CR            | NEG   |      |           |
    """
    assert found("EC071", disease_assessment=forms) == [
        *("2 response_site", "3 response_site", "4 response_site", "6 response_site", "7 response_site"),
    ]


RAND = """
    patient_id | infusion_dt
    100001     | 2006-12-01
    100002     | 2006-12-01
    100003     | 2006-12-01
    100004     | 2006-12-01
    """


def test_progression_by_rule_that_the_site_does_not_call() -> None:
    """The rules' example: 0.8 -> 1.5 -> 1.6 g/dL."""
    series = """
    patient_id | visit  | assess_dt  | spep_result | spep_unit | response_site | pd_dt
    100001     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR            |
    100001     | M3     | 2007-06-10 | 1.5         | g/dL      | PR            |
    100001     | M6     | 2007-07-10 | 1.6         | g/dL      | PR            |
    100002     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR            |
    100002     | M3     | 2007-06-10 | 1.2         | g/dL      | PR            |
    100002     | M6     | 2007-07-10 | 1.29        | g/dL      | PR            |
    100003     | DAY100 | 2007-03-10 | 8           | g/L       | PR            |
    100003     | M3     | 2007-06-10 | 15          | g/L       | PR            |
    100003     | PD     | 2007-08-09 | 16          | g/L       | PD            |
    100004     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR            |
    100004     | M3     | 2007-06-10 | 1.5         | g/dL      | SD            |
    100004     | PD     | 2007-08-10 | 1.6         | g/dL      | PD            | 2007-08-10
    """
    # The third is called 60 days after it happened, the fourth 61.
    drawn = {"disease_assessment": series, "transplant": RAND}
    assert found("EC072", **drawn) == ["2 response_site", "11 response_site"]
    assert words("EC072", **drawn)[0] == "response PR at progression by rule on 2007-06-10 (SERUM)"


def test_response_better_than_the_markers_allow() -> None:
    series = """
    patient_id | visit  | assess_dt  | spep_result | spep_unit | upep_result | upep_unit | response_site
    100001     | REG    | 2006-10-10 | 2.0         | g/dL      |             |           | SD
    100001     | DAY100 | 2007-03-10 | 1.0         | g/dL      |             |           | PR
    100002     | REG    | 2006-10-10 | 2.0         | g/dL      |             |           | SD
    100002     | DAY100 | 2007-03-10 | 1.1         | g/dL      |             |           | PR
    100002     | M3     | 2007-06-10 | 1.1         | g/dL      |             |           | PR
    100003     | REG    | 2006-10-10 | 2.0         | g/dL      |             |           | SD
    100003     | DAY100 | 2007-03-10 | 1.5         | g/dL      |             |           | MR
    100004     | REG    | 2006-10-10 | 20          | g/L       |             |           | SD
    100004     | DAY100 | 2007-03-10 | 1.6         | g/dL      |             |           | MR
    100005     | REG    | 2006-10-10 | NEG         | g/dL      | 1000        | mg/24h    | SD
    100005     | DAY100 | 2007-03-10 | NEG         | g/dL      | 500         | mg/24h    | MR
    100006     | REG    | 2006-10-10 | NEG         | g/dL      | 1           | g/24h     | SD
    100006     | DAY100 | 2007-03-10 | NEG         | g/dL      | 200         | mg/24h    | PR
    100007     | REG    | 2006-10-10 | NEG         | g/dL      | 1000        | mg/24h    | SD
    100007     | DAY100 | 2007-03-10 | NEG         | g/dL      | 199         | mg/24h    | PR
    100008     | REG    | 2006-10-10 | 0.9         | g/dL      |             |           | SD
    100008     | DAY100 | 2007-03-10 | 0.9         | g/dL      |             |           | PR
    100009     | REG    | 2006-10-10 | 2.0         | g/dL      |             |           | SD
    100009     | DAY100 | 2007-03-10 | 0.8         | g/dL      |             |           | PR
    100009     | M3     | 2007-06-10 | 1.2         | g/dL      |             |           | PR
    """
    # EBMT: serum down by half is PR, by a quarter MR; urine down to below 200 mg is PR, by half MR. A site
    # is asked once for the same call; 0.9 g/dL was never measurable; the best value so far counts.
    assert found("EC072", disease_assessment=series) == [
        *("4 response_site", "9 response_site", "13 response_site"),
    ]


def test_progression_that_no_rule_meets() -> None:
    """The rules' example: 0.8 -> 1.0 g/dL."""
    series = """
    patient_id | visit  | assess_dt  | spep_result | spep_unit | bone_lesions | response_site | pd_basis
    100001     | DAY100 | 2007-03-10 | 0.8         | g/dL      |              | PR            |
    100001     | PD     | 2007-06-10 | 1.0         | g/dL      |              | PD            | SERUM
    100002     | DAY100 | 2007-03-10 | 0.8         | g/dL      |              | PR            |
    100002     | PD     | 2007-06-10 | 1.3         | g/dL      |              | PD            | SERUM
    100003     | DAY100 | 2007-03-10 | 0.8         | g/dL      |              | PR            |
    100003     | PD     | 2007-06-10 | 1.0         | g/dL      | NEW          | PD            | BONE
    100004     | DAY100 | 2007-03-10 | 0.8         | g/dL      |              | PR            |
    100004     | PD     | 2007-06-10 | 0.8         | g/dL      |              | PD            | CLINICAL
    100005     | DAY100 | 2007-03-10 | 0.8         | g/dL      |              | PR            |
    100005     | PD     | 2007-06-10 | 0.8         | g/dL      |              | PD            | SERUM
    100005     | UNSCHED| 2007-08-09 | 0.8         | g/dL      | NEW          | PD            | BONE
    100006     | DAY100 | 2007-03-10 | 0.8         | g/dL      |              | PD            | SERUM
    """
    # A rise of 0.5 g/dL with nothing after it meets the rule (EC074 asks); the fifth's lesion is 60 days off.
    assert found("EC073", disease_assessment=series) == ["2 response_site"]
    assert words("EC073", disease_assessment=series) == ["progression blank on SERUM, serum M-protein 1.0"]


def test_a_rise_needs_another_value() -> None:
    series = """
    patient_id | visit  | assess_dt  | spep_result | spep_unit | response_site
    100001     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR
    100001     | M3     | 2007-06-10 | 1.5         | g/dL      | PR
    100002     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR
    100002     | M3     | 2007-06-10 | 1.5         | g/dL      | PR
    100002     | M6     | 2007-09-10 | 0.8         | g/dL      | PR
    100003     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR
    100003     | M3     | 2007-06-10 | 1.5         | g/dL      | PR
    100004     | DAY100 | 2007-03-10 | 0.8         | g/dL      | PR
    100004     | PD     | 2007-06-10 | 1.5         | g/dL      | PD
    100004     | UNSCHED| 2007-07-10 | 1.6         | g/dL      | PD
    100004     | M12    | 2008-07-10 | 2.6         | g/dL      | PD
    """
    # Refuted, death from myeloma, and a rise after a known progression are no questions.
    death = "patient_id | death_dt | cause\n100003 | 2007-08-01 | MYELOMA"
    assert found("EC074", disease_assessment=series, death=death) == ["2"]
    assert words("EC074", disease_assessment=series, death=death) == [
        "SERUM rise on 2007-06-10, nothing after it"
    ]


def test_late_confirmation() -> None:
    series = """
    patient_id | visit  | assess_dt  | spep_result | spep_unit | bone_lesions
    100001     | DAY100 | 2007-03-10 | 0.8         | g/dL      |
    100001     | PD     | 2007-06-10 | 1.5         | g/dL      |
    100001     | UNSCHED| 2007-09-02 | 1.6         | g/dL      |
    100002     | DAY100 | 2007-03-10 | 0.8         | g/dL      |
    100002     | PD     | 2007-06-10 | 1.5         | g/dL      |
    100002     | UNSCHED| 2007-09-03 | 1.6         | g/dL      |
    100003     | DAY100 | 2007-03-10 | 0.8         | g/dL      |
    100003     | PD     | 2007-06-10 | 1.5         | g/dL      |
    100003     | UNSCHED| 2007-08-03 | ND          |           | NEW
    100003     | UNSCHED| 2007-10-03 | 1.6         | g/dL      |
    100004     | DAY100 | 2007-03-10 | 0.8         | g/dL      |
    100004     | PD     | 2007-06-10 | 0.8         | g/dL      | NEW
    """
    # 84 days are in time, 85 are not; a lesion confirms too, and needs no confirmation itself.
    assert found("EC075", disease_assessment=series) == ["5 assess_dt"]
    assert words("EC075", disease_assessment=series) == [
        "progression on 2007-06-10, confirmed on 2007-09-03, 85 days later"
    ]


def test_date_of_progression() -> None:
    series = """
    patient_id | assess_dt  | response_site | pd_dt
    100001     | 2007-03-10 | SD            |
    100001     | 2007-06-10 | PD            | 2007-06-10
    100002     | 2007-03-10 | SD            |
    100002     | 2007-06-10 | PD            |
    100003     | 2007-03-10 | SD            | 2007-03-10
    100004     | 2007-03-10 | SD            |
    100004     | 2007-06-10 | PD            | 2007-06-11
    100005     | 2007-03-10 | SD            |
    100005     | 2007-06-10 | PD            | 2007-03-10
    100006     | 2007-03-10 | SD            |
    100006     | 2007-06-10 | PD            | 2007-03-11
    100007     | 2007-03-10 | SD            |
    100007     | 2007-06-10 | PD            | 2007-03
    100008     | 2007-03-10 | SD            |
    100008     | 2007-06-10 | PD            | 2007-02
    100009     | 2007-03-10 | NE            |
    100009     | 2007-06-10 | PD            | 2007-03-01
    100010     | 2007-06-10 | PD            | 2007-06-10
    100010     | 2007-09-10 | PR            |
    100010     | 2007-12-10 | PD            | 2007-06-10
    """
    # NE says nothing about progression; the response of the last patient came after the first progression.
    assert found("EC076", disease_assessment=series) == [
        *("4 pd_dt", "5 pd_dt", "7 pd_dt", "9 pd_dt", "15 pd_dt"),
    ]


def test_responses_of_the_criteria() -> None:
    forms = """
    patient_id | criteria_used | response_site
    100001     | EBMT          | VGPR
    100002     | EBMT          | sCR
    100003     | EBMT          | MR
    100004     | IMWG          | MR
    100005     | IMWG          | VGPR
    100006     |               | VGPR
    """
    assert found("EC077", disease_assessment=forms) == [
        *("1 response_site", "2 response_site", "4 response_site"),
    ]


def test_response_after_progression() -> None:
    series = """
    patient_id | assess_dt  | response_site
    100001     | 2008-02-10 | PD
    100001     | 2008-05-10 | CR
    100001     | 2008-08-10 | CR
    100002     | 2008-02-10 | PD
    100002     | 2008-05-10 | CR
    100003     | 2008-02-10 | PD
    100003     | 2008-05-10 | CR
    100004     | 2008-02-10 | PD
    100004     | 2008-05-10 | NE
    100005     | 2008-02-10 | PD
    100005     | 2008-05-10 | SD
    """
    therapy = "patient_id | start_dt\n100002 | 2008-05-10\n100003 | 2008-05-11"
    contact = "patient_id | contact_dt | new_therapy\n100005 | 2008-05-10 | Y\n100001 | 2008-03-01 | N"
    # A therapy that began on the day of the assessment explains it; one a day later does not.
    drawn = {"disease_assessment": series, "subsequent_therapy": therapy, "follow_up": contact}
    assert found("EC078", **drawn) == ["2 response_site", "7 response_site"]


def test_gap_between_assessments_on_treatment() -> None:
    series = """
    patient_id | assess_dt
    100001     | 2007-01-01
    100001     | 2007-07-03
    100002     | 2007-01-01
    100002     | 2007-07-04
    100003     | 2007-01-01
    100003     | 2007-11-01
    100004     | 2006-01-01
    100004     | 2007-05-01
    """
    doses = """
    patient_id | cycle_start_dt | cycle_end_dt | days_taken
    100001     | 2006-12-01     | 2008-12-31   | 700
    100002     | 2006-12-01     | 2008-12-31   | 700
    100003     | 2006-12-01     | 2007-06-30   | 200
    100003     | 2007-07-01     | 2007-12-31   | 0
    100004     | 2006-12-01     | 2007-12-31   | 300
    """
    # 183 days are in time; the third had stopped, the fourth had not begun.
    assert found("EC079", disease_assessment=series, treatment_dose=doses) == ["4 assess_dt"]


def test_high_calcium_needs_its_cause() -> None:
    forms = """
    patient_id | ca_result | ca_unit | alb_result | ca_other_cause
    100001     | 12.4      | mg/dL   | 4.0        |
    100002     | 12.4      | mg/dL   | 4.0        | N
    100003     | 11.5      | mg/dL   | 4.0        |
    100004     | 10.8      | mg/dL   | 3.0        |
    100005     | 2.9       | mmol/L  | 4.0        |
    100006     | 2.875     | mmol/L  | 4.0        |
    100007     | 12.0      | mg/dL   | 5.0        |
    """
    # Corrected: 10.8 + 0.8 x (4 - 3) = 11.6; 12.0 - 0.8 = 11.2; 2.875 mmol/L is 11.5 mg/dL.
    assert found("EC080", disease_assessment=forms) == [
        *("1 ca_other_cause", "4 ca_other_cause", "5 ca_other_cause"),
    ]


def test_unit_of_calcium() -> None:
    forms = """
    patient_id | ca_result | ca_unit
    100001     | 3.1       | mg/dL
    100002     | 5.0       | mg/dL
    100003     | 2.3       | mmol/L
    100004     | 9.2       | mmol/L
    """
    labs = """
    patient_id | test | result | unit
    100001     | CA   | 3.1    | mg/dL
    100002     | CA   | 5.0    | mg/dL
    100003     | ALB  | 3.1    | g/dL
    """
    assert found("EC081", disease_assessment=forms) == ["1 ca_unit", "4 ca_unit"]
    assert found("EC081", labs=labs) == ["1 unit"]


def test_plasmacytomas() -> None:
    assessments = """
    patient_id | assess_no | plasmacytoma
    100001     | 1         | STABLE
    100001     | 2         | STABLE
    100002     | 1         | STABLE
    100002     | 2         | NEW
    """
    lesions = """
    patient_id | assess_no | lesion_no | diam1 | diam2
    100001     | 1         | 1         | 3.0   | 3.0
    100001     | 2         | 1         | 3.0   | 3.1
    100001     | 2         | 2         | 3.0   | 2.0
    100001     | 3         | 1         | 3.0   | 2.0
    100002     | 1         | 1         | 3.0   | 2.0
    100002     | 2         | 2         | 3.0   | 2.0
    """
    drawn = {"disease_assessment": assessments, "plasmacytoma": lesions}
    assert found("EC082", **drawn) == ["2 diam2", "3 lesion_no", "4 assess_no"]


def test_units_of_the_laboratory() -> None:
    labs = """
    patient_id | test  | result | unit
    100001     | CREAT | 88     | mg/dL
    100002     | CREAT | 88     | umol/L
    100003     | CREAT | 20     | mg/dL
    100004     | CREAT | 1.0    | g/dL
    100005     | CREAT | 1.0    |
    100006     | CREAT | ND     |
    100007     | CREAT | -1     |
    100008     | ALB   | 38     | g/dL
    100009     | ALB   | 38     | g/L
    100010     | B2M   | 3.0    | nmol/L
    100011     | WBC   | 5200   | 10^9/L
    100012     | WBC   | 5200   | /uL
    100013     | IGG   | 900    | g/L
    100014     | CA    | 2.3    | mg/dL
    """
    # The last is EC081's question.
    assert found("EC083", labs=labs) == [
        *("1 unit", "4 unit", "5 unit", "8 unit", "10 unit", "11 unit", "13 unit"),
    ]


def test_limits_of_beta_2_microglobulin_hemoglobin_and_counts() -> None:
    labs = """
    patient_id | test | result | unit
    100001     | B2M  | 50     | mg/L
    100002     | B2M  | 50.1   | mg/L
    100003     | B2M  | 254    | nmol/L
    100004     | HGB  | 25     | g/dL
    100005     | HGB  | 112    | g/dL
    100006     | HGB  | 112    | g/L
    100007     | HGB  | 3.5    | g/dL
    100008     | HGB  | 3.4    | g/dL
    100009     | ANC  | 100    | 10^9/L
    100010     | ANC  | 1450   | 10^9/L
    100011     | ANC  | 1450   | /uL
    100012     | PLT  | 2000   | 10^9/L
    100013     | PLT  | 2001   | 10^9/L
    """
    assert found("EC084", labs=labs) == ["2 unit"]
    assert found("EC085", labs=labs) == ["5 unit", "8 unit"]
    assert found("EC086", labs=labs) == ["10 unit", "13 unit"]


def test_differential_count() -> None:
    labs = """
    patient_id | collection_dt | test | result | unit
    100001     | 2008-03-03    | WBC  | 2.0    | 10^9/L
    100001     | 2008-03-03    | ANC  | 2.4    | 10^9/L
    100002     | 2008-03-03    | WBC  | 4.0    | 10^9/L
    100002     | 2008-03-03    | ANC  | 3000   | /uL
    100002     | 2008-03-03    | ALC  | 1.2    | 10^9/L
    100003     | 2008-03-03    | WBC  | 4.0    | 10^9/L
    100003     | 2008-03-03    | ANC  | 3.0    | 10^9/L
    100003     | 2008-03-03    | ALC  | 1.21   | 10^9/L
    100004     | 2008-03-03    | WBC  | 2.0    | 10^9/L
    100004     | 2008-03-04    | ANC  | 2.4    | 10^9/L
    """
    # 4.0 x 1.05 = 4.2
    assert found("EC087", labs=labs) == ["1 result", "6 result"]
    assert words("EC087", labs=labs)[0] == "WBC 2.0, ANC 2.4, ALC blank on 2008-03-03"


def test_normal_ranges() -> None:
    labs = """
    patient_id | test  | result | unit   | lln | uln
    100001     | PLT   | 120    | 10^9/L | 150 | 15
    100002     | PLT   | 120    | 10^9/L | 150 | 150
    100003     | PLT   | 4000   | 10^9/L | 150 | 400
    100004     | PLT   | 4001   | 10^9/L | 150 | 400
    100005     | PLT   | 5      | 10^9/L | 150 | 400
    100006     | ALB   | 0.35   | g/dL   | 3.5 | 5
    100007     | ALB   | 0.34   | g/dL   | 3.5 | 5
    100008     | ALB   | 4.0    | g/dL   |     |
    """
    assert found("EC088", labs=labs) == ["1 lln", "2 lln", "4 lln", "7 lln"]


def test_two_results_of_a_day() -> None:
    labs = """
    patient_id | collection_dt | test | result | unit
    100001     | 2008-03-03    | PLT  | 41     | 10^9/L
    100001     | 2008-03-03    | PLT  | 141    | 10^9/L
    100002     | 2008-03-03    | PLT  | 41     | 10^9/L
    100002     | 2008-03-03    | PLT  | 41000  | /uL
    100003     | 2008-03-03    | PLT  | 41     | 10^9/L
    100003     | 2008-03-04    | PLT  | 141    | 10^9/L
    100004     | 2008-03       | PLT  | 41     | 10^9/L
    100004     | 2008-03       | PLT  | 141    | 10^9/L
    100005     | 2008-03-03    | PLT  | 41     | 10^9/L
    100005     | 2008-03-03    | PLT  | ND     |
    """
    assert found("EC089", labs=labs) == ["2 result"]
    assert words("EC089", labs=labs) == ["PLT 41.0 and 141.0 on 2008-03-03, in the standard unit"]


def test_severe_values_have_an_adverse_event() -> None:
    labs = """
    patient_id | collection_dt | test | result | unit
    100001     | 2008-03-15    | ANC  | 0.99   | 10^9/L
    100002     | 2008-03-15    | ANC  | 1.0    | 10^9/L
    100003     | 2008-03-15    | ANC  | 400    | /uL
    100004     | 2008-03-15    | ANC  | 0.4    | 10^9/L
    100005     | 2008-03-15    | ANC  | 0.4    | 10^9/L
    100006     | 2008-03-15    | HGB  | 7.9    | g/dL
    100007     | 2008-03-15    | PLT  | 49     | 10^9/L
    100008     | 2008-03-15    | ANC  | 0.4    | 10^9/L
    100009     | 2008-03-15    | ANC  | 0.4    | 10^9/L
    """
    events = """
    patient_id | ctcae_term               | grade | start_dt   | end_dt     | ongoing
    100003     | Neutrophils/granulocytes | 4     | 2008-03-29 |            |
    100004     | Neutrophils/granulocytes | 4     | 2008-03-30 |            |
    100005     | Neutropenia              | 4     | 2008-02-20 | 2008-03-01 |
    100006     | Leukocytes               | 3     | 2008-03-15 |            |
    100007     | Platelets                | 3     | 2008-03    |            |
    100008     | Neutrophils/granulocytes | 0     | 2008-03-15 |            |
    100009     | Neutrophils/granulocytes | 3     | 2007-01-01 |            | Y
    """
    # 14 days before and after; another term does not count, an event of grade 0 did not happen.
    assert found("EC090", labs=labs, adverse_events=events) == [
        "1 result",
        "4 result",
        "6 result",
        "8 result",
    ]


def test_grade_of_the_worst_value() -> None:
    labs = """
    patient_id | collection_dt | test | result | unit
    100001     | 2008-03-15    | ANC  | 0.7    | 10^9/L
    100002     | 2008-03-15    | ANC  | 0.5    | 10^9/L
    100002     | 2008-03-20    | ANC  | 0.49   | 10^9/L
    100003     | 2008-03-15    | ANC  | 0.5    | 10^9/L
    100003     | 2008-03-21    | ANC  | 0.49   | 10^9/L
    100004     | 2008-03-15    | ANC  | 1.4    | 10^9/L
    100005     | 2008-03-15    | ANC  | 0.9    | 10^9/L
    100006     | 2008-03-15    | ANC  | 0.1    | 10^9/L
    100007     | 2008-04-12    | PLT  | 20     | 10^9/L
    100008     | 2008-04-13    | PLT  | 20     | 10^9/L
    """
    events = """
    patient_id | ctcae_term               | grade | start_dt   | end_dt
    100001     | Neutrophils/granulocytes | 4     | 2008-03-15 | 2008-03-20
    100002     | Neutrophils/granulocytes | 4     | 2008-03-15 | 2008-03-20
    100003     | Neutrophils/granulocytes | 3     | 2008-03-15 | 2008-03-20
    100004     | Neutrophils/granulocytes | 1     | 2008-03-15 | 2008-03-20
    100005     | Neutrophils/granulocytes | 2     | 2008-03-15 | 2008-03-20
    100006     | Neutrophils/granulocytes | 5     | 2008-03-15 | 2008-03-20
    100007     | Platelets                | 3     | 2008-03-15 |
    100008     | Platelets                | 3     | 2008-03-15 |
    """
    # Below grade 3 grades may differ; a death has the value of grade 4; without an end 28 days count.
    assert found("EC091", labs=labs, adverse_events=events) == ["1 grade", "5 grade", "7 grade"]
    assert words("EC091", labs=labs, adverse_events=events)[0] == (
        "grade 4, worst value 0.7 on 2008-03-15 is grade 3"
    )
