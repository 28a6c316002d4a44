"""Figures of a design: its boundaries over information, and where simulated trials end, look by look.

What does not belong here: a boundary's formula, a simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import TYPE_CHECKING

import polars as pl

from pipeline.numbers import format_number, format_rate
from pipeline.outputs.figures.boundary import EFFICACY, FUTILITY
from pipeline.outputs.figures.page import (
    DOUBLE_COLUMN,
    GREY,
    LINE,
    SINGLE_COLUMN,
    open_page,
    style,
    write_beside,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEFT, _RIGHT, _BELOW, _ABOVE, _HEIGHT = 11.0, 3.0, 8.5, 1.0, 55.0
_PANEL, _GAP, _HEAD = 42.0, 4.0, 3.0
BOUNDARIES, STOPS = "Boundaries of the Design.", "Where Simulated Trials End."
_SINGLE_WRAP, _DOUBLE_WRAP = 72, 150
"""Characters of a note in a line."""
_BAR, _MOST_TICKS = 0.76, 9
"""The width of a bar, in looks; how many looks are named under a panel."""
_REASONS = {
    "EFFICACY": (EFFICACY, "efficacy"),
    "FUTILE": (FUTILITY, "futility"),
    "NEITHER": (GREY, "neither"),
}


def draw_boundaries(looks: pl.DataFrame, note: str) -> Figure:
    """The critical values and, where there are any, the futility bounds over the share of the events."""
    with style():
        notes = wrap(note, _SINGLE_WRAP)
        page = open_page(BOUNDARIES, SINGLE_COLUMN, _BELOW + _HEIGHT + _ABOVE, notes)
        axes = page.axes(_LEFT, page.floor + _BELOW, SINGLE_COLUMN - _LEFT - _RIGHT, _HEIGHT)
        bounds = (
            ("CRITICAL", EFFICACY, "stop for efficacy", 4),
            ("FUTILITY", FUTILITY, "stop for futility", -9),
        )
        for place, (name, colour, words, up) in enumerate(bounds):
            line = looks.filter(pl.col(name).is_not_null())
            if line.is_empty():
                continue
            at, bound = (100 * line["FRACTION"]).to_list(), line[name].to_list()
            axes.plot(at, bound, color=colour, linewidth=1.1, marker="o", markersize=3)
            # bounds for efficacy fall: the corner at the upper right is free
            write_beside(axes, words, (1, 1), 0, -LINE * (place + 1), color=colour, ha="right")
            for x, y in zip(at, bound, strict=True):
                text = format_number(y, 2)
                axes.annotate(
                    text, (x, y), (0, up), textcoords="offset points", fontsize=6, color=colour, ha="center"
                )
        axes.axhline(0, color=GREY, linewidth=0.4)
        axes.set_xlim(0, 107)
        axes.margins(y=0.18)
        axes.set_xlabel("Information: % of the planned events", labelpad=2)
        axes.set_ylabel("Z, positive: experimental better")
    return page.figure


def describe_boundaries(looks: pl.DataFrame) -> str:
    """The boundaries in a sentence, for a reader who cannot see the figure."""
    told = [
        f"look {row['LOOK']}, {format_rate(row['FRACTION'], 1)}% of the events: efficacy from Z "
        f"{format_number(row['CRITICAL'], 3)}"
        + ("" if row["FUTILITY"] is None else f", futility below {format_number(row['FUTILITY'], 3)}")
        for row in looks.iter_rows(named=True)
    ]
    return f"{BOUNDARIES} {'; '.join(told)}."


def draw_stops(stops: pl.DataFrame, scenarios: Mapping[str, str], note: str) -> Figure:
    """One panel a scenario: a bar for each look, of the trials that end there, by the reason.

    scenarios: words for each SCENARIO, in order.
    """
    notes = wrap(note, _DOUBLE_WRAP)
    width = (DOUBLE_COLUMN - _LEFT - _RIGHT - _GAP * (len(scenarios) - 1)) / len(scenarios)
    held = stops.filter(pl.col("HELD") > 0)
    looks = held["LOOK"].to_list()
    top = 100 * max(stops.select(pl.sum_horizontal(*_REASONS)).to_series())
    with style():
        page = open_page(STOPS, DOUBLE_COLUMN, _BELOW + _PANEL + _HEAD + _ABOVE, notes)
        for place, (kind, words) in enumerate(scenarios.items()):
            axes = page.axes(_LEFT + place * (width + _GAP), page.floor + _BELOW, width, _PANEL)
            rows = held.filter(SCENARIO=kind)
            base = [0.0] * rows.height
            for name, (colour, _) in _REASONS.items():
                shares = (100 * rows[name]).to_list()
                axes.bar(rows["LOOK"].to_list(), shares, _BAR, bottom=base, color=colour)
                base = [low + share for low, share in zip(base, shares, strict=True)]
            axes.set_ylim(0, 1.25 * top)  # the legend stands above the bars
            axes.set_yticks([tick for tick in axes.get_yticks() if tick <= min(100, 1.25 * top)])
            axes.set_xlim(min(looks) - 0.6, max(looks) + 0.6)
            axes.set_xticks(range(min(looks), max(looks) + 1, 1 + (max(looks) - min(looks)) // _MOST_TICKS))
            if place:
                axes.set_yticklabels([])
            else:
                axes.set_ylabel("Trials that end, %")
            axes.set_xlabel("Look", labelpad=2)
            write_beside(axes, words, (0, 1), 0, 2.5, fontweight="bold")
            for line, (name, (colour, reason)) in enumerate(_REASONS.items()):
                text = f"{reason}: {_percent(rows, name)}%"
                write_beside(axes, text, (0, 1), 1, -2.5 - LINE * line, color=colour)
    return page.figure


def describe_stops(stops: pl.DataFrame, scenarios: Mapping[str, str]) -> str:
    """Where trials end in sentences, for a reader who cannot see the figure."""
    told = []
    for kind, words in scenarios.items():
        rows = stops.filter(SCENARIO=kind)
        reasons = [f"{_percent(rows, name)}% {reason}" for name, (_, reason) in _REASONS.items()]
        told.append(f"{words}: {', '.join(reasons)}")
    return f"{STOPS} {'. '.join(told)}."


def _percent(rows: pl.DataFrame, name: str) -> str:
    return format_number(100 * float(rows[name].sum()), 1)
