"""Rules about datasets that relate others: RELREC, SUPP--, tumours and their results.

What does not belong here: where an analysis value comes from (`traceability.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import RELATIONSHIP, Dataset, Datasets
from pipeline.conformance.rule import Find, Found, Rule, pair, where

PARENT = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "QNAM")


def _domains(study: Datasets) -> dict[str, list[Dataset]]:
    """The datasets of each domain: more than one where a domain is split over files."""
    parts: dict[str, list[Dataset]] = {}
    for other in study.values():
        parts.setdefault(other.domain, []).append(other)
    return parts


def _unknown_domain(d: Dataset, study: Datasets) -> Iterator[Found]:
    if d.has("RDOMAIN"):
        yield Found("RDOMAIN", ~pl.col("RDOMAIN").is_in(sorted(_domains(study))))


def _references(d: Dataset, study: Datasets) -> Iterator[tuple[str, str, list[Dataset]]]:
    """Each domain and identifying variable that is referred to, and the datasets of that domain."""
    if d.has("RDOMAIN", "IDVAR"):
        parts = _domains(study)
        pairs = d.take("RDOMAIN", "IDVAR").drop_nulls().unique().sort("RDOMAIN", "IDVAR").collect()
        yield from ((domain, name, parts[domain]) for domain, name in pairs.iter_rows() if domain in parts)


def _unknown_variable(d: Dataset, study: Datasets) -> Iterator[Found]:
    for domain, name, datasets in _references(d, study):
        if not any(other.has(name) for other in datasets):
            yield Found("IDVAR", _of(domain, name), f"{domain} has no {name}")


def _of(domain: str, name: str) -> pl.Expr:
    return (pl.col("RDOMAIN") == domain) & (pl.col("IDVAR") == name)


def _no_such_record(d: Dataset, study: Datasets) -> Iterator[Found]:
    if not d.has("USUBJID", "IDVARVAL"):
        return
    for domain, name, datasets in _references(d, study):
        holders = [other for other in datasets if other.has("USUBJID", name)]
        if holders:
            known = pl.concat(other.rows.select("USUBJID", _id=_as_text(name, other)) for other in holders)
            yield Found("IDVARVAL", _unmatched(_of(domain, name), known.unique()))


def _as_text(name: str, other: Dataset) -> pl.Expr:
    """A value as IDVARVAL writes it: a number without a decimal point."""
    value = pl.col(name)
    return (value.cast(pl.Int64) if other.types[name].is_numeric() else value).cast(pl.String)


def _unmatched(here: pl.Expr, known: pl.LazyFrame) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    given = pl.col("IDVARVAL").is_not_null() & pl.col("USUBJID").is_not_null()
    text = pl.col("IDVARVAL").str.strip_chars().alias("_id")
    return lambda rows: (
        rows.filter(here & given).with_columns(text).join(known, on=["USUBJID", "_id"], how="anti")
    )


def _numbered(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("IDVAR", "RELTYPE"):
        yield Found("RELTYPE", pl.col("RELTYPE").is_not_null() & pl.col("IDVAR").str.ends_with("SEQ"))


def _twice(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.name.startswith("SUPP") and d.has(*PARENT):
        yield Found("QNAM", pl.struct(PARENT).is_duplicated())


def _unidentified(variable: str) -> Find:
    """Results (TR) or responses (RS) of a lesion that the tumours (TU) do not have."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        tumours = study.get("TU")
        if tumours and d.has("USUBJID", variable) and tumours.has("USUBJID", "TULNKID"):
            known = tumours.take("USUBJID", "TULNKID").rename({"TULNKID": variable}).unique()
            yield Found(
                variable,
                lambda rows: rows.filter(pl.col(variable).is_not_null()).join(
                    known, on=["USUBJID", variable], how="anti"
                ),
            )

    return find


RULES = (
    Rule("RL01", "error", (RELATIONSHIP,), "RDOMAIN is a domain of the study", "name the parent domain",
         _unknown_domain, ("SDTM CG0373", "SDTM CG0374")),
    Rule("RL02", "error", (RELATIONSHIP,), "IDVAR is a variable of the domain that RDOMAIN names",
         "name the variable that identifies the row", _unknown_variable, ("SDTM CG0370",)),
    Rule("RL03", "error", (RELATIONSHIP,),
         "IDVARVAL leads to a row of the subject in the domain that RDOMAIN "
         "names", "correct the reference", _no_such_record, ("SDTM CG0371",)),
    Rule("RL04", "error", ("RELREC",), "RELTYPE is empty where IDVAR is a --SEQ", "leave RELTYPE empty",
         _numbered, ("SDTM CG0419",)),
    Rule("RL05", "error", (RELATIONSHIP,), "A SUPP-- dataset gives a parent row each QNAM once",
         "keep one value", _twice, ("SDTM CG0411",)),
    Rule("RL06", "error", (RELATIONSHIP,), "QNAM has at most 8 characters: A-Z, 0-9 and _, no digit first",
         "rename the qualifier", where("QNAM", lambda n: ~pl.col(n).str.contains("^[A-Z_][A-Z0-9_]{0,7}$")),
         ("SDTM CG0417",)),
    Rule("RL07", "error", (RELATIONSHIP,), "QLABEL has at most 40 characters", "shorten the label",
         where("QLABEL", lambda n: pl.col(n).str.len_chars() > 40), ("SDTM CG0416",)),
    Rule("RL08", "error", (RELATIONSHIP,), "QNAM and QLABEL go one to one", "give each qualifier one label",
         pair("QNAM", "QLABEL", "RDOMAIN"), ("FDA FDAB009",)),
    Rule("RL09", "error", ("TR",), "TRLNKID is a lesion of the subject in TU", "identify the lesion in TU",
         _unidentified("TRLNKID")),
)  # fmt: skip
