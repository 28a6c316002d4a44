"""The `pipeline` command: run, simulate, compare, sql, trace.

Every command imports what it needs when it is called, so that `--help` and `sql` answer at once. What does
not belong here: any computation, any text that a release holds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import polars as pl

    from pipeline.orchestration.resources import Folders
    from pipeline.orchestration.runner import FailedCheck
    from pipeline.study import Study
    from pipeline.trace import Trail

ROOT = Path(__file__).parents[1]
DEFAULT_STUDY = "calgb_100104"
SHOWN_ROWS = 200

FOLDER = click.Path(path_type=Path, file_okay=False)
study_option = click.option("--study", default=DEFAULT_STUDY, show_default=True, help="Which study.")
warehouse_option = click.option(
    "--warehouse",
    type=FOLDER,
    envvar="PIPELINE_WAREHOUSE",
    default=ROOT / "warehouse",
    help="Folder of everything made. Default: warehouse/ of the repository.",
)
raw_option = click.option(
    "--raw",
    type=FOLDER,
    envvar="PIPELINE_RAW",
    help="Folder of the study's transfers, or the folder above it. Default: raw/<study> of the repository.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A clinical trial from raw case-report forms to its results, in a warehouse that answers SQL."""


@main.command()
@study_option
@click.option("--cutoff", "cut_offs", multiple=True, metavar="DATE", help="A data cut-off; default: all.")
@raw_option
@click.option(
    "--restricted",
    type=FOLDER,
    envvar="PIPELINE_RESTRICTED",
    help="Folder of the treatment codes. Default: restricted/ in the folder of transfers.",
)
@warehouse_option
def run(
    study: str, cut_offs: tuple[str, ...], raw: Path | None, restricted: Path | None, warehouse: Path
) -> None:
    """Run the study: raw forms to results, figures and a new release of the warehouse."""
    value = _study(study)
    chosen = _cut_offs(value, cut_offs)
    transfers = _raw(value, raw)
    click.echo("loading ...")
    from pipeline.definitions import build_defs
    from pipeline.orchestration.resources import Folders, WarehouseInUse
    from pipeline.orchestration.runner import RunFailed, run_study

    folders = Folders(transfers, (restricted or transfers / "restricted").absolute(), warehouse.absolute())
    definitions = build_defs(value, folders.raw, folders.restricted, folders.warehouse)
    try:
        failed = run_study(
            definitions, folders, chosen, ROOT, lambda cut_off, group: click.echo(f"{cut_off}  {group}")
        )
    except WarehouseInUse as error:
        raise click.ClickException(str(error)) from None
    except RunFailed as error:
        raise click.ClickException(f"{error}\nThe last release, if there was one, is as it was.") from None
    _report(value, folders, chosen, failed)


@main.command()
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


@main.command()
@study_option
@warehouse_option
def compare(study: str, warehouse: Path) -> None:
    """Print each number of the paper beside the number computed; exit 1 if one is missed."""
    shown = 'CUTOFF, LOCATION, QUANTITY, ENDPOINT, "GROUP", PRINTED, SHOWN, VERDICT, NOTE'
    frame = _query(warehouse, study, f"SELECT {shown} FROM analysis.published")
    _print(frame)
    click.echo(_verdicts(warehouse, study))
    if "mismatch" in frame["VERDICT"]:
        sys.exit(1)


@main.command()
@click.argument("statement")
@study_option
@warehouse_option
def sql(statement: str, study: str, warehouse: Path) -> None:
    """Ask the warehouse one SQL STATEMENT; it is opened read-only."""
    _print(_query(warehouse, study, statement), SHOWN_ROWS)


@main.command()
@click.argument("usubjid")
@click.argument("paramcd")
@study_option
@raw_option
@warehouse_option
def trace(usubjid: str, paramcd: str, study: str, raw: Path | None, warehouse: Path) -> None:
    """Follow USUBJID's row of PARAMCD in ADTTE back to the file and line of the raw form."""
    from pipeline.trace import trace_subject

    value = _study(study)
    trails = trace_subject(value, lambda sql: _query(warehouse, study, sql), usubjid, paramcd)
    if not trails:
        raise click.ClickException(f"adam.adtte has no row of {usubjid} and {paramcd}")
    for trail in trails:
        for line in _describe(trail, _raw(value, raw)):
            click.echo(line)


