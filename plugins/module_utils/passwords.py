# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Passwords of new phones."""

from __future__ import annotations

import secrets
import string

LOGIN_PASSWORD_LENGTH = 10
REGISTRATION_PASSWORD_LENGTH = 24
#: Without what is easily taken for something else when it is read from a note and typed.
_TYPED_CHARACTERS = "".join(sorted(set(string.ascii_lowercase + string.digits) - set("l1o0i")))
_CHARACTERS = string.ascii_letters + string.digits


def new_login_password():
    """Make a password that a person can type."""
    return "".join(secrets.choice(_TYPED_CHARACTERS) for _place in range(LOGIN_PASSWORD_LENGTH))


def new_registration_password():
    """Make a password that only machines read."""
    return new_secret(REGISTRATION_PASSWORD_LENGTH)


def new_secret(length):
    """Make a secret of letters and digits.

    Args:
        length: how many.
    """
    return "".join(secrets.choice(_CHARACTERS) for _place in range(length))
