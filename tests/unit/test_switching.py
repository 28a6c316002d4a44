"""Crossover models on trials drawn with a known answer, and cases that have one in closed form.

Agreement with R on the trial's own data is in tests/reference/test_switching_r.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.stats import survival, switching
from pipeline.stats.switching import (
    Course,
    Stretch,
    censoring_weights,
    course,
    g_estimate,
    untreated,
    weighted_cox,
    without_switching,
)

PSI = -0.6
NOT_FOUND = Stretch(math.nan, math.nan, math.nan, 0, 0.0)


def drawn(rng: np.random.Generator, n: int = 240, psi: float = PSI, crossing: float = 0.7) -> Course:
    """A trial in which treated time runs at exp(psi) times the pace, and who does badly crosses over sooner.

    Lives without treatment are exponential (mean 900 days) after 100 days in which nobody is treated or
    dies; follow-up ends between 500 and 2000 days.
    """
    arm = np.arange(n) % 2
    before = np.full(n, 100.0)
    alone = rng.exponential(900, n)
    followed = rng.uniform(500, 2000, n)
    crosses = (arm == 0) & (rng.random(n) < crossing)
    start = np.where(arm == 1, 0.0, np.where(crosses, alone * rng.uniform(0.3, 0.9, n), alone))
    life = before + start + (alone - start) * np.exp(-psi)
    time = np.minimum(life, followed)
    on = np.clip(time - before - start, 0, None)
    on[(arm == 0) & ~crosses] = 0
    return course(time, life <= followed, arm, on, followed, before)


@pytest.fixture
def trial() -> Course:
    return drawn(np.random.default_rng(20091217), n=400)


def test_the_factor_is_found_and_its_interval_covers_it_as_often_as_it_says() -> None:
    """300 trials: coverage within 2.6 binomial standard errors of 95%, bias below two of its own."""
    rng = np.random.default_rng(100104)
    found = [g_estimate(drawn(rng)) for _ in range(300)]
    psi = np.array([f.psi for f in found])
    lower = np.array([-np.inf if np.isnan(f.lower) else f.lower for f in found])
    upper = np.array([np.inf if np.isnan(f.upper) else f.upper for f in found])
    covered = ((lower <= PSI) & (upper >= PSI)).mean()
    assert abs(covered - 0.95) < 2.6 * math.sqrt(0.95 * 0.05 / 300)
    assert abs(np.mean(psi) - PSI) < 0.05
    # not by being wide: most intervals exclude that treatment does nothing
    assert (upper < 0).mean() > 0.6


def test_randomisation_in_strata_keeps_the_estimate(trial: Course) -> None:
    strata = np.random.default_rng(1).integers(0, 4, trial.time.size)
    plain, stratified = g_estimate(trial), g_estimate(trial, strata=strata)
    assert stratified.psi == pytest.approx(plain.psi, abs=0.15)
    assert stratified.psi != plain.psi


def test_at_no_effect_the_statistic_is_the_log_rank_test(trial: Course) -> None:
    strata = np.random.default_rng(2).integers(0, 3, trial.time.size)
    days = course(*(np.ceil(a) for a in (trial.time,)), trial.event, trial.arm, trial.on, trial.followed + 1)
    for labels in (None, strata):
        test = survival.logrank(days.time, days.event, days.arm, strata=labels)
        found = g_estimate(days, strata=labels)
        assert found.z**2 == pytest.approx(test.chisq, rel=1e-12)
        assert found.z < 0  # fewer events than expected in arm 1
    assert np.unique(days.time).size < days.time.size  # ties were among them


def test_the_interval_holds_what_the_test_does_not_reject(trial: Course) -> None:
    found = g_estimate(trial)
    for psi, rejected in (
        (found.lower - 0.02, True),
        (found.lower + 0.02, False),
        (found.psi, False),
        (found.upper - 0.02, False),
        (found.upper + 0.02, True),
    ):
        (time,), (event,) = untreated(trial, psi)
        assert (survival.logrank(time, event, trial.arm).p < 0.05) == rejected


def test_when_nobody_switches_the_comparison_is_the_one_as_assigned() -> None:
    trial = drawn(np.random.default_rng(3), crossing=0)
    for stretch in (g_estimate(trial), NOT_FOUND):
        result = without_switching(trial, stretch)
        plain = survival.cox(trial.time, trial.event, trial.arm)
        assert (result.hr, result.lower, result.upper) == (plain.hr[0], plain.lower[0], plain.upper[0])
        assert_array_equal(result.time, trial.time)
        assert result.events_lost == 0


def test_without_an_effect_untreated_times_are_the_observed_ones(trial: Course) -> None:
    (time,), (event,) = untreated(trial, 0.0)
    assert_allclose(time, trial.time, rtol=1e-15)
    assert_array_equal(event, trial.event)


def test_a_drug_that_stretches_time_has_made_treated_lives_longer() -> None:
    """Two years of life, the second of them treated at half the pace, are a year and a half without."""
    one = course([730, 730], [1, 1], [1, 0], [365, 0], [3000, 3000])
    (time,), (event,) = untreated(one, math.log(0.5))
    assert_allclose(time, [365 + 365 / 2, 730])
    assert_array_equal(event, [1, 1])
    (time,), _ = untreated(one, math.log(2))
    assert_allclose(time, [365 + 2 * 365, 730])


def test_recensoring_never_lengthens_and_does_not_ask_who_was_treated(trial: Course) -> None:
    psi = np.linspace(-2, 2, 41)
    time, event = untreated(trial, psi)
    pace = np.exp(psi)[:, None]
    assert (time <= trial.time - trial.on + pace * trial.on + 1e-9).all()
    assert (event <= trial.event).all()
    # censored at the end of the shortest course, with the 100 days in which nobody could be treated
    limit = trial.before + np.minimum(pace, 1) * (trial.followed - trial.before)
    assert (time <= limit + 1e-9).all()
    swapped = course(trial.time, trial.event, 1 - trial.arm, trial.on, trial.followed, trial.before)
    assert_array_equal(untreated(swapped, psi)[0], time)


def test_the_ratio_without_switching_keeps_the_p_value_of_the_test_as_assigned(trial: Course) -> None:
    found = g_estimate(trial)
    result = without_switching(trial, found)
    se = math.log(result.upper / result.lower) / (2 * 1.959963984540054)
    assert math.log(result.hr) / se == pytest.approx(found.z, rel=1e-9)
    assert result.hr < survival.cox(trial.time, trial.event, trial.arm).hr[0]
    assert result.events_lost == (trial.event - result.event)[trial.arm == 0].sum() > 0


def test_a_factor_that_is_not_found_gives_no_ratio(trial: Course) -> None:
    nobody = course(trial.time, np.zeros_like(trial.event), trial.arm, trial.on, trial.followed, trial.before)
    found = g_estimate(nobody)
    assert np.isnan([found.psi, found.lower, found.upper]).all()
    assert found.crossings == 0
    # nothing is known of the control arm beyond randomisation
    result = without_switching(trial, NOT_FOUND)
    control = trial.arm == 0
    assert np.isnan([result.hr, result.se, result.lower, result.upper]).all()
    assert_array_equal(result.time[control], trial.before[control])
    assert result.events_lost == trial.event[control].sum()
    assert result.event[control].sum() == 0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"on": [400, 0]}, "on is longer"),
        ({"on": [-1, 0]}, "on must hold 2 finite values, none negative"),
        ({"followed": [300, 300]}, "time lies beyond followed"),
        ({"before": [np.nan, 0]}, "before must hold"),
        ({"arm": [1, 1]}, "arm must hold both"),
        ({"before": [300, 0], "on": [100, 0]}, "on is longer"),
    ],
)
def test_a_course_that_contradicts_itself_is_refused(changed: dict[str, list[float]], says: str) -> None:
    fine = {"on": [300, 0], "followed": [400, 400], "before": [0, 0], "arm": [1, 0]}
    values = fine | changed
    with pytest.raises(ValueError, match=says):
        course([365, 200], [1, 0], values["arm"], values["on"], values["followed"], values["before"])


def crossing(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Lives of two equal arms; in control, from day 200 to 300, mostly those with a good prognosis cross."""
    control = np.arange(n) % 2
    good = rng.integers(0, 2, n)
    life = np.ceil(rng.exponential(np.where(good, 1200, 250)))
    followed = rng.integers(400, 1200, n).astype(float)
    time, event = np.minimum(life, followed), life <= followed
    day = 200 + np.ceil(rng.exponential(np.where(good, 70, 400)))
    crosses = (control == 1) & (day <= 300) & (day < time)
    return {
        "control": control,
        "good": good,
        "time": np.where(crosses, day, time),
        "event": np.where(crosses, 0, event).astype(int),
        "crossed": crosses.astype(int),
    }


