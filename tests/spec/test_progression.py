"""Progression by the markers in stories: from assessment forms to PDEBMT and PDIMWG of ADRS.

Every patient was transplanted on 2007-01-01 and randomised on 2007-04-11; the data are cut at 2009-12-17.
Rules: the trial's clinical rules 2.1 to 2.3. What does not belong here: the criteria marker by marker
(`tests/reference/test_progression.py`).
"""

# ruff: noqa: E501 (a drawn row stays one line)
from __future__ import annotations

import polars as pl

from pipeline.derive.adrs import derive_adrs
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.tabulate import tabulate
from schemas.adam import ADRS, ADSL
from tests.tables import assert_shows, draw, tabulation

UNBLINDING = STUDY.cut_off("2009-12-17")
UNITS = {"spep_unit": "g/dL", "upep_unit": "mg/24h", "flc_unit": "mg/dL", "ca_unit": "mg/dL"}


def adrs(parameters: str, assessments: str, adsl: str = "") -> pl.DataFrame:
    """The parameters of the patients with these assessment forms; units that are not drawn are UNITS.

    adsl: further variables of patients, where the story needs any.
    """
    forms = {name: draw(model, "", UNBLINDING) for name, model in STUDY.forms.items()}
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)
    assessed = draw(STUDY.forms["disease_assessment"], assessments, UNBLINDING)
    units = [pl.col(name).fill_null(unit) for name, unit in UNITS.items()]
    forms["disease_assessment"] = assessed.with_columns(*units, record_id="DA-" + number)
    sdtm = dict(tabulation(UNBLINDING))
    for domain in STUDY.domains:
        if domain.name in ("rs", "lb"):
            rows = tabulate(STUDY, domain, forms, UNBLINDING, sdtm["dm"])
            sdtm[domain.name] = rows.with_columns(pl.col("USUBJID").str.split("-").list.last())
    patients = sorted(assessed["patient_id"].unique())
    others = draw(ADSL, "\n".join(["USUBJID", *patients]), UNBLINDING)
    drawn = draw(ADSL, adsl, UNBLINDING)
    subjects = pl.concat([drawn, others.join(drawn, on="USUBJID", how="anti")]).with_columns(
        ASCTDT=pl.date(2007, 1, 1), RANDDT=pl.date(2007, 4, 11)
    )
    found = derive_adrs(STUDY, sdtm, subjects, UNBLINDING)
    return found.filter(pl.col("PARAMCD").is_in(parameters.split()))


