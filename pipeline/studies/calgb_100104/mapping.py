"""How the forms of CALGB 100104 become tabulation domains: one function per domain.

Each function takes the current records of its forms and gives the domain's variables; what all
domains share (--SEQ, --DY, column order) is done by `pipeline.tabulate`. What does not belong here:
imputation, analysis variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from pipeline.studies.calgb_100104.dictionaries import AGENT, CATEGORY_OF_TERM, CTCAE_TERM, coded
from pipeline.studies.calgb_100104.lineage import LINEAGE, ROWS
from pipeline.study import Domain, Frames
from pipeline.tabulate import number, sponsor_id, subject
from schemas.sdtm import DOMAINS

ARM_CODE = {"LENALIDOMIDE": "LEN", "PLACEBO": "PBO", "BLINDED": "BLINDED", "NOT ASSIGNED": "NOTASSGN"}
PHASE = {"BLINDED": "BLINDED TREATMENT", "OPEN_LABEL_LEN": "OPEN LABEL TREATMENT"}
OFF_PHASE = {"BLINDED": "BLINDED TREATMENT", "CROSSOVER": "OPEN LABEL TREATMENT"}
OFF_REASON = {
    "PROGRESSION": "PROGRESSIVE DISEASE",
    "ADVERSE_EVENT": "ADVERSE EVENT",
    "DEATH": "DEATH",
    "REFUSAL": "WITHDRAWAL BY SUBJECT",
    "OTHER_DISEASE": "OTHER DISEASE",
    "SPM": "SECOND PRIMARY CANCER",
    "UNBLINDING": "TREATMENT UNBLINDING",
    "ALTERNATIVE_THERAPY": "ALTERNATIVE THERAPY",
    "LOST": "LOST TO FOLLOW-UP",
    "OTHER": "OTHER",
    "NEVER_STARTED": "NEVER STARTED",
}
NYU = {"Y": "Y", "N": "N", "UNK": "U"}
# CTCAE v3.0 short names of the blood and bone-marrow category as Table 2 of the paper words them.
AE_DECODE = {
    "NEUTROPHILS/GRANULOCYTES": "NEUTROPENIA",
    "PLATELETS": "THROMBOCYTOPENIA",
    "LYMPHOPENIA": "LYMPHOPENIA",
    "HEMOGLOBIN": "ANEMIA",
    "LEUKOCYTES": "LEUKOCYTOPENIA",
}
AE_ACTION = {
    "NONE": "DOSE NOT CHANGED",
    "DOSE_REDUCED": "DOSE REDUCED",
    "DRUG_HELD": "DRUG INTERRUPTED",
    "DRUG_STOPPED": "DRUG WITHDRAWN",
    "NA": "NOT APPLICABLE",
    "UNK": "UNKNOWN",
}
AE_OUTCOME = {
    "RESOLVED": "RECOVERED/RESOLVED",
    "RESOLVING": "RECOVERING/RESOLVING",
    "NOT_RESOLVED": "NOT RECOVERED/NOT RESOLVED",
    "SEQUELAE": "RECOVERED/RESOLVED WITH SEQUELAE",
    "FATAL": "FATAL",
    "UNK": "UNKNOWN",
}
ATTRIBUTION = {1: "UNRELATED", 2: "UNLIKELY", 3: "POSSIBLE", 4: "PROBABLE", 5: "DEFINITE"}
DURIE_SALMON = {"1": "I", "2": "II", "3": "III", "UNK": None, "-1": None}
CRITERIA = {"EBMT": "EBMT BLADE 1998", "IMWG": "IMWG DURIE 2006"}
LAB_TEST = {  # form code: LBTESTCD, LBTEST, standard unit
    "B2M": ("B2MICG", "Beta-2 Microglobulin", "mg/L"),
    "CA": ("CA", "Calcium", "mg/dL"),
    "ALB": ("ALB", "Albumin", "g/dL"),
    "CREAT": ("CREAT", "Creatinine", "mg/dL"),
    "HGB": ("HGB", "Hemoglobin", "g/dL"),
    "WBC": ("WBC", "Leukocytes", "10^9/L"),
    "ANC": ("NEUT", "Neutrophils", "10^9/L"),
    "ALC": ("LYM", "Lymphocytes", "10^9/L"),
    "PLT": ("PLAT", "Platelets", "10^9/L"),
    "LDH": ("LDH", "Lactate Dehydrogenase", "U/L"),
    "IGG": ("IGG", "Immunoglobulin G", "g/dL"),
    "IGA": ("IGA", "Immunoglobulin A", "g/dL"),
    "IGM": ("IGM", "Immunoglobulin M", "g/dL"),
}
# What a result in a reported unit is divided by to reach the standard unit (Table 1's footnote for
# beta-2-microglobulin, calcium and creatinine; powers of ten otherwise).
UNIT_DIVISOR = {
    ("B2MICG", "nmol/L"): 84.75,
    ("CA", "mmol/L"): 0.250,
    ("CREAT", "umol/L"): 88.4,
    ("ALB", "g/L"): 10.0,
    ("HGB", "g/L"): 10.0,
    ("WBC", "/uL"): 1000.0,
    ("NEUT", "/uL"): 1000.0,
    ("LYM", "/uL"): 1000.0,
    ("PLAT", "/uL"): 1000.0,
    ("IGG", "mg/dL"): 1000.0,
    ("IGA", "mg/dL"): 1000.0,
    ("IGM", "mg/dL"): 1000.0,
    ("IGG", "g/L"): 10.0,
    ("IGA", "g/L"): 10.0,
    ("IGM", "g/L"): 10.0,
    ("MSPIKE", "g/L"): 10.0,
    ("MSPIKE", "mg/dL"): 1000.0,
    ("MSPIKE", "g/24h"): 0.001,
    ("KLCFR", "mg/L"): 10.0,
    ("LLCFR", "mg/L"): 10.0,
}
SPOT_URINE = "mg/dL spot"
"""Unit of a urine M-protein that is no 24-hour excretion and not usable for response."""

NOT_STATED = pl.lit("NOT STATED")
"""Stands in a required text of a row whose item is blank or could not be read; a query asks for it."""

CRITERION = {
    "E01": "Age 18 to 70 years",
    "E02": "ECOG performance status 0 or 1",
    "E03": "Symptomatic myeloma, Durie-Salmon stage I or more",
    "E04": "Induction of 2 to 12 months",
    "E05": "At most two induction regimens",
    "E06": "No progression before transplantation",
    "E07": "Adequate pulmonary function",
    "E08": "Adequate cardiac function",
    "E09": "Adequate renal function",
    "E10": "Adequate hepatic function",
    "E11": "Uncontrolled diabetes",
    "E12": "Serious infection or immune dysfunction",
    "E13": "Pregnancy, or not informed of teratogenic risk",
    "E14": "Written informed consent",
    "R01": "CD34+ dose of at least 2 x 10^6/kg",
    "R02": "Stable disease or better in the first 100 days",
    "R03": "Day 100 to 110 after transplantation",
    "R04": "Mobilisation as the protocol version asks",
    "R05": "Recovery of blood counts",
    "R06": "No progression",
}
EXCLUSIONS = ("E11", "E12", "E13")
SCREENING_ROUND = 4
"""Of the questionnaires on second cancers: after three sets of queries one screening."""


def _map(column: str, table: Mapping[Any, str]) -> pl.Expr:
    """The column's codes in other words; a code without a word becomes null."""
    return pl.col(column).replace_strict(table, default=None, return_dtype=pl.String)


