"""What the paper prints beside what was computed, with a verdict for each number.

The printed numbers are data (`published.csv` of a study), keyed to rows of results; here they are
only compared with. What does not belong here: a printed number, or any way for one to reach a result.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipeline import numbers
from pipeline.study import CutOff, Study
from schemas.base import dtypes
from schemas.results import Published

NOT_REACHED = "NR"

FORMATS: dict[str, Callable[[float | None], str]] = {
    "count": lambda value: numbers.format_count(value or 0),
    "percent": numbers.format_rate,
    "percent1": lambda value: numbers.format_rate(value, places=1),
    "months": lambda value: NOT_REACHED if value is None else numbers.format_months(value),
    "months1": lambda value: NOT_REACHED if value is None else numbers.format_months(value, places=1),
    "about_years": lambda value: NOT_REACHED if value is None else "~" + numbers.format_years(value),
    "ratio": numbers.format_ratio,
    "p": numbers.format_p,
}


class PublishedError(ValueError):
    """A printed number points at no result, or names an unknown format."""


def read_published(path: Path) -> pl.DataFrame:
    """The study's printed numbers, all columns as text; blanks in key columns are empty, elsewhere null."""
    rows = pl.read_csv(path, infer_schema=False, empty_string_is_null=False)
    blank_is_null = [c for c in ("FIGURE", "CONFLICT", "NOTE") if c in rows.columns]
    return rows.with_columns(pl.col(blank_is_null).replace({"": None}))


def compare_published(study: Study, results: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """A verdict for each number the paper prints about this cut-off.

    match: the computed value prints as the paper has it. conflict: the paper prints two numbers for
    one quantity, and the computed value prints as one of them (the note says which). mismatch: all else.
    Raises PublishedError for a row that points at no result: nothing is skipped.
    """
    printed = read_published(study.published)
    other_of = dict(printed.select("ID", "PRINTED").iter_rows())
    place_of = dict(printed.select("ID", "LOCATION").iter_rows())
    here = printed.filter(pl.col("CUTOFF") == cut_off.id)
    keys = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
    values = {tuple(row[:4]): row[4] for row in results.select(*keys, "VALUE").iter_rows()}
    rows = []
    for row in here.iter_rows(named=True):
        key = tuple(row[k] for k in keys)
        if key not in values:
            raise PublishedError(f"{row['ID']}: there is no result {' / '.join(key)} at {cut_off.id}")
        if row["FORMAT"] not in FORMATS:
            raise PublishedError(f"{row['ID']}: unknown format {row['FORMAT']!r}")
        shown = FORMATS[row["FORMAT"]](values[key])
        other = row["CONFLICT"]
        verdict = "match" if shown == row["PRINTED"] else "mismatch"
        note = row["NOTE"]
        if other is not None and shown in (row["PRINTED"], other_of[other]):
            verdict = "conflict"
            note = (
                f"the paper prints {row['PRINTED']} ({row['LOCATION']}) and {other_of[other]} "
                f"({place_of[other]}); computed: {shown}"
            )
        rows.append(
            {
                **{c: row[c] for c in dtypes(Published) if c in row},
                "STUDYID": study.id,
                "CUTOFF": cut_off.date,
                "COMPUTED": values[key],
                "SHOWN": shown,
                "VERDICT": verdict,
                "NOTE": note,
            }
        )
    return pl.DataFrame(rows, schema=dtypes(Published))


def as_printed(published: pl.DataFrame) -> pl.DataFrame:
    """Per survival figure (numbers printed together): FIGURE, PRINTED, SHOWN, AS_PRINTED.

    A figure is as printed when each of its numbers is; a number the paper contradicts elsewhere counts
    by this place's own print.
    """
    figures = published.filter(pl.col("FIGURE").is_not_null())
    return figures.group_by("FIGURE", maintain_order=True).agg(
        PRINTED=pl.col("PRINTED").str.join(" "),
        SHOWN=pl.col("SHOWN").str.join(" "),
        AS_PRINTED=(pl.col("PRINTED") == pl.col("SHOWN")).all(),
    )
