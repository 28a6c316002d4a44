"""The analysis datasets: ADSL, ADRS, ADCE, ADTTE, ADAE and ADEX, with the derivation of each variable.

Names are at most 8 characters, labels at most 40 (ADaMIG 3.1.1). Flags of ADSL are Y or N, flags of the
other datasets Y or null. A treatment variable is null until the treatment code list is released. What
does not belong here: how a variable is computed (`pipeline/derive/`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas import codelists as cl
from schemas import terminology as ct
from schemas.base import ABSENT, Table, column

DATE_FLAG = ("D", "M", "Y")
PARAMETER_CODE = r"^[A-Z][A-Z0-9_]{0,7}$"
STAGE = ("I", "II", "III")
M_COMPONENT = (
    *(f"{heavy} {light}" for heavy in ("IGG", "IGA", "IGM", "IGD") for light in ("KAPPA", "LAMBDA")),
    "URINE KAPPA",
    "URINE LAMBDA",
    "NONSECRETORY",
)
INDUCTION_GROUP = (
    "BORTEZOMIB-LENALIDOMIDE",
    "BORTEZOMIB-THALIDOMIDE",
    "BORTEZOMIB-LENALIDOMIDE-THALIDOMIDE",
    "BORTEZOMIB",
    "LENALIDOMIDE-THALIDOMIDE",
    "LENALIDOMIDE",
    "THALIDOMIDE",
    "OTHER",
    "NOT DETERMINED",
)
RESPONSE_ORDER = {"sCR": 1, "CR": 2, "VGPR": 3, "PR": 4, "MR": 5, "SD": 6, "PD": 7, "NE": 8}
"""Numeric order of a response, best first: AVAL of ADRS and RESP100N."""

ENDPOINTS, ORIGINS, LAST_ALIVE = "study.endpoints", "study.origins", "study.last_alive"
"""Sources that the study's values name: the dates its endpoints read, their origins, and the records that
show a subject alive."""
BASELINE = ("LB.LBSTRESN", "LB.LBTESTCD", "LB.LBCAT", "LB.VISIT", "LB.LBDTC", "LB.LBSEQ")
END_OF_TREATMENT = (
    "DS.DSDECOD",
    "DS.DSCAT",
    "DS.DSSCAT",
    "DS.EPOCH",
    "DS.DSSTDTC",
    "DS.DSSEQ",
    "ADSL.RANDDT",
)
PROGRESSION = (
    *(
        f"RS.{name}"
        for name in ("RSTESTCD", "RSSTRESC", "RSCAT", "RSDTC", "RSSPID", "RSSEQ", "VISIT", "PDBASIS")
    ),
    *(
        f"LB.{name}"
        for name in ("LBTESTCD", "LBSPEC", "LBCAT", "LBSTRESN", "LBSTRESC", "LBDTC", "LBSPID", "LBSEQ")
    ),
    *(f"LB.{name}" for name in ("VISIT", "CAOTHER")),
    *(f"ADSL.{name}" for name in ("ASCTDT", "RANDDT", "RESP100", "DTHDT", "DTHCAUS")),
)
DEATH = ("DS.DSSTDTC", "DS.DSDECOD", "DS.DSSCAT", "DS.DSSEQ", "ADSL.LSTALVDT")
"""What several variables are derived from."""

AE_CATEGORY = (*cl.CTCAE_CATEGORY, "OTHER SPECIFY")
HEMATOLOGIC_CATEGORY = "BLOOD/BONE MARROW"


def optional(label: str, **more: Any) -> Any:
    """A variable that may be null."""
    return column(label, required=False, **more)


def yes_no(label: str, **more: Any) -> Any:
    """A subject-level flag: Y or N, never null."""
    return column(label, codelist=cl.YES_NO, **more)


def flag(label: str, **more: Any) -> Any:
    """A record-level flag: Y or null."""
    return column(label, required=False, codelist=["Y"], **more)


def date_flag(label: str, **more: Any) -> Any:
    """The highest part of a date that was imputed; null for a date that was known."""
    words = "highest part of the date that was imputed; null: the date was complete"
    return column(label, required=False, codelist=DATE_FLAG, comment=words, **more)


def holds(data: PolarsData, rule: pl.Expr) -> pl.LazyFrame:
    """The rule for each row; a row where it cannot be told breaks it."""
    return data.lazyframe.select(rule.fill_null(False))


def one_to_one(data: PolarsData, pairs: Sequence[tuple[str, str]]) -> pl.LazyFrame:
    """Whether each value of either variable goes with one value of the other, null included.

    Pairs that a blinded table does not have are passed over.
    """
    there = set(data.lazyframe.collect_schema().names())
    pairs = [pair for pair in pairs if there.issuperset(pair)]
    rules = [pl.struct(a, b).n_unique().over(side) == 1 for a, b in pairs for side in (pl.col(a), pl.col(b))]
    return data.lazyframe.select(pl.all_horizontal(rules))


ADRS_PARAMETERS = {
    "OVRINV": "the site's response of each assessment",
    "PDINV": "the first progression that the site reports after randomisation",
    "PDEBMT": "the first of the two assessments at which the markers meet the EBMT criteria",
    "PDIMWG": "the first of the two assessments at which the markers meet the IMWG criteria",
    "PD": "the progression that endpoints use: the earlier of PDEBMT and a site's report that is based on "
    "bone, plasmacytoma, calcium or clinical signs or known from follow-up only",
    "LSTA": "the last evaluable response after randomisation",
    "DEATH": "the death of the subject",
}
ADEX_PARAMETERS = {
    "TDURD": "last EXENDTC - first EXSTDTC + 1 of cycles with a dose",
    "TDOSE": "sum of EXDOSE x DAYSTKN",
    "AVDDSE": "TDOSE / days taken",
    "RDI": "100 x TDOSE / (10 mg x TDURD)",
    "NCYC": "cycles with a dose",
    "DOSESTRT": "first EXDOSE above 0 mg",
    "DOSEMIN": "lowest EXDOSE above 0 mg",
    "DOSEMAX": "highest EXDOSE",
    "ESCAL": "1 if a cycle was dosed at 15 mg or more, else 0",
    "NREDUC": "cycles with MODTYPE REDUCED",
    "NHELD": "cycles with MODTYPE HELD",
}
"""What each parameter is, by PARAMCD; those of ADTTE are the study's endpoints."""


