"""The warehouse's views: results and data quality as a person asks for them, in plain names and units.

Months instead of days, percentages instead of proportions, one row where the results have many. What does
not belong here: any number that `analysis.results` or a table of `quality` does not hold; rounding.
"""

from __future__ import annotations

from pipeline.studies.calgb_100104.analyses import LANDMARK_MONTHS
from pipeline.studies.calgb_100104.tables import QUANTITIES
from pipeline.study import DAYS_PER_MONTH, View

CUT_OFF = {"cut_off": "Data cut-off"}
ARM = {"arm": "Treatment group: arm code, or TOTAL for both arms"}


def _one(statistic: str, level: str | None = None) -> str:
    """The value of one statistic out of a group of rows."""
    and_level = "" if level is None else f" AND LEVEL = '{level}'"
    return f"max(VALUE) FILTER (STATISTIC = '{statistic}'{and_level})"


def _count(statistic: str, level: str | None = None) -> str:
    return f"CAST({_one(statistic, level)} AS BIGINT)"


def _months(statistic: str) -> str:
    return f"{_one(statistic)} / {DAYS_PER_MONTH}"


def _percent(statistic: str, level: str | None = None) -> str:
    return f"100 * {_one(statistic, level)}"


RATES = {
    f"percent_at_{month}_months{suffix}": (statistic, month, f"{what} {month} months (Kaplan-Meier)")
    for month in LANDMARK_MONTHS
    for suffix, statistic, what in (
        ("", "rate", "Percent without an event at"),
        ("_lower", "rate_lower", "Lower 95% limit of the percent at"),
        ("_upper", "rate_upper", "Upper 95% limit of the percent at"),
    )
}

SURVIVAL = View(
    "analysis",
    "v_survival",
    "Time to event: one row per cut-off, endpoint, subgroup and arm. The comparison of the arms is the same "
    "in each of its rows",
    {
        **CUT_OFF,
        "endpoint": "TTP, OS or EFS, from transplantation, or a sensitivity endpoint (PARAM of adam.adtte)",
        "subgroup": "Factor and level; empty for all randomised patients",
        **ARM,
        "patients": "Number of patients",
        "events": "Number of events",
        "median_months": "Median time; null: not reached",
        "median_lower": "Lower 95% limit of the median, months",
        "median_upper": "Upper 95% limit of the median, months; null: not reached",
        **{name: label for name, (_, _, label) in RATES.items()},
        "hazard_ratio": "Experimental to control arm, Cox model",
        "hazard_ratio_lower": "Lower 95% limit of the hazard ratio",
        "hazard_ratio_upper": "Upper 95% limit of the hazard ratio",
        "p_logrank": "Two-sided log-rank P; for all randomised patients only",
    },
    f"""
WITH arms AS (
    SELECT
        CUTOFF,
        ENDPOINT,
        regexp_replace(regexp_extract(ANALYSIS, '_KM_(.+)$', 1), '_', '=') AS subgroup,
        "GROUP" AS arm,
        {_count("n")} AS patients,
        {_count("events")} AS events,
        {_months("median")} AS median_months,
        {_months("median_lower")} AS median_lower,
        {_months("median_upper")} AS median_upper,
        {", ".join(f"{_percent(s, str(month))} AS {name}" for name, (s, month, _) in RATES.items())}
    FROM analysis.results
    WHERE METHOD = 'kaplan_meier'
    GROUP BY ALL
),
comparisons AS (
    SELECT
        CUTOFF,
        ENDPOINT,
        LEVEL AS subgroup,
        {_one("hr")} AS hazard_ratio,
        {_one("hr_lower")} AS hazard_ratio_lower,
        {_one("hr_upper")} AS hazard_ratio_upper
    FROM analysis.results
    WHERE ANALYSIS IN (ENDPOINT || '_COX', ENDPOINT || '_FOREST')
    GROUP BY ALL
),
tests AS (
    SELECT CUTOFF, ENDPOINT, LEVEL AS subgroup, VALUE AS p_logrank
    FROM analysis.results
    WHERE ANALYSIS = ENDPOINT || '_LOGRANK' AND STATISTIC = 'p'
)
SELECT CUTOFF AS cut_off, ENDPOINT AS endpoint, * EXCLUDE (CUTOFF, ENDPOINT)
FROM arms
LEFT JOIN comparisons USING (CUTOFF, ENDPOINT, subgroup)
LEFT JOIN tests USING (CUTOFF, ENDPOINT, subgroup)
ORDER BY cut_off, endpoint, subgroup, arm
""",
)

