# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The accounts of a softphone (baresip): those that are wanted, on disk and running.

Pure. An account is a line of baresip's file. Its address, such as ``sip:101@10.0.0.11``, names it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Answers of a dialer that didn't know the endpoint yet, or knew another password for it.
REFUSED = (401, 403, 404)
#: What a field of an account may have: nothing that ends the field or the line.
_FIELD = re.compile(r"[^\s;<>\"\x00-\x1f\x7f]+")
_ACCOUNT_AND_CALLS = re.compile(r"User-Agent: (\S+)\s+--- Active calls \((\d+)\)")


class Changes(NamedTuple):
    """What has to change.

    Attributes:
        accounts: the accounts that there should be on disk, by address.
        removed: the addresses to take out of the running softphone; those of changed accounts too.
        added: the addresses to put into it; those of changed accounts too.
        waiting: the addresses of changed accounts that are in a call: to remove them would end it.
        lingering: the same of accounts that nobody wants any more.
        on_disk: whether the file changes.
    """

    accounts: dict
    removed: list
    added: list
    waiting: list
    lingering: list
    on_disk: bool

    @property
    def gone(self):
        """The addresses that are removed and don't come back."""
        return [address for address in self.removed if address not in self.added]

    @property
    def unchanged(self):
        """The accounts that stay as they are, by address."""
        others = {*self.added, *self.waiting}
        return {address: line for address, line in self.accounts.items() if address not in others}


def wanted_accounts(phones, registration_interval, retry_interval, tls_port=None, udp_dialers=()):
    """Make the accounts of phones.

    Args:
        phones: dicts with ``extension``, ``server_ip``, ``registration_password``, and with
            ``dialer`` where it matters. Left out are those of which something would end its field,
            as VICIdial's forms let people type it.
        registration_interval: how often a registration is renewed, in seconds.
        retry_interval: how soon a registration that failed is tried again, in seconds.
        tls_port: the dialers' port for SIP over TLS; None for SIP over UDP.
        udp_dialers: the short names of dialers that have no such port.

    Returns:
        Accounts by address.
    """
    accounts = {}
    for phone in phones:
        fields = (phone["extension"], phone["server_ip"], phone["registration_password"] or "")
        if not all(_FIELD.fullmatch(field) for field in fields):
            continue
        address = f"sip:{phone['extension']}@{phone['server_ip']}"
        accounts[address] = (
            f"<{address}>;auth_user={phone['extension']};"
            f"auth_pass={phone['registration_password']};answermode=auto;"
            f"regint={registration_interval};fbregint={retry_interval}"
        )
        if tls_port is not None and phone.get("dialer") not in udp_dialers:
            # Not in the address, which names the account however it registers.
            proxy = f"sip:{phone['server_ip']}:{tls_port};transport=tls"
            accounts[address] += f';outbound="{proxy}";mediaenc=srtp'
    return accounts


def parse_accounts(text):
    """Read baresip's file of accounts.

    Returns:
        Accounts by address. Comments are left out.
    """
    lines = [line.strip() for line in text.splitlines() if line.startswith("<")]
    return {line[1:].partition(">")[0]: line for line in lines}


def as_file(accounts):
    """Write baresip's file of accounts.

    Args:
        accounts: accounts by address.

    Returns:
        The text, in the order of the addresses.
    """
    return "".join(f"{accounts[address]}\n" for address in sorted(accounts))


class Running(NamedTuple):
    """What a running softphone has.

    Attributes:
        addresses: the addresses of its accounts.
        talking: the addresses of those that are in a call.
        former: the addresses of those that may still be as they were before, because they were in a
            call when they changed.
    """

    addresses: set
    talking: set = frozenset()
    former: set = frozenset()


def plan_changes(wanted, on_disk, running, grow):
    """Work out what has to change.

    An account in a call stays in the running softphone, whatever is wanted: to remove it would end
    the call. The next plan after the call removes or changes it.

    Args:
        wanted: the wanted accounts by address.
        on_disk: the accounts in the file by address, which the next start would have.
        running: a Running; None where no softphone runs.
        grow: whether accounts may be added and changed. Without it they are only removed.

    Returns:
        Changes.
    """
    if not grow:
        wanted = {address: line for address, line in on_disk.items() if address in wanted}
    # Without a running softphone only the file counts.
    present = set(on_disk) if running is None else set(running.addresses)
    changed = {address for address, line in wanted.items() if on_disk.get(address, line) != line}
    waiting, lingering = set(), set()
    if running is not None:
        lingering = (present - set(wanted)) & running.talking
        changed |= running.former & present & set(wanted)
        waiting = changed & present & running.talking
        if not grow:
            waiting, changed = changed, set()
    changed -= waiting
    return Changes(
        accounts=wanted,
        removed=sorted((present - set(wanted) - lingering) | (changed & present)),
        added=sorted((set(wanted) - present) | changed) if grow else [],
        waiting=sorted(waiting),
        lingering=sorted(lingering),
        on_disk=on_disk != wanted,
    )


def talking(calls):
    """Find the accounts that are in a call.

    Args:
        calls: what baresip's ``listcalls`` says.

    Returns:
        Their addresses.
    """
    return {
        f"sip:{account}" for account, count in _ACCOUNT_AND_CALLS.findall(calls) if int(count) > 0
    }


def to_retry(accounts, states, calls):
    """Find the accounts that a dialer refused, and that aren't in a call.

    baresip itself waits for minutes before it tries such a registration again.

    Args:
        accounts: accounts by address.
        states: by address what baresip's ``apistate`` says.
        calls: what its ``listcalls`` says.

    Returns:
        Addresses, in order.
    """
    return [
        address
        for address in sorted(set(accounts) & set(states) - talking(calls))
        if states[address]["registration"]["code"] in REFUSED
    ]