def test_a_rise_counts_from_its_first_assessment_once_the_next_confirms_it() -> None:
    """The date is the specimen's, and the source its laboratory record."""
    found = adrs(
        "PDEBMT PDIMWG",
        """
        patient_id | visit   | assess_dt  | spep_dt    | spep_result | spep_unit
        A          | DAY100  | 2007-04-05 | 2007-04-05 | 0.8         | g/dL
        A          | M3      | 2007-07-10 | 2007-07-10 | 0.8         | g/dL
        A          | PD      | 2007-10-10 | 2007-10-08 | 13          | g/L
        A          | UNSCHED | 2007-11-07 | 2007-11-07 | 14          | g/L
        B          | DAY100  | 2007-04-05 | 2007-04-05 | 0.8         | g/dL
        B          | M3      | 2007-07-10 | 2007-07-10 | 1.6         | g/dL
        B          | M6      | 2007-10-10 | 2007-10-10 | 0.9         | g/dL
        C          | DAY100  | 2007-04-05 | 2007-04-05 | 0.8         | g/dL
        C          | M3      | 2007-07-10 | 2007-07-10 | 1.6         | g/dL
        """,
    )
    # A: 1.3 and 1.4 g/dL against 0.8, exactly the 0.5 that is asked for. B: not confirmed. C: nothing after it.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | AVALC | AVAL | ADT        | BASIS | SRCDOM | SRCVAR | SRCSEQ
        A       | PDEBMT  | PD    | 7    | 2007-10-08 | SERUM | LB     | LBDTC  | 3
        A       | PDIMWG  | PD    | 7    | 2007-10-08 | SERUM | LB     | LBDTC  | 3
        """,
        ADRS,
    )


def test_one_visit_does_not_confirm_itself() -> None:
    """A visit is one assessment: not its second form, nor its urine of two days later."""
    found = adrs(
        "PDEBMT",
        """
        patient_id | visit   | assess_dt  | spep_dt    | spep_result | sife | uife | response_site
        A          | DAY100  | 2007-04-05 | 2007-04-05 | 0.8         |      |      | PR
        A          | M3      | 2007-07-10 | 2007-07-10 | 1.6         |      |      | PR
        A          | M3      | 2007-07-10 | 2007-07-10 | 1.6         |      |      | PR
        A          | M6      | 2007-10-10 | 2007-10-10 | 0.8         |      |      | PR
        B          | DAY100  | 2007-04-05 | 2007-04-05 | NEG         | NEG  | NEG  | CR
        B          | M3      | 2007-07-12 | 2007-07-10 | NEG         | POS  | POS  | PR
        B          | M6      | 2007-10-10 | 2007-10-10 | NEG         | NEG  | NEG  | CR
        """,
        adsl="""
        USUBJID | RESP100
        B       | CR
        """,
    )
    assert found.is_empty()


def test_relapse_from_remission_is_an_event_of_ebmt_only() -> None:
    found = adrs(
        "PDEBMT PDIMWG",
        """
        patient_id | visit   | assess_dt  | spep_dt    | spep_result | sife | upep_result | uife
        A          | DAY100  | 2007-04-05 | 2007-04-05 | NEG         | NEG  | NEG         | NEG
        A          | M3      | 2007-07-10 | 2007-07-09 | NEG         | POS  | NEG         | NEG
        A          | M6      | 2007-10-10 | 2007-10-10 | 0.1         | POS  | NEG         | NEG
        B          | DAY100  | 2007-04-05 | 2007-04-05 | NEG         | NEG  | NEG         | NEG
        B          | M3      | 2007-07-10 | 2007-07-09 | 0.1         | POS  | NEG         | NEG
        B          | M6      | 2007-10-10 | 2007-10-10 | 0.1         | POS  | NEG         | NEG
        C          | DAY100  | 2007-04-05 | 2007-04-05 | 0.2         | POS  | NEG         | NEG
        C          | M3      | 2007-07-10 | 2007-07-10 | NEG         | NEG  | NEG         | NEG
        C          | M4      | 2007-08-21 | 2007-08-21 | NEG         | NEG  | ND          | ND
        C          | M6      | 2007-10-10 | 2007-10-10 | NEG         | NEG  | 30          | NEG
        C          | M9      | 2008-01-10 | 2008-01-10 | NEG         | NEG  | 30          | NEG
        """,
        adsl="""
        USUBJID | RESP100
        A       | CR
        B       | PR
        """,
    )
    # A: dated by the serum's immunofixation. B: was not in remission, and 0.1 is no rise of 0.5. C: six weeks of
    # negative immunofixation, 10 July to 21 August, are a remission; the source is the urine's M-protein.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | BASIS   | SRCDOM | SRCSEQ
        A       | PDEBMT  | 2007-07-09 | CR_LOSS | LB     | 6
        C       | PDEBMT  | 2007-10-10 | CR_LOSS | LB     | 14
        """,
        ADRS,
    )


def test_lesions_marrow_and_calcium_need_no_second_assessment() -> None:
    found = adrs(
        "PDEBMT",
        """
        patient_id | visit  | assess_dt  | bm_dt      | bm_pc_pct | bone_lesions | plasmacytoma | ca_result | alb_result | ca_other_cause
        A          | DAY100 | 2007-04-05 | 2007-04-04 | 4         | STABLE       | NONE         | 9.5       | 4.0        |
        A          | M3     | 2007-07-10 |            |           | INCREASED    | NONE         | 9.5       | 4.0        |
        B          | DAY100 | 2007-04-05 | 2007-04-04 | 4         | ND           | NONE         | 9.5       | 4.0        |
        B          | M3     | 2007-07-10 |            |           | ND           | NEW          | 9.5       | 4.0        |
        C          | DAY100 | 2007-04-05 | 2007-04-04 | 4         | ND           | ND           | 9.5       | 4.0        |
        C          | M3     | 2007-07-10 | 2007-07-07 | 14        | ND           | ND           | 9.5       | 4.0        |
        D          | DAY100 | 2007-04-05 |            |           | ND           | ND           | 9.5       | 4.0        |
        D          | M3     | 2007-07-10 |            |           | ND           | ND           | 11.0      | 3.3        |
        E          | DAY100 | 2007-04-05 |            |           | ND           | ND           | 9.5       | 4.0        |
        E          | M3     | 2007-07-10 |            |           | ND           | ND           | 12.5      | 4.0        | Y
        E          | M6     | 2007-10-10 |            |           | ND           | ND           | 12.5      |            |
        """,
    )
    # Records of a day are in order of test: ALB, CA, MSPIKE. D: 11.0 + 0.8 x (4.0 - 3.3) = 11.56 mg/dL. E: another
    # cause; then nothing to correct it by.
    assert_shows(
        found,
        """
        USUBJID | ADT        | BASIS        | SRCDOM | SRCVAR | SRCSEQ
        A       | 2007-07-10 | BONE         | RS     | RSDTC  | 4
        B       | 2007-07-10 | PLASMACYTOMA | RS     | RSDTC  | 6
        C       | 2007-07-07 | MARROW       | LB     | LBDTC  | 5
        D       | 2007-07-10 | CALCIUM      | LB     | LBDTC  | 5
        """,
        ADRS,
    )