BASELINE = View(
    "analysis",
    "v_baseline",
    "Baseline characteristics: one row per cut-off, characteristic, level and arm",
    {
        **CUT_OFF,
        "characteristic": "AGE, SEX, B2M, ...",
        "level": "Category; empty for a quantity",
        **ARM,
        "patients": "Patients of the category, or with a value",
        "out_of": "Patients of the arm; null for a quantity",
        "percent": "Percent of the arm's patients; null for a quantity",
        "mean": "Mean",
        "std": "Standard deviation",
        "median": "Median",
        "q1": "First quartile",
        "q3": "Third quartile",
        "minimum": "Smallest value",
        "maximum": "Largest value",
        "p": "P that the arms differ in the characteristic: chi-square or rank-sum",
    },
    f"""
WITH numbers AS (
    SELECT
        CUTOFF,
        ANALYSIS,
        LEVEL AS level,
        "GROUP" AS arm,
        {_count("n")} AS patients,
        {_count("denominator")} AS out_of,
        {_percent("proportion")} AS percent,
        {_one("mean")} AS mean,
        {_one("std")} AS std,
        {_one("median")} AS median,
        {_one("q1")} AS q1,
        {_one("q3")} AS q3,
        {_one("min")} AS minimum,
        {_one("max")} AS maximum
    FROM analysis.results
    WHERE starts_with(ANALYSIS, 'T1_') AND METHOD IN ('count', 'summary')
    GROUP BY ALL
),
tested AS (
    SELECT * FROM (VALUES {", ".join(f"('{id}', '{variable}')" for id, variable in QUANTITIES.items())})
        AS quantity (ANALYSIS, tested)
),
tests AS (
    SELECT CUTOFF, LEVEL AS tested, VALUE AS p
    FROM analysis.results
    WHERE ANALYSIS = 'T1_TESTS' AND STATISTIC = 'p'
)
SELECT
    numbers.CUTOFF AS cut_off,
    substr(numbers.ANALYSIS, 4) AS characteristic,
    numbers.* EXCLUDE (CUTOFF, ANALYSIS),
    p
FROM numbers
LEFT JOIN tested USING (ANALYSIS)
LEFT JOIN tests
    ON tests.CUTOFF = numbers.CUTOFF AND tests.tested = coalesce(tested.tested, numbers.ANALYSIS)
ORDER BY cut_off, characteristic, level, arm
""",
)

