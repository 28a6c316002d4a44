"""Rules about flags and about variables that come in pairs: a text and its number.

What does not belong here: what a flag of one dataset means (`occurrences.py`, `parameters.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from pipeline.conformance.datasets import ADAM, ADSL, BDS, OCCDS, PARAMETERS, Dataset, Datasets
from pipeline.conformance.rule import (
    Find,
    Found,
    Rule,
    both,
    each,
    not_in,
    pair,
    present_without,
    several,
    together,
)
from pipeline.conformance.terms import POPULATION_FLAGS

FLAG = r".*FL"
RECORD_FLAGS = r"ABLFL|ANL\d\dFL|ONTRTFL|LVOTFL"
NUMBERED = (
    r"(AVISIT|ATPT|APHASE|PARAM|AESEV|ASEV|AEREL|AREL|AETOXGR|ATOXGR|BTOXGR|SEX|RACE|ETHNIC|COUNTRY|DTHCAUS|"
    r"STRATA[RV]|STRAT\dR|REGION\d|PARCAT\d|SHIFT\d|(?!TR).*GR\d)N"
)
"""Numbers that stand for a text, the treatments apart (`treatment.py`)."""
WITHIN_PARAMETER = {"AVISITN", "ATPTN"}


def _numbers(name: str) -> pl.Expr:
    """What the flag's numeric twin should hold."""
    return pl.when(pl.col(name) == "Y").then(1).when(pl.col(name) == "N").then(0)


def _twin(flag: str) -> str:
    return flag.removesuffix("FL") + "FN"


