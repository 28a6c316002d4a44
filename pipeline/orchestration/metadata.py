"""What goes with a cut-off's files for exchange: Define-XML for each folder, and the reviewer's guide.

They are written into the folders of `exports` and are released with them. What does not belong here: what
these documents say (`pipeline.outputs.define`, `pipeline.outputs.guide`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

from pathlib import Path

import dagster as dg
import polars as pl

from pipeline import lineage
from pipeline.folders import Folders, sha256, write
from pipeline.orchestration.assets import code_version
from pipeline.orchestration.exports import PLACE
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.resources import staged_rows
from pipeline.orchestration.tables import STATISTICS
from pipeline.outputs import define, guide
from pipeline.outputs.exchange import Dataset, exchanged_datasets, shared_lengths
from pipeline.study import CutOff, Study

GUIDE = "reviewers_guide.html"
ONCE = {"transfers": "transfers", "receipts": "quality_receipts"}
BY_CUT_OFF = {"set_aside": "quality_set_aside", "rules": "conformance_rules", "published": "published"}
"""The frames of the guide, and the asset behind each."""


def build_metadata_asset(study: Study, folders: Folders) -> dg.AssetsDefinition:
    """`exports_metadata`: define.xml and define.html beside the files of each folder, and the guide."""

    @dg.asset(
        deps=["exports", "results", *ONCE.values(), *BY_CUT_OFF.values()],
        group_name="exports",
        description="Define-XML 2.1 of the files for exchange, results metadata, and the reviewer's guide",
        kinds={"xml", "html"},
        owners=[STATISTICS],
        tags={"study": study.name},
        code_version=code_version(define, Path(guide.__file__), Path(lineage.__file__), study.folder),
        partitions_def=cut_off_partitions(study),
        required_resource_keys={"run_lock"},
    )
    def exports_metadata(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        cut_off = study.cut_off(context.partition_key)
        made = render_metadata(study, folders, cut_off)
        folder = folders.stage / PLACE / cut_off.id
        for name, content in made.items():
            write(folder / name, content)
        return dg.MaterializeResult(
            metadata={"files": ", ".join(made), "size": sum(map(len, made.values()))},
            data_version=dg.DataVersion(sha256(b"".join(made.values()))),
        )

    return exports_metadata


def render_metadata(study: Study, folders: Folders, cut_off: CutOff) -> dict[str, bytes]:
    """The documents of a cut-off by their path in the folder of its exports, from what is staged."""

    def read(asset: str, at: str | None) -> pl.DataFrame:
        return staged_rows(folders.staged(asset, at)).collect()

    datasets = _datasets(study, folders, cut_off)
    lengths = shared_lengths(datasets)
    results = read("results", cut_off.id)
    documents = {
        standard: define.define_document(study, cut_off, standard, datasets, lengths, results)
        for standard in define.STANDARDS
    }
    frames = {name: read(asset, None) for name, asset in ONCE.items()}
    frames |= {name: read(asset, cut_off.id) for name, asset in BY_CUT_OFF.items()}
    return {
        **{f"{name}/define.xml": define.render_define(document) for name, document in documents.items()},
        **{f"{name}/define.html": define.render_define_html(one) for name, one in documents.items()},
        GUIDE: guide.render_guide(study, cut_off, datasets, frames, documents.values()),
    }


def _datasets(study: Study, folders: Folders, cut_off: CutOff) -> list[Dataset]:
    assets = {
        **{domain.name: f"sdtm_{domain.name}" for domain in study.domains},
        **{dataset.name: f"adam_{dataset.name}" for dataset in study.datasets},
    }
    frames = {
        name: staged_rows(folders.staged(asset, cut_off.id)).collect() for name, asset in assets.items()
    }
    return exchanged_datasets(study, frames)
