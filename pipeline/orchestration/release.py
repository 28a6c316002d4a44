"""The end of the graph: the manifest of each cut-off, then one release of all of them.

A manifest seals its cut-off: it holds the hash of every table, and a release takes a cut-off only as it was
sealed. So a run that failed half-way can leave newer tables in the stage, but no release mixes them with
older ones. What does not belong here: how a document or a table is made.
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

import datetime as dt
import json
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipeline.access import AccessError
from pipeline.access.log import head
from pipeline.folders import Folders, sha256, sha256_of, write
from pipeline.ingest.transfers import MANIFEST as TRANSFER
from pipeline.integrity import package_versions, source_hash
from pipeline.lineage import lineage
from pipeline.orchestration.assets import RESTRICTED_MANIFEST, code_version
from pipeline.orchestration.documents import always_made, document_files, report_files
from pipeline.orchestration.exports import export_files
from pipeline.orchestration.history import prune
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.resources import parquet
from pipeline.orchestration.tables import STATISTICS, StagedTable, staged_tables
from pipeline.sbom import DISTRIBUTION, bill_of_materials
from pipeline.study import CutOff, Study
from pipeline.warehouse import WarehouseTable, build_release
from schemas.base import blinded, dtypes, telling
from schemas.meta import MetaLineage
from schemas.release import Releases

Manifest = dict[str, Any]


def build_release_assets(
    study: Study, folders: Folders, documents: Iterable[dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """manifest (per cut-off) and release; documents: the assets whose files a release holds."""
    partitions = cut_off_partitions(study)
    tables = staged_tables(study)
    sealed = [table for table in tables.values() if table.by_cut_off and table.place]
    drawn = always_made(documents)

    def asset(**about: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            group_name="release",
            owners=[STATISTICS],
            tags={"study": study.name},
            required_resource_keys={"run_lock"},
            **about,
        )
        return decorate

    @asset(
        deps=["transfers", *drawn, *(table.asset for table in sealed)],
        partitions_def=partitions,
        description="What the cut-off was made from and what came out: inputs, code, packages, tables",
        kinds={"json"},
        code_version=code_version(Path(__file__)),
    )
    def manifest(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        made = describe_cut_off(study, folders, tables.values(), study.cut_off(context.partition_key))
        record = context.instance.get_run_record_by_id(context.run.run_id)
        times = {"started": _iso(record.start_time if record else None), "finished": _iso()}
        known = {"access_log": _last_line(folders)}
        write(_manifest(folders, context.partition_key), _json({**made, **times, **known}))
        rows = sum(table["rows"] for table in made["tables"].values())
        return dg.MaterializeResult(
            metadata={"tables": len(made["tables"]), "rows": rows, "code": made["code"]["version"]},
            # The code has a version of its own: the data are the same whatever made them.
            data_version=dg.DataVersion(sha256(_json({**made, "code": None}))),
        )

    @asset(
        deps=[*(table.asset for table in tables.values() if table.place), "manifest", "report"],
        description=f"The warehouse file {study.name}.duckdb and the folder of each released cut-off",
        kinds={"duckdb"},
        # Made every night, where the schedule is on: one night may be missed, two are a fault.
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=dt.timedelta(hours=50), warn_window=dt.timedelta(hours=26)
        ),
        code_version=code_version(Path(__file__)),
    )
    def release(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        sealed_ones = sealed_manifests(study, folders)
        common = {
            table.asset: _describe(table, folders.staged(table.asset))
            for table in tables.values()
            if table.place and not table.by_cut_off
        }
        manifests = {
            cut_off: made | {"report": _hashes(report_files(folders, cut_off)), "common_tables": common}
            for cut_off, made in sealed_ones.items()
        }
        target = folders.warehouse / f"{study.name}.duckdb"
        listed = folders.staged("releases")
        write(listed, parquet(_releases(study, manifests)))
        write(folders.staged("lineage"), parquet(lineage(study)))
        placed = warehouse_tables(study, folders, tables, manifests)
        rows = build_release(target, placed, comment=study.note, views=study.views)
        built = {"file": target.name, "sha256": sha256_of(target)}
        write(folders.releases / "sbom.json", _materials())
        for cut_off, made in manifests.items():
            publish_folder(folders, cut_off, {**made, "warehouse": built})
        prune(context.instance)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(target)),
                "cut_offs": ", ".join(manifests),
                "rows": rows,
                "size": target.stat().st_size,
            },
            # What was read when is no part of the data.
            data_version=dg.DataVersion(
                sha256(_json({cut_off: {**made, "access_log": None} for cut_off, made in manifests.items()}))
            ),
        )

    return [manifest, release]


def describe_cut_off(
    study: Study, folders: Folders, tables: Iterable[StagedTable], cut_off: CutOff
) -> Manifest:
    """What a cut-off was made from and what came out, without times: equal runs give equal manifests."""
    return {
        "study": study.id,
        "cut_off": cut_off.id,
        "title": cut_off.title,
        "note": study.note,
        "inputs": _inputs(folders),
        "code": {"version": _code(), "source": source_hash()},
        "packages": package_versions(),
        "tables": {
            table.asset: _describe(table, folders.staged(table.asset, cut_off.id))
            for table in tables
            if table.by_cut_off and table.place
        },
        "staged": {
            table.asset: sha256_of(folders.staged(table.asset, cut_off.id))
            for table in tables
            if table.by_cut_off and not table.place
        },
        "files": _hashes(sealed_files(folders, cut_off.id)),
    }


def sealed_files(folders: Folders, cut_off: str) -> dict[str, Path]:
    """The staged files that a cut-off is sealed with, by their path in the release's folder."""
    return document_files(folders, cut_off) | export_files(folders, cut_off)


