"""Edit checks: structure, cells and any form (EC001 to EC024, EC060, EC061, EC141 to EC144).

What a single cell may hold the forms' schemas say, and ingest holds every cell against them: here stands
only which of its rules is which check. Every other check looks at each form in the same way. A partial date
breaks a rule only if every day it may mean does. What does not belong here: rules of one cell
(`schemas/crf/calgb_100104.py`), checks of one form's contents (`entry`, `findings`, `treatment`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.edit_checks import Find, broken, told
from pipeline.ingest import FILE_RULES, TREATMENT_COLUMN_RULE, door_rules
from pipeline.studies.calgb_100104.edit_checks.adverse import ADVERSE
from pipeline.studies.calgb_100104.edit_checks.entry import ENTRY
from pipeline.studies.calgb_100104.edit_checks.findings import FINDINGS
from pipeline.studies.calgb_100104.edit_checks.follow_up import FOLLOW_UP
from pipeline.studies.calgb_100104.edit_checks.second_cancer import SECOND_CANCER
from pipeline.studies.calgb_100104.edit_checks.treatment import TREATMENT
from pipeline.study import EditCheck, Seen
from schemas.base import Rule, columns, names
from schemas.crf.calgb_100104 import FORMS, Form

RECORD_FORMS = tuple(form for form, model in FORMS.items() if issubclass(model, Form))
EARLIEST = dt.date(1995, 1, 1)
OVERDUE, LATE, FIRST_CONTACT, SLOW_QUERY = 60, 180, 365, 90
"""Days: a form is overdue, came late; the first contact is missed; a query of the centre is open too long."""
CHECK_ID = r"^EC(00[1-9]|0[1-9][0-9]|1[0-3][0-9]|14[0-4])$"

_HEADER = ("record_id", "record_version", "record_status", "completed_dt", "received_dt")
_BEFORE_THE_STUDY = ("birth_dt", "prior_cancer_dt", "diagnosis_dt")
_AFTER_DEATH = ("death", "spm_questionnaire")
_ORDER = ("_came", "record_id")


# Rules at the door ---------------------------------------------------------------------------------------

_OF_COLUMN = {
    "patient_id": "EC001",
    "study_id": "EC004",
    "form_code": "EC004",
    "record_id": "EC010",
    "record_version": "EC010",
    "site_code": "EC021",
}
_OF_RULE = {"key": "EC010", "no_treatment_words": "EC060", "no_personal_data": "EC143"}
_OF_FAULT = {
    "not_null": "EC006",
    "isin": "EC007",
    "str_matches": "EC007",
    "not_a_number": "EC008",
    "greater_than_or_equal_to": "EC008",
    "less_than_or_equal_to": "EC008",
    "missing_code": "EC009",
    "not_a_date": "EC014",
}


def _check_of(form: str, rule: Rule) -> str:
    """The check that a rule of a form is: by its name, else by its column, else by the kind of fault."""
    if rule.column is None:
        return _OF_RULE[rule.name]
    if rule.column in _OF_COLUMN:
        return _OF_COLUMN[rule.column]
    fault = rule.name.removeprefix(f"{rule.column}_")
    kind = next(c.kind for c in columns(FORMS[form]) if c.name == rule.column)
    if fault == "str_matches" and kind in ("date_raw", "result"):
        return _OF_FAULT["not_a_date" if kind == "date_raw" else "not_a_number"]
    return _OF_FAULT[fault]


def _door() -> Mapping[str, tuple[str, ...]]:
    """The rules of the door by check, as `form:rule`; those that other checks name are theirs."""
    others = (*ENTRY, *FINDINGS, *ADVERSE, *TREATMENT, *FOLLOW_UP, *SECOND_CANCER)
    theirs = {pattern for check in others for pattern in check.door}
    by_check: dict[str, list[str]] = {"EC005": list(FILE_RULES), "EC061": [TREATMENT_COLUMN_RULE]}
    for form, model in FORMS.items():
        for rule in door_rules(model):
            if f"{form}:{rule.name}" not in theirs:
                by_check.setdefault(_check_of(form, rule), []).append(f"{form}:{rule.name}")
    return {check: tuple(patterns) for check, patterns in by_check.items()}


# Checks on every form ------------------------------------------------------------------------------------


def _each(
    check: Callable[[Seen, str, pl.LazyFrame], pl.LazyFrame], forms: Iterable[str] = RECORD_FORMS
) -> Find:
    """The check asked of the current records of each form."""
    return lambda seen: pl.concat([check(seen, form, seen.forms[form]) for form in forms])


def _dates(form: str, but: tuple[str, ...] = ()) -> list[str]:
    """The form's columns that hold the date of an event."""
    return [
        column.name
        for column in columns(FORMS[form])
        if (column.kind == "date_raw" or column.dtype == pl.Date) and column.name not in (*_HEADER, *but)
    ]


