"""ADAE and ADTTE of the pilot.

What does not belong here: the subject level (`adsl.py`), how first events and censoring compete.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive import adtte, conform, flag_first, flag_where, study_day
from pipeline.derive.dates import impute
from pipeline.study import AnyFrames, CutOff, Frames, Study
from schemas.base import names
from schemas.cdisc_pilot import ADAE, ADTTE, Described

SKIN = "SKIN AND SUBCUTANEOUS TISSUE DISORDERS"
NOT_DERMATOLOGIC = ("COLD SWEAT", "HYPERHIDROSIS", "ALOPECIA")
DERMATOLOGIC = pl.col("AEDECOD").str.contains("APPLICATION|DERMATITIS|ERYTHEMA|BLISTER") | (
    (pl.col("AEBODSYS") == SKIN) & ~pl.col("AEDECOD").is_in(NOT_DERMATOLOGIC)
)
"""The customised query of dermatologic events, as the pilot's definition of CQ01NAM has it."""

EMERGENT, SERIOUS = pl.col("TRTEMFL") == "Y", pl.col("AESER") == "Y"
FIRST = {
    "AOCCFL": (EMERGENT, ()),
    "AOCCSFL": (EMERGENT, ("AEBODSYS",)),
    "AOCCPFL": (EMERGENT, ("AEBODSYS", "AEDECOD")),
    "AOCC01FL": (EMERGENT & pl.col("CQ01NAM").is_not_null(), ()),
    "AOCC02FL": (EMERGENT & SERIOUS, ()),
    "AOCC03FL": (EMERGENT & SERIOUS, ("AEBODSYS",)),
    "AOCC04FL": (EMERGENT & SERIOUS, ("AEBODSYS", "AEDECOD")),
}
"""Flags of a subject's first event: among which, and within what; in the order of ASTDT and AESEQ."""


def described(adsl: pl.DataFrame) -> pl.DataFrame:
    """ADSL with the treatment variables under the names they have in the other datasets."""
    return adsl.with_columns(TRTP="TRT01P", TRTA="TRT01A", TRTAN="TRT01AN", TRTDUR="TRTDURD")


def derive_adae(study: Study, sdtm: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADAE of the pilot: one row per event that starts up to the cut-off, of subjects in ADSL."""
    subjects = described(adsl).select(names(Described))
    rows = sdtm["ae"].drop("STUDYID", "CUTOFF").join(subjects, on="USUBJID", validate="m:1")
    rows = impute(rows, "AESTDTC", "ASTDT", highest="D")
    rows = impute(rows, "AEENDTC", "AENDT", highest="n")
    rows = rows.filter((pl.col("ASTDT") <= cut_off.date) | pl.col("ASTDT").is_null())
    rows = rows.with_columns(
        ASTDY=study_day(pl.col("ASTDT")),
        AENDY=study_day(pl.col("AENDT")),
        ADURN=pl.when(pl.col("ASTDTF").is_null()).then(
            (pl.col("AENDT") - pl.col("ASTDT")).dt.total_days() + 1
        ),
        TRTEMFL=flag_where(pl.col("ASTDT") >= pl.col("TRTSDT")),
        CQ01NAM=pl.when(DERMATOLOGIC).then(pl.lit("DERMATOLOGIC EVENTS")),
    ).sort("USUBJID", "ASTDT", "AESEQ", nulls_last=True)
    flags = {flag: flag_first(among, "USUBJID", *within) for flag, (among, within) in FIRST.items()}
    unit = pl.when(pl.col("ADURN").is_not_null()).then(pl.lit("DAY"))
    return conform(rows.with_columns(ADURU=unit, **flags), study.shape(ADAE, cut_off))


def derive_adtte(study: Study, frames: AnyFrames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADTTE of the pilot, by the engine of all studies; frames: `adsl` and `adae`."""
    return adtte.derive_adtte(study, frames, described(adsl), cut_off, ADTTE)