def test_the_lowest_value_is_sought_from_the_restaging_on() -> None:
    found = adrs(
        "PDEBMT",
        """
        patient_id | visit   | assess_dt  | spep_result
        A          | REG     | 2006-09-01 | 3.2
        A          | UNSCHED | 2007-02-20 | 0.1
        A          | DAY100  | 2007-04-05 | 0.8
        A          | M3      | 2007-07-10 | 1.2
        A          | M6      | 2007-10-10 | 1.2
        B          | REG     | 2006-09-01 | 0.1
        B          | UNSCHED | 2007-04-05 | 0.8
        B          | M3      | 2007-07-10 | 1.2
        B          | M6      | 2007-10-10 | 1.4
        B          | M9      | 2008-01-10 | 1.4
        """,
    )
    # A: 0.1 of February is before the restaging. B: no restaging: the first assessment after transplantation.
    assert_shows(
        found,
        """
        USUBJID | ADT        | SRCSEQ
        B       | 2007-10-10 | 4
        """,
        ADRS,
    )


def test_light_chains_count_in_imwg_where_m_protein_never_was_measurable() -> None:
    found = adrs(
        "PDEBMT PDIMWG",
        """
        patient_id | visit  | assess_dt  | spep_result | flc_kappa | flc_lambda | flc_unit
        A          | REG    | 2006-09-01 | 0.9         | 30        | 1          | mg/dL
        A          | DAY100 | 2007-04-05 | NEG         | 20        | 10         | mg/L
        A          | M3     | 2007-07-10 | NEG         | 120       | 9          | mg/L
        A          | M6     | 2007-10-10 | NEG         | 13.5      | 1          | mg/dL
        B          | REG    | 2006-09-01 | 1.0         | 30        | 1          | mg/dL
        B          | DAY100 | 2007-04-05 | NEG         | 2         | 1          | mg/dL
        B          | M3     | 2007-07-10 | NEG         | 1         | 14         | mg/dL
        B          | M6     | 2007-10-10 | NEG         | 1         | 14         | mg/dL
        """,
    )
    # A: the difference rises from 1 to 11.1 mg/dL; its source is the higher chain. B: 1 g/dL at registration.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | BASIS | SRCDOM | SRCSEQ
        A       | PDIMWG  | 2007-07-10 | FLC   | LB     | 7
        """,
        ADRS,
    )


def test_a_last_rise_counts_if_death_from_myeloma_follows() -> None:
    found = adrs(
        "PDEBMT",
        """
        patient_id | visit   | assess_dt  | spep_result
        A          | DAY100  | 2007-04-05 | 0.8
        A          | M3      | 2007-07-10 | 1.6
        B          | DAY100  | 2007-04-05 | 0.8
        B          | M3      | 2007-07-10 | 1.6
        C          | DAY100  | 2007-04-05 | 0.8
        C          | M3      | 2007-07-10 | 1.6
        C          | M6      | 2007-10-10 | ND
        D          | DAY100  | 2007-04-05 | 0.8
        D          | M3      | 2007-07-10 | 1.6
        D          | M6      | 2007-10-10 | 0.8
        """,
        adsl="""
        USUBJID | DTHDT      | DTHCAUS
        A       | 2007-09-30 | MYELOMA
        B       | 2007-09-30 | INFECTION
        C       | 2007-12-31 | MYELOMA
        D       | 2007-12-31 | MYELOMA
        """,
    )
    # C: a visit without the marker is passed over. D: the next value was low.
    assert_shows(
        found,
        """
        USUBJID | ADT        | BASIS
        A       | 2007-07-10 | SERUM
        C       | 2007-07-10 | SERUM
        """,
        ADRS,
    )


def test_nothing_counts_before_randomisation_or_after_the_cut_off() -> None:
    found = adrs(
        "PDEBMT",
        """
        patient_id | visit   | assess_dt  | spep_result | bone_lesions
        A          | DAY100  | 2007-04-02 | 0.8         | NONE
        A          | UNSCHED | 2007-04-11 | 0.8         | NEW
        A          | M3      | 2007-07-10 | 0.8         | STABLE
        B          | DAY100  | 2007-04-02 | 0.8         | NEW
        B          | M3      | 2007-07-10 | 0.8         | STABLE
        C          | DAY100  | 2007-04-02 | 0.8         | NONE
        C          | M32     | 2009-12-17 | 1.6         | NONE
        C          | UNSCHED | 2009-12-18 | 1.6         | NEW
        D          | DAY100  | 2007-04-02 | 0.8         | NONE
        D          | UNSCHED | 2007-04-11 | 1.6         | NONE
        D          | M3      | 2007-07    | 1.6         | NONE
        D          | M6      | 2007-10-10 | 1.6         | NONE
        """,
    )
    # A: on the day of randomisation. B: at the reference. C: confirmed a day too late. D: the rise began before
    # randomisation, and the first assessment after it is confirmed too; its month counts from the first day.
    assert_shows(
        found,
        """
        USUBJID | ADT        | ADTF | BASIS | SRCSEQ
        D       | 2007-07-01 | D    | SERUM | 3
        """,
        ADRS,
    )


def test_the_declared_progression_is_the_markers_or_a_report_that_they_need_not_show() -> None:
    """2.3: a site's report counts if it rests on more than M-protein or marrow, or is known from follow-up only."""
    subjects = draw(
        ADSL,
        "USUBJID | RANDDT\n" + "\n".join(f"{patient} | 2007-04-11" for patient in "ABCDEFG"),
        UNBLINDING,
    )
    found = derive_adrs(
        STUDY,
        tabulation(
            UNBLINDING,
            rs="""
            USUBJID | RSSPID | RSTESTCD | RSCAT              | RSSTRESC | PDBASIS          | VISIT  | RSDTC
            A       | a      | PROGRESS | EBMT BLADE 1998    | PD       | SERUM            |        | 2008-03-10
            B       | a      | PROGRESS | EBMT BLADE 1998    | PD       | SERUM;CLINICAL   |        | 2008-03-10
            C       | a      | PROGRESS | FOLLOW-UP REPORT   | PD       |                  |        | 2008-03-10
            D       | a      | PROGRESS | FOLLOW-UP REPORT   | PD       |                  |        | 2008-03-10
            D       | b      | PROGRESS | IMWG DURIE 2006    | PD       | FLC              |        | 2008-04-10
            E       | a      | OVRLRESP | EBMT BLADE 1998    | PR       |                  | DAY100 | 2007-04-05
            E       | b      | OVRLRESP | EBMT BLADE 1998    | PD       |                  | PD     | 2008-03-10
            E       | b      | BONELES  | DISEASE ASSESSMENT | NEW      |                  | PD     | 2008-03-10
            E       | b      | PROGRESS | EBMT BLADE 1998    | PD       | BONE             | PD     | 2008-03-01
            F       | a      | OVRLRESP | EBMT BLADE 1998    | PR       |                  | DAY100 | 2007-04-05
            F       | b      | OVRLRESP | EBMT BLADE 1998    | PD       |                  | PD     | 2008-03-10
            F       | b      | BONELES  | DISEASE ASSESSMENT | NEW      |                  | PD     | 2008-03-10
            F       | b      | PROGRESS | EBMT BLADE 1998    | PD       | BONE             | PD     | 2008-03-10
            G       | a      | PROGRESS | EBMT BLADE 1998    | PD       |                  |        | 2008-03-10
            """,
            lb="""
            USUBJID | LBSPID | LBTESTCD | LBCAT              | LBSPEC | VISIT  | LBSTRESN | LBDTC
            E       | a      | MSPIKE   | DISEASE ASSESSMENT | SERUM  | DAY100 | 0.8      | 2007-04-05
            F       | a      | MSPIKE   | DISEASE ASSESSMENT | SERUM  | DAY100 | 0.8      | 2007-04-05
            """,
        ),
        subjects,
        UNBLINDING,
    ).filter(pl.col("PARAMCD").is_in(["PD", "PDEBMT"]))
    # A: serum alone, and the markers do not show it. D: an assessment form reports one too, so the markers
    # decide. E: the site's date is earlier. F: the same day, the markers' record. G: no basis is given.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | BASIS          | SRCDOM | SRCSEQ
        B       | PD      | 2008-03-10 | SERUM;CLINICAL | RS     | 1
        C       | PD      | 2008-03-10 |                | RS     | 1
        E       | PD      | 2008-03-01 | BONE           | RS     | 4
        E       | PDEBMT  | 2008-03-10 | BONE           | RS     | 3
        F       | PD      | 2008-03-10 | BONE           | RS     | 3
        F       | PDEBMT  | 2008-03-10 | BONE           | RS     | 3
        """,
        ADRS,
    )
