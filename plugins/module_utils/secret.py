# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret in a file of its own, made on the host that needs it."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
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
    with _written(path, f"{secret}\n", group_id, mode) as temporary:
        temporary.replace(path)


@contextlib.contextmanager
def _written(path, text, group_id, mode, owner_id=-1):
    """Write a file beside ``path``, safe on disk, to be put in its place.

    Raises:
        ValueError: it can't be written or put there; the message names it. Nothing is left behind.
    """
    temporary = None
    try:
        descriptor, name = tempfile.mkstemp(dir=Path(path).parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchown(file.fileno(), owner_id, group_id)
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    except OSError as error:
        raise ValueError(
            f"{path} can't be written: {error.strerror}; see that its folder is there"
        ) from None
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def next_of(path):
    """Return where the secret is that follows the one in ``path``, while a host changes over."""
    return f"{path}.next"


def stage_next(path, secret):
    """Write the secret that follows, unless one is there already.

    A run that was interrupted, or another one, has left it. So no two runs work with two secrets.

    Args:
        path: the file of the secret that is in use; the next one gets its group and mode.
        secret: the secret that follows.

    Returns:
        The secret that follows: the one that was there, or this one.

    Raises:
        ValueError: it can't be read or written; the message names it.
    """
    there = read_secret(next_of(path))
    if there is not None:
        return there
    file = Path(path).stat()
    written = _written(next_of(path), f"{secret}\n", file.st_gid, file.st_mode & 0o777)
    with written as temporary, contextlib.suppress(FileExistsError):
        os.link(temporary, next_of(path))  # unlike a rename it replaces nothing
    return read_secret(next_of(path))


def read_setting(path, key):
    """Read a setting from a file of lines like ``key = value``.

    Args:
        path: the file.
        key: the setting, of which there must be one line.

    Returns:
        Its value.

    Raises:
        ValueError: there isn't one such line, or the file can't be read; the message names it.
    """
    found = _setting(key).findall(_read(path) or "")
    if len(found) != 1:
        raise ValueError(
            f"{path} has {len(found)} lines '{key} = …' where one is expected; run site.yml to"
            " write it anew"
        )
    return found[0]


def write_setting(path, key, value):
    """Write a setting into a file of lines like ``key = value``, and leave the rest as it is.

    Args:
        path: the file; it keeps its owner, group and mode.
        key: the setting, of which there must be one line.
        value: its value, of letters and digits.

    Returns:
        Whether the file has changed.

    Raises:
        ValueError: there isn't one such line, or it can't be written; the message names the file.
    """
    if read_setting(path, key) == value:
        return False
    text = _setting(key).sub(lambda _line: f"{key} = {value}", _read(path))
    file = Path(path).stat()
    written = _written(path, text, file.st_gid, file.st_mode & 0o777, file.st_uid)
    with written as temporary:
        temporary.replace(path)
    return True


def _setting(key):
    return re.compile(rf"^{re.escape(key)} = (.*)$", re.MULTILINE)


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
