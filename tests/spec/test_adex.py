"""ADEX in stories: duration, dose and intensity of blinded study drug.

Rules: the trial's clinical rules 2.5 (dose: 10 mg daily, 15 mg after three months, range 5 to 15).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.adex import derive_adex
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.adam import ADEX, ADSL
from tests.tables import assert_shows, draw, tabulation

LONG_TERM = STUDY.cut_off("2011-10-31")


def adex(ex: str) -> pl.DataFrame:
    subjects = "USUBJID | TRT01P | TRT01PN\nA | PLACEBO | 2\nB | |\nC | |"
    adsl = draw(ADSL, subjects, LONG_TERM)
    return derive_adex(STUDY, tabulation(LONG_TERM, ex=ex), adsl, LONG_TERM)


def test_exposure() -> None:
    """
    A: 28 days of 10 mg, a cycle held, 21 of 28 days at 15 mg, then open-label drug, which is not counted.
    Duration is 2007-06-04 to 2007-08-26, 84 days; 280 + 315 = 595 mg on 49 days; 595 of 840 mg planned.
    B: never took a capsule. C: one day of 5 mg.
    """
    found = adex(
        """
        USUBJID | EPOCH                | EXSTDTC    | EXENDTC    | EXDOSE | DAYSTKN | MODTYPE
        A       | BLINDED TREATMENT    | 2007-06-04 | 2007-07-01 | 10     | 28      | NONE
        A       | BLINDED TREATMENT    | 2007-07-02 | 2007-07-29 | 0      | 0       | HELD
        A       | BLINDED TREATMENT    | 2007-07-30 | 2007-08-26 | 15     | 21      | ESCALATED
        A       | BLINDED TREATMENT    | 2007-08-27 | 2007-09-23 | 10     | 0       | REDUCED
        A       | OPEN LABEL TREATMENT | 2010-01-15 | 2010-02-11 | 25     | 28      | NONE
        B       | BLINDED TREATMENT    | 2007-06-04 | 2007-07-01 | 10     | 0       | OFF
        C       | BLINDED TREATMENT    | 2007-06-04 | 2007-06-04 | 5      | 1       | OFF
        """
    )
    assert_shows(
        found,
        f"""
        USUBJID | TRT01P  | TRT01PN | APHASE            | PARAMCD  | AVAL
        A       | PLACEBO | 2       | BLINDED TREATMENT | AVDDSE   | {595 / 49}
        A       | PLACEBO | 2       | BLINDED TREATMENT | DOSEMAX  | 15
        A       | PLACEBO | 2       | BLINDED TREATMENT | DOSEMIN  | 10
        A       | PLACEBO | 2       | BLINDED TREATMENT | DOSESTRT | 10
        A       | PLACEBO | 2       | BLINDED TREATMENT | ESCAL    | 1
        A       | PLACEBO | 2       | BLINDED TREATMENT | NCYC     | 2
        A       | PLACEBO | 2       | BLINDED TREATMENT | NHELD    | 1
        A       | PLACEBO | 2       | BLINDED TREATMENT | NREDUC   | 1
        A       | PLACEBO | 2       | BLINDED TREATMENT | RDI      | {100 * 595 / 840}
        A       | PLACEBO | 2       | BLINDED TREATMENT | TDOSE    | 595
        A       | PLACEBO | 2       | BLINDED TREATMENT | TDURD    | 84
        C       |         |         | BLINDED TREATMENT | AVDDSE   | 5
        C       |         |         | BLINDED TREATMENT | DOSEMAX  | 5
        C       |         |         | BLINDED TREATMENT | DOSEMIN  | 5
        C       |         |         | BLINDED TREATMENT | DOSESTRT | 5
        C       |         |         | BLINDED TREATMENT | ESCAL    | 0
        C       |         |         | BLINDED TREATMENT | NCYC     | 1
        C       |         |         | BLINDED TREATMENT | NHELD    | 0
        C       |         |         | BLINDED TREATMENT | NREDUC   | 0
        C       |         |         | BLINDED TREATMENT | RDI      | 50
        C       |         |         | BLINDED TREATMENT | TDOSE    | 5
        C       |         |         | BLINDED TREATMENT | TDURD    | 1
        """,
        ADEX,
    )
