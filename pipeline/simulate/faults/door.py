"""Faults of structure and of cells, and those that any form may have (EC001 to EC024, EC060, EC141 to EC144).

Written from the trial's data validation plan alone. Not here, because no record can carry them: a header
(EC005, EC061), what a cut-off does (EC012, EC017), the log of forms (EC023, EC024). What does not belong
here: unusual text that must be read as meant, units (`cells`).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.simulate.faults import Fault
from pipeline.simulate.faults.words import day, written

c, lit = pl.col, pl.lit
ANY = lit(True)
SLOWEST = "420d"
"""No form takes longer."""
UNBLINDED = dt.date(2009, 12, 17)

_BLANK = lit(None, pl.String)


def _before_release() -> pl.Expr:
    return day("received_dt") < UNBLINDED


IDENTITY = (
    Fault("letter O in the patient's number", "adverse_events", "EC001",
          {"patient_id": c("patient_id").str.replace("0", "O")}, c("patient_id").str.contains("0"), 2),
    Fault("letter O in the patient's number, contact", "follow_up", "EC001",
          {"patient_id": c("patient_id").str.replace("0", "O")}, ANY),
    Fault("number of nobody", "labs", "EC001", {"patient_id": "9" + c("patient_id").str.slice(1)}, ANY, 2),
    Fault("registered again with another birth date", "registration", "EC002",
          {"birth_dt": written(day("birth_dt").dt.offset_by("-41d"))}, ANY, 2, "extra"),
    # The same person under a second number, with the disease history that shows it.
    Fault("registered under a second number", "registration", "EC003",
          {"patient_id": "9" + c("patient_id").str.slice(1)},
          c("_reg").dt.offset_by(SLOWEST) < c("_transfer"), 2, "extra"),
    Fault("registered under a second number", "on_study", None,
          {"patient_id": "9" + c("patient_id").str.slice(1)}, ANY, 2, "extra"),
    Fault("institution that does not exist", "labs", "EC021", {"site_code": lit("ZZ999")}, ANY, 2),
    Fault("institution that does not exist, contact", "follow_up", "EC021", {"site_code": lit("QQ001")}, ANY),
    Fault("another institution than at registration", "follow_up", "EC022",
          {"site_code": pl.when(c("site_code") == "NC003").then(lit("NY017")).otherwise(lit("NC003"))},
          ANY, 2),
)  # fmt: skip

STRUCTURE = (
    Fault("code of another form", "follow_up", "EC004", {"form_code": lit("AE")}, ANY, 2),
    Fault("code of no form", "adverse_events", "EC004", {"form_code": lit("AES")}, ANY),
    Fault("same record twice", "adverse_events", "EC010", {"record_id": c("record_id")}, ANY, 2, "repeated"),
    Fault("same record twice, laboratory", "labs", "EC010", {"record_id": c("record_id")}, ANY, 2,
          "repeated"),
    Fault("amended without a first version", "labs", "EC011",
          {"record_version": lit("2"), "record_status": lit("AMENDED")}, ANY, 2, "standing"),
    Fault("first version called amended", "treatment_dose", "EC011",
          {"record_status": lit("AMENDED")}, ANY, 2),
    Fault("completed after it was received", "disease_assessment", "EC016",
          {"completed_dt": written(day("received_dt").dt.offset_by("8d"))}, ANY, 2),
    Fault("completed after it was received, contact", "follow_up", "EC016",
          {"completed_dt": written(day("received_dt").dt.offset_by("1d"))}, ANY),
)  # fmt: skip


def _blank(form: str, column: str, share: int = 1) -> Fault:
    return Fault(f"{column} left blank", form, "EC006", {column: _BLANK}, c(column).is_not_null(), share)


def _cell(form: str, check: str, column: str, text: pl.Expr, among: pl.Expr = ANY, share: int = 1) -> Fault:
    name = {"EC007": "code not in the list", "EC008": "not a number", "EC009": "unknown code in a number",
            "EC014": "not a date"}[check]  # fmt: skip
    return Fault(f"{name}: {column}", form, check, {column: text}, c(column).is_not_null() & among, share)


CELLS = (
    _blank("registration", "sex"),
    _blank("on_study", "prior_cancer"),
    _blank("labs", "result", 2),
    _blank("treatment_dose", "schedule"),
    _blank("adverse_events", "serious"),
    _blank("follow_up", "vital_status"),
    _cell("registration", "EC007", "sex", c("sex").replace({"M": "Male", "F": "Female"})),
    _cell("labs", "EC007", "test", lit("PLATELETS"), c("test") == "PLT"),
    _cell("disease_assessment", "EC007", "sife", lit("FAINT"), c("sife") == "NEG"),
    _cell("treatment_dose", "EC007", "schedule", lit("DAILY")),
    _cell("adverse_events", "EC007", "serious", lit("YES"), c("serious") == "Y"),
    _cell("follow_up", "EC007", "vital_status", lit("WELL")),
    _cell("death", "EC007", "autopsy", lit("PENDING")),
    _cell("treatment_dose", "EC008", "plt_nadir", c("plt_nadir").str.replace(r"0$", "O"),
          c("plt_nadir").str.contains(r"^\d+0$"), 2),
    _cell("labs", "EC008", "result", c("result").str.replace(".", "..", literal=True),
          c("result").str.contains(".", literal=True), 2),
    _cell("transplant", "EC008", "cd34_dose", c("cd34_dose") + " million"),
    _cell("treatment_dose", "EC009", "anc_nadir", lit("-1"), share=2),
    _cell("treatment_dose", "EC009", "plt_nadir", lit("-1")),
    _cell("transplant", "EC009", "cd34_dose", lit("-1")),
    _cell("adverse_events", "EC014", "start_dt", "02/30/" + c("start_dt").str.head(4), share=2),
    _cell("follow_up", "EC014", "contact_dt", day("contact_dt").dt.to_string("%m/%d/%y"), share=2),
    _cell("disease_assessment", "EC014", "assess_dt", "31/APR/" + c("assess_dt").str.head(4)),
    _cell("labs", "EC014", "collection_dt", c("collection_dt").str.head(4) + "-06-31"),
    _cell("induction", "EC014", "stop_dt", lit("last winter")),
)  # fmt: skip

_AFTER_RECEIPT = written(day("received_dt").dt.offset_by("12d"))
TIME = (
    Fault("dated after its receipt", "disease_assessment", "EC015", {"assess_dt": _AFTER_RECEIPT},
          c("response_site") != "PD", 2),
    Fault("dated after its receipt, laboratory", "labs", "EC015", {"collection_dt": _AFTER_RECEIPT},
          c("visit") != "BASELINE", 2),
    Fault("contact after the data were closed", "follow_up", "EC018",
          {"contact_dt": written(c("_transfer").dt.offset_by("31d"))}, c("vital_status") == "ALIVE", 2),
    Fault("a century too early", "induction", "EC019",
          {"start_dt": c("start_dt").str.replace("^20", "19")}, c("start_dt").str.starts_with("20"), 2),
    Fault("a century too early, adverse event", "adverse_events", "EC019",
          {"start_dt": c("start_dt").str.replace("^20", "19")}, c("grade") != "5", 2),
    # What arrived after the death was known is dated after it.
    Fault("sample of a dead patient", "labs", "EC020",
          {"collection_dt": written(c("_death").dt.offset_by("2d"))},
          (day("received_dt") > c("_death").dt.offset_by("2d"))
          & (c("_death").dt.offset_by(SLOWEST) < c("_transfer")), 2),
    Fault("on-study form late", "on_study", "EC141", {}, c("_reg").dt.offset_by(SLOWEST) < c("_transfer"), 2,
          "late"),
    # The only assessment since randomisation: the next is three months later.
    Fault("first assessment since randomisation late", "disease_assessment", "EC142", {},
          (c("visit") == "M3") & (c("_rand").dt.offset_by("170d") > c("_transfer")), 2, "late"),
)  # fmt: skip

WORDS = (
    Fault("the treatment named in a reason", "off_treatment", "EC060",
          {"off_reason_text": lit("rash on Revlimid arm")}, _before_release() & c("_randomised"), 2),
    Fault("the treatment named in a deviation", "deviations", "EC060",
          {"deviation_text": lit("patient was told that the capsules are placebo")}, _before_release(), 1),
    Fault("the treatment named in a comment", "labs", "EC060",
          {"fasting_or_comment": lit("Arm A, counts low since start of lenalidomide")},
          _before_release() & c("_randomised"), 2),
    Fault("a name in a deviation", "deviations", "EC143",
          {"deviation_text": lit("Mr Smith MRN 004512 missed the visit")}, ANY, 1),
    Fault("a telephone number in a comment", "labs", "EC143",
          {"fasting_or_comment": lit("call the laboratory of Mrs. Jones, 617-555-0142")}, ANY, 2),
    Fault("initials in a cause of death", "death", "EC143",
          {"cause_text": lit("J.R.S. died at home, see chart #88213")}, ANY, 1),
)  # fmt: skip

DOOR_FAULTS: tuple[Fault, ...] = (*IDENTITY, *STRUCTURE, *CELLS, *TIME, *WORDS)
