"""A free trial of any size: allocation by permuted blocks, dates from piecewise hazards.

What does not belong here: anything that the calibrated trial needs too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.simulate.patients import (
    CELL_SHARES,
    CELLS,
    CUT2,
    FIRST_ENROLMENT,
    LEN,
    NEVER,
    NONE,
    NOT_RANDOMISED,
    PBO,
    REGISTERED,
    SPM_TYPES,
    Rng,
    Trial,
    day,
    deal,
    leave_before_randomisation,
    prior_agents,
    stream,
    weekday,
)

BLOCK = 6


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
    out: np.ndarray = np.minimum(days, NEVER).astype(int)
    return out


def free_trial(patients: int, seed: int) -> Trial:
    """A trial of `patients` registered patients, calibrated to nothing."""
    n = patients
    rng = stream(seed, "free")
    t: Trial = {"reg": np.sort(weekday(rng.integers(FIRST_ENROLMENT, day("2009-03-20"), n)))}
    t["cell"] = rng.choice(len(CELLS), n, p=np.array(CELL_SHARES) / sum(CELL_SHARES))
    t["high"] = rng.random(n) < 0.24
    t["b2m_known"] = rng.random(n) > 0.05
    t["thal"], t["len"] = np.zeros(n, bool), np.zeros(n, bool)
    prior_agents(t, np.arange(n))
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
    leave_before_randomisation(rng, t, at)

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

    def draw(hazards: Mapping[int, tuple[float, ...]]) -> np.ndarray:
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