def each(parameters: Mapping[str, str]) -> str:
    """One sentence of all parameters."""
    return "; ".join(f"{code}: {words}" for code, words in parameters.items())


class Subject(Table):
    """Variables every analysis dataset begins with"""

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    USUBJID: str = column("Unique Subject Identifier", str_length={"max_value": 20})


class Treated(Subject):
    """Variables every analysis dataset but ADSL copies from it"""

    TRT01P: str = optional("Planned Treatment for Period 01", blinded=ABSENT, comment="ADSL.TRT01P")
    TRT01PN: int = optional("Planned Treatment for Period 01 (N)", blinded=ABSENT, comment="ADSL.TRT01PN")


class ADSL(Subject):
    """Subject-Level Analysis Dataset

    One row per registered subject, randomised or not.
    """

    SUBJID: str = column("Subject Identifier for the Study", comment="DM.SUBJID")
    SITEID: str = column("Study Site Identifier", comment="DM.SITEID")
    AGE: int = optional("Age", ge=0, le=120, comment="DM.AGE")
    AGEU: str = column("Age Units", codelist=["YEARS"], comment="DM.AGEU")
    SEX: str = column("Sex", codelist=ct.SEX, comment="DM.SEX")
    RACE: str = optional("Race", comment="DM.RACE")
    ETHNIC: str = optional("Ethnicity", comment="DM.ETHNIC")
    ARM: str = column("Description of Planned Arm", codelist=ct.ARM, blinded=ct.ARM_BLINDED, comment="DM.ARM")
    TRT01P: str = optional(
        "Planned Treatment for Period 01",
        blinded=ABSENT,
        comment="DM.ARM of a randomised subject; not there before the treatment code list is released",
        sources=("DM.ARM", "RANDDT"),
    )
    TRT01PN: int = optional(
        "Planned Treatment for Period 01 (N)",
        blinded=ABSENT,
        comment="number of the study's arm",
        sources=("TRT01P",),
    )
    TRT01A: str = optional(
        "Actual Treatment for Period 01",
        blinded=ABSENT,
        comment="DM.ACTARM of a subject with SAFFL = Y; not there before release",
        sources=("DM.ACTARM", "RANDDT", "TRTSDT"),
    )
    TRT01AN: int = optional(
        "Actual Treatment for Period 01 (N)",
        blinded=ABSENT,
        comment="number of the study's arm",
        sources=("TRT01A",),
    )
    RANDFL: str = yes_no(
        "Randomized Population Flag", comment="Y: DS holds a RANDOMIZED milestone", sources=("RANDDT",)
    )
    ITTFL: str = yes_no(
        "Intent-To-Treat Population Flag", comment="RANDFL, analysed as randomised", sources=("RANDFL",)
    )
    SAFFL: str = yes_no(
        "Safety Population Flag",
        comment="Y: randomised and at least one EX record with a dose above 0 mg on at least one day",
        sources=("RANDDT", "EX.EXDOSE", "EX.DAYSTKN"),
    )
    REGDT: dt.date = optional(
        "Date of Registration",
        comment="DS.DSSTDTC, DSDECOD = REGISTERED",
        sources=("DS.DSSTDTC", "DS.DSDECOD"),
    )
    RFICDT: dt.date = optional(
        "Date of Informed Consent", comment="DM.RFICDTC, complete dates only", sources=("DM.RFICDTC",)
    )
    ASCTDT: dt.date = optional(
        "Date of Autologous Stem-Cell Transplant",
        comment="first PR.PRSTDTC; origin of TTP, OS and EFS",
        sources=("PR.PRSTDTC",),
    )
    RANDDT: dt.date = optional(
        "Date of Randomization",
        comment="DS.DSSTDTC, DSDECOD = RANDOMIZED",
        sources=("DS.DSSTDTC", "DS.DSDECOD"),
    )
    DAYRAND: int = optional(
        "Days from Transplant to Randomization", comment="RANDDT - ASCTDT", sources=("RANDDT", "ASCTDT")
    )
    TRTSDT: dt.date = optional(
        "Date of First Exposure to Treatment",
        comment="first EX.EXSTDTC with a dose above 0 mg on at least one day",
        sources=("EX.EXSTDTC", "EX.EXDOSE", "EX.DAYSTKN"),
    )
    TRTEDT: dt.date = optional(
        "Date of Last Exposure to Treatment",
        comment="last EX.EXENDTC with a dose above 0 mg on at least one day, blinded or open-label",
        sources=("EX.EXENDTC", "EX.EXDOSE", "EX.DAYSTKN"),
    )
    STRAT1R: str = optional(
        "Strat Factor 1 Value Used for Rand",
        codelist=cl.B2M_STRATUM,
        comment="DS.STRAT1: beta-2-microglobulin at most (LE2.5) or above (GT2.5) 2.5 mg/L, as answered",
        sources=("DS.STRAT1", "DS.DSDECOD"),
    )
    STRAT2R: str = optional(
        "Strat Factor 2 Value Used for Rand",
        codelist=cl.YES_NO,
        comment="DS.STRAT2: prior thalidomide",
        sources=("DS.STRAT2", "DS.DSDECOD"),
    )
    STRAT3R: str = optional(
        "Strat Factor 3 Value Used for Rand",
        codelist=cl.YES_NO,
        comment="DS.STRAT3: prior lenalidomide",
        sources=("DS.STRAT3", "DS.DSDECOD"),
    )
    STRAT1V: str = optional(
        "Strat Factor 1 Value from Verif Source",
        codelist=cl.B2M_STRATUM,
        comment="DS.STRAT1V, answered at registration; the laboratory value is B2MBL",
        sources=("DS.STRAT1V", "DS.DSDECOD"),
    )
    STRAT2V: str = optional(
        "Strat Factor 2 Value from Verif Source",
        codelist=cl.YES_NO,
        comment="DS.STRAT2V, at registration",
        sources=("DS.STRAT2V", "DS.DSDECOD"),
    )
    STRAT3V: str = optional(
        "Strat Factor 3 Value from Verif Source",
        codelist=cl.YES_NO,
        comment="DS.STRAT3V, at registration",
        sources=("DS.STRAT3V", "DS.DSDECOD"),
    )
    STRATAR: str = optional(
        "Strata Used for Randomization",
        comment="STRAT1R, STRAT2R and STRAT3R joined by a slash",
        sources=("STRAT1R", "STRAT2R", "STRAT3R"),
    )
    BLOCKNO: int = optional("Randomization Block in Stratum", blinded=ABSENT, ge=1, comment="DS.BLOCKNO")
    RANDNUM: str = optional("Randomization Number", comment="DM.RANDNO")
    ECOGBL: int = optional(
        "ECOG Performance Status at Baseline",
        codelist=[0, 1, 2, 3, 4],
        comment="RS ECOG101 at registration",
        sources=("RS.RSSTRESC", "RS.RSTESTCD"),
    )
    B2MBL: float = optional(
        "Baseline Beta-2-Microglobulin (mg/L)",
        ge=0,
        comment="last LB B2MICG of the baseline visit",
        sources=BASELINE,
    )
    B2MGR1: str = optional(
        "Baseline Beta-2-Microglobulin Group 1",
        codelist=[">2.5", "<=2.5"],
        comment="compared in the reported unit: 2.5 mg/L or 211.9 nmol/L; null: no baseline value",
        sources=("LB.LBORRES", "LB.LBORRESU", *BASELINE),
    )
    CALBL: float = optional(
        "Baseline Calcium (mg/dL)",
        ge=0,
        comment="last LB CA of the baseline visit, laboratory form",
        sources=BASELINE,
    )
    ALBBL: float = optional(
        "Baseline Albumin (g/dL)",
        ge=0,
        comment="last LB ALB of the baseline visit, laboratory form",
        sources=BASELINE,
    )
    CREATBL: float = optional(
        "Baseline Creatinine (mg/dL)", ge=0, comment="last LB CREAT of the baseline visit", sources=BASELINE
    )
    DSSTAGE: str = optional(
        "Durie-Salmon Stage (Site)",
        codelist=STAGE,
        comment="RS DURSALM",
        sources=("RS.RSSTRESC", "RS.RSTESTCD"),
    )
    ISSSTG: str = optional(
        "ISS Stage (Site)", codelist=STAGE, comment="RS ISS", sources=("RS.RSSTRESC", "RS.RSTESTCD")
    )
    ISSSTGD: str = optional(
        "ISS Stage (Derived)",
        codelist=STAGE,
        comment="III: B2MBL >= 5.5; II: B2MBL from 3.5; below 3.5: I if ALBBL >= 3.5, else II",
        sources=("B2MBL", "ALBBL"),
    )
    MCOMP: str = optional(
        "M-Component at Diagnosis",
        codelist=M_COMPONENT,
        comment="MH.MPROTTYP; light chain only is called urine light chain; unknown is null",
        sources=("MH.MPROTTYP", "MH.MHCAT"),
    )
    INDBORFL: str = yes_no(
        "Induction with Bortezomib Flag",
        comment="Y: in CM, CMCAT = INDUCTION",
        sources=("CM.CMDECOD", "CM.CMCAT"),
    )
    INDLENFL: str = yes_no(
        "Induction with Lenalidomide Flag",
        comment="Y: in CM, CMCAT = INDUCTION",
        sources=("CM.CMDECOD", "CM.CMCAT"),
    )
    INDTHLFL: str = yes_no(
        "Induction with Thalidomide Flag",
        comment="Y: in CM, CMCAT = INDUCTION",
        sources=("CM.CMDECOD", "CM.CMCAT"),
    )
    INDGCFL: str = yes_no(
        "Induction with Glucocorticoid Flag",
        comment="Y: dexamethasone, prednisone, prednisolone or methylprednisolone in CM, CMCAT = INDUCTION",
        sources=("CM.CMDECOD", "CM.CMCAT"),
    )
    INDANTFL: str = yes_no(
        "Induction with Anthracycline Flag",
        comment="Y: doxorubicin or liposomal doxorubicin in CM, CMCAT = INDUCTION",
        sources=("CM.CMDECOD", "CM.CMCAT"),
    )
    INDGR1: str = column(
        "Induction Group 1",
        codelist=INDUCTION_GROUP,
        comment="which of bortezomib, lenalidomide and thalidomide were given; NOT DETERMINED: an agent of "
        "the regimen is not known, or no agent is recorded",
        sources=("CM.CMDECOD", "CM.CMCAT", "CM.REGIMEN"),
    )
    RESP100: str = optional(
        "Response at Day 100",
        codelist=[r for r in ct.RESPONSE if r != "NE"],
        comment="RS OVRLRESP of the day-100 visit; null: not evaluable or missing",
        sources=("RS.RSSTRESC", "RS.RSTESTCD", "RS.VISIT", "RS.RSDTC", "RS.RSSEQ"),
    )
    RESP100N: int = optional(
        "Response at Day 100 (N)", comment="order of the response, best first", sources=("RESP100",)
    )
    CR100FL: str = yes_no(
        "Complete Response at Day 100 Flag", comment="Y: RESP100 is CR or sCR", sources=("RESP100",)
    )
    PRCANFL: str = yes_no("Prior Cancer Flag", comment="Y: MH holds a PRIOR CANCER", sources=("MH.MHCAT",))
    PROTDVFL: str = yes_no("Protocol Deviation Flag", comment="Y: DV holds a record", sources=("DV.USUBJID",))
    NRREAS: str = optional(
        "Reason Not Randomized",
        comment="null if randomised; else the first of: PROGRESSION (RS or DS), NOT ELIGIBLE (IE without "
        "waiver), the disposition event (never started: its term in capitals), DEATH, NOT RECORDED",
        sources=(
            "RANDDT",
            "DS.DSDECOD",
            "DS.DSCAT",
            "DS.DSTERM",
            "DS.DSSTDTC",
            "DS.DSSEQ",
            "IE.IEWAIVER",
            "RS.RSSTRESC",
        ),
    )
    DOSESTRT: float = optional(
        "Starting Dose (mg/day)",
        ge=0,
        comment="first blinded EX.EXDOSE above 0 mg",
        sources=("EX.EXDOSE", "EX.DAYSTKN", "EX.EPOCH", "EX.EXSTDTC", "EX.EXSEQ"),
    )
    DOSEMAX: float = optional(
        "Highest Dose (mg/day)",
        ge=0,
        comment="highest blinded EX.EXDOSE",
        sources=("EX.EXDOSE", "EX.DAYSTKN", "EX.EPOCH"),
    )
    EOTSTT: str = optional(
        "End of Treatment Status",
        codelist=["ONGOING", "DISCONTINUED"],
        comment="of subjects with SAFFL = Y; DISCONTINUED: DCTREAS is given; ONGOING: the others",
        sources=("DCTREAS", "SAFFL"),
    )
    DCTREAS: str = optional(
        "Reason for Discontinuation of Treatment",
        comment="DS disposition event of the blinded treatment epoch, randomised subjects",
        sources=END_OF_TREATMENT,
    )
    DCTDT: dt.date = optional(
        "Date of Treatment Discontinuation", comment="its DSSTDTC", sources=END_OF_TREATMENT
    )
    DCT2REAS: str = optional(
        "Reason for Discont. of Crossover Trt",
        comment="DS disposition event of the open label treatment epoch, subjects with XOFL = Y",
        sources=(*END_OF_TREATMENT, "XOFL"),
    )
    XOELFL: str = optional(
        "Eligible for Crossover Flag",
        codelist=cl.YES_NO,
        blinded=ABSENT,
        comment="Y: randomised to the control arm, alive and without progression on the day of unblinding; "
        "not there before the treatment code list is released",
        sources=("TRT01P", "ARM", "PDDT", "DTHDT"),
    )
    XOFL: str = yes_no("Crossover Flag", comment="Y: DS holds CROSSOVER", sources=("DS.DSDECOD",))
    XODT: dt.date = optional(
        "Date of Crossover",
        comment="first open-label EX.EXSTDTC of a dose on at least one day, else the DSSTDTC of CROSSOVER",
        sources=("EX.EXSTDTC", "EX.EXDOSE", "EX.DAYSTKN", "EX.EPOCH", "DS.DSSTDTC", "DS.DSDECOD"),
    )
    TRT02A: str = optional(
        "Actual Treatment for Period 02",
        blinded=ABSENT,
        comment="LENALIDOMIDE if XOFL = Y",
        sources=("XOFL",),
    )
    SPM1FL: str = yes_no(
        "Second Primary Cancer Flag", comment="Y: ADCE holds a record with SPMFL = Y", sources=("SPM1DT",)
    )
    SPM1DT: dt.date = optional(
        "Date of Second Primary Cancer",
        comment="ADCE.ASTDT where SPMFL = Y",
        sources=("CE.CESTDTC", "CE.CESCAT", "CE.INVASIVE", "CE.SPMGRP", "CE.CESEQ", "RANDDT"),
    )
    SPMSCRFL: str = yes_no(
        "Second Primary Cancer Screened Flag",
        comment="Y: FA holds an answer that is known, up to its cut-off",
        sources=("FA.FASTRESC", "FA.FADTC"),
    )
    FSTSPMDT: dt.date = optional(
        "Date of First SPM Questionnaire", comment="first FA.FADTC", sources=("FA.FADTC",)
    )
    LSTSPMDT: dt.date = optional(
        "Date of Last SPM Questionnaire", comment="last FA.FADTC", sources=("FA.FADTC",)
    )
    NSPMQRY: int = optional(
        "Number of SPM Query Sets Answered",
        ge=0,
        comment="rounds in FA, FACAT = QUERY SET; null: no record",
        sources=("FA.FAGRPID", "FA.FACAT", "FA.FADTC"),
    )
    PDDT: dt.date = optional("Date of Disease Progression", comment="ADT of ADRS PD", sources=PROGRESSION)
    PDDTF: str = date_flag("Date of Progression Imputation Flag", sources=PROGRESSION)
    NACTDT: dt.date = optional(
        "Date of New Anti-Myeloma Therapy",
        comment="first CM.CMSTDTC, CMCAT = SUBSEQUENT ANTI-MYELOMA, up to the cut-off; partial: first day",
        sources=("CM.CMSTDTC", "CM.CMCAT"),
    )
    NACTDTF: str = date_flag(
        "Date of New Therapy Imputation Flag", sources=("CM.CMSTDTC", "CM.CMCAT", "CM.CMSEQ")
    )
    GAPDT: dt.date = optional(
        "Date of Last Assessment Before a Gap",
        comment="the last evaluable assessment after RANDDT, else RANDDT, before the first of PDDT and "
        "DTHDT, if that is more than 210 days earlier (two visits three months apart, and four weeks)",
        sources=("PDDT", "DTHDT", "RANDDT", "RS.RSDTC", "RS.RSSTRESC", "RS.RSTESTCD"),
    )
    DTHFL: str = yes_no("Subject Death Flag", comment="Y: DTHDT is given", sources=("DTHDT",))
    DTHDT: dt.date = optional(
        "Date of Death",
        comment="DS.DSSTDTC, DSDECOD = DEATH, up to the cut-off; partial: first day, not before LSTALVDT + 1",
        sources=DEATH,
    )
    DTHDTF: str = date_flag("Date of Death Imputation Flag", sources=DEATH)
    DTHCAUS: str = optional(
        "Cause of Death",
        comment="DD.DDSTRESC, DDTESTCD = PRCDTH",
        sources=("DD.DDSTRESC", "DD.DDTESTCD", "DD.DDSEQ", "DTHDT"),
    )
    LSTALVDT: dt.date = optional(
        "Date Last Known Alive",
        comment="latest date up to the cut-off on which a source of the study shows the subject alive",
        sources=(LAST_ALIVE,),
    )
    FUOBSDY: int = optional(
        "Days of Observed Follow-up",
        comment="from ASCTDT to DTHDT, else to LSTALVDT, + 1",
        sources=("ASCTDT", "DTHDT", "LSTALVDT"),
    )

    class Config:
        unique = ["CUTOFF", "USUBJID"]
        metadata = {"rows": ("DM.USUBJID",)}

    @pa.dataframe_check(error="randomised subjects, and no others, have RANDDT, ITTFL = Y and no NRREAS")
    def randomised(cls, data: PolarsData) -> pl.LazyFrame:
        """RANDFL, ITTFL, RANDDT and NRREAS say the same."""
        is_randomised = pl.col("RANDFL") == "Y"
        return holds(
            data,
            (is_randomised == (pl.col("ITTFL") == "Y"))
            & (is_randomised == pl.col("RANDDT").is_not_null())
            & (is_randomised == pl.col("NRREAS").is_null()),
        )

    @pa.dataframe_check(error="each coded variable goes one-to-one with its numeric twin")
    def twins(cls, data: PolarsData) -> pl.LazyFrame:
        """TRT01P, TRT01A and RESP100 with their N variables."""
        return one_to_one(data, [("TRT01P", "TRT01PN"), ("TRT01A", "TRT01AN"), ("RESP100", "RESP100N")])


