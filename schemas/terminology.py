"""Controlled terms of the tabulation and analysis datasets (the forms' own codes: `codelists.py`).

Terms follow CDISC controlled terminology where a list was at hand (package of 2015-12-18); terms
marked sponsor are ours.
"""

from __future__ import annotations

NY = ["N", "Y"]
NYU = ["N", "Y", "U"]
SEX = ["F", "M", "U"]
ARM = ["LENALIDOMIDE", "PLACEBO", "BLINDED", "NOT ASSIGNED"]
ARMCD = ["LEN", "PBO", "BLINDED", "NOTASSGN"]
EPOCH_EX = ["BLINDED TREATMENT", "OPEN LABEL TREATMENT"]
DSCAT = ["PROTOCOL MILESTONE", "DISPOSITION EVENT", "OTHER EVENT"]
DSDECOD = [  # the last six of the milestones are sponsor terms
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
