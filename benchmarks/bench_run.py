"""The whole run from the shell, both cut-offs: seconds, peak memory, the ratio to importing Dagster, and
how long each output of the last cut-off takes.

    python -m benchmarks.bench_run

Three runs of one warehouse: the first, one that finds nothing changed, and one that is told to run again.
The limits (60 s and 1.2 GB with all documents made, 6 s where nothing has changed) are for a quiet machine of
two cores; the ratio holds on any.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

SECONDS, UNCHANGED, MEGABYTES = 60.0, 6.0, 1228.8


@dataclass(frozen=True)
class Cost:
    """What a process took: wall and CPU seconds, and its largest resident set in megabytes."""

    wall: float
    cpu: float
    megabytes: float


def cost_of(command: list[str]) -> Cost:
    """Run a command and wait for it; RuntimeError if it fails."""
    started = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=_QUIET)
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


_QUIET = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]


def outputs_of(warehouse: Path) -> Iterator[tuple[str, float]]:
    """Make every figure, table and the report of the last cut-off again: name and seconds of each."""
    # Not above: what this process holds would count as the memory of those it starts.
    import polars as pl

    from pipeline.folders import Folders
    from pipeline.orchestration.documents import render_tables, write_report
    from pipeline.outputs.figures import figures_of, render_figure, write_figure
    from pipeline.outputs.rtf import write_rtf
    from pipeline.studies import STUDIES

    study, folders = STUDIES["calgb_100104"], Folders(Path(), Path(), warehouse)
    cut_off = study.cut_offs[-1]
    results, curves, published = (
        pl.read_parquet(folders.staged(name, cut_off.id)) for name in ("results", "curves", "published")
    )
    for value in figures_of(study.figures, cut_off.date):
        started = time.perf_counter()
        write_figure(render_figure(value, results, curves), folders.stage / "figures", value.name)
        yield value.name, time.perf_counter() - started
    started = time.perf_counter()
    for table in render_tables(study, folders, cut_off):
        write_rtf(table, folders.stage / "tables")
        yield table.name, time.perf_counter() - started
        started = time.perf_counter()
    started = time.perf_counter()
    write_report(study, folders, cut_off, published)
    yield "report", time.perf_counter() - started


def main() -> int:
    """Print the costs; 1 if a limit is broken."""
    importing = cost_of([sys.executable, "-c", "import dagster"])
    pipeline = str(Path(sys.executable).with_name("pipeline"))
    with tempfile.TemporaryDirectory() as folder:
        command = [pipeline, "run", "--warehouse", str(Path(folder) / "warehouse")]
        first, unchanged, again = cost_of(command), cost_of(command), cost_of([*command, "--again"])
        outputs = [dict(outputs_of(Path(folder) / "warehouse")) for _ in range(2)][-1]  # the first warms up
    print("whole run, both cut-offs     wall s   cpu s      MB   times `import dagster`")
    costs = {"import dagster": importing, "first run": first, "nothing changed": unchanged, "again": again}
    for name, cost in costs.items():
        ratio = cost.wall / importing.wall
        print(f"{name:<28}{cost.wall:7.1f}{cost.cpu:8.1f}{cost.megabytes:8.0f}{ratio:23.1f}")
    print("outputs, last cut-off             s")
    for name, seconds in sorted(outputs.items(), key=itemgetter(1), reverse=True):
        print(f"{name:<28}{seconds:7.2f}")
    print(f"slowest output: {max(outputs, key=outputs.__getitem__)}")
    broken = max(first.wall, again.wall) > SECONDS or unchanged.wall > UNCHANGED
    broken |= max(first.megabytes, again.megabytes) > MEGABYTES
    limits = f"{SECONDS:.0f} s, {UNCHANGED:.0f} s where nothing has changed, and {MEGABYTES:.0f} MB"
    print(f"{'over' if broken else 'within'} the limits: {limits}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
