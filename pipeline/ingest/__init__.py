"""Ingest: form files in, typed rows accepted, the others kept as received with the reasons why not.

Every row received is accepted or quarantined, never both, never neither. A row is accepted without a cell
that is wrong where the form's schema says that it can do without (severity `query`); the finding stays. A
form is a name and a schema, so nothing here knows a trial. What does not belong here: checks between forms,
cut-offs, any other change of a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.ingest.cells import FAULTS, is_measured, iso_dates, type_cells
from pipeline.ingest.records import Records, read_fields, read_records
from pipeline.ingest.transfers import (
    IngestError,
    Transfer,
    check_file,
    read_entry,
    read_json,
    read_manifests,
)
from schemas.base import (
    Column,
    Rule,
    Severity,
    Table,
    columns,
    dtypes,
    empty,
    failures,
    key,
    names,
    rules,
    secrets,
)
from schemas.quality import Findings, Quarantine, Receipt

__all__ = [
    "FILE_RULES",
    "TREATMENT_COLUMN_RULE",
    "WITHHELD",
    "IngestError",
    "Ingested",
    "Transfer",
    "door_rules",
    "ingest_form",
    "ingest_restricted",
    "iso_dates",
    "read_manifests",
]

SOURCE = {"TRANSFER": pl.Date, "FILE": pl.String, "LINE": pl.Int64}
"""Where an accepted row comes from: these columns follow those of the form."""

FILE_RULES = (
    "column_missing",
    "column_unknown",
    "column_duplicated",
    "header",
    "empty_file",
    "no_rows",
    "encoding",
    "nul_byte",
    "quoting",
    "truncated",
    "fields",
)
"""What can be wrong with a file or with a record of it, whatever the form."""

TREATMENT_COLUMN_RULE = "column_treatment"
TREATMENT_COLUMN = re.compile(r"(act)?arm(_?cd)?|trt.*|treatment(_(arm|group|code))?|(study_)?drug", re.I)
"""Names of columns that hold who gets which treatment; no form has one, so they are unknown columns."""

WITHHELD = "withheld: it may name a treatment or a person"
_IDENTITY = {
    "PATIENT": ("patient_id", pl.String),
    "SITE": ("site_code", pl.String),
    "VERSION": ("record_version", pl.Int64),
}
_FAULTS = {"COLUMN": pl.String, "RULE": pl.String, "VALUE": pl.String, "WORDS": pl.String}
_ROW = {"LINE": pl.Int64, "TEXT": pl.String, "RECORD": pl.String, "TRANSFER": pl.Date, "FILE": pl.String}
_NONE = pl.lit(None, pl.String)
_LONGEST_LIST = 15
_LONGEST_VALUE = 60
_ROWS_TOGETHER = 1_000_000
"""Files are looked at together up to so many rows: a form has dozens of rules, and each costs a call; but a
row as text takes several times the memory of its values."""


@dataclass(frozen=True)
class Ingested:
    """One form over all transfers: `accepted` has the form's columns and SOURCE, the others their schemas."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    findings: pl.DataFrame
    receipt: pl.DataFrame


@dataclass(frozen=True)
class _File:
    """One file taken apart, before its cells are looked at.

    source: TRANSFER and FILE. received: the number of its records. rows: LINE, TEXT and RECORD of those that
    can be read, and `cells` their texts. unreadable: LINE, TEXT and RECORD of the others. faults: what is
    wrong with the file or with those, with LINE; line 1 stands for the whole file.
    """

    source: dict[str, Any]
    received: int
    rows: pl.DataFrame
    cells: pl.DataFrame
    unreadable: pl.DataFrame
    faults: pl.DataFrame


@dataclass(frozen=True)
class _Part:
    """Some files of a form, before their keys are held against those of other files.

    received: TRANSFER, FILE and RECEIVED of each file. typed: the rows that can be accepted, in
    the form's types, with LINE, TEXT, RECORD, TRANSFER, FILE. turned_away: the last five of the others.
    faults: what is wrong with any of them or with a file, and who it is about.
    """

    received: list[dict[str, Any]]
    typed: pl.DataFrame
    turned_away: pl.DataFrame
    faults: pl.DataFrame


