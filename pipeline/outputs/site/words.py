"""Numbers as links: every printed number leads to its row on the page of numbers.

What does not belong here: layout, rounding (a number arrives as text).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl

from pipeline.numbers import NOT_ESTIMABLE, NOT_REACHED
from pipeline.outputs.tables import Ask, DisplayError, ResultKey, Words

if TYPE_CHECKING:
    from markupsafe import Markup

KEY = ["ANALYSIS", "GROUP", "LEVEL", "STATISTIC"]
NUMBER = re.compile(rf"[<~]?\d+(?:\.\d+)?|{NOT_REACHED}|{NOT_ESTIMABLE}|\bNR\b|∞")
SHORT = 40
"""Text up to this length may be one link as a whole."""


def anchor(key: ResultKey) -> str:
    """The id of a result on the page of numbers."""
    return "/".join(key).replace(" ", "_")


def href(key: ResultKey) -> str:
    """Where a result stands, from any page of the report."""
    return "numbers.html#" + quote(anchor(key), safe="/:,=+()")


class Numbers:
    """The results of one study at one cut-off, by key, as links."""

    def __init__(self, results: pl.DataFrame) -> None:
        self.values = {ResultKey(*key): value for *key, value in results.select(*KEY, "VALUE").iter_rows()}

    def words(self, words: Words) -> Markup:
        """A sentence in which every number is a link; DisplayError for a number results do not hold."""
        from markupsafe import Markup, escape

        if isinstance(words, str):
            return escape(words)
        asked = {name: self._asked(ask) for name, ask in words.numbers.items()}
        return Markup(str(escape(words.text)).format_map(asked))

    def text(self, text: str, keys: Sequence[ResultKey]) -> Markup:
        """Printed text in which every number is a link: each its own where there is one for each key."""
        from markupsafe import Markup, escape

        if not keys:
            return escape(text)
        found = list(NUMBER.finditer(text))
        if len(found) != len(keys):
            if len(text) <= SHORT:
                return self._link(keys[0], text)
            links = (self._link(key, str(place)) for place, key in enumerate(keys, start=1))
            return escape(text) + Markup(" [numbers: {}]").format(Markup(", ").join(links))
        parts, at = [], 0
        for match, key in zip(found, keys, strict=True):
            parts += [escape(text[at : match.start()]), self._link(key, match[0])]
            at = match.end()
        return Markup("").join([*parts, escape(text[at:])])

    def _asked(self, ask: Ask) -> Markup:
        keys = [ResultKey(ask.analysis, ask.group, ask.level, s) for s in ask.show.statistics]
        for key in keys:
            if key not in self.values:
                raise DisplayError(f"the report: results hold no {key}")
        return self.text(ask.show.text(*(self.values[key] for key in keys)), keys)

    def _link(self, key: ResultKey, text: str) -> Markup:
        from markupsafe import Markup

        return Markup('<a class="n" href="{}">{}</a>').format(href(key), text)
