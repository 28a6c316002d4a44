"""Write, audit, publish: a table is held against its schema before its file replaces the old one.

What does not belong here: the rules (`schemas/`), checks that need more than one table (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from pipeline.folders import sha256
from pipeline.orchestration.resources import parquet
from pipeline.orchestration.tables import StagedTable, check_name
from schemas import base

Metadata = Mapping[str, Mapping[str, Any]]
ColumnDeps = Mapping[str, Sequence[dg.TableColumnDep]]
"""By column, the columns of other assets that it comes from."""
SHOWN = 5
"""Keys of failing rows that are shown: enough to find them, and no other patient data in logs."""


def publish(
    made: Mapping[StagedTable, pl.DataFrame],
    *,
    cut_off: str | None = None,
    metadata: Metadata | None = None,
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[bytes]]:
    """Audit every table, then hand them on; raises dg.Failure and hands on none where a rule is broken."""
    yield from audit(made, cut_off=cut_off)
    yield from hand_on(made, metadata)


def audit(
    made: Mapping[StagedTable, pl.DataFrame],
    *,
    cut_off: str | None = None,
    blind: bool = False,
    turned_away: Mapping[tuple[str, str], Sequence[str]] | None = None,
) -> Iterator[dg.AssetCheckResult]:
    """One check for every rule of every table.

    blind: the tables have their blinded shapes, and rules about what these lack are not asked. turned_away:
    by asset and rule, the lines ingest did not accept for it; a warning, as they are kept out.
    Raises dg.Failure with table, rule and the first keys where a rule is broken.
    """
    about = {"cut_off": cut_off} if cut_off else {}
    broken: dict[str, str] = {}
    for table, frame in made.items():
        model = base.blinded(table.model) if blind else table.model
        failing = base.failures(model, frame)
        asked = {rule.name for rule in base.rules(model)}
        for rule in base.rules(table.model):
            if rule.name not in asked:
                yield dg.AssetCheckResult(
                    asset_key=table.asset,
                    check_name=check_name(rule),
                    passed=True,
                    description="not asked: treatments are blinded at this cut-off",
                    metadata={"failing_rows": 0, **about},
                )
                continue
            rows = failing.filter(pl.col("RULE") == rule.name) if failing.height else failing
            lines = (turned_away or {}).get((table.asset, rule.name), ())
            keys = _keys(table, frame, rows) if rows.height else "; ".join(lines[:SHOWN])
            if rows.height:
                broken[f"{table.asset}: {rule.name}"] = f"{_count(rows)}: {rule.description}: {keys}"
            yield dg.AssetCheckResult(
                asset_key=table.asset,
                check_name=check_name(rule),
                passed=not rows.height and not lines,
                severity=dg.AssetCheckSeverity.ERROR if rows.height else dg.AssetCheckSeverity.WARN,
                metadata={
                    "failing_rows": rows.height or len(lines),
                    **({"keys": keys} if keys else {}),
                    **about,
                },
            )
    if broken:
        told = "\n".join(f"{where}: {what}" for where, what in broken.items())
        raise dg.Failure(f"nothing was written, because rules are broken:\n{told}", metadata=broken)


def hand_on(
    made: Mapping[StagedTable, pl.DataFrame],
    metadata: Metadata | None = None,
    lineage: Mapping[str, ColumnDeps] | None = None,
) -> Iterator[dg.MaterializeResult[bytes]]:
    """Each table as Parquet, the hash of which is its data version.

    metadata: more to show, by asset. lineage: by asset, what its columns come from.
    """
    for table, frame in made.items():
        data = parquet(frame)
        deps = (lineage or {}).get(table.asset, {})
        known = {column: list(deps[column]) for column in frame.columns if column in deps}
        yield dg.MaterializeResult(
            asset_key=table.asset,
            value=data,
            data_version=dg.DataVersion(sha256(data)),
            metadata={
                "dagster/row_count": frame.height,
                **({"dagster/column_lineage": dg.TableColumnLineage(known)} if known else {}),
                **(metadata or {}).get(table.asset, {}),
            },
        )


def _keys(table: StagedTable, frame: pl.DataFrame, failing: pl.DataFrame) -> str:
    """The keys of the first failing rows, or what is wrong with the table as a whole."""
    if failing.is_empty():
        return ""
    rows = failing["ROW"].drop_nulls().unique(maintain_order=True).head(SHOWN)
    names = [name for name in base.key(table.model) if name in frame.columns]
    if rows.is_empty() or not names:
        return "; ".join(failing["MESSAGE"].unique(maintain_order=True).head(SHOWN))
    texts = [
        ", ".join(f"{name}={value}" for name, value in row.items())
        for row in frame.select(names)[rows.to_list()].iter_rows(named=True)
    ]
    return "; ".join(texts)


def _count(failing: pl.DataFrame) -> str:
    rows = failing["ROW"].n_unique()
    return f"{rows} row{'s' if rows != 1 else ''}" if failing["ROW"].null_count() == 0 else "the whole table"
