"""Records of study entry that break a rule: strata, stages, eligibility, induction, transplantation.

What does not belong here: the checks themselves (`entry`), randomisation and what follows (`allocation`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipeline.derive.baseline import B2M_LIMIT, BASELINE_VISITS, NOT_KNOWN
from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.derive.stages import durie_salmon_stage, iss_stage
from pipeline.edit_checks import Find, broken, told
from pipeline.studies.calgb_100104.design import (
    INDUCTION_MONTHS_MAX,
    INDUCTION_MONTHS_MIN,
    INDUCTION_REGIMENS_MAX,
)
from pipeline.studies.calgb_100104.dictionaries import AGENT
from pipeline.studies.calgb_100104.mapping import DURIE_SALMON, LAB_TEST, UNIT_DIVISOR
from pipeline.study import Seen

CREATININE_CLEARANCE_MIN = 30
"""In mL/min; of the data validation plan, not in the paper."""
SERUM_M_PROTEIN_SEEN = 0.1
"""In g/dL; what is above it was measured."""
STAGES = ("I", "II", "III")
STRATUM_ANSWERS = {"strat_b2m": "strat_b2m_reg", "strat_thal": "strat_thal_reg", "strat_len": "strat_len_reg"}
"""The column of each stratum at randomisation, and that of the answer at registration."""

_UNIT = {  # what a result of a test in a unit is divided by, for every unit of the conversion table
    f"{test} {unit}": divisor
    for test, (code, _, standard) in LAB_TEST.items()
    for unit, divisor in ((standard, 1.0), *((u, d) for (c, u), d in UNIT_DIVISOR.items() if c == code))
}
_SERUM_M_UNIT = {"g/dL": 1.0, **{u: d for (c, u), d in UNIT_DIVISOR.items() if c == "MSPIKE"}}


def either(*finds: Find) -> Find:
    """Whatever one of the checks finds."""
    return lambda seen: pl.concat([find(seen) for find in finds])


def beside(
    form: str, other: str, columns: Sequence[str], breaks: pl.Expr, column: str, found: pl.Expr
) -> Find:
    """A check of a form's records beside `columns` of the patient's records of another form."""

    def find(seen: Seen) -> pl.LazyFrame:
        rows = seen.forms[form].join(seen.forms[other].select("patient_id", *columns), on="patient_id")
        return broken(rows.filter(breaks), form, column, found)

    return find


def marked(rows: pl.LazyFrame, patients: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """The rows with a column that is true for the patients of another frame."""
    known = patients.select("patient_id").drop_nulls().unique().with_columns(pl.lit(True).alias(name))
    return rows.join(known, on="patient_id", how="left").with_columns(pl.col(name).fill_null(False))


def with_deviation(seen: Seen, code: str) -> pl.LazyFrame:
    return seen.forms["deviations"].filter(pl.col("deviation_code") == code)


def completed_years(birth: pl.Expr, on: str) -> pl.Expr:
    day = pl.col(on)
    before_birthday = day.dt.to_string("%m%d") < birth.dt.to_string("%m%d")
    return day.dt.year() - birth.dt.year() - before_birthday.cast(pl.Int32)


def changed_stratum(seen: Seen) -> pl.LazyFrame:
    answers = seen.forms["registration"].select("patient_id", *STRATUM_ANSWERS.values())
    rows = seen.forms["randomization"].join(answers, on="patient_id")
    return pl.concat(
        broken(
            rows.filter(pl.col(used) != pl.col(answered)),
            "randomization",
            used,
            told("{} at randomization, {} at registration", used, answered),
        )
        for used, answered in STRATUM_ANSWERS.items()
    )


def _entry_results(seen: Seen) -> pl.LazyFrame:
    """Laboratory rows of study entry with a number, also one below or above a limit; the last ones last."""
    numeric = pl.col("result").str.contains("^[<>]?[0-9]")
    entry = pl.col("visit").is_in(BASELINE_VISITS)
    return seen.forms["labs"].filter(entry, numeric).sort("patient_id", "collection_dt", "record_id")


def _b2m_result(seen: Seen) -> pl.LazyFrame:
    """The last result of beta-2-microglobulin at entry, one row per patient: patient_id, result, unit."""
    results = _entry_results(seen).filter(pl.col("test") == "B2M").select("patient_id", "result", "unit")
    return results.unique("patient_id", keep="last", maintain_order=True)


def b2m_against_stratum(seen: Seen) -> pl.LazyFrame:
    value = pl.col("result").str.strip_chars("<>").cast(pl.Float64)
    limit = pl.col("unit").replace_strict(B2M_LIMIT, default=None, return_dtype=pl.Float64)
    less, more = pl.col("result").str.starts_with("<"), pl.col("result").str.starts_with(">")
    above = ((value > limit) & ~less) | ((value == limit) & more)
    at_most = (value <= limit) & ~more
    stratum = pl.col("strat_b2m")
    rows = (
        seen.forms["randomization"]
        .join(_b2m_result(seen), on="patient_id")
        .filter(((stratum == "LE2.5") & above) | ((stratum == "GT2.5") & at_most))
    )
    return broken(
        rows,
        "randomization",
        "strat_b2m",
        told("{}, but {} {} at registration", "strat_b2m", "result", "unit"),
    )


def b2m_missing(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms["randomization"].filter(pl.col("strat_b2m").is_not_null())
    found = told("{} at randomization, no beta-2-microglobulin result of study entry", "strat_b2m")
    missing = broken(rows.join(_b2m_result(seen), on="patient_id", how="anti"), "labs", None, found)
    return missing.with_columns(RECORD=pl.lit(None, pl.String), VERSION=pl.lit(None, pl.Int64))


def _drug() -> pl.Expr:
    """The drug of `agent`; null for words that the dictionary does not know."""
    words = pl.col("agent").str.strip_chars().str.to_uppercase()
    return words.replace_strict(AGENT, default=None, return_dtype=pl.String)


def prior_drugs(seen: Seen) -> pl.LazyFrame:
    drug = _drug()
    given = (
        seen.forms["induction"]
        .group_by("patient_id")
        .agg(
            strat_thal_given=(drug == "THALIDOMIDE").any(),
            strat_len_given=(drug == "LENALIDOMIDE").any(),
            unclear=(drug.is_null() | drug.is_in(NOT_KNOWN)).any(),
        )
    )
    rows = seen.forms["randomization"].join(given, on="patient_id")
    parts = []
    for stratum, name in (("strat_thal", "THALIDOMIDE"), ("strat_len", "LENALIDOMIDE")):
        answer, is_given = pl.col(stratum), pl.col(f"{stratum}_given")
        breaks = ((answer == "N") & is_given) | ((answer == "Y") & ~is_given & ~pl.col("unclear"))
        listed = pl.when(is_given).then(pl.lit("is")).otherwise(pl.lit("is not"))
        found = told(f"{{}} at randomization, {name} {{}} among the induction agents", answer, listed)
        parts.append(broken(rows.filter(breaks), "randomization", stratum, found))
    return pl.concat(parts)


def _first_induction(seen: Seen) -> pl.LazyFrame:
    """Each patient's first start: the last day on which induction can have begun, and that start as known."""
    latest = last_possible_day("start_dt")
    starts = seen.forms["induction"].with_columns(began=latest).drop_nulls("began").sort("began", "record_id")
    return starts.select("patient_id", "began", "start_dt").unique(
        "patient_id", keep="first", maintain_order=True
    )


