"""`pipeline conform`.

What does not belong here: rules and readers (`pipeline.conformance`), how a report looks (`outputs`).
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import show

if TYPE_CHECKING:
    from pipeline.conformance import Outcome


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--waivers",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV of findings that are accepted: rule, dataset, variable, reason, role, expires.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for all that was found: .csv, or .html with every rule and its outcome.",
)
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day for which waivers must hold. Default: today.",
)
@click.option("--blinded", is_flag=True, help="Treatments are blinded: rules that need them are not asked.")
def conform(
    folder: Path, waivers: Path | None, out: Path | None, on: dt.datetime | None, blinded: bool
) -> None:
    """Ask CDISC's rules of the ADaM and SDTM datasets in FOLDER; exit 1 on an error that is not waived.

    Reads SAS transport files, Dataset-JSON 1.1, Parquet, and CSV with a variables.csv; all datasets of a
    study together, for many rules look from one to another.
    """
    import polars as pl

    from pipeline.conformance import ALL_RULES, run_rules
    from pipeline.conformance.read import UnreadableData, read_folder
    from pipeline.conformance.waivers import BadWaivers, read_waivers

    if out and out.suffix not in (".csv", ".html"):
        raise click.BadParameter(f"{out.name} must end in .csv or .html", param_hint="--out")
    try:
        accepted = read_waivers(waivers, {rule.id for rule in ALL_RULES}) if waivers else []
        datasets = read_folder(folder)
    except (UnreadableData, BadWaivers) as error:
        raise click.ClickException(str(error)) from None
    outcome = run_rules(datasets, on=(on or dt.datetime.now()).date(), waivers=accepted, blind=blinded)
    broken = outcome.rules.filter(pl.col("FOUND") > 0)
    if broken.height:
        show(broken.select("RULE", "SEVERITY", "FOUND", "WAIVED", "SAYS", pl.col("CITES").fill_null("")))
    asked = outcome.rules.filter(pl.col("OUTCOME") != "not asked").height
    holding = outcome.rules.filter(OUTCOME="holds").height
    click.echo(
        f"{len(datasets)} datasets; {asked} of {outcome.rules.height} rules asked, {holding} hold; "
        f"{outcome.errors} errors are not waived"
    )
    if out:
        _write(out, outcome, folder.resolve().name)
        click.echo(f"written to {out}")
    if outcome.errors:
        sys.exit(1)


def _write(out: Path, outcome: Outcome, title: str) -> None:
    from pipeline.folders import write
    from pipeline.outputs.site.conformance_page import render_conformance

    if out.suffix == ".csv":
        write(out, outcome.findings.write_csv().encode())
    else:
        write(out, render_conformance(outcome.rules, outcome.findings, title).encode())
