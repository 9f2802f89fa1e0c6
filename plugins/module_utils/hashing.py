# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hashes of agents' passwords, in the form that werkzeug reads in the login service.

A database host has no werkzeug. The form is the method, a salt and the hash, separated by ``$``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

#: What a hash costs: 16 MiB, and some hundredths of a second of a processor. That is half of
#: werkzeug's default, because a shift logs in at once: a login that waits too long for its turn is
#: refused, and with the default that happens from far fewer agents on.
_N, _R, _P = 2**14, 8, 1
METHOD = f"scrypt:{_N}:{_R}:{_P}"
_SALT_BYTES = 16


def hash_password(password, salt=None):
    """Hash a password.

    Args:
        password: the password.
        salt: text without ``$``; by default a new one.

    Returns:
        The method, the salt and the hash.
    """
    salt = secrets.token_hex(_SALT_BYTES) if salt is None else salt
    made = hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=_N, r=_R, p=_P, maxmem=2 * 128 * _N * _R
    )
    return f"{METHOD}${salt}${made.hex()}"


def is_hash_of(password_hash, password):
    """Say whether a hash is a password's. One that another method made isn't.

    Args:
        password_hash: what the database has, whatever that is.
        password: the password.
    """
    method, _mark, rest = password_hash.partition("$")
    salt, mark, _made = rest.partition("$")
    if method != METHOD or not mark or not salt:
        return False
    return hmac.compare_digest(hash_password(password, salt).encode(), password_hash.encode())
