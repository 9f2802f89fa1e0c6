"""The SQL that writes: reservations, sessions, decisions, and what has expired."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from . import attempts
from .floor import Floor
from .floor_statements import FREE_ROOM
from .phones import channel
from .policy import Dialer, Phone
from .request import Request
from .sessions import LiveSession
from .sql import Statement
from .vicidial import ROOM_TABLES

#: How many expired decisions are removed at a time.
PRUNED_AT_ONCE = 1000


@dataclass(frozen=True)
class Claim:
    """What a login claims.

    Attributes:
        request: who wants the place.
        phone: the winner.
        dialer: the winner's dialer.
        floor: what the decision was made with.
    """

    request: Request
    phone: Phone
    dialer: Dialer
    floor: Floor

    @property
    def room_table(self) -> str:
        """Where the dialer's rooms are."""
        return ROOM_TABLES[self.dialer.conf_engine]


# -- reservations -------------------------------------------------------------------------


#: A condition: whoever wants the claim still waits for the answer. A database that hung does later
#: what it was asked before.
_IN_TIME = "SYSDATE(6) < %(until)s"


def reserve(claim: Claim, seconds: int, until: datetime) -> Statement:
    """Count a choice for some seconds, or until its user's live-agent row is there.

    The reservation knows the newest live-agent row of its time, so only a newer row can be the
    login that it was made for; and the session that the user had then, which counts no more.
    Nothing is reserved once the moment ``until`` has passed, by the database's clock.
    """
    return Statement(
        "REPLACE INTO evenfloor_reservations"
        " (user, server_ip, campaign_id, newest_id, old_id, expires) SELECT %(user)s,"
        " %(server_ip)s, %(campaign)s, %(newest_id)s, %(old_id)s,"
        f" UTC_TIMESTAMP() + INTERVAL %(seconds)s SECOND FROM DUAL WHERE {_IN_TIME}",
        {
            "until": until,
            "user": claim.request.user,
            "server_ip": claim.phone.server_ip,
            "campaign": claim.request.campaign,
            "newest_id": claim.floor.newest_id,
            "old_id": claim.floor.own_id,
            "seconds": seconds,
        },
    )


def room_beside_the_reserved(claim: Claim) -> Statement:
    """Select a row if the claim's dialer has more free rooms than others have reserved."""
    return Statement(
        f"SELECT 1 FROM {claim.room_table} WHERE server_ip = %(server_ip)s AND {FREE_ROOM}"
        " LIMIT %(reserved)s, 1",
        {
            "server_ip": claim.phone.server_ip,
            "reserved": claim.floor.reserved.get(claim.phone.server_ip, 0),
        },
    )


def forget_reservation(user: str, if_room: bool = False) -> Statement:
    """Count a user's choice no more. The table is in memory: no transaction covers it.

    Args:
        user: whose.
        if_room: only if :func:`claim_room` took a room.
    """
    condition = HAS_ROOM if if_room else "TRUE"
    return Statement(
        f"DELETE FROM evenfloor_reservations WHERE user = %(user)s AND {condition}",
        {"user": user},
    )


def hold(server_ip: str) -> Statement:
    """Note that the guard holds a dialer back."""
    return Statement(
        "INSERT IGNORE INTO evenfloor_held (server_ip, since) VALUES (%(server_ip)s,"
        " UTC_TIMESTAMP())",
        {"server_ip": server_ip},
    )


def let_go(server_ip: str) -> Statement:
    """Note that the guard doesn't hold a dialer back any longer."""
    return Statement(
        "DELETE FROM evenfloor_held WHERE server_ip = %(server_ip)s", {"server_ip": server_ip}
    )


def take_back(claim: Claim) -> Statement:
    """Count no more what :func:`reserve` made for a claim; a newer reservation stays."""
    return Statement(
        "DELETE FROM evenfloor_reservations WHERE user = %(user)s AND server_ip = %(server_ip)s"
        " AND newest_id = %(newest_id)s",
        {
            "user": claim.request.user,
            "server_ip": claim.phone.server_ip,
            "newest_id": claim.floor.newest_id,
        },
    )


