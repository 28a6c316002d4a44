"""`make soak`: two hundred kills under twenty readers, then a hundred runs in one process.

It takes hours and is no part of the tests; its last output is kept in docs/soak.txt. It exits 1 where a
reader saw an error or a half state, a run did not go on after a kill, or memory or files grew.
"""

from __future__ import annotations

import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import dagster as dg

from pipeline.definitions import build_defs
from pipeline.folders import Folders
from pipeline.orchestration.history import KEPT
from pipeline.orchestration.runner import run_study
from pipeline.simulate import simulate_trial
from tests.orchestration.test_kill import CUT_OFF, NEW, OLD, STUDY, readers, released, start

ROOT = Path(__file__).resolve().parents[1]
MEMORY_MAY_GROW = 0.10
"""From the middle of the runs to their end. The first half fills caches and pools."""


@click.command()
@click.option("--kills", default=200, show_default=True)
@click.option("--runs", default=100, show_default=True)
@click.option("--processes", default=20, show_default=True, help="Readers during the kills.")
def main(kills: int, runs: int, processes: int) -> None:
    """Kill runs at random moments while readers read; then run again and again in one process."""
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for patients in (OLD, NEW):
            simulate_trial(patients, patients, folder / str(patients), clean=True)
        sound = [kill_again_and_again(folder, kills, processes), run_again_and_again(folder, runs)]
    sys.exit(not all(sound))


def kill_again_and_again(folder: Path, kills: int, processes: int) -> bool:
    """Runs of two trials in turn, each killed at a random moment; every tenth run may end."""
    warehouse, moments = folder / "killed", random.Random(20091217)
    began = time.monotonic()
    first = start(ROOT, folder / str(OLD), warehouse)
    output, _ = first.communicate()
    if first.returncode:
        print(output)
        return False
    lasts = time.monotonic() - began
    seen_by_us: Counter[int] = Counter()
    ended_early = went_on = 0
    with readers(ROOT, warehouse, processes, every=0.5) as seen:
        for number in range(1, kills + 1):
            process = start(ROOT, folder / str((OLD, NEW)[number % 2]), warehouse)
            time.sleep(moments.uniform(0.05, 1) * lasts)
            ended_early += process.poll() is not None
            process.kill()
            process.communicate()
            seen_by_us[released(warehouse)] += 1
            if number % 10 == 0:
                patients = (NEW, OLD)[number // 10 % 2]
                process = start(ROOT, folder / str(patients), warehouse)
                process.communicate()
                went_on += process.returncode == 0 and released(warehouse) == patients
    leftovers = len(list(warehouse.glob("*.building*")))
    print(
        f"kills: {kills}, of which {ended_early} came after the end of the run; a whole release after each: "
        f"{seen_by_us.total()} ({dict(seen_by_us)} by patients)"
    )
    print(f"runs between the kills that went on to their end: {went_on} of {kills // 10}")
    print(f"files left of killed builds: {leftovers}")
    print(
        f"readers: {seen.processes} processes, {seen.reads} reads, {len(seen.errors)} errors, "
        f"{len(seen.halves)} half states"
    )
    for told in [*seen.errors[:5], *seen.halves[:5]]:
        print(f"  {told}")
    return went_on == kills // 10 and not (seen.errors or seen.halves or leftovers)


def run_again_and_again(folder: Path, runs: int) -> bool:
    """Runs of one trial in this process; memory and files are counted as it goes on."""
    raw, warehouse = folder / str(OLD), folder / "again"
    folders = Folders(raw, raw / "restricted", warehouse)
    definitions = build_defs(STUDY, folders.raw, folders.restricted, folders.warehouse)
    memory, files, sizes = [], [], []
    began = time.monotonic()
    for number in range(1, runs + 1):
        run_study(definitions, folders, [CUT_OFF], ROOT, lambda *_: None)
        memory.append(_resident())
        there = [path for path in warehouse.rglob("*") if path.is_file()]
        files.append(len(there))
        sizes.append(sum(path.stat().st_size for path in there) / 1e6)
        if number in (1, 10) or number % 25 == 0:
            print(f"run {number}: {memory[-1]:.0f} MB of memory, {files[-1]} files of {sizes[-1]:.0f} MB")
    with dg.DagsterInstance.get() as instance:
        kept = instance.get_runs_count()
    middle = max(runs // 2, min(runs, KEPT + 1)) - 1
    grown = memory[-1] / memory[middle] - 1
    more = files[-1] - files[middle]
    print(
        f"runs: {runs} in {time.monotonic() - began:.0f} s; from run {middle + 1} on memory grew by "
        f"{grown:.1%} and there are {more} files more; {kept} runs are on record, {KEPT} of each cut-off "
        "are kept"
    )
    return grown <= MEMORY_MAY_GROW and more <= 0


def _resident() -> float:
    """Memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
