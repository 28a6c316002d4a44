"""Is everything as the last whole run left it? Then there is nothing to run.

A run that ended well leaves a record: what it was made from, as that was when the run began, and the hash of
every file it made. What does not belong here: Dagster, which takes longer to load than this to answer;
whether what was made is right (`pipeline.integrity`).
"""

from __future__ import annotations

import datetime as dt
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from pipeline.folders import Folders, sha256_of, write
from pipeline.ingest.transfers import RESTRICTED_FOLDER
from pipeline.integrity import source_hash

RECORD = "last_run.json"
"""In the warehouse's folder."""
State = Mapping[str, str]
"""By name of a file or of something else that counts: its hash, version or kind."""


def made_from(folders: Folders, study: str) -> dict[str, str]:
    """Everything on which the outputs of a run depend but the cut-offs: raw files, code, packages.

    Of restricted files only size and time, for each reading of them has to be logged; their hashes stand
    in `raw/`, which is part of this.
    """
    kept = {folders.restricted.resolve(), (folders.raw / RESTRICTED_FOLDER).resolve()}
    received = (
        path for path in folders.raw.rglob("*") if not kept & {path.resolve(), *path.resolve().parents}
    )
    closed = {path: path.stat() for path in sorted(folders.restricted.glob("*.csv"))}
    return {
        "study": study,
        "code": source_hash(),
        "python": f"{platform.python_version()} {platform.machine()}",
        **{f"package {found.name}": found.version for found in distributions()},
        **{
            f"restricted/{path.name}": f"{about.st_size} {about.st_mtime_ns}"
            for path, about in closed.items()
        },
        **_hashes("raw", folders.raw, received),
    }


def record_run(folders: Folders, study: str, cut_offs: Sequence[str], sources: State) -> None:
    """Write down that this run ended well; while it still holds the warehouse, so that all files are its own.

    sources: `made_from`, of before the run: what came meanwhile was not read.
    """
    record = {
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cut_offs": list(cut_offs),
        "made_from": sources,
        "made": _made(folders, study),
    }
    with suppress(OSError):  # Without it the next run does all the work: no reason to fail this one.
        write(folders.warehouse / RECORD, json.dumps(record, indent=1).encode())


def last_run(folders: Folders) -> str:
    """When the last run that ended well did so, for people."""
    return str(_record(folders)["finished"])


def changes(folders: Folders, study: str, cut_offs: Sequence[str], sources: State) -> list[str]:
    """What is not as the last run left it, a sentence each; nothing: a run would make the same again.

    sources: `made_from`, of now.
    """
    record = _record(folders)
    if not record:
        return ["no run was recorded here"]
    run_before = set(record["cut_offs"])
    return [
        *(
            f"cut-off {cut_off} was not part of the last run"
            for cut_off in cut_offs
            if cut_off not in run_before
        ),
        *_differences(record["made_from"], sources),
        *_differences(record["made"], _made(folders, study)),
    ]


def _made(folders: Folders, study: str) -> dict[str, str]:
    """Every file of the stage and of the releases, and the warehouse file."""
    return {
        **_hashes("stage", folders.stage, folders.stage.rglob("*")),
        **_hashes("releases", folders.releases, folders.releases.rglob("*")),
        **_hashes("warehouse", folders.warehouse, [folders.warehouse / f"{study}.duckdb"]),
    }


def _hashes(place: str, folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {f"{place}/{path.relative_to(folder).as_posix()}": _kind_or_hash(path) for path in sorted(paths)}


def _kind_or_hash(path: Path) -> str:
    """A file's hash; of everything else what it is, for a pipe is never read to its end."""
    try:
        link = "link " if path.is_symlink() else ""
        return (
            f"{link}{sha256_of(path)}" if path.is_file() else f"{link}folder" if path.is_dir() else "neither"
        )
    except OSError as error:
        return f"unreadable ({error.strerror})"


def _differences(then: State, now: State) -> list[str]:
    told = {name: "is new" if name not in then else "is gone" for name in then.keys() ^ now.keys()}
    told |= {name: "was changed" for name in then.keys() & now.keys() if then[name] != now[name]}
    return [f"{name} {how}" for name, how in sorted(told.items())]


def _record(folders: Folders) -> dict[str, Any]:
    """The last record; empty where there is none that can be used."""
    try:
        record = json.loads((folders.warehouse / RECORD).read_bytes())
        usable = {"finished", "cut_offs", "made_from", "made"} == record.keys()
    except (OSError, ValueError, AttributeError):
        return {}
    return record if usable else {}
