"""Edit checks: disease assessments and plasmacytomas (EC065 to EC082), and the laboratory's with them.

Marker values are compared in the standard unit of the tabulation, the site's call with progression by rule
(`progression`). What does not belong here: rules of one cell (`schemas/crf/calgb_100104.py`).
"""

from __future__ import annotations

import polars as pl

from pipeline.derive.dates import first_possible_day, last_possible_day
from pipeline.derive.progression import EBMT, HYPERCALCAEMIA, IMWG, MARROW_CLEAR
from pipeline.edit_checks import broken, told, where
from pipeline.studies.calgb_100104.edit_checks.laboratory import (
    CALCIUM_LIMITS,
    LABORATORY,
    lab_calcium,
    outside,
    reported,
    standardised,
)
from pipeline.studies.calgb_100104.edit_checks.progression import (
    ASSESSMENT,
    assessments,
    marker_visits,
    signs,
)
from pipeline.study import EditCheck, Seen

SERUM_HIGHEST = 12.0
"""g/dL; more is g/L under the wrong label."""
URINE_LOWEST = 5.0
"""mg/24 h; less is g/24 h under the wrong label."""
TRACE = 0.1
"""g/dL of serum M-protein that goes together with a negative immunofixation."""
JUMP = 8.0
"""Free light chains eight times those before and after: tenfold, give or take the change of the disease."""
COMPONENT_DAYS, CONFIRMATION_DAYS, AGREEMENT_DAYS, GAP_DAYS = 28, 84, 60, 183
DEPTH = {"SD": 0, "MR": 1, "PR": 2, "VGPR": 2, "CR": 3, "sCR": 3}
"""Responses by how deep they are, as far as serum and urine M-protein can tell."""
CALLED = pl.col("response_site")
PROGRESSION = CALLED == "PD"
BEFORE_MAINTENANCE = ("REG", "DAY100")


def _marker(code: str, result: str, unit: str) -> pl.Expr:
    """A marker in its standard unit; NEG, too small to quantify and below a limit are nothing."""
    nothing = pl.col(result).is_in(["NEG", "TSTQ"]) | pl.col(result).str.starts_with("<")
    return pl.when(nothing).then(0.0).otherwise(standardised(pl.lit(code), reported(result), unit))


SERUM = _marker("MSPIKE", "spep_result", "spep_unit")
URINE = _marker("MSPIKE", "upep_result", "upep_unit")
MARROW = pl.when(~pl.col("bm_pc_pct").str.starts_with("<")).then(reported("bm_pc_pct"))


def _component_dates(seen: Seen) -> pl.LazyFrame:
    first, last = first_possible_day("assess_dt"), last_possible_day("assess_dt")
    rows = seen.forms[ASSESSMENT]
    partial = rows.filter(pl.col("assess_dt").str.len_chars() != 10)
    found = [broken(partial, ASSESSMENT, "assess_dt", told("date of assessment {}", "assess_dt"))]
    for column in ("spep_dt", "bm_dt"):
        apart = pl.max_horizontal(first - last_possible_day(column), first_possible_day(column) - last)
        far = rows.filter(apart > pl.duration(days=COMPONENT_DAYS))
        words = told(f"{column} {{}}, date of assessment {{}}", column, "assess_dt")
        found.append(broken(far, ASSESSMENT, column, words))
    return pl.concat(found)


def _light_chains(seen: Seen) -> pl.LazyFrame:
    rows = assessments(seen).sort("patient_id", "VISITDT")
    given = reported("flc_kappa").is_not_null() | reported("flc_lambda").is_not_null()
    no_unit = rows.filter(given, pl.col("flc_unit").is_null())
    words = told("kappa {}, lambda {}, no unit", "flc_kappa", "flc_lambda")
    found = [broken(no_unit, ASSESSMENT, "flc_unit", words)]
    for column, code in (("flc_kappa", "KLCFR"), ("flc_lambda", "LLCFR")):
        value = standardised(pl.lit(code), reported(column), "flc_unit")
        series = rows.with_columns(VALUE=value).filter(pl.col("VALUE") > 0)
        before = pl.col("VALUE").shift(1).over("patient_id")
        after = pl.col("VALUE").shift(-1).over("patient_id")
        # A value that comes back from a dip is no jump.
        around = pl.max_horizontal(before, pl.col("VALUE").shift(2).over("patient_id"), after)
        up = pl.col("VALUE") / around >= JUMP
        down = pl.min_horizontal(before, after) / pl.col("VALUE") >= JUMP
        series = series.with_columns(BEFORE=before, AFTER=after).filter(
            # What has fallen at the last visit may be the treatment.
            pl.col("BEFORE").is_not_null(),
            up | (down & pl.col("AFTER").is_not_null()),
            PROGRESSION.ne_missing(True),
        )
        words = told(f"{column} {{}} mg/dL, before {{}}, after {{}}", "VALUE", "BEFORE", "AFTER")
        found.append(broken(series, ASSESSMENT, "flc_unit", words))
    # Both chains share their unit: one question.
    return pl.concat(found).unique("RECORD", keep="first", maintain_order=True)


