"""DuckDB in and out: a file is built beside the old one and replaces it in one step; queries only read.

A release is an open file. Closed results are an encrypted one (AES-256, GCM): none of their bytes is ever on
the disk in clear, not while they are built either.

What belongs here: everything that knows DuckDB. What does not: which tables a release holds, how they were
made, how an answer is shown. Tables and their columns are described by the pandera classes alone.
"""

from __future__ import annotations

import fcntl
import glob
import importlib.resources
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
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


_CATALOG = "encrypted"
_NO_REACHING_OUT: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
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

    def build(building: Path) -> dict[str, int]:
        with duckdb.connect(str(building)) as connection:
            connection.execute(_NO_PROGRESS_BAR)
            return _fill(connection, tables, lambda table: _load(connection, table), comment, views)

    return _replace(target, build)


def build_encrypted(
    target: Path, frames: Mapping[str, tuple[type[Table], pl.DataFrame]], key: str, comment: str
) -> dict[str, int]:
    """As `build_release`, but from memory into an encrypted file of mode 0600; rows by table.

    frames: by the table's path (`closed.results`), its shape and its rows. What does not fit into memory is
    an error and not a file of spilled rows. Raises WarehouseError; no message holds the key.
    """
    tables = []
    for path, (model, _) in frames.items():
        schema, name = path.split(".", 1)
        tables.append(WarehouseTable(schema, name, model, ()))

    def load(connection: duckdb.DuckDBPyConnection, table: WarehouseTable) -> int:
        connection.register("incoming", frames[table.path][1])
        try:
            return _take(connection, table, "the frame", "incoming")
        finally:
            connection.unregister("incoming")

    def build(building: Path) -> dict[str, int]:
        with _attached(building, key, read_only=False) as connection:
            building.chmod(0o600)
            return _fill(connection, tables, lambda table: load(connection, table), comment)

    return _replace(target, build)


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
            return _answer(connection, sql)
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise WarehouseError(_one_line(error)) from error


def query_encrypted(path: Path, key: str, sql: str) -> pl.DataFrame:
    """As `query`, of an encrypted file; raises WarehouseError for a wrong or missing key, too."""
    if not path.is_file():
        raise WarehouseError(f"no closed results at {path}")
    with _attached(path, key, read_only=True) as connection:
        try:
            return _answer(connection, sql)
        except (duckdb.Error, pl.exceptions.PolarsError) as error:
            raise WarehouseError(_one_line(error)) from error


def differing_rows(path: Path, tables: Mapping[str, Sequence[Path]]) -> dict[str, int]:
    """How many rows of a released file's tables are not, in order, those of the Parquet files, where any.

    tables: by the table's path. A column that no file has must be empty. Raises WarehouseError where a table
    or a file cannot be read.
    """
    differing = {}
    with duckdb.connect(":memory:", config={"temp_directory": "", **_NO_REACHING_OUT}) as connection:
        connection.execute(_NO_PROGRESS_BAR)
        try:
            connection.execute(f"ATTACH {_literal(path)} AS released (READ_ONLY)")
            for table, files in tables.items():
                if rows := _differing_rows(connection, table, files):
                    differing[table] = rows
        except duckdb.Error as error:
            raise WarehouseError(_one_line(error)) from error
    return differing


def derive_in_sql(
    scripts: Sequence[str],
    sources: Mapping[str, Path | pl.DataFrame],
    models: Mapping[str, type[Table]],
    made: Sequence[str],
) -> dict[str, pl.DataFrame]:
    """Run scripts in order, in memory, over tables by name; gives the tables that are named in `made`.

    sources: Parquet files or frames. models: the shape of those that have one; a declared column that a file
    lacks is null. Raises WarehouseError with the number of the script.
    """
    from schemas.base import columns

    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        connection.execute(_NO_PROGRESS_BAR)
        for name, source in sources.items():
            if isinstance(source, Path):
                kind, found = "VIEW", f"read_parquet({_literal(glob.escape(str(source)))})"
            else:  # copied, because not every filter of a query can be pushed into a frame
                kind, found = "TABLE", _quoted(f"given {name}")
                connection.register(f"given {name}", source)
            declared = [
                f"NULL::{_sql_type(name, c)} AS {_quoted(c.name)}"
                for c in (columns(models[name]) if name in models else ())
            ]
            shape = f"SELECT {', '.join(declared)} WHERE false UNION ALL BY NAME " if declared else ""
            connection.execute(f"CREATE {kind} {_quoted(name)} AS {shape}SELECT * FROM {found}")
        for number, script in enumerate(scripts, start=1):
            try:
                connection.execute(script)
            except duckdb.Error as error:
                raise WarehouseError(f"script {number}: {_one_line(error)}") from error
        return {name: connection.execute(f"FROM {_quoted(name)}").pl() for name in made}


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


