"""What people read: each figure and table of a cut-off as an asset, and the report that holds them all.

Every document is made from staged tables and waits in the stage, under `figures`, `tables` and `report`,
until the release takes it. What does not belong here: how a document looks, the release itself.
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

import shutil
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipeline.folders import Folders, sha256
from pipeline.orchestration.assets import code_version, image
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.resources import staged_rows
from pipeline.orchestration.tables import STATISTICS
from pipeline.outputs import figures as drawing
from pipeline.outputs import rtf, site
from pipeline.outputs import tables as tabular
from pipeline.outputs.query_lists import write_query_lists
from pipeline.study import CutOff, Study

PLACES = {"figures": "", "tables": "tables"}
"""Where in a release's folder the documents of each step stand; the report stands at its root."""
QUALITY = {
    "transfers": "transfers",
    "receipts": "quality_receipts",
    "findings": "quality_findings",
    "set_aside": "quality_set_aside",
    "queries": "quality_queries",
    "by_site": "quality_by_site",
    "by_form": "quality_by_form",
    "by_check": "quality_by_check",
}
"""The frames of the report's quality page, and the asset behind each."""
BY_CUT_OFF = {"set_aside"}
CONFORMANCE = ("conformance_rules", "conformance_findings")
"""What the report's page on conformance shows."""
ON_PAPER = "report.rtf"
"""All tables of a cut-off in one document."""
PREVIEW_DPI = 60
VERSIONS = ("dagster", "duckdb", "numpy", "pandera", "polars", "scipy")