def _complete_remission() -> pl.Expr:
    """Whether a complete remission is called beside a finding that excludes it."""
    not_negative = pl.any_horizontal(
        pl.col("sife").is_null() | pl.col("sife").is_in(["POS", "ND"]),
        pl.col("uife") == "POS",
    )
    lesion = pl.col("plasmacytoma").is_in(["STABLE", "DECREASED", "INCREASED", "NEW"])
    against = pl.any_horizontal(not_negative, MARROW >= MARROW_CLEAR, lesion)
    return CALLED.is_in(["CR", "sCR"]) & against


def _called(seen: Seen) -> pl.LazyFrame:
    """Reports of progression after maintenance began: USUBJID and PDDT, the date given or the visit's."""
    date = pl.coalesce(first_possible_day("pd_dt"), "VISITDT")
    return (
        assessments(seen)
        .filter(PROGRESSION, ~pl.col("visit").is_in(BEFORE_MAINTENANCE))
        .select("USUBJID", "record_id", "VISITDT", "pd_basis", PDDT=date)
    )


def _first_confirmed(seen: Seen) -> pl.LazyFrame:
    """A subject's first confirmed progression by the EBMT rule."""
    confirmed = signs(seen, EBMT).filter("CONFIRMED").sort("USUBJID", "VISITDT")
    return confirmed.unique("USUBJID", keep="first", maintain_order=True).lazy()


def _at(seen: Seen, visits: pl.LazyFrame) -> pl.LazyFrame:
    """The assessment records of those visits, the last of several on a day."""
    records = assessments(seen).sort("record_id").unique(["USUBJID", "VISITDT"], keep="last")
    return records.join(visits, on=["USUBJID", "VISITDT"])


def _depth_allowed() -> pl.Expr:
    """The deepest response (DEPTH) that serum and urine M-protein since registration allow.

    SERUM_REG and URINE_REG: at registration, judged where measurable; SERUM_LOW and URINE_LOW: the lowest
    since. Without either any response is allowed.
    """
    kept = {m: (pl.col(f"{m}_LOW") / pl.col(f"{m}_REG")).round(4) for m in ("SERUM", "URINE")}
    serum = pl.when(kept["SERUM"] > 0.75).then(0).when(kept["SERUM"] > 0.5).then(1).otherwise(3)
    remission = (kept["URINE"] <= 0.1) | (pl.col("URINE_LOW") < 200)
    urine = pl.when(remission).then(3).when(kept["URINE"] > 0.5).then(0).otherwise(1)
    return pl.min_horizontal(
        pl.when(pl.col("SERUM_REG") >= 1.0, kept["SERUM"].is_not_null()).then(serum),
        pl.when(pl.col("URINE_REG") >= 200, kept["URINE"].is_not_null()).then(urine),
    ).fill_null(3)


