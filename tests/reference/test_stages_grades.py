"""Stages and grades: the specification's values, and its rules on every combination around the limits.

`grading/ORIGIN.md` says where both come from.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import polars as pl
import pytest

from pipeline.derive.grades import GRADE_LIMITS, lab_grade
from pipeline.derive.stages import durie_salmon_stage, durie_salmon_subclass, iss_stage
from tests.reference.grading.rules import ctcae3, durie_salmon, iss

B2M_ALBUMIN = ["b2m", "albumin"]
DURIE_SALMON = ["hemoglobin", "calcium", "lytic", "igg", "iga", "urine"]


def asked(rule: pl.Expr, names: list[str], cases: list[tuple[Any, ...]]) -> list[Any]:
    frame = pl.DataFrame(cases, schema=dict.fromkeys(names, pl.Float64), orient="row")
    return frame.select(rule.alias("answer"))["answer"].to_list()


def test_iss_values_of_the_specification() -> None:
    cases = [(3.4, 3.5), (3.4, 3.4), (3.5, None), (5.49, 4.0), (5.5, None), (3.4, None)]
    wanted = ["I", "II", "II", "II", "III", None]
    assert asked(iss_stage(*map(pl.col, B2M_ALBUMIN)), B2M_ALBUMIN, cases) == wanted
    assert [iss(*case) for case in cases] == wanted


def test_iss_around_every_limit() -> None:
    cases = list(product([None, 0.5, 3.49, 3.5, 3.51, 5.49, 5.5, 5.51, 40.0], [None, 2.0, 3.49, 3.5, 3.51]))
    assert asked(iss_stage(*map(pl.col, B2M_ALBUMIN)), B2M_ALBUMIN, cases) == [iss(*case) for case in cases]


def test_durie_salmon_values_of_the_specification() -> None:
    cases = [
        (11.0, 9.0, 0.0, 3.0, None, None),
        (9.0, 9.0, 0.0, 3.0, None, None),
        (8.4, None, None, None, None, None),
        (11.0, 9.0, 2.0, 3.0, None, None),
    ]
    wanted = ["I", "II", "III", "II"]
    assert asked(durie_salmon_stage(*map(pl.col, DURIE_SALMON)), DURIE_SALMON, cases) == wanted
    assert [durie_salmon(*case) for case in cases] == wanted


def test_durie_salmon_around_every_limit() -> None:
    cases = list(
        product(
            [None, 8.4, 8.5, 10.0, 10.1],
            [None, 12.0, 12.1],
            [None, 0.0, 1.0, 2.0, 3.0],
            [None, 4.9, 5.0, 7.0, 7.1],
            [None, 2.9, 3.0, 5.0, 5.1],
            [None, 3.9, 4.0, 12.0, 12.1],
        )
    )
    wanted = [durie_salmon(*case) for case in cases]
    assert {"I", "II", "III", None} == set(wanted)
    assert asked(durie_salmon_stage(*map(pl.col, DURIE_SALMON)), DURIE_SALMON, cases) == wanted


def test_durie_salmon_subclass() -> None:
    """Clinical rules 2.5: B if creatinine >= 2.0 mg/dL."""
    cases = [(None,), (1.99,), (2.0,), (2.1,)]
    assert asked(durie_salmon_subclass(pl.col("creatinine")), ["creatinine"], cases) == [None, "A", "B", "B"]


@pytest.mark.parametrize(
    ("test", "lln", "values", "wanted"),
    [
        ("NEUT", 1.8, [1.8, 1.7, 1.5, 1.49, 1.0, 0.99, 0.5, 0.49], [0, 1, 1, 2, 2, 3, 3, 4]),
        ("HGB", 12.0, [10.0, 9.9, 8.0, 7.9, 6.5, 6.4], [1, 2, 2, 3, 3, 4]),
    ],
)
def test_grades_of_the_specification(test: str, lln: float, values: list[float], wanted: list[int]) -> None:
    cases = [(value, lln) for value in values]
    found = asked(lab_grade(test, pl.col("value"), pl.col("lln")), ["value", "lln"], cases)
    assert found == wanted == [ctcae3(test, *case) for case in cases]


@pytest.mark.parametrize("test", list(GRADE_LIMITS))
def test_grades_around_every_limit(test: str) -> None:
    limits = (*GRADE_LIMITS[test], 2 * GRADE_LIMITS[test][0])
    cases = [(value, limits[-1]) for limit in limits for value in (limit - 0.01, limit, limit + 0.01)]
    wanted = [ctcae3(test, *case) for case in cases]
    assert set(wanted) == {0, 1, 2, 3, 4}
    assert asked(lab_grade(test, pl.col("value"), pl.col("lln")), ["value", "lln"], cases) == wanted


def test_without_a_lower_limit_grades_begin_at_2_and_no_value_has_no_grade() -> None:
    assert asked(lab_grade("NEUT", pl.col("value")), ["value"], [(1.6,), (1.4,), (None,)]) == [0, 2, None]
    cases = [(1.6, None), (None, 1.8)]
    assert asked(lab_grade("NEUT", pl.col("value"), pl.col("lln")), ["value", "lln"], cases) == [0, None]
