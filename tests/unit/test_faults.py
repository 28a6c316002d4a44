"""The engine of faults and the habits of sites: what is written where, and what is left alone."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from pipeline.simulate.faults import Fault, How
from pipeline.simulate.faults.catalogue import FAULTS
from pipeline.simulate.faults.cells import DATE_STYLES, UNITS, Unit, by_habit, date_style, styled
from pipeline.simulate.faults.engine import Engine, NoRecordError, Spoiled, in_days, windows
from pipeline.simulate.forms import fill_forms
from pipeline.simulate.free import free_trial
from pipeline.simulate.patients import Trial
from pipeline.simulate.records import SITE_CODES
from pipeline.simulate.transfers import DATES, as_text

ALWAYS = (dt.date.min, dt.date(2100, 1, 1))
C = pl.col("vital_status")


@pytest.fixture(scope="module")
def made() -> tuple[Trial, dict[str, pl.DataFrame]]:
    trial = free_trial(300, 5)
    return trial, dict(fill_forms(trial, 5))


def engine(trial: Trial, *faults: Fault, complete: bool = True) -> Engine:
    return Engine(trial, 5, faults, windows(DATES), in_days(DATES[-1]), complete)


def fault(how: How, share: float = 3, **writes: pl.Expr) -> Fault:
    return Fault("trial of the engine", "follow_up", "EC999", writes, C == "ALIVE", share, how)


def test_no_cut_off_lies_within_a_window() -> None:
    seen = [(str(np.datetime64(w.seen, "D")), str(np.datetime64(w.mended, "D"))) for w in windows(DATES)]
    assert seen == [("2009-06-30", "2009-12-17"), ("2010-12-31", "2011-10-31")]
    assert windows([dt.date(2009, 12, 17), dt.date(2010, 12, 31), dt.date(2011, 10, 31)])[0].seen == in_days(
        dt.date(2010, 12, 31)
    )
    assert windows([dt.date(2012, 2, 29)]) == []


def apart(made: tuple[Trial, dict[str, pl.DataFrame]], one: Fault) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that are not those of the clean form, and the truth."""
    trial, forms = made
    at = engine(trial, one)
    spoiled = at.spoil("follow_up", forms["follow_up"]).received(*ALWAYS).drop("_faulty")
    assert spoiled["received_dt"].is_sorted()
    clean = as_text(forms["follow_up"])
    rows = spoiled.join(clean, on=spoiled.columns, how="anti", nulls_equal=True)
    kept = spoiled.join(rows, on=spoiled.columns, how="anti", nulls_equal=True)
    assert clean.join(kept, on=clean.columns, how="anti", nulls_equal=True).height <= at.truth[0].height
    return rows.sort("record_id", "record_version"), at.truth[0]


def test_corrected(made: tuple[Trial, dict[str, pl.DataFrame]]) -> None:
    rows, truth = apart(made, fault("corrected", vital_status=pl.lit("ASLEEP")))
    assert rows["record_version"].to_list() == ["1", "2"] * 3
    assert rows["record_status"].to_list() == ["ORIGINAL", "AMENDED"] * 3
    assert rows["vital_status"].to_list() == ["ASLEEP", "ALIVE"] * 3
    assert truth["PATIENT"].n_unique() == 3
    assert truth.select("COLUMN", "WRITTEN", "TRUE", "CHECK", "HOW").unique().rows() == [
        ("vital_status", "ASLEEP", "ALIVE", "EC999", "corrected")
    ]
    for wrong, right in truth.select("WRONG_RECEIVED", "RIGHT_RECEIVED").iter_rows():
        assert not any(wrong <= cut < right for cut in ("2009-12-17", "2011-10-31", "2012-02-29"))
    assert set(truth["RIGHT_RECEIVED"]) == set(rows.filter(record_version="2")["received_dt"])


def test_extra_and_repeated(made: tuple[Trial, dict[str, pl.DataFrame]]) -> None:
    last = made[1]["follow_up"]["record_id"].max()
    assert isinstance(last, str)
    rows, truth = apart(made, fault("extra", vital_status=pl.lit("DEAD")))
    assert (rows["record_id"] > last).all()
    assert rows["record_status"].to_list() == ["ORIGINAL", "DELETED"] * 3
    assert truth["TRUE"].null_count() == 3
    rows, truth = apart(made, fault("repeated"))
    assert (rows["record_id"] > last).all()
    assert rows["record_version"].to_list() == ["1"] * 3
    assert truth["COLUMN"].null_count() == 3


