"""The page a figure is drawn on: its style, its title and notes, places in millimetres, its files.

What does not belong here: what a kind of figure shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.outputs import NOTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SINGLE_COLUMN, DOUBLE_COLUMN = 85.0, 175.0
PRINT_DPI = 300
MARGIN, LINE = 1.5, 3.1
"""mm: the empty edge of a page, and the pitch of a line of text."""
POINTS = 72 / 25.4
"""Points in a millimetre."""
INK, GREY, BAND = "#1a1a1a", "#555555", "#f1f1f1"

_TOP = 8.0
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 6.5,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "svg.fonttype": "none",  # text stays text: searchable, read aloud, small
    "svg.hashsalt": "pipeline.outputs.figures",
}


@dataclass(frozen=True)
class Page:
    """A page with its title and notes; places on it are millimetres from the lower left corner."""

    figure: Figure
    width: float
    height: float
    floor: float
    """Where the notes end and the body begins."""

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes at a place given in mm."""
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def canvas(self) -> Axes:
        """Axes without a frame over the whole page, whose units are mm."""
        axes = self.axes(0, 0, self.width, self.height)
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(0, self.height)
        return axes


@contextmanager
def style() -> Iterator[None]:
    """Our settings on matplotlib's defaults, whatever the user's own matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def open_page(title: str, width: float, body: float, notes: Sequence[str]) -> Page:
    """A page that leaves `body` mm of height between its title and its notes."""
    from matplotlib.figure import Figure

    floor = MARGIN + LINE * (len(notes) + 0.5)
    height = floor + body + _TOP
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    left, top = MARGIN / width, 1 - MARGIN / height
    figure.suptitle(title, x=left, y=top, ha="left", va="top", fontsize=8, fontweight="bold")
    for place, note in enumerate(reversed(notes)):
        up = (MARGIN + LINE * place) / height
        figure.text(left, up, note, ha="left", va="bottom", fontsize=6, color=GREY)
    return Page(figure, width, height, floor)


def write_beside(
    axes: Axes, text: str, origin: tuple[float, float], right: float, up: float, **looks: Any
) -> None:
    """Write a text `right` and `up` mm from a point of the axes (fractions, lower left is 0, 0)."""
    if text:
        axes.annotate(
            text,
            origin,
            xycoords="axes fraction",
            xytext=(right * POINTS, up * POINTS),
            textcoords="offset points",
            fontsize=6,
            **looks,
        )


def write_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.svg and `name`.png (300 dpi) into the folder; the same figure gives the same bytes.

    Each file is written under a temporary name and renamed, so that a reader sees all of it or none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    for path, content in ((svg, svg_bytes(figure)), (png, png_bytes(figure))):
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.replace(path)
    return svg, png


def png_bytes(figure: Figure, dpi: int = PRINT_DPI) -> bytes:
    """The figure as a PNG; about 110 dpi suits a preview in the Dagster UI."""
    buffer = BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def png_preview(png: bytes, dpi: int) -> bytes:
    """A PNG of 300 dpi as one of `dpi`, a divisor of that: cheaper than to draw the figure again."""
    from PIL import Image

    buffer = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.reduce(PRINT_DPI // dpi).save(buffer, format="png")
    return buffer.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """The figure as an SVG with a title."""
    buffer = BytesIO()
    metadata = {"Title": figure.get_suptitle(), "Description": NOTE, "Date": None, "Creator": None}
    with style():
        figure.savefig(buffer, format="svg", metadata=metadata)
    return buffer.getvalue()
