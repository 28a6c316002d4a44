"""Every question of docs/queries.md, asked again: the answers printed there are those of the shipped data.

After a change that moves them on purpose: `python -m tests.acceptance.test_queries` writes them anew. What
does not belong here: a number typed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.orchestration.tables import staged_tables
from pipeline.study import Study
from pipeline.warehouse import WarehouseTable, build_release, query
from tests.layers import Intake, Run, run_quality, take_in

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
QUESTION = re.compile(r"^## (\d+)\. (.+?)$.*?```sql\n(.+?)\n```(?:\n\n```text\n(.*?)\n```)?", re.M | re.S)
NUMBER, TITLE, SQL, ANSWER = range(4)
QUESTIONS = QUESTION.findall(PAGE.read_text())


def release(study: Study, intake: Intake, runs: Mapping[str, Run], folder: Path) -> Path:
    """A release of what the layers make; of the forms as received it holds the list of sites only."""
    once = {"quality": run_quality(study, intake), "raw": {"sites": intake.forms["sites"]}}
    tables = []
    for table in staged_tables(study).values():
        if table.place is None:
            continue
        files = []
        schema, name = table.place
        if name in once.get(schema, {}):
            files.append(folder / f"{schema}-{name}.parquet")
            once[schema][name].write_parquet(files[-1])
        for cut_off, run in runs.items():
            made = {
                "sdtm": run.sdtm,
                "adam": run.adam,
                "quality": {"set_aside": run.set_aside},
                "analysis": {
                    name: getattr(run, name) for name in ("results", "curves", "subjects", "published")
                },
            }
            if name in made.get(schema, {}):
                files.append(folder / f"{schema}-{name}-{cut_off}.parquet")
                made[schema][name].write_parquet(files[-1])
        tables.append(WarehouseTable(*table.place, table.model, tuple(files)))
    build_release(folder / f"{study.name}.duckdb", tables, comment="Synthetic data", views=study.views)
    return folder


def ask(warehouse: Path, sql: str) -> str:
    """What `pipeline sql` prints."""
    told = CliRunner().invoke(main, ["sql", "--warehouse", str(warehouse), sql])
    assert told.exit_code == 0, told.output
    return told.output.strip("\n")


@pytest.fixture(scope="module")
def warehouse(
    study: Study, raw: Path, runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return release(study, take_in(study, raw), runs, tmp_path_factory.mktemp("warehouse"))


def test_there_are_seventeen_in_order() -> None:
    assert [int(question[NUMBER]) for question in QUESTIONS] == list(range(1, 18))
    assert all(question[ANSWER].strip() for question in QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=[question[NUMBER] for question in QUESTIONS])
def test_the_printed_answer_is_the_answer(warehouse: Path, question: tuple[str, ...]) -> None:
    assert ask(warehouse, question[SQL]) == question[ANSWER].strip("\n")


def test_views_hold_what_the_results_hold(warehouse: Path, runs: dict[str, Run], study: Study) -> None:
    """Each view against the results by a road of its own: totals that no join may lose or double."""
    file = warehouse / f"{study.name}.duckdb"
    counts = {
        "v_survival": "METHOD = 'kaplan_meier' AND STATISTIC = 'n'",
        "v_adverse_events": "METHOD = 'worst_grade' AND STATISTIC = 'n'",
        "v_second_cancers": "METHOD = 'count' AND ENDPOINT = 'ADCE' AND STATISTIC = 'n'",
        "v_baseline": "starts_with(ANALYSIS, 'T1_') AND STATISTIC = 'n'",
    }
    for view, where in counts.items():
        expected = query(file, f"SELECT count(*), sum(VALUE)::BIGINT FROM analysis.results WHERE {where}")
        assert query(file, f"SELECT count(*), sum(patients) FROM analysis.{view}").row(0) == expected.row(0)
    assert query(file, "SELECT count(*) FROM analysis.v_published").item() == sum(
        run.published.height for run in runs.values()
    )
    ratio = (
        "SELECT hazard_ratio FROM analysis.v_survival WHERE endpoint = 'OS' AND subgroup = '' AND arm = 'LEN'"
    )
    for cut_off, run in runs.items():
        assert query(file, f"{ratio} AND cut_off = DATE '{cut_off}'").item() == run.value(
            "OS_COX", "LEN:PBO", "hr"
        )


def test_views_of_quality_hold_what_its_tables_hold(warehouse: Path, study: Study) -> None:
    file = warehouse / f"{study.name}.duckdb"
    for view, table, column in (("v_queries", "queries", "AGE"), ("v_quality_by_site", "by_site", "OPEN")):
        expected = query(file, f"SELECT count(*), sum({column})::BIGINT FROM quality.{table}").row(0)
        name = "age_days" if column == "AGE" else "open"
        assert query(file, f"SELECT count(*), sum({name})::BIGINT FROM quality.{view}").row(0) == expected


def test_every_view_carries_its_comments(warehouse: Path, study: Study) -> None:
    file = warehouse / f"{study.name}.duckdb"
    for view in study.views:
        sql = f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{view.name}'"
        assert dict(query(file, sql).iter_rows()) == dict(view.columns)


def write_answers(warehouse: Path) -> None:
    """Put the answers into the page."""

    def answered(found: re.Match[str]) -> str:
        head = found[0][: found.end(3) - found.start()]
        return f"{head}\n```\n\n```text\n{ask(warehouse, found[3])}\n```"

    PAGE.write_text(QUESTION.sub(answered, PAGE.read_text()))


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    from pipeline.studies import STUDIES
    from tests.layers import accepted_forms, run_layers

    value = STUDIES["calgb_100104"]
    raw = PAGE.parents[1] / "raw" / value.name
    forms = accepted_forms(value, raw)
    with TemporaryDirectory() as folder:
        made = {cut_off.id: run_layers(value, forms, cut_off) for cut_off in value.cut_offs}
        write_answers(release(value, take_in(value, raw), made, Path(folder)))
