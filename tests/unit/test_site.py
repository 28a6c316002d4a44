"""The report: it shows the numbers it is given, links each, and leaves nothing dangling.

A small invented study stands in for the trial; what a browser makes of the pages is in tests/browser.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl
import pytest

from pipeline.analyse import METHODS as COMPUTED
from pipeline.conformance import run_rules
from pipeline.conformance.waivers import Waiver
from pipeline.monitoring import METHOD as REVIEWED
from pipeline.outputs.site import Card, Report, ReportFigure, ReportPage, Section, write_site
from pipeline.outputs.site.numbers_page import METHODS
from pipeline.outputs.site.words import Numbers, anchor, href
from pipeline.outputs.tables import (
    COUNT,
    COUNT_PERCENT,
    Ask,
    Column,
    Display,
    DisplayError,
    Heading,
    ResultKey,
    Row,
    Sentence,
    Table,
    ratio,
    render_table,
)
from pipeline.studies import STUDIES
from schemas.base import dtypes, empty
from schemas.quality import ByCheck, ByForm, BySite, Findings, Queries, Receipt, SetAside, Transfers
from schemas.results import Curves, Published, Results
from tests.unit import conformance_cases

CUT_OFF = dt.date(2011, 10, 31)
MADE_UP = 4711
ROWS = [
    ("AE", "LEN", "", "n", 74.0),
    ("AE", "LEN", "", "proportion", 0.3203),
    ("AE", "LEN", "STAGE <=2.5 & ÜBER", "n", float(MADE_UP)),
    ("AE", "LEN", "STAGE <=2.5 & ÜBER", "proportion", 0.5),
    ("COX", "LEN:PBO", "", "hr", 0.4804),
    ("COX", "LEN:PBO", "", "hr_lower", 0.36),
    ("COX", "LEN:PBO", "", "hr_upper", 0.63),
    ("KM", "LEN", "", "median", None),
]
STAGE = "STAGE <=2.5 & ÜBER"
HR = Sentence("The ratio is {hr} (<all>).", {"hr": Ask("COX", "LEN:PBO", "", ratio("hr"))})
DISPLAY = Display(
    name="table_1",
    title="Table 1. Events",
    population="Everybody",
    stub="Event",
    columns=(Column(Sentence("Drug (N = {n})", {"n": Ask("AE", "LEN", "", COUNT)}), "LEN", span="Group"),),
    rows=(Heading("Events"), Row("Any", "AE", indent=1), Row("Stage & more", "AE", STAGE, COUNT_PERCENT, 2)),
    footnotes=(Sentence("* At most {n}.", {"n": Ask("AE", "LEN", "", COUNT)}),),
)
CURVE = {
    "analysis": "KM", "group": "LEN", "group_label": "Drug", "colour": "#0072B2", "cause": "",
    "time": [1.0, 2.0], "estimate": [0.9, 0.8], "lower": [0.8, None], "upper": [1.0, None],
    "at_risk": [10, 9], "events": [1, 1], "censored": [0, 1], "words": ["1.0 months: 90%", "2.0 months: 80%"],
}  # fmt: skip
FIGURE = ReportFigure(
    "Figure 1",
    "figure_1.svg",
    'A curve that "falls"',
    {
        "kind": "survival",
        "x_label": "Months",
        "y_label": "Probability",
        "months": [0, 10],
        "curves": [CURVE],
        "statistics": [
            {
                "label": "Drug",
                "text": "74",
                "keys": [{"analysis": "AE", "group": "LEN", "level": "", "statistic": "n"}],
            }
        ],
    },
)
REPORT = Report(
    pages=(
        ReportPage(
            "index",
            "Summary",
            HR,
            (Section("Events", (HR,), (Card("Ratio", HR),), ("figure_1",), ("table_1",)),),
        ),
    ),
    citation="A paper, 2012.",
    about=("Invented.",),
)


def results(rows: list[tuple[Any, ...]] = ROWS) -> pl.DataFrame:
    shown = [("S", CUT_OFF, a, "Table 1", "ITT", "ADAE", g, lv, s, v, "count") for a, g, lv, s, v in rows]
    return pl.DataFrame(shown, schema=dtypes(Results), orient="row")


def published() -> pl.DataFrame:
    row = {
        "STUDYID": "S", "CUTOFF": CUT_OFF, "ID": "abs_n", "LOCATION": "abstract", "QUANTITY": "count",
        "ENDPOINT": "events", "GROUP": "LEN", "FIGURE": None, "PRINTED": "74", "SHOWN": "74",
        "COMPUTED": 74.0, "VERDICT": "match", "NOTE": "<note>", "ANALYSIS": "AE",
        "LEVEL": "", "STATISTIC": "n",
    }  # fmt: skip
    other = row | {"ID": "abs_old", "CUTOFF": dt.date(2009, 12, 17), "VERDICT": "rule conflict"}
    return pl.DataFrame([row, other], schema=dtypes(Published))


def query(name: str, **more: Any) -> dict[str, Any]:
    """An open query that nobody has answered for 500 days."""
    return {
        "QUERY": name, "CHECK_ID": "EC015", "SEVERITY": "query", "SITE": "MA034", "PATIENT": "100001",
        "FORM": "labs", "RECORD": "LAB-000001", "VERSION": 1, "COLUMN": "result", "FOUND": "<b>late</b>",
        "ASKED": "Please check.", "FIRST_SEEN": dt.date(2010, 6, 18), "LAST_SEEN": CUT_OFF, "STATE": "open",
        "AGE": 500,
    } | more  # fmt: skip


def counted(model: type, **counts: Any) -> pl.DataFrame:
    """One row of a table of counts; what is not given is nought."""
    row = {name: 0 if dtype == pl.Int64 else None for name, dtype in dtypes(model).items()}
    return pl.DataFrame([row | counts], schema=dtypes(model))


def quality() -> dict[str, pl.DataFrame]:
    finding = {
        "TRANSFER": CUT_OFF, "FILE": "t/labs.csv", "LINE": 7, "FORM": "labs", "RECORD": "1", "COLUMN": "X",
        "RULE": "number", "VALUE": "<script>alert(1)</script>", "MESSAGE": "not a number",
    }  # fmt: skip
    aside = [
        (CUT_OFF, "labs", "t/labs.csv", line, "1", 1, CUT_OFF, reason, reason)
        for line, reason in ((2, "deleted"), (3, "deleted"), (4, "superseded"))
    ]
    return {
        "transfers": empty(Transfers),
        "receipts": pl.DataFrame([("labs", CUT_OFF, "t/labs.csv", 9, 8, 1)], dtypes(Receipt), orient="row"),
        "findings": pl.DataFrame([finding], schema=dtypes(Findings)),
        "set_aside": pl.DataFrame(aside, schema=dtypes(SetAside), orient="row"),
        "queries": pl.DataFrame([query("a"), query("b", STATE="closed")], schema=dtypes(Queries)),
        "by_site": counted(BySite, SITE="MA034", REGISTERED=MADE_UP, OPEN=1, CLOSED=1, DAYS_MEDIAN=12.6),
        "by_form": counted(ByForm, FORM="labs", RECEIVED=9, OPEN=1, CLOSED=1),
        "by_check": pl.concat(
            [
                counted(ByCheck, CHECK_ID="EC015", SEVERITY="query", RULE="rule <15>", FOUND=1, OPEN=1),
                counted(ByCheck, CHECK_ID="EC016", SEVERITY="warn", RULE="rule 16"),
            ]
        ),
    }


def write(
    folder: Path,
    numbers: pl.DataFrame | None = None,
    report: Report = REPORT,
    tables: tuple[Table, ...] | None = None,
    **more: Any,
) -> dict[str, str]:
    """The report of the invented study, by file name."""
    study = replace(STUDIES["calgb_100104"], report=report)
    numbers = results() if numbers is None else numbers
    files = write_site(
        folder,
        study,
        study.cut_off("2011-10-31"),
        numbers,
        empty(Curves),
        published(),
        (render_table(DISPLAY, numbers),) if tables is None else tables,
        {"figure_1": FIGURE},
        quality(),
        **more,
    )
    return {file.name: file.read_text() for file in files}


class Read(HTMLParser):
    """What a page holds: ids, links, headings, table heads, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.headings: list[int] = []
        self.unscoped = 0
        self.unnamed_images = 0
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about: Mapping[str, str | None] = dict(attrs)
        if about.get("id"):
            self.ids.append(str(about["id"]))
        if tag == "a":
            self.links.append(str(about["href"]))
        if tag in ("link", "script", "img"):
            self.sources += [str(about[name]) for name in ("href", "src") if about.get(name)]
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        self.unscoped += tag == "th" and about.get("scope") not in ("row", "col", "colgroup")
        self.unnamed_images += tag == "img" and not about.get("alt")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write(
        tmp_path_factory.mktemp("site"), versions={"polars": "2.1"}, documents={"table_1": "table_1.rtf"}
    )