def diagnosis_after_induction(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms["on_study"].join(_first_induction(seen), on="patient_id")
    late = first_possible_day("diagnosis_dt") > pl.col("began")
    found = told("diagnosis {}, first induction {}", "diagnosis_dt", "start_dt")
    return broken(rows.filter(late), "on_study", "diagnosis_dt", found)


def stage_not_known(seen: Seen) -> pl.LazyFrame:
    blank = pl.col("ds_stage").is_null() | pl.col("ds_stage").is_in(["UNK", "-1"])
    rows = marked(seen.forms["on_study"].filter(blank), with_deviation(seen, "ELIG"), "deviation")
    found = told("stage {}, no deviation on file", "ds_stage")
    return broken(rows.filter(~pl.col("deviation")), "on_study", "ds_stage", found)


def _entry_values(seen: Seen) -> pl.LazyFrame:
    """Exact results of study entry in standard units, one row per patient, one column per test."""
    divisor = pl.concat_str("test", "unit", separator=" ").replace_strict(_UNIT, default=None)
    value = pl.col("result").cast(pl.Float64, strict=False) / divisor.cast(pl.Float64)
    tests = ("B2M", "ALB", "HGB", "CA")
    return (
        _entry_results(seen)
        .with_columns(value=value.round(4))
        .drop_nulls("value")
        .group_by("patient_id", maintain_order=True)
        .agg(pl.col("value").filter(pl.col("test") == test).last().alias(test) for test in tests)
    )


def iss(seen: Seen) -> pl.LazyFrame:
    derived = iss_stage(pl.col("B2M"), pl.col("ALB"))
    rows = (
        seen.forms["on_study"]
        .join(_entry_values(seen), on="patient_id")
        .with_columns(derived=derived)
        .filter(pl.col("iss_stage").is_in(STAGES), pl.col("iss_stage") != pl.col("derived"))
    )
    found = told(
        "stage {}, but {} from beta-2-microglobulin {} mg/L and albumin {} g/dL",
        *("iss_stage", "derived", "B2M", "ALB"),
    )
    return broken(rows, "on_study", "iss_stage", found)


def durie_salmon(seen: Seen) -> pl.LazyFrame:
    none = pl.lit(None, pl.Float64)
    measured = (pl.col("HGB"), pl.col("CA"), pl.col("lytic_scale"))
    site = pl.col("ds_stage").str.strip_chars("AB").replace(DURIE_SALMON)
    rank = {stage: number for number, stage in enumerate(STAGES)}
    rows = (
        seen.forms["on_study"]
        .join(_entry_values(seen), on="patient_id", how="left")
        .with_columns(derived=durie_salmon_stage(*measured, none, none, none), site=site)
        .filter(
            pl.col("derived").replace_strict(rank, default=None)
            > pl.col("site").replace_strict(rank, default=None)
        )
    )
    found = told(
        "stage {}, but at least {} from hemoglobin {} g/dL, calcium {} mg/dL, lytic scale {}",
        *("ds_stage", "derived", "HGB", "CA", "lytic_scale"),
    )
    return broken(rows, "on_study", "ds_stage", found)


def m_component(seen: Seen) -> pl.LazyFrame:
    """The first assessment of a patient that contradicts the M-component."""
    divisor = pl.col("spep_unit").replace_strict(_SERUM_M_UNIT, default=None, return_dtype=pl.Float64)
    serum = pl.col("spep_result").cast(pl.Float64, strict=False) / divisor
    kind = pl.col("mm_type")
    measured = serum > SERUM_M_PROTEIN_SEEN
    positive = (pl.col("sife") == "POS") | (pl.col("uife") == "POS")
    light_chains = kind.is_in(["KAPPA LC ONLY", "LAMBDA LC ONLY"])
    breaks = (light_chains & measured) | ((kind == "NONSECRETORY") & (measured | positive))
    assays = ("spep_result", "spep_unit", "sife", "uife")
    assessed = seen.forms["disease_assessment"].select("patient_id", "assess_no", "assess_dt", *assays)
    rows = (
        seen.forms["on_study"]
        .join(assessed, on="patient_id")
        .filter(breaks)
        .sort("patient_id", "assess_no")
        .unique("record_id", keep="first", maintain_order=True)
    )
    found = told(
        "{}, but serum M-protein {} {}, immunofixation serum {}, urine {} on {}",
        *("mm_type", *assays, "assess_dt"),
    )
    return broken(rows, "on_study", "mm_type", found)


def low_clearance(seen: Seen) -> pl.LazyFrame:
    waived = seen.forms["eligibility"].filter(pl.col("criterion_code") == "E09", pl.col("waiver") == "Y")
    low = seen.forms["on_study"].filter(pl.col("creat_clearance") < CREATININE_CLEARANCE_MIN)
    found = told("{} mL/min, no waiver", "creat_clearance")
    return broken(low.join(waived, on="patient_id", how="anti"), "on_study", "creat_clearance", found)


def unmet_criteria(seen: Seen) -> pl.LazyFrame:
    rows = seen.forms["eligibility"].filter(pl.col("criterion_met") == "N")
    rows = marked(rows, with_deviation(seen, "ELIG"), "deviation")
    rows = marked(rows, seen.forms["randomization"], "randomised")
    unwaived = pl.col("randomised") & pl.col("waiver").ne_missing("Y")
    on_file = pl.when("deviation").then(pl.lit("on file")).otherwise(pl.lit("missing"))
    found = told("{} = N, waiver {}, deviation {}", "criterion_code", "waiver", on_file)
    return broken(rows.filter(~pl.col("deviation") | unwaived), "eligibility", "criterion_met", found)


def regimens(seen: Seen) -> pl.LazyFrame:
    """The first record of each regimen beyond those allowed, dexamethasone alone not counted."""
    form = seen.forms["induction"]
    alone = (_drug().eq_missing("DEXAMETHASONE")).all()
    counted = (
        form.group_by("patient_id", "regimen_no")
        .agg(alone=alone)
        .sort("patient_id", "regimen_no")
        .with_columns(number=pl.col("regimen_no") - pl.col("alone").cum_sum().over("patient_id"))
        .filter(~pl.col("alone"), pl.col("number") > INDUCTION_REGIMENS_MAX)
    )
    rows = (
        form.join(counted, on=["patient_id", "regimen_no"])
        .sort("record_id")
        .unique(["patient_id", "regimen_no"], keep="first", maintain_order=True)
    )
    found = told(
        "regimen {} ({}) is the {}. without dexamethasone alone", "regimen_no", "regimen_name", "number"
    )
    return broken(rows, "induction", "regimen_no", found)


def induction_length(seen: Seen) -> pl.LazyFrame:
    """The record of the last stop, where induction is too short or too long however dates are completed."""
    form = seen.forms["induction"]
    first, last = first_possible_day("stop_dt"), last_possible_day("stop_dt")
    span = form.group_by("patient_id").agg(
        began_from=first_possible_day("start_dt").min(),
        began_by=last_possible_day("start_dt").min(),
        ended_from=first.max(),
        ended_by=last.max(),
        known=(pl.col("start_dt").is_not_null() & pl.col("stop_dt").is_not_null()).all(),
    )
    short = pl.col("ended_by") < pl.col("began_from").dt.offset_by(f"{INDUCTION_MONTHS_MIN}mo")
    long = pl.col("ended_from") > pl.col("began_by").dt.offset_by(f"{INDUCTION_MONTHS_MAX}mo")
    ends = (
        form.with_columns(ended=first)
        .drop_nulls("ended")
        .sort("ended", "record_id", descending=[True, False])
        .unique("patient_id", keep="first", maintain_order=True)
    )
    starts = _first_induction(seen).select("patient_id", first_start="start_dt")
    rows = ends.join(span.filter((short & pl.col("known")) | long), on="patient_id").join(
        starts, on="patient_id"
    )
    found = told("first start {}, last stop {}", "first_start", "stop_dt")
    return broken(rows, "induction", "stop_dt", found)


def agent_words(seen: Seen) -> pl.LazyFrame:
    drug, words = _drug(), pl.col("agent").str.strip_chars().str.to_uppercase()
    found = (
        pl.when(drug.is_null())
        .then(told("{} is not in the dictionary", "agent"))
        .otherwise(told("{} is read as {}", "agent", drug))
    )
    return broken(seen.forms["induction"].filter(drug.ne_missing(words)), "induction", "agent", found)


def tandem(seen: Seen) -> pl.LazyFrame:
    """Every transplant but the first before randomisation, and a single form that counts more than one."""
    randomised = seen.forms["randomization"].select("patient_id", "randomization_dt")
    before = (
        seen.forms["transplant"]
        .join(randomised, on="patient_id", how="left")
        .filter(pl.col("randomization_dt").is_null() | (pl.col("infusion_dt") < pl.col("randomization_dt")))
        .unique("record_id", maintain_order=True)
        .sort("infusion_dt", "record_id")
        .with_columns(first=pl.col("infusion_dt").first().over("patient_id"))
    )
    further = before.filter(pl.int_range(pl.len()).over("patient_id") > 0)
    counted = seen.forms["transplant"].filter(pl.col("n_transplants") > 1)
    return pl.concat(
        [
            broken(
                further,
                "transplant",
                "infusion_dt",
                told("infusion {} after infusion {}", "infusion_dt", "first"),
            ),
            broken(counted, "transplant", "n_transplants", told("{} transplants", "n_transplants")),
        ]
    )
