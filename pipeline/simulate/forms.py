"""The case-report forms of a made-up trial, from its truth, one after another.

A large trial never stands in memory as a whole. What does not belong here: what a form says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipeline.simulate.baseline import add_baseline
from pipeline.simulate.course import add_course
from pipeline.simulate.disease import add_disease, contacts, markers, visits
from pipeline.simulate.dosing import doses
from pipeline.simulate.forms_entry import (
    deviations,
    eligibility,
    induction,
    kits,
    on_study,
    randomization,
    registration,
    transplant,
)
from pipeline.simulate.forms_findings import disease_assessment, labs, plasmacytoma
from pipeline.simulate.forms_follow_up import death, follow_up, spm_questionnaire, subsequent_therapy
from pipeline.simulate.forms_treatment import (
    adverse_event_form,
    crossover,
    new_primary_cancer,
    off_treatment,
    treatment_dose,
    unblinding,
)
from pipeline.simulate.lesions import add_plasmacytomas
from pipeline.simulate.patients import LEN, Trial
from pipeline.simulate.records import SITE_CODES, coded, constant, numbered, randomised
from pipeline.simulate.toxicity import adverse_events
from schemas.base import names
from schemas.crf.calgb_100104 import FORMS


def fill_forms(t: Trial, seed: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield (form, all versions of its records), dates as dates and everything else as it prints.

    Adds baseline, course of treatment and disease to the trial first; `sites` is the first form. The data
    centre's logs, which are made from the forms as they come, are not among them (`logs`).
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
    entry = on_study(t, seed)
    with_plasmacytoma = entry.filter(plasmacytoma_bl="Y")["patient_id"]
    lesions = add_plasmacytomas(t, v, m, np.isin(t["patient_id"], with_plasmacytoma), seed)
    yield "on_study", entry
    yield "induction", induction(t, seed)
    yield "labs", labs(t, v, events, seed)
    yield "transplant", transplant(t, seed)
    assessments = disease_assessment(t, v, m, seed)
    yield "disease_assessment", assessments
    yield "plasmacytoma", plasmacytoma(t, v, lesions, assessments, seed)
    yield "randomization", randomization(t, seed)
    yield "treatment_dose", treatment_dose(t, cycles, seed)
    yield "adverse_events", adverse_event_form(t, events, seed)
    cancers = new_primary_cancer(t, seed)
    yield "new_primary_cancer", cancers
    yield "spm_questionnaire", spm_questionnaire(t, cancers, seed)
    yield "off_treatment", off_treatment(t, seed)
    yield "follow_up", follow_up(t, v, seen, seed)
    yield "subsequent_therapy", subsequent_therapy(t, seed)
    yield "death", death(t, events, seed)
    yield "crossover", crossover(t, seed)
    yield "unblinding", unblinding(t, seed)
    yield "deviations", deviations(t, seed)


def treatment_codes(t: Trial, seed: int) -> pl.DataFrame:
    """The restricted list: randomisation number, kit, code of the arm, arm."""
    at = randomised(t)
    is_len = t["arm"][at] == LEN
    n = len(at)
    return pl.DataFrame(
        {
            "randomization_no": numbered("R", t["seq"][at], 4),
            "kit_no": kits(t, seed),
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
