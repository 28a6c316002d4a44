"""What the paper prints beside what was computed, with a verdict for each number.

The printed numbers are data (`published.csv` of a study), keyed to rows of results; here they are
only compared with. What does not belong here: a printed number, or any way for one to reach a result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from pipeline import numbers
from pipeline.study import CutOff, Study
from schemas.base import dtypes, empty
from schemas.results import Published

NOT_REACHED = "NR"
NOT_COMPUTED = "not computed"


def _decimals(places: int) -> Callable[[float], str]:
    return lambda value: numbers.format_number(value, places)


# How a value prints, by the FORMAT of a printed number; a null prints as "NR", not reached.
FORMATS: dict[str, Callable[[float], str]] = {
    "count": numbers.format_count,
    "percent": numbers.format_rate,
    "percent1": lambda value: numbers.format_rate(value, places=1),
    "months": numbers.format_months,
    "months1": lambda value: numbers.format_months(value, places=1),
    "about_years": lambda value: "~" + numbers.format_years(value),
    "ratio": numbers.format_ratio,
    "p": numbers.format_p,
    "at_least_005": lambda value: "0.05" if value >= 0.05 else numbers.format_p(value),
    "less_than": lambda value: "<" + numbers.format_number(value),
    "less_than3": lambda value: "<" + numbers.format_number(value, 3),
    "date": numbers.format_date,
    "month": lambda value: numbers.format_date(value, parts=2),
    "version": numbers.format_version,
    "number": _decimals(0),
    "number1": _decimals(1),
    "number2": _decimals(2),
    "number3": _decimals(3),
}


class PublishedError(ValueError):
    """A printed number points at no result, or names an unknown format."""


def read_published(path: Path) -> pl.DataFrame:
    """The study's printed numbers, all columns as text; blanks in key columns are empty, elsewhere null."""
    rows = pl.read_csv(path, infer_schema=False, empty_string_is_null=False)
    blank_is_null = [c for c in ("FIGURE", "CONFLICT", "NOTE", "KIND") if c in rows.columns]
    return rows.with_columns(pl.col(blank_is_null).replace({"": None}))


def compare_published(study: Study, results: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """A verdict for each number the paper prints about this cut-off.

    match: the computed value prints as the paper has it; design: the same, for what the protocol fixes;
    rule conflict: the same, though the number breaks a rule the paper states elsewhere (the note says
    which). conflict: the paper prints two numbers for one quantity, and the computed value prints as one
    of them (the note shows both). mismatch: all else, also a number that these data give no result for.
    Raises PublishedError for a row that points at no analysis: nothing is skipped.
    """
    if study.published is None:
        return empty(Published)
    printed = read_published(study.published)
    printed_at = {
        id: (value, place) for id, value, place in printed.select("ID", "PRINTED", "LOCATION").iter_rows()
    }
    here = printed.filter(pl.col("CUTOFF") == cut_off.id)
    keys = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
    values = {tuple(row[:4]): row[4] for row in results.select(*keys, "VALUE").iter_rows()}
    analyses = {analysis.id for analysis in study.analyses}
    rows = []
    for row in here.iter_rows(named=True):
        key = tuple(row[k] for k in keys)
        if key[0] not in analyses:
            raise PublishedError(f"{row['ID']}: there is no analysis {key[0]}")
        if row["FORMAT"] not in FORMATS:
            raise PublishedError(f"{row['ID']}: unknown format {row['FORMAT']!r}")
        value = values.get(key)
        if key not in values:
            shown = NOT_COMPUTED
        else:
            shown = NOT_REACHED if value is None else FORMATS[row["FORMAT"]](value)
        verdict = (row["KIND"] or "match") if shown == row["PRINTED"] else "mismatch"
        note = row["NOTE"]
        if row["CONFLICT"] is not None:
            other, place = _other_print(row["CONFLICT"], printed_at)
            if shown in (row["PRINTED"], other):
                verdict = "conflict"
                note = (
                    f"the paper prints {row['PRINTED']} ({row['LOCATION']}) and {other} ({place}); "
                    f"computed: {shown}"
                )
        rows.append(
            {
                **{c: row[c] for c in dtypes(Published) if c in row},
                "STUDYID": study.id,
                "CUTOFF": cut_off.date,
                "COMPUTED": value,
                "SHOWN": shown,
                "VERDICT": verdict,
                "NOTE": note,
            }
        )
    return pl.DataFrame(rows, schema=dtypes(Published))


def _other_print(ids: str, printed_at: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """The number that contradicts: another printed one, or the sum of several (`a+b`), and its place."""
    parts = [printed_at[id] for id in ids.split("+")]
    if len(parts) == 1:
        return parts[0]
    total = sum(int(value) for value, _ in parts)
    return str(total), f"sum of {' + '.join(value for value, _ in parts)} in {parts[0][1]}"


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
