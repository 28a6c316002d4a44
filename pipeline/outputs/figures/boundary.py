"""The boundaries of a group-sequential test over information, and the statistic at the looks so far.

What does not belong here: a boundary's formula.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pipeline.numbers import format_count, format_number, format_rate
from pipeline.outputs.figures.page import GREY, INK, SINGLE_COLUMN, Page, open_page
from pipeline.outputs.figures.source import Source, statistic

_LEFT, _RIGHT, _BELOW, _ABOVE, _HEIGHT = 10.0, 5.0, 8.5, 2.0, 55.0
EFFICACY, FUTILITY = "#00588F", "#C44E00"
FINAL = "FINAL"


@dataclass(frozen=True)
class BoundaryFigure:
    """`review` is the ANALYSIS, whose levels are the looks so far ("1", "2") and FINAL; `group` its GROUP."""

    name: str
    title: str
    review: str
    group: str
    width: float = SINGLE_COLUMN
    cut_off: dt.date | None = None


def draw(value: BoundaryFigure, source: Source) -> Page:
    """Critical values as a line above, futility bounds as one below, the statistic as dots."""
    looks = _looks(value, source)
    page = open_page(value.title, value.width, _BELOW + _HEIGHT + _ABOVE, [source.note])
    axes = page.axes(_LEFT, page.floor + _BELOW, value.width - _LEFT - _RIGHT, _HEIGHT)

    def line(name: str, levels: list[str], colour: str, label: str) -> None:
        points = [
            (100 * (_number(value, source, level, "fraction") or 0), bound)
            for level in levels
            if (bound := _number(value, source, level, name)) is not None
        ]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=1.1, marker="_", markersize=6)
            axes.annotate(label, points[0], (0, 4), textcoords="offset points", fontsize=6, color=colour)

    line("critical", source.levels(value.review), EFFICACY, "efficacy")
    line("futility", looks, FUTILITY, "futility")
    for look in looks:
        fraction, z = (source[value.review, value.group, look, name] for name in ("fraction", "z"))
        if fraction is None or z is None:
            continue
        at = (100 * fraction, z)
        axes.plot(*at, marker="o", color=INK, markersize=4, linestyle="none")
        axes.annotate(f"review {look}", at, (4, -2), textcoords="offset points", fontsize=6, color=INK)
    axes.axhline(0, color=GREY, linewidth=0.4)
    axes.set_xlim(0, 105)
    axes.set_xlabel("Information: % of the planned events", labelpad=2)
    axes.set_ylabel("Z, positive for the experimental group")
    return page


def describe(value: BoundaryFigure, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    told = [
        f"review {look}: information {_percent(value, source, look)}, "
        f"Z {_words(value, source, look, 'z')}, efficacy from {_words(value, source, look, 'critical')}, "
        f"futility below {_words(value, source, look, 'futility')}"
        for look in _looks(value, source)
    ]
    return f"{value.title}. {'; '.join(told)}. {source.note}"


def data(value: BoundaryFigure, source: Source) -> dict[str, Any]:
    """The looks as rows for the report's scripts."""
    columns = {"events": "Events", "z": "Z", "critical": "Efficacy from", "futility": "Futility below"}
    rows = [
        {
            "label": f"Review {look}",
            "counts": [
                statistic(label, _words(value, source, look, name), (value.review, value.group, look, name))
                for name, label in columns.items()
            ],
        }
        for look in _looks(value, source)
    ]
    return {"kind": "boundary", "rows": rows}


def _looks(value: BoundaryFigure, source: Source) -> list[str]:
    source.require(value.review)
    return [level for level in source.levels(value.review) if level != FINAL]


def _number(value: BoundaryFigure, source: Source, level: str, name: str) -> float | None:
    return source.numbers.get((value.review, value.group, level, name))


def _words(value: BoundaryFigure, source: Source, level: str, name: str) -> str:
    number = _number(value, source, level, name)
    if number is None:
        return "none"
    return format_count(number) if name == "events" else format_number(number, 3)


def _percent(value: BoundaryFigure, source: Source, level: str) -> str:
    return f"{format_rate(source[value.review, value.group, level, 'fraction'])}%"
