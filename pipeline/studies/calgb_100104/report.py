"""The trial's report as a value: its pages, the sentences on them, and which tables and figures stand where.

Every number in a sentence is asked of the results. What does not belong here: a number typed in, rows of
tables (`displays.py`), how a page looks (`pipeline.outputs.site`).
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.numbers import NOT_REACHED, format_count, format_months, format_p, format_rate, format_ratio
from pipeline.outputs.site import Card, Report, ReportPage, Section
from pipeline.outputs.tables import (
    COUNT,
    Ask,
    Sentence,
    Show,
    Words,
    date_part,
    median_months,
    months,
    number,
    ratio,
)

CITATION = (
    "McCarthy PL, Owzar K, Hofmeister CC, et al. Lenalidomide after stem-cell transplantation for multiple "
    "myeloma. N Engl J Med 2012;366:1770-81."
)
ARMS = {"len": "LEN", "pbo": "PBO"}
TOTAL, COMPARISON = "TOTAL", "LEN:PBO"

FIRST_MONTH, LAST_MONTH = date_part("min", parts=2), date_part("max", parts=2)
EVENTS, PATIENTS = number("events"), number("n")
HAZARD_RATIO = ratio("hr")
P = Show(("p",), lambda p: f"P{text}" if (text := format_p(p)).startswith("<") else f"P = {text}")
HAZARD, LIMITS = (
    Show(("hr",), format_ratio),
    Show(("hr_lower", "hr_upper"), lambda low, high: f"{format_ratio(low)} to {format_ratio(high)}"),
)
SHARE = Show(("n", "proportion"), lambda n, proportion: f"{format_count(n)} ({format_rate(proportion)}%)")
MEDIAN = Show(("median",), lambda days: NOT_REACHED if days is None else f"{format_months(days)} months")
RATE = Show(("rate",), lambda rate: f"{format_rate(rate)}%")


def _arms(name: str, analysis: str, level: str, show: Show) -> dict[str, Ask]:
    """The same number of each arm, as `name_len` and `name_pbo`."""
    return {f"{name}_{arm}": Ask(analysis, group, level, show) for arm, group in ARMS.items()}


def _total(analysis: str, level: str, show: Show) -> Ask:
    return Ask(analysis, TOTAL, level, show)


def _between(analysis: str, level: str, show: Show) -> Ask:
    return Ask(analysis, COMPARISON, level, show)


def _sentence(text: str, *numbers: Mapping[str, Ask], **more: Ask) -> Sentence:
    return Sentence(text, {name: ask for part in numbers for name, ask in part.items()} | more)


ENROLMENT = _sentence(
    "From {first} to {closed}, {registered} patients were registered at {centres} centers. Of these, "
    "{randomised} were randomly assigned after transplantation, by {last}: {n_len} to lenalidomide and "
    "{n_pbo} to placebo.",
    _arms("n", "RANDOMISED", "", COUNT),
    first=_total("REGISTRATION_DATE", "", FIRST_MONTH),
    closed=_total("REGISTRATION_DATE", "", LAST_MONTH),
    last=_total("RANDOMISATION_DATE", "", LAST_MONTH),
    registered=_total("REGISTERED", "REGISTERED", COUNT),
    centres=_total("CENTRES", "", COUNT),
    randomised=_total("RANDOMISED", "", COUNT),
)
RECRUITED = _sentence(
    "By this cut-off {registered} patients were registered at {centres} centers and {randomised} randomly "
    "assigned.",
    registered=_total("REGISTERED", "REGISTERED", COUNT),
    centres=_total("CENTRES", "", COUNT),
    randomised=_total("RANDOMISED", "", COUNT),
)
NOT_RANDOMISED = _sentence(
    "{excluded} registered patients were not randomly assigned, {progression} of them for progression.",
    excluded=_total("REGISTERED", "NOT RANDOMISED", COUNT),
    progression=_total("REGISTERED", "PROGRESSION BEFORE RANDOMISATION", COUNT),
)
FOLLOW_UP = _sentence(
    "The median follow-up since transplantation was {observed} months as observed, and {reverse} months with "
    "its 95% confidence interval by the reverse Kaplan–Meier method.",
    observed=_total("FOLLOWUP", "", months("observed")),
    reverse=_total("FOLLOWUP", "", median_months("reverse_km")),
)


def _endpoint(code: str, happened: str, median: str, free: str) -> Sentence:
    return _sentence(
        f"{{events_len}} of {{n_len}} patients in the lenalidomide group and {{events_pbo}} of {{n_pbo}} in "
        f"the placebo group {happened} (hazard ratio, {{hr}}; 95% confidence interval, {{limits}}; {{p}} by "
        f"the log-rank test). The median {median} was {{median_len}} with lenalidomide and {{median_pbo}} "
        f"with placebo. At 3 years, {{rate_len}} and {{rate_pbo}} were {free}.",
        _arms("events", f"{code}_KM", "", EVENTS),
        _arms("n", f"{code}_KM", "", PATIENTS),
        _arms("median", f"{code}_KM", "", MEDIAN),
        _arms("rate", f"{code}_KM", "36", RATE),
        hr=_between(f"{code}_COX", "", HAZARD),
        limits=_between(f"{code}_COX", "", LIMITS),
        p=_between(f"{code}_LOGRANK", "", P),
    )


PROGRESSION = _endpoint(
    "TTP", "had progressive disease or died", "time to progression", "alive without progression"
)
SURVIVAL = _endpoint("OS", "died", "survival", "alive")
EVENT_FREE = _endpoint(
    "EFS",
    "had a second primary cancer, had progressive disease or died",
    "event-free survival",
    "alive without any of these",
)
HAEMATOLOGIC = _sentence(
    "A hematologic adverse event of grade 3 or 4 was reported after randomization for {blood_len} of the "
    "lenalidomide group and {blood_pbo} of the placebo group ({p} by Fisher’s exact test), neutropenia of "
    "grade 3 or 4 for {neutropenia_len} and {neutropenia_pbo}.",
    _arms("blood", "AE_BLOOD", "ANY 3-4", SHARE),
    _arms("neutropenia", "AE_BLOOD", "NEUTROPENIA 3-4", SHARE),
    p=_between("AE_BLOOD", "ANY 3-4", P),
)
OTHER_EVENTS = _sentence(
    "A nonhematologic adverse event of grade 3 or 4 was reported for {other_len} of the lenalidomide group "
    "and {other_pbo} of the placebo group ({p}).",
    _arms("other", "AE_OTHER", "ANY 3-4", SHARE),
    p=_between("AE_OTHER", "ANY 3-4", P),
)
STOPPED = _sentence(
    "The assigned drug was discontinued because of an adverse event by {stopped_len} of the lenalidomide "
    "group and {stopped_pbo} of the placebo group.",
    _arms("stopped", "STOPPED_FOR_AE", "ADVERSE EVENT", SHARE),
)
CANCERS = _sentence(
    "A second primary cancer was reported for {cancer_len} of the lenalidomide group and {cancer_pbo} of the "
    "placebo group: hematologic in {blood_len} and {blood_pbo}, solid tumors in {solid_len} and {solid_pbo}. "
    "Nonmelanoma skin cancers are not counted.",
    _arms("cancer", "SPM", "ANY", SHARE),
    _arms("blood", "SPM", "HEMATOLOGIC", COUNT),
    _arms("solid", "SPM", "SOLID", COUNT),
)
INCIDENCE = _sentence(
    "With progression and death as competing events, the groups differ in the cumulative incidence of second "
    "cancer ({cancer}), of progression ({progression}) and of death ({death}), each by Gray’s test.",
    cancer=_between("CIF_GRAY", "SECOND CANCER", P),
    progression=_between("CIF_GRAY", "PROGRESSION", P),
    death=_between("CIF_GRAY", "DEATH", P),
)
CROSSOVER = _sentence(
    "When the study groups were unblinded, {eligible} patients of the placebo group had no progression and "
    "could change to lenalidomide; {crossed} have done so by this cut-off. Patients are analyzed by assigned "
    "treatment.",
    eligible=Ask("CROSSOVER", "PBO", "ELIGIBLE", COUNT),
    crossed=Ask("CROSSOVER", "PBO", "CROSSED OVER", COUNT),
)


def _ratio_card(label: str, code: str) -> Card:
    return Card(
        label,
        _sentence("{hr}", hr=_between(f"{code}_COX", "", HAZARD_RATIO)),
        _sentence(
            "{p}; {events_len} against {events_pbo} events",
            _arms("events", f"{code}_KM", "", EVENTS),
            p=_between(f"{code}_LOGRANK", "", P),
        ),
    )


def _page(name: str, title: str, lead: Words, *sections: Section) -> ReportPage:
    return ReportPage(name, title, lead, sections)


SUMMARY = _page(
    "index",
    "Summary",
    "Lenalidomide maintenance against placebo, started about 100 days after autologous stem-cell "
    "transplantation for multiple myeloma: a randomized, double-blind, phase 3 trial, computed from its "
    "(made-up) case-report forms.",
    Section(
        "At a glance",
        cards=(
            _ratio_card("Progression or death, hazard ratio", "TTP"),
            _ratio_card("Death, hazard ratio", "OS"),
            _ratio_card("Second cancer, progression or death, hazard ratio", "EFS"),
            Card(
                "Second primary cancers, lenalidomide against placebo",
                _sentence("{n_len} : {n_pbo}", _arms("n", "SPM", "ANY", COUNT)),
                _sentence("{p} for the cumulative incidence", p=_between("CIF_GRAY", "SECOND CANCER", P)),
            ),
        ),
    ),
    Section("Patients", (ENROLMENT, NOT_RANDOMISED, FOLLOW_UP)),
    Section("Efficacy", (PROGRESSION, SURVIVAL, EVENT_FREE, CROSSOVER)),
    Section("Safety", (HAEMATOLOGIC, OTHER_EVENTS, STOPPED)),
    Section("Second primary cancers", (CANCERS, INCIDENCE)),
)
BASELINE = _page(
    "baseline",
    "Patients",
    ENROLMENT,
    Section("Characteristics at baseline", tables=("table_1",)),
    Section("Enrollment and assignment", (NOT_RANDOMISED,), figures=("figure_s1a", "figure_s1b")),
    Section("Design", tables=("design",)),
)
EFFICACY = _page(
    "efficacy",
    "Efficacy",
    FOLLOW_UP,
    Section(
        "Time to progression and survival",
        (PROGRESSION, SURVIVAL, EVENT_FREE),
        figures=("figure_1a", "figure_1b", "figure_s2k"),
        tables=("time_to_event", "follow_up"),
    ),
    Section("Subgroups", figures=("figure_2a", "figure_2b")),
    Section(
        "Curves by stratification factor and response",
        ("Look closer at a figure to switch strata on and off and to read its values.",),
        figures=tuple(f"figure_s2{letter}" for letter in "cdefghij"),
    ),
    Section("At unblinding", figures=("figure_s2a", "figure_s2b")),
    Section(
        "Sensitivity analyses",
        (
            "The end points again: from another origin, by another definition of progression, with another "
            "rule of censoring, and stratified by the factors of randomization.",
        ),
        figures=("sensitivity",),
        tables=("concordance",),
    ),
    Section(
        "Crossover",
        (
            CROSSOVER,
            "What the placebo group would have shown without crossover is not observed. Three analyses "
            "beside the one as assigned say what follows under assumptions, which the table names.",
        ),
        figures=("crossover_ttp", "crossover_os"),
        tables=("crossover",),
    ),
)
SAFETY = _page(
    "safety",
    "Safety",
    HAEMATOLOGIC,
    Section("Hematologic adverse events", tables=("table_2", "table_s1")),
    Section("Nonhematologic adverse events", (OTHER_EVENTS,), tables=("table_s2",)),
)
SECOND_CANCERS = _page(
    "second_cancers",
    "Second cancers",
    CANCERS,
    Section("Cumulative incidence", (INCIDENCE,), figures=("figure_3",)),
    Section("New primary cancers", tables=("table_3", "listing_second_cancers")),
)
TREATMENT = _page(
    "treatment",
    "Treatment",
    STOPPED,
    Section("Disposition", (CROSSOVER,), tables=("disposition",)),
    Section("Exposure", tables=("exposure",)),
    Section("Deviations from the protocol", tables=("listing_deviations",)),
)

REPORT = Report(
    pages=(SUMMARY, BASELINE, EFFICACY, SAFETY, SECOND_CANCERS, TREATMENT),
    citation=CITATION,
    quality=(Section("Recruitment", (RECRUITED,), figures=("recruitment",)),),
    about=(
        "The trial was run by the Cancer and Leukemia Group B with other cooperative groups. This report "
        "shows how its published results come out of case-report forms; the forms are synthetic, calibrated "
        "so that the printed figures hold where they can hold together.",
    ),
)
