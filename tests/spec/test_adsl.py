"""ADSL in stories: populations, strata, baseline, treatment and outcome of invented patients.

Rules: the trial's clinical rules 2.5 (stages), 2.6 (dates), 2.7 (units), 2.9 and 2.10; section 0 items 4, 5.
"""
# ruff: noqa: E501 (a drawn table is as wide as it is)

from __future__ import annotations

import polars as pl

from pipeline.derive.adsl import derive_adsl
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import CutOff
from schemas.adam import ADSL
from tests.tables import assert_shows, tabulation

UNBLINDING = STUDY.cut_off("2009-12-17")
LONG_TERM = STUDY.cut_off("2011-10-31")


def adsl(cut_off: CutOff = LONG_TERM, **domains: str) -> pl.DataFrame:
    return derive_adsl(STUDY, tabulation(cut_off, **domains), cut_off)


RANDOMISED = """
    USUBJID | DSDECOD    | DSCAT              | DSSTDTC    | STRAT1 | STRAT2 | STRAT3 | STRAT1V | STRAT2V | STRAT3V
    A       | REGISTERED | PROTOCOL MILESTONE | 2007-02-01 |        |        |        | GT2.5   | N       | N
    A       | RANDOMIZED | PROTOCOL MILESTONE | 2007-06-11 | LE2.5  | Y      | N      |         |         |
    B       | REGISTERED | PROTOCOL MILESTONE | 2007-02-01 |        |        |        | LE2.5   | N       | Y
    B       | RANDOMIZED | PROTOCOL MILESTONE | 2007-06-11 | LE2.5  | N      | Y      |         |         |
    C       | REGISTERED | PROTOCOL MILESTONE | 2007-02-01 |        |        |        | LE2.5   | N       | N
"""


def test_populations_strata_and_treatment() -> None:
    """Everybody registered has a row; ITT is who was randomised, safety who took a capsule."""
    found = adsl(
        dm="""
        USUBJID | ARM          | ACTARM       | RFICDTC    | RANDNO
        A       | LENALIDOMIDE | LENALIDOMIDE | 2007-01-30 | R0001
        B       | PLACEBO      | PLACEBO      | 2007-01    | R0002
        C       | NOT ASSIGNED | NOT ASSIGNED | 2007-01-31 |
        """,
        ds=RANDOMISED,
        pr="""
        USUBJID | PRSTDTC
        A       | 2007-03-01
        B       | 2007-03-02
        """,
        ex="""
        USUBJID | EPOCH             | EXSTDTC    | EXENDTC    | EXDOSE | DAYSTKN
        A       | BLINDED TREATMENT | 2007-06-12 | 2007-07-09 | 10     | 28
        A       | BLINDED TREATMENT | 2007-07-10 | 2007-08-06 | 0      | 0
        B       | BLINDED TREATMENT | 2007-06-12 | 2007-06-12 | 10     | 0
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | TRT01P       | TRT01PN | TRT01A       | TRT01AN | ITTFL | SAFFL | RFICDT     | RANDDT     | DAYRAND | TRTSDT     | TRTEDT     | DOSESTRT
        A       | LENALIDOMIDE | 1       | LENALIDOMIDE | 1       | Y     | Y     | 2007-01-30 | 2007-06-11 | 102     | 2007-06-12 | 2007-07-09 | 10
        B       | PLACEBO      | 2       |              |         | Y     | N     |            | 2007-06-11 | 101     |            |            |
        C       |              |         |              |         | N     | N     | 2007-01-31 |            |         |            |            |
        """,
        ADSL,
    )  # fmt: skip
    # The stratum as randomised and the answer at registration are both kept, also where they differ.
    assert_shows(
        found,
        """
        USUBJID | STRAT1R | STRAT2R | STRAT3R | STRATAR   | STRAT1V | STRAT2V | STRAT3V | RANDNUM
        A       | LE2.5   | Y       | N       | LE2.5/Y/N | GT2.5   | N       | N       | R0001
        B       | LE2.5   | N       | Y       | LE2.5/N/Y | LE2.5   | N       | Y       | R0002
        C       |         |         |         |           | LE2.5   | N       | N       |
        """,
        ADSL,
    )


