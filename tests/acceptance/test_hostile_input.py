"""Broken and hostile transfers: each is told in a message a data manager understands, and the rest goes on.

What does not belong here: faults of single cells (`tests/unit/test_ingest.py`), seeded faults of a
whole trial (`test_faults_found.py`), random mutations (`tests/agreement/test_mutations.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest import Ingested, ingest_form, read_manifests
from pipeline.ingest.records import read_records
from pipeline.studies import STUDIES

STUDY = STUDIES["calgb_100104"]
SITES = "site_code,site_name,group\nMA034,North Hospital,CALGB\nNY012,South Hospital,ECOG\n"
DEATH = (
    "study_id,patient_id,site_code,form_code,record_id,record_version,record_status,completed_dt,received_dt,"
    "death_dt,cause,cause_text,progression_before_death,autopsy\n"
)


def death(number: int, **changes: str) -> str:
    """One line of the death form."""
    row = {
        "study_id": "CALGB-100104",
        "patient_id": f"{104310 + number}",
        "site_code": "MA034",
        "form_code": "DEATH",
        "record_id": f"DTH-{number:06d}",
        "record_version": "1",
        "record_status": "ORIGINAL",
        "completed_dt": "2009-02-01",
        "received_dt": "2009-02-03",
        "death_dt": "2009-01-15",
        "cause": "MYELOMA",
        "cause_text": "",
        "progression_before_death": "Y",
        "autopsy": "N",
    }
    return ",".join((row | changes).values()) + "\n"


def transfer(raw: Path, name: str, contents: dict[str, bytes], **manifest: object) -> Path:
    """A transfer folder with a right manifest, but for what is given."""
    folder = raw / name
    folder.mkdir(parents=True)
    entries = {}
    for file, data in contents.items():
        (folder / file).write_bytes(data)
        entries[file] = {
            "rows": read_records(data).lines.height,
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    content = {"study": STUDY.id, "transfer": name, "files": entries} | manifest
    (folder / "transfer.json").write_text(json.dumps(content))
    return folder


def received(raw: Path, form: str) -> tuple[Ingested, pl.DataFrame]:
    """What the door says of a form, and of the transfers."""
    transfers, told = read_manifests(raw, STUDY.forms, STUDY.id)
    found = ingest_form(form, STUDY.forms[form], transfers)
    assert found.accepted.height + found.quarantined.height == found.receipt["RECEIVED"].sum()
    return found, told


def refusals(told: pl.DataFrame) -> list[str]:
    return told["REASON"].drop_nulls().to_list()


def test_encodings_and_line_ends(tmp_path: Path) -> None:
    two = death(1) + death(2, cause_text="pneumonia")
    files = {
        "2009-01-31": b"\xef\xbb\xbf" + (DEATH + death(1)).encode(),
        "2009-02-28": (DEATH + death(2)).replace("\n", "\r\n").encode(),
        "2009-03-31": (DEATH + death(3, cause_text="insuffisance rénale") + death(4)).encode("latin-1"),
        "2009-04-30": (DEATH + two).encode("utf-16"),
    }
    for name, data in files.items():
        transfer(tmp_path, name, {"death.csv": data})
    found, told = received(tmp_path, "death")
    assert refusals(told) == []
    assert found.accepted["record_id"].to_list() == ["DTH-000001", "DTH-000002", "DTH-000004"]
    latin, *utf16 = found.findings["MESSAGE"].to_list()
    assert latin == "2009-03-31/death.csv line 2: is not UTF-8 text"
    assert utf16[0] == "2009-04-30/death.csv line 1: the file is UTF-16 text, not UTF-8"
    assert found.quarantined.height == 3


def test_embedded_line_ends_quotes_and_ragged_rows(tmp_path: Path) -> None:
    lines = [
        death(1, cause_text='"pneumonia,\nboth ""lungs"""'),
        death(2)[:-1] + ",\n",
        death(3).replace(",N\n", "\n"),
        death(4, cause_text='"never closed'),
        death(5),
    ]
    transfer(tmp_path, "2009-06-30", {"death.csv": (DEATH + "".join(lines)).encode()})
    found, _ = received(tmp_path, "death")
    assert found.accepted["record_id"].to_list() == ["DTH-000001", "DTH-000005"]
    assert found.accepted["cause_text"][0] == 'pneumonia,\nboth "lungs"'
    assert [message.split(": ", 1)[1] for message in found.findings["MESSAGE"]] == [
        "has 15 fields, the header has 14",
        "has 13 fields, the header has 14",
        "is not CSV (unexpected end of data)",
    ]


