"""Audits of finished datasets that look across rows or datasets: each gives the rows that fail.

What does not belong here: rules of one table (`schemas/`), what is done about a failing row.
"""

from __future__ import annotations

import polars as pl

from pipeline.study import AnyFrames


def audit_blocks(adsl: pl.DataFrame, block_size: int) -> pl.DataFrame:
    """Blocks that permuted-block randomisation cannot have made: STRATAR, BLOCKNO, N, TRT01P, OF_ARM.

    adsl: unblinded. A block holds at most `block_size` subjects and at most half of them of one arm; a row
    per arm (null for a block that is too long) that breaks this. Subjects without a block are a block of
    their own, so that none is passed over.
    """
    block = ["STRATAR", "BLOCKNO"]
    randomised = adsl.filter(pl.col("RANDFL") == "Y").with_columns(N=pl.len().over(block).cast(pl.Int64))
    arms = randomised.group_by(*block, "N", "TRT01P").agg(OF_ARM=pl.len().cast(pl.Int64))
    wrong = (pl.col("OF_ARM") > block_size // 2) | (pl.col("N") > block_size)
    unplaced = pl.any_horizontal(pl.col(*block, "TRT01P").is_null())
    return arms.filter(wrong | unplaced).select(*block, "N", "TRT01P", "OF_ARM").sort(*block, "TRT01P")


def unresolved_sources(adtte: pl.DataFrame, datasets: AnyFrames) -> pl.DataFrame:
    """Rows of ADTTE whose SRCDOM, SRCVAR and SRCSEQ lead to no value: USUBJID, PARAMCD and the three.

    datasets: by name in lower case (`ds`, `rs`, `adsl`).
    """
    source = ["SRCDOM", "SRCVAR", "SRCSEQ"]
    known = []
    for domain, variable in adtte.select("SRCDOM", "SRCVAR").unique().iter_rows():
        frame = datasets.get(domain.lower(), pl.DataFrame()).lazy()
        columns, sequence = frame.collect_schema(), f"{domain}SEQ"
        if variable in columns:
            number = pl.col(sequence) if sequence in columns else pl.lit(None, pl.Int64)
            triplet = {"SRCDOM": pl.lit(domain), "SRCVAR": pl.lit(variable), "SRCSEQ": number}
            known.append(frame.filter(pl.col(variable).is_not_null()).select("USUBJID", **triplet))
    rows = adtte.select("USUBJID", "PARAMCD", *source)
    if not known:
        return rows
    on = ["USUBJID", *source]
    unresolved = rows.lazy().join(
        pl.concat(known), on=on, how="anti", nulls_equal=True, maintain_order="left"
    )
    return unresolved.collect()


def without_parameter(adtte: pl.DataFrame, adsl: pl.DataFrame) -> pl.DataFrame:
    """Randomised subjects who miss a parameter that others have: USUBJID, PARAMCD.

    Their origin is not known, because the form that dates it has not been received or accepted.
    """
    expected = (
        adsl.filter(pl.col("ITTFL") == "Y")
        .select("USUBJID")
        .join(adtte.select("PARAMCD").unique(), how="cross")
    )
    return expected.join(adtte, on=["USUBJID", "PARAMCD"], how="anti").sort("USUBJID", "PARAMCD")
