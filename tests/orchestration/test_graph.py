"""The graph as it stands in review: names, groups, dependencies; and what every asset says about itself.

Written anew with `python tests/orchestration/test_graph.py` where a change is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipeline.definitions import build_defs
from pipeline.orchestration import conformance
from pipeline.orchestration.checks import cross_checks
from pipeline.orchestration.double_programming import CHECKS
from pipeline.orchestration.queries import EDIT_CHECK_ASSETS, edit_check_name, shown_by
from pipeline.orchestration.tables import check_name, staged_tables
from pipeline.studies import STUDIES
from schemas import base

SNAPSHOT = Path(__file__).with_name("graph.txt")
STUDY = STUDIES["calgb_100104"]


def drawn(definitions: dg.Definitions) -> Iterator[str]:
    """One line per asset: its name, group, whether it has a cut-off, and what it is made from."""
    graph = definitions.resolve_asset_graph()
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        kind = "per cut-off" if node.is_partitioned else "once"
        parents = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys)) or "raw files"
        yield f"{key.to_user_string()} ({node.group_name}, {kind}) <- {parents}"


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs()


def test_the_graph_is_the_one_that_was_reviewed(definitions: dg.Definitions) -> None:
    assert list(drawn(definitions)) == SNAPSHOT.read_text().splitlines()


def test_dagster_finds_nothing_wrong_with_the_definitions(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    assert definitions.executor is dg.in_process_executor


def test_every_asset_says_what_it_is_and_who_owns_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners in (["team:statistics"], ["team:data-management"]), key
        assert node.kinds, key
        assert node.code_version, key


def test_every_table_shows_its_columns_with_their_labels(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for asset, table in staged_tables(STUDY).items():
        shown = graph.get(dg.AssetKey(asset)).metadata["dagster/column_schema"]
        columns = shown.schema.columns if isinstance(shown, dg.TableSchemaMetadataValue) else shown.columns
        assert [column.name for column in columns] == base.names(table.model)
        for column, declared in zip(columns, base.columns(table.model), strict=True):
            assert column.description.startswith(declared.label)
            assert column.constraints.nullable is not declared.required


def test_every_rule_of_a_table_is_a_check(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    across = {check.name for check in cross_checks(STUDY)} | set(map(edit_check_name, STUDY.edit_checks))
    across |= set(CHECKS)
    across |= set(map(conformance.check_name, conformance.checked(STUDY)))
    for asset, table in staged_tables(STUDY).items():
        if asset.startswith(("snapshot_", "restricted_")):
            continue  # rows of a table that was checked before
        declared = {check_name(rule) for rule in base.rules(table.model)}
        assert len(declared) == len(base.rules(table.model)), f"two rules of {asset} have one name"
        found = {key.name for key in checks if key.asset_key == dg.AssetKey(asset)}
        assert declared <= found, asset
        assert found - declared <= across | {
            "every_row_accounted_for",
            "every_transfer_accepted",
            "nothing_quarantined",
        }


def test_every_edit_check_is_a_check_with_its_rule(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    shown = [(asset, check) for asset in EDIT_CHECK_ASSETS for check in shown_by(STUDY, asset)]
    assert {check.id for _, check in shown} == {f"EC{n:03}" for n in range(1, 145)}
    for asset, check in shown:
        key = dg.AssetCheckKey(dg.AssetKey(asset), edit_check_name(check))
        assert graph.get_check_spec(key).description == check.rule


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(drawn(build_defs())) + "\n")
