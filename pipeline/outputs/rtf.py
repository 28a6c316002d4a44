"""Tables as RTF, laid out as a regulatory reader expects: one file a table, heads repeated on every page.

rtflite writes the document; columns and pages are measured here, because rtflite counts rows and not
every program repeats heads by itself. What does not belong here: what a table says (`tables.py`), any
other medium.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.outputs import NOTE
from pipeline.outputs.tables import Table, TableCell

if TYPE_CHECKING:
    from rtflite import RTFColumnHeader, RTFDocument

# inches
_SHORT, _LONG = 8.5, 11.0  # the edges of a letter page
_SIDE, _TOP, _BOTTOM, _EDGE = 0.8, 1.0, 0.8, 0.5  # margins; from the edge to the page's header and footer
_GAP = 0.17  # what a column keeps free beside its text
_WIDEST_LABEL, _WIDEST_CELL = 3.0, 2.6  # beyond which a text takes another line
# points
_SMALL = 7
_BOLD = 1.1  # how much wider than plain a head is
_LEADING = 1.15  # line height to size
_AROUND = 1.5  # above and below a row together
_FILLED = 0.98  # how much of a page is used: programs set lines a little differently

_INDENT = 200  # twips
_FONT = 4  # Arial, by rtflite's numbers
_ONE_PAGE = 1_000_000  # rows: rtflite shall break no page
_ROW, _ROW_END = "\\trowd", "\\row"
_PAGE_BREAK = "{\\pard\\fs2\\par}\\page{\\pard\\fs2\\par}\n"
_HEADER = "{\\header"
_PAGE = re.compile(
    r"\\paperw(\d+)\\paperh(\d+)\s*(\\landscape)?\s*\\margl(\d+)\\margr(\d+)\\margt(\d+)\\margb(\d+)"
)
_PAGES = f"{{\\field{{\\*\\fldinst NUMPAGES}}{{\\fldrslt\\f{_FONT - 1}\\fs{2 * _SMALL} 1}}}}"


@dataclass(frozen=True)
class _Layout:
    """A page's inches, the size of the text in points, and the inches of each column."""

    width: float
    height: float
    size: int
    columns: tuple[float, ...] = ()

    @property
    def text_width(self) -> float:
        return self.width - 2 * _SIDE

    def lines(self, texts: Sequence[str]) -> int:
        """Lines that a row of these texts takes."""
        room = [column - _GAP for column in self.columns]
        return max(_lines(text, inches, self.size) for text, inches in zip(texts, room, strict=False))

    def notes(self, table: Table) -> int:
        """Lines under the table."""
        texts = [*(note.text for note in table.footnotes), table.source]
        return sum(_lines(text, self.text_width, self.size - 1) for text in texts)


_LAYOUTS = (
    _Layout(_SHORT, _LONG, 9),
    _Layout(_LONG, _SHORT, 9),
    _Layout(_LONG, _SHORT, 8),
    _Layout(_LONG, _SHORT, 7),
)


