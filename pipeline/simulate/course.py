"""What happens on treatment: when capsules start and stop and why, crossover, adverse events, doses.

Adverse events and doses are long tables (dicts of arrays) with `i`, the patient's position in the trial.
What does not belong here: forms, lags of receipt, the disease itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Trial,
    between,
    hematologic,
    mask,
    pick,
    stream,
    weekday,
)

Rows = dict[str, np.ndarray]

ONGOING = ""
CYCLE = 28

# "Results": discontinued for adverse events, of 231 on lenalidomide, 143 on placebo only, 86 crossed over.
STOPPED_FOR_AE = {"LEN": (23, 231), "PBO": (2, 143), "CROSSOVER": (5, 86)}
STOPPED_OTHERWISE = {LEN: (("REFUSAL", 19), ("OTHER", 8)), PBO: (("REFUSAL", 9), ("OTHER", 5))}
ESCALATED = {LEN: (135, 231), PBO: (160, 229)}
RESTARTED = (4, 10)
"""Solid second cancers on lenalidomide after which the drug was started again."""


def scaled(published: tuple[int, int], n: int) -> int:
    """The published count out of its denominator, carried to a group of n."""
    return round(published[0] * n / published[1])


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
    t["crossover_reg"] = np.where(
        t["crossover"],
        weekday(between(rng, np.full(n, CUT1 + 20), np.minimum(np.minimum(natural, t["seen2"]) - 14, CUT1 + 125))),
        NEVER,
    )  # fmt: skip
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


# --- adverse events -------------------------------------------------------------------------------------------

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
        deaths = _rows(rng, fatal, rng.choice(_FATAL, len(fatal)), 5, t["death"][fatal] - rng.integers(0, 9, len(fatal)),
                       action=NO_DRUG)  # fmt: skip
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


# --- doses ------------------------------------------------------------------------------------------------------

MODIFICATIONS = ("NONE", "REDUCED", "HELD", "ESCALATED", "RESUMED", "OFF")
NO_CHANGE, REDUCED, HELD, RAISED, RESUMED, OFF = range(6)
REASONS = (
    "", "NEUTROPENIA", "THROMBOCYTOPENIA", "NONHEM_AE", "PLANNED_ESCALATION", "PATIENT", "NONCOMPLIANCE", "OTHER",
)  # fmt: skip


def cycle_of(t: Trial, i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """The cycle in which a day lies, counting open-label cycles on; the last one for days after treatment."""
    blinded = np.clip((days - t["start"][i]) // CYCLE + 1, 1, np.maximum(t["cycles1"][i], 1))
    open_label = t["cycles1"][i] + np.clip(
        (days - t["crossover_start"][i]) // CYCLE + 1, 1, np.maximum(t["cycles2"][i], 1)
    )
    return np.where(days >= t["crossover_start"][i], open_label, blinded)


def doses(t: Trial, events: Rows, seed: int) -> Rows:
    """Cycles of capsules: 10 mg, raised to 15 mg after three cycles where planned, held and lowered for toxicity.

    Columns: i, cycle, start, end, dose, days, d21 (schedule of 21 days), modification and reason (codes),
    anc, plt (nadirs, 10^9/L), open (open-label lenalidomide).
    """
    rng = stream(seed, "doses")
    n, total = len(t["arm"]), t["cycles1"] + t["cycles2"]
    width = int(total.max()) + 1
    cause = np.zeros((n, width), np.int8)
    nadir = {NEUTROPHILS: np.zeros((n, width), np.int8), PLATELETS: np.zeros((n, width), np.int8)}
    after = events["start"] >= t["start"][events["i"]]
    i, cycle = events["i"][after], cycle_of(t, events["i"], events["start"])[after] - 1
    term, grade, action = events["term"][after], events["grade"][after], events["action"][after]
    for name, table in nadir.items():
        here = term == TERM[name]
        np.maximum.at(table, (i[here], cycle[here]), grade[here].astype(np.int8))
    acted = np.isin(action, (HOLD, REDUCE))
    why = np.select([term == TERM[NEUTROPHILS], term == TERM[PLATELETS]], [1, 2], 3)
    cause[i[acted], cycle[acted]] = why[acted]
    cause[np.arange(width) >= total[:, None]] = 0

    early = (cause[:, : min(4, width)] > 0).any(axis=1)
    t["escalate"] = np.zeros(n, bool)
    for arm in (LEN, PBO):
        of_arm = t["arm"] == arm
        able = of_arm & (t["cycles1"] >= 5) & ~early
        t["escalate"][pick(rng, able, scaled(ESCALATED[arm], int(of_arm.sum())))] = True
    rise = np.where(t["escalate"], np.where(rng.random(n) < 0.8, 3, 4), width)
    rise = np.minimum(rise, np.maximum(t["cycles1"] - 1, 3))
    level, held, lowered = np.full(n, 10), np.zeros(n, bool), np.zeros(n, bool)
    dose = np.zeros((n, width), np.int8)
    modification, reason = np.zeros((n, width), np.int8), np.zeros((n, width), np.int8)
    for c in range(width):
        crossing = c == t["cycles1"]
        level = np.where(crossing & t["crossover"], 10, level)
        down = held & ~crossing
        lowered |= down & (level == 5)
        level = np.where(down & (level > 5), level - 5, level)
        up = t["escalate"] & (c == rise) & ~down
        level = np.where(up, np.minimum(level + 5, 15), level)
        modification[:, c] = np.select([cause[:, c] > 0, down, up], [HELD, REDUCED, RAISED], NO_CHANGE)
        reason[:, c] = np.select(
            [cause[:, c] > 0, down, up], [cause[:, c], cause[:, c - 1] if c else 0, 4], 0
        )
        dose[:, c] = level
        held = cause[:, c] > 0
    # A second cancer interrupts treatment for three cycles where it was started again.
    at = np.flatnonzero(t["restart"])
    first = cycle_of(t, at, t["spm"][at])
    pause = np.zeros((n, width), bool)
    for offset in range(3):
        pause[at, np.minimum(first + offset, width - 1)] = True
    modification[at, np.minimum(first, width - 1)], reason[at, np.minimum(first, width - 1)] = HELD, 3
    modification[at, np.minimum(first + 3, width - 1)], reason[at, np.minimum(first + 3, width - 1)] = (
        RESUMED,
        7,
    )

    i = np.repeat(np.arange(n), total)
    c = np.arange(len(i)) - np.repeat(np.cumsum(total) - total, total)
    open_label = c >= t["cycles1"][i]
    begin = np.where(
        open_label, t["crossover_start"][i] + CYCLE * (c - t["cycles1"][i]), t["start"][i] + CYCLE * c
    )
    stop = np.where(open_label, t["stop2"][i], t["stop1"][i])
    end = np.minimum(begin + CYCLE - 1, stop)
    last = end == stop
    why_off = np.where(open_label, t["reason2"][i], t["reason1"][i])
    ended = last & (why_off != ONGOING)
    of_hold = modification[i, c] == HELD
    length = end - begin + 1
    missed = rng.random(len(i)) < 0.07
    off_for = np.select([why_off == "ADVERSE_EVENT", why_off == "REFUSAL"], [3, 5], 7)
    paused = pause[i, c]
    days = np.select([paused, of_hold, missed],
                     [0 * length, np.minimum(length, rng.integers(7, 20, len(i))),
                      np.maximum(length - rng.integers(1, 6, len(i)), 0)], length)  # fmt: skip
    d21 = lowered[i] & (dose[i, c] == 5)
    days = np.where(d21, np.minimum(days, 21), days)
    neutrophils, platelets = (nadir[x][i, c] for x in (NEUTROPHILS, PLATELETS))
    u = rng.random((2, len(i)))
    return {
        "i": i, "cycle": c + 1, "start": begin, "end": end,
        "dose": np.where(paused, 0, dose[i, c]), "days": days, "d21": d21,
        "modification": np.where(ended, OFF, np.where(paused & ~of_hold, HELD, modification[i, c])),
        "reason": np.where(ended, off_for, np.where(paused & ~of_hold, 3, reason[i, c])),
        "anc": _count(u[0], neutrophils, (1.5, 4.2), (1.5, 1.9), (1.0, 1.4), (0.5, 0.9), (0.1, 0.4)),
        "plt": _count(u[1], platelets, (105, 240), (75, 140), (50, 74), (25, 49), (6, 24)),
        "open": open_label | ((t["arm"][i] == LEN) & (begin > CUT1 + 27)),
    }  # fmt: skip


def _count(u: np.ndarray, grade: np.ndarray, *bands: Sequence[float]) -> np.ndarray:
    """A count within the band of its CTCAE grade (0 to 4)."""
    low, high = np.array(bands).T
    grade = np.minimum(grade, 4)
    return low[grade] + u * (high[grade] - low[grade])
