"""A made-up trial: the calibrated one behind the committed raw data, and free ones of any size.

`patients`, `baseline`, `course` and `disease` make the truth, `forms` and `records` write it down as sites
would, `transfers` puts it on disk. Nothing here may import what it is used to test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from pipeline.simulate.calibrated import calibrated_trial
from pipeline.simulate.forms import fill_forms, treatment_codes
from pipeline.simulate.free import free_trial
from pipeline.simulate.logs import NO_FAULTS, query_log
from pipeline.simulate.patients import Trial
from pipeline.simulate.transfers import DATES, as_text, write_restricted, write_transfers

__all__ = ["calibrated_forms", "free_forms", "simulate_calibrated", "simulate_trial", "write_transfers"]

SEED = 100_104
"""The seed of the committed raw data."""


def calibrated_forms() -> dict[str, pl.DataFrame]:
    """All forms of the calibrated trial, every cell as text, all record versions."""
    return _as_text(calibrated_trial(SEED), SEED)


def free_forms(patients: int, seed: int) -> dict[str, pl.DataFrame]:
    """All forms of a free trial of so many registered patients, every cell as text."""
    return _as_text(free_trial(patients, seed), seed)


def simulate_calibrated(out: Path) -> None:
    """Write the calibrated trial to `out`: transfers, restricted treatment codes and their seal."""
    _write(calibrated_trial(SEED), SEED, out)


def simulate_trial(patients: int, seed: int, out: Path, transfer_dates: Sequence[dt.date] = DATES) -> None:
    """Write a free trial of so many registered patients to `out`, one form at a time."""
    _write(free_trial(patients, seed), seed, out, transfer_dates)


def _write(trial: Trial, seed: int, out: Path, transfer_dates: Sequence[dt.date] = DATES) -> None:
    write_transfers(_forms_and_logs(trial, seed, transfer_dates), out, transfer_dates)
    write_restricted(treatment_codes(trial, seed), out)


def _as_text(trial: Trial, seed: int) -> dict[str, pl.DataFrame]:
    return {name: as_text(frame) for name, frame in _forms_and_logs(trial, seed, DATES)}


def _forms_and_logs(
    trial: Trial, seed: int, transfer_dates: Sequence[dt.date]
) -> Iterator[tuple[str, pl.DataFrame]]:
    yield from fill_forms(trial, seed, transfer_dates)
    yield "query_log", query_log(NO_FAULTS, transfer_dates)
