"""The bill of materials: complete, the same each time, and with the hashes of the lock file."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from pipeline.sbom import LOCK, bill_of_materials


def test_the_bill_names_every_package_that_is_needed_with_its_version_and_hashes() -> None:
    bill = json.loads(bill_of_materials())
    components = {component["name"]: component for component in bill["components"]}
    for name in ("dagster", "duckdb", "polars", "lifelines"):
        assert components[name]["version"] == version(name)
    assert "pytest" not in components  # needed for tests only
    lock = LOCK.read_text()
    for name, component in components.items():
        assert component["purl"] == f"pkg:pypi/{name}@{component['version']}"
        assert component["hashes"], name
        assert all(f"--hash=sha256:{one['content']}" in lock for one in component["hashes"])


def test_what_depends_on_what_is_closed() -> None:
    bill = json.loads(bill_of_materials())
    refs = {component["bom-ref"] for component in bill["components"]}
    refs.add(bill["metadata"]["component"]["bom-ref"])
    depends = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert set(depends) == refs
    assert {one for many in depends.values() for one in many} <= refs
    dagster, sqlalchemy = (f"pkg:pypi/{name}@{version(name)}" for name in ("dagster", "sqlalchemy"))
    assert sqlalchemy in depends[dagster]


def test_equal_installations_give_equal_bytes_without_times() -> None:
    assert bill_of_materials() == bill_of_materials()
    assert b"timestamp" not in bill_of_materials()


def test_without_a_lock_file_there_are_no_hashes(tmp_path: Path) -> None:
    bill = json.loads(bill_of_materials(lock=tmp_path / "none"))
    assert not any("hashes" in component for component in bill["components"])


def test_a_package_that_is_not_there_is_an_error() -> None:
    with pytest.raises(PackageNotFoundError):
        bill_of_materials("no-such-package-here")
