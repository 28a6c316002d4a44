"""What assets stand on: the Parquet stage, the lock of a warehouse, the log of restricted reads.

What does not belong here: what is in a table, where files lie (`pipeline.folders`), the released file
(`pipeline.warehouse`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import dagster as dg
import polars as pl

from pipeline.access import AccessError
from pipeline.access.log import append, moment
from pipeline.folders import Folders, exclusive, sha256, write, write_private

LAZY = dg.PythonObjectDagsterType(pl.LazyFrame)
"""The type of an input of which a step takes only what it asks for, so that all forms fit into its memory."""


RESTRICTED = "restricted_"
"""How the assets of restricted files begin; what is staged of them is for this user alone."""


def parquet(frame: pl.DataFrame) -> bytes:
    """The frame as Parquet; equal frames give equal bytes."""
    buffer = BytesIO()
    frame.rechunk().write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def staged_rows(path: Path) -> pl.LazyFrame:
    """The rows of a staged table; dg.Failure where the file is missing, cut short or no table at all."""
    try:
        rows = pl.scan_parquet(path, glob=False)
        rows.collect_schema()
    except (pl.exceptions.ComputeError, FileNotFoundError) as error:
        told = "is missing" if isinstance(error, FileNotFoundError) else "is damaged and cannot be read"
        raise dg.Failure(
            f"stage/{path.parent.name}/{path.name} {told}: run the study again, which makes it anew from the "
            "raw forms",
            allow_retries=False,
        ) from None
    return rows


class ParquetStage(dg.IOManager):
    """Takes a table as Parquet bytes, gives it back as a polars frame.

    The asset encodes the table itself, because the hash of the bytes is its data version.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def handle_output(self, context: dg.OutputContext, obj: bytes) -> None:
        """Put the asset's file in place of the old one."""
        partition = context.asset_partition_key if context.has_asset_partitions else None
        asset = context.asset_key.path[-1]
        put = write_private if asset.startswith(RESTRICTED) else write
        put(self._folders.staged(asset, partition), obj)

    def load_input(self, context: dg.InputContext) -> pl.DataFrame | pl.LazyFrame:
        """The asset's table, of the cut-off that is being run; of the type LAZY, left on the disk."""
        partition = context.asset_partition_key if context.has_asset_partitions else None
        rows = staged_rows(self._folders.staged(context.asset_key.path[-1], partition))
        return rows if context.dagster_type is LAZY else rows.collect()


def run_lock(folders: Folders) -> dg.ResourceDefinition:
    """Holds the warehouse while a run goes on, whoever started it: `pipeline run`, the UI, the night."""

    @dg.resource
    def lock(_: dg.InitResourceContext) -> Iterator[None]:
        with exclusive(folders.warehouse):
            yield

    return lock


def log_access(folders: Folders, what: Path, data: bytes, cut_off: str, run: str) -> None:
    """Write down that restricted data are read: when, by whom, what, for which cut-off, in which run.

    Raises dg.Failure where that cannot be written down: what is not logged is not read.
    """
    entry = {
        "at": moment(dt.datetime.now(dt.UTC)),
        "action": "restricted data read",
        "by": "statistical centre",
        "file": what.name,
        "sha256": sha256(data),
        "cut_off": cut_off,
        "run": run,
    }
    try:
        append(folders.access_log, entry)
    except AccessError as error:
        raise dg.Failure(str(error)) from None
