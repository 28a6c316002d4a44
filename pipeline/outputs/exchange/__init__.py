"""Files for exchange: each dataset of a cut-off in the formats that other programs and regulators read.

Every writer takes a frame and its pandera class, gives equal bytes for equal datasets, and refuses what its
format cannot give back. What does not belong here: a dataset's columns (`schemas/`), where files are kept
(`pipeline.orchestration.exports`).
"""

from __future__ import annotations

from pipeline.outputs.exchange.variables import NotExportable
from pipeline.outputs.exchange.xpt import write_xpt

__all__ = ["NotExportable", "write_xpt"]