class ADRS(Treated):
    """Disease Response Analysis Dataset

    Responses, progression, last assessment and death: what time-to-event parameters read.
    """

    ASEQ: int = column(
        "Analysis Sequence Number",
        ge=1,
        comment="order of PARAMCD, ADT, SRCSEQ",
        sources=("*", "PARAMCD", "ADT", "SRCSEQ"),
    )
    PARAM: str = column("Parameter", comment="text of PARAMCD")
    PARAMCD: str = column(
        "Parameter Code",
        codelist=list(ADRS_PARAMETERS),
        str_matches=PARAMETER_CODE,
        comment=each(ADRS_PARAMETERS),
    )
    AVAL: float = optional(
        "Analysis Value", comment="order of the response, best first; null for DEATH", sources=("AVALC",)
    )
    AVALC: str = column(
        "Analysis Value (C)",
        codelist=[*RESPONSE_ORDER, "DEATH"],
        comment="RS.RSSTRESC of a response, PD of a progression, DEATH",
        sources=("RS.RSSTRESC", "RS.RSTESTCD", "RS.RSDTC", "RS.RSSEQ", "ADSL.RANDDT"),
    )
    ADT: dt.date = optional(
        "Analysis Date",
        comment="partial: first day; null: OVRINV with no date",
        sources=(*PROGRESSION, *DEATH),
    )
    ADTF: str = date_flag("Analysis Date Imputation Flag", sources=(*PROGRESSION, *DEATH))
    ADY: int = optional(
        "Analysis Relative Day", ne=0, comment="ADT against ADSL.TRTSDT", sources=("ADT", "ADSL.TRTSDT")
    )
    BASIS: str = optional(
        "Basis of Progression",
        comment="of a progression: the rule that is met, CR_LOSS for M-protein back after complete response; "
        "of a site's report: RS.PDBASIS",
        sources=PROGRESSION,
    )
    SRCDOM: str = column(
        "Source Data",
        codelist=["RS", "LB", "DS"],
        comment="domain of the row behind ADT",
        sources=PROGRESSION,
    )
    SRCVAR: str = column("Source Variable", comment="variable behind ADT", sources=PROGRESSION)
    SRCSEQ: int = column(
        "Source Sequence Number", ge=1, comment="--SEQ of the row behind ADT", sources=(*PROGRESSION, *DEATH)
    )

    class Config:
        unique = ["CUTOFF", "USUBJID", "ASEQ"]
        metadata = {"rows": (*PROGRESSION, *DEATH)}

    @pa.dataframe_check(error="one row per subject and parameter, except OVRINV")
    def one_row(cls, data: PolarsData) -> pl.LazyFrame:
        """One row of each progression, of LSTA and of DEATH."""
        rows = pl.len().over("CUTOFF", "USUBJID", "PARAMCD")
        return holds(data, (rows == 1) | (pl.col("PARAMCD") == "OVRINV"))

    @pa.dataframe_check(error="PARAM and PARAMCD go one-to-one, and so do AVALC and AVAL")
    def twins(cls, data: PolarsData) -> pl.LazyFrame:
        """One text per code."""
        return one_to_one(data, [("PARAM", "PARAMCD"), ("AVALC", "AVAL")])

    @pa.dataframe_check(error="every parameter but OVRINV is dated")
    def dated(cls, data: PolarsData) -> pl.LazyFrame:
        """ADT is given outside OVRINV."""
        return holds(data, pl.col("ADT").is_not_null() | (pl.col("PARAMCD") == "OVRINV"))


