"""Edit checks: registration to randomisation, the code list and unblinding (EC025 to EC064).

The limits that the paper prints are those of `design`. A partial date breaks a rule only if every day it may
mean does, and a blank breaks none that does not ask for a value. EC060 and EC061 are the door's. What does
not belong here: rules of one cell (`schemas/crf/calgb_100104.py`), the longer searches (`eligibility`,
`allocation`).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.edit_checks import told, where
from pipeline.studies.calgb_100104.design import (
    AGE_MAX,
    AGE_MIN,
    BLOCK_SIZE,
    CD34_MIN,
    ECOG_MAX,
    ENROLMENT_CLOSES,
    ENROLMENT_OPENS,
    FIRST_PROTOCOL_VERSION,
    INDUCTION_MONTHS_MAX,
    INDUCTION_MONTHS_MIN,
    INDUCTION_REGIMENS_MAX,
    MOBILISATION_DAYS_MAX,
    RANDOMISATION_DAY_MAX,
    RANDOMISATION_DAY_MIN,
    UNBLINDING,
)
from pipeline.studies.calgb_100104.edit_checks import allocation, eligibility
from pipeline.studies.calgb_100104.edit_checks.eligibility import beside, completed_years, either
from pipeline.study import EditCheck

# Limits of the data validation plan that the paper does not print.
CHILDBEARING_AGE_MAX = 50
"""Women younger than this count as of child-bearing potential; the plan gives no age."""
CD34_PLAUSIBLE_MAX = 60
MELPHALAN_MIN, MELPHALAN_MAX = 100, 220
RANDOMISATION_DAY_EARLY, RANDOMISATION_DAY_LATE = 80, 130

_YOUNGEST = completed_years(last_possible_day("birth_dt"), "registration_dt")
_OLDEST = completed_years(first_possible_day("birth_dt"), "registration_dt")
_PREGNANCY_POSSIBLE = (pl.col("sex") == "F") & (_OLDEST < CHILDBEARING_AGE_MAX)
_DAY = pl.col("day")

ENTRY: tuple[EditCheck, ...] = (
    EditCheck(
        "EC025",
        ("registration",),
        "informed consent on or before the day of registration",
        "query",
        "Consent is dated after registration. Please check both dates against the signed consent form.",
        where(
            "registration",
            first_possible_day("consent_dt") > pl.col("registration_dt"),
            "consent_dt",
            told("consent {}, registration {}", "consent_dt", "registration_dt"),
        ),
    ),
    EditCheck(
        "EC026",
        ("registration",),
        f"registration from {ENROLMENT_OPENS} to {ENROLMENT_CLOSES}",
        "query",
        "The registration date lies outside of the enrolment period. Please confirm or correct it.",
        where(
            "registration",
            ~pl.col("registration_dt").is_between(ENROLMENT_OPENS, ENROLMENT_CLOSES),
            "registration_dt",
            told("registration {}", "registration_dt"),
        ),
    ),
    EditCheck(
        "EC027",
        ("registration",),
        f"{AGE_MIN} to {AGE_MAX} complete years old at registration; older later on is no fault",
        "query",
        "The patient's age at registration is outside of the protocol's limits. Please check the birth date.",
        where(
            "registration",
            (_OLDEST < AGE_MIN) | (_YOUNGEST > AGE_MAX),
            "birth_dt",
            told("born {}, registered {}", "birth_dt", "registration_dt"),
        ),
    ),
    EditCheck(
        "EC028",
        ("registration",),
        f"ECOG performance status 0 to {ECOG_MAX} at registration",
        "query",
        "The performance status makes the patient ineligible. Please confirm or correct it.",
        where("registration", pl.col("ecog_ps") > ECOG_MAX, "ecog_ps", told("ECOG {}", "ecog_ps")),
    ),
    EditCheck(
        "EC029",
        ("randomization", "registration"),
        "each of the three strata at randomization is the answer given at registration",
        "query",
        "The stratum used at randomization differs from the registration form. Please say which is right.",
        eligibility.changed_stratum,
    ),
    EditCheck(
        "EC030",
        ("randomization", "labs"),
        "the beta-2-microglobulin stratum is that of the last result of study entry, compared with the limit "
        "in the reported unit (2.5 mg/L; 211.9 nmol/L)",
        "query",
        "The stratum and the laboratory result disagree. Please check the result, its unit and the stratum.",
        eligibility.b2m_against_stratum,
    ),
    EditCheck(
        "EC031",
        ("randomization", "labs"),
        "a patient with a beta-2-microglobulin stratum has a result of study entry",
        "warn",
        "Please send the beta-2-microglobulin result on which the stratum was based.",
        eligibility.b2m_missing,
    ),
    EditCheck(
        "EC032",
        ("randomization", "induction"),
        "the strata of prior thalidomide and lenalidomide agree with the induction agents: N with none of "
        "any regimen, Y with one, unless an agent is not known",
        "query",
        "The stratum and the induction form disagree on this drug. Please say which is right.",
        eligibility.prior_drugs,
    ),
    EditCheck(
        "EC033",
        ("on_study", "registration", "induction"),
        "diagnosis on or before registration and the first start of induction",
        "query",
        "The diagnosis is dated after registration or after treatment began. Please check the dates.",
        either(
            beside(
                "on_study",
                "registration",
                ["registration_dt"],
                first_possible_day("diagnosis_dt") > pl.col("registration_dt"),
                "diagnosis_dt",
                told("diagnosis {}, registration {}", "diagnosis_dt", "registration_dt"),
            ),
            eligibility.diagnosis_after_induction,
        ),
    ),
    EditCheck(
        "EC034",
        ("on_study",),
        "Durie-Salmon stage I, II or III without a suffix, which belongs to ds_sub; where the stage is not "
        "known, an ELIG deviation is on file",
        "query",
        "Please give the Durie-Salmon stage as I, II or III, and the subclass A or B in its own field.",
        either(
            where(
                "on_study",
                pl.col("ds_stage").str.contains("[AB]$"),
                "ds_stage",
                told("stage {}, subclass {}", "ds_stage", "ds_sub"),
            ),
            eligibility.stage_not_known,
        ),
    ),
    EditCheck(
        "EC035",
        ("on_study", "labs"),
        "the site's ISS stage is the one that the last exact beta-2-microglobulin and albumin of study entry "
        "give, where they give one",
        "query",
        "The ISS stage does not agree with the laboratory results of study entry. Please check both.",
        eligibility.iss,
    ),
    EditCheck(
        "EC036",
        ("on_study", "labs"),
        "the site's Durie-Salmon stage is not below the one that hemoglobin, calcium and the lytic scale "
        "alone call for",
        "warn",
        "The Durie-Salmon stage seems too low for the results of study entry. Please check it.",
        eligibility.durie_salmon,
    ),
    EditCheck(
        "EC037",
        ("on_study", "disease_assessment"),
        "light chain disease has no serum M-protein above 0.1 g/dL at any assessment; non-secretory disease "
        "neither that nor a positive immunofixation",
        "query",
        "The M-component does not agree with the assays. Please check the type and the results.",
        eligibility.m_component,
    ),
    EditCheck(
        "EC038",
        ("on_study", "eligibility"),
        f"creatinine clearance at least {eligibility.CREATININE_CLEARANCE_MIN} mL/min, or a waiver of E09",
        "query",
        "The creatinine clearance is below the limit and no waiver is on file. Please check or send it.",
        eligibility.low_clearance,
    ),
    EditCheck(
        "EC039",
        ("on_study", "registration"),
        f"a negative pregnancy test of women younger than {CHILDBEARING_AGE_MAX} at registration; "
        "nobody's is positive",
        "query",
        "Please confirm or send the pregnancy test before registration.",
        beside(
            "on_study",
            "registration",
            ["sex", "birth_dt", "registration_dt"],
            (pl.col("pregnancy_test") == "POS")
            | (_PREGNANCY_POSSIBLE & pl.col("pregnancy_test").ne_missing("NEG")),
            "pregnancy_test",
            told("sex {}, born {}, pregnancy test {}", "sex", "birth_dt", "pregnancy_test"),
        ),
    ),
    EditCheck(
        "EC040",
        ("eligibility", "deviations", "randomization"),
        "every criterion is met or does not apply; else an ELIG deviation is on file, and a waiver if the "
        "patient was randomized",
        "query",
        "An eligibility criterion is not met. Please send the waiver and report the deviation.",
        eligibility.unmet_criteria,
    ),
    EditCheck(
        "EC041",
        ("induction",),
        f"at most {INDUCTION_REGIMENS_MAX} induction regimens, those of dexamethasone alone not counted",
        "query",
        "More induction regimens are reported than the protocol allows. Please check their numbers.",
        eligibility.regimens,
    ),
    EditCheck(
        "EC042",
        ("induction",),
        f"{INDUCTION_MONTHS_MIN} to {INDUCTION_MONTHS_MAX} calendar months from the first start to the last "
        "stop of induction",
        "query",
        "Induction was shorter or longer than the protocol allows. Please check the first and last dates.",
        eligibility.induction_length,
    ),
    EditCheck(
        "EC043",
        ("induction", "transplant"),
        "an induction agent is stopped on or after its start, and on or before the day of the infusion",
        "query",
        "The stop date is before the start or after the transplant. Please check the dates.",
        either(
            where(
                "induction",
                last_possible_day("stop_dt") < first_possible_day("start_dt"),
                "stop_dt",
                told("start {}, stop {}", "start_dt", "stop_dt"),
            ),
            beside(
                "induction",
                "transplant",
                ["infusion_dt"],
                first_possible_day("stop_dt") > pl.col("infusion_dt"),
                "stop_dt",
                told("stop {}, infusion {}", "stop_dt", "infusion_dt"),
            ),
        ),
    ),
    EditCheck(
        "EC044",
        ("induction",),
        "an induction agent is written as the dictionary names it; brand names and misspellings that it "
        "knows are read as meant and counted, and so are words that it does not know",
        "warn",
        "Please write the agent's generic name.",
        eligibility.agent_words,
    ),
    EditCheck(
        "EC045",
        ("transplant", "registration"),
        "a complete date of infusion, after the day of registration",
        "query",
        "Please give the full date of the stem-cell infusion; patients are registered before it.",
        either(
            where(
                "transplant",
                pl.col("infusion_dt").is_null(),
                "infusion_dt",
                told("infusion {}", "infusion_dt"),
            ),
            beside(
                "transplant",
                "registration",
                ["registration_dt"],
                pl.col("infusion_dt") <= pl.col("registration_dt"),
                "infusion_dt",
                told("infusion {}, registration {}", "infusion_dt", "registration_dt"),
            ),
        ),
        door=("transplant:infusion_dt_not_a_date",),
    ),
    EditCheck(
        "EC046",
        ("transplant", "randomization"),
        "one transplant before randomization: no further form, and one counted on it (that there is one at "
        "all: EC055)",
        "query",
        "More than one transplant before randomization is reported. Please confirm the tandem transplant.",
        eligibility.tandem,
    ),
    EditCheck(
        "EC047",
        ("transplant",),
        f"CD34+ dose at least {CD34_MIN} x 10^6/kg",
        "query",
        "The CD34+ cell dose is below the protocol's limit. Please confirm or correct it.",
        where("transplant", pl.col("cd34_dose") < CD34_MIN, "cd34_dose", told("{} x 10^6/kg", "cd34_dose")),
    ),
    EditCheck(
        "EC048",
        ("transplant",),
        f"CD34+ dose at most {CD34_PLAUSIBLE_MAX} x 10^6/kg; more suggests 10^4/kg or a count of cells",
        "query",
        "Please check the unit of the CD34+ cell dose: it is asked for in 10^6/kg.",
        where(
            "transplant",
            pl.col("cd34_dose") > CD34_PLAUSIBLE_MAX,
            "cd34_dose",
            told("{} x 10^6/kg", "cd34_dose"),
        ),
    ),
    EditCheck(
        "EC049",
        ("transplant", "registration"),
        f"at most {MOBILISATION_DAYS_MAX} days from the start of mobilization to the infusion of patients "
        "registered before the first amendment",
        "warn",
        "Mobilization began earlier than the first protocol version allows. Please check its date.",
        beside(
            "transplant",
            "registration",
            ["protocol_version"],
            (pl.col("protocol_version") == FIRST_PROTOCOL_VERSION)
            & (
                (pl.col("infusion_dt") - last_possible_day("mobil_start_dt")).dt.total_days()
                > MOBILISATION_DAYS_MAX
            ),
            "mobil_start_dt",
            told("mobilization {}, infusion {}", "mobil_start_dt", "infusion_dt"),
        ),
    ),
    EditCheck(
        "EC050",
        ("transplant",),
        f"melphalan {MELPHALAN_MIN} to {MELPHALAN_MAX} mg/m2",
        "query",
        "The melphalan dose is outside of the expected range. Please confirm or correct it.",
        where(
            "transplant",
            ~pl.col("mel_dose").is_between(MELPHALAN_MIN, MELPHALAN_MAX),
            "mel_dose",
            told("{} mg/m2", "mel_dose"),
        ),
    ),
    EditCheck(
        "EC051",
        ("randomization", "transplant"),
        "randomization after the day of the first infusion",
        "reject",
        "Randomization is dated on or before the transplant. Please check both dates.",
        allocation.randomised_on(_DAY <= 0),
    ),
    EditCheck(
        "EC052",
        ("randomization", "transplant"),
        f"randomization on day {RANDOMISATION_DAY_MIN} to {RANDOMISATION_DAY_MAX} after the first infusion",
        "warn",
        "Randomization is outside of the protocol's window. Please check both dates.",
        allocation.randomised_on(~_DAY.is_between(RANDOMISATION_DAY_MIN, RANDOMISATION_DAY_MAX)),
    ),
    EditCheck(
        "EC053",
        ("randomization", "transplant"),
        f"randomization on day {RANDOMISATION_DAY_EARLY} to {RANDOMISATION_DAY_LATE} after infusion",
        "query",
        "Randomization is far outside of the window. Please check both dates or report a deviation.",
        allocation.randomised_on(~_DAY.is_between(RANDOMISATION_DAY_EARLY, RANDOMISATION_DAY_LATE)),
    ),
    EditCheck(
        "EC054",
        ("randomization",),
        "a patient, a randomization number and a kit stand on one current record; the one that came first "
        "stays",
        "reject",
        "This patient, randomization number or kit is on another record. Please say which is right.",
        allocation.randomised_again,
    ),
    EditCheck(
        "EC055",
        ("randomization", "registration", "on_study", "transplant"),
        "a randomized patient has a registration, an on-study and a transplant form",
        "reject",
        "A form of study entry is missing for a randomized patient. Please send it.",
        allocation.without_entry_forms,
    ),
    EditCheck(
        "EC056",
        ("randomization",),
        "the response at randomization is CR, PR, MR or SD; others stay in the intent-to-treat population",
        "query",
        "The response at randomization makes the patient ineligible or is missing. Please check it.",
        where(
            "randomization",
            ~pl.col("response_at_rand").is_in(["CR", "PR", "MR", "SD"]).fill_null(False),
            "response_at_rand",
            told("response {}", "response_at_rand"),
        ),
    ),
    EditCheck(
        "EC057",
        ("disease_assessment", "randomization"),
        "no progression is dated before the day of randomization",
        "query",
        "A progression is dated before randomization. Please check both dates.",
        beside(
            "disease_assessment",
            "randomization",
            ["randomization_dt"],
            last_possible_day("pd_dt") < pl.col("randomization_dt"),
            "pd_dt",
            told("progression {}, randomization {}", "pd_dt", "randomization_dt"),
        ),
    ),
    EditCheck(
        "EC058",
        ("randomization", "disease_assessment"),
        "the response at randomization is the site's call at day 100, where both are known; sCR is CR and "
        "VGPR is PR there",
        "query",
        "The response differs between the randomization form and the day-100 assessment. Which is right?",
        allocation.day_100,
    ),
    EditCheck(
        "EC059",
        ("randomization", "treatment_codes"),
        f"no block of a stratum holds more than {BLOCK_SIZE // 2} patients of one code",
        "warn",
        "To the statistics office: please check this block against the randomization list.",
        allocation.blocks,
        needs_arms=True,
    ),
    EditCheck(
        "EC062",
        ("treatment_codes", "randomization"),
        "every randomization number and kit is on the code list, and once the study is unblinded every code "
        "is a patient's; the numbers of the arms are compared with the paper's",
        "reject",
        "To the statistics office: the code list and the randomizations do not join one to one.",
        allocation.codes,
        needs_arms=True,
    ),
    EditCheck(
        "EC063",
        ("treatment_codes",),
        "the code list lies outside of the transfers, the blinded run does not read it, its hash and rows "
        "are those of the sealed manifest; enforced where it is read: `pipeline.ingest.ingest_restricted`",
        "reject",
        "To the statistics office: the code list is not the sealed one.",
    ),
    EditCheck(
        "EC064",
        ("unblinding", "deviations"),
        "unblinding of a patient has a reason, a role and an UNBLIND deviation; that of the study is on "
        f"{UNBLINDING}",
        "query",
        "Please give the reason and the role that authorised the unblinding, and report the deviation.",
        allocation.opened,
        door=("unblinding:reason_not_null", "unblinding:authorised_by_not_null"),
    ),
)