def ingest_form(stem: str, model: type[Table], transfers: Iterable[Transfer]) -> Ingested:
    """One form over all transfers, in order of their dates.

    A key that was accepted before is a fault of the later row; a row that was turned away holds no key, so
    that a corrected one can follow it.
    """

    def files() -> Iterator[_File]:
        for transfer in sorted(transfers, key=lambda t: t.date):
            if stem in transfer.forms:
                source = {"TRANSFER": transfer.date, "FILE": f"{transfer.name}/{stem}.csv"}
                yield _read_file(model, transfer.folder / f"{stem}.csv", source)

    return _assemble(stem, model, [_look_at(model, some) for some in _together(files())])


def ingest_restricted(path: Path, manifest: Path, model: type[Table]) -> Ingested:
    """The treatment code list, held against the manifest that is kept in the open area.

    It is taken whole or not at all: IngestError on another hash or row count, and on any fault in a row. The
    messages name lines and rules, never a value, because they may reach people who are blinded.
    """
    contents = read_json(manifest)
    if Path(str(contents.get("file"))).name != path.name:  # the folder may be another on this machine
        raise IngestError(f"{manifest.name} is the manifest of {contents.get('file')!r}, not of {path.name}")
    try:
        rows, sha256 = read_entry(contents)
    except ValueError as error:
        raise IngestError(f"{manifest.name} is not a manifest: {error}") from None
    if reasons := check_file(path, rows, sha256):
        raise IngestError("; ".join(reasons))
    source = {"TRANSFER": None, "FILE": f"{path.parent.name}/{path.name}"}
    ingested = _assemble(path.stem, model, [_look_at(model, [_read_file(model, path, source)])])
    if ingested.findings.height:
        where = ingested.findings.select(pl.format("line {} ({})", "LINE", "RULE")).to_series()
        raise IngestError(f"{source['FILE']} is faulty: {', '.join(where.head(10))}")
    return ingested


def _together(files: Iterable[_File]) -> Iterator[list[_File]]:
    """The files in groups of up to _ROWS_TOGETHER rows; a larger one is alone."""
    some: list[_File] = []
    for file in files:
        if some and sum(f.rows.height for f in some) + file.rows.height > _ROWS_TOGETHER:
            yield some
            some = []
        some.append(file)
    if some:
        yield some


def _read_file(model: type[Table], path: Path, source: dict[str, Any]) -> _File:
    records = read_records(path.read_bytes())
    received = records.lines.height
    hidden = pl.when(_secret(model)).then(pl.lit(WITHHELD)).otherwise("TEXT")
    if header := _header_faults(model, records):
        rows = records.lines.with_columns(RECORD=_NONE)
        if any(rule == TREATMENT_COLUMN_RULE for _, rule, _, _ in header):
            hidden = pl.lit(WITHHELD)
        why = {"RULE": pl.lit("header"), "WORDS": pl.lit("cannot be read because the file's header is wrong")}
        faults = pl.concat([_file_faults(header), rows.select("LINE", **why)], how="diagonal")
        return _File(source, received, rows.clear(), _no_cells(model), rows.with_columns(TEXT=hidden), faults)

    rows, cells = _rows_and_cells(model, records)
    broken = rows["RULE"].is_not_null()
    unreadable = rows.filter(broken)
    reasons = [unreadable.select("LINE", "RULE", WORDS="REASON")]
    if not received:
        reasons.append(_file_faults([(None, "no_rows", None, "the file has a header and no rows")]))
    return _File(
        source,
        received,
        _only(rows, ~broken).drop("RULE", "REASON"),
        _only(cells, ~broken),
        unreadable.drop("RULE", "REASON").with_columns(TEXT=hidden),
        pl.concat(reasons, how="diagonal"),
    )


def _rows_and_cells(model: type[Table], records: Records) -> tuple[pl.DataFrame, pl.DataFrame]:
    """LINE, TEXT, RULE, REASON, RECORD of each record, and its trimmed cells, null where blank."""
    fields = read_fields(records)
    cells = fields.select(
        pl.col(str(records.header.index(name))).str.strip_chars().replace("", None).alias(name)
        for name in names(model)
    )
    record = pl.concat_str([pl.col(name).fill_null("") for name in key(model)], separator="/")
    rows = fields.select("LINE", "TEXT", "RULE", "REASON", RECORD=cells.select(record).to_series())
    # The fields of a record that cannot be read may be shifted, so its key is not to be trusted.
    return rows.with_columns(RECORD=pl.when(pl.col("RULE").is_null()).then("RECORD")), cells