@pytest.fixture(scope="module")
def read(pages: dict[str, str]) -> dict[str, Read]:
    return {name: Read(text) for name, text in pages.items() if name.endswith(".html")}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, pages: dict[str, str]) -> None:
    more = {"versions": {"polars": "2.1"}, "documents": {"table_1": "table_1.rtf"}}
    assert write(tmp_path, **more) == pages


def test_every_page_says_that_the_data_are_synthetic(read: dict[str, Read]) -> None:
    assert set(read) == {f"{name}.html" for name in ("index", "verdicts", "numbers", "quality", "about")}
    for page in read.values():
        assert "Synthetic data: not the trial’s patients." in page.text
        assert "data cut-off 2011-10-31" in page.text


def test_every_link_leads_somewhere(pages: dict[str, str], read: dict[str, Read]) -> None:
    written_by_others = {"figure_1.svg", "figure_1.png", "table_1.rtf", "quality/queries_MA034.csv"}
    for name, page in read.items():
        assert len(set(page.ids)) == len(page.ids), name
        for link in page.links + page.sources:
            if link == "data:,":
                continue
            parts = urlsplit(link)
            assert not parts.scheme, link
            assert not parts.netloc, link
            target = parts.path or name
            assert target in pages or target in written_by_others, link
            if parts.fragment:
                assert unquote(parts.fragment) in read[target].ids, link


