"""The report: a folder of plain HTML that a reader opens with a double click, offline.

Pages are templates (`templates/`), one style sheet and one script (`assets/`); they show what tables,
figures, results and verdicts hold. Without the script everything can be read; with it, verdicts can be
filtered and curves looked into. What does not belong in the package: computing or rounding a number, a
study's words. The only counting is of listed rows: verdicts by kind, records set aside by reason.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.outputs.site import figures as charts
from pipeline.outputs.site.conformance_page import conformance_page
from pipeline.outputs.site.html_table import render_html
from pipeline.outputs.site.numbers_page import analyses
from pipeline.outputs.site.quality_page import LISTS, quality_page
from pipeline.outputs.site.values import Card, Report, ReportFigure, ReportPage, Section
from pipeline.outputs.site.words import KEY, Numbers, href
from pipeline.outputs.tables import ResultKey, Table
from pipeline.study import CutOff, Study
from schemas.base import columns, empty
from schemas.results import Published, Subjects

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["LISTS", "Card", "Report", "ReportFigure", "ReportPage", "Section", "write_site"]

HERE = Path(__file__).parent
ASSETS = ("site.css", "site.js")
OWN_PAGES = (
    ("verdicts", "Verdicts"),
    ("numbers", "Numbers"),
    ("quality", "Data quality"),
    ("conformance", "Conformance"),
    ("about", "About"),
)
"""Pages of a report after the study's own; without a printed number there is none on verdicts, and without
outcomes of rules none on conformance."""
GUIDE = "exports/reviewers_guide.html"
"""Where a release has the guide to its datasets; `documents` names it where there is one."""
VERDICTS = next(column.codelist for column in columns(Published) if column.name == "VERDICT")
WIDE = ("incidence", "forest", "flow")
"""Kinds of figures that fill a page's width."""


