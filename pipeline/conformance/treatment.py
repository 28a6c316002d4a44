"""Rules about treatment variables: planned and actual, texts and numbers, periods.

None is asked while treatments are blinded, for a blinded dataset has none of these variables. What does not
belong here: exposure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from pipeline.conformance.datasets import ADAM, ADSL, OCCDS, PARAMETERS, Dataset, Datasets
from pipeline.conformance.rule import Find, Found, Rule, absent, both, each, matched, present_without, several

PERIOD = r"TRT(\d\d)P"
NUMBERED = r"TRT(\d\d)?[PA]N|TRTSEQ[PA]N|TR\d\d[PA]G\dN|TRT[PA]G\dN"
ANY = r"TRT[PA]|TRT[PA]G\d|ARM|ACTARM|TRT\d\d[PA]|TRTSEQ[PA]|TR\d\d[PA]G\d|TSEQ[PA]G\d"
"""Every variable that tells the treatment of a row or a subject."""


def _one_to_one(d: Dataset, _: Datasets) -> Iterator[Found]:
    for number in d.like(NUMBERED):
        text = number.removesuffix("N")
        if d.has(text):
            yield Found(number, several(number, [text]), both(text, number))
            yield Found(text, several(text, [number]), both(text, number))


def _none(d: Dataset, _: Datasets) -> Iterator[Found]:
    if not d.like(ANY):
        yield Found(None, value="no variable tells the treatment")


def _with_period(name: Callable[[str], str]) -> Find:
    """Planned treatments of a period after the first without a variable of that period."""

    def find(d: Dataset, _: Datasets) -> Iterator[Found]:
        for planned in d.like(PERIOD):
            period = matched(PERIOD, planned)
            if period > "01" and not d.has(name(period)):
                yield Found(planned, value=f"there is no {name(period)}")

    return find


def _of_adsl(variable: str, pattern: str) -> Find:
    """Treatments of a row that are none of the subject's treatments in ADSL."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        adsl = study.get("ADSL")
        known = adsl.like(pattern) if adsl else []
        if not adsl or not known or not d.has("USUBJID", variable) or not adsl.has("USUBJID"):
            return
        subjects = adsl.take("USUBJID", *known).unique("USUBJID", keep="first")
        subjects = subjects.select("USUBJID", _known=pl.concat_list(known))
        yield Found(
            variable,
            lambda rows: rows.join(subjects, on="USUBJID", how="inner").filter(
                ~pl.col("_known").list.contains(pl.col(variable)) & pl.col(variable).is_not_null()
            ),
        )

    return find


def _period(name: Callable[[str], str]) -> Find:
    """Periods of a dataset for which ADSL lacks a variable."""

    def find(d: Dataset, study: Datasets) -> Iterator[Found]:
        adsl = study.get("ADSL")
        if adsl and d.has("APERIOD"):
            periods = d.take("APERIOD").drop_nulls().unique().sort("APERIOD").collect().to_series()
            for period in periods:
                if not adsl.has(name(f"{int(period):02}")):
                    yield Found("APERIOD", value=f"{int(period)}; ADSL has no {name(f'{int(period):02}')}")

    return find


def _last_exposure(d: Dataset, _: Datasets) -> Iterator[Found]:
    ends = d.like(r"TR\d\dEDT")
    if ends and d.has("TRTEDT"):
        yield Found("TRTEDT", pl.col("TRTEDT").ne_missing(pl.max_horizontal(ends)), both("TRTEDT", *ends))


def _rule(
    id: str, applies: tuple[str, ...], says: str, fix: str, find: Find, *cites: str, arms: bool = False
) -> Rule:
    return Rule(id, "error", applies, says, fix, find, tuple(f"ADaM {number}" for number in cites), arms)


RULES = (
    _rule("TR01", (ADSL,), "ADSL has TRT01P", "add the planned treatment", absent("TRT01P"), "72", arms=True),
    _rule("TR02", ADAM, "A numeric treatment variable has its text beside it", "add the text",
          present_without(NUMBERED, lambda name: name.removesuffix("N")),
          "64", "66", "70", "75", "97", "201", "527", "528", "555", "556"),
    _rule("TR03", ADAM, "A treatment and its number go one to one", "give each treatment one number",
          _one_to_one, "717", "718", "721", "722", "723", "724", "767", "768"),
    _rule("TR04", (ADSL,), "An actual treatment TRTxxA has its planned treatment TRTxxP beside it",
          "add the planned treatment of the period",
          present_without(r"TRT\d\dA", lambda name: name[:-1] + "P"), "80", arms=True),
    _rule("TR05", (ADSL,), "A planned treatment after the first has that of the period before",
          "add the planned treatment of every period", _with_period(lambda xx: f"TRT{int(xx) - 1:02}P"),
          "81"),
    _rule("TR06", (ADSL,), "A planned treatment after the first has TRxxSDT",
          "add the first day of the period",
          _with_period(lambda xx: f"TR{xx}SDT"), "78"),
    _rule("TR07", (ADSL,), "A planned treatment after the first has TRxxEDT",
          "add the last day of the period",
          _with_period(lambda xx: f"TR{xx}EDT"), "79"),
    _rule("TR08", (ADSL,), "TRTEDT is the latest TRxxEDT", "derive TRTEDT again", _last_exposure, "84"),
    _rule("TR09", (*PARAMETERS, OCCDS), "At least one variable tells the treatment",
          "copy TRT01P from ADSL, or derive TRTP", _none, "581", "719", arms=True),
    _rule("TR10", ADAM, "TRTP is one of the subject's TRTxxP in ADSL", "derive TRTP from ADSL",
          _of_adsl("TRTP", r"TRT\d\dP|TRTSEQP|TR\d\dPG\d|ARM"), "720"),
    _rule("TR11", ADAM, "TRTA is one of the subject's TRTxxA in ADSL", "derive TRTA from ADSL",
          _of_adsl("TRTA", r"TRT\d\dA|TRTSEQA|TR\d\dAG\d|ACTARM"), "897"),
    _rule("TR12", ADAM, "ADSL has TRTxxP for each APERIOD", "add the planned treatment of the period",
          _period(lambda xx: f"TRT{xx}P"), "102", arms=True),
    _rule("TR13", ADAM, "ADSL has TRxxSDT for each APERIOD", "add the first day of the period",
          _period(lambda xx: f"TR{xx}SDT"), "103"),
    _rule("TR14", ADAM, "ADSL has TRxxEDT for each APERIOD", "add the last day of the period",
          _period(lambda xx: f"TR{xx}EDT"), "104"),
    Rule("TR15", "error", (*PARAMETERS, OCCDS), "TRTP is given in every row of a subject who has TRT01P",
         "copy the treatment",
         each("TRTP", lambda n, d: pl.col(n).is_null() & pl.col("TRT01P").is_not_null()
              if d.has("TRT01P") else None)),
)  # fmt: skip
