"""Edit checks: adverse events (EC092 to EC104).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`), the dictionary of terms.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.edit_checks import broken, told, where
from pipeline.studies.calgb_100104.dictionaries import (
    CATEGORY_OF_TERM,
    CTCAE_GRADES,
    CTCAE_OTHER_WORDS,
    CTCAE_TERM,
    coded,
)
from pipeline.studies.calgb_100104.edit_checks.facts import OVERDUE, SKIN_CANCER, deaths, randomised
from pipeline.study import EditCheck, Seen

AE = "adverse_events"
TERM = coded("ctcae_term", CTCAE_TERM)
WORDS = coded("ctcae_term", {})
FREE_TEXT = pl.col("ctcae_category").eq_missing(pl.lit("OTHER SPECIFY"))
NEOPLASMS = ("SECONDARY MALIGNANCY - POSSIBLY RELATED TO CANCER TREATMENT", "MYELODYSPLASIA")


def _terms(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[AE]
    other_words = WORDS.is_in(list(CTCAE_OTHER_WORDS)) & ~FREE_TEXT
    category = TERM.replace_strict(CATEGORY_OF_TERM, default=None)
    misplaced = ~WORDS.is_in(list(CTCAE_OTHER_WORDS)) & (pl.col("ctcae_category") != category)
    return pl.concat(
        [
            broken(
                rows.filter(other_words),
                AE,
                "ctcae_term",
                told('"{}" is not the wording of version 3.0, which is {}', "ctcae_term", TERM),
            ),
            broken(
                rows.filter(misplaced),
                AE,
                "ctcae_category",
                told("{} is under {}, not {}", "ctcae_term", category, "ctcae_category"),
            ),
        ]
    )


def _impossible_grade() -> pl.Expr:
    lowest = TERM.replace_strict({term: g[0] for term, g in CTCAE_GRADES.items()}, default=1)
    highest = TERM.replace_strict({term: g[1] for term, g in CTCAE_GRADES.items()}, default=5)
    return (pl.col("grade") > 0) & ~pl.col("grade").is_between(lowest, highest)


def _fatal_grade(seen: Seen) -> pl.LazyFrame:
    # Without an end the death only must not come before the start.
    same_day = (
        pl.when(pl.col("end_dt").is_not_null())
        .then(
            (first_possible_day("end_dt") <= pl.col("died_by"))
            & (pl.col("died") <= last_possible_day("end_dt"))
        )
        .otherwise(first_possible_day("start_dt") <= pl.col("died_by"))
    )
    complete = (pl.col("outcome") == "FATAL") & (pl.col("serious") == "Y") & same_day
    rows = seen.forms[AE].filter(pl.col("grade") == 5).join(deaths(seen), on="patient_id", how="left")
    words = "grade 5 from {} to {}, outcome {}, serious {}, death {}"
    return broken(
        rows.filter(~complete.fill_null(False)),
        AE,
        "grade",
        told(words, "start_dt", "end_dt", "outcome", "serious", "died"),
    )


def _fatal_outcome(seen: Seen) -> pl.LazyFrame:
    events = seen.forms[AE]
    grade_5 = events.filter(pl.col("grade") == 5).select("patient_id")
    by_treatment = seen.forms["death"].filter(pl.col("cause") == "TREATMENT")
    return pl.concat(
        [
            broken(
                events.filter(pl.col("outcome") == "FATAL", pl.col("grade") != 5),
                AE,
                "grade",
                told("outcome FATAL with grade {}", "grade"),
            ),
            broken(
                by_treatment.join(grade_5, on="patient_id", how="anti"),
                "death",
                "cause",
                pl.lit("cause TREATMENT, no adverse event of grade 5"),
            ),
        ]
    )


def _before_consent(seen: Seen) -> pl.LazyFrame:
    consent = (
        seen.forms["registration"]
        .group_by("patient_id")
        .agg(consented=first_possible_day("consent_dt").min())
    )
    rows = seen.forms[AE].join(consent, on="patient_id")
    return broken(
        rows.filter(last_possible_day("start_dt") < pl.col("consented")),
        AE,
        "start_dt",
        told("start {}, consent {}", "start_dt", "consented"),
    )


def _before_randomisation(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[AE].join(randomised(seen), on="patient_id")
    return broken(
        rows.filter(last_possible_day("start_dt") < pl.col("randomised")),
        AE,
        "start_dt",
        told("start {}, randomization {}", "start_dt", "randomised"),
    )


def _overlapping(seen: Seen) -> pl.LazyFrame:
    """Rows of a term that start while an earlier one surely lasts; of a row without an end only its start."""
    by = ["patient_id", "_term"]
    start = last_possible_day("start_dt")
    end = pl.when(pl.col("ongoing") == "Y").then(pl.lit(seen.date)).otherwise(start)
    rows = (
        seen.forms[AE]
        .filter(pl.col("grade").ne_missing(0))
        .with_columns(
            _term=TERM,
            _from=start,
            _to=pl.coalesce(first_possible_day("end_dt"), end),
        )
        .filter(pl.col("_from") <= pl.col("_to"))
        .sort(*by, "_from", "record_id")
        .with_columns(_until=pl.col("_to").cum_max().shift(1).over(by))
    )
    earlier = pl.when(pl.col("_until") < seen.date).then(told("lasts to {}", "_until"))
    found = told(
        "{}, while an earlier row {}",
        told("{} grade {} from {} to {}", "_term", "grade", "start_dt", "end_dt"),
        earlier.otherwise(pl.lit("goes on")),
    )
    return broken(rows.filter(pl.col("_from") <= pl.col("_until")), AE, "start_dt", found)


def _dose_not_changed(seen: Seen) -> pl.LazyFrame:
    cycles = (
        seen.forms["treatment_dose"]
        .group_by("patient_id", "cycle_no")
        .agg(changed=(pl.col("modification") != "NONE").any())
    )
    before = cycles.select("patient_id", cycle_no=pl.col("cycle_no") - 1, changed_next="changed")
    rows = (
        seen.forms[AE]
        .filter(pl.col("action").is_in(["DOSE_REDUCED", "DRUG_HELD"]))
        .join(cycles, on=["patient_id", "cycle_no"])
        .join(before, on=["patient_id", "cycle_no"], how="left")
    )
    unchanged = ~pl.col("changed") & ~pl.col("changed_next").fill_null(False)
    return broken(
        rows.filter(unchanged),
        AE,
        "action",
        told("{} for {}, no modification in cycle {} or the next", "action", "ctcae_term", "cycle_no"),
    )


def _not_stopped(seen: Seen) -> pl.LazyFrame:
    reasons = (
        seen.forms["off_treatment"].group_by("patient_id").agg(pl.col("off_reason").unique().sort())
    ).with_columns(_reasons=pl.col("off_reason").list.join(", "))
    rows = (
        seen.forms[AE].filter(pl.col("action") == "DRUG_STOPPED").join(reasons, on="patient_id", how="left")
    )
    late = first_possible_day("start_dt").dt.offset_by(f"{OVERDUE}d") < seen.date
    said = pl.col("off_reason").list.contains("ADVERSE_EVENT")
    return broken(
        rows.filter((~said).fill_null(late)),
        AE,
        "action",
        told("DRUG_STOPPED for {}, off treatment for {}", "ctcae_term", "_reasons"),
    )


def _neoplasms(seen: Seen) -> pl.LazyFrame:
    cancers = seen.forms["new_primary_cancer"]
    events = seen.forms[AE].filter(TERM.is_in(NEOPLASMS))
    overdue = pl.lit(seen.date).dt.offset_by(f"-{OVERDUE}d")
    # A grade 3 to 5 event is due with a cancer that counts; basal and squamous skin cancers are only listed.
    no_event = cancers.filter(
        ~pl.col("spm_class").is_in(SKIN_CANCER), last_possible_day("dx_dt") < overdue
    ).join(events, on="patient_id", how="anti")
    no_form = events.filter(last_possible_day("start_dt") < overdue).join(
        cancers, on="patient_id", how="anti"
    )
    return pl.concat(
        [
            broken(
                no_form,
                AE,
                "ctcae_term",
                told('"{}" from {}, no form on a new primary cancer', "ctcae_term", "start_dt"),
            ),
            broken(
                no_event,
                "new_primary_cancer",
                None,
                told("{} on {}, no adverse event of a second malignancy", "diagnosis_text", "dx_dt"),
            ),
        ]
    )


ADVERSE: tuple[EditCheck, ...] = (
    EditCheck(
        "EC092",
        (AE,),
        "the term is worded as in CTCAE version 3.0 and stands in the term's category; other wordings that "
        "the dictionary knows are mapped",
        "query",
        "Please enter the term of CTCAE version 3.0 and its category.",
        find=_terms,
    ),
    EditCheck(
        "EC093",
        (AE,),
        "a term outside CTCAE version 3.0 is one that the dictionary can code, entered under OTHER, SPECIFY",
        "query",
        "Please give the term of CTCAE version 3.0, or describe the event so that it can be coded.",
        find=where(
            AE,
            ~WORDS.is_in(list(CTCAE_TERM)),
            "ctcae_term",
            told('"{}" under {} cannot be coded', "ctcae_term", "ctcae_category"),
        ),
    ),
    EditCheck(
        "EC094",
        (AE,),
        "the grade is 1 to 5 (0: asked for and absent) and exists for the term",
        "query",
        "Please correct the grade or the term.",
        find=where(AE, _impossible_grade(), "grade", told("{} with grade {}", "ctcae_term", "grade")),
        door=(f"{AE}:grade_isin",),
    ),
    EditCheck(
        "EC095",
        (AE, "death"),
        "an event of grade 5 has the outcome FATAL, is serious, and ends on the day of the death form",
        "query",
        "Please correct the event, or send the death form.",
        find=_fatal_grade,
    ),
    EditCheck(
        "EC096",
        (AE, "death"),
        "an event with outcome FATAL has grade 5, and so has an event of a patient who died of treatment",
        "query",
        "Please correct the grade, the outcome or the cause of death.",
        find=_fatal_outcome,
    ),
    EditCheck(
        "EC097",
        (AE,),
        "the event does not end before it starts, and has no end while it goes on",
        "query",
        "Please correct the start, the end, or whether the event goes on.",
        find=where(
            AE,
            (last_possible_day("end_dt") < first_possible_day("start_dt"))
            | ((pl.col("ongoing") == "Y") & pl.col("end_dt").is_not_null()),
            "end_dt",
            told("start {}, end {}, ongoing {}", "start_dt", "end_dt", "ongoing"),
        ),
    ),
    EditCheck(
        "EC098",
        (AE, "registration"),
        "the event does not start before consent",
        "query",
        "Please check the start of the event and the date of consent.",
        find=_before_consent,
    ),
    EditCheck(
        "EC099",
        (AE, "randomization"),
        "the event starts after randomization, else it is not treatment-emergent and not in Table 2",
        "warn",
        "For information: the event started before randomization.",
        find=_before_randomisation,
    ),
    EditCheck(
        "EC100",
        (AE,),
        "rows of one term and patient do not overlap",
        "query",
        "Please merge the rows into one event, or correct the dates.",
        find=_overlapping,
    ),
    EditCheck(
        "EC101",
        (AE,),
        "an event of grade 3 or more has an attribution",
        "query",
        "Please give the attribution to study drug.",
        find=where(
            AE,
            (pl.col("grade") >= 3) & pl.col("attribution").is_null(),
            "attribution",
            told("{} grade {} without attribution", "ctcae_term", "grade"),
        ),
    ),
    EditCheck(
        "EC102",
        (AE, "treatment_dose"),
        "a dose held or reduced for an event is a modification of that cycle or the next",
        "query",
        "Please correct the action taken, or the dosing of the cycle.",
        find=_dose_not_changed,
    ),
    EditCheck(
        "EC103",
        (AE, "off_treatment"),
        f"drug stopped for an event: an off-treatment form says ADVERSE_EVENT, within {OVERDUE} days",
        "query",
        "Please correct the action taken or the reason off treatment, or send the off-treatment form.",
        find=_not_stopped,
    ),
    EditCheck(
        "EC104",
        (AE, "new_primary_cancer"),
        "an event of a second malignancy has a form on a new primary cancer, and a cancer (but basal and "
        f"squamous skin cancer) has such an event, within {OVERDUE} days",
        "query",
        "Please send the form on the new primary cancer, or report the adverse event.",
        find=_neoplasms,
    ),
)
