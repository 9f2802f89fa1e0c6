"""VICIdial's rules as a model of their own, compared with the choice on random clusters.

The model is written from what is known of VICIdial 2.14's login page, phone by phone and in the
page's order, and shares nothing with the package. Where the page leaves an agent logged in
nowhere (the phone it chose is inactive or has another password) there is nothing to compare.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenfloor import LoginRefused

TIMEOUT = 120
PASSWORD = "secret"
TABLES = (
    "servers", "server_updater", "evenfloor_dialers", "phones", "phones_alias",
    "vicidial_live_agents", "vicidial_confbridges", "vicidial_conferences",
    "vicidial_campaigns", "system_settings", "evenfloor_reservations",
)  # fmt: skip


@dataclass
class Server:
    active: str
    takes_logins: str
    engine: str
    age: int | None
    rooms: int
    twin: str
    agents: list[tuple[str | None, str]] = field(default_factory=list)

    def local(self, campaign: str | None = None) -> int:
        return sum(
            extension is not None
            and not extension.upper().startswith("R")
            and campaign in (None, of)
            for extension, of in self.agents
        )


@dataclass
class State:
    servers: dict[str, Server]
    #: login: (server_ip, password, active)
    phones: dict[str, tuple[str, str, str]]
    listed: list[str]
    grouping: str
    limit: int
    system_limit: int


def fresh(state: State, ip: str) -> bool:
    age = state.servers[ip].age if ip in state.servers else None
    return age is not None and age < TIMEOUT


def page(state: State) -> str | None:
    """Return the phone login that VICIdial's page chooses, None where it refuses or finds none."""
    verified = [
        login
        for login in state.listed
        if login in state.phones
        and state.phones[login][1:] == (PASSWORD, "Y")
        and state.servers[state.phones[login][0]].takes_logins == "Y"
    ]
    if not verified:
        return None
    best, fewest = None, 0
    for login in state.listed:
        if login not in state.phones:
            continue
        ip = state.phones[login][0]
        server = state.servers[ip]
        twin_lives = len(server.twin) <= 4 or fresh(state, server.twin)
        usable = server.active == "Y" and server.takes_logins == "Y" and server.rooms > 0
        if not (usable and fresh(state, ip) and twin_lives):
            continue
        count, together = server.local(), server.local("TEST")
        if state.grouping == "ONE_SERVER_ONLY" and together > 0:
            return login
        if (
            state.grouping == "CASCADING"
            and 0 < together < state.limit
            and count < state.system_limit
        ):
            return login
        if best is None or count <= fewest:
            best, fewest = login, count
    return best


yes_mostly = st.sampled_from(["Y", "Y", "Y", "Y", "N"])
addresses = [f"10.7.0.{number}" for number in range(1, 7)]
servers = st.builds(
    Server,
    active=yes_mostly,
    takes_logins=yes_mostly,
    engine=st.sampled_from(["CONFBRIDGE", "MEETME"]),
    age=st.sampled_from([0, 1, 60, 110, 130, 500, None, -30]),
    rooms=st.sampled_from([0, 1, 5]),
    twin=st.sampled_from(["", "", "", "", "x", *addresses[:3], "10.99.9.9"]),
    agents=st.lists(
        st.tuples(
            st.sampled_from(["SIP/1", "PJSIP/22", "IAX2/3", "R/7001", "r/7", None, "", "Local/R5"]),
            st.sampled_from(["TEST", "TEST", "OTHER"]),
        ),
        max_size=5,
    ),
)


@st.composite
def states(draw) -> State:
    count = draw(st.integers(2, 6))
    there = {ip: draw(servers) for ip in addresses[:count]}
    phones = {
        f"101{letter}": (
            ip,
            draw(st.sampled_from([PASSWORD, PASSWORD, PASSWORD, PASSWORD, "other", "Secret"])),
            draw(yes_mostly),
        )
        for letter, ip in zip("abcdef", there)
    }
    listed = draw(
        st.lists(st.sampled_from([*phones, "missing"]), min_size=2, max_size=7, unique=True)
    )
    return State(
        there,
        phones,
        listed,
        draw(st.sampled_from(["DISABLED", "ONE_SERVER_ONLY", "CASCADING"])),
        draw(st.integers(0, 4)),
        draw(st.integers(0, 6)),
    )


def load(cluster, state: State) -> None:
    for table in TABLES:
        cluster.run(f"DELETE FROM {table}")
    for ip, server in state.servers.items():
        cluster.add_dialer(
            ip,
            active=server.active,
            active_agent_login_server=server.takes_logins,
            conf_engine=server.engine,
            updater_age=server.age,
            free_rooms=server.rooms,
            twin=server.twin,
        )
        for extension, campaign in server.agents:
            cluster.add_agent(ip, extension, campaign)
    for login, (ip, password, active) in state.phones.items():
        cluster.add_phone(login, ip, password=password, active=active)
    cluster.add_alias("101x", ",".join(state.listed))
    cluster.add_campaign("TEST", state.grouping, state.limit)
    cluster.run("INSERT INTO system_settings VALUES (%s)", (state.system_limit,))


@pytest.mark.parametrize("typed", ["alias", "list"])
def test_the_choice_is_the_pages_on_random_clusters(cluster, make_balancer, typed):
    balancer = make_balancer(heartbeat_timeout=TIMEOUT)

    @settings(
        max_examples=400,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(states())
    def compare(state):
        load(cluster, state)
        native = page(state)
        asked = "101x" if typed == "alias" else ",".join(state.listed)
        try:
            chosen = balancer.choose(asked, PASSWORD, "agent7", "TEST").phone_login
        except LoginRefused:
            chosen = None
        if native is None or state.phones[native][1:] == (PASSWORD, "Y"):
            assert chosen == native
        else:
            assert chosen is None or state.phones[chosen][1:] == (PASSWORD, "Y")

    compare()
