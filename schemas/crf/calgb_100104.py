"""The case-report forms of CALGB 100104: one table per form file, one column per column of the file.

Codes, units and what must be filled in follow the trial's form specification. Three rules say what becomes
of a row that does not:

- A value that cannot be typed, a code outside its list, or a blank in a column that is always required is
  left out and asked of the site, and the row stays (`_item`); in a `column`, without which the row could
  not be tabulated, it turns the row away. Blanks in columns that are required only under a condition are
  no fault, and neither are the missing codes a column lists (`missing=`), which are read as null.
- A plausibility range whose breach is a query to the site is not a bound of the column. The bounds here
  (ge, le) are those of counting and physics, and the dose limit of 15 mg (edit check EC105).
- A row that holds one of the SECRETS is turned away and its text shown to nobody.

What does not belong here: checks that need two columns, two rows or two forms, and SDTM or ADaM names.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from schemas import codelists as cl
from schemas.base import ABSENT, Secret, Table, column

FORM_CODE = {
    "registration": "REG",
    "eligibility": "ELIG",
    "on_study": "ONSTUDY",
    "induction": "INDUCT",
    "labs": "LAB",
    "transplant": "TXP",
    "disease_assessment": "DISASSESS",
    "plasmacytoma": "PLASMA",
    "randomization": "RAND",
    "treatment_dose": "TRTDOSE",
    "adverse_events": "AE",
    "new_primary_cancer": "SPM",
    "spm_questionnaire": "SPMQ",
    "off_treatment": "OFFTRT",
    "follow_up": "FU",
    "subsequent_therapy": "POSTRX",
    "death": "DEATH",
    "crossover": "XOVER",
    "unblinding": "UNBLIND",
    "deviations": "DEV",
}

PATIENT = r"^[1-9][0-9]{5}$"
SITE = r"^[A-Z]{2}[0-9]{3}$"
RESPONSE = ("CR", "PR", "MR", "SD", "PD", "NE", "UNK")
_ISO_PARTIAL = r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?|---[0-9]{2})?$"
_RANDOMIZATION_NO = r"^R[0-9]{4,}$"
_KIT_NO = r"^K[0-9]{5}$"


UNBLINDED = dt.date(2009, 12, 17)
SECRETS = (
    Secret(
        "no_treatment_words",
        r"(?i)\b(lenal[iy]d\w*|revl[iy]mi?d\w*|cc-?5013)\b",
        "names no treatment before the study is unblinded",
        allowed=("agent", "regimen_name"),  # half of the patients had it before, some have it after
        until=UNBLINDED,
    ),
    Secret(
        "no_treatment_words",
        r"(?i:\b(placebo|sham)\b|\b(active|len|control) (arm|drug|capsules?)\b)|\b(?i:arm) [AB]\b",
        "names no treatment before the study is unblinded",
        until=UNBLINDED,
    ),
    Secret(
        "no_personal_data",
        r"\b(Mr|Mrs|Ms|Miss|Dr|Prof)\b\.? +[A-Z]|\b(MR|MS)\. +[A-Z]|\b(MRS|MISS|DR)\b\.? +[A-Z]"
        r"|\(?\b[0-9]{3}\b\)?[-. ]{1,2}[0-9]{3}[-. ][0-9]{4}\b|(?i:\b(phone|tel)\b)"
        r"|(?i:\bmrn\b|\b(medical record|chart|hospital) (no|number|#))|(?i:\binitials\b)"
        r"|\b[A-Z]\. ?[A-Z]\.",
        "holds no name, telephone number, medical record number or initials",
    ),
)
"""What no form may hold, in words or in part (EC060, EC143)."""


def _form_code(stem: str) -> Any:
    return column("Form Code", codelist=[FORM_CODE[stem]])


def _item(label: str, **more: Any) -> Any:
    """An item the record can do without: what is wrong with it is asked of the site, and the record stays."""
    return column(label, severity="query", **more)


def _date(label: str, **more: Any) -> Any:
    """A collected date: ISO 8601 text as far as it is known (YYYY, YYYY-MM, YYYY-MM-DD, YYYY---DD)."""
    return _item(label, kind="date_raw", str_matches=_ISO_PARTIAL, **more)


def _result(label: str, words: str, **more: Any) -> Any:
    """A result kept as text: a number, a number below or above a limit (<0.1), or one of the words."""
    number = r"[<>]?[0-9]+([.][0-9]+)?"
    return _item(label, kind="result", str_matches=f"^({number}|{words})$", **more)


class Form(Table):
    """The header block that every form carries"""

    study_id: str = column("Study Identifier", codelist=["CALGB-100104"])
    patient_id: str = column("Patient Identifier", str_matches=PATIENT, comment="given at registration")
    site_code: str = column("Institution Code", str_matches=SITE, comment="NCI institution code")
    form_code: str = column("Form Code")
    record_id: str = column("Record Identifier", str_matches=r"^[A-Z]+-[0-9]{6,}$")
    record_version: int = column("Record Version", ge=1, le=9, comment="the highest not deleted is current")
    record_status: str = column("Record Status", codelist=cl.RECORD_STATUS)
    completed_dt: str = _date("Date Form Completed")
    received_dt: dt.date = column("Date Form Received", comment="the data cut-off acts on it")

    class Config:
        unique = ["record_id", "record_version"]
        metadata = {"secrets": SECRETS}


class Sites(Table):
    """Institutions that enrol patients"""

    site_code: str = column("Institution Code", str_matches=SITE, comment="NCI institution code")
    site_name: str = _item("Institution Name")
    group: str = _item("Cooperative Group", codelist=["CALGB", "ECOG", "BMTCTN"])

    class Config:
        unique = ["site_code"]


class Registration(Form):
    """Registration, before transplantation"""

    form_code: str = _form_code("registration")
    registration_dt: dt.date = column("Date of Registration")
    consent_dt: str = _date("Date of Informed Consent")
    birth_dt: str = _date("Date of Birth")
    sex: str = _item("Sex", codelist=["M", "F", "U"])
    race: str = _item(
        "Race",
        required=False,
        codelist=[
            "WHITE",
            "BLACK OR AFRICAN AMERICAN",
            "ASIAN",
            "AMERICAN INDIAN OR ALASKA NATIVE",
            "NATIVE HAWAIIAN OR OTHER PACIFIC ISLANDER",
            "UNKNOWN",
            "-1",
        ],
    )
    ethnicity: str = _item(
        "Ethnicity",
        required=False,
        codelist=["HISPANIC OR LATINO", "NOT HISPANIC OR LATINO", "UNKNOWN", "-1"],
    )
    ecog_ps: int = _item("ECOG Performance Status", required=False, codelist=[0, 1, 2, 3, 4], missing=["-1"])
    strat_b2m_reg: str = _item("Stratum: Beta-2-Microglobulin", codelist=cl.B2M_STRATUM, comment="mg/L")
    strat_thal_reg: str = _item("Stratum: Prior Thalidomide", codelist=cl.YES_NO)
    strat_len_reg: str = _item("Stratum: Prior Lenalidomide", codelist=cl.YES_NO)
    protocol_version: str = _item("Protocol Version at Registration")


class Eligibility(Form):
    """Eligibility checklist, one row per criterion"""

    form_code: str = _form_code("eligibility")
    step: str = _item("Step", codelist=["REGISTRATION", "RANDOMIZATION"])
    criterion_code: str = column(
        "Criterion",
        codelist=[*(f"E{n:02d}" for n in range(1, 15)), *(f"R{n:02d}" for n in range(1, 7))],
    )
    criterion_met: str = _item("Criterion Met", codelist=["Y", "N", "NA"])
    waiver: str = _item("Waiver Given", required=False, codelist=cl.YES_NO)


class OnStudy(Form):
    """Disease and history at study entry"""

    form_code: str = _form_code("on_study")
    diagnosis_dt: str = _date("Date of Myeloma Diagnosis")
    mm_type: str = _item(
        "M-Component",
        codelist=[
            *(f"{heavy} {light}" for heavy in ("IGG", "IGA", "IGM", "IGD") for light in ("KAPPA", "LAMBDA")),
            "KAPPA LC ONLY",
            "LAMBDA LC ONLY",
            "NONSECRETORY",
            "UNK",
            "-1",
        ],
    )
    ds_stage: str = _item(
        "Durie-Salmon Stage",
        kind="code",
        str_matches=r"^((I{1,3}|[123])[AB]?|UNK|-1)$",
        comment="as written by the site: III, IIIA and 3A occur",
    )
    ds_sub: str = _item("Durie-Salmon Subclass", required=False, codelist=["A", "B", "UNK"])
    iss_stage: str = _item(
        "International Staging System Stage", required=False, codelist=["I", "II", "III", "UNK", "-1"]
    )
    lytic_scale: int = _item(
        "Lytic Bone Lesion Scale",
        required=False,
        codelist=[0, 1, 2, 3],
        missing=["-1"],
        comment="0 normal, 1 osteoporosis, 2 lytic, 3 extensive or fracture",
    )
    plasmacytoma_bl: str = _item("Plasmacytoma at Baseline", required=False, codelist=cl.YES_NO_UNKNOWN)
    prior_cancer: str = _item("Prior Cancer", codelist=cl.YES_NO_UNKNOWN)
    prior_cancer_type: str = _item("Type of Prior Cancer", required=False)
    prior_cancer_dt: str = _date("Date of Prior Cancer", required=False)
    creat_clearance: float = _item(
        "Creatinine Clearance", required=False, missing=["ND"], ge=0, comment="mL/min"
    )
    dlco_pct: float = _item(
        "Diffusing Capacity (DLCO)", required=False, missing=["ND"], ge=0, comment="% of predicted"
    )
    lvef_pct: float = _item(
        "Left Ventricular Ejection Fraction", required=False, missing=["ND"], ge=0, comment="%"
    )
    pregnancy_test: str = _item("Pregnancy Test", required=False, codelist=["NEG", "POS", "NA"])


class Induction(Form):
    """Induction therapy, one row per agent of a regimen"""

    form_code: str = _form_code("induction")
    regimen_no: int = _item("Regimen Number", ge=1)
    regimen_name: str = _item("Regimen Name", required=False)
    agent: str = _item("Agent")
    start_dt: str = _date("Start Date")
    stop_dt: str = _date("Stop Date", required=False)
    cycles: int = _item("Number of Cycles", required=False, missing=["-1"], ge=1)
    best_response: str = _item("Best Response", required=False, codelist=RESPONSE)
    reason_stop: str = _item(
        "Reason for Stopping",
        required=False,
        codelist=["COMPLETED", "PROGRESSION", "TOXICITY", "OTHER", "UNK"],
    )


class Labs(Form):
    """Laboratory results, one row per test"""

    form_code: str = _form_code("labs")
    visit: str = _item(
        "Visit", kind="code", str_matches=r"^(BASELINE|REG|BASELINE REG|DAY100|C[0-9]+|M[0-9]+|UNSCHED)$"
    )
    collection_dt: str = _date("Date of Collection")
    test: str = column(
        "Laboratory Test",
        codelist=[
            "B2M",
            "CA",
            "ALB",
            "CREAT",
            "HGB",
            "WBC",
            "ANC",
            "ALC",
            "PLT",
            "LDH",
            "IGG",
            "IGA",
            "IGM",
        ],
    )
    result: str = _result("Result", "ND|NA|-1", comment="in the reported unit")
    unit: str = _item("Unit", required=False, comment="as reported; blank when not done")
    lln: float = _item("Lower Limit of Normal", required=False, ge=0, comment="in the reported unit")
    uln: float = _item("Upper Limit of Normal", required=False, ge=0, comment="in the reported unit")
    fasting_or_comment: str = _item("Comment", required=False)


class Transplant(Form):
    """Autologous transplantation"""

    form_code: str = _form_code("transplant")
    mobil_regimen: str = _item(
        "Mobilization Regimen", required=False, codelist=["CY+GCSF", "GCSF", "OTHER", "UNK"]
    )
    mobil_start_dt: str = _date("Start of Mobilization", required=False)
    cd34_dose: float = _item("CD34+ Cell Dose", ge=0, comment="10^6/kg")
    mel_dose: float = _item("Melphalan Dose", ge=0, comment="mg/m2")
    mel_dt: str = _date("Date of Melphalan", required=False)
    infusion_dt: dt.date = column("Date of Stem-Cell Infusion", comment="day 0")
    n_transplants: int = _item("Number of Transplants", ge=1)
    anc_engraft_dt: str = _date("Date of Neutrophil Engraftment", required=False)
    plt_engraft_dt: str = _date("Date of Platelet Engraftment", required=False, missing=["ND"])


class DiseaseAssessment(Form):
    """Disease assessment: marker values and the site's call of response"""

    form_code: str = _form_code("disease_assessment")
    assess_no: int = _item("Assessment Number", ge=1, comment="1, 2, ... within the patient")
    visit: str = _item("Visit", kind="code", str_matches=r"^(REG|DAY100|M[0-9]+|PD|UNSCHED)$")
    assess_dt: str = _date("Date of Assessment", comment="the last component's date")
    spep_dt: str = _date("Date of Serum Electrophoresis", required=False)
    spep_result: str = _result(
        "Serum M-Protein", "TSTQ|NEG|ND|-1", comment="in spep_unit; TSTQ: too small to quantify"
    )
    spep_unit: str = _item("Unit of Serum M-Protein", required=False, codelist=["g/dL", "g/L", "mg/dL"])
    sife: str = _item(
        "Serum Immunofixation",
        required=False,
        codelist=["NEG", "POS", "ND", "OLIGO"],
        comment="OLIGO: oligoclonal reconstitution",
    )
    upep_result: str = _result("Urine M-Protein", "NEG|ND|-1", required=False, comment="in upep_unit")
    upep_unit: str = _item(
        "Unit of Urine M-Protein",
        required=False,
        codelist=["mg/24h", "g/24h", "mg/dL"],
        comment="mg/dL is a spot urine and not usable for response",
    )
    uife: str = _item("Urine Immunofixation", required=False, codelist=["NEG", "POS", "ND"])
    flc_kappa: str = _result("Free Light Chain Kappa", "ND|NA", required=False, comment="in flc_unit")
    flc_lambda: str = _result("Free Light Chain Lambda", "ND|NA", required=False, comment="in flc_unit")
    flc_unit: str = _item("Unit of Free Light Chains", required=False, codelist=["mg/L", "mg/dL"])
    bm_dt: str = _date("Date of Bone Marrow", required=False)
    bm_pc_pct: str = _result("Bone Marrow Plasma Cells", "ND", required=False, comment="%")
    bone_lesions: str = _item(
        "Bone Lesions", required=False, codelist=["NONE", "STABLE", "NEW", "INCREASED", "ND"]
    )
    plasmacytoma: str = _item(
        "Plasmacytoma",
        required=False,
        codelist=["NONE", "STABLE", "DECREASED", "INCREASED", "NEW", "ND"],
    )
    ca_result: float = _item("Calcium", required=False, missing=["ND"], ge=0, comment="in ca_unit")
    ca_unit: str = _item("Unit of Calcium", required=False, codelist=["mg/dL", "mmol/L"])
    alb_result: float = _item("Albumin", required=False, missing=["ND"], ge=0, comment="g/dL")
    ca_other_cause: str = _item("Other Cause of High Calcium", required=False, codelist=cl.YES_NO)
    response_site: str = _item(
        "Response, Site's Call",
        codelist=[*RESPONSE, "sCR", "VGPR"],
        comment="sCR and VGPR appear after the change of criteria",
    )
    criteria_used: str = _item("Criteria Used", codelist=["EBMT", "IMWG"])
    pd_basis: str = _item(
        "Basis of Progression",
        required=False,
        kind="code",
        str_matches=(
            r"^(SERUM|URINE|FLC|MARROW|BONE|PLASMACYTOMA|CALCIUM|CLINICAL)"
            r"( ?; ?(SERUM|URINE|FLC|MARROW|BONE|PLASMACYTOMA|CALCIUM|CLINICAL))*$"
        ),
        comment="a list, separated by ;",
    )
    pd_dt: str = _date("Date Progression First Documented", required=False)


