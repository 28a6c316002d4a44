"""A whole run of a small made-up trial: what it leaves, what a second one changes, what a fault leaves."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from pipeline.access.log import head
from pipeline.cli import main
from pipeline.definitions import build_defs
from pipeline.folders import Folders, sha256, write
from pipeline.integrity import verify
from pipeline.lineage import lineage
from pipeline.orchestration.checks import CrossCheck, cross_checks
from pipeline.orchestration.exports import RELEASED
from pipeline.orchestration.metadata import GUIDE
from pipeline.orchestration.resources import parquet
from pipeline.orchestration.runner import RunFailed
from pipeline.orchestration.tables import staged_tables
from pipeline.outputs.define import STANDARDS
from pipeline.study import CutOff, Frames, Study
from pipeline.warehouse import query
from tests.orchestration.conftest import CUT_OFFS, STUDY, Ran, bytes_of, execute, failure, run

WAREHOUSE = f"{STUDY.name}.duckdb"
STAGED = "stage/**/*.parquet"
SDTM_AND_ADAM = [table for table in staged_tables(STUDY) if table.startswith(("sdtm_", "adam_"))]


def staged(ran: Ran, asset: str, cut_off: str = CUT_OFFS[-1]) -> pl.DataFrame:
    return pl.read_parquet(ran.folders.staged(asset, cut_off))


@pytest.fixture
def copy(ran: Ran, tmp_path: Path) -> Ran:
    """The finished run in folders of a test's own."""
    shutil.copytree(ran.folders.raw, tmp_path / "raw")
    for name in ("stage", "releases"):
        shutil.copytree(ran.folders.warehouse / name, tmp_path / "warehouse" / name)
    shutil.copy(ran.folders.warehouse / WAREHOUSE, tmp_path / "warehouse")
    return Ran(Folders(tmp_path / "raw", tmp_path / "raw/restricted", tmp_path / "warehouse"), [])


def test_a_run_leaves_every_schema_of_the_warehouse(ran: Ran) -> None:
    tables = query(ran.folders.warehouse / WAREHOUSE, "FROM meta.tables")
    names = set(tables.select(pl.format("{}.{}", "schema_name", "table_name")).to_series())
    assert {f"raw.{form}" for form in STUDY.forms} <= names
    assert {f"sdtm.{domain.name}" for domain in STUDY.domains} <= names
    assert {f"adam.{name}" for name in ("adsl", "adrs", "adce", "adtte", "adae", "adex")} <= names
    assert {"quarantine.rows", "analysis.results", "analysis.curves", "analysis.published"} <= names
    assert {f"quality.{name}" for name in ("transfers", "findings", "receipts", "set_aside")} <= names
    assert {"meta.releases", "meta.tables", "meta.columns"} <= names


def test_every_table_made_from_a_cut_off_carries_it(ran: Ran) -> None:
    file = ran.folders.warehouse / WAREHOUSE
    columns = query(file, "FROM meta.columns WHERE column_name = 'CUTOFF'")
    with_cut_off = set(columns.select(pl.format("{}.{}", "schema_name", "table_name")).to_series())
    made = {".".join(t.place) for t in staged_tables(STUDY).values() if t.by_cut_off and t.place}
    assert made <= with_cut_off
    assert query(file, "SELECT DISTINCT CUTOFF FROM adam.adtte").height == len(CUT_OFFS)


