"""Simulated monitored trials: their log-rank statistics, their bounds, when looks come, what chance allows.

Every expected share comes from the design's own probabilities, with a tolerance of four standard errors.
Values against R's rpact are in tests/reference.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from pipeline.stats.accrual import Course, Steps, constant, even_accrual, events_by, hazard_of_share, timing
from pipeline.stats.lan_demets import Bounds
from pipeline.stats.sequential import (
    OBRIEN_FLEMING,
    LogrankDesign,
    group_sequential,
    logrank_design,
    logrank_drift,
    operating_characteristics,
)
from pipeline.stats.survival import logrank
from pipeline.stats.trials import Calendar, Cohort, draw_cohort, logrank_z, simulate

HAZARD = math.log(2) / 24
COURSE = Course(
    even_accrual(460, 52),
    constant(HAZARD / 1.4),
    constant(HAZARD),
    hazard_of_share(0.05, 12),
    hazard_of_share(0.03, 12),
)
TRIALS = 4000


def plan(**changes: object) -> LogrankDesign:
    arguments = {"hazard_ratio": 1 / 1.4, "alpha": 0.05, "power": 0.9, "looks": 3} | changes
    return logrank_design(**arguments)  # type: ignore[arg-type]


def chance(share: float, trials: int = TRIALS) -> float:
    """Four standard errors of a share."""
    return 4 * math.sqrt(share * (1 - share) / trials)


# --- one trial ----------------------------------------------------------------------------------------------


def test_the_statistic_is_the_signed_root_of_the_log_rank_test() -> None:
    odd = replace(COURSE, allocation=2.0, experimental=Steps((0.0, 9.0), (HAZARD, HAZARD / 2)))
    cohort = draw_cohort(odd, 6, np.random.default_rng(7))
    times = np.array([9.0, 20, 35, 52, 70, 200])
    z = logrank_z(cohort, times)
    follow_up, failed = cohort.seen_by(times)
    assert cohort.experimental == 307  # two of three
    experimental = np.arange(460) < cohort.experimental
    for trial in range(6):
        entered = follow_up[trial] > 0
        theirs = logrank(follow_up[trial, entered], failed[trial, entered], experimental[entered])
        score = theirs.expected[1] - theirs.observed[1]
        assert_allclose(z[trial], math.copysign(math.sqrt(theirs.chisq), score), rtol=1e-10)
        assert theirs.observed.sum() == failed[trial].sum()


def test_no_event_gives_no_statistic() -> None:
    ones = np.ones((1, 4))
    cohort = Cohort(0 * ones, ones, ones, np.zeros((1, 4), dtype=bool), 2)
    assert logrank_z(cohort, np.array([5.0])) == 0


def test_a_cohort_runs_the_course() -> None:
    cohort = draw_cohort(COURSE, 2000, np.random.default_rng(1))
    for time in (20.0, 60.0):
        _, failed = cohort.seen_by(np.full(2000, time))
        by_group = np.column_stack([failed[:, :230].sum(axis=1), failed[:, 230:].sum(axis=1)])
        off = by_group.mean(axis=0) - events_by(COURSE, time)[0]
        assert (np.abs(off) < 4 * by_group.std(axis=0) / math.sqrt(2000)).all()
    assert cohort.entry.min() >= 0
    assert cohort.entry.max() <= 52


# --- bounds at the information seen -------------------------------------------------------------------------


@pytest.mark.parametrize(("futility", "binding"), [(None, False), ("OF", False), ("P", True), (-2.0, True)])
@pytest.mark.parametrize("spending", ["OF", "P", -4.0])
def test_bounds_of_many_trials_are_those_of_each(spending: object, futility: object, binding: bool) -> None:
    trials = [[0.3, 0.7, 1.0], [0.22, 0.9, 1.04], [0.5, 0.51, 1.0]]
    designs = [
        group_sequential(t, alpha=0.025, power=0.9, spending=spending, futility=futility, binding=binding)  # type: ignore[arg-type]
        for t in trials
    ]
    # futility refers to the drift of a design, which is another one for other looks
    for design in designs:
        bounds, fractions = Bounds(design, 2), design.fractions
        for k in range(3):
            last = np.full(2, k == 2)
            high, low = bounds.look(np.full(2, fractions[k]), last)
            assert_allclose(high, design.critical[k], atol=1e-9)
            assert_allclose(low, design.futility[k] if k < 2 else -np.inf, atol=1e-9)
            if k < 2:
                bounds.go_on(~last, np.full(2, fractions[k + 1] - fractions[k]))


def test_trials_with_different_looks_do_not_disturb_each_other() -> None:
    seen = np.array([[0.25, 0.3, 0.6], [0.4, 0.8, 0.99], [0.1, 0.5, 1.2]])
    bounds = Bounds(group_sequential([0.5, 1], alpha=0.05, power=0.9), 3)
    first, _ = bounds.look(seen[:, 0], np.zeros(3, dtype=bool))
    kept = np.array([True, False, True])
    bounds.go_on(kept, seen[kept, 1] - seen[kept, 0])
    second, _ = bounds.look(seen[kept, 1], np.zeros(2, dtype=bool))
    bounds.go_on(np.ones(2, dtype=bool), seen[kept, 2] - seen[kept, 1])
    third, _ = bounds.look(seen[kept, 2], np.ones(2, dtype=bool))
    alone = [group_sequential(t, alpha=0.05, power=0.9).critical for t in ([0.4, 1], [0.1, 0.5, 1.2])]
    assert_allclose(first[1:], [alone[0][0], alone[1][0]], atol=1e-9)
    assert_allclose([second[1], third[1]], alone[1][1:], atol=1e-9)
    # the first trial ends with 0.6 of the information and takes all of alpha that is left
    under = group_sequential(np.array([0.25, 0.3, 0.6]) / 0.6, alpha=0.05, power=0.9)
    assert third[0] < under.critical[2]


def test_a_boundary_that_spends_nothing_cannot_follow_the_calendar() -> None:
    with pytest.raises(ValueError, match="no spending function"):
        Bounds(group_sequential([0.5, 1], alpha=0.05, power=0.9, spending=OBRIEN_FLEMING), 1)


# --- many trials --------------------------------------------------------------------------------------------


def test_looks_at_events_behave_as_the_design_says() -> None:
    for changes in ({}, {"futility": "OF"}):
        trial = plan(**changes)
        for course, ratio in ((COURSE, 1.4), (COURSE.without_effect(), 1.0)):
            drift = logrank_drift(ratio, 309) if ratio != 1 else 0.0
            wanted = operating_characteristics(trial.design, drift)
            found = simulate(course, trial.design, trial.events_at_looks, trials=TRIALS, seed=11)
            assert abs(found.power - wanted.power[0]) < chance(wanted.power[0])
            assert (np.abs(found.stopped(found.rejected) - wanted.reject[0]) < chance(0.5)).all()
            assert (np.abs(found.stopped(found.futile)[:2] - wanted.futility[0]) < chance(0.3)).all()
            expected = timing(course, trial.design, trial.max_events, drift)
            for values, mean in (
                (found.duration, expected.duration),
                (found.patients, expected.patients_expected),
                (found.events_at_end, wanted.expected_fraction[0] * trial.max_events),
            ):
                # the time at which events are expected is not quite the expected time: 0.3%
                assert abs(values.mean() - mean) < 4 * values.std() / math.sqrt(TRIALS) + 0.003 * mean


def test_ignoring_futility_only_adds_rejections() -> None:
    trial = plan(futility="P")
    same = {"trials": 400, "seed": 3}
    obeyed = simulate(COURSE, trial.design, trial.events_at_looks, **same)
    ignored = simulate(COURSE, trial.design, trial.events_at_looks, stop_for_futility=False, **same)
    assert obeyed.futile.any()
    assert not ignored.futile.any()
    assert (ignored.rejected | ~obeyed.rejected).all()
    assert ignored.power > obeyed.power
    assert_array_equal(obeyed.z[:, 0], ignored.z[:, 0])


def test_looks_at_calendar_times_keep_alpha_at_whatever_information_they_see() -> None:
    trial = plan(futility="OF")
    calendar = Calendar(tuple(range(12, 121, 12)), trial.max_events, least=0.2)
    null = COURSE.without_effect()
    found = simulate(null, trial.design, calendar, trials=TRIALS, seed=5, stop_for_futility=False)
    assert abs(found.power - 0.05) < chance(0.05)
    held = found.events > 0
    assert (held.sum(axis=1) > 3).any()
    assert found.events[held].min() >= 0.2 * trial.max_events
    assert_array_equal(np.broadcast_to(calendar.times, held.shape)[held], found.time[held])
    assert (np.diff(np.where(held, found.events, 0), axis=1)[held[:, 1:]] > 0).all()
    # the first look with all events is the last
    done = (found.events >= trial.max_events).sum(axis=1)
    assert done.max() == 1
    assert (found.look > 0).all()
    obeyed = simulate(null, trial.design, calendar, trials=1000, seed=5)
    assert obeyed.futile.mean() > 0.8
    assert obeyed.duration.mean() < found.duration.mean()


def test_the_last_time_takes_what_is_left_of_alpha() -> None:
    trial = plan(spending="P")
    short = Calendar((30.0, 48.0), trial.max_events)
    found = simulate(COURSE.without_effect(), trial.design, short, trials=TRIALS, seed=8)
    assert found.events.max() < trial.max_events
    assert abs(found.power - 0.05) < chance(0.05)
    assert set(found.look) == {1, 2}


def test_an_effect_that_sets_in_late_costs_power() -> None:
    trial = plan()
    late = replace(COURSE, experimental=constant(HAZARD).times(Steps((0.0, 6.0), (1.0, 1 / 1.4))))
    power = [
        simulate(course, trial.design, trial.events_at_looks, trials=1000, seed=2).power
        for course in (COURSE, late)
    ]
    assert power[1] < power[0] - 0.1


def test_a_trial_whose_events_never_come_ends_with_its_last_patient() -> None:
    lost = replace(
        COURSE, dropout_experimental=hazard_of_share(0.3, 12), dropout_control=hazard_of_share(0.3, 12)
    )
    trial = plan()
    found = simulate(lost, trial.design, trial.events_at_looks, trials=200, seed=4)
    never = found.look == 0
    assert never.any()
    assert not found.rejected[never].any()
    assert np.isnan(found.z[never, 2]).all()
    assert (found.duration[never] > 52).all()


def test_a_seed_names_the_trials() -> None:
    trial = plan()

    def power(seed: int) -> np.ndarray:
        return simulate(COURSE, trial.design, trial.events_at_looks, trials=500, seed=seed).z[:, 0]

    assert_array_equal(power(1), power(1))
    assert not np.array_equal(power(1), power(2))


def test_what_cannot_be_simulated_is_refused() -> None:
    trial = plan()
    same = {"trials": 10, "seed": 1}
    with pytest.raises(ValueError, match="309 events cannot come of 300 patients"):
        simulate(replace(COURSE, accrual=even_accrual(300, 52)), trial.design, trial.events_at_looks, **same)
    with pytest.raises(ValueError, match="of inf patients"):
        simulate(replace(COURSE, accrual=constant(9.0)), trial.design, trial.events_at_looks, **same)
    with pytest.raises(ValueError, match="2 numbers of events are not the 3 looks"):
        simulate(COURSE, trial.design, (100, 309), **same)
    for times in ((12.0, 12.0), (0.0, 12.0)):
        with pytest.raises(ValueError, match="must increase from above 0"):
            simulate(COURSE, trial.design, Calendar(times, 309), **same)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        simulate(COURSE, trial.design, trial.events_at_looks, trials=0, seed=1)
