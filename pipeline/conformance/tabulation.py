"""Rules about tabulation datasets of the general classes: identifiers, required variables, results, terms.

What does not belong here: DM and deaths (`demographics.py`), dates (`dates.py`), relationships
(`relations.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import (
    DESIGN,
    EVENTS,
    FINDINGS,
    GENERAL,
    INTERVENTIONS,
    SDTM,
    SPECIAL,
    Dataset,
    Datasets,
)
from pipeline.conformance.rule import (
    Found,
    Rule,
    absent,
    blank,
    both,
    each,
    not_in,
    own,
    pair,
    together,
    where,
)
from pipeline.conformance.terms import CODELISTS, DM_VARIABLES, EXPECTED, IDENTIFIERS, REQUIRED, TIMING

OWN_NAMES = (*GENERAL, "DM")
NUMBER = r"^[+-]?\d+(\.\d+)?$"
TEST_LENGTH = 40


def _required(d: Dataset) -> list[str]:
    """STUDYID, DOMAIN, USUBJID and what the class and the domain require."""
    names = (*REQUIRED.get(d.structure, ()), *REQUIRED.get(d.domain, ()))
    return ["STUDYID", "DOMAIN", "USUBJID", *(own(name, d) for name in names)]


def _lacks(d: Dataset, study: Datasets) -> Iterator[Found]:
    yield from absent(*_required(d))(d, study)


def _blank(d: Dataset, study: Datasets) -> Iterator[Found]:
    yield from blank(*(name for name in _required(d) if name != "USUBJID"))(d, study)


def _expected(d: Dataset, study: Datasets) -> Iterator[Found]:
    yield from absent(*EXPECTED.get(d.domain, ()))(d, study)


def _misnamed(d: Dataset, _: Datasets) -> Iterator[Found]:
    if d.has("DOMAIN"):
        yield Found("DOMAIN", pl.col("DOMAIN") != d.domain)


def _not_of_the_model(d: Dataset, _: Datasets) -> Iterator[Found]:
    """Variables that are neither common to all domains nor begin with the domain's letters."""
    known = {*IDENTIFIERS, *TIMING, *(DM_VARIABLES if d.domain == "DM" else ())}
    yield from (Found(name) for name in d.names if name not in known and not name.startswith(d.domain))


def _sequence(d: Dataset, _: Datasets) -> Iterator[Found]:
    name = f"{d.domain}SEQ"
    if d.has("USUBJID", name):
        yield Found(name, pl.struct("USUBJID", name).is_duplicated())


def _whole(name: str) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64)
    return (number < 1) | (number != number.round())


def _numeric(name: str) -> pl.Expr:
    return pl.col(name).str.contains(NUMBER)


def _number(name: str) -> pl.Expr:
    """A limit as a number; in the forms' units it is a text."""
    return pl.col(name).cast(pl.Float64, strict=False)


def _result(ending: str) -> Callable[[str], str]:
    return lambda name: f"{name[:2]}{ending}"


def _terms(d: Dataset, _: Datasets) -> Iterator[Found]:
    """Values outside a closed list of controlled terminology."""
    for pattern, terms in CODELISTS.items():
        name = own(pattern, d)
        if d.has(name) and d.types[name] == pl.String:
            yield Found(name, not_in(*terms)(name))


def _own_terms(d: Dataset, _: Datasets) -> Iterator[Found]:
    """Values outside the list that the dataset's own metadata give."""
    for name, variable in d.variables.items():
        if variable.codelist and d.types[name] == pl.String:
            yield Found(name, not_in(*variable.codelist)(name))


def _repeats_other(d: Dataset, _: Datasets) -> Iterator[Found]:
    category = own("--CAT", d)
    for ending in ("TERM", "TESTCD", "TRT", "DECOD", "BODSYS"):
        if d.has(category, other := f"{d.domain}{ending}"):
            yield Found(category, pl.col(category) == pl.col(other), both(category, other))
    if d.has(category):
        yield Found(category, pl.col(category) == d.domain)


