"""Adverse events: the published worst grades of Table 2 and what surrounds them.

Events are a long table (a dict of arrays) with `i`, the patient's position in the trial.
What does not belong here: forms, lags of receipt, doses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.simulate.patients import (
    AE_CUT,
    CUT1,
    CUT2,
    LEN,
    NEVER,
    NONE,
    PBO,
    Rng,
    Rows,
    Trial,
    between,
    hematologic,
    mask,
    pick,
    stream,
)

BLOOD = "BLOOD/BONE MARROW"
NEUTROPHILS, PLATELETS = "Neutrophils/granulocytes", "Platelets"
LYMPHOPENIA, HEMOGLOBIN, LEUKOCYTES = "Lymphopenia", "Hemoglobin", "Leukocytes"


@dataclass(frozen=True)
class Worst:
    """Patients by worst grade of one term: known at the first cut-off, and added by February 2012.

    `upgraded`: of those known with grade 3, how many later have grade 4. `regraded`: grade 4 records of the
    first cut-off that the site corrects to grade 3 afterwards. Where the paper prints no early count
    (leukocytes) the split is invented.
    """

    known3: int
    known4: int
    new3: int
    new4: int
    upgraded: int = 0
    regraded: int = 0

    def final(self, k: float) -> tuple[int, int]:
        """Patients with worst grade 3 and 4 in February 2012, carried to k times the published arm."""
        three = self.known3 - self.upgraded + self.regraded + self.new3
        return round(k * three), round(k * (self.known4 + self.upgraded - self.regraded + self.new4))


WORST: dict[int, dict[str, Worst]] = {
    LEN: {
        NEUTROPHILS: Worst(64, 24, 13, 3, upgraded=3),
        PLATELETS: Worst(17, 10, 4, 1),
        LYMPHOPENIA: Worst(11, 5, 0, 0, regraded=4),
        HEMOGLOBIN: Worst(8, 1, 1, 1),
        LEUKOCYTES: Worst(20, 2, 4, 1),
    },
    PBO: {
        NEUTROPHILS: Worst(14, 4, 13, 3),
        PLATELETS: Worst(1, 7, 2, 1),
        LYMPHOPENIA: Worst(1, 1, 2, 0),
        HEMOGLOBIN: Worst(1, 0, 0, 0),
        LEUKOCYTES: Worst(4, 1, 3, 0),
    },
}

ANY_BLOOD = {LEN: (74, 36), PBO: (27, 12)}

OTHER_WORST = {LEN: (80, 14, 3), PBO: (38, 9, 4)}
"""Patients by worst non-hematologic grade 3, 4, 5: invented, so that only grade 3 differs."""

TERMS: tuple[tuple[str, str], ...] = (
    ("Fatigue (asthenia, lethargy, malaise)", "CONSTITUTIONAL SYMPTOMS"),
    ("Infection (documented clinically)", "INFECTION"),
    ("Febrile neutropenia", "INFECTION"),
    ("Diarrhea", "GASTROINTESTINAL"),
    ("Rash/desquamation", "DERMATOLOGY/SKIN"),
    ("Pneumonitis/pulmonary infiltrates", "PULMONARY/UPPER RESPIRATORY"),
    ("Thrombosis/thrombus/embolism", "VASCULAR"),
    ("Neuropathy: sensory", "NEUROLOGY"),
    ("Pain", "PAIN"),
    ("ALT, SGPT", "METABOLIC/LABORATORY"),
    ("Potassium, serum-low (hypokalemia)", "METABOLIC/LABORATORY"),
    ("Syncope (fainting)", "NEUROLOGY"),
    ("Nausea", "GASTROINTESTINAL"),
    ("Constipation", "GASTROINTESTINAL"),
    ("Edema: limb", "LYMPHATICS"),
    ("Cardiac ischemia/infarction", "CARDIAC GENERAL"),
    ("Mucositis/stomatitis (clinical exam)", "GASTROINTESTINAL"),
    ("Secondary malignancy - possibly related to cancer treatment", "SECONDARY MALIGNANCY"),
    *((term, BLOOD) for term in (NEUTROPHILS, PLATELETS, LYMPHOPENIA, HEMOGLOBIN, LEUKOCYTES)),
)

TERM = {name: code for code, (name, _) in enumerate(TERMS)}

_SEVERE = np.arange(0, 12)
_LIFE_THREATENING = np.array([1, 1, 5, 6, 15, 10])
_MILD = np.array([0, 0, 1, 3, 4, 7, 8, 12, 13, 14])
_FATAL = np.array([1, 5, 15])

ACTIONS = ("NONE", "DOSE_REDUCED", "DRUG_HELD", "DRUG_STOPPED", "NA")
KEEP, REDUCE, HOLD, STOP, NO_DRUG = range(5)


def adverse_events(t: Trial, seed: int) -> Rows:
    """Every adverse event with its true grade and dates.

    Columns: i, term (code of TERMS), grade, start, end (NEVER when ongoing), action (code of ACTIONS),
    regraded (first reported one grade higher), by and after (the receipt lies in (after, by]).
    """
    rng = stream(seed, "adverse events")
    parts = [*_blood(rng, t), *_other(rng, t), _mild(rng, t), _before_randomisation(rng, t)]
    rows = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    last = np.where(rows["by"] <= CUT1, np.minimum(t["seen1"], t["seen2"])[rows["i"]], t["seen2"][rows["i"]])
    last = np.minimum(last, np.minimum(t["followed"], t["death"] - 1)[rows["i"]])
    fatal = rows["grade"] == 5
    rows["end"] = np.where(~fatal & (rows["end"] > last), NEVER, rows["end"])
    rows = _without_overlap(rows)
    stopped = np.where(t["crossover"], t["stop2"], t["stop1"])[rows["i"]]
    off_drug = (rows["start"] > stopped) | (rows["start"] < t["start"][rows["i"]])
    rows["action"] = np.where(off_drug & (rows["action"] != STOP), NO_DRUG, rows["action"])
    return rows


def _without_overlap(rows: Rows) -> Rows:
    """Leave out mild events that run into another event of the same term."""
    order = np.lexsort((rows["start"], rows["term"], rows["i"]))
    i, term, start, end = (rows[name][order] for name in ("i", "term", "start", "end"))
    meets = (i[1:] == i[:-1]) & (term[1:] == term[:-1]) & (start[1:] <= end[:-1])
    mild = rows["grade"][order] <= 2
    leave = mild & (np.append(meets, False) | np.append(False, meets))
    keep = np.sort(order[~leave])
    return {name: values[keep] for name, values in rows.items()}


def _rows(
    rng: Rng,
    i: np.ndarray,
    term: np.ndarray | int,
    grade: np.ndarray | int,
    start: np.ndarray,
    *,
    action: np.ndarray | int = KEEP,
    regraded: np.ndarray | bool = False,
    by: np.ndarray | int = AE_CUT,
    after: np.ndarray | int = 0,
) -> Rows:
    k = len(i)
    full = {name: np.broadcast_to(np.asarray(value), k).copy()
            for name, value in (("term", term), ("grade", grade), ("action", action),
                                ("regraded", regraded), ("by", by), ("after", after))}  # fmt: skip
    return {"i": i, "start": start, "end": start + 4 + rng.poisson(12, k), **full}


def _blood_cells(
    rng: Rng, t: Trial, arm: int, k: float, eligible: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Which patients have worst grade 3 and 4 of each term, so that "any event" comes out too."""
    three, four = (round(k * x) for x in ANY_BLOOD[arm])
    crossed = rng.permutation(np.flatnonzero(eligible & t["crossover"]))
    others = rng.permutation(np.flatnonzero(eligible & ~t["crossover"]))
    from_crossed = min(round(0.62 * (three + four)), len(crossed)) if arm == PBO else 0
    chosen = rng.permutation(np.concatenate([crossed[:from_crossed], others[: three + four - from_crossed]]))
    any4, any3 = chosen[:four], chosen[four:]
    final = {term: worst.final(k) for term, worst in WORST[arm].items()}
    neutrophils3, neutrophils4 = final[NEUTROPHILS]
    without = max(three + four - neutrophils3 - neutrophils4, 0)
    without3 = without // 2
    rest4 = any4[neutrophils4:]
    cells = {
        NEUTROPHILS: (
            np.concatenate([rest4[without - without3 :], any3[without3:]])[:neutrophils3],
            any4[:neutrophils4],
        )
    }
    of_platelets4 = max(final[PLATELETS][1] - len(rest4), 0)
    fours = {PLATELETS: np.concatenate([rest4, any4[:of_platelets4]])[: max(final[PLATELETS][1], 0)]}
    rotation = [PLATELETS, LYMPHOPENIA, HEMOGLOBIN if arm == LEN else PLATELETS]
    for number, term in enumerate((PLATELETS, LYMPHOPENIA, HEMOGLOBIN, LEUKOCYTES)):
        n3, n4 = final[term]
        four_here = fours.get(term, rng.permutation(any4)[:n4])
        fixed = np.array([p for j, p in enumerate(any3[:without3]) if rotation[j % 3] == term], int)
        if number == 3 or len(fixed) > n3:
            fixed = fixed[:n3]
        pool = rng.permutation(chosen[~np.isin(chosen, np.concatenate([four_here, fixed]))])
        cells[term] = (np.concatenate([fixed, pool[: n3 - len(fixed)]]), four_here)
    return cells


