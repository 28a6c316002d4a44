"""Every table a run makes, once: its asset, its shape, its place in the warehouse, who owns it.

From this list come the assets' descriptions, Columns tab and checks, and the tables of a release. What does
not belong here: how a table is made (`assets.py`), the columns of any table (`schemas/`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import dagster as dg

from pipeline import lineage
from pipeline.study import Study
from schemas import base, conformance, qc, quality, results
from schemas.base import Rule, Table, column

STATISTICS, DATA_MANAGEMENT = "team:statistics", "team:data-management"
COMPARISON = "qc_comparison"


@dataclass(frozen=True)
class StagedTable:
    """A table as an asset: `schema.name` is its place in the warehouse, None where it is not released."""

    asset: str
    model: type[Table]
    group: str
    owner: str
    place: tuple[str, str] | None
    by_cut_off: bool

    @property
    def description(self) -> str:
        """What the table holds, in one line."""
        return base.label(self.model)


@cache
def received(model: type[Table]) -> type[Table]:
    """A form's table as accepted: the form's columns, then the file and line each row came from."""
    origin: dict[str, tuple[type, Any]] = {
        "TRANSFER": (dt.date, column("Transfer Date")),
        "FILE": (str, column("File", comment="transfer/form.csv")),
        "LINE": (int, column("Line", ge=1, comment="physical line; the header is line 1")),
    }
    members: dict[str, Any] = {name: spec for name, (_, spec) in origin.items()}
    members["__annotations__"] = {name: kind for name, (kind, _) in origin.items()}
    members["__doc__"], members["__module__"] = model.__doc__, model.__module__
    return type(f"Received{model.__name__}", (base.accepted(model),), members)


def staged_tables(study: Study) -> dict[str, StagedTable]:
    """The study's tables by asset name, in the order a run makes them."""
    return {table.asset: table for table in _staged_tables(study)}


def _staged_tables(study: Study) -> Iterator[StagedTable]:
    def intake(asset: str, model: type[Table], schema: str, name: str, group: str = "quality") -> StagedTable:
        return StagedTable(asset, model, group, DATA_MANAGEMENT, (schema, name), by_cut_off=False)

    def cut(
        asset: str, model: type[Table], group: str, owner: str, place: tuple[str, str] | None
    ) -> StagedTable:
        return StagedTable(asset, model, group, owner, place, by_cut_off=True)

    yield intake("transfers", quality.Transfers, "quality", "transfers", group="raw")
    for form, model in study.forms.items():
        yield intake(f"raw_{form}", received(model), "raw", form, group="raw")
    yield intake("quality_receipts", quality.Receipt, "quality", "receipts")
    yield intake("quality_findings", quality.Findings, "quality", "findings")
    yield intake("quality_quarantine", quality.Quarantine, "quarantine", "rows")
    for name, model in (
        ("queries", quality.Queries),
        ("check_counts", quality.CheckCounts),
        ("by_site_form", quality.BySiteForm),
        ("by_site", quality.BySite),
        ("by_form", quality.ByForm),
        ("by_check", quality.ByCheck),
    ):
        yield intake(f"quality_{name}", model, "quality", name)
    for name, model in study.restricted.items():
        yield cut(f"restricted_{name}", model, "restricted", STATISTICS, None)
    for form, model in study.forms.items():
        yield cut(f"snapshot_{form}", received(model), "snapshot", DATA_MANAGEMENT, None)
    for name, model in (("set_aside", quality.SetAside), ("arm_findings", quality.ArmFindings)):
        yield cut(f"quality_{name}", model, "quality", DATA_MANAGEMENT, ("quality", name))
    for domain in study.domains:
        yield cut(f"sdtm_{domain.name}", domain.model, "sdtm", DATA_MANAGEMENT, ("sdtm", domain.name))
    for dataset in study.datasets:
        yield cut(f"adam_{dataset.name}", dataset.model, "adam", STATISTICS, ("adam", dataset.name))
    for name, model in (
        ("results", results.Results),
        ("curves", results.Curves),
        ("subjects", results.Subjects),
        ("published", results.Published),
    ):
        yield cut(name, model, "analysis", STATISTICS, ("analysis", name))
    for name, model in (("rules", conformance.RuleOutcomes), ("findings", conformance.RuleFindings)):
        yield cut(f"conformance_{name}", model, "conformance", DATA_MANAGEMENT, ("conformance", name))
    if study.second_road:
        yield cut(COMPARISON, qc.Comparison, "qc", STATISTICS, ("qc", "comparison"))


def asset_out(table: StagedTable, study: Study, code_version: str) -> dict[str, Any]:
    """What an asset of this table says about itself in the UI."""
    return {
        "key": table.asset,
        "description": table.description,
        "group_name": table.group,
        "owners": [table.owner],
        "kinds": {"polars", "parquet"},
        "tags": {"study": study.name},
        "metadata": {"dagster/column_schema": column_schema(table.model)},
        "code_version": code_version,
        "io_manager_key": "stage",
    }


def column_schema(model: type[Table]) -> dg.TableSchema:
    """The Columns tab: labels as descriptions, rules as constraints."""
    rules: dict[str | None, list[Rule]] = {}
    for rule in base.rules(model):
        rules.setdefault(rule.column, []).append(rule)
    columns = []
    for c in base.columns(model):
        other = [
            rule.description
            for rule in rules.get(c.name, [])
            if rule.name not in (f"{c.name}_not_null", f"{c.name}_unique")
        ]
        constraints = dg.TableColumnConstraints(
            nullable=not c.required,
            unique=any(rule.name == f"{c.name}_unique" for rule in rules.get(c.name, [])),
            other=other,
        )
        text = f"{c.label}. {c.comment}" if c.comment else c.label
        columns.append(dg.TableColumn(c.name, str(c.dtype), text, constraints))
    whole = [rule.description for rule in rules.get(None, [])]
    return dg.TableSchema(columns, constraints=dg.TableConstraints(other=whole))


def column_lineage(study: Study) -> dict[str, dict[str, tuple[dg.TableColumnDep, ...]]]:
    """By asset and column, the columns it comes from: a snapshot's are those of its form, one by one."""
    layers = {"raw": "snapshot", "restricted": "restricted", "sdtm": "sdtm", "adam": "adam"}
    found: dict[str, dict[str, tuple[dg.TableColumnDep, ...]]] = {
        f"snapshot_{form}": {
            name: (dg.TableColumnDep(f"raw_{form}", name),) for name in base.names(received(model))
        }
        for form, model in study.forms.items()
    }
    for variable in lineage.variables(study):
        schema, table, column = variable.place
        found.setdefault(f"{schema}_{table}", {})[column] = tuple(
            dg.TableColumnDep(f"{layers[layer]}_{name}", source)
            for layer, name, source in variable.sources
            if source != lineage.ROWS
        )
    return found


def check_name(rule: Rule) -> str:
    """A rule's name as Dagster allows it."""
    return re.sub(r"\W", "_", rule.name, flags=re.ASCII)


def check_specs(table: StagedTable) -> list[dg.AssetCheckSpec]:
    """One check per rule of the table's schema."""
    return [
        dg.AssetCheckSpec(check_name(rule), asset=table.asset, description=_sentence(rule))
        for rule in base.rules(table.model)
    ]


def _sentence(rule: Rule) -> str:
    return f"{rule.column}: {rule.description}" if rule.column else rule.description
