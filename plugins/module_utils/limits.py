# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What fits: into VICIdial's columns, in characters unless it says otherwise, and into settings."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_SERVER_ID = 10
#: Of Evenfloor's own table.
LONGEST_CLUSTER_NAME = 60
SHORTEST_ALIAS = 2
LONGEST_ALIAS = 20
LONGEST_ALIAS_NAME = 50
LONGEST_PHONE_LOGIN = 15
#: Agents type it.
SHORTEST_LOGIN_PASSWORD = 4
#: Softphones know it, and strangers who reach the SIP port may guess.
SHORTEST_REGISTRATION_PASSWORD = 8
#: Of an agent's own, who types it; strangers who reach the login page may guess.
SHORTEST_USER_PASSWORD = 8
LONGEST_USER = 20
LONGEST_PASSWORD = 100
#: Login passwords that are generated: safe, and still typed.
SHORTEST_GENERATED = 8
LONGEST_GENERATED = 40
LONGEST_VOICEMAIL_ID = 10
LONGEST_LOGINS_LIST = 255
#: With phone_aliases_widen_logins_list: enough for 600 dialers, more than anybody has.
WIDE_LOGINS_LIST = 4096
SHORTEST_CAMPAIGN = 2
LONGEST_CAMPAIGN = 8
LONGEST_CAMPAIGN_NAME = 40
#: The highest number that ``evenfloor_dialers.max_agents`` holds.
HIGHEST_MAX_AGENTS = 65535
#: The decimals that ``evenfloor_weights.weight`` holds.
WEIGHT_DECIMALS = 2
#: The defaults of roles.
DATABASE_PORT = 3306
#: The login service's, and nginx's without TLS; nginx's with TLS.
HTTP_PORT, HTTPS_PORT = 8080, 443
PHONE_TLS_PORT = 5061
FIRST_ROOM = 8600051
LAST_ROOM = 8600299
#: Of ``phone_networks``: phones may be anywhere.
ANY_NETWORK = "any"
#: More rooms than a dialer has calls.
MOST_ROOMS = 10_000

_PORT = (1, 65535)
_RTP_PORT = (1024, 65535)
_DAY = 24 * 3600
#: Rooms have seven digits: the dialplan asks for as many.
_ROOM = (1_000_000, 9_999_999)
#: The least and the most of settings that are numbers; other numbers are from ANY_NUMBER.
NUMBERS = {
    "agents_remove_without_asking": (0, 1_000_000),
    "backup_keep": (1, 3650),
    "balancer_database_port": _PORT,
    "balancer_decisions_kept": (0, 3650 * _DAY),
    "balancer_guard_channels": (0, 65535),
    "balancer_guard_idle": (0, 50),
    "balancer_guard_load": (0, 1000),
    "balancer_heartbeat_timeout": (1, 3600),
    "balancer_hook_pause": (0, 3600),
    "balancer_hook_timeout": (0.1, 60),
    "balancer_lock_timeout": (0, 300),
    "balancer_port": _PORT,
    # nginx and gunicorn give a request up after 30 s.
    "balancer_request_timeout": (1, 25),
    "balancer_reservation_ttl": (1, 3600),
    "balancer_settling": (0, 3600),
    "balancer_workers": (1, 1000),
    "database_max_connections": (10, 100_000),
    "database_port": _PORT,
    "dialer_first_room": _ROOM,
    "dialer_heartbeat_timeout": (0, _DAY),
    "dialer_last_room": _ROOM,
    "dialer_max_orphans": (0, 1000),
    "dialer_qualify_seconds": (1, 3600),
    "dialer_registration_timeout": (0, _DAY),
    "dialer_rtp_first": _RTP_PORT,
    "dialer_rtp_last": _RTP_PORT,
    "dialer_rtp_timeout": (0, _DAY),
    "dialer_sip_port": _PORT,
    "dialer_wake_port": (0, 65535),
    "drain_timeout": (0, 7 * _DAY),
    "grouping_limit": (0, 32767),
    "monitoring_interval": (1, 300),
    "monitoring_kept": (1, 3650),
    "login_port": _PORT,
    "login_provisioning_interval": (30, 3600),
    "phone_aliases_following_pause": (0, 3600),
    "phone_aliases_following_timeout": (0, _DAY),
    # A command of Asterisk's has at most 64 words and 511 characters.
    "phone_aliases_following_wave": (1, 30),
    "phone_aliases_login_password_length": (SHORTEST_GENERATED, LONGEST_GENERATED),
    "phone_aliases_remove_without_asking": (0, 1_000_000),
    "phone_aliases_removed_kept": (0, 3650),
    "phone_tls_port": _PORT,
    "phone_wss_port": _PORT,
    "softphone_control_port": _PORT,
    # A dialer's endpoints accept no registration for less, or for more.
    "softphone_registration_interval": (30, 3600),
    "softphone_retry_interval": (1, 3600),
    "softphone_rtp_first": _RTP_PORT,
    "softphone_rtp_last": _RTP_PORT,
    "vicidial_dialer_logs_kept": (1, 3650),
    "vicidial_dialer_registration_timeout": (0, _DAY),
    "vicidial_dialer_rtp_first": _RTP_PORT,
    "vicidial_dialer_rtp_last": _RTP_PORT,
    "vicidial_dialer_sip_port": _PORT,
    "weight": (0.1, 100),
}
ANY_NUMBER = (0, 2**31 - 1)


