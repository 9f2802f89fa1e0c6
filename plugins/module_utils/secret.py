# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret in a file of its own, made on the host that needs it."""

from __future__ import annotations

import configparser
import os
import tempfile
from pathlib import Path


def read_secret(path):
    """Read a secret.

    Args:
        path: its file.

    Returns:
        The secret; None where there is no such file.

    Raises:
        ValueError: the file holds no secret, or can't be read; the message names it.
    """
    content = _read(path)
    if content is None:
        return None
    secret = content.strip()
    if not secret:
        raise ValueError(
            f"{path} is empty; remove it to have a new secret made, or write one into it"
        )
    if not secret.isprintable() or len(secret.split()) != 1:
        raise ValueError(f"{path} holds more than one word of text; leave only the secret in it")
    return secret


def read_former_secret(path, section, key):
    """Read a secret from the INI file in which an earlier release kept it.

    Args:
        path: the INI file.
        section: its section.
        key: the key in it.

    Returns:
        The secret; None where there is no such file, section or key.

    Raises:
        ValueError: the file can't be read; the message names it and holds nothing of it.
    """
    content = _read(path)
    if content is None:
        return None
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(content)
    except configparser.Error as error:
        kind = type(error).__name__  # its message shows a line of the file
        raise ValueError(
            f"{path} can't be read as an INI file ({kind}); correct or remove it"
        ) from None
    return parser.get(section, key, fallback=None) or None


def _read(path):
    """Read a file of text; None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} can't be read as text; remove it to have a new secret made"
        ) from None
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None


def write_secret(path, secret, group_id, mode):
    """Write a secret's file, whole or not at all, and never readable for more than ``mode``.

    Args:
        path: the file.
        secret: what goes into it.
        group_id: the number of its group.
        mode: its mode, such as ``0o640``.

    Raises:
        ValueError: it can't be written; the message names it.
    """
    target, temporary = Path(path), None
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchown(file.fileno(), -1, group_id)
            os.fchmod(file.fileno(), mode)
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise ValueError(
            f"{path} can't be written: {error.strerror}; see that its folder is there"
        ) from None


def ensure_access(path, group_id, mode, check=False):
    """Ensure that a file has a group and a mode.

    Args:
        path: the file.
        group_id: the number of its group.
        mode: its mode.
        check: whether to look only.

    Returns:
        Whether something differed.
    """
    file = Path(path)
    there = file.stat()
    if (there.st_gid, there.st_mode & 0o7777) == (group_id, mode):
        return False
    if not check:
        # First the stricter of both modes: nobody may read it in between who mustn't.
        file.chmod(mode & there.st_mode)
        os.chown(path, -1, group_id)
        file.chmod(mode)
    return True
