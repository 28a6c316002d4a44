"""Cycles of capsules: start at 10 mg, the planned rise to 15 mg, holds and reductions for toxicity.

What does not belong here: why treatment starts and ends (`course`), forms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.simulate.course import CYCLE, ONGOING
from pipeline.simulate.patients import CUT1, LEN, PBO, Rng, Rows, Trial, pick, scaled, stream
from pipeline.simulate.toxicity import HOLD, NEUTROPHILS, PLATELETS, REDUCE, TERM

ESCALATED = {LEN: (135, 231), PBO: (160, 229)}

MODIFICATIONS = ("NONE", "REDUCED", "HELD", "ESCALATED", "RESUMED", "OFF")
NO_CHANGE, REDUCED, HELD, RAISED, RESUMED, OFF = range(6)

REASONS = ("", "NEUTROPENIA", "THROMBOCYTOPENIA", "NONHEM_AE", "PLANNED_ESCALATION", "PATIENT", "OTHER")
BY_NEUTROPHILS, BY_PLATELETS, BY_OTHER, PLANNED, BY_PATIENT, OTHERWISE = range(1, 7)


def cycle_of(t: Trial, i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """The cycle in which a day lies, counting open-label cycles on; the last one for days after treatment."""
    since, blinded, crossed = (t[name][i] for name in ("crossover_start", "cycles1", "cycles2"))
    first = np.clip((days - t["start"][i]) // CYCLE + 1, 1, np.maximum(blinded, 1))
    second = blinded + np.clip((days - since) // CYCLE + 1, 1, np.maximum(crossed, 1))
    out: np.ndarray = np.where(days >= since, second, first)
    return out


def doses(t: Trial, events: Rows, seed: int) -> Rows:
    """Cycles of 28 days: 10 mg, 15 mg after three cycles where planned, held and lowered for toxicity.

    Columns: i, cycle, start, end, dose, days, d21 (schedule of 21 days), modification and reason (codes),
    anc, plt (nadirs, 10^9/L), open (open-label lenalidomide).
    """
    rng = stream(seed, "doses")
    total = t["cycles1"] + t["cycles2"]
    nadirs, cause = _toxic_cycles(t, events, int(total.max()) + 1)
    cause[np.arange(cause.shape[1]) >= total[:, None]] = 0
    dose, modification, reason, lowest = _levels(rng, t, cause)
    pause = _pauses(t, modification, reason)

    i = np.repeat(np.arange(len(total)), total)
    c = np.arange(len(i)) - np.repeat(np.cumsum(total) - total, total)
    open_label = c >= t["cycles1"][i]
    since = np.where(open_label, t["crossover_start"][i], t["start"][i])
    begin = since + CYCLE * np.where(open_label, c - t["cycles1"][i], c)
    stop = np.where(open_label, t["stop2"][i], t["stop1"][i])
    end = np.minimum(begin + CYCLE - 1, stop)
    why_off = np.where(open_label, t["reason2"][i], t["reason1"][i])
    ended = (end == stop) & (why_off != ONGOING)
    held, paused = modification[i, c] == HELD, pause[i, c]
    length = end - begin + 1
    missed = rng.random(len(i)) < 0.07
    partly = np.minimum(length, rng.integers(7, 20, len(i)))
    nearly = np.maximum(length - rng.integers(1, 6, len(i)), 0)
    days = np.select([paused, held, missed], [0 * length, partly, nearly], length)
    d21 = lowest[i] & (dose[i, c] == 5)
    off_for = np.select([why_off == "ADVERSE_EVENT", why_off == "REFUSAL"], [BY_OTHER, BY_PATIENT], OTHERWISE)
    u = rng.random((2, len(i)))
    return {
        "i": i,
        "cycle": c + 1,
        "start": begin,
        "end": end,
        "dose": np.where(paused, 0, dose[i, c]),
        "days": np.where(d21, np.minimum(days, 21), days),
        "d21": d21,
        "modification": np.where(ended, OFF, np.where(paused, HELD, modification[i, c])),
        "reason": np.where(ended, off_for, np.where(paused & ~held, BY_OTHER, reason[i, c])),
        "anc": _count(u[0], nadirs[0][i, c], (1.5, 4.2), (1.5, 1.9), (1.0, 1.4), (0.5, 0.9), (0.1, 0.4)),
        "plt": _count(u[1], nadirs[1][i, c], (105, 240), (75, 140), (50, 74), (25, 49), (6, 24)),
        "open": open_label | ((t["arm"][i] == LEN) & (begin > CUT1 + 27)),
    }


def _toxic_cycles(t: Trial, events: Rows, width: int) -> tuple[list[np.ndarray], np.ndarray]:
    """By patient and cycle: worst grades of neutrophils and platelets, and why treatment is held (or 0)."""
    n = len(t["arm"])
    on = events["start"] >= t["start"][events["i"]]
    i, cycle = events["i"][on], cycle_of(t, events["i"], events["start"])[on] - 1
    term, grade, action = events["term"][on], events["grade"][on], events["action"][on]
    nadirs = []
    for name in (NEUTROPHILS, PLATELETS):
        table = np.zeros((n, width), np.int8)
        here = term == TERM[name]
        np.maximum.at(table, (i[here], cycle[here]), grade[here].astype(np.int8))
        nadirs.append(table)
    acted = np.isin(action, (HOLD, REDUCE))
    why = np.select(
        [term == TERM[NEUTROPHILS], term == TERM[PLATELETS]], [BY_NEUTROPHILS, BY_PLATELETS], BY_OTHER
    )
    cause = np.zeros((n, width), np.int8)
    cause[i[acted], cycle[acted]] = why[acted]
    return nadirs, cause


def _levels(rng: Rng, t: Trial, cause: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """By patient and cycle: dose, modification and its reason; and who went below 5 mg daily to 21 days."""
    n, width = cause.shape
    early = (cause[:, :4] > 0).any(axis=1)
    rises = np.zeros(n, bool)
    for arm in (LEN, PBO):
        of_arm = t["arm"] == arm
        able = of_arm & (t["cycles1"] >= 5) & ~early
        rises[pick(rng, able, scaled(ESCALATED[arm], int(of_arm.sum())))] = True
    rise = np.where(rng.random(n) < 0.8, 3, 4)
    level, held, lowest = np.full(n, 10), np.zeros(n, bool), np.zeros(n, bool)
    dose, modification, reason = (np.zeros((n, width), np.int8) for _ in range(3))
    for c in range(width):
        crossing = c == t["cycles1"]
        level = np.where(crossing, 10, level)
        down = held & ~crossing
        lowest |= down & (level == 5)
        level = np.where(down & (level > 5), level - 5, level)
        up = rises & (c == rise) & ~down
        level = np.where(up, np.minimum(level + 5, 15), level)
        held = cause[:, c] > 0
        before = cause[:, c - 1] if c else cause[:, 0]
        modification[:, c] = np.where(held, HELD, np.where(down, REDUCED, np.where(up, RAISED, NO_CHANGE)))
        reason[:, c] = np.where(held, cause[:, c], np.where(down, before, np.where(up, PLANNED, 0)))
        dose[:, c] = level
    return dose, modification, reason, lowest


def _pauses(t: Trial, modification: np.ndarray, reason: np.ndarray) -> np.ndarray:
    """By patient and cycle: three cycles without drug after a second cancer, where it was started again."""
    n, width = modification.shape
    at = np.flatnonzero(t["restart"])
    first = cycle_of(t, at, t["spm"][at])
    pause = np.zeros((n, width), bool)
    for offset in range(3):
        pause[at, np.minimum(first + offset, width - 1)] = True
    back = np.minimum(first + 3, width - 1)
    modification[at, back], reason[at, back] = RESUMED, OTHERWISE
    return pause


def _count(u: np.ndarray, grade: np.ndarray, *bands: Sequence[float]) -> np.ndarray:
    """A count within the band of its CTCAE grade (0 to 4)."""
    low, high = np.array(bands).T
    out: np.ndarray = low[grade] + u * (high[grade] - low[grade])
    return out
