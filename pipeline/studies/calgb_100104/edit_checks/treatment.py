"""Edit checks: study capsules and the end of treatment (EC105 to EC118).

What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`), among them the dose above 15 mg.
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
    randomised,
)
from pipeline.study import EditCheck, Seen

DOSE, OFF = "treatment_dose", "off_treatment"
STARTING_DOSE, HIGHEST_DOSE, LOWEST_DOSE, STEP = 10, 15, 5, 5
BY_COUNTS = ("NEUTROPENIA", "THROMBOCYTOPENIA")
LOW_ANC, LOW_PLATELETS = 0.5, 30
"""10^9/L: below, treatment is held."""
CYCLES_BEFORE_15 = 3
DAYS_BEFORE_15 = 77
"""About 84 days: visits move by a week."""
FIRST_CYCLE_DAYS = 30
LAST_DOSE_DAYS = 7
OFF_AFTER_PROGRESSION_DAYS = 60

START_FIRST, START_LAST = first_possible_day("cycle_start_dt"), last_possible_day("cycle_start_dt")
END_FIRST, END_LAST = first_possible_day("cycle_end_dt"), last_possible_day("cycle_end_dt")
GIVEN = (pl.col("capsule_dose") > 0) & (pl.col("days_taken") > 0)


def _cycles(seen: Seen) -> pl.LazyFrame:
    return seen.forms[DOSE].sort("patient_id", "cycle_no", "record_id")


def _previous(column: str | pl.Expr) -> pl.Expr:
    """The value in the patient's row before; rows are sorted by patient and cycle."""
    return (pl.col(column) if isinstance(column, str) else column).shift(1).over("patient_id")


def _following(column: str | pl.Expr) -> pl.Expr:
    return (pl.col(column) if isinstance(column, str) else column).shift(-1).over("patient_id")


def _wrong_start() -> pl.Expr:
    low_for_reason = (pl.col("capsule_dose") < STARTING_DOSE) & pl.col("mod_reason").is_in(
        [*BY_COUNTS, "OTHER"]
    )
    first = (pl.col("cycle_no") == 1) & (pl.col("treatment_phase") == "BLINDED")
    return first & GIVEN & (pl.col("capsule_dose") != STARTING_DOSE) & ~low_for_reason.fill_null(False)


def _raised(seen: Seen) -> pl.LazyFrame:
    """Rows in which the dose first reaches 15 mg after a lower one; `_since` is the first cycle's start."""
    since = START_FIRST.min().over("patient_id")
    rows = _cycles(seen).filter(GIVEN).with_columns(_since=since, _before=_previous("capsule_dose"))
    return rows.filter(pl.col("capsule_dose") == HIGHEST_DOSE, pl.col("_before") < HIGHEST_DOSE)


def _raised_early(seen: Seen) -> pl.LazyFrame:
    rows = _raised(seen)
    early = (pl.col("cycle_no") <= CYCLES_BEFORE_15) | (
        pl.col("_since").dt.offset_by(f"{DAYS_BEFORE_15}d") > START_LAST
    )
    toxicity = (
        seen.forms["adverse_events"]
        .filter(pl.col("grade").is_in([3, 4]), pl.col("attribution") >= 3)
        .select(
            "patient_id",
            "ctcae_term",
            "grade",
            _onset=last_possible_day("start_dt"),
            _over=pl.when(pl.col("ongoing") == "Y")
            .then(pl.lit(seen.date))
            .otherwise(first_possible_day("end_dt")),
        )
    )
    during = (
        rows.join(toxicity, on="patient_id")
        .filter(pl.col("_onset") < START_FIRST, pl.col("_over") > START_LAST)
        .sort("record_id", "record_version", "_onset", "ctcae_term")
        .unique(["record_id", "record_version"], keep="first", maintain_order=True)
    )
    return pl.concat(
        [
            broken(
                rows.filter(early),
                DOSE,
                "capsule_dose",
                told("15 mg from cycle {}, {}, first dose {}", "cycle_no", "cycle_start_dt", "_since"),
            ),
            broken(
                during,
                DOSE,
                "capsule_dose",
                told("15 mg from {} during {} grade {}", "cycle_start_dt", "ctcae_term", "grade"),
            ),
        ]
    )


