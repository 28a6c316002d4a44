"""The headline results as a table of text: what a run prints when it ends.

What does not belong here: computing a number.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.numbers import format_count, format_months, format_p, format_ratio
from pipeline.study import Analysis, Study

_Values = dict[tuple[str, str, str, str], float | None]


def summarise(study: Study, results: pl.DataFrame) -> pl.DataFrame:
    """One row per cut-off and outcome: events per arm, medians (months), hazard ratio with interval, P.

    results: rows of analysis.results of any cut-offs. Outcomes are the study's Kaplan-Meier analyses of
    everybody, then the causes of its cumulative incidence, whose P is Gray's.
    """
    rows = [
        {"cut-off": str(cut_off), **row}
        for (cut_off,), mine in results.group_by("CUTOFF", maintain_order=True)
        for row in _outcomes(study, mine)
    ]
    return pl.DataFrame(rows).fill_null("")


def _outcomes(study: Study, results: pl.DataFrame) -> Iterator[dict[str, str]]:
    columns = ("ANALYSIS", "GROUP", "LEVEL", "STATISTIC", "VALUE")
    values = {(a, g, level, s): v for a, g, level, s, v in results.select(columns).iter_rows()}
    for analysis in study.analyses:
        if analysis.method == "kaplan_meier" and analysis.where is None:
            yield _survival(study, analysis, values)
    for analysis in study.analyses:
        if analysis.method == "cumulative_incidence":
            yield from (_incidence(study, analysis, cause, values) for cause in analysis.options["causes"])


def _survival(study: Study, analysis: Analysis, values: _Values) -> dict[str, str]:
    row = {"outcome": analysis.endpoint}
    for arm in study.arms:
        events, n = (values.get((analysis.id, arm.code, "", s)) or 0 for s in ("events", "n"))
        row[f"events {arm.code}"] = f"{format_count(events)}/{format_count(n)}"
    for arm in study.arms:
        row[f"median {arm.code}"] = format_months(values.get((analysis.id, arm.code, "", "median")))
    models, tests = (_companions(study, analysis, method) for method in ("cox", "logrank"))
    for contrast, model in models.items():
        ratio, lower, upper = (values.get((model, contrast, "", s)) for s in ("hr", "hr_lower", "hr_upper"))
        which = "" if len(study.arms) == 2 else f" {contrast}"
        row[f"HR{which} (95% CI)"] = f"{format_ratio(ratio)} ({format_ratio(lower)}-{format_ratio(upper)})"
        row[f"P{which}"] = format_p(values.get((tests.get(contrast, ""), contrast, "", "p")))
    return row


def _incidence(study: Study, analysis: Analysis, cause: str, values: _Values) -> dict[str, str]:
    row = {"outcome": f"first: {cause.lower()}"}
    for arm in study.arms:
        row[f"events {arm.code}"] = format_count(values.get((analysis.id, arm.code, cause, "events")) or 0)
    for contrast, test in _companions(study, analysis, "gray").items():
        row["P"] = format_p(values.get((test, contrast, cause, "p")))
    return row


def _companions(study: Study, analysis: Analysis, method: str) -> dict[str, str]:
    """By contrast, the id of the unstratified analysis of the endpoint, of everybody, by another method."""
    found: dict[str, str] = {}
    for other in study.analyses:
        same = other.endpoint == analysis.endpoint and other.where is None
        if other.method == method and same and not other.options.get("strata"):
            found.setdefault(":".join(arm.code for arm in study.arms_of(other)), other.id)
    return found
