"""Grades of laboratory values by CTCAE version 3.0, for the five blood terms of the trial.

A value on a limit has the milder grade. What does not belong here: adverse events as reported (`adae`), units
(the tabulation).
"""

from __future__ import annotations

import polars as pl

GRADE_LIMITS = {
    "NEUT": (1.5, 1.0, 0.5),
    "PLAT": (75.0, 50.0, 25.0),
    "LYM": (0.8, 0.5, 0.2),
    "WBC": (3.0, 2.0, 1.0),
    "HGB": (10.0, 8.0, 6.5),
}
"""By LBTESTCD: below these are grades 2, 3 and 4; 10^9/L, hemoglobin g/dL (clinical rules 2.5)."""


def lab_grade(test: str, value: pl.Expr, lower_limit: pl.Expr | None = None) -> pl.Expr:
    """The grade of a value in the standard unit, 0 to 4; null where the value is.

    lower_limit: the laboratory's lower limit of normal, below which grade 1 begins. Without one a value that
    is not of grade 2 or more has grade 0.
    """
    second, third, fourth = GRADE_LIMITS[test]
    below_normal = pl.lit(False) if lower_limit is None else (value < lower_limit).fill_null(False)
    return (
        pl.when(value < fourth)
        .then(4)
        .when(value < third)
        .then(3)
        .when(value < second)
        .then(2)
        .when(below_normal)
        .then(1)
        .when(value.is_not_null())
        .then(0)
    )
