"""`pipeline run`.

What does not belong here: any computation, any text that a release holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import (
    ROOT,
    ask,
    quoted,
    raw_option,
    restricted_option,
    show,
    study_option,
    the_cut_offs,
    the_folders,
    the_study,
    warehouse_option,
)
from pipeline.cli.query import verdicts

if TYPE_CHECKING:
    from pipeline.folders import Folders
    from pipeline.orchestration.runner import FailedCheck
    from pipeline.study import Study


@click.command()
@study_option
@click.option(
    "--cutoff", "cut_offs", multiple=True, metavar="DATE", help="A cut-off or look; default: all cut-offs."
)
@raw_option
@restricted_option
@warehouse_option
@click.option("--again", is_flag=True, help="Run even if nothing has changed since the last run.")
def run(
    study: str,
    cut_offs: tuple[str, ...],
    raw: Path | None,
    restricted: Path | None,
    warehouse: Path,
    again: bool,
) -> None:
    """Run the study: raw forms to results, figures and a new release of the warehouse.

    Where raw files, code, packages and everything made are as the last run left them, nothing is done.
    """
    value = the_study(study)
    chosen = the_cut_offs(value, cut_offs)
    folders = the_folders(value, raw, restricted, warehouse)
    from pipeline.orchestration.unchanged import changes, last_run, made_from, record_run

    sources = made_from(folders, value.name)
    if not again:
        changed = changes(folders, value.name, chosen, sources)
        if not changed:
            click.echo(
                f"nothing has changed since the run that ended {last_run(folders)}; nothing was done "
                "(--again runs all the same)"
            )
            _places(value, folders, chosen)
            return
        more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
        click.echo(f"to be run: {changed[0]}{more}")
    click.echo("loading ...")
    from pipeline.definitions import build_defs
    from pipeline.folders import WarehouseInUse
    from pipeline.orchestration.runner import RunFailed, run_study

    definitions = build_defs(value, folders.raw, folders.restricted, folders.warehouse)
    try:
        failed = run_study(
            definitions,
            folders,
            chosen,
            ROOT,
            lambda cut_off, group: click.echo(f"{cut_off}  {group}"),
            finished=lambda: record_run(folders, value.name, chosen, sources),
        )
    except WarehouseInUse as error:
        raise click.ClickException(str(error)) from None
    except RunFailed as error:
        raise click.ClickException(f"{error}\nThe last release, if there was one, is as it was.") from None
    _report(value, folders, chosen, failed)


def _report(study: Study, folders: Folders, cut_offs: Sequence[str], failed: Sequence[FailedCheck]) -> None:
    """What a run ends with: results, verdicts, checks that did not pass, and where everything is."""
    from pipeline.orchestration.queries import EDIT_CHECK_ASSETS
    from pipeline.outputs.summary import summarise

    blinded = [cut_off for cut_off in cut_offs if study.is_blinded(study.cut_off(cut_off))]
    click.echo()
    for cut_off in blinded:
        click.echo(f"{cut_off}  {_information(study, folders, cut_off)}")
    if released := ", ".join(quoted(cut_off) for cut_off in cut_offs if cut_off not in blinded):
        results = ask(folders.warehouse, study.name, f"FROM analysis.results WHERE CUTOFF IN ({released})")
        show(summarise(study, results))
        if study.published:
            click.echo(verdicts(folders.warehouse, study.name))
    rows = ask(folders.warehouse, study.name, "SELECT count(*) FROM quarantine.rows").item()
    click.echo(f"{rows} rows in quarantine")
    open_queries = (
        "SELECT count(*) AS n, count(DISTINCT CHECK_ID) AS m FROM quality.queries WHERE STATE = 'open'"
    )
    queries, asking = ask(folders.warehouse, study.name, open_queries).row(0)
    click.echo(
        f"{queries} queries to the sites are open, of {asking} edit checks (quality.queries, the report)"
    )
    for check in failed:
        if check.asset in EDIT_CHECK_ASSETS and not check.error:
            continue  # told above as a sum; the UI and the report show each
        where = f" at {check.cut_off}" if check.cut_off else ""
        rows = f", {check.rows} rows" if check.rows else ""
        kind = "check failed" if check.error else "to look at"
        click.echo(f"{kind}: {check.asset} {check.name}{where}{rows}")
    _places(study, folders, cut_offs)


def _places(study: Study, folders: Folders, cut_offs: Sequence[str]) -> None:
    """Where what a run made is to be found."""
    click.echo(f"warehouse  {folders.warehouse / study.name}.duckdb")
    for cut_off in cut_offs:
        click.echo(f"report     {folders.releases / cut_off / 'index.html'}")


def _information(study: Study, folders: Folders, cut_off: str) -> str:
    """What may be told of a look: how many events there are, of both arms together."""
    if study.monitoring is None:
        return "treatments are blinded"
    where = f"CUTOFF = {quoted(cut_off)} AND METHOD = 'information'"
    sql = f"SELECT STATISTIC, VALUE FROM analysis.results WHERE {where}"
    told = dict(ask(folders.warehouse, study.name, sql).iter_rows())
    return (
        f"treatments are blinded; {told['events']:g} of {told['planned']:g} events of "
        f"{study.monitoring.endpoint} ({told['fraction']:.1%} of the information)"
    )
