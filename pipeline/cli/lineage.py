"""The command that tells where a variable comes from.

What does not belong here: any computation.
"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.common import study_option, the_study


@click.command()
@click.argument("variable", required=False)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the lineage of every variable to this file instead.",
)
@study_option
def lineage(variable: str | None, markdown: Path | None, study: str) -> None:
    """Tell what VARIABLE (ADTTE.AVAL, LB.LBSTRESN) is derived from, down to the fields of the forms."""
    from pipeline.lineage import variables
    from pipeline.outputs.lineage_page import render_lineage, render_tree

    known = variables(the_study(study))
    if not known:
        raise click.ClickException(f"{study} is received as SDTM and declares no lineage to forms")
    if markdown:
        markdown.write_text(render_lineage(known))
        click.echo(f"{len(known)} variables in {markdown}")
        return
    if not variable:
        raise click.UsageError("name a variable, such as ADTTE.AVAL, or give --markdown")
    dataset, _, name = variable.upper().partition(".")
    found = [one.place for one in known if one.place[1:] == (dataset.lower(), name)]
    if not found:
        raise click.ClickException(f"{variable} is no variable of {study}; such as ADTTE.AVAL")
    click.echo(render_tree(known, found[0]))
