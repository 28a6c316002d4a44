"""The tabulation datasets, shaped like SDTM 1.x domains.

Variables that SDTM would carry in SUPP-- stand beside the standard ones here, marked
`kind="supplemental"`; an export moves them. The first line of a class is the dataset's label, at most 40
characters. --SPID is `<form>-<record>-<version>` of the raw record. What does not belong
here: how a variable is filled (`pipeline/studies/*/mapping.py`).
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

from schemas import terminology as ct
from schemas.base import ABSENT, Table, column

DTC = r"^\d{4}(-\d{2}(-\d{2})?|---\d{2})?$"


def dtc(label: str, **more: Any) -> Any:
    """An ISO 8601 date, possibly partial."""
    return column(label, str_matches=DTC, **{"required": False, **more})


def supplemental(label: str, *, origin: str = "CRF", **more: Any) -> Any:
    """A variable that an export moves to SUPP--; origin: CRF, or ASSIGNED or DERIVED if it is on no form."""
    field = column(label, kind="supplemental", **{"required": False, **more})
    field.metadata["origin"] = origin
    return field


def optional(label: str, **more: Any) -> Any:
    """A variable that may be null."""
    return column(label, required=False, **more)


class Subject(Table):
    """Variables every domain begins with"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    DOMAIN: str = column("Domain Abbreviation", str_length={"min_value": 2, "max_value": 2})
    USUBJID: str = column("Unique Subject Identifier", str_length={"max_value": 20})


class DM(Subject):
    """Demographics"""

    SUBJID: str = column("Subject Identifier for the Study")
    RFSTDTC: str = dtc("Subject Reference Start Date", comment="first dose of study drug")
    RFENDTC: str = dtc("Subject Reference End Date", comment="last dose of study drug")
    RFICDTC: str = dtc("Date of Informed Consent")
    RFPENDTC: str = dtc("Date of End of Participation", comment="last contact or death known")
    DTHDTC: str = dtc("Date of Death")
    DTHFL: str = optional("Subject Death Flag", codelist=["Y"])
    SITEID: str = column("Study Site Identifier")
    BRTHDTC: str = dtc("Date of Birth")
    AGE: int = optional("Age", ge=0, le=120, comment="complete years at randomisation, else at registration")
    AGEU: str = column("Age Units", codelist=["YEARS"])
    SEX: str = column("Sex", codelist=ct.SEX)
    RACE: str = optional("Race")
    ETHNIC: str = optional("Ethnicity")
    ARMCD: str = column("Planned Arm Code", codelist=ct.ARMCD, blinded=ct.ARMCD_BLINDED)
    ARM: str = column("Description of Planned Arm", codelist=ct.ARM, blinded=ct.ARM_BLINDED)
    ACTARMCD: str = column("Actual Arm Code", codelist=ct.ARMCD, blinded=ct.ARMCD_BLINDED)
    ACTARM: str = column("Description of Actual Arm", codelist=ct.ARM, blinded=ct.ARM_BLINDED)
    COOPGRP: str = supplemental("Cooperative Group", origin="ASSIGNED")
    PROTVER: str = supplemental("Protocol Version at Registration")
    RANDNO: str = supplemental("Randomization Number")

    class Config:
        unique = ["CUTOFF", "USUBJID"]


class DS(Subject):
    """Disposition

    Milestones of the protocol among them.
    """

    DSSEQ: int = column("Sequence Number", ge=1)
    DSSPID: str = column("Sponsor-Defined Identifier")
    DSTERM: str = column("Reported Term for the Disposition Event")
    DSDECOD: str = column("Standardized Disposition Term", codelist=ct.DSDECOD)
    DSCAT: str = column("Category for Disposition Event", codelist=ct.DSCAT)
    DSSCAT: str = optional("Subcategory for Disposition Event")
    EPOCH: str = optional("Epoch")
    DSSTDTC: str = dtc("Start Date of Disposition Event")
    DSSTDY: int = optional("Study Day of Start of Event", ne=0)
    STRAT1: str = supplemental("Beta-2-Microglobulin as Randomised")
    STRAT2: str = supplemental("Prior Thalidomide as Randomised")
    STRAT3: str = supplemental("Prior Lenalidomide as Randomised")
    STRAT1V: str = supplemental("Beta-2-Microglobulin as Registered")
    STRAT2V: str = supplemental("Prior Thalidomide as Registered")
    STRAT3V: str = supplemental("Prior Lenalidomide as Registered")
    BLOCKNO: int = supplemental("Randomisation Block in Stratum", blinded=ABSENT)

    class Config:
        unique = ["CUTOFF", "USUBJID", "DSSEQ"]


