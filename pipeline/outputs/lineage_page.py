"""Lineage by column as a page: every dataset with its variables, what they come from and how.

What does not belong here: lineage itself (`pipeline.lineage`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from pipeline.lineage import ROWS, Place, Variable

LAYERS = {"sdtm": "Tabulation datasets (SDTM)", "adam": "Analysis datasets (ADaM)"}
INTRODUCTION = """# Lineage

Where each variable comes from: analysis variables from tabulation variables (in capitals), these from fields
of forms (`form.field`). Written by `pipeline lineage` from the specification (`schemas/adam.py`,
`pipeline/studies/`); a test changes the forms field by field and holds what moves against it. `*` stands for
which rows a dataset has: a date that is read of `DS` rests on what decides the rows of `DS`, too. For the row
behind one number ask `pipeline trace`."""


def render_lineage(variables: Iterable[Variable]) -> str:
    """The page as Markdown: one table per dataset."""
    parts = [INTRODUCTION]
    for layer, of_layer in groupby(variables, key=lambda variable: variable.place[0]):
        parts.append(f"## {LAYERS[layer]}")
        for dataset, of_dataset in groupby(of_layer, key=lambda variable: variable.place[1]):
            parts.append(f"### {dataset.upper()}")
            rows = ["| variable | origin | from | derivation |", "|---|---|---|---|"]
            for variable in of_dataset:
                sources = ", ".join(_told(source, variable.place) for source in variable.sources)
                cells = (variable.place[2], variable.origin, sources, variable.derivation)
                rows.append(f"| {' | '.join(_escaped(cell) for cell in cells)} |")
            parts.append("\n".join(rows))
    return "\n\n".join([*parts, ""])


def render_tree(variables: Iterable[Variable], place: Place) -> str:
    """One variable and, indented below it, what it comes from, down to the forms; each is told once."""
    of = {variable.place: variable for variable in variables}
    told: set[Place] = set()

    def lines(place: Place, depth: int) -> Iterable[str]:
        variable = of.get(place)
        name = f"{place[1].upper()}.{place[2]}" if variable else f"{place[1]}.{place[2]}"
        again = place in told and variable is not None and bool(variable.sources)
        words = f"  {variable.derivation} [{variable.origin}]" if variable and not again else ""
        yield f"{'  ' * depth}{name}{words}{'  (above)' if again else ''}"
        if variable and not again:
            told.add(place)
            for source in variable.sources:
                if source[2] != ROWS:
                    yield from lines(source, depth + 1)

    return "\n".join(lines(place, 0))


def _told(source: Place, place: Place) -> str:
    layer, table, column = source
    if column == ROWS:
        return f"other rows of {table.upper()}"
    if source[:2] == place[:2]:
        return column
    return f"{table.upper()}.{column}" if layer in LAYERS else f"`{table}.{column}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