def write_rtf(table: Table, folder: Path) -> Path:
    """Write `name`.rtf into the folder; the same table gives the same bytes.

    The file is written under a temporary name and renamed, so that a reader sees all of it or none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table.name}.rtf"
    part = path.with_name(f".{path.name}.part")
    part.write_text(render_rtf(table), encoding="ascii", newline="\n")
    part.replace(path)
    return path


def render_rtf(table: Table) -> str:
    """The table as an RTF document in ASCII: portrait where its columns fit, else landscape."""
    layout = _layout(table)
    heads = _heads(table, layout)
    before, *chunks = str(_document(table, layout, heads).rtf_encode()).split(_ROW)
    rows = [_ROW + _row(chunk, is_head=place < len(heads)) for place, chunk in enumerate(chunks)]
    head, body = rows[: len(heads)], rows[len(heads) :]
    for start in _page_starts(table, layout):
        body[start] = _PAGE_BREAK + "".join(head) + body[start]
    return before + "".join(head + body)


def join_rtf(documents: Iterable[str]) -> str:
    """Documents of `render_rtf` as one, each a section with its own page and heads."""
    parts = list(documents)
    sections = []
    for text in parts:
        begin = text.index(_HEADER)
        body = text[begin : text.rindex("}")]
        sections.append("\\sectd" + _PAGE.sub(_as_section, body, count=1))
    return parts[0][: parts[0].index(_HEADER)] + "\\sect\n".join(sections) + "}\n"


def _as_section(page: re.Match[str]) -> str:
    """The page of a document as that of a section."""
    width, height, landscape, *margins = page.groups()
    names = ("margl", "margr", "margt", "margb")
    sizes = "".join(f"\\{name}sxn{size}" for name, size in zip(names, margins, strict=True))
    turned = "\\lndscpsxn" if landscape else ""
    return f"\\pgwsxn{width}\\pghsxn{height}{turned}\n{sizes}"


def _layout(table: Table) -> _Layout:
    """The first page and size that the columns fit into; what is free goes to all of them.

    Where no page is wide enough, the widest column gives way.
    """
    for page in _LAYOUTS:
        columns = _columns(table, page.size)
        spare = page.text_width - sum(columns)
        if spare >= 0:
            break
    else:
        columns[columns.index(max(columns))] += spare
    stretch = page.text_width / sum(columns)
    return replace(page, columns=tuple(stretch * column for column in columns))


def _columns(table: Table, size: int) -> list[float]:
    """Inches each column asks for: its longest text up to a limit, and the longest word of its head."""
    labels = [
        (_BOLD if row.heading else 1) * _inches(row.label, size) + row.indent * _INDENT / 1440
        for row in table.rows
    ]
    widths = [[min(max(labels, default=0.0), _WIDEST_LABEL)]]
    for place in range(len(table.columns) - 1):
        texts = {row.cells[place].text for row in table.rows if row.cells}
        widths.append([min(_inches(text, size), _WIDEST_CELL) for text in texts])
    heads = [_BOLD * max(_inches(word, size) for word in head.text.split(" ")) for head in table.columns]
    return [max([head, *texts]) + _GAP for head, texts in zip(heads, widths, strict=True)]


def _page_starts(table: Table, layout: _Layout) -> list[int]:
    """The rows before which a page ends: a heading stays with its first row, the notes with the last."""
    heads = layout.lines([column.text for column in table.columns]) + 2 * bool(table.spans)
    room = _FILLED * 72 * (layout.height - _TOP - _BOTTOM) - _points(heads, layout.size)
    texts = [[row.label, *(cell.text for cell in row.cells)] for row in table.rows]
    heights = [_points(layout.lines(row), layout.size) for row in texts]
    starts, used = [], _points(3, layout.size + 1)  # the title and the population
    for place, (row, height) in enumerate(zip(table.rows, heights, strict=True)):
        is_last = place + 1 == len(heights)
        below = _points(layout.notes(table), layout.size - 1) if is_last else heights[place + 1] * row.heading
        if place and used + height + below > room:
            starts.append(place)
            used = 0.0
        used += height
    return starts


def _points(lines: int, size: int) -> float:
    return lines * _LEADING * size + _AROUND


def _lines(text: str, inches: float, size: int) -> int:
    return max(1, math.ceil(_inches(text, size) / inches))


@cache  # rtflite opens the font for every text
def _inches(text: str, size: int) -> float:
    from rtflite import get_string_width

    return float(get_string_width(text, font=_FONT, font_size=size))


def _row(rtf: str, is_head: bool) -> str:
    """A row that stays on one page and, as a head, comes again where a reader's program breaks a page.

    rtflite says of no paragraph that it stands in a table, so that every row would be a table of its own.
    """
    row, end, after = rtf.partition(_ROW_END)
    return "\\trkeep" + ("\\trhdr" if is_head else "") + row.replace("\\pard", "\\pard\\intbl") + end + after


def _document(table: Table, layout: _Layout, heads: list[RTFColumnHeader]) -> RTFDocument:
    import rtflite

    others = len(table.columns) - 1
    rows = [[row.label, *([cell.text for cell in row.cells] or [""] * others)] for row in table.rows]
    columns = {f"column {place}": pl.String for place in range(others + 1)}
    under = _cells(layout.size - 1) | {"as_table": False, "text_justification": [["l"]]}
    return rtflite.RTFDocument(
        df=pl.DataFrame([[_escape(text) for text in row] for row in rows], schema=columns, orient="row"),
        rtf_page=rtflite.RTFPage(
            orientation="portrait" if layout.width < layout.height else "landscape",
            width=layout.width,
            height=layout.height,
            margin=[_SIDE, _SIDE, _TOP, _BOTTOM, _EDGE, _EDGE],
            col_width=layout.text_width,
            nrow=_ONE_PAGE,
            border_first="single",
            border_last="single",
        ),
        rtf_page_header=rtflite.RTFPageHeader(
            text=[f"{_escape(table.title)}   |   Page \\chpgn  of {_PAGES}"],
            text_justification=["r"],
            **_paragraphs(_SMALL),
        ),
        rtf_page_footer=rtflite.RTFPageFooter(
            text=[_escape(NOTE)], text_justification=["c"], **_paragraphs(_SMALL)
        ),
        rtf_title=rtflite.RTFTitle(
            text=[f"{{\\b {_escape(table.title)}}}", _escape(f"Population: {table.population}.")],
            text_justification=["l"],
            text_space_before=[0],
            text_space_after=[80],
            **_paragraphs(layout.size + 1),
        ),
        rtf_column_header=heads,
        rtf_body=rtflite.RTFBody(
            col_rel_width=list(layout.columns),
            text_indent_left=[[_INDENT * row.indent, *[0] * others] for row in table.rows] or [[0]],
            text_format=[["b" if row.heading else "", *[""] * others] for row in table.rows] or [[""]],
            text_justification=[["l", *[_side(table)] * others]],
            border_top=[[""]],
            border_bottom=[[""]],
            border_first=[["single"]],
            border_last=[["single"]],
            **_cells(layout.size),
        ),
        rtf_footnote=rtflite.RTFFootnote(text=[_escape(note.text) for note in table.footnotes], **under),
        rtf_source=rtflite.RTFSource(text=[_escape(table.source)], **under),
    )


def _heads(table: Table, layout: _Layout) -> list[RTFColumnHeader]:
    """The rows of heads: the spans, if there are any, above the columns."""
    import rtflite

    def head(cells: Sequence[TableCell], widths: Sequence[float], **borders: Any) -> RTFColumnHeader:
        return rtflite.RTFColumnHeader(
            text=[_escape(cell.text) for cell in cells],
            col_rel_width=list(widths),
            text_justification=[["l", *[_side(table)] * (len(cells) - 1)]],
            text_format=[["b"]],
            cell_vertical_justification=[["bottom"]],
            **borders,
            **_cells(layout.size),
        )

    top, none = [["single"]], [[""]]
    if not table.spans:
        return [head(table.columns, layout.columns, border_top=top, border_bottom=none)]
    ends = list(accumulate(span.width for span in table.spans))
    widths = [sum(layout.columns[e - s.width : e]) for s, e in zip(table.spans, ends, strict=True)]
    rules = [["single" if span.cell.text else "" for span in table.spans]]
    return [
        head([span.cell for span in table.spans], widths, border_top=top, border_bottom=rules),
        head(table.columns, layout.columns, border_top=none, border_bottom=none),
    ]


def _side(table: Table) -> str:
    """Numbers stand in the middle of their columns, the words of a listing on the left."""
    return "l" if table.listing else "c"


def _cells(size: int) -> dict[str, Any]:
    return {
        "text_font": [[_FONT]],
        "text_font_size": [[size]],
        "text_convert": [[False]],
        "text_hyphenation": [[False]],
        "border_left": [[""]],
        "border_right": [[""]],
    }


def _paragraphs(size: int) -> dict[str, Any]:
    return {"text_font": [_FONT], "text_font_size": [size], "text_convert": [False]}


def _escape(text: str) -> str:
    """Text in RTF's ASCII; rtflite would leave braces and letters of Latin-1 as they are."""
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\\{}":
        return f"\\{character}"
    if code > 0xFFFF:
        raise ValueError(f"{character!r} does not fit into one unit of RTF's Unicode")
    return character if code < 128 else f"\\uc1\\u{code - 0x10000 if code > 0x7FFF else code}*"
