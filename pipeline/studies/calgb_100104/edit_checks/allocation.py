"""Randomisations, treatment codes and unblindings that break a rule.

What does not belong here: the checks themselves (`entry`), what was true before (`eligibility`).
"""

from __future__ import annotations

import polars as pl

from pipeline.edit_checks import Find, broken, told
from pipeline.studies.calgb_100104.design import BLOCK_SIZE, UNBLINDING
from pipeline.studies.calgb_100104.edit_checks.eligibility import STRATUM_ANSWERS, marked, with_deviation
from pipeline.study import Seen


def _after_transplant(seen: Seen) -> pl.LazyFrame:
    """Randomisations with the day of the first infusion and `day`, the days between."""
    infused = seen.forms["transplant"].group_by("patient_id").agg(pl.col("infusion_dt").min())
    day = (pl.col("randomization_dt") - pl.col("infusion_dt")).dt.total_days()
    return seen.forms["randomization"].join(infused, on="patient_id").with_columns(day=day)


def randomised_on(breaks: pl.Expr) -> Find:
    found = told("day {}: randomization {}, infusion {}", "day", "randomization_dt", "infusion_dt")
    return lambda seen: broken(
        _after_transplant(seen).filter(breaks), "randomization", "randomization_dt", found
    )


def randomised_again(seen: Seen) -> pl.LazyFrame:
    """Every record but the one that came first of those that share a patient, a number or a kit."""
    came = seen.versions["randomization"].group_by("record_id").agg(came=pl.col("received_dt").min())
    rows = seen.forms["randomization"].join(came, on="record_id").sort("came", "record_id")
    parts = []
    for name in ("patient_id", "randomization_no", "kit_no"):
        first = rows.with_columns(
            _record=pl.col("record_id").first().over(name), _patient=pl.col("patient_id").first().over(name)
        )
        found = told("{} is on {} of patient {} already", name, "_record", "_patient")
        again = first.filter(pl.col(name).is_not_null(), pl.col("record_id") != pl.col("_record"))
        parts.append(broken(again, "randomization", name, found))
    return pl.concat(parts)


def without_entry_forms(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms["randomization"]
    return pl.concat(
        broken(
            rows.join(seen.forms[form], on="patient_id", how="anti"),
            "randomization",
            "patient_id",
            told(f"patient {{}} has no {words} form", "patient_id"),
        )
        for form, words in (
            ("registration", "registration"),
            ("on_study", "on-study"),
            ("transplant", "transplant"),
        )
    )


def day_100(seen: Seen) -> pl.LazyFrame:
    assessed = (
        seen.forms["disease_assessment"]
        .filter(pl.col("visit") == "DAY100")
        .select("patient_id", "assess_dt", "response_site")
    )
    # The randomisation form knows EBMT's categories only.
    ebmt = pl.col("response_site").replace({"sCR": "CR", "VGPR": "PR", "UNK": None, "NE": None})
    rows = (
        seen.forms["randomization"]
        .join(assessed, on="patient_id")
        .filter(pl.col("response_at_rand").replace({"UNK": None}) != ebmt)
    )
    found = told(
        "{} at randomization, {} at the day-100 assessment of {}",
        *("response_at_rand", "response_site", "assess_dt"),
    )
    return broken(rows, "randomization", "response_at_rand", found)


def blocks(seen: Seen) -> pl.LazyFrame:
    """A row per block, not per patient: a patient in it could be told the arm from the finding."""
    block = [*STRATUM_ANSWERS, "block_no"]
    codes = seen.forms["treatment_codes"].select("randomization_no", "arm_code")
    rows = (
        seen.forms["randomization"]
        .drop_nulls("block_no")
        .join(codes, on="randomization_no")
        .group_by(block)
        .agg(patients=pl.len(), most=pl.col("arm_code").unique_counts().max())
        .filter(pl.col("most") > BLOCK_SIZE // 2)
        .sort(block)
    )
    none = pl.lit(None, pl.String)
    return rows.select(
        FORM=pl.lit("randomization"),
        RECORD=none,
        VERSION=pl.lit(None, pl.Int64),
        PATIENT=none,
        SITE=none,
        COLUMN=pl.lit("block_no"),
        FOUND=told("stratum {}/{}/{}, block {}: {} of {} patients have one code", *block, "most", "patients"),
    )


def codes(seen: Seen) -> pl.LazyFrame:
    randomised, codes = seen.forms["randomization"], seen.forms["treatment_codes"]
    keys = ["randomization_no", "kit_no"]
    without = broken(
        randomised.join(codes, on=keys, how="anti"),
        "randomization",
        "randomization_no",
        told("{} with kit {} is not on the code list", *keys),
    )
    # Codes are made ahead of patients: one without a patient is wrong only when enrolment is over.
    over = codes.filter(pl.lit(seen.date >= UNBLINDING)).join(randomised, on=keys, how="anti")
    none = pl.lit(None, pl.String)
    left_over = over.select(
        FORM=pl.lit("treatment_codes"),
        RECORD="randomization_no",
        VERSION=pl.lit(None, pl.Int64),
        PATIENT=none,
        SITE=none,
        COLUMN=pl.lit("randomization_no"),
        FOUND=told("{} with kit {} is no patient's", *keys),
    )
    return pl.concat([without, left_over])


def opened(seen: Seen) -> pl.LazyFrame:
    one = seen.forms["unblinding"].filter(pl.col("scope") == "PATIENT")
    one = marked(one, with_deviation(seen, "UNBLIND"), "deviation")
    unexplained = pl.col("reason").is_null() | pl.col("authorised_by").is_null()
    on_file = pl.when("deviation").then(pl.lit("on file")).otherwise(pl.lit("missing"))
    found = told("reason {}, authorised by {}, deviation {}", "reason", "authorised_by", on_file)
    study = seen.forms["unblinding"].filter(
        pl.col("scope") == "STUDY", pl.col("unblind_dt").ne_missing(UNBLINDING)
    )
    return pl.concat(
        [
            broken(one.filter(unexplained | ~pl.col("deviation")), "unblinding", "reason", found),
            broken(study, "unblinding", "unblind_dt", told("study unblinding {}", "unblind_dt")),
        ]
    )
