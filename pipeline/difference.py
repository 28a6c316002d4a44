"""What changed between two releases, or between two cut-offs of one: records, subjects, events, numbers.

Read from released warehouses alone, so that the two may come from other data or another version of the code.
Every change of an event names the record behind it, with file and line. What does not belong here: opening a
file, printing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.study import Study
from schemas.base import names

Query = Callable[[str], pl.DataFrame]
ABOUT = {"STUDYID", "CUTOFF", "DOMAIN", "FILE", "LINE", "TRANSFER"}
"""Columns that say where a row stands and not what it says."""

STATEMENTS = 100
"""Asked at once."""


@dataclass(frozen=True)
class Side:
    """One of the two: `ask` answers SQL of its warehouse, `cut_off` is the date whose rows are meant."""

    ask: Query
    cut_off: str

    def rows(self, table: str) -> pl.DataFrame:
        """The rows of the cut-off."""
        return self.ask(f"SELECT * FROM {table} WHERE CUTOFF = DATE '{self.cut_off}'")


@dataclass(frozen=True)
class Difference:
    """What changed, each a table.

    records: FORM, RECORD, USUBJID, CHANGE (added, amended, gone), VERSION_BEFORE, VERSION_AFTER, FILE, LINE.
    values: of amended records, DOMAIN, USUBJID, FORM, RECORD, VARIABLE, BEFORE, AFTER. subjects: USUBJID,
    VARIABLE of ADSL (null: the subject itself), BEFORE, AFTER. events: PARAMCD, USUBJID, CHANGE, CNSR and ADT
    of both sides, and FORM, RECORD, VERSION, FILE, LINE of the record that the later one rests on. results:
    the key of a number, BEFORE, AFTER.
    """

    records: pl.DataFrame
    values: pl.DataFrame
    subjects: pl.DataFrame
    events: pl.DataFrame
    results: pl.DataFrame


@dataclass(frozen=True)
class Moved:
    """Whom one side counts and the other does not, and what changed in their records.

    numbers: those that differ, as in `Difference.results`. subjects: GROUP, LEVEL, STATISTIC, USUBJID, CHANGE
    (came, left). records: of these subjects, what was added, amended or gone on the forms behind the numbers'
    dataset: USUBJID, FORM, RECORD, CHANGE, VARIABLE, BEFORE and AFTER of what an amended one says otherwise,
    FILE, LINE.
    """

    numbers: pl.DataFrame
    subjects: pl.DataFrame
    records: pl.DataFrame


def compare_releases(study: Study, before: Side, after: Side) -> Difference:
    """The changes from one side to the other; both hold the study."""
    domains = [d.name for d in study.domains if f"{d.name.upper()}SPID" in names(d.model)]
    old = {name: _with_record(study, name, before.rows(f"sdtm.{name}")) for name in domains}
    new = {name: _with_record(study, name, after.rows(f"sdtm.{name}")) for name in domains}
    lines = _lines(study, after)
    return Difference(
        records=_records(old, new, lines),
        values=pl.concat(_values(name, old[name], new[name]) for name in domains),
        subjects=_changes(before.rows("adam.adsl"), after.rows("adam.adsl"), ["USUBJID"]),
        events=_events(before, after, new, lines),
        results=_results(before, after),
    )


def compare_number(
    study: Study,
    before: Side,
    after: Side,
    difference: Difference,
    analysis: str,
    group: str | None = None,
    level: str | None = None,
) -> Moved:
    """Who came into and left the counts of an analysis, in all its groups and levels where none is named.

    difference: of the two sides. KeyError where neither side has such a count.
    """
    key = ["GROUP", "LEVEL", "STATISTIC"]
    asked = {"ANALYSIS": analysis, "GROUP": group, "LEVEL": level}
    wanted = {name: one for name, one in asked.items() if one is not None}
    same = [f'"{name}" = {_text(one)}' for name, one in wanted.items()]
    counts = [
        side.rows(f"(FROM analysis.subjects WHERE COUNTED AND {' AND '.join(same)})").select(*key, "SQL")
        for side in (before, after)
    ]
    if all(side.is_empty() for side in counts):
        raise KeyError(" ".join(wanted.values()))
    was, now = (_counted(side, asked) for side, asked in zip((before, after), counts, strict=True))
    each = [*key, "USUBJID"]
    subjects = pl.concat(
        one.join(other, on=each, how="anti").with_columns(CHANGE=pl.lit(change))
        for one, other, change in ((now, was, "came"), (was, now, "left"))
    ).sort(each)
    forms = _forms_behind(study, analysis)
    about = ["USUBJID", "FORM", "RECORD"]
    records = (
        difference.records.filter(pl.col("FORM").is_in(forms))
        .join(subjects.select("USUBJID").unique(), on="USUBJID", how="semi")
        .join(difference.values, on=about, how="left")
        .select(*about, "CHANGE", "VARIABLE", "BEFORE", "AFTER", "FILE", "LINE")
        .sort(*about, "VARIABLE")
    )
    return Moved(difference.results.filter(**wanted), subjects, records)


def _counted(side: Side, counts: pl.DataFrame) -> pl.DataFrame:
    """GROUP, LEVEL, STATISTIC and USUBJID of everybody counted."""
    parts = [f"SELECT {', '.join(map(_text, key))}, USUBJID FROM ({sql})" for *key, sql in counts.iter_rows()]
    columns = ("GROUP", "LEVEL", "STATISTIC", "USUBJID")
    found = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String))]
    for start in range(0, len(parts), STATEMENTS):
        answer = side.ask(" UNION ALL ".join(parts[start : start + STATEMENTS]))
        found.append(answer.rename(dict(zip(answer.columns, columns, strict=True))))
    return pl.concat(found)


def _forms_behind(study: Study, analysis: str) -> set[str]:
    """The forms that the dataset of an analysis is made from."""
    shown = (study, *map(study.at, study.looks))
    wanted = {one.dataset for outputs in shown for one in outputs.analyses if one.id == analysis}
    reads = {dataset.name: set(dataset.reads) for dataset in study.datasets}
    for dataset in reversed(study.datasets):  # each reads earlier ones only
        if dataset.name in wanted:
            wanted |= reads[dataset.name]
    return {form for domain in study.domains if domain.name in wanted for form in domain.forms}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _with_record(study: Study, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with FORM, RECORD and VERSION out of --SPID (`<form code>-<record>-<version>`)."""
    forms = {code: form for form, code in study.form_codes.items()}
    spid = pl.col(f"{name.upper()}SPID")
    return rows.with_columns(
        FORM=spid.str.extract(r"^([^-]+)-").replace_strict(forms, default=None, return_dtype=pl.String),
        RECORD=spid.str.extract(r"^[^-]+-(.+)-\d+$"),
        VERSION=spid.str.extract(r"-(\d+)$").cast(pl.Int64),
    )


