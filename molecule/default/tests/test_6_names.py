"""What VICIdial's forms let people type into a phone's name stays a name in Asterisk."""

import re

import pytest
import yaml

from tests.state import wait_until_settled

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

DIALER = "dialer2"
TYPED = 'a;b "c" [x](!)\n[evil]\ntype = endpoint\nZoë #1'
#: Line ends are spaces, and quotes are left out.
HEARD = "a;b c [x](!) [evil] type = endpoint Zoë #1"
#: What every playbook does about a dialer's endpoints, and nothing that sets the phones' names.
ENDPOINTS = {
    "hosts": DIALER,
    "gather_facts": False,
    "module_defaults": {
        "group/evenfloor.cluster.database": {
            "database": "{{ database_name }}",
            "cluster_flavor": "{{ cluster_flavor }}",
        }
    },
    "roles": ["evenfloor.cluster.settings"],
    "tasks": [
        {
            "name": "Write the endpoints",
            "ansible.builtin.include_role": {
                "name": "evenfloor.cluster.dialer",
                "tasks_from": "endpoints",
            },
        }
    ],
}


def endpoints(cluster) -> set[str]:
    """Return the names of the endpoints that Asterisk has."""
    shown = cluster.asterisk(DIALER, "pjsip show endpoints")
    return set(re.findall(r"^ Endpoint:  ([^/\s<]+)", shown, re.M))


def name_phone(cluster, name: str) -> None:
    """Write a phone's name into the database, as a form would."""
    cluster.sql(
        f"UPDATE phones SET fullname = CONVERT(UNHEX('{name.encode().hex()}') USING utf8mb4)"
        f" WHERE extension = '101' AND server_ip = '{cluster.address(DIALER)}'"
    )


@pytest.fixture
def write_endpoints(cluster, tmp_path):
    """A function that writes the dialer's endpoints; after the test they are as before."""
    book = tmp_path / "endpoints.yml"
    book.write_text(yaml.safe_dump([ENDPOINTS]))

    def write():
        return cluster.playbook(str(book))

    yield write
    name_phone(cluster, "Agent 101")
    write()
    wait_until_settled(cluster)


def test_a_name_with_the_marks_of_asterisks_files_is_read_as_a_name(cluster, write_endpoints):
    before = endpoints(cluster)
    assert "101" in before
    name_phone(cluster, TYPED)
    assert "changed=0" not in write_endpoints().stdout.partition("PLAY RECAP")[2]
    cluster.wait_until(
        lambda: f'"{HEARD}" <101>' in cluster.asterisk(DIALER, "pjsip show endpoint 101"),
        60,
        "the phone has its new caller id",
    )
    assert endpoints(cluster) == before
    assert "changed=0" in write_endpoints().stdout.partition("PLAY RECAP")[2]
