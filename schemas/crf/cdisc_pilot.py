"""What the CDISC pilot's study receives: its SDTM datasets, one table per file, one column per variable read.

The study days (--DY) are not received, because the tabulation makes them anew. Source of names and labels:
the SDTM datasets of the CDISC SDTM/ADaM Pilot Project. What does not belong here: what is derived from
them (`schemas/cdisc_pilot.py`).
"""

from __future__ import annotations

from typing import Any

from schemas import codelists as cl
from schemas.base import Table, column

STUDY_ID = "CDISCPILOT01"
SUBJECT = r"^01-7\d{2}-\d{4}$"
_ISO_PARTIAL = r"^\d{4}(-\d{2}(-\d{2})?)?$"
_ISO_TIME = r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$"


def _optional(label: str, **more: Any) -> Any:
    return column(label, required=False, **more)


def _date(label: str) -> Any:
    """An ISO 8601 date as far as it is known."""
    return column(label, required=False, kind="date_raw", str_matches=_ISO_PARTIAL)


class Record(Table):
    """Variables every dataset begins with"""

    STUDYID: str = column("Study Identifier", codelist=[STUDY_ID])
    USUBJID: str = column("Unique Subject Identifier", str_matches=SUBJECT)


class DM(Record):
    """Demographics"""

    SUBJID: str = column("Subject Identifier for the Study")
    RFSTDTC: str = _date("Subject Reference Start Date/Time")
    RFENDTC: str = _date("Subject Reference End Date/Time")
    RFXSTDTC: str = _date("Date/Time of First Study Treatment")
    RFXENDTC: str = _date("Date/Time of Last Study Treatment")
    RFICDTC: str = _date("Date/Time of Informed Consent")
    RFPENDTC: str = column("Date/Time of End of Participation", str_matches=_ISO_TIME)
    DTHDTC: str = _date("Date/Time of Death")
    DTHFL: str = _optional("Subject Death Flag", codelist=["Y"])
    SITEID: str = column("Study Site Identifier")
    AGE: int = column("Age", ge=0, le=120)
    AGEU: str = column("Age Units", codelist=["YEARS"])
    SEX: str = column("Sex", codelist=["F", "M"])
    RACE: str = column("Race")
    ETHNIC: str = column("Ethnicity")
    ARMCD: str = column("Planned Arm Code", codelist=["Pbo", "Xan_Hi", "Xan_Lo", "Scrnfail"])
    ARM: str = column("Description of Planned Arm")
    ACTARMCD: str = column("Actual Arm Code", codelist=["Pbo", "Xan_Hi", "Xan_Lo", "Scrnfail"])
    ACTARM: str = column("Description of Actual Arm")
    COUNTRY: str = column("Country", codelist=["USA"])

    class Config:
        unique = ["USUBJID"]


class SUPPDM(Record):
    """Supplemental qualifiers of demographics: populations as the sponsor flagged them"""

    QNAM: str = column(
        "Qualifier Variable Name",
        codelist=["COMPLT16", "COMPLT24", "COMPLT8", "EFFICACY", "ITT", "SAFETY"],
    )
    QVAL: str = column("Data Value", codelist=["Y"])

    class Config:
        unique = ["USUBJID", "QNAM"]


class AE(Record):
    """Adverse events"""

    AESEQ: int = column("Sequence Number", ge=1)
    AESPID: str = column("Sponsor-Defined Identifier")
    AETERM: str = column("Reported Term for the Adverse Event")
    AELLT: str = column("Lowest Level Term")
    AEDECOD: str = column("Dictionary-Derived Term")
    AEHLT: str = column("High Level Term")
    AEHLGT: str = column("High Level Group Term")
    AEBODSYS: str = column("Body System or Organ Class")
    AESOC: str = column("Primary System Organ Class")
    AESEV: str = column("Severity/Intensity", codelist=["MILD", "MODERATE", "SEVERE"])
    AESER: str = column("Serious Event", codelist=cl.YES_NO)
    AESCAN: str = column("Involves Cancer", codelist=cl.YES_NO)
    AESCONG: str = column("Congenital Anomaly or Birth Defect", codelist=cl.YES_NO)
    AESDISAB: str = column("Persist or Signif Disability/Incapacity", codelist=cl.YES_NO)
    AESDTH: str = column("Results in Death", codelist=cl.YES_NO)
    AESHOSP: str = column("Requires or Prolongs Hospitalization", codelist=cl.YES_NO)
    AESLIFE: str = column("Is Life Threatening", codelist=cl.YES_NO)
    AESOD: str = column("Occurred with Overdose", codelist=cl.YES_NO)
    AEREL: str = _optional("Causality", codelist=["NONE", "REMOTE", "POSSIBLE", "PROBABLE"])
    AEOUT: str = column("Outcome of Adverse Event")
    AESTDTC: str = _date("Start Date/Time of Adverse Event")
    AEENDTC: str = _date("End Date/Time of Adverse Event")

    class Config:
        unique = ["USUBJID", "AESEQ"]


