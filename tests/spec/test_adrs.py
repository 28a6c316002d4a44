"""ADRS in stories: which progression, which last assessment, which death.

Rules: the trial's clinical rules 2.3 (which date goes to ADTTE), 2.6 (partial dates) and 2.8.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.adrs import derive_adrs
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.adam import ADRS, ADSL
from tests.tables import assert_shows, draw, tabulation

UNBLINDING = STUDY.cut_off("2009-12-17")


def adrs(adsl: str, parameters: list[str], **domains: str) -> pl.DataFrame:
    subjects = draw(ADSL, adsl, UNBLINDING)
    found = derive_adrs(STUDY, tabulation(UNBLINDING, **domains), subjects, UNBLINDING)
    return found.filter(pl.col("PARAMCD").is_in(parameters))


def test_the_earliest_report_of_progression_counts() -> None:
    """Assessment form and follow-up form may both report it; nothing before randomisation counts."""
    found = adrs(
        """
        USUBJID | RANDDT     | TRTSDT
        A       | 2007-06-01 | 2007-06-04
        B       | 2007-06-01 | 2007-06-04
        C       | 2007-06-01 | 2007-06-04
        D       | 2007-06-01 | 2007-06-04
        E       |            |
        """,
        ["PDINV"],
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | PDBASIS | RSDTC
        A       | PROGRESS | PD       | EBMT BLADE 1998  | SERUM   | 2008-03-10
        A       | PROGRESS | PD       | FOLLOW-UP REPORT |         | 2008-03-02
        B       | PROGRESS | PD       | EBMT BLADE 1998  | SERUM   | 2007-05-30
        B       | PROGRESS | PD       | EBMT BLADE 1998  | SERUM   | 2007-06-01
        C       | PROGRESS | PD       | EBMT BLADE 1998  | SERUM   | 2009-12-18
        D       | PROGRESS | PD       | EBMT BLADE 1998  | SERUM   | 2009-12-17
        D       | PROGRESS | PD       | FOLLOW-UP REPORT |         | 2009-12-17
        E       | PROGRESS | PD       | EBMT BLADE 1998  | SERUM   | 2007-06-20
        """,
    )
    # A: the follow-up form is earlier. B: before, and on, the day of randomisation. C: after the cut-off.
    # D: a tie goes to the first record. E: was not randomised.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | AVALC | AVAL | ADT        | ADTF | ADY | BASIS | SRCDOM | SRCVAR | SRCSEQ
        A       | PDINV   | PD    | 7    | 2008-03-02 |      | 273 |       | RS     | RSDTC  | 2
        D       | PDINV   | PD    | 7    | 2009-12-17 |      | 928 | SERUM | RS     | RSDTC  | 1
        """,
        ADRS,
    )


def test_a_partial_date_of_progression_starts_after_the_last_assessment_without_it() -> None:
    found = adrs(
        """
        USUBJID | RANDDT
        A       | 2007-06-01
        B       | 2007-06-01
        C       | 2007-06-01
        D       | 2007-06-12
        E       | 2007-06-01
        F       | 2007-06-01
        """,
        ["PDINV"],
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSDTC
        A       | OVRLRESP | PR       | 2008-05-07
        A       | PROGRESS | PD       | 2008-05
        B       | OVRLRESP | PR       | 2008-02-20
        B       | OVRLRESP | PR       | 2009-01-05
        B       | PROGRESS | PD       | 2008
        C       | OVRLRESP | PR       | 2008-01-20
        C       | OVRLRESP | NE       | 2008-05-20
        C       | PROGRESS | PD       | 2008-05
        D       | PROGRESS | PD       | 2007-06
        E       | PROGRESS | PD       | 2008-05
        E       | PROGRESS | PD       | 2008-05-19
        F       | PROGRESS | PD       | 2008-04
        F       | PROGRESS | PD       | 2008-05-19
        """,
    )
    # A: the day after 7 May. B: an assessment of 2009 says nothing about 2008. C: stable in January, and a
    # response that was not evaluable shows nothing: 1 May. D: after randomisation. E: the complete date may
    # be the very report that the partial one is. F: April is before any day of May.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | ADTF | SRCSEQ
        A       | PDINV   | 2008-05-08 | D    | 2
        B       | PDINV   | 2008-02-21 | M    | 3
        C       | PDINV   | 2008-05-01 | D    | 3
        D       | PDINV   | 2007-06-13 | D    | 1
        E       | PDINV   | 2008-05-19 |      | 2
        F       | PDINV   | 2008-04-01 | D    | 1
        """,
        ADRS,
    )


def test_the_last_assessment_is_evaluable_after_randomisation_and_by_the_cut_off() -> None:
    found = adrs(
        """
        USUBJID | RANDDT
        A       | 2007-06-01
        B       | 2007-06-01
        C       | 2007-06-01
        D       | 2007-06-01
        E       |
        """,
        ["LSTA"],
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSDTC
        A       | OVRLRESP | CR       | 2008-05-07
        A       | OVRLRESP | NE       | 2008-08-07
        A       | OVRLRESP |          | 2008-11-07
        B       | OVRLRESP | PR       | 2009-12-17
        B       | OVRLRESP | PR       | 2009-12-18
        C       | OVRLRESP | PR       | 2007-05-28
        C       | OVRLRESP | PR       | 2007-06-01
        D       | OVRLRESP | PR       | 2008-05-07
        D       | OVRLRESP | SD       | 2008-05-07
        E       | OVRLRESP | PR       | 2008-05-07
        """,
    )
    # A: not evaluable and missing responses do not count. B: one is after the cut-off. C: none after
    # randomisation. D: same day, last record. E: was not randomised.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | AVALC | ADT        | SRCSEQ
        A       | LSTA    | CR    | 2008-05-07 | 1
        B       | LSTA    | PR    | 2009-12-17 | 1
        D       | LSTA    | SD    | 2008-05-07 | 2
        """,
        ADRS,
    )


def test_death_is_the_report_of_death_not_a_reason_for_stopping() -> None:
    found = adrs(
        """
        USUBJID | RANDDT     | LSTALVDT
        A       | 2007-06-01 | 2008-09-20
        B       | 2007-06-01 | 2008-09-20
        C       | 2007-06-01 | 2009-11-20
        D       |            | 2008-09-20
        """,
        ["DEATH"],
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        A       | DEATH   | DISPOSITION EVENT | STUDY TREATMENT     | 2008-09-15
        A       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-10-02
        B       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-09
        C       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2010-01-05
        D       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-10
        """,
    )
    # B: the first day after she was last known alive. C: died after the cut-off.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | AVALC | AVAL | ADT        | ADTF | SRCDOM | SRCVAR  | SRCSEQ
        A       | DEATH   | DEATH |      | 2008-10-02 |      | DS     | DSSTDTC | 2
        B       | DEATH   | DEATH |      | 2008-09-21 | D    | DS     | DSSTDTC | 1
        D       | DEATH   | DEATH |      | 2008-10-01 | D    | DS     | DSSTDTC | 1
        """,
        ADRS,
    )


def test_every_response_is_kept_in_order() -> None:
    """OVRINV holds all of them, the not evaluable too; ASEQ numbers the subject's rows."""
    found = adrs(
        """
        USUBJID | RANDDT
        A       | 2007-06-01
        """,
        list(ADRS.to_schema().columns["PARAMCD"].metadata["codelist"]),
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | PDBASIS | RSDTC
        A       | OVRLRESP | NE       |         | 2008-02-07
        A       | OVRLRESP | sCR      |         | 2007-05-28
        A       | OVRLRESP | PD       |         | 2008-05-07
        A       | PROGRESS | PD       | BONE    | 2008-05-07
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | ASEQ | PARAMCD | AVALC | AVAL | ADT        | SRCSEQ
        A       | 1    | LSTA    | PD    | 7    | 2008-05-07 | 3
        A       | 2    | OVRINV  | sCR   | 1    | 2007-05-28 | 2
        A       | 3    | OVRINV  | NE    | 8    | 2008-02-07 | 1
        A       | 4    | OVRINV  | PD    | 7    | 2008-05-07 | 3
        A       | 5    | PD      | PD    | 7    | 2008-05-07 | 4
        A       | 6    | PDINV   | PD    | 7    | 2008-05-07 | 4
        """,
        ADRS,
    )
