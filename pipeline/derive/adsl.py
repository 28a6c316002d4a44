"""ADSL: one row per registered subject, with populations, strata, baseline, treatment and outcome dates.

Each function gives one row per subject from one or two domains; `derive_adsl` joins them to DM. What does
not belong here: baseline variables (`baseline`), which records show a subject alive (`Study.last_alive`).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipeline.derive import conform, last_date, whole, yes_no
from pipeline.derive.adce import second_cancers
from pipeline.derive.adex import blinded_exposure
from pipeline.derive.adrs import deaths, progressions, responses
from pipeline.derive.adtte import last_alive
from pipeline.derive.baseline import baseline_laboratory, disease, induction
from pipeline.derive.dates import impute
from pipeline.study import AnyFrames, CutOff, Study
from schemas.adam import ADSL

CROSSOVER_TREATMENT = "LENALIDOMIDE"
VISIT_INTERVAL = 91
GRACE = 28
MISSED_VISITS = dt.timedelta(2 * VISIT_INTERVAL + GRACE)
"""Without an assessment for longer, two visits were missed: the disease is assessed every three months."""


def _date(dtc: str) -> pl.Expr:
    """A complete ISO 8601 date; a partial one is null."""
    return pl.col(dtc).str.to_date("%Y-%m-%d", strict=False)


def milestones(ds: pl.DataFrame, pr: pl.DataFrame) -> pl.DataFrame:
    """REGDT, RANDDT, ASCTDT, DAYRAND, the stratification answers and the block."""
    registered, randomised = pl.col("DSDECOD") == "REGISTERED", pl.col("DSDECOD") == "RANDOMIZED"
    from_ds = (
        ds.sort("USUBJID", "DSSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            pl.col("^BLOCKNO$").filter(randomised).first(),  # a pattern: while blinded there is no block
            REGDT=_date("DSSTDTC").filter(registered).min(),
            RANDDT=_date("DSSTDTC").filter(randomised).min(),
            **{f"STRAT{n}R": pl.col(f"STRAT{n}").filter(randomised).first() for n in (1, 2, 3)},
            **{f"STRAT{n}V": pl.col(f"STRAT{n}V").filter(registered).first() for n in (1, 2, 3)},
        )
    )
    transplants = pr.group_by("USUBJID").agg(ASCTDT=_date("PRSTDTC").min())
    return from_ds.join(transplants, on="USUBJID", how="full", coalesce=True).with_columns(
        DAYRAND=(pl.col("RANDDT") - pl.col("ASCTDT")).dt.total_days(),
        STRATAR=pl.concat_str("STRAT1R", "STRAT2R", "STRAT3R", separator="/"),
    )


def treatment(ex: pl.DataFrame, ds: pl.DataFrame) -> pl.DataFrame:
    """TRTSDT, TRTEDT, XOFL, XODT, TRT02A, DCTREAS, DCTDT, DCT2REAS; dates that are complete only."""
    dosed = ex.filter(pl.col("EXDOSE") > 0, pl.col("DAYSTKN") > 0)
    open_label = pl.col("EPOCH") == "OPEN LABEL TREATMENT"
    doses = dosed.group_by("USUBJID").agg(
        pl.lit(True).alias("_dosed"),
        TRTSDT=_date("EXSTDTC").min(),
        TRTEDT=_date("EXENDTC").max(),
        _open=_date("EXSTDTC").filter(open_label).min(),
    )
    stopped = (pl.col("DSCAT") == "DISPOSITION EVENT") & (pl.col("DSSCAT") == "STUDY TREATMENT")
    blinded = stopped & (pl.col("EPOCH") == "BLINDED TREATMENT")
    crossed = pl.col("DSDECOD") == "CROSSOVER"
    events = (
        ds.sort("USUBJID", "DSSTDTC", "DSSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            DCTREAS=pl.col("DSDECOD").filter(blinded).first(),
            DCTDT=_date("DSSTDTC").filter(blinded).first(),
            _reason2=pl.col("DSDECOD").filter(stopped & open_label).first(),
            _crossed=crossed.any(),
            _crossdt=_date("DSSTDTC").filter(crossed).min(),
        )
    )
    return events.join(doses, on="USUBJID", how="full", coalesce=True).with_columns(
        XOFL=yes_no(pl.col("_crossed")),
        XODT=pl.when("_crossed").then(pl.coalesce("_open", "_crossdt")),
        TRT02A=pl.when("_crossed").then(pl.lit(CROSSOVER_TREATMENT)),
        DCT2REAS=pl.when("_crossed").then("_reason2"),
    )


def reason_not_randomised(ds: pl.DataFrame, ie: pl.DataFrame, rs: pl.DataFrame) -> pl.DataFrame:
    """NRREAS as far as it is recorded: the first of the reasons that `schemas.adam` lists."""
    progressed = rs.group_by("USUBJID").agg(_pd=(pl.col("RSSTRESC") == "PD").any())
    unmet = ie.filter(pl.col("IEWAIVER").ne_missing("Y")).select("USUBJID", _unmet=pl.lit(True))
    off = (pl.col("DSCAT") == "DISPOSITION EVENT") & (pl.col("DSDECOD") != "DEATH")
    # The code says only that treatment never started; why stands in the site's words.
    reason = pl.when(DSDECOD="NEVER STARTED").then(pl.col("DSTERM").str.to_uppercase()).otherwise("DSDECOD")
    rows = (
        ds.sort("USUBJID", "DSSTDTC", "DSSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(
            _off=reason.filter(off).first(),
            _progressive=(pl.col("DSDECOD") == "PROGRESSIVE DISEASE").any(),
            _dead=(pl.col("DSDECOD") == "DEATH").any(),
        )
    )
    for other in (progressed, unmet.unique("USUBJID")):
        rows = rows.join(other, on="USUBJID", how="full", coalesce=True)
    words = {"_pd": "PROGRESSION", "_progressive": "PROGRESSION", "_unmet": "NOT ELIGIBLE", "_dead": "DEATH"}
    pd, progressive, ineligible, death = (pl.when(c).then(pl.lit(word)) for c, word in words.items())
    return rows.select("USUBJID", NRREAS=pl.coalesce(pd, progressive, ineligible, "_off", death))


def outcome(study: Study, sdtm: AnyFrames, subjects: pl.DataFrame, cut_off: CutOff) -> pl.DataFrame:
    """LSTALVDT, death, second cancer, progression, new therapy and gap in assessments, one row per subject.

    subjects: the subject-level variables known so far, which the study's sources may use.
    """
    alive = last_alive(study, sdtm, subjects, cut_off)
    known = ("ASCTDT", "RANDDT", "RESP100")
    rows = subjects.select("USUBJID", *known).join(alive, on="USUBJID", how="left")
    died = deaths(whole(sdtm, "ds"), rows, cut_off.date).select("USUBJID", DTHDT="ADT", DTHDTF="ADTF")
    cause = (
        whole(sdtm, "dd")
        .filter(pl.col("DDTESTCD") == "PRCDTH")
        .sort("USUBJID", "DDSEQ")
        .group_by("USUBJID", maintain_order=True)
        .agg(DTHCAUS=pl.col("DDSTRESC").first())
    )
    cancers = second_cancers(whole(sdtm, "ce"), rows, last_date(study, "ce", cut_off))
    counted = cancers.filter(pl.col("SPMFL") == "Y").select("USUBJID", SPM1DT="ASTDT")
    therapy = new_therapy(whole(sdtm, "cm"), cut_off.date)
    for other in (died.join(cause, on="USUBJID", how="left"), counted, therapy):
        rows = rows.join(other, on="USUBJID", how="left")
    progression = progressions(sdtm, rows, cut_off.date)["PD"].select("USUBJID", PDDT="ADT", PDDTF="ADTF")
    rows = rows.join(progression, on="USUBJID", how="left")
    rows = rows.join(gap(whole(sdtm, "rs"), rows, cut_off.date), on="USUBJID", how="left")
    return rows.drop(known).with_columns(
        DTHFL=yes_no(pl.col("DTHDT").is_not_null()), SPM1FL=yes_no(pl.col("SPM1DT").is_not_null())
    )


def screening(fa: pl.DataFrame, last: dt.date) -> pl.DataFrame:
    """SPMSCRFL, FSTSPMDT, LSTSPMDT and NSPMQRY of subjects with a questionnaire dated up to `last`."""
    asked = fa.with_columns(_day=_date("FADTC")).filter(pl.col("_day") <= last)
    return asked.group_by("USUBJID").agg(
        SPMSCRFL=yes_no(pl.col("FASTRESC").is_in(["Y", "N"]).any()),
        FSTSPMDT=pl.col("_day").min(),
        LSTSPMDT=pl.col("_day").max(),
        NSPMQRY=pl.col("FAGRPID").filter(pl.col("FACAT") == "QUERY SET").n_unique(),
    )


def new_therapy(cm: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """NACTDT and NACTDTF: the first day of anti-myeloma therapy after the trial's, where there is one."""
    given = impute(cm.filter(pl.col("CMCAT") == "SUBSEQUENT ANTI-MYELOMA"), "CMSTDTC", "NACTDT")
    return (
        given.filter(pl.col("NACTDT") <= cut_off)
        .sort("USUBJID", "NACTDT", "CMSEQ")
        .unique("USUBJID", keep="first", maintain_order=True)
        .select("USUBJID", "NACTDT", "NACTDTF")
    )


