"""`pipeline verify` finds what was changed, wherever it stands; of an untouched warehouse it finds nothing.

The warehouse is a small one, with a manifest as a release writes it; `tests/orchestration` holds the same
against a real release.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipeline import integrity
from pipeline.access.closed import write_closed_manifest
from pipeline.access.grants import Grant
from pipeline.access.log import Head, append, canonical, head, read_log
from pipeline.cli import main
from pipeline.folders import Folders, sha256, sha256_of
from pipeline.integrity import package_versions, source_hash, verify
from pipeline.warehouse import WarehouseTable, build_release
from schemas.base import Table, column, dtypes
from schemas.release import Releases

NAME = "calgb_100104"
CUT_OFFS = ("2009-12-17", "2011-10-31")
LOOK = "2009-06-30"
NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
GRANT = Grant("S", LOOK, "DSMB_STAT", "N", "review", NOW.date(), NOW.date(), "00")


class Subjects(Table):
    """Subjects"""

    USUBJID: str = column("Unique Subject Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    AGE: int = column("Age", required=False)
    ARM: str = column("Arm", required=False)

    class Config:
        unique = ["USUBJID", "CUTOFF"]


class Rows(Table):
    """Rows of a form"""

    LINE: int = column("Line")

    class Config:
        unique = ["LINE"]


@dataclass(frozen=True)
class World:
    folders: Folders

    @property
    def root(self) -> Path:
        return self.folders.warehouse.parent

    @property
    def file(self) -> Path:
        return self.folders.warehouse / f"{NAME}.duckdb"

    def findings(self, **noted: Head) -> list[str]:
        return verify(self.folders, NAME, now=NOW, noted=noted).findings

    def manifest(self, place: str) -> Path:
        return self.folders.warehouse / place / "manifest.json"


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2))


def make_raw(folders: Folders) -> None:
    transfer, codes = folders.raw / "2009-06-30", folders.restricted / "codes.csv"
    for path, text in ((transfer / "death.csv", "a\n1\n"), (codes, "who,what\n1,A\n")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    write_json(transfer / "transfer.json", {"files": {"death.csv": {"rows": 1}}})
    write_json(folders.raw / "codes.json", {"file": "restricted/codes.csv", "sha256": sha256_of(codes)})


def staged(folders: Folders, asset: str, cut_off: str | None, frame: pl.DataFrame, place: str) -> Any:
    path = folders.staged(asset, cut_off)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)
    return {asset: {"rows": frame.height, "sha256": sha256_of(path), "place": place}}


def seal(folders: Folders, cut_off: str) -> dict[str, Any]:
    """The manifest that seals a cut-off; one of its two has no arms yet."""
    day = dt.date.fromisoformat(cut_off)
    rows = {"USUBJID": ["1", "2"], "CUTOFF": [day, day], "AGE": [60, None], "ARM": ["LEN", "PBO"]}
    subjects = pl.DataFrame(rows).drop("ARM" if cut_off == CUT_OFFS[0] else [])
    tables = staged(folders, "adam_adsl", cut_off, subjects, "adam.adsl")
    snapshot = staged(folders, "snapshot_death", cut_off, pl.DataFrame({"LINE": [2]}), "")
    page = folders.releases / cut_off / "tables" / "t1.rtf"
    page.parent.mkdir(parents=True)
    page.write_text(f"table of {cut_off}")
    received = [
        *sorted(folders.raw.glob("2009*/*")),
        folders.raw / "codes.json",
        folders.restricted / "codes.csv",
    ]
    return {
        "study": "S",
        "inputs": {path.relative_to(folders.raw).as_posix(): sha256_of(path) for path in received},
        "code": {"version": "v1", "source": integrity.source_hash()},
        "packages": package_versions(),
        "tables": tables,
        "staged": {asset: table["sha256"] for asset, table in snapshot.items()},
        "files": {"tables/t1.rtf": sha256_of(page)},
        "access_log": asdict(head(folders.access_log)),
    }


@pytest.fixture(scope="module", autouse=True)
def _sources_stand_still() -> Iterator[None]:
    """Somebody may edit a source file while these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integrity, "source_hash", lambda: "1" * 64)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two released cut-offs and the closed results of a review."""
    root = tmp_path_factory.mktemp("made")
    folders = folders_of(root)
    make_raw(folders)
    common = staged(folders, "raw_death", None, pl.DataFrame({"LINE": [2]}), "raw.death")
    manifests = {}
    for cut_off in CUT_OFFS:
        append(folders.access_log, {"action": "restricted data read", "cut_off": cut_off})
        manifests[cut_off] = seal(folders, cut_off)
        write_json(folders.staged("manifest", cut_off, "json"), manifests[cut_off])
        page = folders.releases / cut_off / "index.html"
        page.write_text("report")
        manifests[cut_off] |= {"report": {"index.html": sha256_of(page)}, "common_tables": common}
    listed = pl.DataFrame(
        [
            dict.fromkeys(dtypes(Releases), "-")
            | {"CUTOFF": dt.date.fromisoformat(cut_off), "MANIFEST": json.dumps(one)}
            for cut_off, one in manifests.items()
        ],
        schema=dtypes(Releases),
    )
    staged(folders, "releases", None, listed, "meta.releases")
    subjects = tuple(folders.staged("adam_adsl", cut_off) for cut_off in CUT_OFFS)
    tables = [
        WarehouseTable("adam", "adsl", Subjects, subjects, frozenset({"ARM"})),
        WarehouseTable("raw", "death", Rows, (folders.staged("raw_death"),)),
        WarehouseTable("meta", "releases", Releases, (folders.staged("releases"),)),
    ]
    built = folders.warehouse / f"{NAME}.duckdb"
    build_release(built, tables, comment="Synthetic data")
    for cut_off, one in manifests.items():
        about = {"warehouse": {"file": built.name, "sha256": sha256_of(built)}}
        write_json(folders.releases / cut_off / "manifest.json", one | about)
    closed = folders.closed / LOOK
    closed.mkdir(parents=True)
    (closed / "index.html").write_text("by arm")
    write_closed_manifest(closed, folders.access_log, GRANT, now=NOW, run="r1")
    return root


def folders_of(root: Path) -> Folders:
    return Folders(root / "raw" / NAME, root / "raw" / NAME / "restricted", root / "warehouse")


@pytest.fixture
def world(made: Path, tmp_path: Path) -> World:
    shutil.copytree(made, tmp_path / "world")
    return World(folders_of(tmp_path / "world"))


def test_nothing_is_found_in_what_nobody_touched(world: World) -> None:
    for _ in range(2):  # the check itself is logged, which is no finding either
        verified = verify(world.folders, NAME, now=NOW)
        assert (verified.findings, verified.unchecked) == ([], [])
    assert verified.checked == {
        "lines of the access log": 5,
        "closed results": 1,
        "released cut-offs": 2,
        "files in both": 5,
        "raw files": 4,
        "staged tables": 5,
    }
    actions = [line["action"] for line in read_log(world.folders.access_log)]
    assert actions[-2:] == ["restricted data hashed"] * 2


def test_an_empty_warehouse_has_nothing_to_find(tmp_path: Path) -> None:
    (tmp_path / "raw" / NAME).mkdir(parents=True)
    assert verify(folders_of(tmp_path), NAME, now=NOW).findings == []


def add(path: Path, text: str = " ") -> None:
    with path.open("a") as file:
        file.write(text)


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    value = json.loads(path.read_text())
    change(value)
    write_json(path, value)


def forge_last_line(log: Path) -> None:
    """The last line rewritten with a hash that fits, as somebody would who knows how."""
    *lines, last = log.read_text().splitlines()
    line = json.loads(last) | {"manifest": "0" * 64}
    del line["hash"]
    whole = canonical(line | {"hash": sha256(canonical(line))}).decode()
    log.write_text("\n".join([*lines, whole]) + "\n")


def change_warehouse(world: World, statement: str) -> None:
    with duckdb.connect(str(world.file)) as connection:
        connection.execute(statement)


def change_both(world: World, statement: str) -> None:
    """Change the warehouse file and the hash of it that the manifests state."""
    change_warehouse(world, statement)
    for cut_off in CUT_OFFS:
        edit(
            world.manifest(f"releases/{cut_off}"),
            lambda m: m["warehouse"].update(sha256=sha256_of(world.file)),
        )


FIRST = f"releases/{CUT_OFFS[0]}"
CLOSED = f"closed/{LOOK}"
AGE = "UPDATE adam.adsl SET AGE = 61 WHERE USUBJID = '1'"
CHANGES: dict[str, tuple[Callable[[World], Any], str]] = {
    "a log line": (
        lambda w: w.folders.access_log.write_text(
            w.folders.access_log.read_text().replace("read", "seen", 1)
        ),
        "access_log.jsonl line 1: its hash is not that of its content",
    ),
    "the log's tail": (
        lambda w: w.folders.access_log.write_bytes(
            b"".join(w.folders.access_log.read_bytes().splitlines(keepends=True)[:1])
        ),
        "access_log.jsonl: it has 1 lines, and releases/2011-10-31/manifest.json knew 2: lines were taken",
    ),
    "the log": (lambda w: w.folders.access_log.unlink(), "access_log.jsonl: it has 0 lines"),
    "a forged line": (
        lambda w: forge_last_line(w.folders.access_log),
        f"{CLOSED}/manifest.json is not the one that line 3 of the access log knows",
    ),
    "a closed file": (
        lambda w: add(w.folders.warehouse / CLOSED / "index.html"),
        f"{CLOSED}/index.html was changed after it was written",
    ),
    "a closed file and its manifest": (
        lambda w: (
            add(w.folders.warehouse / CLOSED / "index.html"),
            edit(w.manifest(CLOSED), lambda m: m["files"].update({"index.html": sha256(b"by arm ")})),
        ),
        f"{CLOSED}/manifest.json is not the one that line 3 of the access log knows",
    ),
    "a closed file gone": (
        lambda w: (w.folders.warehouse / CLOSED / "index.html").unlink(),
        f"{CLOSED}/index.html is missing",
    ),
    "a closed file more": (
        lambda w: (w.folders.warehouse / CLOSED / "copy.html").touch(),
        f"{CLOSED}/copy.html is in no manifest",
    ),
    "a closed folder gone": (
        lambda w: shutil.rmtree(w.folders.warehouse / CLOSED),
        f"{CLOSED} is not there whole, and line 3 of the access log knows it",
    ),
    "a closed folder more": (
        lambda w: shutil.copytree(w.folders.warehouse / CLOSED, w.folders.closed / "2008-12-31"),
        "closed/2008-12-31/manifest.json is that of another cut-off",
    ),
    "a closed manifest gone": (lambda w: w.manifest(CLOSED).unlink(), f"{CLOSED}/manifest.json is missing"),
    "closed results for all": (
        lambda w: (w.folders.warehouse / CLOSED / "index.html").chmod(0o644),
        f"{CLOSED}/index.html: others than its owner may use it",
    ),
    "a staged table": (
        lambda w: add(w.folders.staged("adam_adsl", CUT_OFFS[0])),
        "stage/adam_adsl/2009-12-17.parquet was changed after it was written",
    ),
    "a staged table of no release": (
        lambda w: add(w.folders.staged("snapshot_death", CUT_OFFS[0])),
        "stage/snapshot_death/2009-12-17.parquet was changed after it was written",
    ),
    "a staged table of all cut-offs": (
        lambda w: w.folders.staged("raw_death").unlink(),
        "stage/raw_death/all.parquet is missing",
    ),
    "a sealed manifest": (
        lambda w: edit(w.folders.staged("manifest", CUT_OFFS[0], "json"), lambda m: m.update(study="T")),
        f"stage/manifest/2009-12-17.json and {FIRST}/manifest.json do not say the same",
    ),
    "a released file": (
        lambda w: add(w.folders.warehouse / FIRST / "tables" / "t1.rtf"),
        f"{FIRST}/tables/t1.rtf was changed after it was written",
    ),
    "a released file more": (
        lambda w: (w.folders.warehouse / FIRST / "t2.rtf").touch(),
        f"{FIRST}/t2.rtf is in no manifest",
    ),
    "a released file and its manifest": (
        lambda w: (
            add(w.folders.warehouse / FIRST / "index.html"),
            edit(w.manifest(FIRST), lambda m: m["report"].update({"index.html": sha256(b"report ")})),
        ),
        f"{FIRST}/manifest.json and its copy in calgb_100104.duckdb do not say the same",
    ),
    "a released manifest's times": (
        lambda w: edit(w.manifest(FIRST), lambda m: m.update(finished="never")),
        f"{FIRST}/manifest.json and its copy in calgb_100104.duckdb do not say the same",
    ),
    "no manifest any more": (
        lambda w: edit(w.manifest(FIRST), lambda m: m.update(files=["t1.rtf"])),
        f"{FIRST}/manifest.json is not a manifest",
    ),
    "a release gone": (
        lambda w: shutil.rmtree(w.folders.warehouse / FIRST),
        "calgb_100104.duckdb holds the cut-off 2009-12-17, whose folder in releases/ is not there whole",
    ),
    "other code": (
        lambda w: edit(w.manifest(FIRST), lambda m: m["code"].update(source="0" * 64)),
        f"{FIRST} was made by other code than this (by v1)",
    ),
    "other packages": (
        lambda w: edit(w.manifest(FIRST), lambda m: m["packages"].update(numpy="0.1")),
        f"{FIRST} was made with numpy 0.1; here it is ",
    ),
    "a value in the warehouse": (
        lambda w: change_warehouse(w, AGE),
        f"calgb_100104.duckdb was changed after {FIRST} was written",
    ),
    "a value, and the file's hash": (
        lambda w: change_both(w, AGE),
        "calgb_100104.duckdb: adam.adsl has other rows than the stage (2)",
    ),
    "a value where the stage has none": (
        lambda w: change_both(w, "UPDATE adam.adsl SET ARM = 'LEN' WHERE ARM IS NULL AND USUBJID = '1'"),
        "calgb_100104.duckdb: adam.adsl has other rows than the stage (1)",
    ),
    "a row of the warehouse": (
        lambda w: change_both(w, "DELETE FROM raw.death"),
        "calgb_100104.duckdb: raw.death has 0 rows, the manifests say 1",
    ),
    "a table of the warehouse": (
        lambda w: change_both(w, "DROP TABLE raw.death"),
        "calgb_100104.duckdb: Catalog Error: Table with name death does not exist!",
    ),
    "the warehouse": (lambda w: w.file.write_bytes(b"nothing"), "calgb_100104.duckdb cannot be read: "),
    "the warehouse gone": (lambda w: w.file.unlink(), "calgb_100104.duckdb cannot be read: no warehouse at"),
    "a raw file": (
        lambda w: add(w.folders.raw / "2009-06-30" / "death.csv"),
        "raw/2009-06-30/death.csv was changed after it was written",
    ),
    "a raw file gone": (
        lambda w: (w.folders.raw / "2009-06-30" / "transfer.json").unlink(),
        "raw/2009-06-30/transfer.json is missing",
    ),
    "the treatment codes": (
        lambda w: add(w.folders.restricted / "codes.csv", "2,B\n"),
        "restricted/codes.csv is not the list whose hash raw/codes.json states",
    ),
    "the codes and their seal": (
        lambda w: (
            add(w.folders.restricted / "codes.csv", "2,B\n"),
            edit(
                w.folders.raw / "codes.json",
                lambda m: m.update(sha256=sha256_of(w.folders.restricted / "codes.csv")),
            ),
        ),
        "raw/codes.json was changed after it was written",
    ),
    "the seal of the codes": (
        lambda w: (w.folders.raw / "codes.json").write_text("[]"),
        "raw/codes.json does not state a file and its hash",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_is_found(what: str, world: World) -> None:
    change, says = CHANGES[what]
    change(world)
    findings = world.findings()
    assert [finding for finding in findings if finding.startswith(says)], findings


def test_a_log_rewritten_with_all_that_followed_shows_to_who_noted_its_last_line(world: World) -> None:
    """What the chain alone cannot show: the log and everything written after it, made anew together."""
    noted = head(world.folders.access_log)
    world.folders.access_log.unlink()
    for path in (world.manifest(f"releases/{cut_off}") for cut_off in CUT_OFFS):
        edit(path, lambda m: m.update(access_log={"number": 0, "hash": "0" * 64}))
    shutil.rmtree(world.folders.closed)
    assert not [finding for finding in world.findings() if "access_log" in finding]
    append(world.folders.access_log, {"action": "something else"})
    append(world.folders.access_log, {"action": "something else"})
    assert "access_log.jsonl line 3: it is not the line that the board knew" in world.findings(
        **{"the board": noted}
    )


def test_codes_that_cannot_be_read_here_are_told_and_are_no_finding(world: World) -> None:
    shutil.rmtree(world.folders.restricted)
    verified = verify(world.folders, NAME, now=NOW)
    assert verified.findings == []
    assert verified.unchecked == ["restricted/codes.csv (No such file or directory)"]


def test_every_source_file_counts_and_what_python_leaves_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "pipeline" / "studies"
    sources.mkdir(parents=True)
    (sources / "a.py").write_text("1")
    monkeypatch.setattr(integrity, "PACKAGE", tmp_path / "pipeline")
    seen = [source_hash()]
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "a.pyc").write_text("compiled")
    assert source_hash() == seen[0]
    for change in (
        lambda: (sources / "a.py").write_text("2"),
        lambda: (sources / "q.sql").write_text("SELECT 1"),
        lambda: (sources / "q.sql").rename(sources / "r.sql"),
        lambda: ((tmp_path / "schemas").mkdir(), (tmp_path / "schemas" / "s.py").touch()),
    ):
        change()
        seen.append(source_hash())
    assert len(set(seen)) == len(seen)


# `pipeline verify`


def command(world: World, *more: str) -> Result:
    places = ["--raw", str(world.folders.raw), "--warehouse", str(world.folders.warehouse)]
    return CliRunner().invoke(main, ["verify", *places, *more])


def test_the_command_tells_each_finding_and_ends_with_1(world: World) -> None:
    told = command(world)
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[-1] == "nothing was changed"
    last = head(world.folders.access_log)
    assert f"{last.number}:{last.hash}" in told.output
    assert command(world, "--noted", f"{last.number}:{last.hash}").exit_code == 0

    (world.folders.warehouse / CLOSED / "index.html").write_text("another")
    told = command(world, "--noted", "99:abc")
    assert told.exit_code == 1
    assert f"{CLOSED}/index.html was changed after it was written" in told.output.splitlines()
    assert "and who noted 99:abc knew 99: lines were taken from its end" in told.output
    assert told.output.splitlines()[-1] == "2 findings"


def test_a_copy_that_cannot_be_locked_is_compared_all_the_same(world: World) -> None:
    (world.folders.warehouse / ".run.lock").mkdir()
    assert command(world).output.splitlines()[-1] == "nothing was changed"


def test_while_a_run_writes_nothing_is_compared(world: World) -> None:
    with (world.folders.warehouse / ".run.lock").open("w") as lock:
        lock.write("42")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = command(world)
    assert told.exit_code == 1
    assert "another run (process 42) writes to" in told.output


def test_the_command_refuses_what_is_no_last_line_and_no_folder(world: World) -> None:
    assert "abc is not NUMBER:HASH" in command(world, "--noted", "abc").output
    shutil.rmtree(world.folders.warehouse)
    told = command(world)
    assert told.exit_code == 1
    assert "there is no folder" in told.output
    assert not world.folders.warehouse.exists()
