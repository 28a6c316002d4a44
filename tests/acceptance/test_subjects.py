"""The subjects behind every number of the shipped trial: all statements are run, at both cut-offs and a look.

A number of subjects is how many its statement finds. What any other number rests on is told here a second
time, from the rows that its method was given, and compared subject by subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipeline.analyse import METHODS, _data
from pipeline.analyse.data import Data
from pipeline.analyse.subjects import RULES
from pipeline.difference import Side, compare_number, compare_releases
from pipeline.monitoring import Review, hold_review
from pipeline.study import CutOff, Study
from schemas.base import key
from schemas.results import Results
from tests.layers import Run, run_layers

KEY = key(Results)
FIXED = {"parameters", "sample_size"}
COUNTS = {
    "n", "denominator", "events", "censored", "n_risk", "crossed", "stayed", "stayed_events", "cumulative",
}  # fmt: skip
"""Statistics that are numbers of subjects, but for what `NOT_SUBJECTS` names."""
NOT_SUBJECTS = {
    "structural_failure_time": "its events and risk sets are of times as they would have been",
    "summary": "a dataset with several rows for a subject has several values of him",
    "count": "the option `unit` counts sites",
}
BATCH = 100


@dataclass(frozen=True)
class Asked:
    """A cut-off's numbers with what their statements find, by statement."""

    study: Study
    run: Run
    numbers: pl.DataFrame
    found: Mapping[str, list[str]]


def answer(run: Run | Review) -> dict[str, list[str]]:
    """USUBJID by statement, each statement asked once of the analysis datasets."""
    statements = run.subjects["SQL"].drop_nulls().unique(maintain_order=True).to_list()
    found: dict[str, list[str]] = {sql: [] for sql in statements}
    with duckdb.connect(config={"python_enable_replacements": False, "threads": 1}) as connection:
        connection.execute("CREATE SCHEMA adam")
        for name, frame in run.adam.items():
            connection.register("given", frame)
            connection.execute(f"CREATE TABLE adam.{name} AS FROM given")
        for start in range(0, len(statements), BATCH):
            batch = enumerate(statements[start : start + BATCH], start)
            union = " UNION ALL ".join(f"SELECT {place}, USUBJID FROM ({sql})" for place, sql in batch)
            for place, usubjid in connection.execute(union).fetchall():
                found[statements[place]].append(usubjid)
    return found


@pytest.fixture(scope="module")
def asked(study: Study, forms: dict[str, pl.DataFrame], runs: dict[str, Run]) -> Mapping[str, Asked]:
    """Both cut-offs, and the first look, at which treatments are blinded."""
    look = study.looks[0]
    every: dict[str, tuple[CutOff, Run]] = {c.id: (c, runs[c.id]) for c in study.cut_offs}
    every[look.id] = look, run_layers(study, forms, look)
    return {
        id: Asked(study.at(cut_off), run, run.results.join(run.subjects, on=KEY, how="left"), answer(run))
        for id, (cut_off, run) in every.items()
    }


@pytest.fixture(params=["2009-06-30", "2009-12-17", "2011-10-31"])
def one(request: pytest.FixtureRequest, asked: Mapping[str, Asked]) -> Asked:
    return asked[request.param]


def test_every_method_has_a_rule() -> None:
    assert set(RULES) == set(METHODS)


def test_every_number_has_subjects_but_what_the_protocol_fixes(one: Asked) -> None:
    assert one.run.subjects.select(KEY).rows() == one.run.results.select(KEY).rows()
    without = one.numbers.filter(pl.col("SQL").is_null())
    assert set(without.filter(pl.col("STATISTIC") != "planned")["METHOD"]) == FIXED
    assert one.numbers.filter(pl.col("METHOD").is_in(FIXED), pl.col("SQL").is_not_null()).is_empty()


def test_no_subject_is_found_twice(one: Asked) -> None:
    assert all(len(set(subjects)) == len(subjects) for subjects in one.found.values())


def test_a_number_of_subjects_is_how_many_are_found(one: Asked) -> None:
    counted = with_found(one.numbers, one.found)
    assert counted.filter(pl.col("FOUND") != pl.col("VALUE")).rows() == []
    assert counted.height > 1000
    assert set(counted["STATISTIC"]) <= COUNTS
    others = one.numbers.filter(~pl.col("COUNTED"), pl.col("STATISTIC").is_in(COUNTS))
    assert set(others["METHOD"]) - FIXED <= set(NOT_SUBJECTS)


