"""The vocabulary of a made-up trial's truth: one entry per registered patient, before any form is filled in.

A trial is a dict of numpy arrays of equal length, ordered by registration. Dates are whole days since
1970-01-01; NEVER stands for "did not happen". `calibrated` and `free` make trials out of this; everything
after that is one road for both: published counts are shares, met exactly by a group of the published size.

What does not belong here: how dates come about, baseline, treatment, forms.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence

import numpy as np

Trial = dict[str, np.ndarray]
Rows = dict[str, np.ndarray]
"""A long table: columns of equal length, among them `i`, the patient's position in the trial."""

Rng = np.random.Generator

NEVER = 99_999
"""The day of what does not happen (in the year 2243)."""

LEN, PBO, NONE = 1, 0, -1
"""Values of `arm`; NONE for patients who were registered and not randomised."""

REGISTERED, SITES = 568, 47


def day(iso: str) -> int:
    """Days since 1970-01-01."""
    return (dt.date.fromisoformat(iso) - dt.date(1970, 1, 1)).days


CUT1, CUT2, AE_CUT = day("2009-12-17"), day("2011-10-31"), day("2012-02-29")
QUERY_ROUNDS = (day("2010-12-01"), day("2011-01-15"), day("2011-06-01"))
"""Days on which the three sets of queries about second cancers went out (the paper: since December 2010)."""
LAST_SCREENING = day("2012-01-01")
FIRST_ENROLMENT, LAST_ENROLMENT = day("2005-04-11"), day("2009-07-17")


def stream(seed: int, name: str) -> Rng:
    """A random stream of its own for each part, so that a change in one part leaves the others alone."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def share(counts: Sequence[int], n: int) -> np.ndarray:
    """Split n in the proportions of `counts` by largest remainder; n = sum(counts) gives counts back."""
    exact = np.asarray(counts, float) * n / sum(counts)
    out = np.floor(exact).astype(int)
    order = np.argsort(-(exact - out), kind="stable")
    out[order[: n - out.sum()]] += 1
    return out


def scaled(published: tuple[int, int], n: int) -> int:
    """The published count out of its denominator, carried to a group of n."""
    return round(published[0] * n / published[1])


def deal(rng: Rng, counts: Sequence[int], n: int) -> np.ndarray:
    """n codes 0, 1, ... in the proportions of `counts`, shuffled."""
    return rng.permutation(np.repeat(np.arange(len(counts)), share(counts, n)))


def pick(rng: Rng, where: np.ndarray, k: int) -> np.ndarray:
    """k of the positions at which the mask is true, or all of them if there are fewer."""
    found = np.flatnonzero(where)
    return np.sort(rng.permutation(found)[:k])


def between(rng: Rng, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Whole numbers from low to high, both included; low where the interval is empty."""
    width = np.maximum(np.asarray(high) - np.asarray(low) + 1, 1)
    out: np.ndarray = low + np.floor(rng.random(np.broadcast(low, high).shape) * width).astype(int)
    return out


def mask(n: int, positions: np.ndarray) -> np.ndarray:
    """A boolean array that is true at the positions."""
    out = np.zeros(n, bool)
    out[positions] = True
    return out


def weekday(days: np.ndarray) -> np.ndarray:
    """The nearest working day: Saturday moves to Friday, Sunday to Monday."""
    of_week = (days + 3) % 7
    out: np.ndarray = days + np.select([of_week == 5, of_week == 6], [-1, 1], 0)
    return out


CELLS = ("B", "BL", "BLT", "BT", "L", "LT", "T", "other")
CELL_SHARES = (83, 41, 5, 60, 103, 11, 128, 29)

RESPONSES = ("CR", "PR", "MR", "SD", "PD", "missing")

NOT_RANDOMISED = (("PROGRESSION", 23), ("REFUSAL", 38), ("INELIGIBLE", 15), ("OTHER", 24), ("CLOSED", 8))
"""Why 108 registered patients were not randomised: 23 are the paper's 4% of 568, the rest is invented."""


def prior_agents(t: Trial, at: np.ndarray) -> None:
    """Set prior thalidomide and prior lenalidomide from the cell of induction."""
    for flag, letter in (("thal", "T"), ("len", "L")):
        t[flag][at] = np.array([letter in cell for cell in CELLS])[t["cell"][at]]


def leave_before_randomisation(rng: Rng, t: Trial, at: np.ndarray) -> None:
    """Dates of patients who were not randomised: most were transplanted, some progressed by day 100."""
    why, k = t["why"][at], len(at)
    transplanted = (why != 2) & ~((why != 0) & (rng.random(k) < 0.25))
    t["tx"][at] = np.where(transplanted, t["reg"][at] + rng.integers(12, 50, k), NEVER)
    left = np.where(
        transplanted, t["tx"][at] + rng.integers(20, 98, k), t["reg"][at] + rng.integers(7, 60, k)
    )
    t["left"] = np.full(len(t["tx"]), NEVER)
    t["left"][at] = left
    t["pd"][at] = np.where(why == 0, left, NEVER)
    died = (rng.random(k) < 0.2) & (why != 4)
    t["death"][at] = np.where(died, left + rng.integers(60, 900, k), NEVER)
    t["death"][at] = np.where(t["death"][at] > day("2011-06-30"), NEVER, t["death"][at])
    t["response"][at] = deal(rng, (30, 48, 4, 18), k)


SPM_TYPES: dict[str, tuple[str, str, tuple[str, ...], int]] = {
    "ALL": ("HEMATOLOGIC", "ALL", ("acute lymphoblastic leukemia",), 1),
    "AML": ("HEMATOLOGIC", "AML", ("acute myeloid leukemia", "AML with multilineage dysplasia"), 5),
    "Hodgkin": ("HEMATOLOGIC", "HL", ("Hodgkin's lymphoma, nodular sclerosis",), 1),
    "MDS": ("HEMATOLOGIC", "MDS", ("myelodysplastic syndrome (RAEB-1)",), 1),
    "NHL": ("HEMATOLOGIC", "NHL", ("non-Hodgkin's lymphoma, diffuse large B-cell",), 1),
    "Breast": ("SOLID", "BREAST", ("invasive ductal carcinoma of the breast", "breast cancer"), 3),
    "Carcinoid": ("SOLID", "CARCINOID", ("carcinoid tumor of the lung",), 1),
    "CNS": ("SOLID", "CNS", ("glioblastoma",), 1),
    "GI": ("SOLID", "GI", ("adenocarcinoma of the colon", "adenocarcinoma of the rectum"), 3),
    "Gynecologic": ("SOLID", "GYN", ("endometrial adenocarcinoma",), 2),
    "Malignant melanoma": ("SOLID", "MELANOMA", ("malignant melanoma",), 3),
    "Prostate": ("SOLID", "PROSTATE", ("adenocarcinoma of the prostate",), 1),
    "Thyroid": ("SOLID", "THYROID", ("papillary carcinoma of the thyroid",), 1),
}
"""Type in the skeleton: class and group on the form, words a site may use, number in Table 3."""

WOMEN_ONLY = ("Breast", "Gynecologic")
MEN_ONLY = ("Prostate",)


def has_type(t: Trial, names: Sequence[str]) -> np.ndarray:
    """Patients whose second cancer is of one of these types."""
    kinds = list(SPM_TYPES)
    return np.isin(t["spm_type"], [kinds.index(name) for name in names])


def hematologic(t: Trial) -> np.ndarray:
    """Patients whose second cancer is a hematologic one."""
    return has_type(t, [name for name, (kind, *_) in SPM_TYPES.items() if kind == "HEMATOLOGIC"])
