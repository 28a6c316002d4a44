"""Faults in adverse events, dosing, follow-up, death, second cancers and crossover (EC092 to EC140).

What does not belong here: the checks that should find them, how records are picked and written (`engine`).
"""

from __future__ import annotations

import polars as pl

from pipeline.simulate.faults import Fault
from pipeline.simulate.faults.words import day, moved, written

c = pl.col

RELEASE = pl.date(2009, 12, 17)
KNOWN = pl.duration(days=420)
"""By so long after what it tells another form has arrived."""


def _days(n: int) -> pl.Expr:
    return pl.duration(days=n)


def _total(dose: float) -> pl.Expr:
    """What a dose adds up to on the days taken, in mg."""
    return (c("days_taken").cast(pl.Float64) * dose).round(1).cast(pl.String)


def _words(text: str) -> pl.Expr:
    return pl.lit(text, pl.String)


BLANK = pl.lit(None, pl.String)
ALIVE, FREE = c("_death").is_null(), c("_pd").is_null()
ON_STUDY = c("_randomised")
LONG_AGO = day("start_dt") + KNOWN <= c("_transfer")
"""An adverse event beside which the other forms of its time are known."""
SEVERE = c("grade").is_in(["3", "4"])
COUNTS = ("NEUTROPENIA", "THROMBOCYTOPENIA")
PLAIN_CYCLE = (c("modification") == "NONE") & (c("treatment_phase") == "BLINDED") & (c("days_taken") != "0")
"""A cycle of blinded capsules that were taken without a change."""
UNCHANGED = PLAIN_CYCLE & (c("capsule_dose") == "10") & (c("schedule") == "D1-28")


def _of_cycle(later: int, column: str) -> pl.Expr:
    """The column so many cycles later."""
    return c(column).shift(-later).over("patient_id", order_by=c("cycle_no").cast(pl.Int64))


def _contact_before(column: str) -> pl.Expr:
    """The column at the patient's contact before."""
    return c(column).shift(1).over("patient_id", order_by="contact_dt")


LATE_CYCLE = UNCHANGED & (c("days_taken") == "28") & (_of_cycle(1, "modification") == "NONE")
"""A whole cycle, and nothing changed in the next one either."""
CYCLE_KNOWN = day("cycle_start_dt") + KNOWN <= c("_transfer")
OFF_KNOWN = (c("off_phase") == "BLINDED") & (day("off_treatment_dt") + KNOWN <= c("_transfer"))
UNRELATED_REASON = c("off_reason").is_in(["REFUSAL", "OTHER"])
CONTACT_ONLY = (
    (c("progression_since_last") == "N") & (c("new_therapy") == "N") & (c("vital_status") == "ALIVE")
)

