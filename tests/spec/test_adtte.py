"""ADTTE in stories: what ends each endpoint, and on which record the answer rests.

Every patient of these stories was transplanted on 2007-01-01, which is day 1 of TTP, OS and EFS, and
randomised on 2007-04-11, which is day 1 of TTSPM and day 101 of the others; the data are cut at 2009-12-17.
Progression is reported on follow-up forms here, which the endpoints take at their word (clinical rules 2.3).
Rules: the trial's clinical rules 2.6 (partial dates), 2.8 (time to event) and 2.9 (second cancers).
"""

# ruff: noqa: E501 (a drawn row stays one line)
from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from pipeline.derive.adce import derive_adce
from pipeline.derive.adrs import derive_adrs
from pipeline.derive.adsl import derive_adsl
from pipeline.derive.adtte import DeriveError, derive_adtte
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import Study
from schemas.adam import ADTTE
from schemas.sdtm import DM
from tests.tables import assert_shows, draw, tabulation

UNBLINDING = STUDY.cut_off("2009-12-17")


def adtte(patients: str, parameters: str, study: Study = STUDY, **domains: str) -> pl.DataFrame:
    """These parameters of the patients with the drawn records.

    Each patient also has the transplantation as PRSEQ 1 and the randomisation as DSSEQ 99.
    """
    sdtm = dict(tabulation(UNBLINDING, **domains))
    people = draw(DM, "USUBJID\n" + "\n".join(patients.split()), UNBLINDING)
    everybody = people.select("USUBJID")
    randomised = everybody.with_columns(
        DSSEQ=pl.lit(99, pl.Int64),
        DSDECOD=pl.lit("RANDOMIZED"),
        DSCAT=pl.lit("PROTOCOL MILESTONE"),
        DSSTDTC=pl.lit("2007-04-11"),
    )
    transplanted = everybody.with_columns(PRSEQ=pl.lit(1, pl.Int64), PRSTDTC=pl.lit("2007-01-01"))
    sdtm["dm"] = people
    sdtm["ds"] = pl.concat([sdtm["ds"], randomised], how="diagonal").select(sdtm["ds"].columns)
    sdtm["pr"] = pl.concat([sdtm["pr"], transplanted], how="diagonal").select(sdtm["pr"].columns)
    adsl = derive_adsl(study, sdtm, UNBLINDING)
    sdtm["adrs"] = derive_adrs(study, sdtm, adsl, UNBLINDING)
    sdtm["adce"] = derive_adce(study, sdtm, adsl, UNBLINDING)
    found = derive_adtte(study, sdtm, adsl, UNBLINDING)
    return found.filter(pl.col("PARAMCD").is_in(parameters.split()))


def test_the_first_of_progression_and_death() -> None:
    found = adtte(
        "A B C D",
        "TTP OS",
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        A       | OVRLRESP | PR       | EBMT BLADE 1998  | 2007-12-31
        A       | OVRLRESP | PD       | EBMT BLADE 1998  | 2008-03-01
        A       | PROGRESS | PD       | FOLLOW-UP REPORT | 2008-03-01
        C       | OVRLRESP | PR       | EBMT BLADE 1998  | 2007-12-31
        C       | PROGRESS | PD       | FOLLOW-UP REPORT | 2008-06-30
        D       | OVRLRESP | CR       | EBMT BLADE 1998  | 2009-06-30
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        A       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2009-06-30
        B       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-06-30
        C       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-06-30
        """,
        ss="""
        USUBJID | SSSTRESC | SSDTC
        D       | ALIVE    | 2009-12-17
        """,
    )
    # A: progression, then death. B: death only, before anybody assessed him. C: both on one day: progression
    # is declared first. D: neither.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | STARTDT    | ADT        | AVAL | CNSR | EVNTDESC                                | CNSDTDSC                          | SRCDOM | SRCVAR  | SRCSEQ
        A       | OS      | 2007-01-01 | 2009-06-30 | 912  | 0    | DEATH                                   |                                   | DS     | DSSTDTC | 1
        A       | TTP     | 2007-01-01 | 2008-03-01 | 426  | 0    | DISEASE PROGRESSION                     |                                   | RS     | RSDTC   | 3
        B       | OS      | 2007-01-01 | 2008-06-30 | 547  | 0    | DEATH                                   |                                   | DS     | DSSTDTC | 1
        B       | TTP     | 2007-01-01 | 2008-06-30 | 547  | 0    | DEATH                                   |                                   | DS     | DSSTDTC | 1
        C       | OS      | 2007-01-01 | 2008-06-30 | 547  | 0    | DEATH                                   |                                   | DS     | DSSTDTC | 1
        C       | TTP     | 2007-01-01 | 2008-06-30 | 547  | 0    | DISEASE PROGRESSION                     |                                   | RS     | RSDTC   | 2
        D       | OS      | 2007-01-01 | 2009-12-17 | 1082 | 1    | ALIVE AT LAST CONTACT                   | LAST CONTACT                      | SS     | SSDTC   | 1
        D       | TTP     | 2007-01-01 | 2009-06-30 | 912  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | LAST EVALUABLE DISEASE ASSESSMENT | RS     | RSDTC   | 1
        """,
        ADTTE,
    )


