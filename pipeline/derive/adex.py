"""ADEX: exposure to blinded study drug, one row per subject and parameter.

What does not belong here: open-label drug after crossover, reasons for dose changes.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

from pipeline.derive import conform, with_subject
from pipeline.study import CutOff, Frames, Study
from schemas.adam import ADEX

PHASE = "BLINDED TREATMENT"
PLANNED_DOSE = 10.0
ESCALATED_DOSE = 15.0
PARAMETERS = {
    "TDURD": "Treatment Duration (Days)",
    "TDOSE": "Total Dose (mg)",
    "AVDDSE": "Average Dose on Days of Therapy (mg/day)",
    "RDI": "Relative Dose Intensity (% of 10 mg/day)",
    "NCYC": "Cycles with a Dose (Number)",
    "DOSESTRT": "Starting Dose (mg/day)",
    "DOSEMIN": "Lowest Dose (mg/day)",
    "DOSEMAX": "Highest Dose (mg/day)",
    "ESCAL": "Escalated to 15 mg (1: Yes, 0: No)",
    "NREDUC": "Dose Reductions (Number)",
    "NHELD": "Cycles Held (Number)",
}


def blinded_exposure(ex: pl.DataFrame) -> pl.DataFrame:
    """USUBJID and one column per parameter, for subjects with at least one dose of blinded study drug.

    Cycles without a dose count only as holds and reductions. Duration runs from the first to the last
    day of cycles with a dose, gaps included; the planned dose is 10 mg on each of its days.
    """
    start, end = (pl.col(dtc).str.to_date("%Y-%m-%d", strict=False) for dtc in ("EXSTDTC", "EXENDTC"))
    dosed = (pl.col("EXDOSE") > 0) & (pl.col("DAYSTKN") > 0)
    dose, days = pl.col("EXDOSE").filter(dosed), pl.col("DAYSTKN").filter(dosed)
    return (
        ex.filter(pl.col("EPOCH") == PHASE)
        .sort("USUBJID", "EXSTDTC", "EXSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            TDURD=(end.filter(dosed).max() - start.filter(dosed).min()).dt.total_days() + 1,
            TDOSE=(dose * days).sum(),
            _days=days.sum(),
            NCYC=dosed.sum(),
            DOSESTRT=dose.first(),
            DOSEMIN=dose.min(),
            DOSEMAX=dose.max(),
            ESCAL=(dose.max() >= ESCALATED_DOSE).cast(pl.Int64),
            NREDUC=(pl.col("MODTYPE") == "REDUCED").sum(),
            NHELD=(pl.col("MODTYPE") == "HELD").sum(),
        )
        .filter(pl.col("NCYC") > 0)
        .with_columns(
            AVDDSE=pl.col("TDOSE") / pl.col("_days"),
            RDI=100 * pl.col("TDOSE") / (PLANNED_DOSE * pl.col("TDURD")),
        )
        .select("USUBJID", *PARAMETERS)
    )


def derive_adex(study: Study, sdtm: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADEX of one cut-off: one row per parameter and subject with a dose of blinded study drug."""
    wide = blinded_exposure(sdtm["ex"]).with_columns(cs.exclude("USUBJID").cast(pl.Float64))
    rows = (
        wide.unpivot(index="USUBJID", variable_name="PARAMCD", value_name="AVAL")
        .drop_nulls("AVAL")
        .with_columns(PARAM=pl.col("PARAMCD").replace_strict(PARAMETERS), APHASE=pl.lit(PHASE))
    )
    return conform(with_subject(rows, adsl, "STUDYID", "CUTOFF"), study.shape(ADEX, cut_off))
