"""What is written as a SAS transport file comes back, or was refused.

Two readers that share no code tell what a file holds: pyreadstat, and the few lines here that follow SAS
Technical Support document TS-140 with exact fractions.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from fractions import Fraction
from pathlib import Path

import polars as pl
import pyreadstat
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from pipeline.outputs.exchange import NotExportable, write_xpt
from schemas.base import Table, column, dtypes

EPOCH = dt.date(1960, 1, 1)
RECORD, NAMESTR = 80, 140


class Anything(Table):
    """Anything"""

    TEXT: str = column("Text", required=False)
    WHOLE: int = column("Whole Number", required=False)
    NUMBER: float = column("Number", required=False)
    DAY: dt.date = column("Day", required=False)
    TIME: dt.time = column("Time", required=False)


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200).filter(
    lambda text: not text.endswith(" ")
)
rows = st.fixed_dictionaries(
    {
        "TEXT": st.none() | texts,
        "WHOLE": st.none() | st.integers(-(2**53), 2**53),
        "NUMBER": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "DAY": st.none() | st.dates(min_value=dt.date(1582, 1, 1)),
        "TIME": st.none() | st.times().map(lambda time: time.replace(microsecond=0)),
    }
)


@given(st.lists(rows, min_size=1, max_size=6))
@example([{"TEXT": "x", "WHOLE": 2**53, "NUMBER": 16.0**62, "DAY": dt.date.max, "TIME": dt.time.max.replace(
    microsecond=0)}])  # fmt: skip
@example([{"TEXT": None, "WHOLE": -(2**53), "NUMBER": 16.0**-65, "DAY": None, "TIME": None}])
@example([{"TEXT": None, "WHOLE": None, "NUMBER": -(16.0**-65), "DAY": None, "TIME": None}])
@settings(max_examples=150, deadline=None, derandomize=True)
def test_every_value_comes_back_or_was_refused(values: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(values, schema=dtypes(Anything))
    beyond = [
        number
        for number in frame["NUMBER"].drop_nulls()
        if number and not Fraction(16) ** -65 <= abs(Fraction(number)) <= Fraction(16) ** 62
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "anything.xpt"
        if beyond:
            event("refused")
            with pytest.raises(NotExportable, match=r"^ANYTHING.NUMBER, row \d: .* is out of a SAS number's"):
                write(frame, path)
            return
        event("written")
        write(frame, path)
        read, _ = pyreadstat.read_xport(path, output_format="polars")
        exact = by_the_document(path.read_bytes())
    for name in frame.columns:
        expected = frame[name].to_list()
        assert [None if value in ("", None) else value for value in read[name]] == expected, name
        assert [as_kept(value) for value in expected] == exact[name], name


def write(frame: pl.DataFrame, path: Path) -> None:
    write_xpt(frame, Anything, path, name="ANYTHING", date=dt.date(2011, 10, 31))


def as_kept(value: object) -> object:
    """A value as SAS keeps it."""
    match value:
        case dt.date():
            return Fraction((value - EPOCH).days)
        case dt.time():
            return Fraction(value.hour * 3600 + value.minute * 60 + value.second)
        case int() | float():
            return Fraction(value)
    return value


def by_the_document(data: bytes) -> dict[str, list[object]]:
    """The values of each variable of a file, numbers as exact fractions."""
    header = 7 * RECORD
    count = int(data[header + 54 : header + 58])
    start = header + RECORD
    about = [data[start + at : start + at + NAMESTR] for at in range(0, count * NAMESTR, NAMESTR)]
    begin = start + -(-count * NAMESTR // RECORD) * RECORD + RECORD
    width = sum(int.from_bytes(one[4:6], "big") for one in about)
    rows = [data[at : at + width] for at in range(begin, len(data) - width + 1, width)]
    while rows[-1] == b" " * width:
        del rows[-1]
    return {one[8:16].decode().rstrip(): [value(one, row) for row in rows] for one in about}


def value(about: bytes, row: bytes) -> object:
    """A text, None if blank; a number as IBM writes it: sign, base-16 exponent from -64, 56-bit fraction."""
    length, at = int.from_bytes(about[4:6], "big"), int.from_bytes(about[84:88], "big")
    raw = row[at : at + length]
    if about[:2] == b"\0\2":
        return raw.decode().rstrip(" ") or None
    if raw == b"." + bytes(7):
        return None
    fraction = Fraction(int.from_bytes(raw[1:], "big"), 2**56)
    return (-1) ** (raw[0] >> 7) * fraction * Fraction(16) ** ((raw[0] & 127) - 64)
