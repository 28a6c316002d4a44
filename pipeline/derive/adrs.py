"""ADRS: responses, progression, last assessment and death, each traced to its tabulation row.

`declared_progression` is the one place that says which progression the endpoints use. What does not
belong here: time-to-event parameters (`adtte`), response criteria applied to marker values.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.derive import conform, study_day, with_subject
from pipeline.derive.dates import impute, last_possible_day
from pipeline.study import CutOff, Frames, Study
from schemas.adam import ADRS, RESPONSE_ORDER

PARAMETERS = {
    "OVRINV": "Overall Response by Investigator",
    "PDINV": "First Progression Reported by Investigator",
    "PD": "Disease Progression",
    "LSTA": "Last Evaluable Disease Assessment",
    "DEATH": "Death",
}


def responses(rs: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """Investigator responses up to the cut-off, dated where they can be: ADT, ADTF, AVALC, SRCSEQ."""
    given = rs.filter(pl.col("RSTESTCD") == "OVRLRESP", pl.col("RSSTRESC").is_not_null())
    return (
        impute(given, "RSDTC", "ADT")
        .filter((pl.col("ADT") <= cut_off) | pl.col("ADT").is_null())
        .select("USUBJID", "ADT", "ADTF", AVALC="RSSTRESC", SRCSEQ="RSSEQ")
    )


def first_progression(rs: pl.DataFrame, subjects: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """The first progression the investigator reported after randomisation, one row per subject with one.

    subjects: USUBJID and RANDDT. Reports come from assessment and follow-up forms. A partial date takes
    its first day, not before the day after the last assessment without progression and after
    randomisation. Reports are ordered by the last day they can mean, so that a complete date goes before
    a partial one that may be the same day; same day: RSSEQ. Columns: USUBJID, ADT, ADTF, AVALC, SRCSEQ.
    """
    reports = (
        rs.filter(pl.col("RSTESTCD") == "PROGRESS")
        .join(subjects.select("USUBJID", "RANDDT"), on="USUBJID")
        .with_columns(_latest=last_possible_day("RSDTC"))
    )
    stable = responses(rs, cut_off).filter(~pl.col("AVALC").is_in(["PD", "NE"]))
    last_stable = (
        reports.join(stable.select("USUBJID", _stable="ADT"), on="USUBJID")
        .filter(pl.col("_stable") <= pl.col("_latest"))
        .group_by("USUBJID", "RSSEQ")
        .agg(pl.col("_stable").max())
    )
    reports = reports.join(last_stable, on=["USUBJID", "RSSEQ"], how="left")
    not_before = pl.max_horizontal("_stable", "RANDDT").dt.offset_by("1d")
    return (
        impute(reports, "RSDTC", "ADT", lo=not_before)
        .filter(pl.col("ADT") > pl.col("RANDDT"), pl.col("ADT") <= cut_off)
        .sort("USUBJID", "_latest", "RSSEQ")
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "ADT", "ADTF", AVALC=pl.lit("PD"), SRCSEQ="RSSEQ")
    )


def declared_progression(rs: pl.DataFrame, subjects: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """The progression that the endpoints use: the investigator's (see `first_progression`)."""
    return first_progression(rs, subjects, cut_off)


def last_assessment(rs: pl.DataFrame, subjects: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """The last evaluable response after randomisation, one row per subject with one; same day: last RSSEQ."""
    return (
        responses(rs, cut_off)
        .filter(pl.col("AVALC") != "NE")
        .join(subjects.select("USUBJID", "RANDDT"), on="USUBJID")
        .filter(pl.col("ADT") > pl.col("RANDDT"))
        .drop("RANDDT")
        .sort("USUBJID", "ADT", "SRCSEQ")
        .unique("USUBJID", keep="last", maintain_order=True)
    )


def deaths(ds: pl.DataFrame, subjects: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """The death of each subject who died by the cut-off: USUBJID, ADT, ADTF, AVALC, SRCSEQ.

    subjects: USUBJID and LSTALVDT. A partial date takes its first day, not before the day after
    LSTALVDT. Of several reports the one that can mean the earliest last day is used; then DSSEQ.
    """
    # Death as the reason for stopping treatment is dated by the stop, so it is no death record.
    reports = ds.filter(pl.col("DSDECOD") == "DEATH", pl.col("DSSCAT").ne_missing("STUDY TREATMENT"))
    reports = reports.join(subjects.select("USUBJID", "LSTALVDT"), on="USUBJID")
    return (
        impute(reports, "DSSTDTC", "ADT", lo=pl.col("LSTALVDT").dt.offset_by("1d"))
        .filter(pl.col("ADT") <= cut_off)
        .with_columns(_latest=last_possible_day("DSSTDTC"))
        .sort("USUBJID", "_latest", "DSSEQ")
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "ADT", "ADTF", AVALC=pl.lit("DEATH"), SRCSEQ="DSSEQ")
    )


def derive_adrs(study: Study, sdtm: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADRS of one cut-off; rows dated after it are left out."""
    rs, last = sdtm["rs"], cut_off.date
    rows = {
        "OVRINV": responses(rs, last),
        "PDINV": first_progression(rs, adsl, last),
        "PD": declared_progression(rs, adsl, last),
        "LSTA": last_assessment(rs, adsl, last),
        "DEATH": deaths(sdtm["ds"], adsl, last),
    }
    parts = [
        frame.with_columns(PARAMCD=pl.lit(code), PARAM=pl.lit(PARAMETERS[code]))
        for code, frame in rows.items()
    ]
    from_ds = pl.col("PARAMCD") == "DEATH"
    found = with_subject(pl.concat(parts), adsl, "STUDYID", "CUTOFF", "TRTSDT")
    found = found.sort("USUBJID", "PARAMCD", "ADT", "SRCSEQ", nulls_last=True).with_columns(
        ASEQ=pl.int_range(1, pl.len() + 1).over("USUBJID"),
        AVAL=pl.col("AVALC").replace_strict(RESPONSE_ORDER, default=None),
        ADY=study_day(pl.col("ADT")),
        SRCDOM=pl.when(from_ds).then(pl.lit("DS")).otherwise(pl.lit("RS")),
        SRCVAR=pl.when(from_ds).then(pl.lit("DSSTDTC")).otherwise(pl.lit("RSDTC")),
    )
    return conform(found, ADRS)
