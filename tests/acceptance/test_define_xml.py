"""Define-XML of the shipped trial: valid by CDISC's schemas, whole in itself, and true of the datasets.

What does not belong here: lineage (`test_lineage.py`), the exported files (`tests/unit/test_xpt.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.outputs.define import STANDARDS, define_document, render_define, render_define_html
from pipeline.outputs.exchange import Dataset, exchanged_datasets, shared_lengths
from pipeline.outputs.guide import render_guide
from pipeline.study import CutOff, Study
from tests.layers import Run, run_layers

ODM = "{http://www.cdisc.org/ns/odm/v1.3}"
DEF = "{http://www.cdisc.org/ns/def/v2.1}"
ARM = "{http://www.cdisc.org/ns/arm/v1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
DEFINES = ("ItemGroupDef", "ItemDef", "CodeList", "MethodDef")
REFERS = ("ItemOID", "MethodOID", "CodeListOID", f"{DEF}ItemOID", f"{DEF}CommentOID", f"{DEF}StandardOID")
OWN_REFERS = ("WhereClauseOID", "ValueListOID", "ItemGroupOID", "ParameterOID")


@dataclass(frozen=True)
class Made:
    """The datasets of a cut-off and the document of each folder, as an object and as parsed bytes."""

    cut_off: CutOff
    datasets: list[Dataset]
    documents: dict[str, Any]
    xml: dict[str, bytes]

    def tree(self, standard: str) -> Any:
        from lxml import etree

        return etree.fromstring(self.xml[standard])


def _make(study: Study, run: Run, cut_off: CutOff) -> Made:
    datasets = exchanged_datasets(study, {**run.sdtm, **run.adam})
    lengths = shared_lengths(datasets)
    documents = {
        standard: define_document(study, cut_off, standard, datasets, lengths, run.results)
        for standard in STANDARDS
    }
    xml = {standard: render_define(document) for standard, document in documents.items()}
    return Made(cut_off, datasets, documents, xml)


@pytest.fixture(scope="module")
def run(study: Study, forms: dict[str, pl.DataFrame]) -> Run:
    return run_layers(study, forms, study.cut_offs[-1])


@pytest.fixture(scope="module")
def made(study: Study, run: Run) -> Made:
    return _make(study, run, study.cut_offs[-1])


def _elements(tree: Any, *names: str) -> Iterator[Any]:
    for name in names:
        yield from tree.iter(name)


@pytest.fixture(scope="module")
def published_schema() -> Any:
    """CDISC's schema of Define-XML 2.1 with Analysis Results Metadata 1.0, as the package carries it."""
    from defineutils.validate import validate
    from lxml import etree

    folder = Path(validate.__file__).parent / "schema" / "cdisc-arm-1.0"
    return etree.XMLSchema(etree.parse(folder / "arm1-0-0.xsd"))


@pytest.mark.parametrize("standard", list(STANDARDS))
def test_the_document_is_valid(made: Made, standard: str, published_schema: Any) -> None:
    assert published_schema.validate(made.tree(standard)), published_schema.error_log


def test_a_document_that_is_not_valid_is_found(made: Made, published_schema: Any) -> None:
    tree = made.tree("adam")
    next(tree.iter(f"{ODM}ItemDef")).attrib["DataType"] = "words"
    assert not published_schema.validate(tree)


@pytest.mark.parametrize("standard", list(STANDARDS))
def test_every_reference_is_defined_once_and_every_definition_is_used(made: Made, standard: str) -> None:
    tree = made.tree(standard)
    defined = [element.attrib["OID"] for element in tree.iter() if "OID" in element.attrib]
    assert len(defined) == len(set(defined))
    referred = {
        element.attrib[name]
        for element in tree.iter()
        for name in (*REFERS, *OWN_REFERS)
        if name in element.attrib
    }
    assert referred <= set(defined)
    kinds = ("ItemDef", "CodeList", "MethodDef")
    used = {element.attrib["OID"] for kind in kinds for element in tree.iter(ODM + kind)}
    used |= {e.attrib["OID"] for kind in ("CommentDef", "WhereClauseDef") for e in tree.iter(DEF + kind)}
    assert used <= referred


