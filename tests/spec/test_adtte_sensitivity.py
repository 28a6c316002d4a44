"""The sensitivity endpoints in stories: another start, another progression, another censoring.

The patients are those of `test_adtte`: transplanted on 2007-01-01, randomised on 2007-04-11, cut at 2009-12-17.
Rules: the trial's clinical rules 2.3 (which progression) and 2.8 (the endpoints and their censoring).
"""

# ruff: noqa: E501 (a drawn row stays one line)
from __future__ import annotations

from schemas.adam import ADTTE
from tests.spec.test_adtte import adtte
from tests.tables import assert_shows


def test_time_from_randomisation() -> None:
    """TTPR and OSR are TTP and OS counted from the day of randomisation."""
    found = adtte(
        "A B",
        "TTPR OSR",
        rs="""
        USUBJID | RSTESTCD | RSCAT            | RSSTRESC | RSDTC
        A       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-03-01
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        A       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-06-30
        """,
    )
    # B: nobody saw him again: a censoring on day 1.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | STARTDT    | ADT        | AVAL | CNSR | EVNTDESC                                  | SRCDOM | SRCVAR  | SRCSEQ
        A       | OSR     | 2007-04-11 | 2008-06-30 | 447  | 0    | DEATH                                     | DS     | DSSTDTC | 1
        A       | TTPR    | 2007-04-11 | 2008-03-01 | 326  | 0    | DISEASE PROGRESSION                       | RS     | RSDTC   | 1
        B       | OSR     | 2007-04-11 | 2007-04-11 | 1    | 1    | ALIVE AT LAST CONTACT                     | DS     | DSSTDTC | 99
        B       | TTPR    | 2007-04-11 | 2007-04-11 | 1    | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | DS     | DSSTDTC | 99
        """,
        ADTTE,
    )


def test_progression_by_the_investigator_and_by_imwg_criteria() -> None:
    found = adtte(
        "A B C",
        "TTP TTPINV TTPIMWG",
        rs="""
        USUBJID | RSSPID | RSTESTCD | RSCAT            | RSSTRESC | PDBASIS | VISIT  | RSDTC
        A       | a      | OVRLRESP | EBMT BLADE 1998  | SD       |         | DAY100 | 2007-04-05
        A       | b      | OVRLRESP | IMWG DURIE 2006  | PD       |         | PD     | 2008-03-01
        A       | b      | PROGRESS | IMWG DURIE 2006  | PD       | SERUM   | PD     | 2008-02-20
        A       | c      | OVRLRESP | IMWG DURIE 2006  | PD       |         | M15    | 2008-06-30
        B       | a      | OVRLRESP | EBMT BLADE 1998  | SD       |         | DAY100 | 2007-04-05
        B       | b      | PROGRESS | EBMT BLADE 1998  | PD       | BONE    |        | 2008-03-01
        C       | a      | OVRLRESP | EBMT BLADE 1998  | SD       |         | M3     | 2007-07-10
        """,
        lb="""
        USUBJID | LBSPID | LBTESTCD | LBCAT              | LBSPEC | VISIT  | LBSTRESN | LBDTC
        A       | a      | MSPIKE   | DISEASE ASSESSMENT | SERUM  | DAY100 | 2.0      | 2007-04-05
        A       | b      | MSPIKE   | DISEASE ASSESSMENT | SERUM  | PD     | 2.5      | 2008-02-28
        A       | c      | MSPIKE   | DISEASE ASSESSMENT | SERUM  | M15    | 2.5      | 2008-06-30
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        C       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-06-30
        """,
    )
    # A: exactly 25% is enough for IMWG (the specimen's day) and not for EBMT; the site dates it earlier. B: the
    # site's bone lesion stands in no marker. C: death ends all three.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | AVAL | CNSR | EVNTDESC                                  | SRCDOM | SRCVAR  | SRCSEQ
        A       | TTP     | 2008-06-30 | 547  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT   | RS     | RSDTC   | 4
        A       | TTPIMWG | 2008-02-28 | 424  | 0    | DISEASE PROGRESSION BY IMWG CRITERIA      | LB     | LBDTC   | 2
        A       | TTPINV  | 2008-02-20 | 416  | 0    | DISEASE PROGRESSION BY INVESTIGATOR       | RS     | RSDTC   | 3
        B       | TTP     | 2008-03-01 | 426  | 0    | DISEASE PROGRESSION                       | RS     | RSDTC   | 2
        B       | TTPIMWG | 2007-04-11 | 101  | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | DS     | DSSTDTC | 99
        B       | TTPINV  | 2008-03-01 | 426  | 0    | DISEASE PROGRESSION BY INVESTIGATOR       | RS     | RSDTC   | 2
        C       | TTP     | 2008-06-30 | 547  | 0    | DEATH                                     | DS     | DSSTDTC | 1
        C       | TTPIMWG | 2008-06-30 | 547  | 0    | DEATH                                     | DS     | DSSTDTC | 1
        C       | TTPINV  | 2008-06-30 | 547  | 0    | DEATH                                     | DS     | DSSTDTC | 1
        """,
        ADTTE,
    )


