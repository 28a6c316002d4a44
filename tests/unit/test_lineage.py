"""Every tabulation and analysis variable says where it comes from, and what it names is there.

What does not belong here: whether what it says is true (`tests/acceptance/test_lineage.py`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.lineage import ROWS, Place, fields_behind, lineage, parameters, variables
from pipeline.orchestration.tables import column_lineage, staged_tables
from pipeline.outputs.lineage_page import render_lineage
from pipeline.studies import STUDIES
from pipeline.study import Mapped, Study
from schemas import sdtm
from schemas.base import columns, failures, names
from schemas.meta import MetaLineage

STUDY = STUDIES["calgb_100104"]
WRITE = "write it anew: .venv/bin/pipeline lineage --markdown docs/lineage.md"


def _tables(study: Study) -> dict[tuple[str, str], list[str]]:
    """The columns of every table that lineage may name."""
    return {
        **{("raw", form): names(model) for form, model in study.forms.items()},
        **{("restricted", form): names(model) for form, model in study.restricted.items()},
        **{("sdtm", domain.name): [*names(domain.model), ROWS] for domain in study.domains},
        **{("adam", dataset.name): [*names(dataset.model), ROWS] for dataset in study.datasets},
    }


def test_every_variable_has_a_lineage_and_a_sentence() -> None:
    described = {variable.place: variable for variable in variables(STUDY)}
    expected = {
        (schema, table, column)
        for (schema, table), known in _tables(STUDY).items()
        if schema in ("sdtm", "adam")
        for column in known
    }
    assert set(described) == expected
    assert [v.place for v in described.values() if not v.derivation] == []
    # What has no source is a value that is assigned, or the protocol's.
    assert {v.origin for v in described.values() if not v.sources} == {"Assigned", "Protocol"}


def test_every_source_is_there() -> None:
    known = _tables(STUDY)
    for variable in variables(STUDY):
        for schema, table, column in variable.sources:
            assert column in known[schema, table], f"{'.'.join(variable.place)} names {table}.{column}"


def test_lineage_runs_downhill_to_the_forms() -> None:
    """A derived or collected variable ends in at least one field; forms come from nothing."""
    behind = fields_behind(STUDY)
    for variable in variables(STUDY):
        layers = {place[0] for place in behind[variable.place]}
        if variable.origin in ("Collected", "Derived", "Predecessor") and variable.sources:
            assert layers & {"raw", "restricted"}, variable.place
        if variable.place[0] == "sdtm":
            assert "adam" not in layers


def test_known_paths() -> None:
    """Three variables as a statistician would tell them."""
    behind = fields_behind(STUDY)
    overall: Place = ("adam", "adtte", "AVAL")
    assert {("raw", "death", "death_dt"), ("raw", "transplant", "infusion_dt")} <= behind[overall]
    assert ("restricted", "treatment_codes", "arm") not in behind[overall]
    assert ("restricted", "treatment_codes", "arm") in behind["adam", "adsl", "TRT01P"]
    assert ("raw", "labs", "result") in behind["adam", "adsl", "ISSSTGD"]
    # The stage that the site reports is not made from laboratory values.
    assert ("raw", "labs", "result") not in behind["adam", "adsl", "ISSSTG"]


def test_a_variable_that_is_derived_from_itself_is_refused() -> None:
    first, *others = STUDY.domains
    circular = {"AGE": Mapped(("DM.SEX",), "Derived", "-"), "SEX": Mapped(("DM.AGE",), "Derived", "-")}
    study = replace(STUDY, domains=(replace(first, lineage={**first.lineage, **circular}), *others))
    with pytest.raises(ValueError, match=r"sdtm\.dm\.(AGE|SEX) is derived from itself"):
        fields_behind(study)


def test_a_variable_without_lineage_is_refused() -> None:
    first, *others = STUDY.domains
    without = {name: how for name, how in first.lineage.items() if name != "SEX"}
    study = replace(STUDY, domains=(replace(first, lineage=without), *others))
    with pytest.raises(KeyError, match=r"DM\.SEX has no lineage"):
        variables(study)


def test_supplemental_variables_say_the_same_origin_in_an_export() -> None:
    said = {"CRF": "Collected", "ASSIGNED": "Assigned", "DERIVED": "Derived"}
    of = {variable.place: variable.origin for variable in variables(STUDY)}
    for domain in STUDY.domains:
        for name, origin in sdtm.origins(domain.model).items():
            assert of["sdtm", domain.name, name] == said[origin], f"{domain.name}.{name}"


def test_every_parameter_has_a_sentence() -> None:
    for dataset in ("adtte", "adrs", "adex"):
        model = next(d.model for d in STUDY.datasets if d.name == dataset)
        allowed = next(column.codelist for column in columns(model) if column.name == "PARAMCD")
        told = parameters(STUDY, dataset)
        assert set(told) == set(allowed or [endpoint.paramcd for endpoint in STUDY.endpoints])
        assert all(sentence and sources for sentence, sources in told.values())
    assert "disease progression (ADRS.ADT)" in parameters(STUDY, "adtte")["TTP"][0]


def test_the_table_keeps_its_schema() -> None:
    table = lineage(STUDY)
    assert failures(MetaLineage, table).is_empty()
    assert table["column_name"].n_unique() > 200


def test_dagster_is_told_the_columns_of_the_assets_it_has() -> None:
    assets = {table.asset: set(names(table.model)) for table in staged_tables(STUDY).values()}
    told = column_lineage(STUDY)
    assert {"snapshot_labs", "sdtm_lb", "adam_adtte"} <= set(told)
    for deps in told.values():
        for column in (dep for found in deps.values() for dep in found):
            assert column.column_name in assets[column.asset_key.to_user_string()]


def test_the_page_in_the_documentation_is_current(repository: Path) -> None:
    assert (repository / "docs" / "lineage.md").read_text() == render_lineage(variables(STUDY)), WRITE
