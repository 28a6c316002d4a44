"""What a design rests on: a study's own assumptions under those that somebody gives, each with its source.

What does not belong here: what follows from them (`planning`), how they are asked for (`pipeline.cli`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.planning import TrialPlan

if TYPE_CHECKING:
    import polars as pl

    from pipeline.stats.accrual import Course
    from pipeline.stats.sequential import LogrankDesign
    from pipeline.stats.trials import Calendar
    from pipeline.study import MonitoringPlan, PlannedCourse, Study

GIVEN, OWN = "an option of the command", "the study's design"
FOLLOWS = "follows from options of the command"
TEST = ("hazard_ratio", "alpha", "power", "looks", "spending", "futility", "allocation")
"""What is given of the test, beside the formula and whether futility binds."""
MOST_LOOKS = 40


class Assumption(NamedTuple):
    """What is assumed, in words, and where that is from."""

    label: str
    value: str
    source: str


def plan_trial(monitoring: MonitoringPlan, given: Mapping[str, Any]) -> tuple[TrialPlan, list[Assumption]]:
    """The study's plan with what is given instead (None: nothing is), and what it assumes.

    given: the names of TEST, `formula`, `binding`; `patients`, `accrual`, `per_month` (pairs of a month and
    patients a month from then on), `follow_up`, `control_median`, `dropout`, `lost_before`, `late`, `every`,
    `least`: as the options of `pipeline design`. ValueError, naming the option, if they do not go together.
    """
    from pipeline.stats.sequential import logrank_design

    if given["least"] and not given["every"]:
        raise ValueError("--from goes with --every: looks at numbers of events begin with the first")
    defaults = {"spending": "OF", "futility": None, "formula": "schoenfeld", "allocation": 1.0}
    test = {**defaults, **monitoring.design, "binding": given["binding"]}
    test |= {name: given[name] for name in test if given[name] is not None}
    ratio = test["hazard_ratio"]
    test["hazard_ratio"] = 1 / ratio if ratio > 1 else ratio
    design = logrank_design(**test)
    course, assumed = _course(monitoring.course, given, test, design)
    planned, calendar = monitoring.course, None
    late = planned.late if given["late"] is None else given["late"]
    if late < 0:
        raise ValueError("--late must be at least 0")
    if late:
        source = planned.sources["late"] if given["late"] is None else GIVEN
        assumed.append(Assumption("Effect sets in late, in one scenario", f"{short(late)} months", source))
    if given["every"]:
        calendar = _calendar(course, design, given["every"], given["least"])
        looks = f"every {short(given['every'])} months, from {short(100 * given['least'])}% of the events on"
        assumed.append(Assumption("Simulated looks", looks, GIVEN))
    return TrialPlan(test, design, course, late, calendar), [*_tested(planned, test, design, given), *assumed]


def _tested(
    planned: PlannedCourse, test: Mapping[str, Any], design: LogrankDesign, given: Mapping[str, Any]
) -> list[Assumption]:
    futility = "none"
    if test["futility"] is not None:
        binding = "binding" if test["binding"] else "not binding"
        futility = f"{_in_words(test['futility'])}, {binding}"
    about = [
        ("Type I error, one-sided", "alpha", short(test["alpha"])),
        ("Power", "power", short(test["power"])),
        ("Hazard ratio, control to experimental", "hazard_ratio", short(1 / test["hazard_ratio"])),
        ("Patients, experimental to control", "allocation", short(test["allocation"])),
        ("Looks, in % of the events", "looks", ", ".join(short(100 * f) for f in design.design.fractions)),
        ("Efficacy bounds", "spending", _in_words(test["spending"])),
        ("Futility bounds", "futility", futility),
        ("Formula of the events", "formula", test["formula"].capitalize()),
    ]
    return [
        Assumption(label, text, planned.sources.get(name, OWN) if given[name] is None else GIVEN)
        for label, name, text in about
    ]


def _course(
    planned: PlannedCourse, given: Mapping[str, Any], test: Mapping[str, Any], design: LogrankDesign
) -> tuple[Course, list[Assumption]]:
    from pipeline.stats.accrual import Course, constant, hazard_of_median, hazard_of_share

    def chosen(name: str) -> tuple[float, str]:
        own = getattr(planned, name), planned.sources[name]
        return own if given[name] is None else (given[name], GIVEN)

    median, of_median = chosen("control_median")
    dropout, of_dropout = chosen("dropout")
    lost, of_lost = chosen("lost_before")
    if median <= 0:
        raise ValueError("--control-median must be above 0")
    if not 0 <= lost < 1:
        raise ValueError("--lost-before is a share, at least 0 and below 1")
    control, leaving = hazard_of_median(median), hazard_of_share(dropout, 12)
    experimental = control.times(constant(test["hazard_ratio"]))
    course = Course(constant(1), experimental, control, leaving, leaving, test["allocation"])
    course = _with_accrual(course, planned, given, design)
    patients = round(course.patients)
    registered = math.ceil(patients / (1 - lost))
    # what --per-month and --follow-up say decides on both
    rates = bool(given["per_month"])
    of_patients = FOLLOWS if rates else chosen("patients")[1]
    of_accrual = FOLLOWS if rates else chosen("accrual")[1]
    return course, [
        Assumption("Median in the control group", f"{short(median)} months, exponential", of_median),
        Assumption("Patients randomised", str(patients), of_patients),
        Assumption("They enter over", f"{short(course.accrual.starts[-1])} months", of_accrual),
        Assumption(
            "Lost before randomisation", f"{short(100 * lost)}%: {registered} to be registered", of_lost
        ),
        Assumption("Lost in a year after it", f"{short(100 * dropout)}%, exponential", of_dropout),
    ]


def _with_accrual(
    course: Course, planned: PlannedCourse, given: Mapping[str, Any], design: LogrankDesign
) -> Course:
    """The course with its accrual: so many patients in so many months, or at the rates of --per-month."""
    from pipeline.stats.accrual import Steps, even_accrual, fit_accrual

    rates = sorted(given["per_month"])
    asked = [name for name in ("patients", "accrual", "follow_up") if given[name] is not None]
    if not rates:
        if "follow_up" in asked:
            raise ValueError("--follow-up finds how long patients enter: say how fast, with --per-month")
        months = planned.accrual if given["accrual"] is None else given["accrual"]
        if months <= 0:
            raise ValueError("--accrual must be above 0")
        return replace(course, accrual=even_accrual(given["patients"] or planned.patients, months))
    if len(asked) != 1:
        raise ValueError("with --per-month say one of --accrual, --follow-up or --patients")
    entering = replace(course, accrual=Steps(tuple(m for m, _ in rates), tuple(r for _, r in rates)))
    if "follow_up" in asked:
        return fit_accrual(entering, design.max_events, given["follow_up"])
    end = given["accrual"] if "accrual" in asked else float(entering.accrual.reached(given["patients"]))
    if not end < math.inf:
        raise ValueError(f"{given['patients']} patients never enter at these rates")
    if end <= rates[-1][0]:
        raise ValueError(f"nobody enters at the rate of month {short(rates[-1][0])}: accrual ends before")
    return replace(course, accrual=Steps((*entering.accrual.starts, end), (*entering.accrual.rates, 0.0)))


def _calendar(course: Course, design: LogrankDesign, every: float, least: float) -> Calendar:
    """Times until the events are in even in a trial that takes twice as long as expected."""
    from pipeline.stats.accrual import time_of
    from pipeline.stats.trials import Calendar

    if every <= 0 or not 0 <= least <= 1:
        raise ValueError("--every must be above 0, and --from a share of the events")
    looks = math.ceil(2 * float(time_of(course, design.max_events)[0]) / every)
    if looks > MOST_LOOKS:
        raise ValueError(f"--every {short(every)} means {looks} looks; more than {MOST_LOOKS} are too many")
    return Calendar(tuple(every * (place + 1) for place in range(looks)), design.max_events, least)


def printed_events(study: Study, given: Mapping[str, Any], events: pl.DataFrame) -> list[str]:
    """Which assumptions give the events that are printed of the study, where its own test is asked for.

    events: `planning.needed_events` of that test.
    """
    from pipeline.published import read_published
    from pipeline.stats.sequential import logrank_design

    plan = study.monitoring
    if plan is None or any(given[name] is not None for name in TEST):
        return []
    words = []
    if study.published is not None:
        published = read_published(study.published).filter(ANALYSIS="SAMPLE_SIZE", STATISTIC="events")
        for printed in published["PRINTED"]:
            ways = [
                f"{row['FORMULA'].capitalize()}'s formula with {row['LOOKS']} "
                f"look{'s' * (row['LOOKS'] > 1)} ({row['EVENTS']:.2f})"
                for row in events.filter(MAX_EVENTS=int(printed)).iter_rows(named=True)
            ]
            words.append(
                f"The paper prints {printed} events and not how they were found. What rounds up to them: "
                f"{', and '.join(ways) or 'nothing of this'}."
            )
    if plan.futility is not None and plan.design.get("futility") is None:
        needed = logrank_design(**{**plan.design, "futility": plan.futility}).max_events
        words.append(
            f"The study's looks have futility bounds too ({_in_words(plan.futility)}, not binding). A design "
            f"that keeps the power in spite of them needs {needed} events: --futility {plan.futility}."
        )
    return words


def _in_words(spending: Any) -> str:
    from pipeline.stats.sequential import HaybittlePeto, WangTsiatis

    if isinstance(spending, HaybittlePeto):
        return f"Haybittle-Peto, {short(spending.interim)}"
    if isinstance(spending, WangTsiatis):
        classical = {0.0: "classical O'Brien-Fleming", 0.5: "classical Pocock"}
        return classical.get(spending.delta, f"Wang-Tsiatis, delta {short(spending.delta)}")
    named = {"OF": "spending of the O'Brien-Fleming type", "P": "spending of the Pocock type"}
    return named.get(spending) or f"Hwang-Shih-DeCani spending, gamma {short(spending)}"


def short(value: float) -> str:
    """A number as briefly as four digits say it."""
    return f"{value:.4g}"
