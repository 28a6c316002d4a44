"""Tabulation in stories: sequence numbers, study days, units, unusable results, the blind.

Rules: the trial's clinical rules 2.1 (marker values), 2.7 (conversions) and 4 (blinding); study days are
SDTM's: the day of the first dose is day 1, the day before it is day -1.
"""
# ruff: noqa: E501 (a drawn table is as wide as it is)

from __future__ import annotations

import polars as pl
import pytest

from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import Frames
from pipeline.tabulate import tabulate
from schemas.base import failures
from schemas.sdtm import DOMAINS
from tests.tables import draw, read

UNBLINDING = STUDY.cut_off("2009-12-17")


def forms(**drawn: str) -> dict[str, pl.DataFrame]:
    """The current records of every form, those not drawn without rows; records are numbered in order."""
    made = {}
    for name, model in STUDY.forms.items():
        rows = draw(model, drawn.get(name, ""), UNBLINDING)
        if "record_id" in rows.columns:
            number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)
            rows = rows.with_columns(record_id=pl.concat_str(pl.col("form_code"), pl.lit("-"), number))
        made[name] = rows
    return made


def domain(name: str, received: Frames, *, days_from: str | None = None) -> pl.DataFrame:
    """One domain, valid; days_from: RFSTDTC of every subject in place of DM's."""
    build = {d.name: d for d in STUDY.domains}
    dm = tabulate(STUDY, build["dm"], received, UNBLINDING)
    if name != "dm":
        if days_from:
            dm = dm.with_columns(RFSTDTC=pl.lit(days_from))
        dm = tabulate(STUDY, build[name], received, UNBLINDING, dm)
    assert failures(DOMAINS[name], dm).is_empty()
    return dm


def assert_rows(found: pl.DataFrame, expected: str) -> None:
    wanted = read(expected, found.schema)
    assert found.select(wanted.columns).rows() == wanted.rows()


REGISTERED = """
    patient_id
    100001
    100002
"""


def test_sequence_numbers_follow_the_dates_within_the_subject() -> None:
    """Records arrive in any order; an undated one goes last; ties go by term, then by record."""
    received = forms(
        registration=REGISTERED,
        adverse_events="""
        patient_id | ctcae_term             | grade | start_dt
        100002     | Platelets              | 1     | 2008-03-01
        100001     | Platelets              | 3     | 2008-03-02
        100001     | neutrophils/granulocytes | 4   | 2008-03-02
        100001     | Hemoglobin             | 2     | 2008-03
        100001     | Rash                   | 0     | 2008-01-01
        100001     | Rash                   |       | 2008-02-01
        """,
    )
    # Grade 0 means that the site was asked and there was no event; a grade that is not known is an event.
    assert_rows(
        domain("ae", received),
        """
        USUBJID             | AESEQ | AEDECOD          | AETOXGR | AESTDTC    | AESPID
        CALGB-100104-100001 | 1     | RASH/DESQUAMATION |         | 2008-02-01 | AE-AE-000006-1
        CALGB-100104-100001 | 2     | ANEMIA           | 2       | 2008-03    | AE-AE-000004-1
        CALGB-100104-100001 | 3     | NEUTROPENIA      | 4       | 2008-03-02 | AE-AE-000003-1
        CALGB-100104-100001 | 4     | THROMBOCYTOPENIA | 3       | 2008-03-02 | AE-AE-000002-1
        CALGB-100104-100002 | 1     | THROMBOCYTOPENIA | 1       | 2008-03-01 | AE-AE-000001-1
        """,
    )


def test_there_is_no_day_0_and_a_partial_date_has_no_day() -> None:
    received = forms(
        registration=REGISTERED,
        follow_up="""
        patient_id | contact_dt
        100001     | 2007-06-03
        100001     | 2007-06-04
        100001     | 2007-06-05
        100001     | 2007-07
        """,
    )
    assert_rows(
        domain("ss", received, days_from="2007-06-04"),
        """
        SSDTC      | SSDY
        2007-06-03 | -1
        2007-06-04 | 1
        2007-06-05 | 2
        2007-07    |
        """,
    )
    assert domain("ss", received).get_column("SSDY").null_count() == 4, "nobody had a dose"