def test_weights_undo_the_bias_of_censoring_at_crossover() -> None:
    """Equal arms, so the log hazard ratio is 0: censoring alone misses it by far, weights come near."""
    rng = np.random.default_rng(7)
    plain, weighted, covered = [], [], 0
    for _ in range(60):
        t = crossing(rng, 400)
        opens, closes = np.full(400, 200.0), np.full(400, 1e9)
        w = censoring_weights(
            t["time"], t["crossed"], t["control"], opens, closes, t["good"][:, None].astype(float)
        )
        fit = weighted_cox(t["time"], t["event"], 1 - t["control"], w.at)
        covered += fit.lower < 1 < fit.upper
        weighted.append(fit.coef)
        plain.append(survival.cox(t["time"], t["event"], 1 - t["control"]).coef[0])
    assert np.mean(plain) < -0.12
    assert abs(np.mean(weighted)) < 0.05
    assert covered >= 52  # of 60; below 52 has probability 0.006 at 95%


def test_those_who_stay_stand_for_those_who_left() -> None:
    """With one covariate pattern, 1 over the share that stays: 3 of 4 stay, then 2 of 3, so 2 count as 4."""
    time = np.array([10, 30, 40, 60, 60, 60.0])
    crossed = np.array([1, 1, 0, 0, 0, 0])
    control = np.array([1, 1, 1, 1, 0, 0])
    w = censoring_weights(time, crossed, control, np.zeros(6), time, np.zeros((6, 1)))
    # exp of the Nelson–Aalen hazard stands for the product of shares
    assert_allclose(w.last[:4], np.exp([0, 1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3]))
    # all alike, so the stabiliser takes everything away from whoever is at risk
    at = np.array([5, 20, 60])
    assert_allclose(w.at(at)[time >= at[:, None]], 1)
    assert w.spread(at, time) == pytest.approx((1, 1, 1))


