"""What holds for the statistics whatever the data: invariances, extremes, and messages for bad input.

Values against R are in tests/reference; here each expectation follows from a definition or is worked out
by hand beside the test.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from math import factorial
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stats.competing import cumulative_incidence, gray_test
from pipeline.stats.counts import fisher_exact, odds_ratio
from pipeline.stats.survival import cox, interaction, kaplan_meier, logrank, reverse_kaplan_meier

Trial = dict[str, np.ndarray]
# no deadline: how long an example takes depends on who else uses the machine
PROPERTY = settings(deadline=None, max_examples=60)


@st.composite
def trials(draw: st.DrawFn, groups: int = 2) -> Trial:
    """A small trial with ties; both groups hold a patient, and somebody fails while both are at risk."""
    n = draw(st.integers(6, 40))
    column = lambda low, high: np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))  # noqa: E731
    trial = {
        "time": column(1, 15),
        "cause": column(0, 2),
        "group": column(0, groups - 1),
        "strata": column(0, 1),
    }
    trial["group"][:groups], trial["time"][:groups] = np.arange(groups), 16
    trial["time"][groups], trial["cause"][groups : groups + 2] = 3, (1, 2)
    trial["event"] = (trial["cause"] > 0).astype(int)
    return trial


def log_rank(d: Trial, time: np.ndarray | None = None) -> float:
    return logrank(d["time"] if time is None else time, d["event"], d["group"], strata=d["strata"]).chisq


def gray(d: Trial, time: np.ndarray | None = None) -> float:
    time = d["time"] if time is None else time
    return gray_test(time, d["cause"], d["group"], of_interest=1, strata=d["strata"]).chisq


@PROPERTY
@given(trials(), st.sampled_from([1 / 30.4375, 7.0, 1e6]))
def test_the_unit_of_time_does_not_matter(d: Trial, scale: float) -> None:
    assert log_rank(d, d["time"] * scale) == pytest.approx(log_rank(d), rel=1e-12)
    assert gray(d, d["time"] * scale) == pytest.approx(gray(d), rel=1e-12)
    days, other = kaplan_meier(d["time"], d["event"]), kaplan_meier(d["time"] * scale, d["event"])
    np.testing.assert_array_equal(days.survival, other.survival)
    np.testing.assert_allclose(np.array(other.quantile()), np.array(days.quantile()) * scale, rtol=1e-12)
    assert (
        cox(d["time"] * scale, d["event"], d["group"]).loglik == cox(d["time"], d["event"], d["group"]).loglik
    )


@PROPERTY
@given(trials(groups=3), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(d: Trial, random: object) -> None:
    order = np.array(random.sample(range(d["time"].size), d["time"].size))  # type: ignore[attr-defined]
    shuffled = {name: column[order] for name, column in d.items()}
    assert log_rank(shuffled) == pytest.approx(log_rank(d), rel=1e-12)
    assert gray(shuffled) == pytest.approx(gray(d), rel=1e-12)
    one, other = (cumulative_incidence(t["time"], t["cause"]) for t in (d, shuffled))
    np.testing.assert_array_equal(one.variance, other.variance)
    x = np.column_stack([d["group"] == 1, d["group"] == 2])
    before = cox(d["time"], d["event"], x, strata=d["strata"])
    after = cox(d["time"][order], d["event"][order], x[order], strata=d["strata"][order])
    assert after.loglik == pytest.approx(before.loglik, rel=1e-9)


@PROPERTY
@given(trials(groups=3))
def test_the_names_of_groups_do_not_matter(d: Trial) -> None:
    names = np.array(["placebo", "lenalidomide", "both"])  # sorts otherwise than 0, 1, 2
    renamed = d | {"group": names[d["group"]]}
    assert log_rank(renamed) == pytest.approx(log_rank(d), rel=1e-9)
    assert gray(renamed) == pytest.approx(gray(d), rel=1e-8)


@PROPERTY
@given(trials())
def test_exchanging_the_arms_inverts_the_hazard_ratio(d: Trial) -> None:
    one, other = (cox(d["time"], d["event"], arm) for arm in (d["group"], 1 - d["group"]))
    if not one.monotone:
        assert other.coef[0] == pytest.approx(-one.coef[0], abs=1e-9)
        assert other.lower[0] == pytest.approx(1 / one.upper[0], rel=1e-8)


@PROPERTY
@given(trials())
def test_cumulative_incidences_and_survival_add_up_to_one(d: Trial) -> None:
    curves = cumulative_incidence(d["time"], d["cause"], causes=(1, 2, 3))
    np.testing.assert_allclose(curves.incidence.sum(axis=1) + curves.survival, 1, atol=1e-14)
    np.testing.assert_allclose(curves.survival, kaplan_meier(d["time"], d["event"]).survival, atol=1e-15)
    assert (curves.incidence[:, 2] == 0).all()
    assert (curves.variance >= -1e-15).all()


@PROPERTY
@given(trials())
def test_observed_and_expected_add_up(d: Trial) -> None:
    test = logrank(d["time"], d["event"], d["group"], strata=d["strata"])
    assert test.expected.sum() == pytest.approx(d["event"].sum())
    np.testing.assert_allclose(test.variance.sum(axis=0), 0, atol=1e-10)
    one = gray_test(d["time"], d["cause"], d["group"], of_interest=2)
    assert one.score.sum() == pytest.approx(0, abs=1e-10)


@PROPERTY
@given(trials())
def test_without_ties_the_score_test_of_cox_is_the_log_rank_test(d: Trial) -> None:
    time = np.argsort(np.argsort(d["time"] * 100 + np.arange(d["time"].size)))
    score = cox(time, d["event"], d["group"], strata=d["strata"]).score
    assert score == pytest.approx(log_rank(d, time), rel=1e-9, abs=1e-12)


@PROPERTY
@given(trials())
def test_many_covariate_patterns_and_few_give_the_same_fit(d: Trial) -> None:
    """Rows that coincide are merged where there are few patterns; without that the sums are the same."""
    merged = cox(d["time"], d["event"], d["group"], strata=d["strata"])
    with mock.patch("pipeline.stats.cox._patterns", return_value=None):
        apart = cox(d["time"], d["event"], d["group"], strata=d["strata"])
    assert apart.loglik == pytest.approx(merged.loglik, rel=1e-10)
    if not merged.monotone:
        assert apart.se[0] == pytest.approx(merged.se[0], rel=1e-9, nan_ok=True)


def test_nobody_failed() -> None:
    time, never, arm = [3, 4, 5, 6], [0, 0, 0, 0], [0, 0, 1, 1]
    curve = kaplan_meier(time, never)
    assert (curve.survival == 1).all()
    assert (curve.lower == 1).all()
    assert all(math.isnan(limit) for limit in curve.quantile())
    for test in (logrank(time, never, arm), gray_test(time, never, arm, of_interest=1)):
        assert (test.chisq, test.df) == (0, 0)
        assert math.isnan(test.p)
    model = cox(time, never, arm)
    assert model.aliased.all()
    assert math.isnan(model.hr[0])
    assert cumulative_incidence(time, never).incidence.shape == (4, 0)
    assert reverse_kaplan_meier(time, never).quantile()[0] == 4.5  # half are gone from 4 on, and more from 5


def test_a_single_event() -> None:
    """One of four fails first: S = 3/4, Greenwood 3/4 sqrt(1 / (4 * 3)); O - E = 1/2, variance 1/4."""
    time, event, arm = [2, 3, 4, 5], [1, 0, 0, 0], [0, 1, 0, 1]
    curve = kaplan_meier(time, event)
    assert curve.survival[0] == 0.75
    assert curve.std_err[0] == pytest.approx(0.75 * math.sqrt(1 / 12))
    assert logrank(time, event, arm).chisq == pytest.approx(1.0)
    assert cox(time, event, arm).monotone


def test_grays_test_where_one_group_outlasts_the_other() -> None:
    """Stratum 1 goes on with one group after the common incidence reached 1; nothing is compared there."""
    time, cause = np.array([16, 3, 1, 1, 4, 5, 2, 6]), np.array([1, 1, 1, 1, 1, 0, 1, 2])
    group, strata = np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.array([1, 1, 1, 1, 2, 2, 2, 2])
    whole = gray_test(time, cause, group, of_interest=1, strata=strata)
    cut = gray_test(np.minimum(time, 2), cause * (time <= 2), group, of_interest=1, strata=strata)
    assert math.isfinite(whole.chisq)
    first = gray_test(time[:4], cause[:4], group[:4], of_interest=1)
    early = gray_test(np.minimum(time, 2)[:4], (cause * (time <= 2))[:4], group[:4], of_interest=1)
    assert first.chisq == pytest.approx(early.chisq, rel=1e-12)
    assert cut.df == whole.df == 1


def test_the_last_patient_fails() -> None:
    curve = kaplan_meier([1, 2], [1, 1])
    assert curve.survival.tolist() == [0.5, 0.0]
    assert np.isnan([curve.std_err[1], curve.lower[1], curve.upper[1]]).all()
    assert curve.quantile(0.5)[0] == 1.5


def test_reading_a_curve_before_between_at_and_after_its_times() -> None:
    at = kaplan_meier([10, 20, 30], [1, 0, 1]).at([5, 10, 15, 20, 25, 30, 35])
    np.testing.assert_allclose(at.survival, [1, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 0, 0])
    assert at.n_risk.tolist() == [3, 3, 2, 2, 1, 1, 0]
    assert (at.lower[0], at.upper[0], at.std_err[0]) == (1, 1, 0)
    curves = cumulative_incidence([10, 20, 30], [1, 0, 2]).at([5, 10, 35])
    np.testing.assert_allclose(curves.incidence, [[0, 0], [1 / 3, 0], [1 / 3, 2 / 3]])
    assert curves.n_risk.tolist() == [3, 3, 0]


def test_the_median_of_a_curve_that_ends_on_one_half_is_its_first_time() -> None:
    """As R prints it; there is no middle of a stretch that does not end."""
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0]).quantile()[0] == 2


def test_times_that_differ_in_the_last_bit_are_different_times() -> None:
    close = np.array([0.3, 0.1 + 0.2, 1.0])
    assert kaplan_meier(close, [1, 1, 0]).time.size == 3
    assert kaplan_meier(np.array([0.3, 0.3, 1.0]), [1, 1, 0]).time.size == 2


def test_monotone_likelihood_is_reported() -> None:
    """x separates: everybody with x = 1 outlives everybody with x = 0."""
    model = cox(np.arange(1, 11), np.ones(10), np.arange(10) >= 5)
    assert model.monotone
    assert not cox(np.arange(1, 11), np.ones(10), np.arange(10) % 2).monotone


def test_aliased_columns_are_missing_and_the_others_unchanged() -> None:
    rng = np.random.default_rng(1)
    time, event, x = rng.integers(1, 30, 80), rng.integers(0, 2, 80), rng.normal(size=80)
    alone = cox(time, event, x)
    more = cox(time, event, np.column_stack([np.ones(80), x, 3 * x - 2]))
    assert more.aliased.tolist() == [True, False, True]
    assert np.isnan(more.coef[[0, 2]]).all()
    assert more.coef[1] == pytest.approx(alone.coef[0], rel=1e-9)


def test_a_column_constant_within_strata_is_aliased() -> None:
    rng = np.random.default_rng(2)
    time, event, site = rng.integers(1, 30, 80), rng.integers(0, 2, 80), rng.integers(0, 5, 80)
    arm = rng.integers(0, 2, 80)
    model = cox(time, event, np.column_stack([site * 1.7, arm]), strata=site)
    assert model.aliased.tolist() == [True, False]
    assert model.coef[1] == pytest.approx(cox(time, event, arm, strata=site).coef[0], rel=1e-9)


def test_interaction_over_three_levels() -> None:
    """The hazard ratio within a level is that of a model with the factor's levels as its own terms."""
    rng = np.random.default_rng(7)
    arm, stage = rng.integers(0, 2, 300), rng.integers(1, 4, 300)
    time = np.ceil(rng.exponential(100 / (1 + 0.3 * arm * stage)))
    test = interaction(time, np.ones(300), arm, stage)
    assert test.df == 2
    assert [level.level for level in test.levels] == [1, 2, 3]
    within = np.column_stack([stage == 2, stage == 3, *(arm * (stage == s) for s in (1, 2, 3))])
    other = cox(time, np.ones(300), within)
    np.testing.assert_allclose([level.hr for level in test.levels], other.hr[2:], rtol=1e-6)
    np.testing.assert_allclose([level.upper for level in test.levels], other.upper[2:], rtol=1e-6)
    assert test.lr == pytest.approx(2 * (other.loglik - test.main.loglik), rel=1e-6)


