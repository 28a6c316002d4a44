"""The data centre's logs: which forms were due and when they came, which queries were asked and answered.

Each transfer brings the whole log as it stood on its date. What does not belong here: any form of a patient.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from pipeline.simulate.patients import stream
from schemas.base import dtypes, names
from schemas.crf.calgb_100104 import FORM_CODE, FORMS

GRACE = 30
"""Days after the planned visit on which its form is due."""
QUARTER, HALF_YEAR = 91, 182
READ = {
    "registration": ("registration_dt",),
    "on_study": (),
    "disease_assessment": ("visit", "assess_dt", "response_site"),
    "transplant": ("infusion_dt",),
    "randomization": ("randomization_dt",),
    "follow_up": ("contact_dt", "lost_to_fu", "consent_withdrawn"),
    "death": ("death_dt",),
}
"""The forms, and their columns beside patient, site and receipt, from which the log of forms is made."""


def form_log(forms: Mapping[str, pl.DataFrame], as_of: Sequence[dt.date]) -> pl.DataFrame:
    """The log of forms as it stood on each date: a row for each form that was due by then.

    forms: those of READ, all versions, dates as dates. Due are the entry forms, the assessments
    at registration, at day 100 and every three months until progression, and a follow-up form every six
    months until death or loss, as far as the centre knew. Doses are reported as cycles are given, which no
    calendar tells: they are not in the log. received_dt: first receipt of the form that belongs to the visit.
    """
    wanted = ["patient_id", "form_code", "visit"]
    rows = _expected(forms, max(as_of)).join(_arrived(forms), on=wanted, how="left")
    ends = _ends(forms)
    issues = [_issue(rows, ends, date) for date in as_of]
    return (
        pl.concat(issues).sort("as_of", "due_dt", "patient_id", "form_code").select(names(FORMS["form_log"]))
    )


def _issue(rows: pl.DataFrame, ends: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """The log on one date, with what the centre knew then."""
    told = (
        ends.filter(pl.col("received_dt") <= date)
        .group_by("patient_id", "form_code")
        .agg(pl.col("end").min())
    )
    due = rows.filter(pl.col("due_dt") <= date, pl.col("expected_from") <= date)
    due = due.join(told, on=["patient_id", "form_code"], how="left")
    due = due.filter(pl.col("end").is_null() | (pl.col("planned") <= pl.col("end")))
    received = pl.when(pl.col("received_dt") <= date).then("received_dt")
    return due.with_columns(as_of=pl.lit(date), received_dt=received)


def _expected(forms: Mapping[str, pl.DataFrame], until: dt.date) -> pl.DataFrame:
    """Every form the plan asks for: patient, site, form, visit, planned, due_dt, expected_from."""

    def once(form: str, day: str) -> pl.DataFrame:
        first = (
            forms[form]
            .group_by("patient_id")
            .agg(pl.col("site_code", day).first(), expected_from=pl.col("received_dt").min())
        )
        return first.rename({day: "origin"})

    def planned(start: pl.DataFrame, code: str, visit: pl.Expr | str, days: pl.Expr | int) -> pl.DataFrame:
        word = pl.lit(visit) if isinstance(visit, str) else visit
        offset = pl.lit(days) if isinstance(days, int) else days
        return start.select(
            "patient_id",
            "site_code",
            "expected_from",
            form_code=pl.lit(code),
            visit=word,
            planned=pl.col("origin") + pl.duration(days=offset),
        )

    def every(start: pl.DataFrame, code: str, months: int, days: int) -> pl.DataFrame:
        number = pl.int_ranges(1, (pl.lit(until) - pl.col("origin")).dt.total_days() // days + 1)
        rows = start.with_columns(_number=number).explode("_number").drop_nulls("_number")
        return planned(
            rows, code, "M" + (months * pl.col("_number")).cast(pl.String), days * pl.col("_number")
        )

    entered, randomised = once("registration", "registration_dt"), once("randomization", "randomization_dt")
    grafted = once("transplant", "infusion_dt").join(randomised, on="patient_id", how="semi")
    parts = [
        *(planned(entered, code, "REG", 0) for code in ("REG", "ONSTUDY", "DISASSESS")),
        planned(grafted, "DISASSESS", "DAY100", 100),
        planned(randomised, "RAND", "RAND", 0),
        every(randomised, "DISASSESS", 3, QUARTER),
        every(randomised, "FU", 6, HALF_YEAR),
    ]
    return pl.concat(parts).with_columns(due_dt=pl.col("planned") + pl.duration(days=GRACE))


def _arrived(forms: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The first receipt of the form that belongs to each visit."""
    randomised = forms["randomization"].select("patient_id", "randomization_dt").unique("patient_id")

    def since(form: str, day: str) -> pl.DataFrame:
        rows = forms[form].join(randomised, on="patient_id")
        return rows.with_columns(_days=(pl.col(day) - pl.col("randomization_dt")).dt.total_days())

    assessments, contacts = since("disease_assessment", "assess_dt"), since("follow_up", "contact_dt")
    # An assessment belongs to the nearest quarter, a contact to the nearest half-year.
    quarter = 3 * (pl.col("_days") / QUARTER).round().clip(1).cast(pl.Int64)
    half_year = 6 * (pl.col("_days") / HALF_YEAR).round().clip(1).cast(pl.Int64)
    fixed = pl.col("visit").is_in(["REG", "DAY100"])
    parts = [
        forms["registration"].with_columns(form_code=pl.lit("REG"), visit=pl.lit("REG")),
        forms["on_study"].with_columns(form_code=pl.lit("ONSTUDY"), visit=pl.lit("REG")),
        forms["randomization"].with_columns(form_code=pl.lit("RAND"), visit=pl.lit("RAND")),
        forms["disease_assessment"].filter(fixed).with_columns(form_code=pl.lit("DISASSESS")),
        assessments.filter(~fixed).with_columns(
            form_code=pl.lit("DISASSESS"), visit="M" + quarter.cast(pl.String)
        ),
        contacts.with_columns(form_code=pl.lit("FU"), visit="M" + half_year.cast(pl.String)),
    ]
    wanted = ["patient_id", "form_code", "visit"]
    found = pl.concat([part.select(*wanted, "received_dt") for part in parts])
    return found.group_by(wanted).agg(pl.col("received_dt").min())