class Plasmacytoma(Form):
    """Plasmacytomas, one row per lesion and assessment"""

    form_code: str = _form_code("plasmacytoma")
    assess_no: int = column("Assessment Number", ge=1, comment="of the disease assessment")
    lesion_no: int = column("Lesion Number", ge=1, comment="the same at every assessment")
    location: str = _item("Location")
    diam1: float = _item("Largest Diameter", ge=0, comment="cm")
    diam2: float = _item("Diameter Perpendicular to It", ge=0, comment="cm")
    method: str = _item("Method", required=False, codelist=["CT", "MRI", "PET-CT", "PHYSICAL"])


class Randomization(Form):
    """Randomization, without the arm"""

    form_code: str = _form_code("randomization")
    randomization_no: str = column("Randomization Number", str_matches=_RANDOMIZATION_NO)
    randomization_dt: dt.date = column("Date of Randomization")
    strat_b2m: str = _item("Stratum: Beta-2-Microglobulin", codelist=cl.B2M_STRATUM, comment="mg/L")
    strat_thal: str = _item("Stratum: Prior Thalidomide", codelist=cl.YES_NO)
    strat_len: str = _item("Stratum: Prior Lenalidomide", codelist=cl.YES_NO)
    block_no: int = _item(
        "Block Number", required=False, blinded=ABSENT, ge=1, comment="statistics office only"
    )
    response_at_rand: str = _item(
        "Response at Randomization",
        required=False,
        codelist=["CR", "PR", "MR", "SD", "PD", "UNK"],
        comment="PD or missing is an eligibility deviation",
    )
    kit_no: str = _item("Kit Number", blinded=ABSENT, str_matches=_KIT_NO)


