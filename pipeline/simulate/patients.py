"""The truth of a made-up trial: one entry per registered patient, before anybody fills in a form.

A trial is a dict of numpy arrays of equal length, ordered by registration. Dates are whole days since
1970-01-01; NEVER stands for "did not happen". `calibrated` starts from the skeleton, whose dates make the
published survival figures come out; `free` draws allocation and dates of any number of patients from
permuted blocks and piecewise hazards. Everything after that (baseline, course of treatment) is one road:
the published counts are shares, met exactly when a group has the published size.

What does not belong here: forms, record versions, lags of receipt, laboratory series.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

Trial = dict[str, np.ndarray]
Rng = np.random.Generator

NEVER = 99_999
"""The day of what does not happen (in the year 2243)."""

LEN, PBO, NONE = 1, 0, -1
"""Values of `arm`; NONE for patients who were registered and not randomised."""

SKELETON = Path(__file__).with_name("skeleton.csv")
REGISTERED, SITES = 568, 47


def day(iso: str) -> int:
    """Days since 1970-01-01."""
    return (dt.date.fromisoformat(iso) - dt.date(1970, 1, 1)).days


CUT1, CUT2, AE_CUT = day("2009-12-17"), day("2011-10-31"), day("2012-02-29")
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


def deal(rng: Rng, counts: Sequence[int], n: int) -> np.ndarray:
    """n codes 0, 1, ... in the proportions of `counts`, shuffled."""
    return rng.permutation(np.repeat(np.arange(len(counts)), share(counts, n)))


def pick(rng: Rng, where: np.ndarray, k: int) -> np.ndarray:
    """k of the positions at which the mask is true, or all of them if there are fewer."""
    found = np.flatnonzero(where)
    return np.sort(rng.permutation(found)[:k])


def between(rng: Rng, low: np.ndarray | int, high: np.ndarray | int, size: int | None = None) -> np.ndarray:
    """Whole numbers from low to high, both included; low where the interval is empty."""
    width = np.maximum(np.asarray(high) - np.asarray(low) + 1, 1)
    return low + np.floor(rng.random(np.broadcast(low, high).shape if size is None else size) * width).astype(
        int
    )


def mask(n: int, positions: np.ndarray) -> np.ndarray:
    """A boolean array that is true at the positions."""
    out = np.zeros(n, bool)
    out[positions] = True
    return out


def weekday(days: np.ndarray) -> np.ndarray:
    """The nearest working day: Saturday moves to Friday, Sunday to Monday."""
    of_week = (days + 3) % 7
    return days + np.select([of_week == 5, of_week == 6], [-1, 1], 0)


# --- allocation and dates ---------------------------------------------------------------------------------

CELLS = ("B", "BL", "BLT", "BT", "L", "LT", "T", "other")
CELL_SHARES = (83, 41, 5, 60, 103, 11, 128, 29)
RESPONSES = ("CR", "PR", "MR", "SD", "PD", "missing")
BLOCK = 6

NOT_RANDOMISED = (("PROGRESSION", 23), ("REFUSAL", 38), ("INELIGIBLE", 15), ("OTHER", 24), ("CLOSED", 8))
"""Why 108 registered patients were not randomised: 23 are the paper's 4% of 568, the rest is invented."""