ADVERSE_EVENTS = (
    Fault(
        name="adverse event in the words of CTCAE version 4",
        form="adverse_events",
        check="EC092",
        among=c("ctcae_term") == "Neutrophils/granulocytes",
        writes={"ctcae_term": _words("Neutrophil count decreased")},
        share=2,
    ),
    Fault(
        name="adverse event in another category than its own",
        form="adverse_events",
        check="EC092",
        among=c("ctcae_term") == "Nausea",
        writes={"ctcae_category": _words("PAIN")},
    ),
    Fault(
        name="adverse event in words of the site",
        form="adverse_events",
        check="EC093",
        among=(c("ctcae_term") == "Platelets") & (c("grade") == "2"),
        writes={"ctcae_term": _words("low counts")},
        share=2,
    ),
    Fault(
        name="grade that does not exist",
        form="adverse_events",
        check="EC094",
        among=c("ctcae_term") == "Diarrhea",
        writes={"grade": _words("6")},
    ),
    Fault(
        name="grade that the term does not have",
        form="adverse_events",
        check="EC094",
        among=(c("ctcae_term") == "Nausea") & (c("grade") == "1"),
        writes={
            "ctcae_term": _words("Alopecia"),
            "ctcae_category": _words("DERMATOLOGY/SKIN"),
            "grade": _words("4"),
        },
    ),
    Fault(
        name="grade 5 of a patient who lives",
        form="adverse_events",
        check="EC095",
        among=ALIVE & (c("grade") == "4") & (c("outcome") == "RESOLVED"),
        writes={"grade": _words("5")},
        share=2,
    ),
    Fault(
        name="fatal outcome of grade 4",
        form="adverse_events",
        check="EC096",
        among=ALIVE & (c("grade") == "4") & (c("outcome") == "RESOLVED"),
        writes={"outcome": _words("FATAL")},
        share=2,
    ),
    Fault(
        name="adverse event that ends before it starts",
        form="adverse_events",
        check="EC097",
        among=day("end_dt").is_not_null() & (day("start_dt") > c("_rand") + _days(30)),
        writes={"end_dt": moved("start_dt", "-9d")},
        share=2,
    ),
    Fault(
        name="ongoing adverse event with an end",
        form="adverse_events",
        check="EC097",
        among=day("end_dt").is_not_null() & (c("ongoing") == "N"),
        writes={"ongoing": _words("Y")},
    ),
    Fault(
        name="adverse event before consent",
        form="adverse_events",
        check="EC098",
        among=c("grade").is_in(["1", "2"]) & day("end_dt").is_not_null(),
        writes={
            "start_dt": written(c("_reg") - _days(200)),
            "end_dt": written(c("_reg") - _days(190)),
            "cycle_no": _words("0"),
        },
        share=2,
    ),
    Fault(
        name="adverse event between transplantation and randomization",
        form="adverse_events",
        check="EC099",
        among=ON_STUDY & c("grade").is_in(["1", "2"]) & (day("start_dt") > c("_rand")),
        writes={
            "start_dt": written(c("_rand") - _days(60)),
            "end_dt": written(c("_rand") - _days(50)),
            "cycle_no": _words("0"),
            "action": _words("NA"),
        },
    ),
    Fault(
        name="overlapping row of the same adverse event",
        form="adverse_events",
        check="EC100",
        among=(c("grade") == "1") & (day("end_dt") > day("start_dt") + _days(3)),
        writes={"grade": _words("2"), "start_dt": moved("start_dt", "2d")},
        share=2,
        how="extra",
    ),
    Fault(
        name="severe adverse event without attribution",
        form="adverse_events",
        check="EC101",
        among=SEVERE,
        writes={"attribution": BLANK},
        share=2,
    ),
    Fault(
        name="drug held by the event, not by the dose form",
        form="adverse_events",
        check="EC102",
        # Of a patient who never had an action and stayed on: no other event has changed the dose.
        among=(
            (c("action") == "NONE")
            & (c("cycle_no") == "1")
            & c("action").is_in(["NONE", "NA"]).all().over("patient_id")
            & (c("cycle_no").cast(pl.Int64).max().over("patient_id") >= 4)
            & LONG_AGO
        ),
        writes={"action": _words("DRUG_HELD")},
        share=2,
    ),
    Fault(
        name="drug stopped by the event, treatment ended for another reason",
        form="adverse_events",
        check="EC103",
        among=(
            (c("action") == "NONE")
            & (c("_pd") + KNOWN <= c("_transfer"))
            & (day("start_dt") > c("_pd") - _days(120))
            & (day("start_dt") < c("_pd"))
        ),
        writes={"action": _words("DRUG_STOPPED")},
    ),
    Fault(
        name="second cancer as adverse event only",
        form="adverse_events",
        check="EC104",
        among=c("_spm").is_null() & (c("grade") == "2") & (day("start_dt") > c("_rand")) & LONG_AGO,
        writes={
            "ctcae_term": _words("Secondary malignancy - possibly related to cancer treatment"),
            "ctcae_category": _words("SECONDARY MALIGNANCY"),
            "grade": _words("3"),
        },
        how="extra",
    ),
)