class ADCE(Treated):
    """Second Primary Cancers Analysis Dataset

    One row per reported cancer, counted or not.
    """

    CESEQ: int = column("Sequence Number", ge=1, comment="CE.CESEQ")
    CETERM: str = column("Reported Term for the Clinical Event", comment="CE.CETERM")
    CESCAT: str = column("Subcategory for the Clinical Event", codelist=ct.SPM_CLASS, comment="CE.CESCAT")
    SPMGRP: str = optional("Group of the Second Cancer", codelist=ct.SPM_GROUP, comment="CE.SPMGRP")
    SPMCAT: str = optional(
        "Category of the Second Cancer",
        codelist=["HEMATOLOGIC", "SOLID", "NMSC"],
        comment="CE.CESCAT, basal-cell and squamous-cell skin cancer together; null: class not known",
        sources=("CE.CESCAT",),
    )
    ASTDT: dt.date = optional(
        "Analysis Start Date",
        comment="CE.CESTDTC up to the cut-off; partial: first day, not before RANDDT if the known part "
        "allows",
        sources=("CE.CESTDTC", "ADSL.RANDDT"),
    )
    ASTDTF: str = date_flag("Analysis Start Date Imputation Flag", sources=("CE.CESTDTC",))
    ASTDY: int = optional(
        "Analysis Start Relative Day",
        ne=0,
        comment="ASTDT against ADSL.TRTSDT",
        sources=("ASTDT", "ADSL.TRTSDT"),
    )
    ADURRAND: int = optional(
        "Days from Randomization to Diagnosis",
        comment="ASTDT - ADSL.RANDDT",
        sources=("ASTDT", "ADSL.RANDDT"),
    )
    SPMFL: str = flag(
        "Counted Second Primary Cancer Flag",
        comment="Y: the subject's first invasive cancer after RANDDT, not a non-melanoma skin cancer, not "
        "AML within 90 days of a myelodysplastic syndrome; order ASTDT, CESEQ",
        sources=("*", "ASTDT", "ADSL.RANDDT", "CE.INVASIVE", "SPMCAT", "SPMGRP", "CESEQ"),
    )
    NMSCFL: str = flag("Non-Melanoma Skin Cancer Flag", comment="Y: SPMCAT = NMSC", sources=("SPMCAT",))
    SPMPDFL: str = flag(
        "Diagnosed After Progression Flag", comment="Y: ASTDT after ADSL.PDDT", sources=("ASTDT", "ADSL.PDDT")
    )
    SPMRECFL: str = flag(
        "Same Primary Cancer Before Flag",
        comment="Y: CE.RECURQ = Y, or an MH prior cancer whose term names SPMGRP",
        sources=("CE.RECURQ", "MH.MHCAT", "MH.MHTERM", "MH.MHSTDTC", "SPMGRP", "ASTDT"),
    )
    XOAFTFL: str = flag(
        "Diagnosed After Crossover Flag",
        comment="Y: ASTDT on or after ADSL.XODT",
        sources=("ASTDT", "ADSL.XODT"),
    )
    RESTRTFL: str = flag("Study Drug Restarted Flag", comment="Y: CE.RESTART = Y", sources=("CE.RESTART",))
    ANTHRFL: str = flag(
        "Prior Anthracycline Flag", comment="Y: ADSL.INDANTFL = Y", sources=("ADSL.INDANTFL",)
    )
    PRCANYR: int = optional(
        "Years Since Earlier Cancer of the Site",
        ge=0,
        comment="complete years from the first MH prior cancer of the site (partial: mid) to ASTDT",
        sources=("CE.RECURQ", "MH.MHCAT", "MH.MHTERM", "MH.MHSTDTC", "SPMGRP", "ASTDT"),
    )

    class Config:
        unique = ["CUTOFF", "USUBJID", "CESEQ"]
        metadata = {"rows": ("CE.CESTDTC", "ADSL.RANDDT")}

    @pa.dataframe_check(error="at most one counted second cancer per subject")
    def counted_once(cls, data: PolarsData) -> pl.LazyFrame:
        """One SPMFL = Y per subject."""
        counted = (pl.col("SPMFL") == "Y").sum().over("CUTOFF", "USUBJID")
        return holds(data, (counted <= 1) | pl.col("SPMFL").is_null())


