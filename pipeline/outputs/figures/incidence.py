"""Cumulative incidence of competing events, a panel for each cause.

What does not belong here: survival curves.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pipeline.numbers import format_count
from pipeline.outputs.figures.curves import (
    at_risk_depth,
    curve_data,
    draw_at_risk,
    draw_axes,
    draw_curve,
    has_limits,
    lowest_ceiling,
    shade_limits,
)
from pipeline.outputs.figures.page import DOUBLE_COLUMN, LINE, Page, open_page
from pipeline.outputs.figures.source import Group, Source, p_words, statistic

_LEFT, _RIGHT, _GAP, _HEIGHT = 20.0, 4.0, 9.0, 48.0
_LEGEND: dict[str, Any] = {
    "loc": "upper left",  # the corner that rising curves leave free
    "alignment": "left",
    "labelcolor": "linecolor",
    "frameon": False,
    "fontsize": 6,
    "title_fontsize": 6,
    "handlelength": 1.4,
    "labelspacing": 0.35,
}


@dataclass(frozen=True)
class Panel:
    """One panel of an incidence figure: CAUSE in `curves` (LEVEL of the test) and its printed title."""

    cause: str
    title: str


@dataclass(frozen=True)
class IncidenceFigure:
    """Cumulative incidence, a panel for each cause; `estimate` and `test` are ANALYSIS ids.

    cut_off: the one it belongs to; None for any.
    """

    name: str
    title: str
    estimate: str
    test: str
    comparison: str
    groups: tuple[Group, ...]
    panels: tuple[Panel, ...]
    x_label: str
    y_label: str
    width: float = DOUBLE_COLUMN
    cut_off: dt.date | None = None


def draw(value: IncidenceFigure, source: Source) -> Page:
    """A panel for each cause, with Gray's P and numbers at risk."""
    ticks = source.months(value.estimate)
    curves = [[source.curve(value.estimate, g.code, p.cause) for g in value.groups] for p in value.panels]
    shaded = any(has_limits(rows) for panel in curves for rows in panel)
    shading = "Shading: 95% confidence interval. " if shaded else ""
    notes = [f"{shading}Each panel has its own vertical scale.", source.note]
    below = at_risk_depth(len(value.groups))
    page = open_page(value.title, value.width, below + _HEIGHT + LINE, notes)
    count = len(value.panels)
    width = (value.width - _LEFT - _RIGHT - _GAP * (count - 1)) / count
    lines = [(g.label, g.colour, source.at_risk(value.estimate, g.code, ticks)) for g in value.groups]
    for place, (panel, drawn) in enumerate(zip(value.panels, curves, strict=True)):
        axes = page.axes(_LEFT + place * (width + _GAP), page.floor + below, width, _HEIGHT)
        draw_axes(axes, ticks, value.x_label, ceiling=lowest_ceiling(drawn))
        axes.set_title(panel.title, loc="left", fontsize=7, fontweight="bold", pad=4)
        for rows, group in zip(drawn, value.groups, strict=True):
            shade_limits(axes, rows, group)
            draw_curve(axes, rows, group, ticks=False)
        axes.legend(title=_gray(value, source, panel), **_LEGEND)
        draw_at_risk(axes, ticks, lines, left=None if place else _LEFT)
        if place == 0:
            axes.set_ylabel(value.y_label)
    return page


def describe(value: IncidenceFigure, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    ticks = source.months(value.estimate)
    panels = "; ".join(
        f"{panel.title}: "
        + ", ".join(f"{_events(value, source, panel, group)} with {group.label}" for group in value.groups)
        + f" ({_gray(value, source, panel)})"
        for panel in value.panels
    )
    return (
        f"{value.title}. Curves of cumulative incidence, 0 to {ticks[-1]} {value.x_label.lower()}. "
        f"Patients with each first event: {panels}. {source.note}"
    )


def data(value: IncidenceFigure, source: Source) -> dict[str, Any]:
    """Steps and printed numbers for the report's scripts; `panel` of a curve is its place in `panels`."""
    ticks = source.months(value.estimate)
    statistics = []
    for panel in value.panels:
        for group in value.groups:
            key = (value.estimate, group.code, panel.cause, "events")
            events = _events(value, source, panel, group)
            statistics.append(statistic(f"{panel.title}, events, {group.label}", events, key))
        p = (value.test, value.comparison, panel.cause, "p")
        statistics.append(statistic(f"{panel.title}, Gray's test", p_words(source[p]), p))
    return {
        "kind": "incidence",
        "x_label": value.x_label,
        "y_label": value.y_label,
        "months": ticks,
        "panels": [{"cause": panel.cause, "title": panel.title} for panel in value.panels],
        "curves": [
            curve_data(source, value.estimate, group, ticks, panel.cause) | {"panel": place}
            for place, panel in enumerate(value.panels)
            for group in value.groups
        ],
        "statistics": statistics,
    }


def _gray(value: IncidenceFigure, source: Source, panel: Panel) -> str:
    return f"{p_words(source[value.test, value.comparison, panel.cause, 'p'])} by Gray's test"


def _events(value: IncidenceFigure, source: Source, panel: Panel, group: Group) -> str:
    return format_count(source[value.estimate, group.code, panel.cause, "events"])
