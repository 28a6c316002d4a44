"""The forms that lean on other forms: lesions, questionnaires, the logs of forms and of queries."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipeline.simulate import free_forms
from pipeline.simulate.logs import NO_FAULTS, query_log
from schemas.base import dtypes, failures
from schemas.crf.calgb_100104 import FORMS, QueryLog

Forms = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def current() -> Forms:
    """The newest versions of a made-up trial's records, not deleted; lists as they are."""
    forms = {}
    for name, text in free_forms(900, 7).items():
        rows = text.select(
            pl.col(c).str.to_date() if kind == pl.Date else pl.col(c).cast(kind, strict=False)
            for c, kind in dtypes(FORMS[name]).items()
        )
        if "record_version" in rows.columns:
            newest = pl.col("record_version") == pl.col("record_version").max().over("record_id")
            rows = rows.filter(newest, pl.col("record_status") != "DELETED")
        forms[name] = rows
    return forms


@pytest.fixture(scope="module")
def lesions(current: Forms) -> pl.DataFrame:
    """Lesions with the call of the assessment at which they were measured."""
    of_visit = current["disease_assessment"].select(
        "patient_id", "assess_no", "visit", "assess_dt", "plasmacytoma"
    )
    return current["plasmacytoma"].join(of_visit, on=["patient_id", "assess_no"], how="left")


def test_lesions_are_measured_where_an_assessment_found_them(current: Forms, lesions: pl.DataFrame) -> None:
    assert set(lesions["plasmacytoma"].unique()) == {"STABLE", "DECREASED", "INCREASED", "NEW"}
    seen = current["disease_assessment"].filter(~pl.col("plasmacytoma").is_in(["NONE", "ND"]))
    assert seen.join(lesions, on=["patient_id", "assess_no"], how="anti").is_empty()
    assert (lesions["diam2"] <= lesions["diam1"]).all()
    assert lesions["diam1"].is_between(0.1, 30).all()


def test_a_lesion_that_was_not_there_at_entry_is_new(current: Forms, lesions: pl.DataFrame) -> None:
    lesions = lesions.unique(["patient_id", "assess_no", "lesion_no"]).sort("assess_dt")
    first = lesions.group_by("patient_id", "lesion_no", maintain_order=True).first()
    assert set(first.filter(pl.col("visit") != "REG")["plasmacytoma"]) == {"NEW"}
    at_entry = current["on_study"].filter(pl.col("plasmacytoma_bl") == "Y")["patient_id"].unique()
    assert set(first.filter(visit="REG")["patient_id"]) == set(at_entry)
    assert (
        lesions.group_by("patient_id", "lesion_no").agg(pl.col("location").n_unique())["location"].max() == 1
    )


def test_lesions_change_as_the_site_says(lesions: pl.DataFrame) -> None:
    """EBMT: growth by more than a quarter is progression; 25% less is the least that counts as smaller."""
    rows = lesions.unique(["patient_id", "assess_no", "lesion_no"]).sort(
        "patient_id", "lesion_no", "assess_dt"
    )
    area = pl.col("diam1") * pl.col("diam2")
    change = (area / area.shift(1)).over("patient_id", "lesion_no")
    changes = rows.with_columns(change=change).drop_nulls("change").group_by("plasmacytoma")
    extremes = changes.agg(low=pl.col("change").min(), high=pl.col("change").max())
    low, high = (dict(extremes.select("plasmacytoma", name).iter_rows()) for name in ("low", "high"))
    assert low.keys() >= {"STABLE", "DECREASED", "INCREASED"}
    assert high["DECREASED"] < 0.75 < low["STABLE"] < high["STABLE"] < 1.25 < low["INCREASED"]


def test_every_randomised_patient_alive_is_asked_in_every_round(current: Forms) -> None:
    asked = current["spm_questionnaire"]
    deaths = current["death"].select("patient_id", pl.col("death_dt").str.to_date())
    days = {1: dt.date(2010, 12, 1), 2: dt.date(2011, 1, 15), 3: dt.date(2011, 6, 1), 4: dt.date(2012, 1, 1)}
    everybody = current["randomization"].select("patient_id").join(deaths, on="patient_id", how="left")
    for number, sent in days.items():
        answers = asked.filter(round=number)
        dated = answers["questionnaire_dt"].str.to_date()
        assert dated.is_between(sent, sent + dt.timedelta(41)).all()
        long_alive = everybody.filter(
            pl.col("death_dt").is_null() | (pl.col("death_dt") > sent + dt.timedelta(41))
        )
        assert set(long_alive["patient_id"]) <= set(answers["patient_id"])
        dead = everybody.filter(pl.col("death_dt") < sent)
        assert not set(dead["patient_id"]) & set(answers["patient_id"])


