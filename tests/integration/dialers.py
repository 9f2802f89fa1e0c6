"""What a dialer may do in the database: the roles' views, and its user with the roles' grants."""

from __future__ import annotations

from pathlib import Path

import jinja2
import yaml

from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE

ROLES = Path(__file__).parents[2] / "roles"
VIEWS = f"{DATABASE}_dialer"
USER, PASSWORD = "evenfloor_dialer", "let me in"
PROVISION = "evenfloor_provision"


def granted(role: str, variable: str) -> dict:
    """Return a variable of a role."""
    return yaml.safe_load((ROLES / role / "vars/main.yml").read_text())[variable]


TABLES = granted("dialer", "dialer_database_tables")


def view_statements() -> list[str]:
    """Return the statements that make the views."""
    text = (ROLES / "database/templates/dialers.sql.j2").read_text()
    # As Ansible does.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701
    made = environment.from_string(text).render(
        cluster_dialers_database=VIEWS,
        database_name=DATABASE,
        database_provisioning_user=PROVISION,
        database_dialers_views=granted("database", "database_dialers_views"),
    )
    return mariadb.statements(made)


def make_views(cluster: Cluster) -> None:
    """Make the views, and their owner with what the role grants it."""
    cluster.run(f"CREATE USER IF NOT EXISTS {PROVISION}@localhost")
    for table, privileges in granted("flavor_plain", "flavor_plain_provisioning_tables").items():
        name = table if table == "*" else f"`{table}`"
        cluster.run(f"GRANT {privileges} ON {DATABASE}.{name} TO {PROVISION}@localhost")
    for statement in view_statements():
        cluster.run(statement)


def admit(cluster: Cluster, address: str, server_ip: str, *, tls: bool = False) -> None:
    """Make the user of a dialer, with what the role grants it.

    Args:
        cluster: where; it has the views.
        address: what the dialer connects from: an address, or ``localhost`` for the socket.
        server_ip: the dialer.
        tls: whether it has to use TLS.
    """
    user = f"{USER}@'{address}'"
    require = "REQUIRE SSL" if tls else "REQUIRE NONE"
    cluster.run(f"CREATE OR REPLACE USER {user} IDENTIFIED BY '{PASSWORD}' {require}")
    for table, privileges in TABLES.items():
        cluster.run(f"GRANT {privileges} ON {VIEWS}.{table} TO {user}")
    if address != server_ip:
        cluster.run("REPLACE INTO evenfloor_hosts VALUES (%s, %s)", (address, server_ip))


def dismiss(cluster: Cluster, *addresses: str) -> None:
    """Drop what :func:`admit` and :func:`make_views` have made."""
    for address in addresses:
        cluster.run(f"DROP USER IF EXISTS {USER}@'{address}'")
    cluster.run(f"DROP DATABASE IF EXISTS {VIEWS}")
    cluster.run(f"DROP USER IF EXISTS {PROVISION}@localhost")


def through_socket(server: mariadb.Server) -> dict:
    """Return how the dialer ``localhost`` connects: settings of the section [database]."""
    return {"unix_socket": server.socket, "user": USER, "password": PASSWORD, "name": VIEWS}
