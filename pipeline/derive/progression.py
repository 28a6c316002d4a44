"""Progression found in the serial markers, by the criteria of EBMT (Blade 1998) and IMWG (Durie 2006).

The findings of a visit become one row of a series; each set of criteria is expressions over that row, the
lowest values before it and the next evaluable value. What does not belong here: what the site reported and
which progression the endpoints use (`adrs`), conversion of units (the tabulation).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from pipeline.derive.dates import impute

QUANTITIES = ("SERUM", "URINE", "KAPPA", "LAMBDA", "MARROW", "CALCIUM", "ALBUMIN")
WORDS = ("SIFE", "UIFE", "BONE", "PLASMACYTOMA")
"""Markers by how they are reported. Units: serum M-protein, albumin g/dL; urine M-protein mg/day; free light
chains, calcium mg/dL; marrow %. Words: POS, NEG, OLIGO (immunofixation); NONE, STABLE, NEW, ... (lesions)."""

MARKER = {
    "MSPIKE SERUM": "SERUM",
    "MSPIKE URINE": "URINE",
    "SIFE SERUM": "SIFE",
    "UIFE URINE": "UIFE",
    "KLCFR SERUM": "KAPPA",
    "LLCFR SERUM": "LAMBDA",
    "PLSCECE BONE MARROW": "MARROW",
    "CA SERUM": "CALCIUM",
    "ALB SERUM": "ALBUMIN",
}
LESION = {"BONELES": "BONE", "PLASMA": "PLASMACYTOMA"}

REMISSION_KEPT = dt.timedelta(weeks=6)
MARROW_CLEAR = 5.0
HYPERCALCAEMIA = 11.5
MEASURABLE = {"SERUM": 1.0, "URINE": 200.0}


def _lowest(marker: str) -> pl.Expr:
    """The lowest value from the reference visit up to the visit before this one."""
    return pl.col(f"LOW_{marker}")


def _ratio(marker: str) -> pl.Expr:
    return (1.25 * _lowest(marker)).round(4)


def _gain(value: pl.Expr, marker: str) -> pl.Expr:
    # Four decimals, so that 1.3 - 0.8 is 0.5.
    return (value - _lowest(marker)).round(4)


@dataclass(frozen=True)
class Rise:
    """A rule that the next evaluable value has to meet again, against the same lowest value.

    value: what is tested, null where it was not evaluable. met: whether a value, this visit's or a later
    one's, meets the rule at this visit.
    """

    value: pl.Expr
    met: Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Criteria:
    """A set of criteria: rules to confirm in the order in which they name a progression, and marrow rules.

    Lesions and calcium are the same in all criteria.
    """

    rises: Mapping[str, Rise]
    marrow: pl.Expr
    marrow_in_remission: pl.Expr


_M_PROTEIN = ("SERUM", "URINE", "SIFE", "UIFE")
_SHOWS = {  # whether a marker shows M-protein; the first in this order is the source of a loss of remission
    "SIFE": pl.col("SIFE") == "POS",
    "UIFE": pl.col("UIFE") == "POS",
    "SERUM": pl.col("SERUM") > 0,
    "URINE": pl.col("URINE") > 0,
}
_LOSS = pl.any_horizontal(_SHOWS.values()).fill_null(False) & pl.col("SIFE").ne_missing("OLIGO")
_EVALUABLE = pl.any_horizontal(pl.col(*_M_PROTEIN).is_not_null())

EBMT = Criteria(
    rises={
        "SERUM": Rise(
            pl.col("SERUM"), lambda value: (value > _ratio("SERUM")) & (_gain(value, "SERUM") >= 0.5)
        ),
        "URINE": Rise(
            pl.col("URINE"), lambda value: (value > _ratio("URINE")) & (_gain(value, "URINE") >= 200)
        ),
        "CR_LOSS": Rise(pl.when(_EVALUABLE).then(_LOSS), lambda value: value & pl.col("INCR")),
    },
    marrow=(pl.col("MARROW") > _ratio("MARROW")) & (_gain(pl.col("MARROW"), "MARROW") >= 10),
    marrow_in_remission=pl.col("MARROW") >= MARROW_CLEAR,
)
_IMWG_MARROW = (pl.col("MARROW") >= _ratio("MARROW")) & (pl.col("MARROW") >= 10)
IMWG = Criteria(
    rises={
        "SERUM": Rise(
            pl.col("SERUM"),
            lambda value: (
                ((value >= _ratio("SERUM")) & (_gain(value, "SERUM") >= 0.5))
                | ((_lowest("SERUM") >= 5) & (_gain(value, "SERUM") >= 1))
            ),
        ),
        "URINE": Rise(
            pl.col("URINE"), lambda value: (value >= _ratio("URINE")) & (_gain(value, "URINE") >= 200)
        ),
        "FLC": Rise(
            pl.col("FLC"),
            lambda value: (value >= _ratio("FLC")) & (_gain(value, "FLC") > 10) & ~pl.col("MEASURED"),
        ),
    },
    marrow=_IMWG_MARROW,
    marrow_in_remission=_IMWG_MARROW,
)


def marker_findings(lb: pl.LazyFrame, rs: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """The results of disease assessments, one row per subject, visit and marker that has one.

    Columns: USUBJID, VISITDT, VISIT, MARKER, VALUE (standard unit) or RESULT (word), ADT and ADTF (date of
    the specimen), SRCDOM, SRCVAR, SRCSEQ. VISITDT is the assessment's date on its form and at most the
    cut-off; of several results the last by --SEQ counts. Calcium with another cause is left out.
    """
    visits = impute(rs.lazy().filter(pl.col("RSTESTCD") == "OVRLRESP"), "RSDTC", "VISITDT")
    visits = visits.select("USUBJID", "VISITDT", SPID="RSSPID").unique(["USUBJID", "SPID"], keep="any")
    marker = pl.concat_str("LBTESTCD", "LBSPEC", separator=" ")
    laboratory = lb.filter(pl.col("LBCAT") == "DISEASE ASSESSMENT", pl.col("CAOTHER").ne_missing("Y")).select(
        "USUBJID",
        "VISIT",
        SPID="LBSPID",
        MARKER=marker.replace_strict(MARKER, default=None, return_dtype=pl.String),
        VALUE="LBSTRESN",
        RESULT="LBSTRESC",
        DTC="LBDTC",
        SRCDOM=pl.lit("LB"),
        SRCVAR=pl.lit("LBDTC"),
        SRCSEQ="LBSEQ",
    )
    lesions = (
        rs.lazy()
        .filter(pl.col("RSTESTCD").is_in(list(LESION)))
        .select(
            "USUBJID",
            "VISIT",
            SPID="RSSPID",
            MARKER=pl.col("RSTESTCD").replace_strict(LESION, default=None, return_dtype=pl.String),
            VALUE=pl.lit(None, pl.Float64),
            RESULT="RSSTRESC",
            DTC="RSDTC",
            SRCDOM=pl.lit("RS"),
            SRCVAR=pl.lit("RSDTC"),
            SRCSEQ="RSSEQ",
        )
    )
    known = pl.when(pl.col("MARKER").is_in(WORDS)).then(pl.col("RESULT").is_not_null())
    results = pl.concat([laboratory, lesions]).filter(known.otherwise(pl.col("VALUE").is_not_null()))
    results = results.join(visits, on=["USUBJID", "SPID"]).filter(pl.col("VISITDT") <= cut_off)
    return (
        impute(results, "DTC", "ADT")
        .sort("SRCSEQ")
        .unique(["USUBJID", "VISITDT", "MARKER"], keep="last", maintain_order=True)
        .drop("SPID", "DTC")
        .collect()
    )


def marker_series(findings: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """One row per subject and visit since the reference visit, in order; what was not measured is null.

    subjects: USUBJID, ASCTDT, RESP100, DTHDT, DTHCAUS. The reference is the restaging at day 100; without
    one, the first assessment after transplantation. Columns: USUBJID, VISITDT, the markers (CALCIUM corrected
    for albumin), MEASURED (serum or urine M-protein was measurable at this visit or before, back to
    registration), CR (remission reported at day 100), MMDEATH (the subject died of myeloma).
    """
    visits = findings.group_by("USUBJID", "VISITDT").agg(
        *(pl.col("VALUE").filter(pl.col("MARKER") == m).first().alias(m) for m in QUANTITIES),
        *(pl.col("RESULT").filter(pl.col("MARKER") == m).first().alias(m) for m in WORDS),
        RESTAGING=(pl.col("VISIT") == "DAY100").any(),
    )
    about = subjects.select(
        "USUBJID",
        "ASCTDT",
        CR=pl.col("RESP100").is_in(["CR", "sCR"]).fill_null(False),
        MMDEATH=(pl.col("DTHDT").is_not_null() & (pl.col("DTHCAUS") == "MYELOMA")).fill_null(False),
    )
    measurable = pl.any_horizontal(pl.col(m) >= least for m, least in MEASURABLE.items()).fill_null(False)
    since_transplant = pl.when(pl.col("VISITDT") > pl.col("ASCTDT")).then("VISITDT")
    reference = pl.coalesce(
        pl.when("RESTAGING").then("VISITDT").min().over("USUBJID"), since_transplant.min().over("USUBJID")
    )
    return (
        visits.join(about, on="USUBJID")
        .sort("USUBJID", "VISITDT")
        .with_columns(
            MEASURED=measurable.cast(pl.Int64).cum_max().over("USUBJID") > 0,
            CALCIUM=(pl.col("CALCIUM") + 0.8 * (4.0 - pl.col("ALBUMIN"))).round(4),
            REFERENCE=reference,
        )
        .filter(pl.col("VISITDT") >= pl.col("REFERENCE"))
        .drop("RESTAGING", "ASCTDT", "ALBUMIN", "REFERENCE")
    )


def signs_of_progression(series: pl.DataFrame, criteria: Criteria) -> pl.DataFrame:
    """The visits that meet the criteria: USUBJID, VISITDT, BASIS, MARKER (the source), CONFIRMED, CONFIRMDT.

    series: as `marker_series` gives it; a subject's first row is the reference and no progression. A visit is
    the first of the two assessments where one has to confirm it. CONFIRMED is false for a rise after which
    that marker was not evaluated again, unless death from myeloma followed: no progression, a query.
    CONFIRMDT is the visit that confirmed a rise, null where none had to. Where several rules are met, a
    finding that needs no confirmation names the visit, else the first rise in the criteria's order, which
    has to be confirmed.
    """
    if series.is_empty():
        types = {"USUBJID": pl.String, "VISITDT": pl.Date, "BASIS": pl.String, "MARKER": pl.String}
        return pl.DataFrame(schema=types | {"CONFIRMED": pl.Boolean, "CONFIRMDT": pl.Date})
    rows = series.sort("USUBJID", "VISITDT").with_columns(
        SUBJECT=pl.col("USUBJID").rle_id(),
        ROW=pl.int_range(pl.len()),
        FLC=(pl.col("KAPPA") - pl.col("LAMBDA")).abs(),
    )
    low = {
        f"LOW_{m}": pl.col(m).cum_min().forward_fill().shift(1).over("SUBJECT")
        for m in ("SERUM", "URINE", "FLC", "MARROW")
    }
    ends = {"FIRST": pl.col("ROW").min().over("SUBJECT"), "LAST": pl.col("ROW").max().over("SUBJECT")}
    rows = _with_remission(rows.with_columns(**low, **ends))
    free, relapsed = _findings(criteria.marrow), _findings(criteria.marrow_in_remission)
    rows = rows.with_columns(FREE=free, RELAPSED=relapsed).with_columns(
        FINDING=pl.when("INCR").then("RELAPSED").otherwise("FREE"),
        NEXT_FINDING=pl.when("INCR")
        .then(_upcoming(pl.when(pl.col("RELAPSED").is_not_null()).then("ROW")))
        .otherwise(_upcoming(pl.when(pl.col("FREE").is_not_null()).then("ROW"))),
    )
    met = {basis: rise.met(rise.value).fill_null(False) for basis, rise in criteria.rises.items()}
    rows = rows.with_columns(
        RISE=pl.coalesce(pl.when(met[basis]).then(pl.lit(basis)) for basis in met),
        **{f"AGAIN_{basis}": _confirmed(rise) for basis, rise in criteria.rises.items()},
    )
    again = pl.coalesce(pl.when(RISE=basis).then(f"AGAIN_{basis}") for basis in met)
    next_value = (pl.when(RISE=basis).then(_next_row(rise.value)) for basis, rise in criteria.rises.items())
    confirming = pl.min_horizontal("NEXT_FINDING", pl.coalesce(next_value))
    nothing_after = (
        pl.coalesce(
            pl.when(RISE=basis).then(_upcoming(rise.value).is_null())
            for basis, rise in criteria.rises.items()
        )
        & pl.col("NEXT_FINDING").is_null()
    )
    return (
        rows.with_columns(
            BASIS=pl.coalesce("FINDING", "RISE"),
            CONFIRMED=pl.when(pl.col("FINDING").is_not_null() | again)
            .then(pl.lit(True))
            .when(nothing_after)
            .then("MMDEATH"),
            CONFIRMDT=pl.when(pl.col("FINDING").is_null() & again).then(pl.col("VISITDT").gather(confirming)),
        )
        .filter(pl.col("CONFIRMED").is_not_null(), pl.col("ROW") > pl.col("FIRST"))
        .select("USUBJID", "VISITDT", "BASIS", _source().alias("MARKER"), "CONFIRMED", "CONFIRMDT")
    )


def _with_remission(rows: pl.DataFrame) -> pl.DataFrame:
    """Add INCR: in complete remission before this visit, reported at day 100 or kept for six weeks since.

    Kept: negative immunofixation with a clear marrow where one was done, from one visit after the reference
    to another; visits without serum immunofixation are passed over. A remission is not lost again here, its
    loss is what the criteria look for.
    """
    negative = (
        (pl.col("SIFE") == "NEG")
        & (pl.col("UIFE").is_null() | (pl.col("UIFE") == "NEG"))
        & (pl.col("MARROW").is_null() | (pl.col("MARROW") < MARROW_CLEAR))
    )
    seen = pl.col("SIFE").is_not_null() & (pl.col("ROW") > pl.col("FIRST"))
    return (
        rows.with_columns(CLEAR=seen & negative, BROKEN=seen & ~negative)
        .with_columns(RUN=pl.col("BROKEN").cum_sum().over("SUBJECT"))
        .with_columns(SINCE=pl.when("CLEAR").then("VISITDT").min().over("SUBJECT", "RUN"))
        .with_columns(KEPT=pl.col("CLEAR") & (pl.col("VISITDT") - pl.col("SINCE") >= REMISSION_KEPT))
        .with_columns(
            INCR=pl.col("CR") | (pl.col("KEPT").cum_sum().shift(1, fill_value=0).over("SUBJECT") > 0)
        )
        .drop("CLEAR", "BROKEN", "RUN", "SINCE", "KEPT")
    )


def _findings(marrow: pl.Expr) -> pl.Expr:
    """The first finding that needs no confirmation, null where there is none."""
    found = {
        "MARROW": marrow,
        "BONE": pl.col("BONE").is_in(["NEW", "INCREASED"]),
        "PLASMACYTOMA": pl.col("PLASMACYTOMA").is_in(["NEW", "INCREASED"]),
        "CALCIUM": pl.col("CALCIUM") > HYPERCALCAEMIA,
    }
    return pl.coalesce(pl.when(rule).then(pl.lit(basis)) for basis, rule in found.items())


def _upcoming(value: pl.Expr) -> pl.Expr:
    """The subject's next value after this visit; visits without one are passed over."""
    # Rows are in order of subject, so a comparison does what a window per subject would, fifty times faster.
    return pl.when(_next_row(value) <= pl.col("LAST")).then(value.shift(-1).backward_fill())


