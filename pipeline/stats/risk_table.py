"""Counting over time: validated inputs, distinct times, numbers at risk and numbers of events.

Every estimator of this package starts from these integer tables. What does not belong here: any
estimate, any test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[Any]

# A table indexed by value replaces a sort where the integers span no more than this (and 4 n).
_SPAN_ALWAYS_COUNTED = 65_536


def as_times(time: ArrayLike) -> Floats | Ints:
    """Times as a 1-d array, integers where they hold whole numbers; ValueError if empty or not finite."""
    values = np.asarray(time)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"time must be a one-dimensional array with at least one value, not {values.shape}")
    if values.dtype.kind in "iub":
        return values.astype(np.int64, copy=False)
    try:
        values = values.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError("time must be numeric without missing values") from error
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("time has missing or infinite values")
    if max(-low, high) < 2**53:
        whole = values.astype(np.int64)
        if np.array_equal(whole, values):
            return whole
    return values


def as_codes(values: ArrayLike, name: str, n: int) -> Ints:
    """Non-negative integer codes of length n, such as an event indicator or a cause."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}, time has ({n},)")
    try:
        codes = array.astype(np.int64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold whole numbers without missing values") from error
    if array.dtype.kind not in "iub" and not np.array_equal(codes, array):
        raise ValueError(f"{name} must hold whole numbers without missing values")
    if codes.min() < 0:
        raise ValueError(f"{name} has negative values")
    return codes


def as_events(event: ArrayLike, n: int) -> Ints:
    """The event indicator (1 or True: event, 0 or False: censored) as integers."""
    codes = as_codes(event, "event", n)
    if codes.max() > 1:
        raise ValueError("event must be 0 (censored) or 1 (event)")
    return codes


def as_levels(labels: ArrayLike, name: str, n: int) -> tuple[Labels, Ints]:
    """The sorted distinct labels and each row's index into them; ValueError if any label is missing."""
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}, time has ({n},)")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} has missing values")
    if array.dtype.kind == "O" and any(label is None or label != label for label in array):
        raise ValueError(f"{name} has missing values")
    return factorise(array)


def factorise(values: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """Sorted distinct values and each element's index into them, without a sort for small integers."""
    if values.dtype.kind in "iu":
        low = values.min()
        if int(values.max()) - int(low) < max(4 * values.size, _SPAN_ALWAYS_COUNTED):
            offset = (values - low).astype(np.int64, copy=False)
            present = np.bincount(offset) > 0
            return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[offset]
    distinct, codes = np.unique(values, return_inverse=True)
    return distinct, codes.astype(np.int64, copy=False)


@dataclass(frozen=True)
class Cells:
    """The distinct (stratum, time) pairs that occur, ordered by stratum and then time.

    time: (m,) the time of each cell. row: (n,) the cell of each row. bounds: (strata + 1,) where each
    stratum begins and, last, where the table ends.
    """

    time: Floats | Ints
    row: Ints
    bounds: Ints

    def tally(self, column: Ints, columns: int) -> Ints:
        """Rows per column and cell, (columns, m): one line per column, so that sums run along memory."""
        m = self.time.size
        return np.bincount(column * m + self.row, minlength=columns * m).reshape(columns, m)

    def strata(self) -> Iterator[slice]:
        """The cells of each stratum."""
        return (slice(start, stop) for start, stop in pairwise(self.bounds.tolist()))

    def at_risk(self, counts: Ints) -> Ints:
        """Of counts (..., m), those still at risk just before each cell's time."""
        out = np.empty_like(counts)
        for stratum in self.strata():
            out[..., stratum] = np.cumsum(counts[..., stratum][..., ::-1], axis=-1)[..., ::-1]
        return out


def cells(time: Floats | Ints, strata: ArrayLike | None = None) -> Cells:
    """The (stratum, time) cells of n rows; equality of times is exact, as given."""
    times, row = factorise(time)
    if strata is None:
        return Cells(times, row, np.array([0, times.size]))
    levels, stratum = as_levels(strata, "strata", time.size)
    occupied, row = factorise(stratum * times.size + row)
    bounds = np.searchsorted(occupied, np.arange(levels.size + 1) * times.size)
    return Cells(times[occupied % times.size], row, bounds)
