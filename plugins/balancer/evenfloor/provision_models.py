"""Which phone asks for a file, and how many accounts it holds. Pure.

A phone says what it is by the file that it asks for, and where makers share a name, by its
``User-Agent``. That is no proof of anything: the token in the address is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LINPHONE, ZOIPER, GROUNDWIRE, MICROSIP = "linphone", "zoiper", "groundwire", "microsip"
BARESIP = "baresip"
YEALINK, GRANDSTREAM, SNOM, POLYCOM = "yealink", "grandstream", "snom", "polycom"

#: The file of each softphone, in the order in which pages list them.
SOFTPHONE_FILES = {
    LINPHONE: "linphone.xml",
    ZOIPER: "zoiper.xml",
    GROUNDWIRE: "groundwire.xml",
    MICROSIP: "MicroSIP.ini",
    BARESIP: "baresip-accounts",
}
#: How many accounts a phone is given at most. A softphone that isn't here holds any number.
MOST_ACCOUNTS = {
    GROUNDWIRE: 1, MICROSIP: 1, YEALINK: 16, GRANDSTREAM: 6, SNOM: 12, POLYCOM: 6,
}  # fmt: skip
#: Models of Yealink's with fewer accounts, by how their names begin.
_YEALINK_ACCOUNTS = {
    "T30": 1, "T31": 2, "T33": 4, "T27": 6, "T41": 6, "T42": 12, "T53": 12, "CP920": 1,
}  # fmt: skip

_MAC = "(?P<mac>[0-9a-fA-F]{12})"
#: The files of desk phones. ``{mac}.cfg`` is Yealink's, or the first one of Polycom's.
_DESK_FILES = [
    (re.compile(rf"{_MAC}\.cfg"), YEALINK, ""),
    (re.compile(rf"cfg{_MAC}\.xml"), GRANDSTREAM, ""),
    (re.compile(rf"{_MAC}\.xml"), SNOM, ""),
    (re.compile(rf"snom\w{{1,20}}-{_MAC}\.htm"), SNOM, "first"),
    (re.compile(rf"{_MAC}-user\.cfg"), POLYCOM, ""),
]
#: What every Yealink of a model asks for before its own file.
_YEALINK_COMMON = re.compile(r"y[0-9]{12}\.cfg")
_YEALINK_MODEL = re.compile(r"yealink\s+(?:SIP-)?(\w+)", re.IGNORECASE)
_SOFTPHONE = re.compile("linphone|zoiper|groundwire|acrobits|microsip|baresip", re.IGNORECASE)


class Asked(NamedTuple):
    """What was asked for.

    Attributes:
        model: one of the models above.
        part: which of the model's files: empty for its accounts, ``first`` for one that names
            that file, ``common`` for one that is the same for everybody.
        device: the MAC address of a desk phone, 12 digits in lower case; empty for a softphone.
        most: how many accounts it holds; 0 for any number.
    """

    model: str
    part: str = ""
    device: str = ""
    most: int = 0

    @property
    def noted(self) -> str:
        """The model, with the number of its accounts where others of its maker hold more."""
        fewer = 0 < self.most < MOST_ACCOUNTS.get(self.model, 0)
        return f"{self.model}/{self.most}" if fewer else self.model


def read_asked(name: str, user_agent: str) -> Asked | None:
    """Say what a file's name means.

    Args:
        name: the name, as it was asked for; empty where the phone is to be known by its header.
        user_agent: the header ``User-Agent``.

    Returns:
        What was asked for; None where no phone has such a file.
    """
    if _YEALINK_COMMON.fullmatch(name):
        return Asked(YEALINK, "common")
    for pattern, model, part in _DESK_FILES:
        found = pattern.fullmatch(name)
        if found:
            return _desk_phone(model, part, found["mac"].lower(), user_agent)
    files = {file.lower(): model for model, file in SOFTPHONE_FILES.items()}
    model = files.get(name.lower()) if name else _softphone(user_agent)
    return Asked(model, most=MOST_ACCOUNTS.get(model, 0)) if model else None


def _desk_phone(model: str, part: str, mac: str, user_agent: str) -> Asked:
    if model == YEALINK and "polycom" in user_agent.lower():
        model, part = POLYCOM, "first"
    most = MOST_ACCOUNTS[model]
    if model == YEALINK:
        most = _yealink_accounts(user_agent)
    return Asked(model, part, mac, most)


def _yealink_accounts(user_agent: str) -> int:
    found = _YEALINK_MODEL.search(user_agent)
    said = found[1].upper() if found else ""
    fewer = [count for name, count in _YEALINK_ACCOUNTS.items() if said.startswith(name)]
    return fewer[0] if fewer else MOST_ACCOUNTS[YEALINK]


def _softphone(user_agent: str) -> str | None:
    found = _SOFTPHONE.search(user_agent)
    if found is None:
        return None
    name = found[0].lower()
    return GROUNDWIRE if name == "acrobits" else name