def test_the_regraded_lymphopenias_are_named_with_their_forms(
    study: Study, forms: dict[str, pl.DataFrame], runs: dict[str, Run], raw: Path
) -> None:
    """Sites graded events again between the cut-offs; who had grade 4 is asked of SDTM here."""
    first, last = (cut_off.id for cut_off in study.cut_offs)
    worst_is_4 = f"""
        SELECT USUBJID FROM sdtm.ae JOIN adam.adsl USING (CUTOFF, USUBJID)
        WHERE CUTOFF = DATE '{{}}' AND TRT01P = '{study.arms[0].name}' AND AEDECOD = 'LYMPHOPENIA'
          AND try_cast(AESTDTC AS DATE) >= RANDDT
        GROUP BY USUBJID HAVING max(AETOXGR) = '4'
    """
    with released(forms, runs) as connection:

        def ask(sql: str) -> pl.DataFrame:
            return connection.execute(sql).pl()

        one, other = Side(ask, first), Side(ask, last)
        between = compare_releases(study, one, other)
        moved = compare_number(study, one, other, between, "AE_BLOOD", "LEN", "LYMPHOPENIA 4")
        with pytest.raises(KeyError, match="AE_BLOOD LEN LYMPHOPENIA 7"):
            compare_number(study, one, other, between, "AE_BLOOD", "LEN", "LYMPHOPENIA 7")
        was, now = (set(ask(worst_is_4.format(cut_off))["USUBJID"]) for cut_off in (first, last))
    assert was - now
    assert moved.numbers.filter(STATISTIC="n").select("BEFORE", "AFTER").rows() == [(len(was), len(now))]
    assert set(moved.subjects.select("STATISTIC", "USUBJID", "CHANGE").iter_rows()) == {
        *(("n", usubjid, "left") for usubjid in was - now),
        *(("n", usubjid, "came") for usubjid in now - was),
    }
    regraded = moved.records.filter(VARIABLE="AETOXGR", BEFORE="4", AFTER="3", CHANGE="amended")
    assert set(regraded["USUBJID"]) == was - now
    for record, file, line in regraded.select("RECORD", "FILE", "LINE").iter_rows():
        assert record in (raw / file).read_text().splitlines()[line - 1]


