"""`pipeline monitor`: the closed report of a review, under a grant.

What does not belong here: what the board sees (`pipeline.monitoring`), who may look (`pipeline.access`).
"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.common import (
    ROOT,
    raw_option,
    restricted_option,
    study_option,
    the_closed_key,
    the_folders,
    the_study,
    warehouse_option,
)


@click.command()
@study_option
@click.option("--cutoff", "look", required=True, metavar="DATE", help="The review: a look of the study.")
@click.option("--grant", type=click.Path(path_type=Path), help="A grant that opens this review (see: grant).")
@raw_option
@restricted_option
@warehouse_option
def monitor(
    study: str, look: str, grant: Path | None, raw: Path | None, restricted: Path | None, warehouse: Path
) -> None:
    """Hold a review of the monitoring board: results by coded arm, into closed/, for who has a grant.

    The key of the encrypted results is asked of the environment (PIPELINE_CLOSED_KEY).
    """
    import datetime as dt
    from uuid import uuid4

    from pipeline.access import AccessError
    from pipeline.access.grants import use_grant
    from pipeline.folders import WarehouseInUse

    value = the_study(study)
    if look not in (known := [one.id for one in value.looks]):
        told = ", ".join(known) or "none"
        raise click.BadParameter(f"{look} is no look of {value.id}; there are: {told}", param_hint="--cutoff")
    folders = the_folders(value, raw, restricted, warehouse)
    now, run = dt.datetime.now(dt.UTC), str(uuid4())
    about = {"at": now.isoformat(timespec="seconds"), "study": value.id, "cut_off": look, "run": run}
    try:
        file = folders.closed_results(value.name, look)
        key = the_closed_key(folders.access_log, file, about)
        granted = use_grant(
            folders.access_log, grant, folders.grant_authority, study=value.id, cutoff=look, now=now, run=run
        )
    except AccessError as refused:
        raise click.ClickException(f"refused: {refused}") from None
    from pipeline.definitions import build_defs
    from pipeline.ingest import IngestError
    from pipeline.monitoring import MonitoringError
    from pipeline.orchestration.review import not_staged, write_review
    from pipeline.orchestration.runner import RunFailed, run_study
    from pipeline.warehouse import WarehouseError

    cut_off = value.cut_off(look)
    try:
        if missing := not_staged(value, folders, cut_off):
            definitions = build_defs(value, folders.raw, folders.restricted, folders.warehouse)
            run_study(definitions, folders, missing, ROOT, lambda at, group: click.echo(f"{at}  {group}"))
        written = write_review(value, folders, cut_off, granted, key, now=now, run=run)
    except (WarehouseInUse, RunFailed, MonitoringError, IngestError, AccessError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"closed report  {written / 'index.html'}")
    click.echo(f"on paper       {written / 'report.rtf'}")
    click.echo(f"encrypted      {file}")