class EX(Subject):
    """Exposure

    Blinded and open-label study drug, one row per cycle.
    """

    EXSEQ: int = column("Sequence Number", ge=1)
    EXSPID: str = column("Sponsor-Defined Identifier")
    EXTRT: str = column("Name of Treatment", codelist=ct.ARM, blinded=ct.ARM_BLINDED)
    EXDOSE: float = optional("Dose", ge=0)
    EXDOSU: str = column("Dose Units", codelist=["mg"])
    EXDOSFRQ: str = column("Dosing Frequency per Interval", codelist=["QD"])
    EXDOSRGM: str = optional("Intended Dose Regimen")
    EXADJ: str = optional("Reason for Dose Adjustment")
    VISITNUM: int = column("Visit Number", comment="cycle number")
    EPOCH: str = column("Epoch", codelist=ct.EPOCH_EX)
    EXSTDTC: str = dtc("Start Date of Treatment")
    EXENDTC: str = dtc("End Date of Treatment")
    EXSTDY: int = optional("Study Day of Start of Treatment", ne=0)
    EXENDY: int = optional("Study Day of End of Treatment", ne=0)
    DAYSTKN: int = supplemental("Days on Which Drug Was Taken")
    MODTYPE: str = supplemental("Dose Modification")

    class Config:
        unique = ["CUTOFF", "USUBJID", "EXSEQ"]


class AE(Subject):
    """Adverse Events"""

    AESEQ: int = column("Sequence Number", ge=1)
    AESPID: str = column("Sponsor-Defined Identifier")
    AETERM: str = column("Reported Term for the Adverse Event")
    AEDECOD: str = column("Dictionary-Derived Term", comment="CTCAE v3.0 short name, as Table 2 words it")
    AEBODSYS: str = column("Body System or Organ Class", comment="CTCAE v3.0 category")
    AESER: str = optional("Serious Event", codelist=ct.NYU)
    AEACN: str = optional("Action Taken with Study Treatment", codelist=ct.ACN)
    AEREL: str = optional("Causality", codelist=ct.ATTRIBUTION)
    AEOUT: str = optional("Outcome of Adverse Event", codelist=ct.OUT)
    AETOXGR: str = optional("Standard Toxicity Grade", codelist=["1", "2", "3", "4", "5"])
    AESTDTC: str = dtc("Start Date of Adverse Event")
    AEENDTC: str = dtc("End Date of Adverse Event")
    AESTDY: int = optional("Study Day of Start of Adverse Event", ne=0)
    AEENDY: int = optional("Study Day of End of Adverse Event", ne=0)
    AEENRTPT: str = optional("End Relative to Reference Time Point", codelist=["ONGOING"])

    class Config:
        unique = ["CUTOFF", "USUBJID", "AESEQ"]


class RS(Subject):
    """Disease Response and Clin Classification

    Responses, lesions, progression reports and clinical classifications.
    """

    RSSEQ: int = column("Sequence Number", ge=1)
    RSSPID: str = column("Sponsor-Defined Identifier")
    RSGRPID: str = optional("Group ID", comment="assessment number on the form")
    RSTESTCD: str = column("Assessment Short Name", codelist=ct.RSTESTCD)
    RSTEST: str = column("Assessment Name")
    RSCAT: str = column("Category for Assessment")
    RSORRES: str = optional("Result or Finding in Original Units")
    RSSTRESC: str = optional("Result in Standard Format")
    RSEVAL: str = optional("Evaluator")
    VISIT: str = optional("Visit Name")
    RSDTC: str = dtc("Date of Assessment")
    RSDY: int = optional("Study Day of Assessment", ne=0)
    PDBASIS: str = supplemental("Basis of Progression")

    class Config:
        unique = ["CUTOFF", "USUBJID", "RSSEQ"]


