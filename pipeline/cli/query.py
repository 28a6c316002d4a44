"""Commands that ask the warehouse: compare, sql, trace.

What does not belong here: any computation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import (
    ask,
    raw_option,
    show,
    study_option,
    the_closed_key,
    the_raw,
    the_study,
    warehouse_option,
)

if TYPE_CHECKING:
    import polars as pl

    from pipeline.trace import Trail

SHOWN_ROWS = 200


@click.command()
@study_option
@warehouse_option
def compare(study: str, warehouse: Path) -> None:
    """Print each number of the paper beside the number computed; exit 1 if one is missed."""
    shown = 'CUTOFF, LOCATION, QUANTITY, ENDPOINT, "GROUP", PRINTED, SHOWN, VERDICT, NOTE'
    frame = ask(warehouse, study, f"SELECT {shown} FROM analysis.published")
    show(frame)
    click.echo(verdicts(warehouse, study))
    if "mismatch" in frame["VERDICT"]:
        sys.exit(1)


@click.command()
@click.argument("statement")
@click.option("--closed", metavar="CUTOFF", help="Ask the encrypted results of this review instead.")
@study_option
@warehouse_option
def sql(statement: str, closed: str | None, study: str, warehouse: Path) -> None:
    """Ask the warehouse one SQL STATEMENT; it is opened read-only.

    Closed results need their key in the environment (PIPELINE_CLOSED_KEY); that they are asked is logged.
    """
    answer = _ask_closed(warehouse, study, closed, statement) if closed else ask(warehouse, study, statement)
    show(answer, SHOWN_ROWS)


@click.command()
@click.argument("usubjid")
@click.argument("paramcd")
@study_option
@raw_option
@warehouse_option
def trace(usubjid: str, paramcd: str, study: str, raw: Path | None, warehouse: Path) -> None:
    """Follow USUBJID's row of PARAMCD in ADTTE back to the file and line of the raw form."""
    from pipeline.trace import trace_subject

    value = the_study(study)
    trails = trace_subject(value, lambda sql: ask(warehouse, study, sql), usubjid, paramcd)
    if not trails:
        raise click.ClickException(f"adam.adtte has no row of {usubjid} and {paramcd}")
    for trail in trails:
        for line in _describe(trail, the_raw(value, raw)):
            click.echo(line)


def verdicts(warehouse: Path, study: str) -> str:
    from pipeline.published import as_printed

    published = ask(warehouse, study, "SELECT * FROM analysis.published")
    figures = as_printed(published)
    printed = int(figures["AS_PRINTED"].sum())
    verdicts = dict(published["VERDICT"].value_counts().sort("VERDICT").iter_rows())
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    return f"{printed} of {figures.height} survival figures as printed ({published.height} numbers: {told})"


def _ask_closed(warehouse: Path, study: str, cut_off: str, statement: str) -> pl.DataFrame:
    """The answer of a review's encrypted results; that they are asked is logged before they answer.

    The log does not tell what was asked: a statement may hold a patient or an arm.
    """
    import datetime as dt

    from pipeline.access import AccessError
    from pipeline.access.log import append, moment
    from pipeline.folders import Folders
    from pipeline.warehouse import WarehouseError, query_encrypted

    folders = Folders(raw=Path(), restricted=Path(), warehouse=warehouse.absolute())
    path = folders.closed_results(study, cut_off)
    if not path.is_file():
        raise click.ClickException(f"there are no closed results of {cut_off} in {warehouse}")
    asked = {"at": moment(dt.datetime.now(dt.UTC)), "study": study, "cut_off": cut_off}
    try:
        key = the_closed_key(folders.access_log, path, asked)
        append(folders.access_log, {**asked, "action": "closed results asked"})
        return query_encrypted(path, key, statement)
    except (AccessError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None


def _describe(trail: Trail, raw: Path) -> Iterator[str]:
    """The steps of a trail, each as a line of text, the last one the line of the raw file."""
    row = trail.adtte
    domain, variable = row["SRCDOM"], row["SRCVAR"]
    yield f"cut-off {row['CUTOFF']}"
    yield (
        f"  adam.adtte  {row['PARAMCD']}  {row['STARTDT']} to {row['ADT']}, {row['AVAL']:g} days, "
        f"CNSR {row['CNSR']}: {row['EVNTDESC']}"
    )
    if trail.sdtm is None or trail.file is None or trail.line is None:
        yield f"  {domain}.{variable}, which is derived in that dataset"
        return
    table = f"sdtm.{domain.lower()}"
    yield f"  {table:10}  {domain}SEQ {row['SRCSEQ']}, {variable} {trail.sdtm[variable]}"
    yield f"  raw.{trail.form}  {trail.file} line {trail.line}"
    file = raw / trail.file
    if file.is_file():
        yield f"    {file.read_text(errors='replace').splitlines()[trail.line - 1]}"
    else:
        yield f"    (the file is not in {raw})"
