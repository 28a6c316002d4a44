"""Forms of entry: registration, eligibility, on-study, induction, transplantation, randomisation, deviations.

What does not belong here: how a truth is made, how records are versioned.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.simulate.baseline import MM_TYPES, RACES, REGIMENS, STAGES
from pipeline.simulate.forms_treatment import unblinded_early
from pipeline.simulate.patients import NEVER, NONE, RESPONSES, Trial, day, pick, stream
from pipeline.simulate.records import (
    coded,
    dates,
    decimals,
    early,
    flag,
    numbered,
    randomised,
    received,
    records,
)

AMENDMENTS = (day("2005-12-01"), day("2007-03-15"), day("2008-10-01"))
"""Days on which the protocol's amendments 1, 2 and 3 took effect (invented)."""


def registration(t: Trial, seed: int) -> pl.DataFrame:
    """Registration: one form for each patient, sent by the central office within days."""
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
    """Eligibility: 14 criteria at registration, six at randomisation."""
    rng = stream(seed, "form eligibility")
    n = len(t["reg"])
    on = randomised(t)
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
    """Disease and history at entry: stage, M-component, prior cancer, organ function."""
    rng = stream(seed, "form on study")
    n = len(t["reg"])
    i = np.arange(n)
    prior = np.minimum(t["prior_cancer"], t["other_prior_cancer"])
    breast = t["prior_cancer"] < NEVER
    kinds = (
        "carcinoma in situ of the cervix",
        "basal cell carcinoma of the skin",
        "prostate cancer, stage I",
        "breast cancer",
    )
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
    arrival = early(rng, t, i, t["reg"])
    return records(rng, t, "on_study", i, t["reg"], columns, arrival, ("dlco_pct", "lvef_pct"))


def induction(t: Trial, seed: int) -> pl.DataFrame:
    """Induction: one row for each agent of each regimen."""
    rng = stream(seed, "form induction")
    n = len(t["reg"])
    steps = [
        (r, number, name, agent)
        for r, (_, regimen) in enumerate(REGIMENS)
        for number, name, agents in regimen
        for agent in agents
    ]
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
    arrival = early(rng, t, np.arange(n), t["reg"])[i]
    return records(rng, t, "induction", i, t["reg"][i], columns, arrival, ("cycles",))


def transplant(t: Trial, seed: int) -> pl.DataFrame:
    """Transplantation of whoever reached it."""
    rng = stream(seed, "form transplant")
    i = np.flatnonzero(t["tx"] < NEVER)
    n = len(i)
    tx = t["tx"][i]
    first_version = t["reg"][i] < AMENDMENTS[0]
    platelets = np.minimum(tx + rng.integers(10, 26, n), np.minimum(t["death"], t["followed"])[i] - 1)
    mobilization = np.where(first_version, 0, rng.choice(3, n, p=(0.55, 0.4, 0.05)))
    columns = {
        "mobil_regimen": coded(mobilization, ("CY+GCSF", "GCSF", "OTHER")),
        "mobil_start_dt": dates(tx - rng.integers(12, 41, n)),
        "cd34_dose": decimals(np.clip(rng.lognormal(1.6, 0.45, n), 2.0, 25), 1),
        "mel_dose": pl.Series(np.where(rng.random(n) < 0.95, 200, 140)),
        "mel_dt": dates(tx - rng.integers(1, 3, n)),
        "infusion_dt": dates(tx),
        "n_transplants": pl.Series(np.ones(n, int)),
        "anc_engraft_dt": dates(np.minimum(tx + rng.integers(9, 15, n), platelets)),
        "plt_engraft_dt": dates(platelets),
    }
    arrival = early(rng, t, i, np.maximum(platelets, tx))
    return records(rng, t, "transplant", i, np.maximum(platelets, tx), columns, arrival, ("cd34_dose",))


def kits(t: Trial, seed: int) -> pl.Series:
    """Kit numbers in order of randomisation, at random, so that they tell nothing."""
    n = len(randomised(t))
    return numbered("K", stream(seed, "kits").permutation(np.arange(10_000, 100_000))[:n], 5)


def randomization(t: Trial, seed: int) -> pl.DataFrame:
    """Randomisation: number in order, strata as answered, block, kit; nothing that tells the arm."""
    rng = stream(seed, "form randomization")
    i = randomised(t)
    columns = {
        "randomization_no": numbered("R", t["seq"][i], 4),
        "randomization_dt": dates(t["rand"][i]),
        "strat_b2m": coded(np.where(t["high"][i], 1, 0), ("LE2.5", "GT2.5")),
        "strat_thal": flag(t["thal"][i]),
        "strat_len": flag(t["len"][i]),
        "block_no": pl.Series(t["block"][i]),
        "response_at_rand": coded(np.where(t["response"][i] == 5, -1, t["response"][i]), RESPONSES[:5]),
        "kit_no": kits(t, seed),
    }
    days = t["rand"][i]
    return records(rng, t, "randomization", i, days, columns, days + rng.integers(0, 3, len(i)))


def deviations(t: Trial, seed: int) -> pl.DataFrame:
    """Deviations: ineligible patients, missing entry data, visits out of window, codes opened early."""
    rng = stream(seed, "form deviations")
    on = t["arm"] != NONE
    early, early_day = unblinded_early(t, seed)
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
