"""Grants open what they say and nothing else; the access log shows every edit; closed folders are sealed."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.access import AccessError
from pipeline.access.closed import CLOSED_KEY, closed_key, write_closed_manifest
from pipeline.access.grants import GrantError, issue_grant, make_authority, read_grant, use_grant
from pipeline.access.log import Head, append, canonical, head, read_log, refusals_logged, verify_log
from pipeline.cli import main
from pipeline.folders import sha256, sha256_of

STUDY, LOOK = "CALGB-100104", "2009-06-30"
NOW = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
GRANT: dict[str, Any] = {
    "study": STUDY,
    "cutoff": LOOK,
    "role": "DSMB_STAT",
    "name": "N. Ögren",
    "purpose": "first review",
    "granted_on": dt.date(2026, 3, 9),
    "expires": dt.date(2026, 3, 10),
}


class Office:
    """An authority with its keys, one grant, and the log of a warehouse."""

    def __init__(self, folder: Path) -> None:
        self.private, self.public = folder / "away" / "authority.key", folder / "restricted" / "authority.pub"
        self.grant, self.log = folder / "grant.json", folder / "warehouse" / "access_log.jsonl"
        make_authority(self.private, self.public)

    def issue(self, **changed: Any) -> None:
        self.grant.unlink(missing_ok=True)
        issue_grant(self.grant, self.private, **(GRANT | changed))

    def edit(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change the grant's file by hand."""
        value = json.loads(self.grant.read_text())
        change(value)
        self.grant.write_text(json.dumps(value))

    def use(self, **changed: Any) -> Any:
        about = {"study": STUDY, "cutoff": LOOK, "now": NOW, "run": "r1"} | changed
        return use_grant(self.log, self.grant, self.public, **about)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.issue()
    return made


def test_a_good_grant_opens_and_the_log_tells_so_without_its_signature(office: Office) -> None:
    granted = office.use()
    assert {name: getattr(granted, name) for name in GRANT} == GRANT
    (line,) = read_log(office.log)
    assert line["action"] == "grant used"
    assert line["grant"]["name"] == "N. Ögren"
    assert line["grant"]["sha256"] == sha256(granted.signature.encode())
    assert granted.signature not in office.log.read_text()
    assert verify_log(office.log) == []


def test_the_days_of_a_grant_are_its_first_and_its_last(office: Office) -> None:
    for day in (GRANT["granted_on"], GRANT["expires"]):
        assert read_grant(office.grant, office.public, study=STUDY, cutoff=LOOK, today=day)


def forge(office: Office) -> None:
    """A grant signed by somebody else's key."""
    other = office.grant.parent / "other.key"
    make_authority(other, office.grant.parent / "other.pub")
    office.grant.unlink()
    issue_grant(office.grant, other, **GRANT)


