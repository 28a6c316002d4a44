"""The data-quality report on a drawn trial of two institutions, counted here by hand.

What does not belong here: how a query comes about (`test_queries.py`).
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipeline.quality import Report, report_quality
from pipeline.studies.calgb_100104.protocol import STUDY
from schemas.base import dtypes, empty, failures
from schemas.quality import ByCheck, ByForm, BySite, BySiteForm, CheckCounts, Findings, Quarantine, Queries
from tests.tables import read

HEADER = {
    "TRANSFER": pl.Date,
    "record_id": pl.String,
    "record_version": pl.Int64,
    "record_status": pl.String,
    "patient_id": pl.String,
    "site_code": pl.String,
    "completed_dt": pl.String,
    "received_dt": pl.Date,
}
LAST = dt.date(2009, 12, 17)


def form(text: str) -> pl.DataFrame:
    """Accepted rows of a form, of a transfer that does not matter here."""
    return read(text, HEADER)


def drawn(model: type, text: str) -> pl.DataFrame:
    """The drawn columns; what else the model requires does not matter here."""
    rows = read(text, dtypes(model))
    rest = {
        name: pl.lit(LAST if dtype == pl.Date else "-" if dtype == pl.String else 1)
        for name, dtype in dtypes(model).items()
        if name not in rows.columns
    }
    return rows.with_columns(**rest).select(list(dtypes(model)))


ACCEPTED = {
    "registration": form("""
        record_id | record_version | record_status | patient_id | site_code | completed_dt | received_dt
        REG-01    | 1              | ORIGINAL      | 100001     | MA034     | 2007-01-01   | 2007-01-11
        REG-02    | 1              | ORIGINAL      | 100002     | MA034     | 2007-01-01   | 2007-01-21
        REG-03    | 1              | ORIGINAL      | 100003     | NY012     | 2007-01      | 2007-03-01
        REG-04    | 1              | ORIGINAL      | 100003     | NY012     | 2007-01-01   | 2007-01-31
        REG-04    | 2              | DELETED       | 100003     | NY012     | 2007-01-01   | 2007-01-31
    """),
    "randomization": form("""
        record_id | record_version | record_status | patient_id | site_code | completed_dt | received_dt
        RAND-01   | 1              | ORIGINAL      | 100001     | MA034     | 2007-06-01   | 2007-06-02
    """),
    "form_log": read(
        """
        as_of      | patient_id | site_code | form_code | visit | due_dt     | received_dt
        2009-06-30 | 100002     | MA034     | RAND      | -     | 2007-01-01 |
        2009-12-17 | 100001     | MA034     | RAND      | -     | 2007-01-01 | 2007-06-30
        2009-12-17 | 100002     | MA034     | RAND      | -     | 2007-01-01 | 2007-07-01
        2009-12-17 | 100003     | NY012     | RAND      | -     | 2009-10-18 |
        2009-12-17 | 100003     | NY012     | REG       | -     | 2009-10-17 |
        """,
        {
            "as_of": pl.Date,
            "patient_id": pl.String,
            "site_code": pl.String,
            "form_code": pl.String,
            "visit": pl.String,
            "due_dt": pl.Date,
            "received_dt": pl.Date,
        },
    ),
}
QUARANTINED = drawn(
    Quarantine,
    """
    FILE  | LINE | FORM
    a.csv | 7    | registration
    a.csv | 9    | registration
    """,
)
FINDINGS = drawn(
    Findings,
    """
    FILE  | LINE | FORM         | SITE  | OUTCOME
    a.csv | 7    | registration | NY012 | quarantined
    a.csv | 7    | registration | NY012 | quarantined
    a.csv | 9    | registration |       | quarantined
    a.csv | 2    | registration | MA034 | kept
    """,
)
QUERIES = drawn(
    Queries,
    """
    QUERY | CHECK_ID | SITE  | FORM         | STATE    | AGE
    a     | EC015    | MA034 | registration | open     | 30
    b     | EC015    | MA034 | registration | open     | 31
    c     | EC016    | NY012 | registration | open     | 90
    d     | EC016    |       | registration | open     | 91
    e     | EC016    | NY012 | registration | answered | 400
    f     | EC016    | NY012 | registration | closed   | 400
    """,
)
COUNTS = drawn(
    CheckCounts,
    """
    TRANSFER   | CHECK_ID | SEVERITY | FOUND
    2009-06-30 | EC015    | query    | 9
    2009-12-17 | EC015    | query    | 2
    2009-12-17 | EC016    | query    | 2
    2009-12-17 | EC012    | warn     | 5
    """,
)


@pytest.fixture(scope="module")
def report() -> Report:
    made = report_quality(STUDY, ACCEPTED, QUARANTINED, FINDINGS, QUERIES, COUNTS)
    for model, frame in (
        (BySiteForm, made.by_site_form),
        (BySite, made.by_site),
        (ByForm, made.by_form),
        (ByCheck, made.by_check),
    ):
        assert failures(model, frame).is_empty()
    return made


def test_each_institution(report: Report) -> None:
    """MA034: two registered, one of them randomised, one form 181 days late, one on the 180th day in time.

    NY012: one registered twice, once deleted; one row kept out; due for 61 days is overdue, for 60 is not.
    """
    shown = report.by_site.select(
        "SITE", "REGISTERED", "RANDOMISED", "RECEIVED", "ACCEPTED", "QUARANTINED", "OVERDUE", "LATE", "OPEN"
    )
    assert shown.rows() == [
        ("MA034", 2, 1, 3, 3, 0, 0, 1, 2),
        ("NY012", 1, 0, 4, 3, 1, 1, 0, 1),
        ("UNKNOWN", 0, 0, 1, 0, 1, 0, 0, 1),
    ]


def test_each_form_of_an_institution(report: Report) -> None:
    registration = report.by_site_form.filter(FORM="registration").drop("FORM").rows(named=True)
    assert [row["SITE"] for row in registration] == ["MA034", "NY012", "UNKNOWN"]
    assert [row["RECEIVED"] for row in registration] == [2, 4, 1]
    assert [(row["OPEN"], row["ANSWERED"], row["CLOSED"]) for row in registration] == [
        (2, 0, 0),
        (1, 1, 1),
        (1, 0, 0),
    ]


def test_days_to_receipt_are_those_of_full_dates(report: Report) -> None:
    """MA034's registrations took 10 and 20 days: median 15, 90th percentile 10 + 0.9 x 10."""
    one, other, _ = report.by_site_form.filter(FORM="registration").rows(named=True)
    assert (one["DAYS_MEDIAN"], one["DAYS_P90"]) == (15, 19)
    assert (other["DAYS_MEDIAN"], other["DAYS_P90"]) == (30, 30)