class TreatmentDose(Form):
    """Study capsules, one row per cycle"""

    form_code: str = _form_code("treatment_dose")
    cycle_no: int = column("Cycle Number", ge=1)
    cycle_start_dt: str = _date("Start of Cycle")
    cycle_end_dt: str = _date("End of Cycle")
    capsule_dose: float = _item(
        "Capsule Dose", ge=0, le=15, severity_of={"less_than_or_equal_to": "reject"}, comment="mg/day"
    )
    schedule: str = _item("Schedule", codelist=["D1-28", "D1-21"], comment="days of a 28-day cycle")
    days_taken: int = _item("Days Taken", ge=0)
    total_dose: float = _item("Total Dose", required=False, ge=0, comment="mg")
    modification: str = _item(
        "Dose Modification", codelist=["NONE", "REDUCED", "HELD", "ESCALATED", "RESUMED", "OFF"]
    )
    mod_reason: str = _item(
        "Reason for Modification",
        required=False,
        codelist=[
            "NEUTROPENIA",
            "THROMBOCYTOPENIA",
            "NONHEM_AE",
            "RASH",
            "VTE",
            "PLANNED_ESCALATION",
            "PATIENT",
            "NONCOMPLIANCE",
            "OTHER",
        ],
    )
    anc_nadir: float = _item("Neutrophil Nadir", required=False, missing=["ND"], ge=0, comment="10^9/L")
    plt_nadir: float = _item("Platelet Nadir", required=False, missing=["ND"], ge=0, comment="10^9/L")
    thromboprophylaxis: str = _item(
        "Thromboprophylaxis",
        required=False,
        codelist=["NONE", "ASPIRIN", "LMWH", "WARFARIN", "OTHER", "UNK"],
    )
    treatment_phase: str = column("Treatment Phase", codelist=["BLINDED", "OPEN_LABEL_LEN"])


