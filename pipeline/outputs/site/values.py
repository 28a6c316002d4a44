"""A report as a value: which pages there are, and which sentences, tables and figures stand on them.

What does not belong here: HTML, any number, a study's words (`pipeline/studies/`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.outputs.tables import Words


@dataclass(frozen=True)
class Card:
    """A headline number: what it is, the number, and a line below it."""

    label: str
    number: Words
    note: Words = ""


@dataclass(frozen=True)
class Section:
    """A part of a page: paragraphs, then cards, figures and tables by name.

    A name that a cut-off does not have is left out; a table or figure on no page is an error.
    """

    title: str
    paragraphs: tuple[Words, ...] = ()
    cards: tuple[Card, ...] = ()
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportPage:
    """A page of the study's own: its file is `<name>.html`, `lead` stands under its title."""

    name: str
    title: str
    lead: Words
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Report:
    """The study's own pages, the first of which opens the report (its name is `index`).

    `quality`: sections that open the page on data quality, which every report has.
    """

    pages: tuple[ReportPage, ...]
    citation: str
    about: tuple[str, ...]
    quality: tuple[Section, ...] = ()

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Every section with the name of its page."""
        yield from ((page.name, section) for page in self.pages for section in page.sections)
        yield from (("quality", section) for section in self.quality)


class ReportFigure(NamedTuple):
    """A figure as the report shows it: `svg` is relative to the report, its `.png` lies beside it.

    `data` is what `figure_data` gives; with `curves` the figure can be looked into.
    """

    title: str
    svg: str
    description: str
    data: Mapping[str, Any]
