"""ADSL of the pilot: one row per randomised subject, each variable as the pilot's definition has it.

What does not belong here: what a variable may hold (`schemas/cdisc_pilot.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipeline.derive import conform, flag_where, whole, yes_no
from pipeline.study import DAYS_PER_MONTH, AnyFrames, CutOff, Study
from schemas.cdisc_pilot import ADSL, AGE_GROUPS, BMI_GROUPS

NOT_RANDOMISED = "Scrnfail"
POOLED_SITE = "900"
SMALLEST_GROUP = 3
"""A site with fewer subjects in any treatment group is pooled with the others of its kind."""
LAST_VISIT = 12
RACE_NUMBER = {
    "WHITE": 1,
    "BLACK OR AFRICAN AMERICAN": 2,
    "AMERICAN INDIAN OR ALASKA NATIVE": 6,
}
QUALIFIER = {
    "ITTFL": "ITT",
    "SAFFL": "SAFETY",
    "EFFFL": "EFFICACY",
    "COMP8FL": "COMPLT8",
    "COMP16FL": "COMPLT16",
    "COMP24FL": "COMPLT24",
}
"""Population flags and the supplemental qualifiers of DM that they are."""
REASON = {
    "ADVERSE EVENT": "Adverse Event",
    "DEATH": "Death",
    "LACK OF EFFICACY": "Lack of Efficacy",
    "LOST TO FOLLOW-UP": "Lost to Follow-up",
    "PHYSICIAN DECISION": "Physician Decision",
    "PROTOCOL DEVIATION": "Protocol Violation",
    "STUDY TERMINATED BY SPONSOR": "Sponsor Decision",
    "WITHDRAWAL BY SUBJECT": "Withdrew Consent",
}
NOT_ELIGIBLE = "PROTOCOL ENTRY CRITERIA NOT MET"


def _date(dtc: str) -> pl.Expr:
    return pl.col(dtc).str.to_date("%Y-%m-%d", strict=False)


def _rounded(value: pl.Expr) -> pl.Expr:
    """One decimal, halves away from zero as in SAS; a billionth is added for what binary fractions lose."""
    return ((value * 10 + 1e-9) + 0.5).floor() / 10


def _group(name: str, labels: Sequence[str], *limits: float) -> pl.Expr:
    """The label of the group a value is in; each limit is the lowest value of the next group."""
    value = pl.col(name)
    below = [
        pl.when(value < limit).then(pl.lit(label)) for label, limit in zip(labels[:-1], limits, strict=True)
    ]
    return pl.coalesce(*below, pl.when(value.is_not_null()).then(pl.lit(labels[-1])))


def _days(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """From the first day to the last, both counted."""
    return (last - first).dt.total_days() + 1


def exposure(ex: pl.DataFrame, dm: pl.DataFrame) -> pl.DataFrame:
    """TRTSDT, TRTEDT, TRTDURD, CUMDOSE and AVGDD; a dose whose end is not known ends on RFENDTC."""
    doses = ex.join(dm.select("USUBJID", "RFENDTC"), on="USUBJID").with_columns(
        _first=_date("EXSTDTC"), _last=pl.coalesce(_date("EXENDTC"), _date("RFENDTC"))
    )
    given = pl.col("EXDOSE") * _days(pl.col("_first"), pl.col("_last"))
    of_subject = doses.group_by("USUBJID").agg(
        TRTSDT=pl.col("_first").min(), TRTEDT=pl.col("_last").max(), CUMDOSE=given.sum()
    )
    return of_subject.with_columns(TRTDURD=_days(pl.col("TRTSDT"), pl.col("TRTEDT"))).with_columns(
        AVGDD=_rounded(pl.col("CUMDOSE") / pl.col("TRTDURD"))
    )


def disposition(ds: pl.DataFrame) -> pl.DataFrame:
    """DCDECOD, DCSREAS, EOSSTT, DISCONFL, DSRAEFL and VISNUMEN, of the disposition event."""
    decided, completed = pl.col("DSDECOD"), pl.col("DSDECOD") == "COMPLETED"
    reason = decided.replace_strict(REASON, default=None, return_dtype=pl.String)
    return ds.filter(pl.col("DSCAT") == "DISPOSITION EVENT").select(
        "USUBJID",
        DCDECOD="DSDECOD",
        DCSREAS=pl.when(pl.col("DSTERM") == NOT_ELIGIBLE).then(pl.lit("I/E Not Met")).otherwise(reason),
        EOSSTT=pl.when(completed).then(pl.lit("COMPLETED")).otherwise(pl.lit("DISCONTINUED")),
        DISCONFL=flag_where(~completed),
        DSRAEFL=flag_where(decided == "ADVERSE EVENT"),
        VISNUMEN=pl.min_horizontal("VISITNUM", LAST_VISIT),
    )


def baseline(vs: pl.DataFrame, mh: pl.DataFrame, sc: pl.DataFrame, sv: pl.DataFrame) -> list[pl.DataFrame]:
    """Body size, onset and duration of disease, education: frames of one row per subject that has records."""
    test, kept = pl.col("VSTESTCD"), pl.col("VSBLFL") == "Y"
    size = (
        vs.sort("USUBJID", "VSSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            HEIGHTBL=_rounded(pl.col("VSSTRESN").filter(test == "HEIGHT").first()),
            WEIGHTBL=_rounded(pl.col("VSSTRESN").filter((test == "WEIGHT") & kept).last()),
        )
        .with_columns(BMIBL=_rounded(pl.col("WEIGHTBL") / (pl.col("HEIGHTBL") / 100) ** 2))
        .with_columns(BMIBLGR1=_group("BMIBL", BMI_GROUPS, 25, 30))
    )
    onset = mh.filter(pl.col("MHCAT") == "PRIMARY DIAGNOSIS").select("USUBJID", DISONSDT=_date("MHSTDTC"))
    first_visit = sv.filter(pl.col("VISITNUM") == 1).select("USUBJID", VISIT1DT=_date("SVSTDTC"))
    months = _days(pl.col("DISONSDT"), pl.col("VISIT1DT")) / DAYS_PER_MONTH
    disease = (
        onset.join(first_visit, on="USUBJID")
        .with_columns(DURDIS=_rounded(months))
        .with_columns(DURDSGR1=_group("DURDIS", ("<12", ">=12"), 12))
    )
    return [size, disease, sc.select("USUBJID", EDUCLVL="SCSTRESN")]


def derive_adsl(study: Study, sdtm: AnyFrames, cut_off: CutOff) -> pl.DataFrame:
    """ADSL of the pilot: one row per subject of DM who was randomised."""
    dm = whole(sdtm, "dm").filter(pl.col("ARMCD") != NOT_RANDOMISED)
    mental_state = whole(sdtm, "qs").group_by("USUBJID").agg(MMSETOT=pl.col("QSSTRESN").sum())
    rows = dm
    for other in (
        exposure(whole(sdtm, "ex"), dm),
        disposition(whole(sdtm, "ds")),
        *baseline(*(whole(sdtm, name) for name in ("vs", "mh", "sc", "sv"))),
        mental_state,
    ):
        rows = rows.join(other, on="USUBJID", how="left", validate="1:1")
    number = {arm.name: arm.number for arm in study.arms}
    rows = rows.with_columns(
        # The pilot defines TRT01A as TRT01P: nobody was treated otherwise than assigned. DM.ACTARM says low
        # dose of 12 subjects of the high dose, who stopped before the dose was raised.
        **{f"TRT01{kind}": pl.col("ARM") for kind in "PA"},
        **{f"TRT01{kind}N": pl.col("ARM").replace_strict(number) for kind in "PA"},
        AGEGR1=_group("AGE", AGE_GROUPS, 65, 81),
        RACEN=pl.col("RACE").replace_strict(RACE_NUMBER),
        RFENDT=_date("RFENDTC"),
        **{flag: yes_no(pl.col(name) == "Y") for flag, name in QUALIFIER.items()},
    )
    order = {group: place for place, group in enumerate(AGE_GROUPS, 1)}
    return conform(
        rows.with_columns(AGEGR1N=pl.col("AGEGR1").replace_strict(order), SITEGR1=pooled_site(study)),
        study.shape(ADSL, cut_off),
    )


def pooled_site(study: Study) -> pl.Expr:
    """SITEID, or the pooled site where one of the study's arms has fewer than SMALLEST_GROUP subjects."""
    arms = [(pl.col("TRT01PN") == arm.number).sum().over("SITEID") for arm in study.arms]
    return pl.when(pl.min_horizontal(arms) < SMALLEST_GROUP).then(pl.lit(POOLED_SITE)).otherwise("SITEID")
