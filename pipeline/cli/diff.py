"""`pipeline diff`: what changed between two releases, or two cut-offs of one.

What does not belong here: what counts as a change (`pipeline.difference`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import ask, show, study_option, the_study, warehouse_option

if TYPE_CHECKING:
    import polars as pl

    from pipeline.difference import Difference, Moved, Side
    from pipeline.study import Study

SHOWN = 20
NUMBERS = 40


@click.command()
@click.argument("before")
@click.argument("after")
@study_option
@warehouse_option
@click.option("--parameter", default="TTP", show_default=True, help="PARAMCD whose events are listed.")
@click.option(
    "--number",
    metavar="ANALYSIS[:GROUP[:LEVEL]]",
    help="Instead: who came into or left these counts, and what changed in their records.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for all changes as CSV."
)
def diff(
    before: str,
    after: str,
    study: str,
    warehouse: Path,
    parameter: str,
    number: str | None,
    out: Path | None,
) -> None:
    """What changed from BEFORE to AFTER: records, subjects, events and numbers.

    Each is a cut-off of the warehouse (2009-12-17), or one of another warehouse (FOLDER@2009-12-17).
    """
    from pipeline.difference import compare_number, compare_releases

    value = the_study(study)
    one, other = (_side(value, text, warehouse) for text in (before, after))
    found = compare_releases(value, one, other)
    if number:
        try:
            moved = compare_number(value, one, other, found, *number.split(":", 2))
        except KeyError as unknown:
            raise click.ClickException(f"neither side has a count {unknown.args[0]}") from None
        _tell_number(moved)
        _write(out, vars(moved))
    else:
        _tell(found, parameter)
        _write(out, vars(found))


def _write(folder: Path | None, frames: Mapping[str, pl.DataFrame]) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv")
    click.echo(f"\nall changes are in {folder}")


def _tell_number(moved: Moved) -> None:
    click.echo("Numbers that differ")
    show(moved.numbers, NUMBERS)
    click.echo("\nSubjects whom one side counts and the other does not")
    show(moved.subjects, NUMBERS)
    click.echo("\nWhat changed in their records on the forms behind it")
    show(moved.records, NUMBERS)


def _tell(found: Difference, parameter: str) -> None:
    """What changed, as far as it fits on a page."""
    import polars as pl

    click.echo("Records")
    show(found.records.group_by("FORM", "CHANGE").len("RECORDS").sort("FORM", "CHANGE"))
    click.echo("\nWhat amended records say otherwise, by variable")
    show(_counted(found.values, "DOMAIN", "VARIABLE").head(SHOWN))
    click.echo("\nSubjects, by variable of ADSL (the first line of a subject that came or went has none)")
    show(_counted(found.subjects.fill_null("-"), "VARIABLE").head(SHOWN))
    click.echo("\nEvents")
    show(found.events.group_by("PARAMCD", "CHANGE").len("SUBJECTS").sort("PARAMCD", "CHANGE"))
    listed = found.events.filter(pl.col("PARAMCD") == parameter, pl.col("CHANGE").str.contains("event"))
    click.echo(f"\nEvents of {parameter}, and the record behind each")
    show(listed.drop("PARAMCD"), SHOWN)
    click.echo(f"\n{found.results.height} numbers differ")
    show(found.results, NUMBERS)


def _counted(frame: pl.DataFrame, *by: str) -> pl.DataFrame:
    return frame.group_by(*by).len("CHANGES").sort("CHANGES", *by, descending=[True] + [False] * len(by))


def _side(study: Study, text: str, warehouse: Path) -> Side:
    from pipeline.difference import Side

    folder, _, cut_off = text.rpartition("@")
    where = Path(folder) if folder else warehouse
    released = ask(where, study.name, "SELECT CUTOFF::VARCHAR AS c FROM meta.releases ORDER BY ALL")[
        "c"
    ].to_list()
    if cut_off not in released:
        raise click.ClickException(f"{where} has released {', '.join(released)}, and not {cut_off}")
    return Side(lambda sql: ask(where, study.name, sql), cut_off)
