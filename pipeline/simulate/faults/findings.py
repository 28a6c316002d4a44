"""Faults of disease assessments, plasmacytomas and laboratory results (EC065 to EC091).

Written from the trial's data validation plan alone. Values are those of sites that report in standard units.
What does not belong here: unusual text that must be read as meant, units of a site (`cells`).
"""

from __future__ import annotations

import polars as pl

from pipeline.simulate.faults import Fault
from pipeline.simulate.faults.words import day, moved

c, lit = pl.col, pl.lit
_BLANK = lit(None, pl.String)
_SLOWEST = "430d"
"""Whatever happened before that had arrived."""

FORM = "disease_assessment"
ON_SCHEDULE = c("visit").str.starts_with("M")
"""A planned visit after randomisation, of an assessment as of a laboratory result."""


def _number(column: str | pl.Expr) -> pl.Expr:
    text = c(column) if isinstance(column, str) else column
    return text.cast(pl.Float64, strict=False)


def _after(column: str, number: int) -> pl.Expr:
    """The column at so many assessments of the patient after this one."""
    return c(column).shift(-number).over("patient_id", order_by=c("assess_no").cast(pl.Int64))


def _last(column: str) -> pl.Expr:
    """The column at the patient's assessment before this one."""
    return _after(column, -1)


def _next(column: str) -> pl.Expr:
    return _after(column, 1)


LAST_KNOWN = _last("received_dt") <= c("received_dt")
NEXT_KNOWN = day(_next("received_dt")) <= c("_transfer")
NO_LATER_KNOWN = pl.all_horizontal(
    (day(_after("received_dt", later)) > c("_transfer")).fill_null(True) for later in (1, 2, 3)
)
FREE_OF_PROGRESSION = c("_pd").is_null() | (c("_pd") > c("_transfer"))
CALLED_PD = c("response_site") == "PD"
MARKER_BASIS = c("pd_basis").is_in(["SERUM", "URINE"])
NOT_PD = {"pd_basis": _BLANK, "pd_dt": _BLANK}
SECOND_CALL = CALLED_PD & (c("visit") == "UNSCHED") & (_last("visit") == "PD")
TWICE_CALLED_PD = (
    CALLED_PD
    & (c("visit") == "PD")
    & c("_randomised")
    & LAST_KNOWN
    & NEXT_KNOWN
    & (_next("response_site") == "PD")
    & (_next("record_status") == "ORIGINAL")
    & (day(_after("received_dt", 2)) > c("_transfer")).fill_null(True)
)


def _call(*calls: str) -> pl.Expr:
    return c("response_site").is_in(calls)


COMPONENTS = (
    Fault("assessment dated to the month", FORM, "EC065", {"assess_dt": c("assess_dt").str.head(7)},
          ON_SCHEDULE & _call("PR", "SD"), 2),
    Fault("serum 75 days before the assessment", FORM, "EC065", {"spep_dt": moved("assess_dt", "-75d")},
          ON_SCHEDULE & c("spep_dt").is_not_null() & _call("PR", "SD"), 2),
    Fault("marrow 40 days before the assessment", FORM, "EC065", {"bm_dt": moved("assess_dt", "-40d")},
          c("bm_dt").is_not_null() & ~CALLED_PD),
    Fault("serum M-protein in g/L, called g/dL", FORM, "EC066", {"spep_result": lit("28")},
          ON_SCHEDULE & (_number("spep_result") > 0.5) & (c("spep_unit") == "g/dL"), 3),
    Fault("spot urine", FORM, "EC067", {"upep_unit": lit("mg/dL")},
          ON_SCHEDULE & (_number("upep_result") > 0), 2),
    Fault("urine in g, called mg", FORM, "EC068", {"upep_result": lit("1.2")},
          ON_SCHEDULE & (_number("upep_result") > 0) & (c("upep_unit") == "mg/24h"), 2),
    Fault("free light chains without unit", FORM, "EC069", {"flc_unit": _BLANK},
          ON_SCHEDULE & c("flc_unit").is_not_null(), 2),
    # mg/L, called mg/dL, at one visit between two others.
    Fault("free light chains ten times as high", FORM, "EC069",
          {name: (_number(name) * 10).round(1).cast(pl.String) for name in ("flc_kappa", "flc_lambda")},
          ON_SCHEDULE & _last("visit").str.starts_with("M") & LAST_KNOWN & NEXT_KNOWN
          & (c("flc_unit") == "mg/dL")
          & (_number("flc_kappa") >= _number(_last("flc_kappa")))
          & (_number("flc_kappa") >= _number(_after("flc_kappa", -2)))
          & (_number("flc_kappa") >= _number(_next("flc_kappa"))), 2),
    Fault("negative immunofixation beside an M-protein", FORM, "EC070", {"sife": lit("NEG")},
          ON_SCHEDULE & (_number("spep_result") > 0.3) & (c("sife") == "POS"), 2),
    Fault("high calcium without its cause", FORM, "EC080",
          {"ca_result": lit("12.4"), "alb_result": lit("4.0"), "ca_other_cause": _BLANK},
          ON_SCHEDULE & c("ca_result").is_not_null() & (c("ca_unit") == "mg/dL") & _call("PR", "SD"), 2),
    Fault("calcium in mmol/L, called mg/dL", FORM, "EC081", {"ca_result": lit("2.3")},
          ON_SCHEDULE & c("ca_result").is_not_null() & (c("ca_unit") == "mg/dL"), 2),
)  # fmt: skip

