"""Stages of myeloma at study entry, as expressions over values in standard units.

What does not belong here: which result of which visit counts (`baseline`), comparison with the stage that the
site reports (edit checks).
"""

from __future__ import annotations

import polars as pl


def iss_stage(b2m: pl.Expr, albumin: pl.Expr) -> pl.Expr:
    """International Staging System: b2m in mg/L, albumin in g/dL; null when it cannot be told."""
    return (
        pl.when(b2m >= 5.5)
        .then(pl.lit("III"))
        .when(b2m >= 3.5)
        .then(pl.lit("II"))
        .when((b2m < 3.5) & (albumin >= 3.5))
        .then(pl.lit("I"))
        .when((b2m < 3.5) & (albumin < 3.5))
        .then(pl.lit("II"))
    )


def durie_salmon_stage(
    hemoglobin: pl.Expr,
    calcium: pl.Expr,
    lytic_scale: pl.Expr,
    igg: pl.Expr,
    iga: pl.Expr,
    urine_light_chain: pl.Expr,
) -> pl.Expr:
    """The stage of Durie and Salmon as far as it can be derived; null when it cannot be told.

    Hemoglobin, IgG, IgA in g/dL, calcium in mg/dL, lytic_scale 0 to 3, urine light chain in g/24 h. One value
    can be enough for III; I and II need hemoglobin, calcium and bone lesions, I an M-component too. Clinical
    rules 2.5.
    """
    known = hemoglobin.is_not_null() & calcium.is_not_null() & lytic_scale.is_not_null()
    m_known = igg.is_not_null() | iga.is_not_null() | urine_light_chain.is_not_null()
    high = (
        (hemoglobin < 8.5)
        | (calcium > 12)
        | (lytic_scale >= 3)
        | (igg > 7)
        | (iga > 5)
        | (urine_light_chain > 12)
    )
    low = (hemoglobin > 10) & (calcium <= 12) & (lytic_scale <= 1)
    m_not_low = (igg >= 5) | (iga >= 3) | (urine_light_chain >= 4)
    return (
        pl.when(high.fill_null(False))
        .then(pl.lit("III"))
        .when(known & (~low | m_not_low.fill_null(False)))
        .then(pl.lit("II"))
        .when(known & m_known)
        .then(pl.lit("I"))
    )


def durie_salmon_subclass(creatinine: pl.Expr) -> pl.Expr:
    """A or B by the creatinine in mg/dL; null when it is not known."""
    return pl.when(creatinine >= 2.0).then(pl.lit("B")).when(creatinine < 2.0).then(pl.lit("A"))
