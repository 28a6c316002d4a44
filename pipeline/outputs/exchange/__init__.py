"""Files for exchange: each dataset of a cut-off in the formats that other programs and regulators read.

Every writer takes a frame and its pandera class, gives equal bytes for equal datasets, and refuses what its
format cannot give back. What does not belong here: a dataset's columns (`schemas/`), where files are kept
(`pipeline.orchestration.exports`).
"""

from __future__ import annotations

from pipeline.outputs.exchange.columnar import VARIABLES, write_csv, write_parquet
from pipeline.outputs.exchange.dataset_json import write_dataset_json
from pipeline.outputs.exchange.datasets import (
    FORMATS,
    Dataset,
    exchanged_datasets,
    lengths_of,
    shared_lengths,
    write_exports,
)
from pipeline.outputs.exchange.variables import NotExportable, Variable, variables
from pipeline.outputs.exchange.xpt import write_xpt

__all__ = [
    "FORMATS",
    "VARIABLES",
    "Dataset",
    "NotExportable",
    "Variable",
    "exchanged_datasets",
    "lengths_of",
    "shared_lengths",
    "variables",
    "write_csv",
    "write_dataset_json",
    "write_exports",
    "write_parquet",
    "write_xpt",
]
