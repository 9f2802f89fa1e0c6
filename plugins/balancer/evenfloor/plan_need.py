"""How many dialers it takes. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Need(NamedTuple):
    """How many dialers it takes.

    Attributes:
        agents: how many agents are to work at once.
        per_dialer: the most that a dialer carries.
        lost: how many dialers may be lost at once.
    """

    agents: int
    per_dialer: int
    lost: int = 0

    @property
    def dialers(self) -> int:
        """The fewest dialers that carry the agents when some are lost."""
        return -(-self.agents // self.per_dialer) + self.lost

    @property
    def usual(self) -> int:
        """The most agents on a dialer while none is lost."""
        return -(-self.agents // self.dialers)

    @property
    def after_a_loss(self) -> int:
        """The most agents on a dialer when that many are lost."""
        return -(-self.agents // (self.dialers - self.lost))