def _replace(target: Path, build: Callable[[Path], dict[str, int]]) -> dict[str, int]:
    """Have a file built in a folder that only this user may enter, then put it in the target's place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f"{target.name}.{os.getpid()}.building")
    with _only_builder_of(target):
        _sweep(target)
        try:
            folder.mkdir(mode=0o700)
            building = folder / target.name
            rows = build(building)
            _sync(building)
            os.replace(building, target)
            _sync(target.parent)
        finally:
            _sweep(target)
    return rows


def _fill(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[WarehouseTable],
    load: Callable[[WarehouseTable], int],
    comment: str,
    views: Sequence[View] = (),
) -> dict[str, int]:
    from schemas.meta import MetaColumns, MetaTables

    every = [
        *tables,
        WarehouseTable("meta", "tables", MetaTables, ()),
        WarehouseTable("meta", "columns", MetaColumns, ()),
    ]
    paths = [table.path for table in every] + [f"{view.schema}.{view.name}" for view in views]
    if twice := sorted({path for path in paths if paths.count(path) > 1}):
        raise WarehouseError(f"declared twice: {', '.join(twice)}")
    connection.begin()
    for schema in dict.fromkeys(table.schema for table in every):
        connection.execute(f"CREATE SCHEMA {_quoted(schema)}")
    for table in every:
        for statement in ddl(table.schema, table.name, table.model, comment=comment):
            connection.execute(statement)
    rows = {table.path: load(table) for table in tables}
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
    return sum(
        _take(connection, table, file.name, "read_parquet(?)", glob.escape(str(file))) for file in table.files
    )


def _take(
    connection: duckdb.DuckDBPyConnection, table: WarehouseTable, name: str, source: str, *parameters: str
) -> int:
    """Insert the rows of a source by column name; one of another shape is refused, not cast."""
    from schemas.base import columns

    expected = {c.name: _sql_type(table.path, c) for c in columns(table.model)}
    into = f"{_quoted(table.schema)}.{_quoted(table.name)}"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}", parameters).fetchall()
        found = {name: dtype for name, dtype, *_ in described}
        sure, there = ({c: t for c, t in s.items() if c not in table.optional} for s in (expected, found))
        if sure != there:
            raise WarehouseError(f"{table.path}: {name} {_difference(there, sure)}")
        chosen = ", ".join(_quoted(name) for name in expected if name in found)
        insert = f"INSERT INTO {into} ({chosen}) SELECT {chosen} FROM {source}"
        return int(connection.execute(insert, parameters).fetchall()[0][0])
    except duckdb.Error as error:
        raise WarehouseError(f"{table.path}: {name}: {_one_line(error)}") from error


@contextmanager
def _attached(path: Path, key: str, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory with the encrypted file as its database, that writes nothing anywhere else."""
    if not key:
        raise WarehouseError(f"{path.name} is encrypted: it needs a key")
    cipher = _cipher()
    options = ", ".join(["READ_ONLY"] * read_only + [f"ENCRYPTION_KEY {_literal(key)}"])
    with duckdb.connect(":memory:", config={"temp_directory": "", **_NO_REACHING_OUT}) as connection:
        connection.execute(_NO_PROGRESS_BAR)
        connection.execute(f"LOAD {_literal(cipher)}")
        try:
            connection.execute(f"ATTACH {_literal(path)} AS {_CATALOG} ({options})")
        except duckdb.Error as error:
            raise WarehouseError(_why_not_opened(path, _one_line(error).replace(key, "…"))) from None
        connection.execute(f"USE {_CATALOG}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def _cipher() -> Path:
    """The file of DuckDB's extension that writes encrypted files; DuckDB's own cipher only reads them."""
    package = "duckdb_extension_httpfs"
    try:
        folder = Path(str(importlib.resources.files(package)))
    except ModuleNotFoundError:
        raise WarehouseError(f"closed results need the package {package.replace('_', '-')}") from None
    file = folder / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    if not file.is_file():
        raise WarehouseError(
            f"closed results need the package {package.replace('_', '-')} in version {duckdb.__version__}, "
            "that of DuckDB"
        )
    return file


def _why_not_opened(path: Path, told: str) -> str:
    if "Wrong encryption key" in told:
        return f"{path.name}: the key does not open it"
    if "is not encrypted" in told:
        return f"{path.name} is not encrypted: it is not a file of closed results"
    return f"{path.name} cannot be opened: {told}"


def _answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise WarehouseError(f"one SQL statement at a time, this is {len(statements)}")
    return connection.execute(statements[0]).pl()


def _differing_rows(connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[Path]) -> int:
    name = ".".join(map(_quoted, ("released", *table.split(".", 1))))
    columns = [column for column, *_ in connection.execute(f"DESCRIBE {name}").fetchall()]
    paths = ", ".join(_literal(glob.escape(str(file))) for file in files)
    source = f"read_parquet([{paths}], union_by_name = true)"
    staged = {column for column, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    there = [_quoted(column) if column in staged else f"NULL AS {_quoted(column)}" for column in columns]
    unequal = " OR ".join(f"r.{_quoted(column)} IS DISTINCT FROM s.{_quoted(column)}" for column in columns)
    # Side by side and not as sets: rows stream past each other, so a table of any size fits into memory.
    statement = (
        f"SELECT count(*) FROM (SELECT true AS here, * FROM {name}) r "
        f"POSITIONAL JOIN (SELECT true AS here, {', '.join(there)} FROM {source}) s "
        f"WHERE r.here IS NULL OR s.here IS NULL OR {unequal}"
    )
    return int(connection.execute(statement).fetchall()[0][0])


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
