"""Queries: what edit checks find, carried from transfer to transfer.

Everything is computed anew from the forms as they stood at each transfer, so nothing is remembered between
runs. What does not belong here: which records break a rule (`pipeline.edit_checks`), counts of queries
(`pipeline.quality`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from pipeline.edit_checks import FOUND, run_checks, seen_at
from pipeline.study import AnyFrames, CutOff, EditCheck, Frames, Seen, Study
from pipeline.versions import came_on, versioned
from schemas.base import empty, names
from schemas.quality import ArmFindings, CheckCounts, Queries


@dataclass(frozen=True)
class Checked:
    """`queries`: quality.queries as at the last transfer; `counts`: quality.check_counts at each one."""

    queries: pl.DataFrame
    counts: pl.DataFrame


def check_transfers(
    study: Study, accepted: AnyFrames, findings: pl.DataFrame, transfers: Iterable[dt.date]
) -> Checked:
    """Every check that needs no arms, asked of the forms as they stood at each transfer.

    accepted: the accepted rows of each form with TRANSFER, FILE, LINE; findings: quality.findings, which the
    checks' `door` patterns claim. A query is a check, a record and a column; without a record, a patient or
    a line of a file. It is open if its last sight is the last transfer; else answered if a version of its
    record came by the transfer at which it was gone, else closed. One that comes back is the same query,
    open again, as old as its first sight.
    """
    checks = [check for check in study.edit_checks if not check.needs_arms]
    dates = sorted(set(transfers))
    if not dates:
        return Checked(empty(Queries), empty(CheckCounts))
    door = _at_the_door(checks, findings, accepted)
    # One transfer after another: the forms as they stood are held for one of them only.
    sights = pl.concat(
        _by_query(
            pl.concat(
                [run_checks(checks, seen_at(study, accepted, date, findings)), _standing(door, date)],
                how="diagonal",
            )
        ).with_columns(TRANSFER=date)
        for date in dates
    )
    about = _about(checks)
    return Checked(_carry(sights, about, accepted, dates), _count(sights, about, dates))


def asked_with_arms(study: Study) -> list[EditCheck]:
    """The checks that need the arms, and those that ask more where a restricted file may be read."""
    return [
        check
        for check in study.edit_checks
        if check.needs_arms or (check.find and set(check.forms) & set(study.restricted))
    ]


def check_arms(study: Study, accepted: AnyFrames, restricted: Frames, cut_off: CutOff) -> pl.DataFrame:
    """quality.arm_findings: what `asked_with_arms` finds in the forms as a cut-off saw them.

    accepted: the forms those checks name; restricted: the restricted files. Nothing before the unblinding.
    """
    checks = asked_with_arms(study)
    if study.is_blinded(cut_off) or not checks:
        return empty(ArmFindings)
    seen = seen_at(study, accepted, cut_off.date)
    opened = {name: rows.lazy() for name, rows in restricted.items()}
    found = run_checks(checks, Seen(seen.date, {**seen.forms, **opened}, {**seen.versions, **opened}))
    return (
        _by_query(found)
        .join(_about(checks), on="CHECK_ID")
        .with_columns(CUTOFF=cut_off.date)
        .select(names(ArmFindings))
        .sort("QUERY")
    )


def _arrivals(accepted: AnyFrames, asked: pl.DataFrame) -> pl.DataFrame:
    """FORM, RECORD, CAME_VERSION, CAME of every accepted version of the records asked for (FORM, RECORD)."""
    parts = [
        accepted[form]
        .lazy()
        .filter(pl.col("record_id").is_in(records["RECORD"].implode()))
        .select(
            FORM=pl.lit(form), RECORD="record_id", CAME_VERSION="record_version", CAME=came_on(accepted[form])
        )
        for (form,), records in asked.unique().partition_by("FORM", as_dict=True).items()
        if versioned(accepted[form])
    ]
    shape = {"FORM": pl.String, "RECORD": pl.String, "CAME_VERSION": pl.Int64, "CAME": pl.Date}
    return pl.concat([pl.LazyFrame(schema=shape), *parts]).collect()


def _at_the_door(checks: Sequence[EditCheck], findings: pl.DataFrame, accepted: AnyFrames) -> pl.DataFrame:
    """The findings that are a check's: CHECK_ID, the columns of FOUND, LINE; FROM and UNTIL (transfers).

    One stands until a newer version of the record comes, or the same one in a later transfer. What names no
    record stands until rows of its form are accepted from a later transfer.
    """
    door = (
        findings.join(_claims(checks, findings), on=["FORM", "RULE"], maintain_order="left")
        .rename({"MESSAGE": "FOUND", "TRANSFER": "FROM"})
        .with_columns(
            RECORD=pl.coalesce(pl.col("RECORD").str.strip_suffix(pl.format("/{}", "VERSION")), "RECORD"),
            LINE=pl.format("{} line {}", "FILE", "LINE"),
        )
        .select("CHECK_ID", *FOUND, "LINE", "FROM")
        .with_row_index("ROW")
    )
    named = door.filter(pl.col("RECORD").is_not_null())
    version, came = pl.col("VERSION").fill_null(0), pl.col("CAME")
    newer = pl.col("CAME_VERSION") > version
    again = (pl.col("CAME_VERSION") == version) | pl.col("VERSION").is_null()
    of_record = named.join(_arrivals(accepted, named.select("FORM", "RECORD")), on=["FORM", "RECORD"]).filter(
        newer | again & (came > pl.col("FROM"))
    )
    deliveries = pl.concat(
        [
            pl.LazyFrame(schema={"FORM": pl.String, "CAME": pl.Date}),
            *(r.lazy().select(FORM=pl.lit(form), CAME="TRANSFER").unique() for form, r in accepted.items()),
        ]
    ).collect()
    of_form = (
        door.filter(pl.col("RECORD").is_null()).join(deliveries, on="FORM").filter(came > pl.col("FROM"))
    )
    ends = pl.concat([of_record.select("ROW", "CAME"), of_form.select("ROW", "CAME")])
    return door.join(ends.group_by("ROW").agg(UNTIL=pl.col("CAME").min()), on="ROW", how="left").drop("ROW")


def _claims(checks: Sequence[EditCheck], findings: pl.DataFrame) -> pl.DataFrame:
    """FORM, RULE and the CHECK_ID whose pattern claims them; a pattern is `rule` or `form:rule` with `*`."""
    pairs = findings.select("FORM", "RULE").unique().sort("FORM", "RULE").rows()
    claims = {
        (form, rule, check.id): None
        for form, rule in pairs
        for check in checks
        for pattern in check.door
        if fnmatchcase(rule, pattern) or fnmatchcase(f"{form}:{rule}", pattern)
    }
    return pl.DataFrame(
        list(claims), schema=dict.fromkeys(("FORM", "RULE", "CHECK_ID"), pl.String), orient="row"
    )


def _standing(door: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """The door's findings that stand on this day."""
    ended = pl.col("UNTIL") <= date
    return door.filter(pl.col("FROM") <= date, ~ended.fill_null(False)).drop("FROM", "UNTIL")


