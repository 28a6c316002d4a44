"""The subjects behind each number: for every row of the results the SQL that finds them in the warehouse.

One rule for each METHOD says who they are, from the Analysis value, GROUP, LEVEL and STATISTIC alone; a
test holds that each has one. What does not belong here: how a number is computed, running SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import polars as pl

from pipeline.analyse.crossover import CROSSED, could_cross_over
from pipeline.analyse.data import AnalysisError, days, levels_by
from pipeline.analyse.frequencies import agreement
from pipeline.analyse.sql import filter_sql, text, value
from pipeline.study import Analysis, CutOff, Study
from schemas.base import dtypes, names
from schemas.results import Subjects

EVERYBODY = ""
"""GROUP of all arms of an analysis."""


class Behind(NamedTuple):
    """The SQL that gives USUBJID, once each; None: nobody. counted: the number is how many they are."""

    sql: str | None
    counted: bool = False


NOBODY = Behind(None)
"""Behind what is planned or fixed by the protocol."""


@dataclass(frozen=True)
class Asked:
    """Which number is meant, as a rule asks for it."""

    study: Study
    analysis: Analysis
    cut_off: CutOff
    group: str
    level: str
    statistic: str

    @property
    def options(self) -> Any:
        return self.analysis.options

    @property
    def of_subjects(self) -> bool:
        """Whether the analysis' dataset has one row per subject."""
        return self.analysis.dataset == self._first

    def subjects(self, *conditions: str) -> str:
        """The population: the denominators of `Data.subjects`."""
        where = [self._cut, "s.ITTFL = 'Y'", *self._arms, *conditions]
        return f"SELECT s.USUBJID FROM adam.{self._first} AS s WHERE {' AND '.join(where)}"

    def rows(self, *conditions: pl.Expr, distinct: bool = True) -> str:
        """The subjects with a row of the analysis (`Data.rows`), in the group, that meets the conditions."""
        filters = [sql for sql in map(self.sql, conditions) if sql != "TRUE"]
        where = [*self._selected, *self._arms, *filters]
        alone = self.of_subjects or self.analysis.dataset == "adtte"
        kind = "SELECT" if alone or not distinct else "SELECT DISTINCT"
        return f"{kind} s.USUBJID FROM {self._source} WHERE {' AND '.join(where)}"

    def all(self) -> Behind:
        """Whoever's data the number is computed from."""
        return Behind(self.rows())

    def sql(self, condition: pl.Expr) -> str:
        """The condition on a row."""
        return filter_sql(condition, self.column)

    def column(self, name: str) -> str:
        """A variable of the analysis' dataset, else of the subject level."""
        if name in self._columns(self.analysis.dataset):
            return f"{'s' if self.of_subjects else 'd'}.{name}"
        if name in self._columns(self._first):
            return f"s.{name}"
        raise AnalysisError(f"analysis {self.analysis.id}: there is no variable {name}")

    def levels(self) -> dict[str, pl.Expr]:
        """The filter of each level; of one made from data, that of this row."""
        if "by" in self.options:
            return {self.level: levels_by(self.options["by"]) == self.level}
        return dict(self.options.get("levels", {"": pl.lit(True)}))

    @property
    def _first(self) -> str:
        return self.study.datasets[0].name

    @property
    def _cut(self) -> str:
        return f"s.CUTOFF = {value(self.cut_off.date)}"

    @property
    def _source(self) -> str:
        if self.of_subjects:
            return f"adam.{self._first} AS s"
        return f"adam.{self._first} AS s JOIN adam.{self.analysis.dataset} AS d USING (CUTOFF, USUBJID)"

    @property
    def _selected(self) -> list[str]:
        """What selects the analysis' rows."""
        where = [self._cut]
        if not self.of_subjects:
            where.append("s.ITTFL = 'Y'")
        if self.analysis.dataset == "adtte":
            where.append(f"d.PARAMCD = {text(self.analysis.endpoint)}")
        if self.analysis.where is not None:
            where.append(self.sql(self.analysis.where))
        return where

    @property
    def _arms(self) -> list[str]:
        """What selects the group; a comparison, and everybody, are the arms of the analysis."""
        numbers = {arm.code: arm.number for arm in self.study.arms}
        if self.group in numbers:
            return [f"s.TRT01PN = {numbers[self.group]}"]
        if "arms" in self.options and not self.study.is_blinded(self.cut_off):
            return [f"s.TRT01PN IN ({', '.join(str(numbers[code]) for code in self.options['arms'])})"]
        return []

    def _columns(self, dataset: str) -> list[str]:
        model = next(one.model for one in self.study.datasets if one.name == dataset)
        return names(self.study.shape(model, self.cut_off))


