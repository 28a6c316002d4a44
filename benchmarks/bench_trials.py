"""What 10,000 simulated monitored trials of 460 patients cost, beside R's rpact in the same run.

`python -m benchmarks.bench_trials` prints seconds, power and the ratio to rpact; it exits with 1 if ours take
more than 10 seconds, or longer than rpact's. rpact is left out where it is not installed. Looks at calendar
times, with bounds for the information each trial has seen, it does not simulate. What does not belong here:
whether the two agree (`tests/reference`).
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.stats.accrual import Course, Steps, constant, even_accrual, hazard_of_share
from pipeline.stats.sequential import logrank_design
from pipeline.stats.trials import Calendar, Simulated, simulate

TRIALS = 10_000
SECONDS = 10.0
REPEATS = 3


def cases() -> dict[str, Callable[[], Simulated]]:
    """The trial of trials.R, without effect, with a late one, and with a look every half year."""
    control, lost = constant(math.log(2) / 24), hazard_of_share(0.03, 12)
    effect = Course(even_accrual(460, 52), control.times(constant(1 / 1.4)), control, lost, lost)
    late = control.times(Steps((0.0, 6.0), (1.0, 1 / 1.4)))
    delayed = Course(effect.accrual, late, control, lost, lost)
    plan = logrank_design(hazard_ratio=1 / 1.4, alpha=0.05, power=0.9, looks=3)
    futile = logrank_design(hazard_ratio=1 / 1.4, alpha=0.05, power=0.9, looks=3, futility="OF")
    half_years = Calendar(tuple(6.0 * (place + 1) for place in range(26)), futile.max_events, least=0.2)

    def run(course: Course, looks: tuple[int, ...] | Calendar) -> Callable[[], Simulated]:
        design = plan.design if isinstance(looks, tuple) else futile.design
        return lambda: simulate(course, design, looks, trials=TRIALS, seed=1)

    return {
        "three looks": run(effect, plan.events_at_looks),
        "three looks, no effect": run(effect.without_effect(), plan.events_at_looks),
        "three looks, late effect": run(delayed, plan.events_at_looks),
        "half-yearly, futility": run(effect, half_years),
        "half-yearly, no effect": run(effect.without_effect(), half_years),
    }


def rpact() -> tuple[float, float] | None:
    """Seconds and power of rpact's simulation of the first case; None where it is not installed."""
    script = Path(__file__).with_name("trials.R")
    command = ["Rscript", str(script), str(TRIALS), str(REPEATS)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    seconds, power = map(float, done.stdout.split())
    return seconds, power


def main() -> int:
    """Print the costs; 1 if a limit is broken."""
    print(f"{TRIALS:,} trials of 460 patients{'s':>10}{'power':>9}{'ours/rpact':>12}")
    theirs, broken = rpact(), False
    for place, (name, run) in enumerate(cases().items()):
        seconds, power = math.inf, 0.0
        for _ in range(REPEATS):
            start = time.perf_counter()
            power = run().power
            seconds = min(seconds, time.perf_counter() - start)
        ratio = seconds / theirs[0] if theirs and place == 0 else math.nan
        shown = f"{'-':>12}" if math.isnan(ratio) else f"{ratio:12.3f}"
        print(f"{name:<29}{seconds:10.2f}{power:9.4f}{shown}", flush=True)
        broken |= seconds > SECONDS or ratio > 1
    if theirs:
        print(f"{'three looks, rpact':<29}{theirs[0]:10.2f}{theirs[1]:9.4f}")
    print("over a limit" if broken else f"within {SECONDS:.0f} s")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
