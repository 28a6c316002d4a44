"""The CDISC pilot's tabulation datasets as tabulated here, and the analysis datasets derived from them.

Variables and names are those of the pilot's own SDTM and ADaM, labels the standard's where it has one; the
comments say how each is derived.
What does not belong here: how a variable is computed (`pipeline/studies/cdisc_pilot/`).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas import adam
from schemas.adam import date_flag, flag, holds, one_to_one, optional, yes_no
from schemas.base import Table, column
from schemas.crf import cdisc_pilot as received
from schemas.sdtm import supplemental

TREATMENTS = ("Placebo", "Xanomeline Low Dose", "Xanomeline High Dose")
AGE_GROUPS = ("<65", "65-80", ">80")
BMI_GROUPS = ("<25", "25-<30", ">=30")


def _day(label: str) -> Any:
    return column(label, required=False, ne=0, comment="against DM.RFSTDTC")


def _population(label: str) -> Any:
    """A population flag as the sponsor gives it in SUPPDM."""
    return supplemental(label, origin="DERIVED", codelist=["Y"])


class Tabulated(Table):
    """What tabulating adds to a received dataset"""

    CUTOFF: dt.date = column("Data Cut-off")
    DOMAIN: str = column("Domain Abbreviation", str_length={"min_value": 2, "max_value": 2})


class DM(received.DM, Tabulated):
    """Demographics"""

    EFFICACY: str = _population("Efficacy Population Flag")
    COMPLT8: str = _population("Completers of Week 8 Population Flag")
    COMPLT16: str = _population("Completers of Week 16 Population Flag")
    COMPLT24: str = _population("Completers of Week 24 Population Flag")
    ITT: str = _population("Intent to Treat Population Flag")
    SAFETY: str = _population("Safety Population Flag")

    class Config:
        unique = ["CUTOFF", "USUBJID"]


class AE(received.AE, Tabulated):
    """Adverse Events"""

    AESTDY: int = _day("Study Day of Start of Adverse Event")
    AEENDY: int = _day("Study Day of End of Adverse Event")

    class Config:
        unique = ["CUTOFF", "USUBJID", "AESEQ"]


class EX(received.EX, Tabulated):
    """Exposure"""

    EXSTDY: int = _day("Study Day of Start of Treatment")
    EXENDY: int = _day("Study Day of End of Treatment")

    class Config:
        unique = ["CUTOFF", "USUBJID", "EXSEQ"]


class DS(received.DS, Tabulated):
    """Disposition"""

    DSSTDY: int = _day("Study Day of Start of Disposition Event")

    class Config:
        unique = ["CUTOFF", "USUBJID", "DSSEQ"]


class VS(received.VS, Tabulated):
    """Vital Signs"""

    VSDY: int = _day("Study Day of Vital Signs")

    class Config:
        unique = ["CUTOFF", "USUBJID", "VSSEQ"]


class MH(received.MH, Tabulated):
    """Medical History"""

    class Config:
        unique = ["CUTOFF", "USUBJID", "MHSEQ"]


class SC(received.SC, Tabulated):
    """Subject Characteristics"""

    class Config:
        unique = ["CUTOFF", "USUBJID", "SCSEQ"]


class SV(received.SV, Tabulated):
    """Subject Visits"""

    SVSTDY: int = _day("Study Day of Start of Visit")

    class Config:
        unique = ["CUTOFF", "USUBJID", "VISITNUM"]


class QS(received.QS, Tabulated):
    """Questionnaires"""

    class Config:
        unique = ["CUTOFF", "USUBJID", "QSSEQ"]


class ADSL(adam.Subject):
    """Subject-Level Analysis Dataset

    One row per randomised subject.
    """

    SUBJID: str = column("Subject Identifier for the Study", comment="DM.SUBJID")
    SITEID: str = column("Study Site Identifier", comment="DM.SITEID")
    SITEGR1: str = column(
        "Pooled Site Group 1", comment="SITEID; 900 where an arm has fewer than 3 subjects at the site"
    )
    ARM: str = column("Description of Planned Arm", codelist=TREATMENTS, comment="DM.ARM")
    TRT01P: str = column("Planned Treatment for Period 01", codelist=TREATMENTS, comment="DM.ARM")
    TRT01PN: int = column("Planned Treatment for Period 01 (N)", codelist=[0, 54, 81], comment="dose, mg")
    TRT01A: str = column("Actual Treatment for Period 01", codelist=TREATMENTS, comment="TRT01P")
    TRT01AN: int = column("Actual Treatment for Period 01 (N)", codelist=[0, 54, 81], comment="dose, mg")
    TRTSDT: dt.date = column("Date of First Exposure to Treatment", comment="first EX.EXSTDTC")
    TRTEDT: dt.date = column(
        "Date of Last Exposure to Treatment", comment="last EX.EXENDTC; DM.RFENDTC where an end is not known"
    )
    TRTDURD: int = column("Total Treatment Duration (Days)", ge=1, comment="TRTEDT - TRTSDT + 1")
    AVGDD: float = column("Avg Daily Dose (as planned)", ge=0, comment="CUMDOSE / TRTDURD, 1 decimal")
    CUMDOSE: float = column("Cumulative Dose (as planned)", ge=0, comment="sum of EX.EXDOSE x its days")
    AGE: int = column("Age", ge=0, le=120, comment="DM.AGE")
    AGEGR1: str = column("Pooled Age Group 1", codelist=AGE_GROUPS, comment="AGE")
    AGEGR1N: int = column("Pooled Age Group 1 (N)", codelist=[1, 2, 3], comment="AGEGR1")
    AGEU: str = column("Age Units", codelist=["YEARS"], comment="DM.AGEU")
    RACE: str = column("Race", comment="DM.RACE")
    RACEN: int = column("Race (N)", codelist=[1, 2, 6], comment="RACE")
    SEX: str = column("Sex", codelist=["F", "M"], comment="DM.SEX")
    ETHNIC: str = column("Ethnicity", comment="DM.ETHNIC")
    SAFFL: str = yes_no("Safety Population Flag", comment="SUPPDM SAFETY")
    ITTFL: str = yes_no("Intent-To-Treat Population Flag", comment="SUPPDM ITT")
    EFFFL: str = yes_no("Efficacy Population Flag", comment="SUPPDM EFFICACY")
    COMP8FL: str = yes_no("Completers of Week 8 Population Flag", comment="SUPPDM COMPLT8")
    COMP16FL: str = yes_no("Completers of Week 16 Population Flag", comment="SUPPDM COMPLT16")
    COMP24FL: str = yes_no("Completers of Week 24 Population Flag", comment="SUPPDM COMPLT24")
    DISCONFL: str = flag("Did the Subject Discontinue the Study?", comment="Y: DCDECOD is not COMPLETED")
    DSRAEFL: str = flag("Discontinued due to AE?", comment="Y: DCDECOD = ADVERSE EVENT")
    DTHFL: str = flag("Subject Death Flag", comment="DM.DTHFL")
    BMIBL: float = optional(
        "Baseline BMI (kg/m^2)", ge=0, comment="WEIGHTBL / (HEIGHTBL in m)^2, both rounded; 1 decimal"
    )
    BMIBLGR1: str = optional("Pooled Baseline BMI Group 1", codelist=BMI_GROUPS, comment="BMIBL")
    HEIGHTBL: float = column("Baseline Height (cm)", ge=0, comment="VS HEIGHT, 1 decimal")
    WEIGHTBL: float = optional("Baseline Weight (kg)", ge=0, comment="VS WEIGHT, VSBLFL = Y, 1 decimal")
    EDUCLVL: float = column("Years of Education", ge=0, comment="SC EDULEVEL")
    DISONSDT: dt.date = column("Date of Onset of Disease", comment="MH.MHSTDTC, MHCAT = PRIMARY DIAGNOSIS")
    DURDIS: float = column(
        "Duration of Disease (Months)", comment="(VISIT1DT - DISONSDT + 1) / 30.4375, 1 decimal"
    )
    DURDSGR1: str = column("Pooled Disease Duration Group 1", codelist=["<12", ">=12"], comment="DURDIS")
    VISIT1DT: dt.date = column("Date of Visit 1", comment="SV.SVSTDTC, VISITNUM = 1")
    RFSTDTC: str = column("Subject Reference Start Date/Time", comment="DM.RFSTDTC")
    RFENDTC: str = column("Subject Reference End Date/Time", comment="DM.RFENDTC")
    VISNUMEN: int = column(
        "End of Trt Visit (Vis 12 or Early Term.)", comment="DS.VISITNUM of the disposition event, at most 12"
    )
    RFENDT: dt.date = column("Date of Discontinuation/Completion", comment="RFENDTC")
    DCDECOD: str = column("Standardized Disposition Term", comment="DS.DSDECOD of the disposition event")
    EOSSTT: str = column("End of Study Status", codelist=["COMPLETED", "DISCONTINUED"], comment="DCDECOD")
    DCSREAS: str = optional("Reason for Discontinuation from Study", comment="DCDECOD in words; DS.DSTERM")
    MMSETOT: float = column("MMSE Total", ge=0, le=30, comment="sum of QS.QSSTRESN, QSCAT = MMSE")

    class Config:
        unique = ["CUTOFF", "USUBJID"]

    @pa.dataframe_check(error="each coded variable goes one-to-one with its numeric twin")
    def twins(cls, data: PolarsData) -> pl.LazyFrame:
        """TRT01P, TRT01A, AGEGR1 and RACE with their N variables."""
        return one_to_one(data, [(name, f"{name}N") for name in ("TRT01P", "TRT01A", "AGEGR1", "RACE")])


class Described(adam.Subject):
    """Variables that ADTTE and ADAE copy from ADSL"""

    SITEID: str = column("Study Site Identifier", comment="ADSL.SITEID")
    AGE: int = column("Age", comment="ADSL.AGE")
    AGEGR1: str = column("Pooled Age Group 1", codelist=AGE_GROUPS, comment="ADSL.AGEGR1")
    AGEGR1N: int = column("Pooled Age Group 1 (N)", codelist=[1, 2, 3], comment="ADSL.AGEGR1N")
    RACE: str = column("Race", comment="ADSL.RACE")
    RACEN: int = column("Race (N)", comment="ADSL.RACEN")
    SEX: str = column("Sex", codelist=["F", "M"], comment="ADSL.SEX")
    SAFFL: str = yes_no("Safety Population Flag", comment="ADSL.SAFFL")
    TRTSDT: dt.date = column("Date of First Exposure to Treatment", comment="ADSL.TRTSDT")
    TRTEDT: dt.date = column("Date of Last Exposure to Treatment", comment="ADSL.TRTEDT")
    TRTA: str = column("Actual Treatment", codelist=TREATMENTS, comment="ADSL.TRT01A")
    TRTAN: int = column("Actual Treatment (N)", codelist=[0, 54, 81], comment="ADSL.TRT01AN")


class ADTTE(Described):
    """Time-to-Event Analysis Dataset

    One row per randomised subject and parameter.
    """

    TRTP: str = column("Planned Treatment", codelist=TREATMENTS, comment="ADSL.TRT01P")
    TRTDUR: int = column("Duration of treatment (days)", comment="ADSL.TRTDURD")
    PARAM: str = column("Parameter")
    PARAMCD: str = column("Parameter Code", str_matches=adam.PARAMETER_CODE)
    AVAL: float = column("Analysis Value", ge=1, comment="days: ADT - STARTDT + 1")
    STARTDT: dt.date = column("Time-to-Event Origin Date for Subject")
    ADT: dt.date = column("Analysis Date", comment="first event, else the censoring date")
    CNSR: int = column("Censor", codelist=[0, 1], comment="0: event")
    EVNTDESC: str = column("Event or Censoring Description")
    SRCDOM: str = column("Source Data", comment="the tabulation dataset; ADSL where it is derived there")
    SRCVAR: str = column("Source Variable")
    SRCSEQ: int = optional("Source Sequence Number", ge=1, comment="null where the source is ADSL")

    class Config:
        unique = ["CUTOFF", "USUBJID", "PARAMCD"]

    @pa.dataframe_check(error="AVAL is ADT - STARTDT + 1, and ADT is not before STARTDT")
    def value(cls, data: PolarsData) -> pl.LazyFrame:
        """AVAL agrees with its dates."""
        days = (pl.col("ADT") - pl.col("STARTDT")).dt.total_days()
        return holds(data, (pl.col("AVAL") == days + 1) & (days >= 0))


class ADAE(received.AE, Described):
    """Adverse Events Analysis Dataset

    One row per reported event.
    """

    ASTDT: dt.date = optional(
        "Analysis Start Date", comment="AE.AESTDTC; the first of the month for a day not known; else null"
    )
    ASTDTF: str = date_flag("Analysis Start Date Imputation Flag")
    ASTDY: int = optional("Analysis Start Relative Day", ne=0, comment="ASTDT against TRTSDT")
    AENDT: dt.date = optional("Analysis End Date", comment="AE.AEENDTC, complete dates only")
    AENDY: int = optional("Analysis End Relative Day", ne=0, comment="AENDT against TRTSDT")
    ADURN: int = optional("AE Duration (N)", comment="AENDT - ASTDT + 1, of complete dates")
    ADURU: str = optional("AE Duration Units", codelist=["DAY"], comment="where ADURN is given")
    TRTEMFL: str = flag("Treatment Emergent Analysis Flag", comment="Y: ASTDT on or after TRTSDT")
    CQ01NAM: str = optional(
        "Customized Query 01 Name",
        codelist=["DERMATOLOGIC EVENTS"],
        comment="AEDECOD holds APPLICATION, DERMATITIS, ERYTHEMA or BLISTER, or AEBODSYS is that of the skin "
        "and AEDECOD is not COLD SWEAT, HYPERHIDROSIS or ALOPECIA",
    )
    AOCCFL: str = flag("1st Occurrence of Any AE Flag", comment="by ASTDT, AESEQ among TRTEMFL = Y")
    AOCCSFL: str = flag("1st Occurrence of SOC Flag", comment="the same within AEBODSYS")
    AOCCPFL: str = flag("1st Occurrence of Preferred Term Flag", comment="the same within AEDECOD")
    AOCC01FL: str = flag("1st Occurrence 01 Flag for CQ01", comment="the same where CQ01NAM is given")
    AOCC02FL: str = flag("1st Occurrence 02 Flag for Serious", comment="the same where AESER = Y")
    AOCC03FL: str = flag("1st Occurrence 03 Flag for Serious SOC", comment="the same within AEBODSYS")
    AOCC04FL: str = flag("1st Occurrence 04 Flag for Serious PT", comment="the same within AEDECOD")

    class Config:
        unique = ["CUTOFF", "USUBJID", "AESEQ"]

    @pa.dataframe_check(error="at most one first event of any kind per subject")
    def first_once(cls, data: PolarsData) -> pl.LazyFrame:
        """One AOCCFL = Y per subject."""
        first = (pl.col("AOCCFL") == "Y").sum().over("CUTOFF", "USUBJID")
        return holds(data, (first <= 1) | pl.col("AOCCFL").is_null())
