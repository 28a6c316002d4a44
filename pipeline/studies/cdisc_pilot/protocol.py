"""The trial of the CDISC SDTM/ADaM Pilot Project (CDISCPILOT01) as one `Study` value.

Its raw data are the pilot's SDTM; forms, domains, datasets, endpoints and analyses stand beside. What does
not belong here: any computation, where the data come from (`source.py`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pipeline.studies.cdisc_pilot.adae import derive_adae, derive_adtte
from pipeline.studies.cdisc_pilot.adsl import derive_adsl
from pipeline.studies.cdisc_pilot.analyses import ANALYSES
from pipeline.studies.cdisc_pilot.endpoints import ENDPOINTS
from pipeline.studies.cdisc_pilot.figures import FIGURES
from pipeline.studies.cdisc_pilot.mapping import SDTM
from pipeline.studies.cdisc_pilot.report import EVENTS, REPORT
from pipeline.study import Arm, CutOff, CutRule, Dataset, Study
from schemas import cdisc_pilot as shapes
from schemas.crf.cdisc_pilot import FORMS, STUDY_ID

END = dt.date(2015, 3, 5)
"""The last day that any record of the pilot's SDTM bears. The data hold the arms, so nothing is blinded."""

STUDY = Study(
    id=STUDY_ID,
    name="cdisc_pilot",
    title="Transdermal Xanomeline in Alzheimer's Disease (CDISC Pilot)",
    note="Synthetic data: CDISC's (SDTM/ADaM Pilot Project), made for tests of software.",
    folder=Path(__file__).parent,
    arms=(
        Arm("HIGH", "Xanomeline High Dose", 81),
        Arm("LOW", "Xanomeline Low Dose", 54),
        Arm("PBO", "Placebo", 0),
    ),
    unblinding=END,
    cut_offs=(CutOff(END, "End of study"),),
    cut_rules=tuple(
        CutRule(form, "reference", "published once, after the study; no record says when it was received")
        for form in FORMS
    ),
    forms=FORMS,
    domains=SDTM,
    datasets=(
        Dataset("adsl", shapes.ADSL, derive_adsl, tuple(domain.name for domain in SDTM)),
        Dataset("adae", shapes.ADAE, derive_adae, ("ae",)),
        Dataset("adtte", shapes.ADTTE, derive_adtte, ("adsl", "adae")),
    ),
    endpoints=ENDPOINTS,
    analyses=ANALYSES,
    figures=FIGURES,
    displays=(EVENTS,),
    report=REPORT,
)
