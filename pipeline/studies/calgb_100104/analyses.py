"""The trial's analyses, as values: adding a number to the results is adding a value here.

What does not belong here: how a method computes (`pipeline.analyse`, `pipeline.stats`), or rounding.
"""

from __future__ import annotations

import polars as pl

from pipeline.studies.calgb_100104.endpoints import CAUSES
from pipeline.studies.calgb_100104.tables import BASELINE, SAFETY
from pipeline.study import Analysis

STRATA = ["STRAT1R", "STRAT2R", "STRAT3R"]
AT_RISK_MONTHS = list(range(0, 80, 10))
LANDMARK_MONTHS = [12, 24, 36]


def _survival(paramcd: str, output: str | None) -> list[Analysis]:
    """What the paper prints about a time-to-event endpoint, and its stratified version beside it."""

    def analysis(suffix: str, method: str, **options: object) -> Analysis:
        return Analysis(f"{paramcd}_{suffix}", method, paramcd, output=output, options=options)

    return [
        analysis("KM", "kaplan_meier", landmarks=LANDMARK_MONTHS, at_risk=AT_RISK_MONTHS),
        analysis("LOGRANK", "logrank"),
        analysis("LOGRANK_STRAT", "logrank", strata=STRATA),
        analysis("COX", "cox"),
        analysis("COX_STRAT", "cox", strata=STRATA),
    ]


def _interaction(id: str, paramcd: str, factor: str) -> Analysis:
    return Analysis(id, "interaction", paramcd, output="Figure 2", options={"factor": factor})


def _counts(id: str, dataset: str, levels: dict[str, pl.Expr], **more: object) -> Analysis:
    return Analysis(id, "count", dataset.upper(), dataset=dataset, options={"levels": levels}, **more)  # type: ignore[arg-type]


counted = pl.col("SPMFL") == "Y"
blood, solid = pl.col("SPMCAT") == "HEMATOLOGIC", pl.col("SPMCAT") == "SOLID"
CLASSES = {"HEMATOLOGIC": blood, "SOLID": solid}

ANALYSES: tuple[Analysis, ...] = (
    *BASELINE,
    *SAFETY,
    *_survival("TTP", "Figure 1A"),
    *_survival("OS", "Figure 1B"),
    *_survival("EFS", "Figure S2k"),
    Analysis("FOLLOWUP", "follow_up", "OS"),
    _interaction("TTP_X_PRLEN", "TTP", "INDLENFL"),
    _interaction("TTP_X_CR", "TTP", "CR100FL"),
    _interaction("OS_X_PRLEN", "OS", "INDLENFL"),
    Analysis(
        "CIF",
        "cumulative_incidence",
        "TTSPM",
        output="Figure 3",
        options={"causes": CAUSES, "landmarks": LANDMARK_MONTHS, "at_risk": AT_RISK_MONTHS},
    ),
    Analysis("CIF_GRAY", "gray", "TTSPM", output="Figure 3", options={"causes": CAUSES}),
    _counts("RANDOMISED", "adsl", {"": pl.lit(True)}, where=pl.col("ITTFL") == "Y"),
    _counts(
        "CROSSOVER",
        "adsl",
        {"ELIGIBLE": pl.col("XOELFL") == "Y", "CROSSED OVER": pl.col("XOFL") == "Y"},
        where=pl.col("ITTFL") == "Y",
    ),
    Analysis(
        "ASCT_TO_RAND",
        "summary",
        "ADSL",
        dataset="adsl",
        where=pl.col("ITTFL") == "Y",
        output="Table 1",
        options={"variable": "DAYRAND"},
    ),
    _counts("SPM", "adce", {"ANY": pl.lit(True), **CLASSES}, where=counted, output="Table 3"),
    Analysis(
        "SPM_ONSET",
        "summary",
        "ADCE",
        dataset="adce",
        where=counted,
        options={"variable": "ADURRAND", "levels": CLASSES},
    ),
)
