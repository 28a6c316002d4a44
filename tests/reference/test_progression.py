"""Progression by the markers: the specification's vectors, and its rule on random series.

`progression/ORIGIN.md` says where both come from. What does not belong here: how the series is made of
tabulated records (`tests/spec/test_progression.py`).
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.derive.progression import EBMT, IMWG, signs_of_progression
from tests.reference.progression.pd_date import pd_date

VECTORS = json.loads((Path(__file__).parent / "progression" / "vectors.json").read_text())
CRITERIA = {"EBMT": EBMT, "IMWG": IMWG}
START = dt.date(2007, 1, 1)
SHORT = {
    "SERUM": "s", "URINE": "u", "SIFE": "sife", "UIFE": "uife", "KAPPA": "k", "LAMBDA": "l", "MARROW": "bm",
    "BONE": "bone", "PLASMACYTOMA": "plasma", "CALCIUM": "ca",
}  # fmt: skip
WORDS = ("SIFE", "UIFE", "BONE", "PLASMACYTOMA")
TYPES = (
    {"USUBJID": pl.String, "VISITDT": pl.Date}
    | {name: pl.String if name in WORDS else pl.Float64 for name in SHORT}
    | {"MEASURED": pl.Boolean, "CR": pl.Boolean, "MMDEATH": pl.Boolean}
)
Patient = dict[str, Any]
"""rows (the reference's, with `day` for the date) and args (cr0, measurable_sm, death_mm)."""
Answer = tuple[int | None, str | None, bool | None]
"""Day, basis, confirmed."""


def series(patients: list[Patient]) -> pl.DataFrame:
    """The patients as the pipeline's frame; bands and other causes of calcium are in the value."""
    rows = []
    for number, patient in enumerate(patients):
        args = patient["args"]
        for row in patient["rows"]:
            values = {name: row.get(short) for name, short in SHORT.items()}
            values["SIFE"] = "OLIGO" if row.get("oligo") else values["SIFE"]
            values["CALCIUM"] = None if row.get("ca_other") else values["CALCIUM"]
            about = {
                "USUBJID": f"P{number:03d}",
                "VISITDT": START + dt.timedelta(row["day"]),
                "MEASURED": args.get("measurable_sm", True),
                "CR": args.get("cr0", False),
                "MMDEATH": args.get("death_mm", False),
            }
            rows.append(values | about)
    return pl.DataFrame(rows, schema=TYPES)


def answers(patients: list[Patient], criteria: str) -> list[Answer]:
    """Per patient the first confirmed progression, else the first rise with nothing after it."""
    signs = signs_of_progression(series(patients), CRITERIA[criteria])
    first = signs.sort("USUBJID", pl.col("CONFIRMED").not_(), "VISITDT").unique(
        "USUBJID", keep="first", maintain_order=True
    )
    found = {row["USUBJID"]: row for row in first.iter_rows(named=True)}
    out: list[Answer] = []
    for number in range(len(patients)):
        row = found.get(f"P{number:03d}")
        if row is None:
            out.append((None, None, None))
        else:
            day = (row["VISITDT"] - START).days if row["CONFIRMED"] else None
            out.append((day, row["BASIS"], row["CONFIRMED"]))
    return out


def expected(patient: Patient, criteria: str) -> Answer:
    rows = [{"date": START + dt.timedelta(row["day"]), **row} for row in patient["rows"]]
    date, basis, confirmed = pd_date(rows, criteria, **patient["args"])
    return (date - START).days if date else None, basis, confirmed


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['args']['criteria']}: {v['name']}")
def test_the_vectors_of_the_specification(vector: dict[str, Any]) -> None:
    args = dict(vector["args"])
    criteria = args.pop("criteria")
    patient = {"rows": vector["rows"], "args": args}
    wanted = (vector["expect_day"], vector["basis"], vector["confirmed"])
    assert answers([patient], criteria) == [wanted]
    assert expected(patient, criteria) == wanted


def test_there_are_37_vectors_of_both_criteria() -> None:
    assert len(VECTORS) == 37
    assert {v["args"]["criteria"] for v in VECTORS} == set(CRITERIA)


def maybe(values: list[Any], present: int = 6) -> st.SearchStrategy[Any]:
    """One of the values, or not done: `present` of ten visits have it."""
    return st.integers(0, 9).flatmap(lambda n: st.sampled_from(values) if n < present else st.none())


