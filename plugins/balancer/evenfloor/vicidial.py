"""VICIdial's words and tables, as far as more than one module needs them.

Ansible's modules have copies of these on their side of the deployment boundary; a test compares
both. So every name here is public.
"""

from __future__ import annotations

#: What ``phones.peer_status`` says of a phone that can be called.
REGISTERED_STATES = frozenset({"REGISTERED", "REACHABLE", "LAGGED"})
#: What it says of a phone of which nobody has noted anything. A value that the column lacks
#: is ''.
UNKNOWN_STATES = frozenset({"UNKNOWN", ""})
#: What ``phones.is_webphone`` says of a phone that the login page opens in the browser.
WEBPHONES = frozenset({"Y", "Y_API_LAUNCH"})

#: Where a dialer's rooms are, by its ``conf_engine``.
ROOM_TABLES = {"CONFBRIDGE": "vicidial_confbridges", "MEETME": "vicidial_conferences"}

#: What VICIdial's tables give ``servers.conf_engine`` and ``phones.protocol`` by default.
DEFAULT_CONF_ENGINE = "MEETME"
DEFAULT_PROTOCOL = "SIP"

#: The limits of grouping where the columns are empty: local agents of a campaign, and in all.
DEFAULT_GROUPING_LIMIT = 50
DEFAULT_SYSTEM_LIMIT = 100

#: The longest that each value can be, in characters: VICIdial's columns. An alias may also be a
#: typed logins list. An agent's own password is as long as a phone's may be.
LONGEST = {"alias": 255, "password": 100, "user": 20, "campaign": 8, "user_password": 100}
