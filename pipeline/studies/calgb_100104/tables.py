"""The analyses behind the paper's tables, as values: a row of a table is a level of one of them.

What does not belong here: how a table looks (`pipeline.outputs`), survival analyses (`analyses.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipeline.study import Analysis
from schemas.adam import INDUCTION_GROUP

randomised = pl.col("ITTFL") == "Y"
after_randomisation = pl.col("POSTRFL") == "Y"
blood = pl.col("HEMEFL") == "Y"

BLOOD_TERMS = ("NEUTROPENIA", "THROMBOCYTOPENIA", "LYMPHOPENIA", "ANEMIA", "LEUKOCYTOPENIA")
"""The haematologic terms that Table 2 lists."""
# Worst grade 3 or 4 pooled reproduces the six P values of Table 2; the text also compares single grades.
POOLED_GRADES = {"3-4": (3, 4), "3": (3,), "4": (4,), "5": (5,)}


def _levels(variable: str, values: tuple[str, ...], missing: bool = True) -> dict[str, pl.Expr]:
    """One level per value of the variable, and MISSING."""
    levels = {value: pl.col(variable) == value for value in values}
    return levels | ({"MISSING": pl.col(variable).is_null()} if missing else {})


def _baseline(id: str, levels: Mapping[str, pl.Expr], test: bool = True) -> Analysis:
    return Analysis(
        id,
        "count",
        "ADSL",
        dataset="adsl",
        where=randomised,
        output="Table 1",
        options={"levels": levels, "test": test},
    )


def _range(id: str, variable: str) -> Analysis:
    return Analysis(
        id,
        "summary",
        "ADSL",
        dataset="adsl",
        where=randomised,
        output="Table 1",
        options={"variable": variable},
    )


def _drug(name: str) -> pl.Expr:
    return pl.col(f"IND{name}FL") == "Y"


def _induction() -> dict[str, pl.Expr]:
    """The overlapping rows of Table 1; NOT DETERMINED stands outside the rows of named regimens."""
    determined = pl.col("INDGR1") != "NOT DETERMINED"
    bor, len_, thal, steroid = (_drug(name) for name in ("BOR", "LEN", "THL", "GC"))
    return {
        "ANY BORTEZOMIB": bor,
        "ANY LENALIDOMIDE": len_,
        "ANY THALIDOMIDE": thal,
        "BORTEZOMIB-LENALIDOMIDE": determined & bor & len_ & ~thal,
        "BORTEZOMIB-THALIDOMIDE": determined & bor & thal & ~len_,
        "BORTEZOMIB ONLY": determined & bor & ~len_ & ~thal,
        "BORTEZOMIB-GLUCOCORTICOID": determined & bor & steroid & ~len_ & ~thal,
        "BORTEZOMIB-LENALIDOMIDE-THALIDOMIDE": determined & bor & len_ & thal,
        "LENALIDOMIDE WITHOUT BORTEZOMIB": determined & len_ & ~bor,
        "THALIDOMIDE WITHOUT BORTEZOMIB": determined & thal & ~bor,
        "LENALIDOMIDE-GLUCOCORTICOID": determined & len_ & steroid & ~bor,
        "THALIDOMIDE-GLUCOCORTICOID": determined & thal & steroid & ~bor,
        "OTHER": pl.col("INDGR1") == "OTHER",
        "NOT DETERMINED": ~determined,
    }


M_COMPONENT = (
    "IGG KAPPA", "IGG LAMBDA", "IGA KAPPA", "IGA LAMBDA", "IGM KAPPA", "IGM LAMBDA",
    "URINE KAPPA", "URINE LAMBDA", "NONSECRETORY",
)  # fmt: skip

BASELINE: tuple[Analysis, ...] = (
    _range("T1_AGE", "AGE"),
    _baseline("T1_SEX", {"MALE": pl.col("SEX") == "M", "FEMALE": pl.col("SEX") == "F"}),
    _baseline("T1_B2M", _levels("B2MGR1", (">2.5", "<=2.5"))),
    _baseline("T1_DS", _levels("DSSTAGE", ("I", "II", "III"))),
    _baseline("T1_MCOMP", _levels("MCOMP", M_COMPONENT)),
    _range("T1_CALCIUM", "CALBL"),
    _range("T1_ALBUMIN", "ALBBL"),
    _range("T1_CREATININE", "CREATBL"),
    _baseline("T1_ISS", _levels("ISSSTG", ("I", "II", "III"))),
    _baseline("T1_INDUCTION", _induction(), test=False),  # its rows overlap
    _baseline("T1_INDGR1", _levels("INDGR1", INDUCTION_GROUP, missing=False)),
    _baseline("T1_RESPONSE", _levels("RESP100", ("CR", "PR", "MR", "SD", "PD"))),
)


def _adverse(id: str, where: pl.Expr, levels: Mapping[str, pl.Expr], output: str) -> Analysis:
    return Analysis(
        id,
        "worst_grade",
        "ADAE",
        dataset="adae",
        where=after_randomisation & where,
        output=output,
        options={"levels": levels, "grades": (3, 4, 5), "pooled": POOLED_GRADES},
    )


anything = pl.lit(True)
SAFETY: tuple[Analysis, ...] = (
    _adverse(
        "AE_BLOOD",
        blood,
        {**{term: pl.col("AEDECOD") == term for term in BLOOD_TERMS}, "ANY": anything},
        "Table 2",
    ),
    _adverse("AE_OTHER", ~blood.fill_null(False), {"ANY": anything}, "Table S2"),
)
