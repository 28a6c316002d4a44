"""The access log: lines of JSON that form a chain, so that no line is changed, added or removed unseen.

Each line carries its number, the hash of the line before and its own hash. A log that is cut at its end is a
shorter chain without a fault; what is written later (the manifests of releases and closed results) therefore
holds the number and hash of the last line it knew, and `pipeline verify` compares. Somebody who can rewrite
the log and everything written after it can forge both: only a last line that was noted elsewhere shows that
(docs/decisions/0013). What does not belong here: what is worth a line.
"""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from pipeline.access import AccessError
from pipeline.folders import sha256

_FIRST = "0" * 64
"""What stands for the line before the first."""
_SHOWN = 60


@dataclass(frozen=True)
class Head:
    """The last line of a log as somebody saw it: how many lines there were, and its hash."""

    number: int
    hash: str


def append(log: Path, entry: Mapping[str, Any]) -> Head:
    """Add a line to the log and have the disk hold it; the log is made where there is none (mode 0600).

    entry: JSON values; the number, the two hashes and the account that asks are added. Lines of several
    processes wait for each other. Raises AccessError where the log's last line is not a line of this chain,
    and nothing may be opened then.
    """
    if taken := {"number", "previous", "hash", "account"} & set(entry):
        raise ValueError(f"an entry may not have {', '.join(sorted(taken))}")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AccessError(f"the access log {log} cannot be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fchmod(file.fileno(), 0o600)
        written = file.readall() or b""
        known = _last(written, log)
        line = {**entry, "account": _account(), "number": known.number + 1, "previous": known.hash}
        whole = line | {"hash": sha256(canonical(line))}
        try:
            _write_whole(file, canonical(whole) + b"\n")
        except OSError as error:
            file.truncate(len(written))  # half a line of ours must not end the chain
            raise AccessError(f"the access log {log} cannot be written: {error.strerror}") from None
    if not written:
        _sync_folder(log.parent)
    return Head(whole["number"], whole["hash"])


def head(log: Path) -> Head:
    """The log's last line; number 0 where there is no log. Raises AccessError as `append` does."""
    return _last(log.read_bytes() if log.is_file() else b"", log)


def read_log(log: Path) -> list[dict[str, Any]]:
    """The lines of the log that are JSON objects, in order; `verify_log` tells what is wrong with others."""
    return [line for line in map(_object, _lines(log)) if line is not None]


def verify_log(log: Path, anchors: Mapping[str, Head] | None = None) -> list[str]:
    """What is wrong with the log, a sentence each; empty where it is whole.

    anchors: by who noted it, a last line that must still be there, with that number and hash.
    """
    findings, previous, hashes = [], _FIRST, [_FIRST]
    if log.is_file() and (data := log.read_bytes()) and not data.endswith(b"\n"):
        findings.append(f"{log.name}: the last line is not whole")
    if log.is_file() and stat.S_IMODE(log.stat().st_mode) & 0o077:
        findings.append(f"{log.name}: others than its owner may read or write it")
    for number, text in enumerate(_lines(log), start=1):
        line = _object(text)
        found = None if line is None else line.get("hash")
        if line is None or text != canonical(line):
            findings.append(f"{log.name} line {number}: it is not as it was written")
        elif line.get("number") != number:
            findings.append(f"{log.name} line {number}: it has the number {shown(line.get('number'))}")
        elif line.get("previous") != previous:
            findings.append(f"{log.name} line {number}: it does not follow the line before it")
        elif found != _hash_of(line):
            findings.append(f"{log.name} line {number}: its hash is not that of its content")
        previous = found if isinstance(found, str) else ""
        hashes.append(previous)
    for noted_by, anchor in (anchors or {}).items():
        if not 0 <= anchor.number < len(hashes):
            findings.append(
                f"{log.name}: it has {len(hashes) - 1} lines, and {noted_by} knew {anchor.number}: "
                "lines were taken from its end"
            )
        elif hashes[anchor.number] != anchor.hash:
            findings.append(f"{log.name} line {anchor.number}: it is not the line that {noted_by} knew")
    return findings


@contextmanager
def refusals_logged(log: Path, asked: Mapping[str, Any]) -> Iterator[None]:
    """Where the body raises AccessError, write down what was asked and why it was refused; raise it on."""
    try:
        yield
    except AccessError as refused:
        append(log, {**asked, "action": "refused", "reason": str(refused)})
        raise


def moment(now: dt.datetime) -> str:
    """A time as log lines tell it."""
    return now.isoformat(timespec="seconds")


def shown(value: object) -> str:
    """A value that somebody else wrote, as a sentence may quote it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one way to write it: keys in order, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _last(data: bytes, log: Path) -> Head:
    """The last line of a log with this content; AccessError where it is not a line of its chain."""
    if not data:
        return Head(0, _FIRST)
    text = data.removesuffix(b"\n").rpartition(b"\n")[2]
    line = _object(text) if data.endswith(b"\n") else None
    if (
        line is None
        or text != canonical(line)
        or line.get("hash") != _hash_of(line)
        or not isinstance(line.get("number"), int)
    ):
        raise AccessError(
            f"the last line of the access log {log} is not one of its chain: nothing is opened until "
            "`pipeline verify` finds it whole, or it is put aside"
        )
    return Head(line["number"], line["hash"])


def _lines(log: Path) -> list[bytes]:
    data = log.read_bytes() if log.is_file() else b""
    return data.removesuffix(b"\n").split(b"\n") if data else []


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _hash_of(line: Mapping[str, Any]) -> str:
    return sha256(canonical({name: value for name, value in line.items() if name != "hash"}))


def _account() -> str:
    """Whose process this is, by the system: what the environment says of it can be set by anybody."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def _write_whole(file: FileIO, data: bytes) -> None:
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