def test_no_treatment_variable_before_release() -> None:
    found = adsl(
        UNBLINDING,
        dm="""
        USUBJID | ARM          | ACTARM
        A       | BLINDED      | BLINDED
        B       | BLINDED      | BLINDED
        C       | NOT ASSIGNED | NOT ASSIGNED
        """,
        ds=RANDOMISED,
        ex="""
        USUBJID | EPOCH             | EXSTDTC    | EXENDTC    | EXDOSE | DAYSTKN
        A       | BLINDED TREATMENT | 2007-06-12 | 2007-07-09 | 10     | 28
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | ITTFL | SAFFL | TRT01P | TRT01PN | TRT01A | TRT01AN | XOELFL
        A       | Y     | Y     |        |         |        |         |
        B       | Y     | N     |        |         |        |         |
        C       | N     | N     |        |         |        |         | N
        """,
        ADSL,
    )


def test_beta2_microglobulin_is_compared_in_the_reported_unit() -> None:
    """211.9 nmol/L is the printed limit, and 2.5003 mg/L when converted. The last baseline result counts."""
    found = adsl(
        dm="USUBJID\nA\nB\nC\nD\nE\nF\nG\nH",
        lb="""
        USUBJID | LBTESTCD | LBCAT              | VISIT    | LBORRES | LBORRESU | LBSTRESN | LBDTC
        A       | B2MICG   | LOCAL LABORATORY   | BASELINE | 2.5     | mg/L     | 2.5      | 2007-01-31
        B       | B2MICG   | LOCAL LABORATORY   | BASELINE | 2.51    | mg/L     | 2.51     | 2007-01-31
        C       | B2MICG   | LOCAL LABORATORY   | BASELINE | 211.9   | nmol/L   | 2.5003   | 2007-01-31
        D       | B2MICG   | LOCAL LABORATORY   | BASELINE | 212     | nmol/L   | 2.5015   | 2007-01-31
        E       | B2MICG   | LOCAL LABORATORY   | BASELINE | ND      |          |          | 2007-01-31
        F       | B2MICG   | LOCAL LABORATORY   | BASELINE | 3.0     | mg/L     | 3.0      | 2007-01-29
        F       | B2MICG   | LOCAL LABORATORY   | BASELINE | 2.0     | mg/L     | 2.0      | 2007-01-31
        G       | B2MICG   | LOCAL LABORATORY   | DAY100   | 3.0     | mg/L     | 3.0      | 2007-06-01
        H       | B2MICG   | LOCAL LABORATORY   | BASELINE | >2.5    | mg/L     | 2.5      | 2007-01-31
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | B2MBL  | B2MGR1
        A       | 2.5    | <=2.5
        B       | 2.51   | >2.5
        C       | 2.5003 | <=2.5
        D       | 2.5015 | >2.5
        E       |        |
        F       | 2.0    | <=2.5
        G       |        |
        H       | 2.5    | >2.5
        """,
        ADSL,
    )


def test_derived_iss_stage() -> None:
    """The six cases of the rules' runnable reference (`iss`), in its order, and both values missing."""
    values = [("3.4", "3.5"), ("3.4", "3.4"), ("3.5", ""), ("5.49", "4"), ("5.5", ""), ("3.4", ""), ("", "4")]
    rows = [
        f"{subject} | {test} | LOCAL LABORATORY | BASELINE | {value} | {value}"
        for subject, (b2m, albumin) in zip("ABCDEFG", values, strict=True)
        for test, value in (("B2MICG", b2m), ("ALB", albumin))
    ]
    found = adsl(
        dm="USUBJID\nA\nB\nC\nD\nE\nF\nG",
        lb="\n".join(["USUBJID | LBTESTCD | LBCAT | VISIT | LBORRES | LBSTRESN", *rows]),
    )
    assert_shows(
        found,
        """
        USUBJID | ISSSTGD
        A       | I
        B       | II
        C       | II
        D       | II
        E       | III
        F       |
        G       |
        """,
        ADSL,
    )


