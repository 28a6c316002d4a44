"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> int:
    """Run each bench_*.py; the number of those that broke a limit."""
    failed = 0
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"--- {path.stem}")
        try:
            runpy.run_module(f"benchmarks.{path.stem}", run_name="__main__")
        except SystemExit as end:
            failed += bool(end.code)
        print()
    return failed


if __name__ == "__main__":
    sys.exit(main())
