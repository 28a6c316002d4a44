"""The pilot's analyses, as values: how soon dermatologic events come, and how many subjects have events.

What does not belong here: how a method computes (`pipeline.analyse`, `pipeline.stats`).
"""

from __future__ import annotations

import polars as pl

from pipeline.study import Analysis

MONTHS = list(range(7))
EMERGENT = pl.col("TRTEMFL") == "Y"
LEVELS = {
    "ANY": EMERGENT,
    "DERMATOLOGIC": EMERGENT & pl.col("CQ01NAM").is_not_null(),
    "SERIOUS": EMERGENT & (pl.col("AESER") == "Y"),
    "SEVERE": EMERGENT & (pl.col("AESEV") == "SEVERE"),
}


def _against_placebo(method: str, arm: str) -> Analysis:
    return Analysis(f"TTDE_{method.upper()}_{arm}", method, "TTDE", options={"arms": (arm, "PBO")})


ANALYSES: tuple[Analysis, ...] = (
    Analysis("TTDE_KM", "kaplan_meier", "TTDE", options={"landmarks": [1, 3, 6], "at_risk": MONTHS}),
    *(_against_placebo(method, arm) for method in ("logrank", "cox") for arm in ("HIGH", "LOW")),
    Analysis("TEAE", "count", "ADAE", dataset="adae", options={"levels": LEVELS}),
)
