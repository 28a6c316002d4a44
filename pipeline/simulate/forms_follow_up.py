"""Forms of follow-up: contacts, questionnaires on second cancers, subsequent therapy, death.

What does not belong here: how a truth is made, how records are versioned.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.simulate.disease import known_by
from pipeline.simulate.patients import (
    AE_CUT,
    LAST_SCREENING,
    NEVER,
    NONE,
    QUERY_ROUNDS,
    Rows,
    Trial,
    stream,
    weekday,
)
from pipeline.simulate.records import coded, dates, due, flag, place_of, received, records
from pipeline.simulate.toxicity import TERM, TERMS


def follow_up(t: Trial, v: Rows, c: Rows, seed: int) -> pl.DataFrame:
    """Contacts with the patient alive, and a contact form of some deaths."""
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


SCREENINGS = ("SKIN", "COLONOSCOPY", "CBC", "SKIN; CBC", "COLONOSCOPY; CBC", "CBC; MARROW")
OF_MEN, OF_WOMEN = ("PSA", "PSA; COLONOSCOPY"), ("MAMMOGRAM", "MAMMOGRAM; SKIN")


def spm_questionnaire(t: Trial, cancers: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Three rounds of queries and the last screening, each for every randomised patient alive then.

    cancers: the form of second cancers. A cancer diagnosed since the round before (in the first round: since
    randomisation) is a Y, which arrives no earlier than the cancer's own form. Of who is lost nobody knows.
    """
    rng = stream(seed, "form spm questionnaire")
    n = len(t["reg"])
    answered = [weekday(sent + rng.integers(2, 40, n)) for sent in QUERY_ROUNDS]
    asked = np.vstack([*answered, np.full(n, LAST_SCREENING)])
    i, number = np.nonzero(((t["arm"] != NONE) & (t["death"] > asked)).T)
    days = asked[number, i]

    reported = cancers.group_by("patient_id", "dx_dt").agg(pl.col("received_dt").min())
    by_id = np.argsort(t["patient_id"])
    ill = by_id[np.searchsorted(t["patient_id"], reported["patient_id"].to_numpy(), sorter=by_id)]
    place = place_of(ill, reported["dx_dt"].to_physical().to_numpy())
    order = np.argsort(place)
    place, came = place[order], reported["received_dt"].to_physical().to_numpy()[order]
    until = np.searchsorted(place, place_of(i, days), side="right")
    first_round = np.append(True, i[1:] != i[:-1])[: len(i)]
    before = np.where(first_round, np.searchsorted(place, place_of(i, np.zeros_like(i))), np.roll(until, 1))
    new = until > before
    arrival = received(rng, t, i, days, by=AE_CUT, median=30)
    arrival[new] = np.maximum(arrival[new], came[until[new] - 1])

    unknown = ~new & t["ltfu"][i] & (t["followed"][i] < days)
    words = (*SCREENINGS, *OF_MEN, *OF_WOMEN)
    of_sex = np.where(t["male"][i], len(SCREENINGS), len(SCREENINGS) + len(OF_MEN)) + rng.integers(
        0, 2, len(i)
    )
    done = np.where(rng.random(len(i)) < 0.5, of_sex, rng.integers(0, len(SCREENINGS), len(i)))
    columns = {
        "round": pl.Series(number + 1),
        "questionnaire_dt": dates(days),
        "any_new_cancer": coded(np.select([new, unknown], [0, 2], 1), ("Y", "N", "UNK")),
        "screening_done": coded(np.where(unknown | (rng.random(len(i)) < 0.2), -1, done), words),
    }
    return records(rng, t, "spm_questionnaire", i, days, columns, arrival, ("screening_done",))


NEXT_AGENTS = (
    ("BORTEZOMIB", "DEXAMETHASONE"),
    ("LENALIDOMIDE", "DEXAMETHASONE"),
    ("BORTEZOMIB",),
    ("THALIDOMIDE", "DEXAMETHASONE"),
    ("CYCLOPHOSPHAMIDE", "DEXAMETHASONE"),
    ("MELPHALAN",),
)


def subsequent_therapy(t: Trial, seed: int) -> pl.DataFrame:
    """Next lines of therapy: one row for each agent."""
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
    transplanted = (choice == NEXT_AGENTS.index(("MELPHALAN",)))[row]
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
    """Deaths with their causes."""
    rng = stream(seed, "form death")
    i = np.flatnonzero(t["death"] < NEVER)
    n = len(i)
    progressed = t["pd"][i] < NEVER
    cancer = (t["spm"][i] < NEVER) & (rng.random(n) < 0.8)
    fatal = np.full(len(t["death"]), -1)
    at = e["grade"] == 5
    lungs_and_infections = ("Infection (documented clinically)", "Pneumonitis/pulmonary infiltrates")
    cause_of = np.full(len(TERMS), 5)
    cause_of[[TERM[name] for name in lungs_and_infections]] = 2
    cause_of[TERM["Cardiac ischemia/infarction"]] = 3
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
