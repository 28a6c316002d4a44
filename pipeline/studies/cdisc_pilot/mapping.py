"""The pilot's tabulation: it is received as SDTM, so each domain is its dataset, and DM takes in its SUPPDM.

What does not belong here: study days (`pipeline.tabulate`), imputation of partial dates (only in ADaM).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipeline.study import Domain, Frames
from schemas import cdisc_pilot as shapes


def _as_received(name: str) -> Callable[[Frames], pl.DataFrame]:
    return lambda forms: forms[name]


def _demographics(forms: Frames) -> pl.DataFrame:
    qualifiers = forms["suppdm"].pivot(on="QNAM", index="USUBJID", values="QVAL")
    return forms["dm"].join(qualifiers, on="USUBJID", how="left", validate="1:1")


SDTM = (
    Domain("dm", shapes.DM, ("dm", "suppdm"), _demographics, ("USUBJID",)),
    Domain("ae", shapes.AE, ("ae",), _as_received("ae"), ("AESEQ",)),
    Domain("ex", shapes.EX, ("ex",), _as_received("ex"), ("EXSEQ",)),
    Domain("ds", shapes.DS, ("ds",), _as_received("ds"), ("DSSEQ",)),
    Domain("vs", shapes.VS, ("vs",), _as_received("vs"), ("VSSEQ",)),
    Domain("mh", shapes.MH, ("mh",), _as_received("mh"), ("MHSEQ",)),
    Domain("sc", shapes.SC, ("sc",), _as_received("sc"), ("SCSEQ",)),
    Domain("sv", shapes.SV, ("sv",), _as_received("sv"), ("VISITNUM",)),
    Domain("qs", shapes.QS, ("qs",), _as_received("qs"), ("QSSEQ",)),
)
