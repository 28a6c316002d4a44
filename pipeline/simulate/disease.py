"""The disease as the sites see it: visits, M-protein and the other markers, contacts, next therapy.

Series are made so that the EBMT rule finds progression exactly on the patient's date, first of two
assessments where a confirmation is needed, and nowhere else. What does not belong here: forms, receipt.
"""

from __future__ import annotations

import numpy as np

from pipeline.simulate.baseline import MM_TYPES
from pipeline.simulate.patients import (
    AE_CUT,
    CUT1,
    CUT2,
    NEVER,
    NONE,
    RESPONSES,
    Rng,
    Rows,
    Trial,
    day,
    stream,
)

REG, DAY100, PLANNED, AT_CUT, AT_PD, CONFIRM, LATER = range(7)
"""Kinds of visit; AT_CUT is the last assessment that is known at a cut-off."""

SERUM, URINE, FLC, MARROW, BONE, PLASMACYTOMA, CALCIUM = range(7)
BASES = ("SERUM", "URINE", "FLC", "MARROW", "BONE", "PLASMACYTOMA", "CALCIUM")

CR, PR, MR, SD, PROGRESSED, UNKNOWN, VGPR = range(7)
CALLS = (*RESPONSES[:5], "UNK", "VGPR")

QUARTER = 91
NEW_CRITERIA = day("2008-07-01")
FLC_AVAILABLE = day("2006-07-01")


def add_disease(t: Trial, seed: int) -> None:
    """Add day of restaging, confirmation, basis of progression and next therapy to the trial."""
    rng = stream(seed, "disease")
    n = len(t["reg"])
    on = t["arm"] != NONE
    seen = (~on) & (t["tx"] < NEVER) & (t["why"] != 0) & (t["left"] > t["tx"] + 60) & (rng.random(n) < 0.6)
    t["day100"] = np.select([on, seen], [t["rand"] - rng.integers(1, 11, n), t["left"]], NEVER)
    # Confirmation must be known wherever the progression is: at the cut-off that first counts it.
    limit = np.select([t["pd"] <= t["seen1"], t["pd"] <= t["seen2"]], [t["seen1"], t["seen2"]], t["pd"])
    limit = np.minimum(np.minimum(limit, t["death"] - 1), t["followed"])
    t["confirm"] = np.where(
        on & (limit - t["pd"] >= 14), np.minimum(t["pd"] + rng.integers(21, 43, n), limit), NEVER
    )
    t["marker"] = np.select(
        [np.isin(t["mm"], [MM_TYPES.index("KAPPA LC ONLY"), MM_TYPES.index("LAMBDA LC ONLY")]),
         t["mm"] == MM_TYPES.index("NONSECRETORY")], [URINE, MARROW], SERUM)  # fmt: skip
    hard = rng.choice([BONE, PLASMACYTOMA, CALCIUM], n, p=[0.6, 0.25, 0.15])
    hard = np.where((t["marker"] == MARROW) & (rng.random(n) < 0.6), MARROW, hard)
    confirmed = (t["confirm"] < NEVER) & (t["marker"] != MARROW) & (rng.random(n) < 0.85)
    t["basis"] = np.where(confirmed, t["marker"], hard)
    # One visit between the last known contact and each cut-off: it is reported after the cut-off.
    at_large = on & ~t["ltfu"] & (t["death"] > t["followed"])
    u = rng.random(n)
    unknown1 = t["seen1"] + 25 + np.floor(u * np.maximum(CUT1 - t["seen1"] - 25, 1)).astype(int)
    fits = at_large & (unknown1 <= CUT1) & (np.abs(unknown1 - t["pd"]) > 30)
    t["unknown1"] = np.where(fits, unknown1, NEVER)
    fits = at_large & (t["seen2"] < NEVER) & (t["followed"] > t["seen2"] + 20)
    t["unknown2"] = np.where(fits, t["followed"], NEVER)
    next_therapy = t["pd"] + rng.integers(18, 95, n)
    possible = (next_therapy < np.minimum(t["death"] - 5, t["followed"])) & (rng.random(n) < 0.9)
    t["next"] = np.where((t["pd"] < NEVER) & possible, next_therapy, NEVER)


