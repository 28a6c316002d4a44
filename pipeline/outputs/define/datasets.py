"""Datasets, variables, codelists, methods and comments of a Define-XML document.

What does not belong here: value level (`values.py`), results (`results.py`), the document around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.lineage import Place, Variable
from pipeline.outputs.exchange import Dataset, lengths_of
from pipeline.outputs.exchange import variables as exchanged
from pipeline.study import CutOff, Study
from schemas import base, terminology
from schemas.base import Column

if TYPE_CHECKING:
    from odmlib.arm_1_0 import model as xml

SAS_DATE = "DATE9."
DATE_DIGITS = 5
"""Digits of a SAS date: days since 1960."""
SOURCE = {"Collected": "Investigator", "Derived": "Sponsor", "Assigned": "Sponsor", "Protocol": "Sponsor"}
DECODES = {"PARAMCD": "PARAM", "TRT01PN": "TRT01P", "TRT01AN": "TRT01A", "ARMCD": "ARM", "ACTARMCD": "ACTARM"}
"""The variable that says a code in words; a --TESTCD has its --TEST."""
SUPPLEMENTAL = "One record per subject per related row per qualifier"
STANDARD_OID, TERMINOLOGY_OID = "STD.1", "STD.2"


@dataclass
class Described:
    """What a document holds so far; names are handed out once, equal codelists and comments are shared."""

    study: Study
    cut_off: CutOff
    standard: str
    lineage: Mapping[Place, Variable]
    parameters: Mapping[str, Mapping[str, tuple[str, tuple[Place, ...]]]]
    groups: list[xml.ItemGroupDef] = field(default_factory=list)
    items: list[xml.ItemDef] = field(default_factory=list)
    value_lists: list[xml.ValueListDef] = field(default_factory=list)
    where_clauses: dict[str, xml.WhereClauseDef] = field(default_factory=dict)
    codelists: dict[tuple[Any, ...], xml.CodeList] = field(default_factory=dict)
    methods: dict[str, xml.MethodDef] = field(default_factory=dict)
    comments: dict[str, xml.CommentDef] = field(default_factory=dict)

    @staticmethod
    def text(words: str) -> xml.Description:
        """A description in English."""
        from odmlib.arm_1_0 import model as xml

        return xml.Description(TranslatedText=[xml.TranslatedText(lang="en", _content=words)])

    def comment(self, words: str) -> str:
        """The OID of a comment with these words."""
        from odmlib.arm_1_0 import model as xml

        if words not in self.comments:
            made = xml.CommentDef(OID=f"COM.{len(self.comments) + 1}")
            made.Description = self.text(words)
            self.comments[words] = made
        return str(self.comments[words].OID)

    def method(self, name: str, words: str) -> str:
        """The OID of the method that derives a variable or a value."""
        from odmlib.arm_1_0 import model as xml

        made = xml.MethodDef(OID=f"MT.{name}", Name=f"Derivation of {name}", Type="Computation")
        made.Description = self.text(words)
        self.methods[name] = made
        return str(made.OID)

    def codelist(self, name: str, label: str, values: tuple[Any, ...], words: Mapping[Any, str]) -> str:
        """The OID of a codelist of these values; words: what a code means, where the data say it."""
        from odmlib.arm_1_0 import model as xml

        # Codes and their words, or codes alone: a list cannot mix them.
        decoded = {value: words.get(value, str(value)) for value in values} if words else {}
        known = terminology.published(name.split(".")[1], values)
        key = (values, tuple(decoded.items()), known)
        if key not in self.codelists:
            taken = {str(one.OID) for one in self.codelists.values()}
            oid = f"CL.{name.split('.')[1]}" if f"CL.{name.split('.')[1]}" not in taken else f"CL.{name}"
            number = all(isinstance(value, int) for value in values)
            made = xml.CodeList(OID=oid, Name=label, DataType="integer" if number else "text")
            if known is None:
                made.IsNonStandard = "Yes"
            else:
                made.Name, made.StandardOID = known.name, TERMINOLOGY_OID
            for value in values:
                own = {"ExtendedValue": "Yes"} if known and value in known.sponsor else {}
                if value in decoded:
                    text = xml.TranslatedText(lang="en", _content=decoded[value])
                    item = xml.CodeListItem(CodedValue=str(value), **own)
                    item.Decode = xml.Decode(TranslatedText=[text])
                    made.CodeListItem.append(item)
                else:
                    made.EnumeratedItem.append(xml.EnumeratedItem(CodedValue=str(value), **own))
            if known is not None:
                made.Alias.append(xml.Alias(Context="nci:ExtCodeID", Name=known.code))
            self.codelists[key] = made
        return str(self.codelists[key].OID)


def describe_dataset(described: Described, dataset: Dataset, lengths: Mapping[str, int]) -> None:
    """Add a dataset with its variables; one without rows has no file and says so."""
    from odmlib.arm_1_0 import model as xml

    from pipeline.outputs.define.values import describe_values

    name, filled = dataset.name, dataset.frame.height > 0
    model = described.study.shape(dataset.model, described.cut_off)
    known = exchanged(dataset.frame, model, name=name, lengths=lengths_of(dataset, lengths))
    key = sorted((variable for variable in known if variable.key), key=lambda variable: variable.key or 0)
    repeating = [one for one in key if one.name not in ("STUDYID", "USUBJID")]
    supplemental = name.startswith("SUPP")
    group = xml.ItemGroupDef(
        OID=f"IG.{name}",
        Name=name,
        Repeating="Yes" if repeating else "No",
        IsReferenceData="No",
        SASDatasetName=name,
        Domain=name.removeprefix("SUPP"),
        Purpose="Tabulation" if dataset.standard == "sdtm" else "Analysis",
        Structure=SUPPLEMENTAL
        if supplemental
        else " per ".join(["One record", "subject", *(one.label.lower() for one in repeating)]),
        StandardOID=STANDARD_OID,
    )
    group.Description = described.text(base.label(model))
    group.Class = _class(dataset, supplemental)
    if filled:
        leaf = xml.leaf(ID=f"LF.{name}", href=f"{name.lower()}.xpt")
        leaf.title = xml.title(_content=f"{name.lower()}.xpt")
        group.ArchiveLocationID, group.leaf = f"LF.{name}", leaf
    else:
        group.HasNoData = "Yes"
        group.CommentOID = described.comment("No records at this data cut-off: no file.")
    declared = {column.name: column for column in base.columns(model)}
    listed = describe_values(described, dataset)
    for order, variable in enumerate(known, start=1):
        column = declared[variable.name]
        place = f"{name}.{variable.name}"
        ref = xml.ItemRef(
            ItemOID=f"IT.{place}", OrderNumber=order, Mandatory="Yes" if column.required else "No"
        )
        if variable.key:
            ref.KeySequence = variable.key
        item = xml.ItemDef(
            OID=f"IT.{place}",
            Name=variable.name,
            SASFieldName=variable.name,
            **data_type(dataset.frame[variable.name], variable.length),
        )
        item.Description = described.text(variable.label)
        if column.codelist:
            words = _words(dataset.frame, variable.name)
            oid = described.codelist(place, variable.label, tuple(column.codelist), words)
            item.CodeListRef = xml.CodeListRef(CodeListOID=oid)
        _say_origin(described, ref, item, dataset, column)
        if variable.name in listed:
            item.ValueListRef = xml.ValueListRef(ValueListOID=listed[variable.name])
        group.ItemRef.append(ref)
        described.items.append(item)
    described.groups.append(group)


def data_type(values: pl.Series, length: int | None) -> dict[str, Any]:
    """DataType, and the Length, SignificantDigits or DisplayFormat that go with it, by the values."""
    given = values.drop_nulls()
    if values.dtype == pl.Date:
        return {"DataType": "integer", "Length": DATE_DIGITS, "DisplayFormat": SAS_DATE}
    if values.dtype == pl.String and values.name.endswith("DTC"):
        return {"DataType": _date_type(given)}
    if values.dtype == pl.String:
        return {"DataType": "text", "Length": length or 1}
    text = given.cast(pl.String).str.strip_suffix(".0").str.strip_prefix("-")
    digits = text.str.replace(".", "", literal=True).str.len_chars().max()
    if values.dtype == pl.Float64:
        after = text.str.extract(r"\.(\d+)$").str.len_chars().max()
        return {"DataType": "float", "Length": _whole(digits), "SignificantDigits": _whole(after, 0)}
    return {"DataType": "integer", "Length": _whole(digits)}


def _whole(length: Any, least: int = 1) -> int:
    return int(length or least)


def _date_type(dates: pl.Series) -> str:
    """The narrowest of Define-XML's types that holds all of these ISO 8601 dates."""
    lengths = set(dates.str.len_chars().unique())
    if dates.str.contains("---", literal=True).any():
        return "incompleteDatetime"
    return "date" if lengths <= {10} else "partialDate"


