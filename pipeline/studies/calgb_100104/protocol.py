"""CALGB 100104 (McCarthy et al., NEJM 2012;366:1770-81) as one `Study` value.

Dates, arms, strata, cut-offs and cut rules stand here; forms, domains, endpoints, analyses and figures
stand beside. What does not belong here: any computation.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.outputs import NOTE
from pipeline.studies.calgb_100104.analyses import ANALYSES, RESULT_DISPLAYS
from pipeline.studies.calgb_100104.crossover import CROSSOVER_ANALYSES, CROSSOVER_TABLE
from pipeline.studies.calgb_100104.datasets import DATASETS
from pipeline.studies.calgb_100104.design import BLOCK_SIZE, LONG_TERM, SAFETY_DATE, UNBLINDING
from pipeline.studies.calgb_100104.displays import DISPLAYS, LISTINGS
from pipeline.studies.calgb_100104.edit_checks import EDIT_CHECKS
from pipeline.studies.calgb_100104.endpoints import ENDPOINTS, LAST_ALIVE
from pipeline.studies.calgb_100104.figures import FIGURES
from pipeline.studies.calgb_100104.lineage import RECORDS
from pipeline.studies.calgb_100104.mapping import SDTM
from pipeline.studies.calgb_100104.monitoring import MONITORING
from pipeline.studies.calgb_100104.report import REPORT
from pipeline.studies.calgb_100104.views import VIEWS
from pipeline.study import Arm, Conduct, CutOff, CutRule, ReleaseRecord, Stratum, Study
from schemas.crf.calgb_100104 import FORM_CODE, FORMS, RESTRICTED

HERE = Path(__file__).parent
CUT_OFFS = (
    CutOff(UNBLINDING, "Unblinding"),
    CutOff(
        LONG_TERM,
        "Long-term outcomes",
        by_form=dict.fromkeys(("adverse_events", "new_primary_cancer", "spm_questionnaire"), SAFETY_DATE),
    ),
)

SUBMITTED = "data submitted on or before the cut-off date (Methods, Statistical Analysis)"
LOGS = ("form_log", "query_log")
CUT_RULES = (
    CutRule("sites", "reference", "a list of institutions, not data about a patient"),
    *(CutRule(log, "latest", "the data centre's log, delivered whole with each transfer") for log in LOGS),
    *(CutRule(form, "received", SUBMITTED) for form in FORMS if form not in ("sites", *LOGS)),
)
# Edit checks EC023 and EC024 have the same limits.
CONDUCT = Conduct("registration", "randomization", "form_log", overdue_after=60, late_after=180)

STUDY = Study(
    id="CALGB-100104",
    name="calgb_100104",
    title="Lenalidomide after Stem-Cell Transplantation for Multiple Myeloma",
    note=NOTE,
    folder=HERE,
    arms=(Arm("LEN", "LENALIDOMIDE", 1), Arm("PBO", "PLACEBO", 2)),
    strata=(
        Stratum(
            "Beta-2-microglobulin at registration",
            "STRAT1R",
            "STRAT1V",
            {"LE2.5": "at most 2.5 mg/L", "GT2.5": "above 2.5 mg/L"},
        ),
        Stratum("Prior thalidomide", "STRAT2R", "STRAT2V", {"Y": "yes", "N": "no"}),
        Stratum("Prior lenalidomide", "STRAT3R", "STRAT3V", {"Y": "yes", "N": "no"}),
    ),
    block_size=BLOCK_SIZE,
    unblinding=UNBLINDING,
    cut_offs=CUT_OFFS,
    cut_rules=CUT_RULES,
    forms=FORMS,
    form_codes=FORM_CODE,
    restricted=RESTRICTED,
    domains=SDTM,
    datasets=DATASETS,
    endpoints=ENDPOINTS,
    analyses=(*ANALYSES, *CROSSOVER_ANALYSES),
    last_alive=LAST_ALIVE,
    conduct=CONDUCT,
    figures=FIGURES,
    published=HERE / "published.csv",
    edit_checks=EDIT_CHECKS,
    views=VIEWS,
    displays=(*DISPLAYS, CROSSOVER_TABLE),
    listings=LISTINGS,
    report=REPORT,
    records=RECORDS,
    result_displays=RESULT_DISPLAYS,
    monitoring=MONITORING,
    release=ReleaseRecord("unblinding", pl.col("scope") == "STUDY", "unblind_dt"),
    second_road=tuple(
        HERE / "second_road" / f"{script}.sql" for script in ("events", "markers", "adsl", "adtte", "adae")
    ),
    third_road=HERE.parents[2] / "tests" / "qc",
)