def test_laboratory_results_in_standard_units() -> None:
    """Divisors are those of Table 1's footnote: 84.75 for beta-2-microglobulin, 0.250 for calcium, 88.4."""
    received = forms(
        registration=REGISTERED,
        labs="""
        patient_id | test  | result | unit   | collection_dt
        100001     | B2M   | 2.5    | mg/L   | 2007-01-01
        100001     | B2M   | 211.9  | nmol/L | 2007-01-02
        100001     | CA    | 2.3    | mmol/L | 2007-01-03
        100001     | CREAT | 88.4   | umol/L | 2007-01-04
        100001     | ALB   | 38     | g/L    | 2007-01-05
        100001     | ANC   | 1500   | /uL    | 2007-01-06
        100001     | IGG   | 2350   | mg/dL  | 2007-01-07
        100001     | CA    | 9.1    | mg/L   | 2007-01-08
        100001     | B2M   | <0.5   | mg/L   | 2007-01-09
        100001     | B2M   | ND     |        | 2007-01-10
        100001     | B2M   | -1     | mg/L   | 2007-01-11
        """,
    )
    # A unit nobody can convert from gives no number, and neither does the code -1: it is never a value.
    assert_rows(
        domain("lb", received),
        """
        LBTESTCD | LBORRES | LBORRESU | LBSTRESN | LBSTRESC | LBSTRESU | LBSTAT
        B2MICG   | 2.5     | mg/L     | 2.5      | 2.5      | mg/L     |
        B2MICG   | 211.9   | nmol/L   | 2.5003   | 2.5003   | mg/L     |
        CA       | 2.3     | mmol/L   | 9.2      | 9.2      | mg/dL    |
        CREAT    | 88.4    | umol/L   | 1.0      | 1.0      | mg/dL    |
        ALB      | 38      | g/L      | 3.8      | 3.8      | g/dL     |
        NEUT     | 1500    | /uL      | 1.5      | 1.5      | 10^9/L   |
        IGG      | 2350    | mg/dL    | 2.35     | 2.35     | g/dL     |
        CA       | 9.1     | mg/L     |          |          | mg/dL    |
        B2MICG   | <0.5    | mg/L     | 0.5      | 0.5      | mg/L     |
        B2MICG   | ND      |          |          |          | mg/L     | NOT DONE
        B2MICG   | -1      | mg/L     |          |          | mg/L     |
        """,
    )


def test_markers_that_cannot_be_quantified_are_nothing() -> None:
    """NEG, TSTQ and below a limit are 0; not done is missing; a spot urine is unusable (2.1)."""
    received = forms(
        registration=REGISTERED,
        disease_assessment="""
        patient_id | assess_dt  | spep_result | spep_unit | upep_result | upep_unit | sife  | uife
        100001     | 2007-01-01 | 1.3         | g/dL      | 150         | mg/24h    | POS   | POS
        100001     | 2007-01-02 | 13          | g/L       | 0.2         | g/24h     | OLIGO | NEG
        100001     | 2007-01-03 | TSTQ        |           | 30          | mg/dL     | NEG   | ND
        100001     | 2007-01-04 | NEG         |           | NEG         | mg/dL     |       |
        100001     | 2007-01-05 | <0.1        | g/dL      | NEG         |           |       |
        100001     | 2007-01-06 | ND          |           | ND          |           |       |
        100001     | 2007-01-07 | -1          | g/dL      | -1          | mg/24h    |       |
        """,
    )
    lb = domain("lb", received)
    assert_rows(
        lb.filter(pl.col("LBTESTCD") == "MSPIKE", pl.col("LBSPEC") == "SERUM"),
        """
        LBDTC      | LBORRES | LBSTRESN | LBSTRESC | LBSTRESU | LBSTAT
        2007-01-01 | 1.3     | 1.3      | 1.3      | g/dL     |
        2007-01-02 | 13      | 1.3      | 1.3      | g/dL     |
        2007-01-03 | TSTQ    | 0.0      | 0.0      | g/dL     |
        2007-01-04 | NEG     | 0.0      | 0.0      | g/dL     |
        2007-01-05 | <0.1    | 0.0      | 0.0      | g/dL     |
        2007-01-06 | ND      |          |          | g/dL     | NOT DONE
        2007-01-07 | -1      |          |          | g/dL     |
        """,
    )
    assert_rows(
        lb.filter(pl.col("LBTESTCD") == "MSPIKE", pl.col("LBSPEC") == "URINE"),
        """
        LBDTC      | LBORRES | LBORRESU   | LBSTRESN | LBSTRESU | LBSTAT
        2007-01-01 | 150     | mg/day     | 150.0    | mg/day   |
        2007-01-02 | 0.2     | g/24h      | 200.0    | mg/day   |
        2007-01-03 | 30      | mg/dL spot |          | mg/day   |
        2007-01-04 | NEG     | mg/dL spot |          | mg/day   |
        2007-01-05 | NEG     |            | 0.0      | mg/day   |
        2007-01-06 | ND      |            |          | mg/day   | NOT DONE
        2007-01-07 | -1      | mg/day     |          | mg/day   |
        """,
    )
    # Immunofixation is read in words: negative is no number.
    assert_rows(
        lb.filter(pl.col("LBTESTCD").is_in(["SIFE", "UIFE"])),
        """
        LBTESTCD | LBDTC      | LBORRES | LBSTRESN | LBSTRESC | LBSTAT
        SIFE     | 2007-01-01 | POS     |          | POS      |
        UIFE     | 2007-01-01 | POS     |          | POS      |
        SIFE     | 2007-01-02 | OLIGO   |          | OLIGO    |
        UIFE     | 2007-01-02 | NEG     |          | NEG      |
        SIFE     | 2007-01-03 | NEG     |          | NEG      |
        UIFE     | 2007-01-03 | ND      |          |          | NOT DONE
        """,
    )


