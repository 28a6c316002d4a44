"""Edit checks: second primary cancers and the questionnaires on them (EC129 to EC136).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.edit_checks import broken, told, where
from pipeline.studies.calgb_100104.edit_checks.facts import (
    SKIN_CANCER,
    deaths,
    progression,
    randomised,
)
from pipeline.study import EditCheck, Seen

SPM, SPMQ = "new_primary_cancer", "spm_questionnaire"
BASAL_OR_SQUAMOUS = r"(?i)\b(bcc|basal cell)\b|\b(scc|squamous)\b.*\bskin\b|\bskin\b.*\b(scc|squamous)\b"
SAME_EVENT_DAYS = 90
ROUNDS = 3
SITE_OF_GROUP = {
    "ALL": "leuk",
    "AML": "leuk|myelodys",
    "HL": "hodgkin",
    "MDS": "myelodys",
    "NHL": "lymphoma",
    "BREAST": "breast",
    "CARCINOID": "carcinoid",
    "CNS": "brain|glio|mening",
    "GI": "colon|rect|bowel|stomach|gastr|esophag|pancrea",
    "GYN": "cervi|endometri|uter|ovar",
    "MELANOMA": "melanoma",
    "PROSTATE": "prostat",
    "THYROID": "thyroid",
}
"""Words by which a prior cancer's text names the site of a group."""


