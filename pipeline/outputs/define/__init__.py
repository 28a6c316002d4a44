"""Define-XML 2.1: what the datasets of a cut-off are, read from their classes, their lineage and their rows.

One document for the tabulation and one for the analysis datasets, which holds the Analysis Results Metadata
too. Nothing is written down twice: labels and codelists are those of `schemas/`, origins and derivations
those of the lineage, lengths those of the exported files. What does not belong here: writing to disk, the
files of the datasets (`pipeline.outputs.exchange`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.lineage import parameters, variables
from pipeline.outputs.define.datasets import Described, describe_dataset
from pipeline.outputs.define.results import describe_results
from pipeline.outputs.exchange import Dataset
from pipeline.study import CutOff, Study

if TYPE_CHECKING:
    from odmlib.arm_1_0.model import ODM

__all__ = ["STANDARDS", "define_document", "render_define", "render_define_html"]

STANDARDS = {
    "sdtm": (("SDTMIG", "IG", "3.4", None), ("CDISC/NCI", "CT", "2015-12-18", "SDTM")),
    "adam": (("ADaMIG", "IG", "1.3", None), ("CDISC/NCI", "CT", "2015-12-18", "SDTM")),
}
"""By folder: name, type, version and publishing set of each standard that its datasets follow."""
TITLES = {"sdtm": "Tabulation datasets", "adam": "Analysis datasets"}


def define_document(
    study: Study,
    cut_off: CutOff,
    standard: str,
    datasets: Sequence[Dataset],
    lengths: Mapping[str, int],
    results: pl.DataFrame | None = None,
) -> ODM:
    """The document of one folder; datasets: as exchanged; lengths: of texts, as the files declare them.

    results: of the cut-off, for the results metadata of the analysis datasets; None leaves these out. The
    time of creation is the day of the cut-off, so that equal data give equal bytes.
    """
    from odmlib.arm_1_0 import model as xml

    lineage = {variable.place: variable for variable in variables(study)}
    described = Described(
        study, cut_off, standard, lineage, {d.name: parameters(study, d.name) for d in study.datasets}
    )
    mine = [dataset for dataset in datasets if dataset.standard == standard]
    for dataset in mine:
        describe_dataset(described, dataset, lengths)
    oid = f"{study.id}.{cut_off.id}.{standard.upper()}"
    version: Any = xml.MetaDataVersion(
        OID=f"MDV.{oid}",
        Name=f"{study.id}, {TITLES[standard].lower()}, data cut-off {cut_off.id}",
        DefineVersion="2.1.0",
    )
    version.Description = f"{TITLES[standard]} of {study.title}. {study.note}"
    version.Standards = xml.Standards(
        Standard=[
            xml.Standard(
                OID=f"STD.{place}",
                Name=name,
                Type=kind,
                Version=number,
                Status="Final",
                **({"PublishingSet": publishing} if publishing else {}),
            )
            for place, (name, kind, number, publishing) in enumerate(STANDARDS[standard], start=1)
        ]
    )
    if results is not None and standard == "adam":
        shown = describe_results(described, study, cut_off, mine, results)
        if shown is not None:  # no analysis of the study is said to be in a table or figure
            version.AnalysisResultDisplays = shown
    version.ValueListDef = described.value_lists
    version.WhereClauseDef = list(described.where_clauses.values())
    version.ItemGroupDef = described.groups
    version.ItemDef = described.items
    version.CodeList = list(described.codelists.values())
    version.MethodDef = list(described.methods.values())
    version.CommentDef = list(described.comments.values())
    about = xml.GlobalVariables()
    about.StudyName = xml.StudyName(_content=study.id)
    about.StudyDescription = xml.StudyDescription(_content=f"{study.title}. {study.note}")
    about.ProtocolName = xml.ProtocolName(_content=study.id)
    document = xml.ODM(
        FileOID=f"DEF.{oid}",
        FileType="Snapshot",
        CreationDateTime=f"{cut_off.id}T00:00:00",
        AsOfDateTime=f"{cut_off.id}T00:00:00",
        ODMVersion="1.3.2",
        Originator=study.name,
        SourceSystem="Python, polars, odmlib",
        SourceSystemVersion="1",
        Context="Other",
    )
    document.Study = xml.Study(OID=study.id, GlobalVariables=about, MetaDataVersion=version)
    return document


def render_define(document: ODM) -> bytes:
    """The document as `define.xml`."""
    text: str = document.to_xml_string(xml_declaration=True)
    return text.encode()


def render_define_html(document: ODM) -> bytes:
    """The document as a page in the style of the report, which a browser opens from any folder.

    Browsers refuse a stylesheet that lies beside an XML file on a disk.
    """
    from pipeline.outputs.define.page import render_page

    return render_page(document)