def _windows(t: Trial, i: np.ndarray, late: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days between which an event starts: before the first cut-off's last contact, or (late) after it.

    A late event of a patient with no treatment after that contact starts before it and is reported late:
    the third array says so.
    """
    early_end = np.minimum(np.minimum(t["stop1"] + 20, t["seen1"] - 1), t["followed"] - 2)[i]
    first = np.where(t["crossover"], t["crossover_start"] + 5, np.maximum(t["seen1"] + 2, t["start"] + 5))[i]
    stop = np.where(t["crossover"], t["stop2"], t["stop1"])
    last = np.minimum(np.minimum(stop + 20, t["seen2"] - 2), t["followed"] - 2)[i]
    room = last - first >= 14
    low = np.where(late & room, first, t["start"][i] + 5)
    high = np.where(late & room, last, early_end)
    return low, high, late & ~room


def _blood(rng: Rng, t: Trial) -> list[Rows]:
    parts = []
    window = np.minimum(np.minimum(t["stop1"] + 20, t["seen1"]), t["followed"]) - t["start"]
    for arm in (LEN, PBO):
        of_arm = t["arm"] == arm
        k = of_arm.sum() / {LEN: 231, PBO: 229}[arm]
        cells = _blood_cells(rng, t, arm, k, of_arm & (window >= 30))
        for term, worst in WORST[arm].items():
            three, four = cells[term]
            order4, order3 = _new_last(rng, t, four), _new_last(rng, t, three)
            new4, new3, up, back = (
                round(k * x) for x in (worst.new4, worst.new3, worst.upgraded, worst.regraded)
            )
            known4, upgraded = (
                order4[: len(order4) - new4 - up],
                order4[len(order4) - new4 - up : len(order4) - new4],
            )
            known3 = order3[: len(order3) - new3]
            for i, grade, late, regraded in (
                (known4, 4, False, False),
                (upgraded, 3, False, False),
                (upgraded, 4, True, False),
                (order4[len(order4) - new4 :], 4, True, False),
                (known3[back:], 3, False, False),
                (known3[:back], 3, False, True),
                (order3[len(order3) - new3 :], 3, True, False),
            ):  # fmt: skip
                parts.append(_episode(rng, t, term, i, grade, late, regraded))
                again = i[rng.random(len(i)) < 0.25]
                parts.append(_second_episode(rng, t, term, again, grade - 1))
    return parts


def _new_last(rng: Rng, t: Trial, positions: np.ndarray) -> np.ndarray:
    """Shuffled, those with a stretch of treatment after the first cut-off at the end."""
    shuffled = rng.permutation(positions)
    later = np.where(t["crossover"], t["stop2"], t["stop1"])[shuffled] > t["seen1"][shuffled] + 30
    return shuffled[np.argsort(later, kind="stable")]


def _episode(rng: Rng, t: Trial, term: str, i: np.ndarray, grade: int, late: bool, regraded: bool) -> Rows:
    """One record for each patient; early ones are known at the first cut-off, late ones only after it."""
    low, high, held_back = _windows(t, i, np.full(len(i), late))
    early = rng.random(len(i)) < 0.45
    start = between(rng, low, np.where(early & ~np.full(len(i), late), np.minimum(low + 80, high), high))
    known = t["seen1"][i] < NEVER
    by = np.where(known & (not late), CUT1, AE_CUT)
    after = np.where(known & held_back, CUT1, 0)
    action = np.full(len(i), HOLD)
    if grade == 3:
        action = rng.choice([KEEP, REDUCE, HOLD], len(i), p=[0.4, 0.35, 0.25])
    return _rows(rng, i, TERM[term], grade, start, action=action, regraded=regraded, by=by, after=after)


def _second_episode(rng: Rng, t: Trial, term: str, i: np.ndarray, grade: int) -> Rows:
    """A milder episode of the same term, half a year or more away."""
    stop = np.where(t["crossover"], t["stop2"], t["stop1"])
    last = np.minimum(np.minimum(stop, t["seen2"] - 2), t["followed"] - 2)[i]
    start = t["start"][i] + 250 + rng.integers(0, 200, len(i))
    fits = start < last
    return _rows(rng, i[fits], TERM[term], min(grade, 2), start[fits])


def _other(rng: Rng, t: Trial) -> list[Rows]:
    """Non-hematologic events of grade 3 to 5, among them second cancers and the reasons for stopping."""
    parts = []
    n = len(t["arm"])
    stop = np.where(t["crossover"], t["stop2"], t["stop1"])
    for_ae = (t["reason1"] == "ADVERSE_EVENT") | (t["reason2"] == "ADVERSE_EVENT")
    ae_day = np.where(t["reason1"] == "ADVERSE_EVENT", t["stop1"], t["stop2"])
    cancer = (t["spm"] < NEVER) & (t["arm"] != NONE)
    blood_cancer = hematologic(t)
    last = np.minimum(np.minimum(stop + 25, t["seen2"] - 2), t["followed"] - 2)
    for arm in (LEN, PBO):
        of_arm = t["arm"] == arm
        k = of_arm.sum() / {LEN: 231, PBO: 229}[arm]
        three, four, five = (round(k * x) for x in OTHER_WORST[arm])
        open_ = of_arm & ~cancer & ~for_ae & (last > t["start"] + 20)
        dead = open_ & (t["death"] < NEVER) & (t["pd"] == NEVER) & (t["death"] <= t["seen2"])
        fatal = pick(rng, dead, five)
        taken = mask(n, fatal)
        i = np.flatnonzero(of_arm & cancer)
        code = TERM["Secondary malignancy - possibly related to cancer treatment"]
        grade = np.where(blood_cancer[i], 4, 3)
        action = np.where(t["restart"][i], HOLD, NO_DRUG)
        cancers = _rows(rng, i, code, grade, t["spm"][i], action=action, by=CUT2)
        cancers["end"][:] = NEVER
        i = np.flatnonzero(of_arm & for_ae)
        stops = _rows(
            rng, i, rng.choice(_SEVERE, len(i)), 3, ae_day[i] - rng.integers(0, 6, len(i)), action=STOP
        )
        severe = pick(rng, open_ & ~taken, max(four - int((cancers["grade"] == 4).sum()), 0))
        taken |= mask(n, severe)
        serious = pick(
            rng, open_ & ~taken, max(three - len(stops["i"]) - int((cancers["grade"] == 3).sum()), 0)
        )
        kind, onset = rng.choice(_FATAL, len(fatal)), t["death"][fatal] - rng.integers(0, 9, len(fatal))
        deaths = _rows(rng, fatal, kind, 5, onset, action=NO_DRUG)
        deaths["end"] = t["death"][fatal]
        parts += [cancers, stops, deaths]
        for i, grades, terms in ((severe, 4, _LIFE_THREATENING), (serious, 3, _SEVERE)):
            start = between(rng, t["start"][i] + 3, last[i])
            action = rng.choice([KEEP, HOLD, REDUCE], len(i), p=[0.65, 0.25, 0.1])
            parts.append(_rows(rng, i, rng.choice(terms, len(i)), grades, start, action=action))
    return parts


def _mild(rng: Rng, t: Trial) -> Rows:
    """Grade 1 and 2 events on treatment, blood counts among them."""
    mean = np.select([t["arm"] == LEN, t["arm"] == PBO], [3.4, 2.3], 0.0)
    i = np.repeat(np.arange(len(mean)), rng.poisson(mean))
    stop = np.where(t["crossover"], t["stop2"], t["stop1"])
    last = np.minimum(np.minimum(stop + 20, t["seen2"] - 2), t["followed"] - 2)[i]
    fits = last > t["start"][i] + 10
    i, last = i[fits], last[fits]
    blood = np.array([TERM[x] for x in (NEUTROPHILS, PLATELETS, HEMOGLOBIN, LEUKOCYTES, LYMPHOPENIA)])
    term = np.where(rng.random(len(i)) < 0.3, rng.choice(blood, len(i)), rng.choice(_MILD, len(i)))
    grade = 1 + (rng.random(len(i)) < 0.4)
    return _rows(rng, i, term, grade, between(rng, t["start"][i] + 2, last))


def _before_randomisation(rng: Rng, t: Trial) -> Rows:
    """Toxicity of the transplantation, grade 4 counts among it: none of it counts in the tables."""
    transplanted = t["tx"] < NEVER
    terms = (("Mucositis/stomatitis (clinical exam)", 3, 0.35), (NEUTROPHILS, 4, 0.5), (PLATELETS, 4, 0.45),
             ("Febrile neutropenia", 3, 0.3), ("Nausea", 2, 0.4))  # fmt: skip
    parts = []
    for term, grade, rate in terms:
        i = np.flatnonzero(transplanted & (rng.random(len(transplanted)) < rate))
        rows = _rows(rng, i, TERM[term], grade, t["tx"][i] + rng.integers(2, 10, len(i)), action=NO_DRUG)
        rows["end"] = np.minimum(rows["end"], t["tx"][i] + 30)
        parts.append(rows)
    rows = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    alive = rows["end"] < np.minimum(t["death"], t["followed"])[rows["i"]]
    return {name: values[alive] for name, values in rows.items()}
