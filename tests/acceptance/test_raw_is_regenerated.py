"""The committed raw data and the truth about them are what the simulator writes, byte for byte, anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("threads", ["1", "3"])
def test_regenerated(repository: Path, tmp_path: Path, threads: str) -> None:
    program = (
        "import pathlib, sys, pipeline.simulate as s; s.simulate_calibrated(*map(pathlib.Path, sys.argv[1:]))"
    )
    raw, truth = tmp_path / "raw", tmp_path / "truth.csv"
    environment = {
        **os.environ,
        "POLARS_MAX_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "PYTHONHASHSEED": threads,
    }
    subprocess.run(
        [sys.executable, "-c", program, str(raw), str(truth)], check=True, cwd=repository, env=environment
    )
    committed, made = files(repository / "raw" / "calgb_100104"), files(raw)
    assert committed.keys() == made.keys()
    assert [name for name in committed if committed[name] != made[name]] == []
    assert truth.read_bytes() == (repository / "tests/acceptance/calgb_100104_faults.csv").read_bytes()


def test_manifests_name_every_file(repository: Path) -> None:
    root = repository / "raw" / "calgb_100104"
    before = ""
    for transfer in sorted(root.glob("20*")):
        manifest = json.loads((transfer / "transfer.json").read_text(encoding="utf-8"))
        assert (manifest["study"], manifest["transfer"]) == ("CALGB-100104", transfer.name)
        found = {p.name: p.read_bytes() for p in transfer.glob("*.csv")}
        described = {name: (f["rows"], f["sha256"]) for name, f in manifest["files"].items()}
        assert described == {
            name: (content.count(b"\n") - 1, hashlib.sha256(content).hexdigest())
            for name, content in found.items()
        }
        for name, content in found.items():
            lines = content.decode("utf-8").splitlines()
            assert b"\r" not in content
            assert content.endswith(b"\n")
            if "record_version" in lines[0]:
                at = lines[0].split(",").index("received_dt")
                received = [line.split(",")[at] for line in lines[1:]]
                assert received == sorted(received), name
                assert before < received[0]
                assert received[-1] <= transfer.name
        before = transfer.name
    assert before == "2012-02-29"


def test_seal_is_the_hash_of_the_restricted_list(repository: Path) -> None:
    root = repository / "raw" / "calgb_100104"
    seal = json.loads((root / "treatment_codes.json").read_text(encoding="utf-8"))
    content = (root / seal["file"]).read_bytes()
    assert seal["sha256"] == hashlib.sha256(content).hexdigest()
    assert seal["rows"] == content.count(b"\n") - 1
