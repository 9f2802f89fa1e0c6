# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Passwords and secrets: how they are made, and what MariaDB keeps of them."""

from __future__ import annotations

import hashlib
import secrets
import string

from ansible_collections.evenfloor.cluster.plugins.module_utils.limits import (
    LONGEST_GENERATED,
    SHORTEST_GENERATED,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import (
    InventoryError,
    Problem,
)

#: Of a login password that is generated, in characters.
LOGIN_PASSWORD_LENGTH = 10
REGISTRATION_PASSWORD_LENGTH = 24
#: Without what is easily taken for something else when it is read from a note and typed.
_TYPED_CHARACTERS = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("l1o0i")))
_CHARACTERS = string.ascii_letters + string.digits


def check_login_password_length(length):
    """Check how long generated login passwords are to be.

    Args:
        length: in characters.

    Raises:
        InventoryError: that is too short to be safe, or too long to be typed.
    """
    if not SHORTEST_GENERATED <= length <= LONGEST_GENERATED:
        fix = f"choose one from {SHORTEST_GENERATED} to {LONGEST_GENERATED}"
        where = "phone_aliases_login_password_length"
        raise InventoryError(Problem(where, f"is {length}", fix, is_subject=True))


def new_login_password(length=LOGIN_PASSWORD_LENGTH):
    """Make a password that a person can type.

    Args:
        length: in characters.
    """
    return "".join(secrets.choice(_TYPED_CHARACTERS) for _place in range(length))


def new_registration_password():
    """Make a password that only machines read."""
    return new_secret(REGISTRATION_PASSWORD_LENGTH)


def new_secret(length):
    """Make a secret of letters and digits.

    Args:
        length: how many.
    """
    return "".join(secrets.choice(_CHARACTERS) for _place in range(length))


def password_hash(password):
    """Return what MariaDB keeps of a password, with its plugin ``mysql_native_password``.

    Whoever sends it instead of the password leaves no password in the server's log of statements.

    Args:
        password: the password.
    """
    # The plugin's own algorithm, not a choice.
    first = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"*{hashlib.sha1(first, usedforsecurity=False).hexdigest().upper()}"
