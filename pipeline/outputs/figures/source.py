"""What a figure reads: the numbers and steps of one study and cut-off, and how their numbers are worded.

What does not belong here: drawing, any number that is not a row of `results` or `curves`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.numbers import NOT_REACHED, format_count, format_months, format_p, format_ratio
from pipeline.outputs import NOTE
from pipeline.study import DAYS_PER_MONTH

DASH = "\N{EN DASH}"

Key = tuple[str, str, str, str]
"""ANALYSIS, GROUP, LEVEL, STATISTIC: the name of one number of the results."""


@dataclass(frozen=True)
class Group:
    """A treatment group as it is drawn: GROUP in the tables, its printed label and its colour."""

    code: str
    label: str
    colour: str


@dataclass(frozen=True)
class Source:
    """The numbers by key, and the curves, of one study at one cut-off."""

    numbers: Mapping[Key, float | None]
    levels_of: Mapping[str, list[str]]
    curves: pl.DataFrame
    cut_off: dt.date

    def __getitem__(self, key: Key) -> float | None:
        """One number; a missing row is a `KeyError` that names it."""
        return self.numbers[key]

    @property
    def note(self) -> str:
        """The line under every figure: what the data are, and their cut-off."""
        return f"{NOTE} Data cut-off: {self.cut_off.isoformat()}."

    def levels(self, analysis: str) -> list[str]:
        """The levels of an analysis in their order in the results."""
        return self.levels_of.get(analysis, [])

    def require(self, analysis: str) -> None:
        """`KeyError` if the results hold nothing of the analysis."""
        if not self.levels(analysis):
            raise KeyError(f"no results of {analysis}")

    def months(self, *analyses: str) -> list[int]:
        """The months that carry a number at risk, up to the first with nobody left: the axis' ticks."""
        at_risk: dict[int, float] = {}
        for (analysis, _, level, statistic), n in self.numbers.items():
            if analysis in analyses and statistic == "n_risk":
                at_risk[int(level)] = max(at_risk.get(int(level), 0), n or 0)
        months = sorted(at_risk)
        if len(months) < 2:
            raise KeyError(f"no numbers at risk for {', '.join(analyses)}")
        beyond = [month for month in months[1:] if not at_risk[month]]
        return [month for month in months if month <= beyond[0]] if beyond else months

    def at_risk(self, analysis: str, group: str, months: list[int]) -> list[str]:
        """The printed numbers at risk, one per month."""
        return [format_count(self[analysis, group, str(month), "n_risk"]) for month in months]

    def curve(self, analysis: str, group: str, cause: str = "") -> pl.DataFrame:
        """One step function from time 0; DAYS as in the table, TIME in months. Empty: `KeyError`."""
        own = (pl.col("ANALYSIS") == analysis) & (pl.col("CAUSE") == cause) & (pl.col("GROUP") == group)
        columns = ("TIME", "NRISK", "NEVENT", "NCENSOR", "ESTIMATE", "LOWER", "UPPER")
        rows = self.curves.filter(own).select(columns).sort("TIME")
        if rows.is_empty():
            raise KeyError((analysis, group, cause))
        if rows["TIME"][0] > 0:
            start = 0.0 if cause else 1.0
            limits = (None, None) if rows["UPPER"][0] is None else (start, start)
            first = (0, rows["NRISK"][0], 0, 0, start, *limits)
            rows = pl.concat([pl.DataFrame([first], schema=rows.schema, orient="row"), rows])
        return rows.with_columns(DAYS=pl.col("TIME"), TIME=pl.col("TIME") / DAYS_PER_MONTH)

    def ratio(self, analysis: str, comparison: str, level: str, name: str) -> float | None:
        """A number of a hazard ratio; a subgroup too small for a model has none, a whole model must."""
        key = (analysis, comparison, level, name)
        return self.numbers.get(key) if level else self[key]

    def hazard_ratio(self, analysis: str, comparison: str, level: str = "") -> str:
        """ "0.48 (95% CI, 0.36–0.63)"; "not estimable" without a ratio."""
        names = ("hr", "hr_lower", "hr_upper")
        hr, lower, upper = (self.ratio(analysis, comparison, level, name) for name in names)
        if hr is None:
            return format_ratio(hr)
        return f"{format_ratio(hr)} (95% CI, {format_ratio(lower)}{DASH}{format_ratio(upper)})"

    def events(self, analysis: str, group: str) -> str:
        """Events of patients: "86/231"."""
        events, n = (self[analysis, group, "", s] for s in ("events", "n"))
        return f"{format_count(events)}/{format_count(n)}"

    def median(self, analysis: str, group: str) -> str:
        """A median time in months: "46 (41–NR)"; "NR", a limit not reached, is told under the figure."""
        median, *limits = (self[analysis, group, "", s] for s in ("median", "median_lower", "median_upper"))
        if median is None:
            return NOT_REACHED
        lower, upper = ("NR" if limit is None else format_months(limit) for limit in limits)
        return f"{format_months(median)} ({lower}{DASH}{upper})"

    def describe_group(self, analysis: str, group: Group) -> str:
        """Events and median of a group in words, for a reader who cannot see the curve."""
        events, n = (format_count(self[analysis, group.code, "", s]) for s in ("events", "n"))
        median = self.median(analysis, group.code)
        if median != NOT_REACHED:
            months, limits = median.split(" ", 1)
            limits = limits.strip("()").replace("NR", NOT_REACHED).replace(DASH, " to ")
            median = f"{months} months (95% CI, {limits})"
        return f"{group.label}: {events} events in {n} patients, median {median}"


def read_source(results: pl.DataFrame, curves: pl.DataFrame | None = None) -> Source:
    """The tables of one study at one cut-off as a figure reads them; more than one is a `ValueError`."""
    tables = [results] if curves is None else [results, curves]
    sources = pl.concat([table.select("STUDYID", "CUTOFF") for table in tables]).unique()
    if sources.height != 1:
        raise ValueError(f"a figure shows one study at one cut-off, the tables hold {sources.height}")
    # Column by column, for every figure reads all results.
    named = zip(
        *(results[name].to_list() for name in ("ANALYSIS", "GROUP", "LEVEL", "STATISTIC")), strict=True
    )
    levels = results.group_by("ANALYSIS").agg(pl.col("LEVEL").unique(maintain_order=True))
    return Source(
        dict(zip(named, results["VALUE"].to_list(), strict=True)),
        dict(levels.iter_rows()),
        pl.DataFrame() if curves is None else curves,
        sources["CUTOFF"].item(),
    )


def p_words(p: float | None) -> str:
    """ "P = 0.03", "P<0.001"."""
    text = format_p(p)
    return f"P{text}" if text.startswith("<") else f"P = {text}"


def statistic(label: str, text: str, *keys: Key) -> dict[str, Any]:
    """A printed number for the report's scripts, with the rows of the results it shows."""
    names = ("analysis", "group", "level", "statistic")
    return {"label": label, "text": text, "keys": [dict(zip(names, key, strict=True)) for key in keys]}


def keys(analysis: str, group: str, level: str, *statistics: str) -> list[Key]:
    """The keys of several statistics of one group and level."""
    return [(analysis, group, level, statistic) for statistic in statistics]
