"""ADTTE by two roads: the pipeline's engine and `adtte.sql`, on invented patients.

The patients have few days to choose from, most of them near the cut-off or shared by several records, so
that ties, partial dates and records beyond the cut-off are the rule. What does not belong here: what the
right answer for a patient is (`tests/spec`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.derive.adce import derive_adce
from pipeline.derive.adrs import derive_adrs
from pipeline.derive.adsl import derive_adsl
from pipeline.derive.adtte import derive_adtte
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import CutOff, Frames
from schemas.adam import ADTTE
from schemas.base import dtypes, failures
from schemas.sdtm import DOMAINS
from tests.layers import accepted_forms, run_layers

SQL = (Path(__file__).parent / "adtte.sql").read_text()
READ_BY_SQL = ("ds", "rs", "ce", "ss", "lb", "ex", "ae", "cm", "pr")
CUT_OFF = CutOff(dt.date(2009, 12, 17), "Unblinding")
COMPARED = [
    "USUBJID", "PARAMCD", "STARTDT", "ADT", "ADTF", "AVAL", "CNSR", "EVNTDESC", "CNSDTDSC", "SRCDOM",
    "SRCVAR", "SRCSEQ",
]  # fmt: skip

TRANSPLANT = ["2009-01-05", "2009-01-05", "2009-02-10", None]
RANDOMISATION = ["2009-05-04", "2009-05-04", "2009-05-05"]
# Around randomisation and the cut-off, and 90 and 91 days after 15 June (leukaemia after a syndrome).
DAYS = [
    "2009-01-05", "2009-05-03", "2009-05-04", "2009-05-05", "2009-06-15", "2009-09-13", "2009-09-14",
    "2009-12-16", "2009-12-17", "2009-12-18",
]  # fmt: skip
PRECISION = {"day": slice(10), "month": slice(7), "year": slice(4), "nothing": None, "year and day": None}


@st.composite
def a_date(draw: st.DrawFn) -> str | None:
    """A --DTC: mostly complete, else without its day, month, both, or anything."""
    day = draw(st.sampled_from(DAYS))
    known = draw(st.sampled_from(["day"] * 8 + ["month"] * 3 + ["year", "year and day", "nothing"]))
    match known:
        case "nothing":
            return None
        case "year and day":
            return f"{day[:4]}---{day[8:]}"
        case _:
            return day[PRECISION[known]]


def some(kind: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(kind, max_size=most)


def record(date: str, **columns: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A row with its date and columns, each a value or a list of values to choose from."""
    choices = {
        name: st.sampled_from(value) if isinstance(value, list) else st.just(value)
        for name, value in columns.items()
    }
    return st.fixed_dictionaries({date: a_date(), **choices})


RECORDS: dict[str, st.SearchStrategy[list[dict[str, Any]]]] = {
    "rs": some(
        record("RSDTC", RSTESTCD="OVRLRESP", RSSTRESC=["CR", "PR", "SD", "PD", "NE", "sCR", None])
        | record("RSDTC", RSTESTCD="PROGRESS", RSSTRESC="PD", RSCAT="FOLLOW-UP REPORT")
        | record(
            "RSDTC",
            RSTESTCD="PROGRESS",
            RSSTRESC="PD",
            RSCAT="EBMT BLADE 1998",
            PDBASIS=["SERUM", "BONE", "MARROW;CLINICAL", None],
        )
        | record("RSDTC", RSTESTCD="ECOG101", RSSTRESC="1"),
        most=5,
    ),
    "ds": some(
        record(
            "DSSTDTC",
            DSDECOD="DEATH",
            DSCAT="DISPOSITION EVENT",
            DSSCAT=[*["STUDY PARTICIPATION"] * 3, "STUDY TREATMENT"],
        )
        | record("DSSTDTC", DSDECOD=["CROSSOVER", "REGISTERED"], DSCAT="PROTOCOL MILESTONE"),
        most=2,
    ),
    "ce": some(
        record(
            "CESTDTC",
            CESCAT=["HEMATOLOGIC", "HEMATOLOGIC", "SOLID", "NMSC_BCC", "UNK"],
            SPMGRP=["AML", "MDS", "OTHER", None],
            INVASIVE=["Y", "Y", "Y", "N", "U"],
        ),
        most=3,
    ),
    "ss": some(record("SSDTC", SSSTRESC=["ALIVE", "ALIVE", "DEAD", "UNKNOWN"]), most=2),
    "lb": some(record("LBDTC", LBSTAT=[None, "NOT DONE"]), most=1),
    "ex": some(record("EXENDTC", DAYSTKN=[0, 28]), most=1),
    "ae": some(record("AESTDTC"), most=1),
    "cm": some(record("CMSTDTC", CMCAT=["SUBSEQUENT ANTI-MYELOMA", "INDUCTION"]), most=2),
}


