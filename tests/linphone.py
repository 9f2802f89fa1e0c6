"""Linphone as Debian has it, on a host of a cluster: it knows one address, and nothing else."""

from __future__ import annotations

import shlex

from tests.host_phone import HostPhone
from tests.waiting import PATIENCE

FOLDER = "/root/linphone"
UNIT = "linphone-test"
#: All that somebody who pastes the address gives it.
CONFIGURATION = """[misc]
config-uri={address}
[sip]
root_ca=/etc/ssl/certs/ca-certificates.crt
[net]
mtu=1300
"""
#: A tone of a minute, instead of a microphone.
TONE = """
import array, math, wave
with wave.open("tone.wav", "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
    sound = [int(8000 * math.sin(at / 4)) for at in range(8000 * 60)]
    file.writeframes(array.array("h", sound).tobytes())
"""
#: Its commands come through a pipe that stays open.
RUN = """
rm -f in; mkfifo in; exec 3<> in
linphonec -a -c rc -d 6 -l log < in > out 2>&1
"""


class Linphone(HostPhone):
    """One Linphone."""

    folder = FOLDER

    def install(self) -> None:
        """Install it, and let the computer trust the cluster's authority."""
        text = CONFIGURATION.format(address=self._address)
        self._cluster.run(
            self._host,
            f"mkdir -p {FOLDER}/.local/share/linphone && cd {FOLDER} && which linphonec ||"
            " { apt-get update -q && apt-get install -y -q --no-install-recommends linphone-cli; }"
            " > /dev/null && cp /etc/evenfloor/ca.pem /usr/local/share/ca-certificates/test.crt"
            " && update-ca-certificates > /dev/null",
        )
        self._run(f"umask 077; printf %s {shlex.quote(text)} > rc; echo {shlex.quote(RUN)} > run")
        self._run(f"python3 -c {shlex.quote(TONE)}")

    def start(self) -> None:
        """Start it, with files instead of a sound card."""
        self._run(
            f"systemd-run -q --collect --unit={UNIT} -p WorkingDirectory={FOLDER}"
            f" -E HOME={FOLDER} bash run"
        )
        self._cluster.wait_until(
            lambda: "GlobalOn" in self._run("cat log 2> /dev/null || true"),
            PATIENCE,
            "Linphone has started",
        )
        self._run("echo soundcard use files > in; echo play tone.wav > in")

    def stop(self) -> None:
        """End it."""
        self._run(f"systemctl stop {UNIT}; rm -f log")
