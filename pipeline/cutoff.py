"""The as-of snapshot: which version of which record a data cut-off sees.

A record counts if it was RECEIVED by its form's date; events are not looked at here. Rows are flagged
before any is removed, and each row that is not used is named with the reason. What does not belong
here: the cut-offs and rules themselves (`pipeline/studies/*/protocol.py`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from pipeline.study import CutOff, Study
from pipeline.versions import newest_version
from schemas.base import empty, names
from schemas.quality import SetAside


class CutRuleError(ValueError):
    """A form has no cut rule, or one nobody knows."""


@dataclass(frozen=True)
class Snapshot:
    """`current`: the records a cut-off uses, as accepted; `set_aside`: the others (quality.set_aside)."""

    current: pl.DataFrame
    set_aside: pl.DataFrame


def cut_date(study: Study, form: str, cut_off: CutOff) -> dt.date | None:
    """The date on which this cut-off cuts the form; None where its rule keeps the form whole."""
    return None if _rule(study, form) == "reference" else cut_off.by_form.get(form, cut_off.date)


def _rule(study: Study, form: str) -> str:
    rules = {rule.form: rule.rule for rule in study.cut_rules}
    match rules.get(form):
        case "received" | "latest" | "reference" as known:
            return known
        case None:
            raise CutRuleError(f"form {form} has no cut rule in {study.id}: declare one in its protocol")
        case other:
            raise CutRuleError(f"form {form} has the unknown cut rule {other!r}")


def take_snapshot(study: Study, form: str, accepted: pl.DataFrame, cut_off: CutOff) -> Snapshot:
    """Split a form's accepted records by what the cut-off sees.

    accepted: typed form columns with FILE and LINE. The newest version received by the date is
    current unless it is a deletion. Of a list that is delivered whole each time (rule `latest`) the rows
    of the newest `as_of` by the date are current; older issues are no records, so none is set aside.
    Raises CutRuleError for a form without a declared rule.
    """
    date = cut_date(study, form, cut_off)
    if date is None:
        return Snapshot(accepted, empty(SetAside))
    if _rule(study, form) == "latest":
        issued = accepted.filter(pl.col("as_of") <= date)
        return Snapshot(issued.filter(pl.col("as_of") == pl.col("as_of").max()), empty(SetAside))
    in_time = pl.col("received_dt") <= date
    # One after the other: a window within a window would be made once for each record.
    flagged = (
        accepted.with_columns(_newest=newest_version(in_time), _in_time=in_time)
        .with_columns(
            _deleted=(
                pl.col("_in_time")
                & (pl.col("record_version") == pl.col("_newest"))
                & (pl.col("record_status") == "DELETED")
            )
            .any()
            .over("record_id")
        )
        .with_columns(
            REASON=pl.when(~pl.col("_in_time"))
            .then(pl.lit("received after the cut-off"))
            .when(pl.col("_deleted"))
            .then(pl.lit("deleted"))
            .when(pl.col("record_version") < pl.col("_newest"))
            .then(pl.lit("superseded"))
        )
    )
    version = pl.col("_newest").cast(pl.String)
    detail = (
        pl.when(REASON="received after the cut-off")
        .then(
            pl.format(f"received {{}}, after {date.isoformat()}", pl.col("received_dt").dt.to_string("iso"))
        )
        .when(REASON="deleted")
        .then("deleted by version " + version)
        .otherwise("superseded by version " + version)
    )
    set_aside = flagged.filter(pl.col("REASON").is_not_null()).select(
        CUTOFF=pl.lit(cut_off.date),
        FORM=pl.lit(form),
        FILE="FILE",
        LINE="LINE",
        RECORD="record_id",
        VERSION="record_version",
        RECEIVED="received_dt",
        REASON="REASON",
        DETAIL=detail,
    )
    current = flagged.filter(pl.col("REASON").is_null()).select(accepted.columns)
    return Snapshot(current, set_aside.select(names(SetAside)))
