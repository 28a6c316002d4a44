"""ADTTE: one engine that reads endpoints as values.

What belongs here: how events and censoring dates compete. What does not: which sources an endpoint
has (`pipeline/studies/*/endpoints.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from pipeline.derive.dates import impute
from pipeline.study import AnyFrames, CutOff, Endpoint, EventSource, Study
from schemas.adam import ADTTE
from schemas.base import Table, dtypes, names


class DeriveError(ValueError):
    """A derivation cannot give what its dataset promises; the message says for whom and why."""


def dated_rows(
    source: EventSource, frames: AnyFrames, subjects: pl.DataFrame, cut_off: CutOff
) -> pl.LazyFrame:
    """The rows of one source up to the cut-off date: SUBJECT, ADT, ADTF, SRCDOM, SRCVAR, SRCSEQ.

    frames: tabulation and analysis datasets by name; subjects: ADSL with a number for each subject,
    SUBJECT, whose variables the source's `where` may use; other subjects are left out. SRCDOM, SRCVAR and
    SRCSEQ name the tabulation row behind the date.
    """
    frame = frames[source.dataset].lazy()
    schema = frame.collect_schema()
    if schema[source.date] == pl.Date:
        flag = f"{source.date}F"
        given = pl.col(flag) if flag in schema else pl.lit(None, pl.String)
        rows = frame.with_columns(ADT=pl.col(source.date), ADTF=given)
    else:
        rows = impute(frame, source.date, "ADT")
    own = [c for c in subjects.columns if c not in schema]
    return (
        rows.join(subjects.lazy().select("USUBJID", *own), on="USUBJID")
        .filter(source.where, pl.col("ADT") <= cut_off.date)
        .select("SUBJECT", "ADT", "ADTF", **_origin(schema.names(), source))
    )


def _origin(columns: Sequence[str], source: EventSource) -> dict[str, pl.Expr]:
    """The tabulation row behind a source row: its own triplet, else its domain's --SEQ; else its dataset."""
    if "SRCDOM" in columns:
        return {name: pl.col(name) for name in ("SRCDOM", "SRCVAR", "SRCSEQ")}
    sequence = next((c for c in columns if len(c) == 5 and c.endswith("SEQ")), None)
    if sequence is None:  # one row per subject, as in ADSL
        whole = {"SRCDOM": source.dataset.upper(), "SRCVAR": source.date}
        return {**{name: pl.lit(text) for name, text in whole.items()}, "SRCSEQ": pl.lit(None, pl.Int64)}
    domain = sequence[:2]
    # An occurrence dataset (OCCDS) keeps --SEQ and renames --STDTC to ASTDT.
    variable = source.date if source.date.endswith("DTC") else f"{domain}STDTC"
    return {"SRCDOM": pl.lit(domain), "SRCVAR": pl.lit(variable), "SRCSEQ": pl.col(sequence)}