def test_the_manifest_is_in_the_folder_and_in_the_warehouse(ran: Ran) -> None:
    releases = query(ran.folders.warehouse / WAREHOUSE, "FROM meta.releases ORDER BY CUTOFF")
    for cut_off, told in zip(CUT_OFFS, releases["MANIFEST"], strict=True):
        folder = ran.folders.releases / cut_off
        manifest = json.loads((folder / "manifest.json").read_text())
        built = manifest.pop("warehouse")  # the file cannot hold its own hash
        assert built == {
            "file": WAREHOUSE,
            "sha256": sha256((ran.folders.warehouse / WAREHOUSE).read_bytes()),
        }
        assert json.loads(told) == manifest
        for name, digest in manifest["inputs"].items():
            assert sha256((ran.folders.raw / name).read_bytes()) == digest
        for name, digest in (manifest["files"] | manifest["report"]).items():
            assert sha256((folder / name).read_bytes()) == digest
        assert manifest["tables"]["adam_adtte"]["rows"] == staged(ran, "adam_adtte", cut_off).height
        assert manifest["started"] <= manifest["finished"]
        assert str(ran.folders.raw.parent) not in told
        assert head(ran.folders.access_log).number >= manifest["access_log"]["number"] > 0


def test_only_the_verdicts_fail_on_a_trial_that_is_not_the_papers(ran: Ran) -> None:
    """Its forms are as sites write them: what is wrong with them is a warning."""
    errors = [found for found in ran.failed if found.error]
    assert [(found.name, found.cut_off) for found in errors] == [("verdicts", c) for c in CUT_OFFS]
    assert all(found.rows > 0 for found in errors)


def test_each_edit_check_that_asks_something_is_a_warning(ran: Ran) -> None:
    """As many queries are open as the checks say, and each stands in the list of an institution."""
    queries = pl.read_parquet(ran.folders.staged("quality_queries"))
    still = queries.filter(STATE="open")
    asking = {
        found.name.split("_")[0]: found.rows for found in ran.failed if found.asset == "quality_queries"
    }
    assert asking == dict(still.group_by("CHECK_ID").len().iter_rows())
    assert asking
    lists = ran.folders.releases / CUT_OFFS[-1] / "quality"
    listed = [pl.read_csv(path, infer_schema=False) for path in sorted(lists.glob("queries_*.csv"))]
    assert sorted(query for rows in listed for query in rows["QUERY"]) == sorted(still["QUERY"])


def test_each_reading_of_the_treatment_codes_is_written_down(ran: Ran) -> None:
    log = (ran.folders.warehouse / "access_log.jsonl").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["cut_off"] for line in lines] == CUT_OFFS
    assert {line["by"] for line in lines} == {"statistical centre"}
    assert {line["sha256"] for line in lines} == {
        sha256((ran.folders.restricted / "treatment_codes.csv").read_bytes())
    }


def test_an_untouched_release_verifies_and_each_change_to_it_is_found(copy: Ran, ran: Ran) -> None:
    """`pipeline verify` on what a run really writes: nothing, then one finding for each change."""
    folders = copy.folders
    shutil.copy2(ran.folders.access_log, folders.access_log)
    now = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
    assert verify(folders, STUDY.name, now=now).findings == []

    page = folders.releases / CUT_OFFS[0] / "index.html"
    page.write_bytes(page.read_bytes() + b" ")
    adsl = staged(copy, "adam_adsl")
    adsl.with_columns(AGE=pl.col("AGE") + 1).write_parquet(folders.staged("adam_adsl", CUT_OFFS[-1]))
    with folders.access_log.open("r+") as log:
        log.truncate(log.read().index("\n") + 1)
    found = verify(folders, STUDY.name, now=now).findings
    assert f"releases/{CUT_OFFS[0]}/index.html was changed after it was written" in found
    assert f"stage/adam_adsl/{CUT_OFFS[-1]}.parquet was changed after it was written" in found
    assert f"{WAREHOUSE}: adam.adsl has other rows than the stage ({adsl.height})" in found
    assert any("lines were taken from its end" in finding for finding in found)
    assert len(found) == 4


def test_restricted_data_are_staged_for_this_user_alone(ran: Ran) -> None:
    path = ran.folders.staged("restricted_treatment_codes", CUT_OFFS[-1])
    assert pl.read_parquet(path).height > 0
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0
    for path in (ran.folders.restricted / "treatment_codes.csv", ran.folders.access_log):
        assert path.stat().st_mode & 0o077 == 0