def _base(code: str) -> tuple[pl.Expr, pl.Expr]:
    return subject(), sponsor_id(f"{code}SPID")


def _arms(forms: Frames) -> pl.DataFrame:
    """Randomised subjects with ARM: the code list's where it may be read and has them, else BLINDED."""
    randomised = forms["randomization"].select(subject(), "randomization_no")
    if "treatment_codes" not in forms:
        return randomised.with_columns(ARM=pl.lit("BLINDED"))
    codes = forms["treatment_codes"].select("randomization_no", ARM="arm")
    return randomised.join(codes, on="randomization_no", how="left").with_columns(
        pl.col("ARM").fill_null("BLINDED")
    )


def _full_date(text: str) -> pl.Expr:
    """A complete ISO date as a date; partial ones become null."""
    return pl.col(text).str.to_date("%Y-%m-%d", strict=False)


def dm(forms: Frames) -> pl.DataFrame:
    doses = forms["treatment_dose"].filter(pl.col("treatment_phase") == "BLINDED", pl.col("days_taken") > 0)
    dosing = doses.group_by(subject()).agg(
        RFSTDTC=pl.col("cycle_start_dt").min(), RFENDTC=pl.col("cycle_end_dt").max()
    )
    death = forms["death"].select(subject(), DTHDTC="death_dt", DTHFL=pl.lit("Y"))
    contact = forms["follow_up"].group_by(subject()).agg(_contact=pl.col("contact_dt").max())
    randomised = forms["randomization"].select(subject(), "randomization_dt", RANDNO="randomization_no")
    arms = _arms(forms).select("USUBJID", "ARM")
    rows = forms["registration"].with_columns(subject())
    for other in (dosing, death, contact, randomised, arms):
        rows = rows.join(other, on="USUBJID", how="left")
    rows = rows.join(forms["sites"].select("site_code", "group"), on="site_code", how="left")
    # Birth dates known to the month or year only count from the middle of it.
    birth = pl.coalesce(
        _full_date("birth_dt"),
        (pl.col("birth_dt") + "-15").str.to_date("%Y-%m-%d", strict=False),
        (pl.col("birth_dt") + "-06-30").str.to_date("%Y-%m-%d", strict=False),
    )
    at = pl.coalesce("randomization_dt", "registration_dt")
    before_birthday = at.dt.to_string("%m%d") < birth.dt.to_string("%m%d")
    arm = pl.col("ARM").fill_null("NOT ASSIGNED")
    return rows.select(
        "USUBJID",
        "RFSTDTC",
        "RFENDTC",
        "DTHDTC",
        "DTHFL",
        "RANDNO",
        SUBJID="patient_id",
        RFICDTC="consent_dt",
        RFPENDTC=pl.coalesce("DTHDTC", "_contact"),
        SITEID="site_code",
        BRTHDTC="birth_dt",
        AGE=at.dt.year() - birth.dt.year() - before_birthday.cast(pl.Int32),
        AGEU=pl.lit("YEARS"),
        SEX=pl.col("sex").fill_null("U"),
        RACE=pl.col("race").replace({"-1": None}),
        ETHNIC=pl.col("ethnicity").replace({"-1": None}),
        ARM=arm,
        ARMCD=arm.replace_strict(ARM_CODE),
        ACTARM=arm,
        ACTARMCD=arm.replace_strict(ARM_CODE),
        COOPGRP="group",
        PROTVER="protocol_version",
    )