def _better_than_derived(seen: Seen) -> pl.LazyFrame:
    rule = _first_confirmed(seen)
    agreed = (
        rule.join(_called(seen).select("USUBJID", "PDDT"), on="USUBJID")
        .filter(pl.col("PDDT") <= pl.col("VISITDT") + pl.duration(days=AGREEMENT_DAYS))
        .select("USUBJID")
    )
    missed = _at(seen, rule.join(agreed, on="USUBJID", how="anti")).filter(CALLED.is_in(list(DEPTH)))
    missed = broken(
        missed,
        ASSESSMENT,
        "response_site",
        told("response {} at progression by rule on {} ({})", "response_site", "assess_dt", "BASIS"),
    )
    rows = assessments(seen).with_columns(SERUM=SERUM, URINE=URINE).sort("USUBJID", "VISITDT")
    at_registration = (
        rows.filter(visit="REG")
        .group_by("USUBJID", maintain_order=True)
        .agg(SERUM_REG=pl.col("SERUM").first(), URINE_REG=pl.col("URINE").first())
    )
    progressed = (
        pl.concat([rule.select("USUBJID", PD="VISITDT"), _called(seen).select("USUBJID", PD="PDDT")])
        .group_by("USUBJID")
        .agg(pl.col("PD").min())
    )
    low = {f"{m}_LOW": pl.col(m).cum_min().forward_fill().over("USUBJID") for m in ("SERUM", "URINE")}
    claimed = CALLED.replace_strict(DEPTH, default=None, return_dtype=pl.Int64)
    better = (
        rows.filter(pl.col("visit") != "REG")
        .join(at_registration, on="USUBJID")
        .join(progressed, on="USUBJID", how="left")
        .sort("USUBJID", "VISITDT", "record_id")
        .with_columns(**low)
        .filter(claimed > _depth_allowed(), pl.col("PD").is_null() | (pl.col("VISITDT") < pl.col("PD")))
        # The site keeps its call until the next change: it is asked once.
        .unique(["USUBJID", "response_site"], keep="first", maintain_order=True)
    )
    words = "response {}, serum M-protein {} at registration and {} at best, urine {} and {}"
    told_why = told(words, "response_site", "SERUM_REG", "SERUM_LOW", "URINE_REG", "URINE_LOW")
    return pl.concat([missed, broken(better, ASSESSMENT, "response_site", told_why)])


def _no_rule_met(seen: Seen) -> pl.LazyFrame:
    visits = seen.once(marker_visits).lazy()
    judged = visits.filter(pl.col("VISITDT") > pl.col("VISITDT").min().over("USUBJID"))
    first_call = (
        _called(seen)
        .sort("USUBJID", "VISITDT")
        .unique("USUBJID", keep="first", maintain_order=True)
        .filter(~pl.col("pd_basis").str.contains("CLINICAL").fill_null(False))
        .join(judged.select("USUBJID", "VISITDT"), on=["USUBJID", "VISITDT"])
    )
    found = pl.concat([signs(seen, EBMT), signs(seen, IMWG)]).lazy().select("USUBJID", SIGN="VISITDT")
    apart = (pl.col("SIGN") - pl.col("PDDT")).abs()
    by_rule = first_call.join(found, on="USUBJID").filter(apart <= pl.duration(days=AGREEMENT_DAYS))
    alone = first_call.join(by_rule.select("record_id"), on="record_id", how="anti")
    rows = seen.forms[ASSESSMENT].join(alone.select("record_id"), on="record_id", how="semi")
    words = told("progression {} on {}, serum M-protein {}", "pd_dt", "pd_basis", "spep_result")
    return broken(rows, ASSESSMENT, "response_site", words)


def _unconfirmed(seen: Seen) -> pl.LazyFrame:
    open_rises = signs(seen, EBMT).filter(~pl.col("CONFIRMED")).lazy()
    known = pl.concat(
        [_first_confirmed(seen).select("USUBJID", PD="VISITDT"), _called(seen).select("USUBJID", PD="PDDT")]
    )
    earlier = open_rises.join(known, on="USUBJID").filter(pl.col("PD") < pl.col("VISITDT"))
    rows = _at(seen, open_rises.join(earlier, on=["USUBJID", "VISITDT"], how="anti"))
    return broken(rows, ASSESSMENT, None, told("{} rise on {}, nothing after it", "BASIS", "assess_dt"))


def _late_confirmation(seen: Seen) -> pl.LazyFrame:
    days = (pl.col("CONFIRMDT") - pl.col("VISITDT")).dt.total_days()
    late = _first_confirmed(seen).with_columns(DAYS=days).filter(pl.col("DAYS") > CONFIRMATION_DAYS)
    words = told("progression on {}, confirmed on {}, {} days later", "assess_dt", "CONFIRMDT", "DAYS")
    return broken(_at(seen, late), ASSESSMENT, "assess_dt", words)


