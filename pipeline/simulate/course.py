"""The course of treatment: when capsules start and stop and why, unblinding, crossover.

What does not belong here: doses, adverse events, the disease itself, forms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.simulate.patients import (
    CUT1,
    LEN,
    NEVER,
    NONE,
    PBO,
    Rng,
    Trial,
    between,
    hematologic,
    mask,
    pick,
    scaled,
    stream,
    weekday,
)

ONGOING = ""

CYCLE = 28

# "Results": discontinued for adverse events, of 231 on lenalidomide, 143 on placebo only, 86 crossed over.
STOPPED_FOR_AE = {"LEN": (23, 231), "PBO": (2, 143), "CROSSOVER": (5, 86)}

STOPPED_OTHERWISE = {LEN: (("REFUSAL", 19), ("OTHER", 8)), PBO: (("REFUSAL", 9), ("OTHER", 5))}

RESTARTED = (4, 10)
"""Solid second cancers on lenalidomide after which the drug was started again."""


def add_course(t: Trial, seed: int) -> None:
    """Add start and stop of blinded and open-label treatment with their reasons."""
    rng = stream(seed, "course")
    n = len(t["reg"])
    on = t["arm"] != NONE
    t["start"] = np.where(on, t["rand"] + rng.integers(1, 7, n), NEVER)
    lost = np.where(t["ltfu"] & ~t["crossover"], np.minimum(t["seen1"], t["followed"]), NEVER)
    solid = (t["spm"] < NEVER) & ~hematologic(t)
    before_pd = (t["spm"] < np.minimum(t["pd"], t["death"])) & (t["spm"] > t["start"] + 56)
    again = solid & before_pd & (t["arm"] == LEN) & (np.minimum(t["pd"], t["followed"]) > t["spm"] + 200)
    t["restart"] = mask(n, pick(rng, again, scaled(RESTARTED, int((solid & (t["arm"] == LEN)).sum()))))
    dates = {
        "PROGRESSION": t["pd"],
        "DEATH": t["death"],
        "SPM": np.where(before_pd & ~t["restart"], t["spm"], NEVER),
        "LOST": lost,
    }
    natural = np.minimum.reduce(list(dates.values()))
    release = weekday(CUT1 + rng.integers(6, 60, n))
    latest = np.minimum(np.minimum(natural, t["seen2"]) - 14, CUT1 + 125)
    t["crossover_reg"] = np.where(
        t["crossover"],
        weekday(between(rng, np.full(n, CUT1 + 20), latest)),
        NEVER,
    )
    t["crossover_start"] = np.where(t["crossover"], t["crossover_reg"] + rng.integers(1, 8, n), NEVER)
    release = np.where(t["crossover"], t["crossover_reg"] - rng.integers(1, 8, n), release)
    dates["UNBLINDING"] = np.where(t["arm"] == PBO, release, NEVER)

    limit = np.minimum(np.minimum(natural, dates["UNBLINDING"]), np.minimum(t["seen2"], t["followed"])) - 15
    eligible = on & (limit > t["start"] + 90) & (t["spm"] == NEVER)
    drawn = between(rng, t["start"] + 60, limit)
    taken = np.zeros(n, bool)
    for arm in (LEN, PBO):
        of_arm = (t["arm"] == arm) & ~t["crossover"]
        ae = STOPPED_FOR_AE["LEN" if arm == LEN else "PBO"]
        for reason, count in (("ADVERSE_EVENT", ae), *((r, (k, 229)) for r, k in STOPPED_OTHERWISE[arm])):
            chosen = mask(n, pick(rng, eligible & of_arm & ~taken, scaled(count, int(of_arm.sum()))))
            taken |= chosen
            dates[reason] = np.where(chosen, drawn, dates.get(reason, np.full(n, NEVER)))
    t["off1"], t["reason1"] = _first(dates, on)
    t["stop1"], t["off1"] = _last_dose(rng, t, t["start"], t["off1"], t["reason1"])

    second = {"PROGRESSION": t["pd"], "DEATH": t["death"], "SPM": t["spm"]}
    second["LOST"] = np.where(t["ltfu"], t["followed"], NEVER)
    second = {r: np.where(d > t["crossover_start"], d, NEVER) for r, d in second.items()}
    limit = np.minimum(np.minimum.reduce(list(second.values())), np.minimum(t["seen2"], t["followed"])) - 15
    eligible = t["crossover"] & (limit > t["crossover_start"] + 60)
    drawn = between(rng, t["crossover_start"] + 30, limit)
    of = int(t["crossover"].sum())
    ae_stop = pick(rng, eligible, scaled(STOPPED_FOR_AE["CROSSOVER"], of))
    refused = pick(rng, eligible & ~mask(n, ae_stop), scaled((6, 86), of))
    second["ADVERSE_EVENT"] = np.where(mask(n, ae_stop), drawn, NEVER)
    second["REFUSAL"] = np.where(mask(n, refused), drawn, NEVER)
    t["off2"], t["reason2"] = _first(second, t["crossover"])
    t["stop2"], t["off2"] = _last_dose(rng, t, t["crossover_start"], t["off2"], t["reason2"])
    t["cycles1"] = np.where(on, (t["stop1"] - t["start"]) // CYCLE + 1, 0)
    t["cycles2"] = np.where(t["crossover"], (t["stop2"] - t["crossover_start"]) // CYCLE + 1, 0)


def _first(dates: Mapping[str, np.ndarray], on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The earliest of the dated reasons; "" and NEVER for treatment that goes on."""
    reasons = np.array([*dates, ONGOING])
    table = np.vstack([*dates.values(), np.full(len(on), NEVER)])
    first = np.where(on, table.argmin(axis=0), len(dates))
    first = np.where(table.min(axis=0) == NEVER, len(dates), first)
    return np.where(on, table.min(axis=0), NEVER), reasons[first]


def _last_dose(
    rng: Rng, t: Trial, start: np.ndarray, event: np.ndarray, reason: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Last day of capsules and the day the site calls it off, from the date of the reason."""
    n = len(event)
    alive = np.minimum(t["followed"], t["death"] - 1)
    before = np.where(reason == "DEATH", rng.integers(2, 25, n), rng.integers(0, 4, n))
    stop = np.where(reason == ONGOING, t["followed"] - rng.integers(0, 3, n), event - before)
    stop = np.where(start < NEVER, np.clip(stop, start, alive), NEVER)
    later = np.minimum(event + rng.integers(0, 11, n), alive)
    off = np.select(
        [reason == ONGOING, reason == "DEATH", reason == "PROGRESSION"],
        [np.full(n, NEVER), event, np.maximum(later, stop)],
        np.maximum(np.minimum(event, alive), stop),
    )
    return stop, off
