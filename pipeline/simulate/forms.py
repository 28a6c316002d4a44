"""The case-report forms of a made-up trial, from its truth.

Each function fills one form; `forms` yields them one after another, so that a large trial never stands in
memory as a whole. What does not belong here: how a truth is made, how records are versioned, files.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipeline.simulate.baseline import MM_TYPES, RACES, REGIMENS, STAGES, add_baseline
from pipeline.simulate.course import (
    ACTIONS,
    MODIFICATIONS,
    ONGOING,
    REASONS,
    TERM,
    TERMS,
    Rows,
    add_course,
    adverse_events,
    cycle_of,
    doses,
)
from pipeline.simulate.disease import (
    AT_CUT,
    BASES,
    CALLS,
    CONFIRM,
    DAY100,
    PLANNED,
    PROGRESSED,
    REG,
    SERUM,
    URINE,
    add_disease,
    contacts,
    known_by,
    markers,
    visits,
)
from pipeline.simulate.disease import PD as AT_PD
from pipeline.simulate.patients import (
    AE_CUT,
    CUT1,
    CUT2,
    LEN,
    NEVER,
    NONE,
    PBO,
    RESPONSES,
    SPM_TYPES,
    Rng,
    Trial,
    between,
    day,
    hematologic,
    pick,
    stream,
    weekday,
)
from pipeline.simulate.records import (
    due,
    SITE_CODES,
    coded,
    constant,
    dates,
    decimals,
    flag,
    received,
    records,
)
from schemas.base import names
from schemas.crf.calgb_100104 import FORMS

AMENDMENTS = (day("2005-12-01"), day("2007-03-15"), day("2008-10-01"))
"""Days on which the protocol's amendments 1, 2 and 3 took effect (invented)."""


