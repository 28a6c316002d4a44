"""Words of the standards that rules compare with: labels, required variables, closed codelists.

Labels are those of ADaMIG 1.3 and OCCDS 1.1; a `#` in a name stands for the digits that its label repeats.
Codelists are CDISC's non-extensible ones, with the terms of all packages up to 2025. What does not belong
here: a study's own lists (they are in its metadata).
"""

from __future__ import annotations

LABELS = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "SUBJID": "Subject Identifier for the Study",
    "SITEID": "Study Site Identifier",
    "ASEQ": "Analysis Sequence Number",
    "AGE": "Age",
    "AGEU": "Age Units",
    "SEX": "Sex",
    "RACE": "Race",
    "FASFL": "Full Analysis Set Population Flag",
    "SAFFL": "Safety Population Flag",
    "ITTFL": "Intent-To-Treat Population Flag",
    "PPROTFL": "Per-Protocol Population Flag",
    "COMPLFL": "Completers Population Flag",
    "RANDFL": "Randomized Population Flag",
    "ENRLFL": "Enrolled Population Flag",
    "ARM": "Description of Planned Arm",
    "ACTARM": "Description of Actual Arm",
    "TRT#P": "Planned Treatment for Period #",
    "TRT#PN": "Planned Treatment for Period # (N)",
    "TRT#A": "Actual Treatment for Period #",
    "TRT#AN": "Actual Treatment for Period # (N)",
    "TRTP": "Planned Treatment",
    "TRTPN": "Planned Treatment (N)",
    "TRTA": "Actual Treatment",
    "TRTAN": "Actual Treatment (N)",
    "TRTSDT": "Date of First Exposure to Treatment",
    "TRTEDT": "Date of Last Exposure to Treatment",
    "TR#SDT": "Date of First Exposure in Period #",
    "TR#EDT": "Date of Last Exposure in Period #",
    "EOSSTT": "End of Study Status",
    "EOSDT": "End of Study Date",
    "DCSREAS": "Reason for Discontinuation from Study",
    "EOTSTT": "End of Treatment Status",
    "DCTREAS": "Reason for Discontinuation of Treatment",
    "RFICDT": "Date of Informed Consent",
    "ENRLDT": "Date of Enrollment",
    "RANDDT": "Date of Randomization",
    "LSTALVDT": "Date Last Known Alive",
    "DTHDT": "Date of Death",
    "DTHDTF": "Date of Death Imputation Flag",
    "DTHCAUS": "Cause of Death",
    "STRATAR": "Strata Used for Randomization",
    "STRAT#R": "Strat Factor # Value Used for Rand",
    "STRAT#V": "Strat Factor # Value from Verif Source",
    "ADT": "Analysis Date",
    "ADTF": "Analysis Date Imputation Flag",
    "ADTM": "Analysis Datetime",
    "ADY": "Analysis Relative Day",
    "ASTDT": "Analysis Start Date",
    "ASTDTF": "Analysis Start Date Imputation Flag",
    "ASTDY": "Analysis Start Relative Day",
    "AENDT": "Analysis End Date",
    "AENDTF": "Analysis End Date Imputation Flag",
    "AENDY": "Analysis End Relative Day",
    "AVISIT": "Analysis Visit",
    "AVISITN": "Analysis Visit (N)",
    "APHASE": "Phase",
    "APERIOD": "Period",
    "APERIODC": "Period (C)",
    "PARAM": "Parameter",
    "PARAMCD": "Parameter Code",
    "PARAMN": "Parameter (N)",
    "AVAL": "Analysis Value",
    "AVALC": "Analysis Value (C)",
    "BASE": "Baseline Value",
    "CHG": "Change from Baseline",
    "PCHG": "Percent Change from Baseline",
    "DTYPE": "Derivation Type",
    "ABLFL": "Baseline Record Flag",
    "ANL#FL": "Analysis Flag #",
    "STARTDT": "Time-to-Event Origin Date for Subject",
    "CNSR": "Censor",
    "EVNTDESC": "Event or Censoring Description",
    "CNSDTDSC": "Censor Date Description",
    "ATOXGR": "Analysis Toxicity Grade",
    "ATOXGRN": "Analysis Toxicity Grade (N)",
    "SRCDOM": "Source Data",
    "SRCVAR": "Source Variable",
    "SRCSEQ": "Source Sequence Number",
    "ADURN": "Analysis Duration (N)",
    "ADURU": "Analysis Duration Units",
    "TRTEMFL": "Treatment Emergent Analysis Flag",
    "PREFL": "Pre-treatment Flag",
    "FUPFL": "Follow-up Flag",
    "AOCCFL": "1st Occurrence within Subject Flag",
    "AOCCPFL": "1st Occurrence of Preferred Term Flag",
    "AOCCSFL": "1st Occurrence of SOC Flag",
    "AOCCIFL": "1st Max Sev./Int. Occurrence Flag",
    "AOCCPIFL": "1st Max Sev./Int. Occur Within PT Flag",
    "AOCCSIFL": "1st Max Sev./Int. Occur Within SOC Flag",
}

POPULATION_FLAGS = ("COMPLFL", "FASFL", "ITTFL", "PPROTFL", "SAFFL", "RANDFL", "ENRLFL")

