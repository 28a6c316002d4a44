"""The simulator: allocation, hazards, exact shares, receipt, and free trials of any size."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulate import free_forms, simulate_trial
from pipeline.simulate.baseline import spread
from pipeline.simulate.free import BLOCK, free_trial, permuted_blocks, piecewise_exponential
from pipeline.simulate.patients import CUT1, CUT2, LEN, NEVER, NONE, day, share, stream, weekday
from pipeline.simulate.records import received
from schemas.base import columns, failures, names
from schemas.crf.calgb_100104 import FORMS
from tests.acceptance.progression_rule import assessment, progression


@pytest.fixture(scope="module")
def trial() -> dict[str, pl.DataFrame]:
    return free_forms(400, 11)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(sum), st.integers(0, 500))
def test_share_adds_up_and_returns_the_counts(counts: list[int], n: int) -> None:
    assert share(counts, n).sum() == n
    assert share(counts, sum(counts)).tolist() == counts
    assert (np.abs(share(counts, n) - np.array(counts) * n / sum(counts)) < 1).all()


@given(st.lists(st.integers(0, 7), min_size=1, max_size=300), st.integers(0, 100))
def test_every_full_block_holds_three_of_each(stratum: list[int], seed: int) -> None:
    arm, block = permuted_blocks(np.random.default_rng(seed), np.array(stratum))
    in_block = Counter(zip(stratum, block.tolist(), strict=True))
    of_len = Counter(
        (s, b) for s, b, a in zip(stratum, block.tolist(), arm.tolist(), strict=True) if a == LEN
    )
    for key, size in in_block.items():
        assert size == BLOCK or key[1] == max(b for s, b in in_block if s == key[0])
        assert of_len[key] == 3 if size == BLOCK else size - 3 <= of_len[key] <= 3


def test_piecewise_hazard_gives_its_survival() -> None:
    hazards = np.tile([1e-3, 2e-3, 0.5e-3, 1e-3], (200_000, 1))
    days = piecewise_exponential(np.random.default_rng(1), hazards)
    # S(365) = exp(-0.365), S(730) = exp(-0.365 - 0.73), S(1096) = exp(-0.365 - 0.73 - 0.183)
    for at, cumulative in ((365, 0.365), (730, 1.095), (1096, 1.278)):
        expected = math.exp(-cumulative)
        assert (days >= at).mean() == pytest.approx(
            expected, abs=4 * math.sqrt(expected * (1 - expected) / 200_000)
        )


@pytest.mark.parametrize("n", [229, 230, 231, 460])
def test_spread_has_the_median_and_range_asked_for(n: int) -> None:
    values = spread(stream(3, "spread"), n, (9.1, 7.2, 12.8, 0.5), 0.1)
    assert (np.median(values), values.min(), values.max()) == (9.1, 7.2, 12.8)
    assert (np.diff(values) >= 0).all()


def test_weekday() -> None:
    # 2009-12-18 was a Friday.
    days = np.array([day("2009-12-18"), day("2009-12-19"), day("2009-12-20")])
    assert weekday(days).tolist() == [day("2009-12-18"), day("2009-12-18"), day("2009-12-21")]


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_nothing_after_the_last_known_contact_arrives_by_the_cut_off(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    seen1 = CUT1 - rng.integers(0, 400, n)
    t = {"seen1": seen1, "seen2": seen1 + rng.integers(0, 650, n)}
    days = seen1 + rng.integers(-500, 500, n)
    by = np.where(days <= t["seen1"], CUT1, NEVER)
    arrival = received(rng, t, np.arange(n), days, by=by)
    assert (arrival >= days).all()
    assert (arrival[days > t["seen1"]] > CUT1).all()
    assert (arrival[days > t["seen2"]] > CUT2).all()
    assert (arrival[days <= t["seen1"]] <= CUT1).all()


def typed(form: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The text as its table's types; raises where a cell cannot be read."""
    cells = []
    for c in columns(FORMS[form]):
        cell = pl.col(c.name)
        if c.missing:
            cell = pl.when(~cell.is_in(list(c.missing))).then(cell)
        read = cell.str.to_date("%Y-%m-%d") if c.dtype == pl.Date else cell.cast(c.dtype)
        cells.append(read.alias(c.name))
    return frame.select(cells)


def test_forms_of_a_free_trial_pass_their_schemas(trial: dict[str, pl.DataFrame]) -> None:
    assert list(trial) == list(FORMS)
    for form, frame in trial.items():
        assert frame.columns == names(FORMS[form])
        assert set(frame.dtypes) == {pl.String}
        assert failures(FORMS[form], typed(form, frame)).is_empty(), form


def test_progression_is_visible_in_the_laboratory_data_of_a_free_trial(
    trial: dict[str, pl.DataFrame],
) -> None:
    truth = free_trial(400, 11)
    randomised = np.flatnonzero(truth["arm"] != NONE)
    current = (
        trial["disease_assessment"]
        .with_columns(pl.col("record_version").cast(pl.Int8))
        .sort("record_id", "record_version")
        .unique("record_id", keep="last", maintain_order=True)
        .filter(pl.col("record_status") != "DELETED")
        .sort("patient_id", "assess_dt")
    )
    rows = current.partition_by("patient_id", as_dict=True, include_key=True)
    by_registration = trial["registration"].unique("patient_id", keep="first", maintain_order=True)
    patients = by_registration.sort("patient_id")["patient_id"].to_list()
    found = {}
    for i in randomised:
        visits = rows[(patients[i],)].with_columns(pl.all().fill_null("")).to_dicts()
        since = [v for v in visits if v["visit"] not in ("REG",)]
        date, _ = progression([assessment(v) for v in since], since[0]["response_site"] == "CR")
        found[i] = NEVER if date is None else day(date.isoformat())
    assert found == {i: truth["pd"][i] for i in randomised}
    assert 50 < sum(d < NEVER for d in found.values()) < len(found)


def test_a_free_trial_is_its_seed(tmp_path: Path) -> None:
    def content(folder: str, seed: int) -> dict[str, bytes]:
        simulate_trial(patients=60, seed=seed, out=tmp_path / folder)
        return {
            str(p.relative_to(tmp_path / folder)): p.read_bytes() for p in (tmp_path / folder).rglob("*.csv")
        }

    assert content("a", 5) == content("b", 5)
    assert content("a", 5) != content("c", 6)


@pytest.mark.parametrize("patients", [1, 2, 5, 13, 47])
def test_small_trials(patients: int) -> None:
    made = free_forms(patients, 1)
    assert made["registration"]["patient_id"].n_unique() == patients
