"""The page of numbers: every row of the results, how it was computed, and the SQL for it and its subjects.

What does not belong here: choosing which numbers are shown elsewhere; rounding.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl

from pipeline.outputs.site.words import KEY, anchor
from pipeline.outputs.tables import ResultKey

METHODS = {
    "kaplan_meier": "Kaplan–Meier estimate with 95% confidence intervals on the log scale; medians and their "
    "intervals by Brookmeyer and Crowley",
    "logrank": "two-sided log-rank test, stratified where the analysis says so",
    "cox": "Cox proportional-hazards model, ties by Efron, Wald 95% confidence interval",
    "interaction": "Cox model with the product of treatment and factor: Wald and likelihood-ratio P",
    "subgroups": "a Cox model in each level of a factor, and the Wald P of treatment by factor",
    "follow_up": "median follow-up by reverse Kaplan–Meier and as observed",
    "cumulative_incidence": "Aalen–Johansen estimate of the cumulative incidence with competing events",
    "gray": "Gray's test between the groups for one cause of failure",
    "structural_failure_time": "rank-preserving structural failure time model: the factor by g-estimation "
    "with the log-rank test and recensoring; the hazard ratio of the first group as observed to the second "
    "without crossover, its interval keeping the P value as assigned",
    "censoring_weights": "Cox model with the second group censored at crossover and weighted by the inverse "
    "probability of not having crossed over, stabilized; robust 95% confidence interval",
    "information": "events of the endpoint so far, both groups together, and their share of those planned",
    "review": "log-rank statistic at each look, boundaries by Lan and DeMets' spending of error at the "
    "information observed, conditional and predictive power, repeated confidence intervals",
    "count": "number of patients and their proportion of the denominator",
    "concordance": "number of patients whose event is dated alike by two parameters, and the days between",
    "by_month": "number of patients by calendar month and so far, all groups together",
    "summary": "mean, standard deviation, median, quartiles and range of a variable",
    "worst_grade": "patients by their worst grade; Fisher's exact P (two-sided) and the conditional "
    "maximum-likelihood odds ratio with its exact 95% interval",
    "baseline_tests": "Pearson's chi-square for categories, the Wilcoxon rank-sum test for quantities",
    "parameters": "fixed by the protocol, not computed from patients",
    "sample_size": "events that the protocol's log-rank test needs, with one look and group-sequentially",
}
"""What a METHOD does, in words."""


def analyses(
    results: pl.DataFrame, published: pl.DataFrame, cut_off: str, subjects: pl.DataFrame
) -> list[dict[str, Any]]:
    """The analyses in their order, each with its rows; `ValueError` where two rows had one anchor.

    published: the verdicts of this cut-off. subjects: the SQL that finds the subjects behind each number; the
    page shows the first of an analysis and how to ask for the others, for all would make most of the page.
    """
    finding = {
        id: (ResultKey(id, *key), sql)
        for id, *key, sql in subjects.drop_nulls("SQL")
        .unique("ANALYSIS", keep="first", maintain_order=True)
        .select(*KEY, "SQL")
        .iter_rows()
    }
    verdicts: dict[ResultKey, list[dict[str, str]]] = defaultdict(list)
    for *key, id, printed, verdict in published.select(*KEY, "ID", "PRINTED", "VERDICT").iter_rows():
        verdicts[ResultKey(*key)].append({"id": id, "printed": printed, "verdict": verdict})
    out = []
    for rows in results.partition_by("ANALYSIS", maintain_order=True):
        head = rows.row(0, named=True)
        keys = [ResultKey(*key) for key in rows.select(KEY).iter_rows()]
        out.append(
            {
                "id": head["ANALYSIS"],
                "method": METHODS.get(head["METHOD"], head["METHOD"]),
                "name": head["METHOD"],
                "output": head["OUTPUT"],
                "population": head["POPULATION"],
                "endpoint": head["ENDPOINT"],
                "sql": fetching(cut_off, head["ANALYSIS"]),
                "subjects": finding.get(head["ANALYSIS"]),
                "rows": [
                    (anchor(key), key, _exact(value), verdicts[key])
                    for key, value in zip(keys, rows["VALUE"], strict=True)
                ],
            }
        )
    _refuse_twins([row[0] for analysis in out for row in analysis["rows"]])
    return out


def fetching(cut_off: str, analysis: str) -> str:
    """The SQL that fetches an analysis; a row's own is this and its GROUP, LEVEL and STATISTIC."""
    text = analysis.replace("'", "''")
    return (
        'SELECT "GROUP", LEVEL, STATISTIC, VALUE FROM analysis.results '
        f"WHERE CUTOFF = DATE '{cut_off}' AND ANALYSIS = '{text}'"
    )


def _exact(value: float | None) -> str:
    """The shortest decimal that reads back as the float."""
    return "null" if value is None else repr(value).removesuffix(".0")


def _refuse_twins(anchors: Sequence[str]) -> None:
    twins = [one for one, times in Counter(anchors).items() if times > 1]
    if twins:
        raise ValueError(f"two results share an anchor: {', '.join(twins)}")
