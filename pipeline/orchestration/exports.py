"""The datasets of a cut-off as files for exchange, which a release holds under `exports/`.

They wait in the stage, in `exports/<cut-off>/{sdtm,adam}/`. A file that goes with the datasets (their
metadata, a guide) is written into the same folders and is released with them. What does not belong here: the
formats (`pipeline.outputs.exchange`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

import shutil
from pathlib import Path

import dagster as dg

from pipeline.folders import Folders, sha256, sha256_of
from pipeline.orchestration.assets import code_version
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.resources import staged_rows
from pipeline.orchestration.tables import STATISTICS
from pipeline.outputs import exchange
from pipeline.study import Study

RELEASED = ("xpt", "dataset-json", "parquet")
"""The formats of a release; `pipeline export` writes any."""
PLACE = "exports"


def build_exports_asset(study: Study, folders: Folders) -> dg.AssetsDefinition:
    """`exports`: every tabulation and analysis dataset of a cut-off in the formats of a release."""
    assets = {
        **{domain.name: f"sdtm_{domain.name}" for domain in study.domains},
        **{dataset.name: f"adam_{dataset.name}" for dataset in study.datasets},
    }

    # Labels, types and keys are the classes'.
    models = [*(domain.model for domain in study.domains), *(dataset.model for dataset in study.datasets)]

    @dg.asset(
        deps=list(assets.values()),
        group_name="exports",
        description="The datasets as files for exchange: SAS transport, Dataset-JSON, Parquet",
        kinds={"sas", "json", "parquet"},
        owners=[STATISTICS],
        tags={"study": study.name},
        code_version=code_version(exchange, *models),
        partitions_def=cut_off_partitions(study),
        required_resource_keys={"run_lock"},
    )
    def exports(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        cut_off = study.cut_off(context.partition_key)
        frames = {
            name: staged_rows(folders.staged(asset, cut_off.id)).collect() for name, asset in assets.items()
        }
        datasets = exchange.exchanged_datasets(study, frames)
        folder = _folder(folders, cut_off.id)
        # Beside the old files: a dataset that cannot be exported leaves them as they were.
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            exchange.write_exports(datasets, RELEASED, part, study=study.id, date=cut_off.date)
        except exchange.NotExportable as error:
            shutil.rmtree(part, ignore_errors=True)
            # Without the values: they are patients' data.
            told = "; ".join(f"{fault.where}: {fault.why}" for fault in error.faults)
            raise dg.Failure(
                f"cut-off {cut_off.id} cannot be exported: {told}", allow_retries=False
            ) from None
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        files = export_files(folders, cut_off.id)
        hashes = "".join(f"{name} {sha256_of(path)}\n" for name, path in files.items())
        return dg.MaterializeResult(
            metadata={
                "datasets": sum(dataset.frame.height > 0 for dataset in datasets),
                "without_rows": ", ".join(d.name for d in datasets if d.frame.is_empty()) or "none",
                "files": len(files),
                "size": sum(path.stat().st_size for path in files.values()),
            },
            data_version=dg.DataVersion(sha256(hashes.encode())),
        )

    return exports


def export_files(folders: Folders, cut_off: str) -> dict[str, Path]:
    """Every staged file for exchange of a cut-off by its path in the release's folder."""
    folder = _folder(folders, cut_off)
    return {
        str(Path(PLACE) / path.relative_to(folder)): path
        for path in sorted(folder.rglob("[!.]*"))
        if path.is_file()
    }


def _folder(folders: Folders, cut_off: str) -> Path:
    return folders.stage / PLACE / cut_off
