"""Faults of the way into the trial: registration to randomisation, and unblinding (EC025 to EC064).

Written from the trial's data validation plan alone. Not here: treatment words in a blinded file (EC060, see
`door`), and what no record of a form can carry: the balance of blocks (EC059), the columns of a file (EC061),
the code list and its seal (EC062, EC063). What does not belong here: unusual text that must be read as meant.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.simulate.faults import Fault
from pipeline.simulate.faults.words import day, moved, written

c, lit = pl.col, pl.lit
ANY = lit(True)
SLOWEST = "420d"
"""No form takes longer: after it what the other forms say is there."""
FIRST_VERSION_ENDS = dt.date(2005, 12, 1)
"""Patients registered before signed the first version of the protocol."""


def _after(event: str, by: str) -> pl.Expr:
    """Text of a day counted from a true event of the patient."""
    return written(c(event).dt.offset_by(by))


def _known(event: str) -> pl.Expr:
    """Every form about the event has arrived by the transfer that sees the fault."""
    return c(event).dt.offset_by(SLOWEST) < c("_transfer")


def _other(column: str, one: str, another: str) -> pl.Expr:
    return c(column).replace_strict({one: another, another: one}, default=None, return_dtype=pl.String)


REGISTRATION = (
    Fault("consent after registration", "registration", "EC025",
          {"consent_dt": moved("registration_dt", "2d")}, ANY, 2),
    Fault("registered before the trial opened", "registration", "EC026",
          {"registration_dt": lit("2004-11-15"), "consent_dt": lit("2004-11-10")}, ANY),
    Fault("registered after the trial closed", "registration", "EC026",
          {"registration_dt": lit("2010-01-05")}, ANY),
    Fault("71 years old at registration", "registration", "EC027",
          {"birth_dt": moved("registration_dt", "-71y1mo")}, ANY),
    Fault("17 years old at registration", "registration", "EC027",
          {"birth_dt": moved("registration_dt", "-17y11mo")}, ANY),
    Fault("performance status 2", "registration", "EC028", {"ecog_ps": lit("2")}, ANY, 2),
)  # fmt: skip

_NEVER_THALIDOMIDE = ~(c("agent") == "THALIDOMIDE").any().over("patient_id")
_NEVER_LENALIDOMIDE = ~(c("agent") == "LENALIDOMIDE").any().over("patient_id")
_ONE_LENALIDOMIDE = (c("agent") == "LENALIDOMIDE") & (
    (c("agent") == "LENALIDOMIDE").sum().over("patient_id") == 1
)
_BASELINE_B2M = (c("test") == "B2M") & (c("visit") == "BASELINE") & (c("unit") == "mg/L")
_LOW_B2M = c("result").cast(pl.Float64, strict=False) <= 2.5

STRATA = (
    Fault("other beta-2-microglobulin stratum than registered", "randomization", "EC029",
          {"strat_b2m": _other("strat_b2m", "LE2.5", "GT2.5")}, _known("_reg")),
    Fault("other thalidomide stratum than registered", "randomization", "EC029",
          {"strat_thal": _other("strat_thal", "Y", "N")}, _known("_reg")),
    Fault("other lenalidomide stratum than registered", "randomization", "EC029",
          {"strat_len": _other("strat_len", "Y", "N")}, _known("_reg")),
    Fault("beta-2-microglobulin of the other stratum", "labs", "EC030",
          {"result": pl.when(_LOW_B2M).then(lit("3.1")).otherwise(lit("2.1"))},
          _BASELINE_B2M & _known("_rand"), 2),
    # 212 nmol/L is 2.5015 mg/L, above the limit as printed for the unit: 211.9.
    Fault("beta-2-microglobulin just above the limit in nmol/L", "labs", "EC030",
          {"result": lit("212.0"), "unit": lit("nmol/L")}, _BASELINE_B2M & _LOW_B2M & _known("_rand")),
    Fault("beta-2-microglobulin late", "labs", "EC031", {}, _BASELINE_B2M & _known("_rand"), 2, "late"),
    Fault("lenalidomide that the strata do not know", "induction", "EC032",
          {"agent": lit("LENALIDOMIDE")}, _NEVER_LENALIDOMIDE & _known("_rand"), 1, "extra"),
    Fault("thalidomide that the strata do not know", "induction", "EC032",
          {"agent": lit("THALIDOMIDE")}, _NEVER_THALIDOMIDE & _known("_rand"), 1, "extra"),
    Fault("no lenalidomide although the stratum says so", "induction", "EC032",
          {"agent": lit("CYCLOPHOSPHAMIDE")}, _ONE_LENALIDOMIDE & _known("_rand")),
)  # fmt: skip

ON_STUDY = (
    Fault("diagnosis after registration", "on_study", "EC033", {"diagnosis_dt": _after("_reg", "3mo")},
          _known("_reg")),
    Fault("diagnosis after induction began", "on_study", "EC033", {"diagnosis_dt": _after("_reg", "-10d")},
          _known("_reg")),
    Fault("stage and subclass in one", "on_study", "EC034", {"ds_stage": lit("3A")},
          c("ds_stage") == "III", 2),
    Fault("subclass behind the stage", "on_study", "EC034", {"ds_stage": lit("IIB"), "ds_sub": lit(None)},
          c("ds_stage") == "II"),
    Fault("another ISS stage than the values give", "on_study", "EC035",
          {"iss_stage": _other("iss_stage", "I", "III")}, c("iss_stage").is_in(["I", "III"]) & _known("_reg"),
          2),
    Fault("stage I with extensive lesions", "on_study", "EC036", {"ds_stage": lit("I")},
          (c("ds_stage") == "III") & (c("lytic_scale") == "3") & _known("_reg"), 2),
    Fault("secreting myeloma called non-secretory", "on_study", "EC037", {"mm_type": lit("NONSECRETORY")},
          c("mm_type").is_in(["IGG KAPPA", "IGG LAMBDA"]) & _known("_reg")),
    Fault("intact protein in light-chain myeloma", "on_study", "EC037", {"mm_type": lit("KAPPA LC ONLY")},
          (c("mm_type") == "IGG KAPPA") & _known("_reg")),
    Fault("creatinine clearance too low", "on_study", "EC038", {"creat_clearance": lit("24")},
          c("creat_clearance").is_not_null() & _known("_rand"), 2),
    Fault("pregnancy test positive", "on_study", "EC039", {"pregnancy_test": lit("POS")},
          c("pregnancy_test") == "NEG"),
    Fault("criterion not met and nothing on file", "eligibility", "EC040",
          {"criterion_met": lit("N"), "waiver": lit("N")},
          (c("criterion_code") == "E07") & (c("criterion_met") == "Y") & _known("_rand"), 2),
)  # fmt: skip

_FIRST_REGIMEN = (c("regimen_no") == "1") & c("stop_dt").is_not_null()
INDUCTION = (
    Fault("third regimen", "induction", "EC041",
          {"regimen_no": lit("3"), "regimen_name": lit("MP"), "agent": lit("MELPHALAN")},
          (c("regimen_no") == "2") & _known("_reg"), 2, "extra"),
    Fault("induction of more than a year", "induction", "EC042", {"start_dt": moved("start_dt", "-14mo")},
          _FIRST_REGIMEN & _known("_reg"), 2),
    Fault("stopped before it started", "induction", "EC043", {"stop_dt": moved("start_dt", "-30d")},
          c("stop_dt").is_not_null()),
    Fault("induction after the transplant", "induction", "EC043", {"stop_dt": _after("_tx", "18d")},
          c("stop_dt").is_not_null() & _known("_tx")),
    Fault("agent that nobody can read: Velkayt", "induction", "EC044", {"agent": lit("Velkayt")},
          c("agent") == "BORTEZOMIB", 2),
    Fault("agent that nobody can read: study drug 7", "induction", "EC044", {"agent": lit("study drug 7")},
          c("agent") == "THALIDOMIDE"),
)  # fmt: skip

TRANSPLANT = (
    Fault("transplant before registration", "transplant", "EC045", {"infusion_dt": _after("_reg", "-14d")},
          _known("_reg"), 2),
    Fault("second transplant before randomization", "transplant", "EC046",
          {"infusion_dt": moved("infusion_dt", "40d")}, _known("_rand"), 2, "extra"),
    Fault("few stem cells", "transplant", "EC047", {"cd34_dose": lit("1.4")}, ANY, 2),
    Fault("stem cells in another unit", "transplant", "EC048", {"cd34_dose": lit("320")}, ANY, 2),
    Fault("mobilization long before the transplant", "transplant", "EC049",
          {"mobil_start_dt": moved("infusion_dt", "-61d")},
          c("mobil_start_dt").is_not_null() & (c("_reg") < FIRST_VERSION_ENDS), 2),
    Fault("a tenth of the melphalan dose", "transplant", "EC050", {"mel_dose": lit("20")}, ANY, 2),
)  # fmt: skip

_CALLED = c("response_at_rand").is_in(["CR", "PR", "MR", "SD"])
RANDOMIZATION = (
    Fault("randomized before the transplant", "randomization", "EC051",
          {"randomization_dt": _after("_tx", "-19d")}, _known("_tx"), 2),
    Fault("randomized on day 96", "randomization", "EC052", {"randomization_dt": _after("_tx", "96d")},
          _known("_tx")),
    Fault("randomized on day 75", "randomization", "EC053", {"randomization_dt": _after("_tx", "75d")},
          _known("_tx")),
    Fault("randomized on day 171", "randomization", "EC053", {"randomization_dt": _after("_tx", "171d")},
          _known("_tx")),
    Fault("randomized twice", "randomization", "EC054",
          {"randomization_no": lit("R9901"), "kit_no": lit("K99901")}, ANY, 1, "extra"),
    Fault("another patient's randomization number", "randomization", "EC054",
          {"randomization_no": lit("R0001")}, c("randomization_no") != "R0001"),
    Fault("transplant form late", "transplant", "EC055", {}, _known("_rand"), 1, "late"),
    Fault("on-study form of a randomized patient late", "on_study", "EC055", {}, _known("_rand"), 1, "late"),
    Fault("randomized with progressive disease", "randomization", "EC056", {"response_at_rand": lit("PD")},
          _CALLED & _known("_rand")),
    Fault("randomized without a response", "randomization", "EC056", {"response_at_rand": lit(None)},
          _CALLED & _known("_rand")),
    Fault("progression before randomization", "disease_assessment", "EC057",
          {"pd_dt": _after("_rand", "-18d")},
          (c("response_site") == "PD") & ~c("visit").is_in(["REG", "DAY100"]) & _known("_rand"), 2),
    Fault("another response than the restaging", "randomization", "EC058",
          {"response_at_rand": _other("response_at_rand", "PR", "SD")},
          c("response_at_rand").is_in(["PR", "SD"]) & _known("_rand"), 2),
)  # fmt: skip

UNBLINDING = (
    Fault("unblinded without a reason", "unblinding", "EC064", {"reason": lit(None)},
          c("scope") == "PATIENT"),
    Fault("unblinded without a deviation on file", "deviations", "EC064", {},
          (c("deviation_code") == "UNBLIND") & (day("deviation_dt").dt.offset_by("30d") < c("_transfer")), 1,
          "late"),
    Fault("study unblinded on another day", "unblinding", "EC064",
          {"scope": lit("STUDY"), "reason": lit("DSMB_RELEASE"), "patient_id": lit(None),
           "site_code": lit(None)}, c("scope") == "PATIENT", 1, "extra"),
)  # fmt: skip

ENTRY_FAULTS: tuple[Fault, ...] = (
    *REGISTRATION, *STRATA, *ON_STUDY, *INDUCTION, *TRANSPLANT, *RANDOMIZATION, *UNBLINDING,
)  # fmt: skip
