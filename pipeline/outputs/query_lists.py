"""The open queries of each institution as a CSV file that a spreadsheet program may open.

What does not belong here: which queries there are, the page that shows how many.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

COLUMNS = (
    "QUERY",
    "CHECK_ID",
    "SEVERITY",
    "PATIENT",
    "FORM",
    "RECORD",
    "VERSION",
    "COLUMN",
    "FOUND",
    "ASKED",
    "FIRST_SEEN",
    "AGE",
)
NO_SITE = "UNKNOWN"
_SITE = r"[A-Za-z0-9]{1,20}"
"""A code that may name a file: what was received is not to be trusted with that."""
_FORMULA = r"^([=+\-@\t\r])"


def list_name(site: str) -> str:
    """The file of an institution; one whose code is no plain word goes to that of the unknown."""
    return f"queries_{site if re.fullmatch(_SITE, site) else NO_SITE}.csv"


def write_query_lists(folder: Path, queries: pl.DataFrame) -> list[Path]:
    """Write one file per institution that has open queries, the oldest first; gives the files.

    queries: quality.queries. Cells that a spreadsheet would take for a formula get a leading apostrophe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    still = queries.filter(STATE="open").sort("FIRST_SEEN", "QUERY")
    plain = pl.col("SITE").str.contains(f"^{_SITE}$").fill_null(False)
    parts = still.with_columns(_list=pl.when(plain).then("SITE").otherwise(pl.lit(NO_SITE))).partition_by(
        "_list", as_dict=True
    )
    text = pl.col(pl.String).str.replace(_FORMULA, "'$1")
    files = []
    for (site,), rows in sorted(parts.items()):
        files.append(folder / list_name(str(site)))
        # The byte-order mark tells a spreadsheet that the text is UTF-8.
        rows.select(COLUMNS).with_columns(text).write_csv(files[-1], include_bom=True)
    return files
