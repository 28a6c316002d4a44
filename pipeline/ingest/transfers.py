"""Transfers: folders of form files, each held against its manifest before anything is read from it.

A transfer is taken whole or refused whole. What does not belong here: the content of a row.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.ingest.records import read_records
from schemas.base import dtypes
from schemas.quality import Transfers

MANIFEST = "transfer.json"
RESTRICTED_FOLDER = "restricted"


class IngestError(Exception):
    """What was received cannot be used at all; the message says what and where."""


@dataclass(frozen=True)
class Transfer:
    """An accepted transfer: its date, its folder, and the stems of the form files in it."""

    date: dt.date
    folder: Path
    forms: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder's name, which is the date in ISO 8601."""
        return self.date.isoformat()


@dataclass(frozen=True)
class _Entry:
    rows: int
    sha256: str


def read_manifests(raw: Path, forms: Collection[str], study: str) -> tuple[list[Transfer], pl.DataFrame]:
    """Every transfer folder of `raw` checked against its manifest: those accepted, by date, and all of them.

    forms: the stems of the form files the study knows. study: the identifier the manifests must carry.
    The frame has the shape `Transfers`, one row per folder, with every reason for a refusal. Raises
    IngestError where `raw` is not a folder.
    """
    if not raw.is_dir():
        raise IngestError(f"there is no folder of raw transfers at {raw}")
    accepted, lines = [], []
    for folder in sorted(raw.iterdir()):
        if not folder.is_dir() or folder.name == RESTRICTED_FOLDER or folder.name.startswith("."):
            continue
        date = _date(folder.name)
        entries, reasons = _judged(folder, forms, study)
        if date is not None and not reasons:
            accepted.append(Transfer(date, folder, tuple(sorted(Path(name).stem for name in entries))))
        lines.append(
            {
                "FOLDER": folder.name,
                "TRANSFER": date,
                "STATUS": "refused" if reasons else "accepted",
                "FILES": len(entries),
                "ROWS": sum(entry.rows for entry in entries.values()),
                "REASON": f"transfer {folder.name} refused: {'; '.join(reasons)}" if reasons else None,
            }
        )
    return accepted, pl.DataFrame(lines, schema=dtypes(Transfers))


def transfer_faults(folder: Path, forms: Collection[str], study: str) -> list[str]:
    """Why a transfer folder would be refused, in words; empty when it is whole and as its manifest states."""
    return _judged(folder, forms, study)[1]


def check_file(path: Path, rows: int, sha256: str) -> list[str]:
    """What is wrong with a file against its manifest entry, in words; empty when it is as declared."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        # A link may lead out of the transfer, and reading a pipe or a device may never end.
        return [f"{path.name} is not a plain file (a link, folder or device)"]
    try:
        data = path.read_bytes()
    except OSError as error:
        return [f"{path.name} cannot be read ({error.strerror})"]
    if hashlib.sha256(data).hexdigest() != sha256.lower():
        return [f"{path.name} has another sha256 than its manifest states"]
    found = read_records(data).lines.height
    return [] if found == rows else [f"{path.name} has {found} data rows, its manifest states {rows}"]


def read_entry(value: object) -> tuple[int, str]:
    """The `rows` and `sha256` of a manifest entry; ValueError where they are not there."""
    if not isinstance(value, dict):
        raise ValueError("it is not an object")
    rows, sha256 = value.get("rows"), value.get("sha256")
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 0:
        raise ValueError("rows is not a count")
    if not isinstance(sha256, str):
        raise ValueError("sha256 is not text")
    return rows, sha256


def read_json(path: Path) -> dict[str, object]:
    """A manifest as an object; IngestError where it is missing, unreadable or something else."""
    if path.exists() and not path.is_file():
        raise IngestError(f"{path.name} is not a plain file")
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise IngestError(f"{path.name} is missing") from None
    except OSError as error:
        raise IngestError(f"{path.name} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise IngestError(f"{path.name} is not JSON") from None
    if not isinstance(value, dict):
        raise IngestError(f"{path.name} is not a manifest: it is not an object")
    return value


def _date(name: str) -> dt.date | None:
    try:
        date = dt.date.fromisoformat(name)
    except ValueError:
        return None
    return date if date.isoformat() == name else None


def _judged(folder: Path, forms: Collection[str], study: str) -> tuple[dict[str, _Entry], list[str]]:
    """The files that a folder's manifest lists, and every reason to refuse the folder."""
    try:
        if folder.is_symlink():
            raise IngestError("the folder is a link, not a folder")
        entries = _manifest(folder, study)
    except IngestError as error:
        entries, reasons = {}, [str(error)]
    else:
        reasons = _faults(folder, entries, forms)
    if _date(folder.name) is None:
        reasons.insert(0, "the folder's name is not a date (YYYY-MM-DD)")
    return entries, reasons


def _manifest(folder: Path, study: str) -> dict[str, _Entry]:
    manifest = read_json(folder / MANIFEST)
    if manifest.get("study") != study:
        raise IngestError(f"its manifest is of study {manifest.get('study')!r}, not {study!r}")
    if manifest.get("transfer") != folder.name:
        raise IngestError(f"its manifest is of transfer {manifest.get('transfer')!r}")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise IngestError(f"{MANIFEST} is not a manifest: it lists no files")
    entries = {}
    for name, value in files.items():
        try:
            entries[name] = _Entry(*read_entry(value))
        except ValueError as error:
            raise IngestError(f"{MANIFEST} is not a manifest: {name}: {error}") from None
    return entries


def _faults(folder: Path, entries: dict[str, _Entry], forms: Collection[str]) -> list[str]:
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    known = {f"{form}.csv" for form in forms}
    reasons = []
    for name, entry in sorted(entries.items()):
        if name not in known:
            reasons.append(f"{name} is not a form of this study")
        elif name not in present:
            reasons.append(f"{name} is missing")
        else:
            reasons += check_file(folder / name, entry.rows, entry.sha256)
    return reasons + [f"{name} is not in its manifest" for name in sorted(present - set(entries))]