def test_censored_at_crossover() -> None:
    """Events after the first day of open-label drug do not count; the last assessment by that day is the end."""
    found = adtte(
        "A B C D E",
        "TTPXO",
        rs="""
        USUBJID | RSTESTCD | RSCAT            | RSSTRESC | RSDTC
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-02-01
        A       | OVRLRESP | EBMT BLADE 1998  | NE       | 2008-05-31
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-09-01
        A       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-12-01
        B       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-06-01
        C       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-05-01
        C       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-06-01
        D       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-09-01
        E       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-09-01
        E       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-12-01
        """,
        ds="""
        USUBJID | DSDECOD   | DSCAT              | EPOCH                | DSSTDTC
        A       | CROSSOVER | PROTOCOL MILESTONE | OPEN LABEL TREATMENT | 2008-06-01
        B       | CROSSOVER | PROTOCOL MILESTONE | OPEN LABEL TREATMENT | 2008-06-01
        C       | CROSSOVER | PROTOCOL MILESTONE | OPEN LABEL TREATMENT | 2008-06-01
        D       | CROSSOVER | PROTOCOL MILESTONE | OPEN LABEL TREATMENT | 2008-06-01
        """,
    )
    # A: the last evaluable one before it. B: on the day. C: progression on the day counts. D: assessed only after
    # it. E: did not cross over.
    assert_shows(
        found,
        """
        USUBJID | ADT        | AVAL | CNSR | EVNTDESC                                  | CNSDTDSC                                 | SRCDOM | SRCVAR  | SRCSEQ
        A       | 2008-02-01 | 397  | 3    | CENSORED AT CROSSOVER                     | LAST EVALUABLE DISEASE ASSESSMENT BEFORE | RS     | RSDTC   | 1
        B       | 2008-06-01 | 518  | 3    | CENSORED AT CROSSOVER                     | LAST EVALUABLE DISEASE ASSESSMENT BEFORE | RS     | RSDTC   | 1
        C       | 2008-06-01 | 518  | 0    | DISEASE PROGRESSION                       |                                          | RS     | RSDTC   | 2
        D       | 2007-04-11 | 101  | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                            | DS     | DSSTDTC | 99
        E       | 2008-12-01 | 701  | 0    | DISEASE PROGRESSION                       |                                          | RS     | RSDTC   | 2
        """,
        ADTTE,
    )


