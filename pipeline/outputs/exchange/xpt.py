"""SAS transport files, version 5 (the TS-140 layout that regulators take), and nothing that they cannot hold.

pyreadstat writes the file. It would shorten a label, keep a lower-case name, turn a number out of range into
the largest one and stamp the clock into the header, all without a word: here each is refused beforehand, and
the times in the header are the dataset's date. Why what is decided: docs/decisions/0015-transport-files.md.
What does not belong here: which datasets are written.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from pipeline.outputs.exchange.variables import (
    FORMATS,
    Fault,
    NotExportable,
    Variable,
    first_fault,
    variables,
)
from schemas import base
from schemas.base import Table

NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")
PRINTABLE = re.compile(r"[ -~]*")
LABEL_BYTES = 40
VALUE_BYTES = 200
LARGEST_WHOLE = 2**53
"""Whole numbers up to here are all kept by the 53 bits of a number."""
LARGEST, SMALLEST = 16.0**62, 16.0**-65
"""Sizes that come back as they were. The format goes on to 7.2e75, but pyreadstat does not."""
SAS_EPOCH = dt.date(1960, 1, 1)
FIRST_DATE = dt.date(1582, 1, 1)
"""SAS counts days of the Gregorian calendar."""
STAMPS = (1 * 80 + 64, 2 * 80, 5 * 80 + 64, 6 * 80)
"""Where the header holds the times created and modified of the library and of the dataset, 16 bytes each."""
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def write_xpt(
    frame: pl.DataFrame,
    model: type[Table],
    path: Path,
    *,
    name: str,
    date: dt.date,
    lengths: Mapping[str, int] | None = None,
) -> Path:
    """Write one dataset as a SAS transport file of version 5; equal datasets give equal bytes.

    The variables are those of the class that the frame has, in the class's order. name: of the dataset.
    date: the header's times, at midnight. lengths: bytes of texts declared longer than their longest value.
    A null is a missing value: of a text it is blanks. Dates are days since 1960 with DATE9., times of day are
    whole seconds with TIME8. Raises NotExportable for all that the file could not give back.
    """
    known = variables(frame, model, name=name, lengths=lengths)
    label = base.label(model)
    faults = [*_header_faults(name, label, known), *_value_faults(name, frame, known)]
    if faults:
        raise NotExportable(faults)

    import pyreadstat

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    pyreadstat.write_xport(
        frame.select(_as_sas(variable) for variable in known),
        part,
        file_label=label,
        column_labels=[variable.label for variable in known],
        table_name=name,
        file_format_version=5,
        variable_format={
            variable.name: form for variable in known if (form := FORMATS.get(variable.dtype.base_type()))
        },
    )
    _stamp(part, date)
    os.replace(part, path)
    return path


def _header_faults(name: str, label: str, known: Sequence[Variable]) -> Iterator[Fault]:
    """What the names and labels of a dataset break."""
    if not NAME.fullmatch(name):
        yield Fault(name, _NOT_A_NAME)
    for variable in known:
        if not NAME.fullmatch(variable.name):
            yield Fault(f"{name}.{variable.name}", _NOT_A_NAME)
    for where, text in ((name, label), *((f"{name}.{variable.name}", variable.label) for variable in known)):
        if not PRINTABLE.fullmatch(text):
            yield Fault(where, f"the label {text!r} is not printable ASCII")
        elif len(text) > LABEL_BYTES:
            yield Fault(where, f"the label {text!r} has {len(text)} characters; {LABEL_BYTES} are allowed")


_NOT_A_NAME = "a name has 1 to 8 upper-case letters, digits and underscores, and no digit first"


def _value_faults(name: str, frame: pl.DataFrame, known: Sequence[Variable]) -> Iterator[Fault]:
    """What the values of a dataset break: for each variable and rule the first row, and how many rows."""
    if not known:
        yield Fault(name, "no variables")
    elif frame.is_empty():
        yield Fault(name, "no rows: leave the dataset out")
    elif (
        all(variable.dtype == pl.String for variable in known)
        and frame.tail(1).select(pl.all_horizontal(pl.all().is_null())).item()
    ):
        where = f"{name}, row {frame.height}"
        yield Fault(where, "the last row is all blanks, so a reader would lose it")
    for variable in known:
        rules = _rules(variable)
        if rules is None:
            yield Fault(f"{name}.{variable.name}", f"{variable.dtype} has no type in a SAS transport file")
            continue
        broken = frame.select(rule.any().alias(why) for why, rule in rules.items())
        for why, rule in rules.items():
            if broken[why].item():
                yield first_fault(name, frame[variable.name], rule, why)


def _rules(variable: Variable) -> dict[str, pl.Expr] | None:
    """What no value of the variable may be, in words; None where SAS has no such type."""
    value = pl.col(variable.name)
    match variable.dtype.base_type():
        case pl.String:
            return {
                f"has more than {VALUE_BYTES} bytes": value.str.len_bytes() > VALUE_BYTES,
                "is not printable ASCII": value.str.contains("[^ -~]"),
                "ends with a blank, which would be lost": value.str.ends_with(" "),
                "is an empty text, which would come back as missing: a missing value is null": value == "",
            }
        case pl.Int64:
            return {
                "is a whole number that 53 bits cannot hold": ~value.is_between(-LARGEST_WHOLE, LARGEST_WHOLE)
            }
        case pl.Float64:
            size = value.abs()
            return {
                "is not a number: a missing value is null": value.is_nan(),
                f"is out of a SAS number's range ({SMALLEST:.1e} to {LARGEST:.1e})": value.is_not_nan()
                & ((size > LARGEST) | ((size > 0) & (size < SMALLEST))),
            }
        case pl.Date:
            return {"is before 1582, where SAS dates begin": value < FIRST_DATE}
        case pl.Time:
            return {"has a part of a second, which would be lost": value.dt.nanosecond() != 0}
    return None


def _as_sas(variable: Variable) -> pl.Expr:
    """The values as SAS keeps them: texts of one length, numbers."""
    value = pl.col(variable.name)
    if variable.length is not None:
        # pyreadstat gives a text the length of its longest value.
        return value.fill_null("").str.pad_end(variable.length)
    if variable.dtype == pl.Date:
        return (value - SAS_EPOCH).dt.total_days().cast(pl.Float64)
    if variable.dtype == pl.Time:
        return value.cast(pl.Int64).floordiv(10**9).cast(pl.Float64)
    return value.cast(pl.Float64)


def _stamp(path: Path, date: dt.date) -> None:
    """Put the date in place of the clock's time, which no option of pyreadstat sets."""
    # strftime would take the month's name from the machine's language.
    stamp = f"{date.day:02}{MONTHS[date.month - 1]}{date.year % 100:02}:00:00:00".encode("ascii")
    with path.open("r+b") as file:
        for position in STAMPS:
            file.seek(position)
            file.write(stamp)
