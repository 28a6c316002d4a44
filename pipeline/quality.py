"""How the trial's data come in: counts per institution, form and edit check, for the data manager.

Everything is as at the last transfer and nothing is by arm. What does not belong here: which records break
a rule (`pipeline.edit_checks`), how a count is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.study import AnyFrames, Conduct, Study
from pipeline.versions import current_records, latest_issue
from schemas.base import names
from schemas.quality import ByCheck, ByForm, BySite, BySiteForm

UNKNOWN = "UNKNOWN"
"""Stands where a row names no institution."""
AGE_CLASSES = {"OPEN_0_30": (0, 30), "OPEN_31_90": (31, 90), "OPEN_91": (91, None)}
"""Days a query has been open, first and last."""
ENDED = ("answered", "closed")
_TALLIED = {
    **dict.fromkeys(("SITE", "FORM"), pl.String),
    **dict.fromkeys(("ACCEPTED", "QUARANTINED", "OVERDUE", "LATE"), pl.Int32),
    "DAYS": pl.Int64,
}
"""What a row of the tally may say; a study whose forms name no institution has none."""


@dataclass(frozen=True)
class Report:
    """The tables of the data-quality report, each in its schema's shape."""

    by_site_form: pl.DataFrame
    by_site: pl.DataFrame
    by_form: pl.DataFrame
    by_check: pl.DataFrame


def report_quality(
    study: Study,
    accepted: AnyFrames,
    quarantined: pl.DataFrame,
    findings: pl.DataFrame,
    queries: pl.DataFrame,
    counts: pl.DataFrame,
) -> Report:
    """What each institution and form sent, what is due, what is asked, and how long forms take to arrive.

    accepted: the accepted rows of each form; the other frames are those of the schema `quality`. Days run
    from the completion of a form to its receipt, for every version with a full date.
    """
    clinical = {form: rows for form, rows in accepted.items() if "record_version" in rows.collect_schema()}
    came = [
        frame.lazy().select(SITE="site_code", FORM=pl.lit(form), ACCEPTED=pl.lit(1), DAYS=_days_to_receipt())
        for form, frame in clinical.items()
    ]
    conduct = study.conduct
    rows = pl.concat(
        [
            pl.LazyFrame(schema=_TALLIED),
            *came,
            _kept_out(quarantined.lazy(), findings.lazy()).filter(pl.col("FORM").is_in(list(clinical))),
            *([_due(study, conduct, accepted[conduct.form_log].lazy())] if conduct else []),
            queries.lazy().select("SITE", "FORM", *_state_counts()),
        ],
        how="diagonal",
    ).with_columns(pl.col("SITE").fill_null(UNKNOWN))
    by_site_form, by_site, by_form = pl.collect_all(
        [_tally(rows, "SITE", "FORM"), _tally(rows, "SITE"), _tally(rows, "FORM")]
    )
    return Report(
        by_site_form=by_site_form.select(names(BySiteForm)),
        by_site=by_site.join(_recruited(conduct, accepted), on="SITE", how="left", maintain_order="left")
        .with_columns(pl.col("REGISTERED", "RANDOMISED").fill_null(0))
        .select(names(BySite)),
        by_form=by_form.select(names(ByForm)),
        by_check=_by_check(queries, counts),
    )


def _days_to_receipt() -> pl.Expr:
    completed = pl.col("completed_dt").str.to_date("%Y-%m-%d", strict=False)
    return (pl.col("received_dt") - completed).dt.total_days()


def _kept_out(quarantined: pl.LazyFrame, findings: pl.LazyFrame) -> pl.LazyFrame:
    """One row per row in quarantine, with its institution where it can be read."""
    sites = findings.group_by("FILE", "LINE").agg(pl.col("SITE").drop_nulls().first())
    return quarantined.join(sites, on=["FILE", "LINE"], how="left").select(
        "SITE", "FORM", QUARANTINED=pl.lit(1)
    )


def _due(study: Study, conduct: Conduct, form_log: pl.LazyFrame) -> pl.LazyFrame:
    """One row per form that was due, as the newest log has it: OVERDUE, LATE."""
    stem = {code: form for form, code in study.form_codes.items()}
    missing = pl.col("received_dt").is_null()
    days = (pl.coalesce("received_dt", "as_of") - pl.col("due_dt")).dt.total_days()
    return latest_issue(form_log).select(
        SITE="site_code",
        FORM=pl.col("form_code").replace(stem),
        OVERDUE=(missing & (days > conduct.overdue_after)).cast(pl.Int32),
        LATE=(~missing & (days > conduct.late_after)).cast(pl.Int32),
    )


def _state_counts() -> list[pl.Expr]:
    """A query as ones and zeros: OPEN and its classes of age, ANSWERED, CLOSED."""
    is_open, age = pl.col("STATE") == "open", pl.col("AGE")
    flags = {"OPEN": is_open}
    for name, (first, last) in AGE_CLASSES.items():
        flags[name] = is_open & (age >= first) & (pl.lit(True) if last is None else age <= last)
    flags |= {state.upper(): pl.col("STATE") == state for state in ENDED}
    return [flag.cast(pl.Int32).alias(name) for name, flag in flags.items()]


def _tally(rows: pl.LazyFrame, *keys: str) -> pl.LazyFrame:
    """One row per group of `keys`: the sums of all counts, and the days to receipt."""
    days, counts = pl.col("DAYS"), pl.exclude("SITE", "FORM", "DAYS")
    return (
        rows.group_by(keys)
        .agg(counts.sum().cast(pl.Int64), DAYS_MEDIAN=days.median(), DAYS_P90=days.quantile(0.9, "linear"))
        .with_columns(RECEIVED=pl.col("ACCEPTED") + pl.col("QUARANTINED"))
        .sort(keys)
    )


def _recruited(conduct: Conduct | None, accepted: AnyFrames) -> pl.DataFrame:
    """SITE, REGISTERED, RANDOMISED: patients with a current record of the form that says so."""
    if conduct is None:
        return pl.DataFrame(schema={"SITE": pl.String, "REGISTERED": pl.Int64, "RANDOMISED": pl.Int64})
    forms = {"REGISTERED": conduct.registered, "RANDOMISED": conduct.randomised}
    counted = [
        current_records(accepted[form].lazy())
        .group_by(SITE="site_code")
        .agg(pl.col("patient_id").n_unique().cast(pl.Int64).alias(name))
        for name, form in forms.items()
    ]
    return counted[0].join(counted[1], on="SITE", how="full", coalesce=True).collect()


def _by_check(queries: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """One row per edit check, with what it finds at the last transfer."""
    states = (
        queries.select("CHECK_ID", *_state_counts()).group_by("CHECK_ID").agg(pl.all().sum().cast(pl.Int64))
    )
    return (
        counts.filter(pl.col("TRANSFER") == pl.col("TRANSFER").max())
        .join(states, on="CHECK_ID", how="left", maintain_order="left")
        .with_columns(pl.exclude("TRANSFER", "CHECK_ID", "SEVERITY", "RULE").fill_null(0))
        .select(names(ByCheck))
        .sort("CHECK_ID")
    )