def test_a_second_run_changes_no_data_and_clears_what_was_killed(
    ran: Ran, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = ran.folders
    monkeypatch.setenv("DAGSTER_HOME", str(repository))
    monkeypatch.setenv("PIPELINE_DAGSTER_STORAGE", str(folders.warehouse / "dagster"))
    with dg.DagsterInstance.get() as instance:
        first = versions(instance)
        killed = instance.create_run_for_job(unfinished, status=dg.DagsterRunStatus.STARTED)
    data = bytes_of(folders.warehouse, STAGED)
    del data["stage/releases/all.parquet"]  # it tells when a cut-off was made

    run(folders, repository, cut_offs=CUT_OFFS[-1:])

    again = bytes_of(folders.warehouse, STAGED)
    del again["stage/releases/all.parquet"]
    assert again == data
    with dg.DagsterInstance.get() as instance:
        assert versions(instance) == first
        assert stale(instance) == []
        left = instance.get_run_by_id(killed.run_id)
        assert left is not None
        assert left.status == dg.DagsterRunStatus.FAILURE


@dg.job
def unfinished() -> None:
    """A job of which a run was killed."""


def versions(instance: dg.DagsterInstance) -> dict[tuple[str, str | None], str]:
    """The latest data version of every asset and cut-off; that of the release tells its times."""
    found = {}
    for key in instance.all_asset_keys():
        for partition in (None, *CUT_OFFS):
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(key, asset_partitions=[partition] if partition else None), limit=1
            ).records
            if records and key != dg.AssetKey("release"):
                made = records[0].asset_materialization
                assert made is not None
                if made.partition == partition:
                    found[key.to_user_string(), partition] = made.tags["dagster/data_version"]
    assert len(found) > 70
    return found


def stale(instance: dg.DagsterInstance) -> list[tuple[str, str | None]]:
    """What Dagster would run again because its code or its inputs have changed."""
    graph = build_defs(STUDY).resolve_asset_graph()
    of_looks = {v.name for shown in map(STUDY.at, STUDY.looks) for v in (*shown.displays, *shown.figures)}
    only_of_looks = of_looks - {value.name for value in (*STUDY.displays, *STUDY.figures)}
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return [
        (key.to_user_string(), partition)
        for key in graph.materializable_asset_keys
        if key.to_user_string() not in only_of_looks
        for partition in (CUT_OFFS if graph.get(key).is_partitioned else [None])
        if resolver.get_status(key, partition) != StaleStatus.FRESH
    ]


def test_tables_show_themselves_and_listings_no_patient(
    ran: Ran, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(repository))
    monkeypatch.setenv("PIPELINE_DAGSTER_STORAGE", str(ran.folders.warehouse / "dagster"))
    shown = {}
    with dg.DagsterInstance.get() as instance:
        for value in (*STUDY.displays, *STUDY.listings):
            made = instance.get_latest_materialization_event(dg.AssetKey(value.name))
            assert made is not None
            assert made.asset_materialization is not None
            metadata = made.asset_materialization.metadata
            shown[value.name] = "\n".join(str(entry.value) for entry in metadata.values())
    assert "| Characteristic | Lenalidomide (N\N{NO-BREAK SPACE}=" in shown["table_1"]
    deviations = staged(ran, "sdtm_dv").height
    assert deviations > 0
    assert f"0 of {deviations} rows." in shown["listing_deviations"]
    subjects = staged(ran, "adam_adsl")["SUBJID"].to_list()
    assert not {name for name, text in shown.items() if any(subject in text for subject in subjects)}


def broken(domain: str, spoil: Callable[[pl.DataFrame], pl.DataFrame]) -> Study:
    """The study with one domain that comes out wrong."""

    def wrong(build: Callable[[Frames], pl.DataFrame]) -> Callable[[Frames], pl.DataFrame]:
        return lambda forms: spoil(build(forms))

    domains = [dataclasses.replace(d, build=wrong(d.build)) if d.name == domain else d for d in STUDY.domains]
    return dataclasses.replace(STUDY, domains=tuple(domains))


