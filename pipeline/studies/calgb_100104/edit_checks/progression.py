"""Progression by the trial's rule, from the forms as they stood: edit checks compare the site's call with it.

The rule itself is `pipeline.derive.progression`; the forms reach it through the study's own tabulation. What
does not belong here: a check, a second rule.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day
from pipeline.derive.progression import Criteria, marker_findings, marker_series, signs_of_progression
from pipeline.studies.calgb_100104 import mapping
from pipeline.study import Seen
from pipeline.tabulate import subject

ASSESSMENT = "disease_assessment"
_RECORDS_TOGETHER = 250_000


def assessments(seen: Seen) -> pl.LazyFrame:
    """The current disease assessments with USUBJID and VISITDT, the first possible day of assessment."""
    return seen.forms[ASSESSMENT].with_columns(subject(), VISITDT=first_possible_day("assess_dt"))


def marker_visits(seen: Seen) -> pl.DataFrame:
    """One row per subject and visit since the reference visit: `derive.progression.marker_series`."""
    subjects, records = _subjects(seen), seen.forms[ASSESSMENT].collect()
    # Some patients at a time: a record has nine markers, and each is a wide row while it is tabulated.
    share = pl.col("patient_id").hash() % (records.height // _RECORDS_TOGETHER + 1)
    parts = records.with_columns(_share=share).partition_by("_share", include_key=False)
    return pl.concat(_marker_visits(seen, part, subjects) for part in parts or [records])


def _marker_visits(seen: Seen, records: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    # Only assessments are read; the domains' functions ask for the forms they also read.
    others = ("labs", "follow_up", "registration", "on_study")
    forms = {form: seen.forms[form].head(0).collect() for form in others} | {ASSESSMENT: records}
    lb = mapping.lb(forms).with_row_index("LBSEQ")
    rs = mapping.rs(forms).with_row_index("RSSEQ")
    return marker_series(marker_findings(lb.lazy(), rs, seen.date), subjects)


def signs(seen: Seen, criteria: Criteria) -> pl.DataFrame:
    """The visits that meet the criteria, as `derive.progression.signs_of_progression` gives them."""
    return signs_of_progression(seen.once(marker_visits), criteria)


def _subjects(seen: Seen) -> pl.DataFrame:
    """Per subject what the rule asks beside the markers: ASCTDT, RESP100, DTHDT, DTHCAUS."""
    patients = seen.forms[ASSESSMENT].select(subject()).unique()
    transplanted = seen.forms["transplant"].group_by(subject()).agg(ASCTDT=pl.col("infusion_dt").min())
    called = pl.col("response_site").replace({"UNK": None, "NE": None})
    response = (
        assessments(seen)
        .filter(pl.col("visit") == "DAY100")
        .sort("VISITDT")
        .group_by("USUBJID")
        .agg(RESP100=called.drop_nulls().last())
    )
    died = (
        seen.forms["death"]
        .group_by(subject())
        .agg(DTHDT=first_possible_day("death_dt").min(), DTHCAUS=pl.col("cause").first())
    )
    for about in (transplanted, response, died):
        patients = patients.join(about, on="USUBJID", how="left")
    return patients.collect()