def _progression_date(seen: Seen) -> pl.LazyFrame:
    rows = assessments(seen)
    first = rows.filter(PROGRESSION).group_by("USUBJID").agg(FIRST=pl.col("VISITDT").min())
    free = rows.filter(CALLED.is_in(list(DEPTH))).join(first, on="USUBJID")
    # A response after progression is another question (EC078).
    free = (
        free.filter(pl.col("VISITDT") < pl.col("FIRST")).group_by("USUBJID").agg(FREE=pl.col("VISITDT").max())
    )
    rows = rows.join(free, on="USUBJID", how="left")
    given, called = pl.col("pd_dt").is_not_null(), PROGRESSION.fill_null(False)
    cases = (
        (called & ~given, told("progression on {} without its date", "assess_dt")),
        (given & ~called, told("progression date {}, response {}", "pd_dt", "response_site")),
        (
            called & (first_possible_day("pd_dt") > last_possible_day("assess_dt")),
            told("progression date {}, assessment {}", "pd_dt", "assess_dt"),
        ),
        (
            called & (last_possible_day("pd_dt") <= pl.col("FREE")),
            told("progression date {}, no progression yet on {}", "pd_dt", "FREE"),
        ),
    )
    return pl.concat(broken(rows.filter(breaks), ASSESSMENT, "pd_dt", words) for breaks, words in cases)


def _better_after_progression(seen: Seen) -> pl.LazyFrame:
    rows = assessments(seen)
    first = rows.filter(PROGRESSION).group_by("patient_id").agg(FIRST=pl.col("VISITDT").min())
    treated = seen.forms["subsequent_therapy"].select("patient_id", NEW=first_possible_day("start_dt"))
    told_so = seen.forms["follow_up"].filter(new_therapy="Y")
    told_so = told_so.select("patient_id", NEW=first_possible_day("contact_dt"))
    new_therapy = pl.concat([treated, told_so]).group_by("patient_id").agg(pl.col("NEW").min())
    better = (
        rows.filter(CALLED.is_in(list(DEPTH)))
        .join(first, on="patient_id")
        .join(new_therapy, on="patient_id", how="left")
        .filter(
            pl.col("VISITDT") > pl.col("FIRST"),
            pl.col("NEW").is_null() | (pl.col("NEW") > last_possible_day("assess_dt")),
        )
        .sort("patient_id", "VISITDT", "record_id")
        .unique("patient_id", keep="first", maintain_order=True)
    )
    words = told("response {} on {} after progression on {}", "response_site", "assess_dt", "FIRST")
    return broken(better, ASSESSMENT, "response_site", words)


def _gap(seen: Seen) -> pl.LazyFrame:
    on_drug = (
        seen.forms["treatment_dose"]
        .filter(pl.col("days_taken") > 0)
        .group_by("patient_id")
        .agg(ON=last_possible_day("cycle_start_dt").min(), OFF=first_possible_day("cycle_end_dt").max())
    )
    before = pl.col("VISITDT").shift(1).over("patient_id")
    rows = (
        assessments(seen)
        .sort("patient_id", "VISITDT")
        .with_columns(BEFORE=before)
        .join(on_drug, on="patient_id")
        .with_columns(FROM=pl.max_horizontal("BEFORE", "ON"), TO=pl.min_horizontal("VISITDT", "OFF"))
        .filter(
            pl.col("BEFORE").is_not_null(),
            pl.col("TO") - pl.col("FROM") > pl.duration(days=GAP_DAYS),
        )
    )
    return broken(rows, ASSESSMENT, "assess_dt", told("assessments on {} and {}", "BEFORE", "assess_dt"))


def _high_calcium(seen: Seen) -> pl.LazyFrame:
    calcium = standardised(pl.lit("CA"), pl.col("ca_result"), "ca_unit")
    corrected = (calcium + 0.8 * (4.0 - pl.col("alb_result"))).round(4)
    rows = seen.forms[ASSESSMENT].with_columns(CORRECTED=corrected)
    rows = rows.filter(pl.col("CORRECTED") > HYPERCALCAEMIA, pl.col("ca_other_cause").is_null())
    words = told("calcium {} {}, corrected {} mg/dL", "ca_result", "ca_unit", "CORRECTED")
    return broken(rows, ASSESSMENT, "ca_other_cause", words)


def _calcium_unit(seen: Seen) -> pl.LazyFrame:
    value = standardised(pl.lit("CA"), pl.col("ca_result"), "ca_unit")
    assessed = outside(seen.forms[ASSESSMENT].with_columns(VALUE=value), *CALCIUM_LIMITS)
    found = broken(assessed, ASSESSMENT, "ca_unit", told("calcium {} {}", "ca_result", "ca_unit"))
    return pl.concat([found, lab_calcium(seen)])


