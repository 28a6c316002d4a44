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
from pipeline.orchestration.documents import BY_CUT_OFF, ON_PAPER, PLACES, QUALITY, VERSIONS
from pipeline.outputs import NOTE, rtf, site
from pipeline.outputs import figures as drawing
from pipeline.outputs import tables as tabular
from pipeline.study import CutOff, Frames, Study
from pipeline.warehouse import build_encrypted, query_encrypted
from schemas.adam import DATASETS
from schemas.base import empty, names
from schemas.results import Curves, Published, Results, Subjects


def not_staged(study: Study, folders: Folders, cut_off: CutOff) -> list[str]:
    """The looks up to this one that have not been run; their tables are what a review starts from."""
    looks = study.looks[: study.looks.index(cut_off) + 1] if cut_off in study.looks else ()
    return [look.id for look in looks if not folders.staged("manifest", look.id, "json").is_file()]


def closed_file(study: Study, folders: Folders, cut_off: str) -> Path:
    """The encrypted results of a review."""
    return folders.closed / cut_off / f"{study.name}.duckdb"


def write_review(
    study: Study, folders: Folders, cut_off: CutOff, grant: Grant, key: str, *, now: dt.datetime, run: str
) -> Path:
    """Hold the review and write its report and encrypted results; gives the folder.

    The looks up to this one have been run. grant: one that `use_grant` has accepted and logged; key: of the
    encrypted results. The reading of the codes is logged before they are read. An earlier report of this
    review is replaced when the new one is complete. Raises MonitoringError, AccessError, IngestError, and
    WarehouseError where earlier results have another key.
    """
    earlier = closed_file(study, folders, cut_off.id)
    if earlier.is_file():
        query_encrypted(earlier, key, "SELECT 1")
    codes = _read_codes(study, folders, cut_off, grant, now=now, run=run)
    looks = study.looks[: study.looks.index(cut_off) + 1]
    adam = {look.id: _staged(folders, look) for look in looks}
    assert study.monitoring is not None
    review = hold_review(study, cut_off, adam, study.monitoring.allocation(codes))
    private_folder(folders.closed)
    building = folders.closed / f".{cut_off.id}.building"
    shutil.rmtree(building, ignore_errors=True)
    private_folder(building)
    try:
        _write_report(review, folders, cut_off, building)
        build_encrypted(building / earlier.name, _tables(review), key, f"CLOSED. {NOTE}")
        _replace(building, earlier.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    write_closed_manifest(earlier.parent, folders.access_log, grant, now=now, run=run)
    return earlier.parent


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


def _staged(folders: Folders, look: CutOff) -> Frames:
    return {name: pl.read_parquet(folders.staged(f"adam_{name}", look.id), glob=False) for name in DATASETS}


def _write_report(review: Review, folders: Folders, cut_off: CutOff, folder: Path) -> None:
    study, results = review.study, review.results
    shown = [tabular.render_table(display, results) for display in study.displays]
    texts = {table.name: rtf.render_rtf(table) for table in shown}
    private_folder(folder / PLACES["tables"])
    for name, text in texts.items():
        (folder / PLACES["tables"] / f"{name}.rtf").write_text(text, newline="\n")
    (folder / ON_PAPER).write_text(rtf.join_rtf(texts.values()), newline="\n")
    figures = {}
    for value in study.figures:
        drawing.write_figure(drawing.render_figure(value, results, review.curves), folder, value.name)
        figures[value.name] = site.ReportFigure(
            value.title,
            f"{value.name}.svg",
            drawing.describe_figure(value, results),
            drawing.figure_data(value, results, review.curves),
        )
    quality = {
        name: pl.read_parquet(folders.staged(asset, cut_off.id if name in BY_CUT_OFF else None), glob=False)
        for name, asset in QUALITY.items()
    }
    site.write_site(
        folder,
        study,
        cut_off,
        results,
        review.curves,
        empty(Published),
        shown,
        figures,
        quality,
        versions={name: version(name) for name in VERSIONS},
        documents={"": ON_PAPER} | {name: f"{PLACES['tables']}/{name}.rtf" for name in texts},
    )


def _tables(review: Review) -> Mapping[str, tuple[type, pl.DataFrame]]:
    """What the encrypted file holds, by the table's path; a treatment is the code of its arm."""
    adam = {
        f"adam.{name}": (
            model,
            pl.concat([empty(model), review.adam[name]], how="diagonal").select(names(model)),
        )
        for name, model in DATASETS.items()
    }
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
