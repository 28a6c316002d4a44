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
    """A codelist of CDISC's controlled terminology by its name, and the terms of ours that extend it."""

    name: str
    sponsor: tuple[str, ...] = ()


_PUBLISHED = (
    (NY, Published("No Yes Response")),
    (NYU, Published("No Yes Response")),
    (SEX, Published("Sex")),
    (ACN, Published("Action Taken with Study Treatment")),
    (OUT, Published("Outcome of Event")),
    (
        DSDECOD,
        Published(
            "Completion/Reason for Non-Completion",
            (
                *("REGISTERED", "CROSSOVER", "CROSSOVER DECLINED", "TREATMENT UNBLINDED", "OTHER DISEASE"),
                *("SECOND PRIMARY CANCER", "TREATMENT UNBLINDING", "ALTERNATIVE THERAPY", "NEVER STARTED"),
            ),
        ),
    ),
    (LBTESTCD, Published("Laboratory Test Code")),
    (
        RSTESTCD,
        Published(
            "Oncology Response Assessment Test Code", ("PROGRESS", "BONELES", "PLASMA", "ISS", "DURSALM")
        ),
    ),
    (RESPONSE, Published("Oncology Response Assessment Result")),
)


def published(values: Sequence[Any]) -> Published | None:
    """The published list that a codelist is taken from, in any order; None for a list of our own."""
    wanted = set(values)
    for terms, known in _PUBLISHED:
        if wanted == set(terms) or (wanted == {"Y"} and terms is NY):
            return known
    return None