SIGNATURE = "the grant's signature is not that of the granting authority over what it says"
REFUSED: dict[str, tuple[Callable[[Office], Any], dict[str, Any], str]] = {
    "no file": (lambda o: o.grant.unlink(), {}, "there is no grant "),
    "a folder": (lambda o: (o.grant.unlink(), o.grant.mkdir()), {}, "there is no grant "),
    "empty": (lambda o: o.grant.write_text(""), {}, "grant.json is not a grant: it is not JSON"),
    "bytes": (lambda o: o.grant.write_bytes(b"\xff\xfe{"), {}, "grant.json is not a grant: it is not JSON"),
    "deep": (lambda o: o.grant.write_text("[" * 60000), {}, "grant.json is not a grant: it is not JSON"),
    "large": (lambda o: o.grant.write_text(" " * 70000), {}, "it is larger than 65536 bytes"),
    "a list": (lambda o: o.grant.write_text("[]"), {}, "it is not an object"),
    "field missing": (lambda o: o.edit(lambda g: g.pop("purpose")), {}, "it lacks purpose"),
    "field unknown": (lambda o: o.edit(lambda g: g.update(all=1)), {}, "no grant has a field 'all'"),
    "field not text": (lambda o: o.edit(lambda g: g.update(name=7)), {}, "name is not text"),
    "field blank": (lambda o: o.edit(lambda g: g.update(name=" ")), {}, "name is not text"),
    "no date": (lambda o: o.edit(lambda g: g.update(expires="20260310")), {}, "expires is not a date"),
    "forged": (forge, {}, SIGNATURE),
    "name edited": (lambda o: o.edit(lambda g: g.update(name="N. Ogren")), {}, SIGNATURE),
    "longer": (lambda o: o.edit(lambda g: g.update(expires="2027-03-10")), {}, SIGNATURE),
    "other cut-off, edited": (lambda o: o.edit(lambda g: g.update(cutoff="2009-12-17")), {}, SIGNATURE),
    "no signature": (lambda o: o.edit(lambda g: g.update(signature="none")), {}, SIGNATURE),
    "another spelling": (
        lambda o: o.edit(lambda g: g.update(signature=g["signature"].upper())), {}, SIGNATURE
    ),
    "no authority": (lambda o: o.public.unlink(), {}, "there is no authority.pub beside the treatment codes"),
    "no key": (lambda o: o.public.write_text("key"), {}, "authority.pub is not an Ed25519 public key"),
    "other study": (lambda o: None, {"study": "S2"}, "is for the study 'CALGB-100104', not for S2"),
    "other cut-off": (lambda o: None, {"cutoff": "2008-12-31"}, "the cut-off '2009-06-30', not for 2008"),
    "expired": (lambda o: None, {"now": NOW + dt.timedelta(1)}, "expired: its last day was 2026-03-10"),
    "early": (lambda o: None, {"now": NOW - dt.timedelta(2)}, "not valid yet: it begins on 2026-03-09"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_a_grant_that_opens_nothing_is_refused_in_its_own_sentence_and_logged(
    fault: str, office: Office
) -> None:
    spoil, asked, says = REFUSED[fault]
    spoil(office)
    with pytest.raises(GrantError) as refused:
        office.use(**asked)
    assert says in str(refused.value)
    (line,) = read_log(office.log)
    assert (line["action"], line["reason"]) == ("refused", str(refused.value))
    assert line["account"]
    assert [path.name for path in office.log.parent.iterdir()] == [office.log.name]


def test_a_role_that_may_not_see_arms_gets_no_grant_and_a_signed_one_opens_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = "the role 'STUDY_TEAM' may not see the arms; only DSMB_STAT may"
    with pytest.raises(GrantError, match=says):
        office.issue(role="STUDY_TEAM")
    assert not office.grant.exists()
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.access.grants.UNBLINDED_ROLES", ("DSMB_STAT", "STUDY_TEAM"))
        office.issue(role="STUDY_TEAM")
    with pytest.raises(GrantError, match=says):
        office.use()


def test_without_any_grant_the_answer_is_no(office: Office) -> None:
    with pytest.raises(GrantError, match="need a grant"):
        use_grant(office.log, None, office.public, study=STUDY, cutoff=LOOK, now=NOW, run="r1")
    assert [line["action"] for line in read_log(office.log)] == ["refused"]


@pytest.mark.parametrize("changed", [{"name": " "}, {"purpose": ""}, {"expires": dt.date(2026, 3, 8)}])
def test_a_grant_that_could_open_nothing_is_not_issued(changed: dict[str, Any], office: Office) -> None:
    with pytest.raises(GrantError):
        office.issue(**changed)
    assert not office.grant.exists()


def test_keys_and_grants_are_private_and_never_written_over(office: Office) -> None:
    assert [mode(path) for path in (office.private, office.grant)] == [0o600, 0o600]
    before = office.private.read_bytes()
    with pytest.raises(AccessError, match="is there already"):
        make_authority(office.private, office.grant.parent / "new.pub")
    with pytest.raises(AccessError, match="is there already"):
        make_authority(office.grant.parent / "new.key", office.public)
    with pytest.raises(AccessError, match="is there already"):
        issue_grant(office.grant, office.private, **GRANT)
    assert office.private.read_bytes() == before
    assert not (office.grant.parent / "new.key").exists()


@pytest.mark.parametrize(
    ("key", "says"),
    [(None, "put their key into PIPELINE_CLOSED_KEY"), ("", "put their key"), ("k" * 15, "at least 16")],
)
def test_a_missing_or_short_key_is_refused(key: str | None, says: str) -> None:
    with pytest.raises(AccessError, match=says) as refused:
        closed_key({} if key is None else {CLOSED_KEY: key})
    assert not key or key not in str(refused.value)
    assert closed_key({CLOSED_KEY: "k" * 16}) == "k" * 16


def test_the_commands_make_an_authority_and_a_grant_that_opens(tmp_path: Path) -> None:
    write_transfer = tmp_path / "raw" / "2009-06-30" / "transfer.json"
    write_transfer.parent.mkdir(parents=True)
    write_transfer.write_text("{}")
    key, out = tmp_path / "away" / "authority.key", tmp_path / "grant.json"
    places = ["--raw", tmp_path / "raw", "--restricted", tmp_path / "codes", "--private-key", key]
    person = ["--role", "DSMB_STAT", "--name", "N. Ögren", "--purpose", "first review", "--days", 3]

    told = command("grant", "authority", *places, "--warehouse", tmp_path / "w")
    assert told.exit_code == 0, told.output
    signed = ["--private-key", key, "--cutoff", "2009-12-17", *person, "--out", out]
    told = command("grant", "issue", *signed)
    assert told.exit_code == 0, told.output
    today = dt.datetime.now(dt.UTC).date()
    public = tmp_path / "codes" / "grant_authority.pub"
    made = read_grant(out, public, study=STUDY, cutoff="2009-12-17", today=today)
    assert (made.name, made.expires - made.granted_on) == ("N. Ögren", dt.timedelta(2))
    assert f"may see the arms of 2009-12-17 until {made.expires}" in told.output

    assert "is there already" in command("grant", "authority", *places, "--warehouse", tmp_path / "w").output
    assert "is there already" in command("grant", "issue", *signed).output
    out.unlink()
    for name, value, says in (
        ("--role", "STUDY_TEAM", "may not see the arms"),
        ("--cutoff", "2009-01-01", "is not a cut-off of"),
        ("--private-key", public, "is not an Ed25519 private key"),
        ("--private-key", tmp_path / "none", "cannot be read"),
    ):
        refused = command("grant", "issue", *signed, name, value)
        assert refused.exit_code in (1, 2)
        assert says in " ".join(refused.output.split())
        assert not out.exists()


def command(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# The log


def log_of(folder: Path, lines: int) -> Path:
    log = folder / "access_log.jsonl"
    for number in range(lines):
        append(log, {"at": f"2026-03-{number + 10}", "action": "read", "cut_off": LOOK})
    return log


def test_lines_follow_one_another_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    log = log_of(tmp_path, 3)
    first, second, third = read_log(log)
    assert [line["number"] for line in (first, second, third)] == [1, 2, 3]
    assert (second["previous"], third["previous"]) == (first["hash"], second["hash"])
    # The hash as the module's docstring defines it, by hand.
    assert third["hash"] == sha256(canonical({k: v for k, v in third.items() if k != "hash"}))
    assert head(log) == Head(3, third["hash"])
    assert mode(log) == 0o600
    log.chmod(0o644)
    assert verify_log(log) == ["access_log.jsonl: others than its owner may read or write it"]
    append(log, {"action": "read"})
    assert mode(log) == 0o600


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_edit_of_any_line_is_found(data: st.DataObject) -> None:
    """One byte changed, added or taken, a line taken, doubled or moved: each leaves a finding."""
    with tempfile.TemporaryDirectory() as name:
        log = log_of(Path(name), 4)
        good = log.read_bytes()
        known = {"a manifest": head(log)}
        assert verify_log(log, known) == []
        lines = good.splitlines(keepends=True)
        kind = data.draw(
            st.sampled_from(["change", "insert", "delete", "take line", "double", "swap", "cut"])
        )
        at = data.draw(st.integers(0, len(good) - 1))
        byte = bytes([data.draw(st.integers(0, 255))])
        one, other = data.draw(st.lists(st.integers(0, 3), min_size=2, max_size=2, unique=True))
        moved = list(lines)
        moved[one], moved[other] = lines[other], lines[one]
        bad = {
            "change": good[:at] + byte + good[at + 1 :],
            "insert": good[:at] + byte + good[at:],
            "delete": good[:at] + good[at + 1 :],
            "take line": b"".join(lines[:one] + lines[one + 1 :]),
            "double": b"".join([*lines[: one + 1], *lines[one:]]),
            "swap": b"".join(moved),
            "cut": good[:at],
        }[kind]
        log.write_bytes(bad)
        assert bool(verify_log(log, known)) == (bad != good)


def test_a_tail_that_was_cut_shows_only_to_who_knew_it(tmp_path: Path) -> None:
    log = log_of(tmp_path, 3)
    known = head(log)
    whole = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(whole[:2]))
    assert verify_log(log) == []
    says = "access_log.jsonl: it has 2 lines, and the release knew 3: lines were taken from its end"
    assert verify_log(log, {"the release": known}) == [says]
    append(log, {"action": "another line in its place"})
    says = "access_log.jsonl line 3: it is not the line that the release knew"
    assert verify_log(log, {"the release": known}) == [says]
    log.unlink()
    assert "it has 0 lines, and the release knew 3" in verify_log(log, {"the release": known})[0]
    assert verify_log(log, {"nobody": Head(0, "0" * 64)}) == []


@pytest.mark.parametrize("end", [b"half a line", b"{}\n", b"\n", b'{"read_at": "2026"}\n'])
def test_after_a_line_that_is_not_of_the_chain_nothing_is_opened(end: bytes, office: Office) -> None:
    office.use()
    with office.log.open("ab") as log:
        log.write(end)
    before = office.log.read_bytes()
    with pytest.raises(AccessError, match="not one of its chain: nothing is opened"):
        office.use()
    assert office.log.read_bytes() == before


def test_a_line_that_the_disk_does_not_take_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(tmp_path, 1)
    before = log.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(AccessError, match="cannot be written: No space left"):
            append(log, {"action": "read"})
    assert log.read_bytes() == before


def test_a_link_is_not_a_log(tmp_path: Path) -> None:
    (tmp_path / "access_log.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AccessError, match="cannot be opened"):
        append(tmp_path / "access_log.jsonl", {"action": "read"})


def write_lines(log: Path, count: int) -> None:
    for _ in range(count):
        append(log, {"action": "read"})


def test_lines_of_several_processes_wait_for_each_other(tmp_path: Path) -> None:
    log = tmp_path / "access_log.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_lines, args=(log, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert verify_log(log) == []
    assert head(log).number == 60


def test_only_refusals_are_logged_as_such(tmp_path: Path) -> None:
    log = tmp_path / "access_log.jsonl"
    with refusals_logged(log, {"run": "r1"}):
        pass
    assert not log.exists()
    with pytest.raises(AccessError, match="no key"), refusals_logged(log, {"run": "r1"}):
        raise AccessError("no key")
    (line,) = read_log(log)
    assert (line["action"], line["reason"], line["run"]) == ("refused", "no key", "r1")


# Closed folders


def test_a_closed_folder_and_the_log_hold_each_other(office: Office) -> None:
    granted = office.use()
    known = head(office.log)
    folder = office.log.parent / "closed" / LOOK
    (folder / "tables").mkdir(parents=True)
    (folder / "index.html").write_text("report")
    (folder / "tables" / "t1.rtf").write_text("table")
    (folder / ".trial.duckdb.lock").touch()

    manifest = write_closed_manifest(folder, office.log, granted, now=NOW, run="r1")

    made = json.loads(manifest.read_text())
    assert made["files"] == {n: sha256_of(folder / n) for n in ("index.html", "tables/t1.rtf")}
    assert made["access_log"] == {"number": known.number, "hash": known.hash}
    assert made["grant"] == granted.public
    assert granted.signature not in manifest.read_text()
    assert read_log(office.log)[-1]["manifest"] == sha256_of(manifest)
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"} == {0o600}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