def test_disease_and_response_before_randomisation() -> None:
    found = adsl(
        dm="USUBJID\nA\nB\nC\nD",
        mh="""
        USUBJID | MHCAT        | MPROTTYP
        A       | DIAGNOSIS    | KAPPA LC ONLY
        A       | PRIOR CANCER |
        B       | DIAGNOSIS    | IGG LAMBDA
        C       | DIAGNOSIS    |
        """,
        rs="""
        USUBJID | RSTESTCD | VISIT  | RSSTRESC | RSDTC
        A       | ECOG101  |        | 1        | 2007-02-01
        A       | ISS      |        | II       | 2007-02-01
        A       | DURSALM  |        | III      | 2007-02-01
        B       | DURSALM  |        | I        |
        A       | OVRLRESP | REG    | SD       | 2007-02-01
        A       | OVRLRESP | DAY100 | CR       | 2007-06-01
        A       | OVRLRESP | M6     | PR       | 2007-12-01
        B       | OVRLRESP | DAY100 | PD       | 2007-06-01
        C       | OVRLRESP | DAY100 | NE       | 2007-06-01
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | MCOMP       | DSSTAGE | PRCANFL | ECOGBL | ISSSTG | RESP100 | RESP100N | CR100FL
        A       | URINE KAPPA | III     | Y       | 1      | II     | CR      | 2        | Y
        B       | IGG LAMBDA  | I       | N       |        |        | PD      | 7        | N
        C       |             |         | N       |        |        |         |          | N
        D       |             |         | N       |        |        |         |          | N
        """,
        ADSL,
    )


def test_induction_groups_part_the_patients() -> None:
    """Table 1: each patient is in one group, by the three drugs; flags count a drug wherever it was given."""
    found = adsl(
        dm="USUBJID\nA\nB\nC\nD\nE\nF\nG",
        cm="""
        USUBJID | CMCAT                   | CMDECOD               | REGIMEN
        A       | INDUCTION               | BORTEZOMIB            | PAD
        A       | INDUCTION               | DOXORUBICIN           | PAD
        A       | INDUCTION               | DEXAMETHASONE         | PAD
        A       | SUBSEQUENT ANTI-MYELOMA | THALIDOMIDE           |
        B       | INDUCTION               | THALIDOMIDE           | Thal/Dex
        B       | INDUCTION               | BORTEZOMIB            | VD
        C       | INDUCTION               | LENALIDOMIDE          | VRD
        C       | INDUCTION               | BORTEZOMIB            | VRD
        C       | INDUCTION               | THALIDOMIDE           | Thal
        D       | INDUCTION               | LIPOSOMAL DOXORUBICIN | DVD
        D       | INDUCTION               | PREDNISONE            | DVD
        E       | INDUCTION               | THALIDOMIDE           | NOT DETERMINED
        F       | INDUCTION               |                       |
        """,
    )
    # A: thalidomide came later. E, F: what was given with it, or at all, is not known. G: nothing recorded.
    assert_shows(
        found,
        """
        USUBJID | INDBORFL | INDLENFL | INDTHLFL | INDGCFL | INDANTFL | INDGR1
        A       | Y        | N        | N        | Y       | Y        | BORTEZOMIB
        B       | Y        | N        | Y        | N       | N        | BORTEZOMIB-THALIDOMIDE
        C       | Y        | Y        | Y        | N       | N        | BORTEZOMIB-LENALIDOMIDE-THALIDOMIDE
        D       | N        | N        | N        | Y       | Y        | OTHER
        E       | N        | N        | Y        | N       | N        | NOT DETERMINED
        F       | N        | N        | N        | N       | N        | NOT DETERMINED
        G       | N        | N        | N        | N       | N        | NOT DETERMINED
        """,
        ADSL,
    )


