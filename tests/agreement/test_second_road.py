"""ADSL, ADTTE and ADAE by two roads: the pipeline's derivation and the study's SQL scripts.

The invented patients have few days to choose from, most of them near the cut-off or shared by several
records, so that ties, partial dates and records beyond the cut-off are the rule. Faults are put into the
pipeline's road, and the other must notice. What does not belong here: what the right answer for a patient is
(`tests/spec`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.derive.adae import derive_adae
from pipeline.derive.adce import derive_adce
from pipeline.derive.adrs import derive_adrs
from pipeline.derive.adsl import derive_adsl
from pipeline.derive.adtte import derive_adtte
from pipeline.qc.compare import compare_datasets
from pipeline.qc.in_sql import derive_again
from pipeline.studies.calgb_100104.protocol import STUDY
from pipeline.study import CutOff, Frames, Study
from schemas.adam import ADTTE
from schemas.base import dtypes, failures
from schemas.sdtm import DOMAINS
from tests.layers import Run, accepted_forms, run_layers

CUT_OFF = STUDY.cut_offs[0]
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
    """A row with its date and columns, each a value, a list of values to choose from, or a strategy."""
    choices = {
        name: st.sampled_from(value) if isinstance(value, list) else value for name, value in columns.items()
    }
    drawn = {n: v if isinstance(v, st.SearchStrategy) else st.just(v) for n, v in choices.items()}
    return st.fixed_dictionaries({date: a_date(), **drawn})


def measured(*values: tuple[str, str, float]) -> st.SearchStrategy[dict[str, Any]]:
    """A baseline result as reported, its unit, and in standard units."""
    names = ("LBORRES", "LBORRESU", "LBSTRESN")
    visits = ["BASELINE", "BASELINE", "REG", "DAY100"]
    where = record("LBDTC", VISIT=visits, LBCAT=["LOCAL LABORATORY"] * 3 + ["DISEASE ASSESSMENT"])
    return st.tuples(where, st.sampled_from(values)).map(
        lambda both: both[0] | dict(zip(names, both[1], strict=True))
    )


def result_of(code: str, *values: tuple[str, str, float]) -> st.SearchStrategy[dict[str, Any]]:
    return measured(*values).map(lambda row: {**row, "LBTESTCD": code})


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
        | record("RSDTC", RSTESTCD="OVRLRESP", RSSTRESC=["CR", "sCR", "PR", "NE", "PD"], VISIT="DAY100")
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
        | record("DSSTDTC", DSDECOD=["CROSSOVER", "REGISTERED"], DSCAT="PROTOCOL MILESTONE")
        | record(
            "DSSTDTC",
            DSDECOD=["ADVERSE EVENT", "NEVER STARTED", "PROGRESSIVE DISEASE", "LOST TO FOLLOW-UP"],
            DSTERM="closed early",
            DSCAT="DISPOSITION EVENT",
            DSSCAT=["STUDY TREATMENT", "STUDY TREATMENT", "STUDY PARTICIPATION"],
            EPOCH=["BLINDED TREATMENT", "BLINDED TREATMENT", "OPEN LABEL TREATMENT"],
        ),
        most=3,
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
    "lb": some(
        record("LBDTC", LBSTAT=[None, "NOT DONE"])
        # 211.9 nmol/L is 2.5003 mg/L: at most the limit as reported, above it when converted.
        | result_of(
            "B2MICG",
            ("211.9", "nmol/L", 2.5003),
            ("2.5", "mg/L", 2.5),
            ("2.6", "mg/L", 2.6),
            (">5.5", "mg/L", 5.5),
        )
        | result_of(
            "B2MICG", ("3.4", "mg/L", 3.4), ("3.5", "mg/L", 3.5), (">2.5", "mg/L", 2.5), ("<1", "mg/L", 0.0)
        )
        | result_of("ALB", ("3.4", "g/dL", 3.4), ("3.5", "g/dL", 3.5))
        | result_of("CREAT", ("1.1", "mg/dL", 1.1)),
        most=4,
    ),
    "ex": some(
        record(
            "EXENDTC",
            EXSTDTC=a_date(),
            EXDOSE=[0.0, 5.0, 10.0, 10.0, 15.0, None],
            DAYSTKN=[0, 28, 28, 28, None],
            EPOCH=["BLINDED TREATMENT", "BLINDED TREATMENT", "OPEN LABEL TREATMENT"],
        ),
        most=3,
    ),
    "ae": some(
        record(
            "AESTDTC",
            AEENDTC=a_date(),
            AETERM="low",
            AEDECOD=["ANEMIA", "FATIGUE"],
            AEBODSYS=["BLOOD/BONE MARROW", "CONSTITUTIONAL SYMPTOMS"],
            AEREL=["UNRELATED", "UNLIKELY", "POSSIBLE", "DEFINITE", None],
            AETOXGR=["1", "3", "3", "4", None],
        ),
        most=4,
    ),
    "cm": some(
        record("CMSTDTC", CMCAT="SUBSEQUENT ANTI-MYELOMA")
        | record(
            "CMSTDTC",
            CMCAT="INDUCTION",
            CMDECOD=["BORTEZOMIB", "LENALIDOMIDE", "THALIDOMIDE", "DEXAMETHASONE", "DOXORUBICIN", None],
            REGIMEN=["RVD", "RVD", "RVD", None, "NOT DETERMINED"],
        ),
        most=4,
    ),
    "mh": st.tuples(
        some(record("MHSTDTC", MHCAT="DIAGNOSIS", MPROTTYP=["IGG KAPPA", "LAMBDA LC ONLY", None]), most=1),
        some(record("MHSTDTC", MHCAT="PRIOR CANCER"), most=1),
    ).map(lambda both: both[0] + both[1]),
    "ie": some(st.sampled_from([{"IEWAIVER": None}, {"IEWAIVER": "Y"}, {"IEWAIVER": "N"}]), most=1),
    "dv": some(st.just({"DVTERM": "late"}), most=1),
    "fa": some(
        record("FADTC", FAGRPID=["1", "2"], FACAT=["QUERY SET", "SCREENING"], FASTRESC=["Y", "N", "U", None]),
        most=3,
    ),
    "dd": some(st.just({"DDTESTCD": "PRCDTH", "DDSTRESC": "MYELOMA"}), most=1),
}


VISITS = [
    "2009-04-20",
    "2009-05-05",
    "2009-06-15",
    "2009-06-15",
    "2009-08-03",
    "2009-09-14",
    "2009-12-17",
    "2009-12-18",
]
MARKERS: dict[tuple[str, str], list[Any]] = {
    # around the limits: 25% and 0.5 g/dL, 1 g/dL from 5 g/dL, 200 mg, 10 mg/dL, 5% and 10 points of marrow
    ("MSPIKE", "SERUM"): [0.0, 0.0, 0.8, 0.8, 1.0, 1.25, 1.3, 1.6, 5.0, 6.2, None],
    ("MSPIKE", "URINE"): [0.0, 150.0, 350.0, 360.0, None, None],
    ("SIFE", "SERUM"): ["NEG", "NEG", "POS", "OLIGO", None],
    ("UIFE", "URINE"): ["NEG", "POS", None, None],
    ("KLCFR", "SERUM"): [1.0, 2.0, 12.0, 14.0, None],
    ("LLCFR", "SERUM"): [1.0, 1.0, None],
    ("PLSCECE", "BONE MARROW"): [2.0, 4.0, 6.0, 11.0, 16.0, None, None, None, None],
    ("ALB", "SERUM"): [3.5, 4.0, None],
    ("CA", "SERUM"): [9.0, 9.0, 9.0, 11.4, 11.6, None],
}
SHOWN = ["NONE", "STABLE", "STABLE", None, None, None, None, "NEW"]


@st.composite
def assessments(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of RS and LB of a series of disease assessments, perhaps with the restaging at day 100."""
    rs, lb = [], []
    # Two forms of a day that contradict each other have no rule.
    days = sorted(draw(st.lists(st.sampled_from(VISITS), min_size=2, max_size=6, unique=True)))
    restaged = draw(st.booleans())
    for number, day in enumerate(days):
        form = {"VISIT": "DAY100" if restaged and number == 0 else "M3"}
        spid = f"DISASSESS-DA-{number:06d}-1"
        response = draw(st.sampled_from(["CR", "PR", "SD"]))
        for test, result in (
            ("OVRLRESP", response),
            ("BONELES", draw(st.sampled_from(SHOWN))),
            ("PLASMA", draw(st.sampled_from(SHOWN))),
        ):
            about = {"RSSPID": spid, "RSGRPID": str(number), "RSCAT": "DISEASE ASSESSMENT", "RSDTC": day}
            rs.append(form | about | {"RSTESTCD": test, "RSSTRESC": result})
        for (test, specimen), results in MARKERS.items():
            result = draw(st.sampled_from(results))
            row = form | {"LBSPID": spid, "LBTESTCD": test, "LBSPEC": specimen, "LBCAT": "DISEASE ASSESSMENT"}
            row |= {"LBDTC": day, "LBSTAT": None if result is not None else "NOT DONE"}
            number_or_none = result if isinstance(result, float) else None
            lb.append(row | {"LBSTRESN": number_or_none, "LBSTRESC": None if result is None else str(result)})
            if test == "CA":
                lb[-1]["CAOTHER"] = draw(st.sampled_from([None, "N", "Y"]))
    return rs, lb