def test_what_happened_after_the_cut_off_date_is_not_known_yet() -> None:
    """The record was received in time, its event is dated later: a query, and no event."""
    found = adtte(
        "A B C",
        "TTP OS EFS",
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        A       | OVRLRESP | PR       | EBMT BLADE 1998  | 2009-06-30
        A       | OVRLRESP | PD       | EBMT BLADE 1998  | 2009-12-18
        A       | PROGRESS | PD       | FOLLOW-UP REPORT | 2009-12-18
        B       | OVRLRESP | PR       | EBMT BLADE 1998  | 2009-06-30
        C       | OVRLRESP | PR       | EBMT BLADE 1998  | 2009-06-30
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        A       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2010-01-05
        B       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2009-12-17
        """,
        ce="""
        USUBJID | CESCAT | INVASIVE | CESTDTC
        C       | SOLID  | Y        | 2009-12-18
        """,
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2009-12-17
        A       | ALIVE    | 2009-12-18
        C       | ALIVE    | 2009-12-18
        """,
    )
    # A: the assessment, contact and events after the date are left out. B: on the date counts. C: the cancer
    # was found, and the patient seen, a day too late.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | AVAL | CNSR | SRCDOM | SRCSEQ
        A       | EFS     | 2009-06-30 | 912  | 1    | RS     | 1
        A       | OS      | 2009-12-17 | 1082 | 1    | SS     | 1
        A       | TTP     | 2009-06-30 | 912  | 1    | RS     | 1
        B       | EFS     | 2009-12-17 | 1082 | 0    | DS     | 1
        B       | OS      | 2009-12-17 | 1082 | 0    | DS     | 1
        B       | TTP     | 2009-12-17 | 1082 | 0    | DS     | 1
        C       | EFS     | 2009-06-30 | 912  | 1    | RS     | 1
        C       | OS      | 2009-06-30 | 912  | 1    | RS     | 1
        C       | TTP     | 2009-06-30 | 912  | 1    | RS     | 1
        """,
        ADTTE,
    )


def test_nobody_looked_after_randomisation() -> None:
    """Without an evaluable assessment after randomisation, time to progression ends there, with its own code."""
    found = adtte(
        "A B C D",
        "TTP TTSPM",
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        B       | OVRLRESP | PR       | EBMT BLADE 1998  | 2007-04-10
        B       | OVRLRESP | PR       | EBMT BLADE 1998  | 2007-04-11
        C       | OVRLRESP | NE       | EBMT BLADE 1998  | 2008-03-01
        D       | OVRLRESP | SD       | EBMT BLADE 1998  | 2007-04-12
        """,
    )
    # A: no assessment. B: before and on the day of randomisation. C: not evaluable. D: the day after.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | AVAL | CNSR | EVNTDESC                                  | CNSDTDSC                          | SRCDOM | SRCVAR  | SRCSEQ
        A       | TTP     | 2007-04-11 | 101  | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                     | DS     | DSSTDTC | 99
        A       | TTSPM   | 2007-04-11 | 1    | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                     | DS     | DSSTDTC | 99
        B       | TTP     | 2007-04-11 | 101  | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                     | DS     | DSSTDTC | 99
        B       | TTSPM   | 2007-04-11 | 1    | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                     | DS     | DSSTDTC | 99
        C       | TTP     | 2007-04-11 | 101  | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                     | DS     | DSSTDTC | 99
        C       | TTSPM   | 2007-04-11 | 1    | 2    | NO DISEASE ASSESSMENT AFTER RANDOMISATION | RANDOMISATION                     | DS     | DSSTDTC | 99
        D       | TTP     | 2007-04-12 | 102  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT   | LAST EVALUABLE DISEASE ASSESSMENT | RS     | RSDTC   | 1
        D       | TTSPM   | 2007-04-12 | 2    | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT   | LAST EVALUABLE DISEASE ASSESSMENT | RS     | RSDTC   | 1
        """,
        ADTTE,
    )


def test_progression_before_randomisation_is_a_deviation_and_no_event() -> None:
    found = adtte(
        "A",
        "TTP EFS",
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        A       | OVRLRESP | PD       | EBMT BLADE 1998  | 2007-04-11
        A       | PROGRESS | PD       | FOLLOW-UP REPORT | 2007-04-11
        A       | OVRLRESP | SD       | EBMT BLADE 1998  | 2007-12-31
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | AVAL | CNSR | SRCDOM | SRCSEQ
        A       | EFS     | 2007-12-31 | 365  | 1    | RS     | 3
        A       | TTP     | 2007-12-31 | 365  | 1    | RS     | 3
        """,
        ADTTE,
    )