class AdverseEvents(Form):
    """Adverse events, CTCAE version 3.0"""

    form_code: str = _form_code("adverse_events")
    cycle_no: int = _item("Cycle Number", required=False, ge=0, comment="0: before randomization")
    ctcae_term: str = column("CTCAE Term")
    ctcae_category: str = _item("CTCAE Category", codelist=[*cl.CTCAE_CATEGORY, "OTHER SPECIFY"])
    ctcae_code: str = _item("CTCAE or MedDRA Code", required=False)
    grade: int = _item(
        "Grade",
        required=False,
        codelist=[0, 1, 2, 3, 4, 5],
        missing=["-1"],
        comment="0: asked for and absent",
    )
    start_dt: str = _date("Start Date")
    end_dt: str = _date("End Date", required=False)
    ongoing: str = _item("Ongoing", required=False, codelist=cl.YES_NO)
    attribution: int = _item(
        "Attribution to Study Drug",
        codelist=[1, 2, 3, 4, 5],
        comment="1 unrelated, 2 unlikely, 3 possible, 4 probable, 5 definite",
    )
    expedited: str = _item("Expedited Report", required=False, codelist=cl.YES_NO)
    serious: str = _item("Serious", codelist=cl.YES_NO_UNKNOWN)
    action: str = _item(
        "Action Taken",
        required=False,
        codelist=["NONE", "DOSE_REDUCED", "DRUG_HELD", "DRUG_STOPPED", "NA", "UNK"],
    )
    outcome: str = _item(
        "Outcome",
        required=False,
        codelist=["RESOLVED", "RESOLVING", "NOT_RESOLVED", "SEQUELAE", "FATAL", "UNK"],
    )