#: Two numbers, of which the first may not be above the second.
PAIRS = (
    ("dialer_first_room", "dialer_last_room"),
    ("dialer_rtp_first", "dialer_rtp_last"),
    ("softphone_rtp_first", "softphone_rtp_last"),
    ("vicidial_dialer_rtp_first", "vicidial_dialer_rtp_last"),
)

#: How long a request may take by default, and waits that have no effect beyond that, in seconds.
REQUEST_TIMEOUT = 10
WAITS_OF_REQUESTS = {"balancer_hook_timeout": 1, "balancer_lock_timeout": 3}


class Form(NamedTuple):
    """The form of a text.

    Attributes:
        pattern: what the whole text has to match.
        words: the form in words, as the roles' documents say it.
    """

    pattern: re.Pattern
    words: str


def _form(pattern, words):
    return Form(re.compile(pattern), words)


#: In a unit file, a shell's line and an option file, these need no quotes.
_PLAIN_PATH = _form(r"/[-+.@_/0-9a-zA-Z]*", "an absolute path of letters, digits and + - . / @ _")
_DATABASE = _form(r"[-_$0-9a-zA-Z]{1,64}", "at most 64 letters, digits and $ - _")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = _form(rf"{_OCTET}(?:\.{_OCTET}){{3}}", "an IPv4 address")
#: No network is everybody: that is a word of its own.
_NETWORK = rf"{_OCTET}(?:\.{_OCTET}){{3}}(?:/(?:[1-9]|[12][0-9]|3[0-2]))?"
_SUITE = _form(r"(?:[a-z][-a-z0-9]*)?", "lower-case letters, digits and -")
#: The form of texts, or of each text in a list. Other texts are one line that is not empty.
TEXTS = {
    "asterisk_suite": _SUITE,
    # Nobody but root may look into it, so it is no folder that others use.
    "backup_directory": _form(
        r"(?:/[-_.a-zA-Z0-9]+){2,}",
        "an absolute path of two folders or more, of letters, digits and - . _",
    ),
    "backup_key": _form(
        r"age1[0-9a-z]{58}", "an age public key: age1 and 58 small letters and digits"
    ),
    "balancer_address": _ADDRESS,
    "sip_edge_address": _ADDRESS,
    "balancer_database_ca": _PLAIN_PATH,
    "balancer_database_host": _form(
        r"[-.:_0-9a-zA-Z]+(?: *, *[-.:_0-9a-zA-Z]+)*", "addresses or names, separated by commas"
    ),
    "balancer_database_name": _DATABASE,
    "balancer_home": _PLAIN_PATH,
    "balancer_hook_folders": _PLAIN_PATH,
    "balancer_hook_pages": _form(r"[-._0-9a-zA-Z]+", "letters, digits and - . _"),
    "balancer_listen": _ADDRESS,
    "balancer_python": _PLAIN_PATH,
    "database_address": _ADDRESS,
    "database_dialer_address": _ADDRESS,
    "database_dialer_server_ip": _ADDRESS,
    "database_driver": _form(r"[-+._0-9a-zA-Z]+", "letters, digits and + - . _"),
    "database_name": _DATABASE,
    "database_sockets": _PLAIN_PATH,
    "database_user_database": _DATABASE,
    "dialer_asterisk_binary": _PLAIN_PATH,
    "dialer_asterisk_oldest": _form(r"[0-9]{1,3}(?:\.[0-9]{1,3})*", "a version such as 16 or 16.2"),
    "dialer_asterisk_suite": _SUITE,
    "dialer_server_id": _form(r"[-_0-9a-zA-Z]{1,10}", "at most 10 letters, digits and - _"),
    "dialer_server_ip": _ADDRESS,
    "floating_address_interface": _form(
        r"[-.@_0-9a-zA-Z]{1,15}", "at most 15 letters, digits and - . _ @"
    ),
    "login_address": _form(r"[-.:_0-9a-zA-Z]+", "an address or a name"),
    "login_certificate": _PLAIN_PATH,
    "login_certificate_key": _PLAIN_PATH,
    "package_database_granted": _DATABASE,
    "package_database_name": _DATABASE,
    "monitoring_listen": _ADDRESS,
    "monitoring_mail_server": _form(
        r"(?:[-.:_0-9a-zA-Z]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}",
        "a name or an address, a colon and a port",
    ),
    "login_names": _form(r"[-._0-9a-zA-Z]+", "letters, digits and - . _"),
    "phone_networks": _form(rf"{ANY_NETWORK}|{_NETWORK}", "an IPv4 network or the word any"),
    "user": _form(
        rf"[-._@0-9a-zA-Z]{{1,{LONGEST_USER}}}",
        f"1 to {LONGEST_USER} letters, digits and - . _ @",
    ),
    "id": _form(
        rf"[-_0-9a-zA-Z]{{{SHORTEST_CAMPAIGN},{LONGEST_CAMPAIGN}}}",
        f"{SHORTEST_CAMPAIGN} to {LONGEST_CAMPAIGN} letters, digits, - or _",
    ),
    "vicidial_dialer_home": _PLAIN_PATH,
    "vicidial_dialer_logs": _PLAIN_PATH,
    "vicidial_dialer_server_ip": _ADDRESS,
    "vicidial_source": _form(
        r"(?:(?:svn(?:\+ssh)?|https?|file)://[-.@_:0-9a-zA-Z]*)?/[-+.@_/0-9a-zA-Z]*",
        "an absolute path or an address in Subversion, of letters, digits and + - . / : @ _",
    ),
    "vicidial_keepalives": _form(r"[1-9CESX]+", "the digits 1 to 9 and the letters C E S X"),
}
#: Settings that may be empty: none of what they are for.
MAY_BE_EMPTY = frozenset(
    {
        "asterisk_suite",
        "backup_fetch",
        "backup_identity",
        "backup_key",
        "backup_time",
        "balancer_database_ca",
        "balancer_wheels",
        "dialer_asterisk_suite",
        "database_cluster_lost",
        "dialer_clone_from",
        "floating_address_interface",
        "login_certificate",
        "login_certificate_key",
        "monitoring_mail_from",
        "monitoring_mail_password",
        "monitoring_mail_server",
        "monitoring_mail_user",
        "monitoring_webhook",
        "rotation_user",
        "rotation_user_address",
        "suffix",
        "vicidial_source",
    }
)
#: Settings that may be given without a value, which is no limit.
MAY_BE_NULL = frozenset({"dialer_max_agents", "max_agents"})
#: Lists in which one text may stand without brackets.
ONE_TEXT_IS_A_LIST = frozenset(
    {"dialers", "extensions", "monitoring_mail_to", "phone_networks", "softphone_extensions"}
)
