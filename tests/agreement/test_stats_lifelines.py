"""lifelines as the second road: estimates that share a definition with `pipeline.stats` must agree.

Not compared, because lifelines defines them otherwise: limits of Kaplan–Meier on the log scale (it has
log-log only), the median where S = 0.5 exactly, cumulative incidence with ties (it moves tied times at
random), stratified log-rank and Gray's test (it has neither).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from pipeline.stats.competing import cumulative_incidence
from pipeline.stats.survival import cox, kaplan_meier, logrank

DATA = Path(__file__).parents[1] / "reference" / "golden" / "data"
TIED = ["lung", "veteran", "trial460_days"]
TIE_FREE = ["ovarian", "half10"]


def read(name: str) -> dict[str, np.ndarray]:
    with (DATA / f"{name}.csv").open() as file:
        records = list(csv.DictReader(file))
    return {column: np.array([float(record[column]) for record in records]) for column in records[0]}


@pytest.mark.parametrize("name", TIED + TIE_FREE)
def test_kaplan_meier_and_its_log_log_limits(name: str) -> None:
    from lifelines import KaplanMeierFitter

    d = read(name)
    other = KaplanMeierFitter().fit(d["time"], d["status"])
    times = np.unique(d["time"])
    ours = kaplan_meier(d["time"], d["status"], interval="log-log").at(times)
    theirs = other.survival_function_at_times(times).to_numpy()
    np.testing.assert_allclose(ours.survival, theirs, rtol=1e-12, atol=1e-15)
    limits = other.confidence_interval_survival_function_.loc[times].to_numpy()
    inside = (theirs > 1e-12) & (theirs < 1)
    np.testing.assert_allclose(ours.lower[inside], limits[inside, 0], rtol=1e-9)
    np.testing.assert_allclose(ours.upper[inside], limits[inside, 1], rtol=1e-9)


@pytest.mark.parametrize("name", TIED + TIE_FREE)
def test_log_rank_of_two_groups_and_of_all_strata(name: str) -> None:
    from lifelines.statistics import multivariate_logrank_test

    d = read(name)
    for groups in (d["group"], d["strat"]):
        if np.unique(groups).size < 2:
            continue
        theirs = multivariate_logrank_test(d["time"], groups, d["status"])
        ours = logrank(d["time"], d["status"], groups)
        assert ours.chisq == pytest.approx(theirs.test_statistic, rel=1e-9)
        assert ours.p == pytest.approx(theirs.p_value, rel=1e-9)


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("name", [*TIED, "ovarian"])
def test_cox_with_efron_ties(name: str, stratified: bool) -> None:
    import pandas as pd
    from lifelines import CoxPHFitter

    d = read(name)
    columns = ["group"] if stratified else ["group", "x1", "x2"]
    frame = pd.DataFrame({key: d[key] for key in ["time", "status", "strat", *columns]})
    strata = ["strat"] if stratified else None
    other = CoxPHFitter().fit(
        frame if stratified else frame.drop(columns="strat"),
        "time",
        "status",
        strata=strata,
        fit_options={"precision": 1e-12},
    )
    x = np.column_stack([d[column] for column in columns])
    ours = cox(d["time"], d["status"], x, strata=d["strat"] if stratified else None)
    # We stop where R stops (relative change of the log likelihood 1e-9), lifelines here goes further.
    np.testing.assert_allclose(ours.coef, other.params_[columns], rtol=1e-6)
    np.testing.assert_allclose(ours.se, other.standard_errors_[columns], rtol=1e-6)
    assert ours.loglik == pytest.approx(other.log_likelihood_, rel=1e-10)


def test_cumulative_incidence_without_ties() -> None:
    from lifelines import AalenJohansenFitter

    rng = np.random.default_rng(3)
    time, cause = rng.exponential(size=200), rng.integers(0, 3, size=200)
    times = np.unique(time)
    ours = cumulative_incidence(time, cause).at(times)
    for column, of_interest in enumerate((1, 2)):
        other = AalenJohansenFitter(calculate_variance=False).fit(time, cause, event_of_interest=of_interest)
        theirs = other.cumulative_density_.iloc[:, 0].loc[times].to_numpy()
        np.testing.assert_allclose(ours.incidence[:, column], theirs, rtol=1e-11, atol=1e-15)
