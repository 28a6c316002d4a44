"""The cut-off in stories: which version of which record a cut-off sees, and why it does not see the others.

Rule: a record counts if it was received by the cut-off of its form, whatever its event's date (paper,
Methods, Statistical Analysis: data "submitted on or before" the date).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cutoff import CutRuleError, Snapshot, cut_date, take_snapshot
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import CutOff, CutRule
from schemas.base import failures
from schemas.quality import SetAside
from tests.tables import read

UNBLINDING = STUDY.cut_off("2009-12-17")
LONG_TERM = STUDY.cut_off("2011-10-31")
RECORDS = {
    "record_id": pl.String,
    "record_version": pl.Int64,
    "record_status": pl.String,
    "received_dt": pl.Date,
    "FILE": pl.String,
    "LINE": pl.Int64,
}


def received(text: str) -> pl.DataFrame:
    """Accepted rows of a form: the drawn columns, the file it came in and the line in it."""
    rows = read(text, RECORDS)
    return rows.with_columns(FILE=pl.lit("2009-12-17/death.csv"), LINE=pl.int_range(2, pl.len() + 2))


def current(snapshot: Snapshot) -> list[tuple[str, int]]:
    return snapshot.current.select("record_id", "record_version").rows()


def reasons(snapshot: Snapshot) -> list[tuple[str, int, str, str]]:
    assert failures(SetAside, snapshot.set_aside).is_empty()
    return snapshot.set_aside.select("RECORD", "VERSION", "REASON", "DETAIL").rows()


def test_the_day_of_receipt_decides() -> None:
    """Two deaths of November: one form arrived on the day of the cut-off, the other a day later."""
    form = received("""
        record_id    | record_version | record_status | received_dt
        DEATH-000001 | 1              | ORIGINAL      | 2009-12-17
        DEATH-000002 | 1              | ORIGINAL      | 2009-12-18
    """)
    snapshot = take_snapshot(STUDY, "death", form, UNBLINDING)
    assert current(snapshot) == [("DEATH-000001", 1)]
    assert snapshot.set_aside.rows(named=True) == [
        {
            "CUTOFF": dt.date(2009, 12, 17),
            "FORM": "death",
            "FILE": "2009-12-17/death.csv",
            "LINE": 3,
            "RECORD": "DEATH-000002",
            "VERSION": 1,
            "RECEIVED": dt.date(2009, 12, 18),
            "REASON": "received after the cut-off",
            "DETAIL": "received 2009-12-18, after 2009-12-17",
        }
    ]


def test_an_amendment_does_not_leak_into_an_earlier_cut_off() -> None:
    form = received("""
        record_id | record_version | record_status | received_dt
        FU-000001 | 1              | ORIGINAL      | 2009-10-01
        FU-000001 | 2              | AMENDED       | 2009-12-01
        FU-000001 | 3              | AMENDED       | 2010-03-01
    """)
    early = take_snapshot(STUDY, "follow_up", form, UNBLINDING)
    assert current(early) == [("FU-000001", 2)]
    assert reasons(early) == [
        ("FU-000001", 1, "superseded", "superseded by version 2"),
        ("FU-000001", 3, "received after the cut-off", "received 2010-03-01, after 2009-12-17"),
    ]
    late = take_snapshot(STUDY, "follow_up", form, LONG_TERM)
    assert current(late) == [("FU-000001", 3)]
    assert reasons(late) == [
        ("FU-000001", 1, "superseded", "superseded by version 3"),
        ("FU-000001", 2, "superseded", "superseded by version 3"),
    ]


def test_a_deletion_removes_the_record_from_the_day_it_was_received() -> None:
    form = received("""
        record_id | record_version | record_status | received_dt
        FU-000001 | 1              | ORIGINAL      | 2009-10-01
        FU-000001 | 2              | DELETED       | 2010-03-01
        FU-000002 | 1              | ORIGINAL      | 2009-10-01
        FU-000002 | 2              | DELETED       | 2009-11-01
        FU-000002 | 3              | AMENDED       | 2009-12-01
    """)
    early = take_snapshot(STUDY, "follow_up", form, UNBLINDING)
    assert current(early) == [("FU-000001", 1), ("FU-000002", 3)]
    late = take_snapshot(STUDY, "follow_up", form, LONG_TERM)
    assert current(late) == [("FU-000002", 3)]
    # The deletion itself is set aside too. A record that came back is not deleted.
    assert reasons(late) == [
        ("FU-000001", 1, "deleted", "deleted by version 2"),
        ("FU-000001", 2, "deleted", "deleted by version 2"),
        ("FU-000002", 1, "superseded", "superseded by version 3"),
        ("FU-000002", 2, "superseded", "superseded by version 3"),
    ]


def test_a_version_overtaken_on_its_way_stays_superseded() -> None:
    """Version 1 was resent and arrived after version 2."""
    form = received("""
        record_id | record_version | record_status | received_dt
        FU-000001 | 2              | AMENDED       | 2009-10-01
        FU-000001 | 1              | ORIGINAL      | 2009-11-01
    """)
    assert current(take_snapshot(STUDY, "follow_up", form, UNBLINDING)) == [("FU-000001", 2)]


@pytest.mark.parametrize(
    ("form", "by"),
    [
        ("adverse_events", dt.date(2012, 2, 29)),
        ("new_primary_cancer", dt.date(2012, 2, 29)),
        ("spm_questionnaire", dt.date(2012, 2, 29)),
        ("death", dt.date(2011, 10, 31)),
        ("disease_assessment", dt.date(2011, 10, 31)),
    ],
)
def test_a_form_may_have_its_own_date(form: str, by: dt.date) -> None:
    """Adverse events and second cancers of the long-term cut-off run to February 2012 (Tables 2 and 3)."""
    rows = received(f"""
        record_id | record_version | record_status | received_dt
        X-000001  | 1              | ORIGINAL      | {by}
        X-000002  | 1              | ORIGINAL      | {by + dt.timedelta(1)}
    """)
    snapshot = take_snapshot(STUDY, form, rows, LONG_TERM)
    assert current(snapshot) == [("X-000001", 1)]
    assert snapshot.set_aside.get_column("CUTOFF").to_list() == [dt.date(2011, 10, 31)]
    assert cut_date(STUDY, form, UNBLINDING) == dt.date(2009, 12, 17)


def test_every_form_of_the_study_has_a_rule() -> None:
    """A date by patient form, none for the list of institutions."""
    dates = {form: cut_date(STUDY, form, UNBLINDING) for form in STUDY.forms}
    assert dates.pop("sites") is None
    assert set(dates.values()) == {UNBLINDING.date}


def test_a_reference_form_is_kept_whole() -> None:
    sites = pl.DataFrame({"site_code": ["NC001", "OH002"], "FILE": "2009-06-30/sites.csv", "LINE": [2, 3]})
    snapshot = take_snapshot(STUDY, "sites", sites, UNBLINDING)
    assert snapshot.current.equals(sites)
    assert snapshot.set_aside.is_empty()


@pytest.mark.parametrize(
    ("cut_off", "current"),
    [(UNBLINDING, [("Q-1", "2009-12-17"), ("Q-2", "2009-12-17")]), (LONG_TERM, [("Q-2", "2010-12-31")])],
)
def test_of_a_log_the_newest_issue_counts(cut_off: CutOff, current: list[tuple[str, str]]) -> None:
    """A log comes whole with each transfer: what is not in the newest issue by the date is gone."""
    log = read(
        """
        query_id | as_of
        Q-1      | 2009-06-30
        Q-1      | 2009-12-17
        Q-2      | 2009-12-17
        Q-2      | 2010-12-31
        Q-2      | 2012-02-29
        """,
        {"query_id": pl.String, "as_of": pl.Date},
    )
    snapshot = take_snapshot(STUDY, "query_log", log, cut_off)
    assert snapshot.current.select("query_id", pl.col("as_of").cast(pl.String)).rows() == current
    assert snapshot.set_aside.is_empty()
    assert take_snapshot(STUDY, "query_log", log.clear(), cut_off).current.is_empty()


def test_a_form_without_a_known_rule_stops_the_run() -> None:
    rows = received("record_id | record_version | record_status | received_dt")
    undeclared = replace(STUDY, cut_rules=tuple(r for r in STUDY.cut_rules if r.form != "death"))
    with pytest.raises(CutRuleError, match="form death has no cut rule"):
        take_snapshot(undeclared, "death", rows, UNBLINDING)
    misspelt = replace(undeclared, cut_rules=(*undeclared.cut_rules, CutRule("death", "recieved", "")))
    with pytest.raises(CutRuleError, match="form death has the unknown cut rule 'recieved'"):
        take_snapshot(misspelt, "death", rows, UNBLINDING)


VERSIONS = st.lists(
    st.tuples(
        st.sampled_from(["FU-000001", "FU-000002", "FU-000003"]),
        st.integers(1, 4),
        st.sampled_from(["ORIGINAL", "AMENDED", "DELETED"]),
        st.sampled_from([dt.date(2009, 12, d) for d in (15, 16, 17, 18, 19)]),
    ),
    unique_by=lambda row: row[:2],
    max_size=12,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(VERSIONS)
def test_nothing_is_lost(versions: list[tuple[str, int, str, dt.date]]) -> None:
    """Current and set aside make up the accepted rows; what is current is told record by record."""
    rows = pl.DataFrame(versions, schema=dict(list(RECORDS.items())[:4]), orient="row").with_columns(
        FILE=pl.lit("2009-12-17/follow_up.csv"), LINE=pl.int_range(2, pl.len() + 2)
    )
    snapshot = take_snapshot(STUDY, "follow_up", rows, UNBLINDING)
    lines = [*snapshot.current.get_column("LINE"), *snapshot.set_aside.get_column("LINE")]
    assert sorted(lines) == rows.get_column("LINE").to_list()
    assert failures(SetAside, snapshot.set_aside).is_empty()

    expected = set()
    for record in {row[0] for row in versions}:
        in_time = [row for row in versions if row[0] == record and row[3] <= UNBLINDING.date]
        newest = max(in_time, key=lambda row: row[1], default=None)
        if newest and newest[2] != "DELETED":
            expected.add(newest[:2])
    assert set(current(snapshot)) == expected
