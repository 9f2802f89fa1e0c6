"""The SQL that reads: an alias, a floor, sessions.

Times are the database's own, so that the clocks of hosts don't matter: ``NOW()`` where VICIdial
has it, and UTC in Evenfloor's reservations, so that no hour comes twice. All counts follow
VICIdial: an agent is remote where the extension starts with R, and a row without an extension
isn't counted.

VICIdial's tables have come in different years with different collations, and such columns can't
be compared as they are. An address is converted to ASCII, which compares with every collation and
still finds the index; other texts are converted to one collation.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

from .floor import Change, DialerRow
from .phones import PhoneRow
from .policy import WHOLE, Dialer
from .registrations import ReportingRow
from .sessions import LiveSession
from .sql import Columns, Condition, Statement, note, quoted
from .vicidial import (
    DEFAULT_CONF_ENGINE,
    DEFAULT_PROTOCOL,
    REGISTERED_STATES,
    ROOM_TABLES,
    UNKNOWN_STATES,
    WEBPHONES,
)

#: The kinds of rows that :func:`floor` selects; each begins with its kind.
PHONE, CHANGE, NEWEST, OWN, OTHER = "phone", "change", "newest", "own", "other"

_LOCAL = "l.extension NOT LIKE 'R%%'"
#: A dialer's address, to be compared with another table's.
DIALER = "CONVERT(s.server_ip USING ascii)"
_PROTOCOL = f"COALESCE(NULLIF(p.protocol, ''), '{DEFAULT_PROTOCOL}')"
_IS_REGISTERED = f"p.peer_status IN ({quoted(REGISTERED_STATES)})"
#: A reservation that counts. One that has longer than any reservation lasts was written before the
#: clock was set back.
UNEXPIRED = "expires > UTC_TIMESTAMP() AND expires <= UTC_TIMESTAMP() + INTERVAL 3600 SECOND"
#: Two columns of a heartbeat were written together if they are no more seconds apart.
WRITTEN_TOGETHER = 2
#: A heartbeat may be so many seconds from the future: it came while the statement was waiting, or
#: it is VICIdial's and dated by the dialer's clock.
FROM_THE_FUTURE = 5
FROM_ANOTHER_CLOCK = 60
_TAKES_LOGINS = Condition("s.active_agent_login_server <=> 'Y'")
FREE_ROOM = "(extension = '' OR extension IS NULL)"


def as_text(expression: str) -> str:
    """Make texts comparable whatever the collations of their columns."""
    return f"CONVERT({expression} USING utf8mb4) COLLATE utf8mb4_bin"


class AliasRow(NamedTuple):
    """A typed alias's logins list (None: there is no such alias) and the campaign's grouping.

    ``campaign_id`` is None where no active campaign has the id that was asked for.
    """

    logins_list: str | None
    campaign_id: str | None
    grouping: str | None
    limit: int | None
    system_limit: int | None


@dataclass(frozen=True)
class FloorQuestion:
    """Which floor is to be read, and for whom.

    Attributes:
        logins: the phone logins behind an alias, at least one.
        user: whose own sessions and reservation don't count.
        counted: the campaign whose agents are counted besides all; empty for none.
        all_rooms: count every free room; else 1 stands for «at least one».
        busy: read how busy the dialers are, which only VICIdial's ``servers`` says.
        sessions: read the sessions too that a login may end.
    """

    logins: tuple[str, ...]
    user: str
    counted: str = ""
    all_rooms: bool = False
    busy: bool = False
    sessions: bool = False


# -- the alias ----------------------------------------------------------------------------

ALIAS = Columns(
    AliasRow,
    logins_list="(SELECT COALESCE(logins_list, '') FROM phones_alias WHERE alias_id = %(typed)s)",
    campaign_id="c.campaign_id",
    grouping="c.pllb_grouping",
    limit="c.pllb_grouping_limit",
    system_limit="(SELECT pllb_grouping_limit FROM system_settings LIMIT 1)",
)


def alias(typed: str, campaign_id: str) -> Statement:
    """Select one :class:`AliasRow`, whatever is there."""
    return Statement(
        f"SELECT {ALIAS.listed} FROM (SELECT 1) one"
        " LEFT JOIN vicidial_campaigns c ON c.campaign_id = %(campaign)s AND c.active = 'Y'",
        {"typed": typed, "campaign": campaign_id},
    )


def aliases_with(login: str) -> Statement:
    """Select the logins lists of the aliases that have a phone login."""
    return Statement(
        "SELECT logins_list FROM phones_alias"
        " WHERE FIND_IN_SET(%(login)s, REPLACE(logins_list, ' ', ''))",
        {"login": login},
    )


def extensions_of(logins: tuple[str, ...]) -> Statement:
    """Select the extensions of phones, each once."""
    return Statement(
        "SELECT DISTINCT p.extension FROM phones p WHERE p.login IN %(logins)s"
        " ORDER BY p.extension",
        {"logins": logins},
    )


def password_is_known(logins: tuple[str, ...], password: str) -> Statement:
    """Ask whether a listed phone has a password, or one that MariaDB takes for the same."""
    return Statement(
        "SELECT EXISTS (SELECT 1 FROM phones p WHERE p.login IN %(logins)s"
        f" AND {as_text('p.pass')} = %(password)s)",
        {"logins": logins, "password": password},
    )


# -- phones and dialers -------------------------------------------------------------------

PHONE_ROW = Columns(
    PhoneRow,
    login="p.login",
    server_ip="p.server_ip",
    extension="p.extension",
    protocol=_PROTOCOL,
    active=Condition("p.active <=> 'Y'"),
    password="COALESCE(p.pass, '')",  # noqa: S106 - a column
    registered=Condition(f"COALESCE({_IS_REGISTERED}, 0)"),
    is_webphone=Condition(f"COALESCE(p.is_webphone IN ({quoted(WEBPHONES)}), 0)"),
)


def dialer_row(with_phones: bool = True) -> Columns:
    """Say how what a person wants to know of a dialer is read.

    Args:
        with_phones: count its phones, which costs more than all the rest; else they are 0.
    """
    active = f"(SELECT COUNT(*) FROM phones p WHERE p.server_ip = {DIALER} AND p.active = 'Y'"
    return Columns(
        DialerRow,
        server_id="s.server_id",
        server_ip="s.server_ip",
        remote_agents="(SELECT COUNT(*) FROM vicidial_live_agents l"
        f" WHERE l.server_ip = {DIALER} AND l.extension LIKE 'R%%')",
        phones=f"{active})" if with_phones else "0",
        registered=f"{active} AND {_IS_REGISTERED})" if with_phones else "0",
        # Older MariaDBs make a DECIMAL of it otherwise.
        calls_kept="CAST(COALESCE(e.calls_kept, 0) AS SIGNED)",
        calls="CAST(e.calls AS SIGNED)",
        findings="CAST(e.findings AS SIGNED)",
        asterisk_connections="CAST(e.asterisk_connections AS SIGNED)",
        database_connections="CAST(e.database_connections AS SIGNED)",
        writes_to="e.writes_to",
    )


_DIALER_TABLES = f"""LEFT JOIN server_updater u ON u.server_ip = {DIALER}
LEFT JOIN evenfloor_daemons e ON e.server_ip = {DIALER}
LEFT JOIN evenfloor_dialers d ON d.server_ip = {DIALER}
LEFT JOIN evenfloor_heartbeats h ON h.server_ip = {DIALER}
LEFT JOIN evenfloor_weights w ON w.server_ip = {DIALER}"""


# Not EXISTS, which MariaDB gives as the text '0' here: to Python it would be true.
_HELD = f"(SELECT COUNT(*) FROM evenfloor_held g WHERE g.server_ip = {DIALER})"


@functools.cache
def dialer_state(all_rooms: bool, in_campaign: bool, busy: bool = False) -> Columns:
    """Say how a dialer's state is read. An index answers for each dialer that is asked for.

    Args:
        all_rooms: count every free room; else 1 stands for «at least one».
        in_campaign: count the campaign's agents too.
        busy: read how busy it is, and whether the guard holds it back.
    """
    agents = f"SELECT COUNT(*) FROM vicidial_live_agents l WHERE l.server_ip = {DIALER}"
    twin = "CONVERT(s.active_twin_server_ip USING ascii)"
    of_campaign = f"({agents} AND l.campaign_id = %(campaign)s AND {_LOCAL})"
    return Columns(
        Dialer,
        server_ip="s.server_ip",
        active=Condition("s.active <=> 'Y'"),
        takes_logins=_TAKES_LOGINS,
        heartbeat_age=heartbeat_age("u", "e"),
        free_rooms=f"IF(s.conf_engine = 'CONFBRIDGE', {_rooms('CONFBRIDGE', all_rooms)},"
        f" {_rooms('MEETME', all_rooms)})",
        local_agents=f"({agents} AND {_LOCAL})",
        campaign_agents=of_campaign if in_campaign else "0",
        max_agents="d.max_agents",
        # A value that the column's type doesn't have is '', which is none either.
        conf_engine=f"COALESCE(NULLIF(s.conf_engine, ''), '{DEFAULT_CONF_ENGINE}')",
        twin="COALESCE(s.active_twin_server_ip, '')",
        twin_heartbeat_age="IF(s.active_twin_server_ip = '', NULL,"
        f" (SELECT {heartbeat_age('t', 'te')} FROM server_updater t"
        f" LEFT JOIN evenfloor_daemons te ON te.server_ip = {twin} WHERE t.server_ip = {twin}))",
        # A heartbeat that is noted as late and isn't late any more has come back just now.
        back_for="IF(h.is_late, 0, TIMESTAMPDIFF(SECOND, h.back_since, UTC_TIMESTAMP()))",
        # Few ever need it: see evenfloor.heartbeat_statements.last_known.
        last_known=Condition("FALSE"),
        # In hundredths, as a whole number.
        weight=f"GREATEST(1, CAST(COALESCE(w.weight, 1) * {WHOLE} AS SIGNED))",
        load="s.sysload" if busy else "NULL",
        channels="s.channels_total" if busy else "NULL",
        idle="s.cpu_idle_percent" if busy else "NULL",
        held=Condition(_HELD if busy else "0"),
    )


def heartbeat_age(heartbeat: str, daemon: str) -> str:
    """Return the SQL of a heartbeat's age in seconds: never negative, NULL where it isn't known.

    Evenfloor's daemon writes its heartbeat in UTC. VICIdial writes the local time, in which an hour
    comes twice a year, and beside it ``db_time``, a TIMESTAMP, which is UTC inside. It counts where
    it was written with the heartbeat. A heartbeat from the future says nothing: a clock was set
    back, and the dialer may have died since.

    Args:
        heartbeat: the alias of ``server_updater`` in the statement.
        daemon: that of ``evenfloor_daemons``.
    """
    apart = f"TIMESTAMPDIFF(SECOND, {heartbeat}.last_update, {heartbeat}.db_time)"
    own = f"TIMESTAMPDIFF(SECOND, {daemon}.beat, UTC_TIMESTAMP())"
    vicidials = (
        f"IF(ABS({apart}) <= {WRITTEN_TOGETHER},"
        f" UNIX_TIMESTAMP() - UNIX_TIMESTAMP({heartbeat}.db_time) + {apart},"
        f" TIMESTAMPDIFF(SECOND, {heartbeat}.last_update, NOW()))"
    )
    return (
        f"IF({daemon}.beat IS NULL, {_not_negative(vicidials, FROM_ANOTHER_CLOCK)},"
        f" {_not_negative(own, FROM_THE_FUTURE)})"
    )


def _not_negative(age: str, tolerance: int) -> str:
    """Return the SQL that makes 0 of an age that is a little below, and NULL of one far below."""
    unknown = -tolerance - 1
    return f"GREATEST(0, NULLIF(GREATEST({age}, {unknown}), {unknown}))"


def _rooms(conf_engine: str, all_rooms: bool) -> str:
    free = f"FROM {ROOM_TABLES[conf_engine]} WHERE server_ip = {DIALER} AND {FREE_ROOM}"
    return f"(SELECT COUNT(*) {free})" if all_rooms else f"EXISTS (SELECT 1 {free})"


def every_dialer(state: Columns, with_phones: bool = True) -> Statement:
    """Select each dialer of the cluster: the arrays of a :class:`DialerRow` and of its state.

    Args:
        state: says how the state is read.
        with_phones: as for :func:`dialer_row`.
    """
    return Statement(
        f"SELECT {dialer_row(with_phones).array}, {state.array}"
        f" FROM servers s {_DIALER_TABLES}"
        " WHERE s.active_asterisk_server = %(yes)s ORDER BY s.server_id",
        {"yes": "Y"},
    )


REPORTING_ROW = Columns(
    ReportingRow,
    server_ip="s.server_ip",
    takes_logins=_TAKES_LOGINS,
    reports=Condition(
        f"EXISTS (SELECT 1 FROM phones p WHERE p.server_ip = {DIALER}"
        f" AND p.peer_status NOT IN ({quoted(UNKNOWN_STATES)}))"
    ),
)


def reporting_dialers() -> Statement:
    """Select each dialer, with whether it takes logins and says who is registered."""
    return Statement(f"SELECT {REPORTING_ROW.listed} FROM servers s")


def dialer_names() -> Statement:
    """Select the address and the name of each dialer."""
    return Statement("SELECT server_ip, server_id FROM servers")


# -- what the tables don't show yet -------------------------------------------------------

# A live agent's user, to be compared with a reservation's.
_SAME_USER = "CONVERT(l.user USING utf8mb4) COLLATE utf8mb4_general_ci"
# A reservation that counts.
_RESERVED = f"{UNEXPIRED} AND r.user <> %(user)s"

# The caller's own sessions, which don't count.
_OWN = f"""
SELECT l.server_ip, -1 AS agents, -(l.campaign_id <=> %(campaign)s) AS in_campaign, 0 AS reserved,
  CAST(l.live_agent_id AS SIGNED) AS own_id
