"""Runs several test commands side by side, each with its own log.

    python -m tests.lanes NAME "COMMAND" [NAME "COMMAND" ...]

A line says when a lane starts and ends. What pytest printed is shown as soon as its lane has ended,
the whole log where the lane failed, and every lane's closing line comes last.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

LOGS = Path(__file__).parents[1] / ".cache/log"
#: Molecule draws a box around what it runs; the text fits into one this wide.
WIDTH = "200"
LOOK_EVERY = 0.5
STOP_TIMEOUT = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BOX = re.compile(r"^ *[│] ?")
_FIRST = re.compile(r"=+ test session starts =+")
_LAST = re.compile(r"^=* ?\d+ (passed|failed|error|skipped).* in [\d.]+s.*$")


@dataclass
class Lane:
    """A command that runs beside others."""

    name: str
    command: str
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self):
        """Start the command."""
        self.log = LOGS / f"{self.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "COLUMNS": WIDTH},
            )
        print(f"{self.name}: started, its log is {self.log.relative_to(LOGS.parents[1])}")

    @property
    def failed(self) -> bool:
        """Whether the command has ended with an error."""
        return bool(self.process.returncode)

    def lines(self) -> list[str]:
        """Return the log without colours and boxes."""
        text = _COLOUR.sub("", self.log.read_text(errors="replace"))
        return [_BOX.sub("", line).rstrip() for line in text.splitlines()]

    def report(self) -> None:
        """Print how the command has ended, and what a reader wants of its log."""
        lines = self.lines()
        if not self.failed:
            begin = next((n for n, line in enumerate(lines) if _FIRST.search(line)), 0)
            end = max((n for n, line in enumerate(lines) if _LAST.search(line)), default=len(lines))
            lines = lines[begin : end + 1]
        print(f"\n--- {self.name} {'-' * 80}", *lines, self.summary(), sep="\n", flush=True)

    def summary(self) -> str:
        """Return one line: how the command has ended, with pytest's closing line."""
        closing = [line.strip("= ") for line in self.lines() if _LAST.search(line)]
        verdict = f"FAILED with status {self.process.returncode}" if self.failed else "passed"
        seconds = time.monotonic() - self.started
        return f"{self.name}: {verdict} after {seconds:.0f} s: {'; '.join(closing) or 'no tests'}"

    def stop(self) -> None:
        """Stop the command and what it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
                try:
                    self.process.wait(STOP_TIMEOUT)
                except subprocess.TimeoutExpired:
                    continue


def run(commands: list[tuple[str, str]]) -> bool:
    """Run commands side by side until the last has ended.

    Args:
        commands: the lanes' names and their shell commands.

    Returns:
        Whether all of them succeeded.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    lanes = [Lane(name, command) for name, command in commands]
    running, summaries = list(lanes), []
    try:
        while running:
            for lane in [lane for lane in running if lane.process.poll() is not None]:
                running.remove(lane)
                lane.report()
                summaries.append(lane.summary())
            time.sleep(LOOK_EVERY)
    finally:
        for lane in running:
            lane.stop()
    print("", *summaries, sep="\n", flush=True)
    return not any(lane.failed for lane in lanes)


def main() -> int:
    """Run what the arguments say; returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    words = sys.argv[1:]
    if not words or len(words) % 2:
        print(__doc__, file=sys.stderr)
        return 2
    return 0 if run(list(zip(words[::2], words[1::2], strict=True))) else 1


if __name__ == "__main__":
    sys.exit(main())