def forms(t: Trial, seed: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield (form, all versions of its records), dates as dates and everything else as it prints.

    Adds baseline, course of treatment and disease to the trial first; `sites` is the first form.
    """
    add_baseline(t, seed)
    add_course(t, seed)
    add_disease(t, seed)
    v = visits(t, seed)
    m = markers(t, v, seed)
    events = adverse_events(t, seed)
    cycles = doses(t, events, seed)
    seen = contacts(t, v, seed)
    yield "sites", sites()
    yield "registration", registration(t, seed)
    yield "eligibility", eligibility(t, seed)
    yield "on_study", on_study(t, seed)
    yield "induction", induction(t, seed)
    yield "labs", labs(t, v, events, seed)
    yield "transplant", transplant(t, seed)
    yield "disease_assessment", disease_assessment(t, v, m, seed)
    yield "randomization", randomization(t, seed)
    yield "treatment_dose", treatment_dose(t, cycles, seed)
    yield "adverse_events", adverse_event_form(t, events, seed)
    yield "new_primary_cancer", new_primary_cancer(t, seed)
    yield "off_treatment", off_treatment(t, seed)
    yield "follow_up", follow_up(t, v, seen, seed)
    yield "subsequent_therapy", subsequent_therapy(t, seed)
    yield "death", death(t, events, seed)
    yield "crossover", crossover(t, seed)
    yield "unblinding", unblinding(t, seed)
    yield "deviations", deviations(t, seed)


def treatment_codes(t: Trial, seed: int) -> pl.DataFrame:
    """The restricted list: randomisation number, kit, code of the arm, arm."""
    at = _randomised(t)
    is_len = t["arm"][at] == LEN
    n = len(at)
    return pl.DataFrame(
        {
            "randomization_no": _number("R", t["seq"][at], 4),
            "kit_no": _kits(t, seed),
            "arm_code": coded(np.where(is_len, 1, 0), ("A", "B")),
            "arm": coded(np.where(is_len, 0, 1), ("LENALIDOMIDE", "PLACEBO")),
            "released_to": constant("STATISTICIAN", n),
        }
    )


def sites() -> pl.DataFrame:
    """47 made-up institutions of three groups."""
    n = len(SITE_CODES)
    group = ["ECOG" if k % 8 == 3 else "BMTCTN" if k % 8 == 6 else "CALGB" for k in range(n)]
    number = [f"Synthetic Cancer Center {k + 1:02d}" for k in range(n)]
    frame = pl.DataFrame({"site_code": SITE_CODES, "site_name": number, "group": group})
    return frame.sort("site_code").select(names(FORMS["sites"]))


def _number(letter: str, values: np.ndarray, digits: int) -> pl.Series:
    return letter + pl.Series(values).cast(pl.String).str.zfill(digits)


def _randomised(t: Trial) -> np.ndarray:
    """Positions in order of randomisation."""
    at = np.flatnonzero(t["arm"] != NONE)
    return at[np.argsort(t["seq"][at], kind="stable")]


def _kits(t: Trial, seed: int) -> pl.Series:
    """Kit numbers in order of randomisation, at random, so that they tell nothing."""
    n = len(_randomised(t))
    return _number("K", stream(seed, "kits").permutation(np.arange(10_000, 100_000))[:n], 5)


def _early(rng: Rng, t: Trial, i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Receipt of what every analysis needs: before the first cut-off for whoever was randomised."""
    return received(rng, t, i, days, by=np.where(days <= CUT1, due(t, i, CUT1), NEVER))


# --- entry -----------------------------------------------------------------------------------------------------


def registration(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form registration")
    n = len(t["reg"])
    i = np.arange(n)
    columns = {
        "registration_dt": dates(t["reg"]),
        "consent_dt": dates(t["reg"] - rng.integers(0, 12, n)),
        "birth_dt": dates(t["birth"]),
        "sex": coded(np.where(t["male"], 0, 1), ("M", "F")),
        "race": coded(t["race"], RACES),
        "ethnicity": coded(np.where(t["hispanic"], 0, 1), ("HISPANIC OR LATINO", "NOT HISPANIC OR LATINO")),
        "ecog_ps": pl.Series(t["ecog"]),
        "strat_b2m_reg": coded(np.where(t["high"], 1, 0), ("LE2.5", "GT2.5")),
        "strat_thal_reg": flag(t["thal"]),
        "strat_len_reg": flag(t["len"]),
        "protocol_version": pl.Series(np.searchsorted(AMENDMENTS, t["reg"], side="right")).cast(pl.String),
    }
    arrival = t["reg"] + rng.integers(0, 4, n)
    return records(rng, t, "registration", i, t["reg"], columns, arrival, ("ethnicity", "race"))


def eligibility(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form eligibility")
    n = len(t["reg"])
    on = _randomised(t)
    entry = np.repeat(np.arange(n), 14)
    later = np.repeat(on, 6)
    i = np.concatenate([entry, later])
    code = np.concatenate([np.tile(np.arange(14), n), np.tile(14 + np.arange(6), len(on))])
    words = (*(f"E{k:02d}" for k in range(1, 15)), *(f"R{k:02d}" for k in range(1, 7)))
    # What made a patient ineligible before randomisation: organ function, or the length of induction.
    failed = np.where(t["why"] == 2, np.array([6, 8, 9, 3, 11])[np.arange(n) % 5], -1)
    unmet = np.where(code < 14, code == failed[i], False)
    progressed, unknown = t["response"][i] == 4, t["response"][i] == 5
    unmet |= (progressed & np.isin(code, (15, 19))) | (unknown & (code == 15))
    not_applicable = (code == 17) & (t["reg"][i] >= AMENDMENTS[0]) | (code == 12) & t["male"][i]
    columns = {
        "step": coded(np.where(code < 14, 0, 1), ("REGISTRATION", "RANDOMIZATION")),
        "criterion_code": coded(code, words),
        "criterion_met": coded(np.select([unmet, not_applicable], [1, 2], 0), ("Y", "N", "NA")),
        "waiver": coded(np.where(unmet & (code >= 14), 0, -1), ("Y",)),
    }
    days = np.where(code < 14, t["reg"][i], t["rand"][i])
    # One checklist per patient and step: its rows travel together.
    lag = rng.integers(1, 30, 2 * n)[2 * i + (code >= 14)]
    return records(rng, t, "eligibility", i, days, columns, days + lag)


def on_study(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form on study")
    n = len(t["reg"])
    i = np.arange(n)
    prior = np.minimum(t["prior_cancer"], t["other_prior_cancer"])
    breast = t["prior_cancer"] < NEVER
    kinds = ("carcinoma in situ of the cervix", "basal cell carcinoma of the skin", "prostate cancer, stage I",
             "breast cancer")  # fmt: skip
    other = np.where(t["male"], 1 + (i % 2), i % 2)
    columns = {
        "diagnosis_dt": dates(t["diagnosis"]),
        "mm_type": coded(t["mm"], MM_TYPES),
        "ds_stage": coded(t["ds"], STAGES),
        "ds_sub": coded(np.where(t["ds"] == 3, 2, np.where(t["creat"] >= 2.0, 1, 0)), ("A", "B", "UNK")),
        "iss_stage": coded(t["iss"], STAGES),
        "lytic_scale": pl.Series(t["lytic"]),
        "plasmacytoma_bl": flag(rng.random(n) < 0.08),
        "prior_cancer": flag(prior < NEVER),
        "prior_cancer_type": coded(np.where(prior < NEVER, np.where(breast, 3, other), -1), kinds),
        "prior_cancer_dt": dates(prior),
        "creat_clearance": decimals(np.clip(rng.normal(92, 24, n), 34, 180), 0),
        "dlco_pct": decimals(np.clip(rng.normal(82, 14, n), 51, 130), 0),
        "lvef_pct": decimals(np.clip(rng.normal(61, 6, n), 42, 78), 0),
        "pregnancy_test": coded(np.where(t["male"] | (t["reg"] - t["birth"] > 365 * 55), -1, 0), ("NEG",)),
    }
    arrival = _early(rng, t, i, t["reg"])
    return records(rng, t, "on_study", i, t["reg"], columns, arrival, ("dlco_pct", "lvef_pct"))


def induction(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form induction")
    n = len(t["reg"])
    steps = [(r, number, name, agent) for r, (_, regimen) in enumerate(REGIMENS) for number, name, agents in regimen
             for agent in agents]  # fmt: skip
    of, number = np.array([s[0] for s in steps]), np.array([s[1] for s in steps])
    size = np.bincount(of, minlength=len(REGIMENS))
    start_of = np.cumsum(size) - size
    count = size[t["regimen"]]
    i = np.repeat(np.arange(n), count)
    step = start_of[t["regimen"]][i] + np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
    two = np.array([max(k for r, k, *_ in steps if r == x) for x in range(len(REGIMENS))])[t["regimen"]] == 2
    number = number[step]
    share = np.where(two, 0.35 + 0.3 * rng.random(n), 1.0)
    first_end = t["induction_end"] - t["induction_days"] + np.round(t["induction_days"] * share).astype(int)
    start = np.where(number == 1, (t["induction_end"] - t["induction_days"])[i], (first_end + 7)[i])
    stop = np.where((number == 1) & two[i], first_end[i], t["induction_end"][i])
    stop = np.maximum(stop, start + 20)
    stop = np.minimum(stop, t["reg"][i] - 1)
    best = rng.choice(4, n, p=(0.1, 0.68, 0.08, 0.14))[i]
    stopped = np.where((number == 1) & two[i], rng.choice([1, 2, 3], n, p=(0.35, 0.4, 0.25))[i], 0)
    columns = {
        "regimen_no": pl.Series(number),
        "regimen_name": coded(step, [s[2] for s in steps]),
        "agent": coded(step, [s[3] for s in steps]),
        "start_dt": dates(start),
        "stop_dt": dates(stop),
        "cycles": pl.Series(np.clip((stop - start) // 28, 1, 12)),
        "best_response": coded(np.where((number == 1) & two[i], 3, best), ("CR", "PR", "MR", "SD")),
        "reason_stop": coded(stopped, ("COMPLETED", "PROGRESSION", "TOXICITY", "OTHER")),
    }
    arrival = _early(rng, t, np.arange(n), t["reg"])[i]
    return records(rng, t, "induction", i, t["reg"][i], columns, arrival, ("cycles",))


def transplant(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form transplant")
    i = np.flatnonzero(t["tx"] < NEVER)
    n = len(i)
    tx = t["tx"][i]
    first_version = t["reg"][i] < AMENDMENTS[0]
    platelets = np.minimum(tx + rng.integers(10, 26, n), np.minimum(t["death"], t["followed"])[i] - 1)
    columns = {
        "mobil_regimen": coded(np.where(first_version, 0, rng.choice(3, n, p=(0.55, 0.4, 0.05))), ("CY+GCSF", "GCSF", "OTHER")),
        "mobil_start_dt": dates(tx - rng.integers(12, 41, n)),
        "cd34_dose": decimals(np.clip(rng.lognormal(1.6, 0.45, n), 2.0, 25), 1),
        "mel_dose": pl.Series(np.where(rng.random(n) < 0.95, 200, 140)),
        "mel_dt": dates(tx - rng.integers(1, 3, n)),
        "infusion_dt": dates(tx),
        "n_transplants": pl.Series(np.ones(n, int)),
        "anc_engraft_dt": dates(np.minimum(tx + rng.integers(9, 15, n), platelets)),
        "plt_engraft_dt": dates(platelets),
    }  # fmt: skip
    arrival = _early(rng, t, i, np.maximum(platelets, tx))
    return records(rng, t, "transplant", i, np.maximum(platelets, tx), columns, arrival, ("cd34_dose",))


def randomization(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form randomization")
    i = _randomised(t)
    columns = {
        "randomization_no": _number("R", t["seq"][i], 4),
        "randomization_dt": dates(t["rand"][i]),
        "strat_b2m": coded(np.where(t["high"][i], 1, 0), ("LE2.5", "GT2.5")),
        "strat_thal": flag(t["thal"][i]),
        "strat_len": flag(t["len"][i]),
        "block_no": pl.Series(t["block"][i]),
        "response_at_rand": coded(np.where(t["response"][i] == 5, -1, t["response"][i]), RESPONSES[:5]),
        "kit_no": _kits(t, seed),
    }
    days = t["rand"][i]
    return records(rng, t, "randomization", i, days, columns, days + rng.integers(0, 3, len(i)))


# --- laboratory and disease -------------------------------------------------------------------------------------

TESTS = ("B2M", "CA", "ALB", "CREAT", "HGB", "WBC", "ANC", "ALC", "PLT", "LDH", "IGG", "IGA", "IGM")
UNITS = ("mg/L", "mg/dL", "g/dL", "mg/dL", "g/dL", *["10^9/L"] * 4, "U/L", *["mg/dL"] * 3)
LOWER = ("0.6", "8.5", "3.5", "0.6", "12.0", "4.0", "1.8", "1.0", "150", "100", "700", "70", "40")
UPPER = ("2.4", "10.5", "5.0", "1.3", "16.5", "10.8", "7.7", "4.8", "400", "225", "1600", "400", "230")
PLACES = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
B2M, CA, ALB, CREAT, HGB, WBC, ANC, ALC, PLT, LDH, IGG, IGA, IGM = range(13)
COUNTS = np.array([CREAT, HGB, WBC, ANC, ALC, PLT])


def _panel(rng: Rng, t: Trial, i: np.ndarray) -> np.ndarray:
    """Values of the 13 tests, one row per panel, none of them CTCAE grade 3 or 4."""
    n = len(i)
    neutrophils = np.round(np.clip(rng.lognormal(0.95, 0.3, n), 1.1, 6.5), 1)
    lymphocytes = np.round(np.clip(rng.lognormal(0.15, 0.3, n), 0.6, 3.2), 1)
    immunoglobulin = np.isin(t["mm"][i], (0, 1)), np.isin(t["mm"][i], (2, 3)), np.isin(t["mm"][i], (4, 5))
    return np.column_stack(
        [
            np.clip(rng.gamma(14, 0.13, n), 0.9, 3.4),
            rng.normal(9.2, 0.35, n),
            np.clip(rng.normal(4.0, 0.3, n), 3.0, 4.9),
            np.clip(rng.normal(0.95, 0.2, n), 0.5, 1.8),
            np.clip(rng.normal(np.where(t["male"][i], 13.1, 12.1), 1.1, n), 10.1, 16.5),
            (neutrophils + lymphocytes) * rng.uniform(1.1, 1.3, n) + 0.1,
            neutrophils,
            lymphocytes,
            np.clip(rng.normal(178, 45, n), 80, 380),
            np.clip(rng.normal(175, 35, n), 90, 420),
            np.where(immunoglobulin[0], rng.uniform(900, 3300, n), rng.uniform(380, 1200, n)),
            np.where(immunoglobulin[1], rng.uniform(300, 2200, n), rng.uniform(30, 260, n)),
            np.where(immunoglobulin[2], rng.uniform(250, 1900, n), rng.uniform(15, 160, n)),
        ]
    )


def labs(t: Trial, v: Rows, events: Rows, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form labs")
    n = len(t["reg"])
    entry = _panel(rng, t, np.arange(n))
    entry[:, [B2M, CA, ALB, CREAT]] = np.column_stack([t["b2m"], t["ca"], t["alb"], t["creat"]])
    entry[:, HGB] = np.where(t["ds"] == 0, np.maximum(entry[:, HGB], 10.2), entry[:, HGB] - 0.8)
    entry[:, HGB] = np.maximum(entry[:, HGB], 8.6)
    at100 = np.flatnonzero(t["day100"] < NEVER)
    planned = (v["kind"] == PLANNED) | (v["kind"] == AT_CUT)
    month = np.where(v["month"] > 0, v["month"], -3)[planned]
    blood = (events["grade"] >= 3) & (events["start"] >= t["start"][events["i"]])
    tests = {TERM["Neutrophils/granulocytes"]: ANC, TERM["Platelets"]: PLT, TERM["Lymphopenia"]: ALC,
             TERM["Hemoglobin"]: HGB, TERM["Leukocytes"]: WBC}  # fmt: skip
    blood &= np.isin(events["term"], list(tests))
    test = np.array([tests.get(code, -1) for code in range(len(TERMS))])[events["term"][blood]]
    # A count within the band of the reported grade: (grade 3 low, high), (grade 4 low, high) by test.
    bands = {ANC: (0.5, 0.9, 0.1, 0.4), PLT: (25, 49, 6, 24), ALC: (0.2, 0.4, 0.1, 0.1),
             HGB: (6.5, 7.9, 5.5, 6.4), WBC: (1.0, 1.9, 0.4, 0.9)}  # fmt: skip
    low, high = (np.array([bands[int(k)][2 * (g - 3) + e] for k, g in zip(test, events["grade"][blood], strict=True)])
                 for e in (0, 1))  # fmt: skip
    low, high = (x.reshape(-1) for x in (low, high))
    # The count that the site regraded reads like the corrected grade.
    parts = [
        (np.repeat(np.arange(n), 13), np.repeat(t["reg"] - rng.integers(0, 10, n), 13),
         np.tile(np.arange(13), n), entry.ravel(), np.full(13 * n, -1)),
        (np.repeat(at100, 13), np.repeat(t["day100"][at100], 13), np.tile(np.arange(13), len(at100)),
         _panel(rng, t, at100).ravel(), np.full(13 * len(at100), -2)),
        (np.repeat(v["i"][planned], 6), np.repeat(v["day"][planned], 6), np.tile(COUNTS, int(planned.sum())),
         _panel(rng, t, v["i"][planned])[:, COUNTS].ravel(), np.repeat(month, 6)),
        (events["i"][blood], events["start"][blood], test, low + rng.random(len(low)) * (high - low),
         np.full(len(low), -3)),
    ]  # fmt: skip
    i, days, test, value, visit = (np.concatenate([p[k] for p in parts]) for k in range(5))
    # A count that belongs to an adverse event replaces the same day's planned one.
    _, once = np.unique((place_of(i, days) * len(TESTS) + test)[::-1], return_index=True)
    kept = np.sort(len(i) - 1 - once)
    kept = kept[~np.isnan(value[kept])]
    i, days, test, value, visit = (x[kept] for x in (i, days, test, value, visit))
    planned_visit = "M" + pl.Series(np.maximum(visit, 0)).cast(pl.String)
    special = coded(
        np.select([visit == -1, visit == -2, visit == -3], [0, 1, 2], -1), ("BASELINE", "DAY100", "UNSCHED")
    )
    whole = decimals(value, 0)
    columns = {
        "visit": pl.select(pl.coalesce(special, planned_visit)).to_series(),
        "collection_dt": dates(days),
        "test": coded(test, TESTS),
        "result": pl.select(pl.when(pl.Series(PLACES[test] == 0)).then(whole).otherwise(decimals(value, 1))).to_series(),
        "unit": coded(test, UNITS),
        "lln": coded(test, LOWER),
        "uln": coded(test, UPPER),
        "fasting_or_comment": coded(np.where(rng.random(len(i)) < 0.004, 0, -1), ("sample hemolyzed, repeated",)),
    }  # fmt: skip
    # The results of one visit arrive together.
    _, together = np.unique(place_of(i, days), return_inverse=True)
    lag_i, lag_days = np.zeros(together.max() + 1, int), np.zeros(together.max() + 1, int)
    lag_i[together], lag_days[together] = i, days
    entry_form = np.zeros(len(lag_i), bool)
    entry_form[together[(visit == -1) | (visit == -2)]] = True
    by = np.where(entry_form & (t["seen1"][lag_i] < NEVER), CUT1, NEVER)
    arrival = received(rng, t, lag_i, lag_days, by=by)[together]
    peers = np.where((visit == -1) | (visit == -3), -1, test)
    return records(rng, t, "labs", i, days, columns, arrival, ("result",), peers)


def disease_assessment(t: Trial, v: Rows, m: Rows, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form disease assessment")
    i, kind, days = v["i"], v["kind"], v["day"]
    n = len(i)
    numbered = "M" + pl.Series(v["month"]).cast(pl.String)
    unscheduled = (kind == CONFIRM) | ((v["month"] == 0) & (kind != AT_PD))
    special = coded(
        np.select([kind == REG, kind == DAY100, kind == AT_PD, unscheduled], [0, 1, 2, 3], -1),
        ("REG", "DAY100", "PD", "UNSCHED"),
    )
    negative = np.where(m["s"] == 0, 0, -1)
    quantity = pl.select(pl.coalesce(coded(negative, ("NEG",)), decimals(m["s"], 1))).to_series()
    urine = np.where(np.isnan(m["u"]), 1, np.where(m["u"] == 0, 0, -1))
    excretion = pl.select(pl.coalesce(coded(urine, ("NEG", "ND")), decimals(m["u"], 0))).to_series()
    is_pd = m["call"] == PROGRESSED
    # At day 100 the progression is dated at that visit, which precedes randomisation.
    pd = np.where(kind == DAY100, days, t["pd"][i])
    basis = np.where(
        (kind == DAY100) | ((t["arm"][i] == NONE) & (t["marker"][i] == SERUM)), SERUM, t["basis"][i]
    )
    marrow = ~np.isnan(m["bm"])
    light = ~np.isnan(m["kappa"])
    columns = {
        "assess_no": pl.Series(v["number"]),
        "visit": pl.select(pl.coalesce(special, numbered)).to_series(),
        "assess_dt": dates(days),
        "spep_dt": dates(days),
        "spep_result": quantity,
        "spep_unit": constant("g/dL", n),
        "sife": coded(np.where(m["sife"] < 0, 3, m["sife"]), ("NEG", "POS", "OLIGO", "ND")),
        "upep_result": excretion,
        "upep_unit": coded(np.where(urine == 1, -1, 0), ("mg/24h",)),
        "uife": coded(np.where(m["uife"] < 0, 2, m["uife"]), ("NEG", "POS", "ND")),
        "flc_kappa": decimals(m["kappa"], 1),
        "flc_lambda": decimals(m["lambda_"], 1),
        "flc_unit": coded(np.where(light, 0, -1), ("mg/dL",)),
        "bm_dt": dates(np.where(marrow, np.where(kind == AT_PD, days, days - rng.integers(0, 4, n)), NEVER)),
        "bm_pc_pct": decimals(m["bm"], 0),
        "bone_lesions": coded(np.where(m["bone"] < 0, 4, m["bone"]), ("NONE", "STABLE", "NEW", "INCREASED", "ND")),
        "plasmacytoma": coded(np.where(m["plasma"] < 0, 3, m["plasma"]), ("NONE", "STABLE", "NEW", "ND")),
        "ca_result": decimals(m["ca"], 1),
        "ca_unit": constant("mg/dL", n),
        "alb_result": decimals(m["alb"], 1),
        "ca_other_cause": coded(np.where(m["ca"] > 11.5, 0, -1), ("N",)),
        "response_site": coded(m["call"], CALLS),
        "criteria_used": coded(np.where(m["new_criteria"], 1, 0), ("EBMT", "IMWG")),
        "pd_basis": coded(np.where(is_pd, basis, -1), BASES),
        "pd_dt": dates(np.where(is_pd, pd, NEVER)),
    }  # fmt: skip
    by = due(t, i, known_by(t, i, days))
    arrival = received(rng, t, i, days, by=by)
    # Some sites call a first rise stable and correct that when the second assessment confirms it.
    first_call = (
        (kind == AT_PD) & (t["confirm"][i] < NEVER) & (t["basis"][i] <= URINE) & (rng.random(n) < 0.12)
    )
    at = np.flatnonzero(first_call)
    first = np.minimum(days[at] + rng.integers(5, 20, len(at)), arrival[at] - 1)
    late = np.where(days[at] > t["seen1"][i[at]], first <= CUT1, False)
    at, first = at[~late & (first > days[at])], first[~late & (first > days[at])]
    arrival[at] = np.maximum(arrival[at], np.minimum(t["confirm"][i[at]] + 3, by[at]))
    revised = pl.DataFrame(
        {
            "row": at,
            "arrival": first,
            "response_site": constant("SD", len(at)),
            "pd_basis": constant(None, len(at)),
            "pd_dt": dates(np.full(len(at), NEVER)),
        }
    )
    peers = np.where(kind == REG, -1, 0)
    return records(
        rng, t, "disease_assessment", i, days, columns, arrival, ("alb_result",), peers, revised=revised
    )


# --- treatment ---------------------------------------------------------------------------------------------------


def treatment_dose(t: Trial, c: Rows, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form treatment dose")
    n = len(t["reg"])
    i = c["i"]
    prophylaxis = rng.choice(4, n, p=(0.42, 0.45, 0.07, 0.06))
    columns = {
        "cycle_no": pl.Series(c["cycle"]),
        "cycle_start_dt": dates(c["start"]),
        "cycle_end_dt": dates(c["end"]),
        "capsule_dose": pl.Series(c["dose"]).cast(pl.Int32),
        "schedule": coded(np.where(c["d21"], 1, 0), ("D1-28", "D1-21")),
        "days_taken": pl.Series(c["days"]),
        "total_dose": pl.Series(c["dose"].astype(int) * c["days"]),
        "modification": coded(c["modification"], MODIFICATIONS),
        "mod_reason": coded(np.where(c["modification"] == 0, 0, c["reason"]), REASONS),
        "anc_nadir": decimals(c["anc"], 1),
        "plt_nadir": decimals(c["plt"], 0),
        "thromboprophylaxis": coded(prophylaxis[i], ("NONE", "ASPIRIN", "LMWH", "WARFARIN")),
        "treatment_phase": coded(np.where(c["open"], 1, 0), ("BLINDED", "OPEN_LABEL_LEN")),
    }
    arrival = received(rng, t, i, c["end"], by=due(t, i, AE_CUT))
    return records(rng, t, "treatment_dose", i, c["end"], columns, arrival, ("thromboprophylaxis",))


def adverse_event_form(t: Trial, e: Rows, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form adverse events")
    i, n = e["i"], len(e["i"])
    before = e["start"] < t["start"][i]
    ongoing = e["end"] == NEVER
    cycle = np.where((t["arm"][i] == NONE) | before, 0, cycle_of(t, i, e["start"]))
    cancer = e["term"] == TERM["Secondary malignancy - possibly related to cancer treatment"]
    blood = np.isin(
        e["term"], [c for c, (_, category) in enumerate(TERMS) if category == "BLOOD/BONE MARROW"]
    )
    serious = np.where(
        blood,
        (e["grade"] == 4) & (rng.random(n) < 0.12),
        (e["grade"] >= 4) | ((e["grade"] == 3) & (rng.random(n) < 0.35)),
    )
    serious &= ~before | (e["grade"] == 5)
    attribution = np.where(before, 1, np.where(blood, rng.choice([3, 4, 5], n, p=(0.3, 0.4, 0.3)),
                                               rng.choice([1, 2, 3, 4], n, p=(0.15, 0.3, 0.4, 0.15))))  # fmt: skip
    attribution = np.where(cancer, 3, np.where(e["grade"] == 5, rng.integers(1, 4, n), attribution))
    outcome = np.select([e["grade"] == 5, ongoing], [3, np.where(rng.random(n) < 0.6, 2, 1)], 0)
    columns = {
        "cycle_no": pl.Series(cycle),
        "ctcae_term": coded(e["term"], [name for name, _ in TERMS]),
        "ctcae_category": coded(e["term"], [category for _, category in TERMS]),
        "ctcae_code": constant(None, n),
        "grade": pl.Series(e["grade"].astype(np.int32)),
        "start_dt": dates(e["start"]),
        "end_dt": dates(e["end"]),
        "ongoing": flag(ongoing),
        "attribution": pl.Series(attribution.astype(np.int32)),
        "expedited": flag(serious & (attribution >= 3)),
        "serious": flag(serious),
        "action": coded(e["action"], ACTIONS),
        "outcome": coded(outcome, ("RESOLVED", "RESOLVING", "NOT_RESOLVED", "FATAL")),
    }
    days = np.where(ongoing, e["start"], np.maximum(e["end"], e["start"]))
    deaths = np.where(
        (e["grade"] == 5) & (t["death"][i] <= t["seen1"][i]) & (t["seen1"][i] < NEVER), CUT1, AE_CUT
    )
    by = np.minimum(e["by"], deaths)
    arrival = received(rng, t, i, days, by=by, after=e["after"])
    # Regraded: the first version holds the higher grade, the correction arrives after the first cut-off.
    regraded = np.flatnonzero(e["regraded"])
    first_grade = arrival[regraded]
    arrival[regraded] = np.minimum(
        np.maximum(first_grade, CUT1) + rng.integers(60, 500, len(regraded)), AE_CUT
    )
    # Reported while it went on, closed by a second version.
    early = received(rng, t, i, e["start"], median=20)
    open_first = ~ongoing & ~e["regraded"] & (e["grade"] < 5) & (e["after"] == 0) & (rng.random(n) < 0.12)
    closed = np.flatnonzero(open_first & (early < arrival) & (early < e["end"]))
    revised = pl.DataFrame(
        {
            "row": np.concatenate([regraded, closed]),
            "arrival": np.concatenate([first_grade, early[closed]]),
            "grade": np.concatenate([e["grade"][regraded] + 1, e["grade"][closed]]).astype(np.int32),
            "end_dt": dates(np.concatenate([e["end"][regraded], np.full(len(closed), NEVER)])),
            "ongoing": flag(np.concatenate([ongoing[regraded], np.ones(len(closed), bool)])),
            "outcome": coded(
                np.concatenate([outcome[regraded], np.full(len(closed), 2)]),
                ("RESOLVED", "RESOLVING", "NOT_RESOLVED", "FATAL"),
            ),
        }
    )
    peers = np.where(e["grade"] == 5, -1, 0)
    return records(
        rng, t, "adverse_events", i, days, columns, arrival, ("attribution",), peers, revised=revised
    )


def new_primary_cancer(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form new primary cancer")
    kinds = list(SPM_TYPES.values())
    i = np.flatnonzero((t["spm"] < NEVER) & (t["arm"] != NONE))
    kind, after_pd = t["spm_type"][i], t["spm"][i] > t["pd"][i]
    words = [kinds[k][2][j % len(kinds[k][2])] for j, k in enumerate(kind)]
    metastatic = t["prior_cancer"][i] < NEVER
    words = ["metastatic breast cancer" if m else w for m, w in zip(metastatic, words, strict=True)]
    solid = ~hematologic(t)[i]
    stopped = np.where(t["crossover"], t["stop2"], t["stop1"])[i]
    on_drug = (t["spm"][i] <= stopped + 3) & ((t["spm"][i] <= t["stop1"][i] + 3) | t["crossover"][i])
    skin, skin_day, basal = _skin_cancers(rng, t)
    k, s = len(i), len(skin)
    at, days = np.concatenate([i, skin]), np.concatenate([t["spm"][i], skin_day])
    arrival = received(rng, t, at, days, by=due(t, at, known_by(t, at, days)), median=60)
    source = np.select([arrival > day("2011-06-01"), arrival > day("2011-01-15"), arrival > day("2010-12-01")],
                       np.where(rng.random(k + s) < 0.5, [[3], [2], [1]], 0), 0)  # fmt: skip
    groups = (
        "ALL",
        "AML",
        "HL",
        "MDS",
        "NHL",
        "BREAST",
        "CARCINOID",
        "CNS",
        "GI",
        "GYN",
        "MELANOMA",
        "PROSTATE",
        "THYROID",
        "OTHER",
    )
    columns = {
        "dx_dt": dates(days),
        "diagnosis_text": pl.Series(
            [*words, *np.where(basal, "basal cell carcinoma of the skin", "squamous cell carcinoma of the skin")], dtype=pl.String
        ),
        "spm_class": pl.Series([*(kinds[x][0] for x in kind), *np.where(basal, "NMSC_BCC", "NMSC_SCC")], dtype=pl.String),
        "spm_group": coded(np.concatenate([[groups.index(kinds[x][1]) for x in kind], np.full(s, 13)]).astype(int), groups),
        "histology_confirmed": constant("Y", k + s),
        "invasive": constant("Y", k + s),
        "same_primary_before": coded(np.concatenate([np.where(metastatic, 1, 0), np.zeros(s, int)]), ("N", "UNK")),
        "on_study_drug_at_dx": flag(np.concatenate([on_drug, skin_day <= t["stop1"][skin]])),
        "drug_restarted": coded(
            np.concatenate([np.select([t["restart"][i], solid & on_drug], [0, 1], 2), np.full(s, 2)]), ("Y", "N", "NA")
        ),
        "after_pd": flag(np.concatenate([after_pd, skin_day > t["pd"][skin]])),
        "report_source": coded(source, ("FORM", "QUESTIONNAIRE1", "QUESTIONNAIRE2", "QUESTIONNAIRE3")),
    }  # fmt: skip
    return records(rng, t, "new_primary_cancer", at, days, columns, arrival, ("on_study_drug_at_dx",))


SKIN = {LEN: (2, 2), PBO: (1, 2)}
"""Table 3: patients with basal-cell and squamous-cell carcinoma."""


def _skin_cancers(rng: Rng, t: Trial) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients with skin cancers that are listed and never counted: position, day, basal-cell or not."""
    last = np.minimum(np.minimum(t["seen2"], t["followed"]), t["death"]) - 10
    fits = (t["spm"] == NEVER) & (t["arm"] != NONE) & (last > t["rand"] + 200)
    at, basal = [], []
    for arm, (bcc, scc) in SKIN.items():
        of_arm = t["arm"] == arm
        k = of_arm.sum() / {LEN: 231, PBO: 229}[arm]
        chosen = rng.permutation(pick(rng, of_arm & fits, round(k * (bcc + scc))))
        at.append(chosen)
        basal.append(np.arange(len(chosen)) < round(k * bcc))
    where = np.concatenate(at)
    return where, between(rng, t["rand"][where] + 100, last[where]), np.concatenate(basal)


def off_treatment(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form off treatment")
    one = np.flatnonzero((t["arm"] != NONE) & (t["reason1"] != ONGOING))
    two = np.flatnonzero(t["crossover"] & (t["reason2"] != ONGOING))
    never = np.flatnonzero(t["arm"] == NONE)
    i = np.concatenate([one, two, never])
    why = np.array(["PROGRESSION", "REFUSAL", "NEVER_STARTED", "NEVER_STARTED", "NEVER_STARTED"])
    text = np.array(["", "", "ineligible", "not randomized, patient's or physician's choice",
                     "accrual was closed before day 100"])  # fmt: skip
    reason = np.concatenate([t["reason1"][one], t["reason2"][two], why[t["why"][never]]])
    words = np.concatenate(
        [np.where(np.concatenate([t["reason1"][one], t["reason2"][two]]) == "OTHER",
                  "physician's decision", ""), text[t["why"][never]]]
    )  # fmt: skip
    off = np.concatenate([t["off1"][one], t["off2"][two], t["left"][never]])
    last = np.concatenate([t["stop1"][one], t["stop2"][two], np.full(len(never), NEVER)])
    phase = np.concatenate([np.zeros(len(one), int), np.ones(len(two), int), np.zeros(len(never), int)])
    columns = {
        "last_dose_dt": dates(last),
        "off_treatment_dt": dates(off),
        "off_reason": pl.Series(reason.tolist(), dtype=pl.String),
        "off_reason_text": pl.Series([w or None for w in words.tolist()], dtype=pl.String),
        "off_phase": coded(phase, ("BLINDED", "CROSSOVER")),
    }
    by = due(t, i, np.where(off <= t["seen2"][i], CUT2, AE_CUT))
    arrival = received(rng, t, i, off, by=by)
    return records(rng, t, "off_treatment", i, off, columns, arrival)


# --- follow-up ---------------------------------------------------------------------------------------------------


def place_of(i: np.ndarray, days: np.ndarray) -> np.ndarray:
    """One number that orders by patient, then by day."""
    return i.astype(np.int64) * (NEVER + 1) + days


def follow_up(t: Trial, v: Rows, c: Rows, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form follow-up")
    i, days = c["i"], c["day"]
    n = len(i)
    before = np.where(np.append(False, i[1:] == i[:-1]), np.append(0, days[:-1]), 0)
    progressed = (t["pd"][i] <= days) & (t["pd"][i] > before) & (t["arm"][i] != NONE)
    treated = (t["next"][i] <= days) & (t["next"][i] > before)
    # The latest assessment up to the contact.
    place = np.searchsorted(place_of(v["i"], v["day"]), place_of(i, days), side="right") - 1
    assessed = np.where(v["i"][place] == i, v["day"][place], NEVER)
    last = np.append(i[1:] != i[:-1], True)
    lost = last & t["ltfu"][i]
    # A contact form of half the deaths, and of all with something that no earlier contact told.
    seen_last = np.zeros(len(t["death"]), int)
    np.maximum.at(seen_last, i, days)
    untold = {name: (t[name] < NEVER) & (t[name] > seen_last) & (t["arm"] != NONE) for name in ("pd", "next")}
    died = (t["death"] < NEVER) & (t["arm"] != NONE)
    dead = np.flatnonzero(died & (untold["pd"] | untold["next"] | (rng.random(len(died)) < 0.5)))
    k = len(dead)
    final = np.searchsorted(place_of(v["i"], v["day"]), place_of(dead, t["death"][dead])) - 1
    pd_unreported, rx_unreported = untold["pd"][dead], untold["next"][dead]
    at, when = np.concatenate([i, dead]), np.concatenate([days, t["death"][dead]])
    reported = np.concatenate([progressed, pd_unreported])
    columns = {
        "contact_dt": dates(when),
        "vital_status": coded(np.repeat([0, 1], [n, k]), ("ALIVE", "DEAD")),
        "progression_since_last": flag(reported),
        "progression_dt": dates(np.where(reported, t["pd"][at], NEVER)),
        "new_therapy": flag(np.concatenate([treated, rx_unreported])),
        "last_disease_assess_dt": dates(np.concatenate([assessed, v["day"][final]])),
        "lost_to_fu": flag(np.concatenate([lost, np.zeros(k, bool)])),
        "consent_withdrawn": flag(np.zeros(n + k, bool)),
    }
    by = due(t, at, known_by(t, at, when))
    arrival = received(rng, t, at, when, by=by)
    return records(rng, t, "follow_up", at, when, columns, arrival, omitted=("last_disease_assess_dt",))


NEXT_AGENTS = (("BORTEZOMIB", "DEXAMETHASONE"), ("LENALIDOMIDE", "DEXAMETHASONE"), ("BORTEZOMIB",),
               ("THALIDOMIDE", "DEXAMETHASONE"), ("CYCLOPHOSPHAMIDE", "DEXAMETHASONE"), ("MELPHALAN",))  # fmt: skip


def subsequent_therapy(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form subsequent therapy")
    first = np.flatnonzero(t["next"] < NEVER)
    second = first[rng.random(len(first)) < 0.4]
    gap = t["next"][second] + rng.integers(120, 500, len(second))
    fits = gap < np.minimum(t["followed"], t["death"] - 5)[second]
    second, gap = second[fits], gap[fits]
    line = np.repeat([1, 2], [len(first), len(second)])
    i = np.concatenate([first, second])
    days = np.concatenate([t["next"][first], gap])
    choice = rng.choice(len(NEXT_AGENTS), len(i), p=(0.3, 0.25, 0.2, 0.1, 0.1, 0.05))
    size = np.array([len(a) for a in NEXT_AGENTS])[choice]
    row = np.repeat(np.arange(len(i)), size)
    within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    agents = sorted({a for agents in NEXT_AGENTS for a in agents})
    table = np.array([[agents.index(a) for a in (*x, *x)][:2] for x in NEXT_AGENTS])
    transplanted = (NEXT_AGENTS.index(("MELPHALAN",)) == choice)[row]
    columns = {
        "line_no": pl.Series(line[row]),
        "agent": coded(table[choice[row], within], agents),
        "start_dt": dates(days[row]),
        "second_transplant": flag(transplanted),
    }
    arrival = received(rng, t, i, days)[row]
    return records(rng, t, "subsequent_therapy", i[row], days[row], columns, arrival, ("second_transplant",))


CAUSES = ("MYELOMA", "SPM", "INFECTION", "CARDIAC", "TREATMENT", "OTHER", "UNK")


def death(t: Trial, e: Rows, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form death")
    i = np.flatnonzero(t["death"] < NEVER)
    n = len(i)
    progressed = t["pd"][i] < NEVER
    cancer = (t["spm"][i] < NEVER) & (rng.random(n) < 0.8)
    fatal = np.full(len(t["death"]), -1)
    at = e["grade"] == 5
    names_ = [name for name, _ in TERMS]
    cause_of = np.array(
        [2 if "nfection" in x or "Pneumonitis" in x else 3 if "Cardiac" in x else 5 for x in names_]
    )
    fatal[e["i"][at]] = cause_of[e["term"][at]]
    cause = np.where(
        progressed, np.where(rng.random(n) < 0.88, 0, 2), rng.choice([2, 3, 5, 6], n, p=(0.4, 0.3, 0.2, 0.1))
    )
    cause = np.where(cancer, 1, cause)
    cause = np.where(fatal[i] >= 0, fatal[i], cause)
    columns = {
        "death_dt": dates(t["death"][i]),
        "cause": coded(cause, CAUSES),
        "cause_text": coded(np.where(cause == 5, 0, -1), ("subdural hematoma after a fall",)),
        "progression_before_death": flag(progressed),
        "autopsy": flag(rng.random(n) < 0.08),
    }
    days = t["death"][i]
    by = due(t, i, known_by(t, i, days))
    arrival = received(rng, t, i, days, by=by, median=30)
    return records(rng, t, "death", i, days, columns, arrival, ("autopsy",))


# --- after release -----------------------------------------------------------------------------------------------


def crossover(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form crossover")
    yes = np.flatnonzero(t["crossover"])
    offered = (t["arm"] == PBO) & ~t["crossover"] & ~t["ltfu"]
    offered &= (
        (np.minimum(t["pd"], t["death"]) > CUT1 + 120)
        & (t["followed"] > CUT1 + 120)
        & (t["seen2"] > CUT1 + 120)
    )
    no = pick(rng, offered, round(0.6 * int(offered.sum())))
    i = np.concatenate([yes, no])
    answered = np.concatenate([t["crossover_reg"][yes], weekday(CUT1 + rng.integers(20, 110, len(no)))])
    first = np.concatenate([t["crossover_start"][yes], np.full(len(no), NEVER)])
    columns = {
        "crossover_reg_dt": dates(answered),
        "first_len_dt": dates(first),
        "pd_before": constant("N", len(i)),
        "start_dose": pl.Series(np.full(len(i), 10)),
        "declined": coded(np.repeat([1, 0], [len(yes), len(no)]), ("Y", "N")),
    }
    days = np.where(first < NEVER, first, answered)
    arrival = received(rng, t, i, days, by=due(t, i, CUT2))
    return records(rng, t, "crossover", i, days, columns, arrival)


def _unblinded_early(t: Trial, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patients whose code was opened after progression, before the release."""
    rng = stream(seed, "unblinded early")
    days = np.where(t["pd"] < NEVER, t["pd"] + rng.integers(3, 12, len(t["pd"])), NEVER)
    fits = (t["arm"] != NONE) & (days < day("2009-10-01")) & (days < t["death"]) & (days < t["followed"])
    at = pick(rng, fits, round(6 * (t["arm"] != NONE).sum() / 460))
    return at, days[at]


def unblinding(t: Trial, seed: int) -> pl.DataFrame:
    """Early openings for single patients, and one row for the study, with patient and institution blank."""
    rng = stream(seed, "form unblinding")
    i, days = _unblinded_early(t, seed)
    n = len(i)
    columns = {
        "unblind_dt": dates(np.append(days, CUT1)),
        "scope": coded(np.append(np.zeros(n, int), 1), ("PATIENT", "STUDY")),
        "reason": coded(np.append(np.zeros(n, int), 1), ("PROGRESSION", "DSMB_RELEASE")),
        "authorised_by": coded(np.append(np.zeros(n, int), 1), ("EXEC_OFFICER", "STAT_CENTER")),
    }
    arrival = np.append(np.minimum(days + rng.integers(1, 15, n), CUT1), CUT1)
    frame = records(rng, t, "unblinding", np.append(i, 0), np.append(days, CUT1), columns, arrival)
    of_study = pl.col("scope") == "STUDY"
    blank = [pl.when(~of_study).then(pl.col(name)).alias(name) for name in ("patient_id", "site_code")]
    return frame.with_columns(blank)


def deviations(t: Trial, seed: int) -> pl.DataFrame:
    rng = stream(seed, "form deviations")
    on = t["arm"] != NONE
    early, early_day = _unblinded_early(t, seed)
    ineligible = np.flatnonzero(t["why"] == 2)
    visit = pick(rng, on & (t["followed"] > t["rand"] + 200), round(0.03 * int(on.sum())))
    listed = (
        (np.flatnonzero(on & (t["response"] == 4)), t["rand"], 0, "progressive disease at day 100"),
        (np.flatnonzero(on & (t["response"] == 5)), t["rand"], 0, "response at day 100 not reported"),
        (np.flatnonzero(on & (t["ds"] == 3)), t["reg"], 0, "Durie-Salmon stage not reported"),
        (
            np.flatnonzero(on & np.isnan(t["b2m"])),
            t["reg"],
            3,
            "no beta-2-microglobulin result from registration",
        ),
        (ineligible, t["reg"], 0, "registered and found ineligible"),
        (visit, t["rand"] + 110, 1, "restaging visit out of window"),
    )
    i = np.concatenate([*(at for at, *_ in listed), early])
    days = np.concatenate([*(of[at] for at, of, *_ in listed), early_day])
    code = np.concatenate([*(np.full(len(at), c) for at, _, c, _ in listed), np.full(len(early), 2)])
    text = np.repeat(np.arange(len(listed) + 1), [*(len(at) for at, *_ in listed), len(early)])
    columns = {
        "deviation_dt": dates(days),
        "deviation_code": coded(code, ("ELIG", "VISIT", "UNBLIND", "OTHER")),
        "deviation_text": coded(
            text, (*(words for *_, words in listed), "treatment code opened after progression")
        ),
    }
    return records(rng, t, "deviations", i, days, columns, received(rng, t, i, days))
