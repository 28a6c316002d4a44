"""`pipeline design`: what it assumes, what it prints and writes, and what it refuses.

Expected numbers: the study's golden design (rpact, tests/reference), and closed forms where noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from numpy.testing import assert_allclose

from pipeline.assumptions import GIVEN, plan_trial, printed_events
from pipeline.cli import main
from pipeline.planning import TrialPlan, characteristics, needed_events, planned_looks, scenarios
from pipeline.stats.sequential import HaybittlePeto
from pipeline.studies import STUDIES
from pipeline.study import MonitoringPlan

STUDY = STUDIES["calgb_100104"]
NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(["hazard_ratio", "alpha", "power", "looks", "spending", "futility", "allocation"]),
    **dict.fromkeys(["formula", "patients", "accrual", "follow_up", "control_median", "dropout"]),
    **dict.fromkeys(["lost_before", "late", "every"]),
    "per_month": (),
    "binding": False,
    "least": 0.0,
}


def monitoring() -> MonitoringPlan:
    assert STUDY.monitoring is not None
    return STUDY.monitoring


def plan(**given: Any) -> TrialPlan:
    return plan_trial(monitoring(), {**NOTHING, **given})[0]


def design(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["design", "--trials", "200", *map(str, arguments)])


# --- numbers ------------------------------------------------------------------------------------------------


def test_two_ways_lead_to_the_309_events_that_the_paper_prints() -> None:
    events = needed_events(plan())
    assert events.filter(MAX_EVENTS=309).select("FORMULA", "LOOKS").rows() == [
        ("schoenfeld", 3),
        ("freedman", 1),
    ]
    assert events.filter(pl.col("PLANNED")).select("FORMULA", "LOOKS", "MAX_EVENTS").rows() == [
        ("schoenfeld", 3, 309)
    ]
    words = printed_events(STUDY, NOTHING, events)
    assert words[0].endswith(
        "Schoenfeld's formula with 3 looks (308.25), and Freedman's formula with 1 look (308.30)."
    )
    assert "not how they were found" in words[0]
    assert "324 events: --futility OF" in words[1]  # inflation 1.0707 of rpact's asOF with bsOF
    assert printed_events(STUDY, {**NOTHING, "power": 0.8}, events) == []


def test_one_look_needs_the_fixed_events_alone() -> None:
    events = needed_events(plan(looks=1))
    assert events["LOOKS"].to_list() == [1, 1]
    assert events["PLANNED"].to_list() == [True, False]


def test_the_looks_carry_bounds_times_and_chances() -> None:
    looks = planned_looks(plan(futility="OF"))
    assert looks["EVENTS"].to_list() == [108, 216, 324]
    # a bound of Z is a hazard ratio of exp(-2 Z / sqrt(events))
    z = looks["CRITICAL"].to_numpy()
    assert_allclose(
        looks["HAZARD_RATIO"],
        [math.exp(-2 * b / math.sqrt(n)) for b, n in zip(z, (108, 216, 324), strict=True)],
    )
    assert_allclose(looks["P"], [0.5 * math.erfc(b / math.sqrt(2)) for b in z])
    assert looks["FUTILITY"].is_null().to_list() == [False, False, True]
    assert looks["MONTH"].is_sorted()
    assert looks["PATIENTS"].to_list()[1:] == [460, 460]
    assert 0.9 <= looks["EFFICACY"].sum() < 0.902  # the events are rounded up
    assert looks["EFFICACY_NULL"].sum() < 0.05  # futility is not binding
    none = planned_looks(plan())
    assert none["FUTILITY"].null_count() == 3
    assert_allclose(none["EFFICACY_NULL"].sum(), 0.05, atol=1e-9)


def test_a_hazard_ratio_may_be_given_either_way_round() -> None:
    assert_allclose(plan(hazard_ratio=0.8).test["hazard_ratio"], plan(hazard_ratio=1.25).test["hazard_ratio"])


def test_scenarios_depend_on_the_plan() -> None:
    def kinds(**given: Any) -> list[str]:
        return [scenario.kind for scenario in scenarios(plan(**given))]

    assert kinds() == ["null", "effect", "late_effect"]
    assert kinds(late=0.0) == ["null", "effect"]
    assert kinds(futility="P")[1] == "null_ignoring_futility"
    assert "null_ignoring_futility" not in kinds(futility="P", binding=True)
    assert not any(scenario.has_formula for scenario in scenarios(plan(every=6.0)))


def test_characteristics_agree_with_the_formula_and_add_up() -> None:
    whole, stops = characteristics(plan(futility="OF", dropout=0.03), trials=2000, seed=6)
    for row in whole.filter(pl.col("REJECTED_BY_FORMULA").is_not_null()).iter_rows(named=True):
        known = row["REJECTED_BY_FORMULA"]
        assert abs(row["REJECTED"] - known) < 4 * math.sqrt(known * (1 - known) / 2000)
        for name in ("EVENTS", "MONTHS", "PATIENTS"):
            assert_allclose(row[name], row[f"{name}_BY_FORMULA"], rtol=0.02)
    assert whole.filter(SCENARIO="late_effect")["REJECTED_BY_FORMULA"].item() is None
    ended = stops.group_by("SCENARIO", maintain_order=True).agg(pl.col("EFFICACY", "FUTILE", "NEITHER").sum())
    assert_allclose(ended["EFFICACY"], whole["REJECTED"])
    assert_allclose(ended.select(pl.sum_horizontal("EFFICACY", "FUTILE", "NEITHER")).to_series(), 1)
    first = stops.filter(LOOK=1)
    assert first["HELD"].to_list() == [1.0] * 4


# --- assumptions --------------------------------------------------------------------------------------------


def test_every_assumption_says_where_it_is_from() -> None:
    _, own = plan_trial(monitoring(), NOTHING)
    assert all(assumption.source != GIVEN for assumption in own)
    by_label = {assumption.label: assumption for assumption in own}
    assert by_label["Lost before randomisation"].value == "15%: 542 to be registered"  # 460 / 0.85 = 541.2
    assert by_label["Lost before randomisation"].source.startswith("the paper")
    assert by_label["Median in the control group"].source.startswith("assumed")
    _, changed = plan_trial(monitoring(), {**NOTHING, "control_median": 20.0, "spending": HaybittlePeto(3.0)})
    given = {assumption.label: assumption.value for assumption in changed if assumption.source == GIVEN}
    assert given == {
        "Median in the control group": "20 months, exponential",
        "Efficacy bounds": "Haybittle-Peto, 3",
    }


def test_patients_enter_as_asked() -> None:
    steps = plan(per_month=((12.0, 10.0), (0.0, 4.0)), accrual=40.0).course.accrual
    assert (steps.starts, steps.rates) == ((0.0, 12.0, 40.0), (4.0, 10.0, 0.0))
    filled = plan(per_month=((0.0, 4.0), (12.0, 10.0)), patients=348).course
    assert_allclose(filled.accrual.starts[-1], 42)  # 48 + 10 * 30
    fitted = plan(per_month=((0.0, 9.0),), follow_up=18.0)
    assert_allclose(planned_looks(fitted)["MONTH"][-1], fitted.course.accrual.starts[-1] + 18)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"least": 0.2}, "--from goes with --every"),
        ({"every": 1.0}, "looks; more than 40"),
        ({"every": -1.0}, "--every must be above 0"),
        ({"follow_up": 12.0}, "with --per-month"),
        ({"per_month": ((0.0, 9.0),)}, "say one of --accrual, --follow-up or --patients"),
        ({"per_month": ((0.0, 9.0), (50.0, 2.0)), "accrual": 40.0}, "nobody enters at the rate of month 50"),
        ({"per_month": ((0.0, 9.0), (50.0, 0.0)), "patients": 460}, "460 patients never enter"),
        ({"per_month": ((3.0, 9.0),), "patients": 460}, "the first of"),
        ({"accrual": 0.0}, "--accrual must be above 0"),
        ({"control_median": 0.0}, "--control-median must be above 0"),
        ({"lost_before": 1.0}, "--lost-before is a share"),
        ({"dropout": 1.0}, "below 1"),
        ({"late": -1.0}, "--late must be at least 0"),
        ({"hazard_ratio": 1.0}, "hazard ratio"),
        ({"power": 0.01}, "0 < alpha < power < 1"),
        ({"looks": (0.5, 0.9)}, "only the last reach 1"),
        ({"dropout": 0.9}, "309 events never happen"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planned_looks(plan(**given))


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_prints_the_studys_own_design() -> None:
    told = design()
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.output.splitlines()]
    assert ["Look", "3", "309", "100.0", "1.695", "0.04506", "0.825", "none", "none", "0.05000"] in [
        line[:10] for line in lines
    ]
    for words in ("The paper prints 309 events", "They are not the trial's data.", "no data of any trial"):
        assert words in " ".join(told.output.split())


def test_the_command_writes_the_same_bytes_again_and_says_what_is_simulated(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        told = design("--futility", "OF", "--every", 12, "--from", 0.2, "--out", folder)
        assert told.exit_code == 0, told.output
    first, again = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == again
    assert set(first) == {
        *(f"design_{name}.{kind}" for name in ("boundaries", "stops") for kind in ("svg", "png")),
        *(f"design_{name}.csv" for name in ("events", "looks", "characteristics", "stops")),
        *(f"design_{n}.rtf" for n in ("assumptions", "events", "looks", "characteristics", "stops")),
        "design.html",
    }
    for name in ("design_stops.svg", "design_stops.csv", "design_characteristics.rtf", "design.html"):
        assert "200 simulated trials" in first[name].decode()
        assert "not the trial's data" in first[name].decode().replace("&#39;", "'").replace("</text>", "")
    frame = pl.read_csv(first["design_looks.csv"])
    assert_allclose(frame["CRITICAL"], planned_looks(plan(futility="OF"))["CRITICAL"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--looks", "many"], "no number of looks and no list of fractions"),
        (["--looks", 99], "99 is not 1 to 40 looks"),
        (["--spending", "asOF"], "no spending function"),
        (["--futility", "HP"], "no spending function"),
        (["--spending", "WT:x"], "no spending function"),
        (["--per-month", "9@start"], "no number of patients a month"),
        (["--binding"], "binding futility needs a spending function"),
        (["--patients", 200], "309 events never happen"),
        (["--spending", "HP", "--every", 12], "no spending function"),
    ],
)
def test_the_command_refuses_in_plain_words(arguments: list[object], message: str) -> None:
    told = design(*arguments)
    assert told.exit_code in (1, 2)
    assert message in " ".join(told.output.split())
    assert "Traceback" not in told.output


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("classical-OF", "classical O'Brien-Fleming"),
        ("classical-P", "classical Pocock"),
        ("HP:3.2", "Haybittle-Peto, 3.2"),
        ("WT:0.25", "Wang-Tsiatis, delta 0.25"),
        ("P", "spending of the Pocock type"),
        ("-4", "Hwang-Shih-DeCani spending, gamma -4"),
    ],
)
def test_every_boundary_can_be_asked_for(option: str, words: str) -> None:
    told = design("--spending", option)
    assert told.exit_code == 0, told.output
    assert words in told.output


def test_a_study_without_a_sequential_design_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STUDIES, "other", replace(STUDY, id="OTHER", monitoring=None))
    told = design("--study", "other")
    assert told.exit_code == 1
    assert "OTHER declares no sequential design" in told.output
