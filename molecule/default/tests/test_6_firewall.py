"""A dialer's firewall: strangers at its SIP port, and phones that encrypt."""

import hashlib
import re
import socket
import ssl

import pytest

from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("nobody_logged_in")

#: dialer1 lets phones of the cluster's half of the network in, dialer2 everybody.
FILTERED, OPEN = "dialer1", "dialer2"
#: A stranger is on this host, at an address of the other half.
OUTSIDE, STRANGER = "login1", "10.96.0.201"
FIRST, TRIED = 100, 1000
REGISTER = (
    "REGISTER sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{branch};rport\r\n"
    "From: <sip:{extension}@{to}>;tag=1\r\nTo: <sip:{extension}@{to}>\r\n"
    "Call-ID: {branch}@{me}\r\nCSeq: {number} REGISTER\r\nContact: <sip:{extension}@{me}>\r\n"
    "Max-Forwards: 70\r\n{proof}Content-Length: 0\r\n\r\n"
)
#: sipp's scenario: asks for the extension of a line, and then for that of the next.
SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="scan">
  <send><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="401" timeout="500"/>
</scenario>
"""
SCAN = (
    "cd /run/scan && sipp -sf scan.xml -inf extensions.csv -i {me} -p 5099 -m {count} -r 200 -nr"
    " -nostdin -timeout 60s -trace_msg -message_file messages {to}:5060 > /dev/null 2>&1;"
    " grep -ao '^SIP/2.0 [0-9]*' messages | sort | uniq -c; rm -f messages"
)


@pytest.fixture(scope="module")
def stranger(cluster):
    """A host has an address from which no phone comes, and a scanner. Bans end afterwards."""
    route = cluster.run(OUTSIDE, f"ip -o -4 route get {cluster.address(OPEN)}").split()
    device = route[route.index("dev") + 1]
    lines = "SEQUENTIAL\n" + "".join(f"{FIRST + number};\n" for number in range(TRIED))
    cluster.run(
        OUTSIDE,
        f"ip address replace {STRANGER}/24 dev {device}; mkdir -p /run/scan"
        f" && cat > /run/scan/scan.xml <<'END'\n{SCENARIO}END\n"
        f"cat > /run/scan/extensions.csv <<'END'\n{lines}END\n"
        "which sipp || { apt-get update && apt-get install --yes sip-tester; }",
    )
    yield STRANGER
    cluster.run(OUTSIDE, f"ip address del {STRANGER}/24 dev {device}; rm -r /run/scan")
    for dialer in cluster.dialers:
        cluster.run(dialer, "fail2ban-client unban --all")


def scan(cluster, dialer: str) -> dict[str, int]:
    """Have the stranger try all extensions; returns how often each answer came."""
    text = cluster.run(OUTSIDE, SCAN.format(me=STRANGER, to=cluster.address(dialer), count=TRIED))
    return {line.split()[2]: int(line.split()[0]) for line in text.splitlines()}


def dropped(cluster) -> int:
    """Count the packets that the filter has dropped."""
    rules = cluster.run(FILTERED, "nft list chain inet evenfloor phone")
    return int(re.search(r"counter packets (\d+) bytes \d+ drop", rules).group(1))


def banned(cluster, dialer: str) -> list[str]:
    """List the addresses that fail2ban keeps out of a dialer."""
    status = cluster.run(dialer, "fail2ban-client status asterisk")
    return status.partition("Banned IP list:")[2].split()


def test_a_stranger_gets_no_answer_from_a_dialer_with_a_filter(cluster, stranger):
    before = dropped(cluster)
    assert scan(cluster, FILTERED) == {}
    assert dropped(cluster) - before >= TRIED
    assert banned(cluster, FILTERED) == []


def test_the_filter_leaves_ssh_alone(cluster, stranger):
    where = (cluster.address(FILTERED), 22)
    knock = (
        f"import socket; s = socket.create_connection({where}, {PATIENCE}, ('{stranger}', 0));"
        " print(s.recv(100))"
    )
    assert "SSH-2.0" in cluster.run(OUTSIDE, f'python3 -c "{knock}"')


def test_a_scanner_finds_no_extension_and_is_banned(cluster, stranger):
    assert {"101", "102"} <= set(cluster.registered(OPEN))
    answers = scan(cluster, OPEN)
    assert set(answers) == {"401"}
    cluster.wait_until(lambda: banned(cluster, OPEN) == [stranger], PATIENCE, "it is banned")
    # What has been let in before the ban is answered; now nothing is.
    assert scan(cluster, OPEN) == {}
    assert {"101", "102"} <= set(cluster.registered(OPEN))


class Asker:
    """Somebody in a network from which phones come, who registers by hand.

    Args:
        server_ip: the dialer's address.
    """

    def __init__(self, server_ip: str):
        self.server_ip = server_ip
        self._number = 0

    def ask(self, extension: str, proof: str = "") -> list[str]:
        """Register an extension; returns the answer without what differs each time."""
        self._number += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(PATIENCE)
            phone.connect((self.server_ip, 5060))
            me = "{}:{}".format(*phone.getsockname())
            phone.send(
                REGISTER.format(
                    to=self.server_ip, me=me, branch=f"a{id(self)}{self._number}",
                    extension=extension, number=self._number, proof=proof,
                ).encode()
            )  # fmt: skip
            self.answer = phone.recv(4000).decode()
        lines = self.answer.replace(extension, "EXTENSION").splitlines()
        changing = ("Via:", "Call-ID:", "CSeq:", "WWW-Authenticate:", "To:")
        return [line for line in lines if not line.startswith(changing)]

    def guess(self, extension: str) -> list[str]:
        """Register an extension with a wrong password."""
        self.ask(extension)
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', self.answer))
        uri = f"sip:{self.server_ip}"
        first = f"{extension}:{challenge['realm']}:wrong"
        parts = [first, challenge["nonce"], "00000001", "abc", "auth", f"REGISTER:{uri}"]
        parts[0], parts[-1] = (hashlib.md5(parts[i].encode()).hexdigest() for i in (0, -1))  # noqa: S324
        response = hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324
        return self.ask(
            extension,
            f'Authorization: Digest username="{extension}", realm="{challenge["realm"]}",'
            f' nonce="{challenge["nonce"]}", uri="{uri}", response="{response}", qop=auth,'
            f' nc=00000001, cnonce="abc", algorithm=MD5, opaque="{challenge["opaque"]}"\r\n',
        )


@pytest.mark.parametrize("dialer", [FILTERED, OPEN])
def test_an_extension_that_exists_is_answered_like_one_that_does_not(cluster, dialer):
    asker = Asker(cluster.address(dialer))
    unknown, known = asker.ask("9101"), asker.ask("101")
    assert unknown == known
    assert unknown[0] == "SIP/2.0 401 Unauthorized"
    assert asker.guess("9101") == asker.guess("101") == unknown


def test_a_phone_with_a_wrong_password_does_not_get_its_office_banned(cluster):
    asker = Asker(cluster.address(FILTERED))
    log = "/var/log/asterisk/security"
    seen = f"grep -c 'ChallengeResponseFailed.*\"9102\\|InvalidAccountID.*\"9102' {log} || true"
    for _attempt in range(10):
        asker.guess("9102")
    cluster.wait_until(
        lambda: int(cluster.run(FILTERED, seen)) >= 10, PATIENCE, "Asterisk has noticed them"
    )
    assert banned(cluster, FILTERED) == []


def test_the_filter_comes_back_when_all_rules_are_loaded_anew(cluster):
    cluster.run(FILTERED, "systemctl restart nftables")
    loaded = "nft list table inet evenfloor > /dev/null 2>&1 && echo loaded || true"
    cluster.wait_until(
        lambda: cluster.run(FILTERED, loaded).strip() == "loaded", PATIENCE, "the filter is there"
    )


def with_tls(cluster) -> list[str]:
    """List the dialers that serve SIP over TLS."""
    return [d for d in cluster.dialers if cluster.hostvars[d].get("phone_transport") != "udp"]


def test_a_seat_registers_over_tls_and_the_other_does_not(cluster):
    assert with_tls(cluster)
    for dialer in with_tls(cluster):
        # The list of contacts cuts their addresses off.
        lines = cluster.asterisk(dialer, "database show registrar").splitlines()
        over_tls = [line for line in lines if "transport=tls" in line.lower()]
        encrypted = {line.split(";")[0].rpartition("/")[2] for line in over_tls}
        assert encrypted == {"101", "102", "103", "104"}, lines


@pytest.mark.parametrize("trusts", [True, False])
def test_a_dialer_proves_its_address_to_who_trusts_the_cluster(cluster, trusts):
    authority = cluster.run("login1", "cat /etc/evenfloor/ca.pem") if trusts else None
    context = ssl.create_default_context(cadata=authority)
    for dialer in with_tls(cluster):
        where = (cluster.address(dialer), 5061)
        with socket.create_connection(where, PATIENCE) as plain:
            if trusts:
                with context.wrap_socket(plain, server_hostname=where[0]) as wrapped:
                    assert wrapped.version() == "TLSv1.2"
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    context.wrap_socket(plain, server_hostname=where[0])


#: Lengths of a packet of 20 ms of sound, with UDP's header: SRTP adds ten bytes.
PLAIN, ENCRYPTED = 180, 190
COUNTERS = "nft delete table inet sound 2> /dev/null; nft -f - <<'END'\ntable inet sound {{\n" \
    "chain input {{\ntype filter hook input priority -10;\n" \
    "ip saddr {seat} udp length {plain} counter\nip saddr {seat} udp length {encrypted} counter\n" \
    "}}\n}}\nEND"  # fmt: skip


def sound(cluster, aliases: list[str], seat: str) -> tuple[bool, bool]:
    """Have an agent talk on a dialer with TLS; returns whether sound is plain, and encrypted."""
    for alias in aliases:
        session = cluster.login(alias)
        dialer = cluster.dialer_of(session["server_ip"])
        cluster.wait_for_call(session)
        if dialer in with_tls(cluster):
            break
    cluster.run(
        dialer, COUNTERS.format(seat=cluster.address(seat), plain=PLAIN, encrypted=ENCRYPTED)
    )

    def counts() -> list[int]:
        text = cluster.run(dialer, "nft list table inet sound")
        return [int(number) for number in re.findall(r"counter packets (\d+)", text)]

    try:
        cluster.wait_until(lambda: sum(counts()) > 50, PATIENCE, "a second of sound")
        plain, encrypted = counts()
        return plain > 0, encrypted > 0
    finally:
        cluster.run(dialer, "nft delete table inet sound")


def test_sound_is_encrypted_on_the_seat_with_tls_and_not_on_the_other(cluster):
    assert sound(cluster, ["101x", "102x", "103x"], "seat1") == (False, True)
    cluster.logout_everybody()
    assert sound(cluster, ["105x", "106x", "107x"], "seat2") == (True, False)


def test_asterisk_is_not_started_anew_while_agents_talk(cluster):
    session = cluster.login("101x")
    dialer = cluster.dialer_of(session["server_ip"])
    before = cluster.wait_for_call(session)
    cluster.run(dialer, "touch /etc/asterisk/rtp.conf")
    try:
        done = cluster.playbook("playbooks/site.yml", "--tags", "dialers", "--limit", dialer)
    finally:
        cluster.run(dialer, "touch -r /etc/asterisk/confbridge.conf /etc/asterisk/rtp.conf")
    assert "agents talk, so Asterisk isn't started anew" in done.stdout
    assert cluster.calls(dialer)["101"].channel == before.channel
