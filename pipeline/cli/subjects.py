"""`pipeline subjects`: who is behind a number.

What does not belong here: which subjects a number rests on (`pipeline.analyse.subjects`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from pipeline.cli.common import ask, show, study_option, the_study, warehouse_option

KEY = ("ANALYSIS", "GROUP", "LEVEL", "STATISTIC")
NAMED = 20


@click.command()
@click.argument("analysis")
@click.option("--group", default="TOTAL", show_default=True, help="An arm's code, TOTAL, or two arms' codes.")
@click.option("--level", default="", help="Such as a term and a grade, or a month. Default: none.")
@click.option("--statistic", default="n", show_default=True, help="Which number of them.")
@click.option("--cutoff", "cut_off", metavar="DATE", help="Default: the last one released.")
@study_option
@warehouse_option
def subjects(
    analysis: str, group: str, level: str, statistic: str, cut_off: str | None, study: str, warehouse: Path
) -> None:
    """Print a number of ANALYSIS, the SQL that finds the subjects behind it, and the subjects."""
    import polars as pl

    name = the_study(study).name
    asked = dict(zip(KEY, (analysis, group, level, statistic), strict=True))
    rows = ask(
        warehouse,
        name,
        'SELECT CUTOFF::VARCHAR AS CUTOFF, ANALYSIS, "GROUP", LEVEL, STATISTIC, VALUE, SQL, COUNTED '
        "FROM analysis.results JOIN analysis.subjects "
        'USING (STUDYID, CUTOFF, ANALYSIS, "GROUP", LEVEL, STATISTIC)',
    )
    key = {"CUTOFF": cut_off or str(rows["CUTOFF"].max()), **asked}
    for column, one in key.items():
        there = rows[column].unique().sort()
        rows = rows.filter(pl.col(column) == one)
        if rows.is_empty():
            raise click.ClickException(f"there is no {column} {one!r} here, but {_listed(there, one)}")
    row = rows.row(0, named=True)
    shown = "null" if row["VALUE"] is None else f"{row['VALUE']:.15g}"
    click.echo(f"{'  '.join(filter(None, key.values()))}: {shown}")
    if row["SQL"] is None:
        click.echo("planned or fixed by the protocol: no subject is behind it")
        return
    found = ask(warehouse, name, f"FROM ({row['SQL']}) ORDER BY ALL")
    click.echo(f"\n{row['SQL']}\n")
    show(found)
    kind = "subjects" if row["COUNTED"] else "subjects from whose data it is computed"
    click.echo(f"{kind}: {found.height}")
    if row["COUNTED"] and found.height != row["VALUE"]:
        raise click.ClickException(f"the number is {shown}")


def _listed(there: Iterable[str], asked: str) -> str:
    """What there is: where something looks like what was asked, that."""
    from difflib import get_close_matches

    known = list(there)
    every = [repr(one) for one in get_close_matches(asked, known) or known]
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + more
