"""Reviews of a made-up trial: boundaries at the information observed, decisions, reviews that are refused."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.monitoring import MonitoringError, Review, hold_review
from pipeline.studies import STUDIES
from pipeline.study import Outputs, Study

GOLDEN = Path(__file__).parents[1] / "reference" / "golden" / "gsd_designs.csv"
REAL = STUDIES["calgb_100104"]
assert REAL.monitoring is not None
PLAN = replace(REAL.monitoring, closed=lambda codes, looks: Outputs(analyses=()), futility=None)
STUDY = replace(REAL, monitoring=PLAN)
ALLOCATION = pl.DataFrame(
    {
        "RANDNUM": [f"R{i:04}" for i in range(400)],
        "ARM": ["LENALIDOMIDE", "PLACEBO"] * 200,
        "CODE": ["B", "A"] * 200,
    }
)


def datasets(events: int, longer: float = 1.0) -> Mapping[str, pl.DataFrame]:
    """400 patients, so many with an event; the first arm's times are `longer` than the second's."""
    rng = np.random.default_rng(events)
    time = rng.exponential(500, 400) * np.where(np.arange(400) % 2 == 0, longer, 1.0)
    order = np.argsort(time)
    had = np.zeros(400, dtype=bool)
    had[order[:events]] = True
    end = np.where(had, time, time[order[events - 1]] + 1)
    subjects = [f"S-{i}" for i in range(400)]
    adsl = pl.DataFrame(
        {"USUBJID": subjects, "RANDNUM": ALLOCATION["RANDNUM"], "ITTFL": ["Y"] * 400, "SAFFL": ["Y"] * 400}
    )
    days = np.ceil(end).astype(int)
    adtte = pl.DataFrame(
        {"USUBJID": subjects, "PARAMCD": ["TTP"] * 400, "AVAL": days, "CNSR": np.where(had, 0, 1)}
    ).with_columns(pl.col("AVAL", "CNSR").cast(pl.Int64))
    return {"adsl": adsl, "adtte": adtte}


def review(
    *events: int, longer: float = 1.0, study: Study = STUDY, codes: pl.DataFrame = ALLOCATION
) -> Review:
    """The review at the last of the looks that have so many events."""
    adam = {look.id: datasets(n, longer) for look, n in zip(study.looks, events, strict=False)}
    return hold_review(study, study.looks[len(events) - 1], adam, codes)


def value(held: Review, level: str, statistic: str) -> float:
    rows = held.results.filter(ANALYSIS="REVIEW", LEVEL=level, STATISTIC=statistic)
    return rows["VALUE"].item()


def golden(design: str) -> list[float]:
    """Critical values of a design by rpact 3.3.4 (one-sided 0.05)."""
    with GOLDEN.open() as file:
        row = next(row for row in csv.DictReader(file) if row["design"] == design)
    return [float(bound) for bound in row["crit"].split(";")]


@pytest.mark.parametrize(
    ("design", "events"), [("asOF 148,309", (148,)), ("asOF 77,148,232,309", (77, 148, 232))]
)
def test_boundaries_are_those_of_the_information_observed(design: str, events: tuple[int, ...]) -> None:
    held = review(*events)
    shown = [value(held, level, "critical") for level in (*map(str, range(1, len(events) + 1)), "FINAL")]
    assert np.allclose(shown, golden(design), atol=1e-6, rtol=0)
    assert [value(held, str(k), "events") for k in range(1, len(events) + 1)] == list(events)
    assert value(held, "1", "fraction") == events[0] / 309


def test_the_statistic_is_positive_for_the_first_arm_s_benefit() -> None:
    from pipeline.stats.survival import logrank

    held = review(150, longer=2.0)
    rows = datasets(150, 2.0)["adtte"]
    first = np.arange(400) % 2 == 0
    test = logrank(rows["AVAL"].to_numpy(), (rows["CNSR"] == 0).to_numpy().astype(int), first.astype(int))
    assert value(held, "1", "z") > 0
    assert value(held, "1", "z") ** 2 == pytest.approx(test.chisq, rel=1e-12)
    assert value(held, "1", "hr") < 1
    assert value(review(150, longer=0.5), "1", "z") < 0


def test_the_rule_decides_by_the_boundaries() -> None:
    planned = replace(PLAN, futility="OF")
    study = replace(STUDY, monitoring=planned)
    decided = {
        longer: value(review(250, longer=longer, study=study), "1", "decision") for longer in (3.0, 1.35, 0.6)
    }
    assert decided == {3.0: 1, 1.35: 0, 0.6: 2}
    held = review(250, longer=1.35, study=study)
    assert value(held, "1", "futility") < value(held, "1", "z") < value(held, "1", "critical")


def test_bounds_of_earlier_looks_are_those_of_their_day() -> None:
    study = replace(STUDY, monitoring=replace(PLAN, futility="OF"))
    first, second = review(100, study=study), review(100, 200, study=study)
    for statistic in ("critical", "futility", "alpha_spent", "conditional_power"):
        assert value(first, "1", statistic) == value(second, "1", statistic)


def test_results_are_by_code_in_the_order_of_the_arms() -> None:
    held = review(150)
    assert [(arm.code, arm.name, arm.number) for arm in held.study.arms] == [("B", "B", 1), ("A", "A", 2)]
    assert set(held.results["GROUP"]) == {"B:A"}
    assert held.adam["adsl"]["TRT01P"].to_list() == ["B", "A"] * 200
    assert "PLACEBO" not in str(held.adam["adsl"].to_dicts())


def test_reviews_that_cannot_be_held_say_why() -> None:
    with pytest.raises(MonitoringError, match=r"reviews begin with more than 20% .* 2009-06-30 there are 61"):
        review(61)
    assert value(review(62), "1", "events") == 62
    with pytest.raises(MonitoringError, match="each look must have more events than the one before"):
        review(150, 150)
    with pytest.raises(
        MonitoringError, match=r"2010-01-01 is no review of CALGB-100104; there are 2009-06-30"
    ):
        hold_review(STUDY, replace(STUDY.looks[0], date=dt.date(2010, 1, 1)), {}, ALLOCATION)
    with pytest.raises(MonitoringError, match="1 randomised subjects are not on the list"):
        review(150, codes=ALLOCATION.head(399))
    with pytest.raises(MonitoringError, match="one code for each arm"):
        review(150, codes=ALLOCATION.with_columns(CODE=pl.lit("A")))


def test_all_events_end_the_monitoring() -> None:
    held = review(150, 309)
    assert held.results.filter(LEVEL="FINAL").is_empty()
    assert value(held, "2", "fraction") == 1
    assert value(held, "2", "conditional_power") is None