YES_NO = ("Y", "N", "U", "NA")
CODELISTS: dict[str, tuple[str, ...]] = {
    "SEX": ("F", "M", "U", "UNDIFFERENTIATED", "INTERSEX"),
    "AGEU": ("DAYS", "HOURS", "MONTHS", "WEEKS", "YEARS"),
    "ETHNIC": ("HISPANIC OR LATINO", "NOT HISPANIC OR LATINO", "NOT REPORTED", "UNKNOWN"),
    "DTHFL": YES_NO,
    "--SER": YES_NO,
    "--PRESP": YES_NO,
    "--OCCUR": YES_NO,
    "--BLFL": YES_NO,
    "--LOBXFL": YES_NO,
    "--DRVFL": YES_NO,
    "--STAT": ("NOT DONE",),
    "--OUT": (
        "FATAL",
        "NOT RECOVERED/NOT RESOLVED",
        "RECOVERED/RESOLVED",
        "RECOVERED/RESOLVED WITH SEQUELAE",
        "RECOVERING/RESOLVING",
        "UNKNOWN",
    ),
    "--ACN": (
        "DOSE INCREASED",
        "DOSE NOT CHANGED",
        "DOSE RATE REDUCED",
        "DOSE REDUCED",
        "DRUG INTERRUPTED",
        "DRUG WITHDRAWN",
        "NOT APPLICABLE",
        "UNKNOWN",
    ),
    "AESEV": ("MILD", "MODERATE", "SEVERE"),
    "IECAT": ("INCLUSION", "EXCLUSION"),
    "RELTYPE": ("ONE", "MANY"),
}
"""Variables of tabulation datasets whose terms are closed."""
DATE_FLAG = ("D", "M", "Y")
TIME_FLAG = ("H", "M", "S")
STATUS = ("COMPLETED", "DISCONTINUED", "ONGOING")

ADSL_REQUIRED = (
    "STUDYID",
    "USUBJID",
    "SUBJID",
    "SITEID",
    "AGE",
    "AGEU",
    "SEX",
    "RACE",
    "ARM",
)
ADAE_REQUIRED = ("AESEQ", "AETERM", "AEDECOD", "AEBODSYS", "AESER", "TRTEMFL", "ASTDT", "AENDT", "ASTDY")
ADAE_COPIED = ("AESTDTC", "AEENDTC", "AENDY")
ADAE_MEDDRA = (
    "AELLT",
    "AELLTCD",
    "AEPTCD",
    "AEHLT",
    "AEHLTCD",
    "AEHLGT",
    "AEHLGTCD",
    "AEBDSYCD",
    "AESOC",
    "AESOCCD",
)

REQUIRED = {
    "DM": ("SUBJID", "SITEID", "SEX", "COUNTRY"),
    "EVENTS": ("--SEQ", "--TERM"),
    "INTERVENTIONS": ("--SEQ", "--TRT"),
    "FINDINGS": ("--SEQ", "--TESTCD", "--TEST"),
}
"""Required in SDTMIG 3.2 to 3.4, beside STUDYID, DOMAIN and USUBJID: by domain or class."""
EXPECTED = {
    "DM": (
        "RFSTDTC",
        "RFENDTC",
        "RFXSTDTC",
        "RFXENDTC",
        "RFICDTC",
        "RFPENDTC",
        "DTHDTC",
        "DTHFL",
        "AGE",
        "AGEU",
        "RACE",
        "ARMCD",
        "ARM",
        "ACTARMCD",
        "ACTARM",
    ),
    "AE": ("AEDECOD", "AEBODSYS", "AESER", "AEACN", "AEREL", "AESTDTC", "AEENDTC"),
    "EX": ("EXDOSE", "EXDOSU", "EXDOSFRM", "EXSTDTC", "EXENDTC"),
    "LB": (
        "LBCAT",
        "LBORRES",
        "LBORRESU",
        "LBORNRLO",
        "LBORNRHI",
        "LBSTRESC",
        "LBSTRESN",
        "LBSTRESU",
        "LBDTC",
    ),
    "VS": ("VSORRES", "VSORRESU", "VSSTRESC", "VSSTRESN", "VSSTRESU", "VSDTC"),
}
"""Expected: the column is there even if nothing was collected."""
TIMING = (
    "EPOCH", "VISIT", "VISITNUM", "VISITDY", "TAETORD", "ETCD", "ELEMENT", "MIDS", "RELMIDS", "MIDSDTC",
)  # fmt: skip
IDENTIFIERS = ("STUDYID", "DOMAIN", "USUBJID", "APID", "POOLID", "SPDEVID", "FOCID", "NHOID")
DM_VARIABLES = (
    "SUBJID", "RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "RFCSTDTC", "RFCENDTC", "RFICDTC", "RFPENDTC",
    "DTHDTC", "DTHFL", "SITEID", "INVID", "INVNAM", "BRTHDTC", "AGE", "AGETXT", "AGEU", "SEX", "RACE",
    "ETHNIC",
    "ARMCD", "ARM", "ACTARMCD", "ACTARM", "ARMNRS", "ACTARMUD", "COUNTRY", "DMDTC", "DMDY", "SPECIES",
    "STRAIN",
    "SBSTRAIN", "SETCD", "RPATHCD",
)  # fmt: skip
"""All that SDTM 1.2 to 2.0 has in DM, beside the identifiers and timing."""
