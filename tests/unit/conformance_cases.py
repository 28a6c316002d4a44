# ruff: noqa: E501 -- drawn tables are as wide as their datasets
"""A small study that holds to every conformance rule, and for each rule the change that breaks it.

`STUDY` is the good twin of every case: a case is that study with one thing changed. A new rule needs what it
looks at in the study, and a change in `CASES`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import polars as pl

from pipeline.conformance.datasets import Dataset, Variable, dataset
from pipeline.conformance.names import standard_label
from tests.tables import cells


@dataclass(frozen=True)
class Draft:
    """A dataset that can still be changed: rows, its label, what differs of its variables' metadata."""

    frame: pl.DataFrame
    label: str
    labels: dict[str, str] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    codelists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    structure: str | None = None

    def made(self, name: str) -> Dataset:
        """The dataset that rules are asked of."""
        return dataset(
            name,
            self.frame,
            label=self.label,
            variables=[
                Variable(
                    n,
                    self.labels.get(n, label_of(n)),
                    self.formats.get(n, "DATE9." if dtype == pl.Date else ""),
                    self.codelists.get(n, ()),
                )
                for n, dtype in self.frame.schema.items()
            ],
            structure=self.structure,
        )


Study = dict[str, Draft]
Change = Callable[[Study], None]

NUMBERS = {
    "AGE", "AGEGR1N", "EXDOSE", "EXSTDY", "EXENDY", "AESTDY", "AEENDY", "DSSTDY", "SSDY", "DDDY", "MHSTDY",
    "LBDY", "TUDY", "TRDY", "LBSTRESN", "LBORNRLO", "LBORNRHI", "LBSTNRLO", "LBSTNRHI", "TRSTRESN",
    "VISITNUM", "TAETORD", "TRT01PN", "TRT01AN", "TRTPN", "TRTAN", "RANDFN", "SAFFN", "PARAMN", "AVAL",
    "CNSR", "SRCSEQ", "AVISITN", "ADY", "AVALCA1N", "BASE", "CHG", "PCHG", "ABLFN", "ANL01FN", "ITTRFN",
    "APERIOD", "ASTDY", "AENDY", "ADURN", "ASEVN", "ATOXGRN", "AELLTCD", "AEPTCD", "AEHLTCD", "AEHLGTCD",
    "AEBDSYCD", "AESOCCD", "ASEQ",
}  # fmt: skip


def label_of(name: str) -> str:
    """The standard label, or one that says what a variable of such a name must say."""
    ends = {"DTF": "Date Imputation Flag", "DTM": "Datetime", "DT": "Date", "ADY": "Relative Day"}
    said = next((f"{name} {words}" for ending, words in ends.items() if name.endswith(ending)), None)
    return standard_label(name) or said or f"Label of {name}"


def drawn(label: str, text: str, domain: str | None = None) -> Draft:
    """A drawn table with STUDYID, and with DOMAIN where it is a domain."""
    header, rows = cells(text)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    typed = []
    for name in header:
        column = pl.col(name)
        if name.endswith("DT"):
            column = column.str.to_date("%Y-%m-%d")
        elif name.endswith("DTM"):
            column = column.str.to_datetime("%Y-%m-%dT%H:%M")
        elif name in NUMBERS or name.endswith("SEQ"):
            column = column.cast(pl.Float64)
        typed.append(column)
    before = {"STUDYID": pl.lit("X")} | ({"DOMAIN": pl.lit(domain)} if domain else {})
    return Draft(frame.select(**before, **dict(zip(header, typed, strict=True))), label)


def study() -> Study:
    """The study that holds to every rule, to be changed."""
    return dict(_study())


