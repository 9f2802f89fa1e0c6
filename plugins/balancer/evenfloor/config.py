"""/etc/evenfloor/evenfloor.ini, and EVENFLOOR_<SECTION>_<KEY> in the environment over it."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from .errors import ConfigurationError
from .policy import AUTO, IGNORE, NO_GUARD, PREFER, REQUIRE, Guard, Rules

DEFAULT_PATH = "/etc/evenfloor/evenfloor.ini"
OFF = "off"
TRANSPORTS = (OFF, "udp", "tls")
REGISTRATIONS = (AUTO, PREFER, REQUIRE, IGNORE)


def _number(default: float, least: float, most: float = 2**31):
    """A setting that is a number within bounds."""
    return field(  # pylint: disable=invalid-field-call
        default=default, metadata={"least": least, "most": most}
    )


def _port(default: int):
    return _number(default, 1, 65535)


@dataclass(frozen=True)
class DatabaseConfig:
    """How the database is reached. A ``unix_socket``, where given, wins over host and port.

    ``host`` may be several, separated by commas: the one that takes writes is used.
    Over the network, ``tls_ca`` names the file with the authority that has signed the database's
    certificate: without such a certificate for ``host`` there is no connection.
    """

    host: str = "127.0.0.1"
    port: int = _port(3306)
    unix_socket: str = ""
    name: str = "asterisk"
    user: str = "evenfloor"
    password: str = field(default="", repr=False)
    tls_ca: str = ""


@dataclass(frozen=True)
class BalancerConfig:
    """How the choice is made. Times are in seconds. The guard is that of the policy."""

    heartbeat_timeout: int = _number(5, 1)
    lock_timeout: int = _number(3, 0, 300)
    request_timeout: float = _number(10, 1, 25)
    registration: str = PREFER
    settling: int = _number(0, 0, 3600)
    reservation_ttl: int = _number(10, 1, 3600)
    decisions_kept: int = _number(30 * 24 * 3600, 0)
    #: On which UDP port daemons listen for datagrams; 0 sends none.
    wake_port: int = _number(0, 0, 65535)
    guard_load: int = _number(0, 0, 1000)
    guard_channels: int = _number(0, 0, 65535)
    guard_idle: int = _number(0, 0, 50)

    @property
    def rules(self) -> Rules:
        """The rules of a choice, without what a campaign and the database say."""
        return Rules(
            heartbeat_timeout=self.heartbeat_timeout,
            registration=self.registration,
            settling=self.settling,
            guard=Guard(self.guard_load, self.guard_channels, self.guard_idle),
        )

    @property
    def is_guarded(self) -> bool:
        """Whether it matters how busy dialers are."""
        return self.rules.guard != NO_GUARD


@dataclass(frozen=True)
class LoginConfig:
    """Where the login service listens, and the secrets that all login hosts of a cluster share.

    Attributes:
        address: where it listens.
        port: and on which port.
        workers: how many processes serve.
        session_secret: signs sessions; without it there are none.
        operator_token: what operators show; without it only the host itself is one.
        metrics_token: what a Prometheus shows, who may read the metrics and nothing else. While it
            is changed, there are two, separated by a comma.
        chart_library: the file with Chart.js, which draws the page of a day; where there is none,
            nothing is drawn.
    """

    address: str = "127.0.0.1"
    port: int = _port(8080)
    workers: int = _number(4, 1)
    session_secret: str = field(default="", repr=False)
    operator_token: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    chart_library: str = "/usr/share/javascript/chart.js/chart.min.js"


@dataclass(frozen=True)
class ProvisioningConfig:
    """Whether phones fetch their accounts here, and how they reach the dialers.

    Attributes:
        transport: ``udp`` or ``tls``; ``off`` where phones fetch nothing.
        udp_port: the dialers' port for SIP over UDP.
        tls_port: and over TLS.
        udp_dialers: the short names of dialers that serve UDP alone, separated by commas.
        interval: how often a registration is renewed, in seconds.
        needs_tls: 1 where only who comes over TLS gets an answer.
    """

    transport: str = OFF
    udp_port: int = _port(5060)
    tls_port: int = _port(5061)
    udp_dialers: str = ""
    interval: int = _number(60, 30, 3600)
    needs_tls: int = _number(1, 0, 1)

    @property
    def is_on(self) -> bool:
        """Whether phones are provisioned."""
        return self.transport != OFF


@dataclass(frozen=True)
class BrowserPhoneConfig:
    """Whether the login page is the phone of some aliases.

    Attributes:
        script: the file with JsSIP; empty where it isn't anybody's phone.
        port: the dialers' port for SIP over WebSocket with TLS.
    """

    script: str = ""
    port: int = _port(8089)


@dataclass(frozen=True)
class DialerConfig:
    """What the daemon on a dialer needs. Times are in seconds."""

    server_ip: str = ""
    ami_host: str = "127.0.0.1"
    ami_port: int = _port(5038)
    ami_user: str = "evenfloor"
    ami_secret: str = field(default="", repr=False)
    #: The pause between two questions for actions, at least.
    poll_interval: float = _number(0.05, 0.001, 60)
    #: The UDP port on which datagrams come; 0 where none do.
    wake_port: int = _number(0, 0, 65535)
    ring_timeout: int = _number(30, 1, 3600)
    #: Calls that may end within a minute because their rows are gone.
    max_orphans: int = _number(3, 0, 1000)


@dataclass(frozen=True)
class Config:
    """The whole configuration, a section an attribute."""

    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    balancer: BalancerConfig = field(default_factory=BalancerConfig)
    login: LoginConfig = field(default_factory=LoginConfig)
    provisioning: ProvisioningConfig = field(default_factory=ProvisioningConfig)
    browser_phone: BrowserPhoneConfig = field(default_factory=BrowserPhoneConfig)
    dialer: DialerConfig = field(default_factory=DialerConfig)


#: The types that settings have, and what is said where a text is none of them.
_KINDS = {"str": (str, "a text"), "int": (int, "a whole number"), "float": (float, "a number")}

_SECTIONS = {part.name: part.default_factory for part in fields(Config)}


def _converted(setting, text: str, where: str):
    kind, wanted = _KINDS[setting.type]
    try:
        value = kind(text)
    except ValueError:
        raise ConfigurationError(f"{where}: '{text}' is not {wanted}") from None
    bounds = setting.metadata
    if bounds and not bounds["least"] <= value <= bounds["most"]:
        raise ConfigurationError(
            f"{where}: {text} is not between {bounds['least']} and {bounds['most']}"
        )
    return value


def _section(name: str, values: Mapping[str, str], environment: Mapping[str, str]):
    section = _SECTIONS[name]
    settings = {setting.name: setting for setting in fields(section)}
    unknown = sorted(set(values) - set(settings))
    if unknown:
        raise ConfigurationError(
            f"[{name}] {unknown[0]} is not a setting; known are {', '.join(sorted(settings))}"
        )
    chosen = {
        key: _converted(settings[key], text, f"[{name}] {key}") for key, text in values.items()
    }
    for key, setting in settings.items():
        variable = f"EVENFLOOR_{name}_{key}".upper()
        if variable in environment:
            chosen[key] = _converted(setting, environment[variable], variable)
    return section(**chosen)


def service_path() -> str:
    """Return which file the login service reads: $EVENFLOOR_CONFIG, if there is such a variable."""
    return os.environ.get("EVENFLOOR_CONFIG", DEFAULT_PATH)


def load(  # pylint: disable=dangerous-default-value
    path: str = DEFAULT_PATH, environment: Mapping[str, str] = os.environ
) -> Config:
    """Read the configuration.

    Args:
        path: the INI file.
        environment: where the overriding variables are looked up.

    Raises:
        ConfigurationError: the file can't be read, or holds a section, key or value that is
            not known.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from None
    except configparser.Error as error:
        raise ConfigurationError(f"{path} is not an INI file: {error}") from None
    unknown = sorted(set(parser.sections()) - set(_SECTIONS))
    if unknown:
        raise ConfigurationError(
            f"{path}: [{unknown[0]}] is not a section; known are {', '.join(_SECTIONS)}"
        )
    config = Config(
        **{
            name: _section(name, parser[name] if name in parser else {}, environment)
            for name in _SECTIONS
        }
    )
    _check_word("[balancer] registration", config.balancer.registration, REGISTRATIONS)
    _check_word("[provisioning] transport", config.provisioning.transport, TRANSPORTS)
    return config


def _check_word(where: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ConfigurationError(f"{where}: '{word}' is none of {', '.join(known)}")


def main() -> int:
    """Say whether the login service can use its configuration.

    Returns:
        0 if it can, else 2.
    """
    try:
        load(service_path())
    except ConfigurationError as error:
        print(f"evenfloor: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
