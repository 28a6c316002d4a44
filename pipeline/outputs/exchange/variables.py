"""What a dataset's file says about each variable, whatever the file's format.

Labels, types and keys come from the dataset's pandera class. What does not belong here: the bytes of a
format, which datasets are exchanged (`datasets.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from schemas import base
from schemas.base import Table

FORMATS: dict[type[pl.DataType], str] = {pl.Date: "DATE9.", pl.Time: "TIME8."}
"""How SAS shows a number that is a date or a time of day."""


@dataclass(frozen=True)
class Fault:
    """What stands in the way of a file: where, the value if one is to blame (as shown), and why."""

    where: str
    why: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.value} {self.why}" if self.value else f"{self.where}: {self.why}"


class NotExportable(ValueError):
    """A dataset cannot be written without losing something; the message has a line for each fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class Variable:
    """One variable; length: the bytes of a text, None for other types; key: its place in the key, from 1."""

    name: str
    label: str
    dtype: pl.DataType
    length: int | None
    key: int | None


def variables(
    frame: pl.DataFrame, model: type[Table], *, name: str, lengths: Mapping[str, int] | None = None
) -> list[Variable]:
    """The frame's variables in the class's order; one that tells the arm is not in every frame.

    name: the dataset's, for messages. lengths: of texts that are declared longer than their longest value.
    Raises NotExportable for a column that the class does not have, or has with another type.
    """
    declared = {column.name: column for column in base.columns(model)}
    foreign = [column for column in frame.columns if column not in declared]
    if foreign:
        raise NotExportable(
            Fault(f"{name}.{column}", f"not declared in {model.__name__}") for column in foreign
        )
    other = [column for column, dtype in frame.schema.items() if dtype != declared[column].dtype]
    if other:
        raise NotExportable(
            Fault(f"{name}.{column}", f"{frame.schema[column]}, and is declared as {declared[column].dtype}")
            for column in other
        )
    key = key_of(model)
    longest = longest_texts(frame)
    return [
        Variable(
            name=column,
            label=declared[column].label,
            dtype=frame.schema[column],
            length=max(longest[column], (lengths or {}).get(column, 0)) if column in longest else None,
            key=key.index(column) + 1 if column in key else None,
        )
        for column in declared
        if column in frame.columns
    ]


def first_fault(name: str, values: pl.Series, broken: pl.Expr, why: str) -> Fault:
    """The first of a variable's values for which an expression over it is true, and how many there are.

    name: the dataset's. Raises IndexError where there is none.
    """
    rows = values.to_frame().select(broken.fill_null(False).arg_true()).to_series()
    first = int(rows[0])
    more = f" ({rows.len()} such rows)" if rows.len() > 1 else ""
    value = values[first]
    shown = repr(value) if isinstance(value, str | int | float) else str(value)
    return Fault(f"{name}.{values.name}, row {first + 1}", f"{why}{more}", shown)


def key_of(model: type[Table]) -> list[str]:
    """What identifies a row within the dataset of one cut-off: the study stands in the cut-off's place."""
    return ["STUDYID" if column == "CUTOFF" else column for column in base.key(model)]


def longest_texts(frame: pl.DataFrame) -> dict[str, int]:
    """The bytes of the longest value of each text variable, at least 1."""
    texts = frame.select(pl.col(pl.String).str.len_bytes().max().fill_null(0).clip(1))
    return {column: int(texts[column].item()) for column in texts.columns}
