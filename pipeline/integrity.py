"""Is everything still as it was written? What `pipeline verify` recomputes, and what manifests hold for it.

Compared with one another: the log of restricted reads and what was noted of it, closed results, the folder of
each released cut-off, the stage, the warehouse file, the raw files, the code and the packages. What does not
belong here: how any of them is made; loading Dagster, for this should answer at once.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.access import AccessError
from pipeline.access.closed import MANIFEST, WRITTEN, closed_files
from pipeline.access.log import Head, append, moment, read_log, verify_log
from pipeline.folders import Folders, sha256, sha256_of
from pipeline.warehouse import WarehouseError, differing_rows, query

PACKAGE = Path(__file__).parent
PACKAGES = (
    "dagster",
    "duckdb",
    "lifelines",
    "matplotlib",
    "numpy",
    "pandera",
    "polars",
    "pyarrow",
    "scipy",
)
"""The packages on which numbers and figures depend."""
ADDED_BY_RELEASE = ("report", "common_tables", "warehouse")
"""What a released manifest has more than the one that sealed its cut-off in the stage."""
Manifest = Mapping[str, Any]
Findings = Iterator[str]

_HASHES = {str: str}
_TABLES = {str: {"rows": int, "sha256": str, "place": str}}
_LAST_LINE = {"number": int, "hash": str}
_CLOSED = {"study": str, "cut_off": str, "files": _HASHES, "access_log": _LAST_LINE}
_SEALED = {
    "inputs": _HASHES,
    "code": {"version": str, "source": str},
    "packages": _HASHES,
    "tables": _TABLES,
    "staged": _HASHES,
    "files": _HASHES,
    "access_log": _LAST_LINE,
}
_RELEASED = _SEALED | {"report": _HASHES, "common_tables": _TABLES, "warehouse": {"sha256": str}}
_CODES = {"file": str, "sha256": str}


@dataclass(frozen=True)
class Verified:
    """What was found, a sentence each; how many things of each kind were looked at; what could not be."""

    findings: list[str]
    checked: dict[str, int]
    unchecked: list[str]


def verify(
    folders: Folders, study: str, *, now: dt.datetime, noted: Mapping[str, Head] | None = None
) -> Verified:
    """Hold everything that was written against everything that tells what it was.

    study: the name of the warehouse file. noted: last lines of the access log that were kept elsewhere, by
    who kept them. Not to be called while a run writes. The treatment codes are hashed only where they can be
    read, and that they were is logged (at `now`) as every other reading of them.
    """
    closed, findings = _manifests(folders.warehouse, "closed", _CLOSED)
    releases, unfit = _manifests(folders.warehouse, "releases", _RELEASED)
    known = {f"{place}/{MANIFEST}": _head_of(made) for place, made in (closed | releases).items()}
    cut_offs = {Path(place).name: made for place, made in releases.items()}
    findings += unfit
    findings += verify_log(folders.access_log, {**known, **(noted or {})})
    findings += _closed(folders, closed)
    source, packages = source_hash(), package_versions()
    for cut_off, made in cut_offs.items():
        findings += _released(folders, cut_off, made, source, packages)
    findings += _raw(folders, cut_offs.values())
    findings += _stage(folders, cut_offs)
    findings += _warehouse(folders, f"{study}.duckdb", cut_offs)
    codes, unchecked = _codes(folders, now)
    findings += codes
    return Verified(
        list(dict.fromkeys(findings)),
        {
            "lines of the access log": len(read_log(folders.access_log)),
            "closed results": len(closed),
            "released cut-offs": len(releases),
            "files in both": sum(
                len(m["files"]) + len(m.get("report", ())) for m in (closed | releases).values()
            ),
            "raw files": len({name for made in cut_offs.values() for name in made["inputs"]}),
            "staged tables": len(_staged(folders, cut_offs)),
        },
        unchecked,
    )


def source_hash() -> str:
    """One hash over every source file that a run may use."""
    files = [
        path
        for folder in (PACKAGE, PACKAGE.parent / "schemas")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    lines = (f"{path.relative_to(PACKAGE.parent)} {sha256(path.read_bytes())}" for path in sorted(files))
    return sha256("\n".join(lines).encode())


def package_versions() -> dict[str, str]:
    """The version of Python and of each package on which numbers and figures depend."""
    return {name: _version(name) for name in PACKAGES} | {"python": platform.python_version()}


def _manifests(warehouse: Path, kind: str, shape: Any) -> tuple[dict[str, Manifest], list[str]]:
    """The manifests of `closed/` or `releases/` by place (`closed/2009-06-30`); which folders lack one."""
    manifests, findings = {}, []
    for folder in sorted(path for path in (warehouse / kind).glob("*") if path.is_dir()):
        place = f"{kind}/{folder.name}"
        made = _json(folder / MANIFEST)
        if _fits(made, shape):
            manifests[place] = made
        else:
            findings.append(f"{place}/{MANIFEST} is {'missing' if made is None else 'not a manifest'}")
    return manifests, findings


def _closed(folders: Folders, manifests: Mapping[str, Manifest]) -> Findings:
    lines = enumerate(read_log(folders.access_log), start=1)
    written = {line.get("cut_off"): (n, line) for n, line in lines if line.get("action") == WRITTEN}
    for cut_off, (number, _) in written.items():
        if f"closed/{cut_off}" not in manifests:
            yield f"closed/{cut_off} is not there whole, and line {number} of the access log knows it"
    for place, made in manifests.items():
        folder = folders.warehouse / place
        if made["cut_off"] != folder.name:
            yield f"{place}/{MANIFEST} is that of another cut-off"
        number, line = written.get(folder.name, (0, {}))
        if not line:
            yield f"{place}/{MANIFEST}: the access log knows nothing of it"
        elif line.get("manifest") != sha256_of(folder / MANIFEST):
            yield f"{place}/{MANIFEST} is not the one that line {number} of the access log knows"
        present = {path.relative_to(folder).as_posix() for path in closed_files(folder)}
        yield from _unlike(place, folder, made["files"], present)
        for path in (folder, folder / MANIFEST, *closed_files(folder)):
            if stat.S_IMODE(path.lstat().st_mode) & 0o077:
                yield f"{path.relative_to(folders.warehouse)}: others than its owner may use it"


def _released(
    folders: Folders, cut_off: str, made: Manifest, source: str, packages: Mapping[str, str]
) -> Findings:
    place, folder = f"releases/{cut_off}", folders.releases / cut_off
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    yield from _unlike(place, folder, made["files"] | made["report"], present - {MANIFEST})
    if made["code"]["source"] != source:
        yield f"{place} was made by other code than this (by {made['code']['version']})"
    for name, used in made["packages"].items():
        if packages.get(name) != used:
            yield f"{place} was made with {name} {used}; here it is {packages.get(name, 'not looked at')}"


def _raw(folders: Folders, manifests: Iterable[Manifest]) -> Findings:
    """The raw files, which the manifests of several cut-offs name alike, once each."""
    for name, expected in sorted({pair for made in manifests for pair in made["inputs"].items()}):
        if not name.startswith("restricted/"):
            yield from _unlike("raw", folders.raw, {name: expected})


def _stage(folders: Folders, cut_offs: Mapping[str, Manifest]) -> Findings:
    for cut_off, made in cut_offs.items():
        sealed = _json(folders.staged("manifest", cut_off, "json"))
        if sealed != {name: part for name, part in made.items() if name not in ADDED_BY_RELEASE}:
            yield f"stage/manifest/{cut_off}.json and releases/{cut_off}/{MANIFEST} do not say the same"
    for path, expected in _staged(folders, cut_offs):
        yield from _unlike("stage", folders.stage, {path.relative_to(folders.stage).as_posix(): expected})


def _staged(folders: Folders, cut_offs: Mapping[str, Manifest]) -> list[tuple[Path, str]]:
    """Every staged table and the hash that a manifest states; a path twice where manifests differ."""
    return sorted(
        {
            (folders.staged(asset, key), expected)
            for cut_off, made in cut_offs.items()
            for key, hashes in (
                (cut_off, made["staged"]),
                (cut_off, {asset: table["sha256"] for asset, table in made["tables"].items()}),
                (None, {asset: table["sha256"] for asset, table in made["common_tables"].items()}),
            )
            for asset, expected in hashes.items()
        }
    )


def _warehouse(folders: Folders, name: str, cut_offs: Mapping[str, Manifest]) -> Findings:
    path = folders.warehouse / name
    try:
        told = query(path, "SELECT CUTOFF, MANIFEST FROM meta.releases ORDER BY rowid")
    except WarehouseError as error:
        if path.exists() or cut_offs:
            yield f"{name} cannot be read: {error}"
        return
    copies = {str(cut_off): _parsed(text) for cut_off, text in told.iter_rows()}
    for cut_off in copies.keys() - cut_offs.keys():
        yield f"{name} holds the cut-off {cut_off}, whose folder in releases/ is not there whole"
    for cut_off, made in cut_offs.items():
        if copies.get(cut_off) != {part: value for part, value in made.items() if part != "warehouse"}:
            yield f"releases/{cut_off}/{MANIFEST} and its copy in {name} do not say the same"
        if made["warehouse"]["sha256"] != sha256_of(path):
            yield f"{name} was changed after releases/{cut_off} was written"
    rows, files = _placed(folders, {key: cut_offs[key] for key in copies if key in cut_offs})
    try:
        counts = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in rows)
        for table, count in query(path, counts).iter_rows() if rows else ():
            if count != rows[table]:
                yield f"{name}: {table} has {count} rows, the manifests say {rows[table]}"
        whole = {table: staged for table, staged in files.items() if all(file.is_file() for file in staged)}
        for table, count in differing_rows(path, whole).items():
            yield f"{name}: {table} has other rows than the stage ({count})"
    except WarehouseError as error:
        yield f"{name}: {error}"


def _placed(
    folders: Folders, cut_offs: Mapping[str, Manifest]
) -> tuple[dict[str, int], dict[str, list[Path]]]:
    """By table of the warehouse: how many rows the manifests say it has, and the staged files with them."""
    rows: dict[str, int] = {}
    files: dict[str, list[Path]] = {}
    for cut_off, made in cut_offs.items():
        for asset, table in made["tables"].items():
            rows[table["place"]] = rows.get(table["place"], 0) + table["rows"]
            files.setdefault(table["place"], []).append(folders.staged(asset, cut_off))
        for asset, table in made["common_tables"].items():
            rows[table["place"]] = table["rows"]
            files[table["place"]] = [folders.staged(asset)]
    return rows, files


def _codes(folders: Folders, now: dt.datetime) -> tuple[list[str], list[str]]:
    """Findings about restricted files against the hashes in `raw/`, and what could not be checked."""
    findings, unchecked = [], []
    for path in sorted(folders.raw.glob("*.json")):
        stated = _json(path)
        if not _fits(stated, _CODES):
            findings.append(f"raw/{path.name} does not state a file and its hash")
            continue
        file = folders.restricted / Path(stated["file"]).name
        entry = {"at": moment(now), "action": "restricted data hashed", "file": file.name}
        try:
            found = sha256_of(file)
            append(folders.access_log, {**entry, "sha256": found})
        except OSError as error:
            unchecked.append(f"{stated['file']} ({error.strerror})")
        except AccessError as error:
            unchecked.append(f"{stated['file']} ({error})")
        else:
            if found != stated["sha256"]:
                findings.append(f"{stated['file']} is not the list whose hash raw/{path.name} states")
    return findings, unchecked


def _unlike(place: str, folder: Path, hashes: Mapping[str, str], present: Iterable[str] = ()) -> Findings:
    """Files that are missing, changed, or present and in no manifest."""
    for name, expected in sorted(hashes.items()):
        try:
            if sha256_of(folder / name) != expected:
                yield f"{place}/{name} was changed after it was written"
        except FileNotFoundError:
            yield f"{place}/{name} is missing"
        except OSError as error:
            yield f"{place}/{name} cannot be read ({error.strerror})"
    for name in sorted(set(present) - set(hashes)):
        yield f"{place}/{name} is in no manifest"


def _head_of(made: Manifest) -> Head:
    return Head(made["access_log"]["number"], made["access_log"]["hash"])


def _fits(value: Any, shape: Any) -> bool:
    """Whether a JSON value is of this shape: a type, names with their shapes, or one shape for any name."""
    if isinstance(shape, type):
        return isinstance(value, shape)
    if not isinstance(value, dict):
        return False
    if str in shape:
        return all(_fits(part, shape[str]) for part in value.values())
    return all(name in value and _fits(value[name], part) for name, part in shape.items())


def _json(path: Path) -> Any:
    """What the file holds; None where it is not there or not JSON."""
    try:
        return _parsed(path.read_bytes())
    except OSError:
        return None


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
