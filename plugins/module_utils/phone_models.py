# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each model of phone does when a dialer is added: the plugins' side of the package's models.

A phone's model is what the login service has noted: the file that it fetched last says which it is.
One that holds fewer accounts than others of its maker is noted with their number, as ``yealink/6``.
tests/unit/test_phone_models.py says that both sides know the same models.
"""

from __future__ import annotations

from typing import NamedTuple

#: Sections of pjsip_notify.conf (role dialer): what a dialer tells a phone.
CHECK_SYNC, NO_REBOOT, RESYNC = "evenfloor-check-sync", "evenfloor-no-reboot", "evenfloor-resync"


class Model(NamedTuple):
    """What Evenfloor has to know of a model.

    Attributes:
        follows: whether it fetches its accounts anew when it is told to by SIP NOTIFY.
        most: how many accounts it holds at most; 0 for any number. The same in the package.
        event: how it is told, also where only the inventory says that it follows.
        again: what makes it fetch its accounts anew, for messages.
    """

    follows: bool
    most: int = 0
    event: str = NO_REBOOT
    again: str = "restart the phone"


_START = "restart it: it fetches its accounts when it starts"
_FETCH = "let it fetch its configuration again"
_SAVE = "save its file anew and restart it"

MODELS = {
    # It answers 200 OK to each event and does nothing: it fetches when it starts, and only then.
    "linphone": Model(False, again=_START),
    "zoiper": Model(False, again=_FETCH),
    "groundwire": Model(False, 1, again=_FETCH),
    "microsip": Model(False, 1, again=_SAVE),
    "baresip": Model(False, again=_SAVE),
    # Reboots all the same, unless its file has sip.notify_reboot_enable = 0.
    "yealink": Model(True, 16),
    "grandstream": Model(True, 6, RESYNC),
    "snom": Model(True, 12),
    # It restarts where what it has fetched needs that.
    "polycom": Model(True, 6, CHECK_SYNC),
}
#: The models that follow where the inventory doesn't say it.
FOLLOWING = [name for name, model in MODELS.items() if model.follows]


def name_of(noted):
    """Return the name of a phone's model, without the number of its accounts."""
    return noted.partition("/")[0]


def most_accounts(noted):
    """Return how many accounts a phone holds at most; 0 for any number, or an unknown model."""
    name, _slash, fewer = noted.partition("/")
    if fewer.isdecimal():
        return int(fewer)
    return MODELS[name].most if name in MODELS else 0


def fix_for(noted):
    """Say what makes a phone register where it isn't registered; empty for an unknown model."""
    name = name_of(noted)
    return MODELS[name].again if name in MODELS else ""
