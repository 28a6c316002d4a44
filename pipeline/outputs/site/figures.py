"""A figure's data as the report's script reads it: only what is drawn or read out.

What does not belong here: drawing (the script), choosing or computing a number (`figure_data`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.outputs.site.words import Numbers
from pipeline.outputs.tables import ResultKey

PLACES = 5
"""Decimals of a curve's coordinates: finer than a screen; what is read out are the words."""
DRAWN = ("time", "estimate", "lower", "upper")


def chart(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the script draws, or None for a figure without curves."""
    if not data.get("curves"):
        return None
    return {
        "x": data["x_label"],
        "y": data["y_label"],
        "ticks": data["months"],
        "panels": [panel["title"] for panel in data.get("panels", ())],
        "curves": [
            {
                "label": ", ".join(filter(None, (curve.get("level_label"), curve["group_label"]))),
                "colour": curve["colour"],
                "dash": curve.get("dash", []),
                "panel": curve.get("panel", 0),
                **{name: _rounded(curve[name]) for name in DRAWN},
                "censored": [place for place, n in enumerate(curve["censored"]) if n],
                "words": curve["words"],
            }
            for curve in data["curves"]
        ],
    }


def printed(data: Mapping[str, Any], numbers: Numbers) -> list[dict[str, Any]]:
    """The numbers a figure prints, each with its links: rows of a label and cells."""
    rows = [(entry["label"], [entry]) for entry in data.get("statistics", ())]
    for row in data.get("rows", ()):
        cells = [*row.get("counts", ()), *(row[name] for name in ("ratio", "p") if name in row)]
        if cells or row.get("heading"):
            rows.append((row["label"], cells))
    return [
        {
            "label": label,
            "numbers": [
                {"label": cell["label"], "text": numbers.text(cell["text"], _keys(cell))} for cell in cells
            ],
        }
        for label, cells in rows
    ]


def _keys(cell: Mapping[str, Any]) -> list[ResultKey]:
    return [ResultKey(**key) for key in cell["keys"]]


def _rounded(values: list[float | None]) -> list[float | None]:
    return [None if value is None else round(value, PLACES) for value in values]