DOSING = (
    Fault(
        name="dose above 15 mg",
        form="treatment_dose",
        check="EC105",
        among=UNCHANGED,
        writes={"capsule_dose": _words("25"), "total_dose": _total(25)},
        share=2,
    ),
    Fault(
        name="dose that no capsules make",
        form="treatment_dose",
        check="EC106",
        among=UNCHANGED & (c("cycle_no") != "1"),
        writes={"capsule_dose": _words("7.5"), "total_dose": _total(7.5)},
        share=2,
    ),
    Fault(
        name="first cycle with 15 mg",
        form="treatment_dose",
        check="EC107",
        among=UNCHANGED & (c("cycle_no") == "1"),
        writes={"capsule_dose": _words("15"), "total_dose": _total(15)},
    ),
    Fault(
        name="escalated in the second cycle",
        form="treatment_dose",
        check="EC108",
        among=UNCHANGED & (c("cycle_no") == "2") & (c("received_dt") >= _of_cycle(-1, "received_dt")),
        writes={
            "capsule_dose": _words("15"),
            "total_dose": _total(15),
            "modification": _words("ESCALATED"),
            "mod_reason": _words("PLANNED_ESCALATION"),
        },
    ),
    Fault(
        name="neutrophils of 0.3 and no hold",
        form="treatment_dose",
        check="EC109",
        among=LATE_CYCLE & CYCLE_KNOWN,
        writes={"anc_nadir": _words("0.3")},
    ),
    Fault(
        name="platelets of 12 and no hold",
        form="treatment_dose",
        check="EC109",
        among=LATE_CYCLE & CYCLE_KNOWN,
        writes={"plt_nadir": _words("12")},
    ),
    Fault(
        name="restarted above the dose that was held",
        form="treatment_dose",
        check="EC110",
        among=(
            (c("modification") == "REDUCED")
            & c("mod_reason").is_in(COUNTS)
            & (c("cycle_no").cast(pl.Int64) > 4)
            & CYCLE_KNOWN
        ),
        writes={"capsule_dose": _words("15"), "total_dose": _total(15), "modification": _words("RESUMED")},
    ),
    Fault(
        name="first cycle before randomization",
        form="treatment_dose",
        check="EC111",
        among=PLAIN_CYCLE & (c("cycle_no") == "1"),
        writes={"cycle_start_dt": written(c("_rand") - _days(9))},
    ),
    Fault(
        name="first cycle more than 30 days after randomization",
        form="treatment_dose",
        check="EC111",
        among=(
            PLAIN_CYCLE
            & (c("cycle_no") == "1")
            & (day("received_dt") > c("_rand") + _days(75))
            & (day("completed_dt") > c("_rand") + _days(60))
        ),
        writes={
            "cycle_start_dt": written(c("_rand") + _days(32)),
            "cycle_end_dt": written(c("_rand") + _days(59)),
        },
    ),
    Fault(
        name="cycle that begins before the last one ends",
        form="treatment_dose",
        check="EC112",
        among=PLAIN_CYCLE & (c("cycle_no").cast(pl.Int64) > 2) & CYCLE_KNOWN,
        writes={"cycle_start_dt": moved("cycle_start_dt", "-20d")},
    ),
    Fault(
        name="cycle entered twice with another end",
        form="treatment_dose",
        check="EC112",
        among=PLAIN_CYCLE,
        writes={"cycle_end_dt": moved("cycle_end_dt", "-1d")},
        how="extra",
    ),
    Fault(
        name="more days than the cycle has",
        form="treatment_dose",
        check="EC113",
        among=UNCHANGED & (c("days_taken") == "28"),
        writes={"days_taken": _words("35"), "total_dose": _words("350")},
    ),
    Fault(
        name="total that is not dose times days",
        form="treatment_dose",
        check="EC113",
        among=UNCHANGED & (c("days_taken") == "28"),
        writes={"total_dose": _words("208")},
    ),
    Fault(
        name="dosing after progression",
        form="treatment_dose",
        check="EC114",
        among=(
            (c("treatment_phase") == "BLINDED")
            & (day("cycle_start_dt") < c("_pd"))
            & (day("received_dt") > c("_pd") + _days(100))
            & (c("_pd") + KNOWN <= c("_transfer"))
        ),
        writes={
            "cycle_no": _words("99"),
            "cycle_start_dt": written(c("_pd") + _days(62)),
            "cycle_end_dt": written(c("_pd") + _days(89)),
            "completed_dt": written(c("_pd") + _days(95)),
            "days_taken": _words("28"),
            "total_dose": (c("capsule_dose").cast(pl.Float64) * 28).cast(pl.String),
            "modification": _words("NONE"),
            "mod_reason": BLANK,
        },
        how="extra",
    ),
    Fault(
        name="open-label capsules before the release",
        form="treatment_dose",
        check="EC115",
        among=PLAIN_CYCLE & (day("cycle_start_dt") < RELEASE),
        writes={"treatment_phase": _words("OPEN_LABEL_LEN")},
        share=2,
    ),
)