def test_a_cell_of_ten_megabytes_is_kept_and_told_briefly(tmp_path: Path) -> None:
    huge = "x" * 10_000_000
    rows = death(1, cause=huge) + death(2, cause_text=huge) + death(3)
    transfer(tmp_path, "2009-06-30", {"death.csv": (DEATH + rows).encode()})
    found, _ = received(tmp_path, "death")
    assert "DTH-000003" in found.accepted["record_id"].to_list()
    assert found.accepted.filter(record_id="DTH-000002")["cause_text"].str.len_bytes().to_list() == [
        len(huge)
    ]
    assert len(found.findings["MESSAGE"][0]) < 250
    assert found.findings["VALUE"].str.len_chars().max() <= len(huge)


def test_a_million_rows_are_all_accounted_for(tmp_path: Path) -> None:
    n = 1_000_000
    number = pl.int_range(n, eager=True)
    codes = pl.select(
        pl.format("{}{}", pl.lit("MA"), (number % 1000).cast(pl.String).str.zfill(3))
    ).to_series()
    frame = pl.DataFrame({"site_code": codes, "site_name": "North Hospital", "group": "CALGB"})
    transfer(tmp_path, "2009-06-30", {"sites.csv": frame.write_csv().encode()})
    found, _ = received(tmp_path, "sites")
    assert (found.accepted.height, found.quarantined.height) == (1000, n - 1000)
    assert found.findings["MESSAGE"][0].endswith(
        '"MA000" was received before, in 2009-06-30/sites.csv line 2'
    )


def test_a_duplicated_header_names_the_column(tmp_path: Path) -> None:
    twice = "site_code,site_code,site_name,group\nMA034,MA034,North Hospital,CALGB\n"
    transfer(tmp_path, "2009-06-30", {"sites.csv": twice.encode()})
    found, _ = received(tmp_path, "sites")
    assert found.accepted.is_empty()
    assert found.findings["MESSAGE"][0] == (
        "2009-06-30/sites.csv line 1, column site_code: stands 2 times in the header"
    )


def test_a_file_of_no_bytes_is_told(tmp_path: Path) -> None:
    transfer(tmp_path, "2009-06-30", {"death.csv": b"", "sites.csv": SITES.encode()})
    found, told = received(tmp_path, "death")
    assert refusals(told) == []
    assert found.findings["MESSAGE"].to_list() == [
        "2009-06-30/death.csv line 1: the file is empty: it has not even a header"
    ]
    assert received(tmp_path, "sites")[0].accepted.height == 2


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "death.csv/../../x.csv", "..\\death.csv"])
def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.csv").write_text("secret\n1\n")
    entry = {"rows": 1, "sha256": hashlib.sha256(b"secret\n1\n").hexdigest()}
    transfer(tmp_path / "raw", "2009-06-30", {}, files={name: entry})
    transfer(tmp_path / "raw", "2009-12-17", {"sites.csv": SITES.encode()})
    found, told = received(tmp_path / "raw", "sites")
    assert refusals(told) == [f"transfer 2009-06-30 refused: {name} is not a form of this study"]
    assert found.accepted.height == 2


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    outside = tmp_path / "outside.csv"
    outside.write_text(SITES)
    linked = transfer(raw, "2009-06-30", {"sites.csv": SITES.encode()})
    (linked / "sites.csv").unlink()
    (linked / "sites.csv").symlink_to(outside)
    piped = transfer(raw, "2009-12-17", {"sites.csv": SITES.encode()})
    (piped / "sites.csv").unlink()
    os.mkfifo(piped / "sites.csv")
    transfer(tmp_path / "elsewhere", "2010-12-31", {"sites.csv": SITES.encode()})
    (raw / "2010-12-31").symlink_to(tmp_path / "elsewhere" / "2010-12-31")
    transfer(raw, "2011-10-31", {"sites.csv": SITES.encode()})
    found, told = received(raw, "sites")
    plain = "sites.csv is not a plain file (a link, folder or device)"
    assert refusals(told) == [
        f"transfer 2009-06-30 refused: {plain}",
        f"transfer 2009-12-17 refused: {plain}",
        "transfer 2010-12-31 refused: the folder is a link, not a folder",
    ]
    assert found.accepted["FILE"].unique().to_list() == ["2011-10-31/sites.csv"]


