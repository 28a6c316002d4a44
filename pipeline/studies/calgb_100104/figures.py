"""The paper's figures and the report's own, as values: which analyses a figure shows and how it names them.

What does not belong here: drawing (`pipeline.outputs.figures`), any number.
"""

from __future__ import annotations

import datetime as dt

from pipeline.outputs.figures import (
    Count,
    Factor,
    FigureValue,
    FlowFigure,
    ForestFigure,
    Group,
    IncidenceFigure,
    Level,
    Model,
    Panel,
    RecruitmentFigure,
    SensitivityFigure,
    StratifiedFigure,
    SurvivalFigure,
)
from pipeline.studies.calgb_100104.design import LONG_TERM, UNBLINDING

# Blue and vermilion of Okabe and Ito (2008), apart for every kind of colour vision; both darker, so that
# small text has a contrast of 4.5 on white and the two are still apart in grey.
ARMS = (Group("LEN", "Lenalidomide", "#00588F"), Group("PBO", "Placebo", "#C44E00"))
COMPARISON = "LEN:PBO"
MONTHS = "Months since transplantation"
PROGRESSION_FREE = "Probability of being progression-free"
SURVIVAL = "Probability of survival"
EXPONENT = ("PROTOCOL", "TOTAL", "FOREST_RADIUS_EXPONENT", "value")

USED = (("Y", "Yes"), ("N", "No"))
FACTORS = (
    Factor(
        "B2M", "β₂-Microglobulin at registration", (("LE2.5", "≤2.5 mg/liter"), ("GT2.5", ">2.5 mg/liter"))
    ),
    Factor("PRTHAL", "Thalidomide during induction", USED),
    Factor("PRLEN", "Lenalidomide during induction", USED),
    Factor("PRBOR", "Bortezomib during induction", USED),
    Factor("CR", "Complete response at day 100", USED),
)
LEVELS = {  # factor: how the curves of its levels are named
    "B2M": (("LE2.5", "β₂M ≤2.5 mg/liter"), ("GT2.5", "β₂M >2.5 mg/liter")),
    "PRTHAL": (("Y", "Prior thalidomide"), ("N", "No prior thalidomide")),
    "PRLEN": (("Y", "Prior lenalidomide"), ("N", "No prior lenalidomide")),
    "CR": (("Y", "Complete response"), ("N", "No complete response")),
}


def _survival(
    name: str, title: str, endpoint: str, y_label: str, cut_off: dt.date | None = None
) -> SurvivalFigure:
    return SurvivalFigure(
        name=name,
        title=title,
        estimate=f"{endpoint}_KM",
        test=f"{endpoint}_LOGRANK",
        model=f"{endpoint}_COX",
        comparison=COMPARISON,
        groups=ARMS,
        x_label=MONTHS,
        y_label=y_label,
        cut_off=cut_off,
    )


def _by_factor(
    name: str, title: str, endpoint: str, factor: str, cut_off: dt.date | None = None
) -> StratifiedFigure:
    return StratifiedFigure(
        name=name,
        title=title,
        forest=f"{endpoint}_FOREST",
        factor=factor,
        levels=tuple(Level(code, label, f"{endpoint}_KM_{factor}_{code}") for code, label in LEVELS[factor]),
        comparison=COMPARISON,
        groups=ARMS,
        x_label=MONTHS,
        y_label={"TTP": PROGRESSION_FREE, "OS": SURVIVAL}[endpoint],
        cut_off=cut_off,
    )


def _forest(name: str, title: str, endpoint: str) -> ForestFigure:
    return ForestFigure(
        name=name,
        title=title,
        forest=f"{endpoint}_FOREST",
        estimate=f"{endpoint}_KM",
        model=f"{endpoint}_COX",
        comparison=COMPARISON,
        radius=EXPONENT,
        groups=ARMS,
        factors=FACTORS,
        favours=("lenalidomide", "placebo"),
        x_label="Hazard ratio (natural-log scale)",
    )