def exact(counts: np.ndarray) -> Fraction:
    """Fisher's P in whole numbers, by trying every table with these margins."""
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    total = Fraction(0)
    observed = math.prod(factorial(int(cell)) for cell in counts.ravel())
    constant = Fraction(math.prod(factorial(int(m)) for m in [*rows, *columns]), factorial(int(counts.sum())))
    inner = [range(min(int(r), int(c)) + 1) for r in rows[:-1] for c in columns[:-1]]
    for cells in product(*inner):
        table = np.zeros_like(counts)
        table[:-1, :-1] = np.array(cells).reshape(len(rows) - 1, -1)
        table[:-1, -1] = rows[:-1] - table[:-1].sum(axis=1)
        table[-1] = columns - table[:-1].sum(axis=0)
        if (table >= 0).all() and (
            product_ := math.prod(factorial(int(x)) for x in table.ravel())
        ) >= observed:
            total += constant / product_
    return total


@PROPERTY
@given(st.lists(st.integers(0, 6), min_size=4, max_size=4), st.sampled_from([(2, 2)]))
def test_fisher_2x2_against_whole_numbers(cells: list[int], shape: tuple[int, int]) -> None:
    counts = np.array(cells).reshape(shape)
    assert fisher_exact(counts) == pytest.approx(float(exact(counts)), rel=1e-12)