def ds(forms: Frames) -> pl.DataFrame:
    milestone, disposition = pl.lit("PROTOCOL MILESTONE"), pl.lit("DISPOSITION EVENT")

    def rows(
        form: pl.DataFrame, decode: str | pl.Expr, category: pl.Expr, date: str, **more: pl.Expr | str
    ) -> pl.DataFrame:
        decoded = pl.lit(decode) if isinstance(decode, str) else decode
        return form.select(
            *_base("DS"), DSDECOD=decoded, DSCAT=category, DSSTDTC=pl.col(date).cast(pl.String), **more
        )

    registration, follow_up, crossover = forms["registration"], forms["follow_up"], forms["crossover"]
    registered = {"STRAT1V": "strat_b2m_reg", "STRAT2V": "strat_thal_reg", "STRAT3V": "strat_len_reg"}
    randomised = {"STRAT1": "strat_b2m", "STRAT2": "strat_thal", "STRAT3": "strat_len"}
    parts = [
        rows(registration, "INFORMED CONSENT OBTAINED", milestone, "consent_dt"),
        rows(registration, "REGISTERED", milestone, "registration_dt", **registered),
        rows(
            forms["randomization"],
            "RANDOMIZED",
            milestone,
            "randomization_dt",
            BLOCKNO="block_no",
            **randomised,
        ),
        rows(
            forms["off_treatment"],
            _map("off_reason", OFF_REASON),
            disposition,
            "off_treatment_dt",
            DSTERM=pl.coalesce("off_reason_text", "off_reason"),
            DSSCAT=pl.lit("STUDY TREATMENT"),
            EPOCH=_map("off_phase", OFF_PHASE),
        ),
        rows(
            crossover.filter(pl.col("declined") == "N"),
            "CROSSOVER",
            milestone,
            "crossover_reg_dt",
            EPOCH=pl.lit("OPEN LABEL TREATMENT"),
        ),
        rows(
            crossover.filter(pl.col("declined") == "Y"),
            "CROSSOVER DECLINED",
            milestone,
            "crossover_reg_dt",
        ),
        rows(
            forms["unblinding"].filter(pl.col("scope") == "PATIENT"),
            "TREATMENT UNBLINDED",
            pl.lit("OTHER EVENT"),
            "unblind_dt",
            DSTERM=pl.format("TREATMENT UNBLINDED: {}", "reason"),
        ),
        rows(
            follow_up.filter(pl.col("lost_to_fu") == "Y"),
            "LOST TO FOLLOW-UP",
            disposition,
            "contact_dt",
            DSSCAT=pl.lit("STUDY PARTICIPATION"),
        ),
        rows(
            follow_up.filter(pl.col("consent_withdrawn") == "Y"),
            "WITHDRAWAL BY SUBJECT",
            disposition,
            "contact_dt",
            DSSCAT=pl.lit("STUDY PARTICIPATION"),
        ),
        rows(forms["death"], "DEATH", disposition, "death_dt", DSSCAT=pl.lit("STUDY PARTICIPATION")),
    ]
    return pl.concat(parts, how="diagonal").with_columns(DSTERM=pl.coalesce("DSTERM", "DSDECOD"))