def _identity(model: type[Table]) -> list[pl.Expr]:
    """PATIENT, SITE and VERSION of a form's rows, null where the form does not have them."""
    known = names(model)
    return [
        (pl.col(name) if name in known else pl.lit(None, dtype)).alias(column)
        for column, (name, dtype) in _IDENTITY.items()
    ]


def _only(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """The rows that are true; filter() alone would copy a file of which every row is right."""
    return frame if rows.all() else frame.filter(rows)


def _file_faults(faults: list[tuple[str | None, str, str | None, str]]) -> pl.DataFrame:
    return pl.DataFrame(faults, schema=_FAULTS, orient="row").with_columns(LINE=pl.lit(1, pl.Int64))


def _no_cells(model: type[Table]) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(names(model), pl.String))


def _header_faults(model: type[Table], records: Records) -> list[tuple[str | None, str, str | None, str]]:
    """COLUMN, RULE, VALUE and WORDS of everything that makes the file something else than this form."""
    if records.fault:
        return [(None, "encoding", None, f"the file {records.fault}")]
    if not records.header:
        return [(None, "empty_file", None, "the file is empty: it has not even a header")]
    header, expected = records.header, names(model)
    faults: list[tuple[str | None, str, str | None, str]] = [
        (name, "column_missing", None, "is missing from the header")
        for name in expected
        if name not in header
    ]
    for name in dict.fromkeys(header):
        if name not in expected and TREATMENT_COLUMN.fullmatch(name):
            words = "may tell who gets which treatment, which no form may"
            faults.append((name, TREATMENT_COLUMN_RULE, None, words))
        elif name not in expected:
            faults.append((name, "column_unknown", None, "is not a column of this form"))
        elif header.count(name) > 1:
            faults.append(
                (name, "column_duplicated", None, f"stands {header.count(name)} times in the header")
            )
    return faults