def _next_row(value: pl.Expr) -> pl.Expr:
    """Where the next value stands, the next subject's included."""
    return pl.when(value.is_not_null()).then("ROW").shift(-1).backward_fill()


def _confirmed(rise: Rise) -> pl.Expr:
    """Whether the next evaluable value meets the rule too, or a finding comes by then."""
    found = pl.col("NEXT_FINDING")
    found_by_then = (found <= _next_row(rise.value)).fill_null(True) & found.is_not_null()
    return found_by_then | rise.met(_upcoming(rise.value)).fill_null(False)


def _source() -> pl.Expr:
    """The marker whose result dates the progression."""
    higher = pl.when(pl.col("KAPPA") >= pl.col("LAMBDA")).then(pl.lit("KAPPA")).otherwise(pl.lit("LAMBDA"))
    shown = pl.coalesce(pl.when(shows).then(pl.lit(marker)) for marker, shows in _SHOWS.items())
    return pl.when(BASIS="CR_LOSS").then(shown).when(BASIS="FLC").then(higher).otherwise("BASIS")


def first_by_markers(
    findings: pl.DataFrame, series: pl.DataFrame, subjects: pl.DataFrame, criteria: Criteria
) -> pl.DataFrame:
    """The first confirmed progression after randomisation: USUBJID, ADT, ADTF, BASIS, SRCDOM, SRCVAR, SRCSEQ.

    findings and series: of the same cut-off. subjects: USUBJID, RANDDT. ADT is the date of the specimen (or
    of the assessment, for lesions) at the first of the two assessments. One row per subject with one.
    """
    signs = signs_of_progression(series, criteria).filter("CONFIRMED")
    return (
        signs.join(findings, on=["USUBJID", "VISITDT", "MARKER"], validate="1:1")
        .join(subjects.select("USUBJID", "RANDDT"), on="USUBJID")
        .filter(pl.col("ADT") > pl.col("RANDDT"))
        .sort("USUBJID", "VISITDT")
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "ADT", "ADTF", "BASIS", "SRCDOM", "SRCVAR", "SRCSEQ")
    )
