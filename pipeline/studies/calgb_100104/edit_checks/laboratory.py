"""Edit checks: laboratory results and the adverse events they explain (EC083 to EC091).

Values are compared in the standard unit of the tabulation. What does not belong here: rules of one cell
(`schemas/crf/calgb_100104.py`), the grades themselves (`derive.grades`).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.derive.grades import GRADE_LIMITS, lab_grade
from pipeline.edit_checks import broken, told
from pipeline.studies.calgb_100104.dictionaries import CTCAE_TERM, coded
from pipeline.studies.calgb_100104.mapping import LAB_TEST, UNIT_DIVISOR
from pipeline.study import EditCheck, Seen
from pipeline.tabulate import number

CALCIUM_LIMITS = (5.0, 20.0)
"""mg/dL; below it is mmol/L under the wrong label, above it mg/dL taken for mmol/L."""
PLAUSIBLE = {
    "B2M": (0.3, None),
    "ALB": (0.5, 6.5),
    "CREAT": (0.2, 20.0),
    "WBC": (0.01, 300.0),
    "ALC": (0.0, 100.0),
    "LDH": (20.0, 10_000.0),
    "IGG": (0.01, 20.0),
    "IGA": (0.001, 15.0),
    "IGM": (0.001, 15.0),
}
"""Lowest and highest result that is believed, in the standard unit. CA, HGB, ANC and PLT, and the upper end
of B2M, have checks of their own."""
B2M_HIGHEST = 50.0
HEMOGLOBIN_LIMITS = (3.5, 25.0)
COUNT_HIGHEST = {"ANC": 100.0, "PLT": 2000.0}
COUNTS = ("WBC", "ANC", "ALC", "PLT")
TERM_OF_TEST = {
    "NEUT": "NEUTROPHILS/GRANULOCYTES",
    "PLAT": "PLATELETS",
    "LYM": "LYMPHOPENIA",
    "WBC": "LEUKOCYTES",
    "HGB": "HEMOGLOBIN",
}
AROUND_AN_EVENT = 14
WINDOW_WITHOUT_END = 28

_DIVISORS = {f"{test} {unit}": divisor for (test, unit), divisor in UNIT_DIVISOR.items()}
_DIVISORS |= {f"{test} {unit}": 1.0 for test, _, unit in LAB_TEST.values()}
_DIVISORS |= {"MSPIKE g/dL": 1.0, "MSPIKE mg/24h": 1.0, "KLCFR mg/dL": 1.0, "LLCFR mg/dL": 1.0}


def reported(result: str) -> pl.Expr:
    """The number in a text result as reported, null where there is none (`-1` is none)."""
    value = number(result)
    return pl.when(value >= 0).then(value)


def standardised(test: pl.Expr, value: pl.Expr, unit: str) -> pl.Expr:
    """The value in the standard unit of an LBTESTCD; null where the test has no such unit."""
    code = pl.concat_str(test, pl.col(unit), separator=" ")
    divisor = code.replace_strict(_DIVISORS, default=None, return_dtype=pl.Float64)
    return (value / divisor).round(4)


def _labs(seen: Seen) -> pl.LazyFrame:
    """Current laboratory results with TEST (LBTESTCD), REPORTED, VALUE in the standard unit, and DAY."""
    codes = {test: code for test, (code, _, _) in LAB_TEST.items()}
    return (
        seen.forms["labs"]
        .with_columns(
            TEST=pl.col("test").replace_strict(codes, default=None, return_dtype=pl.String),
            REPORTED=reported("result"),
            DAY=pl.col("collection_dt").str.to_date("%Y-%m-%d", strict=False),
        )
        .with_columns(VALUE=standardised(pl.col("TEST"), pl.col("REPORTED"), "unit"))
    )


def _result(words: str, *more: str) -> pl.Expr:
    return told("{} {} {}" + words, "test", "result", "unit", *more)


def outside(rows: pl.LazyFrame, low: float | None, high: float | None) -> pl.LazyFrame:
    """The rows whose VALUE lies outside the limits; a value on a limit lies inside."""
    return rows.filter((pl.col("VALUE") < pl.lit(low)) | (pl.col("VALUE") > pl.lit(high)))


def lab_calcium(seen: Seen) -> pl.LazyFrame:
    return broken(outside(_labs(seen).filter(test="CA"), *CALCIUM_LIMITS), "labs", "unit", _result(""))


def _units(seen: Seen) -> pl.LazyFrame:
    low = {test: limits[0] for test, limits in PLAUSIBLE.items()}
    high = {test: limits[1] for test, limits in PLAUSIBLE.items()}
    low_limit = pl.col("test").replace_strict(low, default=None, return_dtype=pl.Float64)
    high_limit = pl.col("test").replace_strict(high, default=None, return_dtype=pl.Float64)
    unknown = pl.col("REPORTED").is_not_null() & pl.col("VALUE").is_null()
    implausible = (pl.col("VALUE") < low_limit) | (pl.col("VALUE") > high_limit)
    rows = _labs(seen).filter(unknown | implausible.fill_null(False))
    return broken(rows, "labs", "unit", _result(""))


def _b2m(seen: Seen) -> pl.LazyFrame:
    return broken(outside(_labs(seen).filter(test="B2M"), None, B2M_HIGHEST), "labs", "unit", _result(""))


def _hemoglobin(seen: Seen) -> pl.LazyFrame:
    return broken(outside(_labs(seen).filter(test="HGB"), *HEMOGLOBIN_LIMITS), "labs", "unit", _result(""))


def _counts(seen: Seen) -> pl.LazyFrame:
    labs = _labs(seen)
    high = [outside(labs.filter(test=test), None, limit) for test, limit in COUNT_HIGHEST.items()]
    return broken(pl.concat(high), "labs", "unit", _result(""))


def _differential(seen: Seen) -> pl.LazyFrame:
    labs = _labs(seen).filter(pl.col("DAY").is_not_null(), pl.col("VALUE").is_not_null())
    on = ["patient_id", "DAY"]
    parts = [
        labs.filter(test=test).group_by(on).agg(pl.col("VALUE").min().alias(test)) for test in ("ANC", "ALC")
    ]
    rows = labs.filter(test="WBC")
    for part in parts:
        rows = rows.join(part, on=on, how="left")
    # Of several results of a day the lowest counts, so that the rule is broken whichever is right.
    known = pl.sum_horizontal("ANC", "ALC")
    rows = rows.filter(known.round(4) > (1.05 * pl.col("VALUE").max().over(on)).round(4))
    found = told("WBC {}, ANC {}, ALC {} on {}", "VALUE", "ANC", "ALC", "DAY")
    return broken(rows, "labs", "result", found)


def _ranges(seen: Seen) -> pl.LazyFrame:
    value = pl.col("REPORTED")
    # Counts fall to nothing under treatment: only their upper end tells a wrong unit or range.
    too_low = (value < (0.1 * pl.col("lln")).round(4)) & ~pl.col("test").is_in(COUNTS)
    upside_down = pl.col("lln") >= pl.col("uln")
    far = too_low | (value > 10 * pl.col("uln"))
    rows = _labs(seen).filter(upside_down.fill_null(False) | far.fill_null(False))
    return broken(rows, "labs", "lln", _result(", range {} to {}", "lln", "uln"))


def _twice(seen: Seen) -> pl.LazyFrame:
    same = ["patient_id", "DAY", "TEST"]
    rows = (
        _labs(seen)
        .filter(pl.col("DAY").is_not_null(), pl.col("VALUE").is_not_null())
        .sort(*same, "record_id")
        .with_columns(FIRST=pl.col("VALUE").first().over(same))
        .filter(pl.col("VALUE") != pl.col("FIRST"))
    )
    found = told("{} {} and {} on {}, in the standard unit", "test", "FIRST", "VALUE", "DAY")
    return broken(rows, "labs", "result", found)


def _graded(seen: Seen) -> pl.LazyFrame:
    """Laboratory results of the five blood terms that have a day: with GRADE, without the lower limit."""
    rules = [pl.when(TEST=test).then(lab_grade(test, pl.col("VALUE"))) for test in GRADE_LIMITS]
    return (
        _labs(seen)
        .with_columns(GRADE=pl.coalesce(rules))
        .filter(pl.col("DAY").is_not_null(), pl.col("GRADE").is_not_null())
    )


def _blood_events(seen: Seen) -> pl.LazyFrame:
    """Current adverse events of the five blood terms with TEST and their days FROM, TO (null: no end known).

    Events of grade 0 are events that did not happen.
    """
    term = coded("ctcae_term", CTCAE_TERM)
    tests = {term: test for test, term in TERM_OF_TEST.items()}
    return (
        seen.forms["adverse_events"]
        .with_columns(
            TEST=term.replace_strict(tests, default=None, return_dtype=pl.String),
            FROM=first_possible_day("start_dt"),
            TO=last_possible_day("end_dt"),
        )
        .filter(pl.col("TEST").is_not_null(), pl.col("grade").ne_missing(0))
    )


def _without_event(seen: Seen) -> pl.LazyFrame:
    severe = _graded(seen).filter(pl.col("GRADE") >= 3)
    around = pl.duration(days=AROUND_AN_EVENT)
    ongoing = pl.col("TO").is_null() & (pl.col("ongoing") == "Y")
    last = pl.coalesce("TO", last_possible_day("start_dt"))
    events = _blood_events(seen).select(
        "patient_id", "TEST", "FROM", LAST=pl.when(~ongoing.fill_null(False)).then(last)
    )
    near = (
        severe.join(events, on=["patient_id", "TEST"])
        .filter(
            pl.col("DAY") >= pl.col("FROM") - around,
            pl.col("LAST").is_null() | (pl.col("DAY") <= pl.col("LAST") + around),
        )
        .select("record_id")
    )
    rows = severe.join(near, on="record_id", how="anti")
    found = told(
        "{} {} {} on {} is grade {}, no such adverse event", "test", "result", "unit", "DAY", "GRADE"
    )
    return broken(rows, "labs", "result", found)


def _other_grade(seen: Seen) -> pl.LazyFrame:
    labs = _graded(seen).select("patient_id", "TEST", "DAY", "VALUE", LAB="GRADE")
    until = pl.coalesce("TO", last_possible_day("start_dt") + pl.duration(days=WINDOW_WITHOUT_END))
    rows = (
        _blood_events(seen)
        .filter(pl.col("grade").is_not_null())
        .join(labs, on=["patient_id", "TEST"])
        .filter(pl.col("DAY").is_between(pl.col("FROM"), until))
        .sort("VALUE", "DAY")
        .unique("record_id", keep="first", maintain_order=True)
        .filter(
            pl.max_horizontal("grade", "LAB") >= 3,
            # No value is of grade 5: a death has the value of grade 4.
            pl.col("grade").clip(upper_bound=4) != pl.col("LAB"),
        )
    )
    found = told("grade {}, worst value {} on {} is grade {}", "grade", "VALUE", "DAY", "LAB")
    return broken(rows, "adverse_events", "grade", found)


LABORATORY: tuple[EditCheck, ...] = (
    EditCheck(
        id="EC083",
        forms=("labs",),
        rule="a result has a unit of the unit table, and is plausible in it",
        severity="query",
        ask="The result is not plausible in this unit. Please check the result and its unit.",
        find=_units,
    ),
    EditCheck(
        id="EC084",
        forms=("labs",),
        rule=f"beta-2-microglobulin is at most {B2M_HIGHEST:g} mg/L; more suggests nmol/L",
        severity="query",
        ask="Is beta-2-microglobulin reported in nmol/L? Please check the unit.",
        find=_b2m,
    ),
    EditCheck(
        id="EC085",
        forms=("labs",),
        rule="hemoglobin is 3.5 to 25 g/dL; more suggests g/L, less mmol/L",
        severity="query",
        ask="Please check the unit of hemoglobin.",
        find=_hemoglobin,
    ),
    EditCheck(
        id="EC086",
        forms=("labs",),
        rule="neutrophils are at most 100 and platelets at most 2000 x 10^9/L; more suggests cells per uL",
        severity="query",
        ask="Is the count reported in cells per uL? Please check the unit.",
        find=_counts,
    ),
    EditCheck(
        id="EC087",
        forms=("labs",),
        rule="neutrophils and lymphocytes of a day are together at most 1.05 times the leukocytes",
        severity="query",
        ask="The differential count exceeds the leukocytes. Please check the counts of that day.",
        find=_differential,
    ),
    EditCheck(
        id="EC088",
        forms=("labs",),
        rule=(
            "the lower limit of normal is below the upper, and the result is 0.1 times the lower to 10 times "
            "the upper limit (blood counts: at most 10 times the upper limit)"
        ),
        severity="query",
        ask="Please check the result and its normal range; both are in the reported unit.",
        find=_ranges,
    ),
    EditCheck(
        id="EC089",
        forms=("labs",),
        rule="two results of a patient, test and day do not differ (compared in the standard unit)",
        severity="query",
        ask="There are two different results of this test on this day. Which one is right?",
        find=_twice,
    ),
    EditCheck(
        id="EC090",
        forms=("labs", "adverse_events"),
        rule=(
            "a value of CTCAE v3.0 grade 3 or 4 (neutrophils, platelets, lymphocytes, hemoglobin, "
            "leukocytes) has an adverse event of that term from 14 days before its onset to 14 days after "
            "its end"
        ),
        severity="query",
        ask="Should an adverse event be reported for this value?",
        find=_without_event,
    ),
    EditCheck(
        id="EC091",
        forms=("adverse_events", "labs"),
        rule=(
            "the grade of a blood term is that of the worst value from onset to end (without an end: 28 "
            "days), where either is of grade 3 or more"
        ),
        severity="query",
        ask="The grade does not agree with the laboratory values of these days. Please check the grade.",
        find=_other_grade,
    ),
)
