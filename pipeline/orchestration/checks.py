"""Checks that look across tables: the randomisation, the sources of ADTTE, a second road, the verdicts.

Each runs in the step that makes its table, on the cut-off of that run, and stops nothing: what fails is
shown and the release goes on. What does not belong here: the rules of one table, which are checked before it
is written (`publishing.py`); what is computed (`pipeline.derive.audit`, `second_road.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from pipeline.derive.audit import audit_blocks, unresolved_sources, without_parameter
from pipeline.orchestration.publishing import SHOWN
from pipeline.orchestration.second_road import TOLERANCE, compare_second_road
from pipeline.study import CutOff, Study


@dataclass(frozen=True)
class CrossCheck:
    """A check of one table beside others: `failing` gives the rows that fail, of all tables of the step.

    needs_arms: it cannot be asked before the unblinding, and is not.
    """

    asset: str
    name: str
    description: str
    failing: Callable[[Mapping[str, Any]], pl.DataFrame]
    needs_arms: bool = False

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """The check as the graph declares it."""
        return dg.AssetCheckSpec(self.name, asset=self.asset, description=self.description)

    def result(self, study: Study, cut_off: CutOff, frames: Mapping[str, Any]) -> dg.AssetCheckResult:
        """What it finds; frames: what the step read, by name, and what it made, by asset."""
        asked = not (self.needs_arms and study.is_blinded(cut_off))
        failing = self.failing(frames) if asked else pl.DataFrame()
        shown = [
            ", ".join(f"{name}={value}" for name, value in row.items())
            for row in failing.head(SHOWN).iter_rows(named=True)
        ]
        return dg.AssetCheckResult(
            asset_key=self.asset,
            check_name=self.name,
            passed=failing.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR,
            description=None if asked else "not asked: the cut-off is before the unblinding",
            metadata={
                "failing_rows": failing.height,
                "cut_off": cut_off.id,
                **({"keys": "; ".join(shown)} if shown else {}),
            },
        )


def cross_checks(study: Study) -> list[CrossCheck]:
    """The study's checks across tables."""

    def second_road(frames: Mapping[str, Any]) -> pl.DataFrame:
        compared = compare_second_road(study, frames, frames["results"], frames["curves"])
        if compared.is_empty():
            return pl.DataFrame({"ANALYSIS": ["nothing was compared"]})
        return compared.filter(~pl.col("AGREES")).drop("AGREES")

    return [
        *_blocks(study.block_size),
        CrossCheck(
            "adam_adtte",
            "sources_resolve",
            "SRCDOM, SRCVAR and SRCSEQ of every row lead to a value",
            lambda frames: unresolved_sources(frames["adam_adtte"], frames),
        ),
        CrossCheck(
            "adam_adtte",
            "every_subject",
            "every randomised subject has every parameter",
            lambda frames: without_parameter(frames["adam_adtte"], frames["adsl"]),
        ),
        CrossCheck(
            "results",
            "second_road",
            f"lifelines gives the same survival figures, to {TOLERANCE:g}",
            second_road,
            needs_arms=True,
        ),
        CrossCheck(
            "published",
            "verdicts",
            "no printed number is missed",
            lambda frames: frames["published"].filter(VERDICT="mismatch").select("ID", "PRINTED", "SHOWN"),
        ),
    ]


def _blocks(size: int | None) -> list[CrossCheck]:
    if size is None:
        return []
    return [
        CrossCheck(
            "adam_adsl",
            "permuted_blocks",
            f"no block of {size} holds more than {size // 2} subjects of an arm",
            lambda frames: audit_blocks(frames["adam_adsl"], size),
            needs_arms=True,
        )
    ]