@PROPERTY
@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_fisher_rxc_against_whole_numbers(cells: list[int]) -> None:
    counts = np.array(cells).reshape(3, 2)
    assert fisher_exact(counts) == pytest.approx(float(exact(counts)), rel=1e-12)
    assert fisher_exact(counts.T) == pytest.approx(fisher_exact(counts), rel=1e-12)


def test_odds_ratio_at_the_bounds_is_a_number() -> None:
    assert (odds_ratio([[0, 5], [7, 4]]).estimate, odds_ratio([[0, 5], [7, 4]]).lower) == (0, 0)
    assert (odds_ratio([[5, 0], [0, 6]]).estimate, odds_ratio([[5, 0], [0, 6]]).upper) == (math.inf, math.inf)
    nothing = odds_ratio([[0, 0], [4, 6]])
    assert (nothing.estimate, nothing.lower, nothing.upper) == (0, 0, math.inf)


T, E, G = [1, 2, 3], [1, 0, 1], [0, 1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kaplan_meier([], []), "time must be"),
        (lambda: kaplan_meier([1, math.nan], [1, 0]), "time has missing"),
        (lambda: kaplan_meier([1, math.inf], [1, 0]), "time has missing or infinite"),
        (lambda: kaplan_meier(["a", "b"], [1, 0]), "time must be numeric"),
        (lambda: kaplan_meier(T, [1, 0]), "event has shape"),
        (lambda: kaplan_meier(T, [1, 0, 2]), "event must be 0"),
        (lambda: kaplan_meier(T, [1, 0, -1]), "event has negative"),
        (lambda: kaplan_meier(T, [1, 0, 0.5]), "event must hold whole"),
        (lambda: kaplan_meier(T, [1, 0, None]), "event must hold whole"),
        (lambda: kaplan_meier(T, E, level=95), "level must lie"),
        (lambda: kaplan_meier(T, E, interval="exact"), "interval must be"),
        (lambda: kaplan_meier(T, E).quantile(0), "p must lie"),
        (lambda: logrank(T, E, [1, 1, 1]), "group needs"),
        (lambda: logrank(T, E, [0, 1]), "group has shape"),
        (lambda: logrank(T, E, np.array(["a", None, "b"], dtype=object)), "group has missing"),
        (lambda: logrank(T, E, [0, 1, math.nan]), "group has missing"),
        (lambda: logrank(T, E, G, strata=[1, 2]), "strata has shape"),
        (lambda: cox(T, E, [[1, 2], [3, 4]]), "x has shape"),
        (lambda: cox(T, E, [1, 2, math.nan]), "x has missing"),
        (lambda: cox(T, E, G, ties="exact"), "ties must be"),
        (lambda: interaction(T, E, [1, 1, 1], G), "treatment must hold"),
        (lambda: interaction(T, E, G, [1, 1, 1]), "factor needs"),
        (lambda: cumulative_incidence(T, [1, 0, 2], causes=[1]), "causes"),
        (lambda: gray_test(T, E, [1, 1, 1], of_interest=1), "group needs"),
        (lambda: gray_test(T, E, G, of_interest=0), "of_interest"),
        (lambda: fisher_exact([1, 2]), "table must have"),
        (lambda: fisher_exact([[1, -2], [3, 4]]), "table must hold"),
        (lambda: odds_ratio([[1, 2, 3], [4, 5, 6]]), "table must be 2 x 2"),
    ],
)
def test_bad_input_is_named(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