def permuted_blocks(rng: Rng, stratum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arms and block numbers for patients in order of randomisation.

    stratum: codes 0..7. Each stratum has its own list of blocks of six, three places for each arm.
    """
    order = np.argsort(stratum, kind="stable")
    size = np.bincount(stratum)
    place = np.empty(len(stratum), int)
    place[order] = np.arange(len(stratum)) - np.repeat(np.cumsum(size) - size, size)
    block = place // BLOCK
    blocks = -(-size // BLOCK)
    first = np.cumsum(blocks) - blocks
    lists = rng.random((blocks.sum(), BLOCK)).argsort(axis=1) < BLOCK // 2
    return lists[first[stratum] + block, place % BLOCK].astype(int), block + 1


def calibrated(seed: int) -> Trial:
    """The 460 patients of the skeleton and 108 who were not randomised."""
    skeleton = pl.read_csv(SKELETON, infer_schema=False)
    n, others = skeleton.height, REGISTERED - skeleton.height

    def dates(name: str) -> np.ndarray:
        days = skeleton[name].str.to_date().cast(pl.Int32).fill_null(NEVER)
        return np.concatenate([days.to_numpy(), np.full(others, NEVER)]).astype(int)

    def flags(name: str, yes: str = "1") -> np.ndarray:
        return np.concatenate([(skeleton[name] == yes).to_numpy(), np.zeros(others, bool)])

    def numbers(name: str) -> np.ndarray:
        return np.concatenate([skeleton[name].cast(pl.Int32).to_numpy(), np.zeros(others, int)]).astype(int)

    def codes(name: str, names: Sequence[str]) -> np.ndarray:
        known = skeleton[name].fill_null("").to_list()
        return np.concatenate([[names.index(x) for x in known], np.full(others, -1)]).astype(int)

    t: Trial = {
        "tx": dates("transplant_dt"),
        "rand": dates("rand_dt"),
        "pd": dates("pd_dt"),
        "death": dates("death_dt"),
        "spm": dates("spm_dt"),
        "seen1": dates("last_contact_cut1"),
        "seen2": dates("last_contact_cut2"),
        "ltfu": flags("ltfu"),
        "crossover": flags("crossover"),
        "high": flags("b2m_answer", "elevated"),
        "b2m_known": ~flags("b2m_stratum", "missing"),
        "thal": flags("prior_thal") & ~flags("induction_cell", "nd"),
        "len": flags("prior_len"),
        "undetermined": flags("induction_cell", "nd"),
        "cell": codes("induction_cell", (*CELLS, "nd")),
        "response": codes("day100_response", RESPONSES),
        "spm_type": codes("spm_type", ("", *SPM_TYPES)) - 1,
        "seq": numbers("rand_seq"),
        "block": numbers("block"),
        "arm": np.where(flags("arm", "LEN"), LEN, np.where(flags("arm", "PBO"), PBO, NONE)),
    }
    rng = stream(seed, "not randomised")
    late = np.arange(n, n + others)
    t["why"] = np.full(n + others, -1)
    t["why"][late] = deal(rng, [k for _, k in NOT_RANDOMISED], others)
    t["cell"][late] = deal(rng, CELL_SHARES, others)
    t["b2m_known"][late] = rng.random(others) > 0.05
    t["high"][late] = rng.random(others) < 0.24
    _prior_agents(t, late)
    _registration(stream(seed, "registration"), t)
    _without_randomisation(rng, t, late)
    _last_seen(stream(seed, "last seen"), t, 4, 2)
    return _in_order(t)


def _prior_agents(t: Trial, at: np.ndarray) -> None:
    for flag, letter in (("thal", "T"), ("len", "L")):
        t[flag][at] = np.array([letter in cell for cell in CELLS])[t["cell"][at]]


def _registration(rng: Rng, t: Trial) -> None:
    """Registration one to seven weeks before transplantation, never before the first enrolment."""
    n = len(t["tx"])
    gap = rng.integers(9, 50, n)
    t["reg"] = weekday(np.maximum(t["tx"] - gap, np.minimum(FIRST_ENROLMENT, t["tx"] - 4)))
    closed = t["why"] == 4
    alone = t["why"] >= 0
    drawn = rng.integers(FIRST_ENROLMENT + 20, day("2009-04-10"), n)
    t["reg"] = np.where(alone, weekday(drawn), t["reg"])
    t["reg"] = np.where(closed, weekday(rng.integers(day("2009-04-20"), LAST_ENROLMENT, n)), t["reg"])
    if closed.any():
        t["reg"][np.flatnonzero(closed)[-1]] = weekday(np.array([LAST_ENROLMENT - 10]))[0]


def _without_randomisation(rng: Rng, t: Trial, at: np.ndarray) -> None:
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


def _last_seen(rng: Rng, t: Trial, late_progressions: int, late_deaths: int) -> None:
    """How long each patient is really followed; a few events after the last known contact of 2011-10-31.

    They happen before that cut-off and are reported after it: whoever cuts on event dates counts them.
    """
    n = len(t["rand"])
    free = (np.minimum(t["pd"], t["death"]) == NEVER) & ~t["ltfu"] & (t["arm"] != NONE)
    free &= (t["spm"] == NEVER) & (t["seen2"] < day("2011-08-15")) & (t["seen2"] > day("2011-03-01"))
    chosen = rng.permutation(np.flatnonzero(free))[: late_progressions + late_deaths]
    event = weekday(between(rng, np.maximum(t["seen2"] + 40, day("2011-08-25")), np.full(n, CUT2 - 3)))
    for name, at in (("pd", chosen[:late_progressions]), ("death", chosen[late_progressions:])):
        t[name][at] = event[at]
    followed = between(rng, np.maximum(np.minimum(t["seen2"], CUT2), day("2011-09-12")), np.full(n, CUT2))
    followed = np.where(t["ltfu"], t["seen2"], np.maximum(followed, np.minimum(t["seen2"], CUT2)))
    alone = t["arm"] == NONE
    followed = np.where(alone, np.minimum(t["left"] + rng.integers(20, 500, n), day("2011-09-30")), followed)
    t["followed"] = np.minimum(followed, t["death"])


def _in_order(t: Trial) -> Trial:
    order = np.argsort(t["reg"], kind="stable")
    return {name: values[order] for name, values in t.items()}


# Hazards per day from randomisation: progression by arm in months 0-12, 12-24, 24-36 and later; death before
# progression; death after progression; a second cancer by arm. Rounded from the published curves' shape.
PIECES = np.array([0, 365, 730, 1096])
PROGRESSION = {LEN: (3.5e-4, 3.6e-4, 4.4e-4, 7.0e-4), PBO: (9.5e-4, 9.5e-4, 7.5e-4, 6.0e-4)}
DEATH_FIRST = {LEN: (3e-5,) * 4, PBO: (6e-5,) * 4}
DEATH_AFTER = 6.5e-4
SECOND_CANCER = {LEN: (8.0e-5,) * 4, PBO: (2.6e-5,) * 4}


def piecewise_exponential(rng: Rng, hazards: np.ndarray) -> np.ndarray:
    """Days to an event, one per row of hazards (rows x pieces, per day, pieces start at PIECES)."""
    target = -np.log1p(-rng.random(len(hazards)))
    width = np.diff(PIECES)
    done = np.zeros(len(hazards))
    days = np.full(len(hazards), np.inf)
    for j in range(hazards.shape[1]):
        room = hazards[:, j] * (width[j] if j < len(width) else np.inf)
        here = np.isinf(days) & (target <= done + room)
        days[here] = PIECES[j] + (target[here] - done[here]) / hazards[here, j]
        done += room
    return np.minimum(days, NEVER).astype(int)


def free(patients: int, seed: int) -> Trial:
    """A trial of `patients` registered patients, calibrated to nothing."""
    n = patients
    rng = stream(seed, "free")
    t: Trial = {"reg": np.sort(weekday(rng.integers(FIRST_ENROLMENT, day("2009-03-20"), n)))}
    t["cell"] = rng.choice(len(CELLS), n, p=np.array(CELL_SHARES) / sum(CELL_SHARES))
    t["high"] = rng.random(n) < 0.24
    t["b2m_known"] = rng.random(n) > 0.05
    t["thal"], t["len"] = np.zeros(n, bool), np.zeros(n, bool)
    _prior_agents(t, np.arange(n))
    for name in ("undetermined", "ltfu", "crossover"):
        t[name] = np.zeros(n, bool)
    for name in ("tx", "rand", "pd", "death", "spm", "seen1", "seen2"):
        t[name] = np.full(n, NEVER)
    t["spm_type"] = np.full(n, -1)
    t["seq"], t["block"] = np.zeros(n, int), np.zeros(n, int)

    out = rng.random(n) < (REGISTERED - 460) / REGISTERED
    at, here = np.flatnonzero(out), np.flatnonzero(~out)
    t["why"] = np.full(n, -1)
    t["why"][at] = deal(rng, [k for _, k in NOT_RANDOMISED[:4]], len(at))
    t["response"] = rng.choice(4, n, p=np.array((146, 224, 16, 70)) / 456)
    _without_randomisation(rng, t, at)

    k = len(here)
    t["tx"][here] = t["reg"][here] + rng.integers(9, 50, k)
    start = weekday(t["tx"][here] + rng.integers(100, 104, k))
    t["rand"][here] = start
    order = np.argsort(start, kind="stable")
    stratum = (4 * t["high"] + 2 * t["thal"] + t["len"])[here][order]
    arm, block = permuted_blocks(rng, stratum)
    t["arm"] = np.full(n, NONE)
    t["arm"][here[order]], t["block"][here[order]] = arm, block
    t["seq"][here[order]] = np.arange(1, k + 1)

    is_len = (t["arm"][here] == LEN)[:, None]

    def draw(hazards: dict[int, tuple[float, ...]]) -> np.ndarray:
        return piecewise_exponential(rng, np.where(is_len, hazards[LEN], hazards[PBO]))

    pd, death = start + 5 + draw(PROGRESSION), start + 5 + draw(DEATH_FIRST)
    spm = start + 5 + draw(SECOND_CANCER)
    after = pd + 15 + rng.exponential(1 / DEATH_AFTER, k).astype(int)
    death = np.where(pd < death, after, death)
    lost = rng.random(k) < 0.05
    end = np.where(lost, start + 20 + (rng.random(k) * (CUT2 - start - 20)).astype(int),
                   rng.integers(day("2011-09-12"), CUT2 + 1, k))  # fmt: skip
    t["death"][here] = np.where(death <= end, death, NEVER)
    t["pd"][here] = np.where((pd <= end) & (pd < death), pd, NEVER)
    t["spm"][here] = np.where((spm <= end) & (spm < death), spm, NEVER)
    kinds = rng.choice(len(SPM_TYPES), k, p=np.array([s[3] for s in SPM_TYPES.values()]) / 24)
    t["spm_type"][here] = np.where(t["spm"][here] < NEVER, kinds, -1)
    t["ltfu"][here] = lost & (t["death"][here] == NEVER)
    t["followed"] = np.minimum(t["left"] + rng.integers(20, 500, n), day("2011-09-30"))
    t["followed"][here] = end
    t["followed"] = np.minimum(t["followed"], t["death"])
    at_release = (t["arm"] == PBO) & (np.minimum(t["pd"], t["death"]) > day("2010-05-15"))
    t["crossover"] = at_release & (t["followed"] > day("2010-05-15")) & (rng.random(n) < 86 / 128)
    return t


# --- second cancers -----------------------------------------------------------------------------------------

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
