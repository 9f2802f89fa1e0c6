"""baresip as Debian has it, on a host of a cluster, with the accounts that it fetched once."""

from __future__ import annotations

import shlex

from tests.host_phone import HostPhone
from tests.waiting import PATIENCE

FOLDER = "/root/baresip"
UNIT = "baresip-test"
#: A tone instead of a microphone; what comes in is decoded and thrown away.
CONFIGURATION = """sip_listen 0.0.0.0:5080
sip_trans_def udp
call_local_timeout 120
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 1
audio_level no
rtp_ports 30000-30100
rtp_timeout 10
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module_tmp account.so
module_app menu.so
module_app debug_cmd.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:5081
sip_autoanswer_beep no
ringback_disabled yes
"""


class Baresip(HostPhone):
    """One baresip; its accounts are those that it has fetched."""

    folder = FOLDER

    def install(self) -> None:
        """Install it, and let it fetch its accounts."""
        self._cluster.run(
            self._host,
            f"mkdir -p {FOLDER} && {{ which baresip || apt-get install -y -q"
            " --no-install-recommends baresip-core curl; } > /dev/null",
        )
        self._run(f"umask 077; printf %s {shlex.quote(CONFIGURATION)} > config")
        self.fetch(self._address)

    def fetch(self, *addresses: str) -> None:
        """Let it have the accounts that are at these addresses, from its next start on."""
        fetch = f"curl -sS --fail --cacert /etc/evenfloor/ca.pem {shlex.join(addresses)}"
        self._run(f"umask 077; {fetch} > accounts")

    def accounts(self) -> str:
        """Return its file of accounts."""
        return self._run("cat accounts")

    def start(self) -> None:
        """Start it, anew if a test that was cut off has left one."""
        self._run(
            f"systemctl stop {UNIT} 2> /dev/null; systemd-run -q --collect --unit={UNIT}"
            f" -p WorkingDirectory={FOLDER} baresip -f {FOLDER}"
        )
        self._cluster.wait_until(
            lambda: self._run(f"systemctl is-active {UNIT} || true").strip() == "active",
            PATIENCE,
            "baresip runs",
        )

    def hang_up(self) -> None:
        """End the call at the phone."""
        ask = 's.sendall(b\'20:{"command":"hangup"},\'); s.recv(1000)'
        connect = "import socket; s = socket.create_connection(('127.0.0.1', 5081), 10)"
        self._run(f"python3 -c {shlex.quote(f'{connect}; {ask}')}")

    def stop(self) -> None:
        """End it; with a signal that leaves it no time to say goodbye."""
        self._run(f"systemctl kill -s KILL {UNIT}; systemctl stop {UNIT} || true")
