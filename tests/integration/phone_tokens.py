"""What phones show, and the database's function that tells whose it is, as the roles make them."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator

import jinja2

from evenfloor.provision_store import proof_of
from tests import mariadb
from tests.integration.cluster import Cluster
from tests.integration.conftest import DATABASE
from tests.integration.dialers import PASSWORD, PROVISION, ROLES, granted

#: The login service's.
USER = "evenfloor_login"

FUNCTIONS = {
    **granted("flavor_plain", "flavor_plain_login_functions"),
    **granted("flavor_plain", "flavor_plain_browser_functions"),
}
TEMPLATES = granted("database", "database_functions")
#: As the role settings makes them of the inventory.
EDGES = [{"name": "edge1", "address": "10.1.0.41"}, {"name": "edge2", "address": "10.1.0.42"}]


def secret(extension: int) -> str:
    """Return an extension's registration password in these tests."""
    return f"sip&{extension}<\"'>"


def where(server: mariadb.Server) -> dict:
    """Return how the service connects: as the roles let it."""
    return {"unix_socket": server.socket, "user": USER, "password": PASSWORD, "name": DATABASE}


@contextlib.contextmanager
def with_phones(server: mariadb.Server, aliases: int) -> Iterator[Cluster]:
    """Yield a cluster of three dialers whose phones have passwords, and the login service's user.

    Args:
        server: where.
        aliases: how many, from 1001x.
    """
    mariadb.create_database(server, DATABASE)
    with server.connect(DATABASE) as connection:
        cluster = Cluster(connection)
        cluster.add_even_floor(dialers=3, aliases=aliases)
        for extension in range(1001, 1001 + aliases):
            cluster.run(
                "UPDATE phones SET conf_secret = %s, pass = %s WHERE extension = %s",
                (secret(extension), f"secret{extension}", str(extension)),
            )
        cluster.keep_alive()
        make_function(cluster)
        cluster.run(f"CREATE OR REPLACE USER {USER}@localhost IDENTIFIED BY '{PASSWORD}'")
        for table, privileges in granted("flavor_plain", "flavor_plain_login_tables").items():
            cluster.run(f"GRANT {privileges} ON {DATABASE}.{table} TO {USER}@localhost")
        grant_function(cluster, f"{USER}@localhost")
        yield cluster
        for user in (USER, PROVISION):
            cluster.run(f"DROP USER IF EXISTS {user}@localhost")


def make_function(cluster: Cluster) -> None:
    """Make the functions and their owner, with what the roles grant it."""
    cluster.run(f"CREATE USER IF NOT EXISTS {PROVISION}@localhost")
    for table, privileges in granted("flavor_plain", "flavor_plain_provisioning_tables").items():
        cluster.run(f"GRANT {privileges} ON {DATABASE}.{table} TO {PROVISION}@localhost")
    environment = jinja2.Environment(  # noqa: S701
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(ROLES / "database/templates"),
        trim_blocks=True,
    )
    for name, template in TEMPLATES.items():
        cluster.run(
            environment.get_template(template).render(
                database_provisioning_user=PROVISION,
                database_name=DATABASE,
                database_function=name,
                database_function_made_of="a test",
                cluster_edges=EDGES,
            )
        )


def grant_function(cluster: Cluster, user: str) -> None:
    """Let a user ask the function, as the role does."""
    for what, privileges in FUNCTIONS.items():
        kind, _space, name = what.partition(" ")
        cluster.run(f"GRANT {privileges} ON {kind} {DATABASE}.{name} TO {user}")


def give_token(cluster: Cluster, alias_id: str) -> str:
    """Give an alias a new token; returns it."""
    token = secrets.token_urlsafe(32)
    hashed = hashlib.sha256(proof_of(token).encode()).hexdigest()
    cluster.run(
        "REPLACE INTO evenfloor_phone_tokens (alias_id, token_hash) VALUES (%s, %s)",
        (alias_id, hashed),
    )
    return token