def test_why_a_patient_was_not_randomised() -> None:
    found = adsl(
        dm="USUBJID\nA\nB\nC\nD\nE\nF\nG",
        ds="""
        USUBJID | DSDECOD               | DSCAT              | DSSCAT              | DSTERM  | DSSTDTC
        A       | DEATH                 | DISPOSITION EVENT  | STUDY PARTICIPATION |         | 2007-09-01
        B       | PROGRESSIVE DISEASE   | DISPOSITION EVENT  | STUDY TREATMENT     |         | 2007-09-01
        C       | WITHDRAWAL BY SUBJECT | DISPOSITION EVENT  | STUDY TREATMENT     |         | 2007-05-01
        D       | WITHDRAWAL BY SUBJECT | DISPOSITION EVENT  | STUDY TREATMENT     |         | 2007-05-01
        D       | DEATH                 | DISPOSITION EVENT  | STUDY PARTICIPATION |         | 2007-09-01
        E       | NEVER STARTED         | DISPOSITION EVENT  | STUDY TREATMENT     | moved   | 2007-05-01
        F       | DEATH                 | DISPOSITION EVENT  | STUDY PARTICIPATION |         | 2007-09-01
        """,
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSDTC
        A       | PROGRESS | PD       | 2007-05-20
        """,
        ie="""
        USUBJID | EPOCH         | IETEST                             | IEWAIVER
        C       | RANDOMIZATION | CD34+ dose of at least 2 x 10^6/kg |
        D       | REGISTRATION  | ECOG performance status 0 or 1     | Y
        """,
    )
    # A, B: progression by a report, or as the reason given. C: a criterion was not met. D: that one was waived.
    # E: treatment never started, in the site's words.
    assert_shows(
        found,
        """
        USUBJID | RANDFL | NRREAS                | DCTREAS
        A       | N      | PROGRESSION           |
        B       | N      | PROGRESSION           |
        C       | N      | NOT ELIGIBLE          |
        D       | N      | WITHDRAWAL BY SUBJECT |
        E       | N      | MOVED                 |
        F       | N      | DEATH                 |
        G       | N      | NOT RECORDED          |
        """,
        ADSL,
    )


def test_end_of_treatment_and_crossover() -> None:
    """Eligible for crossover: on placebo, alive and without progression on 2009-12-17."""
    ds = """
    USUBJID | DSDECOD              | DSCAT              | DSSCAT              | EPOCH                | DSSTDTC
    A       | RANDOMIZED           | PROTOCOL MILESTONE |                     |                      | 2008-06-11
    B       | RANDOMIZED           | PROTOCOL MILESTONE |                     |                      | 2008-06-11
    B       | TREATMENT UNBLINDING | DISPOSITION EVENT  | STUDY TREATMENT     | BLINDED TREATMENT    | 2010-01-05
    B       | CROSSOVER            | PROTOCOL MILESTONE |                     | OPEN LABEL TREATMENT | 2010-01-10
    B       | ADVERSE EVENT        | DISPOSITION EVENT  | STUDY TREATMENT     | OPEN LABEL TREATMENT | 2010-06-10
    C       | RANDOMIZED           | PROTOCOL MILESTONE |                     |                      | 2008-06-11
    C       | PROGRESSIVE DISEASE  | DISPOSITION EVENT  | STUDY TREATMENT     | BLINDED TREATMENT    | 2009-12-17
    D       | RANDOMIZED           | PROTOCOL MILESTONE |                     |                      | 2008-06-11
    D       | CROSSOVER DECLINED   | PROTOCOL MILESTONE |                     |                      | 2010-01-10
    E       | RANDOMIZED           | PROTOCOL MILESTONE |                     |                      | 2008-06-11
    E       | DEATH                | DISPOSITION EVENT  | STUDY PARTICIPATION |                      | 2009-12-17
    """
    found = adsl(
        dm="""
        USUBJID | ARM          | ACTARM
        A       | LENALIDOMIDE | LENALIDOMIDE
        B       | PLACEBO      | PLACEBO
        C       | PLACEBO      | PLACEBO
        D       | PLACEBO      | PLACEBO
        E       | PLACEBO      | PLACEBO
        """,
        ds=ds,
        rs="""
        USUBJID | RSTESTCD | RSCAT            | RSSTRESC | RSDTC
        C       | PROGRESS | FOLLOW-UP REPORT | PD       | 2009-12-17
        D       | PROGRESS | FOLLOW-UP REPORT | PD       | 2009-12-18
        """,
        ex="""
        USUBJID | EPOCH                | EXSTDTC    | EXENDTC    | EXDOSE | DAYSTKN
        A       | BLINDED TREATMENT    | 2008-06-12 | 2009-12-20 | 10     | 28
        A       | OPEN LABEL TREATMENT | 2009-12-21 | 2010-12-21 | 10     | 28
        B       | BLINDED TREATMENT    | 2008-06-12 | 2009-12-20 | 10     | 28
        B       | OPEN LABEL TREATMENT | 2010-01-15 | 2010-06-01 | 10     | 28
        """,
    )
    # A: open-label drug without crossing over. D: declined. E: died on the day.
    assert_shows(
        found,
        """
        USUBJID | XOELFL | XOFL | XODT       | TRT02A       | EOTSTT       | DCTREAS              | DCTDT      | DCT2REAS
        A       | N      | N    |            |              | ONGOING      |                      |            |
        B       | Y      | Y    | 2010-01-15 | LENALIDOMIDE | DISCONTINUED | TREATMENT UNBLINDING | 2010-01-05 | ADVERSE EVENT
        C       | N      | N    |            |              |              | PROGRESSIVE DISEASE  | 2009-12-17 |
        D       | Y      | N    |            |              |              |                      |            |
        E       | N      | N    |            |              |              |                      |            |
        """,
        ADSL,
    )  # fmt: skip


def test_last_known_alive_and_death() -> None:
    """Any dated record that shows a patient alive counts, up to the cut-off; deaths after it do not."""
    found = adsl(
        UNBLINDING,
        dm="USUBJID\nA\nB\nC\nD",
        pr="""
        USUBJID | PRSTDTC
        A       | 2007-03-01
        B       | 2007-03-01
        C       | 2007-03-01
        """,
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2009-03-01
        A       | UNKNOWN  | 2009-09-01
        A       | ALIVE    | 2009-12-18
        B       | ALIVE    | 2009-05-20
        B       | DEAD     | 2009-08-01
        C       | ALIVE    | 2009-06
        D       | ALIVE    | 2009-06-15
        """,
        ae="""
        USUBJID | AESTDTC
        A       | 2009-04-02
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        B       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2009-05
        C       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2009-12-20
        """,
        dd="""
        USUBJID | DDTESTCD | DDSTRESC
        B       | PRCDTH   | MYELOMA
        C       | PRCDTH   | INFECTION
        """,
    )
    # A: the event of April; the contact of 18 December is after the cut-off. B: died in May, after the 20th.
    # C: June is taken from its first day. D: no transplantation, so no follow-up from it.
    assert_shows(
        found,
        """
        USUBJID | LSTALVDT   | DTHFL | DTHDT      | DTHDTF | DTHCAUS | FUOBSDY
        A       | 2009-04-02 | N     |            |        |         | 764
        B       | 2009-05-20 | Y     | 2009-05-21 | D      | MYELOMA | 813
        C       | 2009-06-01 | N     |            |        |         | 824
        D       | 2009-06-15 | N     |            |        |         |
        """,
        ADSL,
    )


