# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tokens with which phones fetch their accounts: which there should be, and where.

Pure. The operator's folder has the tokens, the database has hashes of them.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

#: Revokes the tokens of all aliases. No alias has this name: each begins with a number.
EVERYBODY = "all"
#: How many random bytes a token has. Nobody can try as many, so a plain hash of it is enough.
_BYTES = 32


class TokenPlan(NamedTuple):
    """What has to change in the database.

    Attributes:
        written: hashes by alias, of new tokens.
        revoked: the aliases that lose theirs.
        elsewhere: the aliases that have a token which isn't in this folder.
    """

    written: dict
    revoked: list
    elsewhere: list


def new_token():
    """Make a token."""
    return secrets.token_urlsafe(_BYTES)


def stored_hash(token):
    """Return what the database keeps of a token.

    The login service shows the database the first hash, and the table has the second: what a
    backup or a list of running statements has of it lets nobody fetch anything.
    """
    proof = hashlib.sha256(token.encode()).hexdigest()
    return hashlib.sha256(proof.encode()).hexdigest()


def revoked_names(text, names):
    """Read which aliases lose their tokens.

    Args:
        text: their names, separated by commas; ``all``; or nothing.
        names: the aliases that there are, and those that have a token.

    Returns:
        Their names, as they are written there.

    Raises:
        ValueError: one of them is no alias.
    """
    known = {name.lower(): name for name in names}
    asked = [part.strip() for part in str(text).split(",") if part.strip()]
    if asked == [EVERYBODY]:
        return sorted(known.values())
    unknown = [name for name in asked if name.lower() not in known]
    if unknown:
        raise ValueError(
            f"provision_revoke: {unknown[0]} is no alias; write aliases such as 101x, separated by"
            f" commas, or {EVERYBODY}"
        )
    return [known[name.lower()] for name in asked]


def plan_folder(there, aliases, revoke):
    """Work out which tokens the operator's folder has.

    An alias that loses its token gets no other in the same run.

    Args:
        there: the tokens in the folder, by alias.
        aliases: the aliases that there are.
        revoke: which lose theirs, as :func:`revoked_names` takes it.

    Returns:
        The tokens by alias, and the names of those that lose theirs.

    Raises:
        ValueError: one of those is no alias.
    """
    revoked = revoked_names(revoke, [*there, *aliases])
    stay = [name for name in aliases if name not in revoked]
    return {name: there.get(name) or new_token() for name in stay}, revoked


def plan_tokens(hashes, there, aliases, revoked=()):
    """Work out what has to change in the database.

    A token that is there stays, also where another folder has it: phones use it.

    Args:
        hashes: the hashes of this folder's tokens, by alias.
        there: the hashes in the database, by alias.
        aliases: the aliases that there are.
        revoked: those that lose theirs.

    Returns:
        A TokenPlan.
    """
    stay = [name for name in aliases if name not in revoked]
    return TokenPlan(
        written={name: hashes[name] for name in stay if name in hashes and name not in there},
        revoked=[name for name in there if name not in stay],
        elsewhere=[name for name in stay if name in there and there[name] != hashes.get(name)],
    )
