"""`qc_comparison`: the analysis datasets and the results of a cut-off beside the roads of double programming.

SQL is asked in every run. R is asked on request (`pipeline qc`, or `r: true` in the step's configuration),
because it takes longer than all statistics together. What does not belong here: the roads (`pipeline.qc`).
"""

# No postponed annotations here: Dagster reads the types of a step's parameters from the function.

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pipeline import qc
from pipeline.folders import Folders
from pipeline.orchestration.assets import asset_outs
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.publishing import SHOWN, audit, hand_on
from pipeline.orchestration.tables import COMPARISON, check_specs, staged_tables
from pipeline.qc.compare import compare_datasets, compare_figures
from pipeline.qc.in_r import missing_r, recompute_in_r
from pipeline.qc.in_sql import derive_again, derived_again
from pipeline.study import CutOff, Study

CHECKS = {
    "second_road_sql": "datasets derived again in SQL from the tabulation agree in every cell",
    "third_road_r": "figures recomputed in R from the exported datasets agree in every number",
}


class Roads(dg.Config):
    """Which roads a run takes beside SQL."""

    r: bool = False


def build_comparison_assets(study: Study, folders: Folders) -> list[dg.AssetsDefinition]:
    """The step `qc_comparison`; none for a study without a second road."""
    if not study.second_road:
        return []
    table = staged_tables(study)[COMPARISON]
    again = derived_again(study)
    scripts: list[Path] = [*study.second_road, *sorted((study.third_road or Path()).glob("*.R"))]

    @dg.multi_asset(
        name=COMPARISON,
        outs=asset_outs([table], study, qc, *scripts),
        ins={name: dg.AssetIn(f"adam_{name}") for name in again} | {"results": dg.AssetIn("results")},
        deps=[f"sdtm_{domain.name}" for domain in study.domains],
        check_specs=[
            *check_specs(table),
            *(dg.AssetCheckSpec(name, asset=COMPARISON, description=says) for name, says in CHECKS.items()),
        ],
        partitions_def=cut_off_partitions(study),
        required_resource_keys={"run_lock"},
    )
    def step(context: dg.AssetExecutionContext, config: Roads, **frames: pl.DataFrame) -> Iterable[Any]:
        cut_off = study.cut_off(context.partition_key)
        results = frames.pop("results")
        domains = {d.name: folders.staged(f"sdtm_{d.name}", cut_off.id) for d in study.domains}
        theirs = derive_again(study, domains, cut_off)
        parts = [compare_datasets(study, cut_off, frames, theirs)]
        not_asked = _not_asked(study, cut_off, config)
        if not not_asked:
            parts.append(compare_figures(study, cut_off, results, recompute_in_r(study, frames, cut_off)))
        made = {table: pl.concat(parts)}
        yield from audit(made, cut_off=cut_off.id)
        yield from _results(made[table], cut_off, not_asked)
        yield from hand_on(made)

    return [step]


def _not_asked(study: Study, cut_off: CutOff, config: Roads) -> str | None:
    """Why R is not asked, or None."""
    if study.third_road is None:
        return "the study has no scripts in R"
    if study.is_blinded(cut_off):
        return "treatments are blinded: there are no figures by arm"
    if not config.r:
        return "not requested: `pipeline qc` asks R, too"
    return missing_r()


def _results(
    comparison: pl.DataFrame, cut_off: CutOff, not_asked: str | None
) -> Iterator[dg.AssetCheckResult]:
    """Both checks; they name variables and numbers, and no subject."""
    for name, road in zip(CHECKS, ("sql", "r"), strict=True):
        whole = comparison.filter(ROAD=road, CELL="")
        failing = whole.filter(AGREES="N")
        reason = not_asked if road == "r" else None
        yield dg.AssetCheckResult(
            asset_key=COMPARISON,
            check_name=name,
            passed=failing.is_empty() and bool(whole.height or reason),
            description=f"not asked: {reason}" if reason else None,
            metadata={
                "compared": int(whole["CELLS"].sum()),
                "failing_rows": int(failing["DIFFERING"].sum()),
                "differing": "; ".join(
                    f"{s} {i}" for s, i in failing.select("SOURCE", "ITEM").head(SHOWN).rows()
                ),
                "cut_off": cut_off.id,
            },
        )