ADVERSE_EVENTS = View(
    "analysis",
    "v_adverse_events",
    "Adverse events after randomisation by worst grade: one row per cut-off, kind, term, grades and arm. The "
    "comparison of the arms is the same in each of its rows",
    {
        **CUT_OFF,
        "kind": "Analysis: AE_BLOOD, AE_OTHER, and by class or term",
        "term": "Term, class, or ANY",
        "grades": "Worst grade 1 to 5, or several pooled (3-4, 3-5)",
        **ARM,
        "patients": "Patients with this worst grade",
        "out_of": "Patients of the arm",
        "percent": "Percent of the arm's patients",
        "odds_ratio": "Experimental to control arm, conditional maximum likelihood",
        "odds_ratio_lower": "Lower exact 95% limit",
        "odds_ratio_upper": "Upper exact 95% limit",
        "p_fisher": "Two-sided P of Fisher's exact test",
    },
    rf"""
WITH split AS (
    SELECT *, regexp_extract(LEVEL, '^(.*) (\d(?:-\d)?)$', ['term', 'grades']) AS parts
    FROM analysis.results
    WHERE METHOD = 'worst_grade' AND STATISTIC <> 'denominator'
),
arms AS (
    SELECT
        CUTOFF,
        ANALYSIS,
        parts.term AS term,
        parts.grades AS grades,
        "GROUP" AS arm,
        {_count("n")} AS patients,
        {_percent("proportion")} AS percent
    FROM split
    WHERE STATISTIC IN ('n', 'proportion')
    GROUP BY ALL
),
sizes AS (
    SELECT CUTOFF, ANALYSIS, LEVEL AS term, "GROUP" AS arm, CAST(VALUE AS BIGINT) AS out_of
    FROM analysis.results
    WHERE METHOD = 'worst_grade' AND STATISTIC = 'denominator'
),
comparisons AS (
    SELECT
        CUTOFF,
        ANALYSIS,
        parts.term AS term,
        parts.grades AS grades,
        {_one("odds_ratio")} AS odds_ratio,
        {_one("odds_ratio_lower")} AS odds_ratio_lower,
        {_one("odds_ratio_upper")} AS odds_ratio_upper,
        {_one("p")} AS p_fisher
    FROM split
    WHERE STATISTIC NOT IN ('n', 'proportion')
    GROUP BY ALL
)
SELECT
    CUTOFF AS cut_off,
    ANALYSIS AS kind,
    term,
    grades,
    arm,
    patients,
    out_of,
    percent,
    odds_ratio,
    odds_ratio_lower,
    odds_ratio_upper,
    p_fisher
FROM arms
JOIN sizes USING (CUTOFF, ANALYSIS, term, arm)
LEFT JOIN comparisons USING (CUTOFF, ANALYSIS, term, grades)
ORDER BY cut_off, kind, term, grades, arm
""",
)

SECOND_CANCERS = View(
    "analysis",
    "v_second_cancers",
    "Patients with a second primary cancer: one row per cut-off, kind, cancer and arm",
    {
        **CUT_OFF,
        "kind": "Analysis: SPM (all), SPM_GROUP, SPM_NOTES, SKIN_CANCER (not counted among SPM)",
        "cancer": "Class, group or circumstance",
        **ARM,
        "patients": "Number of patients",
        "out_of": "Patients of the arm",
        "percent": "Percent of the arm's patients",
    },
    f"""
SELECT
    CUTOFF AS cut_off,
    ANALYSIS AS kind,
    LEVEL AS cancer,
    "GROUP" AS arm,
    {_count("n")} AS patients,
    {_count("denominator")} AS out_of,
    {_percent("proportion")} AS percent
FROM analysis.results
WHERE METHOD = 'count' AND ENDPOINT = 'ADCE'
GROUP BY ALL
ORDER BY cut_off, kind, cancer, arm
""",
)

PUBLISHED = View(
    "analysis",
    "v_published",
    "Each number the paper prints beside the number computed, with its verdict",
    {
        **CUT_OFF,
        "id": "Identifier of the printed number",
        "place": "Where the paper prints it",
        "quantity": "Quantity",
        "endpoint": "What it is about",
        "arm": "Treatment group, or two for a comparison",
        "printed": "As the paper prints it",
        "computed": "As computed here, as it would print",
        "as_printed": "Whether the two are the same",
        "verdict": "match, mismatch, conflict, rule conflict or design",
        "note": "What the paper contradicts, or how a number was read",
        "value": "As computed, at full precision",
        "analysis": "Key to analysis.results: ANALYSIS",
        "level": "Key to analysis.results: LEVEL",
        "statistic": "Key to analysis.results: STATISTIC",
    },
    """
SELECT
    CUTOFF AS cut_off,
    ID AS id,
    LOCATION AS place,
    QUANTITY AS quantity,
    ENDPOINT AS endpoint,
    "GROUP" AS arm,
    PRINTED AS printed,
    SHOWN AS computed,
    PRINTED = SHOWN AS as_printed,
    VERDICT AS verdict,
    NOTE AS note,
    COMPUTED AS value,
    ANALYSIS AS analysis,
    LEVEL AS level,
    STATISTIC AS statistic
FROM analysis.published
""",
)

