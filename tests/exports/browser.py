"""Run a Chromium without a window, where there is one: RDLAKE_CHROMIUM, else on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("RDLAKE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")


def opened(page: Path, folder: Path, *options: str) -> str:
    """Return what the browser prints; all its files are in `folder`."""
    assert CHROMIUM
    plain = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    done = subprocess.run(
        [
            *(CHROMIUM, *plain, f"--user-data-dir={folder / 'profile'}"),
            *("--disable-background-networking", "--no-first-run", *options, page.as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.decode()


def requested(page: Path, folder: Path) -> set[str]:
    """Every address that the page made the browser ask for; what the browser asks for by itself,
    such as the time, has no origin."""
    log = folder / "net.json"
    opened(page, folder, f"--log-net-log={log}", "--dump-dom")
    text = log.read_text(encoding="utf-8", errors="replace")
    events: list[dict[str, Any]] = json.loads(text)["events"]
    asked = [each["params"] for each in events if "initiator" in each.get("params", {})]
    return {each["url"] for each in asked if each["initiator"] != "not an origin"} - {page.as_uri()}
