"""Survival curves of the groups within each level of a factor: colour tells the group, dash the level.

What does not belong here: curves of the whole population (`survival.py`), forest plots.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.outputs.figures.curves import (
    SOLID,
    AtRisk,
    at_risk_depth,
    curve_data,
    draw_at_risk,
    draw_axes,
    draw_curve,
)
from pipeline.outputs.figures.page import DOUBLE_COLUMN, INK, Page, open_page
from pipeline.outputs.figures.source import DASH, Group, Key, Source, keys, p_words, statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEFT, _PANEL, _GAP, _HEIGHT = 30.0, 60.0, 6.0, 60.0
_PITCH = 3.8
_SAMPLE, _EVENTS, _MEDIAN = 7.0, 25.0, 35.5
_DASHES: tuple[Any, ...] = (SOLID, (0, (3.2, 1.3)), (0, (1, 1)))
_NOBODY = "no patients"


@dataclass(frozen=True)
class Level:
    """A level of a factor: its code in the forest analysis, its printed label, its curves' ANALYSIS id."""

    code: str
    label: str
    estimate: str


@dataclass(frozen=True)
class StratifiedFigure:
    """Curves of each group within each level; `forest` is the ANALYSIS with their ratios and interaction.

    cut_off: the one it belongs to; None for any.
    """

    name: str
    title: str
    forest: str
    factor: str
    levels: tuple[Level, ...]
    comparison: str
    groups: tuple[Group, ...]
    x_label: str
    y_label: str
    width: float = DOUBLE_COLUMN
    cut_off: dt.date | None = None


def draw(value: StratifiedFigure, source: Source) -> Page:
    """Curves with censoring ticks, numbers at risk, and a legend with events, medians and ratios."""
    ticks = source.months(*(level.estimate for level in value.levels))
    lines: list[AtRisk] = []
    for level in value.levels:
        lines.append((level.label, INK, ()))
        for group in value.groups:
            known = _has_patients(value, source, level, group)
            counts = source.at_risk(level.estimate, group.code, ticks) if known else ["0"] * len(ticks)
            lines.append((f"   {group.label}", group.colour, counts))
    below = at_risk_depth(len(lines))
    notes = ["Ticks: censored. CI: confidence interval. NR: not reached.", source.note]
    page = open_page(value.title, value.width, below + _HEIGHT, notes)
    width = value.width - _LEFT - _PANEL - _GAP
    axes = page.axes(_LEFT, page.floor + below, width, _HEIGHT)
    draw_axes(axes, ticks, value.x_label)
    axes.set_ylabel(value.y_label)
    for level, dash in zip(value.levels, _DASHES, strict=False):
        for group in value.groups:
            if _has_patients(value, source, level, group):
                draw_curve(axes, source.curve(level.estimate, group.code), group, dash=dash, ticks=True)
    draw_at_risk(axes, ticks, lines, left=_LEFT)
    _draw_legend(page.canvas(), value, source, _LEFT + width + _GAP, page.floor + below + _HEIGHT)
    return page


def describe(value: StratifiedFigure, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    ticks = source.months(*(level.estimate for level in value.levels))
    parts = []
    for level in value.levels:
        groups = "; ".join(
            source.describe_group(level.estimate, group)
            if _has_patients(value, source, level, group)
            else f"{group.label}: {_NOBODY}"
            for group in value.groups
        )
        parts.append(f"{level.label}: {groups}; hazard ratio, {_ratio(value, source, level)}")
    return (
        f"{value.title}. Kaplan{DASH}Meier curves, 0 to {ticks[-1]} {value.x_label.lower()}. "
        f"{'. '.join(parts)}. {_interaction(value, source)}. {source.note}"
    )


def data(value: StratifiedFigure, source: Source) -> dict[str, Any]:
    """Steps and printed numbers for the report's scripts; each curve has its level and dash."""
    ticks = source.months(*(level.estimate for level in value.levels))
    curves, statistics = [], []
    for level, dash in zip(value.levels, _DASHES, strict=False):
        about = {
            "level": level.code,
            "level_label": level.label,
            "dash": [] if dash == SOLID else list(dash[1]),
        }
        for group in value.groups:
            if not _has_patients(value, source, level, group):
                continue
            curves.append(curve_data(source, level.estimate, group, ticks) | about)
            of = f"{level.label}, {group.label}"
            events, medians = ("events", "n"), ("median", "median_lower", "median_upper")
            statistics += [
                statistic(
                    f"Events, {of}",
                    source.events(level.estimate, group.code),
                    *keys(level.estimate, group.code, "", *events),
                ),
                statistic(
                    f"Median (95% CI), mo, {of}",
                    source.median(level.estimate, group.code),
                    *keys(level.estimate, group.code, "", *medians),
                ),
            ]
        ratios = keys(value.forest, value.comparison, _name(value, level), "hr", "hr_lower", "hr_upper")
        statistics.append(statistic(f"Hazard ratio, {level.label}", _ratio(value, source, level), *ratios))
    p = _interaction_key(value)
    return {
        "kind": "stratified",
        "x_label": value.x_label,
        "y_label": value.y_label,
        "months": ticks,
        "curves": curves,
        "statistics": [*statistics, statistic("Interaction", p_words(source.numbers.get(p)), p)],
    }


def _name(value: StratifiedFigure, level: Level) -> str:
    return f"{value.factor}={level.code}"


def _has_patients(value: StratifiedFigure, source: Source, level: Level, group: Group) -> bool:
    """Whether the level has patients of the group: a small trial may have none, and then no curve."""
    source.require(value.forest)
    return bool(source.numbers.get((value.forest, group.code, _name(value, level), "n")))


def _ratio(value: StratifiedFigure, source: Source, level: Level) -> str:
    return source.hazard_ratio(value.forest, value.comparison, _name(value, level))


def _interaction_key(value: StratifiedFigure) -> Key:
    return (value.forest, value.comparison, value.factor, "p_interaction")


def _interaction(value: StratifiedFigure, source: Source) -> str:
    """Absent, as with a single level, it is "not estimable"."""
    return f"{p_words(source.numbers.get(_interaction_key(value)))} for interaction"


def _draw_legend(axes: Axes, value: StratifiedFigure, source: Source, left: float, top: float) -> None:
    """Per level: a sample of each line with events and median, and the hazard ratio; then the interaction."""
    up = top - 2.0

    def write(text: str, right: float, **looks: Any) -> None:
        axes.text(left + right, up, text, fontsize=6, va="center", **looks)

    write("Events", _EVENTS)
    write("Median (95% CI), mo", _MEDIAN)
    for level, dash in zip(value.levels, _DASHES, strict=False):
        up -= _PITCH
        write(level.label, 0, fontweight="bold")
        for group in value.groups:
            up -= _PITCH
            axes.plot([left, left + _SAMPLE], [up, up], color=group.colour, linewidth=1.1, linestyle=dash)
            write(group.label, _SAMPLE + 1.5, color=group.colour)
            if _has_patients(value, source, level, group):
                write(source.events(level.estimate, group.code), _EVENTS, color=group.colour)
                write(source.median(level.estimate, group.code), _MEDIAN, color=group.colour)
            else:
                write(_NOBODY, _EVENTS, color=group.colour)
        up -= _PITCH
        write(f"Hazard ratio, {_ratio(value, source, level)}", 0)
        up -= 0.5 * _PITCH
    up -= 0.7 * _PITCH
    write(_interaction(value, source), 0)