def test_headings_are_in_order_and_heads_have_a_scope(read: dict[str, Read]) -> None:
    for name, page in read.items():
        assert page.headings[0] == 1, name
        assert page.headings.count(1) == 1, name
        assert all(
            after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False)
        ), name
        assert (page.unscoped, page.unnamed_images) == (0, 0), name


def test_a_made_up_value_shows_wherever_it_is_asked_for(tmp_path: Path) -> None:
    changed = [(*row[:4], 0.1234 if row[3] == "hr" else row[4]) for row in ROWS]
    before, after = write(tmp_path / "a"), write(tmp_path / "b", results(changed))
    assert f">{MADE_UP}</a>" in before["index.html"]
    link = '<a class="n" href="numbers.html#COX/LEN:PBO//hr">{}</a>'
    assert before["index.html"].count(link.format("0.48")) == 3  # lead, paragraph, card
    assert after["index.html"].count(link.format("0.12")) == 3
    assert "0.1234" in after["numbers.html"]
    assert "0.48" not in after["index.html"]


def test_a_row_of_the_numbers_tells_method_sql_and_verdict(pages: dict[str, str]) -> None:
    page = pages["numbers.html"]
    assert 'id="COX/LEN:PBO//hr"' in page
    assert METHODS["count"] in page
    assert "WHERE CUTOFF = DATE &#39;2011-10-31&#39; AND ANALYSIS = &#39;COX&#39;" in page
    assert '<a href="verdicts.html#abs_n">74 (match)</a>' in page
    assert "abs_old" not in page  # a number of another cut-off
    assert ">0.4804<" in page
    assert ">null<" in page


def test_verdicts_of_another_cut_off_are_listed_without_a_link(pages: dict[str, str]) -> None:
    rows = [line for line in pages["verdicts.html"].splitlines() if line.startswith("<tr id=")]
    assert ["numbers.html#AE/LEN//n" in row for row in rows] == [True, False]
    assert "mismatch (0)" in pages["verdicts.html"]
    assert "rule conflict (1)" in pages["verdicts.html"]
    assert "Numbers that the paper prints about this cut-off: 1." in pages["index.html"]


def test_what_was_received_is_never_taken_for_markup(pages: dict[str, str]) -> None:
    assert "<script>alert" not in "".join(pages.values())
    assert "&lt;script&gt;alert(1)" in pages["quality.html"]
    assert "&lt;note&gt;" in pages["verdicts.html"]
    assert "(&lt;all&gt;)" in pages["index.html"]


def test_quality_counts_what_it_lists(read: dict[str, Read]) -> None:
    text = " ".join(read["quality.html"].text.split())
    assert "3 accepted records are not used at 2011-10-31" in text
    assert "8 + 1" in text
    assert "labs21" in "".join(read["quality.html"].text.split())  # 2 deleted, 1 superseded


def test_quality_shows_who_is_asked_what(pages: dict[str, str], read: dict[str, Read]) -> None:
    """The open query is listed, the closed one counted; the institution leads to its list."""
    page, text = pages["quality.html"], " ".join(read["quality.html"].text.split())
    assert '<a href="quality/queries_MA034.csv">MA034</a>' in page
    assert "1 queries are open, 0 were answered by a new version of the record, 1 closed" in text
    assert "1 edit checks find nothing" in text
    assert "EC016" not in text
    assert text.count("LAB-000001") == 1
    assert "&lt;b&gt;late&lt;/b&gt;" in page
    assert ">13<" in page  # the median, in whole days