def _units_differ(d: Dataset, _: Datasets) -> Iterator[Found]:
    unit, test = own("--STRESU", d), own("--TESTCD", d)
    by = [n for n in (test, *(own(f"--{e}", d) for e in ("CAT", "SPEC", "METHOD", "OBJ"))) if d.has(n)]
    if d.has(unit, test):
        filled = [pl.col(name).fill_null("") for name in by[1:]]
        given = pl.col(unit).is_not_null()
        counted = pl.col(unit).drop_nulls().n_unique().over([pl.col(test), *filled])
        yield Found(unit, given & (counted > 1), both(test, unit))


def _silent(d: Dataset, _: Datasets) -> Iterator[Found]:
    """Rows without a result that do not say why: neither not done nor derived."""
    result = own("--ORRES", d)
    if d.has(result):
        said = [name for name in (own("--STAT", d), own("--DRVFL", d)) if d.has(name)]
        yield Found(result, pl.all_horizontal(pl.col(result, *said).is_null()))


def _no_timing(d: Dataset, _: Datasets) -> Iterator[Found]:
    if not d.like("|".join([*TIMING, own("--(ST|EN)?D(TC|Y)|--(ST|EN)R(F|TPT)|--TPT(NUM)?|--DUR", d)])):
        yield Found(None, value="no variable tells when")


def _same_number(name: str) -> pl.Expr:
    number = pl.col(f"{name[:2]}STRESC").cast(pl.Float64, strict=False)
    return number.is_not_null() & ((pl.col(name) - number).abs() > 1e-9 * (1 + number.abs()))


