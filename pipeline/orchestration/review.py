"""The closed report of a review: made in memory under a grant, written into `closed/<cut-off>/` and sealed.

Nothing of it goes through the graph, whose records everybody can read. What does not belong here: what is
computed (`pipeline.monitoring`), who may look (`pipeline.access`), what a page looks like.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import polars as pl

from pipeline.access.closed import write_closed_manifest
from pipeline.access.grants import Grant
from pipeline.access.log import append, moment
from pipeline.folders import Folders, private_folder, sha256_of
from pipeline.ingest import ingest_restricted
from pipeline.monitoring import MonitoringError, Review, hold_review
from pipeline.orchestration.assets import RESTRICTED_MANIFEST
from pipeline.orchestration.documents import ON_PAPER, PLACES, VERSIONS, quality_frames, report_figures
from pipeline.orchestration.resources import staged_rows
from pipeline.outputs import NOTE, rtf, site
from pipeline.outputs import figures as drawing
from pipeline.outputs import tables as tabular
from pipeline.study import CutOff, Frames, Study
from pipeline.warehouse import build_encrypted
from schemas.base import empty, names
from schemas.results import Curves, Published, Results, Subjects


def not_staged(study: Study, folders: Folders, cut_off: CutOff) -> list[str]:
    """The looks up to this one that have not been run; their tables are what a review starts from."""
    looks = study.looks[: study.looks.index(cut_off) + 1] if cut_off in study.looks else ()
    return [look.id for look in looks if not folders.staged("manifest", look.id, "json").is_file()]


def write_review(
    study: Study, folders: Folders, cut_off: CutOff, grant: Grant, key: str, *, now: dt.datetime, run: str
) -> Path:
    """Hold the review and write its report and encrypted results; gives the folder.

    The looks up to this one have been run. grant: one that `use_grant` has accepted and logged; key: of the
    encrypted results, which opens earlier ones if there are any. The reading of the codes is logged before
    they are read. An earlier report of this review is replaced when the new one is complete. Raises
    MonitoringError, AccessError, IngestError and WarehouseError.
    """
    target = folders.closed_results(study.name, cut_off.id)
    codes = _read_codes(study, folders, cut_off, grant, now=now, run=run)
    looks = study.looks[: study.looks.index(cut_off) + 1]
    adam = {look.id: _staged(study, folders, look) for look in looks}
    assert study.monitoring is not None
    review = hold_review(study, cut_off, adam, study.monitoring.allocation(codes))
    private_folder(folders.closed)
    building = folders.closed / f".{cut_off.id}.building"
    shutil.rmtree(building, ignore_errors=True)
    private_folder(building)
    try:
        _write_report(review, folders, cut_off, building)
        build_encrypted(building / target.name, _tables(review), key, f"CLOSED. {NOTE}")
        _replace(building, target.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    write_closed_manifest(target.parent, folders.access_log, grant, now=now, run=run)
    return target.parent


def _read_codes(
    study: Study, folders: Folders, cut_off: CutOff, grant: Grant, *, now: dt.datetime, run: str
) -> Frames:
    codes = {}
    for name, model in study.restricted.items():
        path = folders.restricted / f"{name}.csv"
        if not path.is_file():
            raise MonitoringError(f"there is no {path.name} in the folder of restricted data")
        about = {"at": moment(now), "study": study.id, "cut_off": cut_off.id, "run": run}
        read = {"action": "restricted file read", "file": path.name, "sha256": sha256_of(path)}
        append(folders.access_log, {**about, **read, "grant": grant.public})
        codes[name] = ingest_restricted(path, folders.raw / RESTRICTED_MANIFEST, model).accepted
    return codes


def _staged(study: Study, folders: Folders, look: CutOff) -> Frames:
    return {
        dataset.name: staged_rows(folders.staged(f"adam_{dataset.name}", look.id)).collect()
        for dataset in study.datasets
    }


def _write_report(review: Review, folders: Folders, cut_off: CutOff, folder: Path) -> None:
    study, results = review.study, review.results
    shown = [tabular.render_table(display, results) for display in study.displays]
    texts = {table.name: rtf.render_rtf(table) for table in shown}
    private_folder(folder / PLACES["tables"])
    for name, text in texts.items():
        (folder / PLACES["tables"] / f"{name}.rtf").write_text(text, newline="\n")
    (folder / ON_PAPER).write_text(rtf.join_rtf(texts.values()), newline="\n")
    for value in study.figures:
        drawing.write_figure(drawing.render_figure(value, results, review.curves), folder, value.name)
    site.write_site(
        folder,
        study,
        cut_off,
        results,
        review.curves,
        empty(Published),
        shown,
        report_figures(study.figures, results, review.curves),
        quality_frames(folders, cut_off),
        versions={name: version(name) for name in VERSIONS},
        documents={"": ON_PAPER} | {name: f"{PLACES['tables']}/{name}.rtf" for name in texts},
    )


def _tables(review: Review) -> Mapping[str, tuple[type, pl.DataFrame]]:
    """What the encrypted file holds, by the table's path; a treatment is the code of its arm."""
    adam = {}
    for dataset in review.study.datasets:
        shape = dataset.model
        rows = pl.concat([empty(shape), review.adam[dataset.name]], how="diagonal").select(names(shape))
        adam[f"adam.{dataset.name}"] = (shape, rows)
    return adam | {
        "analysis.results": (Results, review.results),
        "analysis.curves": (Curves, review.curves),
        "analysis.subjects": (Subjects, review.subjects),
    }


def _replace(building: Path, target: Path) -> None:
    """The finished folder in place of the old one, which is there until then."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    building.rename(target)
    shutil.rmtree(old, ignore_errors=True)
