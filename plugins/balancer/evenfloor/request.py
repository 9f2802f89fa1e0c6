"""What an agent asks for, and what the database has of it before the floor is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .errors import BAD_CREDENTIALS, UNKNOWN_CAMPAIGN, Malformed
from .policy import DISABLED
from .vicidial import LONGEST


@dataclass(frozen=True)
class Request:
    """What was typed.

    Attributes:
        alias: a phone alias, a comma-separated logins list, or one phone login.
        user: the agent; empty for nobody in particular.
        campaign: the campaign's id; empty for none.
        password: the login password; None is «don't look at it».
        client: whom a wrong password is counted for; empty for nobody.
        proves_user: whether the user has to be proved, where agents have passwords of their own.
    """

    alias: str
    user: str = ""
    campaign: str = ""
    password: str | None = field(default=None, repr=False)
    client: str = ""
    proves_user: bool = False


class KnownAgent(NamedTuple):
    """What the database has of a user.

    Attributes:
        needed: whether agents have passwords, so that the user has to be one of them.
        user: the agent's name; empty where there is no such agent.
        password_hash: of the agent's own password.
    """

    needed: bool = False
    user: str = ""
    password_hash: str = ""


class AgentProof(NamedTuple):
    """What was found when a password was compared with an agent's.

    Attributes:
        agent: the agent, with the hash that it was compared with.
        is_right: whether it is the agent's.
    """

    agent: KnownAgent
    is_right: bool


class Tried(NamedTuple):
    """How many wrong passwords an address has sent, and in how many seconds they are forgotten."""

    failures: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class Campaign:
    """How a campaign groups its agents.

    Attributes:
        grouping: DISABLED, ONE_SERVER_ONLY or CASCADING.
        limit: the campaign's limit, local agents of the campaign.
        system_limit: the system's limit, local agents in all.
    """

    grouping: str = DISABLED
    limit: int = 0
    system_limit: int = 0


@dataclass(frozen=True)
class Listed:
    """A request, and what the database has of its alias and campaign.

    Attributes:
        request: what was typed.
        logins: the phone logins behind the alias.
        campaign: how the campaign groups; None where no active campaign has this id.
        counted: the campaign whose agents are counted besides all; empty where nobody asks.
        is_typed: whether phone logins were typed, and not an alias.
        tried: the wrong passwords of whoever asks.
        agent: the user, if it has to be proved.
    """

    request: Request
    logins: list[str]
    campaign: Campaign | None
    counted: str
    is_typed: bool = False
    tried: Tried = Tried()
    agent: KnownAgent = field(default=KnownAgent(), repr=False)


def check_typed(required: Sequence[str], **values: str) -> None:
    """Look at what was typed, before the database is asked.

    Args:
        required: the values that must not be empty.
        values: by name: alias, password, user, campaign, user_password.

    Raises:
        Malformed: a value is missing, isn't text, or is longer than its column.
    """
    for name, value in values.items():
        reason = UNKNOWN_CAMPAIGN if name == "campaign" else BAD_CREDENTIALS
        if not isinstance(value, str) or (name in required and not value):
            raise Malformed(reason, f"'{name}' has to be text and is required")
        if len(value) > LONGEST[name]:
            raise Malformed(reason, f"'{name}' has more than {LONGEST[name]} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed(reason, f"'{name}' isn't text that can be written") from None
