"""What the page on data quality shows: the quality tables as rows of text.

What does not belong here: a count that no table holds, but for the number of listed rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pipeline.outputs.query_lists import list_name
from pipeline.study import CutOff
from schemas import quality as shapes
from schemas.base import Table, columns

FRAMES = ("transfers", "receipts", "findings", "set_aside", "queries", "by_site", "by_form", "by_check")
LISTED = 500
"""Rows of a listing that the page shows; the warehouse holds all."""
LISTS = "quality"
"""The folder, beside the page, of each institution's list of open queries."""
_QUERY = ("CHECK_ID", "SITE", "PATIENT", "FORM", "RECORD", "COLUMN", "FOUND", "FIRST_SEEN", "AGE")
_DAYS = ("DAYS_MEDIAN", "DAYS_P90")


def quality_page(frames: Mapping[str, pl.DataFrame], cut_off: CutOff) -> dict[str, Any]:
    """What the template asks for; frames: FRAMES, all as at the last transfer but `set_aside`."""
    receipts = frames["receipts"].with_columns(pl.col("TRANSFER").cast(pl.String))
    set_aside = frames["set_aside"].filter(pl.col("CUTOFF") == cut_off.date)
    reasons = sorted(set_aside["REASON"].unique())
    counted = Counter(set_aside.select("FORM", "REASON").iter_rows())
    findings = frames["findings"]
    states = Counter(frames["queries"]["STATE"])
    open_queries = frames["queries"].filter(STATE="open").sort("FIRST_SEEN", "QUERY")
    checks = frames["by_check"]
    finding = checks.filter(pl.sum_horizontal("FOUND", "OPEN", "ANSWERED", "CLOSED") > 0)
    sites = [row["SITE"] for row in frames["by_site"].iter_rows(named=True) if row["OPEN"]]
    return {
        "transfers": frames["transfers"].with_columns(pl.col("TRANSFER").cast(pl.String)).rows(named=True),
        "dates": sorted(receipts["TRANSFER"].unique()),
        "forms": sorted(receipts["FORM"].unique()),
        "receipts": {(row["FORM"], row["TRANSFER"]): row for row in receipts.iter_rows(named=True)},
        "findings": findings.head(LISTED).rows(named=True),
        "finding_count": findings.height,
        "reasons": reasons,
        "set_aside": {
            form: [counted[form, reason] for reason in reasons] for form in sorted(set_aside["FORM"].unique())
        },
        "set_aside_count": set_aside.height,
        "states": {state: states[state] for state in ("open", "answered", "closed")},
        "by_site": _table(shapes.BySite, frames["by_site"], _but_accepted(shapes.BySite)),
        "by_form": _table(shapes.ByForm, frames["by_form"], _but_accepted(shapes.ByForm)),
        "by_check": _table(shapes.ByCheck, finding),
        "quiet_checks": checks.height - finding.height,
        "queries": _table(shapes.Queries, open_queries.head(LISTED), _QUERY),
        "open_count": open_queries.height,
        "lists": {site: f"{LISTS}/{list_name(site)}" for site in sites},
    }


def _table(model: type[Table], frame: pl.DataFrame, names: Sequence[str] = ()) -> dict[str, Any]:
    """Heads, each with whether it stands over numbers, and rows of text; a count of nought is left blank."""
    of_name = {column.name: column for column in columns(model)}
    shown = [of_name[name] for name in names or of_name]
    return {
        "heads": [(column.label, column.dtype in (pl.Int64, pl.Float64)) for column in shown],
        "rows": [
            [_text(name, value) for name, value in row.items()]
            for row in frame.select(column.name for column in shown).iter_rows(named=True)
        ],
    }


def _but_accepted(model: type[Table]) -> list[str]:
    """The columns of a table but the rows accepted, which the page gives as received and quarantined."""
    return [column.name for column in columns(model) if column.name != "ACCEPTED"]


def _text(name: str, value: object) -> str:
    if value is None or (value == 0 and name not in _DAYS):
        return ""
    return f"{value:.0f}" if name in _DAYS else str(value)