def _class(dataset: Dataset, supplemental: bool) -> Any:
    from odmlib.arm_1_0 import model as xml

    columns = dataset.frame.columns
    if dataset.standard == "sdtm":
        return xml.Class(Name="RELATIONSHIP" if supplemental else _observation_class(dataset.name, columns))
    if dataset.name == "ADSL":
        return xml.Class(Name="SUBJECT LEVEL ANALYSIS DATASET")
    if "PARAMCD" in columns:
        made = xml.Class(Name="BASIC DATA STRUCTURE")
        if "CNSR" in columns:
            made.SubClass.append(xml.SubClass(Name="TIME-TO-EVENT", ParentClass="BASIC DATA STRUCTURE"))
        return made
    made = xml.Class(Name="OCCURRENCE DATA STRUCTURE")
    if "AETERM" in columns:
        made.SubClass.append(xml.SubClass(Name="ADVERSE EVENT", ParentClass="OCCURRENCE DATA STRUCTURE"))
    return made


def _observation_class(name: str, columns: list[str]) -> str:
    """The class of a domain, by its topic variable."""
    if f"{name}OBJ" in columns:
        return "FINDINGS ABOUT"
    topics = {"TESTCD": "FINDINGS", "TERM": "EVENTS", "TRT": "INTERVENTIONS"}
    return next((found for topic, found in topics.items() if f"{name}{topic}" in columns), "SPECIAL PURPOSE")


