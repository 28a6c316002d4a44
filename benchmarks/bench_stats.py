"""Our statistics against R's survival and cmprsk on the same data in the same run.

`python benchmarks/bench_stats.py [--sizes 460,10000,...]` prints, per statistic and number of patients, the
best time of ours, of R, and their ratio; it exits with 1 if any ratio is above 1. Times are integer days
as in a trial, and distinct floats; R is left out where it is not installed.

R's cuminc gives curves, variances and the tests of all causes in one call; against it, `cif` is ours for
all patients, and `gray` is ours for both causes and the curves of both arms.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pipeline.stats.competing import cumulative_incidence, gray_test
from pipeline.stats.survival import cox, kaplan_meier, logrank

Columns = dict[str, np.ndarray]


def patients(n: int, kind: str) -> Columns:
    """A two-arm trial with two causes, hazard ratio 1/1.4, up to seven years of follow-up."""
    rng = np.random.default_rng(20111031)
    arm = rng.integers(0, 2, n)
    x = rng.normal(size=n)
    hazard = np.log(2) / 22 * np.exp(-np.log(1.4) * arm + 0.2 * x)
    first, second = rng.exponential(1 / (0.75 * hazard)), rng.exponential(1 / (0.25 * hazard))
    censored = np.minimum(84 - rng.uniform(0, 60, n), rng.exponential(250, n))
    months = np.minimum(np.minimum(first, second), censored)
    cause = np.where(months == censored, 0, np.where(months == first, 1, 2))
    days = np.ceil(months * 30.4375).astype(np.int64) if kind == "days" else months
    return {"time": days, "status": (cause > 0).astype(np.int64), "cause": cause, "arm": arm, "x": x}


def ours(d: Columns) -> dict[str, Callable[[], object]]:
    def gray() -> None:
        for arm in (0, 1):
            cumulative_incidence(d["time"][d["arm"] == arm], d["cause"][d["arm"] == arm])
        for cause in (1, 2):
            gray_test(d["time"], d["cause"], d["arm"], of_interest=cause)

    both = np.column_stack([d["arm"], d["x"]])
    return {
        "km": lambda: kaplan_meier(d["time"], d["status"]),
        "logrank": lambda: logrank(d["time"], d["status"], d["arm"]),
        "cox": lambda: cox(d["time"], d["status"], d["arm"]),
        "cox_continuous": lambda: cox(d["time"], d["status"], both),
        "cif": lambda: cumulative_incidence(d["time"], d["cause"]),
        "gray": gray,
    }


def best(call: Callable[[], object], repeats: int, inner: int) -> float:
    seconds = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        for _ in range(inner):
            call()
        seconds.append((time.perf_counter() - start) / inner)
    return min(seconds)


def time_r(d: Columns, repeats: int) -> dict[str, float]:
    """R times its own calls (stats.R) on the same columns."""
    script = Path(__file__).with_name("stats.R")
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        columns = [d[name].astype("<f8") for name in ("time", "status", "cause", "arm", "x")]
        np.concatenate([[float(d["arm"].size)], *columns]).astype("<f8").tofile(file.name)
        command = ["Rscript", str(script), file.name, str(repeats)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="460,10000,100000,1000000", help="numbers of patients")
    sizes = [int(n) for n in parser.parse_args().sizes.split(",")]
    with_r = shutil.which("Rscript") is not None
    print(f"{'times':<9}{'n':>9} {'statistic':<15}{'ours, s':>12}{'R, s':>12}{'ours/R':>9}")
    slower = 0
    for kind in ("days", "distinct"):
        for n in sizes:
            d = patients(n, kind)
            repeats = 5 if n < 1_000_000 else 3
            calls = ours(d)
            theirs = time_r(d, repeats) if with_r else {}
            for name, call in calls.items():
                seconds = best(call, repeats, 20 if n < 5000 else 1)
                r = theirs.get(name)
                ratio = f"{seconds / r:9.3f}" if r else f"{'-':>9}"
                slower += bool(r and seconds > r)
                print(
                    f"{kind:<9}{n:>9} {name:<15}{seconds:>12.6f}{r or float('nan'):>12.6f}{ratio}", flush=True
                )
    return 1 if slower else 0


if __name__ == "__main__":
    raise SystemExit(main())