# Few values, on both sides of every limit and at it, so that rises, spikes and confirmations are common.
A_ROW = st.fixed_dictionaries(
    {
        "s": maybe([0.0, 0.0, 0.1, 0.4, 0.5, 0.8, 1.0, 1.3, 2.0, 2.5, 5.2, 6.2, 6.7], 7),
        "u": maybe([0.0, 0.0, 20.0, 150.0, 199.0, 350.0, 360.0, 800.0, 1000.0, 1001.0], 4),
        "sife": maybe(["NEG", "NEG", "POS"], 7),
        "uife": maybe(["NEG", "NEG", "POS"], 3),
        "k": maybe([1.0, 2.0, 11.0, 12.0, 13.5, 40.0], 4),
        "l": maybe([1.0, 1.0, 2.0], 5),
        "bm": maybe([2.0, 4.0, 5.0, 11.0, 15.0, 18.0], 2),
        "bone": maybe(["NONE", "STABLE", "NEW"], 1),
        "plasma": maybe(["DECREASED", "STABLE", "INCREASED"], 1),
        "ca": maybe([9.5, 11.5, 11.6], 1),
    },
    optional={"oligo": st.just(True), "ca_other": st.booleans()},
)


@st.composite
def a_patient(draw: st.DrawFn, most: int = 9) -> Patient:
    """A series of visits 5 to 100 days apart and what else the rule asks about the patient."""
    steps = draw(st.lists(st.sampled_from([5, 20, 22, 41, 42, 84, 100]), min_size=1, max_size=most))
    rows, day = [], 0
    for step in steps:
        row = draw(A_ROW)
        if row.get("oligo") and row["sife"] is None:
            row.pop("oligo")  # bands are seen by immunofixation only
        if row.get("oligo"):
            row["sife"] = "POS"
        rows.append({"day": day, **row})
        day += step
    args = {name: draw(st.booleans()) for name in ("cr0", "measurable_sm", "death_mm")}
    return {"rows": rows, "args": args}


@pytest.mark.parametrize("criteria", list(CRITERIA))
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(patients=st.lists(a_patient(), min_size=1, max_size=6))
def test_random_series_agree_with_the_rule(criteria: str, patients: list[Patient]) -> None:
    """Several patients at once, so that nothing of one leaks into another."""
    assert answers(patients, criteria) == [expected(patient, criteria) for patient in patients]


@pytest.mark.parametrize("criteria", list(CRITERIA))
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(patient=a_patient(), later=st.lists(st.sampled_from([20, 42, 84]), min_size=1, max_size=4))
def test_later_normal_visits_move_no_confirmed_date(
    criteria: str, patient: Patient, later: list[int]
) -> None:
    """A confirmed progression stays on its date, and none appears where there was none."""
    normal = {"s": 0.0, "u": 0.0, "sife": "NEG", "uife": "NEG", "k": 1.0, "l": 1.0, "bm": 2.0, "ca": 9.5}
    day = patient["rows"][-1]["day"]
    more = []
    for step in later:
        day += step
        more.append({"day": day, **normal})
    longer = patient | {"rows": patient["rows"] + more}
    alive = {**patient["args"], "death_mm": False}
    before, after = answers([{**patient, "args": alive}, {**longer, "args": alive}], criteria)
    assert after[0] == before[0]


def test_the_random_series_hold_what_they_are_meant_to() -> None:
    """Both criteria find progressions of every basis, and rises that nothing confirms, in what is drawn."""
    seen: dict[str, set[tuple[str | None, bool | None]]] = {name: set() for name in CRITERIA}

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.lists(a_patient(), min_size=1, max_size=6))
    def draw(patients: list[Patient]) -> None:
        for name in CRITERIA:
            seen[name].update(expected(patient, name)[1:] for patient in patients)

    draw()
    bases = {"SERUM", "URINE", "MARROW", "BONE", "PLASMACYTOMA", "CALCIUM"}
    for name, own in (("EBMT", "CR_LOSS"), ("IMWG", "FLC")):
        assert {(basis, True) for basis in bases | {own}} <= seen[name]
        assert {("SERUM", False), (None, None)} <= seen[name]
