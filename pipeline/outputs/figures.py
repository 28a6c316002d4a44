"""Figures for print: survival curves and cumulative incidence, as matplotlib figures, SVG and PNG.

A figure is a value (`Study.figures`); the engine draws what `results` and `curves` hold, so to add a figure
is to add a value. Layout is in millimetres, because a journal's column is. What does not belong here:
computing a number (the curve, its limits, the numbers at risk and every printed statistic are rows of
the two tables) and rounding (`numbers.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.numbers import (
    NOT_REACHED,
    format_count,
    format_months,
    format_p,
    format_ratio,
)
from pipeline.study import DAYS_PER_MONTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTE = "Synthetic data: not the trial's patients."
SINGLE_COLUMN, DOUBLE_COLUMN = 85.0, 175.0
PRINT_DPI = 300

# mm: the space a figure keeps around its axes, and the pitch of a line of text
_LEFT, _RIGHT, _TOP, _GAP, _LINE, _AT_RISK = 20.0, 4.0, 8.0, 9.0, 3.1, 11.5
# where a vertical axis may end, and the step of its ticks
_STEPS = {0.1: 0.02, 0.2: 0.05, 0.3: 0.05, 0.4: 0.1, 0.5: 0.1, 0.6: 0.1, 0.8: 0.2, 1.0: 0.2}
_INK, _GREY = "#1a1a1a", "#555555"
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
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.3}
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 6.5,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "svg.fonttype": "none",  # text stays text: searchable, read aloud, small
    "svg.hashsalt": "pipeline.outputs.figures",
}


@dataclass(frozen=True)
class Group:
    """A treatment group as it is drawn: GROUP in the tables, its printed label and its colour."""

    code: str
    label: str
    colour: str


@dataclass(frozen=True)
class Panel:
    """One panel of an incidence figure: CAUSE in `curves` (LEVEL of the test) and its printed title."""

    cause: str
    title: str


@dataclass(frozen=True)
class SurvivalFigure:
    """Survival curves with the numbers that belong to them; `estimate`, `test`, `model` are ANALYSIS ids."""

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


@dataclass(frozen=True)
class IncidenceFigure:
    """Cumulative incidence, a panel for each cause; `estimate` and `test` are ANALYSIS ids."""

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


_Numbers = dict[tuple[str, str, str, str], float | None]


def render_figure(
    value: SurvivalFigure | IncidenceFigure, results: pl.DataFrame, curves: pl.DataFrame
) -> Figure:
    """Draw one figure from the `results` and `curves` of one study and cut-off."""
    if isinstance(value, SurvivalFigure):
        return render_survival_figure(results, curves, value)
    return render_incidence_figure(results, curves, value)


def render_survival_figure(results: pl.DataFrame, curves: pl.DataFrame, spec: SurvivalFigure) -> Figure:
    """Survival curves with censoring ticks, limits, medians, hazard ratio, log-rank P and numbers at risk.

    results, curves: one study and cut-off, else `ValueError`; a number the figure shows must have its
    row, else `KeyError` with the missing ANALYSIS, GROUP, LEVEL, STATISTIC.
    """
    numbers = _numbers(results)
    ticks = _ticks(numbers, spec.estimate)
    with _style():
        notes = [
            "Shading: 95% confidence interval (CI). Ticks: censored. NR: not reached.",
            _source(results, curves),
        ]
        figure, (axes,) = _layout(spec, 1, height=62.0, notes=notes)
        _draw_axes(axes, ticks, ceiling=1.0)
        axes.set_ylabel(spec.y_label)
        drawn = [_draw_curve(axes, curves, spec.estimate, "", group, start=1.0) for group in spec.groups]
        _label_curves(axes, drawn, spec.groups, at=0.4 * ticks[-1])
        _draw_summary(axes, numbers, spec)
        _draw_at_risk(axes, numbers, spec, ticks, named=True)
    return figure


def render_incidence_figure(results: pl.DataFrame, curves: pl.DataFrame, spec: IncidenceFigure) -> Figure:
    """Cumulative incidence in a panel for each cause, with Gray's P and numbers at risk.

    results, curves and errors as in `render_survival_figure`.
    """
    numbers = _numbers(results)
    ticks = _ticks(numbers, spec.estimate)
    with _style():
        notes = [
            "Shading: 95% confidence interval. Each panel has its own vertical scale.",
            _source(results, curves),
        ]
        figure, all_axes = _layout(spec, len(spec.panels), height=48.0, notes=notes)
        for place, (axes, panel) in enumerate(zip(all_axes, spec.panels, strict=True)):
            p = numbers[spec.test, spec.comparison, panel.cause, "p"]
            _draw_axes(axes, ticks, ceiling=_ceiling(curves, spec.estimate, panel.cause))
            axes.set_title(panel.title, loc="left", fontsize=7, fontweight="bold", pad=4)
            for group in spec.groups:
                _draw_curve(axes, curves, spec.estimate, panel.cause, group, start=0.0)
            axes.legend(title=f"{_p(p)} by Gray's test", **_LEGEND)
            _draw_at_risk(axes, numbers, spec, ticks, named=place == 0)
        all_axes[0].set_ylabel(spec.y_label)
    return figure


def write_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.svg and `name`.png (300 dpi) into the folder; the same figure gives the same bytes.

    Each file is written under a temporary name and renamed, so that a reader sees all of it or none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    for path, content in ((svg, _svg_bytes(figure)), (png, png_bytes(figure))):
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.replace(path)
    return svg, png


def png_bytes(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """The figure as a PNG; about 110 dpi suits a preview in the Dagster UI."""
    buffer = BytesIO()
    with _style():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _svg_bytes(figure: Figure) -> bytes:
    buffer = BytesIO()
    metadata = {"Title": figure.get_suptitle(), "Description": NOTE, "Date": None, "Creator": None}
    with _style():
        figure.savefig(buffer, format="svg", metadata=metadata)
    return buffer.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    """Our settings on matplotlib's defaults, whatever the user's own matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def _numbers(results: pl.DataFrame) -> _Numbers:
    columns = ("ANALYSIS", "GROUP", "LEVEL", "STATISTIC", "VALUE")
    return {(a, g, level, s): value for a, g, level, s, value in results.select(columns).iter_rows()}


