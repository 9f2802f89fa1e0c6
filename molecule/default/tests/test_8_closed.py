"""An alias that goes while its agent talks, and comes back."""

import subprocess

import pytest

from lab.cluster import PLAIN, ROOT
from tests.state import wait_until_settled
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

GOING = "107"
CONFIRMED = ["-e", "phone_aliases_confirmed=true"]
ALIASES = "SELECT alias_id, logins_list FROM phones_alias ORDER BY alias_id"
PHONES = "SELECT login, server_ip, pass, conf_secret, active FROM phones ORDER BY login, server_ip"


@pytest.fixture
def edit(cluster):
    """A function that takes the alias out of the inventory; afterwards it is there as before."""
    files = {
        cluster.inventory / "group_vars/all/edited.yml": (
            '---\nphone_aliases:\n  - extensions: ["101-106", "109-110"]\n'
        ),
        cluster.inventory / "host_vars/seat2.yml": (
            '---\nsoftphone_extensions: ["105-106", "109-110"]\n'
        ),
    }
    before = {path: path.read_text() for path in files}

    def take_out():
        for path, text in files.items():
            path.write_text(text)

    def put_back():
        for path, text in before.items():
            path.write_text(text)

    yield take_out, put_back
    put_back()
    cluster.playbook("playbooks/aliases.yml")


def phones_of(cluster) -> list[list[str]]:
    return [row for row in cluster.sql(PHONES) if row[0].startswith(GOING)]


def test_the_call_goes_on_and_the_phone_goes_after_it_and_comes_back(cluster, edit):
    take_out, put_back = edit
    aliases, phones = cluster.sql(ALIASES), cluster.sql(PHONES)
    session, user = cluster.login(f"{GOING}x"), f"agent{GOING}x"
    before, dialer = cluster.wait_for_call(session), cluster.dialer_of(session["server_ip"])
    take_out()
    with subprocess.Popen(
        ["ansible-playbook", "-i", cluster.inventory, "playbooks/aliases.yml", *CONFIRMED],
        cwd=ROOT, env=PLAIN, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as run:  # fmt: skip
        printed = []
        for line in run.stdout:
            printed.append(line)
            if f"closed phones: 1 agent ({user}) left" in line:
                break
        # Everything else of the run is done.
        assert f"{GOING}x" not in [row[0] for row in cluster.sql(ALIASES)], "".join(printed)
        assert [row[1::3] for row in phones_of(cluster)] == [[session["server_ip"], "N"]]
        now = cluster.calls(dialer)[GOING]
        assert (now.channel, now.seconds > before.seconds) == (before.channel, True)
        cluster.logout(user)
        printed += run.stdout
        assert run.wait() == 0, "".join(printed)
    assert phones_of(cluster) == []
    wait_until(lambda: GOING not in cluster.registered(dialer), PATIENCE, "the phone is gone")
    assert f" {GOING}/" not in cluster.asterisk(dialer, "pjsip show endpoints")

    put_back()
    output = cluster.playbook("playbooks/aliases.yml").stdout
    assert "To undo it" in output
    assert cluster.sql(ALIASES) == aliases
    assert cluster.sql(PHONES) == phones
    wait_until_settled(cluster)
