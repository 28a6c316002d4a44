"""The paper's tables and the report's own, as values: which results a table shows, and in which words.

Rows follow the paper where it has the table. What does not belong here: rendering
(`pipeline.outputs.tables`), any number of a patient or of the paper.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

import polars as pl

from pipeline.numbers import NOT_ESTIMABLE, format_months, format_number
from pipeline.outputs.tables import (
    COUNT,
    COUNT_PERCENT,
    EVENTS_PERCENT,
    P_VALUE,
    RATE,
    Ask,
    Column,
    Display,
    Heading,
    LevelRows,
    Listing,
    ListingColumn,
    Row,
    Sentence,
    Show,
    date_part,
    mean_and_sd,
    median_and_quartiles,
    median_and_range,
    median_months,
    months,
    number,
    percent,
    range_of,
    ratio,
    sentence_case,
)
from pipeline.studies.calgb_100104.design import LONG_TERM, SAFETY_DATE, UNBLINDING
from pipeline.studies.calgb_100104.tables import BLOOD_TERMS, DOSES

_NBSP = "\N{NO-BREAK SPACE}"
ARMS = {"LEN": "Lenalidomide", "PBO": "Placebo"}
TOTAL, COMPARISON = "TOTAL", "LEN:PBO"

RANDOMISED = "All randomly assigned patients (intention to treat)"
REPORTED = f"{RANDOMISED}; events reported after randomization"

CONTRADICTIONS = (
    "The comparison with the printed numbers lists each place where the paper contradicts itself or a rule "
    "it states, with both values."
)
LATER_SAFETY_DATE = (
    "Adverse events and second cancers are those received by the data cut-off; at the cut-off of "
    f"{LONG_TERM.isoformat()} they are those received by {SAFETY_DATE.isoformat()}."
)
NOT_IN_THE_PAPER = "The article has no such table."
NOT_REACHED_NOTE = "CI denotes confidence interval, and NR not reached."


def _with_size(name: str, group: str) -> Sentence:
    return Sentence(f"{name} (N{_NBSP}={_NBSP}{{n}})", {"n": Ask("RANDOMISED", group, "", COUNT)})


def _protocol(name: str, show: Show) -> Ask:
    return Ask("PROTOCOL", TOTAL, name, show)


def _value(places: int = 0) -> Show:
    return number("value", places)


EACH_ARM = tuple(Column(_with_size(name, code), code) for code, name in ARMS.items())
EVERYBODY = Column(_with_size("Total", TOTAL), TOTAL)
ARMS_AND_TOTAL = (*EACH_ARM, EVERYBODY)

# --- Table 1 ---


def _levels(analysis: str, levels: dict[str, str], indent: int = 1) -> tuple[Row, ...]:
    """A row per level, which is given with its label."""
    return tuple(Row(label, analysis, level, indent=indent) for level, label in levels.items())


def _quantity(analysis: str, places: int) -> tuple[Row, Row]:
    return (
        Row("Median", analysis, show=number("median", places), indent=1),
        Row("Range", analysis, show=range_of(places), indent=1),
    )


def _induction(levels: dict[str, str]) -> tuple[Row, ...]:
    """Numbers without percentages but in the total, as the paper prints them."""
    share = {TOTAL: COUNT_PERCENT}
    return tuple(
        Row(label, "T1_INDUCTION", level, COUNT, indent=1, instead=share) for level, label in levels.items()
    )


MISSING = {"MISSING": "Data missing"}
STAGES = {"I": "I", "II": "II", "III": "III", **MISSING}

TABLE_1 = Display(
    name="table_1",
    title="Table 1. Characteristics of the Patients.*",
    population=RANDOMISED,
    stub="Characteristic",
    columns=ARMS_AND_TOTAL,
    rows=(
        Heading("Age — yr"),
        *_quantity("T1_AGE", 0),
        Row("Male sex — no.", "T1_SEX", "MALE", COUNT),
        Heading("β2-microglobulin at registration — no. (%)"),
        *_levels("T1_B2M", {">2.5": ">2.5 mg/liter", "<=2.5": "≤2.5 mg/liter", **MISSING}),
        Heading("Durie–Salmon stage at registration — no. (%)†"),
        *_levels("T1_DS", STAGES),
        Heading("M component — no. (%)"),
        Heading("Serum", indent=1),
        *_levels(
            "T1_MCOMP",
            {
                f"{code} {chain}": f"{name} {chain.lower()}"
                for code, name in {"IGG": "IgG", "IGA": "IgA", "IGM": "IgM"}.items()
                for chain in ("KAPPA", "LAMBDA")
            },
            indent=2,
        ),
        Heading("Urine", indent=1),
        *_levels(
            "T1_MCOMP",
            {"URINE KAPPA": "Kappa light chain only", "URINE LAMBDA": "Lambda light chain only"},
            indent=2,
        ),
        *_levels("T1_MCOMP", MISSING),
        *_levels("T1_MCOMP", {"NONSECRETORY": "Nonsecretory myeloma — no. (%)"}, indent=0),
        Heading("Serum calcium at registration — mg/dl"),
        *_quantity("T1_CALCIUM", 1),
        Heading("Serum albumin at registration — g/dl"),
        *_quantity("T1_ALBUMIN", 1),
        Heading("Serum creatinine at registration — mg/dl"),
        *_quantity("T1_CREATININE", 1),
        Heading("ISS stage at registration — no. (%)†"),
        *_levels("T1_ISS", STAGES),
        Heading("Induction regimen — no. (% of the total)"),
        *_induction(
            {
                "ANY BORTEZOMIB": "Any use of bortezomib",
                "ANY LENALIDOMIDE": "Any use of lenalidomide",
                "ANY THALIDOMIDE": "Any use of thalidomide",
                "BORTEZOMIB-LENALIDOMIDE": "Bortezomib–lenalidomide‡",
                "BORTEZOMIB-THALIDOMIDE": "Bortezomib–thalidomide‡",
                "BORTEZOMIB ONLY": "Bortezomib without lenalidomide or thalidomide",
                "BORTEZOMIB-GLUCOCORTICOID": (
                    "Bortezomib with glucocorticoids, without lenalidomide or thalidomide"
                ),
                "BORTEZOMIB-LENALIDOMIDE-THALIDOMIDE": "Bortezomib with lenalidomide and thalidomide",
                "LENALIDOMIDE WITHOUT BORTEZOMIB": "Lenalidomide without bortezomib",
                "THALIDOMIDE WITHOUT BORTEZOMIB": "Thalidomide without bortezomib",
                "LENALIDOMIDE-GLUCOCORTICOID": "Lenalidomide–glucocorticoids without bortezomib",
                "THALIDOMIDE-GLUCOCORTICOID": "Thalidomide–glucocorticoids without bortezomib",
                "OTHER": "Other induction regimen without bortezomib, lenalidomide, or thalidomide",
                "NOT DETERMINED": "Other induction regimen not determined",
            }
        ),
        Heading("Response to autologous HSCT at day 100 — no. (%)"),
        *_levels(
            "T1_RESPONSE",
            {
                "CR": "Complete response",
                "PR": "Partial response",
                "MR": "Marginal response",
                "SD": "Stable disease",
                "PD": "Progressive disease",
                **MISSING,
            },
        ),
        Row(
            "Mean time from autologous HSCT to randomization — mo",
            "ASCT_TO_RAND",
            show=months("mean", 1),
            groups=tuple(ARMS),
        ),
    ),
    footnotes=(
        Sentence(
            "* The first patient was enrolled in {first}, and the last in {last}. To convert the values for "
            "serum β2-microglobulin to nanomoles per liter, multiply by {b2m}. To convert the values for "
            "calcium to millimoles per liter, multiply by {calcium}. To convert the values for creatinine to "
            "micromoles per liter, multiply by {creatinine}. There was an overlap in the induction regimens, "
            "so percentages may sum to more than 100%. HSCT denotes hematopoietic stem-cell transplantation, "
            "and ISS International Staging System.",
            {
                "first": Ask("REGISTRATION_DATE", TOTAL, "", date_part("min", parts=2)),
                "last": Ask("REGISTRATION_DATE", TOTAL, "", date_part("max", parts=2)),
                "b2m": _protocol("B2M_NMOL_PER_MG", _value(2)),
                "calcium": _protocol("CALCIUM_MMOL_PER_MG", _value(3)),
                "creatinine": _protocol("CREATININE_UMOL_PER_MG", _value(1)),
            },
        ),
        Sentence(
            "Differences between the groups: the smallest P value of the baseline characteristics is {p} "
            "(chi-square test for categories, rank-sum test for quantities; missing values left out).",
            {"p": Ask("T1_TESTS", COMPARISON, "", Show(("smallest_p",), P_VALUE.text))},
        ),
        "† Higher stages indicate more severe disease.",
        "‡ According to the paper, patients who received at least these two drugs. Its rows add up to any "
        "use of bortezomib only if patients who received all three drugs are left out, as they are here.",
        "Categories are of the randomized patients, whether they met every eligibility criterion or not; "
        "the stratification factor is known for all of them even where the laboratory result is missing.",
        CONTRADICTIONS,
    ),
)

# --- Table 2, S1 and S2: worst grade per patient ---

ODDS_RATIO = ratio("odds_ratio")
KEPT = {"ALT, SGPT": "ALT, SGPT"}


def _term(level: str) -> str:
    return KEPT.get(level, sentence_case(level))


def _by_grade(*first: Column, grades: tuple[int, ...]) -> tuple[Column, ...]:
    """Per arm the columns `first`, of which GROUP is filled in, then one for each grade."""
    return tuple(
        Column(column.heading, code, column.analysis, column.level, column.show, span=_with_size(name, code))
        for code, name in ARMS.items()
        for column in (*first, *(Column(f"Grade{_NBSP}{g}", "", level=f"{{level}} {g}") for g in grades))
    )


def _grade_5() -> Sentence:
    """That nobody, or who, had a fatal haematologic event: in all and by term."""
    asked = {"Any event": "ANY"} | {_term(term): term for term in BLOOD_TERMS}
    words = [f"{label.lower()}, {{{level}_LEN}} and {{{level}_PBO}}" for label, level in asked.items()]
    return Sentence(
        "Patients with a grade 5 event in the lenalidomide and the placebo group: " + "; ".join(words) + ".",
        {
            f"{level}_{arm}": Ask("AE_BLOOD", arm, f"{level} 5", COUNT)
            for level in asked.values()
            for arm in ARMS
        },
    )


CTCAE = Sentence(
    "Adverse events were graded according to the National Cancer Institute Common Terminology Criteria for "
    "Adverse Events, version {version}.",
    {"version": _protocol("CTCAE_VERSION", _value(1))},
)
WORST = "For patients with multiple adverse events, the event with the highest grade is listed."

TABLE_2 = Display(
    name="table_2",
    title="Table 2. Hematologic Adverse Events from Randomization, Worst Grade 3 or 4.*",
    population=REPORTED,
    stub="Event — no. of patients (%)",
    columns=(
        *_by_grade(grades=(3, 4)),
        Column("P Value†", COMPARISON, level="{level} 3-4", show=P_VALUE),
        Column("Odds Ratio (95% CI)‡", COMPARISON, level="{level} 3-4", show=ODDS_RATIO),
    ),
    rows=(
        *(Row(_term(term), "AE_BLOOD", term) for term in BLOOD_TERMS),
        Row("Any event", "AE_BLOOD", "ANY"),
    ),
    footnotes=(
        Sentence(
            "* The paper lists the terms that occurred {least} or more times in either study group. " + WORST,
            {"least": _protocol("LISTING_THRESHOLD", _value())},
        ),
        _grade_5(),
        CTCAE,
        "† Two-sided Fisher's exact test of worst grade 3 or 4.",
        "‡ Not in the paper, but by its method: lenalidomide to placebo, worst grade 3 or 4, conditional "
        "maximum-likelihood estimate with its exact interval.",
        LATER_SAFETY_DATE,
        f"What the paper's footnote reports as of December 2009 is this table at {UNBLINDING.isoformat()}. "
        "Grades were corrected between the two dates, so a count of grade 4 may be smaller at the later one.",
    ),
)

ANY_GRADE = Column("Any", "", analysis="{analysis}_ANY")
TABLE_S1 = Display(
    name="table_s1",
    title="Table S1. All Adverse Events from Randomization, by Worst Grade.*",
    population=REPORTED,
    stub="Event — no. of patients (%)",
    columns=_by_grade(ANY_GRADE, grades=(1, 2, 3, 4, 5)),
    rows=(
        Heading("Hematologic"),
        Row("Any hematologic event", "AE_BLOOD", "ANY", indent=1),
        LevelRows("AE_BLOOD_TERM", "AE_BLOOD_TERM_ANY", TOTAL, indent=1, label=_term),
        Heading("Nonhematologic, by category"),
        Row("Any nonhematologic event", "AE_OTHER", "ANY", indent=1),
        LevelRows("AE_OTHER_CLASS", "AE_OTHER_CLASS_ANY", TOTAL, indent=1),
    ),
    footnotes=(
        f"* {WORST} Terms and categories come from the data, the most frequent first. The "
        "supplementary appendix is not part of the article, so nothing printed is compared.",
        CTCAE,
        LATER_SAFETY_DATE,
    ),
)

SEVERE = Column(f"Grade{_NBSP}3–5", "", analysis="{analysis}_SEVERE")
TABLE_S2 = Display(
    name="table_s2",
    title="Table S2. Nonhematologic Adverse Events from Randomization, by Category, Term and Worst Grade.*",
    population=REPORTED,
    stub="Category and event — no. of patients (%)",
    columns=(
        *_by_grade(SEVERE, grades=(3, 4, 5)),
        Column("P Value†", COMPARISON, level="{level} 3-5", show=P_VALUE),
    ),
    rows=(
        Row("Any nonhematologic event", "AE_OTHER", "ANY"),
        LevelRows(
            "AE_OTHER_CLASS",
            "AE_OTHER_CLASS_SEVERE",
            TOTAL,
            within=LevelRows(
                "AE_OTHER_CLASS_TERM", "AE_OTHER_CLASS_TERM_SEVERE", TOTAL, indent=1, label=_term
            ),
        ),
    ),
    footnotes=(
        f"* {WORST} Categories and terms with an event of grade 3 or more, the most frequent first. The "
        "supplementary appendix is not part of the article, so nothing printed is compared.",
        Sentence(
            "† Two-sided Fisher's exact test of worst grade 3, 4 or 5. Any event of worst grade 3 alone: "
            "P value {p3}; 4 alone: {p4}; 5 alone: {p5}.",
            {f"p{grade}": Ask("AE_OTHER", COMPARISON, f"ANY {grade}", P_VALUE) for grade in (3, 4, 5)},
        ),
        CTCAE,
        LATER_SAFETY_DATE,
    ),
)

# --- Table 3: second primary cancers ---


def _cancers(levels: dict[str, str]) -> tuple[Row, ...]:
    return tuple(Row(label, "SPM_GROUP", level, COUNT, indent=1) for level, label in levels.items())


def _note(level: str, group: str) -> Ask:
    return Ask("SPM_NOTES", group, level, COUNT)


TABLE_3 = Display(
    name="table_3",
    title="Table 3. Second Primary Cancers from Randomization.*",
    population=f"{RANDOMISED}; first invasive cancer after randomization",
    stub="Second cancer — no. of patients",
    columns=EACH_ARM,
    rows=(
        Heading("Hematologic cancers†"),
        *_cancers(
            {
                "ALL": "Acute lymphoblastic leukemia",
                "AML": "Acute myeloid leukemia",
                "HL": "Hodgkin's lymphoma",
                "MDS": "Myelodysplastic syndrome",
                "NHL": "Non-Hodgkin's lymphoma",
            }
        ),
        Row("Total", "SPM", "HEMATOLOGIC", COUNT, indent=1),
        Heading("Solid-tumor cancers"),
        *_cancers(
            {
                "BREAST": "Breast cancer",
                "CARCINOID": "Carcinoid tumor",
                "CNS": "Central nervous system cancer",
                "GI": "Gastrointestinal cancer",
                "GYN": "Gynecologic cancer",
                "MELANOMA": "Malignant melanoma",
                "PROSTATE": "Prostate cancer",
                "THYROID": "Thyroid cancer",
            }
        ),
        Row("Total", "SPM", "SOLID", COUNT, indent=1),
        Row("Other type or site (not in the paper)", "SPM_GROUP", "OTHER", COUNT),
        Row("Basal-cell carcinoma‡", "SKIN_CANCER", "NMSC_BCC", COUNT),
        Row("Squamous-cell carcinoma‡", "SKIN_CANCER", "NMSC_SCC", COUNT),
        Heading("Months from randomization to diagnosis — median (range)"),
        *(
            Row(label, "SPM_ONSET", level, median_and_range(of=format_months), indent=1)
            for level, label in {"HEMATOLOGIC": "Hematologic cancer", "SOLID": "Solid-tumor cancer"}.items()
        ),
    ),
    footnotes=(
        f"* {LATER_SAFETY_DATE}",
        Sentence(
            "† Of the {n} patients with a hematologic cancer in the lenalidomide group, {anthracycline} had "
            "received induction therapy with an anthracycline.",
            {
                "n": Ask("SPM", "LEN", "HEMATOLOGIC", COUNT),
                "anthracycline": _note("HEMATOLOGIC AFTER ANTHRACYCLINE", "LEN"),
            },
        ),
        Sentence(
            "Solid tumors in patients who had had the same cancer before: {before_len} in the lenalidomide "
            "and {before_pbo} in the placebo group (years since the earlier cancer: {years}); it is not "
            "known whether such a tumor is a new cancer or a recurrence.",
            {
                "before_len": _note("SOLID, SAME CANCER BEFORE", "LEN"),
                "before_pbo": _note("SOLID, SAME CANCER BEFORE", "PBO"),
                "years": Ask("SPM_EARLIER_CANCER", "LEN", "", number("max")),
            },
        ),
        Sentence(
            "Solid tumors after disease progression: {total}, of which {len} in the lenalidomide and {pbo} "
            "in the placebo group. They are counted here; as event-free survival and cumulative incidence "
            "take the first event, these patients count there with their progression.",
            {
                "total": _note("SOLID AFTER PROGRESSION", TOTAL),
                "len": _note("SOLID AFTER PROGRESSION", "LEN"),
                "pbo": _note("SOLID AFTER PROGRESSION", "PBO"),
            },
        ),
        "‡ Nonmelanoma skin cancers are no second primary cancers and are not in the totals.",
    ),
)

# --- disposition, exposure, follow-up ---

ONLY_TOTAL, ONLY_PLACEBO = (TOTAL,), ("PBO",)
DISPOSITION = Display(
    name="disposition",
    title="Disposition of the Patients.*",
    population="All registered patients",
    stub="Patients — no. (%)",
    columns=ARMS_AND_TOTAL,
    rows=(
        Row("Registered", "REGISTERED", "REGISTERED", COUNT, groups=ONLY_TOTAL),
        Row("Not randomly assigned", "REGISTERED", "NOT RANDOMISED", groups=ONLY_TOTAL),
        LevelRows("NOT_RANDOMISED", "NOT_RANDOMISED", TOTAL, indent=1, groups=ONLY_TOTAL),
        Row("Randomly assigned", "RANDOMISED", show=COUNT),
        Row("Started the study drug", "TREATMENT", "STARTED", indent=1),
        Row("Never started", "TREATMENT", "NEVER STARTED", indent=1),
        Row("Still receiving the assigned drug", "TREATMENT", "ONGOING"),
        Row("Discontinued the assigned drug", "TREATMENT", "DISCONTINUED"),
        LevelRows("DISCONTINUED", "DISCONTINUED", TOTAL, indent=1),
        Heading("Crossover from placebo to lenalidomide"),
        Row("Eligible at unblinding", "CROSSOVER", "ELIGIBLE", indent=1, groups=ONLY_PLACEBO),
        Row("Crossed over", "CROSSOVER", "CROSSED OVER", indent=1, groups=ONLY_PLACEBO),
        Heading("Discontinued lenalidomide after crossover†"),
        LevelRows("CROSSOVER_DISCONTINUED", "CROSSOVER_DISCONTINUED", "PBO", indent=1, groups=ONLY_PLACEBO),
    ),
    footnotes=(
        "* Percentages are of the registered patients, below the reasons of the patients not randomly "
        "assigned, and from there on of the randomly assigned. Reasons come from the data, the most frequent "
        "first.",
        "† Percentages are of the patients who crossed over.",
        NOT_IN_THE_PAPER,
    ),
)


def _doses(label: str, level: str) -> tuple[Heading | Row, ...]:
    return (
        Heading(f"{label} — no. (%)"),
        *(Row(f"{dose} mg per day", "EX_DOSE", f"{level} {dose} MG", indent=1) for dose in DOSES),
    )


EXPOSURE = Display(
    name="exposure",
    title="Exposure to Blinded Study Drug.*",
    population=f"{RANDOMISED}; summaries of those who took a dose",
    stub="Exposure",
    columns=ARMS_AND_TOTAL,
    rows=(
        Row("Patients with a dose — no.", "EX_TDURD", show=COUNT),
        Heading("Duration of treatment — mo"),
        Row(
            "Median (range)", "EX_TDURD", show=median_and_range(of=partial(format_months, places=1)), indent=1
        ),
        Row("Cycles with a dose — median (range)", "EX_NCYC", show=median_and_range()),
        *_doses("Starting dose", "FIRST"),
        *_doses("Lowest dose", "LOWEST"),
        *_doses("Highest dose", "HIGHEST"),
        Heading("Dose modification — no. (%)"),
        Row("Escalated to 15 mg", "EX_MODIFIED", "ESCALATED TO 15 MG", indent=1),
        Row("Reduced at least once", "EX_MODIFIED", "REDUCED", indent=1),
        Row("Held at least once", "EX_MODIFIED", "HELD", indent=1),
        Heading("Average dose on days of therapy — mg per day"),
        Row("Mean (SD)", "EX_AVDDSE", show=mean_and_sd(1), indent=1),
        Heading("Relative dose intensity — % of 10 mg per day"),
        Row("Mean (SD)", "EX_RDI", show=mean_and_sd(), indent=1),
        Row("Median (quartiles)", "EX_RDI", show=median_and_quartiles(), indent=1),
        Row("Total dose — mg, median (range)", "EX_TDOSE", show=median_and_range()),
    ),
    footnotes=(
        "* The assigned drug until unblinding, progression or another reason to stop; lenalidomide after "
        "crossover is not in it. Doses of placebo are those of its capsules. Percentages are of the randomly "
        "assigned.",
        "Relative dose intensity is the dose taken in per cent of 10 mg on every day from the first to the "
        "last dose, so it exceeds 100 after an escalation.",
        NOT_IN_THE_PAPER,
    ),
)

FOLLOW_UP = Display(
    name="follow_up",
    title="Median Follow-up.*",
    population=RANDOMISED,
    stub="Months since transplantation",
    columns=ARMS_AND_TOTAL,
    rows=(
        Row("Reverse Kaplan–Meier, median (95% CI)", "FOLLOWUP", show=median_months("reverse_km")),
        Row("As observed, median", "FOLLOWUP", show=months("observed")),
    ),
    footnotes=(
        "* The paper does not name its estimator. Reverse Kaplan–Meier takes death as censoring of the "
        "follow-up; as observed is the median time to death or last contact.",
        NOT_REACHED_NOTE,
    ),
)

# --- time to event ---

HAZARD_RATIO = ratio("hr")
ONLY_ARMS, ONLY_COMPARISON = tuple(ARMS), (COMPARISON,)


def endpoint(paramcd: str, title: str, free: str = "Event-free") -> tuple[Heading | Row, ...]:
    """What the paper prints about an endpoint, and the stratified model as a sensitivity analysis."""
    km = f"{paramcd}_KM"
    return (
        Heading(title),
        Row("Patients with an event — no. (%)", km, "", EVENTS_PERCENT, 1, ONLY_ARMS),
        Row("Median (95% CI) — mo", km, "", median_months("median"), 1, ONLY_ARMS),
        *(
            Row(f"{free} at {month} mo (95% CI) — %", km, str(month), RATE, 1, ONLY_ARMS)
            for month in (12, 24, 36)
        ),
        Row("Hazard ratio (95% CI)", f"{paramcd}_COX", "", HAZARD_RATIO, 1, ONLY_COMPARISON),
        Row("P value, log-rank test", f"{paramcd}_LOGRANK", "", P_VALUE, 1, ONLY_COMPARISON),
        Row(
            "Stratified hazard ratio (95% CI)†", f"{paramcd}_COX_STRAT", "", HAZARD_RATIO, 1, ONLY_COMPARISON
        ),
        Row(
            "P value, stratified log-rank test†", f"{paramcd}_LOGRANK_STRAT", "", P_VALUE, 1, ONLY_COMPARISON
        ),
    )


def _cause(cause: str, label: str) -> tuple[Row, ...]:
    return (
        Row(f"{label} — no.", "CIF", cause, number("events"), 1, ONLY_ARMS),
        Row("Incidence at 36 mo — %", "CIF", f"{cause} 36", percent("rate"), 2, ONLY_ARMS),
        Row("P value, Gray's test", "CIF_GRAY", cause, P_VALUE, 2, ONLY_COMPARISON),
    )


TIME_TO_EVENT = Display(
    name="time_to_event",
    title="Time-to-Event End Points.*",
    population=RANDOMISED,
    stub="End point",
    columns=(*EACH_ARM, Column("Lenalidomide vs. Placebo", COMPARISON)),
    rows=(
        *endpoint("TTP", "Time to progression or death"),
        *endpoint("OS", "Overall survival", free="Alive"),
        *endpoint("EFS", "Event-free survival: second primary cancer, progression or death"),
        Heading("First event after randomization (competing risks)‡"),
        *_cause("SECOND CANCER", "Second primary cancer"),
        *_cause("PROGRESSION", "Progression"),
        *_cause("DEATH", "Death"),
    ),
    footnotes=(
        "* Times since transplantation. Kaplan–Meier estimates with intervals on the log scale; Cox models "
        "with Efron's handling of ties and Wald intervals; all P values are two-sided. " + NOT_REACHED_NOTE,
        "† By the stratification factors as randomized: β2-microglobulin level, prior thalidomide, prior "
        "lenalidomide. A sensitivity analysis; the paper prints the unstratified one.",
        "‡ Times since randomization; cumulative incidence by Aalen and Johansen.",
        "The unblinding and the crossover of placebo patients came before the later cut-off; the analyses "
        "are by assigned treatment.",
    ),
)

# --- progression by investigator and by the markers ---


def _days_apart(low: float | None, high: float | None) -> str:
    """A range with a sign needs a word between its limits."""
    return NOT_ESTIMABLE if low is None or high is None else f"{format_number(low)} to {format_number(high)}"


def _concordance(criteria: str, analysis: str, parameter: str) -> tuple[Heading | Row, ...]:
    """The investigator's date of progression beside that by one set of criteria."""
    levels = {
        "SAME DATE": "Both, on the same date",
        "PDINV EARLIER": "Both, investigator earlier",
        "PDINV LATER": "Both, investigator later",
        "MORE THAN 60 DAYS": "Both, more than 60 days apart",
        "PDINV ONLY": "Investigator only",
        f"{parameter} ONLY": "Criteria only",
        "NEITHER": "Neither",
    }
    return (
        Heading(f"{criteria} — no. (%)"),
        *_levels(analysis, levels),
        Heading(f"{criteria}, days to the investigator's date†"),
        Row("Median", analysis, "DAYS APART", number("median"), 1),
        Row("Range", analysis, "DAYS APART", Show(("min", "max"), _days_apart), 1),
    )


