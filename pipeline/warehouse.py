"""DuckDB in and out: a release is built beside the old one and replaces it in one step; queries only read.

What belongs here: everything that knows DuckDB. What does not: which tables a release holds, how they were
made, how an answer is shown. Tables and their columns are described by the pandera classes alone.
"""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

if TYPE_CHECKING:  # pandera is slow to import and `query` has no use for it
    from pipeline.study import View
    from schemas.base import Column, Table

TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.Date: "DATE",
    pl.Boolean: "BOOLEAN",
}


_NO_PROGRESS_BAR = "SET enable_progress_bar = false"  # it goes to standard output, between our own lines


class WarehouseError(Exception):
    """A release that cannot be built or a query that cannot be answered; the message is one line."""


@dataclass(frozen=True)
class WarehouseTable:
    """A table of a release: where it goes, its shape, and the Parquet files whose rows it takes in order.

    optional: columns that a file may lack (its rows have none of them) or that it may have and the table not.
    """

    schema: str
    name: str
    model: type[Table]
    files: tuple[Path, ...]
    optional: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """The table as SQL names it, `adam.adtte`."""
        return f"{self.schema}.{self.name}"


def build_release(
    target: Path, tables: Sequence[WarehouseTable], *, comment: str, views: Sequence[View] = ()
) -> dict[str, int]:
    """Build the tables beside `target` and put the finished file in its place; rows by table (`adam.adtte`).

    `meta.tables` and `meta.columns` are added and describe tables and views alike. comment: what every table
    says about its data, after its own label ("Synthetic data: ..."). Readers of the old file go on with it;
    a build that fails (for a view that cannot be answered, too) or is killed leaves it as it was, and the
    next build sweeps what a killed one left. Builds of one target wait for each other. Raises WarehouseError.
    """
    from schemas.meta import MetaColumns, MetaTables

    meta = (
        WarehouseTable("meta", "tables", MetaTables, ()),
        WarehouseTable("meta", "columns", MetaColumns, ()),
    )
    paths = [table.path for table in (*tables, *meta)] + [f"{view.schema}.{view.name}" for view in views]
    if twice := sorted({path for path in paths if paths.count(path) > 1}):
        raise WarehouseError(f"declared twice: {', '.join(twice)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f"{target.name}.{os.getpid()}.building")
    with _only_builder_of(target):
        _sweep(target)
        try:
            rows = _build(building, tables, meta, views, comment)
            _sync(building)
            os.replace(building, target)
            _sync(target.parent)
        finally:
            _sweep(target)
    return rows


def query(path: Path, sql: str) -> pl.DataFrame:
    """The answer to one SQL statement, asked of a released file that it can neither change nor look beyond.

    Raises WarehouseError: no such file, not a warehouse, or what is wrong with the statement.
    """
    if not path.is_file():
        raise WarehouseError(f"no warehouse at {path}: a run makes it")
    # Without the last setting a table name that does not exist would be looked for among Python's variables.
    only_this_file: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "python_enable_replacements": False,
    }
    try:
        with duckdb.connect(str(path), read_only=True, config=only_this_file) as connection:
            connection.execute(_NO_PROGRESS_BAR)
            connection.execute("SET lock_configuration = true")
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise WarehouseError(f"one SQL statement at a time, this is {len(statements)}")
            return connection.execute(statements[0]).pl()
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise WarehouseError(_one_line(error)) from error


def ddl(schema: str, name: str, model: type[Table], *, comment: str = "") -> list[str]:
    """The statements that make a table of this shape: types, keys, codelists, and labels as comments."""
    from schemas.base import columns, key, label

    table = f"{_quoted(schema)}.{_quoted(name)}"
    keys = key(model)
    if nullable := [c.name for c in columns(model) if c.name in keys and not c.required]:
        raise WarehouseError(f"{schema}.{name}: key columns must be required: {', '.join(nullable)}")
    lines = [_declaration(f"{schema}.{name}", c) for c in columns(model)]
    if keys:
        lines.append(f"PRIMARY KEY ({', '.join(map(_quoted, keys))})")
    statements = [f"CREATE TABLE {table} (\n  " + ",\n  ".join(lines) + "\n)"]
    statements.append(f"COMMENT ON TABLE {table} IS {_literal(_sentences(label(model), comment))}")
    for c in columns(model):
        text = _literal(_sentences(c.label, c.comment))
        statements.append(f"COMMENT ON COLUMN {table}.{_quoted(c.name)} IS {text}")
    return statements


def _build(
    building: Path,
    tables: Sequence[WarehouseTable],
    meta: Sequence[WarehouseTable],
    views: Sequence[View],
    comment: str,
) -> dict[str, int]:
    every = [*tables, *meta]
    with duckdb.connect(str(building)) as connection:
        connection.execute(_NO_PROGRESS_BAR)
        connection.begin()
        for schema in dict.fromkeys(table.schema for table in every):
            connection.execute(f"CREATE SCHEMA {_quoted(schema)}")
        for table in every:
            for statement in ddl(table.schema, table.name, table.model, comment=comment):
                connection.execute(statement)
        rows = {table.path: _load(connection, table) for table in tables}
        described = [column for table in every for column in _describe_columns(table)]
        for view in views:
            rows[f"{view.schema}.{view.name}"] = _create_view(connection, view, comment)
            described += _describe_view_columns(connection, view)
        rows |= {"meta.tables": len(every) + len(views), "meta.columns": len(described)}
        _insert(connection, "meta.tables", [_describe(table, rows) for table in every])
        if views:
            _insert(connection, "meta.tables", [_describe_view(view, rows) for view in views])
        _insert(connection, "meta.columns", described)
        connection.commit()
        connection.execute("CHECKPOINT")
    return rows


