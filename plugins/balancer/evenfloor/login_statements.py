"""The SQL that writes: reservations, sessions, decisions, and what has expired."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

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


def reserve(claim: Claim, seconds: int) -> Statement:
    """Count a choice for some seconds, or until its user's live-agent row is there.

    The reservation knows the newest live-agent row of its time, so only a newer row can be the
    login that it was made for; and the session that the user had then, which counts no more.
    """
    return Statement(
        "REPLACE INTO evenfloor_reservations"
        " (user, server_ip, campaign_id, newest_id, old_id, expires) VALUES (%(user)s,"
        " %(server_ip)s, %(campaign)s, %(newest_id)s, %(old_id)s,"
        " UTC_TIMESTAMP() + INTERVAL %(seconds)s SECOND)",
        {
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


def forget_reservation(user: str) -> Statement:
    """Count a user's choice no more. The table is in memory: no transaction covers it."""
    return Statement("DELETE FROM evenfloor_reservations WHERE user = %(user)s", {"user": user})


# -- sessions -----------------------------------------------------------------------------


def claim_room(claim: Claim) -> Statement:
    """Take the lowest free room of the claim's dialer; its number is the reply's last id.

    One UPDATE gives no room twice, lock or not.
    """
    return Statement(
        f"UPDATE {claim.room_table} SET extension = %(channel)s,"
        " conf_exten = LAST_INSERT_ID(conf_exten)"
        f" WHERE server_ip = %(server_ip)s AND {FREE_ROOM} ORDER BY conf_exten LIMIT 1",
        {"channel": channel(claim.phone), "server_ip": claim.phone.server_ip},
    )


def originate(claim: Claim, room: str, tag: str) -> Statement:
    """Ask the claim's dialer to ring the phone and to put it into its room.

    The columns are those of VICIdial's queue of AMI actions, one header a column.
    """
    return Statement(
        "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip, channel,"
        " action, callerid, cmd_line_b, cmd_line_c, cmd_line_d, cmd_line_e, cmd_line_f)"
        " SELECT '', NOW(), 'NEW', 'N', server_ip, '', 'Originate', %(tag)s, %(channel)s,"
        " CONCAT('Context: ', ext_context), %(exten)s, 'Priority: 1', %(callerid)s"
        " FROM servers WHERE server_ip = %(server_ip)s",
        {
            "tag": tag,
            "channel": f"Channel: {channel(claim.phone)}",
            "exten": f"Exten: {room}",
            "callerid": f'Callerid: "{tag}" <{room}>',
            "server_ip": claim.phone.server_ip,
        },
    )


def live_agent(claim: Claim, room: str, tag: str) -> Statement:
    """Write the row that is counted."""
    return Statement(
        "INSERT INTO vicidial_live_agents (user, server_ip, conf_exten, extension, status, lead_id,"
        " campaign_id, uniqueid, callerid, channel, random_id, last_call_time, last_call_finish)"
        " VALUES (%(user)s, %(server_ip)s, %(room)s, %(channel)s, 'PAUSED', 0, %(campaign)s, '',"
        " %(tag)s, '', %(number)s, NOW(), NOW())",
        {
            "user": claim.request.user,
            "server_ip": claim.phone.server_ip,
            "room": room,
            "channel": channel(claim.phone),
            "campaign": claim.request.campaign,
            "tag": tag,
            "number": random.randrange(10**7, 10**8),
        },
    )


def endings(sessions: Sequence[LiveSession]) -> list[Statement]:
    """Count sessions no more, and ask their dialers to end the calls."""
    return [
        statement
        for session in sessions
        for statement in (
            Statement(
                "DELETE FROM vicidial_live_agents WHERE live_agent_id = %(id)s",
                {"id": session.live_agent_id},
            ),
            Statement(
                "INSERT INTO vicidial_manager (uniqueid, entry_date, status, response, server_ip,"
                " channel, action, callerid)"
                " VALUES ('', NOW(), 'NEW', 'N', %(server_ip)s, '', 'Hangup', %(tag)s)",
                {"server_ip": session.server_ip, "tag": session.tag},
            ),
        )
    ]


# -- decisions ----------------------------------------------------------------------------


def keep_decision(row: dict) -> Statement:
    """Keep a decision; nothing depends on it.

    Args:
        row: from :meth:`Trail.row`.
    """
    return Statement(
        "INSERT INTO evenfloor_decisions (decided, user, alias_id, campaign_id, server_ip,"
        " phone_login, outcome, detail) VALUES (NOW(), %(user)s, %(alias)s, %(campaign)s,"
        " %(server_ip)s, %(phone_login)s, %(outcome)s, %(detail)s)",
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
    """Remove reservations that have expired and decisions older than ``decisions_kept`` seconds."""
    return [
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