def write_site(
    folder: Path,
    study: Study,
    cut_off: CutOff,
    results: pl.DataFrame,
    curves: pl.DataFrame,
    published: pl.DataFrame,
    tables: Iterable[Table],
    figures: Mapping[str, ReportFigure],
    quality: Mapping[str, pl.DataFrame],
    *,
    subjects: pl.DataFrame | None = None,
    conformance: Mapping[str, pl.DataFrame] | None = None,
    versions: Mapping[str, str] | None = None,
    documents: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write the report of one cut-off into `folder` and return its files; the same input, the same bytes.

    published: verdicts of this cut-off, or of all (numbers of another cut-off are then not linked).
    figures: by name, with paths relative to `folder`; their files are written by others. quality: the
    frames named in `quality_page.FRAMES`. subjects: the SQL behind each number. conformance: `rules` and
    `findings` of the cut-off. versions: of the packages that made the numbers. documents: the file of a table
    in another format, by the table's name, relative to `folder`; under the empty name, that of all tables.
    Raises DisplayError for a number that a sentence asks for and results do not hold, ValueError for a table
    or figure that is on no page.
    """
    report: Report = study.report
    by_name = {table.name: table for table in tables}
    _refuse_unplaced(report, by_name, figures)
    numbers = Numbers(results)
    here = published.filter(pl.col("CUTOFF") == cut_off.date)
    left_out = {"verdicts": published.is_empty(), "conformance": conformance is None}
    own_pages = [(name, title) for name, title in OWN_PAGES if not left_out.get(name)]
    shared = {
        "study": study,
        "cut_off": cut_off,
        "note": study.note,
        "report": report,
        "menu": [*((page.name, page.title) for page in report.pages), *own_pages],
        "verdicts": _tally(here["VERDICT"], VERDICTS),
    }
    environment = templates()

    def shown(sections: Iterable[Section]) -> list[dict[str, Any]]:
        return [_section(s, numbers, by_name, figures, documents or {}) for s in sections]

    pages = {
        page.name: environment.get_template("page.html").render(
            shared,
            page=page.name,
            title=page.title,
            lead=numbers.words(page.lead),
            sections=shown(page.sections),
        )
        for page in report.pages
    }
    contexts: dict[str, dict[str, Any]] = {
        "verdicts": {
            "rows": _verdict_rows(published, cut_off),
            "verdicts": _tally(published["VERDICT"], VERDICTS),
            "places": _tally(published["LOCATION"]),
            "cut_offs": sorted(published["CUTOFF"].cast(pl.String).unique()),
        },
        "numbers": {
            "analyses": analyses(results, here, cut_off.id, empty(Subjects) if subjects is None else subjects)
        },
        "quality": {"sections": shown(report.quality), **quality_page(quality, cut_off)},
        "conformance": conformance_page(**conformance) if conformance else {},
        "about": {
            "versions": sorted((versions or {}).items()),
            "curve_steps": curves.height,
            "document": (documents or {}).get(""),
            "guide": (documents or {}).get(GUIDE),
        },
    }
    for name, title in own_pages:
        pages[name] = environment.get_template(f"{name}.html").render(
            shared | contexts[name], page=name, title=title
        )
    files = {f"{name}.html": text.encode() for name, text in pages.items()}
    files |= {name: (HERE / "assets" / name).read_bytes() for name in ASSETS}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _section(
    section: Section,
    numbers: Numbers,
    tables: Mapping[str, Table],
    figures: Mapping[str, ReportFigure],
    documents: Mapping[str, str],
) -> dict[str, Any]:
    """What the template shows of a section."""
    return {
        "title": section.title,
        "paragraphs": [numbers.words(words) for words in section.paragraphs],
        "cards": [
            {"label": card.label, "number": numbers.words(card.number), "note": numbers.words(card.note)}
            for card in section.cards
        ],
        "figures": [_figure(name, figures[name], numbers) for name in section.figures if name in figures],
        "tables": [
            {
                "table": tables[name],
                "html": render_html(tables[name], numbers),
                "footnotes": [numbers.text(note.text, note.keys) for note in tables[name].footnotes],
                "document": documents.get(name),
            }
            for name in section.tables
            if name in tables
        ],
    }


def _figure(name: str, figure: ReportFigure, numbers: Numbers) -> dict[str, Any]:
    chart = charts.chart(figure.data)
    return {
        "name": name,
        "title": figure.title,
        "svg": figure.svg,
        "png": str(Path(figure.svg).with_suffix(".png")),
        "wide": figure.data.get("kind") in WIDE,
        "description": figure.description,
        "chart": chart
        and json.dumps(chart, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "printed": charts.printed(figure.data, numbers),
    }


def _verdict_rows(published: pl.DataFrame, cut_off: CutOff) -> list[dict[str, Any]]:
    """The verdicts; each with the link to its number where this report holds it."""
    rows = []
    for row in published.with_columns(pl.col("CUTOFF").cast(pl.String)).iter_rows(named=True):
        key = ResultKey(*(row[name] or "" for name in KEY))
        rows.append(row | {"href": href(key) if row["CUTOFF"] == cut_off.id else None})
    return rows


def _tally(values: pl.Series, order: Iterable[str] = ()) -> dict[str, int]:
    """How often each value is listed: those of `order` first, found or not, then as they appear."""
    found = Counter(values)
    return {value: found[value] for value in dict.fromkeys((*order, *found))}


def _refuse_unplaced(
    report: Report, tables: Mapping[str, Table], figures: Mapping[str, ReportFigure]
) -> None:
    placed = {name for _, section in report.sections() for name in (*section.tables, *section.figures)}
    if lost := sorted({*tables, *figures} - placed):
        raise ValueError(f"on no page of the report: {', '.join(lost)}")


def style() -> str:
    """The pages' style, for a document that stands alone."""
    return (HERE / "assets" / "site.css").read_text()


def templates() -> Environment:
    """The pages' templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