FROM vicidial_live_agents l WHERE l.user = %(user)s AND {_LOCAL}"""
# The others' reservations.
_RESERVATIONS = f"""
SELECT r.server_ip, COUNT(*) AS agents, COUNT(IF(r.campaign_id = %(campaign)s, 1, NULL))
  AS in_campaign, COUNT(*) AS reserved, 0 AS own_id
FROM evenfloor_reservations r WHERE {_RESERVED} GROUP BY r.server_ip"""
# Those of them that have gone live: their users have live-agent rows there that are newer than the
# reservation. Rows newer than the oldest reservation are all that have to be looked at.
_GONE_LIVE = f"""
SELECT STRAIGHT_JOIN MAX(r.server_ip), -1, -MAX(r.campaign_id = %(campaign)s), -1, 0
FROM vicidial_live_agents l JOIN evenfloor_reservations r ON r.user = {_SAME_USER}
  AND r.server_ip = CONVERT(l.server_ip USING ascii) AND r.newest_id < l.live_agent_id
WHERE l.live_agent_id > @evenfloor_oldest AND {_RESERVED} AND {_LOCAL}
GROUP BY r.user"""
# The sessions that the users of reservations are leaving.
_LEFT = f"""
SELECT STRAIGHT_JOIN l.server_ip, -1, -(l.campaign_id <=> %(campaign)s), 0, 0
FROM evenfloor_reservations r JOIN vicidial_live_agents l ON l.live_agent_id = r.old_id
WHERE r.old_id > 0 AND {_RESERVED} AND r.user = {_SAME_USER} AND {_LOCAL}"""

_OTHERS_CHANGES = f"{_RESERVATIONS} UNION ALL {_GONE_LIVE} UNION ALL {_LEFT}"
_CHANGES = f"{_OWN} UNION ALL {_OTHERS_CHANGES}"

CHANGE_ROW = Columns(Change, **{name: name for name in Change._fields})

#: Comes before every statement that selects changes, in the same trip. A variable and not a
#: subquery: only from a constant does the optimizer see how few rows it has to read.
_NOTE_OLDEST = note(
    "evenfloor_oldest",
    Statement("SELECT MIN(newest_id) FROM evenfloor_reservations WHERE expires > UTC_TIMESTAMP()"),
)
#: The same, and the epoch that the floor is read in; NULL where the cluster counts none.
_NOTE_OLDEST_AND_EPOCH = note(
    "evenfloor_oldest, @evenfloor_epoch",
    Statement(
        "SELECT MIN(newest_id), (SELECT MAX(epoch) FROM evenfloor_epoch)"
        " FROM evenfloor_reservations WHERE expires > UTC_TIMESTAMP()"
    ),
)


def changes(user: str) -> list[Statement]:
    """Select changes to the counts of all dialers, as :class:`Change` in the last reply.

    Args:
        user: whose own sessions and reservation don't count.
    """
    return [_NOTE_OLDEST, Statement(_CHANGES, {"user": user, "campaign": ""})]


# -- a floor ------------------------------------------------------------------------------


def floor(question: FloorQuestion) -> list[Statement]:
    """Select an alias's phones, their dialers and the changes to their counts, in the last reply.

    Each row is one JSON array that begins with its kind: a PHONE has the arrays of its
    :class:`PhoneRow` and of its dialer's state, a CHANGE that of its :class:`Change`, NEWEST the
    highest ``live_agent_id`` and whether the cluster counts epochs. Where sessions are asked for,
    an OWN has the array of one of the user's, and an OTHER that of another's on a phone.

    All of it is one view of the tables, because VICIdial's page deletes and writes live-agent rows
    whenever it likes: engines without transactions lock every table of a statement for as long as
    it runs. So no row is missed or seen twice while an agent moves.
    """
    values = {
        "logins": question.logins,
        "user": question.user,
        "campaign": question.counted,
    }
    text = _floor_text(state_in(question), question.sessions)
    return [_NOTE_OLDEST_AND_EPOCH, Statement(text, values)]


def state_in(question: FloorQuestion) -> Columns:
    """Say how the dialers' states are read in the answer to a question."""
    return dialer_state(question.all_rooms, question.counted != "", question.busy)


