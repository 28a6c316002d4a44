"""Figures for print and for the report: matplotlib figures, SVG and PNG, alt text, data for scripts.

A figure is a value (`Study.figures`); the engine of its kind draws what `results` and `curves` hold, so
to add a figure is to add a value, and to add a kind is to add a module with `draw`, `describe` and
`data`. Layout is in millimetres, because a journal's column is. What does not belong in the package:
computing a number (the curve, its limits, the numbers at risk and every printed statistic are rows of
the two tables) and rounding (`numbers.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.outputs import NOTE
from pipeline.outputs.figures import boundary, flow, forest, incidence, recruitment, stratified, survival
from pipeline.outputs.figures.boundary import BoundaryFigure
from pipeline.outputs.figures.flow import Count, FlowFigure
from pipeline.outputs.figures.forest import Factor, ForestFigure, Model, SensitivityFigure
from pipeline.outputs.figures.incidence import IncidenceFigure, Panel
from pipeline.outputs.figures.page import (
    DOUBLE_COLUMN,
    PRINT_DPI,
    SINGLE_COLUMN,
    Page,
    png_bytes,
    png_preview,
    style,
    write_figure,
)
from pipeline.outputs.figures.recruitment import RecruitmentFigure
from pipeline.outputs.figures.source import Group, Source, read_source
from pipeline.outputs.figures.stratified import Level, StratifiedFigure
from pipeline.outputs.figures.survival import SurvivalFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "DOUBLE_COLUMN",
    "PRINT_DPI",
    "SINGLE_COLUMN",
    "BoundaryFigure",
    "Count",
    "Factor",
    "FigureValue",
    "FlowFigure",
    "ForestFigure",
    "Group",
    "IncidenceFigure",
    "Level",
    "Model",
    "Panel",
    "RecruitmentFigure",
    "SensitivityFigure",
    "StratifiedFigure",
    "SurvivalFigure",
    "describe_figure",
    "figure_data",
    "figures_of",
    "png_bytes",
    "png_preview",
    "render_figure",
    "write_figure",
]

FigureValue = (
    SurvivalFigure
    | StratifiedFigure
    | IncidenceFigure
    | ForestFigure
    | SensitivityFigure
    | FlowFigure
    | RecruitmentFigure
    | BoundaryFigure
)

_KINDS: dict[type, ModuleType] = {
    SurvivalFigure: survival,
    StratifiedFigure: stratified,
    IncidenceFigure: incidence,
    ForestFigure: forest,
    SensitivityFigure: forest,
    FlowFigure: flow,
    RecruitmentFigure: recruitment,
    BoundaryFigure: boundary,
}


def figures_of(figures: Iterable[FigureValue], cut_off: dt.date) -> tuple[FigureValue, ...]:
    """The figures that show a cut-off: those that belong to it, and those that belong to none."""
    return tuple(value for value in figures if value.cut_off in (None, cut_off))


def render_figure(value: FigureValue, results: pl.DataFrame, curves: pl.DataFrame) -> Figure:
    """Draw one figure.

    results, curves: one study and cut-off, and the figure's own if it belongs to one, else `ValueError`.
    A number the figure shows must have its row, else `KeyError` with the missing ANALYSIS, GROUP, LEVEL,
    STATISTIC; the counts of a flow must add up, else `ValueError`.
    """
    source = _source(value, results, curves)
    with style():
        page: Page = _KINDS[type(value)].draw(value, source)
    return page.figure


def describe_figure(value: FigureValue, results: pl.DataFrame) -> str:
    """The figure in sentences, for a reader who cannot see it; errors as in `render_figure`."""
    description: str = _KINDS[type(value)].describe(value, _source(value, results))
    return description


def figure_data(value: FigureValue, results: pl.DataFrame, curves: pl.DataFrame) -> dict[str, Any]:
    """What a script needs to draw the figure and to switch its parts: plain, JSON-able, unrounded.

    Always `name`, `title`, `kind`, `note`, `cut_off`, `description`. Curves (kinds survival, stratified,
    incidence): `months` (ticks), `curves` (a dict each: group, colour, level or panel; lists of one
    length: time in months, estimate, lower, upper, at_risk, events, censored, words) and `statistics`.
    forest, recruitment, boundary: `rows`. flow: `enrolled`, `excluded`, `randomised`, `arms` (lists of
    lines) and `statistics`. Printed numbers have `label`, `text` and `keys`, the rows of the results they
    show. Errors as in `render_figure`.
    """
    source = _source(value, results, curves)
    kind = _KINDS[type(value)]
    return {
        "name": value.name,
        "title": value.title,
        "note": NOTE,
        "cut_off": source.cut_off.isoformat(),
        "description": kind.describe(value, source),
        **kind.data(value, source),
    }


def _source(value: FigureValue, results: pl.DataFrame, curves: pl.DataFrame | None = None) -> Source:
    source = read_source(results, curves)
    if value.cut_off not in (None, source.cut_off):
        raise ValueError(f"{value.name} shows the cut-off {value.cut_off}, the tables hold {source.cut_off}")
    return source
