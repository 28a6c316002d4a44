"""The analyses behind the paper's tables, as values: a row of a table is a level of one of them.

What does not belong here: how a table looks (`pipeline.outputs`), survival analyses (`analyses.py`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipeline.studies.calgb_100104.design import LONG_TERM
from pipeline.study import Analysis
from schemas.adam import INDUCTION_GROUP

randomised = pl.col("ITTFL") == "Y"
after_randomisation = pl.col("POSTRFL") == "Y"
blood = pl.col("HEMEFL") == "Y"
dead = pl.col("DTHFL") == "Y"

BLOOD_TERMS = ("NEUTROPENIA", "THROMBOCYTOPENIA", "LYMPHOPENIA", "ANEMIA", "LEUKOCYTOPENIA")
"""The haematologic terms that Table 2 lists."""


def _levels(variable: str, values: tuple[str, ...], missing: bool = True) -> dict[str, pl.Expr]:
    """One level per value of the variable, and MISSING."""
    levels = {value: pl.col(variable) == value for value in values}
    return levels | ({"MISSING": pl.col(variable).is_null()} if missing else {})


def count(
    id: str, dataset: str, output: str | None, where: pl.Expr | None = None, **options: Any
) -> Analysis:
    return Analysis(
        id, "count", dataset.upper(), dataset=dataset, where=where, output=output, options=options
    )


def _summary(
    id: str, dataset: str, output: str | None, where: pl.Expr | None = None, **options: Any
) -> Analysis:
    return Analysis(
        id, "summary", dataset.upper(), dataset=dataset, where=where, output=output, options=options
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


# --- Table 1 ---

M_COMPONENT = (
    "IGG KAPPA", "IGG LAMBDA", "IGA KAPPA", "IGA LAMBDA", "IGM KAPPA", "IGM LAMBDA",
    "URINE KAPPA", "URINE LAMBDA", "NONSECRETORY",
)  # fmt: skip
CHARACTERISTICS = {
    "T1_SEX": {"MALE": pl.col("SEX") == "M", "FEMALE": pl.col("SEX") == "F"},
    "T1_B2M": _levels("B2MGR1", (">2.5", "<=2.5")),
    "T1_DS": _levels("DSSTAGE", ("I", "II", "III")),
    "T1_MCOMP": _levels("MCOMP", M_COMPONENT),
    "T1_ISS": _levels("ISSSTG", ("I", "II", "III")),
    "T1_INDGR1": _levels("INDGR1", INDUCTION_GROUP, missing=False),
    "T1_RESPONSE": _levels("RESP100", ("CR", "PR", "MR", "SD", "PD")),
}
QUANTITIES = {"T1_AGE": "AGE", "T1_CALCIUM": "CALBL", "T1_ALBUMIN": "ALBBL", "T1_CREATININE": "CREATBL"}

BASELINE: tuple[Analysis, ...] = (
    *(
        count(id, "adsl", None if id == "T1_INDGR1" else "Table 1", randomised, levels=levels)
        for id, levels in CHARACTERISTICS.items()
    ),
    *(_summary(id, "adsl", "Table 1", randomised, variable=name) for id, name in QUANTITIES.items()),
    count("T1_INDUCTION", "adsl", "Table 1", randomised, levels=_induction()),
    _summary("ASCT_TO_RAND", "adsl", "Table 1", randomised, variable="DAYRAND"),
    Analysis(
        "T1_TESTS",
        "baseline_tests",
        "ADSL",
        dataset="adsl",
        where=randomised,
        options={
            "categories": {
                id: {name: where for name, where in levels.items() if name != "MISSING"}
                for id, levels in CHARACTERISTICS.items()
            },
            "quantities": list(QUANTITIES.values()),
        },
    ),
)

# --- Tables 2, S1 and S2: worst grade per subject ---

# Worst grade 3 or 4 pooled reproduces the six P values of Table 2; the text also compares single grades.
POOLED_GRADES = {"3-4": (3, 4), "3": (3,), "4": (4,), "5": (5,)}
SEVERE_GRADES = {"3-5": (3, 4, 5)}


def _adverse(id: str, output: str | None, where: pl.Expr, **options: Any) -> Analysis:
    options = {"grades": (1, 2, 3, 4, 5), "pooled": POOLED_GRADES} | options
    return Analysis(
        id,
        "worst_grade",
        "ADAE",
        dataset="adae",
        where=after_randomisation & where,
        output=output,
        options=options,
    )


def _had(id: str, output: str, where: pl.Expr, **options: Any) -> Analysis:
    return count(id, "adae", output, after_randomisation & where, **options)


anything, other = pl.lit(True), ~blood.fill_null(False)
severe = pl.col("ATOXGRN") >= 3
CLASS_AND_TERM = ["AEBODSYS", "AEDECOD"]
SAFETY: tuple[Analysis, ...] = (
    _adverse(
        "AE_BLOOD",
        "Table 2",
        blood,
        levels={**{term: pl.col("AEDECOD") == term for term in BLOOD_TERMS}, "ANY": anything},
    ),
    _adverse("AE_BLOOD_TERM", "Table S1", blood, by="AEDECOD", pooled=SEVERE_GRADES),
    _adverse("AE_OTHER", "Table S2", other, levels={"ANY": anything}, pooled=POOLED_GRADES | SEVERE_GRADES),
    _adverse("AE_OTHER_CLASS", "Table S2", other, by="AEBODSYS", pooled=SEVERE_GRADES),
    _adverse("AE_OTHER_TERM", "Table S2", other, by="AEDECOD", pooled=SEVERE_GRADES),
    _adverse("AE_OTHER_CLASS_TERM", "Table S2", other, by=CLASS_AND_TERM, pooled=SEVERE_GRADES),
    # who had the event at all, and who had it severely: the tables' first columns, and their order of rows
    _had("AE_BLOOD_ANY", "Table S1", blood, levels={"ANY": anything}),
    _had("AE_BLOOD_TERM_ANY", "Table S1", blood, by="AEDECOD"),
    _had("AE_OTHER_ANY", "Table S1", other, levels={"ANY": anything}),
    _had("AE_OTHER_CLASS_ANY", "Table S1", other, by="AEBODSYS"),
    _had("AE_OTHER_SEVERE", "Table S2", other & severe, levels={"ANY": anything}),
    _had("AE_OTHER_CLASS_SEVERE", "Table S2", other & severe, by="AEBODSYS"),
    _had("AE_OTHER_CLASS_TERM_SEVERE", "Table S2", other & severe, by=CLASS_AND_TERM),
)

# --- Table 3: second primary cancers ---

counted = pl.col("SPMFL") == "Y"
haematologic, solid = pl.col("SPMCAT") == "HEMATOLOGIC", pl.col("SPMCAT") == "SOLID"
CLASSES = {"HEMATOLOGIC": haematologic, "SOLID": solid}
SECOND_CANCERS = (
    "ALL", "AML", "HL", "MDS", "NHL",
    "BREAST", "CARCINOID", "CNS", "GI", "GYN", "MELANOMA", "PROSTATE", "THYROID", "OTHER",
)  # fmt: skip


def _flagged(flag: str) -> pl.Expr:
    return pl.col(flag) == "Y"


SECOND_CANCER: tuple[Analysis, ...] = (
    count("SPM", "adce", "Table 3", counted, levels={"ANY": anything, **CLASSES}),
    count("SPM_GROUP", "adce", "Table 3", counted, levels=_levels("SPMGRP", SECOND_CANCERS, missing=False)),
    count(
        "SKIN_CANCER",
        "adce",
        "Table 3",
        pl.col("NMSCFL") == "Y",
        levels=_levels("CESCAT", ("NMSC_BCC", "NMSC_SCC"), missing=False),
    ),
    count(
        "SPM_NOTES",
        "adce",
        "Table 3",
        counted,
        levels={
            "HEMATOLOGIC AFTER ANTHRACYCLINE": haematologic & _flagged("ANTHRFL"),
            "SOLID, SAME CANCER BEFORE": solid & _flagged("SPMRECFL"),
            "SOLID, DRUG RESTARTED": solid & _flagged("RESTRTFL"),
            "SOLID AFTER PROGRESSION": solid & _flagged("SPMPDFL"),
            "AFTER CROSSOVER": _flagged("XOAFTFL"),
            "AFTER THE LONG-TERM CUT-OFF": pl.col("ASTDT") > LONG_TERM,
        },
    ),
    _summary("SPM_ONSET", "adce", None, counted, variable="ADURRAND", levels=CLASSES),
    _summary("SPM_QUERIES_START", "adsl", None, randomised, variable="FSTSPMDT"),
    _summary("SPM_QUERY_SETS", "adsl", None, randomised, variable="NSPMQRY"),
    _summary("SPM_LAST_SCREENING", "adsl", None, randomised, variable="LSTSPMDT"),
    _summary("SPM_EARLIER_CANCER", "adce", None, counted & _flagged("SPMRECFL"), variable="PRCANYR"),
)

# --- disposition and exposure ---

crossed_over = pl.col("XOFL") == "Y"
stopped = pl.col("DCTREAS") == "ADVERSE EVENT"
DISPOSITION: tuple[Analysis, ...] = (
    count(
        "REGISTERED",
        "adsl",
        "Figure S1",
        levels={
            "REGISTERED": anything,
            "RANDOMISED": randomised,
            "NOT RANDOMISED": ~randomised,
            "PROGRESSION BEFORE RANDOMISATION": pl.col("NRREAS") == "PROGRESSION",
        },
    ),
    count("NOT_RANDOMISED", "adsl", "Figure S1", ~randomised, by="NRREAS"),
    count("CENTRES", "adsl", None, unit="SITEID"),
    count("RANDOMISED", "adsl", "Figure S1", randomised),
    count(
        "TREATMENT",
        "adsl",
        "Figure S1",
        randomised,
        levels={
            "STARTED": pl.col("SAFFL") == "Y",
            "NEVER STARTED": pl.col("SAFFL") == "N",
            "ONGOING": pl.col("EOTSTT") == "ONGOING",
            "DISCONTINUED": pl.col("EOTSTT") == "DISCONTINUED",
            "NO STATUS": pl.col("EOTSTT").is_null(),
        },
    ),
    count("DISCONTINUED", "adsl", "Figure S1", randomised, by="DCTREAS"),
    # who dies before the first dose has a reason, too, but never was on treatment
    count("DISCONTINUED_STARTED", "adsl", "Figure S1", randomised & _flagged("SAFFL"), by="DCTREAS"),
    count("STOPPED_FOR_AE", "adsl", None, randomised, levels={"ADVERSE EVENT": stopped}),
    count(
        "STOPPED_FOR_AE_NO_CROSSOVER",
        "adsl",
        None,
        randomised & ~crossed_over,
        levels={"ADVERSE EVENT": stopped},
    ),
    count(
        "STOPPED_FOR_AE_CROSSOVER",
        "adsl",
        None,
        randomised & crossed_over,
        levels={"ADVERSE EVENT": pl.col("DCT2REAS") == "ADVERSE EVENT"},
    ),
    count("CROSSOVER_DISCONTINUED", "adsl", "Figure S1", randomised & crossed_over, by="DCT2REAS"),
    count(
        "CROSSOVER",
        "adsl",
        "Figure S1",
        randomised,
        levels={
            "ELIGIBLE": pl.col("XOELFL") == "Y",
            "CROSSED OVER": crossed_over,
            "NOT CROSSED OVER": (pl.col("XOELFL") == "Y") & ~crossed_over,
            "ONGOING": crossed_over & pl.col("DCT2REAS").is_null(),
            "DISCONTINUED": crossed_over & pl.col("DCT2REAS").is_not_null(),
        },
    ),
    _summary("REGISTRATION_DATE", "adsl", None, variable="REGDT"),
    _summary("RANDOMISATION_DATE", "adsl", None, randomised, variable="RANDDT"),
    _summary("STARTING_DOSE", "adsl", "Exposure", randomised, variable="DOSESTRT"),
)
DOSES = (5, 10, 15)
"""The protocol's dose levels, mg per day."""
EXPOSURE_PARAMETERS = ("TDURD", "TDOSE", "AVDDSE", "RDI", "NCYC", "DOSEMIN", "DOSEMAX", "NREDUC", "NHELD")
EXPOSURE: tuple[Analysis, ...] = (
    *(
        _summary(f"EX_{code}", "adex", "Exposure", pl.col("PARAMCD") == code, variable="AVAL")
        for code in EXPOSURE_PARAMETERS
    ),
    count(
        "EX_MODIFIED",
        "adex",
        "Exposure",
        pl.col("AVAL") > 0,
        levels={
            "ESCALATED TO 15 MG": pl.col("PARAMCD") == "ESCAL",
            "REDUCED": pl.col("PARAMCD") == "NREDUC",
            "HELD": pl.col("PARAMCD") == "NHELD",
        },
    ),
    count(
        "EX_DOSE",
        "adex",
        "Exposure",
        levels={
            f"{name} {dose} MG": (pl.col("PARAMCD") == code) & (pl.col("AVAL") == dose)
            for name, code in {"FIRST": "DOSESTRT", "LOWEST": "DOSEMIN", "HIGHEST": "DOSEMAX"}.items()
            for dose in DOSES
        },
    ),
)

TABLES = (*BASELINE, *SAFETY, *SECOND_CANCER, *DISPOSITION, *EXPOSURE)