CONCORDANCE = Display(
    name="concordance",
    title="Progression by Investigator and by Criteria.*",
    population=RANDOMISED,
    stub="Progression after randomization",
    columns=ARMS_AND_TOTAL,
    rows=(
        *_concordance("EBMT criteria", "PD_CONCORDANCE_EBMT", "PDEBMT"),
        *_concordance("IMWG criteria", "PD_CONCORDANCE_IMWG", "PDIMWG"),
    ),
    footnotes=(
        "* The criteria are applied to the markers and lesions that the sites reported. EBMT denotes European"
        " Group for Blood and Marrow Transplantation, and IMWG International Myeloma Working Group, which "
        "does not count a relapse from complete response.",
        "† From the date by the criteria, of patients with both; negative: the investigator was earlier.",
        NOT_IN_THE_PAPER,
    ),
)

# --- the protocol's design ---


def _fixed(label: str, name: str, show: Show) -> Row:
    return Row(label, "PROTOCOL", name, show, indent=1)


DAY, MONTH = date_part("value"), date_part("value", parts=2)
DESIGN = Display(
    name="design",
    title="Design of the Trial and Sample Size.*",
    population="What the protocol fixes; no patient's data",
    stub="Design parameter",
    columns=(Column("Value", TOTAL),),
    rows=(
        Heading("Eligibility"),
        _fixed("Lowest age — yr", "AGE_MIN", _value()),
        _fixed("Highest age — yr", "AGE_MAX", _value()),
        _fixed("Highest ECOG performance status", "ECOG_MAX", _value()),
        _fixed("Shortest induction therapy — mo", "INDUCTION_MONTHS_MIN", _value()),
        _fixed("Longest induction therapy — mo", "INDUCTION_MONTHS_MAX", _value()),
        _fixed("Most induction regimens — no.", "INDUCTION_REGIMENS_MAX", _value()),
        _fixed("Fewest CD34+ cells — million per kg", "CD34_MIN", _value()),
        Heading("Randomization"),
        _fixed("Earliest day after transplantation", "RANDOMISATION_DAY_MIN", _value()),
        _fixed("Latest day after transplantation", "RANDOMISATION_DAY_MAX", _value()),
        _fixed("Stratification factors — no.", "STRATA_FACTORS", _value()),
        _fixed("Limit of β2-microglobulin — mg/liter", "B2M_LIMIT", _value(1)),
        _fixed("Limit of β2-microglobulin — nmol/liter", "B2M_LIMIT_SI", _value(1)),
        Heading("Sample size: log-rank test of time to progression"),
        _fixed("One-sided significance level", "ALPHA", _value(2)),
        _fixed("Power — %", "POWER", percent("value")),
        _fixed("Hazard ratio to detect, placebo to lenalidomide", "HAZARD_RATIO", _value(1)),
        _fixed("Expected dropout before randomization — %", "DROPOUT_EXPECTED", percent("value")),
        Row("Events needed with one look", "SAMPLE_SIZE", "", number("events_fixed", 1), indent=1),
        Row("Inflation by the interim analyses", "SAMPLE_SIZE", "", number("inflation", 3), indent=1),
        Row(
            "Events needed with interim analyses", "SAMPLE_SIZE", "", number("events_sequential", 1), indent=1
        ),
        Row("Events planned", "SAMPLE_SIZE", "", number("events"), indent=1),
        Heading("Monitoring and cut-offs"),
        _fixed("Information at the first interim analysis — %", "FIRST_LOOK_INFORMATION", percent("value")),
        _fixed("Reports per year — no.", "REPORTS_PER_YEAR", _value()),
        _fixed("First report", "FIRST_REPORT_DATE", MONTH),
        _fixed("Review at which the data were released", "REVIEW_AT_RELEASE", _value()),
        _fixed("Unblinding", "UNBLINDING_DATE", DAY),
        _fixed("Long-term follow-up", "LONG_TERM_DATE", DAY),
        _fixed("Adverse events", "SAFETY_DATE", MONTH),
        _fixed("Confidence level — %", "CONFIDENCE_LEVEL", percent("value")),
    ),
    footnotes=(
        "* Events needed with one look after Schoenfeld. The paper does not name the sequential design: an "
        "O'Brien–Fleming-type spending function with three looks is assumed.",
    ),
)

