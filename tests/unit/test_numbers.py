"""How numbers print. Expected texts are the paper's own or follow from half-up rounding by hand."""

from __future__ import annotations

import math

import pytest

from pipeline.numbers import format_count, format_months, format_p, format_rate, format_ratio


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "<0.001"),
        (0.00099999, "<0.001"),
        (0.001, "0.001"),  # Table 2, thrombocytopenia
        (0.0015, "0.002"),
        (0.0077, "0.008"),  # the paper: cumulative incidence of second cancers
        (0.00949, "0.009"),
        (0.0095, "0.01"),
        (0.0143, "0.01"),  # Table 2, lymphopenia
        (0.0252, "0.03"),  # the paper: overall survival
        (0.045, "0.05"),
        (0.0528, "0.05"),
        (0.378, "0.38"),  # the paper: interaction with remission; two decimals from 0.1 on
        (1.0, "1.00"),
        (None, "not estimable"),
    ],
)
def test_p_has_one_significant_digit_below_a_tenth(p: float | None, text: str) -> None:
    assert format_p(p) == text


@pytest.mark.parametrize(
    ("proportion", "places", "text"),
    [
        (47 / 231, 0, "20"),  # the paper's percentages of patients
        (101 / 229, 0, "44"),
        (86 / 231, 0, "37"),
        (132 / 229, 0, "58"),
        (1 / 231, 1, "0.4"),
        (5 / 231, 1, "2.2"),
        (0.125, 0, "13"),  # half to even would print 12
        (0.285, 0, "29"),  # 0.285 is stored as 0.28499999999999998
        (0.115, 0, "12"),
        (0.0, 0, "0"),
        (1 / 229, 0, "<1"),
        (0.0004, 1, "<0.1"),
        (1.0, 0, "100"),
        (None, 0, "not estimable"),
    ],
)
def test_rate_rounds_half_up(proportion: float | None, places: int, text: str) -> None:
    assert format_rate(proportion, places) == text


@pytest.mark.parametrize(
    ("days", "places", "text"),
    [
        (1400, 0, "46"),
        (2.5 * 30.4375, 0, "3"),  # half to even would print 2
        (math.nextafter(2.5 * 30.4375, 0), 0, "2"),
        (0.25 * 30.4375, 1, "0.3"),
        (0, 0, "0"),
        (None, 0, "not reached"),
    ],
)
def test_months_are_days_by_30_4375_half_up(days: float | None, places: int, text: str) -> None:
    assert format_months(days, places) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.365, "0.37"),
        (0.125, "0.13"),
        (0.4, "0.40"),
        (1.005, "1.01"),
        (12.344999, "12.34"),
        (None, "not estimable"),
    ],
)
def test_ratio_has_two_decimals_half_up(ratio: float | None, text: str) -> None:
    assert format_ratio(ratio) == text


def test_a_count_is_printed_whole_or_not_at_all() -> None:
    assert format_count(231.0) == "231"
    for value in (230.5, None):
        with pytest.raises(ValueError, match="not a count"):
            format_count(value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_never_printed(value: float) -> None:
    for formatter in (format_p, format_rate, format_months, format_ratio):
        with pytest.raises(ValueError, match="not a number to print"):
            formatter(value)


def test_numpy_floats_print_as_python_floats() -> None:
    np = pytest.importorskip("numpy")
    assert format_ratio(np.float64(0.365)) == "0.37"
