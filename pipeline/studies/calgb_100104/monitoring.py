"""How the trial was monitored, as values: the plan, what is shown to everybody and what to the board alone.

The open outputs are the study's own, of both arms together and without efficacy. The closed ones are by arm,
under the codes of the treatment list. What does not belong here: a boundary, a code, who may look
(`pipeline.access`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from pipeline.numbers import format_number, format_rate
from pipeline.outputs.figures import BoundaryFigure, Group, SurvivalFigure
from pipeline.outputs.site import Card, Report, ReportPage, Section
from pipeline.outputs.tables import (
    COUNT,
    COUNT_PERCENT,
    P_VALUE,
    Ask,
    Column,
    Display,
    Heading,
    LevelRows,
    Row,
    Sentence,
    Show,
    Words,
    date_part,
    number,
    percent,
    ratio,
)
from pipeline.studies.calgb_100104 import displays as own
from pipeline.studies.calgb_100104 import figures, report
from pipeline.studies.calgb_100104.analyses import RECRUITMENT, survival
from pipeline.studies.calgb_100104.design import DESIGN, FIRST_INFORMATION, LOOKS, PLANNED, SEQUENTIAL
from pipeline.studies.calgb_100104.displays import EVERYBODY, RANDOMISED, TOTAL
from pipeline.studies.calgb_100104.tables import (
    BASELINE,
    DISPOSITION,
    EXPOSURE,
    SAFETY,
    SECOND_CANCER,
    count,
    dead,
    randomised,
)
from pipeline.study import Analysis, CutOff, Frames, MonitoringPlan, Outputs

ENDPOINT = "TTP"
REVIEW = "REVIEW"
"""ANALYSIS of the boundaries: one LEVEL for each look so far, FINAL for the planned end."""
CROSSOVER = "CROSSOVER"

INFORMATION = Analysis("INFORMATION", "information", ENDPOINT, options=SEQUENTIAL)
DEATHS = (
    count("DEATHS", "adsl", None, randomised, levels={"DIED": dead}),
    count("DEATH_CAUSE", "adsl", None, randomised & dead, by="DTHCAUS"),
)
SITES = count("SITES", "adsl", None, by="SITEID")


def _before_release(analyses: Iterable[Analysis]) -> tuple[Analysis, ...]:
    """Without what needs the release: nobody crosses over before it."""
    return tuple(a for a in analyses if CROSSOVER not in a.id)


CONDUCT = (
    *DESIGN,
    *_before_release(DISPOSITION),
    *EXPOSURE,
    *SAFETY,
    *DEATHS,
    Analysis("FOLLOWUP", "follow_up", "OS"),
    INFORMATION,
    RECRUITMENT,
    SITES,
)
OPEN_ANALYSES = (*(a for a in BASELINE if a.method != "baseline_tests"), *CONDUCT)
CLOSED_ANALYSES = (
    *BASELINE,
    *CONDUCT,
    *_before_release(SECOND_CANCER),
    *survival(ENDPOINT, None),
    *survival("OS", None),
    *survival("TTPMISS", None),
    *survival("TTPNACT", None),
)

# --- tables for any groups ---


def _without_crossover(display: Display) -> Display:
    """Without the rows about crossover and the headings above them."""
    rows = [row for row in display.rows if isinstance(row, Heading) or CROSSOVER not in row.analysis]
    led = [
        row
        for row, below in zip(rows, [*rows[1:], None], strict=True)
        if not isinstance(row, Heading) or (below is not None and not isinstance(below, Heading))
    ]
    return replace(display, rows=tuple(led))


def _for(display: Display, columns: tuple[Column, ...], codes: Mapping[str, str]) -> Display:
    """The display of other groups, without the notes that name an arm; codes: what stands for each arm.

    Without codes the rows of single arms are those of everybody, and comparisons go.
    """
    contrast = own.COMPARISON
    coded = {**codes, contrast: ":".join(codes.values())} if codes else {}

    def rows() -> Iterable[Heading | Row | LevelRows]:
        for row in display.rows:
            if isinstance(row, Heading) or row.groups in (None, (TOTAL,)):
                yield row
            elif codes:
                yield replace(row, groups=tuple(coded[group] for group in row.groups or ()))
            elif row.groups != (contrast,):
                yield replace(row, groups=None)

    def impartial(note: Words) -> bool:
        if isinstance(note, str):
            return note != own.LATER_SAFETY_DATE and not any(
                a.lower() in note.lower() for a in own.ARMS.values()
            )
        return all(ask.group == TOTAL for ask in note.numbers.values())

    notes = tuple(note for note in display.footnotes if impartial(note))
    return replace(display, columns=columns, rows=tuple(rows()), footnotes=notes)


def _grades(*first: Column, grades: Iterable[int], groups: Mapping[str, Words]) -> tuple[Column, ...]:
    """For each group the columns `first`, then one for each grade."""
    return tuple(
        replace(column, group=group, span=span)
        for group, span in groups.items()
        for column in (
            *first,
            *(Column(f"Grade {grade}", "", level=f"{{level}} {grade}") for grade in grades),
        )
    )


DEATH_TABLE = Display(
    name="deaths",
    title="Deaths after Randomization",
    population=RANDOMISED,
    stub="Patients — no. (%)",
    columns=(EVERYBODY,),
    rows=(
        Row("Died", "DEATHS", "DIED"),
        Heading("Cause, of those who died"),
        LevelRows("DEATH_CAUSE", "DEATH_CAUSE", TOTAL, indent=1, groups=(TOTAL,)),
    ),
)
ACCRUAL = Display(
    name="accrual",
    title="Registered Patients by Institution",
    population="All registered patients",
    stub="Institution",
    columns=(Column("Registered", TOTAL, show=COUNT),),
    rows=(LevelRows("SITES", "SITES", TOTAL, label=str),),
)


def _plan(label: str, name: str, show: Show) -> Row:
    return Row(label, "PROTOCOL", name, show, indent=1)


INTERIM = Display(
    name="information",
    title="Information and Plan of the Interim Analyses.*",
    population=RANDOMISED,
    stub="Monitoring",
    columns=(Column("Value", TOTAL),),
    rows=(
        Row("Progressions or deaths so far, both groups together — no.", "INFORMATION", "", number("events")),
        Row("Planned at the end — no.", "INFORMATION", "", number("planned")),
        Row("Information — %", "INFORMATION", "", percent("fraction", 1)),
        Heading("Plan"),
        _plan("Reviews begin with — % of the information", "FIRST_LOOK_INFORMATION", percent("value")),
        _plan("Reports per year — no.", "REPORTS_PER_YEAR", number("value")),
        _plan("One-sided significance level", "ALPHA", number("value", 2)),
        _plan("Power — %", "POWER", percent("value")),
        _plan("Hazard ratio to detect, control to experimental", "HAZARD_RATIO", number("value", 1)),
    ),
    footnotes=(
        "* The end point is time to progression or death. The paper does not print the boundaries: Lan and "
        "DeMets' spending of the O'Brien–Fleming type is assumed, for futility too, which is not binding.",
    ),
)
DEVIATIONS = next(listing for listing in own.LISTINGS if listing.dataset == "dv")
DEVIATIONS = replace(
    DEVIATIONS, columns=tuple(c for c in DEVIATIONS.columns if c.variable != "TRT01P"), footnotes=()
)

# --- open: everybody, both groups together ---

ALONE: Mapping[str, Words] = {TOTAL: ""}
OPEN_DISPLAYS = (
    _for(own.TABLE_1, (EVERYBODY,), {}),
    _for(own.TABLE_S1, _grades(own.ANY_GRADE, grades=(1, 2, 3, 4, 5), groups=ALONE), {}),
    _for(own.TABLE_S2, _grades(own.SEVERE, grades=(3, 4, 5), groups=ALONE), {}),
    _without_crossover(_for(own.DISPOSITION, (EVERYBODY,), {})),
    _for(own.EXPOSURE, (EVERYBODY,), {}),
    _for(own.FOLLOW_UP, (EVERYBODY,), {}),
    DEATH_TABLE,
    ACCRUAL,
    INTERIM,
)
RECRUITMENT_FIGURE = next(figure for figure in figures.FIGURES if figure.name == "recruitment")


def _page(name: str, title: str, lead: Words, *sections: Section) -> ReportPage:
    return ReportPage(name, title, lead, sections)


OPEN_WARNING = (
    "Open report. Treatments are blinded: everything is of both groups together, and nothing here tells how "
    "well a treatment works."
)
EVENTS = Card(
    "Progressions or deaths, of those planned",
    Sentence(
        "{events} of {planned}",
        {name: Ask("INFORMATION", TOTAL, "", number(name)) for name in ("events", "planned")},
    ),
    Sentence(
        "{fraction}% of the information", {"fraction": Ask("INFORMATION", TOTAL, "", percent("fraction", 1))}
    ),
)
SAFETY_SECTIONS = (
    Section("Adverse events by worst grade", tables=("table_s1",)),
    Section("Severe nonhematologic events", tables=("table_s2",)),
)
CONDUCT_SECTIONS = (
    Section("Disposition", tables=("disposition",)),
    Section("Exposure", tables=("exposure",)),
    Section("Follow-up", tables=("follow_up",)),
)
OPEN_REPORT = Report(
    pages=(
        _page(
            "index",
            "Open report",
            OPEN_WARNING,
            Section("Progress of the trial", (report.RECRUITED, report.NOT_RANDOMISED), cards=(EVENTS,)),
            Section("Interim analyses", tables=("information",)),
            Section("Accrual", tables=("accrual",)),
        ),
        _page("baseline", "Patients", report.RECRUITED, Section("At baseline", tables=("table_1",))),
        _page("safety", "Safety", OPEN_WARNING, *SAFETY_SECTIONS, Section("Deaths", tables=("deaths",))),
        _page(
            "treatment",
            "Treatment",
            OPEN_WARNING,
            *CONDUCT_SECTIONS,
            Section("Deviations from the protocol", tables=(DEVIATIONS.name,)),
        ),
    ),
    citation=report.CITATION,
    quality=report.REPORT.quality,
    about=report.REPORT.about,
)
OPEN = Outputs(
    analyses=OPEN_ANALYSES,
    figures=(RECRUITMENT_FIGURE,),
    displays=OPEN_DISPLAYS,
    listings=(DEVIATIONS,),
    report=OPEN_REPORT,
)

# --- closed: the board, by coded arm ---

DECISIONS = {0: "Continue", 1: "Efficacy boundary crossed", 2: "Futility boundary crossed"}
DECISION = Show(("decision",), lambda code: "" if code is None else DECISIONS[int(code)])


def _bound(name: str) -> Show:
    """A statistic or a critical value; there is none for futility at the planned end."""
    return Show((name,), lambda value: "none" if value is None else format_number(value, 3))


def _chance(name: str) -> Show:
    return Show((name,), lambda value: "" if value is None else format_rate(value, 1))


def _review(contrast: str, looks: int) -> Display:
    return Display(
        name="looks",
        title="Log of the Reviews.*",
        population=RANDOMISED,
        stub="Monitoring",
        columns=tuple(Column(f"Review {look}", contrast, level=str(look)) for look in range(1, looks + 1)),
        rows=tuple(
            Row(label, REVIEW, show=show)
            for label, show in (
                ("Data cut-off", date_part("date")),
                ("Events — no.", number("events")),
                ("Information — %", percent("fraction", 1)),
                ("Z", _bound("z")),
                ("Efficacy: Z of at least", _bound("critical")),
                ("Futility: Z below", _bound("futility")),
                ("Alpha spent", number("alpha_spent", 5)),
                ("One-sided P value, nominal", P_VALUE),
                ("Hazard ratio (repeated confidence interval)", ratio("hr")),
                ("Power if as designed† — %", _chance("conditional_power")),
                ("Power if as so far† — %", _chance("conditional_power_trend")),
                ("Power, predictive† — %", _chance("predictive_power")),
                ("The rule says", DECISION),
            )
        ),
        footnotes=(
            "* Log-rank test of time to progression or death, as randomized; a positive Z speaks for the "
            "experimental group, so its sign tells which code that is. Boundaries by Lan and DeMets' "
            "spending of the O'Brien–Fleming type at the information observed; futility is not binding. "
            "Repeated confidence intervals hold at all reviews together.",
            "† The chance to cross the efficacy boundary at the planned end, given the data so far: under "
            "the hazard ratio of the design, under the one seen so far, and averaged over what the data "
            "leave open.",
        ),
    )


COLOURS = ("#00588F", "#C44E00")


def closed(codes: Mapping[str, str], looks: int) -> Outputs:
    """What the board sees at its review of this number.

    codes: the code that stands for each arm, by Arm.code, the experimental arm first.
    """
    contrast = ":".join(codes.values())
    heads = {
        code: Sentence(f"Group {code} (N = {{n}})", {"n": _size(code)}) for code in sorted(codes.values())
    }
    arms = tuple(Column(words, code) for code, words in heads.items())
    compared = Column("Comparison", contrast)

    def survival_figure(name: str, title: str) -> SurvivalFigure:
        groups = tuple(
            Group(code, f"Group {code}", colour) for code, colour in zip(heads, COLOURS, strict=True)
        )
        value = next(f for f in figures.FIGURES if isinstance(f, SurvivalFigure) and f.name == name)
        return replace(value, title=title, groups=groups, comparison=contrast, cut_off=None)

    def adverse(display: Display, *first: Column, grades: tuple[int, ...], pool: str) -> Display:
        test = Column("P Value, Fisher", contrast, level=f"{{level}} {pool}", show=P_VALUE)
        return _for(display, (*_grades(*first, grades=grades, groups=heads), test), codes)

    displays = (
        _review(contrast, looks),
        _for(own.TABLE_1, (*arms, EVERYBODY), codes),
        adverse(own.TABLE_2, grades=(3, 4), pool="3-4"),
        _for(own.TABLE_S1, _grades(own.ANY_GRADE, grades=(1, 2, 3, 4, 5), groups=heads), codes),
        adverse(own.TABLE_S2, own.SEVERE, grades=(3, 4, 5), pool="3-5"),
        _survival_table(codes, (*arms, compared)),
        _without_crossover(_for(own.DISPOSITION, (*arms, EVERYBODY), codes)),
        _for(own.EXPOSURE, (*arms, EVERYBODY), codes),
        _for(own.FOLLOW_UP, (*arms, EVERYBODY), codes),
        replace(
            DEATH_TABLE,
            columns=(*arms, EVERYBODY),
            rows=(*DEATH_TABLE.rows[:2], LevelRows("DEATH_CAUSE", "DEATH_CAUSE", TOTAL, indent=1)),
        ),
        Display(
            name="second_cancers",
            title="Second Primary Cancers after Randomization",
            population=RANDOMISED,
            stub="Patients — no. (%)",
            columns=arms,
            rows=tuple(
                Row(label, "SPM", level, COUNT_PERCENT)
                for level, label in {"ANY": "Any", "HEMATOLOGIC": "Hematologic", "SOLID": "Solid"}.items()
            ),
        ),
        INTERIM,
        ACCRUAL,
    )
    drawn = (
        BoundaryFigure("boundaries", "Boundaries and the Reviews So Far", REVIEW, contrast),
        survival_figure("figure_1a", "Time to Progression or Death"),
        survival_figure("figure_1b", "Overall Survival"),
        RECRUITMENT_FIGURE,
    )
    return Outputs(CLOSED_ANALYSES, drawn, displays, (), _closed_report())


def _size(code: str) -> Ask:
    return Ask("RANDOMISED", code, "", COUNT)


def _survival_table(codes: Mapping[str, str], columns: tuple[Column, ...]) -> Display:
    shown = replace(
        own.TIME_TO_EVENT,
        title="Time to Progression and Survival.*",
        rows=(
            *own.endpoint("TTP", "Time to progression or death"),
            *own.endpoint("OS", "Overall survival", free="Alive"),
            *own.endpoint("TTPMISS", "Time to progression, censored after two missed visits"),
            *own.endpoint("TTPNACT", "Time to progression, censored at new therapy"),
        ),
        footnotes=own.TIME_TO_EVENT.footnotes[:2],
    )
    return _for(shown, columns, codes)


CLOSED_WARNING = (
    "CLOSED REPORT, for members of the data and safety monitoring board only: results by treatment group. "
    "Copies are numbered and are given back."
)


def _closed_report() -> Report:
    return Report(
        pages=(
            _page(
                "index",
                "Closed report",
                CLOSED_WARNING,
                Section("Reviews", figures=("boundaries",), tables=("looks",)),
                Section(
                    "Recommendation of the board",
                    (
                        "( ) Continue as planned  ( ) Continue with changes  ( ) Stop  ( ) Release the data",
                        "Reasons, date, signature of the chair:",
                    ),
                ),
                Section("Information", tables=("information",)),
            ),
            _page(
                "efficacy",
                "Efficacy",
                CLOSED_WARNING,
                Section(
                    "Time to progression and survival",
                    figures=("figure_1a", "figure_1b"),
                    tables=("time_to_event",),
                ),
            ),
            _page(
                "safety",
                "Safety",
                CLOSED_WARNING,
                Section("Hematologic events of grade 3 or 4", tables=("table_2",)),
                *SAFETY_SECTIONS,
                Section("Deaths", tables=("deaths",)),
                Section("Second primary cancers", tables=("second_cancers",)),
            ),
            _page("treatment", "Treatment", CLOSED_WARNING, *CONDUCT_SECTIONS),
            _page(
                "baseline",
                "Patients",
                CLOSED_WARNING,
                Section("At baseline", tables=("table_1",)),
                Section("Accrual", tables=("accrual",)),
            ),
        ),
        citation=report.CITATION,
        quality=report.REPORT.quality,
        about=report.REPORT.about,
    )


def allocation(restricted: Frames) -> pl.DataFrame:
    """RANDNUM, ARM and CODE out of the treatment code list."""
    return restricted["treatment_codes"].select(RANDNUM="randomization_no", ARM="arm", CODE="arm_code")


NUMBERS = ("First", "Second", "Third")
MONITORING = MonitoringPlan(
    looks=tuple(CutOff(date, f"{name} review") for date, name in zip(LOOKS, NUMBERS, strict=True)),
    endpoint=ENDPOINT,
    design=SEQUENTIAL,
    course=PLANNED,
    futility="OF",
    first_information=FIRST_INFORMATION,
    open=OPEN,
    closed=closed,
    allocation=allocation,
)