QUERIES = View(
    "quality",
    "v_queries",
    "Questions to the institutions, as at the last transfer: one row per query, with the rule it is about",
    {
        "query": "Identifier, the same from transfer to transfer",
        "state": "open, answered (by a version of the record) or closed (its reason is gone)",
        "age_days": "Days it was or has been open",
        "age": "0-30, 31-90 or >90 days",
        "institution": "Institution code; null where it cannot be read",
        "patient": "Patient identifier",
        "form": "Form",
        "record": "Record; null where a record is missing",
        "column_name": "Column; null where no single one is at fault",
        "found": "What was found",
        "asked": "What the institution is asked",
        "check_id": "Edit check",
        "severity": "query, or reject: no cut-off uses the record",
        "rule": "What must hold",
        "first_seen": "Transfer at which it was first seen",
        "last_seen": "Transfer at which it was last seen",
    },
    """
SELECT
    QUERY AS query,
    STATE AS state,
    AGE AS age_days,
    CASE WHEN AGE <= 30 THEN '0-30' WHEN AGE <= 90 THEN '31-90' ELSE '>90' END AS age,
    SITE AS institution,
    PATIENT AS patient,
    FORM AS form,
    RECORD AS record,
    "COLUMN" AS column_name,
    queries.FOUND AS found,
    ASKED AS asked,
    CHECK_ID AS check_id,
    queries.SEVERITY AS severity,
    RULE AS rule,
    FIRST_SEEN AS first_seen,
    LAST_SEEN AS last_seen
FROM quality.queries AS queries
LEFT JOIN quality.by_check USING (CHECK_ID)
ORDER BY first_seen, query
""",
)

QUALITY_BY_SITE = View(
    "quality",
    "v_quality_by_site",
    "How each institution's data come in, as at the last transfer: one row per institution",
    {
        "institution": "Institution code, or UNKNOWN",
        "name": "Institution's name; null where it is not among the sites",
        "registered": "Patients registered",
        "randomised": "Patients randomised",
        "received": "Rows received: accepted and quarantined",
        "quarantined": "Rows quarantined",
        "percent_quarantined": "Percent of the rows received",
        "overdue": "Forms due more than 60 days ago and not received",
        "late": "Forms received more than 180 days after they were due",
        "days_median": "Days from completion to receipt of a form, median",
        "days_p90": "Days from completion to receipt of a form, 90th percentile",
        "open": "Open queries",
        "open_over_90_days": "Queries open more than 90 days",
        "answered": "Queries answered by a version of the record",
        "closed": "Queries whose reason is gone without one",
        "open_per_100_rows": "Open queries per 100 rows received",
    },
    """
SELECT
    SITE AS institution,
    names.name,
    REGISTERED AS registered,
    RANDOMISED AS randomised,
    RECEIVED AS received,
    QUARANTINED AS quarantined,
    100.0 * QUARANTINED / nullif(RECEIVED, 0) AS percent_quarantined,
    OVERDUE AS overdue,
    LATE AS late,
    DAYS_MEDIAN AS days_median,
    DAYS_P90 AS days_p90,
    OPEN AS open,
    OPEN_91 AS open_over_90_days,
    ANSWERED AS answered,
    CLOSED AS closed,
    100.0 * OPEN / nullif(RECEIVED, 0) AS open_per_100_rows
FROM quality.by_site
LEFT JOIN (SELECT site_code AS SITE, site_name AS name FROM raw.sites) AS names USING (SITE)
ORDER BY institution
""",
)

VIEWS = (SURVIVAL, BASELINE, ADVERSE_EVENTS, SECOND_CANCERS, PUBLISHED, QUERIES, QUALITY_BY_SITE)