def test_every_method_has_words() -> None:
    assert set(METHODS) == {*COMPUTED, REVIEWED}


KEYS = [ResultKey("A", "LEN", "", name) for name in ("a", "b", "c")]


@pytest.mark.parametrize(
    ("text", "keys", "links"),
    [
        pytest.param("74 (32)", 2, ["74", "32"], id="each number its own"),
        pytest.param("0.48 (0.36–0.63)", 3, ["0.48", "0.36", "0.63"], id="an interval"),
        pytest.param("46 (41–NR)", 3, ["46", "41", "NR"], id="not reached is a number"),
        pytest.param("1 (<1)", 2, ["1", "<1"], id="less than"),
        pytest.param("0", 2, ["0"], id="one number for two: the first"),
        pytest.param("2005-04", 1, ["2005-04"], id="a date as a whole"),
        pytest.param("words of grade 3 or 4 about a long story, 5 and 6", 2, ["1", "2"], id="a long text"),
        pytest.param("plain words, 7", 0, [], id="no number of ours"),
    ],
)
def test_numbers_become_links(text: str, keys: int, links: list[str]) -> None:
    from html import unescape

    marked = str(Numbers(results()).text(text, KEYS[:keys]))
    found = [
        unescape(part.split(">", 1)[1])
        for part in marked.split("</a>")[:-1]
        for part in [part[part.rindex("<a") :]]
    ]
    assert found == links
    assert Read(marked).text.startswith(text)


def test_an_anchor_survives_its_link() -> None:
    key = ResultKey("T1", "LEN", "A, B/C (%) <=2.5 é#1", "n")
    assert unquote(href(key)) == f"numbers.html#{anchor(key)}"
    assert " " not in anchor(key)


def test_a_number_that_results_do_not_hold_stops_the_report(tmp_path: Path) -> None:
    page = replace(REPORT.pages[0], lead=Sentence("{x}", {"x": Ask("COX", "LEN", "", COUNT)}))
    with pytest.raises(DisplayError, match=r"results hold no COX / LEN / \(empty\) / n"):
        write(tmp_path, report=replace(REPORT, pages=(page,)))
    assert not list(tmp_path.iterdir())


def test_a_table_on_no_page_stops_the_report(tmp_path: Path) -> None:
    table = replace(render_table(DISPLAY, results()), name="table_9")
    with pytest.raises(ValueError, match="on no page of the report: table_9"):
        write(tmp_path, tables=(table,))


def test_two_numbers_with_one_anchor_stop_the_report(tmp_path: Path) -> None:
    twins = [*ROWS, ("AE", "LEN", "A B", "n", 1.0), ("AE", "LEN", "A_B", "n", 2.0)]
    with pytest.raises(ValueError, match="two results share an anchor: AE/LEN/A_B/n"):
        write(tmp_path, results(twins))


def test_the_trials_report_shows_what_its_study_declares() -> None:
    study = STUDIES["calgb_100104"]
    sections = [section for _, section in study.report.sections()]
    shown = [name for section in sections for name in (*section.figures, *section.tables)]
    assert len(set(shown)) == len(shown)
    assert {value.name for value in study.figures} <= set(shown)
    assert study.report.pages[0].name == "index"


def test_the_page_on_conformance_shows_rules_waivers_and_what_is_still_found(tmp_path: Path) -> None:
    draft = conformance_cases.study()
    for rule in ("TE05", "NM18", "SU19"):
        conformance_cases.CASES[rule](draft)
    waiver = Waiver("NM18", "ADTTE", "CNSR", "an <old> label", "statistician", dt.date(2030, 1, 1))
    outcome = run_rules(
        [one.made(name) for name, one in draft.items()], on=dt.date(2021, 1, 1), waivers=[waiver]
    )
    pages = write(tmp_path, conformance={"rules": outcome.rules, "findings": outcome.findings})
    page = Read(pages["conformance.html"])
    assert "AVAL 175.0, STARTDT 2020-01-08" in page.text
    assert "an <old> label" in page.text
    assert outcome.errors
    assert f"{outcome.errors} rows break a rule of severity error" in page.text
    assert page.unscoped == 0
    assert page.headings[0] == 1
    assert "conformance.html" in Read(pages["about.html"]).links


def test_a_report_without_outcomes_of_rules_has_no_page_on_conformance(tmp_path: Path) -> None:
    pages = write(tmp_path)
    assert "conformance.html" not in pages
    assert "conformance.html" not in Read(pages["about.html"]).links
