"""Forms of treatment and its harms: doses, adverse events, second cancers, its end, crossover, unblinding.

What does not belong here: how a truth is made, how records are versioned.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.simulate.course import ONGOING
from pipeline.simulate.disease import known_by
from pipeline.simulate.dosing import MODIFICATIONS, REASONS, cycle_of
from pipeline.simulate.patients import (
    AE_CUT,
    CUT1,
    CUT2,
    LEN,
    NEVER,
    NONE,
    PBO,
    QUERY_ROUNDS,
    SPM_TYPES,
    Rng,
    Rows,
    Trial,
    between,
    day,
    hematologic,
    pick,
    stream,
    weekday,
)
from pipeline.simulate.records import coded, constant, dates, decimals, due, flag, received, records
from pipeline.simulate.toxicity import ACTIONS, TERM, TERMS


def treatment_dose(t: Trial, c: Rows, seed: int) -> pl.DataFrame:
    """Cycles of capsules, blinded and open-label."""
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
    """Adverse events, some first reported while they went on, some regraded."""
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
    of_blood = rng.choice([3, 4, 5], n, p=(0.3, 0.4, 0.3))
    of_others = rng.choice([1, 2, 3, 4], n, p=(0.15, 0.3, 0.4, 0.15))
    of_deaths = rng.integers(1, 4, n)
    attribution = np.select([cancer, e["grade"] == 5, before, blood], [3, of_deaths, 1, of_blood], of_others)
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
    fatal = e["grade"] == 5
    by = np.where(fatal, np.minimum(e["by"], due(t, i, known_by(t, i, days))), e["by"])
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
    """Second cancers that count, and skin cancers that do not."""
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
    # Half of the reports after the first round of queries came by them.
    source = np.where(rng.random(k + s) < 0.5, np.searchsorted(QUERY_ROUNDS, arrival), 0)
    kinds_of_skin = [
        ("NMSC_BCC", "basal cell carcinoma of the skin"),
        ("NMSC_SCC", "squamous cell carcinoma of the skin"),
    ]
    skin_rows = [kinds_of_skin[0 if b else 1] for b in basal]
    group = [kinds[x][1] for x in kind] + ["OTHER"] * s
    restarted = np.concatenate([np.select([t["restart"][i], solid & on_drug], [0, 1], 2), np.full(s, 2)])
    columns = {
        "dx_dt": dates(days),
        "diagnosis_text": pl.Series(words + [text for _, text in skin_rows], dtype=pl.String),
        "spm_class": pl.Series(
            [kinds[x][0] for x in kind] + [code for code, _ in skin_rows], dtype=pl.String
        ),
        "spm_group": pl.Series(group, dtype=pl.String),
        "histology_confirmed": constant("Y", k + s),
        "invasive": constant("Y", k + s),
        "same_primary_before": coded(np.append(np.where(metastatic, 1, 0), np.zeros(s, int)), ("N", "UNK")),
        "on_study_drug_at_dx": flag(np.concatenate([on_drug, skin_day <= t["stop1"][skin]])),
        "drug_restarted": coded(restarted, ("Y", "N", "NA")),
        "after_pd": flag(np.concatenate([after_pd, skin_day > t["pd"][skin]])),
        "report_source": coded(source, ("FORM", "QUESTIONNAIRE1", "QUESTIONNAIRE2", "QUESTIONNAIRE3")),
    }
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
    """End of blinded and of open-label treatment; patients who never started have no last dose."""
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


def crossover(t: Trial, seed: int) -> pl.DataFrame:
    """Crossover after release, and offers that were declined."""
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


def unblinded_early(t: Trial, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patients whose code was opened after progression, before the release."""
    rng = stream(seed, "unblinded early")
    days = np.where(t["pd"] < NEVER, t["pd"] + rng.integers(3, 12, len(t["pd"])), NEVER)
    fits = (t["arm"] != NONE) & (days < day("2009-10-01")) & (days < t["death"]) & (days < t["followed"])
    at = pick(rng, fits, round(6 * (t["arm"] != NONE).sum() / 460))
    return at, days[at]


def unblinding(t: Trial, seed: int) -> pl.DataFrame:
    """Early openings for single patients, and one row for the study, with patient and institution blank."""
    rng = stream(seed, "form unblinding")
    i, days = unblinded_early(t, seed)
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