class NewPrimaryCancer(Form):
    """Second primary cancers"""

    form_code: str = _form_code("new_primary_cancer")
    dx_dt: str = _date("Date of Diagnosis")
    diagnosis_text: str = _item("Diagnosis")
    spm_class: str = _item(
        "Class of Cancer", codelist=["HEMATOLOGIC", "SOLID", "NMSC_BCC", "NMSC_SCC", "UNK"]
    )
    spm_group: str = _item(
        "Group of Cancer",
        codelist=[
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
        ],
    )
    histology_confirmed: str = _item("Histology Confirmed", codelist=cl.YES_NO_UNKNOWN)
    invasive: str = _item("Invasive", codelist=cl.YES_NO_UNKNOWN)
    same_primary_before: str = _item("Recurrence of an Earlier Cancer", codelist=cl.YES_NO_UNKNOWN)
    on_study_drug_at_dx: str = _item("On Study Drug at Diagnosis", required=False, codelist=cl.YES_NO_UNKNOWN)
    drug_restarted: str = _item("Study Drug Restarted", required=False, codelist=["Y", "N", "NA", "UNK"])
    after_pd: str = _item("After Progression", required=False, codelist=cl.YES_NO_UNKNOWN)
    report_source: str = _item(
        "Source of Report",
        codelist=[
            "FORM",
            "QUESTIONNAIRE1",
            "QUESTIONNAIRE2",
            "QUESTIONNAIRE3",
            "SCREEN2012",
            "DEATH",
            "AE",
        ],
    )


