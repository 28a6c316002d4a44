"""Edit checks: contacts, subsequent therapy, death and crossover (EC119 to EC128, EC137 to EC140).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`), second cancers.
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.edit_checks import broken, told, where
from pipeline.studies.calgb_100104.design import UNBLINDING
from pipeline.studies.calgb_100104.edit_checks.facts import (
    OVERDUE,
    deaths,
    progression,
    progressions,
)
from pipeline.study import EditCheck, Seen

FU, RX, DEATH, XOVER = "follow_up", "subsequent_therapy", "death", "crossover"
CONTACT_MONTHS = 12
REPORTS_APART_DAYS = 60
"""Two reports of one progression may differ by so much (clinical rules 2.3)."""
ELIGIBLE_AT_RELEASE, CROSSED_OVER = 128, 86
"""Of the placebo group; the paper's counts, which the synthetic trial is made to have."""


def _alive_or_dead(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[FU].join(deaths(seen), on="patient_id", how="left")
    no_form = (pl.col("vital_status") == "DEAD") & pl.col("died").is_null()
    after = (pl.col("vital_status") == "ALIVE") & (first_possible_day("contact_dt") > pl.col("died_by"))
    return broken(
        rows.filter(no_form | after),
        FU,
        "vital_status",
        told("{} on {}, death {}", "vital_status", "contact_dt", "died_by"),
    )


def _seen_after_death(seen: Seen) -> pl.LazyFrame:
    def latest(form: str, date: str, *rows: pl.Expr) -> pl.LazyFrame:
        return (
            seen.forms[form]
            .filter(*rows)
            .select("patient_id", what=pl.lit(form), day=first_possible_day(date))
        )

    dosed = (pl.col("capsule_dose") > 0) & (pl.col("days_taken") > 0)
    last = (
        pl.concat(
            [
                latest(FU, "contact_dt", pl.col("vital_status") != "DEAD"),
                latest("labs", "collection_dt"),
                latest("treatment_dose", "cycle_start_dt", dosed),
                latest("off_treatment", "last_dose_dt"),
            ]
        )
        .drop_nulls("day")
        .group_by("patient_id")
        .agg(pl.col("day").max(), pl.col("what").sort_by("day", "what").last())
    )
    rows = seen.forms[DEATH].join(last, on="patient_id")
    return broken(
        rows.filter(last_possible_day("death_dt") < pl.col("day")),
        DEATH,
        "death_dt",
        told("death {}, but {} on {}", "death_dt", "what", "day"),
    )


def _contacts_in_order(seen: Seen) -> pl.LazyFrame:
    """Forms stand in the order in which they were completed; contacts must follow it."""
    rows = (
        seen.forms[FU]
        .with_columns(
            _completed=first_possible_day("completed_dt"), _contact=first_possible_day("contact_dt")
        )
        .sort("patient_id", "_completed", "received_dt", "record_id")
        .with_columns(_before=pl.col("_contact").cum_max().shift(1).over("patient_id"))
    )
    return broken(
        rows.filter(last_possible_day("contact_dt") < pl.col("_before")),
        FU,
        "contact_dt",
        told("contact {} on a form of {}, after contact {}", "contact_dt", "completed_dt", "_before"),
    )


def _no_contact(seen: Seen) -> pl.LazyFrame:
    ended = pl.any_horizontal(
        pl.col("lost_to_fu") == "Y", pl.col("consent_withdrawn") == "Y", pl.col("vital_status") == "DEAD"
    ).fill_null(False)
    contacts = (
        seen.forms[FU]
        .group_by("patient_id")
        .agg(_last=last_possible_day("contact_dt").max(), _ended=ended.any())
    )
    patients = (
        seen.forms["randomization"]
        .join(contacts, on="patient_id", how="left")
        .join(seen.forms[DEATH], on="patient_id", how="anti")
        .with_columns(
            _last=pl.max_horizontal("_last", "randomization_dt"),
            record_id=pl.lit(None, pl.String),
            record_version=pl.lit(None, pl.Int64),
        )
    )
    missing = pl.col("_last").dt.offset_by(f"{CONTACT_MONTHS}mo") < seen.date
    return broken(
        patients.filter(missing & ~pl.col("_ended").fill_null(False)),
        FU,
        None,
        told("no contact since {}", "_last"),
    )


def _told_progression(seen: Seen) -> pl.LazyFrame:
    assessed = progressions(seen).filter(pl.col("source") == "disease_assessment")
    told_on = pl.coalesce("progression_dt", "contact_dt")
    rows = (
        seen.forms[FU]
        .filter(pl.col("progression_since_last") == "Y")
        .with_columns(_told=told_on)
        .with_columns(_first=first_possible_day("_told"), _last=last_possible_day("_told"))
    )
    days = f"{REPORTS_APART_DAYS}d"
    near = (
        rows.join(assessed, on="patient_id")
        .filter(
            pl.col("_first") <= pl.col("pd_last").dt.offset_by(days),
            pl.col("pd_first") <= pl.col("_last").dt.offset_by(days),
        )
        .select("record_id")
    )
    other = assessed.group_by("patient_id").agg(_assessed=pl.col("pd_dt").sort().str.join(", "))
    return broken(
        rows.join(near, on="record_id", how="anti").join(other, on="patient_id", how="left"),
        FU,
        "progression_dt",
        told("progression {}, on assessment forms {}", "_told", "_assessed"),
    )


def _new_therapy(seen: Seen) -> pl.LazyFrame:
    therapy = seen.forms[RX]
    contacts = seen.forms[FU]
    no_rows = contacts.filter(pl.col("new_therapy") == "Y").join(therapy, on="patient_id", how="anti")
    said = contacts.group_by("patient_id").agg(
        _last=first_possible_day("contact_dt").max(), _said=(pl.col("new_therapy") == "Y").any()
    )
    # Only a contact after the therapy began can tell of it.
    untold = (
        therapy.join(said, on="patient_id")
        .filter(~pl.col("_said"), last_possible_day("start_dt") < pl.col("_last"))
        .sort("patient_id", "line_no", "record_id")
        .unique("patient_id", keep="first", maintain_order=True)
    )
    return pl.concat(
        [
            broken(
                no_rows,
                FU,
                "new_therapy",
                told("new therapy by {}, no form on subsequent therapy", "contact_dt"),
            ),
            broken(
                untold,
                RX,
                None,
                told("{} from {}, no follow-up form with new therapy", "agent", "start_dt"),
            ),
        ]
    )


def _therapy(seen: Seen) -> pl.LazyFrame:
    infused = seen.forms["transplant"].group_by("patient_id").agg(_infused=pl.col("infusion_dt").min())
    rows = seen.forms[RX]
    early = rows.join(infused, on="patient_id").filter(last_possible_day("start_dt") <= pl.col("_infused"))
    unproven = rows.join(progressions(seen), on="patient_id", how="anti")
    return pl.concat(
        [
            broken(early, RX, "start_dt", told("{} from {}, transplant {}", "agent", "start_dt", "_infused")),
            broken(unproven, RX, None, told("{} from {}, no progression reported", "agent", "start_dt")),
        ]
    )


def _one_death(seen: Seen) -> pl.LazyFrame:
    """The first form received stands; a further one is set aside until it is known which is right."""
    rows = (
        seen.forms[DEATH]
        .sort("patient_id", "received_dt", "record_id")
        .with_columns(
            _first=pl.col("death_dt").first().over("patient_id"),
            _no=pl.int_range(pl.len()).over("patient_id"),
        )
    )
    return pl.concat(
        [
            broken(
                rows.filter(pl.col("_no") > 0),
                DEATH,
                "death_dt",
                told("death {}, another form says {}", "death_dt", "_first"),
            ),
            broken(rows.filter(pl.col("cause").is_null()), DEATH, "cause", pl.lit("no cause of death")),
        ]
    )


def _of_myeloma(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[DEATH].filter(pl.col("cause") == "MYELOMA")
    return broken(
        rows.join(progressions(seen), on="patient_id", how="anti"),
        DEATH,
        "cause",
        told("died of {} on {}, no progression reported", "cause", "death_dt"),
    )


def _not_eligible(seen: Seen) -> pl.LazyFrame:
    rows = (
        seen.forms[XOVER]
        .filter(pl.col("declined") == "N")
        .join(progression(seen), on="patient_id", how="left")
        .join(deaths(seen), on="patient_id", how="left")
    )
    reasons = [
        (pl.col("pd_before") == "Y") | (pl.col("progressed") < pl.col("crossover_reg_dt")),
        pl.col("died_by") <= UNBLINDING,
    ]
    if "treatment_codes" in seen.forms:
        codes = seen.forms["treatment_codes"].select("randomization_no", "arm")
        numbers = seen.forms["randomization"].select("patient_id", "randomization_no").unique("patient_id")
        rows = rows.join(numbers.join(codes, on="randomization_no"), on="patient_id", how="left")
        reasons.append(pl.col("arm") != "PLACEBO")
    words = "crossover {}, progression before: {}, progression {}, death {}"
    return broken(
        rows.filter(pl.any_horizontal(reasons)),
        XOVER,
        "crossover_reg_dt",
        told(words, "crossover_reg_dt", "pd_before", "progressed", "died_by"),
    )


def _no_open_label(seen: Seen) -> pl.LazyFrame:
    open_label = seen.forms["treatment_dose"].filter(pl.col("treatment_phase") == "OPEN_LABEL_LEN")
    last = open_label.group_by("patient_id").agg(_open=last_possible_day("cycle_start_dt").max())
    rows = seen.forms[XOVER].filter(pl.col("declined") == "N").join(last, on="patient_id", how="left")
    first = first_possible_day("first_len_dt")
    # The form of the first cycle is given time to arrive; a cycle from before is wrong at once.
    overdue = first.dt.offset_by(f"{OVERDUE}d") < seen.date
    return broken(
        rows.filter((pl.col("_open") < first).fill_null(overdue)),
        XOVER,
        "first_len_dt",
        told("lenalidomide from {}, last open-label cycle {}", "first_len_dt", "_open"),
    )


def _counts_at_release(seen: Seen) -> pl.LazyFrame:
    """One row on the study when the counts are not the paper's."""
    codes = seen.forms["treatment_codes"].filter(pl.col("arm") == "PLACEBO")
    placebo = seen.forms["randomization"].join(codes, on="randomization_no", how="semi")
    known = placebo.join(progression(seen), on="patient_id", how="left").join(
        deaths(seen), on="patient_id", how="left"
    )
    gone = (pl.col("progressed") <= UNBLINDING) | (pl.col("died_by") <= UNBLINDING)
    crossed = seen.forms[XOVER].filter(pl.col("declined") == "N").select(pl.col("patient_id").n_unique())
    counts = pl.concat(
        [known.select(eligible=(~gone.fill_null(False)).sum()), crossed.select(crossed="patient_id")],
        how="horizontal",
    )
    other = (pl.col("eligible") != ELIGIBLE_AT_RELEASE) | (pl.col("crossed") != CROSSED_OVER)
    nobody = [pl.lit(None, pl.String).alias(name) for name in ("record_id", "patient_id", "site_code")]
    rows = counts.filter(other, pl.lit(seen.date > UNBLINDING)).with_columns(
        *nobody, record_version=pl.lit(None, pl.Int64)
    )
    return broken(rows, XOVER, None, told("{} eligible, {} crossed over", "eligible", "crossed"))


FOLLOW_UP: tuple[EditCheck, ...] = (
    EditCheck(
        "EC119",
        (FU, DEATH),
        "a patient reported dead has a death form; nobody is alive after the date of death",
        "query",
        "Please check the vital status and date of contact, or send the death form.",
        find=_alive_or_dead,
    ),
    EditCheck(
        "EC120",
        (DEATH, FU, "labs", "treatment_dose", "off_treatment"),
        "death is not before the last contact alive, laboratory test or dose",
        "query",
        "Please check the date of death.",
        find=_seen_after_death,
    ),
    EditCheck(
        "EC121",
        (FU,),
        "a contact is not earlier than that of a form completed before",
        "warn",
        "Please check the date of contact.",
        find=_contacts_in_order,
    ),
    EditCheck(
        "EC122",
        (FU, "randomization", DEATH),
        f"a living patient, neither lost nor withdrawn, had a contact in the last {CONTACT_MONTHS} months",
        "query",
        "Please contact the patient and send the follow-up form.",
        find=_no_contact,
    ),
    EditCheck(
        "EC123",
        (FU, "disease_assessment"),
        "a progression told at follow-up stands on an assessment form, with a date at most "
        f"{REPORTS_APART_DAYS} days apart",
        "query",
        "Please send the disease assessment, or check the dates of progression.",
        find=_told_progression,
    ),
    EditCheck(
        "EC124",
        (FU,),
        "the last disease assessment is not after the contact",
        "query",
        "Please check the dates of contact and of the last disease assessment.",
        find=where(
            FU,
            first_possible_day("last_disease_assess_dt") > last_possible_day("contact_dt"),
            "last_disease_assess_dt",
            told("assessed {}, contact {}", "last_disease_assess_dt", "contact_dt"),
        ),
    ),
    EditCheck(
        "EC125",
        (FU, RX),
        "new therapy told at follow-up has a form, and a therapy is told at a later contact",
        "query",
        "Please send the form on subsequent therapy, or correct the follow-up form.",
        find=_new_therapy,
    ),
    EditCheck(
        "EC126",
        (RX, "transplant", "disease_assessment", FU),
        "subsequent therapy starts after the transplant, in a patient with a progression",
        "query",
        "Please check the start of the therapy, or report the progression.",
        find=_therapy,
    ),
    EditCheck(
        "EC127",
        (DEATH,),
        "there is one death form for a patient, with a cause",
        "reject",
        "Please say which death form is right and delete the other, or give the cause.",
        find=_one_death,
    ),
    EditCheck(
        "EC128",
        (DEATH, "disease_assessment", FU),
        "who died of myeloma had a progression reported",
        "query",
        "Please report the progression, or check the cause of death.",
        find=_of_myeloma,
    ),
    EditCheck(
        "EC137",
        (XOVER, "randomization", "disease_assessment", FU, DEATH, "treatment_codes"),
        f"who crossed over had no progression before and was alive on {UNBLINDING}, and, where arms may be "
        "known, was assigned to control",
        "query",
        "Please check the patient's eligibility for crossover.",
        find=_not_eligible,
    ),
    EditCheck(
        "EC138",
        (XOVER,),
        f"crossover is registered after {UNBLINDING}; open-label lenalidomide starts on that day or later",
        "query",
        "Please check the dates of crossover and of the first lenalidomide.",
        find=where(
            XOVER,
            (pl.col("crossover_reg_dt") <= UNBLINDING)
            | (last_possible_day("first_len_dt") < pl.col("crossover_reg_dt")),
            "crossover_reg_dt",
            told("crossover {}, first lenalidomide {}", "crossover_reg_dt", "first_len_dt"),
        ),
    ),
    EditCheck(
        "EC139",
        (XOVER, "treatment_dose"),
        f"who crossed over has open-label cycles from the first lenalidomide on, within {OVERDUE} days",
        "query",
        "Please send the open-label cycles, or check the date of the first lenalidomide.",
        find=_no_open_label,
    ),
    EditCheck(
        "EC140",
        (XOVER, "randomization", "disease_assessment", FU, DEATH, "treatment_codes"),
        f"of the control group {ELIGIBLE_AT_RELEASE} were alive without progression on {UNBLINDING}, and "
        f"{CROSSED_OVER} crossed over thereafter",
        "warn",
        "For information: the counts at release differ from the paper's.",
        find=_counts_at_release,
        needs_arms=True,
    ),
)
