"""A Define-XML document as a page: what the template is given, read off the document.

What does not belong here: anything the document does not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.outputs.site import style, templates

if TYPE_CHECKING:
    from odmlib.arm_1_0.model import ODM


def render_page(document: ODM) -> bytes:
    """The page, with its style in it."""
    version = document.Study.MetaDataVersion
    page = templates().get_template("define.html")
    return page.render(_context(document, version), css=style()).encode()


def _context(document: Any, version: Any) -> dict[str, Any]:
    say = {one.OID: _text(one) for one in (*version.MethodDef, *version.CommentDef)}
    items = {one.OID: one for one in version.ItemDef}
    lists = {one.OID: one for one in version.ValueListDef}
    clauses = {one.OID: _clause(one, items) for one in version.WhereClauseDef}
    codelists = {one.OID: {"oid": one.OID, "name": one.Name} for one in version.CodeList}
    names = {one.OID: one.Name for one in version.ItemGroupDef}

    def variables(group: Any) -> Iterator[dict[str, Any]]:
        for ref in group.ItemRef:
            yield _variable(ref, items[ref.ItemOID], say, codelists, "")
            listed = items[ref.ItemOID].ValueListRef
            for value in lists[listed.ValueListOID].ItemRef if listed else ():
                where = clauses[value.WhereClauseRef[0].WhereClauseOID]
                yield _variable(value, items[value.ItemOID], say, codelists, where)

    shown = version.AnalysisResultDisplays
    title = version.Name.split(", ")[1].capitalize()
    return {
        "title": f"{title}: Define-XML 2.1",
        "subject": f"{document.Study.OID}, {version.Name.split(', ')[-1]}",
        "study_title": str(document.Study.GlobalVariables.StudyDescription._content).split(". ")[0],
        "note": str(document.Study.GlobalVariables.StudyDescription._content).split(". ", 1)[1],
        "standards": [
            f"{one.Name} {one.PublishingSet or ''} {one.Version}".replace("  ", " ")
            for one in version.Standards.Standard
        ],
        "groups": [
            {
                "oid": group.OID,
                "name": group.Name,
                "label": _text(group),
                "kind": "; ".join([group.Class.Name, *(sub.Name for sub in group.Class.SubClass)]).lower(),
                "structure": group.Structure,
                "keys": [
                    items[ref.ItemOID].Name
                    for ref in sorted(group.ItemRef, key=lambda ref: int(ref.KeySequence or 0))
                    if ref.KeySequence
                ],
                "href": group.leaf.href if group.leaf else "",
                "variables": list(variables(group)),
            }
            for group in version.ItemGroupDef
        ],
        "codelists": [_codelist(one) for one in version.CodeList],
        "displays": [
            {
                "oid": display.OID,
                "name": display.Name,
                "title": _text(display).removeprefix(f"{display.Name}. "),
                "results": [_result(result, clauses, items, names) for result in display.AnalysisResult],
            }
            for display in (shown.ResultDisplay if shown else ())
        ],
    }


def _variable(
    ref: Any, item: Any, say: dict[str, str], codelists: dict[str, Any], where: str
) -> dict[str, Any]:
    length = str(item.Length or "")
    return {
        "oid": item.OID,
        "name": item.Name,
        "where": where,
        "key": ref.KeySequence,
        "label": _text(item),
        "type": f"{item.DataType} {item.DisplayFormat or ''}".strip(),
        "length": f"{length}.{item.SignificantDigits}" if item.SignificantDigits else length,
        "codelist": codelists[item.CodeListRef.CodeListOID] if item.CodeListRef else None,
        "origins": [{"type": one.Type, "source": one.Source, "words": _text(one)} for one in item.Origin],
        "words": "; ".join(say[oid] for oid in (ref.MethodOID, item.CommentOID) if oid),
    }


def _codelist(one: Any) -> dict[str, Any]:
    terms = [
        {
            "code": term.CodedValue,
            "words": term.Decode.TranslatedText[0]._content if getattr(term, "Decode", None) else "",
            "extended": term.ExtendedValue == "Yes",
        }
        for term in (*one.CodeListItem, *one.EnumeratedItem)
    ]
    return {"oid": one.OID, "name": one.Name, "terms": terms, "own": one.IsNonStandard == "Yes"}


def _result(
    result: Any, clauses: dict[str, str], items: dict[str, Any], names: dict[str, str]
) -> dict[str, Any]:
    return {
        "oid": result.OID,
        "words": _text(result),
        "reason": result.AnalysisReason,
        "purpose": result.AnalysisPurpose,
        "documentation": _text(result.Documentation),
        "code": result.ProgrammingCode.Code._content,
        "datasets": [
            {
                "oid": one.ItemGroupOID,
                "name": names[one.ItemGroupOID],
                "where": clauses[one.WhereClauseRef.WhereClauseOID] if one.WhereClauseRef else "",
                "variables": [items[variable.ItemOID].Name for variable in one.AnalysisVariable],
            }
            for one in result.AnalysisDatasets.AnalysisDataset
        ],
    }


def _clause(clause: Any, items: dict[str, Any]) -> str:
    check = clause.RangeCheck[0]
    values = ", ".join(value._content for value in check.CheckValue)
    return f"{items[check.ItemOID].Name} = {values}"


def _text(one: Any) -> str:
    texts = one.Description.TranslatedText if one.Description else ()
    return str(texts[0]._content) if texts else ""
