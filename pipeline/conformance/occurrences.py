"""Rules about occurrences: treatment-emergent and first-occurrence flags, what ADAE must hold.

What does not belong here: dates of an occurrence (`dates.py`), where it comes from (`traceability.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import OCCDS, Dataset, Datasets
from pipeline.conformance.rule import Find, Found, Rule, absent, each, not_in, present, present_without, where
from pipeline.conformance.terms import ADAE_COPIED, ADAE_MEDDRA, ADAE_REQUIRED

FIRST = {
    "AOCCFL": "",
    "AOCCSFL": "BODSYS",
    "AOCCPFL": "DECOD",
    "AOCCIFL": "",
    "AOCCSIFL": "BODSYS",
    "AOCCPIFL": "DECOD",
}
"""Flags of a first occurrence: of a subject, or of a subject within system organ class or term."""
GRADES = ("ATOXGRN", "ASEVN", "AETOXGRN", "AESEVN")


def _level(flag: str, d: Dataset) -> list[str] | None:
    """Within what the flag marks one row; None where that cannot be said."""
    ending = FIRST[flag]
    if not d.has("USUBJID"):
        return None
    if not ending:
        return ["USUBJID"]
    own = d.like(f"[A-Z]{{2}}{ending}")
    return ["USUBJID", own[0]] if own else None


def _more_than_one(d: Dataset, _: Datasets) -> Iterator[Found]:
    for flag in d.like("|".join(FIRST)):
        if level := _level(flag, d):
            count = (pl.col(flag) == "Y").sum().over(level)
            yield Found(flag, (pl.col(flag) == "Y") & (count > 1))


def _not_the_worst(d: Dataset, _: Datasets) -> Iterator[Found]:
    """Flagged rows of the highest severity although a treatment-emergent row of the level is worse."""
    grade = next((name for name in GRADES if d.has(name)), None)
    for flag in d.like("AOCC[SP]?IFL"):
        level = _level(flag, d)
        if grade and level and d.has("TRTEMFL"):
            emergent = (pl.col(flag) == "Y") & (pl.col("TRTEMFL") == "Y")
            worst = pl.col(grade).filter(pl.col("TRTEMFL") == "Y").max().over(level)
            yield Found(flag, emergent & (pl.col(grade) < worst))


def _emergent(breaks: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Find:
    """TRTEMFL beside the first day of treatment, of ADSL or of the dataset."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        adsl = study.get("ADSL")
        if not adsl or not adsl.has("USUBJID", "TRTSDT") or not d.has("USUBJID", "TRTEMFL", "ASTDT"):
            return
        if adsl.types["TRTSDT"] != d.types["ASTDT"]:
            return
        first = adsl.take("USUBJID", "TRTSDT").unique("USUBJID", keep="first").rename({"TRTSDT": "_first"})
        broken = breaks(pl.col("ASTDT"), pl.col("_first"))
        yield Found(
            "TRTEMFL",
            lambda rows: rows.join(first, on="USUBJID", how="left").filter(broken.fill_null(False)),
            pl.concat_str(
                pl.lit("ASTDT "), pl.col("ASTDT").cast(pl.String).fill_null("missing"),
                pl.lit(", TRTSDT "), pl.col("_first").cast(pl.String).fill_null("missing"),
            ),
        )  # fmt: skip

    return find


def _no_grade(d: Dataset, _: Datasets) -> Iterator[Found]:
    if not d.like("AESEV|AETOXGR|ASEV|ATOXGR"):
        yield Found(None, value="neither severity nor toxicity grade")