CALLS = (
    Fault("complete remission with immunofixation", FORM, "EC071", {"sife": lit("POS")},
          ON_SCHEDULE & _call("CR") & (c("sife") == "NEG"), 2),
    Fault("complete remission with plasma cells", FORM, "EC071", {"bm_pc_pct": lit("12")},
          _call("CR") & (_number("bm_pc_pct") < 5)),
    Fault("complete remission with a plasmacytoma", FORM, "EC071", {"plasmacytoma": lit("STABLE")},
          ON_SCHEDULE & _call("CR") & (c("plasmacytoma") == "NONE")),
    Fault("better than the markers", FORM, "EC072", {"response_site": lit("CR")},
          ON_SCHEDULE & _call("SD") & (_number("spep_result") > 1.0) & (c("sife") == "POS")),
    # The site denies the progression at both assessments that show it, and no later one was known.
    Fault("new lesion called stable", FORM, "EC072", {"response_site": lit("SD"), **NOT_PD},
          TWICE_CALLED_PD & c("bone_lesions").is_in(["NEW", "INCREASED"])),
    Fault("new lesion called stable", FORM, "EC072", {"response_site": lit("SD"), **NOT_PD}, SECOND_CALL),
    Fault("confirmed rise called response", FORM, "EC072", {"response_site": lit("PR"), **NOT_PD},
          TWICE_CALLED_PD & MARKER_BASIS),
    Fault("confirmed rise called response", FORM, "EC072", {"response_site": lit("PR"), **NOT_PD},
          SECOND_CALL),
    Fault("progression that nothing shows", FORM, "EC073",
          {"response_site": lit("PD"), "pd_basis": lit("SERUM"), "pd_dt": c("assess_dt")},
          ON_SCHEDULE & _call("PR", "SD") & FREE_OF_PROGRESSION & LAST_KNOWN
          & (_number("spep_result") <= _number(_last("spep_result"))), 2),
    # One high value, and no assessment after it.
    Fault("rise without a second sample", FORM, "EC074",
          {"spep_result": (_number("spep_result") + 2.5).round(1).cast(pl.String), "sife": lit("POS"),
           "response_site": lit("PD"), "pd_basis": lit("SERUM"), "pd_dt": c("assess_dt")},
          ON_SCHEDULE & _call("PR", "SD") & FREE_OF_PROGRESSION & c("_randomised") & LAST_KNOWN
          & c("_death").is_null() & _number("spep_result").is_between(0.1, 6.0) & NO_LATER_KNOWN, 2),
    # The sample was entered with the day on which the form was sent.
    Fault("confirmed after more than 84 days", FORM, "EC075",
          {"assess_dt": c("received_dt"), "spep_dt": c("received_dt")},
          (c("visit") == "UNSCHED") & CALLED_PD & (c("pd_basis") == "SERUM") & LAST_KNOWN
          & c("_randomised") & (_last("visit") == "PD") & (_last("pd_basis") == "SERUM")
          & ((day("received_dt") - day(_last("assess_dt"))).dt.total_days() > 90)
          & (_next("assess_dt") > c("received_dt")).fill_null(True), 1),
    Fault("progression without its date", FORM, "EC076", {"pd_dt": _BLANK},
          CALLED_PD & c("pd_dt").is_not_null() & (c("visit") == "PD")),
    Fault("date of progression without progression", FORM, "EC076", {"pd_dt": c("assess_dt")},
          ON_SCHEDULE & _call("PR", "SD", "CR")),
    Fault("progression after the assessment", FORM, "EC076", {"pd_dt": moved("assess_dt", "20d")},
          CALLED_PD & (c("visit") == "PD")
          & (day("assess_dt").dt.offset_by("20d") <= day("received_dt"))),
    Fault("progression before a visit without it", FORM, "EC076", {"pd_dt": moved("assess_dt", "-200d")},
          CALLED_PD & (c("visit") == "PD") & LAST_KNOWN & (_last("response_site") != "PD")),
    Fault("a category that EBMT has not", FORM, "EC077", {"response_site": lit("VGPR")},
          ON_SCHEDULE & _call("PR") & (c("criteria_used") == "EBMT"), 2),
    Fault("a category that IMWG has not", FORM, "EC077", {"response_site": lit("MR")},
          ON_SCHEDULE & _call("PR") & (c("criteria_used") == "IMWG")),
    Fault("better after progression", FORM, "EC078", {"response_site": lit("PR"), **NOT_PD},
          CALLED_PD & (_last("response_site") == "PD") & LAST_KNOWN
          & (c("_next").is_null() | (day("assess_dt") < c("_next"))), 2),
    Fault("assessment late, with those around it known", FORM, "EC079", {},
          ON_SCHEDULE & LAST_KNOWN & NEXT_KNOWN & FREE_OF_PROGRESSION & c("_randomised")
          & (_last("assess_dt") > c("_rand").dt.to_string("%Y-%m-%d"))
          & (c("_stop") > day(_next("assess_dt")))
          & (day(_next("assess_dt")).dt.offset_by(_SLOWEST) < c("_transfer"))
          & ((day(_next("assess_dt")) - day(_last("assess_dt"))).dt.total_days() > 190), 2, "late"),
)  # fmt: skip

