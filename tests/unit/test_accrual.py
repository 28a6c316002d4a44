"""Expected events by calendar time: by definition, in closed form, or by numerical integration.

Values against R's rpact are in tests/reference.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad

from pipeline.stats.accrual import (
    NEVER,
    Course,
    Steps,
    constant,
    even_accrual,
    events_by,
    fit_accrual,
    hazard_of_median,
    hazard_of_share,
    time_of,
    timing,
)
from pipeline.stats.sequential import group_sequential, logrank_design

PIECES = Steps((0.0, 2.0, 5.0, 9.0), (1.5, 0.0, 0.2, 3.0))
ODD = Course(
    accrual=Steps((0.0, 4.0, 10.0, 16.0), (2.0, 0.0, 11.0, 0.0)),
    experimental=Steps((0.0, 3.0, 12.0), (0.05, 0.0, 0.02)),
    control=Steps((0.0, 5.0), (0.04, 0.09)),
    dropout_experimental=Steps((0.0, 6.0), (0.0, 0.03)),
    dropout_control=constant(0.01),
    allocation=2.0,
)


def test_a_rate_gathers_over_its_pieces() -> None:
    assert_allclose(PIECES.total([-1, 0, 1, 2, 4, 7, 10]), [0, 0, 1.5, 3, 3, 3.4, 6.8], atol=1e-15)
    # nothing gathers from 2 to 5: more than 3 is there from 5 on
    assert_allclose(PIECES.reached([0, 1.5, 3, 3.4, 6.8]), [0, 1, 2, 7, 10], atol=1e-14)
    assert even_accrual(10, 4).reached(10.001) == np.inf
    assert even_accrual(10, 4).total(np.inf) == 10


@settings(deadline=None, max_examples=25, derandomize=True)
@given(time=st.floats(0, 50))
def test_reached_is_the_inverse_of_total(time: float) -> None:
    total = PIECES.total(time)
    assert_allclose(PIECES.total(PIECES.reached(total)), total, atol=1e-12)


def test_a_product_changes_where_either_factor_does() -> None:
    product = constant(0.5).times(Steps((0.0, 6.0), (1.0, 0.625)))
    assert product == Steps((0.0, 6.0), (0.5, 0.3125))
    both = PIECES.times(Steps((0.0, 3.0), (1.0, 2.0)))
    assert both == Steps((0.0, 2.0, 3.0, 5.0, 9.0), (1.5, 0.0, 0.0, 0.4, 6.0))


def test_hazards_of_a_median_and_of_a_share() -> None:
    assert_allclose(np.exp(-hazard_of_median(24).total(24)), 0.5)
    assert_allclose(np.exp(-hazard_of_share(0.15, 12).total(12)), 0.85)
    assert hazard_of_share(0, 12) == NEVER


def test_even_accrual_and_one_hazard_have_a_closed_form() -> None:
    rate, accrual = 0.03, 30.0
    course = Course(even_accrual(200, accrual), constant(rate), constant(rate))
    before, after = 20.0, 45.0
    wanted = [
        200 / accrual * (before - (1 - math.exp(-rate * before)) / rate),
        200 * (1 - (math.exp(-rate * (after - accrual)) - math.exp(-rate * after)) / (rate * accrual)),
    ]
    assert_allclose(events_by(course, [before, after]).sum(axis=1), wanted, rtol=1e-13)
    assert_allclose(events_by(course, [0.0, -1.0]), 0)


@pytest.mark.parametrize("time", [0.5, 3.0, 7.5, 12.0, 31.0])
def test_pieces_of_everything_agree_with_numerical_integration(time: float) -> None:
    groups = (
        (ODD.experimental, ODD.dropout_experimental, 2 / 3),
        (ODD.control, ODD.dropout_control, 1 / 3),
    )
    for group, (hazard, dropout, share) in enumerate(groups):
        events = integrated(time, hazard, dropout)
        assert_allclose(events_by(ODD, time)[0, group], share * events, rtol=1e-10)


def integrated(time: float, hazard: Steps, dropout: Steps) -> float:
    """Events of `ODD`'s accrual by a time, by quadrature of the definition."""

    def failing(elapsed: float) -> float:
        return hazard.at(elapsed) * math.exp(-float(hazard.total(elapsed) + dropout.total(elapsed)))

    def entered(entry: float) -> float:
        failed = quad(failing, 0, time - entry, points=[3, 5, 6, 12], limit=200)[0]
        return float(ODD.accrual.at(entry) * failed)

    changes = [start for start in ODD.accrual.starts[1:-1] if start < time]
    return float(quad(entered, 0, min(time, 16.0), points=changes or None, limit=200)[0])


