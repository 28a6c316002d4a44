"""What trials of 1,000 to 100,000 patients cost, from raw forms to the analysis datasets.

    python -m benchmarks.bench_scale [patients ...]

A trial is simulated with its faults; then the graph's own steps are run on it in a fresh process, for every
cut-off: all forms read, edit checks at every transfer, snapshots, domains, datasets, each audited and
staged as in a run. Limits: 12 GB for 100,000 patients, and no size may take more CPU seconds per patient
than a smaller one did, but for a quarter. Memory is read from /proc, so this runs on Linux only. What does
not belong here: analyses and documents (`bench_run`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from benchmarks.bench_run import Cost, cost_of

SIZES = (1_000, 10_000, 100_000)
SEED = 5
GIGABYTES = 12.0
GROWTH = 1.25
STAGES = ("ingest", "edit_checks", "quality_report", "arm_checks", "snapshot", "sdtm", "adam")


def measure(raw: Path, warehouse: Path) -> dict[str, tuple[float, float, float]]:
    """Run the graph up to the analysis datasets: wall and CPU seconds and peak megabytes of each stage."""
    import dagster as dg
    from dagster._core.events.log import EventLogEntry

    from pipeline.definitions import build_defs
    from pipeline.orchestration.automation import JOB
    from pipeline.orchestration.runner import QUIET
    from pipeline.orchestration.tables import staged_tables
    from pipeline.studies import STUDIES

    study = STUDIES["calgb_100104"]
    costs = dict.fromkeys(STAGES, (0.0, 0.0, 0.0))
    started = (0.0, 0.0)

    def listen(entry: EventLogEntry) -> None:
        nonlocal started
        event = entry.dagster_event
        stage = next((s for s in STAGES if event and event.step_key and event.step_key.startswith(s)), None)
        if event is None or stage is None:
            return
        if event.is_step_start:
            started = time.perf_counter(), time.process_time()
            Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here
        elif event.is_step_success:
            wall, cpu, peak = costs[stage]
            wall += time.perf_counter() - started[0]
            costs[stage] = wall, cpu + time.process_time() - started[1], max(peak, peak_megabytes())

    definitions = build_defs(study, raw, raw / "restricted", warehouse)
    job, graph = definitions.resolve_job_def(JOB), definitions.resolve_asset_graph()
    keys = [dg.AssetKey(name) for name, t in staged_tables(study).items() if t.group != "analysis"]
    of_cut_off = [key for key in keys if graph.get(key).is_partitioned]
    for cut_off in study.cut_offs:
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_event_listener(run_id := str(uuid4()), listen)
            job.execute_in_process(
                instance=instance,
                partition_key=cut_off.id,
                asset_selection=keys if cut_off == study.cut_offs[0] else of_cut_off,
                run_id=run_id,
                run_config=QUIET,
            )
    return costs


def peak_megabytes() -> float:
    """The largest resident set of this process since it was last counted anew."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmHWM")


def main(sizes: Sequence[int] = SIZES) -> int:
    """Print the costs; 1 if a limit is broken."""
    print(f"{'patients':>9}  {'':<15}{'wall s':>8}{'cpu s':>8}{'peak GB':>9}{'cpu ms/patient':>16}")
    broken, least = False, float("inf")
    for patients in sizes:
        with tempfile.TemporaryDirectory() as folder:
            raw, warehouse = Path(folder) / "raw", Path(folder) / "warehouse"
            made = cost_of([*_SIMULATE, "--patients", str(patients), "--out", str(raw)])
            megabytes = sum(file.stat().st_size for file in raw.rglob("*.csv")) / 1024**2
            fresh = [sys.executable, "-m", "benchmarks.bench_scale", str(raw), str(warehouse)]
            answer = subprocess.run(
                fresh, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | _GIVEN_BACK
            ).stdout
        costs = {stage: Cost(*cost) for stage, cost in json.loads(answer.splitlines()[-1]).items()}
        whole = Cost(
            sum(cost.wall for cost in costs.values()),
            sum(cost.cpu for cost in costs.values()),
            max(cost.megabytes for cost in costs.values()),
        )
        for name, cost in {"(simulate)": made, **costs, "all stages": whole}.items():
            spent = f"{cost.wall:8.1f}{cost.cpu:8.1f}{cost.megabytes / 1024:9.2f}"
            print(f"{patients:9,}  {name:<15}{spent}{1000 * cost.cpu / patients:16.2f}")
        print(f"{'':11}{megabytes:,.0f} MB of forms", flush=True)
        broken |= whole.megabytes > 1024 * GIGABYTES or whole.cpu / patients > GROWTH * least
        least = min(least, whole.cpu / patients)
    print("over a limit" if broken else f"within {GIGABYTES:.0f} GB and no more than linear")
    return int(broken)


_GIVEN_BACK = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:500,muzzy_decay_ms:0"}
"""Memory that polars has given back is no longer counted; else it is until the system wants it."""
_SIMULATE = [sys.executable, "-m", "pipeline.cli", "simulate", "--seed", str(SEED)]

if __name__ == "__main__":
    if len(sys.argv) == 3 and Path(sys.argv[1]).is_dir():
        print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
    else:
        sys.exit(main([int(size.replace("_", "")) for size in sys.argv[1:]] or SIZES))
