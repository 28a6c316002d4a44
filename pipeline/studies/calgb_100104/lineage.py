"""Where each tabulation variable of CALGB 100104 comes from: form fields, origin and derivation.

Written beside `mapping.py`, which does it; a test changes the forms field by field and holds what changes
against what stands here. `--SEQ`, `--DY`, STUDYID, DOMAIN and CUTOFF are the same in every domain and come
from `pipeline.lineage`. What does not belong here: the mapping, analysis variables (`schemas/adam.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.study import Mapped

RECORDS: Mapping[str, tuple[str, ...]] = {
    # EC051 and EC054 reject a randomisation, EC127 a death form; the others look at identifiers only.
    "randomization": (
        "randomization.randomization_dt",
        "randomization.randomization_no",
        "randomization.kit_no",
        "transplant.infusion_dt",
    ),
    "death": ("death.cause",),
}
"""The fields that decide which records of a form count, beside the header that every form carries."""


def _as_collected(*sources: str, words: str = "") -> Mapped:
    return Mapped(sources, "Collected", words)


def _derived(words: str, *sources: str) -> Mapped:
    return Mapped(sources, "Derived", words)


def _assigned(words: str) -> Mapped:
    return Mapped((), "Assigned", words)


def _fields(form: str, **fields: str) -> dict[str, Mapped]:
    """Variables that are one field of the form, as it stands."""
    return {variable: _as_collected(f"{form}.{field}") for variable, field in fields.items()}


def _record(domain: str, *forms: str) -> dict[str, Mapped]:
    """What names the subject and the record behind a row; forms: those whose records become rows."""
    return {
        "USUBJID": _derived(
            "study and patient identifier joined by -",
            *(f"{form}.{field}" for form in forms for field in ("study_id", "patient_id")),
        ),
        f"{domain}SPID": _derived(
            "form code, record identifier and record version joined by -",
            *(f"{form}.{field}" for form in forms for field in ("form_code", "record_id", "record_version")),
        ),
    }


_ARM = (
    "treatment_codes.arm",
    "treatment_codes.randomization_no",
    "randomization.randomization_no",
)
_ARM_WORDS = (
    "the code list's arm by randomisation number; BLINDED before the list may be read and where it has none; "
    "NOT ASSIGNED without randomisation"
)
_CODED = "the form's code in CDISC's or this study's words"
_INVESTIGATOR = _assigned("INVESTIGATOR: every assessment is the site's")
_ASSESSMENT = ("disease_assessment.assess_dt", "disease_assessment.assess_no", "plasmacytoma.assess_no")

DM = {
    "USUBJID": _derived(
        "study and patient identifier joined by -", "registration.study_id", "registration.patient_id"
    ),
    **_fields("registration", SUBJID="patient_id", SITEID="site_code", BRTHDTC="birth_dt"),
    **_fields("registration", RFICDTC="consent_dt", PROTVER="protocol_version"),
    **_fields("death", DTHDTC="death_dt"),
    **_fields("randomization", RANDNO="randomization_no"),
    "RFSTDTC": _derived(
        "first day of the first blinded cycle in which drug was taken",
        "treatment_dose.cycle_start_dt",
        "treatment_dose.treatment_phase",
        "treatment_dose.days_taken",
    ),
    "RFENDTC": _derived(
        "last day of the last blinded cycle in which drug was taken",
        "treatment_dose.cycle_end_dt",
        "treatment_dose.treatment_phase",
        "treatment_dose.days_taken",
    ),
    "RFPENDTC": _derived(
        "the date of death, else the last contact", "death.death_dt", "follow_up.contact_dt"
    ),
    "DTHFL": _derived("Y: there is a death form", "death.patient_id"),
    "AGE": _derived(
        "complete years at randomisation, else at registration; of a birth date known in part its middle",
        "registration.birth_dt",
        "randomization.randomization_dt",
        "registration.registration_dt",
    ),
    "AGEU": _assigned("YEARS"),
    "COOPGRP": Mapped(
        ("sites.group", "registration.site_code"), "Assigned", "the group of the subject's institution"
    ),
    "SEX": _as_collected("registration.sex", words="blank: U"),
    "RACE": _as_collected("registration.race", words="-1 (not known) is null"),
    "ETHNIC": _as_collected("registration.ethnicity", words="-1 (not known) is null"),
    "ARM": Mapped(_ARM, "Assigned", _ARM_WORDS),
    "ARMCD": Mapped(_ARM, "Assigned", f"code of ARM: {_ARM_WORDS}"),
    "ACTARM": Mapped(_ARM, "Assigned", f"as ARM, capsules were dispensed by the same list: {_ARM_WORDS}"),
    "ACTARMCD": Mapped(_ARM, "Assigned", f"code of ACTARM: {_ARM_WORDS}"),
}

DS_FORMS = ("registration", "randomization", "off_treatment", "crossover", "unblinding", "follow_up", "death")
DS = {
    **_record("DS", *DS_FORMS),
    **_fields("registration", STRAT1V="strat_b2m_reg", STRAT2V="strat_thal_reg", STRAT3V="strat_len_reg"),
    **_fields("randomization", STRAT1="strat_b2m", STRAT2="strat_thal", STRAT3="strat_len"),
    **_fields("randomization", BLOCKNO="block_no"),
    "DSTERM": _derived(
        "of the end of treatment the site's words, else its code; of an unblinding its reason; else DSDECOD",
        "off_treatment.off_reason_text",
        "off_treatment.off_reason",
        "unblinding.reason",
        "DS.DSDECOD",
    ),
    "DSDECOD": _derived(
        "what the form reports: REGISTERED, RANDOMIZED, DEATH, ...; of the end of treatment its reason; of a "
        "crossover form whether it was declined",
        "off_treatment.off_reason",
        "crossover.declined",
    ),
    "DSCAT": _assigned("by the kind of event"),
    "DSSCAT": _assigned("STUDY TREATMENT or STUDY PARTICIPATION, by the form that reports the event"),
    "EPOCH": _derived(
        "of the end of treatment the phase that ended", "off_treatment.off_phase", "crossover.declined"
    ),
    "DSSTDTC": _as_collected(
        "registration.consent_dt",
        "registration.registration_dt",
        "randomization.randomization_dt",
        "off_treatment.off_treatment_dt",
        "crossover.crossover_reg_dt",
        "unblinding.unblind_dt",
        "follow_up.contact_dt",
        "death.death_dt",
        words="the date of the event on its form",
    ),
}

EX = {
    **_record("EX", "treatment_dose"),
    **_fields("treatment_dose", EXDOSE="capsule_dose", EXDOSRGM="schedule", EXADJ="mod_reason"),
    **_fields("treatment_dose", VISITNUM="cycle_no", EXSTDTC="cycle_start_dt", EXENDTC="cycle_end_dt"),
    **_fields("treatment_dose", DAYSTKN="days_taken", MODTYPE="modification"),
    "EXTRT": Mapped(
        (*_ARM, "treatment_dose.treatment_phase"),
        "Assigned",
        "in the blinded phase the arm of the code list, BLINDED before it may be read; then LENALIDOMIDE",
    ),
    "EXDOSU": _assigned("mg"),
    "EXDOSFRQ": _assigned("QD: one capsule a day"),
    "EPOCH": _as_collected("treatment_dose.treatment_phase", words=_CODED),
}

AE = {
    **_record("AE", "adverse_events"),
    **_fields("adverse_events", AETERM="ctcae_term", AESTDTC="start_dt", AEENDTC="end_dt"),
    **_fields("adverse_events", AETOXGR="grade"),
    "AEDECOD": _derived(
        "the term as CTCAE v3.0 writes it; blood and bone marrow in the words of the paper's Table 2",
        "adverse_events.ctcae_term",
    ),
    "AEBODSYS": _derived(
        "the CTCAE category of AEDECOD; of a term CTCAE does not have the form's",
        "adverse_events.ctcae_term",
        "adverse_events.ctcae_category",
    ),
    "AESER": _as_collected("adverse_events.serious", words=_CODED),
    "AEACN": _as_collected("adverse_events.action", words=_CODED),
    "AEREL": _as_collected("adverse_events.attribution", words=_CODED),
    "AEOUT": _as_collected("adverse_events.outcome", words=_CODED),
    "AEENRTPT": _derived("ONGOING: the event is ticked as ongoing", "adverse_events.ongoing"),
}

RS_ITEMS = ("bone_lesions", "plasmacytoma")
_RESULT = (
    "disease_assessment.response_site",
    *(f"disease_assessment.{item}" for item in RS_ITEMS),
    "registration.ecog_ps",
    "on_study.iss_stage",
    "on_study.ds_stage",
)
RS = {
    **_record("RS", "disease_assessment", "follow_up", "registration", "on_study"),
    **_fields("disease_assessment", RSGRPID="assess_no", VISIT="visit", PDBASIS="pd_basis"),
    "RSTESTCD": _assigned("by the item of the form"),
    "RSTEST": _assigned("name of RSTESTCD"),
    "RSCAT": _derived(
        "of a response and a progression the criteria that the site names; else the form or the staging",
        "disease_assessment.criteria_used",
    ),
    "RSORRES": _as_collected(*_RESULT, words="as on the form; PD for a progression known from follow-up"),
    "RSSTRESC": _derived("RSORRES; unknown is null; stages in Roman numerals without subclass", *_RESULT),
    "RSEVAL": _INVESTIGATOR,
    "RSDTC": _as_collected(
        "disease_assessment.assess_dt",
        "disease_assessment.pd_dt",
        "follow_up.progression_dt",
        "registration.registration_dt",
        "on_study.completed_dt",
        words="the assessment's date, of a progression the date it was first documented; of stages the day "
        "the form was completed",
    ),
}

_RESULTS = (
    "spep_result",
    "upep_result",
    "sife",
    "uife",
    "flc_kappa",
    "flc_lambda",
    "bm_pc_pct",
    "ca_result",
    "alb_result",
)
_MARKERS = tuple(f"disease_assessment.{result}" for result in _RESULTS)
_UNITS = (
    "labs.unit",
    *(f"disease_assessment.{unit}" for unit in ("spep_unit", "upep_unit", "flc_unit", "ca_unit")),
)
LB = {
    **_record("LB", "labs", "disease_assessment"),
    **_fields("labs", LBORNRLO="lln", LBORNRHI="uln"),
    "LBTESTCD": _derived("CDISC's code of the laboratory form's test; of a marker by its item", "labs.test"),
    "LBTEST": _derived("name of LBTESTCD", "labs.test"),
    "LBCAT": _assigned("LOCAL LABORATORY or DISEASE ASSESSMENT, by the form"),
    "LBORRES": _as_collected("labs.result", *_MARKERS, words="as on the form"),
    "LBORRESU": _as_collected(
        *_UNITS, words="as on the form; urine in mg/day, or marked as spot; %, g/dL where the form prints it"
    ),
    "LBSTRESC": _derived(
        "LBSTRESN as text; of tests without a unit the word; null where the test was not done",
        "LB.LBSTRESN",
        "LB.LBORRES",
        "LB.LBTESTCD",
    ),
    "LBSTRESN": _derived(
        "LBORRES in LBSTRESU, four decimals; NEG, TSTQ and below a limit are 0 for markers of the disease; "
        "null for a spot urine or a unit that is not known",
        "LB.LBORRES",
        "LB.LBORRESU",
        "LB.LBTESTCD",
    ),
    "LBSTRESU": _derived("the standard unit of LBTESTCD", "labs.test"),
    "LBSTAT": _derived("NOT DONE: LBORRES is ND or NA", "LB.LBORRES"),
    "LBSPEC": _assigned("of markers by the item"),
    "VISIT": _as_collected("labs.visit", "disease_assessment.visit", words="as on the form"),
    "LBDTC": _as_collected(
        "labs.collection_dt",
        "disease_assessment.spep_dt",
        "disease_assessment.bm_dt",
        "disease_assessment.assess_dt",
        words="date of the specimen; of a marker without one that of the assessment",
    ),
    "CAOTHER": _as_collected("disease_assessment.ca_other_cause"),
}

CM = {
    **_record("CM", "induction", "transplant", "subsequent_therapy"),
    "CMGRPID": _as_collected(
        "induction.regimen_no", "subsequent_therapy.line_no", words="number of the regimen or line"
    ),
    "CMTRT": _as_collected(
        "induction.agent",
        "induction.regimen_name",
        "transplant.mobil_regimen",
        "subsequent_therapy.agent",
        words="as on the form; MELPHALAN for the conditioning, NOT STATED for a blank",
    ),
    "CMDECOD": _derived(
        "the agent with brand names, abbreviations and misspellings resolved; MELPHALAN for the conditioning",
        "induction.agent",
        "subsequent_therapy.agent",
    ),
    "CMCAT": _assigned("by the form and its item"),
    **_fields("transplant", CMDOSE="mel_dose"),
    "CMDOSU": _assigned("mg/m2 for the conditioning"),
    "CMSTDTC": _as_collected(
        "induction.start_dt",
        "transplant.mobil_start_dt",
        "transplant.mel_dt",
        "subsequent_therapy.start_dt",
        words="as on the form",
    ),
    **_fields("induction", CMENDTC="stop_dt", REGIMEN="regimen_name"),
    **_fields("subsequent_therapy", ASCT2="second_transplant"),
}

PR = {
    **_record("PR", "transplant"),
    "PRTRT": _assigned("AUTOLOGOUS HEMATOPOIETIC STEM CELL TRANSPLANTATION"),
    **_fields("transplant", PRSTDTC="infusion_dt", CD34DOSE="cd34_dose", NTRANS="n_transplants"),
}

MH = {
    **_record("MH", "on_study"),
    "MHTERM": _as_collected(
        "on_study.prior_cancer_type", words="MULTIPLE MYELOMA, or the prior cancer; NOT STATED for a blank"
    ),
    "MHCAT": _assigned("DIAGNOSIS or PRIOR CANCER, by the item"),
    "MHSTDTC": _as_collected("on_study.diagnosis_dt", "on_study.prior_cancer_dt", words="as on the form"),
    "MPROTTYP": _as_collected("on_study.mm_type", words="unknown is null"),
    **_fields("on_study", LYTICSC="lytic_scale"),
}

CE = {
    **_record("CE", "new_primary_cancer"),
    "CETERM": _as_collected(
        "new_primary_cancer.diagnosis_text",
        "new_primary_cancer.spm_group",
        words="the site's words, else the group; NOT STATED for a blank",
    ),
    "CECAT": _assigned("SECOND PRIMARY CANCER"),
    "CESCAT": _as_collected("new_primary_cancer.spm_class", words="blank: UNK"),
    **_fields("new_primary_cancer", CESTDTC="dx_dt", SPMGRP="spm_group", SRC="report_source"),
    "HISTCONF": _as_collected("new_primary_cancer.histology_confirmed", words=_CODED),
    "INVASIVE": _as_collected("new_primary_cancer.invasive", words=_CODED),
    "RECURQ": _as_collected("new_primary_cancer.same_primary_before", words=_CODED),
    "ONDRUG": _as_collected("new_primary_cancer.on_study_drug_at_dx", words=_CODED),
    "RESTART": _as_collected("new_primary_cancer.drug_restarted", words=_CODED),
}

DD = {
    **_record("DD", "death"),
    "DDTESTCD": _assigned("PRCDTH"),
    "DDTEST": _assigned("Primary Cause of Death"),
    "DDORRES": _as_collected(
        "death.cause_text", "death.cause", words="the site's words, else the code; NOT STATED for a blank"
    ),
    "DDSTRESC": _as_collected("death.cause", words="blank: UNK"),
    **_fields("death", DDDTC="death_dt"),
}

SS = {
    **_record("SS", "follow_up"),
    "SSTESTCD": _assigned("SURVSTAT"),
    "SSTEST": _assigned("Survival Status"),
    "SSORRES": _as_collected("follow_up.vital_status", words="blank: NOT STATED"),
    "SSSTRESC": _as_collected("follow_up.vital_status", words="blank: UNKNOWN"),
    **_fields("follow_up", SSDTC="contact_dt"),
}

FA = {
    **_record("FA", "spm_questionnaire"),
    **_fields("spm_questionnaire", FAGRPID="round", FAORRES="any_new_cancer", FADTC="questionnaire_dt"),
    **_fields("spm_questionnaire", SCRDONE="screening_done"),
    "FATESTCD": _assigned("OCCUR"),
    "FATEST": _assigned("Occurrence Indicator"),
    "FAOBJ": _assigned("SECOND PRIMARY CANCER"),
    "FACAT": _derived("SCREENING for round 4, QUERY SET for the others", "spm_questionnaire.round"),
    "FASTRESC": _as_collected("spm_questionnaire.any_new_cancer", words=_CODED),
}

_OF_VISIT = ("plasmacytoma.assess_no", "disease_assessment.assess_no", "disease_assessment.assess_dt")
TU = {
    **_record("TU", "plasmacytoma"),
    "TULNKID": _as_collected("plasmacytoma.lesion_no"),
    "TUTESTCD": _assigned("TUMIDENT"),
    "TUTEST": _assigned("Tumor Identification"),
    "TUORRES": _assigned("PLASMACYTOMA"),
    "TUSTRESC": _assigned("PLASMACYTOMA"),
    **_fields("plasmacytoma", TULOC="location", TUMETHOD="method"),
    "TUEVAL": _INVESTIGATOR,
    "VISIT": _derived(
        "of the disease assessment with the same number", "disease_assessment.visit", *_OF_VISIT
    ),
    "TUDTC": _derived("of the disease assessment with the same number", *_OF_VISIT),
}
TR = {
    **_record("TR", "plasmacytoma"),
    "TRGRPID": _as_collected("plasmacytoma.assess_no"),
    "TRLNKID": _as_collected("plasmacytoma.lesion_no"),
    "TRTESTCD": _assigned("LDIAM or LPERP, by the item"),
    "TRTEST": _assigned("name of TRTESTCD"),
    "TRORRES": _as_collected("plasmacytoma.diam1", "plasmacytoma.diam2", words="as on the form"),
    "TRORRESU": _assigned("cm"),
    "TRSTRESC": _derived("TRORRES", "TR.TRORRES"),
    "TRSTRESN": _derived("TRORRES as a number", "TR.TRORRES"),
    "TRSTRESU": _assigned("cm"),
    **_fields("plasmacytoma", TRMETHOD="method"),
    "TREVAL": _INVESTIGATOR,
    "VISIT": _derived(
        "of the disease assessment with the same number", "disease_assessment.visit", *_OF_VISIT
    ),
    "TRDTC": _derived("of the disease assessment with the same number", *_OF_VISIT),
}

DV = {
    **_record("DV", "deviations"),
    "DVTERM": _as_collected(
        "deviations.deviation_text",
        "deviations.deviation_code",
        words="the site's words, else the code; NOT STATED for a blank",
    ),
    **_fields("deviations", DVDECOD="deviation_code", DVSTDTC="deviation_dt"),
}

_NOT_MET = _derived(
    "N for an inclusion criterion that is not met, Y for an exclusion criterion that applies",
    "eligibility.criterion_met",
    "eligibility.criterion_code",
)
IE = {
    **_record("IE", "eligibility"),
    **_fields("eligibility", IETESTCD="criterion_code", EPOCH="step", IEWAIVER="waiver"),
    "IEORRES": _NOT_MET,
    "IESTRESC": _NOT_MET,
    "IETEST": _derived("the criterion's text in the protocol's words", "eligibility.criterion_code"),
    "IECAT": _derived("EXCLUSION for E11, E12 and E13, else INCLUSION", "eligibility.criterion_code"),
}

LINEAGE: Mapping[str, Mapping[str, Mapped]] = {
    "dm": DM, "ds": DS, "ex": EX, "ae": AE, "rs": RS, "lb": LB, "cm": CM, "pr": PR, "mh": MH, "ce": CE,
    "dd": DD, "ss": SS, "fa": FA, "tu": TU, "tr": TR, "dv": DV, "ie": IE,
}  # fmt: skip

ROWS: Mapping[str, tuple[str, ...]] = {
    "ds": (
        "crossover.declined",
        "unblinding.scope",
        "follow_up.lost_to_fu",
        "follow_up.consent_withdrawn",
    ),
    "ae": ("adverse_events.grade",),
    "rs": (
        "disease_assessment.response_site",
        "disease_assessment.pd_dt",
        *(f"disease_assessment.{item}" for item in RS_ITEMS),
        "follow_up.progression_since_last",
        "follow_up.progression_dt",
    ),
    "lb": _MARKERS,
    "cm": ("transplant.mobil_regimen",),
    "mh": ("on_study.prior_cancer",),
    "tu": ("plasmacytoma.lesion_no", *_OF_VISIT),
    "tr": ("plasmacytoma.diam1", "plasmacytoma.diam2"),
    "ie": ("eligibility.criterion_met",),
}
"""The fields that decide which rows a domain has; one that does not stand here has a row for each record."""