@cache
def _study() -> Study:
    made = {
        "DM": drawn(
            "Demographics",
            """
            USUBJID | SUBJID | RFSTDTC    | RFENDTC    | RFXSTDTC   | RFXENDTC   | RFICDTC    | RFPENDTC   | DTHDTC     | DTHFL | SITEID | AGE | AGEU  | SEX | RACE  | ARMCD | ARM     | ACTARMCD | ACTARM  | COUNTRY
            X-1     | 1      | 2020-01-10 | 2020-05-01 | 2020-01-10 | 2020-05-01 | 2020-01-02 | 2020-07-01 |            |       | 10     | 61  | YEARS | F   | WHITE | A     | DRUG A  | A        | DRUG A  | USA
            X-2     | 2      | 2020-02-01 | 2020-04-01 | 2020-02-01 | 2020-04-01 | 2020-01-20 | 2020-06-01 | 2020-06-01 | Y     | 10     | 55  | YEARS | M   | ASIAN | P     | PLACEBO | P        | PLACEBO | USA
            """,
            "DM",
        ),
        "EX": drawn(
            "Exposure",
            """
            USUBJID | EXSEQ | EXTRT   | EXDOSE | EXDOSU | EXDOSFRM | EPOCH     | EXSTDTC    | EXENDTC    | EXSTDY | EXENDY
            X-1     | 1     | DRUG A  | 10     | mg     | CAPSULE  | TREATMENT | 2020-01-10 | 2020-05-01 | 1      | 113
            X-2     | 1     | PLACEBO | 0      | mg     | CAPSULE  | TREATMENT | 2020-02-01 | 2020-04-01 | 1      | 61
            """,
            "EX",
        ),
        "AE": drawn(
            "Adverse Events",
            """
            USUBJID | AESEQ | AETERM   | AEDECOD        | AEBODSYS | AECAT   | AESCAT | AESER | AEACN            | AEREL | AEOUT              | AESEV    | AESTDTC    | AEENDTC    | AESTDY | AEENDY | AEENRTPT | AEENTPT    | AESTRTPT | AESTTPT
            X-1     | 1     | HEADACHE | Headache       | NERVOUS  | GENERAL | PAIN   | N     | DOSE NOT CHANGED | N     | RECOVERED/RESOLVED | MILD     | 2020-01-15 | 2020-01-20 | 6      | 11     |          |            |          |
            X-1     | 2     | COUGH    | Cough          | LUNG     | GENERAL |        | N     | DOSE NOT CHANGED | N     | UNKNOWN            | MODERATE | 2020-02    | 2020-03    |        |        | ONGOING  | 2020-07-01 | BEFORE   | 2020-03-01
            X-2     | 1     | RASH     | Rash           | SKIN     | GENERAL |        | N     | NOT APPLICABLE   | N     | RECOVERED/RESOLVED | MILD     | 2020-01-25 | 2020-01-26 | -7     | -6     |          |            |          |
            X-2     | 2     | ARREST   | Cardiac arrest | HEART    | GENERAL |        | Y     | NOT APPLICABLE   | N     | FATAL              | SEVERE   | 2020-06-01 | 2020-06-01 | 122    | 122    |          |            |          |
            """,
            "AE",
        ),
        "DS": drawn(
            "Disposition",
            """
            USUBJID | DSSEQ | DSTERM     | DSDECOD    | DSCAT              | EPOCH     | DSSTDTC    | DSSTDY
            X-1     | 1     | RANDOMIZED | RANDOMIZED | PROTOCOL MILESTONE | SCREENING | 2020-01-08 | -2
            X-1     | 2     | COMPLETED  | COMPLETED  | DISPOSITION EVENT  | TREATMENT | 2020-05-01 | 113
            X-2     | 1     | DEATH      | DEATH      | DISPOSITION EVENT  | TREATMENT | 2020-06-01 | 122
            """,
            "DS",
        ),
        "SS": drawn(
            "Subject Status",
            """
            USUBJID | SSSEQ | SSTESTCD | SSTEST          | SSORRES | SSSTRESC | SSDTC      | SSDY
            X-1     | 1     | SURVSTAT | Survival Status | ALIVE   | ALIVE    | 2020-07-01 | 174
            X-2     | 1     | SURVSTAT | Survival Status | DEAD    | DEAD     | 2020-06-01 | 122
            """,
            "SS",
        ),
        "DD": drawn(
            "Death Details",
            """
            USUBJID | DDSEQ | DDTESTCD | DDTEST                 | DDORRES | DDSTRESC | DDDTC      | DDDY
            X-2     | 1     | PRCDTH   | Primary Cause of Death | HEART   | HEART    | 2020-06-01 | 122
            """,
            "DD",
        ),
        "MH": drawn(
            "Medical History",
            """
            USUBJID | MHSEQ | MHTERM       | MHCAT   | MHSTDTC    | MHSTDY
            X-1     | 1     | HYPERTENSION | HISTORY | 2019-05    |
            X-2     | 1     | GOUT         | HISTORY | 2019-12-01 | -62
            """,
            "MH",
        ),
        "IE": drawn(
            "Inclusion/Exclusion Criteria Not Met",
            """
            USUBJID | IESEQ | IETESTCD | IETEST   | IECAT     | IEORRES | IESTRESC | EPOCH
            X-1     | 1     | I01      | Adult    | INCLUSION | N       | N        | SCREENING
            X-2     | 1     | E01      | Pregnant | EXCLUSION | Y       | Y        | SCREENING
            """,
            "IE",
        ),
        "LB": drawn(
            "Laboratory Test Results",
            """
            USUBJID | LBSEQ | LBTESTCD | LBTEST     | LBCAT      | LBSCAT | LBSPEC | LBORRES | LBORRESU | LBORNRLO | LBORNRHI | LBSTRESC | LBSTRESN | LBSTRESU | LBSTNRLO | LBSTNRHI | LBSTAT   | LBREASND | LBDRVFL | LBBLFL | VISITNUM | VISIT    | EPOCH     | LBDTC      | LBDY
            X-1     | 1     | HGB      | Hemoglobin | HEMATOLOGY | RED    | BLOOD  | 13.5    | g/dL     | 12       | 16       | 13.5     | 13.5     | g/dL     | 12       | 16       |          |          |         | Y      | 1        | BASELINE | SCREENING | 2020-01-09 | -1
            X-1     | 2     | HGB      | Hemoglobin | HEMATOLOGY | RED    | BLOOD  | 12.0    | g/dL     | 12       | 16       | 12.0     | 12.0     | g/dL     | 12       | 16       |          |          |         |        | 2        | WEEK 4   | TREATMENT | 2020-02-07 | 29
            X-2     | 1     | HGB      | Hemoglobin | HEMATOLOGY | RED    | BLOOD  |         |          |          |          |          |          |          |          |          | NOT DONE | LOST     |         |        | 2        | WEEK 4   | TREATMENT | 2020-02-29 | 29
            X-2     | 2     | ALB      | Albumin    | CHEMISTRY  |        | SERUM  |         |          |          |          | 40       | 40       | g/L      |          |          |          |          | Y       |        | 1        | BASELINE | SCREENING | 2020-01-31 | -1
            """,
            "LB",
        ),
        "TU": drawn(
            "Tumor Identification",
            """
            USUBJID | TUSEQ | TULNKID | TUTESTCD | TUTEST               | TUORRES | TUSTRESC | TUDTC      | TUDY
            X-1     | 1     | T1      | TUMIDENT | Tumor Identification | TARGET  | TARGET   | 2020-01-09 | -1
            """,
            "TU",
        ),
        "TR": drawn(
            "Tumor Results",
            """
            USUBJID | TRSEQ | TRLNKID | TRTESTCD | TRTEST           | TRORRES | TRORRESU | TRSTRESC | TRSTRESN | TRSTRESU | TRDTC      | TRDY
            X-1     | 1     | T1      | LDIAM    | Longest Diameter | 20      | mm       | 20       | 20       | mm       | 2020-01-09 | -1
            """,
            "TR",
        ),
        "TA": drawn(
            "Trial Arms",
            """
            ARMCD | ARM    | TAETORD | EPOCH
            A     | DRUG A | 1       | SCREENING
            A     | DRUG A | 2       | TREATMENT
            """,
            "TA",
        ),
        "RELREC": drawn(
            "Related Records",
            """
            RDOMAIN | USUBJID | IDVAR   | IDVARVAL | RELTYPE | RELID
            TU      | X-1     | TUSEQ   | 1        |         | R1
            TR      | X-1     | TRSEQ   | 1        |         | R1
            TU      |         | TULNKID |          | ONE     | R2
            TR      |         | TRLNKID |          | MANY    | R2
            """,
        ),
        "SUPPAE": drawn(
            "Supplemental Qualifiers for AE",
            """
            RDOMAIN | USUBJID | IDVAR | IDVARVAL | QNAM    | QLABEL             | QVAL | QORIG | QEVAL
            AE      | X-1     | AESEQ | 1        | AETRTEM | Treatment Emergent | Y    | CRF   | INVESTIGATOR
            """,
        ),
        "ADSL": drawn(
            "Subject-Level Analysis Dataset",
            """
            USUBJID | SUBJID | SITEID | AGE | AGEU  | AGEGR1 | AGEGR1N | SEX | RACE  | ARM     | ACTARM  | TRT01P  | TRT01PN | TRT01A  | TRT01AN | TRT02P | TRT02A | TR01SDT    | TR01EDT    | TR02SDT    | TR02EDT    | TRTSDT     | TRTEDT     | RANDFL | RANDFN | SAFFL | SAFFN | ITTFL | RANDDT     | DTHFL | DTHDT      | LSTALVDT   | EOSSTT
            X-1     | 1      | 10     | 61  | YEARS | OLD    | 2       | F   | WHITE | DRUG A  | DRUG A  | DRUG A  | 1       | DRUG A  | 1       | DRUG A | DRUG A | 2020-01-10 | 2020-03-01 | 2020-03-02 | 2020-05-01 | 2020-01-10 | 2020-05-01 | Y      | 1      | Y     | 1     | Y     | 2020-01-08 | N     |            | 2020-07-01 | COMPLETED
            X-2     | 2      | 10     | 55  | YEARS | YOUNG  | 1       | M   | ASIAN | PLACEBO | PLACEBO | PLACEBO | 2       | PLACEBO | 2       |        |        | 2020-02-01 | 2020-04-01 |            |            | 2020-02-01 | 2020-04-01 | Y      | 1      | Y     | 1     | Y     | 2020-01-30 | Y     | 2020-06-01 | 2020-05-20 | DISCONTINUED
            """,
        ),
        "ADTTE": drawn(
            "Time-to-Event Analysis Dataset",
            """
            USUBJID | ASEQ | TRTP    | TRTPN | TRTA    | TRTAN | TRT01P  | PARAM                   | PARAMCD | PARAMN | AVAL | STARTDT    | ADT        | CNSR | EVNTDESC | CNSDTDSC     | SRCDOM | SRCVAR  | SRCSEQ
            X-1     | 1    | DRUG A  | 1     | DRUG A  | 1     | DRUG A  | Overall Survival (Days) | OS      | 1      | 176  | 2020-01-08 | 2020-07-01 | 1    | ALIVE    | LAST CONTACT | SS     | SSDTC   | 1
            X-2     | 1    | PLACEBO | 2     | PLACEBO | 2     | PLACEBO | Overall Survival (Days) | OS      | 1      | 124  | 2020-01-30 | 2020-06-01 | 0    | DEATH    |              | DS     | DSSTDTC | 1
            """,
        ),
        "ADLB": drawn(
            "Laboratory Analysis Dataset",
            """
            USUBJID | ASEQ | TRTP   | PARAM      | PARAMCD | PARAMN | PARCAT1    | PARAMTYP | AVISIT   | AVISITN | ADT        | ADTM             | ATMF | ADY | AVAL | AVALC | AVALCAT1 | AVALCA1N | BASE | BASETYPE | CHG  | PCHG               | ABLFL | ABLFN | ANL01FL | ANL01FN | ITTRFL | ITTRFN | CRIT1    | CRIT1FL | ATOXGR | APERIOD | APERIODC | SRCDOM | SRCVAR   | SRCSEQ
            X-1     | 1    | DRUG A | Hemoglobin | HGB     | 1      | HEMATOLOGY | DERIVED  | Baseline | 0       | 2020-01-09 | 2020-01-09T08:00 | H    | -1  | 13.5 | 13.5  | HIGH     | 2        | 13.5 | LAST     | 0    | 0                  | Y     | 1     | Y       | 1       | Y      | 1      | HGB < 13 | N       | 0      | 1       | Period 1 | LB     | LBSTRESN | 1
            X-1     | 2    | DRUG A | Hemoglobin | HGB     | 1      | HEMATOLOGY | DERIVED  | Week 4   | 4       | 2020-02-07 | 2020-02-07T08:00 | H    | 29  | 12.0 | 12.0  | LOW      | 1        | 13.5 | LAST     | -1.5 | -11.11111111111111 |       |       | Y       | 1       | Y      | 1      | HGB < 13 | Y       | 1      | 1       | Period 1 | LB     | LBSTRESN | 2
            """,
        ),
        "ADAE": drawn(
            "Adverse Events Analysis Dataset",
            """
            USUBJID | AESEQ | AETERM   | AELLT | AELLTCD | AEDECOD        | AEPTCD | AEHLT | AEHLTCD | AEHLGT | AEHLGTCD | AEBODSYS | AEBDSYCD | AESOC   | AESOCCD | AESER | AESEV    | AESTDTC    | AEENDTC    | ASTDT      | ASTDTF | ASTDY | AENDT      | AENDTF | AENDY | ADURN | ADURU | TRTEMFL | PREFL | FUPFL | AOCCFL | AOCCSFL | AOCCPFL | AOCCIFL | ASEV     | ASEVN | ATOXGR | ATOXGRN | TRTA    | TRTAN
            X-1     | 1     | HEADACHE | Pain  | 1       | Headache       | 11     | H1    | 21      | G1     | 31       | NERVOUS  | 41       | NERVOUS | 41      | N     | MILD     | 2020-01-15 | 2020-01-20 | 2020-01-15 |        | 6     | 2020-01-20 |        | 11    | 6     | DAYS  | Y       |       |       | Y      | Y       | Y       |         | MILD     | 1     | 1      | 1       | DRUG A  | 1
            X-1     | 2     | COUGH    | Cough | 2       | Cough          | 12     | H2    | 22      | G2     | 32       | LUNG     | 42       | LUNG    | 42      | N     | MODERATE | 2020-02    | 2020-03    | 2020-02-01 | D      | 23    | 2020-03-31 | D      | 82    | 60    | DAYS  | Y       |       |       |        | Y       | Y       | Y       | MODERATE | 2     | 2      | 2       | DRUG A  | 1
            X-2     | 1     | RASH     | Rash  | 3       | Rash           | 13     | H3    | 23      | G3     | 33       | SKIN     | 43       | SKIN    | 43      | N     | MILD     | 2020-01-25 | 2020-01-26 | 2020-01-25 |        | -7    | 2020-01-26 |        | -6    | 2     | DAYS  |         | Y     |       | Y      | Y       | Y       |         | MILD     | 1     | 1      | 1       | PLACEBO | 2
            X-2     | 2     | ARREST   | Stop  | 4       | Cardiac arrest | 14     | H4    | 24      | G4     | 34       | HEART    | 44       | HEART   | 44      | Y     | SEVERE   | 2020-06-01 | 2020-06-01 | 2020-06-01 |        | 122   | 2020-06-01 |        | 122   | 1     | DAYS  | Y       |       | Y     |        | Y       | Y       | Y       | SEVERE   | 3     | 3      | 3       | PLACEBO | 2
            """,
        ),
    }  # fmt: skip
    made["DM"] = replace(made["DM"], codelists={"SEX": ("F", "M")})
    return made


