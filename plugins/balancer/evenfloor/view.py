"""What a choice is made with, as one view of the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from . import floor_statements as reading
from .floor import Change, Floor, assemble, leaving
from .floor_statements import FloorQuestion
from .phones import PhoneRow, by_login, channel, listed_phones
from .policy import Dialer, Phone
from .request import Listed
from .sessions import LiveSession
from .sql import Reply, decoded


@dataclass(frozen=True)
class View:
    """What a choice is made with.

    Attributes:
        listed: what was asked for.
        phones: one for each login of the list, in its order.
        floor: their dialers, without the caller's own sessions.
        own: the caller's sessions; read for a login only.
        others: other users' sessions on those of the phones that have the password; read for a
            login only.
    """

    listed: Listed
    phones: list[Phone]
    floor: Floor
    own: list[LiveSession] = field(default_factory=list)
    others: list[LiveSession] = field(default_factory=list)

    def is_here(self, session: LiveSession) -> bool:
        """Whether a session is on one of the phones that have the password."""
        return (session.server_ip, session.channel.lower()) in {
            (phone.server_ip, channel(phone).lower())
            for phone in self.phones
            if phone.password_matches
        }

    def without(self, sessions: Iterable[LiveSession]) -> View:
        """Return the view without other users' sessions that are about to end."""
        return replace(self, floor=self.floor.without(sessions, self.listed.counted))

    def without_rooms(self, addresses: Iterable[str]) -> View:
        """Return the view with dialers that turned out to have no room left."""
        return replace(self, floor=self.floor.without_rooms(addresses))


def question_of(listed: Listed, all_rooms: bool = False) -> FloorQuestion:
    """Say what is asked of the database for what is listed.

    Args:
        listed: the phones' logins, the user and the campaign.
        all_rooms: count every free room; else 1 stands for «at least one».
    """
    # A list of none would be no list to the database.
    logins = tuple(listed.logins) or ("",)
    return FloorQuestion(logins, listed.request.user, listed.counted, all_rooms)


def view_of(listed: Listed, question: FloorQuestion, replies: Sequence[Reply]) -> View:
    """Make a view of the replies to a floor's statements."""
    _noted, found = replies
    state = reading.state_in(question)
    rows: list[PhoneRow] = []
    dialers: list[Dialer] = []
    changes: list[Change] = []
    sessions: dict[str, list[LiveSession]] = {reading.OWN: [], reading.OTHER: []}
    newest_id, counts_epochs = 0, False
    for kind, *values in decoded(found):
        if kind == reading.PHONE:
            rows.append(reading.PHONE_ROW.made_of(values[0]))
            dialers.append(state.made_of(values[1]))
        elif kind == reading.CHANGE:
            changes.append(reading.CHANGE_ROW.made_of(values[0]))
        elif kind == reading.NEWEST:
            newest_id, counts_epochs = values[0] or 0, bool(values[1])
        else:
            sessions[kind].append(reading.SESSION.made_of(values[0]))
    phones = listed_phones(listed.logins, by_login(rows), listed.request.password)
    changes += leaving(sessions[reading.OWN], question.counted)
    floor = assemble([dialer for dialer in dialers if dialer.server_ip], changes, newest_id)
    floor = replace(floor, counts_epochs=counts_epochs)
    view = View(listed, phones, floor, sessions[reading.OWN])
    others = [other for other in sessions[reading.OTHER] if view.is_here(other)]
    return replace(view, others=others) if others else view