class LB(Subject):
    """Laboratory Test Results

    In reported and in standard units.
    """

    LBSEQ: int = column("Sequence Number", ge=1)
    LBSPID: str = column("Sponsor-Defined Identifier")
    LBTESTCD: str = column("Lab Test Short Name", codelist=ct.LBTESTCD)
    LBTEST: str = column("Lab Test Name")
    LBCAT: str = column("Category for Lab Test")
    LBORRES: str = optional("Result in Original Units")
    LBORRESU: str = optional("Original Units")
    LBSTRESC: str = optional("Result in Standard Format")
    LBSTRESN: float = optional("Numeric Result in Standard Units")
    LBSTRESU: str = optional("Standard Units")
    LBORNRLO: float = optional("Reference Range Lower Limit")
    LBORNRHI: float = optional("Reference Range Upper Limit")
    LBSTAT: str = optional("Completion Status", codelist=["NOT DONE"])
    LBSPEC: str = optional("Specimen Type")
    VISIT: str = optional("Visit Name")
    LBDTC: str = dtc("Date of Specimen Collection")
    LBDY: int = optional("Study Day of Specimen Collection", ne=0)
    CAOTHER: str = supplemental("Other Cause of High Calcium", codelist=ct.NY)

    class Config:
        unique = ["CUTOFF", "USUBJID", "LBSEQ"]


class CM(Subject):
    """Concomitant/Prior Medications

    Induction, mobilisation, conditioning and subsequent anti-myeloma therapy.
    """

    CMSEQ: int = column("Sequence Number", ge=1)
    CMSPID: str = column("Sponsor-Defined Identifier")
    CMGRPID: str = optional("Group ID", comment="regimen or line number")
    CMTRT: str = column("Reported Name of Drug or Therapy")
    CMDECOD: str = optional("Standardized Medication Name")
    CMCAT: str = column("Category for Medication", codelist=ct.CMCAT)
    CMDOSE: float = optional("Dose per Administration")
    CMDOSU: str = optional("Dose Units")
    CMSTDTC: str = dtc("Start Date of Medication")
    CMENDTC: str = dtc("End Date of Medication")
    CMSTDY: int = optional("Study Day of Start of Medication", ne=0)
    CMENDY: int = optional("Study Day of End of Medication", ne=0)
    REGIMEN: str = supplemental("Regimen Name")
    ASCT2: str = supplemental("Second Transplant in This Line", codelist=ct.NY)

    class Config:
        unique = ["CUTOFF", "USUBJID", "CMSEQ"]


class PR(Subject):
    """Procedures

    The autologous stem-cell transplant.
    """

    PRSEQ: int = column("Sequence Number", ge=1)
    PRSPID: str = column("Sponsor-Defined Identifier")
    PRTRT: str = column("Reported Name of Procedure")
    PRSTDTC: str = dtc("Start Date of Procedure", required=True)
    PRSTDY: int = optional("Study Day of Start of Procedure", ne=0)
    CD34DOSE: float = supplemental("CD34+ Cells Infused (10^6/kg)")
    NTRANS: int = supplemental("Number of Transplants")

    class Config:
        unique = ["CUTOFF", "USUBJID", "PRSEQ"]


class MH(Subject):
    """Medical History

    The myeloma's diagnosis and prior cancers.
    """

    MHSEQ: int = column("Sequence Number", ge=1)
    MHSPID: str = column("Sponsor-Defined Identifier")
    MHTERM: str = column("Reported Term for the Medical History")
    MHCAT: str = column("Category for Medical History", codelist=["DIAGNOSIS", "PRIOR CANCER"])
    MHSTDTC: str = dtc("Start Date of Medical History Event")
    MPROTTYP: str = supplemental("Type of M-Component")
    LYTICSC: int = supplemental("Lytic Bone Lesion Scale")

    class Config:
        unique = ["CUTOFF", "USUBJID", "MHSEQ"]


class CE(Subject):
    """Clinical Events

    Second primary cancers, non-melanoma skin cancers among them.
    """

    CESEQ: int = column("Sequence Number", ge=1)
    CESPID: str = column("Sponsor-Defined Identifier")
    CETERM: str = column("Reported Term for the Clinical Event")
    CECAT: str = column("Category for the Clinical Event", codelist=["SECOND PRIMARY CANCER"])
    CESCAT: str = column("Subcategory for the Clinical Event", codelist=ct.SPM_CLASS)
    CESTDTC: str = dtc("Start Date of Clinical Event")
    CESTDY: int = optional("Study Day of Start of Event", ne=0)
    SPMGRP: str = supplemental("Group of the Second Cancer", codelist=ct.SPM_GROUP)
    HISTCONF: str = supplemental("Histologically Confirmed", codelist=ct.NYU)
    INVASIVE: str = supplemental("Invasive", codelist=ct.NYU)
    RECURQ: str = supplemental("Same Primary Cancer Before", codelist=ct.NYU)
    ONDRUG: str = supplemental("On Study Drug at Diagnosis", codelist=ct.NYU)
    RESTART: str = supplemental("Study Drug Restarted", codelist=[*ct.NYU, "NA"])
    SRC: str = supplemental("How the Cancer Was Reported")

    class Config:
        unique = ["CUTOFF", "USUBJID", "CESEQ"]