def _disagrees(value: str | None) -> Find:
    """Numeric twins that do not say what the flag says, where the flag holds this value."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for flag in d.like(FLAG):
            if d.has(_twin(flag)):
                holds = pl.col(flag).is_null() if value is None else pl.col(flag) == value
                wrong = pl.col(_twin(flag)).ne_missing(_numbers(flag))
                yield Found(_twin(flag), holds & wrong, both(flag, _twin(flag)))

    return find


def _one_to_one(d: Dataset, _: Datasets) -> Iterator[Found]:
    for number in d.like(NUMBERED):
        text = number.removesuffix("N")
        within = ["PARAMCD"] if number in WITHIN_PARAMETER and d.has("PARAMCD") else []
        if d.has(text):
            yield Found(number, several(number, [*within, text]), both(text, number))
            yield Found(text, several(text, [*within, number]), both(text, number))


def _no_population(d: Dataset, _: Datasets) -> Iterator[Found]:
    if not d.like(FLAG):
        yield Found(None, value="no variable ends in FL")


def _criteria(d: Dataset, _: Datasets) -> Iterator[Found]:
    for name in d.like(r"CRIT\d"):
        if not d.has(f"{name}FL"):
            yield Found(name, value=f"there is no {name}FL")


RULES = (
    Rule(
        "FL01", "error", ADAM, "A variable named *FL holds Y, N or nothing", "use Y and N only",
        each(FLAG, lambda name, d: not_in("Y", "N")(name)), ("ADaM 5",),
    ),
    Rule(
        "FL02", "error", (ADSL,), "A population flag of ADSL is Y or N in every row",
        "say N of a subject who is not in the population",
        each("|".join(POPULATION_FLAGS), lambda name, d: pl.col(name).is_null() | not_in("Y", "N")(name)),
        tuple(f"ADaM {number}" for number in range(19, 26)),
    ),
    Rule(
        "FL03", "error", (ADSL,), "A numeric population flag of ADSL is 1 or 0 in every row",
        "say 0 of a subject who is not in the population",
        each(
            "|".join(map(_twin, POPULATION_FLAGS)), lambda name, d: pl.col(name).is_null() | not_in(0,
            1)(name)
        ),
        tuple(f"ADaM {number}" for number in range(26, 33)),
    ),
    Rule(
        "FL04", "error", (ADSL,), "ADSL has at least one population flag (*FL)", "add one", _no_population,
        ("ADaM 48",),
    ),
    Rule(
        "FL05", "error", ADAM, "A numeric flag *FN stands beside its *FL", "add the flag *FL",
        present_without(".*FN", lambda name: name.removesuffix("FN") + "FL"),
        ("ADaM 7", "ADaM 525", "ADaM 526", "ADaM 567", "ADaM 568", "ADaM 569"),
    ),
    Rule(
        "FL06", "error", ADAM, "A numeric flag *FN holds 1, 0 or nothing", "use 1 and 0 only",
        each(".*FN", lambda name, d: not_in(0, 1)(name)), ("ADaM 6",),
    ),
    Rule("FL07", "error", ADAM, "*FN is 1 where *FL is Y", "set *FN to 1", _disagrees("Y"), ("ADaM 10",)),
    Rule("FL08", "error", ADAM, "*FN is 0 where *FL is N", "set *FN to 0", _disagrees("N"), ("ADaM 11",)),
    Rule(
        "FL09", "error", ADAM, "*FN is missing where *FL is", "leave *FN empty", _disagrees(None),
        ("ADaM 12",)
    ),
    Rule(
        "FL10", "error", PARAMETERS,
        "A record-level (*RFL) or parameter-level (*PFL) population flag is Y or "
        "missing", "leave it empty instead of N",
        each("(ITT|SAF|FAS|PPROT|COMPL)[RP]FL", lambda name, d: not_in("Y")(name)), ("ADaM 33", "ADaM 34"),
    ),
    Rule(
        "FL11", "error", PARAMETERS,
        "A numeric record-level (*RFN) or parameter-level (*PFN) population flag "
        "is 1 or missing", "leave it empty instead of 0",
        each("(ITT|SAF|FAS|PPROT|COMPL)[RP]FN", lambda name, d: not_in(1)(name)), ("ADaM 35", "ADaM 36"),
    ),
    Rule(
        "FL12", "error", (*PARAMETERS, OCCDS), "ABLFL, ANLzzFL, ONTRTFL and LVOTFL are Y or missing",
        "leave the flag empty instead of N", each(RECORD_FLAGS, lambda name, d: not_in("Y")(name)),
        ("ADaM 176", "ADaM 178", "ADaM 363", "ADaM 619"),
    ),
    Rule(
        "FL13", "error", (*PARAMETERS, OCCDS), "ABLFN and ANLzzFN are 1 or missing",
        "leave the flag empty instead of 0", each(r"ABLFN|ANL\d\dFN", lambda name, d: not_in(1)(name)),
        ("ADaM 211", "ADaM 212"),
    ),
    Rule(
        "FL14", "error", (BDS,), "A criterion flag CRITyFL stands beside its CRITy", "add CRITy",
        present_without(r"CRIT\dFL", lambda name: name.removesuffix("FL")), ("ADaM 335",),
    ),
    Rule(
        "FL15", "error", (BDS,), "A criterion CRITy stands beside its CRITyFL", "add CRITyFL", _criteria,
        ("ADaM 336",),
    ),
    Rule(
        "FL16", "error", ADAM, "A number that stands for a text (*N) has the text beside it", "add the text",
        present_without(NUMBERED, lambda name: re.sub("N$", "", name)),
        ("ADaM 521", "ADaM 536", "ADaM 548", "ADaM 540", "ADaM 542", "ADaM 551", "ADaM 553"),
    ),
    Rule(
        "FL17", "error", ADAM, "A text and the number that stands for it go one to one",
        "give each text one number", _one_to_one,
        ("ADaM 714", "ADaM 715", "ADaM 727", "ADaM 728", "ADaM 783", "ADaM 784"),
    ),
    Rule(
        "FL18", "error", ADAM, "APERIOD and APERIODC, ASPER and ASPERC go one to one",
        "give each period one text",
        together(pair("APERIOD", "APERIODC"), pair("ASPER", "ASPERC", "APERIOD")),
        ("ADaM 725", "ADaM 726", "ADaM 325", "ADaM 326"),
    ),
)  # fmt: skip
