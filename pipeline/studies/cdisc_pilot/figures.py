"""The pilot's figures, as values: each dose beside placebo.

What does not belong here: drawing (`pipeline.outputs.figures`), any number.
"""

from __future__ import annotations

from pipeline.outputs.figures import DOUBLE_COLUMN, Group, SurvivalFigure

# Of Okabe and Ito (2008), darkened as in the first study: 4.5 of contrast on white, apart in grey.
HIGH = Group("HIGH", "High dose", "#00588F")
LOW = Group("LOW", "Low dose", "#00735C")
PLACEBO = Group("PBO", "Placebo", "#C44E00")


def _dose(group: Group) -> SurvivalFigure:
    return SurvivalFigure(
        name=f"ttde_{group.code.lower()}",
        title=f"Time to first dermatologic event: {group.label.lower()} and placebo",
        width=DOUBLE_COLUMN,
        summary_at=(0.45, 0.29),
        estimate="TTDE_KM",
        test=f"TTDE_LOGRANK_{group.code}",
        model=f"TTDE_COX_{group.code}",
        comparison=f"{group.code}:PBO",
        groups=(group, PLACEBO),
        x_label="Months since first dose",
        y_label="Probability of no dermatologic event",
    )


FIGURES = (_dose(HIGH), _dose(LOW))