class ADTTE(Treated):
    """Time-to-Event Analysis Dataset

    One row per randomised subject and parameter.
    """

    PARAM: str = column("Parameter", comment="the unit stands in the text")
    PARAMCD: str = column("Parameter Code", str_matches=PARAMETER_CODE, comment="an endpoint of the study")
    AVAL: float = column(
        "Analysis Value", ge=1, comment="days: ADT - STARTDT + 1", sources=("ADT", "STARTDT")
    )
    STARTDT: dt.date = column(
        "Time-to-Event Origin Date for Subject", comment="the endpoint's origin of ADSL", sources=(ORIGINS,)
    )
    ADT: dt.date = column(
        "Analysis Date",
        comment="first event, else last censoring date, up to the cut-off",
        sources=(ENDPOINTS,),
    )
    ADTF: str = date_flag("Analysis Date Imputation Flag", sources=(ENDPOINTS,))
    CNSR: int = column("Censor", ge=0, comment="0: event; other codes: one per reason", sources=(ENDPOINTS,))
    EVNTDESC: str = column(
        "Event or Censoring Description", comment="of the source behind ADT", sources=(ENDPOINTS,)
    )
    CNSDTDSC: str = optional("Censor Date Description", comment="null for an event", sources=(ENDPOINTS,))
    SRCDOM: str = column("Source Data", comment="dataset of the row behind ADT", sources=(ENDPOINTS,))
    SRCVAR: str = column("Source Variable", comment="variable behind ADT", sources=(ENDPOINTS,))
    SRCSEQ: int = optional(
        "Source Sequence Number", ge=1, comment="null where the source is ADSL", sources=(ENDPOINTS,)
    )

    class Config:
        unique = ["CUTOFF", "USUBJID", "PARAMCD"]
        metadata = {"rows": ("ADSL.ITTFL", ORIGINS)}

    @pa.dataframe_check(error="AVAL is ADT - STARTDT + 1, and ADT is not before STARTDT")
    def value(cls, data: PolarsData) -> pl.LazyFrame:
        """AVAL agrees with its dates."""
        days = (pl.col("ADT") - pl.col("STARTDT")).dt.total_days()
        return holds(data, (pl.col("AVAL") == days + 1) & (days >= 0))

    @pa.dataframe_check(error="an event has no censor date description")
    def event(cls, data: PolarsData) -> pl.LazyFrame:
        """CNSDTDSC is null where CNSR = 0."""
        return holds(data, (pl.col("CNSR") != 0) | pl.col("CNSDTDSC").is_null())

    @pa.dataframe_check(error="PARAM and PARAMCD go one-to-one")
    def twins(cls, data: PolarsData) -> pl.LazyFrame:
        """One text per code."""
        return one_to_one(data, [("PARAM", "PARAMCD")])


