"""`pipeline calibrate`.

What does not belong here: the search (`pipeline.simulate.calibrate`), the verdict on what it found
(`pipeline.qc.calibration`).
"""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--plan", type=FILE, help="The trial's plan (TOML). Default: this study's.")
@click.option("--targets", type=FILE, help="The figures wanted (CSV). Default: this study's.")
@click.option("--seed", type=click.IntRange(min=0), default=2, show_default=True)
@click.option(
    "--rounds", type=click.IntRange(min=1), help="Give up after so many; default: 2000, a few minutes."
)
@click.option("--out", type=FILE, required=True, help="File for the skeleton (CSV): one row per patient.")
def calibrate(plan: Path | None, targets: Path | None, seed: int, rounds: int | None, out: Path) -> None:
    """Search for an invented trial whose figures print as a published report has them.

    Each figure of the found trial is then recomputed by the pipeline's own statistics; exit code 1 if one
    does not print as wanted. A trial found so shows that it was tuned, nothing about a drug.
    """
    if (plan is None) != (targets is None):
        raise click.UsageError(
            "--plan and --targets go together: targets speak of a plan's arms and endpoints"
        )
    from pipeline.outputs import NOTE
    from pipeline.qc.calibration import figures_as_printed, verdict
    from pipeline.simulate import calibrate as calibration

    try:
        trial = calibration.read_trial(plan or calibration.PLAN)
        wanted = calibration.read_targets(targets or calibration.TARGETS, trial)
        found = calibration.calibrate(trial, wanted, seed, rounds or calibration.ROUNDS, click.echo)
    except calibration.CalibrationError as error:
        raise click.ClickException(str(error)) from None
    try:
        found.skeleton.write_csv(out)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror or error}") from None
    rows = verdict(found.skeleton, trial, wanted)
    hold, figures = figures_as_printed(rows)
    for row in rows.filter(~rows["AS_PRINTED"]).iter_rows(named=True):
        click.echo(f"missed: {row['FIGURE']}: {row['TARGET']}, is {row['SHOWN']}")
    click.echo(f"{out}: {hold} of {figures} figures as printed after {found.rounds} rounds. {NOTE}")
    if hold < figures:
        raise click.exceptions.Exit(1)
