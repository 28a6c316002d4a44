"""What the page on conformance shows: every rule with its outcome, and what was found.

What does not belong here: any rule, a count that no table holds but for the number of listed rows.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

LISTED = 300
"""Rows of findings that the page shows; the warehouse, or the CSV, holds more."""
OUTCOMES = ("found", "waived", "holds", "not asked")


def conformance_page(rules: pl.DataFrame, findings: pl.DataFrame) -> dict[str, Any]:
    """What the template asks for; rules and findings: as `conformance.rules` and `conformance.findings`."""
    counted = Counter(rules["OUTCOME"])
    broken = rules.filter(pl.col("FOUND") > 0)
    reasons = findings.filter(pl.col("WAIVER").is_not_null())
    reasons = reasons.unique(["RULE", "DATASET", "VARIABLE"], keep="first", maintain_order=True)
    still = findings.filter(pl.col("WAIVER").is_null())
    return {
        "outcomes": {outcome: counted[outcome] for outcome in OUTCOMES},
        "errors": int(
            rules.filter(SEVERITY="error").select((pl.col("FOUND") - pl.col("WAIVED")).sum()).item() or 0
        ),
        "broken": broken.rows(named=True),
        "rules": rules.rows(named=True),
        "findings": still.head(LISTED).rows(named=True),
        "finding_count": still.height,
        "waivers": reasons.rows(named=True),
    }


def render_conformance(rules: pl.DataFrame, findings: pl.DataFrame, folder: str) -> str:
    """The page by itself, for a folder of datasets of any study."""
    from pipeline.outputs.site import templates

    page = templates().get_template("conformance_alone.html")
    return page.render(folder=folder, **conformance_page(rules, findings))
