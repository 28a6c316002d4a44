"""Rules about parameters and values of the basic data structure: PARAM, AVAL, baseline, change.

What does not belong here: time to event (`time_to_event.py`), dates (`dates.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.conformance.datasets import BDS, PARAMETERS, Dataset, Datasets
from pipeline.conformance.rule import Found, Rule, absent, blank, both, each, pair, several, where

TOLERANCE = 1e-6
"""Relative: a change is stored with the digits of its parts."""


def _no_value(d: Dataset, _: Datasets) -> Iterator[Found]:
    if not d.has("AVAL") and not d.has("AVALC"):
        yield Found(None, value="neither AVAL nor AVALC")


def _baseline(d: Dataset) -> list[str]:
    """Within what a subject has one baseline."""
    return [name for name in ("USUBJID", "PARAMCD", "BASETYPE") if d.has(name)]


def _baselines(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("ABLFL", "USUBJID", "PARAMCD"):
        count = (pl.col("ABLFL") == "Y").sum().over(_baseline(d))
        yield Found("ABLFL", (pl.col("ABLFL") == "Y") & (count > 1))


def _without_baseline(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("ABLFL", "USUBJID", "PARAMCD"):
        none = ~(pl.col("ABLFL") == "Y").any().over(_baseline(d))
        yield from (Found(n, pl.col(n).is_not_null() & none) for n in ("BASE", "BASEC") if d.has(n))


def _base_type(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("BASETYPE"):
        yield Found("BASETYPE", pl.col("BASETYPE").is_null() & pl.col("BASETYPE").is_not_null().any())


def _other_than(value: pl.Expr, expected: pl.Expr) -> pl.Expr:
    """A number that differs from what it should be by more than its digits allow."""
    return (value - expected).abs() > TOLERANCE * pl.max_horizontal(expected.abs(), 1.0)


def _category(name: str, d: Dataset) -> pl.Expr | None:
    return several(name, ["PARAMCD"]) if d.has("PARAMCD") else None


RULES = (
    Rule("PM01", "error", PARAMETERS, "PARAM and PARAMCD are there", "add the variable",
         absent("PARAM", "PARAMCD"), ("ADaM 194", "ADaM 195")),
    Rule("PM02", "error", PARAMETERS, "PARAM and PARAMCD have a value in every row", "fill the variable",
         blank("PARAM", "PARAMCD"), ("ADaM 196", "ADaM 197")),
    Rule("PM03", "error", PARAMETERS, "PARAMCD has at most 8 characters", "shorten the code",
         where("PARAMCD", lambda n: pl.col(n).str.len_chars() > 8), ("ADaM 143",)),
    Rule("PM04", "error", PARAMETERS, "PARAMCD begins with a letter", "rename the code",
         where("PARAMCD", lambda n: ~pl.col(n).str.contains("^[A-Za-z]")), ("ADaM 144",)),
    Rule("PM05", "error", PARAMETERS, "PARAMCD holds letters, digits and underscores only",
         "rename the code", where("PARAMCD", lambda n: pl.col(n).str.contains("[^A-Za-z0-9_]")),
         ("ADaM 145",)),
    Rule("PM06", "error", PARAMETERS, "PARAM and PARAMCD go one to one",
         "give each code one text, and each text one code", pair("PARAM", "PARAMCD"),
         ("ADaM 738", "ADaM 739")),
    Rule("PM07", "error", PARAMETERS, "PARAM and PARAMN go one to one",
         "give each parameter one number", pair("PARAM", "PARAMN"), ("ADaM 740", "ADaM 741")),
    Rule("PM08", "error", (BDS,), "AVAL or AVALC is there", "add the analysis value", _no_value,
         ("ADaM 198",)),
    Rule("PM09", "error", (BDS,), "AVAL and AVALC go one to one within a parameter, where both are given",
         "give each text one number, or leave one of the two empty", pair("AVAL", "AVALC", "PARAMCD"),
         ("ADaM 742", "ADaM 743")),
    Rule("PM10", "error", PARAMETERS, "PARAMTYP is the same in all rows of a parameter",
         "split the parameter", each("PARAMTYP", _category), ("ADaM 123",)),
    Rule("PM11", "error", PARAMETERS, "PARCATy is the same in all rows of a parameter",
         "put a parameter into one category", each(r"PARCAT\d", _category), ("ADaM 124",)),
    Rule("PM12", "error", (BDS,), "At most one row of a subject, parameter and baseline type is the baseline "
         "(ABLFL)", "flag one row", _baselines, ("ADaM 154", "ADaM 155")),
    Rule("PM13", "error", (BDS,), "A subject with BASE or BASEC has a row with ABLFL = Y for the parameter",
         "flag the row the baseline was taken from", _without_baseline, ("ADaM 127", "ADaM 128")),
    Rule("PM14", "error", (BDS,), "BASE is AVAL where ABLFL is Y", "copy AVAL of the flagged row",
         where("BASE", lambda n: (pl.col("ABLFL") == "Y") & _other_than(pl.col(n), pl.col("AVAL")), "ABLFL",
               "AVAL", value=both("BASE", "AVAL")), ("ADaM 152", "ADaM 181")),
    Rule("PM15", "error", (BDS,), "CHG is AVAL - BASE", "compute the change again",
         where("CHG", lambda n: _other_than(pl.col(n), pl.col("AVAL") - pl.col("BASE")), "AVAL", "BASE",
               value=both("CHG", "AVAL", "BASE")), ("ADaM 223",)),
    Rule("PM16", "error", (BDS,), "PCHG is 100 x (AVAL - BASE) / BASE", "compute the change again",
         where("PCHG", lambda n: (pl.col("BASE") != 0) & _other_than(
             pl.col(n), (pl.col("AVAL") - pl.col("BASE")) / pl.col("BASE") * 100), "AVAL", "BASE",
             value=both("PCHG", "AVAL", "BASE")), ("ADaM 225",)),
    Rule("PM17", "error", (BDS,), "BASETYPE has a value in every row, if it has one in any",
         "name the kind of baseline in every row", _base_type, ("ADaM 734",)),
    Rule("PM18", "error", (BDS,), "AVALCATy, BASECATy and CHGCATy go one to one with their numbers within a "
         "parameter", "give each category one number",
         lambda d, study: (
             found
             for name in d.like(r"(AVAL|BASE|CHG)CA\dN")
             for found in pair(f"{name[:-2]}T{name[-2]}", name, "PARAMCD")(d, study)
         ), ("ADaM 747", "ADaM 749", "ADaM 750")),
    Rule("PM19", "error", (BDS,),
         "ATOXGR and BTOXGR are grades 0 to 5, signed where they have two directions",
         "use the grade's number", each("[AB]TOXGR", lambda n, d: ~pl.col(n).str.contains(r"^-?[0-5]$")
                                        if n in d.texts() else None)),
)  # fmt: skip
