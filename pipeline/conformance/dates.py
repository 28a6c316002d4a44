"""Rules about dates: ISO 8601 in tabulation, numeric dates in analysis datasets, study days, imputation.

What does not belong here: which date an endpoint takes (`time_to_event.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import ADAM, ADSL, GENERAL, OCCDS, PARAMETERS, SDTM, Dataset, Datasets
from pipeline.conformance.rule import Find, Found, Rule, both, each, not_in, own, where
from pipeline.conformance.terms import DATE_FLAG, TIME_FLAG

DTC = r".*DTC"
PARTIAL = (
    r"^(\d{4}|-)(-(0[1-9]|1[0-2]|-)(-(0[1-9]|[12]\d|3[01]|-)(T([01]\d|2[0-3]|-)(:([0-5]\d|-)"
    r"(:([0-5]\d|-)(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$"
)
"""A date or datetime of ISO 8601, parts from the right left out or, in the middle, a hyphen each."""
COMPLETE = r"^\d{4}-\d{2}-\d{2}"
DATE_FORMATS = ("DATE", "YYMMDD", "E8601DA", "B8601DA", "IS8601DA", "MMDDYY", "DDMMYY", "MONYY", "WORDDATE")


def calendar_day(name: str) -> pl.Expr:
    """The day a --DTC text begins with, where all of it is known and the calendar has it."""
    return pl.col(name).str.head(10).str.to_date("%Y-%m-%d", strict=False)


def _no_such_day(name: str, _: Dataset) -> pl.Expr:
    return pl.col(name).str.contains(COMPLETE) & calendar_day(name).is_null()


def _before(end: str, start: str) -> pl.Expr:
    """Whether one ISO 8601 text ends before another begins, as far as both are known."""
    shared = pl.min_horizontal(pl.col(start).str.len_chars(), pl.col(end).str.len_chars())
    known = pl.min_horizontal(shared, pl.lit(10))
    return pl.col(end).str.head(known) < pl.col(start).str.head(known)


def _study_day(prefix: str, breaks: Callable[[str, pl.Expr], pl.Expr]) -> Find:
    """Study days against the days from DM's reference start (null where either date is not complete)."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        day, date, dm = own(f"--{prefix}DY", d), own(f"--{prefix}DTC", d), study.get("DM")
        if not dm or not d.has("USUBJID", day, date) or not dm.has("USUBJID", "RFSTDTC"):
            return
        reference = dm.take("USUBJID", "RFSTDTC").unique("USUBJID", keep="first")
        reference = reference.select("USUBJID", _start=calendar_day("RFSTDTC"))
        days = (calendar_day(date) - pl.col("_start")).dt.total_days()
        counted = days + (days >= 0).cast(pl.Int64)
        yield Found(
            day,
            lambda rows: rows.join(reference, on="USUBJID", how="left").filter(
                breaks(day, counted).fill_null(False)
            ),
            both(day, date),
        )

    return find


def _wrong(day: str, counted: pl.Expr) -> pl.Expr:
    return pl.col(day).is_not_null() & counted.is_not_null() & (pl.col(day).cast(pl.Int64) != counted)


def _imputed(day: str, counted: pl.Expr) -> pl.Expr:
    return pl.col(day).is_not_null() & counted.is_null()


def _left_out(day: str, counted: pl.Expr) -> pl.Expr:
    return pl.col(day).is_null() & counted.is_not_null()


def _day_without_date(d: Dataset, _: Datasets) -> Iterator[Found]:
    for name in d.like(own("--(ST|EN)?DTC", d)):
        if not d.has(day := name.removesuffix("TC") + "Y"):
            yield Found(day, value=f"{name} is there")


def _text_date(d: Dataset, _: Datasets) -> Iterator[Found]:
    for name in d.like(".*(DT|TM|DTM)"):
        if d.types[name] == pl.String:
            yield Found(name, value="a text")


def _unformatted(d: Dataset, _: Datasets) -> Iterator[Found]:
    for name in d.like(".*DT"):
        shown, dtype = d.variables[name].format.upper(), d.types[name]
        if dtype.is_numeric() and not shown.startswith(DATE_FORMATS):
            yield Found(name, value=shown or "no format")


