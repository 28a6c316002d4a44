"""The steps that all tabulation domains share: subject identifier, --SEQ, --DY, column order.

What does not belong here: what a domain is made of (`pipeline/studies/*/mapping.py`), imputation of
partial dates (only in ADaM).
"""

from __future__ import annotations

import polars as pl

from pipeline.study import AnyFrames, CutOff, Domain, Study
from schemas.base import dtypes


def subject() -> pl.Expr:
    """USUBJID of a raw row."""
    return pl.concat_str("study_id", "patient_id", separator="-").alias("USUBJID")


def sponsor_id(name: str) -> pl.Expr:
    """--SPID: the raw record version behind a tabulated row, `<form>-<record>-<version>`."""
    return pl.concat_str("form_code", "record_id", "record_version", separator="-").alias(name)


def number(text: str) -> pl.Expr:
    """The number in a text result: `<0.1` gives 0.1, `ND` and other words give null."""
    return pl.col(text).str.strip_chars("<> ").str.replace_all(",", "").cast(pl.Float64, strict=False)


def tabulate(
    study: Study, domain: Domain, forms: AnyFrames, cut_off: CutOff, dm: pl.DataFrame | None = None
) -> pl.DataFrame:
    """One domain from the current records of its forms.

    forms: current records by form; dm: the tabulated DM, which gives the reference date for study
    days (None while DM itself is tabulated). Adds STUDYID, DOMAIN, CUTOFF, --DY, and --SEQ unless the forms
    have it; columns in the model's order, rows by subject and the domain's order.
    """
    code = domain.name.upper()
    # Of forms that are on the disk nothing is left in memory when the domain's rows are sorted.
    rows = domain.build({form: given.lazy().collect() for form, given in forms.items()}).with_columns(
        STUDYID=pl.lit(study.id), DOMAIN=pl.lit(code), CUTOFF=pl.lit(cut_off.date)
    )
    declared = dtypes(study.shape(domain.model, cut_off))
    rows = rows.sort("USUBJID", *domain.order, nulls_last=True, maintain_order=True)
    if f"{code}SEQ" in declared and f"{code}SEQ" not in rows.columns:
        rows = rows.with_columns(pl.int_range(1, pl.len() + 1).over("USUBJID").alias(f"{code}SEQ"))
    if dm is not None:
        rows = _study_days(rows, list(declared), dm)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in declared.items())


def _study_days(rows: pl.DataFrame, declared: list[str], dm: pl.DataFrame) -> pl.DataFrame:
    """Fill every declared --DY whose --DTC is complete: days since RFSTDTC, and there is no day 0."""
    reference = dm.select("USUBJID", _reference=pl.col("RFSTDTC").str.to_date("%Y-%m-%d", strict=False))
    rows = rows.join(reference, on="USUBJID", how="left", maintain_order="left")
    for day in (name for name in declared if name.endswith("DY")):
        date = pl.col(f"{day[:-2]}DTC").str.to_date("%Y-%m-%d", strict=False)
        days = (date - pl.col("_reference")).dt.total_days()
        rows = rows.with_columns((days + (days >= 0).cast(pl.Int64)).alias(day))
    return rows