def test_second_cancers_end_event_free_survival_and_time_to_second_cancer() -> None:
    found = adtte(
        "A B C D E F",
        "EFS TTSPM",
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        A       | OVRLRESP | CR       | EBMT BLADE 1998  | 2009-06-30
        B       | OVRLRESP | CR       | EBMT BLADE 1998  | 2009-06-30
        C       | PROGRESS | PD       | FOLLOW-UP REPORT | 2008-03-01
        D       | PROGRESS | PD       | FOLLOW-UP REPORT | 2008-06-30
        F       | OVRLRESP | CR       | EBMT BLADE 1998  | 2009-06-30
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        E       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008-06-30
        """,
        ce="""
        USUBJID | CESCAT      | INVASIVE | CESTDTC
        A       | HEMATOLOGIC | Y        | 2008-06-30
        B       | SOLID       | Y        | 2007-03-20
        C       | SOLID       | Y        | 2008-06-30
        D       | SOLID       | Y        | 2008-06-30
        F       | NMSC_BCC    | Y        | 2008-03-01
        """,
    )
    # A: counted. B: before randomisation, not counted. C: after progression, which came first in both. D: on
    # the day of progression, and the cancer is declared first. E: died without one. F: a basal-cell cancer.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | AVAL | CNSR | EVNTDESC                                | SRCDOM | SRCVAR  | SRCSEQ
        A       | EFS     | 2008-06-30 | 547  | 0    | SECOND PRIMARY CANCER                   | CE     | CESTDTC | 1
        A       | TTSPM   | 2008-06-30 | 447  | 0    | SECOND PRIMARY CANCER                   | CE     | CESTDTC | 1
        B       | EFS     | 2009-06-30 | 912  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | RS     | RSDTC   | 1
        B       | TTSPM   | 2009-06-30 | 812  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | RS     | RSDTC   | 1
        C       | EFS     | 2008-03-01 | 426  | 0    | DISEASE PROGRESSION                     | RS     | RSDTC   | 1
        C       | TTSPM   | 2008-03-01 | 326  | 3    | DISEASE PROGRESSION FIRST               | RS     | RSDTC   | 1
        D       | EFS     | 2008-06-30 | 547  | 0    | SECOND PRIMARY CANCER                   | CE     | CESTDTC | 1
        D       | TTSPM   | 2008-06-30 | 447  | 0    | SECOND PRIMARY CANCER                   | CE     | CESTDTC | 1
        E       | EFS     | 2008-06-30 | 547  | 0    | DEATH                                   | DS     | DSSTDTC | 1
        E       | TTSPM   | 2008-06-30 | 447  | 4    | DEATH FIRST                             | DS     | DSSTDTC | 1
        F       | EFS     | 2009-06-30 | 912  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | RS     | RSDTC   | 1
        F       | TTSPM   | 2009-06-30 | 812  | 1    | NO EVENT BY THE LAST DISEASE ASSESSMENT | RS     | RSDTC   | 1
        """,
        ADTTE,
    )