def _dates(pattern: str, breaks: Callable[[str, str], pl.Expr], partner: Callable[[str], str]) -> Find:
    """Dates so named, each held against its partner, where that is there with the same type."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for name in d.like(pattern):
            other = partner(name)
            if d.has(other) and d.types[name] == d.types[other]:
                yield Found(name, breaks(name, other), both(name, other))

    return find


def _later(first: str, second: str) -> pl.Expr:
    return pl.col(first) > pl.col(second)


def _flag_alone(ending: str) -> Find:
    """Imputation flags (*DTF, *TMF) where neither the date (time) nor the datetime is given."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for flag in d.like(f".*{ending}F"):
            root = flag.removesuffix(f"{ending}F")
            given = [name for name in (f"{root}{ending}", f"{root}DTM") if d.has(name)]
            nothing = pl.all_horizontal(pl.col(given).is_null()) if given else pl.lit(True)
            yield Found(flag, pl.col(flag).is_not_null() & nothing)

    return find


def _date_and_time(d: Dataset, _: Datasets) -> Iterator[Found]:
    for name in d.like(".*DTM"):
        date = name.removesuffix("M")
        if d.has(date) and d.types[date] == pl.Date and isinstance(d.types[name], pl.Datetime):
            yield Found(date, pl.col(date) != pl.col(name).dt.date(), both(date, name))


def from_tabulation(d: Dataset, study: Datasets, needs: str) -> tuple[Dataset, str, pl.LazyFrame] | None:
    """The tabulation dataset behind occurrences, its --SEQ, and rows of USUBJID, --SEQ and `needs`."""
    sequences = [name for name in d.like("[A-Z]{2}SEQ") if name != "ASEQ"]
    for sequence in sequences:
        source, wanted = study.get(sequence[:2]), needs.replace("--", sequence[:2])
        if source and source.has("USUBJID", sequence, wanted) and d.has("USUBJID"):
            on = pl.col(sequence).cast(pl.Int64)
            rows = source.take("USUBJID", sequence, wanted).select(
                "USUBJID", on.alias("_seq"), pl.col(wanted).alias("_source")
            )
            return source, sequence, rows.unique(["USUBJID", "_seq"], keep="first")
    return None