def cell(name: str, row: int = 0, **values: Any) -> Change:
    """Other values in one row."""

    def change(study: Study) -> None:
        frame = study[name].frame
        here = pl.int_range(pl.len()) == row
        changed = []
        for variable, value in values.items():
            dtype = frame.schema[variable]
            if dtype == pl.Date and isinstance(value, str):
                value = dt.date.fromisoformat(value)
            changed.append(
                pl.when(here).then(pl.lit(value, dtype)).otherwise(pl.col(variable)).alias(variable)
            )
        study[name] = replace(study[name], frame=frame.with_columns(changed))

    return change


def column(name: str, **values: Any) -> Change:
    """New or replaced variables: an expression or a value for every row."""

    def change(study: Study) -> None:
        made = {k: v if isinstance(v, pl.Expr) else pl.lit(v) for k, v in values.items()}
        study[name] = replace(study[name], frame=study[name].frame.with_columns(**made))

    return change


def without(name: str, *variables: str) -> Change:
    """The dataset without some variables."""

    def change(study: Study) -> None:
        study[name] = replace(study[name], frame=study[name].frame.drop(variables))

    return change


def no(name: str) -> Change:
    """The study without a dataset."""

    def change(study: Study) -> None:
        del study[name]

    return change


def renamed(name: str, variable: str, to: str) -> Change:
    """A variable under another name."""

    def change(study: Study) -> None:
        study[name] = replace(study[name], frame=study[name].frame.rename({variable: to}))

    return change


