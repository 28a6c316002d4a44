"""Codes that more than one table shares.

A codelist used by one column stands in that column. What does not belong here: column definitions,
mappings from one codelist to another.
"""

from __future__ import annotations

YES_NO = ("Y", "N")
YES_NO_UNKNOWN = ("Y", "N", "UNK")

RECORD_STATUS = ("ORIGINAL", "AMENDED", "DELETED")

B2M_STRATUM = ("LE2.5", "GT2.5")
"""Beta-2-microglobulin at registration: at most, or above, 2.5 mg/L (211.9 nmol/L)."""

# The 28 categories of CTCAE version 3.0.
CTCAE_CATEGORY = (
    "ALLERGY/IMMUNOLOGY",
    "AUDITORY/EAR",
    "BLOOD/BONE MARROW",
    "CARDIAC ARRHYTHMIA",
    "CARDIAC GENERAL",
    "COAGULATION",
    "CONSTITUTIONAL SYMPTOMS",
    "DEATH",
    "DERMATOLOGY/SKIN",
    "ENDOCRINE",
    "GASTROINTESTINAL",
    "GROWTH AND DEVELOPMENT",
    "HEMORRHAGE/BLEEDING",
    "HEPATOBILIARY/PANCREAS",
    "INFECTION",
    "LYMPHATICS",
    "METABOLIC/LABORATORY",
    "MUSCULOSKELETAL/SOFT TISSUE",
    "NEUROLOGY",
    "OCULAR/VISUAL",
    "PAIN",
    "PULMONARY/UPPER RESPIRATORY",
    "RENAL/GENITOURINARY",
    "SECONDARY MALIGNANCY",
    "SEXUAL/REPRODUCTIVE FUNCTION",
    "SURGERY/INTRA-OPERATIVE INJURY",
    "SYNDROMES",
    "VASCULAR",
)
