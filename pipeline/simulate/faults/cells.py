"""How sites write: dates and units by habit, and cells that are unusual, incomplete or in the wrong unit.

Habits hold for all forms of a site. The other faults are values. Rates follow the trial's plan for its
made-up data; where a result of the trial could move, other records are taken. What does not belong here:
faults that break a rule at the door (`door`) or contradict another record (`entry`, `findings`, `treatment`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipeline.simulate.faults import Fault
from pipeline.simulate.records import SITE_CODES
from schemas.base import columns
from schemas.crf.calgb_100104 import FORMS

c = pl.col

# --- habits of a site -------------------------------------------------------------------------------------

DATE_STYLES = ("YYYY-MM-DD", "MM/DD/YYYY", "DD/MON/YYYY")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def date_style(site: str) -> int:
    """The position in DATE_STYLES of the way in which a site writes dates."""
    return zlib.crc32(f"dates of {site}".encode()) % len(DATE_STYLES)


def styled(date: pl.Expr, style: pl.Expr) -> pl.Expr:
    """ISO dates, as far as they are known, in a style; anything else as it is."""
    year, month, day = date.str.head(4), date.str.slice(5, 2), date.str.slice(8, 2)
    name = month.replace(dict(zip((f"{m:02d}" for m in range(1, 13)), MONTHS, strict=True)))
    known = {
        n: date.str.contains(p)
        for n, p in ((10, r"^\d{4}-\d\d-\d\d$"), (7, r"^\d{4}-\d\d$"), (4, r"^\d{4}$"))
    }
    slash = pl.lit("/")
    of_us = (
        pl.when(known[10]).then(month + slash + day + slash + year).when(known[7]).then(month + slash + year)
    )
    by_name = (
        pl.when(known[10])
        .then(day + slash + name + slash + year)
        .when(known[7])
        .then("UN/" + name + slash + year)
        .when(known[4])
        .then("UN/UNK/" + year)
    )
    return (
        pl.when(style == 1)
        .then(of_us.otherwise(date))
        .when(style == 2)
        .then(by_name.otherwise(date))
        .otherwise(date)
    )


@dataclass(frozen=True)
class Unit:
    """A unit that some sites report in: `values` (and what stands in `unit`) times `factor`, rounded.

    sites: how many of the 47. only: further condition, on clean text.
    """

    form: str
    values: tuple[str, ...]
    unit: str
    standard: str
    reported: str
    factor: float
    places: int
    sites: int
    only: pl.Expr | None = None

    @property
    def at(self) -> list[str]:
        """The sites that report in this unit."""
        return sorted(SITE_CODES, key=lambda s: zlib.crc32(f"{self.reported} of {s}".encode()))[: self.sites]


_RESULT = ("result", "lln", "uln")
UNITS = (
    # The paper's factors. 2.5 mg/L prints as 211.9 nmol/L, on the same side of the limit in that unit.
    Unit("labs", _RESULT, "unit", "mg/L", "nmol/L", 84.75, 1, 4, c("test") == "B2M"),
    Unit("labs", _RESULT, "unit", "mg/dL", "mmol/L", 0.25, 3, 3, c("test") == "CA"),
    Unit("labs", _RESULT, "unit", "mg/dL", "umol/L", 88.4, 2, 3, c("test") == "CREAT"),
    Unit("labs", _RESULT, "unit", "g/dL", "g/L", 10, 0, 3, c("test") == "HGB"),
    Unit("disease_assessment", ("ca_result",), "ca_unit", "mg/dL", "mmol/L", 0.25, 3, 3),
    Unit("disease_assessment", ("spep_result",), "spep_unit", "g/dL", "g/L", 10, 0, 4),
    Unit("disease_assessment", ("flc_kappa", "flc_lambda"), "flc_unit", "mg/dL", "mg/L", 10, 0, 10),
    Unit("disease_assessment", ("upep_result",), "upep_unit", "mg/24h", "g/24h", 0.001, 3, 3),
)  # fmt: skip
ISS_LIMITS = (3.5, 5.5)
"""Beta-2-microglobulin in mg/L at which the stage changes: printed more exactly, so that it stays there."""


def by_habit(form: str, text: pl.DataFrame) -> pl.DataFrame:
    """The form as its sites write it: units first, then dates; rows marked `_faulty` keep standard units."""
    if "site_code" not in text.columns or form == "sites":
        return text
    for unit in UNITS:
        if unit.form == form:
            text = _in_unit(text, unit)
    style = c("site_code").replace_strict(
        {site: date_style(site) for site in SITE_CODES}, default=0, return_dtype=pl.Int8
    )
    text = text.with_columns(_style=style)
    for name in dates_of(form):
        text = text.with_columns(styled(c(name), c("_style")).alias(name))
    return text.drop("_style")


def truth_as_written(truth: pl.DataFrame) -> pl.DataFrame:
    """The truth with dates as they stand in the file, and the habits after it."""
    style = c("SITE").replace_strict(
        {site: date_style(site) for site in SITE_CODES}, default=0, return_dtype=pl.Int8
    )
    of_dates = [c("FORM").eq(form) & c("COLUMN").is_in(dates_of(form)) for form in FORMS]
    written = pl.when(pl.any_horizontal(of_dates)).then(styled(c("WRITTEN"), style)).otherwise(c("WRITTEN"))
    return pl.concat([truth.with_columns(WRITTEN=written), habits()], how="diagonal")


def dates_of(form: str) -> list[str]:
    """The columns of a form in which a site writes dates as it likes."""
    return [column.name for column in columns(FORMS[form]) if column.kind == "date_raw"]


def _in_unit(text: pl.DataFrame, unit: Unit) -> pl.DataFrame:
    here = c("site_code").is_in(unit.at) & ~c("_faulty") & (c(unit.unit) == unit.standard)
    if unit.only is not None:
        here &= unit.only
    converted = []
    for name in unit.values:
        value = c(name).cast(pl.Float64, strict=False)
        rounded = (value * unit.factor).round(unit.places)
        if unit.reported == "nmol/L":
            rounded = pl.when(value.is_in(ISS_LIMITS)).then((value * unit.factor).round(3)).otherwise(rounded)
        shown = rounded.cast(pl.Int64).cast(pl.String) if unit.places == 0 else rounded.cast(pl.String)
        converted.append(pl.when(here & value.is_not_null()).then(shown).otherwise(c(name)).alias(name))
    written = pl.when(here).then(pl.lit(unit.reported)).otherwise(c(unit.unit))
    return text.with_columns(*converted, written.alias(unit.unit))


def habits() -> pl.DataFrame:
    """The habits as rows of the truth: site, column, unit or style."""
    rows = [
        {"SITE": site, "WRITTEN": DATE_STYLES[date_style(site)], "TRUE": DATE_STYLES[0], "KIND": "date style"}
        for site in sorted(SITE_CODES)
        if date_style(site)
    ]
    rows += [
        {
            "SITE": s,
            "FORM": u.form,
            "COLUMN": u.unit,
            "WRITTEN": u.reported,
            "TRUE": u.standard,
            "KIND": "unit",
        }
        for u in UNITS
        for s in sorted(u.at)
    ]
    return pl.DataFrame(rows).with_columns(HOW=pl.lit("habit"))


# --- text that is unusual and must be read as meant -------------------------------------------------------


def _unusual(
    form: str,
    name: str,
    share: float,
    among: pl.Expr,
    how: str = "standing",
    check: str | None = None,
    **writes: pl.Expr,
) -> Fault:
    return Fault(name, form, check, writes, among, share, how)  # type: ignore[arg-type]


def _date(name: str) -> pl.Expr:
    return c(name).str.to_date("%Y-%m-%d", strict=False)


def _unknown(form: str, column: str, code: str | None, share: float, among: pl.Expr | None = None) -> Fault:
    known = c(column).is_not_null()
    text = pl.lit(code, pl.String)
    return Fault(
        f"unknown {column}: {code or 'blank'}",
        form,
        None,
        {column: text},
        known if among is None else known & among,
        share,
        "standing",
    )


def _partial(form: str, column: str, share: float, among: pl.Expr, *, month: bool = False) -> Fault:
    text, kind = (c(column).str.head(4), "month") if month else (c(column).str.head(7), "day")
    return Fault(
        f"{column} without {kind}",
        form,
        None,
        {column: text},
        c(column).is_not_null() & among,
        share,
        "standing",
    )


ANY = pl.lit(True)
_EARLY_MONTH = _date("start_dt").dt.month_end() < c("_rand").dt.month_start()
_LATER_MONTH = _date("start_dt").dt.month_start() > c("_rand").dt.offset_by("45d")
_LONG_BEFORE_DEATH = c("_death").is_null() | (_date("start_dt").dt.offset_by("90d") < c("_death"))
_NO_PERIOD_NEAR = ~c("_crossover") | (_date("start_dt") < pl.date(2009, 12, 1))

PARTIAL_DATES = (
    # The first day of the month is on the same side of randomisation, of the first dose and of crossover.
    _partial("adverse_events", "start_dt", 0.1,
             (c("grade") != "5") & (~c("_randomised") | _EARLY_MONTH | (_LATER_MONTH & _NO_PERIOD_NEAR))),
    _partial("adverse_events", "end_dt", 0.09, c("grade") != "5"),
    _partial("induction", "start_dt", 0.09, ANY),
    _partial("induction", "start_dt", 0.035, ANY, month=True),
    _partial("induction", "stop_dt", 0.09, ANY),
    _partial("induction", "stop_dt", 0.03, ANY, month=True),
    # The first of the month must not come before the progression that it follows.
    _partial("subsequent_therapy", "start_dt", 0.12,
             (~c("_randomised") | (_date("start_dt").dt.month_start() > c("_pd"))) & _LONG_BEFORE_DEATH),
    _partial("on_study", "diagnosis_dt", 0.08, ANY),
    _partial("on_study", "diagnosis_dt", 0.03, ANY, month=True),
    _partial("on_study", "prior_cancer_dt", 0.1, c("_spm").is_null(), month=True),
    # Imputed to the first day, which is the true one.
    _partial("death", "death_dt", 1, c("death_dt").str.ends_with("-01")),
    _partial("disease_assessment", "pd_dt", 1, c("pd_dt").str.ends_with("-01")),
)  # fmt: skip

_PROTEINS = c("test").is_in(["LDH", "IGG", "IGA", "IGM"]) & c("visit").is_in(["BASELINE", "DAY100"])
_REG = c("visit") == "REG"
UNKNOWN_CODES = (
    _unknown("registration", "race", "-1", 0.03),
    _unknown("registration", "ethnicity", "-1", 0.03),
    _unknown("registration", "ecog_ps", "-1", 0.02),
    _unknown("on_study", "lytic_scale", "-1", 0.03),
    _unknown("on_study", "creat_clearance", "ND", 0.03),
    _unknown("on_study", "dlco_pct", "ND", 0.04),
    _unknown("on_study", "lvef_pct", "ND", 0.03),
    _unknown("induction", "cycles", "-1", 0.04),
    _unknown("induction", "best_response", "UNK", 0.03),
    _unknown("induction", "reason_stop", "UNK", 0.02),
    Fault("unknown result: ND", "labs", None,
          {"result": pl.lit("ND"), "unit": pl.lit(None, pl.String)}, _PROTEINS, 0.03, "standing"),
    _unknown("labs", "result", "-1", 0.01, _PROTEINS),
    _unknown("labs", "result", "NA", 0.01, _PROTEINS),
    _unknown("transplant", "mobil_regimen", "UNK", 0.03),
    _unknown("transplant", "mobil_start_dt", "UNK", 0.02),
    _unknown("transplant", "plt_engraft_dt", "ND", 0.03),
    # Before the reference row, so that no rule of progression rests on it.
    Fault("unknown flc_kappa: NA", "disease_assessment", None,
          {"flc_kappa": pl.lit("NA"), "flc_lambda": pl.lit("NA"), "flc_unit": pl.lit(None, pl.String)},
          c("flc_kappa").is_not_null() & _REG, 0.05, "standing"),
    _unknown("disease_assessment", "bm_pc_pct", "ND", 0.03, _REG),
    _unknown("disease_assessment", "alb_result", "ND", 0.03, _REG),
    _unknown("treatment_dose", "thromboprophylaxis", "UNK", 0.03),
    _unknown("treatment_dose", "anc_nadir", "ND", 0.02),
    _unknown("treatment_dose", "plt_nadir", "ND", 0.02),
    _unknown("adverse_events", "outcome", "UNK", 0.02, c("grade") != "5"),
    _unknown("adverse_events", "action", "UNK", 0.04),
    _unknown("adverse_events", "expedited", None, 0.02, c("expedited") == "N"),
    _unknown("follow_up", "last_disease_assess_dt", "UNK", 0.02),
    _unknown("follow_up", "consent_withdrawn", None, 0.02, c("consent_withdrawn") == "N"),
    _unknown("follow_up", "lost_to_fu", None, 0.02, c("lost_to_fu") == "N"),
    _unknown("subsequent_therapy", "second_transplant", None, 0.03, c("second_transplant") == "N"),
    _unknown("death", "autopsy", "UNK", 0.05),
    _unknown("new_primary_cancer", "on_study_drug_at_dx", "UNK", 0.05),
    _unknown("deviations", "deviation_text", None, 0.03),
)  # fmt: skip

AGENTS = {
    "BORTEZOMIB": ("Velcade", "Velcaid"),
    "LENALIDOMIDE": ("Revlimid", "Revlimd"),
    "THALIDOMIDE": ("Thalomid", "Thalidomid"),
    "DOXORUBICIN": ("Adriamycin", "Doxorubicn"),
    "LIPOSOMAL DOXORUBICIN": ("Doxil", "Doxill"),
    "CYCLOPHOSPHAMIDE": ("Cytoxan", "cyclophosphamid"),
    "DEXAMETHASONE": ("Decadron", "Dexamethsone"),
    "MELPHALAN": ("Alkeran", "Melphalen"),
    "VINCRISTINE": ("Oncovin", "Vincristne"),
    "PREDNISONE": ("Deltasone", "Prednisne"),
}
"""Brand name and a misspelling of each drug."""

V4_TERMS = {
    "Neutrophils/granulocytes": "Neutrophil count decreased",
    "Platelets": "Platelet count decreased",
    "Lymphopenia": "Lymphocyte count decreased",
    "Leukocytes": "White blood cell decreased",
    "Hemoglobin": "Anemia",
}
"""CTCAE version 4.0 for terms of version 3.0."""

MISSPELT_TERMS = {
    "Neutrophils/granulocytes": "Neutropils/granulocytes",
    "Platelets": "Platlets",
    "Lymphopenia": "Lympopenia",
    "Leukocytes": "Leucocytes",
    "Hemoglobin": "Hemoglobn",
    "Nausea": "Nausia",
    "Diarrhea": "Diarhea",
    "Constipation": "Constipaton",
    "Febrile neutropenia": "Febrile neutropena",
    "Neuropathy: sensory": "Neuropathy - sensory",
    "Rash/desquamation": "Rash/desquamtion",
}


def _reworded(
    form: str,
    column: str,
    name: str,
    words: Mapping[str, str],
    share: float,
    among: pl.Expr = ANY,
    check: str | None = None,
) -> Fault:
    return Fault(
        name,
        form,
        check,
        {column: c(column).replace(words)},
        c(column).is_in(list(words)) & among,
        share,
        "standing",
    )


def _agent(form: str) -> tuple[Fault, ...]:
    brand, misspelt = ({agent: words[k] for agent, words in AGENTS.items()} for k in (0, 1))
    return (
        _reworded(form, "agent", "brand name", brand, 0.05),
        _reworded(form, "agent", "misspelt agent", misspelt, 0.03),
        Fault(
            "agent in lower case",
            form,
            None,
            {"agent": c("agent").str.to_lowercase() + " "},
            ANY,
            0.02,
            "standing",
        ),
    )


FREE_TEXT = (
    *_agent("induction"),
    *_agent("subsequent_therapy"),
    # Two thirds of the blood terms since 2010 are about 3% of all events.
    _reworded("adverse_events", "ctcae_term", "CTCAE version 4.0", V4_TERMS, 0.65,
              _date("start_dt") >= pl.date(2010, 1, 1), "EC092"),
    _reworded("adverse_events", "ctcae_term", "misspelt term", MISSPELT_TERMS, 0.05),
    Fault("reason in the site's words", "off_treatment", None,
          {"off_reason_text": pl.lit("physicians decision, patient agreed")},
          (c("off_reason") == "OTHER") & c("off_reason_text").is_not_null(), 0.2, "standing"),
    Fault("diagnosis in the site's words", "new_primary_cancer", None,
          {"diagnosis_text": pl.lit("basal cell ca, left cheek")}, c("spm_class") == "NMSC_BCC", 1,
          "standing"),
    Fault("comment with a comma and quotes", "labs", None,
          {"fasting_or_comment": pl.lit('specimen called "hemolyzed", not repeated')},
          c("fasting_or_comment").is_null(), 0.003, "standing"),
    Fault("cause with a comma", "death", None,
          {"cause_text": pl.lit("subdural hematoma, after a fall")}, c("cause_text").is_not_null(), 0.3,
          "standing"),
)  # fmt: skip


def _lower(form: str, column: str, share: float) -> Fault:
    """A code in other letters, with a blank before it."""
    text = " " + c(column).str.to_lowercase()
    return Fault(
        f"{column} in lower case", form, None, {column: text}, c(column).is_not_null(), share, "standing"
    )


CODES = (
    _lower("registration", "sex", 0.02),
    _lower("registration", "race", 0.03),
    _lower("eligibility", "criterion_met", 0.01),
    _lower("on_study", "mm_type", 0.03),
    _lower("labs", "test", 0.01),
    _lower("disease_assessment", "response_site", 0.02),
    _lower("disease_assessment", "sife", 0.01),
    _lower("treatment_dose", "schedule", 0.01),
    _lower("adverse_events", "ctcae_category", 0.02),
    _lower("follow_up", "vital_status", 0.02),
)

_NO_SPIKE = c("spep_result") == "NEG"
NUMBERS = (
    *(Fault(f"no M-protein: {word}", "disease_assessment", None, {"spep_result": pl.lit(word)}, _NO_SPIKE,
            0.1, "standing") for word in ("<0.1", "TSTQ", "0")),
    Fault("no M-protein: <10", "disease_assessment", None, {"upep_result": pl.lit("<10")},
          c("upep_result") == "NEG", 0.05, "standing"),
    Fault("thousands separator", "labs", None, {"result": c("result").str.replace(r"(\d{3})$", ",$1")},
          c("result").str.contains(r"^\d{4,6}$"), 0.05, "standing"),
)  # fmt: skip

_HALF_A_YEAR_LATE = c("received_dt").str.to_date("%Y-%m-%d").dt.offset_by("170d")
LATE = tuple(
    # Within one transfer, so that nothing else is known later.
    Fault("half a year late", form, None, {"received_dt": _HALF_A_YEAR_LATE.dt.to_string("%Y-%m-%d")},
          c("_transfer") >= _HALF_A_YEAR_LATE, share, "standing")
    for form, share in (("follow_up", 0.25), ("disease_assessment", 0.15), ("adverse_events", 0.05))
)  # fmt: skip

REPEATED = (
    Fault("entered twice", "adverse_events", "EC013", {},
          (c("grade") != "5") & ~c("ctcae_term").str.starts_with("Secondary"), 0.015, "repeated"),
    Fault("entered twice", "labs", "EC013", {}, ANY, 0.011, "repeated"),
)  # fmt: skip


# --- the wrong unit beside a value ------------------------------------------------------------------------


def _times(column: str, factor: float, places: int) -> pl.Expr:
    value = (c(column).cast(pl.Float64, strict=False) * factor).round(places)
    return value.cast(pl.Int64).cast(pl.String) if places == 0 else value.cast(pl.String)


def _mislabelled(
    form: str, check: str, column: str, factor: float, places: int, among: pl.Expr, share: float
) -> Fault:
    number = c(column).cast(pl.Float64, strict=False).is_not_null()
    return Fault(
        f"{column} in another unit than it says ({check})",
        form,
        check,
        {column: _times(column, factor, places)},
        number & among,
        share,
    )


def _test(name: str) -> pl.Expr:
    return c("test") == name


def _value(name: str) -> pl.Expr:
    return c(name).cast(pl.Float64, strict=False)


WRONG_UNITS = (
    _mislabelled("labs", "EC083", "result", 88.4, 0, _test("CREAT"), 0.017),
    _mislabelled("labs", "EC084", "result", 84.75, 0, _test("B2M"), 0.03),
    _mislabelled("labs", "EC085", "result", 10, 0, _test("HGB"), 0.017),
    _mislabelled("labs", "EC086", "result", 1000, 0, _test("ANC"), 0.01),
    _mislabelled("labs", "EC081", "result", 0.25, 2, _test("CA"), 0.03),
    _mislabelled("disease_assessment", "EC066", "spep_result", 10, 0, _value("spep_result") >= 1.3, 0.01),
    _mislabelled("disease_assessment", "EC068", "upep_result", 0.001, 2,
                 _value("upep_result").is_between(100, 4900), 0.02),
    _mislabelled("disease_assessment", "EC081", "ca_result", 0.25, 2, ANY, 0.004),
    Fault("urine without its volume", "disease_assessment", "EC067", {"upep_unit": pl.lit("mg/dL")},
          _value("upep_result") > 0, 0.01),
    Fault("light chains without a unit", "disease_assessment", "EC069", {"flc_unit": pl.lit(None, pl.String)},
          _value("flc_kappa") > 0, 0.01),
)  # fmt: skip

CELL_FAULTS: tuple[Fault, ...] = (
    *WRONG_UNITS,
    *REPEATED,
    *LATE,
    *PARTIAL_DATES,
    *UNKNOWN_CODES,
    *FREE_TEXT,
    *CODES,
    *NUMBERS,
)
