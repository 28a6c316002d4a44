"""ADAE: adverse events with analysis dates, period and first-worst flags.

What does not belong here: counts (`pipeline.analyse`), grades made from laboratory values.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive import conform, flag_first, flag_where, last_date, study_day, with_subject
from pipeline.derive.dates import impute
from pipeline.study import CutOff, Frames, Study
from schemas.adam import ADAE, HEMATOLOGIC_CATEGORY

RELATED = {
    "UNRELATED": "NOT RELATED",
    "UNLIKELY": "NOT RELATED",
    "POSSIBLE": "RELATED",
    "PROBABLE": "RELATED",
    "DEFINITE": "RELATED",
}


def derive_adae(study: Study, sdtm: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADAE of one cut-off: one row per event that starts up to the date AE is cut at."""
    last = last_date(study, "ae", cut_off)
    rows = with_subject(sdtm["ae"], adsl, "RANDDT", "TRTSDT", "XODT", "DTHDT")
    end = pl.min_horizontal("DTHDT", pl.lit(last))
    rows = impute(rows, "AESTDTC", "ASTDT", lo="RANDDT", hi=end)
    rows = impute(rows, "AEENDTC", "AENDT", how="last", hi=end)
    rows = rows.filter((pl.col("ASTDT") <= last) | pl.col("ASTDT").is_null()).with_columns(
        RELGR1=pl.col("AEREL").replace_strict(RELATED, default=None),
        ATOXGR="AETOXGR",
        ATOXGRN=pl.col("AETOXGR").cast(pl.Int64),
        ASTDY=study_day(pl.col("ASTDT")),
        TRTEMFL=flag_where(pl.col("ASTDT") >= pl.col("TRTSDT")),
        POSTRFL=flag_where(pl.col("ASTDT") >= pl.col("RANDDT")),
        HEMEFL=flag_where(pl.col("AEBODSYS") == HEMATOLOGIC_CATEGORY),
    )
    order = ["USUBJID", "POSTRFL", "ATOXGRN", "ASTDT", "AESEQ"]
    worst_first = rows.sort(order, descending=[False, False, True, False, False], nulls_last=True)
    counted = (pl.col("POSTRFL") == "Y") & pl.col("ATOXGRN").is_not_null()
    return conform(
        worst_first.with_columns(
            AOCCIFL=flag_first(counted, "USUBJID"),
            AOCCPIFL=flag_first(counted, "USUBJID", "AEDECOD"),
            APERIOD=pl.when(POSTRFL="Y").then(
                pl.when(pl.col("ASTDT") >= pl.col("XODT")).then(2).otherwise(1)
            ),
        ),
        study.shape(ADAE, cut_off),
    )
