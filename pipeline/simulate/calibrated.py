"""The calibrated trial: the skeleton's 460 patients, and 108 who were registered and not randomised.

The skeleton's arms, strata and dates make the published survival figures come out; none of them changes here.
What does not belong here: anything that is not a date, an allocation or an answer at randomisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.simulate.patients import (
    CELL_SHARES,
    CELLS,
    CUT2,
    FIRST_ENROLMENT,
    LAST_ENROLMENT,
    LEN,
    NEVER,
    NONE,
    NOT_RANDOMISED,
    PBO,
    REGISTERED,
    RESPONSES,
    SPM_TYPES,
    Rng,
    Trial,
    between,
    day,
    deal,
    leave_before_randomisation,
    prior_agents,
    stream,
    weekday,
)

SKELETON = Path(__file__).with_name("skeleton.csv")


def calibrated_trial(seed: int) -> Trial:
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
    prior_agents(t, late)
    _registration(stream(seed, "registration"), t)
    leave_before_randomisation(rng, t, late)
    _last_seen(stream(seed, "last seen"), t, 4, 2)
    return _in_order(t)


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
