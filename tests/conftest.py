"""What every test may count on: the repository's paths, and honest skips where a tool is missing.

What does not belong here: data, expected values, helpers of one test file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


@cache
def missing_r() -> str | None:
    """Why tests marked `r` cannot run here, or None."""
    if shutil.which("Rscript") is None:
        return "R is not installed (Rscript not found)"
    packages = "c('survival', 'cmprsk', 'foreign', 'rpact')"
    loads = f"for (p in {packages}) if (!requireNamespace(p, quietly = TRUE)) stop(p)"
    done = subprocess.run(["Rscript", "-e", loads], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"R lacks a package: {done.stderr.strip().splitlines()[0]}"


@cache
def missing_browser() -> str | None:
    """Why tests marked `browser` cannot run here, or None."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return None if found else "Chromium is not installed"


@cache
def missing_office() -> str | None:
    """Why tests marked `office` cannot run here, or None."""
    missing = [tool for tool in ("soffice", "pdftotext") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


MISSING: dict[str, Callable[[], str | None]] = {
    "r": missing_r,
    "browser": missing_browser,
    "office": missing_office,
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip with the reason, or fail where REQUIRE_ALL_TOOLS=1 says that nothing may be missing."""
    for marker, missing in MISSING.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            if os.environ.get("REQUIRE_ALL_TOOLS") == "1":
                pytest.fail(f"{reason}, and REQUIRE_ALL_TOOLS=1", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root folder."""
    return Path(__file__).resolve().parents[1]