def sealed_manifests(study: Study, folders: Folders) -> dict[str, Manifest]:
    """The manifest of each cut-off made; dg.Failure where its tables or files are not those sealed."""
    manifests = {}
    placed = [t.asset for t in staged_tables(study).values() if t.by_cut_off and t.place]
    for cut_off in study.all_cut_offs:
        path = _manifest(folders, cut_off.id)
        if not path.is_file():
            continue
        made = json.loads(path.read_bytes())
        if lacking := [asset for asset in placed if asset not in made["tables"]]:
            raise dg.Failure(
                f"cut-off {cut_off.id} was made by a version that had no {', '.join(lacking)}: "
                "run it again, then release"
            )
        changed = [
            asset
            for asset, table in made["tables"].items()
            if not (file := folders.staged(asset, cut_off.id)).is_file()
            or sha256(file.read_bytes()) != table["sha256"]
        ]
        files = sealed_files(folders, cut_off.id)
        changed += [
            name
            for name, hash in made["files"].items()
            if name not in files or sha256(files[name].read_bytes()) != hash
        ]
        if changed:
            raise dg.Failure(
                f"cut-off {cut_off.id} is half made ({', '.join(changed)} changed after it was sealed): "
                "run it again, then release"
            )
        manifests[cut_off.id] = made
    if not manifests:
        raise dg.Failure("no cut-off is ready to be released: run one first")
    return manifests


def warehouse_tables(
    study: Study, folders: Folders, tables: Mapping[str, StagedTable], cut_offs: Iterable[str]
) -> list[WarehouseTable]:
    """The tables of a release and the staged files that fill them.

    Before a cut-off with treatments is released, no table has a column that tells them.
    """
    keys = list(cut_offs)
    blind = all(study.is_blinded(study.cut_off(key)) for key in keys)
    placed = [
        WarehouseTable(
            *table.place,
            blinded(table.model) if blind else table.model,
            tuple(folders.staged(table.asset, key) for key in (keys if table.by_cut_off else [None])),
            telling(table.model),
        )
        for table in tables.values()
        if table.place
    ]
    told = (("releases", Releases), ("lineage", MetaLineage))
    about = [WarehouseTable("meta", name, model, (folders.staged(name),)) for name, model in told]
    return [*placed, *about]


def publish_folder(folders: Folders, cut_off: str, made: Manifest) -> None:
    """Put a cut-off's documents, report and manifest into `releases/<cut-off>/`, file by file."""
    target = folders.releases / cut_off
    staged = sealed_files(folders, cut_off) | report_files(folders, cut_off)
    kept = {*made["files"], *made["report"]}
    for name in sorted(kept):
        write(target / name, staged[name].read_bytes())
    write(target / "manifest.json", _json(made))
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_file() and str(path.relative_to(target)) not in {*kept, "manifest.json"}:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: sha256(path.read_bytes()) for name, path in files.items()}


def _releases(study: Study, manifests: Mapping[str, Manifest]) -> pl.DataFrame:
    rows = [
        {
            "STUDYID": study.id,
            "CUTOFF": dt.date.fromisoformat(cut_off),
            "TITLE": made["title"],
            "STARTED": made["started"],
            "FINISHED": made["finished"],
            "CODE": made["code"]["version"],
            "SOURCE": made["code"]["source"],
            "INPUTS": sha256(_json(made["inputs"])),
            "MANIFEST": json.dumps(made),
        }
        for cut_off, made in manifests.items()
    ]
    return pl.DataFrame(rows, schema=dtypes(Releases))


def _manifest(folders: Folders, cut_off: str) -> Path:
    return folders.staged("manifest", cut_off, "json")


def _inputs(folders: Folders) -> dict[str, str]:
    """The SHA-256 of every file received, as the manifests state it and ingest has checked it, and theirs."""
    transfers = pl.read_parquet(folders.staged("transfers")).filter(pl.col("STATUS") == "accepted")
    hashes: dict[str, str] = {}
    for folder in transfers["FOLDER"]:
        listed = json.loads((folders.raw / folder / TRANSFER).read_bytes())["files"]
        hashes |= {f"{folder}/{name}": entry["sha256"] for name, entry in sorted(listed.items())}
        hashes[f"{folder}/{TRANSFER}"] = sha256_of(folders.raw / folder / TRANSFER)
    codes = folders.raw / RESTRICTED_MANIFEST
    if codes.is_file():
        hashes[f"restricted/{codes.stem}.csv"] = json.loads(codes.read_bytes())["sha256"]
        hashes[codes.name] = sha256_of(codes)
    return hashes


def _describe(table: StagedTable, path: Path) -> dict[str, Any]:
    """A staged table as a manifest tells of it: rows, hash, and its place in the warehouse."""
    rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    return {"rows": rows, "sha256": sha256_of(path), "place": ".".join(table.place or ())}


def _last_line(folders: Folders) -> dict[str, Any]:
    """The last line of the access log, so that it cannot be cut off later without a trace."""
    try:
        return asdict(head(folders.access_log))
    except AccessError as error:
        raise dg.Failure(str(error)) from None


def _code() -> str:
    """The version as git describes it, else that of the installed package."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--tags"]
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        try:
            return version(DISTRIBUTION)
        except PackageNotFoundError:
            return "unknown"


def _materials() -> bytes:
    try:
        return bill_of_materials()
    except PackageNotFoundError as error:
        raise dg.Failure(f"the release has no bill of materials: {error}") from None


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _iso(timestamp: float | None = None) -> str:
    now = dt.datetime.now(dt.UTC) if timestamp is None else dt.datetime.fromtimestamp(timestamp, dt.UTC)
    return now.isoformat(timespec="seconds")
