# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Texts as files take them, so that none can leave its line or its field.

Pure, without Ansible. The inventory is validated, but phones come from the database, where
VICIdial's forms let people type anything.
"""

from __future__ import annotations

import hashlib
import re

from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import EDGE
from ansible_collections.evenfloor.cluster.plugins.module_utils.settings import is_one_line

#: What the file of endpoints itself calls something.
_TEMPLATES = frozenset(
    {"phone", "browser-phone", "edge-phone", "phone-auth", "phone-aor", "edge-aor"}
)
#: A section's name ends at a bracket, and an endpoint's name goes into SIP addresses.
_ENDPOINT = re.compile(r"[-._0-9a-zA-Z]{1,100}")


def one_line(value):
    """Return a text on one line: without control characters, and without spaces around it.

    Args:
        value: what is to be written.
    """
    return "".join(part if is_one_line(part) else " " for part in str(value)).strip()


def asterisk_value(value):
    r"""Return a text as the value of a setting in Asterisk's files.

    There a semicolon begins a comment, unless there is a backslash before it.

    Args:
        value: what Asterisk is to read.
    """
    return one_line(value).replace(";", "\\;")


def asterisk_name(value):
    """Return a name as it may stand between the quotes of a caller id.

    Args:
        value: the name. Quotes and backslashes in it are left out: releases of Asterisk read them
            differently.
    """
    return asterisk_value(one_line(value).replace('"', "").replace("\\", ""))


def asterisk_endpoints(phones):
    """Return the phones that can be endpoints.

    Left out are extensions that can't name a section of Asterisk's files, and phones without a
    registration password: anybody could register those. The doctor reports them as missing.

    Args:
        phones: dicts with ``extension`` and ``registration_password``.
    """
    return [
        phone
        for phone in phones
        if _ENDPOINT.fullmatch(phone["extension"])
        and phone["extension"].lower() not in _TEMPLATES
        and one_line(phone["registration_password"] or "")
    ]


def edge_accounts(phones, realm):
    """Return what an edge has to know of its phones: HA1 of RFC 2617, which is MD5.

    Args:
        phones: dicts with ``extension``, ``registration_password`` and ``kind``.
        realm: the edge's.

    Returns:
        Hashes by extension; of phones that can be endpoints.
    """
    return {
        phone["extension"]: _hash_of(phone, realm)
        for phone in asterisk_endpoints(phones)
        if phone["kind"] == EDGE
    }


def _hash_of(phone, realm):
    # As the phone has it in its file, and Asterisk reads it.
    password = one_line(phone["registration_password"])
    text = f"{phone['extension']}:{realm}:{password}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
