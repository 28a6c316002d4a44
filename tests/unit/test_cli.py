"""The command line: what it refuses and how, and that it answers without loading what it does not need."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.warehouse import WarehouseTable, build_release
from schemas.base import Table, column, names
from schemas.release import Releases


class Things(Table):
    """Things"""

    NAME: str = column("Name")
    SIZE: float = column("Size", required=False)

    class Config:
        unique = ["NAME"]


def pipeline(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse that holds one table of two rows."""
    file = tmp_path / "things.parquet"
    pl.DataFrame({"NAME": ["a", "b"], "SIZE": [0.1, None]}).write_parquet(file)
    table = WarehouseTable("raw", "things", Things, (file,))
    build_release(tmp_path / "calgb_100104.duckdb", [table], comment="Synthetic data")
    return tmp_path


def test_help_names_every_command() -> None:
    told = pipeline("--help")
    assert told.exit_code == 0
    for command in ("run", "design", "simulate", "compare", "sql", "trace", "export"):
        assert f"\n  {command} " in told.output
    assert "or the folder above it" in " ".join(pipeline("run", "--help").output.split())


def test_sql_prints_a_table(warehouse: Path) -> None:
    told = pipeline("sql", "--warehouse", warehouse, "SELECT * FROM raw.things ORDER BY NAME")
    assert told.exit_code == 0
    assert [line.split() for line in told.output.splitlines()] == [
        ["NAME", "SIZE"],
        ["a", "0.1"],
        ["b", "null"],
    ]


def test_sql_says_how_many_rows_it_left_out(warehouse: Path) -> None:
    told = pipeline("sql", "--warehouse", warehouse, "SELECT range FROM range(201)")
    assert told.output.splitlines()[-1] == "the first 200 of 201 rows"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sql", "SELECT 1"], "no warehouse at"),
        (["compare"], "no warehouse at"),
        (["trace", "X", "OS"], "no warehouse at"),
        (["export", "--out", "{tmp}"], "no warehouse at"),
        (["export", "--out", "{tmp}", "--format", "sas7bdat"], "'sas7bdat' is not one of 'xpt'"),
        (["run", "--study", "nobody"], "nobody is not a study; there are: calgb_100104"),
        (["run", "--cutoff", "2010-01-01"], "2010-01-01 is not a cut-off of CALGB-100104; there are: 2009"),
        (["run", "--raw", "{tmp}/nowhere"], "there is no folder {tmp}/nowhere"),
        (["run", "--raw", "{tmp}"], "{tmp} holds no transfer"),
        (["simulate", "--seed", "1", "--out", "{tmp}"], "--seed goes with --patients"),
        (["simulate", "--patients", "0", "--out", "{tmp}"], "0 is not in the range"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_message(arguments: list[str], says: str, tmp_path: Path) -> None:
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    if given[0] != "simulate":
        given += ["--warehouse", str(tmp_path)]
    told = pipeline(*given)
    assert told.exit_code in (1, 2)
    assert isinstance(told.exception, SystemExit)
    assert says.format(tmp=tmp_path) in " ".join(told.output.split())


def test_export_names_a_cut_off_that_was_not_released(tmp_path: Path) -> None:
    values = {name: dt.date(2009, 12, 17) if name == "CUTOFF" else "x" for name in names(Releases)}
    pl.DataFrame([values]).write_parquet(tmp_path / "releases.parquet")
    table = WarehouseTable("meta", "releases", Releases, (tmp_path / "releases.parquet",))
    build_release(tmp_path / "calgb_100104.duckdb", [table], comment="Synthetic data")
    given = ["--warehouse", tmp_path, "--out", tmp_path / "out", "--cutoff", "2011-10-31"]
    told = pipeline("export", *given)
    assert told.exit_code == 1
    assert "the release has no cut-off 2011-10-31: run it first" in told.output
    assert not (tmp_path / "out").exists()


def test_sql_tells_what_is_wrong_with_the_statement(warehouse: Path) -> None:
    told = pipeline("sql", "--warehouse", warehouse, "SELECT * FROM raw.nothing")
    assert told.exit_code == 1
    assert "raw.nothing" in told.output.replace('"', "") or "nothing" in told.output


def test_a_study_may_be_named_by_its_folder_or_the_one_above(tmp_path: Path) -> None:
    from pipeline.cli.common import the_raw
    from pipeline.studies import STUDIES

    study = STUDIES["calgb_100104"]
    folder = tmp_path / study.name
    (folder / "2009-06-30").mkdir(parents=True)
    (folder / "2009-06-30" / "transfer.json").write_text("{}")
    assert the_raw(study, folder) == the_raw(study, tmp_path) == folder


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--help"], ["dagster", "polars", "pandera", "duckdb"]),
        (["sql", "SELECT 1"], ["dagster", "pandera", "matplotlib"]),
    ],
)
def test_a_command_loads_only_what_it_needs(
    arguments: list[str], unneeded: list[str], warehouse: Path, repository: Path
) -> None:
    given = arguments + (["--warehouse", str(warehouse)] if arguments[0] == "sql" else [])
    program = (
        "import sys\nfrom pipeline.cli import main\n"
        f"main({given!r}, standalone_mode=False)\n"
        f"print([name for name in {unneeded!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