def gap(rs: pl.DataFrame, subjects: pl.DataFrame, cut_off: dt.date) -> pl.DataFrame:
    """GAPDT of the subjects whose first event, PDDT or DTHDT, comes after two missed visits."""
    event = subjects.select("USUBJID", "RANDDT", EVENT=pl.min_horizontal("PDDT", "DTHDT"))
    assessed = responses(rs, cut_off).filter(pl.col("AVALC") != "NE").select("USUBJID", "ADT")
    before = (
        event.join(assessed, on="USUBJID")
        .filter(pl.col("ADT") > pl.col("RANDDT"), pl.col("ADT") < pl.col("EVENT"))
        .group_by("USUBJID")
        .agg(pl.col("ADT").max())
    )
    last = event.join(before, on="USUBJID", how="left").with_columns(GAPDT=pl.coalesce("ADT", "RANDDT"))
    return last.filter(pl.col("EVENT") - pl.col("GAPDT") > MISSED_VISITS).select("USUBJID", "GAPDT")


def derive_adsl(study: Study, sdtm: AnyFrames, cut_off: CutOff) -> pl.DataFrame:
    """ADSL of one cut-off: one row per subject of DM, randomised or not."""
    rows = whole(sdtm, "dm").rename({"RANDNO": "RANDNUM"}).drop("DTHFL")
    deviating = whole(sdtm, "dv").select("USUBJID", _deviated=pl.lit(True)).unique("USUBJID")
    exposed = blinded_exposure(whole(sdtm, "ex")).select("USUBJID", "DOSESTRT", "DOSEMAX")
    for other in (
        milestones(whole(sdtm, "ds"), whole(sdtm, "pr")),
        baseline_laboratory(sdtm["lb"].lazy()),
        disease(whole(sdtm, "mh"), whole(sdtm, "rs")),
        induction(whole(sdtm, "cm")),
        treatment(whole(sdtm, "ex"), whole(sdtm, "ds")),
        reason_not_randomised(whole(sdtm, "ds"), whole(sdtm, "ie"), whole(sdtm, "rs")),
        deviating,
        exposed,
        screening(whole(sdtm, "fa"), last_date(study, "fa", cut_off)),
    ):
        rows = rows.join(other, on="USUBJID", how="left", validate="1:1")
    rows = _populations(study, rows)
    rows = rows.join(outcome(study, sdtm, rows, cut_off), on="USUBJID", how="left", validate="1:1")
    rows = rows.with_columns(XOELFL=_eligible_for_crossover(study), **_FINAL)
    return conform(rows, study.shape(ADSL, cut_off))