def test_late_and_standing(made: tuple[Trial, dict[str, pl.DataFrame]]) -> None:
    rows, truth = apart(made, fault("late"))
    assert rows["record_status"].unique().to_list() == ["ORIGINAL"]
    assert sorted(truth["RIGHT_RECEIVED"]) == sorted(rows["received_dt"])
    assert (truth["WRONG_RECEIVED"] < truth["RIGHT_RECEIVED"]).all()
    rows, truth = apart(made, fault("standing", vital_status=pl.lit("asleep")))
    assert rows["vital_status"].to_list() == ["asleep"] * 3
    assert truth["RIGHT_RECEIVED"].null_count() == 3


def test_a_patient_has_one_counted_fault_at_a_time(made: tuple[Trial, dict[str, pl.DataFrame]]) -> None:
    trial, forms = made
    some = tuple(
        Fault(f"fault {n}", form, f"EC{n}", {"completed_dt": pl.lit("?")}, pl.lit(True), 60)
        for n, form in enumerate(("registration", "follow_up", "labs", "adverse_events"))
    )
    at = engine(trial, *some)
    for one in some:
        at.spoil(one.form, forms[one.form])
    truth = pl.concat(at.truth)
    by_transfer = truth.with_columns(early=pl.col("WRONG_RECEIVED") <= "2009-06-30")
    assert truth.height > 100
    assert by_transfer.select("PATIENT", "early").is_duplicated().sum() == 0
    assert truth["RECORD"].is_duplicated().sum() == 0


def test_a_fault_without_a_record(made: tuple[Trial, dict[str, pl.DataFrame]]) -> None:
    trial, forms = made
    impossible = Fault("of nobody", "follow_up", "EC999", {}, C == "NOBODY", how="late")
    with pytest.raises(NoRecordError, match="of nobody"):
        engine(trial, impossible).spoil("follow_up", forms["follow_up"])
    lenient = engine(trial, impossible, complete=False)
    lenient.spoil("follow_up", forms["follow_up"])
    assert lenient.idle == ["of nobody"]


def test_the_parts_of_a_form_are_the_form(made: tuple[Trial, dict[str, pl.DataFrame]]) -> None:
    trial, forms = made
    whole: Spoiled = engine(trial, *FAULTS, complete=False).spoil("labs", forms["labs"])
    days = [dt.date.min, *DATES, dt.date(2100, 1, 1)]
    parts = [whole.received(*pair) for pair in pairwise(days)]
    assert pl.concat(parts).equals(whole.received(*ALWAYS))


@pytest.mark.parametrize(
    ("date", "us", "by_name"),
    [
        ("2007-05-14", "05/14/2007", "14/MAY/2007"),
        ("2007-05", "05/2007", "UN/MAY/2007"),
        ("2007", "2007", "UN/UNK/2007"),
        ("02/30/2007", "02/30/2007", "02/30/2007"),
        ("UNK", "UNK", "UNK"),
    ],
)
def test_dates_are_written_as_the_site_does(date: str, us: str, by_name: str) -> None:
    frame = pl.DataFrame({"d": [date] * 3, "s": [0, 1, 2]})
    assert frame.select(styled(pl.col("d"), pl.col("s")))["d"].to_list() == [date, us, by_name]


def test_every_style_of_date_is_some_sites() -> None:
    assert {date_style(site) for site in SITE_CODES} == set(range(len(DATE_STYLES)))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.unit} {unit.reported}")
def test_a_converted_result_converts_back(made: tuple[Trial, dict[str, pl.DataFrame]], unit: Unit) -> None:
    """To the decimal that is printed, and beta-2-microglobulin on its own side of 2.5, 3.5 and 5.5 mg/L."""
    clean = as_text(made[1][unit.form]).with_columns(_faulty=pl.lit(False))
    there = by_habit(unit.form, clean).filter(pl.col(unit.unit) == unit.reported)
    if unit.only is not None:
        there = there.filter(unit.only)
    assert set(there["site_code"]) <= set(unit.at)
    key = ["record_id", "record_version"]
    both = there.join(clean, on=key, suffix="_clean")
    for name in unit.values:
        value = both.select(
            back=pl.col(name).cast(pl.Float64, strict=False) / unit.factor,
            meant=pl.col(f"{name}_clean").cast(pl.Float64, strict=False),
        ).drop_nulls()
        assert value.height > 0
        assert ((value["back"] - value["meant"]).abs() < 0.01 * value["meant"].abs().clip(0.5)).all()
        if unit.reported == "nmol/L" and name == "result":
            for limit in (3.5, 5.5):
                assert ((value["back"].round(4) >= limit) == (value["meant"] >= limit)).all()
            shown = both[name].cast(pl.Float64)
            assert ((shown > 211.9) == (value["meant"] > 2.5)).all()