def _not_held(seen: Seen) -> pl.LazyFrame:
    held = pl.col("modification").is_in(["HELD", "OFF"]) | (pl.col("capsule_dose") == 0)
    low = (pl.col("anc_nadir") < LOW_ANC) | (pl.col("plt_nadir") < LOW_PLATELETS)
    rows = _cycles(seen).with_columns(_held=held | _following(held).fill_null(False))
    return broken(
        rows.filter(low & ~pl.col("_held")),
        DOSE,
        "modification",
        told(
            "neutrophils {}, platelets {}, dose {} mg for {} days, modification {}",
            "anc_nadir", "plt_nadir", "capsule_dose", "days_taken", "modification",
        ),
    )  # fmt: skip


def _wrong_restart(seen: Seen) -> pl.LazyFrame:
    """The dose of the first cycle after a hold for counts, unless another phase begins with it."""
    given = pl.when(pl.col("capsule_dose") > 0).then("capsule_dose")
    rows = _cycles(seen).with_columns(
        _given=_previous(given.forward_fill().over("patient_id")),
        _held=_previous((pl.col("modification") == "HELD") & pl.col("mod_reason").is_in(BY_COUNTS)),
        _phase=_previous("treatment_phase"),
    )
    restart = pl.col("_held") & (pl.col("capsule_dose") > 0) & (pl.col("treatment_phase") == pl.col("_phase"))
    at_lowest = pl.col("_given") <= LOWEST_DOSE
    right = (
        pl.when(at_lowest)
        .then((pl.col("capsule_dose") == LOWEST_DOSE) & (pl.col("schedule") == "D1-21"))
        .otherwise(pl.col("capsule_dose") == pl.col("_given") - STEP)
    )
    words = "held at {} mg, restarted at {} mg, {}"
    return broken(
        rows.filter(restart & ~right),
        DOSE,
        "capsule_dose",
        told(words, "_given", "capsule_dose", "schedule"),
    )