def _by_query(found: pl.DataFrame) -> pl.DataFrame:
    """One row per query: QUERY, CHECK_ID and FOUND; what was found in one cell twice is told together."""
    where = [name for name in ("RECORD", "PATIENT", "LINE", "SITE") if name in found.columns]
    parts = ("CHECK_ID", "FORM", pl.coalesce(*where, pl.lit("-")), "COLUMN")
    words = pl.col("FOUND").unique().sort().str.join("; ")
    return (
        found.with_columns(QUERY=pl.concat_str(*parts, separator="/", ignore_nulls=True))
        .group_by("QUERY", "CHECK_ID", "FORM", "RECORD", "COLUMN")
        .agg(pl.col("VERSION").max(), pl.col("PATIENT").min(), pl.col("SITE").min(), FOUND=words)
    )


def _about(checks: Sequence[EditCheck]) -> pl.DataFrame:
    return pl.DataFrame(
        [(check.id, check.severity, check.ask, check.rule) for check in checks],
        schema=dict.fromkeys(("CHECK_ID", "SEVERITY", "ASKED", "RULE"), pl.String),
        orient="row",
    )


def _carry(
    sights: pl.DataFrame, about: pl.DataFrame, accepted: AnyFrames, dates: Sequence[dt.date]
) -> pl.DataFrame:
    """quality.queries: every query that was ever seen, with how it stands at the last transfer."""
    last = dates[-1]
    gone = dict(zip(dates, [*dates[1:], last], strict=True))
    # Sights stand in the order of the transfers, which grouping keeps within each group.
    carried = (
        sights.join(about.filter(pl.col("SEVERITY") != "warn"), on="CHECK_ID", maintain_order="left")
        .group_by("QUERY")
        .agg(
            pl.exclude("QUERY", "TRANSFER").last(),
            FIRST_SEEN=pl.col("TRANSFER").first(),
            LAST_SEEN=pl.col("TRANSFER").last(),
        )
        .with_columns(GONE=pl.col("LAST_SEEN").replace_strict(gone, return_dtype=pl.Date))
    )
    ended = carried.filter(pl.col("LAST_SEEN") < last, pl.col("RECORD").is_not_null())
    came = _arrivals(accepted, ended.select("FORM", "RECORD"))
    answered = ended.join(came, on=["FORM", "RECORD"]).filter(
        pl.col("CAME") > pl.col("LAST_SEEN"),
        pl.col("CAME") <= pl.col("GONE"),
        pl.col("CAME_VERSION") >= pl.col("VERSION").fill_null(0),
    )["QUERY"]
    state = (
        pl.when(pl.col("LAST_SEEN") == last)
        .then(pl.lit("open"))
        .when(pl.col("QUERY").is_in(answered.unique().implode()))
        .then(pl.lit("answered"))
        .otherwise(pl.lit("closed"))
    )
    age = (pl.col("GONE") - pl.col("FIRST_SEEN")).dt.total_days()
    return carried.with_columns(STATE=state, AGE=age).select(names(Queries)).sort("QUERY")


def _count(sights: pl.DataFrame, about: pl.DataFrame, dates: Sequence[dt.date]) -> pl.DataFrame:
    """quality.check_counts: a row for every check at every transfer, also where nothing was found."""
    new = pl.col("TRANSFER") == pl.col("TRANSFER").min().over("QUERY")
    counted = (
        sights.with_columns(NEW=new)
        .group_by("TRANSFER", "CHECK_ID")
        .agg(FOUND=pl.len().cast(pl.Int64), NEW=pl.col("NEW").sum().cast(pl.Int64))
    )
    return (
        pl.DataFrame({"TRANSFER": dates})
        .join(about, how="cross")
        .join(counted, on=["TRANSFER", "CHECK_ID"], how="left")
        .with_columns(pl.col("FOUND", "NEW").fill_null(0))
        .select(names(CheckCounts))
        .sort("TRANSFER", "CHECK_ID")
    )
