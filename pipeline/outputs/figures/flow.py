"""Flow diagrams of a trial (CONSORT): who was registered, assigned, treated, crossed over and analysed.

Every box is a count of `results`, and boxes that should add up are checked to do so. What does not
belong here: counting, curves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.numbers import format_count
from pipeline.outputs.figures.page import DOUBLE_COLUMN, INK, LINE, Page, open_page
from pipeline.outputs.figures.source import Key, Source, statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PAD, _GAP, _INDENT, _FOOT = 1.3, 5.0, 2.5, 2.5
_CENTRE, _SIDE, _ARM = 58.0, 75.0, 80.0
"""mm: widths of a box of the stem, beside it, and of an arm."""


@dataclass(frozen=True)
class Count:
    """One count of the results with its words; `parts`, and the levels of the analysis `reasons`, make it up.

    A box of the flow is a count, too.
    """

    label: str
    analysis: str
    group: str = "TOTAL"
    level: str = ""
    statistic: str = "n"
    parts: tuple[Count, ...] = ()
    reasons: str = ""

    @property
    def key(self) -> Key:
        """The row of the results it is."""
        return self.analysis, self.group, self.level, self.statistic


@dataclass(frozen=True)
class FlowFigure:
    """The flow from registration to analysis; each arm is a column of boxes (None: no such box).

    Of an arm, the first box is everybody assigned to it and the last everybody analysed. cut_off: the
    one it belongs to; None for any.
    """

    name: str
    title: str
    enrolled: Count
    excluded: Count
    randomised: Count
    arms: tuple[tuple[Count | None, ...], ...]
    notes: tuple[str, ...] = ()
    width: float = DOUBLE_COLUMN
    cut_off: dt.date | None = None


Line = tuple[int, Count]
"""A line of a box: how far it is indented, and its count."""


def check_flow(value: FlowFigure, source: Source) -> None:
    """That parts add up to what they are parts of; a `ValueError` lists every place where they do not."""
    wrong = []

    def check(whole: Count, parts: Sequence[Count], relation: str) -> None:
        total = sum(source[part.key] or 0 for part in parts)
        if total != source[whole.key]:
            listed = ", ".join(f"{p.label} {source[p.key]:g}" for p in parts) or "nothing"
            wrong.append(
                f"{whole.label} ({whole.group}) is {source[whole.key]:g}, {relation} {total:g}: {listed}"
            )

    assigned = [next(box for box in arm if box) for arm in value.arms]
    analysed = [next(box for box in reversed(arm) if box) for arm in value.arms]
    check(value.enrolled, [value.excluded, value.randomised], "excluded and randomized are")
    check(value.randomised, assigned, "the arms are")
    for first, last in zip(assigned, analysed, strict=True):
        check(first, [last], "analyzed are")
    for box in _boxes(value):
        for _, count in _walk(box, source):
            parts = _parts(count, source)
            if count.parts or count.reasons:
                check(count, parts, "its parts are")
    if wrong:
        raise ValueError(f"{value.name} does not add up: {'; '.join(wrong)}")


def draw(value: FlowFigure, source: Source) -> Page:
    """Boxes from registration down to analysis, joined by arrows."""
    check_flow(value, source)
    rows = [[arm[place] for arm in value.arms] for place in range(len(value.arms[0]))]
    top = [
        _height(value.enrolled, source),
        _height(value.excluded, source),
        _height(value.randomised, source),
    ]
    heights = [max(_height(box, source) for box in row if box) for row in rows]
    body = sum(top) + sum(heights) + _GAP * (len(top) + len(heights)) - 2 * _GAP + _FOOT
    notes = [" ".join([*value.notes, "Counts of 0 are left out."]), source.note]
    page = open_page(value.title, value.width, body, notes)
    axes = page.canvas()
    middle, up = value.width / 2, page.floor + body
    columns = [value.width * (place + 0.5) / len(value.arms) for place in range(len(value.arms))]
    stem = up - top[0]
    _draw_box(axes, source, value.enrolled, middle, _CENTRE, up)
    up = stem - 0.5 * _GAP
    beside = columns[-1] + _ARM / 2 - _SIDE / 2
    _draw_box(axes, source, value.excluded, beside, _SIDE, up)
    _arrow(axes, (middle, up - top[1] / 2), (beside - _SIDE / 2, up - top[1] / 2))
    up -= top[1] + 0.5 * _GAP
    _arrow(axes, (middle, stem), (middle, up))
    _draw_box(axes, source, value.randomised, middle, _CENTRE, up)
    up -= top[2]
    fork = up - 0.5 * _GAP
    axes.plot([middle, middle], [up, fork], color=INK, linewidth=0.6)
    axes.plot([columns[0], columns[-1]], [fork, fork], color=INK, linewidth=0.6)
    ends = [fork] * len(columns)
    up -= _GAP
    for row, height in zip(rows, heights, strict=True):
        for place, box in enumerate(row):
            if box:
                _arrow(axes, (columns[place], ends[place]), (columns[place], up))
                _draw_box(axes, source, box, columns[place], _ARM, up)
                ends[place] = up - _height(box, source)
        up -= height + _GAP
    return page


def describe(value: FlowFigure, source: Source) -> str:
    """What a reader who cannot see the figure needs."""
    check_flow(value, source)
    boxes = []
    for box in _boxes(value):
        (_, whole), *lines = [line for line in _walk(box, source) if _shown(line, source)]
        within = ", ".join(f"{_lower(count.label)} {_number(count, source)}" for _, count in lines)
        boxes.append(f"{whole.label}: {_number(whole, source)}{f' ({within})' if within else ''}")
    return f"{value.title}. Flow diagram. {'. '.join(boxes)}. {source.note}"


def data(value: FlowFigure, source: Source) -> dict[str, Any]:
    """The boxes for the report's scripts: lines with indent, words and the row of the results."""
    check_flow(value, source)

    def lines(box: Count | None) -> list[dict[str, Any]]:
        shown = [line for line in _walk(box, source) if _shown(line, source)] if box else []
        return [
            {"indent": indent} | statistic(count.label, _number(count, source), count.key)
            for indent, count in shown
        ]

    arms = [[lines(box) for box in arm] for arm in value.arms]
    stem = {name: lines(getattr(value, name)) for name in ("enrolled", "excluded", "randomised")}
    every = [*stem.values(), *(box for arm in arms for box in arm)]
    return {"kind": "flow", **stem, "arms": arms, "statistics": [line for box in every for line in box]}


