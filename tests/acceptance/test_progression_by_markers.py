"""ADRS' progressions on the shipped data, found again one patient at a time from what the sites meant.

The rule is the specification's (`tests/reference/progression`); nothing of the tabulation or the derivation
is used. What does not belong here: whether these dates are the skeleton's (`test_raw_calibration`).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from pipeline.cutoff import take_snapshot
from pipeline.study import Study
from tests.acceptance.progression_rule import assessment
from tests.layers import Run
from tests.reference.progression.pd_date import pd_date

Found = dict[str, tuple[dt.date, str]]
SHORT = {"k": "flc_kappa", "l": "flc_lambda"}


def visit(cells: dict[str, Any]) -> dict[str, Any]:
    """A form as the rule reads it; light chains are reported in mg/dL, blank where not done."""
    text = {name: "" if value is None else str(value) for name, value in cells.items()}
    row = assessment(text)
    row["oligo"] = row["sife"] == "OLIGO"
    assert not text["flc_kappa"] or text["flc_unit"] == "mg/dL"
    return row | {short: float(text[name]) if text[name] else None for short, name in SHORT.items()}


def by_rule(forms: list[dict[str, Any]], criteria: str, death: dict[str, Any] | None) -> Any:
    """What the rule finds in one patient's forms, in order of their dates."""
    restaging = next(form for form in forms if form["visit"] == "DAY100")
    rows = {form["assess_dt"]: visit(form) for form in forms}
    measured = any((row["s"] or 0) >= 1 or (row["u"] or 0) >= 200 for row in rows.values())
    since = [row for date, row in rows.items() if date >= restaging["assess_dt"]]
    return pd_date(
        since,
        criteria,
        cr0=restaging["response_site"] == "CR",
        measurable_sm=measured,
        death_mm=death is not None and death["cause"] == "MYELOMA",
    )


@pytest.mark.parametrize("criteria", ["EBMT", "IMWG"])
@pytest.mark.parametrize("id", ["2009-12-17", "2011-10-31"])
def test_each_patients_progression_is_the_rules(
    study: Study, clean_forms: dict[str, pl.DataFrame], runs: dict[str, Run], id: str, criteria: str
) -> None:
    current = {
        form: take_snapshot(study, form, clean_forms[form], study.cut_off(id)).current
        for form in ("disease_assessment", "death", "randomization")
    }
    randomised = set(current["randomization"]["patient_id"])
    deaths = {row["patient_id"]: row for row in current["death"].iter_rows(named=True)}
    assessed = current["disease_assessment"].sort("patient_id", "assess_dt")
    expected: Found = {}
    for (patient,), own in assessed.group_by("patient_id", maintain_order=True):
        if patient in randomised:
            date, basis, _ = by_rule(own.to_dicts(), criteria, deaths.get(str(patient)))
            if date is not None and basis is not None:
                expected[f"{study.id}-{patient}"] = (date, basis)
    rows = runs[id].adam["adrs"].filter(pl.col("PARAMCD") == f"PD{criteria}")
    found = {row["USUBJID"]: (row["ADT"], row["BASIS"]) for row in rows.iter_rows(named=True)}
    assert found == expected
    assert len(found) > 100
    own = {"EBMT": "CR_LOSS", "IMWG": "FLC"}
    assert {basis for _, basis in found.values()} & set(own.values()) == {own[criteria]}
