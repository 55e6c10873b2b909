"""Results as files, with the machine that they were measured on."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def newest(folder: Path, command: str = "make bench-tool") -> dict[str, Any]:
    """The results of the newest date."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")]
    if not found:
        raise FileNotFoundError(f"{folder} holds no results. Measure: {command}")
    latest: dict[str, Any] = max(found, key=lambda results: results["date"])
    return latest


def as_text(results: Mapping[str, Any]) -> str:
    """JSON with the samples of a command on one line."""
    text = json.dumps(results, indent=1) + "\n"
    return re.sub(
        r"\[[\s\d.,]+\]", lambda numbers: re.sub(r"\s", "", numbers[0]).replace(",", ", "), text
    )


def machine() -> dict[str, Any]:
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "git": git.stdout.split()[-1],
    }


def processor() -> str:
    """Its name, where the system tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
