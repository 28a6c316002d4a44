"""What a method is given, and what it gives back.

What does not belong here: any statistic, any rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from pipeline.study import DAYS_PER_MONTH, LEVEL_SEPARATOR, Analysis, Frames, Study

Row = tuple[str, str, str, float | None]
"""GROUP, LEVEL, STATISTIC, VALUE."""


class AnalysisError(ValueError):
    """An analysis asks for a method or variable that is not there; the message names both."""


@dataclass(frozen=True)
class Data:
    """What a method works on.

    rows: the analysis' rows joined with ADSL; subjects: the population's rows of ADSL (denominators);
    frames: all analysis datasets by name.
    """

    study: Study
    analysis: Analysis
    rows: pl.DataFrame
    subjects: pl.DataFrame
    frames: Frames = field(default_factory=dict)

    @property
    def options(self) -> Mapping[str, Any]:
        return self.analysis.options

    def of_arm(self, number: int | None, frame: pl.DataFrame | None = None) -> pl.DataFrame:
        """The rows of one arm; all of them for None."""
        frame = self.rows if frame is None else frame
        return frame if number is None else frame.filter(pl.col("TRT01PN") == number)

    @property
    def blinded(self) -> bool:
        """Whether nobody's treatment is known here."""
        return "TRT01PN" not in self.subjects.columns

    def groups(self, total: bool = False) -> Iterator[tuple[str, int | None]]:
        """GROUP label and TRT01PN of each arm, where treatments are known, and of everybody."""
        if not self.blinded:
            yield from ((arm.code, arm.number) for arm in self.study.arms)
        if total:
            yield "TOTAL", None

    def times(self, number: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """AVAL in days and 1 for an event (CNSR = 0), else 0."""
        rows = self.of_arm(number)
        return rows["AVAL"].to_numpy(), (rows["CNSR"] == 0).cast(pl.Int64).to_numpy()

    def treated(self) -> np.ndarray:
        """1 for the first arm of the study, 0 for the second: hazard ratios are first to second."""
        return (self.rows["TRT01PN"] == self.study.arms[0].number).cast(pl.Int64).to_numpy()

    def strata(self) -> np.ndarray | None:
        """One label per row, of the variables the analysis names as strata; a null is a level of its own."""
        names = self.options.get("strata")
        if not names:
            return None
        levels = [pl.col(name).cast(pl.String).fill_null("not known") for name in names]
        return self.rows.select(pl.concat_str(levels, separator="|")).to_series().to_numpy()

    def causes(self) -> np.ndarray:
        """0 for a censored row, else 1, 2, ... in the order of the analysis' causes."""
        codes = {cnsr: i + 1 for i, cnsr in enumerate(self.options["causes"].values())}
        return self.rows["CNSR"].replace_strict(codes, default=0, return_dtype=pl.Int64).to_numpy()

    def levels(self) -> Mapping[str, pl.Expr]:
        """The levels: given as filters, or one for each value of `by`, or one that takes all.

        `by` names a variable, or several whose values found together are joined by `LEVEL_SEPARATOR`.
        """
        if "by" in self.options:
            by = levels_by(self.options["by"])
            values = self.rows.select(by).to_series().drop_nulls().unique().sort().to_list()
            return {value: by == value for value in values}
        levels: Mapping[str, pl.Expr] = self.options.get("levels", {"": pl.lit(True)})
        return levels

    @property
    def contrast(self) -> str:
        """GROUP of a comparison, `LEN:PBO`."""
        return ":".join(arm.code for arm in self.study.arms)


def levels_by(variables: str | Sequence[str]) -> pl.Expr:
    """The level of a row by the variables named: their values, joined."""
    return pl.concat_str(variables, separator=LEVEL_SEPARATOR)


Output = tuple[list[Row], list[dict[str, Any]]]
"""Rows of results, and steps of curves as dictionaries of their columns."""
Method = Callable[[Data], Output]


def days(months: float) -> float:
    """Months of the display in days."""
    return months * DAYS_PER_MONTH