OFF_TREATMENT = (
    Fault(
        name="last dose long before the last cycle ends",
        form="off_treatment",
        check="EC116",
        among=OFF_KNOWN & (day("last_dose_dt") > c("_rand") + _days(150)),
        writes={"last_dose_dt": moved("last_dose_dt", "-75d")},
        share=2,
    ),
    Fault(
        name="off treatment for a progression that nobody reports",
        form="off_treatment",
        check="EC117",
        among=OFF_KNOWN & FREE & ON_STUDY & UNRELATED_REASON & day("last_dose_dt").is_not_null(),
        writes={"off_reason": _words("PROGRESSION"), "off_reason_text": BLANK},
    ),
    Fault(
        name="progression and no end of treatment yet",
        form="off_treatment",
        check="EC117",
        among=(
            OFF_KNOWN
            & (c("off_reason") == "PROGRESSION")
            & (c("_pd") > c("_rand"))
            & (c("_pd") + KNOWN <= c("_transfer"))
        ),
        writes={},
        how="late",
    ),
    Fault(
        name="off treatment by the death of a patient who lives",
        form="off_treatment",
        check="EC118",
        among=OFF_KNOWN & ALIVE & ON_STUDY & UNRELATED_REASON & day("last_dose_dt").is_not_null(),
        writes={"off_reason": _words("DEATH"), "off_reason_text": BLANK},
    ),
)

FOLLOW_UP = (
    Fault(
        name="dead by the contact, no death report",
        form="follow_up",
        check="EC119",
        among=ALIVE & CONTACT_ONLY & (day("contact_dt") + KNOWN <= c("_transfer")),
        writes={"vital_status": _words("DEAD")},
    ),
    Fault(
        name="alive after death",
        form="follow_up",
        check="EC119",
        among=(
            (c("vital_status") == "ALIVE")
            & (day("contact_dt") < c("_death"))
            & (day("received_dt") > c("_death") + _days(2))
            & (c("_death") + KNOWN <= c("_transfer"))
        ),
        writes={
            "contact_dt": written(c("_death") + _days(1)),
            "completed_dt": written(c("_death") + _days(2)),
        },
    ),
    Fault(
        name="contact dated earlier than the one before",
        form="follow_up",
        check="EC121",
        among=CONTACT_ONLY
        & (_contact_before("contact_dt") > moved("contact_dt", "-240d"))
        & (_contact_before("completed_dt") < c("completed_dt"))
        & (_contact_before("received_dt") <= c("received_dt")),
        writes={"contact_dt": moved("contact_dt", "-250d"), "last_disease_assess_dt": BLANK},
    ),
    Fault(
        name="out of sight and not called lost",
        form="follow_up",
        check="EC122",
        among=(c("lost_to_fu") == "Y") & (day("contact_dt") + _days(370) < c("_transfer")),
        writes={"lost_to_fu": _words("N")},
    ),
    Fault(
        name="progression at a contact that no assessment shows",
        form="follow_up",
        check="EC123",
        among=ON_STUDY & FREE & CONTACT_ONLY & (day("contact_dt") > c("_rand") + _days(60)),
        writes={"progression_since_last": _words("Y"), "progression_dt": moved("contact_dt", "-20d")},
        share=2,
    ),
    Fault(
        name="assessment after the contact that tells it",
        form="follow_up",
        check="EC124",
        among=day("last_disease_assess_dt").is_not_null()
        & (day("received_dt") > day("contact_dt") + _days(5)),
        writes={"last_disease_assess_dt": moved("contact_dt", "2d")},
        share=2,
    ),
    Fault(
        name="new therapy that no form tells",
        form="follow_up",
        check="EC125",
        among=c("_next").is_null() & CONTACT_ONLY & ON_STUDY & FREE,
        writes={"new_therapy": _words("Y")},
    ),
    Fault(
        name="next therapy before transplantation",
        form="subsequent_therapy",
        check="EC126",
        among=day("start_dt").is_not_null() & (c("_tx") + KNOWN <= c("_transfer")),
        writes={"start_dt": written(c("_tx") - _days(30))},
    ),
)

