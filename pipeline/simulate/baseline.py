"""What is true of each patient at study entry: demography, stage, laboratory values, induction, site.

The published counts of Table 1 are shares of each arm: an arm of the published size meets them exactly.
What does not belong here: dates after registration, forms.
"""

from __future__ import annotations

import datetime as dt
from statistics import NormalDist

import numpy as np

from pipeline.simulate.patients import (
    CELLS,
    LEN,
    MEN_ONLY,
    NEVER,
    NONE,
    PBO,
    SITES,
    WOMEN_ONLY,
    Rng,
    Trial,
    deal,
    has_type,
    hematologic,
    mask,
    pick,
    share,
    stream,
)

MM_TYPES = (
    "IGG KAPPA", "IGG LAMBDA", "IGA KAPPA", "IGA LAMBDA", "IGM KAPPA", "IGM LAMBDA",
    "KAPPA LC ONLY", "LAMBDA LC ONLY", "NONSECRETORY", "UNK",
)  # fmt: skip
STAGES = ("I", "II", "III", "UNK")
RACES = ("WHITE", "BLACK OR AFRICAN AMERICAN", "ASIAN", "AMERICAN INDIAN OR ALASKA NATIVE", "UNKNOWN")

# Table 1, by arm.
MEN = {LEN: (121, 110), PBO: (129, 100)}
MM_TYPE = {LEN: (70, 43, 21, 13, 2, 0, 13, 4, 30, 35), PBO: (76, 31, 20, 13, 1, 1, 12, 10, 24, 41)}
DURIE_SALMON = {LEN: (35, 71, 112, 13), PBO: (28, 59, 129, 13)}
ISS = {LEN: (177, 11, 4, 39), PBO: (170, 16, 3, 40)}
AGE = {LEN: (59, 29, 71, 8.0), PBO: (58, 40, 71, 7.4)}
AGE_MIDDLE = {LEN: 9, PBO: 3}
"""So many at 59 that the pooled median is 59, too."""
CALCIUM = {LEN: (9.1, 7.2, 12.8, 0.5), PBO: (9.1, 3.1, 10.8, 0.5)}
ALBUMIN = {LEN: (4.0, 1.4, 4.9, 0.36), PBO: (3.9, 2.9, 5.0, 0.34)}
ALBUMIN_LEAN = {LEN: -0.02, PBO: 0.035}
ALBUMIN_MIDDLE = {LEN: 16, PBO: 3}
"""The medians differ by rounding more than the arms do (no significant difference); the pooled one is 4.0."""
CREATININE = {LEN: (0.9, 0.4, 1.9, 0.22), PBO: (0.9, 0.5, 2.2, 0.22)}

NO_STEROID = {LEN: {"B": 3, "L": 1, "T": 2}, PBO: {"B": 8, "L": 1, "T": 0}}
"""Patients of a cell without a glucocorticoid, so that the glucocorticoid rows of Table 1 come out."""

DEX = "DEXAMETHASONE"

Regimen = tuple[int, str, tuple[str, ...]]
"""Number of the regimen, name, agents."""

PLAIN: dict[str, tuple[tuple[Regimen, ...], ...]] = {
    "B": (((1, "VD", ("BORTEZOMIB", DEX)),), ((1, "CyBorD", ("CYCLOPHOSPHAMIDE", "BORTEZOMIB", DEX)),)),
    "BL": (
        ((1, "VRD", ("BORTEZOMIB", "LENALIDOMIDE", DEX)),),
        ((1, "RD", ("LENALIDOMIDE", DEX)), (2, "VD", ("BORTEZOMIB", DEX))),
    ),
    "BLT": (((1, "VTD", ("BORTEZOMIB", "THALIDOMIDE", DEX)), (2, "RD", ("LENALIDOMIDE", DEX))),),
    "BT": (
        ((1, "VTD", ("BORTEZOMIB", "THALIDOMIDE", DEX)),),
        ((1, "Thal/Dex", ("THALIDOMIDE", DEX)), (2, "VD", ("BORTEZOMIB", DEX))),
    ),
    "L": (((1, "RD", ("LENALIDOMIDE", DEX)),), ((1, "BiRD", ("LENALIDOMIDE", DEX, "CLARITHROMYCIN")),)),
    "LT": (((1, "Thal/Dex", ("THALIDOMIDE", DEX)), (2, "RD", ("LENALIDOMIDE", DEX))),),
    "T": (
        ((1, "Thal/Dex", ("THALIDOMIDE", DEX)),),
        ((1, "CTD", ("CYCLOPHOSPHAMIDE", "THALIDOMIDE", DEX)),),
    ),
    "other": (((1, "Cy/Dex", ("CYCLOPHOSPHAMIDE", DEX)),), ((1, "MP", ("MELPHALAN", "PREDNISONE")),)),
}