def test_a_crossover_on_the_day_of_an_event_comes_after_it() -> None:
    time, crossed = np.array([30, 50, 50, 60.0]), np.array([1, 0, 0, 0])
    w = censoring_weights(
        time, crossed, np.array([1, 1, 1, 0]), np.array([0, 0, 40, 0.0]), time, np.zeros((4, 1))
    )
    assert_allclose(w.at([30]), 1)
    # the third could not cross over yet when the first of three did, the second could
    assert_allclose(w.at([50])[0, 1:], [math.exp(1 / 2 - 1 / 3), math.exp(-1 / 3), 1])


def constant(size: float, n: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda times: np.full((len(times), n), size)


def test_blocks_of_times_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large for memory is done in parts: the factor, the weights, the ratio."""
    rng = np.random.default_rng(5)
    trial, t = drawn(rng, 120), crossing(rng, 120)
    opens, closes, good = np.full(120, 200.0), np.full(120, 1e9), t["good"][:, None].astype(float)

    def all_of_it() -> tuple[object, ...]:
        w = censoring_weights(t["time"], t["crossed"], t["control"], opens, closes, good)
        spread = w.spread(np.unique(t["time"][t["event"] == 1]), t["time"])
        return g_estimate(trial), spread, weighted_cox(t["time"], t["event"], 1 - t["control"], w.at)

    stretch, spread, fit = all_of_it()
    monkeypatch.setattr(switching, "_AT_ONCE", 1000)
    again = all_of_it()
    assert again[0] == stretch
    assert again[1] == pytest.approx(spread, rel=1e-12)
    assert vars(again[2]) == pytest.approx(vars(fit), rel=1e-10)


def test_equal_weights_are_no_weights(trial: Course) -> None:
    time = np.ceil(trial.time / 30)  # many ties
    plain = survival.cox(time, trial.event, trial.arm)
    for size in (1.0, 3.0):
        fit = weighted_cox(time, trial.event, trial.arm, constant(size, time.size))
        assert fit.coef == pytest.approx(plain.coef[0], rel=1e-8)
        assert fit.se == pytest.approx(plain.se[0], rel=0.1)


def test_without_a_finite_estimate_there_is_none() -> None:
    fit = weighted_cox([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0], constant(1, 4))
    assert all(np.isnan(v) for v in vars(fit).values())
    none = weighted_cox([1, 2], [0, 0], [1, 0], constant(1, 2))
    assert np.isnan(none.coef)


def test_nobody_crossing_over_leaves_weights_of_one() -> None:
    w = censoring_weights([10, 20], [0, 0], [1, 0], [30, 30], [10, 20], np.zeros((2, 2)))
    assert_array_equal(w.at([5]), np.ones((1, 2)))
    assert np.isnan(w.coef).all()
    with pytest.raises(ValueError, match="crossed over who could not"):
        censoring_weights([10, 20], [1, 0], [1, 0], [30, 30], [10, 20], np.zeros((2, 2)))