def _source(results: pl.DataFrame, curves: pl.DataFrame) -> str:
    """The line under every figure: what the data are, and their cut-off."""
    sources = pl.concat([frame.select("STUDYID", "CUTOFF") for frame in (results, curves)]).unique()
    if sources.height != 1:
        raise ValueError(f"a figure shows one study at one cut-off, the tables hold {sources.height}")
    return f"{NOTE} Data cut-off: {sources['CUTOFF'].item().isoformat()}."


def _ticks(numbers: _Numbers, analysis: str) -> list[int]:
    """The months that carry a number at risk: the axis has its ticks there and ends at the last."""
    ticks = sorted({int(level) for a, _, level, s in numbers if a == analysis and s == "n_risk"})
    if len(ticks) < 2:
        raise KeyError(f"no numbers at risk for {analysis}")
    return ticks


def _ceiling(curves: pl.DataFrame, analysis: str, cause: str) -> float:
    """The lowest end of the axis that leaves a quarter of the panel free for its legend."""
    shown = curves.filter(pl.col("ANALYSIS") == analysis, pl.col("CAUSE") == cause)
    top = shown.select(pl.max_horizontal(pl.col("ESTIMATE", "UPPER").max())).item() or 0.0
    return next((ceiling for ceiling in _STEPS if top <= 0.75 * ceiling), 1.0)


def _p(p: float | None) -> str:
    text = format_p(p)
    return f"P{text}" if text.startswith("<") else f"P = {text}"


def _layout(
    spec: SurvivalFigure | IncidenceFigure, panels: int, *, height: float, notes: list[str]
) -> tuple[Figure, list[Axes]]:
    """A page of the spec's width with a title, a note and axes of `height` mm side by side."""
    from matplotlib.figure import Figure

    bottom = _AT_RISK + _LINE * (len(spec.groups) + 0.5 + len(notes))
    tall = bottom + height + _TOP + (_LINE if panels > 1 else 0.0)
    wide = (spec.width - _LEFT - _RIGHT - _GAP * (panels - 1)) / panels
    figure = Figure(figsize=(spec.width / 25.4, tall / 25.4))
    figure.suptitle(
        spec.title, x=1.5 / spec.width, y=1 - 1.5 / tall, ha="left", va="top", fontsize=8, fontweight="bold"
    )
    for place, note in enumerate(reversed(notes)):
        up = (1.5 + _LINE * place) / tall
        figure.text(1.5 / spec.width, up, note, ha="left", va="bottom", fontsize=6, color=_GREY)
    lefts = [_LEFT + place * (wide + _GAP) for place in range(panels)]
    boxes = [(left / spec.width, bottom / tall, wide / spec.width, height / tall) for left in lefts]
    axes = [figure.add_axes(box) for box in boxes]
    for one in axes:
        one.set_xlabel(spec.x_label, labelpad=2)
    return figure, axes


def _draw_axes(axes: Axes, ticks: list[int], ceiling: float) -> None:
    axes.set_xlim(0, ticks[-1])
    axes.set_xticks(ticks)
    axes.set_ylim(0, 1.015 * ceiling)  # a curve along the top keeps its full width
    step = _STEPS[ceiling]
    axes.set_yticks([step * tick for tick in range(round(ceiling / step) + 1)])
    axes.yaxis.set_major_formatter("{x:.2f}" if step < 0.1 else "{x:.1f}")
    axes.spines["left"].set_bounds(0, ceiling)