def _grid(
    rng: Rng, start: np.ndarray, stop: np.ndarray, step: int, jitter: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and days of regular visits after start up to stop (both NEVER: none)."""
    count = np.where(start < NEVER, np.maximum((stop - start) // step, 0), 0)
    i = np.repeat(np.arange(len(start)), count)
    k = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count) + 1
    days = start[i] + step * k + rng.integers(-jitter, jitter + 1, len(i))
    keep = days <= stop[i]
    return i[keep], days[keep]


def _away(t: Trial, i: np.ndarray, days: np.ndarray, anchors: list[np.ndarray], distance: int) -> np.ndarray:
    """Which regular visits to keep: none close to an anchor, none while a patient is out of sight."""
    keep: np.ndarray = ~(t["ltfu"][i] & (days > t["seen1"][i]) & (days < t["seen2"][i]))
    for anchor in anchors:
        keep &= np.abs(days - anchor[i]) >= distance
    return keep


def visits(t: Trial, seed: int) -> Rows:
    """Disease assessments, sorted by patient and day: i, day, kind, number (1, 2, ... within the patient) and
    month (since randomisation; 0 for a second visit of the same month)."""
    rng = stream(seed, "visits")
    n = len(t["reg"])
    on = t["arm"] != NONE
    event = np.minimum(t["pd"], t["death"])
    cut = [np.where(on & (event > seen) & (seen < NEVER), seen, NEVER) for seen in (t["seen1"], t["seen2"])]
    cut[1] = np.where(cut[1] == cut[0], NEVER, cut[1])
    free_of_event = [np.where(t[name] < t["pd"], t[name], NEVER) for name in ("unknown1", "unknown2")]
    parts = [
        (np.arange(n), t["reg"] - rng.integers(0, 12, n), REG),
        (np.arange(n), t["day100"], DAY100),
        (np.arange(n), cut[0], AT_CUT),
        (np.arange(n), cut[1], AT_CUT),
        (np.arange(n), free_of_event[0], PLANNED),
        (np.arange(n), free_of_event[1], PLANNED),
        (np.arange(n), t["pd"], AT_PD),
        (np.arange(n), t["confirm"], CONFIRM),
    ]
    stop = np.where(on, np.minimum(np.minimum(t["followed"], t["pd"] - 1), t["death"] - 1), NEVER)
    i, days = _grid(rng, np.where(on, t["rand"], NEVER), stop, QUARTER, 9)
    keep = _away(t, i, days, [*cut, *free_of_event, t["pd"]], 35)
    parts.append((i[keep], days[keep], PLANNED))
    begin = np.where((t["next"] < NEVER) & (t["confirm"] < NEVER), np.maximum(t["confirm"], t["next"]), NEVER)
    later = np.minimum(np.minimum(begin + 200, t["death"] - 1), t["followed"])
    i, days = _grid(rng, begin, later, 85, 10)
    keep = _away(t, i, days, [], 0)
    parts.append((i[keep], days[keep], LATER))
    i = np.concatenate([p[0] for p in parts])
    days = np.concatenate([p[1] for p in parts])
    kind = np.concatenate([np.full(len(p[0]), p[2]) for p in parts])
    keep = days < NEVER
    order = np.lexsort((days[keep], i[keep]))
    i, days, kind = (x[keep][order] for x in (i, days, kind))
    first = np.searchsorted(i, np.arange(n))
    month = np.maximum(np.round((days - t["rand"][i]) / 30.4375), 1).astype(int)
    regular = np.isin(kind, (PLANNED, AT_CUT, LATER))
    again = np.append(False, (i[1:] == i[:-1]) & (month[1:] == month[:-1]) & regular[:-1])
    number = np.arange(len(i)) - first[i] + 1
    return {
        "i": i,
        "day": days,
        "kind": kind,
        "number": number,
        "month": np.where(regular & ~again, month, 0),
    }


def lowest(i: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """The lowest of each patient's values (infinity where there is none)."""
    out = np.full(n, np.inf)
    np.minimum.at(out, i, values)
    return out


def markers(t: Trial, v: Rows, seed: int) -> Rows:
    """What is measured at each visit and what the site calls it.

    Columns, each as long as the visits; nan is "not done": s (g/dL), u (mg/24h), sife and uife (1 positive,
    0 negative, -1 not done, 2 oligoclonal), bm (%), kappa, lambda_ (mg/dL), ca (mg/dL), alb (g/dL),
    bone and plasma (codes below), call (code of CALLS), quantified (the M-protein is large enough).
    """
    rng = stream(seed, "markers")
    n, rows = len(t["reg"]), len(v["i"])
    i, kind = v["i"], v["kind"]
    u1 = rng.random((12, rows))
    response = np.where(t["response"] == 5, PR, t["response"])
    at = response[i]
    marker = t["marker"][i]
    restaged = np.maximum(v["number"] - 2, 0)
    before = (v["day"] < t["pd"][i]) & (kind != REG) & (kind < AT_PD)

    improves = (rng.random(n) < 0.16) & np.isin(response, (PR, MR)) & (t["marker"] != MARROW)
    clear_from = np.where(improves, rng.integers(1, 6, n), NEVER)
    in_cr = before & ((at == CR) | (restaged >= clear_from[i]))

    # Serum and urine M-protein: a level by response, a slow fall, noise well below any rule's threshold.
    level = rng.random(n)
    low, width = np.array([(0, 0), (0.2, 0.9), (0.8, 0.9), (1.0, 1.3), (2.0, 1.0)]).T
    serum0 = low[response] + width[response] * level
    low, width = np.array([(0, 0), (50, 130), (250, 250), (300, 450), (600, 300)]).T
    urine0 = low[response] + width[response] * level
    ratio = np.select([response == PR, response == MR, response == SD],
                      [0.15 + 0.3 * rng.random(n), 0.55 + 0.17 * rng.random(n), 0.85 + 0.25 * rng.random(n)],
                      1.4 + 0.2 * rng.random(n))  # fmt: skip
    serum_reg = np.where(response == CR, 0.3 + 3.2 * level, serum0 / ratio)
    urine_reg = np.where(response == CR, 150 + 900 * level, urine0 / ratio)
    fall = 0.75 + 0.25 * np.exp(-restaged / 3)
    s = np.where(kind == REG, serum_reg[i], serum0[i] * fall + 0.16 * (u1[0] - 0.5))
    u = np.where(kind == REG, urine_reg[i], urine0[i] * fall * (0.96 + 0.08 * u1[1]))
    traces = (rng.random(n) < 0.25)[i] & ~in_cr & (marker == SERUM)
    s = np.where((marker == SERUM) & ~in_cr, np.maximum(np.round(s, 1), 0.1), 0.0)
    u = np.where(marker == URINE, np.where(in_cr, 0, np.maximum(u, 20)), np.where(traces, 10 + 50 * u1[2], 0))
    _spikes(rng, t, v, s, before & ~in_cr & (marker == SERUM))
    u = np.round(u)

    # Progression: above 1.25 times the lowest value and the absolute step, or immunofixation back in CR.
    progressed = (kind >= AT_PD) & (t["arm"][i] != NONE)
    basis = t["basis"][i]
    restaging = before | (kind == DAY100)
    low_s = np.where(np.isinf(x := lowest(i[restaging], s[restaging], n)), 0.0, x)
    low_u = np.where(np.isinf(x := lowest(i[restaging], u[restaging], n)), 0.0, x)
    faint = (response == CR) & (rng.random(n) < 0.3)
    step_s = np.where(
        faint, 0.1 + 0.2 * rng.random(n), np.maximum(1.25 * low_s, low_s + 0.5) + 0.1 + 0.9 * rng.random(n)
    )
    step_u = np.maximum(1.25 * low_u, low_u + 200) + 20 + 600 * rng.random(n)
    growth = np.select([kind == AT_PD, kind == CONFIRM], [1.0, 1.05 + 0.25 * u1[3]], 0.4 + 0.8 * u1[3])
    s = np.where(progressed & (basis == SERUM), np.ceil(10 * step_s[i] * growth) / 10, s)
    u = np.where(progressed & (basis == URINE), np.ceil(step_u[i] * growth), u)
    alone = (kind == AT_PD) & (t["arm"][i] == NONE)
    s = np.where(alone & (marker == SERUM), np.round(serum_reg[i] * 1.4 + 0.6, 1), s)

    # Marrow: at registration, restaging, then about yearly; below 5% in CR, below 10% before progression.
    yearly = (restaged % 4 == 0) & (u1[4] < 0.6) & (kind < AT_PD)
    done = np.isin(kind, (REG, DAY100)) | yearly | (progressed & (basis == MARROW) & (kind == AT_PD))
    before_bm = np.select(
        [in_cr, at == PR], [np.floor(5 * u1[5]), 5 + np.floor(3 * u1[5])], 6 + np.floor(4 * u1[5])
    )
    bm = np.select(
        [kind == REG, progressed], [5 + np.floor(35 * u1[5]), 25 + np.floor(40 * u1[5])], before_bm
    )
    bm = np.where(done, bm, np.nan)

    electrophoresis = np.where((marker == URINE) | (u1[6] < 0.55) | (kind == REG), 1, 0).astype(bool)
    positive = ((marker == SERUM) & ~in_cr & ~((s == 0) & progressed)) | ((marker == URINE) & (u > 0))
    sife = np.where(positive, 1, 0)
    sife = np.where((marker == SERUM) & progressed, 1, sife)
    sife = np.where((marker == SERUM) & progressed & (basis != SERUM) & (at == CR), -1, sife)
    # Without an M-protein a negative immunofixation counts as remission only beside a clear marrow.
    sife = np.where((marker == MARROW) & ~in_cr & ~(bm >= 5), -1, sife)
    sife = np.where(in_cr & (kind == PLANNED) & (u1[7] < 0.015), 2, sife)
    uife = np.where(electrophoresis, np.where(u > 0, 1, 0), -1)
    uife = np.where((marker == MARROW) & (sife == -1), -1, uife)
    u = np.where(electrophoresis & ~((marker == MARROW) & (sife == -1)), u, np.nan)

    kappa, lambda_ = np.round(0.6 + 1.3 * u1[8], 1), np.round(0.7 + 1.4 * u1[9], 1)
    involved = np.where(progressed, 12 + 60 * u1[10], np.where(in_cr, 0, 3 * u1[10]))
    is_lambda = np.isin(t["mm"], [k for k, name in enumerate(MM_TYPES) if "LAMBDA" in name])[i]
    kappa = np.round(kappa + np.where(is_lambda, 0, involved), 1)
    lambda_ = np.round(lambda_ + np.where(is_lambda, involved, 0), 1)
    measured = (v["day"] >= FLC_AVAILABLE) & (u1[11] < 0.6)
    kappa, lambda_ = np.where(measured, kappa, np.nan), np.where(measured, lambda_, np.nan)

    w = rng.random((5, rows))
    at_pd = progressed & (kind == AT_PD)
    calcium = np.where(at_pd & (basis == CALCIUM), 12 + 1.5 * w[0], 8.8 + 1.1 * w[0])
    albumin = np.where(at_pd & (basis == CALCIUM), 3.2 + 0.6 * w[1], 3.6 + 0.9 * w[1])
    lytic = (t["lytic"] >= 2)[i]
    bone = np.where(w[2] < 0.5, np.where(lytic, 1, 0), -1)
    bone = np.where(at_pd & (basis == BONE), np.where(w[2] < 0.7, 2, 3), bone)
    plasma = np.where(at_pd & (basis == PLASMACYTOMA), 2, np.where(w[3] < 0.5, 0, -1))

    call = np.select([in_cr, kind == REG], [CR, np.where(w[4] < 0.7, PR, np.where(w[4] < 0.85, MR, SD))], at)
    call = np.where((kind == DAY100) & (t["response"][i] == 5), UNKNOWN, call)
    call = np.where(np.isin(kind, (AT_PD, CONFIRM)), PROGRESSED, call)
    call = np.where(kind == LATER, np.where((rng.random(n) < 0.5)[i], PR, SD), call)
    new = (v["day"] >= NEW_CRITERIA) & (kind > DAY100)
    deep = (marker == SERUM) & (s <= 0.1 * serum_reg[i]) & (kind < AT_PD)
    call = np.where(new & (call == PR) & deep, VGPR, np.where(new & (call == MR), SD, call))
    # Day-100 "progression" is against the level before transplantation; afterwards the site calls it stable.
    call = np.where((call == PROGRESSED) & (kind < AT_PD) & (kind != DAY100), SD, call)
    return {
        "s": s, "u": u, "sife": sife, "uife": uife, "bm": bm, "kappa": kappa, "lambda_": lambda_,
        "ca": np.round(calcium, 1), "alb": np.round(albumin, 1), "bone": bone, "plasma": plasma,
        "call": call, "new_criteria": new, "cr": in_cr,
    }  # fmt: skip


def _spikes(rng: Rng, t: Trial, v: Rows, s: np.ndarray, where: np.ndarray) -> None:
    """A rise that the next visit does not confirm, in one patient in twenty of those without progression."""
    i = v["i"]
    following = np.append(i[1:] == i[:-1], False) & np.append(where[1:], False)
    next_day = np.append(v["day"][1:], NEVER)
    known = next_day <= np.minimum(t["seen1"], t["followed"])[i]
    fits = where & following & known & (v["kind"] == PLANNED) & (t["pd"][i] == NEVER)
    once = np.flatnonzero(fits)
    _, first = np.unique(i[once], return_index=True)
    chosen = once[first][rng.random(len(first)) < 0.05]
    s[chosen] = np.round(s[chosen] * 1.3 + 0.7, 1)


def contacts(t: Trial, v: Rows, seed: int) -> Rows:
    """Follow-up contacts, each with the patient alive: i, day, sorted.

    Every second assessment is a contact; after progression about three a year. The last contact that is
    known at a cut-off is the skeleton's.
    """
    rng = stream(seed, "contacts")
    n = len(t["reg"])
    on = t["arm"] != NONE
    alive = t["death"] - 1
    anchors = [
        np.where(on & (seen < t["death"]) & (seen < NEVER), seen, NEVER) for seen in (t["seen1"], t["seen2"])
    ]
    anchors += [t["unknown1"], t["unknown2"]]
    anchors.append(np.where((t["death"] == NEVER) | (t["followed"] < t["death"]), t["followed"], NEVER))
    planned = (v["kind"] == PLANNED) & (v["number"] % 2 == 0)
    i, days = v["i"][planned], v["day"][planned]
    begin = np.select([~on, t["pd"] < NEVER], [np.minimum(t["left"], t["followed"]), t["pd"]], NEVER)
    gi, gdays = _grid(rng, begin, np.minimum(t["followed"], alive), 128, 20)
    i, days = np.concatenate([i, gi]), np.concatenate([days, gdays])
    keep = _away(t, i, days, anchors, 40)
    everyone = np.arange(n)
    i = np.concatenate([i[keep], *([everyone] * len(anchors))])
    days = np.concatenate([days[keep], *anchors])
    keep = days < NEVER
    pairs = np.unique(np.column_stack([i[keep], days[keep]]), axis=0)
    return {"i": pairs[:, 0], "day": pairs[:, 1]}


def known_by(t: Trial, i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """The latest receipt that keeps a follow-up item known where the skeleton says it was known."""
    return np.select([days <= t["seen1"][i], days <= t["seen2"][i]], [CUT1, CUT2], AE_CUT)