@pytest.mark.parametrize("standard", list(STANDARDS))
def test_every_dataset_and_variable_is_described_as_it_is(made: Made, standard: str) -> None:
    tree = made.tree(standard)
    items = {element.attrib["OID"]: element for element in tree.iter(f"{ODM}ItemDef")}
    groups = {element.attrib["Name"]: element for element in tree.iter(f"{ODM}ItemGroupDef")}
    mine = {dataset.name: dataset for dataset in made.datasets if dataset.standard == standard}
    assert set(groups) == set(mine)
    for name, dataset in mine.items():
        refs = [ref.attrib["ItemOID"] for ref in groups[name].iter(f"{ODM}ItemRef")]
        assert refs == [f"IT.{name}.{column}" for column in dataset.frame.columns]
        leaf = groups[name].find(f"{DEF}leaf")
        if dataset.frame.height:
            assert leaf.attrib[f"{XLINK}href"] == f"{name.lower()}.xpt"
        else:
            assert leaf is None
            assert groups[name].attrib[f"{DEF}HasNoData"] == "Yes"
        for column, values in dataset.frame.to_dict(as_series=True).items():
            item = items[f"IT.{name}.{column}"].attrib
            assert item["DataType"] in _types(values), f"{name}.{column}"
            if item["DataType"] == "text":
                assert int(item["Length"]) >= (values.str.len_bytes().max() or 0)


def _types(values: pl.Series) -> tuple[str, ...]:
    if values.dtype == pl.String:
        dated = ("date", "partialDate", "incompleteDatetime")
        return dated if values.name.endswith("DTC") else ("text",)
    return ("float",) if values.dtype == pl.Float64 else ("integer",)


