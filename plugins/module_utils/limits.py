# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What fits into VICIdial's columns, in characters unless it says otherwise."""

from __future__ import annotations

LONGEST_SERVER_ID = 10
#: Of Evenfloor's own table.
LONGEST_CLUSTER_NAME = 60
SHORTEST_ALIAS = 2
LONGEST_ALIAS = 20
LONGEST_ALIAS_NAME = 50
LONGEST_PHONE_LOGIN = 15
LONGEST_PASSWORD = 100
LONGEST_VOICEMAIL_ID = 10
LONGEST_LOGINS_LIST = 255
#: With phone_aliases_widen_logins_list: enough for 600 dialers, more than anybody has.
WIDE_LOGINS_LIST = 4096
SHORTEST_CAMPAIGN = 2
LONGEST_CAMPAIGN = 8
#: The highest number that ``evenfloor_dialers.max_agents`` holds.
HIGHEST_MAX_AGENTS = 65535
