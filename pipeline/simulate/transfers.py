"""Forms on disk: a folder for each transfer, with the versions received since the one before and a manifest.

What does not belong here: what the forms say.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from pipeline.simulate.records import STUDY

DATES = tuple(dt.date.fromisoformat(d) for d in (
    "2009-06-30", "2009-12-17", "2010-12-31", "2011-10-31", "2012-02-29"))  # fmt: skip

Rows = pl.DataFrame | Callable[[dt.date, dt.date], pl.DataFrame]
"""A form's rows, or what was received after one day up to another: then not all need stand in memory."""


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every cell as it prints in the file."""
    return frame.select(pl.all().cast(pl.String))


def write_transfers(
    forms: Mapping[str, Rows] | Iterable[tuple[str, Rows]],
    out: Path,
    transfer_dates: Sequence[dt.date] = DATES,
) -> None:
    """Write `<out>/<transfer>/<form>.csv` and `transfer.json`.

    forms: by name, or one after another, so that a large trial never stands in memory as a whole.
    A transfer holds the record versions received after the transfer before, up to its own date. A form
    with nothing new has no file; a form without receipt dates (`sites`) is in the first transfer, a log in
    the transfer of its date.
    """
    files: dict[dt.date, dict[str, dict[str, int | str]]] = {date: {} for date in transfer_dates}
    for form, rows in forms.items() if isinstance(forms, Mapping) else forms:
        before = dt.date.min
        for date in transfer_dates:
            if isinstance(rows, pl.DataFrame):
                part = rows.filter(_received_within(rows, before, date, date == transfer_dates[0]))
            else:
                part = rows(before, date)
            before = date
            if part.height:
                path = out / date.isoformat() / f"{form}.csv"
                files[date][path.name] = write_csv(part, path)
    for date, manifest in files.items():
        content = {"study": STUDY, "transfer": date.isoformat(), "files": manifest}
        write_json(content, out / date.isoformat() / "transfer.json")


def _received_within(frame: pl.DataFrame, after: dt.date, until: dt.date, first: bool) -> pl.Expr:
    date = next((name for name in ("as_of", "received_dt") if name in frame.columns), None)
    if date is None:
        return pl.lit(first)
    received = pl.col(date).cast(pl.String).str.to_date("%Y-%m-%d")
    return (received > after) & (received <= until)


def write_restricted(codes: pl.DataFrame, out: Path) -> None:
    """Write the treatment codes to `<out>/restricted/`, for this user alone, and their seal to `<out>`."""
    path = out / "restricted" / "treatment_codes.csv"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    write_json(
        {"file": "restricted/treatment_codes.csv", **write_csv(codes, path)}, out / "treatment_codes.json"
    )


def write_csv(frame: pl.DataFrame, path: Path) -> dict[str, int | str]:
    """Write UTF-8 CSV with a header line and LF ends; the number of rows and the file's sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path, line_terminator="\n", quote_style="necessary")
    with path.open("rb") as file:
        return {"rows": frame.height, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def write_json(content: object, path: Path) -> None:
    """Write JSON with sorted keys, so that the same content is the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