def test_a_transfer_delivered_twice_adds_nothing(tmp_path: Path) -> None:
    files = {"death.csv": (DEATH + death(1) + death(2)).encode()}
    first = transfer(tmp_path, "2009-06-30", files)
    shutil.copytree(first, tmp_path / "2009-06-30 (copy)")
    shutil.copytree(first, tmp_path / "2009-07-01")
    transfer(tmp_path, "2009-07-02", files)
    found, told = received(tmp_path, "death")
    assert refusals(told) == [
        "transfer 2009-06-30 (copy) refused: the folder's name is not a date (YYYY-MM-DD); "
        "its manifest is of transfer '2009-06-30'",
        "transfer 2009-07-01 refused: its manifest is of transfer '2009-06-30'",
    ]
    assert found.accepted["FILE"].to_list() == ["2009-06-30/death.csv"] * 2
    assert found.findings["MESSAGE"].to_list() == [
        f'2009-07-02/death.csv line {line}: "DTH-00000{line - 1}/1" was received before, '
        f"in 2009-06-30/death.csv line {line}"
        for line in (2, 3)
    ]


def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    amended = death(1, record_version="2", record_status="AMENDED", death_dt="2009-01-16")
    transfers = {"2009-06-30": death(1), "2009-12-17": amended, "2010-12-31": death(2)}
    tables = []
    for number, order in enumerate([(0, 1, 2), (2, 0, 1)]):
        for name in [list(transfers)[at] for at in order]:
            transfer(tmp_path / str(number), name, {"death.csv": (DEATH + transfers[name]).encode()})
        tables.append(received(tmp_path / str(number), "death")[0])
    assert tables[0].accepted.equals(tables[1].accepted)
    assert tables[0].accepted["record_version"].to_list() == [1, 2, 1]


def test_a_form_or_a_manifest_of_another_study(tmp_path: Path) -> None:
    rows = death(1) + death(2, study_id="CALGB-100105")
    transfer(tmp_path, "2009-06-30", {"death.csv": (DEATH + rows).encode()})
    transfer(tmp_path, "2009-12-17", {"death.csv": (DEATH + death(3)).encode()}, study="CALGB-100105")
    found, told = received(tmp_path, "death")
    assert refusals(told) == [
        "transfer 2009-12-17 refused: its manifest is of study 'CALGB-100105', not 'CALGB-100104'"
    ]
    assert found.accepted["record_id"].to_list() == ["DTH-000001"]
    assert found.findings["MESSAGE"].to_list() == [
        '2009-06-30/death.csv line 3, column study_id: "CALGB-100105" is not one of CALGB-100104'
    ]


def _in_small_space(warehouse: Path, options: str, then: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command while a file system of its own is mounted over the warehouse's folder."""
    script = 'mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"'
    return subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            options,
            str(warehouse),
            *then,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [("size=1m", "full"), ("size=20m", "full|I/O error|No space left"), ("ro", "Read-only file system")],
    ids=["full", "filling", "read-only"],
)
def test_a_disk_that_cannot_be_written_is_told_in_one_message(
    tmp_path: Path, options: str, reason: str
) -> None:
    """The folder is a file system of its own: full from the start, full in the middle, or read-only."""
    probe = _in_small_space(tmp_path, "size=1m", ["true"])
    if probe.returncode:
        if os.environ.get("REQUIRE_ALL_TOOLS"):
            pytest.fail(f"no file system can be mounted here: {probe.stderr}")
        pytest.skip("no file system can be mounted here without more rights")
    pipeline = str(Path(sys.executable).with_name("pipeline"))
    ended = _in_small_space(tmp_path, options, [pipeline, "run", "--warehouse", str(tmp_path)])
    assert ended.returncode == 1
    message, *rest = ended.stderr.splitlines()
    assert message.startswith(f"Error: {tmp_path} cannot be written: ")
    assert re.search(reason, message)
    assert rest == ["The last release, if there was one, is as it was."]