DEATHS = (
    Fault(
        name="death after a progression that nobody reports",
        form="death",
        check="EC128",
        among=FREE & (c("cause") != "MYELOMA"),
        writes={"cause": _words("MYELOMA"), "cause_text": BLANK},
    ),
    Fault(
        name="death before the last contact",
        form="death",
        check="EC120",
        # Contacts of a year before it are known.
        among=ON_STUDY
        & (c("_death") > c("_rand") + _days(500))
        & (c("_death") + _days(60) <= c("_transfer")),
        writes={"death_dt": written(c("_death") - _days(400))},
    ),
    Fault(
        name="death by the treatment without a fatal event",
        form="death",
        check="EC096",
        # Infections and the heart are fatal events of some patients.
        among=c("cause") == "OTHER",
        writes={"cause": _words("TREATMENT")},
    ),
    Fault(
        name="second date of death",
        form="death",
        check="EC127",
        among=day("death_dt").is_not_null(),
        writes={"death_dt": moved("death_dt", "-3d")},
        how="extra",
    ),
    Fault(
        name="death without a cause",
        form="death",
        check="EC127",
        among=c("cause").is_in(["INFECTION", "OTHER", "MYELOMA"]),
        writes={"cause": BLANK},
    ),
)

AFTER_RANDOMIZATION = day("dx_dt") > c("_rand")
SECOND_CANCERS = (
    # The rarest first: a patient has one fault at a time.
    Fault(
        name="second cancer after progression, not said so",
        form="new_primary_cancer",
        check="EC131",
        among=c("after_pd") == "Y",
        writes={"after_pd": _words("N")},
    ),
    Fault(
        name="second cancer before randomization",
        form="new_primary_cancer",
        check="EC129",
        among=ON_STUDY & AFTER_RANDOMIZATION,
        writes={"dx_dt": written(c("_rand") - _days(180))},
    ),
    Fault(
        name="skin cancer among the solid tumours",
        form="new_primary_cancer",
        check="EC130",
        among=c("spm_class").is_in(["NMSC_BCC", "NMSC_SCC"]),
        writes={"spm_class": _words("SOLID")},
    ),
    Fault(
        name="one cancer reported twice",
        form="new_primary_cancer",
        check="EC132",
        among=AFTER_RANDOMIZATION & (c("spm_class") == "SOLID"),
        writes={"dx_dt": moved("dx_dt", "15d"), "report_source": _words("AE")},
        how="extra",
    ),
    Fault(
        name="cancer of the same site before",
        form="new_primary_cancer",
        check="EC133",
        among=AFTER_RANDOMIZATION & (c("same_primary_before") == "N"),
        writes={"same_primary_before": _words("Y")},
    ),
    Fault(
        name="cancer in situ",
        form="new_primary_cancer",
        check="EC134",
        among=AFTER_RANDOMIZATION & (c("invasive") == "Y") & (c("spm_group") != "MDS"),
        writes={"invasive": _words("N")},
    ),
    Fault(
        name="cancer without histology",
        form="new_primary_cancer",
        check="EC134",
        among=AFTER_RANDOMIZATION & (c("histology_confirmed") == "Y"),
        writes={"histology_confirmed": _words("N")},
    ),
    Fault(
        name="new cancer by the questionnaire only",
        form="spm_questionnaire",
        check="EC135",
        among=c("_spm").is_null() & (c("any_new_cancer") == "N"),
        writes={"any_new_cancer": _words("Y")},
    ),
)

TAKEN_UP = c("declined") == "N"
CROSSOVER = (
    Fault(
        name="crossed over after progression",
        form="crossover",
        check="EC137",
        among=TAKEN_UP & (c("pd_before") == "N"),
        writes={"pd_before": _words("Y")},
    ),
    Fault(
        name="crossed over before the release",
        form="crossover",
        check="EC138",
        among=TAKEN_UP,
        writes={"crossover_reg_dt": _words("2009-11-20")},
    ),
    Fault(
        name="open-label capsules before crossing over",
        form="crossover",
        check="EC138",
        among=TAKEN_UP & day("first_len_dt").is_not_null(),
        writes={"first_len_dt": moved("crossover_reg_dt", "-4d")},
    ),
    Fault(
        name="declined and entered as crossed over",
        form="crossover",
        check="EC139",
        among=(c("declined") == "Y") & (day("received_dt") > day("crossover_reg_dt") + _days(5)),
        writes={"declined": _words("N"), "first_len_dt": moved("crossover_reg_dt", "3d")},
    ),
)

TREATMENT_FAULTS: tuple[Fault, ...] = (
    *ADVERSE_EVENTS,
    *DOSING,
    *OFF_TREATMENT,
    *FOLLOW_UP,
    *DEATHS,
    *SECOND_CANCERS,
    *CROSSOVER,
)
"""At least one for each check of adverse events to crossover (EC092 to EC140), but for two: rounds of the
questionnaire (EC136) and counts at release (EC140) are complete at a cut-off only, where no fault may be."""