def test_a_table_that_breaks_a_rule_is_not_written_and_the_release_stays(copy: Ran, repository: Path) -> None:
    before = bytes_of(copy.folders.warehouse, "**/*.*")
    study = broken("ae", lambda rows: rows.with_columns(AETOXGR=pl.lit("9")))
    with pytest.raises(RunFailed, match=r"sdtm_ae: AETOXGR_isin: .* rows: .*AESEQ=1") as told:
        run(copy.folders, repository, study)
    assert "AETERM" not in str(told.value)
    after = bytes_of(copy.folders.warehouse, "**/*.*")
    changed = {path for path in before if after[path] != before[path]}
    assert not {path for path in changed if path.startswith(("stage/sdtm_ae", "stage/adam", "releases"))}
    assert WAREHOUSE not in changed


def test_the_broken_rule_is_a_failed_check_with_its_rows(copy: Ran) -> None:
    study = broken("dd", lambda rows: pl.concat([rows, rows.head(1).with_columns(DDTESTCD=pl.lit("X"))]))
    result = execute(copy.folders, ["sdtm_dd"], study, CUT_OFFS[-1])
    assert "sdtm_dd: DDTESTCD_isin: 1 row" in failure(result)
    checks = {found.check_name: found for found in result.get_asset_check_evaluations()}
    assert not checks["DDTESTCD_isin"].passed
    assert checks["DDTESTCD_isin"].metadata["failing_rows"].value == 1
    assert "USUBJID=" in str(checks["DDTESTCD_isin"].metadata["keys"].value)
    assert checks["DDSEQ_not_null"].passed


def test_a_cut_off_that_was_left_half_made_is_not_released(copy: Ran) -> None:
    path = copy.folders.staged("sdtm_ae", CUT_OFFS[0])
    path.write_bytes(b"another table")
    result = execute(copy.folders, ["release"])
    assert f"cut-off {CUT_OFFS[0]} is half made (sdtm_ae changed" in failure(result)


def test_nothing_to_release_is_an_error(ran: Ran, tmp_path: Path) -> None:
    result = execute(Folders(ran.folders.raw, ran.folders.restricted, tmp_path), ["release"])
    assert "no cut-off is ready" in failure(result)


def test_before_the_unblinding_the_treatment_codes_are_not_read(ran: Ran, tmp_path: Path) -> None:
    later = dataclasses.replace(STUDY, unblinding=STUDY.cut_offs[-1].date)
    folders = Folders(ran.folders.raw, tmp_path / "no such folder", tmp_path / "warehouse")
    upstream = ["transfers", "snapshot_death"]  # each is made with all tables of its step
    made = [*step_of(upstream[0]), *step_of(upstream[1]), "restricted_treatment_codes", "sdtm_dm", "sdtm_ex"]
    result = execute(folders, made, later, CUT_OFFS[0])
    assert result.success
    assert not (folders.warehouse / "access_log.jsonl").exists()
    dm = pl.read_parquet(folders.staged("sdtm_dm", CUT_OFFS[0]))
    assert set(dm["ARM"]) & {arm.name for arm in STUDY.arms} == set()
    assert "restricted data" in failure(execute(folders, ["restricted_treatment_codes"], later, CUT_OFFS[-1]))


def step_of(asset: str) -> list[str]:
    """All assets made in one step with this one."""
    forms = list(STUDY.forms)
    if asset == "transfers":
        quality = ["quality_findings", "quality_quarantine", "quality_receipts"]
        return ["transfers", *(f"raw_{form}" for form in forms), *quality]
    return [*(f"snapshot_{form}" for form in forms), "quality_set_aside"]