def ex(forms: Frames) -> pl.DataFrame:
    released = pl.lit("treatment_codes" in forms)  # an open label before the release is a site's mistake
    return (
        forms["treatment_dose"]
        .with_columns(subject())
        .join(_arms(forms).select("USUBJID", "ARM"), on="USUBJID", how="left")
        .select(
            "USUBJID",
            sponsor_id("EXSPID"),
            EXTRT=pl.when(released & (pl.col("treatment_phase") != "BLINDED"))
            .then(pl.lit("LENALIDOMIDE"))
            .otherwise(pl.col("ARM").fill_null("BLINDED")),
            EXDOSE="capsule_dose",
            EXDOSU=pl.lit("mg"),
            EXDOSFRQ=pl.lit("QD"),
            EXDOSRGM="schedule",
            EXADJ="mod_reason",
            VISITNUM="cycle_no",
            EPOCH=_map("treatment_phase", PHASE),
            EXSTDTC="cycle_start_dt",
            EXENDTC="cycle_end_dt",
            DAYSTKN="days_taken",
            MODTYPE="modification",
        )
    )


def ae(forms: Frames) -> pl.DataFrame:
    term = coded("ctcae_term", CTCAE_TERM)
    return (
        forms["adverse_events"]
        .filter(pl.col("grade").is_null() | (pl.col("grade") > 0))  # grade 0: asked for and absent
        .select(
            *_base("AE"),
            AETERM="ctcae_term",
            AEDECOD=term.replace(AE_DECODE),
            AEBODSYS=term.replace_strict(
                CATEGORY_OF_TERM, default=pl.col("ctcae_category").fill_null("OTHER SPECIFY")
            ),
            AESER=_map("serious", NYU),
            AEACN=_map("action", AE_ACTION),
            AEREL=_map("attribution", ATTRIBUTION),
            AEOUT=_map("outcome", AE_OUTCOME),
            AETOXGR=pl.col("grade").cast(pl.String),
            AESTDTC="start_dt",
            AEENDTC="end_dt",
            AEENRTPT=pl.when(pl.col("ongoing") == "Y").then(pl.lit("ONGOING")),
        )
    )


def rs(forms: Frames) -> pl.DataFrame:
    def rows(form: pl.DataFrame, code: str, test: str, **more: pl.Expr | str) -> pl.DataFrame:
        return form.select(*_base("RS"), RSTESTCD=pl.lit(code), RSTEST=pl.lit(test), **more)

    assessment, follow_up = forms["disease_assessment"], forms["follow_up"]
    investigator = pl.lit("INVESTIGATOR")
    on_form = {
        "RSGRPID": pl.col("assess_no").cast(pl.String),
        "RSCAT": _map("criteria_used", CRITERIA).fill_null("CRITERIA NOT STATED"),
        "RSORRES": pl.col("response_site"),
        "RSEVAL": investigator,
        "VISIT": pl.col("visit"),
    }
    parts = [
        rows(
            assessment,
            "OVRLRESP",
            "Overall Response",
            **on_form,
            RSSTRESC=pl.col("response_site").replace({"UNK": None}),
            RSDTC="assess_dt",
        ),
        rows(
            assessment.filter(pl.col("response_site") == "PD", pl.col("pd_dt").is_not_null()),
            "PROGRESS",
            "Progression Reported",
            **on_form,
            RSSTRESC=pl.lit("PD"),
            RSDTC="pd_dt",
            PDBASIS="pd_basis",
        ),
        *(
            rows(
                assessment.filter(pl.col(item).is_not_null()),
                code,
                test,
                RSGRPID=on_form["RSGRPID"],
                RSCAT=pl.lit("DISEASE ASSESSMENT"),
                RSORRES=item,
                RSSTRESC=pl.col(item).replace({"ND": None}),
                RSEVAL=investigator,
                VISIT="visit",
                RSDTC="assess_dt",
            )
            for item, code, test in (
                ("bone_lesions", "BONELES", "Bone Lesions"),
                ("plasmacytoma", "PLASMA", "Plasmacytoma"),
            )
        ),
        rows(
            follow_up.filter(pl.col("progression_since_last") == "Y", pl.col("progression_dt").is_not_null()),
            "PROGRESS",
            "Progression Reported",
            RSCAT=pl.lit("FOLLOW-UP REPORT"),
            RSORRES=pl.lit("PD"),
            RSSTRESC=pl.lit("PD"),
            RSEVAL=investigator,
            RSDTC="progression_dt",
        ),
        rows(
            forms["registration"],
            "ECOG101",
            "ECOG Performance Status",
            RSCAT=pl.lit("ECOG"),
            RSORRES=pl.col("ecog_ps").cast(pl.String),
            RSSTRESC=pl.col("ecog_ps").cast(pl.String),
            RSEVAL=investigator,
            RSDTC=pl.col("registration_dt").cast(pl.String),
        ),
        rows(
            forms["on_study"],
            "ISS",
            "International Staging System Stage",
            RSCAT=pl.lit("ISS"),
            RSORRES="iss_stage",
            RSSTRESC=pl.col("iss_stage").replace({"UNK": None, "-1": None}),
            RSEVAL=investigator,
            RSDTC="completed_dt",
        ),
        rows(
            forms["on_study"],
            "DURSALM",
            "Durie-Salmon Stage",
            RSCAT=pl.lit("DURIE-SALMON"),
            RSORRES="ds_stage",
            RSSTRESC=pl.col("ds_stage").str.strip_chars("AB").replace(DURIE_SALMON),
            RSEVAL=investigator,
            RSDTC="completed_dt",
        ),
    ]
    return pl.concat(parts, how="diagonal")