def _before_randomisation(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[SPM].join(randomised(seen), on="patient_id")
    return broken(
        rows.filter(last_possible_day("dx_dt") <= pl.col("randomised")),
        SPM,
        "dx_dt",
        told("diagnosis {}, randomization {}", "dx_dt", "randomised"),
    )


def _after_progression(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[SPM].join(progression(seen), on="patient_id")
    return broken(
        rows.filter(first_possible_day("dx_dt") > pl.col("progressed")),
        SPM,
        "dx_dt",
        told("diagnosis {}, progression {}", "dx_dt", "progressed"),
    )


def _reported_twice(seen: Seen) -> pl.LazyFrame:
    """Rows of one patient and group with diagnoses that may lie within 90 days; AML and MDS are one group."""
    group = pl.col("spm_group").replace({"MDS": "AML"})
    by = ["patient_id", "_group", "spm_class"]
    rows = (
        seen.forms[SPM]
        .with_columns(_group=group, _dx=first_possible_day("dx_dt"))
        .sort(*by, "_dx", "record_id")
        .with_columns(
            _text=pl.col("diagnosis_text").shift(1).over(by),
            _when=pl.col("dx_dt").shift(1).over(by),
            _by=last_possible_day("dx_dt").shift(1).over(by),
        )
    )
    again = pl.col("_dx") <= pl.col("_by").dt.offset_by(f"{SAME_EVENT_DAYS}d")
    return broken(
        rows.filter(again),
        SPM,
        "dx_dt",
        told("{} on {}, and {} on {}", "_text", "_when", "diagnosis_text", "dx_dt"),
    )


def _recurrence(seen: Seen) -> pl.LazyFrame:
    prior = (
        seen.forms["on_study"]
        .filter(pl.col("prior_cancer") == "Y")
        .group_by("patient_id")
        .agg(_prior=pl.col("prior_cancer_type").drop_nulls().sort().str.join(", "))
    )
    rows = seen.forms[SPM].join(prior, on="patient_id", how="left")
    named = pl.col("_prior").str.to_lowercase()
    same_site = [
        (pl.col("spm_group") == group) & named.str.contains(words) for group, words in SITE_OF_GROUP.items()
    ]
    same_skin = pl.col("spm_class").is_in(SKIN_CANCER) & named.str.contains(BASAL_OR_SQUAMOUS)
    question = pl.any_horizontal(pl.col("same_primary_before") == "Y", same_skin, *same_site)
    return broken(
        rows.filter(question),
        SPM,
        "same_primary_before",
        told("{}, recurrence {}, prior cancer {}", "diagnosis_text", "same_primary_before", "_prior"),
    )


def _answers(seen: Seen) -> pl.LazyFrame:
    answers = seen.forms[SPMQ].with_columns(_asked=first_possible_day("questionnaire_dt"))
    cancers = seen.forms[SPM]
    no_form = answers.filter(pl.col("any_new_cancer") == "Y").join(cancers, on="patient_id", how="anti")
    # The round after a diagnosis, once it is answered, must tell of it.
    next_round = (
        cancers.join(answers.select("patient_id", "round", "_asked", "any_new_cancer"), on="patient_id")
        .filter(pl.col("_asked") >= last_possible_day("dx_dt"))
        .sort("record_id", "_asked", "round")
        .unique("record_id", keep="first", maintain_order=True)
    )
    return pl.concat(
        [
            broken(
                no_form,
                SPMQ,
                "any_new_cancer",
                told("new cancer in round {}, no form on a new primary cancer", "round"),
            ),
            broken(
                next_round.filter(pl.col("any_new_cancer") == "N"),
                SPM,
                None,
                told("{} on {}, no new cancer in round {}", "diagnosis_text", "dx_dt", "round"),
            ),
        ]
    )


def _not_asked(seen: Seen) -> pl.LazyFrame:
    answers = seen.forms[SPMQ]
    rounds = (
        answers.filter(pl.col("round") <= ROUNDS)
        .group_by("round")
        .agg(_held=last_possible_day("questionnaire_dt").max())
    )
    missing = (
        seen.forms["randomization"]
        .join(deaths(seen), on="patient_id", how="left")
        .join(rounds, how="cross")
        .filter((pl.col("died") > pl.col("_held")).fill_null(True))
        .join(answers, on=["patient_id", "round"], how="anti")
        .group_by("patient_id", "site_code")
        .agg(_rounds=pl.col("round").sort().cast(pl.String).str.join(", "))
        .with_columns(record_id=pl.lit(None, pl.String), record_version=pl.lit(None, pl.Int64))
    )
    return broken(missing, SPMQ, None, told("no answer in round {}", "_rounds"))


SECOND_CANCER: tuple[EditCheck, ...] = (
    EditCheck(
        "EC129",
        (SPM, "randomization"),
        "the diagnosis is after randomization, else it is history",
        "query",
        "Please check the date of diagnosis; a cancer before randomization belongs to the history.",
        find=_before_randomisation,
    ),
    EditCheck(
        "EC130",
        (SPM,),
        "basal- or squamous-cell cancer of the skin is classed as such: it is listed and not counted",
        "warn",
        "Please check the class of the cancer.",
        find=where(
            SPM,
            pl.col("diagnosis_text").str.contains(BASAL_OR_SQUAMOUS)
            & ~pl.col("spm_class").is_in(SKIN_CANCER),
            "spm_class",
            told("{} classed as {}", "diagnosis_text", "spm_class"),
        ),
    ),
    EditCheck(
        "EC131",
        (SPM, "randomization", "disease_assessment", "follow_up"),
        "the diagnosis is not after progression, else it is out of event-free survival and incidence",
        "warn",
        "For information: the cancer was diagnosed after progression.",
        find=_after_progression,
    ),
    EditCheck(
        "EC132",
        (SPM,),
        f"diagnoses of one group (AML and MDS are one) are more than {SAME_EVENT_DAYS} days apart",
        "query",
        "Please say whether both forms report one cancer.",
        find=_reported_twice,
    ),
    EditCheck(
        "EC133",
        (SPM, "on_study"),
        "the cancer is no recurrence of an earlier one, of which the patient's history knows the site",
        "query",
        "Please say whether the cancer is new or the earlier one come back.",
        find=_recurrence,
    ),
    EditCheck(
        "EC134",
        (SPM,),
        "the cancer is confirmed by histology and invasive",
        "query",
        "Please send the pathology report, and say whether the cancer is invasive.",
        find=where(
            SPM,
            (pl.col("histology_confirmed") != "Y") | (pl.col("invasive") != "Y"),
            "invasive",
            told("confirmed by histology {}, invasive {}", "histology_confirmed", "invasive"),
        ),
    ),
    EditCheck(
        "EC135",
        (SPMQ, SPM),
        "a new cancer told in a questionnaire has a form, and a form's cancer is told in the next one",
        "query",
        "Please send the form on the new primary cancer, or correct the questionnaire.",
        find=_answers,
    ),
    EditCheck(
        "EC136",
        (SPMQ, "randomization", "death"),
        f"every randomized living patient has an answer in rounds 1 to {ROUNDS}, once one of them has come",
        "warn",
        "Please send the questionnaire.",
        find=_not_asked,
    ),
)