NO_STEROID_REGIMEN = {
    "B": ((1, "Bortezomib", ("BORTEZOMIB",)),),
    "L": ((1, "Lenalidomide", ("LENALIDOMIDE",)),),
    "T": ((1, "Thalidomide", ("THALIDOMIDE",)),),
}

ANTHRACYCLINE = {
    "B": ((1, "PAD", ("BORTEZOMIB", "DOXORUBICIN", DEX)),),
    "BL": ((1, "DVD", ("LIPOSOMAL DOXORUBICIN", "VINCRISTINE", DEX)),
           (2, "VRD", ("BORTEZOMIB", "LENALIDOMIDE", DEX))),
    "BLT": ((1, "DVD-T", ("LIPOSOMAL DOXORUBICIN", "VINCRISTINE", "THALIDOMIDE", DEX)),
            (2, "VRD", ("BORTEZOMIB", "LENALIDOMIDE", DEX))),
    "BT": ((1, "VAD", ("VINCRISTINE", "DOXORUBICIN", DEX)), (2, "VTD", ("BORTEZOMIB", "THALIDOMIDE", DEX))),
    "L": ((1, "DVD-R", ("LIPOSOMAL DOXORUBICIN", "VINCRISTINE", "LENALIDOMIDE", DEX)),),
    "LT": ((1, "DVD-T", ("LIPOSOMAL DOXORUBICIN", "VINCRISTINE", "THALIDOMIDE", DEX)),
           (2, "RD", ("LENALIDOMIDE", DEX))),
    "T": ((1, "VAD", ("VINCRISTINE", "DOXORUBICIN", DEX)), (2, "Thal/Dex", ("THALIDOMIDE", DEX))),
    "other": ((1, "VAD", ("VINCRISTINE", "DOXORUBICIN", DEX)),),
}  # fmt: skip

UNDETERMINED = ((1, "NOT DETERMINED", ("THALIDOMIDE",)),)
"""The one patient whose regimen is "not determined": thalidomide was given, with what is not known."""

REGIMENS = [
    *((cell, regimens) for cell in CELLS for regimens in PLAIN[cell]),
    *((cell, regimens) for cell, regimens in NO_STEROID_REGIMEN.items()),
    *((cell, regimens) for cell, regimens in ANTHRACYCLINE.items()),
    ("nd", UNDETERMINED),
]

_PLAIN = {cell: [i for i, r in enumerate(REGIMENS) if r[0] == cell][: len(PLAIN[cell])] for cell in CELLS}
_NO_STEROID = {cell: REGIMENS.index((cell, r)) for cell, r in NO_STEROID_REGIMEN.items()}
_ANTHRACYCLINE = {cell: REGIMENS.index((cell, r)) for cell, r in ANTHRACYCLINE.items()}


def spread(
    rng: Rng,
    n: int,
    shape: tuple[float, float, float, float],
    step: float,
    width: int = 3,
    lean: float = 0.0,
) -> np.ndarray:
    """n sorted values with exactly this median, minimum and maximum.

    shape: median, minimum, maximum, standard deviation. One value comes from each n-th of a normal
    distribution, so that two arms differ by little more than their shapes. `width` values on each side of
    the middle equal the median. `lean` shifts the distribution off the median.
    """
    median, low, high, sd = shape
    if n < 4 * width:
        return np.full(n, median)
    normal = NormalDist(median + lean, sd)
    drawn = np.array([normal.inv_cdf(p) for p in (np.arange(n) + rng.uniform(0.01, 0.99, n)) / n])
    values = np.sort(np.round(np.clip(drawn, low + step, high - step) / step) * step)
    middle = n // 2
    values[:middle] = np.minimum(values[:middle], median)
    values[middle:] = np.maximum(values[middle:], median)
    values[middle - width : middle + width] = median
    values[0], values[-1] = low, high
    return np.round(values, 1)