def _standard_units(rows: pl.DataFrame) -> pl.DataFrame:
    """Fill LBSTRESN (and LBSTRESC) from LBORRES, LBORRESU and LBSTRESU."""
    divisors = pl.DataFrame(
        [(test, unit, divisor) for (test, unit), divisor in UNIT_DIVISOR.items()],
        schema={"LBTESTCD": pl.String, "LBORRESU": pl.String, "_divisor": pl.Float64},
        orient="row",
    )
    result, unit = pl.col("LBORRES"), pl.col("LBORRESU")
    # Clinical rules 2.1: of a marker, NEG, TSTQ (too small to quantify) and below a limit count as nothing.
    marker = pl.col("LBCAT") == "DISEASE ASSESSMENT"
    nothing = result.is_in(["NEG", "TSTQ"]) | (marker & result.str.starts_with("<"))
    value = pl.when(nothing).then(0.0).when(result != "-1").then(number("LBORRES"))
    # Nothing is nothing in any unit, but a test without a unit (immunofixation) has words for results.
    known = (unit == pl.col("LBSTRESU")) | pl.col("_divisor").is_not_null() | (value == 0.0)
    usable = pl.col("LBSTRESU").is_not_null() & unit.ne_missing(SPOT_URINE) & known
    # Four decimals, so that a converted value compares as the reported one does (1.3 - 0.8 is 0.5).
    standard = (value / pl.col("_divisor").fill_null(1.0)).round(4)
    rows = rows.join(divisors, on=["LBTESTCD", "LBORRESU"], how="left", maintain_order="left").with_columns(
        LBSTRESN=pl.when(usable).then(standard),
        LBSTAT=pl.when(result.is_in(["ND", "NA"])).then(pl.lit("NOT DONE")),
    )
    words = pl.col("LBSTRESU").is_null() & pl.col("LBSTAT").is_null()
    return rows.with_columns(
        LBSTRESC=pl.coalesce(pl.col("LBSTRESN").cast(pl.String), pl.when(words).then(result))
    ).drop("_divisor")