def _draw_curve(
    axes: Axes, curves: pl.DataFrame, analysis: str, cause: str, group: Group, start: float
) -> pl.DataFrame:
    """Draw one step function from `start` at time 0 and give back what was drawn, TIME in months."""
    own = (pl.col("ANALYSIS") == analysis) & (pl.col("CAUSE") == cause) & (pl.col("GROUP") == group.code)
    columns = ("TIME", "NCENSOR", "ESTIMATE", "LOWER", "UPPER")
    rows = curves.filter(own).select(columns).sort("TIME")
    if rows.is_empty():
        raise KeyError((analysis, group.code, cause))
    if rows["TIME"][0] > 0:
        origin = pl.DataFrame([(0, 0, start, start, start)], schema=rows.schema, orient="row")
        rows = pl.concat([origin, rows])
    rows = rows.with_columns(pl.col("TIME") / DAYS_PER_MONTH)
    time, estimate, lower, upper = (rows[c].to_numpy() for c in ("TIME", "ESTIMATE", "LOWER", "UPPER"))
    axes.fill_between(time, lower, upper, step="post", color=group.colour, alpha=0.12, linewidth=0)
    axes.step(time, estimate, where="post", color=group.colour, linewidth=1.1, label=group.label)
    if cause == "":
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
    return rows


def _label_curves(axes: Axes, drawn: list[pl.DataFrame], groups: tuple[Group, ...], at: float) -> None:
    """Name falling curves at month `at`: the upper one above its limits, the others below theirs."""
    here = [rows.filter(pl.col("TIME") <= at).row(-1, named=True) for rows in drawn]
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


def _draw_summary(axes: Axes, numbers: _Numbers, spec: SurvivalFigure) -> None:
    """Events, medians, hazard ratio and P in words, in the corner that falling curves leave free."""
    hr, lower, upper = (
        format_ratio(numbers[spec.model, spec.comparison, "", s]) for s in ("hr", "hr_lower", "hr_upper")
    )
    lines = [("", "Events", "Median (95% CI), mo", _INK)]
    for group in spec.groups:
        n, events, median, low, high = (
            numbers[spec.estimate, group.code, "", s]
            for s in ("n", "events", "median", "median_lower", "median_upper")
        )
        events_of_n = f"{format_count(events)}/{format_count(n)}"
        lines.append((group.label, events_of_n, _median(median, low, high), group.colour))
    lines += [
        (f"Hazard ratio, {hr} (95% CI, {lower}\N{EN DASH}{upper})", "", "", _INK),
        (f"{_p(numbers[spec.test, spec.comparison, '', 'p'])} by log-rank test", "", "", _INK),
    ]
    for place, (*texts, colour) in enumerate(reversed(lines)):
        for text, right in zip(texts, (1.5, 17.5, 28.0), strict=True):
            _write(axes, text, (0, 0), right, 1.2 + _LINE * place, color=colour, va="bottom", bbox=_PAPER)


def _median(median: float | None, low: float | None, high: float | None) -> str:
    """A median time in words; a limit that is not reached is "NR", as the note under the figure says."""
    if median is None:
        return NOT_REACHED
    lower, upper = ("NR" if limit is None else format_months(limit) for limit in (low, high))
    return f"{format_months(median)} ({lower}\N{EN DASH}{upper})"


def _draw_at_risk(
    axes: Axes, numbers: _Numbers, spec: SurvivalFigure | IncidenceFigure, ticks: list[int], *, named: bool
) -> None:
    """The numbers at risk, each under its tick; `named` panels carry the group labels left of them."""
    if named:
        _write(axes, "No. at risk", (0, 0), 1.5 - _LEFT, -_AT_RISK + _LINE, va="center", fontweight="bold")
    for place, group in enumerate(spec.groups):
        up = -_AT_RISK - _LINE * place
        if named:
            _write(axes, group.label, (0, 0), 1.5 - _LEFT, up, color=group.colour, va="center")
        for month in ticks:
            count = format_count(numbers[spec.estimate, group.code, str(month), "n_risk"])
            _write(axes, count, (month / ticks[-1], 0), 0, up, ha="center", va="center")


def _write(axes: Axes, text: str, origin: tuple[float, float], right: float, up: float, **looks: Any) -> None:
    """Write a text `right` and `up` mm from a point of the axes (fractions, lower left is 0, 0)."""
    if text:
        offset = (right * 72 / 25.4, up * 72 / 25.4)
        axes.annotate(
            text,
            origin,
            xycoords="axes fraction",
            xytext=offset,
            textcoords="offset points",
            fontsize=6,
            **looks,
        )
