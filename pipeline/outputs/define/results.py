"""Analysis Results Metadata 1.0: for each main table and figure its analyses, their data and their code.

What does not belong here: which outputs these are (the study's `result_displays`), the results themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.outputs.define.values import where_equal
from pipeline.outputs.exchange import Dataset
from pipeline.outputs.site.numbers_page import METHODS, fetching
from pipeline.study import Analysis, CutOff, Study

if TYPE_CHECKING:
    from pipeline.outputs.define.datasets import Described

ALWAYS = {"adtte": ("PARAMCD", "AVAL", "CNSR"), "adsl": ("USUBJID",)}
"""Variables that every analysis of a dataset reads, beside those it names."""
TREATMENT = "TRT01P"


def describe_results(
    described: Described, study: Study, cut_off: CutOff, datasets: Sequence[Dataset], results: pl.DataFrame
) -> Any:
    """The displays of the study that have a result at this cut-off; None where none has."""
    from odmlib.arm_1_0 import model as xml

    there = set(results["ANALYSIS"])
    columns = {dataset.name.lower(): dataset.frame.columns for dataset in datasets}
    displays = []
    for display in study.result_displays:
        analyses = [a for a in study.at(cut_off).analyses if a.output == display.output and a.id in there]
        if not analyses:
            continue
        made = xml.ResultDisplay(OID=f"RD.{display.output.replace(' ', '_')}", Name=display.output)
        made.Description = described.text(_title(study, display.output))
        made.AnalysisResult = [
            _result(described, cut_off, columns, analysis, display.reason, display.purpose)
            for analysis in analyses
        ]
        displays.append(made)
    return xml.AnalysisResultDisplays(ResultDisplay=displays) if displays else None


def _title(study: Study, output: str) -> str:
    """The title of the figure or table, which begins with its name in the paper."""
    titles = [value.title for value in (*study.figures, *study.displays)]
    return next((title for title in titles if title.startswith(f"{output}.")), output).rstrip("*.")


def _result(
    described: Described,
    cut_off: CutOff,
    columns: dict[str, list[str]],
    analysis: Analysis,
    reason: str,
    purpose: str,
) -> Any:
    from odmlib.arm_1_0 import model as xml

    selects = analysis.dataset in ("adtte",)
    parameter = {"ParameterOID": f"IT.{analysis.dataset.upper()}.PARAMCD"} if selects else {}
    made = xml.AnalysisResult(
        OID=f"AR.{analysis.id}", AnalysisReason=reason, AnalysisPurpose=purpose, **parameter
    )
    words = METHODS.get(analysis.method, analysis.method)
    made.Description = described.text(f"{analysis.endpoint}: {words}")
    read = []
    for name, variables in _read(analysis, columns):
        dataset = xml.AnalysisDataset(ItemGroupOID=f"IG.{name.upper()}")
        if selects and name == analysis.dataset:
            clause = where_equal(described, name.upper(), "PARAMCD", (analysis.endpoint,))
            dataset.WhereClauseRef = xml.WhereClauseRef(WhereClauseOID=clause)
        dataset.AnalysisVariable = [
            xml.AnalysisVariable(ItemOID=f"IT.{name.upper()}.{variable}") for variable in variables
        ]
        read.append(dataset)
    made.AnalysisDatasets = xml.AnalysisDatasets(AnalysisDataset=read)
    selection = f" Rows: {analysis.where}." if analysis.where is not None else ""
    made.Documentation = xml.Documentation(
        Description=described.text(f"Population {analysis.population}.{selection}")
    )
    made.ProgrammingCode = xml.ProgrammingCode(
        Code=xml.Code(
            _content=f"{_code(analysis)}\n-- its rows in the results:\n{fetching(cut_off.id, analysis.id)}"
        )
    )
    return made


def _read(analysis: Analysis, columns: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """The analysis's dataset and ADSL, each with the variables that are read of it; a variable once."""
    named = set(_texts(analysis.options)) | (
        set(analysis.where.meta.root_names()) if analysis.where is not None else set()
    )
    taken: set[str] = set()
    for name in dict.fromkeys((analysis.dataset, "adsl")):
        wanted = {*named, TREATMENT, *ALWAYS.get(name, ())} if name == analysis.dataset else named
        found = [variable for variable in columns[name] if variable in wanted - taken]
        taken |= set(found)
        if found:
            yield name, found


def _texts(value: Any) -> Iterator[str]:
    """Every text in the options of an analysis, and the variables that its expressions read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, pl.Expr):
        yield from value.meta.root_names()
    elif isinstance(value, dict):
        yield from _texts(list(value))
        yield from _texts(list(value.values()))
    elif isinstance(value, Iterable):
        for one in value:
            yield from _texts(one)


def _code(analysis: Analysis) -> str:
    """The analysis as the study states it."""
    options = ", ".join(
        f"{name}={value if isinstance(value, str) else _written(value)}"
        for name, value in analysis.options.items()
    )
    return (
        f"{analysis.id}: method {analysis.method}, dataset {analysis.dataset}, endpoint {analysis.endpoint}, "
        f"population {analysis.population}" + (f", {options}" if options else "")
    )


def _written(value: Any) -> str:
    """An option as text; an expression as it reads, for polars' own form of one in a list is its address."""
    if isinstance(value, pl.Expr):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(name)}: {_written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(_written, value)) + ")"
    return repr(value)