def lb(forms: Frames) -> pl.DataFrame:
    variables = ("LBTESTCD", "LBTEST", "LBSTRESU")
    by_code = {name: {test: row[i] for test, row in LAB_TEST.items()} for i, name in enumerate(variables)}
    labs = forms["labs"].select(
        *_base("LB"),
        *(_map("test", table).alias(name) for name, table in by_code.items()),
        LBCAT=pl.lit("LOCAL LABORATORY"),
        LBORRES="result",
        LBORRESU="unit",
        LBORNRLO="lln",
        LBORNRHI="uln",
        VISIT="visit",
        LBDTC="collection_dt",
    )
    none = pl.lit(None, pl.String)
    day = pl.col("upep_unit").replace({"mg/24h": "mg/day", "mg/dL": SPOT_URINE})
    spep, flc = pl.col("spep_unit"), pl.col("flc_unit")
    markers = [  # result, LBTESTCD, LBTEST, reported unit, standard unit, date (else of the visit), specimen
        ("spep_result", "MSPIKE", "Monoclonal Protein Spike", spep, "g/dL", "spep_dt", "SERUM"),
        ("upep_result", "MSPIKE", "Monoclonal Protein Spike", day, "mg/day", None, "URINE"),
        ("sife", "SIFE", "Serum Immunofixation", none, None, "spep_dt", "SERUM"),
        ("uife", "UIFE", "Urine Immunofixation", none, None, None, "URINE"),
        ("flc_kappa", "KLCFR", "Kappa Light Chain, Free", flc, "mg/dL", None, "SERUM"),
        ("flc_lambda", "LLCFR", "Lambda Light Chain, Free", flc, "mg/dL", None, "SERUM"),
        ("bm_pc_pct", "PLSCECE", "Plasma Cells/Total Cells", pl.lit("%"), "%", "bm_dt", "BONE MARROW"),
        ("ca_result", "CA", "Calcium", pl.col("ca_unit"), "mg/dL", None, "SERUM"),
        ("alb_result", "ALB", "Albumin", pl.lit("g/dL"), "g/dL", None, "SERUM"),
    ]
    assessed = [
        forms["disease_assessment"]
        .filter(pl.col(result).is_not_null())
        .select(
            *_base("LB"),
            LBTESTCD=pl.lit(code),
            LBTEST=pl.lit(test),
            LBCAT=pl.lit("DISEASE ASSESSMENT"),
            LBORRES=pl.col(result).cast(pl.String),
            LBORRESU=unit,
            LBSTRESU=pl.lit(standard, pl.String),
            LBSPEC=pl.lit(specimen),
            VISIT="visit",
            LBDTC=pl.coalesce(date or "assess_dt", "assess_dt"),
            CAOTHER="ca_other_cause" if code == "CA" else none,
        )
        for result, code, test, unit, standard, date, specimen in markers
    ]
    return _standard_units(pl.concat([labs, *assessed], how="diagonal"))


def cm(forms: Frames) -> pl.DataFrame:
    induction = forms["induction"].select(
        *_base("CM"),
        CMCAT=pl.lit("INDUCTION"),
        CMGRPID=pl.col("regimen_no").cast(pl.String),
        CMTRT=pl.coalesce("agent", "regimen_name", NOT_STATED),
        CMDECOD=coded("agent", AGENT),
        CMSTDTC="start_dt",
        CMENDTC="stop_dt",
        REGIMEN="regimen_name",
    )
    transplant = forms["transplant"]
    mobilisation = transplant.filter(pl.col("mobil_regimen").is_not_null()).select(
        *_base("CM"), CMCAT=pl.lit("MOBILIZATION"), CMTRT="mobil_regimen", CMSTDTC="mobil_start_dt"
    )
    conditioning = transplant.select(
        *_base("CM"),
        CMCAT=pl.lit("CONDITIONING"),
        CMTRT=pl.lit("MELPHALAN"),
        CMDECOD=pl.lit("MELPHALAN"),
        CMDOSE="mel_dose",
        CMDOSU=pl.lit("mg/m2"),
        CMSTDTC="mel_dt",
    )
    subsequent = forms["subsequent_therapy"].select(
        *_base("CM"),
        CMCAT=pl.lit("SUBSEQUENT ANTI-MYELOMA"),
        CMGRPID=pl.col("line_no").cast(pl.String),
        CMTRT=pl.coalesce("agent", NOT_STATED),
        CMDECOD=coded("agent", AGENT),
        CMSTDTC="start_dt",
        ASCT2="second_transplant",
    )
    return pl.concat([induction, mobilisation, conditioning, subsequent], how="diagonal")


def pr(forms: Frames) -> pl.DataFrame:
    return forms["transplant"].select(
        *_base("PR"),
        PRTRT=pl.lit("AUTOLOGOUS HEMATOPOIETIC STEM CELL TRANSPLANTATION"),
        PRSTDTC=pl.col("infusion_dt").cast(pl.String),
        CD34DOSE="cd34_dose",
        NTRANS="n_transplants",
    )