class SpmQuestionnaire(Form):
    """Questionnaires on second primary cancers, one row per patient and round"""

    form_code: str = _form_code("spm_questionnaire")
    round: int = column("Round", codelist=[1, 2, 3, 4], comment="4: the screening of 2012-01-01")
    questionnaire_dt: str = _date("Date of Questionnaire")
    any_new_cancer: str = _item(
        "Any New Cancer", codelist=cl.YES_NO_UNKNOWN, comment="since the round before, else randomization"
    )
    screening_done: str = _item("Cancer Screening Done", required=False, comment="free text or a list")


class OffTreatment(Form):
    """End of study treatment"""

    form_code: str = _form_code("off_treatment")
    last_dose_dt: str = _date("Date of Last Dose", required=False, comment="blank when never started")
    off_treatment_dt: str = _date("Date Off Treatment")
    off_reason: str = column(
        "Reason Off Treatment",
        codelist=[
            "PROGRESSION",
            "ADVERSE_EVENT",
            "DEATH",
            "REFUSAL",
            "OTHER_DISEASE",
            "SPM",
            "UNBLINDING",
            "ALTERNATIVE_THERAPY",
            "LOST",
            "OTHER",
            "NEVER_STARTED",
        ],
    )
    off_reason_text: str = _item("Reason Off Treatment, Text", required=False)
    off_phase: str = _item("Phase Ended", codelist=["BLINDED", "CROSSOVER"])


