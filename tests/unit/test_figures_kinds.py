"""Forest plots, flow diagrams and curves by factor: what is particular to each kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.outputs.figures import describe_figure, figure_data, render_figure
from pipeline.studies.calgb_100104.analyses import FACTORS, LEVELS
from pipeline.studies.calgb_100104.endpoints import EFS, OS, SENSITIVITY, TTP
from pipeline.studies.calgb_100104.figures import FACTORS as FOREST
from pipeline.studies.calgb_100104.protocol import STUDY
from tests.figures import BY_NAME, changed, make_curves, make_results
from tests.unit.test_figures import svg_texts, texts

DASH, HYPHEN = "\N{EN DASH}", "\N{NON-BREAKING HYPHEN}"


def forest_axes(figure: Figure) -> Axes:
    (axes,) = [one for one in figure.axes if one.get_xscale() == "log"]
    return axes


def circles(figure: Figure) -> dict[str, tuple[float, float]]:
    """Hazard ratio and radius of each circle, by its level."""
    drawn = [line for line in forest_axes(figure).lines if str(line.get_gid()).startswith("circle ")]
    return {
        str(line.get_gid()).removeprefix("circle "): (line.get_xdata()[0], line.get_markersize() / 2)
        for line in drawn
    }


def test_a_forest_has_a_circle_at_every_ratio_with_a_radius_of_one_over_the_variance() -> None:
    figure = render_figure(BY_NAME["figure_2a"], make_results(), make_curves())
    drawn = circles(figure)
    assert len(drawn) == 1 + 2 * len(FOREST)
    assert drawn["TTP_COX"][0] == 0.415
    assert drawn["CR=N"][0] == 1.335
    # standard errors 0.175, 0.21 and 0.34
    assert drawn["TTP_COX"][1] / drawn["CR=Y"][1] == pytest.approx((0.21 / 0.175) ** 2)
    assert drawn["CR=Y"][1] / drawn["CR=N"][1] == pytest.approx((0.34 / 0.21) ** 2)


def test_the_exponent_of_the_radius_is_the_protocols(tmp_path: Path) -> None:
    results = changed(make_results(), -1, LEVEL="FOREST_RADIUS_EXPONENT")
    figure = render_figure(BY_NAME["figure_2b"], results, make_curves())
    drawn = circles(figure)
    assert drawn["CR=Y"][1] / drawn["CR=N"][1] == pytest.approx(0.34 / 0.21)
    assert any("proportional to SE⁻¹ " in text for text in svg_texts(figure, tmp_path))


def test_a_forest_prints_events_ratios_and_interactions(tmp_path: Path) -> None:
    results = changed(make_results(), 0.0717, ANALYSIS="TTP_FOREST", LEVEL="PRLEN", STATISTIC="p_interaction")
    shown = svg_texts(render_figure(BY_NAME["figure_2a"], results, make_curves()), tmp_path)
    for text in ("83/217", "127/211", f"0.42 (0.30{DASH}0.59)", f"1.34 (1.16{DASH}1.73)", "0.07"):
        assert shown.count(text) == (len(FOREST) if text.startswith("1.34") else 1), text
    assert shown.count("0.04") == len(FOREST) - 1
    assert shown.count("39/109") == shown.count("40/109") == 2 * len(FOREST)
    assert any("Favors lenalidomide" in text for text in shown)


def test_lines_of_a_forest_are_the_intervals_and_references_stand_at_one_and_overall() -> None:
    axes = forest_axes(render_figure(BY_NAME["figure_2a"], make_results(), make_curves()))
    spans = [tuple(line.get_xdata()) for line in axes.lines]
    assert spans.count((0.155, 0.725)) == spans.count((1.155, 1.725)) == len(FOREST)
    assert (0.295, 0.585) in spans
    assert [1, 1] in [list(span) for span in spans]
    assert [0.415, 0.415] in [list(span) for span in spans]
    low, high = axes.get_xlim()
    assert low <= 0.155
    assert high >= 1.725


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    results = changed(make_results(), 0.001, ANALYSIS="TTP_FOREST", LEVEL="CR=Y", STATISTIC="hr_lower")
    axes = forest_axes(render_figure(BY_NAME["figure_2a"], results, make_curves()))
    low, _ = axes.get_xlim()
    (arrow,) = [line for line in axes.lines if line.get_marker() == "<"]
    assert low == 0.05
    assert list(arrow.get_xdata()) == [low]


@pytest.mark.parametrize("gone", [False, True], ids=["null", "absent"])
def test_a_ratio_that_cannot_be_estimated_has_no_circle_and_says_so(gone: bool, tmp_path: Path) -> None:
    here = (pl.col("LEVEL") == "B2M=GT2.5") & (pl.col("GROUP") == "LEN:PBO")
    results = make_results()
    results = results.filter(~here) if gone else results.with_columns(VALUE=pl.when(~here).then("VALUE"))
    figure = render_figure(BY_NAME["figure_2a"], results, make_curves())
    assert "B2M=GT2.5" not in circles(figure)
    assert svg_texts(figure, tmp_path).count("not estimable") == 1
    shown = svg_texts(render_figure(BY_NAME["figure_s2c"], results, make_curves()), tmp_path)
    assert "Hazard ratio, not estimable" in shown


def test_sensitivity_analyses_stand_beside_the_primary_one(tmp_path: Path) -> None:
    value = BY_NAME["sensitivity"]
    results = changed(make_results(), 0.555, ANALYSIS="TTPXO_COX_STRAT", STATISTIC="hr")
    results = changed(results, 0.0123, ANALYSIS="TTPXO_LOGRANK_STRAT")
    figure = render_figure(value, results, make_curves())
    drawn = circles(figure)
    sensitivity = [f"{endpoint.paramcd}_COX" for endpoint in (TTP, OS, EFS, *SENSITIVITY)]
    models = {*sensitivity, "TTP_RPSFT", "OS_RPSFT"}
    assert set(drawn) == {*models, *(f"{model}_STRAT" for model in models)}
    assert drawn["TTPXO_COX_STRAT"][0] == 0.555
    dashed = [line for line in forest_axes(figure).lines if line.is_dashed()]
    assert [list(line.get_xdata()) for line in dashed] == 3 * [[0.415, 0.415]]
    # three blocks of a heading and 16, 8 and 4 models: from heading to heading
    assert [list(line.get_ydata()) for line in dashed] == [[31, 14], [14, 5], [5, 0]]
    shown = svg_texts(figure, tmp_path)
    assert shown.count(f"0.56 (0.30{DASH}0.59)") == shown.count("0.01") == 1
    assert shown.count("83/217") == len(sensitivity) + 2  # the stratified model is of the same patients
    words = f"Stratified: 0.56 (95% CI, 0.30{DASH}0.59) (P = 0.01 by log-rank test)"
    assert words in describe_figure(value, results)


def test_figures_name_levels_and_analyses_that_exist() -> None:
    ids = {analysis.id for analysis in STUDY.analyses}
    assert {factor.code for factor in FOREST} == set(FACTORS)
    for factor in FOREST:
        assert {code for code, _ in factor.levels} == set(LEVELS.get(factor.code, ("Y", "N")))
    for value in BY_NAME.values():
        levels = [level.estimate for level in getattr(value, "levels", ())]
        named = [
            getattr(value, name) for name in ("estimate", "test", "model", "forest") if hasattr(value, name)
        ]
        models = [model for _, block in getattr(value, "blocks", ()) for model in block]
        asked = [id for model in models for id in (model.model, model.test, model.estimate)]
        assert {*levels, *named, *asked} <= ids, value.name


def test_curves_by_factor_tell_the_group_by_colour_and_the_level_by_dash(tmp_path: Path) -> None:
    figure = render_figure(BY_NAME["figure_s2e"], make_results(), make_curves())
    (axes,) = [one for one in figure.axes if one.get_ylabel()]
    curves = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    looks = [(line.get_color(), line.is_dashed()) for line in curves]
    assert len(looks) == len(set(looks)) == 4
    assert len({colour for colour, _ in looks}) == 2
    shown = svg_texts(figure, tmp_path)
    assert f"Hazard ratio, 0.34 (95% CI, 0.16{DASH}0.73)" in shown  # 0.335, 0.155, 0.725 half up
    assert f"Hazard ratio, 1.34 (95% CI, 1.16{DASH}1.73)" in shown
    assert "P = 0.04 for interaction" in shown
    assert shown.count("83/217") == 2
    assert shown.count("121") == 2  # at risk in two levels


def test_a_level_without_patients_has_no_curve_and_zeros_at_risk(tmp_path: Path) -> None:
    nobody = (pl.col("GROUP") == "LEN") & pl.col("LEVEL").is_in(["CR=Y"])
    gone = (pl.col("GROUP") == "LEN") & (pl.col("ANALYSIS") == "TTP_KM_CR_Y")
    results, curves = make_results().filter(~nobody & ~gone), make_curves().filter(~gone)
    figure = render_figure(BY_NAME["figure_s2g"], results, curves)
    (axes,) = [one for one in figure.axes if one.get_ylabel()]
    assert len([line for line in axes.lines if line.get_drawstyle() == "steps-post"]) == 3
    shown = svg_texts(figure, tmp_path)
    assert "no patients" in shown
    assert shown.count("0") == 8 + 1  # eight numbers at risk, the origin of the axis
    assert "Lenalidomide: no patients" in describe_figure(BY_NAME["figure_s2g"], results)
    assert len(figure_data(BY_NAME["figure_s2g"], results, curves)["curves"]) == 3
    # with patients in the forest, curves that are missing are an error
    with pytest.raises(KeyError, match="TTP_KM_CR_Y"):
        render_figure(
            BY_NAME["figure_s2g"], results.filter(~gone).vstack(make_results().filter(nobody)), curves
        )


def test_a_forest_analysis_that_is_missing_is_an_error() -> None:
    results = make_results().filter(pl.col("ANALYSIS") != "TTP_FOREST")
    for name in ("figure_2a", "figure_s2c"):
        with pytest.raises(KeyError, match="no results of TTP_FOREST"):
            render_figure(BY_NAME[name], results, make_curves())


def test_a_flow_prints_its_counts_with_reasons_most_frequent_first() -> None:
    figure = render_figure(BY_NAME["figure_s1b"], make_results(), make_curves())
    shown = [text.get_text() for text in texts(figure)]

    def number(label: str) -> str:
        return shown[shown.index(label) + 1]

    assert number("Registered before transplantation") == "531"
    assert number("Not randomized") == "103"
    assert shown.index("Withdrawal by subject") < shown.index("Progression")
    assert number("Assigned to lenalidomide") == "217"
    assert number("Eligible to cross over at unblinding") == "101"
    assert number("Crossed over to lenalidomide") == "84"
    assert number("Death") == "23"
    assert shown.count("Ongoing") == 2  # lenalidomide, and placebo after crossover; 0 is left out
    assert "0" not in shown


def test_a_flow_in_words_and_as_data_has_the_same_boxes() -> None:
    results = make_results()
    described = describe_figure(BY_NAME["figure_s1b"], results)
    assert "Not randomized: 103 (withdrawal by subject 70, progression 33)" in described
    data = figure_data(BY_NAME["figure_s1b"], results, make_curves())
    assert [line["text"] for line in data["excluded"]] == ["103", "70", "33"]
    assert [len(arm) for arm in data["arms"]] == [4, 4]
    assert data["arms"][0][2] == []  # no crossover in the lenalidomide group
    assert data["arms"][1][2][0]["text"] == "101"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"ANALYSIS": "REGISTERED", "LEVEL": "NOT RANDOMISED", "GROUP": "TOTAL"},
            "excluded and randomized are 530: Not randomized 102, Randomized 428",
        ),
        (
            {"ANALYSIS": "DISCONTINUED_STARTED", "LEVEL": "ADVERSE EVENT", "GROUP": "LEN"},
            r"Discontinued \(LEN\) is 117, its parts are 182: Adverse event 102, Progressive disease 80",
        ),
        (
            {"ANALYSIS": "CROSSOVER", "LEVEL": "NOT CROSSED OVER", "GROUP": "PBO"},
            r"Eligible to cross over at unblinding \(PBO\) is 101, its parts are 186",
        ),
        (
            {"ANALYSIS": "TTP_KM", "STATISTIC": "n", "GROUP": "LEN"},
            r"Assigned to lenalidomide \(LEN\) is 217, analyzed are 102",
        ),
        (
            {"ANALYSIS": "RANDOMISED", "GROUP": "PBO"},
            r"Randomized \(TOTAL\) is 428, the arms are 319",
        ),
    ],
    ids=["excluded", "reasons", "crossover", "analyzed", "arms"],
)
def test_a_flow_that_does_not_add_up_is_an_error_that_says_where(where: dict[str, str], message: str) -> None:
    results = changed(make_results(), 102, **where)
    with pytest.raises(ValueError, match=f"figure_s1b does not add up: .*{message}"):
        render_figure(BY_NAME["figure_s1b"], results, make_curves())
    with pytest.raises(ValueError, match="does not add up"):
        describe_figure(BY_NAME["figure_s1b"], results)


def test_recruitment_rises_to_everybody_and_never_by_arm(tmp_path: Path) -> None:
    value = BY_NAME["recruitment"]
    figure = render_figure(value, make_results(), make_curves())
    (axes,) = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[0, 13, 13, 531], [0, 0, 7, 428]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2007"]
    assert list(axes.get_xticks()) == [1]  # the end of December is the New Year
    shown = svg_texts(figure, tmp_path)
    assert {"Registered: 531", "Randomly assigned: 428"} <= set(shown)
    changed_to = changed(make_results(), 529, ANALYSIS="RECRUITMENT", LEVEL="REGISTERED 2007-02")
    assert "Registered: 529" in svg_texts(render_figure(value, changed_to, make_curves()), tmp_path)
    rows = figure_data(value, make_results(), make_curves())["rows"]
    assert [(row["label"], [count["text"] for count in row["counts"]]) for row in rows] == [
        (f"2006{HYPHEN}12", ["13", "13", "0", "0"]),
        (f"2007{HYPHEN}01", ["0", "13", "7", "7"]),
        (f"2007{HYPHEN}02", ["518", "531", "421", "428"]),
    ]
    assert {key["group"] for row in rows for count in row["counts"] for key in count["keys"]} == {"TOTAL"}
    assert "Registered: 531; Randomly assigned: 428" in describe_figure(value, make_results())
