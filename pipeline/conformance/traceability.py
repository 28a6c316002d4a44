"""Rules about where a value comes from: SRCDOM, SRCVAR and SRCSEQ, --SEQ, variables copied from tabulation.

What does not belong here: dates of the source (`dates.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import ADAM, OCCDS, PARAMETERS, Dataset, Datasets
from pipeline.conformance.rule import Find, Found, Rule, both, where

TRIPLET = ("SRCDOM", "SRCVAR", "SRCSEQ")
NOT_COPIED = {"STUDYID", "USUBJID", "DOMAIN"}


def _sources(d: Dataset) -> list[tuple[str, str]]:
    """Each pair of SRCDOM and SRCVAR that occurs."""
    pairs = d.take("SRCDOM", "SRCVAR").drop_nulls().unique().sort("SRCDOM", "SRCVAR")
    return list(pairs.collect().iter_rows())


def _unknown_dataset(d: Dataset, study: Datasets) -> Iterator[Found]:
    if d.has("SRCDOM"):
        known = sorted({*study, *(other.domain for other in study.values())})
        yield Found("SRCDOM", ~pl.col("SRCDOM").is_in(known))


def _unknown_variable(d: Dataset, study: Datasets) -> Iterator[Found]:
    if not d.has("SRCDOM", "SRCVAR"):
        return
    for domain, variable in _sources(d):
        source = study.get(domain)
        if source and not source.has(variable):
            here = (pl.col("SRCDOM") == domain) & (pl.col("SRCVAR") == variable)
            yield Found("SRCVAR", here, f"{domain} has no {variable}")


def _unresolved(with_value: bool) -> Find:
    """Rows whose SRCSEQ leads to no row of the subject; with_value: to none that has a value of SRCVAR."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        if not d.has("USUBJID", *TRIPLET):
            return
        for domain, variable in _sources(d):
            source = study.get(domain)
            sequence = source.sequence if source else None
            if source and sequence and source.has("USUBJID", variable):
                rows = source.rows.filter(pl.col(variable).is_not_null()) if with_value else source.rows
                known = rows.select("USUBJID", _seq=pl.col(sequence).cast(pl.Float64))
                yield Found("SRCSEQ", _leads_nowhere(domain, variable, known), both(*TRIPLET))

    return find


def _leads_nowhere(domain: str, variable: str, known: pl.LazyFrame) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    here = (pl.col("SRCDOM") == domain) & (pl.col("SRCVAR") == variable) & pl.col("SRCSEQ").is_not_null()
    number = pl.col("SRCSEQ").cast(pl.Float64).alias("_seq")
    return lambda rows: rows.filter(here).with_columns(number).join(known, on=["USUBJID", "_seq"], how="anti")


def _unnumbered(d: Dataset, study: Datasets) -> Iterator[Found]:
    """Rows without SRCSEQ although their source numbers its rows."""
    if d.has("SRCDOM", "SRCSEQ"):
        numbered = [name for name, other in study.items() if other.sequence and name not in ("ADSL", "DM")]
        yield Found("SRCSEQ", pl.col("SRCSEQ").is_null() & pl.col("SRCDOM").is_in(numbered), both(*TRIPLET))


def _incomplete(d: Dataset, _: Datasets) -> Iterator[Found]:
    for name in ("SRCVAR", "SRCSEQ"):
        if d.has("SRCDOM", name):
            alone = pl.col("SRCDOM").is_null() & pl.col(name).is_not_null()
            half = (
                pl.col("SRCDOM").is_not_null() & pl.col(name).is_null() if name == "SRCVAR" else pl.lit(False)
            )
            yield Found(name, alone | half, both("SRCDOM", name))


def _part_of_triplet(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.like("SRC(DOM|VAR|SEQ)"):
        yield from (Found(name) for name in TRIPLET if not d.has(name))


def _behind(d: Dataset, study: Datasets) -> tuple[Dataset, str] | None:
    """The tabulation dataset whose rows these are, and the variable that numbers them."""
    for sequence in d.like("[A-Z]{2}SEQ"):
        source = study.get(sequence[:2])
        if source and source.has("USUBJID", sequence) and d.has("USUBJID"):
            return source, sequence
    return None


def _no_such_row(d: Dataset, study: Datasets) -> Iterator[Found]:
    if behind := _behind(d, study):
        source, sequence = behind
        number = pl.col(sequence).cast(pl.Float64).alias("_seq")
        known = source.take("USUBJID", sequence).select("USUBJID", number)
        yield Found(
            sequence,
            lambda rows: rows.with_columns(number).join(known, on=["USUBJID", "_seq"], how="anti"),
        )


def _copied(d: Dataset, study: Datasets) -> Iterator[Found]:
    behind = _behind(d, study)
    if not behind:
        return
    source, sequence = behind
    copied = [n for n in d.names if source.has(n) and n not in NOT_COPIED and n != sequence]
    number = pl.col(sequence).cast(pl.Float64).alias("_seq")
    there = source.rows.select("USUBJID", number, *(pl.col(n).alias(f"_{n}") for n in copied))
    there = there.unique(["USUBJID", "_seq"], keep="first")
    for name in copied:
        numbers = d.types[name].is_numeric() and source.types[name].is_numeric()
        to = pl.Float64 if numbers else pl.String
        unequal = pl.col(name).cast(to).ne_missing(pl.col(f"_{name}").cast(to))
        yield Found(name, _joined(number, there.select("USUBJID", "_seq", f"_{name}"), unequal))


def _joined(number: pl.Expr, there: pl.LazyFrame, breaks: pl.Expr) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    return lambda rows: (
        rows.with_columns(number).join(there, on=["USUBJID", "_seq"], how="inner").filter(breaks)
    )


RULES = (
    Rule("SR01", "warning", PARAMETERS, "SRCDOM, SRCVAR and SRCSEQ come together", "add the missing variable",
         _part_of_triplet),
    Rule("SR02", "error", PARAMETERS, "SRCVAR is given where SRCDOM is; SRCVAR and SRCSEQ only where it is",
         "fill the triplet, or empty all of it", _incomplete),
    Rule("SR03", "error", ADAM, "SRCDOM is the name of a dataset of the study, or missing",
         "name the domain or the analysis dataset", _unknown_dataset, ("ADaM 746",)),
    Rule("SR04", "error", ADAM, "SRCVAR is a variable of the dataset that SRCDOM names",
         "name the variable the value was taken from", _unknown_variable),
    Rule("SR05", "error", PARAMETERS, "SRCSEQ leads to a row of the same subject in the dataset of SRCDOM",
         "correct the triplet", _unresolved(with_value=False)),
    Rule("SR06", "warning", PARAMETERS, "SRCSEQ is given where the rows of the source are numbered",
         "add the number of the row", _unnumbered),
    Rule("SR07", "error", (OCCDS,), "--SEQ leads to a row of the subject in the tabulation dataset",
         "keep --SEQ of the row the occurrence comes from", _no_such_row, ("ADaM 898",)),
    Rule("SR08", "error", (OCCDS,), "A variable of the tabulation dataset has the value of its row there",
         "copy the value, or use another name for what is derived", _copied, ("ADaM 899",)),
    Rule("SR09", "error", (OCCDS,), "AESEQ is unique within a subject", "keep one row of each event",
         where("AESEQ", lambda n: pl.struct("USUBJID", n).is_duplicated(), "USUBJID")),
    Rule("SR10", "warning", PARAMETERS, "The row that SRCSEQ leads to has a value of SRCVAR",
         "name the row the value was taken from", _unresolved(with_value=True)),
)  # fmt: skip
