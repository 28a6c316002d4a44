"""What ADSL says of a subject before randomisation: laboratory, disease, response, induction.

Each function gives one row per subject that has records. What does not belong here: treatment and
outcome (`adsl`).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive import yes_no
from pipeline.derive.stages import iss_stage
from schemas.adam import RESPONSE_ORDER

BASELINE_VISITS = ("BASELINE", "BASELINE REG", "REG")
B2M_LIMIT = {"mg/L": 2.5, "nmol/L": 211.9}
"""The stratification limit in each unit as the paper prints it: 2.5 mg/L is 211.875 nmol/L."""

GLUCOCORTICOIDS = ("DEXAMETHASONE", "PREDNISONE", "PREDNISOLONE", "METHYLPREDNISOLONE")
ANTHRACYCLINES = ("DOXORUBICIN", "LIPOSOMAL DOXORUBICIN")
NOT_KNOWN = ("UNKNOWN", "UNK", "NOT DETERMINED")
LIGHT_CHAIN_ONLY = {"KAPPA LC ONLY": "URINE KAPPA", "LAMBDA LC ONLY": "URINE LAMBDA"}


def baseline_laboratory(lb: pl.LazyFrame) -> pl.DataFrame:
    """B2MBL, CALBL, ALBBL, CREATBL in standard units, B2MGR1 and the derived ISS stage.

    The last result of the baseline visit counts; same day: LBSEQ. B2MGR1 compares the result as
    reported with the limit in that unit, because 211.9 nmol/L is 2.5003 mg/L when converted.
    """
    results = lb.filter(
        pl.col("LBCAT") == "LOCAL LABORATORY",
        pl.col("VISIT").is_in(BASELINE_VISITS),
        pl.col("LBSTRESN").is_not_null(),
    ).sort("USUBJID", "LBDTC", "LBSEQ")
    codes = {"B2MBL": "B2MICG", "CALBL": "CA", "ALBBL": "ALB", "CREATBL": "CREAT"}
    last = {
        name: pl.col("LBSTRESN").filter(pl.col("LBTESTCD") == code).last() for name, code in codes.items()
    }
    b2m = pl.col("LBTESTCD") == "B2MICG"
    wide = (
        results.group_by("USUBJID", maintain_order=True)
        .agg(
            **last,
            _reported=pl.col("LBORRES").filter(b2m).last(),
            _unit=pl.col("LBORRESU").filter(b2m).last(),
        )
        .collect()
    )
    value = pl.col("_reported").str.strip_chars("<> ").cast(pl.Float64, strict=False)
    limit = pl.col("_unit").replace_strict(B2M_LIMIT, default=None, return_dtype=pl.Float64)
    above = (value > limit) | (pl.col("_reported").str.starts_with(">") & (value == limit))
    return wide.with_columns(
        B2MGR1=pl.when(above).then(pl.lit(">2.5")).when(~above).then(pl.lit("<=2.5")),
        ISSSTGD=iss_stage(pl.col("B2MBL"), pl.col("ALBBL")),
    )


def disease(mh: pl.DataFrame, rs: pl.DataFrame) -> pl.DataFrame:
    """DSSTAGE, MCOMP, PRCANFL, ECOGBL, ISSSTG and the response at day 100."""
    diagnosis = pl.col("MHCAT") == "DIAGNOSIS"
    history = (
        mh.sort("USUBJID", "MHSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            MCOMP=pl.col("MPROTTYP").filter(diagnosis).first().replace(LIGHT_CHAIN_ONLY),
            _prior=(pl.col("MHCAT") == "PRIOR CANCER").any(),
        )
    )
    response = pl.col("RSSTRESC").replace({"NE": None})
    day100 = (pl.col("RSTESTCD") == "OVRLRESP") & (pl.col("VISIT") == "DAY100")
    findings = (
        rs.sort("USUBJID", "RSDTC", "RSSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            ECOGBL=pl.col("RSSTRESC").filter(pl.col("RSTESTCD") == "ECOG101").first().cast(pl.Int64),
            DSSTAGE=pl.col("RSSTRESC").filter(pl.col("RSTESTCD") == "DURSALM").first(),
            ISSSTG=pl.col("RSSTRESC").filter(pl.col("RSTESTCD") == "ISS").first(),
            RESP100=response.filter(day100).last(),
        )
    )
    return findings.join(history, on="USUBJID", how="full", coalesce=True).with_columns(
        RESP100N=pl.col("RESP100").replace_strict(RESPONSE_ORDER, default=None),
        CR100FL=yes_no(pl.col("RESP100").is_in(["CR", "sCR"])),
        PRCANFL=yes_no(pl.col("_prior")),
    )


def induction(cm: pl.DataFrame) -> pl.DataFrame:
    """INDBORFL, INDLENFL, INDTHLFL, INDGCFL, INDANTFL and INDGR1, for subjects with induction records."""
    agent = pl.col("CMDECOD")
    given = (
        cm.filter(pl.col("CMCAT") == "INDUCTION")
        .group_by("USUBJID")
        .agg(
            INDBORFL=(agent == "BORTEZOMIB").any(),
            INDLENFL=(agent == "LENALIDOMIDE").any(),
            INDTHLFL=(agent == "THALIDOMIDE").any(),
            INDGCFL=agent.is_in(GLUCOCORTICOIDS).any(),
            INDANTFL=agent.is_in(ANTHRACYCLINES).any(),
            _unknown=(agent.is_null() | agent.is_in(NOT_KNOWN) | pl.col("REGIMEN").is_in(NOT_KNOWN)).any(),
        )
    )
    drugs = {"INDBORFL": "BORTEZOMIB", "INDLENFL": "LENALIDOMIDE", "INDTHLFL": "THALIDOMIDE"}
    names = pl.concat_str(
        [pl.when(pl.col(flag)).then(pl.lit(drug)) for flag, drug in drugs.items()],
        separator="-",
        ignore_nulls=True,
    )
    group = pl.when("_unknown").then(pl.lit("NOT DETERMINED")).when(names != "").then(names)
    flags = [c for c in given.columns if c.startswith("IND")]
    return given.with_columns(
        *(yes_no(pl.col(c)).alias(c) for c in flags), INDGR1=group.otherwise(pl.lit("OTHER"))
    )
