"""Print what starting costs: `prepare` of a folder against `import torch`, and when a user sees something.

python -m tests.benchmark.starting DIR [--rounds 6]
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.benchmark.quick import cpu_s

_PROGRAM = [sys.executable, "-c", "from facedata.cli import main; raise SystemExit(main())"]


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=6)
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package's modules are compiled once
    torch_s, prepare_s, seen_s = [], [], []
    with tempfile.TemporaryDirectory() as outs:
        for number in range(asked.rounds):
            command = [*_PROGRAM, "prepare", "folder", str(asked.folder), "--out"]
            torch_s.append(cpu_s([sys.executable, "-c", "import torch"]))
            prepare_s.append(cpu_s([*command, f"{outs}/{number}"]))
            seen_s.append(_watch([*command, f"{outs}/{number}-seen"]))
    median = statistics.median(one / other for one, other in zip(prepare_s, torch_s, strict=True))
    least = min(prepare_s) / min(torch_s)
    print(f"prepare / import torch, CPU seconds: least {least:.2f}, median {median:.2f}")
    for what, seconds in zip(
        ("first word", "the bar moves", "the end"), zip(*seen_s, strict=True), strict=True
    ):
        print(f"{what}: {min(seconds):.2f} to {max(seconds):.2f} s")
    return 0


def _watch(command: list[str]) -> tuple[float, float, float]:
    """Run a command on a terminal; return the seconds to its first word, the bar's first step, the end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    started = time.perf_counter()
    word = step = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        while process.poll() is None:
            try:
                said = os.read(ours, 65536).decode(errors="replace")
            except OSError:  # the terminal is closed when the command has ended
                break
            now = time.perf_counter() - started
            word = word or now
            if not step and re.search(r"[1-9]\d*/\d", said):
                step = now
    os.close(ours)
    return word, step, time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
