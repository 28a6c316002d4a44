"""`pipeline simulate`.

What does not belong here: the invented trial (`pipeline.simulate`).
"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.common import FOLDER


@click.command()
@click.option(
    "--patients", type=click.IntRange(min=1), help="A free trial of this size; default: the study's."
)
@click.option("--seed", type=int, help="Seed of a free trial.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the transfers.")
@click.option("--clean", is_flag=True, help="Without faults, all dates and units alike.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for what is wrong in the forms, and what should find it.",
)
def simulate(patients: int | None, seed: int | None, out: Path, clean: bool, truth: Path | None) -> None:
    """Write synthetic transfers: the calibrated trial, or a free one of any size (--patients, --seed)."""
    from pipeline.simulate import simulate_calibrated, simulate_trial

    if patients is None and seed is not None:
        raise click.UsageError("--seed goes with --patients: the calibrated trial has one seed")
    if patients is None:
        simulate_calibrated(out, truth, clean=clean)
    else:
        idle = simulate_trial(patients, seed or 0, out, truth=truth, clean=clean)
        if idle:
            click.echo(f"no record was found for: {'; '.join(idle)}")
    click.echo(f"synthetic transfers are in {out}")
