"""The units that roles write: a service may do little, and comes back whatever ended it."""

import configparser
import functools
import re
import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest

ROOT = Path(__file__).parents[2]
#: Services that run; what is done once at a start is over before anybody could reach it.
UNITS = {
    path.name.removesuffix(".j2"): path
    for path in ROOT.glob("roles/*/templates/*.service.j2")
    if "Type=oneshot" not in path.read_text()
}
#: What ``systemd-analyze security`` may find at most.
MOST_EXPOSURE = 2.0
#: The oldest systemd that judges a file.
FIRST_OFFLINE = 250


@functools.cache
def systemd() -> int:
    """Return this machine's release of systemd; 0 where there is none."""
    if shutil.which("systemd-analyze") is None:
        return 0
    said = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True)
    return int(re.search(r"systemd ([0-9]+)", said.stdout)[1])


def render(name: str) -> str:
    """Render a unit as its role does."""
    path = UNITS[name]
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701
    variables = {
        "ansible_managed": "Ansible managed",
        "balancer_home": "/opt/evenfloor",
        "balancer_port": 8080,
        "balancer_workers": 4,
        "cluster_database_health_port": 3307,
        "database_address": "10.0.0.10",
        "database_cluster_health_program": "/usr/local/sbin/evenfloor-database-health",
        "database_cluster_health_user": "evenfloor_health",
        "database_socket_path": "/run/mysqld/mysqld.sock",
        "dialer_asterisk_binary": "/usr/sbin/asterisk",
        "login_service_addresses": ["127.0.0.1"],
        "role_path": str(path.parents[1]),
    }

    def lookup(_plugin: str, other: str) -> str:
        return environment.from_string(Path(other).read_text()).render(variables)

    return environment.from_string(path.read_text()).render(variables, lookup=lookup)


@pytest.fixture(params=sorted(UNITS))
def unit(request, tmp_path) -> Path:
    path = tmp_path / request.param
    path.write_text(render(request.param))
    return path


def settings(unit: Path) -> configparser.ConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters="=", comment_prefixes="#")
    parser.optionxform = str
    parser.read_string(unit.read_text().replace("\\\n", " "))
    return parser


needs_systemd = pytest.mark.skipif(
    systemd() < FIRST_OFFLINE, reason=f"needs systemd {FIRST_OFFLINE} or newer"
)


@needs_systemd
def test_a_service_is_exposed_to_little(unit):
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)[1])
    assert exposure <= MOST_EXPOSURE, said.stdout


@needs_systemd
def test_systemd_knows_every_line(unit):
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    ours = [line for line in said.stderr.splitlines() if line.startswith(str(unit))]
    assert [line for line in ours if "ignoring" in line.lower() or "Unknown" in line] == []


def test_a_service_comes_back_however_often_it_ends(unit):
    read = settings(unit)
    assert read["Unit"]["StartLimitIntervalSec"] == "0"
    assert read["Service"]["Restart"] == "always"


def test_a_service_that_leaks_is_ended_before_its_host_suffers(unit):
    read = settings(unit)
    assert re.fullmatch(r"[0-9]+M", read["Service"]["MemoryMax"])
    assert read["Service"]["MemorySwapMax"] == "0"


def test_a_configuration_that_cannot_be_used_does_not_reach_the_login_services_processes():
    reloads = re.findall("^ExecReload=(.*)$", render("evenfloor-login.service"), re.MULTILINE)
    assert reloads[0] == "/opt/evenfloor/venv/bin/python -m evenfloor.config"
    assert "/bin/kill -HUP $MAINPID" in reloads[1:]
