"""Survival curves of the treatment groups, with the numbers that belong to them.

What does not belong here: curves within levels of a factor (`stratified.py`), competing risks.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.outputs.figures.curves import (
    at_risk_depth,
    curve_data,
    draw_at_risk,
    draw_axes,
    draw_curve,
    has_limits,
    shade_limits,
)
from pipeline.outputs.figures.page import INK, LINE, SINGLE_COLUMN, Page, open_page, write_beside
from pipeline.outputs.figures.source import DASH, Group, Source, keys, p_words, statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEFT, _RIGHT, _HEIGHT = 20.0, 4.0, 62.0
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.3}


@dataclass(frozen=True)
class SurvivalFigure:
    """Survival curves of the groups; `estimate`, `test`, `model` are ANALYSIS ids.

    cut_off: the one it belongs to; None for any. summary_at: where the lines of events, medians and hazard
    ratio begin, in shares of the axes; the corner suits curves that stay high.
    """

    name: str
    title: str
    estimate: str
    test: str
    model: str
    comparison: str
    groups: tuple[Group, ...]
    x_label: str
    y_label: str
    width: float = SINGLE_COLUMN
    cut_off: dt.date | None = None
    summary_at: tuple[float, float] = (0.0, 0.0)


def draw(value: SurvivalFigure, source: Source) -> Page:
    """Curves with censoring ticks, limits, medians, hazard ratio, log-rank P and numbers at risk."""
    ticks = source.months(value.estimate)
    curves = [source.curve(value.estimate, group.code) for group in value.groups]
    shading = "Shading: 95% confidence interval (CI). " if any(map(has_limits, curves)) else ""
    notes = [f"{shading}Ticks: censored.", "NR: not reached. P: log-rank test.", source.note]
    below = at_risk_depth(len(value.groups))
    page = open_page(value.title, value.width, below + _HEIGHT, notes)
    axes = page.axes(_LEFT, page.floor + below, value.width - _LEFT - _RIGHT, _HEIGHT)
    draw_axes(axes, ticks, value.x_label)
    axes.set_ylabel(value.y_label)
    for rows, group in zip(curves, value.groups, strict=True):
        shade_limits(axes, rows, group)
        draw_curve(axes, rows, group, ticks=True)
    _label_curves(axes, curves, value.groups, at=0.4 * ticks[-1])
    _draw_summary(axes, value, source)
    lines = [(g.label, g.colour, source.at_risk(value.estimate, g.code, ticks)) for g in value.groups]
    draw_at_risk(axes, ticks, lines, left=_LEFT)
    return page


def describe(value: SurvivalFigure, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    ticks = source.months(value.estimate)
    groups = "; ".join(source.describe_group(value.estimate, group) for group in value.groups)
    return (
        f"{value.title}. Kaplan{DASH}Meier curves, 0 to {ticks[-1]} {value.x_label.lower()}. {groups}. "
        f"{_ratio_and_p(value, source)} by log-rank test. {source.note}"
    )


def data(value: SurvivalFigure, source: Source) -> dict[str, Any]:
    """Steps and printed numbers for the report's scripts."""
    ticks = source.months(value.estimate)
    medians = ("median", "median_lower", "median_upper")
    statistics = [
        entry
        for group in value.groups
        for entry in (
            statistic(
                f"Events, {group.label}",
                source.events(value.estimate, group.code),
                *keys(value.estimate, group.code, "", "events", "n"),
            ),
            statistic(
                f"Median (95% CI), mo, {group.label}",
                source.median(value.estimate, group.code),
                *keys(value.estimate, group.code, "", *medians),
            ),
        )
    ]
    p = (value.test, value.comparison, "", "p")
    ratios = keys(value.model, value.comparison, "", "hr", "hr_lower", "hr_upper")
    return {
        "kind": "survival",
        "x_label": value.x_label,
        "y_label": value.y_label,
        "months": ticks,
        "curves": [curve_data(source, value.estimate, group, ticks) for group in value.groups],
        "statistics": [
            *statistics,
            statistic("Hazard ratio", source.hazard_ratio(value.model, value.comparison), *ratios),
            statistic("Log-rank test", p_words(source[p]), p),
        ],
    }


def _ratio_and_p(value: SurvivalFigure, source: Source) -> str:
    ratio = source.hazard_ratio(value.model, value.comparison)
    return f"Hazard ratio, {ratio}; {p_words(source[value.test, value.comparison, '', 'p'])}"


def _label_curves(axes: Axes, curves: list[pl.DataFrame], groups: tuple[Group, ...], at: float) -> None:
    """Name falling curves at month `at`: the upper one above its limits, the others below theirs."""
    here = [rows.filter(pl.col("TIME") <= at).row(-1, named=True) for rows in curves]
    upper = max(range(len(here)), key=lambda place: here[place]["ESTIMATE"])
    for place, (row, group) in enumerate(zip(here, groups, strict=True)):
        above = place == upper
        limit = row["UPPER"] if above else row["LOWER"]
        axes.annotate(
            group.label,
            (at, row["ESTIMATE"] if limit is None else limit),
            xytext=(3, 3) if above else (-3, -3),
            textcoords="offset points",
            ha="left" if above else "right",
            va="bottom" if above else "top",
            color=group.colour,
            fontsize=7,
            fontweight="bold",
        )


def _draw_summary(axes: Axes, value: SurvivalFigure, source: Source) -> None:
    """Events, medians, hazard ratio and P in words, where the curves leave room."""
    lines = [("", "Events", "Median (95% CI), mo", INK)]
    for group in value.groups:
        events, median = (show(value.estimate, group.code) for show in (source.events, source.median))
        lines.append((group.label, events, median, group.colour))
    lines.append((_ratio_and_p(value, source), "", "", INK))
    for place, (*texts, colour) in enumerate(reversed(lines)):
        for text, right in zip(texts, (1.5, 17.5, 28.0), strict=True):
            up = 1.2 + LINE * place
            write_beside(axes, text, value.summary_at, right, up, color=colour, va="bottom", bbox=_PAPER)
