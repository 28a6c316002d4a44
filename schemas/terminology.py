"""Controlled terms of the tabulation and analysis datasets (the forms' own codes: `codelists.py`).

Terms follow CDISC controlled terminology where a list was at hand (package of 2015-12-18); terms
marked sponsor are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NY = ["N", "Y"]
NYU = ["N", "Y", "U"]
SEX = ["F", "M", "U"]
ARM_BLINDED, ARMCD_BLINDED = ["BLINDED", "NOT ASSIGNED"], ["BLINDED", "NOTASSGN"]
ARM, ARMCD = ["LENALIDOMIDE", "PLACEBO", *ARM_BLINDED], ["LEN", "PBO", *ARMCD_BLINDED]
EPOCH_EX = ["BLINDED TREATMENT", "OPEN LABEL TREATMENT"]
DSCAT = ["PROTOCOL MILESTONE", "DISPOSITION EVENT", "OTHER EVENT"]
DSDECOD = [  # sponsor terms: REGISTERED, CROSSOVER (DECLINED), TREATMENT UNBLIND-, and the last four
    "INFORMED CONSENT OBTAINED",
    "RANDOMIZED",
    "REGISTERED",
    "CROSSOVER",
    "CROSSOVER DECLINED",
    "TREATMENT UNBLINDED",
    "PROGRESSIVE DISEASE",
    "ADVERSE EVENT",
    "DEATH",
    "WITHDRAWAL BY SUBJECT",
    "LOST TO FOLLOW-UP",
    "OTHER",
    "OTHER DISEASE",
    "SECOND PRIMARY CANCER",
    "TREATMENT UNBLINDING",
    "ALTERNATIVE THERAPY",
    "NEVER STARTED",
]
ACN = ["DOSE NOT CHANGED", "DOSE REDUCED", "DRUG INTERRUPTED", "DRUG WITHDRAWN", "NOT APPLICABLE", "UNKNOWN"]
ATTRIBUTION = ["UNRELATED", "UNLIKELY", "POSSIBLE", "PROBABLE", "DEFINITE"]
OUT = [
    "RECOVERED/RESOLVED",
    "RECOVERING/RESOLVING",
    "NOT RECOVERED/NOT RESOLVED",
    "RECOVERED/RESOLVED WITH SEQUELAE",
    "FATAL",
    "UNKNOWN",
]
RESPONSE = ["CR", "PR", "MR", "SD", "PD", "NE", "VGPR", "sCR"]
RSTESTCD = [  # all but OVRLRESP and ECOG101: sponsor
    "OVRLRESP", "PROGRESS", "BONELES", "PLASMA", "ECOG101", "ISS", "DURSALM",
]  # fmt: skip
LBTESTCD = [
    "B2MICG", "CA", "ALB", "CREAT", "HGB", "WBC", "NEUT", "LYM", "PLAT", "LDH", "IGG", "IGA", "IGM",
    "MSPIKE", "SIFE", "UIFE", "KLCFR", "LLCFR", "PLSCECE", "CREATCLR",
]  # fmt: skip
CMCAT = ["INDUCTION", "MOBILIZATION", "CONDITIONING", "SUBSEQUENT ANTI-MYELOMA"]
SPM_CLASS = ["HEMATOLOGIC", "SOLID", "NMSC_BCC", "NMSC_SCC", "UNK"]
SPM_GROUP = [
    "ALL", "AML", "HL", "MDS", "NHL", "BREAST", "CARCINOID", "CNS", "GI", "GYN", "MELANOMA", "PROSTATE",
    "THYROID", "OTHER",
]  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A codelist of CDISC's controlled terminology: name, code, and the terms of ours that extend it."""

    name: str
    code: str
    sponsor: tuple[str, ...] = ()


NO_YES = Published("No Yes Response", "C66742")
_DISPOSITION = (
    *("REGISTERED", "CROSSOVER", "CROSSOVER DECLINED", "TREATMENT UNBLINDED", "OTHER DISEASE"),
    *("SECOND PRIMARY CANCER", "TREATMENT UNBLINDING", "ALTERNATIVE THERAPY", "NEVER STARTED"),
)
_ASSESSMENTS = ("PROGRESS", "BONELES", "PLASMA", "ISS", "DURSALM")
PUBLISHED = {
    "SEX": Published("Sex", "C66731"),
    "AGEU": Published("Age Unit", "C66781"),
    "DSDECOD": Published("Completion/Reason for Non-Completion", "C66727", _DISPOSITION),
    "DSCAT": Published("Category of Disposition Event", "C74558"),
    "EXDOSU": Published("Unit", "C71620"),
    "EXDOSFRQ": Published("Frequency", "C71113"),
    "AEACN": Published("Action Taken with Study Treatment", "C66767"),
    "AEOUT": Published("Outcome of Event", "C66768"),
    "AEENRTPT": Published("Relation to Reference Period", "C66728"),
    "LBTESTCD": Published("Laboratory Test Code", "C65047"),
    "LBSTAT": Published("Not Done", "C66789"),
    "RSTESTCD": Published("Oncology Response Assessment Test Code", "C96782", _ASSESSMENTS),
    "DDTESTCD": Published("SDTM Death Diagnosis and Details Test Code", "C116108"),
    "SSTESTCD": Published("Subject Status Test Code", "C124305"),
    "SSSTRESC": Published("Subject Status Response", "C124304"),
    "FATESTCD": Published("Findings About Test Code", "C101832"),
    "TUTESTCD": Published("Tumor or Lesion Identification Test Code", "C96784"),
    "TRTESTCD": Published("Tumor or Lesion Properties Test Code", "C96779"),
    "IECAT": Published("Category of Inclusion/Exclusion", "C66797"),
}
"""By variable, the published list that its terms are taken from; names and codes are those of the NCI."""


def published(variable: str, values: Sequence[Any]) -> Published | None:
    """The published list of a variable's terms; None for a list of our own."""
    return NO_YES if set(values) <= {"Y", "N", "U", "NA"} else PUBLISHED.get(variable)
