"""ADAE in stories: dates, periods and the first worst event.

Rules: the trial's clinical rules 2.5 (attribution), 2.6 (partial dates) and 2.10 (crossover).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.adae import derive_adae
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.adam import ADAE, ADSL
from tests.tables import assert_shows, draw, tabulation

LONG_TERM = STUDY.cut_off("2011-10-31")


def adae(adsl: str, ae: str) -> pl.DataFrame:
    subjects = draw(ADSL, adsl, LONG_TERM)
    return derive_adae(STUDY, tabulation(LONG_TERM, ae=ae), subjects, LONG_TERM)


def test_partial_dates_stay_within_randomisation_death_and_cut_off() -> None:
    found = adae(
        """
        USUBJID | RANDDT     | TRTSDT     | DTHDT
        A       | 2007-06-10 | 2007-06-12 |
        B       | 2007-06-10 | 2007-06-12 | 2009-03-15
        C       | 2007-06-10 | 2007-06-12 |
        """,
        """
        USUBJID | AESEQ | AEBODSYS | AETOXGR | AESTDTC    | AEENDTC
        A       | 1     | PAIN     | 1       | 2007-06    | 2007-07
        A       | 2     | PAIN     | 1       | 2007       | 2007
        A       | 3     | PAIN     | 1       | 2008-02    | 2008-02
        A       | 4     | PAIN     | 1       | 2007-05    |
        B       | 1     | PAIN     | 1       | 2009-03    | 2009-03
        C       | 1     | PAIN     | 1       | 2012-02    | 2012
        C       | 2     | PAIN     | 1       | 2012-03-01 |
        C       | 3     | PAIN     | 1       | 2012-02-29 | 2012-02-29
        """,
    )
    # A: in the month, or year, of randomisation the event is taken to follow it. C: after 2012-02-29 nothing.
    assert_shows(
        found,
        """
        USUBJID | AESEQ | ASTDT      | ASTDTF | AENDT      | AENDTF | ASTDY | TRTEMFL | POSTRFL
        A       | 1     | 2007-06-10 | D      | 2007-07-31 | D      | -2    |         | Y
        A       | 2     | 2007-06-10 | M      | 2007-12-31 | M      | -2    |         | Y
        A       | 3     | 2008-02-01 | D      | 2008-02-29 | D      | 235   | Y       | Y
        A       | 4     | 2007-05-01 | D      |            |        | -42   |         |
        B       | 1     | 2009-03-01 | D      | 2009-03-15 | D      | 629   | Y       | Y
        C       | 1     | 2012-02-01 | D      | 2012-02-29 | M      | 1696  | Y       | Y
        C       | 3     | 2012-02-29 |        | 2012-02-29 |        | 1724  | Y       | Y
        """,
        ADAE,
    )


def test_the_first_worst_event_of_a_subject_and_of_a_term() -> None:
    found = adae(
        """
        USUBJID | RANDDT
        A       | 2007-06-10
        B       | 2007-06-10
        C       |
        """,
        """
        USUBJID | AESEQ | AEDECOD          | AEBODSYS          | AETOXGR | AESTDTC
        A       | 1     | NEUTROPENIA      | BLOOD/BONE MARROW | 4       | 2007-06-01
        A       | 2     | NEUTROPENIA      | BLOOD/BONE MARROW | 3       | 2008-06-01
        A       | 3     | NEUTROPENIA      | BLOOD/BONE MARROW | 3       | 2008-01-01
        A       | 4     | ANEMIA           | BLOOD/BONE MARROW | 3       | 2008-01-01
        A       | 5     | FATIGUE          | PAIN              | 1       | 2008-01-01
        B       | 1     | THROMBOCYTOPENIA | BLOOD/BONE MARROW |         | 2008-01-01
        B       | 2     | THROMBOCYTOPENIA | BLOOD/BONE MARROW | 2       | 2008-02-01
        C       | 1     | ANEMIA           | BLOOD/BONE MARROW | 3       | 2007-05-01
        """,
    )
    # A: grade 4 was before randomisation; of two of grade 3 the earlier, of two on a day the first record.
    # B: an unknown grade is no worst grade. C: was not randomised.
    assert_shows(
        found,
        """
        USUBJID | AESEQ | ATOXGRN | HEMEFL | POSTRFL | AOCCIFL | AOCCPIFL
        A       | 1     | 4       | Y      |         |         |
        A       | 2     | 3       | Y      | Y       |         |
        A       | 3     | 3       | Y      | Y       | Y       | Y
        A       | 4     | 3       | Y      | Y       |         | Y
        A       | 5     | 1       |        | Y       |         | Y
        B       | 1     |         | Y      | Y       |         |
        B       | 2     | 2       | Y      | Y       | Y       | Y
        C       | 1     | 3       | Y      |         |         |
        """,
        ADAE,
    )


def test_period_and_attribution() -> None:
    """Period 2 begins with the first day of open-label drug; possible, probable and definite are related."""
    found = adae(
        """
        USUBJID | RANDDT     | XODT
        A       | 2007-06-10 | 2010-01-15
        """,
        """
        USUBJID | AEREL     | AEBODSYS | AETOXGR | AESTDTC
        A       | UNRELATED | PAIN     | 1       | 2007-06-09
        A       | UNLIKELY  | PAIN     | 1       | 2007-06-10
        A       | POSSIBLE  | PAIN     | 1       | 2010-01-14
        A       | PROBABLE  | PAIN     | 1       | 2010-01-15
        A       | DEFINITE  | PAIN     | 1       | 2010-02-15
        A       |           | PAIN     | 1       | 2010-03-15
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | RELGR1      | APERIOD
        A       | NOT RELATED |
        A       | NOT RELATED | 1
        A       | RELATED     | 1
        A       | RELATED     | 2
        A       | RELATED     | 2
        A       |             | 2
        """,
        ADAE,
    )