class FA(Subject):
    """Findings About Events or Interventions

    Answers to the questionnaires about second primary cancers.
    """

    FASEQ: int = column("Sequence Number", ge=1)
    FASPID: str = column("Sponsor-Defined Identifier")
    FAGRPID: str = optional("Group ID", comment="round of the questionnaire")
    FATESTCD: str = column("Findings About Test Short Name", codelist=["OCCUR"])
    FATEST: str = column("Findings About Test Name")
    FAOBJ: str = column("Object of the Observation", codelist=["SECOND PRIMARY CANCER"])
    FACAT: str = optional("Category for Findings About", codelist=["QUERY SET", "SCREENING"])
    FAORRES: str = optional("Result or Finding in Original Units")
    FASTRESC: str = optional("Result in Standard Format", codelist=ct.NYU)
    FADTC: str = dtc("Date of Collection")
    FADY: int = optional("Study Day of Collection", ne=0)
    SCRDONE: str = supplemental("Cancer Screening Done")

    class Config:
        unique = ["CUTOFF", "USUBJID", "FASEQ"]


class TU(Subject):
    """Tumor/Lesion Identification

    Each plasmacytoma once, where it was first seen.
    """

    TUSEQ: int = column("Sequence Number", ge=1)
    TUSPID: str = column("Sponsor-Defined Identifier")
    TULNKID: str = optional("Link ID", comment="lesion number, as in TR")
    TUTESTCD: str = column("Tumor Identification Short Name", codelist=["TUMIDENT"])
    TUTEST: str = column("Tumor Identification Test Name")
    TUORRES: str = column("Tumor Identification Result")
    TUSTRESC: str = column("Tumor Identification Result Std. Format", codelist=["PLASMACYTOMA"])
    TULOC: str = optional("Location of the Tumor")
    TUMETHOD: str = optional("Method of Identification")
    TUEVAL: str = optional("Evaluator")
    VISIT: str = optional("Visit Name")
    TUDTC: str = dtc("Date of Tumor Identification", comment="of the disease assessment")
    TUDY: int = optional("Study Day of Tumor Identification", ne=0)

    class Config:
        unique = ["CUTOFF", "USUBJID", "TUSEQ"]


class TR(Subject):
    """Tumor/Lesion Results

    The diameters of each plasmacytoma at each assessment.
    """

    TRSEQ: int = column("Sequence Number", ge=1)
    TRSPID: str = column("Sponsor-Defined Identifier")
    TRGRPID: str = optional("Group ID", comment="assessment number on the form")
    TRLNKID: str = optional("Link ID", comment="lesion number, as in TU")
    TRTESTCD: str = column("Tumor Assessment Short Name", codelist=["LDIAM", "LPERP"])
    TRTEST: str = column("Tumor Assessment Test Name")
    TRORRES: str = optional("Result or Finding in Original Units")
    TRORRESU: str = optional("Original Units")
    TRSTRESC: str = optional("Result in Standard Format")
    TRSTRESN: float = optional("Numeric Result in Standard Units", ge=0)
    TRSTRESU: str = optional("Standard Units")
    TRMETHOD: str = optional("Method of Identification")
    TREVAL: str = optional("Evaluator")
    VISIT: str = optional("Visit Name")
    TRDTC: str = dtc("Date of Tumor Measurement", comment="of the disease assessment")
    TRDY: int = optional("Study Day of Tumor Measurement", ne=0)

    class Config:
        unique = ["CUTOFF", "USUBJID", "TRSEQ"]