def _arm(arm: Group, crossover: bool) -> tuple[Count | None, ...]:
    """The boxes of an arm from assignment to analysis."""

    def count(
        label: str, analysis: str, level: str = "", statistic: str = "n", parts: tuple[Count, ...] = (),
        reasons: str = "",
    ) -> Count:  # fmt: skip
        return Count(label, analysis, arm.code, level, statistic, parts, reasons)

    drug = arm.label.lower()
    return (
        count(
            f"Assigned to {drug}",
            "RANDOMISED",
            parts=(
                count(f"Started {drug}", "TREATMENT", "STARTED"),
                count("Not known to have started", "TREATMENT", "NEVER STARTED"),
            ),
        ),
        count(
            "Assigned treatment at the cut-off",
            "RANDOMISED",
            parts=(
                count("Ongoing", "TREATMENT", "ONGOING"),
                count("Not known to have started", "TREATMENT", "NO STATUS"),
                count("Discontinued", "TREATMENT", "DISCONTINUED", reasons="DISCONTINUED_STARTED"),
            ),
        ),
        count(
            "Eligible to cross over at unblinding",
            "CROSSOVER",
            "ELIGIBLE",
            parts=(
                count("No crossover by the cut-off", "CROSSOVER", "NOT CROSSED OVER"),
                count(
                    "Crossed over to lenalidomide",
                    "CROSSOVER",
                    "CROSSED OVER",
                    parts=(
                        count("Ongoing", "CROSSOVER", "ONGOING"),
                        count("Discontinued", "CROSSOVER", "DISCONTINUED", reasons="CROSSOVER_DISCONTINUED"),
                    ),
                ),
            ),
        )
        if crossover
        else None,
        count(
            "Analyzed by intention to treat",
            "TTP_KM",
            parts=(
                count("Progression or death", "TTP_KM", statistic="events"),
                count("Censored", "TTP_KM", statistic="censored"),
            ),
        ),
    )


def _flow(name: str, title: str, cut_off: dt.date) -> FlowFigure:
    lenalidomide, placebo = ARMS
    return FlowFigure(
        name=name,
        title=title,
        enrolled=Count("Registered before transplantation", "REGISTERED", level="REGISTERED"),
        excluded=Count("Not randomized", "REGISTERED", level="NOT RANDOMISED", reasons="NOT_RANDOMISED"),
        randomised=Count("Randomized", "RANDOMISED"),
        arms=(_arm(lenalidomide, crossover=False), _arm(placebo, crossover=True)),
        notes=("As reported by the cut-off.",),
        cut_off=cut_off,
    )


def _models(**endpoints: str) -> tuple[Model, ...]:
    """Each endpoint (PARAMCD: label) by its plain model and, under it, by the stratified one."""
    return tuple(
        model
        for code, label in endpoints.items()
        for model in (
            Model(label, f"{code}_COX", f"{code}_LOGRANK", f"{code}_KM"),
            Model("Stratified", f"{code}_COX_STRAT", f"{code}_LOGRANK_STRAT", f"{code}_KM", beneath=True),
        )
    )


def _without_crossover(code: str) -> tuple[Model, ...]:
    """An endpoint by the structural failure time model, whose P value is that as assigned."""
    plain, stratified = f"{code}_RPSFT", f"{code}_RPSFT_STRAT"
    return (
        Model("Without crossover (RPSFT)", plain, plain, plain),
        Model("Stratified", stratified, stratified, stratified, beneath=True),
    )


SENSITIVITY = (
    (
        "Progression or death",
        (
            *_models(
                TTP="As in the paper",
                TTPR="From randomization",
                TTPINV="Progression by investigator",
                TTPIMWG="Progression by IMWG criteria",
                TTPNACT="Censored at new therapy",
                TTPMISS="Censored after two missed visits",
                TTPXO="Censored at crossover",
            ),
            *_without_crossover("TTP"),
        ),
    ),
    (
        "Death",
        (
            *_models(OS="As in the paper", OSR="From randomization", OSXO="Censored at crossover"),
            *_without_crossover("OS"),
        ),
    ),
    (
        "Second cancer, progression or death",
        _models(EFS="As in the paper", EFSLC="Censored at last contact"),
    ),
)

