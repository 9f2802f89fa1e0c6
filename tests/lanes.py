"""Runs several test commands side by side, each with its own log.

    python -m tests.lanes NAME "COMMAND" [NAME "COMMAND" ...]

As many run at once as the machine has processors, and one more, because tests also wait. The
commands start in the order given, so the longest should come first.

A line says when a lane starts. When it has ended, what pytest printed is shown, or the whole log if
the lane failed. Every lane's closing line comes last.
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
#: How many lanes run at once.
AT_ONCE = (os.cpu_count() or 1) + 1
LOOK_EVERY = 0.5
STOP_TIMEOUT = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BOX = re.compile(r"^ *[│] ?")
_FIRST = re.compile(r"=+ test session starts =+")
_AGAIN = re.compile(r"^RERUN (.*)")
_LAST = re.compile(r"^=* ?\d+ (passed|failed|error|skipped).* in [\d.]+s.*$")


@dataclass
class Lane:
    """A command that runs beside others."""

    name: str
    command: str
    started: float = field(default_factory=time.monotonic)
    summary: str = ""

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
        print(f"{self.name}: started, its log is {self.log}", flush=True)

    @property
    def failed(self) -> bool:
        """Whether the command has ended with an error."""
        return bool(self.process.returncode)

    def lines(self) -> list[str]:
        """Return the log without colours and boxes."""
        text = _COLOUR.sub("", self.log.read_text(errors="replace"))
        return [_BOX.sub("", line).rstrip() for line in text.splitlines()]

    def end(self) -> None:
        """Sum up how the command has ended, and print what a reader wants of its log."""
        lines = self.lines()
        again = [found[1] for found in map(_AGAIN.search, lines) if found]
        closing = [line.strip("= ") for line in lines if _LAST.search(line)]
        verdict = f"FAILED with status {self.process.returncode}" if self.failed else "passed"
        seconds = time.monotonic() - self.started
        self.summary = (
            f"{self.name}: {verdict} after {seconds:.0f} s: {'; '.join(closing) or 'no tests'}"
            f"{'; failed at first: ' if again else ''}{', '.join(again)}"
        )
        if not self.failed:
            begin = next((n for n, line in enumerate(lines) if _FIRST.search(line)), 0)
            end = max((n for n, line in enumerate(lines) if _LAST.search(line)), default=len(lines))
            lines = lines[begin : end + 1]
        print(f"\n--- {self.name} {'-' * 80}", *lines, self.summary, sep="\n", flush=True)

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
    waiting, running, ended = list(commands), [], []
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(Lane(*waiting.pop(0)))
            for lane in [lane for lane in running if lane.process.poll() is not None]:
                running.remove(lane)
                ended.append(lane)
                lane.end()
            time.sleep(LOOK_EVERY)
    finally:
        for lane in running:
            lane.stop()
    print("", *[lane.summary for lane in ended], sep="\n", flush=True)
    return not any(lane.failed for lane in ended)


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
