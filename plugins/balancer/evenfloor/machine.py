"""How busy a dialer's machine is, as Linux says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

#: Of the times in the first line of /proc/stat: idle, and waiting for a disk.
_IDLE = slice(3, 5)
#: user, nice, system, idle, iowait, irq, softirq, steal. What follows is a part of the first two.
_ALL = slice(0, 8)


class Busy(NamedTuple):
    """How busy a machine is.

    Attributes:
        load: the load average of the last minute, in hundredths.
        idle: for which part of the time its processors had nothing to do, in percent.
    """

    load: int
    idle: int


class Machine:
    """The machine that this process runs on.

    Args:
        stat: where Linux says what the processors did.
    """

    def __init__(self, stat: Path = Path("/proc/stat")):
        self._stat = stat
        self._before: list[int] = []

    def read(self) -> Busy | None:
        """Say how busy it is, the processors since the last time that somebody asked.

        Returns:
            None where it doesn't say.
        """
        try:
            line, _end, _others = self._stat.read_text().partition("\n")
            load = os.getloadavg()[0]
        except OSError:
            return None
        now = [int(field) for field in line.split()[1:]]
        spent = [after - before for before, after in zip(self._before or [0] * len(now), now)]
        self._before = now
        whole = sum(spent[_ALL])
        # Nothing is spent between two questions within a hundredth of a second.
        idle = sum(spent[_IDLE]) * 100 // whole if whole > 0 else 100
        return Busy(round(load * 100), min(100, max(0, idle)))