def _first_cycle(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[DOSE].filter(pl.col("cycle_no") == 1).join(randomised(seen), on="patient_id")
    latest = pl.col("randomised").dt.offset_by(f"{FIRST_CYCLE_DAYS}d")
    return broken(
        rows.filter((pl.col("randomised") > START_LAST) | (latest < START_FIRST)),
        DOSE,
        "cycle_start_dt",
        told("cycle 1 starts {}, randomization {}", "cycle_start_dt", "randomised"),
    )


def _overlapping_cycles(seen: Seen) -> pl.LazyFrame:
    rows = _cycles(seen).with_columns(
        _no=_previous("cycle_no"), _end=_previous("cycle_end_dt"), _end_first=_previous(END_FIRST)
    )
    return broken(
        rows.filter((pl.col("cycle_no") == pl.col("_no")) | (pl.col("_end_first") >= START_LAST)),
        DOSE,
        "cycle_start_dt",
        told("cycle {} starts {}, cycle {} ends {}", "cycle_no", "cycle_start_dt", "_no", "_end"),
    )


def _amounts() -> tuple[pl.Expr, pl.Expr]:
    longest = (END_LAST - START_FIRST).dt.total_days() + 1
    total = pl.col("capsule_dose") * pl.col("days_taken")
    return pl.col("days_taken") > longest, pl.col("total_dose") != total


def _amount(seen: Seen) -> pl.LazyFrame:
    too_long, other_total = _amounts()
    rows = seen.forms[DOSE]
    return pl.concat(
        [
            broken(
                rows.filter(too_long),
                DOSE,
                "days_taken",
                told("{} days from {} to {}", "days_taken", "cycle_start_dt", "cycle_end_dt"),
            ),
            broken(
                rows.filter(other_total),
                DOSE,
                "total_dose",
                told("{} mg for {} days, total {} mg", "capsule_dose", "days_taken", "total_dose"),
            ),
        ]
    )


def _crossed(seen: Seen) -> pl.LazyFrame:
    """Patients who crossed over: patient_id, first_len (a date)."""
    return (
        seen.forms["crossover"]
        .filter(pl.col("declined") == "N")
        .group_by("patient_id")
        .agg(first_len=first_possible_day("first_len_dt").min())
    )


def _with_part(rows: pl.LazyFrame, open_label: pl.Expr, seen: Seen) -> pl.LazyFrame:
    """Add `part`: CROSSOVER for the open-label rows of patients who crossed over, else BLINDED.

    Patients assigned to lenalidomide who go on open-label still end the phase BLINDED.
    """
    crossed = _crossed(seen).select("patient_id", _crossed=pl.lit(True))
    part = pl.when(open_label & pl.col("_crossed").fill_null(False)).then(pl.lit("CROSSOVER"))
    return rows.join(crossed, on="patient_id", how="left").with_columns(
        part=part.otherwise(pl.lit("BLINDED"))
    )


def _dosed_after(seen: Seen) -> pl.LazyFrame:
    off = (
        seen.forms[OFF]
        .group_by("patient_id", part="off_phase")
        .agg(_off=last_possible_day("off_treatment_dt").max())
    )
    rows = (
        _with_part(seen.forms[DOSE].filter(GIVEN), pl.col("treatment_phase") == "OPEN_LABEL_LEN", seen)
        .join(off, on=["patient_id", "part"], how="left")
        .join(deaths(seen), on="patient_id", how="left")
        .join(progression(seen), on="patient_id", how="left")
    )
    blinded = pl.when(pl.col("treatment_phase") == "BLINDED").then("progressed")
    after = [end < START_FIRST for end in (pl.col("_off"), pl.col("died_by"), blinded)]
    words = "cycle {} starts {}; off treatment {}, death {}, progression {}"
    return broken(
        rows.filter(pl.any_horizontal(after)),
        DOSE,
        "cycle_start_dt",
        told(words, "cycle_no", "cycle_start_dt", "_off", "died_by", "progressed"),
    )


def _last_dose(seen: Seen) -> pl.LazyFrame:
    open_label = pl.col("treatment_phase") == "OPEN_LABEL_LEN"
    ends = (
        _with_part(seen.forms[DOSE], open_label, seen)
        .group_by("patient_id", "part")
        .agg(_first=END_FIRST.max(), _last=END_LAST.max())
    )
    rows = seen.forms[OFF].join(ends, left_on=["patient_id", "off_phase"], right_on=["patient_id", "part"])
    days = f"{LAST_DOSE_DAYS}d"
    early = last_possible_day("last_dose_dt").dt.offset_by(days) < pl.col("_first")
    late = pl.col("_last").dt.offset_by(days) < first_possible_day("last_dose_dt")
    return broken(
        rows.filter(early | late),
        OFF,
        "last_dose_dt",
        told("last dose {}, last cycle ends {}", "last_dose_dt", "_last"),
    )


def _off_for_progression(seen: Seen) -> pl.LazyFrame:
    off = seen.forms[OFF]
    unproven = off.filter(pl.col("off_reason") == "PROGRESSION").join(
        progressions(seen), on="patient_id", how="anti"
    )
    # A progression after open-label treatment began ends that; the form is given time to arrive.
    still_on = pl.col("progressed").dt.offset_by(f"{OFF_AFTER_PROGRESSION_DAYS + OVERDUE}d") < seen.date
    crossed = _crossed(seen)
    expected = (
        progression(seen)
        .filter(still_on)
        .join(crossed, on="patient_id", how="left")
        .with_columns(
            off_phase=pl.when(pl.col("first_len") <= pl.col("progressed"))
            .then(pl.lit("CROSSOVER"))
            .otherwise(pl.lit("BLINDED"))
        )
    )
    ended = off.group_by("patient_id", "off_phase").agg(_off=first_possible_day("off_treatment_dt").min())
    latest = pl.col("progressed").dt.offset_by(f"{OFF_AFTER_PROGRESSION_DAYS}d")
    late = (
        expected.join(ended, on=["patient_id", "off_phase"], how="left")
        .filter((pl.col("_off") > latest).fill_null(True))
        .join(seen.forms["randomization"], on="patient_id")
        .with_columns(record_id=pl.lit(None, pl.String), record_version=pl.lit(None, pl.Int64))
    )
    return pl.concat(
        [
            broken(
                unproven, OFF, "off_reason", pl.lit("off treatment for PROGRESSION, no progression reported")
            ),
            broken(late, OFF, None, told("progression {}, off treatment {}", "progressed", "_off")),
        ]
    )


def _off_for_death(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms[OFF].filter(pl.col("off_reason") == "DEATH")
    return broken(
        rows.join(seen.forms["death"], on="patient_id", how="anti"),
        OFF,
        "off_reason",
        told("off treatment for DEATH on {}, no death form", "off_treatment_dt"),
    )


TREATMENT: tuple[EditCheck, ...] = (
    EditCheck(
        "EC105",
        (DOSE,),
        "the capsule dose is at most 15 mg",
        "reject",
        "Please correct the dose; 15 mg daily is the highest of the protocol.",
        door=(f"{DOSE}:capsule_dose_less_than_or_equal_to",),
    ),
    EditCheck(
        "EC106",
        (DOSE,),
        "the capsule dose is 0, 5, 10 or 15 mg",
        "query",
        "Please correct the dose.",
        find=where(
            DOSE,
            ~pl.col("capsule_dose").is_in([0.0, 5.0, 10.0, 15.0]),
            "capsule_dose",
            told("{} mg", "capsule_dose"),
        ),
    ),
    EditCheck(
        "EC107",
        (DOSE,),
        "the dose of cycle 1 is 10 mg; lower only for counts or another reason given (renal function)",
        "query",
        "Please confirm the starting dose and give the reason.",
        find=where(
            DOSE,
            _wrong_start(),
            "capsule_dose",
            told("cycle 1 at {} mg, reason {}", "capsule_dose", "mod_reason"),
        ),
    ),
    EditCheck(
        "EC108",
        (DOSE, "adverse_events"),
        f"the dose rises to 15 mg after {CYCLES_BEFORE_15} cycles, at least {DAYS_BEFORE_15} days after the "
        "first, and not during a related event of grade 3 or 4",
        "query",
        "Please confirm the dose and the date of its rise.",
        find=_raised_early,
    ),
    EditCheck(
        "EC109",
        (DOSE,),
        "neutrophils below 0.5 or platelets below 30 x 10^9/L: held or stopped in that cycle or the next",
        "query",
        "Please check the counts, and whether the drug was held.",
        find=_not_held,
    ),
    EditCheck(
        "EC110",
        (DOSE,),
        "after a hold for counts the dose is the next lower one, after 5 mg daily 5 mg on days 1 to 21",
        "query",
        "Please check the dose after the hold.",
        find=_wrong_restart,
    ),
    EditCheck(
        "EC111",
        (DOSE, "randomization"),
        f"cycle 1 starts on the day of randomization or up to {FIRST_CYCLE_DAYS} days later",
        "query",
        "Please check the start of cycle 1.",
        find=_first_cycle,
    ),
    EditCheck(
        "EC112",
        (DOSE,),
        "a cycle number stands once, and a cycle starts after the one before has ended",
        "query",
        "Please check the cycle's number and dates.",
        find=_overlapping_cycles,
    ),
    EditCheck(
        "EC113",
        (DOSE,),
        "days taken fit into the cycle; the total dose is capsule dose times days taken",
        "query",
        "Please check the days taken, the cycle's dates and the total dose.",
        find=_amount,
    ),
    EditCheck(
        "EC114",
        (DOSE, OFF, "crossover", "death", "disease_assessment", "follow_up", "randomization"),
        "no cycle with capsules starts after the end of treatment, death or, while blinded, progression",
        "query",
        "Please check the cycle's dates against the end of treatment, death or progression.",
        find=_dosed_after,
    ),
    EditCheck(
        "EC115",
        (DOSE,),
        f"open-label lenalidomide only after {UNBLINDING}",
        "query",
        "Please check the treatment phase and the cycle's dates.",
        find=where(
            DOSE,
            (pl.col("treatment_phase") == "OPEN_LABEL_LEN") & (START_LAST <= UNBLINDING),
            "treatment_phase",
            told("OPEN_LABEL_LEN from {}", "cycle_start_dt"),
        ),
    ),
    EditCheck(
        "EC116",
        (OFF, DOSE, "crossover"),
        f"the last dose is within {LAST_DOSE_DAYS} days of the end of the phase's last cycle",
        "query",
        "Please check the date of the last dose, or send the missing cycles.",
        find=_last_dose,
    ),
    EditCheck(
        "EC117",
        (OFF, "crossover", "disease_assessment", "follow_up", "randomization"),
        "off treatment for progression: a progression is reported; after a progression treatment ends within "
        f"{OFF_AFTER_PROGRESSION_DAYS} days (the form may take {OVERDUE} more)",
        "query",
        "Please report the progression, or send the off-treatment form.",
        find=_off_for_progression,
    ),
    EditCheck(
        "EC118",
        (OFF, "death"),
        "off treatment for death: there is a death form",
        "query",
        "Please send the death form, or correct the reason off treatment.",
        find=_off_for_death,
    ),
)