class DD(Subject):
    """Death Details"""

    DDSEQ: int = column("Sequence Number", ge=1)
    DDSPID: str = column("Sponsor-Defined Identifier")
    DDTESTCD: str = column("Death Detail Assessment Short Name", codelist=["PRCDTH"])
    DDTEST: str = column("Death Detail Assessment Name")
    DDORRES: str = column("Result or Finding as Collected")
    DDSTRESC: str = column("Result in Standard Format")
    DDDTC: str = dtc("Date of Collection", comment="the date of death")

    class Config:
        unique = ["CUTOFF", "USUBJID", "DDSEQ"]


class SS(Subject):
    """Subject Status

    At each contact.
    """

    SSSEQ: int = column("Sequence Number", ge=1)
    SSSPID: str = column("Sponsor-Defined Identifier")
    SSTESTCD: str = column("Status Short Name", codelist=["SURVSTAT"])
    SSTEST: str = column("Status Name")
    SSORRES: str = column("Result or Finding Original Result")
    SSSTRESC: str = column("Result in Standard Format", codelist=["ALIVE", "DEAD", "UNKNOWN"])
    SSDTC: str = dtc("Date of Contact")
    SSDY: int = optional("Study Day of Contact", ne=0)

    class Config:
        unique = ["CUTOFF", "USUBJID", "SSSEQ"]


class DV(Subject):
    """Protocol Deviations"""

    DVSEQ: int = column("Sequence Number", ge=1)
    DVSPID: str = column("Sponsor-Defined Identifier")
    DVTERM: str = column("Protocol Deviation Term")
    DVDECOD: str = optional("Protocol Deviation Coded Term")
    DVSTDTC: str = dtc("Start Date of Deviation")
    DVSTDY: int = optional("Study Day of Start of Deviation", ne=0)

    class Config:
        unique = ["CUTOFF", "USUBJID", "DVSEQ"]


class IE(Subject):
    """Inclusion/Exclusion Criteria Not Met"""

    IESEQ: int = column("Sequence Number", ge=1)
    IESPID: str = column("Sponsor-Defined Identifier")
    IETESTCD: str = column("Criterion Short Name")
    IETEST: str = column("Criterion")
    IECAT: str = column("Category", codelist=["INCLUSION", "EXCLUSION"])
    IEORRES: str = column("Original Result", codelist=["N", "Y"])
    IESTRESC: str = column("Result in Standard Format", codelist=["N", "Y"])
    EPOCH: str = optional("Epoch", codelist=["REGISTRATION", "RANDOMIZATION"])
    IEWAIVER: str = supplemental("Waiver Granted", codelist=ct.NY)

    class Config:
        unique = ["CUTOFF", "USUBJID", "IESEQ"]


class Supplemental(Table):
    """Supplemental Qualifiers

    One row per value that is supplemental to a row of a domain; made at an export only.
    """

    STUDYID: str = column("Study Identifier")
    RDOMAIN: str = column("Related Domain Abbreviation", str_length={"min_value": 2, "max_value": 2})
    USUBJID: str = column("Unique Subject Identifier", str_length={"max_value": 20})
    IDVAR: str = optional("Identifying Variable", comment="null: the value belongs to the subject")
    IDVARVAL: str = optional("Identifying Variable Value")
    QNAM: str = column("Qualifier Variable Name", str_length={"max_value": 8})
    QLABEL: str = column("Qualifier Variable Label")
    QVAL: str = column("Data Value")
    QORIG: str = column("Origin", codelist=["CRF", "ASSIGNED", "DERIVED"])
    QEVAL: str = optional("Evaluator")


@cache
def supplemental_to(domain: type[Table]) -> type[Table]:
    """The SUPP-- dataset of a domain; its key holds IDVAR and IDVARVAL, which may be null."""
    name = domain.__name__
    key = ["STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM"]
    members = {
        "__doc__": f"Supplemental Qualifiers for {name}",
        "__module__": __name__,
        "Config": type("Config", (), {"unique": key}),
    }
    return type(f"SUPP{name}", (Supplemental,), members)


def origins(domain: type[Table]) -> dict[str, str]:
    """The origin of each supplemental variable of a domain."""
    fields = domain.to_schema().columns.items()
    return {name: field.metadata["origin"] for name, field in fields if "origin" in (field.metadata or {})}


DOMAINS: dict[str, type[Table]] = {
    model.__name__.lower(): model
    for model in (DM, DS, EX, AE, RS, LB, CM, PR, MH, CE, DD, SS, FA, TU, TR, DV, IE)
}
