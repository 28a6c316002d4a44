"""The bill of materials of a release: every package that this installation runs on, as CycloneDX 1.6 JSON.

Names, versions and licences are those of the installed packages, hashes those that the lock file allows to be
installed. It has no serial number and no time, so that equal installations give equal bytes. What does not
belong here: which packages numbers depend on (`pipeline.integrity`), whether one has a known fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

DISTRIBUTION = "calgb-100104-pipeline"
LOCK = Path(__file__).parents[1] / "requirements.lock"


def bill_of_materials(name: str = DISTRIBUTION, lock: Path = LOCK) -> bytes:
    """The bill of an installed package and of everything that it needs at run time.

    lock: a requirements file with hashes; where there is none, or it has another version of a package, the
    package stands without hashes. Raises PackageNotFoundError for a package that is not installed.
    """
    from packaging.utils import canonicalize_name

    root = distribution(name)
    needed: dict[str, Distribution] = {}
    depends: dict[str, list[str]] = {}
    waiting: list[tuple[str, Distribution, frozenset[str]]] = [(canonicalize_name(name), root, frozenset())]
    asked: dict[str, frozenset[str]] = {}
    while waiting:
        key, package, extras = waiting.pop()
        if key in asked and extras <= asked[key]:
            continue
        asked[key] = extras | asked.get(key, frozenset())
        needed[key] = package
        found = list(_requirements(package, asked[key]))
        depends[key] = sorted({name for name, _, _ in found})
        waiting += found
    hashes = _hashes(lock.read_text("utf-8")) if lock.is_file() else {}
    own = canonicalize_name(name)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(own, root, "application", ())},
        "components": [
            _component(key, package, "library", hashes.get((key, package.version), ()))
            for key, package in sorted(needed.items())
            if key != own
        ],
        "dependencies": [
            {"ref": _purl(key, package), "dependsOn": [_purl(one, needed[one]) for one in depends[key]]}
            for key, package in sorted(needed.items())
        ],
    }
    return (json.dumps(bill, indent=1, ensure_ascii=False) + "\n").encode()


def _requirements(
    package: Distribution, extras: Iterable[str]
) -> Iterable[tuple[str, Distribution, frozenset[str]]]:
    """The packages that a package needs here, with the extras it asks of each."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for text in package.requires or ():
        wanted = Requirement(text)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if wanted.marker and not any(wanted.marker.evaluate(one) for one in environments):
            continue
        try:
            found = distribution(wanted.name)
        except PackageNotFoundError:
            raise PackageNotFoundError(
                f"{wanted.name}, which {package.metadata['Name']} needs, is not installed"
            ) from None
        yield canonicalize_name(wanted.name), found, frozenset(wanted.extras)


def _component(key: str, package: Distribution, kind: str, hashes: Iterable[str]) -> dict[str, Any]:
    known: dict[str, Any] = {
        "type": kind,
        "bom-ref": _purl(key, package),
        "name": key,
        "version": package.version,
        "purl": _purl(key, package),
    }
    if "License-Expression" in package.metadata:
        known["licenses"] = [{"expression": package.metadata["License-Expression"]}]
    if told := [{"alg": "SHA-256", "content": one} for one in hashes]:
        known["hashes"] = told
    return known


def _purl(key: str, package: Distribution) -> str:
    return f"pkg:pypi/{key}@{package.version}"


def _hashes(lock: str) -> dict[tuple[str, str], list[str]]:
    """The SHA-256 of each file that may be installed, by package and version."""
    from packaging.utils import canonicalize_name

    found: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in lock.splitlines():
        if pinned := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", line):
            current = found.setdefault((canonicalize_name(pinned[1]), pinned[2]), [])
        elif hash := re.match(r"\s+--hash=sha256:([0-9a-f]{64})", line):
            current.append(hash[1])
    return {package: sorted(hashes) for package, hashes in found.items()}
