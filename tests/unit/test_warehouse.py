"""A release holds what the pandera classes say, and a query can do nothing but read it."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import schemas
from pipeline.study import View
from pipeline.warehouse import WarehouseError, WarehouseTable, build_release, ddl, query
from schemas.base import Table, column, columns, empty

SYNTHETIC = "Synthetic data: no row describes a real patient"


class Visits(Table):
    """One row per visit of a patient"""

    USUBJID: str = column("Unique Subject Identifier")
    CUTOFF: dt.date = column("Data Cut-off")
    VISITNUM: int = column("Visit Number", ge=1)
    ARM: str = column("Arm", codelist=["LEN", "PBO"], required=False)
    LEVEL: float = column("Patient's M-protein (g/L)", required=False, comment="by electrophoresis")
    DEAD: bool = column("Died")

    class Config:
        unique = ["USUBJID", "CUTOFF", "VISITNUM"]


class Sites(Table):
    """Sites that took part"""

    SITEID: str = column("Site Identifier")

    class Config:
        unique = ["SITEID"]


FIRST = dt.date(2009, 12, 17)
SECOND = dt.date(2011, 10, 31)


def visits(cutoff: dt.date = FIRST, **changed: object) -> pl.DataFrame:
    """Two valid rows, with a column of other values where a test says so."""
    rows = {
        "USUBJID": ["1", "2"],
        "CUTOFF": [cutoff, cutoff],
        "VISITNUM": [1, 1],
        "ARM": ["LEN", None],
        "LEVEL": [1.5, None],
        "DEAD": [True, False],
    }
    return pl.DataFrame(rows | changed)


def staged(folder: Path, name: str, frame: pl.DataFrame) -> Path:
    file = folder / f"{name}.parquet"
    frame.write_parquet(file)
    return file


def release(folder: Path, *frames: pl.DataFrame, model: type[Table] = Visits) -> Path:
    """A release of one table, `adam.visits`, from one staged file per frame."""
    files = tuple(staged(folder, f"visits-{n}", frame) for n, frame in enumerate(frames))
    target = folder / "trial.duckdb"
    build_release(target, [WarehouseTable("adam", "visits", model, files)], comment=SYNTHETIC)
    return target


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return release(tmp_path, visits(FIRST), visits(SECOND))


def test_rows_and_types_arrive_as_staged(built: Path) -> None:
    expected = pl.concat([visits(FIRST), visits(SECOND)])
    assert query(built, "FROM adam.visits").equals(expected)
    types = query(built, "SELECT data_type FROM duckdb_columns() WHERE table_name = 'visits'")
    assert types["data_type"].to_list() == ["VARCHAR", "DATE", "BIGINT", "VARCHAR", "DOUBLE", "BOOLEAN"]


def test_columns_are_matched_by_name_in_every_file(tmp_path: Path) -> None:
    reordered = visits(SECOND).select(reversed(visits().columns))
    path = release(tmp_path, visits(FIRST), reordered)
    assert query(path, "FROM adam.visits").equals(pl.concat([visits(FIRST), visits(SECOND)]))


def test_answers_rows_of_each_table(tmp_path: Path) -> None:
    tables = [
        WarehouseTable("adam", "visits", Visits, (staged(tmp_path, "v", visits()),)),
        WarehouseTable("sdtm", "sites", Sites, ()),
    ]
    rows = build_release(tmp_path / "trial.duckdb", tables, comment=SYNTHETIC)
    assert rows == {"adam.visits": 2, "sdtm.sites": 0, "meta.tables": 4, "meta.columns": 21}


def test_no_rows_at_all_is_a_table_all_the_same(tmp_path: Path) -> None:
    path = release(tmp_path, empty(Visits))
    assert query(path, "FROM adam.visits").equals(empty(Visits))


def test_files_in_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "part [1] * it's"
    folder.mkdir()
    assert query(release(folder, visits()), "SELECT count(*) AS n FROM adam.visits")["n"].item() == 2


def test_labels_become_comments(built: Path) -> None:
    table = query(built, "SELECT comment FROM duckdb_tables() WHERE table_name = 'visits'")
    assert table["comment"].item() == f"One row per visit of a patient. {SYNTHETIC}"
    sql = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'visits'"
    comments = dict(query(built, sql).iter_rows())
    assert comments["LEVEL"] == "Patient's M-protein (g/L). by electrophoresis"
    assert comments["VISITNUM"] == "Visit Number"
    uncommented = query(built, "FROM duckdb_columns() WHERE comment IS NULL AND NOT internal")
    assert uncommented.is_empty()


def test_the_release_describes_itself(built: Path) -> None:
    tables = query(built, "SELECT schema_name, table_name, label, row_count FROM meta.tables")
    assert tables.rows() == [
        ("adam", "visits", "One row per visit of a patient", 4),
        ("meta", "tables", "Every table of this warehouse", 3),
        ("meta", "columns", "Every column of every table of this warehouse", 20),
    ]
    sql = "SELECT * EXCLUDE (schema_name, table_name) FROM meta.columns WHERE table_name = 'visits'"
    assert query(built, sql).rows() == [
        (1, "USUBJID", "VARCHAR", "Unique Subject Identifier", None, True, 1, None),
        (2, "CUTOFF", "DATE", "Data Cut-off", None, True, 2, None),
        (3, "VISITNUM", "BIGINT", "Visit Number", None, True, 3, None),
        (4, "ARM", "VARCHAR", "Arm", None, False, None, "LEN; PBO"),
        (5, "LEVEL", "DOUBLE", "Patient's M-protein (g/L)", "by electrophoresis", False, None, None),
        (6, "DEAD", "BOOLEAN", "Died", None, True, None, None),
    ]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        pytest.param(visits(USUBJID=["1", "1"]), "Constraint Error: .* duplicate key", id="a key twice"),
        pytest.param(visits(VISITNUM=[1, None]), "NOT NULL constraint failed", id="a required value missing"),
        pytest.param(visits(ARM=["LEN", "ABC"]), "CHECK constraint failed", id="a code not in the list"),
        pytest.param(visits(LEVEL=[1, 2]), "LEVEL DOUBLE but is BIGINT", id="another type"),
        pytest.param(visits(CUTOFF=["2009-12-17"] * 2), "CUTOFF DATE but is VARCHAR", id="a date as text"),
        pytest.param(visits().drop("LEVEL"), "LEVEL DOUBLE but is missing", id="a column missing"),
        pytest.param(visits(EXTRA=[1, 2]), "EXTRA undeclared but is BIGINT", id="a column too many"),
    ],
)
def test_rows_that_break_the_shape_are_refused(tmp_path: Path, frame: pl.DataFrame, message: str) -> None:
    old = release(tmp_path, visits())
    before = old.read_bytes()
    with pytest.raises(WarehouseError, match=message) as refused:
        release(tmp_path, frame)
    assert str(refused.value).startswith("adam.visits: visits-0.parquet")
    assert "\n" not in str(refused.value)
    assert old.read_bytes() == before
    assert not list(tmp_path.glob("*.building*"))


def test_a_key_twice_over_two_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="duplicate key"):
        release(tmp_path, visits(FIRST), visits(FIRST))


def test_a_missing_staged_file_is_named(tmp_path: Path) -> None:
    table = WarehouseTable("adam", "visits", Visits, (tmp_path / "gone.parquet",))
    with pytest.raises(WarehouseError, match=r"^adam\.visits: gone\.parquet: IO Error: No files found"):
        build_release(tmp_path / "trial.duckdb", [table], comment=SYNTHETIC)
    assert not (tmp_path / "trial.duckdb").exists()


def test_a_table_declared_twice_is_refused(tmp_path: Path) -> None:
    table = WarehouseTable("sdtm", "sites", Sites, ())
    with pytest.raises(WarehouseError, match=r"declared twice: sdtm\.sites"):
        build_release(tmp_path / "trial.duckdb", [table, table], comment=SYNTHETIC)


def test_a_key_column_must_be_required() -> None:
    class Loose(Sites):
        """Sites without a firm key"""

        SITEID: str = column("Site Identifier", required=False)

    with pytest.raises(WarehouseError, match=r"sdtm\.sites: key columns must be required: SITEID"):
        ddl("sdtm", "sites", Loose)


def test_a_type_without_a_place_is_refused() -> None:
    class Timed(Table):
        """Sites with the time of day"""

        AT: dt.datetime = column("Moment")

    with pytest.raises(WarehouseError, match=r"sdtm\.timed: AT is Datetime"):
        ddl("sdtm", "timed", Timed)


def test_ddl_of_a_table() -> None:
    assert ddl("sdtm", "sites", Sites, comment=SYNTHETIC) == [
        'CREATE TABLE "sdtm"."sites" (\n  "SITEID" VARCHAR NOT NULL,\n  PRIMARY KEY ("SITEID")\n)',
        f'COMMENT ON TABLE "sdtm"."sites" IS \'Sites that took part. {SYNTHETIC}\'',
        'COMMENT ON COLUMN "sdtm"."sites"."SITEID" IS \'Site Identifier\'',
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DELETE FROM adam.visits", "read-only mode"),
        ("UPDATE adam.visits SET ARM = 'PBO'", "read-only mode"),
        ("CREATE TABLE adam.other (x INT)", "read-only mode"),
        ("DROP TABLE adam.visits", "read-only mode"),
        ("COPY adam.visits TO '{folder}/out.csv'", "file system operations are disabled"),
        ("EXPORT DATABASE '{folder}/out'", "file system operations are disabled"),
        ("ATTACH '{folder}/other.duckdb'", "file system operations are disabled"),
        ("FROM read_text('{folder}/secret.txt')", "file system operations are disabled"),
        ("FROM read_parquet('{folder}/visits-0.parquet')", "file system operations are disabled"),
        ("FROM glob('{folder}/*')", "file system operations are disabled"),
        ("FROM '{folder}/visits-0.parquet'", "file system operations are disabled"),
        ("SET enable_external_access = true", "Cannot change"),
        ("RESET lock_configuration", "the configuration has been locked"),
        ("LOAD httpfs", "Loading external extensions is disabled"),
    ],
)
def test_a_query_cannot_write_or_look_elsewhere(built: Path, sql: str, message: str) -> None:
    (built.parent / "secret.txt").write_text("not for queries")
    files = sorted(built.parent.iterdir())
    before = built.read_bytes()
    with pytest.raises(WarehouseError, match=message):
        query(built, sql.format(folder=built.parent))
    assert sorted(built.parent.iterdir()) == files
    assert built.read_bytes() == before


def test_a_query_does_not_see_the_programs_variables(built: Path) -> None:
    frame = visits()
    assert frame.height == 2
    with pytest.raises(WarehouseError, match="Table with name frame does not exist"):
        query(built, "FROM frame")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
        ("SELECT NOPE FROM adam.visits", 'Binder Error: Referenced column "NOPE" not found'),
        ("SELECT 1; SELECT 2", "one SQL statement at a time, this is 2"),
        ("  ", "one SQL statement at a time, this is 0"),
        ("SELECT INTERVAL 1 DAY", "could not import"),
    ],
)
def test_a_wrong_statement_is_told_in_one_line(built: Path, sql: str, message: str) -> None:
    with pytest.raises(WarehouseError) as refused:
        query(built, sql)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_warehouse_yet(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"no warehouse at .*: a run makes it"):
        query(tmp_path / "trial.duckdb", "SELECT 1")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_warehouse(tmp_path: Path) -> None:
    (tmp_path / "trial.duckdb").write_text("something else, and long enough to have a header" * 100)
    with pytest.raises(WarehouseError, match="not a valid DuckDB database file"):
        query(tmp_path / "trial.duckdb", "SELECT 1")


SEEN = View(
    "adam",
    "v_seen",
    "Visits per patient",
    {"patient": "Unique subject identifier", "visits": "Number of visits"},
    "SELECT USUBJID AS patient, count(*) AS visits FROM adam.visits GROUP BY ALL ORDER BY patient",
)


def release_with(folder: Path, view: View) -> Path:
    target = folder / "trial.duckdb"
    table = WarehouseTable("adam", "visits", Visits, (staged(folder, "visits", visits()),))
    build_release(target, [table], comment=SYNTHETIC, views=[view])
    return target


def test_a_view_is_answered_and_describes_itself(tmp_path: Path) -> None:
    path = release_with(tmp_path, SEEN)
    assert query(path, "FROM adam.v_seen").rows() == [("1", 1), ("2", 1)]
    view = query(path, "SELECT comment FROM duckdb_views() WHERE view_name = 'v_seen'")
    assert view["comment"].item() == f"Visits per patient. {SYNTHETIC}"
    comments = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'v_seen'"
    assert dict(query(path, comments).iter_rows()) == SEEN.columns
    about = "SELECT label, row_count FROM meta.tables WHERE table_name = 'v_seen'"
    assert query(path, about).rows() == [("Visits per patient", 2)]
    columns = "SELECT column_name, data_type, label FROM meta.columns WHERE table_name = 'v_seen'"
    assert query(path, columns).rows() == [
        ("patient", "VARCHAR", "Unique subject identifier"),
        ("visits", "BIGINT", "Number of visits"),
    ]


@pytest.mark.parametrize(
    ("view", "message"),
    [
        pytest.param(replace(SEEN, sql="SELEC 1"), "Parser Error", id="not SQL"),
        pytest.param(
            replace(SEEN, sql="SELECT VISIT AS patient, 1 AS visits FROM adam.visits"),
            'Referenced column "VISIT" not found',
            id="a column that is not there",
        ),
        pytest.param(
            replace(SEEN, sql="SELECT USUBJID AS patient, CAST(ARM AS INT) AS visits FROM adam.visits"),
            "Could not convert string 'LEN'",
            id="fails on the rows",
        ),
        pytest.param(
            replace(SEEN, sql="SELECT USUBJID AS patient, 1 AS n FROM adam.visits"),
            "answers the columns patient, n and declares patient, visits",
            id="other columns",
        ),
    ],
)
def test_a_view_that_cannot_be_answered_fails_the_release(tmp_path: Path, view: View, message: str) -> None:
    old = release(tmp_path, visits())
    before = old.read_bytes()
    with pytest.raises(WarehouseError, match=message) as refused:
        release_with(tmp_path, view)
    assert str(refused.value).startswith("view adam.v_seen")
    assert "\n" not in str(refused.value)
    assert old.read_bytes() == before


def test_a_view_named_like_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"declared twice: adam\.visits"):
        release_with(tmp_path, replace(SEEN, name="visits"))


def test_every_declared_shape_has_a_place_in_the_warehouse(tmp_path: Path) -> None:
    for module in pkgutil.walk_packages(schemas.__path__, "schemas."):
        importlib.import_module(module.name)
    declared = [
        WarehouseTable(model.__module__.replace(".", "_"), model.__name__, model, ())
        for model in sorted(_descendants(Table), key=lambda model: (model.__module__, model.__name__))
        # Not what tables share, nor what is made of a declared one at run time (`schemas.base.accepted`).
        if not model.__name__.startswith("_")
        and getattr(sys.modules.get(model.__module__), model.__name__, None) is model
        and model.__module__.startswith("schemas.")
        and columns(model)
    ]
    assert len(declared) > 30
    rows = build_release(tmp_path / "trial.duckdb", declared, comment=SYNTHETIC)
    assert rows["meta.tables"] == len(declared) + 2


def _descendants(model: type[Table]) -> set[type[Table]]:
    below = set(model.__subclasses__())
    return below.union(*(_descendants(child) for child in below))