class ADAE(Treated):
    """Adverse Events Analysis Dataset

    One row per reported event that does not start after the day on which adverse events are cut.
    """

    AESEQ: int = column("Sequence Number", ge=1, comment="AE.AESEQ")
    AETERM: str = column("Reported Term for the Adverse Event", comment="AE.AETERM")
    AEDECOD: str = column("Dictionary-Derived Term", comment="AE.AEDECOD")
    AEBODSYS: str = column("Body System or Organ Class", codelist=AE_CATEGORY, comment="AE.AEBODSYS")
    AESER: str = optional("Serious Event", codelist=ct.NYU, comment="AE.AESER")
    AEREL: str = optional("Causality", codelist=ct.ATTRIBUTION, comment="AE.AEREL")
    RELGR1: str = optional(
        "Pooled Causality Group 1",
        codelist=["RELATED", "NOT RELATED"],
        comment="RELATED: AEREL is POSSIBLE, PROBABLE or DEFINITE",
        sources=("AEREL",),
    )
    AEACN: str = optional("Action Taken with Study Treatment", codelist=ct.ACN, comment="AE.AEACN")
    AEOUT: str = optional("Outcome of Adverse Event", codelist=ct.OUT, comment="AE.AEOUT")
    AETOXGR: str = optional("Standard Toxicity Grade", codelist=list("12345"), comment="AE.AETOXGR")
    ATOXGR: str = optional(
        "Analysis Toxicity Grade",
        codelist=list("12345"),
        comment="AETOXGR, as reported",
        sources=("AETOXGR",),
    )
    ATOXGRN: int = optional(
        "Analysis Toxicity Grade (N)", codelist=[1, 2, 3, 4, 5], comment="ATOXGR", sources=("ATOXGR",)
    )
    ASTDT: dt.date = optional(
        "Analysis Start Date",
        comment="AE.AESTDTC up to the cut-off; partial: first day, not before RANDDT and not after death or "
        "the cut-off if the known part allows",
        sources=("AE.AESTDTC", "ADSL.RANDDT", "ADSL.DTHDT"),
    )
    ASTDTF: str = date_flag("Analysis Start Date Imputation Flag", sources=("AE.AESTDTC",))
    ASTDY: int = optional(
        "Analysis Start Relative Day",
        ne=0,
        comment="ASTDT against ADSL.TRTSDT",
        sources=("ASTDT", "ADSL.TRTSDT"),
    )
    AENDT: dt.date = optional(
        "Analysis End Date",
        comment="AE.AEENDTC; partial: last day, not after death or the cut-off if the known part allows",
        sources=("AE.AEENDTC", "ADSL.DTHDT"),
    )
    AENDTF: str = date_flag("Analysis End Date Imputation Flag", sources=("AE.AEENDTC",))
    TRTEMFL: str = flag(
        "Treatment Emergent Analysis Flag",
        comment="Y: ASTDT on or after ADSL.TRTSDT",
        sources=("ASTDT", "ADSL.TRTSDT"),
    )
    POSTRFL: str = flag(
        "Post-Randomization Flag",
        comment="Y: ASTDT on or after ADSL.RANDDT",
        sources=("ASTDT", "ADSL.RANDDT"),
    )
    HEMEFL: str = flag(
        "Hematologic Event Flag", comment="Y: AEBODSYS = BLOOD/BONE MARROW", sources=("AEBODSYS",)
    )
    AOCCIFL: str = flag(
        "1st Max Sev./Int. Occurrence Flag",
        comment="Y: the subject's first event of highest grade with POSTRFL = Y; order: ATOXGRN descending, "
        "ASTDT, AESEQ",
        sources=("*", "POSTRFL", "ATOXGRN", "ASTDT", "AESEQ"),
    )
    AOCCPIFL: str = flag(
        "1st Max Sev./Int. Occur Within PT Flag",
        comment="Y: the same within subject and AEDECOD",
        sources=("*", "AEDECOD", "POSTRFL", "ATOXGRN", "ASTDT", "AESEQ"),
    )
    APERIOD: int = optional(
        "Period",
        codelist=[1, 2],
        comment="1: from randomisation; 2: on or after ADSL.XODT; null: before randomisation",
        sources=("ASTDT", "ADSL.XODT", "POSTRFL"),
    )

    class Config:
        unique = ["CUTOFF", "USUBJID", "AESEQ"]
        metadata = {"rows": ("AE.AESTDTC", "ADSL.RANDDT", "ADSL.DTHDT")}

    @pa.dataframe_check(error="ATOXGR and ATOXGRN go one-to-one")
    def twins(cls, data: PolarsData) -> pl.LazyFrame:
        """One number per grade."""
        return one_to_one(data, [("ATOXGR", "ATOXGRN")])


