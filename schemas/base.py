"""How a table's shape is written down, once, for many readers.

A table is a pandera class. `column()` adds to a pandera field what other readers need: the label,
the codelist, what kind of cell the raw text holds. From the class come the validation, the Dagster
Columns tab and checks, the DuckDB DDL with comments, and the dictionary. What does not belong here:
any column of any table, reading or writing of files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

LABEL_LENGTH = 40
ABSENT: tuple[Any, ...] = ()
"""For `column(blinded=...)`: the column tells the treatment and is not there while treatments are blinded."""
Severity = Literal["withhold", "reject", "query"]
"""What becomes of a received row that breaks a rule: it is turned away and its text is shown to nobody; it is
turned away; it is accepted without the cell."""


def column(
    label: str,
    *,
    required: bool = True,
    codelist: Sequence[Any] | None = None,
    kind: str | None = None,
    missing: Sequence[str] = (),
    severity: Severity = "reject",
    severity_of: Mapping[str, Severity] | None = None,
    blinded: Sequence[Any] | None = None,
    comment: str = "",
    sources: Sequence[str] = (),
    **checks: Any,
) -> Any:
    """A pandera field with the metadata our readers need.

    label: at most 40 characters (ADaMIG 3.1.1). required: no nulls. codelist: the allowed values.
    kind: what a raw cell holds where that is more than its dtype (`date_raw`: text that must follow
    the date grammar). missing: raw texts that mean "not known" and are read as null. severity: what
    becomes of a received row whose cell breaks a rule; severity_of: where that differs, by the name of
    the check. blinded: what the column may hold while treatments are blinded; nothing at all (`ABSENT`):
    then there is no such column. comment: how the column is derived, in a sentence; sources: from which
    columns (`pipeline.lineage` says how they are written). checks: any other keyword of `pandera.Field` (ge,
    le, unique, ...).
    """
    if len(label) > LABEL_LENGTH:
        raise ValueError(f"label longer than {LABEL_LENGTH} characters: {label!r}")
    if codelist is not None:
        checks["isin"] = list(codelist)
    metadata = {
        "kind": kind,
        "missing": tuple(missing),
        "codelist": tuple(codelist or ()),
        "severity": severity,
        "severity_of": dict(severity_of or {}),
        "blinded": None if blinded is None else tuple(blinded),
        "sources": tuple(sources),
    }
    return pa.Field(
        title=label, description=comment or None, nullable=not required, metadata=metadata, **checks
    )


@dataclass(frozen=True)
class Secret:
    """Words that no cell of a table may hold: a row received with them is turned away and shown to nobody.

    rule: its name; secrets of one name are one rule. pattern: a regular expression. words: what it forbids.
    allowed: columns that may hold them. until: only rows with an earlier `received_dt` (or none) are meant.
    A model names its secrets in `Config.metadata`.
    """

    rule: str
    pattern: str
    words: str
    allowed: tuple[str, ...] = ()
    until: dt.date | None = None


class Table(pa.DataFrameModel):
    """Base of every table: strict columns; `key` and `label` are given by `table(...)`."""

    class Config:
        strict = True
        ordered = False


@dataclass(frozen=True)
class Column:
    """One column as its readers see it."""

    name: str
    dtype: type[pl.DataType]
    label: str
    required: bool
    codelist: tuple[Any, ...]
    kind: str | None
    missing: tuple[str, ...]
    severity: Severity
    comment: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One rule of a table: `name` is unique in the table, `column` is None for a rule on the row set."""

    name: str
    column: str | None
    description: str
    severity: Severity = "reject"


@cache
def columns(model: type[Table]) -> tuple[Column, ...]:
    """The table's columns in their declared order."""
    schema = model.to_schema()
    out = []
    for name, spec in schema.columns.items():
        meta = spec.metadata or {}
        out.append(
            Column(
                name=name,
                dtype=spec.dtype.type,
                label=spec.title or name,
                required=not spec.nullable,
                codelist=meta.get("codelist", ()),
                kind=meta.get("kind"),
                missing=meta.get("missing", ()),
                severity=meta.get("severity", "reject"),
                comment=spec.description or "",
                sources=meta.get("sources", ()),
            )
        )
    return tuple(out)


@cache
def accepted(model: type[Table]) -> type[Table]:
    """The table of a form's accepted rows: a cell of a column whose severity is `query` may be null."""

    def to_schema(cls: type[Table]) -> Any:
        schema = super(relaxed, cls).to_schema()
        for column in columns(model):
            schema.columns[column.name].nullable |= column.severity == "query"
        return schema

    relaxed = _variant(model, to_schema)
    return relaxed


@cache
def telling(model: type[Table]) -> frozenset[str]:
    """The columns that tell the treatment: a blinded table does not have them."""
    return frozenset(names(model)) - frozenset(names(blinded(model)))