def _against_source(variable: str, dtc: str, breaks: Callable[[pl.Expr], pl.Expr]) -> Find:
    """Rows of occurrences beside the --DTC they come from, joined by subject and --SEQ."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        source = from_tabulation(d, study, dtc)
        date = variable.removesuffix("F")
        if not source or not d.has(variable, date) or d.types[date] != pl.Date:
            return
        _, sequence, rows = source
        joined = pl.col(sequence).cast(pl.Int64).alias("_seq")
        yield Found(
            variable,
            lambda here: here.with_columns(joined)
            .join(rows, on=["USUBJID", "_seq"], how="inner")
            .filter(breaks(pl.col("_source")).fill_null(False)),
            pl.concat_str(
                pl.col(variable).cast(pl.String).fill_null("missing"), pl.lit("; source "),
                pl.col("_source").fill_null("missing"),
            ),
        )  # fmt: skip

    return find


def _missing_part(source: pl.Expr) -> pl.Expr:
    """The highest part of an ISO 8601 date that is not known."""
    text = source.fill_null("").str.head(10)
    return (
        pl.when(text.str.contains(COMPLETE))
        .then(None)
        .when(text.str.contains(r"^\d{4}-\d{2}"))
        .then(pl.lit("D"))
        .when(text.str.contains(r"^\d{4}"))
        .then(pl.lit("M"))
        .otherwise(pl.lit("Y"))
    )


def _flag_of_source(variable: str, dtc: str) -> Find:
    date = variable.removesuffix("F")
    return _against_source(
        variable,
        dtc,
        lambda source: pl.col(date).is_not_null() & pl.col(variable).ne_missing(_missing_part(source)),
    )


def _day_of_source(variable: str, dtc: str) -> Find:
    def breaks(source: pl.Expr) -> pl.Expr:
        day = source.str.head(10).str.to_date("%Y-%m-%d", strict=False)
        return day.is_not_null() & pl.col(variable).is_not_null() & (pl.col(variable) != day)

    return _against_source(variable, dtc, breaks)


def _relative_days(d: Dataset, study: Datasets) -> Iterator[Found]:
    """ADY, ASTDY, AENDY against TRTSDT, of this dataset or of ADSL."""
    adsl = study.get("ADSL")
    for day in d.like("A(ST|EN)?DY"):
        date = day.removesuffix("Y") + "T"
        if not d.has("USUBJID", date) or d.types[date] != pl.Date or not adsl or not adsl.has("TRTSDT"):
            continue
        first = adsl.take("USUBJID", "TRTSDT").unique("USUBJID", keep="first").rename({"TRTSDT": "_first"})
        yield Found(day, _off(day, date, first), both(day, date))


def _off(day: str, date: str, first: pl.LazyFrame) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    days = (pl.col(date) - pl.col("_first")).dt.total_days()
    counted = (days + (days >= 0).cast(pl.Int64)).cast(pl.Float64)
    wrong = pl.col(day).cast(pl.Float64).ne_missing(counted) & counted.is_not_null()
    return lambda rows: rows.join(first, on="USUBJID", how="inner").filter(wrong)


RULES = (
    Rule("DT01", "error", SDTM, "A --DTC is a date or datetime of ISO 8601, possibly partial",
         "write YYYY-MM-DD, and leave out from the right what is not known",
         each(DTC, lambda n, d: ~pl.col(n).str.contains(PARTIAL))),
    Rule("DT02", "error", SDTM, "A complete --DTC is a day of the calendar", "correct the date",
         each(DTC, _no_such_day)),
    Rule("DT03", "error", GENERAL, "--ENDTC is not before --STDTC, as far as both are known",
         "correct the dates", where("--ENDTC", lambda n: _before(n, n.replace("ENDTC", "STDTC")), "--STDTC"),
         ("FDA FDAB034",)),
    Rule("DT04", "error", GENERAL, "--ENDY is not before --STDY", "correct the days",
         where("--ENDY", lambda n: pl.col(n) < pl.col(n.replace("ENDY", "STDY")), "--STDY"), ("FDA FDAB034",
             )),
    Rule("DT05", "error", (*ADAM, *SDTM), "A variable named *DY is never 0", "there is no day 0: count again",
         each(".*DY", lambda n, d: pl.col(n) == 0 if d.types[n].is_numeric() else None), ("ADaM 46",)),
    Rule("DT06", "error", GENERAL, "--DY is the day of --DTC counted from DM.RFSTDTC, without a day 0",
         "count the days again", _study_day("", _wrong), ("SDTM CG0006",)),
    Rule("DT07", "error", GENERAL, "--STDY is the day of --STDTC counted from DM.RFSTDTC, without a day 0",
         "count the days again", _study_day("ST", _wrong), ("SDTM CG0220",)),
    Rule("DT08", "error", GENERAL, "--ENDY is the day of --ENDTC counted from DM.RFSTDTC, without a day 0",
         "count the days again", _study_day("EN", _wrong), ("SDTM CG0222",)),
    Rule("DT09", "error", GENERAL, "--DY is empty where --DTC or DM.RFSTDTC is not a complete date",
         "leave the day empty: study days are not imputed", _study_day("", _imputed), ("SDTM CG0007",)),
    Rule("DT10", "error", GENERAL, "--STDY is empty where --STDTC or DM.RFSTDTC is not a complete date",
         "leave the day empty: study days are not imputed", _study_day("ST", _imputed), ("SDTM CG0221",)),
    Rule("DT11", "error", GENERAL, "--ENDY is empty where --ENDTC or DM.RFSTDTC is not a complete date",
         "leave the day empty: study days are not imputed", _study_day("EN", _imputed), ("SDTM CG0223",)),
    Rule("DT12", "warning", GENERAL, "--DY is given where --DTC and DM.RFSTDTC are complete",
         "count the days",
         _study_day("", _left_out), ("SDTM CG0006",)),
    Rule("DT13", "warning", GENERAL, "--STDY is given where --STDTC and DM.RFSTDTC are complete",
         "count the days", _study_day("ST", _left_out)),
    Rule("DT14", "warning", GENERAL, "--ENDY is given where --ENDTC and DM.RFSTDTC are complete",
         "count the days", _study_day("EN", _left_out)),
    Rule("DT15", "note", GENERAL, "A --DTC has its study day beside it", "add the study day",
         _day_without_date,
         ("FDA FDAB016",)),
    Rule("DT16", "error", ADAM, "A variable named *DT, *TM or *DTM is numeric", "store the date as a number",
         _text_date, ("ADaM 58", "ADaM 60", "ADaM 716")),
    Rule("DT17", "error", ADAM, "A variable named *DT has a date format", "give it a format, such as DATE9.",
         _unformatted, ("ADaM 41",)),
    Rule("DT18", "error", ADAM, "A date imputation flag (*DTF) is D, M, Y or missing",
         "say the highest part that was imputed", each(".*DTF", lambda n, d: not_in(*DATE_FLAG)(n)),
         ("ADaM 39",)),
    Rule("DT19", "error", ADAM, "A time imputation flag (*TMF) is H, M, S or missing",
         "say the highest part that was imputed", each(".*TMF", lambda n, d: not_in(*TIME_FLAG)(n)),
         ("ADaM 40",)),
    Rule("DT20", "error", ADAM, "A date imputation flag is given only where the date is",
         "empty the flag, or give the date", _flag_alone("DT"), ("ADaM 369",)),
    Rule("DT21", "error", ADAM, "A time imputation flag is given only where the time is",
         "empty the flag, or give the time", _flag_alone("TM"), ("ADaM 370",)),
    Rule("DT22", "error", ADAM, "*DT is the date of *DTM", "derive one from the other", _date_and_time,
         ("ADaM 45",)),
    Rule("DT23", "error", ADAM, "*SDT is not after *EDT", "correct the dates",
         _dates("(TRT|TR\\d\\d|AP\\d\\d|APER|PH\\d?)SDT", _later, lambda n: n.removesuffix("SDT") + "EDT"),
         ("ADaM 121",)),
    Rule("DT24", "error", ADAM, "ASTDT is not after AENDT", "correct the dates",
         _dates("ASTDT", _later, lambda n: "AENDT"), ("ADaM 361",)),
    Rule("DT25", "error", ADAM, "*STDY is not after *ENDY, *SDY not after *EDY", "correct the days",
         _dates(".*S(T)?DY", _later, lambda n: re.sub("STDY$", "ENDY", n) if n.endswith("STDY")
                else n.removesuffix("SDY") + "EDY"), ("ADaM 98", "ADaM 99")),
    Rule("DT26", "error", (OCCDS,),
         "ASTDTF says which part of --STDTC was imputed, and is empty where none was",
         "flag what was imputed, and nothing else", _flag_of_source("ASTDTF", "--STDTC")),
    Rule("DT27", "error", (OCCDS,),
         "AENDTF says which part of --ENDTC was imputed, and is empty where none was",
         "flag what was imputed, and nothing else", _flag_of_source("AENDTF", "--ENDTC")),
    Rule("DT28", "error", (OCCDS,), "ASTDT is the day of --STDTC where that is complete",
         "do not move a known date", _day_of_source("ASTDT", "--STDTC")),
    Rule("DT29", "error", (OCCDS,), "AENDT is the day of --ENDTC where that is complete",
         "do not move a known date", _day_of_source("AENDT", "--ENDTC")),
    Rule("DT30", "warning", (*PARAMETERS, OCCDS), "ADY, ASTDY and AENDY count from ADSL.TRTSDT",
         "count again, or say in the metadata what the day counts from", _relative_days),
    Rule("DT31", "error", (ADSL,), "A date of ADSL lies between 1900 and 2100", "correct the date",
         each(".*DT", lambda n, d: ~pl.col(n).dt.year().is_between(1900, 2100)
              if d.types[n] == pl.Date else None)),
)  # fmt: skip
