"""Rules about subjects: ADSL itself, and that other datasets agree with it and with DM.

What does not belong here: treatments (`treatment.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import ADAM, ADSL, FOLDER, SDTM, Dataset, Datasets
from pipeline.conformance.rule import Find, Found, Rule, absent, blank, both, each, not_in, where
from pipeline.conformance.terms import ADSL_REQUIRED, STATUS

SAS_EPOCH = dt.date(1960, 1, 1)
FROM_DM = {
    "AGE": "204", "AGEU": "205", "SEX": "206", "RACE": "207", "SUBJID": "208", "SITEID": "209", "ARM": "210",
    "ACTARM": "367",
}  # fmt: skip
"""Variables that ADSL copies from DM, each with the number of its rule."""


def missing_from(name: str, other: Dataset) -> pl.Expr:
    """Rows whose value does not occur in the other dataset."""
    known = other.take(name).unique().collect().to_series()
    return ~pl.col(name).is_in(known.implode())


def _as_in_dm(d: Dataset, study: Datasets) -> Iterator[Found]:
    dm = study.get("DM")
    for name in FROM_DM:
        if dm and d.has("USUBJID", name) and dm.has("USUBJID", name):
            yield Found(name, _unequal(d, dm, name))


def comparable(name: str, dtype: pl.DataType, other: pl.DataType) -> pl.Expr:
    """A value in a form in which one of another type can be held against it.

    Numbers as numbers, so that 61 and 61.0 are one age; a date beside a number as the days of SAS.
    """
    value = pl.col(name)
    if {dtype.is_numeric(), other.is_numeric()} == {True}:
        return value.cast(pl.Float64)
    if dtype == pl.Date and other.is_numeric():
        return (value - SAS_EPOCH).dt.total_days().cast(pl.Float64)
    return value.cast(pl.Float64) if dtype.is_numeric() and other == pl.Date else value.cast(pl.String)


def _unequal(d: Dataset, other: Dataset, name: str) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Rows whose value is not that of the subject's row in the other dataset."""
    there = other.take("USUBJID", name).unique("USUBJID", keep="first").rename({name: "_there"})
    unequal = comparable(name, d.types[name], other.types[name]).ne_missing(
        comparable("_there", other.types[name], d.types[name])
    )
    return lambda rows: rows.join(there, on="USUBJID", how="inner").filter(unequal)


def _as_in_adsl(d: Dataset, study: Datasets) -> Iterator[Found]:
    adsl = study.get("ADSL")
    if adsl and d.name != "ADSL" and d.has("USUBJID") and adsl.has("USUBJID"):
        for name in d.names:
            if name != "USUBJID" and adsl.has(name):
                yield Found(name, _unequal(d, adsl, name))


def _no_adsl(_: Dataset, study: Datasets) -> Iterator[Found]:
    if any(other.structure in ADAM for other in study.values()) and "ADSL" not in study:
        yield Found(None, value="there is no ADSL")


def _known_in(name: str) -> Find:
    """Subjects who are not in the dataset of that name."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        other = study.get(name)
        if other and other.name != d.name and d.has("USUBJID") and other.has("USUBJID"):
            yield Found("USUBJID", missing_from("USUBJID", other))

    return find


def _not_in_adsl(d: Dataset, study: Datasets) -> Iterator[Found]:
    adsl = study.get("ADSL")
    if adsl and d.has("USUBJID") and adsl.has("USUBJID"):
        yield Found("USUBJID", missing_from("USUBJID", adsl))


def _treated(pattern: str) -> Find:
    """ADSL lacks a date of treatment although there is exposure."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        if "EX" in study and not d.like(pattern):
            yield Found(pattern.removesuffix("M?"), value="EX is there")

    return find


def _safety(d: Dataset, study: Datasets) -> Iterator[Found]:
    ex = study.get("EX")
    if ex and d.has("SAFFL", "USUBJID") and ex.has("USUBJID"):
        yield Found("SAFFL", (pl.col("SAFFL") == "Y") & missing_from("USUBJID", ex))


