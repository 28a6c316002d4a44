"""Crossover to lenalidomide after the unblinding: what is computed about it, and its table, as values.

The comparison as assigned stays the trial's answer. What does not belong here: how a method computes
(`pipeline.analyse.crossover`), the endpoints censored at crossover (`endpoints.py`).
"""

from __future__ import annotations

import polars as pl

from pipeline.analyse.crossover import Latest
from pipeline.numbers import NOT_ESTIMABLE, format_number, format_ratio
from pipeline.outputs.tables import (
    COUNT,
    EVENTS_PERCENT,
    Ask,
    Column,
    Display,
    Heading,
    Row,
    Sentence,
    Show,
    median_months,
    number,
    ratio,
)
from pipeline.studies.calgb_100104.analyses import AT_RISK_MONTHS, LANDMARK_MONTHS, STRATA
from pipeline.studies.calgb_100104.design import UNBLINDING
from pipeline.studies.calgb_100104.displays import (
    COMPARISON,
    EACH_ARM,
    NOT_IN_THE_PAPER,
    NOT_REACHED_NOTE,
    ONLY_ARMS,
    ONLY_COMPARISON,
    ONLY_PLACEBO,
    RANDOMISED,
)
from pipeline.study import DAYS_PER_MONTH, Analysis

LEAST_EVENTS = 10
"""With fewer events among those who stayed on placebo no weighted ratio is given: ten events for each
parameter, here the one hazard ratio, is the usual rule (Peduzzi et al. 1995)."""

# What the forms tell about a placebo patient on the day of unblinding; who did cross over did so within four
# and a half months, between two visits. Why somebody did or did not is on no form.
KNOWN_AT_UNBLINDING = {
    "AGE": pl.col("AGE").fill_null(pl.col("AGE").mean()),
    "MONTHS SINCE RANDOMISATION": (pl.lit(UNBLINDING) - pl.col("RANDDT")).dt.total_days() / DAYS_PER_MONTH,
    "B2M ABOVE 2.5 MG/L": pl.col("STRAT1R") == "GT2.5",
    "PRIOR THALIDOMIDE": pl.col("STRAT2R") == "Y",
    "PRIOR LENALIDOMIDE": pl.col("STRAT3R") == "Y",
    "PLACEBO STOPPED": pl.col("DCTDT") <= UNBLINDING,
}
LATEST_AT_UNBLINDING = {
    "COMPLETE RESPONSE": Latest(
        "adrs",
        (pl.col("PARAMCD") == "OVRINV") & (pl.col("AVALC") != "NE"),
        "ADT",
        pl.col("AVALC").is_in(["CR", "sCR"]),
    )
}


def _analyses(paramcd: str) -> tuple[Analysis, ...]:
    curves = {"landmarks": LANDMARK_MONTHS, "at_risk": AT_RISK_MONTHS}

    def structural(suffix: str, **options: object) -> Analysis:
        id = f"{paramcd}_RPSFT{suffix}"
        return Analysis(id, "structural_failure_time", paramcd, options=curves | options)

    return (
        structural(""),
        structural("_STRAT", strata=STRATA),
        structural("_ONDRUG", until="TRTEDT"),
        Analysis(
            f"{paramcd}_IPCW",
            "censoring_weights",
            paramcd,
            options={
                "opens": UNBLINDING,
                "closes": "PDDT",
                "covariates": KNOWN_AT_UNBLINDING,
                "latest": LATEST_AT_UNBLINDING,
                "least_events": LEAST_EVENTS,
            },
        ),
    )


CROSSOVER_ANALYSES = (*_analyses("TTP"), *_analyses("OS"))

# --- the table ---

HAZARD_RATIO = ratio("hr")


def _time_ratio(value: float | None, low: float | None, high: float | None) -> str:
    """A limit that lies beyond what was searched is open."""
    if value is None:
        return NOT_ESTIMABLE
    lower = "0" if low is None else format_ratio(low)
    return f"{format_ratio(value)} ({lower}–{'∞' if high is None else format_ratio(high)})"


def _weights(mean: float | None, low: float | None, high: float | None) -> str:
    if mean is None or low is None or high is None:
        return NOT_ESTIMABLE
    return f"{format_number(mean, 2)} ({format_number(low, 2)}–{format_number(high, 2)})"


TIME_RATIO = Show(("time_ratio", "time_ratio_lower", "time_ratio_upper"), _time_ratio)
WEIGHTS = Show(("weight_mean", "weight_min", "weight_max"), _weights)
MEDIAN = median_months("median")


def _observed(title: str, paramcd: str) -> tuple[Heading | Row, ...]:
    return (
        Heading(title, 1),
        Row("Patients with an event — no. (%)", f"{paramcd}_KM", "", EVENTS_PERCENT, 2, ONLY_ARMS),
        Row("Median (95% CI) — mo", f"{paramcd}_KM", "", MEDIAN, 2, ONLY_ARMS),
        Row("Hazard ratio (95% CI)", f"{paramcd}_COX", "", HAZARD_RATIO, 2, ONLY_COMPARISON),
    )


def _structural(label: str, analysis: str) -> tuple[Row, ...]:
    return (
        Row(f"Time ratio{label} (95% CI)", analysis, "", TIME_RATIO, 2, ONLY_COMPARISON),
        Row(f"Hazard ratio{label} (95% CI)", analysis, "", HAZARD_RATIO, 2, ONLY_COMPARISON),
    )


