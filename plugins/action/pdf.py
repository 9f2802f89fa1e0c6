# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ansible action: make a PDF of a page. Documented in modules/pdf.py."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

#: What its library needs of the system besides.
LIBRARY = "weasyprint==70.0, and Debian's package libpangoft2-1.0-0"


class ActionModule(ActionBase):
    """The action."""

    _VALID_ARGS = frozenset({"src", "dest"})
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Make it anew where the page is newer."""
        result = super().run(tmp, task_vars)
        if not self._task.args:
            _library()
            return {**result, "changed": False}
        try:
            page, made = (Path(self._task.args[key]).expanduser() for key in ("src", "dest"))
        except KeyError as error:
            raise AnsibleActionFail(f"pdf needs src and dest; {error} is missing") from error
        try:
            old = made.exists() and made.stat().st_mtime_ns >= page.stat().st_mtime_ns
            if not old and not self._task.check_mode:
                _write(made, _library().HTML(filename=page).write_pdf())
        except OSError as error:
            raise AnsibleActionFail(str(error)) from error
        return {**result, "changed": not old, "path": str(made)}


def _library():
    """Return the library, which is loaded only where somebody wants a PDF."""
    try:
        import weasyprint  # noqa: PLC0415
    except (ImportError, OSError) as error:
        message = f"the control node can't make PDF: install {LIBRARY} ({error})"
        raise AnsibleActionFail(message) from error
    return weasyprint


def _write(path, content):
    """Write a file for its owner alone; another run sees the old one or all of the new."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".pdf-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
