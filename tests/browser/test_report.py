"""The trial's report in headless Chromium, opened from the disk as a reader opens it.

What does not belong here: what the pages say (tests/unit/test_site.py), how figures are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl
import pytest

from pipeline.outputs.figures import describe_figure, figure_data, figures_of
from pipeline.outputs.query_lists import write_query_lists
from pipeline.outputs.site import ReportFigure, write_site
from pipeline.outputs.site.quality_page import LISTS
from pipeline.outputs.tables import render_listing, render_table
from pipeline.studies import STUDIES
from pipeline.studies.calgb_100104.displays import DISPLAYS, LISTINGS
from pipeline.warehouse import WarehouseTable, build_release, query
from schemas.base import empty
from schemas.quality import Receipt, Transfers
from schemas.results import Results
from tests.browser.chromium import Page, browser
from tests.layers import Run, accepted_forms, run_layers, run_quality, take_in

pytestmark = pytest.mark.browser

STUDY = STUDIES["calgb_100104"]
CUT_OFF = STUDY.cut_off("2011-10-31")
PAGES = (*(page.name for page in STUDY.report.pages), "verdicts", "numbers", "quality", "about")
DESKTOP, PHONE = (1280, 900), (390, 844)
DRAWN = b'<svg xmlns="http://www.w3.org/2000/svg" width="241" height="200"/>'
"""Stands in for the figures' files, which are others' to draw."""


@pytest.fixture(scope="module")
def run(repository: Path) -> Run:
    return run_layers(STUDY, accepted_forms(STUDY, repository / "raw" / STUDY.name), CUT_OFF)


@pytest.fixture(scope="module")
def quality(repository: Path) -> dict[str, pl.DataFrame]:
    intake = take_in(STUDY, repository / "raw" / STUDY.name)
    received = {"transfers": empty(Transfers), "receipts": empty(Receipt), "findings": intake.findings}
    return run_quality(STUDY, intake) | received


@pytest.fixture(scope="module")
def site(run: Run, quality: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    figures = {}
    for value in figures_of(STUDY.figures, CUT_OFF.date):
        for suffix in (".svg", ".png"):
            (folder / value.name).with_suffix(suffix).write_bytes(DRAWN)
        words = describe_figure(value, run.results)
        data = figure_data(value, run.results, run.curves)
        figures[value.name] = ReportFigure(value.title, f"{value.name}.svg", words, data)
    tables = [render_table(display, run.results) for display in DISPLAYS]
    frames = {"adam": run.adam, "sdtm": {**run.sdtm, "adsl": run.adam["adsl"]}}
    tables += [render_listing(listing, frames[listing.schema], CUT_OFF.date) for listing in LISTINGS]
    frames_of_quality = quality | {"set_aside": run.set_aside}
    write_site(
        folder, STUDY, CUT_OFF, run.results, run.curves, run.published, tables, figures, frames_of_quality
    )
    assert write_query_lists(folder / LISTS, quality["queries"])
    return folder


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(chromium: Page) -> Page:
    chromium.resize(*DESKTOP)
    return chromium


def address(site: Path, name: str, more: str = "") -> str:
    return f"file://{site}/{name}.html{more}"


def test_what_a_report_must_not_do_is_noticed(page: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(
        "<!doctype html><h1>x</h1><img src='gone.png'><script src='http://127.0.0.1:9/x.js'></script>"
        "<script>console.error('told'); undefined_function();</script>"
    )
    page.load(f"file://{tmp_path}/bad.html")
    assert "http://127.0.0.1:9/x.js" in page.requests
    told = " ".join(page.problems)
    assert all(word in told for word in ("told", "Uncaught", "ERR_FILE_NOT_FOUND"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_from_the_disk_alone(page: Page, site: Path, name: str) -> None:
    page.load(address(site, name))
    assert page.problems == []
    assert page.requests
    assert {urlsplit(request).scheme for request in page.requests} <= {"file", "data"}
    assert page.ask("document.querySelector('h1').innerText.length") > 0
    assert page.ask("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_every_link_and_anchor_resolves(page: Page, site: Path) -> None:
    links: dict[str, list[str]] = {}
    ids: dict[str, set[str]] = {}
    for name in PAGES:
        page.load(address(site, name))
        links[name] = page.ask("[...document.querySelectorAll('a')].map((link) => link.href)")
        ids[f"{name}.html"] = set(page.ask("[...document.querySelectorAll('[id]')].map((one) => one.id)"))
    assert sum(map(len, links.values())) > 5000
    for name, found in links.items():
        for link in found:
            parts = urlsplit(link)
            file = Path(unquote(parts.path))
            assert parts.scheme == "file", (name, link)
            assert file.parent in (site, site / LISTS), (name, link)
            assert file.is_file(), (name, link)
            if parts.fragment:
                assert unquote(parts.fragment) in ids[file.name], (name, link)


def test_every_number_in_a_table_is_a_link(page: Page, site: Path, run: Run) -> None:
    unlinked = (
        "[...document.querySelectorAll('.gt_table td.gt_right')]"
        ".filter((cell) => /\\d/.test(cell.textContent) && !cell.querySelector('a.n')).length"
    )
    for name in PAGES:
        page.load(address(site, name))
        assert page.ask(unlinked) == 0, name


VISIBLE = "[...document.querySelectorAll('#verdict-table tbody tr')].filter((row) => !row.hidden)"


def type_into(page: Page, selector: str, text: str) -> None:
    page.ask(
        f"{{ const field = document.querySelector({selector!r}); field.value = {text!r}; "
        "field.dispatchEvent(new Event('input', {bubbles: true})); }"
    )


def test_verdicts_can_be_filtered(page: Page, site: Path, run: Run) -> None:
    page.load(address(site, "verdicts"))
    every = run.published.height
    assert page.ask(f"{VISIBLE}.length") == every
    page.ask("document.querySelector('[name=verdict][value=match]').click()")
    expected = run.published.filter(pl.col("VERDICT") != "match")["ID"].to_list()
    assert 0 < len(expected) < every
    assert page.ask(f"{VISIBLE}.map((row) => row.id)") == expected
    assert page.ask("document.querySelector('#shown').textContent") == f"{len(expected)} of {every} numbers"
    type_into(page, "[name=place]", "table1")
    expected = run.published.filter(pl.col("VERDICT") != "match", pl.col("LOCATION") == "table1")[
        "ID"
    ].to_list()
    assert page.ask(f"{VISIBLE}.map((row) => row.id)") == expected
    type_into(page, "[name=text]", "CALCIUM 3.1")
    assert page.ask(f"{VISIBLE}.map((row) => row.id)") == ["t1_calcium_min_pbo", "t1_calcium_min_total"]
    page.ask("document.querySelector('[type=reset]').click(), new Promise((done) => setTimeout(done, 20))")
    assert page.ask(f"{VISIBLE}.length") == every


def test_a_verdict_can_be_asked_for_by_link(page: Page, site: Path, run: Run) -> None:
    page.load(address(site, "verdicts", "?verdict=rule%20conflict"))
    expected = run.published.filter(pl.col("VERDICT") == "rule conflict")["ID"].to_list()
    assert page.ask(f"{VISIBLE}.map((row) => row.id)") == expected


@pytest.fixture(scope="module")
def warehouse(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warehouse")
    run.results.write_parquet(folder / "results.parquet")
    table = WarehouseTable("analysis", "results", Results, (folder / "results.parquet",))
    build_release(folder / "trial.duckdb", [table], comment="Synthetic data")
    return folder / "trial.duckdb"


@pytest.mark.parametrize(
    "key",
    [
        ("TTP_COX", "LEN:PBO", "", "hr"),
        ("T1_B2M", "PBO", "<=2.5", "proportion"),
        ("AE_OTHER_TERM", "LEN", "CARDIAC ISCHEMIA/INFARCTION 3-5", "n"),
    ],
)
def test_a_number_opens_with_the_sql_that_fetches_it(
    page: Page, site: Path, run: Run, warehouse: Path, key: tuple[str, str, str, str]
) -> None:
    from pipeline.outputs.site.words import href
    from pipeline.outputs.tables import ResultKey

    page.load(f"file://{site}/{href(ResultKey(*key))}")
    row = page.ask(
        "(([a, b, c, d]) => [a, b, c, d].map((x) => x.textContent))(document.querySelector('tr.here').cells)"
    )
    assert tuple(row[:3]) == key[1:]
    assert page.ask("document.querySelector('tr.here').closest('details').open")
    in_sight = "((box) => box.top > 0 && box.bottom < innerHeight)"
    assert page.ask(f"{in_sight}(document.querySelector('tr.here').getBoundingClientRect())")
    answer = query(warehouse, page.ask("document.querySelector('tr.detail').textContent"))
    assert answer.height == 1
    assert float(row[3]) == answer["VALUE"].item() == run.value(key[0], key[1], key[3], key[2])


def test_analyses_can_be_searched(page: Page, site: Path) -> None:
    page.load(address(site, "numbers"))
    type_into(page, "#find [name=text]", "table 3 group")
    shown = (
        "[...document.querySelectorAll('details.analysis')].filter((one) => !one.hidden).map((one) => one.id)"
    )
    assert page.ask(shown) == ["SPM_GROUP"]


def look_closer(page: Page, site: Path, name: str, figure: str) -> None:
    page.load(address(site, name))
    assert page.ask(f"document.querySelector('#{figure} .chart').hidden")
    page.ask(f"document.querySelector('#{figure} button.look').click()")
    assert not page.ask(f"document.querySelector('#{figure} .chart').hidden")
    assert page.ask(f"document.querySelector('#{figure} .still').hidden")


def readout(page: Page, figure: str) -> list[list[str]]:
    found: list[list[str]] = page.ask(
        f"[...document.querySelectorAll('#{figure} .readout tr')]"
        ".map((row) => [...row.cells].map((one) => one.textContent))"
    )
    return found


def test_a_curve_is_read_with_the_pointer(page: Page, site: Path, run: Run) -> None:
    look_closer(page, site, "efficacy", "figure_1b")
    middle: dict[str, Any] = page.ask(
        "((svg) => { svg.scrollIntoView({block: 'center'}); const box = svg.getBoundingClientRect();"
        " return {x: box.left + 0.9 * box.width, y: box.top + box.height / 2}; })"
        "(document.querySelector('#figure_1b svg'))"
    )
    before = readout(page, "figure_1b")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", **middle)
    after = readout(page, "figure_1b")
    assert [row[0] for row in after] == ["Lenalidomide", "Placebo"]
    assert before != after
    month = float(page.ask("document.querySelector('#figure_1b input[type=range]').value"))
    data = figure_data(
        next(value for value in STUDY.figures if value.name == "figure_1b"), run.results, run.curves
    )
    for row, curve in zip(after, data["curves"], strict=True):
        newest = max(place for place, time in enumerate(curve["time"]) if time <= month)
        assert row[1] == curve["words"][newest]


def test_a_curve_is_read_with_the_keyboard(page: Page, site: Path) -> None:
    look_closer(page, site, "efficacy", "figure_1a")
    page.ask("document.querySelector('#figure_1a input[type=range]').focus()")
    told = "document.querySelector('#figure_1a output').textContent"
    before = page.ask(told)
    page.press("ArrowRight", 39)
    after = page.ask(told)
    assert float(after.split()[0]) - float(before.split()[0]) == 0.5
    page.ask("document.querySelector('#figure_1b button.look').focus()")
    page.press(" ", 32)
    assert page.ask("document.querySelector('#figure_1b button.look').getAttribute('aria-pressed')") == "true"


def test_strata_are_switched_on_and_off(page: Page, site: Path) -> None:
    look_closer(page, site, "efficacy", "figure_s2e")
    curves = "document.querySelectorAll('#figure_s2e .chart path[stroke-width=\"2.2\"]').length"
    assert page.ask(curves) == len(readout(page, "figure_s2e")) == 4
    names = [row[0] for row in readout(page, "figure_s2e")]
    page.ask("document.querySelectorAll('#figure_s2e .controls input[type=checkbox]')[1].click()")
    assert page.ask(curves) == 3
    assert [row[0] for row in readout(page, "figure_s2e")] == [names[0], *names[2:]]


def test_an_event_is_chosen(page: Page, site: Path) -> None:
    look_closer(page, site, "second_cancers", "figure_3")
    cancer = readout(page, "figure_3")
    type_into(page, "#figure_3 select", "2")
    assert readout(page, "figure_3") != cancer
    assert len(readout(page, "figure_3")) == len(cancer) == 2


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_needs_no_sideways_scrolling(page: Page, site: Path, name: str) -> None:
    page.resize(*PHONE)
    page.load(address(site, name))
    page.ask("document.querySelectorAll('button.look').forEach((button) => button.click())")
    assert page.ask("document.documentElement.scrollWidth") <= PHONE[0]


CONTRAST = """
(() => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = colour(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const one of document.querySelectorAll("body *:not(script):not(style)")) {
    const worded = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!worded || !one.checkVisibility()) continue;
    const [a, b] = [light(colour(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.add(`${one.tagName}.${one.className}: ${one.textContent}`);
  }
  return [...low];
})()
"""


@pytest.mark.parametrize("name", PAGES)
def test_text_stands_out_from_its_ground(page: Page, site: Path, name: str) -> None:
    page.load(address(site, name))
    assert page.ask(CONTRAST) == []


def test_the_first_tab_stop_skips_to_the_content(page: Page, site: Path) -> None:
    page.load(address(site, "index"))
    page.press("Tab", 9)
    assert page.ask("document.activeElement.textContent") == "Skip to the content"
    assert page.ask("document.activeElement.getBoundingClientRect().left") >= 0


def test_print_shows_no_controls(page: Page, site: Path) -> None:
    page.load(address(site, "efficacy"))
    page.ask("document.querySelector('#figure_1a button.look').click()")
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        for selector, visible in (
            ("nav", False),
            ("#figure_1a .chart", False),
            ("#figure_1a .still", True),
            (".banner", True),
        ):
            assert page.ask(f"document.querySelector('{selector}').checkVisibility()") is visible, selector
    finally:
        page.call("Emulation.setEmulatedMedia", media="")