def _type_and_check(
    model: type[Table], text: pl.Series, cells: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The typed values, null where a cell is wrong, and ROW, SEVERITY and _FAULTS of what is wrong.

    text: the records that the cells are of, as received.
    """
    values, untyped = type_cells(model, cells)
    failed = failures(model, values)
    if failed["ROW"].null_count():
        # Types and columns are right by now: a rule that names no row could not run, which is our own fault.
        raise IngestError(f"{model.__name__}: {failed.filter(pl.col('ROW').is_null())['MESSAGE'][0]}")
    # Keys are held against all files of the form in _assemble. An untyped cell is null, but was not blank.
    broken = failed.filter(pl.col("RULE") != "key").select("ROW", "COLUMN", "RULE")
    broken = broken.join(untyped, on=["ROW", "COLUMN"], how="anti", maintain_order="left")
    faults = pl.concat([untyped, broken, _secret_cells(model, text, cells, values)])
    parts = faults.partition_by("COLUMN", as_dict=True, maintain_order=True)
    received = [faults.clear().with_columns(VALUE=_NONE)]
    for (name,), part in parts.items():
        received.append(part.with_columns(VALUE=cells[name].gather(part["ROW"]) if name else _NONE))
        if name:
            values = values.with_columns(values[name].scatter(part["ROW"], None))
    known = door_rules(model)
    words, severity = ({r.name: getattr(r, of) for r in known} for of in ("description", "severity"))
    faults = pl.concat(received).with_columns(
        WORDS=pl.col("RULE").replace_strict(words, return_dtype=pl.String),
        SEVERITY=pl.col("RULE").replace_strict(severity, return_dtype=pl.String),
    )
    secret = (pl.col("SEVERITY") == "withhold").any().over("ROW")
    return values, faults.with_columns(VALUE=pl.when(secret).then(pl.lit(WITHHELD)).otherwise("VALUE"))


def _secret_cells(
    model: type[Table], text: pl.Series, cells: pl.DataFrame, values: pl.DataFrame
) -> pl.DataFrame:
    """ROW, COLUMN and RULE of the cells that hold a secret of the form."""
    found = [pl.DataFrame(schema=FAULTS)]
    for secret in secrets(model):
        at = text.str.contains(secret.pattern).arg_true()  # few rows, of which each cell is then looked at
        if secret.until:
            at = at.filter((values["received_dt"].gather(at) < secret.until).fill_null(True))
        for name in names(model) if len(at) else ():
            if name not in secret.allowed:
                held = at.filter(cells[name].gather(at).str.contains(secret.pattern).fill_null(False))
                rows = pl.DataFrame({"ROW": held.cast(pl.Int64)})
                found.append(rows.with_columns(COLUMN=pl.lit(name), RULE=pl.lit(secret.rule)))
    return pl.concat(found).unique(maintain_order=True)


def _secret(model: type[Table]) -> pl.Expr:
    """Whether TEXT, of which the cells are not known, may hold a secret of the form."""
    held = [pl.col("TEXT").str.contains(secret.pattern) for secret in secrets(model)]
    return pl.any_horizontal(held) if held else pl.lit(False)


@cache
def door_rules(model: type[Table]) -> tuple[Rule, ...]:
    """The rules that a row of a form can break at the door; `description` is what is said of the value."""
    schema = model.to_schema().columns
    found = [
        replace(rule, description=f"breaks the rule: {rule.description}")
        for rule in rules(model)
        if rule.name != "columns"
    ]
    for column in columns(model):
        said = {f"{column.name}_{c.name}": _check_words(column, c) for c in schema[column.name].checks}
        said[f"{column.name}_not_null"] = "a value is required"
        found = [replace(rule, description=said.get(rule.name, rule.description)) for rule in found]
        for fault, words in _typing_words(column).items():
            severity: Severity = "reject" if fault == "missing_code" else column.severity
            found.append(Rule(f"{column.name}_{fault}", column.name, words, severity))
    return tuple(found)


def _typing_words(column: Column) -> dict[str, str]:
    """What can go wrong in typing a cell of the column, and what is said of it."""
    if column.kind == "date_raw" or column.dtype == pl.Date:
        return {"not_a_date": "is not a date" if column.kind else "is not a full date"}
    if column.dtype not in (pl.Int64, pl.Float64):
        return {}
    words = {"not_a_number": "is not a whole number" if column.dtype == pl.Int64 else "is not a number"}
    if is_measured(column):
        words["missing_code"] = "is a missing code that the column does not list"
    return words


def _check_words(column: Column, check: Any) -> str:
    match check.name:
        case "isin" if len(column.codelist) <= _LONGEST_LIST:
            return f"is not one of {', '.join(str(code) for code in column.codelist)}"
        case "isin":
            return f"is not one of the {len(column.codelist)} codes of this column"
        case "str_matches" if column.kind == "result":
            return "is not a number"
        case "str_matches":
            return f"does not have the form {check.statistics['pattern']}"
        case "greater_than_or_equal_to":
            return f"is below {check.statistics['min_value']}"
        case "less_than_or_equal_to":
            return f"is above {check.statistics['max_value']}"
        case _:
            return f"breaks the rule: {check.error or check.name}"


def _look_at(model: type[Table], files: list[_File]) -> _Part:
    """Type and check the cells of some files."""
    rows = pl.concat([_with_source(f.rows, f) for f in files], rechunk=True)
    values, in_cells = _type_and_check(model, rows["TEXT"], pl.concat([f.cells for f in files], rechunk=True))
    at, severity = in_cells["ROW"], in_cells["SEVERITY"]
    about = pl.concat([rows.drop("TEXT"), values], how="horizontal").select(
        "TRANSFER", "FILE", "LINE", "RECORD", *_identity(model)
    )
    of_cells = pl.concat([in_cells.drop("ROW", "SEVERITY"), about[at]], how="horizontal")
    number = pl.int_range(rows.height, eager=True)
    fine = ~number.is_in(at.filter(severity != "query").unique().implode())
    secret = number.is_in(at.filter(severity == "withhold").unique().implode())
    wrong = rows.with_columns(TEXT=pl.when(secret).then(pl.lit(WITHHELD)).otherwise("TEXT")).filter(~fine)
    return _Part(
        received=[{**f.source, "RECEIVED": f.received} for f in files],
        typed=_only(pl.concat([values, rows], how="horizontal"), fine),
        turned_away=pl.concat([*(_with_source(f.unreadable, f) for f in files), wrong], how="diagonal"),
        faults=pl.concat([*(_with_source(f.faults, f) for f in files), of_cells], how="diagonal"),
    )


def _assemble(stem: str, model: type[Table], parts: list[_Part]) -> Ingested:
    typed = pl.concat([pl.DataFrame(schema={**dtypes(model), **_ROW}), *(part.typed for part in parts)])
    first = typed.select(pl.struct(key(model)).is_first_distinct()).to_series()
    accepted, repeated = _only(typed.select(*names(model), *SOURCE), first), typed.filter(~first)
    earlier = accepted.join(repeated, on=key(model), how="semi").select(
        *key(model), WORDS=pl.format("was received before, in {} line {}", "FILE", "LINE")
    )
    again = repeated.join(earlier, on=key(model), how="left", maintain_order="left")
    again = again.with_columns(*_identity(model), COLUMN=_NONE, RULE=pl.lit("key"), VALUE="RECORD")

    turned_away = pl.concat([*(part.turned_away for part in parts), repeated], how="diagonal")
    faults = pl.concat([*(part.faults for part in parts), again], how="diagonal")
    received = [{"FORM": stem, **file} for part in parts for file in part.received]
    return Ingested(
        accepted=accepted,
        quarantined=_shaped(Quarantine, turned_away.with_columns(FORM=pl.lit(stem))).sort("FILE", "LINE"),
        findings=_findings(stem, faults, accepted),
        receipt=_receipt(received, accepted, turned_away),
    )


def _with_source(frame: pl.DataFrame, file: _File) -> pl.DataFrame:
    return frame.with_columns(pl.lit(value, SOURCE[name]).alias(name) for name, value in file.source.items())


def _shaped(model: type[Table], frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([empty(model), frame.select(names(model))], how="vertical")


def _findings(stem: str, faults: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    who = [pl.lit(None, t).alias(n) for n, (_, t) in _IDENTITY.items() if n not in faults.columns]
    kept = accepted.select("FILE", "LINE", OUTCOME=pl.lit("kept"))
    faults = faults.with_columns(who).join(kept, on=["FILE", "LINE"], how="left", maintain_order="left")
    faults = faults.with_columns(pl.col("OUTCOME").fill_null("quarantined"))
    value = pl.col("VALUE").str.replace_all(r"\s+", " ")
    long = value.str.len_chars() > _LONGEST_VALUE
    shown = pl.when(long).then(pl.format("{}...", value.str.head(_LONGEST_VALUE))).otherwise(value)
    where = pl.format("{} line {}", "FILE", "LINE")
    column = (
        pl.when(pl.col("COLUMN").is_null()).then(pl.lit("")).otherwise(pl.format(", column {}", "COLUMN"))
    )
    what = (
        pl.when(pl.col("VALUE").is_null() | (pl.col("VALUE") == WITHHELD))
        .then("WORDS")
        .when(pl.col("RULE").str.ends_with("_not_null"))
        .then(pl.format('"{}" is a missing code, {}', shown, "WORDS"))
        .otherwise(pl.format('"{}" {}', shown, "WORDS"))
    )
    told = faults.with_columns(FORM=pl.lit(stem), MESSAGE=pl.format("{}{}: {}", where, column, what))
    return _shaped(Findings, told).sort("FILE", "LINE", maintain_order=True)


def _receipt(files: list[dict[str, Any]], accepted: pl.DataFrame, turned_away: pl.DataFrame) -> pl.DataFrame:
    counted = ("ACCEPTED", "QUARANTINED")
    known = {name: dtype for name, dtype in dtypes(Receipt).items() if name not in counted}
    received = pl.DataFrame(files, schema=known)
    counts = [
        frame.group_by("FILE").agg(pl.len().cast(pl.Int64).alias(name))
        for name, frame in (("ACCEPTED", accepted), ("QUARANTINED", turned_away))
    ]
    for count in counts:
        received = received.join(count, on="FILE", how="left", maintain_order="left")
    return _shaped(Receipt, received.with_columns(pl.col("ACCEPTED", "QUARANTINED").fill_null(0)))