LATER = c("assess_no").cast(pl.Int64) > c("assess_no").cast(pl.Int64).first().over("patient_id")
PLASMACYTOMAS = (
    Fault("lesion of an assessment that there is not", "plasmacytoma", "EC082", {"assess_no": lit("97")},
          lit(True)),
    Fault("diameters exchanged", "plasmacytoma", "EC082", {"diam1": c("diam2"), "diam2": c("diam1")},
          _number("diam1") > _number("diam2") + 0.3),
    Fault("lesion under another number", "plasmacytoma", "EC082", {"lesion_no": lit("9")},
          LATER & (c("lesion_no") == "1")),
)  # fmt: skip


def _lab(
    name: str, check: str, test: str, result: str, among: pl.Expr = ON_SCHEDULE, share: int = 1
) -> Fault:
    """A result as it cannot be in its unit."""
    fits = (c("test") == test) & (_number("result") > 0) & among
    return Fault(name, "labs", check, {"result": lit(result)}, fits, share)


ENTRY = c("visit") == "BASELINE"
UNDER_TREATMENT = ON_SCHEDULE & c("_randomised")
NEVER_SEVERE = ~(c("visit") == "UNSCHED").any().over("patient_id", "test")
"""Whoever has a severe event of a count, which may go on, has an unscheduled sample for it."""
LABORATORY = (
    _lab("calcium in mmol/L, called mg/dL, laboratory", "EC081", "CA", "2.4", ENTRY),
    _lab("creatinine in umol/L, called mg/dL", "EC083", "CREAT", "88", share=2),
    _lab("albumin in g/L, called g/dL", "EC083", "ALB", "41", ENTRY),
    Fault("unit that the test has not", "labs", "EC083", {"unit": lit("IU/mL")},
          ON_SCHEDULE & (c("test") == "HGB")),
    _lab("beta-2-microglobulin in nmol/L, called mg/L", "EC084", "B2M", "254", ENTRY, 2),
    _lab("hemoglobin in g/L, called g/dL", "EC085", "HGB", "112", share=2),
    _lab("hemoglobin below anything", "EC085", "HGB", "1.3"),
    _lab("neutrophils per microlitre", "EC086", "ANC", "1450", share=2),
    _lab("platelets per microlitre", "EC086", "PLT", "178000"),
    _lab("more neutrophils than leukocytes", "EC087", "ANC", "14.5", share=2),
    Fault("limits of normal exchanged", "labs", "EC088", {"lln": c("uln"), "uln": c("lln")},
          ON_SCHEDULE & (c("test") == "PLT"), 2),
    _lab("result far above the range", "EC088", "LDH", "2900", ENTRY),
    Fault("two results of one sample", "labs", "EC089",
          {"result": (_number("result") + 100).cast(pl.Int64, strict=False).cast(pl.String)},
          ON_SCHEDULE & (c("test") == "PLT") & (_number("result") > 100), 2, "extra"),
    _lab("neutrophils of grade 4 without the event", "EC090", "ANC", "0.4", UNDER_TREATMENT & NEVER_SEVERE),
    _lab("platelets of grade 4 without the event", "EC090", "PLT", "22", UNDER_TREATMENT & NEVER_SEVERE),
    _lab("hemoglobin of grade 3 without the event", "EC090", "HGB", "7.4", UNDER_TREATMENT & NEVER_SEVERE),
)  # fmt: skip

# Events whose counts had arrived.
MEASURED = (
    (c("grade") == "3")
    & (day("start_dt").dt.offset_by(_SLOWEST) < c("_transfer"))
    & (day("start_dt") > c("_rand").dt.offset_by("20d"))
)
GRADES = tuple(
    Fault(f"graded worse than the count: {term}", "adverse_events", "EC091", {"grade": lit("4")},
          (c("ctcae_term") == term) & MEASURED)
    for term in ("Neutrophils/granulocytes", "Platelets")
)  # fmt: skip

FINDINGS_FAULTS: tuple[Fault, ...] = (*COMPONENTS, *CALLS, *PLASMACYTOMAS, *LABORATORY, *GRADES)