def test_overall_survival_ends_at_the_latest_record_that_shows_the_patient_alive() -> None:
    """One patient for each kind of record; each also has a contact of 2007-12-31."""
    found = adtte(
        "A B C D E F G H I",
        "OS",
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2007-12-31
        A       | ALIVE    | 2008-03-01
        A       | UNKNOWN  | 2008-06-30
        B       | ALIVE    | 2007-12-31
        C       | ALIVE    | 2007-12-31
        D       | ALIVE    | 2007-12-31
        E       | ALIVE    | 2007-12-31
        F       | ALIVE    | 2007-12-31
        G       | ALIVE    | 2007-12-31
        H       | ALIVE    | 2007-12-31
        """,
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        B       | OVRLRESP | NE       | EBMT BLADE 1998  | 2008-03-01
        B       | PROGRESS | PD       | FOLLOW-UP REPORT | 2008-06-30
        """,
        lb="""
        USUBJID | LBSTAT   | LBDTC
        C       |          | 2008-03-01
        C       | NOT DONE | 2008-06-30
        """,
        ex="""
        USUBJID | DAYSTKN | EXENDTC
        D       | 21      | 2008-03-01
        D       | 0       | 2008-06-30
        """,
        ae="""
        USUBJID | AESTDTC
        E       | 2008-03-01
        """,
        cm="""
        USUBJID | CMSTDTC
        F       | 2008-03-01
        """,
        ce="""
        USUBJID | CESTDTC
        G       | 2008-03-01
        """,
        ds="""
        USUBJID | DSDECOD          | DSCAT              | DSSTDTC
        H       | CROSSOVER        | PROTOCOL MILESTONE | 2008-03-01
        H       | ADVERSE EVENT    | DISPOSITION EVENT  | 2008-06-30
        """,
    )
    # A contact of unknown status, a report of an earlier progression, a sample not taken, a cycle without a
    # capsule and a disposition show nothing. I: nothing after randomisation.
    assert_shows(
        found,
        """
        USUBJID | ADT        | AVAL | CNSR | EVNTDESC              | CNSDTDSC                   | SRCDOM | SRCVAR  | SRCSEQ
        A       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | LAST CONTACT               | SS     | SSDTC   | 2
        B       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | LAST DISEASE ASSESSMENT    | RS     | RSDTC   | 1
        C       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | LAST LABORATORY SAMPLE     | LB     | LBDTC   | 1
        D       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | LAST DOSE                  | EX     | EXENDTC | 1
        E       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | LAST ADVERSE EVENT         | AE     | AESTDTC | 1
        F       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | LAST START OF THERAPY      | CM     | CMSTDTC | 1
        G       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | DIAGNOSIS OF SECOND CANCER | CE     | CESTDTC | 1
        H       | 2008-03-01 | 426  | 1    | ALIVE AT LAST CONTACT | PROTOCOL MILESTONE         | DS     | DSSTDTC | 1
        I       | 2007-04-11 | 101  | 1    | ALIVE AT LAST CONTACT | PROTOCOL MILESTONE         | DS     | DSSTDTC | 99
        """,
        ADTTE,
    )


def test_records_of_one_day_go_by_the_declared_order_then_by_sequence() -> None:
    found = adtte(
        "A B",
        "OS",
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2008-03-01
        A       | ALIVE    | 2008-03-01
        """,
        lb="""
        USUBJID | LBDTC
        A       | 2008-03-01
        B       | 2008-03-01
        B       | 2008-03-01
        """,
        ae="""
        USUBJID | AESTDTC
        B       | 2008-03-01
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | ADT        | CNSDTDSC               | SRCDOM | SRCSEQ
        A       | 2008-03-01 | LAST CONTACT           | SS     | 1
        B       | 2008-03-01 | LAST LABORATORY SAMPLE | LB     | 1
        """,
        ADTTE,
    )


def test_an_imputed_date_carries_its_flag() -> None:
    found = adtte(
        "A B C D",
        "TTP OS EFS",
        rs="""
        USUBJID | RSTESTCD | RSSTRESC | RSCAT            | RSDTC
        A       | OVRLRESP | PR       | EBMT BLADE 1998  | 2008-03-01
        A       | PROGRESS | PD       | FOLLOW-UP REPORT | 2008-03
        D       | OVRLRESP | PR       | EBMT BLADE 1998  | 2009
        """,
        ds="""
        USUBJID | DSDECOD | DSCAT             | DSSCAT              | DSSTDTC
        B       | DEATH   | DISPOSITION EVENT | STUDY PARTICIPATION | 2008
        """,
        ce="""
        USUBJID | CESCAT | INVASIVE | CESTDTC
        C       | SOLID  | Y        | 2008-03
        """,
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2009-06
        B       | ALIVE    | 2008-02-29
        C       | ALIVE    | 2008-06-30
        D       | ALIVE    | 2009---17
        """,
    )
    # A: the day after the last assessment without progression. B: the day after the last contact. C: the first
    # of the month; nobody assessed his myeloma. D: the year alone, and the year and a day, mean 1 January.
    assert_shows(
        found,
        """
        USUBJID | PARAMCD | ADT        | ADTF | AVAL | CNSR | SRCDOM
        A       | EFS     | 2008-03-02 | D    | 427  | 0    | RS
        A       | OS      | 2009-06-01 | D    | 883  | 1    | SS
        A       | TTP     | 2008-03-02 | D    | 427  | 0    | RS
        B       | EFS     | 2008-03-01 | M    | 426  | 0    | DS
        B       | OS      | 2008-03-01 | M    | 426  | 0    | DS
        B       | TTP     | 2008-03-01 | M    | 426  | 0    | DS
        C       | EFS     | 2008-03-01 | D    | 426  | 0    | CE
        C       | OS      | 2008-06-30 |      | 547  | 1    | SS
        C       | TTP     | 2007-04-11 |      | 101  | 2    | DS
        D       | EFS     | 2009-01-01 | M    | 732  | 1    | RS
        D       | OS      | 2009-01-01 | M    | 732  | 1    | SS
        D       | TTP     | 2009-01-01 | M    | 732  | 1    | RS
        """,
        ADTTE,
    )