def _ends(forms: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What ends the schedule of a form, and when the centre was told: patient, form, end, received_dt."""
    progressed = forms["disease_assessment"].filter(response_site="PD").filter(pl.col("visit") != "DAY100")
    lost = forms["follow_up"].filter((pl.col("lost_to_fu") == "Y") | (pl.col("consent_withdrawn") == "Y"))
    both = ((lost, "contact_dt"), (forms["death"], "death_dt"))
    parts = [
        (progressed, "assess_dt", "DISASSESS"),
        *((rows, day, code) for rows, day in both for code in ("DISASSESS", "FU")),
    ]
    return pl.concat(
        [
            rows.select("patient_id", "received_dt", form_code=pl.lit(code), end=day)
            for rows, day, code in parts
        ]
    )


NOTICED, WAITED, ANSWERED, GIVEN_UP = 21, 120, 10, 90
"""At most so many days from a wrong record to its query, from query to correction, from there to its closing;
and the days after which a query without a correction is closed."""
NO_FAULTS = pl.DataFrame(
    schema=dict.fromkeys(
        ("FORM", "RECORD", "PATIENT", "SITE", "CHECK", "WRONG_RECEIVED", "RIGHT_RECEIVED"), pl.String
    )
)


def query_log(truth: pl.DataFrame, as_of: Sequence[dt.date]) -> pl.DataFrame:
    """The log of queries as it stood on each date, from the faults of a trial.

    truth: a row per wrong cell, with FORM (stem), RECORD, PATIENT, SITE, CHECK, and WRONG_RECEIVED and
    RIGHT_RECEIVED (ISO text), the latter null where the record was never corrected. A record is asked about
    once per check; nobody asked about a fault without one. Of what was never corrected six in ten are
    confirmed as they stand, three could not be obtained, one stays open.
    """
    asked = truth.filter(pl.col("CHECK").is_not_null()).with_columns(
        pl.col("WRONG_RECEIVED", "RIGHT_RECEIVED").str.to_date("%Y-%m-%d", strict=False)
    )
    asked = asked.filter(pl.col("WRONG_RECEIVED").is_not_null())
    asked = asked.sort("WRONG_RECEIVED", "FORM", "RECORD", "CHECK", nulls_last=True)
    asked = asked.unique(["FORM", "RECORD", "PATIENT", "CHECK"], keep="first", maintain_order=True)
    rng, n = stream(0, "query log"), asked.height
    drawn = asked.with_row_index("number", offset=1).with_columns(
        noticed=pl.Series(rng.integers(1, NOTICED + 1, n)),
        waited=pl.Series(rng.integers(1, WAITED + 1, n)),
        answered=pl.Series(rng.integers(0, ANSWERED + 1, n)),
        outcome=pl.Series(
            rng.choice(["CONFIRMED", "UNOBTAINABLE", "OPEN"], n, p=(0.6, 0.3, 0.1)).tolist(), dtype=pl.String
        ),
        corrected=pl.col("RIGHT_RECEIVED").is_not_null(),
    )
    came, right = pl.col("WRONG_RECEIVED"), pl.col("RIGHT_RECEIVED")
    # A wrong version may stand for years: the query that brought the correction came shortly before it.
    asked_last = pl.max_horizontal(came + pl.duration(days=1), right - pl.duration(days="waited"))
    opened = pl.when("corrected").then(asked_last).otherwise(came + pl.duration(days="noticed"))
    given_up = pl.when(pl.col("outcome") != "OPEN").then(opened + pl.duration(days=GIVEN_UP))
    ends = pl.when("corrected").then(right).otherwise(given_up)
    rows = drawn.select(
        query_id="Q-" + pl.col("number").cast(pl.String).str.zfill(5),
        check_id="CHECK",
        patient_id="PATIENT",
        site_code="SITE",
        form_code=pl.col("FORM").replace_strict(FORM_CODE, return_dtype=pl.String),
        record_id="RECORD",
        opened_dt=opened,
        closed_dt=ends + pl.duration(days="answered"),
        resolution=pl.when("corrected").then(pl.lit("CORRECTED")).otherwise("outcome"),
    )
    closed = pl.col("closed_dt") <= pl.col("as_of")
    issues = pl.concat(
        [rows.filter(pl.col("opened_dt") <= day).with_columns(as_of=pl.lit(day)) for day in as_of]
    )
    current = issues.with_columns(
        closed_dt=pl.when(closed).then("closed_dt"),
        resolution=pl.when(closed).then("resolution").otherwise(pl.lit("OPEN")),
    )
    return current.select(pl.col(name).cast(kind) for name, kind in dtypes(FORMS["query_log"]).items())
