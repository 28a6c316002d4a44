"""The pilot's time-to-event endpoint, as a value that `pipeline.derive.adtte` reads.

What does not belong here: which events are dermatologic (`adae.py`), how ties and censoring are resolved.
"""

from __future__ import annotations

import polars as pl

from pipeline.study import CensorSource, Endpoint, EventSource

TTDE = Endpoint(
    paramcd="TTDE",
    param="Time to First Dermatologic Event",
    start="TRTSDT",
    events=(
        EventSource(
            "adae",
            (pl.col("TRTEMFL") == "Y") & pl.col("CQ01NAM").is_not_null(),
            "ASTDT",
            "Dermatologic Event Occurred",
        ),
    ),
    censors=(
        CensorSource(
            "adsl",
            pl.lit(True),
            "RFENDT",
            "Study Completion Date",
            cnsr=1,
            of="STUDY COMPLETION OR WITHDRAWAL",
        ),
    ),
)
ENDPOINTS = (TTDE,)