def test_what_is_wrong_in_a_file_is_a_warning_that_names_it(ran: Ran, tmp_path: Path) -> None:
    raw, warehouse = tmp_path / "raw", tmp_path / "warehouse"
    shutil.copytree(ran.folders.raw, raw)
    transfers = sorted(path.parent for path in raw.glob("*/transfer.json"))
    spoil_cell(transfers[0], "death")
    (transfers[-1] / "labs.csv").write_bytes(b"not what was sent\n")

    result = execute(Folders(raw, raw / "restricted", warehouse), step_of("transfers"))

    assert result.success
    checks = {(c.asset_key.to_user_string(), c.check_name): c for c in result.get_asset_check_evaluations()}
    failed = {name for name, check in checks.items() if not check.passed}
    already = {(found.asset, found.name) for found in ran.failed}
    assert failed - already == {("transfers", "every_transfer_accepted"), ("raw_death", "study_id_isin")}
    assert all(checks[name].severity == dg.AssetCheckSeverity.WARN for name in failed)
    reasons = str(checks["transfers", "every_transfer_accepted"].metadata["reasons"].value)
    assert transfers[-1].name in reasons
    assert "labs.csv" in reasons
    assert "death.csv line 2" in str(checks["raw_death", "study_id_isin"].metadata["keys"].value)
    counts = checks["raw_death", "every_row_accounted_for"].metadata
    assert counts["quarantined"].value == 1
    assert counts["received"].value == counts["accepted"].value + 1


def spoil_cell(transfer: Path, form: str) -> None:
    """Another study's identifier in the first row, and a manifest that agrees with the file."""
    path = transfer / f"{form}.csv"
    header, first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text(header + first.replace(STUDY.id, "ANOTHER", 1) + "".join(rest))
    manifest = json.loads((transfer / "transfer.json").read_text())
    manifest["files"][path.name]["sha256"] = sha256(path.read_bytes())
    write(transfer / "transfer.json", json.dumps(manifest).encode())


def test_without_a_usable_transfer_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "raw" / "2009-06-30").mkdir(parents=True)
    result = execute(Folders(tmp_path / "raw", tmp_path, tmp_path / "warehouse"), step_of("transfers"))
    assert "no transfer" in failure(result)
    assert "transfer.json is missing" in failure(result)


SPOILED: dict[str, Callable[[Frames], Frames]] = {
    "permuted_blocks": lambda frames: {
        **frames,
        "adam_adsl": frames["adam_adsl"].with_columns(
            TRT01P=pl.when(pl.col("BLOCKNO") == 1).then(pl.col("TRT01P").max()).otherwise("TRT01P")
        ),
    },
    "sources_resolve": lambda frames: {
        **frames,
        "adam_adtte": frames["adam_adtte"].with_columns(SRCSEQ=pl.col("SRCSEQ") + 1000),
    },
    "second_road": lambda frames: {
        **frames,
        "adtte": frames["adtte"].with_columns(AVAL=pl.col("AVAL") + pl.col("TRT01PN")),
    },
}


def cross_check(name: str) -> CrossCheck:
    return next(check for check in cross_checks(STUDY) if check.name == name)


def frames_of(ran: Ran) -> dict[str, pl.DataFrame]:
    adam = {name: staged(ran, f"adam_{name}") for name in ("adsl", "adtte")}
    made = {name: staged(ran, name) for name in ("results", "curves", "published")}
    domains = {domain.name: staged(ran, f"sdtm_{domain.name}") for domain in STUDY.domains}
    return adam | made | domains | {"adam_adsl": adam["adsl"], "adam_adtte": adam["adtte"]}


@pytest.mark.parametrize("name", SPOILED)
def test_a_check_across_tables_fires_on_a_fault_and_only_then(ran: Ran, name: str) -> None:
    check, cut_off, frames = cross_check(name), STUDY.cut_offs[-1], frames_of(ran)
    assert check.result(STUDY, cut_off, frames).passed
    found = check.result(STUDY, cut_off, SPOILED[name](frames))
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert int(str(found.metadata["failing_rows"].value)) > 0


def test_the_second_road_does_not_pass_when_it_compared_nothing(ran: Ran) -> None:
    frames = frames_of(ran) | {"adtte": frames_of(ran)["adtte"].clear()}
    assert not cross_check("second_road").result(STUDY, STUDY.cut_offs[-1], frames).passed