def randomised() -> dict[str, pl.DataFrame]:
    """Two randomised patients who took capsules, one who was not randomised."""
    return forms(
        sites="""
        site_code | group
        NC001     | CALGB
        OH002     | ECOG
        """,
        registration="""
        patient_id | site_code | consent_dt | registration_dt | birth_dt
        100001     | NC001     | 2006-12-01 | 2006-12-04      | 1950-06-04
        100002     | OH002     | 2006-12    | 2006-12-04      | 1950-06
        100003     | OH002     | 2006-12-01 | 2006-12-04      | 1950
        """,
        randomization="""
        patient_id | randomization_no | randomization_dt
        100001     | R0001            | 2007-06-03
        100002     | R0002            | 2007-06-15
        """,
        treatment_dose="""
        patient_id | cycle_no | cycle_start_dt | cycle_end_dt | days_taken | treatment_phase
        100001     | 1        | 2007-06-04     | 2007-07-01   | 0          | BLINDED
        100001     | 2        | 2007-07-02     | 2007-07-29   | 28         | BLINDED
        100001     | 3        | 2010-01-15     | 2010-02-11   | 28         | OPEN_LABEL_LEN
        100002     | 1        | 2007-06-04     | 2007-07-01   | 28         | BLINDED
        """,
    )


def test_arms_are_blinded_until_the_code_list_is_given() -> None:
    received = randomised()
    # The reference date is the first day of a cycle with a capsule. Age is that at randomisation, else at
    # registration: the day before a birthday; a birthday known to the month counts from its 15th, to the
    # year from 30 June.
    assert_rows(
        domain("dm", received),
        """
        SUBJID | ARM          | ARMCD    | ACTARM       | ACTARMCD | RFSTDTC    | AGE | COOPGRP | RANDNO
        100001 | BLINDED      | BLINDED  | BLINDED      | BLINDED  | 2007-07-02 | 56  | CALGB   | R0001
        100002 | BLINDED      | BLINDED  | BLINDED      | BLINDED  | 2007-06-04 | 57  | ECOG    | R0002
        100003 | NOT ASSIGNED | NOTASSGN | NOT ASSIGNED | NOTASSGN |            | 56  | ECOG    |
        """,
    )
    assert_rows(
        domain("ex", received),
        """
        USUBJID             | EXSEQ | EXTRT   | EPOCH                | EXSTDY
        CALGB-100104-100001 | 1     | BLINDED | BLINDED TREATMENT    | -28
        CALGB-100104-100001 | 2     | BLINDED | BLINDED TREATMENT    | 1
        CALGB-100104-100001 | 3     | BLINDED | OPEN LABEL TREATMENT | 929
        CALGB-100104-100002 | 1     | BLINDED | BLINDED TREATMENT    | 1
        """,
    )


