"""Where a study's data lie, and writing there: whole files or none, one run at a time, secrets for one user.

What does not belong here: what a file holds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


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

    @property
    def closed(self) -> Path:
        """What only a grant opens: `<cut-off>/`, results by arm before the unblinding."""
        return self.warehouse / "closed"

    def closed_results(self, study: str, cut_off: str) -> Path:
        """The encrypted results of a review."""
        return self.closed / cut_off / f"{study}.duckdb"

    @property
    def access_log(self) -> Path:
        """Who read restricted data or was refused."""
        return self.warehouse / "access_log.jsonl"

    @property
    def grant_authority(self) -> Path:
        """The public key of who may grant access: who keeps the treatment codes decides whom they trust."""
        return self.restricted / "grant_authority.pub"

    def staged(self, asset: str, partition: str | None = None, suffix: str = "parquet") -> Path:
        """An asset's file in the stage."""
        return self.stage / asset / f"{partition or 'all'}.{suffix}"


def sha256(data: bytes) -> str:
    """The SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal; OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, data: bytes) -> None:
    """Write under a temporary name in the same folder, then rename: a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def write_private(path: Path, data: bytes) -> None:
    """As `write`, into a folder that only this user may enter, a file that only this user may read.

    The file has its mode from its first byte on. A parent folder that is there already is narrowed.
    """
    private_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(part, path)


def private_folder(folder: Path) -> None:
    """Make the folder, or narrow it, so that only this user may enter it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


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
