"""Forest plots: hazard ratios within subgroups, or of several models, on a logarithmic axis.

What does not belong here: curves; any ratio or interval that is not a row of `results`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.numbers import NOT_ESTIMABLE, format_count, format_p, format_ratio
from pipeline.outputs.figures.page import BAND, DOUBLE_COLUMN, GREY, INK, POINTS, Page, open_page
from pipeline.outputs.figures.source import DASH, Group, Key, Source, keys, p_words, statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PITCH, _HEAD, _FOOT = 4.1, 7.2, 13.0
_LABEL, _INDENT, _EVENTS, _APART, _PLOT, _PLOT_WIDTH = 3.0, 3.0, 52.0, 19.0, 84.0, 48.0
_RATIO, _P = 137.0, 166.0
_WIDEST = 1.9
"""mm: the largest radius of a circle."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True)
class Factor:
    """A factor of the forest analysis: its code, its printed name, and (code, printed) of its levels."""

    code: str
    label: str
    levels: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ForestFigure:
    """Hazard ratios within subgroups (`forest`) and overall (`estimate`, `model`), as ANALYSIS ids.

    radius: the key of the exponent that takes a standard error to the radius of its circle.
    favours: what a ratio below and above 1 speaks for. cut_off: the one it belongs to; None for any.
    """

    name: str
    title: str
    forest: str
    estimate: str
    model: str
    comparison: str
    radius: Key
    groups: tuple[Group, ...]
    factors: tuple[Factor, ...]
    favours: tuple[str, str]
    x_label: str
    width: float = DOUBLE_COLUMN
    cut_off: dt.date | None = None
    stub = "Subgroup"
    p_head = "P for\ninteraction"
    p_words = "for interaction"
    reference = "overall"


@dataclass(frozen=True)
class Model:
    """A hazard ratio (`model`) with its P (`test`) and counts (`estimate`), as ANALYSIS ids.

    A model `beneath` the one above it is of the same patients, whose counts are not drawn again.
    """

    label: str
    model: str
    test: str
    estimate: str
    beneath: bool = False


@dataclass(frozen=True)
class SensitivityFigure:
    """Hazard ratios of models side by side: blocks of a heading and models, the block's reference first.

    radius, favours, cut_off: as in `ForestFigure`.
    """

    name: str
    title: str
    blocks: tuple[tuple[str, tuple[Model, ...]], ...]
    comparison: str
    radius: Key
    groups: tuple[Group, ...]
    favours: tuple[str, str]
    x_label: str
    width: float = DOUBLE_COLUMN
    cut_off: dt.date | None = None
    stub = "Analysis"
    p_head = "P value,\nlog-rank"
    p_words = "by log-rank test"
    reference = "as in the paper"


Forest = ForestFigure | SensitivityFigure


@dataclass(frozen=True)
class _Row:
    """A line of the plot: a heading, or a ratio with the patients behind it; either may have a P."""

    label: str
    analysis: str = ""
    level: str = ""
    patients: tuple[tuple[str, str], ...] = ()
    """ANALYSIS and LEVEL of the counts, per group."""
    p: Key | None = None
    reference: str = ""
    """ANALYSIS whose ratio is drawn as a line from here down to the next reference."""
    depth: int = 0
    """0: in bold; 1: under such a row; 2: of the same patients as the row above."""

    @property
    def bold(self) -> bool:
        return self.depth == 0


def draw(value: Forest, source: Source) -> Page:
    """Subgroups with events and patients per group, circles, intervals, ratios and interaction P."""
    rows = list(_rows(value, source))
    power = f"{source[value.radius]:g}".translate(_RAISED)
    notes = [
        f"Lines: 95% confidence interval (CI). Radius of a circle: proportional to SE{power} (SE: standard "
        f"error of the log hazard ratio). Dashed line: {value.reference}.",
        source.note,
    ]
    page = open_page(value.title, value.width, _HEAD + _PITCH * len(rows) + _FOOT, notes)
    bottom = page.floor + _FOOT
    height = _PITCH * len(rows)
    canvas = page.canvas()
    _draw_head(canvas, value, bottom + height)
    axes = page.axes(_PLOT, bottom, _PLOT_WIDTH, height)
    _draw_axes(axes, value, source, rows)
    largest = max((_size(value, source, row) for row in rows), default=0.0)
    band = False
    for place, row in enumerate(rows):
        up = bottom + height - _PITCH * (place + 0.5)
        band = not band if row.bold else band
        if band:
            canvas.axhspan(up - _PITCH / 2, up + _PITCH / 2, color=BAND, linewidth=0, zorder=-2)
        _draw_row(canvas, value, source, row, up)
        if row.analysis:
            _draw_ratio(axes, value, source, row, len(rows) - place - 0.5, largest)
    return page