def test_a_new_cancer_is_told_in_the_round_after_it(current: Forms) -> None:
    rounds = current["spm_questionnaire"].select(
        "patient_id", "any_new_cancer", day=pl.col("questionnaire_dt").str.to_date()
    )
    rounds = rounds.unique().sort("patient_id", "day")
    cancers = (
        current["new_primary_cancer"]
        .select("patient_id", day=pl.col("dx_dt").str.to_date(), found="dx_dt")
        .unique()
    )
    told = cancers.sort("day").join_asof(
        rounds.sort("day"), on="day", by="patient_id", strategy="forward", coalesce=False
    )
    told = told.filter(pl.col("any_new_cancer").is_not_null())
    assert told.height > 5
    assert set(told["any_new_cancer"]) == {"Y"}
    yes = rounds.filter(any_new_cancer="Y")
    assert yes.join(
        told, left_on=["patient_id", "day"], right_on=["patient_id", "day_right"], how="anti"
    ).is_empty()


def test_the_log_says_when_a_form_came(current: Forms) -> None:
    log = current["form_log"]
    assert failures(FORMS["form_log"], log).is_empty()
    assert (log["due_dt"] <= log["as_of"]).all()
    assert (log["received_dt"] <= log["as_of"]).all()
    last = log.filter(pl.col("as_of") == pl.col("as_of").max())
    entry = last.filter(form_code="ONSTUDY").select("patient_id", "received_dt")
    forms = current["on_study"].filter(pl.col("record_version") == 1).select("patient_id", "received_dt")
    assert forms.unique("patient_id").join(entry, on=["patient_id", "received_dt"], how="semi").height > 500
    # Clinical rules 1.1: forms that never came, and forms more than 180 days late; here what chance gives.
    overdue = last.filter(pl.col("due_dt") < dt.date(2011, 12, 31))
    assert 0.005 < overdue["received_dt"].is_null().mean() < 0.1
    late = (last["received_dt"] - last["due_dt"]).dt.total_days() > 180
    assert 0.005 < late.mean() < 0.08


def test_a_form_may_come_between_two_issues_of_the_log(current: Forms) -> None:
    rows = current["form_log"].filter(pl.col("as_of") <= dt.date(2009, 12, 17)).sort("as_of")
    each = rows.group_by("patient_id", "form_code", "visit", maintain_order=True).agg("received_dt")
    came = each.filter(
        pl.col("received_dt").list.first().is_null() & pl.col("received_dt").list.last().is_not_null()
    )
    assert came.height > 20
    assert each.filter(pl.col("received_dt").list.drop_nulls().list.n_unique() > 1).is_empty()


FAULTS = pl.DataFrame(
    [
        ("labs", "LAB-000007", "100007", "NC003", "EC085", "2009-05-01", "2009-07-15"),
        ("labs", "LAB-000007", "100007", "NC003", "EC085", "2009-05-01", "2009-07-15"),
        ("labs", "LAB-000009", "100009", "NC003", None, "2009-05-01", "2009-07-15"),
        *(("labs", f"LAB-1{n:05d}", "100009", "NC003", "EC084", "2009-05-02", None) for n in range(40)),
    ],
    schema=NO_FAULTS.schema,
    orient="row",
)  # fmt: skip


def test_queries_are_opened_after_the_fault_came_and_closed_after_its_correction() -> None:
    log = query_log(FAULTS, [dt.date(2009, 6, 30), dt.date(2009, 12, 17)])
    assert failures(QueryLog, log).is_empty()
    early, late = (
        log.filter(as_of=day).sort("query_id") for day in (dt.date(2009, 6, 30), dt.date(2009, 12, 17))
    )
    assert early.height == late.height == 41  # once per record and check, and never without a check
    assert early.filter(record_id="LAB-000007").row(0, named=True) | {"opened_dt": None} == {
        "as_of": dt.date(2009, 6, 30),
        "query_id": "Q-00001",
        "check_id": "EC085",
        "patient_id": "100007",
        "site_code": "NC003",
        "form_code": "LAB",
        "record_id": "LAB-000007",
        "opened_dt": None,
        "closed_dt": None,
        "resolution": "OPEN",
    }
    assert dt.date(2009, 5, 1) < early["opened_dt"][0] <= dt.date(2009, 6, 30)
    assert dt.date(2009, 7, 15) <= late["closed_dt"][0] <= dt.date(2009, 7, 25)
    assert late["resolution"][0] == "CORRECTED"
    assert set(late["resolution"][1:]) == {"CONFIRMED", "UNOBTAINABLE", "OPEN"}
    assert (late["resolution"] == "OPEN").equals(late["closed_dt"].is_null())


def test_without_faults_nobody_asks() -> None:
    assert query_log(NO_FAULTS, [dt.date(2009, 6, 30)]).is_empty()


def test_a_version_that_stood_for_years_was_asked_about_before_its_correction() -> None:
    years = FAULTS.head(1).with_columns(WRONG_RECEIVED=pl.lit("2005-05-01"))
    log = query_log(years, [dt.date(2009, 6, 30), dt.date(2009, 12, 17)])
    assert (log["opened_dt"] >= dt.date(2009, 3, 17)).all()
    assert (log["opened_dt"] <= dt.date(2009, 7, 15)).all()
