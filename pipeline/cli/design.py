"""`pipeline design`: a group-sequential log-rank test, and what the monitored trial would do.

What does not belong here: a formula or a simulation (`pipeline.stats`), a table of numbers
(`pipeline.planning`), layout (`pipeline.outputs`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.common import FOLDER, study_option, the_study

if TYPE_CHECKING:
    from pipeline.outputs.tables import Table
    from pipeline.stats.sequential import Boundary

_SPENDING = "OF or P: Lan and DeMets' spending of that type; a number: gamma of Hwang, Shih and DeCani"


class Fractions(click.ParamType[Any]):
    """A number of looks, or fractions of the planned events: "3", "0.48,0.75,1"."""

    name = "looks"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            numbers = [float(part) for part in str(value).split(",")]
        except ValueError:
            self.fail(f"{value!r} is no number of looks and no list of fractions", param, ctx)
        if len(numbers) == 1 and numbers[0].is_integer():
            from pipeline.assumptions import MOST_LOOKS

            if not 1 <= numbers[0] <= MOST_LOOKS:
                self.fail(f"{value} is not 1 to {MOST_LOOKS} looks", param, ctx)
            return int(numbers[0])
        return tuple(numbers)


class SpendingFunction(click.ParamType[Any]):
    """A spending function; with `classical`, also a boundary of the time before spending."""

    name = "spending"

    def __init__(self, classical: bool = False) -> None:
        self.classical = classical

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Boundary:
        from pipeline.stats.sequential import OBRIEN_FLEMING, POCOCK, HaybittlePeto, WangTsiatis

        name, _, number = str(value).partition(":")
        if value in ("OF", "P"):
            return str(value)  # type: ignore[return-value]
        try:
            if not self.classical or name not in ("classical-OF", "classical-P", "HP", "WT"):
                return float(value)
            if name in ("HP", "WT"):
                return HaybittlePeto(float(number or 3)) if name == "HP" else WangTsiatis(float(number))
        except ValueError:
            self.fail(f"{value!r} is no spending function", param, ctx)
        return OBRIEN_FLEMING if name == "classical-OF" else POCOCK


class Entering(click.ParamType[Any]):
    """Patients a month, from a month on: "9", "9@12"."""

    name = "rate[@month]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        rate, _, month = str(value).partition("@")
        try:
            return float(month or 0), float(rate)
        except ValueError:
            self.fail(f"{value!r} is no number of patients a month, such as 9 or 9@12", param, ctx)


@click.command()
@study_option
@click.option("--hazard-ratio", type=float, help="To be found; above 1: of control to experimental.")
@click.option("--alpha", type=float, help="Type I error, one-sided.")
@click.option("--power", type=float, help="The chance to find the hazard ratio.")
@click.option("--looks", type=Fractions(), help="How many, evenly spaced, or their fractions: 0.48,0.75,1.")
@click.option(
    "--spending",
    type=SpendingFunction(classical=True),
    help=f"Of alpha. {_SPENDING}. Or a boundary: classical-OF, classical-P, HP[:3], WT:DELTA. Default: OF.",
)
@click.option("--futility", type=SpendingFunction(), help=f"Spending of the type II error. {_SPENDING}.")
@click.option("--binding", is_flag=True, help="The efficacy bounds count on stopping for futility.")
@click.option("--formula", type=click.Choice(["schoenfeld", "freedman"]), help="Default: schoenfeld.")
@click.option("--allocation", type=float, help="Experimental patients per control patient. Default: 1.")
@click.option("--control-median", type=float, help="Months to the event, in the control group.")
@click.option("--patients", type=click.IntRange(min=2), help="Randomised, entering evenly.")
@click.option("--accrual", type=float, help="Months over which patients enter.")
@click.option(
    "--per-month",
    type=Entering(),
    multiple=True,
    help="Patients a month, instead of --patients; again with @MONTH where it changes.",
)
@click.option("--follow-up", type=float, help="Months from the last entry to the last look; finds --accrual.")
@click.option("--dropout", type=float, help="Share of patients lost in a year after randomisation.")
@click.option("--lost-before", type=float, help="Share of the registered who are never randomised.")
@click.option("--late", type=float, help="Months after which the effect sets in, in one scenario; 0: none.")
@click.option("--every", type=float, help="Simulated looks every so many months, not at numbers of events.")
@click.option(
    "--from", "least", type=float, default=0.0, help="With --every: from this share of the events on."
)
@click.option("--trials", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--out", type=FOLDER, help="Folder for figures (SVG, PNG), tables (RTF, CSV) and a page of all."
)
def design(study: str, out: Path | None, trials: int, seed: int, **given: Any) -> None:
    """Design a group-sequential log-rank test and simulate the monitored trial.

    What is not given is the study's own. Months and hazards are assumptions; nothing is read of any patient.
    """
    value = the_study(study)
    if value.monitoring is None:
        raise click.ClickException(f"{value.id} declares no sequential design")
    from pipeline.assumptions import plan_trial, printed_events, short
    from pipeline.outputs.design import DesignSheet, design_tables, write_design
    from pipeline.planning import characteristics, needed_events, planned_looks

    try:
        plan, assumptions = plan_trial(value.monitoring, given)
        events, looks = needed_events(plan), planned_looks(plan)
        whole, stops = characteristics(plan, trials=trials, seed=seed)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    test = plan.test
    sheet = DesignSheet(
        subject=f"Log-rank Test, Hazard Ratio {short(1 / test['hazard_ratio'])}, "
        f"Power {short(100 * test['power'])}%, One-sided Alpha {short(test['alpha'])}",
        assumptions=assumptions,
        events=events,
        looks=looks,
        characteristics=whole,
        stops=stops,
        late=plan.late,
        seed=seed,
        by_time=plan.calendar is not None,
        words=printed_events(value, given, events),
    )
    for table in design_tables(sheet):
        _show(table)
    if out is not None:
        for path in write_design(sheet, out):
            click.echo(path)


def _show(table: Table) -> None:
    """The table as text: labels on the left, the rest in columns."""
    lines = [[cell.text for cell in table.columns]]
    lines += [["  " * row.indent + row.label, *(cell.text for cell in row.cells)] for row in table.rows]
    widths = [
        max(map(len, column)) for column in zip(*(line for line in lines if len(line) > 1), strict=True)
    ]
    click.echo(f"\n{table.title}")
    for label, *cells in lines:
        texts = [
            cell.ljust(width) if table.listing else cell.rjust(width)
            for cell, width in zip(cells, widths[1:], strict=False)
        ]
        click.echo("  ".join([label.ljust(widths[0]), *texts]).rstrip())
    for note in table.footnotes:
        click.echo(click.wrap_text(note.text, 110))