class FollowUp(Form):
    """Follow-up contacts"""

    form_code: str = _form_code("follow_up")
    contact_dt: str = _date("Date of Contact", comment="last known alive")
    vital_status: str = _item("Vital Status", codelist=["ALIVE", "DEAD", "UNKNOWN"])
    progression_since_last: str = _item("Progression Since Last Form", codelist=cl.YES_NO_UNKNOWN)
    progression_dt: str = _date("Date of Progression", required=False)
    new_therapy: str = _item("New Anti-Myeloma Therapy", codelist=cl.YES_NO_UNKNOWN)
    last_disease_assess_dt: str = _date("Date of Last Disease Assessment", required=False)
    lost_to_fu: str = _item("Lost to Follow-up", required=False, codelist=cl.YES_NO)
    consent_withdrawn: str = _item("Consent Withdrawn", required=False, codelist=cl.YES_NO)


class SubsequentTherapy(Form):
    """Anti-myeloma therapy after transplantation and maintenance"""

    form_code: str = _form_code("subsequent_therapy")
    line_no: int = _item("Line Number", ge=1)
    agent: str = _item("Agent")
    start_dt: str = _date("Start Date")
    second_transplant: str = _item("Second Transplant", required=False, codelist=cl.YES_NO)


class Death(Form):
    """Death report"""

    form_code: str = _form_code("death")
    death_dt: str = _date("Date of Death")
    cause: str = _item(
        "Cause of Death",
        codelist=["MYELOMA", "SPM", "INFECTION", "CARDIAC", "TREATMENT", "OTHER", "UNK"],
    )
    cause_text: str = _item("Cause of Death, Text", required=False)
    progression_before_death: str = _item(
        "Progression Before Death", required=False, codelist=cl.YES_NO_UNKNOWN
    )
    autopsy: str = _item("Autopsy Done", required=False, codelist=cl.YES_NO_UNKNOWN)


class Crossover(Form):
    """Crossover to open-label lenalidomide after release"""

    form_code: str = _form_code("crossover")
    crossover_reg_dt: dt.date = column("Date of Crossover Registration")
    first_len_dt: str = _date("First Open-Label Lenalidomide", required=False)
    pd_before: str = _item("Progression Before Crossover", codelist=cl.YES_NO, comment="Y: ineligible")
    start_dose: float = _item("Starting Dose", codelist=[5.0, 10.0, 15.0], comment="mg/day")
    declined: str = column("Declined", codelist=cl.YES_NO)


class Unblinding(Form):
    """Unblinding of one patient, or of the study (patient and institution blank)"""

    patient_id: str = column(
        "Patient Identifier", required=False, str_matches=PATIENT, comment="blank when scope is STUDY"
    )
    site_code: str = column(
        "Institution Code", required=False, str_matches=SITE, comment="blank when scope is STUDY"
    )
    form_code: str = _form_code("unblinding")
    unblind_dt: dt.date = column("Date of Unblinding")
    scope: str = column("Scope", codelist=["PATIENT", "STUDY"])
    reason: str = _item("Reason", codelist=["EMERGENCY", "PROGRESSION", "DSMB_RELEASE", "OTHER"])
    authorised_by: str = _item("Authorised By", codelist=["EXEC_OFFICER", "PHARMACY", "STAT_CENTER"])