def test_the_verdicts_pass_where_nothing_is_missed(ran: Ran) -> None:
    published = staged(ran, "published")
    check, cut_off = cross_check("verdicts"), STUDY.cut_offs[-1]
    missed = published.filter(VERDICT="mismatch")
    assert missed.height
    assert not check.result(STUDY, cut_off, {"published": published}).passed
    assert check.result(STUDY, cut_off, {"published": published.filter(VERDICT="match")}).passed


def test_a_check_that_needs_the_arms_is_not_asked_before_the_unblinding(ran: Ran) -> None:
    blinded = CutOff(STUDY.unblinding.replace(year=STUDY.unblinding.year - 1), "Look")
    found = cross_check("permuted_blocks").result(STUDY, blinded, SPOILED["permuted_blocks"](frames_of(ran)))
    assert found.passed
    assert "before the unblinding" in str(found.description)


def test_a_release_holds_the_datasets_for_exchange_and_the_command_writes_them_again(
    ran: Ran, tmp_path: Path
) -> None:
    told = ["--warehouse", str(ran.folders.warehouse), "--out", str(tmp_path)]
    formats = [word for form in RELEASED for word in ("--format", form)]
    done = CliRunner().invoke(main, ["export", *told, *formats])
    assert done.exit_code == 0, done.output
    for cut_off in CUT_OFFS:
        released = bytes_of(ran.folders.releases / cut_off / "exports", "**/*.*")
        manifest = json.loads((ran.folders.releases / cut_off / "manifest.json").read_bytes())
        about = {GUIDE, *(f"{standard}/define.{form}" for standard in STANDARDS for form in ("xml", "html"))}
        assert about < set(released)
        assert {name: data for name, data in released.items() if name not in about} == bytes_of(
            tmp_path / cut_off, "**/*.*"
        )
        assert {f"exports/{name}": sha256(data) for name, data in released.items()}.items() <= (
            manifest["files"].items()
        )
        filled = {table for table in SDTM_AND_ADAM if staged(ran, table, cut_off).height}
        for ending in (".xpt", ".json", ".parquet"):
            names = {Path(name).stem for name in released if name.endswith(ending)}
            assert {table.split("_")[1] for table in filled} == {n for n in names if n[:4] != "supp"}


def test_lineage_is_in_the_warehouse_and_with_every_asset(
    ran: Ran, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = query(ran.folders.warehouse / WAREHOUSE, "FROM meta.lineage")
    assert told.sort(told.columns).equals(lineage(STUDY).sort(told.columns))
    monkeypatch.setenv("DAGSTER_HOME", str(repository))
    monkeypatch.setenv("PIPELINE_DAGSTER_STORAGE", str(ran.folders.warehouse / "dagster"))
    with dg.DagsterInstance.get() as instance:
        for asset in ("snapshot_labs", "sdtm_lb", "adam_adtte"):
            made = instance.get_latest_materialization_event(dg.AssetKey(asset))
            assert made is not None
            assert made.asset_materialization is not None
            shown = made.asset_materialization.metadata["dagster/column_lineage"].value
            assert isinstance(shown, dg.TableColumnLineage)
            assert set(shown.deps_by_column) <= set(staged(ran, asset).columns)
            assert shown.deps_by_column


def test_a_value_that_cannot_be_exported_stops_its_cut_off_and_is_not_shown(copy: Ran) -> None:
    before = bytes_of(copy.folders.stage / "exports", "**/*.*")
    rows = staged(copy, "sdtm_dv").with_columns(DVTERM=pl.lit("naïve patient"))
    write(copy.folders.staged("sdtm_dv", CUT_OFFS[-1]), parquet(rows))
    told = failure(execute(copy.folders, ["exports"], cut_off=CUT_OFFS[-1]))
    assert f"DV.DVTERM, row 1: is not printable ASCII ({rows.height} such rows)" in told
    assert "naïve" not in told
    assert bytes_of(copy.folders.stage / "exports", "**/*.*") == before
