"""Which transfer folders are whole, which are still being copied, which are wrong.

A folder is whole when every file that its manifest lists is there with its hash. One that is not is being
copied as long as anything in it changes from one look to the next; when nothing does, it is wrong. No clock
is asked, so a clock that jumps decides nothing. What does not belong here: who looks, and what follows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.folders import sha256_of
from pipeline.ingest.transfers import MANIFEST, RESTRICTED_FOLDER, transfer_faults

State = Literal["whole", "copied", "wrong"]


@dataclass(frozen=True)
class Arrival:
    """A transfer folder at one look.

    mark: changes with the names, sizes and times of its files. manifest: the hash of its transfer.json, empty
    where it is not whole. faults: why it is not, in words.
    """

    state: State
    mark: str
    manifest: str = ""
    faults: str = ""


def look_at(
    raw: Path, forms: Collection[str], study: str, before: Mapping[str, Arrival]
) -> dict[str, Arrival]:
    """Every transfer folder of `raw` by name, in order; before: what the last look gave.

    forms, study: as for `read_manifests`. Files are read only where something changed since the last look.
    Raises OSError where `raw` is not a folder.
    """
    found = {}
    for folder in sorted(raw.iterdir()):
        if not folder.is_dir() or folder.name == RESTRICTED_FOLDER or folder.name.startswith("."):
            continue
        known, mark = before.get(folder.name), _mark(folder)
        unchanged = known is not None and known.mark == mark
        if known and unchanged and known.state != "copied":
            found[folder.name] = known
        elif faults := transfer_faults(folder, forms, study):
            state: State = "wrong" if unchanged else "copied"
            found[folder.name] = Arrival(state, mark, faults="; ".join(faults))
        else:
            found[folder.name] = Arrival("whole", mark, sha256_of(folder / MANIFEST))
    return found


def _mark(folder: Path) -> str:
    files = sorted((path.name, path.lstat()) for path in folder.iterdir())
    lines = (f"{name} {about.st_size} {about.st_mtime_ns}" for name, about in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
