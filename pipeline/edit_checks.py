"""Edit checks: the records that break a rule between cells, records or forms.

A check is a value (`pipeline.study.EditCheck`); here are the small words checks are written in, the engine
that runs them, and how what they find becomes queries that are carried from transfer to transfer. No check
changes a value. What does not belong here: rules of one cell (the form's schema says those), any check of
one trial (`pipeline/studies/*/edit_checks/`), counts of queries (`pipeline.quality`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from pipeline.study import CutOff, EditCheck, Frames, Seen, Study
from pipeline.versions import current_records, latest_issue
from schemas.base import empty, names
from schemas.quality import ArmFindings, CheckCounts, Findings, Queries, SetAside

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


@dataclass(frozen=True)
class Checked:
    """`queries`: quality.queries as at the last transfer; `counts`: quality.check_counts at each one."""

    queries: pl.DataFrame
    counts: pl.DataFrame


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


def check_transfers(
    study: Study, accepted: Frames, findings: pl.DataFrame, transfers: Iterable[dt.date]
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


def reject_records(
    study: Study, current: Frames, accepted: Frames, cut_off: CutOff
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
        if _versioned(rows)
    }
    while True:
        forms = {form: rows.lazy() for form, rows in kept.items()}
        found = run_checks(checks, Seen(cut_off.date, forms, forms | versions))
        why = pl.format("{}: {}", "CHECK_ID", "FOUND").unique().sort().str.join("; ")
        told = found.group_by("FORM", record_id="RECORD").agg(DETAIL=why)
        rejected = [
            _set_aside(form, rows.join(told.filter(FORM=form), on="record_id"), cut_off)
            for form, rows in kept.items()
            if _versioned(rows)
        ]
        if not any(rows.height for rows in rejected):
            return kept, pl.concat(aside)
        aside += rejected
        gone = told.select("FORM", "record_id")
        kept = {
            form: rows.join(gone.filter(FORM=form), on="record_id", how="anti", maintain_order="left")
            if _versioned(rows)
            else rows
            for form, rows in kept.items()
        }


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


def check_arms(study: Study, accepted: Frames, restricted: Frames, cut_off: CutOff) -> pl.DataFrame:
    """quality.arm_findings: what the checks that need the arms find in the forms as a cut-off saw them.

    accepted: the forms those checks name; restricted: the restricted files. Nothing before the unblinding.
    """
    checks = [check for check in study.edit_checks if check.needs_arms]
    if cut_off.date < study.unblinding or not checks:
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


def seen_at(study: Study, accepted: Frames, date: dt.date, findings: pl.DataFrame | None = None) -> Seen:
    """The forms as they stood on the day of a transfer: what had been delivered and received by then.

    findings: quality.findings, from which is known what was turned away.
    """
    rules = {rule.form: rule.rule for rule in study.cut_rules}
    versions = {form: rows.lazy().filter(_came(rows) <= date) for form, rows in accepted.items()}
    stood = {"received": current_records, "latest": latest_issue}
    current = {
        form: stood[rules[form]](rows) if rules[form] in stood else rows for form, rows in versions.items()
    }
    # Held, not lazy: a hundred checks read them.
    held = pl.collect_all(list(current.values()))
    forms = {form: rows.lazy() for form, rows in zip(current, held, strict=True)}
    return Seen(date, forms, versions, _turned_away(empty(Findings) if findings is None else findings, date))


def _turned_away(findings: pl.DataFrame, date: dt.date) -> pl.LazyFrame:
    """FORM, RECORD and VERSION of the rows that were delivered by the date and not accepted."""
    delivered = (pl.col("TRANSFER") <= date) & (pl.col("OUTCOME") == "quarantined")
    record = pl.col("RECORD").str.strip_suffix(pl.format("/{}", "VERSION"))
    rows = findings.lazy().filter(delivered, pl.col("VERSION").is_not_null())
    return rows.select("FORM", record, "VERSION").unique()


def _versioned(rows: pl.DataFrame) -> bool:
    return "record_version" in rows.columns


def _came(rows: pl.DataFrame) -> pl.Expr:
    """The day from which a row was there: delivered in a transfer, and received."""
    return pl.max_horizontal("TRANSFER", "received_dt") if _versioned(rows) else pl.col("TRANSFER")


def _arrivals(accepted: Frames, asked: pl.DataFrame) -> pl.DataFrame:
    """FORM, RECORD, CAME_VERSION, CAME of every accepted version of the records asked for (FORM, RECORD)."""
    parts = [
        accepted[form]
        .lazy()
        .filter(pl.col("record_id").is_in(records["RECORD"].implode()))
        .select(
            FORM=pl.lit(form), RECORD="record_id", CAME_VERSION="record_version", CAME=_came(accepted[form])
        )
        for (form,), records in asked.unique().partition_by("FORM", as_dict=True).items()
        if _versioned(accepted[form])
    ]
    shape = {"FORM": pl.String, "RECORD": pl.String, "CAME_VERSION": pl.Int64, "CAME": pl.Date}
    return pl.concat([pl.LazyFrame(schema=shape), *parts]).collect()


def _at_the_door(checks: Sequence[EditCheck], findings: pl.DataFrame, accepted: Frames) -> pl.DataFrame:
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
            pl.DataFrame(schema={"FORM": pl.String, "CAME": pl.Date}),
            *(rows.select(FORM=pl.lit(form), CAME="TRANSFER").unique() for form, rows in accepted.items()),
        ]
    )
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
    sights: pl.DataFrame, about: pl.DataFrame, accepted: Frames, dates: Sequence[dt.date]
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
