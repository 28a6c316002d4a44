"""The trial's time-to-event endpoints, as values.

Each is the protocol's definition in one place; `pipeline.derive.adtte` reads them. What does not
belong here: how ties and censoring are resolved.
"""

from __future__ import annotations

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

ENDPOINTS = (TTP, OS, EFS, TTSPM)