class ADEX(Treated):
    """Exposure Analysis Dataset

    One row per subject with a dose of blinded study drug, and parameter.
    """

    APHASE: str = column("Phase", codelist=["BLINDED TREATMENT"], comment="EX.EPOCH")
    PARAM: str = column("Parameter", comment="the unit stands in the text")
    PARAMCD: str = column(
        "Parameter Code",
        codelist=list(ADEX_PARAMETERS),
        str_matches=PARAMETER_CODE,
        comment=each(ADEX_PARAMETERS),
    )
    AVAL: float = column(
        "Analysis Value",
        comment="as PARAMCD says",
        ge=0,
        sources=("EX.EXDOSE", "EX.DAYSTKN", "EX.EXSTDTC", "EX.EXENDTC", "EX.MODTYPE", "EX.EPOCH", "EX.EXSEQ"),
    )

    class Config:
        unique = ["CUTOFF", "USUBJID", "PARAMCD"]
        metadata = {"rows": ("EX.EPOCH", "EX.EXDOSE", "EX.DAYSTKN", "EX.EXSTDTC", "EX.EXENDTC")}

    @pa.dataframe_check(error="PARAM and PARAMCD go one-to-one")
    def twins(cls, data: PolarsData) -> pl.LazyFrame:
        """One text per code."""
        return one_to_one(data, [("PARAM", "PARAMCD")])


DATASETS: dict[str, type[Table]] = {
    model.__name__.lower(): model for model in (ADSL, ADRS, ADCE, ADTTE, ADAE, ADEX)
}