@cache
def blinded(model: type[Table]) -> type[Table]:
    """The table while treatments are blinded: without the columns that tell them, with fewer values."""

    def to_schema(cls: type[Table]) -> Any:
        schema = deepcopy(super(masked, cls).to_schema())  # pandera keeps its own, and may hand it out again
        for name, spec in list(schema.columns.items()):
            allowed = (spec.metadata or {}).get("blinded")
            if allowed is None:
                continue
            if allowed == ABSENT:
                del schema.columns[name]
            else:
                spec.metadata = {**spec.metadata, "codelist": allowed}
                others = [check for check in spec.checks if check.name != "isin"]
                spec.checks = [pa.Check.isin(list(allowed)), *others]
        return schema

    masked = _variant(model, to_schema)
    return masked


def _variant(model: type[Table], to_schema: Any) -> type[Table]:
    """The same table by name, with another schema."""
    members: dict[str, Any] = {
        "__doc__": model.__doc__,
        "__module__": model.__module__,
        "to_schema": classmethod(cache(to_schema)),  # type: ignore[arg-type]
    }
    return type(model.__name__, (model,), members)


def names(model: type[Table]) -> list[str]:
    """The table's column names in their declared order."""
    return [c.name for c in columns(model)]


def dtypes(model: type[Table]) -> dict[str, type[pl.DataType]]:
    """The table's polars schema."""
    return {c.name: c.dtype for c in columns(model)}


def empty(model: type[Table]) -> pl.DataFrame:
    """The table with no rows."""
    return pl.DataFrame(schema=dtypes(model))


def key(model: type[Table]) -> list[str]:
    """The columns that identify a row."""
    unique = model.to_schema().unique
    return list(unique or [])


def label(model: type[Table]) -> str:
    """What the table holds, in one line: its `title`, else the first line of its docstring."""
    return (model.to_schema().title or (model.__doc__ or "").strip().splitlines()[0]).strip()


def secrets(model: type[Table]) -> tuple[Secret, ...]:
    """The words that no cell of the table may hold."""
    return tuple(_about(model).get("secrets", ()))


def row_sources(model: type[Table]) -> tuple[str, ...]:
    """The columns that decide which rows the table has, written as the `sources` of a column are."""
    return tuple(_about(model).get("rows", ()))


def _about(model: type[Table]) -> Mapping[str, Any]:
    """What a model says of itself in `Config.metadata`."""
    config = model.__config__
    return (config.metadata or {}) if config else {}


@cache
def rules(model: type[Table]) -> tuple[Rule, ...]:
    """Every rule the table checks, in a stable order."""
    return tuple(_rules(model))


def _rules(model: type[Table]) -> Iterator[Rule]:
    schema = model.to_schema()
    yield Rule("columns", None, "exactly the declared columns, each of its declared type")
    if schema.unique:
        yield Rule("key", None, f"one row per {', '.join(schema.unique)}")
    for name, spec in schema.columns.items():
        meta = spec.metadata or {}
        severity = meta.get("severity", "reject")
        if not spec.nullable:
            yield Rule(f"{name}_not_null", name, "a value in every row", severity)
        if spec.unique:
            yield Rule(f"{name}_unique", name, "no value twice", severity)
        for check in spec.checks:
            own = meta.get("severity_of", {}).get(check.name, severity)
            yield Rule(f"{name}_{check.name}", name, str(check.error or check.name), own)
    for name, words in {secret.rule: secret.words for secret in secrets(model)}.items():
        yield Rule(name, None, words, "withhold")
    for check in schema.checks:
        yield Rule(str(check.name), None, str(check.error or check.description or check.name))


FAILURES = {"RULE": pl.String, "COLUMN": pl.String, "ROW": pl.Int64, "VALUE": pl.String, "MESSAGE": pl.String}


def failures(model: type[Table], frame: pl.DataFrame) -> pl.DataFrame:
    """Validate eagerly; one line per failing cell or row: RULE, COLUMN, ROW (0-based), VALUE, MESSAGE.

    RULE is a name out of `rules(model)`. ROW is null where the whole table fails (a missing column, a
    wrong type, a check that could not run). An empty answer means that the table is valid.
    """
    schema = model.to_schema()
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    else:
        return pl.DataFrame(schema=FAILURES)
    rule_of = {(r.column, r.description): r.name for r in rules(model)}
    known = {r.name for r in rules(model)}
    lines = []
    for value, context, column, check, _, row in cases.iter_rows():
        on = column if context == "Column" else None
        if check == "multiple_fields_uniqueness":
            rule = "key"
        elif check == "not_nullable":
            rule = f"{on}_not_null"
        elif check == "field_uniqueness":
            rule = f"{on}_unique"
        else:
            rule = rule_of.get((on, check), "columns")
        message = next(r.description for r in rules(model) if r.name == rule) if rule in known else check
        if rule == "columns":
            message, on = f"{check}: {value}", on or value
        lines.append((rule, on, row, value, message))
    return pl.DataFrame(lines, schema=FAILURES, orient="row")
