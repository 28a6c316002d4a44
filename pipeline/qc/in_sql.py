"""The analysis datasets a second time, by the SQL scripts of a study over its tabulation datasets.

What does not belong here: the scripts, DuckDB (`pipeline.warehouse`), any comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pipeline.study import CutOff, Study
from pipeline.warehouse import derive_in_sql


def derived_again(study: Study) -> list[str]:
    """The datasets that have a second road: those that a script of it is named after."""
    scripts = {script.stem for script in study.second_road}
    return [dataset.name for dataset in study.datasets if dataset.name in scripts]


def derive_again(
    study: Study, sdtm: Mapping[str, Path | pl.DataFrame], cut_off: CutOff
) -> dict[str, pl.DataFrame]:
    """The datasets of the study's second road, by name.

    sdtm: every domain, staged as Parquet or as a frame. Raises WarehouseError.
    """
    dates = pl.DataFrame({"CUTOFF": [cut_off.date], "UNBLINDING": [study.unblinding]})
    by_form = pl.DataFrame(
        {"FORM": list(cut_off.by_form), "CUTOFF": list(cut_off.by_form.values())},
        schema={"FORM": pl.String, "CUTOFF": pl.Date},
    )
    models = {domain.name: domain.model for domain in study.domains}
    return derive_in_sql(
        [script.read_text() for script in study.second_road],
        {**sdtm, "run": dates, "cut_by_form": by_form},
        models,
        derived_again(study),
    )
