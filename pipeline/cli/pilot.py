"""`pipeline pilot`: the second study in one command.

What does not belong here: its data (`pipeline.studies.cdisc_pilot.source`), its comparison.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli.common import FOLDER, ROOT, ask, show
from pipeline.cli.run import run

STUDY = "cdisc_pilot"


@click.command()
@click.option(
    "--warehouse",
    type=FOLDER,
    default=ROOT / "warehouse" / "pilot",
    help="Folder of the transfer and of everything made. Default: warehouse/pilot/ of the repository.",
)
@click.pass_context
def pilot(context: click.Context, warehouse: Path) -> None:
    """Run the CDISC pilot's trial and compare with its own ADaM; exit 1 on a difference without a reason."""
    from pipeline.studies.cdisc_pilot import comparison, source

    raw = warehouse / "raw"
    try:
        source.write_transfer(raw)
    except source.NotInstalled as error:
        raise click.ClickException(str(error)) from None
    context.invoke(run, study=STUDY, cut_offs=(), raw=raw, restricted=None, warehouse=warehouse)
    ours = {name: ask(warehouse, STUDY, f"FROM adam.{name}") for name in comparison.MODELS}
    compared = comparison.compare_with_pilot(ours, source.pilot_adam)
    click.echo()
    show(comparison.summarise(compared))
    for difference in comparison.DIFFERENCES:
        click.echo(f"{difference.dataset}.{difference.variable}, {difference.count}: {difference.why}")
    if wrong := comparison.unexplained(compared):
        click.echo("\n".join(wrong))
        sys.exit(1)
