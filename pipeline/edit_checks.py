"""Edit checks: the records that break a rule between cells, records or forms.

A check is a value (`pipeline.study.EditCheck`); here are the small words checks are written in, the engine
that runs them on the forms as they stood, and what a rejected record means. No check changes a value. What
does not belong here: rules of one cell (the form's schema says those), any check of one trial
(`pipeline/studies/*/edit_checks/`), what becomes of what is found (`pipeline.queries`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

import polars as pl

from pipeline.study import AnyFrames, CutOff, EditCheck, Frames, Seen, Study
from pipeline.versions import came_on, current_records, latest_issue, versioned
from schemas.base import empty, names
from schemas.quality import Findings, SetAside

FOUND = {
    "FORM": pl.String,
    "RECORD": pl.String,
    "VERSION": pl.Int64,
    "PATIENT": pl.String,
    "SITE": pl.String,
    "COLUMN": pl.String,
    "FOUND": pl.String,
}
"""One row per record that breaks a rule. RECORD and VERSION are null where a record is missing, COLUMN where
no single column is at fault; FOUND says in words and values what was found."""

Find = Callable[[Seen], pl.LazyFrame]


def broken(rows: pl.LazyFrame, form: str, column: str | None, found: pl.Expr) -> pl.LazyFrame:
    """Records of `form` (all of `rows`, which carry its header columns) in the shape FOUND."""
    return rows.select(
        FORM=pl.lit(form),
        RECORD="record_id",
        VERSION=pl.col("record_version").cast(pl.Int64),
        PATIENT="patient_id",
        SITE="site_code",
        COLUMN=pl.lit(column, pl.String),
        FOUND=found,
    )


def where(form: str, breaks: pl.Expr, column: str | None, found: pl.Expr) -> Find:
    """A check within one record: the current records of `form` for which `breaks` is true."""
    return lambda seen: broken(seen.forms[form].filter(breaks), form, column, found)


def told(words: str, *values: str | pl.Expr) -> pl.Expr:
    """FOUND in words: `{}` stands for a column or an expression, a blank one is said to be blank."""
    shown = [pl.col(value) if isinstance(value, str) else value for value in values]
    texts = [value.cast(pl.String).fill_null("blank") for value in shown]
    # Not pl.format: in polars 2.1 it fails on filtered rows of a frame in several chunks.
    between = [pl.lit(text) for text in words.split("{}")]
    return pl.concat_str(
        between[0], *(part for pair in zip(texts, between[1:], strict=True) for part in pair)
    )


def run_checks(checks: Iterable[EditCheck], seen: Seen) -> pl.DataFrame:
    """What every check with a `find` finds in the forms as they stood: CHECK_ID and the columns of FOUND."""
    # One after another: planned together, a hundred small questions take twice as long. In memory: polars'
    # streaming engine (2.1) fails in concat_str, too, on filtered rows of a frame in several chunks (EC011).
    answers = [
        check.find(seen).select(pl.lit(check.id).alias("CHECK_ID"), *FOUND).collect(engine="in-memory")
        for check in checks
        if check.find is not None
    ]
    shape = pl.DataFrame(schema={"CHECK_ID": pl.String, **FOUND})
    return pl.concat([shape, *answers]).unique(maintain_order=True)


def reject_records(
    study: Study, current: Frames, accepted: AnyFrames, cut_off: CutOff
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """What a cut-off keeps of its current records, and what the checks reject (quality.set_aside).

    current: each form's records as the cut-off saw them; accepted: all versions, with FILE and LINE. Asked
    are the checks of severity `reject` that need no arms, and asked again of what is left until nothing
    more is rejected, because a record that is rejected may be the one that another cannot do without.
    """
    checks = [check for check in study.edit_checks if check.severity == "reject" and not check.needs_arms]
    kept, aside = dict(current), [empty(SetAside)]
    versions = {
        form: rows.lazy().filter(pl.col("received_dt") <= cut_off.by_form.get(form, cut_off.date))
        for form, rows in accepted.items()
        if versioned(rows)
    }
    while True:
        forms = {form: rows.lazy() for form, rows in kept.items()}
        found = run_checks(checks, Seen(cut_off.date, forms, forms | versions))
        why = pl.format("{}: {}", "CHECK_ID", "FOUND").unique().sort().str.join("; ")
        told = found.group_by("FORM", record_id="RECORD").agg(DETAIL=why)
        rejected = {
            form: rows.join(told.filter(FORM=form), on="record_id")
            for form, rows in kept.items()
            if versioned(rows) and form in told["FORM"]
        }
        if not any(rows.height for rows in rejected.values()):
            return kept, pl.concat(aside)
        for form, rows in rejected.items():
            aside.append(_set_aside(form, rows, cut_off))
            kept[form] = kept[form].join(rows, on="record_id", how="anti", maintain_order="left")


def _set_aside(form: str, rows: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """Rejected records, with DETAIL, in the shape of quality.set_aside."""
    return rows.with_columns(
        CUTOFF=pl.lit(cut_off.date),
        FORM=pl.lit(form),
        RECORD="record_id",
        VERSION="record_version",
        RECEIVED="received_dt",
        REASON=pl.lit("rejected by an edit check"),
    ).select(names(SetAside))


def seen_at(study: Study, accepted: AnyFrames, date: dt.date, findings: pl.DataFrame | None = None) -> Seen:
    """The forms as they stood on the day of a transfer: what had been delivered and received by then.

    findings: quality.findings, from which is known what was turned away.
    """
    rules = {rule.form: rule.rule for rule in study.cut_rules}
    versions = {form: rows.lazy().filter(came_on(rows) <= date) for form, rows in accepted.items()}
    stood = {"received": current_records, "latest": latest_issue}
    current = {
        form: stood[rules[form]](rows) if rules[form] in stood else rows for form, rows in versions.items()
    }
    # Held, not lazy: a hundred checks read them. One by one, because making one takes twice its memory.
    forms = {form: rows.collect().lazy() for form, rows in current.items()}
    return Seen(date, forms, versions, _turned_away(empty(Findings) if findings is None else findings, date))


def _turned_away(findings: pl.DataFrame, date: dt.date) -> pl.LazyFrame:
    """FORM, RECORD and VERSION of the rows that were delivered by the date and not accepted."""
    delivered = (pl.col("TRANSFER") <= date) & (pl.col("OUTCOME") == "quarantined")
    record = pl.col("RECORD").str.strip_suffix(pl.format("/{}", "VERSION"))
    rows = findings.lazy().filter(delivered, pl.col("VERSION").is_not_null())
    return rows.select("FORM", record, "VERSION").unique()
