# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A problem as data: where it is, what is wrong, and how to fix it.

Code passes problems on and tells them apart by their fields. The sentence that people read is made
here and nowhere else.
"""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """Something that is wrong with the inventory, or with what it asks for.

    Attributes:
        where: the host, the setting or the entry, such as ``dialer3``.
        what: what is wrong there, with the value.
        fix: what to do about it; empty where ``what`` says it already.
        is_subject: whether ``where`` is the subject of ``what`` ("group login is empty") instead of
            the place that is named before it ("dialer3: server_ip … is not …").
    """

    where: str
    what: str
    fix: str = ""
    is_subject: bool = False

    def within(self, where: str) -> Problem:
        """Return the same problem, named by the larger thing that it was found in.

        Args:
            where: the larger thing, such as the setting that holds the value.
        """
        return Problem(where, self.statement(), self.fix)

    def statement(self) -> str:
        """Return where and what, without the fix."""
        return f"{self.where}{' ' if self.is_subject else ': '}{self.what}"

    def sentence(self) -> str:
        """Return the sentence that people read."""
        return f"{self.statement()}; {self.fix}" if self.fix else self.statement()


class InventoryError(ValueError):
    """A value that can't be used.

    Args:
        problem: says which, and how to fix it. Its sentence is the error's message.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem.sentence())
        self.problem = problem