FIGURES: tuple[FigureValue, ...] = (
    _survival("figure_1a", "Figure 1A. Time to Progression or Death", "TTP", PROGRESSION_FREE),
    _survival("figure_1b", "Figure 1B. Overall Survival", "OS", SURVIVAL),
    _forest("figure_2a", "Figure 2A. Time to Progression or Death in Subgroups", "TTP"),
    _forest("figure_2b", "Figure 2B. Overall Survival in Subgroups", "OS"),
    IncidenceFigure(
        name="figure_3",
        title="Figure 3. Cumulative Incidence of the First Event after Randomization",
        estimate="CIF",
        test="CIF_GRAY",
        comparison=COMPARISON,
        groups=ARMS,
        panels=(
            Panel("SECOND CANCER", "Second primary cancer"),
            Panel("PROGRESSION", "Progression"),
            Panel("DEATH", "Death"),
        ),
        x_label="Months since randomization",
        y_label="Cumulative incidence",
    ),
    _flow("figure_s1a", "Figure S1a. Enrollment, Assignment and Treatment at Unblinding", UNBLINDING),
    _flow("figure_s1b", "Figure S1b. Enrollment, Assignment and Treatment, Long Term", LONG_TERM),
    _survival(
        "figure_s2a", "Figure S2a. Time to Progression at Unblinding", "TTP", PROGRESSION_FREE, UNBLINDING
    ),
    _survival("figure_s2b", "Figure S2b. Overall Survival at Unblinding", "OS", SURVIVAL, UNBLINDING),
    _by_factor("figure_s2c", "Figure S2c. Time to Progression by β₂-Microglobulin", "TTP", "B2M"),
    _by_factor("figure_s2d", "Figure S2d. Time to Progression by Prior Thalidomide", "TTP", "PRTHAL"),
    _by_factor("figure_s2e", "Figure S2e. Time to Progression by Prior Lenalidomide", "TTP", "PRLEN"),
    _by_factor(
        "figure_s2f", "Figure S2f. Time to Progression by Response at Unblinding", "TTP", "CR", UNBLINDING
    ),
    _by_factor(
        "figure_s2g", "Figure S2g. Time to Progression by Response, Long Term", "TTP", "CR", LONG_TERM
    ),
    _by_factor("figure_s2h", "Figure S2h. Overall Survival by β₂-Microglobulin", "OS", "B2M"),
    _by_factor("figure_s2i", "Figure S2i. Overall Survival by Prior Thalidomide", "OS", "PRTHAL"),
    _by_factor("figure_s2j", "Figure S2j. Overall Survival by Prior Lenalidomide", "OS", "PRLEN"),
    _survival(
        "figure_s2k",
        "Figure S2k. Event-free Survival (Post Hoc)",
        "EFS",
        "Probability of event-free survival",
    ),
    SensitivityFigure(
        name="sensitivity",
        title="Sensitivity Analyses of the Time-to-Event End Points",
        blocks=SENSITIVITY,
        comparison=COMPARISON,
        radius=EXPONENT,
        groups=ARMS,
        favours=("lenalidomide", "placebo"),
        x_label="Hazard ratio (natural-log scale)",
    ),
    *(
        SurvivalFigure(
            name=f"crossover_{code.lower()}",
            title=f"{title} without Crossover (RPSFT)",
            estimate=f"{code}_RPSFT",
            test=f"{code}_RPSFT",
            model=f"{code}_RPSFT",
            comparison=COMPARISON,
            groups=ARMS,
            x_label=MONTHS,
            y_label=y_label,
            cut_off=LONG_TERM,
        )
        for code, title, y_label in (
            ("TTP", "Time to Progression", PROGRESSION_FREE),
            ("OS", "Overall Survival", SURVIVAL),
        )
    ),
    RecruitmentFigure(
        name="recruitment",
        title="Recruitment by Month",
        recruitment="RECRUITMENT",
        lines=(
            Group("REGISTERED", "Registered", "#555555"),
            Group("RANDOMISED", "Randomly assigned", "#00684A"),
        ),
        x_label="Year",
        y_label="Patients so far",
    ),
)
