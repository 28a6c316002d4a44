"""The figures a third time, by the R scripts of a study over its exported datasets.

What does not belong here: the scripts, any comparison.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from pipeline.outputs.exchange.xpt import write_xpt
from pipeline.qc.compare import KEY
from pipeline.study import CutOff, Frames, Study

NEEDED = ("foreign", "survival", "cmprsk", "rpact")
SCRIPT = "third_road.R"
EXPORTED = ("adsl", "adtte", "adae")
_SECONDS = 600


class RFailed(Exception):
    """R ended without an answer; the message holds its last words."""


@cache
def missing_r() -> str | None:
    """Why R cannot be asked here, in a sentence, or None."""
    if shutil.which("Rscript") is None:
        return "R is not installed (Rscript not found)"
    packages = ", ".join(f"'{name}'" for name in NEEDED)
    asks = f"for (p in c({packages})) if (!requireNamespace(p, quietly = TRUE)) stop(p)"
    done = subprocess.run(["Rscript", "-e", asks], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"R lacks a package: {done.stderr.strip().splitlines()[0]}"


def recompute_in_r(study: Study, adam: Frames, cut_off: CutOff) -> pl.DataFrame:
    """What the study's R scripts make of ADSL, ADTTE and ADAE: KEY and VALUE, null where not estimable.

    R reads the datasets as SAS transport files in a folder of its own and nothing else. Raises RFailed.
    """
    if study.third_road is None:
        raise RFailed(f"{study.id} has no scripts in R")
    models = {dataset.name: dataset.model for dataset in study.datasets}
    with TemporaryDirectory() as folder:
        for name in EXPORTED:
            path = Path(folder) / f"{name}.xpt"
            write_xpt(adam[name], models[name], path, name=name.upper(), date=cut_off.date)
        answer = Path(folder) / "answer.csv"
        command = ["Rscript", "--vanilla", str(study.third_road / SCRIPT), folder, str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
        if done.returncode:
            raise RFailed(f"R ended with {done.returncode}: {' '.join(done.stderr.split()[-60:])}")
        shape = dict.fromkeys(KEY, pl.String) | {"VALUE": pl.Float64}
        return pl.read_csv(answer, schema=shape).with_columns(pl.col(KEY).fill_null(""))
