"""Forms of findings: laboratory results and disease assessments.

What does not belong here: how a series of markers is made (`disease`), how records are versioned.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.simulate.disease import (
    AT_CUT,
    AT_PD,
    BASES,
    CALLS,
    CONFIRM,
    DAY100,
    PLANNED,
    PROGRESSED,
    REG,
    SERUM,
    URINE,
    known_by,
)
from pipeline.simulate.lesions import CALLS as PLASMACYTOMAS
from pipeline.simulate.lesions import LOCATIONS, METHODS, NOT_DONE
from pipeline.simulate.patients import CUT1, NEVER, NONE, Rng, Rows, Trial, stream
from pipeline.simulate.records import (
    coded,
    constant,
    dates,
    decimals,
    due,
    place_of,
    received,
    records,
)
from pipeline.simulate.toxicity import (
    HEMOGLOBIN,
    LEUKOCYTES,
    LYMPHOPENIA,
    NEUTROPHILS,
    PLATELETS,
    TERM,
    TERMS,
)

TESTS = ("B2M", "CA", "ALB", "CREAT", "HGB", "WBC", "ANC", "ALC", "PLT", "LDH", "IGG", "IGA", "IGM")
UNITS = ("mg/L", "mg/dL", "g/dL", "mg/dL", "g/dL", *["10^9/L"] * 4, "U/L", *["mg/dL"] * 3)
LOWER = ("0.6", "8.5", "3.5", "0.6", "12.0", "4.0", "1.8", "1.0", "150", "100", "700", "70", "40")
UPPER = ("2.4", "10.5", "5.0", "1.3", "16.5", "10.8", "7.7", "4.8", "400", "225", "1600", "400", "230")
PLACES = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])

B2M, CA, ALB, CREAT, HGB, WBC, ANC, ALC, PLT, LDH, IGG, IGA, IGM = range(13)
COUNTS = np.array([CREAT, HGB, WBC, ANC, ALC, PLT])


BANDS = {
    NEUTROPHILS: (ANC, ((0.5, 0.9), (0.1, 0.4))),
    PLATELETS: (PLT, ((25, 49), (6, 24))),
    LYMPHOPENIA: (ALC, ((0.2, 0.4), (0.1, 0.1))),
    HEMOGLOBIN: (HGB, ((6.5, 7.9), (5.5, 6.4))),
    LEUKOCYTES: (WBC, ((1.0, 1.9), (0.4, 0.9))),
}
"""Test of a term, and its counts of CTCAE grade 3 and 4 (low, high)."""


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
    """Laboratory results: 13 tests at entry and day 100, six at a visit, the counts behind blood events."""
    rng = stream(seed, "form labs")
    n = len(t["reg"])
    entry = _panel(rng, t, np.arange(n))
    entry[:, [B2M, CA, ALB, CREAT]] = np.column_stack([t["b2m"], t["ca"], t["alb"], t["creat"]])
    entry[:, HGB] = np.where(t["ds"] == 0, np.maximum(entry[:, HGB], 10.2), entry[:, HGB] - 0.8)
    entry[:, HGB] = np.maximum(entry[:, HGB], 8.6)
    at100 = np.flatnonzero(t["day100"] < NEVER)
    planned = (v["kind"] == PLANNED) | (v["kind"] == AT_CUT)
    month = np.where(v["month"] > 0, v["month"], -3)[planned]
    of_term = np.full(len(TERMS), -1)
    of_term[[TERM[term] for term in BANDS]] = [test for test, _ in BANDS.values()]
    test = of_term[events["term"]]
    blood = (events["grade"] >= 3) & (events["start"] >= t["start"][events["i"]]) & (test >= 0)
    test, grade = test[blood], events["grade"][blood]
    # A count within the band of the grade; where the site regraded, of the corrected grade.
    limits = np.zeros((len(TESTS), 2, 2))
    for number, bounds in BANDS.values():
        limits[number] = bounds
    low, high = limits[test, grade - 3].T
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
    whole = PLACES[test] == 0
    remark = np.where(rng.random(len(i)) < 0.004, 0, -1)
    columns = {
        "visit": pl.select(pl.coalesce(special, planned_visit)).to_series(),
        "collection_dt": dates(days),
        "test": coded(test, TESTS),
        "result": pl.select(
            pl.when(pl.Series(whole)).then(decimals(value, 0)).otherwise(decimals(value, 1))
        ).to_series(),
        "unit": coded(test, UNITS),
        "lln": coded(test, LOWER),
        "uln": coded(test, UPPER),
        "fasting_or_comment": coded(remark, ("sample hemolyzed, repeated",)),
    }
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


LESIONS = ("NONE", "STABLE", "NEW", "INCREASED", "ND")


def disease_assessment(t: Trial, v: Rows, m: Rows, seed: int) -> pl.DataFrame:
    """Disease assessments: markers, lesions and the site's call, some first calls corrected later."""
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
        "bone_lesions": coded(np.where(m["bone"] < 0, 4, m["bone"]), LESIONS),
        "plasmacytoma": coded(np.where(m["plasma"] < 0, NOT_DONE, m["plasma"]), PLASMACYTOMAS),
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


def plasmacytoma(t: Trial, v: Rows, lesions: Rows, assessments: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Lesions as measured; they arrive with the disease assessment to which they belong."""
    rng = stream(seed, "form plasmacytoma")
    visit = lesions["visit"]
    i, days = v["i"][visit], v["day"][visit]
    belongs = pl.DataFrame(
        {"patient_id": t["patient_id"][i].astype(np.int32), "assess_no": v["number"][visit]}
    )
    first = assessments.group_by("patient_id", "assess_no").agg(pl.col("received_dt").min())
    arrival = belongs.join(first, on=["patient_id", "assess_no"], how="left", maintain_order="left")
    columns = {
        "assess_no": belongs["assess_no"],
        "lesion_no": pl.Series(lesions["number"]),
        "location": coded(lesions["place"], LOCATIONS),
        "diam1": decimals(lesions["diam1"], 1),
        "diam2": decimals(lesions["diam2"], 1),
        "method": coded(lesions["method"], METHODS),
    }
    days_in = arrival["received_dt"].to_physical().to_numpy()
    return records(rng, t, "plasmacytoma", i, days, columns, days_in, ("method",))
