"""Our analysis datasets beside the pilot's own, cell by cell; and every difference there is, with its reason.

What does not belong here: how a variable is derived, any way for a value of the pilot's ADaM to reach ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from schemas.base import Table, key, names
from schemas.cdisc_pilot import ADAE, ADSL, ADTTE

MODELS: dict[str, type[Table]] = {"adsl": ADSL, "adtte": ADTTE, "adae": ADAE}
OURS, THEIRS = pl.col("OURS"), pl.col("THEIRS")


@dataclass(frozen=True)
class Difference:
    """A difference that is explained: in which cells of a variable, how many there are, and why.

    cells: holds of OURS and THEIRS in each of them.
    """

    dataset: str
    variable: str
    cells: pl.Expr
    count: int
    why: str


EVENTS = 152
DIFFERENCES = (
    Difference(
        "adsl",
        "BMIBLGR1",
        OURS.is_null() & (THEIRS == "<25"),
        1,
        "One subject has no baseline weight and so no BMI (BMIBL is null in both). The pilot puts her into "
        "the lowest group: in SAS a missing number is less than 25. Here the group is null.",
    ),
    Difference(
        "adsl",
        "DCDECOD",
        (OURS == "PROTOCOL DEVIATION") & (THEIRS == "PROTOCOL VIOLATION"),
        6,
        "DS.DSDECOD has the newer controlled term, PROTOCOL DEVIATION; the pilot's ADaM was made before DS "
        "was updated. DCSREAS, in words, agrees.",
    ),
    Difference(
        "adtte",
        "EVNTDESC",
        (OURS == "Dermatologic Event Occurred") & (THEIRS == "Dematologic Event Occured"),
        EVENTS,
        "The pilot misspells the text of an event.",
    ),
    Difference(
        "adtte",
        "SRCDOM",
        (OURS == "AE") & (THEIRS == "ADAE"),
        EVENTS,
        "The pilot names the analysis dataset, our engine the tabulation row behind it: the same event, for "
        "SRCSEQ agrees in every row.",
    ),
    Difference(
        "adtte",
        "SRCVAR",
        (OURS == "AESTDTC") & (THEIRS == "ASTDT"),
        EVENTS,
        "As SRCDOM: AE.AESTDTC is ASTDT.",
    ),
)
NOT_MADE = {"adae": ("AELLTCD", "AEPTCD", "AEHLTCD", "AEHLGTCD", "AESOCCD", "AEACN")}
"""Variables of the pilot that are not derived here: they are null in every row, in SDTM as in ADaM."""

HEADLINE = (
    *("CNSR", "ADT", "AVAL"),
    *("TRTEMFL", "AOCCFL", "AOCCSFL", "AOCCPFL", "AOCC01FL", "AOCC02FL", "AOCC03FL", "AOCC04FL"),
)
"""The variables that the comparison is about; of ADSL, all."""

COMPARED = {
    "DATASET": pl.String,
    "VARIABLE": pl.String,
    "ROWS": pl.Int64,
    "EQUAL": pl.Int64,
    "EXPLAINED": pl.Int64,
    "UNEXPLAINED": pl.Int64,
    "WHY": pl.String,
}


def compare_with_pilot(
    ours: Mapping[str, pl.DataFrame], pilot: Callable[[str], pl.DataFrame]
) -> pl.DataFrame:
    """One row per variable of the pilot's ADSL, ADTTE and ADAE, in the shape COMPARED.

    ours: `adsl`, `adtte` and `adae` of one cut-off; pilot: gives the pilot's dataset of a name. Numbers are
    equal to a billionth. A row that only one side has counts as different in the key and wherever the other
    has a value; a variable that is not made here is equal where the pilot has null.
    """
    return pl.concat(_compare(name, ours[name], pilot(name)) for name in MODELS)


def summarise(compared: pl.DataFrame) -> pl.DataFrame:
    """Equal cells of each dataset as a whole, of its HEADLINE variables and of those that differ."""
    whole = compared.group_by("DATASET", maintain_order=True).agg(
        pl.lit("all variables").alias("VARIABLE"), pl.col("ROWS", "EQUAL", "EXPLAINED", "UNEXPLAINED").sum()
    )
    single = compared.filter(pl.col("VARIABLE").is_in(HEADLINE) | (pl.col("EQUAL") < pl.col("ROWS")))
    return pl.concat([whole, single.drop("WHY")]).select(
        dataset="DATASET",
        variable="VARIABLE",
        equal=pl.format("{} of {}", "EQUAL", "ROWS"),
        explained="EXPLAINED",
        unexplained="UNEXPLAINED",
    )


def unexplained(compared: pl.DataFrame) -> list[str]:
    """What is wrong with a comparison: cells without a reason, reasons of another number of cells."""
    found = compared.filter(pl.col("UNEXPLAINED") > 0).select(
        pl.format("{}.{}: {} cells differ without a reason", "DATASET", "VARIABLE", "UNEXPLAINED")
    )
    counted = {(d, v): n for d, v, n in compared.select("DATASET", "VARIABLE", "EXPLAINED").iter_rows()}
    stale = [
        f"{known.dataset}.{known.variable}: {counted[known.dataset, known.variable]} cells differ as "
        f"explained, not {known.count}"
        for known in DIFFERENCES
        if counted[known.dataset, known.variable] != known.count
    ]
    return [*found.to_series(), *stale]


def _compare(name: str, ours: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    on = [variable for variable in key(MODELS[name]) if variable != "CUTOFF"]
    mine = ours.select(v for v in names(MODELS[name]) if v in theirs.columns)
    mine = mine.cast({v: kind for v, kind in theirs.schema.items() if v in mine.columns})
    both = mine.join(theirs, on=on, how="full", suffix="_PILOT", coalesce=True)
    missing = {"OURS": both.height - ours.height, "THEIRS": both.height - theirs.height}
    return pl.concat(_variable(name, v, on, both, missing) for v in theirs.columns)


def _variable(
    dataset: str, variable: str, on: list[str], both: pl.DataFrame, missing: Mapping[str, int]
) -> pl.DataFrame:
    """The row of COMPARED of one variable; both: the joined rows, the pilot's columns with a suffix."""
    reasons = {d.variable: d for d in DIFFERENCES if d.dataset == dataset}
    if variable in on:
        cells = pl.DataFrame({"EQUAL": [both.height - sum(missing.values())], "EXPLAINED": [0]})
    else:
        made = f"{variable}_PILOT" in both.columns
        pair = both.select(
            OURS=pl.col(variable) if made else pl.lit(None, both.schema[variable]),
            THEIRS=f"{variable}_PILOT" if made else variable,
        )
        near = (OURS - THEIRS).abs() < 1e-9 if pair.schema["OURS"] == pl.Float64 else pl.lit(False)
        equal = OURS.eq_missing(THEIRS) | near.fill_null(False)
        known = reasons[variable].cells if variable in reasons else pl.lit(False)
        cells = pair.select(EQUAL=equal.sum(), EXPLAINED=(known.fill_null(False) & ~equal).sum())
    return cells.select(
        DATASET=pl.lit(dataset),
        VARIABLE=pl.lit(variable),
        ROWS=pl.lit(both.height, pl.Int64),
        EQUAL=pl.col("EQUAL").cast(pl.Int64),
        EXPLAINED=pl.col("EXPLAINED").cast(pl.Int64),
        UNEXPLAINED=both.height - pl.col("EQUAL").cast(pl.Int64) - pl.col("EXPLAINED").cast(pl.Int64),
        WHY=pl.lit(reasons[variable].why if variable in reasons else None, pl.String),
    )
