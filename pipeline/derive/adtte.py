"""ADTTE: one engine that reads endpoints as values.

What belongs here: how events and censoring dates compete. What does not: which sources an endpoint
has (`pipeline/studies/*/endpoints.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipeline.derive.dates import impute
from pipeline.study import CutOff, Endpoint, EventSource, Frames, Study
from schemas.adam import ADTTE
from schemas.base import dtypes, names

CANDIDATE = {
    "USUBJID": pl.String,
    "ADT": pl.Date,
    "ADTF": pl.String,
    "SOURCE": pl.Int64,
    "SRCDOM": pl.String,
    "SRCVAR": pl.String,
    "SRCSEQ": pl.Int64,
}


class DeriveError(ValueError):
    """A derivation cannot give what its dataset promises; the message says for whom and why."""


def candidate_dates(
    sources: Sequence[EventSource], frames: Frames, adsl: pl.DataFrame, cut_off: CutOff
) -> pl.DataFrame:
    """Every dated row that the sources offer, up to the cut-off date.

    frames: tabulation and analysis datasets by name; adsl: one row per subject, whose variables a
    source's `where` may use. SOURCE is the position of the source in `sources`; SRCDOM, SRCVAR and
    SRCSEQ name the tabulation row behind the date. Subjects outside `adsl` are left out.
    """
    found = [pl.DataFrame(schema=CANDIDATE)]
    for position, source in enumerate(sources):
        frame = frames[source.dataset]
        own = [c for c in adsl.columns if c not in frame.columns]
        frame = frame.join(adsl.select("USUBJID", *own), on="USUBJID", how="inner")
        if frame.schema[source.date] == pl.Date:
            frame = frame.with_columns(ADT=pl.col(source.date), ADTF=_flag_of(frame, source.date))
        else:
            frame = impute(frame, source.date, "ADT")
        found.append(
            frame.filter(source.where & (pl.col("ADT") <= cut_off.date)).select(
                "USUBJID",
                "ADT",
                "ADTF",
                SOURCE=pl.lit(position, pl.Int64),
                **_origin(frame, source),
            )
        )
    return pl.concat(found)


def _flag_of(frame: pl.DataFrame, date: str) -> pl.Expr:
    flag = f"{date}F"
    return pl.col(flag) if flag in frame.columns else pl.lit(None, pl.String)


def _origin(frame: pl.DataFrame, source: EventSource) -> dict[str, pl.Expr]:
    """The tabulation row behind a source row: its own triplet, else its domain's --SEQ."""
    if "SRCDOM" in frame.columns:
        return {name: pl.col(name) for name in ("SRCDOM", "SRCVAR", "SRCSEQ")}
    sequence = next(c for c in frame.columns if len(c) == 5 and c.endswith("SEQ"))
    domain = sequence[:2]
    # An occurrence dataset (OCCDS) keeps --SEQ and renames --STDTC to ASTDT.
    variable = source.date if source.date.endswith("DTC") else f"{domain}STDTC"
    return {"SRCDOM": pl.lit(domain), "SRCVAR": pl.lit(variable), "SRCSEQ": pl.col(sequence)}


def derive_adtte(study: Study, frames: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """One row per randomised subject and endpoint of the study.

    frames: the tabulation datasets, `adrs` and `adce`. AVAL is in days, ADT - STARTDT + 1. Raises
    DeriveError when an endpoint finds neither an event nor a censoring date for somebody.
    """
    randomised = adsl.filter(pl.col("ITTFL") == "Y")
    parts = [_derive_endpoint(endpoint, frames, randomised, cut_off) for endpoint in study.endpoints]
    shared = [c for c in names(ADTTE) if c in adsl.columns and c not in ("CUTOFF", "USUBJID")]
    return (
        pl.concat(parts)
        .join(adsl.select("USUBJID", *shared), on="USUBJID", how="left")
        .with_columns(CUTOFF=pl.lit(cut_off.date))
        .select(pl.col(name).cast(dtype) for name, dtype in dtypes(ADTTE).items())
        .sort("USUBJID", "PARAMCD")
    )


def _derive_endpoint(endpoint: Endpoint, frames: Frames, adsl: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    start = adsl.select("USUBJID", STARTDT=endpoint.start).drop_nulls()
    ends = (*endpoint.events, *endpoint.competing)
    first_event = (
        candidate_dates(ends, frames, adsl, cut_off)
        .join(start, on="USUBJID")
        .filter(pl.col("ADT") >= pl.col("STARTDT"))
        .sort("USUBJID", "ADT", "SOURCE", "SRCSEQ")
        .unique("USUBJID", keep="first", maintain_order=True)
        .join(_meaning(endpoint, ends), on="SOURCE")
    )
    last_censoring = (
        candidate_dates(endpoint.censors, frames, adsl, cut_off)
        .join(start, on="USUBJID")
        .join(first_event, on="USUBJID", how="anti")
        .sort(["USUBJID", "ADT", "SOURCE", "SRCSEQ"], descending=[False, True, False, False])
        .unique("USUBJID", keep="first", maintain_order=True)
        .with_columns(ADT=pl.max_horizontal("ADT", "STARTDT"))
        .join(_meaning(endpoint, endpoint.censors), on="SOURCE")
    )
    rows = pl.concat([first_event, last_censoring])
    if len(rows) != len(adsl):
        without = len(adsl) - len(rows)
        raise DeriveError(
            f"{endpoint.paramcd}: {without} of {len(adsl)} randomised subjects have no {endpoint.start}, "
            "or neither an event nor a censoring date"
        )
    return rows.with_columns(
        PARAMCD=pl.lit(endpoint.paramcd),
        PARAM=pl.lit(endpoint.param),
        AVAL=(pl.col("ADT") - pl.col("STARTDT")).dt.total_days() + 1,
    ).drop("SOURCE")


def _meaning(endpoint: Endpoint, sources: Sequence[EventSource]) -> pl.DataFrame:
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