def mh(forms: Frames) -> pl.DataFrame:
    on_study = forms["on_study"]
    diagnosis = on_study.select(
        *_base("MH"),
        MHTERM=pl.lit("MULTIPLE MYELOMA"),
        MHCAT=pl.lit("DIAGNOSIS"),
        MHSTDTC="diagnosis_dt",
        MPROTTYP=pl.col("mm_type").replace({"UNK": None, "-1": None}),
        LYTICSC="lytic_scale",
    )
    prior = on_study.filter(pl.col("prior_cancer") == "Y").select(
        *_base("MH"),
        MHTERM=pl.coalesce("prior_cancer_type", NOT_STATED),
        MHCAT=pl.lit("PRIOR CANCER"),
        MHSTDTC="prior_cancer_dt",
    )
    return pl.concat([diagnosis, prior], how="diagonal")


def ce(forms: Frames) -> pl.DataFrame:
    return forms["new_primary_cancer"].select(
        *_base("CE"),
        CETERM=pl.coalesce("diagnosis_text", "spm_group", NOT_STATED),
        CECAT=pl.lit("SECOND PRIMARY CANCER"),
        CESCAT=pl.col("spm_class").fill_null("UNK"),
        CESTDTC="dx_dt",
        SPMGRP="spm_group",
        HISTCONF=_map("histology_confirmed", NYU),
        INVASIVE=_map("invasive", NYU),
        RECURQ=_map("same_primary_before", NYU),
        ONDRUG=_map("on_study_drug_at_dx", NYU),
        RESTART=_map("drug_restarted", NYU | {"NA": "NA"}),
        SRC="report_source",
    )


def dd(forms: Frames) -> pl.DataFrame:
    return forms["death"].select(
        *_base("DD"),
        DDTESTCD=pl.lit("PRCDTH"),
        DDTEST=pl.lit("Primary Cause of Death"),
        DDORRES=pl.coalesce("cause_text", "cause", NOT_STATED),
        DDSTRESC=pl.col("cause").fill_null("UNK"),
        DDDTC="death_dt",
    )


def ss(forms: Frames) -> pl.DataFrame:
    return forms["follow_up"].select(
        *_base("SS"),
        SSTESTCD=pl.lit("SURVSTAT"),
        SSTEST=pl.lit("Survival Status"),
        SSORRES=pl.coalesce("vital_status", NOT_STATED),
        SSSTRESC=pl.col("vital_status").fill_null("UNKNOWN"),
        SSDTC="contact_dt",
    )


def fa(forms: Frames) -> pl.DataFrame:
    """Answers to the questionnaires on second cancers."""
    return forms["spm_questionnaire"].select(
        *_base("FA"),
        FAGRPID=pl.col("round").cast(pl.String),
        FATESTCD=pl.lit("OCCUR"),
        FATEST=pl.lit("Occurrence Indicator"),
        FAOBJ=pl.lit("SECOND PRIMARY CANCER"),
        FACAT=pl.when(pl.col("round") == SCREENING_ROUND)
        .then(pl.lit("SCREENING"))
        .when(pl.col("round").is_not_null())
        .then(pl.lit("QUERY SET")),
        FAORRES="any_new_cancer",
        FASTRESC=_map("any_new_cancer", NYU),
        FADTC="questionnaire_dt",
        SCRDONE="screening_done",
    )


def _lesions(forms: Frames) -> pl.DataFrame:
    """The plasmacytoma records with the date and visit of their disease assessment."""
    of_visit = ("patient_id", "assess_no")
    assessments = forms["disease_assessment"].sort("record_id", "record_version")
    dated = assessments.unique(of_visit, keep="first", maintain_order=True)
    return forms["plasmacytoma"].join(
        dated.select(*of_visit, "assess_dt", "visit"), on=of_visit, how="left", maintain_order="left"
    )


def tu(forms: Frames) -> pl.DataFrame:
    """Each lesion once, where it was first seen."""
    first = _lesions(forms).sort("patient_id", "lesion_no", "assess_dt", "record_id", "record_version")
    return first.unique(["patient_id", "lesion_no"], keep="first", maintain_order=True).select(
        *_base("TU"),
        TULNKID=pl.col("lesion_no").cast(pl.String),
        TUTESTCD=pl.lit("TUMIDENT"),
        TUTEST=pl.lit("Tumor Identification"),
        TUORRES=pl.lit("PLASMACYTOMA"),
        TUSTRESC=pl.lit("PLASMACYTOMA"),
        TULOC="location",
        TUMETHOD="method",
        TUEVAL=pl.lit("INVESTIGATOR"),
        VISIT="visit",
        TUDTC="assess_dt",
    )