def _each_date(
    breaks: Callable[[pl.Expr, pl.Expr], pl.Expr],
    words: str,
    other: str,
    *,
    of_patient: Callable[[Seen], pl.LazyFrame] | None = None,
    forms: Iterable[str] = RECORD_FORMS,
    but: tuple[str, ...] = (),
) -> Find:
    """The check asked of each event date of each form: `breaks` takes the first and last day it may mean.

    of_patient: patient_id and columns to know of the patient; other: the column that `words` names second.
    """

    def check(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        if of_patient:
            rows = rows.join(of_patient(seen), on="patient_id", how="left")
        rows = rows.with_columns(_seen=pl.lit(seen.date))
        parts = []
        for name in _dates(form, but):
            text = rows.with_columns(_date=pl.col(name).cast(pl.String))
            wrong = breaks(first_possible_day("_date"), last_possible_day("_date"))
            found = told(f"{name} {{}}, {words}", "_date", other)
            parts.append(broken(text.filter(wrong), form, name, found))
        return pl.concat(parts) if parts else broken(rows.clear(), form, None, pl.lit(""))

    return _each(check, forms)


def _by_receipt(seen: Seen, form: str) -> pl.LazyFrame:
    """The current records of a form with the day on which their first version came."""
    came = seen.versions[form].group_by("record_id").agg(_came=pl.col("received_dt").min())
    return seen.forms[form].join(came, on="record_id", how="left")


def _registered(seen: Seen) -> pl.LazyFrame:
    """The first registration of each patient."""
    rows = _by_receipt(seen, "registration").sort(_ORDER)
    return rows.unique("patient_id", keep="first", maintain_order=True)


def _first(of: str, within: Iterable[str]) -> pl.Expr:
    """The column's value in the first record, by receipt, of those that are the same in `within`."""
    return pl.col(of).sort_by(*_ORDER).first().over(list(within))


def _not_registered(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    known = seen.forms["registration"].select("patient_id")
    unknown = rows.filter(pl.col("patient_id").is_not_null()).join(known, on="patient_id", how="anti")
    return broken(unknown, form, "patient_id", told("patient {} has no registration", "patient_id"))


def _site_unknown(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    known = seen.forms["sites"].select("site_code")
    unknown = rows.filter(pl.col("site_code").is_not_null()).join(known, on="site_code", how="anti")
    return broken(unknown, form, "site_code", told("institution {} is not among the sites", "site_code"))


def _registered_twice(seen: Seen) -> pl.LazyFrame:
    rows = _by_receipt(seen, "registration").with_columns(_other=_first("record_id", ["patient_id"]))
    again = rows.filter(pl.col("record_id") != pl.col("_other"))
    words = told("patient {} was registered before, by record {}", "patient_id", "_other")
    return broken(again, "registration", "patient_id", words)


def _same_person(seen: Seen) -> pl.LazyFrame:
    diagnosed = _by_receipt(seen, "on_study").sort(_ORDER).group_by("patient_id")
    person = ["site_code", "birth_dt", "sex", "diagnosis_dt"]
    rows = _by_receipt(seen, "registration").join(
        diagnosed.agg(pl.col("diagnosis_dt").first()), on="patient_id"
    )
    known = rows.filter(pl.all_horizontal(pl.col(person).is_not_null()))
    again = known.with_columns(_other=_first("patient_id", person)).filter(
        pl.col("patient_id") != pl.col("_other")
    )
    words = "patients {} and {}: same site, born {}, sex {}, diagnosed {}"
    found = told(words, "_other", "patient_id", "birth_dt", "sex", "diagnosis_dt")
    return broken(again, "registration", "patient_id", found)


def _versions(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """A version that was turned away at the door was sent all the same: it leaves no gap."""
    version = pl.col("record_version")
    came = pl.concat(
        [
            seen.versions[form].select("record_id", "record_version"),
            seen.turned_away.filter(FORM=form).select(record_id="RECORD", record_version="VERSION"),
        ]
    )
    called = (pl.col("record_status") == "AMENDED") & (version == 1)
    # Most records have one version, and nothing is wrong with it: they are not looked at.
    others = pl.concat(part.select("record_id") for part in (came.filter(version != 1), rows.filter(called)))
    sent = (
        came.join(others, on="record_id", how="semi")
        .group_by("record_id")
        .agg(
            _gap=version.n_unique() < version.max(),
            _versions=version.unique().sort().cast(pl.String).str.join(", "),
        )
    )
    words = told("status {}, versions sent: {}", "record_status", "_versions")
    wrong = rows.join(sent, on="record_id").filter(pl.col("_gap") | called)
    return broken(wrong, form, "record_version", words)


def _two_current(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    twice = rows.filter(pl.len().over("record_id") > 1)
    return broken(twice, form, "record_version", told("version {} is one of two", "record_version"))


def _same_content(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    content = [name for name in names(FORMS[form]) if name not in _HEADER]
    # By its hash first: few contents come twice, and a number takes less memory than a row.
    hashed = rows.select("record_id", _hash=pl.struct(content).hash())
    alike = hashed.filter(pl.col("_hash").is_duplicated()).select("record_id")
    again = (
        _by_receipt(seen, form)
        .join(alike, on="record_id", how="semi")
        .with_columns(_other=_first("record_id", content))
        .filter(pl.col("record_id") != pl.col("_other"))
    )
    return broken(again, form, None, told("the same content as record {}", "_other"))


def _completed_after_receipt(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    wrong = first_possible_day("completed_dt") > pl.col("received_dt")
    words = told("completed {}, received {}", "completed_dt", "received_dt")
    return broken(rows.filter(wrong), form, "completed_dt", words)


def _received_after_transfer(seen: Seen, form: str, _: pl.LazyFrame) -> pl.LazyFrame:
    rows = seen.versions[form].filter(pl.col("received_dt") > pl.col("TRANSFER"))
    words = told("received {}, in the transfer of {}", "received_dt", "TRANSFER")
    return broken(rows, form, "received_dt", words)


def _other_site(seen: Seen, form: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    at = _registered(seen).select("patient_id", _site="site_code")
    moved = rows.join(at, on="patient_id").filter(pl.col("site_code") != pl.col("_site"))
    return broken(moved, form, "site_code", told("form of {}, registered by {}", "site_code", "_site"))


def _births(seen: Seen) -> pl.LazyFrame:
    born = _registered(seen).select("patient_id", _birth="birth_dt")
    return born.with_columns(_born=first_possible_day("_birth"))


def _deaths(seen: Seen) -> pl.LazyFrame:
    """Each patient's death: of several the last, so that what is dated after it contradicts all of them."""
    deaths = seen.forms["death"].with_columns(_died=last_possible_day("death_dt"))
    last = pl.all().sort_by("_died").last()
    return deaths.select("patient_id", "_died", _death="death_dt").group_by("patient_id").agg(last)


def _early(seen: Seen) -> pl.LazyFrame:
    before_birth = _each_date(
        lambda first, last: last < pl.col("_born"),
        "born {}",
        "_birth",
        of_patient=_births,
        forms=("on_study",),  # it has the dates that may lie before 1995
        but=("birth_dt",),
    )
    too_early = _each_date(
        lambda first, last: (last < EARLIEST) | (last < pl.col("_born")),
        "born {}",
        "_birth",
        of_patient=_births,
        but=_BEFORE_THE_STUDY,
    )
    return pl.concat([before_birth(seen), too_early(seen)])


# Logs and missing forms ----------------------------------------------------------------------------------


def _log_of_forms(breaks: Callable[[dt.date], pl.Expr], words: str) -> Find:
    def find(seen: Seen) -> pl.LazyFrame:
        row = pl.concat_str("patient_id", "form_code", "visit", separator="/")
        return (
            seen.forms["form_log"]
            .filter(breaks(seen.date))
            .select(
                FORM=pl.lit("form_log"),
                RECORD=row,
                VERSION=pl.lit(None, pl.Int64),
                PATIENT="patient_id",
                SITE="site_code",
                COLUMN=pl.lit("received_dt"),
                FOUND=told(words, "form_code", "visit", "due_dt", "received_dt"),
            )
        )

    return find


def _log_of_queries(seen: Seen) -> pl.LazyFrame:
    open_days = (seen.date - pl.col("opened_dt")).dt.total_days()
    slow = pl.col("closed_dt").is_null() & (open_days > SLOW_QUERY)
    return (
        seen.forms["query_log"]
        .with_columns(_days=open_days)
        .filter(slow | ~pl.col("check_id").str.contains(CHECK_ID))
        .select(
            FORM=pl.lit("query_log"),
            RECORD="query_id",
            VERSION=pl.lit(None, pl.Int64),
            PATIENT="patient_id",
            SITE="site_code",
            COLUMN=pl.lit(None, pl.String),
            FOUND=told(
                "{} of check {}, {} days old, closed {}", "query_id", "check_id", "_days", "closed_dt"
            ),
        )
    )


def _without(rows: pl.LazyFrame, records: pl.LazyFrame, form: str, words: str) -> pl.LazyFrame:
    """The patients of `rows` that have none of the `records`, of which `form` is missed."""
    return rows.join(records, on="patient_id", how="anti").select(
        FORM=pl.lit(form),
        RECORD=pl.lit(None, pl.String),
        VERSION=pl.lit(None, pl.Int64),
        PATIENT="patient_id",
        SITE="site_code",
        COLUMN=pl.lit(None, pl.String),
        FOUND=told(words, "patient_id", "_since"),
    )


def _for_days(seen: Seen, days: int) -> pl.Expr:
    return pl.col("_since") <= seen.date - dt.timedelta(days)


def _minimum_set(seen: Seen) -> pl.LazyFrame:
    """A form is missed once it is late, a first contact a year after randomisation."""
    forms = seen.forms
    registered = _registered(seen).with_columns(_since="registration_dt").filter(_for_days(seen, LATE))
    randomised = forms["randomization"].with_columns(_since="randomization_dt").filter(_for_days(seen, LATE))
    a_year = randomised.filter(_for_days(seen, FIRST_CONTACT))
    contacts = pl.concat([forms[form].select("patient_id") for form in ("follow_up", "death")])
    day100 = forms["disease_assessment"].filter(pl.col("visit") == "DAY100")
    at_registration, at_random = "patient {}, registered {}, has no ", "patient {}, randomised {}, has no "
    return pl.concat(
        [
            _without(registered, forms["on_study"], "on_study", at_registration + "on-study form"),
            _without(randomised, forms["transplant"], "transplant", at_random + "transplant form"),
            _without(randomised, day100, "disease_assessment", at_random + "assessment at day 100"),
            _without(a_year, contacts, "follow_up", at_random + "follow-up form and no death form"),
        ]
    )


def _not_assessed(seen: Seen) -> pl.LazyFrame:
    randomised = seen.forms["randomization"].with_columns(_since="randomization_dt")
    evaluable = ~pl.col("response_site").is_in(["NE", "UNK"])
    assessed = (
        seen.forms["disease_assessment"]
        .filter(evaluable)
        .join(randomised.select("patient_id", "_since"), on="patient_id")
        .filter(last_possible_day("assess_dt") > pl.col("_since"))
    )
    words = "patient {} has no evaluable assessment since randomisation on {}"
    return _without(randomised, assessed, "disease_assessment", words)


# The checks ----------------------------------------------------------------------------------------------

_DOOR = _door()
_ALL = ("ALL",)


def _check(
    id: str,
    rule: str,
    severity: Literal["reject", "query", "warn"],
    ask: str,
    find: Find | None = None,
    forms: tuple[str, ...] = _ALL,
) -> EditCheck:
    named = tuple(FORMS) if forms == _ALL else forms
    return EditCheck(id, named, rule, severity, ask, find, _DOOR.get(id, ()))


DOOR: tuple[EditCheck, ...] = (
    _check(
        "EC001",
        "the patient identifier has six digits, the first no 0, and is registered",
        "reject",
        "This patient is not registered. Please check the patient identifier on the form.",
        _each(_not_registered, [form for form in RECORD_FORMS if form != "registration"]),
    ),
    _check(
        "EC002",
        "one current registration per patient; the first received counts, a later one is set aside",
        "reject",
        "This patient is registered already. Please say which registration is right and delete the other.",
        _registered_twice,
        ("registration",),
    ),
    _check(
        "EC003",
        "no two patients of one site have the same birth date, sex and date of diagnosis",
        "query",
        "Two patients look like the same person. Please confirm that they are not.",
        _same_person,
        ("registration", "on_study"),
    ),
    _check(
        "EC004",
        "the form code is that of the file, and the study identifier that of the study",
        "reject",
        "The row is in the wrong file. Please send it with its own form.",
    ),
    _check(
        "EC005",
        "the file has every column, spelled as specified, and no other, and each of its records can be read",
        "reject",
        "The file cannot be read as this form. Please send it again.",
    ),
    _check(
        "EC006",
        "a required item is not blank; missing codes only where the item lists them",
        "query",
        "A required item is blank. Please fill it in.",
    ),
    _check(
        "EC007",
        "a coded item holds a code of its list, or has the form asked for",
        "query",
        "The code is not one of those allowed. Please correct it.",
    ),
    _check(
        "EC008",
        "a numeric item is a number, and not below what can be counted or measured",
        "query",
        "The value is not a possible number. Please correct it.",
    ),
    _check(
        "EC009",
        "a missing code is not read as a number: -1 only where the item lists it",
        "reject",
        "The item does not allow this missing code. Please give the value or leave it blank.",
    ),
    _check(
        "EC010",
        "a record's identifier and version are readable and come once",
        "reject",
        "The same version of a record was sent twice. Please send a correction as a new version.",
    ),
    _check(
        "EC011",
        "versions of a record run from 1 without gaps, and version 1 is not AMENDED",
        "query",
        "A version of this record is missing or wrongly numbered. Please send it or explain.",
        _each(_versions),
    ),
    _check(
        "EC012",
        "of each record one version is current",
        "warn",
        "No question to the site.",
        _each(_two_current),
    ),
    _check(
        "EC013",
        "no two records hold the same content",
        "query",
        "The record repeats another. Please delete one of them or say that both are right.",
        _each(_same_content),
    ),
    _check(
        "EC014",
        "a date is written as the forms' date grammar says; no two-digit year, no impossible day",
        "query",
        "The date cannot be read. Please give it as YYYY-MM-DD, as far as it is known.",
    ),
    _check(
        "EC015",
        "no event is dated after the form was received",
        "query",
        "The date lies after the receipt of the form. Please correct it.",
        _each_date(lambda first, last: first > pl.col("received_dt"), "received {}", "received_dt"),
    ),
    _check(
        "EC016",
        "a form is completed on or before the day it is received",
        "query",
        "The form is dated after its receipt. Please correct the date of completion.",
        _each(_completed_after_receipt),
    ),
    _check(
        "EC017",
        "a form is received by the date of the transfer that brings it",
        "warn",
        "No question to the site: what is received after a cut-off is set aside there.",
        _each(_received_after_transfer),
    ),
    _check(
        "EC018",
        "no event is dated after the day of the data",
        "query",
        "The event is dated after the data were closed. Please correct the date.",
        _each_date(lambda first, last: first > pl.col("_seen"), "data of {}", "_seen"),
    ),
    _check(
        "EC019",
        f"no event before the patient's birth, nor before {EARLIEST} (but diagnosis and prior cancer)",
        "query",
        "The date is too early to be right. Please correct it.",
        _early,
    ),
    _check(
        "EC020",
        "no event after the patient's death",
        "query",
        "The event is dated after the patient's death. Please correct one of the dates.",
        _each_date(
            lambda first, last: first > pl.col("_died"),
            "death {}",
            "_death",
            of_patient=_deaths,
            forms=[form for form in RECORD_FORMS if form not in _AFTER_DEATH],
        ),
    ),
    _check(
        "EC021",
        "the institution code is that of a site of the study",
        "reject",
        "The institution is not a site of this study. Please correct its code.",
        _each(_site_unknown),
    ),
    _check(
        "EC022",
        "all forms of a patient come from the site that registered the patient",
        "warn",
        "No question to the site.",
        _each(_other_site),
    ),
    _check(
        "EC023",
        f"no form is overdue: {OVERDUE} days past its due date and not received",
        "warn",
        "No question to the site: overdue forms are listed by site.",
        _log_of_forms(
            lambda date: pl.col("received_dt").is_null() & (pl.col("due_dt") < date - dt.timedelta(OVERDUE)),
            "{} of {}, due {}, received {}",
        ),
        ("form_log",),
    ),
    _check(
        "EC024",
        f"no form comes more than {LATE} days after its due date",
        "warn",
        "No question to the site: late forms are listed by site.",
        _log_of_forms(
            lambda _: pl.col("received_dt") > pl.col("due_dt").dt.offset_by(f"{LATE}d"),
            "{} of {}, due {}, received {}",
        ),
        ("form_log",),
    ),
    _check(
        "EC060",
        "no form names a treatment before the study is unblinded, but for earlier and later therapy",
        "reject",
        "The form may tell who gets which treatment. Please send it again without these words.",
    ),
    _check(
        "EC061",
        "no form has a column that may tell the treatment",
        "reject",
        "The file has a column that may tell who gets which treatment. Please send it again without it.",
    ),
    _check(
        "EC141",
        f"{LATE} days after registration there is an on-study form, {LATE} days after randomisation a "
        f"transplant and an assessment at day 100, and {FIRST_CONTACT} days after it a contact or death",
        "query",
        "A form that every patient must have has not been received. Please send it.",
        _minimum_set,
        (
            "registration",
            "on_study",
            "transplant",
            "randomization",
            "disease_assessment",
            "follow_up",
            "death",
        ),
    ),
    _check(
        "EC142",
        "a randomised patient has an evaluable assessment after randomisation, else time to progression is "
        "censored at randomisation",
        "warn",
        "No question to the site.",
        _not_assessed,
        ("disease_assessment", "randomization"),
    ),
    _check(
        "EC143",
        "free text holds no name, telephone number, medical record number or initials",
        "reject",
        "The form may tell who the patient is. Please send it again without these words.",
    ),
    _check(
        "EC144",
        f"no query of the data centre is open for more than {SLOW_QUERY} days, and each is of a known check",
        "warn",
        "No question to the site.",
        _log_of_queries,
        ("query_log",),
    ),
)
