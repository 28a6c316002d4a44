"""Waivers: findings that are known, explained and accepted until a day.

A waiver is a row of a CSV file: rule, dataset, variable, reason, role of who decided, last day it holds.
Dataset and variable may be `*`, for any. What does not belong here: which findings there are.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

HEADER = ["rule", "dataset", "variable", "reason", "role", "expires"]
ANY = "*"
WHOLE = ""
"""A waiver's variable where the dataset as a whole is meant."""


class BadWaivers(ValueError):
    """A file of waivers cannot be used; the message names file, line, column and what is wrong."""


@dataclass(frozen=True)
class Waiver:
    """One waiver; `expires` is the last day it holds."""

    rule: str
    dataset: str
    variable: str
    reason: str
    role: str
    expires: dt.date

    def __str__(self) -> str:
        """What it is for."""
        return " ".join(part for part in (self.rule, self.dataset, self.variable) if part)

    @property
    def covers(self) -> pl.Expr:
        """Whether it is for a row of RULE, DATASET and VARIABLE."""
        meant = pl.col("RULE") == self.rule
        if self.dataset != ANY:
            meant &= pl.col("DATASET") == self.dataset
        return (
            meant if self.variable == ANY else meant & (pl.col("VARIABLE").fill_null(WHOLE) == self.variable)
        )


def read_waivers(path: Path, rules: Collection[str]) -> list[Waiver]:
    """The waivers of a file; BadWaivers where it cannot be read or names a rule that there is not."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadWaivers(f"{path}: cannot be read ({error})") from None
    rows = list(csv.reader(lines))
    if not rows or rows[0] != HEADER:
        raise BadWaivers(f"{path} line 1: the header must be {','.join(HEADER)}")
    return [_waiver(path, line, row, rules) for line, row in enumerate(rows[1:], 2) if row]


def _waiver(path: Path, line: int, row: list[str], rules: Collection[str]) -> Waiver:
    where = f"{path} line {line}"
    if len(row) != len(HEADER):
        raise BadWaivers(f"{where}: {len(row)} cells under {len(HEADER)} headings; quote a text with commas")
    cells = dict(zip(HEADER, (cell.strip() for cell in row), strict=True))
    if cells["rule"] not in rules:
        raise BadWaivers(f"{where}, rule: {cells['rule'] or 'blank'} is not a rule")
    for name in ("dataset", "reason", "role"):
        if not cells[name]:
            raise BadWaivers(
                f"{where}, {name}: blank; every waiver says what it is for, why, and who decided"
            )
    try:
        expires = dt.date.fromisoformat(cells.pop("expires"))
    except ValueError:
        raise BadWaivers(f"{where}, expires: {row[-1] or 'blank'} is not a date (YYYY-MM-DD)") from None
    return Waiver(**cells, expires=expires)


def apply_waivers(
    counts: pl.DataFrame, waivers: Sequence[Waiver], on: dt.date
) -> tuple[pl.DataFrame, list[Waiver], list[Waiver]]:
    """The counts with WAIVER, the reason why each is accepted; the waivers that expired, and those not used.

    counts: RULE, DATASET and VARIABLE of what was found. on: the day for which waivers must hold. The first
    waiver that covers a finding is its reason.
    """
    expired = [waiver for waiver in waivers if waiver.expires < on]
    holding = [waiver for waiver in waivers if waiver.expires >= on]
    unused = [waiver for waiver in holding if counts.filter(waiver.covers).is_empty()]
    return counts.with_columns(WAIVER=_reason(holding)), expired, unused


def _reason(waivers: Iterable[Waiver]) -> pl.Expr:
    reasons = [pl.when(waiver.covers).then(pl.lit(waiver.reason)) for waiver in waivers]
    return pl.coalesce(*reasons, pl.lit(None, pl.String))