def _plasmacytomas(seen: Seen) -> pl.LazyFrame:
    lesions = seen.forms["plasmacytoma"]
    visit = ["patient_id", "assess_no"]
    status = seen.forms[ASSESSMENT].group_by(visit).agg(NEW=(pl.col("plasmacytoma") == "NEW").any())
    nowhere = lesions.join(status, on=visit, how="anti")
    first_visit = pl.col("assess_no").min()
    appeared = lesions.join(status, on=visit).filter(
        pl.col("assess_no") == first_visit.over("patient_id", "lesion_no"),
        pl.col("assess_no") > first_visit.over("patient_id"),
        ~pl.col("NEW"),
    )
    wider = lesions.filter(pl.col("diam2") > pl.col("diam1"))
    return pl.concat(
        [
            broken(nowhere, "plasmacytoma", "assess_no", told("no disease assessment {}", "assess_no")),
            broken(wider, "plasmacytoma", "diam2", told("diameters {} and {} cm", "diam1", "diam2")),
            broken(
                appeared,
                "plasmacytoma",
                "lesion_no",
                told("lesion {} appears at assessment {}, which calls none new", "lesion_no", "assess_no"),
            ),
        ]
    )


def _spot_urine() -> pl.Expr:
    return (pl.col("upep_unit") == "mg/dL") & reported("upep_result").is_not_null()


def _small_urine() -> pl.Expr:
    value = reported("upep_result")
    exact = ~pl.col("upep_result").str.starts_with("<")
    return (pl.col("upep_unit") == "mg/24h") & exact & (value > 0) & (value < URINE_LOWEST)


def _unknown_to_criteria() -> pl.Expr:
    ebmt = (pl.col("criteria_used") == "EBMT") & CALLED.is_in(["VGPR", "sCR"])
    return ebmt | ((pl.col("criteria_used") == "IMWG") & (CALLED == "MR"))