DISPLAYS: tuple[Display, ...] = (
    TABLE_1, TABLE_2, TABLE_3, TABLE_S1, TABLE_S2,
    TIME_TO_EVENT, FOLLOW_UP, CONCORDANCE, DISPOSITION, EXPOSURE, DESIGN,
)  # fmt: skip

# --- listings ---


def _yes(flag: str) -> str:
    return {"Y": "Yes", "N": "No"}[flag]


def _class_of_cancer(code: str) -> str:
    return {"HEMATOLOGIC": "Hematologic", "SOLID": "Solid tumor", "NMSC": "Nonmelanoma skin"}[code]


SUBJECT, ARM = ListingColumn("SUBJID", "Subject"), ListingColumn("TRT01P", "Assigned", sentence_case)
SECOND_CANCERS = Listing(
    name="listing_second_cancers",
    title="Listing 1. Second Cancers after Randomization",
    population=f"{RANDOMISED}; every reported cancer",
    schema="adam",
    dataset="adce",
    where=pl.col("ITTFL") == "Y",
    columns=(
        SUBJECT,
        ARM,
        ListingColumn("CETERM", "Reported term"),
        ListingColumn("SPMCAT", "Category", _class_of_cancer),
        ListingColumn("ASTDT", "Diagnosis", dt.date.isoformat),
        ListingColumn("ADURRAND", "Months from randomization", partial(format_months, places=1)),
        ListingColumn("SPMFL", "Counted in Table 3", _yes),
        ListingColumn("SPMPDFL", "After progression", _yes),
        ListingColumn("XOAFTFL", "After crossover", _yes),
        ListingColumn("SPMRECFL", "Same cancer before", _yes),
        ListingColumn("ANTHRFL", "Prior anthracycline", _yes),
        ListingColumn("RESTRTFL", "Drug restarted", _yes),
    ),
    sort=("TRT01PN", "ASTDT", "SUBJID", "CESEQ"),
    footnotes=(
        "An empty cell means no. A nonmelanoma skin cancer, a second report of the same patient's cancer and "
        "an acute leukemia soon after a myelodysplastic syndrome are not counted.",
        LATER_SAFETY_DATE,
    ),
)

CATEGORY = {
    "ELIG": "Eligibility",
    "DOSE": "Dose",
    "VISIT": "Visit window",
    "CONSENT": "Consent",
    "RANDWINDOW": "Randomization window",
    "UNBLIND": "Unblinding",
    "OTHER": "Other",
}
DEVIATIONS = Listing(
    name="listing_deviations",
    title="Listing 2. Protocol Deviations",
    population="All registered patients",
    schema="sdtm",
    dataset="dv",
    columns=(
        SUBJECT,
        ListingColumn("TRT01P", "Assigned", sentence_case),
        ListingColumn("DVDECOD", "Category", CATEGORY.__getitem__),
        ListingColumn("DVTERM", "Deviation", lambda term: term[0].upper() + term[1:]),
        ListingColumn("DVSTDTC", "Date"),
        ListingColumn("DVSTDY", "Study day"),
    ),
    sort=("SUBJID", "DVSTDTC", "DVSEQ"),
    footnotes=(
        "Study day 1 is the day of the first dose of study drug; patients not randomly assigned have neither "
        "an assignment nor a study day.",
    ),
)

LISTINGS: tuple[Listing, ...] = (SECOND_CANCERS, DEVIATIONS)
