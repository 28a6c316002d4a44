"""Rules about DM, about deaths wherever they are told, and about eligibility.

What does not belong here: ADSL (`subjects.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.conformance.datasets import FOLDER, SDTM, Dataset, Datasets
from pipeline.conformance.dates import calendar_day
from pipeline.conformance.rule import Find, Found, Rule, both, each, pair, where

CODE_LENGTH = 20


def _no_dm(_: Dataset, study: Datasets) -> Iterator[Found]:
    if any(other.structure in SDTM for other in study.values()) and "DM" not in study:
        yield Found(None, value="there is no DM")


def _no_exposure(_: Dataset, study: Datasets) -> Iterator[Found]:
    if "DM" in study and "EX" not in study:
        yield Found(None, value="there is no EX")


def _one_without_other(first: str, second: str) -> Find:
    def breaks(name: str) -> pl.Expr:
        return pl.col(name).is_null() != pl.col(second).is_null()

    return where(first, breaks, second, value=both(first, second))


def _told_dead(domain: str, variable: str | None, value: str = "") -> Find:
    """Rows of a domain that tell a death of a subject whose DM does not."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        dm = study.get("DM")
        if d.domain != domain or not dm or not dm.has("USUBJID", "DTHFL") or not d.has("USUBJID"):
            return
        if variable and not d.has(variable):
            return
        alive = dm.take("USUBJID", "DTHFL").filter(pl.col("DTHFL").fill_null("N") != "Y")
        known = alive.select("USUBJID").unique().collect().to_series()
        told = pl.col(variable) == value if variable else pl.lit(True)
        yield Found(variable or "USUBJID", told & pl.col("USUBJID").is_in(known.implode()))

    return find


def _another_day(d: Dataset, study: Datasets) -> Iterator[Found]:
    """Dates of death in DS that are not DM's, as far as both are known."""
    dm = study.get("DM")
    if dm and dm.has("USUBJID", "DTHDTC") and d.has("USUBJID", "DSDECOD", "DSSTDTC"):
        died = dm.take("USUBJID", "DTHDTC").unique("USUBJID", keep="first").rename({"DTHDTC": "_died"})
        known = pl.min_horizontal(pl.col("DSSTDTC", "_died").str.len_chars(), pl.lit(10))
        other = pl.col("DSSTDTC").str.head(known) != pl.col("_died").str.head(known)
        yield Found(
            "DSSTDTC",
            lambda rows: (
                rows.filter(pl.col("DSDECOD") == "DEATH")
                .join(died, on="USUBJID", how="inner")
                .filter(other | (pl.col("DSSTDTC").is_null() != pl.col("_died").is_null()))
            ),
            pl.concat_str(
                pl.col("DSSTDTC").fill_null("missing"),
                pl.lit("; DM has "),
                pl.col("_died").fill_null("missing"),
            ),
        )


def _before_death(d: Dataset, study: Datasets) -> Iterator[Found]:
    """Contacts that find a subject dead before the day of death."""
    dm = study.get("DM")
    if dm and dm.has("USUBJID", "DTHDTC") and d.has("USUBJID", "SSSTRESC", "SSDTC"):
        died = dm.take("USUBJID", "DTHDTC").select("USUBJID", _died=calendar_day("DTHDTC"))
        yield Found(
            "SSDTC",
            lambda rows: (
                rows.filter(pl.col("SSSTRESC") == "DEAD")
                .join(died.unique("USUBJID", keep="first"), on="USUBJID", how="inner")
                .filter(calendar_day("SSDTC") < pl.col("_died"))
            ),
        )


def _history_later(d: Dataset, study: Datasets) -> Iterator[Found]:
    dm = study.get("DM")
    if dm and dm.has("USUBJID", "RFSTDTC") and d.has("USUBJID", "MHSTDTC"):
        start = dm.take("USUBJID", "RFSTDTC").select("USUBJID", _start=calendar_day("RFSTDTC"))
        yield Found(
            "MHSTDTC",
            lambda rows: rows.join(start.unique("USUBJID", keep="first"), on="USUBJID", how="inner").filter(
                calendar_day("MHSTDTC") > pl.col("_start")
            ),
        )


