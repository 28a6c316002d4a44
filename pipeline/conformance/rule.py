"""A conformance rule as a value, and the small words that rules are written in.

What does not belong here: any rule, how rules are run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from pipeline.conformance.datasets import Dataset, Datasets

Severity = Literal["error", "warning", "note"]
Rows = pl.Expr | Callable[[pl.LazyFrame], pl.LazyFrame]
"""Which rows break a rule: a truth for each row, or the rows that are left."""

SOURCES = {
    "ADaM": "ADaM Conformance Rules v5.0",
    "SDTM": "SDTM and SDTMIG Conformance Rules v2.0",
    "FDA": "FDA Business Rules",
}
"""What a number cited as `ADaM 169`, `SDTM CG0028` or `FDA FDAB034` is a number of."""


@dataclass(frozen=True)
class Found:
    """Where a rule may be broken. rows None: the dataset as a whole breaks it. value: what to show of a row
    (the variable, if nothing is said), or of the dataset."""

    variable: str | None
    rows: Rows | None = None
    value: str | pl.Expr | None = None


Find = Callable[[Dataset, Datasets], Iterable[Found]]


@dataclass(frozen=True)
class Rule:
    """One rule. applies: classes, or names of datasets or domains; cites: numbers of published rules, none
    where none is known; says: what must hold; fix: what to do where it does not. needs_arms: it cannot be
    asked while treatments are blinded."""

    id: str
    severity: Severity
    applies: tuple[str, ...]
    says: str
    fix: str
    find: Find
    cites: tuple[str, ...] = ()
    needs_arms: bool = False

    def asks(self, dataset: Dataset) -> bool:
        """Whether it is asked of this dataset."""
        return bool({dataset.structure, dataset.name, dataset.domain} & set(self.applies))

    @property
    def source(self) -> str:
        """The documents whose numbers it cites."""
        return "; ".join(dict.fromkeys(SOURCES[cited.split()[0]] for cited in self.cites))


def own(pattern: str, dataset: Dataset) -> str:
    """The variable that `--` stands for in this dataset: `--TESTCD` is LBTESTCD."""
    return pattern.replace("--", dataset.domain[:2]) if "--" in pattern else pattern


def where(
    variable: str, breaks: Callable[[str], pl.Expr], *needs: str, value: str | pl.Expr | None = None
) -> Find:
    """Rows for which `breaks(variable)` is true, if it and the variables it needs are there (`--` works)."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        name = own(variable, d)
        if d.has(name, *(own(need, d) for need in needs)):
            yield Found(name, breaks(name), value)

    return find


def each(pattern: str, breaks: Callable[[str, Dataset], pl.Expr | None]) -> Find:
    """The same for each variable whose name the pattern matches; `breaks` may answer None for one of them."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for name in d.like(own(pattern, d)):
            if (rows := breaks(name, d)) is not None:
                yield Found(name, rows)

    return find


def absent(*names: str) -> Find:
    """Each of these variables that is not there (`--` works)."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        yield from (Found(name) for name in (own(n, d) for n in names) if not d.has(name))

    return find


def present(pattern: str) -> Find:
    """Each variable that is there and should not be."""
    return lambda d, _: (Found(name) for name in d.like(pattern))


def present_without(pattern: str, partner: Callable[[str], str]) -> Find:
    """Each variable that is there without its partner."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for name in d.like(own(pattern, d)):
            if not d.has(partner(name)):
                yield Found(name, value=f"there is no {partner(name)}")

    return find


def blank(*names: str) -> Find:
    """Rows in which one of these variables is missing (`--` works)."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for name in (own(n, d) for n in names):
            if d.has(name):
                yield Found(name, pl.col(name).is_null())

    return find


def together(*finds: Find) -> Find:
    """Several ways to break one rule."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        for one in finds:
            yield from one(d, study)

    return find


def not_in(*values: str | int) -> Callable[[str], pl.Expr]:
    """A value that is given and is none of these; a number is compared as one, whatever its type."""
    if all(isinstance(value, int) for value in values):
        return lambda name: ~pl.col(name).cast(pl.Float64).is_in([float(value) for value in values])
    return lambda name: ~pl.col(name).is_in(list(values))


def several(of: str, within: Sequence[str]) -> pl.Expr:
    """Rows whose `within` goes with more than one value of `of`, of rows in which all are given."""
    all_given = pl.all_horizontal(pl.col(of, *within).is_not_null())
    counted = pl.col(of).filter(all_given).n_unique().over(list(within))
    return all_given & (counted > 1)


def pair(first: str, second: str, *within: str) -> Find:
    """Two variables of which each value goes with one value of the other, within what is named further."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        one, other = own(first, d), own(second, d)
        by = [own(name, d) for name in within]
        if d.has(one, other, *by):
            yield Found(one, several(one, [*by, other]), both(one, other))
            yield Found(other, several(other, [*by, one]), both(other, one))

    return find


def both(*names: str) -> pl.Expr:
    """What several variables hold, for a finding's value."""
    shown = [pl.lit(f"{name} ") + pl.col(name).cast(pl.String).fill_null("missing") for name in names]
    return pl.concat_str(shown, separator=", ")


def as_text(name: str, d: Dataset) -> pl.Expr:
    """A variable's value as text; a whole number is written as one, whatever type the file gave it."""
    text = pl.col(name).cast(pl.String)
    return text.str.strip_suffix(".0") if d.has(name) and d.types[name].is_float() else text


def matched(pattern: str, name: str, group: int = 1) -> str:
    """A part of a name that is known to match."""
    found = re.fullmatch(pattern, name)
    return found.group(group) if found else ""