Rule = Callable[[Asked], Behind]


def subjects_behind(study: Study, results: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """For each row of a cut-off's results the SQL that finds its subjects, and whether it is their number.

    study: as it shows itself at the cut-off. The statements are over the tables of a release.
    """
    of_id = {analysis.id: analysis for analysis in study.analyses}
    about = ["STUDYID", "CUTOFF", "ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
    rows = []
    for key in results.select(about).iter_rows():
        analysis = of_id[key[2]]
        behind = RULES[analysis.method](Asked(study, analysis, cut_off, *key[3:]))
        rows.append((*key, behind.sql, behind.counted))
    return pl.DataFrame(rows, schema=dtypes(Subjects), orient="row")


# --- time to event ---

EVENT = pl.col("CNSR") == 0


def _at_risk(asked: Asked) -> pl.Expr:
    return pl.col("AVAL") >= days(int(asked.level))


def _curve(asked: Asked) -> Behind:
    match asked.statistic:
        case "n":
            return Behind(asked.rows(), counted=True)
        case "events" | "event_proportion":
            return Behind(asked.rows(EVENT), counted=asked.statistic == "events")
        case "censored" | "event_free_proportion":
            return Behind(asked.rows(pl.col("CNSR") != 0), counted=asked.statistic == "censored")
        case "n_risk":
            return Behind(asked.rows(_at_risk(asked)), counted=True)
    return asked.all()


def _of_level(asked: Asked) -> Behind:
    """LEVEL `factor=value` of a model with a factor; its name alone: whoever's factor is known."""
    name, given, level = asked.level.partition("=")
    if not name:
        return asked.all()
    factor = pl.col(asked.options.get("factors", {name: name})[name])
    own = [factor == level if given else factor.is_not_null()]
    own += [EVENT] if asked.statistic == "events" else []
    return Behind(asked.rows(*own), counted=asked.statistic in ("n", "events"))


def _information(asked: Asked) -> Behind:
    if asked.statistic == "planned":
        return NOBODY
    return Behind(asked.rows(EVENT), counted=asked.statistic == "events")


def _incidence(asked: Asked) -> Behind:
    if asked.statistic == "events":
        return Behind(asked.rows(pl.col("CNSR") == asked.options["causes"][asked.level]), counted=True)
    return _curve(asked)


def _structural(asked: Asked) -> Behind:
    """Its events and risk sets are of times as they would have been, which no table holds."""
    if asked.statistic == "crossed":
        return Behind(asked.rows(CROSSED), counted=True)
    return Behind(asked.rows(), counted=asked.statistic == "n")


def _weighted(asked: Asked) -> Behind:
    stayed = could_cross_over(asked.options["opens"], asked.options["closes"]) & ~CROSSED
    match asked.statistic:
        case "crossed":
            return Behind(asked.rows(CROSSED), counted=True)
        case "stayed":
            return Behind(asked.rows(stayed), counted=True)
        case "stayed_events":
            return Behind(asked.rows(stayed, EVENT), counted=True)
        case "effective":
            return Behind(asked.rows(stayed))
        case "weight_mean" | "weight_min" | "weight_max":
            return replace(asked, group=EVERYBODY).all()
    return asked.all()


# --- counts and summaries ---


def _count(asked: Asked) -> Behind:
    units = "unit" in asked.options  # the number is of something else, such as sites
    if asked.statistic == "denominator":
        return Behind(asked.rows() if asked.of_subjects else asked.subjects(), counted=not units)
    found = asked.rows(asked.levels()[asked.level])
    return Behind(found, counted=asked.statistic == "n" and not units)


def _concordance(asked: Asked) -> Behind:
    first, second, apart = (asked.options[name] for name in ("first", "second", "days"))
    if asked.statistic == "denominator":
        return Behind(asked.subjects(), counted=True)
    date = {first: "a.ADT", second: "b.ADT"}
    both = pl.col(first).is_not_null() & pl.col(second).is_not_null()
    level = {"DAYS APART": both, **agreement(first, second, apart)}[asked.level]
    joined = "".join(
        f" LEFT JOIN (SELECT USUBJID, ADT FROM adam.{asked.analysis.dataset} "
        f"WHERE CUTOFF = {value(asked.cut_off.date)} AND PARAMCD = {text(name)}) AS {alias} USING (USUBJID)"
        for name, alias in ((first, "a"), (second, "b"))
    )
    everybody = asked.subjects(filter_sql(level, date.__getitem__))
    return Behind(everybody.replace(" AS s WHERE", f" AS s{joined} WHERE"), counted=asked.statistic == "n")


def _baseline_tests(asked: Asked) -> Behind:
    """Whoever has a known value: of the category one of its levels, of the quantity a number."""
    if asked.level in asked.options["categories"]:
        known = asked.options["categories"][asked.level].values()
        return Behind(asked.rows(reduce(or_, known)))
    return Behind(asked.rows(pl.col(asked.level).is_not_null())) if asked.level else asked.all()


def _worst_grade(asked: Asked) -> Behind:
    if asked.statistic == "denominator":
        return Behind(asked.subjects(), counted=True)
    if asked.statistic not in ("n", "proportion"):
        return Behind(asked.subjects())
    level, _, pool = asked.level.rpartition(" ")
    grades = {str(grade): (grade,) for grade in asked.options["grades"]} | asked.options["pooled"]
    of_level = replace(asked, level=level)
    found = of_level.rows(of_level.levels()[level], distinct=False)
    worst = f"max({asked.column('ATOXGRN')}) IN ({', '.join(map(str, grades[pool]))})"
    return Behind(f"{found} GROUP BY s.USUBJID HAVING {worst}", counted=asked.statistic == "n")


def _by_month(asked: Asked) -> Behind:
    name, _, month = asked.level.rpartition(" ")
    began = pl.col(asked.options["dates"][name]).dt.truncate("1mo")
    this = pl.lit(dt.date.fromisoformat(f"{month}-01"))
    return Behind(
        asked.rows(began <= this if asked.statistic == "cumulative" else began == this), counted=True
    )


def _summary(asked: Asked) -> Behind:
    """Whoever has a value; where a subject may have several, `n` is a number of values."""
    known = pl.col(asked.options["variable"]).is_not_null()
    return Behind(
        asked.rows(asked.levels()[asked.level], known), counted=asked.statistic == "n" and asked.of_subjects
    )


def _nobody(_: Asked) -> Behind:
    return NOBODY


RULES: dict[str, Rule] = {
    "kaplan_meier": _curve,
    "logrank": Asked.all,
    "cox": Asked.all,
    "interaction": _of_level,
    "subgroups": _of_level,
    "information": _information,
    "follow_up": Asked.all,
    "cumulative_incidence": _incidence,
    "gray": Asked.all,
    "structural_failure_time": _structural,
    "censoring_weights": _weighted,
    "count": _count,
    "concordance": _concordance,
    "baseline_tests": _baseline_tests,
    "worst_grade": _worst_grade,
    "by_month": _by_month,
    "summary": _summary,
    "parameters": _nobody,
    "sample_size": _nobody,
}
"""The rule of each method of `pipeline.analyse.METHODS`, by its name."""