@pytest.mark.parametrize("standard", list(STANDARDS))
def test_every_variable_has_an_origin_or_values_that_have_one(made: Made, standard: str) -> None:
    tree = made.tree(standard)
    supplemental = {"RDOMAIN", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QORIG", "QEVAL", "QVAL", "STUDYID"}
    for group in tree.iter(f"{ODM}ItemGroupDef"):
        name = group.attrib["Name"]
        for ref in group.iter(f"{ODM}ItemRef"):
            oid = ref.attrib["ItemOID"]
            item = next(one for one in tree.iter(f"{ODM}ItemDef") if one.attrib["OID"] == oid)
            variable = oid.removeprefix(f"IT.{name}.")
            origin = item.find(f"{DEF}Origin")
            if origin is None:
                assert name.startswith("SUPP"), oid
                assert variable in supplemental | {"USUBJID"}, oid
            elif origin.attrib["Type"] == "Derived":
                assert "MethodOID" in ref.attrib, oid


def test_values_of_a_parameter_have_their_own_sentence(made: Made) -> None:
    tree = made.tree("adam")
    methods = {element.attrib["OID"]: "".join(element.itertext()) for element in tree.iter(f"{ODM}MethodDef")}
    adtte = next(d for d in made.datasets if d.name == "ADTTE").frame
    for code in adtte["PARAMCD"].unique():
        assert f"MT.ADTTE.AVAL.{code}" in methods
    assert "disease progression (ADRS.ADT)" in methods["MT.ADTTE.AVAL.TTP"]
    clauses = {
        clause.attrib["OID"]: [value.text for value in clause.iter(f"{ODM}CheckValue")]
        for clause in tree.iter(f"{DEF}WhereClauseDef")
    }
    assert clauses["WC.ADTTE.PARAMCD.TTP"] == ["TTP"]


def test_codelists_hold_what_the_rows_hold(made: Made) -> None:
    for standard in STANDARDS:
        tree = made.tree(standard)
        lists = {
            one.attrib["OID"]: {
                item.attrib["CodedValue"]
                for item in _elements(one, f"{ODM}CodeListItem", f"{ODM}EnumeratedItem")
            }
            for one in tree.iter(f"{ODM}CodeList")
        }
        frames = {d.name: d.frame for d in made.datasets if d.standard == standard}
        for item in tree.iter(f"{ODM}ItemDef"):
            ref = item.find(f"{ODM}CodeListRef")
            if ref is not None:
                _, dataset, variable = item.attrib["OID"].split(".")
                found = set(frames[dataset][variable].drop_nulls().cast(pl.String).unique())
                assert found <= lists[ref.attrib["CodeListOID"]], item.attrib["OID"]


def test_results_metadata_name_what_was_computed(made: Made, study: Study, run: Run) -> None:
    tree = made.tree("adam")
    displays = {one.attrib["Name"]: one for one in tree.iter(f"{ARM}ResultDisplay")}
    assert list(displays) == [display.output for display in study.result_displays]
    computed = set(run.results["ANALYSIS"])
    results = [one.attrib["OID"].removeprefix("AR.") for one in tree.iter(f"{ARM}AnalysisResult")]
    assert results
    assert set(results) <= computed
    stratified = next(
        one for one in tree.iter(f"{ARM}AnalysisResult") if one.attrib["OID"] == "AR.TTP_COX_STRAT"
    )
    variables = {one.attrib["ItemOID"] for one in stratified.iter(f"{ARM}AnalysisVariable")}
    assert variables == {
        *("IT.ADTTE.TRT01P", "IT.ADTTE.PARAMCD", "IT.ADTTE.AVAL", "IT.ADTTE.CNSR"),
        *("IT.ADSL.STRAT1R", "IT.ADSL.STRAT2R", "IT.ADSL.STRAT3R"),
    }
    assert stratified.attrib["AnalysisPurpose"] == "PRIMARY OUTCOME MEASURE"


def test_equal_data_give_equal_bytes(made: Made, study: Study, run: Run) -> None:
    again = _make(study, run, made.cut_off)
    assert again.xml == made.xml
    # An address in memory is the same within a process, and another in the next.
    assert not [standard for standard, xml in made.xml.items() if b" at 0x" in xml.lower()]


def test_the_stylesheet_that_reviewers_use_shows_it(made: Made) -> None:
    """Lex Jansen's define2-1.xsl, which regulators' guides point to, as the package carries it."""
    import defineutils.definehtml as carried
    from lxml import etree

    show = etree.XSLT(etree.parse(Path(carried.__file__).parent / "define2-1.xsl"))
    for standard, wanted in {"sdtm": "SUPPDM", "adam": "TTP_COX"}.items():
        assert wanted in str(show(made.tree(standard)))


def test_the_page_shows_every_variable_and_result(made: Made) -> None:
    for standard, document in made.documents.items():
        page = render_define_html(document).decode()
        tree = made.tree(standard)
        places = [e.attrib["OID"] for e in _elements(tree, f"{ODM}ItemDef", f"{ODM}ItemGroupDef")]
        places += [e.attrib["OID"] for e in tree.iter(f"{ARM}AnalysisResult")]
        assert [place for place in places if f'id="{place}"' not in page] == []
        assert "Synthetic data" in page


def test_the_guide_counts_the_data(made: Made, study: Study, run: Run) -> None:
    frames = {"set_aside": run.set_aside, "published": run.published}
    page = render_guide(study, made.cut_off, made.datasets, frames, made.documents.values()).decode()
    adtte = run.adam["adtte"]
    cells = f'<td class="r">{adtte.height}</td><td class="r">{adtte["USUBJID"].n_unique()}</td>'
    assert cells in page
    randomised = run.adam["adsl"].filter(pl.col("ITTFL") == "Y").height
    assert f'<td>Intent-To-Treat Population Flag</td><td class="r">{randomised}</td>' in page
    assert f"{run.set_aside.height} accepted records are not used" in page
    matched = run.published.filter(VERDICT="match", CUTOFF=made.cut_off.date).height
    assert f'<tr><th scope="row">match</th><td class="r">{matched}</td></tr>' in page
    assert "adverse_events: received by <time>2012-02-29</time>" in page
    # What it was not given it does not tell.
    assert "No conformance rules were asked" in page
    assert "Not at hand for this document" in page
    assert "CROSSOVER DECLINED" in page  # a sponsor's term of a published list


def test_while_treatments_are_blinded_no_document_tells_them(
    study: Study, forms: dict[str, pl.DataFrame]
) -> None:
    look = study.looks[0]
    made = _make(study, run_layers(study, forms, look), look)
    for standard, content in made.xml.items():
        assert b"PLACEBO" not in content
        assert b"TRT01" not in content, standard
    arms = next(one for one in made.tree("sdtm").iter(f"{ODM}CodeList") if one.attrib["OID"] == "CL.ARM")
    terms = {
        item.attrib["CodedValue"] for item in _elements(arms, f"{ODM}CodeListItem", f"{ODM}EnumeratedItem")
    }
    assert terms == {"BLINDED", "NOT ASSIGNED"}