class EX(Record):
    """Exposure to the patches, one row per dose level"""

    EXSEQ: int = column("Sequence Number", ge=1)
    EXTRT: str = column("Name of Actual Treatment", codelist=["PLACEBO", "XANOMELINE"])
    EXDOSE: float = column("Dose per Administration", codelist=[0.0, 54.0, 81.0])
    EXDOSU: str = column("Dose Units", codelist=["mg"])
    VISITNUM: float = column("Visit Number")
    VISIT: str = column("Visit Name")
    EXSTDTC: str = _date("Start Date/Time of Treatment")
    EXENDTC: str = _date("End Date/Time of Treatment")

    class Config:
        unique = ["USUBJID", "EXSEQ"]


class DS(Record):
    """Disposition"""

    DSSEQ: int = column("Sequence Number", ge=1)
    DSTERM: str = column("Reported Term for the Disposition Event")
    DSDECOD: str = column("Standardized Disposition Term")
    DSCAT: str = column("Category for Disposition Event", codelist=["DISPOSITION EVENT", "OTHER EVENT"])
    VISITNUM: float = column("Visit Number")
    VISIT: str = column("Visit Name")
    DSSTDTC: str = _date("Start Date/Time of Disposition Event")

    class Config:
        unique = ["USUBJID", "DSSEQ"]


class VS(Record):
    """Vital signs"""

    VSSEQ: int = column("Sequence Number", ge=1)
    VSTESTCD: str = column("Vital Signs Test Short Name")
    VSTEST: str = column("Vital Signs Test Name")
    VSSTRESN: float = _optional("Numeric Result/Finding in Standard Units")
    VSSTRESU: str = _optional("Standard Units")
    VSBLFL: str = _optional("Baseline Flag", codelist=["Y"])
    VISITNUM: float = column("Visit Number")
    VISIT: str = column("Visit Name")
    VSDTC: str = _date("Date/Time of Measurements")

    class Config:
        unique = ["USUBJID", "VSSEQ"]


class MH(Record):
    """Medical history"""

    MHSEQ: int = column("Sequence Number", ge=1)
    MHTERM: str = column("Reported Term for the Medical History")
    MHDECOD: str = _optional("Dictionary-Derived Term")
    MHCAT: str = column("Category for Medical History")
    MHSTDTC: str = _date("Start Date/Time of Medical History Event")

    class Config:
        unique = ["USUBJID", "MHSEQ"]


class SC(Record):
    """Subject characteristics: education"""

    SCSEQ: int = column("Sequence Number", ge=1)
    SCTESTCD: str = column("Subject Characteristic Short Name", codelist=["EDULEVEL"])
    SCTEST: str = column("Subject Characteristic")
    SCSTRESN: float = column("Numeric Result/Finding in Standard Units")
    SCSTRESU: str = column("Standard Units", codelist=["YEARS"])
    SCDTC: str = _date("Date/Time of Collection")

    class Config:
        unique = ["USUBJID", "SCSEQ"]


class SV(Record):
    """Subject visits"""

    VISITNUM: float = column("Visit Number")
    VISIT: str = column("Visit Name")
    SVSTDTC: str = _date("Start Date/Time of Visit")
    SVENDTC: str = _date("End Date/Time of Visit")

    class Config:
        unique = ["USUBJID", "VISITNUM"]


class QS(Record):
    """Questionnaires: the Mini-Mental State Examination"""

    QSSEQ: int = column("Sequence Number", ge=1)
    QSTESTCD: str = column("Question Short Name")
    QSTEST: str = column("Question Name")
    QSCAT: str = column("Category of Question", codelist=["MMSE"])
    QSSTRESN: float = column("Numeric Finding in Standard Units", ge=0)
    VISITNUM: float = column("Visit Number")
    VISIT: str = column("Visit Name")
    QSDTC: str = _date("Date/Time of Finding")

    class Config:
        unique = ["USUBJID", "QSSEQ"]


FORMS: dict[str, type[Table]] = {
    model.__name__.lower(): model for model in (DM, SUPPDM, AE, EX, DS, VS, MH, SC, SV, QS)
}
