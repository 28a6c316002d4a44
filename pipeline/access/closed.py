"""Closed results: the key that encrypts them, and the seal on the folder that holds them.

What does not belong here: the results, their encryption (`pipeline.warehouse`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pipeline.access import AccessError
from pipeline.access.grants import Grant
from pipeline.access.log import append, head, moment
from pipeline.folders import private_folder, sha256_of, write_private

CLOSED_KEY = "PIPELINE_CLOSED_KEY"
"""The environment variable that holds the key of encrypted results."""
KEY_LENGTH = 16
MANIFEST = "manifest.json"
WRITTEN = "closed results written"
"""The action of the log line that seals a closed folder."""


def closed_key(environment: Mapping[str, str]) -> str:
    """The key of encrypted results from the environment; AccessError where it is missing or short."""
    key = environment.get(CLOSED_KEY, "")
    if not key:
        raise AccessError(f"closed results are encrypted: put their key into {CLOSED_KEY}")
    if len(key) < KEY_LENGTH:
        raise AccessError(f"the key in {CLOSED_KEY} is too short: it needs at least {KEY_LENGTH} characters")
    return key


def write_closed_manifest(folder: Path, log: Path, grant: Grant, *, now: dt.datetime, run: str) -> Path:
    """Seal `closed/<cut-off>/`: its manifest over every file in it, and a log line that holds its hash.

    All files become 0600 and the folder 0700. The manifest holds the log's last line as it was before, the
    log the manifest's hash: neither can be changed alone. To be called last, when every file is written.
    """
    private_folder(folder)
    hashes = {}
    for path in closed_files(folder):
        path.chmod(0o600)
        hashes[path.relative_to(folder).as_posix()] = sha256_of(path)
    known = head(log)
    manifest = {
        "study": grant.study,
        "cut_off": grant.cutoff,
        "grant": grant.public,
        "files": hashes,
        "access_log": asdict(known),
    }
    target = folder / MANIFEST
    write_private(target, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    sealed = {"at": moment(now), "study": grant.study, "cut_off": grant.cutoff, "run": run}
    append(log, {**sealed, "action": WRITTEN, "manifest": sha256_of(target)})
    return target


def closed_files(folder: Path) -> list[Path]:
    """Every file of a closed folder but its manifest and the empty locks of builds, in order."""
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(
        p for p in files if p != folder / MANIFEST and not (p.name[0] == "." and p.suffix == ".lock")
    )