def describe(value: Forest, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    parts = []
    for row in _rows(value, source):
        ratio = source.hazard_ratio(row.analysis, value.comparison, row.level) if row.analysis else ""
        p = f"({p_words(source.numbers.get(row.p))} {value.p_words})" if row.p else ""
        parts.append(" ".join(filter(None, (f"{row.label}:" if ratio else row.label, ratio, p))))
    return (
        f"{value.title}. Forest plot of hazard ratios on a logarithmic scale; below 1 favors "
        f"{value.favours[0]}. {'; '.join(parts)}. {source.note}"
    )


def data(value: Forest, source: Source) -> dict[str, Any]:
    """The rows for the report's scripts: numbers for drawing, words for reading, keys for linking."""
    out = []
    for row in _rows(value, source):
        entry: dict[str, Any] = {"label": row.label, "heading": row.bold, "level": row.level}
        if row.analysis:
            hr, lower, upper = (_number(value, source, row, s) for s in ("hr", "hr_lower", "hr_upper"))
            events = [
                statistic(
                    group.label, _events(source, *of, group), *keys(of[0], group.code, of[1], "events", "n")
                )
                for of, group in zip(row.patients, value.groups, strict=True)
            ]
            ratio = source.hazard_ratio(row.analysis, value.comparison, row.level)
            names = keys(row.analysis, value.comparison, row.level, "hr", "hr_lower", "hr_upper")
            entry |= {"hr": hr, "lower": lower, "upper": upper, "radius": _size(value, source, row)}
            entry |= {"counts": events, "ratio": statistic("Hazard ratio", ratio, *names)}
        if row.p:
            entry["p"] = statistic(f"P {value.p_words}", format_p(source.numbers.get(row.p)), row.p)
        out.append(entry)
    return {"kind": "forest", "x_label": value.x_label, "favours": list(value.favours), "rows": out}


def _rows(value: Forest, source: Source) -> Iterator[_Row]:
    return _subgroups(value, source) if isinstance(value, ForestFigure) else _models(value)


def _models(value: SensitivityFigure) -> Iterator[_Row]:
    for heading, models in value.blocks:
        yield _Row(heading, reference=models[0].model)
        for model in models:
            of = ((model.estimate, ""),) * len(value.groups)
            p = (model.test, value.comparison, "", "p")
            yield _Row(model.label, model.model, "", of, p, depth=2 if model.beneath else 1)


def _subgroups(value: ForestFigure, source: Source) -> Iterator[_Row]:
    source.require(value.forest)
    of = ((value.estimate, ""),) * len(value.groups)
    yield _Row("Overall", value.model, "", of, reference=value.model)
    for factor in value.factors:
        key = (value.forest, value.comparison, factor.code, "p_interaction")
        yield _Row(factor.label, p=key)
        for code, label in factor.levels:
            level = f"{factor.code}={code}"
            yield _Row(label, value.forest, level, ((value.forest, level),) * len(value.groups), depth=1)


def _number(value: Forest, source: Source, row: _Row, name: str) -> float | None:
    """A ratio, limit or standard error; None where a level has too few patients or events for a model."""
    return source.ratio(row.analysis, value.comparison, row.level, name)


def _size(value: Forest, source: Source, row: _Row) -> float:
    """The standard error to the exponent: circles' radii are proportional to it; 0 without an estimate."""
    exponent = source[value.radius]
    se = _number(value, source, row, "se") if row.analysis else None
    drawn = se and exponent is not None and _number(value, source, row, "hr") is not None
    return se**exponent if drawn else 0.0  # type: ignore[operator]


def _events(source: Source, analysis: str, level: str, group: Group) -> str:
    """Events of patients; a level that nobody has is 0/0."""
    events, n = (source.numbers.get((analysis, group.code, level, s), 0) for s in ("events", "n"))
    return f"{format_count(events)}/{format_count(n)}"


def _draw_head(canvas: Axes, value: Forest, up: float) -> None:
    def write(text: str, right: float, **looks: Any) -> None:
        canvas.text(right, up + 1.5, text, fontsize=6, fontweight="bold", va="bottom", **looks)

    write(value.stub, _LABEL)
    for place, group in enumerate(value.groups):
        label = f"{group.label}\nevents/no."
        write(label, _EVENTS + _APART * place, color=group.colour, ha="center", linespacing=1.3)
    write("Hazard ratio\n(95% CI)", _RATIO, linespacing=1.3)
    write(value.p_head, _P, ha="center", linespacing=1.3)
    canvas.plot([_LABEL - 1.5, value.width - 1.5], [up + 0.6, up + 0.6], color=INK, linewidth=0.6)


def _draw_axes(axes: Axes, value: Forest, source: Source, rows: list[_Row]) -> None:
    """A logarithmic axis that holds every interval as far as its ticks go, with lines at 1 and references."""
    shown = [row for row in rows if row.analysis]
    lowest = [v for row in shown if (v := _number(value, source, row, "hr_lower")) is not None]
    highest = [v for row in shown if (v := _number(value, source, row, "hr_upper")) is not None]
    low = max((t for t in _TICKS if t <= min([0.2, *lowest])), default=_TICKS[0])
    high = min((t for t in _TICKS if t >= max([2.0, *highest])), default=_TICKS[-1])
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = [t for t in _TICKS if low <= t <= high]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, len(rows))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.patch.set_visible(False)
    axes.set_xlabel(value.x_label, labelpad=9.5)
    axes.axvline(1, color=INK, linewidth=0.6, zorder=0)
    references = [place for place, row in enumerate(rows) if row.reference]
    for place, below in zip(references, [*references[1:], len(rows)], strict=True):
        ratio = source.ratio(rows[place].reference, value.comparison, "", "hr")
        if ratio is not None:
            ends = [len(rows) - place, len(rows) - below]
            axes.plot([ratio, ratio], ends, color=GREY, linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
    looks: dict[str, Any] = {
        "xycoords": axes.get_xaxis_transform(), "textcoords": "offset points", "fontsize": 6, "va": "top",
        "color": GREY,
    }  # fmt: skip
    favour = [
        f"\N{LEFTWARDS ARROW} Favors {value.favours[0]}",
        f"Favors {value.favours[1]} \N{RIGHTWARDS ARROW}",
    ]
    axes.annotate(favour[0], (1, 0), xytext=(-4, -13), ha="right", **looks)
    axes.annotate(favour[1], (1, 0), xytext=(4, -13), ha="left", **looks)


def _draw_row(canvas: Axes, value: Forest, source: Source, row: _Row, up: float) -> None:
    """The row's words left and right of the plot."""

    def write(text: str, right: float, **looks: Any) -> None:
        canvas.text(right, up, text, fontsize=6, va="center", **looks)

    write(row.label, _LABEL + _INDENT * row.depth, fontweight="bold" if row.bold else "normal")
    counted = row.patients if row.depth < 2 else ()
    for place, (of, group) in enumerate(zip(counted, value.groups, strict=bool(counted))):
        write(_events(source, *of, group), _EVENTS + _APART * place, ha="center")
    if row.analysis:
        hr, lower, upper = (_number(value, source, row, s) for s in ("hr", "hr_lower", "hr_upper"))
        interval = "" if hr is None else f" ({format_ratio(lower)}{DASH}{format_ratio(upper)})"
        write(f"{format_ratio(hr)}{interval}", _RATIO)
    if row.p:
        p = format_p(source.numbers.get(row.p))
        write(p, _P, ha="center", color=GREY if p == NOT_ESTIMABLE else INK)


def _draw_ratio(axes: Axes, value: Forest, source: Source, row: _Row, up: float, largest: float) -> None:
    """The interval as a line, with an arrow where it leaves the axis, and the circle at the ratio."""
    hr, lower, upper = (_number(value, source, row, s) for s in ("hr", "hr_lower", "hr_upper"))
    if hr is None or lower is None or upper is None:
        return
    low, high = axes.get_xlim()
    axes.plot([max(lower, low), min(upper, high)], [up, up], color=INK, linewidth=0.7, solid_capstyle="butt")
    for limit, marker in ((low, "<"), (high, ">")):
        if lower < low == limit or upper > high == limit:
            axes.plot([limit], [up], marker=marker, color=INK, markersize=2.5, clip_on=False)
    diameter = 2 * _WIDEST * POINTS * _size(value, source, row) / largest
    axes.plot(
        [hr], [up], marker="o", color=value.groups[0].colour, markersize=diameter, markeredgewidth=0,
        clip_on=False, gid=f"circle {row.level or row.analysis}",
    )  # fmt: skip
