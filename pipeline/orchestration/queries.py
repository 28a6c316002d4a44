"""The steps of the edit checks: queries over all transfers, checks that need the arms, the quality report.

Each edit check is a check of the asset that holds what it finds, so that the UI shows every one. What does
not belong here: what a check finds (`pipeline.edit_checks`), what is asked (`pipeline.queries`), what is
counted (`pipeline.quality`).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

import re
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg
import polars as pl

from pipeline import edit_checks, quality, queries
from pipeline.orchestration.assets import asset_outs
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.publishing import SHOWN, audit, hand_on
from pipeline.orchestration.resources import LAZY
from pipeline.orchestration.tables import StagedTable, check_specs, staged_tables
from pipeline.study import EditCheck, Study

QUERIES, COUNTS, ARM_FINDINGS = "quality_queries", "quality_check_counts", "quality_arm_findings"
EDIT_CHECK_ASSETS = (QUERIES, COUNTS, ARM_FINDINGS)
"""The assets whose checks are the edit checks."""
REPORT = {
    "quality_by_site_form": "by_site_form",
    "quality_by_site": "by_site",
    "quality_by_form": "by_form",
    "quality_by_check": "by_check",
}
"""The tables of the data-quality report and their names in `pipeline.quality.Report`."""
_WORDS = 6
"""Of a rule, in the name of its check."""


def build_quality_assets(study: Study) -> list[dg.AssetsDefinition]:
    """The steps `edit_checks` and `quality_report`, over all transfers, and `arm_checks`, per cut-off."""
    tables = staged_tables(study)
    return [_edit_checks(study, tables), _quality_report(study, tables), _arm_checks(study, tables)]


def shown_by(study: Study, asset: str) -> list[EditCheck]:
    """The edit checks an asset shows: it holds what they find, or how often."""
    if asset == ARM_FINDINGS:
        return queries.asked_with_arms(study)
    warns = asset == COUNTS
    return [c for c in study.edit_checks if not c.needs_arms and (c.severity == "warn") == warns]


def edit_check_name(check: EditCheck) -> str:
    """The check's identifier and the first words of its rule, as Dagster allows it."""
    words = re.findall(r"[A-Za-z0-9]+", check.rule)[:_WORDS]
    return "_".join([check.id, *words])


def edit_check_specs(study: Study, *assets: str) -> list[dg.AssetCheckSpec]:
    """One check per edit check that these assets show."""
    return [
        dg.AssetCheckSpec(edit_check_name(check), asset=asset, description=check.rule)
        for asset in assets
        for check in shown_by(study, asset)
    ]


def _edit_checks(study: Study, tables: dict[str, StagedTable]) -> dg.AssetsDefinition:
    made = [tables[QUERIES], tables[COUNTS]]

    @dg.multi_asset(
        name="edit_checks",
        outs=asset_outs(made, study, edit_checks, queries, study.folder),
        ins=_raw(study.forms) | {name: dg.AssetIn(name) for name in ("transfers", "quality_findings")},
        check_specs=[*(s for t in made for s in check_specs(t)), *edit_check_specs(study, QUERIES, COUNTS)],
        required_resource_keys={"run_lock"},
    )
    def step(transfers: pl.DataFrame, quality_findings: pl.DataFrame, **raw: pl.LazyFrame) -> Iterable[Any]:
        dates = transfers.filter(STATUS="accepted")["TRANSFER"]
        checked = queries.check_transfers(study, raw, quality_findings, dates)
        written = {tables[QUERIES]: checked.queries, tables[COUNTS]: checked.counts}
        yield from audit(written)
        still = checked.queries.filter(STATE="open")
        warned = checked.counts.filter(
            pl.col("TRANSFER") == pl.col("TRANSFER").max(), pl.col("SEVERITY") == "warn", pl.col("FOUND") > 0
        )
        yield from _results(study, QUERIES, still)
        yield from _results(study, COUNTS, warned)
        yield from hand_on(
            written, {QUERIES: {"states": dict(checked.queries["STATE"].value_counts(sort=True).iter_rows())}}
        )

    return step


def _quality_report(study: Study, tables: dict[str, StagedTable]) -> dg.AssetsDefinition:
    made = [tables[asset] for asset in REPORT]
    read = ("quality_quarantine", "quality_findings", QUERIES, COUNTS)

    @dg.multi_asset(
        name="quality_report",
        outs=asset_outs(made, study, quality, study.folder),
        ins=_raw(study.forms) | {name: dg.AssetIn(name) for name in read},
        check_specs=[spec for table in made for spec in check_specs(table)],
        required_resource_keys={"run_lock"},
    )
    def step(**frames: Any) -> Iterable[Any]:
        sides = [frames.pop(name) for name in read]
        report = quality.report_quality(study, frames, *sides)
        written = {tables[asset]: getattr(report, name) for asset, name in REPORT.items()}
        yield from audit(written)
        yield from hand_on(written)

    return step


def _arm_checks(study: Study, tables: dict[str, StagedTable]) -> dg.AssetsDefinition:
    table = tables[ARM_FINDINGS]
    named = dict.fromkeys(form for check in queries.asked_with_arms(study) for form in check.forms)
    forms = [form for form in named if form in study.forms]

    @dg.multi_asset(
        name="arm_checks",
        outs=asset_outs([table], study, edit_checks, queries, study.folder),
        ins=_raw(forms) | {name: dg.AssetIn(f"restricted_{name}") for name in study.restricted},
        check_specs=[*check_specs(table), *edit_check_specs(study, ARM_FINDINGS)],
        partitions_def=cut_off_partitions(study),
        required_resource_keys={"run_lock"},
    )
    def step(context: dg.AssetExecutionContext, **frames: Any) -> Iterable[Any]:
        cut_off = study.cut_off(context.partition_key)
        restricted = {name: frames.pop(name) for name in study.restricted}
        written = {table: queries.check_arms(study, frames, restricted, cut_off)}
        yield from audit(written, cut_off=cut_off.id)
        yield from _results(study, ARM_FINDINGS, written[table], cut_off=cut_off.id)
        yield from hand_on(written)

    return step


def _raw(forms: Iterable[str]) -> dict[str, dg.AssetIn]:
    return {form: dg.AssetIn(f"raw_{form}", dagster_type=LAZY) for form in forms}


def _results(study: Study, asset: str, found: pl.DataFrame, **about: str) -> Iterator[dg.AssetCheckResult]:
    """A warning for every edit check of the asset that finds something; of patients it shows record ids only.

    found: rows with CHECK_ID and either FORM and RECORD, or a count as FOUND.
    """
    parts = found.partition_by("CHECK_ID", as_dict=True)
    for check in shown_by(study, asset):
        rows = parts.get((check.id,), found.clear())
        count = int(rows["FOUND"].sum()) if asset == COUNTS else rows.height
        records = []
        if asset != COUNTS:
            shown = pl.concat_str("FORM", "RECORD", separator=" ", ignore_nulls=True)
            records = rows.head(SHOWN).select(shown).to_series().to_list()
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=edit_check_name(check),
            passed=not count,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"failing_rows": count, **({"records": "; ".join(records)} if records else {}), **about},
        )