@st.composite
def a_patient(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """The records of one patient by domain, in the order that gives --SEQ.

    Some patients were never randomised, of some the transplant form is not in yet.
    """
    records = {domain: draw(rows) for domain, rows in RECORDS.items()}
    transplant = draw(st.sampled_from(TRANSPLANT))
    records["pr"] = [{"PRSTDTC": transplant}] if transplant else []
    series = draw(st.booleans())
    if series:
        rs, lb = draw(assessments())
        reported = [row for row in records["rs"] if row["RSTESTCD"] != "OVRLRESP"]
        records["rs"], records["lb"] = reported + rs, records["lb"] + lb
    if draw(st.booleans()):
        # Assessed once or twice, then crossover, new therapy or a late death: what limits an endpoint.
        assessed = draw(
            st.lists(st.sampled_from(["2009-05-05", "2009-06-15", "2009-09-14"]), min_size=1, max_size=2)
        )
        if not series:  # its forms hold every marker
            records["rs"] += [
                {"RSTESTCD": "OVRLRESP", "RSSTRESC": "PR", "RSDTC": day, "RSSPID": f"DISASSESS-DA-9{n:05d}-1"}
                for n, day in enumerate(assessed)
            ]
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
        day = draw(st.sampled_from(RANDOMISATION))
        randomised = {"DSDECOD": "RANDOMIZED", "DSCAT": "PROTOCOL MILESTONE", "DSSTDTC": day}
        place = draw(st.integers(0, len(records["ds"])))
        records["ds"] = [*records["ds"][:place], randomised, *records["ds"][place:]]
    return records


def tabulated(patients: list[dict[str, list[dict[str, Any]]]]) -> dict[str, pl.DataFrame]:
    """The patients as tabulation domains of the declared columns; what no record gives is null."""
    rows: dict[str, list[dict[str, Any]]] = {domain: [] for domain in DOMAINS}
    for number, records in enumerate(patients, start=1):
        subject = {"STUDYID": STUDY.id, "CUTOFF": CUT_OFF.date, "USUBJID": f"P{number:03d}"}
        randomised = any(row["DSDECOD"] == "RANDOMIZED" for row in records["ds"])
        arm = ("LENALIDOMIDE" if number % 2 else "PLACEBO") if randomised else "NOT ASSIGNED"
        rows["dm"].append(
            {**subject, "SUBJID": f"{number:03d}", "ARM": arm, "ACTARM": arm, "RFICDTC": DAYS[0]}
        )
        for domain, own in records.items():
            sequence = f"{domain.upper()}SEQ"
            numbered = [{**subject, sequence: n, **row} for n, row in enumerate(own, start=1)]
            rows[domain] += reversed(numbered)  # the answer must not depend on the order of rows
    return {domain: pl.DataFrame(rows[domain], schema=dtypes(model)) for domain, model in DOMAINS.items()}


def derived(sdtm: Frames, cut_off: CutOff, study: Study = STUDY) -> dict[str, pl.DataFrame]:
    """The analysis datasets by the pipeline's own road."""
    adsl = derive_adsl(study, sdtm, cut_off)
    adam = {
        "adsl": adsl,
        "adrs": derive_adrs(study, sdtm, adsl, cut_off),
        "adce": derive_adce(study, sdtm, adsl, cut_off),
        "adae": derive_adae(study, sdtm, adsl, cut_off),
    }
    return adam | {"adtte": derive_adtte(study, {**sdtm, **adam}, adsl, cut_off)}


def apart(sdtm: Frames, adam: Frames, cut_off: CutOff) -> pl.DataFrame:
    """The cells in which the roads differ."""
    theirs = derive_again(STUDY, {name: sdtm[name] for name in DOMAINS}, cut_off)
    return compare_datasets(STUDY, cut_off, adam, theirs).filter(
        pl.col("AGREES") == "N", pl.col("CELL") != ""
    )


def assert_agree(sdtm: Frames, adam: Frames, cut_off: CutOff) -> None:
    found = apart(sdtm, adam, cut_off).select("SOURCE", "ITEM", "CELL", "OURS", "THEIRS")
    assert found.is_empty(), f"ours and theirs differ:\n{found.head(20).rows()}"


# Without shrinking, which takes minutes here: the message names the cells that differ.
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(a_patient(), min_size=8, max_size=16))
def test_the_two_roads_agree_on_invented_patients(patients: list[dict[str, list[dict[str, Any]]]]) -> None:
    sdtm = tabulated(patients)
    adam = derived(sdtm, CUT_OFF)
    assert_agree(sdtm, adam, CUT_OFF)
    assert failures(ADTTE, adam["adtte"]).is_empty()


