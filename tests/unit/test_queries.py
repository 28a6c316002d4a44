"""Queries from transfer to transfer, in drawn tables: how one opens, stays, is answered, closes, comes back.

Rules: decision D4 of the data validation plan as `pipeline.queries.check_transfers` states it. What does
not belong here: any check of a trial.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edit_checks import seen_at, told, where
from pipeline.queries import Checked, check_arms, check_transfers
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import EditCheck, Seen
from schemas.base import dtypes, failures
from schemas.quality import ArmFindings, CheckCounts, Findings, Queries
from tests.tables import read

LABS = {
    "TRANSFER": pl.Date,
    "record_id": pl.String,
    "record_version": pl.Int64,
    "record_status": pl.String,
    "received_dt": pl.Date,
    "value": pl.Int64,
}
TRANSFERS = [dt.date(2009, 6, 30), dt.date(2009, 12, 17), dt.date(2010, 12, 31)]
RANGE = EditCheck(
    "EC900",
    ("LAB",),
    "value is at most 100",
    "query",
    "Please check the value.",
    where("labs", pl.col("value") > 100, "value", told("value {}", "value")),
)
SPELLING = EditCheck(
    "EC901", ("ALL",), "a number is a number", "query", "Please correct.", door=("*_number",)
)


def labs(text: str) -> pl.DataFrame:
    """Accepted rows of a form; what is not drawn was original, and received on the day of its transfer."""
    rows = read(text, LABS)
    if "received_dt" not in rows.columns:
        rows = rows.with_columns(received_dt="TRANSFER")
    if "record_status" not in rows.columns:
        rows = rows.with_columns(record_status=pl.lit("ORIGINAL"))
    return headed(rows)


def headed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the columns that no test varies."""
    return rows.with_columns(
        patient_id=pl.lit("100001"),
        site_code=pl.lit("MA034"),
        FILE=pl.format("{}/labs.csv", "TRANSFER"),
        LINE=pl.int_range(2, pl.len() + 2),
    )


def findings(text: str) -> pl.DataFrame:
    """What the door found in labs.csv; the version stands behind the slash of RECORD."""
    rows = read(text, {"TRANSFER": pl.Date, "LINE": pl.Int64, "RECORD": pl.String})
    filled = {
        "FILE": pl.format("{}/labs.csv", "TRANSFER"),
        "FORM": pl.lit("labs"),
        "RULE": pl.lit("value_not_a_number"),
        "COLUMN": pl.lit("value"),
        "MESSAGE": pl.lit('"12O" is not a number'),
        "VERSION": pl.col("RECORD").str.split("/").list.get(1, null_on_oob=True).cast(pl.Int64),
        "OUTCOME": pl.lit("quarantined"),
    }
    nothing = {n: pl.lit(None, t) for n, t in dtypes(Findings).items() if n not in {*rows.columns, *filled}}
    return rows.with_columns(**nothing, **filled).select(list(dtypes(Findings)))


NO_FINDINGS = findings("TRANSFER | LINE | RECORD")


def check(
    rows: pl.DataFrame,
    door: pl.DataFrame = NO_FINDINGS,
    checks: tuple[EditCheck, ...] = (RANGE, SPELLING),
    transfers: list[dt.date] = TRANSFERS,
) -> Checked:
    """The queries of the drawn form; both tables hold to their schemas."""
    checked = check_transfers(replace(STUDY, edit_checks=checks), {"labs": rows}, door, transfers)
    assert failures(Queries, checked.queries).is_empty()
    assert failures(CheckCounts, checked.counts).is_empty()
    return checked


def states(checked: Checked) -> list[tuple[str, str, str, str, int]]:
    """Record, state, first and last sight, age of each query."""
    return [
        (row["RECORD"], row["STATE"], str(row["FIRST_SEEN"]), str(row["LAST_SEEN"]), row["AGE"])
        for row in checked.queries.iter_rows(named=True)
    ]


def test_a_query_opens_and_stays_open() -> None:
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-12-17 | LAB-01    | 1              | 120
        2009-12-17 | LAB-02    | 1              | 80
    """)
    )
    # 2009-12-17 to 2010-12-31 are 379 days.
    assert states(checked) == [("LAB-01", "open", "2009-12-17", "2010-12-31", 379)]
    (query,) = checked.queries.iter_rows(named=True)
    assert query["QUERY"] == "EC900/labs/LAB-01/value"
    assert query["FOUND"] == "value 120"
    assert (query["SITE"], query["PATIENT"], query["ASKED"]) == ("MA034", "100001", "Please check the value.")


def test_a_version_answers_a_query() -> None:
    """The query ends at the transfer that brought the version: 170 days after the first sight."""
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 1              | 120
        2009-12-17 | LAB-01    | 2              | 12
    """)
    )
    assert states(checked) == [("LAB-01", "answered", "2009-06-30", "2009-06-30", 170)]


