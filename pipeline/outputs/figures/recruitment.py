"""Recruitment: how many patients so far, month by month, all groups together.

What does not belong here: counting patients; anything by treatment group.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pipeline.numbers import format_count
from pipeline.outputs.figures.page import LINE, SINGLE_COLUMN, Page, open_page, write_beside
from pipeline.outputs.figures.source import Group, Key, Source, statistic

_LEFT, _RIGHT, _BELOW, _ABOVE, _HEIGHT = 12.0, 5.0, 8.5, 2.0, 50.0


@dataclass(frozen=True)
class RecruitmentFigure:
    """Cumulative numbers by month: `recruitment` is the ANALYSIS, each of `lines` begins its levels."""

    name: str
    title: str
    recruitment: str
    lines: tuple[Group, ...]
    x_label: str
    y_label: str
    width: float = SINGLE_COLUMN
    cut_off: dt.date | None = None


def draw(value: RecruitmentFigure, source: Source) -> Page:
    """A rising line for each milestone, a tick at each New Year."""
    months = _months(value, source)
    page = open_page(value.title, value.width, _BELOW + _HEIGHT + _ABOVE, [source.note])
    axes = page.axes(_LEFT, page.floor + _BELOW, value.width - _LEFT - _RIGHT, _HEIGHT)
    for place, line in enumerate(value.lines):
        counts: list[Any] = [source[_key(value, line, month, "cumulative")] for month in months]
        axes.plot(range(len(months) + 1), [0, *counts], color=line.colour, linewidth=1.1)
        legend = f"{line.label}: {format_count(counts[-1])}"  # in the corner that rising lines leave free
        write_beside(axes, legend, (0, 1), 2, -LINE * (place + 1), color=line.colour, fontweight="bold")
    years = [place for place, month in enumerate(months) if month.endswith("-01")]
    axes.set_xticks(years, [months[place][:4] for place in years])
    axes.set_xlim(0, len(months))
    axes.set_ylim(bottom=0)
    axes.set_xlabel(value.x_label, labelpad=2)
    axes.set_ylabel(value.y_label)
    return page


def describe(value: RecruitmentFigure, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    months = _months(value, source)
    ends = (
        f"{line.label}: {format_count(source[_key(value, line, months[-1], 'cumulative')])}"
        for line in value.lines
    )
    return (
        f"{value.title}. Patients so far in each month from {months[0]} to {months[-1]}, all groups "
        f"together. {'; '.join(ends)}. {source.note}"
    )


def data(value: RecruitmentFigure, source: Source) -> dict[str, Any]:
    """The months as rows for the report's scripts: patients of the month, and so far."""
    kinds = {"n": "", "cumulative": ", so far"}
    rows = [
        {
            "label": month.replace("-", "\N{NON-BREAKING HYPHEN}"),
            "counts": [
                statistic(f"{line.label}{words}", format_count(source[key]), key)
                for line in value.lines
                for name, words in kinds.items()
                for key in [_key(value, line, month, name)]
            ],
        }
        for month in _months(value, source)
    ]
    return {"kind": "recruitment", "x_label": value.x_label, "y_label": value.y_label, "rows": rows}


def _months(value: RecruitmentFigure, source: Source) -> list[str]:
    """The months of the first line, which are those of every line."""
    source.require(value.recruitment)
    begin = f"{value.lines[0].code} "
    levels = source.levels(value.recruitment)
    return [level.removeprefix(begin) for level in levels if level.startswith(begin)]


def _key(value: RecruitmentFigure, line: Group, month: str, name: str) -> Key:
    return (value.recruitment, "TOTAL", f"{line.code} {month}", name)
