"""A made-up trial: the calibrated one behind the committed raw data, and free ones of any size.

`patients`, `baseline`, `course` and `disease` make the truth, `forms` and `records` write it down as sites
would, `faults` make mistakes in it, `logs` are the data centre's, `transfers` puts all on disk. Nothing here
may import what it is used to test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from pipeline.simulate.calibrated import calibrated_trial
from pipeline.simulate.faults.catalogue import FAULTS
from pipeline.simulate.faults.cells import by_habit, truth_as_written
from pipeline.simulate.faults.engine import TRUTH, Engine, Spoiled, in_days, windows
from pipeline.simulate.forms import fill_forms, treatment_codes
from pipeline.simulate.free import free_trial
from pipeline.simulate.logs import NO_FAULTS, READ, form_log, query_log
from pipeline.simulate.patients import Trial
from pipeline.simulate.transfers import DATES, Rows, as_text, write_csv, write_restricted, write_transfers

__all__ = ["calibrated_forms", "free_forms", "simulate_calibrated", "simulate_trial", "write_transfers"]

SEED = 100_104
"""The seed of the committed raw data."""


def calibrated_forms() -> dict[str, pl.DataFrame]:
    """All forms of the calibrated trial without any fault, every cell as text, all record versions."""
    return {name: as_text(frame) for name, frame in _clean(calibrated_trial(SEED), SEED, DATES)}


def free_forms(patients: int, seed: int) -> dict[str, pl.DataFrame]:
    """All forms of a free trial of so many registered patients, as those of the calibrated one."""
    return {name: as_text(frame) for name, frame in _clean(free_trial(patients, seed), seed, DATES)}


def simulate_calibrated(out: Path, truth: Path | None = None, *, clean: bool = False) -> None:
    """Write the calibrated trial to `out`: transfers, restricted treatment codes and their seal.

    truth: a file for what is wrong in it (CSV, `faults.engine.TRUTH`). clean: without faults, all dates in
    ISO 8601, all results in standard units. Raises NoRecordError where a fault finds no record.
    """
    _write(calibrated_trial(SEED), SEED, out, DATES, truth, clean=clean, complete=True)


def simulate_trial(
    patients: int,
    seed: int,
    out: Path,
    transfer_dates: Sequence[dt.date] = DATES,
    truth: Path | None = None,
    *,
    clean: bool = False,
) -> list[str]:
    """Write a free trial of so many registered patients to `out`, one form at a time.

    As `simulate_calibrated`, but a fault that finds no record is left out; the answer names them.
    """
    trial = free_trial(patients, seed)
    return _write(trial, seed, out, transfer_dates, truth, clean=clean, complete=False)


def _write(
    trial: Trial,
    seed: int,
    out: Path,
    transfer_dates: Sequence[dt.date],
    truth: Path | None,
    *,
    clean: bool,
    complete: bool,
) -> list[str]:
    engine = Engine(
        trial, seed, () if clean else FAULTS, windows(transfer_dates), in_days(max(transfer_dates)), complete
    )
    about = trial, seed, transfer_dates
    write_transfers(_clean(*about) if clean else _dirty(*about, engine), out, transfer_dates)
    write_restricted(treatment_codes(trial, seed), out)
    if truth:
        known = pl.concat([pl.DataFrame(schema=TRUTH), *engine.truth])
        write_csv(known if clean else truth_as_written(known), truth)
    return engine.idle


def _clean(trial: Trial, seed: int, transfer_dates: Sequence[dt.date]) -> Iterator[tuple[str, pl.DataFrame]]:
    logged = {}
    for form, frame in fill_forms(trial, seed):
        if form in READ:
            logged[form] = frame.select("patient_id", "site_code", "received_dt", *READ[form])
        yield form, frame
    yield "form_log", form_log(logged, transfer_dates)
    yield "query_log", query_log(NO_FAULTS, transfer_dates)


def _as_sent(form: str, spoiled: Spoiled, after: dt.date, until: dt.date) -> pl.DataFrame:
    """A transfer's part of a form, written as its sites write."""
    return by_habit(form, spoiled.received(after, until)).drop("_faulty")


def _dirty(
    trial: Trial, seed: int, transfer_dates: Sequence[dt.date], engine: Engine
) -> Iterator[tuple[str, Rows]]:
    logged = {}
    for form, frame in fill_forms(trial, seed):
        if "record_id" not in frame.columns:
            yield form, frame
            continue
        spoiled = engine.spoil(form, frame)
        if form in READ:
            came = engine.as_it_came(form, frame)
            logged[form] = came.select("patient_id", "site_code", "received_dt", *READ[form])
        yield form, partial(_as_sent, form, spoiled)
    yield "form_log", form_log(logged, transfer_dates)
    yield "query_log", query_log(pl.concat(engine.truth), transfer_dates)