def tr(forms: Frames) -> pl.DataFrame:
    """The two diameters of each lesion at each assessment."""
    lesions = _lesions(forms)
    parts = [
        lesions.filter(pl.col(diameter).is_not_null()).select(
            *_base("TR"),
            TRGRPID=pl.col("assess_no").cast(pl.String),
            TRLNKID=pl.col("lesion_no").cast(pl.String),
            TRTESTCD=pl.lit(code),
            TRTEST=pl.lit(test),
            TRORRES=pl.col(diameter).cast(pl.String),
            TRORRESU=pl.lit("cm"),
            TRSTRESC=pl.col(diameter).cast(pl.String),
            TRSTRESN=diameter,
            TRSTRESU=pl.lit("cm"),
            TRMETHOD="method",
            TREVAL=pl.lit("INVESTIGATOR"),
            VISIT="visit",
            TRDTC="assess_dt",
        )
        for diameter, code, test in (
            ("diam1", "LDIAM", "Longest Diameter"),
            ("diam2", "LPERP", "Longest Perpendicular"),
        )
    ]
    return pl.concat(parts)


def dv(forms: Frames) -> pl.DataFrame:
    return forms["deviations"].select(
        *_base("DV"),
        DVTERM=pl.coalesce("deviation_text", "deviation_code", NOT_STATED),
        DVDECOD="deviation_code",
        DVSTDTC="deviation_dt",
    )


def ie(forms: Frames) -> pl.DataFrame:
    code = pl.col("criterion_code")
    # The form asks whether the patient meets the protocol; of an exclusion SDTM wants whether it applies.
    answer = pl.when(code.is_in(EXCLUSIONS)).then(pl.lit("Y")).otherwise("criterion_met")
    return (
        forms["eligibility"]
        .filter(pl.col("criterion_met") == "N")
        .select(
            *_base("IE"),
            IETESTCD=code,
            IETEST=_map("criterion_code", CRITERION),
            IECAT=pl.when(code.is_in(EXCLUSIONS)).then(pl.lit("EXCLUSION")).otherwise(pl.lit("INCLUSION")),
            IEORRES=answer,
            IESTRESC=answer,
            EPOCH="step",
            IEWAIVER="waiver",
        )
    )


def _domain(
    build: Callable[[Frames], pl.DataFrame], forms: tuple[str, ...], order: tuple[str, ...] = ()
) -> Domain:
    name = build.__name__
    return Domain(name, DOMAINS[name], forms, build, order, LINEAGE[name], ROWS.get(name, ()))


DM_FORMS = ("registration", "sites", "randomization", "treatment_dose", "death", "follow_up")
DS_FORMS = (
    "registration", "randomization", "off_treatment", "crossover", "unblinding", "follow_up", "death",
)  # fmt: skip
LESION_FORMS = ("plasmacytoma", "disease_assessment")
SDTM: tuple[Domain, ...] = (
    _domain(dm, (*DM_FORMS, "treatment_codes")),
    _domain(ds, DS_FORMS, ("DSSTDTC", "DSCAT", "DSDECOD", "DSSPID")),
    _domain(ex, ("treatment_dose", "randomization", "treatment_codes"), ("EXSTDTC", "VISITNUM", "EXSPID")),
    _domain(ae, ("adverse_events",), ("AESTDTC", "AEDECOD", "AESPID")),
    _domain(
        rs,
        ("disease_assessment", "follow_up", "registration", "on_study"),
        ("RSDTC", "RSTESTCD", "RSCAT", "RSSPID"),
    ),
    _domain(lb, ("labs", "disease_assessment"), ("LBDTC", "LBTESTCD", "LBSPEC", "LBSPID")),
    _domain(cm, ("induction", "transplant", "subsequent_therapy"), ("CMSTDTC", "CMCAT", "CMTRT", "CMSPID")),
    _domain(pr, ("transplant",), ("PRSTDTC", "PRSPID")),
    _domain(mh, ("on_study",), ("MHCAT", "MHSTDTC", "MHSPID")),
    _domain(ce, ("new_primary_cancer",), ("CESTDTC", "CETERM", "CESPID")),
    _domain(dd, ("death",), ("DDDTC", "DDSPID")),
    _domain(ss, ("follow_up",), ("SSDTC", "SSSPID")),
    _domain(fa, ("spm_questionnaire",), ("FADTC", "FAGRPID", "FASPID")),
    _domain(tu, LESION_FORMS, ("TULNKID", "TUSPID")),
    _domain(tr, LESION_FORMS, ("TRDTC", "TRLNKID", "TRTESTCD", "TRSPID")),
    _domain(dv, ("deviations",), ("DVSTDTC", "DVDECOD", "DVSPID")),
    _domain(ie, ("eligibility",), ("EPOCH", "IETESTCD", "IESPID")),
)
