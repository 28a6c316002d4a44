"""The trial's time-to-event endpoints, as values.

Each is the protocol's definition in one place; `pipeline.derive.adtte` reads them. What does not
belong here: how ties and censoring are resolved.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipeline.study import CensorSource, Endpoint, EventSource


def _is(parameter: str) -> pl.Expr:
    return pl.col("PARAMCD") == parameter


PROGRESSION = EventSource("adrs", _is("PD"), "ADT", "DISEASE PROGRESSION")
DEATH = EventSource("adrs", _is("DEATH"), "ADT", "DEATH")
SECOND_CANCER = EventSource("adce", pl.col("SPMFL") == "Y", "ASTDT", "SECOND PRIMARY CANCER")

# Without an event, time to progression ends at the last disease assessment: beyond it nobody looked.
LAST_ASSESSMENT = CensorSource(
    "adrs",
    _is("LSTA"),
    "ADT",
    "NO EVENT BY THE LAST DISEASE ASSESSMENT",
    cnsr=1,
    of="LAST EVALUABLE DISEASE ASSESSMENT",
)
NEVER_ASSESSED = CensorSource(
    "ds",
    pl.col("DSDECOD") == "RANDOMIZED",
    "DSSTDTC",
    "NO DISEASE ASSESSMENT AFTER RANDOMISATION",
    cnsr=2,
    of="RANDOMISATION",
)


def _alive(dataset: str, date: str, what: str, where: pl.Expr | None = None) -> CensorSource:
    """A record that shows the patient alive on its date."""
    return CensorSource(
        dataset, pl.lit(True) if where is None else where, date, "ALIVE AT LAST CONTACT", cnsr=1, of=what
    )


# Every kind of record that shows a patient alive. The contact form comes first: it wins a shared day.
LAST_ALIVE = (
    _alive("ss", "SSDTC", "LAST CONTACT", pl.col("SSSTRESC") == "ALIVE"),
    _alive("rs", "RSDTC", "LAST DISEASE ASSESSMENT", pl.col("RSTESTCD") == "OVRLRESP"),
    _alive("lb", "LBDTC", "LAST LABORATORY SAMPLE", pl.col("LBSTAT").is_null()),
    _alive("ex", "EXENDTC", "LAST DOSE", pl.col("DAYSTKN") > 0),
    _alive("ae", "AESTDTC", "LAST ADVERSE EVENT"),
    _alive("cm", "CMSTDTC", "LAST START OF THERAPY"),
    _alive("ce", "CESTDTC", "DIAGNOSIS OF SECOND CANCER"),
    _alive("pr", "PRSTDTC", "TRANSPLANTATION"),
    _alive(
        "ds",
        "DSSTDTC",
        "PROTOCOL MILESTONE",
        pl.col("DSDECOD").is_in(["REGISTERED", "RANDOMIZED", "CROSSOVER"]),
    ),
)

# Transplantation is the reference date of the protocol; second cancers and Figure 3 count from randomisation.
TTP = Endpoint(
    paramcd="TTP",
    param="Time to Progression or Death (Days)",
    start="ASCTDT",
    events=(PROGRESSION, DEATH),
    censors=(LAST_ASSESSMENT, NEVER_ASSESSED),
)
OS = Endpoint(
    paramcd="OS",
    param="Overall Survival (Days)",
    start="ASCTDT",
    events=(DEATH,),
    censors=LAST_ALIVE,
)
EFS = Endpoint(
    paramcd="EFS",
    param="Event-Free Survival, Post Hoc (Days)",
    start="ASCTDT",
    events=(SECOND_CANCER, PROGRESSION, DEATH),
    censors=(LAST_ASSESSMENT, NEVER_ASSESSED),
)
# One row per subject: the first of three failures, each with its code. CNSR 3 and 4 are competing events.
COMPETING_PROGRESSION = CensorSource(
    "adrs", _is("PD"), "ADT", "DISEASE PROGRESSION FIRST", cnsr=3, of="DISEASE PROGRESSION"
)
COMPETING_DEATH = CensorSource("adrs", _is("DEATH"), "ADT", "DEATH FIRST", cnsr=4, of="DEATH")
TTSPM = Endpoint(
    paramcd="TTSPM",
    param="Time to Second Primary Cancer (Days)",
    start="RANDDT",
    events=(SECOND_CANCER,),
    competing=(COMPETING_PROGRESSION, COMPETING_DEATH),
    censors=(LAST_ASSESSMENT, NEVER_ASSESSED),
)
CAUSES = {"SECOND CANCER": 0, "PROGRESSION": 3, "DEATH": 4}
"""Failures of TTSPM by their CNSR, in the order of Figure 3."""

# Sensitivity endpoints: from randomisation, by another progression, with another censoring.
TTPR = replace(
    TTP, paramcd="TTPR", param="Time to Progression or Death from Randomization (Days)", start="RANDDT"
)
OSR = replace(OS, paramcd="OSR", param="Overall Survival from Randomization (Days)", start="RANDDT")
TTPINV = replace(
    TTP,
    paramcd="TTPINV",
    param="Time to Progression by Investigator or Death (Days)",
    events=(EventSource("adrs", _is("PDINV"), "ADT", "DISEASE PROGRESSION BY INVESTIGATOR"), DEATH),
)
TTPIMWG = replace(
    TTP,
    paramcd="TTPIMWG",
    param="Time to Progression by IMWG Criteria or Death (Days)",
    events=(EventSource("adrs", _is("PDIMWG"), "ADT", "DISEASE PROGRESSION BY IMWG CRITERIA"), DEATH),
)
EFSLC = replace(
    EFS,
    paramcd="EFSLC",
    param="Event-Free Survival, Censored at Last Contact (Days)",
    censors=LAST_ALIVE,
)


def _ttp_until(date: str, paramcd: str, what: str, cnsr: int, *, on_the_day: bool = True) -> Endpoint:
    """TTP up to a subject's own date of ADSL: later events do not count.

    Whoever has that date and no event by then is censored at the last evaluable assessment on or before it,
    or before it unless `on_the_day`. An event on the very day counts.
    """
    day, limit = pl.col("ADT"), pl.col(date)
    evaluable = _is("OVRINV") & (pl.col("AVALC") != "NE") & (day > pl.col("RANDDT"))
    in_time = day <= limit if on_the_day else day < limit
    last = CensorSource(
        "adrs",
        evaluable & in_time,
        "ADT",
        f"CENSORED AT {what.upper()}",
        cnsr=cnsr,
        of="LAST EVALUABLE DISEASE ASSESSMENT BEFORE",
    )
    return Endpoint(
        paramcd=paramcd,
        param=f"Time to Progression or Death, Censored at {what} (Days)",
        start="ASCTDT",
        events=tuple(replace(s, where=s.where & (limit.is_null() | (day <= limit))) for s in TTP.events),
        censors=(
            last,
            replace(LAST_ASSESSMENT, where=LAST_ASSESSMENT.where & limit.is_null()),
            NEVER_ASSESSED,
        ),
    )


TTPXO = _ttp_until("XODT", "TTPXO", "Crossover", 3)
TTPNACT = _ttp_until("NACTDT", "TTPNACT", "New Therapy", 4, on_the_day=False)
TTPMISS = _ttp_until("GAPDT", "TTPMISS", "Two Missed Visits", 5)

_BY_CROSSOVER = pl.col("XODT").is_null() | (pl.col("ADT") <= pl.col("XODT"))
OSXO = Endpoint(
    paramcd="OSXO",
    param="Overall Survival, Censored at Crossover (Days)",
    start="ASCTDT",
    events=(replace(DEATH, where=DEATH.where & _BY_CROSSOVER),),
    censors=(
        CensorSource("adsl", pl.lit(True), "XODT", "CENSORED AT CROSSOVER", cnsr=3, of="CROSSOVER"),
        *(replace(source, where=source.where & _BY_CROSSOVER) for source in LAST_ALIVE),
    ),
)

SENSITIVITY = (TTPR, OSR, TTPINV, TTPIMWG, TTPXO, TTPNACT, TTPMISS, EFSLC, OSXO)
ENDPOINTS = (TTP, OS, EFS, TTSPM, *SENSITIVITY)
