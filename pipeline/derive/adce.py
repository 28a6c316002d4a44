"""ADCE: second primary cancers, which of them count, and what came before them.

What does not belong here: time to the cancer as an endpoint (`adtte`).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.derive import conform, flag_first, flag_where, last_date, study_day, with_subject
from pipeline.derive.dates import impute
from pipeline.study import CutOff, Frames, Study
from schemas.adam import ADCE

CATEGORY = {"HEMATOLOGIC": "HEMATOLOGIC", "SOLID": "SOLID", "NMSC_BCC": "NMSC", "NMSC_SCC": "NMSC"}
TRANSFORMATION_DAYS = 90


def second_cancers(ce: pl.DataFrame, subjects: pl.DataFrame, last: dt.date) -> pl.DataFrame:
    """CE rows up to `last` with SPMCAT, ASTDT, ASTDTF and SPMFL, the one cancer that counts per subject.

    subjects: USUBJID and RANDDT. Counted is the first invasive cancer after randomisation that is not a
    non-melanoma skin cancer; ties on a day go by CESEQ. An acute myeloid leukaemia that follows a
    myelodysplastic syndrome within 90 days is the same event and never counts by itself.
    """
    rows = impute(
        ce.join(subjects.select("USUBJID", "RANDDT"), on="USUBJID"), "CESTDTC", "ASTDT", lo="RANDDT"
    )
    rows = (
        rows.filter((pl.col("ASTDT") <= last) | pl.col("ASTDT").is_null())
        .with_columns(SPMCAT=pl.col("CESCAT").replace_strict(CATEGORY, default=None))
        .sort("USUBJID", "ASTDT", "CESEQ", nulls_last=True)
    )
    last_mds = pl.when(SPMGRP="MDS").then("ASTDT").forward_fill().over("USUBJID")
    since_mds = (pl.col("ASTDT") - last_mds).dt.total_days()
    same_event = (pl.col("SPMGRP") == "AML") & (since_mds <= TRANSFORMATION_DAYS)
    candidate = (
        (pl.col("ASTDT") > pl.col("RANDDT"))
        & (pl.col("INVASIVE") == "Y")
        & pl.col("SPMCAT").is_in(["HEMATOLOGIC", "SOLID"])
        & ~same_event.fill_null(False)
    )
    return rows.with_columns(SPMFL=flag_first(candidate, "USUBJID"))


def derive_adce(study: Study, sdtm: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADCE of one cut-off: one row per reported cancer dated up to the date CE is cut at."""
    rows = second_cancers(sdtm["ce"], adsl, last_date(study, "ce", cut_off)).drop("RANDDT")
    rows = with_subject(rows, adsl, "RANDDT", "TRTSDT", "PDDT", "XODT", "INDANTFL")
    rows = rows.join(_earlier_cancer(rows, sdtm["mh"]), on=["USUBJID", "CESEQ"], how="left")
    return conform(
        rows.with_columns(
            ASTDY=study_day(pl.col("ASTDT")),
            ADURRAND=(pl.col("ASTDT") - pl.col("RANDDT")).dt.total_days(),
            NMSCFL=flag_where(pl.col("SPMCAT") == "NMSC"),
            SPMPDFL=flag_where(pl.col("ASTDT") > pl.col("PDDT")),
            SPMRECFL=flag_where((pl.col("RECURQ") == "Y") | pl.col("_earlier").is_not_null()),
            XOAFTFL=flag_where(pl.col("ASTDT") >= pl.col("XODT")),
            RESTRTFL=flag_where(pl.col("RESTART") == "Y"),
            ANTHRFL=flag_where(pl.col("INDANTFL") == "Y"),
            PRCANYR=complete_years("_earlier", "ASTDT"),
        ),
        study.shape(ADCE, cut_off),
    )


def complete_years(start: str, end: str) -> pl.Expr:
    """Birthdays of the start date up to the end date."""
    before_birthday = pl.col(end).dt.to_string("%m%d") < pl.col(start).dt.to_string("%m%d")
    return pl.col(end).dt.year() - pl.col(start).dt.year() - before_birthday.cast(pl.Int32)


def _earlier_cancer(cancers: pl.DataFrame, mh: pl.DataFrame) -> pl.DataFrame:
    """The first prior cancer of the same site: USUBJID, CESEQ, _earlier (a partial date takes its middle).

    The site is the same if the form says so, or if the history's term names the cancer's group.
    """
    prior = impute(mh.filter(pl.col("MHCAT") == "PRIOR CANCER"), "MHSTDTC", "_earlier", how="mid")
    named = pl.col("MHTERM").str.to_uppercase().str.contains(pl.format(r"\b{}\b", "SPMGRP"))
    same_site = (pl.col("RECURQ") == "Y") | (named & (pl.col("SPMGRP") != "OTHER"))
    return (
        cancers.join(prior.select("USUBJID", "MHTERM", "_earlier"), on="USUBJID")
        .filter(same_site & (pl.col("_earlier") < pl.col("ASTDT")))
        .group_by("USUBJID", "CESEQ")
        .agg(pl.col("_earlier").min())
    )