def test_each_form(report: Report) -> None:
    assert report.by_form.select("FORM", "RECEIVED", "QUARANTINED", "OVERDUE", "LATE", "OPEN").rows() == [
        ("randomization", 1, 0, 0, 1, 0),
        ("registration", 7, 2, 1, 0, 4),
    ]


def test_each_check_with_the_ages_of_its_queries(report: Report) -> None:
    shown = report.by_check.drop("SEVERITY", "RULE")
    assert shown.columns == [
        "CHECK_ID",
        "FOUND",
        "OPEN",
        "OPEN_0_30",
        "OPEN_31_90",
        "OPEN_91",
        "ANSWERED",
        "CLOSED",
    ]
    assert shown.rows() == [
        ("EC012", 5, 0, 0, 0, 0, 0, 0),
        ("EC015", 2, 2, 1, 1, 0, 0, 0),
        ("EC016", 2, 2, 0, 1, 1, 1, 1),
    ]


def test_nothing_received_is_a_report_without_rows() -> None:
    """An empty trial: no form has come, so nobody is named."""
    made = report_quality(
        STUDY,
        {name: rows.clear() for name, rows in ACCEPTED.items()},
        empty(Quarantine),
        empty(Findings),
        empty(Queries),
        empty(CheckCounts),
    )
    assert made.by_site.is_empty()
    assert made.by_check.is_empty()
