"""What every bench prints: its command, the machine, and a table of medians with their spread."""

import os
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """Processor, cores and memory."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return f"{model}, {os.cpu_count()} cores, {memory / 2**20:.0f} GiB, Python {platform.python_version()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def percentile(numbers: Sequence[float], share: float) -> float:
    return sorted(numbers)[min(len(numbers) - 1, int(len(numbers) * share))]


def over_runs(runs: Sequence[float]) -> str:
    """Median of the runs, and their spread."""
    return f"{statistics.median(runs):.1f} ({min(runs):.1f} to {max(runs):.1f})"


def show(module: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\npython -m {module} {shlex.join(sys.argv[1:])}".rstrip())
    print(f"{machine()}\n")
    widths = [max(len(str(row[at])) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, ["-" * width for width in widths], *rows):
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
