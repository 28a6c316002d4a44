"""A design on paper: its assumptions, events, looks and operating characteristics as tables and one page.

The numbers are `pipeline.planning`'s. Everything simulated says so: its patients are nobody's data. What does
not belong here: computing a number, drawing (`figures.design`), a study's values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.numbers import format_number, format_rate
from pipeline.outputs.tables import Table, TableCell, TableRow

FORMULAS = {"schoenfeld": "Schoenfeld", "freedman": "Freedman"}
_NONE = "none"
_NAME = "design"


@dataclass(frozen=True)
class DesignSheet:
    """What is known of a design, ready for print.

    subject: what is designed. assumptions: label, value and source. events, looks, characteristics, stops:
    the frames of `pipeline.planning`. by_time: looks are at calendar times. words: sentences beneath.
    """

    subject: str
    assumptions: Sequence[tuple[str, str, str]]
    events: pl.DataFrame
    looks: pl.DataFrame
    characteristics: pl.DataFrame
    stops: pl.DataFrame
    late: float
    seed: int
    by_time: bool
    words: Sequence[str]

    @property
    def trials(self) -> int:
        return int(self.characteristics["TRIALS"][0])

    def simulated(self) -> str:
        """What stands on everything that was simulated."""
        return (
            f"{self.trials:,} simulated trials (seed {self.seed}): entry, time to event and dropout of every "
            "patient are random numbers drawn from the assumptions. They are not the trial's data."
        )

    def scenario(self, kind: str) -> str:
        """A scenario in words."""
        return {
            "null": "No effect",
            "null_ignoring_futility": "No effect, futility ignored",
            "effect": "Effect as designed",
            "late_effect": f"Effect only after {_short(self.late)} months",
        }[kind]


CALCULATED = "Calculated from the assumptions; no data of any trial."


def design_tables(sheet: DesignSheet) -> list[Table]:
    """Assumptions, events, looks, operating characteristics, and where simulated trials end."""
    return [
        _assumptions(sheet),
        _events(sheet),
        _looks(sheet),
        _characteristics(sheet),
        _stops(sheet),
    ]


def _assumptions(sheet: DesignSheet) -> Table:
    rows = [(label, (value, source)) for label, value, source in sheet.assumptions]
    return _table(sheet, "assumptions", "Assumptions", "", ("Value", "Source"), rows, (), words=True)


def _events(sheet: DesignSheet) -> Table:
    rows = [
        (
            f"{FORMULAS[row['FORMULA']]}, {_looks_in_words(row['LOOKS'])}"
            + " (this design)" * row["PLANNED"],
            (format_number(row["EVENTS"], 2), str(row["MAX_EVENTS"])),
        )
        for row in sheet.events.iter_rows(named=True)
    ]
    return _table(
        sheet,
        "events",
        "Events Needed",
        "Formula",
        ("Events", "Rounded up"),
        rows,
        (*sheet.words, CALCULATED),
    )


def _looks(sheet: DesignSheet) -> Table:
    columns: dict[str, tuple[str, Callable[[Any], str]]] = {
        "Events": ("EVENTS", str),
        "Information, %": ("FRACTION", lambda value: format_rate(value, 1)),
        "Efficacy: Z from": ("CRITICAL", _places(3)),
        "One-sided P": ("P", _places(5)),
        "Hazard ratio up to": ("HAZARD_RATIO", _places(3)),
        "Futility: Z below": ("FUTILITY", _places(3)),
        "Hazard ratio above": ("HAZARD_RATIO_FUTILITY", _places(3)),
        "Alpha spent": ("ALPHA_SPENT", _places(5)),
        "Month": ("MONTH", _places(1)),
        "Patients": ("PATIENTS", _places(0)),
    }
    rows = [
        (f"Look {row['LOOK']}", tuple(text(row[name]) for name, text in columns.values()))
        for row in sheet.looks.iter_rows(named=True)
    ]
    notes = [
        "Z is positive where the experimental group does better; hazard ratios are experimental to control.",
        "Month and patients: when so many events are expected, if the effect is as designed.",
        CALCULATED,
    ]
    if sheet.by_time:
        notes.insert(
            2, "The simulated looks come at calendar times: their bounds follow the information seen."
        )
    return _table(sheet, "looks", "Looks and Boundaries", "", tuple(columns), rows, notes)


def _characteristics(sheet: DesignSheet) -> Table:
    frame = sheet.characteristics
    texts = {"REJECTED": _percent, "EVENTS": _places(1), "MONTHS": _places(1), "PATIENTS": _places(1)}
    with_formula = frame["REJECTED_BY_FORMULA"].is_not_null().any()
    columns: list[str] = []
    notes = [
        "At the end of the trial, which may be early. Rejects: the share of trials that find an effect: the "
        "type I error where there is none, the power where there is one; in brackets its standard error."
    ]
    for name in ("Rejects, % (error)", "Events", "Months", "Patients"):
        columns += [name, "formula"] if with_formula else [name]
    if with_formula:
        notes.append(
            "Formula: the same from the design's own probabilities, where hazards are proportional and looks "
            "come at numbers of events."
        )
    if (lost := float(frame["UNFINISHED"].max())) > 0:  # type: ignore[arg-type]
        notes.append(f"In up to {_percent(lost)}% of the trials the next look's events never came.")
    rows = []
    for row in frame.iter_rows(named=True):
        cells = []
        for name, text in texts.items():
            error = f" ({_percent(row['SE'])})" if name == "REJECTED" else ""
            cells.append(text(row[name]) + error)
            if with_formula:
                by_formula = row[f"{name}_BY_FORMULA"]
                cells.append(_NONE if by_formula is None else text(by_formula))
        rows.append((sheet.scenario(row["SCENARIO"]), cells))
    notes.append(sheet.simulated())
    return _table(sheet, "characteristics", "Operating Characteristics", "", columns, rows, notes)


def _stops(sheet: DesignSheet) -> Table:
    rows: list[tuple[str, tuple[str, ...] | None]] = []
    for (kind,), looks in sheet.stops.group_by("SCENARIO", maintain_order=True):
        rows.append((sheet.scenario(str(kind)), None))
        for row in looks.filter(pl.col("HELD") > 0).iter_rows(named=True):
            shares = tuple(_percent(row[name]) for name in ("HELD", "EFFICACY", "FUTILE", "NEITHER"))
            means = (format_number(row["MONTH"], 1), format_number(row["EVENTS"], 1))
            rows.append((f"Look {row['LOOK']}", (*means, *shares)))
    columns = ("Month", "Events", "Held, %", "Ends: efficacy, %", "futility, %", "neither, %")
    notes = ("Shares of all trials; month and events are means of the looks held.", sheet.simulated())
    return _table(sheet, "stops", "Where Simulated Trials End", "", columns, rows, notes)


def write_design(sheet: DesignSheet, folder: Path) -> list[Path]:
    """Write the figures, the tables as RTF, the frames as CSV and one page with all into a folder; its files.

    The same sheet gives the same bytes.
    """
    from pipeline.outputs.figures.design import (
        describe_boundaries,
        describe_stops,
        draw_boundaries,
        draw_stops,
    )
    from pipeline.outputs.figures.page import write_figure
    from pipeline.outputs.rtf import write_rtf
    from pipeline.outputs.site import templates

    folder.mkdir(parents=True, exist_ok=True)
    scenarios = {kind: sheet.scenario(kind) for kind in sheet.characteristics["SCENARIO"]}
    drawn = {
        "boundaries": draw_boundaries(sheet.looks, f"{sheet.subject}. {CALCULATED}"),
        "stops": draw_stops(sheet.stops, scenarios, f"{sheet.subject}. {sheet.simulated()}"),
    }
    written = [
        path for name, figure in drawn.items() for path in write_figure(figure, folder, f"{_NAME}_{name}")
    ]
    tables = design_tables(sheet)
    written += [write_rtf(table, folder) for table in tables]
    for name in ("events", "looks", "characteristics", "stops"):
        frame: pl.DataFrame = getattr(sheet, name)
        # a file of numbers goes on without the page around it
        note = CALCULATED if name in ("events", "looks") else sheet.simulated()
        written.append(folder / f"{_NAME}_{name}.csv")
        frame.with_columns(NOTE=pl.lit(note)).write_csv(written[-1])
    page = (
        templates()
        .get_template("design.html")
        .render(
            subject=sheet.subject,
            tables=tables,
            figures=[
                (f"{_NAME}_boundaries.svg", describe_boundaries(sheet.looks), CALCULATED),
                (f"{_NAME}_stops.svg", describe_stops(sheet.stops, scenarios), sheet.simulated()),
            ],
        )
    )
    written.append(folder / f"{_NAME}.html")
    written[-1].write_text(page, encoding="utf-8", newline="\n")
    return written


def _table(
    sheet: DesignSheet,
    name: str,
    title: str,
    stub: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str] | None]],
    notes: Sequence[str],
    *,
    words: bool = False,
) -> Table:
    """A row without cells is a heading, and those after it stand beneath it. words: cells are no numbers."""
    headed = any(cells is None for _, cells in rows)
    return Table(
        name=f"{_NAME}_{name}",
        title=f"{title}: {sheet.subject}.",
        population="none; a calculation" if sheet.simulated() not in notes else "simulated patients",
        listing=words,
        columns=tuple(TableCell(text) for text in (stub, *columns)),
        spans=(),
        rows=tuple(
            TableRow(label, 0, (), heading=True)
            if cells is None
            else TableRow(label, int(headed), tuple(TableCell(text) for text in cells))
            for label, cells in rows
        ),
        footnotes=tuple(TableCell(note) for note in notes),
        source="Source: pipeline design.",
    )


def _places(places: int) -> Callable[[float | None], str]:
    return lambda value: _NONE if value is None else format_number(value, places)


def _percent(share: float) -> str:
    return format_rate(share, 2) if share else "0"


def _short(value: float) -> str:
    return format_number(value, 0 if float(value).is_integer() else 1)


def _looks_in_words(looks: int) -> str:
    return "one look" if looks == 1 else f"{looks} looks"