def test_survival_censored_at_crossover() -> None:
    """A death after the first day of open-label drug does not count; whoever crossed over was alive that day."""
    found = adtte(
        "A B C D",
        "OSXO",
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2008-05-01
        A       | ALIVE    | 2008-09-01
        C       | ALIVE    | 2008-09-01
        """,
        ds="""
        USUBJID | DSDECOD   | DSCAT              | DSSCAT              | EPOCH                | DSSTDTC
        A       | CROSSOVER | PROTOCOL MILESTONE |                     | OPEN LABEL TREATMENT | 2008-06-01
        A       | DEATH     | DISPOSITION EVENT  | STUDY PARTICIPATION |                      | 2008-12-01
        B       | CROSSOVER | PROTOCOL MILESTONE |                     | OPEN LABEL TREATMENT | 2008-06-01
        B       | DEATH     | DISPOSITION EVENT  | STUDY PARTICIPATION |                      | 2008-06-01
        D       | DEATH     | DISPOSITION EVENT  | STUDY PARTICIPATION |                      | 2008-12-01
        """,
    )
    # A: alive after it and dead later, neither counts. B: death on the day counts. C, D: did not cross over.
    assert_shows(
        found,
        """
        USUBJID | ADT        | AVAL | CNSR | EVNTDESC              | CNSDTDSC     | SRCDOM | SRCVAR  | SRCSEQ
        A       | 2008-06-01 | 518  | 3    | CENSORED AT CROSSOVER | CROSSOVER    | ADSL   | XODT    |
        B       | 2008-06-01 | 518  | 0    | DEATH                 |              | DS     | DSSTDTC | 2
        C       | 2008-09-01 | 610  | 1    | ALIVE AT LAST CONTACT | LAST CONTACT | SS     | SSDTC   | 1
        D       | 2008-12-01 | 701  | 0    | DEATH                 |              | DS     | DSSTDTC | 1
        """,
        ADTTE,
    )


def test_censored_at_new_therapy() -> None:
    """The last assessment before the first day of other anti-myeloma drugs; induction is none of them."""
    found = adtte(
        "A B C D",
        "TTPNACT",
        rs="""
        USUBJID | RSTESTCD | RSCAT            | RSSTRESC | RSDTC
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-02-01
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-06-01
        B       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-02-01
        B       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-06-01
        C       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-02-01
        D       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-02-01
        """,
        cm="""
        USUBJID | CMCAT                   | CMSTDTC
        A       | SUBSEQUENT ANTI-MYELOMA | 2008-06-01
        B       | SUBSEQUENT ANTI-MYELOMA | 2008-06-01
        C       | SUBSEQUENT ANTI-MYELOMA | 2008-06-15
        C       | SUBSEQUENT ANTI-MYELOMA | 2008-06
        D       | INDUCTION               | 2006-06-01
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        C       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-06-10
        """,
    )
    # A: the assessment of the very day may show the new drug. B: progression found that day counts. C: June is
    # taken from its first day, so the death of the 10th is after it. D: none.
    assert_shows(
        found,
        """
        USUBJID | ADT        | CNSR | EVNTDESC                                | CNSDTDSC                                 | SRCDOM | SRCSEQ
        A       | 2008-02-01 | 4    | CENSORED AT NEW THERAPY                 | LAST EVALUABLE DISEASE ASSESSMENT BEFORE | RS     | 1
        B       | 2008-06-01 | 0    | DISEASE PROGRESSION                     |                                          | RS     | 2
        C       | 2008-02-01 | 4    | CENSORED AT NEW THERAPY                 | LAST EVALUABLE DISEASE ASSESSMENT BEFORE | RS     | 1
        D       | 2008-02-01 | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | LAST EVALUABLE DISEASE ASSESSMENT        | RS     | 1
        """,
        ADTTE,
    )


def test_censored_before_two_missed_visits() -> None:
    """An event more than 210 days after the last assessment: the disease was not watched until it."""
    found = adtte(
        "A B C D E",
        "TTPMISS TTP",
        rs="""
        USUBJID | RSTESTCD | RSCAT            | RSSTRESC | RSDTC
        A       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-01-01
        A       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-07-29
        B       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-01-01
        B       | OVRLRESP | EBMT BLADE 1998  | PD       | 2008-07-30
        B       | PROGRESS | FOLLOW-UP REPORT | PD       | 2008-07-30
        B       | OVRLRESP | EBMT BLADE 1998  | PD       | 2008-09-30
        D       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-01-01
        D       | OVRLRESP | EBMT BLADE 1998  | PR       | 2009-06-30
        E       | OVRLRESP | EBMT BLADE 1998  | PR       | 2008-01-01
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        B       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-10-30
        C       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2007-11-08
        D       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2009-07-30
        """,
    )
    # A: 210 days. B: 211 days; the assessments that came later, and the death, do not mend it. C: never assessed,
    # died 211 days after randomisation. D: seen progression-free after the gap. E: no event.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | CNSR | EVNTDESC                                  | SRCDOM | SRCSEQ
        A       | TTP     | 2008-07-29 | 0    | DISEASE PROGRESSION                       | RS     | 2
        A       | TTPMISS | 2008-07-29 | 0    | DISEASE PROGRESSION                       | RS     | 2
        B       | TTP     | 2008-07-30 | 0    | DISEASE PROGRESSION                       | RS     | 3
        B       | TTPMISS | 2008-01-01 | 5    | CENSORED AT TWO MISSED VISITS             | RS     | 1
        C       | TTP     | 2007-11-08 | 0    | DEATH                                     | DS     | 1
        C       | TTPMISS | 2007-04-11 | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | DS     | 99
        D       | TTP     | 2009-07-30 | 0    | DEATH                                     | DS     | 1
        D       | TTPMISS | 2009-07-30 | 0    | DEATH                                     | DS     | 1
        E       | TTP     | 2008-01-01 | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT   | RS     | 1
        E       | TTPMISS | 2008-01-01 | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT   | RS     | 1
        """,
        ADTTE,
    )


def test_event_free_survival_to_the_last_contact() -> None:
    found = adtte(
        "A B",
        "EFS EFSLC",
        rs="""
        USUBJID | RSTESTCD | RSCAT           | RSSTRESC | RSDTC
        A       | OVRLRESP | EBMT BLADE 1998 | PR       | 2008-01-01
        B       | OVRLRESP | EBMT BLADE 1998 | PR       | 2008-01-01
        """,
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2009-06-30
        B       | ALIVE    | 2009-06-30
        """,
        ce="""
        USUBJID | CESCAT | INVASIVE | CESTDTC
        B       | SOLID  | Y        | 2008-06-30
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | AVAL | CNSR | EVNTDESC                                | CNSDTDSC                          | SRCDOM | SRCVAR  | SRCSEQ
        A       | EFS     | 2008-01-01 | 366  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | LAST EVALUABLE DISEASE ASSESSMENT | RS     | RSDTC   | 1
        A       | EFSLC   | 2009-06-30 | 912  | 1    | ALIVE AT LAST CONTACT                   | LAST CONTACT                      | SS     | SSDTC   | 1
        B       | EFS     | 2008-06-30 | 547  | 0    | SECOND PRIMARY CANCER                   |                                   | CE     | CESTDTC | 1
        B       | EFSLC   | 2008-06-30 | 547  | 0    | SECOND PRIMARY CANCER                   |                                   | CE     | CESTDTC | 1
        """,
        ADTTE,
    )
