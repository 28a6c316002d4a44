"""Step curves over months with the numbers at risk under them, as every figure with a time axis has them.

What does not belong here: which curves a figure shows, what it prints beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.numbers import format_count, format_months, format_rate
from pipeline.outputs.figures.page import LINE, MARGIN, write_beside
from pipeline.outputs.figures.source import DASH, Group, Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOLID = "solid"
AT_RISK_DROP = 11.5
"""mm from the axes down to the first line of the numbers at risk."""

# where a vertical axis may end, and the step of its ticks
_STEPS = {0.1: 0.02, 0.2: 0.05, 0.3: 0.05, 0.4: 0.1, 0.5: 0.1, 0.6: 0.1, 0.8: 0.2, 1.0: 0.2}

AtRisk = tuple[str, str, Sequence[str]]
"""A line under the axes: its label, the label's colour, a number for each tick (or none)."""


def at_risk_depth(lines: int) -> float:
    """mm that an axis needs under it for its own labels and `lines` of numbers at risk."""
    return AT_RISK_DROP + LINE * (lines - 0.5)


def lowest_ceiling(curves: Sequence[pl.DataFrame]) -> float:
    """The lowest end of the axis that leaves a quarter of the panel free for its legend."""
    shown = pl.concat(curves)
    top = shown.select(pl.max_horizontal(pl.col("ESTIMATE", "UPPER").max())).item() or 0.0
    return next((ceiling for ceiling in _STEPS if top <= 0.75 * ceiling), 1.0)


def draw_axes(axes: Axes, ticks: list[int], x_label: str, ceiling: float = 1.0) -> None:
    """Months across, probability up to the ceiling."""
    axes.set_xlabel(x_label, labelpad=2)
    axes.set_xlim(0, ticks[-1])
    axes.set_xticks(ticks)
    axes.set_ylim(0, 1.015 * ceiling)  # a curve along the top keeps its full width
    step = _STEPS[ceiling]
    axes.set_yticks([step * tick for tick in range(round(ceiling / step) + 1)])
    axes.yaxis.set_major_formatter("{x:.2f}" if step < 0.1 else "{x:.1f}")
    axes.spines["left"].set_bounds(0, ceiling)


def draw_curve(axes: Axes, rows: pl.DataFrame, group: Group, *, dash: Any = SOLID, ticks: bool) -> None:
    """One step function; `ticks` mark the censored."""
    axes.step(
        rows["TIME"].to_numpy(),
        rows["ESTIMATE"].to_numpy(),
        where="post",
        color=group.colour,
        linewidth=1.1,
        linestyle=dash,
        label=group.label,
    )
    if ticks:
        censored = rows.filter(pl.col("NCENSOR") > 0)
        axes.plot(
            censored["TIME"].to_numpy(),
            censored["ESTIMATE"].to_numpy(),
            linestyle="none",
            marker="|",
            markersize=3.2,
            markeredgewidth=0.45,
            color=group.colour,
        )


def has_limits(rows: pl.DataFrame) -> bool:
    """Whether the curve has confidence limits."""
    return rows["UPPER"].drop_nulls().len() > 0


def shade_limits(axes: Axes, rows: pl.DataFrame, group: Group) -> None:
    """The band between the confidence limits."""
    if has_limits(rows):
        time, lower, upper = (rows[c].to_numpy() for c in ("TIME", "LOWER", "UPPER"))
        axes.fill_between(time, lower, upper, step="post", color=group.colour, alpha=0.12, linewidth=0)


def draw_at_risk(axes: Axes, ticks: list[int], lines: Sequence[AtRisk], left: float | None) -> None:
    """The numbers at risk, each under its tick; with `left` (mm to the page's edge) also their labels."""
    if left is not None:
        up = -AT_RISK_DROP + LINE
        write_beside(axes, "No. at risk", (0, 0), MARGIN - left, up, va="center", fontweight="bold")
    for place, (label, colour, counts) in enumerate(lines):
        up = -AT_RISK_DROP - LINE * place
        if left is not None:
            write_beside(axes, label, (0, 0), MARGIN - left, up, color=colour, va="center")
        for month, count in zip(ticks, counts, strict=False):
            write_beside(axes, count, (month / ticks[-1], 0), 0, up, ha="center", va="center")


def curve_data(
    source: Source, analysis: str, group: Group, months: list[int], cause: str = ""
) -> dict[str, Any]:
    """A curve's steps for the report's scripts: unrounded for drawing, in words for reading."""
    rows = source.curve(analysis, group.code, cause)
    steps = rows.select("DAYS", "ESTIMATE", "LOWER", "UPPER", "NRISK").iter_rows()
    return {
        "analysis": analysis,
        "group": group.code,
        "group_label": group.label,
        "colour": group.colour,
        "cause": cause,
        "time": rows["TIME"].to_list(),
        "estimate": rows["ESTIMATE"].to_list(),
        "lower": rows["LOWER"].to_list(),
        "upper": rows["UPPER"].to_list(),
        "at_risk": rows["NRISK"].to_list(),
        "events": rows["NEVENT"].to_list(),
        "censored": rows["NCENSOR"].to_list(),
        "words": [_step_words(*step) for step in steps],
        "numbers_at_risk": source.at_risk(analysis, group.code, months),
    }


def _step_words(days: int, estimate: float, lower: float | None, upper: float | None, n: int) -> str:
    limits = "" if lower is None else f" (95% CI, {format_rate(lower)}{DASH}{format_rate(upper)})"
    return f"{format_months(days, 1)} months: {format_rate(estimate)}%{limits}, {format_count(n)} at risk"