def only_contacts(start: str) -> Study:
    """The study with one endpoint: death from `start`, censored at contacts alone."""
    overall = next(e for e in STUDY.endpoints if e.paramcd == "OS")
    contacts = tuple(s for s in overall.censors if s.dataset == "ss")
    return replace(STUDY, endpoints=(replace(overall, start=start, censors=contacts),))


def test_a_censoring_date_is_never_before_the_start() -> None:
    """No source of this trial is so early; an endpoint censored at contacts alone would be."""
    found = adtte(
        "A",
        "OS",
        study=only_contacts("RANDDT"),
        ss="""
        USUBJID | SSSTRESC | SSDTC
        A       | ALIVE    | 2007-02-15
        """,
    )
    assert_shows(
        found,
        """
        USUBJID | STARTDT    | ADT        | AVAL | CNSR | SRCDOM | SRCSEQ
        A       | 2007-04-11 | 2007-04-11 | 1    | 1    | SS     | 1
        """,
        ADTTE,
    )


def test_subjects_that_no_source_knows_stop_the_derivation() -> None:
    with pytest.raises(DeriveError, match="OS: 2 of 3 randomised subjects with RANDDT have neither"):
        adtte(
            "A B C",
            "OS",
            study=only_contacts("RANDDT"),
            ss="""
            USUBJID | SSSTRESC | SSDTC
            A       | ALIVE    | 2008-02-15
            B       | DEAD     | 2008-02-15
            """,
        )


def test_a_subject_whose_transplant_form_is_not_in_yet_has_only_what_counts_from_randomisation() -> None:
    """One late form must not stop everybody's results, and no origin is made up in its place."""
    sdtm = dict(
        tabulation(
            UNBLINDING,
            dm="USUBJID\nA",
            ds="""
            USUBJID | DSDECOD    | DSCAT              | DSSTDTC
            A       | RANDOMIZED | PROTOCOL MILESTONE | 2007-04-11
            """,
        )
    )
    adsl = derive_adsl(STUDY, sdtm, UNBLINDING)
    sdtm["adrs"] = derive_adrs(STUDY, sdtm, adsl, UNBLINDING)
    sdtm["adce"] = derive_adce(STUDY, sdtm, adsl, UNBLINDING)
    assert_shows(
        derive_adtte(STUDY, sdtm, adsl, UNBLINDING),
        """
        USUBJID | PARAMCD | STARTDT    | ADT        | AVAL | CNSR
        A       | OSR     | 2007-04-11 | 2007-04-11 | 1    | 1
        A       | TTPR    | 2007-04-11 | 2007-04-11 | 1    | 2
        A       | TTSPM   | 2007-04-11 | 2007-04-11 | 1    | 2
        """,
        ADTTE,
    )


def test_subjects_who_were_not_randomised_have_no_rows() -> None:
    sdtm = dict(
        tabulation(UNBLINDING, dm="USUBJID\nA", ss="USUBJID | SSSTRESC | SSDTC\nA | ALIVE | 2008-02-15")
    )
    adsl = derive_adsl(STUDY, sdtm, UNBLINDING)
    sdtm["adrs"] = derive_adrs(STUDY, sdtm, adsl, UNBLINDING)
    sdtm["adce"] = derive_adce(STUDY, sdtm, adsl, UNBLINDING)
    assert adsl.get_column("ITTFL").to_list() == ["N"]
    assert derive_adtte(STUDY, sdtm, adsl, UNBLINDING).is_empty()
