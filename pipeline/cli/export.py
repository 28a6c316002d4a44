"""`pipeline export`.

What does not belong here: the formats, which datasets are exchanged (`pipeline.outputs.exchange`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import (
    FOLDER,
    ask,
    quoted,
    study_option,
    the_cut_offs,
    the_study,
    warehouse_option,
)

if TYPE_CHECKING:
    import polars as pl

    from pipeline.study import CutOff, Study

FORMATS = ("xpt", "dataset-json", "parquet", "csv")


@click.command()
@study_option
@click.option("--cutoff", "cut_offs", multiple=True, metavar="DATE", help="A data cut-off; default: all.")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(FORMATS), help="A file format; default: xpt."
)
@click.option("--out", type=FOLDER, required=True, help="Folder for the files, <out>/<cut-off>/<sdtm|adam>/.")
@warehouse_option
def export(
    study: str, cut_offs: tuple[str, ...], formats: tuple[str, ...], out: Path, warehouse: Path
) -> None:
    """Write the released SDTM and ADaM datasets as files for exchange."""
    from pipeline.outputs.exchange import NotExportable, exchanged_datasets, write_exports

    value = the_study(study)
    there = ask(warehouse, study, "SELECT CUTOFF::VARCHAR AS ID FROM meta.releases")["ID"].to_list()
    chosen = [id for id in the_cut_offs(value, cut_offs) if cut_offs or id in there]
    missing = [id for id in chosen if id not in there]
    if missing:
        raise click.ClickException(f"the release has no cut-off {', '.join(missing)}: run it first")
    for cut_off in map(value.cut_off, chosen):
        datasets = exchanged_datasets(value, _released(value, cut_off, warehouse))
        folder = out / cut_off.id
        try:
            files = write_exports(datasets, formats or FORMATS[:1], folder, study=value.id, date=cut_off.date)
        except NotExportable as error:
            raise click.ClickException(f"cut-off {cut_off.id} cannot be exported:\n{error}") from None
        click.echo(f"{folder}  {len(files)} files")


def _released(study: Study, cut_off: CutOff, warehouse: Path) -> dict[str, pl.DataFrame]:
    """The rows of each dataset of a released cut-off, with the columns that its cut-off has."""
    import polars as pl

    from schemas.base import dtypes

    shapes = {
        **{domain.name: ("sdtm", domain.model) for domain in study.domains},
        **{dataset.name: ("adam", dataset.model) for dataset in study.datasets},
    }
    frames = {}
    for name, (schema, model) in shapes.items():
        types = pl.Schema(dtypes(study.shape(model, cut_off)))
        columns = ", ".join(f'"{column}"' for column in types)
        asked = f"SELECT {columns} FROM {schema}.{name} WHERE CUTOFF = {quoted(cut_off.id)}"
        frames[name] = ask(warehouse, study.name, asked).cast(types)
    return frames