def _groups(t: Trial) -> list[tuple[np.ndarray, int]]:
    """Positions of each arm with the arm whose shares they follow; the not randomised follow placebo's."""
    return [(np.flatnonzero(t["arm"] == arm), PBO if arm == NONE else arm) for arm in (LEN, PBO, NONE)]


def add_baseline(t: Trial, seed: int) -> None:
    """Add demography, site, stage, baseline laboratory values and induction to the trial."""
    _sites(stream(seed, "sites"), t)
    _demography(stream(seed, "demography"), t)
    _stage(stream(seed, "stage"), t)
    _induction(stream(seed, "induction"), t)


def _sites(rng: Rng, t: Trial) -> None:
    """47 sites of unequal size; each enrols somebody when there are patients enough."""
    n = len(t["reg"])
    weight = rng.pareto(1.6, SITES) + 0.5
    t["site"] = rng.choice(SITES, n, p=weight / weight.sum())
    if n >= SITES:
        t["site"][rng.permutation(n)[:SITES]] = np.arange(SITES)
    t["patient_id"] = 104_310 + np.cumsum(rng.integers(1, 6, n))


def _demography(rng: Rng, t: Trial) -> None:
    n = len(t["reg"])
    women, men = has_type(t, WOMEN_ONLY), has_type(t, MEN_ONLY)
    t["male"] = np.zeros(n, bool)
    age = np.zeros(n)
    for at, arm in _groups(t):
        k = share(MEN[arm], len(at))[0]
        fixed = men[at].sum()
        t["male"][at[pick(rng, ~women[at] & ~men[at], k - fixed)]] = True
        t["male"][at[men[at]]] = True
        age[at] = rng.permutation(spread(rng, len(at), AGE[arm], 1.0, width=AGE_MIDDLE[arm]))
    reference = np.where(t["rand"] < NEVER, t["rand"], t["reg"])
    age = np.where((t["rand"] == NEVER) & (age > 70), 70, age)
    # Nobody is older than 70 at registration: who is 71 at randomisation had a birthday in between.
    since_birthday = np.where(
        age > 70, rng.integers(0, np.maximum(reference - t["reg"], 1)), rng.integers(0, 365, n)
    )
    anniversary = np.array([_years_before(int(d), int(a)) for d, a in zip(reference, age, strict=True)])
    t["birth"] = anniversary - since_birthday
    t["race"] = deal(rng, (78, 16, 2, 1, 3), n)
    t["hispanic"] = rng.random(n) < 0.05
    t["ecog"] = (rng.random(n) < 0.45).astype(int)


def _years_before(days: int, years: int) -> int:
    date = dt.date(1970, 1, 1) + dt.timedelta(days)
    leap = date.month == 2 and date.day == 29
    return (date.replace(year=date.year - years, day=28 if leap else date.day) - dt.date(1970, 1, 1)).days


def _stage(rng: Rng, t: Trial) -> None:
    n = len(t["reg"])
    for name in ("mm", "ds", "iss", "lytic"):
        t[name] = np.zeros(n, int)
    for name in ("b2m", "alb", "ca", "creat"):
        t[name] = np.full(n, np.nan)
    for at, arm in _groups(t):
        k = len(at)
        t["mm"][at] = deal(rng, MM_TYPE[arm], k)
        t["ds"][at] = ds = deal(rng, DURIE_SALMON[arm], k)
        calcium = spread(rng, k, CALCIUM[arm], 0.1)
        # Calcium above 12 is stage III by definition.
        top = calcium > 12
        values = np.empty(k)
        at_three = pick(rng, ds == 2, int(top.sum()))
        values[at_three] = calcium[top][: len(at_three)]
        values[~mask(k, at_three)] = rng.permutation(calcium[: k - len(at_three)])
        t["ca"][at] = values
        creatinine = spread(rng, k, CREATININE[arm], 0.1)
        t["creat"][at] = rng.permutation(creatinine)
        _iss(rng, t, at, share(ISS[arm], k), arm)
    t["lytic"] = np.select(
        [t["ds"] == 0, t["ds"] == 1, t["ds"] == 2],
        [rng.integers(0, 2, n), rng.integers(1, 3, n), np.where(rng.random(n) < 0.8, 3, 2)],
        rng.integers(0, 4, n),
    )