class Deviations(Form):
    """Protocol deviations"""

    form_code: str = _form_code("deviations")
    deviation_dt: str = _date("Date of Deviation")
    deviation_code: str = _item(
        "Deviation Code",
        codelist=["ELIG", "DOSE", "VISIT", "CONSENT", "RANDWINDOW", "UNBLIND", "OTHER"],
    )
    deviation_text: str = _item("Deviation, Text", required=False)


class FormLog(Table):
    """Forms due and when they came, as the data centre's log stood at a transfer"""

    as_of: dt.date = column("Date of the Log", comment="each transfer brings the whole log anew")
    patient_id: str = column("Patient Identifier", str_matches=PATIENT)
    site_code: str = column("Institution Code", str_matches=SITE, comment="NCI institution code")
    form_code: str = column("Form Due", codelist=list(FORM_CODE.values()))
    visit: str = column("Visit")
    due_dt: dt.date = column("Date Form Was Due")
    received_dt: dt.date = column("Date Form Was Received", required=False, comment="blank: not received")

    class Config:
        unique = ["as_of", "patient_id", "form_code", "visit"]


class QueryLog(Table):
    """Queries of the data centre of the time, as its log stood at a transfer"""

    as_of: dt.date = column("Date of the Log", comment="each transfer brings the whole log anew")
    query_id: str = column("Query Identifier")
    check_id: str = column("Edit Check")
    patient_id: str = column("Patient Identifier", required=False, str_matches=PATIENT)
    site_code: str = column("Institution Code", required=False, str_matches=SITE)
    form_code: str = column("Form Queried", codelist=list(FORM_CODE.values()))
    record_id: str = column("Record Identifier", required=False, comment="blank where a record is missing")
    opened_dt: dt.date = column("Date Opened")
    closed_dt: dt.date = column("Date Closed", required=False)
    resolution: str = column(
        "Resolution", codelist=["CORRECTED", "CONFIRMED", "UNOBTAINABLE", "CANCELLED", "OPEN"]
    )

    class Config:
        unique = ["as_of", "query_id"]


class TreatmentCodes(Table):
    """The treatment code list: restricted, joined to nothing before release"""

    randomization_no: str = column("Randomization Number", str_matches=_RANDOMIZATION_NO)
    kit_no: str = column("Kit Number", str_matches=_KIT_NO, unique=True)
    arm_code: str = column("Arm Code", codelist=["A", "B"])
    arm: str = column("Arm", codelist=["LENALIDOMIDE", "PLACEBO"])
    released_to: str = column("Released To", codelist=["DSMB", "STATISTICIAN", "UNBLINDED_TEAM"])

    class Config:
        unique = ["randomization_no"]


FORMS: dict[str, type[Table]] = {
    "sites": Sites,
    "registration": Registration,
    "eligibility": Eligibility,
    "on_study": OnStudy,
    "induction": Induction,
    "labs": Labs,
    "transplant": Transplant,
    "disease_assessment": DiseaseAssessment,
    "plasmacytoma": Plasmacytoma,
    "randomization": Randomization,
    "treatment_dose": TreatmentDose,
    "adverse_events": AdverseEvents,
    "new_primary_cancer": NewPrimaryCancer,
    "spm_questionnaire": SpmQuestionnaire,
    "off_treatment": OffTreatment,
    "follow_up": FollowUp,
    "subsequent_therapy": SubsequentTherapy,
    "death": Death,
    "crossover": Crossover,
    "unblinding": Unblinding,
    "deviations": Deviations,
    "form_log": FormLog,
    "query_log": QueryLog,
}
RESTRICTED: dict[str, type[Table]] = {"treatment_codes": TreatmentCodes}
