"""What holds for a group-sequential design by definition, in closed form, or by a second way of computing it.

Values against R's rpact are in tests/reference.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal, norm

from pipeline.stats.crossing import exits
from pipeline.stats.risk_table import Floats
from pipeline.stats.sequential import (
    OBRIEN_FLEMING,
    POCOCK,
    Boundary,
    Design,
    HaybittlePeto,
    Spending,
    WangTsiatis,
    conditional_power,
    freedman_events,
    group_sequential,
    logrank_design,
    logrank_drift,
    operating_characteristics,
    predictive_power,
    repeated_intervals,
    schoenfeld_events,
    spent,
    stagewise_inference,
)

# no deadline: how long an example takes depends on who else uses the machine
PROPERTY = settings(deadline=None, max_examples=25, derandomize=True)
NONE = -np.inf


def three_looks(**changes: object) -> Design:
    arguments = {"alpha": 0.05, "power": 0.9, "spending": "OF"} | changes
    return group_sequential([0.3, 0.7, 1], **arguments)  # type: ignore[arg-type]


# --- events -------------------------------------------------------------------------------------------------


def test_this_trials_assumptions_give_309_events_twice() -> None:
    # 4 (1.64485 + 1.28155)^2 / ln(1.4)^2 = 302.57; with three looks rpact gives 1.01874897 times that
    design = logrank_design(alpha=0.05, power=0.9, hazard_ratio=1.4, looks=3, spending="OF")
    z = norm.isf(0.05) + norm.isf(0.1)
    assert_allclose(design.fixed_events, 4 * z**2 / math.log(1.4) ** 2, rtol=1e-14)
    assert round(design.fixed_events, 2) == 302.57
    assert round(design.design.inflation, 5) == 1.01875
    assert round(design.events, 2) == 308.25
    assert (design.max_events, design.events_at_looks) == (309, (103, 206, 309))
    # Freedman, one look: z^2 (2.4 / 0.4)^2
    assert math.ceil(freedman_events(1.4, alpha=0.05, power=0.9)) == math.ceil(36 * z**2) == 309
    power = operating_characteristics(design.design, logrank_drift(1.4, 309)).power[0]
    assert 0.9 < power < 0.902


@pytest.mark.parametrize("allocation", [1.0, 2.0, 0.5])
def test_unequal_allocation_follows_the_published_formulas(allocation: float) -> None:
    z, ratio = norm.isf(0.025) + norm.isf(0.2), 0.7
    share = allocation / (1 + allocation)
    wanted = z**2 / (share * (1 - share) * math.log(ratio) ** 2)
    size = {"alpha": 0.025, "power": 0.8, "allocation": allocation}
    assert_allclose(schoenfeld_events(ratio, **size), wanted, rtol=1e-13)
    assert_allclose(schoenfeld_events(1 / ratio, **size), wanted, rtol=1e-13)
    freedman = z**2 * (1 + allocation * ratio) ** 2 / (allocation * (1 - ratio) ** 2)
    assert_allclose(freedman_events(ratio, **size), freedman, rtol=1e-13)
    assert_allclose(logrank_drift(ratio, wanted, allocation), z, rtol=1e-13)


def test_expected_events_lie_below_the_maximum_and_fall_with_the_effect() -> None:
    design = logrank_design(alpha=0.05, power=0.9, hazard_ratio=1.4, looks=4, spending="P")
    alternative, halfway, null = design.expected_events
    assert alternative < halfway < null < design.events
    single = logrank_design(alpha=0.05, power=0.9, hazard_ratio=1.4, looks=1)
    assert_allclose([*single.expected_events, single.events], single.fixed_events, rtol=1e-12)


# --- the recursion ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [-1.0, 0.0, 2.9])
def test_two_looks_are_a_bivariate_normal_probability(drift: float) -> None:
    t, low, high = np.array([0.4, 1.0]), np.array([-0.2]), np.array([2.4, 1.7])
    reject, futile = exits(t, low, high, drift)
    mean, correlation = drift * np.sqrt(t), math.sqrt(0.4)
    cdf = multivariate_normal(mean, [[1, correlation], [correlation, 1]]).cdf
    second = norm.cdf(2.4 - mean[0]) - norm.cdf(-0.2 - mean[0]) - cdf([2.4, 1.7]) + cdf([-0.2, 1.7])
    assert_allclose(reject[0], [norm.sf(2.4 - mean[0]), second], atol=1e-12)
    assert_allclose(futile[0], [norm.cdf(-0.2 - mean[0])], atol=1e-14)


def simpson_size(t: Floats, high: Floats, intervals: int = 1200) -> float:
    """Type I error of a boundary by Simpson's rule for the density of the statistic, from -9 on."""
    weights = np.array([1.0, *[4.0, 2.0] * (intervals // 2 - 1), 4.0, 1.0]) / 3
    at = np.linspace(-9, high[0], intervals + 1)
    mass = norm.pdf(at) * weights * (at[1] - at[0])
    size = norm.sf(high[0])
    for k in range(1, t.size):
        sd = math.sqrt(t[k] - t[k - 1])
        shift = at * math.sqrt(t[k - 1])
        size += mass @ norm.sf((high[k] * math.sqrt(t[k]) - shift) / sd)
        at = np.linspace(-9, high[k], intervals + 1)
        kernel = np.exp(-(((at[:, None] * math.sqrt(t[k]) - shift) / sd) ** 2) / 2)
        mass = kernel @ mass * weights * (at[1] - at[0]) * math.sqrt(t[k] / (2 * math.pi)) / sd
    return float(size)


def test_where_rpact_differs_simpsons_rule_sides_with_us() -> None:
    t = np.array([0.4, 0.5, 0.9, 1.0])
    design = group_sequential(t, alpha=0.025, power=0.9, spending=HaybittlePeto(3.3))
    assert abs(simpson_size(t, design.critical) - 0.025) < 1e-10
    # rpact 3.3.4, getDesignGroupSequential(informationRates = c(.4, .5, .9, 1), alpha = .025, sided = 1,
    # typeOfDesign = "HP", constantBoundsHP = 3.3, tolerance = 1e-10)$criticalValues[4]; ours is 1.96413292
    rpact = np.append(design.critical[:3], 1.96413174)
    assert simpson_size(t, rpact) - 0.025 > 3e-8


def test_many_drifts_at_once_are_the_drifts_one_by_one() -> None:
    t, low, high = np.array([0.3, 0.7, 1.0]), np.array([-0.5, 0.4]), np.array([3.4, 2.2, 1.7])
    for drifts in (np.linspace(-3, 4, 15), np.array([-45.0, 0.0, 45.0])):
        reject, futile = exits(t, low, high, drifts)
        singly = [exits(t, low, high, drift) for drift in drifts]
        assert_allclose(reject, np.vstack([above for above, _ in singly]), atol=1e-13)
        assert_allclose(futile, np.vstack([below for _, below in singly]), atol=1e-13)


def test_simulated_trials_stop_as_often_as_computed() -> None:
    design = three_looks(futility="P", binding=True)
    t, n = design.fractions, 200_000
    rng = np.random.default_rng(20091217)
    score = (rng.normal(size=(n, 3)) * np.sqrt(np.diff(t, prepend=0))).cumsum(axis=1) + design.drift * t
    z = score / np.sqrt(t)
    above, below = z >= design.critical, np.column_stack([z[:, :2] < design.futility, z[:, 2] < NONE])
    first = (above | below).cumsum(axis=1).cumsum(axis=1) == 1
    computed = operating_characteristics(design, design.drift)
    margin = 4 * math.sqrt(0.25 / n)
    assert_allclose((first & above).mean(axis=0), computed.reject[0], atol=margin)
    assert_allclose((first & below).mean(axis=0)[:2], computed.futility[0], atol=margin)


# --- designs ------------------------------------------------------------------------------------------------


@st.composite
def looks(draw: st.DrawFn) -> list[float]:
    """Up to five looks, neighbours at least 0.05 apart."""
    places = draw(st.lists(st.integers(2, 19), max_size=4, unique=True))
    return [*(place / 20 for place in sorted(places)), 1.0]


SPENDING = st.sampled_from(["OF", "P"]) | st.sampled_from([-8.0, -4.0, -1.0, 0.0, 1.0, 3.0])
CLASSICAL = st.sampled_from([OBRIEN_FLEMING, POCOCK, WangTsiatis(0.25), HaybittlePeto(3.0)])
SIZES = st.sampled_from([(0.05, 0.9), (0.025, 0.8), (0.1, 0.95), (0.01, 0.5)])


@PROPERTY
@given(t=looks(), boundary=SPENDING | CLASSICAL, size=SIZES)
def test_a_design_keeps_alpha_and_reaches_its_power(
    t: list[float], boundary: Boundary, size: tuple[float, float]
) -> None:
    alpha, power = size
    design = group_sequential(t, alpha=alpha, power=power, spending=boundary)
    done = operating_characteristics(design, [0.0, design.drift])
    assert_allclose(done.power, [alpha, power], atol=1e-11)
    assert_allclose(design.alpha_spent, done.reject[0].cumsum(), atol=1e-14)
    assert design.inflation >= 1 - 1e-10
    assert (done.futility == 0).all()
    if not isinstance(boundary, (WangTsiatis, HaybittlePeto)):
        assert_allclose(design.alpha_spent, spent(boundary, alpha, t), atol=1e-11)


@PROPERTY
@given(
    t=looks(),
    alpha_spending=st.sampled_from(["OF", "P", -4.0, 1.0]),
    beta_spending=st.sampled_from(["OF", "P", -4.0, -1.0]),
    size=st.sampled_from([(0.05, 0.9), (0.025, 0.8)]),
    binding=st.booleans(),
)
def test_futility_spends_beta_and_meets_the_critical_value(
    t: list[float],
    alpha_spending: Spending,
    beta_spending: Spending,
    size: tuple[float, float],
    binding: bool,
) -> None:
    alpha, power = size
    design = group_sequential(
        t, alpha=alpha, power=power, spending=alpha_spending, futility=beta_spending, binding=binding
    )
    done = operating_characteristics(design, design.drift)
    assert_allclose(done.power, power, atol=1e-10)
    assert_allclose(done.futility[0].cumsum(), spent(beta_spending, 1 - power, t)[:-1], atol=1e-10)
    assert (design.futility < design.critical[:-1]).all()
    assert_allclose(operating_characteristics(design.under_the_null(), 0.0).power, alpha, atol=1e-11)
    kept = operating_characteristics(design, 0.0).power[0]
    assert kept <= alpha + 1e-11  # futility only ever takes rejections away
    assert_allclose(design.alpha_spent, spent(alpha_spending, alpha, t), atol=1e-11)


def test_binding_futility_buys_lower_critical_values() -> None:
    free, bound = three_looks(futility="P"), three_looks(futility="P", binding=True)
    assert free.critical[0] == bound.critical[0]
    assert (bound.critical[1:] < free.critical[1:]).all()
    assert bound.inflation < free.inflation
    assert_allclose(free.critical, three_looks().critical, atol=0)


def test_classical_boundaries_have_their_shapes() -> None:
    t = np.array([0.2, 0.55, 1.0])
    obrien = group_sequential(t, alpha=0.05, power=0.9, spending=OBRIEN_FLEMING).critical
    assert_allclose(obrien * np.sqrt(t), obrien[-1], rtol=1e-14)
    assert np.ptp(group_sequential(t, alpha=0.05, power=0.9, spending=POCOCK).critical) == 0
    peto = group_sequential(t, alpha=0.05, power=0.9, spending=HaybittlePeto(3.0)).critical
    assert peto[:2].tolist() == [3.0, 3.0]
    assert norm.isf(0.05) < peto[2] < norm.isf(0.05) + 0.02


def test_a_classical_boundary_may_have_non_binding_futility() -> None:
    design = three_looks(spending=OBRIEN_FLEMING, futility="OF")
    assert_allclose(design.critical, three_looks(spending=OBRIEN_FLEMING).critical, atol=0)
    assert_allclose(operating_characteristics(design, design.drift).power, 0.9, atol=1e-10)


def test_one_look_is_the_fixed_design() -> None:
    for futility in (None, "OF"):
        design = group_sequential([1], alpha=0.025, power=0.8, futility=futility)  # type: ignore[arg-type]
        assert_allclose(design.critical, [norm.isf(0.025)], rtol=1e-12)
        assert_allclose([design.drift, design.inflation], [norm.isf(0.025) + norm.isf(0.2), 1], rtol=1e-12)
        assert design.futility.size == 0


def test_a_last_look_that_overran_spends_what_was_left() -> None:
    planned, overran = three_looks(), group_sequential([0.3, 0.7, 1.04], alpha=0.05, power=0.9)
    assert_allclose(overran.critical[:2], planned.critical[:2], atol=1e-12)
    assert overran.critical[2] > planned.critical[2]  # the last two looks are less alike
    assert_allclose(overran.alpha_spent[-1], 0.05, atol=1e-12)


def test_a_look_before_anything_can_be_spent_has_no_bound() -> None:
    design = group_sequential([0.001, 0.5, 1], alpha=0.05, power=0.9, futility="OF")
    assert (design.critical[0], design.futility[0]) == (np.inf, NONE)
    later = group_sequential([0.5, 1], alpha=0.05, power=0.9, futility="OF")
    assert_allclose(design.critical[1:], later.critical, atol=1e-10)
    assert_allclose(design.futility[1:], later.futility, atol=1e-10)
    assert_allclose(stagewise_inference(design, 2, 2.0, level=0.9).p, norm.sf(2.0), atol=1e-12)


def test_spending_functions_by_hand() -> None:
    # alpha ln(1 + (e - 1) t); 2 (1 - Phi(z / sqrt t)); alpha (1 - e^-gt) / (1 - e^-g), alpha t at g = 0
    assert_allclose(spent("P", 0.05, [0.5]), 0.05 * math.log(1 + (math.e - 1) / 2))
    assert_allclose(spent("OF", 0.05, [0.25]), 2 * norm.sf(2 * norm.isf(0.025)))
    assert_allclose(spent(-4, 0.05, [0.5]), 0.05 * (1 - math.exp(2)) / (1 - math.exp(4)))
    assert_allclose(spent(0, 0.05, [0.3, 1, 1.2]), [0.015, 0.05, 0.05])


# --- while the trial runs, and when it has stopped ----------------------------------------------------------


def test_power_left_before_the_last_look_has_a_closed_form() -> None:
    design, z = three_looks(futility="P"), 1.3
    t, need = 0.7, design.critical[2] - z * math.sqrt(0.7)
    for drift in (0.0, design.drift, z / math.sqrt(t)):
        wanted = norm.sf((need - drift * 0.3) / math.sqrt(0.3))
        assert_allclose(conditional_power(design, 2, z, drift), wanted, atol=1e-13)
    # with a flat prior the score still to come has mean z / sqrt(t) * 0.3 and variance 0.3 + 0.3^2 / t
    wanted = norm.sf((need - z / math.sqrt(t) * 0.3) / math.sqrt(0.3 + 0.09 / t))
    assert_allclose(predictive_power(design, 2, z), wanted, atol=1e-13)


@pytest.mark.parametrize("futility", [None, "P"])
def test_conditional_power_averages_to_the_power_and_to_predictive_power(futility: Spending | None) -> None:
    design, t = three_looks(futility=futility), 0.3
    # over the first look's statistic, from futility to critical value, under the design's drift
    nodes, weights = np.polynomial.legendre.leggauss(60)
    low, high = max(design.futility[0], design.drift * math.sqrt(t) - 9), design.critical[0]
    z = low + (high - low) * (nodes + 1) / 2
    later = np.array([conditional_power(design, 1, at, design.drift)[0] for at in z])
    density = norm.pdf(z - design.drift * math.sqrt(t)) * weights * (high - low) / 2
    first = operating_characteristics(design, design.drift).reject[0, 0]
    assert_allclose(first + density @ later, 0.9, atol=1e-10)
    # over the posterior N(z / sqrt t, 1 / t) of the drift
    points, masses = np.polynomial.hermite_e.hermegauss(120)
    powers = conditional_power(design, 1, 0.8, (0.8 + points) / math.sqrt(t))
    assert_allclose(predictive_power(design, 1, 0.8), powers @ masses / masses.sum(), atol=1e-8)


def test_stagewise_p_at_the_bounds_is_the_alpha_spent() -> None:
    for design in (three_looks(), three_looks(futility="P"), three_looks(futility="P", binding=True)):
        for look in (1, 2, 3):
            inference = stagewise_inference(design, look, design.critical[look - 1], level=0.9)
            assert_allclose(inference.p, design.alpha_spent[look - 1], atol=1e-12)
    assert_allclose(inference.lower, 0, atol=1e-9)  # at P = alpha the limit of level 1 - 2 alpha is no effect


def test_stagewise_inference_at_the_first_look_is_the_ordinary_one() -> None:
    found = stagewise_inference(three_looks(), 1, 3.9, level=0.95)
    wide = norm.isf(0.025)
    wanted = np.array([3.9, 3.9 - wide, 3.9 + wide]) / math.sqrt(0.3)
    assert_allclose([found.estimate, found.lower, found.upper], wanted, atol=1e-10)
    assert_allclose(found.p, norm.sf(3.9), rtol=1e-12)


@PROPERTY
@given(z=st.floats(-6, 12), look=st.integers(1, 3), level=st.sampled_from([0.8, 0.9, 0.95, 0.999]))
def test_stagewise_limits_reproduce_their_tail_probabilities(z: float, look: int, level: float) -> None:
    design = three_looks(spending=POCOCK)
    found = stagewise_inference(design, look, z, level=level)
    high = np.append(design.critical[: look - 1], z)
    tails = exits(
        design.fractions[:look], np.full(look - 1, NONE), high, [found.lower, found.estimate, found.upper]
    )
    half = (1 - level) / 2
    assert_allclose(tails[0].sum(axis=1), [half, 0.5, 1 - half], atol=1e-9)
    assert found.lower < found.estimate < found.upper


def test_repeated_intervals_exclude_no_effect_where_the_design_rejects() -> None:
    design = three_looks()
    se = 2 / np.sqrt([92, 216, 309])
    z = np.array([1.0, design.critical[1], 3.0])
    lower, upper = repeated_intervals(design, z * se, se)
    assert lower[0] < 0
    assert_allclose(lower[1], 0, atol=1e-15)
    assert lower[2] > 0
    assert_allclose(upper - lower, 2 * design.critical * se)
    assert_allclose(repeated_intervals(design, z[:1] * se[:1], se[0]), [lower[:1], upper[:1]])


def test_a_repeated_lower_limit_respects_binding_futility() -> None:
    design = three_looks(futility="P", binding=True)
    below = design.futility[0] - 0.1
    lower, _ = repeated_intervals(design, [below, 2.0, 6.0], [1.0, 1.0, 1.0])
    assert_allclose(lower[2], -0.1)  # no effect was accepted at the first look
    again, _ = repeated_intervals(design.ignoring_futility(), [below, 2.0, 6.0], [1.0, 1.0, 1.0])
    assert_allclose(again[2], 6 - design.critical[2])


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fractions",
    [
        [],
        [0.5],
        [0, 1],
        [-0.1, 1],
        [0.5, 0.5, 1],
        [0.7, 0.5, 1],
        [0.5, 1, 1.1],
        [0.5, np.nan, 1],
        [0.5, np.inf],
    ],
)
def test_impossible_looks_are_refused(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match="must increase from above 0, and only the last reach 1"):
        group_sequential(fractions, alpha=0.05, power=0.9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 0.0}, "0 < alpha < power < 1"),
        ({"power": 0.04}, "0 < alpha < power < 1"),
        ({"power": 1.0}, "0 < alpha < power < 1"),
        ({"spending": "asOF"}, "'OF', 'P' or a finite gamma"),
        ({"spending": math.nan}, "'OF', 'P' or a finite gamma"),
        ({"futility": "asOF"}, "'OF', 'P' or a finite gamma"),
        ({"spending": HaybittlePeto(1.5)}, "spends all of alpha"),
        ({"binding": True}, "spending function for both errors"),
        ({"spending": POCOCK, "futility": "OF", "binding": True}, "spending function for both errors"),
    ],
)
def test_impossible_designs_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        three_looks(**changes)