# -- sessions -----------------------------------------------------------------------------


#: The room that :func:`claim_room` took; NULL where it took none, and then the statements after it
#: do nothing. So a whole session is written in one trip: whoever dies or freezes leaves all of it
#: or nothing, in tables without transactions too.
_ROOM = "@evenfloor_room"
HAS_ROOM = f"{_ROOM} IS NOT NULL"
#: The same inside the transaction. Of several databases, one may undo another's transaction in the
#: middle of a trip, and MariaDB doesn't always say so: the statements after it would stand alone.
_CLAIMS = f"{HAS_ROOM} AND @@in_transaction"


#: Whether nobody has claimed anything since the floor was read, as far as an epoch says so.
IS_CURRENT = "@evenfloor_current"


def note_current() -> Statement:
    """Note whether the epoch is still that of the floor that was read, if the cluster counts them.

    Where several databases are written to, each has a lock of its own, so a login may have claimed
    something in between. ``SET`` reads the row as it is now, and keeps it so for the transaction.
    """
    return Statement(
        f"SET {IS_CURRENT} = (SELECT COALESCE(MAX(epoch = @evenfloor_epoch), TRUE)"
        " FROM evenfloor_epoch)"
    )


def count_epoch() -> Statement:
    """Begin a new epoch with a claim, where the cluster counts them.

    Of two databases that do so at once, the second to commit is told that it lost the race.
    """
    return Statement(f"UPDATE evenfloor_epoch SET epoch = epoch + 1 WHERE id = 1 AND {_CLAIMS}")


def claim_room(claim: Claim, until: datetime) -> list[Statement]:
    """Take the first free room of the claim's dialer, if :func:`note_current` says so.

    One UPDATE gives no room twice, lock or not. The order is that of the index ``evenfloor_free``:
    one row is read, and not every free room sorted.

    Args:
        claim: who takes it.
        until: the moment, by the database's clock, after which none is taken.

    Returns:
        The statements; the first one's reply has the room as its last id if it touched a row.
    """
    current = IS_CURRENT if claim.floor.counts_epochs else "TRUE"
    return [
        Statement(
            f"UPDATE {claim.room_table} SET extension = %(channel)s,"
            " conf_exten = LAST_INSERT_ID(conf_exten)"
            f" WHERE server_ip = %(server_ip)s AND {FREE_ROOM} AND {_IN_TIME} AND {current}"
            " AND @@in_transaction ORDER BY extension, conf_exten LIMIT 1",
            {
                "channel": channel(claim.phone),
                "server_ip": claim.phone.server_ip,
                "until": until,
            },
        ),
        Statement(f"SET {_ROOM} = IF(ROW_COUNT() > 0, LAST_INSERT_ID(), NULL)"),
    ]


def originate(claim: Claim, tag: str) -> Statement:
    """Ask the claim's dialer to ring the phone and to put it into its room.

    The columns are those of VICIdial's queue of AMI actions, one header a column.
    """
    return Statement(
        "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip, channel,"
        " action, callerid, cmd_line_b, cmd_line_c, cmd_line_d, cmd_line_e, cmd_line_f)"
        " SELECT '', NOW(), 'NEW', 'N', server_ip, '', 'Originate', %(tag)s, %(channel)s,"
        f" CONCAT('Context: ', ext_context), CONCAT('Exten: ', {_ROOM}), 'Priority: 1',"
        f" CONCAT(%(callerid)s, ' <', {_ROOM}, '>')"
        f" FROM servers WHERE server_ip = %(server_ip)s AND {_CLAIMS}",
        {
            "tag": tag,
            "channel": f"Channel: {channel(claim.phone)}",
            "callerid": f'Callerid: "{tag}"',
            "server_ip": claim.phone.server_ip,
        },
    )