def test_a_deletion_answers_a_query() -> None:
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | record_status | value
        2009-06-30 | LAB-01    | 1              | ORIGINAL      | 120
        2009-12-17 | LAB-01    | 2              | DELETED       | 120
    """)
    )
    assert states(checked) == [("LAB-01", "answered", "2009-06-30", "2009-06-30", 170)]


def test_a_version_that_is_no_better_leaves_the_query_open() -> None:
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 1              | 120
        2009-12-17 | LAB-01    | 2              | 130
    """)
    )
    assert states(checked) == [("LAB-01", "open", "2009-06-30", "2010-12-31", 549)]
    assert checked.queries.select("VERSION", "FOUND").row(0) == (2, "value 130")


def test_a_query_whose_reason_is_gone_without_a_version_is_closed() -> None:
    """Two records of a patient contradict each other until one is deleted; the other is as it was."""
    alone = EditCheck(
        "EC902",
        ("LAB",),
        "one record",
        "query",
        "Which one is right?",
        where("labs", pl.len() > 1, None, pl.lit("there are two")),
    )
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | record_status | value
        2009-06-30 | LAB-01    | 1              | ORIGINAL      | 10
        2009-06-30 | LAB-02    | 1              | ORIGINAL      | 10
        2009-12-17 | LAB-02    | 2              | DELETED       | 10
    """),
        checks=(alone,),
    )
    assert states(checked) == [
        ("LAB-01", "closed", "2009-06-30", "2009-06-30", 170),
        ("LAB-02", "answered", "2009-06-30", "2009-06-30", 170),
    ]


def test_a_query_that_comes_back_is_the_same_query() -> None:
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 1              | 120
        2009-12-17 | LAB-01    | 2              | 12
        2010-12-31 | LAB-01    | 3              | 121
    """)
    )
    assert states(checked) == [("LAB-01", "open", "2009-06-30", "2010-12-31", 549)]
    assert checked.counts.filter(CHECK_ID="EC900")["NEW"].to_list() == [1, 0, 0]


def test_a_record_counts_from_the_transfer_that_brings_it_and_from_its_receipt() -> None:
    rows = labs("""
        TRANSFER   | received_dt | record_id | record_version | value
        2009-12-17 | 2009-05-01  | LAB-01    | 1              | 120
        2009-12-17 | 2010-01-04  | LAB-02    | 1              | 130
    """)
    assert [
        seen_at(STUDY, {"labs": rows}, date).forms["labs"].collect()["record_id"].to_list()
        for date in TRANSFERS
    ] == [[], ["LAB-01"], ["LAB-01", "LAB-02"]]
    assert [row[2] for row in states(check(rows))] == ["2009-12-17", "2010-12-31"]


def test_what_the_door_found_is_a_query_until_the_record_comes_again() -> None:
    """LAB-01 is corrected by a version, LAB-02 was kept out and is sent again as version 1, LAB-03 stays."""
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-12-17 | LAB-01    | 2              | 12
        2010-12-31 | LAB-02    | 1              | 13
    """),
        findings("""
        TRANSFER   | LINE | RECORD
        2009-06-30 | 2    | LAB-01/1
        2009-06-30 | 3    | LAB-02/1
        2009-06-30 | 4    | LAB-03/1
    """),
    )
    assert states(checked) == [
        ("LAB-01", "answered", "2009-06-30", "2009-06-30", 170),
        ("LAB-02", "answered", "2009-06-30", "2009-12-17", 549),
        ("LAB-03", "open", "2009-06-30", "2010-12-31", 549),
    ]


def test_a_fault_of_a_version_that_was_already_replaced_asks_nobody() -> None:
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 2              | 12
    """),
        findings("""
        TRANSFER   | LINE | RECORD
        2009-06-30 | 2    | LAB-01/1
    """),
    )
    assert checked.queries.is_empty()