def build_document_assets(study: Study, folders: Folders) -> list[dg.AssetsDefinition]:
    """One asset per figure, table and listing, in the group of its page of the report."""
    partitions = cut_off_partitions(study)
    cut_offs = study.all_cut_offs
    views = [study.at(cut_off) for cut_off in cut_offs]
    section = {name: page for shown in reversed(views) for name, page in _sections(shown).items()}
    made = [{value.name for value in _values(study, cut_off)} for cut_off in cut_offs]

    def every(kind: str) -> Iterable[Any]:
        """Each value of a kind once, as the last cut-off that has it shows it."""
        return {value.name: value for shown in views for value in getattr(shown, kind)}.values()

    def spec(value: Any, deps: Sequence[str], kind: str, version: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            value.name,
            deps=deps,
            group_name=section[value.name],
            description=value.title,
            kinds={kind},
            owners=[STATISTICS],
            tags={"study": study.name},
            skippable=any(value.name not in names for names in made),
            code_version=version,
            partitions_def=partitions,
        )

    drawn = code_version(drawing, study.folder)

    @dg.multi_asset(
        name="figures",
        specs=[spec(value, ["results", "curves"], "svg", drawn) for value in every("figures")],
        required_resource_keys={"run_lock"},
    )
    def figures(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        cut_off = study.cut_off(context.partition_key)
        results, curves = (_read(folders, name, cut_off) for name in ("results", "curves"))
        folder = _emptied(folders.stage / "figures" / cut_off.id)
        for value in drawing.figures_of(study.at(cut_off).figures, cut_off.date):
            figure = drawing.render_figure(value, results, curves)
            svg, png = drawing.write_figure(figure, folder, value.name)
            yield _made(
                value.name,
                [svg, png],
                preview=image(drawing.png_preview(png.read_bytes(), PREVIEW_DPI)),
                says=drawing.describe_figure(value, results),
            )

    shown = code_version(tabular, rtf, study.folder)

    @dg.multi_asset(
        name="tables",
        specs=[
            *(spec(value, ["results"], "rtf", shown) for value in every("displays")),
            *(
                spec(value, ["adam_adsl", _behind(value.dataset, study)], "rtf", shown)
                for value in every("listings")
            ),
        ],
        required_resource_keys={"run_lock"},
    )
    def tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        cut_off = study.cut_off(context.partition_key)
        folder = _emptied(folders.stage / "tables" / cut_off.id)
        for table in render_tables(study, folders, cut_off):
            yield _made(
                table.name,
                [rtf.write_rtf(table, folder)],
                rows=len(table.rows),
                preview=dg.MetadataValue.md(tabular.render_preview(table)),
            )

    return [figures, tables]


def always_made(documents: Iterable[dg.AssetsDefinition]) -> list[dg.AssetKey]:
    """The documents that every cut-off has: Dagster skips what depends on one that a cut-off leaves out.

    Each step has some, so that what depends on them waits for the step.
    """
    return [spec.key for made in documents for spec in made.specs if not spec.skippable]


def build_report_asset(
    study: Study, folders: Folders, documents: Iterable[dg.AssetsDefinition]
) -> dg.AssetsDefinition:
    """`report`: the pages of every cut-off that is sealed, made together, for each shows all verdicts."""

    @dg.asset(
        deps=[
            *always_made(documents),
            *("results", "curves", "subjects", "published", *QUALITY.values(), *CONFORMANCE, "manifest"),
        ],
        group_name="release",
        description="The report: pages that work offline, with every table, figure, number and verdict",
        kinds={"html"},
        owners=[STATISTICS],
        tags={"study": study.name},
        code_version=code_version(site, tabular, drawing, write_query_lists, study.folder),
        required_resource_keys={"run_lock"},
    )
    def report() -> dg.MaterializeResult[None]:
        sealed = [c for c in study.all_cut_offs if folders.staged("manifest", c.id, "json").is_file()]
        published = pl.concat(_read(folders, "published", cut_off) for cut_off in sealed)
        files = [file for c in sealed for file in write_report(study, folders, c, published)]
        return _made(None, files, cut_offs=", ".join(cut_off.id for cut_off in sealed))

    return report


def document_files(folders: Folders, cut_off: str) -> dict[str, Path]:
    """The staged figures and tables of a cut-off by their path in the release's folder."""
    return {
        str(Path(place) / path.name): path
        for step, place in PLACES.items()
        for path in _files(folders.stage / step / cut_off)
    }


def report_files(folders: Folders, cut_off: str) -> dict[str, Path]:
    """The staged pages of a cut-off's report, and what they need, by their path in the release's folder."""
    folder = folders.stage / "report" / cut_off
    return {
        str(path.relative_to(folder)): path
        for place in (folder, folder / site.LISTS)
        for path in _files(place)
    }


def render_tables(study: Study, folders: Folders, cut_off: CutOff) -> Iterator[tabular.Table]:
    """Every display and listing of the study at this cut-off, from what is staged."""
    study = study.at(cut_off)
    results = _read(folders, "results", cut_off)
    wanted = {"adsl", *(listing.dataset for listing in study.listings)}
    frames = {name: _read(folders, _behind(name, study), cut_off) for name in wanted}
    yield from (tabular.render_table(display, results) for display in study.displays)
    yield from (tabular.render_listing(listing, frames, cut_off.date) for listing in study.listings)


def write_report(study: Study, folders: Folders, cut_off: CutOff, published: pl.DataFrame) -> list[Path]:
    """Write the pages of a cut-off, and the lists of queries that they lead to, from what is staged.

    published: the verdicts of all cut-offs; while treatments are blinded, none is shown.
    """
    if study.is_blinded(cut_off):
        study, published = study.at(cut_off), published.clear()
    results, curves = (_read(folders, name, cut_off) for name in ("results", "curves"))
    folder = _emptied(folders.stage / "report" / cut_off.id)
    quality = quality_frames(folders, cut_off)
    on_paper = [value.name for value in (*study.displays, *study.listings)]
    pages = site.write_site(
        folder,
        study,
        cut_off,
        results,
        curves,
        published,
        render_tables(study, folders, cut_off),
        report_figures(drawing.figures_of(study.figures, cut_off.date), results, curves),
        quality,
        subjects=_read(folders, "subjects", cut_off),
        conformance={name: _read(folders, f"conformance_{name}", cut_off) for name in ("rules", "findings")},
        versions={name: version(name) for name in VERSIONS},
        documents={"": ON_PAPER, site.GUIDE: site.GUIDE}
        | {name: f"{PLACES['tables']}/{name}.rtf" for name in on_paper},
    )
    staged = folders.stage / "tables" / cut_off.id
    texts = [(staged / f"{name}.rtf").read_text() for name in on_paper]
    (folder / ON_PAPER).write_text(rtf.join_rtf(texts), newline="\n")
    return [*pages, folder / ON_PAPER, *write_query_lists(folder / site.LISTS, quality["queries"])]


def quality_frames(folders: Folders, cut_off: CutOff) -> dict[str, pl.DataFrame]:
    """What the page on data quality shows, from what is staged."""
    return {
        name: _read(folders, asset, cut_off if name in BY_CUT_OFF else None)
        for name, asset in QUALITY.items()
    }


def report_figures(
    figures: Iterable[drawing.FigureValue], results: pl.DataFrame, curves: pl.DataFrame
) -> dict[str, site.ReportFigure]:
    """The figures as a report shows them, by name; their files lie beside its pages."""
    return {
        value.name: site.ReportFigure(
            value.title,
            f"{value.name}.svg",
            drawing.describe_figure(value, results),
            drawing.figure_data(value, results, curves),
        )
        for value in figures
    }


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.is_file())


def _values(study: Study, cut_off: CutOff) -> tuple[Any, ...]:
    """The figures, tables and listings that a cut-off shows."""
    shown = study.at(cut_off)
    return (*drawing.figures_of(shown.figures, cut_off.date), *shown.displays, *shown.listings)


def _behind(dataset: str, study: Study) -> str:
    """The asset behind a dataset's name: `dv` is sdtm_dv, `adsl` is adam_adsl."""
    return f"{'sdtm' if dataset in {domain.name for domain in study.domains} else 'adam'}_{dataset}"


def _sections(study: Study) -> dict[str, str]:
    """The group of each document: the page of the report that shows it."""
    return {
        name: "summary" if page == "index" else page
        for page, part in study.report.sections()
        for name in (*part.figures, *part.tables)
    }


def _read(folders: Folders, asset: str, cut_off: CutOff | None) -> pl.DataFrame:
    return staged_rows(folders.staged(asset, cut_off.id if cut_off else None)).collect()


def _emptied(folder: Path) -> Path:
    """The folder without what an earlier run left: a document that is no longer made must not be released."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _made(asset: str | None, files: Iterable[Path], **metadata: Any) -> dg.MaterializeResult[None]:
    files = list(files)
    digest = sha256("".join(sha256(path.read_bytes()) for path in files).encode())
    return dg.MaterializeResult(
        asset_key=asset,
        metadata={"files": ", ".join(path.name for path in files), **metadata},
        data_version=dg.DataVersion(digest),
    )