@pytest.mark.parametrize(
    ("codes", "arms"),
    [
        ({"R0001": "PLACEBO", "R0002": "LENALIDOMIDE"}, ["PLACEBO", "LENALIDOMIDE", "NOT ASSIGNED"]),
        # A randomised patient whose number the list lacks was still randomised.
        ({"R0001": "PLACEBO"}, ["PLACEBO", "BLINDED", "NOT ASSIGNED"]),
    ],
)
def test_the_code_list_gives_the_arm_by_randomisation_number(codes: dict[str, str], arms: list[str]) -> None:
    received = randomised()
    received["treatment_codes"] = pl.DataFrame({"randomization_no": list(codes), "arm": list(codes.values())})
    assert domain("dm", received).get_column("ARM").to_list() == arms
    assert domain("ex", received).get_column("EXTRT").to_list() == [arms[0], arms[0], "LENALIDOMIDE", arms[1]]


def test_a_plasmacytoma_is_identified_once_and_measured_at_each_assessment() -> None:
    """The form has no date of its own: it is that of the assessment with the same number."""
    received = forms(
        registration=REGISTERED,
        disease_assessment="""
        patient_id | assess_no | visit  | assess_dt
        100001     | 1         | REG    | 2007-01-05
        100001     | 3         | M3     | 2007-09
        100002     | 1         | REG    | 2007-02-01
        """,
        plasmacytoma="""
        patient_id | assess_no | lesion_no | location | diam1 | diam2 | method
        100001     | 3         | 1         | sternum  | 2.1   | 1.5   | CT
        100001     | 1         | 1         | sternum  | 4.0   | 3.2   | CT
        100001     | 3         | 2         | sacrum   | 1.0   | 0.8   | PHYSICAL
        100002     | 9         | 1         | skull    | 3.0   | 2.0   |
        """,
    )
    assert_rows(
        domain("tu", received),
        """
        USUBJID             | TUSEQ | TULNKID | TULOC   | TUMETHOD | VISIT | TUDTC      | TUSPID
        CALGB-100104-100001 | 1     | 1       | sternum | CT       | REG   | 2007-01-05 | PLASMA-PLASMA-000002-1
        CALGB-100104-100001 | 2     | 2       | sacrum  | PHYSICAL | M3    | 2007-09    | PLASMA-PLASMA-000003-1
        CALGB-100104-100002 | 1     | 1       | skull   |          |       |            | PLASMA-PLASMA-000004-1
        """,
    )
    assert_rows(
        domain("tr", received).filter(pl.col("USUBJID").str.ends_with("100001")),
        """
        TRSEQ | TRGRPID | TRLNKID | TRTESTCD | TRORRES | TRSTRESN | TRSTRESU | TRDTC
        1     | 1       | 1       | LDIAM    | 4.0     | 4.0      | cm       | 2007-01-05
        2     | 1       | 1       | LPERP    | 3.2     | 3.2      | cm       | 2007-01-05
        3     | 3       | 1       | LDIAM    | 2.1     | 2.1      | cm       | 2007-09
        4     | 3       | 1       | LPERP    | 1.5     | 1.5      | cm       | 2007-09
        5     | 3       | 2       | LDIAM    | 1.0     | 1.0      | cm       | 2007-09
        6     | 3       | 2       | LPERP    | 0.8     | 0.8      | cm       | 2007-09
        """,
    )


def test_three_query_sets_and_a_screening_about_second_cancers() -> None:
    received = forms(
        registration=REGISTERED,
        spm_questionnaire="""
        patient_id | round | questionnaire_dt | any_new_cancer | screening_done
        100001     | 4     | 2012-01-01       | N              |
        100001     | 1     | 2010-12-09       | Y              | PSA; SKIN
        100002     | 3     | 2011-06          | UNK            |
        """,
    )
    assert_rows(
        domain("fa", received),
        """
        USUBJID             | FASEQ | FAGRPID | FACAT     | FAOBJ                 | FAORRES | FASTRESC | FADTC      | SCRDONE
        CALGB-100104-100001 | 1     | 1       | QUERY SET | SECOND PRIMARY CANCER | Y       | Y        | 2010-12-09 | PSA; SKIN
        CALGB-100104-100001 | 2     | 4       | SCREENING | SECOND PRIMARY CANCER | N       | N        | 2012-01-01 |
        CALGB-100104-100002 | 1     | 3       | QUERY SET | SECOND PRIMARY CANCER | UNK     | U        | 2011-06    |
        """,
    )