def _load(connection: duckdb.DuckDBPyConnection, table: WarehouseTable) -> int:
    """Insert the table's files by column name; a file of another shape is refused, not cast."""
    from schemas.base import columns

    expected = {c.name: _sql_type(table.path, c) for c in columns(table.model)}
    into = f"{_quoted(table.schema)}.{_quoted(table.name)}"
    rows = 0
    for file in table.files:
        source = [glob.escape(str(file))]
        try:
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", source).fetchall()
            found = {name: dtype for name, dtype, *_ in described}
            sure, there = ({c: t for c, t in s.items() if c not in table.optional} for s in (expected, found))
            if sure != there:
                raise WarehouseError(f"{table.path}: {file.name} {_difference(there, sure)}")
            chosen = ", ".join(_quoted(name) for name in expected if name in found)
            insert = f"INSERT INTO {into} ({chosen}) SELECT {chosen} FROM read_parquet(?)"
            rows += connection.execute(insert, source).fetchall()[0][0]
        except duckdb.Error as error:
            raise WarehouseError(f"{table.path}: {file.name}: {_one_line(error)}") from error
    return rows


def _create_view(connection: duckdb.DuckDBPyConnection, view: View, comment: str) -> int:
    """Make the view with its comments and answer it once, so that what cannot be answered is not released."""
    path, name = f"{view.schema}.{view.name}", f"{_quoted(view.schema)}.{_quoted(view.name)}"
    try:
        connection.execute(f"CREATE VIEW {name} AS {view.sql}")
        rows = len(connection.execute(f"FROM {name}").fetchall())
    except duckdb.Error as error:
        raise WarehouseError(f"view {path}: {_one_line(error)}") from error
    found = [column for column, *_ in connection.execute(f"DESCRIBE {name}").fetchall()]
    if found != list(view.columns):
        raise WarehouseError(
            f"view {path} answers the columns {', '.join(found)} and declares {', '.join(view.columns)}"
        )
    connection.execute(f"COMMENT ON VIEW {name} IS {_literal(_sentences(view.label, comment))}")
    for column, label in view.columns.items():
        connection.execute(f"COMMENT ON COLUMN {name}.{_quoted(column)} IS {_literal(label)}")
    return rows


def _difference(found: dict[str, str], expected: dict[str, str]) -> str:
    differing = [name for name in (*expected, *found) if found.get(name) != expected.get(name)]
    told = [
        f"{name} {expected.get(name, 'undeclared')} but is {found.get(name, 'missing')}"
        for name in dict.fromkeys(differing)
    ]
    return "does not have the declared columns: " + "; ".join(told)


def _describe(table: WarehouseTable, rows: dict[str, int]) -> dict[str, Any]:
    from schemas.base import label

    return {
        "schema_name": table.schema,
        "table_name": table.name,
        "label": label(table.model),
        "row_count": rows[table.path],
    }


def _describe_columns(table: WarehouseTable) -> list[dict[str, Any]]:
    from schemas.base import columns, key

    keys = key(table.model)
    return [
        {
            "schema_name": table.schema,
            "table_name": table.name,
            "position": position,
            "column_name": c.name,
            "data_type": _sql_type(table.path, c),
            "label": c.label,
            "comment": c.comment or None,
            "required": c.required,
            "key_position": keys.index(c.name) + 1 if c.name in keys else None,
            "codelist": "; ".join(map(str, c.codelist)) or None,
        }
        for position, c in enumerate(columns(table.model), start=1)
    ]


def _describe_view(view: View, rows: dict[str, int]) -> dict[str, Any]:
    return {
        "schema_name": view.schema,
        "table_name": view.name,
        "label": view.label,
        "row_count": rows[f"{view.schema}.{view.name}"],
    }


def _describe_view_columns(connection: duckdb.DuckDBPyConnection, view: View) -> list[dict[str, Any]]:
    name = f"{_quoted(view.schema)}.{_quoted(view.name)}"
    types = {column: dtype for column, dtype, *_ in connection.execute(f"DESCRIBE {name}").fetchall()}
    return [
        {
            "schema_name": view.schema,
            "table_name": view.name,
            "position": position,
            "column_name": column,
            "data_type": types[column],
            "label": label,
            "comment": None,
            "required": False,
            "key_position": None,
            "codelist": None,
        }
        for position, (column, label) in enumerate(view.columns.items(), start=1)
    ]


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    values = ",\n".join(f"({', '.join(map(_literal, row.values()))})" for row in rows)
    connection.execute(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES {values}")


def _declaration(table: str, c: Column) -> str:
    line = f"{_quoted(c.name)} {_sql_type(table, c)}"
    if c.required:
        line += " NOT NULL"
    if c.codelist:
        line += f" CHECK ({_quoted(c.name)} IN ({', '.join(map(_literal, c.codelist))}))"
    return line


def _sql_type(table: str, c: Column) -> str:
    try:
        return TYPES[c.dtype.base_type()]
    except KeyError:
        raise WarehouseError(f"{table}: {c.name} is {c.dtype}, which the warehouse has no type for") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _sentences(*texts: str) -> str:
    return ". ".join(text.rstrip(".") for text in texts if text)


def _one_line(error: Exception) -> str:
    """DuckDB's message without the drawing of the statement below it."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())


@contextmanager
def _only_builder_of(target: Path) -> Iterator[None]:
    """Hold a lock that the system frees when this process ends, however it ends."""
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(target: Path) -> None:
    """Remove what builds of this target left, with DuckDB's own files beside them (.wal, .tmp)."""
    for left in target.parent.glob(f"{glob.escape(target.name)}.*.building*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _sync(path: Path) -> None:
    """Have the disk hold it before anything relies on it: a rename may reach the disk before the bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