@pytest.mark.parametrize("binding", [False, True])
def test_futility_that_leaves_no_room_for_a_last_look_is_refused(binding: bool) -> None:
    # gamma 50 spends all of beta at the first look, where 0.9 of the information is in
    with pytest.raises(ValueError, match="reach the critical values before the last look"):
        group_sequential([0.9, 1], alpha=0.05, power=0.9, spending="P", futility=50.0, binding=binding)


def test_looks_ratios_and_formulas_that_do_not_exist_are_refused() -> None:
    design = three_looks()
    for look in (0, 3):
        with pytest.raises(ValueError, match="interim looks 1 to 2"):
            conditional_power(design, look, 1.0, 1.0)
    for look in (0, 4):
        with pytest.raises(ValueError, match="looks 1 to 3"):
            stagewise_inference(design, look, 1.0, level=0.9)
    with pytest.raises(ValueError, match="do not belong to 3 looks"):
        repeated_intervals(design, np.ones(4), 1.0)
    for ratio, allocation in ((1.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (1.4, 0.0)):
        with pytest.raises(ValueError, match="hazard ratio"):
            schoenfeld_events(ratio, alpha=0.05, power=0.9, allocation=allocation)
    with pytest.raises(ValueError, match="schoenfeld, freedman"):
        logrank_design(hazard_ratio=1.4, alpha=0.05, power=0.9, looks=2, formula="rule")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must increase"):
        logrank_design(hazard_ratio=1.4, alpha=0.05, power=0.9, looks=0)