def _lines(study: Study, side: Side) -> pl.DataFrame:
    """FORM, RECORD, VERSION, FILE and LINE of every record version that the side has received."""
    parts = []
    for form, model in study.forms.items():
        if {"record_id", "record_version"} <= set(names(model)):
            sql = f"SELECT record_id AS RECORD, record_version AS VERSION, FILE, LINE FROM raw.{form}"
            parts.append(side.ask(sql).with_columns(FORM=pl.lit(form)))
    return pl.concat(parts, how="diagonal")


def _records(old: dict[str, pl.DataFrame], new: dict[str, pl.DataFrame], lines: pl.DataFrame) -> pl.DataFrame:
    """One row per record that the sides do not have in the same version."""
    key = ["FORM", "RECORD"]

    def used(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
        parts = [frame.select(*key, "USUBJID", "VERSION") for frame in frames]
        return pl.concat(parts).drop_nulls(key).unique(key, keep="first", maintain_order=True)

    both = used(old.values()).join(used(new.values()), on=key, how="full", coalesce=True, suffix="_AFTER")
    was, now = pl.col("VERSION"), pl.col("VERSION_AFTER")
    changed = both.filter(was.ne_missing(now)).select(
        *key,
        USUBJID=pl.coalesce("USUBJID", "USUBJID_AFTER"),
        CHANGE=pl.when(was.is_null())
        .then(pl.lit("added"))
        .when(now.is_null())
        .then(pl.lit("gone"))
        .otherwise(pl.lit("amended")),
        VERSION_BEFORE=was,
        VERSION_AFTER=now,
    )
    there = lines.rename({"VERSION": "VERSION_AFTER"})
    return changed.join(there, on=[*key, "VERSION_AFTER"], how="left").sort(*key)


def _values(name: str, old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """What amended records say otherwise: the rows of a record are told apart by their order in it."""
    order, code = f"{name.upper()}SEQ", name.upper()
    place = pl.int_range(pl.len()).over("FORM", "RECORD")
    old, new = (
        (frame.sort("USUBJID", order) if order in frame.columns else frame).with_columns(_PLACE=place)
        for frame in (old, new)
    )
    amended = old.join(new, on=["FORM", "RECORD", "_PLACE"], suffix="_NEW").filter(
        pl.col("VERSION") != pl.col("VERSION_NEW")
    )
    keys = ["FORM", "RECORD", "_PLACE"]
    found = _changes(
        amended.select(old.columns),
        amended.select(*keys, *(pl.col(f"{c}_NEW").alias(c) for c in old.columns if c not in keys)),
        keys,
        but={order, f"{code}SPID", "VERSION"},
    )
    about = amended.select(*keys, "USUBJID")
    return found.join(about, on=keys).select(
        "USUBJID", "FORM", "RECORD", "VARIABLE", "BEFORE", "AFTER", DOMAIN=pl.lit(code)
    )


def _changes(
    old: pl.DataFrame, new: pl.DataFrame, key: Sequence[str], but: Iterable[str] = ()
) -> pl.DataFrame:
    """The key, VARIABLE, BEFORE and AFTER (as text) of every cell that differs; of a row that came or went,
    one line without a variable."""
    shared = [c for c in old.columns if c in new.columns and c not in {*key, *ABOUT, *but}]
    texts = [pl.col(c).cast(pl.String) for c in shared]
    was, now = (f.select(*key, *texts).with_columns(_THERE=pl.lit("there")) for f in (old, new))
    both = was.join(now, on=list(key), how="full", coalesce=True, suffix="_NEW")
    parts = [
        both.filter(
            pl.col(c).ne_missing(pl.col(f"{c}_NEW")),
            (pl.col("_THERE").is_not_null() & pl.col("_THERE_NEW").is_not_null()) | pl.lit(c == "_THERE"),
        ).select(*key, VARIABLE=pl.lit(None if c == "_THERE" else c, pl.String), BEFORE=c, AFTER=f"{c}_NEW")
        for c in ["_THERE", *shared]
    ]
    return pl.concat(parts).sort(*key, maintain_order=True)


def _events(before: Side, after: Side, new: dict[str, pl.DataFrame], lines: pl.DataFrame) -> pl.DataFrame:
    """Rows of ADTTE whose event or date changed, with the record that the later row rests on."""
    key, said = ["PARAMCD", "USUBJID"], ["CNSR", "ADT", "EVNTDESC"]
    was = before.rows("adam.adtte").select(*key, *said)
    now = after.rows("adam.adtte").select(*key, *said, "SRCDOM", "SRCSEQ")
    both = was.join(now, on=key, how="full", coalesce=True, suffix="_AFTER")
    event, later = pl.col("CNSR") == 0, pl.col("CNSR_AFTER") == 0
    same_date = pl.col("ADT").eq_missing(pl.col("ADT_AFTER"))
    change = (
        pl.when(pl.col("CNSR").is_null())
        .then(pl.when(later).then(pl.lit("new subject, with an event")).otherwise(pl.lit("new subject")))
        .when(pl.col("CNSR_AFTER").is_null())
        .then(pl.lit("subject gone"))
        .when(~event & later)
        .then(pl.lit("new event"))
        .when(event & ~later)
        .then(pl.lit("event withdrawn"))
        .when(event & later & ~same_date)
        .then(pl.lit("event moved"))
        .when(event & (pl.col("EVNTDESC") != pl.col("EVNTDESC_AFTER")))
        .then(pl.lit("another event"))
        .when(~same_date)
        .then(pl.lit("followed longer, or less"))
    )
    changed = both.with_columns(CHANGE=change).filter(pl.col("CHANGE").is_not_null())
    sources = pl.concat(
        frame.select(
            "USUBJID",
            "FORM",
            "RECORD",
            "VERSION",
            SRCDOM=pl.lit(name.upper()),
            SRCSEQ=pl.col(f"{name.upper()}SEQ"),
        )
        for name, frame in new.items()
        if f"{name.upper()}SEQ" in frame.columns
    )
    return (
        changed.join(sources, on=["USUBJID", "SRCDOM", "SRCSEQ"], how="left")
        .join(lines, on=["FORM", "RECORD", "VERSION"], how="left")
        .select(
            *key,
            "CHANGE",
            CNSR_BEFORE="CNSR",
            CNSR_AFTER="CNSR_AFTER",
            ADT_BEFORE="ADT",
            ADT_AFTER="ADT_AFTER",
            FORM="FORM",
            RECORD="RECORD",
            VERSION="VERSION",
            FILE="FILE",
            LINE="LINE",
        )
        .sort(key)
    )


def _results(before: Side, after: Side) -> pl.DataFrame:
    """The numbers that differ, or that one side does not have."""
    key = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
    was, now = (
        side.rows("analysis.results").select(*key, "VALUE").with_columns(_THERE=pl.lit(True))
        for side in (before, after)
    )
    both = was.join(now, on=key, how="full", coalesce=True, suffix="_NEW", maintain_order="left_right")
    differs = pl.col("VALUE").ne_missing(pl.col("VALUE_NEW")) | pl.col("_THERE").ne_missing(
        pl.col("_THERE_NEW")
    )
    return both.filter(differs).select(*key, BEFORE="VALUE", AFTER="VALUE_NEW")