def last_alive(study: Study, frames: AnyFrames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """USUBJID and LSTALVDT: the last day on which a record shows the subject alive, where one does."""
    subjects = adsl.with_row_index("SUBJECT")
    dates = pl.concat(dated_rows(s, frames, subjects, cut_off) for s in study.last_alive)
    last = dates.group_by("SUBJECT").agg(LSTALVDT=pl.col("ADT").max()).collect()
    return subjects.join(last, on="SUBJECT").select("USUBJID", "LSTALVDT")


def derive_adtte(
    study: Study,
    frames: AnyFrames,
    adsl: pl.DataFrame,
    cut_off: CutOff,
    model: type[Table] = ADTTE,
) -> pl.DataFrame:
    """One row per randomised subject and endpoint of the study whose origin the subject has.

    frames: the datasets, beside ADSL, that the endpoints' sources name. model: the shape; what of it the
    engine does not make is copied from ADSL. AVAL is in days, ADT - STARTDT + 1. A subject without the origin
    (its form is not in yet) has no row; `audit.without_parameter` names them. Raises DeriveError when an
    endpoint finds neither an event nor a censoring date for somebody who has one.
    """
    frames = {**frames, "adsl": adsl}
    endpoints = sorted(study.endpoints, key=lambda endpoint: endpoint.paramcd)
    ends = {id(s): s for e in endpoints for s in (*e.events, *e.competing)}
    censors = {id(s): s for e in endpoints for s in e.censors}
    copied = [c for c in names(model) if c in adsl.columns]
    asked = {c for s in (*ends.values(), *censors.values()) for c in s.where.meta.root_names()}
    asked.update(copied, (e.start for e in endpoints), ("ITTFL",))
    # Subjects are numbered, because a million texts are slow to join and to sort.
    subjects = (
        adsl.select(c for c in adsl.columns if c in asked)
        .filter(pl.col("ITTFL") == "Y")
        .sort("USUBJID")
        .with_row_index("SUBJECT")
    )
    # Each source is read once, whatever the number of endpoints that have it.
    sources = ends | censors
    found = dict(
        zip(
            sources,
            pl.collect_all([dated_rows(s, frames, subjects, cut_off) for s in sources.values()]),
            strict=True,
        )
    )
    rows = pl.concat(_derive_endpoint(endpoint, found, subjects) for endpoint in endpoints)
    rows = rows.sort("SUBJECT", maintain_order=True)  # of a subject, by PARAMCD as before
    of_subject = subjects.select(copied)[rows.get_column("SUBJECT")]
    return pl.concat([rows, of_subject], how="horizontal").select(
        pl.col(name).cast(dtype) for name, dtype in dtypes(study.shape(model, cut_off)).items()
    )


def _derive_endpoint(
    endpoint: Endpoint, found: Mapping[int, pl.DataFrame], subjects: pl.DataFrame
) -> pl.DataFrame:
    """The rows of one parameter; found: dated rows by the identity of their source."""
    start = subjects.get_column(endpoint.start)

    def started(source: EventSource) -> pl.DataFrame:
        rows = found[id(source)]
        return rows.with_columns(STARTDT=start.gather(rows.get_column("SUBJECT"))).drop_nulls("STARTDT")

    ends = (*endpoint.events, *endpoint.competing)
    events = [started(source).filter(pl.col("ADT") >= pl.col("STARTDT")) for source in ends]
    first_event = _choose(events, np.minimum, len(subjects)).join(_meaning(ends), on="SOURCE")
    event_free = np.ones(len(subjects), dtype=bool)
    event_free[first_event.get_column("SUBJECT").to_numpy()] = False
    censorings = [
        rows.filter(pl.Series(event_free[rows.get_column("SUBJECT").to_numpy()]))
        for rows in map(started, endpoint.censors)
    ]
    last_censoring = (
        _choose(censorings, np.maximum, len(subjects))
        .with_columns(ADT=pl.max_horizontal("ADT", "STARTDT"))
        .join(_meaning(endpoint.censors), on="SOURCE")
    )
    rows = pl.concat([first_event, last_censoring])
    with_origin = len(start) - start.null_count()
    if without := with_origin - len(rows):
        raise DeriveError(
            f"{endpoint.paramcd}: {without} of {with_origin} randomised subjects with {endpoint.start} have "
            "neither an event nor a censoring date"
        )
    return rows.with_columns(
        PARAMCD=pl.lit(endpoint.paramcd),
        PARAM=pl.lit(endpoint.param),
        AVAL=(pl.col("ADT") - pl.col("STARTDT")).dt.total_days() + 1,
    )


def _choose(found: Sequence[pl.DataFrame], extreme: np.ufunc, subjects: int) -> pl.DataFrame:
    """One row per subject, with its SOURCE: the earliest (minimum) or latest (maximum) date.

    found: dated rows of each source, in declared order; same day: first source, then first --SEQ.
    """
    worst = np.iinfo(np.int32).max if extreme is np.minimum else np.iinfo(np.int32).min
    best = np.full(subjects, worst, dtype=np.int32)
    places = [
        (rows.get_column("SUBJECT").to_numpy(), rows.get_column("ADT").to_physical().to_numpy())
        for rows in found
    ]
    for subject, day in places:
        extreme.at(best, subject, day)
    chosen = [
        rows.filter(pl.Series(day == best[subject])).with_columns(SOURCE=pl.lit(position, pl.Int64))
        for position, (rows, (subject, day)) in enumerate(zip(found, places, strict=True))
    ]
    return (
        pl.concat(chosen)
        .sort("SUBJECT", "SOURCE", "SRCSEQ")
        .unique("SUBJECT", keep="first", maintain_order=True)
    )


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