RULES = (
    Rule("DM01", "error", (FOLDER,), "Tabulation datasets come with DM", "add DM", _no_dm, ("SDTM CG0368",)),
    Rule("DM02", "warning", (FOLDER,), "Tabulation datasets come with EX", "add EX, or say why there is none",
         _no_exposure, ("SDTM CG0407",)),
    Rule("DM03", "error", ("DM",), "DM has one row per subject", "keep one row",
         where("USUBJID", lambda n: pl.col(n).is_duplicated()), ("SDTM CG0151",)),
    Rule("DM04", "error", ("DM",), "SUBJID is unique in DM", "give each subject an own number",
         where("SUBJID", lambda n: pl.col(n).is_duplicated()), ("SDTM CG0150",)),
    Rule("DM05", "error", ("DM",), "AGE is given where AGEU is", "give the age, or empty the unit",
         where("AGE", lambda n: pl.col(n).is_null() & pl.col("AGEU").is_not_null(), "AGEU"), ("SDTM CG0434",
             )),
    Rule("DM06", "error", ("DM",), "ARM and ARMCD are given together", "give both",
         _one_without_other("ARM", "ARMCD"), ("SDTM CG0521",), needs_arms=True),
    Rule("DM07", "error", ("DM",), "ACTARM and ACTARMCD are given together", "give both",
         _one_without_other("ACTARM", "ACTARMCD"), ("SDTM CG0522",), needs_arms=True),
    Rule("DM08", "error", ("DM",), "ARM and ARMCD go one to one", "give each arm one code",
         pair("ARM", "ARMCD"), ("FDA FDAB009",)),
    Rule("DM09", "error", ("DM",), "ACTARM and ACTARMCD go one to one", "give each arm one code",
         pair("ACTARM", "ACTARMCD"), ("FDA FDAB009",)),
    Rule("DM10", "error", ("DM",), "ARMCD and ACTARMCD have at most 20 characters", "shorten the code",
         each("(ACT)?ARMCD", lambda n, d: pl.col(n).str.len_chars() > CODE_LENGTH),
         ("SDTM CG0153", "SDTM CG0123")),
    Rule("DM11", "error", ("DM",), "RFSTDTC is not after RFENDTC", "correct the dates",
         where("RFSTDTC", lambda n: calendar_day(n) > calendar_day("RFENDTC"), "RFENDTC",
               value=both("RFSTDTC", "RFENDTC")), ("FDA FDAB034",)),
    Rule("DM12", "error", ("DM",), "RFICDTC is not after RFSTDTC", "correct the dates",
         where("RFICDTC", lambda n: calendar_day(n) > calendar_day("RFSTDTC"), "RFSTDTC",
               value=both("RFICDTC", "RFSTDTC")), ("FDA FDAB034",)),
    Rule("DM13", "error", ("DM",), "DTHFL is Y where DTHDTC is given", "set the flag",
         where("DTHFL", lambda n: pl.col("DTHDTC").is_not_null() & (pl.col(n).fill_null("N") != "Y"),
             "DTHDTC"),
         ("SDTM CG0435",)),
    Rule("DM14", "error", ("DM",), "DTHDTC is given where DTHFL is Y", "give the date as far as it is known",
         where("DTHDTC", lambda n: pl.col(n).is_null() & (pl.col("DTHFL") == "Y"), "DTHFL"), ("FDA FDAB006",
             )),
    Rule("DM15", "error", ("SS",), "A subject found dead in SS has DM.DTHFL = Y", "set the flag",
         _told_dead("SS", "SSSTRESC", "DEAD"), ("SDTM CG0132",)),
    Rule("DM16", "error", ("DD",), "A subject in DD has DM.DTHFL = Y", "set the flag", _told_dead("DD", None),
         ("SDTM CG0133",)),
    Rule("DM17", "error", ("AE",), "A subject with a fatal event in AE has DM.DTHFL = Y",
         "set the flag, or correct the outcome", _told_dead("AE", "AEOUT", "FATAL"), ("SDTM CG0134",)),
    Rule("DM18", "error", ("DS",), "A subject with DEATH in DS has DM.DTHFL = Y", "set the flag",
         _told_dead("DS", "DSDECOD", "DEATH"), ("SDTM CG0136",)),
    Rule("DM19", "error", ("DS",), "DSSTDTC of DEATH is DM.DTHDTC, as far as both are known",
         "correct one of the two", _another_day,
         ("SDTM CG0069",)),
    Rule("DM20", "error", ("SS",), "A subject is not found dead before the day of death", "correct the dates",
         _before_death, ("SDTM CG0171",)),
    Rule("DM21", "warning", ("MH",), "Medical history begins before the reference start (RFSTDTC)",
         "report it as an event", _history_later, ("SDTM CG0079",)),
    Rule("DM22", "error", ("IE",), "IESTRESC is IEORRES", "copy the result",
         where("IESTRESC", lambda n: pl.col(n).ne_missing(pl.col("IEORRES")), "IEORRES"), ("SDTM CG0177",)),
    Rule("DM23", "error", ("IE",), "An inclusion criterion that is not met has the answer N",
         "correct the row",
         where("IEORRES", lambda n: (pl.col("IECAT") == "INCLUSION") & (pl.col(n) != "N"), "IECAT"),
         ("SDTM CG0176",)),
    Rule("DM24", "error", ("IE",), "An exclusion criterion that is met has the answer Y", "correct the row",
         where("IEORRES", lambda n: (pl.col("IECAT") == "EXCLUSION") & (pl.col(n) != "Y"), "IECAT"),
         ("SDTM CG0175",)),
    Rule("DM25", "error", ("DM",), "DTHDTC is not before RFSTDTC", "correct the dates",
         where("DTHDTC", lambda n: calendar_day(n) < calendar_day("RFSTDTC"), "RFSTDTC",
               value=both("DTHDTC", "RFSTDTC"))),
    Rule("DM26", "warning", ("DM",), "RACE is given", "give the race, or UNKNOWN",
         where("RACE", lambda n: pl.col(n).is_null()), ("SDTM CG0646",)),
)  # fmt: skip
