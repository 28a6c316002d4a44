"""Value level: what a variable is for one parameter, test or qualifier.

What does not belong here: the variable as a whole (`datasets.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.outputs.exchange import Dataset

if TYPE_CHECKING:
    from pipeline.outputs.define.datasets import Described


def describe_values(described: Described, dataset: Dataset) -> dict[str, str]:
    """Add the value lists of a dataset; by variable, the OID of its list."""
    from odmlib.arm_1_0 import model as xml

    found: dict[str, str] = {}
    for variable, by in _listed(dataset):
        listed = xml.ValueListDef(OID=f"VL.{dataset.name}.{variable}")
        rows = dataset.frame.filter(pl.col(variable).is_not_null())
        for order, code in enumerate(rows[by].unique().sort(), start=1):
            ref, item = _value(described, dataset, variable, by, code, rows.filter(pl.col(by) == code))
            ref.OrderNumber = order
            listed.ItemRef.append(ref)
            described.items.append(item)
        if listed.ItemRef:
            described.value_lists.append(listed)
            found[variable] = str(listed.OID)
    return found


def where_equal(described: Described, dataset: str, variable: str, values: tuple[str, ...]) -> str:
    """The OID of the clause that selects the rows whose variable has one of these values."""
    from odmlib.arm_1_0 import model as xml

    oid = f"WC.{dataset}.{variable}.{'.'.join(values)}"
    if oid not in described.where_clauses:
        check = xml.RangeCheck(
            Comparator="EQ" if len(values) == 1 else "IN", SoftHard="Soft", ItemOID=f"IT.{dataset}.{variable}"
        )
        check.CheckValue = [xml.CheckValue(_content=value) for value in values]
        described.where_clauses[oid] = xml.WhereClauseDef(OID=oid, RangeCheck=[check])
    return oid


def _listed(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """The variables whose values are told one by one, and the variable that tells them apart."""
    columns, code = dataset.frame.columns, f"{dataset.name}TESTCD"
    if "PARAMCD" in columns:
        yield from ((name, "PARAMCD") for name in ("AVAL", "AVALC") if name in columns)
    elif code in columns:
        result = f"{dataset.name}STRESN"
        yield (result if result in columns else f"{dataset.name}STRESC", code)
    elif "QNAM" in columns:
        yield ("QVAL", "QNAM")


def _value(
    described: Described, dataset: Dataset, variable: str, by: str, code: str, rows: pl.DataFrame
) -> tuple[Any, Any]:
    """The reference and the definition of a variable's values for one code."""
    from odmlib.arm_1_0 import model as xml

    from pipeline.outputs.define.datasets import data_type, origin

    name = f"{dataset.name}.{variable}.{code}"
    clause = where_equal(described, dataset.name, by, (code,))
    ref = xml.ItemRef(ItemOID=f"IT.{name}", Mandatory="No")
    ref.WhereClauseRef = [xml.WhereClauseRef(WhereClauseOID=clause)]
    values = rows[variable]
    longest = values.str.len_bytes().max() if values.dtype == pl.String else None
    item = xml.ItemDef(OID=f"IT.{name}", Name=code, SASFieldName=variable, **data_type(values, longest))  # type: ignore[arg-type]
    item.Description = described.text(_label(dataset.name, rows, by, code))
    domain = dataset.name.removeprefix("SUPP").lower()
    place = (dataset.standard, domain, code if by == "QNAM" else variable)
    if (behind := described.lineage.get(place)) is not None:
        item.Origin = [origin(described, behind)]
    sentence = described.parameters.get(dataset.name.lower(), {}).get(code, ("",))[0]
    if sentence:
        ref.MethodOID = described.method(name, sentence)
    elif behind is not None and by == "QNAM":
        item.CommentOID = described.comment(behind.derivation)
    return ref, item


def _label(dataset: str, rows: pl.DataFrame, by: str, code: str) -> str:
    """What the code stands for, with the unit of its results where all have one."""
    words = {"PARAMCD": "PARAM", "QNAM": "QLABEL"}.get(by, by[:-2])
    label = str(rows[words][0]) if words in rows.columns else code
    unit = f"{dataset}STRESU"
    units = rows[unit].drop_nulls().unique() if unit in rows.columns else pl.Series([], dtype=pl.String)
    return f"{label} ({units[0]})" if len(units) == 1 else label