def _report(study: Study, folders: Folders, cut_offs: Sequence[str], failed: Sequence[FailedCheck]) -> None:
    """What a run ends with: results, verdicts, checks that did not pass, and where everything is."""
    from pipeline.orchestration.queries import EDIT_CHECK_ASSETS
    from pipeline.outputs.summary import summarise

    these = ", ".join(map(_text, cut_offs))
    results = _query(folders.warehouse, study.name, f"FROM analysis.results WHERE CUTOFF IN ({these})")
    click.echo()
    _print(summarise(study, results))
    click.echo(_verdicts(folders.warehouse, study.name))
    rows = _query(folders.warehouse, study.name, "SELECT count(*) FROM quarantine.rows").item()
    click.echo(f"{rows} rows in quarantine")
    open_queries = (
        "SELECT count(*) AS n, count(DISTINCT CHECK_ID) AS m FROM quality.queries WHERE STATE = 'open'"
    )
    queries, asking = _query(folders.warehouse, study.name, open_queries).row(0)
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
    click.echo(f"warehouse  {folders.warehouse / study.name}.duckdb")
    for cut_off in cut_offs:
        click.echo(f"report     {folders.releases / cut_off / 'index.html'}")


def _verdicts(warehouse: Path, study: str) -> str:
    from pipeline.published import as_printed

    published = _query(warehouse, study, "SELECT * FROM analysis.published")
    figures = as_printed(published)
    printed = int(figures["AS_PRINTED"].sum())
    verdicts = dict(published["VERDICT"].value_counts().sort("VERDICT").iter_rows())
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    return f"{printed} of {figures.height} survival figures as printed ({published.height} numbers: {told})"


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
        yield f"  {domain}.{variable}, which is derived from several records"
        return
    table = f"sdtm.{domain.lower()}"
    yield f"  {table:10}  {domain}SEQ {row['SRCSEQ']}, {variable} {trail.sdtm[variable]}"
    yield f"  raw.{trail.form}  {trail.file} line {trail.line}"
    file = raw / trail.file
    if file.is_file():
        yield f"    {file.read_text(errors='replace').splitlines()[trail.line - 1]}"
    else:
        yield f"    (the file is not in {raw})"


def _study(name: str) -> Study:
    from pipeline.studies import STUDIES

    if name not in STUDIES:
        raise click.BadParameter(
            f"{name} is not a study; there are: {', '.join(STUDIES)}", param_hint="--study"
        )
    return STUDIES[name]


def _cut_offs(study: Study, chosen: Sequence[str]) -> list[str]:
    known = [cut_off.id for cut_off in study.cut_offs]
    for one in chosen:
        if one not in known:
            raise click.BadParameter(
                f"{one} is not a cut-off of {study.id}; there are: {', '.join(known)}", param_hint="--cutoff"
            )
    return [cut_off for cut_off in known if cut_off in chosen] if chosen else known


def _raw(study: Study, raw: Path | None) -> Path:
    """The folder that holds the study's transfers, whether it or the one above it was named."""
    given = (raw or ROOT / "raw" / study.name).absolute()
    folder = given / study.name if (given / study.name).is_dir() else given
    if not folder.is_dir():
        raise click.BadParameter(f"there is no folder {given}", param_hint="--raw")
    if not any(folder.glob("*/transfer.json")):
        raise click.BadParameter(
            f"{given} holds no transfer (a folder with a transfer.json)", param_hint="--raw"
        )
    return folder


def _query(warehouse: Path, study: str, statement: str) -> pl.DataFrame:
    from pipeline.warehouse import WarehouseError, query

    try:
        return query(warehouse / f"{study}.duckdb", statement)
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _print(frame: pl.DataFrame, rows: int | None = None) -> None:
    """The frame as a table, at most `rows` rows of it."""
    import polars as pl

    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_formatting="NOTHING",
        tbl_width_chars=10_000,
        fmt_str_lengths=1000,
    ):
        text = str(frame.head(rows) if rows else frame)
    for line in text.splitlines():
        click.echo(line.rstrip())
    if rows and frame.height > rows:
        click.echo(f"the first {rows} of {frame.height} rows")


if __name__ == "__main__":
    main()
