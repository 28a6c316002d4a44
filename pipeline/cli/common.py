"""What the commands share: their options, and asking the warehouse.

What does not belong here: a command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import polars as pl

    from pipeline.folders import Folders
    from pipeline.study import Study

ROOT = Path(__file__).parents[2]
DEFAULT_STUDY = "calgb_100104"

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
restricted_option = click.option(
    "--restricted",
    type=FOLDER,
    envvar="PIPELINE_RESTRICTED",
    help="Folder of the treatment codes. Default: restricted/ in the folder of transfers.",
)


def the_study(name: str) -> Study:
    from pipeline.studies import STUDIES

    if name not in STUDIES:
        raise click.BadParameter(
            f"{name} is not a study; there are: {', '.join(STUDIES)}", param_hint="--study"
        )
    return STUDIES[name]


def the_cut_offs(study: Study, chosen: Sequence[str]) -> list[str]:
    known = [cut_off.id for cut_off in study.all_cut_offs]
    for one in chosen:
        if one not in known:
            raise click.BadParameter(
                f"{one} is not a cut-off of {study.id}; there are: {', '.join(known)}", param_hint="--cutoff"
            )
    usual = [cut_off.id for cut_off in study.cut_offs]
    return [cut_off for cut_off in known if cut_off in chosen] if chosen else usual


def the_raw(study: Study, raw: Path | None) -> Path:
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


def the_folders(study: Study, raw: Path | None, restricted: Path | None, warehouse: Path) -> Folders:
    """Where the study's data lie, as the options say."""
    from pipeline.folders import Folders

    transfers = the_raw(study, raw)
    return Folders(transfers, (restricted or transfers / "restricted").absolute(), warehouse.absolute())


def the_closed_key(log: Path, file: Path, asked: Mapping[str, str]) -> str:
    """The key of encrypted results from the environment; it opens the file, where there is one already.

    Raises AccessError, in the access log with what was asked, where it is missing, short or another one.
    """
    import os

    from pipeline.access import AccessError
    from pipeline.access.closed import closed_key
    from pipeline.access.log import refusals_logged
    from pipeline.warehouse import WarehouseError, query_encrypted

    with refusals_logged(log, asked):
        key = closed_key(os.environ)
        try:
            if file.is_file():
                query_encrypted(file, key, "SELECT 1")
        except WarehouseError as error:
            raise AccessError(str(error)) from None
    return key


def ask(warehouse: Path, study: str, statement: str) -> pl.DataFrame:
    from pipeline.warehouse import WarehouseError, query

    try:
        return query(warehouse / f"{study}.duckdb", statement)
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def show(frame: pl.DataFrame, rows: int | None = None) -> None:
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