def test_progression_new_therapy_and_a_gap_before_the_first_event() -> None:
    """GAPDT: the first of progression and death came more than 210 days after the last assessment."""
    patients = "ABCDEF"
    found = adsl(
        dm="\n".join(["USUBJID", *patients]),
        ds="""
        USUBJID | DSDECOD    | DSCAT              | DSSCAT              | DSSTDTC
        A       | RANDOMIZED | PROTOCOL MILESTONE |                     | 2007-06-11
        B       | RANDOMIZED | PROTOCOL MILESTONE |                     | 2007-06-11
        C       | RANDOMIZED | PROTOCOL MILESTONE |                     | 2007-06-11
        C       | DEATH      | DISPOSITION EVENT  | STUDY PARTICIPATION | 2008-06-01
        D       | RANDOMIZED | PROTOCOL MILESTONE |                     | 2007-06-11
        D       | DEATH      | DISPOSITION EVENT  | STUDY PARTICIPATION | 2009-06-01
        E       | RANDOMIZED | PROTOCOL MILESTONE |                     | 2007-06-11
        """,
        rs="""
        USUBJID | RSTESTCD | RSCAT            | RSSTRESC | RSDTC
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2007-09-10
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2007-12-10
        A       | OVRLRESP | EBMT BLADE 1998  | NE       | 2008-03-10
        A       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-07-07
        B       | OVRLRESP | EBMT BLADE 1998  | PR       | 2007-12-10
        B       | OVRLRESP | EBMT BLADE 1998  | PD       | 2008-07-08
        B       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-07-08
        C       | OVRLRESP | EBMT BLADE 1998  | PR       | 2007-06-01
        D       | OVRLRESP | EBMT BLADE 1998  | PR       | 2007-09-10
        D       | OVRLRESP | EBMT BLADE 1998  | PR       | 2009-03-10
        D       | PROGRESS | FOLLOW-UP REPORT | PD       | 2009-05
        E       | OVRLRESP | EBMT BLADE 1998  | PR       | 2007-09-10
        """,
        cm="""
        USUBJID | CMCAT                    | CMSTDTC
        A       | SUBSEQUENT ANTI-MYELOMA | 2008-09-01
        A       | SUBSEQUENT ANTI-MYELOMA | 2008-08
        B       | INDUCTION               | 2006-08-01
        B       | SUBSEQUENT ANTI-MYELOMA | 2011-10-31
        C       | SUBSEQUENT ANTI-MYELOMA | 2011-11-01
        """,
    )
    # A: 210 days after 10 December. B: 211 days, and the assessment of the day itself is not before it. C: never
    # assessed after randomisation. D: seen again after a long gap. E: no event.
    assert_shows(
        found,
        """
        USUBJID | PDDT       | PDDTF | NACTDT     | NACTDTF | GAPDT
        A       | 2008-07-07 |       | 2008-08-01 | D       |
        B       | 2008-07-08 |       | 2011-10-31 |         | 2007-12-10
        C       |            |       |            |         | 2007-06-11
        D       | 2009-05-01 | D     |            |         |
        E       |            |       |            |         |
        F       |            |       |            |         |
        """,
        ADSL,
    )