def called(name: str, to: str) -> Change:
    """A dataset under another name, of the same class."""

    def change(study: Study) -> None:
        draft = study.pop(name)
        study[to] = replace(draft, structure=draft.made(name).structure)

    return change


def labelled(name: str, label: str, variable: str | None = None) -> Change:
    """Another label, of the dataset or a variable."""

    def change(study: Study) -> None:
        draft = study[name]
        study[name] = (
            replace(draft, labels=draft.labels | {variable: label})
            if variable
            else replace(draft, label=label)
        )

    return change


def formatted(name: str, variable: str, form: str) -> Change:
    """Another format of a variable."""

    def change(study: Study) -> None:
        study[name] = replace(study[name], formats={variable: form})

    return change


def twice(name: str, row: int = 0) -> Change:
    """A row that is there twice."""

    def change(study: Study) -> None:
        frame = study[name].frame
        study[name] = replace(study[name], frame=pl.concat([frame, frame[row : row + 1]]))

    return change


def rows(name: str, keep: slice) -> Change:
    """Some of the rows only."""

    def change(study: Study) -> None:
        study[name] = replace(study[name], frame=study[name].frame[keep])

    return change


def all_of(*changes: Change) -> Change:
    """Several changes."""

    def change(study: Study) -> None:
        for one in changes:
            one(study)

    return change