def _words(frame: pl.DataFrame, name: str) -> dict[Any, str]:
    """What each code of a variable means, as the rows say it; nothing for one that means several things."""
    decode = f"{name[:-2]}" if name.endswith("TESTCD") else DECODES.get(name)
    if decode not in frame.columns:
        return {}
    pairs = frame.select(name, decode).drop_nulls().unique().sort(name, decode)
    once = pairs.filter(pl.len().over(name) == 1)
    return dict(once.rows())


def _say_origin(
    described: Described, ref: xml.ItemRef, item: xml.ItemDef, dataset: Dataset, column: Column
) -> None:
    """Origin, and the derivation as a method (derived) or a comment (others)."""
    place = (dataset.standard, dataset.name.lower(), column.name)
    variable = described.lineage.get(place)
    if variable is None:
        if column.comment:
            item.CommentOID = described.comment(column.comment)
        return
    item.Origin = [origin(described, variable)]
    if variable.origin == "Derived":
        ref.MethodOID = described.method(f"{dataset.name}.{column.name}", _sentence(variable))
    elif variable.origin != "Predecessor":
        item.CommentOID = described.comment(variable.derivation)


def origin(described: Described, variable: Variable) -> Any:
    """The origin: of a collected variable the fields of the forms, of a predecessor the variable."""
    from odmlib.arm_1_0 import model as xml

    made = xml.Origin(Type=variable.origin)
    if variable.origin in SOURCE:
        made.Source = SOURCE[variable.origin]
    if variable.origin == "Predecessor":
        made.Description = described.text(variable.derivation)
    elif variable.origin == "Collected":
        made.Description = described.text(f"Form fields: {_told(variable.sources)}")
    return made


def _sentence(variable: Variable) -> str:
    """The derivation and what it is made from."""
    return (
        f"{variable.derivation} (from {_told(variable.sources)})" if variable.sources else variable.derivation
    )


def _told(sources: tuple[Place, ...]) -> str:
    return ", ".join(
        f"{table if layer in ('raw', 'restricted') else table.upper()}.{column}"
        for layer, table, column in sources
        if column != "*"
    )
