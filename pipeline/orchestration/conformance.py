"""The step that asks the conformance rules of a cut-off's datasets, as they are exchanged.

A check per dataset; what it shows of patients is the keys of the first rows. What does not belong here: the
rules (`pipeline.conformance`), what a study waives (`waivers.csv` in its folder).
"""

# No postponed annotations here: Dagster reads the type of `context` from the function as it stands.

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg
import polars as pl

from pipeline import conformance
from pipeline.conformance.datasets import FOLDER
from pipeline.conformance.waivers import read_waivers
from pipeline.orchestration.assets import asset_outs
from pipeline.orchestration.partitions import cut_off_partitions
from pipeline.orchestration.publishing import SHOWN, publish
from pipeline.orchestration.tables import check_specs, staged_tables
from pipeline.outputs.exchange.datasets import exchanged_datasets
from pipeline.study import CutOff, Frames, Study

RULES, FINDINGS = "conformance_rules", "conformance_findings"
WAIVERS = "waivers.csv"


def build_conformance_asset(study: Study) -> dg.AssetsDefinition:
    """The tables conformance.rules and conformance.findings of a cut-off."""
    tables = staged_tables(study)
    made = [tables[RULES], tables[FINDINGS]]
    names = {domain.name: f"sdtm_{domain.name}" for domain in study.domains} | {
        dataset.name: f"adam_{dataset.name}" for dataset in study.datasets
    }

    @dg.multi_asset(
        name="conformance",
        outs=asset_outs(made, study, conformance, study.folder),
        ins={name: dg.AssetIn(asset) for name, asset in names.items()},
        check_specs=[*(s for t in made for s in check_specs(t)), *_specs(study)],
        partitions_def=cut_off_partitions(study),
        required_resource_keys={"run_lock"},
    )
    def step(context: dg.AssetExecutionContext, **frames: pl.DataFrame) -> Iterable[Any]:
        cut_off = study.cut_off(context.partition_key)
        outcome = ask_rules(study, frames, cut_off)
        yield from _results(study, outcome, cut_off)
        yield from publish(
            {
                tables[RULES]: _dated(outcome.rules, cut_off),
                tables[FINDINGS]: _dated(outcome.findings, cut_off),
            },
            cut_off=cut_off.id,
            metadata={
                RULES: {"outcomes": dict(outcome.rules["OUTCOME"].value_counts(sort=True).iter_rows())}
            },
        )

    return step


def ask_rules(study: Study, frames: Frames, cut_off: CutOff) -> conformance.Outcome:
    """What the rules say of a cut-off's datasets; frames: the rows of each, by its name in the study.

    Waivers must hold on the day of the cut-off, so that equal data give equal outcomes on any day.
    """
    path = study.folder / WAIVERS
    known = {rule.id for rule in conformance.ALL_RULES}
    return conformance.run_rules(
        [conformance.modelled(d.name, d.model, d.frame) for d in exchanged_datasets(study, frames)],
        on=cut_off.date,
        waivers=read_waivers(path, known) if path.is_file() else (),
        blind=study.is_blinded(cut_off),
    )


def _dated(frame: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    return frame.select(pl.lit(cut_off.date).alias("CUTOFF"), pl.all())


def checked(study: Study) -> list[str]:
    """The datasets that have a check, and the folder as a whole, as findings name them."""
    return [FOLDER, *(n.name.upper() for n in study.domains), *(n.name.upper() for n in study.datasets)]


def check_name(name: str) -> str:
    """The check of a dataset."""
    return "study_conforms" if name == FOLDER else f"{name.lower()}_conforms"


def _specs(study: Study) -> Iterator[dg.AssetCheckSpec]:
    for name in checked(study):
        of = (
            "the datasets together, and the waivers"
            if name == FOLDER
            else f"{name} and what is supplemental to it"
        )
        yield dg.AssetCheckSpec(
            check_name(name), asset=FINDINGS, description=f"no rule of severity error is broken by {of}"
        )


def _results(study: Study, outcome: conformance.Outcome, cut_off: CutOff) -> Iterator[dg.AssetCheckResult]:
    """Of each dataset how many rows were found, by severity, and the keys of the first errors."""
    # What is wrong in a tabulation dataset stands in a form: a site is asked, and the run is as it should be.
    tabulated = {domain.name.upper() for domain in study.domains}
    parent = pl.col("DATASET").str.strip_prefix("SUPP")
    counts = outcome.counts.with_columns(parent)
    still = counts.filter(pl.col("WAIVER").is_null())
    errors = outcome.findings.with_columns(parent).filter(pl.col("WAIVER").is_null(), SEVERITY="error")
    for name in checked(study):
        found = dict(still.filter(DATASET=name).group_by("SEVERITY").agg(pl.col("FOUND").sum()).iter_rows())
        waived = int(counts.filter(pl.col("WAIVER").is_not_null(), DATASET=name)["FOUND"].sum())
        shown = pl.concat_str("RULE", "VARIABLE", "ROWKEY", separator=" ", ignore_nulls=True)
        keys = errors.filter(DATASET=name).head(SHOWN).select(shown).to_series()
        yield dg.AssetCheckResult(
            asset_key=FINDINGS,
            check_name=check_name(name),
            passed=not found.get("error"),
            severity=dg.AssetCheckSeverity.WARN if name in tabulated else dg.AssetCheckSeverity.ERROR,
            metadata={
                "failing_rows": found.get("error", 0),
                "warnings": found.get("warning", 0),
                "notes": found.get("note", 0),
                "waived": waived,
                "cut_off": cut_off.id,
                **({"keys": "; ".join(keys)} if keys.len() else {}),
            },
        )