@functools.cache
def _floor_text(state: Columns, with_sessions: bool) -> str:
    phone = f"JSON_ARRAY('{PHONE}', {PHONE_ROW.array}, {state.array})"
    # Only who may log agents in may read sessions; they say what the end of the user's own changes.
    changes = _OTHERS_CHANGES if with_sessions else _CHANGES
    return f"""SELECT {as_text(phone)}
FROM phones p LEFT JOIN servers s ON s.server_ip = CONVERT(p.server_ip USING ascii)
{_DIALER_TABLES}
WHERE p.login IN %(logins)s
UNION ALL
SELECT {as_text(f"JSON_ARRAY('{CHANGE}', {CHANGE_ROW.array})")} FROM ({changes}) changes
UNION ALL
SELECT {as_text(f"JSON_ARRAY('{NEWEST}', MAX(live_agent_id), @evenfloor_epoch IS NOT NULL)")}
FROM vicidial_live_agents{_OWN_SESSIONS + _OTHER_SESSIONS if with_sessions else ""}"""


# -- sessions -----------------------------------------------------------------------------

SESSION = Columns(
    LiveSession,
    live_agent_id="l.live_agent_id",
    user="COALESCE(l.user, '')",
    server_ip="l.server_ip",
    room="COALESCE(l.conf_exten, '')",
    tag="COALESCE(l.callerid, '')",
    channel="COALESCE(l.extension, '')",
    local=Condition(f"COALESCE({_LOCAL}, 0)"),
    campaign_id="COALESCE(l.campaign_id, '')",
    # A TIMESTAMP is UTC inside.
    age="GREATEST(0, UNIX_TIMESTAMP() - UNIX_TIMESTAMP(l.last_update_time))",
)


def sessions_of(users: tuple[str, ...]) -> Statement:
    """Select the sessions of users, at least one."""
    return Statement(
        f"SELECT {SESSION.listed} FROM vicidial_live_agents l WHERE l.user IN %(users)s",
        {"users": users},
    )


_CHANNEL = f"CONVERT(CONCAT({_PROTOCOL}, '/', p.extension) USING ascii)"
# What a floor has besides: the user's own sessions, and those of others on the phones.
_OWN_SESSIONS = f"""
UNION ALL
SELECT {as_text(f"JSON_ARRAY('{OWN}', {SESSION.array})")} FROM vicidial_live_agents l
WHERE l.user = %(user)s"""
_OTHER_SESSIONS = f"""
UNION ALL
SELECT {as_text(f"JSON_ARRAY('{OTHER}', {SESSION.array})")}
FROM phones p JOIN vicidial_live_agents l ON l.extension = {_CHANNEL}
  AND l.server_ip = CONVERT(p.server_ip USING ascii)
WHERE p.login IN %(logins)s AND l.user <> %(user)s"""
