"""The paper's figures, as values: which analyses a figure shows and how it names them.

What does not belong here: drawing (`pipeline.outputs.figures`), any number.
"""

from __future__ import annotations

from pipeline.outputs.figures import Group, IncidenceFigure, Panel, SurvivalFigure

# blue and vermilion of Okabe and Ito (2008): apart for every kind of colour vision, and in grey
ARMS = (Group("LEN", "Lenalidomide", "#0072B2"), Group("PBO", "Placebo", "#D55E00"))

FIGURES: tuple[SurvivalFigure | IncidenceFigure, ...] = (
    SurvivalFigure(
        name="figure_1a",
        title="Figure 1A. Time to Progression or Death",
        estimate="TTP_KM",
        test="TTP_LOGRANK",
        model="TTP_COX",
        comparison="LEN:PBO",
        groups=ARMS,
        x_label="Months since transplantation",
        y_label="Probability of being progression-free",
    ),
    SurvivalFigure(
        name="figure_1b",
        title="Figure 1B. Overall Survival",
        estimate="OS_KM",
        test="OS_LOGRANK",
        model="OS_COX",
        comparison="LEN:PBO",
        groups=ARMS,
        x_label="Months since transplantation",
        y_label="Probability of survival",
    ),
    IncidenceFigure(
        name="figure_3",
        title="Figure 3. Cumulative Incidence of the First Event after Randomization",
        estimate="CIF",
        test="CIF_GRAY",
        comparison="LEN:PBO",
        groups=ARMS,
        panels=(
            Panel("SECOND CANCER", "Second primary cancer"),
            Panel("PROGRESSION", "Progression"),
            Panel("DEATH", "Death"),
        ),
        x_label="Months since randomization",
        y_label="Cumulative incidence",
    ),
)