def test_a_line_without_a_record_is_asked_for_until_the_form_comes_again() -> None:
    rows = labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-07    | 1              | 12
        2010-12-31 | LAB-08    | 1              | 12
    """)
    door = findings("""
        TRANSFER   | LINE | RECORD
        2009-06-30 | 5    |
        2009-06-30 | 6    |
    """)
    checked = check(rows, door)
    assert checked.queries["QUERY"].to_list() == [
        "EC901/labs/2009-06-30/labs.csv line 5/value",
        "EC901/labs/2009-06-30/labs.csv line 6/value",
    ]
    assert states(checked) == [(None, "closed", "2009-06-30", "2009-12-17", 549)] * 2


def test_warnings_are_counted_and_ask_nobody() -> None:
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 1              | 120
        2009-12-17 | LAB-02    | 1              | 130
    """),
        checks=(replace(RANGE, severity="warn"),),
    )
    assert checked.queries.is_empty()
    assert checked.counts.select("FOUND", "NEW").rows() == [(1, 1), (2, 1), (2, 0)]


def test_a_check_that_needs_the_arms_is_not_asked_here() -> None:
    checked = check(
        labs("TRANSFER | record_id | record_version | value"), checks=(replace(RANGE, needs_arms=True),)
    )
    assert checked.queries.is_empty()
    assert checked.counts.is_empty()


def test_a_check_that_needs_the_arms_is_asked_at_a_cut_off_from_the_unblinding_on() -> None:
    """The value is above what the restricted file allows; the last value came after the cut-off."""
    limited = EditCheck(
        "EC903",
        ("labs", "limits"),
        "value is at most the limit",
        "query",
        "Please check.",
        lambda seen: where("labs", pl.col("value") > pl.col("limit"), "value", told("value {}", "value"))(
            Seen(seen.date, {"labs": seen.forms["labs"].join(seen.forms["limits"], how="cross")}, {})
        ),
        needs_arms=True,
    )
    rows = labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 1              | 120
        2009-06-30 | LAB-02    | 1              | 80
        2010-12-31 | LAB-03    | 1              | 130
    """)
    study = replace(STUDY, edit_checks=(limited, RANGE))
    limits = {"limits": pl.DataFrame({"limit": [100]})}
    early = replace(STUDY.cut_offs[0], date=STUDY.unblinding - dt.timedelta(days=1))
    assert check_arms(study, {"labs": rows}, limits, early).is_empty()
    found = check_arms(study, {"labs": rows}, limits, STUDY.cut_off("2009-12-17"))
    assert failures(ArmFindings, found).is_empty()
    assert found["QUERY"].to_list() == ["EC903/labs/LAB-01/value"]


def test_two_faults_of_one_cell_are_one_query() -> None:
    odd = replace(
        RANGE,
        find=lambda seen: pl.concat(
            [RANGE.find(seen), where("labs", pl.col("value") % 2 == 1, "value", pl.lit("is odd"))(seen)]
        ),
    )
    checked = check(
        labs("""
        TRANSFER   | record_id | record_version | value
        2009-06-30 | LAB-01    | 1              | 121
    """),
        checks=(odd,),
    )
    assert checked.queries["FOUND"].to_list() == ["is odd; value 121"]


HISTORY = st.lists(
    st.tuples(
        st.sampled_from(TRANSFERS),
        st.integers(1, 4),
        st.integers(1, 3),
        st.booleans(),
        st.sampled_from([12, 120]),
    ),
    unique_by=lambda row: (row[1], row[2]),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(history=HISTORY)
def test_as_many_queries_are_open_as_are_found_at_the_last_transfer(
    history: list[tuple[dt.date, int, int, bool, int]],
) -> None:
    """Whatever is sent in whatever order: what is found at the end is open, and all else is not."""
    rows = pl.DataFrame(
        [
            (transfer, f"LAB-{record}", version, "DELETED" if deleted else "ORIGINAL", transfer, value)
            for transfer, record, version, deleted, value in history
        ],
        schema=LABS,
        orient="row",
    )
    newest = {}
    for _, record, version, deleted, value in history:
        newest[record] = max(newest.get(record, (0,)), (version, deleted, value))
    found = {f"LAB-{record}" for record, (_, deleted, value) in newest.items() if value > 100 and not deleted}
    checked = check(headed(rows))
    still = checked.queries.filter(STATE="open")
    assert set(still["RECORD"]) == found
    assert still.height == len(found)
    last = checked.counts.filter(pl.col("TRANSFER") == TRANSFERS[-1], CHECK_ID="EC900")
    assert last["FOUND"].item() == len(found)
    assert checked.counts["NEW"].sum() == checked.queries.height