DISEASE: tuple[EditCheck, ...] = (
    EditCheck(
        id="EC065",
        forms=(ASSESSMENT,),
        rule="the date of assessment is complete; component dates are within 28 days of it",
        severity="query",
        ask="Please complete or correct the dates of the assessment and its components.",
        find=_component_dates,
    ),
    EditCheck(
        id="EC066",
        forms=(ASSESSMENT,),
        rule="serum M-protein is at most 12 g/dL; more suggests g/L",
        severity="query",
        ask="Is serum M-protein reported in g/L? Please check the unit.",
        find=where(ASSESSMENT, SERUM > SERUM_HIGHEST, "spep_unit", told("{} {}", "spep_result", "spep_unit")),
    ),
    EditCheck(
        id="EC067",
        forms=(ASSESSMENT,),
        rule="urine M-protein is a 24-hour excretion; a spot value in mg/dL is not usable for response",
        severity="query",
        ask="Please give the 24-hour excretion of urine M-protein.",
        find=where(ASSESSMENT, _spot_urine(), "upep_unit", told("{} {}", "upep_result", "upep_unit")),
    ),
    EditCheck(
        id="EC068",
        forms=(ASSESSMENT,),
        rule="urine M-protein in mg/24h is at least 5 where it is measured; less suggests g/24h",
        severity="query",
        ask="Is urine M-protein reported in g/24h? Please check the unit.",
        find=where(ASSESSMENT, _small_urine(), "upep_unit", told("{} {}", "upep_result", "upep_unit")),
    ),
    EditCheck(
        id="EC069",
        forms=(ASSESSMENT,),
        rule=(
            "free light chains have a unit; unless progression is called, neither chain is eight times the "
            "values around it (two before and, if any, the next), or an eighth of those beside it: tenfold, "
            "give or take the change of the disease"
        ),
        severity="query",
        ask="Please check the unit of the free light chains (mg/L or mg/dL).",
        find=_light_chains,
    ),
    EditCheck(
        id="EC070",
        forms=(ASSESSMENT,),
        rule="serum immunofixation is not negative where serum M-protein is above 0.1 g/dL",
        severity="query",
        ask="Immunofixation is negative beside a measured M-protein. Please check both.",
        find=where(
            ASSESSMENT,
            (pl.col("sife") == "NEG") & (SERUM > TRACE),
            "sife",
            told("immunofixation {}, serum M-protein {} {}", "sife", "spep_result", "spep_unit"),
        ),
    ),
    EditCheck(
        id="EC071",
        forms=(ASSESSMENT,),
        rule=(
            "complete remission has a serum immunofixation that is negative (or oligoclonal), none positive "
            "in urine, marrow below 5% where done, and no plasmacytoma"
        ),
        severity="query",
        ask="The findings do not support complete remission. Please check the response.",
        find=where(
            ASSESSMENT,
            _complete_remission(),
            "response_site",
            told(
                "response {}: serum {}, urine {}, marrow {}, plasmacytoma {}",
                *("response_site", "sife", "uife", "bm_pc_pct", "plasmacytoma"),
            ),
        ),
    ),
    EditCheck(
        id="EC072",
        forms=(ASSESSMENT,),
        rule=(
            "the site reports a progression at most 60 days after the one by the EBMT rule, and before it no "
            "response better than serum and urine M-protein allow since registration"
        ),
        severity="query",
        ask="The response is better than the markers show. Please check it.",
        find=_better_than_derived,
    ),
    EditCheck(
        id="EC073",
        forms=(ASSESSMENT,),
        rule=(
            "a first progression after day 100, other than by clinical signs, meets a rule (EBMT or IMWG) at "
            "a visit within 60 days of its date"
        ),
        severity="query",
        ask="The markers do not meet the criteria of progression. What is it based on?",
        find=_no_rule_met,
    ),
    EditCheck(
        id="EC074",
        forms=(ASSESSMENT,),
        rule="a first rise that meets the EBMT rule is followed by another value or by death from myeloma",
        severity="query",
        ask="Please send the assessment that confirms or refutes this rise.",
        find=_unconfirmed,
    ),
    EditCheck(
        id="EC075",
        forms=(ASSESSMENT,),
        rule="a progression by rule is confirmed at most 84 days after it",
        severity="warn",
        ask="The confirming assessment came late.",
        find=_late_confirmation,
    ),
    EditCheck(
        id="EC076",
        forms=(ASSESSMENT,),
        rule=(
            "the date of progression is given if and only if the response is PD; it is not after the "
            "assessment, and after the last assessment without progression"
        ),
        severity="query",
        ask="Please check the date of progression.",
        find=_progression_date,
    ),
    EditCheck(
        id="EC077",
        forms=(ASSESSMENT,),
        rule="EBMT has neither VGPR nor sCR, and IMWG has no MR",
        severity="query",
        ask="The response is not one of the criteria used. Please check both.",
        find=where(
            ASSESSMENT,
            _unknown_to_criteria(),
            "response_site",
            told("response {} by {}", "response_site", "criteria_used"),
        ),
    ),
    EditCheck(
        id="EC078",
        forms=(ASSESSMENT, "subsequent_therapy", "follow_up"),
        rule="after progression no other response is reported before a new therapy (asked at the first one)",
        severity="query",
        ask="The response improved after progression. Was a new therapy given, or was it no progression?",
        find=_better_after_progression,
    ),
    EditCheck(
        id="EC079",
        forms=(ASSESSMENT, "treatment_dose"),
        rule="between two assessments there are at most 183 days on treatment",
        severity="warn",
        ask="Assessments are expected about every three months.",
        find=_gap,
    ),
    EditCheck(
        id="EC080",
        forms=(ASSESSMENT,),
        rule="calcium corrected for albumin above 11.5 mg/dL says whether it has another cause",
        severity="query",
        ask="Is there another cause of the high calcium?",
        find=_high_calcium,
    ),
    EditCheck(
        id="EC081",
        forms=(ASSESSMENT, "labs"),
        rule="calcium is 5 to 20 mg/dL; less suggests mmol/L reported as mg/dL, more the reverse",
        severity="query",
        ask="Please check the unit of calcium.",
        find=_calcium_unit,
    ),
    EditCheck(
        id="EC082",
        forms=("plasmacytoma", ASSESSMENT),
        rule=(
            "a plasmacytoma belongs to a disease assessment; its second diameter is at most the first; a "
            "lesion that was not there at the first assessment of plasmacytomas is called new when it appears"
        ),
        severity="query",
        ask="Please check the assessment number, the lesion number and the diameters.",
        find=_plasmacytomas,
    ),
)

FINDINGS: tuple[EditCheck, ...] = (*DISEASE, *LABORATORY)
