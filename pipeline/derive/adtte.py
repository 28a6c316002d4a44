"""ADTTE: one engine that reads endpoints as values.

What belongs here: how events and censoring dates compete. What does not: which sources an endpoint
has (`pipeline/studies/*/endpoints.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pipeline.derive.dates import impute
from pipeline.study import CutOff, Endpoint, EventSource, Frames, Study
from schemas.adam import ADTTE
from schemas.base import dtypes, names

IS_LAST = pl.col("ADT") == pl.col("ADT").max().over("SUBJECT")


class DeriveError(ValueError):
    """A derivation cannot give what its dataset promises; the message says for whom and why."""


def dated_rows(source: EventSource, frames: Frames, subjects: pl.DataFrame, cut_off: CutOff) -> pl.LazyFrame:
    """The rows of one source up to the cut-off date: SUBJECT, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ.

    frames: tabulation and analysis datasets by name; subjects: ADSL with a number for each subject,
    SUBJECT, whose variables the source's `where` may use; other subjects are left out. SRCDOM, SRCVAR and
    SRCSEQ name the tabulation row behind the date.
    """
    frame = frames[source.dataset]
    if frame.schema[source.date] == pl.Date:
        flag = f"{source.date}F"
        given = pl.col(flag) if flag in frame.columns else pl.lit(None, pl.String)
        rows = frame.lazy().with_columns(ADT=pl.col(source.date), ADTF=given)
    else:
        rows = impute(frame.lazy(), source.date, "ADT")
    own = [c for c in subjects.columns if c not in frame.columns]
    return (
        rows.join(subjects.lazy().select("USUBJID", *own), on="USUBJID")
        .filter(source.where, pl.col("ADT") <= cut_off.date)
        .select("SUBJECT", "ADT", "ADTF", **_origin(frame.columns, source))
    )


def _origin(columns: Sequence[str], source: EventSource) -> dict[str, pl.Expr]:
    """The tabulation row behind a source row: its own triplet, else its domain's --SEQ."""
    if "SRCDOM" in columns:
        return {name: pl.col(name) for name in ("SRCDOM", "SRCVAR", "SRCSEQ")}
    sequence = next(c for c in columns if len(c) == 5 and c.endswith("SEQ"))
    domain = sequence[:2]
    # An occurrence dataset (OCCDS) keeps --SEQ and renames --STDTC to ASTDT.
    variable = source.date if source.date.endswith("DTC") else f"{domain}STDTC"
    return {"SRCDOM": pl.lit(domain), "SRCVAR": pl.lit(variable), "SRCSEQ": pl.col(sequence)}


def last_alive(study: Study, frames: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """USUBJID and LSTALVDT: the last day on which a record shows the subject alive, where one does."""
    subjects = adsl.with_row_index("SUBJECT")
    dates = pl.concat(dated_rows(s, frames, subjects, cut_off) for s in study.last_alive)
    last = dates.group_by("SUBJECT").agg(LSTALVDT=pl.col("ADT").max()).collect()
    return subjects.join(last, on="SUBJECT").select("USUBJID", "LSTALVDT")


def derive_adtte(study: Study, frames: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """One row per randomised subject and endpoint of the study.

    frames: the tabulation datasets, `adrs` and `adce`. AVAL is in days, ADT - STARTDT + 1. Raises
    DeriveError when an endpoint finds neither an event nor a censoring date for somebody.
    """
    # Subjects are numbered, because a million texts are slow to join and to sort.
    subjects = adsl.filter(pl.col("ITTFL") == "Y").sort("USUBJID").with_row_index("SUBJECT")
    endpoints = sorted(study.endpoints, key=lambda endpoint: endpoint.paramcd)
    ends = {id(s): s for e in endpoints for s in (*e.events, *e.competing)}
    censors = {id(s): s for e in endpoints for s in e.censors}
    # Each source is read once, whatever the number of endpoints that have it.
    found = dict(
        zip(
            (*ends, *censors),
            pl.collect_all(
                [
                    *(dated_rows(s, frames, subjects, cut_off) for s in ends.values()),
                    *(dated_rows(s, frames, subjects, cut_off).filter(IS_LAST) for s in censors.values()),
                ]
            ),
            strict=True,
        )
    )
    parts = [_derive_endpoint(endpoint, found, subjects) for endpoint in endpoints]
    rows = pl.concat(parts).sort("SUBJECT", maintain_order=True)
    return rows.select(pl.col(name).cast(dtype) for name, dtype in dtypes(ADTTE).items())


def _derive_endpoint(
    endpoint: Endpoint, found: Mapping[int, pl.DataFrame], subjects: pl.DataFrame
) -> pl.DataFrame:
    """The rows of one parameter; found: dated rows by the identity of their source."""
    copied = [c for c in names(ADTTE) if c in subjects.columns]
    start = subjects.select("SUBJECT", *copied, STARTDT=endpoint.start).drop_nulls("STARTDT")
    ends = (*endpoint.events, *endpoint.competing)
    first_event = (
        _in_order(ends, found)
        .join(start, on="SUBJECT")
        .filter(pl.col("ADT") >= pl.col("STARTDT"))
        .sort("SUBJECT", "ADT", "SOURCE", "SRCSEQ")
        .unique("SUBJECT", keep="first", maintain_order=True)
        .join(_meaning(ends), on="SOURCE")
    )
    last_censoring = (
        _in_order(endpoint.censors, found)
        .filter(IS_LAST)
        .join(start.join(first_event, on="SUBJECT", how="anti"), on="SUBJECT")
        .sort("SUBJECT", "SOURCE", "SRCSEQ")
        .unique("SUBJECT", keep="first", maintain_order=True)
        .with_columns(ADT=pl.max_horizontal("ADT", "STARTDT"))
        .join(_meaning(endpoint.censors), on="SOURCE")
    )
    rows = pl.concat([first_event, last_censoring])
    if without := len(subjects) - len(rows):
        raise DeriveError(
            f"{endpoint.paramcd}: {without} of {len(subjects)} randomised subjects have no {endpoint.start}, "
            "or neither an event nor a censoring date"
        )
    return rows.with_columns(
        PARAMCD=pl.lit(endpoint.paramcd),
        PARAM=pl.lit(endpoint.param),
        AVAL=(pl.col("ADT") - pl.col("STARTDT")).dt.total_days() + 1,
    )


def _in_order(sources: Sequence[EventSource], found: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
    """The dated rows of these sources; SOURCE is the position of the source."""
    return pl.concat(found[id(s)].with_columns(SOURCE=pl.lit(n, pl.Int64)) for n, s in enumerate(sources))


def _meaning(sources: Sequence[EventSource]) -> pl.DataFrame:
    """What choosing a source says: CNSR, EVNTDESC and, for a censoring, what its date is."""
    return pl.DataFrame(
        {
            "SOURCE": list(range(len(sources))),
            "CNSR": [getattr(s, "cnsr", 0) for s in sources],
            "EVNTDESC": [s.description for s in sources],
            "CNSDTDSC": [getattr(s, "of", None) or None for s in sources],
        },
        schema={"SOURCE": pl.Int64, "CNSR": pl.Int64, "EVNTDESC": pl.String, "CNSDTDSC": pl.String},
    )
