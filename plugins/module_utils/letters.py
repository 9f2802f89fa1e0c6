# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which dialer has which letters in the logins of its phones.

Pure, without Ansible and without a database.
"""

from __future__ import annotations

import collections
import re

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import letters_of

_LETTERS = re.compile(r"[a-z]+")


def letters_in(phone):
    """Return the letters behind the extension in a phone's login.

    Args:
        phone: a ``plan.Phone``.

    Returns:
        Such as ``c`` of ``101c``; None where the login isn't the extension and letters.
    """
    rest = phone.login[len(phone.extension) :]
    if phone.login.startswith(phone.extension) and _LETTERS.fullmatch(rest):
        return rest
    return None


def assign_letters(phones, addresses, taken, kept=()):
    """Find each dialer's letters: those its phones have, or the next free ones.

    A dialer without phones has the letters of those that were removed. Where two dialers have the
    same letters, they stay with the one that has more such phones, or comes first.

    Args:
        phones: the phones that are there.
        addresses: the dialers' ``server_ip``, in the order in which new ones get letters.
        taken: letters that would make a phone login and an alias the same.
        kept: phones that were removed and can come back. Their letters aren't free.

    Returns:
        ``{server_ip: letters}``.
    """
    votes, former = _votes(phones), _votes(kept)
    # A letter that any phone has, even one made by hand, is not free for a new dialer. Neither is
    # an alias's.
    used = {letter for counts in votes.values() for letter in counts}
    used.update(suffix.lower() for suffix in taken)
    letters = _elect(votes, addresses, ())
    without = {ip: counts for ip, counts in former.items() if ip not in votes}
    letters.update(_elect(without, addresses, used))
    used.update(letter for counts in former.values() for letter in counts)
    number = 1
    for server_ip in addresses:
        while server_ip not in letters:
            if letters_of(number) not in used:
                letters[server_ip] = letters_of(number)
                used.add(letters_of(number))
            number += 1
    return letters


def letters_of_names(ids, extensions):
    """Find what, behind some extension, would give the name of an alias: 11 and 1a make 111a.

    Args:
        ids: the aliases' ids.
        extensions: the extensions that phones may have.

    Returns:
        A set.
    """
    return {
        alias_id[length:]
        for alias_id in ids
        for length in range(1, len(alias_id))
        if alias_id[:length] in extensions
    }


def _votes(phones):
    """Count, by dialer, how many of its phones have which letters behind their extension."""
    votes = collections.defaultdict(collections.Counter)
    for phone in phones:
        letters = letters_in(phone)
        if letters is not None:
            votes[phone.server_ip][letters] += 1
    return votes


def _elect(votes, addresses, used):
    """Give each dialer the letters that most of its phones have and no other dialer's more."""
    order = {server_ip: number for number, server_ip in enumerate(addresses)}
    ballots = sorted(
        (-count, order.get(server_ip, len(order)), server_ip, candidate)
        for server_ip, counts in votes.items()
        for candidate, count in counts.items()
    )
    letters, given = {}, set(used)
    for _count, _order, server_ip, candidate in ballots:
        if server_ip not in letters and candidate not in given:
            letters[server_ip] = candidate
            given.add(candidate)
    return letters
