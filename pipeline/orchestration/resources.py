"""What assets stand on: folders, the Parquet stage, the lock of a warehouse, the log of restricted reads.

What does not belong here: what is in a table, the released file (`pipeline.warehouse`).
"""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import dagster as dg
import polars as pl

LAZY = dg.PythonObjectDagsterType(pl.LazyFrame)
"""The type of an input of which a step takes only what it asks for, so that all forms fit into its memory."""


class WarehouseInUse(Exception):
    """Another run writes to this warehouse; the message says which process."""


@dataclass(frozen=True)
class Folders:
    """Where one study's data come from and go to.

    raw: the study's transfer folders; restricted: its treatment codes; warehouse: everything made.
    """

    raw: Path
    restricted: Path
    warehouse: Path

    @property
    def stage(self) -> Path:
        """Each asset's rows, `<asset>/<cut-off>.parquet`."""
        return self.warehouse / "stage"

    @property
    def releases(self) -> Path:
        """Figures and manifest of each released cut-off."""
        return self.warehouse / "releases"

    def staged(self, asset: str, partition: str | None = None, suffix: str = "parquet") -> Path:
        """An asset's file in the stage."""
        return self.stage / asset / f"{partition or 'all'}.{suffix}"


def parquet(frame: pl.DataFrame) -> bytes:
    """The frame as Parquet; equal frames give equal bytes."""
    buffer = BytesIO()
    frame.rechunk().write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    """The SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes) -> None:
    """Write under a temporary name in the same folder, then rename: a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


class ParquetStage(dg.IOManager):
    """Takes a table as Parquet bytes, gives it back as a polars frame.

    The asset encodes the table itself, because the hash of the bytes is its data version.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def handle_output(self, context: dg.OutputContext, obj: bytes) -> None:
        """Put the asset's file in place of the old one."""
        partition = context.asset_partition_key if context.has_asset_partitions else None
        write(self._folders.staged(context.asset_key.path[-1], partition), obj)

    def load_input(self, context: dg.InputContext) -> pl.DataFrame | pl.LazyFrame:
        """The asset's table, of the cut-off that is being run; of the type LAZY, left on the disk."""
        partition = context.asset_partition_key if context.has_asset_partitions else None
        rows = pl.scan_parquet(self._folders.staged(context.asset_key.path[-1], partition))
        return rows if context.dagster_type is LAZY else rows.collect()


_held: set[Path] = set()


@contextmanager
def exclusive(warehouse: Path) -> Iterator[None]:
    """Hold the warehouse for one run; within it, more of the same process may enter.

    The system frees the lock when the process ends, however it ends. Raises WarehouseInUse.
    """
    warehouse = warehouse.resolve()
    if warehouse in _held:
        yield
        return
    warehouse.mkdir(parents=True, exist_ok=True)
    with (warehouse / ".run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise WarehouseInUse(
                f"another run (process {holder}) writes to {warehouse}: wait for it, or use another warehouse"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _held.add(warehouse)
        try:
            yield
        finally:
            _held.remove(warehouse)


def run_lock(folders: Folders) -> dg.ResourceDefinition:
    """Holds the warehouse while a run goes on, whoever started it: `pipeline run`, the UI, the night."""

    @dg.resource
    def lock(_: dg.InitResourceContext) -> Iterator[None]:
        with exclusive(folders.warehouse):
            yield

    return lock


def log_access(folders: Folders, what: Path, data: bytes, cut_off: str, run: str) -> None:
    """Write down that restricted data were read: when, by whom, what, for which cut-off, in which run."""
    line = {
        "read_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "by": "statistical centre",
        "file": what.name,
        "sha256": sha256(data),
        "cut_off": cut_off,
        "run": run,
    }
    folders.warehouse.mkdir(parents=True, exist_ok=True)
    with (folders.warehouse / "access_log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
