"""ADCE in stories: which second cancer counts.

Rules: the trial's clinical rules 2.9; Table 3 of the paper and its footnotes.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.adce import derive_adce
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.adam import ADCE, ADSL
from tests.tables import assert_shows, draw, tabulation

LONG_TERM = STUDY.cut_off("2011-10-31")


def adce(adsl: str, **domains: str) -> pl.DataFrame:
    subjects = draw(ADSL, adsl, LONG_TERM)
    return derive_adce(STUDY, tabulation(LONG_TERM, **domains), subjects, LONG_TERM)


def test_the_first_invasive_cancer_after_randomisation_counts() -> None:
    found = adce(
        """
        USUBJID | RANDDT
        A       | 2007-06-01
        B       | 2007-06-01
        C       | 2007-06-01
        D       | 2007-06-01
        E       | 2007-06-01
        F       |
        """,
        ce="""
        USUBJID | CESEQ | CESCAT      | SPMGRP   | INVASIVE | CESTDTC
        A       | 1     | NMSC_BCC    | OTHER    | Y        | 2008-02-01
        A       | 2     | SOLID       | BREAST   | Y        | 2009-02-01
        A       | 3     | SOLID       | GI       | Y        | 2010-02-01
        B       | 1     | SOLID       | MELANOMA | N        | 2008-02-01
        B       | 2     | SOLID       | MELANOMA | U        | 2008-03-01
        C       | 1     | SOLID       | PROSTATE | Y        | 2007-06-01
        C       | 2     | NMSC_SCC    | OTHER    | Y        | 2009-06-01
        D       | 1     | SOLID       | GI       | Y        | 2008-02-01
        D       | 2     | HEMATOLOGIC | AML      | Y        | 2008-02-01
        E       | 1     | UNK         | OTHER    | Y        | 2008-02-01
        F       | 1     | SOLID       | GI       | Y        | 2008-02-01
        """,
    )
    # A: skin cancer does not count, the gastrointestinal cancer is a second one. B: in situ, and not known.
    # C: on the day of randomisation. D: same day, first record. F: was not randomised.
    assert_shows(
        found,
        """
        USUBJID | CESEQ | SPMCAT      | ASTDT      | ADURRAND | SPMFL | NMSCFL
        A       | 1     | NMSC        | 2008-02-01 | 245      |       | Y
        A       | 2     | SOLID       | 2009-02-01 | 611      | Y     |
        A       | 3     | SOLID       | 2010-02-01 | 976      |       |
        B       | 1     | SOLID       | 2008-02-01 | 245      |       |
        B       | 2     | SOLID       | 2008-03-01 | 274      |       |
        C       | 1     | SOLID       | 2007-06-01 | 0        |       |
        C       | 2     | NMSC        | 2009-06-01 | 731      |       | Y
        D       | 1     | SOLID       | 2008-02-01 | 245      | Y     |
        D       | 2     | HEMATOLOGIC | 2008-02-01 | 245      |       |
        E       | 1     |             | 2008-02-01 | 245      |       |
        F       | 1     | SOLID       | 2008-02-01 |          |       |
        """,
        ADCE,
    )


def test_leukaemia_within_90_days_of_mds_is_the_same_event() -> None:
    found = adce(
        """
        USUBJID | RANDDT
        A       | 2007-06-01
        B       | 2007-06-01
        C       | 2007-06-01
        """,
        ce="""
        USUBJID | CESEQ | CESCAT      | SPMGRP | INVASIVE | CESTDTC
        A       | 1     | HEMATOLOGIC | MDS    | Y        | 2008-02-01
        A       | 2     | HEMATOLOGIC | AML    | Y        | 2008-04-01
        B       | 1     | HEMATOLOGIC | MDS    | Y        | 2007-05-20
        B       | 2     | HEMATOLOGIC | AML    | Y        | 2007-08-18
        C       | 1     | HEMATOLOGIC | MDS    | Y        | 2007-05-20
        C       | 2     | HEMATOLOGIC | AML    | Y        | 2007-08-19
        """,
    )
    # B: the event began before randomisation, 90 days earlier. C: 91 days, a new event.
    assert_shows(
        found,
        """
        USUBJID | CESEQ | SPMFL
        A       | 1     | Y
        A       | 2     |
        B       | 1     |
        B       | 2     |
        C       | 1     |
        C       | 2     | Y
        """,
        ADCE,
    )


def test_what_came_before_the_cancer() -> None:
    """Progression, crossover, an anthracycline; the restart of study drug afterwards."""
    found = adce(
        """
        USUBJID | RANDDT     | TRTSDT     | PDDT       | XODT       | INDANTFL
        A       | 2007-06-01 | 2007-06-04 | 2008-06-01 |            | Y
        B       | 2007-06-01 | 2007-06-04 | 2010-02-01 | 2010-02-01 | N
        """,
        ce="""
        USUBJID | CESCAT | SPMGRP   | INVASIVE | RESTART | CESTDTC
        A       | SOLID  | GI       | Y        | N       | 2008-06-02
        B       | SOLID  | MELANOMA | Y        | Y       | 2010-02-01
        """,
    )
    # A counts although it follows progression: endpoints leave it out because progression comes first.
    # B: on the day of progression is not after it; on the first day of open-label drug is after crossover.
    assert_shows(
        found,
        """
        USUBJID | SPMFL | SPMPDFL | XOAFTFL | RESTRTFL | ANTHRFL | ASTDY
        A       | Y     | Y       |         |          | Y       | 365
        B       | Y     |         | Y       | Y        |         | 974
        """,
        ADCE,
    )


def test_an_earlier_cancer_of_the_same_site_is_flagged_and_counts() -> None:
    """Table 3, footnote: breast cancer 26 years before; whether it came back or is new is not known."""
    found = adce(
        "USUBJID | RANDDT\n" + "\n".join(f"{subject} | 2007-06-01" for subject in "ABCDE"),
        ce="""
        USUBJID | CESCAT   | SPMGRP   | INVASIVE | RECURQ | CESTDTC
        A       | SOLID    | BREAST   | Y        | U      | 2010-01-03
        B       | SOLID    | PROSTATE | Y        | N      | 2010-01-02
        C       | SOLID    | GI       | Y        | Y      | 2010-01-03
        D       | SOLID    | GI       | Y        | N      | 2010-01-03
        E       | NMSC_BCC | OTHER    | Y        | N      | 2010-01-03
        """,
        mh="""
        USUBJID | MHTERM                    | MHCAT        | MHSTDTC
        A       | Breast cancer             | PRIOR CANCER | 1984-01-03
        A       | Breast cancer, other side | PRIOR CANCER | 1990-01-03
        B       | Prostate cancer           | PRIOR CANCER | 2000-01-03
        C       | Cancer of the colon       | PRIOR CANCER | 1998
        D       | Laryngeal cancer          | PRIOR CANCER | 1998
        E       | Other cancer              | PRIOR CANCER | 1998
        """,
    )
    # A: 26 years to the day. B: ten years but for a day. C: the form says so; from the middle of 1998.
    # D: another site. E: "other" names no site.
    assert_shows(
        found,
        """
        USUBJID | SPMFL | SPMRECFL | PRCANYR
        A       | Y     | Y        | 26
        B       | Y     | Y        | 9
        C       | Y     | Y        | 11
        D       | Y     |          |
        E       |       |          |
        """,
        ADCE,
    )


def test_second_cancers_are_cut_at_their_own_date() -> None:
    """The long-term cut-off is 2011-10-31; second cancers count to 2012-02-29."""
    found = adce(
        """
        USUBJID | RANDDT
        A       | 2007-06-01
        B       | 2007-06-01
        C       | 2007-06-10
        """,
        ce="""
        USUBJID | CESCAT | SPMGRP | INVASIVE | CESTDTC
        A       | SOLID  | GI     | Y        | 2012-02-29
        B       | SOLID  | GI     | Y        | 2012-03-01
        C       | SOLID  | GI     | Y        | 2007-06
        """,
    )
    # C: not before randomisation, so on its day, which does not count as after it.
    assert_shows(
        found,
        """
        USUBJID | ASTDT      | ASTDTF | SPMFL
        A       | 2012-02-29 |        | Y
        C       | 2007-06-10 | D      |
        """,
        ADCE,
    )
