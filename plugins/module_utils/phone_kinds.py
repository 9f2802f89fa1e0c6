# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How ``phones.phone_type`` says which kind of phone it is, on a cluster that Evenfloor built."""

from __future__ import annotations

from ansible_collections.evenfloor.cluster.plugins.module_utils.boundary import (
    BROWSER_PHONE,
    EDGE_PHONE,
    SIP_PHONE,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    BROWSER,
    EDGE,
    SIP,
)

#: What ``phones.phone_type`` says, by the inventory's word.
TYPES = {SIP: SIP_PHONE, BROWSER: BROWSER_PHONE, EDGE: EDGE_PHONE}
_KINDS = {kept: kind for kind, kept in TYPES.items()}


def kind_of(phone_type):
    """Return the kind of phone that a row is; any other type is a phone that registers itself."""
    return _KINDS.get(phone_type, SIP)
