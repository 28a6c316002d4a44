"""A rendered `Table` as an HTML table, laid out by great-tables and coloured by the report's style sheet.

What does not belong here: which rows a table has (`pipeline.outputs.tables`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipeline.outputs.site.words import Numbers
from pipeline.outputs.tables import Table

INDENT = 2


def render_html(table: Table, numbers: Numbers) -> str:
    """The `<table>` element: heads with scope, each number a link; title and notes stand around it."""
    from great_tables import GT, html, loc, style

    width = len(table.columns) - 1
    names = [f"c{place}" for place in range(width)]
    linked = [
        [str(numbers.text(cell.text, cell.keys)) for cell in row.cells] or [""] * width for row in table.rows
    ]
    columns = {name: [row[place] for row in linked] for place, name in enumerate(names)}
    frame = pl.DataFrame({"label": [row.label for row in table.rows], **columns})
    stub, *heads = (html(str(numbers.text(cell.text, cell.keys))) for cell in table.columns)
    gt: Any = GT(frame, id=table.name, rowname_col="label").tab_stubhead(stub)
    gt = gt.cols_label(dict(zip(names, heads, strict=True))).fmt(str, columns=names)
    counted = [
        name
        for place, name in enumerate(names)
        if any(row.cells[place].keys for row in table.rows if row.cells)
    ]
    gt = gt.cols_align("right", columns=counted) if counted else gt
    for depth in sorted({row.indent for row in table.rows} - {0}):
        rows = [place for place, row in enumerate(table.rows) if row.indent == depth]
        gt = gt.tab_stub_indent(rows=rows, indent=INDENT * depth)
    headings = [place for place, row in enumerate(table.rows) if row.heading]
    if headings:
        gt = gt.tab_style(style.text(weight="bold"), loc.stub(rows=headings))
    at = 0
    for span in table.spans:
        if span.cell.text:
            first = at - 1  # the labels' column is not among the names
            label = html(str(numbers.text(span.cell.text, span.cell.keys)))
            gt = gt.tab_spanner(label, columns=names[first : first + span.width], id=f"span{at}")
        at += span.width
    rendered: str = gt.as_raw_html()
    return rendered[rendered.index("<table") : rendered.index("</table>") + len("</table>")]