def test_the_time_of_an_expected_number_of_events() -> None:
    times = time_of(ODD, [5, 30])
    assert_allclose(events_by(ODD, times).sum(axis=1), [5, 30], rtol=1e-11)
    assert times[0] < times[1]


def test_accrual_is_ended_so_that_the_follow_up_is_as_wanted() -> None:
    still_open = replace(ODD, accrual=Steps((0.0, 4.0, 10.0), (2.0, 0.0, 11.0)))
    fitted = fit_accrual(still_open, 60, 12.0)
    assert fitted.accrual.rates == (2.0, 0.0, 11.0, 0.0)
    assert_allclose(time_of(fitted, 60), fitted.accrual.starts[-1] + 12)
    # of the first period alone
    early = fit_accrual(still_open, 0.5, 4.0)
    assert early.accrual.rates == (2.0, 0.0)
    assert early.accrual.starts[-1] < 4


def test_a_design_of_one_look_lasts_until_all_its_events_are_in() -> None:
    single = group_sequential([1.0], alpha=0.05, power=0.9)
    found = timing(ODD, single, 40, single.drift)
    assert_allclose([found.duration, found.patients_expected], [found.times[0], found.patients[0]])
    assert_allclose(found.events.sum(), 40)


def test_early_stops_shorten_the_trial_and_no_effect_makes_it_longer() -> None:
    plan = logrank_design(hazard_ratio=0.6, alpha=0.025, power=0.8, looks=3)
    course = Course(even_accrual(300, 24), constant(0.03), constant(0.05))
    effect = timing(course, plan.design, plan.events, plan.design.drift)
    none = timing(course.without_effect(), plan.design, plan.events, 0.0)
    assert effect.duration < effect.times[-1]
    assert effect.patients_expected < course.patients
    assert none.times[-1] < effect.times[-1]  # events come faster at the control group's hazard
    assert none.duration / none.times[-1] > effect.duration / effect.times[-1]


def test_what_never_happens_is_refused() -> None:
    lost = replace(ODD, dropout_control=constant(0.5), dropout_experimental=constant(0.5))
    with pytest.raises(ValueError, match=r"60 events never happen: of 74 patients no more than .* ever fail"):
        time_of(lost, 60)
    with pytest.raises(ValueError, match="last rate must be above 0"):
        fit_accrual(ODD, 60, 12)
    cured = Course(constant(1.0), Steps((0.0, 1.0), (0.1, 0.0)), NEVER)
    with pytest.raises(ValueError, match="80 events never happen, however many"):
        fit_accrual(replace(cured, experimental=NEVER), 80, 12)


@pytest.mark.parametrize(
    ("starts", "rates", "message"),
    [
        ((0.0, 1.0), (1.0,), "needs a start"),
        ((), (), "needs a start"),
        ((1.0,), (1.0,), "the first of"),
        ((0.0, 2.0, 2.0), (1.0, 1.0, 1.0), "must increase"),
        ((0.0,), (-1.0,), "at least 0"),
        ((0.0,), (math.inf,), "at least 0"),
        ((0.0,), (math.nan,), "at least 0"),
    ],
)
def test_impossible_rates_are_refused(
    starts: tuple[float, ...], rates: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Steps(starts, rates)


def test_a_share_of_all_cannot_drop_out() -> None:
    with pytest.raises(ValueError, match="below 1"):
        hazard_of_share(1.0, 12)