def live_agent(claim: Claim, tag: str) -> Statement:
    """Write the row that is counted."""
    return Statement(
        "INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, status, lead_id,"
        " campaign_id, uniqueid, callerid, channel, random_id, last_call_time, last_call_finish)"
        f" SELECT %(user)s, %(server_ip)s, {_ROOM}, %(channel)s, 'PAUSED', 0, %(campaign)s, '',"
        f" %(tag)s, '', %(number)s, NOW(), NOW() FROM DUAL WHERE {_CLAIMS}",
        {
            "user": claim.request.user,
            "server_ip": claim.phone.server_ip,
            "channel": channel(claim.phone),
            "campaign": claim.request.campaign,
            "tag": tag,
            "number": random.randrange(10**7, 10**8),
        },
    )


def claimed(tag: str) -> Statement:
    """Select the room of the session that was just written; NULL if it isn't there.

    After the COMMIT, and before another statement makes an id. Another database may have undone
    the transaction unsaid, and then there is no room either for the statements that follow.
    """
    return Statement(
        f"SELECT {_ROOM} := MAX(conf_exten) FROM vicidial_live_agents"
        " WHERE live_agent_id = LAST_INSERT_ID() AND callerid = %(tag)s",
        {"tag": tag},
    )


def any_left(sessions: Sequence[LiveSession]) -> Statement:
    """Select a row if sessions are there that were ended: see :func:`claimed`."""
    ids = tuple(session.live_agent_id for session in sessions)
    return Statement(
        "SELECT 1 FROM vicidial_live_agents WHERE live_agent_id IN %(ids)s LIMIT 1", {"ids": ids}
    )


def endings(sessions: Sequence[LiveSession], if_room: bool = False) -> list[Statement]:
    """Count sessions no more, and ask their dialers to end the calls.

    Args:
        sessions: which.
        if_room: only if :func:`claim_room` took a room.
    """
    condition = _CLAIMS if if_room else "TRUE"
    return [
        statement
        for session in sessions
        for statement in (
            Statement(
                f"DELETE FROM vicidial_live_agents WHERE live_agent_id = %(id)s AND {condition}",
                {"id": session.live_agent_id},
            ),
            Statement(
                "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip,"
                " channel, action, callerid)"
                " SELECT '', NOW(), 'NEW', 'N', %(server_ip)s, '', 'Hangup', %(tag)s"
                f" FROM DUAL WHERE {condition}",
                {"server_ip": session.server_ip, "tag": session.tag},
            ),
        )
    ]


# -- decisions ----------------------------------------------------------------------------


def keep_decision(row: dict, if_room: bool = False) -> Statement:
    """Keep a decision; nothing depends on it.

    Args:
        row: from :meth:`Trail.row`.
        if_room: only if :func:`claim_room` took a room.
    """
    return Statement(
        "INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, server_ip,"
        " phone_login, outcome, detail) SELECT NOW(), %(user)s, %(alias)s, %(campaign)s,"
        " %(server_ip)s, %(phone_login)s, %(outcome)s, %(detail)s"
        f" FROM DUAL WHERE {HAS_ROOM if if_room else 'TRUE'}",
        row,
        optional=True,
    )


def forget_decision(decision_id: int) -> Statement:
    """Remove a decision that didn't come about."""
    return Statement(
        "DELETE FROM evenfloor_decisions WHERE decision_id = %(id)s",
        {"id": decision_id},
        optional=True,
    )


def prune(decisions_kept: int) -> list[Statement]:
    """Remove what has expired, decisions older than ``decisions_kept`` s, and the older events."""
    return [
        attempts.prune(),
        Statement(
            "DELETE FROM evenfloor_reservations WHERE expires <= UTC_TIMESTAMP()", optional=True
        ),
        Statement(
            "DELETE FROM evenfloor_decisions WHERE decided < NOW() - INTERVAL %(kept)s SECOND"
            " LIMIT %(most)s",
            {"kept": decisions_kept, "most": PRUNED_AT_ONCE},
            optional=True,
        ),
    ]