def test_second_cancer_and_deviations_of_a_subject() -> None:
    """SPM1DT is the date of the cancer that counts in ADCE; the duplicate report of it changes nothing."""
    found = adsl(
        dm="USUBJID\nA\nB",
        ds="""
        USUBJID | DSDECOD    | DSCAT              | DSSTDTC
        A       | RANDOMIZED | PROTOCOL MILESTONE | 2007-06-11
        B       | RANDOMIZED | PROTOCOL MILESTONE | 2007-06-11
        """,
        ce="""
        USUBJID | CESCAT   | SPMGRP | INVASIVE | CESTDTC
        A       | SOLID    | GI     | Y        | 2009-02-01
        A       | SOLID    | GI     | Y        | 2009-02-01
        B       | NMSC_BCC | OTHER  | Y        | 2009-02-01
        """,
        dv="""
        USUBJID | DVDECOD
        A       | DOSE
        A       | VISIT
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | SPM1FL | SPM1DT     | PROTDVFL
        A       | Y      | 2009-02-01 | Y
        B       | N      |            | N
        """,
        ADSL,
    )


def test_questionnaires_on_second_cancers() -> None:
    """Three sets of queries, then one screening (paper, Statistical Analysis); they count until February 2012."""
    found = adsl(
        dm="USUBJID\nA\nB\nC\nD",
        fa="""
        USUBJID | FAGRPID | FACAT     | FASTRESC | FADTC
        A       | 1       | QUERY SET | N        | 2010-12-08
        A       | 1       | QUERY SET | N        | 2010-12-20
        A       | 3       | QUERY SET | Y        | 2011-06-10
        A       | 4       | SCREENING | N        | 2012-01-01
        B       | 1       | QUERY SET | U        | 2010-12-09
        C       | 4       | SCREENING | N        | 2012-03-01
        """,
    )
    # B was lost, so nobody knows; C answered after the cut-off of the questionnaires; D was never asked.
    assert_shows(
        found,
        """
        USUBJID | SPMSCRFL | FSTSPMDT   | LSTSPMDT   | NSPMQRY
        A       | Y        | 2010-12-08 | 2012-01-01 | 2
        B       | N        | 2010-12-09 | 2010-12-09 | 1
        C       | N        |            |            |
        D       | N        |            |            |
        """,
        ADSL,
    )