def _endpoint(title: str, paramcd: str, at_crossover: str) -> tuple[Heading | Row, ...]:
    structural, weighted = f"{paramcd}_RPSFT", f"{paramcd}_IPCW"
    return (
        Heading(title),
        *_observed("As assigned: the primary analysis", paramcd),
        *_observed("Censored at crossover†", at_crossover),
        Heading("Without crossover, by a structural failure time model‡", 1),
        Row("Events left after recensoring — no.", structural, "", number("events_kept"), 2, ONLY_PLACEBO),
        Row("Events lost by recensoring — no.", structural, "", number("events_lost"), 2, ONLY_PLACEBO),
        Row("Median (95% CI) — mo", structural, "", MEDIAN, 2, ONLY_PLACEBO),
        *_structural("", structural),
        *_structural(", stratified", f"{structural}_STRAT"),
        *_structural(", effect only until the last dose", f"{structural}_ONDRUG"),
        Heading("Censored at crossover, weighted for those who left§", 1),
        Row("Eligible patients who stayed — no.", weighted, "", number("stayed"), 2, ONLY_PLACEBO),
        Row("with an event — no.", weighted, "", number("stayed_events"), 3, ONLY_PLACEBO),
        Row("Effective number of them", weighted, "", number("effective", 1), 2, ONLY_PLACEBO),
        Row("Stabilized weights — mean (range)", weighted, "", WEIGHTS, 2, ONLY_PLACEBO),
        Row("Hazard ratio (95% CI)", weighted, "", HAZARD_RATIO, 2, ONLY_COMPARISON),
    )


CROSSOVER_TABLE = Display(
    name="crossover",
    title="Adjustment for Crossover from Placebo to Lenalidomide.*",
    population=RANDOMISED,
    stub="End point and analysis",
    columns=(*EACH_ARM, Column("Lenalidomide vs. Placebo", COMPARISON)),
    rows=(
        Row("Eligible for crossover at unblinding — no.", "CROSSOVER", "ELIGIBLE", COUNT, 0, ONLY_PLACEBO),
        Row("Crossed over — no.", "CROSSOVER", "CROSSED OVER", COUNT, 0, ONLY_PLACEBO),
        *_endpoint("Time to progression or death", "TTP", "TTPXO"),
        *_endpoint("Overall survival", "OS", "OSXO"),
    ),
    footnotes=(
        "* Times since transplantation. The comparison as assigned is the trial's answer; everything below"
        " it rests on assumptions that no data can confirm and is exploratory. Where nobody has crossed "
        f"over by the cut-off, nothing is adjusted and the ratios repeat it. {NOT_REACHED_NOTE}",
        "† Biased: only patients without progression could cross over, so censoring takes the better "
        "prognoses out of the placebo group, which favors lenalidomide.",
        "‡ Rank-preserving structural failure time model (Robins and Tsiatis). It assumes that "
        "randomization made the groups alike, and that lenalidomide stretches the time that remains by one"
        " factor, the time ratio, whoever takes it and whenever it begins, including years after "
        "transplantation; from the first dose on, or, where so labeled, until the last dose only. The "
        "factor is the one at which the log-rank test finds no difference between the groups’ times "
        "without treatment, with as 95% limits those at which it has P = 0.05; ∞ and 0: no limit within a "
        "twentyfold stretch. The hazard ratio is of lenalidomide as observed to placebo without crossover;"
        " its interval keeps the P value as assigned, for the model adds no evidence.",
        "Recensoring keeps censoring apart from prognosis: placebo times end where the shortest course from "
        "randomization to the cut-off could have ended. It costs the late events, so the ratio is about "
        "earlier years than that as assigned; censoring before the cut-off (a last visit, a loss to "
        "follow-up) is taken to be unrelated to prognosis.",
        Sentence(
            "§ Each placebo patient who could have crossed over and did not counts for those like him who "
            "did (inverse probability of censoring, stabilized; robust intervals that take the weights as "
            "known). The probability is a Cox model in the time since unblinding on what the forms told on"
            " that day: age, time since randomization, the stratification factors, whether placebo had "
            "been stopped, and complete response at the last assessment. It assumes that nothing else "
            "drove both crossover and outcome; forms do not record why somebody crossed over or declined. "
            f"A ratio that would rest on fewer than {LEAST_EVENTS} events of those who stayed is not given:"
            " progression or death happened to {events} of them, death to {deaths}.",
            {
                "deaths": Ask("OS_IPCW", "PBO", "", number("stayed_events")),
                "events": Ask("TTP_IPCW", "PBO", "", number("stayed_events")),
            },
        ),
        "Plausibility only: for the real trial, with longer follow-up, an adjustment by this model "
        "reported at the ASCO meeting of 2017 (Value-Based Cancer Care) moved the placebo group’s median "
        "survival from 79.0 to 70.9 months and its median progression-free survival from 28.9 to 25.8 "
        "months; 76 patients had crossed over without progression, a median of 11.5 months after "
        "randomization. Other data, other follow-up: nothing here is fitted to or judged by these numbers.",
        NOT_IN_THE_PAPER,
    ),
)
