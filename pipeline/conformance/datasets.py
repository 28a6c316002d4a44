"""What a rule is asked of: datasets with their metadata, whatever file or table they came from.

What does not belong here: reading files (`read.py`), any rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from schemas import base
from schemas.base import Table

FOLDER = "FOLDER"
"""Not a dataset: what a rule about the presence of datasets is asked of."""
ADSL, BDS, TTE, OCCDS, OTHER = "ADSL", "BDS", "BDS-TTE", "OCCDS", "ADAM OTHER"
SPECIAL, EVENTS, INTERVENTIONS, FINDINGS = "SPECIAL PURPOSE", "EVENTS", "INTERVENTIONS", "FINDINGS"
DESIGN, RELATIONSHIP = "TRIAL DESIGN", "RELATIONSHIP"

PARAMETERS = (BDS, TTE)
ADAM = (ADSL, *PARAMETERS, OCCDS, OTHER)
GENERAL = (EVENTS, INTERVENTIONS, FINDINGS)
SDTM = (SPECIAL, *GENERAL, DESIGN, RELATIONSHIP)
DATASETS = (*ADAM, *SDTM)

_SPECIAL_DOMAINS = {"DM", "CO", "SE", "SV", "SM"}
_DESIGN_DOMAINS = {"TA", "TE", "TV", "TI", "TS", "TD", "TM", "DI"}
_RELATIONSHIPS = {"RELREC", "RELSUB", "RELSPEC"}
ROW = "_ROW"
"""The column that numbers a dataset's rows, from 1, while rules are asked."""


class UnknownStructure(ValueError):
    """A dataset whose class cannot be told from its name and variables; the message says what was missed."""


@dataclass(frozen=True)
class Variable:
    """What a file says about a variable; codelist: the values that the dataset's own metadata allow."""

    name: str
    label: str = ""
    format: str = ""
    codelist: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """One dataset: name in upper case, class, rows (lazy, read when it is its turn), variables, key."""

    name: str
    label: str
    structure: str
    rows: pl.LazyFrame
    variables: Mapping[str, Variable]
    key: tuple[str, ...] = ()

    @cached_property
    def types(self) -> Mapping[str, pl.DataType]:
        """The polars type of each variable."""
        return {name: dtype for name, dtype in self.rows.collect_schema().items() if name != ROW}

    @property
    def names(self) -> list[str]:
        """The variables in the dataset's order."""
        return list(self.types)

    @property
    def domain(self) -> str:
        """The two letters of a tabulation domain, also of one that is split over files; else the name."""
        return self.name[:2] if self.structure in (*GENERAL, SPECIAL, DESIGN) else self.name

    @property
    def sequence(self) -> str | None:
        """The variable that numbers a subject's rows: ASEQ, --SEQ."""
        own = [n for n in ("ASEQ", f"{self.domain}SEQ") if n in self.types]
        copied = [name for name in self.names if re.fullmatch(r"[A-Z]{2}SEQ", name)]
        return next(iter(own + copied), None)

    def has(self, *names: str) -> bool:
        """Whether every one of these variables is there."""
        return all(name in self.types for name in names)

    def like(self, pattern: str) -> list[str]:
        """The variables whose whole name the pattern matches."""
        return [name for name in self.names if re.fullmatch(pattern, name)]

    def texts(self) -> list[str]:
        """The character variables."""
        return [name for name, dtype in self.types.items() if dtype == pl.String]

    def take(self, *names: str) -> pl.LazyFrame:
        """These variables of every row."""
        return self.rows.select(names)


Datasets = Mapping[str, Dataset]
"""Datasets by name."""


def dataset(
    name: str,
    rows: pl.DataFrame | pl.LazyFrame,
    *,
    label: str = "",
    variables: Iterable[Variable] = (),
    key: Sequence[str] = (),
    structure: str | None = None,
) -> Dataset:
    """A dataset of rows and metadata; its class is told from its name and variables unless it is given.

    Raises UnknownStructure where it cannot be told.
    """
    lazy = rows.lazy()
    names = lazy.collect_schema().names()
    told = {variable.name: variable for variable in variables}
    return Dataset(
        name=name.upper(),
        label=label,
        structure=structure or structure_of(name.upper(), names),
        rows=lazy,
        variables={n: told.get(n, Variable(n)) for n in names},
        key=tuple(key),
    )


def modelled(name: str, model: type[Table], rows: pl.DataFrame | pl.LazyFrame) -> Dataset:
    """A dataset whose metadata are those of a pandera class, of which it may lack columns."""
    lazy = rows.lazy()
    there = lazy.collect_schema()
    return dataset(
        name,
        lazy,
        label=base.label(model),
        variables=[
            Variable(
                column.name,
                column.label,
                format="DATE9." if column.dtype == pl.Date else "",
                codelist=tuple(column.codelist) if column.dtype == pl.String else (),
            )
            for column in base.columns(model)
        ],
        key=[part for part in base.key(model) if part in there],
    )


def structure_of(name: str, names: Sequence[str]) -> str:
    """The class of a dataset of this name (upper case) with these variables."""
    prefix, present = name[:2], set(names)
    if name == "ADSL":
        return ADSL
    if name.startswith("AD") and len(name) > 2:
        occurs = any(re.fullmatch(r"[A-Z]{2}(TERM|DECOD|TRT)", variable) for variable in names)
        if occurs and "PARAMCD" not in present:
            return OCCDS
        if present & {"CNSR", "STARTDT", "EVNTDESC"}:
            return TTE
        if present & {"PARAMCD", "PARAM", "AVAL", "AVALC"}:
            return BDS
        if "USUBJID" in present:
            return OTHER
    elif name.startswith("SUPP") or name in _RELATIONSHIPS:
        return RELATIONSHIP
    elif name in _SPECIAL_DOMAINS:
        return SPECIAL
    elif name in _DESIGN_DOMAINS:
        return DESIGN
    else:
        for structure, topics in ((FINDINGS, ("TESTCD", "ORRES")), (INTERVENTIONS, ("TRT",))):
            if present & {prefix + topic for topic in topics}:
                return structure
        if f"{prefix}TERM" in present:
            return EVENTS
    raise UnknownStructure(
        f"{name}: cannot tell what class of dataset this is. An analysis dataset is named AD... and holds "
        f"USUBJID; a tabulation dataset holds {prefix}TESTCD, {prefix}TRT or {prefix}TERM"
    )
