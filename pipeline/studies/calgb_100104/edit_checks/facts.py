"""What several checks of treatment and follow-up ask about a patient: progression, death, randomisation.

What does not belong here: any check, what endpoints count as progression (`pipeline.derive`).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.study import Seen

OVERDUE = 180
"""Days after which a form that another form calls for counts as missing, not as on its way."""
SKIN_CANCER = ("NMSC_BCC", "NMSC_SCC")
"""Classes of cancers that are listed and never counted."""


def randomised(seen: Seen) -> pl.LazyFrame:
    """patient_id and randomised (a date), one row each."""
    return seen.forms["randomization"].group_by("patient_id").agg(randomised=pl.col("randomization_dt").min())


def deaths(seen: Seen) -> pl.LazyFrame:
    """patient_id and the first and last day the death may have been on (died, died_by), one row each."""
    return (
        seen.forms["death"]
        .group_by("patient_id")
        .agg(died=first_possible_day("death_dt").min(), died_by=last_possible_day("death_dt").max())
    )


def progressions(seen: Seen) -> pl.LazyFrame:
    """Every report of a progression, of assessment and follow-up forms alike.

    patient_id, source (form), pd_dt as written, and the first and last day it may mean (pd_first, pd_last).
    """
    assessed = (
        seen.forms["disease_assessment"]
        .filter((pl.col("response_site") == "PD") | pl.col("pd_dt").is_not_null())
        .select("patient_id", source=pl.lit("disease_assessment"), pd_dt=pl.coalesce("pd_dt", "assess_dt"))
    )
    told = (
        seen.forms["follow_up"]
        .filter(pl.col("progression_since_last") == "Y")
        .select("patient_id", source=pl.lit("follow_up"), pd_dt=pl.coalesce("progression_dt", "contact_dt"))
    )
    return pl.concat([assessed, told]).with_columns(
        pd_first=first_possible_day("pd_dt"), pd_last=last_possible_day("pd_dt")
    )


def progression(seen: Seen) -> pl.LazyFrame:
    """The first progression after randomisation: patient_id, progressed (the last day it may mean).

    A progression before randomisation is a deviation of eligibility and ends nothing.
    """
    return (
        progressions(seen)
        .join(randomised(seen), on="patient_id")
        .filter(pl.col("pd_last") > pl.col("randomised"))
        .group_by("patient_id")
        .agg(progressed=pl.col("pd_last").min())
    )