def _iss(rng: Rng, t: Trial, at: np.ndarray, stages: np.ndarray, arm: int) -> None:
    """Values of beta-2-microglobulin and albumin that give these numbers of ISS I, II, III and missing.

    Missing is a missing beta-2-microglobulin, or one below 3.5 without an albumin.
    """
    k = len(at)
    known, high = t["b2m_known"][at], t["high"][at]
    missing = ~known
    third = mask(k, pick(rng, known & high, stages[2]))
    by_b2m = mask(k, pick(rng, known & high & ~third, round(stages[1] * 0.55)))
    rest = known & ~third & ~by_b2m
    by_albumin = mask(k, pick(rng, rest, stages[1] - by_b2m.sum()))
    no_albumin = mask(k, pick(rng, rest & ~by_albumin, max(stages[3] - missing.sum(), 0)))
    t["iss"][at] = np.select([third, by_b2m | by_albumin, no_albumin | missing], [2, 1, 3], 0)
    t["b2m"][at] = np.select(
        [missing, third, by_b2m, high],
        [np.nan, rng.uniform(5.5, 11, k), rng.uniform(3.5, 5.4, k), rng.uniform(2.6, 3.4, k)],
        np.clip(rng.gamma(14, 0.13, k), 0.9, 2.5),
    ).round(1)
    values = spread(rng, k - no_albumin.sum(), ALBUMIN[arm], 0.1, ALBUMIN_MIDDLE[arm], ALBUMIN_LEAN[arm])
    # Albumin below 3.5 goes to those whose stage it makes, then to those whose stage it cannot change.
    low = int(np.sum(values < 3.5))
    need = np.flatnonzero(by_albumin)
    indifferent = rng.permutation(np.flatnonzero(third | by_b2m | missing))
    takers = np.concatenate([need, indifferent])[:low]
    others = rng.permutation(np.flatnonzero(~mask(k, takers) & ~no_albumin))
    t["alb"][at[takers]] = rng.permutation(values[:low])[: len(takers)]
    t["alb"][at[others]] = np.maximum(values[len(takers) :], 3.5)


def _induction(rng: Rng, t: Trial) -> None:
    """A regimen out of REGIMENS for each patient, its start, and the date of diagnosis."""
    n = len(t["reg"])
    t["regimen"] = np.zeros(n, int)
    # Four of the eight hematologic second cancers on lenalidomide followed an anthracycline.
    marked = hematologic(t) & (t["arm"] == LEN)
    with_anthracycline = rng.random(n) < 0.18
    with_anthracycline[np.flatnonzero(marked)] = deal(rng, (4, 4), int(marked.sum())).astype(bool)
    for number, cell in enumerate(CELLS):
        here = t["cell"] == number
        options = np.array(_PLAIN[cell])
        t["regimen"] = np.where(here, options[rng.integers(0, len(options), n)], t["regimen"])
        t["regimen"] = np.where(here & with_anthracycline, _ANTHRACYCLINE[cell], t["regimen"])
    for at, arm in _groups(t):
        for cell, published in NO_STEROID[arm].items():
            in_cell = t["cell"][at] == CELLS.index(cell)
            total = {LEN: {"B": 43, "L": 51, "T": 61}, PBO: {"B": 40, "L": 52, "T": 67}}[arm][cell]
            k = share((published, total - published), int(in_cell.sum()))[0] if in_cell.any() else 0
            plain = in_cell & ~with_anthracycline[at]
            t["regimen"][at[pick(rng, plain, int(k))]] = _NO_STEROID[cell]
    t["regimen"] = np.where(t["undetermined"], len(REGIMENS) - 1, t["regimen"])
    t["induction_days"] = rng.integers(75, 330, n)
    t["induction_end"] = t["reg"] - rng.integers(5, 40, n)
    t["diagnosis"] = t["induction_end"] - t["induction_days"] - rng.integers(3, 60, n)
    # The paper's case: breast cancer 26 years after a first one.
    t["prior_cancer"] = np.full(n, NEVER)
    again = has_type(t, ("Breast",)) & (t["arm"] == LEN) & (t["pd"] == NEVER)
    for at in np.flatnonzero(again)[:1]:
        t["prior_cancer"][at] = _years_before(int(t["spm"][at]), 26)
    other = (rng.random(n) < 0.05) & (t["prior_cancer"] == NEVER) & (t["spm"] == NEVER)
    t["other_prior_cancer"] = np.where(other, t["reg"] - rng.integers(1500, 6000, n), NEVER)
