"""The shape of what double programming finds: our cells and numbers beside those of another road.

What does not belong here: how a road gets there, tolerances (`pipeline.qc`).
"""

from __future__ import annotations

import datetime as dt

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas.base import Table, column


class Comparison(Table):
    """Analysis datasets and results beside a second derivation in SQL and a recomputation in R

    Road sql: one row per variable, for all its cells, and one for each cell that differs. Road r: one row per
    number of the results.
    """

    STUDYID: str = column("Study Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    ROAD: str = column("Road Compared With", codelist=["sql", "r"])
    SOURCE: str = column("Dataset or Analysis", comment="a dataset (ADSL), or ANALYSIS of the results")
    ITEM: str = column(
        "Variable or Number",
        comment="a variable; ROWS: the dataset's keys; of the results GROUP/LEVEL/STATISTIC",
    )
    CELL: str = column("Cell That Differs", comment="the row's key; empty: the variable or number as a whole")
    CELLS: int = column("Cells Compared", ge=1)
    DIFFERING: int = column("Cells That Differ", ge=0)
    OURS: str = column("Our Value", required=False, comment="of one cell or number; null: there is none")
    THEIRS: str = column("The Other Road's Value", required=False, comment="as OURS")
    DIFFERENCE: float = column("Difference of Two Numbers", required=False, ge=0)
    TOLERANCE: float = column("Difference Allowed", required=False, ge=0)
    AGREES: str = column("Agrees", codelist=["Y", "N"])

    class Config:
        unique = ["STUDYID", "CUTOFF", "ROAD", "SOURCE", "ITEM", "CELL"]

    @pa.dataframe_check(error="AGREES is Y where no cell differs, and only there")
    def verdict(cls, data: PolarsData) -> pl.LazyFrame:
        """AGREES says what DIFFERING counts."""
        return data.lazyframe.select((pl.col("DIFFERING") == 0) == (pl.col("AGREES") == "Y"))