@st.composite
def a_patient(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """The records of one patient by domain, in the order that gives --SEQ.

    Some patients were never randomised, of some the transplant form is not in yet.
    """
    records = {domain: draw(rows) for domain, rows in RECORDS.items()}
    transplant = draw(st.sampled_from(TRANSPLANT))
    records["pr"] = [{"PRSTDTC": transplant}] if transplant else []
    if draw(st.booleans()):
        # Assessed once or twice, then crossover, new therapy or a late death: what limits an endpoint.
        assessed = draw(
            st.lists(st.sampled_from(["2009-05-05", "2009-06-15", "2009-09-14"]), min_size=1, max_size=2)
        )
        records["rs"] += [{"RSTESTCD": "OVRLRESP", "RSSTRESC": "PR", "RSDTC": day} for day in assessed]
        day = draw(
            st.sampled_from(["2009-09-14", "2009-12-01", "2009-12-02"])
        )  # 210 and 211 days after 5 May
        match draw(st.sampled_from(["crossover", "therapy", "death"])):
            case "crossover":
                milestone = {"DSDECOD": "CROSSOVER", "DSCAT": "PROTOCOL MILESTONE", "DSSTDTC": day}
                records["ds"].append(milestone)
            case "therapy":
                records["cm"].append({"CMCAT": "SUBSEQUENT ANTI-MYELOMA", "CMSTDTC": day})
            case "death":
                death = {"DSDECOD": "DEATH", "DSCAT": "DISPOSITION EVENT", "DSSTDTC": day}
                records["ds"].append(death)
    if draw(st.integers(0, 9)):
        randomised = {"DSDECOD": "RANDOMIZED", "DSSTDTC": draw(st.sampled_from(RANDOMISATION))}
        place = draw(st.integers(0, len(records["ds"])))
        records["ds"] = [*records["ds"][:place], randomised, *records["ds"][place:]]
    return records


def tabulated(patients: list[dict[str, list[dict[str, Any]]]]) -> dict[str, pl.DataFrame]:
    """The patients as tabulation domains of the declared columns; what no record gives is null."""
    rows: dict[str, list[dict[str, Any]]] = {domain: [] for domain in DOMAINS}
    for number, records in enumerate(patients, start=1):
        subject = {"STUDYID": STUDY.id, "CUTOFF": CUT_OFF.date, "USUBJID": f"P{number:03d}"}
        rows["dm"].append({**subject, "SUBJID": f"{number:03d}", "ARM": "BLINDED", "ACTARM": "BLINDED"})
        for domain, own in records.items():
            sequence = f"{domain.upper()}SEQ"
            numbered = [{**subject, sequence: n, **row} for n, row in enumerate(own, start=1)]
            rows[domain] += reversed(numbered)  # the answer must not depend on the order of rows
    return {domain: pl.DataFrame(rows[domain], schema=dtypes(model)) for domain, model in DOMAINS.items()}


def by_sql(sdtm: Frames, adsl: pl.DataFrame, adrs: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    given = {
        "adsl": adsl,
        "by_markers": adrs.filter(pl.col("PARAMCD").is_in(["PDEBMT", "PDIMWG"])),
        "run": pl.DataFrame({"CUTOFF": [cut_off.date]}),
    }
    with duckdb.connect() as connection:
        for name, frame in {**{domain: sdtm[domain] for domain in READ_BY_SQL}, **given}.items():
            connection.register(name, frame)
        return connection.execute(SQL).pl()


def assert_agree(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """The same rows, in every variable that is compared."""
    roads = {
        road: rows.select(pl.col(c).cast(dtypes(ADTTE)[c]) for c in COMPARED)
        for road, rows in (("engine", first), ("sql", second))
    }
    apart = pl.concat(
        roads[one]
        .join(roads[other], on=COMPARED, how="anti", nulls_equal=True)
        .with_columns(ROAD=pl.lit(one))
        for one, other in (("engine", "sql"), ("sql", "engine"))
    )
    assert apart.is_empty(), f"only one road has:\n{apart.sort('USUBJID', 'PARAMCD').to_dicts()}"
    assert len(first) == len(second)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(a_patient(), min_size=4, max_size=10))
def test_the_two_roads_agree_on_invented_patients(patients: list[dict[str, list[dict[str, Any]]]]) -> None:
    sdtm = tabulated(patients)
    adsl = derive_adsl(STUDY, sdtm, CUT_OFF)
    adrs = derive_adrs(STUDY, sdtm, adsl, CUT_OFF)
    adce = derive_adce(STUDY, sdtm, adsl, CUT_OFF)
    engine = derive_adtte(STUDY, {**sdtm, "adrs": adrs, "adce": adce}, adsl, CUT_OFF)
    assert_agree(engine, by_sql(sdtm, adsl, adrs, CUT_OFF))
    assert failures(ADTTE, engine).is_empty()


def test_the_two_roads_agree_on_the_shipped_trial(repository: Path) -> None:
    forms = accepted_forms(STUDY, repository / "raw" / STUDY.name)
    for cut_off in STUDY.cut_offs:
        run = run_layers(STUDY, forms, cut_off)
        assert run.adam["adtte"].get_column("USUBJID").n_unique() == 460  # randomised (the paper's abstract)
        assert_agree(run.adam["adtte"], by_sql(run.sdtm, run.adam["adsl"], run.adam["adrs"], cut_off))