def _boxes(value: FlowFigure) -> Iterator[Count]:
    yield from (value.enrolled, value.excluded, value.randomised)
    for arm in value.arms:
        yield from (box for box in arm if box)


def _parts(count: Count, source: Source) -> list[Count]:
    """What a count consists of: its declared parts, then its reasons, the most frequent first."""
    reasons = [
        Count(level.capitalize(), count.reasons, count.group, level)
        for level in source.levels(count.reasons)
        if level
    ]
    reasons.sort(key=lambda reason: (-(source[reason.key] or 0), reason.label))
    return [*count.parts, *reasons]


def _walk(count: Count, source: Source, indent: int = 0) -> Iterator[Line]:
    yield indent, count
    for part in _parts(count, source):
        yield from _walk(part, source, indent + 1)


def _shown(line: Line, source: Source) -> bool:
    """A box always has its head; below it, a count of 0 is left out."""
    indent, count = line
    return indent == 0 or source[count.key] != 0


def _lower(label: str) -> str:
    """A label within a sentence."""
    return label[:1].lower() + label[1:]


def _number(count: Count, source: Source) -> str:
    return format_count(source[count.key])


def _height(box: Count | None, source: Source) -> float:
    if box is None:
        return 0.0
    lines = sum(_shown(line, source) for line in _walk(box, source))
    return LINE * lines + 2 * _PAD


def _draw_box(axes: Axes, source: Source, box: Count, middle: float, width: float, top: float) -> None:
    """A frame with words at the left and counts at the right."""
    from matplotlib.patches import Rectangle

    left, height = middle - width / 2, _height(box, source)
    frame = Rectangle((left, top - height), width, height, facecolor="white", edgecolor=INK, linewidth=0.6)
    axes.add_patch(frame)
    up = top - _PAD - LINE / 2
    for indent, count in (line for line in _walk(box, source) if _shown(line, source)):
        looks: dict[str, Any] = {"fontsize": 6, "va": "center", "fontweight": "normal" if indent else "bold"}
        axes.text(left + _PAD + 0.4 + _INDENT * indent, up, count.label, **looks)
        axes.text(left + width - _PAD - 0.4, up, _number(count, source), ha="right", **looks)
        up -= LINE


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    looks = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "color": INK, "linewidth": 0.6}
    axes.annotate("", end, start, arrowprops={**looks, "shrinkA": 0, "shrinkB": 0})