RULES = (
    Rule("OC01", "error", (OCCDS,), "An occurrence dataset has no AVAL and no AVALC",
         "use the basic data structure for analysis values", present("AVALC?"), ("ADaM 252",)),
    Rule("OC02", "error", (OCCDS,), "An occurrence dataset has no PARAM", "use the basic data structure",
         present("PARAM"), ("ADaM 254",)),
    Rule("OC03", "error", (OCCDS,), "An occurrence dataset has no SRCDOM and no SRCSEQ",
         "keep --SEQ of the tabulation dataset instead", present("SRCDOM|SRCSEQ"), ("ADaM 653", "ADaM 654")),
    Rule("OC04", "error", ("ADAE",), f"ADAE has {', '.join(ADAE_REQUIRED)}", "add the variable",
         absent(*ADAE_REQUIRED),
         ("ADaM 261", "ADaM 262", "ADaM 278", "ADaM 620", "ADaM 621", "ADaM 623", "ADaM 635", "ADaM 637",
          "ADaM 638")),
    Rule("OC05", "warning", ("ADAE",), f"ADAE has {', '.join(ADAE_COPIED)}", "add the variable",
         absent(*ADAE_COPIED), ("ADaM 634", "ADaM 636", "ADaM 639")),
    Rule("OC06", "warning", ("ADAE",), "ADAE has all levels of MedDRA and their codes",
         "add the variable, or say which dictionary was used", absent(*ADAE_MEDDRA),
         tuple(f"ADaM {number}" for number in range(624, 634))),
    Rule("OC07", "error", ("ADAE",), "ADAE has a severity or a toxicity grade", "add AESEV or AETOXGR",
         _no_grade),
    Rule("OC08", "error", (OCCDS,), "TRTEMFL is Y or missing", "leave the flag empty instead of N",
         each("TRTEMFL", lambda n, d: not_in("Y")(n)), ("ADaM 269",)),
    Rule("OC09", "error", (OCCDS,), "PREFL and FUPFL are Y or missing", "leave the flag empty instead of N",
         each("PREFL|FUPFL", lambda n, d: not_in("Y")(n)), ("ADaM 270", "ADaM 271")),
    Rule("OC10", "error", (OCCDS,), "A flag named AOCC*FL is Y or missing",
         "leave the flag empty instead of N",
         each("AOCC.*FL", lambda n, d: not_in("Y")(n)), ("ADaM 272",)),
    Rule("OC11", "error", (OCCDS,), "A first-occurrence flag marks at most one row of a subject and level",
         "flag the first row in the declared order only", _more_than_one),
    Rule("OC12", "warning", (OCCDS,), "A flag of the highest severity (AOCC*IFL) marks the highest of the "
         "subject's treatment-emergent rows and level", "flag the row of the highest grade", _not_the_worst),
    Rule("OC13", "error", (OCCDS,), "TRTEMFL is Y only from ADSL.TRTSDT on", "correct the flag or the date",
         _emergent(lambda start, first: (pl.col("TRTEMFL") == "Y") & ((start < first) | first.is_null()))),
    Rule("OC14", "note", (OCCDS,), "An occurrence that starts on or after ADSL.TRTSDT has TRTEMFL = Y",
         "say in the metadata when treatment emergence ends",
         _emergent(lambda start, first: pl.col("TRTEMFL").is_null() & (start >= first))),
    Rule("OC15", "error", (OCCDS,), "ADURU is given where ADURN is", "give the unit",
         where("ADURN", lambda n: pl.col(n).is_not_null() & pl.col("ADURU").is_null(), "ADURU"),
             ("ADaM 268",)),
    Rule("OC16", "error", (OCCDS,), "ADURN has ADURU beside it", "add the unit",
         present_without("ADURN", lambda name: "ADURU")),
    Rule("OC17", "error", (OCCDS,), "ASEVN and AESEVN are 1, 2, 3 or missing",
         "use 1 mild, 2 moderate, 3 severe",
         each("AE?SEVN|ASEVN", lambda n, d: not_in(1, 2, 3)(n)), ("ADaM 279", "ADaM 282")),
    Rule("OC18", "error", (OCCDS,), "ATOXGRN and AETOXGRN are whole grades from 0 to 5",
         "use the grade's number", each("AE?TOXGRN|ATOXGRN", lambda n, d: not_in(0, 1, 2, 3, 4, 5)(n))),
    Rule("OC19", "error", (OCCDS,), "A row with TRTEMFL = Y is not flagged as before treatment (PREFL)",
         "correct one of the flags",
         where("TRTEMFL", lambda n: (pl.col(n) == "Y") & (pl.col("PREFL") == "Y"), "PREFL")),
)  # fmt: skip