RULES = (
    Rule("SD01", "error", (*GENERAL, SPECIAL, DESIGN), "DOMAIN is the dataset's name",
         "correct DOMAIN or the name of the file", _misnamed, ("SDTM CG0413",)),
    Rule("SD02", "error", (*GENERAL, SPECIAL, DESIGN), "DOMAIN has 2 characters", "correct DOMAIN",
         where("DOMAIN", lambda n: pl.col(n).str.len_chars() != 2), ("SDTM CG0308",)),
    Rule("SD03", "error", OWN_NAMES, "The variables that SDTM requires are there", "add the variable", _lacks,
         ("SDTM CG0014", "SDTM CG0313")),
    Rule("SD04", "error", OWN_NAMES, "A required variable has a value in every row", "fill the variable",
         _blank, ("SDTM CG0014", "SDTM CG0208")),
    Rule("SD05", "warning", OWN_NAMES, "The variables that SDTM expects are there",
         "add the variable, empty if nothing was collected", _expected, ("SDTM CG0016",)),
    Rule("SD06", "error", OWN_NAMES,
         "A variable is one of the standard's or begins with the domain's letters",
         "move the variable to SUPP--", _not_of_the_model, ("SDTM CG0013",)),
    Rule("SD07", "error", GENERAL, "--SEQ is unique within a subject", "number the rows of each subject",
         _sequence, ("SDTM CG0028",)),
    Rule("SD08", "error", GENERAL, "--SEQ is a whole number from 1", "number the rows of each subject",
         where("--SEQ", _whole)),
    Rule("SD09", "error", GENERAL, "A dataset has at least one variable that tells when",
         "add a date or visit",
         _no_timing, ("SDTM CG0219",)),
    Rule("SD10", "error", (FINDINGS,), "--TESTCD has at most 8 characters: A-Z, 0-9 and _, no digit first",
         "rename the code", where("--TESTCD", lambda n: ~pl.col(n).str.contains("^[A-Z_][A-Z0-9_]{0,7}$")),
         ("SDTM CG0372",)),
    Rule("SD11", "error", (FINDINGS,), "--TEST has at most 40 characters (IETEST 200)", "shorten the name",
         where("--TEST", lambda n: pl.col(n).str.len_chars() > (200 if n == "IETEST" else TEST_LENGTH)),
         ("SDTM CG0406",)),
    Rule("SD12", "error", (FINDINGS,), "--TESTCD and --TEST go one to one", "give each code one name",
         pair("--TESTCD", "--TEST"), ("FDA FDAB009",)),
    Rule("SD13", "error", (FINDINGS,), "--STRESC is given where --ORRES is", "standardise the result",
         where("--ORRES", lambda n: pl.col(n).is_not_null() & pl.col(_result("STRESC")(n)).is_null(),
             "--STRESC"),
         ("SDTM CG0397",)),
    Rule("SD14", "error", (FINDINGS,), "--STRESN is given where --STRESC is a number", "give the number",
         where("--STRESN", lambda n: pl.col(n).is_null() & _numeric(_result("STRESC")(n)), "--STRESC"),
             ("FDA FDAB031",)),
    Rule("SD15", "error", (FINDINGS,), "--STRESN is the number that --STRESC says", "correct one of the two",
         where("--STRESN", _same_number, "--STRESC"), ("FDA FDAB031",)),
    Rule("SD16", "error", (FINDINGS,), "--STRESN is empty where --STRESC is not a number",
         "leave the number empty",
         where("--STRESN", lambda n: pl.col(n).is_not_null()
               & pl.col(_result("STRESC")(n)).cast(pl.Float64, strict=False).is_null(), "--STRESC"),
         ("FDA FDAB031",)),
    Rule("SD17", "warning", (FINDINGS,), "--STRESU is given where --STRESC is a number",
         "give the unit, or RATIO or NO UNITS",
         where("--STRESU", lambda n: pl.col(n).is_null() & _numeric(_result("STRESC")(n)), "--STRESC"),
         ("SDTM CG0425",)),
    Rule("SD18", "error", (FINDINGS,), "--STRESC is given where --STRESU is", "leave the unit empty",
         where("--STRESU", lambda n: pl.col(n).is_not_null() & pl.col(_result("STRESC")(n)).is_null(),
             "--STRESC"),
         ("SDTM CG0426",)),
    Rule("SD19", "error", (FINDINGS,),
         "A test has one standard unit (--STRESU) within category, specimen, method "
         "and object", "convert to one unit", _units_differ, ("FDA FDAB030",)),
    Rule("SD20", "warning", (FINDINGS,), "--ORRES is given where --ORRESU is", "leave the unit empty",
         where("--ORRESU", lambda n: pl.col(n).is_not_null() & pl.col(_result("ORRES")(n)).is_null(),
             "--ORRES")),
    Rule("SD21", "error", (FINDINGS,), "--ORRES is empty where --STAT is NOT DONE", "correct one of the two",
         where("--ORRES", lambda n: pl.col(n).is_not_null() & (pl.col(_result("STAT")(n)) == "NOT DONE"),
               "--STAT"), ("SDTM CG0422",)),
    Rule("SD22", "warning", (FINDINGS,), "--STAT is NOT DONE where --ORRES is missing and nothing is derived",
         "set --STAT, or leave the row out", _silent, ("SDTM CG0348",)),
    Rule("SD23", "error", GENERAL, "--STAT is NOT DONE where --REASND is given", "set --STAT",
         where("--REASND", lambda n: pl.col(n).is_not_null() & pl.col(_result("STAT")(n)).is_null(),
             "--STAT"),
         ("SDTM CG0094",)),
    Rule("SD24", "error", SDTM, "A value of a closed codelist is one of its terms", "use the controlled term",
         _terms, ("FDA FDAB017",)),
    Rule("SD25", "error", SDTM, "A value is one of the terms that the dataset's metadata list",
         "use a term of the list, or add the term to it", _own_terms),
    Rule("SD26", "warning", GENERAL, "--CAT is given where --SCAT is", "give the category",
         where("--SCAT", lambda n: pl.col(n).is_not_null() & pl.col(_result("CAT")(n)).is_null(), "--CAT"),
         ("SDTM CG0429",)),
    Rule("SD27", "error", GENERAL, "--CAT stands beside --SCAT", "add --CAT",
         lambda d, study: absent("--CAT")(d, study) if d.has(own("--SCAT", d)) else (), ("SDTM CG0430",)),
    Rule("SD28", "warning", GENERAL, "--CAT and --SCAT differ", "leave one of them empty",
         where("--SCAT", lambda n: pl.col(n) == pl.col(_result("CAT")(n)), "--CAT"), ("SDTM CG0027",)),
    Rule("SD29", "warning", GENERAL, "--CAT does not repeat the domain, the topic, --DECOD or --BODSYS",
         "leave --CAT empty", _repeats_other, ("SDTM CG0077", "SDTM CG0336", "SDTM CG0337")),
    Rule("SD30", "warning", GENERAL, "--TERM, --TRT and --TESTCD are not OTHER or MULTIPLE",
         "give the term as it was reported",
         each("--(TERM|TRT|TESTCD)", lambda n, d: pl.col(n).is_in(["OTHER", "MULTIPLE"])),
         tuple(f"SDTM CG{number:04}" for number in range(341, 347))),
    Rule("SD31", "error", GENERAL, "--ENTPT stands beside --ENRTPT, and --STTPT beside --STRTPT",
         "add the reference time point",
         lambda d, study: (
             Found(f"{d.domain}{at}TPT", value=f"{d.domain}{at}RTPT is there")
             for at in ("ST", "EN") if d.has(f"{d.domain}{at}RTPT") and not d.has(f"{d.domain}{at}TPT")
         ), ("SDTM CG0058", "SDTM CG0062")),
    Rule("SD32", "error", GENERAL, "--ENTPT is given where --ENRTPT is, and --STTPT where --STRTPT is",
         "give the reference time point",
         together(*(where(f"--{at}TPT", lambda n: pl.col(n).is_null()
                          & pl.col(re.sub("TPT$", "RTPT", n)).is_not_null(), f"--{at}RTPT")
                    for at in ("ST", "EN"))), ("SDTM CG0046", "SDTM CG0061")),
    Rule("SD33", "error", GENERAL, "VISIT and VISITNUM go one to one", "give each visit one number",
         pair("VISIT", "VISITNUM"), ("SDTM CG0035",)),
    Rule("SD34", "error", (INTERVENTIONS,), "--DOSU is given where --DOSE is", "give the unit",
         where("--DOSU", lambda n: pl.col(n).is_null() & pl.col(_result("DOSE")(n)).is_not_null(), "--DOSE"),
         ("SDTM CG0114",)),
    Rule("SD35", "error", (INTERVENTIONS,), "--DOSE is not negative", "correct the dose",
         where("--DOSE", lambda n: pl.col(n) < 0), ("FDA FDAB040",)),
    Rule("SD36", "error", ("EX",), "EXDOSE is 0 where EXTRT is a dummy drug", "a dummy drug has no dose",
         where("EXDOSE", lambda n: (pl.col("EXTRT") == "PLACEBO") & (pl.col(n) != 0), "EXTRT"),
         ("SDTM CG0102",)),
    Rule("SD37", "warning", ("EX", "DS"), "EPOCH is given: of every exposure, and of every disposition event",
         "give the epoch",
         lambda d, study: where("EPOCH", lambda n: pl.col(n).is_null()
                                & ((pl.col("DSCAT") == "DISPOSITION EVENT") if d.has("DSCAT") else
                                   pl.lit(d.domain == "EX")))(d, study)),
    Rule("SD38", "error", SDTM, "EPOCH is one of the epochs of TA, where there is TA",
         "use the planned epoch",
         lambda d, study: (
             [Found("EPOCH", not_in(*study["TA"].take("EPOCH").unique().collect().to_series())("EPOCH"))]
             if d.has("EPOCH") and d.name != "TA" and "TA" in study and study["TA"].has("EPOCH") else []
         ), ("SDTM CG0009",)),
    Rule("SD39", "error", ("LB", "VS", "EG"), "--STNRHI is not below --STNRLO, --ORNRHI not below --ORNRLO",
         "correct the limits",
         together(*(where(f"--{kind}NRHI", lambda n: _number(n) < _number(n.replace("HI", "LO")),
         f"--{kind}NRLO")
                    for kind in ("OR", "ST"))), ("FDA FDAB039",)),
    Rule("SD40", "error", (EVENTS,), "--DECOD goes with one --BODSYS", "code the term once",
         where("--BODSYS", lambda n: pl.col(n).drop_nulls().n_unique().over(_result("DECOD")(n)) > 1,
             "--DECOD")),
)  # fmt: skip