@contextmanager
def released(
    forms: Mapping[str, pl.DataFrame], runs: Mapping[str, Run]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """What a release holds of the forms, the datasets and the numbers, in memory."""
    some = next(iter(runs.values()))
    names = {"sdtm": some.sdtm, "adam": some.adam, "analysis": ("results", "subjects")}
    tables = {f"raw.{form}": rows for form, rows in forms.items()}
    for schema, of_schema in names.items():
        for name in of_schema:
            parts = [
                getattr(run, name) if schema == "analysis" else getattr(run, schema)[name]
                for run in runs.values()
            ]
            tables[f"{schema}.{name}"] = pl.concat(parts)
    with duckdb.connect(config={"python_enable_replacements": False}) as connection:
        for schema in ("raw", *names):
            connection.execute(f"CREATE SCHEMA {schema}")
        for path, rows in tables.items():
            connection.register("given", rows)
            connection.execute(f"CREATE TABLE {path} AS FROM given")
        yield connection


def with_found(numbers: pl.DataFrame, found: Mapping[str, list[str]]) -> pl.DataFrame:
    """The numbers of subjects, and how many their statement finds."""
    sizes = {sql: len(subjects) for sql, subjects in found.items()}
    return numbers.filter("COUNTED").with_columns(FOUND=pl.col("SQL").replace_strict(sizes))


def test_a_closed_review_finds_its_subjects_by_code(
    study: Study, forms: dict[str, pl.DataFrame], asked: Mapping[str, Asked]
) -> None:
    look = study.looks[0]
    assert study.monitoring is not None
    allocation = study.monitoring.allocation({"treatment_codes": forms["treatment_codes"]})
    review = hold_review(study, look, {look.id: asked[look.id].run.adam}, allocation)
    counted = with_found(review.results.join(review.subjects, on=KEY), answer(review))
    assert counted.filter(pl.col("FOUND") != pl.col("VALUE")).rows() == []
    assert set(counted["GROUP"]) == {*(arm.code for arm in review.study.arms), "TOTAL"}
    assert set(review.results.join(review.subjects, on=KEY, how="anti")["METHOD"]) == {"review"}


def test_while_treatments_are_blinded_no_statement_asks_for_one(asked: Mapping[str, Asked]) -> None:
    telling = {id: one.run.subjects["SQL"].str.contains("TRT01").any() for id, one in asked.items()}
    assert telling == {"2009-06-30": False, "2009-12-17": True, "2011-10-31": True}


def test_the_others_rest_on_the_rows_that_their_method_was_given(one: Asked) -> None:
    others = one.numbers.filter(~pl.col("COUNTED"), pl.col("SQL").is_not_null())
    differing = [
        (analysis.id, group, level, statistic)
        for analysis in one.study.analyses
        for data in [_data(one.study, analysis, one.run.adam)]
        for group, level, statistic, sql in others.filter(ANALYSIS=analysis.id)
        .select("GROUP", "LEVEL", "STATISTIC", "SQL")
        .iter_rows()
        if set(used(one, data, group, level, statistic)) != set(one.found[sql])
    ]
    assert differing == []
    assert others.height > 500


def used(one: Asked, data: Data, group: str, level: str, statistic: str) -> Iterator[str]:
    """Whose data a number that counts no subjects is computed from."""
    number = {arm.code: arm.number for arm in one.study.arms}.get(group)
    rows = data.of_arm(number)
    match data.analysis.method:
        case "summary":
            rows = rows.filter(data.levels()[level]).drop_nulls(data.options["variable"])
        case "count" if statistic != "denominator":
            rows = rows.filter(data.levels()[level])
        case "worst_grade" if statistic == "proportion":
            rows = worst(data, rows, level)
        case "worst_grade":
            rows = data.subjects
        case "concordance":
            rows = paired(data, number, level)
        case "baseline_tests" if level:
            rows = known_at_baseline(data, level)
        case "interaction" | "subgroups" if level:
            name, _, value = level.partition("=")
            factor = data.options.get("factors", {}).get(name, name)
            rows = rows.filter(pl.col(factor).is_not_null(), pl.col(factor) == value if value else True)
        case "kaplan_meier" if statistic in ("event_proportion", "event_free_proportion"):
            rows = rows.filter((pl.col("CNSR") == 0) == (statistic == "event_proportion"))
        case "information":
            rows = rows.filter(CNSR=0)
        case "censoring_weights" if statistic.startswith("weight_"):
            rows = data.rows
        case "censoring_weights" if statistic == "effective":
            stayed = one.numbers.filter(ANALYSIS=data.analysis.id, STATISTIC="stayed")["SQL"].item()
            yield from one.found[stayed]  # the effective number of those who are counted as having stayed
            return
    yield from rows["USUBJID"]


def worst(data: Data, rows: pl.DataFrame, level: str) -> pl.DataFrame:
    name, _, pool = level.rpartition(" ")
    grades = {**{str(g): (g,) for g in data.options["grades"]}, **data.options["pooled"]}[pool]
    of_level = rows.filter(data.levels()[name])
    return of_level.group_by("USUBJID").agg(pl.col("ATOXGRN").max()).filter(pl.col("ATOXGRN").is_in(grades))


def paired(data: Data, number: int | None, level: str) -> pl.DataFrame:
    """By the two dates of each subject, told in words of sets and not of filters on missing dates."""
    dates = [
        dict(data.of_arm(number).filter(PARAMCD=data.options[name]).select("USUBJID", "ADT").iter_rows())
        for name in ("first", "second")
    ]
    everybody = data.of_arm(number, data.subjects)["USUBJID"].to_list()
    both = {u: (dates[0][u] - dates[1][u]).days for u in everybody if u in dates[0] and u in dates[1]}
    first, second, days = (data.options[name] for name in ("first", "second", "days"))
    of_level = {
        "DAYS APART": set(both),
        "SAME DATE": {u for u, later in both.items() if later == 0},
        f"WITHIN {days} DAYS": {u for u, later in both.items() if 0 < abs(later) <= days},
        f"MORE THAN {days} DAYS": {u for u, later in both.items() if abs(later) > days},
        f"{first} EARLIER": {u for u, later in both.items() if later < 0},
        f"{first} LATER": {u for u, later in both.items() if later > 0},
        f"{first} ONLY": {u for u in everybody if u in dates[0] and u not in dates[1]},
        f"{second} ONLY": {u for u in everybody if u in dates[1] and u not in dates[0]},
        "NEITHER": {u for u in everybody if u not in dates[0] and u not in dates[1]},
    }[level]
    return pl.DataFrame({"USUBJID": sorted(of_level)})


def known_at_baseline(data: Data, level: str) -> pl.DataFrame:
    if level not in data.options["categories"]:
        return data.rows.drop_nulls(level)
    levels = data.options["categories"][level].values()
    return pl.concat(data.rows.filter(where) for where in levels)
