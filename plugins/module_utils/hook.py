# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A few lines of our own in a PHP file that is somebody else's.

Pure, without Ansible. Works on bytes: whoever wrote the file chose its encoding.
"""

from __future__ import annotations

import re

BEGIN = b"# BEGIN Evenfloor"
#: The first line, and what it says where the line end before it is ours too.
_FIRST = BEGIN + b": chooses the agent's dialer. Managed by Ansible, do not edit\n"
_FIRST_WITH_GAP = _FIRST.replace(b":", b" (and the line end before):", 1)
_END = b"# END Evenfloor\n"
#: Where the file has left PHP, the lines come with tags of their own.
_OPEN, _CLOSE = b"<?php\n", b"?>\n"
_BLOCK = re.compile(
    rb"(?:\n(?P<open><\?php\n)?%s|(?P<open2><\?php\n)?%s).*?%s(?(open)\?>\n)(?(open2)\?>\n)"
    % (re.escape(_FIRST_WITH_GAP), re.escape(_FIRST), re.escape(_END)),
    re.DOTALL,
)
_TAGS = re.compile(rb"<\?(?:php\b|=)?|\?>")


def without_lines(content):
    """Return a file as it was before the lines came: byte for byte.

    Args:
        content: the file.
    """
    return _BLOCK.sub(b"", content, count=1)


def with_lines(content, lines):
    """Return a file with the lines at its end, or in place of older ones.

    At the end, because they go by what the operator's own content sets.

    Args:
        content: the file, or empty where there is none.
        lines: PHP, without tags.
    """
    before = without_lines(content)
    in_php = _in_php(before)
    # Without a line end of its own the file's last line would run into the lines. Outside PHP one
    # would be sent to the browser, but for one right behind the closing tag.
    gap = not before.endswith(b"\n") if in_php else before.endswith(b"?>")
    block = (_FIRST_WITH_GAP if gap else _FIRST) + lines.rstrip(b"\n") + b"\n" + _END
    if not in_php:
        block = _OPEN + block + _CLOSE
    return before + (b"\n" if gap else b"") + block


def _in_php(content):
    """Say whether the end of a file is PHP, and not text that the browser gets."""
    tags = _TAGS.findall(content)
    return bool(tags) and tags[-1] != b"?>"