def _random_date(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("RANDFL") and not d.has("RANDDT"):
        randomised = d.take("RANDFL").filter(pl.col("RANDFL") == "Y").head(1).collect().height
        yield from [Found("RANDDT", value="RANDFL is Y in at least one row")] * randomised


def _same_said(flag: str, date: str) -> pl.Expr:
    return (pl.col(flag) == "Y").fill_null(False) != pl.col(date).is_not_null()


RULES = (
    Rule("SU01", "error", (FOLDER,), "Analysis datasets come with ADSL", "add ADSL", _no_adsl, ("ADaM 1",)),
    Rule(
        "SU02", "error", (ADSL,), f"ADSL has {', '.join(ADSL_REQUIRED)}", "add the variable",
        absent(*ADSL_REQUIRED),
        ("ADaM 47", "ADaM 49", "ADaM 50", "ADaM 51", "ADaM 52", "ADaM 55", "ADaM 71", "ADaM 88", "ADaM 89"),
    ),
    Rule(
        "SU03", "error", (ADSL,), "ADSL has one row per subject", "keep one row",
        where("USUBJID", lambda n: pl.col(n).is_duplicated()), ("ADaM 54",),
    ),
    Rule(
        "SU04", "error", ADAM, "Every subject of an analysis dataset is in DM",
        "remove the subject, or add the subject to DM", _known_in("DM"), ("ADaM 53",),
    ),
    Rule(
        "SU05", "error", ADAM, "Every subject of an analysis dataset is in ADSL", "add the subject to ADSL",
        _known_in("ADSL"), ("ADaM 256",),
    ),
    Rule(
        "SU06", "error", (ADSL,), f"{', '.join(FROM_DM)} of ADSL are those of DM",
        "copy the value from DM, or give what is derived another name", _as_in_dm,
        tuple(f"ADaM {number}" for number in FROM_DM.values()),
    ),
    Rule(
        "SU07", "error", ADAM, "A variable of ADSL has the subject's value of ADSL in every dataset",
        "copy the value from ADSL, or use another name", _as_in_adsl,
    ),
    Rule(
        "SU08", "error", (ADSL,), "ADSL has TRTSDT or TRTSDTM where there is EX", "derive the date",
        _treated("TRTSDTM?"), ("ADaM 61",),
    ),
    Rule(
        "SU09", "error", (ADSL,), "ADSL has TRTEDT or TRTEDTM where there is EX", "derive the date",
        _treated("TRTEDTM?"), ("ADaM 365",),
    ),
    Rule(
        "SU10", "error", (ADSL,), "ADSL has RANDDT where RANDFL is Y in any row", "add RANDDT", _random_date,
        ("ADaM 366",),
    ),
    Rule(
        "SU11", "error", (ADSL,), "RANDFL is Y of subjects with RANDDT and of no others",
        "correct the flag or the date",
        where("RANDFL", lambda n: _same_said(n, "RANDDT"), "RANDDT", value=both("RANDFL", "RANDDT")),
    ),
    Rule(
        "SU12", "warning", (ADSL,), "A subject with SAFFL = Y has TRTSDT", "correct the flag or the date",
        where("SAFFL", lambda n: (pl.col(n) == "Y") & pl.col("TRTSDT").is_null(), "TRTSDT"),
    ),
    Rule(
        "SU13", "error", (ADSL,), "A subject with SAFFL = Y has a row in EX", "correct the flag", _safety,
    ),
    Rule(
        "SU14", "error", (ADSL,), "DTHFL is Y of subjects with DTHDT and of no others",
        "correct the flag or the date",
        where("DTHFL", lambda n: _same_said(n, "DTHDT"), "DTHDT", value=both("DTHFL", "DTHDT")),
    ),
    Rule(
        "SU15", "error", (ADSL,), "LSTALVDT is not after DTHDT", "correct the date",
        where("LSTALVDT", lambda n: pl.col(n) > pl.col("DTHDT"), "DTHDT", value=both("LSTALVDT", "DTHDT")),
    ),
    Rule(
        "SU16", "error", (ADSL,), f"EOSSTT and EOTSTT are {', '.join(STATUS)} or missing",
        "use the term of codelist SBJTSTAT",
        each(r"EO[ST]STT|EO[TP]\d\dSTT", lambda n, d: not_in(*STATUS)(n)),
    ),
    Rule(
        "SU17", "error", (*ADAM, "DM"), "AGE is a number from 0 to 120", "correct the age",
        where("AGE", lambda n: ~pl.col(n).is_between(0, 120)), ("FDA FDAB040",),
    ),
    Rule(
        "SU18", "error", (ADSL, "DM"), "AGEU is given where AGE is", "give the unit",
        where("AGEU", lambda n: pl.col(n).is_null() & pl.col("AGE").is_not_null(), "AGE"), ("SDTM CG0432",),
    ),
    Rule(
        "SU19", "note", ("DM",), "Every subject of DM is in ADSL", "say in the reviewer's guide who is not",
        _not_in_adsl,
    ),
    Rule(
        "SU20", "error", SDTM, "Every subject of a tabulation dataset is in DM",
        "remove the row, or add the subject to DM", _known_in("DM"), ("SDTM CG0029",),
    ),
    Rule(
        "SU21", "error", (*ADAM, *SDTM), "A subject's identifier has no blank at either end",
        "correct the identifier",
        where("USUBJID", lambda n: pl.col(n) != pl.col(n).str.strip_chars()),
    ),
    Rule(
        "SU22", "error", (ADSL,), "SUBJID is unique within the study", "give each subject an own number",
        where("SUBJID", lambda n: pl.col(n).is_duplicated()), ("SDTM CG0150",),
    ),
    Rule("SU23", "error", SDTM, "USUBJID has a value in every row", "fill USUBJID",
         lambda d, study: () if d.structure in ("TRIAL DESIGN", "RELATIONSHIP") else blank("USUBJID")(d,
             study),
         ("SDTM CG0554",)),
)  # fmt: skip