def _populations(study: Study, rows: pl.DataFrame) -> pl.DataFrame:
    """Population flags and treatment variables; a treatment is null while its arm is not released."""
    number = {arm.name: arm.number for arm in study.arms}
    randomised = pl.col("RANDDT").is_not_null()
    dosed = randomised & pl.col("_dosed").fill_null(False)
    arms = list(number)
    return rows.with_columns(
        RANDFL=yes_no(randomised),
        ITTFL=yes_no(randomised),
        SAFFL=yes_no(dosed),
        RFICDT=_date("RFICDTC"),
        TRT01P=pl.when(randomised & pl.col("ARM").is_in(arms)).then("ARM"),
        TRT01A=pl.when(dosed & pl.col("ACTARM").is_in(arms)).then("ACTARM"),
        DCTREAS=pl.when(randomised).then("DCTREAS"),
        DCTDT=pl.when(randomised).then("DCTDT"),
        NRREAS=pl.when(~randomised).then(pl.col("NRREAS").fill_null("NOT RECORDED")),
        EOTSTT=pl.when(dosed).then(
            pl.when(pl.col("DCTREAS").is_null()).then(pl.lit("ONGOING")).otherwise(pl.lit("DISCONTINUED"))
        ),
    ).with_columns(
        TRT01PN=pl.col("TRT01P").replace_strict(number, default=None, return_dtype=pl.Int64),
        TRT01AN=pl.col("TRT01A").replace_strict(number, default=None, return_dtype=pl.Int64),
    )


def _eligible_for_crossover(study: Study) -> pl.Expr:
    """Y for subjects randomised to another treatment who were event-free on the day of unblinding."""
    later = [pl.col(date).is_null() | (pl.col(date) > study.unblinding) for date in ("PDDT", "DTHDT")]
    eligible = pl.all_horizontal(pl.col("TRT01P") != CROSSOVER_TREATMENT, *later)
    return pl.when(pl.col("ARM") != "BLINDED").then(yes_no(eligible))


# What a subject without a record of the kind has, and what needs the outcome dates.
_FINAL = {
    **{
        flag: pl.col(flag).fill_null("N")
        for flag in (
            "CR100FL",
            "PRCANFL",
            "XOFL",
            "SPMSCRFL",
            "INDBORFL",
            "INDLENFL",
            "INDTHLFL",
            "INDGCFL",
            "INDANTFL",
        )
    },
    "INDGR1": pl.col("INDGR1").fill_null("NOT DETERMINED"),
    "PROTDVFL": yes_no(pl.col("_deviated")),
    "FUOBSDY": (pl.coalesce("DTHDT", "LSTALVDT") - pl.col("ASCTDT")).dt.total_days() + 1,
}