def as_text(name: str, variable: str) -> Change:
    """A variable as text."""
    return column(name, **{variable: pl.col(variable).cast(pl.String)})


CASES: dict[str, Change] = {
    "NM01": called("LB", "LBTOOLONG"),
    "NM02": called("ADLB", "LABS"),
    "NM03": renamed("ADSL", "AGEGR1", "AGEGROUP1"),
    "NM04": renamed("ADSL", "AGEGR1", "1AGEGR"),
    "NM05": renamed("ADSL", "AGEGR1", "AGE-GR1"),
    "NM06": labelled("ADSL", "A" * 41, "AGEGR1"),
    "NM07": labelled("ADSL", "", "AGEGR1"),
    "NM08": cell("AE", AETERM="A" * 201),
    "NM09": labelled("LB", ""),
    "NM10": labelled("ADSL", "Subjects"),
    "NM11": labelled("ADLB", "Subject-Level Analysis Dataset"),
    "NM12": cell("AE", AETERM="CAFÉ"),
    "NM13": cell("AE", AETERM=" HEADACHE"),
    "NM14": all_of(renamed("ADSL", "LSTALVDT", "LSTDT"), labelled("ADSL", "Last Contact", "LSTDT")),
    "NM15": all_of(renamed("ADLB", "ADTM", "LABDTM"), labelled("ADLB", "When", "LABDTM")),
    "NM16": all_of(renamed("ADAE", "ASTDTF", "ONSDTF"), labelled("ADAE", "Imputed", "ONSDTF")),
    "NM17": all_of(renamed("ADLB", "ADY", "LABADY"), labelled("ADLB", "Day", "LABADY")),
    "NM18": labelled("ADTTE", "Censoring", "CNSR"),
    "NM19": labelled("ADTTE", "Treatment", "TRT01P"),
    "NM20": all_of(column("ADTTE", TRTSDT=dt.date(2020, 1, 10)), formatted("ADTTE", "TRTSDT", "YYMMDD10.")),
    "NM21": column("ADTTE", AGE="61"),
    "NM22": labelled("ADAE", "Event", "AETERM"),
    "NM23": as_text("ADAE", "AESEQ"),
    "KY01": without("ADTTE", "STUDYID"),
    "KY02": cell("ADTTE", STUDYID=None),
    "KY03": twice("ADTTE"),
    "KY04": twice("MH"),
    "KY05": cell("ADLB", 1, ASEQ=1),
    "KY06": rows("TU", slice(0, 0)),
    "KY07": column("MH", MHCAT=pl.lit(None, pl.String)),
    "KY08": cell("LB", STUDYID="Y"),
    "FL01": cell("ADSL", DTHFL="1"),
    "FL02": cell("ADSL", SAFFL=None),
    "FL03": cell("ADSL", SAFFN=None),
    "FL04": without("ADSL", "RANDFL", "SAFFL", "ITTFL", "DTHFL"),
    "FL05": without("ADSL", "SAFFL"),
    "FL06": cell("ADSL", RANDFN=2),
    "FL07": cell("ADSL", SAFFN=0),
    "FL08": cell("ADSL", SAFFL="N", SAFFN=1),
    "FL09": cell("ADLB", 1, ABLFN=1),
    "FL10": cell("ADLB", ITTRFL="N"),
    "FL11": cell("ADLB", ITTRFN=0),
    "FL12": cell("ADLB", 1, ABLFL="N"),
    "FL13": cell("ADLB", 1, ABLFN=0),
    "FL14": without("ADLB", "CRIT1"),
    "FL15": without("ADLB", "CRIT1FL"),
    "FL16": without("ADSL", "AGEGR1"),
    "FL17": cell("ADSL", AGEGR1N=1),
    "FL18": cell("ADLB", APERIODC="First"),
    "PM01": without("ADLB", "PARAM"),
    "PM02": cell("ADLB", PARAM=None),
    "PM03": column("ADLB", PARAMCD="HEMOGLOBIN"),
    "PM04": column("ADLB", PARAMCD="_HGB"),
    "PM05": column("ADLB", PARAMCD="HGB-1"),
    "PM06": cell("ADLB", PARAM="Haemoglobin"),
    "PM07": cell("ADLB", PARAMN=2),
    "PM08": without("ADLB", "AVAL", "AVALC"),
    "PM09": cell("ADLB", AVALC="12.0"),
    "PM10": cell("ADLB", PARAMTYP="OTHER"),
    "PM11": cell("ADLB", PARCAT1="CHEMISTRY"),
    "PM12": cell("ADLB", 1, ABLFL="Y"),
    "PM13": cell("ADLB", ABLFL=None),
    "PM14": cell("ADLB", BASE=13),
    "PM15": cell("ADLB", 1, CHG=1.5),
    "PM16": cell("ADLB", 1, PCHG=11),
    "PM17": cell("ADLB", 1, BASETYPE=None),
    "PM18": cell("ADLB", AVALCA1N=1),
    "PM19": cell("ADLB", ATOXGR="G1"),
    "SU01": no("ADSL"),
    "SU02": without("ADSL", "SITEID"),
    "SU03": twice("ADSL"),
    "SU04": cell("ADSL", USUBJID="X-9"),
    "SU05": cell("ADTTE", USUBJID="X-9"),
    "SU06": cell("ADSL", AGE=62),
    "SU07": cell("ADTTE", TRT01P="PLACEBO"),
    "SU08": without("ADSL", "TRTSDT"),
    "SU09": without("ADSL", "TRTEDT"),
    "SU10": without("ADSL", "RANDDT"),
    "SU11": cell("ADSL", RANDDT=None),
    "SU12": cell("ADSL", TRTSDT=None),
    "SU13": rows("EX", slice(0, 1)),
    "SU14": cell("ADSL", 1, DTHFL="N"),
    "SU15": cell("ADSL", 1, LSTALVDT="2020-06-02"),
    "SU16": cell("ADSL", EOSSTT="DONE"),
    "SU17": cell("DM", AGE=161),
    "SU18": cell("DM", AGEU=None),
    "SU19": rows("ADSL", slice(0, 1)),
    "SU20": cell("LB", USUBJID="X-9"),
    "SU21": cell("LB", USUBJID="X-1 "),
    "SU22": column("ADSL", SUBJID="1"),
    "SU23": cell("LB", USUBJID=None),
    "TR01": without("ADSL", "TRT01P"),
    "TR02": without("ADSL", "TRT01A"),
    "TR03": cell("ADSL", TRT01PN=2),
    "TR04": without("ADSL", "TRT02P"),
    "TR05": all_of(without("ADSL", "TRT01P"), column("ADSL", TRT03P="DRUG A")),
    "TR06": without("ADSL", "TR02SDT"),
    "TR07": without("ADSL", "TR02EDT"),
    "TR08": cell("ADSL", TRTEDT="2020-05-02"),
    "TR09": without("ADLB", "TRTP"),
    "TR10": cell("ADTTE", TRTP="PLACEBO"),
    "TR11": cell("ADTTE", TRTA="PLACEBO"),
    "TR12": cell("ADLB", APERIOD=3),
    "TR13": without("ADSL", "TR01SDT"),
    "TR14": without("ADSL", "TR01EDT"),
    "TR15": cell("ADTTE", TRTP=None),
    "TE01": without("ADTTE", "CNSR"),
    "TE02": cell("ADTTE", CNSR=-1),
    "TE03": without("ADTTE", "AVAL"),
    "TE04": cell("ADTTE", AVAL=0),
    "TE05": cell("ADTTE", AVAL=175),
    "TE06": cell("ADTTE", STARTDT="2020-07-02"),
    "TE07": cell("ADTTE", ADT=None),
    "TE08": without("ADTTE", "EVNTDESC"),
    "TE09": cell("ADTTE", EVNTDESC=None),
    "TE10": cell("ADTTE", EVNTDESC="DEATH"),
    "TE11": cell("ADTTE", 1, CNSDTDSC="DEATH"),
    "TE12": cell("ADTTE", CNSDTDSC=None),
    "TE13": twice("ADTTE"),
    "TE14": rows("ADTTE", slice(0, 1)),
    "DT01": cell("LB", LBDTC="09JAN2020"),
    "DT02": cell("LB", LBDTC="2020-02-30"),
    "DT03": cell("AE", AEENDTC="2020-01-14"),
    "DT04": cell("AE", AEENDY=5),
    "DT05": cell("AE", AESTDY=0),
    "DT06": cell("LB", LBDY=1),
    "DT07": cell("AE", AESTDY=5),
    "DT08": cell("AE", AEENDY=12),
    "DT09": cell("LB", LBDTC="2020-01"),
    "DT10": cell("AE", 1, AESTDY=23),
    "DT11": cell("AE", 1, AEENDY=82),
    "DT12": cell("LB", LBDY=None),
    "DT13": cell("AE", AESTDY=None),
    "DT14": cell("AE", AEENDY=None),
    "DT15": without("LB", "LBDY"),
    "DT16": as_text("ADSL", "LSTALVDT"),
    "DT17": column("ADSL", LSTALVDT=22000.0),
    "DT18": cell("ADAE", 1, ASTDTF="X"),
    "DT19": cell("ADLB", ATMF="X"),
    "DT20": cell("ADAE", 1, ASTDT=None),
    "DT21": cell("ADLB", ADTM=None),
    "DT22": cell("ADLB", ADT="2020-01-10"),
    "DT23": cell("ADSL", TR01SDT="2020-03-02"),
    "DT24": cell("ADAE", AENDT="2020-01-14"),
    "DT25": column("ADLB", LBSTDY=5.0, LBENDY=4.0),
    "DT26": cell("ADAE", 1, ASTDTF=None),
    "DT27": cell("ADAE", 1, AENDTF="M"),
    "DT28": cell("ADAE", ASTDT="2020-01-16"),
    "DT29": cell("ADAE", AENDT="2020-01-21"),
    "DT30": cell("ADLB", ADY=1),
    "DT31": cell("ADSL", LSTALVDT="2220-07-01"),
    "OC01": column("ADAE", AVAL=1.0),
    "OC02": column("ADAE", PARAM="X"),
    "OC03": column("ADAE", SRCDOM="AE"),
    "OC04": without("ADAE", "AESER"),
    "OC05": without("ADAE", "AENDY"),
    "OC06": without("ADAE", "AESOC"),
    "OC07": without("ADAE", "AESEV", "ASEV", "ASEVN", "ATOXGR", "ATOXGRN"),
    "OC08": cell("ADAE", 2, TRTEMFL="N"),
    "OC09": cell("ADAE", PREFL="N"),
    "OC10": cell("ADAE", 1, AOCCFL="N"),
    "OC11": cell("ADAE", 1, AOCCFL="Y"),
    "OC12": all_of(cell("ADAE", AOCCIFL="Y"), cell("ADAE", 1, AOCCIFL=None)),
    "OC13": cell("ADAE", 2, TRTEMFL="Y", PREFL=None),
    "OC14": cell("ADAE", TRTEMFL=None),
    "OC15": cell("ADAE", ADURU=None),
    "OC16": without("ADAE", "ADURU"),
    "OC17": cell("ADAE", ASEVN=4),
    "OC18": cell("ADAE", ATOXGRN=6),
    "OC19": cell("ADAE", PREFL="Y"),
    "SR01": without("ADLB", "SRCVAR"),
    "SR02": cell("ADLB", SRCDOM=None),
    "SR03": cell("ADLB", SRCDOM="XX"),
    "SR04": cell("ADLB", SRCVAR="LBNONE"),
    "SR05": cell("ADLB", SRCSEQ=9),
    "SR06": cell("ADLB", SRCSEQ=None),
    "SR07": cell("ADAE", AESEQ=9),
    "SR08": cell("ADAE", AETERM="MIGRAINE"),
    "SR09": cell("ADAE", 1, AESEQ=1),
    "SR10": cell("LB", LBSTRESN=None),
    "SD01": column("LB", DOMAIN="XX"),
    "SD02": column("LB", DOMAIN="LAB"),
    "SD03": without("DM", "COUNTRY"),
    "SD04": cell("DM", SITEID=None),
    "SD05": without("LB", "LBORNRLO"),
    "SD06": column("LB", FASTING="Y"),
    "SD07": cell("LB", 1, LBSEQ=1),
    "SD08": cell("LB", LBSEQ=0),
    "SD09": without("IE", "EPOCH"),
    "SD10": column("TU", TUTESTCD="1TUMIDENT"),
    "SD11": column("TU", TUTEST="T" * 41),
    "SD12": cell("LB", LBTEST="Haemoglobin"),
    "SD13": cell("LB", LBSTRESC=None),
    "SD14": cell("LB", LBSTRESN=None),
    "SD15": cell("LB", LBSTRESN=13.4),
    "SD16": cell("LB", LBSTRESC="<5"),
    "SD17": cell("LB", LBSTRESU=None),
    "SD18": cell("LB", 2, LBSTRESU="g/dL"),
    "SD19": cell("LB", LBSTRESU="g/L"),
    "SD20": cell("LB", 2, LBORRESU="g/dL"),
    "SD21": cell("LB", 2, LBORRES="13"),
    "SD22": cell("LB", 2, LBSTAT=None),
    "SD23": cell("LB", LBREASND="LOST"),
    "SD24": cell("AE", AEOUT="BETTER"),
    "SD25": cell("DM", SEX="U"),
    "SD26": cell("AE", AECAT=None),
    "SD27": without("AE", "AECAT"),
    "SD28": cell("AE", AESCAT="GENERAL"),
    "SD29": cell("AE", AECAT="HEADACHE"),
    "SD30": cell("AE", AETERM="OTHER"),
    "SD31": without("AE", "AEENTPT"),
    "SD32": cell("AE", 1, AEENTPT=None),
    "SD33": cell("LB", VISIT="WEEK 4"),
    "SD34": cell("EX", EXDOSU=None),
    "SD35": cell("EX", EXDOSE=-1),
    "SD36": cell("EX", 1, EXDOSE=10),
    "SD37": cell("EX", EPOCH=None),
    "SD38": cell("LB", EPOCH="LATER"),
    "SD39": cell("LB", LBORNRHI=11),
    "SD40": all_of(cell("AE", AEDECOD="Cough"), cell("AE", 1, AEDECOD="Cough")),
    "DM01": no("DM"),
    "DM02": no("EX"),
    "DM03": twice("DM"),
    "DM04": column("DM", SUBJID="1"),
    "DM05": cell("DM", AGE=None),
    "DM06": cell("DM", ARMCD=None),
    "DM07": cell("DM", ACTARM=None),
    "DM08": column("DM", ARMCD="A"),
    "DM09": column("DM", ACTARMCD="A"),
    "DM10": column("DM", ARMCD="A" * 21),
    "DM11": cell("DM", RFENDTC="2020-01-09"),
    "DM12": cell("DM", RFICDTC="2020-01-11"),
    "DM13": cell("DM", 1, DTHFL=None),
    "DM14": cell("DM", 1, DTHDTC=None),
    "DM15": cell("SS", SSSTRESC="DEAD"),
    "DM16": cell("DD", USUBJID="X-1"),
    "DM17": cell("AE", AEOUT="FATAL"),
    "DM18": cell("DS", 1, DSDECOD="DEATH"),
    "DM19": cell("DS", 2, DSSTDTC="2020-06-02"),
    "DM20": cell("SS", 1, SSDTC="2020-05-31"),
    "DM21": cell("MH", 1, MHSTDTC="2020-02-02"),
    "DM22": cell("IE", IESTRESC="Y"),
    "DM23": cell("IE", IEORRES="Y"),
    "DM24": cell("IE", 1, IEORRES="N"),
    "DM25": cell("DM", 1, DTHDTC="2020-01-31"),
    "DM26": cell("DM", RACE=None),
    "RL01": cell("RELREC", RDOMAIN="XX"),
    "RL02": cell("RELREC", IDVAR="TUNONE"),
    "RL03": cell("RELREC", IDVARVAL="9"),
    "RL04": cell("RELREC", RELTYPE="ONE"),
    "RL05": twice("SUPPAE"),
    "RL06": cell("SUPPAE", QNAM="1AETRTEM"),
    "RL07": cell("SUPPAE", QLABEL="T" * 41),
    "RL08": all_of(twice("SUPPAE"), cell("SUPPAE", 1, QLABEL="Emergent")),
    "RL09": cell("TR", TRLNKID="T9"),
}
"""What breaks each rule."""