@pytest.fixture(scope="module")
def shipped(repository: Path) -> dict[str, Run]:
    forms = accepted_forms(STUDY, repository / "raw" / STUDY.name)
    return {cut_off.id: run_layers(STUDY, forms, cut_off) for cut_off in STUDY.cut_offs}


def test_the_two_roads_agree_on_the_shipped_trial(shipped: dict[str, Run]) -> None:
    for cut_off in STUDY.cut_offs:
        run = shipped[cut_off.id]
        assert run.adam["adtte"].get_column("USUBJID").n_unique() == 460  # randomised (the paper's abstract)
        assert_agree(run.sdtm, run.adam, cut_off)


def _origin(study: Study) -> Study:
    """Survival from randomisation instead of transplantation."""
    return replace(study, endpoints=tuple(replace(e, start="RANDDT") for e in study.endpoints))


def _deaths_forgotten(study: Study) -> Study:
    """Death without progression is no event of TTP."""
    return replace(
        study,
        endpoints=tuple(
            replace(e, events=e.events[:1]) if e.paramcd == "TTP" else e for e in study.endpoints
        ),
    )


FAULTY_STUDIES = {"STARTDT": _origin, "ADT": _deaths_forgotten}


@pytest.mark.parametrize("variable", FAULTY_STUDIES)
def test_a_fault_in_an_endpoint_is_seen(shipped: dict[str, Run], variable: str) -> None:
    run = shipped[CUT_OFF.id]
    faulty = derive_adtte(
        FAULTY_STUDIES[variable](STUDY), {**run.sdtm, **run.adam}, run.adam["adsl"], CUT_OFF
    )
    found = apart(run.sdtm, run.adam | {"adtte": faulty}, CUT_OFF)
    assert variable in found.filter(SOURCE="ADTTE")["ITEM"].unique()


