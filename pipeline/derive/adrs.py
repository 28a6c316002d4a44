"""ADRS: responses, progression, last assessment and death, each traced to its tabulation row.

`declared` is the one place that says which progression the endpoints use. What does not belong here:
time-to-event parameters (`adtte`), criteria applied to marker values (`progression`).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.derive import conform, study_day, whole, with_subject
from pipeline.derive.dates import impute, last_possible_day
from pipeline.derive.progression import EBMT, IMWG, first_by_markers, marker_findings, marker_series
from pipeline.study import AnyFrames, CutOff, Study
from schemas.adam import ADRS, RESPONSE_ORDER

PARAMETERS = {
    "OVRINV": "Overall Response by Investigator",
    "PDINV": "First Progression Reported by Investigator",
    "PDEBMT": "First Progression by EBMT Criteria",
    "PDIMWG": "First Progression by IMWG Criteria",
    "PD": "Disease Progression",
    "LSTA": "Last Evaluable Disease Assessment",
    "DEATH": "Death",
}
NOT_IN_MARKERS = r"\b(BONE|PLASMACYTOMA|CALCIUM|CLINICAL)\b"
"""Bases of a site's report for which the endpoints take its word: the markers alone need not show them."""


def responses(rs: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """Investigator responses up to the cut-off, dated where they can be: ADT, ADTF, AVALC, SRCSEQ."""
    given = rs.filter(pl.col("RSTESTCD") == "OVRLRESP", pl.col("RSSTRESC").is_not_null())
    return (
        impute(given, "RSDTC", "ADT")
        .filter((pl.col("ADT") <= cut_off) | pl.col("ADT").is_null())
        .select("USUBJID", "ADT", "ADTF", AVALC="RSSTRESC", SRCSEQ="RSSEQ")
    )


def reported_progression(rs: pl.DataFrame, subjects: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """Progressions that sites reported after randomisation up to the cut-off, each subject's first one first.

    subjects: USUBJID and RANDDT. Reports come from assessment and follow-up forms. A partial date takes
    its first day, not before the day after the last assessment without progression and after
    randomisation. Reports are ordered by the last day they can mean, so that a complete date goes before
    a partial one that may be the same day; same day: RSSEQ. Columns: USUBJID, ADT, ADTF, BASIS, SRCDOM,
    SRCVAR, SRCSEQ, FOLLOWUP (on the follow-up form).
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
        .select(
            "USUBJID",
            "ADT",
            "ADTF",
            BASIS="PDBASIS",
            SRCDOM=pl.lit("RS"),
            SRCVAR=pl.lit("RSDTC"),
            SRCSEQ="RSSEQ",
            FOLLOWUP=pl.col("RSCAT") == "FOLLOW-UP REPORT",
        )
    )


def declared(reports: pl.DataFrame, by_markers: pl.DataFrame) -> pl.DataFrame:
    """The progression that the endpoints use: the earlier of the markers' and the site's, one per subject.

    reports: `reported_progression`; by_markers: the progression by EBMT criteria, which wins a shared day. A
    site's report counts where its basis is not one of M-protein, light chains or marrow, or where no
    assessment form reports a progression and the follow-up form alone does.
    """
    only_followed = pl.col("FOLLOWUP").all().over("USUBJID")
    by_site = _first(reports.filter(only_followed | pl.col("BASIS").str.contains(NOT_IN_MARKERS)))
    return (
        pl.concat([by_markers, by_site])
        .sort("USUBJID", "ADT", maintain_order=True)
        .unique("USUBJID", keep="first", maintain_order=True)
    )


def _first(reports: pl.DataFrame) -> pl.DataFrame:
    return reports.unique("USUBJID", keep="first", maintain_order=True).drop("FOLLOWUP")


def progressions(sdtm: AnyFrames, subjects: pl.DataFrame, cut_off: dt.date) -> dict[str, pl.DataFrame]:
    """The first progression by who or what finds it: PDINV, PDEBMT, PDIMWG and PD, the declared one.

    sdtm: `rs` and `lb`. subjects: USUBJID, ASCTDT, RANDDT, RESP100, DTHDT, DTHCAUS. One row per subject with
    one: USUBJID, ADT, ADTF, BASIS, SRCDOM, SRCVAR, SRCSEQ.
    """
    rs = whole(sdtm, "rs")
    reports = reported_progression(rs, subjects, cut_off)
    findings = marker_findings(sdtm["lb"].lazy(), rs, cut_off)
    series = marker_series(findings, subjects)
    ebmt, imwg = (first_by_markers(findings, series, subjects, criteria) for criteria in (EBMT, IMWG))
    return {"PDINV": _first(reports), "PDEBMT": ebmt, "PDIMWG": imwg, "PD": declared(reports, ebmt)}


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


def derive_adrs(study: Study, sdtm: AnyFrames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """ADRS of one cut-off; rows dated after it are left out."""
    rs, last = whole(sdtm, "rs"), cut_off.date
    from_rs = {"SRCDOM": pl.lit("RS"), "SRCVAR": pl.lit("RSDTC")}
    from_ds = {"SRCDOM": pl.lit("DS"), "SRCVAR": pl.lit("DSSTDTC")}
    rows = {
        "OVRINV": responses(rs, last).with_columns(**from_rs),
        "LSTA": last_assessment(rs, adsl, last).with_columns(**from_rs),
        "DEATH": deaths(whole(sdtm, "ds"), adsl, last).with_columns(**from_ds),
        **{
            code: found.with_columns(AVALC=pl.lit("PD"))
            for code, found in progressions(sdtm, adsl, last).items()
        },
    }
    parts = [
        frame.with_columns(PARAMCD=pl.lit(code), PARAM=pl.lit(PARAMETERS[code]))
        for code, frame in rows.items()
    ]
    found = with_subject(pl.concat(parts, how="diagonal"), adsl, "STUDYID", "CUTOFF", "TRTSDT")
    found = found.sort("USUBJID", "PARAMCD", "ADT", "SRCSEQ", nulls_last=True).with_columns(
        ASEQ=pl.int_range(1, pl.len() + 1).over("USUBJID"),
        AVAL=pl.col("AVALC").replace_strict(RESPONSE_ORDER, default=None),
        ADY=study_day(pl.col("ADT")),
    )
    return conform(found, study.shape(ADRS, cut_off))
