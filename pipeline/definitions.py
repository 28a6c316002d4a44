"""The graph that Dagster loads: `defs` for one study, `build_defs` for any study and any folders.

What does not belong here: assets, checks, jobs (`pipeline/orchestration/`).
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from pipeline.folders import Folders
from pipeline.orchestration.assets import Graph
from pipeline.orchestration.automation import new_transfer, nightly, reviews, study_job
from pipeline.orchestration.conformance import build_conformance_asset
from pipeline.orchestration.documents import build_document_assets, build_report_asset
from pipeline.orchestration.double_programming import build_comparison_assets
from pipeline.orchestration.exports import build_exports_asset
from pipeline.orchestration.metadata import build_metadata_asset
from pipeline.orchestration.notifications import Settings, build_notifications
from pipeline.orchestration.queries import build_quality_assets
from pipeline.orchestration.release import build_release_assets
from pipeline.orchestration.resources import ParquetStage, run_lock
from pipeline.studies import STUDIES
from pipeline.study import Study

ROOT = Path(__file__).parents[1]
DEFAULT_STUDY = "calgb_100104"


def build_defs(
    study: Study | None = None,
    raw: Path | None = None,
    restricted: Path | None = None,
    warehouse: Path | None = None,
) -> dg.Definitions:
    """The graph of a study over its folders.

    What is not given comes from PIPELINE_RAW, PIPELINE_RESTRICTED and PIPELINE_WAREHOUSE, else it is
    `raw/<study>`, `restricted` within it, and `warehouse` of this repository.
    """
    study = study or STUDIES[DEFAULT_STUDY]
    raw = raw or _folder("PIPELINE_RAW", ROOT / "raw" / study.name)
    folders = Folders(
        raw=raw,
        restricted=restricted or _folder("PIPELINE_RESTRICTED", raw / "restricted"),
        warehouse=warehouse or _folder("PIPELINE_WAREHOUSE", ROOT / "warehouse"),
    )
    documents = build_document_assets(study, folders)
    exports = [build_exports_asset(study, folders), build_metadata_asset(study, folders)]
    job, settings = study_job(study), Settings.from_environment(os.environ, folders)
    return dg.Definitions(
        assets=[
            *Graph(study, folders).assets(),
            *build_quality_assets(study),
            *build_comparison_assets(study, folders),
            build_conformance_asset(study),
            *documents,
            build_report_asset(study, folders, documents),
            *exports,
            *build_release_assets(study, folders, [*documents, *exports]),
        ],
        jobs=[job],
        schedules=[
            nightly(study, settings, job),
            *([reviews(study, folders, settings, job)] if study.looks else []),
        ],
        sensors=[new_transfer(study, folders, settings, job), *build_notifications(study, settings, job)],
        resources={"stage": ParquetStage(folders), "run_lock": run_lock(folders)},
        executor=dg.in_process_executor,
    )


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default)


defs = build_defs()
