"""What the protocol fixes: limits, design parameters and dates that no patient's data give.

They are checked against the paper like results are, with the verdict `design`: the value is the one
this study's code works with, and what can be computed from others is computed. What does not belong
here: results.
"""

from __future__ import annotations

import datetime as dt

from pipeline.derive.baseline import B2M_LIMIT
from pipeline.numbers import P_FLOOR
from pipeline.studies.calgb_100104.mapping import UNIT_DIVISOR
from pipeline.study import Analysis, PlannedCourse

EPOCH = dt.date(1970, 1, 1)
UNBLINDING = dt.date(2009, 12, 17)
LONG_TERM = dt.date(2011, 10, 31)
SAFETY_DATE = dt.date(2012, 2, 29)
"""Adverse events and second cancers of the long-term cut-off; the paper says February 2012, no day."""
FIRST_DSMB_REPORT = dt.date(2009, 6, 30)
"""The paper says June 2009; the day is the transfer's."""
LOOKS = (FIRST_DSMB_REPORT, dt.date(2009, 9, 30), dt.date(2009, 11, 30))
"""The board's three reviews. The paper prints the month of the first and that the data were released after
the third; the other dates are this project's (docs/decisions/0020-looks.md)."""
FIRST_INFORMATION = 0.20
"""Reviews begin when more than this share of the expected events has occurred."""

ENROLMENT_OPENS = dt.date(2004, 12, 1)
ENROLMENT_CLOSES = dt.date(2009, 7, 31)
"""Nobody is registered outside of these days (form specification); the paper's first is in April 2005."""
FIRST_PROTOCOL_VERSION = "0"
"""`protocol_version` of a patient registered before the first amendment."""
AGE_MIN, AGE_MAX = 18, 70
"""In complete years at registration."""
ECOG_MAX = 1
INDUCTION_MONTHS_MIN, INDUCTION_MONTHS_MAX = 2, 12
INDUCTION_REGIMENS_MAX = 2
CD34_MIN = 2
"""In 10^6/kg."""
MOBILISATION_DAYS_MAX = 42
RANDOMISATION_DAY_MIN, RANDOMISATION_DAY_MAX = 100, 110
"""Days after the infusion, which is day 0."""
BLOCK_SIZE = 6

STRATA = ("STRAT1R", "STRAT2R", "STRAT3R")
LISTING_THRESHOLD = 5
"""Table 2 lists a term that at least this many patients of either arm had."""
FOREST_RADIUS_EXPONENT = -2
"""The radius of a circle in Figure 2 goes with the standard error to this power."""
SEQUENTIAL = {"alpha": 0.05, "power": 0.90, "hazard_ratio": 1.4, "looks": 3}
"""One-sided log-rank test of time to progression, placebo to lenalidomide; three looks are assumed."""
DROPOUT_EXPECTED = 0.15
"""Of those registered, before randomisation."""
PLANNED = PlannedCourse(
    patients=460,
    accrual=52,
    control_median=24,
    dropout=0.0,
    lost_before=DROPOUT_EXPECTED,
    late=6,
    sources={
        "alpha": "the paper",
        "power": "the paper",
        "hazard_ratio": "the paper",
        "looks": "assumed: the paper says group-sequential, and no number of looks",
        "spending": "assumed: the paper names no boundary",
        "futility": "not counted here; the paper monitored futility and names no boundary",
        "formula": "assumed: the paper names none",
        "allocation": "the paper: permuted blocks of two groups",
        "patients": "the number randomised; the paper prints no planned one",
        "accrual": "April 2005 to July 2009, Table 1's footnote",
        "control_median": "assumed, between those seen under placebo at the cut-offs; none is printed",
        "dropout": "assumed: the paper prints a dropout before randomisation only",
        "lost_before": "the paper: 15% expected before randomisation",
        "late": "assumed, for one scenario",
    },
)


def _day(date: dt.date) -> int:
    return (date - EPOCH).days


def _divisor(test: str, unit: str) -> float:
    return UNIT_DIVISOR[test, unit]


PARAMETERS: dict[str, float] = {
    # eligibility
    "AGE_MIN": AGE_MIN,
    "AGE_MAX": AGE_MAX,
    "AGE_LIMIT": 71,
    "ECOG_MIN": 0,
    "ECOG_MAX": ECOG_MAX,
    "DURIE_SALMON_MIN": 1,
    "INDUCTION_MONTHS_MIN": INDUCTION_MONTHS_MIN,
    "INDUCTION_MONTHS_MAX": INDUCTION_MONTHS_MAX,
    "INDUCTION_REGIMENS_MAX": INDUCTION_REGIMENS_MAX,
    "RESPONSE_WINDOW_DAYS": 100,
    "CD34_MIN": CD34_MIN,
    "MOBILISATION_DAYS_MAX": MOBILISATION_DAYS_MAX,
    "RANDOMISATION_DAY_MIN": RANDOMISATION_DAY_MIN,
    "RANDOMISATION_DAY_MAX": RANDOMISATION_DAY_MAX,
    # stratification and units
    "STRATA_FACTORS": len(STRATA),
    "B2M_LIMIT": B2M_LIMIT["mg/L"],
    "B2M_LIMIT_SI": B2M_LIMIT["nmol/L"],
    "B2M_NMOL_PER_MG": _divisor("B2MICG", "nmol/L"),
    "CALCIUM_MMOL_PER_MG": _divisor("CA", "mmol/L"),
    "CREATININE_UMOL_PER_MG": _divisor("CREAT", "umol/L"),
    # sample size and monitoring
    "ALPHA": SEQUENTIAL["alpha"],
    "POWER": SEQUENTIAL["power"],
    "HAZARD_RATIO": SEQUENTIAL["hazard_ratio"],
    "DROPOUT_EXPECTED": DROPOUT_EXPECTED,
    "FIRST_LOOK_INFORMATION": FIRST_INFORMATION,
    "REPORTS_PER_YEAR": 2,
    "REVIEW_AT_RELEASE": len(LOOKS),
    # dates
    "UNBLINDING_DATE": _day(UNBLINDING),
    "LONG_TERM_DATE": _day(LONG_TERM),
    "SAFETY_DATE": _day(SAFETY_DATE),
    "FIRST_REPORT_DATE": _day(FIRST_DSMB_REPORT),
    # reporting
    "CONFIDENCE_LEVEL": 0.95,
    "P_FLOOR": P_FLOOR,
    "R_VERSION": 2_14_01,  # the paper's R, whose survival and cmprsk of 2011 gave our reference values
    "LISTING_THRESHOLD": LISTING_THRESHOLD,
    "CTCAE_VERSION": 3.0,
    "FOREST_RADIUS_EXPONENT": FOREST_RADIUS_EXPONENT,
}

DESIGN: tuple[Analysis, ...] = (
    Analysis("PROTOCOL", "parameters", "DESIGN", dataset="adsl", options={"values": PARAMETERS}),
    Analysis("SAMPLE_SIZE", "sample_size", "DESIGN", dataset="adsl", options=SEQUENTIAL),
)
