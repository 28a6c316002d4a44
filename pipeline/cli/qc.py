"""`pipeline qc`: a run in which R is asked, too, and a table of how far the roads agree.

What does not belong here: the comparison (`pipeline.qc`), the run itself.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipeline.cli.common import (
    ROOT,
    ask,
    quoted,
    raw_option,
    show,
    study_option,
    the_cut_offs,
    the_raw,
    the_study,
    warehouse_option,
)


@click.command()
@study_option
@click.option(
    "--cutoff", "cut_offs", multiple=True, metavar="DATE", help="A cut-off or look; default: all cut-offs."
)
@raw_option
@warehouse_option
def qc(study: str, cut_offs: tuple[str, ...], raw: Path | None, warehouse: Path) -> None:
    """Run the study with double programming: datasets again in SQL, figures again in R.

    Prints what was compared by cut-off and road; each number is in qc.comparison of the release. Exit code 1
    if a cell or a number differs. Without R only SQL is asked (with REQUIRE_ALL_TOOLS=1 that is an error).
    """
    value = the_study(study)
    if not value.second_road:
        raise click.ClickException(f"{value.id} has no second road")
    chosen = the_cut_offs(value, cut_offs)
    transfers = the_raw(value, raw)
    from pipeline.definitions import build_defs
    from pipeline.folders import Folders, WarehouseInUse
    from pipeline.orchestration.runner import RunFailed, run_study
    from pipeline.orchestration.tables import COMPARISON
    from pipeline.qc.compare import agreement
    from pipeline.qc.in_r import missing_r

    if reason := missing_r():
        if os.environ.get("REQUIRE_ALL_TOOLS") == "1":
            raise click.ClickException(f"{reason}, and REQUIRE_ALL_TOOLS=1")
        click.echo(f"{reason}: only SQL is asked")
    folders = Folders(transfers, transfers / "restricted", warehouse.absolute())
    definitions = build_defs(value, folders.raw, folders.restricted, folders.warehouse)
    asks_r = {"ops": {COMPARISON: {"config": {"r": True}}}}
    try:
        run_study(
            definitions,
            folders,
            chosen,
            ROOT,
            lambda cut_off, group: click.echo(f"{cut_off}  {group}"),
            asks_r,
        )
    except (WarehouseInUse, RunFailed) as error:
        raise click.ClickException(str(error)) from None
    released = ", ".join(map(quoted, chosen))
    compared = ask(warehouse, study, f"FROM qc.comparison WHERE CUTOFF IN ({released})")
    click.echo()
    show(agreement(compared))
    differing = compared.filter(AGREES="N", CELL="")
    if differing.height:
        items = "; ".join(f"{s} {i}" for s, i in differing.select("SOURCE", "ITEM").head(10).rows())
        raise click.ClickException(f"the roads differ in {differing['DIFFERING'].sum()} cells: {items}")
    by_road = dict(compared.filter(CELL="").group_by("ROAD").agg(n="CELLS").select("ROAD", "n").rows())
    told = ", ".join(f"{sum(by_road[road])} by {road}" for road in ("sql", "r") if road in by_road)
    click.echo(f"the roads agree: cells and numbers compared: {told}")
