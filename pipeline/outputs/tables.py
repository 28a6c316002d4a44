"""Tables and listings: what a reader sees of the results, as plain text that knows where it came from.

A table is a value (`Display`) of columns and rows; rendering looks its numbers up in `results` and words
them, so adding a row to a table is adding a value. A listing (`Listing`) shows rows of a dataset as they
stand. Both become a `Table`, which the writers (RTF, HTML) lay out. What does not belong here: computing
or rounding a number (`results`, `numbers.py`), a study's rows and titles (`pipeline/studies/`), a file
format.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

import polars as pl

from pipeline.numbers import (
    NOT_ESTIMABLE,
    NOT_REACHED,
    format_count,
    format_date,
    format_months,
    format_number,
    format_p,
    format_rate,
    format_ratio,
)
from pipeline.outputs import NOTE
from pipeline.study import LEVEL_SEPARATOR

_DASH = "\N{EN DASH}"
_MARKUP, _ESCAPED = re.compile(r"([\\`*_<>|\[\]])"), r"\\\1"
PREVIEWED = 20
"""Rows that a preview shows."""


class DisplayError(LookupError):
    """A table asks for a result, or a listing for a variable, that is not there."""


# --- what is rendered ---


class ResultKey(NamedTuple):
    """The row of results that a number comes from (study and cut-off are the table's)."""

    analysis: str
    group: str
    level: str
    statistic: str

    def __str__(self) -> str:
        return " / ".join(part or "(empty)" for part in self)


@dataclass(frozen=True)
class TableCell:
    """Text, and the results behind its numbers (none for plain words)."""

    text: str
    keys: tuple[ResultKey, ...] = ()


@dataclass(frozen=True)
class Span:
    """A heading above `width` neighbouring columns; its text is empty above columns that stand alone."""

    cell: TableCell
    width: int


@dataclass(frozen=True)
class TableRow:
    """A labelled row: one cell for each column after the first; a heading has none."""

    label: str
    indent: int
    cells: tuple[TableCell, ...]
    heading: bool = False


@dataclass(frozen=True)
class Table:
    """A table ready for any medium. `columns` are the heads, that of the labels first.

    `spans` are the heads above them, from left to right over all columns, or none at all. The rows of a
    `listing` are patients'.
    """

    name: str
    title: str
    population: str
    listing: bool
    columns: tuple[TableCell, ...]
    spans: tuple[Span, ...]
    rows: tuple[TableRow, ...]
    footnotes: tuple[TableCell, ...]
    source: str

    def cells(self) -> Iterator[TableCell]:
        """Every piece of text that may hold a number: heads, cells, footnotes."""
        yield from (span.cell for span in self.spans)
        yield from self.columns
        yield from (cell for row in self.rows for cell in row.cells)
        yield from self.footnotes


# --- how numbers are shown ---


@dataclass(frozen=True)
class Show:
    """Which STATISTICs a cell takes, and the text it makes of their values (null: `None`)."""

    statistics: tuple[str, ...]
    text: Callable[..., str]


def count_and_percent(n: float | None, proportion: float | None) -> str:
    """ "74 (32)", "1 (<1)", and a bare "0", as the journal prints them."""
    count = format_count(n)
    return count if n == 0 else f"{count} ({format_rate(proportion)})"


def number(statistic: str, places: int = 0) -> Show:
    """One number with a fixed number of decimals."""
    return Show((statistic,), lambda value: _number(value, places))


def percent(statistic: str, places: int = 0) -> Show:
    """A proportion in percent, without the sign."""
    return Show((statistic,), lambda value: format_rate(value, places))


def range_of(places: int = 0) -> Show:
    """Smallest and largest value."""
    return Show(("min", "max"), lambda low, high: _interval(low, high, lambda v: _number(v, places)))


def median_and_range(places: int = 0, of: Callable[[float], str] | None = None) -> Show:
    """ "9.1 (7.2-12.8)"; `of` words a value in another way than as a number, such as in months."""

    def one(value: float | None) -> str:
        return _number(value, places) if of is None or value is None else of(value)

    return Show(("median", "min", "max"), lambda m, low, high: _with_interval(m, low, high, one))


def median_and_quartiles(places: int = 0) -> Show:
    """Median, first and third quartile."""
    return Show(
        ("median", "q1", "q3"), lambda m, q1, q3: _with_interval(m, q1, q3, lambda v: _number(v, places))
    )


def mean_and_sd(places: int = 0) -> Show:
    """Mean and, in brackets, standard deviation."""
    return Show(("mean", "std"), lambda mean, sd: f"{_number(mean, places)} ({_number(sd, places)})")


def months(statistic: str, places: int = 0) -> Show:
    """A time in days, in months."""
    return Show(
        (statistic,), lambda days: NOT_ESTIMABLE if days is None else format_months(days, places=places)
    )


def median_months(prefix: str) -> Show:
    """A median time with its confidence interval, in months; a limit not reached is "NR"."""
    statistics = (prefix, f"{prefix}_lower", f"{prefix}_upper")

    def limit(days: float | None) -> str:
        return "NR" if days is None else format_months(days)

    def text(median: float | None, low: float | None, high: float | None) -> str:
        if median is None and low is None:
            return NOT_REACHED
        centre = NOT_REACHED if median is None else format_months(median)
        return f"{centre} ({_interval(low, high, limit)})"

    return Show(statistics, text)


def ratio(name: str) -> Show:
    """A hazard or odds ratio with its interval."""
    return Show(
        (name, f"{name}_lower", f"{name}_upper"),
        lambda value, low, high: (
            NOT_ESTIMABLE if value is None else _with_interval(value, low, high, _limit_of_ratio)
        ),
    )


def date_part(statistic: str, parts: int = 3) -> Show:
    """A date: the whole of it, or with two parts year and month."""
    return Show((statistic,), lambda days: NOT_ESTIMABLE if days is None else format_date(days, parts))


COUNT = Show(("n",), format_count)
COUNT_PERCENT = Show(("n", "proportion"), count_and_percent)
EVENTS_PERCENT = Show(("events", "event_proportion"), count_and_percent)
P_VALUE = Show(("p",), format_p)
RATE = Show(
    ("rate", "rate_lower", "rate_upper"), lambda rate, low, high: _with_interval(rate, low, high, format_rate)
)


def _number(value: float | None, places: int) -> str:
    return NOT_ESTIMABLE if value is None else format_number(value, places)


def _limit_of_ratio(value: float | None) -> str:
    """An upper limit that does not exist is infinite, as an exact interval's is when a cell is empty."""
    return "\N{INFINITY}" if value is None else format_ratio(value)


def _interval(low: float | None, high: float | None, text: Callable[[Any], str]) -> str:
    return f"{text(low)}{_DASH}{text(high)}"


def _with_interval(
    value: float | None, low: float | None, high: float | None, text: Callable[[Any], str]
) -> str:
    """ "0.48 (0.36-0.63)"; without a value there is nothing to put in brackets."""
    return NOT_ESTIMABLE if value is None else f"{text(value)} ({_interval(low, high, text)})"


# --- how a table is described ---


@dataclass(frozen=True)
class Ask:
    """One cell's worth of results: where they stand and how they are shown."""

    analysis: str
    group: str
    level: str
    show: Show


@dataclass(frozen=True)
class Sentence:
    """Words with numbers in them: `{name}` in the text is what `numbers[name]` asks for."""

    text: str
    numbers: Mapping[str, Ask]


Words = str | Sentence


@dataclass(frozen=True)
class Column:
    """A column: GROUP of its cells, and where they differ from what the row says.

    `analysis` and `level` are patterns around the row's own (`"{level} 3"` is grade 3 of the row's term);
    `show`, where given, goes before the row's. Neighbours with the same `span` share that heading.
    """

    heading: Words
    group: str
    analysis: str = "{analysis}"
    level: str = "{level}"
    show: Show | None = None
    span: Words = ""


@dataclass(frozen=True)
class Heading:
    """A row of words above a section."""

    label: str
    indent: int = 0


@dataclass(frozen=True)
class Row:
    """A labelled row: ANALYSIS and LEVEL of its cells and how they are shown.

    `groups`, where given, are the only groups that have a cell; `instead` shows some groups differently.
    """

    label: str
    analysis: str
    level: str = ""
    show: Show = COUNT_PERCENT
    indent: int = 0
    groups: tuple[str, ...] | None = None
    instead: Mapping[str, Show] = field(default_factory=dict)


def sentence_case(level: str) -> str:
    """A coded LEVEL as a label: "LOST TO FOLLOW-UP" becomes "Lost to follow-up"."""
    return level.capitalize()


@dataclass(frozen=True)
class LevelRows:
    """A row for each LEVEL that results hold, so that the data decide which rows there are.

    The levels are those of the analysis `frequency`, by its `n` in the group `order` (largest first),
    then by name; the cells are of `analysis`. `within` puts rows beneath each: its levels that begin with
    this one and `LEVEL_SEPARATOR`. Where there is no level, one row says "None".
    """

    analysis: str
    frequency: str
    order: str
    show: Show = COUNT_PERCENT
    indent: int = 0
    groups: tuple[str, ...] | None = None
    label: Callable[[str], str] = sentence_case
    within: LevelRows | None = None


@dataclass(frozen=True)
class Display:
    """A table as a value: what its rows and columns ask of the results, and the words around them."""

    name: str
    title: str
    population: str
    columns: tuple[Column, ...]
    rows: tuple[Heading | Row | LevelRows, ...]
    footnotes: tuple[Words, ...] = ()
    stub: str = ""


@dataclass(frozen=True)
class ListingColumn:
    """A column of a listing: a variable, its head, and the text made of a value (null: empty)."""

    variable: str
    heading: str
    text: Callable[[Any], str] = str


@dataclass(frozen=True)
class Listing:
    """Rows of one dataset (joined with ADSL) that pass `where`, in the order of `sort`; nothing is counted.

    `schema` is where the warehouse holds the dataset.
    """

    name: str
    title: str
    population: str
    schema: str
    dataset: str
    columns: tuple[ListingColumn, ...]
    sort: tuple[str, ...]
    where: pl.Expr | None = None
    footnotes: tuple[str, ...] = ()


# --- rendering ---

_Values = Mapping[ResultKey, float | None]


def render_table(display: Display, results: pl.DataFrame) -> Table:
    """The table with its numbers looked up and worded.

    results: one study at one cut-off, else `ValueError`. Raises `DisplayError` naming table, row and key
    for a number that results do not hold: a cell is never left out in silence.
    """
    values = _values(results)
    cut_off = _cut_off(results)
    find = _Finder(display.name, values)
    columns = (TableCell(display.stub), *(find.words(c.heading, "the heads") for c in display.columns))
    rows = tuple(_rows(display, find))
    footnotes = tuple(find.words(words, "the footnotes") for words in display.footnotes)
    table = Table(
        name=display.name,
        title=display.title,
        population=display.population,
        listing=False,
        columns=columns,
        spans=_spans(display, find),
        rows=rows,
        footnotes=footnotes,
        source="",
    )
    used = dict.fromkeys(key.analysis for cell in table.cells() for key in cell.keys)
    source = f"analysis.results, {'analysis' if len(used) == 1 else 'analyses'} {', '.join(used)}"
    return _with_source(table, source, cut_off)


def render_listing(listing: Listing, frames: Mapping[str, pl.DataFrame], cut_off: dt.date) -> Table:
    """The listing of one cut-off's dataset.

    frames: datasets by name, the listing's and `adsl`. Raises `DisplayError` for a variable that neither
    has.
    """
    adsl, rows = frames["adsl"], frames[listing.dataset]
    own = [c for c in adsl.columns if c not in rows.columns]
    rows = rows.join(adsl.select("USUBJID", *own), on="USUBJID", how="left", maintain_order="left")
    missing = {*(c.variable for c in listing.columns), *listing.sort} - set(rows.columns)
    if missing:
        raise DisplayError(f"{listing.name}: {listing.dataset} has no variable {', '.join(sorted(missing))}")
    if listing.where is not None:
        rows = rows.filter(listing.where)
    rows = rows.sort(listing.sort, nulls_last=True).select(c.variable for c in listing.columns)
    texts = [
        ["" if value is None else c.text(value) for c, value in zip(listing.columns, row, strict=True)]
        for row in rows.iter_rows()
    ]
    table = Table(
        name=listing.name,
        title=listing.title,
        population=listing.population,
        listing=True,
        columns=tuple(TableCell(c.heading) for c in listing.columns),
        spans=(),
        rows=tuple(TableRow(label, 0, tuple(TableCell(t) for t in rest)) for label, *rest in texts),
        footnotes=tuple(TableCell(note) for note in listing.footnotes),
        source="",
    )
    return _with_source(table, f"{listing.schema}.{listing.dataset}", cut_off)


def render_preview(table: Table) -> str:
    """A look at the table in Markdown: its heads and first rows; of a listing no row, for metadata hold no
    patient.
    """
    above = [span.cell.text for span in table.spans for _ in range(span.width)] or [""] * len(table.columns)
    heads = [": ".join(filter(None, (top, c.text))) for top, c in zip(above, table.columns, strict=True)]
    shown = () if table.listing else table.rows[:PREVIEWED]
    lines = [_markdown_row(heads), "|" + " --- |" * len(heads)]
    for row in shown:
        texts = [cell.text for cell in row.cells] or [""] * (len(heads) - 1)
        lines.append(_markdown_row(["\N{NO-BREAK SPACE}" * 4 * row.indent + row.label, *texts]))
    if len(shown) < len(table.rows):
        lines += ["", f"{len(shown)} of {len(table.rows)} rows."]
    return "\n".join(lines)


@dataclass(frozen=True)
class _Finder:
    """Looks numbers up for one table."""

    table: str
    values: _Values

    def cell(self, ask: Ask, place: str) -> TableCell:
        keys = tuple(ResultKey(ask.analysis, ask.group, ask.level, s) for s in ask.show.statistics)
        for key in keys:
            if key not in self.values:
                raise DisplayError(f"{self.table}, {place}: results hold no {key}")
        return TableCell(ask.show.text(*(self.values[key] for key in keys)), keys)

    def words(self, words: Words, place: str) -> TableCell:
        if isinstance(words, str):
            return TableCell(words)
        cells = {name: self.cell(ask, place) for name, ask in words.numbers.items()}
        text = words.text.format_map({name: cell.text for name, cell in cells.items()})
        return TableCell(text, tuple(key for cell in cells.values() for key in cell.keys))

    def levels(self, rows: LevelRows, begin: str) -> list[str]:
        """The levels of `rows.frequency` that begin so, the most frequent first, then by name."""
        found = {
            key.level: value or 0
            for key, value in self.values.items()
            if (key.analysis, key.group, key.statistic) == (rows.frequency, rows.order, "n")
            and key.level.startswith(begin)
        }
        return sorted(found, key=lambda level: (-found[level], level))


def _rows(display: Display, find: _Finder) -> Iterator[TableRow]:
    for row in display.rows:
        if isinstance(row, Heading):
            yield TableRow(row.label, row.indent, (), heading=True)
        elif isinstance(row, Row):
            yield _row(display, row, find)
        else:
            yield from _level_rows(display, row, find)


def _level_rows(display: Display, rows: LevelRows, find: _Finder, above: str = "") -> Iterator[TableRow]:
    begin = f"{above}{LEVEL_SEPARATOR}" if above else ""
    levels = find.levels(rows, begin)
    if not levels:
        yield TableRow("None", rows.indent, tuple(TableCell("") for _ in display.columns))
    for level in levels:
        label = rows.label(level.removeprefix(begin))
        row = Row(label, rows.analysis, level, rows.show, rows.indent, rows.groups)
        yield _row(display, row, find)
        if rows.within is not None:
            yield from _level_rows(display, rows.within, find, above=level)


def _row(display: Display, row: Row, find: _Finder) -> TableRow:
    return TableRow(row.label, row.indent, tuple(_cell(row, column, find) for column in display.columns))


def _cell(row: Row, column: Column, find: _Finder) -> TableCell:
    if row.groups is not None and column.group not in row.groups:
        return TableCell("")
    about = {"analysis": row.analysis, "level": row.level}
    ask = Ask(
        column.analysis.format_map(about),
        column.group,
        column.level.format_map(about),
        row.instead.get(column.group, column.show or row.show),
    )
    return find.cell(ask, f"row {row.label!r}")


def _spans(display: Display, find: _Finder) -> tuple[Span, ...]:
    """Heads over neighbours with the same `span`, the label's column first; none if no column has one."""
    if not any(column.span for column in display.columns):
        return ()
    shared = [(find.words(span, "the heads"), len(list(c))) for span, c in groupby(display.columns, _span)]
    return (Span(TableCell(""), 1), *(Span(cell, width) for cell, width in shared))


def _span(column: Column) -> Words:
    return column.span


def _values(results: pl.DataFrame) -> _Values:
    columns = ("ANALYSIS", "GROUP", "LEVEL", "STATISTIC", "VALUE")
    return {ResultKey(*key): value for *key, value in results.select(columns).iter_rows()}


def _cut_off(results: pl.DataFrame) -> dt.date:
    sources = results.select("STUDYID", "CUTOFF").unique()
    if sources.height != 1:
        raise ValueError(f"a table shows one study at one cut-off, results hold {sources.height}")
    cut_off: dt.date = sources["CUTOFF"].item()
    return cut_off


def _markdown_row(texts: Iterable[str]) -> str:
    """A line of a Markdown table; what would be markup in a text is escaped."""
    return f"| {' | '.join(_MARKUP.sub(_ESCAPED, text) for text in texts)} |"


def _with_source(table: Table, source: str, cut_off: dt.date) -> Table:
    return replace(table, source=f"Source: {source}. Data cut-off: {cut_off.isoformat()}. {NOTE}")