FAULTY_CELLS = {
    # another limit, another date, an event that is coded 1, the first event instead of the worst
    ("adsl", "B2MGR1"): pl.when(pl.col("B2MBL") > 2.6)
    .then(pl.lit(">2.5"))
    .when(pl.col("B2MBL") > 0)
    .then(pl.lit("<=2.5")),
    ("adsl", "DTHDT"): pl.col("DTHDT").fill_null(pl.col("LSTALVDT")),
    ("adsl", "XOELFL"): pl.lit("N"),
    ("adtte", "CNSR"): 1 - pl.col("CNSR"),
    ("adae", "TRTEMFL"): pl.lit("Y"),
    ("adae", "AOCCIFL"): pl.when(pl.int_range(pl.len()).over("USUBJID") == 0).then(pl.lit("Y")),
    ("adae", "APERIOD"): pl.lit(1),
}


@pytest.mark.parametrize(("dataset", "variable"), FAULTY_CELLS)
def test_a_fault_in_a_variable_is_seen(shipped: dict[str, Run], dataset: str, variable: str) -> None:
    run = shipped[STUDY.cut_offs[1].id]
    frame = run.adam[dataset]
    faulty = frame.with_columns(FAULTY_CELLS[dataset, variable].cast(frame.schema[variable]).alias(variable))
    changed = (faulty[variable].ne_missing(frame[variable])).sum()
    found = apart(run.sdtm, run.adam | {dataset: faulty}, STUDY.cut_offs[1])
    assert changed > 0
    assert found["ITEM"].unique().to_list() == [variable]
    assert len(found) == changed


def test_a_row_too_many_and_a_row_too_few_are_seen(shipped: dict[str, Run]) -> None:
    run = shipped[CUT_OFF.id]
    found = apart(run.sdtm, run.adam | {"adae": run.adam["adae"][1:]}, CUT_OFF)
    assert found.select("ITEM", "OURS", "THEIRS").rows() == [("ROWS", None, "a row")]
    more = pl.concat([run.adam["adae"], run.adam["adae"][:1].with_columns(AESEQ=pl.lit(999, pl.Int64))])
    found = apart(run.sdtm, run.adam | {"adae": more}, CUT_OFF)
    assert found.select("ITEM", "OURS", "THEIRS").rows() == [("ROWS", "a row", None)]
